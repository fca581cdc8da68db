"""The guideline's rules applied to a course: what the case file, the plan and its judged limits say of each.

OM-3 (number of sites) is judged in course_lesions, OM-10 and OM-11 (BED10) in guideline.judge_lesion_bed10. What a rule
does to the outcome follows from its status in the guideline's file and from nothing here. What the case file leaves
open is asked for by name and does nothing to the outcome; what no file can tell stands in the list for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from math import floor

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import safe_text
from sbrtcheck.fractionation.what_if_plan import scaled
from sbrtcheck.judging import guideline
from sbrtcheck.judging.organ_limits import PlanContext, judge_organ_limits
from sbrtcheck.model import (
    CourseThresholds,
    Dvh,
    Finding,
    FindingKind,
    Lesion,
    Level,
    OrganTable,
    Outcome,
    PlanReport,
    Reason,
    Verdict,
)
from sbrtcheck.model.finding import information
from sbrtcheck.read.case_file import CaseFile
from sbrtcheck.tables import guideline as guideline_book
from sbrtcheck.tables.disease_state import DiseaseState, classify_disease_state
from sbrtcheck.tables.guideline import Guideline

DAYS_PER_MONTH = 30.44
# Treatments of another site that are no local therapy.
NOT_LOCAL = ("systemic", "none")
COVERAGE = "D95%[%]"
_BISECTIONS = 16
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
            _information("OM-13", f"{note}; whether all of it was declared and reviewed is to be confirmed", book)
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
        finding = _met("OM-7", found.text, book)
    else:
        finding = _information("OM-7", f"{found.text}; SBRT is preferred: state the reason", book)
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
        return _missed("OM-2", f"without local therapy: {', '.join(left)}; {count}: a person decides", book)
    if not case.disease.all_sites_declared:
        return _open("OM-2", "all_sites_declared", f"are all known sites of disease in the case file? {count}", book)
    return _met("OM-2", f"every declared site has local therapy: {count}", book)


def _state(state: DiseaseState, book: Guideline) -> Finding:
    path = "; ".join(state.path)
    if state.missing:
        return _open("OM-4", ", ".join(state.missing), f"{state.note}{f' (so far: {path})' if path else ''}", book)
    if not state.state:
        return _information("OM-4", f"{state.note} (path: {path}; {state.source})", book)
    words = [text for term, text, _ in book.definitions if state.state.endswith(term)]
    told = f"{state.state}{f', that is {words[0]}' if words else ''} (path: {path}; {state.source})"
    named = book.policy["states"]["named"]
    if not any(word in state.state for word in named):
        return _information("OM-4", f"{told}; the rule does not name this state: a person decides", book)
    return _met("OM-4", f"{told}; strength of the recommendation: {book.rule('OM-4').strength}", book)


def _sequencing(case: CaseFile, state: DiseaseState, book: Guideline) -> Finding:
    """OM-6 is information, whatever its status: asymptomatic is no fact that a file holds."""
    d = case.disease
    if state.state and not state.state.startswith("synchronous"):
        return _information("OM-6", f"about synchronous disease only; here: {state.state}", book)
    missing = [n for n in ("systemic_therapy_start", "radiotherapy_start") if not getattr(d, n)]
    if missing:
        return _open("OM-6", ", ".join(missing), "the dates on which each began are needed", book)
    days = (date.fromisoformat(d.radiotherapy_start) - date.fromisoformat(d.systemic_therapy_start)).days
    months = days / DAYS_PER_MONTH
    wanted = book.rule("OM-6").threshold("min_systemic_therapy_months")
    stands = "reached" if months >= wanted else "not reached"
    note = (
        f"{months:.1f} months of systemic therapy before radiotherapy; the {wanted:g} months of the rule are {stands}"
    )
    return replace(
        _information("OM-6", f"{note} (asymptomatic synchronous disease)", book),
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
    return _information("OM-12", note, book)


def judge_organs_first(
    context: PlanContext,
    *,
    table: OrganTable,
    findings: Sequence[Finding],
    lesions: Sequence[Lesion],
    dvhs: Mapping[str, Dvh],
    book: Guideline | None = None,
) -> Finding | None:
    """OM-9: a mandatory organ limit is missed while every target has its full coverage; None without a covered target.

    Missed, the finding says to which share of the dose the plan would have to be scaled, and what coverage that leaves.

    Args:
        context: of the plan.
        table: the deciding one.
        findings: of the organ limits and target goals under it.
        lesions: of the plan.
        dvhs: ROI name to Dvh.
        book: another edition of the guideline.
    """
    book = book or guideline_book.load_guideline()
    goals = [f for f in findings if f.kind is FindingKind.TARGET_GOAL and f.metric == COVERAGE and f.value is not None]
    if not goals:
        return None
    missed = [f for f in findings if f.kind is FindingKind.ORGAN_LIMIT and f.consequence is Outcome.FAIL]
    if not missed:
        return replace(_met("OM-9", "no mandatory organ limit is missed", book), plan=context.label)
    lacking = [f for f in goals if f.consequence is not Outcome.PASS]
    if lacking:
        note = f"a mandatory organ limit is missed although coverage is reduced already ({_coverage(lacking)})"
        return replace(_met("OM-9", note, book), plan=context.label)
    organs = ", ".join(dict.fromkeys(f"{f.organ} {f.metric}" for f in missed))
    note = f"organ limits come before coverage: coverage is full ({_coverage(goals)}) while {organs} is missed"
    factor = factor_that_meets(context, table=table, missed=missed)
    if factor is None:
        note += "; no smaller dose meets it"
    else:
        # Rounded down: what is printed must meet the limit itself.
        factor = floor(factor * 1000) / 1000
        first = next(x for x in lesions if x.prescription_gy is not None)
        left = evaluate(COVERAGE, scaled(dvhs[first.ptv], factor), prescription_gy=first.prescription_gy).value
        note += f"; met at {factor:.3f} of the dose ({factor * (first.prescription_gy or 0.0):.2f} Gy"
        note += f", D95% {left:.1f} %" if left is not None else ""
        note += "); scaled only, not a prescription"
    return replace(_missed("OM-9", note, book), plan=context.label)


def _coverage(goals: Sequence[Finding]) -> str:
    return ", ".join(f"{safe_text(f.roi)} D95% {f.value:.1f} %" for f in goals if f.value is not None)


def factor_that_meets(context: PlanContext, *, table: OrganTable, missed: Sequence[Finding]) -> float | None:
    """The largest factor below 1 of the dose at which the missed rows are MET with their bands; None without one.

    Every limit that can be missed by too much dose is met again at less of it, so that bisection finds the factor.
    """
    wanted = {f.rule_id for f in missed}
    rows = replace(table, rows=tuple(r for r in table.rows if r.rule_id in wanted))

    def met(factor: float) -> bool:
        subjects = {
            organ: tuple(
                replace(
                    s,
                    dvh=scaled(s.dvh, factor),
                    prescription_gy=None if s.prescription_gy is None else s.prescription_gy * factor,
                )
                for s in items
            )
            for organ, items in context.subjects.items()
            if any(organ in f.organ.split("+") or organ == f.organ for f in missed)
        }
        found = judge_organ_limits(replace(context, subjects=subjects), rows)
        return not any(f.verdict in {Verdict.NOT_MET, Verdict.MARGINAL} for f in found if f.rule_id in wanted)

    low, high = 0.0, 1.0
    if not met(1e-3):
        return None
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if met(middle) else (low, middle)
    return low


def with_deviations(plans: Sequence[PlanReport], case: CaseFile | None) -> tuple[PlanReport, ...]:
    """The plans with each declared deviation in the note of the finding that it names. No verdict changes."""
    declared = {d.rule: d for d in case.deviations} if case else {}
    if not declared:
        return tuple(plans)

    def noted(finding: Finding) -> Finding:
        deviation = declared.get(finding.rule_id)
        if deviation is None:
            return finding
        said = safe_text(f"declared deviation: {deviation.reason} ({deviation.name}); the verdict stays")
        return replace(finding, note="; ".join(n for n in (said, finding.note) if n))

    return tuple(replace(p, findings=tuple(noted(f) for f in p.findings)) for p in plans)


def deviation_findings(plans: Sequence[PlanReport], case: CaseFile | None) -> tuple[Finding, ...]:
    """One line per declared deviation; one that names no finding of this course says so."""
    known = {f.rule_id for p in plans for f in p.findings}
    out = []
    for d in case.deviations if case else ():
        where = "the verdict stays" if d.rule in known else "no finding of this course has this rule_id"
        note = safe_text(f"declared deviation from {d.rule}: {d.reason} ({d.name}); {where}", limit=400)
        out.append(information(rule_id=f"deviation:{safe_text(d.rule)}", kind=FindingKind.GUIDELINE, note=note))
    return tuple(out)


def _finding(rule_id: str, note: str, book: Guideline, verdict: Verdict, consequence: Outcome, level: Level) -> Finding:
    return Finding(
        rule_id=rule_id,
        kind=FindingKind.GUIDELINE,
        verdict=verdict,
        consequence=consequence,
        level=level,
        table="guideline",
        note=safe_text(note, limit=600),
        source=_source(rule_id, book),
    )


def _source(rule_id: str, book: Guideline) -> str:
    rule = book.rule(rule_id)
    return f"{book.title}, key question {rule.key_question}, {rule.status}"


def _met(rule_id: str, note: str, book: Guideline) -> Finding:
    weight = book.weight(rule_id)
    return _finding(rule_id, note, book, weight.met_verdict, Outcome.PASS, weight.level)


def _missed(rule_id: str, note: str, book: Guideline) -> Finding:
    weight = book.weight(rule_id)
    return _finding(rule_id, note, book, weight.missed_verdict, weight.missed_outcome, weight.level)


def _information(rule_id: str, note: str, book: Guideline) -> Finding:
    return information(
        rule_id=rule_id,
        kind=FindingKind.GUIDELINE,
        table="guideline",
        note=safe_text(note, limit=600),
        source=_source(rule_id, book),
    )


def _open(rule_id: str, missing: str, note: str, book: Guideline) -> Finding:
    """A fact is missing: asked for by name, without any effect on the outcome."""
    finding = _finding(
        rule_id, f"case file, [disease] {missing}: {note}", book, Verdict.NOT_EVALUABLE, Outcome.PASS, Level.INFORMATION
    )
    return replace(finding, reason=Reason.NOT_DECLARED)
