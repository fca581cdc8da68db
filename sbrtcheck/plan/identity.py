"""Whether the objects are of one patient and one plan: what the files leave open, and what order their dates have."""

from __future__ import annotations

from datetime import date

from sbrtcheck.model import Fact, Finding, PlanData, Reason, Study
from sbrtcheck.model.finding import completeness

PATIENT = "W-PATIENT-NAME"


def patient_open(study: Study, *, confirmed: bool) -> tuple[Finding, ...]:
    """Name, birth date or sex that differs between the objects: incomplete until somebody has confirmed it."""
    tags = [p.tag for p in study.problems if p.code == PATIENT]
    if not tags or confirmed:
        return ()
    note = (
        f"{', '.join(dict.fromkeys(tags))} differs between the objects: are they of one patient? If so, --same-patient"
    )
    return (completeness(rule_id="identity:patient", plan="", reason=Reason.NOT_DECLARED, notes=(note,)),)


def patient_fact(study: Study, *, by_case: bool, by_caller: bool) -> tuple[Fact, ...]:
    """Who has confirmed it, where there was something to confirm."""
    if not (by_case or by_caller) or not any(p.code == PATIENT for p in study.problems):
        return ()
    return (Fact("all objects of one patient", "confirmed", "case file" if by_case else "given by the caller"),)


def dated_before(data: PlanData) -> tuple[str, ...]:
    """A line for each object that is younger than the dose computed from it.

    Systems date an object when it is approved, too: no more than a line. No line holds a date.
    """
    out = []
    for what, dated in (("plan", data.plan.dated), ("structures", data.structures.dated)):
        days = _days_before(data.dose.dated, dated)
        if days is not None:
            when = f"{days} days" if days > 1 else "a day" if days == 1 else "earlier on the same day"
            before = f"{when} before" if days else f"{when} than"
            out.append(f"The dose is dated {before} the {what}: is it the dose of this plan?")
    return tuple(out)


def _days_before(dose: str, other: str) -> int | None:
    """Days by which a dose is older than another object; None where it is not, or where a date is not known."""
    same_length = min(len(dose), len(other))
    if same_length < 8 or dose[:same_length] >= other[:same_length]:
        return None
    try:
        first, second = (date(int(x[:4]), int(x[4:6]), int(x[6:8])) for x in (dose, other))
    except ValueError:
        return None
    return (second - first).days
