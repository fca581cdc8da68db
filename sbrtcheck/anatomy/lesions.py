"""From named ROIs and a plan to lesions: grouping, prescription and site. The lesion is the unit of the course."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sbrtcheck.anatomy.points import centroid_mm
from sbrtcheck.errors import Problem, refuse, safe_text
from sbrtcheck.model import DoseReference, FloatArray, Lesion, NamedRoi, Plan, Roi, Role
from sbrtcheck.tables.schemes import SAME_DOSE_GY

# In place of a target: a given prescription of every target without one.
EVERY_TARGET = "all"
_BEAM_DOSE_SHARE = 0.3
# How a prescription without a ROI came to a plan's one target.
ONLY_ONE = "the only contoured PTV and the only prescription"
_REFERENCE_RANK = {"VOLUME": 0, "SITE": 0, "POINT": 1, "COORDINATES": 1}


@dataclass(frozen=True, slots=True)
class Linking:
    """Lesions with their prescriptions, and what stood in the way of linking the rest."""

    lesions: tuple[Lesion, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def group_targets(
    named: Sequence[NamedRoi], *, plan_index: int, contains: Callable[[str, FloatArray], bool]
) -> tuple[tuple[Lesion, ...], tuple[str, ...]]:
    """One lesion per contoured PTV, with the GTV, ITV and CTV whose centre lies inside it.

    Args:
        named: the ROIs as understood.
        plan_index: position of the plan in the course.
        contains: ``contains(roi_name, point_mm)`` for a PTV.

    Returns:
        The lesions, and a note for each inner target that belongs to none or to several of them.
    """
    targets = [n for n in named if n.role is Role.TARGET and n.roi.contours and not n.roi.damaged]
    ptvs = [n for n in targets if n.target_type == "PTV"]
    members: dict[str, dict[str, str]] = {p.roi.name: {} for p in ptvs}
    notes = []
    for inner in (n for n in targets if n.target_type != "PTV"):
        centre = centroid_mm(inner.roi)
        homes = [p.roi.name for p in ptvs if contains(p.roi.name, centre)]
        if len(homes) > 1 and inner.lesion_token:
            homes = [p.roi.name for p in ptvs if p.roi.name in homes and p.lesion_token == inner.lesion_token]
        if len(homes) > 1:
            homes = _innermost(homes, {p.roi.name: p.roi for p in ptvs})
        kind = "ITV" if inner.target_type in {"ITV", "IGTV"} else inner.target_type
        if len(homes) == 1 and kind not in members[homes[0]]:
            members[homes[0]][kind] = inner.roi.name
        elif ptvs:
            where = "no PTV" if not homes else "more than one PTV or a second one of its kind"
            notes.append(f"{safe_text(inner.roi.name)} was not assigned to a lesion: its centre lies in {where}")
    lesions = tuple(
        Lesion(
            id=str(number),
            plan_index=plan_index,
            ptv=p.roi.name,
            gtv=members[p.roi.name].get("GTV", ""),
            itv=members[p.roi.name].get("ITV", ""),
            ctv=members[p.roi.name].get("CTV", ""),
            laterality=p.laterality,
        )
        for number, p in enumerate(ptvs, start=1)
    )
    return lesions, tuple(notes)


def _innermost(homes: Sequence[str], rois: Mapping[str, Roi]) -> list[str]:
    """Of PTVs that all hold one point: the smallest, when it lies inside the others; else all of them."""
    boxes = {}
    for name in homes:
        points = np.concatenate([c.points_mm for c in rois[name].contours])
        boxes[name] = points.min(axis=0), points.max(axis=0)
    smallest = min(homes, key=lambda name: float(np.prod(boxes[name][1] - boxes[name][0])))
    low, high = boxes[smallest]
    inside = all(np.all(low >= boxes[h][0]) and np.all(high <= boxes[h][1]) for h in homes)
    return [smallest] if inside else list(homes)


def link_prescriptions(
    lesions: Sequence[Lesion],
    plan: Plan,
    *,
    rois: Mapping[int, str],
    dose_tokens_gy: Mapping[str, float],
    given_gy: Mapping[str, float],
    n_fractions: int | None,
) -> Linking:
    """Give each lesion its own prescription.

    By ROI number; one contoured PTV and one prescription: linked; several: by name, dose token or description; else by
    ``given_gy`` (ROI name, or "all", to total dose [Gy]), which may fill what the file lacks but never contradict it.

    Raises:
        RefusedError: E-CONTRADICTS.
    """
    references = [
        r for r in plan.dose_references if r.reference_type == "TARGET" and r.target_prescription_gy is not None
    ]
    problems: list[Problem] = []
    linked: list[Lesion] = []
    # The doses that the plan states for a lesion where they are several: a given one must be one of them.
    stated: dict[str, list[float]] = {}
    parts = _BeamParts.of(plan, n_fractions)
    if parts is not None and len(lesions) == 1 and parts.certain:
        return _in_parts(lesions[0], parts, given_gy, n_fractions)
    for lesion in lesions:
        members = {m for m in (lesion.ptv, lesion.gtv, lesion.itv, lesion.ctv) if m}
        by_number = [r for r in references if r.roi_number is not None and rois.get(r.roi_number) in members]
        preferred = [r for r in by_number if rois.get(r.roi_number or -1) == lesion.ptv] or by_number
        doses = _distinct_gy(preferred)
        if len(doses) == 1:
            lesion = replace(lesion, prescription_gy=doses[0], linked_by="ROI number in the dose reference")
        elif len(doses) > 1:
            seen = ", ".join(f"{d:g} Gy" for d in doses)
            problems.append(Problem("E-RX-CONFLICT", lesion.ptv, tag="TargetPrescriptionDose (300A,0026)", seen=seen))
            stated[lesion.ptv] = doses
        linked.append(lesion)
    free = _free_references(references, linked, rois)
    conflicted = {p.object for p in problems}
    if len(linked) == 1 and linked[0].prescription_gy is None and linked[0].ptv not in conflicted:
        doses = _distinct_gy(free)
        if len(doses) == 1:
            linked[0] = replace(linked[0], prescription_gy=doses[0], linked_by=ONLY_ONE)
        elif doses:
            stated[linked[0].ptv] = doses
    elif len(linked) > 1:
        linked = _link_by_text(linked, free, dose_tokens_gy, conflicted)
    if parts is not None and len(lesions) == 1 and parts.adds_up_to(given_gy.get(lesions[0].ptv)):
        return _in_parts(lesions[0], parts, given_gy, n_fractions)
    linked = [_fill_given(lesion, given_gy, stated.get(lesion.ptv, ())) for lesion in linked]
    return Linking(tuple(replace(x, n_fractions=n_fractions) for x in linked), tuple(problems))


@dataclass(frozen=True, slots=True)
class _BeamParts:
    """Prescriptions that are one for each treatment beam, as some systems write them: parts of one total [Gy].

    ``certain`` where n times the beams' doses give the sum of the parts and no single one of them.
    """

    doses_gy: tuple[float, ...]
    certain: bool

    @classmethod
    def of(cls, plan: Plan, n_fractions: int | None) -> _BeamParts | None:
        """The parts of a plan, or None where the prescriptions are not as many as its treatment beams, two or more."""
        doses = tuple(
            r.target_prescription_gy
            for r in plan.dose_references
            if r.reference_type == "TARGET" and r.target_prescription_gy is not None
        )
        if len(doses) < 2 or len(doses) != plan.n_treatment_beams:
            return None
        beams_gy = (plan.beam_dose_per_fraction_gy or 0.0) * (n_fractions or 0)
        certain = _near(beams_gy, sum(doses)) and not any(_near(beams_gy, dose) for dose in doses)
        return cls(doses, certain)

    @property
    def shown(self) -> str:
        """``27 + 27 Gy``."""
        return " + ".join(f"{dose:g}" for dose in self.doses_gy) + " Gy"

    def adds_up_to(self, dose_gy: float | None) -> bool:
        """True if this is the sum of the parts."""
        return dose_gy is not None and abs(dose_gy - sum(self.doses_gy)) <= SAME_DOSE_GY


def _near(beams_gy: float, dose_gy: float) -> bool:
    """Beam doses are stated at a point and lie some percent above what the target is prescribed."""
    return abs(beams_gy - dose_gy) <= _BEAM_DOSE_SHARE * dose_gy


def _in_parts(lesion: Lesion, parts: _BeamParts, given_gy: Mapping[str, float], n_fractions: int | None) -> Linking:
    """The only lesion where the plan prescribes in parts: nothing is added unless the caller says the sum."""
    dose = given_gy.get(lesion.ptv)
    if dose is not None and not parts.adds_up_to(dose):
        seen = f"{dose:g} Gy; the plan says {parts.shown}, one for each beam"
        raise refuse("E-CONTRADICTS", lesion.ptv, tag="--prescription", seen=seen)
    note = f"the plan prescribes {parts.shown}, one for each beam"
    if dose is None:
        note += f': if they add up, --prescription "{safe_text(lesion.ptv)}={sum(parts.doses_gy):g}"'
        return Linking((replace(lesion, n_fractions=n_fractions),), notes=(note,))
    how = f"given, and the sum of the parts of the beams ({parts.shown})"
    return Linking((replace(lesion, n_fractions=n_fractions, prescription_gy=dose, linked_by=how),), notes=(note,))


def _distinct_gy(references: Sequence[DoseReference]) -> list[float]:
    out: list[float] = []
    for reference in references:
        dose = reference.target_prescription_gy
        if dose is not None and all(abs(dose - other) > SAME_DOSE_GY for other in out):
            out.append(dose)
    return out


def _free_references(
    references: Sequence[DoseReference], lesions: Sequence[Lesion], rois: Mapping[int, str]
) -> list[DoseReference]:
    """References without a ROI of their own; a point's dose only where no site or volume is prescribed."""
    known = set(rois)
    free = [r for r in references if r.roi_number is None or r.roi_number not in known]
    if not free:
        return []
    best = min(_REFERENCE_RANK.get(r.structure_type, 1) for r in free)
    return [r for r in free if _REFERENCE_RANK.get(r.structure_type, 1) == best]


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _link_by_text(
    lesions: list[Lesion],
    references: Sequence[DoseReference],
    dose_tokens_gy: Mapping[str, float],
    conflicted: set[str],
) -> list[Lesion]:
    """Several PTVs: a description that names exactly one of them, or a dose in the name that one reference has."""
    out = []
    for lesion in lesions:
        if lesion.prescription_gy is not None or lesion.ptv in conflicted:
            out.append(lesion)
            continue
        named = [r for r in references if _plain(r.description) and _plain(r.description) == _plain(lesion.ptv)]
        token = dose_tokens_gy.get(lesion.ptv)
        by_dose = [
            r
            for r in references
            if token is not None
            and r.target_prescription_gy is not None
            and abs(r.target_prescription_gy - token) <= SAME_DOSE_GY
        ]
        for hits, how in ((named, "its name in the dose reference"), (by_dose, "the dose in its name")):
            doses = _distinct_gy(hits)
            if len(doses) == 1:
                lesion = replace(lesion, prescription_gy=doses[0], linked_by=how)
                break
        out.append(lesion)
    return out


def site_dose_gy(linking: Linking, plan: Plan, rois: Mapping[int, str]) -> float | None:
    """The one dose that the plan states for a site, where several targets are left without a prescription [Gy]."""
    open_ = [x for x in linking.lesions if x.prescription_gy is None]
    if len(linking.lesions) < 2 or not open_ or linking.problems:
        return None
    references = [
        r for r in plan.dose_references if r.reference_type == "TARGET" and r.target_prescription_gy is not None
    ]
    free = _free_references(references, linking.lesions, rois)
    doses = _distinct_gy(free)
    of_site = all(_REFERENCE_RANK.get(r.structure_type, 1) == 0 for r in free)
    return doses[0] if len(doses) == 1 and of_site else None


def with_site_dose(
    linking: Linking, dose_gy: float, *, d95_gy: Mapping[str, float | None], percent: tuple[float, float]
) -> Linking:
    """The dose of the site as the prescription of every target that has none, when each of them gets it.

    Args:
        linking: with targets left open.
        d95_gy: target to its D95% [Gy], None where it has no number.
        percent: from where to where D95% of each must lie [% of the dose].
    """
    open_ = [x for x in linking.lesions if x.prescription_gy is None]
    low, high = (share / 100 * dose_gy for share in percent)
    reached = [d95_gy.get(x.ptv) for x in open_]
    if not all(gy is not None and low <= gy <= high for gy in reached):
        return linking
    how = f"the site's prescription: D95% of each target is {percent[0]:g} to {percent[1]:g} % of it"
    lesions = tuple(
        replace(x, prescription_gy=dose_gy, linked_by=how) if x.prescription_gy is None else x for x in linking.lesions
    )
    return replace(linking, lesions=lesions)


def _fill_given(lesion: Lesion, given_gy: Mapping[str, float], stated_gy: Sequence[float]) -> Lesion:
    own = [name for name in (lesion.ptv, lesion.itv, lesion.gtv, lesion.ctv) if name in given_gy]
    for name in own or [EVERY_TARGET]:
        if name not in given_gy:
            continue
        dose = given_gy[name]
        if lesion.prescription_gy is not None and abs(lesion.prescription_gy - dose) > SAME_DOSE_GY:
            raise refuse(
                "E-CONTRADICTS",
                name,
                tag="--prescription",
                seen=f"{dose:g} Gy; the plan says {lesion.prescription_gy:g} Gy",
            )
        if stated_gy and all(abs(dose - other) > SAME_DOSE_GY for other in stated_gy):
            said = ", ".join(f"{other:g}" for other in stated_gy)
            raise refuse("E-CONTRADICTS", name, tag="--prescription", seen=f"{dose:g} Gy; the plan says {said} Gy")
        if lesion.prescription_gy is None:
            return replace(lesion, prescription_gy=dose, linked_by="given by --prescription or the case file")
    return lesion


def link_hint(lesions: Sequence[Lesion], plan: Plan) -> str:
    """A ready-to-copy line for the lesions that have no prescription yet."""
    doses = _distinct_gy([r for r in plan.dose_references if r.reference_type == "TARGET"])
    dose = f"{doses[0]:g}" if len(doses) == 1 else "DOSE"
    if len(doses) == 1 and len(lesions) > 1 and all(x.prescription_gy is None for x in lesions):
        return f"--prescription {EVERY_TARGET}={dose}"
    return " ".join(
        f'--prescription "{safe_text(lesion.ptv)}={dose}"' for lesion in lesions if lesion.prescription_gy is None
    )
