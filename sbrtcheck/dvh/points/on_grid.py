"""Large structures: the grid's own voxels inside, points of their own on the surface and where the dose is highest.

Nothing inside a large organ needs more than the grid's own resolution, except the few cubic centimetres of highest
dose, where limits in small volumes are read: those voxels are cut into 27 and read by the spline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.raster import Float32Array
from sbrtcheck.dvh.contours.shape import Shape
from sbrtcheck.dvh.points.grid_cells import GridCells
from sbrtcheck.dvh.points.interpolation import GridReader
from sbrtcheck.dvh.points.sampling import scatter
from sbrtcheck.model import FloatArray

HOT_CM3 = 3.0
N_CUT = 3
# By how many nodes the offsets of a layer are moved on from one layer to the next.
_ROLL = (7, 13)
# Every so many voxels are looked at to tell which doses can be among the highest.
N_SKIP = 32


@dataclass(frozen=True, slots=True, eq=False)
class VoxelSamples:
    """What stands for a large structure.

    Attributes:
        voxel_gy: (n,) doses of the voxels wholly inside [Gy].
        voxel_cm3: what each of them stands for [cm3].
        voxels_outside_cm3: volume of the cells wholly inside the structure but outside the grid [cm3].
        points_mm: (m, 3) further points in the frame of the contours [mm].
        volumes_cm3: what they stand for in each reading, by name.
        linear_gy: (m,) their trilinear dose [Gy], nan outside the grid.
        hot: (m,) points that want the spline.
        pitch_mm: size of the cells in plane [mm].
    """

    voxel_gy: NDArray[np.floating]
    voxel_cm3: float
    voxels_outside_cm3: float
    points_mm: FloatArray
    volumes_cm3: dict[str, FloatArray]
    linear_gy: FloatArray
    hot: NDArray[np.bool_]
    pitch_mm: float


def aligned(reader: GridReader) -> bool:
    """Whether the axes of the grid are those of the contours, in any order and direction."""
    size = np.abs(reader.turn)
    largest = size.max(axis=1, keepdims=True)
    return bool(np.all(np.sum(size > 1e-7 * largest, axis=1) == 1))


def sample_on_grid(shape: Shape, reader: GridReader, cells: GridCells) -> VoxelSamples:
    """The doses in the cells of a shape, those of the highest dose cut.

    Args:
        reader: of a grid whose axes are those of its contours.
        cells: of this shape in this grid or in another one with the same nodes (`find_cells`).
    """
    gy, scattered_gy = _doses_of_voxels(cells, reader)
    nominal = next(iter(cells.volumes_cm3))
    linear = reader.at(cells.points_mm, interpolation="linear")
    hot_voxels, hot_points = _hottest(gy, cells.cell_cm3, linear, cells.volumes_cm3[nominal])
    cut, kept_cm3 = _cut_voxels(shape, cells, hot_voxels)
    keep = np.ones(len(gy), dtype=bool)
    keep[hot_voxels] = False
    # Cells at the surface are cut as well: a few of them are all of the volume in which a limit is read.
    # Those on the grid's edge are known in part, at the edge itself: half of their parts would lie beyond it.
    of_hot = np.zeros(len(cells.middle_mm), dtype=bool)
    of_hot[cells.cell[hot_points]] = True
    of_hot &= cells.number >= 0
    rest = ~of_hot[cells.cell]
    surface, surface_cm3 = _cut_at_surface(shape, cells, np.flatnonzero(of_hot))
    added = np.concatenate([surface, cut])
    hot = np.concatenate([hot_points[rest], np.ones(len(added), dtype=bool)])
    return VoxelSamples(
        voxel_gy=scattered_gy[keep],
        voxel_cm3=cells.cell_cm3,
        voxels_outside_cm3=cells.outside_cm3,
        points_mm=np.concatenate([cells.points_mm[rest], added]),
        volumes_cm3={
            name: np.concatenate([volume[rest], surface_cm3[name], kept_cm3])
            for name, volume in cells.volumes_cm3.items()
        },
        linear_gy=np.concatenate([linear[rest], reader.at(added, interpolation="linear")]),
        hot=hot,
        pitch_mm=cells.pitch_mm,
    )


def _doses_of_voxels(cells: GridCells, reader: GridReader) -> tuple[FloatArray, FloatArray]:
    """Doses (n,) of the voxels wholly inside, layer by layer [Gy]: in the middle of each, and at an offset."""
    u, v, w = cells.u, cells.v, cells.w
    values = np.asarray(reader.dose.dose_gy).transpose(w.grid_axis, v.grid_axis, u.grid_axis)
    rows_in, rows_of = v.inner()
    columns_in, columns_of = u.inner()
    # One offset for each node of a layer, moved on from layer to layer: as even as one for each voxel, and faster.
    n_nodes = (len(v.position_mm[rows_in]), len(u.position_mm[columns_in]))
    offset = scatter(np.arange(n_nodes[0] * n_nodes[1])).T.reshape(3, *n_nodes).astype(np.float32)
    # Twice in both directions, so that what is moved on is a part of it.
    offset = np.tile(offset, (1, 2, 2))
    layers = []
    for number, chosen in cells.voxels_of:
        if chosen.any():
            row, column = (-step * number % n for step, n in zip(_ROLL, n_nodes, strict=True))
            moved = offset[:, row : row + n_nodes[0], column : column + n_nodes[1]]
            three = values[w.index[number - 1 : number + 2]]
            layers.append(_voxels(three, rows_of, columns_of, chosen, moved))
    gy = np.concatenate([middle for middle, _ in layers]) if layers else np.empty(0)
    scattered_gy = np.concatenate([scattered for _, scattered in layers]) if layers else np.empty(0)
    np.clip(scattered_gy, 0.0, gy.max(initial=0.0), out=scattered_gy)
    return gy, scattered_gy


def _voxels(
    layers: NDArray[np.floating],
    rows: slice,
    columns: slice,
    chosen: NDArray[np.bool_],
    offset: Float32Array,
) -> tuple[FloatArray, FloatArray]:
    """Doses (n,) of the chosen voxels of the middle one of three layers [Gy]: in the middle of each, and at an offset.

    The offsets (3, n_v, n_u), along w, v and u, are shares of a voxel. The chosen voxels are never on the grid's edge:
    each has neighbours on all sides.
    """
    layer = layers[1, _wider(rows), _wider(columns)]
    change = offset[0] * (layers[2, rows, columns] - layers[0, rows, columns])
    change += offset[1] * (layer[2:, 1:-1] - layer[:-2, 1:-1])
    change += offset[2] * (layer[1:-1, 2:] - layer[1:-1, :-2])
    middle = layers[1, rows, columns][chosen].astype(float)
    return middle, middle + 0.5 * change[chosen]


def _wider(part: slice) -> slice:
    """One more on either side of a slice that leaves the ends of its axis free."""
    if (part.step or 1) > 0:
        return slice(part.start - 1, part.stop + 1)
    return slice(part.start + 1, part.stop - 1 if part.stop > 0 else None, -1)


def _places(
    wanted: NDArray[np.int64],
    voxels_of: list[tuple[int, NDArray[np.bool_]]],
    u: FloatArray,
    v: FloatArray,
    w: FloatArray,
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Positions (n, 3) of some of the voxels, which are counted through the layers, and their numbers (n,)."""
    places, numbers = [np.empty((0, 3))], [np.empty(0, dtype=np.int64)]
    ordered = np.sort(wanted)
    start = 0
    for number, chosen in voxels_of:
        stop = start + int(np.count_nonzero(chosen))
        mine = ordered[np.searchsorted(ordered, start) : np.searchsorted(ordered, stop)] - start
        if len(mine):
            j, i = np.nonzero(chosen)
            places.append(np.column_stack([u[i[mine]], v[j[mine]], np.full(len(mine), w[number])]))
            numbers.append((number * len(v) + j[mine]) * len(u) + i[mine])
        start = stop
    return np.concatenate(places), np.concatenate(numbers)


def _hottest(
    gy: NDArray[np.floating], cell_cm3: float, linear_gy: FloatArray, volume_cm3: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Voxels and points of the few cubic centimetres with the highest dose."""
    n_hot = int(np.ceil(HOT_CM3 / cell_cm3))
    near = np.where(np.isfinite(linear_gy), linear_gy, -1.0)
    of_points = np.zeros(len(near), dtype=bool)
    candidates = np.sort(_largest(gy, n_hot))
    doses = np.concatenate([gy[candidates], near])
    volumes = np.concatenate([np.full(len(candidates), cell_cm3), volume_cm3])
    # Only the upper end needs to be in order, and of cells of one dose only the first ones are needed.
    upper = np.arange(len(doses))
    if len(doses) > 4 * n_hot:
        upper = np.flatnonzero(doses >= np.partition(doses, -4 * n_hot)[-4 * n_hot])
    order = upper[np.argsort(-np.round(doses[upper], 6), kind="stable")]
    chosen = order[: int(np.searchsorted(np.cumsum(volumes[order]), HOT_CM3)) + 1]
    of_points[chosen[chosen >= len(candidates)] - len(candidates)] = True
    return candidates[chosen[chosen < len(candidates)]], of_points


def _largest(gy: NDArray[np.floating], n: int) -> NDArray[np.int64]:
    """Indices of the n largest, or of all where there are no more, in any order."""
    if len(gy) <= n:
        return np.arange(len(gy))
    # What some of them tell about the rest spares most of them the ordering.
    some = gy[::N_SKIP]
    n_some = 2 * (n // N_SKIP) + N_SKIP
    among = np.arange(len(gy))
    if len(some) > n_some:
        above = np.flatnonzero(gy >= np.partition(some, len(some) - n_some)[len(some) - n_some])
        among = above if len(above) >= n else among
    return among[np.argpartition(gy[among], len(among) - n)[len(among) - n :]]


def _cut_voxels(shape: Shape, cells: GridCells, chosen: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Voxels wholly inside as N_CUT^3 points each (n, 3) [mm], and what these stand for (n,) [cm3]."""
    u, v, w = cells.u, cells.v, cells.w
    (rows_in, _), (columns_in, _) = v.inner(), u.inner()
    centres, number = _places(chosen, cells.voxels_of, u.position_mm[columns_in], v.position_mm[rows_in], w.position_mm)
    points = _cut(centres, number, (u.step_mm, v.step_mm, w.step_mm))
    share = np.clip(shape.at(points) / (cells.pitch_mm / N_CUT) + 0.5, 0.0, 1.0).astype(float)
    # The voxels were wholly inside by every reading: what the cut loses to the shape between the planes it gets back.
    kept_cm3 = share * (cells.cell_cm3 / N_CUT**3)
    lost = cells.cell_cm3 * len(centres) - float(kept_cm3.sum())
    if kept_cm3.size and float(kept_cm3.sum()) > 0:
        kept_cm3 *= 1.0 + lost / float(kept_cm3.sum())
    return points, kept_cm3


def _cut_at_surface(
    shape: Shape, cells: GridCells, chosen: NDArray[np.int64]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Cells that are not wholly inside as N_CUT^3 points (n, 3) [mm], and what these stand for in each reading [cm3].

    The volume of a cell, which each reading knows by itself, goes to the points inside the shape.
    """
    parts = N_CUT**3
    unit = _cut(np.zeros((len(chosen), 3)), cells.number[chosen], (1.0, 1.0, 1.0)).reshape(len(chosen), parts, 3)
    size = np.column_stack([np.full((len(chosen), 2), (cells.u.step_mm, cells.v.step_mm)), cells.thickness_mm[chosen]])
    points = (cells.middle_mm[chosen][:, None, :] + size[:, None, :] * unit).reshape(-1, 3)
    depth = shape.at(points).reshape(-1, parts)
    # Of a cell without a point inside, covered by less than one or held by other readings only, the deepest stands.
    inside = (depth > 0) | (depth == depth.max(axis=1, keepdims=True))
    share = inside / inside.sum(axis=1, keepdims=True)
    n_cells = len(cells.middle_mm)
    volumes = {}
    for name, volume in cells.volumes_cm3.items():
        of_cell = np.bincount(cells.cell, weights=volume, minlength=n_cells)[chosen]
        volumes[name] = (of_cell[:, None] * share).ravel()
    return points, volumes


def _cut(centres: FloatArray, number: NDArray[np.int64], step_mm: tuple[float, float, float]) -> FloatArray:
    """Every cell as N_CUT^3 points; ``number`` (n,) tells the cells apart."""
    offsets = (np.arange(N_CUT) + 0.5) / N_CUT - 0.5
    grid = np.array(np.meshgrid(offsets, offsets, offsets, indexing="ij")).reshape(3, -1).T * np.array(step_mm)
    inner = scatter(number[:, None] * len(grid) + np.arange(len(grid))) * np.array(step_mm) / N_CUT
    return np.asarray((centres[:, None, :] + grid[None] + inner).reshape(-1, 3), dtype=float)
