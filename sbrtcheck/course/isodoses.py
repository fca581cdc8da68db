"""Isodoses of different plans that join: R50 and D2cm of their lesions on the sum of the plans' physical doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.course.gaps import numbers
from sbrtcheck.course.lesions import shared_lesions
from sbrtcheck.dvh import dose_at
from sbrtcheck.dvh.around_targets.conformity import conformity
from sbrtcheck.dvh.contours.frame import box_corners
from sbrtcheck.errors import safe_text
from sbrtcheck.model import DoseGrid, Finding, FindingKind, Lesion, MetricValue, Reason
from sbrtcheck.model.finding import information, told
from sbrtcheck.plan.doses import PlanDoses

# The isodose that R50 is about, as share of the prescription.
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Joined:
    """A lesion whose isodose of half the prescription joins that of a lesion of another plan, and which these are."""

    plan: PlanDoses
    lesion: Lesion
    others: tuple[tuple[PlanDoses, Lesion], ...]


def judge_isodoses(plans: Sequence[PlanDoses], *, interpolation: str = "cubic") -> tuple[Finding, ...]:
    """R50 and D2cm on the sum, for each lesion whose isodose joins that of another plan's lesion: information.

    Args:
        interpolation: of doses that are read on another plan's grid, "cubic" or "linear".
    """
    if len(plans) < 2:
        return ()
    grids = [p.data.dose for p in plans]
    common = common_box(grids)
    if common is None:
        # Of two plans nothing is left to join; of more, two may still overlap.
        return () if len(plans) == 2 else (_not_given("the dose grids of the plans have no box in common"),)
    if turned(grids):
        return (_not_given("the dose grids of the plans are turned against each other"),)
    unknown = [x for p in plans for x in p.lesions if x.prescription_gy is None]
    if unknown:
        named = ", ".join(f"{x.id} {safe_text(x.ptv)}" for x in unknown)
        return (_not_given(f"no prescription is known for {named}, whose isodose cannot be told from its neighbours'"),)
    total = summed_grid(grids, interpolation=interpolation)
    if len(plans) > 2:
        apart = [f"{x.id} {safe_text(x.ptv)}" for p in plans for x in p.lesions if not _within(p, x, total)]
        if apart:
            return (_not_given(f"{', '.join(apart)}: outside the box that the dose grids of all plans cover"),)
    joined = joined_lesions(plans, total)
    if not joined:
        return ()
    lesions = _prescribed(plans)
    targets = [(p.structures[x.ptv], prescription_gy) for p, x, prescription_gy in lesions]
    bodies = [p.structures[p.body.roi.name] for p in plans if p.body is not None]
    # R50 and D2cm take from the Dvhs nothing but the volume of the target, which is the same on every grid.
    dvhs = [p.dvhs[x.ptv] for p, x, _ in lesions]
    measured = conformity(targets=targets, body=bodies[0] if bodies else None, dose=total, dvhs=dvhs)
    of_lesion = {x.id: found for (_, x, _), found in zip(lesions, measured, strict=True)}
    several = {p.n_fractions for p in plans}
    out = []
    for entry in joined:
        names = ", ".join(f"{x.id} {safe_text(x.ptv)} of {p.label}" for p, x in entry.others)
        level = f"{100 * HALF:g} %"
        note = (
            f"sum of the plans' physical doses: the {level} isodose of this lesion of {entry.plan.label} joins that of "
            f"{names}, divided by the nearest lesion"
        )
        found = of_lesion[entry.lesion.id]
        out.append(_finding(entry.lesion.id, entry.lesion.ptv, found.r50, note))
        far = "sum of the plans' physical doses, 2 cm or more from every target of the course"
        if len(several) > 1:
            note, far = (
                f"{text}; plans of {numbers(several)} fractions: no limit is set on it" for text in (note, far)
            )
        out.append(_finding(entry.lesion.id, entry.lesion.ptv, found.d2cm, far))
    return tuple(out)


def _not_given(why: str) -> Finding:
    note = f"{why}: no isodose of the sum of the plans is given"
    return _finding("", "", MetricValue("R50", None, None, None, "", Reason.NOT_COMPUTABLE, note), note)


def _within(plan: PlanDoses, lesion: Lesion, dose: DoseGrid) -> bool:
    """Whether all of a target lies among the points of a grid."""
    bounds = plan.structures[lesion.ptv].bounds_mm
    if bounds is None:
        return True
    index = dose.to_index(box_corners(*bounds))[:, ::-1]
    return bool(np.all((index >= 0) & (index <= np.array(dose.dose_gy.shape) - 1)))


def _finding(lesion: str, roi: str, value: MetricValue, note: str) -> Finding:
    made = information(
        rule_id=f"course:isodoses:{lesion or 'sum'}:{value.metric}",
        kind=FindingKind.CONFORMITY,
        value=value,
        lesion=lesion,
        roi=roi,
        metric=value.metric,
        notes=told(note, "" if value.note in note else value.note),
    )
    return replace(made, unit=value.unit)


def _prescribed(plans: Sequence[PlanDoses]) -> list[tuple[PlanDoses, Lesion, float]]:
    """The lesions that have a shape and a prescription [Gy], with their plan."""
    return [
        (plan, x, x.prescription_gy)
        for plan in plans
        for x in plan.lesions
        if x.prescription_gy is not None and plan.structures[x.ptv].blocked is None
    ]


def joined_lesions(plans: Sequence[PlanDoses], total: DoseGrid) -> tuple[Joined, ...]:
    """The lesions that the isodose of half their prescription on the sum joins with a lesion of another plan.

    One lesion that two plans treat is not joined with itself.
    """
    from scipy.ndimage import label

    entries = _prescribed(plans)
    same = {frozenset((x.id, y.id)) for x, y in shared_lesions(plans)}
    # Which connected parts each lesion holds, in the order of the entries, by the dose of half a prescription.
    held: dict[float, list[frozenset[int]]] = {}
    out = []
    for index, (plan, lesion, prescription_gy) in enumerate(entries):
        level_gy = HALF * prescription_gy
        if level_gy not in held:
            parts, _ = label(total.dose_gy >= level_gy)
            held[level_gy] = [_parts_held(p, x, total, parts) for p, x, _ in entries]
        others = tuple(
            (p, x)
            for (p, x, _), theirs in zip(entries, held[level_gy], strict=True)
            if p is not plan and held[level_gy][index] & theirs and frozenset((x.id, lesion.id)) not in same
        )
        if others:
            out.append(Joined(plan, lesion, others))
    return tuple(out)


def _parts_held(plan: PlanDoses, lesion: Lesion, dose: DoseGrid, parts: NDArray[np.int32]) -> frozenset[int]:
    """The connected parts that hold points of a lesion's contours."""
    roi = next(n.roi for n in plan.named if n.roi.name == lesion.ptv)
    points = np.concatenate([contour.points_mm for contour in roi.contours])
    index = np.rint(dose.to_index(points)[:, ::-1]).astype(np.int64)
    index = index[np.all((index >= 0) & (index < parts.shape), axis=1)]
    return frozenset(int(part) for part in np.unique(parts[tuple(index.T)]) if part > 0)


def turned(grids: Sequence[DoseGrid]) -> bool:
    """Whether the axes of one grid run along none of the first one's."""
    for grid in grids:
        turn = np.abs(np.linalg.inv(grids[0].affine[:3, :3]) @ grid.affine[:3, :3])
        if np.any(np.sum(turn > 1e-6 * turn.max(axis=1, keepdims=True), axis=1) > 1):
            return True
    return False


def _finest(grids: Sequence[DoseGrid]) -> DoseGrid:
    return min(grids, key=lambda g: float(np.prod(g.spacing_mm)))


def common_box(grids: Sequence[DoseGrid]) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """First and last index (i, j, k) in the finest grid of the box that all cover; None without two points an axis.

    Of grids that are turned against each other the box around each counts.
    """
    finest = _finest(grids)
    low, high = np.zeros(3, dtype=np.int64), np.array(finest.dose_gy.shape[::-1], dtype=np.int64) - 1
    for grid in grids:
        corners = box_corners(np.zeros(3), np.array(grid.dose_gy.shape[::-1]) - 1.0)
        index = finest.to_index(grid.to_patient(corners))
        low = np.maximum(low, np.ceil(index.min(axis=0) - 1e-6).astype(np.int64))
        high = np.minimum(high, np.floor(index.max(axis=0) + 1e-6).astype(np.int64))
    return None if np.any(high - low < 1) else (low, high)


def summed_grid(grids: Sequence[DoseGrid], *, interpolation: str = "cubic") -> DoseGrid:
    """The sum of several dose grids on the finest of them, in the box that all of them cover.

    What lies outside one of them is not known and not in the box.

    Args:
        grids: in one frame of reference, not turned against each other, with a box in common.
        interpolation: of the doses of the other grids, "cubic" or "linear".
    """
    finest, box = _finest(grids), common_box(grids)
    assert box is not None, "asked only of grids that overlap"
    i, j, k = (np.arange(a, b + 1) for a, b in zip(*box, strict=True))
    total = np.zeros((len(k), len(j), len(i)))
    rows, columns = (x.ravel() for x in np.meshgrid(j, i, indexing="ij"))
    for grid in grids:
        if grid.dose_gy.shape == finest.dose_gy.shape and np.allclose(grid.affine, finest.affine, rtol=0, atol=1e-6):
            total += grid.dose_gy[k[0] : k[-1] + 1, j[0] : j[-1] + 1, i[0] : i[-1] + 1]
            continue
        for layer, number in enumerate(k):
            nodes = finest.to_patient(np.column_stack([columns, rows, np.full(len(rows), number)]))
            total[layer] += dose_at(grid, nodes, interpolation=interpolation, degree=3).reshape(len(j), len(i))
    affine = np.array(finest.affine, dtype=float)
    affine[:3, 3] = finest.to_patient(box[0][None].astype(float))[0]
    return DoseGrid(total, affine, frame_of_reference_uid=finest.frame_of_reference_uid)
