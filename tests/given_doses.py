"""Mini plans whose doses are given instead of computed: geometry, names and rules are real, and a check takes no time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np

from sbrtcheck import study_from_arrays
from sbrtcheck.dvh import Structure
from sbrtcheck.errors import Problem
from sbrtcheck.judging.plan import JudgedPlan, judge_plan
from sbrtcheck.model import DoseGrid, Dvh, FloatArray, Samples
from sbrtcheck.plan import doses as plan_check
from sbrtcheck.plan.doses import PlanDoses, compute_plan
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.tables.organ_tables import load_target_goals

STEP_MM = 5.0
# Corners of a square, so that contours are cheap.
_CORNERS = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
Loops = list[FloatArray]


def solid(centre: Sequence[float], half: Sequence[float], *, flat: bool = False, step_mm: float = STEP_MM) -> Loops:
    """A solid of square sections: an ellipsoid's heights and widths, or a box with ``flat`` ends."""
    x, y, z0 = centre
    loops = []
    n = max(round(2 * half[2] / step_mm), 3)
    for z in z0 + (np.arange(n) + 0.5 - n / 2) * (2 * half[2] / n):
        size = 1.0 if flat else float(np.sqrt(1 - ((z - z0) / half[2]) ** 2))
        corners = _CORNERS * (half[0] * size, half[1] * size) + (x, y)
        loops.append(np.column_stack([corners, np.full(4, z)]))
    return loops


def uniform(structure: Structure, dose_gy: float, volume_cm3: float | None = None) -> Dvh:
    """One dose everywhere."""
    if structure.blocked is not None:
        return Dvh.not_evaluable(structure.name, structure.blocked, structure.blocked_note)
    volume = volume_cm3 if volume_cm3 is not None else 100.0
    samples = Samples(np.full(10, dose_gy), np.full(10, volume / 10))
    return Dvh(roi=structure.name, samples=samples, total_volume_cm3=volume, max_gy=dose_gy)


def covered(structure: Structure, prescription_gy: float, volume_cm3: float = 100.0) -> Dvh:
    """A target as it is usually treated: 101 % of its prescription at its edge, 120 % in the middle."""
    if structure.blocked is not None:
        return Dvh.not_evaluable(structure.name, structure.blocked, structure.blocked_note)
    samples = Samples(np.linspace(1.2, 1.01, 100) * prescription_gy, np.full(100, volume_cm3 / 100))
    return Dvh(structure.name, samples=samples, total_volume_cm3=volume_cm3, max_gy=1.2 * prescription_gy)


DoseOf = Callable[[Structure], Dvh]


def sparing(*targets: str, dose_gy: float = 60.0, elsewhere_gy: float = 1.0) -> DoseOf:
    """The targets are covered up to a highest dose, every other structure gets one dose; organs are large enough for
    every spared volume.
    """

    def dose_of(structure: Structure) -> Dvh:
        if structure.name in targets:
            return covered(structure, dose_gy / 1.2)
        return uniform(structure, elsewhere_gy, 2500.0)

    return dose_of


def compute(
    contours: Mapping[str, Loops],
    *,
    site: str,
    dose_of: DoseOf | None = None,
    prescriptions_gy: Mapping[str, float] | None = None,
    n_fractions: int = 5,
    absent: Mapping[str, str] | None = None,
    sex: str = "F",
    damaged: Sequence[str] = (),
    **given: Any,
) -> PlanDoses:
    """A plan on these contours with the doses of ``dose_of``."""
    study = study_from_arrays(
        dose_gy=1.0 + np.arange(27.0).reshape(3, 3, 3) / 100,
        affine=np.diag([200.0, 200.0, 200.0, 1.0]) + np.array([[0, 0, 0, -200.0]] * 3 + [[0, 0, 0, 0]]),
        contours=contours,
        n_fractions=n_fractions,
        prescriptions_gy=prescriptions_gy if prescriptions_gy is not None else {"PTV": 50.0},
    )
    (data,) = study.plans
    rois = tuple(
        replace(r, problems=(Problem("E-GEOMETRIC-TYPE", r.name, seen="OPEN_PLANAR"),)) if r.name in damaged else r
        for r in data.structures.rois
    )
    data = replace(data, structures=replace(data.structures, rois=rois))
    chosen = dose_of or sparing("PTV", "GTV", "CTV", "ITV")

    def dvhs(structures: Iterable[Structure], _dose: DoseGrid, **_options: Any) -> list[Dvh]:
        return [chosen(s) for s in structures]

    facts = GivenFacts(**{"sites": {"": site} if site else {}, "absent": absent or {}, "sex": sex, **given})
    with mock.patch.object(plan_check, "compute_dvhs", dvhs):
        return compute_plan(data, index=0, given=facts)


def judged(doses: PlanDoses, *, table: str | None = None, absent: Mapping[str, str] | None = None) -> JudgedPlan:
    """The plan under one table, without conformity."""
    return judge_plan(
        doses,
        table=table,
        also=(),
        goals=load_target_goals(),
        conformity=(),
        absent=absent or {},
        extra_required=(),
    )
