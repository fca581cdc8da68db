"""What a lung lesion is: central, ultracentral or peripheral by what its PTV lies near, its side, what is declared.

The definitions stand in constraints/policy/locations.csv. What the case file declares names the lesion, and what was
measured is printed beside it; the judging policy goes by the worse of the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np

from sbrtcheck.anatomy.points import points_distance_mm
from sbrtcheck.dvh import Structure
from sbrtcheck.dvh.contours import combine as shapes
from sbrtcheck.errors import refuse, safe_text
from sbrtcheck.model import Fact, Lesion
from sbrtcheck.model.location import Location
from sbrtcheck.model.policy import LocationRule, Policy
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.policy import load_policy
from sbrtcheck.tables.policy_rows import location_rules

_T = TypeVar("_T")
# Only the whole tree can show that a target is far from the airway.
TREE = "ProximalBronchialTree"
AIRWAY = (TREE, "Bronchus_Main", "Trachea", "Carina")
# Beyond this no definition looks.
SURFACES_WITHIN_MM = 30.0


def with_locations(
    doses: PlanDoses, *, declared: Mapping[str, str], early_stage: Mapping[str, bool] | None = None
) -> PlanDoses:
    """The plan with location, distances and side of every lung lesion, and a fact for each.

    Args:
        declared: target ROI to location, as the case file has it.
        early_stage: target ROI to whether the case file declares it an early-stage primary.

    Raises:
        RefusedError: E-CONTRADICTS for a location or an early-stage primary declared for a lesion of another site.
    """
    lesions, facts = [], list(doses.facts)
    for lesion in doses.lesions:
        early = _declared_for(lesion, early_stage or {})
        if lesion.site not in {"", "lung"}:
            _refuse_elsewhere(lesion, location=_declared_for(lesion, declared), early=early)
        elif lesion.site and early is not None:
            lesion = replace(lesion, early_stage_primary=early)
            name = f"early-stage primary in {safe_text(lesion.ptv)}"
            facts.append(Fact(name, "yes" if early else "no", "case file"))
        if lesion.site == "lung" and doses.structures[lesion.ptv].blocked is None:
            before = lesion.laterality
            lesion = _placed(lesion, doses, declared)
            roi = safe_text(lesion.ptv)
            facts.append(Fact(f"location of {roi}", lesion.location or "not known", lesion.location_origin))
            if lesion.laterality != before:
                facts.append(Fact(f"side of {roi}", lesion.laterality, "geometry: the lung that holds most of the PTV"))
        lesions.append(lesion)
    return replace(doses, lesions=tuple(lesions), facts=tuple(facts))


def airway_distance_mm(lesion: Lesion) -> float | None:
    """From the PTV to the nearest contoured part of the airway [mm], None when none is contoured."""
    return min((gap for organ, gap in lesion.distances_mm if organ in AIRWAY), default=None)


def locate(doses: PlanDoses, lesion: Lesion, policy: Policy) -> Location:
    """Where a lung lesion lies by its distances, and the definition that counted; neither: peripheral, or not known.

    Two structures touch within the policy's distance, or the spacing of their contours where that is wider.
    """
    found: dict[str, str] = {}
    touching: dict[str, None] = {}
    for rule in location_rules(policy):
        near = [
            (gap, organ)
            for organ, gap in lesion.distances_mm
            if organ in rule.organs and gap <= _reach_mm(doses, lesion, organ, rule)
        ]
        if rule.relation == "touching":
            touching.update(dict.fromkeys(organ for _, organ in near))
        if near and rule.location not in found:
            gap, organ = min(near)
            found[rule.location] = f"PTV {gap:.1f} mm from {organ} ({rule.definition}; {rule.source})"
    return Location(
        central=bool(found),
        ultracentral="ultracentral" in found,
        touching=tuple(touching),
        definition=found.get("ultracentral") or found.get("central", ""),
    )


def _reach_mm(doses: PlanDoses, lesion: Lesion, organ: str, rule: LocationRule) -> float:
    if rule.relation != "touching":
        return rule.distance_mm
    shapes = [doses.structures[lesion.ptv], *doses.shapes.get(organ, ())]
    spacings = [s.slice_spacing_mm for s in shapes if s is not None and s.slice_spacing_mm is not None]
    return max([rule.distance_mm, *spacings])


def _declared_for(lesion: Lesion, declared: Mapping[str, _T]) -> _T | None:
    """What is declared for the first of a lesion's own structures that anything is declared for."""
    own = [m for m in (lesion.ptv, lesion.itv, lesion.gtv, lesion.ctv) if m]
    return next((declared[m] for m in own if m in declared), None)


def _refuse_elsewhere(lesion: Lesion, *, location: str | None, early: bool | None) -> None:
    """What only a lesion of the lung can be, declared for one of another site, is an error of either fact."""
    seen = [f"location {location}"] if location else []
    seen += ["early_stage_primary"] if early else []
    if seen:
        where = f"{' and '.join(seen)}; its site is {lesion.site} ({lesion.site_origin})"
        raise refuse("E-CONTRADICTS", safe_text(lesion.ptv), tag="case file", seen=where)


def _placed(lesion: Lesion, doses: PlanDoses, declared: Mapping[str, str]) -> Lesion:
    lesion = replace(lesion, distances_mm=tuple(_distances(lesion, doses).items()))
    location, origin = _by_distance(lesion, doses)
    stated = _declared_for(lesion, declared)
    if stated:
        location, origin = stated, f"case file ({origin}{f' would be {location}' if location else ''})"
    side = lesion.laterality or _side(doses.structures[lesion.ptv], doses)
    return replace(lesion, location=location, location_origin=origin, laterality=side)


def _distances(lesion: Lesion, doses: PlanDoses) -> dict[str, float]:
    """To every organ that a definition names [mm]: between surfaces where it is near, between contour points else."""
    organs = dict.fromkeys(organ for rule in location_rules(load_policy()) for organ in rule.organs)
    ptv = doses.structures[lesion.ptv]
    out: dict[str, float] = {}
    for organ in organs:
        gaps = [_gap_mm(ptv, s) for s in doses.shapes.get(organ, ()) if s is not None]
        known = [gap for gap in gaps if gap is not None]
        if known:
            out[organ] = min(known)
    return out


def _gap_mm(ptv: Structure, organ: Structure) -> float | None:
    """Contour points bound the distance; only where it may matter are the surfaces measured."""
    if not len(organ.vertices_mm) or not len(ptv.vertices_mm):
        return shapes.distance_mm(ptv, organ)
    (low, high), (organ_low, organ_high) = np.asarray(ptv.bounds_mm), np.asarray(organ.bounds_mm)
    apart = np.maximum(np.maximum(organ_low - high, low - organ_high), 0.0)
    if float(np.linalg.norm(apart)) > SURFACES_WITHIN_MM:
        return points_distance_mm(ptv.vertices_mm, organ.vertices_mm)
    return shapes.distance_mm(ptv, organ)


def _by_distance(lesion: Lesion, doses: PlanDoses) -> tuple[str, str]:
    """The location and where it comes from. Without the bronchial tree nothing shows that a target is far from it."""
    found = locate(doses, lesion, load_policy())
    if found.central:
        return "ultracentral" if found.ultracentral else "central", f"geometry: {found.definition}"
    airway = {organ: gap for organ, gap in lesion.distances_mm if organ in AIRWAY}
    if not airway:
        return "", f"geometry: neither {TREE} nor Trachea is contoured; declare it in the case file"
    organ, gap = min(airway.items(), key=lambda pair: pair[1])
    measured = f"geometry: PTV {gap:.1f} mm from {organ}"
    if TREE not in airway:
        return "", f"{measured}, and {TREE} is not contoured; declare it in the case file"
    central = next(rule for rule in location_rules(load_policy()) if rule.relation == "within")
    return "peripheral", f"{measured}, and it touches none of the organs that make it central ({central.source})"


def _side(ptv: Structure, doses: PlanDoses) -> str:
    """The lung that holds more of the PTV, when both are contoured: "L", "R" or ""."""
    lungs = {n.laterality: doses.structures[n.roi.name] for n in doses.named if n.organ == "Lung" and n.laterality}
    if set(lungs) != {"L", "R"} or any(s.blocked is not None for s in lungs.values()):
        return ""
    low, high = np.asarray(ptv.bounds_mm)
    axes = [np.linspace(a, b, 15) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = {side: int(np.count_nonzero(s.contains(points))) for side, s in lungs.items()}
    if inside["L"] == inside["R"]:
        return ""
    return "L" if inside["L"] > inside["R"] else "R"
