"""Facts that the files contradict. A fact may fill what the files lack; what they say already it cannot change."""

from __future__ import annotations

from collections.abc import Mapping

from sbrtcheck import names
from sbrtcheck.case import CaseFile
from sbrtcheck.errors import Problem, RefusedError, safe_text
from sbrtcheck.model import MatchedBy, NamedRoi, PlanData, Role, Study


def refuse_contradicted_case(study: Study, case: CaseFile | None) -> None:
    """Hold the case file against the files: numbers of fractions, and organs declared absent.

    Raises:
        RefusedError: E-CONTRADICTS with everything that differs.
    """
    if case is None:
        return
    found: list[Problem] = []
    for lesion in case.lesions:
        planned = [p.plan.n_fractions for p in study.plans if p.structures.roi(lesion.roi) is not None]
        if lesion.n_fractions is None or not planned or None in planned or lesion.n_fractions in planned:
            continue
        seen = f"{lesion.n_fractions}; planned: {', '.join(map(str, dict.fromkeys(planned)))}"
        found.append(Problem("E-CONTRADICTS", lesion.roi, tag="fractions", seen=seen))
    for absent in case.absent:
        for data in study.plans:
            drawn = [n.roi.name for n in names.understand(data.structures.rois) if _is_organ(n, absent.organ)]
            found += [
                Problem("E-CONTRADICTS", roi, tag="absent", seen=f"{absent.organ} is declared absent and contoured")
                for roi in drawn
            ]
    if found:
        raise RefusedError(*dict.fromkeys(found))


def _is_organ(named: NamedRoi, organ: str) -> bool:
    if named.role is not Role.ORGAN or not named.roi.contours or named.matched_by is MatchedBy.TYPE:
        return False
    return organ in {named.organ, f"{named.organ}_{named.laterality}" if named.laterality else named.organ}


def mapped_away(study: Study, roi_map: Mapping[str, str]) -> tuple[Problem, ...]:
    """Organs by name, and targets that the plan prescribes to, which a name map turns into something else.

    No option can make a limit disappear: a literal TG-263 name or a prescribed target is what it says, and an organ by
    an alias leaves the check incomplete. Choosing one of several ROIs that claim an organ is what a name map is for.

    Args:
        study: as read.
        roi_map: ROI to organ, target type or "none".

    Returns:
        A problem for each organ by alias.

    Raises:
        RefusedError: E-CONTRADICTS for literal names and prescribed targets.
    """
    found: list[Problem] = []
    refused: list[Problem] = []
    for data in study.plans:
        present = {roi.name for roi in data.structures.rois}
        wanted = {roi: organ for roi, organ in roi_map.items() if roi in present}
        if not wanted:
            continue
        by_name = names.understand(data.structures.rois)
        as_mapped = names.understand(data.structures.rois, user_map=wanted)
        for before, after in zip(by_name, as_mapped, strict=True):
            if before.roi.name not in wanted or not before.roi.contours:
                continue
            was = _what_it_was(before, data)
            lost = (before.role, before.organ) != (after.role, after.organ) if before.role is Role.ORGAN else False
            lost = lost or (was == "a target" and after.role is not Role.TARGET)
            if was and lost and not before.ambiguous_with:
                detail = f"it is {was}, and is not judged as such"
                seen = f"mapped to {safe_text(wanted[before.roi.name])}"
                problem = Problem("E-CONTRADICTS", before.roi.name, tag="--map", seen=seen, detail=detail)
                (found if before.matched_by is MatchedBy.ALIAS and was != "a target" else refused).append(problem)
    if refused:
        raise RefusedError(*dict.fromkeys(refused))
    return tuple(dict.fromkeys(found))


def _what_it_was(named: NamedRoi, data: PlanData) -> str:
    """What the files say of a ROI, or "" where they leave it open."""
    prescribed = {
        r.roi_number
        for r in data.plan.dose_references
        if r.reference_type == "TARGET" and r.target_prescription_gy is not None
    }
    if named.roi.number in prescribed:
        return "a target"
    if named.role is Role.ORGAN and named.matched_by in {MatchedBy.NAME, MatchedBy.ALIAS}:
        return f"{named.organ} by its name"
    return ""
