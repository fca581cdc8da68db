"""Plans of the scenarios at the judging seam: computed once, then changed as records and judged again without voxels.

What a change of the contours does to names, requirements and distances is found anew; the doses are those that were
computed before, so that one judgement costs little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from unittest import mock

import numpy as np

from sbrtcheck import Outcome, RefusedError
from sbrtcheck.course.plans import course_plans
from sbrtcheck.dvh import Structure, compute_dvhs
from sbrtcheck.judging.plan import judge_plan
from sbrtcheck.model import DoseGrid, Dvh, Finding, Reason, Samples
from sbrtcheck.model.dose import scaled
from sbrtcheck.plan import doses as plan_doses
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.tables.organ_tables import load_target_goals
from scenarios.phantom import Scene

N_HOTTEST, N_GROUPS = 500, 1000
WORSE = (
    Outcome.PASS,
    Outcome.PASS_WITH_VARIATION,
    Outcome.MARGINAL,
    Outcome.INCOMPLETE,
    Outcome.FAIL,
    Outcome.REFUSED,
)


def rank(outcome: Outcome) -> int:
    """How bad an outcome is, 0 the best."""
    return WORSE.index(outcome)


@dataclass(frozen=True)
class Verdict:
    """The outcome of a plan and what led to it."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()

    def worst_of(self, *kinds: str) -> int:
        """Rank of the worst consequence among findings of these kinds; a refused plan has the worst."""
        if self.outcome is Outcome.REFUSED:
            return rank(Outcome.REFUSED)
        return max((rank(f.consequence) for f in self.findings if f.kind in kinds), default=0)

    def said(self) -> str:
        """What decided, for the message of a failing test."""
        return "; ".join(
            f"{f.consequence} {f.rule_id} {f.roi} {f.value}" for f in self.findings if f.consequence is self.outcome
        )


@dataclass(frozen=True, eq=False)
class Known:
    """A scene's plan with its doses, and the Dvhs that were found by structure name."""

    scene: Scene
    sites: Mapping[str, str]
    doses: PlanDoses
    dvhs: Mapping[str, Dvh]


def thinned(dvh: Dvh) -> Dvh:
    """The Dvh on fewer samples: the hottest as they are, the rest in groups. For speed; no number here is exact."""
    return replace(
        dvh, samples=_thin(dvh.samples), variants=tuple((name, _thin(samples)) for name, samples in dvh.variants)
    )


def _thin(samples: Samples) -> Samples:
    n = len(samples.dose_gy)
    if n <= N_HOTTEST + N_GROUPS:
        return samples
    begin = np.concatenate([np.arange(N_HOTTEST), np.linspace(N_HOTTEST, n, N_GROUPS, endpoint=False).astype(int)])
    volume = np.add.reduceat(samples.volume_cm3, begin)
    return Samples(np.add.reduceat(samples.dose_gy * samples.volume_cm3, begin) / volume, volume)


def known(scene: Scene, sites: Mapping[str, str]) -> Known:
    """Compute a scene once."""
    found: dict[str, Dvh] = {}

    def keeping(structures: Sequence[Structure], dose: DoseGrid, **options: Any) -> list[Dvh]:
        dvhs = [thinned(dvh) for dvh in compute_dvhs(structures, dose, **options)]
        found.update((s.name, d) for s, d in zip(structures, dvhs, strict=True))
        return dvhs

    with mock.patch.object(plan_doses, "compute_dvhs", keeping):
        (plan,) = course_plans(scene.study(), GivenFacts(sites=sites), None)
    return Known(scene, sites, plan.doses, found)


def redrawn(base: Known, scene: Scene) -> PlanDoses:
    """The plan of a changed scene with the doses that are known; only structures that were not there are computed."""

    def kept(structures: Iterable[Structure], dose: DoseGrid, **options: Any) -> list[Dvh]:
        return [_known_dvh(base, s, dose, options) for s in structures]

    grid = base.doses.data.dose
    with mock.patch.object(plan_doses, "compute_dvhs", kept):
        (plan,) = course_plans(scene.study((grid.dose_gy, grid.affine)), GivenFacts(sites=base.sites), None)
    return plan.doses


def _known_dvh(base: Known, structure: Structure, dose: DoseGrid, options: Mapping[str, Any]) -> Dvh:
    before = base.dvhs.get(structure.name)
    drawn = base.doses.structures.get(structure.name)
    if structure.blocked is not None or before is None or (drawn is not None and _differs(drawn, structure)):
        return compute_dvhs([structure], dose, **options)[0]
    return before


def _differs(first: Structure, second: Structure) -> bool:
    return first.vertices_mm.shape != second.vertices_mm.shape or bool((first.vertices_mm != second.vertices_mm).any())


def scaled_by(doses: PlanDoses, factor: float) -> PlanDoses:
    """Every dose of a plan times a factor."""

    def times(dvhs: Mapping[str, Dvh]) -> dict[str, Dvh]:
        return {name: scaled(dvh, factor) for name, dvh in dvhs.items()}

    grid = doses.data.dose
    return replace(
        doses,
        data=replace(doses.data, dose=replace(grid, dose_gy=grid.dose_gy * factor)),
        dvhs=times(doses.dvhs),
        derived=times(doses.derived),
        near_maximum=times(doses.near_maximum),
        subjects={
            organ: tuple(replace(s, dvh=scaled(s.dvh, factor)) for s in found)
            for organ, found in doses.subjects.items()
        },
    )


def _smaller(dvh: Dvh, share: float) -> Dvh:
    def less(samples: Samples) -> Samples:
        return Samples(samples.dose_gy, samples.volume_cm3 * share)

    return replace(
        dvh,
        samples=less(dvh.samples),
        total_volume_cm3=dvh.total_volume_cm3 * share,
        outside_volume_cm3=dvh.outside_volume_cm3 * share,
        slab_volume_cm3=None if dvh.slab_volume_cm3 is None else dvh.slab_volume_cm3 * share,
        variants=tuple((name, less(samples)) for name, samples in dvh.variants),
    )


def shrunk(doses: PlanDoses, organs: Iterable[str], share: float) -> PlanDoses:
    """Organs of less volume in the same doses."""
    chosen = set(organs)
    return replace(
        doses,
        subjects={
            organ: tuple(replace(s, dvh=_smaller(s.dvh, share)) for s in found) if organ in chosen else found
            for organ, found in doses.subjects.items()
        },
    )


def emptied(doses: PlanDoses, organ: str) -> PlanDoses:
    """An organ that is named and holds no contour: every structure that stands for it has no number."""

    def empty(dvh: Dvh) -> Dvh:
        return Dvh.not_evaluable(dvh.roi, Reason.NO_CONTOURS, "no contours")

    subjects = {
        o: tuple(replace(s, dvh=empty(s.dvh)) for s in found) if organ in o.replace("-GTV", "").split("+") else found
        for o, found in doses.subjects.items()
    }
    return replace(doses, subjects=subjects)


@cache
def _goals() -> Any:
    return load_target_goals()


def judged(doses: PlanDoses, *, absent: Mapping[str, str] | None = None) -> Verdict:
    """The plan under the default table, without what needs the voxels around the targets."""
    try:
        plan = judge_plan(
            doses, table=None, also=(), goals=_goals(), conformity=(), absent=absent or {}, extra_required=()
        )
    except RefusedError:
        return Verdict(Outcome.REFUSED)
    return Verdict(plan.outcome, plan.findings)
