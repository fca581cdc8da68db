"""Ways in which a plan could pass on what was not judged, or be failed on what was not measured; each was one once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_rules import context, row, subject, table, uniform_dvh

from sbrtcheck.metrics import parse_metric
from sbrtcheck.model import Dvh, Level, Outcome, Reason, Verdict
from sbrtcheck.required import required_organs_settled, some_organ_judged
from sbrtcheck.rules import judge, judge_organ_limits


@pytest.mark.parametrize(
    ("metric", "comparator", "limit"),
    [("CV12.5Gy[cc]", ">=", 1500.0), ("V20Gy[%]", "<=", 10.0), ("Mean[Gy]", "<=", 8.0), ("DC1000cc[Gy]", "<=", 3.0)],
)
def test_one_lung_alone_neither_meets_nor_misses_a_limit_of_both(metric: str, comparator: str, limit: float) -> None:
    one = subject("Lungs", uniform_dvh(25.0, 1200.0), missing_part="Lung_R")
    judged = judge(one, parse_metric(metric), comparator=comparator, limit=limit)
    assert judged.verdict is Verdict.NOT_EVALUABLE
    assert judged.value.reason is Reason.PART_MISSING
    assert "the missing part may settle it" in judged.note


def test_a_part_that_is_damaged_is_not_called_missing_and_counts_wherever_it_lies() -> None:
    rows = table(row("GreatVes", "D10cc[Gy]", 39.0))
    part = subject("GreatVes", uniform_dvh(5.0), missing_part="A_Aorta", missing_reason=Reason.DAMAGED_ROI)
    (finding,) = judge_organ_limits(context({"GreatVes": (part,)}), rows)
    assert (finding.consequence, finding.reason) == (Outcome.INCOMPLETE, Reason.DAMAGED_ROI)
    assert "A_Aorta cannot be used" in finding.note


def test_a_part_without_dose_keeps_its_own_reason() -> None:
    outside = Dvh.not_evaluable("Lung_L", Reason.OUTSIDE_GRID, "outside")
    judged = judge(
        subject("Lungs", outside, missing_part="Lung_R"), parse_metric("Mean[Gy]"), comparator="<=", limit=8.0
    )
    assert judged.value.reason is Reason.OUTSIDE_GRID
    assert "meets" not in judged.note


def test_that_one_of_two_organs_is_absent_does_not_excuse_the_other() -> None:
    rows = table(row("CaudaEquina", "D0.035cc[Gy]", 32.0), row("SpinalCord", "D0.035cc[Gy]", 30.0))
    asked = context({}, required={"SpinalCord|CaudaEquina": "site spine"}, absent={"SpinalCord": "below the conus"})
    (finding,) = required_organs_settled(asked, rows, judge_organ_limits(asked, rows))
    assert finding.consequence is Outcome.INCOMPLETE
    assert finding.organ == "CaudaEquina"
    both = replace(asked, absent={"SpinalCord": "a", "CaudaEquina": "b"})
    assert required_organs_settled(both, rows, ()) == ()


def test_an_organ_on_the_other_side_or_at_another_level_does_not_settle() -> None:
    rows = table(row("BrachialPlexus", "D0.035cc[Gy]", 32.0))
    met = context({"BrachialPlexus": (subject("BrachialPlexus", uniform_dvh(1.0)),)}, required={"BrachialPlexus": "x"})
    findings = judge_organ_limits(met, rows)
    assert required_organs_settled(met, rows, findings) == ()
    (finding,) = required_organs_settled(
        replace(met, out_of_reach={"BrachialPlexus": "on the other side"}), rows, findings
    )
    assert finding.consequence is Outcome.INCOMPLETE
    assert "on the other side" in finding.note


def test_a_plan_without_any_judged_organ_is_not_passed_on_its_target() -> None:
    rows = table(row("SpinalCord", "D0.035cc[Gy]", 30.0), row("Skin", "D10cc[Gy]", 36.5, level=Level.OPTIMAL))
    skin = context({"Skin": (subject("Skin", uniform_dvh(1.0, 20.0)),)})
    (finding,) = some_organ_judged(skin, rows, judge_organ_limits(skin, rows))
    assert (finding.rule_id, finding.consequence) == ("organs:none", Outcome.INCOMPLETE)
    cord = context({"SpinalCord": (subject("SpinalCord", uniform_dvh(1.0)),)})
    assert some_organ_judged(cord, rows, judge_organ_limits(cord, rows)) == ()
    only_optimal = table(row("Skin", "D10cc[Gy]", 36.5, level=Level.OPTIMAL))
    assert some_organ_judged(skin, only_optimal, judge_organ_limits(skin, only_optimal)) == ()


@pytest.mark.parametrize("tracheal", [True, False])
def test_a_main_bronchus_beyond_the_limit_of_the_airway_makes_it_missed(tracheal: bool) -> None:
    joint = ("Trachea", "ProximalBronchialTree")
    rows = table(row("Trachea", "D0.035cc[Gy]", 40.0, joint=joint))
    subjects = {"Bronchus_Main": (subject("Bronchus_Main", uniform_dvh(45.0)),)}
    if tracheal:
        trachea = subject("Trachea+ProximalBronchialTree", uniform_dvh(5.0), missing_part="the bronchial tree")
        subjects["Trachea+ProximalBronchialTree"] = (trachea,)
    inside = context(subjects, containers={"Bronchus_Main": ("ProximalBronchialTree",)})
    verdicts = {f.verdict: f.consequence for f in judge_organ_limits(inside, rows)}
    assert verdicts[Verdict.NOT_MET] is Outcome.FAIL
