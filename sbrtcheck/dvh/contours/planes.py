"""Contours as drawn -> planes of loops, levels of holes and gaps: one description for volume and for dose.

The behaviour of every odd input (duplicates, overlaps, nested loops, keyholes, missing slices, tilted planes) is
decided here and nowhere else; docs/dvh.md has the table.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.nesting import Level, has_seam, levels_of, relations_of
from sbrtcheck.dvh.contours.scanline import fill_areas, following, ranges, shoelace_mm2
from sbrtcheck.errors import Problem
from sbrtcheck.model import Contour, FloatArray, Reason, Roi
from sbrtcheck.model.dose import mapped

PLANE_TOLERANCE_MM = 0.05
CLUSTER_MM = 0.01
DEGENERATE_MM2 = 1e-3
GAP_FACTOR = 1.5
BRIDGE_FACTOR = 4.0
SELF_OVERLAP = 0.01

_REASON_OF_CODE = {
    "E-NO-CONTOURS": Reason.NO_CONTOURS,
    "E-FOR-ROI": Reason.OTHER_FRAME_OF_REFERENCE,
    "E-AMBIGUOUS-NAME": Reason.AMBIGUOUS_ROI,
}


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Axes of the contour planes: rows of ``axes`` are u, v (in plane) and w (normal), in patient coordinates."""

    axes: FloatArray

    def to_frame(self, points_mm: FloatArray) -> FloatArray:
        """(n, 3) patient positions -> (u, v, w) [mm]."""
        return mapped(points_mm, self.axes)

    def to_patient(self, points_mm: FloatArray) -> FloatArray:
        """(n, 3) positions (u, v, w) -> patient positions [mm]."""
        return mapped(points_mm, self.axes.T)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One reading of the contours of a ROI.

    Attributes:
        frame: orientation of the planes.
        w_mm: (n,) rising positions of the planes along the normal [mm].
        bridged: (n - 1,) whether the shape goes on from plane i to i + 1.
        spacing_mm: modal spacing of the planes, or that of the sibling structures for a single plane.
        levels: solid shape, holes, islands.
    """

    frame: Frame
    w_mm: FloatArray
    bridged: np.ndarray
    spacing_mm: float
    levels: tuple[Level, ...]


@dataclass(slots=True)
class Drawn:
    """What the contours amount to: readings, or the reason why there is none."""

    readings: list[tuple[str, Reading]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    blocked: Reason | None = None
    note: str = ""

    def block(self, reason: Reason, problem: Problem) -> Drawn:
        """No number can be given, and why."""
        self.blocked, self.note = reason, problem.detail or problem.meaning
        if problem not in self.problems:
            self.problems.append(problem)
        self.readings = []
        return self


def box_corners(low: FloatArray, high: FloatArray) -> FloatArray:
    """The corners (8, 3) of a box, from its lowest and its highest one (3,)."""
    return np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), axis=-1).reshape(-1, 3)


def read_contours(roi: Roi, *, sibling_spacing_mm: float | None = None) -> Drawn:
    """All readings of a ROI's contours: the nominal one first, then those of other meaning."""
    drawn = Drawn(problems=list(roi.problems))
    damaged = roi.damaged
    if damaged is not None:
        return drawn.block(_REASON_OF_CODE.get(damaged.code, Reason.DAMAGED_ROI), damaged)
    if not roi.contours:
        return drawn.block(Reason.NO_CONTOURS, Problem("E-NO-CONTOURS", roi.name))
    kinds = {contour.xor for contour in roi.contours}
    if len(kinds) > 1:
        return drawn.block(Reason.DAMAGED_ROI, Problem("E-MIXED-TYPE", roi.name))
    xor = kinds.pop()
    clouds = _clean(roi, roi.contours, drawn)
    if not clouds:
        if drawn.blocked is None:
            drawn.block(Reason.NO_CONTOURS, Problem("E-NO-CONTOURS", roi.name, detail="no contour encloses an area"))
        return drawn
    found = _frame(roi, clouds, drawn)
    if found is None:
        return drawn
    frame, loops, w_mm = found
    found_areas = _areas(roi, loops, w_mm, drawn)
    if found_areas is None:
        return drawn
    loops, w_mm, area_mm2 = found_areas
    if not loops:
        return drawn.block(Reason.NO_CONTOURS, Problem("E-NO-CONTOURS", roi.name, detail="no contour encloses an area"))
    plane_w, planes = _cluster(w_mm)
    planes = _drop_duplicates(roi, planes, loops, drawn)
    plane_loops = [[loops[i] for i in members] for members in planes]
    areas = [[float(area_mm2[i]) for i in members] for members in planes]
    relations = relations_of(plane_loops, areas)
    levels = levels_of(plane_loops, areas, relations, xor=xor)
    overlaps = 0 if xor else sum(r == "overlap" for plane in relations for r in plane.values())
    if overlaps:
        drawn.problems.append(Problem("W-OVERLAP", roi.name, seen=f"{overlaps} pairs"))
    spacing = _spacing(roi, plane_w, sibling_spacing_mm, drawn)
    if spacing is None:
        return drawn
    gaps = np.diff(plane_w)
    bridged = gaps <= GAP_FACTOR * spacing * (1 + 1e-6)
    nominal = Reading(frame, plane_w, bridged, spacing, levels)
    drawn.readings.append(("", nominal))
    if not np.all(bridged):
        wide = ", ".join(f"{gap:.2f} mm" for gap in gaps[~bridged][:4])
        detail = f"gaps of {wide} where the slices are {spacing:.2f} mm apart; not bridged"
        drawn.problems.append(Problem("W-MISSING-SLICES", roi.name, detail=detail))
        # A wide gap is bridged too where the loops on both sides face each other: a cord goes on, two parts may not.
        through = [
            bool(near) or _facing(below, above)
            for near, below, above in zip(
                gaps <= BRIDGE_FACTOR * spacing * (1 + 1e-6), plane_loops[:-1], plane_loops[1:], strict=True
            )
        ]
        if np.any(np.array(through) & ~bridged):
            drawn.readings.append(("missing slices bridged", replace(nominal, bridged=np.array(through))))
    if len(levels) > 1 and not xor:
        drawn.problems.append(Problem("W-HOLE-ASSUMED", roi.name))
        drawn.readings.append(("nested loops read as solid", replace(nominal, levels=levels[:1])))
    return drawn


def _clean(roi: Roi, contours: tuple[Contour, ...], drawn: Drawn) -> list[FloatArray]:
    """Contours with at least three different points, closing and repeated points dropped."""
    clouds = [np.asarray(contour.points_mm, dtype=float) for contour in contours]
    bad = any(c.ndim != 2 or c.shape[1] != 3 for c in clouds)
    clouds = [] if bad else [c for c in clouds if len(c)]
    if bad or (clouds and not np.all(np.isfinite(np.concatenate(clouds)))):
        problem = Problem("E-POINT-COUNT", roi.name, detail="a contour is not a list of finite points")
        drawn.block(Reason.DAMAGED_ROI, problem)
        return []
    kept: list[FloatArray] = []
    if clouds:
        points = np.concatenate(clouds)
        n_points = np.array([len(c) for c in clouds])
        moved = np.abs(points[following(n_points)] - points).max(axis=1) > 1e-6
        stop = np.cumsum(n_points)
        n_kept = np.add.reduceat(moved.astype(np.int64), stop - n_points)
        if np.all(moved):
            kept = [c for c in clouds if len(c) >= 3]
        else:
            for end, total, left in zip(stop, n_points, n_kept, strict=True):
                if left >= 3:
                    part = slice(end - total, end)
                    kept.append(points[part][moved[part]])
    dropped = len(contours) - len(kept)
    if dropped:
        drawn.problems.append(Problem("W-DEGENERATE-CONTOUR", roi.name, seen=f"{dropped} contours"))
    return kept


def _frame(roi: Roi, clouds: list[FloatArray], drawn: Drawn) -> tuple[Frame, list[FloatArray], FloatArray] | None:
    """The common orientation of the planes, the loops in it (n, 2) and their positions along the normal."""
    points = np.concatenate(clouds)
    n_points = np.array([len(c) for c in clouds])
    stop = np.cumsum(n_points)
    normals = _newell(points, n_points)
    sizes = np.linalg.norm(normals, axis=1)
    largest = normals[np.argmax(sizes)]
    if np.max(sizes) < DEGENERATE_MM2:
        # Nothing encloses an area by the shoelace rule (a figure of eight does not): fit a plane to all points.
        largest = np.linalg.svd(clouds[0] - clouds[0].mean(axis=0), full_matrices=False)[2][2]
    signs = np.where(normals @ largest < 0, -1.0, 1.0)
    normal = (normals * signs[:, None]).sum(axis=0)
    normal = normal if np.linalg.norm(normal) > DEGENERATE_MM2 else largest
    normal = normal / np.linalg.norm(normal)
    axis = int(np.argmax(np.abs(normal)))
    if abs(normal[axis]) > 1 - 1e-8:
        normal = np.eye(3)[axis]
    frame = Frame(_axes(normal))
    turned = frame.to_frame(points)
    low, high = ranges(turned[:, 2], n_points)
    worst = float(np.max(high - low))
    if worst > 2 * PLANE_TOLERANCE_MM:
        planar = True
        for index in np.flatnonzero(high - low > 2 * PLANE_TOLERANCE_MM):
            centred = clouds[index] - clouds[index].mean(axis=0)
            off = centred @ np.linalg.svd(centred, full_matrices=False)[2][2]
            planar = planar and float(np.max(np.abs(off))) <= PLANE_TOLERANCE_MM
        code = "E-NONAXIAL" if planar else "E-NONPLANAR"
        drawn.block(Reason.DAMAGED_ROI, Problem(code, roi.name, seen=f"{worst / 2:.2f} mm off the plane"))
        return None
    loops = [turned[end - n : end, :2] for end, n in zip(stop, n_points, strict=True)]
    return frame, loops, np.add.reduceat(turned[:, 2], stop - n_points) / n_points


def _facing(below: list[FloatArray], above: list[FloatArray]) -> bool:
    """Whether a loop of one plane lies over a loop of the other, by their boxes."""
    return any(
        bool(np.all(a.min(axis=0) <= b.max(axis=0)) and np.all(b.min(axis=0) <= a.max(axis=0)))
        for a in below
        for b in above
    )


def _newell(points: FloatArray, n_points: NDArray[np.int64]) -> FloatArray:
    """Area vector of every loop [mm2], (n_loops, 3), of loops one after the other."""
    first = np.cumsum(n_points) - n_points
    centred = points - points[np.repeat(first, n_points)]
    after = centred[following(n_points)]
    x, y, z = centred.T
    a, b, c = after.T
    cross = np.stack([y * c - z * b, z * a - x * c, x * b - y * a])
    result: FloatArray = 0.5 * np.add.reduceat(cross, first, axis=1).T
    return result


def _axes(normal: FloatArray) -> FloatArray:
    """Right-handed axes with w along the normal; plain patient axes when the normal is one of them."""
    axis = int(np.argmax(np.abs(normal)))
    normal = normal * np.sign(normal[axis])
    helper = np.eye(3)[(axis + 1) % 3]
    u = helper - (helper @ normal) * normal
    u = u / np.linalg.norm(u)
    return np.array([u, np.cross(normal, u), normal])


def _cluster(w_mm: FloatArray) -> tuple[FloatArray, list[list[int]]]:
    """Planes and which contours lie on each: those within 0.01 mm of each other along the normal share one."""
    order = np.argsort(w_mm, kind="stable")
    planes: list[list[int]] = []
    for index in order:
        if planes and w_mm[index] - w_mm[planes[-1][0]] <= CLUSTER_MM:
            planes[-1].append(int(index))
        else:
            planes.append([int(index)])
    return np.array([float(np.mean(w_mm[members])) for members in planes]), planes


def _drop_duplicates(roi: Roi, planes: list[list[int]], loops: list[FloatArray], drawn: Drawn) -> list[list[int]]:
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
        drawn.problems.append(Problem("W-DUP-CONTOUR", roi.name, seen=f"{dropped} contours"))
    return result


def _areas(
    roi: Roi, loops: list[FloatArray], w_mm: FloatArray, drawn: Drawn
) -> tuple[list[FloatArray], FloatArray, FloatArray] | None:
    """Loops that enclose an area, their positions and even-odd areas [mm2].

    None (and blocked) when a loop overlaps itself other than by a keyhole.
    """
    even_odd, non_zero = fill_areas(loops)
    kept = even_odd > DEGENERATE_MM2
    if not np.all(kept):
        drawn.problems.append(Problem("W-DEGENERATE-CONTOUR", roi.name, seen=f"{int(np.sum(~kept))} contours"))
        loops = [loop for loop, keep in zip(loops, kept, strict=True) if keep]
        w_mm, even_odd, non_zero = w_mm[kept], even_odd[kept], non_zero[kept]
    if not loops:
        return loops, w_mm, even_odd
    suspicious = np.abs(non_zero - even_odd) > SELF_OVERLAP * np.maximum(even_odd, 1.0)
    keyholes = 0
    for index in np.flatnonzero(suspicious):
        # A channel is walked twice over its length: one place alone is where a loop crosses itself.
        if has_seam([loops[index]], n_places=2)[0]:
            keyholes += 1
            continue
        share = 100 * abs(non_zero[index] - even_odd[index]) / max(float(non_zero[index]), 1e-9)
        problem = Problem("E-SELF-INTERSECTION", roi.name, seen=f"{share:.0f} % of its area is doubtful")
        drawn.block(Reason.DAMAGED_ROI, problem)
        return None
    if keyholes:
        drawn.problems.append(Problem("W-KEYHOLE", roi.name, seen=f"{keyholes} contours"))
    exact = np.abs(shoelace_mm2(loops))
    odd = np.abs(exact - even_odd) > 0.02 * np.maximum(even_odd, 1.0)
    for index in np.flatnonzero(odd):
        exact[index] = fill_areas([loops[index]], n_lines=1000)[0][0]
    return loops, w_mm, exact


def _spacing(roi: Roi, plane_w: FloatArray, sibling_spacing_mm: float | None, drawn: Drawn) -> float | None:
    if len(plane_w) > 1:
        return modal_spacing_mm(plane_w)
    if sibling_spacing_mm is None or not sibling_spacing_mm > 0:
        drawn.block(Reason.DAMAGED_ROI, Problem("E-SINGLE-SLICE", roi.name))
        return None
    detail = f"one slice only; its thickness of {sibling_spacing_mm:.2f} mm was taken from the other ROIs"
    drawn.problems.append(Problem("W-SINGLE-SLICE", roi.name, detail=detail))
    return float(sibling_spacing_mm)


def modal_spacing_mm(plane_w: FloatArray) -> float:
    """The most frequent distance of neighbouring planes [mm]; the median where none is frequent."""
    gaps = np.diff(np.sort(plane_w))
    counted = Counter(np.round(gaps, 1).tolist())
    most = max(counted.values())
    if most < len(gaps) / 3:
        return float(np.median(gaps))
    chosen = min(gap for gap, count in counted.items() if count == most)
    return float(np.median(gaps[np.round(gaps, 1) == chosen]))
