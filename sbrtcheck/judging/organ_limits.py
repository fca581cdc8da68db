"""The rows of an organ table on one plan: which apply, what each is judged on, and what that does to the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sbrtcheck.anatomy.points import NEAR_TARGET_MM
from sbrtcheck.judging.comparison import WORSE, Judgement, grows_with_volume, holds, is_upper, judge, not_evaluable
from sbrtcheck.model import (
    Finding,
    FindingKind,
    Level,
    LimitRow,
    Metric,
    MetricValue,
    OrganTable,
    Outcome,
    Reason,
    Verdict,
)
from sbrtcheck.model.finding import told
from sbrtcheck.model.metric import MetricKind
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables.clinic_rows import LOCAL

_DAMAGE = {
    Reason.AMBIGUOUS_ROI,
    Reason.DAMAGED_ROI,
    Reason.NO_CONTOURS,
    Reason.OTHER_FRAME_OF_REFERENCE,
    Reason.ORGAN_CUT,
}


@dataclass(frozen=True, slots=True, eq=False)
class PlanContext:
    """What the rules know of one plan.

    ``required`` maps an organ to the reason why it is required; ``containers`` an organ to what may settle it from
    outside; ``absent`` holds organs declared absent, with the reason; ``out_of_reach`` the requirements of
    ``required`` for which all that is contoured lies on the other side or at another level, with what is wrong.
    """

    label: str
    n_fractions: int
    subjects: Mapping[str, tuple[Subject, ...]]
    required: Mapping[str, str]
    containers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    sex: str = ""
    out_of_reach: Mapping[str, str] = field(default_factory=dict)


def row_metric(row: LimitRow, table: OrganTable) -> tuple[Metric, str]:
    """The metric of a row as it is evaluated, and what to say about it.

    ``Max`` is taken at the point volume of the row's own table, never unified over tables.
    """
    if row.metric is None:
        raise ValueError(f"{row.rule_id}: the row cannot be computed")
    if row.metric.kind != "Max":
        return row.metric, ""
    metric = replace(row.metric, kind=MetricKind.DOSE, amount=table.point_volume_cm3, amount_unit="cc")
    origin = "as the source says" if table.point_volume_printed else "our choice: the source prints no volume"
    return metric, f"maximum taken at {table.point_volume_cm3:g} cc ({origin})"


def applies(row: LimitRow, *, sex: str) -> bool:
    """Whether a row applies to this patient. With the sex unknown every row applies, so that the stricter counts."""
    if not row.computable or row.level is None:
        return False
    if not row.condition:
        return True
    name, _, wanted = row.condition.partition("=")
    if name.strip() != "sex":
        raise ValueError(f"{row.rule_id}: unknown condition {row.condition!r}")
    return sex not in {"M", "F"} or wanted.strip() == sex


def judge_organ_limits(context: PlanContext, table: OrganTable) -> tuple[Finding, ...]:
    """One finding per applicable row of the table at the plan's own number of fractions."""
    findings: list[Finding] = []
    seen: set[tuple[object, ...]] = set()
    for row in table.rows_for(n_fractions=context.n_fractions):
        if not applies(row, sex=context.sex):
            continue
        organ = "+".join(row.joint) if row.joint else row.organ
        key = (organ, row.metric_text, row.comparator, row.limit, row.level)
        if key in seen:
            continue
        seen.add(key)
        findings.extend(_judge_row(context, table, row, organ))
    return tuple(findings)


def _judge_row(context: PlanContext, table: OrganTable, row: LimitRow, organ: str) -> list[Finding]:
    own = context.subjects.get(organ, ())
    metric, metric_note = row_metric(row, table)
    findings = []
    for subject in own:
        judgement = judge(subject, metric, comparator=row.comparator, limit=row.limit)
        via = ""
        if judgement.verdict is Verdict.NOT_EVALUABLE:
            settled = _settled_from_outside(context, row, metric, organ)
            if settled is not None and settled[0].verdict in {Verdict.MET, Verdict.MARGINAL}:
                judgement, subject, via = settled
        findings.append(_finding(context, table, row, organ, subject, judgement, (metric_note, via)))
    if any(f.verdict is not Verdict.NOT_EVALUABLE for f in findings):
        return findings
    if own:
        exceeded = _exceeded_from_inside(context, row, metric, organ)
        if exceeded is not None:
            judgement, subject, via = exceeded
            findings.append(_finding(context, table, row, organ, subject, judgement, (metric_note, via)))
        return findings
    asked = [r.split("|") for r in context.required if organ in r.split("|")]
    settled = _settled_from_outside(context, row, metric, organ) if asked else None
    # Where one of several organs will do and another one is contoured, this one may be at another level: a canal beyond
    # the limit of the cauda says nothing of a thoracic target whose cord is contoured.
    others = {o for options in asked for o in options if context.subjects.get(o)} - set(
        context.containers.get(organ, ())
    )
    if settled is not None and (settled[0].verdict is not Verdict.NOT_EVALUABLE or not others):
        judgement, subject, via = settled
        return [_finding(context, table, row, organ, subject, judgement, (metric_note, via))]
    exceeded = _exceeded_from_inside(context, row, metric, organ)
    if exceeded is not None:
        judgement, subject, via = exceeded
        return [_finding(context, table, row, organ, subject, judgement, (metric_note, via))]
    return []


def _settled_from_outside(
    context: PlanContext, row: LimitRow, metric: Metric, organ: str
) -> tuple[Judgement, Subject, str] | None:
    """A containing structure that meets an upper limit settles it; one that misses it says nothing."""
    if not is_upper(row.comparator) or not grows_with_volume(metric):
        return None
    # Both sides of a paired container must keep the limit; of several containers one is enough.
    judged = []
    for name in context.containers.get(organ, ()):
        sides = [
            (judge(s, metric, comparator=row.comparator, limit=row.limit), s) for s in context.subjects.get(name, ())
        ]
        if sides:
            judged.append(max(sides, key=lambda pair: WORSE[pair[0].verdict]))
    if not judged:
        return None
    best, subject = min(judged, key=lambda pair: WORSE[pair[0].verdict])
    if best.verdict in {Verdict.MET, Verdict.MARGINAL}:
        return best, subject, f"settled by {subject.roi}, which contains the organ"
    if best.verdict is Verdict.NOT_MET:
        number = f"{best.value.value:.2f} {best.value.unit}" if best.value.value is not None else ""
        note = f"{organ} is not contoured and {subject.roi}, which contains it, is beyond the limit ({number})"
        return not_evaluable(best, Reason.CONTAINER_EXCEEDED, note), subject, ""
    return best, subject, f"{organ} is not contoured; tried {subject.roi}"


def _exceeded_from_inside(
    context: PlanContext, row: LimitRow, metric: Metric, organ: str
) -> tuple[Judgement, Subject, str] | None:
    """An organ beyond the upper limit of its container makes that limit missed; below it says nothing."""
    if not is_upper(row.comparator) or not grows_with_volume(metric):
        return None
    for inner, containers in context.containers.items():
        if not set(organ.split("+")) & set(containers):
            continue
        for subject in context.subjects.get(inner, ()):
            judgement = judge(subject, metric, comparator=row.comparator, limit=row.limit)
            if judgement.verdict is Verdict.NOT_MET:
                return judgement, subject, f"{subject.roi} lies inside {organ} and is already beyond the limit"
    return None


def _finding(
    context: PlanContext,
    table: OrganTable,
    row: LimitRow,
    organ: str,
    subject: Subject,
    judgement: Judgement,
    notes: tuple[str, ...],
) -> Finding:
    assert row.level is not None
    if row.derived and judgement.verdict is Verdict.MET:
        judgement = replace(judgement, verdict=Verdict.MARGINAL)
    value = judgement.value
    reason = value.reason
    n = context.n_fractions
    required = any(set(requirement.split("|")) & set(organ.split("+")) for requirement in context.required)
    near = subject.distance_mm is not None and subject.distance_mm <= NEAR_TARGET_MM
    weighty = required or near or subject.distance_mm is None or reason in _DAMAGE
    consequence = consequence_of(judgement.verdict, row.level, weighty=weighty)
    parts = [row.derived, judgement.note, *notes, subject.note]
    if row.confidence == "low" and consequence is Outcome.FAIL:
        consequence = Outcome.MARGINAL
        parts.append("the row's transcription is doubtful: at most MARGINAL")
    if consequence is Outcome.FAIL and _printed_for_fewer(row, value.value):
        consequence = Outcome.MARGINAL
        parts.append(f"within the {row.limit_at_fewer:g} {row.unit} printed for fewer fractions: a person decides")
    if judgement.verdict is Verdict.NOT_MET and _band_holds_limit(value, row.limit):
        parts.append("the limit lies inside the numerical band")
    local = row.table == LOCAL
    title, trust = (LOCAL, "the clinic's own row") if local else (table.title, table.trust)
    return Finding(
        rule_id=row.rule_id,
        kind=FindingKind.ORGAN_LIMIT,
        verdict=judgement.verdict,
        consequence=consequence,
        level=row.level,
        table=table.name,
        plan=context.label,
        organ=organ,
        roi=subject.roi,
        metric=row.metric_text,
        value=value.value,
        low=value.low,
        high=value.high,
        unit=row.unit,
        comparator=row.comparator,
        limit=row.limit,
        reason=reason if judgement.verdict is Verdict.NOT_EVALUABLE else None,
        notes=told(*parts),
        source=(
            f"{title}, {f'not printed for {n} fractions' if row.derived else f'{n} fractions'}: "
            f"{row.endpoint or 'no endpoint printed'}"
        ),
        trust=trust,
        margin=_margin(value.value, row),
        share=_share(value.value, row),
    )


def consequence_of(verdict: Verdict, level: Level, *, weighty: bool) -> Outcome:
    """What a verdict on an organ limit does to the outcome. ``weighty``: the organ is required, damaged or near."""
    if level is Level.MANDATORY:
        not_evaluable = Outcome.INCOMPLETE if weighty else Outcome.PASS
        return {
            Verdict.NOT_MET: Outcome.FAIL,
            Verdict.MARGINAL: Outcome.MARGINAL,
            Verdict.NOT_EVALUABLE: not_evaluable,
        }.get(verdict, Outcome.PASS)
    if level is Level.OPTIMAL:
        return Outcome.PASS if verdict in {Verdict.MET, Verdict.INFORMATION} else Outcome.PASS_WITH_VARIATION
    if level is Level.ADVISORY:
        return Outcome.PASS if verdict in {Verdict.MET, Verdict.INFORMATION} else Outcome.MARGINAL
    return Outcome.PASS


def _printed_for_fewer(row: LimitRow, value: float | None) -> bool:
    """Whether the source allows the value in fewer fractions, which do more harm: a carried limit then fails nobody."""
    return value is not None and row.limit_at_fewer is not None and holds(value, row.comparator, row.limit_at_fewer)


def _band_holds_limit(value: MetricValue, limit: float) -> bool:
    return value.low is not None and value.high is not None and value.low <= limit <= value.high


def _margin(value: float | None, row: LimitRow) -> float | None:
    if value is None:
        return None
    return row.limit - value if is_upper(row.comparator) else value - row.limit


def _share(value: float | None, row: LimitRow) -> float | None:
    """Fraction of the limit used: value / limit for a ceiling, limit / value for a floor."""
    if value is None or value < 0 or row.limit <= 0:
        return None
    if is_upper(row.comparator):
        return value / row.limit
    return row.limit / value if value > 0 else None
