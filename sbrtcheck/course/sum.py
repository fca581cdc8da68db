"""The organs of several plans in one frame of reference, each summed once, as subjects that rules can judge."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from sbrtcheck.course.earlier import SAME_SESSIONS, UniformDose
from sbrtcheck.course.summed_dose import (
    Combine,
    Part,
    SummedDose,
    eqd2_one_after_the_other,
    eqd2_same_sessions,
    physical_sum,
    share_of_limits,
    sum_doses,
)
from sbrtcheck.dvh import Structure
from sbrtcheck.dvh.points.outside_grid import GridBound
from sbrtcheck.dvh.threads import each
from sbrtcheck.model import Dvh, FloatArray
from sbrtcheck.model.subject import Subject
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.radiobiology.lq import eqd2

# Dvhs kept at a time: each holds some MB, and a course asks for a thousand.
N_KEPT = 80


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to add up: a key that names it, and what it does with the doses of the plans."""

    key: Hashable
    combine: Combine


class CourseSum:
    """The plans of one frame of reference and the sums of their doses in every organ that one of them contours."""

    def __init__(self, plans: Sequence[PlanDoses], *, interpolation: str) -> None:
        self.plans = tuple(plans)
        self.n_fractions = tuple(p.n_fractions for p in plans)
        self._interpolation = interpolation
        self._parts = []
        for p in plans:
            targets = [p.structures[x.ptv] for x in p.lesions if p.structures[x.ptv].blocked is None]
            self._parts.append(Part(p.label, p.n_fractions, p.data.dose, GridBound(p.data.dose, targets)))
        self._members = self._gather()
        self._sums: dict[int, SummedDose] = {}
        self._worst: dict[int, SummedDose] = {}
        self._dvhs: dict[tuple[int, Hashable], Dvh] = {}
        # A sum that is another one with the dose of one plan scaled: which one, which plan, and by how much.
        self._scaled_from: tuple[CourseSum, int, float] | None = None

    def scaled(self, index: int, factor: float, *, n_fractions: int) -> CourseSum:
        """The same sums with one plan's dose times ``factor``, in another number of fractions."""
        other = copy(self)
        other.n_fractions = (*self.n_fractions[:index], n_fractions, *self.n_fractions[index + 1 :])
        other._scaled_from = (self, index, factor)
        other._sums, other._worst, other._dvhs = {}, {}, {}
        return other

    def _gather(self) -> dict[str, list[tuple[Subject, Structure]]]:
        """Subjects with a structure, by organ; one drawing of several plans once, with its smallest distance.

        Structures of one name that are drawn differently get the label of their plan: findings tell them by name.
        """
        found: dict[str, dict[Hashable, tuple[Subject, Structure]]] = {}
        # Each drawing of a name, and the first plan that has it.
        drawings: dict[str, dict[Hashable, str]] = {}
        for plan in self.plans:
            for organ, subjects in plan.subjects.items():
                for subject, structure in zip(subjects, plan.shapes.get(organ, ()), strict=True):
                    if structure is None or structure.shape is None:
                        continue
                    place = found.setdefault(organ, {})
                    key = _geometry(structure)
                    drawings.setdefault(subject.roi, {}).setdefault(key, plan.label)
                    if key in place:
                        known, kept = place[key]
                        gaps = [x.distance_mm for x in (known, subject) if x.distance_mm is not None]
                        place[key] = (replace(known, distance_mm=min(gaps, default=None)), kept)
                    else:
                        place[key] = (subject, structure)
        names = _told_apart(drawings)
        return {
            organ: [(replace(s, roi=names[s.roi, key]), structure) for key, (s, structure) in members.items()]
            for organ, members in found.items()
        }

    @property
    def organs(self) -> tuple[str, ...]:
        """Organs with a structure in one of the plans."""
        return tuple(self._members)

    def prepare(self, organs: Iterable[str]) -> None:
        """Sum the doses in the structures of these organs."""
        organs = tuple(organs)
        wanted = {id(s): s for organ in organs for _, s in self._members.get(organ, ()) if id(s) not in self._sums}
        if not wanted:
            return
        if self._scaled_from is not None:
            base, index, factor = self._scaled_from
            base.prepare(organs)
            self._sums.update((key, base._sums[key].scaled(index, factor)) for key in wanted)
            return
        made = each(lambda s: sum_doses(s, self._parts, interpolation=self._interpolation), wanted.values())
        self._sums.update(zip(wanted, made, strict=True))

    def members(self, organ: str) -> tuple[tuple[Subject, SummedDose], ...]:
        """The structures that stand for an organ, with the doses of all plans in them."""
        self.prepare([organ])
        return tuple((subject, self._sums[id(structure)]) for subject, structure in self._members.get(organ, ()))

    def subjects(self, organs: Iterable[str], reading: Reading) -> dict[str, tuple[Subject, ...]]:
        """Subjects whose Dvh is that of the reading."""
        out = {}
        for organ in organs:
            made = [replace(s, dvh=self.dvh(summed, reading)) for s, summed in self.members(organ)]
            if made:
                out[organ] = tuple(made)
        return out

    def worst_case(self, summed: SummedDose) -> SummedDose:
        """One of its sums with every unknown dose at its bound."""
        if id(summed) not in self._worst:
            self._worst[id(summed)] = summed.worst_case()
        return self._worst[id(summed)]

    def dvh(self, summed: SummedDose, reading: Reading) -> Dvh:
        """The Dvh of one of its sums in one reading, kept for the next rule that asks."""
        key = (id(summed), reading.key)
        found = self._dvhs.pop(key, None) or summed.dvh(reading.combine)
        # The one asked for last stands at the end; the first is the one that was not asked for longest.
        self._dvhs[key] = found
        if len(self._dvhs) > N_KEPT:
            del self._dvhs[next(iter(self._dvhs))]
        return found

    def find(self, organs: Iterable[str], roi: str) -> tuple[Subject, SummedDose] | None:
        """The structure with this name among those of some organs."""
        return next((m for organ in organs for m in self.members(organ) if m[0].roi == roi), None)

    def physical(self) -> Reading:
        """The sum of the plans' physical doses [Gy]."""
        return Reading(("physical",), physical_sum)

    def eqd2(self, alpha_beta_gy: float, *, kind: str, earlier: Sequence[UniformDose] = ()) -> Reading:
        """The sum in EQD2 [Gy]; earlier courses are always given before."""
        n_fractions = self.n_fractions

        def combine(doses: Sequence[FloatArray], extra: Sequence[UniformDose]) -> FloatArray:
            rule = eqd2_same_sessions if kind == SAME_SESSIONS else eqd2_one_after_the_other
            plans = doses[: len(n_fractions)]
            total = rule(plans, n_fractions=n_fractions, alpha_beta_gy=alpha_beta_gy)
            return total + sum(
                eqd2(total_dose_gy=e.dose_gy, n_fractions=e.n_fractions, alpha_beta_gy=alpha_beta_gy) for e in extra
            )

        return _with_earlier(("eqd2", alpha_beta_gy, kind == SAME_SESSIONS), combine, earlier)

    def eqd2_of_plan(self, index: int, alpha_beta_gy: float) -> Reading:
        """One plan alone in EQD2 [Gy]."""
        n = self.n_fractions[index]
        return Reading(
            ("plan", index, alpha_beta_gy),
            lambda doses: eqd2(total_dose_gy=doses[index], n_fractions=n, alpha_beta_gy=alpha_beta_gy),
        )

    def others_gy(
        self,
        summed: SummedDose,
        index: int,
        alpha_beta_gy: float,
        *,
        kind: str,
        earlier: Sequence[UniformDose] = (),
    ) -> float | None:
        """The highest EQD2 [Gy] that all but one plan add at any point, at most; None where nothing bounds it."""
        together, alone = self.eqd2(alpha_beta_gy, kind=kind, earlier=earlier), self.eqd2_of_plan(index, alpha_beta_gy)
        worst = self.worst_case(summed)
        used = worst.volumes_cm3["nominal"] > 0
        added = (together.combine(worst.low_gy) - alone.combine(worst.low_gy))[used]
        highest = float(added.max(initial=0.0))
        if worst.outside_cm3 > 0:
            if worst.outside_gy is None:
                return None
            outside = [np.array([gy]) for gy in worst.outside_gy]
            highest = max(highest, float((together.combine(outside) - alone.combine(outside))[0]))
        others = [self.others_gy(s, index, alpha_beta_gy, kind=kind, earlier=earlier) for s in worst.alternatives]
        return None if any(gy is None for gy in others) else max([highest, *(gy for gy in others if gy is not None)])

    def physical_of_plan(self, index: int) -> Reading:
        """One plan alone, physical [Gy]."""
        return Reading(("plan", index), lambda doses: doses[index])

    def shares(self, limits_gy: Callable[[int], float], *, earlier: Sequence[UniformDose] = ()) -> Reading:
        """The sum of dose / limit over the plans and the earlier courses, each at its own number of fractions."""
        limits = [limits_gy(n) for n in self.n_fractions]
        constant = sum(e.dose_gy / limits_gy(e.n_fractions) for e in earlier)
        return Reading(("shares", *limits, constant), lambda doses: share_of_limits(doses, limits_gy=limits) + constant)


def _with_earlier(
    key: tuple[Hashable, ...],
    combine: Callable[[Sequence[FloatArray], Sequence[UniformDose]], FloatArray],
    earlier: Sequence[UniformDose],
) -> Reading:
    return Reading((*key, *((e.dose_gy, e.n_fractions) for e in earlier)), lambda doses: combine(doses, earlier))


def _told_apart(drawings: Mapping[str, Mapping[Hashable, str]]) -> dict[tuple[str, Hashable], str]:
    """A name of its own for each drawing of a name, from the label of its plan where there are several."""
    names: dict[tuple[str, Hashable], str] = {}
    for roi, labels in drawings.items():
        for key, label in labels.items():
            name = roi if len(labels) == 1 else f"{roi} of {label}"
            while name in names.values() or (name != roi and name in drawings):
                name += "'"
            names[roi, key] = name
    return names


def _geometry(structure: Structure) -> Hashable:
    """Equal for structures drawn with the same contours."""
    bounds = structure.bounds_mm
    corners = () if bounds is None else tuple(float(x) for x in np.round(np.concatenate(bounds), 1))
    return (structure.name, round(structure.volume_cm3 or 0.0, 3), *corners)
