"""Facts that the files contradict, and what the files leave open.

A fact may fill what the files lack; what they say already it cannot change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sbrtcheck.anatomy import names
from sbrtcheck.errors import Problem, RefusedError, refuse, safe_text
from sbrtcheck.model import Finding, MatchedBy, NamedRoi, PlanData, Reason, Role, Study
from sbrtcheck.model.finding import completeness
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.plan.identity import patient_open
from sbrtcheck.read.case_file import CaseFile


def settled(study: Study, case: CaseFile | None, given: GivenFacts) -> Study:
    """The study, with what the given facts leave open as problems.

    Raises:
        RefusedError: E-CONTRADICTS.
    """
    if case is not None and case.sex and study.patient.sex in {"M", "F"} and case.sex != study.patient.sex:
        seen = f"{case.sex}; the files say {study.patient.sex}"
        raise refuse("E-CONTRADICTS", case.file, tag="key sex, PatientSex (0010,0040)", seen=seen)
    refuse_contradicted_case(study, case)
    away = mapped_away(study, {**given.optional_map, **given.roi_map})
    return replace(study, problems=(*study.problems, *away)) if away else study


def left_open(study: Study, case: CaseFile | None, *, same_patient: bool = False) -> tuple[Finding, ...]:
    """What the files leave open of the course, beyond its doses: each makes it INCOMPLETE.

    ``same_patient``: the caller confirms that all objects are of one patient, as a case file can.
    """
    out = [*patient_open(study, confirmed=same_patient or bool(case and case.same_patient))]
    for problem in study.problems:
        if problem.is_error:
            out.append(
                completeness(
                    rule_id=f"course:{problem.code}", plan="", reason=Reason.NOT_DECLARED, notes=(problem.line(),)
                )
            )
    prior = [
        r.nominal_prior_dose_gy
        for p in study.plans
        for r in p.plan.dose_references
        if r.nominal_prior_dose_gy is not None and r.nominal_prior_dose_gy > 0
    ]
    if prior and not (case and case.earlier):
        note = f"the plan states earlier dose ({max(prior):g} Gy) and no earlier course is declared in a case file"
        out.append(completeness(rule_id="OM-13", plan="", reason=Reason.NOT_DECLARED, notes=(note,)))
    return tuple(out)


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
    an alias leaves the check incomplete, as does a PTV without which fewer are left than the plan prescribes doses
    without naming a ROI. Choosing one of several ROIs that claim an organ is what a name map is for.

    Args:
        study: as read.
        roi_map: ROI to organ, target type or "none".

    Returns:
        A problem for each organ by alias, and for each PTV that a dose without a ROI may have been meant for.

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
        found += _targets_left(by_name, as_mapped, data, wanted)
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


def _targets_left(
    by_name: Sequence[NamedRoi], as_mapped: Sequence[NamedRoi], data: PlanData, wanted: Mapping[str, str]
) -> list[Problem]:
    """PTVs mapped away where a dose that names no ROI is left without one."""
    targets = [r for r in data.plan.dose_references if r.reference_type == "TARGET" and r.target_prescription_gy]
    numbers = {r.roi_number for r in targets if r.roi_number is not None}
    named_gy = {r.target_prescription_gy for r in targets if r.roi_number is not None}
    open_gy = {r.target_prescription_gy for r in targets} - named_gy

    def open_ptvs(named: Sequence[NamedRoi]) -> set[str]:
        return {n.roi.name for n in named if n.target_type == "PTV" and n.roi.contours and n.roi.number not in numbers}

    away = sorted((open_ptvs(by_name) - open_ptvs(as_mapped)) & set(wanted))
    if not away or len(open_ptvs(as_mapped)) >= len(open_gy):
        return []
    doses = ", ".join(f"{dose:g} Gy" for dose in sorted(d for d in open_gy if d is not None))
    detail = f"the plan prescribes {doses} without naming a ROI, and too few PTVs are left for that"
    return [
        Problem("E-CONTRADICTS", roi, tag="--map", seen=f"mapped to {safe_text(wanted[roi])}", detail=detail)
        for roi in away
    ]


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
