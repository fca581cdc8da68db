"""How the loops of one plane stand to each other: what touches, overlaps, lies inside, and comes back to itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.scanline import crossings, overlap_areas, segments_of
from sbrtcheck.model import FloatArray

# Overlap of two loops as a share of the smaller one: below, they touch; above, one lies inside the other.
TOUCH, NESTED = 0.02, 0.999
# Nested loops closer than this on average are one outline drawn twice, not a hole: a wall has some thickness.
THINNEST_WALL_MM = 0.1
# Loops that come so near to each other anywhere are one shape.
TOUCHING_MM = 3.0


class Relation(Enum):
    """How two loops of one plane stand to each other."""

    OVERLAP = "overlap"
    TOUCH = "touch"
    FIRST_INSIDE = "the first in the second"
    SECOND_INSIDE = "the second in the first"


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Loops of one plane and one level that belong together: one loop, or several that touch or overlap.

    ``fill`` is "odd" (even-odd over all loops) or "union"; ``area_mm2`` that of the filled shape. ``seams``: some
    edges run inside the filled shape and are no boundary of it.
    """

    loops: tuple[FloatArray, ...]
    fill: str
    area_mm2: float
    seams: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One level of nesting: 0 the outer loops, 1 the holes in them, 2 islands in the holes, ...

    ``groups[i]`` are the groups on plane ``i``.
    """

    groups: tuple[tuple[Group, ...], ...]


def has_seam(loops: list[FloatArray], *, n_places: int = 1, tolerance_mm: float = 0.1) -> NDArray[np.bool_]:
    """Which loops come back to places where they have been, as the channel of a keyhole does; (n_loops,)."""
    n_points = np.array([len(loop) for loop in loops])
    owner = np.repeat(np.arange(len(loops)), n_points)
    points = np.concatenate(loops)
    found = np.zeros(len(loops), dtype=bool)
    for offset in (0.0, 0.5):
        cells = np.floor(points / (2 * tolerance_mm) + offset).astype(np.int64)
        key = (owner * 100_003 + cells[:, 0]) * 100_003 + cells[:, 1]
        order = np.argsort(key, kind="stable")
        same = np.flatnonzero(key[order][1:] == key[order][:-1])
        first, second = order[same], order[same + 1]
        apart = np.abs(second - first)
        apart = np.minimum(apart, n_points[owner[first]] - apart)
        found |= np.bincount(owner[first[apart > 2]], minlength=len(loops)) >= n_places
    return found


def relations_of(planes: list[list[FloatArray]], areas: list[list[float]]) -> list[dict[tuple[int, int], Relation]]:
    """How the loops of one plane stand to each other, for pairs (a, b); pairs that stand apart are left out."""
    result: list[dict[tuple[int, int], Relation]] = [{} for _ in planes]
    pairs = [(p, a, b) for p, loops in enumerate(planes) for a, b in _near(loops)]
    if not pairs:
        return result
    common = overlap_areas([planes[p][a] for p, a, _ in pairs], [planes[p][b] for p, _, b in pairs])
    for (p, a, b), overlap in zip(pairs, common, strict=True):
        relation = _relation(planes[p][a], planes[p][b], areas[p][a], areas[p][b], float(overlap))
        if relation is not None:
            result[p][a, b] = relation
    return result


def _near(loops: list[FloatArray]) -> list[tuple[int, int]]:
    """Pairs of loops whose boxes meet."""
    if len(loops) < 2:
        return []
    low = np.array([loop.min(axis=0) for loop in loops]) - 0.1
    high = np.array([loop.max(axis=0) for loop in loops]) + 0.1
    pairs = []
    for a in range(len(loops) - 1):
        meet = np.all((low[a] <= high[a + 1 :]) & (low[a + 1 :] <= high[a]), axis=1)
        pairs += [(a, a + 1 + int(b)) for b in np.flatnonzero(meet)]
    return pairs


def _relation(
    first: FloatArray, second: FloatArray, first_mm2: float, second_mm2: float, overlap_mm2: float
) -> Relation | None:
    """How two loops of these areas stand that have this area in common; None when they stand apart."""
    share = overlap_mm2 / min(first_mm2, second_mm2)
    if share < TOUCH:
        return Relation.TOUCH if _touch(first, second) else None
    inner, outer = (first, second) if first_mm2 < second_mm2 else (second, first)
    nested = share >= NESTED or (share >= NESTED * 0.98 and bool(np.all(points_in_loops(inner, [outer]))))
    if not nested or abs(first_mm2 - second_mm2) < THINNEST_WALL_MM * _perimeter_mm(first):
        return Relation.OVERLAP
    return Relation.FIRST_INSIDE if first_mm2 < second_mm2 else Relation.SECOND_INSIDE


def _perimeter_mm(loop: FloatArray) -> float:
    return float(np.linalg.norm(loop - np.roll(loop, 1, axis=0), axis=1).sum())


def _touch(first: FloatArray, second: FloatArray) -> bool:
    some = [loop[:: max(1, len(loop) // most)] for loop, most in ((first, 2000), (second, 200))]
    gap = np.linalg.norm(some[0][:, None, :] - some[1][None], axis=2)
    return bool(gap.min() < TOUCHING_MM)


def points_in_loops(points_mm: FloatArray, loops: list[FloatArray], *, fill: str = "odd") -> np.ndarray:
    """Whether points (n, 2) lie in the filled loops; shape (n,)."""
    count = np.zeros(len(points_mm), dtype=np.int64)
    for loop in loops:
        start, end = loop, np.roll(loop, -1, axis=0)
        span = np.where(end[:, 1] == start[:, 1], 1.0, end[:, 1] - start[:, 1])
        inside = np.zeros(len(points_mm), dtype=np.int64)
        for begin in range(0, len(points_mm), 4096):
            part = slice(begin, begin + 4096)
            u, v = points_mm[part, :1], points_mm[part, 1:]
            crosses = (start[:, 1] <= v) != (end[:, 1] <= v)
            at = start[:, 0] + (v - start[:, 1]) * (end[:, 0] - start[:, 0]) / span
            inside[part] = np.sum(crosses & (at > u), axis=1) % 2
        count += inside
    return count % 2 == 1 if fill == "odd" else count > 0


def levels_of(
    planes: list[list[FloatArray]],
    areas: list[list[float]],
    relations: list[dict[tuple[int, int], Relation]],
    *,
    xor: bool,
) -> tuple[Level, ...]:
    """Loops sorted by depth of nesting, those that touch or overlap joined into groups."""
    seams = iter(has_seam([loop for loops in planes for loop in loops]).tolist())
    seam_of = [[next(seams) for _ in loops] for loops in planes]
    depths: list[list[int]] = []
    for p, loops in enumerate(planes):
        depth = [0] * len(loops)
        for (a, b), relation in relations[p].items():
            if relation is Relation.FIRST_INSIDE:
                depth[a] += 1
            elif relation is Relation.SECOND_INSIDE:
                depth[b] += 1
        depths.append(depth)
    n_levels = 1 + max(d for depth in depths for d in depth)
    levels = []
    for level in range(n_levels):
        by_plane = []
        for p, loops in enumerate(planes):
            members = [i for i in range(len(loops)) if depths[p][i] == level]
            by_plane.append(_groups(loops, areas[p], relations[p], seam_of[p], members, xor=xor))
        levels.append(Level(tuple(by_plane)))
    return tuple(levels)


def _groups(
    loops: list[FloatArray],
    areas: list[float],
    relations: dict[tuple[int, int], Relation],
    seams: list[bool],
    members: list[int],
    *,
    xor: bool,
) -> tuple[Group, ...]:
    parent = {i: i for i in members}

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    overlapping = set()
    for (a, b), relation in relations.items():
        if relation in {Relation.OVERLAP, Relation.TOUCH} and a in parent and b in parent:
            parent[root(a)] = root(b)
            if relation is Relation.OVERLAP:
                overlapping |= {a, b}
    joined: dict[int, list[int]] = {}
    for i in members:
        joined.setdefault(root(i), []).append(i)
    groups = []
    for indices in joined.values():
        chosen = [loops[i] for i in indices]
        if len(indices) == 1:
            groups.append(Group((chosen[0],), "odd", areas[indices[0]], seams=seams[indices[0]]))
            continue
        area = sum(areas[i] for i in indices)
        fill = "odd" if xor else "union"
        if overlapping & set(indices):
            area = _filled_area(chosen, fill=fill)
        groups.append(Group(tuple(chosen), fill, area, seams=True))
    return tuple(groups)


def _filled_area(loops: list[FloatArray], *, fill: str, n_lines: int = 1000) -> float:
    """Area of several loops filled together [mm2]."""
    edges = segments_of(loops)
    low = min(float(loop[:, 1].min()) for loop in loops)
    pitch = (max(float(loop[:, 1].max()) for loop in loops) - low) / n_lines
    edge, line, u, _ = crossings(edges.start_mm, edges.end_mm, low + 0.5 * pitch, pitch)
    owner = edges.loop[edge]
    # Entering and leaving one loop alternate along a line: +1, -1 in order of u within each (line, loop).
    order = np.lexsort((u, owner, line))
    sign = np.empty(len(u), dtype=np.int64)
    sign[order] = 1 - 2 * (np.arange(len(u)) % 2)
    order = np.lexsort((u, line))
    depth = np.cumsum(sign[order])
    width = np.append(np.diff(u[order]), 0.0)
    inside = depth % 2 == 1 if fill == "odd" else depth > 0
    return float(np.sum(width * inside) * pitch)
