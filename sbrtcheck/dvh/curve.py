"""A cumulative DVH thinned for drawing."""

from __future__ import annotations

import numpy as np

from sbrtcheck.errors import safe_text
from sbrtcheck.model import Curve, Dvh, Role

CURVE_POINTS = 200


def cumulative_curve(dvh: Dvh, *, roi: str, organ: str, plan: str, role: Role) -> Curve | None:
    """The cumulative curve at evenly spaced doses; what lies outside the grid is in no point of it."""
    dose = dvh.samples.dose_gy
    if dvh.blocked is not None or not dose.size or dvh.total_volume_cm3 <= 0:
        return None
    axis = np.linspace(0.0, float(dose[0]), CURVE_POINTS)
    cumulative = np.concatenate([[0.0], np.cumsum(dvh.samples.volume_cm3)])
    # samples fall: the number of samples at or above a dose
    count = np.searchsorted(-dose, -axis, side="right")
    percent = np.minimum(cumulative[count] / dvh.total_volume_cm3 * 100, 100.0)
    return Curve(
        roi=safe_text(roi),
        organ=organ,
        plan=plan,
        role=role,
        dose_gy=tuple(float(x) for x in axis),
        volume_percent=tuple(float(x) for x in percent),
        volume_cm3=dvh.total_volume_cm3,
    )
