"""What is near a target, what a name may mean, and contours that are hardly the organ of their name."""

from __future__ import annotations

import numpy as np
import pytest
from given_doses import judged, solid
from trunk import organ, plan_of, trunk

from sbrtcheck.anatomy.exclusive import implausible_volumes, overlapping
from sbrtcheck.anatomy.extent import Height
from sbrtcheck.anatomy.near import NearRule, distance_to_targets_mm
from sbrtcheck.anatomy.resemblance import organs_resembled
from sbrtcheck.judging.point_limits import lowest_point_limit_gy
from sbrtcheck.model import Outcome
from sbrtcheck.plan.doses import PlanDoses

RULE = NearRule(distance_mm=30.0, rx_gy=25.0, limit_share=0.8)


@pytest.mark.parametrize(
    ("distance_mm", "dose_gy", "limit_gy", "near"),
    [
        (30.0, None, None, True),
        (30.1, None, None, False),
        (None, None, None, False),
        (80.0, 25.0, None, False),
        (80.0, 25.1, None, True),
        # The lower of half the prescription and 80 % of the limit counts.
        (80.0, 16.1, 20.0, True),
        (80.0, 15.9, 20.0, False),
        (80.0, 24.9, 50.0, False),
    ],
)
def test_near_by_distance_or_dose(
    distance_mm: float | None, dose_gy: float | None, limit_gy: float | None, near: bool
) -> None:
    assert RULE.holds(distance_mm=distance_mm, near_maximum_gy=dose_gy, limit_gy=limit_gy) is near


def test_without_a_prescription_the_limit_alone_counts() -> None:
    rule = NearRule(distance_mm=30.0, rx_gy=None, limit_share=0.8)
    assert not rule.holds(distance_mm=90.0, near_maximum_gy=60.0, limit_gy=None)
    assert rule.holds(distance_mm=90.0, near_maximum_gy=17.0, limit_gy=20.0)


def test_the_distance_is_that_of_the_nearest_target() -> None:
    cloud = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    targets = [np.array([[0.0, 40.0, 0.0]]), np.array([[4.0, 4.0, 0.0]])]
    assert distance_to_targets_mm(cloud, targets) == pytest.approx(5.0)
    assert distance_to_targets_mm(cloud, targets[:1], within_mm=10.0) == pytest.approx(40.0)
    assert distance_to_targets_mm(np.empty((0, 3)), targets) is None


def test_heights_that_overlap_have_no_gap() -> None:
    assert Height(0, 10).gap_mm(Height(5, 30)) == 0
    assert Height(0, 10).gap_mm(Height(25, 30)) == 15
    assert Height(25, 30).gap_mm(Height(0, 10)) == 15


@pytest.mark.parametrize(
    ("name", "organs"),
    [
        ("Duo1", ("Duodenum",)),
        ("Esoph_A", ("Esophagus",)),
        ("my cord", ("SpinalCord", "SpinalCord_Sub")),
        ("stomach2", ("Stomach",)),
        ("Oesophag_upper", ("Esophagus",)),
        ("Magen neu", ("Stomach",)),
    ],
)
def test_names_that_may_mean_an_organ(name: str, organs: tuple[str, ...]) -> None:
    assert set(organs) <= set(organs_resembled(name))


@pytest.mark.parametrize("name", ["Tumor bed", "Small_node", "Ax", "Structure1", "left", "Bone", "Spinal tumour", "x"])
def test_names_that_mean_none(name: str) -> None:
    assert organs_resembled(name) == ()


@pytest.mark.parametrize(
    ("name", "n", "limit"),
    [("SpinalCord", 5, 22.0), ("Kidney", 5, None), ("Bowel_Small", 61, None)],
)
def test_the_lowest_point_limit(name: str, n: int, limit: float | None) -> None:
    found = lowest_point_limit_gy(name, n)
    assert (found is None) == (limit is None)
    assert found is None or 15.0 <= found <= 30.0


def test_a_vessel_and_a_bag_have_the_limits_of_what_they_stand_for() -> None:
    assert lowest_point_limit_gy("A_Aorta", 5) == lowest_point_limit_gy("GreatVes", 5)
    assert lowest_point_limit_gy("Bag_Bowel", 5) == lowest_point_limit_gy("Bowel_Small", 5)


# ---- organs in one place, and volumes that none has


def doubts(doses: PlanDoses) -> dict[str, str]:
    found = overlapping(doses.named, doses.structures, share=0.5)
    return {d.organ: d.what for d in (*found, *implausible_volumes(doses.candidates, scan_mm=(-345.0, 345.0)))}


def incomplete(doses: PlanDoses) -> set[str]:
    return {f.rule_id for f in judged(doses).findings if f.consequence is Outcome.INCOMPLETE}


def test_an_oesophagus_that_is_a_copy_of_the_heart() -> None:
    copy = trunk("lung", without=("Esophagus",)) | {"Esophagus": organ("Heart")}
    doses = plan_of(copy, "lung")
    (found,) = [f for f in judged(doses).findings if f.rule_id == "implausible:Esophagus"]
    assert found.consequence is Outcome.INCOMPLETE
    assert found.note.startswith(
        "is Esophagus really the organ Esophagus? 480 cc, covers 100% of Heart; 480 cc, 5 to 120 cc"
    )
    confirmed = plan_of(copy, "lung", confirmed=frozenset({"Esophagus", "Heart"}))
    assert not any(rule.startswith("implausible") for rule in incomplete(confirmed))
    said = [f for f in judged(confirmed).findings if f.rule_id.startswith("implausible:")]
    assert said
    assert all("confirmed in the case file" in f.note and f.consequence is Outcome.PASS for f in said)


def test_the_whole_trunk_is_believed() -> None:
    assert doubts(plan_of(trunk("lung"), "lung")) == {}


def test_the_two_sides_of_a_pair_are_not_one() -> None:
    both = trunk("adrenal", without=("Kidney_R",)) | {"Kidney_R": organ("Kidney_L")}
    assert "100% inside Kidney_" in " ".join(doubts(plan_of(both, "adrenal")).values())


def test_organs_that_may_overlap_are_left_alone() -> None:
    """A liver drawn into the lung, bowel in a bag: no pair of the list."""
    doses = plan_of(trunk("liver") | {"Bag_Bowel": organ("Bowel_Small")}, "liver")
    assert doubts(doses) == {}


@pytest.mark.parametrize(("half", "doubted"), [((1.0, 1.0, 80.0), True), ((6.0, 5.0, 190.0), False)])
def test_a_cord_of_a_few_pixels_settles_nothing(half: tuple[float, float, float], doubted: bool) -> None:
    cord = {"SpinalCord": solid((0, 50, 130), half, flat=True)}
    doses = plan_of(trunk("lung", without=("SpinalCord", "CaudaEquina")) | cord, "lung")
    assert ("implausible:SpinalCord" in incomplete(doses)) is doubted


def test_an_organ_cut_by_the_scan_may_be_small() -> None:
    low = {"Bladder": solid((0, -40, -343), (20, 20, 3), flat=True)}
    doses = plan_of(trunk("bone:pubis", without=("Bladder",)) | low, "bone:pubis")
    assert "Bladder" not in doubts(doses)
    high = {"Bladder": solid((0, -40, -300), (20, 20, 3), flat=True)}
    assert "Bladder" in doubts(plan_of(trunk("bone:pubis", without=("Bladder",)) | high, "bone:pubis"))


def test_an_organ_that_matters_to_nobody_may_have_any_size() -> None:
    doses = plan_of(trunk("lung", without=("Bladder",)) | {"Bladder": solid((0, -40, -300), (5, 5, 5))}, "lung")
    assert "Bladder" in doubts(doses)
    assert incomplete(doses) == set()
