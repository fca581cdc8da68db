"""Solids, analytic SBRT doses and scenes: a patient as functions, drawn as contours and laid on a grid.

A solid knows its outline at a height and whether a point lies in it; a dose is a function of position. What a scenario
claims (``Scene.measure``) is counted on a lattice of the solids themselves and never uses contours, the grid or the
program. Coordinates are a patient's [mm]: x to the left, y to the back, z to the head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbrtcheck import Problem, Study, study_from_arrays

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Point = tuple[float, float, float]
N_CORNERS = 20
PLANES_MM = 5.0
TARGET_PLANES_MM = 3.0
GRID_MM = 3.0
_TURN = 2 * np.pi * np.arange(N_CORNERS) / N_CORNERS
# A polygon with the area of the circle.
_CIRCLE = np.column_stack([np.cos(_TURN), np.sin(_TURN)]) * np.sqrt(_TURN[1] / np.sin(_TURN[1]))


@dataclass(frozen=True)
class Ellipsoid:
    """With half axes ``radii``."""

    centre: Point
    radii: Point

    @property
    def bounds(self) -> Array:
        return np.array([np.subtract(self.centre, self.radii), np.add(self.centre, self.radii)])

    def inside(self, p: Array) -> Mask:
        return self.reduced(p) <= 1.0

    def reduced(self, p: Array) -> Array:
        """Distance from the middle in units of the surface's."""
        return np.sqrt(np.sum(((p - np.array(self.centre)) / np.array(self.radii)) ** 2, axis=-1))

    def loops(self, z: float) -> list[Array]:
        height = (z - self.centre[2]) / self.radii[2]
        if abs(height) >= 1.0:
            return []
        size = np.sqrt(1 - height**2)
        return [_CIRCLE * np.array(self.radii[:2]) * size + np.array(self.centre[:2])]


@dataclass(frozen=True)
class Tube:
    """Along z from ``low`` to ``high`` [mm], elliptical."""

    centre: tuple[float, float]
    radii: tuple[float, float]
    low: float
    high: float

    @property
    def bounds(self) -> Array:
        x, y = self.centre
        a, b = self.radii
        return np.array([(x - a, y - b, self.low), (x + a, y + b, self.high)])

    def inside(self, p: Array) -> Mask:
        ring = np.sum(((p[..., :2] - np.array(self.centre)) / np.array(self.radii)) ** 2, axis=-1)
        return (ring <= 1.0) & (p[..., 2] >= self.low) & (p[..., 2] <= self.high)

    def loops(self, z: float) -> list[Array]:
        return [_CIRCLE * np.array(self.radii) + np.array(self.centre)] if self.low <= z <= self.high else []


@dataclass(frozen=True)
class Joined:
    """Several solids that do not touch, as one structure."""

    parts: tuple[Solid, ...]

    @property
    def bounds(self) -> Array:
        every = np.array([part.bounds for part in self.parts])
        return np.array([every[:, 0].min(axis=0), every[:, 1].max(axis=0)])

    def inside(self, p: Array) -> Mask:
        return np.any([part.inside(p) for part in self.parts], axis=0)

    def loops(self, z: float) -> list[Array]:
        return [loop for part in self.parts for loop in part.loops(z)]


@dataclass(frozen=True)
class Hollow:
    """A solid without the one inside it, drawn as nested loops."""

    outer: Solid
    inner: Solid

    @property
    def bounds(self) -> Array:
        return self.outer.bounds

    def inside(self, p: Array) -> Mask:
        return self.outer.inside(p) & ~self.inner.inside(p)

    def loops(self, z: float) -> list[Array]:
        outer = self.outer.loops(z)
        return [*outer, *self.inner.loops(z)] if outer else []


@dataclass(frozen=True)
class Cut:
    """What of a solid lies between two heights [mm]: cut by the scan, or drawn in part."""

    whole: Solid
    low: float = -np.inf
    high: float = np.inf

    @property
    def bounds(self) -> Array:
        bounds = self.whole.bounds.copy()
        bounds[:, 2] = np.clip(bounds[:, 2], self.low, self.high)
        return bounds

    def inside(self, p: Array) -> Mask:
        return self.whole.inside(p) & (p[..., 2] >= self.low) & (p[..., 2] <= self.high)

    def loops(self, z: float) -> list[Array]:
        return self.whole.loops(z) if self.low <= z <= self.high else []


Solid = Ellipsoid | Tube | Joined | Hollow | Cut
DoseOf = Callable[[Array], Array]


def ball(centre: Point, radius: float) -> Ellipsoid:
    return Ellipsoid(centre, (radius, radius, radius))


def grown(target: Ellipsoid, by_mm: float) -> Ellipsoid:
    """The target with a margin (negative: what it surrounds)."""
    a, b, c = target.radii
    return Ellipsoid(target.centre, (a + by_mm, b + by_mm, c + by_mm))


def moved(solid: Solid, by: Point) -> Solid:
    """The solid elsewhere."""
    match solid:
        case Ellipsoid():
            x, y, z = np.add(solid.centre, by)
            return replace(solid, centre=(float(x), float(y), float(z)))
        case Tube():
            x, y = np.add(solid.centre, by[:2])
            return Tube((float(x), float(y)), solid.radii, solid.low + by[2], solid.high + by[2])
        case Joined():
            return Joined(tuple(moved(part, by) for part in solid.parts))
        case Hollow():
            return Hollow(moved(solid.outer, by), moved(solid.inner, by))
        case Cut():
            return Cut(moved(solid.whole, by), solid.low + by[2], solid.high + by[2])


def volume_cm3(solid: Solid) -> float:
    """By closed form."""
    match solid:
        case Ellipsoid():
            return float(4 / 3 * np.pi * np.prod(solid.radii) / 1000)
        case Tube():
            return float(np.pi * np.prod(solid.radii) * (solid.high - solid.low) / 1000)
        case Joined():
            return sum(volume_cm3(part) for part in solid.parts)
        case Hollow():
            return volume_cm3(solid.outer) - volume_cm3(solid.inner)
        case Cut():
            points, cell_cm3 = lattice(solid)
            return len(points) * cell_cm3


def lattice(solid: Solid, *, n_wanted: int = 60_000) -> tuple[Array, float]:
    """Points inside a solid on a regular lattice, and the volume that each stands for [cm3]."""
    low, high = solid.bounds
    pitch = max((float(np.prod(high - low)) / n_wanted) ** (1 / 3), 0.5)
    n = np.maximum(np.ceil((high - low) / pitch).astype(int), 3)
    step = (high - low) / n
    axes = [low[i] + (np.arange(n[i]) + 0.5) * step[i] for i in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return points[solid.inside(points)], float(np.prod(step)) / 1000


def shot(target: Ellipsoid, rx_gy: float, *, peak: float = 1.25, r50: float = 4.4, covered: float = 0.965) -> DoseOf:
    """The dose of one SBRT target, smooth everywhere.

    D = top / (1 + (s / h)^p) of the distance s from the middle in units of the surface: the isodose of the prescription
    holds ``covered`` of the target's volume, that of half of it ``r50`` times the target's volume, and the maximum is
    ``peak`` times the prescription. All three are closed forms.
    """
    p = np.log((2 * peak - 1) / (peak - 1)) / np.log((r50 / covered) ** (1 / 3))
    h = covered ** (1 / 3) / (peak - 1) ** (1 / p)
    return lambda points: rx_gy * peak / (1 + (target.reduced(points) / h) ** p)


def distance_mm(solid: Tube | Ellipsoid, p: Array) -> Array:
    """About how far outside a tube or ellipsoid a point lies; 0 inside."""
    if isinstance(solid, Tube):
        ring = np.sqrt(np.sum(((p[..., :2] - np.array(solid.centre)) / np.array(solid.radii)) ** 2, axis=-1))
        across = np.maximum(ring - 1, 0) * float(np.mean(solid.radii))
        along = np.maximum(np.maximum(solid.low - p[..., 2], p[..., 2] - solid.high), 0)
        return np.hypot(across, along)
    return np.maximum(solid.reduced(p) - 1, 0) * float(np.cbrt(np.prod(solid.radii)))


def sparing(dose: DoseOf, organ: Tube | Ellipsoid, *, to: float, within_mm: float) -> DoseOf:
    """The dose held back to the share ``to`` inside an organ, coming back over ``within_mm`` around it."""
    return lambda p: dose(p) * (1 - (1 - to) * np.exp(-((distance_mm(organ, p) / within_mm) ** 2)))


def total(*doses: DoseOf) -> DoseOf:
    return lambda p: np.sum([dose(p) for dose in doses], axis=0)


def bath(solid: Ellipsoid, gy: float) -> DoseOf:
    """A low dose throughout a large region that fades outside it."""
    return lambda p: gy / (1 + solid.reduced(p) ** 8)


@dataclass(frozen=True)
class Scene:
    """A patient with a plan: solids by ROI name, a dose [Gy] at every point, prescriptions [Gy] by target.

    ``reach``: low and high corner of the dose grid [mm]. ``saturated_at_gy``: where the dose grid ends [Gy].
    ``plan_facts``: what else the RT plan says, by the names of ``sbrtcheck.model.Plan``. ``problems``: what
    reading the files would have said.
    """

    solids: Mapping[str, Solid]
    dose: DoseOf
    prescriptions_gy: Mapping[str, float]
    n_fractions: int
    reach: tuple[Point, Point]
    label: str = "plan"
    sex: str = ""
    grid_mm: float = GRID_MM
    planes_mm: Mapping[str, float] = field(default_factory=dict)
    heterogeneity: str = ""
    saturated_at_gy: float = np.inf
    plan_facts: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def renamed(self, **names: str) -> Scene:
        """With other ROI names."""
        return replace(
            self,
            solids={names.get(k, k): v for k, v in self.solids.items()},
            prescriptions_gy={names.get(k, k): v for k, v in self.prescriptions_gy.items()},
        )

    def without(self, *rois: str) -> Scene:
        return replace(self, solids={k: v for k, v in self.solids.items() if k not in rois})

    def with_(self, **solids: Solid) -> Scene:
        """With structures added or drawn otherwise."""
        return replace(self, solids={**self.solids, **solids})

    def shifted(self, by: Point) -> Scene:
        """With the dose moved: a wrong isocentre."""
        dose, off = self.dose, np.array(by)
        return replace(self, dose=lambda p: dose(p - off))

    def scaled(self, factor: float) -> Scene:
        """With every dose times a factor: a wrong scaling."""
        dose = self.dose
        return replace(self, dose=lambda p: factor * dose(p))

    def _spacing_mm(self, roi: str) -> float:
        target = any(roi.upper().startswith(word) for word in ("PTV", "GTV", "ITV", "CTV"))
        return self.planes_mm.get(roi, TARGET_PLANES_MM if target else PLANES_MM)

    def contours(self) -> dict[str, list[Array]]:
        """Closed loops of every structure on its planes, phases as they fall."""
        found = {}
        for roi, solid in self.solids.items():
            spacing = self._spacing_mm(roi)
            low, high = solid.bounds[:, 2]
            planes = np.arange(np.ceil(low / spacing), np.floor(high / spacing) + 1) * spacing
            found[roi] = [np.column_stack([loop, np.full(len(loop), z)]) for z in planes for loop in solid.loops(z)]
        return found

    def grid(self) -> tuple[Array, Array]:
        """Dose [Gy] of shape (n_k, n_j, n_i) and its affine."""
        low, high = np.array(self.reach)
        n = np.ceil((high - low) / self.grid_mm).astype(int) + 1
        x, y, z = (low[i] + np.arange(n[i]) * self.grid_mm for i in range(3))
        k, j, i = np.meshgrid(z, y, x, indexing="ij")
        affine = np.diag([self.grid_mm, self.grid_mm, self.grid_mm, 1.0])
        affine[:3, 3] = low
        return np.minimum(self.dose(np.stack([i, j, k], axis=-1)), self.saturated_at_gy), affine

    def study(self, grid: tuple[Array, Array] | None = None) -> Study:
        """As the program reads it; ``grid`` where it is known already."""
        dose, affine = self.grid() if grid is None else grid
        study = study_from_arrays(
            dose_gy=dose,
            affine=affine,
            contours=self.contours(),
            n_fractions=self.n_fractions,
            prescriptions_gy=self.prescriptions_gy,
            label=self.label,
            sex=self.sex,
        )
        (data,) = study.plans
        data = replace(
            data,
            plan=replace(data.plan, **self.plan_facts),
            dose=replace(data.dose, heterogeneity_correction=self.heterogeneity),
        )
        return replace(study, plans=(data,), problems=self.problems)

    def counted(self, *rois: str) -> Counted:
        """The doses in one structure, or in several as one, on a lattice of the solids."""
        solids = tuple(self.solids[roi] for roi in rois)
        points, cell_cm3 = lattice(solids[0] if len(solids) == 1 else Joined(solids))
        return Counted(np.sort(self.dose(points))[::-1], cell_cm3)


@dataclass(frozen=True)
class Counted:
    """Doses [Gy] of equal volumes, falling."""

    gy: Array
    cell_cm3: float

    @cached_property
    def volume_cm3(self) -> float:
        return len(self.gy) * self.cell_cm3

    def d_cc(self, cc: float) -> float:
        """Dose [Gy] that the hottest volume [cm3] gets at least."""
        return float(self.gy[min(int(cc / self.cell_cm3), len(self.gy) - 1)])

    def d_percent(self, percent: float) -> float:
        return float(self.gy[min(int(percent / 100 * len(self.gy)), len(self.gy) - 1)])

    def v_percent(self, gy: float) -> float:
        """Volume at or above a dose [%]."""
        return float(100 * np.mean(self.gy >= gy))

    def cold_cc(self, gy: float) -> float:
        """Volume below a dose [cm3]."""
        return float(np.sum(self.gy < gy) * self.cell_cm3)

    @property
    def mean(self) -> float:
        return float(self.gy.mean())


def named(names: Sequence[str], solids: Mapping[str, Solid]) -> dict[str, Solid]:
    """Those structures, in that order."""
    return {name: solids[name] for name in names}
