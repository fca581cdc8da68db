"""A dose that jumps, as at the skin where planning systems write 0 outside the patient: a spline must not ring."""

from __future__ import annotations

import numpy as np
import pytest
from phantoms import cylinder, draw, sphere

from sbrtcheck.dvh import build_structure, compute_dvh, dose_at
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.dvh.points.interpolation import _fitted
from sbrtcheck.dvh.points.overshoot import jumps, limited
from sbrtcheck.model import DoseGrid, FloatArray, Roi

N = 60
GRID_MM = 2.5
SKIN_MM = 31.0
FIRST_MM = -75.0


def dose(at_the_skin: bool = True) -> DoseGrid:
    """A broad hill of 20 Gy in the middle, 0 beyond x = 31 mm if the patient ends there."""
    x = FIRST_MM + np.arange(N) * GRID_MM
    z, y, x = np.meshgrid(x, x, x, indexing="ij")
    hill = 20 * np.exp(-((x - 20) ** 2 + y**2 + z**2) / 2 / 60**2)
    affine = np.diag([GRID_MM, GRID_MM, GRID_MM, 1.0])
    affine[:3, 3] = FIRST_MM
    return DoseGrid(np.where(x <= SKIN_MM, hill, 0.0) if at_the_skin else hill, affine)


def ball(volume_cm3: float, x: float) -> Roi:
    return Roi(1, "PTV", draw(sphere(volume_cm3), 2.0, 0.3, centre=np.array([x, 0.0, 0.0])))


@pytest.mark.parametrize("volume_cm3", [1.0, 10.0, 300.0])
@pytest.mark.parametrize("metric", ["D2%[Gy]", "D0.035cc[Gy]", "Max[Gy]"])
def test_no_dose_at_the_skin_is_above_the_highest_voxel_beside_it(volume_cm3: float, metric: str) -> None:
    radius = (3000 * volume_cm3 / 4 / np.pi) ** (1 / 3)
    roi = ball(volume_cm3, SKIN_MM - radius)
    found = evaluate(metric, compute_dvh(build_structure(roi), dose()))
    smooth = evaluate(metric, compute_dvh(build_structure(roi), dose(at_the_skin=False)))
    assert found.value is not None
    assert smooth.value is not None
    assert found.value <= dose().dose_gy.max() * 1.001
    assert found.value == pytest.approx(smooth.value, rel=2e-3)


def test_the_band_holds_the_spline_where_the_dose_jumps() -> None:
    roi = ball(10.0, SKIN_MM - 11.0)
    dvh = compute_dvh(build_structure(roi), dose())
    (across,) = [samples for name, samples in dvh.variants if name == "spline where the dose jumps"]
    found = evaluate("D95%[Gy]", dvh)
    other = float(np.interp(0.95 * across.volume_cm3.sum(), np.cumsum(across.volume_cm3), across.dose_gy))
    assert found.low is not None
    assert found.high is not None
    assert found.low <= other <= found.high
    inside = compute_dvh(build_structure(ball(10.0, 5.0)), dose())
    assert "spline where the dose jumps" not in dict(inside.variants)


def step(width: float) -> FloatArray:
    """50 Gy that falls to 0 along x over ``width`` voxels (sigma of the edge)."""
    x = np.arange(30.0)
    edge = 25 * (1 - np.tanh((x - 14.4) / width)) if width else np.where(x < 14.4, 50.0, 0.0)
    return np.broadcast_to(edge, (30, 30, 30)).copy()


def test_a_jump_is_found_and_a_penumbra_is_none() -> None:
    along = np.column_stack([np.full(300, 15.0), np.full(300, 15.0), np.linspace(3, 26, 300)]).T
    found = jumps(step(0.0), along, highest_gy=50.0)
    assert found.any()
    assert np.all(np.abs(along[2][found] - 14.5) <= 0.5)
    # 50 Gy over 5 mm on a grid of 2.5 mm, steeper than photons make it
    assert not jumps(step(1.0), along, highest_gy=50.0).any()


@pytest.mark.parametrize("degree", [3, 5])
def test_beside_a_jump_the_spline_stays_between_the_grid_points(degree: int) -> None:
    along = np.column_stack([np.full(600, 15.3), np.full(600, 14.7), np.linspace(3, 26, 600)]).T
    values = _fitted(step(0.0), along, degree)
    assert values.max() <= 50.0 + 1e-9
    assert values.min() >= 0.0


@pytest.mark.parametrize("sigma", [1.0, 1.3, 2.0, 4.0])
@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_a_smooth_peak_between_grid_points_is_not_held_back(sigma: float, offset: float) -> None:
    axis = np.exp(-((np.arange(31) - 15 - offset) ** 2) / 2 / sigma**2)
    hill = 50 * axis[:, None, None] * axis[None, :, None] * axis[None, None, :]
    where = np.random.default_rng(4).uniform(12, 18, (3, 4000))
    where[:, 0] = 15 + offset
    truth = 50 * np.exp(-np.sum((where - 15 - offset) ** 2, axis=0) / 2 / sigma**2)
    assert limited(hill, where, truth) == pytest.approx(truth, abs=0.02 * 50 if sigma < 1.3 else 0.002 * 50)


def test_a_body_that_ends_in_air_has_no_dose_above_its_voxels() -> None:
    body = Roi(1, "BODY", draw(cylinder(28.0, 50.0), 2.5, 0.0, centre=np.array([2.0, 0.0, 0.0])))
    grid = dose()
    assert dose_at(grid, np.array([[30.0, 0.0, 0.0]]))[0] <= grid.dose_gy.max() * 1.001
    found = evaluate("D0.035cc[Gy]", compute_dvh(build_structure(body), grid))
    assert found.value is not None
    assert found.value <= grid.dose_gy.max() * 1.001
