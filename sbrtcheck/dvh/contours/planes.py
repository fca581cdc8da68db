"""Contours as drawn -> planes of loops, levels of holes and gaps: one description for volume and for dose.

The behaviour of every odd input (duplicates, overlaps, nested loops, keyholes, missing slices, planes that are one
plane) is decided here and in `loops` and nowhere else; docs/dvh.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.frame import Frame
from sbrtcheck.dvh.contours.loops import Blocked, Loops, read_loops
from sbrtcheck.dvh.contours.nesting import Level, Relation, levels_of, relations_of
from sbrtcheck.dvh.contours.scan import (
    ON_THE_SCAN,
    SAME_PLANE_MM,
    ScanPlanes,
    jitter_mm,
    typical_spacing,
)
from sbrtcheck.dvh.contours.stacks import split_stacks
from sbrtcheck.errors import Problem
from sbrtcheck.model import ContourMeaning, FloatArray, Reason, Roi

GAP_FACTOR = 1.5
BRIDGE_FACTOR = 4.0
# A spacing that fewer gaps have than this is not known from the ROI alone where the scan's is known.
GAPS_FOR_A_SPACING = 2


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Loops on planes one above the other, of which each part goes on to the next plane.

    Attributes:
        frame: orientation of the planes.
        w_mm: (n,) rising positions of the planes along the normal [mm].
        bridged: (n - 1,) whether the shape goes on from plane i to i + 1.
        spacing_mm: typical spacing of the planes, or the thickness of the scan's slice for a single plane.
        levels: solid shape, holes, islands.
    """

    frame: Frame
    w_mm: FloatArray
    bridged: NDArray[np.bool_]
    spacing_mm: float
    levels: tuple[Level, ...]


@dataclass(slots=True)
class Drawn:
    """What the contours amount to: stacks of planes by meaning, the nominal one first, or the reason why not."""

    meanings: list[tuple[ContourMeaning, tuple[Stack, ...]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    blocked: Reason | None = None
    note: str = ""

    def block(self, reason: Reason, problem: Problem) -> Drawn:
        """No number can be given, and why."""
        self.blocked, self.note = reason, problem.detail or problem.meaning
        if problem not in self.problems:
            self.problems.append(problem)
        self.meanings = []
        return self


@dataclass(frozen=True, slots=True, eq=False)
class _Planes:
    """Loops sorted into planes: positions, loops and areas plane by plane, and how the loops of a plane stand."""

    frame: Frame
    w_mm: FloatArray
    loops: list[list[FloatArray]]
    areas: list[list[float]]
    relations: list[dict[tuple[int, int], Relation]]
    xor: bool

    def part(self, chosen: list[list[int]]) -> _Planes:
        """Those loops alone, without the planes that they leave empty."""
        kept = [p for p, members in enumerate(chosen) if members]
        relations: list[dict[tuple[int, int], Relation]] = []
        for p in kept:
            place = {old: new for new, old in enumerate(chosen[p])}
            relations.append(
                {(place[a], place[b]): r for (a, b), r in self.relations[p].items() if a in place and b in place}
            )
        return _Planes(
            self.frame,
            self.w_mm[kept],
            [[self.loops[p][i] for i in chosen[p]] for p in kept],
            [[self.areas[p][i] for i in chosen[p]] for p in kept],
            relations,
            self.xor,
        )


def read_contours(roi: Roi, *, scan: ScanPlanes | None = None) -> Drawn:
    """All meanings of a ROI's contours: the nominal one first, then the others.

    Args:
        roi: contours as read.
        scan: the planes on which the ROIs of the structure set are drawn, this one included.
    """
    drawn = Drawn(problems=list(roi.problems))
    loops = read_loops(roi, drawn.problems)
    if isinstance(loops, Blocked):
        return drawn.block(loops.reason, loops.problem)
    seen = _Seen(roi, _along(loops.placed.frame, scan))
    stacks = _read(seen, loops.filled(), drawn.problems)
    if isinstance(stacks, Problem):
        return drawn.block(Reason.DAMAGED_ROI, stacks)
    drawn.meanings.append((ContourMeaning.AS_DRAWN, stacks))
    if loops.tangled:
        # The same warnings again say nothing new.
        other = _read(seen, loops, [])
        if not isinstance(other, Problem):
            drawn.meanings.append((ContourMeaning.CURLS_LEFT_OUT, other))
    _add_bridged(roi, stacks, drawn)
    if any(len(stack.levels) > 1 for stack in stacks) and not loops.xor:
        drawn.problems.append(Problem("W-HOLE-ASSUMED", roi.name))
        solid = tuple(replace(stack, levels=stack.levels[:1]) for stack in stacks)
        drawn.meanings.append((ContourMeaning.INNER_LOOPS_SOLID, solid))
    return drawn


@dataclass(frozen=True, slots=True)
class _Seen:
    """A ROI and the scan that it was drawn on, as far as the scan's planes are those of its contours."""

    roi: Roi
    scan: ScanPlanes | None

    def slices_between(self, below_mm: float, above_mm: float) -> int | None:
        """How many slices of the scan lie between two positions; None where that is not known."""
        return None if self.scan is None else self.scan.slices_between(below_mm, above_mm, self.roi.number)

    def consecutive(self, below_mm: float, above_mm: float) -> bool:
        """Whether the scan has no slice between two positions."""
        return self.slices_between(below_mm, above_mm) == 0


def _along(frame: Frame, scan: ScanPlanes | None) -> ScanPlanes | None:
    """The scan, if the planes of a frame are its slices."""
    return scan if scan is not None and frame.axes[2, scan.axis] == 1.0 else None


def _read(seen: _Seen, loops: Loops, problems: list[Problem]) -> tuple[Stack, ...] | Problem:
    """The stacks of one reading of the loops, with the warnings about them; E-SINGLE-SLICE where one has no height."""
    name = seen.roi.name
    w_mm, members = _cluster(loops.placed.w_mm, seen)
    members = _drop_duplicates(name, members, loops.placed.loops, problems)
    plane_loops = [[loops.placed.loops[i] for i in plane] for plane in members]
    areas = [[float(loops.area_mm2[i]) for i in plane] for plane in members]
    relations = relations_of(plane_loops, areas)
    planes = _Planes(loops.placed.frame, w_mm, plane_loops, areas, relations, loops.xor)
    overlaps = 0 if loops.xor else sum(r is Relation.OVERLAP for plane in relations for r in plane.values())
    if overlaps:
        problems.append(Problem("W-OVERLAP", name, seen=f"{overlaps} pairs"))
    if len(w_mm) == 1:
        return _single(seen, planes, problems)
    spacing = _spacing(np.diff(w_mm), seen)
    chosen = split_stacks(
        w_mm,
        plane_loops,
        relations,
        reach=lambda own: GAP_FACTOR * (own or spacing) * (1 + 1e-6),
        farthest_mm=BRIDGE_FACTOR * spacing,
        consecutive=seen.consecutive,
    )
    if len(chosen) == 1:
        return (_stack(seen, planes, spacing),)
    parts = [planes.part(of_stack) for of_stack in chosen]
    return tuple(_stack(seen, p, _spacing(np.diff(p.w_mm), seen) if len(p.w_mm) > 1 else spacing) for p in parts)


def _single(seen: _Seen, planes: _Planes, problems: list[Problem]) -> tuple[Stack, ...] | Problem:
    """One plane alone: as thick as the scan's slice there."""
    if seen.scan is None:
        return Problem("E-SINGLE-SLICE", seen.roi.name)
    thickness = seen.scan.thickness_at(float(planes.w_mm[0]), seen.roi.number)
    detail = f"one slice only; its thickness of {thickness:.2f} mm was taken from the other ROIs"
    problems.append(Problem("W-SINGLE-SLICE", seen.roi.name, detail=detail))
    return (_stack(seen, planes, thickness),)


def _stack(seen: _Seen, planes: _Planes, spacing_mm: float) -> Stack:
    """Planes as one stack."""
    levels = levels_of(planes.loops, planes.areas, planes.relations, xor=planes.xor)
    return Stack(planes.frame, planes.w_mm, _bridged(seen, planes.w_mm, spacing_mm), spacing_mm, levels)


def _bridged(seen: _Seen, w_mm: FloatArray, spacing_mm: float) -> NDArray[np.bool_]:
    """Which gaps are one slice wide: by the planes' own spacing or, where another ROI shows it, by the scan's.

    Where the scan is known a gap must not be wide beside its neighbours either, unless no more slices lie in it than
    usually.
    """
    gaps = np.diff(w_mm)
    between = [seen.slices_between(a, b) for a, b in pairwise(w_mm.tolist())]
    known = [n for n in between if n is not None]
    usual = max(set(known), key=lambda n: (known.count(n), -n)) if known else 0
    around = np.concatenate([[np.inf], gaps, [np.inf]])
    near = np.minimum(spacing_mm, np.minimum(around[:-2], around[2:]))
    bridged = []
    for gap, n_slices, beside in zip(gaps, between, near, strict=True):
        wide = gap > GAP_FACTOR * (spacing_mm if n_slices is None else beside) * (1 + 1e-6)
        as_usual = n_slices is not None and n_slices <= usual and gap <= BRIDGE_FACTOR * spacing_mm
        bridged.append(not wide or as_usual)
    return np.array(bridged, dtype=bool)


def _add_bridged(roi: Roi, stacks: tuple[Stack, ...], drawn: Drawn) -> None:
    """Say which slices are missing, and add the meaning that the shape goes on through them."""
    if all(np.all(stack.bridged) for stack in stacks):
        return
    wide = [f"{gap:.2f} mm" for stack in stacks for gap in np.diff(stack.w_mm)[~stack.bridged]][:4]
    detail = f"gaps of {', '.join(wide)} where the slices are {stacks[0].spacing_mm:.2f} mm apart; not bridged"
    drawn.problems.append(Problem("W-MISSING-SLICES", roi.name, detail=detail))
    other = tuple(replace(stack, bridged=_through(stack)) for stack in stacks)
    if any(np.any(one.bridged != two.bridged) for one, two in zip(stacks, other, strict=True)):
        drawn.meanings.append((ContourMeaning.MISSING_SLICES_BRIDGED, other))


def _through(stack: Stack) -> NDArray[np.bool_]:
    """Which gaps the shape may go on through: also a wide one where loops of both sides face each other.

    A cord goes on, two parts may not.
    """
    loops = [
        [loop for level in stack.levels for group in level.groups[p] for loop in group.loops]
        for p in range(len(stack.w_mm))
    ]
    near = np.diff(stack.w_mm) <= BRIDGE_FACTOR * stack.spacing_mm * (1 + 1e-6)
    facing = [bool(n) or _facing(a, b) for n, (a, b) in zip(near, pairwise(loops), strict=True)]
    return np.array(facing, dtype=bool) | stack.bridged


def _facing(below: list[FloatArray], above: list[FloatArray]) -> bool:
    """Whether a loop of one plane lies over a loop of the other, by their boxes."""
    return any(
        bool(np.all(a.min(axis=0) <= b.max(axis=0)) and np.all(b.min(axis=0) <= a.max(axis=0)))
        for a in below
        for b in above
    )


def _spacing(gaps_mm: FloatArray, seen: _Seen) -> float:
    """The spacing of the planes [mm]; that of the scan where the ROI alone has too few gaps to tell."""
    own = typical_spacing(gaps_mm)
    if own is not None and (seen.scan is None or own.n_gaps >= GAPS_FOR_A_SPACING):
        return own.mm
    if seen.scan is not None:
        return seen.scan.spacing_mm
    return float(np.median(gaps_mm))


def _cluster(w_mm: FloatArray, seen: _Seen) -> tuple[FloatArray, list[list[int]]]:
    """Planes and which contours lie on each: loops of one slice share one, however their positions were rounded.

    A plane that stands beside a slice of the scan, on whose slices the others lie, is moved there.
    """
    order = np.argsort(w_mm, kind="stable")
    gaps = np.diff(w_mm[order])
    within = SAME_PLANE_MM
    if np.any(gaps > SAME_PLANE_MM):
        within = jitter_mm(_spacing(gaps, seen))
        if seen.scan is not None:
            within = min(within, jitter_mm(seen.scan.spacing_mm))
    planes: list[list[int]] = []
    for index in order:
        if planes and w_mm[index] - w_mm[planes[-1][0]] <= within:
            planes[-1].append(int(index))
        else:
            planes.append([int(index)])
    position = np.array([float(np.mean(w_mm[members])) for members in planes])
    return _on_the_scan(position, seen, within), planes


def _on_the_scan(position_mm: FloatArray, seen: _Seen, within_mm: float) -> FloatArray:
    """The positions, those beside a slice of the scan moved there if most lie on its slices."""
    if seen.scan is None:
        return position_mm
    near = [seen.scan.near(float(w), seen.roi.number, within_mm) for w in position_mm]
    on = [n is not None and abs(n - w) <= 2 * SAME_PLANE_MM for n, w in zip(near, position_mm, strict=True)]
    if sum(on) < ON_THE_SCAN * len(on):
        return position_mm
    moved = [w if n is None or o else n for w, n, o in zip(position_mm.tolist(), near, on, strict=True)]
    # Two planes on one slice would be one, and are not.
    return np.array(moved) if all(b > a + SAME_PLANE_MM for a, b in pairwise(moved)) else position_mm


def _drop_duplicates(
    name: str, planes: list[list[int]], loops: list[FloatArray], problems: list[Problem]
) -> list[list[int]]:
    dropped, result = 0, []
    for members in planes:
        seen: set[bytes] = set()
        kept = []
        for index in members:
            key = b""
            if len(members) > 1:
                rounded = np.round(loops[index], 2) + 0.0
                key = rounded[np.lexsort(rounded.T)].tobytes()
            if key in seen:
                dropped += 1
                continue
            seen.add(key)
            kept.append(index)
        result.append(kept)
    if dropped:
        problems.append(Problem("W-DUP-CONTOUR", name, seen=f"{dropped} contours"))
    return result
