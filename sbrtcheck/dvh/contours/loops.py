"""Contours as drawn -> loops with an area: what is dropped, what is doubtful, and what cannot be used."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.frame import DEGENERATE_MM2, Placed, place_loops
from sbrtcheck.dvh.contours.nesting import has_seam
from sbrtcheck.dvh.contours.scanline import fill_areas, shoelace_mm2
from sbrtcheck.dvh.contours.untangle import untangled
from sbrtcheck.errors import Problem
from sbrtcheck.model import Contour, FloatArray, Reason, Roi

SELF_OVERLAP = 0.01
# A curl or a strip drawn twice is judged both ways up to this share of its loop, and of the whole ROI (our policy).
SMALL_CURL, SMALL_CURLS_OF_ROI = 0.25, 0.01
# No outline needs so many points: what has more is damaged, or meant to be slow.
MOST_POINTS = 1_000_000

_REASON_OF_CODE = {
    "E-NO-CONTOURS": Reason.NO_CONTOURS,
    "E-FOR-ROI": Reason.OTHER_FRAME_OF_REFERENCE,
    "E-AMBIGUOUS-NAME": Reason.AMBIGUOUS_ROI,
}


@dataclass(frozen=True, slots=True, eq=False)
class Loops:
    """Loops with an area, in the frame of their planes.

    Attributes:
        placed: the loops and where they lie.
        area_mm2: (n,) even-odd area of each [mm2].
        xor: combined by XOR.
        tangled: loops that cross themselves a little, by their number, and the outlines of what they enclose.
    """

    placed: Placed
    area_mm2: FloatArray
    xor: bool
    tangled: dict[int, list[FloatArray]] = field(default_factory=dict)

    def filled(self) -> Loops:
        """The same with every tangled loop replaced by the outlines of what it encloses."""
        if not self.tangled:
            return self
        loops, w_mm, area_mm2 = [], [], []
        for number, loop in enumerate(self.placed.loops):
            parts = self.tangled.get(number)
            areas = [self.area_mm2[number]] if parts is None else np.abs(shoelace_mm2(parts)).tolist()
            for part, area in zip(parts or [loop], areas, strict=True):
                loops.append(part)
                w_mm.append(float(self.placed.w_mm[number]))
                area_mm2.append(float(area))
        return replace(self, placed=replace(self.placed, loops=loops, w_mm=np.array(w_mm)), area_mm2=np.array(area_mm2))


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why no number can be given."""

    reason: Reason
    problem: Problem


def read_loops(roi: Roi, problems: list[Problem]) -> Loops | Blocked:
    """The loops of a ROI that enclose an area; what was dropped or is doubtful is added to ``problems``."""
    damaged = roi.damaged
    if damaged is not None:
        return Blocked(_REASON_OF_CODE.get(damaged.code, Reason.DAMAGED_ROI), damaged)
    if not roi.contours:
        return Blocked(Reason.NO_CONTOURS, Problem("E-NO-CONTOURS", roi.name))
    kinds = {contour.xor for contour in roi.contours}
    if len(kinds) > 1:
        return Blocked(Reason.DAMAGED_ROI, Problem("E-MIXED-TYPE", roi.name))
    clouds = _clean(roi.name, roi.contours, problems)
    if isinstance(clouds, Problem):
        return Blocked(Reason.DAMAGED_ROI, clouds)
    if not clouds:
        return _nothing(roi.name)
    placed = place_loops(roi.name, clouds)
    if isinstance(placed, Problem):
        return Blocked(Reason.DAMAGED_ROI, placed)
    loops = _with_areas(roi.name, placed, kinds.pop(), problems)
    if isinstance(loops, Problem):
        return Blocked(Reason.DAMAGED_ROI, loops)
    return loops if loops.placed.loops else _nothing(roi.name)


def _nothing(name: str) -> Blocked:
    return Blocked(Reason.NO_CONTOURS, Problem("E-NO-CONTOURS", name, detail="no contour encloses an area"))


def _clean(name: str, contours: tuple[Contour, ...], problems: list[Problem]) -> list[FloatArray] | Problem:
    """Contours with at least three different points, closing and repeated points dropped."""
    clouds = [np.asarray(contour.points_mm, dtype=float) for contour in contours]
    if any(c.ndim != 2 or c.shape[1] != 3 for c in clouds):
        return _no_points(name)
    longest = max((len(c) for c in clouds), default=0)
    if longest > MOST_POINTS:
        detail = f"a contour has more than {MOST_POINTS:,} points"
        return Problem("E-TOO-LARGE", name, seen=f"{longest} points", detail=detail)
    kept: list[FloatArray] = []
    for cloud in clouds:
        # One at a time: all points together would need as much memory again.
        if not np.all(np.isfinite(cloud)):
            return _no_points(name)
        if len(cloud) < 3:
            continue
        moved = np.abs(np.roll(cloud, -1, axis=0) - cloud).max(axis=1) > 1e-6
        n_moved = int(np.count_nonzero(moved))
        if n_moved >= 3:
            kept.append(cloud if n_moved == len(cloud) else cloud[moved])
    dropped = len(contours) - len(kept)
    if dropped:
        problems.append(Problem("W-DEGENERATE-CONTOUR", name, seen=f"{dropped} contours"))
    return kept


def _no_points(name: str) -> Problem:
    return Problem("E-POINT-COUNT", name, detail="a contour is not a list of finite points")


def _with_areas(name: str, placed: Placed, xor: bool, problems: list[Problem]) -> Loops | Problem:
    """Loops that enclose an area, with their even-odd areas; E-SELF-INTERSECTION when one is not to be read at all."""
    even_odd, non_zero = fill_areas(placed.loops)
    kept = even_odd > DEGENERATE_MM2
    if not np.all(kept):
        problems.append(Problem("W-DEGENERATE-CONTOUR", name, seen=f"{int(np.sum(~kept))} contours"))
        loops = [loop for loop, keep in zip(placed.loops, kept, strict=True) if keep]
        placed = replace(placed, loops=loops, w_mm=placed.w_mm[kept])
        even_odd, non_zero = even_odd[kept], non_zero[kept]
    if not placed.loops:
        return Loops(placed, even_odd, xor)
    suspicious = np.flatnonzero(np.abs(non_zero - even_odd) > SELF_OVERLAP * np.maximum(even_odd, 1.0))
    # A channel is walked twice over its length: one place alone is where a loop crosses itself.
    seams = has_seam([placed.loops[i] for i in suspicious], n_places=2) if len(suspicious) else np.empty(0, dtype=bool)
    keyholes, crossing = suspicious[seams], suspicious[~seams]
    if len(keyholes):
        problems.append(Problem("W-KEYHOLE", name, seen=f"{len(keyholes)} contours"))
    tangled = _tangled(name, placed.loops, crossing, even_odd, non_zero)
    if isinstance(tangled, Problem):
        return tangled
    if tangled:
        problems.append(Problem("W-SELF-OVERLAP", name, seen=f"{len(tangled)} contours"))
    exact = np.abs(shoelace_mm2(placed.loops))
    odd = np.abs(exact - even_odd) > 0.02 * np.maximum(even_odd, 1.0)
    odd[list(tangled)] = True
    for index in np.flatnonzero(odd):
        exact[index] = fill_areas([placed.loops[index]], n_lines=1000)[0][0]
    return Loops(placed, exact, xor, tangled)


def _tangled(
    name: str, loops: list[FloatArray], crossing: NDArray[np.int64], even_odd: FloatArray, non_zero: FloatArray
) -> dict[int, list[FloatArray]] | Problem:
    """Outlines of what the loops that cross themselves enclose; E-SELF-INTERSECTION where that is no small matter."""
    if not len(crossing):
        return {}
    doubtful = np.abs(non_zero - even_odd)[crossing]
    shares = doubtful / np.maximum(non_zero[crossing], 1e-9)
    found: dict[int, list[FloatArray]] = {}
    if max(shares) <= SMALL_CURL and float(doubtful.sum()) <= SMALL_CURLS_OF_ROI * float(non_zero.sum()):
        for index in crossing:
            parts = untangled(loops[index])
            if not parts:
                break
            found[int(index)] = parts
    if len(found) < len(crossing):
        return Problem("E-SELF-INTERSECTION", name, seen=f"{100 * max(shares):.0f} % of its area is doubtful")
    return found
