"""Findings that rest on no row of a table: information, what another table says, what leaves a report incomplete."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sbrtcheck.model.metric import MetricValue
from sbrtcheck.model.vocabulary import FindingKind, Level, Outcome, Reason, Verdict


def information(
    *,
    rule_id: str,
    kind: FindingKind,
    value: MetricValue | float | None = None,
    metric: str = "",
    unit: str = "",
    plan: str = "",
    lesion: str = "",
    organ: str = "",
    roi: str = "",
    table: str = "",
    note: str = "",
    source: str = "",
) -> Finding:
    """A finding that does nothing to the outcome.

    Args:
        rule_id: of the finding.
        kind: of the finding.
        value: a metric with its band, unit and reason, or a number without a band.
        metric: what the value is; ``unit`` where the value is a plain number.
        unit: of a plain number.
        plan: label; with ``lesion``, ``organ`` and ``roi`` what it is about.
        lesion: id.
        organ: as the tables name it.
        roi: name.
        table: that it comes from.
        note: for people.
        source: of what is said.
    """
    known = value if isinstance(value, MetricValue) else None
    number = value if not isinstance(value, MetricValue) else value.value
    return Finding(
        rule_id=rule_id,
        kind=kind,
        verdict=Verdict.INFORMATION,
        consequence=Outcome.PASS,
        level=Level.INFORMATION,
        table=table,
        lesion=lesion,
        plan=plan,
        organ=organ,
        roi=roi,
        metric=metric,
        value=number,
        low=known.low if known else number,
        high=known.high if known else number,
        unit=known.unit if known else unit,
        reason=known.reason if known else None,
        note=note,
        source=source,
    )


def as_other_source(finding: Finding, *, note: str) -> Finding:
    """What another table says, as it is shown beside the deciding one: its verdict stays and does nothing."""
    return replace(finding, kind=FindingKind.OTHER_SOURCE, consequence=Outcome.PASS, level=Level.INFORMATION, note=note)


def completeness(
    *,
    rule_id: str,
    plan: str,
    reason: Reason,
    note: str,
    organ: str = "",
    lesion: str = "",
    roi: str = "",
    marginal: bool = False,
) -> Finding:
    """A finding that makes the outcome INCOMPLETE; ``marginal``: MARGINAL, where a number is there and no limit."""
    return Finding(
        rule_id=rule_id,
        kind=FindingKind.COMPLETENESS,
        verdict=Verdict.MARGINAL if marginal else Verdict.NOT_EVALUABLE,
        consequence=Outcome.MARGINAL if marginal else Outcome.INCOMPLETE,
        level=Level.MANDATORY,
        plan=plan,
        organ=organ,
        roi=roi,
        lesion=lesion,
        reason=reason,
        note=note,
    )


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that the files lack or hold, with its origin (file tag, option, case file, geometry, our policy)."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule applied to one thing. ``consequence`` is what it does to the outcome: the worst consequence wins.

    ``reason`` goes with NOT_EVALUABLE; ``note`` is for people. ``margin`` = limit - value for an upper limit,
    value - limit for a lower one (positive: room left), in ``unit``; ``share`` = fraction of the limit used.
    """

    rule_id: str
    kind: FindingKind
    verdict: Verdict
    consequence: Outcome
    level: Level
    table: str = ""
    lesion: str = ""
    plan: str = ""
    organ: str = ""
    roi: str = ""
    metric: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    comparator: str = ""
    limit: float | None = None
    reason: Reason | None = None
    note: str = ""
    source: str = ""
    trust: str = ""
    margin: float | None = None
    share: float | None = None
