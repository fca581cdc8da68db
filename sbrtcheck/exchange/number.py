"""Metrics, goals and numbers as other programs write them, read strictly: every unit is stated or nothing is taken."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from sbrtcheck.errors import SbrtcheckError
from sbrtcheck.model import Metric
from sbrtcheck.model.metric import format_metric, parse_metric

# Longer texts are neither a metric nor a goal; patterns are not tried on them.
MAX_TEXT = 64
_PLAIN = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_NUMBER = re.compile(_PLAIN, re.ASCII)
_VOLUME = "cc|ccm|cm3|cm³|ml"
_GOAL = re.compile(rf"(<=|>=|<|>|≤|≥)\s*({_PLAIN})\s*(cGy|Gy|%|{_VOLUME})?", re.ASCII)
_METRIC = re.compile(
    rf"(?:(?P<kind>CV|DC|D|V)\s*(?P<amount>{_PLAIN})\s*(?P<amount_unit>%|cGy|Gy|{_VOLUME})?|D?(?P<word>Max|Min|Mean))"
    r"\s*(?:\[(?P<unit>[^\]]*)\]|\((?P<round>[^)]*)\))?",
    re.ASCII | re.IGNORECASE,
)
_UNITS = {"cgy": "cGy", "gy": "Gy", "%": "%", **dict.fromkeys(_VOLUME.split("|"), "cc")}
_INDEX = re.compile(r"(CI|CN|GI|HI|R50|R100|D2cm)\b|(CI|CN|GI|HI)[0-9]", re.IGNORECASE)
_BARE = re.compile(r"D?(max|min|mean)|[DV][0-9.]+", re.IGNORECASE | re.ASCII)
# A limit below this, stated in cGy, looks like a number in Gy [Gy]; ours.
_LOWEST_CGY_LIMIT = Decimal(1)
_COMMA = re.compile(r"[0-9],[0-9]")


def plain(number: Decimal) -> str:
    """Decimal digits without exponent and without zeros at the end."""
    return format(number.normalize(), "f")


def decimal_of(text: str) -> Decimal | None:
    """A plain decimal number, or None."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=4096)
def read_metric(text: str) -> tuple[Metric, str, Decimal, tuple[str, ...]] | str:
    """The metric, its TG-263 spelling, the factor for its limits, and the changes in words; or why it is not taken.

    The factor is 0.01 where the limits are in cGy, else 1.
    """
    if len(text) > MAX_TEXT:
        return "too long for a metric"
    match = _METRIC.fullmatch(text.strip())
    if match is None:
        return _no_metric(text.strip())
    stated = _bracket(match)
    unit = _UNITS.get(stated.casefold())
    if unit is None:
        return f"the unit of {text.strip()} is not stated" if not stated else f"{stated} is no unit of a metric"
    factor, changes = Decimal(1), []
    if unit == "cGy":
        unit, factor = "Gy", Decimal("0.01")
        changes.append("cGy to Gy")
    if match["word"]:
        kind = match["word"].capitalize()
        if unit == "cc":
            return f"a {kind.lower()} dose has no unit cc"
        ours = f"{kind}[{unit}]"
    else:
        if not match["amount_unit"]:
            return f"the unit of {match['kind']}{match['amount']} is not stated"
        amount, amount_unit = Decimal(match["amount"]), _UNITS[match["amount_unit"].casefold()]
        if amount_unit == "cGy":
            amount, amount_unit = amount / 100, "Gy"
            changes += [] if changes else ["cGy to Gy"]
        ours = f"{match['kind'].upper()}{plain(amount)}{amount_unit}[{unit}]"
    try:
        metric = parse_metric(ours)
    except SbrtcheckError as error:
        problem = error.problems[0]
        return problem.detail or problem.meaning
    return metric, format_metric(metric), factor, tuple(changes)


def _no_metric(text: str) -> str:
    if not text:
        return "no metric is stated"
    if _COMMA.search(text):
        return "a decimal comma: write a decimal point"
    if _INDEX.match(text):
        return "CI, CN, GI and HI have no one definition: the programs compute different things"
    if text.casefold().startswith("volume"):
        return "the volume of a structure is no limit on its dose"
    if _BARE.fullmatch(text):
        return f"the unit of {text} is not stated"
    return "not a metric that is known: D, V, DC, CV, Min, Max or Mean with its units"


def read_goal(text: str, *, unit: str) -> tuple[str, Decimal] | str:
    """Comparator and number of a goal, or why it is not taken.

    Args:
        text: ``<=1200``, ``> 95 %``; a unit behind the number must be that of the metric.
        unit: the unit in the metric's brackets as the file writes it.
    """
    if len(text) > MAX_TEXT:
        return "too long for a goal"
    match = _GOAL.fullmatch(text.strip())
    if match is None:
        return _no_goal(text.strip())
    stated = _UNITS[match[3].casefold()] if match[3] else ""
    if stated and stated != _UNITS.get(unit.strip().casefold()):
        return f"the goal is in {stated}, the metric in {unit}"
    return {"≤": "<=", "≥": ">="}.get(match[1], match[1]), Decimal(match[2])


def _no_goal(text: str) -> str:
    if not text:
        return "no goal is stated"
    if _COMMA.search(text):
        return "a decimal comma: write a decimal point"
    if _NUMBER.fullmatch(text):
        return "the goal says neither at most nor at least"
    if text.startswith("="):
        return "equal to a number is no limit"
    return "not a goal: write <=, <, >= or > and a plain number of at most 6 digits"


def read_variation(text: str, *, comparator: str, unit: str) -> tuple[str, Decimal] | str:
    """Comparator and number of a variation, which takes the goal's comparator where it has none; or why not."""
    number = decimal_of(text.strip())
    if number is not None:
        return comparator, number
    answer = read_goal(text, unit=unit)
    if isinstance(answer, str):
        return f"the variation: {answer}"
    if answer[0][0] != comparator[0]:
        return f"the goal is {comparator}, the variation {answer[0]}"
    return answer


def bracket_unit(metric: str) -> str:
    """The unit in a metric's brackets as it stands there."""
    match = _METRIC.fullmatch(metric.strip()) if len(metric) <= MAX_TEXT else None
    return _bracket(match) if match else ""


def _bracket(match: re.Match[str]) -> str:
    return (match["unit"] or match["round"] or "").strip()


def with_unit_of_goal(metric: str, goal: str) -> str:
    """A metric without brackets with the unit that stands behind the number of its goal, if one does."""
    if len(metric) > MAX_TEXT or len(goal) > MAX_TEXT or any(bracket in metric for bracket in "[("):
        return metric
    stated = _GOAL.fullmatch(goal.strip())
    return f"{metric.strip()}[{stated[3]}]" if stated is not None and stated[3] else metric


def looks_like_gray(limit: Decimal, *, factor: Decimal, unit: str) -> bool:
    """Whether a limit stated in cGy is so low that its number must be in Gy."""
    return unit == "Gy" and factor != 1 and limit < _LOWEST_CGY_LIMIT
