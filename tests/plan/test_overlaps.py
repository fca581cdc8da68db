"""Volumes that structures share, by boxes: closed forms."""

from __future__ import annotations

import given_doses as given
import pytest

from sbrtcheck.judging.target_shapes import judge_target_shapes, overlap_lines
from sbrtcheck.model import Outcome
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.overlaps import outside_cm3, overlap_cm3
from sbrtcheck.tables.policy import load_policy

POLICY = load_policy()


def box(x_mm: float, half_mm: float) -> given.Loops:
    return given.solid((x_mm, 0, 0), (half_mm, half_mm, half_mm), flat=True, step_mm=2.0)


def plan(site: str = "lung", **contours: given.Loops) -> PlanDoses:
    return given.compute({"PTV": box(0, 20), **contours}, site=site)


@pytest.mark.parametrize(("x_mm", "shared_cm3"), [(30.0, 4.0), (15.0, 10.0), (45.0, 0.0), (-38.0, 0.8)])
def test_overlap_of_two_boxes(x_mm: float, shared_cm3: float) -> None:
    doses = plan(Heart=given.solid((x_mm, 0, 0), (20, 10, 10), flat=True, step_mm=2.0))
    found = overlap_cm3(doses.structures["PTV"], doses.structures["Heart"])
    assert found == pytest.approx(shared_cm3, rel=0.03, abs=0.01)


def test_overlaps_with_serial_organs_and_prvs_are_said() -> None:
    doses = plan(Esophagus=box(30, 20), SpinalCord=box(60, 10), SpinalCord_PRV05=box(30, 20), Lung_L=box(0, 60))
    lines = overlap_lines(doses)
    assert [line.rpartition(" by ")[0] for line in lines] == [
        "PTV overlaps Esophagus",
        "PTV overlaps SpinalCord_PRV05",
    ]
    # 10 mm x 40 mm x 40 mm
    assert float(lines[0].split()[-2]) == pytest.approx(16.0, rel=0.03)


def test_a_tumour_inside_or_on_the_surface_of_its_ptv_is_not_outside() -> None:
    doses = plan(GTV=box(0, 12), CTV=box(0, 20))
    ptv = doses.structures["PTV"]
    assert outside_cm3(doses.structures["GTV"], ptv) == 0.0
    assert outside_cm3(doses.structures["CTV"], ptv) == pytest.approx(0.0, abs=0.01)
    assert not judge_target_shapes(doses, POLICY)


@pytest.mark.parametrize(
    ("half_mm", "x_mm", "site", "outcome"),
    [
        # 2 mm of 24 mm: 8 % of it
        (12.0, 10.0, "lung", Outcome.MARGINAL),
        (12.0, 10.0, "spine", Outcome.PASS),
        (12.0, 8.0, "lung", None),
    ],
)
def test_a_tumour_outside_its_ptv(half_mm: float, x_mm: float, site: str, outcome: Outcome | None) -> None:
    found = judge_target_shapes(plan(site, GTV=box(x_mm, half_mm)), POLICY)
    assert [f.consequence for f in found] == ([outcome] if outcome else [])
    if outcome:
        assert "is this the right PTV?" in found[0].note
    if outcome is Outcome.MARGINAL:
        assert found[0].policy[0].startswith("coverage.outside_ptv_")
