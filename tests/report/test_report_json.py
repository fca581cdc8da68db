"""The JSON report: held by its schema, the schema by the vocabulary; no identity, no path, no number that is not finite."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import report_fixture
from jsonschema import Draft202012Validator

from sbrtcheck.errors import Problem
from sbrtcheck.model import (
    Fact,
    FindingKind,
    InputFile,
    Level,
    MatchedBy,
    MetricValue,
    Options,
    Outcome,
    Reason,
    Report,
    Role,
    Verdict,
)
from sbrtcheck.model.report import report_to_dict
from sbrtcheck.model.report_dict import NOTICE, plain
from sbrtcheck.report import Format, render, render_json

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8"))
REPORTS = {
    "fails": report_fixture.report,
    "chosen_table": report_fixture.chosen_table_report,
    "passes": report_fixture.passing_report,
    "two_plans": report_fixture.two_plan_report,
}


def errors_of(document: Any) -> list[str]:
    return [f"{list(e.absolute_path)}: {e.message}" for e in Draft202012Validator(SCHEMA).iter_errors(document)]


@pytest.fixture(params=sorted(REPORTS))
def report(request: pytest.FixtureRequest) -> Report:
    made: Report = REPORTS[request.param]()
    return made


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_report_is_valid(report: Report) -> None:
    assert errors_of(json.loads(render_json(report))) == []


@pytest.mark.parametrize(
    ("name", "vocabulary"),
    [
        ("outcome", Outcome),
        ("verdict", Verdict),
        ("level", Level),
        ("kind", FindingKind),
        ("reason", Reason),
        ("matched_by", MatchedBy),
        ("role", Role),
    ],
)
def test_the_schema_lists_exactly_the_vocabulary(name: str, vocabulary: type[StrEnum]) -> None:
    assert SCHEMA["$defs"][name]["enum"] == [member.value for member in vocabulary]


def test_the_fixture_holds_every_kind_verdict_and_level() -> None:
    findings = report_fixture.report().findings
    assert {f.kind for f in findings} == set(FindingKind)
    assert {f.verdict for f in findings} == set(Verdict)
    assert {f.level for f in findings} == set(Level)


def test_every_key_that_is_written_stands_in_the_schema(report: Report) -> None:
    document = report_to_dict(report)
    assert list(document) == list(SCHEMA["properties"])
    parts = {
        "finding": [*document["course"]["findings"], *(f for p in document["course"]["plans"] for f in p["findings"])],
        "plan": document["course"]["plans"],
        "lesion": document["course"]["lesions"],
        "structure": document["structures"],
        "problem": document["errors"] + document["warnings"],
        "fact": document["facts"],
        "input": document["inputs"],
    }
    for name, items in parts.items():
        for item in items:
            assert set(item) == set(SCHEMA["$defs"][name]["properties"]) == set(SCHEMA["$defs"][name]["required"]), name


@pytest.mark.parametrize(
    ("path", "bad"),
    [
        (("outcome",), "OK"),
        (("exit_code",), 5),
        (("schema_version",), "3.0"),
        (("course", "plans", 0, "findings", 0, "verdict"), "PASSED"),
        (("course", "plans", 0, "findings", 0, "comparator"), "~"),
        (("course", "plans", 0, "findings", 0, "value"), "21.4"),
        (("structures", 0, "matched_by"), "guess"),
        (("inputs", 0, "name"), "/data/RP.dcm"),
    ],
)
def test_the_schema_refuses(path: tuple[str | int, ...], bad: object) -> None:
    document: Any = json.loads(render_json(report_fixture.report()))
    place = document
    for key in path[:-1]:
        place = place[key]
    assert errors_of(document) == []
    place[path[-1]] = bad
    assert errors_of(document) != []


def test_not_evaluable_without_a_reason_is_not_valid() -> None:
    document: Any = json.loads(render_json(report_fixture.report()))
    open_ = next(f for f in document["course"]["plans"][0]["findings"] if f["verdict"] == "NOT_EVALUABLE")
    open_["reason"] = None
    assert all("reason" in text for text in errors_of(document))
    assert errors_of(document)


def test_the_same_report_gives_the_same_bytes(report: Report) -> None:
    assert render_json(report) == render_json(report)
    shuffled = replace(report, versions=dict(reversed(report.versions.items())))
    assert render_json(shuffled) == render_json(report)


def test_the_patient_is_never_in_the_json() -> None:
    text = render_json(report_fixture.report())
    assert "Erika" not in text
    assert "PAT-0815" not in text


def test_numbers_that_are_not_finite_are_null_with_a_reason() -> None:
    base = report_fixture.passing_report()
    broken = replace(base.plans[0].findings[0], value=math.nan, high=math.inf)
    lesion = replace(
        base.lesions[0], bed10_gy=math.inf, metrics={"D98%[Gy]": report_fixture.exactly("D98%[Gy]", math.inf, "Gy")}
    )
    plan = replace(base.plans[0], findings=(broken,), global_max_gy=math.nan)
    document = json.loads(render_json(replace(base, plans=(plan,), lesions=(lesion,))))
    finding = document["course"]["plans"][0]["findings"][0]
    assert finding["value"] is None
    assert finding["high"] is None
    assert finding["reason"] == "not_computable"
    assert document["course"]["plans"][0]["global_max_gy"] is None
    assert document["course"]["lesions"][0]["bed10_gy"] is None
    assert document["course"]["lesions"][0]["metrics"]["D98%[Gy]"]["value"] is None
    assert errors_of(document) == []


def test_paths_are_cut_to_their_basenames() -> None:
    base = report_fixture.report()
    named = replace(
        base,
        options=Options(
            case=PurePosixPath("/data/Example_Erika/case.toml"), clinic="C:\\clinic\\clinic.toml", table="a/b"
        ),
        inputs=(
            InputFile("/data/Example_Erika/RP.dcm", "RTPLAN", "", "1.2", "a", True),
            InputFile("x\\RD.dcm", "RTDOSE", "", "", "", True),
        ),
        facts=(Fact("case file", "/data/Example_Erika/case.toml", "option"),),
    )
    document = json.loads(render_json(named))
    assert "Example" not in render_json(named)
    assert [document["options"][name] for name in ("case", "clinic", "table")] == ["case.toml", "clinic.toml", "a/b"]
    assert [i["name"] for i in document["inputs"]] == ["RP.dcm", "RD.dcm"]
    assert document["facts"][0]["value"] == "case.toml"


def test_records_and_arrays_become_plain_data() -> None:
    value = MetricValue("D98%[Gy]", None, None, None, "Gy", reason=Reason.OUTSIDE_GRID)
    assert plain({"a": value})["a"]["reason"] == "outside_grid"
    assert plain((np.array([1.0, math.nan]), np.int64(3), {"b", "a"})) == [[1.0, None], 3, ["a", "b"]]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *strings(item))
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def test_a_refusal_follows_the_schema_and_says_nothing_of_the_plan() -> None:
    problems = [
        Problem("E-DOSE-UNITS", "RD.dcm", tag="DoseUnits (3004,0002)", seen="RELATIVE"),
        Problem("W-STUDY", "RS.dcm"),
    ]
    document = json.loads(render(Report.refused(problems, options=Options()), Format.JSON))
    assert errors_of(document) == []
    assert (document["outcome"], document["exit_code"], document["default_outcome"]) == ("REFUSED", 4, "REFUSED")
    assert document["course"] == {"lesions": [], "plans": [], "cumulative": None, "findings": []}
    assert document["errors"][0]["seen"] == "RELATIVE"
    assert document["warnings"][0]["code"] == "W-STUDY"
    words = set(strings(document))
    assert not words & {"PASS", "MET", "FAIL", "MARGINAL", "PASS_WITH_VARIATION"}
    assert NOTICE in words


def test_a_refusal_needs_an_error() -> None:
    with pytest.raises(ValueError, match="at least one error"):
        render(Report.refused([Problem("W-STUDY", "RS.dcm")], options=Options()), Format.JSON)
