"""All rules applied to one plan: organ limits, targets and lesions, completeness, other sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.dvh.around_targets.conformity import Conformity
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.judging import target_goals as target_rules
from sbrtcheck.judging.lesions import judge_kind, judge_lesion, judge_targets
from sbrtcheck.judging.organ_limits import PlanContext, judge_organ_limits
from sbrtcheck.judging.organs_first import judge_organs_first
from sbrtcheck.judging.required import required_organs_settled, some_organ_judged
from sbrtcheck.model import (
    CourseThresholds,
    Finding,
    FindingKind,
    Lesion,
    OrganTable,
    Outcome,
    Reason,
    TableChoice,
    TargetGoal,
    worst_outcome,
)
from sbrtcheck.model.finding import as_other_source, completeness, information, told
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.carried_by_bed import choose_or_derive
from sbrtcheck.tables.clinic_rows import AddedRow, as_clinic_sets
from sbrtcheck.tables.organ_tables import (
    choose_table,
    load_organs,
    load_regions,
    load_table,
    load_tables,
)

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
    added: Sequence[AddedRow] = (),
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
        levels: organ, or rule id of one row, to the level in place of ours (a clinic's choice).
        added: rows that a clinic adds to the table that decides.
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
    if choice.table is not None and (levels or added):
        sites = {x.site for x in doses.lesions}
        own = as_clinic_sets(choice.table, n_fractions=doses.n_fractions, sites=sites, levels=levels or {}, added=added)
        choice = replace(choice, table=own)
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
    findings += judge_targets(doses, goals=goals, conformity=conformity, organ_findings=findings)
    findings += judge_kind(doses, thresholds=thresholds)
    if choice.table is not None:
        first = judge_organs_first(
            context, table=choice.table, findings=findings, lesions=doses.lesions, dvhs=doses.dvhs
        )
        findings += [first] if first is not None else []
    for lesion in doses.lesions:
        findings += judge_lesion(doses, lesion, intent=intent)
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
    return [completeness(rule_id="site:no_list", plan=doses.label, reason=Reason.NO_SITE, notes=(note,))]


def _no_table(doses: PlanDoses, choice: TableChoice) -> Finding:
    nearest = " and ".join(str(n) for n in choice.nearest_fractions)
    note = choice.reason + (
        f"; nearest covered: {nearest} fractions" if nearest and nearest not in choice.reason else ""
    )
    return completeness(rule_id="table:none", plan=doses.label, reason=Reason.NO_TABLE, notes=(note,))


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
                    notes=told(value.note, subject.note, "shown for every thoracic plan"),
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
            as_other_source(f, notes=told(f"{table.title}: judged beside, does not decide", *f.notes))
            for f in judge_organ_limits(context, table)
        ]
    return out
