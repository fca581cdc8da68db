"""Courses of several plans: how sums are judged, what is asked, and what is never guessed. All doses in Gy."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, expected, sample_report
from given_courses import CORD_AT, ball, course, dose_grid, earlier, plan, plan_study, ring

from sbrtcheck.anatomy.points import points_distance_mm
from sbrtcheck.course.judge import CourseResult
from sbrtcheck.course.lesions import distinct_sites, treated_elsewhere, unique_labels
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.model import DoseReference, Finding, Outcome, Reason, Study, Verdict, study_from_arrays
from sbrtcheck.pipeline import check_study
from sbrtcheck.plan.doses import PlanDoses, compute_plan
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.read.case_file import CaseFile, CaseLesion, EarlierDose, OneSite, SameLesion, load_case


def of_cord(result: CourseResult, metric: str = "D0.035cc") -> Finding:
    """The one finding on the sum in the cord for one metric."""
    (found,) = [f for f in result.findings if f.rule_id.startswith("cumulative:AAPM") and metric in f.rule_id]
    return found


def eqd2(dose: float, n: int, alpha_beta: float = 2.0) -> float:
    return dose * (dose / n + alpha_beta) / (2 + alpha_beta)


def rule(result: CourseResult, start: str) -> list[Finding]:
    return [f for f in result.findings if f.rule_id.startswith(start)]


def test_one_after_the_other_is_met_on_published_limits_alone() -> None:
    result = course(plan("A", 5), plan("B", 3, cord_gy=8.0, x=16.0), sequence="sequential")
    found = of_cord(result)
    assert found.verdict is Verdict.MET
    assert found.consequence is Outcome.PASS
    assert found.value == pytest.approx(10 / 30 + 8 / 21.9, abs=0.02)
    assert found.limit == 1.0
    assert "published limits alone" in found.note
    assert result.cumulative is not None
    row = next(r for r in result.cumulative.organs if "D0.035cc" in r.metric)
    assert row.shares_gy["A"] == pytest.approx(eqd2(10, 5), abs=0.3)
    assert row.shares_gy["B"] == pytest.approx(eqd2(8, 3), abs=0.3)
    assert result.cumulative.sequence == "one after the other"
    assert result.cumulative.source == "AAPM TG-101"


def test_an_unknown_sequence_is_judged_both_ways_and_the_worse_decides() -> None:
    plans = plan("A", 5), plan("B", 3, cord_gy=8.0, x=16.0)
    found = of_cord(course(*plans))
    assert found.verdict is Verdict.MARGINAL
    assert "in the same sessions" in found.note
    assert "derived, not published" in found.note
    # Three shared sessions of 10/5 + 8/3 Gy, two more of 10/5 Gy.
    shared, alone = 10 / 5 + 8 / 3, 10 / 5
    truth = (3 * shared * (1 + shared / 2) + 2 * alone * (1 + alone / 2)) / 2
    assert found.value == pytest.approx(truth, rel=0.02)
    assert found.limit == pytest.approx(min(eqd2(30, 5), eqd2(21.9, 3)))


def test_the_order_of_the_plans_changes_no_verdict() -> None:
    plans = plan("A", 5), plan("B", 3, cord_gy=8.0, x=16.0)
    forth, back = course(*plans), course(*plans[::-1])

    def seen(result: CourseResult) -> list[tuple[str, str, float]]:
        cumulative = [f for f in rule(result, "cumulative:") if f.value is not None]
        return sorted((f.rule_id, f.verdict.value, round(f.value or 0.0, 6)) for f in cumulative)

    assert seen(forth) == seen(back)


def test_same_sessions_and_one_number_of_fractions_take_the_published_row() -> None:
    plans = plan("A", 5), plan("B", 5, cord_gy=15.0, x=16.0)
    found = of_cord(course(*plans, sequence="same_sessions"))
    assert found.verdict is Verdict.MET
    assert found.value == pytest.approx(25.0, abs=0.3)
    assert found.limit == 30.0
    beyond = of_cord(course(plans[1], plan("C", 5, cord_gy=18.0), sequence="same_sessions"))
    assert (beyond.verdict, beyond.consequence) == (Verdict.NOT_MET, Outcome.FAIL)
    assert beyond.value == pytest.approx(33.0, abs=0.3)


def test_a_cord_that_both_plans_spare_fails_in_the_sum() -> None:
    plans = plan("A", 5, cord_gy=24.0), plan("B", 3, cord_gy=17.0, x=16.0)
    found = of_cord(course(*plans, sequence="sequential"))
    assert (found.verdict, found.consequence) == (Verdict.NOT_MET, Outcome.FAIL)
    assert found.value == pytest.approx(eqd2(24, 5) + eqd2(17, 3), rel=0.02)
    assert found.limit == pytest.approx(eqd2(21.9, 3))
    assert "missed over the whole interval" in found.note


def test_beyond_the_sum_of_published_limits_but_not_certainly_is_marginal() -> None:
    plans = plan("A", 5, cord_gy=15.0), plan("B", 3, cord_gy=11.5, x=16.0)
    found = of_cord(course(*plans, sequence="sequential"))
    assert 15 / 30 + 11.5 / 21.9 > 1
    assert (found.verdict, found.consequence) == (Verdict.MARGINAL, Outcome.MARGINAL)


def test_a_plan_that_adds_under_half_a_gray_changes_nothing() -> None:
    plans = plan("A", 5, cord_gy=29.0), plan("B", 3, cord_gy=0.3, x=16.0)
    found = of_cord(course(*plans, sequence="sequential"))
    assert (found.verdict, found.consequence) == (Verdict.MET, Outcome.PASS)
    over = of_cord(course(plan("A", 5, cord_gy=31.0), plans[1], sequence="sequential"))
    assert (over.verdict, over.consequence) == (Verdict.INFORMATION, Outcome.PASS)
    assert "less than 0.5 Gy EQD2" in over.note


def test_no_source_for_every_number_of_fractions_is_marginal() -> None:
    result = course(plan("A", 5), plan("B", 33, cord_gy=8.0, x=16.0), sequence="sequential")
    (found,) = rule(result, "cumulative:no_source")
    assert found.consequence is Outcome.MARGINAL
    assert "5 and 33 fractions" in found.note
    assert rule(result, "cumulative:AAPM") == []


def test_the_second_source_covers_what_the_first_does_not() -> None:
    result = course(plan("A", 5), plan("B", 8, cord_gy=8.0, x=16.0), sequence="sequential")
    assert result.sources == ("timmerman_2022",)
    found = next(f for f in rule(result, "cumulative:TIMMERMAN") if "D0.035cc" in f.rule_id)
    assert found.value == pytest.approx(10 / 28 + 8 / 33.6, abs=0.02)


def test_an_organ_without_alpha_beta_is_not_converted() -> None:
    plans = (
        plan("A", 5, cord_gy=24.0, organ="Bronchus_Small"),
        plan("B", 3, cord_gy=20.0, x=16.0, organ="Bronchus_Small"),
    )
    found = [f for f in rule(course(*plans, sequence="sequential"), "cumulative:AAPM") if f.value is None]
    assert found
    assert all(f.reason is Reason.NOT_COMPUTABLE for f in found)
    assert all("no alpha/beta of Bronchus_Small" in f.note for f in found)


def test_dose_outside_one_grid_is_unknown_and_not_zero() -> None:
    inside = plan("A", 5, cord_gy=24.0)
    # The lesion of B lies too near to the edge of its grid for any bound; the cord is half outside.
    cut = plan("B", 3, cord_gy=8.0, x=30.0, at=42.0)
    result = course(inside, cut, sequence="sequential")
    found = of_cord(result)
    assert found.verdict is Verdict.NOT_EVALUABLE
    assert found.reason is Reason.OUTSIDE_GRID
    assert found.consequence is Outcome.INCOMPLETE
    assert "B: " in found.note
    assert "nothing bounds" in found.note


def test_a_known_part_beyond_the_limit_needs_no_other_part() -> None:
    result = course(plan("A", 5, cord_gy=31.0), plan("B", 3, cord_gy=18.0, x=30.0, at=42.0), sequence="sequential")
    assert of_cord(result).verdict is Verdict.NOT_MET


def test_disjoint_grids_leave_the_sum_open() -> None:
    far = plan("B", 3, cord_gy=8.0, x=116.0, at=116.0)
    found = of_cord(course(plan("A", 5, cord_gy=24.0), far, sequence="sequential"))
    assert found.verdict is Verdict.NOT_EVALUABLE
    assert found.reason is Reason.OUTSIDE_GRID


def test_other_frames_of_reference_are_not_summed_and_a_bound_stands_beside() -> None:
    result = course(
        plan("A", 5, frame="1.2.3"), plan("B", 3, cord_gy=8.0, x=16.0, frame="1.2.4"), sequence="sequential"
    )
    (found,) = rule(result, "course:cumulative")
    assert found.consequence is Outcome.INCOMPLETE
    assert found.reason is Reason.OTHER_FRAME_OF_REFERENCE
    assert "no rigid registration" in found.note
    bounds = rule(result, "cumulative:bound:")
    bound = next(f for f in bounds if "D0.035cc" in f.rule_id)
    assert bound.consequence is Outcome.PASS
    assert bound.value is not None
    assert bound.value >= 10 / 30 + 10 / 21.9 - 0.01
    assert rule(result, "cumulative:AAPM") == []


def test_two_plans_of_one_lesion_are_asked_about_until_declared() -> None:
    plans = plan("A", 5, ptv="PTV"), plan("Boost", 3, rx=24.0, ptv="PTV")
    (question,) = rule(course(*plans), "course:same_lesion")
    assert question.consequence is Outcome.INCOMPLETE
    assert "A and Boost" in question.note
    assert "PTV (50 Gy in 5) and PTV (24 Gy in 3)" in question.note
    declared = course(*plans, same_lesion=(SameLesion(("A", "Boost"), "boost"),), sequence="sequential")
    assert rule(declared, "course:same_lesion") == []
    (sites,) = [f for f in declared.findings if f.metric == "distinct treated sites"]
    assert sites.value == 1.0


def test_a_replan_with_the_same_prescription_is_named_as_such() -> None:
    (question,) = rule(course(plan("A", 5, ptv="PTV"), plan("A2", 5, cord_gy=9.0, ptv="PTV")), "course:same_lesion")
    assert "a plan and its replan?" in question.note


def test_while_a_replan_is_possible_the_sum_cannot_fail() -> None:
    plans = plan("A", 5, cord_gy=24.0, ptv="PTV"), plan("A2", 5, cord_gy=25.0, ptv="PTV")
    found = of_cord(course(*plans, sequence="sequential"))
    assert (found.verdict, found.consequence) == (Verdict.NOT_MET, Outcome.INCOMPLETE)
    assert "open question" in found.note


def test_one_dose_given_twice_is_asked_about() -> None:
    first = plan("A", 5)
    (question,) = rule(course(first, replace(first, label="A again")), "course:same_")
    assert question.rule_id == "course:same_dose"
    assert question.consequence is Outcome.INCOMPLETE


def test_sites_are_joined_by_the_case_file_only() -> None:
    plans = [plan("A", 5), plan("B", 3, cord_gy=8.0, x=16.0)]
    plans[1] = replace(plans[1], lesions=tuple(replace(x, plan_index=1, id="2") for x in plans[1].lesions))
    assert len(distinct_sites(plans, None)) == 2
    case = CaseFile("case.toml", "", one_site=(OneSite(("PTV_A", "PTV_B"), "contiguous vertebrae"),))
    assert len(distinct_sites(plans, case)) == 1
    (sites,) = [f for f in course(*plans, one_site=case.one_site).findings if f.metric == "distinct treated sites"]
    assert sites.value == 1.0
    assert "PTV_A with PTV_B: contiguous vertebrae" in sites.note


def test_first_days_tell_plans_apart() -> None:
    plans = plan("A", 5), plan("B", 3, cord_gy=8.0, x=16.0)
    far = course(*plans, plan_starts={"A": "2024-03-01", "B": "2024-04-15"})
    assert of_cord(far).verdict is Verdict.MET
    near = course(*plans, plan_starts={"A": "2024-03-01", "B": "2024-03-04"})
    assert of_cord(near).verdict is Verdict.MARGINAL
    with pytest.raises(WrongUsageError, match="E-CASE"):
        course(*plans, plan_starts={"A": "2024-03-01", "other": "2024-03-04"})


def test_declared_earlier_dose_joins_the_sum_of_one_plan() -> None:
    result = course(plan("A", 5), earlier=earlier())
    near_maximum = of_cord(result)
    assert near_maximum.value == pytest.approx((10 + 12) / 30, abs=0.02)
    assert near_maximum.verdict is Verdict.MET
    assert "added at every point" in near_maximum.note
    larger = of_cord(result, "D1.2cc")
    assert larger.value == pytest.approx(eqd2(10, 5) + eqd2(12, 5), rel=0.03)
    assert "an upper bound" in larger.note
    published = [f for f in result.findings if "NG-8" in f.note or "57 Gy" in f.note]
    assert [f.consequence for f in published] == [Outcome.PASS]
    assert published[0].value == pytest.approx(eqd2(10, 5) + eqd2(12, 5), rel=0.03)


def test_an_earlier_dose_that_says_nothing_about_a_limit_is_not_taken_as_zero() -> None:
    found = of_cord(course(plan("A", 5), earlier=earlier(metric="Mean[Gy]")))
    assert (found.verdict, found.consequence) == (Verdict.MARGINAL, Outcome.MARGINAL)
    assert "says nothing about this limit" in found.note


def test_declared_dose_in_an_organ_that_is_not_there_is_not_passed_over() -> None:
    result = course(plan("A", 5), earlier=(EarlierDose("Esophagus", "Max[Gy]", 30.0, 5),))
    (found,) = rule(result, "cumulative:earlier:Esophagus")
    assert (found.consequence, found.reason) == (Outcome.INCOMPLETE, Reason.NO_ROI)


def test_the_airways_with_earlier_dose_in_each_are_judged_once_with_the_worse() -> None:
    contours = {"PTV": ball((-16.0, -14.0, 0.0), 7.5)}
    contours["Trachea"] = [ring(*CORD_AT, z, 5.0) for z in np.arange(1.25, 29, 2.5)]
    contours["BronchialTree"] = [ring(*CORD_AT, z, 5.0) for z in np.arange(-28.75, 0, 2.5)]
    dose, affine = dose_grid(67.5, (-16.0, -14.0, 0.0), 9.0, 10.0, 40.0)
    study = study_from_arrays(
        dose_gy=dose, affine=affine, contours=contours, n_fractions=5, prescriptions_gy={"PTV": 50.0}
    )
    doses = compute_plan(study.plans[0], index=0, given=GivenFacts(sites={"": "lung"}))
    declared = (
        EarlierDose("Trachea", "D0.035cc[Gy]", 4.0, 5, "2020-01-31"),
        EarlierDose("ProximalBronchialTree", "D0.035cc[Gy]", 9.0, 5, "2020-01-31"),
    )
    result = course(doses, earlier=declared)
    found = [f for f in rule(result, "cumulative:AAPM") if "Trachea+" in f.organ and "D0.035cc" in f.rule_id]
    assert [f.value for f in found] == [pytest.approx((10 + 9) / 40, abs=0.01)]
    assert "9 Gy in 5" in found[0].note
    assert result.cumulative is not None
    rows = [(r.organ, r.metric, r.roi) for r in result.cumulative.organs]
    assert len(rows) == len(set(rows))


def levels(label: str, n: int, *, x: float, z: float, cord_z: tuple[float, float], cord_gy: Any) -> Study:
    """A plan whose cord gets doses by level: (z, Gy) pairs."""
    _, affine = dose_grid(1.0, (0.0, 0.0, 0.0), 9.0, 0.0, 60.0)
    size = round(120 / 2.5) + 1
    k, j, i = np.meshgrid(*(np.arange(size) for _ in range(3)), indexing="ij")
    points = np.stack([i, j, k], axis=-1) * 2.5 - 60.0
    dose = 67.5 * np.exp(-((points - np.array([x, -14.0, z])) ** 2).sum(axis=-1) / (2 * 81.0))
    dose += np.interp(points[..., 2], *zip(*cord_gy, strict=True))
    contours = {f"PTV_{label}": ball((x, -14.0, z), 7.5)}
    contours["SpinalCord"] = [ring(*CORD_AT, at, 5.0) for at in np.arange(cord_z[0], cord_z[1] + 0.1, 2.5)]
    return study_from_arrays(
        dose_gy=dose,
        affine=affine,
        contours=contours,
        n_fractions=n,
        prescriptions_gy={f"PTV_{label}": 50.0},
        label=label,
    )


def computed(*studies: Study) -> list[PlanDoses]:
    facts = GivenFacts(sites={"": "spine"})
    return [compute_plan(s.plans[0], index=i, given=facts) for i, s in enumerate(studies)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_drawings_of_one_name_are_judged_each_by_itself(order: tuple[int, int]) -> None:
    upper = levels("A", 5, x=-16.0, z=30.0, cord_z=(2.5, 50.0), cord_gy=[(-60, 7.0), (-5, 7.0), (5, 10.0), (60, 10.0)])
    lower = levels("B", 5, x=16.0, z=-30.0, cord_z=(-50.0, -2.5), cord_gy=[(-60, 9.0), (-5, 9.0), (0, 0.0), (60, 0.0)])
    plans = computed(upper, lower)
    result = course(*(plans[i] for i in order), sequence="same_sessions")
    found = {f.roi: f for f in rule(result, "cumulative:AAPM") if "D1.2cc" in f.rule_id}
    assert set(found) == {"SpinalCord of A", "SpinalCord of B"}
    assert found["SpinalCord of A"].value == pytest.approx(10.0, abs=0.1)
    assert found["SpinalCord of B"].value == pytest.approx(16.0, abs=0.1)
    assert found["SpinalCord of B"].consequence is Outcome.FAIL


def test_what_a_plan_adds_where_the_other_is_not_hottest_counts() -> None:
    """Plan A is hottest at one level of the cord, plan B where A gives less: together they miss the limit there."""
    one = levels("A", 5, x=-16.0, z=30.0, cord_z=(-50.0, 50.0), cord_gy=[(-60, 9.0), (0, 9.0), (20, 25.0), (60, 25.0)])
    two = levels("B", 3, x=16.0, z=-30.0, cord_z=(-50.0, 50.0), cord_gy=[(-60, 18.0), (-15, 18.0), (0, 0.0), (60, 0.0)])
    result = course(*computed(one, two), sequence="sequential")
    found = of_cord(result)
    assert found.verdict is not Verdict.INFORMATION
    assert found.verdict is not Verdict.MET
    assert 9.0 / 30.0 + 18.0 / 21.9 > 1


def test_without_plans_to_sum_there_is_no_cumulative_dose() -> None:
    result = course(plan("A", 5))
    assert result.cumulative is None
    assert rule(result, "cumulative:") == []


def test_a_plan_says_what_it_adds_to_the_lesion_of_another() -> None:
    result = course(plan("A", 5), plan("B", 3, cord_gy=8.0, x=16.0), sequence="sequential")
    added = {f.lesion: f.value for f in rule(result, "course:added_to_lesion")}
    assert added["1.1"] == pytest.approx(8.0, abs=0.7)
    assert added["2.1"] == pytest.approx(10.0, abs=0.7)
    assert result.cumulative is not None
    (gap,) = result.cumulative.lesion_distances
    assert gap.distance_mm == pytest.approx(32 - 15, abs=0.6)


def shared_study() -> Study:
    """Two plans on one structure set with two PTVs; each prescribes to its own by number."""
    one, two = plan_study("A", 5), plan_study("A", 3, cord_gy=8.0, rx=54.0, x=16.0, ptv="PTV_B")
    rois = (*one.plans[0].structures.rois, replace(two.plans[0].structures.rois[0], number=3))
    structures = replace(one.plans[0].structures, rois=rois)
    first = replace(one.plans[0], structures=structures)
    reference = DoseReference(1, "VOLUME", "TARGET", roi_number=3, target_prescription_gy=54.0)
    second = replace(two.plans[0], structures=structures, plan=replace(two.plans[0].plan, dose_references=(reference,)))
    return replace(one, plans=(first, second))


def test_each_plan_has_its_own_lesions_of_a_shared_structure_set(tmp_path: Path) -> None:
    study = shared_study()
    assert treated_elsewhere(study, None) == (frozenset({"PTV_B"}), frozenset({"PTV_A"}))
    assert unique_labels(study) == ("A [1]", "A [2]")
    case = tmp_path / "case.toml"
    case.write_text(
        'sequence = "sequential"\n[[lesion]]\nroi = "PTV_A"\nsite = "spine"\n[[lesion]]\nroi = "PTV_B"\nsite = "spine"\n'
    )
    report = check_study(study, case=case)
    assert [(x.lesion.id, x.lesion.ptv, x.lesion.prescription_gy) for x in report.lesions] == [
        ("1", "PTV_A", 50.0),
        ("2", "PTV_B", 54.0),
    ]
    assert {f.lesion for f in report.findings if f.lesion} == {"1", "2"}
    assert not [f for f in report.findings if f.reason is Reason.NO_PRESCRIPTION]
    assert report.cumulative is not None
    assert [x.value for x in report.facts if x.name == "sequence of the plans"] == ["one after the other"]


def test_targets_of_site_prescriptions_are_told_apart_by_text_or_by_the_case_file() -> None:
    study = shared_study()
    by_site = []
    for data, description in zip(study.plans, ("PTV_A", "PTV_B"), strict=True):
        (reference,) = data.plan.dose_references
        site = replace(reference, structure_type="SITE", roi_number=None, description=description)
        by_site.append(replace(data, plan=replace(data.plan, dose_references=(site,))))
    told = replace(study, plans=tuple(by_site))
    assert treated_elsewhere(told, None) == (frozenset({"PTV_B"}), frozenset({"PTV_A"}))
    nameless = replace(
        study,
        plans=tuple(
            replace(d, plan=replace(d.plan, dose_references=(replace(d.plan.dose_references[0], description=""),)))
            for d in by_site
        ),
    )
    assert treated_elsewhere(nameless, None) == (frozenset(), frozenset())
    case = CaseFile("case.toml", "", lesions=(CaseLesion("PTV_A", n_fractions=5), CaseLesion("PTV_B", n_fractions=3)))
    assert treated_elsewhere(nameless, case) == (frozenset({"PTV_B"}), frozenset({"PTV_A"}))


def test_two_references_with_different_doses_leave_the_target_open() -> None:
    study = plan_study("A", 5)
    data = study.plans[0]
    second = replace(data.plan.dose_references[0], number=2, target_prescription_gy=40.0)
    twice = replace(data, plan=replace(data.plan, dose_references=(*data.plan.dose_references, second)))
    report = check_study(replace(study, plans=(twice,)), sites={"": "spine"})
    assert report.outcome is Outcome.INCOMPLETE
    assert any(f.reason is Reason.NO_PRESCRIPTION for f in report.findings)


@pytest.mark.parametrize("name", ["course_three_lesions", "course_cord_cumulative", "reirradiation_50_5"])
def test_the_sums_of_the_sample_courses_agree_with_the_analytic_dose(name: str) -> None:
    report, wanted = sample_report(name), expected(name)
    assert report.cumulative is not None
    organs = {"Airway": "Trachea+ProximalBronchialTree"}
    for row in wanted["course"]:
        organ = organs.get(row["organ"], row["organ"])
        (found,) = [
            f
            for f in report.course_findings
            if f.organ == organ and f.rule_id.startswith("cumulative:AAPM") and f":{row['metric']}" in f.rule_id
        ]
        assert found.verdict is Verdict(row["verdict"]), row
        number = row["sum_of_dose_per_limit"] if found.verdict is Verdict.MET else row["EQD2(a/b=2)"]
        assert found.value == pytest.approx(number["value"], abs=number["uncertainty"] + 0.005), row
        if found.verdict is not Verdict.MET:
            assert found.limit == pytest.approx(number["limit"], abs=0.01)
    for plan_report, plan_wanted in zip(report.plans, wanted["plans"], strict=True):
        assert plan_report.label == plan_wanted["plan"]
        assert plan_report.outcome is Outcome(plan_wanted["outcome"])
        for row in plan_wanted["rows"]:
            organ = organs.get(row["organ"], row["organ"])
            values = [
                f.value
                for f in plan_report.findings
                if f.organ == organ and f.metric == row["metric"] and f.table == "aapm_tg101" and f.value is not None
            ]
            assert any(v == pytest.approx(row["value"], abs=row["uncertainty"] + 0.02) for v in values), row


def test_without_its_case_file_a_reirradiation_is_incomplete() -> None:
    from sbrtcheck.pipeline import check

    declared = sample_report("reirradiation_50_5")
    assert (declared.outcome, [p.outcome for p in declared.plans]) == (Outcome.MARGINAL, [Outcome.PASS])
    assert not rule_of(declared.course_findings, "OM-13")
    alone = check(ROOT / "sample_plans" / "reirradiation_50_5", find_config=False, sites={"": "spine"})
    assert (alone.outcome, alone.exit_code, [p.outcome for p in alone.plans]) == (Outcome.INCOMPLETE, 3, [Outcome.PASS])
    (open_question,) = rule_of(alone.course_findings, "OM-13")
    assert open_question.consequence is Outcome.INCOMPLETE
    assert "8 Gy" in open_question.note
    assert alone.cumulative is None


def test_the_distance_of_two_clouds_is_exact() -> None:
    generator = np.random.default_rng(3)
    for shift in (0.0, 30.0, 300.0):
        one = generator.normal(0, 10, (40, 3))
        other = generator.normal(0, 60, (700, 3)) + np.array([shift, 0, 0])
        gaps = np.linalg.norm(one[:, None] - other[None], axis=2)
        assert points_distance_mm(one, other) == pytest.approx(gaps.min(), abs=1e-12)
        assert points_distance_mm(other, one) == pytest.approx(gaps.min(), abs=1e-12)
    assert points_distance_mm(one, one) == 0.0
    assert points_distance_mm(one, np.empty((0, 3))) == float("inf")


def rule_of(findings: tuple[Finding, ...], rule_id: str) -> list[Finding]:
    """What counts of one rule."""
    return [f for f in findings if f.rule_id == rule_id and f.consequence is not Outcome.PASS]


def test_the_course_stands_first_in_the_report() -> None:
    from sbrtcheck.report import render_text

    text = render_text(sample_report("course_cord_cumulative"), width=140)
    assert text.index("\nCourse\n") < text.index("\nPlan A_50_5")
    assert "What each plan gives at the volume of the limit" in text
    assert text.startswith("FAIL  SpinalCord EQD2(a/b=2):D1.2cc[Gy]")


def test_a_rebuilt_course_has_the_same_bytes(tmp_path: Path) -> None:
    name = "course_cord_cumulative"
    command = [sys.executable, str(ROOT / "sample_plans" / "build.py"), "--out", str(tmp_path), name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()}
    kept = {p.name: p.read_bytes() for p in (ROOT / "sample_plans" / name).iterdir()}
    assert sorted(made) == sorted(kept)
    assert [file for file in kept if made[file] != kept[file]] == []


def test_all_samples_together_stay_below_20_mb() -> None:
    assert sum(p.stat().st_size for p in (ROOT / "sample_plans").glob("*/*")) < 20e6


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[[same_lesion]]\nplans = ["A"]\nrelation = "boost"\n', "same_lesion 1.plans"),
        ('[[same_lesion]]\nplans = ["A", "B"]\nrelation = "replan"\n', "same_lesion 1.relation"),
        ('[[one_site]]\nrois = ["PTV1", "PTV2"]\n', "one_site 1.reason"),
    ],
)
def test_declarations_are_read_strictly(text: str, key: str, tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    path.write_text(text)
    with pytest.raises(WrongUsageError) as error:
        load_case(path)
    assert any(key in p.tag for p in error.value.problems)


def test_the_json_of_a_course_holds_every_row_with_its_shares() -> None:
    from sbrtcheck.report import render_json

    document = json.loads(render_json(sample_report("course_three_lesions")))
    rows = document["course"]["cumulative"]["organs"]
    assert {"SpinalCord", "Esophagus", "Heart", "Lungs", "GreatVes"} <= {row["organ"] for row in rows}
    assert all(set(row["shares_gy"]) == {"A_50_5", "B_54_3"} for row in rows)
    assert all(row["verdict"] == "MET" for row in rows)
    lungs = {row["metric"]: row["value"] for row in document["course"]["cumulative"]["lungs"]}
    assert set(lungs) == {f"{q}{m}" for q in ("", "EQD2(a/b=3):") for m in ("V20Gy[%]", "V5Gy[%]", "Mean[Gy]")}


def test_no_label_of_a_plan_is_left_in_a_report_without_identity() -> None:
    from sbrtcheck.report import render_json
    from sbrtcheck.report.pseudonym import pseudonymised

    text = render_json(pseudonymised(sample_report("course_three_lesions")))
    assert "A_50_5" not in text
    assert "B_54_3" not in text
    assert '"shares_gy"' in text
