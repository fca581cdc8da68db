"""Lesions over the plans of a course: whose target is whose, which lesion two plans treat, how many sites there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from sbrtcheck.anatomy import names
from sbrtcheck.anatomy.lesions import link_prescriptions
from sbrtcheck.anatomy.points import centroid_mm, points_distance_mm, points_of
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import safe_text
from sbrtcheck.judging import guideline
from sbrtcheck.model import (
    Finding,
    FindingKind,
    Lesion,
    LesionDistance,
    PlanData,
    Reason,
    Roi,
    Role,
    Study,
)
from sbrtcheck.model.finding import completeness, information, told
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.read.case_file import CaseFile
from sbrtcheck.tables.schemes import SAME_DOSE_GY

# A plan that gives the lesion of another plan at least this median dose is mentioned [Gy] (our policy).
ADDED_TO_LESION_GY = 1.0


def unique_labels(study: Study) -> tuple[str, ...]:
    """What to call each plan: its own label, numbered where several plans share it."""
    own = [safe_text(p.plan.label) or f"plan {i}" for i, p in enumerate(study.plans, start=1)]
    out: list[str] = []
    for number, label in enumerate(own, start=1):
        name = label
        if own.count(label) > 1:
            name = f"{label} [{own[:number].count(label)}]"
        while name in out:
            name += "'"
        out.append(name)
    return tuple(out)


def _same_contours(one: Roi, other: Roi) -> bool:
    """Whether two ROIs are one drawing: the same name and the same points."""
    if one is other:
        return True
    return (
        one.name == other.name
        and len(one.contours) == len(other.contours)
        and all(np.array_equal(a.points_mm, b.points_mm) for a, b in zip(one.contours, other.contours, strict=True))
    )


def _claims(data: PlanData, case: CaseFile | None, alone_with: Mapping[int, int]) -> frozenset[str]:
    """ROIs that a plan prescribes to by number, else by text, and those that the case file gives its fractions.

    ``alone_with``: number of fractions to the number of plans that have it.
    """
    rois = {roi.number: roi.name for roi in data.structures.rois}
    claimed = {
        rois[r.roi_number]
        for r in data.plan.dose_references
        if r.reference_type == "TARGET" and r.target_prescription_gy is not None and r.roi_number in rois
    }
    n_fractions = data.plan.n_fractions
    if case is not None and n_fractions is not None and alone_with.get(n_fractions) == 1:
        present = set(rois.values())
        claimed |= {x.roi for x in case.lesions if x.n_fractions == n_fractions and x.roi in present}
    if claimed:
        return frozenset(claimed)
    ptvs = [n for n in names.understand(data.structures.rois) if n.role is Role.TARGET and n.target_type == "PTV"]
    linked = link_prescriptions(
        [Lesion(id="", plan_index=0, ptv=n.roi.name) for n in ptvs],
        data.plan,
        rois=rois,
        dose_tokens_gy={n.roi.name: n.dose_token_gy for n in ptvs if n.dose_token_gy is not None},
        given_gy={},
        n_fractions=n_fractions,
    )
    return frozenset(x.ptv for x in linked.lesions if x.prescription_gy is not None)


def treated_elsewhere(study: Study, case: CaseFile | None) -> tuple[frozenset[str], ...]:
    """For each plan, find the targets in its structure set that another plan treats."""
    if len(study.plans) < 2:
        return (frozenset(),) * len(study.plans)
    counts: dict[int, int] = {}
    for data in study.plans:
        if data.plan.n_fractions is not None:
            counts[data.plan.n_fractions] = counts.get(data.plan.n_fractions, 0) + 1
    claims = [_claims(data, case, counts) for data in study.plans]
    out = []
    for index, data in enumerate(study.plans):
        found = set()
        for other_index, other in enumerate(study.plans):
            if other_index == index:
                continue
            for name in claims[other_index] - claims[index]:
                mine, theirs = data.structures.roi(name), other.structures.roi(name)
                if mine is not None and theirs is not None and _same_contours(mine, theirs):
                    found.add(name)
        out.append(frozenset(found))
    return tuple(out)


def _one_lesion(plan: PlanDoses, lesion: Lesion, other_plan: PlanDoses, other: Lesion) -> bool:
    """Whether two targets in one frame of reference are one: the centre of one lies in the other, or one name."""
    frames = {plan.data.dose.frame_of_reference_uid, other_plan.data.dose.frame_of_reference_uid}
    one, two = plan.structures[lesion.ptv], other_plan.structures[other.ptv]
    if len(frames) > 1 or one.blocked is not None or two.blocked is not None:
        return False
    mine, theirs = plan.data.structures.roi(lesion.ptv), other_plan.data.structures.roi(other.ptv)
    if mine is None or theirs is None:
        return False
    if one.contains(centroid_mm(theirs)[None])[0] or two.contains(centroid_mm(mine)[None])[0]:
        return True
    points = np.concatenate([c.points_mm for c in theirs.contours])
    return lesion.ptv == other.ptv and bool(np.any(one.contains(points)))


def shared_lesions(plans: Sequence[PlanDoses]) -> tuple[tuple[Lesion, Lesion], ...]:
    """Pairs of lesions of different plans that are one lesion."""
    found = []
    for (_, a), (_, b) in combinations(enumerate(plans), 2):
        found += [(x, y) for x in a.lesions for y in b.lesions if _one_lesion(a, x, b, y)]
    return tuple(found)


def _declared(case: CaseFile | None, labels: set[str]) -> bool:
    return case is not None and any(labels <= set(same.plans) for same in case.same_lesion)


def judge_shared_lesions(plans: Sequence[PlanDoses], case: CaseFile | None) -> tuple[Finding, ...]:
    """A question for each pair of plans that treat one lesion or hold one dose, unless the case file declares it."""
    out = []
    by_pair: dict[tuple[int, int], list[tuple[Lesion, Lesion]]] = {}
    for one, two in shared_lesions(plans):
        by_pair.setdefault((one.plan_index, two.plan_index), []).append((one, two))
    for a, b in combinations(range(len(plans)), 2):
        labels = f"{plans[a].label} and {plans[b].label}"
        if _same_dose(plans[a], plans[b]):
            note = f"{labels} hold the same dose: one plan given twice? Give each plan once"
            out.append(_question("course:same_dose", note))
            continue
        pairs = by_pair.get((a, b), [])
        if not pairs or _declared(case, {plans[a].label, plans[b].label}):
            continue
        targets = "; ".join(f"{safe_text(x.ptv)} ({_rx(x)}) and {safe_text(y.ptv)} ({_rx(y)})" for x, y in pairs)
        likely = "a plan and its replan?" if all(_same_rx(x, y) for x, y in pairs) else "a boost or an adapted plan?"
        unknown = any(x.prescription_gy is None for pair in pairs for x in pair)
        whose = (
            "say which plan treats which target ([[lesion]] with roi and fractions in the case file), "
            if unknown
            else ""
        )
        note = (
            f"{labels} treat one lesion: {targets}: {likely} {whose}leave out a plan that was replaced, or declare "
            f"[[same_lesion]] in the case file"
        )
        out.append(_question("course:same_lesion", note))
    return tuple(out)


def _question(rule_id: str, note: str) -> Finding:
    return completeness(rule_id=rule_id, plan="", reason=Reason.NOT_DECLARED, notes=(note,))


def _rx(lesion: Lesion) -> str:
    dose = "no prescription" if lesion.prescription_gy is None else f"{lesion.prescription_gy:g} Gy"
    return f"{dose} in {lesion.n_fractions}"


def _same_rx(one: Lesion, two: Lesion) -> bool:
    if one.prescription_gy is None or two.prescription_gy is None:
        return False
    return abs(one.prescription_gy - two.prescription_gy) <= SAME_DOSE_GY and one.n_fractions == two.n_fractions


def _same_dose(one: PlanDoses, two: PlanDoses) -> bool:
    a, b = one.data.dose, two.data.dose
    if one.data.plan.sop_instance_uid and one.data.plan.sop_instance_uid == two.data.plan.sop_instance_uid:
        return True
    return (
        a.dose_gy.shape == b.dose_gy.shape
        and bool(np.any(a.dose_gy))
        and np.array_equal(a.affine, b.affine)
        and a.frame_of_reference_uid == b.frame_of_reference_uid
        and np.array_equal(a.dose_gy, b.dose_gy)
    )


def distinct_sites(plans: Sequence[PlanDoses], case: CaseFile | None) -> tuple[tuple[Lesion, ...], ...]:
    """The lesions by site: one lesion of two plans is one; several targets are one site where the case file says so."""
    lesions = [x for plan in plans for x in plan.lesions]
    group = list(range(len(lesions)))

    def join(i: int, j: int) -> None:
        old, new = group[i], group[j]
        group[:] = [new if g == old else g for g in group]

    position = {id(x): i for i, x in enumerate(lesions)}
    for one, two in shared_lesions(plans):
        join(position[id(one)], position[id(two)])
    # Two dose levels of one lesion are one site.
    for plan in plans:
        by_ptv = {x.ptv: position[id(x)] for x in plan.lesions}
        for outer, inner in plan.higher_levels.items():
            for name in inner:
                join(by_ptv[outer], by_ptv[name])
    for declared in case.one_site if case else ():
        members = [i for i, x in enumerate(lesions) if {x.ptv, x.itv, x.gtv, x.ctv} & set(declared.rois)]
        for i in members[1:]:
            join(members[0], i)
    sites: dict[int, list[Lesion]] = {}
    for lesion, number in zip(lesions, group, strict=True):
        sites.setdefault(number, []).append(lesion)
    return tuple(tuple(site) for site in sites.values())


def judge_sites(plans: Sequence[PlanDoses], case: CaseFile | None) -> Finding | None:
    """OM-3 on the number of distinct sites, with the list of what was counted; None without any lesion."""
    sites = distinct_sites(plans, case)
    if not sites:
        return None
    otherwise = sum(s.n_lesions for s in case.other_sites) if case else 0
    counted = guideline.count_sites(n_treated=len(sites), n_treated_otherwise=otherwise)
    parts = [" with ".join(dict.fromkeys(safe_text(x.ptv) for x in site)) for site in sites]
    parts += [f"{s.site} ({s.treatment})" for s in (case.other_sites if case else ())]
    why = "; ".join(f"{' with '.join(o.rois)}: {o.reason}" for o in (case.one_site if case else ()))
    note = f"{counted.text}; counted: {', '.join(safe_text(p) for p in parts)}"
    return Finding(
        rule_id=counted.rule_id,
        kind=FindingKind.GUIDELINE,
        verdict=counted.verdict,
        consequence=counted.outcome,
        level=counted.level,
        table="guideline",
        metric="distinct treated sites",
        value=counted.value,
        low=counted.value,
        high=counted.value,
        notes=told(note, f"one site by the case file: {safe_text(why)}" if why else ""),
        source=counted.source,
    )


def lesion_distances(plans: Sequence[PlanDoses]) -> tuple[LesionDistance, ...]:
    """Distance of every two PTVs in one frame of reference [mm], with the ids of the lesions."""
    out: list[LesionDistance] = []
    entries = []
    for plan in plans:
        by_name = {n.roi.name: n for n in plan.named}
        frame = plan.data.dose.frame_of_reference_uid
        entries += [(x, points_of(by_name[x.ptv]), frame) for x in plan.lesions]
    shared = {frozenset((x.id, y.id)) for x, y in shared_lesions(plans)}
    for (one, a, frame), (two, b, other) in combinations(entries, 2):
        if frame == other and frozenset((one.id, two.id)) not in shared and len(a) and len(b):
            pair = f"{one.id} {safe_text(one.ptv)} to {two.id} {safe_text(two.ptv)}"
            out.append(LesionDistance(pair, points_distance_mm(a, b)))
    return tuple(out)


def added_doses(plans: Sequence[PlanDoses], median_gy: Mapping[tuple[str, str], float | None]) -> tuple[Finding, ...]:
    """A line for each lesion that the plan of another lesion gives more than ADDED_TO_LESION_GY.

    Args:
        median_gy: (label of a plan, id of a lesion of another plan) to the median dose [Gy]; None outside its grid.
    """
    shared = {frozenset((x.id, y.id)) for x, y in shared_lesions(plans)}
    out = []
    for (label, lesion_id), median in median_gy.items():
        owner = next(p for p in plans if any(x.id == lesion_id for x in p.lesions))
        lesion = next(x for x in owner.lesions if x.id == lesion_id)
        theirs = next(p for p in plans if p.label == label)
        if median is None or median < ADDED_TO_LESION_GY:
            continue
        if any(frozenset((lesion.id, x.id)) in shared for x in theirs.lesions):
            continue
        out.append(
            information(
                rule_id=f"course:added_to_lesion:{lesion.id}",
                kind=FindingKind.CONSISTENCY,
                value=median,
                lesion=lesion.id,
                roi=lesion.ptv,
                metric="D50%[Gy]",
                unit="Gy",
                notes=(
                    (
                        f"median dose that {label} adds to this lesion of {owner.label} "
                        f"(shown from {ADDED_TO_LESION_GY:g} Gy)"
                    ),
                ),
            )
        )
    return tuple(out)


def medians_gy(plans: Sequence[PlanDoses], *, interpolation: str) -> dict[tuple[str, str], float | None]:
    """Median dose of each plan in the lesions of the others in its frame of reference [Gy]; None outside its grid."""
    from sbrtcheck.dvh import compute_dvh

    out: dict[tuple[str, str], float | None] = {}
    for owner in plans:
        for lesion in owner.lesions:
            structure = owner.structures[lesion.ptv]
            for plan in plans:
                same = plan.data.dose.frame_of_reference_uid == owner.data.dose.frame_of_reference_uid
                if plan is owner or not same or structure.blocked is not None:
                    continue
                if plan.structures.get(lesion.ptv) is structure:
                    dvh = plan.dvhs[lesion.ptv]
                else:
                    dvh = compute_dvh(structure, plan.data.dose, interpolation=interpolation, band=False)
                out[plan.label, lesion.id] = evaluate("D50%[Gy]", dvh).value
    return out


def facts_of_plan(given: GivenFacts, data: PlanData, study: Study, not_here: Collection[str]) -> GivenFacts:
    """The given facts without those about ROIs of other plans; a ROI that no plan has stays, so that it is refused.

    ``not_here``: targets of this structure set that another plan treats.
    """
    here = {roi.name for roi in data.structures.rois} - set(not_here)
    elsewhere = {roi.name for p in study.plans for roi in p.structures.rois} - here
    return replace(
        given,
        prescriptions_gy={k: v for k, v in given.prescriptions_gy.items() if k not in elsewhere},
        sites={k: v for k, v in given.sites.items() if k not in elsewhere},
        roi_map={k: v for k, v in given.roi_map.items() if k not in elsewhere or k in not_here},
    )
