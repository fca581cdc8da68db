"""The dose around the targets at every site: conformity, the highest dose, and where the hottest part lies."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.dvh.around_targets.conformity import Conformity
from sbrtcheck.dvh.around_targets.spill import Hottest
from sbrtcheck.errors import safe_text
from sbrtcheck.judging.tiers import TargetRule, Tier, judge_tiers, tier_at
from sbrtcheck.model import Finding, FindingKind, Lesion, MetricValue, Outcome
from sbrtcheck.model.finding import information
from sbrtcheck.model.policy import Policy
from sbrtcheck.plan.doses import PlanDoses

_SHOWN = {"r100": "CI (V_Rx / V_PTV)", "spill_cm3": "V105% outside the PTVs", "spill_percent": "V105% outside / V_PTV"}


def judge_dose_around(
    doses: PlanDoses, measured: Sequence[Conformity], hottest: Hottest | None, policy: Policy
) -> list[Finding]:
    """What holds at every site; protocols' own limits, for the lung, are judged apart.

    Args:
        measured: one record for each lesion with a prescription.
        hottest: the hottest part of the grid; None: not looked for.
        policy: the numbers that judge.
    """
    by_target = {c.target: c for c in measured}
    out: list[Finding] = []
    for lesion in doses.lesions:
        found = by_target.get(lesion.ptv)
        if found is None:
            continue
        out += _conformity_index(doses, lesion, found, policy)
        if lesion.site != "lung":
            out += _shown(doses, lesion, found)
    prescribed = [x.prescription_gy for x in doses.lesions if x.prescription_gy is not None]
    if prescribed:
        out.append(_maximum(doses, max(prescribed), policy))
    if hottest is not None and hottest.outside_mm is not None:
        out.append(_hottest(doses, hottest, policy))
    return out


def _conformity_index(doses: PlanDoses, lesion: Lesion, found: Conformity, policy: Policy) -> list[Finding]:
    """Nothing for a target so small that its index is mostly edge, or that has no isodose of its own."""
    if (found.ptv_cm3.value or 0.0) < policy.value("target_dose.ci_from_cc") or found.r100.value is None:
        return []
    note = "is every target drawn, and is the dose the right one?"
    tier = tier_at(policy, "target_dose.ci_marginal", Outcome.MARGINAL, note)
    rule = TargetRule("OUR_POLICY:conformity_index", "CI", "", "<=", (tier,), FindingKind.CONFORMITY)
    return [judge_tiers(rule, found.r100, plan=doses.label, lesion=lesion, roi=lesion.ptv, notes=found.notes)]


def _shown(doses: PlanDoses, lesion: Lesion, found: Conformity) -> list[Finding]:
    return [
        information(
            rule_id=f"information:{name}",
            kind=FindingKind.CONFORMITY,
            value=value,
            plan=doses.label,
            lesion=lesion.id,
            roi=lesion.ptv,
            metric=_SHOWN[name],
            notes=(value.note,) if value.note else (),
        )
        for name, value in found.values().items()
        if name in _SHOWN
    ]


def _maximum(doses: PlanDoses, prescription_gy: float, policy: Policy) -> Finding:
    percent = 100 * float(doses.data.dose.dose_gy.max()) / prescription_gy
    value = MetricValue("Max[%]", percent, percent, percent, "%")
    note = f"of the highest prescription, {prescription_gy:g} Gy"
    tier = tier_at(policy, "target_dose.maximum_marginal_percent", Outcome.MARGINAL)
    rule = TargetRule("OUR_POLICY:maximum", "highest dose", "%", "<=", (tier,), FindingKind.CONFORMITY)
    return judge_tiers(rule, value, plan=doses.label, lesion=None, roi="", notes=(note,))


def _hottest(doses: PlanDoses, hottest: Hottest, policy: Policy) -> Finding:
    """Some of the hottest volume must lie inside a target."""
    outside_mm = hottest.outside_mm or 0.0
    value = MetricValue("distance", outside_mm, outside_mm, outside_mm, "mm")
    where = f"{outside_mm:.1f} mm outside {safe_text(hottest.target)}" if outside_mm else "reaches into a target"
    note = f"the hottest {hottest.volume_cm3:g} cc, {hottest.at_least_gy:.1f} Gy and more, {where}"
    tier = Tier(0.0, "target_dose.hottest_volume_cc", Outcome.MARGINAL)
    rule = TargetRule(
        "OUR_POLICY:hottest_outside", "hottest volume outside", "mm", "<=", (tier,), FindingKind.CONFORMITY
    )
    return judge_tiers(rule, value, plan=doses.label, lesion=None, roi="", notes=(note,))
