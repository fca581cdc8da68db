"""Courses of several small plans whose doses are Gaussians on a floor."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.course.judge import CourseResult, judge_course
from sbrtcheck.model import Study, study_from_arrays
from sbrtcheck.plan.doses import PlanDoses, compute_plan
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.read.case_file import CaseFile, EarlierDose

Array = NDArray[np.float64]


CORD_AT = (0.0, 24.0)


def ring(x: float, y: float, z: float, radius: float) -> Array:
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.column_stack([x + radius * np.cos(t), y + radius * np.sin(t), np.full(48, z)])


def ball(centre: tuple[float, float, float], radius: float) -> list[Array]:
    z = np.arange(-radius + 1.25, radius, 2.5)
    return [ring(centre[0], centre[1], centre[2] + dz, float(np.sqrt(radius**2 - dz * dz))) for dz in z]


def cord() -> list[Array]:
    return [ring(*CORD_AT, z, 5.0) for z in np.arange(-28.75, 29, 2.5)]


def dose_grid(
    peak: float, centre: tuple[float, float, float], sigma: float, flat: float, half: float, at: float = 0.0
) -> tuple[Array, Array]:
    """A Gaussian on a floor, on a cube of half width ``half`` moved by ``at`` along x."""
    n = round(2 * half / 2.5) + 1
    affine = np.diag([2.5, 2.5, 2.5, 1.0])
    affine[:3, 3] = (at - half, -half, -half)
    k, j, i = np.meshgrid(np.arange(n), np.arange(n), np.arange(n), indexing="ij")
    points = np.stack([i, j, k], axis=-1) * 2.5 + affine[:3, 3]
    gap = ((points - np.asarray(centre)) ** 2).sum(axis=-1)
    return flat + (peak - flat) * np.exp(-gap / (2 * sigma**2)), affine


def plan_study(
    label: str,
    n_fractions: int,
    *,
    cord_gy: float = 10.0,
    rx: float = 50.0,
    x: float = -16.0,
    ptv: str = "",
    half: float = 40.0,
    at: float = 0.0,
    frame: str = "",
    organ: str = "SpinalCord",
) -> Study:
    """One plan: a lesion at ``x``, and ``cord_gy`` nearly everywhere else, the cord included."""
    name = ptv or f"PTV_{label}"
    centre = (x, -14.0, 0.0)
    dose, affine = dose_grid(1.35 * rx, centre, 9.0, cord_gy, half, at)
    study = study_from_arrays(
        dose_gy=dose,
        affine=affine,
        contours={name: ball(centre, 7.5), organ: cord()},
        n_fractions=n_fractions,
        prescriptions_gy={name: rx},
        label=label,
    )
    data = study.plans[0]
    data = replace(data, dose=replace(data.dose, frame_of_reference_uid=frame))
    return replace(study, plans=(data,))


@cache
def drawn(x: float, ptv: str, organ: str) -> PlanDoses:
    """Structures of one plan with the lesion at ``x``, of the spine."""
    (data,) = plan_study("drawn", 5, x=x, ptv=ptv, organ=organ, at=x if abs(x) > 40 else 0.0).plans
    return compute_plan(data, index=0, given=GivenFacts(sites={"": "spine"}))


def plan(
    label: str, n_fractions: int, *, x: float = -16.0, ptv: str = "", organ: str = "SpinalCord", **options: Any
) -> PlanDoses:
    """One plan on those structures. Only the sum asks for its dose: its own Dvhs are those of 10 Gy in the cord."""
    ptv = ptv or ("PTV_A" if x < 0 else "PTV_B")
    base = drawn(x, ptv, organ)
    (data,) = plan_study(label, n_fractions, x=x, ptv=ptv, organ=organ, **options).plans
    rx = data.plan.dose_references[0].target_prescription_gy
    lesions = tuple(replace(lesion, n_fractions=n_fractions, prescription_gy=rx) for lesion in base.lesions)
    return replace(base, data=data, label=label, n_fractions=n_fractions, lesions=lesions)


def course(*plans: PlanDoses, **case: Any) -> CourseResult:
    """The course of these plans, with a case file that says ``case``."""
    numbered = []
    for index, p in enumerate(plans):
        lesions = tuple(replace(x, id=f"{index + 1}.{x.id}", plan_index=index) for x in p.lesions)
        numbered.append(replace(p, lesions=lesions))
    facts = CaseFile(file="case.toml", sha256="", **case) if case else None
    return judge_course(numbered, case=facts, clinic=None, absent={})


def earlier(metric: str = "D0.035cc[Gy]", dose: float = 12.0, n: int = 5) -> tuple[EarlierDose, ...]:
    return (EarlierDose("SpinalCord", metric, dose, n, "2022-11-30"),)
