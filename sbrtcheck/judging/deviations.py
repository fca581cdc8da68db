"""Deviations that the case file declares and gives a reason for, set beside what the rules found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sbrtcheck.errors import safe_text
from sbrtcheck.model import Finding, FindingKind, PlanReport
from sbrtcheck.model.finding import information, told
from sbrtcheck.read.case_file import CaseFile


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
        return replace(finding, notes=told(said, *finding.notes))

    return tuple(replace(p, findings=tuple(noted(f) for f in p.findings)) for p in plans)


def deviation_findings(plans: Sequence[PlanReport], case: CaseFile | None) -> tuple[Finding, ...]:
    """One line per declared deviation; one that names no finding of this course says so."""
    known = {f.rule_id for p in plans for f in p.findings}
    out = []
    for d in case.deviations if case else ():
        where = "the verdict stays" if d.rule in known else "no finding of this course has this rule_id"
        note = safe_text(f"declared deviation from {d.rule}: {d.reason} ({d.name}); {where}", limit=400)
        out.append(information(rule_id=f"deviation:{safe_text(d.rule)}", kind=FindingKind.GUIDELINE, notes=(note,)))
    return tuple(out)
