"""Dose outside the targets: V105% outside, and where the highest dose of the grid lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sbrtcheck.dvh.around_targets.isodose import IntArray, dose_cubic, isodose, parts_above
from sbrtcheck.dvh.contours.surface import Surface, TargetShape, held_by, nearest_of, owners
from sbrtcheck.model.dose import DoseGrid, FloatArray
from sbrtcheck.model.metric import MetricValue
from sbrtcheck.model.vocabulary import Reason

SPILL_LEVEL = 1.05
# (order of interpolation, parts of a cell along each axis) for cells beside a target's surface; the first is nominal
_PARTS = ((3, 3), (1, 2))


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


@dataclass(frozen=True, slots=True)
class Hottest:
    """The hottest part of the grid: its lowest dose [Gy], and how far its nearest voxel lies outside every target [mm].

    ``outside_mm`` is 0 where some of it lies inside a target, and None where no target has a surface.
    """

    volume_cm3: float
    at_least_gy: float
    outside_mm: float | None
    target: str = ""


def hottest_of_grid(dose: DoseGrid, surfaces: Sequence[Surface], *, volume_cm3: float) -> Hottest:
    """Where the hottest voxels lie that together make a volume [cm3]."""
    voxel_cm3 = float(np.prod(dose.spacing_mm)) / 1000
    flat = dose.dose_gy.reshape(-1)
    n_voxels = min(max(1, int(np.ceil(volume_cm3 / voxel_cm3))), flat.size)
    places = np.argpartition(flat, flat.size - n_voxels)[-n_voxels:]
    at_least_gy = float(flat[places].min())
    points = dose.to_patient(np.stack(np.unravel_index(places, dose.dose_gy.shape), axis=1)[:, ::-1].astype(float))
    found = [s for s in surfaces if s.found]
    if not found:
        return Hottest(volume_cm3, at_least_gy, None)
    holder = held_by(found, points)
    if np.any(holder >= 0):
        return Hottest(volume_cm3, at_least_gy, 0.0, found[int(holder.max())].shape.name)
    nearest, away, _ = nearest_of(found, points)
    closest = int(np.argmin(away))
    return Hottest(volume_cm3, at_least_gy, float(away[closest]), found[int(nearest[closest])].shape.name)


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
        near |= surface.within(centres, dose.diagonal_mm / 2 + surface.step_mm + shift_mm, exact=True)
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
