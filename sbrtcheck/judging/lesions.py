"""The targets and lesions of one plan: goals, conformity, prescription, BED10, cautions of the site."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.anatomy.lesions import link_hint
from sbrtcheck.dvh.around_targets.conformity import Conformity
from sbrtcheck.errors import refuse, safe_text
from sbrtcheck.judging import cautions, guideline
from sbrtcheck.judging import target_goals as target_rules
from sbrtcheck.judging.achieved import achieved_findings
from sbrtcheck.judging.coverage import judge_coverage
from sbrtcheck.judging.target_dose import beam_point, judge_target_dose, unlinked_prescriptions
from sbrtcheck.judging.target_shapes import judge_target_shapes
from sbrtcheck.model import (
    CourseThresholds,
    Finding,
    FindingKind,
    Lesion,
    Level,
    Outcome,
    Reason,
    TargetGoal,
    Verdict,
)
from sbrtcheck.model.finding import completeness, told
from sbrtcheck.model.policy import CoverageGoal, Policy
from sbrtcheck.plan.doses import PlanDoses, target_ratio
from sbrtcheck.plan.lung_location import airway_distance_mm
from sbrtcheck.tables.organ_tables import (
    conformity_limits,
    load_conformity_rules,
)
from sbrtcheck.tables.suspicion import load_suspicion

CERTAIN_LINKS = ("ROI number", "given by")


def judge_targets(
    doses: PlanDoses,
    *,
    goals: Sequence[TargetGoal],
    coverage: Sequence[CoverageGoal],
    conformity: Sequence[Conformity],
    organ_findings: Sequence[Finding],
    policy: Policy,
) -> list[Finding]:
    """What is missing of the targets, whether their dose is the one prescribed, their coverage, goals and conformity.

    Args:
        goals: of protocols and of a clinic.
        coverage: goals of our policy.
        conformity: one record per lesion with a prescription.
        policy: the numbers that judge.
    """
    out = [*_missing_targets(doses), *unlinked_prescriptions(doses, policy), *beam_point(doses, policy)]
    out += judge_target_shapes(doses, policy)
    by_target = {c.target: c for c in conformity}
    for lesion in doses.lesions:
        if lesion.prescription_gy is None:
            continue
        measured = by_target.get(lesion.ptv)
        held = [
            *judge_coverage(doses, lesion, goals=coverage, organ_findings=organ_findings, policy=policy),
            *target_rules.judge_target_goals(
                lesion,
                dvhs=doses.dvhs,
                goals=goals,
                spill_percent=measured.spill_percent if measured else None,
                plan=doses.label,
                near_maximum=doses.near_maximum.get(lesion.ptv),
            ),
        ]
        out += judge_target_dose(doses, lesion, policy)
        out += held
        if not any(f.value is not None or f.consequence is Outcome.INCOMPLETE for f in held):
            note = f"no goal could be judged for {safe_text(lesion.ptv)}"
            out.append(
                completeness(
                    rule_id="target:no_goal", plan=doses.label, lesion=lesion.id, reason=Reason.NO_TARGET, notes=(note,)
                )
            )
        out += _conformity_of(doses, lesion, measured)
    return out


def _missing_targets(doses: PlanDoses) -> list[Finding]:
    """Targets that nothing can be said of: none there, without a prescription, without a site, or not usable."""
    out: list[Finding] = []
    if not doses.lesions:
        note = "no contoured PTV was recognised: nothing to prescribe to"
        out.append(completeness(rule_id="target:none", plan=doses.label, reason=Reason.NO_TARGET, notes=(note,)))
    unlinked = [x for x in doses.lesions if x.prescription_gy is None]
    if unlinked:
        names = ", ".join(safe_text(x.ptv) for x in unlinked)
        hint = f"no prescription is linked to {names}; add {link_hint(unlinked, doses.data.plan)}"
        notes = told(hint, *(p.line() for p in doses.problems if p.code == "E-RX-CONFLICT"))
        out.append(
            completeness(rule_id="target:unlinked", plan=doses.label, reason=Reason.NO_PRESCRIPTION, notes=notes)
        )
    out += [
        completeness(rule_id="target:not_judged", plan=doses.label, reason=Reason.NO_TARGET, notes=(note,))
        for note in doses.targets_not_judged
    ]
    return out


def _conformity_of(doses: PlanDoses, lesion: Lesion, measured: Conformity | None) -> list[Finding]:
    """Conformity by the protocols' table. Two levels share their isodoses: there is no such rule for either."""
    levels = {name for outer, inner in doses.higher_levels.items() for name in (outer, *inner)}
    if measured is None or lesion.volume_cm3 is None or lesion.ptv in levels:
        return []
    source = "RTOG_0915" if doses.n_fractions in {1, 4} else "RTOG_0813"
    limits = conformity_limits(load_conformity_rules(), ptv_volume_cm3=lesion.volume_cm3, source=source)
    return list(target_rules.judge_conformity(lesion, values=measured.values(), limits=limits, plan=doses.label))


def judge_lesion(doses: PlanDoses, lesion: Lesion, *, intent: str) -> list[Finding]:
    """Consistency with the prescription, BED10 prescribed and achieved, and the cautions of its site.

    Raises:
        RefusedError: E-DOSE-RX-MISMATCH or E-RX-SUSPECT for a certainly linked target.
    """
    if lesion.prescription_gy is None:
        return []
    out = _consistency(doses, lesion)
    judged = guideline.judge_lesion_bed10(
        prescription_gy=lesion.prescription_gy,
        n_fractions=doses.n_fractions,
        site=guideline.site_of(site=lesion.site, location=lesion.location),
        intent=intent,
    )
    out.append(
        Finding(
            rule_id=judged.rule_id,
            kind=FindingKind.LESION_BED10,
            verdict=judged.verdict,
            consequence=judged.outcome,
            level=judged.level,
            table="guideline",
            lesion=lesion.id,
            plan=doses.label,
            roi=lesion.ptv,
            metric="BED(a/b=10)",
            value=judged.value,
            low=judged.value,
            high=judged.value,
            unit="Gy",
            notes=told(judged.text, *judged.matches),
            source=judged.source,
        )
    )
    out += achieved_findings(doses, lesion)
    for caution in cautions.site_cautions(
        site=lesion.site,
        prescription_gy=lesion.prescription_gy,
        n_fractions=doses.n_fractions,
        location=lesion.location,
        distance_to_airway_mm=airway_distance_mm(lesion),
        early_stage_primary=lesion.early_stage_primary,
    ):
        out.append(
            Finding(
                rule_id=caution.id,
                kind=FindingKind.SITE_CAUTION,
                verdict=caution.verdict,
                consequence=caution.outcome,
                level=Level.INFORMATION if caution.outcome is Outcome.PASS else Level.ADVISORY,
                lesion=lesion.id,
                plan=doses.label,
                roi=lesion.ptv,
                metric="BED(a/b=10)" if caution.bed10_gy is not None else "",
                value=caution.bed10_gy,
                low=caution.bed10_gy,
                high=caution.bed10_gy,
                unit="Gy" if caution.bed10_gy is not None else "",
                comparator=">=" if caution.min_bed10_gy is not None else "",
                limit=caution.min_bed10_gy,
                notes=(caution.text,),
                source=f"{caution.source} ({caution.status})",
            )
        )
    return out


def _consistency(doses: PlanDoses, lesion: Lesion) -> list[Finding]:
    """The dose at the target must fit the prescription; certainly linked and far off: refused."""
    ratio = target_ratio(doses, lesion)
    allowed = load_suspicion().target_median
    if ratio is None or allowed.holds(ratio):
        return []
    prescription = lesion.prescription_gy or 0.0
    seen = f"median target dose {ratio * prescription:.2f} Gy, prescription {prescription:g} Gy"
    as_fraction = allowed.holds(ratio / doses.n_fractions) and doses.n_fractions > 1
    if lesion.linked_by.startswith(CERTAIN_LINKS):
        code = "E-RX-SUSPECT" if as_fraction else "E-DOSE-RX-MISMATCH"
        raise refuse(code, safe_text(lesion.ptv), tag="TargetPrescriptionDose (300A,0026)", seen=seen)
    return [
        Finding(
            rule_id="consistency:dose_prescription",
            kind=FindingKind.CONSISTENCY,
            verdict=Verdict.NOT_EVALUABLE,
            consequence=Outcome.INCOMPLETE,
            level=Level.MANDATORY,
            lesion=lesion.id,
            plan=doses.label,
            roi=lesion.ptv,
            reason=Reason.NO_PRESCRIPTION,
            notes=(f"the dose at the target does not fit the prescription: {seen}; is this the right target?",),
            source="policy of this program",
        )
    ]


def judge_kind(doses: PlanDoses, *, thresholds: CourseThresholds | None) -> list[Finding]:
    """A course in conventional fractions, by the shipped thresholds or by others, is not what these tables are for."""
    totals = {x.prescription_gy for x in doses.lesions if x.prescription_gy is not None} or {
        r.target_prescription_gy
        for r in doses.data.plan.dose_references
        if r.reference_type == "TARGET" and r.target_prescription_gy is not None
    }
    if not totals:
        return []
    total = max(totals)
    kind = guideline.classify(total_dose_gy=total, n_fractions=doses.n_fractions, own=thresholds)
    if "conventional" not in {kind.name, kind.default_name}:
        return []
    note = (
        f"{total:g} Gy in {doses.n_fractions} fractions is {kind.dose_per_fraction_gy:.3g} Gy a fraction: "
        f"this is not SBRT ({kind.text})"
    )
    return [completeness(rule_id="course:not_sbrt", plan=doses.label, reason=Reason.NOT_SBRT, notes=(note,))]
