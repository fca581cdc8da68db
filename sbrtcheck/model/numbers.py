"""Numbers as shown. Only here is anything rounded, and never so that a missed limit reads as met, or the reverse."""

from __future__ import annotations

import math

NEAR_LIMIT = 0.01
# No table prints a limit with more characters.
_PRINTED = 7
_MAX_DECIMALS = 17
_COMPARATORS = {"<", "<=", ">", ">="}


def exact(number: float) -> str:
    """A number in full, as the table prints it: 40, 17.4, 0.035."""
    text = repr(float(number))
    return text.removesuffix(".0")


def format_limit(limit: float, *values: float | None, unit: str = "") -> str:
    """A limit as its table prints it; an interpolated one, which no table prints, with as few decimals as it takes to
    leave every value beside it on its side."""
    text = exact(limit)
    if len(text) <= _PRINTED or abs(limit) >= 1e7:
        return text
    present = [value for value in values if value is not None and math.isfinite(value)]
    for decimals in range(2, _MAX_DECIMALS):
        short = f"{limit:.{decimals}f}"
        kept = all(
            relation(shown, float(short)) == relation(value, limit)
            for value in present
            for shown in (value, float(format_value(value, limit, "<=", unit)))
        )
        if kept:
            return short
    return text


def _decimals(value: float, unit: str) -> int:
    size = abs(value)
    if not unit and value.is_integer():
        return 0
    if unit == "cc":
        return 0 if size >= 1000 else 1 if size >= 10 else 2
    if unit == "%":
        return 1
    return 1 if size >= 10 else 2


def format_value(
    value: float | None, limit: float | None = None, comparator: str = "", unit: str = "", *, decimals: int = 0
) -> str:
    """A value as shown beside its limit, without the unit.

    One or two decimals by unit ([Gy], [%], [cc]); one more within 1 % of the limit; then as many more as it takes for
    the shown number to lie on the same side of the limit as the unrounded one: above it, below it, or exactly on it. So
    rounding cannot turn a missed limit into a met one, nor the reverse. None and what is not finite give "-".

    Args:
        value: the unrounded value, in ``unit``.
        limit: what it is compared with, in ``unit``; None when nothing is.
        comparator: <, <=, > or >=; "" when nothing is compared.
        unit: "Gy", "%", "cc" or "".
        decimals: at least so many.
    """
    if value is None or not math.isfinite(value):
        return "-"
    if abs(value) >= 1e7:
        return exact(value)
    least, decimals = decimals, _decimals(value, unit)
    if limit is None or not math.isfinite(limit) or comparator not in _COMPARATORS:
        return _fixed(value, max(decimals, least))
    if value != limit and abs(value - limit) <= NEAR_LIMIT * abs(limit):
        decimals = max(decimals, 1) + 1
    decimals = max(decimals, least)
    while decimals <= _MAX_DECIMALS:
        text = _fixed(value, decimals)
        if relation(float(text), limit) == relation(value, limit):
            return text
        decimals += 1
    return exact(value)


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text


def relation(value: float, limit: float) -> str:
    """How the unrounded value stands to the limit: <, = or >."""
    return "<" if value < limit else ">" if value > limit else "="


def format_margin(margin: float | None, unit: str) -> str:
    """The room left, with its sign and without the unit: "+8.6"; negative when the limit is missed."""
    if margin is None or not math.isfinite(margin):
        return "-"
    text = format_value(margin, 0.0, ">=", unit)
    return text if text.startswith("-") else f"+{text}"


def format_margin_percent(margin: float | None, limit: float | None) -> str:
    """The room left in percent of the limit, with its sign: "-17.8"."""
    if margin is None or limit is None or limit == 0 or not math.isfinite(limit):
        return "-"
    return format_margin(100.0 * margin / abs(limit), "%")


def format_share(share: float | None) -> str:
    """The share of the limit used [%], in whole percent unless that would hide on which side of 100 it is."""
    if share is None or not math.isfinite(share):
        return "-"
    percent = 100.0 * share
    for decimals in range(_MAX_DECIMALS + 1):
        text = f"{percent:.{decimals}f}"
        if relation(float(text), 100.0) == relation(percent, 100.0):
            return f"{text} %"
    return f"{exact(percent)} %"
