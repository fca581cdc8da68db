"""How wide a structure is."""

from __future__ import annotations

import numpy as np

from sbrtcheck.dvh import Structure
from sbrtcheck.model import FloatArray

# So many directions over half a sphere: the widest is off by at most 0.1 %.
_N_DIRECTIONS = 2000


def diameter_mm(structure: Structure) -> float | None:
    """The greatest distance of two of its points [mm]; None without a shape."""
    if structure.bounds_mm is None:
        return None
    low, high = np.asarray(structure.bounds_mm)
    # The end caps lie beyond the outermost contours.
    tall = float(high[2] - low[2])
    points = structure.vertices_mm
    if not len(points):
        return max(tall, float(np.max(high - low)))
    along = points @ _directions().T
    return max(tall, float(np.max(along.max(axis=0) - along.min(axis=0))))


def _directions() -> FloatArray:
    """Directions spread evenly over half a sphere, shape (n, 3)."""
    n = np.arange(_N_DIRECTIONS)
    z = (n + 0.5) / _N_DIRECTIONS
    angle = n * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - z**2)
    return np.column_stack([flat * np.cos(angle), flat * np.sin(angle), z])
