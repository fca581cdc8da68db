"""All rules applied to one plan: organ limits, targets and lesions, completeness, other sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.dvh.around_targets.conformity import Conformity
from sbrtcheck.dvh.around_targets.spill import Hottest
from sbrtcheck.judging.dose_around import judge_dose_around
from sbrtcheck.judging.lesions import judge_kind, judge_lesion, judge_targets
from sbrtcheck.judging.levels import Held
from sbrtcheck.judging.location import judge_locations, locations
from sbrtcheck.judging.organ_findings import judge_organs
from sbrtcheck.judging.organ_limits import PlanContext, judge_organ_limits
from sbrtcheck.judging.organs_first import judge_organs_first
from sbrtcheck.judging.other_sources import Beside, judge_other_sources
from sbrtcheck.judging.plan_context import judgeable
from sbrtcheck.judging.plan_facts import judge_plan_facts
from sbrtcheck.judging.plausible import implausible_organs
from sbrtcheck.judging.required import reach_lines, required_organs_settled, some_organ_judged
from sbrtcheck.judging.scope import judge_scope
from sbrtcheck.judging.unjudged import judged_organs, not_judged
from sbrtcheck.model import (
    CourseThresholds,
    Finding,
    Lesion,
    OrganTable,
    Outcome,
    Reason,
    TableChoice,
    TargetGoal,
    Unjudged,
    worst_outcome,
)
from sbrtcheck.model.finding import as_other_source, completeness, told
from sbrtcheck.model.policy import CoverageGoal, Policy
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.carried_by_bed import choose_or_derive
from sbrtcheck.tables.clinic_rows import AddedRow, as_clinic_sets
from sbrtcheck.tables.organ_tables import (
    choose_table,
    load_organs,
    load_table,
    load_tables,
)
from sbrtcheck.tables.policy import load_policy
from sbrtcheck.tables.policy_rows import coverage_goals


@dataclass(frozen=True, slots=True)
class JudgedPlan:
    """The findings of one plan under one table, and their outcome.

    ``unjudged``: organs near a target that nothing judged; ``judged``: organs that a row that counts judged; ``lines``:
    what the first screen says beside them.
    """

    choice: TableChoice
    findings: tuple[Finding, ...]
    unjudged: tuple[Unjudged, ...] = ()
    judged: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    # Other tables whose rows count, cut to those rows.
    supplied: tuple[OrganTable, ...] = ()

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
    policy: Policy | None = None,
    liver_lesion: str = "",
    coverage: Sequence[CoverageGoal] | None = None,
    hottest: Hottest | None = None,
) -> JudgedPlan:
    """Judge one plan.

    Args:
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
        policy: the numbers that judge; None: the shipped policy.
        liver_lesion: what the lesions of the liver are, primary or metastasis; "" when not stated.
        coverage: coverage goals; None: those of the policy.
        hottest: the hottest part of the dose grid; None: not looked for.

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
    plan = judgeable(
        doses,
        load_policy() if policy is None else policy,
        absent=absent,
        extra_required=extra_required,
        liver_lesion=liver_lesion,
    )
    context = plan.context
    located = locations(doses, context.policy)
    findings: list[Finding] = []
    supplied: tuple[OrganTable, ...] = ()
    if choice.table is None:
        findings.append(_no_table(doses, choice))
    else:
        held = Held(context, choice.table, load_tables(), doses.lesions, located)
        organs = judge_organs(held, absent=absent)
        findings += organs.findings
        supplied = organs.supplied
    findings += implausible_organs(doses, context)
    findings += required_organs_settled(context, choice.table, findings)
    if choice.table is not None:
        findings += some_organ_judged(context, choice.table, findings)
    unsaid = not_judged(context, choice.table, plan.near, findings)
    findings += unsaid.findings
    findings += judge_scope(doses, listed_by_clinic=bool(extra_required))
    findings += judge_targets(
        doses,
        goals=goals,
        coverage=coverage_goals(context.policy) if coverage is None else coverage,
        conformity=conformity,
        organ_findings=findings,
        policy=context.policy,
    )
    findings += judge_plan_facts(doses, context.policy)
    findings += judge_locations(doses, located, context.policy)
    findings += judge_dose_around(doses, conformity, hottest, context.policy)
    findings += judge_kind(doses, thresholds=thresholds)
    if choice.table is not None:
        tables = (choice.table, *supplied)
        first = judge_organs_first(context, tables=tables, findings=findings, lesions=doses.lesions, dvhs=doses.dvhs)
        findings += [first] if first is not None else []
    for lesion in doses.lesions:
        findings += judge_lesion(doses, lesion, intent=intent)
    if choice.table is not None:
        findings += judge_other_sources(context, _beside(doses, choice.table, findings), load_tables().values())
    findings += _also(context, also, choice.table)
    return JudgedPlan(
        choice,
        tuple(findings),
        supplied=supplied,
        unjudged=unsaid.unjudged,
        judged=judged_organs(context, choice.table, findings),
        lines=(*unsaid.lines, *plan.lines, *reach_lines(context, choice.table)),
    )


def _beside(doses: PlanDoses, deciding: OrganTable, findings: Sequence[Finding]) -> Beside:
    return Beside(
        deciding=frozenset({deciding.name}),
        findings=tuple(findings),
        sites=frozenset(x.site for x in doses.lesions if x.site),
        weighty=frozenset(o.organ for o in load_organs() if o.stricter_source),
    )


def _no_table(doses: PlanDoses, choice: TableChoice) -> Finding:
    nearest = " and ".join(str(n) for n in choice.nearest_fractions)
    note = choice.reason + (
        f"; nearest covered: {nearest} fractions" if nearest and nearest not in choice.reason else ""
    )
    return completeness(rule_id="table:none", plan=doses.label, reason=Reason.NO_TABLE, notes=(note,))


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
