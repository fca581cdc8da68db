"""Where a number meets a limit: which rows apply, how each is judged, and what that does to the outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sbrtcheck import metrics
from sbrtcheck.model import (
    Dvh,
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

POINT_VOLUME_FALLBACK_CM3 = 0.035
NEAR_TARGET_MM = 50.0
_WORSE = {
    Verdict.INFORMATION: 0,
    Verdict.MET: 1,
    Verdict.MARGINAL: 2,
    Verdict.NOT_EVALUABLE: 3,
    Verdict.NOT_MET: 4,
}
_DAMAGE = {
    Reason.AMBIGUOUS_ROI,
    Reason.DAMAGED_ROI,
    Reason.NO_CONTOURS,
    Reason.OTHER_FRAME_OF_REFERENCE,
    Reason.ORGAN_CUT,
}


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One structure that stands for an organ: contoured, or derived from what is contoured.

    Attributes:
        organ: the organ as the tables name it.
        roi: the name to show; how a derived structure was made stands in ``note``.
        dvh: its dose, or the reason why there is none.
        distance_mm: distance to the nearest target [mm]; None when unknown.
        prescription_gy: of the nearest lesion [Gy], for limits in percent.
        nearest_lesion: id of the lesion at that distance; "" when unknown.
        missing_part: what is missing of a union ("the bronchial tree"), else "". Its rows can only be NOT_MET.
        missing_reason: why that part is missing: not contoured, or contoured and of no use.
        cut: the organ seems cut by the scan: spared-volume and percent limits are not settled.
    """

    organ: str
    roi: str
    dvh: Dvh
    distance_mm: float | None = None
    prescription_gy: float | None = None
    nearest_lesion: str = ""
    missing_part: str = ""
    missing_reason: Reason = Reason.PART_MISSING
    cut: bool = False
    note: str = ""


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


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on one number, with the number."""

    verdict: Verdict
    value: MetricValue
    note: str = ""


def is_upper(comparator: str) -> bool:
    """True when the limit is a ceiling.

    Raises:
        ValueError: not one of <, <=, >, >=.
    """
    if comparator in {"<", "<="}:
        return True
    if comparator in {">", ">="}:
        return False
    raise ValueError(f"comparator {comparator!r} is not one of <, <=, >, >=")


def holds(value: float, comparator: str, limit: float) -> bool:
    """Whether the unrounded value keeps the limit. False for anything that is not a finite number."""
    kept = {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}
    return kept[comparator] and abs(value) != float("inf")


def compare(value: MetricValue, *, comparator: str, limit: float) -> Verdict:
    """NOT_MET: the value is beyond the limit, whatever the band. MARGINAL: met, but the band crosses it."""
    if value.value is None or value.low is None or value.high is None:
        return Verdict.NOT_EVALUABLE
    if not holds(value.value, comparator, limit):
        return Verdict.NOT_MET
    far_end = value.high if is_upper(comparator) else value.low
    return Verdict.MET if holds(far_end, comparator, limit) else Verdict.MARGINAL


def worst_judgement(judgements: Iterable[Judgement]) -> Judgement:
    """The worst of several readings of one thing."""
    return max(judgements, key=lambda j: _WORSE[j.verdict])


def judge(subject: Subject, metric: Metric, *, comparator: str, limit: float) -> Judgement:
    """One subject against one limit. All readings of ambiguous contours are judged and the worse verdict counts."""
    readings = [subject.dvh, *subject.dvh.alternatives]
    judged = [_judge_reading(subject, d, metric, comparator, limit) for d in readings]
    # Of readings with one verdict the one with the worse number.
    sign = 1.0 if is_upper(comparator) else -1.0
    judged.sort(key=lambda j: sign * j.value.value if j.value.value is not None else float("inf"), reverse=True)
    worst = worst_judgement(judged)
    if not subject.missing_part or worst.verdict is Verdict.NOT_EVALUABLE:
        return worst
    if worst.verdict is Verdict.NOT_MET and is_upper(comparator) and _grows_with_volume(metric):
        return worst
    lacks = "not contoured" if subject.missing_reason is Reason.PART_MISSING else "cannot be used"
    # A mean, a percentage or a spared volume of a part may be on either side of that of the whole.
    so_far = (
        "the missing part may settle it" if worst.verdict is Verdict.NOT_MET else "what is contoured meets the limit"
    )
    return _not_evaluable(worst, subject.missing_reason, f"{subject.missing_part} {lacks}; {so_far}")


def _judge_reading(subject: Subject, dvh: Dvh, metric: Metric, comparator: str, limit: float) -> Judgement:
    value = metrics.evaluate(metric, dvh, prescription_gy=subject.prescription_gy)
    verdict = compare(value, comparator=comparator, limit=limit)
    judgement = Judgement(verdict, value, value.note)
    if verdict is Verdict.MARGINAL and dvh.outside_volume_cm3 > 0:
        return _not_evaluable(judgement, Reason.OUTSIDE_GRID, "the part outside the dose grid decides")
    if value.reason is Reason.ROI_SMALLER_THAN_METRIC and is_upper(comparator):
        point = metrics.evaluate(
            replace(metric, kind="D", amount=POINT_VOLUME_FALLBACK_CM3, amount_unit="cc"),
            dvh,
            prescription_gy=subject.prescription_gy,
        )
        if compare(point, comparator=comparator, limit=limit) is Verdict.MET:
            note = (
                f"{value.note}; its D0.035cc of {point.value:.2f} {point.unit} already meets the limit"
                if point.value is not None
                else value.note
            )
            return Judgement(Verdict.MET, point, note.lstrip("; "))
        return judgement
    of_the_whole = (
        metric.kind == "CV"
        or (metric.kind == "V" and metric.unit == "%")
        or (metric.kind in {"D", "DC"} and metric.amount_unit == "%")
    )
    if subject.cut and of_the_whole and verdict in {Verdict.MET, Verdict.MARGINAL}:
        return _not_evaluable(judgement, Reason.ORGAN_CUT, "the organ seems cut by the scan, or contoured in part")
    return judgement


def _not_evaluable(judgement: Judgement, reason: Reason, note: str) -> Judgement:
    value = replace(judgement.value, value=None, low=None, high=None, reason=reason, note=note)
    return Judgement(Verdict.NOT_EVALUABLE, value, note)


def row_metric(row: LimitRow, table: OrganTable) -> tuple[Metric, str]:
    """The metric of a row as it is evaluated, and what to say about it.

    ``Max`` is taken at the point volume of the row's own table, never unified over tables.
    """
    if row.metric is None:
        raise ValueError(f"{row.rule_id}: the row cannot be computed")
    if row.metric.kind != "Max":
        return row.metric, ""
    metric = replace(row.metric, kind="D", amount=table.point_volume_cm3, amount_unit="cc")
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
        findings.append(_finding(context, table, row, organ, subject, judgement, _join(metric_note, via)))
    if any(f.verdict is not Verdict.NOT_EVALUABLE for f in findings):
        return findings
    if own:
        exceeded = _exceeded_from_inside(context, row, metric, organ)
        if exceeded is not None:
            judgement, subject, via = exceeded
            findings.append(_finding(context, table, row, organ, subject, judgement, _join(metric_note, via)))
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
        return [_finding(context, table, row, organ, subject, judgement, _join(metric_note, via))]
    exceeded = _exceeded_from_inside(context, row, metric, organ)
    if exceeded is not None:
        judgement, subject, via = exceeded
        return [_finding(context, table, row, organ, subject, judgement, _join(metric_note, via))]
    return []


def _grows_with_volume(metric: Metric) -> bool:
    """True when a larger structure can only have a larger value: hottest-volume doses and absolute volumes."""
    return (
        metric.kind == "Max"
        or (metric.kind == "D" and metric.amount_unit == "cc")
        or (metric.kind == "V" and metric.unit == "cc")
    )


def _settled_from_outside(
    context: PlanContext, row: LimitRow, metric: Metric, organ: str
) -> tuple[Judgement, Subject, str] | None:
    """A containing structure that meets an upper limit settles it; one that misses it says nothing."""
    if not is_upper(row.comparator) or not _grows_with_volume(metric):
        return None
    # Both sides of a paired container must keep the limit; of several containers one is enough.
    judged = []
    for name in context.containers.get(organ, ()):
        sides = [
            (judge(s, metric, comparator=row.comparator, limit=row.limit), s) for s in context.subjects.get(name, ())
        ]
        if sides:
            judged.append(max(sides, key=lambda pair: _WORSE[pair[0].verdict]))
    if not judged:
        return None
    best, subject = min(judged, key=lambda pair: _WORSE[pair[0].verdict])
    if best.verdict in {Verdict.MET, Verdict.MARGINAL}:
        return best, subject, f"settled by {subject.roi}, which contains the organ"
    if best.verdict is Verdict.NOT_MET:
        number = f"{best.value.value:.2f} {best.value.unit}" if best.value.value is not None else ""
        note = f"{organ} is not contoured and {subject.roi}, which contains it, is beyond the limit ({number})"
        return _not_evaluable(best, Reason.CONTAINER_EXCEEDED, note), subject, ""
    return best, subject, f"{organ} is not contoured; tried {subject.roi}"


def _exceeded_from_inside(
    context: PlanContext, row: LimitRow, metric: Metric, organ: str
) -> tuple[Judgement, Subject, str] | None:
    """An organ beyond the upper limit of its container makes that limit missed; below it says nothing."""
    if not is_upper(row.comparator) or not _grows_with_volume(metric):
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
    note: str,
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
    parts = [row.derived, judgement.note, note, subject.note]
    if row.confidence == "low" and consequence is Outcome.FAIL:
        consequence = Outcome.MARGINAL
        parts.append("the row's transcription is doubtful: at most MARGINAL")
    if consequence is Outcome.FAIL and _printed_for_fewer(row, value.value):
        consequence = Outcome.MARGINAL
        parts.append(f"within the {row.limit_at_fewer:g} {row.unit} printed for fewer fractions: a person decides")
    if judgement.verdict is Verdict.NOT_MET and _band_holds_limit(value, row.limit):
        parts.append("the limit lies inside the numerical band")
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
        note=_join(*parts),
        source=(
            f"{table.title}, {f'not printed for {n} fractions' if row.derived else f'{n} fractions'}: "
            f"{row.endpoint or 'no endpoint printed'}"
        ),
        trust=table.trust,
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


def completeness(*, rule_id: str, plan: str, reason: Reason, note: str, organ: str = "", lesion: str = "") -> Finding:
    """A finding that makes the outcome INCOMPLETE."""
    return Finding(
        rule_id=rule_id,
        kind=FindingKind.COMPLETENESS,
        verdict=Verdict.NOT_EVALUABLE,
        consequence=Outcome.INCOMPLETE,
        level=Level.MANDATORY,
        plan=plan,
        organ=organ,
        lesion=lesion,
        reason=reason,
        note=note,
    )


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


def _join(*parts: str) -> str:
    return "; ".join(dict.fromkeys(p for p in parts if p))
