"""The grammar of metrics: a string such as ``D0.03cc[Gy]`` and back, and the value that one gives."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from sbrtcheck.errors import WrongUsageError, wrong_usage
from sbrtcheck.model.vocabulary import Quantity, Reason

# What a near-maximum is taken at where a source prints no volume [cm3]: ours, printed.
POINT_VOLUME_CM3 = 0.035
_NUMBER = r"(\d+(?:[.,]\d+)?|[.,]\d+)"

_QUANTITY = re.compile(
    rf"^(EQD2|BED)(?:\((?:a/b|ab|α/β)={_NUMBER}(?:Gy)?\)|_?{_NUMBER}):(.*)$", re.IGNORECASE | re.ASCII
)

_AMOUNT = re.compile(
    rf"^(CV|DC|V|D)\(?{_NUMBER}(cc|cm3|cm\^3|cm³|ml|%|cGy|Gy)?\)?"
    r"(?:[\[(_](cc|cm3|cm\^3|cm³|ml|%|cGy|Gy)[\])]?)?$",
    re.IGNORECASE | re.ASCII,
)

_UNITS = {"cc": "cc", "cm3": "cc", "cm^3": "cc", "cm³": "cc", "ml": "cc", "%": "%", "gy": "Gy", "cgy": "cGy"}


class MetricKind(StrEnum):
    """What a metric is taken of, in the spelling of TG-263."""

    DOSE = "D"
    DOSE_COMPLEMENT = "DC"
    VOLUME = "V"
    VOLUME_SPARED = "CV"
    MEAN = "Mean"
    MAXIMUM = "Max"
    MINIMUM = "Min"
    MEDIAN = "Median"

    @property
    def is_volume(self) -> bool:
        """Whether the value is a volume; else it is a dose."""
        return self in {MetricKind.VOLUME, MetricKind.VOLUME_SPARED}

    @property
    def amount_units(self) -> tuple[str, ...]:
        """The units of the number after the letter; () for a kind that has none."""
        match self:
            case MetricKind.DOSE | MetricKind.DOSE_COMPLEMENT:
                return "cc", "%"
            case MetricKind.VOLUME | MetricKind.VOLUME_SPARED:
                return "Gy", "%"
            case MetricKind.MEAN | MetricKind.MAXIMUM | MetricKind.MINIMUM | MetricKind.MEDIAN:
                return ()
            case _:
                assert_never(self)

    @property
    def units(self) -> tuple[str, ...]:
        """The units that its value may have, the usual one first; ("",) for a ratio."""
        match self:
            case MetricKind.VOLUME | MetricKind.VOLUME_SPARED:
                return "cc", "%"
            case MetricKind.DOSE | MetricKind.DOSE_COMPLEMENT:
                return "Gy", "%"
            case MetricKind.MEAN | MetricKind.MAXIMUM | MetricKind.MINIMUM | MetricKind.MEDIAN:
                return "Gy", "%"
            case _:
                assert_never(self)

    @property
    def is_dose(self) -> bool:
        """Whether the value is a dose."""
        return "Gy" in self.units


# The kinds that stand alone, without a number, as they are read.
_WORDS = {kind.casefold(): kind for kind in MetricKind if not kind.amount_units}
_WORD = re.compile(rf"^D?[_ ]?({'|'.join(_WORDS)})(?:[\[(_](%|cGy|Gy)[\])]?)?$", re.IGNORECASE)


def parse_metric(text: str) -> Metric:
    """Parse a metric string. Harmless aliases are understood (``Dmean``, ``D2cc``, ``D(0,03cm3)``).

    Raises:
        WrongUsageError: E-METRIC; the message says how to spell what was probably meant.
    """
    if not isinstance(text, str) or len(text) > 64:
        raise wrong_usage("E-METRIC", "metric", seen=text)
    compact = re.sub(r"\s+", "", text)
    quantity, alpha_beta_gy = Quantity.PHYSICAL, None
    prefix = _QUANTITY.match(compact)
    if prefix:
        quantity = Quantity(prefix[1].upper())
        alpha_beta_gy = _number(prefix[2] or prefix[3])
        compact = prefix[4]
        if not 0 < alpha_beta_gy <= 100:
            raise _bad(text, "alpha/beta must be above 0 and at most 100 Gy")
    word = _WORD.match(compact)
    if word:
        kind = _WORDS[word[1].casefold()]
        unit = _UNITS[word[2].lower()] if word[2] else kind.units[0]
        if unit not in {*kind.units, "cGy"}:
            raise _bad(text, "not a unit of this metric", right=str(kind))
        metric = Metric(kind, None, "", unit, quantity, alpha_beta_gy)
    else:
        metric = _parse_amount(text, compact, quantity, alpha_beta_gy)
    if metric.unit == "cGy":
        raise _bad(text, "doses are in Gy here", right=format_metric(replace(metric, unit="Gy")))
    if quantity is not Quantity.PHYSICAL and metric.needs_prescription:
        right = "" if metric.kind.is_volume else format_metric(replace(metric, unit="Gy"))
        raise _bad(text, "the prescription is a physical dose, so a biological dose has no percent of it", right=right)
    return metric


def _parse_amount(text: str, compact: str, quantity: Quantity, alpha_beta_gy: float | None) -> Metric:
    match = _AMOUNT.match(compact)
    if not match:
        raise _bad(text, "not a metric")
    kind, amount = MetricKind(match[1].upper()), _number(match[2])
    amount_unit = _UNITS[match[3].lower()] if match[3] else ""
    unit = _UNITS[match[4].lower()] if match[4] else ""
    if amount_unit == "cGy":
        amount, amount_unit = amount / 100.0, "Gy"
    if kind.is_volume:
        _check_volume(text, kind, plain_number(amount), amount_unit, unit)
    else:
        unit = unit or "Gy"
        _check_dose(text, kind, amount, amount_unit, unit)
    return Metric(kind, amount, amount_unit, unit, quantity, alpha_beta_gy)


def _check_dose(text: str, kind: MetricKind, amount: float, amount_unit: str, unit: str) -> None:
    shown = plain_number(amount)
    if amount_unit not in kind.amount_units:
        raise _bad(text, "the volume needs its unit", right=f"{kind}{shown}%[Gy] or {kind}{shown}cc[Gy]")
    if unit == "cc":
        raise _bad(text, "a dose is given in Gy or in percent of the prescription", right=f"{kind}{shown}cc[Gy]")
    if amount <= 0 or (amount_unit == "%" and amount > 100):
        raise _bad(text, "the volume must be above 0 and at most 100 %")


def _check_volume(text: str, kind: MetricKind, shown: str, amount_unit: str, unit: str) -> None:
    if amount_unit not in kind.amount_units:
        raise _bad(text, "the dose needs its unit", right=f"{kind}{shown}Gy[%] or {kind}{shown}Gy[cc]")
    if unit not in kind.units:
        shown += amount_unit
        raise _bad(text, "a volume is given in percent or in cc", right=f"{kind}{shown}[%] or {kind}{shown}[cc]")


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _bad(text: str, detail: str, *, right: str = "") -> WrongUsageError:
    remedy = f"Write {right}" if right else ""
    return wrong_usage("E-METRIC", "metric", seen=text, detail=detail, remedy=remedy)


def plain_number(amount: float) -> str:
    return format(Decimal(repr(round(float(amount), 9))).normalize(), "f")


def format_metric(metric: Metric) -> str:
    """The canonical TG-263 spelling; ``parse_metric`` gives the same metric back."""
    prefix = ""
    if metric.quantity is not Quantity.PHYSICAL:
        prefix = f"{metric.quantity.value}(a/b={plain_number(metric.alpha_beta_gy or 0.0)}):"
    amount = "" if metric.amount is None else plain_number(metric.amount)
    unit = f"[{metric.unit}]" if metric.unit else ""
    return f"{prefix}{metric.kind}{amount}{metric.amount_unit}{unit}"


@dataclass(frozen=True, slots=True)
class Metric:
    """A parsed TG-263 metric.

    Attributes:
        kind: what it is taken of.
        amount: the number after the letter; None for Mean, Max, Min and Median.
        amount_unit: "cc", "%" or "Gy"; "" when there is no amount. ``V100%`` is percent of the prescription.
        unit: the output unit in brackets: "Gy", "%" or "cc".
        quantity: of the dose axis; ``alpha_beta_gy`` [Gy] for EQD2 and BED.
    """

    kind: MetricKind
    amount: float | None
    amount_unit: str
    unit: str
    quantity: Quantity = Quantity.PHYSICAL
    alpha_beta_gy: float | None = None

    def __post_init__(self) -> None:
        """A kind that is none never gets as far as a number."""
        object.__setattr__(self, "kind", MetricKind(self.kind))

    @property
    def needs_prescription(self) -> bool:
        """Whether it is a percentage of the prescription, or of what receives one."""
        return (self.amount_unit if self.kind.is_volume else self.unit) == "%"

    @property
    def grows_with_volume(self) -> bool:
        """Whether a larger structure can only have a larger value: doses of the hottest part, absolute volumes."""
        match self.kind:
            case MetricKind.MAXIMUM:
                return True
            case MetricKind.DOSE:
                return self.amount_unit == "cc"
            case MetricKind.VOLUME | MetricKind.VOLUME_SPARED:
                return self.unit == "cc"
            case MetricKind.DOSE_COMPLEMENT | MetricKind.MEAN | MetricKind.MINIMUM | MetricKind.MEDIAN:
                return False
            case _:
                assert_never(self.kind)

    @property
    def hangs_on_the_whole(self) -> bool:
        """Whether a part of a structure may have a better value than the whole: means, shares and spared volumes."""
        match self.kind:
            case MetricKind.MAXIMUM:
                return False
            case MetricKind.DOSE:
                return self.amount_unit == "%"
            case MetricKind.VOLUME:
                return self.unit == "%"
            case (
                MetricKind.VOLUME_SPARED
                | MetricKind.DOSE_COMPLEMENT
                | MetricKind.MEAN
                | MetricKind.MINIMUM
                | MetricKind.MEDIAN
            ):
                return True
            case _:
                assert_never(self.kind)


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A metric's value with its band, or a typed reason why there is none.

    Exactly one of ``value`` and ``reason`` is None. ``low <= value <= high`` always; all finite.
    Where part of a structure lies outside the grid and matters, there is no value: ``low`` and ``high`` span what the
    missing part can make of it (None where nothing bounds it), and ``note`` says so.
    """

    metric: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    reason: Reason | None = None
    note: str = ""
