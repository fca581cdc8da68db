"""A synthetic thorax: every structure is an implicit function, negative inside, of patient coordinates in mm.

Axes as in DICOM: x to the patient's left, y to the back, z to the head. One anatomy serves all sample plans; only
targets, ribs, chest wall and skin depend on the lesion. The contours are the zero lines of the functions on each plane.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import contourpy
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Function = Callable[[Array], Array]
Bounds = tuple[float, float, float, float, float, float]

SLICE_MM = 2.5
BOTTOM_MM, TOP_MM = -112.5, 122.5
# A stack of contours reaches half a slice beyond its first and last plane; the shapes end there.
LOWEST_MM, HIGHEST_MM = BOTTOM_MM - SLICE_MM / 2, TOP_MM + SLICE_MM / 2
BODY_A_MM, BODY_B_MM, BODY_POWER = 160.0, 112.0, 2.4
SKIN_MM = 5.0
LUNG_POWER = 2.3
# Beyond this distance from a tube only the sign of its function matters.
NEAR_MM = 4.0


@dataclass(frozen=True)
class Shape:
    """An implicit solid. ``function(points (n, 3)) -> (n,)`` is negative inside; ``bounds_mm`` encloses it."""

    function: Function
    bounds_mm: Bounds

    def contains(self, points_mm: Array) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = self.function(points_mm) < 0
        return inside


def union(*shapes: Shape) -> Shape:
    """All points inside any of the shapes."""
    low = np.min([s.bounds_mm[0::2] for s in shapes], axis=0)
    high = np.max([s.bounds_mm[1::2] for s in shapes], axis=0)
    bounds = tuple(float(v) for pair in zip(low, high, strict=True) for v in pair)
    return Shape(lambda p: np.min([s.function(p) for s in shapes], axis=0), bounds)  # type: ignore[arg-type]


def minus(shape: Shape, *others: Shape) -> Shape:
    """The points of ``shape`` outside all the others."""
    return Shape(lambda p: np.max([shape.function(p), *(-o.function(p) for o in others)], axis=0), shape.bounds_mm)


def ellipsoid(centre: Sequence[float], axes: Sequence[float]) -> Shape:
    """An ellipsoid with half axes ``axes`` [mm]."""
    c, a = np.asarray(centre, dtype=float), np.asarray(axes, dtype=float)
    size = float(np.prod(a) ** (1 / 3))

    def function(points: Array) -> Array:
        out: Array = (np.sqrt((((points - c) / a) ** 2).sum(axis=1)) - 1) * size
        return out

    low, high = c - a - 1, c + a + 1
    return Shape(function, (low[0], high[0], low[1], high[1], low[2], high[2]))


def tube(*nodes: Sequence[float]) -> Shape:
    """A chain of capsules through ``nodes`` (x, y, z, radius) [mm], cut at the ends of the scan."""
    n = np.asarray(nodes, dtype=float)
    segments = []
    for (*start, r0), (*end, r1) in pairwise(n):
        s, e, reach = np.asarray(start), np.asarray(end), max(r0, r1) + NEAR_MM
        segments.append((s, e - s, r0, r1 - r0, np.minimum(s, e) - reach, np.maximum(s, e) + reach))

    def function(points: Array) -> Array:
        best = np.full(len(points), NEAR_MM)
        x, y, z = points.T
        for s, axis, r0, widening, low, high in segments:
            near = np.flatnonzero((z > low[2]) & (z < high[2]))
            near = near[(x[near] > low[0]) & (x[near] < high[0]) & (y[near] > low[1]) & (y[near] < high[1])]
            gap = points[near] - s
            along = np.clip(gap @ axis / (axis @ axis), 0.0, 1.0)
            gap -= along[:, None] * axis
            best[near] = np.minimum(best[near], np.sqrt(np.einsum("ij,ij->i", gap, gap)) - (r0 + along * widening))
        return np.maximum(best, np.maximum(z - HIGHEST_MM, LOWEST_MM - z))

    r = n[:, 3].max() + 1
    low, high = n[:, :3].min(axis=0) - r, n[:, :3].max(axis=0) + r
    return Shape(function, (low[0], high[0], low[1], high[1], max(low[2], LOWEST_MM), min(high[2], HIGHEST_MM)))


def trunk(inset_mm: float, bottom_mm: float = LOWEST_MM, top_mm: float = HIGHEST_MM) -> Shape:
    """The body's superelliptic cylinder, drawn in by ``inset_mm``, between two heights."""
    a, b = BODY_A_MM - inset_mm, BODY_B_MM - inset_mm

    def function(points: Array) -> Array:
        x, y = np.abs(points[:, 0]) / a, np.abs(points[:, 1]) / b
        side = ((x**BODY_POWER + y**BODY_POWER) ** (1 / BODY_POWER) - 1) * b
        out: Array = np.maximum(side, np.maximum(points[:, 2] - top_mm, bottom_mm - points[:, 2]))
        return out

    return Shape(function, (-a - 1, a + 1, -b - 1, b + 1, bottom_mm, top_mm))


def depth_mm(points: Array) -> Array:
    """Depth below the skin to first order [mm], negative outside the body."""
    x, y = np.abs(points[:, 0]) / BODY_A_MM + 1e-9, np.abs(points[:, 1]) / BODY_B_MM + 1e-9
    px, py = x**BODY_POWER, y**BODY_POWER
    q = px + py
    radius = q ** (1 / BODY_POWER)
    slope = np.hypot(px / (x * BODY_A_MM), py / (y * BODY_B_MM)) * radius / q
    out: Array = (1 - radius) / np.maximum(slope, 1e-3)
    return out


def _lung_section(z: Array) -> tuple[Array, Array, Array, Array]:
    """Centre |x|, centre y and half axes of a lung's section at the heights z [mm]."""
    t = np.clip(z / 100.0, 0.0, 1.0)
    s = t * t * (3 - 2 * t)
    return 80 - 26 * s, 6 * s, 58 - 20 * s, 82 - 28 * s


def lung_envelope(side: int, grow_mm: float = 0.0) -> Shape:
    """The inner surface of one side's chest wall (side -1 right, +1 left), grown outwards in the plane."""

    def function(points: Array) -> Array:
        xc, yc, ax, ay = _lung_section(points[:, 2])
        dx = np.abs(points[:, 0] - side * xc) / (ax + grow_mm)
        dy = np.abs(points[:, 1] - yc) / (ay + grow_mm)
        apex = np.clip((points[:, 2] + 10) / 112.0, 0.0, None) ** 4
        out: Array = ((dx**LUNG_POWER + dy**LUNG_POWER + apex) ** (1 / LUNG_POWER) - 1) * 60
        return out

    reach = 139 + grow_mm
    xs = (-reach, -10.0) if side < 0 else (10.0, reach)
    return Shape(function, (*xs, -83 - grow_mm, 83 + grow_mm, LOWEST_MM, 104))


def rib(side: int, height_mm: float) -> Shape:
    """One rib: a tube 4 mm outside the lung, falling from the back to the front; ``height_mm`` at y = 0."""
    nodes = []
    for phi in np.radians(np.linspace(-65, 80, 21)):
        c, s = np.cos(phi), np.sin(phi)
        y0 = 91 * np.sign(s) * abs(s) ** (2 / LUNG_POWER)
        z = height_mm + 0.22 * y0
        xc, yc, ax, ay = (float(v[0]) for v in _lung_section(np.array([z])))
        x = side * (xc + (ax + 9) * c ** (2 / LUNG_POWER))
        nodes.append((x, yc + (ay + 9) * y0 / 91, z, 5.0))
    return tube(*nodes)


def chest_wall(side: int, height_mm: float, half_height_mm: float = 36.25) -> Shape:
    """The outer 2 cm rind of one lung, lateral of the lung's centre, up to the skin, around the lesion's height."""
    outer, inner, body = lung_envelope(side, 20.0), lung_envelope(side), trunk(SKIN_MM)
    low, high = height_mm - half_height_mm, height_mm + half_height_mm

    def function(points: Array) -> Array:
        cuts = [75 - side * points[:, 0], points[:, 2] - high, low - points[:, 2]]
        return np.max([outer.function(points), -inner.function(points), body.function(points), *cuts], axis=0)

    xs = (-156.0, -74.0) if side < 0 else (74.0, 156.0)
    return Shape(function, (*xs, -108.0, 108.0, low, high))


def _aorta(grow_mm: float = 0.0) -> Shape:
    r = 12.0 + grow_mm
    path = [(-14, -20, 9), (-13, -20, 40), (-3, -22, 57), (14, -11, 64), (25, 14, 60), (26, 40, 44), (23, 45, 10)]
    return tube(*((x, y, z, r) for x, y, z in path), (20, 48, LOWEST_MM - 20, r))


def organs() -> dict[str, Shape]:
    """The organs that do not depend on the lesion, by TG-263 name."""
    aorta = _aorta()
    pulmonary = tube((14, -28, 14, 12), (13, -16, 26, 11), (28, 0, 26, 9), (46, 10, 21, 8))
    cava = tube((-34, -10, 74, 8.5), (-34, -8, 5, 9))
    bronchi = union(
        tube((0, 8, 45, 9), (0, 10, 25, 9), (-28, 14, 5, 7), (-36, 18, -22, 5.5)),
        tube((-24, 13, 8, 5), (-44, 12, 17, 4.5)),
        tube((0, 10, 25, 8), (40, 18, 2, 6.5), (48, 26, -22, 5)),
        tube((38, 17, 4, 5), (56, 8, 8, 4.5)),
    )
    trachea_top = tube((0, 7, HIGHEST_MM + 20, 9), (0, 8, 36, 9))
    floor = 47.5 + SLICE_MM / 2
    trachea = Shape(
        lambda p: np.maximum(trachea_top.function(p), floor - p[:, 2]), (-10, 10, -3, 18, floor, HIGHEST_MM)
    )
    bronchi = minus(bronchi, Shape(lambda p: floor - p[:, 2], bronchi.bounds_mm))
    heart_centre = (20, -28, -56)
    heart = minus(ellipsoid(heart_centre, (56, 46, 50)), _aorta(1.0))
    mediastinum = union(
        Shape(lambda p: (np.hypot(p[:, 0] / 33, p[:, 1] / 100) - 1) * 33, trunk(0).bounds_mm),
        ellipsoid(heart_centre, (58, 48, 52)),
        _aorta(2.0),
        tube((-34, -10, 74, 11), (-34, -8, 5, 11)),
        tube((28, 0, 26, 11), (46, 10, 21, 10)),
        tube((40, 18, 2, 8), (48, 26, -22, 7)),
        ellipsoid((-34, 14, 0), (17, 20, 30)),
        ellipsoid((40, 16, -2), (20, 22, 34)),
    )

    def lung(side: int) -> Shape:
        envelope = lung_envelope(side)

        def function(points: Array) -> Array:
            diaphragm = -60 - 0.29 * (points[:, 1] + 80) - points[:, 2]
            return np.max([envelope.function(points), diaphragm, -mediastinum.function(points)], axis=0)

        return Shape(function, envelope.bounds_mm)

    return {
        "Body": trunk(0),
        "Lung_R": lung(-1),
        "Lung_L": lung(1),
        "SpinalCord": tube((0, 66, HIGHEST_MM + 20, 5.5), (0, 66, LOWEST_MM - 20, 5.5)),
        "SpinalCanal": tube((0, 66, HIGHEST_MM + 20, 9), (0, 66, LOWEST_MM - 20, 9)),
        "Heart": heart,
        "Esophagus": tube((4, 26, 145, 8), (6, 30, 20, 8), (9, 29, -50, 8), (12, 24, -135, 8)),
        "Trachea": trachea,
        "ProximalBronchialTree": bronchi,
        "A_Aorta": aorta,
        "A_Pulmonary": pulmonary,
        "V_Venacava_S": cava,
        "GreatVes": union(aorta, pulmonary, cava),
        "BrachialPlex_R": tube((-16, 56, 113, 4), (-46, 24, 112, 4), (-88, 2, 106, 4)),
        "BrachialPlex_L": tube((16, 56, 113, 4), (46, 24, 112, 4), (88, 2, 106, 4)),
    }


# Spacing of the points along a contour, the lattice it is traced on [mm], and decimals written.
_FINE = (1.2, 0.8, 2)
TRACE = {
    "Outline": (14.0, 3.0, 1),
    "Body": (8.0, 3.0, 1),
    "Skin": (12.0, 3.0, 1),
    "Lung_R": (5.0, 1.5, 1),
    "Lung_L": (5.0, 1.5, 1),
    "Heart": (3.0, 1.5, 1),
    "Chestwall": (3.5, 1.25, 1),
    "Rib": (1.8, 1.0, 1),
    "GreatVes": (1.8, 1.0, 1),
    "Esophagus": (1.6, 0.8, 1),
}


def planes_mm(shape: Shape) -> Array:
    """The heights of the image planes that the shape reaches [mm]."""
    z = np.arange(BOTTOM_MM, TOP_MM + 0.1, SLICE_MM)
    return z[(z > shape.bounds_mm[4]) & (z < shape.bounds_mm[5])]


def contours(shape: Shape, kind: str, planes: Array | None = None) -> list[Array]:
    """Closed loops (n, 3) [mm], counter-clockwise, from below upwards; ``kind`` chooses the row of TRACE.

    ``planes``: heights to draw on [mm]; None: all image planes.
    """
    spacing, lattice, decimals = TRACE.get(kind, _FINE)
    x0, x1, y0, y1 = shape.bounds_mm[:4]
    # The odd offset keeps lattice nodes off the symmetry planes, where a function could be exactly zero.
    x = np.arange(x0 - 2.137 * lattice, x1 + 2 * lattice, lattice)
    y = np.arange(y0 - 2.071 * lattice, y1 + 2 * lattice, lattice)
    gx, gy = np.meshgrid(x, y)
    loops = []
    for z in planes_mm(shape) if planes is None else planes:
        points = np.column_stack([gx.ravel(), gy.ravel(), np.full(gx.size, z)])
        values = shape.function(points).reshape(gx.shape)
        if values.min() >= 0:
            continue
        found = [_even(line, spacing) for line in contourpy.contour_generator(x, y, values).lines(0.0)]
        for loop in sorted((f for f in found if len(f) >= 6), key=lambda f: (f[0, 0], f[0, 1])):
            loops.append(np.column_stack([loop.round(decimals), np.full(len(loop), z)]))
    return loops


def _even(line: Array, spacing_mm: float) -> Array:
    """The loop with evenly spaced points, counter-clockwise, starting at its smallest x."""
    loop = np.asarray(line)[:-1]
    if _area(loop) < 0:
        loop = loop[::-1]
    loop = np.roll(loop, -int(np.lexsort((loop[:, 1], loop[:, 0]))[0]), axis=0)
    closed = np.vstack([loop, loop[:1]])
    length = np.concatenate([[0.0], np.hypot(*np.diff(closed, axis=0).T).cumsum()])
    n = max(round(length[-1] / spacing_mm), 8 if length[-1] > 3 else 0)
    at = np.linspace(0.0, length[-1], n, endpoint=False)
    return np.column_stack([np.interp(at, length, closed[:, k]) for k in (0, 1)])


def _area(loop: Array) -> float:
    x, y = loop[:, 0], loop[:, 1]
    return float(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
