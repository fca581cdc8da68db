"""D2cm: the highest dose 2 cm or more from every target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sbrtcheck.dvh.around_targets.isodose import IntArray, dose_cubic
from sbrtcheck.dvh.contours.frame import box_corners
from sbrtcheck.dvh.contours.surface import Region, Surface, TargetShape, held_by
from sbrtcheck.model.dose import DoseGrid, FloatArray
from sbrtcheck.model.metric import MetricValue
from sbrtcheck.model.vocabulary import Reason

D2CM_MM = 20.0
_CHUNK = 500
# So many of the highest doses found with the thinned surface are looked at again with the whole one.
_N_AGAIN = 400
# Voxels along each edge of the blocks in which the grid is searched, and so many blocks at once.
_BLOCK = 8
_MOST_BLOCKS = 128

Zone = tuple[FloatArray, FloatArray]


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


def _highest_centres(
    dose: DoseGrid, surfaces: Sequence[Surface], body: Region | None
) -> list[tuple[float | None, float, Zone]]:
    """Per target: highest dose at centres 2 cm or more from every target, its distance, and the centres beside 2 cm.

    The last is (foot on the target's surface, unit direction away from it) of each centre within a voxel's diagonal of
    2 cm. Those centres are looked at first; what they hold spares most of the rest of the grid, which is visited block
    by block from the highest dose down, and only where a block may hold a higher dose that belongs to the target.
    """
    if not surfaces:
        return []
    flat = dose.dose_gy.reshape(-1)
    blocks = _Blocks.of(dose, surfaces)
    result: list[tuple[float | None, float, Zone]] = []
    for number, surface in enumerate(surfaces):
        places, points, least, foot = _beside_2cm(dose, surfaces, number)
        zone = (foot, (points - foot) / least[:, None])
        best = _best_of(dose, surfaces, body, places[least >= D2CM_MM])
        for chosen in blocks.downwards(number):
            if best is not None and blocks.highest_gy[chosen[0]] <= flat[best]:
                break
            places = blocks.places(chosen)
            places = places if best is None else places[flat[places] > flat[best]]
            places, _, _, _ = _owned(dose, surfaces, number, places, D2CM_MM, np.inf)
            found = _best_of(dose, surfaces, body, places)
            best = best if found is None else found
        if best is None:
            result.append((None, 0.0, zone))
            continue
        at_mm = surface.nearest(_centres(dose, np.array([best])))[0]
        result.append((float(flat[best]), float(at_mm[0]), zone))
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """The grid in cubes of voxels: highest dose of each [Gy] and the distance of its middle to each surface [mm]."""

    shape: tuple[int, int, int]
    number: IntArray  # (n, 3) of each block along k, j, i
    highest_gy: FloatArray
    distance_mm: FloatArray  # (n, targets)
    half_mm: float

    @classmethod
    def of(cls, dose: DoseGrid, surfaces: Sequence[Surface]) -> _Blocks:
        """Blocks of ``_BLOCK`` voxels along each axis; the last ones of an axis may be smaller."""
        highest = dose.dose_gy
        for axis, n in enumerate(dose.dose_gy.shape):
            highest = np.maximum.reduceat(highest, np.arange(0, n, _BLOCK), axis=axis)
        number = np.stack(np.unravel_index(np.arange(highest.size), highest.shape), axis=1)
        corner: FloatArray = number[:, ::-1].astype(float) * _BLOCK
        middle = dose.to_patient(corner + (_BLOCK - 1) / 2)
        distance = np.stack([surface.thinned_nearest(middle, np.inf)[0] for surface in surfaces], axis=1)
        k, j, i = dose.dose_gy.shape
        return cls((k, j, i), number, highest.reshape(-1).astype(float), distance, dose.diagonal_mm * _BLOCK / 2)

    def downwards(self, target: int) -> Iterator[IntArray]:
        """Groups of the blocks with centres that may belong to the target, 2 cm or more away; highest dose first."""
        own = self.distance_mm[:, target]
        possible = own - self.half_mm <= self.distance_mm.min(axis=1) + self.half_mm
        chosen = np.flatnonzero(possible & (own + self.half_mm >= D2CM_MM))
        chosen = chosen[np.argsort(-self.highest_gy[chosen], kind="stable")]
        start, size = 0, 8
        while start < len(chosen):
            yield chosen[start : start + size]
            start, size = start + size, min(2 * size, _MOST_BLOCKS)

    def places(self, chosen: IntArray) -> IntArray:
        """Places of all centres of these blocks in the flat grid."""
        offset = np.stack(np.meshgrid(*[np.arange(_BLOCK)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        index = (self.number[chosen, None] * _BLOCK + offset).reshape(-1, 3)
        places: IntArray = np.ravel_multi_index(tuple(index[np.all(index < self.shape, axis=1)].T), self.shape)
        return places


def _centres(dose: DoseGrid, places: IntArray) -> FloatArray:
    index = np.stack(np.unravel_index(places, dose.dose_gy.shape), axis=1)
    return dose.to_patient(index[:, ::-1].astype(float))


def _beside_2cm(
    dose: DoseGrid, surfaces: Sequence[Surface], number: int
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """As `_owned`, of the centres within a voxel's diagonal of 2 cm from the target."""
    diagonal = dose.diagonal_mm
    low, high = surfaces[number].low_mm - D2CM_MM - diagonal, surfaces[number].high_mm + D2CM_MM + diagonal
    corners = box_corners(low, high)
    index = dose.to_index(corners)[:, ::-1]
    first = np.maximum(np.floor(index.min(axis=0)), 0).astype(int)
    last = np.minimum(np.ceil(index.max(axis=0)) + 1, dose.dose_gy.shape).astype(int)
    axes = [np.arange(a, b) for a, b in zip(first, last, strict=True)]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    places = np.ravel_multi_index(tuple(lattice.T), dose.dose_gy.shape)
    return _owned(dose, surfaces, number, places, D2CM_MM - diagonal, D2CM_MM + diagonal)


def _owned(
    dose: DoseGrid, surfaces: Sequence[Surface], number: int, places: IntArray, least_mm: float, most_mm: float
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Of these centres those outside all targets, nearest to this one and so far from it.

    Place (n,), position (n, 3), distance [mm] (n,) and foot on the target's surface (n, 3), from thinned surfaces.
    """
    points = _centres(dose, places)
    distance, foot = surfaces[number].thinned_nearest(points, most_mm)
    keep = np.flatnonzero((distance >= least_mm) & np.isfinite(distance))
    for other in (s for place, s in enumerate(surfaces) if place != number):
        near = np.flatnonzero(other.box_distance(points[keep]) < distance[keep])
        nearer = other.thinned_nearest(points[keep[near]], np.inf)[0] < distance[keep[near]]
        keep = np.delete(keep, near[nearer])
    keep = keep[held_by(surfaces, points[keep]) < 0]
    return places[keep], points[keep], distance[keep], foot[keep]


def _best_of(dose: DoseGrid, surfaces: Sequence[Surface], body: Region | None, places: IntArray) -> int | None:
    """The place of highest dose among these that lies in the body and 2 cm or more from every target."""
    if not len(places):
        return None
    dose_gy: FloatArray = dose.dose_gy.reshape(-1)[places].astype(float)
    found = _first_allowed(surfaces, body, _centres(dose, places), dose_gy, D2CM_MM)
    return None if found is None else int(places[found])


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
    corners = box_corners(low, high)
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
