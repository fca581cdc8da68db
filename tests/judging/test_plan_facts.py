"""What a plan says of its own dose, and the lines of the first screen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import given_doses as given
import numpy as np
import pytest

from sbrtcheck.judging.plan_facts import judge_plan_facts, lines_of_plan, stated_limits, to_confirm
from sbrtcheck.model import DoseGrid, DoseReference, Finding, Outcome
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.extent import diameter_mm
from sbrtcheck.plan.identity import dated_before
from sbrtcheck.plan.saturation import plateau_voxels
from sbrtcheck.tables.policy import load_policy

POLICY = load_policy()
PTV = given.solid((0, 0, 0), (15, 15, 15))


def plan(site: str = "lung", n_fractions: int = 5, **contours: given.Loops) -> PlanDoses:
    return given.compute({"PTV": PTV, **contours}, site=site, n_fractions=n_fractions)


def with_dose(doses: PlanDoses, **changes: Any) -> PlanDoses:
    return replace(doses, data=replace(doses.data, dose=replace(doses.data.dose, **changes)))


def judged(doses: PlanDoses) -> dict[str, Finding]:
    return {f.rule_id.removeprefix("OUR_POLICY:"): f for f in judge_plan_facts(doses, POLICY)}


@pytest.mark.parametrize(
    ("correction", "needs_review"),
    [("WATER", True), ("NONE", True), ("IMAGE\\WATER", True), ("IMAGE", False), ("ROI_OVERRIDE", False), ("", False)],
)
def test_a_dose_in_water_needs_review_in_the_lung(correction: str, needs_review: bool) -> None:
    found = judged(with_dose(plan(), heterogeneity_correction=correction))
    assert ("heterogeneity" in found) is needs_review
    if needs_review:
        assert found["heterogeneity"].consequence is Outcome.MARGINAL
        assert found["heterogeneity"].policy == ("near.distance_mm",)


@pytest.mark.parametrize(("gap_mm", "beside"), [(25.0, True), (36.0, False)])
def test_a_target_beside_the_lung(gap_mm: float, beside: bool) -> None:
    lungs = given.solid((15 + gap_mm + 40, 0, 0), (40, 40, 60), flat=True)
    doses = with_dose(plan("liver", Lungs=lungs), heterogeneity_correction="WATER")
    assert ("heterogeneity" in judged(doses)) is beside


def grid(n_highest: int, *, apart: int = 1) -> DoseGrid:
    """A grid with so many voxels at its highest value, in a row or apart."""
    gy = np.linspace(0.0, 50.0, 60**3).reshape(60, 60, 60)
    flat = gy.reshape(-1)
    flat[1000 : 1000 + n_highest * apart : apart] = 60.0
    return DoseGrid(gy, np.diag([2.0, 2.0, 2.0, 1.0]))


@pytest.mark.parametrize(("n_highest", "apart", "plateau"), [(1, 1, 1), (19, 1, 19), (20, 1, 20), (25, 2, 1)])
def test_a_plateau_at_the_highest_dose(n_highest: int, apart: int, plateau: int) -> None:
    dose = grid(n_highest, apart=apart)
    assert plateau_voxels(dose) == plateau
    found = judged(replace(plan(), data=replace(plan().data, dose=dose)))
    assert ("saturated_dose" in found) is (plateau >= 20)
    if plateau >= 20:
        assert found["saturated_dose"].consequence is Outcome.INCOMPLETE


@pytest.mark.parametrize(
    ("half_mm", "n", "site", "outcome"),
    [
        ((24.0, 5.0, 10.0), 3, "lung", Outcome.PASS),
        ((26.0, 5.0, 10.0), 3, "lung", Outcome.MARGINAL),
        ((10.0, 10.0, 26.0), 1, "lung", Outcome.MARGINAL),
        ((26.0, 5.0, 10.0), 4, "lung", None),
        ((26.0, 5.0, 10.0), 3, "liver", None),
    ],
)
def test_a_wide_lung_tumour_in_few_fractions(
    half_mm: tuple[float, float, float], n: int, site: str, outcome: Outcome | None
) -> None:
    doses = plan(site, n, GTV=given.solid((0, 0, 0), half_mm))
    found = judged(doses).get("entry_diameter")
    assert (found.consequence if found else None) is outcome


def test_the_diameter_of_a_box_is_its_diagonal() -> None:
    doses = plan(GTV=given.solid((0, 0, 0), (20, 15, 10), flat=True, step_mm=1.0))
    assert diameter_mm(doses.structures["GTV"]) == pytest.approx(2 * np.sqrt(20**2 + 15**2 + 9.5**2), rel=2e-3)


def test_the_spacing_of_the_grid_is_said_for_the_spine_and_small_targets() -> None:
    def said(doses: PlanDoses, spacing_mm: float) -> bool:
        affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
        return any("Dose grid" in line for line in lines_of_plan(with_dose(doses, affine=affine), POLICY))

    assert said(plan("spine"), 2.5)
    assert not said(plan("spine"), 2.0)
    assert not said(plan("lung"), 2.5)
    small = given.compute({"PTV": given.solid((0, 0, 0), (7, 7, 7))}, site="lung")
    assert said(small, 2.5)


@pytest.mark.parametrize(
    ("dose", "plan_", "said"),
    [
        ("20240103", "20240105", "2 days before the plan"),
        ("20240104", "20240105", "a day before the plan"),
        ("20240105101500", "20240105110000", "earlier on the same day than the plan"),
        ("20240105", "20240105110000", ""),
        ("20240106", "20240105", ""),
        ("", "20240105", ""),
        ("20240199", "20240205", ""),
    ],
)
def test_a_dose_dated_before_its_plan_is_a_line(dose: str, plan_: str, said: str) -> None:
    data = plan().data
    data = replace(data, dose=replace(data.dose, dated=dose), plan=replace(data.plan, dated=plan_))
    lines = dated_before(data)
    assert bool(lines) is bool(said)
    assert said in " ".join(lines)
    assert "2024" not in " ".join(lines)


def test_organ_limits_that_the_plan_states_stand_with_what_is_reached() -> None:
    doses = plan(SpinalCord=given.solid((40, 0, 0), (5, 5, 60), flat=True))
    number = next(n.roi.number for n in doses.named if n.roi.name == "SpinalCord")
    references = (
        DoseReference(2, "VOLUME", "ORGAN_AT_RISK", number, organ_at_risk_maximum_gy=25.0),
        DoseReference(3, "VOLUME", "ORGAN_AT_RISK", number, organ_at_risk_maximum_gy=0.5),
        DoseReference(4, "SITE", "ORGAN_AT_RISK", None, "heart", organ_at_risk_maximum_gy=30.0),
    )
    stated = replace(doses, data=replace(doses.data, plan=replace(doses.data.plan, dose_references=references)))
    kept, exceeded, unknown = stated_limits(stated)
    assert kept == "Stated in the plan: SpinalCord at most 25 Gy; reached 1.00 Gy (D0.035cc)"
    assert exceeded.endswith("exceeded")
    assert unknown == "Stated in the plan: heart at most 30 Gy; reached not evaluable"


def test_what_a_person_confirms() -> None:
    lung3 = " ".join(to_confirm(plan(n_fractions=3), POLICY))
    assert "motion management" in lung3
    assert "40 hours" in lung3
    assert "RTOG 0236" in lung3
    assert "40 hours" not in " ".join(to_confirm(plan(), POLICY))
    assert to_confirm(plan("spine"), POLICY) == ()
    one = plan(BrachialPlex_L=given.solid((40, 0, 0), (5, 5, 30), flat=True))
    assert any("BrachialPlex_L is the plexus on the side" in line for line in to_confirm(one, POLICY))
