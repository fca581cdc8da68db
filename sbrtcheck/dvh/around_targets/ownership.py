"""Which target a connected part of an isodose belongs to, and which targets share one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sbrtcheck.dvh.around_targets.isodose import BoolArray, Isodose
from sbrtcheck.dvh.contours.surface import Surface, TargetShape, nearest_of, owners
from sbrtcheck.model.dose import DoseGrid, FloatArray
from sbrtcheck.model.vocabulary import Reason

# Targets that share more than this part of the smaller one have no isodose volume of their own (integrated boost).
MAX_OVERLAP = 0.05


def owned(cells: Isodose, shapes: Sequence[TargetShape], dose: DoseGrid) -> tuple[Isodose, list[BoolArray], list[bool]]:
    """For each target which cells are its own, and whether it shares a connected part with another."""
    if len(shapes) == 1 or not len(cells.cells):
        return cells, [np.ones(len(cells.cells), dtype=bool) for _ in shapes], [False for _ in shapes]
    from scipy.ndimage import label

    lowest = cells.cells.min(axis=0)
    box = np.zeros(cells.cells.max(axis=0) - lowest + 1, dtype=bool)
    box[tuple((cells.cells - lowest).T)] = True
    parts, n_parts = label(box)
    part = parts[tuple((cells.cells - lowest).T)] - 1
    holds = np.zeros((n_parts, len(shapes)), dtype=bool)
    for number, shape in enumerate(shapes):
        points = shape.surface.inside_mm if len(shape.surface.inside_mm) else shape.surface.points_mm
        index = np.floor(dose.to_index(points)[:, ::-1]).astype(np.int64) - lowest
        index = index[np.all((index >= 0) & (index < box.shape), axis=1)]
        held = parts[tuple(index.T)]
        holds[np.unique(held[held > 0]) - 1, number] = True
    n_held = holds.sum(axis=1)
    owner = np.argmax(holds, axis=1)[part]
    surfaces = [s.surface for s in shapes]
    centres = _centres_mm(dose, cells)
    for number_of_part in np.flatnonzero(n_held != 1):
        mine = np.flatnonzero(part == number_of_part)
        if n_held[number_of_part] == 0:
            nearest, away, _ = nearest_of(surfaces, centres[mine])
            owner[mine] = nearest[np.argmin(away)]
        else:
            candidates = np.flatnonzero(holds[number_of_part])
            owner[mine] = candidates[owners([surfaces[c] for c in candidates], centres[mine])]
    divided = [bool(np.any(holds[:, number] & (n_held > 1))) for number in range(len(shapes))]
    return cells, [owner == number for number in range(len(shapes))], divided


def _centres_mm(dose: DoseGrid, cells: Isodose) -> FloatArray:
    index: FloatArray = cells.cells[:, ::-1].astype(float) + 0.5
    return dose.to_patient(index)


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
