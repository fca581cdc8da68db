"""Closed vocabularies. Every value here stands in the published JSON schema; nothing else may."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What a report concludes. Ordered by :func:`worst_outcome`, worst last."""

    PASS = "PASS"
    PASS_WITH_VARIATION = "PASS_WITH_VARIATION"
    MARGINAL = "MARGINAL"
    INCOMPLETE = "INCOMPLETE"
    FAIL = "FAIL"
    REFUSED = "REFUSED"


class Verdict(StrEnum):
    """How a number stands to its limit."""

    MET = "MET"
    MARGINAL = "MARGINAL"
    NOT_MET = "NOT_MET"
    NOT_EVALUABLE = "NOT_EVALUABLE"
    INFORMATION = "INFORMATION"


class Level(StrEnum):
    """How a rule is judged."""

    MANDATORY = "mandatory"
    OPTIMAL = "optimal"
    ADVISORY = "advisory"
    INFORMATION = "information"


class FindingKind(StrEnum):
    """What a finding is about."""

    ORGAN_LIMIT = "organ_limit"
    TARGET_GOAL = "target_goal"
    CONFORMITY = "conformity"
    LESION_BED10 = "lesion_bed10"
    GUIDELINE = "guideline"
    COMPLETENESS = "completeness"
    STRICTER_SOURCE = "stricter_source"
    OTHER_SOURCE = "other_source"
    CONSISTENCY = "consistency"
    SITE_CAUTION = "site_caution"


class Reason(StrEnum):
    """Why there is no number, or why a number cannot settle its rule."""

    NO_ROI = "no_roi"
    NO_CONTOURS = "no_contours"
    AMBIGUOUS_ROI = "ambiguous_roi"
    DAMAGED_ROI = "damaged_roi"
    OTHER_FRAME_OF_REFERENCE = "other_frame_of_reference"
    OUTSIDE_GRID = "outside_grid"
    ROI_SMALLER_THAN_METRIC = "roi_smaller_than_metric"
    COARSE_GRID = "coarse_grid"
    NO_PRESCRIPTION = "no_prescription"
    NO_FRACTIONS = "no_fractions"
    NO_TABLE = "no_table"
    NO_TARGET = "no_target"
    NO_SITE = "no_site"
    NOT_COMPUTABLE = "not_computable"
    CONTAINER_EXCEEDED = "container_exceeded"
    PART_MISSING = "part_missing"
    ORGAN_CUT = "organ_cut"
    ORGAN_SMALLER = "organ_smaller"
    PART_DRAWN = "part_drawn"
    OUTSIDE_TABLE_RANGE = "outside_table_range"
    NOT_DECLARED = "not_declared"
    CUMULATIVE_NOT_SUMMED = "cumulative_not_summed"
    NOT_SBRT = "not_sbrt"
    SOURCES_DISAGREE = "sources_disagree"

    @property
    def words(self) -> str:
        """The reason as a physicist would say it."""
        return _REASON_WORDS[self]


_REASON_WORDS = {
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


class MarginalReason(StrEnum):
    """Why a finding is MARGINAL: the number lies so close to its limit, or only a person can judge it."""

    WITHIN_BAND = "within_band"
    NEEDS_REVIEW = "needs_review"


class MatchedBy(StrEnum):
    """How a ROI got its organ or target."""

    NAME = "tg263_name"
    ALIAS = "alias"
    MAP = "map"
    TYPE = "interpreted_type"
    DOSE_REFERENCE = "dose_reference"
    DERIVED = "derived"
    NONE = "none"


class Role(StrEnum):
    """What a ROI is to the checker."""

    ORGAN = "organ"
    TARGET = "target"
    BODY = "body"
    PRV = "prv"
    HELPER = "helper"
    UNMATCHED = "unmatched"


# The kinds of target, the inner before those that hold it.
TARGET_TYPES = ("IGTV", "GTV", "ITV", "CTV", "PTV")


class ContourMeaning(StrEnum):
    """How contours that allow more than one reading are read."""

    AS_DRAWN = "as drawn"
    INNER_LOOPS_SOLID = "nested loops read as solid"
    MISSING_SLICES_BRIDGED = "missing slices bridged"
    CURLS_LEFT_OUT = "what a contour encloses twice left out"

    @property
    def may_be_meant(self) -> bool:
        """Whether the contours may just as well mean this: then the worse verdict counts.

        A loop inside a loop is a hole: that is what exporters write. The solid reading is only ever shown.
        """
        return self is not ContourMeaning.INNER_LOOPS_SOLID


class Quantity(StrEnum):
    """What the dose axis of a Dvh means."""

    PHYSICAL = "physical"
    EQD2 = "EQD2"
    BED = "BED"


_ORDER = {outcome: rank for rank, outcome in enumerate(Outcome)}
EXIT_CODE = {
    Outcome.PASS: 0,
    Outcome.PASS_WITH_VARIATION: 0,
    Outcome.FAIL: 1,
    Outcome.MARGINAL: 3,
    Outcome.INCOMPLETE: 3,
    Outcome.REFUSED: 4,
}
EXIT_USAGE = 2
EXIT_INTERNAL = 70


def worst_outcome(*outcomes: Outcome) -> Outcome:
    """The worst of the outcomes given: REFUSED > FAIL > INCOMPLETE > MARGINAL > PASS_WITH_VARIATION > PASS.

    Raises:
        ValueError: nothing was given. An empty set of judgements is not a PASS.
    """
    if not outcomes:
        raise ValueError("no outcome given: nothing was judged, and that is not a PASS")
    return max(outcomes, key=_ORDER.__getitem__)
