"""One prescription for several targets: linked where the dose in each says so, or given for all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from unittest import mock

import given_doses as given
import numpy as np
import pytest

from sbrtcheck import study_from_arrays
from sbrtcheck.anatomy.lesions import link_hint
from sbrtcheck.dvh import Structure
from sbrtcheck.errors import RefusedError, WrongUsageError
from sbrtcheck.model import DoseReference, Dvh
from sbrtcheck.plan import doses as plan_check
from sbrtcheck.plan.doses import PlanDoses, compute_plan
from sbrtcheck.plan.facts import GivenFacts

CONTOURS = {"PTV_a": given.solid((0, 0, 0), (15, 15, 15)), "PTV_b": given.solid((80, 0, 0), (15, 15, 15))}


def plan(d95_gy: tuple[float, float], *references: DoseReference, **prescriptions_gy: float) -> PlanDoses:
    """Two targets that get these doses, the plan's dose references, and what a caller gives."""
    of = dict(zip(CONTOURS, d95_gy, strict=True))
    (data,) = study_from_arrays(
        dose_gy=np.ones((3, 3, 3)), affine=np.eye(4), contours=CONTOURS, n_fractions=5, prescriptions_gy={}
    ).plans
    data = replace(data, plan=replace(data.plan, dose_references=references))

    def dvhs(structures: Iterable[Structure], *_dose: Any, **_options: Any) -> list[Dvh]:
        return [given.uniform(s, of[s.name]) for s in structures]

    with mock.patch.object(plan_check, "compute_dvhs", dvhs):
        return compute_plan(data, index=0, given=GivenFacts(sites={"": "lung"}, prescriptions_gy=prescriptions_gy))


def site(dose_gy: float, kind: str = "SITE") -> DoseReference:
    return DoseReference(1, kind, "TARGET", target_prescription_gy=dose_gy)


@pytest.mark.parametrize(
    ("d95_gy", "linked"),
    [((50.0, 50.0), True), ((45.1, 57.4), True), ((44.9, 50.0), False), ((50.0, 57.6), False)],
)
def test_one_prescription_of_a_site_is_that_of_every_target_that_gets_it(
    d95_gy: tuple[float, float], linked: bool
) -> None:
    doses = plan(d95_gy, site(50.0))
    assert [x.prescription_gy for x in doses.lesions] == ([50.0, 50.0] if linked else [None, None])
    if linked:
        assert "90 to 115 %" in doses.lesions[0].linked_by
        assert [f.origin for f in doses.facts if f.name == "prescription of PTV_b"] == [doses.lesions[1].linked_by]


def test_a_point_or_two_doses_are_not_shared() -> None:
    assert plan((50.0, 50.0), site(50.0, "COORDINATES")).lesions[0].prescription_gy is None
    two = plan((50.0, 50.0), site(50.0), DoseReference(2, "SITE", "TARGET", target_prescription_gy=40.0))
    assert two.lesions[0].prescription_gy is None


def test_a_prescription_given_for_all() -> None:
    doses = plan((30.0, 40.0), all=21.0)
    assert {x.prescription_gy for x in doses.lesions} == {21.0}
    own = plan((30.0, 40.0), all=21.0, PTV_b=24.0)
    assert [x.prescription_gy for x in own.lesions] == [21.0, 24.0]
    with pytest.raises(WrongUsageError, match="E-ROI-UNKNOWN"):
        plan((30.0, 40.0), every=21.0)
    with pytest.raises(RefusedError, match="E-CONTRADICTS"):
        plan(
            (50.0, 50.0),
            DoseReference(1, "VOLUME", "TARGET", 1, target_prescription_gy=50.0),
            all=21.0,
        )


def test_the_hint_names_all_targets_at_once() -> None:
    doses = plan((30.0, 60.0), site(50.0))
    assert link_hint(doses.lesions, doses.data.plan) == "--prescription all=50"


@pytest.mark.parametrize(
    ("reached_gy", "linked"), [(50.0, True), (41.0, True), (59.0, True), (39.0, False), (61.0, False)]
)
def test_a_dose_without_a_roi_is_that_of_the_only_target_while_the_target_comes_near_it(
    reached_gy: float, linked: bool
) -> None:
    made = given.solid((0, 0, 0), (15, 15, 15))
    (data,) = study_from_arrays(
        dose_gy=np.ones((3, 3, 3)), affine=np.eye(4), contours={"PTV": made}, n_fractions=5, prescriptions_gy={}
    ).plans
    data = replace(data, plan=replace(data.plan, dose_references=(site(50.0),)))
    with mock.patch.object(
        plan_check, "compute_dvhs", lambda asked, *_a, **_k: [given.uniform(s, reached_gy) for s in asked]
    ):
        (lesion,) = compute_plan(data, index=0, given=GivenFacts(sites={"": "lung"})).lesions
    assert lesion.prescription_gy == (50.0 if linked else None)
