"""How the targets are drawn: tumour outside its PTV, and the PTV over serial organs."""

from __future__ import annotations

from sbrtcheck.errors import safe_text
from sbrtcheck.judging.tiers import TargetRule, Tier, judge_tiers
from sbrtcheck.model import Finding, FindingKind, Lesion, MetricValue, Outcome, Role
from sbrtcheck.model.finding import information
from sbrtcheck.model.numbers import format_value
from sbrtcheck.model.policy import Policy
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.overlaps import outside_cm3, overlap_cm3
from sbrtcheck.tables.organs import organ_info

RULE = "OUR_POLICY:outside_ptv"
# Below this an overlap is the width of a line.
_SHOWN_FROM_CM3 = 0.01


def judge_target_shapes(doses: PlanDoses, policy: Policy) -> list[Finding]:
    """GTV, CTV and ITV that reach out of their PTV: MARGINAL; in the spine, where the PTV is cut back, a line."""
    out = []
    for lesion in doses.lesions:
        for roi in dict.fromkeys(m for m in (lesion.gtv, lesion.itv, lesion.ctv) if m):
            finding = _outside(doses, lesion, roi, policy)
            out += [finding] if finding is not None else []
    return out


def _outside(doses: PlanDoses, lesion: Lesion, roi: str, policy: Policy) -> Finding | None:
    """The finding on one structure of a lesion; None when it lies inside."""
    inner, ptv = doses.structures[roi], doses.structures[lesion.ptv]
    beyond_cm3, whole_cm3 = outside_cm3(inner, ptv), inner.volume_cm3
    if not beyond_cm3 or not whole_cm3:
        return None
    share = 100 * beyond_cm3 / whole_cm3
    most_cm3, most_percent = policy.value("coverage.outside_ptv_cc"), policy.value("coverage.outside_ptv_percent")
    by_share = share / most_percent >= beyond_cm3 / most_cm3
    note = f"{beyond_cm3:.2f} cc, {share:.1f} % of it, outside {safe_text(lesion.ptv)}: is this the right PTV?"
    if lesion.site == "spine":
        value = MetricValue("outside", beyond_cm3, beyond_cm3, beyond_cm3, "cc")
        return information(
            rule_id=RULE,
            kind=FindingKind.TARGET_GOAL,
            value=value,
            plan=doses.label,
            lesion=lesion.id,
            roi=roi,
            metric="outside the PTV",
            notes=(note,),
        )
    number, unit, limit, key = (
        (share, "%", most_percent, "coverage.outside_ptv_percent")
        if by_share
        else (beyond_cm3, "cc", most_cm3, "coverage.outside_ptv_cc")
    )
    rule = TargetRule(RULE, "outside the PTV", unit, "<=", (Tier(limit, key, Outcome.MARGINAL, note),))
    value = MetricValue("outside", number, number, number, unit)
    return judge_tiers(rule, value, plan=doses.label, lesion=lesion, roi=roi)


def overlap_lines(doses: PlanDoses) -> tuple[str, ...]:
    """What each PTV shares with serial organs and PRVs, one sentence each."""
    serial = {name for name, info in organ_info().items() if info.architecture == "serial"}
    out = []
    for lesion in doses.lesions:
        ptv = doses.structures[lesion.ptv]
        for n in doses.named:
            if not (n.role is Role.PRV or (n.role is Role.ORGAN and n.organ in serial)):
                continue
            shared_cm3 = overlap_cm3(ptv, doses.structures[n.roi.name])
            if shared_cm3 >= _SHOWN_FROM_CM3:
                volume = format_value(shared_cm3, unit="cc")
                out.append(f"{safe_text(lesion.ptv)} overlaps {safe_text(n.roi.name)} by {volume} cc")
    return tuple(out)
