"""Rules: where a number meets a limit. Every verdict and consequence, on hand-made DVHs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from given_limits import context, row, subject, table, uniform_dvh

from sbrtcheck.judging.comparison import compare, holds, judge
from sbrtcheck.judging.organ_limits import consequence_of, judge_organ_limits
from sbrtcheck.judging.required import required_organs_settled
from sbrtcheck.model import (
    Dvh,
    Level,
    MetricValue,
    Outcome,
    Reason,
    Verdict,
    worst_outcome,
)
from sbrtcheck.model.metric import parse_metric


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("comparator", ["<", "<=", ">", ">="])
def test_a_number_that_is_not_finite_keeps_no_limit(bad: float, comparator: str) -> None:
    assert not holds(bad, comparator, 30.0)


@pytest.mark.parametrize(
    ("value", "low", "high", "comparator", "expected"),
    [
        (29.0, 28.5, 29.5, "<=", Verdict.MET),
        (29.8, 29.5, 30.2, "<=", Verdict.MARGINAL),
        (30.0, 30.0, 30.0, "<=", Verdict.MET),
        (30.0, 30.0, 30.0, "<", Verdict.NOT_MET),
        (30.000001, 29.0, 31.0, "<=", Verdict.NOT_MET),
        (31.0, 30.5, 31.5, ">=", Verdict.MET),
        (30.2, 29.9, 30.4, ">=", Verdict.MARGINAL),
        (29.999999, 29.0, 31.0, ">=", Verdict.NOT_MET),
    ],
)
def test_a_verdict_follows_from_value_band_and_limit(
    value: float, low: float, high: float, comparator: str, expected: Verdict
) -> None:
    assert compare(MetricValue("m", value, low, high, "Gy"), comparator=comparator, limit=30.0) is expected


def test_no_value_is_never_a_met_limit() -> None:
    nothing = MetricValue("m", None, None, None, "Gy", reason=Reason.NO_CONTOURS)
    for comparator in ("<", "<=", ">", ">="):
        assert compare(nothing, comparator=comparator, limit=1e9) is Verdict.NOT_EVALUABLE


@pytest.mark.parametrize(
    ("verdict", "level", "weighty", "expected"),
    [
        (Verdict.NOT_MET, Level.MANDATORY, True, Outcome.FAIL),
        (Verdict.NOT_MET, Level.MANDATORY, False, Outcome.FAIL),
        (Verdict.MARGINAL, Level.MANDATORY, True, Outcome.MARGINAL),
        (Verdict.NOT_EVALUABLE, Level.MANDATORY, True, Outcome.INCOMPLETE),
        (Verdict.NOT_EVALUABLE, Level.MANDATORY, False, Outcome.PASS),
        (Verdict.MET, Level.MANDATORY, True, Outcome.PASS),
        (Verdict.NOT_MET, Level.OPTIMAL, True, Outcome.PASS_WITH_VARIATION),
        (Verdict.MARGINAL, Level.OPTIMAL, True, Outcome.PASS_WITH_VARIATION),
        (Verdict.NOT_EVALUABLE, Level.OPTIMAL, False, Outcome.PASS_WITH_VARIATION),
        (Verdict.NOT_MET, Level.ADVISORY, True, Outcome.MARGINAL),
    ],
)
def test_what_a_verdict_does_to_the_outcome(verdict: Verdict, level: Level, weighty: bool, expected: Outcome) -> None:
    assert consequence_of(verdict, level, weighty=weighty) is expected


def test_an_empty_set_of_judgements_is_not_a_pass() -> None:
    with pytest.raises(ValueError, match="nothing was judged"):
        worst_outcome()


def test_outcomes_are_ordered_as_stated() -> None:
    order = ["PASS", "PASS_WITH_VARIATION", "MARGINAL", "INCOMPLETE", "FAIL", "REFUSED"]
    for worse in range(len(order)):
        for better in range(worse + 1):
            assert worst_outcome(Outcome(order[better]), Outcome(order[worse])) is Outcome(order[worse])


def test_a_max_row_is_taken_at_the_tables_point_volume() -> None:
    dvh = uniform_dvh(40.0, 10.0, spread_gy=40.0)
    (finding,) = judge_organ_limits(context({"Heart": (subject("Heart", dvh),)}), table(row("Heart", "Max[Gy]", 38.0)))
    assert finding.value == pytest.approx(40.0 * (1 - 0.035 / 10.0), abs=0.06)
    assert "0.035 cc" in finding.note


def test_a_metric_larger_than_the_structure_is_met_only_through_its_point_dose() -> None:
    small = uniform_dvh(20.0, 0.5)
    met = judge(subject("Rib", small), parse_metric("D1cc[Gy]"), comparator="<", limit=35.0)
    assert met.verdict is Verdict.MET
    assert "already meets" in met.note
    not_met = judge(subject("Rib", small), parse_metric("D1cc[Gy]"), comparator="<", limit=15.0)
    assert not_met.verdict is Verdict.NOT_EVALUABLE
    assert not_met.value.reason is Reason.ROI_SMALLER_THAN_METRIC


def test_a_containing_structure_settles_an_upper_limit_in_one_direction_only() -> None:
    rows = table(row("SpinalCord", "D0.035cc[Gy]", 30.0), row("SpinalCord", "CV10Gy[cc]", 5.0, comparator=">="))
    asked = {"containers": {"SpinalCord": ("SpinalCanal",)}, "required": {"SpinalCord|CaudaEquina": "site lung"}}
    low = context({"SpinalCanal": (subject("SpinalCanal", uniform_dvh(20.0)),)}, **asked)
    (met,) = judge_organ_limits(low, rows)
    assert met.verdict is Verdict.MET
    assert "SpinalCanal" in met.note
    assert met.organ == "SpinalCord"
    high = context({"SpinalCanal": (subject("SpinalCanal", uniform_dvh(33.0)),)}, **asked)
    (open_,) = judge_organ_limits(high, rows)
    assert open_.verdict is Verdict.NOT_EVALUABLE
    assert open_.reason is Reason.CONTAINER_EXCEEDED
    assert open_.consequence is Outcome.INCOMPLETE
    assert judge_organ_limits(replace(high, required={}), rows) == ()


def test_an_organ_beyond_its_containers_limit_makes_that_limit_missed() -> None:
    rows = table(row("SpinalCanal", "D0.035cc[Gy]", 30.0))
    containers = {"SpinalCord": ("SpinalCanal",)}
    over = context({"SpinalCord": (subject("SpinalCord", uniform_dvh(31.0)),)}, containers=containers)
    (finding,) = judge_organ_limits(over, rows)
    assert finding.verdict is Verdict.NOT_MET
    assert finding.consequence is Outcome.FAIL
    under = context({"SpinalCord": (subject("SpinalCord", uniform_dvh(29.0)),)}, containers=containers)
    assert judge_organ_limits(under, rows) == ()


def test_joint_rows_are_judged_once_on_the_union() -> None:
    joint = ("Trachea", "ProximalBronchialTree")
    rows = table(
        row("Trachea", "D0.035cc[Gy]", 40.0, joint=joint),
        row("ProximalBronchialTree", "D0.035cc[Gy]", 40.0, joint=joint),
    )
    union = subject("Trachea+ProximalBronchialTree", uniform_dvh(30.0))
    findings = judge_organ_limits(context({"Trachea+ProximalBronchialTree": (union,)}), rows)
    assert [f.verdict for f in findings] == [Verdict.MET]
    part = replace(union, missing_part="the bronchial tree")
    (open_,) = judge_organ_limits(context({"Trachea+ProximalBronchialTree": (part,)}), rows)
    assert open_.verdict is Verdict.NOT_EVALUABLE
    assert open_.reason is Reason.PART_MISSING
    over = replace(part, dvh=uniform_dvh(41.0))
    (missed,) = judge_organ_limits(context({"Trachea+ProximalBronchialTree": (over,)}), rows)
    assert missed.verdict is Verdict.NOT_MET


def test_the_worse_reading_of_ambiguous_contours_counts() -> None:
    dvh = replace(uniform_dvh(20.0), alternatives=(uniform_dvh(31.0),))
    judged = judge(subject("SpinalCord", dvh), parse_metric("D0.035cc[Gy]"), comparator="<=", limit=30.0)
    assert judged.verdict is Verdict.NOT_MET


def test_rows_with_a_sex_apply_by_sex_and_all_of_them_when_it_is_unknown() -> None:
    rows = table(
        row("Lungs", "CV10Gy[cc]", 1500.0, comparator=">=", condition="sex=M"),
        row("Lungs", "CV10Gy[cc]", 950.0, comparator=">=", condition="sex=F"),
    )
    lungs = {"Lungs": (subject("Lungs", uniform_dvh(1.0, 1200.0)),)}
    assert [f.verdict for f in judge_organ_limits(context(lungs, sex="F"), rows)] == [Verdict.MET]
    assert [f.verdict for f in judge_organ_limits(context(lungs, sex="M"), rows)] == [Verdict.NOT_MET]
    unknown = judge_organ_limits(context(lungs), rows)
    assert {f.verdict for f in unknown} == {Verdict.MET, Verdict.NOT_MET}


def test_a_doubtful_row_is_at_most_marginal() -> None:
    rows = table(row("Heart", "D0.035cc[Gy]", 30.0, confidence="low"))
    (finding,) = judge_organ_limits(context({"Heart": (subject("Heart", uniform_dvh(31.0)),)}), rows)
    assert finding.verdict is Verdict.NOT_MET
    assert finding.consequence is Outcome.MARGINAL


def test_a_limit_is_never_borrowed_from_another_number_of_fractions() -> None:
    rows = table(row("Heart", "D0.035cc[Gy]", 30.0, n_fractions=3))
    assert judge_organ_limits(context({"Heart": (subject("Heart", uniform_dvh(31.0)),)}), rows) == ()


def test_a_damaged_organ_far_away_still_makes_the_outcome_incomplete() -> None:
    rows = table(row("Heart", "D0.035cc[Gy]", 30.0))
    broken = subject("Heart", Dvh.not_evaluable("Heart", Reason.DAMAGED_ROI, "broken"))
    (finding,) = judge_organ_limits(context({"Heart": (broken,)}), rows)
    assert finding.consequence is Outcome.INCOMPLETE


def test_a_required_organ_must_be_there_and_judged() -> None:
    rows = table(row("Heart", "D0.035cc[Gy]", 30.0), row("Rib", "D1cc[Gy]", 35.0, level=Level.OPTIMAL))
    required = {"Heart": "site lung", "Rib|Chestwall": "near the target"}
    full = context(
        {"Heart": (subject("Heart", uniform_dvh(10.0)),), "Rib": (subject("Rib", uniform_dvh(10.0)),)},
        required=required,
    )
    assert required_organs_settled(full, rows, judge_organ_limits(full, rows)) == ()
    without = context({"Rib": (subject("Rib", uniform_dvh(10.0)),)}, required=required)
    (missing,) = required_organs_settled(without, rows, judge_organ_limits(without, rows))
    assert missing.consequence is Outcome.INCOMPLETE
    assert missing.reason is Reason.NO_ROI
    excused = replace(without, absent={"Heart": "case file: not in the scan"})
    assert required_organs_settled(excused, rows, judge_organ_limits(excused, rows)) == ()


def test_a_required_organ_without_a_row_is_not_settled() -> None:
    rows = table(row("Rib", "D1cc[Gy]", 35.0))
    only = context({"Heart": (subject("Heart", uniform_dvh(10.0)),)}, required={"Heart": "site lung"})
    (finding,) = required_organs_settled(only, rows, judge_organ_limits(only, rows))
    assert finding.reason is Reason.NO_TABLE
    assert finding.consequence is Outcome.INCOMPLETE


def test_a_part_of_an_organ_meets_what_the_whole_would_meet_and_misses_nothing() -> None:
    part = subject("Lungs", uniform_dvh(11.0, 600.0), cut=True)

    def judged(metric: str, comparator: str, limit: float) -> tuple[Verdict, Reason | None]:
        found = judge(part, parse_metric(metric), comparator=comparator, limit=limit)
        return found.verdict, found.value.reason

    assert judged("CV12.5Gy[cc]", ">=", 500.0) == (Verdict.MET, None)
    assert judged("CV12.5Gy[cc]", ">=", 1500.0) == (Verdict.NOT_EVALUABLE, Reason.PART_DRAWN)
    assert judged("Mean[Gy]", "<=", 12.0) == (Verdict.MET, None)
    assert judged("Mean[Gy]", "<=", 8.0) == (Verdict.NOT_EVALUABLE, Reason.PART_DRAWN)
    assert judged("V10Gy[%]", "<", 35.0) == (Verdict.NOT_EVALUABLE, Reason.PART_DRAWN)
    assert judged("V20Gy[%]", "<", 10.0) == (Verdict.MET, None)
    assert judged("D0.035cc[Gy]", "<=", 10.0) == (Verdict.NOT_MET, None)
