"""A loop that crosses itself -> the simple outlines of all that it encloses."""

from __future__ import annotations

import numpy as np

from sbrtcheck.dvh.contours.nesting import points_in_loops
from sbrtcheck.dvh.contours.scanline import shoelace_mm2
from sbrtcheck.model import FloatArray

# Longer loops are not searched for crossings: every edge is held against every other one.
MOST_EDGES = 3000
# What a crossing cuts off is a part of its own from this area on [mm2].
LEAST_MM2 = 0.05
_EDGE = 1e-9
_ROWS = 128


def untangled(loop: FloatArray) -> list[FloatArray]:
    """Simple outlines (n, 2) whose union is what a loop (n, 2) encloses by any count; none where it is too long.

    A loop is cut where it crosses itself. Of the pieces those inside the largest add nothing to it.
    """
    if len(loop) > MOST_EDGES:
        return []
    pieces = [piece for piece in _cut(loop) if len(piece) >= 3]
    areas = np.abs(shoelace_mm2(pieces)) if pieces else np.empty(0)
    if not len(areas):
        return []
    largest = pieces[int(np.argmax(areas))]
    kept = [largest]
    for piece, area in zip(pieces, areas, strict=True):
        if piece is not largest and area >= LEAST_MM2:
            middle = 0.5 * (piece + np.roll(piece, -1, axis=0))
            if not np.all(points_in_loops(middle, [largest])):
                kept.append(piece)
    return kept


def _cut(loop: FloatArray) -> list[FloatArray]:
    """The simple loops that a walk along the loop closes, one after the other."""
    first, second, places = _crossings(loop)
    stops: list[list[tuple[float, int]]] = [[] for _ in loop]
    for number, (edge, share, other, other_share) in enumerate(zip(*first, *second, strict=True)):
        stops[int(edge)].append((share, number))
        stops[int(other)].append((other_share, number))
    pieces: list[FloatArray] = []
    path: list[FloatArray] = []
    open_at: dict[int, int] = {}
    for edge, point in enumerate(loop):
        path.append(point)
        for _, number in sorted(stops[edge]):
            if number not in open_at:
                open_at[number] = len(path)
                path.append(places[number])
                continue
            start = open_at.pop(number)
            pieces.append(np.array(path[start:]))
            path = path[: start + 1]
            # What began on the piece just closed is closed with it.
            open_at = {n: at for n, at in open_at.items() if at <= start}
    pieces.append(np.array(path))
    return pieces


def _crossings(loop: FloatArray) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray], FloatArray]:
    """(edge, share along it) of the earlier and of the later edge of every crossing, and where it is (n, 2)."""
    along = np.roll(loop, -1, axis=0) - loop
    n_edges = len(loop)
    found: list[tuple[FloatArray, ...]] = []
    for begin in range(0, n_edges, _ROWS):
        i, j = np.nonzero(np.arange(n_edges)[None, :] >= np.arange(begin, min(begin + _ROWS, n_edges))[:, None] + 2)
        i += begin
        apart = (j - i) < n_edges - 1
        i, j = i[apart], j[apart]
        between = loop[j] - loop[i]
        cross = along[i, 0] * along[j, 1] - along[i, 1] * along[j, 0]
        # Parallel edges do not cross.
        safe = np.where(np.abs(cross) < 1e-12, np.inf, cross)
        s = (between[:, 0] * along[j, 1] - between[:, 1] * along[j, 0]) / safe
        t = (between[:, 0] * along[i, 1] - between[:, 1] * along[i, 0]) / safe
        # Half-open, so that a crossing at a vertex is met once.
        met = np.isfinite(safe) & (s >= -_EDGE) & (s < 1 - _EDGE) & (t >= -_EDGE) & (t < 1 - _EDGE)
        found.append((i[met].astype(float), s[met], j[met].astype(float), t[met]))
    i_of, s_of, j_of, t_of = (np.concatenate(part) for part in zip(*found, strict=True))
    at = i_of.astype(np.int64)
    return (i_of, s_of), (j_of, t_of), loop[at] + s_of[:, None] * along[at]
