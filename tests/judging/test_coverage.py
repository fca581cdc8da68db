"""Coverage of targets: every tier from both sides, and what excuses a miss, on doses that are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import given_doses as given
import numpy as np
import pytest

from sbrtcheck.dvh import Structure
from sbrtcheck.judging.coverage import judge_coverage
from sbrtcheck.model import (
    DoseGrid,
    Dvh,
    Finding,
    FindingKind,
    Level,
    MarginalReason,
    Outcome,
    Samples,
    Verdict,
)
from sbrtcheck.plan.cold_spots import cold_spots
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.read.case_file import Excuse
from sbrtcheck.read.normalised_to import parse_normalised_to
from sbrtcheck.tables.policy import load_policy
from sbrtcheck.tables.policy_rows import coverage_goals

POLICY = load_policy()
GOALS = coverage_goals(POLICY)
RX_GY = 50.0
CONTOURS = {
    "PTV": given.solid((0, 0, 0), (20, 20, 20), flat=True),
    "GTV": given.solid((0, 0, 0), (10, 10, 10), flat=True),
    # Its surface lies 2 mm from that of the PTV, on the right.
    "SpinalCord": given.solid((27, 0, 0), (5, 5, 60), flat=True),
    "Esophagus": given.solid((-60, 0, 0), (5, 5, 60), flat=True),
    "Liver": given.solid((0, 70, 0), (60, 55, 60), flat=True),
}


WIDE = {**CONTOURS, "SpinalCord": given.solid((27, 0, 0), (5, 25, 60), flat=True)}


def dvh_of(structure: Structure, share_percent: float, low: float) -> Dvh:
    """So much of the volume at 110 % of the prescription, the rest at ``low`` %."""
    volume = 64.0
    hot = volume * share_percent / 100
    gy = np.repeat([110.0, low], 1000) * RX_GY / 100
    parts = np.repeat([hot, volume - hot], 1000) / 1000
    samples = Samples(gy[parts > 0], parts[parts > 0])
    return Dvh(structure.name, samples=samples, total_volume_cm3=volume, max_gy=float(gy[0]))


def flat(structure: Structure, percent: float) -> Dvh:
    return given.uniform(structure, percent * RX_GY / 100)


def plan(
    *,
    site: str = "lung",
    ptv: Sequence[float] = (100, 100),
    gtv: float = 110.0,
    contours: Mapping[str, given.Loops] = CONTOURS,
    **facts: Any,
) -> PlanDoses:
    """``ptv``: covered share and dose of the rest; ``gtv``: its dose; both in percent."""

    def dose_of(structure: Structure) -> Dvh:
        if structure.name == "PTV":
            return dvh_of(structure, *ptv)
        return flat(structure, gtv) if structure.name == "GTV" else given.uniform(structure, 1.0)

    return given.compute(contours, site=site, dose_of=dose_of, **facts)


def judged(doses: PlanDoses, organs: Sequence[Finding] = ()) -> dict[str, Finding]:
    """Structure and metric to the finding."""
    (lesion,) = doses.lesions
    found = judge_coverage(doses, lesion, goals=GOALS, organ_findings=organs, policy=POLICY)
    return {f"{f.roi} {f.metric.partition('[')[0]}": f for f in found}


@pytest.mark.parametrize(
    ("dose", "outcome"),
    [
        (100.0, Outcome.PASS),
        (99.0, Outcome.PASS),
        (98.9, Outcome.PASS_WITH_VARIATION),
        (97.0, Outcome.PASS_WITH_VARIATION),
        (96.9, Outcome.MARGINAL),
        (90.0, Outcome.MARGINAL),
        (89.9, Outcome.FAIL),
        (34.0, Outcome.FAIL),
    ],
)
@pytest.mark.parametrize("site", ["lung", "liver", "bone"])
def test_d95_of_the_ptv_in_four_tiers(site: str, dose: float, outcome: Outcome) -> None:
    found = judged(plan(site=site, ptv=(85, dose)))["PTV D95%"]
    assert found.consequence is outcome
    assert found.policy[0].startswith("coverage.d95_")
    if outcome is Outcome.MARGINAL:
        assert found.why_marginal is MarginalReason.NEEDS_REVIEW


@pytest.mark.parametrize(
    ("share", "rest", "outcome"),
    [
        (80.1, 94.9, Outcome.PASS),
        (79.9, 94.9, Outcome.FAIL),
        (50, 92.0, Outcome.FAIL),
        # An even dose that is normalised to its median.
        (79.9, 95.1, Outcome.MARGINAL),
        (40, 99.5, Outcome.MARGINAL),
    ],
)
def test_v100_of_the_ptv(share: float, rest: float, outcome: Outcome) -> None:
    assert judged(plan(ptv=(share, rest)))["PTV V100%"].consequence is outcome


@pytest.mark.parametrize(
    ("site", "dose", "outcome"),
    [
        ("lung", 100.0, Outcome.PASS),
        ("lung", 99.0, Outcome.MARGINAL),
        ("lung", 89.0, Outcome.FAIL),
        ("spine", 99.0, Outcome.PASS_WITH_VARIATION),
        ("spine", 80.0, Outcome.PASS_WITH_VARIATION),
        ("spine", 79.0, Outcome.MARGINAL),
    ],
)
def test_d98_of_the_visible_tumour(site: str, dose: float, outcome: Outcome) -> None:
    assert judged(plan(site=site, gtv=dose))["GTV D98%"].consequence is outcome


@pytest.mark.parametrize(
    ("ptv", "outcome"),
    [
        ((81, 85), Outcome.PASS),
        ((79, 95), Outcome.MARGINAL),
        ((79, 85), Outcome.FAIL),
    ],
)
def test_the_spine_is_held_to_v100_and_v90(ptv: tuple[float, float], outcome: Outcome) -> None:
    found = judged(plan(site="spine", ptv=ptv))
    assert "PTV D95%" not in found
    worst = max((f.consequence for f in found.values()), key=list(Outcome).index)
    assert worst is outcome


# ---- what excuses a miss

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
AFFINE[:3, 3] = -80.0
X_MM, Y_MM, _ = np.meshgrid(*[np.arange(81) * 2.0 - 80.0] * 3, indexing="ij")
X_MM, Y_MM = X_MM.T, np.moveaxis(Y_MM.T, 0, 0)


def cord_at(share: float, organ: str = "SpinalCord", level: Level = Level.MANDATORY) -> Finding:
    """The cord's near-maximum at a share of its limit."""
    return Finding(
        rule_id=f"X:{organ}",
        kind=FindingKind.ORGAN_LIMIT,
        verdict=Verdict.MET if share <= 1 else Verdict.NOT_MET,
        consequence=Outcome.PASS,
        level=level,
        organ=organ,
        roi=organ,
        metric="D0.035cc[Gy]",
        value=30 * share,
        unit="Gy",
        comparator="<=",
        limit=30.0,
        share=share,
    )


def cut_back(*, side: float, share: float = 75.0, low: float = 88.0, **facts: Any) -> PlanDoses:
    """Full dose but for the outermost 6 mm on the right (``side`` +1) or left (-1), as the grid has it too."""
    doses = plan(ptv=(share, low), **facts)
    cold = side * X_MM > 14.0
    grid = DoseGrid(np.where(cold, 0.8 * RX_GY, 1.1 * RX_GY), AFFINE)
    return replace(doses, data=replace(doses.data, dose=grid))


def test_where_a_target_is_cold() -> None:
    doses = cut_back(side=1.0)
    found = cold_spots(doses.structures["PTV"], doses.data.dose, below_gy=45.0)
    assert found is not None
    assert found.points_mm[:, 0].min() > 13.0
    assert found.beside(doses.structures["SpinalCord"], distance_mm=10.0).mean() > 0.35
    assert not found.beside(doses.structures["Esophagus"], distance_mm=10.0).any()


@pytest.mark.parametrize(
    ("organ", "share", "side", "excused"),
    [
        ("SpinalCord", 0.95, 1.0, True),
        ("SpinalCord", 0.80, 1.0, True),
        ("SpinalCord", 0.79, 1.0, False),
        ("SpinalCord", 1.01, 1.0, False),
        ("SpinalCord", 0.95, -1.0, False),
        ("Esophagus", 0.95, 1.0, False),
        ("Heart", 0.95, 1.0, False),
    ],
)
def test_a_serial_organ_near_its_limit_excuses_the_side_on_which_it_lies(
    organ: str, share: float, side: float, excused: bool
) -> None:
    found = judged(cut_back(side=side, contours=WIDE), [cord_at(share, organ)])
    for name in ("PTV D95%", "PTV V100%"):
        assert found[name].consequence is (Outcome.MARGINAL if excused else Outcome.FAIL)
        assert ("SpinalCord" in found[name].note) is excused
        assert found[name].verdict is Verdict.NOT_MET


def test_an_optimal_limit_excuses_nothing() -> None:
    found = judged(cut_back(side=1.0), [cord_at(0.95, level=Level.OPTIMAL)])
    assert found["PTV D95%"].consequence is Outcome.FAIL


def test_a_target_that_is_cold_all_around_is_not_excused_by_an_organ_on_one_side() -> None:
    doses = plan(ptv=(75, 88))
    grid = DoseGrid(np.where(np.hypot(X_MM, Y_MM) > 14.0, 0.8 * RX_GY, 1.1 * RX_GY), AFFINE)
    doses = replace(doses, data=replace(doses.data, dose=grid))
    assert judged(doses, [cord_at(0.95)])["PTV D95%"].consequence is Outcome.FAIL


def test_liver_excuses_by_one_step_and_only_with_a_reason() -> None:
    reason = (Excuse("Liver", "patient chose a lower dose to the remaining liver"),)
    far = (Excuse("Kidney_L", "one kidney"),)
    assert judged(plan(ptv=(85, 95)))["PTV D95%"].consequence is Outcome.MARGINAL
    found = judged(plan(ptv=(85, 95), excuses=reason))["PTV D95%"]
    assert found.consequence is Outcome.PASS_WITH_VARIATION
    assert "lower dose to the remaining liver" in found.note
    assert judged(plan(ptv=(85, 85), excuses=reason))["PTV D95%"].consequence is Outcome.MARGINAL
    assert judged(plan(ptv=(85, 95), excuses=far))["PTV D95%"].consequence is Outcome.MARGINAL


def test_a_median_of_the_tumour_below_the_prescription_is_never_excused() -> None:
    reason = (Excuse("Liver", "any"),)
    assert judged(plan(gtv=99.0, excuses=reason))["GTV D50%"].consequence is Outcome.MARGINAL
    assert judged(plan(gtv=99.0, excuses=reason))["GTV D98%"].consequence is Outcome.PASS_WITH_VARIATION


def test_what_is_declared_to_cover_less_is_not_held_to_full_coverage() -> None:
    half = parse_normalised_to("D50% = 100%")
    assert half is not None
    doses = plan(ptv=(50, 94.5), normalised_to={"": half})
    assert judged(doses)["PTV V100%"].consequence is Outcome.FAIL

    def dose_of(structure: Structure) -> Dvh:
        samples = Samples(np.linspace(106, 94, 101) * RX_GY / 100, np.full(101, 0.6))
        return Dvh(structure.name, samples=samples, total_volume_cm3=60.6, max_gy=53.0)

    even = given.compute(CONTOURS, site="lung", dose_of=dose_of, normalised_to={"": half})
    assert judged(even)["PTV D95%"].consequence is Outcome.PASS_WITH_VARIATION
    assert judged(even)["PTV V100%"].consequence is Outcome.MARGINAL


def test_a_small_target_says_its_band() -> None:
    small = {**CONTOURS, "PTV": given.solid((0, 0, 0), (8, 8, 8))}
    doses = given.compute(small, site="lung", dose_of=lambda s: dvh_of(s, 85, 96))
    assert "small target" in judged(doses)["PTV D95%"].note
