"""Rules of protocols and clinics about targets: goals, and conformity by PTV volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sbrtcheck.judging.comparison import compare, is_upper, judge
from sbrtcheck.model import (
    ConformityRule,
    Dvh,
    Finding,
    FindingKind,
    Lesion,
    Level,
    MetricValue,
    Outcome,
    Reason,
    TargetGoal,
    Verdict,
)
from sbrtcheck.model.finding import information, told
from sbrtcheck.model.subject import Subject


def judge_target_goals(
    lesion: Lesion,
    *,
    dvhs: Mapping[str, Dvh],
    goals: Sequence[TargetGoal],
    spill_percent: MetricValue | None,
    plan: str,
    near_maximum: Dvh | None = None,
) -> tuple[Finding, ...]:
    """One finding per goal that applies to this lesion's site and that its structures can be asked for.

    Args:
        lesion: with its prescription; without one every goal is NOT_EVALUABLE.
        dvhs: ROI name to Dvh.
        goals: of constraints/target, or a clinic's own.
        spill_percent: volume at 105 % outside the PTV, in percent of the PTV, where computed.
        plan: label of the plan.
        near_maximum: of a PTV that holds targets of a higher prescription, the Dvh without them: its near-maximum is
            taken there.
    """
    findings = []
    for goal in goals:
        if goal.site and goal.site != lesion.site:
            continue
        roi = {"PTV": lesion.ptv, "GTV": lesion.gtv, "ITV": lesion.itv, "CTV": lesion.ctv}[goal.target]
        if not roi:
            continue
        if goal.metric is None:
            value = spill_percent or MetricValue(goal.metric_text, None, None, None, goal.unit, Reason.NOT_COMPUTABLE)
            verdict = compare(value, comparator=goal.comparator, limit=goal.limit)
        else:
            dvh = near_maximum if near_maximum is not None and _is_near_maximum(goal) else dvhs[roi]
            subject = Subject(organ="", roi=dvh.roi, dvh=dvh, prescription_gy=lesion.prescription_gy)
            roi = dvh.roi
            judgement = judge(subject, goal.metric, comparator=goal.comparator, limit=goal.limit)
            value, verdict = judgement.value, judgement.verdict
        findings.append(_goal_finding(goal, lesion, roi, value, verdict, plan))
    return tuple(findings)


def _is_near_maximum(goal: TargetGoal) -> bool:
    """Whether a goal of a PTV asks for its hottest part."""
    metric = goal.metric
    if metric is None or goal.target != "PTV":
        return False
    small = (
        metric.kind == "D" and metric.amount is not None and metric.amount <= (2 if metric.amount_unit == "%" else 1)
    )
    return metric.kind == "Max" or small


def _goal_finding(
    goal: TargetGoal,
    lesion: Lesion,
    roi: str,
    value: MetricValue,
    verdict: Verdict,
    plan: str,
) -> Finding:
    notes = [value.note]
    consequence = goal.missed if verdict is Verdict.NOT_MET else Outcome.PASS
    if verdict is Verdict.NOT_EVALUABLE and goal.level is Level.MANDATORY:
        consequence = Outcome.INCOMPLETE
    elif verdict is Verdict.MARGINAL and goal.level is Level.MANDATORY:
        consequence = Outcome.MARGINAL
    if verdict is Verdict.NOT_MET or verdict is Verdict.NOT_EVALUABLE:
        notes.append(goal.note)
    return Finding(
        rule_id=goal.rule_id,
        kind=FindingKind.TARGET_GOAL,
        verdict=verdict,
        consequence=consequence,
        level=goal.level,
        table="target goals",
        lesion=lesion.id,
        plan=plan,
        roi=roi,
        metric=goal.metric_text,
        value=value.value,
        low=value.low,
        high=value.high,
        unit=goal.unit,
        comparator=goal.comparator,
        limit=goal.limit,
        reason=value.reason if verdict is Verdict.NOT_EVALUABLE else None,
        notes=told(*notes),
        source=goal.source.replace("_", " "),
        margin=None
        if value.value is None
        else (goal.limit - value.value if is_upper(goal.comparator) else value.value - goal.limit),
    )


def judge_conformity(
    lesion: Lesion, *, values: Mapping[str, MetricValue], limits: ConformityRule | None, plan: str
) -> tuple[Finding, ...]:
    """R100, R50 and D2cm of a lung lesion: no deviation nothing, minor a line, major a variation.

    Args:
        lesion: any site; only lung has limits.
        values: "r100", "r50" and "d2cm" (percent).
        limits: interpolated at the PTV volume; None outside the table's range: there is no rule there.
        plan: label of the plan.
    """
    if lesion.site != "lung":
        return ()
    rows = (
        ("r100", "R100", "", limits and (limits.r100_none, limits.r100_minor)),
        ("r50", "R50", "", limits and (limits.r50_none, limits.r50_minor)),
        ("d2cm", "D2cm", "%", limits and (limits.d2cm_none_percent, limits.d2cm_minor_percent)),
    )
    findings = []
    for key, label, unit, pair in rows:
        value = values[key]
        finding = information(
            rule_id=f"{limits.source if limits else 'RTOG_0813'}:{label}",
            kind=FindingKind.CONFORMITY,
            value=replace(value, unit=unit),
            table="rtog_conformity",
            lesion=lesion.id,
            plan=plan,
            roi=lesion.ptv,
            metric=label,
            notes=told(value.note),
            source="RTOG 0813/0915 conformity table, by PTV volume",
        )
        if not isinstance(pair, tuple):
            note = "the PTV volume is outside the table: there is no rule there"
            findings.append(
                replace(finding, reason=Reason.OUTSIDE_TABLE_RANGE if value.value is None else None, notes=(note,))
            )
            continue
        none_below, minor_below = pair
        finding = replace(finding, comparator="<", limit=none_below, level=Level.OPTIMAL)
        if value.value is None:
            findings.append(replace(finding, verdict=Verdict.NOT_EVALUABLE))
            continue
        verdict = compare(value, comparator="<", limit=none_below)
        major = compare(value, comparator="<", limit=minor_below) is Verdict.NOT_MET
        deviation = "major deviation" if major else "minor deviation"
        findings.append(
            replace(
                finding,
                verdict=verdict,
                consequence=Outcome.PASS_WITH_VARIATION if major else Outcome.PASS,
                notes=told(f"{deviation}: minor up to {minor_below:.4g}" if verdict is Verdict.NOT_MET else value.note),
                margin=none_below - value.value,
            )
        )
    return tuple(findings)
