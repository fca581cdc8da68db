"""The guideline's rule that organ limits come before target coverage, judged on one plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import floor

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import safe_text
from sbrtcheck.judging.guideline import guideline_met, guideline_missed
from sbrtcheck.judging.organ_limits import PlanContext, judge_organ_limits
from sbrtcheck.model import Dvh, Finding, FindingKind, Lesion, OrganTable, Outcome, Reason, Verdict
from sbrtcheck.model.dose import scaled
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables import guideline as guideline_book
from sbrtcheck.tables.guideline import Guideline

COVERAGE = "D95%[%]"
# The spine is held to another one.
SPINE_COVERAGE = "OUR_POLICY:spine_ptv_v100"

_BISECTIONS = 16


def judge_organs_first(
    context: PlanContext,
    *,
    tables: Sequence[OrganTable],
    findings: Sequence[Finding],
    lesions: Sequence[Lesion],
    dvhs: Mapping[str, Dvh],
    book: Guideline | None = None,
) -> Finding | None:
    """OM-9: a mandatory organ limit is missed while every target has its full coverage; None without a covered target.

    Missed, the finding says to which share of the dose the plan would have to be scaled, and what coverage that leaves.

    Args:
        tables: the deciding one, and others cut to the rows that they supply.
        findings: of the organ limits and target goals under it.
        dvhs: ROI name to Dvh.
        book: another edition of the guideline.
    """
    book = book or guideline_book.load_guideline()
    goals = [f for f in findings if _is_full_coverage(f)]
    if not goals:
        return None
    missed = [f for f in findings if f.kind is FindingKind.ORGAN_LIMIT and f.consequence is Outcome.FAIL]
    if not missed:
        return replace(guideline_met("OM-9", "no mandatory organ limit is missed", book), plan=context.label)
    lacking = [f for f in goals if f.consequence is not Outcome.PASS]
    if lacking:
        note = f"a mandatory organ limit is missed although coverage is reduced already ({_coverage(lacking)})"
        return replace(guideline_met("OM-9", note, book), plan=context.label)
    organs = ", ".join(dict.fromkeys(f"{f.organ} {f.metric}" for f in missed))
    note = f"organ limits come before coverage: coverage is full ({_coverage(goals)}) while {organs} is missed"
    factor = factor_that_meets(context, tables=tables, missed=missed)
    # Rounded down: what is printed must meet the limit itself.
    said = "no smaller dose meets it" if factor is None else _scaled(floor(factor * 1000) / 1000, lesions, dvhs)
    return replace(guideline_missed("OM-9", f"{note}; {said}", book), plan=context.label)


def _is_full_coverage(finding: Finding) -> bool:
    """Whether a finding is the goal that says whether a target has its full coverage."""
    if finding.kind is not FindingKind.TARGET_GOAL or finding.value is None:
        return False
    return (finding.metric == COVERAGE and finding.comparator == ">=") or finding.rule_id == SPINE_COVERAGE


def _scaled(factor: float, lesions: Sequence[Lesion], dvhs: Mapping[str, Dvh]) -> str:
    """The dose and coverage of the first lesion at this share of the dose."""
    first = next(x for x in lesions if x.prescription_gy is not None)
    left = evaluate(COVERAGE, scaled(dvhs[first.ptv], factor), prescription_gy=first.prescription_gy).value
    coverage = f", D95% {left:.1f} %" if left is not None else ""
    total_gy = factor * (first.prescription_gy or 0.0)
    return f"met at {factor:.3f} of the dose ({total_gy:.2f} Gy{coverage}); scaled only, not a prescription"


def _coverage(goals: Sequence[Finding]) -> str:
    return ", ".join(
        f"{safe_text(f.roi)} {f.metric.partition('[')[0]} {f.value:.1f} %" for f in goals if f.value is not None
    )


def factor_that_meets(context: PlanContext, *, tables: Sequence[OrganTable], missed: Sequence[Finding]) -> float | None:
    """The largest factor below 1 of the dose at which the missed rows are MET with their bands; None without one.

    Every limit that can be missed by too much dose is met again at less of it, so that bisection finds the factor. What
    an organ is too small to spare is left out: no dose meets it, and its mean and share limits are missed beside it.
    """
    counted = [f for f in missed if f.reason is not Reason.ORGAN_SMALLER]
    wanted = {f.rule_id for f in counted}
    cut = [replace(t, rows=tuple(r for r in t.rows if r.rule_id in wanted)) for t in tables]
    # Each row on what it was judged on, a structure that stands in for the organ too.
    judged_on = {f.organ: [s for g in counted if g.organ == f.organ if (s := context.subject_of(g))] for f in counted}

    def met(factor: float) -> bool:
        subjects = {organ: tuple(_with_dose(s, factor) for s in found) for organ, found in judged_on.items()}
        at_factor = replace(context, subjects=subjects)
        found = [f for table in cut for f in judge_organ_limits(at_factor, table) if f.rule_id in wanted]
        return bool(found) and not any(f.verdict in {Verdict.NOT_MET, Verdict.MARGINAL} for f in found)

    low, high = 0.0, 1.0
    if not met(1e-3):
        return None
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if met(middle) else (low, middle)
    return low


def _with_dose(subject: Subject, factor: float) -> Subject:
    prescription_gy = None if subject.prescription_gy is None else subject.prescription_gy * factor
    return replace(subject, dvh=scaled(subject.dvh, factor), prescription_gy=prescription_gy)
