"""Contours on fixed in-plane positions: distance and area of every reading, height by height."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sbrtcheck.dvh.contours.between import Solid
from sbrtcheck.dvh.contours.heights import cap_shift, caps_at, slab_index, slab_plane, weights_of
from sbrtcheck.dvh.contours.raster import Float32Array
from sbrtcheck.model import FloatArray


class StacksOnLattice:
    """Stacks that lie beside each other, on fixed in-plane positions."""

    def __init__(self, stacks: Sequence[StackOnLattice]) -> None:
        self.stacks = list(stacks)

    def distance(self, w_mm: float, variant: str) -> Float32Array | None:
        """Signed distance (n_v, n_u) [mm] of a reading at one height; None where there is nothing."""
        result: Float32Array | None = None
        for stack in self.stacks:
            found = stack.distance(w_mm, variant)
            if found is not None:
                result = found if result is None else np.maximum(result, found)
        return result

    def area_mm2(self, w_mm: float, variant: str) -> float:
        """Area [mm2] at this height from the areas of the contours."""
        return sum(stack.area_mm2(w_mm, variant) for stack in self.stacks)

    def has_caps_at(self, w_mm: float) -> bool:
        """Whether an end cap of any reading reaches this height."""
        return any(stack.has_caps_at(w_mm) for stack in self.stacks)


class StackOnLattice:
    """One stack on fixed in-plane positions. Rasters are resampled once and kept while neighbouring layers ask."""

    def __init__(self, solids: list[Solid], convention: str, u_mm: FloatArray, v_mm: FloatArray) -> None:
        self.solids, self.convention = solids, convention
        canvas = solids[0].canvas
        self._columns = weights_of((u_mm - canvas.u0_mm) / canvas.pitch_mm, canvas.n_u)
        self._rows = weights_of((v_mm - canvas.v0_mm) / canvas.pitch_mm, canvas.n_v)
        self._kept: dict[tuple[int, int], Float32Array] = {}

    def _raster(self, depth: int, index: int) -> Float32Array:
        key = (depth, index)
        if key not in self._kept:
            if len(self._kept) > 8:
                self._kept.pop(next(iter(self._kept)))
            raster = self.solids[depth].rasters[index]
            (i, s), (j, t) = self._columns, self._rows
            wide = raster[:, i] * (1 - s) + raster[:, i + 1] * s
            across = t[:, None]
            self._kept[key] = np.asarray(wide[j] * (1 - across) + wide[j + 1] * across, dtype=np.float32)
        return self._kept[key]

    def distance(self, w_mm: float, variant: str) -> Float32Array | None:
        """Signed distance (n_v, n_u) [mm] of a reading at one height; None where there is nothing."""
        if variant == "nominal":
            variant = self.convention
        result = self._level(0, w_mm, variant)
        for depth in range(1, len(self.solids)):
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
        return any(_reaches(solid, w_mm) for solid in self.solids)

    def _level(self, depth: int, w_mm: float, variant: str) -> Float32Array | None:
        solid = self.solids[depth]
        j = int(np.searchsorted(solid.w_mm, w_mm))
        if variant == "slab":
            plane = slab_plane(solid, w_mm, j)
            return None if plane < 0 else self._raster(depth, plane)
        result: Float32Array | None = None
        if 0 < j < len(solid.w_mm):
            gap = solid.gaps[j - 1]
            if gap is not None:
                a = (w_mm - solid.w_mm[j - 1]) / (solid.w_mm[j] - solid.w_mm[j - 1])
                result = self._raster(depth, gap.lower) * np.float32(1 - a)
                result += self._raster(depth, gap.upper) * np.float32(a)
                result -= np.float32(4 * a * (1 - a) * gap.shift_mm)
        for cap, t, end in caps_at(solid, w_mm, j):
            shift = cap_shift(cap, t, end, variant)
            if shift is None:
                continue
            part = self._raster(depth, cap.raster) - np.float32(shift)
            result = part if result is None else np.maximum(result, part)
        return result

    def area_mm2(self, w_mm: float, variant: str) -> float:
        """Area [mm2] at this height from the areas of the contours."""
        if variant == "nominal":
            variant = self.convention
        parts = [_area_at(solid, w_mm, variant) for solid in self.solids]
        return sum(part if depth % 2 == 0 else -part for depth, part in enumerate(parts))


def _area_at(solid: Solid, w_mm: float, variant: str) -> float:
    """Area of one level at a height [mm2], from the areas of the contours."""
    j = int(np.searchsorted(solid.w_mm, w_mm))
    if variant == "slab":
        index = slab_index(solid, w_mm, j)
        return float(solid.areas_mm2[index]) if index >= 0 else 0.0
    area = 0.0
    gap = solid.gaps[j - 1] if 0 < j < len(solid.w_mm) else None
    if gap is not None:
        height = float(solid.w_mm[j] - solid.w_mm[j - 1])
        x = w_mm - float(solid.w_mm[j - 1])
        area += gap.areas_mm2[0] + (gap.areas_mm2[1] - gap.areas_mm2[0]) * x / height
        area -= 0.5 * gap.curvature * x * (height - x)
    for cap, t, end in caps_at(solid, w_mm, j):
        shift = cap_shift(cap, t, end, variant)
        if shift is None:
            continue
        if cap.taper is None or (shift == 0.0 and variant == f"{end} end long"):
            area += cap.area_mm2
        else:
            area += float(np.interp(t, cap.taper.at_mm, cap.taper.areas_mm2))
    return area


def _reaches(solid: Solid, w_mm: float) -> bool:
    """Whether an end cap of any reading reaches this height."""
    j = int(np.searchsorted(solid.w_mm, w_mm))
    return any(t <= max(cap.height_mm, cap.long_mm) for cap, t, _ in caps_at(solid, w_mm, j))
