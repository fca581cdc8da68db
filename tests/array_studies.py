"""Studies from arrays: a ball for a target, a tube for a cord, one smooth dose."""

from __future__ import annotations

import numpy as np

import sbrtcheck
from sbrtcheck.model import FloatArray, Study


def ring(radius_mm: float, z_mm: float, n: int = 72) -> FloatArray:
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.column_stack([radius_mm * np.cos(angle), radius_mm * np.sin(angle), np.full(n, z_mm)])


def ball(radius_mm: float) -> list[FloatArray]:
    heights = np.arange(-radius_mm + 1.0, radius_mm, 2.0)
    return [ring(float(np.sqrt(radius_mm**2 - z**2)), float(z)) for z in heights]


def tube(radius_mm: float, x_mm: float) -> list[FloatArray]:
    return [ring(radius_mm, float(z)) + np.array([x_mm, 0.0, 0.0]) for z in np.arange(-30.0, 30.1, 2.0)]


def study(**changes: object) -> Study:
    axis = np.arange(-40.0, 40.1, 2.0)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    distance = np.sqrt(x**2 + y**2 + z**2)
    arguments = {
        "dose_gy": 62.0 * np.exp(-((distance / 38.0) ** 2)),
        "affine": np.array([[2.0, 0, 0, -40], [0, 2.0, 0, -40], [0, 0, 2.0, -40], [0, 0, 0, 1.0]]),
        "contours": {"PTV": ball(15.0), "SpinalCord": tube(5.0, 25.0)},
        "n_fractions": 5,
        "prescriptions_gy": {"PTV": 50.0},
    } | changes
    return sbrtcheck.study_from_arrays(**arguments)  # type: ignore[arg-type]
