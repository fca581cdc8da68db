"""Which dose is a plan's own: one PLAN dose, or the sum of BEAM doses that hold every treatment beam once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from sbrtcheck.model import DoseGrid, Plan
from sbrtcheck.read.dicom.objects import RtObject
from sbrtcheck.read.dicom.reading import Reading, plans_of_dose
from sbrtcheck.read.dicom.rtdose import read_rtdose

_SUMMATION = "(3004,000A) DoseSummationType"


@dataclass(slots=True)
class Doses:
    """The doses that name one plan: of summation type PLAN, and of single beams."""

    plan: list[RtObject] = field(default_factory=list)
    beams: list[RtObject] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class OwnDose:
    """The dose of a plan: the object that stands for it, the grid (None after a refusal), what must be said of it."""

    first: RtObject
    grid: DoseGrid | None
    members: tuple[RtObject, ...]
    lines: tuple[str, ...] = ()


def doses_by_plan(plans: list[RtObject], doses: list[RtObject], reading: Reading) -> dict[str, Doses]:
    """The doses to read for each plan, by the plan's UID.

    A dose of another summation type is left alone beside a PLAN dose, and a dose of a plan that is not here where
    every plan has a dose of its own; otherwise it is read, so that its refusal says what is wrong.
    """
    chosen: dict[str, Doses] = {o.uid: Doses() for o in plans}
    rest = [dose for dose in doses if not _assigned(dose, chosen)]
    any_plan_dose = any(found.plan for found in chosen.values())
    sums = reading.wish.sum_beams or not reading.wish.verdict
    for found in chosen.values():
        if found.plan or (any_plan_dose and not sums):
            for dose in found.beams:
                dose.note = "dose summation type BEAM beside a PLAN dose: left alone"
            found.beams.clear()
    complete = bool(plans) and all(found.plan for found in chosen.values())
    for dose in rest:
        summation = dose.view.code("DoseSummationType")
        if summation not in {"PLAN", ""} and any_plan_dose:
            dose.note = f"dose summation type {summation} beside a PLAN dose: left alone"
        elif complete and summation == "PLAN" and len(plans_of_dose(dose)) == 1:
            dose.note = "dose of a plan that is not here: left alone"
        else:
            _refuse_dose(dose, plans, reading)
    return chosen


def _assigned(dose: RtObject, chosen: dict[str, Doses]) -> bool:
    """Put a PLAN or BEAM dose of one plan to that plan; False if it is another dose, or of another plan."""
    uids = plans_of_dose(dose)
    if len(uids) != 1 or uids[0] not in chosen:
        return False
    match dose.view.code("DoseSummationType"):
        case "PLAN":
            chosen[uids[0]].plan.append(dose)
        case "BEAM":
            chosen[uids[0]].beams.append(dose)
        case _:
            return False
    return True


def _refuse_dose(dose: RtObject, plans: list[RtObject], reading: Reading) -> None:
    """Say everything that is wrong with a dose that no plan can use."""
    read_rtdose(dose.view)
    known = {o.uid for o in plans}
    for uid in plans_of_dose(dose):
        if uid not in known and plans:
            reading.refuse("E-PLAN-REF", dose.name, "(300C,0002) ReferencedRTPlanSequence", uid)
    reading.refusals.extend(p for p in dose.view.found if p.is_error)


def own_dose(o: RtObject, plan: Plan | None, doses: Doses, reading: Reading) -> OwnDose:
    """The dose of a plan, from what names it."""
    if doses.plan:
        return _one_plan_dose(doses.plan, reading)
    if plan is not None and (reading.wish.sum_beams or not reading.wish.verdict):
        return _sum_of_beams(o, plan, doses.beams, reading)
    covered = plan is not None and not _why_not_once(plan, doses.beams)
    remedy = "Its BEAM doses hold every treatment beam once: add them with --sum-beams" if covered else ""
    for dose in doses.beams:
        read_rtdose(dose.view)
        dose.view.found[:] = [
            replace(p, remedy=remedy) if p.code == "E-SUMMATION" and remedy else p for p in dose.view.found
        ]
        reading.refusals.extend(p for p in dose.view.found if p.is_error)
    return OwnDose(doses.beams[0], None, tuple(doses.beams))


def _one_plan_dose(doses: list[RtObject], reading: Reading) -> OwnDose:
    """The PLAN dose of a plan; two are accepted only if they are the same dose."""
    first = doses[0]
    if len(doses) > 1 and all(dose.view.code("NumberOfFrames") in {"", "1"} for dose in doses):
        reading.refuse("E-NO-GRID", first.name, "(0028,0008) NumberOfFrames", f"one dose split over {len(doses)} files")
        return OwnDose(first, None, (first,))
    grids = [(dose, read_rtdose(dose.view, of_plan=reading.wish.verdict)) for dose in doses]
    grid = grids[0][1]
    for other, second in grids[1:]:
        reading.refusals.extend(p for p in other.view.found if p.is_error)
        if grid is None or second is None:
            continue
        if _same_grid(grid, second) and np.array_equal(grid.dose_gy, second.dose_gy):
            other.note = f"the same dose as {first.name}: left alone"
        else:
            reading.refuse("E-AMBIGUOUS-DOSE", other.name, _SUMMATION, f"{first.name} and {other.name}")
    return OwnDose(first, grid, (first,))


def _same_grid(one: DoseGrid, other: DoseGrid) -> bool:
    return (
        one.dose_gy.shape == other.dose_gy.shape
        and one.frame_of_reference_uid == other.frame_of_reference_uid
        and np.array_equal(one.affine, other.affine)
    )


def _sum_of_beams(o: RtObject, plan: Plan, doses: list[RtObject], reading: Reading) -> OwnDose:
    """BEAM doses added: same grid, each treatment beam once, number of fractions known; else refused."""
    members = tuple(doses)
    why = _why_not_once(plan, doses)
    if not why and plan.n_fractions is None and reading.wish.verdict:
        why = "the number of fractions is not known"
    if why:
        reading.refuse("E-SUMMATION", o.name, _SUMMATION, why, "BEAM doses that cannot be added")
        return OwnDose(doses[0], None, members)
    total: DoseGrid | None = None
    for dose in doses:
        grid = read_rtdose(dose.view, summation="BEAM")
        reading.refusals.extend(p for p in dose.view.found if p.is_error)
        if grid is None:
            return OwnDose(doses[0], None, members)
        if total is not None and not _same_grid(total, grid):
            reading.refuse("E-SUMMATION", dose.name, _SUMMATION, f"the grid differs from that of {doses[0].name}")
            return OwnDose(doses[0], None, members)
        total = grid if total is None else replace(total, dose_gy=total.dose_gy + grid.dose_gy)
    beams = ", ".join(map(str, plan.treatment_beams))
    line = f"The dose is the sum of {len(doses)} BEAM doses, beams {beams}: the planning system exported no PLAN dose."
    return OwnDose(doses[0], total, members, (line,))


def _why_not_once(plan: Plan, doses: list[RtObject]) -> str:
    """Why these BEAM doses are not each treatment beam of the plan exactly once; "" if they are."""
    seen: list[int] = []
    for dose in doses:
        numbers = [
            item.integer("ReferencedBeamNumber")
            for item in dose.view.at("ReferencedRTPlanSequence/ReferencedFractionGroupSequence/ReferencedBeamSequence")
        ]
        if not numbers or None in numbers:
            return f"{dose.name} names no beam"
        seen += [n for n in numbers if n is not None]
    twice = sorted({n for n in seen if seen.count(n) > 1})
    if twice:
        return f"beam {', '.join(map(str, twice))} more than once"
    missing = sorted(set(plan.treatment_beams) - set(seen))
    if missing:
        return f"no dose of beam {', '.join(map(str, missing))}"
    other = sorted(set(seen) - set(plan.treatment_beams))
    return f"beam {', '.join(map(str, other))} is no treatment beam of the plan" if other else ""
