"""Spared volumes of small organs: what cannot be spared because it is not there is judged by mean and share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sbrtcheck.judging.organ_limits import PlanContext, is_whole
from sbrtcheck.judging.row_kinds import kind_of_finding
from sbrtcheck.model import Finding, FindingKind, Level, Outcome, Reason, Verdict
from sbrtcheck.model.finding import held_at
from sbrtcheck.model.policy import SupplementKind
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables.organs import organ_info

ENOUGH = "small_organs.enough_times"
SMALLER = "small_organs.smaller_times"
_DECIDING_KINDS = {SupplementKind.MEAN, SupplementKind.VOLUME_PERCENT}


def judge_small_organs(
    context: PlanContext, findings: Sequence[Finding], *, absent: Mapping[str, str]
) -> tuple[Finding, ...]:
    """The findings, with each missed spared volume of a whole but small organ held as its mean and shares are.

    The mean and share limits of the organ (the deciding table's or a supplement's) decide: their optimal limits met, a
    variation; the mandatory ones only, MARGINAL; missed, FAIL; none, MARGINAL. That holds only while the organ's spared
    share is that of an organ of sufficient size which meets the limit: shrinking an organ never helps it.

    Args:
        findings: on organ limits, supplements among them.
        absent: organs declared absent: what is left of a resected pair is small whatever its volume.
    """
    return tuple(_held(context, f, findings, absent) for f in findings)


def _held(context: PlanContext, finding: Finding, findings: Sequence[Finding], absent: Mapping[str, str]) -> Finding:
    if not _is_missed_spared_volume(finding):
        return finding
    subject = context.subject_of(finding)
    if subject is None or finding.limit is None or finding.value is None or not is_whole(subject, organ=finding.organ):
        return finding
    total_cm3 = subject.dvh.total_volume_cm3
    enough = context.policy.value(ENOUGH)
    resected = _is_resected(finding.organ, absent)
    if not resected and total_cm3 >= enough * finding.limit:
        return finding
    if finding.value < total_cm3 / enough:
        share = f"{100 * finding.value / total_cm3:.0f} % of it is spared"
        said = f"the organ has {total_cm3:.0f} cc and {share}: an organ of sufficient size would miss the limit too"
        return held_at(finding, finding.consequence, said, ENOUGH)
    return _by_mean_and_share(context, finding, findings, subject, "resection declared" if resected else "")


def _is_missed_spared_volume(finding: Finding) -> bool:
    return (
        finding.kind is FindingKind.ORGAN_LIMIT
        and finding.verdict is Verdict.NOT_MET
        and finding.unit == "cc"
        and kind_of_finding(finding) is SupplementKind.SPARED
    )


def _is_resected(organ: str, absent: Mapping[str, str]) -> bool:
    """Whether a part of the organ is declared absent: a lung of both, a kidney of both."""
    info = organ_info().get(organ.removesuffix("-GTV"))
    parts = {name for part in info.union_of for name in part} if info else set()
    return bool(({organ} | parts) & set(absent))


def _by_mean_and_share(
    context: PlanContext, finding: Finding, findings: Sequence[Finding], subject: Subject, why: str
) -> Finding:
    base = finding.organ.removesuffix("-GTV")
    beside = [
        f
        for f in findings
        if f.kind is FindingKind.ORGAN_LIMIT
        and f.organ.removesuffix("-GTV") in _same_organ(base)
        and f.verdict not in {Verdict.NOT_EVALUABLE, Verdict.INFORMATION}
        and f.level in {Level.MANDATORY, Level.OPTIMAL}
        and kind_of_finding(f) in _DECIDING_KINDS
    ]
    outcome, said = _decided(beside)
    total_cm3, limit = subject.dvh.total_volume_cm3, finding.limit or 0.0
    reason = finding.reason
    if total_cm3 < context.policy.value(SMALLER) * limit:
        size = f"the organ has {total_cm3:.0f} cc: the limit cannot be met at any dose"
        reason = Reason.ORGAN_SMALLER
    else:
        size = f"the organ has {total_cm3:.0f} cc, little more than the {limit:.0f} cc asked for"
    if finding.level is Level.OPTIMAL and outcome is not Outcome.FAIL:
        outcome = Outcome.PASS_WITH_VARIATION
    elif finding.level is Level.OPTIMAL:
        outcome = finding.consequence
    note = "; ".join(n for n in (size, why, said) if n)
    return replace(held_at(finding, outcome, note, ENOUGH), reason=reason)


def _same_organ(base: str) -> set[str]:
    """The names under which mean and share of an organ are limited: those of the cortex with the kidneys."""
    info = organ_info().get(base)
    return {base, *(info.judged_by if info else ())}


def _decided(beside: Sequence[Finding]) -> tuple[Outcome, str]:
    """What mean and share say of a spared volume that is not there to be spared, and how."""
    names = ", ".join(dict.fromkeys(f"{f.organ} {f.metric}" for f in beside))
    missed = {f.level for f in beside if f.verdict is Verdict.NOT_MET}
    if not beside:
        return Outcome.MARGINAL, "no limit on its mean or share at this number of fractions: a person decides"
    failed = [f for f in beside if f.level is Level.MANDATORY and f.verdict is Verdict.NOT_MET]
    if failed:
        worst = Outcome.FAIL if any(f.consequence is Outcome.FAIL for f in failed) else Outcome.MARGINAL
        return worst, f"judged by {names} instead: missed"
    if Level.OPTIMAL in missed or not any(f.level is Level.OPTIMAL for f in beside):
        return Outcome.MARGINAL, f"judged by {names} instead: the mandatory limit is met, the optimal one is not"
    return Outcome.PASS_WITH_VARIATION, f"judged by {names} instead: met"
