"""The slices of the scan, as far as the contours tell: how far planes stand apart, and which of them are one."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sbrtcheck.model import FloatArray, Roi

# Planes closer than this were written as one.
SAME_PLANE_MM = 0.01
# Planes closer than this share of the slice spacing, and than so many millimetres, are one slice (our policy).
JITTER_SHARE, JITTER_MM = 0.25, 0.6
# Gaps within this share of the spacing are one slice wide.
ALIKE = 0.2
# On one slice there may be so many loops whose positions differ: more gaps of jitter than this beside one are slices.
JITTERS_A_SLICE = 2
# A contour is drawn on a plane along a patient axis when its points leave it by no more than this.
FLAT_MM = 0.1
# A ROI whose own planes lie in the scan's at least so often is drawn on the scan's slices.
ON_THE_SCAN = 0.5


@dataclass(frozen=True, slots=True)
class Spacing:
    """How far planes stand apart [mm], how many gaps are so wide, and their share of the gaps that are no jitter."""

    mm: float
    n_gaps: int
    share: float


def typical_spacing(gaps_mm: Sequence[float] | FloatArray) -> Spacing | None:
    """The spacing that explains most gaps between neighbouring planes; None when there are no gaps.

    Gaps far smaller than it are jitter: loops of one slice whose positions were rounded differently.
    """
    gaps = np.asarray(gaps_mm, dtype=float)
    gaps = gaps[gaps > SAME_PLANE_MM]
    if not len(gaps):
        return None
    best: tuple[float, int, float] | None = None
    for candidate in np.unique(np.round(gaps, 2)):
        alike = int(np.sum(np.abs(gaps - candidate) <= ALIKE * candidate))
        jitters = int(np.sum(gaps <= jitter_mm(float(candidate))))
        if jitters > JITTERS_A_SLICE * alike:
            continue
        rank = (alike / (len(gaps) - jitters), alike, -float(candidate))
        if best is None or rank > best:
            best = rank
    if best is None or best[0] < 1 / 3:
        return Spacing(float(np.median(gaps)), 0, 0.0)
    near = np.abs(gaps + best[2]) <= -ALIKE * best[2]
    return Spacing(float(_commonest(gaps[near])), best[1], best[0])


def _commonest(gaps_mm: FloatArray) -> float:
    """The median of those gaps that are alike to a tenth of a millimetre and most frequent."""
    rounded = np.round(gaps_mm, 1)
    values, counts = np.unique(rounded, return_counts=True)
    return float(np.median(gaps_mm[rounded == values[np.argmax(counts)]]))


def jitter_mm(spacing_mm: float) -> float:
    """How far loops of one slice may stand apart [mm]."""
    return min(JITTER_SHARE * spacing_mm, JITTER_MM)


@dataclass(frozen=True, slots=True)
class ScanPlanes:
    """The planes on which the ROIs of a structure set are drawn.

    Attributes:
        axis: the patient axis that they stand across; ROIs drawn in other planes do not count.
        position_mm: rising positions along it [mm].
        drawn_on: the numbers of the ROIs that have a contour on each.
        spacing_mm: the commonest distance of neighbouring planes [mm].
    """

    axis: int
    position_mm: tuple[float, ...]
    drawn_on: tuple[frozenset[int], ...]
    spacing_mm: float

    def near(self, w_mm: float, number: int, within_mm: float) -> float | None:
        """The plane of another ROI nearest to a position [mm], None when none is so near."""
        place = bisect_left(self.position_mm, w_mm)
        near = [
            self.position_mm[k]
            for k in range(max(place - 2, 0), min(place + 2, len(self.position_mm)))
            if self.drawn_on[k] - {number} and abs(self.position_mm[k] - w_mm) <= within_mm
        ]
        return min(near, key=lambda p: abs(p - w_mm), default=None)

    def slices_between(self, below_mm: float, above_mm: float, number: int) -> int | None:
        """How many slices other ROIs have between two positions; None unless one of them is drawn on both."""
        within = jitter_mm(self.spacing_mm)
        first = bisect_left(self.position_mm, below_mm - within)
        stop = bisect_left(self.position_mm, above_mm + within)
        lower: set[int] = set()
        upper: set[int] = set()
        n_between = 0
        for k in range(first, stop):
            others = self.drawn_on[k] - {number}
            if self.position_mm[k] <= below_mm + within:
                lower |= others
            elif self.position_mm[k] >= above_mm - within:
                upper |= others
            elif others:
                n_between += 1
        return n_between if lower & upper else None

    def thickness_at(self, w_mm: float, number: int) -> float:
        """How thick a slice of the scan is at a position [mm]: half the way to the planes on either side."""
        within = jitter_mm(self.spacing_mm)
        planes = [p for p, rois in zip(self.position_mm, self.drawn_on, strict=True) if rois - {number}]
        below = max((p for p in planes if p < w_mm - within), default=None)
        above = min((p for p in planes if p > w_mm + within), default=None)
        steps = [abs(w_mm - p) for p in (below, above) if p is not None]
        steps = [step for step in steps if step <= 2 * self.spacing_mm] or [self.spacing_mm]
        return float(np.mean(steps))


def scan_planes(rois: Iterable[Roi]) -> ScanPlanes | None:
    """The planes that the ROIs of one structure set share; None where no ROI has two."""
    by_axis: dict[int, dict[int, FloatArray]] = defaultdict(dict)
    for roi in rois:
        found = [_plane_of(contour.points_mm) for contour in roi.contours]
        axes = Counter(axis for axis, _ in found if axis >= 0)
        if axes:
            axis = axes.most_common(1)[0][0]
            by_axis[axis][roi.number] = np.unique(np.round([at for a, at in found if a == axis], 2))
    if not by_axis:
        return None
    axis = max(by_axis, key=lambda a: sum(map(len, by_axis[a].values())))
    planes = by_axis[axis]
    spacing = typical_spacing(np.concatenate([np.diff(p) for p in planes.values()]))
    if spacing is None:
        return None
    # What most ROIs agree on is where a slice is; what lies beside it was rounded differently.
    counted = Counter(float(p) for positions in planes.values() for p in positions)
    centres: list[float] = []
    for position, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        place = bisect_left(centres, position)
        near = [abs(c - position) for c in centres[max(place - 1, 0) : place + 1]]
        if not near or min(near) > jitter_mm(spacing.mm):
            centres.insert(place, position)
    all_centres = np.array(centres)
    drawn: list[set[int]] = [set() for _ in centres]
    for number, positions in planes.items():
        for position in positions:
            drawn[int(np.argmin(np.abs(all_centres - position)))].add(number)
    return ScanPlanes(axis, tuple(centres), tuple(frozenset(d) for d in drawn), spacing.mm)


def _plane_of(points_mm: FloatArray) -> tuple[int, float]:
    """The patient axis across which a contour is drawn, -1 for none, and where [mm]."""
    for axis in (2, 0, 1):
        along = points_mm[:, axis]
        if len(along) and np.ptp(along) <= FLAT_MM:
            return axis, float(along.mean())
    return -1, 0.0
