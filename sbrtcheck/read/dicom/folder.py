"""A folder of files to a study: each plan with the structure set and the dose that name it by UID."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sbrtcheck.errors import Problem, RefusedError
from sbrtcheck.model import DoseGrid, InputFile, Patient, Plan, PlanData, Registration, StoredDvh, StructureSet, Study
from sbrtcheck.read.dicom.files import SPATIAL_REGISTRATION, gather
from sbrtcheck.read.dicom.objects import RtObject, decode_all, quiet
from sbrtcheck.read.dicom.registration import read_registrations
from sbrtcheck.read.dicom.rtdose import read_rtdose
from sbrtcheck.read.dicom.rtplan import fraction_group_numbers, read_rtplan
from sbrtcheck.read.dicom.rtstruct import read_rtstruct, roi_frames
from sbrtcheck.read.dicom.stored_dvh import read_stored_dvhs

_NOT_FOR_TREATMENT = frozenset({"VERIFICATION", "MACHINE_QA", "SERVICE", "RESEARCH"})


@dataclass(slots=True)
class _Reading:
    """What is known so far. ``refusals`` end the reading; ``problems`` ride along with the study."""

    refusals: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    inputs: list[InputFile] = field(default_factory=list)
    plans: list[PlanData] = field(default_factory=list)
    patient: Patient = field(default_factory=Patient)
    registrations: list[Registration] = field(default_factory=list)

    def refuse(self, code: str, object_: str, tag: str = "", seen: str = "", detail: str = "") -> None:
        self.refusals.append(Problem(code, object_, tag=tag, seen=seen, detail=detail))


def read_folder(paths: str | Path | Sequence[str | Path], *, need_plan: bool = True) -> Study:
    """Read plans with their structures and doses from a folder, a list of files or a zip archive.

    Objects are told apart by SOP Class and joined by UID. Images, BEAM doses beside a PLAN dose, verification plans
    beside a treatment plan and files that are not DICOM are listed in ``Study.inputs`` and left alone. What is wrong
    with one ROI stands in that ROI's ``problems``. A plan without dose beside plans with dose is left out, and
    E-NO-DOSE in ``Study.problems`` says so: the folder cannot be judged as a whole.

    Args:
        paths: a folder, a file, a zip archive, or several of these.
        need_plan: False also takes a PLAN dose and a structure set of one frame of reference without any RT Plan, for
            doses without verdicts; the plan of such a study has no fractions and no prescription.

    Raises:
        RefusedError: nothing here can be trusted, or a plan, its structures or its dose are missing; the exception
            carries every reason found.
    """
    reading = _read(paths, need_plan=need_plan)
    if reading.refusals:
        raise RefusedError(*reading.refusals)
    return Study(
        plans=tuple(reading.plans),
        patient=reading.patient,
        inputs=tuple(reading.inputs),
        problems=tuple(reading.problems),
        registrations=tuple(reading.registrations),
    )


def validate(paths: str | Path | Sequence[str | Path], *, refusals_only: bool = False) -> tuple[Problem, ...]:
    """Every error and warning that reading finds, refusals first, then the study's, the plans' and the ROIs'.

    An error of one ROI (E-NO-CONTOURS, ...) or of a plan without dose does not refuse the folder.

    Args:
        paths: as for :func:`read_folder`.
        refusals_only: only what :func:`read_folder` would refuse with; empty if it would not.
    """
    try:
        reading = _read(paths)
    except RefusedError as error:
        return error.problems
    if refusals_only:
        return tuple(reading.refusals)
    found = [*reading.refusals, *reading.problems]
    for data in reading.plans:
        found.extend(data.plan.problems)
        found.extend(problem for roi in data.structures.rois for problem in roi.problems)
    return tuple(dict.fromkeys(found))


def _read(paths: str | Path | Sequence[str | Path], *, need_plan: bool = True) -> _Reading:
    reading = _Reading()
    with quiet():
        found = gather(paths)
        reading.refusals.extend(found.problems)
        aside = [b for b in found.blobs if b.sop_class_uid == SPATIAL_REGISTRATION]
        found.blobs[:] = [b for b in found.blobs if b.sop_class_uid != SPATIAL_REGISTRATION]
        objects = decode_all(found.blobs, reading.refusals)
        if need_plan or any(o.kind == "RTPLAN" for o in objects):
            _join(objects, reading)
        else:
            _join_without_plan(objects, reading)
        reading.registrations, others = read_registrations(aside, patient_id=reading.patient.patient_id)
    reading.inputs = [*(o.as_input() for o in objects), *others, *found.left_alone]
    return reading


def _join(objects: list[RtObject], reading: _Reading) -> None:
    """Choose what is judged, read it, and put together what belongs together."""
    _set_aside_verification(objects)
    objects = [o for o in objects if not o.set_aside]
    plans = [o for o in objects if o.kind == "RTPLAN"]
    structure_sets = {o.uid: o for o in objects if o.kind == "RTSTRUCT"}
    doses = [o for o in objects if o.kind == "RTDOSE"]
    if not reading.refusals:
        _missing_kinds(plans, structure_sets, doses, reading)
    _same_patient([*plans, *structure_sets.values(), *doses], reading)
    for o in (*plans, *structure_sets.values(), *doses):
        reading.patient = reading.patient if reading.patient.patient_id else _patient(o)
    doses_of = _choose_doses(plans, doses, reading)
    pairs = [(o, read_rtplan(o.view)) for o in plans]
    with_dose = [o.uid for o in plans if doses_of[o.uid]]
    sets_read: dict[tuple[str, str], StructureSet | None] = {}
    for o, plan in pairs:
        structure_uid = next(iter(_referenced(o, "ReferencedStructureSetSequence")), "")
        structures = structure_sets.get(structure_uid)
        if structures is None and structure_uid and structure_sets:
            reading.refuse("E-SS-REF", o.name, "(300C,0060) ReferencedStructureSetSequence", structure_uid)
        if not doses_of[o.uid]:
            if with_dose and plan is not None:
                o.note = "no dose of this plan was found"
                reading.problems.append(Problem("E-NO-DOSE", o.name, seen=plan.label))
            reading.refusals.extend(p for p in o.view.found if p.is_error)
            continue
        data = _plan_data(o, plan, structures, doses_of[o.uid], sets_read, reading)
        if data is not None:
            reading.plans.append(data)
        else:
            reading.problems.extend(p for p in o.view.found if not p.is_error)
    in_use = [data.structures for data in reading.plans]
    for structure_set in sets_read.values():
        if structure_set is not None and structure_set not in in_use:
            reading.problems.extend(problem for roi in structure_set.rois for problem in roi.problems)
    for o in structure_sets.values():
        if not plans:
            read_rtstruct(o.view, frame_of_reference_uid="")
            reading.refusals.extend(p for p in o.view.found if p.is_error)
        elif not o.used:
            o.note = "not the structure set of a plan here: left alone"
    reading.refusals[:] = dict.fromkeys(reading.refusals)
    reading.problems[:] = dict.fromkeys(reading.problems)


def _join_without_plan(objects: list[RtObject], reading: _Reading) -> None:
    """Each PLAN dose with the structure set of its frame of reference, where no plan is there at all."""
    structure_sets = [o for o in objects if o.kind == "RTSTRUCT"]
    doses = [o for o in objects if o.kind == "RTDOSE"]
    if not reading.refusals:
        _missing_kinds(structure_sets, {o.uid: o for o in structure_sets}, doses, reading)
    _same_patient([*structure_sets, *doses], reading)
    for dose in doses:
        grid = read_rtdose(dose.view)
        frame = dose.view.code("FrameOfReferenceUID")
        fitting = [o for o in structure_sets if frame in roi_frames(o.view)]
        structures = read_rtstruct(fitting[0].view, frame_of_reference_uid=frame) if len(fitting) == 1 else None
        if len(fitting) != 1 and structure_sets:
            seen = f"{len(fitting)} structure sets share its frame of reference"
            reading.refuse("E-FOR", dose.name, "(0020,0052) FrameOfReferenceUID", seen)
        members = [dose, *fitting[:1]]
        for member in members:
            reading.refusals.extend(p for p in member.view.found if p.is_error)
        if grid is None or structures is None:
            continue
        for member in members:
            member.used = True
        stored = read_stored_dvhs(dose.view, structure_set_uid=structures.sop_instance_uid)
        names = tuple(member.name for member in members)
        plan = Plan(label="no plan", n_fractions=None)
        reading.plans.append(PlanData(plan=plan, structures=structures, dose=grid, stored_dvhs=stored, files=names))
    reading.refusals[:] = dict.fromkeys(reading.refusals)


def _set_aside_verification(objects: list[RtObject]) -> None:
    """Leave verification plans alone, with their doses and structure sets, where a treatment plan is there too."""
    plans = [o for o in objects if o.kind == "RTPLAN" and not o.set_aside]
    side = [o for o in plans if o.view.code("PlanIntent") in _NOT_FOR_TREATMENT]
    if len(side) == len(plans):
        return
    side_uids = {o.uid for o in side}
    needed = {uid for o in plans if o not in side for uid in _referenced(o, "ReferencedStructureSetSequence")}
    side_sets = {uid for o in side for uid in _referenced(o, "ReferencedStructureSetSequence")} - needed
    for o in objects:
        if o.set_aside:
            continue
        if o in side:
            o.note = f"plan intent {o.view.code('PlanIntent')}: left alone"
        elif o.kind == "RTDOSE" and side_uids & set(_referenced(o, "ReferencedRTPlanSequence")):
            o.note = "dose of a plan that is not for treatment: left alone"
        elif o.kind == "RTSTRUCT" and o.uid in side_sets:
            o.note = "structures of a plan that is not for treatment: left alone"


def _missing_kinds(
    plans: list[RtObject], structure_sets: dict[str, RtObject], doses: list[RtObject], reading: _Reading
) -> None:
    if not plans and not structure_sets and not doses:
        reading.refuse("E-NO-DICOM", "input")
        return
    for objects, code in ((plans, "E-NO-PLAN"), (structure_sets, "E-NO-STRUCTURES"), (doses, "E-NO-DOSE")):
        if not objects:
            reading.refuse(code, "input")


def _patient(o: RtObject) -> Patient:
    view = o.view
    return Patient(
        patient_id=view.text("PatientID"),
        name=view.text("PatientName"),
        birth_date=view.text("PatientBirthDate"),
        sex=view.code("PatientSex"),
    )


def _same_patient(objects: list[RtObject], reading: _Reading) -> None:
    """One Patient ID; names, birth dates and sexes that differ are a warning, which judging leaves open.

    Case, accents, carets and blanks of a name make no difference, nor does what an object does not state. No message
    holds any of them.
    """
    people = [(o, _patient(o)) for o in objects]
    if len({person.patient_id for _, person in people}) > 1:
        first = people[0][1].patient_id
        others = ", ".join(o.name for o, person in people if person.patient_id != first)
        reading.refuse("E-PATIENT", others, "(0010,0020) PatientID", f"differs from that of {people[0][0].name}")
    for tag, values in (
        ("(0010,0010) PatientName", {_folded(p.name) for _, p in people}),
        ("(0010,0030) PatientBirthDate", {p.birth_date.strip() for _, p in people}),
        ("(0010,0040) PatientSex", {p.sex for _, p in people}),
    ):
        if len(values - {""}) > 1:
            reading.problems.append(Problem("W-PATIENT-NAME", ", ".join(o.name for o in objects), tag=tag))


def _folded(name: str) -> str:
    """A name without what planning systems write in different ways: case, accents, carets and blanks."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c) and not c.isspace() and c != "^")


def _referenced(o: RtObject, keyword: str) -> list[str]:
    """The SOP Instance UIDs that the items of a sequence refer to."""
    return [item.code("ReferencedSOPInstanceUID") for item in o.view.items(keyword)]


def _choose_doses(plans: list[RtObject], doses: list[RtObject], reading: _Reading) -> dict[str, list[RtObject]]:
    """The doses to read for each plan, by the plan's UID.

    A dose of another summation type is left alone beside a PLAN dose, and a dose of a plan that is not here where
    every plan has a dose of its own; otherwise it is read, so that its refusal says what is wrong.
    """
    chosen: dict[str, list[RtObject]] = {o.uid: [] for o in plans}
    rest = []
    for dose in doses:
        uids = _referenced(dose, "ReferencedRTPlanSequence")
        if dose.view.code("DoseSummationType") == "PLAN" and len(uids) == 1 and uids[0] in chosen:
            chosen[uids[0]].append(dose)
        else:
            rest.append(dose)
    complete = bool(plans) and all(chosen.values())
    for dose in rest:
        uids, summation = _referenced(dose, "ReferencedRTPlanSequence"), dose.view.code("DoseSummationType")
        if summation not in {"PLAN", ""} and any(chosen.values()):
            dose.note = f"dose summation type {summation} beside a PLAN dose: left alone"
        elif complete and summation == "PLAN" and len(uids) == 1:
            dose.note = "dose of a plan that is not here: left alone"
        else:
            _refuse_dose(dose, plans, reading)
    return chosen


def _refuse_dose(dose: RtObject, plans: list[RtObject], reading: _Reading) -> None:
    """Say everything that is wrong with a dose that no plan can use."""
    read_rtdose(dose.view)
    known = {o.uid for o in plans}
    for uid in _referenced(dose, "ReferencedRTPlanSequence"):
        if uid not in known and plans:
            reading.refuse("E-PLAN-REF", dose.name, "(300C,0002) ReferencedRTPlanSequence", uid)
    reading.refusals.extend(p for p in dose.view.found if p.is_error)


def _plan_data(
    o: RtObject,
    plan: Plan | None,
    structures: RtObject | None,
    doses: list[RtObject],
    sets_read: dict[tuple[str, str], StructureSet | None],
    reading: _Reading,
) -> PlanData | None:
    """One plan with its dose and structures; None after a refusal."""
    dose, grid = _one_dose(doses, reading)
    frame = dose.view.code("FrameOfReferenceUID")
    structure_set = None
    if structures is not None:
        key = (structures.uid, frame)
        if key not in sets_read:
            sets_read[key] = read_rtstruct(structures.view, frame_of_reference_uid=frame)
        structure_set = sets_read[key]
        frames = roi_frames(structures.view)
        if frames and frame and frame not in frames:
            reading.refuse("E-FOR", dose.name, "(0020,0052) FrameOfReferenceUID", f"{frame}; {structures.name}: other")
    if plan is not None and plan.frame_of_reference_uid and frame and plan.frame_of_reference_uid != frame:
        reading.refuse("E-FOR", o.name, "(0020,0052) FrameOfReferenceUID", plan.frame_of_reference_uid)
    _same_fraction_group(o, dose, reading)
    members = [o, dose] if structures is None else [o, structures, dose]
    if len({member.view.code("StudyInstanceUID") for member in members}) > 1:
        reading.problems.append(
            Problem("W-STUDY", ", ".join(m.name for m in members), tag="(0020,000D) StudyInstanceUID")
        )
    stored: tuple[StoredDvh, ...] = ()
    if grid is not None and structures is not None:
        stored = read_stored_dvhs(dose.view, structure_set_uid=structures.uid)
    for member in members:
        reading.refusals.extend(p for p in member.view.found if p.is_error)
        if member is not o:
            reading.problems.extend(p for p in member.view.found if not p.is_error)
    if plan is None or grid is None or structure_set is None:
        return None
    for member in members:
        member.used = True
    return PlanData(
        plan=plan,
        structures=structure_set,
        dose=grid,
        stored_dvhs=stored,
        files=tuple(member.name for member in members),
    )


def _one_dose(doses: list[RtObject], reading: _Reading) -> tuple[RtObject, DoseGrid | None]:
    """The PLAN dose of a plan; two are accepted only if they are the same dose."""
    grids = [(dose, read_rtdose(dose.view)) for dose in doses]
    first, grid = grids[0]
    for other, second in grids[1:]:
        reading.refusals.extend(p for p in other.view.found if p.is_error)
        if grid is None or second is None:
            continue
        same = (
            grid.dose_gy.shape == second.dose_gy.shape
            and np.array_equal(grid.affine, second.affine)
            and np.array_equal(grid.dose_gy, second.dose_gy)
        )
        if same:
            other.note = f"the same dose as {first.name}: left alone"
        else:
            names = f"{first.name} and {other.name}"
            reading.refuse("E-AMBIGUOUS-DOSE", other.name, "(3004,000A) DoseSummationType", names)
    return first, grid


def _same_fraction_group(o: RtObject, dose: RtObject, reading: _Reading) -> None:
    """A dose that names a fraction group must name one that the plan has."""
    groups = fraction_group_numbers(o.view)
    for item in dose.view.at("ReferencedRTPlanSequence/ReferencedFractionGroupSequence"):
        number = item.integer("ReferencedFractionGroupNumber")
        if number is not None and groups and number not in groups:
            reading.refuse("E-PLAN-REF", dose.name, "(300C,0022) ReferencedFractionGroupNumber", str(number))
