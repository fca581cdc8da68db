"""What is known while a folder is read, and what is asked of its objects together, whatever is wanted of them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sbrtcheck.errors import Problem
from sbrtcheck.model import InputFile, Patient, PlanData, Registration
from sbrtcheck.read.dicom.objects import RtObject

_NOT_FOR_TREATMENT = frozenset({"VERIFICATION", "MACHINE_QA", "SERVICE", "RESEARCH"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller wants: a verdict, which takes plans; BEAM doses added; one of several fraction groups."""

    verdict: bool = True
    sum_beams: bool = False
    fraction_group: int | None = None


@dataclass(slots=True)
class Reading:
    """What is known so far. ``refusals`` end the reading; ``problems`` ride along with the study."""

    wish: Wish
    refusals: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    inputs: list[InputFile] = field(default_factory=list)
    plans: list[PlanData] = field(default_factory=list)
    patient: Patient = field(default_factory=Patient)
    registrations: list[Registration] = field(default_factory=list)
    listing: str = ""

    def refuse(
        self, code: str, object_: str, tag: str = "", seen: str = "", detail: str = "", remedy: str = ""
    ) -> None:
        """Note a refusal of the whole."""
        self.refusals.append(Problem(code, object_, tag=tag, seen=seen, detail=detail, remedy=remedy))

    def take(self, o: RtObject) -> None:
        """Note what was found in one object: its errors refuse, its warnings ride along."""
        self.refusals.extend(p for p in o.view.found if p.is_error)
        self.problems.extend(p for p in o.view.found if not p.is_error)


@dataclass(frozen=True, slots=True)
class Kinds:
    """The objects that are not set aside, by kind."""

    plans: list[RtObject]
    structure_sets: dict[str, RtObject]
    doses: list[RtObject]

    @classmethod
    def of(cls, objects: Sequence[RtObject]) -> Kinds:
        """Objects sorted by kind, structure sets by their UID."""
        left = [o for o in objects if not o.set_aside]
        return cls(
            plans=[o for o in left if o.kind == "RTPLAN"],
            structure_sets={o.uid: o for o in left if o.kind == "RTSTRUCT"},
            doses=[o for o in left if o.kind == "RTDOSE"],
        )

    @property
    def all(self) -> list[RtObject]:
        """Plans, then structure sets, then doses."""
        return [*self.plans, *self.structure_sets.values(), *self.doses]


def referenced(o: RtObject, keyword: str) -> list[str]:
    """The SOP Instance UIDs that the items of a sequence refer to."""
    return [item.code("ReferencedSOPInstanceUID") for item in o.view.items(keyword)]


def plans_of_dose(dose: RtObject) -> list[str]:
    """The UIDs of the plans that a dose names."""
    return referenced(dose, "ReferencedRTPlanSequence")


def found_here(objects: Sequence[RtObject], left_alone: Sequence[InputFile]) -> str:
    """What lies in the folder, one word of each kind with its number; a private class with one of its files."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for kind, name in [*((o.kind, o.name) for o in objects), *((f.kind, f.name) for f in left_alone)]:
        counts[kind] += 1
        first.setdefault(kind, name)
    parts = [f"{n} {kind}" + (f" ({first[kind]})" if "SOP Class" in kind else "") for kind, n in counts.most_common()]
    return "found: " + ", ".join(parts) if parts else ""


def missing_kinds(reading: Reading, **kinds: Sequence[RtObject]) -> None:
    """Refuse what is not there: one code for each of plans, structures and dose that is asked for and empty."""
    if not any(kinds.values()):
        reading.refuse("E-NO-DICOM", "input", seen=reading.listing)
        return
    codes = {"plans": "E-NO-PLAN", "structures": "E-NO-STRUCTURES", "doses": "E-NO-DOSE"}
    for kind, objects in kinds.items():
        if not objects:
            reading.refuse(codes[kind], "input", seen=reading.listing)


def patient_of(o: RtObject) -> Patient:
    """Identity as one object states it."""
    view = o.view
    return Patient(
        patient_id=view.text("PatientID"),
        name=view.text("PatientName"),
        birth_date=view.text("PatientBirthDate"),
        sex=view.code("PatientSex"),
    )


def same_patient(objects: Sequence[RtObject], reading: Reading) -> None:
    """One Patient ID; names, birth dates and sexes that differ are a warning, which judging leaves open.

    Case, accents, carets and blanks of a name make no difference, nor does what an object does not state. No message
    holds any of them.
    """
    people = [(o, patient_of(o)) for o in objects]
    for _, person in people:
        reading.patient = reading.patient if reading.patient.patient_id else person
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


def old_uids(kinds: Kinds, reading: Reading) -> None:
    """Where the file meta has another UID than the data set, believe the data set if the other objects name it.

    De-identification and rewriting leave the old UID in the file meta. A plan must be named by a dose, a structure set
    by a plan or dose, and a dose must name a plan that is here; without verdict nothing is joined by the UID of a file.
    """
    plan_uids = {o.uid for o in kinds.plans}
    named = {uid for d in kinds.doses for uid in plans_of_dose(d)}
    for o in (*kinds.plans, *kinds.doses):
        named |= set(referenced(o, "ReferencedStructureSetSequence"))
    for o in kinds.all:
        if not o.meta_uid:
            continue
        fits = bool(plan_uids & set(plans_of_dose(o))) if o.kind == "RTDOSE" else o.uid in named
        code = "W-UID-META" if fits or not reading.wish.verdict else "E-UID-MISMATCH"
        o.view.note(code, "SOPInstanceUID", f"{o.uid}, file meta: {o.meta_uid}")


def set_aside_verification(objects: Sequence[RtObject]) -> None:
    """Leave verification plans alone, with their doses and structure sets, where a treatment plan is there too."""
    plans = [o for o in objects if o.kind == "RTPLAN" and not o.set_aside]
    side = [o for o in plans if o.view.code("PlanIntent") in _NOT_FOR_TREATMENT]
    if len(side) == len(plans):
        return
    side_uids = {o.uid for o in side}
    needed = {uid for o in plans if o not in side for uid in referenced(o, "ReferencedStructureSetSequence")}
    side_sets = {uid for o in side for uid in referenced(o, "ReferencedStructureSetSequence")} - needed
    for o in objects:
        if o.set_aside:
            continue
        if o in side:
            o.note = f"plan intent {o.view.code('PlanIntent')}: left alone"
        elif o.kind == "RTDOSE" and side_uids & set(plans_of_dose(o)):
            o.note = "dose of a plan that is not for treatment: left alone"
        elif o.kind == "RTSTRUCT" and o.uid in side_sets:
            o.note = "structures of a plan that is not for treatment: left alone"
