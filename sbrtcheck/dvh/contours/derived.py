"""Shapes made of other shapes, asked in the same way as contours."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from sbrtcheck.dvh.contours.frame import Frame, box_corners
from sbrtcheck.dvh.contours.lazy import lazy
from sbrtcheck.dvh.contours.raster import Float32Array
from sbrtcheck.dvh.contours.shape import Layer, Shape
from sbrtcheck.model import FloatArray
from sbrtcheck.model.dose import mapped

if TYPE_CHECKING:
    from sbrtcheck.dvh.contours.structure import Structure

MAX_NODES = 3_000_000


def _same(first: Frame, second: Frame) -> bool:
    return bool(np.max(np.abs(first.axes - second.axes)) < 1e-6)


class _Lattice:
    """Any shape on fixed in-plane positions, by asking it point by point."""

    def __init__(self, shape: Shape, frame: Frame, u_mm: FloatArray, v_mm: FloatArray) -> None:
        self.shape, self.frame = shape, frame
        self.turn = None if _same(shape.frame, frame) else shape.frame.axes @ frame.axes.T
        grid_v, grid_u = np.meshgrid(v_mm, u_mm, indexing="ij")
        self.flat = np.column_stack([grid_u.ravel(), grid_v.ravel(), np.zeros(grid_u.size)])
        self.form = grid_u.shape

    def distance(self, w_mm: float, variant: str) -> Float32Array | None:
        """Signed distance (n_v, n_u) [mm]; the same for every reading."""
        points = self.flat.copy()
        points[:, 2] = w_mm
        if self.turn is not None:
            points = mapped(points, self.turn)
        return self.shape.at(points).reshape(self.form)

    def area_mm2(self, w_mm: float, variant: str) -> float | None:
        """Not known apart from the lattice."""
        return None

    def has_caps_at(self, w_mm: float) -> bool:
        """End caps are those of the parts."""
        return False


class CombinedShape:
    """Union, common part or difference (the first without the others) of shapes."""

    def __init__(self, shapes: Sequence[Shape], operation: str) -> None:
        self.shapes, self.operation = list(shapes), operation
        self.frame = self.shapes[0].frame

    @lazy
    def _boxes(self) -> list[tuple[FloatArray, FloatArray]]:
        return [_box(shape, self.frame) for shape in self.shapes]

    @lazy
    def low_mm(self) -> FloatArray:
        lows = np.array([low for low, _ in self._boxes])
        if self.operation == "union":
            return np.asarray(lows.min(axis=0))
        return np.asarray(lows.max(axis=0) if self.operation == "intersection" else lows[0])

    @lazy
    def high_mm(self) -> FloatArray:
        highs = np.array([high for _, high in self._boxes])
        if self.operation == "union":
            return np.asarray(highs.max(axis=0))
        high = highs.min(axis=0) if self.operation == "intersection" else highs[0]
        return np.asarray(np.maximum(high, self.low_mm), dtype=float)

    @lazy
    def volume_cm3(self) -> float:
        """Volume [cm3] on a lattice with partly covered cells."""
        return lattice_volume_cm3(self)

    def layers(self, pitch_mm: float) -> list[Layer]:
        """Even layers through the whole box."""
        return _even_layers(self, pitch_mm)

    def on_lattice(self, u_mm: FloatArray, v_mm: FloatArray) -> _CombinedOnLattice:
        """The structure on fixed in-plane positions."""
        return _CombinedOnLattice(self, u_mm, v_mm)

    def at(self, points_mm: FloatArray) -> Float32Array:
        """Signed distance at points (n, 3) [mm]."""
        parts = []
        for shape in self.shapes:
            own = (
                points_mm if _same(shape.frame, self.frame) else mapped(points_mm, shape.frame.axes @ self.frame.axes.T)
            )
            parts.append(shape.at(own))
        return _join(parts, self.operation)


class _CombinedOnLattice:
    def __init__(self, shape: CombinedShape, u_mm: FloatArray, v_mm: FloatArray) -> None:
        self.operation = shape.operation
        self.parts = [
            s.on_lattice(u_mm, v_mm) if _same(s.frame, shape.frame) else _Lattice(s, shape.frame, u_mm, v_mm)
            for s in shape.shapes
        ]
        self.form = (len(v_mm), len(u_mm))

    def distance(self, w_mm: float, variant: str) -> Float32Array | None:
        """Signed distance (n_v, n_u) [mm]; None where there is nothing."""
        found = [part.distance(w_mm, variant) for part in self.parts]
        if all(f is None for f in found):
            return None
        return _join([np.full(self.form, -1e3, dtype=np.float32) if f is None else f for f in found], self.operation)

    def area_mm2(self, w_mm: float, variant: str) -> float | None:
        """Not known apart from the lattice."""
        return None

    def has_caps_at(self, w_mm: float) -> bool:
        """End caps are those of the parts."""
        return False


class OffsetShape:
    """A shape grown or shrunk by a margin, from distances on a lattice of its own."""

    def __init__(self, shape: Shape, margin_mm: float) -> None:
        self.shape, self.margin_mm = shape, margin_mm
        self.frame = shape.frame

    @lazy
    def low_mm(self) -> FloatArray:
        return np.asarray(self.shape.low_mm - self.margin_mm)

    @lazy
    def high_mm(self) -> FloatArray:
        return np.asarray(np.maximum(self.shape.high_mm + self.margin_mm, self.low_mm), dtype=float)

    @lazy
    def volume_cm3(self) -> float:
        """Volume [cm3] on a lattice with partly covered cells."""
        return lattice_volume_cm3(self)

    def layers(self, pitch_mm: float) -> list[Layer]:
        """Even layers through the whole box."""
        return _even_layers(self, pitch_mm)

    def on_lattice(self, u_mm: FloatArray, v_mm: FloatArray) -> _Lattice:
        """The structure on fixed in-plane positions."""
        return _Lattice(self, self.frame, u_mm, v_mm)

    @lazy
    def _field(self) -> tuple[Float32Array, FloatArray, float]:
        """Signed distance to the surface (n_w, n_v, n_u) [mm], the first node and the pitch."""
        from scipy.ndimage import distance_transform_edt
        from scipy.spatial import cKDTree

        reach = max(self.margin_mm, 0.0)
        low, high = self.shape.low_mm - reach, self.shape.high_mm + reach
        pitch = _lattice_pitch(low, high, finest=max(0.5, min(1.0, abs(self.margin_mm) / 4.0)))
        u, v, w = (_nodes(low[axis], high[axis], pitch) for axis in range(3))
        lattice = self.shape.on_lattice(u, v)
        flat = np.full((len(w), len(v), len(u)), -1e3, dtype=np.float32)
        for k, height in enumerate(w):
            layer = lattice.distance(float(height), "nominal")
            if layer is not None:
                flat[k] = layer
        surface = surface_of(self.shape, spacing_mm=pitch)
        outside = flat <= 0
        # Distance to the nearest node on the other side, less what that node lies beyond the surface.
        beyond = _surface_distance(flat, pitch)
        result = np.empty_like(flat)
        for inside, sign in ((False, -1.0), (True, 1.0)):
            mask = outside if not inside else ~outside
            if self.margin_mm * sign > 0:
                # A surface moved inwards asks nothing of the outside but to be outside, and the other way round.
                result[mask] = flat[mask]
                continue
            steps, (k, j, i) = distance_transform_edt(mask, sampling=pitch, return_indices=True)
            result[mask] = sign * np.maximum(steps[mask] - beyond[k[mask], j[mask], i[mask]], 0.0)
        if len(surface):
            # Where the margin ends, distances are taken from points on the surface itself.
            near = np.flatnonzero(np.abs(result + self.margin_mm) < 1.8 * pitch)
            n_w, n_v, n_u = np.unravel_index(near, result.shape)
            exact, _ = cKDTree(surface).query(np.column_stack([u[n_u], v[n_v], w[n_w]]))
            result.ravel()[near] = np.where(outside.ravel()[near], -exact, exact)
        return result, np.array([u[0], v[0], w[0]]), pitch

    def at(self, points_mm: FloatArray) -> Float32Array:
        """Signed distance at points (n, 3) [mm]."""
        from scipy.ndimage import map_coordinates

        field, first, pitch = self._field
        index = ((points_mm - first) / pitch)[:, ::-1].T
        value = map_coordinates(field, index, order=1, mode="constant", cval=-1e3)
        return np.asarray(value + np.float32(self.margin_mm), dtype=np.float32)


def _surface_distance(flat: Float32Array, pitch: float) -> Float32Array:
    """Distance of every node to the surface by the local gradient [mm], between 0 and one pitch."""
    slopes = np.gradient(np.clip(flat, -3 * pitch, 3 * pitch), pitch)
    steepness = np.sqrt(sum(g * g for g in slopes))
    return np.asarray(np.clip(np.abs(flat) / np.maximum(steepness, 0.5), 0.0, pitch), dtype=np.float32)


def _box(shape: Shape, frame: Frame) -> tuple[FloatArray, FloatArray]:
    if _same(shape.frame, frame):
        return shape.low_mm, shape.high_mm
    corners = box_corners(shape.low_mm, shape.high_mm)
    turned = corners @ (frame.axes @ shape.frame.axes.T).T
    return turned.min(axis=0), turned.max(axis=0)


def _join(parts: Sequence[Float32Array], operation: str) -> Float32Array:
    result = parts[0]
    for part in parts[1:]:
        if operation == "union":
            result = np.maximum(result, part)
        else:
            result = np.minimum(result, part if operation == "intersection" else -part)
    return result


def _lattice_pitch(low: FloatArray, high: FloatArray, *, finest: float) -> float:
    box = float(np.prod(np.maximum(high - low, 1.0)))
    return float(max(finest, (box / MAX_NODES) ** (1.0 / 3.0)))


def _nodes(low: float, high: float, pitch: float) -> FloatArray:
    n_nodes = ceil((high - low) / pitch) + 3
    return np.asarray(0.5 * (low + high) + pitch * (np.arange(n_nodes) - 0.5 * (n_nodes - 1)), dtype=float)


def _even_layers(shape: Shape, pitch_mm: float) -> list[Layer]:
    low, high = float(shape.low_mm[2]), float(shape.high_mm[2])
    n_layers = max(1, ceil((high - low) / pitch_mm))
    step = (high - low) / n_layers
    return [Layer(low + (k + 0.5) * step, step) for k in range(n_layers)] if high > low else []


def lattice_volume_cm3(shape: Shape) -> float:
    """Volume [cm3] by partly covered cells on a lattice of about a million nodes at most."""
    low, high = shape.low_mm, shape.high_mm
    pitch = _lattice_pitch(low, high, finest=0.4)
    u, v = _nodes(low[0], high[0], pitch), _nodes(low[1], high[1], pitch)
    lattice = shape.on_lattice(u, v)
    total = 0.0
    for layer in shape.layers(pitch):
        distance = lattice.distance(layer.w_mm, "nominal")
        if distance is not None:
            share = np.clip(distance * np.float32(1.0 / pitch) + np.float32(0.5), 0.0, 1.0)
            total += float(share.sum(dtype=np.float64)) * pitch**2 * layer.thickness_mm
    return total / 1000.0


def surface_points(structure: Structure, *, spacing_mm: float = 1.0) -> FloatArray:
    """Points on the surface in patient coordinates (n, 3) [mm], about ``spacing_mm`` apart or closer."""
    if structure.shape is None:
        return np.empty((0, 3))
    return structure.shape.frame.to_patient(surface_of(structure.shape, spacing_mm=spacing_mm))


def surface_of(shape: Shape, *, spacing_mm: float) -> FloatArray:
    """Points (n, 3) [mm] where the lines of a lattice meet the surface, in the frame of the shape."""
    low, high = shape.low_mm, shape.high_mm
    pitch = _lattice_pitch(low, high, finest=spacing_mm)
    u, v = _nodes(low[0], high[0], pitch), _nodes(low[1], high[1], pitch)
    lattice = shape.on_lattice(u, v)
    nothing = np.full((len(v), len(u)), -1e3, dtype=np.float32)
    found: list[FloatArray] = []
    before, before_w = nothing, 0.0
    layers = shape.layers(pitch)
    for layer in layers:
        distance = lattice.distance(layer.w_mm, "nominal")
        here = nothing if distance is None else distance
        inside = here > 0
        for axis in (0, 1):
            a, b = (inside[:-1], inside[1:]) if axis == 0 else (inside[:, :-1], inside[:, 1:])
            j, i = np.nonzero(a != b)
            first = here[j, i]
            second = here[j + 1, i] if axis == 0 else here[j, i + 1]
            step = pitch * first / (first - second)
            place = np.empty((len(j), 3))
            place[:, 0] = u[i] + (step if axis == 1 else 0.0)
            place[:, 1] = v[j] + (step if axis == 0 else 0.0)
            place[:, 2] = layer.w_mm
            found.append(place)
        edge = layer.w_mm - 0.5 * layer.thickness_mm
        found.append(_between_layers(before, here, u, v, before_w, layer.w_mm, edge))
        before, before_w = here, layer.w_mm
    if layers:
        found.append(
            _between_layers(before, nothing, u, v, before_w, before_w, before_w + 0.5 * layers[-1].thickness_mm)
        )
    return np.concatenate(found) if found else np.empty((0, 3))


def _between_layers(
    below: Float32Array, above: Float32Array, u: FloatArray, v: FloatArray, w_below: float, w_above: float, edge: float
) -> FloatArray:
    """Where the surface passes between two layers; at the edge between them where one of them is empty."""
    j, i = np.nonzero((below > 0) != (above > 0))
    first, second = below[j, i].astype(float), above[j, i].astype(float)
    height = w_below + (w_above - w_below) * first / (first - second)
    height[(first < -900) | (second < -900)] = edge
    return np.column_stack([u[i], v[j], height])
