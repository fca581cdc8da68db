"""A DVH as a band: the relative volume over dose that any reading of the contours gives."""

from __future__ import annotations

import numpy as np

from sbrtcheck.model.dose import Dvh, FloatArray, Samples


class Band:
    """The envelope of all readings of our Dvh, as relative volume over dose, and the box around it.

    The box: ``dose_tolerance_gy`` [Gy] to either side, ``tolerance`` (share of the volume) up and down.
    """

    def __init__(self, ours: Dvh, *, dose_tolerance_gy: float, tolerance: float) -> None:
        outside = ours.outside_volume_cm3
        readings = [ours.samples, *(samples for _, samples in ours.variants if samples.dose_gy.size)]
        totals = [ours.total_volume_cm3, *(float(np.sum(s.volume_cm3)) + outside for s in readings[1:])]
        self._readings = list(zip(readings, totals, strict=True))
        self._outside = outside / ours.total_volume_cm3
        self._dose_tolerance_gy = dose_tolerance_gy
        self._tolerance = tolerance
        volumes = [*totals, ours.extras.get("slab_volume_cm3", totals[0])]
        self.volume_cm3 = (min(volumes), max(volumes))

    def low(self, dose_gy: FloatArray) -> FloatArray:
        """Lowest relative volume at or above each dose over all readings; dose outside the grid counts as none."""
        shares: FloatArray = np.min([share_at(s, dose_gy, total_cm3=total) for s, total in self._readings], axis=0)
        return shares

    def high(self, dose_gy: FloatArray) -> FloatArray:
        """Highest relative volume at or above each dose; dose outside the grid may be any."""
        shares: FloatArray = np.max([share_at(s, dose_gy, total_cm3=total) for s, total in self._readings], axis=0)
        return shares + self._outside

    def holds(self, dose_gy: FloatArray, share: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether each point (dose, relative volume) lies within the band widened by the box."""
        under = share <= self.high(dose_gy - self._dose_tolerance_gy) + self._tolerance
        over = share >= self.low(dose_gy + self._dose_tolerance_gy) - self._tolerance
        held: np.ndarray[tuple[int], np.dtype[np.bool_]] = under & over
        return held

    def mean_holds(self, low_gy: float, high_gy: float, stored_gy: float) -> bool:
        """Whether a mean lies within the band of ours widened by the dose tolerance."""
        return low_gy - self._dose_tolerance_gy <= stored_gy <= high_gy + self._dose_tolerance_gy


def share_at(samples: Samples, dose_gy: FloatArray, *, total_cm3: float) -> FloatArray:
    """Relative volume (n,) that receives at least each dose (n,) [Gy], of ``total_cm3`` [cm3]."""
    cumulative = np.concatenate([[0.0], np.cumsum(samples.volume_cm3)]) / total_cm3
    count = np.searchsorted(-samples.dose_gy, -np.asarray(dose_gy, dtype=float), side="right")
    result: FloatArray = cumulative[count]
    return result
