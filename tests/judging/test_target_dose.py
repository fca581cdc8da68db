"""Whether the dose in a target is the one prescribed: each bound from both sides, on doses that are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import given_doses as given
import numpy as np
import pytest

from sbrtcheck.dvh import Structure
from sbrtcheck.judging.covers import Meaning, covers
from sbrtcheck.judging.target_dose import beam_point, judge_target_dose, target_doses, unlinked_prescriptions
from sbrtcheck.model import DoseGrid, DoseReference, Dvh, Finding, MarginalReason, Outcome, Samples
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.read.normalised_to import parse_normalised_to
from sbrtcheck.tables.policy import load_policy, policy_of_clinic

POLICY = load_policy()
RX_GY = 50.0
PTV = {"PTV": given.solid((0, 0, 0), (15, 15, 15)), "GTV": given.solid((0, 0, 0), (9, 9, 9))}


def target(structure: Structure, percent: Sequence[float]) -> Dvh:
    """A structure in which so many equal parts get these doses, in percent of the prescription."""
    gy = np.sort(np.repeat(np.array(percent, dtype=float), 10))[::-1] * RX_GY / 100
    samples = Samples(gy, np.full(len(gy), 20.0 / len(gy)))
    return Dvh(structure.name, samples=samples, total_volume_cm3=20.0, max_gy=float(gy[0]))


def even(low: float, high: float) -> list[float]:
    """Doses spread evenly: D98% lies 2 % above the low end."""
    return list(np.linspace(low, high, 501))


def plan(percent: Sequence[float], *, beams_gy: float | None = None, **facts: Any) -> PlanDoses:
    """A lung plan of 50 Gy in 5 whose targets get these doses; ``beams_gy`` of all fractions."""
    doses = given.compute(PTV, site="lung", dose_of=lambda s: target(s, percent), **facts)
    stated = replace(doses.data.plan, beam_dose_per_fraction_gy=None if beams_gy is None else beams_gy / 5)
    return replace(doses, data=replace(doses.data, plan=stated))


def judged(doses: PlanDoses) -> dict[str, Finding]:
    (lesion,) = doses.lesions
    return {f.rule_id.removeprefix("OUR_POLICY:"): f for f in judge_target_dose(doses, lesion, POLICY)}


@pytest.mark.parametrize(
    ("low", "high", "rule", "outcome"),
    [
        (100, 120, "target_d98_high", Outcome.PASS),
        (104.5, 120, "target_d98_high", Outcome.PASS),
        (105, 120, "target_d98_high", Outcome.MARGINAL),
        (109.5, 120, "target_d98_high", Outcome.MARGINAL),
        (110, 120, "target_d98_high", Outcome.FAIL),
        (134, 150, "target_d98_high", Outcome.FAIL),
        # D98% is 102 %, D95% 110.4 %
        (96.6, 372, "target_d95_high", Outcome.MARGINAL),
        (80, 119, "median", Outcome.MARGINAL),
        (80, 121, "median", Outcome.PASS),
    ],
)
def test_bounds_of_the_dose_in_a_target(low: float, high: float, rule: str, outcome: Outcome) -> None:
    found = judged(plan(even(low, high)))
    assert found[rule].consequence is outcome
    assert found[rule].policy[0] in POLICY.entries
    if outcome is Outcome.MARGINAL:
        assert found[rule].why_marginal is MarginalReason.NEEDS_REVIEW


def test_a_bound_is_the_number_of_the_policy() -> None:
    doses = plan(even(105, 120))
    (lesion,) = doses.lesions
    own = policy_of_clinic({"target_dose.d98_marginal_percent": 107.0}, file="clinic.toml")
    found = {f.rule_id: f for f in judge_target_dose(doses, lesion, own)}
    assert found["OUR_POLICY:target_d98_high"].consequence is Outcome.PASS


def test_a_target_too_high_whose_beams_agree_may_have_the_dose_of_another_plan() -> None:
    found = judged(plan(even(134, 150), beams_gy=50.4))
    assert found["target_d98_high"].consequence is Outcome.FAIL
    assert found["consistency:three_doses"].consequence is Outcome.INCOMPLETE
    assert "50.40 Gy" in found["consistency:three_doses"].note
    # Beam doses at points elsewhere say nothing, and a good target needs no explanation.
    assert "consistency:three_doses" not in judged(plan(even(134, 150), beams_gy=27.0))
    assert "consistency:three_doses" not in judged(plan(even(100, 120), beams_gy=50.0))
    assert {f.consequence for f in judged(plan(even(100, 120), beams_gy=20.6)).values()} == {Outcome.PASS}


def test_a_low_dose_is_no_disagreement() -> None:
    assert {f.consequence for f in judged(plan(even(40, 170), beams_gy=50.0)).values()} == {Outcome.PASS}


@pytest.mark.parametrize(
    ("text", "low", "high", "outcome"),
    [
        ("D99% = 100%", 100, 120, Outcome.PASS),
        ("D99% = 100%", 103.5, 120, Outcome.MARGINAL),
        ("D99% = 100%", 111, 120, Outcome.FAIL),
        ("D99% = 100%", 95, 120, Outcome.MARGINAL),
        ("D50% = 100%", 90, 110, Outcome.PASS),
        ("D50% = 100%", 98, 118, Outcome.MARGINAL),
        ("GTV D98% = 105%", 105, 130, Outcome.PASS),
    ],
)
def test_what_is_declared_is_held_in_place_of_the_bounds(text: str, low: float, high: float, outcome: Outcome) -> None:
    declared = parse_normalised_to(text)
    assert declared is not None
    found = judged(plan(even(low, high), normalised_to={"": declared}))
    assert set(found) == {"target_declared_high", "target_declared_low"}
    assert max((f.consequence for f in found.values()), key=list(Outcome).index) is outcome
    assert declared.text in found["target_declared_low"].note


def test_a_declaration_of_what_is_not_drawn_leaves_the_plan_incomplete() -> None:
    declared = parse_normalised_to("CTV D98% = 100%")
    assert declared is not None
    found = judged(plan(even(100, 120), normalised_to={"PTV": declared}))
    assert found["target_declared_low"].consequence is Outcome.INCOMPLETE
    assert found["target_d98_high"].consequence is Outcome.PASS


def stated(doses: PlanDoses, *references: DoseReference) -> PlanDoses:
    """The same plan with other dose references; the lesion keeps its prescription."""
    lesions = tuple(replace(x, linked_by="the only contoured PTV and the only prescription") for x in doses.lesions)
    plan_ = replace(doses.data.plan, dose_references=references)
    return replace(doses, lesions=lesions, data=replace(doses.data, plan=plan_))


def reference(kind: str, dose_gy: float = RX_GY, **more: Any) -> DoseReference:
    return DoseReference(1, kind, "TARGET", target_prescription_gy=dose_gy, **more)


@pytest.mark.parametrize("kind", ["SITE", "COORDINATES"])
def test_a_prescription_to_a_site_that_covers_the_volume_is_volumetric(kind: str) -> None:
    doses = stated(plan(even(97, 120)), reference(kind))
    meant = covers(doses, doses.lesions[0], POLICY)
    assert meant.meaning is Meaning.VOLUME
    assert kind in meant.text
    assert "D95%" in meant.text


def test_a_prescription_to_a_point_is_held_there_and_needs_review() -> None:
    doses = stated(plan(even(87, 111)), reference("SITE"))
    assert covers(doses, doses.lesions[0], POLICY).meaning is Meaning.POINT
    found = judged(doses)
    assert found["target_point"].consequence is Outcome.MARGINAL
    assert found["median"].consequence is Outcome.PASS


def test_a_point_is_read_from_the_grid() -> None:
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    affine[:3, 3] = -20.0
    grid = DoseGrid(np.full((5, 5, 5), 51.0), affine)
    doses = plan(even(87, 111))
    doses = replace(doses, data=replace(doses.data, dose=grid))
    agrees = stated(doses, reference("COORDINATES", point_mm=(1.0, 2.0, 3.0)))
    meant = covers(agrees, agrees.lesions[0], POLICY)
    assert (meant.meaning, meant.point_gy) == (Meaning.POINT, pytest.approx(51.0))
    other = replace(doses, data=replace(doses.data, dose=replace(grid, dose_gy=np.full((5, 5, 5), 60.0))))
    other = stated(other, reference("COORDINATES", point_mm=(1.0, 2.0, 3.0)))
    assert covers(other, other.lesions[0], POLICY).meaning is Meaning.VOLUME


def test_a_missed_target_is_not_taken_for_a_prescription_to_a_point() -> None:
    doses = stated(plan(even(30, 170)), reference("SITE"))
    assert covers(doses, doses.lesions[0], POLICY).meaning is Meaning.VOLUME


def test_a_stated_dose_that_no_target_comes_near_leaves_the_plan_incomplete() -> None:
    doses = plan(even(100, 120))
    (found,) = unlinked_prescriptions(stated(doses, reference("VOLUME", roi_number=1), reference("SITE", 25.0)), POLICY)
    assert found.consequence is Outcome.INCOMPLETE
    assert found.note.startswith("25 Gy is stated and linked to no target; PTV gets 20")
    assert not unlinked_prescriptions(stated(doses, reference("SITE", 45.0)), POLICY)
    assert not unlinked_prescriptions(stated(doses, reference("SITE", RX_GY)), POLICY)


def test_three_doses_of_every_target() -> None:
    doses = plan(even(100, 120), beams_gy=50.4)
    (shown,) = target_doses(doses, POLICY)
    assert (shown.target, shown.prescription_gy, shown.beams_gy) == ("PTV", 50.0, pytest.approx(50.4))
    assert shown.d95_gy == pytest.approx(50.5, abs=0.01)
    assert shown.covers == "PTV"
    (open_,) = target_doses(replace(doses, lesions=(replace(doses.lesions[0], prescription_gy=None),)), POLICY)
    assert (open_.prescription_gy, open_.covers) == (None, "")


@pytest.mark.parametrize(("at_point_gy", "agrees"), [(50.0, True), (52.4, True), (52.6, False), (47.4, False)])
def test_the_common_point_of_the_beams_against_the_grid(at_point_gy: float, agrees: bool) -> None:
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    doses = plan(even(100, 120), beams_gy=50.0)
    grid = DoseGrid(np.full((5, 5, 5), at_point_gy), affine)

    def at(point_mm: tuple[float, float, float] | None) -> list[Finding]:
        with_point = replace(doses.data.plan, beam_dose_point_mm=point_mm)
        return beam_point(replace(doses, data=replace(doses.data, dose=grid, plan=with_point)), POLICY)

    assert bool(at((15.0, 15.0, 15.0))) is not agrees
    assert not at(None)
    assert not at((-300.0, 0.0, 0.0))
