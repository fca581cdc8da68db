"""What may be said of dose outside the grid: nothing for a target, an upper bound for an organ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sbrtcheck.dvh.contours.structure import Structure
from sbrtcheck.model import DoseGrid, Dvh

# A target this far inside the grid lets the dose of an organ that leaves the grid be bounded (our policy).
MARGIN_FOR_BOUND_MM = 20.0
BOUND_FACTOR = 2.0


class GridBound:
    """Upper bound of the dose outside the grid: twice the highest dose on the face through which a structure leaves."""

    def __init__(self, dose: DoseGrid, targets: Sequence[Structure]) -> None:
        self._dose = dose
        size = np.array(dose.dose_gy.shape[::-1], dtype=float)
        margin = []
        for target in targets:
            corners = np.stack(np.meshgrid(*np.asarray(target.bounds_mm).T, indexing="ij"), axis=-1).reshape(-1, 3)
            index = dose.to_index(corners)
            spacing = np.array(dose.spacing_mm)
            margin.append(float(np.min(np.minimum(index, size - 1 - index) * spacing)))
        self._allowed = bool(margin) and min(margin) >= MARGIN_FOR_BOUND_MM
        values = dose.dose_gy
        # faces by axis of (i, j, k): lower end, upper end
        self._faces = [
            (float(np.max(values[:, :, 0])), float(np.max(values[:, :, -1]))),
            (float(np.max(values[:, 0, :])), float(np.max(values[:, -1, :]))),
            (float(np.max(values[0])), float(np.max(values[-1]))),
        ]
        self._size = size

    def apply(self, dvh: Dvh, structure: Structure) -> Dvh:
        """The Dvh with the bound, where part of the structure is outside and a bound may be given."""
        if dvh.blocked is not None or dvh.outside_volume_cm3 <= 0 or not self._allowed:
            return dvh
        if dvh.outside_volume_cm3 >= dvh.total_volume_cm3 * (1 - 1e-9):
            return dvh
        corners = np.stack(np.meshgrid(*np.asarray(structure.bounds_mm).T, indexing="ij"), axis=-1).reshape(-1, 3)
        index = self._dose.to_index(corners)
        crossed = [
            self._faces[axis][end]
            for axis in range(3)
            for end in (0, 1)
            if (index[:, axis].min() < 0 if end == 0 else index[:, axis].max() > self._size[axis] - 1)
        ]
        if not crossed:
            return dvh
        bound = BOUND_FACTOR * max(crossed)
        return replace(
            dvh,
            outside_bound_gy=bound,
            alternatives=tuple(replace(a, outside_bound_gy=bound) for a in dvh.alternatives),
        )
