"""The words of a report: every closed vocabulary in plain English, and what ranks before what."""

from __future__ import annotations

from typing import assert_never

from sbrtcheck.model import Finding, FindingKind, Level, MarginalReason, MatchedBy, Outcome, Verdict

VERDICT_WORDS = {
    Verdict.MET: "met",
    Verdict.MARGINAL: "MARGINAL",
    Verdict.NOT_MET: "NOT MET",
    Verdict.NOT_EVALUABLE: "NOT EVALUABLE",
    Verdict.INFORMATION: "information",
}
OUTCOME_WORDS = {
    Outcome.PASS: "every rule that counts was evaluated and met",
    Outcome.PASS_WITH_VARIATION: "mandatory rules that count are met; an optimal limit, goal or stricter source is not",
    Outcome.MARGINAL: "a person must look",
    Outcome.INCOMPLETE: "a person must look: something that counts was not judged",
    Outcome.FAIL: "a mandatory limit is not met",
    Outcome.REFUSED: "the input cannot be trusted; nothing was judged",
}
MATCHED_WORDS = {
    MatchedBy.NAME: "TG-263 name",
    MatchedBy.ALIAS: "alias",
    MatchedBy.MAP: "given (--map or clinic file)",
    MatchedBy.TYPE: "RT ROI Interpreted Type",
    MatchedBy.DOSE_REFERENCE: "the plan's dose reference",
    MatchedBy.DERIVED: "derived from other ROIs",
    MatchedBy.NONE: "not matched",
}
KIND_WORDS = {
    FindingKind.ORGAN_LIMIT: "organ limit",
    FindingKind.TARGET_GOAL: "target goal",
    FindingKind.CONFORMITY: "conformity",
    FindingKind.LESION_BED10: "BED10 of the prescription",
    FindingKind.GUIDELINE: "guideline",
    FindingKind.COMPLETENESS: "completeness",
    FindingKind.STRICTER_SOURCE: "stricter source",
    FindingKind.OTHER_SOURCE: "another table, judged beside",
    FindingKind.CONSISTENCY: "consistency",
    FindingKind.SITE_CAUTION: "site caution",
}
# In tables, where width is dear.
LEVEL_SHORT = {
    Level.MANDATORY: "mand.",
    Level.OPTIMAL: "opt.",
    Level.ADVISORY: "adv.",
    Level.INFORMATION: "info",
}
OUTCOME_TONE = {
    Outcome.PASS: "good",
    Outcome.PASS_WITH_VARIATION: "vary",
    Outcome.MARGINAL: "warn",
    Outcome.INCOMPLETE: "open",
    Outcome.FAIL: "bad",
    Outcome.REFUSED: "bad",
}
_OUTCOME_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}
_LEVEL_RANK = {Level.MANDATORY: 0, Level.OPTIMAL: 1, Level.ADVISORY: 2, Level.INFORMATION: 3}


def tone(finding: Finding) -> str:
    """The colour class of a finding; the word beside it says the same."""
    if finding.verdict is Verdict.NOT_MET:
        return "bad" if finding.consequence is Outcome.FAIL else "vary"
    if finding.verdict is Verdict.MARGINAL:
        return "warn"
    if finding.verdict is Verdict.NOT_EVALUABLE:
        return "open"
    return "good" if finding.verdict is Verdict.MET else "info"


def rank(finding: Finding) -> tuple[int, int, int, float, str]:
    """Sort key, what matters first.

    Missed, then marginal, then not evaluable where that counts, then the rest by share of the limit used, then what was
    not evaluated without consequence. Inside a group: worst consequence, then mandatory, then the larger share.
    """
    counts = finding.consequence is not Outcome.PASS
    group = {
        Verdict.NOT_MET: 0,
        Verdict.MARGINAL: 1,
        Verdict.NOT_EVALUABLE: 2 if counts else 5,
        Verdict.MET: 3,
        Verdict.INFORMATION: 4,
    }[finding.verdict]
    share = finding.share if finding.share is not None else 0.0
    level = _LEVEL_RANK[finding.level] if group < 3 else 0
    return (group, -_OUTCOME_RANK[finding.consequence], level, -share, finding.rule_id)


def marginal_words(reason: MarginalReason) -> str:
    """Why an outcome is MARGINAL, beside the word."""
    match reason:
        case MarginalReason.WITHIN_BAND:
            return "within the band"
        case MarginalReason.NEEDS_REVIEW:
            return "needs review"
        case _:
            assert_never(reason)


def counts(finding: Finding) -> bool:
    """Whether the finding does anything to the outcome."""
    return finding.consequence is not Outcome.PASS
