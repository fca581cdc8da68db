"""Which target each part of an isodose volume belongs to.

A connected part belongs to the target that it holds, or to the nearest. One that holds several is divided midway
between their surfaces; a cell on the dividing plane counts for both, each with its share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sbrtcheck.dvh.around_targets.isodose import Isodose
from sbrtcheck.dvh.contours.surface import Surface, TargetShape, held_by, nearest_of
from sbrtcheck.model.dose import DoseGrid, FloatArray
from sbrtcheck.model.vocabulary import Reason

# Targets that share more than this part of the smaller one have no isodose volume of their own (integrated boost).
MAX_OVERLAP = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Owned:
    """The cells of an isodose volume and whose they are.

    Attributes:
        cells: of the isodose over the whole grid.
        shares: (n_targets, n_cells) which share of each cell belongs to each target.
        divided: whether each target shares a connected part with another.
    """

    cells: Isodose
    shares: FloatArray
    divided: tuple[bool, ...]

    def volumes_cm3(self, number: int) -> tuple[float, float, float]:
        """(nominal, lowest, highest) volume [cm3] of one target's part."""
        sums = [float(np.dot(s, self.shares[number])) * self.cells.cell_cm3 for s in self.cells.shares.values()]
        return sums[0], min(sums), max(sums)

    def reaches_edge(self, number: int) -> bool:
        """Whether one target's part reaches the edge of the grid."""
        return bool(np.any(self.cells.on_edge & (self.shares[number] > 0)))


def owned_cells(cells: Isodose, shapes: Sequence[TargetShape], dose: DoseGrid) -> Owned:
    """The cells of an isodose volume, shared out among all targets."""
    n_cells, n_targets = len(cells.cells), len(shapes)
    if n_targets == 1 or not n_cells:
        return Owned(cells, np.ones((n_targets, n_cells)), (False,) * n_targets)
    part, holds = _parts(cells, shapes, dose)
    n_held = holds.sum(axis=1)
    surfaces = [s.surface for s in shapes]
    centres = dose.to_patient(cells.cells[:, ::-1].astype(float) + 0.5)
    shares = np.zeros((n_targets, n_cells))
    shares[np.argmax(holds, axis=1)[part], np.arange(n_cells)] = 1.0
    for number in np.flatnonzero(n_held != 1):
        mine = np.flatnonzero(part == number)
        shares[:, mine] = 0.0
        if n_held[number] == 0:
            nearest, away, _ = nearest_of(surfaces, centres[mine])
            shares[nearest[np.argmin(away)], mine] = 1.0
            continue
        candidates = np.flatnonzero(holds[number])
        width_mm = float(np.mean(dose.spacing_mm))
        shares[np.ix_(candidates, mine)] = _shared([surfaces[c] for c in candidates], centres[mine], width_mm)
    divided = tuple(bool(np.any(holds[:, number] & (n_held > 1))) for number in range(n_targets))
    return Owned(cells, shares, divided)


def _parts(
    cells: Isodose, shapes: Sequence[TargetShape], dose: DoseGrid
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """The connected part of each cell (n_cells,), and which targets each part holds (n_parts, n_targets)."""
    from scipy.ndimage import label

    lowest = cells.cells.min(axis=0)
    box = np.zeros(cells.cells.max(axis=0) - lowest + 1, dtype=bool)
    box[tuple((cells.cells - lowest).T)] = True
    parts, n_parts = label(box)
    holds = np.zeros((n_parts, len(shapes)), dtype=bool)
    for number, shape in enumerate(shapes):
        points = shape.surface.inside_mm if len(shape.surface.inside_mm) else shape.surface.points_mm
        index = np.floor(dose.to_index(points)[:, ::-1]).astype(np.int64) - lowest
        index = index[np.all((index >= 0) & (index < box.shape), axis=1)]
        held = parts[tuple(index.T)]
        holds[np.unique(held[held > 0]) - 1, number] = True
    return parts[tuple((cells.cells - lowest).T)] - 1, holds


def _shared(surfaces: Sequence[Surface], points_mm: FloatArray, width_mm: float) -> FloatArray:
    """Shares (n_targets, n) of cells of this width around points (n, 3) that lie nearer to each surface."""
    shares = np.zeros((len(surfaces), len(points_mm)))
    holder = held_by(surfaces, points_mm)
    held = np.flatnonzero(holder >= 0)
    shares[holder[held], held] = 1.0
    free = np.flatnonzero(holder < 0)
    if not len(free):
        return shares
    away = np.array([surface.nearest(points_mm[free])[0] for surface in surfaces])
    first, second = np.argsort(away, axis=0, kind="stable")[:2]
    ahead = np.take_along_axis(away, second[None], axis=0)[0] - np.take_along_axis(away, first[None], axis=0)[0]
    # Across the dividing plane the difference of the distances changes by twice the way.
    own = np.minimum(0.5 + ahead / (2 * width_mm), 1.0)
    shares[first, free] = own
    shares[second, free] += 1.0 - own
    return shares


def overlapping(shapes: Sequence[TargetShape]) -> list[tuple[Reason, str] | None]:
    """For each target the reason when it overlaps another: one isodose then serves both."""
    reasons: list[tuple[Reason, str] | None] = [None] * len(shapes)
    for a, first in enumerate(shapes):
        for b, second in enumerate(shapes):
            if a == b or not len(first.surface.inside_mm):
                continue
            if float(np.mean(second.surface.contains(first.surface.inside_mm))) > MAX_OVERLAP:
                reasons[a] = (Reason.NOT_COMPUTABLE, f"overlaps {second.name}: no isodose volume of its own")
                reasons[b] = (Reason.NOT_COMPUTABLE, f"overlaps {first.name}: no isodose volume of its own")
    return reasons


def share_inside(inner: Surface, outer: Surface) -> float:
    """Share of a target that lies inside another."""
    return float(np.mean(outer.contains(inner.inside_mm))) if len(inner.inside_mm) else 0.0


def apart_from(shapes: Sequence[TargetShape], others: Sequence[Surface]) -> list[Surface]:
    """Those of the other targets that share no more with any of these than targets may that lie side by side."""
    return [
        other
        for other in others
        if all(
            max(share_inside(other, shape.surface), share_inside(shape.surface, other)) <= MAX_OVERLAP
            for shape in shapes
        )
    ]
