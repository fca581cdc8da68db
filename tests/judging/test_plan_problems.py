"""Errors and warnings that the report lists beside its findings: they say what a finding lacks, and decide nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mutations import mini

from sbrtcheck.errors import WrongUsageError
from sbrtcheck.judging.problems import errors_of_findings
from sbrtcheck.model import Finding, FindingKind, Level, Outcome, Reason, Verdict

OPEN = Finding(
    rule_id="x",
    kind=FindingKind.ORGAN_LIMIT,
    verdict=Verdict.NOT_EVALUABLE,
    consequence=Outcome.INCOMPLETE,
    level=Level.MANDATORY,
    organ="Esophagus",
    roi="Oesophagus",
    metric="D5cc[Gy]",
    reason=Reason.ROI_SMALLER_THAN_METRIC,
)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.ROI_SMALLER_THAN_METRIC, "E-ROI-SMALLER-THAN-METRIC"),
        (Reason.OUTSIDE_GRID, "E-OUTSIDE-GRID"),
        (Reason.NO_ROI, "E-OAR-MISSING"),
    ],
)
def test_what_has_no_number_is_an_error_once(reason: Reason, code: str) -> None:
    first, second = replace(OPEN, reason=reason), replace(OPEN, reason=reason, metric="D10cc[Gy]")
    found = errors_of_findings([first, second, first])
    assert [(p.code, p.object, p.seen) for p in found] == [(code, "Oesophagus", "D5cc[Gy], D10cc[Gy]")]
    assert errors_of_findings([replace(first, roi="")])[0].object == "Esophagus"


def test_what_keeps_no_plan_from_passing_is_no_error() -> None:
    assert errors_of_findings([replace(OPEN, consequence=Outcome.PASS)]) == []
    assert errors_of_findings([replace(OPEN, reason=Reason.NO_TABLE), replace(OPEN, reason=None)]) == []
    assert mini.reference("passing").errors == ()


def test_a_close_name_is_told_and_decides_nothing(tmp_path: Path) -> None:
    """A ROI that nothing asks for: matched or not, the outcome stays; one that is asked for is still missing."""
    rois = dict(mini.rois())
    rois["Trachea2x"] = rois["BrachialPlexus"]
    extra = mini.check_files(tmp_path / "1", {**mini.files(), "rs.dcm": mini.structures(only=rois)})
    assert extra.outcome is mini.reference().outcome
    rois = {("Esophagos" if name == "Esophagus" else name): roi for name, roi in mini.rois().items()}
    report = mini.check_files(tmp_path / "2", {**mini.files(), "rs.dcm": mini.structures(only=rois)})
    assert [(p.object, p.seen) for p in report.warnings if p.code == "W-CLOSE-NAME"] == [("Esophagos", "Esophagus")]
    missed = [p.object for p in report.errors if p.code == "E-OAR-MISSING"]
    assert [name.split(" or ")[0] for name in missed] == ["Esophagus"]
    assert report.outcome is Outcome.INCOMPLETE


def test_what_is_said_of_a_target_that_lost_its_contours_is_no_wrong_call(tmp_path: Path) -> None:
    """The ROI is there and the plan prescribes to it: the answer is about the plan, not about the option."""
    rois = {**mini.rois(), "PTV": ("PTV", [])}
    files = {**mini.files(), "rs.dcm": mini.structures(only=rois)}
    report = mini.check_files(tmp_path / "1", files, sites={"PTV": "node"})
    assert report.outcome is Outcome.INCOMPLETE
    assert ("E-NO-CONTOURS", True) in {(p.code, "PTV" in p.line()) for p in report.errors}
    with pytest.raises(WrongUsageError, match="E-ROI-UNKNOWN"):
        mini.check_files(tmp_path / "2", files, sites={"PTV2": "node"})
