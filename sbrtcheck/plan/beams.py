"""What the beams of a plan state of the dose: their sum, and the point at which they state it."""

from __future__ import annotations

import numpy as np

from sbrtcheck.dvh.points.interpolation import dose_at
from sbrtcheck.model import DoseGrid, Plan


def beam_doses_gy(plan: Plan, n_fractions: int) -> float | None:
    """n times the sum of Beam Dose (300A,0084) over the treatment beams [Gy]; None where a beam states none."""
    one_gy = plan.beam_dose_per_fraction_gy
    return None if one_gy is None else one_gy * n_fractions


def grid_at_beam_point_gy(plan: Plan, dose: DoseGrid) -> float | None:
    """The dose of the grid at the point that all beams share (300A,0082) [Gy]; None without one inside the grid."""
    if plan.beam_dose_point_mm is None:
        return None
    gy = float(dose_at(dose, np.array([plan.beam_dose_point_mm]))[0])
    return gy if np.isfinite(gy) else None
