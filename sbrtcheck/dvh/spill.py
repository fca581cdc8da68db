"""Dose outside the targets: D2cm, V105% outside, and where the highest dose of the grid lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.isodose import IntArray, dose_cubic, isodose, parts_above
from sbrtcheck.dvh.surface import Region, Surface, held_by, nearest_of, owners
from sbrtcheck.model.dose import DoseGrid, FloatArray, MetricValue
from sbrtcheck.model.vocabulary import Reason

D2CM_MM = 20.0
SPILL_LEVEL = 1.05
# How far the points of a surface may stand beside the true foot of a distance of 2 cm, as a change of that distance.
SURFACE_MM = 0.05
_CHUNK = 500
# So many of the highest doses found with the thinned surface are looked at again with the whole one.
_N_AGAIN = 400
# (order of interpolation, parts of a cell along each axis) for cells beside a target's surface; the first is nominal
_PARTS = ((3, 3), (1, 2))
# Doses are visited from the highest down in these shares of the grid's maximum.
_STEPS = (1.0, 0.75, 0.6, 0.5, 0.4, 0.32, 0.25, 0.18, 0.12, 0.06, 0.03, 0.0)
_N_EMPTY = 100_000
_POOL = 0.25  # centres above this share are looked up first; the rest only when a target still lacks its number


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


@dataclass(frozen=True, slots=True)
class GlobalMaximum:
    """The highest dose of the grid.

    ``dose_gy`` at the grid's centre [Gy]; ``peak_gy`` of the cubic between the centres around it [Gy]; ``position_mm``
    (x, y, z); ``target`` the nearest one, ``inside`` whether it holds the point, ``distance_mm`` else [mm].
    """

    dose_gy: float
    peak_gy: float
    position_mm: tuple[float, float, float]
    target: str
    inside: bool
    distance_mm: float

    @property
    def place(self) -> str:
        """Where it lies, in words."""
        if not self.target:
            return "no target known"
        return f"inside {self.target}" if self.inside else f"{self.distance_mm:.1f} mm outside {self.target}"


def maximum_of_grid(dose: DoseGrid, surfaces: Sequence[Surface]) -> GlobalMaximum:
    """The highest dose of the whole grid and the target nearest to it."""
    place = np.array(np.unravel_index(int(np.argmax(dose.dose_gy)), dose.dose_gy.shape))
    index = place[::-1].astype(float)
    point = dose.to_patient(index[None])
    fine = np.linspace(-1, 1, 9)
    around = index + np.stack(np.meshgrid(fine, fine, fine, indexing="ij"), axis=-1).reshape(-1, 3)
    peak = float(np.nanmax(dose_cubic(dose, dose.to_patient(around)), initial=float(dose.dose_gy[tuple(place)])))
    position = (float(point[0, 0]), float(point[0, 1]), float(point[0, 2]))
    highest = float(dose.dose_gy[tuple(place)])
    holding = [s for s in surfaces if s.contains(point)[0]]
    if holding:
        return GlobalMaximum(highest, peak, position, holding[0].shape.name, True, 0.0)
    found = [s for s in surfaces if s.found]
    if not found:
        return GlobalMaximum(highest, peak, position, "", False, 0.0)
    nearest, away, _ = nearest_of(found, point)
    return GlobalMaximum(highest, peak, position, found[int(nearest[0])].shape.name, False, float(away[0]))


def d2cm(dose: DoseGrid, targets: Sequence[TargetShape], body: Region | None) -> list[MetricValue]:
    """Highest dose 2 cm or more from every target, in percent of the prescription of the nearest target.

    Taken over the grid's centres and, on the surface at exactly 2 cm, between them by cubic interpolation. Each point
    belongs to the target nearest to it. The band: trilinear beside cubic, and 2 cm plus or minus what the volume band
    moves the target's surface.
    """
    surfaces = [t.surface for t in targets]
    cut = [_cut_within_2cm(dose, surface, body) for surface in surfaces]
    centres = _highest_centres(dose, surfaces, body)
    where = "" if body is not None else "no body contour: dose anywhere in the grid counts"
    values = []
    for number, target in enumerate(targets):
        if cut[number]:
            note = "the dose grid ends less than 2 cm from the target, inside the patient"
            values.append(MetricValue("D2cm[%]", None, None, None, "%", Reason.OUTSIDE_GRID, note))
            continue
        highest_gy, at_mm, zone = centres[number]
        shift = target.shift_mm
        on = _on_shell(dose, surfaces, number, zone, body, ((0.0, 3), (0.0, 1), (shift, 3), (-shift, 3)))
        if highest_gy is None and not np.isfinite(on[0.0, 3]):
            note = "no point of the patient lies 2 cm or more from the targets within the grid"
            values.append(MetricValue("D2cm[%]", None, None, None, "%", Reason.OUTSIDE_GRID, note))
            continue
        centre = -np.inf if highest_gy is None else highest_gy
        value = max(centre, on[0.0, 3])
        low = max(centre if at_mm >= D2CM_MM + shift else -np.inf, on[shift, 3])
        low = max(0.0, min(value, low if np.isfinite(low) else value, max(centre, on[0.0, 1])))
        value = max(value, 0.0)
        high = max(value, on[-shift, 3], on[0.0, 1])
        value, low, high = (100 * x / target.prescription_gy for x in (value, low, high))
        values.append(MetricValue("D2cm[%]", value, low, high, "%", note=where))
    return values


def spill_outside(dose: DoseGrid, targets: Sequence[TargetShape]) -> list[MetricValue]:
    """Volume outside all targets that receives 105 % of the prescription of the nearest target or more [cm3]."""
    surfaces = [t.surface for t in targets]
    shift = max((t.shift_mm for t in targets), default=0.0)
    known: dict[float, list[MetricValue]] = {}
    for target in targets:
        if target.prescription_gy not in known:
            known[target.prescription_gy] = _spill_at(dose, surfaces, SPILL_LEVEL * target.prescription_gy, shift)
    return [known[target.prescription_gy][number] for number, target in enumerate(targets)]


def _spill_at(dose: DoseGrid, surfaces: Sequence[Surface], level_gy: float, shift_mm: float) -> list[MetricValue]:
    """Volume outside all targets at the level, for each target the part nearest to it [cm3].

    Cells away from every surface count with their share; cells beside one are divided, and their parts are asked.
    Parts within ``shift_mm`` of a surface may lie on either side of it: that is the band, with the readings' own.
    """
    cells = isodose(dose, level_gy=level_gy)
    centres = dose.to_patient(cells.cells[:, ::-1].astype(float) + 0.5)
    held = held_by(surfaces, centres) >= 0
    near = np.zeros(len(centres), dtype=bool)
    for surface in surfaces:
        near |= surface.within(centres, _diagonal_mm(dose) / 2 + surface.step_mm + shift_mm, exact=True)
    outside = near | ~held
    owner = np.full(len(centres), -1)
    owner[outside] = owners(surfaces, centres[outside])
    beside = np.flatnonzero(near)
    readings = np.array([_spill_beside(dose, surfaces, cells.cells[beside], level_gy, *r, shift_mm) for r in _PARTS])
    values = []
    for number in range(len(surfaces)):
        own = owner == number
        if np.any(cells.on_edge & own):
            note = f"the {100 * SPILL_LEVEL:.0f} % isodose leaves the dose grid"
            values.append(MetricValue("V105%[cc]", None, None, None, "cc", Reason.OUTSIDE_GRID, note))
            continue
        nominal, low, high = cells.volumes_cm3(own & ~near)
        sums = readings[:, :, own[beside]].sum(axis=2) * cells.cell_cm3
        values.append(
            MetricValue(
                "V105%[cc]", float(nominal + sums[0, 0]), float(low + sums.min()), float(high + sums.max()), "cc"
            )
        )
    return values


def _spill_beside(
    dose: DoseGrid,
    surfaces: Sequence[Surface],
    cells: IntArray,
    level_gy: float,
    order: int,
    n_parts: int,
    shift_mm: float,
) -> FloatArray:
    """(3, n) for cells beside a surface: share at the level and outside: nominal, least, most."""
    offsets, shares = parts_above(dose, cells, level_gy=level_gy, order=order, n_parts=n_parts)
    outside, unsure = np.zeros(shares.shape, dtype=bool), np.zeros(shares.shape, dtype=bool)
    cell, part = np.nonzero(shares >= 0.5)
    points = dose.to_patient((cells[cell] + offsets[part])[:, ::-1])
    outside[cell, part] = held_by(surfaces, points) < 0
    for surface in surfaces:
        unsure[cell, part] |= surface.within(points, shift_mm, exact=True)
    # a part counts whole or not at all: its share beyond one surface says nothing of the side of the other
    whole = shares >= 0.5
    result: FloatArray = np.stack(
        [(whole & chosen).mean(axis=1) for chosen in (outside, outside & ~unsure, outside | unsure)]
    )
    return result


def _diagonal_mm(dose: DoseGrid) -> float:
    return float(np.linalg.norm(dose.spacing_mm))


def _first_allowed(
    surfaces: Sequence[Surface], body: Region | None, points_mm: FloatArray, dose_gy: FloatArray, distance_mm: float
) -> int | None:
    """Place of the highest dose inside the body with no surface nearer than this, or None."""
    order = np.argsort(-dose_gy, kind="stable")
    for start in range(0, len(order), _CHUNK):
        part = order[start : start + _CHUNK]
        points = points_mm[part]
        allowed = np.ones(len(part), dtype=bool) if body is None else body.contains(points)
        for surface in surfaces:
            allowed[allowed] = ~surface.within(points[allowed], distance_mm - 1e-6, exact=True)
        if np.any(allowed):
            return int(part[int(np.argmax(allowed))])
    return None


Zone = tuple[FloatArray, FloatArray]


def _from_the_highest_down(flat: FloatArray) -> Iterator[NDArray[np.int64]]:
    """Places of the centres in groups of falling dose; of those without dose a sample, for they are all alike."""
    top = float(flat.max())
    pool = np.flatnonzero(flat > _POOL * top)
    for upper, lower in pairwise(_STEPS):
        if lower < _POOL <= upper:
            pool = np.flatnonzero((flat > 0) & (flat <= upper * top))
        value = flat[pool]
        yield pool[(value > lower * top) & (value <= upper * top)]
    empty = np.flatnonzero(flat <= 0)
    yield empty[:: len(empty) // _N_EMPTY + 1]


def _highest_centres(
    dose: DoseGrid, surfaces: Sequence[Surface], body: Region | None
) -> list[tuple[float | None, float, Zone]]:
    """Per target: highest dose at centres 2 cm or more from every target, its distance, and the centres beside 2 cm.

    The last is (foot on the target's surface, unit direction away from it) of each centre within a voxel's diagonal of
    2 cm. Centres are visited from the highest dose down, and only as far as needed.
    """
    flat: FloatArray = dose.dose_gy.reshape(-1).astype(float, copy=False)
    found: list[tuple[float, float] | None] = [None] * len(surfaces)
    feet: list[list[FloatArray]] = [[] for _ in surfaces]
    ways: list[list[FloatArray]] = [[] for _ in surfaces]
    diagonal = _diagonal_mm(dose)
    for places in _from_the_highest_down(flat):
        if not len(places):
            continue
        index = np.stack(np.unravel_index(places, dose.dose_gy.shape), axis=1)[:, ::-1].astype(float)
        points = dose.to_patient(index)
        keep = held_by(surfaces, points) < 0
        for surface in surfaces:
            keep[keep] = ~surface.within(points[keep], D2CM_MM - diagonal, exact=False)
        places, points = places[keep], points[keep]
        if not len(places):
            continue
        owner, least, foot = nearest_of(surfaces, points)
        for number in range(len(surfaces)):
            if found[number] is not None:
                continue
            mine = np.flatnonzero(owner == number)
            far = mine[least[mine] >= D2CM_MM]
            place = _first_allowed(surfaces, body, points[far], flat[places[far]], D2CM_MM)
            if place is not None:
                at_mm = surfaces[number].nearest(points[far[place]][None])[0]
                found[number] = (float(flat[places[far[place]]]), float(at_mm[0]))
            beside = mine[least[mine] <= D2CM_MM + diagonal]
            feet[number].append(foot[beside])
            ways[number].append((points[beside] - foot[beside]) / least[beside, None])
        if all(f is not None for f in found):
            break
    zones = [
        (np.concatenate(f) if f else np.empty((0, 3)), np.concatenate(w) if w else np.empty((0, 3)))
        for f, w in zip(feet, ways, strict=True)
    ]
    return [(f[0] if f else None, f[1] if f else 0.0, z) for f, z in zip(found, zones, strict=True)]


def _on_shell(
    dose: DoseGrid,
    surfaces: Sequence[Surface],
    number: int,
    zone: Zone,
    body: Region | None,
    readings: Sequence[tuple[float, int]],
) -> dict[tuple[float, int], float]:
    """Highest dose [Gy] at 2 cm plus each offset [mm] from the target, no nearer to any; -inf when there is no point.

    ``readings``: (offset, order of interpolation). The first decides where the others look.
    """
    foot, way = zone
    points = foot + D2CM_MM * way
    value = dose_cubic(dose, points)
    known = np.flatnonzero(np.isfinite(value))
    again = points[known[np.argsort(-value[known], kind="stable")[:_N_AGAIN]]]
    found = dict.fromkeys(readings, -np.inf)
    if not len(again):
        return found
    away, foot = surfaces[number].nearest(again)
    way = (again - foot) / away[:, None]
    for offset, order in readings:
        points = foot + (D2CM_MM + offset) * way
        value = dose_cubic(dose, points, order=order)
        points, value = points[np.isfinite(value)], value[np.isfinite(value)]
        place = _first_allowed(surfaces, body, points, value, D2CM_MM + offset)
        if place is not None:
            found[offset, order] = float(value[place])
    return found


def _cut_within_2cm(dose: DoseGrid, surface: Surface, body: Region | None) -> bool:
    """Whether the grid ends less than 2 cm from the target at a place that may lie inside the patient."""
    shape = np.array(dose.dose_gy.shape)[::-1]
    low, high = surface.low_mm - D2CM_MM, surface.high_mm + D2CM_MM
    corners = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), axis=-1).reshape(-1, 3)
    index = dose.to_index(corners)
    if np.all(index >= 0) and np.all(index <= shape - 1):
        return False
    for axis in range(3):
        for face in (0, shape[axis] - 1):
            axes = [np.array([face], dtype=float) if a == axis else np.arange(float(shape[a])) for a in range(3)]
            lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
            points = dose.to_patient(lattice)
            points = points[np.all((points >= low) & (points <= high), axis=1)]
            if len(points):
                points = points[surface.within(points, D2CM_MM, exact=True)]
            if len(points) and (body is None or np.any(body.contains(points))):
                return True
    return False
