"""TG-263 metric strings: parse, print, and evaluate on a Dvh.

The grammar is ``kind amount unit [output unit]`` as in TG-263, section 9 (``D0.03cc[Gy]``, ``V20Gy[%]``). A metric is
taken from the sorted samples by linear interpolation of the cumulative curve, never from bins. It is a value with its
band or a typed reason why there is none; what lies outside the dose grid is unknown, never 0.
"""

from __future__ import annotations

from dataclasses import replace
from math import hypot, isfinite
from typing import assert_never

import numpy as np

from sbrtcheck.errors import refuse, wrong_usage
from sbrtcheck.model import Dvh, FloatArray, Metric, MetricValue, Reason, Samples
from sbrtcheck.model.metric import MetricKind, format_metric, parse_metric, plain_number

Range = tuple[float, float]

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
# What the part outside the grid can change by no more than this counts as known: a share of the value, and for a volume
# a share of the structure.
NEGLIGIBLE, NEGLIGIBLE_OF_VOLUME = 0.01, 0.001


def evaluate(metric: Metric | str, dvh: Dvh, *, prescription_gy: float | None = None) -> MetricValue:
    """Evaluate a metric on a Dvh: value, low and high, or the reason why there is none.

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
    why = _why_none(metric, dvh, prescription_gy)
    if why is not None:
        return MetricValue(name, None, None, None, metric.unit, *why)
    outside_cm3 = dvh.outside_volume_cm3 if dvh.outside_volume_cm3 > 1e-9 * dvh.total_volume_cm3 else 0.0
    find = _Finder(metric, outside_cm3, dvh.outside_bound_gy, prescription_gy, dvh.max_gy)
    found = find(dvh.samples)
    share = f"{100 * outside_cm3 / dvh.total_volume_cm3:.3g} %"
    if found is None:
        note = f"{share} lies outside the dose grid"
        return MetricValue(name, None, None, None, metric.unit, Reason.OUTSIDE_GRID, note)
    low, high = _with_band(found, find, dvh)
    if find.known(found, dvh.total_volume_cm3):
        note = f"{share} of the structure lies outside the dose grid" if outside_cm3 else ""
        return MetricValue(name, found[0], min(low, found[0]), max(high, found[0]), metric.unit, note=note)
    note = f"between {low:.3g} and {high:.3g} {metric.unit}: {share} of the structure lies outside the dose grid"
    return MetricValue(name, None, low, high, metric.unit, Reason.OUTSIDE_GRID, note)


def like_planning_system(metric: Metric | str, dvh: Dvh, *, prescription_gy: float | None = None) -> MetricValue | None:
    """The metric as many planning systems compute it, slices as slabs and dose trilinear; None where not known.

    To be shown beside ours: a plan normalised in such a system reads a percent or two higher or lower here.
    """
    if dvh.slab_trilinear is None or not dvh.slab_trilinear.dose_gy.size:
        return None
    total_cm3 = float(np.sum(dvh.slab_trilinear.volume_cm3)) + dvh.outside_volume_cm3
    other = replace(dvh, samples=dvh.slab_trilinear, total_volume_cm3=total_cm3, variants=(), max_gy=None)
    return evaluate(metric, other, prescription_gy=prescription_gy)


def _why_none(metric: Metric, dvh: Dvh, prescription_gy: float | None) -> tuple[Reason, str] | None:
    """Why a metric has no number, whatever the doses."""
    if dvh.blocked is not None:
        return dvh.blocked, dvh.blocked_note
    if metric.needs_prescription and prescription_gy is None:
        return Reason.NO_PRESCRIPTION, "percent of the prescription, and none is known"
    total_cm3 = dvh.total_volume_cm3
    if not (isfinite(total_cm3) and isfinite(dvh.outside_volume_cm3)):
        raise refuse("E-NONFINITE", dvh.roi, detail="the volume is not finite")
    if total_cm3 <= 0:
        return Reason.NO_CONTOURS, "the structure has no volume"
    wanted_cm3 = metric.amount if metric.amount_unit == "cc" and metric.amount is not None else None
    if wanted_cm3 is not None and wanted_cm3 > total_cm3 * (1 + 1e-9):
        asked = f"the structure has {total_cm3:.3g} cc, the metric asks for {plain_number(wanted_cm3)} cc"
        return Reason.ROI_SMALLER_THAN_METRIC, asked
    if dvh.samples.dose_gy.size == 0:
        return Reason.OUTSIDE_GRID, "the structure lies outside the dose grid"
    coarse = dvh.grid_spacing_mm is not None and max(dvh.grid_spacing_mm) > COARSE_GRID_MM * 1.001
    if coarse and wanted_cm3 is not None and wanted_cm3 < 1.0:
        return Reason.COARSE_GRID, "doses of less than 1 cc are not given on a grid coarser than 3 mm"
    return None


def _with_band(found: Range, find: _Finder, dvh: Dvh) -> Range:
    """A range widened by what the other readings make of it."""
    low, high = found
    floor = BAND_FLOOR * find.scale * float(dvh.samples.dose_gy[0])
    down = up = floor if dvh.variants and find.metric.kind.is_dose else 0.0
    for variant, samples in dvh.variants:
        other = find(samples) if samples.dose_gy.size else None
        if other is None:
            continue
        weight = BAND_WEIGHT.get(variant, 1.0)
        down = hypot(down, weight * abs(other[0] - low))
        up = hypot(up, weight * abs(other[1] - high))
    low, high = max(low - down, 0.0), high + up
    return low, min(high, 100.0) if find.metric.kind.is_volume and find.metric.unit == "%" else high


class _Finder:
    """One metric on one set of samples: what it can be, from lowest to highest.

    Both are one number unless a part of the structure lies outside the grid, whose dose is unknown.
    """

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

    def __call__(self, samples: Samples) -> Range | None:
        """None when the part outside decides and nothing bounds it."""
        match self.metric.kind:
            case MetricKind.VOLUME | MetricKind.VOLUME_SPARED:
                return self._volume(samples)
            case MetricKind.MEAN:
                found = self._mean(samples)
            case MetricKind.MAXIMUM:
                found = self._max(samples)
            case MetricKind.MINIMUM:
                found = self._min(samples)
            case MetricKind.MEDIAN:
                found = self._dose_at_volume(samples, 0.5 * self._total_cm3(samples))
            case MetricKind.DOSE | MetricKind.DOSE_COMPLEMENT:
                found = self._dose_at_volume(samples, self._wanted_cm3(samples))
            case _:
                assert_never(self.metric.kind)
        return None if found is None else (found[0] * self.scale, found[1] * self.scale)

    def known(self, found: Range, total_cm3: float) -> bool:
        """Whether the part outside leaves so little open that there is a value."""
        open_ = found[1] - found[0]
        least = NEGLIGIBLE * found[1]
        if self.metric.kind.is_volume:
            least = max(least, NEGLIGIBLE_OF_VOLUME * (100.0 if self.metric.unit == "%" else total_cm3))
        return open_ <= least

    def _total_cm3(self, samples: Samples) -> float:
        return float(_cumulative(samples)[-1]) + self.outside_cm3

    def _volume(self, samples: Samples) -> Range:
        metric = self.metric
        threshold_gy = metric.amount or 0.0
        if metric.amount_unit == "%":
            threshold_gy *= (self.prescription_gy or 0.0) / 100.0
        cumulative = _cumulative(samples)
        known_cm3 = float(cumulative[-1])
        above_cm3 = _volume_at_least(samples, cumulative, threshold_gy)
        # The part outside receives the dose for certain, perhaps, or not at all.
        certainly = self.outside_cm3 if threshold_gy <= 0 else 0.0
        at_most = 0.0 if self.bound_gy is not None and self.bound_gy < threshold_gy else self.outside_cm3
        scale = 100.0 / (known_cm3 + self.outside_cm3) if metric.unit == "%" else 1.0
        if metric.kind is MetricKind.VOLUME:
            return (above_cm3 + certainly) * scale, (above_cm3 + at_most) * scale
        spared_cm3 = known_cm3 - above_cm3 + self.outside_cm3
        return (spared_cm3 - at_most) * scale, (spared_cm3 - certainly) * scale

    def _mean(self, samples: Samples) -> Range | None:
        total_cm3 = self._total_cm3(samples)
        mean_gy = float(np.dot(samples.dose_gy, samples.volume_cm3)) / total_cm3
        if not self.outside_cm3:
            return mean_gy, mean_gy
        if self.bound_gy is None:
            return None
        return mean_gy, mean_gy + self.bound_gy * self.outside_cm3 / total_cm3

    def _max(self, samples: Samples) -> Range | None:
        # The highest dose found is a property of the structure, not of a reading; readings widen the band only.
        found_gy = max(float(samples.dose_gy[0]), self.max_gy or 0.0)
        if not self.outside_cm3:
            return found_gy, found_gy
        return None if self.bound_gy is None else (found_gy, max(found_gy, self.bound_gy))

    def _min(self, samples: Samples) -> Range:
        found_gy = float(samples.dose_gy[-1])
        return 0.0 if self.outside_cm3 else found_gy, found_gy

    def _wanted_cm3(self, samples: Samples) -> float:
        """The hottest volume [cm3] whose lowest dose is asked for."""
        total_cm3, amount = self._total_cm3(samples), self.metric.amount or 0.0
        wanted_cm3 = min(amount if self.metric.amount_unit == "cc" else amount / 100.0 * total_cm3, total_cm3)
        return total_cm3 - wanted_cm3 if self.metric.kind is MetricKind.DOSE_COMPLEMENT else wanted_cm3

    def _dose_at_volume(self, samples: Samples, volume_cm3: float) -> Range | None:
        cumulative = _cumulative(samples)
        dose_gy = float(np.interp(volume_cm3, cumulative, samples.dose_gy))
        if not self.outside_cm3:
            return dose_gy, dose_gy
        # Of more than the known part the dose may be anything that the missing part has.
        lowest_gy = dose_gy if volume_cm3 <= float(cumulative[-1]) else 0.0
        # The missing part can only push the curve up: by its volume, and never beyond its bound.
        if volume_cm3 > self.outside_cm3:
            highest_gy = float(np.interp(volume_cm3 - self.outside_cm3, cumulative, samples.dose_gy))
            if self.bound_gy is not None:
                highest_gy = min(highest_gy, max(dose_gy, self.bound_gy))
        elif self.bound_gy is not None:
            highest_gy = max(dose_gy, self.bound_gy)
        else:
            return None
        return lowest_gy, max(lowest_gy, highest_gy)


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
