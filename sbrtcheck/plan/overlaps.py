"""What of one structure lies in another, and what does not: volumes on a lattice."""

from __future__ import annotations

import numpy as np

from sbrtcheck.dvh import Structure
from sbrtcheck.model import FloatArray

# So many lattice points in a box, where the step stays within these bounds [mm].
N_LATTICE = 60_000
MIN_STEP_MM, MAX_STEP_MM = 0.4, 2.0
# Surfaces that run along each other differ by this where they are drawn as one [mm].
SAME_SURFACE_MM = 1.0


def overlap_cm3(one: Structure, other: Structure) -> float:
    """Volume that two structures share [cm3]; 0 when one of them has no shape."""
    if one.bounds_mm is None or other.bounds_mm is None:
        return 0.0
    (low, high), (other_low, other_high) = np.asarray(one.bounds_mm), np.asarray(other.bounds_mm)
    points, cell_cm3 = _lattice(np.maximum(low, other_low), np.minimum(high, other_high))
    if not len(points):
        return 0.0
    points = points[one.contains(points)]
    return float(np.count_nonzero(other.contains(points))) * cell_cm3 if len(points) else 0.0


def outside_cm3(inner: Structure, outer: Structure) -> float | None:
    """Volume of a structure that lies outside another by more than where one surface is drawn twice [cm3].

    None when one of them has no shape.
    """
    if inner.bounds_mm is None or outer.bounds_mm is None:
        return None
    if len(inner.vertices_mm) and bool(np.all(outer.contains(inner.vertices_mm))):
        return 0.0
    low, high = np.asarray(inner.bounds_mm)
    points, cell_cm3 = _lattice(low, high)
    points = points[inner.contains(points)]
    beyond = points[~outer.contains(points)] if len(points) else points
    if not len(beyond):
        return 0.0
    from scipy.spatial import cKDTree

    from sbrtcheck.dvh.contours.derived import surface_points

    gap, _ = cKDTree(surface_points(outer)).query(beyond)
    return float(np.count_nonzero(gap > SAME_SURFACE_MM)) * cell_cm3


def _lattice(low: FloatArray, high: FloatArray) -> tuple[FloatArray, float]:
    """Points in the middle of equal cells of a box (n, 3), and the volume of a cell [cm3]; none in an empty box."""
    extent = high - low
    if np.any(extent <= 0):
        return np.empty((0, 3)), 0.0
    step = float(np.clip(np.cbrt(np.prod(extent) / N_LATTICE), MIN_STEP_MM, MAX_STEP_MM))
    n = np.maximum(np.ceil(extent / step).astype(int), 1)
    axes = [a + (np.arange(k) + 0.5) * (b - a) / k for a, b, k in zip(low, high, n, strict=True)]
    points: FloatArray = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return points, float(np.prod(extent / n)) / 1000
