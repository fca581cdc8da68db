"""All rules applied to one plan: organ limits, targets, guideline, completeness, consistency, other sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck import guideline, site_cautions, target_rules
from sbrtcheck.achieved import achieved_findings
from sbrtcheck.course import link_hint
from sbrtcheck.derived_limits import choose_or_derive
from sbrtcheck.dvh.conformity import Conformity
from sbrtcheck.errors import refuse, safe_text
from sbrtcheck.findings import as_other_source, completeness, information
from sbrtcheck.guideline_check import judge_organs_first
from sbrtcheck.lung_location import airway_distance_mm
from sbrtcheck.metrics import evaluate
from sbrtcheck.model import (
    CourseThresholds,
    Finding,
    FindingKind,
    Lesion,
    Level,
    OrganTable,
    Outcome,
    Reason,
    TableChoice,
    TargetGoal,
    Verdict,
    worst_outcome,
)
from sbrtcheck.plan_check import PlanDoses, target_ratio
from sbrtcheck.required import required_organs_settled, some_organ_judged
from sbrtcheck.rules import PlanContext, judge_organ_limits
from sbrtcheck.suspicion import load_suspicion
from sbrtcheck.tables import (
    choose_table,
    conformity_limits,
    load_conformity_rules,
    load_organs,
    load_regions,
    load_table,
    load_tables,
)

CERTAIN_LINKS = ("ROI number", "given by")
THORACIC_METRICS = ("V20Gy[%]", "Mean[Gy]")


@dataclass(frozen=True, slots=True)
class JudgedPlan:
    """The findings of one plan under one table, and their outcome."""

    choice: TableChoice
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst consequence of all findings."""
        return worst_outcome(Outcome.PASS, *(f.consequence for f in self.findings))


def deciding_site(lesions: Sequence[Lesion]) -> str:
    """The site that chooses the organ table: lung where any lesion is in the lung, else the first by name, or ""."""
    sites = {x.site for x in lesions if x.site}
    return "lung" if "lung" in sites else min(sites, default="")


def judge_plan(
    doses: PlanDoses,
    *,
    table: str | None,
    also: Sequence[str],
    goals: Sequence[TargetGoal],
    conformity: Sequence[Conformity],
    absent: Mapping[str, str],
    extra_required: Sequence[str],
    intent: str = "",
    levels: Mapping[str, str] | None = None,
    derive: bool = False,
    alpha_betas_gy: Mapping[str, float] | None = None,
    thresholds: CourseThresholds | None = None,
) -> JudgedPlan:
    """Judge one plan.

    Args:
        doses: of the plan.
        table: the organ table that decides, or None for the default by fraction number and site.
        also: tables judged beside it.
        goals: target goals.
        conformity: one record per lesion with a prescription.
        absent: organs declared absent, with the reason.
        extra_required: organs that the clinic asks for.
        intent: declared intent; "palliative" takes the lesions out of the BED10 tiers.
        levels: organ to the level of all its rows, in place of ours (a clinic's choice).
        derive: carry limits by BED to a number of fractions between two that the table has.
        alpha_betas_gy: organ to alpha/beta [Gy] for that, where constraints/alpha_beta.csv has none.
        thresholds: of a case file, between SBRT and other courses. They can only add to what is no SBRT course.

    Raises:
        RefusedError: E-DOSE-RX-MISMATCH or E-RX-SUSPECT for a certainly linked target.
        WrongUsageError: E-TABLE-UNKNOWN and the like.
    """
    site = deciding_site(doses.lesions)
    choice = choose_table(n_fractions=doses.n_fractions, site=site, table=table)
    if derive and choice.table is None:
        choice = choose_or_derive(n_fractions=doses.n_fractions, site=site, table=table, alpha_betas_gy=alpha_betas_gy)
    if choice.table is not None and levels:
        rows = tuple(
            replace(r, level=Level(levels[r.organ])) if r.organ in levels and r.level is not None else r
            for r in choice.table.rows
        )
        choice = replace(choice, table=replace(choice.table, rows=rows))
    context = PlanContext(
        label=doses.label,
        n_fractions=doses.n_fractions,
        subjects=doses.subjects,
        required={**doses.required, **dict.fromkeys(extra_required, "required by the clinic file")},
        containers=doses.containers,
        absent=absent,
        sex=doses.sex,
        out_of_reach=doses.out_of_reach,
    )
    findings: list[Finding] = []
    if choice.table is None:
        findings.append(_no_table(doses, choice))
    else:
        findings += judge_organ_limits(context, choice.table)
    findings += required_organs_settled(context, choice.table, findings)
    if choice.table is not None:
        findings += some_organ_judged(context, choice.table, findings)
    findings += _no_list(doses, extra_required)
    findings += _targets(doses, goals, conformity, findings)
    findings += _not_sbrt(doses, thresholds)
    if choice.table is not None:
        first = judge_organs_first(
            context, table=choice.table, findings=findings, lesions=doses.lesions, dvhs=doses.dvhs
        )
        findings += [first] if first is not None else []
    for lesion in doses.lesions:
        findings += _lesion(doses, lesion, intent)
    findings += _thorax(doses)
    if choice.table is not None:
        weighty = frozenset(o.organ for o in load_organs() if o.stricter_source)
        findings += target_rules.judge_other_sources(
            context,
            deciding=choice.table,
            findings=findings,
            others=load_tables().values(),
            weighty_organs=weighty,
        )
    findings += _also(context, also, choice.table)
    return JudgedPlan(choice, tuple(findings))


def _no_list(doses: PlanDoses, extra_required: Sequence[str]) -> list[Finding]:
    """A site for which nothing says which organs must be judged can give no pass."""
    listed = {r.site for r in load_regions()}
    sites = sorted({x.site for x in doses.lesions if x.site} - listed)
    if not sites or extra_required:
        return []
    note = f"no list says which organs site {', '.join(sites)} asks for; name them under [required] in a clinic file"
    return [completeness(rule_id="site:no_list", plan=doses.label, reason=Reason.NO_SITE, note=note)]


def _no_table(doses: PlanDoses, choice: TableChoice) -> Finding:
    nearest = " and ".join(str(n) for n in choice.nearest_fractions)
    note = choice.reason + (
        f"; nearest covered: {nearest} fractions" if nearest and nearest not in choice.reason else ""
    )
    return completeness(rule_id="table:none", plan=doses.label, reason=Reason.NO_TABLE, note=note)


def _targets(
    doses: PlanDoses, goals: Sequence[TargetGoal], conformity: Sequence[Conformity], organ_findings: Sequence[Finding]
) -> list[Finding]:
    out: list[Finding] = []
    if not doses.lesions:
        note = "no contoured PTV was recognised: nothing to prescribe to"
        out.append(completeness(rule_id="target:none", plan=doses.label, reason=Reason.NO_TARGET, note=note))
    unlinked = [x for x in doses.lesions if x.prescription_gy is None]
    if unlinked:
        names = ", ".join(safe_text(x.ptv) for x in unlinked)
        note = f"no prescription is linked to {names}; add {link_hint(unlinked, doses.data.plan)}"
        conflicts = [p.line() for p in doses.problems if p.code == "E-RX-CONFLICT"]
        note = "; ".join([note, *conflicts])
        out.append(completeness(rule_id="target:unlinked", plan=doses.label, reason=Reason.NO_PRESCRIPTION, note=note))
    out += [
        completeness(rule_id="target:not_judged", plan=doses.label, reason=Reason.NO_TARGET, note=note)
        for note in doses.targets_not_judged
    ]
    for lesion in doses.lesions:
        if not lesion.site:
            note = f'the site of {safe_text(lesion.ptv)} is not known; add --site "{safe_text(lesion.ptv)}=lung"'
            out.append(
                completeness(
                    rule_id="site:unknown", plan=doses.label, lesion=lesion.id, reason=Reason.NO_SITE, note=note
                )
            )
    by_target = {c.target: c for c in conformity}
    rules = load_conformity_rules()
    source = "RTOG_0915" if doses.n_fractions in {1, 4} else "RTOG_0813"
    for lesion in doses.lesions:
        if lesion.prescription_gy is None:
            continue
        measured = by_target.get(lesion.ptv)
        met = target_rules.judge_target_goals(
            lesion,
            dvhs=doses.dvhs,
            goals=goals,
            spill_percent=measured.spill_percent if measured else None,
            organ_findings=_beside(doses, lesion, organ_findings),
            plan=doses.label,
            near_maximum=doses.near_maximum.get(lesion.ptv),
        )
        out += met
        if not any(f.value is not None or f.consequence is Outcome.INCOMPLETE for f in met):
            note = f"no goal could be judged for {safe_text(lesion.ptv)}"
            out.append(
                completeness(
                    rule_id="target:no_goal", plan=doses.label, lesion=lesion.id, reason=Reason.NO_TARGET, note=note
                )
            )
        # Two levels share their isodoses: there is no conformity or R50 rule for either.
        levels = {name for outer, inner in doses.higher_levels.items() for name in (outer, *inner)}
        if measured is not None and lesion.volume_cm3 is not None and lesion.ptv not in levels:
            limits = conformity_limits(rules, ptv_volume_cm3=lesion.volume_cm3, source=source)
            out += target_rules.judge_conformity(lesion, values=measured.values(), limits=limits, plan=doses.label)
    return out


def _beside(doses: PlanDoses, lesion: Lesion, organ_findings: Sequence[Finding]) -> list[Finding]:
    """Findings on organs to which this lesion is the nearest: only they may explain its under-coverage."""
    if len(doses.lesions) == 1:
        return list(organ_findings)
    rois = {s.roi for found in doses.subjects.values() for s in found if s.nearest_lesion == lesion.id}
    return [f for f in organ_findings if f.roi in rois]


def _not_sbrt(doses: PlanDoses, thresholds: CourseThresholds | None) -> list[Finding]:
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
    return [completeness(rule_id="course:not_sbrt", plan=doses.label, reason=Reason.NOT_SBRT, note=note)]


def triangle(doses: PlanDoses, lesion: Lesion) -> dict[str, float | None]:
    """Prescription, n x sum of beam doses, and the dose grid at the target: all three, to be printed."""
    dvh = doses.dvhs[lesion.ptv]
    beam = doses.data.plan.beam_dose_per_fraction_gy
    return {
        "prescription_gy": lesion.prescription_gy,
        "n_times_beam_doses_gy": None if beam is None else beam * doses.n_fractions,
        "ptv_d95_percent_gy": evaluate("D95%[Gy]", dvh).value,
        "ptv_d50_percent_gy": evaluate("D50%[Gy]", dvh).value,
        "ptv_d2_percent_gy": evaluate("D2%[Gy]", dvh).value,
    }


def _lesion(doses: PlanDoses, lesion: Lesion, intent: str) -> list[Finding]:
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
            note="; ".join([judged.text, *judged.matches]),
            source=judged.source,
        )
    )
    out += achieved_findings(doses, lesion)
    for caution in site_cautions.site_cautions(
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
                note=caution.text,
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
            note=f"the dose at the target does not fit the prescription: {seen}; is this the right target?",
            source="policy of this program",
        )
    ]


def _thorax(doses: PlanDoses) -> list[Finding]:
    """V20 and mean lung dose, shown for every plan that has lungs."""
    out = []
    for subject in doses.subjects.get("Lungs", ()):
        for text in THORACIC_METRICS:
            value = evaluate(text, subject.dvh)
            if subject.missing_part and value.value is not None:
                note = f"{subject.missing_part} is missing: this is no number of both lungs"
                value = replace(value, value=None, low=None, high=None, reason=subject.missing_reason, note=note)
            out.append(
                information(
                    rule_id=f"information:Lungs:{text}",
                    kind=FindingKind.ORGAN_LIMIT,
                    value=value,
                    plan=doses.label,
                    organ="Lungs",
                    roi=subject.roi,
                    metric=text,
                    note="; ".join(n for n in (value.note, subject.note, "shown for every thoracic plan") if n),
                )
            )
    return out


def _also(context: PlanContext, also: Iterable[str], deciding: OrganTable | None) -> list[Finding]:
    """Tables asked for beside the deciding one. None of their findings does anything to the outcome."""
    out = []
    for name in also:
        table = load_table(name)
        if deciding is not None and table.name == deciding.name:
            continue
        out += [
            as_other_source(
                f, note="; ".join(n for n in (f"{table.title}: judged beside, does not decide", f.note) if n)
            )
            for f in judge_organ_limits(context, table)
        ]
    return out
