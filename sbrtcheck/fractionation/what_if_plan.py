"""The organ limits of one plan with every dose scaled, in any number of fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sbrtcheck.judging.organ_limits import judge_organ_limits
from sbrtcheck.judging.plan_context import judgeable
from sbrtcheck.judging.required import required_organs_settled
from sbrtcheck.judging.stand_ins import below_the_diaphragm, judge_stand_ins
from sbrtcheck.model import Finding, OrganTable, Outcome, Verdict
from sbrtcheck.model.dose import scaled
from sbrtcheck.model.subject import Subject
from sbrtcheck.plan.doses import PlanDoses


def judged_limits(
    doses: PlanDoses, table: OrganTable, n: int, factor: float, *, absent: Mapping[str, str]
) -> tuple[Finding, ...]:
    """The organ limits of one plan alone at ``n`` fractions, with every dose times ``factor``."""

    def at(subject: Subject) -> Subject:
        prescription = subject.prescription_gy
        return replace(
            subject,
            dvh=scaled(subject.dvh, factor),
            prescription_gy=None if prescription is None else prescription * factor,
        )

    plan = judgeable(doses, doses.given.policy, absent=absent)
    context = replace(
        plan.context,
        n_fractions=n,
        subjects={organ: tuple(at(s) for s in items) for organ, items in plan.context.subjects.items()},
        highest_gy=None,
    )
    limits = judge_organ_limits(context, table)
    limits += judge_stand_ins(context, table, limits)
    limits = below_the_diaphragm(limits, context, doses.lesions)
    return (*limits, *required_organs_settled(context, table, limits))


def counts(finding: Finding) -> bool:
    """Not MET: a NOT_EVALUABLE row counts where it would make a report INCOMPLETE."""
    return finding.verdict in {Verdict.NOT_MET, Verdict.MARGINAL} or finding.consequence is Outcome.INCOMPLETE


def words(finding: Finding) -> str:
    """A row that counts, in words."""
    if finding.limit is None:
        return finding.note
    return f"{finding.organ} {finding.metric} {finding.comparator} {finding.limit:.4g} {finding.unit}".rstrip()
