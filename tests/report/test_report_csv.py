"""The CSV report: one row a finding, every number exact, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

import pytest
import report_fixture
from hostile_text import HOSTILE, hostile
from hypothesis import given
from hypothesis import strategies as st

from sbrtcheck.errors import Problem
from sbrtcheck.model import Options, Report
from sbrtcheck.report import Format, csv_line, render, render_csv
from sbrtcheck.report.formats.csv import COLUMNS, ERROR_COLUMNS


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_one_row_per_finding_with_the_documented_header() -> None:
    report = report_fixture.two_plan_report()
    read = rows(render_csv(report))
    assert len(read) == len(report.findings)
    assert tuple(read[0]) == COLUMNS
    assert {row["outcome"] for row in read} == {"FAIL"}


def test_numbers_read_back_exactly_and_are_not_quoted() -> None:
    report = report_fixture.report()
    for row, finding in zip(rows(render_csv(report)), report.findings, strict=True):
        for name in ("value", "low", "high", "limit", "margin", "share"):
            number = getattr(finding, name)
            assert row[name] == ("" if number is None else repr(number))
    assert ",-0.41" in render_csv(report)


@pytest.mark.parametrize("text", HOSTILE, ids=[f"hostile{i}" for i in range(len(HOSTILE))])
def test_hostile_text_stays_in_its_cell(text: str) -> None:
    report = report_fixture.report()
    shown = render_csv(hostile(report, text))
    assert len(shown.splitlines()) == len(report.findings) + 1
    for row in rows(shown):
        for name, cell in row.items():
            if name in {"value", "low", "high", "limit", "margin", "share"}:
                continue
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), name


@given(text=st.text(max_size=40))
def test_any_text_is_one_cell_that_is_no_formula(text: str) -> None:
    (cells,) = list(csv.reader([csv_line([text, 1.5])]))
    assert len(cells) == 2
    assert not cells[0].lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r", " =", "\n@"])
def test_what_starts_a_formula_gets_an_apostrophe(start: str) -> None:
    (cells,) = list(csv.reader([csv_line([f"{start}1+1"])]))
    assert cells[0].startswith("'")


def test_cells_of_every_type() -> None:
    assert csv_line([None, True, 3, -1.5, math.nan, 'a "b", c']) == ',true,3,-1.5,,"a ""b"", c"'


def test_the_patient_is_never_in_the_csv() -> None:
    text = render_csv(report_fixture.report())
    assert "Erika" not in text
    assert "PAT-0815" not in text


def test_a_refusal_is_one_row_per_error() -> None:
    problems = [
        Problem("E-DOSE-UNITS", "RD.dcm", tag="DoseUnits (3004,0002)", seen="=RELATIVE"),
        Problem("E-NO-PLAN", "folder"),
    ]
    text = render(Report.refused(problems, options=Options()), Format.CSV)
    read = rows(text)
    assert tuple(read[0]) == ERROR_COLUMNS
    assert [row["code"] for row in read] == ["E-DOSE-UNITS", "E-NO-PLAN"]
    assert {(row["outcome"], row["exit_code"]) for row in read} == {("REFUSED", "4")}
    assert read[0]["seen"] == "'=RELATIVE"
    assert "PASS" not in text


def test_the_documented_header_is_the_header() -> None:
    page = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    documented = [" ".join(match.split()) for match in re.findall(r"`(outcome, [^`]+)`", page)]
    assert documented == [", ".join(COLUMNS), ", ".join(ERROR_COLUMNS)]
