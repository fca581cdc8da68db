"""The guideline's rules applied to a course: what the case file, the plan and its judged limits say of each.

OM-3 (number of sites) is judged in course_lesions, OM-10 and OM-11 (BED10) in guideline.judge_lesion_bed10. What a rule
does to the outcome follows from its status in the guideline's file and from nothing here. What the case file leaves
open is asked for by name and does nothing to the outcome; what no file can tell stands in the list for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sbrtcheck.errors import safe_text
from sbrtcheck.judging import guideline
from sbrtcheck.judging.guideline import guideline_information, guideline_met, guideline_missed, guideline_open
from sbrtcheck.model import (
    CourseThresholds,
    Finding,
    Lesion,
)
from sbrtcheck.read.case_file import CaseFile
from sbrtcheck.tables import guideline as guideline_book
from sbrtcheck.tables.disease_state import DiseaseState, classify_disease_state
from sbrtcheck.tables.guideline import Guideline

DAYS_PER_MONTH = 30.44
# Treatments of another site that are no local therapy.
NOT_LOCAL = ("systemic", "none")
# What a case file must hold so that a rule is judged from it.
_ASKED = {
    "OM-2": "[disease] all_sites_declared and every [[other_site]]",
    "OM-4": "[disease] with the facts of the ESTRO/EORTC tree",
    "OM-6": "[disease] systemic_therapy_start and radiotherapy_start",
    "OM-13": "[[earlier]] for every earlier course",
}


def judge_course_rules(
    lesions: Sequence[Lesion], *, case: CaseFile | None, book: Guideline | None = None
) -> tuple[Finding, ...]:
    """OM-2, OM-4, OM-6, OM-7, OM-12 and OM-13 on a course.

    Args:
        lesions: all lesions of the course.
        case: the case file; without one only OM-7 is judged.
        book: another edition of the guideline; the shipped one by default.
    """
    book = book or guideline_book.load_guideline()
    own = case.classification if case is not None else None
    out = [_technique(x, book, own) for x in lesions if x.prescription_gy is not None and x.n_fractions]
    if case is None:
        return tuple(out)
    state = disease_state(case)
    out += [_all_sites(lesions, case, book), _state(state, book), _sequencing(case, state, book)]
    if state.state.endswith("oligoprogression"):
        out.append(_progression(lesions, book))
    if case.earlier:
        organs = ", ".join(dict.fromkeys(e.organ for e in case.earlier))
        note = f"earlier dose is declared for {organs}: its sum with this course stands under the course"
        out.append(
            guideline_information(
                "OM-13", f"{note}; whether all of it was declared and reviewed is to be confirmed", book
            )
        )
    return tuple(out)


def confirm_items(
    lesions: Sequence[Lesion], *, case: CaseFile | None, book: Guideline | None = None
) -> tuple[str, ...]:
    """What a person must confirm: the rules that no file can tell, and those that a case file would have settled."""
    book = book or guideline_book.load_guideline()
    out = []
    for rule in book.rules:
        if rule.evaluation == "confirm":
            out.append(f"{rule.id}: {rule.text}")
        elif rule.evaluation == "case_file" and case is None:
            out.append(f"{rule.id}: {rule.text} (judged with a case file that has {_ASKED[rule.id]})")
    own = case.classification if case is not None else None
    palliative = case is not None and case.intent == "palliative"
    for lesion in lesions:
        kind = _kind(lesion, book, own)
        if kind and kind != "SBRT" and not palliative:
            out.append(f"OM-7: lesion {lesion.id} ({safe_text(lesion.ptv)}) is {kind}, not SBRT: state the reason")
    return tuple(out)


def disease_state(case: CaseFile) -> DiseaseState:
    """The ESTRO/EORTC state from the facts of the case file, with the path that leads there."""
    d = case.disease
    return classify_disease_state(
        history_of_polymetastatic_disease=d.history_of_polymetastatic_disease,
        history_of_oligometastatic_disease=d.history_of_oligometastatic_disease,
        months_since_primary_diagnosis=d.months_since_primary_diagnosis,
        on_systemic_therapy=d.on_systemic_therapy,
        progressing=d.progressing,
    )


def _kind(lesion: Lesion, book: Guideline, own: CourseThresholds | None) -> str:
    if lesion.prescription_gy is None or not lesion.n_fractions:
        return ""
    return guideline.classify(
        total_dose_gy=lesion.prescription_gy, n_fractions=lesion.n_fractions, guideline=book, own=own
    ).name


def _technique(lesion: Lesion, book: Guideline, own: CourseThresholds | None) -> Finding:
    """OM-7 names the course and never misses it: every technique that it lists is allowed for a reason."""
    found = guideline.classify(
        total_dose_gy=lesion.prescription_gy or 0.0, n_fractions=lesion.n_fractions or 0, guideline=book, own=own
    )
    if found.name == "SBRT":
        finding = guideline_met("OM-7", found.text, book)
    else:
        finding = guideline_information("OM-7", f"{found.text}; SBRT is preferred: state the reason", book)
    return replace(finding, lesion=lesion.id, roi=lesion.ptv)


def _all_sites(lesions: Sequence[Lesion], case: CaseFile, book: Guideline) -> Finding:
    treated = {name for x in lesions for name in (x.ptv, x.gtv, x.itv, x.ctv) if name}
    left = [f"{safe_text(x.roi)} (declared, not a target of this course)" for x in case.lesions if x.roi not in treated]
    left += [f"{safe_text(s.site)} ({s.treatment})" for s in case.other_sites if s.treatment in NOT_LOCAL]
    elsewhere = [s for s in case.other_sites if s.treatment not in NOT_LOCAL]
    count = f"{len(lesions)} treated here, {sum(s.n_lesions for s in elsewhere)} by other local therapy"
    planned = [safe_text(s.site) for s in elsewhere if s.treatment == "planned"]
    if planned:
        count += f" (only planned: {', '.join(planned)})"
    if left:
        return guideline_missed("OM-2", f"without local therapy: {', '.join(left)}; {count}: a person decides", book)
    if not case.disease.all_sites_declared:
        return guideline_open(
            "OM-2", "all_sites_declared", f"are all known sites of disease in the case file? {count}", book
        )
    return guideline_met("OM-2", f"every declared site has local therapy: {count}", book)


def _state(state: DiseaseState, book: Guideline) -> Finding:
    path = "; ".join(state.path)
    if state.missing:
        return guideline_open(
            "OM-4", ", ".join(state.missing), f"{state.note}{f' (so far: {path})' if path else ''}", book
        )
    if not state.state:
        return guideline_information("OM-4", f"{state.note} (path: {path}; {state.source})", book)
    words = [text for term, text, _ in book.definitions if state.state.endswith(term)]
    told = f"{state.state}{f', that is {words[0]}' if words else ''} (path: {path}; {state.source})"
    named = book.policy["states"]["named"]
    if not any(word in state.state for word in named):
        return guideline_information("OM-4", f"{told}; the rule does not name this state: a person decides", book)
    return guideline_met("OM-4", f"{told}; strength of the recommendation: {book.rule('OM-4').strength}", book)


def _sequencing(case: CaseFile, state: DiseaseState, book: Guideline) -> Finding:
    """OM-6 is information, whatever its status: asymptomatic is no fact that a file holds."""
    d = case.disease
    if state.state and not state.state.startswith("synchronous"):
        return guideline_information("OM-6", f"about synchronous disease only; here: {state.state}", book)
    missing = [n for n in ("systemic_therapy_start", "radiotherapy_start") if not getattr(d, n)]
    if missing:
        return guideline_open("OM-6", ", ".join(missing), "the dates on which each began are needed", book)
    days = (date.fromisoformat(d.radiotherapy_start) - date.fromisoformat(d.systemic_therapy_start)).days
    months = days / DAYS_PER_MONTH
    wanted = book.rule("OM-6").threshold("min_systemic_therapy_months")
    stands = "reached" if months >= wanted else "not reached"
    note = (
        f"{months:.1f} months of systemic therapy before radiotherapy; the {wanted:g} months of the rule are {stands}"
    )
    return replace(
        guideline_information("OM-6", f"{note} (asymptomatic synchronous disease)", book),
        metric="months of systemic therapy first",
        value=months,
        low=months,
        high=months,
        unit="months",
    )


def _progression(lesions: Sequence[Lesion], book: Guideline) -> Finding:
    note = (
        f"oligoprogression: {len(lesions)} treated here; that these are the progressing sites and that effective "
        "systemic therapy continues is to be confirmed"
    )
    return guideline_information("OM-12", note, book)
