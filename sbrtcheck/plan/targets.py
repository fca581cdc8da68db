"""The targets of one plan as lesions, each with its prescription where the files or the caller state one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from sbrtcheck.anatomy import lesions as course
from sbrtcheck.dvh import Structure
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import Problem, wrong_usage
from sbrtcheck.model import Dvh, Lesion, NamedRoi, PlanData
from sbrtcheck.model.policy import Policy
from sbrtcheck.plan.facts import GivenFacts

# The doses of some structures, each in the order given.
DosesOf = Callable[[list[Structure]], list[Dvh]]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A plan whose ROIs are understood and built, before any dose is taken."""

    data: PlanData
    n_fractions: int
    named: tuple[NamedRoi, ...]
    structures: Mapping[str, Structure]
    given: GivenFacts


@dataclass(frozen=True, slots=True)
class Targets:
    """The lesions of a plan. ``treated``: those of the whole structure set, of other plans too."""

    lesions: tuple[Lesion, ...]
    treated: tuple[Lesion, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def find_targets(
    drawn: Drawn, *, index: int, elsewhere: Collection[str], first_lesion: int, doses_of: DosesOf
) -> Targets:
    """Group the targets to lesions and link their prescriptions.

    Args:
        drawn: the plan.
        index: its position in the course.
        elsewhere: targets that another plan of the course treats.
        first_lesion: number of the first lesion.
        doses_of: gives doses, for a prescription that only the dose in the targets can link.

    Raises:
        RefusedError: E-CONTRADICTS.
        WrongUsageError: E-ROI-UNKNOWN for a prescription given to a ROI that is not there.
    """
    structures, given = drawn.structures, drawn.given
    lesions, notes = course.group_targets(
        drawn.named, plan_index=index, contains=lambda roi, p: bool(structures[roi].contains(p[None])[0])
    )
    treated = tuple(x for x in lesions if structures[x.ptv].blocked is None) or lesions
    own = [x for x in treated if not {x.ptv, x.gtv, x.itv, x.ctv} & set(elsewhere)]
    numbered = [replace(x, id=str(number)) for number, x in enumerate(own, start=first_lesion)]
    unknown = set(given.prescriptions_gy) - {n.roi.name for n in drawn.named} - {course.EVERY_TARGET}
    if unknown:
        raise wrong_usage("E-ROI-UNKNOWN", "--prescription", seen=", ".join(sorted(unknown)))
    linking = course.link_prescriptions(
        numbered,
        drawn.data.plan,
        rois=_numbers(drawn),
        dose_tokens_gy={n.roi.name: n.dose_token_gy for n in drawn.named if n.dose_token_gy is not None},
        given_gy=given.prescriptions_gy,
        n_fractions=drawn.n_fractions,
    )
    linking = _with_site_dose(drawn, linking, doses_of)
    sized = tuple(replace(x, volume_cm3=structures[x.ptv].volume_cm3) for x in linking.lesions)
    return Targets(sized, treated, linking.problems, (*notes, *linking.notes))


def _numbers(drawn: Drawn) -> dict[int, str]:
    return {n.roi.number: n.roi.name for n in drawn.named}


def _with_site_dose(drawn: Drawn, linking: course.Linking, doses_of: DosesOf) -> course.Linking:
    """Link the one prescription of a site to the targets that have none, where the dose in each says that it is meant.

    The doses of these targets are taken for that alone: which levels lie inside each other follows from it.
    """
    dose_gy = course.site_dose_gy(linking, drawn.data.plan, _numbers(drawn))
    if dose_gy is None:
        return linking
    ptvs = [drawn.structures[x.ptv] for x in linking.lesions if x.prescription_gy is None]
    d95_gy = {s.name: evaluate("D95%[Gy]", d).value for s, d in zip(ptvs, doses_of(ptvs), strict=True)}
    low, high = (drawn.given.policy.value(f"target_dose.shared_{end}_percent") for end in ("low", "high"))
    return course.with_site_dose(linking, dose_gy, d95_gy=d95_gy, percent=(low, high))


def without_strangers(lesions: tuple[Lesion, ...], dvhs: Mapping[str, Dvh], policy: Policy) -> tuple[Lesion, ...]:
    """A dose that the plan states without a ROI is not the prescription of the only target when that gets another one.

    It stays linked while D95% or the median of the PTV comes near it; else what was prescribed to the target is open.
    """
    within = policy.value("target_dose.unlinked_match_percent") / 100

    def strange(lesion: Lesion) -> bool:
        if lesion.linked_by != course.ONLY_ONE or lesion.prescription_gy is None:
            return False
        found = [evaluate(f"{metric}[Gy]", dvhs[lesion.ptv]).value for metric in ("D95%", "D50%")]
        known = [gy for gy in found if gy is not None]
        return bool(known) and all(abs(gy / lesion.prescription_gy - 1) > within for gy in known)

    return tuple(replace(x, prescription_gy=None, linked_by="") if strange(x) else x for x in lesions)
