"""TG-263 metric strings: parse, print, and evaluate on a Dvh.

The grammar is ``kind amount unit [output unit]`` as in TG-263, section 9 (``D0.03cc[Gy]``, ``V20Gy[%]``). A metric is
taken from the sorted samples by linear interpolation of the cumulative curve, never from bins. It is a value with its
band or a typed reason why there is none; what lies outside the dose grid is unknown, never 0.
"""

from __future__ import annotations

from collections.abc import Callable
from math import hypot, isfinite

import numpy as np

from sbrtcheck.errors import refuse, wrong_usage
from sbrtcheck.model import Dvh, FloatArray, Metric, MetricValue, Reason, Samples
from sbrtcheck.model.metric import format_metric, parse_metric, plain_number

# Share of the difference between a variant and the nominal reading that goes into the band; calibrated on the
# analytic suite (docs/dvh.md). A variant of another name counts in full.
BAND_WEIGHT: dict[str, float] = {
    "slab": 0.6,
    "lower end short": 0.8,
    "lower end long": 0.8,
    "upper end short": 0.8,
    "upper end long": 0.8,
    "half of the samples": 2.0,
    "trilinear": 0.4,
    "spline": 0.4,
    "cubic": 0.4,
}
# Never less than this share of the highest dose: where a surface lies is known to some hundredths of a millimetre.
BAND_FLOOR = 0.001
# Sub-cubic-centimetre doses are not given on grids coarser than this [mm] (safety review; our policy).
COARSE_GRID_MM = 3.0


def evaluate(metric: Metric | str, dvh: Dvh, *, prescription_gy: float | None = None) -> MetricValue:
    """The metric of this Dvh: value, low and high, or the reason why there is none.

    Args:
        metric: parsed or as text.
        dvh: samples of the structure; its quantity must be that of the metric.
        prescription_gy: prescription of the lesion concerned [Gy], for percent of the prescription.

    Raises:
        WrongUsageError: E-METRIC when the quantities differ; E-DOMAIN for a prescription that is not positive.
        RefusedError: E-NONFINITE when the samples hold a number that is not finite.
    """
    metric = parse_metric(metric) if isinstance(metric, str) else metric
    name = format_metric(metric)
    if metric.quantity is not dvh.quantity or metric.alpha_beta_gy != dvh.alpha_beta_gy:
        held = dvh.quantity.value + ("" if dvh.alpha_beta_gy is None else f"(a/b={plain_number(dvh.alpha_beta_gy)})")
        raise wrong_usage("E-METRIC", dvh.roi, seen=name, detail=f"the dose axis of this DVH is {held}")
    if prescription_gy is not None and not (isfinite(prescription_gy) and prescription_gy > 0):
        raise wrong_usage("E-DOMAIN", "prescription_gy", seen=prescription_gy)

    def missing(reason: Reason, note: str) -> MetricValue:
        return MetricValue(name, None, None, None, metric.unit, reason=reason, note=note)

    if dvh.blocked is not None:
        return missing(dvh.blocked, dvh.blocked_note)
    if _needs_prescription(metric) and prescription_gy is None:
        return missing(Reason.NO_PRESCRIPTION, "percent of the prescription, and none is known")
    total_cm3 = dvh.total_volume_cm3
    if not (isfinite(total_cm3) and isfinite(dvh.outside_volume_cm3)):
        raise refuse("E-NONFINITE", dvh.roi, detail="the volume is not finite")
    if total_cm3 <= 0:
        return missing(Reason.NO_CONTOURS, "the structure has no volume")
    if metric.amount_unit == "cc" and metric.amount is not None and metric.amount > total_cm3 * (1 + 1e-9):
        return missing(
            Reason.ROI_SMALLER_THAN_METRIC,
            f"the structure has {total_cm3:.3g} cc, the metric asks for {plain_number(metric.amount)} cc",
        )
    if dvh.samples.dose_gy.size == 0:
        return missing(Reason.OUTSIDE_GRID, "the structure lies outside the dose grid")
    coarse = dvh.grid_spacing_mm is not None and max(dvh.grid_spacing_mm) > COARSE_GRID_MM * 1.001
    if coarse and metric.amount_unit == "cc" and metric.amount is not None and metric.amount < 1.0:
        return missing(Reason.COARSE_GRID, "doses of less than 1 cc are not given on a grid coarser than 3 mm")
    outside_cm3 = dvh.outside_volume_cm3 if dvh.outside_volume_cm3 > 1e-9 * total_cm3 else 0.0
    find = _Reading(metric, outside_cm3, dvh.outside_bound_gy, prescription_gy, dvh.max_gy)
    answer = find(dvh.samples)
    if answer is None:
        return missing(Reason.OUTSIDE_GRID, f"{100 * outside_cm3 / total_cm3:.3g} % lies outside the dose grid")
    value, low, high = answer
    floor = BAND_FLOOR * find.scale * float(dvh.samples.dose_gy[0])
    down = up = floor if dvh.variants and metric.kind not in {"V", "CV"} else 0.0
    for variant, samples in dvh.variants:
        other = find(samples) if samples.dose_gy.size else None
        if other is None:
            continue
        weight = BAND_WEIGHT.get(variant, 1.0)
        down = hypot(down, weight * abs(other[1] - low))
        up = hypot(up, weight * abs(other[2] - high))
    low, high = max(low - down, 0.0), high + up
    if metric.kind in {"V", "CV"} and metric.unit == "%":
        high = min(high, 100.0)
    low, high = min(low, value), max(high, value)
    note = ""
    if outside_cm3:
        share = f"{100 * outside_cm3 / total_cm3:.3g} %"
        note = f"{share} of the structure lies outside the dose grid; the band spans what that part can be"
    return MetricValue(name, value, low, high, metric.unit, note=note)


def _needs_prescription(metric: Metric) -> bool:
    if metric.kind in {"V", "CV"}:
        return metric.amount_unit == "%"
    return metric.unit == "%"


class _Reading:
    """One metric on one set of samples: (value, low, high) where the part outside the grid is counted as unknown."""

    def __init__(
        self,
        metric: Metric,
        outside_cm3: float,
        bound_gy: float | None,
        prescription_gy: float | None,
        max_gy: float | None,
    ) -> None:
        self.metric = metric
        self.outside_cm3 = outside_cm3
        self.bound_gy = bound_gy
        self.scale = 100.0 / prescription_gy if prescription_gy is not None and metric.unit == "%" else 1.0
        self.prescription_gy = prescription_gy
        self.max_gy = max_gy

    def __call__(self, samples: Samples) -> tuple[float, float, float] | None:
        """None when the part outside decides and nothing bounds it."""
        kind = self.metric.kind
        find: dict[str, Callable[[Samples], tuple[float, float, float] | None]] = {
            "V": self._volume,
            "CV": self._volume,
            "Mean": self._mean,
            "Max": self._max,
            "Min": self._min,
        }
        answer = find.get(kind, self._dose_at_volume)(samples)
        if answer is None or kind in {"V", "CV"}:
            return answer
        value, low, high = (x * self.scale for x in answer)
        return value, low, high

    def _volume(self, samples: Samples) -> tuple[float, float, float]:
        metric = self.metric
        threshold_gy = metric.amount or 0.0
        if metric.amount_unit == "%":
            threshold_gy *= (self.prescription_gy or 0.0) / 100.0
        cumulative = _cumulative(samples)
        known_cm3 = float(cumulative[-1])
        above_cm3 = _volume_at_least(samples, cumulative, threshold_gy)
        cannot_reach = self.bound_gy is not None and self.bound_gy < threshold_gy
        if metric.kind == "V":
            low = above_cm3 + (self.outside_cm3 if threshold_gy <= 0 else 0.0)
            high = above_cm3 + (0.0 if cannot_reach else self.outside_cm3)
        else:
            low = known_cm3 - above_cm3 + (self.outside_cm3 if cannot_reach else 0.0)
            high = known_cm3 - above_cm3 + (0.0 if threshold_gy <= 0 else self.outside_cm3)
        scale = 100.0 / (known_cm3 + self.outside_cm3) if metric.unit == "%" else 1.0
        return low * scale, low * scale, high * scale

    def _mean(self, samples: Samples) -> tuple[float, float, float] | None:
        known_cm3 = float(_cumulative(samples)[-1])
        total_cm3 = known_cm3 + self.outside_cm3
        mean_gy = float(np.dot(samples.dose_gy, samples.volume_cm3)) / total_cm3
        if not self.outside_cm3:
            return mean_gy, mean_gy, mean_gy
        if self.bound_gy is None:
            return None
        # The best single answer is the mean of what is known, as planning systems give it; it stays inside the band.
        highest_gy = mean_gy + self.bound_gy * self.outside_cm3 / total_cm3
        return min(mean_gy * total_cm3 / known_cm3, highest_gy), mean_gy, highest_gy

    def _max(self, samples: Samples) -> tuple[float, float, float] | None:
        # The highest dose found is a property of the structure, not of a reading; readings widen the band only.
        found_gy = float(samples.dose_gy[0])
        if self.max_gy is not None:
            found_gy = max(found_gy, self.max_gy)
        if not self.outside_cm3:
            return found_gy, found_gy, found_gy
        if self.bound_gy is None:
            return None
        return found_gy, found_gy, max(found_gy, self.bound_gy)

    def _min(self, samples: Samples) -> tuple[float, float, float]:
        found_gy = float(samples.dose_gy[-1])
        return found_gy, 0.0 if self.outside_cm3 else found_gy, found_gy

    def _dose_at_volume(self, samples: Samples) -> tuple[float, float, float] | None:
        metric = self.metric
        cumulative = _cumulative(samples)
        known_cm3 = float(cumulative[-1])
        total_cm3 = known_cm3 + self.outside_cm3
        amount = 50.0 if metric.amount is None else metric.amount
        unit = metric.amount_unit or "%"
        volume_cm3 = min(amount if unit == "cc" else amount / 100.0 * total_cm3, total_cm3)
        if metric.kind == "DC":
            volume_cm3 = total_cm3 - volume_cm3
        if not self.outside_cm3:
            dose_gy = float(np.interp(volume_cm3, cumulative, samples.dose_gy))
            return dose_gy, dose_gy, dose_gy
        if volume_cm3 > known_cm3:
            return None
        dose_gy = float(np.interp(volume_cm3, cumulative, samples.dose_gy))
        # The missing part can only push the curve up: by its volume, and never beyond its bound.
        if volume_cm3 > self.outside_cm3:
            highest_gy = float(np.interp(volume_cm3 - self.outside_cm3, cumulative, samples.dose_gy))
            if self.bound_gy is not None:
                highest_gy = max(dose_gy, min(highest_gy, self.bound_gy))
        elif self.bound_gy is not None:
            highest_gy = max(dose_gy, self.bound_gy)
        else:
            return None
        return dose_gy, dose_gy, highest_gy


def _cumulative(samples: Samples) -> FloatArray:
    """Volume [cm3] at or above the dose of each sample, (n,). Kept with them, because many metrics ask one Dvh."""
    kept = samples.kept
    if len(kept) == 3 and kept[0] is samples.dose_gy and kept[1] is samples.volume_cm3:
        return kept[2]
    if not (np.all(np.isfinite(samples.dose_gy)) and np.all(np.isfinite(samples.volume_cm3))):
        raise refuse("E-NONFINITE", "dose samples")
    total: FloatArray = np.cumsum(samples.volume_cm3, dtype=float)
    kept[:] = [samples.dose_gy, samples.volume_cm3, total]
    return total


def _volume_at_least(samples: Samples, cumulative: FloatArray, threshold_gy: float) -> float:
    """Volume [cm3] with at least ``threshold_gy``: exact at the samples, linear between them."""
    dose_gy = samples.dose_gy
    n_above = int(np.searchsorted(-dose_gy, -threshold_gy, side="right"))
    if n_above == 0:
        return 0.0
    above_cm3 = float(cumulative[n_above - 1])
    if n_above == dose_gy.size:
        return above_cm3
    upper_gy, lower_gy = float(dose_gy[n_above - 1]), float(dose_gy[n_above])
    share = (upper_gy - threshold_gy) / (upper_gy - lower_gy)
    return above_cm3 + share * (float(cumulative[n_above]) - above_cm3)
