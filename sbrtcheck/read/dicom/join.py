"""Objects to plans: each plan with the structure set and the dose that name it by UID."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sbrtcheck.errors import Problem
from sbrtcheck.model import Plan, PlanData, StoredDvh, StructureSet
from sbrtcheck.read.dicom.objects import RtObject
from sbrtcheck.read.dicom.plan_doses import Doses, OwnDose, doses_by_plan, own_dose
from sbrtcheck.read.dicom.reading import (
    Kinds,
    Reading,
    missing_kinds,
    old_uids,
    referenced,
    same_patient,
    set_aside_verification,
)
from sbrtcheck.read.dicom.rtplan import fraction_group_numbers, read_rtplan
from sbrtcheck.read.dicom.rtstruct import read_rtstruct, roi_frames
from sbrtcheck.read.dicom.stored_dvh import read_stored_dvhs

_FRAME = "(0020,0052) FrameOfReferenceUID"


def join(objects: Sequence[RtObject], reading: Reading) -> None:
    """Choose what is judged, read it, and put together what belongs together."""
    set_aside_verification(objects)
    kinds = Kinds.of(objects)
    if not reading.refusals:
        missing_kinds(reading, plans=kinds.plans, structures=list(kinds.structure_sets.values()), doses=kinds.doses)
    same_patient(kinds.all, reading)
    old_uids(kinds, reading)
    _Joining(kinds, reading).run()
    reading.refusals[:] = dict.fromkeys(reading.refusals)
    reading.problems[:] = dict.fromkeys(reading.problems)


@dataclass(slots=True)
class _Joining:
    """One joining; each structure set is read once for each frame of reference that a dose has."""

    kinds: Kinds
    reading: Reading
    sets_read: dict[tuple[str, str], StructureSet | None] = field(default_factory=dict)

    def run(self) -> None:
        doses_of = doses_by_plan(self.kinds.plans, self.kinds.doses, self.reading)
        pairs = [(o, read_rtplan(o.view, fraction_group=self.reading.wish.fraction_group)) for o in self.kinds.plans]
        has_dose = {o.uid: bool(doses_of[o.uid].plan or doses_of[o.uid].beams) for o in self.kinds.plans}
        for o, plan in pairs:
            structures = self._structures_of(o)
            if any(p.code == "E-FRACTION-GROUPS" for p in o.view.found):
                self._not_judged(o, doses_of[o.uid])
            elif has_dose[o.uid]:
                self._with_dose(o, plan, structures, doses_of[o.uid])
            else:
                self._without_dose(o, plan, beside_others=any(has_dose.values()))
        self._structure_sets_left()

    def _structures_of(self, o: RtObject) -> RtObject | None:
        uid = next(iter(referenced(o, "ReferencedStructureSetSequence")), "")
        structures = self.kinds.structure_sets.get(uid)
        if structures is None and uid and self.kinds.structure_sets:
            self.reading.refuse("E-SS-REF", o.name, "(300C,0060) ReferencedStructureSetSequence", uid)
        return structures

    def _not_judged(self, o: RtObject, doses: Doses) -> None:
        """A plan of several fraction groups: named, and the others are judged; nothing is summed in silence."""
        o.note = "several fraction groups: not judged"
        self.reading.problems.extend(o.view.found)
        for dose in (*doses.plan, *doses.beams):
            dose.note = "dose of a plan with several fraction groups: not judged"

    def _without_dose(self, o: RtObject, plan: Plan | None, *, beside_others: bool) -> None:
        if beside_others and plan is not None:
            o.note = "no dose of this plan was found"
            self.reading.problems.append(Problem("E-NO-DOSE", o.name, seen=plan.label))
        self.reading.refusals.extend(p for p in o.view.found if p.is_error)

    def _with_dose(self, o: RtObject, plan: Plan | None, structures: RtObject | None, doses: Doses) -> None:
        chosen = self.reading.wish.fraction_group
        n_groups = len(fraction_group_numbers(o.view))
        if plan is not None and chosen is not None and n_groups > 1 and not _of_one_group(doses, chosen):
            seen = f"group {chosen} of {n_groups}; no dose of it alone"
            o.view.note("E-FRACTION-GROUPS", "FractionGroupSequence", seen)
            self._not_judged(o, doses)
            return
        data = self._plan_data(o, plan, structures, doses)
        if data is not None:
            self.reading.plans.append(data)
        else:
            self.reading.problems.extend(p for p in o.view.found if not p.is_error)

    def _plan_data(self, o: RtObject, plan: Plan | None, structures: RtObject | None, doses: Doses) -> PlanData | None:
        """One plan with its dose and structures; None after a refusal."""
        dose = own_dose(o, plan, doses, self.reading)
        structure_set = None if structures is None else self._structure_set(structures, dose.first)
        self._same_frame_and_group(o, plan, dose.first)
        members = [o, *dose.members] if structures is None else [o, structures, *dose.members]
        if len({member.view.code("StudyInstanceUID") for member in members}) > 1:
            names = ", ".join(m.name for m in members)
            self.reading.problems.append(Problem("W-STUDY", names, tag="(0020,000D) StudyInstanceUID"))
        stored = self._stored_dvhs(dose, structures)
        for member in members:
            self.reading.refusals.extend(p for p in member.view.found if p.is_error)
            if member is not o:
                self.reading.problems.extend(p for p in member.view.found if not p.is_error)
        if plan is None or dose.grid is None or structure_set is None:
            return None
        for member in members:
            member.used = True
        return PlanData(
            plan=plan,
            structures=structure_set,
            dose=dose.grid,
            stored_dvhs=stored,
            files=tuple(member.name for member in members),
            lines=dose.lines,
        )

    def _structure_set(self, structures: RtObject, dose: RtObject) -> StructureSet | None:
        frame = dose.view.code("FrameOfReferenceUID")
        key = (structures.uid, frame)
        if key not in self.sets_read:
            self.sets_read[key] = read_rtstruct(structures.view, frame_of_reference_uid=frame)
        frames = roi_frames(structures.view)
        if frames and frame and frame not in frames:
            self.reading.refuse("E-FOR", dose.name, _FRAME, f"{frame}; {structures.name}: other")
        return self.sets_read[key]

    def _same_frame_and_group(self, o: RtObject, plan: Plan | None, dose: RtObject) -> None:
        """Plan and dose in one frame of reference; a fraction group that the dose names is one that the plan has."""
        frame = dose.view.code("FrameOfReferenceUID")
        if plan is not None and plan.frame_of_reference_uid and frame and plan.frame_of_reference_uid != frame:
            self.reading.refuse("E-FOR", o.name, _FRAME, plan.frame_of_reference_uid)
        groups = fraction_group_numbers(o.view)
        for number in _groups_of_dose(dose):
            if groups and number not in groups:
                tag = "(300C,0022) ReferencedFractionGroupNumber"
                self.reading.refuse("E-PLAN-REF", dose.name, tag, str(number))

    def _stored_dvhs(self, dose: OwnDose, structures: RtObject | None) -> tuple[StoredDvh, ...]:
        if dose.grid is None or structures is None or len(dose.members) > 1:
            return ()
        return read_stored_dvhs(dose.first.view, structure_set_uid=structures.uid)

    def _structure_sets_left(self) -> None:
        in_use = [data.structures for data in self.reading.plans]
        for structure_set in self.sets_read.values():
            if structure_set is not None and structure_set not in in_use:
                self.reading.problems.extend(problem for roi in structure_set.rois for problem in roi.problems)
        for o in self.kinds.structure_sets.values():
            if not self.kinds.plans:
                read_rtstruct(o.view, frame_of_reference_uid="")
                self.reading.refusals.extend(p for p in o.view.found if p.is_error)
            elif not o.used:
                o.note = "not the structure set of a plan here: left alone"


def _groups_of_dose(dose: RtObject) -> list[int]:
    numbers = [
        item.integer("ReferencedFractionGroupNumber")
        for item in dose.view.at("ReferencedRTPlanSequence/ReferencedFractionGroupSequence")
    ]
    return [number for number in numbers if number is not None]


def _of_one_group(doses: Doses, number: int) -> bool:
    """Keep the doses of one fraction group of several; False if a PLAN dose does not say that it is of this one.

    The beam numbers of a BEAM dose say which group it is of.
    """
    if doses.plan:
        return all(_groups_of_dose(dose) == [number] for dose in doses.plan)
    for dose in list(doses.beams):
        if _groups_of_dose(dose) != [number]:
            dose.note = "BEAM dose of another fraction group: left alone"
            doses.beams.remove(dose)
    return bool(doses.beams)
