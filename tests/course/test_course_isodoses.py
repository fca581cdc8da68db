"""Isodoses of two plans that join: the sum of dose grids, and R50 of each lesion on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sbrtcheck.course.isodoses import common_box, judge_isodoses, summed_grid, turned
from sbrtcheck.course.lesions import treated_elsewhere
from sbrtcheck.dvh import dose_at
from sbrtcheck.model import DoseGrid, Finding, Study, study_from_arrays
from sbrtcheck.pipeline import check_study
from sbrtcheck.plan.doses import PlanDoses, compute_plan
from sbrtcheck.plan.facts import GivenFacts

Array = NDArray[np.float64]
RX, SIGMA, RADIUS, STEP = 50.0, 9.0, 7.5, 2.0
PEAK = 1.35 * RX


def ball(x: float, radius: float, step: float = STEP) -> list[Array]:
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    out = []
    for z in np.arange(-radius + 0.5 * step, radius, step):
        r = np.sqrt(radius**2 - z**2)
        out.append(np.column_stack([x + r * np.cos(t), r * np.sin(t), np.full(60, z)]))
    return out


def grid(half_mm: tuple[float, float, float], step: float = STEP, at: float = 0.0) -> tuple[list[Array], Array]:
    axes = [np.arange(-h, h + 0.5 * step, step) for h in half_mm]
    axes[0] = axes[0] + at
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = [a[0] for a in axes]
    return axes, affine


def gaussian(axes: list[Array], x: float) -> Array:
    a, b, c = (np.exp(-((axis - m) ** 2) / 2 / SIGMA**2) for axis, m in zip(axes, (x, 0.0, 0.0), strict=True))
    return np.asarray(PEAK * c[:, None, None] * b[None, :, None] * a[None, None, :])


def study(*plans: tuple[str, float, dict[str, Any]]) -> Study:
    """Plans of one lesion each: label, place of the lesion along x, and options of its dose grid."""
    shapes = {f"PTV_{label}": ball(x, RADIUS) for label, x, _ in plans}
    made = []
    for label, x, options in plans:
        axes, affine = grid((90.0, 60.0, 60.0), **options)
        one = study_from_arrays(
            dose_gy=gaussian(axes, x),
            affine=affine,
            contours=shapes,
            n_fractions=5,
            prescriptions_gy={f"PTV_{label}": RX},
            label=label,
        )
        made.append(replace(one.plans[0], structures=made[0].structures if made else one.plans[0].structures))
    return replace(one, plans=tuple(made))


def computed(given: Study) -> list[PlanDoses]:
    """The plans with their doses, each with its own lesion."""
    plans = []
    elsewhere = treated_elsewhere(given, None)
    for index, data in enumerate(given.plans):
        facts = GivenFacts(sites={"": "lung"})
        made = compute_plan(data, index=index, given=facts, elsewhere=elsewhere[index], first_lesion=index + 1)
        plans.append(made)
    return plans


def joined(given: Study) -> dict[tuple[str, str], Finding]:
    return {(f.roi, f.metric): f for f in judge_isodoses(computed(given))}


def half_volume_cm3(gap: float) -> float:
    """Volume of the isodose of half the prescription on one side of two Gaussians ``gap`` apart [cm3]."""
    step = 0.5
    x, y = np.arange(0.5 * step, 60, step), np.arange(0.5 * step, 40, step)
    a = np.exp(-((x - gap / 2) ** 2) / 2 / SIGMA**2) + np.exp(-((x + gap / 2) ** 2) / 2 / SIGMA**2)
    b = np.exp(-(y**2) / 2 / SIGMA**2)
    dose = PEAK * a[:, None, None] * b[None, :, None] * b[None, None, :]
    return 4.0 * float(np.count_nonzero(dose >= 0.5 * RX)) * step**3 / 1000.0


@pytest.mark.parametrize("options", [{}, {"at": 1.0}, {"step": 2.5, "at": 0.7}])
def test_r50_on_the_sum_is_half_of_the_joined_isodose(options: dict[str, Any]) -> None:
    gap = 26.0
    found = joined(study(("A", -gap / 2, {}), ("B", gap / 2, options)))
    volume = 4 / 3 * np.pi * RADIUS**3 / 1000.0
    for own, other in (("A", "B"), ("B", "A")):
        finding = found[f"PTV_{own}", "R50"]
        assert finding.value == pytest.approx(half_volume_cm3(gap) / volume, rel=0.03)
        assert f"PTV_{other} of {other}" in finding.note
        assert "nearest lesion" in finding.note
        assert finding.consequence.value == "PASS"
    assert {metric for _, metric in found} == {"R50", "D2cm[%]"}
    # Each Gaussian 2 cm beyond its surface, along the line away from the other lesion.
    far = RADIUS + 20.0
    truth = 100 / RX * PEAK * (np.exp(-(far**2) / 2 / SIGMA**2) + np.exp(-((far + gap) ** 2) / 2 / SIGMA**2))
    beside = 100 / RX * PEAK * 2 * np.exp(-(far**2 - (gap / 2) ** 2 + (gap / 2) ** 2) / 2 / SIGMA**2)
    assert truth * 0.95 < (found["PTV_A", "D2cm[%]"].value or 0.0) < beside * 1.05


def test_the_plan_alone_has_a_smaller_isodose() -> None:
    report = check_study(study(("A", -13.0, {}), ("B", 13.0, {})), sites={"": "lung"})
    (alone,) = [x.conformity["r50"].value for x in report.lesions if x.lesion.ptv == "PTV_A"]
    (together,) = [f.value for f in report.course_findings if (f.roi, f.metric) == ("PTV_A", "R50")]
    assert alone is not None
    assert together is not None
    assert together > 1.02 * float(alone)


def test_the_order_of_the_plans_changes_no_number() -> None:
    one, two = ("A", -13.0, {}), ("B", 13.0, {"step": 2.5})
    forth, back = joined(study(one, two)), joined(study(two, one))
    assert {k: f.value for k, f in forth.items()} == pytest.approx({k: f.value for k, f in back.items()}, rel=1e-6)


def test_lesions_far_apart_are_not_mentioned() -> None:
    assert joined(study(("A", -35.0, {}), ("B", 35.0, {}))) == {}


def test_one_lesion_of_two_plans_does_not_join_itself() -> None:
    once = study(("A", 0.0, {}))
    boost = replace(once.plans[0], plan=replace(once.plans[0].plan, label="boost", sop_instance_uid=""))
    boost = replace(boost, dose=replace(boost.dose, dose_gy=0.5 * boost.dose.dose_gy))
    assert joined(replace(once, plans=(once.plans[0], boost))) == {}


def box(step: float, at: tuple[float, float, float], shape: tuple[int, int, int]) -> DoseGrid:
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = at
    k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    x, y, z = (step * index + low for index, low in zip((i, j, k), at, strict=True))
    return DoseGrid(20.0 + 0.1 * x + 0.2 * y + 0.3 * z, affine)


def test_a_sum_of_grids_is_exact_where_dose_is_straight() -> None:
    one, two = box(2.0, (0.0, 0.0, 0.0), (12, 14, 16)), box(3.0, (1.0, -4.0, 2.5), (10, 9, 8))
    total = summed_grid([two, one])
    # The finer grid's points that the other covers: x 1 to 22, y -4 to 20, z 2.5 to 29.5.
    assert total.spacing_mm == (2.0, 2.0, 2.0)
    assert tuple(total.affine[:3, 3]) == (2.0, 0.0, 4.0)
    assert total.dose_gy.shape == (10, 11, 11)
    points = total.to_patient(np.array([[0.0, 0.0, 0.0], [10.0, 10.0, 9.0], [3.5, 7.25, 2.0]]))
    exact = 2 * (20.0 + points @ np.array([0.1, 0.2, 0.3]))
    assert dose_at(total, points, interpolation="linear") == pytest.approx(exact, abs=1e-9)


def test_a_sum_does_not_hang_on_the_order_of_the_axes() -> None:
    one, two = box(2.0, (0.0, 0.0, 0.0), (12, 14, 16)), box(3.0, (1.0, -4.0, 2.5), (10, 9, 8))
    swapped = np.array(two.affine)[:, [2, 1, 0, 3]]
    other = summed_grid([one, DoseGrid(np.ascontiguousarray(two.dose_gy.transpose(2, 1, 0)), swapped)])
    total = summed_grid([one, two])
    assert other.dose_gy == pytest.approx(total.dose_gy, abs=1e-9)


def test_grids_without_a_common_box_and_turned_ones_are_known() -> None:
    one = box(2.0, (0.0, 0.0, 0.0), (12, 14, 16))
    assert common_box([one, box(2.0, (100.0, 0.0, 0.0), (12, 14, 16))]) is None
    assert not turned([one, box(3.0, (1.0, -4.0, 2.5), (10, 9, 8))])
    assert turned([one, replace(one, affine=about_z(0.2) @ one.affine)])


def about_z(angle: float) -> Array:
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return turn


def test_turned_grids_are_said_and_not_summed() -> None:
    given = study(("A", -13.0, {}), ("B", 13.0, {}))
    second = given.plans[1]
    second = replace(second, dose=replace(second.dose, affine=about_z(0.01) @ second.dose.affine))
    (finding,) = joined(replace(given, plans=(given.plans[0], second))).values()
    assert finding.value is None
    assert "turned against each other" in finding.note


def test_a_third_plan_elsewhere_and_a_lesion_without_prescription_are_said() -> None:
    far = study(("A", -13.0, {}), ("B", 13.0, {}), ("C", 150.0, {"at": 150.0}))
    (finding,) = judge_isodoses(computed(far))
    assert finding.value is None
    assert "outside the box" in finding.note
    plans = computed(study(("A", -13.0, {}), ("B", 13.0, {})))
    (lesion,) = plans[1].lesions
    plans[1] = replace(plans[1], lesions=(replace(lesion, prescription_gy=None),))
    (finding,) = judge_isodoses(plans)
    assert finding.value is None
    assert "no prescription is known for 2 PTV_B" in finding.note
