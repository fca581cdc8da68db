"""What is found on the organs of one plan: rows of the deciding table, supplements, and how they are held."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sbrtcheck.judging.central_levels import airway_in_eight, central_in_five, wall_rows
from sbrtcheck.judging.levels import (
    Held,
    bone_of_the_target,
    cord_by_hytec,
    hollow_maximum,
    hollow_volumes,
    hytec_rows,
    optimal_by_far,
)
from sbrtcheck.judging.organ_limits import judge_organ_limits
from sbrtcheck.judging.small_organs import judge_small_organs
from sbrtcheck.judging.stand_ins import below_the_diaphragm, judge_stand_ins
from sbrtcheck.judging.supplements import judge_means, judge_supplements, several_lung_lesions, shown_means
from sbrtcheck.model import Finding, OrganTable

# In this order: each takes the findings as the one before left them.
RULES: tuple[Callable[[Held, Sequence[Finding]], list[Finding]], ...] = (
    cord_by_hytec,
    bone_of_the_target,
    central_in_five,
    wall_rows,
    hollow_volumes,
    airway_in_eight,
    optimal_by_far,
    hollow_maximum,
)


@dataclass(frozen=True, slots=True)
class OrganFindings:
    """What is found on the organs, and the tables whose rows count beside the deciding one, cut to those rows."""

    findings: tuple[Finding, ...]
    supplied: tuple[OrganTable, ...] = ()


def judge_organs(held: Held, *, absent: Mapping[str, str]) -> OrganFindings:
    """The organs of one plan.

    Args:
        held: the plan, its tables, lesions and where they lie.
        absent: organs declared absent, with the reason.
    """
    context = held.context
    supplied = judge_supplements(context, held.table, held.tables)
    n_lung_lesions = sum(x.site == "lung" for x in held.lesions)
    rows = [*judge_organ_limits(context, held.table), *supplied.findings]
    rows += [f for table in (held.table, *supplied.tables) for f in judge_stand_ins(context, table, rows)]
    findings: Sequence[Finding] = [*below_the_diaphragm(rows, context, held.lesions), *judge_means(context)]
    findings = several_lung_lesions(context, findings, n_lung_lesions=n_lung_lesions)
    findings = judge_small_organs(context, findings, absent=absent)
    for rule in RULES:
        findings = rule(held, findings)
    cord = hytec_rows(held)
    return OrganFindings(
        (*findings, *shown_means(context, findings)),
        (*supplied.tables, *([cord] if cord is not None else [])),
    )
