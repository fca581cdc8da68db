"""Indices of one target: ratios of volumes and of doses, each with the widest band of its parts or a reason."""

from __future__ import annotations

from dataclasses import replace

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.model.dose import Dvh
from sbrtcheck.model.metric import MetricValue
from sbrtcheck.model.vocabulary import Reason

SMALL_TARGET_CM3 = 2.0


def icru91(dvh: Dvh) -> tuple[MetricValue, ...]:
    """Near-minimum D98%, median D50% and near-maximum D2% [Gy], below 2 cm3 D0.035cc (ICRU Report 91)."""
    near_maximum = "D0.035cc[Gy]" if dvh.total_volume_cm3 < SMALL_TARGET_CM3 else "D2%[Gy]"
    return tuple(evaluate(text, dvh) for text in ("D98%[Gy]", "D50%[Gy]", near_maximum))


def volume_range_cm3(dvh: Dvh) -> tuple[float, float, float]:
    """(nominal, lowest, highest) volume over the readings of the contours [cm3]."""
    volume = evaluate("V0Gy[cc]", dvh)
    nominal = dvh.total_volume_cm3
    return nominal, min(nominal, volume.low or nominal), max(nominal, volume.high or nominal)


def paddick_index(r100: MetricValue, coverage: MetricValue) -> MetricValue:
    """Paddick's index as coverage^2 / R100 (the same as TV_PIV^2 / (TV x PIV)); never above 1."""
    name = "Paddick"
    if r100.value is None or r100.low is None or r100.high is None:
        return no_value(name, "", r100.reason or Reason.NOT_COMPUTABLE, r100.note)
    if coverage.value is None or coverage.low is None or coverage.high is None:
        return no_value(name, "", coverage.reason or Reason.NOT_COMPUTABLE, coverage.note)
    if r100.low <= 0:
        return no_value(name, "", Reason.NOT_COMPUTABLE, "no dose reaches the prescription")
    value = min(1.0, (coverage.value / 100) ** 2 / r100.value)
    low = min(value, (coverage.low / 100) ** 2 / r100.high)
    high = max(value, min(1.0, (coverage.high / 100) ** 2 / r100.low))
    return MetricValue(name, value, low, high, "")


def homogeneity_icru83(dvh: Dvh) -> MetricValue:
    """The index of the nominal reading, with the lowest and highest over all readings as its band."""
    found = []
    for samples in (dvh.samples, *(s for _, s in dvh.variants if s.dose_gy.size)):
        reading = replace(dvh, samples=samples, variants=())
        parts = [evaluate(text, reading) for text in ("D2%[Gy]", "D98%[Gy]", "D50%[Gy]")]
        none = next((p for p in parts if p.value is None), None)
        if none is not None:
            return no_value("HI ICRU 83", "", none.reason or Reason.NOT_COMPUTABLE, none.note)
        near_max, near_min, median = (float(p.value or 0.0) for p in parts)
        if median <= 0:
            return no_value("HI ICRU 83", "", Reason.NOT_COMPUTABLE, "the median dose is 0")
        found.append((near_max - near_min) / median)
    return MetricValue("HI ICRU 83", found[0], min(found), max(found), "")


def homogeneity_rtog(dvh: Dvh, prescription_gy: float) -> MetricValue:
    """Highest dose in the target over the prescription."""
    highest = evaluate("Max[Gy]", dvh)
    if highest.value is None or highest.low is None or highest.high is None:
        return no_value("HI RTOG", "", highest.reason or Reason.NOT_COMPUTABLE, highest.note)
    value, low, high = (x / prescription_gy for x in (highest.value, highest.low, highest.high))
    return MetricValue("HI RTOG", value, low, high, "")


def ratio(name: str, top: MetricValue, bottom: MetricValue, *, factor: float = 1.0, unit: str = "") -> MetricValue:
    """top / bottom with the widest band of the two, or the reason why not."""
    for part in (top, bottom):
        if part.value is None:
            return no_value(name, unit, part.reason or Reason.NOT_COMPUTABLE, part.note)
    (a, a0, a1), (b, b0, b1) = (
        (float(p.value or 0.0), float(p.low or 0.0), float(p.high or 0.0)) for p in (top, bottom)
    )
    if b0 <= 0:
        return no_value(name, unit, Reason.NOT_COMPUTABLE, "no dose reaches the prescription")
    return MetricValue(name, factor * a / b, factor * a0 / b1, factor * a1 / b0, unit)


def unless(why: tuple[Reason, str] | None, value: MetricValue) -> MetricValue:
    """The value, or without its number where there is a reason."""
    return value if why is None or value.value is None else no_value(value.metric, value.unit, *why)


def no_value(name: str, unit: str, reason: Reason, note: str) -> MetricValue:
    """A value without a number, and why."""
    return MetricValue(name, None, None, None, unit, reason, note)
