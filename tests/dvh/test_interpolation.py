"""Dose at points: trilinear against scipy, and the spline only where a straight line does not do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from sbrtcheck.dvh import dose_at
from sbrtcheck.dvh.points.interpolation import STRAIGHT, _fitted, _spline
from sbrtcheck.model import DoseGrid

SEED = 20


def gaussian(shape: tuple[int, int, int], sigma: float) -> np.ndarray:
    axes = [np.exp(-((np.arange(n) - 0.4 * n) ** 2) / 2 / sigma**2) for n in shape]
    return np.asarray(60.0 * axes[0][:, None, None] * axes[1][None, :, None] * axes[2][None, None, :])


@pytest.mark.parametrize("shape", [(20, 24, 31), (1, 24, 31), (20, 1, 31), (20, 24, 1), (2, 2, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_trilinear_agrees_with_scipy_to_the_edge(shape: tuple[int, int, int], order: str) -> None:
    rng = np.random.default_rng(SEED)
    dose = rng.random(shape).astype(np.float32)
    grid = DoseGrid(np.array(dose, order=order), np.eye(4))
    # More points than are read at a time, with those on the outermost grid points among them.
    where = rng.random((40_000, 3)) * (np.array(shape[::-1]) - 1)
    where[:8] = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T * (np.array(shape[::-1]) - 1)
    truth = map_coordinates(dose.astype(float), where[:, ::-1].T, order=1, mode="nearest")
    assert dose_at(grid, where, interpolation="linear") == pytest.approx(truth, abs=1e-9)


def test_beyond_the_outermost_points_no_dose_is_known() -> None:
    grid = DoseGrid(np.ones((4, 5, 6)), np.eye(4))
    points = np.array([[-0.1, 0, 0], [5.1, 0, 0], [0, 4.1, 0], [0, 0, 3.1], [0, 0, 3.0], [np.nan, 0, 0]])
    for interpolation in ("linear", "spline"):
        found = dose_at(grid, points, interpolation=interpolation)
        assert np.isfinite(found).tolist() == [False, False, False, False, True, False]


@pytest.mark.parametrize("degree", [3, 5])
@pytest.mark.parametrize("sigma", [1.5, 3.0, 5.0])
def test_where_no_spline_is_used_it_would_change_nothing(sigma: float, degree: int) -> None:
    dose = gaussian((48, 50, 52), sigma)
    where = np.random.default_rng(SEED).random((3, 20_000)) * (np.array(dose.shape)[:, None] - 1)
    # Near the edge the spline is bent by what it takes for granted beyond it, and not by the dose.
    where = where[:, np.all((where > 8) & (where < np.array(dose.shape)[:, None] - 9), axis=0)]
    chosen, everywhere = _spline(dose, where, degree), _fitted(dose, where, degree)
    spared = chosen != everywhere
    assert 0.02 < np.mean(spared) < 0.998
    assert np.abs(chosen - everywhere).max() < 1.1 * STRAIGHT * dose.max()


def test_twice_the_dose_reads_twice() -> None:
    dose = gaussian((30, 31, 32), 3.0)
    points = np.random.default_rng(SEED).random((5000, 3)) * 29
    once, twice = (dose_at(DoseGrid(factor * dose, np.eye(4)), points) for factor in (1.0, 2.0))
    assert twice == pytest.approx(2 * once, rel=1e-9)


def test_a_cold_peak_beside_a_hot_spot_is_read_by_the_spline() -> None:
    """The share is of the highest dose asked for, and not of a hot spot that only lies in the same box."""
    dose = 1.5 * gaussian((40, 40, 40), 1.5) / 60.0
    peak = np.array([[16.3, 16.4, 16.2]])
    alone = dose_at(DoseGrid(dose, np.eye(4)), peak)
    hot = dose.copy()
    hot[30:34, 30:34, 30:34] = 100.0
    corners = np.array([[16.3, 16.4, 16.2], [5.0, 5.0, 5.0], [16.0, 28.0, 35.0], [36.0, 28.0, 5.0]])
    beside = dose_at(DoseGrid(hot, np.eye(4)), corners)
    linear = dose_at(DoseGrid(dose, np.eye(4)), peak, interpolation="linear")
    assert abs(beside[0] - alone[0]) < 0.1 * abs(alone[0] - linear[0])
