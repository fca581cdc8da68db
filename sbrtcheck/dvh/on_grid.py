"""Large structures: the grid's own voxels inside, points of their own on the surface and where the dose is highest.

Nothing inside a large organ needs more than the grid's own resolution, except the few cubic centimetres of highest
dose, where limits in small volumes are read: those voxels are cut into 27 and read by the spline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.interpolation import GridReader
from sbrtcheck.dvh.raster import Float32Array
from sbrtcheck.dvh.sampling import NOTHING_MM, covered_share, scatter, slope_along_w, spread_along_normal
from sbrtcheck.dvh.shape import END_VARIANTS, VARIANTS, ContourShape, Layer, OnLattice, Shape
from sbrtcheck.model import FloatArray

HOT_CM3 = 3.0
N_CUT = 3
# By how many nodes the offsets of a layer are moved on from one layer to the next.
_ROLL = (7, 13)
# Below this volume the surface still decides the near-minimum, and its cells are spread along the normal.
SPREAD_BELOW_CM3 = 500.0
DEEP_MM = 2.8
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


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """Grid nodes along one axis of the frame: rising positions [mm] and their indices.

    ``within``: neither beyond the grid nor on its edge. ``known``: share of the cell that lies between grid points.
    """

    position_mm: FloatArray
    index: NDArray[np.int64]
    within: NDArray[np.bool_]
    known: FloatArray
    step_mm: float
    grid_axis: int


def aligned(reader: GridReader) -> bool:
    """Whether the axes of the grid are those of the contours, in any order and direction."""
    size = np.abs(reader.turn)
    largest = size.max(axis=1, keepdims=True)
    return bool(np.all(np.sum(size > 1e-7 * largest, axis=1) == 1))


@dataclass(frozen=True, slots=True, eq=False)
class GridCells:
    """What a shape is in a grid, whatever the doses: voxels wholly inside, and points for the rest.

    Attributes:
        u, v, w: the axes of the lattice.
        voxels_of: (number along w, which nodes of the part of the lattice within the grid), layer by layer.
        cell_cm3: volume of a voxel [cm3].
        outside_cm3: volume of the cells wholly inside the shape but outside the grid [cm3].
        points_mm: (m, 3) points for the cells that are not wholly inside, in the frame of the contours [mm].
        volumes_cm3: what they stand for in each reading, by name; the nominal one first.
        cell: (m,) which of these cells each point belongs to.
        number: (n_cells,) number of each of them in the lattice; -1 for voxels on the grid's edge.
        middle_mm, thickness_mm: (n_cells, 3) middle of each of them and (n_cells,) its height along w [mm].
        pitch_mm: size of the cells in plane [mm].
    """

    u: _Axis
    v: _Axis
    w: _Axis
    voxels_of: list[tuple[int, NDArray[np.bool_]]]
    cell_cm3: float
    outside_cm3: float
    points_mm: FloatArray
    volumes_cm3: dict[str, FloatArray]
    cell: NDArray[np.int64]
    number: NDArray[np.int64]
    middle_mm: FloatArray
    thickness_mm: FloatArray
    pitch_mm: float


def find_cells(shape: Shape, reader: GridReader) -> GridCells:
    """Voxels and points that stand for a shape in a grid whose axes are those of its contours."""
    u, v, w = (_axis(reader, axis, shape.low_mm[axis], shape.high_mm[axis]) for axis in range(3))
    pitch = float(np.sqrt(u.step_mm * v.step_mm))
    lattice = shape.on_lattice(u.position_mm, v.position_mm)
    names = VARIANTS if isinstance(shape, ContourShape) else VARIANTS[:1]
    n_spread = shape.volume_cm3 < SPREAD_BELOW_CM3
    # Distances are held at the canvas's reach, which is 3 mm for the coarsest canvas.
    margin = np.float32(min(pitch if n_spread else 0.5 * pitch, DEEP_MM))
    core, ends = _layers(shape, w, pitch)
    rows_in, _ = _inner(v)
    columns_in, _ = _inner(u)
    within = v.within[:, None] & u.within[None, :]
    known = v.known[:, None] * u.known[None, :]
    cell_cm3 = pitch**2 * w.step_mm / 1000.0
    voxels_of: list[tuple[int, NDArray[np.bool_]]] = []
    outside_cm3 = 0.0
    cells = _Cells(names)
    every = [*core, *((-1, layer, False) for layer in ends)]
    form = (len(v.index), len(u.index))
    made: Iterator[tuple[Float32Array, dict[str, Float32Array]]]
    made = (_shares(lattice, layer, names, pitch, form) for _, layer, _ in every)
    slopes: Sequence[Float32Array | None] = [None] * len(every)
    if n_spread:
        # Points that stand beside the surface along w as well must know how it leans.
        kept_layers = list(made)
        made = iter(kept_layers)
        slopes = _slopes([layer for _, layer, _ in every], [distance for distance, _ in kept_layers])
    for layer_number, ((number, layer, whole), (distance, shares), slope) in enumerate(
        zip(every, made, slopes, strict=True)
    ):
        full = np.zeros(distance.shape, dtype=bool)
        if whole:
            full = distance >= margin
            if len(names) > 1:
                full &= shares["slab"] >= 1.0
            inner = full & within if w.within[number] else np.zeros_like(full)
            if w.within[number]:
                voxels_of.append((number, inner[rows_in, columns_in].copy()))
            rest = full & ~inner
            if np.any(rest):
                # A voxel on the grid's edge is known in the half that lies between grid points.
                kept = known * (w.known[number] * cell_cm3)
                outside_cm3 += float(np.sum((cell_cm3 - kept)[rest]))
                cells.add_edge(layer, rest & (kept > 0), kept, u.position_mm, v.position_mm)
        cells.add(layer_number, layer, distance, shares, ~full, u.position_mm, v.position_mm, pitch, slope_w=slope)
    points, volumes = cells.joined()
    middle, thickness, number_of = cells.middles()
    return GridCells(
        u, v, w, voxels_of, cell_cm3, outside_cm3, points, volumes, cells.owners(), number_of, middle, thickness, pitch
    )


def sample_on_grid(shape: Shape, reader: GridReader, cells: GridCells) -> VoxelSamples:
    """The doses in the cells of a shape, those of the highest dose cut.

    Args:
        shape: of the structure.
        reader: of a grid whose axes are those of its contours.
        cells: of this shape in this grid or in another one with the same nodes (`find_cells`).
    """
    u, v, w, cell_cm3 = cells.u, cells.v, cells.w, cells.cell_cm3
    values = np.asarray(reader.dose.dose_gy).transpose(w.grid_axis, v.grid_axis, u.grid_axis)
    rows_in, rows_of = _inner(v)
    columns_in, columns_of = _inner(u)
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
    nominal = next(iter(cells.volumes_cm3))
    linear = reader.at(cells.points_mm, interpolation="linear")
    hot_voxels, hot_points = _hottest(gy, cell_cm3, linear, cells.volumes_cm3[nominal])
    centres, voxel_number = _places(
        hot_voxels, cells.voxels_of, u.position_mm[columns_in], v.position_mm[rows_in], w.position_mm
    )
    cut = _cut(centres, voxel_number, (u.step_mm, v.step_mm, w.step_mm))
    share = np.clip(shape.at(cut) / (cells.pitch_mm / N_CUT) + 0.5, 0.0, 1.0).astype(float)
    # The voxels were wholly inside by every reading: what the cut loses to the shape between the planes it gets back.
    kept_cm3 = share * (cell_cm3 / N_CUT**3)
    lost = cell_cm3 * len(centres) - float(kept_cm3.sum())
    if kept_cm3.size and float(kept_cm3.sum()) > 0:
        kept_cm3 *= 1.0 + lost / float(kept_cm3.sum())
    keep = np.ones(len(gy), dtype=bool)
    keep[hot_voxels] = False
    # Cells at the surface are cut as well: a few of them are all of the volume in which a limit is read.
    # Those on the grid's edge are known in part, at the edge itself: half of their parts would lie beyond it.
    of_hot = np.zeros(len(cells.middle_mm), dtype=bool)
    of_hot[cells.cell[hot_points]] = True
    of_hot &= cells.number >= 0
    rest = ~of_hot[cells.cell]
    surface, surface_cm3 = _cut_at_surface(shape, cells, np.flatnonzero(of_hot), (u.step_mm, v.step_mm))
    added = np.concatenate([surface, cut])
    hot = np.concatenate([hot_points[rest], np.ones(len(added), dtype=bool)])
    return VoxelSamples(
        voxel_gy=scattered_gy[keep],
        voxel_cm3=cell_cm3,
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


def _axis(reader: GridReader, axis: int, low: float, high: float) -> _Axis:
    row = int(np.argmax(np.abs(reader.turn[:, axis])))
    per_mm, shift = float(reader.turn[row, axis]), float(reader.shift[row])
    ends = sorted((low * per_mm + shift, high * per_mm + shift))
    index = np.arange(int(np.floor(ends[0])) - 1, int(np.ceil(ends[1])) + 2)
    if per_mm < 0:
        index = index[::-1]
    size = reader.dose.dose_gy.shape[row]
    position = np.asarray((index - shift) / per_mm, dtype=float)
    within = (index > 0) & (index < size - 1)
    known = np.where(within, 1.0, np.where((index == 0) | (index == size - 1), 0.5 if size > 1 else 0.0, 0.0))
    return _Axis(position, index, within, known, 1.0 / abs(per_mm), row)


def _inner(axis: _Axis) -> tuple[slice, slice]:
    """Where an axis lies within the grid: as a slice of the lattice and of the grid."""
    inside = np.flatnonzero(axis.within)
    if not len(inside):
        return slice(0, 0), slice(0, 0)
    first, last = int(axis.index[inside[0]]), int(axis.index[inside[-1]])
    # An index within the grid is at least 1, so that a falling slice can stop before it.
    of_grid = slice(first, last + 1) if last >= first else slice(first, last - 1, -1)
    return slice(int(inside[0]), int(inside[-1]) + 1), of_grid


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


def _layers(shape: Shape, w: _Axis, pitch: float) -> tuple[list[tuple[int, Layer, bool]], list[Layer]]:
    """Layers at the grid's planes (with their number, and whether they are whole), and layers of the end caps."""
    low, high = float(shape.low_mm[2]), float(shape.high_mm[2])
    ends: list[Layer] = []
    if isinstance(shape, ContourShape):
        first, last = float(shape.reading.w_mm[0]), float(shape.reading.w_mm[-1])
        ends = [layer for layer in shape.layers(pitch) if layer.w_mm < first or layer.w_mm > last]
        low, high = first, last
    core = []
    for number, position in enumerate(w.position_mm):
        start, stop = max(position - 0.5 * w.step_mm, low), min(position + 0.5 * w.step_mm, high)
        if stop - start > 1e-6:
            whole = stop - start > w.step_mm * (1 - 1e-6)
            middle = float(position) if whole else 0.5 * (start + stop)
            core.append((number, Layer(middle, stop - start), whole))
    return core, ends


def _slopes(layers: Sequence[Layer], distances: Sequence[Float32Array]) -> list[Float32Array | None]:
    """Change of the distance along w in each layer, in the order given."""
    order = sorted(range(len(layers)), key=lambda k: layers[k].w_mm)
    sorted_slopes = slope_along_w(np.stack([distances[k] for k in order]), [layers[k] for k in order])
    slopes: list[Float32Array | None] = [None] * len(layers)
    for place, k in enumerate(order):
        slopes[k] = sorted_slopes[place]
    return slopes


def _shares(
    lattice: OnLattice, layer: Layer, names: Sequence[str], pitch: float, form: tuple[int, int]
) -> tuple[Float32Array, dict[str, Float32Array]]:
    """Nominal distance of one layer and the covered share of its cells in every reading."""
    nominal = np.full(form, NOTHING_MM, dtype=np.float32)
    shares: dict[str, Float32Array] = {}
    for name in names:
        if name in END_VARIANTS and not lattice.has_caps_at(layer.w_mm):
            shares[name] = shares["nominal"]
            continue
        found = lattice.distance(layer.w_mm, name)
        if found is None:
            shares[name] = np.zeros(form, dtype=np.float32)
            continue
        if name == "nominal":
            nominal = found
        shares[name] = covered_share(found, pitch, lattice.area_mm2(layer.w_mm, name))
    return nominal, shares


class _Cells:
    """Cells that are not wholly inside, collected layer by layer."""

    def __init__(self, names: Sequence[str]) -> None:
        self.number: list[NDArray[np.int64]] = []
        self.middle: list[FloatArray] = []
        self.thickness: list[FloatArray] = []
        self.repeat: list[int] = []
        self.points: list[FloatArray] = []
        self.volumes: dict[str, list[FloatArray]] = {name: [] for name in names}

    def add(
        self,
        layer_number: int,
        layer: Layer,
        distance: Float32Array,
        shares: dict[str, Float32Array],
        wanted: NDArray[np.bool_],
        u: FloatArray,
        v: FloatArray,
        pitch: float,
        *,
        slope_w: Float32Array | None,
    ) -> None:
        """The cells of one layer, moved to the middle of what is covered or, with the slope along w, spread over it."""
        used = np.zeros(distance.shape, dtype=bool)
        for share in {id(s): s for s in shares.values()}.values():
            used |= share > 1e-4
        j, i = np.nonzero(used & wanted)
        if not len(j):
            return
        place = np.column_stack([u[i], v[j], np.full(len(i), layer.w_mm)])
        number = (layer_number * len(v) + j) * len(u) + i
        self.number.append(number)
        self.middle.append(place.copy())
        self.thickness.append(np.full(len(i), layer.thickness_mm))
        depth = distance[j, i].astype(float)
        n_v, n_u = distance.shape
        g_u = distance[j, np.minimum(i + 1, n_u - 1)] - distance[j, np.maximum(i - 1, 0)]
        g_v = distance[np.minimum(j + 1, n_v - 1), i] - distance[np.maximum(j - 1, 0), i]
        length = np.maximum(np.hypot(g_u, g_v), 1e-6)
        leaning = np.zeros(len(i)) if slope_w is None else slope_w[j, i]
        rise = np.column_stack([g_u / length, g_v / length, leaning]).astype(float)
        repeat = 1
        if slope_w is not None:
            points = spread_along_normal(
                place, depth, rise, pitch, number=number, thickness_mm=np.full(len(place), layer.thickness_mm)
            )
            repeat = len(points) // len(place)
        else:
            partly = np.abs(depth) < 0.5 * pitch
            place[partly] += (0.5 * (0.5 * pitch - depth[partly]))[:, None] * rise[partly]
            offset = scatter(number) * np.array([pitch, pitch, layer.thickness_mm])
            # A cell at the surface is scattered along it only, and not along w, where it may lean.
            offset[partly] -= np.sum(offset[partly] * rise[partly], axis=1)[:, None] * rise[partly]
            offset[partly, 2] = 0.0
            points = place + offset
        scale = pitch**2 * layer.thickness_mm / 1000.0
        self.points.append(points)
        self.repeat.append(repeat)
        made: dict[int, FloatArray] = {}
        for name, share in shares.items():
            # Most readings share most layers: theirs is one array.
            if id(share) not in made:
                made[id(share)] = np.repeat(share[j, i] * np.float32(scale / repeat), repeat)
            self.volumes[name].append(made[id(share)])

    def add_edge(
        self, layer: Layer, wanted: NDArray[np.bool_], kept_cm3: FloatArray, u: FloatArray, v: FloatArray
    ) -> None:
        """Voxels wholly inside the structure that are known in part."""
        j, i = np.nonzero(wanted)
        self.points.append(np.column_stack([u[i], v[j], np.full(len(i), layer.w_mm)]))
        self.number.append(np.full(len(i), -1))
        self.middle.append(self.points[-1])
        self.thickness.append(np.full(len(i), layer.thickness_mm))
        self.repeat.append(1)
        for volumes in self.volumes.values():
            volumes.append(kept_cm3[j, i])

    def middles(self) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
        """Middle, height and number of all cells."""
        if not self.middle:
            return np.empty((0, 3)), np.empty(0), np.empty(0, dtype=np.int64)
        return np.concatenate(self.middle), np.concatenate(self.thickness), np.concatenate(self.number)

    def owners(self) -> NDArray[np.int64]:
        """The cell of each point."""
        n_points = [np.full(len(m), n) for m, n in zip(self.middle, self.repeat, strict=True)]
        return np.repeat(np.arange(sum(map(len, self.middle))), np.concatenate(n_points) if n_points else 0)

    def joined(self) -> tuple[FloatArray, dict[str, FloatArray]]:
        """All points and their volumes."""
        if not self.points:
            return np.empty((0, 3)), {name: np.empty(0) for name in self.volumes}
        return np.concatenate(self.points), {name: np.concatenate(part) for name, part in self.volumes.items()}


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


def _cut_at_surface(
    shape: Shape, cells: GridCells, chosen: NDArray[np.int64], step_mm: tuple[float, float]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Cells that are not wholly inside as N_CUT^3 points (n, 3) [mm], and what these stand for in each reading [cm3].

    The volume of a cell, which each reading knows by itself, goes to the points inside the shape.
    """
    parts = N_CUT**3
    unit = _cut(np.zeros((len(chosen), 3)), cells.number[chosen], (1.0, 1.0, 1.0)).reshape(len(chosen), parts, 3)
    size = np.column_stack([np.full((len(chosen), 2), step_mm), cells.thickness_mm[chosen]])
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
