"""Where horizontal lines cross closed loops: the one primitive behind areas, fills and overlaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model import FloatArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Edges of closed loops in a plane.

    Attributes:
        start_mm, end_mm: (m, 2) end points [mm].
        loop: (m,) index of the loop that each edge belongs to.
    """

    start_mm: FloatArray
    end_mm: FloatArray
    loop: IntArray


def segments_of(loops: list[FloatArray]) -> Segments:
    """The edges of loops, each (n, 2) [mm] and closed implicitly."""
    if not loops:
        return Segments(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, dtype=np.int64))
    start = np.concatenate(loops)
    n_points = np.array([len(loop) for loop in loops])
    return Segments(start, start[following(n_points)], np.repeat(np.arange(len(loops)), n_points))


def following(n_points: IntArray) -> IntArray:
    """Index of the next point on its own loop, for loops of ``n_points`` one after the other."""
    after = np.arange(1, int(n_points.sum()) + 1)
    stop = np.cumsum(n_points)
    after[stop - 1] = stop - n_points
    return after


def ranges(values: FloatArray, n_points: IntArray) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest value on every loop, for loops of ``n_points`` one after the other."""
    first = np.cumsum(n_points) - n_points
    return np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)


def crossings(
    start_mm: FloatArray,
    end_mm: FloatArray,
    origin_mm: FloatArray | float,
    pitch_mm: FloatArray | float,
    *,
    n_lines: int | None = None,
) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
    """Crossings of edges with the lines v = origin + k * pitch.

    Args:
        start_mm, end_mm: (m, 2) edges (u, v) [mm].
        origin_mm, pitch_mm: of the lines [mm], one for all or one per edge, (m,).
        n_lines: only lines 0 to n_lines - 1 exist; None: as many as the edges meet.

    Returns:
        edge index, line number k, u of the crossing [mm] and direction (+1 rising v, -1 falling), each (n,).
        The rule is half-open, so that a vertex on a line is counted once.
    """
    origin = np.broadcast_to(np.asarray(origin_mm, dtype=float), start_mm.shape[:1])
    pitch = np.broadcast_to(np.asarray(pitch_mm, dtype=float), start_mm.shape[:1])
    v_start, v_end = start_mm[:, 1], end_mm[:, 1]
    first_line = np.ceil((np.minimum(v_start, v_end) - origin) / pitch)
    stop_line = np.ceil((np.maximum(v_start, v_end) - origin) / pitch)
    if n_lines is not None:  # lines far closer than the edges are long would be met billions of times
        first_line, stop_line = np.clip(first_line, 0, n_lines), np.clip(stop_line, 0, n_lines)
    first, stop = first_line.astype(np.int64), stop_line.astype(np.int64)
    count = stop - first
    edge = np.repeat(np.arange(len(start_mm)), count)
    line = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    v = origin[edge] + line * pitch[edge]
    slope = (end_mm[:, 0] - start_mm[:, 0]) / np.where(v_end == v_start, 1.0, v_end - v_start)
    u = start_mm[edge, 0] + (v - v_start[edge]) * slope[edge]
    direction = np.where(v_end > v_start, 1, -1)[edge]
    return edge, line, u, direction


def shoelace_mm2(loops: list[FloatArray]) -> FloatArray:
    """Signed area of every loop (n, 2) [mm2]."""
    edges = segments_of(loops)
    n_points = np.array([len(loop) for loop in loops])
    origin = edges.start_mm[np.repeat(np.cumsum(n_points) - n_points, n_points)]
    a, b = edges.start_mm - origin, edges.end_mm - origin
    cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return np.asarray(0.5 * np.bincount(edges.loop, weights=cross), dtype=float)


def fill_areas(loops: list[FloatArray], *, n_lines: int = 48) -> tuple[FloatArray, FloatArray]:
    """Even-odd and non-zero area of every loop by itself [mm2], from ``n_lines`` lines across each.

    Both come from the same lines, so that they are equal for a loop that does not overlap itself.
    """
    segments = segments_of(loops)
    low, high = ranges(segments.start_mm[:, 1], np.array([len(loop) for loop in loops]))
    pitch = np.maximum((high - low) / n_lines, 1e-9)
    owner = segments.loop
    edge, line, u, direction = crossings(segments.start_mm, segments.end_mm, (low + 0.5 * pitch)[owner], pitch[owner])
    loop_of = owner[edge]
    key = loop_of * (n_lines + 2) + line
    order = np.lexsort((u, key))
    key, u, direction, loop_of = key[order], u[order], direction[order], loop_of[order]
    width = np.append(np.diff(u), 0.0)
    width[np.append(key[1:] != key[:-1], True)] = 0.0
    # Every line meets a closed loop an even number of times and its directions cancel: no restart from line to line.
    parity = np.arange(len(key)) % 2 == 0
    winding = np.cumsum(direction)
    even_odd = np.bincount(loop_of, weights=width * parity, minlength=len(loops)).astype(float) * pitch
    non_zero = np.bincount(loop_of, weights=width * (winding != 0), minlength=len(loops)).astype(float) * pitch
    return even_odd, non_zero


def overlap_areas(first: list[FloatArray], second: list[FloatArray], *, n_lines: int = 32) -> FloatArray:
    """Common area [mm2] of each pair of loops (even-odd), shape (n_pairs,)."""
    low = np.array([max(a[:, 1].min(), b[:, 1].min()) for a, b in zip(first, second, strict=True)])
    high = np.array([min(a[:, 1].max(), b[:, 1].max()) for a, b in zip(first, second, strict=True)])
    pitch = np.maximum((high - low) / n_lines, 1e-9)
    one, two = segments_of(first), segments_of(second)
    owner = np.concatenate([one.loop, two.loop])
    member = np.repeat([0, 1], [len(one.loop), len(two.loop)])
    edge, line, u, _ = crossings(
        np.concatenate([one.start_mm, two.start_mm]),
        np.concatenate([one.end_mm, two.end_mm]),
        (low + 0.5 * pitch)[owner],
        pitch[owner],
        n_lines=n_lines,
    )
    pair, which = owner[edge], member[edge]
    if not len(u):
        return np.zeros(len(first))
    key = pair * n_lines + line
    order = np.lexsort((u, key))
    key, u, which, pair = key[order], u[order], which[order], pair[order]
    width = np.append(np.diff(u), 0.0)
    width[np.append(key[1:] != key[:-1], True)] = 0.0
    both = (np.cumsum(which == 0) % 2 == 1) & (np.cumsum(which == 1) % 2 == 1)
    area: FloatArray = np.bincount(pair, weights=width * both, minlength=len(first)) * pitch * (high > low)
    return area
