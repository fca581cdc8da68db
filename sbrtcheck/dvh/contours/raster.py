"""Filled loops -> signed distance on a raster, taken from the filled shape and not from the lines as drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.nesting import Group, points_in_loops
from sbrtcheck.dvh.contours.scanline import Segments, crossings, segments_of
from sbrtcheck.model import FloatArray

Float32Array = NDArray[np.float32]
SEAM_STEP_MM = 0.12
_CHUNK = 40_000


@dataclass(frozen=True, slots=True)
class Canvas:
    """Pixel centres at ``u0 + i * pitch``, ``v0 + j * pitch`` [mm], ``n_v`` rows of ``n_u``.

    Distances are exact up to ``reach_mm`` and held at that value beyond.
    """

    u0_mm: float
    v0_mm: float
    n_u: int
    n_v: int
    pitch_mm: float
    reach_px: int

    @property
    def reach_mm(self) -> float:
        """How far from the line the distance is known [mm]."""
        return (self.reach_px - 0.5) * self.pitch_mm


def rasterise(groups: list[Group], canvas: Canvas) -> Float32Array:
    """Signed distance [mm], positive inside, of every group on the canvas: (n_groups, n_v, n_u)."""
    shape = (len(groups), canvas.n_v, canvas.n_u)
    n_pixels = canvas.n_v * canvas.n_u
    squared = np.full(len(groups) * n_pixels, canvas.reach_mm**2, dtype=np.float64)
    inside = np.zeros(shape, dtype=bool)
    starts, ends, owners = [], [], []
    simple: list[FloatArray] = []
    simple_of: list[int] = []
    for index, group in enumerate(groups):
        if group.seams:
            edges = segments_of(list(group.loops))
            start, end = _without_seams(edges.start_mm, edges.end_mm, group, canvas.pitch_mm)
            starts.append(start)
            ends.append(end)
            owners.append(np.full(len(start), index))
        if group.fill == "union":
            for loop in group.loops:
                edges = segments_of([loop])
                inside[index] |= _fill(edges, edges.loop, 1, canvas)[0]
        else:
            simple.extend(group.loops)
            simple_of.extend([index] * len(group.loops))
    if simple:
        edges = segments_of(simple)
        owner = np.asarray(simple_of)[edges.loop]
        inside |= _fill(edges, owner, len(groups), canvas)
        plain = ~np.array([group.seams for group in groups])[owner]
        starts.append(edges.start_mm[plain])
        ends.append(edges.end_mm[plain])
        owners.append(owner[plain])
    start, end, owner = _split(np.concatenate(starts), np.concatenate(ends), np.concatenate(owners), canvas.pitch_mm)
    _splat(squared, start, end, owner, canvas)
    distance = np.sqrt(squared, out=squared).astype(np.float32).reshape(shape)
    np.negative(distance, where=~inside, out=distance)
    return distance


def _fill(edges: Segments, owner: NDArray[np.int64], n_groups: int, canvas: Canvas) -> NDArray[np.bool_]:
    """Even-odd fill of edges on the raster of the group that owns each."""
    edge, line, u, _ = crossings(edges.start_mm, edges.end_mm, canvas.v0_mm, canvas.pitch_mm)
    column = np.clip(np.ceil((u - canvas.u0_mm) / canvas.pitch_mm), 0, canvas.n_u).astype(np.int64)
    keep = (line >= 0) & (line < canvas.n_v)
    group = owner[edge]
    width = canvas.n_u + 1
    flat = ((group * canvas.n_v + line) * width + column)[keep]
    toggles = np.bincount(flat, minlength=n_groups * canvas.n_v * width).astype(np.uint8)
    toggles &= 1
    parity = np.bitwise_xor.accumulate(toggles.reshape(n_groups, canvas.n_v, width), axis=2)
    filled: NDArray[np.bool_] = parity[:, :, :-1].astype(bool)
    return filled


def _split(
    start: FloatArray, end: FloatArray, owner: NDArray[np.int64], pitch_mm: float
) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Edges cut into pieces no longer than a pixel."""
    n_pieces = np.maximum(1, np.ceil(np.linalg.norm(end - start, axis=1) / pitch_mm)).astype(np.int64)
    which = np.repeat(np.arange(len(start)), n_pieces)
    piece = np.arange(len(which)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    step = (end - start)[which] / n_pieces[which, None]
    begin = start[which] + piece[:, None] * step
    return begin, begin + step, owner[which]


def _without_seams(start: FloatArray, end: FloatArray, group: Group, pitch_mm: float) -> tuple[FloatArray, FloatArray]:
    """Pieces of edges that have the filled shape on one side only."""
    start, end, _ = _split(start, end, np.zeros(len(start), dtype=np.int64), min(pitch_mm, 1.0))
    along = end - start
    length = np.linalg.norm(along, axis=1)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.maximum(length, 1e-9)[:, None]
    middle = 0.5 * (start + end)
    loops = list(group.loops)
    left = points_in_loops(middle + SEAM_STEP_MM * normal, loops, fill=group.fill)
    right = points_in_loops(middle - SEAM_STEP_MM * normal, loops, fill=group.fill)
    boundary = left != right
    return start[boundary], end[boundary]


def _splat(squared: FloatArray, start: FloatArray, end: FloatArray, owner: NDArray[np.int64], canvas: Canvas) -> None:
    """Lower ``squared`` (flat) to the squared distance of every edge piece to the pixels around it."""
    pitch, n_u, n_v, reach = canvas.pitch_mm, canvas.n_u, canvas.n_v, canvas.reach_px
    offsets = np.arange(-reach, reach + 1)
    d_u, d_v = (a.ravel() for a in np.meshgrid(offsets, offsets))
    near = d_u * d_u + d_v * d_v <= (reach + 1) ** 2
    d_u, d_v = d_u[near], d_v[near]
    origin = np.array([canvas.u0_mm, canvas.v0_mm])
    n_chunk = max(1, _CHUNK // len(d_u))
    for begin in range(0, len(start), n_chunk):
        part = slice(begin, begin + n_chunk)
        a = (start[part] - origin) / pitch
        along = (end[part] - start[part]) / pitch
        base = np.rint(a + 0.5 * along).astype(np.int64)
        columns, rows = base[:, :1] + d_u, base[:, 1:] + d_v
        to_u, to_v = columns - a[:, :1], rows - a[:, 1:]
        share = to_u * along[:, :1] + to_v * along[:, 1:]
        share /= np.maximum(np.sum(along * along, axis=1), 1e-12)[:, None]
        np.clip(share, 0.0, 1.0, out=share)
        to_u -= share * along[:, :1]
        to_v -= share * along[:, 1:]
        found = (to_u * to_u + to_v * to_v) * pitch**2
        keep = (columns >= 0) & (columns < n_u) & (rows >= 0) & (rows < n_v)
        flat = (owner[part, None] * n_v + rows) * n_u + columns
        np.minimum.at(squared, flat[keep], found[keep])
