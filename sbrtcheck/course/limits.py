"""Limits on the sum of several plans: row by row against one source, and what of it cannot be judged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sbrtcheck.course import gaps as course_gaps
from sbrtcheck.course.earlier import earlier_for
from sbrtcheck.course.row import NEAR_MAXIMUM, CourseFacts, RowJudge, rule_id
from sbrtcheck.course.sources import choose_source, course_rows
from sbrtcheck.course.sum import CourseSum
from sbrtcheck.judging.comparison import WORSE
from sbrtcheck.model import Finding, FindingKind, Outcome, SummedOrgan
from sbrtcheck.read.case_file import EarlierDose


@dataclass(frozen=True, slots=True, eq=False)
class CourseLimits:
    """Findings on the sum, the same as rows for the report, and the sources used by name."""

    findings: tuple[Finding, ...]
    rows: tuple[SummedOrgan, ...]
    sources: tuple[str, ...]


def judge_sum(total: CourseSum, facts: CourseFacts, *, only: Collection[str] | None = None) -> CourseLimits:
    """Every organ limit that one source has at every number of fractions of the course, on the sum of the plans.

    Args:
        total: the sums.
        only: rule ids of findings on limits to which to keep; None: all of them, and what cannot be judged.

    Raises:
        WrongUsageError: E-METRIC, E-DOMAIN.
    """
    findings: list[Finding] = []
    rows: list[SummedOrgan] = []
    sources: list[str] = []
    for entries, organs in _by_earlier(facts):
        n_fractions = [*total.n_fractions, *(e.n_fractions for e in entries)]
        if len(n_fractions) < 2:
            continue
        table = choose_source(n_fractions)
        if table is None:
            findings.append(course_gaps.no_source(organs, n_fractions))
            continue
        sources.append(table.name)
        judge = RowJudge(total, facts, table, n_fractions)
        wanted = [
            row
            for row in course_rows(table, n_fractions=n_fractions, sex=facts.sex)
            if (set(row.organ.split("+")) & organs if organs else not set(row.organ.split("+")) & set(facts.earlier))
            and (only is None or rule_id(row) in only)
        ]
        total.prepare(name for row in wanted if set(row.rows) == set(n_fractions) for name in judge.names(row))
        for row in wanted:
            for finding, record in judge.row(row, earlier_for(entries, row.metric)):
                findings.append(finding)
                rows.append(record)
        if only is not None:
            continue
        findings += judge.not_in_source(wanted, earlier_for(entries, NEAR_MAXIMUM))
        if organs and not any(set(f.organ.split("+")) & organs for f in findings):
            (organ,) = organs
            findings.append(course_gaps.earlier_not_judged(organ, table, contoured=bool(total.members(organ))))
    return CourseLimits(*_once(findings, rows), tuple(dict.fromkeys(sources)))


def _once(
    findings: Sequence[Finding], rows: Sequence[SummedOrgan]
) -> tuple[tuple[Finding, ...], tuple[SummedOrgan, ...]]:
    """One finding for each limit and structure: the worst.

    A limit on several organs together (the airways) is judged with the earlier dose of each of them, at every point;
    the worst of these is what it can be at most with all of them.
    """
    limits = [f for f in findings if f.kind is FindingKind.ORGAN_LIMIT]
    worst: dict[tuple[str, str], int] = {}
    for index, finding in enumerate(limits):
        key = (finding.rule_id, finding.roi)
        if key not in worst or _weight(finding) > _weight(limits[worst[key]]):
            worst[key] = index
    kept = {id(limits[index]) for index in worst.values()}
    return (
        tuple(f for f in findings if f.kind is not FindingKind.ORGAN_LIMIT or id(f) in kept),
        tuple(row for finding, row in zip(limits, rows, strict=True) if id(finding) in kept),
    )


def _weight(finding: Finding) -> tuple[int, int, float]:
    return list(Outcome).index(finding.consequence), WORSE[finding.verdict], finding.share or 0.0


def _by_earlier(facts: CourseFacts) -> Iterable[tuple[tuple[EarlierDose, ...], set[str] | None]]:
    """Earlier doses with the organs that they concern; without any: every other organ (None)."""
    yield (), None
    for organ, entries in facts.earlier.items():
        yield entries, {organ}
