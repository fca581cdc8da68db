"""What holds of the dose around targets at every site."""

from __future__ import annotations

from dataclasses import fields, replace

import given_doses as given
import numpy as np
import pytest

from sbrtcheck.dvh.around_targets.conformity import DEFINITIONS, Conformity
from sbrtcheck.dvh.around_targets.spill import Hottest
from sbrtcheck.judging.dose_around import judge_dose_around
from sbrtcheck.model import DoseGrid, Finding, MetricValue, Outcome, Reason
from sbrtcheck.plan.doses import PlanDoses, drawn_targets
from sbrtcheck.tables.policy import load_policy

POLICY = load_policy()


def plan(site: str = "liver", *, highest_gy: float = 60.0) -> PlanDoses:
    doses = given.compute({"PTV": given.solid((0, 0, 0), (15, 15, 15))}, site=site)
    grid = DoseGrid(np.full((3, 3, 3), highest_gy), doses.data.dose.affine)
    return replace(doses, data=replace(doses.data, dose=grid))


def measured(r100: float | None, ptv_cm3: float = 20.0) -> Conformity:
    known = {"r100": r100, "ptv_cm3": ptv_cm3, "spill_percent": 12.0, "spill_cm3": 2.4}
    values = {
        name: MetricValue(name, x, x, x, "")
        if (x := known.get(name)) is not None
        else MetricValue(name, None, None, None, "", Reason.NOT_COMPUTABLE)
        for name in DEFINITIONS
    }
    assert {f.name for f in fields(Conformity)} > set(values)
    return Conformity(target="PTV", prescription_gy=50.0, icru91=(), **values)


def judged(doses: PlanDoses, found: Conformity | None = None, hottest: Hottest | None = None) -> dict[str, Finding]:
    out = judge_dose_around(doses, [found] if found is not None else [], hottest, POLICY)
    return {f.rule_id.rpartition(":")[2]: f for f in out}


@pytest.mark.parametrize(
    ("r100", "ptv_cm3", "outcome"),
    [
        (1.1, 20.0, Outcome.PASS),
        (2.0, 20.0, Outcome.PASS),
        (2.1, 20.0, Outcome.MARGINAL),
        (17.3, 3.0, Outcome.MARGINAL),
    ],
)
@pytest.mark.parametrize("site", ["liver", "lung", "spine"])
def test_a_conformity_index_above_two_needs_review(site: str, r100: float, ptv_cm3: float, outcome: Outcome) -> None:
    assert judged(plan(site), measured(r100, ptv_cm3))["conformity_index"].consequence is outcome


def test_no_index_of_a_small_target_or_of_one_without_its_own_isodose() -> None:
    assert "conformity_index" not in judged(plan(), measured(5.0, 2.9))
    assert "conformity_index" not in judged(plan(), measured(None))


def test_conformity_stands_for_every_site() -> None:
    found = judged(plan("liver"), measured(1.1))
    assert {"r100", "spill_cm3", "spill_percent"} <= set(found)
    assert found["spill_percent"].consequence is Outcome.PASS


@pytest.mark.parametrize(("highest_gy", "outcome"), [(99.9, Outcome.PASS), (100.1, Outcome.MARGINAL)])
def test_a_maximum_above_twice_the_prescription_needs_review(highest_gy: float, outcome: Outcome) -> None:
    assert judged(plan(highest_gy=highest_gy))["maximum"].consequence is outcome


@pytest.mark.parametrize(("outside_mm", "outcome"), [(0.0, Outcome.PASS), (3.0, Outcome.MARGINAL)])
def test_the_hottest_volume_lies_in_a_target(outside_mm: float, outcome: Outcome) -> None:
    found = judged(plan(), hottest=Hottest(0.035, 58.0, outside_mm, "PTV"))["hottest_outside"]
    assert found.consequence is outcome
    assert "0.035 cc" in found.note
    assert "hottest_outside" not in judged(plan(), hottest=Hottest(0.035, 58.0, None))


def test_drawn_targets_are_the_ptvs_and_what_lies_in_none_of_them() -> None:
    doses = given.compute(
        {
            "PTV_1": given.solid((0, 0, 0), (15, 15, 15)),
            "GTV_1": given.solid((0, 0, 0), (8, 8, 8)),
            "PTV_2": given.solid((80, 0, 0), (15, 15, 15)),
            "GTV_3": given.solid((-80, 0, 0), (8, 8, 8)),
            "Heart": given.solid((0, 80, 0), (20, 20, 20)),
        },
        site="lung",
        prescriptions_gy={"PTV_1": 50.0},
    )
    assert set(drawn_targets(doses)) == {"PTV_1", "PTV_2", "GTV_3"}
