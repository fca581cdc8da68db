"""What the other shipped sources say beside the deciding table, where they were made for the lesions' sites."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.judging.comparison import is_upper
from sbrtcheck.judging.organ_limits import PlanContext, judge_organ_limits
from sbrtcheck.judging.row_kinds import kind_of_finding
from sbrtcheck.model import Finding, FindingKind, Level, OrganTable, Outcome, Verdict
from sbrtcheck.model.finding import as_other_source, told
from sbrtcheck.model.policy import SupplementKind
from sbrtcheck.tables.policy_groups import organ_group


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What decided, and what the others are held for.

    ``deciding``: names of the tables whose rows count for this plan. ``findings``: what they found. ``sites``: of the
    lesions. ``weighty``: organs for which an exceeded stricter source is a variation.
    """

    deciding: frozenset[str]
    findings: tuple[Finding, ...]
    sites: frozenset[str]
    weighty: frozenset[str]


def judge_other_sources(context: PlanContext, beside: Beside, others: Iterable[OrganTable]) -> tuple[Finding, ...]:
    """What the other shipped sources say at the same number of fractions, where it differs from what decided.

    A mandatory row that is exceeded, where no row on that organ is missed, is a stricter source: a line, and a
    variation for the weighty organs. Where a deciding row is missed, what a comparable row of another source says is
    shown.
    """
    decided = [f for f in beside.findings if f.kind is FindingKind.ORGAN_LIMIT and f.value is not None]
    missed = [f for f in decided if f.verdict is Verdict.NOT_MET]
    shown = {f.rule_id for f in decided}
    out: list[Finding] = []
    for table in others:
        if table.name in beside.deciding or not table.may_be_stricter_source:
            continue
        if beside.sites and not any(table.speaks_for(site) for site in beside.sites):
            continue
        out += _said_by(context, beside, table, missed, shown)
    return tuple(out)


def _said_by(
    context: PlanContext, beside: Beside, table: OrganTable, missed: Sequence[Finding], shown: set[str]
) -> list[Finding]:
    doubtful = {r.rule_id for r in table.rows if r.confidence == "low"}
    out = []
    for said in judge_organ_limits(context, table):
        if said.rule_id in doubtful | shown or said.value is None or said.level is not Level.MANDATORY:
            continue
        same_organ = [f for f in missed if _organs(f) & _organs(said)]
        if said.verdict is Verdict.NOT_MET and not same_organ:
            out.append(_stricter(table, said, beside.weighty))
        elif any(_comparable(f, said) for f in missed):
            word = "met" if said.verdict is not Verdict.NOT_MET else "missed as well"
            out.append(as_other_source(said, notes=(f"{table.title}: {word}; it does not decide",)))
    return out


def _organs(finding: Finding) -> set[str]:
    return set(finding.organ.split("+"))


def _comparable(one: Finding, other: Finding) -> bool:
    """Whether two rows of two sources ask the same thing: one metric text, or both a near-maximum dose."""
    airway = organ_group("airway")
    if one.organ != other.organ and not (_organs(one) <= airway and _organs(other) <= airway):
        return False
    if one.unit != other.unit or is_upper(one.comparator) != is_upper(other.comparator):
        return False
    points = {kind_of_finding(one), kind_of_finding(other)}
    return one.metric == other.metric or points == {SupplementKind.POINT}


def _stricter(table: OrganTable, said: Finding, weighty: frozenset[str]) -> Finding:
    outcome = Outcome.PASS_WITH_VARIATION if _organs(said) & weighty else Outcome.PASS
    note = f"{table.title} is stricter and exceeded; it does not decide"
    return replace(
        said,
        kind=FindingKind.STRICTER_SOURCE,
        consequence=outcome,
        notes=told(note, *said.notes),
        source=f"{said.source} ({table.trust})",
    )
