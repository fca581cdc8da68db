"""Isodose volumes on the dose grid itself, finer than its voxels.

The grid is cut into cells between eight neighbouring centres. A cell well above the level counts whole; a cell that the
isodose surface may cross is divided into ``m`` x ``m`` x ``m`` parts, and each part counts with the share that a plane
through the local dose and gradient leaves above the level. Dose and gradient come from the four-point Lagrange cubic
along each axis (exact for cubic polynomials, local: no ringing from afar). The readings ``cubic, one part`` and
``trilinear`` make the band: they differ where the grid is too coarse for the curvature of the dose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model.dose import DoseGrid, FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# name of the reading -> (order of interpolation, parts of a cell along each axis); the first is the nominal one
READINGS = {"cubic": (3, 3), "cubic, one part": (3, 1), "trilinear": (1, 2)}
# A cell may hold the surface although no corner is beyond the level: by a quarter of the range of its corners.
_SLACK = 0.25
_CHUNK = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Isodose:
    """The cells that an isodose volume touches.

    Attributes:
        level_gy: the level [Gy].
        cells: (n, 3) index (k, j, i) of each cell's lowest corner.
        shares: name of the reading to (n,): share of each cell at or above the level, 0 to 1.
        cell_cm3: volume of one cell [cm3].
        on_edge: (n,) whether the cell lies in the outermost layer of the grid: beyond it nothing is known.
    """

    level_gy: float
    cells: IntArray
    shares: dict[str, FloatArray]
    cell_cm3: float
    on_edge: BoolArray

    @property
    def share(self) -> FloatArray:
        """(n,) share of each cell at or above the level, nominal reading."""
        return next(iter(self.shares.values()))

    def volumes_cm3(self, chosen: BoolArray | None = None) -> tuple[float, float, float]:
        """(nominal, lowest, highest) volume [cm3] of the chosen cells, or of all."""
        use = slice(None) if chosen is None else chosen
        sums = [float(np.sum(share[use])) * self.cell_cm3 for share in self.shares.values()]
        return sums[0], min(sums), max(sums)


def isodose(dose: DoseGrid, *, level_gy: float) -> Isodose:
    """The cells of the isodose volume at ``level_gy`` [Gy] over the whole grid, with their shares.

    A grid with a single plane along some axis has no cells: every voxel of it would lie on the edge.
    """
    grid = dose.dose_gy
    cell_cm3 = float(abs(np.linalg.det(dose.affine[:3, :3]))) / 1000
    corner, box = _box(grid, level_gy)
    if min(box.shape, default=0) < 2:
        empty = np.empty(0)
        shares = dict.fromkeys(READINGS, empty)
        return Isodose(level_gy, np.empty((0, 3), dtype=np.int64), shares, cell_cm3, np.empty(0, dtype=bool))
    low = high = box
    for axis in range(3):
        first = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        second = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        low, high = np.minimum(low[first], low[second]), np.maximum(high[first], high[second])
    slack = _SLACK * (high - low)
    touched = high + slack >= level_gy
    cells = np.argwhere(touched)
    whole = (low - slack >= level_gy)[touched]
    cells = cells + corner
    shares = {name: np.ones(len(cells)) for name in READINGS}
    crossed = np.flatnonzero(~whole)
    for start in range(0, len(crossed), _CHUNK):
        part = crossed[start : start + _CHUNK]
        stencil = _stencil(grid, cells[part])
        for name, (order, n_parts) in READINGS.items():
            shares[name][part] = _shares(stencil, level_gy, order=order, n_parts=n_parts)
    some = np.any([share > 0 for share in shares.values()], axis=0)
    cells = cells[some]
    shares = {name: share[some] for name, share in shares.items()}
    on_edge = np.any((cells == 0) | (cells >= np.array(grid.shape) - 2), axis=1)
    return Isodose(level_gy, cells, shares, cell_cm3, on_edge)


def dose_cubic(dose: DoseGrid, points_mm: FloatArray, *, order: int = 3) -> FloatArray:
    """Dose [Gy] at points (n, 3) [mm] inside the grid by the same four-point cubic (``order`` 1: trilinear).

    Points outside the grid get nan.
    """
    index = dose.to_index(points_mm)[:, ::-1]
    shape = np.array(dose.dose_gy.shape)
    inside = np.all((index >= 0) & (index <= shape - 1), axis=1)
    out = np.full(len(index), np.nan)
    places = np.flatnonzero(inside)
    for start in range(0, len(places), _CHUNK):
        part = places[start : start + _CHUNK]
        base = np.minimum(np.floor(index[part]).astype(np.int64), np.maximum(shape - 2, 0))
        offset = index[part] - base
        value = _stencil(dose.dose_gy, base)
        for axis in (2, 1, 0):  # the last axis of the stencil is contracted first
            value = np.einsum("n...a,na->n...", value, _lagrange(offset[:, axis], order=order)[0])
        out[part] = value
    return out


def _box(grid: NDArray[np.floating], level_gy: float) -> tuple[IntArray, NDArray[np.floating]]:
    """Lowest index and view of the smallest box that holds all cells which the level may touch."""
    least = level_gy / (1 + 2 * _SLACK)
    rows = grid.max(axis=2) >= least
    box: list[slice] = []
    for hits in (rows.any(axis=1), rows.any(axis=0), None):
        if hits is None:  # the last axis within the other two only: one pass over the whole grid is enough
            hits = (grid[box[0], box[1]] >= least).any(axis=(0, 1))
        hit = np.flatnonzero(hits)
        if not len(hit):
            return np.zeros(3, dtype=np.int64), grid[:0, :0, :0]
        box.append(slice(max(int(hit[0]) - 1, 0), int(hit[-1]) + 2))
    return np.array([part.start for part in box]), grid[tuple(box)]


def _stencil(grid: NDArray[np.floating], cells: IntArray) -> FloatArray:
    """The 4 x 4 x 4 doses around each cell, (n, 4, 4, 4); beyond the grid the outermost value is repeated."""
    offsets = np.arange(-1, 3)
    k, j, i = (np.clip(cells[:, axis, None] + offsets, 0, grid.shape[axis] - 1) for axis in range(3))
    stencil: FloatArray = grid[k[:, :, None, None], j[:, None, :, None], i[:, None, None, :]].astype(float)
    return stencil


def _lagrange(t: FloatArray, *, order: int) -> tuple[FloatArray, FloatArray]:
    """Weights (m, 4) of the nodes -1, 0, 1, 2 at ``t`` (m,) in 0..1, and of the derivative."""
    zero, one = np.zeros_like(t), np.ones_like(t)
    if order == 1:
        return np.stack([zero, 1 - t, t, zero], axis=1), np.stack([zero, -one, one, zero], axis=1)
    value = [
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    ]
    slope = [
        -(3 * t * t - 6 * t + 2) / 6,
        (3 * t * t - 4 * t - 1) / 2,
        -(3 * t * t - 2 * t - 2) / 2,
        (3 * t * t - 1) / 6,
    ]
    return np.stack(value, axis=1), np.stack(slope, axis=1)


def parts_above(
    dose: DoseGrid, cells: IntArray, *, level_gy: float, order: int, n_parts: int
) -> tuple[FloatArray, FloatArray]:
    """The parts of each cell: their middles as offsets (m, 3) along (k, j, i), and their share at the level (n, m)."""
    t = (np.arange(n_parts) + 0.5) / n_parts
    offsets = np.stack(np.meshgrid(t, t, t, indexing="ij"), axis=-1).reshape(-1, 3)
    shares = [
        _ramps(_stencil(dose.dose_gy, cells[start : start + _CHUNK]), level_gy, order=order, n_parts=n_parts)
        for start in range(0, len(cells), _CHUNK)
    ]
    return offsets, np.concatenate(shares) if shares else np.empty((0, len(offsets)))


def _shares(stencil: FloatArray, level_gy: float, *, order: int, n_parts: int) -> FloatArray:
    """Share of each cell at or above the level, (n,)."""
    result: FloatArray = _ramps(stencil, level_gy, order=order, n_parts=n_parts).mean(axis=1)
    return result


def _ramps(stencil: FloatArray, level_gy: float, *, order: int, n_parts: int) -> FloatArray:
    """Share of each part of each cell at or above the level, (n, n_parts^3).

    In a part of side s (in grid steps) the dose is taken as linear; the share above the level falls linearly over the
    range s (|g_k| + |g_j| + |g_i|) of doses in it: exact for a plane along an axis, and without bias for others.
    """
    t = (np.arange(n_parts) + 0.5) / n_parts
    value, slope = _lagrange(t, order=order)
    tables = [
        np.einsum("ak,bj,ci->abckji", first, second, third).reshape(n_parts**3, 64).T
        for first, second, third in (
            (value, value, value),
            (slope, value, value),
            (value, slope, value),
            (value, value, slope),
        )
    ]
    flat = stencil.reshape(len(stencil), 64)
    at = flat @ tables[0] - level_gy
    width = np.abs(flat @ tables[1]) + np.abs(flat @ tables[2]) + np.abs(flat @ tables[3])
    width /= n_parts
    with np.errstate(divide="ignore", invalid="ignore"):
        ramp: FloatArray = np.where(width > 0, np.clip(0.5 + at / width, 0.0, 1.0), at >= 0).astype(float)
    return ramp
