"""Dose at points: spline of fifth order or trilinear, never beyond the outermost grid points.

A cubic spline reads the peak of a dose that falls off within one or two voxels up to 1 % low; the fifth order does not.
Where the dose between two grid points is as good as straight no spline is needed, and the trilinear dose stands for it;
where it jumps (planning systems write 0 outside the patient) a spline rings, and is held back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.frame import Frame
from sbrtcheck.dvh.points.overshoot import box_of, jumps, limited
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model import DoseGrid, FloatArray
from sbrtcheck.model.dose import mapped

DEGREE = 5
# A structure below this volume [cm3] may hold no more than a narrow peak and is read by the fifth order everywhere; a
# larger one only where the dose is highest.
SMALL_CM3 = 4.0
# The prefilter's answer to a far voxel falls by 0.43 a voxel: after 12 it is 4e-5 of it.
_MARGIN = 12
_BLOCK = 24
# Where trilinear interpolation is off by no more than this share of the highest dose among the points asked for, it is
# used. A bound: an eighth of the second differences at the corners of a cell, over the three axes.
STRAIGHT = 5e-5
_EDGE = 1e-6
# So many points at a time stay in the processor's cache, which reads them twice as fast.
_AT_A_TIME = 32_768
# "cubic" is what the options of a check call the spline.
NAMES = ("spline", "cubic", "linear")


def dose_at(
    dose: DoseGrid, points_mm: FloatArray, *, interpolation: str = "spline", degree: int = DEGREE
) -> FloatArray:
    """Dose [Gy] at patient positions.

    Args:
        dose: the grid.
        points_mm: (n, 3) patient positions [mm].
        interpolation: "spline" (fifth order, prefiltered, never below 0; "cubic" is another name of it) or "linear".
        degree: order of the spline; 3 is enough, and three times as fast, but for peaks as narrow as two voxels.

    Returns:
        (n,) [Gy], nan outside the box of the grid's outermost points.

    Raises:
        WrongUsageError: E-OPTION for another interpolation.
    """
    points = np.asarray(points_mm, dtype=float).reshape(-1, 3)
    return GridReader(dose, Frame(np.eye(3))).at(points, interpolation=interpolation, degree=degree)


class GridReader:
    """A dose grid read at positions in the frame of some contours."""

    def __init__(self, dose: DoseGrid, frame: Frame) -> None:
        self.dose = dose
        inverse = np.linalg.inv(np.asarray(dose.affine, dtype=float))
        # Rows give (k, j, i) of a position (u, v, w).
        self.turn: FloatArray = (inverse[:3, :3] @ frame.axes.T)[::-1]
        self.shift: FloatArray = inverse[:3, 3][::-1]

    def to_index(self, points_mm: FloatArray) -> FloatArray:
        """Fractional indices (k, j, i), shape (3, n), of positions (n, 3) in the frame [mm]."""
        return mapped(points_mm, self.turn, self.shift).T

    def to_position(self, index: NDArray[np.int64]) -> FloatArray:
        """Positions (n, 3) in the frame [mm] of indices (k, j, i), shape (n, 3)."""
        return np.asarray(np.linalg.solve(self.turn, (index - self.shift).T).T, dtype=float)

    def inside(self, index: FloatArray) -> NDArray[np.bool_]:
        """Which of the indices (3, n) lie in the box of the outermost grid points."""
        result = np.ones(index.shape[1], dtype=bool)
        for row, size in zip(index, self.dose.dose_gy.shape, strict=True):
            result &= (row >= -_EDGE) & (row <= size - 1 + _EDGE)
        return result

    def at(self, points_mm: FloatArray, *, interpolation: str, degree: int = DEGREE) -> FloatArray:
        """Dose (n,) [Gy] at positions (n, 3) in the frame [mm]; nan outside the grid."""
        index = self.to_index(points_mm)
        inside = self.inside(index)
        if inside.all():
            return self.at_index(index, interpolation=interpolation, degree=degree)
        result = np.full(len(points_mm), np.nan)
        # Unlike an index, this keeps each row in one piece, which everything that follows is much faster with.
        index = index.compress(inside, axis=1)
        result[inside] = self.at_index(index, interpolation=interpolation, degree=degree)
        return result

    def at_index(self, index: FloatArray, *, interpolation: str, degree: int = DEGREE) -> FloatArray:
        """Dose (n,) [Gy] at fractional indices (3, n) inside the grid, by a spline of this order."""
        if interpolation not in NAMES:
            raise wrong_usage("E-OPTION", "interpolation", seen=interpolation)
        if not index.shape[1]:
            return np.empty(0)
        where = np.clip(index, 0.0, np.array(self.dose.dose_gy.shape)[:, None] - 1.0)
        return (
            _linear(self.dose.dose_gy, where)
            if interpolation == "linear"
            else _spline(self.dose.dose_gy, where, degree)
        )

    def across_jumps(self, points_mm: FloatArray) -> FloatArray | None:
        """The spline (n,) [Gy] at those positions (n, 3) where the dose jumps and is read as trilinear; else nan.

        None where it jumps nowhere.
        """
        index = self.to_index(points_mm)
        inside = self.inside(index)
        where = np.clip(index.compress(inside, axis=1), 0.0, np.array(self.dose.dose_gy.shape)[:, None] - 1.0)
        if not where.shape[1]:
            return None
        highest_gy = float(_linear(self.dose.dose_gy, where).max(initial=0.0))
        jump = jumps(self.dose.dose_gy, where, highest_gy=highest_gy)
        if not np.any(jump):
            return None
        inside[inside] = jump
        values = np.full(len(points_mm), np.nan)
        values[inside] = _fitted(self.dose.dose_gy, where.compress(jump, axis=1), 3)
        return values


def _linear(dose_gy: NDArray[np.floating], where: FloatArray) -> FloatArray:
    # A view of a grid that lies in one piece, which each part would otherwise make for itself.
    dose_gy = np.ascontiguousarray(dose_gy)
    n_points = where.shape[1]
    result = np.empty(n_points)
    for first in range(0, n_points, _AT_A_TIME):
        part = slice(first, first + _AT_A_TIME)
        result[part] = _trilinear(dose_gy, where[:, part])
    return result


def _trilinear(dose_gy: NDArray[np.floating], where: FloatArray) -> FloatArray:
    """Between the eight grid points around each point; an axis of one grid point has no other side."""
    last = np.array(dose_gy.shape)[:, None] - 1
    cell = np.minimum(where.astype(np.int64), np.maximum(last - 1, 0))
    share = where - cell
    strides = (dose_gy.shape[1] * dose_gy.shape[2], dose_gy.shape[2], 1)
    step_k, step_j, step_i = (stride if size > 1 else 0 for stride, size in zip(strides, dose_gy.shape, strict=True))
    flat = dose_gy.reshape(-1)
    corner = (cell[0] * dose_gy.shape[1] + cell[1]) * dose_gy.shape[2] + cell[2]

    def along_i(corner: NDArray[np.int64]) -> FloatArray:
        low = flat[corner].astype(float)
        return np.asarray(low + share[2] * (flat[corner + step_i] - low))

    def along_j(corner: NDArray[np.int64]) -> FloatArray:
        low = along_i(corner)
        return np.asarray(low + share[1] * (along_i(corner + step_j) - low))

    low = along_j(corner)
    return np.asarray(low + share[0] * (along_j(corner + step_k) - low), dtype=float)


def _spline(dose_gy: NDArray[np.floating], where: FloatArray, degree: int) -> FloatArray:
    """One block of prefiltered voxels around all points, or one for each neighbourhood where they are far apart."""
    low, high = box_of(where, dose_gy.shape, _MARGIN)
    n_voxels = float(np.prod(high - low))
    if n_voxels > 200_000:
        cell = (where / _BLOCK).astype(np.int64)
        keys, which = np.unique((cell[0] * 4096 + cell[1]) * 4096 + cell[2], return_inverse=True)
        if len(keys) * float(_BLOCK + 2 * _MARGIN) ** 3 < n_voxels:
            values = np.empty(where.shape[1])
            order = np.argsort(which, kind="stable")
            starts = np.searchsorted(which[order], np.arange(len(keys) + 1))
            for k in range(len(keys)):
                part = order[starts[k] : starts[k + 1]]
                values[part] = _spline_block(dose_gy, where[:, part], degree)
            return values
    return _spline_block(dose_gy, where, degree)


def _spline_block(dose_gy: NDArray[np.floating], where: FloatArray, degree: int) -> FloatArray:
    values = _linear(dose_gy, where)
    highest_gy = float(values.max(initial=0.0))
    bent = _bends(dose_gy, where, highest_gy=highest_gy)
    if np.any(bent):
        bent[bent] = ~jumps(dose_gy, where.compress(bent, axis=1), highest_gy=highest_gy)
    if np.any(bent):
        values[bent] = _fitted(dose_gy, where.compress(bent, axis=1), degree)
    return values


def _bends(dose_gy: NDArray[np.floating], where: FloatArray, *, highest_gy: float) -> NDArray[np.bool_]:
    """Which of the points (3, n) lie in a cell of the grid in which a straight line does not do."""
    low, high = box_of(where, dose_gy.shape, 1)
    block = np.asarray(dose_gy[low[0] : high[0], low[1] : high[1], low[2] : high[2]])
    bend = np.zeros(block.shape, dtype=block.dtype)
    for axis, size in enumerate(block.shape):
        if size > 2:
            along, into = np.moveaxis(block, axis, 0), np.moveaxis(bend, axis, 0)
            into[1:-1] += np.abs(along[2:] - 2 * along[1:-1] + along[:-2])
    for axis in range(3):
        of_cell = np.moveaxis(bend, axis, 0)
        of_cell[:-1] = np.maximum(of_cell[:-1], of_cell[1:])
    j, i = block.shape[1:]
    cell = np.minimum(where.astype(np.int64), np.array(dose_gy.shape)[:, None] - 1) - low[:, None]
    found = bend.ravel()[(cell[0] * j + cell[1]) * i + cell[2]]
    return np.asarray(found > 8 * STRAIGHT * highest_gy, dtype=bool)


def _fitted(dose_gy: NDArray[np.floating], where: FloatArray, degree: int) -> FloatArray:
    """The spline at points (3, n), never beyond what the grid points around them and the bend of the dose allow."""
    from scipy.ndimage import map_coordinates, spline_filter

    low, high = box_of(where, dose_gy.shape, _MARGIN)
    block = np.asarray(dose_gy[low[0] : high[0], low[1] : high[1], low[2] : high[2]], dtype=np.float64)
    coefficients = spline_filter(block, order=degree, mode="mirror")
    values: FloatArray = map_coordinates(
        coefficients, where - low[:, None], order=degree, prefilter=False, mode="mirror"
    )
    return limited(dose_gy, where, values)
