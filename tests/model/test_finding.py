"""The sentence that a finding says, and why it is MARGINAL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sbrtcheck.model import Finding, FindingKind, Level, MarginalReason, Outcome, Reason, Verdict
from sbrtcheck.model.finding import completeness, told

LIMIT = Finding(
    rule_id="aapm_tg101:Trachea+ProximalBronchialTree:5:D0.035cc[Gy]:<=",
    kind=FindingKind.ORGAN_LIMIT,
    verdict=Verdict.NOT_MET,
    consequence=Outcome.FAIL,
    level=Level.MANDATORY,
    table="aapm_tg101",
    organ="Trachea+ProximalBronchialTree",
    roi="Trachea + ProximalBronchialTree",
    metric="D0.035cc[Gy]",
    value=47.61,
    low=47.3,
    high=47.9,
    unit="Gy",
    comparator="<=",
    limit=40.0,
    notes=("union of Trachea + ProximalBronchialTree",),
    source="AAPM TG-101, 5 fractions: G3+ stenosis/fistula",
)
SPARED = replace(
    LIMIT,
    organ="Lungs",
    roi="Lungs",
    verdict=Verdict.MET,
    consequence=Outcome.PASS,
    metric="CV12.5Gy[cc]",
    value=1866.2,
    low=1860.0,
    high=1872.0,
    unit="cc",
    comparator=">=",
    limit=1500.0,
)


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (LIMIT, "Trachea + ProximalBronchialTree: D0.035cc 47.6 Gy, limit 40 Gy (AAPM TG-101, 5 fractions): not met"),
        (SPARED, "Lungs: 1866 cc spared below 12.5 Gy, at least 1500 cc needed (AAPM TG-101, 5 fractions): met"),
        (
            replace(LIMIT, verdict=Verdict.MARGINAL, value=39.9, low=39.6, high=40.2),
            (
                "Trachea + ProximalBronchialTree: D0.035cc 39.90 Gy, limit 40 Gy (AAPM TG-101, 5 fractions): "
                "within its uncertainty (39.60 to 40.20 Gy)"
            ),
        ),
        (
            replace(LIMIT, level=Level.OPTIMAL, organ="Skin", roi="BODY_5mm", consequence=Outcome.PASS_WITH_VARIATION),
            "Skin (BODY_5mm): D0.035cc 47.6 Gy, limit 40 Gy (AAPM TG-101, 5 fractions): not met (optimal)",
        ),
        (
            replace(LIMIT, value=40.0, comparator="<"),
            (
                "Trachea + ProximalBronchialTree: D0.035cc 40.0 Gy, limit 40 Gy, must be below it "
                "(AAPM TG-101, 5 fractions): not met"
            ),
        ),
        (
            replace(LIMIT, verdict=Verdict.NOT_EVALUABLE, value=None, reason=Reason.OUTSIDE_GRID, notes=()),
            (
                "Trachea + ProximalBronchialTree: D0.035cc not evaluable: the structure leaves the dose grid "
                "(AAPM TG-101, 5 fractions)"
            ),
        ),
        (
            replace(
                LIMIT,
                kind=FindingKind.TARGET_GOAL,
                verdict=Verdict.NOT_MET,
                lesion="1",
                organ="",
                roi="PTV",
                metric="D95%[%]",
                value=96.2,
                low=96.0,
                high=96.4,
                unit="%",
                comparator=">=",
                limit=100.0,
                source="policy of this program",
            ),
            "lesion 1 PTV: D95% 96.2 %, at least 100 % needed (our policy): not met",
        ),
        (
            completeness(rule_id="required:Esophagus", plan="", reason=Reason.NO_ROI, organ="Esophagus", notes=("x",)),
            "Esophagus: x",
        ),
        (
            completeness(
                rule_id="required:Esophagus",
                plan="",
                reason=Reason.NO_ROI,
                organ="Esophagus",
                notes=("Esophagus is required and is not contoured",),
            ),
            "Esophagus is required and is not contoured",
        ),
    ],
)
def test_a_finding_says_itself_in_one_sentence(finding: Finding, sentence: str) -> None:
    assert finding.text == sentence


def test_notes_are_joined_where_they_are_shown_and_say_each_thing_once() -> None:
    assert told("a", "", "b", "a") == ("a", "b")
    assert replace(LIMIT, notes=told("a", "b")).note == "a; b"


@pytest.mark.parametrize(
    ("finding", "reason"),
    [
        (LIMIT, None),
        (replace(LIMIT, consequence=Outcome.MARGINAL), MarginalReason.NEEDS_REVIEW),
        (replace(LIMIT, consequence=Outcome.MARGINAL, value=39.9, low=39.6, high=40.2), MarginalReason.WITHIN_BAND),
        (
            replace(
                LIMIT,
                consequence=Outcome.MARGINAL,
                low=39.6,
                high=40.2,
                marginal_reason=MarginalReason.NEEDS_REVIEW,
            ),
            MarginalReason.NEEDS_REVIEW,
        ),
        (replace(LIMIT, marginal_reason=MarginalReason.NEEDS_REVIEW), None),
    ],
)
def test_marginal_has_a_reason_and_nothing_else_has_one(finding: Finding, reason: MarginalReason | None) -> None:
    assert finding.why_marginal is reason
