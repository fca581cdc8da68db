"""Whether the dose in a target is the dose that was prescribed: upper bounds, the median, and the three doses."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.dvh.around_targets.indices import icru91
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import safe_text
from sbrtcheck.judging.covers import Covers, Meaning, covers, declared_value
from sbrtcheck.judging.tiers import TargetRule, Tier, judge_tiers, tier_at, worst_reading
from sbrtcheck.model import (
    Dvh,
    Finding,
    FindingKind,
    Lesion,
    Level,
    Outcome,
    Reason,
    Role,
    TargetDose,
    Verdict,
)
from sbrtcheck.model.finding import OWN_POLICY, completeness
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.model.policy import NormalisedTo, Policy
from sbrtcheck.plan.beams import beam_doses_gy, grid_at_beam_point_gy
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.schemes import SAME_DOSE_GY

HIGH = "more is delivered than prescribed: normalisation or scaling?"
TOO_HIGH_RULES = ("OUR_POLICY:target_d98_high", "OUR_POLICY:target_d95_high", "OUR_POLICY:target_declared_high")


def judge_target_dose(doses: PlanDoses, lesion: Lesion, policy: Policy) -> list[Finding]:
    """The dose in one target against its prescription; nothing for a target without one.

    Coverage is no part of this: a low D95% is judged as coverage, never as a disagreement.
    """
    if lesion.prescription_gy is None:
        return []
    meant = covers(doses, lesion, policy)
    match meant.meaning:
        case Meaning.DECLARED if meant.declared is not None:
            out = _declared(doses, lesion, meant.declared, policy)
        case Meaning.POINT:
            out = _at_point(doses, lesion, meant, policy)
        case _:
            out = _volume(doses, lesion, meant, policy)
    return [*out, *_other_file(doses, lesion, out, policy)]


def _volume(doses: PlanDoses, lesion: Lesion, meant: Covers, policy: Policy) -> list[Finding]:
    """Upper bounds of the PTV, a lower level's outside the higher one; and its median."""
    outside = doses.near_maximum.get(lesion.ptv)
    dvh = outside if outside is not None and outside.blocked is None else doses.dvhs[lesion.ptv]
    said = () if meant.text == "PTV" else (meant.text,)
    high = TargetRule(
        TOO_HIGH_RULES[0],
        "D98%[%]",
        "%",
        "<=",
        (
            tier_at(policy, "target_dose.d98_marginal_percent", Outcome.MARGINAL, HIGH),
            tier_at(policy, "target_dose.d98_fail_percent", Outcome.FAIL, HIGH),
        ),
    )
    out = [_judged(doses, lesion, high, dvh, said)]
    if out[0].verdict is Verdict.MET:
        tier = tier_at(policy, "target_dose.d95_marginal_percent", Outcome.MARGINAL, HIGH)
        out.append(_judged(doses, lesion, TargetRule(TOO_HIGH_RULES[1], "D95%[%]", "%", "<=", (tier,)), dvh, said))
    return [*out, _median(doses, lesion, policy)]


def _median(doses: PlanDoses, lesion: Lesion, policy: Policy) -> Finding:
    note = "below the prescription: is this the right target?"
    tier = tier_at(policy, "target_dose.d50_marginal_percent", Outcome.MARGINAL, note)
    rule = TargetRule("OUR_POLICY:median", "D50%[%]", "%", ">=", (tier,))
    return _judged(doses, lesion, rule, doses.dvhs[lesion.ptv])


def _judged(doses: PlanDoses, lesion: Lesion, rule: TargetRule, dvh: Dvh, notes: Sequence[str] = ()) -> Finding:
    """A rule on one metric of a target, on the worst reading of its contours."""
    metric = parse_metric(rule.metric_text)
    worst = worst_reading(
        dvh,
        metric,
        comparator=rule.comparator,
        limit=rule.tiers[0].limit,
        prescription_gy=lesion.prescription_gy,
    )
    return judge_tiers(rule, worst.value, plan=doses.label, lesion=lesion, roi=dvh.roi, notes=notes)


def _declared(doses: PlanDoses, lesion: Lesion, declared: NormalisedTo, policy: Policy) -> list[Finding]:
    """What the prescription is declared to cover, held within the tolerance; far above it the plan fails."""
    roi, value = declared_value(doses, lesion, declared)
    if not roi:
        note = f"the prescription is declared to cover {declared.text}, and {declared.structure} is not drawn"
        return [
            completeness(
                rule_id="OUR_POLICY:target_declared_low",
                plan=doses.label,
                lesion=lesion.id,
                roi=lesion.ptv,
                reason=Reason.NO_ROI,
                notes=(note,),
            ),
            *_volume(doses, lesion, Covers(Meaning.VOLUME, "PTV"), policy),
        ]
    key = "target_dose.declared_coverage_tolerance_percent"
    share = declared.dose_percent / 100
    within, beyond = policy.value(key), policy.value("target_dose.d98_fail_percent")
    metric = f"D{declared.volume_percent:g}%[%]"
    said = f"declared: {declared.text}, held within {within:g} %"
    high = TargetRule(
        TOO_HIGH_RULES[2],
        metric,
        "%",
        "<=",
        (
            Tier((100 + within) * share, key, Outcome.MARGINAL, HIGH),
            Tier(beyond * share, "target_dose.d98_fail_percent", Outcome.FAIL, HIGH),
        ),
    )
    low = TargetRule(
        "OUR_POLICY:target_declared_low",
        metric,
        "%",
        ">=",
        (Tier((100 - within) * share, key, Outcome.MARGINAL, "less than is declared"),),
    )
    return [judge_tiers(rule, value, plan=doses.label, lesion=lesion, roi=roi, notes=(said,)) for rule in (high, low)]


def _at_point(doses: PlanDoses, lesion: Lesion, meant: Covers, policy: Policy) -> list[Finding]:
    """A prescription to a point: held there and at the median; coverage is shown, and a person looks at it."""
    key = "target_dose.point_within_percent"
    within = policy.value(key)
    prescription_gy = lesion.prescription_gy or 0.0
    d95 = evaluate("D95%[%]", doses.dvhs[lesion.ptv], prescription_gy=prescription_gy)
    said = f"{meant.text}; coverage of the PTV is not what was prescribed: D95% {d95.value or 0.0:.1f} %"
    shown = TargetRule(
        "OUR_POLICY:target_point",
        "D95%[%]",
        "%",
        ">=",
        (tier_at(policy, "target_dose.point_coverage_low_percent", Outcome.MARGINAL),),
    )
    out = [judge_tiers(shown, d95, plan=doses.label, lesion=lesion, roi=lesion.ptv, notes=(said,))]
    median = TargetRule(
        "OUR_POLICY:median",
        "D50%[%]",
        "%",
        ">=",
        (Tier(100 - within, key, Outcome.MARGINAL, "below the prescription"),),
    )
    high = TargetRule(
        TOO_HIGH_RULES[0],
        "D98%[%]",
        "%",
        "<=",
        (
            tier_at(policy, "target_dose.d98_marginal_percent", Outcome.MARGINAL, HIGH),
            tier_at(policy, "target_dose.d98_fail_percent", Outcome.FAIL, HIGH),
        ),
    )
    return [*out, *(_judged(doses, lesion, rule, doses.dvhs[lesion.ptv]) for rule in (median, high))]


def _other_file(doses: PlanDoses, lesion: Lesion, found: Sequence[Finding], policy: Policy) -> list[Finding]:
    """The target is too high and the beams agree with the prescription: the dose file may be another one."""
    too_high = any(f.rule_id in TOO_HIGH_RULES and f.verdict is Verdict.NOT_MET for f in found)
    beams_gy, rx_gy = beam_doses_gy(doses.data.plan, doses.n_fractions), lesion.prescription_gy
    if not too_high or beams_gy is None or rx_gy is None:
        return []
    key = "target_dose.beams_agree_percent"
    if abs(beams_gy / rx_gy - 1) > policy.value(key) / 100:
        return []
    note = (
        f"n times the beam doses, {beams_gy:.2f} Gy, agrees with the prescription of {rx_gy:g} Gy and the dose in the "
        "target does not: the dose file may be of another plan or scale"
    )
    return [
        Finding(
            rule_id="consistency:three_doses",
            kind=FindingKind.CONSISTENCY,
            verdict=Verdict.NOT_EVALUABLE,
            consequence=Outcome.INCOMPLETE,
            level=Level.MANDATORY,
            lesion=lesion.id,
            plan=doses.label,
            roi=lesion.ptv,
            reason=Reason.NOT_DECLARED,
            notes=(note,),
            source=OWN_POLICY,
            policy=(key,),
        )
    ]


def unlinked_prescriptions(doses: PlanDoses, policy: Policy) -> list[Finding]:
    """A dose that the plan states for a target, linked to none, that no target's dose comes near: INCOMPLETE."""
    within = policy.value("target_dose.unlinked_match_percent") / 100
    known = [x.prescription_gy for x in doses.lesions if x.prescription_gy is not None]
    out = []
    for stated_gy in _free_doses(doses) if doses.lesions else ():
        if any(abs(stated_gy - rx) <= SAME_DOSE_GY for rx in known):
            continue
        reached = [(n.roi.name, _reached(doses.dvhs[n.roi.name])) for n in doses.named if n.role is Role.TARGET]
        shares = {name: [gy / stated_gy for gy in found] for name, found in reached if found}
        if any(abs(share - 1) <= within for found in shares.values() for share in found):
            continue
        gets = "; ".join(
            f"{safe_text(name)} gets {100 * found[0]:.0f} % of it (D95%)" for name, found in shares.items()
        )
        note = f"{stated_gy:g} Gy is stated and linked to no target; {gets or 'no target has a dose'}"
        out.append(
            completeness(rule_id="target:stated_dose", plan=doses.label, reason=Reason.NO_PRESCRIPTION, notes=(note,))
        )
    return out


def _free_doses(doses: PlanDoses) -> list[float]:
    """Doses stated for targets without naming a ROI of the structure set."""
    numbers = {n.roi.number for n in doses.named}
    stated = [
        r.target_prescription_gy
        for r in doses.data.plan.dose_references
        if r.reference_type == "TARGET"
        and r.target_prescription_gy is not None
        and (r.roi_number is None or r.roi_number not in numbers)
    ]
    return list(dict.fromkeys(stated))


def _reached(dvh: Dvh) -> list[float]:
    """Near-minimum and median that a target gets [Gy]; empty where it has no number."""
    values = [evaluate(f"{metric}[Gy]", dvh).value for metric in ("D95%", "D50%")]
    return [gy for gy in values if gy is not None]


def target_doses(doses: PlanDoses, policy: Policy) -> tuple[TargetDose, ...]:
    """The three doses of every target: prescribed, n times the sum of beam doses, and in the target."""
    beams_gy = beam_doses_gy(doses.data.plan, doses.n_fractions)
    out = []
    for lesion in doses.lesions:
        dvh = doses.dvhs[lesion.ptv]
        out.append(
            TargetDose(
                lesion=lesion.id,
                target=safe_text(lesion.ptv),
                prescription_gy=lesion.prescription_gy,
                beams_gy=beams_gy,
                d95_gy=evaluate("D95%[Gy]", dvh).value,
                d98_gy=evaluate("D98%[Gy]", dvh).value,
                d50_gy=evaluate("D50%[Gy]", dvh).value,
                near_maximum_gy=icru91(dvh)[-1].value,
                covers=covers(doses, lesion, policy).text if lesion.prescription_gy is not None else "",
            )
        )
    return tuple(out)


def beam_point(doses: PlanDoses, policy: Policy) -> list[Finding]:
    """The beams' doses at their common point against the grid there: far apart, the plan is incomplete."""
    plan = doses.data.plan
    beams_gy = beam_doses_gy(plan, doses.n_fractions)
    grid_gy = grid_at_beam_point_gy(plan, doses.data.dose)
    key = "target_dose.dose_point_percent"
    if not beams_gy or grid_gy is None or abs(grid_gy / beams_gy - 1) <= policy.value(key) / 100:
        return []
    note = (
        f"the beams state {beams_gy:.2f} Gy at their common point (300A,0082) and the dose grid has {grid_gy:.2f} Gy "
        "there: is this the dose of this plan?"
    )
    rule = "consistency:beam_dose_point"
    return [completeness(rule_id=rule, plan=doses.label, reason=Reason.NOT_DECLARED, notes=(note,))]
