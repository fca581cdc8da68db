"""The shape between the planes: what goes on, what ends, and how much area it has on the way.

Blending signed distances linearly shrinks convex shapes and loses the end of a part that stops while another goes on.
So parts that end get their own end cap, and the blend is shifted until its area is the parabola through the areas of
the neighbouring planes (exact for every ellipsoid, however it is cut). An end cap is a prism of half the adjacent
spacing, unless the areas of the last planes run out before the next plane would be due: then it tapers to that point.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.nesting import Group, Level
from sbrtcheck.dvh.contours.planes import Stack
from sbrtcheck.dvh.contours.raster import Canvas, Float32Array, rasterise
from sbrtcheck.model import FloatArray

FAR_MM = np.float32(1e3)
SPHERE_CURVATURE = -2.0 * pi


@dataclass(frozen=True, slots=True, eq=False)
class Taper:
    """How an end cap shrinks: shift of the distance [mm] at ``at_mm`` above the last plane."""

    at_mm: FloatArray
    shift_squared: FloatArray
    inradius_mm: float
    areas_mm2: FloatArray

    def shift(self, t_mm: float) -> float:
        """How far the outline has moved inwards at ``t_mm`` [mm]."""
        return self.inradius_mm - sqrt(max(float(np.interp(t_mm, self.at_mm, self.shift_squared)), 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Cap:
    """What ends on a plane: its raster, the height of its cap and, when it runs to a point, how it tapers.

    ``long_mm``: height of the prism that counts as the largest cap that the contours allow.
    """

    raster: int
    height_mm: float
    long_mm: float
    area_mm2: float
    taper: Taper | None = None

    def volume_mm3(self) -> float:
        """Volume of the cap [mm3]."""
        if self.taper is None:
            return self.area_mm2 * self.height_mm
        return float(np.trapezoid(self.taper.areas_mm2, self.taper.at_mm))


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """What goes on from one plane to the next. ``curvature`` is the second derivative of the area, without unit."""

    lower: int
    upper: int
    areas_mm2: tuple[float, float]
    curvature: float
    shift_mm: float


@dataclass(slots=True, eq=False)
class Solid:
    """One level of a stack, ready to be asked for its signed distance at any height.

    Attributes:
        w_mm: (n,) planes.
        rasters: signed distances of single groups and of groups merged, (n_rasters, n_v, n_u).
        whole: raster of everything on a plane, -1 for nothing.
        gaps: (n - 1) what goes on.
        caps: rising from and hanging below each plane.
        half_up_mm, half_down_mm: (n,) reach of a plane in the slab reading.
    """

    w_mm: FloatArray
    canvas: Canvas
    rasters: list[Float32Array]
    areas_mm2: FloatArray
    whole: list[int]
    gaps: list[Gap | None]
    caps_up: list[list[Cap]]
    caps_down: list[list[Cap]]
    half_up_mm: FloatArray
    half_down_mm: FloatArray
    merged: dict[frozenset[int], int] = field(default_factory=dict)

    def merge(self, members: frozenset[int]) -> int:
        """The raster of several groups of one plane together."""
        if not members:
            return -1
        if len(members) == 1:
            return next(iter(members))
        if members not in self.merged:
            chosen = sorted(members)
            together = self.rasters[chosen[0]]
            for index in chosen[1:]:
                together = np.maximum(together, self.rasters[index])
            self.rasters.append(together)
            self.merged[members] = len(self.rasters) - 1
        return self.merged[members]


def build_solid(stack: Stack, level: Level, canvas: Canvas) -> Solid:
    """Rasterise one level and work out what goes on and what ends."""
    groups: list[Group] = [g for plane in level.groups for g in plane]
    first = np.cumsum([0] + [len(plane) for plane in level.groups])
    members = [list(range(first[i], first[i + 1])) for i in range(len(level.groups))]
    n_planes = len(stack.w_mm)
    rasters = rasterise(groups, canvas)
    area = np.array([g.area_mm2 for g in groups])
    half_up, half_down = _half_heights(stack)
    solid = Solid(
        w_mm=stack.w_mm,
        canvas=canvas,
        rasters=list(rasters),
        areas_mm2=np.array([float(area[m].sum()) for m in members]),
        whole=[],
        gaps=[],
        caps_up=[[] for _ in range(n_planes)],
        caps_down=[[] for _ in range(n_planes)],
        half_up_mm=half_up,
        half_down_mm=half_down,
    )
    solid.whole = [solid.merge(frozenset(m)) for m in members]
    sets = [
        _linked(link, *around) for link, around in zip(_links(rasters, members, stack), pairwise(members), strict=True)
    ]
    _add_gaps(solid, sets, area, np.diff(stack.w_mm))
    _add_caps(solid, members, sets, area)
    return solid


def _half_heights(stack: Stack) -> tuple[FloatArray, FloatArray]:
    """How far each plane reaches up and down in the slab reading [mm]: half a gap, at an end half the other one."""
    bridged = [float(gap) if on else None for gap, on in zip(np.diff(stack.w_mm), stack.bridged, strict=True)]
    above, below = [*bridged, None], [None, *bridged]
    up = [0.5 * (a or b or stack.spacing_mm) for a, b in zip(above, below, strict=True)]
    down = [0.5 * (b or a or stack.spacing_mm) for a, b in zip(above, below, strict=True)]
    return np.array(up), np.array(down)


def _linked(link: NDArray[np.bool_], below: list[int], above: list[int]) -> tuple[frozenset[int], frozenset[int]]:
    """The groups below and above a gap that go on through it."""
    if not link.size:
        return frozenset(), frozenset()
    lower, upper = np.asarray(below)[link.any(axis=1)], np.asarray(above)[link.any(axis=0)]
    return frozenset(lower.tolist()), frozenset(upper.tolist())


def _links(rasters: Float32Array, members: list[list[int]], stack: Stack) -> list[NDArray[np.bool_]]:
    """For every gap, which groups lie above which: (n_lower, n_upper) booleans, empty where it is not bridged."""
    result: list[NDArray[np.bool_]] = []
    for i in range(len(members) - 1):
        below, above = members[i], members[i + 1]
        if not stack.bridged[i] or not below or not above:
            result.append(np.zeros((0, 0), dtype=bool))
            continue
        if len(below) == 1 and len(above) == 1:
            common = np.minimum(rasters[below[0]], rasters[above[0]]).max() > 0
            result.append(np.array([[common]]))
            continue
        lower = (rasters[below[0] : below[-1] + 1] > 0).reshape(len(below), -1).astype(np.float32)
        upper = (rasters[above[0] : above[-1] + 1] > 0).reshape(len(above), -1).astype(np.float32)
        result.append(lower @ upper.T > 0.5)
    return result


def _add_gaps(
    solid: Solid, sets: list[tuple[frozenset[int], frozenset[int]]], area: FloatArray, gap_mm: FloatArray
) -> None:
    n_gaps = len(sets)
    bottom = np.array([area[list(lower)].sum() for lower, _ in sets]) if n_gaps else np.empty(0)
    top = np.array([area[list(upper)].sum() for _, upper in sets]) if n_gaps else np.empty(0)
    second: list[float | None] = [None] * (n_gaps + 1)
    for i in range(1, n_gaps):
        if sets[i][0] and sets[i - 1][1] == sets[i][0]:
            rise = (top[i] - bottom[i]) / gap_mm[i] - (top[i - 1] - bottom[i - 1]) / gap_mm[i - 1]
            second[i] = 2.0 * rise / (gap_mm[i] + gap_mm[i - 1])
    pitch = solid.canvas.pitch_mm
    known: dict[int, float] = {}

    def covered(index: int) -> float:
        if index not in known:
            known[index] = _covered(solid.rasters[index], pitch)
        return known[index]

    for i, (lower, upper) in enumerate(sets):
        if not lower:
            solid.gaps.append(None)
            continue
        near = [x for x in (second[i], second[i + 1]) if x is not None]
        # Two planes alone say nothing of it: then that of a sphere, which is -2 pi for any radius.
        curvature = SPHERE_CURVATURE if n_gaps == 1 else 0.0
        if near and (len(near) == 1 or near[0] * near[1] > 0):
            curvature = min(near, key=abs)
        mean = 0.5 * (bottom[i] + top[i])
        middle = mean - curvature * gap_mm[i] ** 2 / 8.0
        middle = float(np.clip(middle, 0.8 * min(bottom[i], top[i]), 1.5 * max(bottom[i], top[i])))
        curvature = (mean - middle) * 8.0 / gap_mm[i] ** 2
        a, b = solid.merge(lower), solid.merge(upper)
        # The raster has its own small error of area; what is asked for carries the same one.
        raster_error = 0.5 * (covered(a) - bottom[i] + covered(b) - top[i])
        blend = 0.5 * (solid.rasters[a] + solid.rasters[b])
        shift = _shift_to_area(blend, pitch, max(middle + raster_error, 0.0), limit_mm=solid.canvas.reach_mm)
        solid.gaps.append(Gap(a, b, (float(bottom[i]), float(top[i])), curvature, shift))


def _covered(distance: Float32Array, pitch_mm: float, shift_mm: float = 0.0) -> float:
    """Area [mm2] where the distance exceeds ``shift_mm``, with partly covered pixels."""
    share = np.clip((distance - np.float32(shift_mm)) * np.float32(1.0 / pitch_mm) + np.float32(0.5), 0.0, 1.0)
    return float(share.sum(dtype=np.float64)) * pitch_mm**2


def _shift_to_area(distance: Float32Array, pitch_mm: float, area_mm2: float, *, limit_mm: float) -> float:
    """The threshold of the distance that leaves the area asked for, by Newton steps kept in a bracket."""
    band = distance[np.abs(distance) < limit_mm]
    core_mm2 = float(np.count_nonzero(distance >= limit_mm)) * pitch_mm**2
    low, high, shift = -limit_mm, limit_mm, 0.0
    for _ in range(8):
        share = np.clip((band - np.float32(shift)) / np.float32(pitch_mm) + np.float32(0.5), 0.0, 1.0)
        excess = float(share.sum(dtype=np.float64)) * pitch_mm**2 + core_mm2 - area_mm2
        if abs(excess) <= 1e-3 * area_mm2 + 1e-6:
            break
        low, high = (shift, high) if excess > 0 else (low, shift)
        slope = float(np.count_nonzero((share > 0) & (share < 1))) * pitch_mm
        step = shift + excess / slope if slope > 0 else 0.5 * (low + high)
        shift = step if low < step < high else 0.5 * (low + high)
    return shift


def _add_caps(
    solid: Solid,
    members: list[list[int]],
    sets: list[tuple[frozenset[int], frozenset[int]]],
    area: FloatArray,
) -> None:
    n_planes = len(members)
    nothing: frozenset[int] = frozenset()
    for i, everything in enumerate(members):
        here = frozenset(everything)
        up = sets[i][0] if i < n_planes - 1 else nothing
        down = sets[i - 1][1] if i > 0 else nothing
        for goes_on, comes_from, side in ((up, down, 1), (down, up, -1)):
            ending = here - goes_on
            if not ending:
                continue
            target = solid.caps_up[i] if side > 0 else solid.caps_down[i]
            half_mm = float(solid.half_up_mm[i] if side > 0 else solid.half_down_mm[i])
            chain = _chain(solid, i, side, sets, area) if ending == comes_from else []
            taper = _taper(solid, solid.merge(ending), chain)
            total = float(area[list(ending)].sum())
            raster = solid.merge(ending)
            if taper is None:
                target.append(Cap(raster, half_mm, 2.0 * half_mm, total))
            else:
                target.append(Cap(raster, float(taper.at_mm[-1]), half_mm, total, taper))


def _chain(
    solid: Solid, i: int, side: int, sets: list[tuple[frozenset[int], frozenset[int]]], area: FloatArray
) -> list[tuple[float, float]]:
    """(distance into the shape [mm], area [mm2]) of the planes before an end: the last and up to two more."""
    into = -side
    gap = i - 1 if side > 0 else i
    near, far = sets[gap][::-1] if side > 0 else sets[gap]
    chain = [(0.0, float(area[list(near)].sum()))]
    plane = i + into
    chain.append((abs(float(solid.w_mm[plane] - solid.w_mm[i])), float(area[list(far)].sum())))
    gap += into
    if 0 <= gap < len(sets):
        near, further = sets[gap][::-1] if side > 0 else sets[gap]
        if near == far:
            plane += into
            chain.append((abs(float(solid.w_mm[plane] - solid.w_mm[i])), float(area[list(further)].sum())))
    return chain


def close_rings(solids: list[Solid], stack: Stack) -> None:
    """Where the outer shape and its holes end on the same plane, end them as one ring.

    Each by itself would end flat, because neither area runs out; the wall between them does. The area of a wall that
    closes like a tube falls like a square root, so that its square is carried on.
    """
    outer, holes = solids[0], solids[1]
    net = outer.areas_mm2 - holes.areas_mm2
    for end, side in ((0, -1), (len(net) - 1, 1)):
        caps, hole_caps = (outer.caps_up, holes.caps_up) if side > 0 else (outer.caps_down, holes.caps_down)
        chosen = [end - side * k for k in range(3) if 0 <= end - side * k < len(net)]
        gaps = [min(a, b) for a, b in pairwise(chosen)]
        if len(caps[end]) != 1 or len(hole_caps[end]) != 1 or len(chosen) < 3 or not np.all(stack.bridged[gaps]):
            continue
        if outer.areas_mm2[end] != caps[end][0].area_mm2 or holes.areas_mm2[end] != hole_caps[end][0].area_mm2:
            continue
        if min(net[chosen]) <= 0 or min(holes.areas_mm2[chosen]) <= 0:
            continue
        ring = np.minimum(outer.rasters[caps[end][0].raster], -holes.rasters[hole_caps[end][0].raster])
        outer.rasters.append(ring)
        index = len(outer.rasters) - 1
        chain = [(abs(float(outer.w_mm[p] - outer.w_mm[end])), float(net[p])) for p in chosen]
        taper = _taper(outer, index, chain, power=2.0)
        flat = caps[end][0]
        area = float(net[end])
        if taper is None:
            caps[end][0] = Cap(index, flat.height_mm, flat.long_mm, area)
        else:
            half_mm = float(outer.half_up_mm[end] if side > 0 else outer.half_down_mm[end])
            caps[end][0] = Cap(index, float(taper.at_mm[-1]), half_mm, area, taper)
        hole_caps[end].clear()


def _taper(solid: Solid, raster: int, chain: list[tuple[float, float]], *, power: float = 1.0) -> Taper | None:
    """A tapering cap when the area, carried on from the last planes, runs out within one spacing.

    ``power``: the power of the area that is carried on as a parabola.
    """
    if len(chain) < 2 or (len(chain) > 2 and chain[1][1] <= chain[0][1]):
        return None
    reach_mm = chain[1][0]
    x = -np.array([c[0] for c in chain])
    y = np.array([c[1] for c in chain]) ** power
    if len(chain) > 2:
        polynomial = np.polyfit(x, y, 2)
    else:
        bend = 0.5 * SPHERE_CURVATURE
        polynomial = np.array([bend, (y[1] - y[0] - bend * x[1] ** 2) / x[1], y[0]])
    t = np.linspace(0.0, reach_mm, 65)
    carried = np.polyval(polynomial, t)
    below = np.flatnonzero(carried <= 0)
    if not len(below):
        return None
    end = int(below[0])
    share = carried[end - 1] / (carried[end - 1] - carried[end])
    height = float(t[end - 1] + share * (t[end] - t[end - 1]))
    if height <= 1e-6:
        return None
    at = height * np.array([0.0, 0.25, 0.5, 0.75, 0.9, 1.0])
    areas = np.maximum(np.polyval(polynomial, at), 0.0) ** (1.0 / power)
    areas = np.minimum.accumulate(areas)
    areas[-1] = 0.0
    distance = solid.rasters[raster]
    pitch = solid.canvas.pitch_mm
    error = _covered(distance, pitch) / chain[0][1]
    inradius = float(distance.max())
    limit = inradius + pitch
    shifts = [0.0]
    shifts += [_shift_to_area(distance, pitch, float(a) * error, limit_mm=limit) for a in areas[1:-1]]
    inradius = max(inradius, shifts[-1] + 1e-3)
    squared = (inradius - np.array([*shifts, inradius])) ** 2
    fine = height * np.linspace(0.0, 1.0, 17)
    fine_areas = np.maximum(np.polyval(polynomial, fine), 0.0) ** (1.0 / power)
    fine_areas[-1] = 0.0
    squared = np.interp(fine, at, squared)
    return Taper(fine, squared, inradius, fine_areas)
