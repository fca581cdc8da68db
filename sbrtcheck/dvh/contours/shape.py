"""A structure made of contours, asked for its signed distance: layer by layer on a lattice, or at single points."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.between import FAR_MM, Cap, Solid, build_solid, close_rings
from sbrtcheck.dvh.contours.lazy import lazy
from sbrtcheck.dvh.contours.planes import Frame, Reading
from sbrtcheck.dvh.contours.raster import Canvas, Float32Array
from sbrtcheck.model import FloatArray

# The ends of a structure are known to half a slice only, each by itself: cut at the last plane, or as long as can be.
END_VARIANTS = ("lower end short", "lower end long", "upper end short", "upper end long")
VARIANTS = ("nominal", "slab", *END_VARIANTS)


@dataclass(frozen=True, slots=True)
class Layer:
    """A slice of the structure between two heights."""

    w_mm: float
    thickness_mm: float


class Shape(Protocol):
    """What the sampling asks of a structure. Distances are in plane, positive inside, exact near the surface only."""

    @property
    def frame(self) -> Frame:
        """Orientation of the lattice."""

    @property
    def low_mm(self) -> FloatArray:
        """(3,) lower corner of the box around it, in its frame [mm]."""

    @property
    def high_mm(self) -> FloatArray:
        """(3,) upper corner [mm]."""

    @property
    def volume_cm3(self) -> float:
        """Volume [cm3]."""

    def layers(self, pitch_mm: float) -> list[Layer]:
        """Layers no thicker than ``pitch_mm`` that cover every reading of the structure."""

    def on_lattice(self, u_mm: FloatArray, v_mm: FloatArray) -> OnLattice:
        """The same structure on fixed in-plane positions."""

    def at(self, points_mm: FloatArray) -> Float32Array:
        """Signed distance at points (n, 3) in its frame [mm]."""


class OnLattice(Protocol):
    """A structure on fixed in-plane positions."""

    def distance(self, w_mm: float, variant: str) -> Float32Array | None:
        """Signed distance (n_v, n_u) [mm] of a reading at one height, None where there is nothing of it."""

    def area_mm2(self, w_mm: float, variant: str) -> float | None:
        """Area at this height as the contours give it [mm2]; None when only the lattice can tell."""

    def has_caps_at(self, w_mm: float) -> bool:
        """Whether an end cap of any reading reaches this height."""


class ContourShape:
    """A reading of contours as a solid."""

    def __init__(self, reading: Reading, *, convention: str = "interpolated") -> None:
        self.reading = reading
        self.frame = reading.frame
        self.convention = convention

    @lazy
    def solids(self) -> list[Solid]:
        """One for each level of nesting."""
        canvas = _canvas(self.reading)
        solids = [build_solid(self.reading, level, canvas) for level in self.reading.levels]
        if len(solids) == 2:
            close_rings(solids, self.reading)
        return solids

    @lazy
    def _reach(self) -> tuple[float, float]:
        """How far the largest caps reach below the first plane and above the last one [mm]."""
        below = [max(c.height_mm, c.long_mm) for s in self.solids for c in s.caps_down[0]]
        above = [max(c.height_mm, c.long_mm) for s in self.solids for c in s.caps_up[-1]]
        return max(below, default=0.0), max(above, default=0.0)

    @lazy
    def low_mm(self) -> FloatArray:
        loops = [loop for plane in self.reading.levels[0].groups for g in plane for loop in g.loops]
        low = np.min([loop.min(axis=0) for loop in loops], axis=0)
        return np.array([low[0], low[1], self.reading.w_mm[0] - self._reach[0]])

    @lazy
    def high_mm(self) -> FloatArray:
        loops = [loop for plane in self.reading.levels[0].groups for g in plane for loop in g.loops]
        high = np.max([loop.max(axis=0) for loop in loops], axis=0)
        return np.array([high[0], high[1], self.reading.w_mm[-1] + self._reach[1]])

    @lazy
    def volume_cm3(self) -> float:
        """Volume [cm3] of the convention chosen."""
        return self.slab_volume_cm3 if self.convention == "slab" else self.interpolated_volume_cm3

    @lazy
    def slab_volume_cm3(self) -> float:
        """Area times thickness, plane by plane [cm3]."""
        parts = [s * np.sum(x.areas_mm2 * (x.half_up_mm + x.half_down_mm)) for s, x in self._signed()]
        return float(sum(parts)) / 1000.0

    @lazy
    def interpolated_volume_cm3(self) -> float:
        """Volume of the shape between the planes and its end caps [cm3]."""
        total = 0.0
        for sign, solid in self._signed():
            part = sum(cap.volume_mm3() for caps in solid.caps_up + solid.caps_down for cap in caps)
            for gap, height in zip(solid.gaps, np.diff(solid.w_mm), strict=True):
                if gap is not None:
                    part += 0.5 * sum(gap.areas_mm2) * height - gap.curvature * height**3 / 12.0
            total += sign * part
        return total / 1000.0

    @lazy
    def volume_without_caps_cm3(self) -> float:
        """Volume between the first and the last plane of every part [cm3]."""
        caps = [s * cap.volume_mm3() for s, x in self._signed() for part in x.caps_up + x.caps_down for cap in part]
        return self.interpolated_volume_cm3 - sum(caps) / 1000.0

    def _signed(self) -> list[tuple[int, Solid]]:
        return [(1 - 2 * (i % 2), solid) for i, solid in enumerate(self.solids)]

    def layers(self, pitch_mm: float) -> list[Layer]:
        """Layers between neighbouring planes, an even number of each, and in the caps."""
        w = self.reading.w_mm
        pieces: list[tuple[float, float]] = []
        for i, (below, above) in enumerate(pairwise(w.tolist())):
            if self.reading.bridged[i]:
                pieces.append((below, above))
                continue
            marks = {below, above}
            marks |= {below + h for s in self.solids for c in s.caps_up[i] for h in (c.height_mm, c.long_mm)}
            marks |= {above - h for s in self.solids for c in s.caps_down[i + 1] for h in (c.height_mm, c.long_mm)}
            pieces += pairwise(sorted(m for m in marks if below <= m <= above))
        for end, side in ((0, -1), (-1, 1)):
            caps = [c for s in self.solids for c in (s.caps_down[0] if side < 0 else s.caps_up[-1])]
            heights = {0.0, *(c.height_mm for c in caps), *(c.long_mm for c in caps)}
            pieces += pairwise(sorted(float(w[end]) + side * h for h in heights))
        layers = []
        for start, stop in sorted(pieces):
            if stop - start < 1e-6:
                continue
            n_layers = 2 * max(1, ceil((stop - start) / (2.0 * pitch_mm) - 1e-9))
            step = (stop - start) / n_layers
            layers += [Layer(start + (k + 0.5) * step, step) for k in range(n_layers)]
        return layers

    def has_caps_at(self, w_mm: float) -> bool:
        """Whether an end cap of any reading reaches this height."""
        for solid in self.solids:
            j = int(np.searchsorted(solid.w_mm, w_mm))
            if any(t <= max(cap.height_mm, cap.long_mm) for cap, t, _ in _caps_at(solid, w_mm, j)):
                return True
        return False

    def on_lattice(self, u_mm: FloatArray, v_mm: FloatArray) -> ContourOnLattice:
        """The structure on fixed in-plane positions."""
        return ContourOnLattice(self, u_mm, v_mm)

    def at(self, points_mm: FloatArray) -> Float32Array:
        """Signed distance at points (n, 3) in the frame of the contours [mm]."""
        result = _at(self.solids[0], points_mm, self.convention)
        for depth, solid in enumerate(self.solids[1:], start=1):
            other = _at(solid, points_mm, self.convention)
            result = np.minimum(result, -other) if depth % 2 else np.maximum(result, other)
        return result

    def vertices_mm(self) -> FloatArray:
        """All contour points in patient coordinates (n, 3) [mm]."""
        parts = []
        for level in self.reading.levels:
            for w, plane in zip(self.reading.w_mm, level.groups, strict=True):
                parts += [np.column_stack([loop, np.full(len(loop), w)]) for g in plane for loop in g.loops]
        return self.frame.to_patient(np.concatenate(parts))


def _canvas(reading: Reading) -> Canvas:
    """A raster that is fine for small parts and bounded for large ones."""
    groups = [g for level in reading.levels for plane in level.groups for g in plane]
    low = np.min([loop.min(axis=0) for g in groups for loop in g.loops], axis=0)
    high = np.max([loop.max(axis=0) for g in groups for loop in g.loops], axis=0)
    typical_mm = sqrt(float(np.quantile([g.area_mm2 for g in groups], 0.25)))
    pitch = float(np.clip(typical_mm / 20.0, 0.2, 2.0))
    size = np.maximum(high - low, 0.1)
    pitch = max(pitch, min(2.5, sqrt(float(size[0] * size[1]) * len(groups) / 1.5e6)))
    reach = 5 if pitch < 1.0 else 3 if pitch < 1.5 else 2
    margin = 3 if pitch < 1.0 else 2
    n_u, n_v = (int(n) for n in np.ceil(size / pitch) + 1 + 2 * margin)
    middle = 0.5 * (low + high)
    origin = middle - 0.5 * pitch * np.array([n_u - 1, n_v - 1])
    return Canvas(float(origin[0]), float(origin[1]), n_u, n_v, pitch, reach)


class ContourOnLattice:
    """Contours on fixed in-plane positions. Rasters are resampled once and kept while neighbouring layers ask."""

    def __init__(self, shape: ContourShape, u_mm: FloatArray, v_mm: FloatArray) -> None:
        self.shape = shape
        canvas = shape.solids[0].canvas
        self._columns = _weights((u_mm - canvas.u0_mm) / canvas.pitch_mm, canvas.n_u)
        self._rows = _weights((v_mm - canvas.v0_mm) / canvas.pitch_mm, canvas.n_v)
        self._kept: dict[tuple[int, int], Float32Array] = {}

    def _raster(self, depth: int, index: int) -> Float32Array:
        key = (depth, index)
        if key not in self._kept:
            if len(self._kept) > 8:
                self._kept.pop(next(iter(self._kept)))
            raster = self.shape.solids[depth].rasters[index]
            (i, s), (j, t) = self._columns, self._rows
            wide = raster[:, i] * (1 - s) + raster[:, i + 1] * s
            across = t[:, None]
            self._kept[key] = np.asarray(wide[j] * (1 - across) + wide[j + 1] * across, dtype=np.float32)
        return self._kept[key]

    def distance(self, w_mm: float, variant: str) -> Float32Array | None:
        """Signed distance (n_v, n_u) [mm] of a reading at one height; None where there is nothing."""
        if variant == "nominal":
            variant = self.shape.convention
        result = self._level(0, w_mm, variant)
        for depth in range(1, len(self.shape.solids)):
            other = self._level(depth, w_mm, variant)
            if other is None:
                continue
            if depth % 2:
                result = None if result is None else np.minimum(result, -other)
            else:
                result = other if result is None else np.maximum(result, other)
        return result

    def has_caps_at(self, w_mm: float) -> bool:
        """Whether an end cap of any reading reaches this height."""
        return self.shape.has_caps_at(w_mm)

    def _level(self, depth: int, w_mm: float, variant: str) -> Float32Array | None:
        solid = self.shape.solids[depth]
        j = int(np.searchsorted(solid.w_mm, w_mm))
        if variant == "slab":
            plane = _slab_plane(solid, w_mm, j)
            return None if plane < 0 else self._raster(depth, plane)
        result: Float32Array | None = None
        if 0 < j < len(solid.w_mm):
            gap = solid.gaps[j - 1]
            if gap is not None:
                a = (w_mm - solid.w_mm[j - 1]) / (solid.w_mm[j] - solid.w_mm[j - 1])
                result = self._raster(depth, gap.lower) * np.float32(1 - a)
                result += self._raster(depth, gap.upper) * np.float32(a)
                result -= np.float32(4 * a * (1 - a) * gap.shift_mm)
        for cap, t, end in _caps_at(solid, w_mm, j):
            shift = _cap_shift(cap, t, end, variant)
            if shift is None:
                continue
            part = self._raster(depth, cap.raster) - np.float32(shift)
            result = part if result is None else np.maximum(result, part)
        return result

    def area_mm2(self, w_mm: float, variant: str) -> float | None:
        """Area [mm2] at this height from the areas of the contours."""
        if variant == "nominal":
            variant = self.shape.convention
        total = 0.0
        for depth, solid in enumerate(self.shape.solids):
            j = int(np.searchsorted(solid.w_mm, w_mm))
            part = 0.0
            if variant == "slab":
                index = _slab_index(solid, w_mm, j)
                part = float(solid.areas_mm2[index]) if index >= 0 else 0.0
            else:
                gap = solid.gaps[j - 1] if 0 < j < len(solid.w_mm) else None
                if gap is not None:
                    height = float(solid.w_mm[j] - solid.w_mm[j - 1])
                    x = w_mm - float(solid.w_mm[j - 1])
                    part += gap.areas_mm2[0] + (gap.areas_mm2[1] - gap.areas_mm2[0]) * x / height
                    part -= 0.5 * gap.curvature * x * (height - x)
                for cap, t, end in _caps_at(solid, w_mm, j):
                    shift = _cap_shift(cap, t, end, variant)
                    if shift is None:
                        continue
                    if cap.taper is None or (shift == 0.0 and variant == f"{end} end long"):
                        part += cap.area_mm2
                    else:
                        part += float(np.interp(t, cap.taper.at_mm, cap.taper.areas_mm2))
            total += part if depth % 2 == 0 else -part
        return total


def _caps_at(solid: Solid, w_mm: float, j: int) -> list[tuple[Cap, float, str]]:
    """Caps that may reach this height, with the height above (below) their plane and which end they are."""
    caps = []
    if j > 0:
        caps += [(cap, w_mm - float(solid.w_mm[j - 1]), "upper") for cap in solid.caps_up[j - 1]]
    if j < len(solid.w_mm):
        caps += [(cap, float(solid.w_mm[j]) - w_mm, "lower") for cap in solid.caps_down[j]]
    return caps


def _cap_shift(cap: Cap, t_mm: float, end: str, variant: str) -> float | None:
    """How far the outline of a cap has moved inwards at this height; None beyond its end."""
    if variant == f"{end} end short":
        return None
    if variant == f"{end} end long" and t_mm <= cap.long_mm:
        return 0.0
    if t_mm > cap.height_mm:
        return None
    return 0.0 if cap.taper is None else cap.taper.shift(t_mm)


def _slab_index(solid: Solid, w_mm: float, j: int) -> int:
    """The plane whose slab holds this height, -1 for none."""
    if j > 0 and w_mm - solid.w_mm[j - 1] <= solid.half_up_mm[j - 1]:
        return j - 1
    if j < len(solid.w_mm) and solid.w_mm[j] - w_mm <= solid.half_down_mm[j]:
        return j
    return -1


def _slab_plane(solid: Solid, w_mm: float, j: int) -> int:
    index = _slab_index(solid, w_mm, j)
    return -1 if index < 0 else solid.whole[index]


def _weights(position: FloatArray, n: int) -> tuple[NDArray[np.int64], Float32Array]:
    """Lower pixel and share of the upper one for linear interpolation, held at the edges."""
    clipped = np.clip(position, 0.0, n - 1 - 1e-6)
    lower = clipped.astype(np.int64)
    return lower, (clipped - lower).astype(np.float32)


def _at(solid: Solid, points_mm: FloatArray, convention: str) -> Float32Array:
    """Signed distance of one level at points (n, 3), by height in turn."""
    result = np.full(len(points_mm), -FAR_MM, dtype=np.float32)
    if not len(points_mm):
        return result
    canvas = solid.canvas
    column, s = _weights((points_mm[:, 0] - canvas.u0_mm) / canvas.pitch_mm, canvas.n_u)
    row, t = _weights((points_mm[:, 1] - canvas.v0_mm) / canvas.pitch_mm, canvas.n_v)
    w = points_mm[:, 2]

    def raster(index: int, which: NDArray[np.int64]) -> Float32Array:
        values = solid.rasters[index]
        i, j, a, b = column[which], row[which], s[which], t[which]
        low = values[j, i] * (1 - a) + values[j, i + 1] * a
        high = values[j + 1, i] * (1 - a) + values[j + 1, i + 1] * a
        return np.asarray(low * (1 - b) + high * b, dtype=np.float32)

    interval = np.searchsorted(solid.w_mm, w)
    order = np.argsort(interval, kind="stable")
    starts = np.searchsorted(interval[order], np.arange(len(solid.w_mm) + 2))
    for j in range(len(solid.w_mm) + 1):
        which = order[starts[j] : starts[j + 1]]
        if not len(which):
            continue
        if convention == "slab":
            for plane, reach, sign in ((j - 1, solid.half_up_mm, 1), (j, solid.half_down_mm, -1)):
                if 0 <= plane < len(solid.w_mm) and solid.whole[plane] >= 0:
                    above = (w[which] - solid.w_mm[plane]) * sign
                    end = (reach[plane] - above).astype(np.float32)
                    result[which] = np.maximum(result[which], np.minimum(raster(solid.whole[plane], which), end))
            continue
        gap = solid.gaps[j - 1] if 0 < j < len(solid.w_mm) else None
        if gap is not None:
            a = ((w[which] - solid.w_mm[j - 1]) / (solid.w_mm[j] - solid.w_mm[j - 1])).astype(np.float32)
            blend = raster(gap.lower, which) * (1 - a) + raster(gap.upper, which) * a
            result[which] = blend - 4 * a * (1 - a) * np.float32(gap.shift_mm)
        for plane, caps, sign in ((j - 1, solid.caps_up, 1), (j, solid.caps_down, -1)):
            if not 0 <= plane < len(solid.w_mm):
                continue
            for cap in caps[plane]:
                above = (w[which] - solid.w_mm[plane]) * sign
                value = raster(cap.raster, which)
                if cap.taper is not None:
                    left = np.maximum(np.interp(above, cap.taper.at_mm, cap.taper.shift_squared), 0.0)
                    moved = np.asarray(cap.taper.inradius_mm - np.sqrt(left), dtype=np.float32)
                    value = np.asarray(value - moved, dtype=np.float32)
                    value[above > cap.height_mm] = -FAR_MM
                else:
                    value = np.minimum(value, (cap.height_mm - above).astype(np.float32))
                result[which] = np.maximum(result[which], value)
    return result
