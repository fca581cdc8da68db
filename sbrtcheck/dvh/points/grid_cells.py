"""The cells of a dose grid that a large structure fills: voxels wholly inside, and points for the cells at its surface.

Whatever the doses: what is found in one grid holds for every dose on the same nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.contour_shape import ContourShape
from sbrtcheck.dvh.contours.raster import Float32Array
from sbrtcheck.dvh.contours.shape import END_VARIANTS, VARIANTS, Layer, OnLattice, Shape
from sbrtcheck.dvh.points.interpolation import GridReader
from sbrtcheck.dvh.points.sampling import NOTHING_MM, covered_share, scatter, slope_along_w, spread_along_normal
from sbrtcheck.model import FloatArray

# Below this volume the surface still decides the near-minimum, and its cells are spread along the normal.
SPREAD_BELOW_CM3 = 500.0
DEEP_MM = 2.8


@dataclass(frozen=True, slots=True, eq=False)
class GridAxis:
    """Grid nodes along one axis of the frame: rising positions [mm] and their indices.

    ``within``: neither beyond the grid nor on its edge. ``known``: share of the cell that lies between grid points.
    """

    position_mm: FloatArray
    index: NDArray[np.int64]
    within: NDArray[np.bool_]
    known: FloatArray
    step_mm: float
    grid_axis: int

    def inner(self) -> tuple[slice, slice]:
        """Where the axis lies within the grid: as a slice of the lattice and of the grid."""
        inside = np.flatnonzero(self.within)
        if not len(inside):
            return slice(0, 0), slice(0, 0)
        first, last = int(self.index[inside[0]]), int(self.index[inside[-1]])
        # An index within the grid is at least 1, so that a falling slice can stop before it.
        of_grid = slice(first, last + 1) if last >= first else slice(first, last - 1, -1)
        return slice(int(inside[0]), int(inside[-1]) + 1), of_grid


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

    u: GridAxis
    v: GridAxis
    w: GridAxis
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
    is_spread = shape.volume_cm3 < SPREAD_BELOW_CM3
    # Distances are held at the canvas's reach, which is 3 mm for the coarsest canvas.
    margin = np.float32(min(pitch if is_spread else 0.5 * pitch, DEEP_MM))
    core, ends = _layers(shape, w, pitch)
    rows_in, _ = v.inner()
    columns_in, _ = u.inner()
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
    if is_spread:
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


def _axis(reader: GridReader, axis: int, low: float, high: float) -> GridAxis:
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
    return GridAxis(position, index, within, known, 1.0 / abs(per_mm), row)


def _layers(shape: Shape, w: GridAxis, pitch: float) -> tuple[list[tuple[int, Layer, bool]], list[Layer]]:
    """Layers at the grid's planes (with their number, and whether they are whole), and layers of the end caps."""
    low, high = float(shape.low_mm[2]), float(shape.high_mm[2])
    ends: list[Layer] = []
    if isinstance(shape, ContourShape):
        first, last = shape.planes_mm
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
