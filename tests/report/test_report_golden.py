"""The reports of the fixture as they are: any change of words, order or digits shows as a difference in tests/golden/.

After a wanted change, write the files again and read the difference before committing it:

    make golden
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import report_fixture

from sbrtcheck.errors import Problem
from sbrtcheck.model import Options, Report
from sbrtcheck.report import Format, render, render_csv, render_json, render_text

GOLDEN = Path(__file__).parents[1] / "golden"


def _refusal() -> list[Problem]:
    return [
        Problem("E-DOSE-UNITS", "RD.central.dcm", tag="DoseUnits (3004,0002)", seen="RELATIVE"),
        Problem("E-FOR", "RS.central.dcm", tag="FrameOfReferenceUID (0020,0052)", seen="1.2.3; the dose has 1.2.4"),
        Problem("W-STUDY", "RS.central.dcm"),
    ]


FILES: dict[str, Callable[[], str]] = {
    "fails.txt": lambda: render_text(report_fixture.report()),
    "fails_80.txt": lambda: render_text(report_fixture.report(), width=80),
    "fails.json": lambda: render_json(report_fixture.report()),
    "fails.csv": lambda: render_csv(report_fixture.report()),
    "chosen_table.txt": lambda: render_text(report_fixture.chosen_table_report()),
    "passes.txt": lambda: render_text(report_fixture.passing_report()),
    "two_plans.txt": lambda: render_text(report_fixture.two_plan_report()),
    "refused.txt": lambda: render(Report.refused(_refusal(), options=Options()), Format.TEXT),
    "refused.json": lambda: render(Report.refused(_refusal(), options=Options()), Format.JSON),
    "refused.csv": lambda: render(Report.refused(_refusal(), options=Options()), Format.CSV),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_report_is_what_it_was(name: str) -> None:
    assert FILES[name]() == (GOLDEN / name).read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(FILES)


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: make golden")
    GOLDEN.mkdir(exist_ok=True)
    for file_name, make in FILES.items():
        (GOLDEN / file_name).write_text(make(), encoding="utf-8", newline="\n")
