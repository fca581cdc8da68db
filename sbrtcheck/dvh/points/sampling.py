"""Sample points of a structure: cells of a lattice, those on the surface weighted by what of them is covered.

A cell near the surface stands as several points along the surface's normal, spread over the covered part of it: that is
where the dose of a target falls off, and where D95% and D98% come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.contour_shape import ContourShape
from sbrtcheck.dvh.contours.raster import Float32Array
from sbrtcheck.dvh.contours.shape import END_VARIANTS, VARIANTS, Layer, OnLattice, Shape
from sbrtcheck.dvh.contours.structure import Structure
from sbrtcheck.model import DoseGrid, FloatArray

N_WANTED = 12_000
N_AT_MOST = 400_000
FINEST_MM = 0.2
N_SPREAD = 4
_GOLDEN = 1.0 / 1.22074408460575947536 ** np.arange(1, 4)
NOTHING_MM = np.float32(-10.0)
# Distances are held at the reach of the canvas, 2 to 3 mm: what is deeper than this counts as inside.
DEEP_MM = 2.0
# To which side of its cell's middle each of the points goes, along the surface in two directions.
_SIDE = np.array([[1.0, -1.0, -1.0, 1.0], [1.0, -1.0, 1.0, -1.0]])


@dataclass(frozen=True, slots=True, eq=False)
class SamplePoints:
    """Points that stand for a structure.

    Attributes:
        points_mm: (n, 3) patient positions [mm].
        volume_cm3: (n,) volume that each stands for in the nominal reading [cm3].
        variants: the same for other readings of the contours (slab, shortest and longest end caps).
        pitch_mm: size of the cells [mm].
        n_whole: how many of the first points stand for a whole cell away from the surface.
        number: (n_whole,) of these cells in the lattice.
    """

    points_mm: FloatArray
    volume_cm3: FloatArray
    variants: dict[str, FloatArray]
    pitch_mm: float
    n_whole: int = 0
    number: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def sample(
    structure: Structure,
    grids: Sequence[DoseGrid] = (),
    *,
    n_wanted: int = N_WANTED,
    n_at_most: int = N_AT_MOST,
) -> SamplePoints:
    """Points and volumes that stand for a structure, once for all dose grids.

    Args:
        structure: a blocked one has no points.
        grids: the dose grids that will be asked; cells need not be smaller than theirs in a large structure.
        n_wanted: about how many cells.
        n_at_most: about how many cells of a structure so large that they become larger than the voxels.

    Returns:
        Points inside and outside the grids alike; what lies outside is for the caller to say.
    """
    shape = structure.shape
    if shape is None:
        return SamplePoints(np.empty((0, 3)), np.empty(0), {}, 0.0)
    found, _ = cut_hottest(
        sample_shape(shape, pitch_mm=wanted_pitch_mm(shape, grids, n_wanted=n_wanted, n_at_most=n_at_most))
    )
    return replace(found, points_mm=shape.frame.to_patient(found.points_mm))


def wanted_pitch_mm(
    shape: Shape, grids: Sequence[DoseGrid], *, n_wanted: int = N_WANTED, n_at_most: int = N_AT_MOST
) -> float:
    """Size of the cells [mm]: ``n_wanted`` in the structure, no larger than the grids' voxels unless it is huge."""
    voxel = min((min(grid.spacing_mm) for grid in grids), default=2.5)
    volume_mm3 = 1000.0 * max(shape.volume_cm3, 1e-3)
    largest = max(voxel, (volume_mm3 / n_at_most) ** (1.0 / 3.0))
    return float(np.clip((volume_mm3 / n_wanted) ** (1.0 / 3.0), FINEST_MM, largest))


def sample_shape(shape: Shape, *, pitch_mm: float) -> SamplePoints:
    """Points of a shape in its own frame, on a lattice with cells of ``pitch_mm``."""
    u = _centres(shape.low_mm[0], shape.high_mm[0], pitch_mm)
    v = _centres(shape.low_mm[1], shape.high_mm[1], pitch_mm)
    lattice = shape.on_lattice(u, v)
    layers = shape.layers(pitch_mm)
    names = VARIANTS if isinstance(shape, ContourShape) else VARIANTS[:1]
    if not layers:
        return SamplePoints(np.empty((0, 3)), np.empty(0), {}, pitch_mm)
    distance, shares = _shares(lattice, layers, names, (len(v), len(u)), pitch_mm)
    slope_w = slope_along_w(distance, layers)
    used = shares[names[0]] > 1e-4
    for name in names[1:]:
        used |= shares[name] > 1e-4
    flat = np.flatnonzero(used)
    k, j, i = np.unravel_index(flat, used.shape)
    heights = np.array([layer.w_mm for layer in layers])
    cell_cm3 = pitch_mm**2 * np.array([layer.thickness_mm for layer in layers])[k] / 1000.0
    place = np.column_stack([u[i], v[j], heights[k]])
    volume = {name: shares[name].ravel()[flat] * cell_cm3 for name in names}
    depth = distance.ravel()[flat]
    near = np.abs(depth) < min(1.5 * pitch_mm, DEEP_MM)
    spread = spread_along_normal(
        place[near],
        depth[near],
        _normals(distance, slope_w, k[near], j[near], i[near]),
        pitch_mm,
        number=flat[near],
        thickness_mm=np.array([layer.thickness_mm for layer in layers])[k[near]],
    )
    points = np.concatenate([place[~near], spread])
    volumes = {
        name: np.concatenate([part[~near], np.repeat(part[near] / N_SPREAD, N_SPREAD)]) for name, part in volume.items()
    }
    nominal = volumes.pop(names[0])
    return SamplePoints(points, nominal, volumes, pitch_mm, int(np.count_nonzero(~near)), flat[~near])


def scatter(number: NDArray[np.int64]) -> FloatArray:
    """Offsets (..., 3) of the cells with these numbers, which fill a cell of edge 1 around its middle evenly.

    A cell's offset hangs on its own number only: neither the order nor another cell changes it.

    Points in the middle of their cells stand in planes: a dose that changes along one axis only then comes in steps,
    and a dose at a volume is off by half a step. The sequence is that of the generalised golden ratio in three
    dimensions.
    """
    place = 0.5 + (number[..., None] + 1) * _GOLDEN
    # Faster than a remainder, and the same.
    place -= np.floor(place)
    place -= 0.5
    return np.asarray(place, dtype=float)


def cut_hottest(
    points: SamplePoints, dose_gy: FloatArray | None = None, *, cuts: Sequence[tuple[float, int]] = ()
) -> tuple[SamplePoints, int]:
    """The same points with the hottest whole cells cut, where the near-maximum is read, and scattered in their cells.

    Args:
        points: in the frame of the contours.
        dose_gy: (n_whole,) dose in the middle of the whole cells [Gy], nan outside the grid; only needed for cuts.
        cuts: (volume [cm3], n): the cells up to that much of the highest dose become n^3 points; volumes rise.

    Returns:
        The points of cells that are not cut, then those of cut ones; and how many the first are.
    """
    whole = np.zeros(points.n_whole) if dose_gy is None else np.where(np.isfinite(dose_gy), dose_gy, -1.0)
    # Of cells with one dose the first in the lattice: which is first must not hang on the last digit.
    order = np.argsort(-np.round(whole, 6), kind="stable")
    reached = np.cumsum(points.volume_cm3[: points.n_whole][order])
    rest = np.ones(len(points.points_mm), dtype=bool)
    cells: list[tuple[NDArray[np.int64], int]] = []
    done = 0

    def size_mm(which: NDArray[np.int64]) -> FloatArray:
        thickness = 1000.0 * points.volume_cm3[which] / points.pitch_mm**2
        return np.column_stack([np.full((len(which), 2), points.pitch_mm), thickness])

    places = []
    for volume_cm3, n_cut in cuts:
        hot = order[done : int(np.searchsorted(reached, volume_cm3)) + 1]
        done += len(hot)
        rest[hot] = False
        offsets = (np.arange(n_cut) + 0.5) / n_cut - 0.5
        grid = np.array(np.meshgrid(offsets, offsets, offsets, indexing="ij")).reshape(3, -1).T
        number = points.number[hot][:, None] * n_cut**3 + np.arange(n_cut**3)
        within = grid[None] + scatter(number) / n_cut
        places.append((points.points_mm[hot][:, None, :] + size_mm(hot)[:, None, :] * within).reshape(-1, 3))
        cells.append((hot, n_cut**3))

    def divided(volume_cm3: FloatArray) -> FloatArray:
        return np.concatenate([volume_cm3[rest], *(np.repeat(volume_cm3[hot] / n, n) for hot, n in cells)])

    kept = np.flatnonzero(rest[: points.n_whole])
    moved = points.points_mm[kept] + size_mm(kept) * scatter(points.number[kept])
    made = SamplePoints(
        np.concatenate([moved, points.points_mm[points.n_whole :], *places]),
        divided(points.volume_cm3),
        {name: divided(volume) for name, volume in points.variants.items()},
        points.pitch_mm,
    )
    return made, int(np.count_nonzero(rest))


def _shares(
    lattice: OnLattice, layers: Sequence[Layer], names: Sequence[str], form: tuple[int, int], pitch: float
) -> tuple[Float32Array, dict[str, Float32Array]]:
    """Nominal distance (n_layers, n_v, n_u) [mm] and the covered share of every cell in every reading."""
    distance = np.full((len(layers), *form), NOTHING_MM, dtype=np.float32)
    nominal = np.zeros((len(layers), *form), dtype=np.float32)
    shares = {"nominal": nominal}
    for index, layer in enumerate(layers):
        found = lattice.distance(layer.w_mm, "nominal")
        if found is not None:
            np.maximum(found, NOTHING_MM, out=distance[index])
            nominal[index] = covered_share(found, pitch, lattice.area_mm2(layer.w_mm, "nominal"))
    if len(names) == 1:
        return distance, shares
    with_caps = [k for k, layer in enumerate(layers) if lattice.has_caps_at(layer.w_mm)]
    for name in names[1:]:
        # The readings of the ends differ from the nominal one in the layers of the ends only.
        share = nominal.copy() if name in END_VARIANTS else np.zeros_like(nominal)
        for index in with_caps if name in END_VARIANTS else range(len(layers)):
            height = layers[index].w_mm
            found = lattice.distance(height, name)
            share[index] = 0.0 if found is None else covered_share(found, pitch, lattice.area_mm2(height, name))
        shares[name] = share
    return distance, shares


def covered_share(distance: Float32Array, pitch: float, area_mm2: float | None) -> Float32Array:
    """Covered share of cells from the distance of their centres, scaled to the area known from the contours.

    Only partly covered cells are scaled: a cell inside counts in full.
    """
    share = np.asarray(np.clip(distance * np.float32(1.0 / pitch) + np.float32(0.5), 0.0, 1.0), dtype=np.float32)
    if area_mm2 is None:
        return share
    total_mm2 = float(share.sum()) * pitch**2
    if total_mm2 <= 0:
        return share
    full = share >= 1.0
    partly_mm2 = total_mm2 - float(np.count_nonzero(full)) * pitch**2
    factor = 1.0 + (area_mm2 - total_mm2) / partly_mm2 if partly_mm2 > 0 else 1.0
    if not 0.25 <= factor <= 2.0:
        return np.asarray(share * np.float32(np.clip(area_mm2 / total_mm2, 0.25, 4.0)), dtype=np.float32)
    share[~full] *= np.float32(factor)
    return share


def slope_along_w(distance: Float32Array, layers: Sequence[Layer]) -> Float32Array:
    """Change of the distance along the normal of the planes, 0 beside nothing (a flat end has no slope)."""
    heights = np.array([layer.w_mm for layer in layers], dtype=np.float32)
    slope = np.zeros_like(distance)
    if len(layers) > 2:
        step = (heights[2:] - heights[:-2])[:, None, None]
        slope[1:-1] = (distance[2:] - distance[:-2]) / step
        empty = distance.reshape(len(layers), -1).max(axis=1) <= NOTHING_MM
        slope[1:-1][empty[2:] | empty[:-2]] = 0.0
    return np.asarray(np.clip(slope, -5.0, 5.0), dtype=np.float32)


def _normals(
    distance: Float32Array,
    slope_w: Float32Array,
    k: NDArray[np.int64],
    j: NDArray[np.int64],
    i: NDArray[np.int64],
) -> FloatArray:
    """Direction (n, 3) in which the distance rises, its in-plane part of length 1."""
    _, n_v, n_u = distance.shape
    g_u = distance[k, j, np.minimum(i + 1, n_u - 1)] - distance[k, j, np.maximum(i - 1, 0)]
    g_v = distance[k, np.minimum(j + 1, n_v - 1), i] - distance[k, np.maximum(j - 1, 0), i]
    length = np.maximum(np.hypot(g_u, g_v), 1e-6)
    return np.column_stack([g_u / length, g_v / length, slope_w[k, j, i]]).astype(float)


def spread_along_normal(
    place: FloatArray,
    depth: FloatArray | Float32Array,
    rise: FloatArray,
    pitch: float,
    *,
    number: NDArray[np.int64],
    thickness_mm: FloatArray,
) -> FloatArray:
    """Each point as ``N_SPREAD`` points along the normal over the covered part of its cell; (n * N_SPREAD, 3).

    Args:
        place: (n, 3) cell centres [mm].
        depth: (n,) in-plane distance to the surface [mm], positive inside.
        rise: (n, 3) gradient of the distance.
        pitch: size of the cells [mm].
        number: (n,) of the cells in the lattice.
        thickness_mm: (n,) height of the cells along w [mm]; they reach along the surface as far as across it.
    """
    steepness = np.maximum(np.linalg.norm(rise, axis=1), 1.0)
    normal = rise / steepness[:, None]
    inward = np.asarray(depth, dtype=float) / steepness
    half = 0.5 * pitch / steepness
    first = np.maximum(inward - half, 0.0)
    last = np.maximum(inward + half, first)
    inner = scatter(number[:, None] * N_SPREAD + np.arange(N_SPREAD))
    share = (np.arange(N_SPREAD) + 0.5 + inner[:, :, 0]) / N_SPREAD
    steps = first[:, None] + (last - first)[:, None] * share - inward[:, None]
    # Cells beyond the surface belong to other readings only and stay where they are.
    steps[inward < -half] = 0.0
    spread = place[:, None, :] + steps[:, :, None] * normal[:, None, :]
    # Along the surface a cell reaches as far: two points on either side of its middle.
    flat = np.maximum(np.hypot(normal[:, 0], normal[:, 1]), 1e-9)
    along = np.column_stack([-normal[:, 1] / flat, normal[:, 0] / flat, np.zeros(len(normal))])
    across = np.cross(normal, along)
    height = np.hypot(pitch * normal[:, 2], thickness_mm * flat)
    along *= pitch
    across *= height[:, None]
    side = 0.25 * _SIDE.T[None] + 0.5 * inner[:, :, 1:]
    spread += side[:, :, :1] * along[:, None, :] + side[:, :, 1:] * across[:, None, :]
    result: FloatArray = spread.reshape(-1, 3)
    return result


def _centres(low: float, high: float, pitch: float) -> FloatArray:
    n_cells = int(np.ceil((high - low) / pitch)) + 2
    first = 0.5 * (low + high) - 0.5 * pitch * (n_cells - 1)
    return np.asarray(first + pitch * np.arange(n_cells), dtype=float)
