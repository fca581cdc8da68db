"""What commands without a verdict read: doses with the structures that share their frame of reference, or names alone.

A plan adds its number of fractions and its prescription where it can be read; nothing else here rests on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.model import Plan, PlanData, StructureSet
from sbrtcheck.read.dicom.objects import RtObject
from sbrtcheck.read.dicom.plan_doses import Doses, own_dose
from sbrtcheck.read.dicom.reading import (
    Kinds,
    Reading,
    missing_kinds,
    old_uids,
    plans_of_dose,
    referenced,
    same_patient,
    set_aside_verification,
)
from sbrtcheck.read.dicom.rtdose import read_rtdose
from sbrtcheck.read.dicom.rtplan import read_rtplan
from sbrtcheck.read.dicom.rtstruct import read_rtstruct, roi_frames
from sbrtcheck.read.dicom.stored_dvh import read_stored_dvhs


def join_without_verdict(objects: Sequence[RtObject], reading: Reading) -> None:
    """Each PLAN dose with its structure set; where there is none, the sum of BEAM doses that hold every beam once."""
    set_aside_verification(objects)
    kinds = Kinds.of(objects)
    if not reading.refusals:
        missing_kinds(reading, structures=list(kinds.structure_sets.values()), doses=kinds.doses)
    same_patient(kinds.all, reading)
    old_uids(kinds, reading)
    plans = {o.uid: o for o in kinds.plans}
    whole = [dose for dose in kinds.doses if dose.view.code("DoseSummationType") == "PLAN"]
    for dose in whole:
        uids = plans_of_dose(dose)
        _add(Doses(plan=[dose]), plans.get(uids[0]) if len(uids) == 1 else None, kinds, reading)
    rest = [dose for dose in kinds.doses if dose not in whole]
    for o in kinds.plans if not whole else []:
        beams = [d for d in rest if plans_of_dose(d) == [o.uid] and d.view.code("DoseSummationType") == "BEAM"]
        rest = [dose for dose in rest if dose not in beams]
        if beams:
            _add(Doses(beams=beams), o, kinds, reading)
    for dose in rest:
        if whole:
            dose.note = f"dose summation type {dose.view.code('DoseSummationType')} beside a PLAN dose: left alone"
        else:
            read_rtdose(dose.view, of_plan=False)
            reading.take(dose)
    reading.refusals[:] = dict.fromkeys(reading.refusals)
    reading.problems[:] = dict.fromkeys(reading.problems)


def _add(doses: Doses, o: RtObject | None, kinds: Kinds, reading: Reading) -> None:
    """One dose with its structures; errors of the plan cost its prescription, those of the others the reading."""
    plan = None if o is None else read_rtplan(o.view)
    if o is None or plan is None:
        label = "no plan" if o is None else o.view.text("RTPlanLabel") or "plan"
        plan = Plan(label=label, n_fractions=None)
    own = own_dose(o or doses.plan[0], plan, doses, reading)
    structures = _structures_of(own.first, o, kinds, reading)
    frame = own.first.view.code("FrameOfReferenceUID")
    structure_set = None if structures is None else read_rtstruct(structures.view, frame_of_reference_uid=frame)
    members = [*own.members, *([structures] if structures is not None else [])]
    for member in members:
        reading.take(member)
    if own.grid is None or structures is None or structure_set is None:
        return
    for member in [*members, *([o] if o is not None else [])]:
        member.used = True
    stored = read_stored_dvhs(own.first.view, structure_set_uid=structures.uid) if doses.plan else ()
    names = tuple(member.name for member in members)
    reading.plans.append(PlanData(plan, structure_set, own.grid, stored, names, own.lines))


def _structures_of(dose: RtObject, o: RtObject | None, kinds: Kinds, reading: Reading) -> RtObject | None:
    """The structure set that the plan or the dose names, else the only one of the dose's frame of reference."""
    frame = dose.view.code("FrameOfReferenceUID")
    named = [uid for x in (o, dose) if x is not None for uid in referenced(x, "ReferencedStructureSetSequence")]
    known = [kinds.structure_sets[uid] for uid in named if uid in kinds.structure_sets]
    fitting = [s for s in kinds.structure_sets.values() if frame in roi_frames(s.view)]
    for structures in known:
        if structures in fitting:
            return structures
    if len(fitting) == 1:
        return fitting[0]
    if kinds.structure_sets:
        seen = f"{len(fitting)} structure sets share its frame of reference"
        reading.refuse("E-FOR", dose.name, "(0020,0052) FrameOfReferenceUID", seen)
    return None


def structure_sets_of(objects: Sequence[RtObject], reading: Reading) -> list[StructureSet]:
    """Every structure set that is not of a verification plan, for its names alone."""
    set_aside_verification(objects)
    found = [o for o in objects if o.kind == "RTSTRUCT" and not o.set_aside]
    if not found:
        missing_kinds(reading, structures=[])
    out = []
    for o in found:
        read = read_rtstruct(o.view, frame_of_reference_uid="")
        reading.take(o)
        if read is not None:
            out.append(read)
    return out
