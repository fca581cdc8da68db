"""The text report: what decides comes first, words carry what colour repeats, and nothing from a file can steer a terminal."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import fields, replace
from enum import StrEnum

import pytest
import report_fixture
from hostile_text import HOSTILE, hostile

from sbrtcheck.errors import Problem, safe_text
from sbrtcheck.model import (
    FindingKind,
    Level,
    MarginalReason,
    MatchedBy,
    MetricValue,
    Options,
    Outcome,
    Reason,
    Report,
    Verdict,
)
from sbrtcheck.model.report_dict import NOTICE
from sbrtcheck.report import Format, render, render_text, words
from sbrtcheck.report.first_screen import head_lines
from sbrtcheck.report.layout import Table
from sbrtcheck.report.view import view

FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def test_the_outcome_and_what_decides_it_stand_in_the_first_line() -> None:
    first = render_text(report_fixture.report()).splitlines()[0]
    assert first == "FAIL  ProximalBronchialTree: D0.035cc 47.1 Gy, limit 40 Gy (AAPM TG-101, 5 fractions): not met"


def test_a_chosen_table_has_the_defaults_outcome_in_the_first_lines() -> None:
    lines = head_lines(report_fixture.chosen_table_report())
    assert lines[0].startswith("PASS_WITH_VARIATION  ")
    assert lines[1].startswith("With the default table (AAPM TG-101): FAIL")
    assert any(line.startswith("Stricter source: Esophagus: D0.5cc 35.6 Gy, limit 34 Gy") for line in lines)
    assert lines[-1].startswith("exit code 0")


def test_the_same_outcome_by_another_table_is_said_too() -> None:
    base = report_fixture.chosen_table_report()
    plan = replace(base.plans[0], default_outcome=Outcome.PASS_WITH_VARIATION)
    lines = head_lines(replace(base, plans=(plan,), default_outcome=Outcome.PASS_WITH_VARIATION))
    assert any("With the default table (AAPM TG-101): PASS_WITH_VARIATION" in line for line in lines)


@pytest.mark.parametrize(
    "make",
    [
        report_fixture.report,
        report_fixture.chosen_table_report,
        report_fixture.passing_report,
        report_fixture.two_plan_report,
    ],
)
def test_the_first_screen_fits_a_screen_and_ends_with_the_exit_code(make: object) -> None:
    report: Report = make()  # type: ignore[operator]
    lines = head_lines(report)
    assert len(lines) <= 24
    assert lines[0].startswith(f"{report.outcome.value}  ")
    assert f"exit code {report.exit_code}" in lines[-1]


def test_the_first_screen_speaks_in_one_order() -> None:
    """Outcome and why, what was not judged, doses of the targets, the worst of each trouble, what to do."""
    lines = head_lines(report_fixture.report())
    starts = (
        "FAIL  ",
        "Not judged: Bowel, D0.035cc 45.7 Gy, mean 12.1 Gy, 3.2 mm from a target",
        "Not judged: BrachialPlex is required",
        "PTV_5000: prescribed 50.0 / beams 50.1 / D95% 50.1 / D98% 49.4 / near-maximum 61.0 Gy",
        "Not met: ",
        "Within the band: SpinalCord",
        "Variation: ",
        "Stricter source: ",
        "To do: Contour BrachialPlex",
        "exit code 1",
    )
    places = [next(i for i, line in enumerate(lines) if line.startswith(start)) for start in starts]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("reason", "words"),
    [(MarginalReason.WITHIN_BAND, "within the band"), (MarginalReason.NEEDS_REVIEW, "needs review")],
)
def test_marginal_says_which_of_its_two_kinds_it_is(reason: MarginalReason, words: str) -> None:
    base = report_fixture.report()
    near = replace(base.plans[0].findings[1], marginal_reason=reason)
    plan = replace(base.plans[0], findings=(near,), outcome=Outcome.MARGINAL)
    report = replace(base, plans=(plan,), course_findings=(), outcome=Outcome.MARGINAL, exit_code=3)
    assert head_lines(report)[0].startswith(f"MARGINAL ({words})  SpinalCord: D0.35cc 22.90 Gy")
    assert report.to_dict()["marginal_reason"] == reason.value


def test_a_small_organ_is_never_the_headline() -> None:
    base = report_fixture.report()
    small = report_fixture.organ_limit(
        "Lungs", "CV12.5Gy[cc]", ">=", 1500.0, 900.0, unit="cc", verdict=Verdict.NOT_MET, consequence=Outcome.FAIL
    )
    heart = report_fixture.organ_limit(
        "Heart", "D15cc[Gy]", "<", 32.0, 32.5, verdict=Verdict.NOT_MET, consequence=Outcome.FAIL
    )
    plan = replace(base.plans[0], findings=(replace(small, policy=("small_organs.enough_times",)), heart))
    lines = head_lines(replace(base, plans=(plan,)))
    assert lines[0].startswith("FAIL  Heart")
    assert any(
        line.startswith("Not met: Lungs: 900.0 cc spared below 12.5 Gy, at least 1500 cc needed") for line in lines
    )


def test_many_lines_of_one_sort_are_cut_and_said_to_be() -> None:
    base = report_fixture.report()
    plan = replace(base.plans[0], unjudged=base.plans[0].unjudged * 7)
    lines = head_lines(replace(base, plans=(plan,)))
    assert sum(line.startswith("Not judged") for line in lines) == 3
    assert "and 6 more like this, listed below" in lines


def test_a_pass_says_how_close_it_is() -> None:
    first = head_lines(report_fixture.passing_report())[0]
    assert first.startswith("PASS  4 organ limits met; the closest uses 71 %: SpinalCord: D0.035cc 21.4 Gy")


def test_a_pass_says_what_it_does_not_rest_on() -> None:
    base = report_fixture.passing_report()
    far = next(f for f in report_fixture.plan_findings() if f.organ == "Stomach")
    plan = replace(base.plans[0], findings=(*base.plans[0].findings, far))
    assert head_lines(replace(base, plans=(plan,)))[-1].endswith("; 1 optional item not evaluated (listed below)")
    assert "optional item" not in head_lines(base)[-1]


def test_strict_is_named_when_a_variation_exits_1() -> None:
    lines = head_lines(replace(report_fixture.chosen_table_report(), exit_code=1))
    assert "exit code 1" in lines[-1]
    assert "(--strict)" in lines[-1]


def test_what_was_not_evaluated_decides_with_its_reason() -> None:
    base = report_fixture.report()
    missing = tuple(f for f in base.plans[0].findings if f.reason is Reason.NO_ROI)
    plan = replace(base.plans[0], outcome=Outcome.INCOMPLETE, findings=missing)
    report = replace(base, plans=(plan,), outcome=Outcome.INCOMPLETE, exit_code=3, default_outcome=Outcome.INCOMPLETE)
    first = head_lines(report)[0]
    assert first.startswith("INCOMPLETE  BrachialPlex is required")


def test_a_finding_about_nothing_in_particular_is_its_note() -> None:
    base = report_fixture.report()
    finding = replace(
        report_fixture.plan_findings()[10], organ="", reason=Reason.NOT_SBRT, notes=("2 Gy a fraction: not SBRT",)
    )
    plan = replace(base.plans[0], findings=(finding,))
    report = replace(base, plans=(plan,), outcome=Outcome.INCOMPLETE, exit_code=3)
    assert head_lines(report)[0] == "INCOMPLETE  2 Gy a fraction: not SBRT"


def test_a_value_exactly_on_a_strict_limit_is_said_to_be_too_much() -> None:
    base = report_fixture.report()
    on = report_fixture.organ_limit(
        "Heart", "D15cc[Gy]", "<", 32.0, 32.0, verdict=Verdict.NOT_MET, consequence=Outcome.FAIL
    )
    report = replace(base, plans=(replace(base.plans[0], findings=(on,)),))
    assert "D15cc 32.0 Gy, limit 32 Gy, must be below it" in head_lines(report)[0]


def findings_table(report: Report) -> Table:
    """The findings of the first plan."""
    return next(t for s in view(report).sections for t in s.tables if "Verdict" in t.columns)


def test_rows_are_sorted_by_what_matters() -> None:
    shown = findings_table(report_fixture.report())
    column = shown.columns.index("Verdict")
    order = [row[column].split("\u00a0[")[0] for row in shown.rows]
    ranked = [["NOT MET", "MARGINAL", "NOT EVALUABLE", "met"].index(word) for word in order]
    assert ranked == sorted(ranked)
    met = [row for row in shown.rows if row[column].startswith("met")]
    shares = [float(row[shown.columns.index("Used")].removesuffix("\u00a0%")) for row in met]
    assert shares == sorted(shares, reverse=True)
    assert shown.rows[0][0] == "ProximalBronchialTree"


def test_the_report_holds_every_part() -> None:
    text = render_text(report_fixture.report())
    for title in (
        "Plan central_50_5: FAIL",
        "Course",
        "Lesions",
        "Not evaluated, and why",
        "What other sources say",
        "Errors",
        "Warnings",
        "Facts and where they come from",
        "For the physician to confirm",
        "How the names were understood",
        "Provenance",
    ):
        assert f"\n{title}\n{'-' * len(title)}\n" in text, title
    for piece in (
        "5 x 10 = 50 Gy",
        "100.0 Gy",
        "83.3 Gy",
        "49.4 Gy",
        "BrachPlexus?",
        "BrachialPlex",
        "eeeeeeeeeeeeeeee",
        "RP.central.dcm",
        "interpolated contours, cubic dose",
        "1.2.826.0.1.3680043.8.498.1",
        "secondary transcription",
        "--site",
        "UNAPPROVED",
    ):
        assert piece in text, piece
    assert text.rstrip().endswith(NOTICE)


def test_every_finding_is_shown_somewhere() -> None:
    report = report_fixture.report()
    marked = replace(
        report,
        plans=(
            replace(
                report.plans[0],
                findings=tuple(replace(f, notes=(f"mark{i}.",)) for i, f in enumerate(report.plans[0].findings)),
            ),
        ),
        course_findings=tuple(replace(f, notes=(f"course{i}.",)) for i, f in enumerate(report.course_findings)),
    )
    text = render_text(marked, width=160)
    for number in range(len(report.plans[0].findings)):
        assert f"mark{number}." in text
    assert "course0." in text


def test_a_lesion_metric_without_a_value_says_why() -> None:
    base = report_fixture.report()
    lesion = replace(
        base.lesions[0],
        metrics={
            "D98%[Gy]": report_fixture.exactly("D98%[Gy]", 48.87, "Gy"),
            "D2%[Gy]": MetricValue("D2%[Gy]", None, None, None, "Gy", Reason.OUTSIDE_GRID),
        },
        conformity={"r100": report_fixture.exactly("R100", 1.123, "")},
    )
    text = render_text(replace(base, lesions=(lesion,)), width=160)
    assert "48.9 Gy" in text
    assert "the structure leaves the" in text
    assert "1.12" in text


def test_dvh_methods_that_differ_in_spacing_only_are_one_line() -> None:
    base = report_fixture.report()
    methods = [
        "cubic dose; samples 0.52 mm apart",
        "cubic dose; samples 2.50 mm apart",
        "cubic dose; samples 1.00 mm apart",
    ]
    made = tuple(replace(s, method=m) for s, m in zip(base.structures, methods, strict=False))
    pairs = view(replace(base, structures=made)).sections[-1].pairs
    assert [text for name, text in pairs if name == "DVH method"] == ["cubic dose; samples 0.52 to 2.50 mm apart"]


def test_a_long_source_stands_below_the_table() -> None:
    base = report_fixture.report()
    shown = findings_table(base)
    long = "ASTRO/ESTRO oligometastatic NSCLC 2023, KQ4"
    assert long in shown.notes
    assert f"see\u00a0[{shown.notes.index(long) + 1}]" in {row[-1] for row in shown.rows}


def test_a_union_is_named_once() -> None:
    finding = replace(report_fixture.plan_findings()[2], roi="Trachea + ProximalBronchialTree")
    assert finding.about == "Trachea + ProximalBronchialTree"
    assert replace(finding, roi="ProximalBronchialTree").about == "ProximalBronchialTree"
    assert replace(finding, organ="Lungs", roi="Lung_L + Lung_R").about == "Lungs (Lung_L + Lung_R)"


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_lines_fit_the_width_below_the_head(width: int) -> None:
    lines = render_text(report_fixture.two_plan_report(), width=width).splitlines()[1:]
    assert max(len(line) for line in lines) <= width


def test_no_colour_code_without_colour_and_the_same_words_with_it() -> None:
    bare = render_text(report_fixture.report(), color=False)
    colored = render_text(report_fixture.report(), color=True)
    assert "\x1b" not in bare
    assert "\x1b[1;31m" in colored
    plain = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in plain.splitlines()] == bare.splitlines()


@pytest.mark.parametrize("text", HOSTILE, ids=[f"hostile{i}" for i in range(len(HOSTILE))])
def test_hostile_text_leaves_no_control_character(text: str) -> None:
    shown = render_text(hostile(report_fixture.report(), text))
    shown.encode("utf-8")
    assert not {c for c in shown if unicodedata.category(c) in FORBIDDEN} - {"\n"}
    assert len(re.findall(r"^-{4,}$", shown, re.MULTILINE)) == len(view(report_fixture.report()).sections)
    if len(text) < 20:
        assert safe_text(text) in shown


def test_wide_characters_keep_the_columns() -> None:
    shown = render_text(hostile(report_fixture.report(), "\u809d\u81d3"))
    lines = shown.splitlines()
    header = next(number for number, line in enumerate(lines) if line.startswith("Organ ") and "Metric" in line)
    row = next(line for line in lines[header:] if "D4cc[Gy]" in line)
    assert row.startswith("\u809d\u81d3 ")
    assert row.index("D4cc") + 2 == lines[header].index("Metric")


def test_a_pseudonymised_report_has_no_patient() -> None:
    assert "Patient: Example^Erika, PAT-0815" in render_text(report_fixture.report())
    assert "Patient" not in render_text(replace(report_fixture.report(), pseudonymised=True))
    assert "Erika" not in render_text(replace(report_fixture.report(), pseudonymised=True))


def test_a_refusal_lists_every_error_and_no_verdict() -> None:
    problems = [
        Problem("E-DOSE-UNITS", "RD.dcm", tag="DoseUnits (3004,0002)", seen="RELATIVE"),
        Problem("E-NO-PLAN", "folder"),
        Problem("E-FOR", "RS.dcm", seen="1.2.3"),
    ]
    text = render(Report.refused(problems, options=Options()), Format.TEXT)
    lines = text.splitlines()
    assert lines[0].startswith("REFUSED  E-DOSE-UNITS RD.dcm")
    assert "exit code 4" in "".join(lines[:5])
    for problem in problems:
        for piece in (problem.code, problem.object, problem.seen):
            assert piece in text
    assert "Export the dose in Gy" in text
    assert not re.search(r"\b(PASS|FAIL|MET|met|MARGINAL|INCOMPLETE)\b", text)
    assert text.rstrip().endswith(NOTICE)


def test_a_report_that_ends_refused_shows_no_verdict_even_if_a_plan_was_read() -> None:
    report = replace(
        report_fixture.passing_report(), outcome=Outcome.REFUSED, exit_code=4, errors=report_fixture.report().errors
    )
    text = render_text(report)
    assert text.startswith("REFUSED  ")
    assert not re.search(r"\b(PASS|MET|met)\b", text)


@pytest.mark.parametrize(
    ("table", "vocabulary"),
    [
        (words.VERDICT_WORDS, Verdict),
        (words.OUTCOME_WORDS, Outcome),
        (words.OUTCOME_TONE, Outcome),
        ({reason: reason.words for reason in Reason}, Reason),
        (words.MATCHED_WORDS, MatchedBy),
        (words.KIND_WORDS, FindingKind),
        (words.LEVEL_SHORT, Level),
    ],
)
def test_every_word_of_the_vocabulary_has_plain_words(table: dict[StrEnum, str], vocabulary: type[StrEnum]) -> None:
    assert set(table) == set(vocabulary)
    assert all(table.values())


def test_the_text_is_the_same_every_time() -> None:
    assert render_text(report_fixture.report()) == render_text(report_fixture.report())
    assert {f.name for f in fields(Report)} >= {"patient", "pseudonymised"}
