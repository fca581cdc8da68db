"""What the figures of a course are drawn from: outlines of body and targets, and EQD2 curves of the summed plans."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sbrtcheck.course.earlier import SAME_SESSIONS, SEQUENTIAL, earlier_for
from sbrtcheck.course.row import NEAR_MAXIMUM, CourseFacts
from sbrtcheck.course.sum import CourseSum
from sbrtcheck.dvh.curve import cumulative_curve
from sbrtcheck.errors import safe_text
from sbrtcheck.judging.guideline import bed10_gy, tier_of
from sbrtcheck.model import Curve, FloatArray, Lesion, Outline, Role, SummedOrgan, Verdict
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.radiobiology.lq import eqd2
from sbrtcheck.tables.alpha_beta import organ_alpha_beta

# Organs whose curves are drawn, those nearest to a limit first.
MAX_ORGANS = 6
# Name of the curve of earlier courses: what a case file declares as near-maximum, at every point.
EARLIER = "earlier (near-maximum)"
_ORDER = (Verdict.NOT_MET, Verdict.MARGINAL, Verdict.NOT_EVALUABLE, Verdict.MET, Verdict.INFORMATION)
# Directions in which the outermost point of a projection is looked for, points of a structure that are looked at, and
# the step of a silhouette along the patient [mm].
_N_DIRECTIONS = 90
_N_POINTS = 20_000
_STEP_MM = 2.0

Line = tuple[tuple[float, float], ...]


def outlines(plans: Sequence[PlanDoses]) -> tuple[Outline, ...]:
    """The body, then every target, as seen from the front and from the feet.

    Only plans in the frame of reference of the first one: those of another cannot be drawn into the same body.
    """
    frames = [plan.data.dose.frame_of_reference_uid for plan in plans]
    shown = [plan for plan, frame in zip(plans, frames, strict=True) if frame == frames[0]]
    out = []
    body = next((plan.body for plan in shown if plan.body is not None), None)
    if body is not None:
        points = np.concatenate([c.points_mm for c in body.roi.contours])
        out.append(Outline("", "", _silhouette(points), _hull(points[:, :2])))
    for plan in shown:
        for lesion in plan.lesions:
            roi = plan.data.structures.roi(lesion.ptv)
            if roi is None or not roi.contours or plan.structures[lesion.ptv].blocked is not None:
                continue
            points = np.concatenate([c.points_mm for c in roi.contours])
            out.append(Outline(lesion.id, _tier(lesion), _hull(points[:, [0, 2]]), _hull(points[:, :2])))
    return tuple(out)


def _tier(lesion: Lesion) -> str:
    if lesion.prescription_gy is None or not lesion.n_fractions:
        return ""
    return tier_of(bed10_gy(total_dose_gy=lesion.prescription_gy, n_fractions=lesion.n_fractions))


def _hull(points: FloatArray) -> Line:
    """The outermost points of a projection, (n, 2) [mm]: its convex hull, to a few degrees."""
    points = points[:: max(len(points) // _N_POINTS, 1)]
    angle = np.linspace(0.0, 2.0 * np.pi, _N_DIRECTIONS, endpoint=False)
    outermost = np.argmax(points @ np.array([np.cos(angle), np.sin(angle)]), axis=0)
    return tuple((float(points[i, 0]), float(points[i, 1])) for i in dict.fromkeys(outermost.tolist()))


def _silhouette(points: FloatArray) -> Line:
    """From the front: the leftmost and the rightmost point at each height, as one closed line of (x, z) [mm]."""
    height = np.round(points[:, 2] / _STEP_MM).astype(int)
    levels = np.unique(height)
    place = np.searchsorted(levels, height)
    low, high = np.full(len(levels), np.inf), np.full(len(levels), -np.inf)
    np.minimum.at(low, place, points[:, 0])
    np.maximum.at(high, place, points[:, 0])
    z = levels * _STEP_MM
    up = zip(high.tolist(), z.tolist(), strict=True)
    down = zip(low[::-1].tolist(), z[::-1].tolist(), strict=True)
    return (*up, *down)


def course_curves(total: CourseSum, facts: CourseFacts, rows: Sequence[SummedOrgan]) -> tuple[Curve, ...]:
    """EQD2 of the whole course and of each plan alone, for the organs nearest to a limit on the sum.

    Plans that may be given in the same sessions are added in the same sessions: that is the higher sum. Each curve's
    ``roi`` says the alpha/beta; ``plan`` is empty for the sum, and EARLIER for what a case file declares. Its
    near-maximum is taken at every point: such a sum is an upper bound.

    Args:
        rows: of the sum, as :func:`sbrtcheck.course.limits.judge_sum` gives them.
    """
    kind = SEQUENTIAL if facts.kind == SEQUENTIAL else SAME_SESSIONS
    out: list[Curve | None] = []
    drawn = _nearest_to_a_limit(rows)
    organs = [organ for organ, _ in drawn]
    for organ, roi in drawn:
        found = total.find((organ, *total.organs), roi)
        alpha_beta = organ_alpha_beta(organ, own_gy=facts.own_alpha_beta_gy)
        if found is None or alpha_beta is None:
            continue
        ratio = alpha_beta.nominal_gy
        entries = [e for name in organ.split("+") for e in facts.earlier.get(name, ())]
        earlier = earlier_for(entries, NEAR_MAXIMUM)
        name = safe_text(f"{organ if organs.count(organ) == 1 else roi}, a/b {ratio:g}")
        if earlier.missing:
            name += ", not all earlier dose"
        readings = [("", total.eqd2(ratio, kind=kind, earlier=earlier.doses))]
        readings += [(p.label, total.eqd2_of_plan(i, ratio)) for i, p in enumerate(total.plans)]
        for plan, reading in readings:
            dvh = total.dvh(found[1], reading)
            out.append(cumulative_curve(dvh, roi=name, organ=organ, plan=plan, role=Role.ORGAN))
        if earlier.doses:
            gy = sum(
                float(eqd2(total_dose_gy=e.dose_gy, n_fractions=e.n_fractions, alpha_beta_gy=ratio))
                for e in earlier.doses
            )
            whole = found[1].volumes_cm3["nominal"].sum() + found[1].outside_cm3
            out.append(
                Curve(name, organ, EARLIER, Role.ORGAN, (0.0, gy, gy), (100.0, 100.0, 0.0), volume_cm3=float(whole))
            )
    return tuple(curve for curve in out if curve is not None)


def _nearest_to_a_limit(rows: Sequence[SummedOrgan]) -> tuple[tuple[str, str], ...]:
    """Organ and ROI of the rows, the worst verdict first, then the largest share of the limit."""

    def key(row: SummedOrgan) -> tuple[int, float]:
        used = row.value / row.limit if row.value is not None and row.limit else 0.0
        return _ORDER.index(row.verdict), -used

    ordered = sorted(rows, key=key)
    return tuple(dict.fromkeys((row.organ, row.roi) for row in ordered))[:MAX_ORGANS]
