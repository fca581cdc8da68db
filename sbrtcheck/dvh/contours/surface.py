"""The surface of a structure as points, and distances to it: what conformity asks of a target's shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model.dose import FloatArray

BoolArray = NDArray[np.bool_]

# The lattice on which the surface is looked for: so many points in all where the step stays within these bounds [mm],
# and at least so many steps across the structure. A foot that lies s beside the true one makes a distance of 20 mm too
# long by s^2 / 20 mm and more on curved surfaces: at 0.8 mm steps, under 0.03 mm.
N_LATTICE = 80_000
MIN_STEP_MM, MAX_STEP_MM = 0.5, 2.0
N_STEPS_ACROSS = 12
N_BISECTIONS = 6
THINNED_MM = 2.0
# How far its points may stand beside the true foot of a distance of 2 cm, as a change of that distance.
SURFACE_MM = 0.05


class Region(Protocol):
    """The part of a Structure that distances need: name, corners, and whether a point is inside."""

    @property
    def name(self) -> str:
        """Its name as reported."""

    @property
    def bounds_mm(self) -> Any:
        """Lowest and highest corner [mm], shape (2, 3)."""

    def contains(self, points_mm: FloatArray) -> BoolArray:
        """(n,) whether each point (n, 3) [mm] lies inside."""


class Surface:
    """Points on the surface of a shape and a tree over them.

    ``points_mm`` (n, 3): where lines of a lattice along x, y and z cross the surface, found by bisection to 1/64 of the
    lattice step; ``thinned_mm``: one of them for each 2 mm. ``inside_mm`` (m, 3): the lattice points inside.
    """

    def __init__(self, shape: Region) -> None:
        from scipy.spatial import cKDTree

        self.shape = shape
        self.low_mm, self.high_mm = bounds(shape)
        extent = self.high_mm - self.low_mm
        even = float(np.clip(np.cbrt(np.prod(extent) / N_LATTICE), MIN_STEP_MM, MAX_STEP_MM))
        self.step_mm = min(even, max(float(extent.min()), 1e-3) / N_STEPS_ACROSS)
        # an irrational phase keeps the lattice off contour planes and grid centres
        axes = [
            np.arange(low - 1.381966 * self.step_mm, high + 1.6 * self.step_mm, self.step_mm)
            for low, high in zip(self.low_mm, self.high_mm, strict=True)
        ]
        lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        flags = shape.contains(lattice.reshape(-1, 3)).reshape(lattice.shape[:3])
        self.inside_mm: FloatArray = lattice[flags]
        within, beyond = [], []
        for axis in range(3):
            first = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
            second = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
            for one, other in ((first, second), (second, first)):
                crossing = flags[one] & ~flags[other]
                within.append(lattice[one][crossing])
                beyond.append(lattice[other][crossing])
        inner, outer = np.concatenate(within), np.concatenate(beyond)
        for _ in range(N_BISECTIONS):
            middle = (inner + outer) / 2
            held = shape.contains(middle)[:, None] if len(middle) else np.empty((0, 1), dtype=bool)
            inner, outer = np.where(held, middle, inner), np.where(held, outer, middle)
        self.points_mm: FloatArray = (inner + outer) / 2
        self._fine = self._coarse = None
        if len(self.points_mm):
            _, kept = np.unique(np.floor(self.points_mm / THINNED_MM), axis=0, return_index=True)
            self.thinned_mm: FloatArray = self.points_mm[kept]
            self._fine, self._coarse = cKDTree(self.points_mm), cKDTree(self.thinned_mm)

    @property
    def found(self) -> bool:
        """False for a structure too thin for the lattice: no distance can be given."""
        return self._fine is not None

    def nearest(self, points_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance [mm] (n,) to the surface, from inside and outside alike, and the nearest surface point (n, 3)."""
        if self._fine is None:
            raise ValueError("a surface without points has no distance")
        distance, place = self._fine.query(points_mm)
        return distance, self.points_mm[place]

    def thinned_nearest(self, points_mm: FloatArray, most_mm: float) -> tuple[FloatArray, FloatArray]:
        """As `nearest`, among one surface point for each 2 mm; infinite beyond ``most_mm`` or without a surface."""
        if self._coarse is None:
            return np.full(len(points_mm), np.inf), np.zeros((len(points_mm), 3))
        distance, place = self._coarse.query(points_mm, distance_upper_bound=most_mm)
        return distance, self.thinned_mm[np.minimum(place, len(self.thinned_mm) - 1)]

    def box_distance(self, points_mm: FloatArray) -> FloatArray:
        """Distance [mm] (n,) to the box around the shape, which is never more than that to its surface."""
        outside = np.maximum(np.maximum(self.low_mm - points_mm, points_mm - self.high_mm), 0.0)
        result: FloatArray = np.linalg.norm(outside, axis=1)
        return result

    def within(self, points_mm: FloatArray, distance_mm: float, *, exact: bool) -> BoolArray:
        """(n,) whether the surface comes nearer to each point than ``distance_mm``: faster than the distance.

        Not exact: among one surface point for each 2 mm; at 20 mm such distances are about 0.1 mm too long.
        """
        if self._fine is None or self._coarse is None:
            raise ValueError("a surface without points has no distance")
        tree = self._fine if exact else self._coarse
        distance, _ = tree.query(points_mm, distance_upper_bound=distance_mm)
        near: BoolArray = np.isfinite(distance)
        return near

    def contains(self, points_mm: FloatArray) -> BoolArray:
        """(n,) whether each point lies inside; the shape is asked only within its bounds."""
        held = np.zeros(len(points_mm), dtype=bool)
        near = np.all((points_mm >= self.low_mm) & (points_mm <= self.high_mm), axis=1)
        if np.any(near):
            held[near] = self.shape.contains(points_mm[near])
        return held


@dataclass(frozen=True, slots=True, eq=False)
class TargetShape:
    """A target ready for distances. ``shift_mm``: how far its surface may lie off, by the band of its volume [mm]."""

    surface: Surface
    prescription_gy: float
    volume_cm3: float
    volume_low_cm3: float
    volume_high_cm3: float

    @property
    def name(self) -> str:
        """Name of the structure."""
        return self.surface.shape.name

    @property
    def shift_mm(self) -> float:
        """Half the band of the volume over the surface of a sphere of that volume, and our own 0.05 mm [mm]."""
        area_mm2 = (36 * np.pi) ** (1 / 3) * (self.volume_cm3 * 1000) ** (2 / 3)
        return float((self.volume_high_cm3 - self.volume_low_cm3) * 500 / area_mm2) + SURFACE_MM


def bounds(shape: Region) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest corner [mm] of a shape, each (3,)."""
    corners = np.asarray(shape.bounds_mm, dtype=float).reshape(2, 3)
    return corners[0], corners[1]


def held_by(surfaces: Sequence[Surface], points_mm: FloatArray) -> NDArray[np.int64]:
    """(n,) number of the first surface that holds each point, or -1."""
    holder = np.full(len(points_mm), -1)
    for number, surface in enumerate(surfaces):
        free = np.flatnonzero(holder < 0)
        holder[free[surface.contains(points_mm[free])]] = number
    return holder


def nearest_of(surfaces: Sequence[Surface], points_mm: FloatArray) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Number of the nearest surface (n,), distance [mm] (n,) and foot (n, 3) on it, from thinned surfaces.

    From inside and outside alike; one search over all surfaces.
    """
    from scipy.spatial import cKDTree

    feet = np.concatenate([s.thinned_mm for s in surfaces])
    label = np.repeat(np.arange(len(surfaces)), [len(s.thinned_mm) for s in surfaces])
    distance, place = cKDTree(feet).query(points_mm)
    return label[place], distance, feet[place]


def owners(surfaces: Sequence[Surface], points_mm: FloatArray) -> NDArray[np.int64]:
    """(n,) number of the target each point belongs to: the one that holds it, else the nearest."""
    if len(surfaces) == 1:
        return np.zeros(len(points_mm), dtype=np.int64)
    owner = held_by(surfaces, points_mm)
    free = np.flatnonzero(owner < 0)
    if len(free):
        owner[free] = nearest_of(surfaces, points_mm[free])[0]
    return owner
