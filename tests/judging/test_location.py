"""Central and ultracentral: what a PTV lies near or touches, and what that does in so many fractions."""

from __future__ import annotations

import given_doses as given
import pytest

from sbrtcheck.judging.location import judge_locations, locations
from sbrtcheck.model import Finding, Outcome
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.lung_location import locate, with_locations
from sbrtcheck.tables.policy import load_policy, policy_of_clinic

POLICY = load_policy()
TREE = {"ProximalBronchialTree": given.solid((-80, 0, 0), (8, 8, 30), flat=True, step_mm=2.0)}


def plan(n_fractions: int = 5, declared: str = "", **organs: given.Loops) -> PlanDoses:
    """A PTV of 40 mm at the origin, in contours 2 mm apart, beside the organs; the airway lies 52 mm away."""
    contours = {"PTV": given.solid((0, 0, 0), (20, 20, 20), flat=True, step_mm=2.0), **TREE, **organs}
    doses = given.compute(contours, site="lung", n_fractions=n_fractions)
    return with_locations(doses, declared={"PTV": declared} if declared else {})


def beside(gap_mm: float) -> given.Loops:
    """A tall organ so far from the surface of the PTV."""
    return given.solid((20 + gap_mm + 6, 0, 0), (6, 6, 40), flat=True, step_mm=2.0)


def judged(doses: PlanDoses) -> Finding | None:
    found = judge_locations(doses, locations(doses, POLICY), POLICY)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("organ", "gap_mm", "location"),
    [
        ("ProximalBronchialTree", 1.0, "ultracentral"),
        ("ProximalBronchialTree", 12.0, "central"),
        ("ProximalBronchialTree", 19.0, "central"),
        ("ProximalBronchialTree", 21.5, "peripheral"),
        ("Trachea", 15.0, "central"),
        ("Esophagus", -10.0, "ultracentral"),
        ("Esophagus", 1.0, "ultracentral"),
        ("Esophagus", 3.0, "peripheral"),
        ("Heart", 1.5, "central"),
        ("Heart", 4.0, "peripheral"),
        ("A_Aorta", 1.0, "ultracentral"),
        ("Mediastinum", 0.0, "central"),
    ],
)
def test_where_a_lesion_lies(organ: str, gap_mm: float, location: str) -> None:
    doses = plan(**{organ: beside(gap_mm)})
    (lesion,) = doses.lesions
    assert lesion.location == location
    assert (organ in lesion.location_origin) is (location != "peripheral" or "Bronchial" in organ)


@pytest.mark.parametrize(
    ("organ", "gap_mm", "n", "outcome"),
    [
        ("ProximalBronchialTree", 12.0, 3, Outcome.MARGINAL),
        ("ProximalBronchialTree", 12.0, 5, None),
        ("Heart", 1.0, 1, Outcome.MARGINAL),
        ("Esophagus", -10.0, 3, Outcome.FAIL),
        ("ProximalBronchialTree", 1.0, 3, Outcome.FAIL),
        ("A_Aorta", 1.0, 3, Outcome.MARGINAL),
        ("Esophagus", -10.0, 4, Outcome.MARGINAL),
        ("A_Aorta", 1.0, 5, Outcome.MARGINAL),
        ("Esophagus", -10.0, 8, None),
        ("Esophagus", 30.0, 3, None),
    ],
)
def test_what_a_place_does_in_so_many_fractions(organ: str, gap_mm: float, n: int, outcome: Outcome | None) -> None:
    found = judged(plan(n, **{organ: beside(gap_mm)}))
    assert (found.consequence if found else None) is outcome
    if found is not None:
        assert organ in found.note
        assert found.policy[0] in POLICY.entries


def test_contact_with_an_organ_beside_vessels_is_no_contact_with_vessels_only() -> None:
    both = plan(3, A_Aorta=beside(1.0), Esophagus=given.solid((-26, 0, 0), (6, 6, 40), flat=True, step_mm=2.0))
    found = judged(both)
    assert found is not None
    assert found.consequence is Outcome.FAIL
    heart = plan(3, A_Aorta=beside(1.0), Heart=given.solid((-40, 0, 0), (20, 20, 20), flat=True, step_mm=2.0))
    found = judged(heart)
    assert found is not None
    assert found.consequence is Outcome.MARGINAL


def test_what_is_declared_adds_and_takes_nothing() -> None:
    said = plan(3, "peripheral", Esophagus=beside(-10.0))
    assert said.lesions[0].location == "peripheral"
    found = judged(said)
    assert found is not None
    assert found.consequence is Outcome.FAIL
    worse = judged(plan(3, "ultracentral"))
    assert worse is not None
    assert worse.consequence is Outcome.FAIL
    assert "case file" in worse.note


def test_the_spacing_of_contours_counts_where_it_is_wider() -> None:
    gap = {"Esophagus": given.solid((30, 0, 0), (6, 6, 40), flat=True, step_mm=5.0)}
    doses = plan(**gap)
    (lesion,) = doses.lesions
    assert dict(lesion.distances_mm)["Esophagus"] == pytest.approx(4.0, abs=0.5)
    assert lesion.location == "ultracentral"


def test_a_clinic_widens_what_touching_means() -> None:
    doses = plan(Esophagus=beside(3.5))
    (lesion,) = doses.lesions
    assert not locate(doses, lesion, POLICY).ultracentral
    own = policy_of_clinic({"location.touching_mm": 5.0}, file="clinic.toml")
    assert locate(doses, lesion, own).ultracentral
    assert locate(doses, lesion, own).touching == ("Esophagus",)
