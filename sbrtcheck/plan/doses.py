"""One plan: from what was read to doses in organs and targets. No limit is judged here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sbrtcheck.anatomy.dose_levels import higher_levels
from sbrtcheck.anatomy.found_once import Shared
from sbrtcheck.anatomy.left_out import targets_not_judged, treated_without_lesion
from sbrtcheck.anatomy.organs import Candidate
from sbrtcheck.anatomy.sites import places_beside, with_sites
from sbrtcheck.anatomy.understand import laterality_problems, understand_rois
from sbrtcheck.dvh import Structure, compute_dvhs, scan_planes
from sbrtcheck.dvh.contours.combine import minus
from sbrtcheck.dvh.histogram import with_slab_trilinear
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.dvh.points.kept import KeptSamples
from sbrtcheck.dvh.points.outside_grid import GridBound
from sbrtcheck.errors import Problem, refuse, safe_text
from sbrtcheck.model import (
    Dvh,
    Fact,
    FloatArray,
    Lesion,
    NamedRoi,
    PlanData,
    Role,
)
from sbrtcheck.model.subject import Subject
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.plan.subjects import OrganDoses, find_subjects
from sbrtcheck.plan.targets import Drawn, find_targets, without_strangers
from sbrtcheck.tables.organs import load_organs


@dataclass(frozen=True, slots=True, eq=False)
class PlanDoses:
    """A plan with everything that judging needs: names, lesions, Dvhs, subjects by organ, and the facts given."""

    data: PlanData
    label: str
    n_fractions: int
    named: tuple[NamedRoi, ...]
    structures: Mapping[str, Structure]
    dvhs: Mapping[str, Dvh]
    lesions: tuple[Lesion, ...]
    subjects: Mapping[str, tuple[Subject, ...]]
    containers: Mapping[str, tuple[str, ...]]
    derived: Mapping[str, Dvh]
    facts: tuple[Fact, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    sex: str = ""
    # The structure of each subject, in the order of ``subjects``; None where it is blocked.
    shapes: Mapping[str, tuple[Structure | None, ...]] = field(default_factory=dict)
    # PTV to the targets of a higher prescription inside it, and the Dvh of such a PTV without them.
    higher_levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    near_maximum: Mapping[str, Dvh] = field(default_factory=dict)
    # What may stand for an organ, with contour points: for distances and heights.
    candidates: tuple[Candidate, ...] = ()
    # PTV to the site whose organs are asked for beside those of its own, and how that is known.
    places: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    # Targets that the plan seems to treat and that are no lesion, each with why.
    targets_not_judged: tuple[str, ...] = ()
    given: GivenFacts = field(default_factory=GivenFacts)

    @property
    def body(self) -> NamedRoi | None:
        """The body outline, where exactly one is contoured."""
        found = [n for n in self.named if n.role is Role.BODY and n.roi.contours]
        return found[0] if len(found) == 1 else None


def settle_fractions(data: PlanData, given: int | None, facts: list[Fact], problems: list[Problem]) -> int:
    """The number of fractions: the plan's, or the given one where the plan has none.

    Raises:
        RefusedError: E-FRACTIONS, E-CONTRADICTS.
    """
    label = safe_text(data.plan.label) or "plan"
    planned = data.plan.n_fractions
    if planned is not None:
        if given is not None and given != planned:
            raise refuse("E-CONTRADICTS", label, tag="--fractions", seen=f"{given}; the plan says {planned}")
        facts.append(Fact("number of fractions", str(planned), "RTPLAN NumberOfFractionsPlanned (300A,0078)"))
        return planned
    if given is None:
        raise refuse("E-FRACTIONS", label, tag="NumberOfFractionsPlanned (300A,0078)", seen="empty")
    facts.append(Fact("number of fractions", str(given), "given by the caller: the plan has none"))
    problems.append(Problem("W-FRACTIONS-GIVEN", label, seen=str(given)))
    return given


def compute_plan(
    data: PlanData,
    *,
    index: int,
    given: GivenFacts,
    interpolation: str = "cubic",
    progress: Callable[[str], None] = lambda _stage: None,
    label: str = "",
    elsewhere: Collection[str] = (),
    first_lesion: int = 1,
    shared: Shared | None = None,
) -> PlanDoses:
    """Names, lesions, structures, doses and subjects of one plan.

    Args:
        data: the plan as read.
        index: its position in the course.
        given: facts from the caller.
        interpolation: of the dose, "cubic" or "linear".
        progress: called with what is being done.
        label: what to call the plan; "": its own label.
        elsewhere: targets of this structure set that another plan of the course treats. They are no lesions of this
            plan, but their gross tumours are taken out of the organs all the same.
        first_lesion: number of the plan's first lesion.
        shared: structures and points found for other plans on the same contours; those of this plan are added.

    Raises:
        RefusedError: E-FRACTIONS, E-CONTRADICTS, E-GEOMETRY.
        WrongUsageError: E-ROI-UNKNOWN, E-ORGAN-UNKNOWN, E-OPTION.
    """
    facts: list[Fact] = []
    problems: list[Problem] = list(data.plan.problems)
    label = label or safe_text(data.plan.label) or f"plan {index + 1}"
    n_fractions = settle_fractions(data, given.n_fractions, facts, problems)
    named = understand_rois(data, _names(data, given), facts)
    problems += [p for n in named for p in n.roi.problems if not p.is_error]

    progress(f"{label}: building structures")
    shared = Shared(samples=None) if shared is None else shared
    scan = scan_planes([n.roi for n in named])
    structures = {n.roi.name: shared.structure(n.roi, scan) for n in named}
    problems += [p for s in structures.values() for p in s.problems]
    drawn = Drawn(data, n_fractions, named, structures, given)
    targets = find_targets(
        drawn,
        index=index,
        elsewhere=elsewhere,
        first_lesion=first_lesion,
        doses_of=lambda asked: compute_dvhs(asked, data.dose, interpolation=interpolation, band=False),
    )
    problems += targets.problems

    progress(f"{label}: uniting organs")
    candidates = shared.candidates(named, structures, targets.treated, given.absent)
    lesions = with_sites(targets.lesions, data, candidates, structures, given.sites)
    levels = higher_levels(lesions, structures)
    n_made = sum(1 for c in candidates if c.derived and c.structure is not None)
    progress(f"{label}: dose in {len(structures) + n_made} structures")
    taken = _take_doses(drawn, lesions, candidates, levels, interpolation=interpolation, samples=shared.samples)
    dvhs = taken.of_organs.of_rois
    lesions = without_strangers(lesions, dvhs, given.policy)
    subjects = find_subjects(candidates, lesions, named, taken.of_organs)
    problems += subjects.problems
    places = places_beside(lesions, structures, candidates)
    facts += _facts(lesions, places)
    problems += laterality_problems(named)
    left_out = targets_not_judged(
        named, lesions, data.plan, structures, elsewhere=elsewhere, given_gy=given.prescriptions_gy
    )
    return PlanDoses(
        data=data,
        label=label,
        n_fractions=n_fractions,
        named=named,
        structures=structures,
        dvhs=dvhs,
        lesions=lesions,
        subjects=subjects.by_organ,
        containers={o.organ: o.containers for o in load_organs() if o.containers},
        derived=subjects.derived,
        facts=tuple(facts),
        problems=tuple(problems),
        notes=targets.notes,
        sex=given.sex,
        shapes=subjects.shapes,
        higher_levels=levels,
        near_maximum=taken.without_higher,
        candidates=tuple(candidates),
        places=places,
        given=given,
        targets_not_judged=(
            *left_out,
            *treated_without_lesion(named, lesions, structures, dvhs, elsewhere=elsewhere),
        ),
    )


def _names(data: PlanData, given: GivenFacts) -> dict[str, str]:
    """ROI to what it is, as given: a clinic's habits count for ROIs that are there."""
    present = {roi.name for roi in data.structures.rois}
    habits = {roi: organ for roi, organ in given.optional_map.items() if roi in present}
    return {**habits, **given.roi_map}


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """Doses for subjects, and the Dvh of each PTV without the targets of a higher prescription inside it."""

    of_organs: OrganDoses
    without_higher: Mapping[str, Dvh]


def _take_doses(
    drawn: Drawn,
    lesions: Sequence[Lesion],
    candidates: Sequence[Candidate],
    levels: Mapping[str, tuple[str, ...]],
    *,
    interpolation: str,
    samples: KeptSamples | None,
) -> _Taken:
    """The dose in every ROI, in what is made of them, and in each PTV outside its higher levels; all at once.

    Raises:
        RefusedError: E-GEOMETRY where every target lies outside the grid.
    """
    structures, dose = drawn.structures, drawn.data.dose
    made = [(c, c.structure) for c in candidates if c.derived and c.structure is not None]
    outer = [
        minus(f"{ptv} without {', '.join(x)}", structures[ptv], [structures[n] for n in x]) for ptv, x in levels.items()
    ]
    wanted = [*structures.values(), *(s for _, s in made), *outer]
    computed = iter(compute_dvhs(wanted, dose, interpolation=interpolation, kept=samples))
    dvhs = {name: next(computed) for name in structures}
    of_made = {id(c): next(computed) for c, _ in made}
    without_higher = {ptv: next(computed) for ptv in levels}
    _refuse_targets_outside(lesions, dvhs)
    bound = GridBound(dose, [structures[x.ptv] for x in lesions if structures[x.ptv].blocked is None])
    target_names = {n.roi.name for n in drawn.named if n.role is Role.TARGET}
    dvhs = {name: d if name in target_names else bound.apply(d, structures[name]) for name, d in dvhs.items()}
    dvhs |= {x.ptv: with_slab_trilinear(dvhs[x.ptv], structures[x.ptv], dose) for x in lesions}
    return _Taken(OrganDoses(dvhs, of_made, bound), without_higher)


def _refuse_targets_outside(lesions: Sequence[Lesion], dvhs: Mapping[str, Dvh]) -> None:
    """Every target wholly outside the dose grid: the grid or its label is wrong."""
    seen = [dvhs[x.ptv] for x in lesions if dvhs[x.ptv].blocked is None]
    if seen and all(d.outside_volume_cm3 >= d.total_volume_cm3 * (1 - 1e-9) for d in seen):
        names_ = ", ".join(safe_text(d.roi) for d in seen)
        raise refuse(
            "E-GEOMETRY", names_, tag="RTDOSE ImagePositionPatient, ImageOrientationPatient", seen="no overlap"
        )


def _facts(lesions: Sequence[Lesion], places: Mapping[str, tuple[str, str]]) -> list[Fact]:
    out = []
    for lesion in lesions:
        roi = safe_text(lesion.ptv)
        if lesion.prescription_gy is not None:
            out.append(Fact(f"prescription of {roi}", f"{lesion.prescription_gy:g} Gy", lesion.linked_by))
        if lesion.site:
            out.append(Fact(f"site of {roi}", lesion.site, lesion.site_origin))
        if lesion.levels:
            out.append(Fact(f"level of {roi}", " and ".join(lesion.levels), lesion.level_origin))
        if lesion.ptv in places:
            place, how = places[lesion.ptv]
            out.append(Fact(f"organs asked for beside {roi}", f"also those of {place}", how))
    return out


def drawn_targets(doses: PlanDoses) -> tuple[str, ...]:
    """Every PTV that is drawn, prescribed or not, and every other target whose middle lies in none of them."""
    drawn = [n for n in doses.named if n.role is Role.TARGET and doses.structures[n.roi.name].bounds_mm is not None]
    ptvs = [n.roi.name for n in drawn if n.target_type == "PTV"]
    out = list(ptvs)
    for n in (n for n in drawn if n.target_type != "PTV"):
        low, high = np.asarray(doses.structures[n.roi.name].bounds_mm)
        middle: FloatArray = ((low + high) / 2)[None]
        if not any(bool(doses.structures[ptv].contains(middle)[0]) for ptv in ptvs):
            out.append(n.roi.name)
    return tuple(out)


def target_ratio(doses: PlanDoses, lesion: Lesion) -> float | None:
    """Median target dose over the prescription, where both are known."""
    if lesion.prescription_gy is None:
        return None
    median = evaluate("D50%[Gy]", doses.dvhs[lesion.ptv])
    return None if median.value is None else median.value / lesion.prescription_gy
