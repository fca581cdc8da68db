"""Where in a target the dose is too low, and which organs lie there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sbrtcheck.dvh import Structure
from sbrtcheck.dvh.contours.derived import surface_points
from sbrtcheck.dvh.contours.surface import Surface
from sbrtcheck.dvh.points.interpolation import dose_at
from sbrtcheck.model import DoseGrid, FloatArray

# Enough places to tell on which side of a target they lie.
_MOST_POINTS = 4000


@dataclass(frozen=True, slots=True, eq=False)
class ColdSpots:
    """The places of a target below a dose [mm], shape (n, 3), and the target's centre (3,)."""

    points_mm: FloatArray
    centre_mm: FloatArray

    def beside(self, organ: Structure, *, distance_mm: float) -> np.ndarray:
        """(n,) which of the places lie so near to an organ, and on its side of the target."""
        beside = np.zeros(len(self.points_mm), dtype=bool)
        if not len(self.points_mm) or organ.bounds_mm is None:
            return beside
        low, high = organ.bounds_mm
        near = np.flatnonzero(
            np.all((self.points_mm >= low - distance_mm) & (self.points_mm <= high + distance_mm), axis=1)
        )
        surface = surface_points(organ)
        if not len(near) or not len(surface):
            return beside
        from scipy.spatial import cKDTree

        points = self.points_mm[near]
        gap, foot = cKDTree(surface).query(points)
        held = organ.contains(points)
        outwards = np.einsum("ij,ij->i", points - self.centre_mm, surface[foot] - self.centre_mm)
        beside[near] = held | ((gap <= distance_mm) & (outwards > 0))
        return beside


def cold_spots(target: Structure, dose: DoseGrid, *, below_gy: float) -> ColdSpots | None:
    """The places inside a target with less than a dose [Gy]; None where the target has no shape."""
    if target.blocked is not None:
        return None
    inside = Surface(target).inside_mm
    if not len(inside):
        return None
    centre: FloatArray = inside.mean(axis=0)
    gy = dose_at(dose, inside, interpolation="linear")
    cold = inside[np.isfinite(gy) & (gy < below_gy)]
    step = -(-len(cold) // _MOST_POINTS)
    return ColdSpots(cold[::step] if step > 1 else cold, centre)
