"""A number of a target against one policy value or several: the most serious one that is missed counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sbrtcheck.judging.comparison import Judgement, holds, is_upper, judge
from sbrtcheck.model import (
    Dvh,
    Finding,
    FindingKind,
    Lesion,
    Level,
    MarginalReason,
    Metric,
    MetricValue,
    Outcome,
    Verdict,
)
from sbrtcheck.model.finding import OWN_POLICY, told
from sbrtcheck.model.policy import Policy
from sbrtcheck.model.subject import Subject

_LEVEL = {
    Outcome.FAIL: Level.MANDATORY,
    Outcome.INCOMPLETE: Level.MANDATORY,
    Outcome.MARGINAL: Level.ADVISORY,
    Outcome.PASS_WITH_VARIATION: Level.OPTIMAL,
    Outcome.PASS: Level.INFORMATION,
}


@dataclass(frozen=True, slots=True)
class Tier:
    """A limit, the policy value that it is, and what missing it does to the outcome."""

    limit: float
    key: str
    missed: Outcome
    note: str = ""


@dataclass(frozen=True, slots=True)
class TargetRule:
    """One rule on one metric of a target, with its tiers from the mildest to the most serious."""

    rule_id: str
    metric_text: str
    unit: str
    comparator: str
    tiers: tuple[Tier, ...]
    kind: FindingKind = FindingKind.TARGET_GOAL

    def tier_of(self, value: float | None) -> tuple[Tier, bool]:
        """The most serious tier that a value misses, True; none missed, or no value: the first, False."""
        if value is not None:
            for tier in reversed(self.tiers):
                if not holds(value, self.comparator, tier.limit):
                    return tier, True
        return self.tiers[0], False


def tier_at(policy: Policy, key: str, missed: Outcome, note: str = "") -> Tier:
    """A tier whose limit is a policy value."""
    return Tier(policy.value(key), key, missed, note)


def worst_reading(
    dvh: Dvh, metric: Metric, *, comparator: str, limit: float, prescription_gy: float | None
) -> Judgement:
    """The number of a target structure that is worst for a limit, over all readings of its contours."""
    subject = Subject(organ="", roi=dvh.roi, dvh=dvh, prescription_gy=prescription_gy)
    return judge(subject, metric, comparator=comparator, limit=limit)


def judge_tiers(
    rule: TargetRule, value: MetricValue, *, plan: str, lesion: Lesion | None, roi: str, notes: Iterable[str] = ()
) -> Finding:
    """The finding of a rule on a number. Whatever its band, a number on the good side of a limit meets it.

    Args:
        rule: with its tiers.
        value: the number, or the reason why there is none: then the plan is incomplete.
        plan: label.
        lesion: whose target it is; None: the whole plan.
        roi: the structure that was judged.
        notes: said first.
    """
    tier, missed = rule.tier_of(value.value)
    if value.value is None:
        verdict, consequence = Verdict.NOT_EVALUABLE, Outcome.INCOMPLETE
    elif missed:
        verdict, consequence = Verdict.NOT_MET, tier.missed
    else:
        verdict, consequence = Verdict.MET, Outcome.PASS
    return Finding(
        rule_id=rule.rule_id,
        kind=rule.kind,
        verdict=verdict,
        consequence=consequence,
        level=_LEVEL[tier.missed],
        table="policy",
        lesion=lesion.id if lesion is not None else "",
        plan=plan,
        roi=roi,
        metric=rule.metric_text,
        value=value.value,
        low=value.low,
        high=value.high,
        unit=rule.unit,
        comparator=rule.comparator,
        limit=tier.limit,
        reason=value.reason if value.value is None else None,
        notes=told(*notes, tier.note if missed else "", value.note),
        source=OWN_POLICY,
        margin=_margin(value.value, rule.comparator, tier.limit),
        marginal_reason=MarginalReason.NEEDS_REVIEW if consequence is Outcome.MARGINAL else None,
        policy=(tier.key,),
    )


def _margin(value: float | None, comparator: str, limit: float) -> float | None:
    if value is None:
        return None
    return limit - value if is_upper(comparator) else value - limit
