"""What a central lesion changes in the rows of organs beside it: RTOG 0813's point rows, walls, the airway in 8."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.judging.levels import NEAR_MAXIMUM, Held, is_local
from sbrtcheck.model import Finding, FindingKind, Level, MarginalReason, Outcome, Verdict
from sbrtcheck.model.finding import held_at, told
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables.policy_groups import organ_group

POINT_PERCENT, POINT_GY = "location.rtog_0813_point_percent", "location.rtog_0813_point_gy"
AIRWAY_VARIATION, AIRWAY_MARGINAL = "location.airway_8_variation_gy", "location.airway_8_marginal_gy"
AIRWAY_FRACTIONS = 8
# How the notes of RTOG 0813 and 0915 word a row that is held on a part of the wall only.
_WALL = "non-adjacent"


def central_in_five(held: Held, findings: Sequence[Finding]) -> list[Finding]:
    """Missed rows of TG-101 beside a central lesion are MARGINAL while RTOG 0813's point row holds; beyond it FAIL."""
    context = held.context
    if held.table.name != "aapm_tg101" or context.n_fractions != context.policy.value("location.rtog_0813_fractions"):
        return list(findings)
    return [_beside_central(held, f) for f in findings]


def _beside_central(held: Held, finding: Finding) -> Finding:
    organs = set(finding.organ.split("+"))
    if finding.consequence is not Outcome.FAIL or finding.table != held.table.name or is_local(finding):
        return finding
    if not organs & organ_group("rtog_0813_point"):
        return finding
    subject = held.context.subject_of(finding)
    if subject is None or not held.is_central(subject):
        return finding
    limit = rtog_0813_point_gy(held, subject)
    point = evaluate(NEAR_MAXIMUM, subject.dvh)
    if limit is None or point.value is None:
        return finding
    if point.value > limit:
        said = f"beyond RTOG 0813's {limit:g} Gy too: its near-maximum is {point.value:.2f} Gy"
        return held_at(finding, Outcome.FAIL, said, POINT_GY)
    said = f"central lesion: RTOG 0813 allows {limit:g} Gy, its near-maximum is {point.value:.2f} Gy; a person decides"
    return held_at(finding, Outcome.MARGINAL, said, POINT_PERCENT, POINT_GY)


def rtog_0813_point_gy(held: Held, subject: Subject) -> float | None:
    """RTOG 0813's point row for an organ beside its nearest lesion [Gy]: the lower of its percentage and its dose."""
    if subject.prescription_gy is None:
        return None
    policy = held.context.policy
    return min(policy.value(POINT_PERCENT) / 100.0 * subject.prescription_gy, policy.value(POINT_GY))


def wall_rows(held: Held, findings: Sequence[Finding]) -> list[Finding]:
    """A row for the wall away from the tumour, held on the whole organ: MARGINAL at most."""
    of_a_wall = {r.rule_id for r in held.table.rows if _WALL in r.note}
    said = "the protocol limits the wall away from the tumour, and the whole organ was judged: at most MARGINAL"
    return [
        held_at(f, Outcome.MARGINAL, said) if f.rule_id in of_a_wall and f.consequence is Outcome.FAIL else f
        for f in findings
    ]


def airway_in_eight(held: Held, findings: Sequence[Finding]) -> list[Finding]:
    """The airway's near-maximum in 8 fractions to the lung: a variation above the lower value, MARGINAL above both."""
    lung = any(x.site == "lung" for x in held.lesions)
    if held.context.n_fractions != AIRWAY_FRACTIONS or not lung:
        return list(findings)
    subjects = [s for organ in sorted(organ_group("airway")) for s in held.context.subjects.get(organ, ())]
    made = [_airway(held, s) for s in subjects]
    return [*findings, *(f for f in made if f is not None)]


def _airway(held: Held, subject: Subject) -> Finding | None:
    policy = held.context.policy
    value = evaluate(NEAR_MAXIMUM, subject.dvh)
    lower, upper = policy.value(AIRWAY_VARIATION), policy.value(AIRWAY_MARGINAL)
    if value.value is None or value.value <= lower:
        return None
    above = value.value > upper
    limit, key = (upper, AIRWAY_MARGINAL) if above else (lower, AIRWAY_VARIATION)
    source = policy.entry(key).source
    said = "a person decides" if above else f"up to {upper:g} Gy a variation ({policy.entry(AIRWAY_MARGINAL).source})"
    return Finding(
        rule_id=f"policy:{key}:{subject.organ}",
        kind=FindingKind.ORGAN_LIMIT,
        verdict=Verdict.NOT_MET,
        consequence=Outcome.MARGINAL if above else Outcome.PASS_WITH_VARIATION,
        level=Level.ADVISORY if above else Level.OPTIMAL,
        table="policy",
        plan=held.context.label,
        organ=subject.organ,
        roi=subject.roi,
        metric=NEAR_MAXIMUM,
        value=value.value,
        low=value.low,
        high=value.high,
        unit="Gy",
        comparator="<=",
        limit=limit,
        notes=told(f"airway in 8 fractions: {said}", value.note, subject.note),
        source=source,
        margin=limit - value.value,
        share=value.value / limit,
        marginal_reason=MarginalReason.NEEDS_REVIEW if above else None,
        policy=(key,),
    )
