"""What lies near a target: by distance, or by the dose that it gets there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sbrtcheck.anatomy.points import points_distance_mm
from sbrtcheck.model import FloatArray


@dataclass(frozen=True, slots=True)
class NearRule:
    """When a structure counts as near: within ``distance_mm``, or with a near-maximum above the lower of two doses.

    ``rx_gy``: a share of the highest prescription; ``limit_share``: a share of the organ's lowest point limit.
    """

    distance_mm: float
    rx_gy: float | None
    limit_share: float

    def holds(self, *, distance_mm: float | None, near_maximum_gy: float | None, limit_gy: float | None) -> bool:
        """Whether a structure is near.

        Args:
            distance_mm: to the nearest target; None unknown.
            near_maximum_gy: its near-maximum; None unknown.
            limit_gy: lowest mandatory point limit of the organ in any source; None without one.
        """
        if distance_mm is not None and distance_mm <= self.distance_mm:
            return True
        if near_maximum_gy is None:
            return False
        above = [x for x in (self.rx_gy, None if limit_gy is None else self.limit_share * limit_gy) if x is not None]
        return bool(above) and near_maximum_gy > min(above)


def distance_to_targets_mm(
    points_mm: FloatArray, targets_mm: Sequence[FloatArray], *, within_mm: float = float("inf")
) -> float | None:
    """Distance of contour points (n, 3) to the nearest target [mm]; None without points.

    Beyond ``within_mm`` of every target's box only the distance of the boxes is given, which is a lower bound.
    """
    gaps = []
    for target in targets_mm:
        if not len(points_mm) or not len(target):
            continue
        box = _box_gap_mm(points_mm, target)
        gaps.append(box if box > within_mm else points_distance_mm(points_mm, target))
    return min(gaps, default=None)


def _box_gap_mm(one: FloatArray, other: FloatArray) -> float:
    """Distance of the boxes around two clouds of points [mm]."""
    gap = np.maximum(one.min(axis=0) - other.max(axis=0), other.min(axis=0) - one.max(axis=0))
    return float(np.linalg.norm(np.maximum(gap, 0.0)))
