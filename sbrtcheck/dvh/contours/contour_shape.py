"""A structure made of contours: one stack of planes, or several beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil, sqrt

import numpy as np

from sbrtcheck.dvh.contours.between import Cap, Solid, build_solid, close_rings
from sbrtcheck.dvh.contours.contour_lattice import StackOnLattice, StacksOnLattice
from sbrtcheck.dvh.contours.heights import distance_at
from sbrtcheck.dvh.contours.lazy import lazy
from sbrtcheck.dvh.contours.planes import Stack
from sbrtcheck.dvh.contours.raster import Canvas, Float32Array
from sbrtcheck.dvh.contours.shape import Layer
from sbrtcheck.model import FloatArray


class ContourShape:
    """Contours of one meaning as a solid."""

    def __init__(self, stacks: Sequence[Stack], *, convention: str = "interpolated") -> None:
        self.stacks = tuple(stacks)
        self.frame = self.stacks[0].frame
        self.convention = convention
        self._solids = [StackSolids(stack) for stack in self.stacks]

    def as_slabs(self) -> ContourShape:
        """The same contours with slices taken as slabs; what was rastered is shared."""
        other = ContourShape(self.stacks, convention="slab")
        other._solids = self._solids
        return other

    @lazy
    def low_mm(self) -> FloatArray:
        return np.asarray(np.min([s.low_mm for s in self._solids], axis=0), dtype=float)

    @lazy
    def high_mm(self) -> FloatArray:
        return np.asarray(np.max([s.high_mm for s in self._solids], axis=0), dtype=float)

    @property
    def planes_mm(self) -> tuple[float, float]:
        """The first and the last plane along the normal [mm]."""
        return min(float(s.w_mm[0]) for s in self.stacks), max(float(s.w_mm[-1]) for s in self.stacks)

    @property
    def spacing_mm(self) -> float:
        """Typical spacing of the planes of the first stack [mm]."""
        return self.stacks[0].spacing_mm

    @lazy
    def volume_cm3(self) -> float:
        """Volume [cm3] of the convention chosen."""
        return self.slab_volume_cm3 if self.convention == "slab" else self.interpolated_volume_cm3

    @lazy
    def slab_volume_cm3(self) -> float:
        """Area times thickness, plane by plane [cm3]."""
        return sum(s.slab_cm3() for s in self._solids)

    @lazy
    def interpolated_volume_cm3(self) -> float:
        """Volume of the shape between the planes and its end caps [cm3]."""
        return sum(s.between_cm3() + s.caps_cm3() for s in self._solids)

    @lazy
    def volume_without_caps_cm3(self) -> float:
        """Volume between the first and the last plane of every part [cm3]."""
        return sum(s.between_cm3() for s in self._solids)

    def layers(self, pitch_mm: float) -> list[Layer]:
        """Layers between neighbouring planes, an even number of each, and in the caps."""
        layers = []
        for start, stop in _merged([s.pieces_mm() for s in self._solids]):
            n_layers = 2 * max(1, ceil((stop - start) / (2.0 * pitch_mm) - 1e-9))
            step = (stop - start) / n_layers
            layers += [Layer(start + (k + 0.5) * step, step) for k in range(n_layers)]
        return layers

    def on_lattice(self, u_mm: FloatArray, v_mm: FloatArray) -> StackOnLattice | StacksOnLattice:
        """The structure on fixed in-plane positions."""
        made = [StackOnLattice(s.solids, self.convention, u_mm, v_mm) for s in self._solids]
        return made[0] if len(made) == 1 else StacksOnLattice(made)

    def at(self, points_mm: FloatArray) -> Float32Array:
        """Signed distance at points (n, 3) in the frame of the contours [mm]."""
        result = self._solids[0].at(points_mm, self.convention)
        for other in self._solids[1:]:
            result = np.maximum(result, other.at(points_mm, self.convention))
        return result

    def vertices_mm(self) -> FloatArray:
        """All contour points in patient coordinates (n, 3) [mm]."""
        parts = []
        for stack in self.stacks:
            for level in stack.levels:
                for w, plane in zip(stack.w_mm, level.groups, strict=True):
                    parts += [np.column_stack([loop, np.full(len(loop), w)]) for g in plane for loop in g.loops]
        return self.frame.to_patient(np.concatenate(parts))


class StackSolids:
    """One stack as solids, one for each level of nesting: holes count against what they lie in."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @lazy
    def solids(self) -> list[Solid]:
        """One for each level of nesting."""
        canvas = _canvas(self.stack)
        solids = [build_solid(self.stack, level, canvas) for level in self.stack.levels]
        if len(solids) == 2:
            close_rings(solids, self.stack)
        return solids

    @lazy
    def low_mm(self) -> FloatArray:
        low = np.min([loop.min(axis=0) for loop in self._outer_loops()], axis=0)
        reach = max((_height(c) for s in self.solids for c in s.caps_down[0]), default=0.0)
        return np.array([low[0], low[1], self.stack.w_mm[0] - reach])

    @lazy
    def high_mm(self) -> FloatArray:
        high = np.max([loop.max(axis=0) for loop in self._outer_loops()], axis=0)
        reach = max((_height(c) for s in self.solids for c in s.caps_up[-1]), default=0.0)
        return np.array([high[0], high[1], self.stack.w_mm[-1] + reach])

    def _outer_loops(self) -> Iterable[FloatArray]:
        return (loop for plane in self.stack.levels[0].groups for g in plane for loop in g.loops)

    def _signed(self) -> list[tuple[int, Solid]]:
        return [(1 - 2 * (i % 2), solid) for i, solid in enumerate(self.solids)]

    def slab_cm3(self) -> float:
        """Area times thickness, plane by plane [cm3]."""
        parts = [sign * np.sum(s.areas_mm2 * (s.half_up_mm + s.half_down_mm)) for sign, s in self._signed()]
        return float(sum(parts)) / 1000.0

    def between_cm3(self) -> float:
        """Volume of what goes on from plane to plane [cm3]."""
        total = 0.0
        for sign, solid in self._signed():
            for gap, height in zip(solid.gaps, np.diff(solid.w_mm), strict=True):
                if gap is not None:
                    total += sign * (0.5 * sum(gap.areas_mm2) * height - gap.curvature * height**3 / 12.0)
        return float(total) / 1000.0

    def caps_cm3(self) -> float:
        """Volume of the end caps [cm3]."""
        return (
            sum(sign * c.volume_mm3() for sign, s in self._signed() for cs in s.caps_up + s.caps_down for c in cs) / 1e3
        )

    def pieces_mm(self) -> list[tuple[float, float]]:
        """Intervals of height that hold something of any reading: between bridged planes, and in the caps."""
        w = self.stack.w_mm.tolist()
        pieces = _cap_pieces(w[0], -1, [c for s in self.solids for c in s.caps_down[0]])
        for i, (below, above) in enumerate(pairwise(w)):
            if self.stack.bridged[i]:
                pieces.append((below, above))
                continue
            ends = _cap_pieces(below, 1, [c for s in self.solids for c in s.caps_up[i]])
            ends += _cap_pieces(above, -1, [c for s in self.solids for c in s.caps_down[i + 1]])
            marks = {m for piece in ends for m in piece if below <= m <= above} | {below, above}
            pieces += pairwise(sorted(marks))
        return sorted(pieces + _cap_pieces(w[-1], 1, [c for s in self.solids for c in s.caps_up[-1]]))

    def at(self, points_mm: FloatArray, convention: str) -> Float32Array:
        """Signed distance at points (n, 3) in the frame of the contours [mm]."""
        result = distance_at(self.solids[0], points_mm, convention)
        for depth, solid in enumerate(self.solids[1:], start=1):
            other = distance_at(solid, points_mm, convention)
            result = np.minimum(result, -other) if depth % 2 else np.maximum(result, other)
        return result


def _height(cap: Cap) -> float:
    return max(cap.height_mm, cap.long_mm)


def _cap_pieces(plane_mm: float, side: int, caps: Iterable[Cap]) -> list[tuple[float, float]]:
    """Intervals from a plane to where each of its caps ends in any reading."""
    heights = {0.0} | {h for c in caps for h in (c.height_mm, c.long_mm)}
    return list(pairwise(sorted(plane_mm + side * h for h in heights)))


def _merged(parts: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Intervals that all parts have in common: cut wherever one of any part begins or ends."""
    if len(parts) == 1:
        return [(a, b) for a, b in parts[0] if b - a >= 1e-6]
    marks = sorted({m for pieces in parts for piece in pieces for m in piece})
    held = [piece for pieces in parts for piece in pieces]
    return [(a, b) for a, b in pairwise(marks) if b - a >= 1e-6 and any(low <= a and b <= high for low, high in held)]


def _canvas(stack: Stack) -> Canvas:
    """A raster that is fine for small parts and bounded for large ones."""
    groups = [g for level in stack.levels for plane in level.groups for g in plane]
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
