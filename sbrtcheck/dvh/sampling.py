"""Sample points of a structure: fine where it is small, the grid's own resolution inside what is large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sbrtcheck.dvh.raster import Float32Array
from sbrtcheck.dvh.shape import VARIANTS, ContourShape, Shape
from sbrtcheck.dvh.structure import Structure
from sbrtcheck.model import DoseGrid, FloatArray

N_WANTED = 30_000
FINEST_MM = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class SamplePoints:
    """Points that stand for a structure.

    Attributes:
        points_mm: (n, 3) patient positions [mm]. Points on the surface sit in the middle of what they stand for.
        volume_cm3: (n,) volume that each stands for in the nominal reading [cm3].
        variants: the same for other readings of the contours (slab, shortest and longest end caps).
        pitch_mm: distance of the points [mm].
    """

    points_mm: FloatArray
    volume_cm3: FloatArray
    variants: dict[str, FloatArray]
    pitch_mm: float


def sample(structure: Structure, grids: Sequence[DoseGrid] = (), *, n_wanted: int = N_WANTED) -> SamplePoints:
    """Points and volumes that stand for a structure, once for all dose grids.

    Args:
        structure: not blocked.
        grids: the dose grids that will be asked; the points need not be finer than they are.
        n_wanted: about how many points.

    Returns:
        Points inside and outside the grids alike; what lies outside is for the caller to say.
    """
    shape = structure.shape
    if shape is None:
        empty = np.empty(0)
        return SamplePoints(np.empty((0, 3)), empty, {}, 0.0)
    pitch = _pitch(shape, grids, n_wanted)
    low, high = shape.low_mm, shape.high_mm
    u = _centres(low[0], high[0], pitch)
    v = _centres(low[1], high[1], pitch)
    lattice = shape.on_lattice(u, v)
    names = VARIANTS if isinstance(shape, ContourShape) else VARIANTS[:1]
    points: list[FloatArray] = []
    weights: list[list[Float32Array]] = [[] for _ in names]
    for layer in shape.layers(pitch):
        distances: dict[str, Float32Array | None] = {}
        shares: list[Float32Array] = []
        for name in names:
            if name.startswith("caps") and not layer.capped and "nominal" in distances:
                shares.append(shares[0])
                continue
            distance = lattice.distance(layer.w_mm, name)
            distances[name] = distance
            if distance is None:
                shares.append(np.zeros((len(v), len(u)), dtype=np.float32))
                continue
            share = np.clip(distance * np.float32(1.0 / pitch) + np.float32(0.5), 0.0, 1.0)
            covered_mm2 = float(share.sum(dtype=np.float64)) * pitch**2
            area_mm2 = lattice.area_mm2(layer.w_mm, name)
            if area_mm2 is not None and covered_mm2 > 0:
                share *= np.float32(np.clip(area_mm2 / covered_mm2, 0.5, 2.0))
            shares.append(share)
        used = np.maximum.reduce(shares) > 1e-4
        rows, columns = np.nonzero(used)
        if not len(rows):
            continue
        place = np.empty((len(rows), 3))
        place[:, 0], place[:, 1], place[:, 2] = u[columns], v[rows], layer.w_mm
        nominal = distances["nominal"]
        if nominal is not None:
            _to_middle(place, nominal, rows, columns, pitch)
        points.append(place)
        scale = np.float32(pitch**2 * layer.thickness_mm / 1000.0)
        for kept, share in zip(weights, shares, strict=True):
            kept.append(share[rows, columns] * scale)
    if not points:
        return SamplePoints(np.empty((0, 3)), np.empty(0), {}, pitch)
    volume = [np.concatenate(w).astype(float) for w in weights]
    return SamplePoints(
        shape.frame.to_patient(np.concatenate(points)), volume[0], dict(zip(names[1:], volume[1:], strict=True)), pitch
    )


def _pitch(shape: Shape, grids: Sequence[DoseGrid], n_wanted: int) -> float:
    finest = min((min(grid.spacing_mm) for grid in grids), default=2.5)
    wanted = (1000.0 * max(shape.volume_cm3, 1e-3) / n_wanted) ** (1.0 / 3.0)
    return float(np.clip(wanted, FINEST_MM, max(finest, (shape.volume_cm3 * 1000.0 / 4e5) ** (1 / 3))))


def _centres(low: float, high: float, pitch: float) -> FloatArray:
    n_cells = int(np.ceil((high - low) / pitch)) + 2
    first = 0.5 * (low + high) - 0.5 * pitch * (n_cells - 1)
    return np.asarray(first + pitch * np.arange(n_cells), dtype=float)


def _to_middle(place: FloatArray, distance: Float32Array, rows: np.ndarray, columns: np.ndarray, pitch: float) -> None:
    """Move points whose cell is partly covered to the middle of the covered part, along the distance's gradient."""
    here = distance[rows, columns]
    partly = np.flatnonzero(np.abs(here) < 0.5 * pitch)
    if not len(partly):
        return
    j, i = rows[partly], columns[partly]
    n_v, n_u = distance.shape
    g_u = distance[j, np.minimum(i + 1, n_u - 1)] - distance[j, np.maximum(i - 1, 0)]
    g_v = distance[np.minimum(j + 1, n_v - 1), i] - distance[np.maximum(j - 1, 0), i]
    length = np.maximum(np.hypot(g_u, g_v), 1e-6)
    step = 0.5 * (0.5 * pitch - here[partly])
    place[partly, 0] += step * g_u / length
    place[partly, 1] += step * g_v / length
