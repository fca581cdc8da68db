"""What a lung lesion is: central, ultracentral or peripheral by the distance of its PTV to the airway, its side, and
whether it is declared an early-stage primary.

Definition, edges and source stand in constraints/guideline/neighbours.toml, table [location]. What the case file
declares wins, and the distance is printed beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from sbrtcheck.anatomy.points import points_distance_mm, points_of
from sbrtcheck.dvh import Structure
from sbrtcheck.dvh.contours import combine as shapes
from sbrtcheck.errors import refuse, safe_text
from sbrtcheck.model import Fact, Lesion, NamedRoi, Role
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.neighbours import location_rule, lung_location

_T = TypeVar("_T")


def with_locations(
    doses: PlanDoses, *, declared: Mapping[str, str], early_stage: Mapping[str, bool] | None = None
) -> PlanDoses:
    """The plan with location, distances and side of every lung lesion, and a fact for each.

    Args:
        doses: of the plan.
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
            facts.append(Fact(f"location of {roi}", lesion.location or "not known", _origin(lesion)))
            if lesion.laterality != before:
                facts.append(Fact(f"side of {roi}", lesion.laterality, "geometry: the lung that holds most of the PTV"))
        lesions.append(lesion)
    return replace(doses, lesions=tuple(lesions), facts=tuple(facts))


def airway_distance_mm(lesion: Lesion) -> float | None:
    """From the PTV to the nearest contoured part of the airway [mm], None when none is contoured."""
    airway = location_rule()["airway"]
    return min((gap for organ, gap in lesion.distances_mm if organ in airway), default=None)


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


def _origin(lesion: Lesion) -> str:
    """Where the location comes from, with the definition that the geometry was read by."""
    rule = location_rule()
    return f"{lesion.location_origin} ({rule['definition']}; {rule['source']})"


def _placed(lesion: Lesion, doses: PlanDoses, declared: Mapping[str, str]) -> Lesion:
    distances = _distances(lesion, doses)
    lesion = replace(lesion, distances_mm=tuple(distances.items()))
    location, origin = _by_distance(distances)
    stated = _declared_for(lesion, declared)
    if stated:
        location, origin = stated, f"case file ({origin}{f' would be {location}' if location else ''})"
    side = lesion.laterality or _side(doses.structures[lesion.ptv], doses)
    return replace(lesion, location=location, location_origin=origin, laterality=side)


def _distances(lesion: Lesion, doses: PlanDoses) -> dict[str, float]:
    """Between surfaces for the airway; between contour points for the rest, which decides nothing."""
    rule = location_rule()
    ptv = doses.structures[lesion.ptv]
    out: dict[str, float] = {}
    for organ in rule["airway"]:
        gaps = [shapes.distance_mm(ptv, s) for s in doses.shapes.get(organ, ()) if s is not None]
        known = [gap for gap in gaps if gap is not None]
        if known:
            out[organ] = min(known)
    own = _points([n for n in doses.named if n.roi.name == lesion.ptv])
    for organ in rule["mediastinum"]:
        points = _points([n for n in doses.named if n.role is Role.ORGAN and n.organ == organ])
        gap = points_distance_mm(own, points)
        if np.isfinite(gap):
            out[organ] = 0.0 if np.any(ptv.contains(points)) else gap
    return out


def _points(named: Sequence[NamedRoi]) -> np.ndarray:
    clouds = [points_of(n) for n in named]
    return np.concatenate(clouds) if clouds else np.empty((0, 3))


def _by_distance(distances: Mapping[str, float]) -> tuple[str, str]:
    """The location and where it comes from. Without the bronchial tree nothing shows that a target is far from it."""
    rule = location_rule()
    airway = {organ: gap for organ, gap in distances.items() if organ in rule["airway"]}
    if not airway:
        return "", f"geometry: neither {' nor '.join(rule['airway'])} is contoured; declare it in the case file"
    organ, gap = min(airway.items(), key=lambda pair: pair[1])
    location = lung_location(distance_to_airway_mm=gap)
    measured = f"geometry: PTV {gap:.1f} mm from {organ}"
    if location == "peripheral" and rule["tree"] not in airway:
        return "", f"{measured}, and {rule['tree']} is not contoured; declare it in the case file"
    return location, measured


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
