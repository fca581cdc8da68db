"""How far a spline may go beyond the grid points around it: as far as the dose bends, and nowhere where it jumps.

A smooth peak between two grid points bends downwards at both; a jump bends the dose one way on its one side and the
other way on its other side, and not at all one point further on. So the lesser bend of the two ends of an edge tells a
peak from the ringing of a spline.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model import FloatArray

# A peak in the middle of an edge rises above its ends by an eighth of the bend there; the narrower it is, the more do
# second differences underrate that: by nearly a half for a Gaussian whose sigma is one voxel. In powers of the share
# that the bend is of the dose.
BEND_SHARE = (0.125, 0.1, 0.2)
# A step between two grid points so many times that before and behind it, and beyond this share of the highest dose
# asked for, is a jump: a penumbra is never so steep.
JUMP_TIMES, JUMP_SHARE = 4.0, 0.05


def limited(dose_gy: NDArray[np.floating], where: FloatArray, values: FloatArray) -> FloatArray:
    """Values of a spline (n,) at fractional indices (3, n), held to what the points around allow; never below 0."""
    first, last = box_of(where, dose_gy.shape, 2)
    block = np.asarray(dose_gy[first[0] : last[0], first[1] : last[1], first[2] : last[2]], dtype=np.float64)
    cell = np.minimum(where.astype(np.int64), np.maximum(np.array(dose_gy.shape)[:, None] - 2, 0)) - first[:, None]
    over, under = _allowed(block)
    k, j, i = cell
    high = _of_cells(block, np.maximum)[k, j, i] + over[k, j, i]
    low = _of_cells(block, np.minimum)[k, j, i] - under[k, j, i]
    return np.asarray(np.clip(values, np.maximum(low, 0.0), high), dtype=float)


def _allowed(block: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far the dose in each cell may go above its highest corner and below its lowest one [Gy]."""
    dose = np.maximum(_of_cells(np.abs(block), np.maximum), 1e-9)
    allowed = []
    for sign in (-1.0, 1.0):
        total, most = np.zeros(block.shape), np.zeros(block.shape)
        for axis, size in enumerate(block.shape):
            if size > 2:
                lesser = _of_cells(_lesser(np.maximum(sign * _bend(block, axis), 0.0), axis), np.maximum, but=axis)
                total += lesser
                np.maximum(most, lesser, out=most)
        share = most / dose
        allowed.append(total * sum(factor * share**power for power, factor in enumerate(BEND_SHARE)))
    return allowed[0], allowed[1]


def _bend(block: FloatArray, axis: int) -> FloatArray:
    """Second differences along an axis; of the outermost points none is known, and their neighbours' stand for it."""
    bend = np.zeros(block.shape)
    along, dose = np.moveaxis(bend, axis, 0), np.moveaxis(block, axis, 0)
    along[1:-1] = dose[2:] - 2 * dose[1:-1] + dose[:-2]
    along[0], along[-1] = along[1], along[-2]
    return bend


def jumps(dose_gy: NDArray[np.floating], where: FloatArray, *, highest_gy: float) -> NDArray[np.bool_]:
    """Which of the points (3, n) lie in a cell of the grid along one of whose edges the dose jumps."""
    first, last = box_of(where, dose_gy.shape, 2)
    block = np.asarray(dose_gy[first[0] : last[0], first[1] : last[1], first[2] : last[2]])
    cell = np.minimum(where.astype(np.int64), np.maximum(np.array(dose_gy.shape)[:, None] - 2, 0)) - first[:, None]
    found = np.zeros(block.shape, dtype=bool)
    for axis, size in enumerate(block.shape):
        if size > 1:
            step = np.abs(np.diff(np.moveaxis(block, axis, 0), axis=0))
            beside = np.zeros_like(step)
            beside[1:] = step[:-1]
            np.maximum(beside[:-1], step[1:], out=beside[:-1])
            of_edge = np.zeros(block.shape, dtype=bool)
            np.moveaxis(of_edge, axis, 0)[:-1] = step > np.maximum(JUMP_TIMES * beside, JUMP_SHARE * highest_gy)
            found |= _of_cells(of_edge, np.maximum, but=axis)
    k, j, i = cell
    return np.asarray(found[k, j, i], dtype=bool)


def _lesser(bend: FloatArray, axis: int) -> FloatArray:
    """The lesser of the bends at both ends of each edge along an axis, where its first end stands."""
    result = np.zeros_like(bend)
    ends = np.moveaxis(bend, axis, 0)
    np.moveaxis(result, axis, 0)[:-1] = np.minimum(ends[:-1], ends[1:])
    return result


def _of_cells(values: NDArray[Any], take: np.ufunc, *, but: int = -1) -> NDArray[Any]:
    """What ``take`` makes of the two ends of each cell along every axis, in turn; ``but``: all axes but this one."""
    result = values.copy()
    for axis in range(3):
        if axis != but:
            ends = np.moveaxis(result, axis, 0)
            ends[:-1] = take(ends[:-1], ends[1:])
    return result


def box_of(where: FloatArray, shape: tuple[int, ...], margin: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lowest and highest index (3,) of the box that holds points (3, n), and so many grid points more on each side."""
    low = np.maximum(np.floor(where.min(axis=1)).astype(np.int64) - margin, 0)
    high = np.minimum(np.ceil(where.max(axis=1)).astype(np.int64) + margin + 1, np.array(shape))
    return low, high
