"""Conformity on analytic radial doses, whose isodoses are spheres of known volume."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.dvh import build_structure
from sbrtcheck.dvh.around_targets.conformity import (
    DEFINITIONS,
    Conformity,
    conformity,
    global_maximum,
    v105_outside,
)
from sbrtcheck.dvh.around_targets.indices import icru91
from sbrtcheck.dvh.around_targets.isodose import dose_cubic, isodose
from sbrtcheck.dvh.around_targets.spill import hottest_of_grid
from sbrtcheck.dvh.contours.surface import Surface
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.model import Contour, DoseGrid, Dvh, FloatArray, Reason, Roi, Samples

RX_GY = 50.0
PEAK_GY = 62.5
R100_MM = 19.0
POWER = 3.3
Radial = Callable[[FloatArray], FloatArray]


def lorentz(r_mm: FloatArray) -> FloatArray:
    """A dose that falls from 62.5 Gy through 50 Gy at 19 mm as r^-3.3."""
    return PEAK_GY / (1 + (PEAK_GY / RX_GY - 1) * (np.asarray(r_mm) / R100_MM) ** POWER)


def radius_of(level_gy: float) -> float:
    return float(R100_MM * ((PEAK_GY / level_gy - 1) / (PEAK_GY / RX_GY - 1)) ** (1 / POWER))


def ball_cm3(radius_mm: float) -> float:
    return 4 / 3 * np.pi * radius_mm**3 / 1000


@dataclass(frozen=True)
class Ball:
    """A structure that is exactly a sphere."""

    name: str
    centre_mm: tuple[float, float, float]
    radius_mm: float
    blocked: Reason | None = None
    blocked_note: str = ""

    @property
    def bounds_mm(self) -> FloatArray:
        return np.stack([np.array(self.centre_mm) - self.radius_mm, np.array(self.centre_mm) + self.radius_mm])

    @property
    def volume_cm3(self) -> float:
        return ball_cm3(self.radius_mm)

    def contains(self, points_mm: FloatArray) -> FloatArray:
        return np.linalg.norm(np.asarray(points_mm) - self.centre_mm, axis=1) <= self.radius_mm

    def dvh(self, profile: Radial, *, spread: float = 0.0) -> Dvh:
        """Its exact Dvh when ``profile`` is centred in it; ``spread``: a second reading of this much more volume."""
        n = 4000
        r = self.radius_mm * ((np.arange(n) + 0.5) / n) ** (1 / 3)
        dose = np.sort(profile(r))[::-1]
        samples = Samples(dose, np.full(n, self.volume_cm3 / n))
        other = Samples(dose, np.full(n, self.volume_cm3 * (1 + spread) / n))
        return Dvh(
            roi=self.name,
            samples=samples,
            total_volume_cm3=self.volume_cm3,
            variants=(("other", other),) if spread else (),
            max_gy=float(profile(np.zeros(1))[0]),
        )


def make_grid(
    profile: Radial,
    centres: Sequence[tuple[float, float, float]],
    *,
    step_mm: float = 3.0,
    half_mm: float = 57.0,
    phase: tuple[float, float, float] = (0.31, 0.77, 0.13),
    axes: FloatArray | None = None,
    middle: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> DoseGrid:
    """Sum of radial doses on a cube around ``middle``, its axes along the columns of ``axes``, shifted by a phase."""
    rotation = np.eye(3) if axes is None else axes
    n = int(2 * half_mm / step_mm)
    affine = np.eye(4)
    affine[:3, :3] = rotation * step_mm
    affine[:3, 3] = np.array(middle) + rotation @ (np.array(phase) * step_mm - half_mm)
    grid = DoseGrid(np.zeros((n, n, n)), affine)
    k, j, i = np.meshgrid(np.arange(n), np.arange(n), np.arange(n), indexing="ij")
    points = grid.to_patient(np.stack([i, j, k], axis=-1).reshape(-1, 3).astype(float))
    dose = sum(profile(np.linalg.norm(points - np.array(c), axis=1)) for c in centres)
    return DoseGrid(np.asarray(dose).reshape(n, n, n), affine)


def one(
    grid: DoseGrid, ball: Ball, *, profile: Radial = lorentz, body: Ball | None = None, rx: float = RX_GY
) -> Conformity:
    (result,) = conformity(targets=[(ball, rx)], body=body, dose=grid, dvhs=[ball.dvh(profile)])  # type: ignore[arg-type, list-item]
    return result


def check_closed_form(result: Conformity, radius_mm: float) -> None:
    """R100, R50, GI and Paddick within 1 %, D2cm within 0.3 % of Rx, each truth inside its band."""
    r50_mm = radius_of(RX_GY / 2)
    truths = {
        "r100": (R100_MM / radius_mm) ** 3,
        "r50": (r50_mm / radius_mm) ** 3,
        "gradient_index": (r50_mm / R100_MM) ** 3,
        "paddick": (min(radius_mm, R100_MM) ** 3) ** 2 / (radius_mm * R100_MM) ** 3,
        "isodose100_cm3": ball_cm3(R100_MM),
        "isodose50_cm3": ball_cm3(r50_mm),
    }
    values = result.values()
    for name, truth in truths.items():
        found = values[name]
        assert found.value == pytest.approx(truth, rel=0.01), name
        assert found.low is not None
        assert found.high is not None
        assert found.low - 1e-4 * truth <= truth <= found.high + 1e-4 * truth, name
    d2cm = float(lorentz(np.array(radius_mm + 20))) / RX_GY * 100
    assert result.d2cm.value == pytest.approx(d2cm, abs=0.3)
    assert result.d2cm.low is not None
    assert result.d2cm.high is not None
    assert result.d2cm.low - 0.05 <= d2cm <= result.d2cm.high + 0.05


@pytest.mark.parametrize("step_mm", [2.0, 3.0])
@pytest.mark.parametrize("radius_mm", [18.0, 20.0])
def test_closed_form_spheres(step_mm: float, radius_mm: float) -> None:
    centre = (1.3, -2.1, 0.4)
    grid = make_grid(lorentz, [centre], step_mm=step_mm)
    check_closed_form(one(grid, Ball("PTV", centre, radius_mm)), radius_mm)


@pytest.mark.parametrize("phase", [(0, 0, 0), (0.5, 0.5, 0.5), (0.25, 0.0, 0.9), (0.5, 0.0, 0.0)])
def test_grid_phases(phase: tuple[float, float, float]) -> None:
    result = one(make_grid(lorentz, [(0, 0, 0)], phase=phase, step_mm=2.5), Ball("PTV", (0, 0, 0), 18.0))
    check_closed_form(result, 18.0)


def orientations() -> list[FloatArray]:
    """The 48 axis-aligned frames, left-handed ones included."""
    frames = []
    for order in permutations(range(3)):
        for signs in product([1.0, -1.0], repeat=3):
            frames.append(np.eye(3)[:, order] * np.array(signs))
    return frames


def test_all_orientations_of_the_grid_agree() -> None:
    ball = Ball("PTV", (6.0, -4.0, 2.0), 18.0)
    for axes in orientations()[::11]:
        grid = make_grid(lorentz, [ball.centre_mm], step_mm=3.0, axes=axes)
        check_closed_form(one(grid, ball), 18.0)


def test_an_oblique_grid() -> None:
    a, b = np.deg2rad(20), np.deg2rad(35)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    check_closed_form(one(make_grid(lorentz, [(0, 0, 0)], axes=turn @ tilt), Ball("PTV", (0, 0, 0), 18.0)), 18.0)


def test_a_small_target_on_a_two_millimetre_grid() -> None:
    """0.5 cm3: the isodoses still come within 1 %, and the band says how sure that is."""

    def narrow(r_mm: FloatArray) -> FloatArray:
        return lorentz(np.asarray(r_mm) * 3.0)

    grid = make_grid(narrow, [(0, 0, 0)], half_mm=40, step_mm=2.0)
    found = one(grid, Ball("PTV", (0, 0, 0), 5.0), profile=narrow)
    truth = ball_cm3(R100_MM / 3)
    assert found.isodose100_cm3.value == pytest.approx(truth, rel=0.01)
    assert found.isodose100_cm3.low is not None
    assert found.isodose100_cm3.high is not None
    assert found.isodose100_cm3.low < truth < found.isodose100_cm3.high
    assert found.icru91[2].metric == "D0.035cc[Gy]"


def test_scaling_dose_and_prescription_changes_nothing() -> None:
    ball = Ball("PTV", (0, 0, 0), 18.0)
    grid = make_grid(lorentz, [(0, 0, 0)])
    base = one(grid, ball).values()
    for factor in (0.3,):
        scaled = DoseGrid(grid.dose_gy * factor, grid.affine)
        dvh = ball.dvh(lambda r, f=factor: lorentz(r) * f)
        (result,) = conformity(targets=[(ball, RX_GY * factor)], body=None, dose=scaled, dvhs=[dvh])  # type: ignore[list-item]
        for name, value in result.values().items():
            assert value.value == pytest.approx(base[name].value, rel=1e-9, abs=1e-9), name


def test_moving_everything_changes_nothing() -> None:
    shift = (311.7, -804.2, 95.3)
    here = one(make_grid(lorentz, [(0, 0, 0)]), Ball("PTV", (0, 0, 0), 18.0)).values()
    there = one(make_grid(lorentz, [shift], middle=shift), Ball("PTV", shift, 18.0)).values()
    for name, value in there.items():
        assert value.value == pytest.approx(here[name].value, rel=1e-3, abs=1e-3), name


def test_half_the_prescription_has_the_isodose_of_its_own() -> None:
    grid = make_grid(lorentz, [(0, 0, 0)])
    ball = Ball("PTV", (0, 0, 0), 18.0)
    assert one(grid, ball, rx=RX_GY / 2).isodose100_cm3.value == one(grid, ball).isodose50_cm3.value


# --- several targets


def close_doses(r_mm: FloatArray) -> FloatArray:
    return np.where(np.asarray(r_mm) < 60, lorentz(r_mm), 0.0)


def test_two_separate_lesions_have_each_their_own_isodoses() -> None:
    a, b = Ball("PTV1", (-62.0, 0, 0), 18.0), Ball("PTV2", (62.0, 0, 0), 18.0)
    grid = make_grid(close_doses, [a.centre_mm, b.centre_mm], half_mm=120, step_mm=4.0)
    first, second = conformity(  # type: ignore[list-item]
        targets=[(a, RX_GY), (b, RX_GY)], body=None, dose=grid, dvhs=[a.dvh(lorentz), b.dvh(lorentz)]
    )
    assert (first.merged, second.merged) == ((), ())
    for result in (first, second):
        check_closed_form(result, 18.0)


@pytest.mark.parametrize("gap_mm", [66.0, 60.0])
def test_merging_lesions_are_divided_in_the_middle_and_say_so(gap_mm: float) -> None:
    """Two equal lesions whose 50 % isodoses run together: by symmetry each gets half of the whole."""
    a, b = Ball("PTV1", (-gap_mm / 2, 0, 0), 18.0), Ball("PTV2", (gap_mm / 2, 0, 0), 18.0)
    grid = make_grid(lorentz, [a.centre_mm, b.centre_mm], half_mm=75)
    first, second = conformity(  # type: ignore[list-item]
        targets=[(a, RX_GY), (b, RX_GY)], body=None, dose=grid, dvhs=[a.dvh(lorentz), b.dvh(lorentz)]
    )
    whole = isodose(grid, level_gy=RX_GY / 2).volumes_cm3()[0]
    assert 50 in first.merged
    assert 50 in second.merged
    assert "divided by the nearest target" in first.notes[0]
    assert first.isodose50_cm3.value is not None
    assert second.isodose50_cm3.value is not None
    assert first.isodose50_cm3.value + second.isodose50_cm3.value == pytest.approx(whole, rel=1e-9)
    assert first.isodose50_cm3.value == pytest.approx(whole / 2, rel=3e-3)
    assert first.r100.value == pytest.approx(second.r100.value, rel=3e-3)


def test_an_island_without_a_target_counts_for_the_nearest() -> None:
    a, b = Ball("PTV1", (-62.0, 0, 0), 14.0), Ball("PTV2", (62.0, 0, 0), 14.0)

    def small(r_mm: FloatArray) -> FloatArray:
        return lorentz(np.asarray(r_mm) * 1.5)

    grid = make_grid(small, [a.centre_mm, b.centre_mm, (20.0, 45.0, 0.0)], half_mm=120, step_mm=4.0)
    first, second = conformity(  # type: ignore[list-item]
        targets=[(a, RX_GY), (b, RX_GY)], body=None, dose=grid, dvhs=[a.dvh(small), b.dvh(small)]
    )
    assert first.isodose100_cm3.value is not None
    assert second.isodose100_cm3.value is not None
    whole = isodose(grid, level_gy=RX_GY).volumes_cm3()[0]
    assert first.isodose100_cm3.value + second.isodose100_cm3.value == pytest.approx(whole, rel=1e-9)
    assert second.isodose100_cm3.value == pytest.approx(2 * first.isodose100_cm3.value, rel=0.15)
    assert second.spill_cm3.value is not None
    assert second.spill_cm3.value > 0.9 * ball_cm3(radius_of(1.05 * RX_GY) / 1.5)
    assert first.spill_cm3.value == 0
    total = v105_outside(grid, [(a, RX_GY), (b, RX_GY)])  # type: ignore[list-item]
    assert total.value == pytest.approx(second.spill_cm3.value, rel=1e-6)


def test_d2cm_keeps_2_cm_from_every_target_and_uses_the_prescription_of_the_nearest() -> None:
    """Beside a 60 Gy lesion a 30 Gy one: the dose near the hot lesion is not read as percent of 30 Gy."""
    a, b = Ball("PTV1", (-62.0, 0, 0), 18.0), Ball("PTV2", (62.0, 0, 0), 18.0)
    grid = make_grid(close_doses, [a.centre_mm], half_mm=120, step_mm=4.0)
    cold = make_grid(close_doses, [b.centre_mm], half_mm=120, step_mm=4.0)
    dose = DoseGrid(grid.dose_gy + 0.5 * cold.dose_gy, grid.affine)
    first, second = conformity(  # type: ignore[list-item]
        targets=[(a, RX_GY), (b, RX_GY / 2)],
        body=None,
        dose=dose,
        dvhs=[a.dvh(lorentz), b.dvh(lambda r: lorentz(r) / 2)],
    )
    truth = float(lorentz(np.array(38.0))) / RX_GY * 100
    assert first.d2cm.value == pytest.approx(truth, abs=0.3)
    assert second.d2cm.value == pytest.approx(truth, abs=0.3)
    (alone,) = conformity(targets=[(b, RX_GY / 2)], body=None, dose=dose, dvhs=[b.dvh(lorentz)])  # type: ignore[list-item]
    assert alone.d2cm.value is not None
    assert alone.d2cm.value > 200


def test_targets_without_a_prescription_are_targets_all_the_same() -> None:
    """Three lesions, one prescription linked: its numbers are those that it has when all are linked."""
    balls = [Ball(f"PTV{i}", (x, y, 0), 14.0) for i, (x, y) in enumerate([(-62.0, 0), (62.0, 0), (0.0, 62.0)])]
    grid = make_grid(close_doses, [b.centre_mm for b in balls], half_mm=120, step_mm=4.0)
    dvhs = [b.dvh(close_doses) for b in balls]
    linked = conformity(targets=[(b, RX_GY) for b in balls], body=None, dose=grid, dvhs=dvhs)  # type: ignore[misc]
    one = [(balls[0], RX_GY)]
    (alone,) = conformity(targets=one, body=None, dose=grid, dvhs=dvhs[:1], others=balls[1:])  # type: ignore[arg-type]
    for name in ("r100", "r50", "d2cm", "spill_cm3", "paddick"):
        value, wanted = getattr(alone, name).value, getattr(linked[0], name).value
        assert value is not None
        assert value == pytest.approx(wanted, rel=1e-6, abs=1e-9), name
    (forgotten,) = conformity(targets=one, body=None, dose=grid, dvhs=dvhs[:1])  # type: ignore[arg-type]
    assert forgotten.r100.value == pytest.approx(3 * linked[0].r100.value, rel=0.1)
    total = v105_outside(grid, one, others=balls[1:])  # type: ignore[arg-type]
    assert total.value == pytest.approx(linked[0].spill_cm3.value, abs=1e-9)


def test_a_target_without_a_prescription_that_overlaps_shares_the_isodose() -> None:
    outer, inner = Ball("PTV", (0, 0, 0), 18.0), Ball("PTV_eval", (2, 0, 0), 14.0)
    grid = make_grid(lorentz, [(0, 0, 0)])
    one = [(outer, RX_GY)]
    (alone,) = conformity(targets=one, body=None, dose=grid, dvhs=[outer.dvh(lorentz)])  # type: ignore[arg-type]
    (beside,) = conformity(
        targets=one,  # type: ignore[arg-type]
        body=None,
        dose=grid,
        dvhs=[outer.dvh(lorentz)],
        others=[inner],  # type: ignore[list-item]
    )
    assert beside.r100.value == alone.r100.value
    assert beside.r50.value == alone.r50.value


def test_the_hottest_part_of_a_grid_and_where_it_lies() -> None:
    grid = make_grid(lorentz, [(0, 0, 0)], step_mm=4.0)
    here = hottest_of_grid(grid, [Surface(Ball("PTV", (0, 0, 0), 18.0))], volume_cm3=0.035)
    assert (here.outside_mm, here.target) == (0.0, "PTV")
    there = hottest_of_grid(grid, [Surface(Ball("PTV", (40, 0, 0), 18.0))], volume_cm3=0.035)
    assert there.outside_mm == pytest.approx(22.0, abs=4.0)
    assert hottest_of_grid(grid, [], volume_cm3=0.035).outside_mm is None


def test_overlapping_targets_have_no_isodose_of_their_own() -> None:
    outer, inner = Ball("PTV_low", (0, 0, 0), 24.0), Ball("PTV_high", (0, 0, 0), 12.0)
    grid = make_grid(lorentz, [(0, 0, 0)])
    results = conformity(  # type: ignore[list-item]
        targets=[(outer, 40.0), (inner, 50.0)], body=None, dose=grid, dvhs=[outer.dvh(lorentz), inner.dvh(lorentz)]
    )
    for result in results:
        for value in (result.r100, result.r50, result.paddick, result.gradient_index):
            assert value.reason is Reason.NOT_COMPUTABLE
            assert "overlaps" in value.note
        assert result.hi_rtog.value is not None


# --- body, edges, odd inputs


def test_d2cm_looks_only_inside_the_body() -> None:
    ball = Ball("PTV", (0, 0, 0), 18.0)
    grid = make_grid(lorentz, [(0, 0, 0)])
    hot = grid.dose_gy.copy()
    hot[-4:, -4:, -4:] = 45.0
    dose = DoseGrid(hot, grid.affine)
    everywhere = one(dose, ball)
    assert everywhere.d2cm.value == pytest.approx(90.0)
    assert "no body contour" in everywhere.d2cm.note
    inside = one(dose, ball, body=Ball("BODY", (0, 0, 0), 54.0))
    assert inside.d2cm.value == pytest.approx(float(lorentz(np.array(38.0))) / RX_GY * 100, abs=0.3)
    assert inside.d2cm.note == ""


def test_no_dose_at_2_cm_is_zero_and_not_missing() -> None:
    grid = make_grid(lambda r: np.where(np.asarray(r) < 30, lorentz(r), 0.0), [(0, 0, 0)])
    result = one(grid, Ball("PTV", (0, 0, 0), 18.0), body=Ball("BODY", (0, 0, 0), 54.0))
    assert result.d2cm.value == pytest.approx(0, abs=0.1)
    assert result.d2cm.low == 0


def test_a_body_that_ends_within_2_cm_leaves_no_d2cm() -> None:
    result = one(make_grid(lorentz, [(0, 0, 0)]), Ball("PTV", (0, 0, 0), 18.0), body=Ball("BODY", (0, 0, 0), 30.0))
    assert result.d2cm.reason is Reason.OUTSIDE_GRID
    assert result.d2cm.value is None


def test_an_isodose_that_leaves_the_grid_has_no_volume() -> None:
    """The target lies inside; its 50 % isodose of 33 mm radius does not."""
    grid = make_grid(lorentz, [(0, 0, 0)], half_mm=31.0, step_mm=2.0)
    result = one(grid, Ball("PTV", (0, 0, 0), 18.0))
    assert result.r100.value == pytest.approx((19 / 18) ** 3, rel=0.01)
    for value in (result.r50, result.isodose50_cm3, result.gradient_index, result.d2cm):
        assert value.value is None
        assert value.reason is Reason.OUTSIDE_GRID


def test_the_edge_matters_less_than_2_cm_away_only_inside_the_body() -> None:
    ball = Ball("PTV", (-36.0, 0, 0), 18.0)
    grid = make_grid(lorentz, [ball.centre_mm], half_mm=64.0)
    assert one(grid, ball).d2cm.reason is Reason.OUTSIDE_GRID
    body = Ball("BODY", (0, 0, 0), 54.0)
    assert one(grid, ball, body=body).d2cm.value == pytest.approx(float(lorentz(np.array(38.0))) * 2, abs=0.3)


def test_a_target_that_reaches_the_edge_has_no_number() -> None:
    grid = make_grid(lorentz, [(50, 0, 0)], half_mm=64.0)
    result = one(grid, Ball("PTV", (50, 0, 0), 18.0))
    numbers = result.values()
    del numbers["ptv_cm3"]
    for name, value in numbers.items():
        assert value.value is None, name
        assert value.reason is Reason.OUTSIDE_GRID, name


def test_every_plan_size_that_cuts_the_half_isodose_gives_a_reason_or_the_truth() -> None:
    """Growing the grid step by step, R50 is either missing or right, never too small."""
    truth = (radius_of(RX_GY / 2) / 18.0) ** 3
    seen = set()
    for half in (27.0, 32.0, 37.0, 43.0):
        value = one(make_grid(lorentz, [(0, 0, 0)], half_mm=half), Ball("PTV", (0, 0, 0), 18.0)).r50
        seen.add(value.value is None)
        assert (
            value.reason is Reason.OUTSIDE_GRID
            if value.value is None
            else value.value == pytest.approx(truth, rel=0.01)
        )
    assert seen == {True, False}


def test_a_grid_of_one_plane_gives_reasons_only() -> None:
    grid = make_grid(lorentz, [(0, 0, 0)])
    flat = DoseGrid(grid.dose_gy[18:19], grid.affine)
    result = one(flat, Ball("PTV", (0, 0, 0), 18.0))
    assert result.r100.reason is Reason.OUTSIDE_GRID
    assert result.r50.value is None


def test_no_dose_at_the_prescription() -> None:
    result = one(make_grid(lorentz, [(0, 0, 0)]), Ball("PTV", (0, 0, 0), 18.0), rx=80.0)
    assert result.r100.value == 0.0
    assert result.gradient_index.reason is Reason.NOT_COMPUTABLE
    assert result.paddick.reason is Reason.NOT_COMPUTABLE


def test_a_blocked_target_takes_the_numbers_of_all() -> None:
    good, bad = (
        Ball("PTV1", (0, 0, 0), 18.0),
        Ball("PTV2", (40, 0, 0), 9.0, Reason.DAMAGED_ROI, "a loop crosses itself"),
    )
    grid = make_grid(lorentz, [(0, 0, 0)])
    empty = Dvh.not_evaluable("PTV2", Reason.DAMAGED_ROI, "a loop crosses itself")
    first, second = conformity(
        targets=[(good, 50.0), (bad, 50.0)], body=None, dose=grid, dvhs=[good.dvh(lorentz), empty]
    )  # type: ignore[list-item]
    for result in (first, second):
        assert result.r50.reason is Reason.DAMAGED_ROI
        assert "PTV2" in result.r50.note
    assert first.icru91[0].value is not None
    assert v105_outside(grid, [(good, 50.0), (bad, 50.0)]).reason is Reason.DAMAGED_ROI  # type: ignore[list-item]


@pytest.mark.parametrize("rx", [0.0, -1.0, float("nan"), float("inf")])
def test_a_prescription_must_be_positive(rx: float) -> None:
    with pytest.raises(WrongUsageError, match="E-PRESCRIPTION"):
        one(make_grid(lorentz, [(0, 0, 0)], step_mm=6.0), Ball("PTV", (0, 0, 0), 18.0), rx=rx)


def test_dvhs_must_be_as_many_as_targets() -> None:
    ball = Ball("PTV", (0, 0, 0), 18.0)
    with pytest.raises(WrongUsageError, match="E-DOMAIN"):
        conformity(targets=[(ball, 50.0)], body=None, dose=make_grid(lorentz, [(0, 0, 0)], step_mm=6.0), dvhs=[])  # type: ignore[list-item]


def test_no_targets_no_records() -> None:
    grid = make_grid(lorentz, [(0, 0, 0)], step_mm=6.0)
    assert conformity(targets=[], body=None, dose=grid, dvhs=[]) == ()
    assert v105_outside(grid, []).reason is Reason.NO_TARGET


# --- homogeneity, ICRU 91, spill, maximum


def test_homogeneity_and_icru91_from_the_dvh() -> None:
    ball = Ball("PTV", (0, 0, 0), 18.0)
    result = one(make_grid(lorentz, [(0, 0, 0)]), ball)

    def at(share: float) -> float:
        return float(lorentz(np.array(18.0 * share ** (1 / 3))))

    assert [v.metric for v in result.icru91] == ["D98%[Gy]", "D50%[Gy]", "D2%[Gy]"]
    assert [v.value for v in result.icru91] == pytest.approx([at(0.98), at(0.50), at(0.02)], rel=1e-3)
    assert result.hi_icru83.value == pytest.approx((at(0.02) - at(0.98)) / at(0.50), rel=1e-3)
    assert result.hi_rtog.value == pytest.approx(PEAK_GY / RX_GY, rel=1e-6)
    assert icru91(ball.dvh(lorentz)) == result.icru91


def test_the_volume_band_of_the_target_widens_the_ratios() -> None:
    ball = Ball("PTV", (0, 0, 0), 18.0)
    grid = make_grid(lorentz, [(0, 0, 0)])
    narrow = one(grid, ball)
    (wide,) = conformity(targets=[(ball, RX_GY)], body=None, dose=grid, dvhs=[ball.dvh(lorentz, spread=0.04)])  # type: ignore[list-item]
    for name in ("ptv_cm3", "r100", "r50", "paddick", "d2cm"):
        before, after = narrow.values()[name], wide.values()[name]
        assert after.value == pytest.approx(before.value)
        assert after.high - after.low > before.high - before.low, name  # type: ignore[operator]
    assert wide.gradient_index == narrow.gradient_index


def test_spill_is_the_shell_between_target_and_105_percent() -> None:
    ball = Ball("PTV", (0.4, 0.9, -0.2), 12.0)
    r105 = radius_of(1.05 * RX_GY)
    for step in (2.0, 3.0):
        result = one(make_grid(lorentz, [ball.centre_mm], step_mm=step), ball)
        truth = ball_cm3(r105) - ball_cm3(12.0)
        assert result.spill_cm3.value == pytest.approx(truth, rel=0.01)
        assert result.spill_percent.value == pytest.approx(100 * truth / ball_cm3(12.0), rel=0.01)
        assert result.spill_cm3.low <= truth <= result.spill_cm3.high  # type: ignore[operator]


def test_a_105_percent_isodose_inside_the_target_spills_nothing() -> None:
    result = one(make_grid(lorentz, [(0, 0, 0)]), Ball("PTV", (0, 0, 0), 20.0))
    assert result.spill_cm3.value == 0
    assert result.spill_percent.value == 0


def test_the_global_maximum_and_where_it_lies() -> None:
    centre = (5.0, -3.0, 7.0)
    grid = make_grid(lorentz, [centre])
    inside = global_maximum(grid, [(Ball("PTV", centre, 18.0), RX_GY)])  # type: ignore[list-item]
    assert inside.inside
    assert inside.place == "inside PTV"
    assert np.linalg.norm(np.array(inside.position_mm) - centre) <= np.sqrt(3)
    assert inside.dose_gy == pytest.approx(float(grid.dose_gy.max()))
    assert inside.peak_gy >= inside.dose_gy
    away = global_maximum(grid, [(Ball("PTV", (5.0, -3.0, -33.0), 18.0), RX_GY)])  # type: ignore[list-item]
    assert not away.inside
    assert away.distance_mm == pytest.approx(40 - 18, abs=1.8)
    assert global_maximum(grid, []).place == "no target known"


def test_every_number_has_a_definition_with_its_source() -> None:
    result = one(make_grid(lorentz, [(0, 0, 0)], step_mm=3.0), Ball("PTV", (0, 0, 0), 18.0))
    assert list(result.values()) == list(DEFINITIONS)
    for name, value in result.values().items():
        assert value.reason is None, name
        assert value.low <= value.value <= value.high, name  # type: ignore[operator]
    assert (
        sum("RTOG" in text or "Shaw" in text or "ICRU" in text or "Paddick" in text for text in DEFINITIONS.values())
        >= 8
    )


# --- isodoses by themselves


def test_a_slab_is_counted_exactly_at_every_phase() -> None:
    """A dose linear along one axis: the level cuts the cells in a plane, and the share is exact."""
    for phase in np.linspace(0, 1, 7):
        affine = np.diag([2.0, 2.0, 2.0, 1.0])
        z = np.arange(20)[:, None, None] * 2.0 + 2 * phase
        dose = DoseGrid(np.broadcast_to(z, (20, 12, 12)).copy(), affine)
        volume = isodose(dose, level_gy=17.3).volumes_cm3()[0]
        assert volume == pytest.approx((z.max() - 17.3) * 22 * 22 / 1000, rel=1e-9)


def test_the_cubic_is_exact_for_cubics_and_nan_outside() -> None:
    affine = np.diag([2.0, 1.5, 3.0, 1.0])
    k, j, i = np.meshgrid(np.arange(9.0), np.arange(9.0), np.arange(9.0), indexing="ij")

    def cubic(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        return 3 + 0.1 * x**3 - 0.2 * x * y**2 + 0.05 * z**3 - y

    grid = DoseGrid(cubic(2 * i, 1.5 * j, 3 * k), affine)
    points = np.random.default_rng(3).uniform([2, 1.5, 3], [14, 10, 20], (50, 3))
    assert dose_cubic(grid, points) == pytest.approx(cubic(*points.T), rel=1e-10)
    assert np.isnan(dose_cubic(grid, np.array([[-0.1, 1, 1], [1, 1, 24.5]]))).all()


@settings(max_examples=10, deadline=None)
@given(levels=st.lists(st.floats(1.0, 62.0), min_size=2, max_size=4, unique=True), seed=st.integers(0, 99))
def test_a_higher_level_never_holds_more(levels: list[float], seed: int) -> None:
    noise = np.random.default_rng(seed).normal(1, 0.02, (24, 24, 24))
    grid = make_grid(lorentz, [(0, 0, 0)], step_mm=4.0, half_mm=48)
    noisy = DoseGrid(np.clip(grid.dose_gy * noise, 0, None), grid.affine)
    volumes = [isodose(noisy, level_gy=level).volumes_cm3() for level in sorted(levels)]
    assert all(low <= nominal <= high for nominal, low, high in volumes)
    assert all(first[0] >= second[0] - 1e-9 for first, second in pairwise(volumes))


def test_a_level_above_the_maximum_or_a_uniform_grid() -> None:
    grid = make_grid(lorentz, [(0, 0, 0)], step_mm=4.0, half_mm=56)
    assert isodose(grid, level_gy=100.0).volumes_cm3() == (0.0, 0.0, 0.0)
    uniform = replace(grid, dose_gy=np.full_like(grid.dose_gy, 5.0))
    whole = isodose(uniform, level_gy=5.0)
    assert whole.volumes_cm3()[0] == pytest.approx(27**3 * 64 / 1000)
    assert whole.on_edge.any()


def test_three_targets_on_a_clinical_grid_are_quick() -> None:
    """200 x 150 x 200 at 2 mm takes well under a second of work; the limit leaves room for a busy machine."""
    centres = [(100.0, 100.0, 100.0), (300.0, 150.0, 150.0), (320.0, 150.0, 230.0)]
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    dose = np.zeros((200, 150, 200))
    x, y, z = np.arange(200) * 2.0, np.arange(150) * 2.0, np.arange(200) * 2.0
    for a, b, c in centres:
        dose += lorentz(np.sqrt((x - a) ** 2 + (y[:, None] - b) ** 2 + ((z - c) ** 2)[:, None, None]))
    balls = [Ball(f"PTV{n}", c, 18.0) for n, c in enumerate(centres)]
    dvhs = [b.dvh(lorentz) for b in balls]
    start = time.process_time()
    results = conformity(targets=[(b, RX_GY) for b in balls], body=None, dose=DoseGrid(dose, affine), dvhs=dvhs)  # type: ignore[misc]
    assert time.process_time() - start < 4.0
    assert [r.merged for r in results] == [(), (50,), (50,)]


# --- with contours


def drawn_ball(name: str, centre: tuple[float, float, float], radius_mm: float, *, spacing_mm: float = 2.0) -> Roi:
    """A sphere as closed planar contours; the planes lie so that both end caps are a quarter of the spacing."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    loops = []
    for z in np.arange(-radius_mm + spacing_mm / 4, radius_mm, spacing_mm):
        r = np.sqrt(radius_mm**2 - z**2)
        loop = np.stack(
            [centre[0] + r * np.cos(angle), centre[1] + r * np.sin(angle), np.full(96, centre[2] + z)], axis=1
        )
        loops.append(Contour(loop))
    return Roi(number=1, name=name, contours=tuple(loops))


def test_drawn_contours_from_end_to_end() -> None:
    """Contours, their Dvh and their conformity: as the analytic spheres, each truth inside its band."""
    centre = (1.3, -2.1, 0.4)
    grid = make_grid(lorentz, [centre], step_mm=2.0)
    ptv = build_structure(drawn_ball("PTV", centre, 18.0))
    body = build_structure(drawn_ball("BODY", (0.0, 0.0, 0.0), 52.0, spacing_mm=3.0))
    (result,) = conformity(targets=[(ptv, RX_GY)], body=body, dose=grid)
    r50_mm = radius_of(RX_GY / 2)
    truths = {
        "r100": (R100_MM / 18) ** 3,
        "r50": (r50_mm / 18) ** 3,
        "gradient_index": (r50_mm / R100_MM) ** 3,
        "paddick": (18 / R100_MM) ** 3,
    }
    for name, truth in truths.items():
        found = result.values()[name]
        assert found.value == pytest.approx(truth, rel=0.015), name
        assert found.low <= truth * 1.001, name  # type: ignore[operator]
        assert found.high >= truth * 0.999, name  # type: ignore[operator]
    # A maximum finds the lowest place of the drawn surface: 0.3 mm inside the sphere, at its end planes.
    assert float(lorentz(np.array(38.0))) * 2 - 0.1 < result.d2cm.value < float(lorentz(np.array(37.6))) * 2  # type: ignore[operator]
    assert result.d2cm.note == ""
    assert result.spill_cm3.value == pytest.approx(0, abs=0.01)
    assert global_maximum(grid, [(ptv, RX_GY)]).inside


def test_a_roi_without_contours_blocks() -> None:
    empty = build_structure(Roi(number=2, name="PTV2"))
    good = build_structure(drawn_ball("PTV1", (0.0, 0.0, 0.0), 18.0))
    grid = make_grid(lorentz, [(0, 0, 0)])
    first, second = conformity(targets=[(good, RX_GY), (empty, RX_GY)], body=empty, dose=grid)
    assert (first.r50.reason, second.r50.reason) == (Reason.NO_CONTOURS, Reason.NO_CONTOURS)
    (alone,) = conformity(targets=[(good, RX_GY)], body=empty, dose=grid)
    assert alone.r50.value is not None
    assert "body contour cannot be used" in alone.notes[0]
