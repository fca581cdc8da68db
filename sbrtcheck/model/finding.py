"""A Finding, the sentence that says it, and the findings that rest on no row of a table."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import assert_never

from sbrtcheck.errors import safe_text
from sbrtcheck.model.metric import MetricValue
from sbrtcheck.model.numbers import format_limit, format_value
from sbrtcheck.model.vocabulary import FindingKind, Level, MarginalReason, Outcome, Reason, Verdict

OWN_POLICY = "policy of this program"
_SPARED = re.compile(r"CV(?P<dose>[\d.]+)Gy")
_ROWS_OF_TABLES = {FindingKind.ORGAN_LIMIT, FindingKind.STRICTER_SOURCE, FindingKind.OTHER_SOURCE}


def told(*parts: str) -> tuple[str, ...]:
    """Notes of a finding: what there is to say, each thing once, in the order given."""
    return tuple(dict.fromkeys(part for part in parts if part))


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
    notes: tuple[str, ...] = (),
    source: str = "",
) -> Finding:
    """A finding that does nothing to the outcome.

    Args:
        value: a metric with its band, unit and reason, or a number without a band.
        metric: what the value is; ``unit`` where the value is a plain number.
        plan: label; with ``lesion``, ``organ`` and ``roi`` what it is about.
        organ: as the tables name it.
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
        notes=notes,
        source=source,
    )


def as_other_source(finding: Finding, *, notes: tuple[str, ...]) -> Finding:
    """What another table says, as it is shown beside the deciding one: its verdict stays and does nothing."""
    return replace(
        finding,
        kind=FindingKind.OTHER_SOURCE,
        consequence=Outcome.PASS,
        level=Level.INFORMATION,
        marginal_reason=None,
        notes=notes,
    )


def completeness(
    *,
    rule_id: str,
    plan: str,
    reason: Reason,
    notes: tuple[str, ...],
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
        notes=notes,
    )


def held_at(finding: Finding, outcome: Outcome, said: str, *policy: str, level: Level | None = None) -> Finding:
    """A finding with another consequence, what is said of it first, and the policy values that it rests on.

    Args:
        finding: as its row alone would have it.
        outcome: its consequence now. One that becomes MARGINAL needs review, whatever its band.
        said: why.
        policy: keys of the policy values.
        level: how the row is held now; None: as before.
    """
    became = outcome is Outcome.MARGINAL and finding.consequence is not outcome
    return replace(
        finding,
        consequence=outcome,
        level=finding.level if level is None else level,
        notes=told(said, *finding.notes),
        policy=tuple(dict.fromkeys((*finding.policy, *policy))),
        marginal_reason=MarginalReason.NEEDS_REVIEW if became else finding.marginal_reason,
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

    ``reason`` goes with NOT_EVALUABLE; ``notes`` are for people, one thing each. ``margin`` = limit - value for an
    upper limit and value - limit for a lower one (positive: room left), in ``unit``; ``share`` = fraction of the limit
    used. ``marginal_reason`` goes with a consequence of MARGINAL; where it is None, ``why_marginal`` goes by the band.
    ``policy`` = keys of the policy values that it rests on.
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
    notes: tuple[str, ...] = ()
    source: str = ""
    trust: str = ""
    margin: float | None = None
    share: float | None = None
    marginal_reason: MarginalReason | None = None
    policy: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """The notes on one line."""
        return "; ".join(self.notes)

    @property
    def why_marginal(self) -> MarginalReason | None:
        """Why the consequence is MARGINAL: as judging said, else by whether the limit lies inside the band."""
        if self.consequence is not Outcome.MARGINAL:
            return None
        return self.marginal_reason or (
            MarginalReason.WITHIN_BAND if self._band_holds_limit else MarginalReason.NEEDS_REVIEW
        )

    @property
    def _band_holds_limit(self) -> bool:
        if self.low is None or self.high is None or self.limit is None or self.low == self.high:
            return False
        return self.low <= self.limit <= self.high

    @property
    def band(self) -> tuple[str, str]:
        """Both ends of the numerical band as shown, each standing to the limit as the unrounded end does."""
        numbers = (self.low, self.high, self.value)
        shown = [format_value(number, self.limit, self.comparator, self.unit) for number in numbers]
        decimals = max(len(text.partition(".")[2]) for text in shown)
        low, high = (
            format_value(end, self.limit, self.comparator, self.unit, decimals=decimals)
            for end in (self.low, self.high)
        )
        return low, high

    @property
    def about(self) -> str:
        """What the finding is about: an organ with its ROI where the names differ, or a lesion with its target."""
        if not self.lesion:
            return self.structure
        return f"lesion {safe_text(self.lesion, limit=40)} {safe_text(self.roi or self.organ, limit=80)}".rstrip()

    @property
    def structure(self) -> str:
        """The organ with its ROI where the names differ, or the ROI."""
        organ, roi = safe_text(self.organ, limit=80), safe_text(self.roi, limit=80)
        parts = organ.split("+")
        joint = " + ".join(parts)
        if not organ or not roi or roi in {organ, joint}:
            return joint if organ else roi
        # Of a limit on several organs jointly, the ROI that was judged.
        return roi if len(parts) > 1 and roi in parts else f"{joint} ({roi})"

    @property
    def cited(self) -> str:
        """The source as a sentence names it: "AAPM TG-101, 5 fractions"."""
        if self.source == OWN_POLICY:
            return "our policy"
        source = self.source.partition(": ")[0] if self.kind in _ROWS_OF_TABLES else self.source
        return safe_text(source, limit=120)

    @property
    def text(self) -> str:
        """The sentence that a person reads.

        "Trachea + ProximalBronchialTree: D0.035cc 47.6 Gy, limit 40 Gy (AAPM TG-101, 5 fractions): not met".
        """
        about, said = self.about, self._said()
        if about and not (self.value is None and said.startswith(about.partition(" (")[0])):
            said = f"{about}: {said}"
        cited = f" ({self.cited})" if self.cited else ""
        verdict = self._verdict_words()
        return f"{said}{cited}{f': {verdict}' if verdict else ''}"

    def _said(self) -> str:
        """The value beside its limit, or as much as there is to say without a number."""
        metric = safe_text(self.metric, limit=80).removesuffix(f"[{self.unit}]")
        notes = safe_text(self.note, limit=300)
        if self.verdict is Verdict.NOT_EVALUABLE:
            why = notes or (self.reason.words if self.reason else "no reason given")
            return f"{metric} not evaluable: {why}" if self.limit is not None else why
        if self.value is None:
            return notes or metric
        value = f"{format_value(self.value, self.limit, self.comparator, self.unit)} {self.unit}".rstrip()
        if self.limit is None:
            return f"{metric} {value}".lstrip() + (f"; {notes}" if notes else "")
        limit = f"{format_limit(self.limit, self.value, self.low, self.high, unit=self.unit)} {self.unit}".rstrip()
        spared = _SPARED.fullmatch(metric)
        if spared and self.comparator in {">", ">="}:
            return f"{value} spared below {spared['dose']} Gy, at least {limit} needed"
        if self.comparator in {">", ">="}:
            return f"{metric} {value}, at least {limit} needed"
        strict = ", must be below it" if self.value == self.limit and self.verdict is Verdict.NOT_MET else ""
        return f"{metric} {value}, limit {limit}{strict}"

    def _verdict_words(self) -> str:
        match self.verdict:
            case Verdict.MET:
                return "met"
            case Verdict.NOT_MET:
                return "not met (optimal)" if self.level is Level.OPTIMAL else "not met"
            case Verdict.MARGINAL if self._band_holds_limit:
                low, high = self.band
                return f"within its uncertainty ({low} to {high} {self.unit}".rstrip() + ")"
            case Verdict.MARGINAL:
                return "needs review"
            case Verdict.NOT_EVALUABLE | Verdict.INFORMATION:
                return ""
            case _:
                assert_never(self.verdict)
