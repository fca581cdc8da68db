"""Objects that may be of two patients leave a check incomplete until somebody has confirmed them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutations import mini

from sbrtcheck.model import Outcome, Report


def check(folder: Path, keyword: str, value: str, **options: object) -> Report:
    dose = mini.dataset("rd.dcm")
    setattr(dose, keyword, value)
    return mini.check_files(folder, {**mini.files(), "rd.dcm": dose}, **options)


@pytest.mark.parametrize(
    ("keyword", "value"), [("PatientBirthDate", "19010101"), ("PatientSex", "F"), ("PatientName", "Other^One")]
)
def test_a_difference_is_incomplete_until_it_is_confirmed(tmp_path: Path, keyword: str, value: str) -> None:
    report = check(tmp_path / "in", keyword, value)
    (found,) = [f for f in report.course_findings if f.rule_id == "identity:patient"]
    assert found.consequence is Outcome.INCOMPLETE
    assert report.outcome is Outcome.INCOMPLETE
    assert keyword in found.note
    assert value not in found.note
    assert not [f for f in report.facts if f.name == "all objects of one patient"]


def test_the_caller_or_the_case_file_confirms_and_it_is_printed(tmp_path: Path) -> None:
    case = tmp_path / "case.toml"
    case.write_text("same_patient = true\n", encoding="utf-8")
    by_option = check(tmp_path / "a", "PatientBirthDate", "19010101", same_patient=True)
    by_case = check(tmp_path / "b", "PatientBirthDate", "19010101", case=case)
    for report, origin in ((by_option, "given by the caller"), (by_case, "case file")):
        assert "identity:patient" not in {f.rule_id for f in report.course_findings}
        (fact,) = [f for f in report.facts if f.name == "all objects of one patient"]
        assert (fact.value, fact.origin) == ("confirmed", origin)
        assert "W-PATIENT-NAME" in {w.code for w in report.warnings}


def test_nothing_to_confirm_is_not_printed(tmp_path: Path) -> None:
    report = mini.check_files(tmp_path / "in", mini.files(), same_patient=True)
    assert report.outcome is mini.reference().outcome
    assert not [f for f in report.facts if f.name == "all objects of one patient"]
