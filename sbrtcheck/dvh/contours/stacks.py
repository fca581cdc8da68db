"""Which loops belong to one stack of planes: each part goes on to its own next plane, whatever lies between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.nesting import Relation
from sbrtcheck.dvh.contours.scan import typical_spacing
from sbrtcheck.model import FloatArray

# A part has a spacing of its own from so many gaps on, if so many of them are alike.
OWN_GAPS, OWN_SHARE = 3, 2 / 3


@dataclass(frozen=True, slots=True)
class _Link:
    """A loop and those above it, on the next plane that has any."""

    lower: int
    plane: int
    next_plane: int
    upper: tuple[int, ...]


def split_stacks(
    w_mm: FloatArray,
    planes: Sequence[Sequence[FloatArray]],
    relations: Sequence[dict[tuple[int, int], Relation]],
    *,
    reach: Callable[[float | None], float],
    farthest_mm: float,
    consecutive: Callable[[float, float], bool],
) -> list[list[list[int]]]:
    """For each stack the numbers of its loops on every plane; one stack where each part meets the very next plane.

    Args:
        w_mm: positions of the planes [mm].
        planes: loops (n, 2), plane by plane.
        relations: how the loops of each plane stand to each other; those that do belong to one stack.
        reach: how wide a gap a part goes on through [mm], from the spacing of its own planes where that is known.
        farthest_mm: planes farther apart are never linked [mm].
        consecutive: whether the scan has no slice between two positions.
    """
    everything = [list(range(len(loops))) for loops in planes]
    first = np.cumsum([0, *map(len, planes)])
    links = _links(w_mm, planes, first, farthest_mm)
    if all(link.next_plane == link.plane + 1 for link in links):
        return [everything]
    n_loops = int(first[-1])
    part = _parts(n_loops, links)
    spacing = _own_spacings(w_mm, links, part)
    kept = [
        link
        for link in links
        if w_mm[link.next_plane] - w_mm[link.plane] <= reach(spacing.get(part[link.lower]))
        or consecutive(float(w_mm[link.plane]), float(w_mm[link.next_plane]))
    ]
    if all(link.next_plane == link.plane + 1 for link in kept):
        return [everything]
    together = [(int(first[p]) + a, int(first[p]) + b) for p, found in enumerate(relations) for a, b in found]
    part = _parts(n_loops, kept, together)
    plane_of = np.repeat(np.arange(len(planes)), [len(loops) for loops in planes])
    return [
        [[i for i in members if part[int(first[p]) + i] in stack] for p, members in enumerate(everything)]
        for stack in _joined(part, plane_of.tolist(), kept)
    ]


def _links(
    w_mm: FloatArray, planes: Sequence[Sequence[FloatArray]], first: NDArray[np.int64], farthest_mm: float
) -> list[_Link]:
    """For every loop the loops above it on the nearest plane that has any, by their boxes."""
    low = [np.array([loop.min(axis=0) for loop in loops]) for loops in planes]
    high = [np.array([loop.max(axis=0) for loop in loops]) for loops in planes]
    links = []
    for p, loops in enumerate(planes):
        for k in range(len(loops)):
            for q in range(p + 1, len(planes)):
                if w_mm[q] - w_mm[p] > farthest_mm:
                    break
                above = np.flatnonzero(np.all((low[q] <= high[p][k]) & (high[q] >= low[p][k]), axis=1))
                if len(above):
                    upper = tuple((above + int(first[q])).tolist())
                    links.append(_Link(int(first[p]) + k, p, q, upper))
                    break
    return links


def _parts(n_loops: int, links: Iterable[_Link], together: Iterable[tuple[int, int]] = ()) -> list[int]:
    """For every loop the number of the part that it belongs to: all that links reach, and loops that stay together."""
    parent = list(range(n_loops))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for link in links:
        for other in link.upper:
            parent[root(other)] = root(link.lower)
    for a, b in together:
        parent[root(a)] = root(b)
    return [root(i) for i in range(n_loops)]


def _own_spacings(w_mm: FloatArray, links: Iterable[_Link], part: Sequence[int]) -> dict[int, float]:
    """The spacing of the planes of each part [mm] that has one of its own."""
    gaps: dict[int, list[float]] = defaultdict(list)
    for link in links:
        gaps[part[link.lower]].append(float(w_mm[link.next_plane] - w_mm[link.plane]))
    found = {number: typical_spacing(of_part) for number, of_part in gaps.items()}
    return {n: s.mm for n, s in found.items() if s is not None and s.n_gaps >= OWN_GAPS and s.share >= OWN_SHARE}


def _joined(part: Sequence[int], plane_of: Sequence[int], links: Iterable[_Link]) -> list[set[int]]:
    """Parts put together into as few stacks as may be, in none of which a part steps over another's plane."""
    planes: dict[int, set[int]] = defaultdict(set)
    steps: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for number, plane in zip(part, plane_of, strict=True):
        planes[number].add(plane)
    for link in links:
        steps[part[link.lower]].add((link.plane, link.next_plane))
    stacks: list[set[int]] = []
    for number in sorted(planes, key=lambda n: (-len(planes[n]), n)):
        for stack in stacks:
            if all(_apart(planes[a], steps[number]) and _apart(planes[number], steps[a]) for a in stack):
                stack.add(number)
                break
        else:
            stacks.append({number})
    return stacks


def _apart(planes: set[int], steps: set[tuple[int, int]]) -> bool:
    """Whether none of the planes lies within one of the steps."""
    return not any(plane in planes for below, above in steps for plane in range(below + 1, above))
