"""What a plan says of its own dose: heterogeneity, saturation, the size of a tumour; lines for the first screen."""

from __future__ import annotations

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import safe_text
from sbrtcheck.judging.target_shapes import overlap_lines
from sbrtcheck.judging.tiers import TargetRule, Tier, judge_tiers
from sbrtcheck.model import (
    Finding,
    FindingKind,
    Level,
    MarginalReason,
    MetricValue,
    Outcome,
    Reason,
    Verdict,
)
from sbrtcheck.model.finding import OWN_POLICY
from sbrtcheck.model.numbers import format_value
from sbrtcheck.model.policy import Policy
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.extent import diameter_mm
from sbrtcheck.plan.identity import dated_before
from sbrtcheck.plan.saturation import plateau_voxels

_MOVING = {"lung", "liver", "adrenal"}
_LUNGS = ("Lungs", "Lung")


def judge_plan_facts(doses: PlanDoses, policy: Policy) -> list[Finding]:
    """Facts of the plan that keep it from passing by themselves."""
    found = [_heterogeneity(doses, policy), _saturated(doses, policy), *_entry(doses, policy)]
    return [f for f in found if f is not None]


def _heterogeneity(doses: PlanDoses, policy: Policy) -> Finding | None:
    """Dose computed in water, or without any correction, with a target in or beside the lung.

    An attribute that is absent says nothing: it is a warning.
    """
    stated = {part.strip().upper() for part in doses.data.dose.heterogeneity_correction.split("\\")}
    if not stated & {"WATER", "NONE"} or not _beside_lung(doses, policy):
        return None
    correction = safe_text(doses.data.dose.heterogeneity_correction)
    return Finding(
        rule_id="OUR_POLICY:heterogeneity",
        kind=FindingKind.CONSISTENCY,
        verdict=Verdict.MARGINAL,
        consequence=Outcome.MARGINAL,
        level=Level.ADVISORY,
        plan=doses.label,
        notes=(
            f"the dose is computed with heterogeneity correction {correction}, and a target lies in or beside the lung",
        ),
        source=OWN_POLICY,
        marginal_reason=MarginalReason.NEEDS_REVIEW,
        policy=("near.distance_mm",),
    )


def _beside_lung(doses: PlanDoses, policy: Policy) -> bool:
    if any(x.site == "lung" for x in doses.lesions):
        return True
    reach_mm = policy.value("near.distance_mm")
    gaps = [s.distance_mm for organ in _LUNGS for s in doses.subjects.get(organ, ()) if s.distance_mm is not None]
    return any(gap <= reach_mm for gap in gaps)


def _saturated(doses: PlanDoses, policy: Policy) -> Finding | None:
    key = "identity.plateau_voxels"
    n_voxels = plateau_voxels(doses.data.dose)
    if n_voxels < policy.value(key):
        return None
    highest = float(doses.data.dose.dose_gy.max())
    note = (
        f"{n_voxels} neighbouring voxels share the highest dose of the grid, {highest:.2f} Gy: the grid seems cut off "
        "there, and what was computed above it is not known; export the dose again"
    )
    return Finding(
        rule_id="OUR_POLICY:saturated_dose",
        kind=FindingKind.COMPLETENESS,
        verdict=Verdict.NOT_EVALUABLE,
        consequence=Outcome.INCOMPLETE,
        level=Level.MANDATORY,
        plan=doses.label,
        reason=Reason.NOT_COMPUTABLE,
        notes=(note,),
        source=OWN_POLICY,
        policy=(key,),
    )


def _entry(doses: PlanDoses, policy: Policy) -> list[Finding]:
    """A lung tumour wider than those of the trials in so few fractions."""
    if doses.n_fractions > policy.value("levels.entry_fractions"):
        return []
    key = "levels.entry_diameter_mm"
    note = f"lung in {doses.n_fractions} fractions: {policy.entry(key).source}"
    rule = TargetRule(
        "OUR_POLICY:entry_diameter",
        "largest diameter",
        "mm",
        "<=",
        (Tier(policy.value(key), key, Outcome.MARGINAL, note),),
    )
    out = []
    for lesion in (x for x in doses.lesions if x.site == "lung"):
        roi = lesion.gtv or lesion.itv
        width = diameter_mm(doses.structures[roi]) if roi else None
        if width is not None:
            value = MetricValue("diameter", width, width, width, "mm")
            out.append(judge_tiers(rule, value, plan=doses.label, lesion=lesion, roi=roi))
    return out


# ---- lines of the first screen, which change no outcome


def lines_of_plan(doses: PlanDoses, policy: Policy) -> tuple[str, ...]:
    """What the first screen says of the plan's data: overlaps, grid, dates, and limits that the plan states."""
    return (*overlap_lines(doses), *_grid_line(doses, policy), *dated_before(doses.data), *stated_limits(doses))


def _grid_line(doses: PlanDoses, policy: Policy) -> tuple[str, ...]:
    """The spacing of the grid where it matters most: spine, and small targets. Elsewhere it is a warning."""
    limit = policy.value("levels.grid_spacing_mm")
    widest = max(doses.data.dose.spacing_mm)
    if widest <= limit + 1e-6:
        return ()
    small_cm3 = policy.value("levels.small_target_cc")
    small = [x for x in doses.lesions if x.volume_cm3 is not None and x.volume_cm3 < small_cm3]
    why = ["spine"] if any(x.site == "spine" for x in doses.lesions) else []
    why += [f"{safe_text(x.ptv)} of {x.volume_cm3:.1f} cc" for x in small]
    if not why:
        return ()
    return (f"Dose grid {widest:g} mm, coarser than {limit:g} mm: {', '.join(why)}",)


def stated_limits(doses: PlanDoses) -> tuple[str, ...]:
    """Limits on organs that the plan itself states, with what is reached."""
    by_number = {n.roi.number: n.roi.name for n in doses.named}
    out = []
    for reference in doses.data.plan.dose_references:
        limit_gy, roi = reference.organ_at_risk_maximum_gy, by_number.get(reference.roi_number or -1)
        if reference.reference_type != "ORGAN_AT_RISK" or limit_gy is None:
            continue
        name = safe_text(roi or reference.description) or "an organ without a name"
        value = evaluate("D0.035cc[Gy]", doses.dvhs[roi]).value if roi in doses.dvhs and roi is not None else None
        reached = "not evaluable" if value is None else f"{format_value(value, limit_gy, '<=', 'Gy')} Gy (D0.035cc)"
        beyond = value is not None and value > limit_gy
        out.append(
            f"Stated in the plan: {name} at most {limit_gy:g} Gy; reached {reached}{', exceeded' if beyond else ''}"
        )
    return tuple(out)


def to_confirm(doses: PlanDoses, policy: Policy) -> tuple[str, ...]:
    """What a person must confirm because no file tells it, one sentence each."""
    sites = {x.site for x in doses.lesions}
    out = []
    if sites & _MOVING:
        out.append("Confirm the motion management, and that the margins fit it.")
    if "lung" in sites and doses.n_fractions == policy.value("levels.entry_fractions"):
        hours = policy.entry("levels.hours_between_fractions")
        out.append(f"Confirm at least {hours.value:g} hours between fractions ({hours.source}).")
    out += [f"Confirm that {name} is the plexus on the side of the target." for name in _one_plexus(doses)]
    return tuple(out)


def _one_plexus(doses: PlanDoses) -> list[str]:
    """The brachial plexus where only one is drawn, under its name."""
    drawn = list(dict.fromkeys(s.roi for s in doses.subjects.get("BrachialPlexus", ())))
    return drawn if len(drawn) == 1 else []
