"""The sum of several plans: closed forms, invariances, what is unknown, and how sums are judged. All doses in Gy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from sbrtcheck.course.summed_dose import (
    Part,
    SummedDose,
    eqd2_one_after_the_other,
    eqd2_same_sessions,
    physical_sum,
    share_of_limits,
    sum_doses,
)
from sbrtcheck.dvh import Structure, build_structure
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.dvh.points.outside_grid import GridBound
from sbrtcheck.model import Contour, DoseGrid, Dvh, Reason, Roi

Array = NDArray[np.float64]
Field = Callable[[Array], Array]
HALF_MM = (10.0, 8.0, 20.0)


def grid_of(field: Field, *, half_mm: float = 36.0, step_mm: float = 2.0, centre_mm: float = 0.0) -> DoseGrid:
    """A dose grid of a field over a cube around the origin, moved along x."""
    n = round(2 * half_mm / step_mm) + 1
    affine: Array = np.diag([step_mm, step_mm, step_mm, 1.0]).astype(np.float64)
    affine[:3, 3] = (centre_mm - half_mm, -half_mm, -half_mm)
    k, j, i = np.meshgrid(np.arange(n), np.arange(n), np.arange(n), indexing="ij")
    points = np.column_stack([i.ravel(), j.ravel(), k.ravel()]) * step_mm + affine[:3, 3]
    return DoseGrid(field(points).reshape(n, n, n), affine)


def box(name: str = "box") -> Structure:
    """A box around the origin with half axes HALF_MM."""
    a, b, c = HALF_MM
    loops = []
    for z in np.arange(-c + 1, c, 2.0):
        loops.append(Contour(np.array([[-a, -b, z], [a, -b, z], [a, b, z], [-a, b, z]])))
    return build_structure(Roi(1, name, tuple(loops)))


def roi_ball(radius_mm: float) -> Roi:
    """A ball around the origin."""
    loops = []
    for z in np.arange(-radius_mm + 0.5, radius_mm, 1.0):
        r, t = np.sqrt(radius_mm**2 - z * z), np.linspace(0, 2 * np.pi, 96, endpoint=False)
        loops.append(Contour(np.column_stack([r * np.cos(t), r * np.sin(t), np.full(96, z)])))
    return Roi(1, "ball", tuple(loops))


def ball(radius_mm: float) -> Structure:
    """A ball around the origin."""
    return build_structure(roi_ball(radius_mm))


# A slanted direction: no layer of sample points has one dose.
ALONG = np.array([0.6, -0.35, 0.72]) / np.linalg.norm([0.6, -0.35, 0.72])


def linear(at_zero: float, per_mm: float) -> Field:
    return lambda p: np.maximum(at_zero + per_mm * (p @ ALONG), 0.0)


def cap_edge_mm(radius_mm: float, volume_cm3: float) -> float:
    """Where the plane lies that cuts a cap of this volume from the upper end of a ball [mm along ALONG]."""
    heights = np.linspace(0, 2 * radius_mm, 200_001)
    return radius_mm - float(np.interp(volume_cm3 * 1000, np.pi * heights**2 * (3 * radius_mm - heights) / 3, heights))


def gaussian(peak: float, sigma_mm: float) -> Field:
    return lambda p: peak * np.exp(-np.sum(p * p, axis=1) / (2 * sigma_mm**2))


def parts(*plans: tuple[str, int, DoseGrid]) -> list[Part]:
    return [Part(label, n, dose, GridBound(dose, [])) for label, n, dose in plans]


def eqd2(dose: float | Array, n: int, alpha_beta: float) -> float | Array:
    """The textbook's equation, written out here again."""
    return dose * (dose / n + alpha_beta) / (2 + alpha_beta)


def converted(summed: SummedDose, n_fractions: Sequence[int], alpha_beta: float, *, same: bool = False) -> Dvh:
    rule = eqd2_same_sessions if same else eqd2_one_after_the_other
    return summed.dvh(lambda d: rule(d, n_fractions=n_fractions, alpha_beta_gy=alpha_beta))


def near(value: float | None, truth: float) -> bool:
    """Within 0.5 % or 0.1 Gy, whichever is more."""
    return value is not None and abs(value - truth) <= max(0.005 * abs(truth), 0.1)


def session_by_session(doses: Sequence[float], n_fractions: Sequence[int], alpha_beta: float) -> float:
    """EQD2 of plans that start together, one session after the other."""
    total = 0.0
    for session in range(max(n_fractions)):
        d = sum(dose / n for dose, n in zip(doses, n_fractions, strict=True) if session < n)
        total += d * (1 + d / alpha_beta)
    return total / (1 + 2 / alpha_beta)


def test_the_printed_example_of_the_cord() -> None:
    fifteen = [np.array([15.0]), np.array([15.0])]
    after = eqd2_one_after_the_other(fifteen, n_fractions=[5, 5], alpha_beta_gy=2.0)
    same = eqd2_same_sessions(fifteen, n_fractions=[5, 5], alpha_beta_gy=2.0)
    assert after == pytest.approx([37.5])
    assert same == pytest.approx([60.0])


@pytest.mark.parametrize("n_fractions", [(5, 3), (3, 5), (8, 8), (1, 4), (10, 5)])
@pytest.mark.parametrize("alpha_beta", [0.87, 2.0, 10.0])
def test_shared_sessions_are_added_before_they_are_converted(n_fractions: tuple[int, int], alpha_beta: float) -> None:
    doses = [22.0, 13.0]
    arrays = [np.array([d]) for d in doses]
    same = eqd2_same_sessions(arrays, n_fractions=n_fractions, alpha_beta_gy=alpha_beta)
    after = eqd2_one_after_the_other(arrays, n_fractions=n_fractions, alpha_beta_gy=alpha_beta)
    assert same[0] == pytest.approx(session_by_session(doses, n_fractions, alpha_beta))
    assert after[0] == pytest.approx(sum(eqd2(d, n, alpha_beta) for d, n in zip(doses, n_fractions, strict=True)))
    assert same[0] > after[0]


@pytest.mark.parametrize(("slope_a", "slope_b"), [(0.8, 0.5), (0.8, -0.15)])
@pytest.mark.parametrize("same", [False, True])
def test_linear_fields_in_a_ball_agree_with_the_closed_form(slope_a: float, slope_b: float, same: bool) -> None:
    radius, a, b, n, alpha_beta = 15.0, (18.0, slope_a), (14.0, slope_b), (5, 3), 2.0
    summed = sum_doses(ball(radius), parts(("A", 5, grid_of(linear(*a))), ("B", 3, grid_of(linear(*b)))))
    dvh = converted(summed, n, alpha_beta, same=same)

    def truth_at(x: float) -> float:
        doses = [a[0] + a[1] * x, b[0] + b[1] * x]
        if same:
            return session_by_session(doses, n, alpha_beta)
        return float(sum(eqd2(d, m, alpha_beta) for d, m in zip(doses, n, strict=True)))

    x = np.linspace(-radius, radius, 4001)
    values = np.array([truth_at(float(v)) for v in x])
    assert np.all(np.diff(values) > 0), "the sum rises along the slope, so that its hottest volume is a cap"
    mean = np.trapezoid(values * (radius**2 - x * x), x) * 3 / (4 * radius**3)
    assert near(evaluate("Mean[Gy]", dvh).value, float(mean))
    for volume in (0.5, 1.0, 5.0):
        assert near(evaluate(f"D{volume}cc[Gy]", dvh).value, truth_at(cap_edge_mm(radius, volume))), volume
    share = evaluate(f"V{truth_at(cap_edge_mm(radius, 4.0)):.6f}Gy[cc]", dvh).value
    assert share == pytest.approx(4.0, rel=0.02)


@pytest.mark.parametrize("same", [False, True])
def test_gaussian_fields_in_a_ball_agree_with_the_closed_form(same: bool) -> None:
    radius, n, alpha_beta = 15.0, (5, 3), 3.0
    fields = (60.0, 14.0), (45.0, 22.0)
    summed = sum_doses(ball(radius), parts(*(("AB"[i], n[i], grid_of(gaussian(*f))) for i, f in enumerate(fields))))
    dvh = converted(summed, n, alpha_beta, same=same)

    def truth_at(r: float) -> float:
        doses = [peak * np.exp(-r * r / (2 * sigma**2)) for peak, sigma in fields]
        if same:
            return session_by_session(doses, n, alpha_beta)
        return float(sum(eqd2(d, m, alpha_beta) for d, m in zip(doses, n, strict=True)))

    r = np.linspace(0, radius, 3001)
    mean = np.trapezoid([truth_at(float(v)) * v * v for v in r], r) * 3 / radius**3
    assert near(evaluate("Mean[Gy]", dvh).value, float(mean))
    for volume in (0.5, 2.0, 5.0, 10.0):
        assert near(evaluate(f"D{volume}cc[Gy]", dvh).value, truth_at((3000 * volume / 4 / np.pi) ** (1 / 3))), volume
    assert near(evaluate("D98%[Gy]", dvh).value, truth_at(radius * 0.98 ** (1 / 3)))


def test_shares_of_published_limits_add_up_point_by_point() -> None:
    summed = sum_doses(ball(15.0), parts(("A", 5, grid_of(linear(10, 0.5))), ("B", 3, grid_of(linear(8, 0.2)))))
    dvh = summed.dvh(lambda d: share_of_limits(d, limits_gy=(30.0, 21.9)))
    edge = cap_edge_mm(15.0, 1.0)
    truth = (10 + 0.5 * edge) / 30 + (8 + 0.2 * edge) / 21.9
    assert evaluate("D1cc[Gy]", dvh).value == pytest.approx(truth, rel=0.005)


@cache
def two_plans() -> tuple[Part, ...]:
    """Two plans on grids of different place and spacing."""
    return tuple(
        parts(
            ("A", 5, grid_of(gaussian(50, 12))),
            ("B", 3, grid_of(lambda p: gaussian(54, 15)(p - np.array([12.0, 4.0, 0.0])), half_mm=40, step_mm=2.5)),
        )
    )


METRICS = ("Mean[Gy]", "D0.035cc[Gy]", "D1cc[Gy]", "D5cc[Gy]", "D50%[Gy]", "V10Gy[cc]", "CV10Gy[cc]")


@pytest.mark.parametrize("same", [False, True])
def test_the_order_of_the_plans_does_not_matter(same: bool) -> None:
    forth = converted(sum_doses(box(), two_plans()), (5, 3), 2.0, same=same)
    back = converted(sum_doses(box(), two_plans()[::-1]), (3, 5), 2.0, same=same)
    for metric in METRICS:
        assert evaluate(metric, forth).value == pytest.approx(evaluate(metric, back).value, rel=1e-9), metric


def test_two_beams_in_the_same_sessions_are_one_plan() -> None:
    whole = grid_of(gaussian(50, 14))
    beams = parts(
        ("A", 5, replace(whole, dose_gy=0.3 * whole.dose_gy)), ("B", 5, replace(whole, dose_gy=0.7 * whole.dose_gy))
    )
    split = converted(sum_doses(box(), beams), (5, 5), 2.0, same=True)
    single = converted(sum_doses(box(), parts(("A", 5, whole))), (5,), 2.0)
    for metric in METRICS:
        assert evaluate(metric, split).value == pytest.approx(evaluate(metric, single).value, rel=1e-6), metric


def test_four_fractions_are_two_and_two() -> None:
    whole = grid_of(gaussian(48, 14))
    half = replace(whole, dose_gy=0.5 * whole.dose_gy)
    split = converted(sum_doses(box(), parts(("A", 2, half), ("B", 2, half))), (2, 2), 3.0)
    single = converted(sum_doses(box(), parts(("A", 4, whole))), (4,), 3.0)
    for metric in METRICS:
        assert evaluate(metric, split).value == pytest.approx(evaluate(metric, single).value, rel=1e-6), metric


@pytest.mark.parametrize("same", [False, True])
def test_a_plan_without_dose_changes_nothing(same: bool) -> None:
    plan = two_plans()[0]
    zero = Part("zero", 3, replace(plan.dose, dose_gy=0.0 * plan.dose.dose_gy), plan.bound)
    with_zero = converted(sum_doses(box(), [plan, zero]), (5, 3), 2.0, same=same)
    alone = converted(sum_doses(box(), [plan]), (5,), 2.0)
    for metric in METRICS:
        assert evaluate(metric, with_zero).value == pytest.approx(evaluate(metric, alone).value, rel=1e-9), metric


@pytest.mark.parametrize("same", [False, True])
def test_a_further_plan_never_lowers_a_dose_nor_raises_a_spared_volume(same: bool) -> None:
    first, second = two_plans()
    third = Part("C", 8, grid_of(linear(1.0, 0.02)), first.bound)
    two = converted(sum_doses(box(), [first, second]), (5, 3), 2.0, same=same)
    three = converted(sum_doses(box(), [first, second, third]), (5, 3, 8), 2.0, same=same)
    for metric in METRICS:
        before, after = evaluate(metric, two).value, evaluate(metric, three).value
        assert before is not None
        assert after is not None
        assert after <= before + 1e-9 if metric.startswith("CV") else after >= before - 1e-9, metric


def test_physical_sum_is_the_sum_of_the_means() -> None:
    summed = sum_doses(box(), two_plans())
    means = [evaluate("Mean[Gy]", summed.dvh(lambda d, i=i: d[i])).value for i in (0, 1)]  # type: ignore[misc]
    assert evaluate("Mean[Gy]", summed.dvh(physical_sum)).value == pytest.approx(sum(m or 0.0 for m in means), rel=1e-6)


def test_a_large_structure_reads_the_spline_where_it_is_hot(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = converted(sum_doses(ball(22.0), two_plans()), (5, 3), 2.0)
    monkeypatch.setattr("sbrtcheck.course.summed_dose.N_SPLINE", 0)
    hottest = converted(sum_doses(ball(22.0), two_plans()), (5, 3), 2.0)
    for metric in ("D0.035cc[Gy]", "D1cc[Gy]", "D10cc[Gy]"):
        assert evaluate(metric, hottest).value == pytest.approx(evaluate(metric, everywhere).value, rel=1e-6), metric
    assert evaluate("Mean[Gy]", hottest).value == pytest.approx(evaluate("Mean[Gy]", everywhere).value, rel=0.01)


def test_dose_outside_a_grid_lies_between_nothing_and_its_bound() -> None:
    whole = grid_of(linear(12.0, 0.1))
    # The second grid ends 4 mm beside the middle of the box; its target lies 2 cm and more inside.
    centre, half = 46.0, 42.0
    cut = grid_of(linear(5.0, 0.05), half_mm=half, centre_mm=centre)
    loops = [c.points_mm + np.array([centre, 0.0, 0.0]) for c in roi_ball(8.0).contours]
    target = build_structure(Roi(2, "PTV", tuple(Contour(points) for points in loops)))
    bounded = [*parts(("A", 5, whole)), Part("B", 5, cut, GridBound(cut, [target]))]
    summed = sum_doses(box(), bounded)
    assert set(summed.unknown_share) == {"B"}
    assert summed.unknown_share["B"] == pytest.approx(0.7, abs=0.03)
    assert summed.unbounded == ()
    value = evaluate("D1cc[Gy]", summed.dvh(physical_sum))
    uncut = parts(("A", 5, whole), ("B", 5, grid_of(linear(5.0, 0.05))))
    true = evaluate("D1cc[Gy]", sum_doses(box(), uncut).dvh(physical_sum))
    assert value.value is not None
    assert true.value is not None
    assert value.low is not None
    assert value.high is not None
    face = 2 * float(cut.dose_gy[:, :, 0].max())
    assert value.low <= true.value <= value.high
    assert value.high <= 12.0 + 0.1 * 22 + face + 0.2
    alone = sum_doses(box(), parts(("A", 5, whole), ("B", 5, cut)))
    assert alone.unbounded == ("B",)
    assert (evaluate("D1cc[Gy]", alone.dvh(physical_sum)).high or 0.0) > 1000


def test_where_no_grid_reaches_nothing_is_known() -> None:
    far = grid_of(linear(5.0, 0.05), half_mm=10.0, centre_mm=200.0)
    summed = sum_doses(box(), parts(("A", 5, far), ("B", 3, far)))
    value = evaluate("D1cc[Gy]", summed.dvh(physical_sum))
    assert value.value is None
    assert value.reason is Reason.OUTSIDE_GRID
