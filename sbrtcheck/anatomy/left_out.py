"""Find targets and treated structures that no lesion accounts for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from sbrtcheck.dvh import Structure
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import safe_text
from sbrtcheck.model import Dvh, FloatArray, Lesion, MatchedBy, NamedRoi, Plan, Reason, Role
from sbrtcheck.model.vocabulary import TARGET_TYPES
from sbrtcheck.tables.schemes import SAME_DOSE_GY

# A target of no lesion with this share of a prescription as its median dose is being treated (our policy).
TREATED_SHARE = 0.8


def targets_not_judged(
    named: Sequence[NamedRoi],
    lesions: Sequence[Lesion],
    plan: Plan,
    structures: Mapping[str, Structure],
    *,
    elsewhere: Collection[str],
    given_gy: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    """A note for each target that the plan seems to treat and that is no lesion: damaged, or prescribed to and gone.

    Args:
        named: the ROIs as understood.
        lesions: of this plan, with their prescriptions.
        plan: for its prescriptions.
        structures: by ROI name.
        elsewhere: targets that another plan of the course treats.
        given_gy: ROI to a prescription from an option or the case file [Gy].
    """
    known = {m for x in lesions for m in (x.ptv, x.gtv, x.itv, x.ctv) if m} | set(elsewhere)
    notes: dict[str, str] = {}
    for name, stated_gy in (given_gy or {}).items():
        if name not in known and name in structures:
            why = structures[name].blocked_note or "it is taken for no target"
            notes[name] = f"{stated_gy:g} Gy is stated for {name}, which is not judged: {why}"
    for n in named:
        structure = structures[n.roi.name]
        if n.roi.name in {*known, *notes} or n.role is not Role.TARGET or n.target_type != "PTV":
            continue
        if structure.blocked in {None, Reason.NO_CONTOURS} or n.matched_by is MatchedBy.DOSE_REFERENCE:
            continue
        notes[n.roi.name] = f"{n.roi.name} is a target and cannot be judged: {structure.blocked_note}"
    by_number = {n.roi.number: n for n in named}
    numbers_hold = any(x.linked_by.startswith("ROI number") for x in lesions)
    for reference in plan.dose_references:
        dose_gy, number = reference.target_prescription_gy, reference.roi_number
        if reference.reference_type != "TARGET" or dose_gy is None or number is None:
            continue
        if reference.structure_type not in {"VOLUME", ""}:
            continue
        prescribed = by_number.get(number)
        if prescribed is None:
            if numbers_hold:
                text = f"the plan prescribes {dose_gy:g} Gy to ROI number {number}, which is not in the structures"
                notes.setdefault(f"number {number}", text)
            continue
        name = prescribed.roi.name
        if name in known or name in notes:
            continue
        structure = structures[name]
        inner = prescribed.role is Role.TARGET and prescribed.target_type != "PTV" and structure.blocked is None
        if inner and any(abs((x.prescription_gy or 0.0) - dose_gy) <= SAME_DOSE_GY for x in lesions):
            continue
        why = structure.blocked_note if structure.blocked is not None else "it is taken for no target"
        notes[name] = f"the plan prescribes {dose_gy:g} Gy to {name}, which is not judged: {why}"
    return tuple(safe_text(note) for note in notes.values())


def treated_without_lesion(
    named: Sequence[NamedRoi],
    lesions: Sequence[Lesion],
    structures: Mapping[str, Structure],
    dvhs: Mapping[str, Dvh],
    *,
    elsewhere: Collection[str],
) -> tuple[str, ...]:
    """A note for each ROI that lies in no lesion, speaks of a target in its name, and gets a target's dose.

    Args:
        named: the ROIs as understood.
        lesions: of this plan, with their prescriptions.
        structures: by ROI name.
        dvhs: by ROI name.
        elsewhere: targets that another plan of the course treats.
    """
    prescriptions = [x.prescription_gy for x in lesions if x.prescription_gy is not None]
    known = {m for x in lesions for m in (x.ptv, x.gtv, x.itv, x.ctv) if m} | set(elsewhere)
    shapes = [structures[x.ptv] for x in lesions if structures[x.ptv].blocked is None]
    notes = []
    for n in named:
        speaks = n.role is Role.TARGET or (n.role is Role.UNMATCHED and n.suggestion in TARGET_TYPES)
        if n.roi.name in known or not speaks or n.matched_by is MatchedBy.MAP or not prescriptions:
            continue
        if structures[n.roi.name].blocked is not None:
            continue
        low, high = np.asarray(structures[n.roi.name].bounds_mm)
        centre: FloatArray = ((low + high) / 2)[None]
        median_gy = evaluate("D50%[Gy]", dvhs[n.roi.name]).value
        if any(bool(s.contains(centre)[0]) for s in shapes) or median_gy is None:
            continue
        if median_gy >= TREATED_SHARE * min(prescriptions):
            name = safe_text(n.roi.name)
            notes.append(
                f"{name} lies in no lesion and gets {median_gy:.1f} Gy: if it is a target, add "
                f'--map "{name}=PTV", else --map "{name}=none"'
            )
    return tuple(notes)
