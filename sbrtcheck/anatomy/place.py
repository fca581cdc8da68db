"""How much of one structure lies inside others, on a lattice over its box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sbrtcheck.dvh import Structure
from sbrtcheck.model import FloatArray


def points_inside(structure: Structure, *, n_per_axis: int = 25) -> FloatArray:
    """Lattice points inside a structure [mm], (n, 3); none when it is blocked."""
    bounds = structure.bounds_mm
    if bounds is None:
        return np.empty((0, 3))
    axes = [a + (np.arange(n_per_axis) + 0.5) * (b - a) / n_per_axis for a, b in zip(*bounds, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inside: FloatArray = points[structure.contains(points)]
    return inside


def share_inside(inner: Structure, outer: Sequence[Structure], *, n_per_axis: int = 25) -> float:
    """Share of a structure that lies in any of others; 0 when it is blocked."""
    if not any(boxes_meet(inner, o) for o in outer):
        return 0.0
    points = points_inside(inner, n_per_axis=n_per_axis)
    if not len(points):
        return 0.0
    return float(np.mean(np.any([o.contains(points) for o in outer], axis=0)))


def boxes_meet(one: Structure, other: Structure) -> bool:
    """Whether the boxes around two structures share a point; no box, no."""
    first, second = one.bounds_mm, other.bounds_mm
    if first is None or second is None:
        return False
    return bool(np.all(first[0] <= second[1]) and np.all(second[0] <= first[1]))
