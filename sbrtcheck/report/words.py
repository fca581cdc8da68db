"""The words of a report: every closed vocabulary in plain English, and what ranks before what."""

from __future__ import annotations

from sbrtcheck.model import Finding, FindingKind, Level, MatchedBy, Outcome, Reason, Verdict

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
    Outcome.MARGINAL: "a person must look: a rule is met or missed only within its uncertainty",
    Outcome.INCOMPLETE: "a person must look: something that counts was not evaluated",
    Outcome.FAIL: "a mandatory limit is not met",
    Outcome.REFUSED: "the input cannot be trusted; nothing was judged",
}
REASON_WORDS = {
    Reason.NO_ROI: "not contoured or not recognised",
    Reason.NO_CONTOURS: "the ROI has no contours",
    Reason.AMBIGUOUS_ROI: "several ROIs claim this organ",
    Reason.DAMAGED_ROI: "the contours are damaged",
    Reason.OTHER_FRAME_OF_REFERENCE: "the ROI lies in another frame of reference",
    Reason.OUTSIDE_GRID: "the structure leaves the dose grid",
    Reason.ROI_SMALLER_THAN_METRIC: "the structure is smaller than the volume of the metric",
    Reason.COARSE_GRID: "the dose grid is too coarse",
    Reason.NO_PRESCRIPTION: "no prescription is linked to the target",
    Reason.NO_FRACTIONS: "the number of fractions is not known",
    Reason.NO_TABLE: "no table row covers it",
    Reason.NO_TARGET: "no target was found",
    Reason.NO_SITE: "the site is not known",
    Reason.NOT_COMPUTABLE: "the metric cannot be computed here",
    Reason.CONTAINER_EXCEEDED: "not contoured, and the structure around it is beyond the limit",
    Reason.PART_MISSING: "a part of the structure is not contoured",
    Reason.ORGAN_CUT: "the organ seems cut by the end of the scan",
    Reason.ORGAN_SMALLER: "the organ is smaller than the volume asked for",
    Reason.PART_DRAWN: "only a part of the organ is drawn",
    Reason.OUTSIDE_TABLE_RANGE: "outside the range of the table",
    Reason.NOT_DECLARED: "not declared",
    Reason.CUMULATIVE_NOT_SUMMED: "the sum of the plans was not computed",
    Reason.NOT_SBRT: "not an SBRT scheme",
    Reason.SOURCES_DISAGREE: "the sources disagree",
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


def counts(finding: Finding) -> bool:
    """Whether the finding does anything to the outcome."""
    return finding.consequence is not Outcome.PASS
