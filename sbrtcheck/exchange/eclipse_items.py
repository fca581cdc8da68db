"""The elements of Eclipse's XML: MeasureItem, in clinical goals and clinical protocols, and Item, in protocols only."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from xml.etree.ElementTree import Element

from sbrtcheck.exchange.number import decimal_of, plain
from sbrtcheck.exchange.strict_xml import child_text
from sbrtcheck.exchange.template import Statement

MEASURE_MODIFIERS = {"0": ">", "1": "<", "3": "<=", "4": ">="}
# Values of VariationAcceptable in percent that stand for none in published files.
_NO_VARIATION = {"1", "200", "500"}
_DOSE_WORDS = {"6": "Max", "7": "Min", "8": "Mean"}
_ITEM_MODIFIERS = {
    "0": ("V", ">="),
    "1": ("V", "<="),
    "7": ("Mean", ">"),
    "8": ("Mean", "<"),
    "9": ("Min", ">"),
    "10": ("Max", "<"),
}
_ITEM_NOT_READ = {
    "2": "a dose is equal to a number",
    "3": "a dose is equal to a number",
    "4": "a dose is equal to a number",
    "5": "a reference point receives a dose",
    "6": "EUD, or unknown",
}
_TYPE_DISPUTED = "public descriptions of the codes differ: type 6 and 7 are maximum and minimum, or the reverse"
_MODIFIER_DISPUTED = (
    "public descriptions of the codes differ: modifier 3 and 4 are at most and at least, or the reverse"
)
# How far n times the dose per fraction may be from the total [Gy]: half a unit of the last digit printed, times n.
_ROUNDING_GY = Decimal("0.01")


def measure_item(element: Element, place: str, *, n_fractions: int | None = None) -> Statement:
    """A MeasureItem. Volumes are in mm3 where they are absolute, doses in Gy."""
    kind, modifier = child_text(element, "Type"), child_text(element, "Modifier")
    value, specifier = child_text(element, "Value"), child_text(element, "TypeSpecifier")
    variation = child_text(element, "VariationAcceptable")
    absolute = child_text(element, "ReportDQPValueInAbsoluteUnits")
    shown = Statement(
        place=place,
        structure=element.get("ID", "").strip(),
        metric=f"type {kind} of {specifier}",
        goal=f"modifier {modifier} {value}",
        variation=variation,
        priority=child_text(element, "Priority"),
        n_fractions=n_fractions,
    )
    numbers = {text: decimal_of(text) for text in (value, specifier, variation) if text}
    if kind in {"0", "1"}:
        why = "a conformity index has no one definition" if kind == "0" else "the gradient measure is not a metric here"
    elif kind not in {"2", "3", "4", "5", *_DOSE_WORDS}:
        why = f"type {kind or '(empty)'} is not known"
    elif modifier not in MEASURE_MODIFIERS:
        why = "equal to a number is no limit" if modifier == "2" else f"modifier {modifier or '(empty)'} is not known"
    elif absolute not in {"true", "false"}:
        why = "whether the value is absolute or in percent is not stated"
    elif not value or (kind not in _DOSE_WORDS and not specifier):
        why = "the value or its specifier is empty"
    elif None in numbers.values():
        text = next(text for text, number in numbers.items() if number is None)
        why = f"{text} is not a plain decimal number"
    else:
        return _stated(shown, kind, modifier, numbers, (value, specifier, variation), absolute == "true")
    return replace(shown, refusal=why)


def _stated(
    shown: Statement,
    kind: str,
    modifier: str,
    numbers: dict[str, Decimal | None],
    texts: tuple[str, str, str],
    absolute: bool,
) -> Statement:
    """The statement of codes and numbers that are all known."""
    value, specifier, variation = (numbers.get(text) if text else None for text in texts)
    assert value is not None
    is_volume = kind in {"2", "3"}
    unit = ("cc" if is_volume else "Gy") if absolute else "%"
    changed: tuple[str, ...] = ()
    if is_volume and absolute:
        changed = (f"{plain(value)} mm3 is {plain(value / 1000)} cc",)
        value, variation = value / 1000, None if variation is None else variation / 1000
    if kind in _DOSE_WORDS:
        metric = f"{_DOSE_WORDS[kind]}[{unit}]"
    else:
        assert specifier is not None
        amount_unit = {"2": "%", "3": "Gy", "4": "%", "5": "cc"}[kind]
        metric = f"{'V' if is_volume else 'D'}{plain(specifier)}{amount_unit}[{unit}]"
    disputed = _TYPE_DISPUTED if kind in {"6", "7"} else _MODIFIER_DISPUTED if modifier in {"3", "4"} else ""
    refusal = ""
    if variation is not None and unit == "%" and plain(variation) in _NO_VARIATION and variation != value:
        refusal = (
            f"a variation of {plain(variation)} % stands for none in some files: remove it, or write the one meant"
        )
    return replace(
        shown,
        metric=metric,
        goal=MEASURE_MODIFIERS[modifier] + plain(value),
        variation="" if variation is None else plain(variation),
        changed=changed,
        disputed=disputed,
        refusal=refusal,
    )


def item(element: Element, place: str, *, n_fractions: int | None) -> Statement:
    """An Item of a protocol: a share of the volume at a total dose, or a limit on mean, minimum or maximum.

    Args:
        element: with Modifier, Parameter [%], Dose (per fraction) and TotalDose [Gy].
        place: which one it is.
        n_fractions: of its phase, where stated.
    """
    modifier, share = child_text(element, "Modifier"), child_text(element, "Parameter")
    per_fraction, total = child_text(element, "Dose"), child_text(element, "TotalDose")
    shown = Statement(
        place=place,
        structure=element.get("ID", "").strip(),
        metric=f"Item modifier {modifier}",
        goal=f"{total} Gy in all, {per_fraction} Gy a fraction",
        n_fractions=n_fractions,
    )
    known = _ITEM_MODIFIERS.get(modifier)
    each, whole, percent = decimal_of(per_fraction), decimal_of(total), decimal_of(share)
    if known is None:
        meant = _ITEM_NOT_READ.get(modifier, "not known")
        return replace(shown, refusal=f"Item modifier {modifier or '(empty)'} ({meant}) is not read")
    if whole is None or (known[0] == "V" and percent is None):
        return replace(shown, refusal="the dose or the volume is empty or not a plain decimal number")
    if each is not None and each > 0:
        n = int((whole / each).to_integral_value())
        if n < 1 or abs(whole - n * each) > _ROUNDING_GY * n / 2:
            return replace(shown, refusal=f"{total} Gy is no whole number of fractions of {per_fraction} Gy")
        if n_fractions is not None and n != n_fractions:
            return replace(
                shown, refusal=f"{total} Gy is {n} times {per_fraction} Gy, the phase has {n_fractions} fractions"
            )
        shown = replace(shown, n_fractions=n)
    kind, comparator = known
    if kind == "V":
        assert percent is not None
        return replace(shown, metric=f"V{plain(whole)}Gy[%]", goal=comparator + plain(percent))
    return replace(shown, metric=f"{kind}[Gy]", goal=comparator + plain(whole))
