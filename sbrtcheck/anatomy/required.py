"""What is contoured and says nothing of a target: organs of another side or level; and targets that are no lesion."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np

from sbrtcheck.anatomy.organs import Candidate, find
from sbrtcheck.model import FloatArray
from sbrtcheck.tables.organs import load_organs

# Organs that run along the patient past every target they are asked for, and what stands for them (our policy).
ALONG_THE_PATIENT: dict[str, tuple[str, ...]] = {
    "SpinalCord": ("SpinalCord", "CaudaEquina", "SpinalCanal", "ThecalSac"),
    "CaudaEquina": ("SpinalCord", "CaudaEquina", "SpinalCanal", "ThecalSac"),
    "Esophagus": ("Esophagus",),
}
# Beside a spine target they must be drawn along all of it; elsewhere they may end this far above or below (our policy).
LEVEL_SPINE_MM, LEVEL_ELSEWHERE_MM = 10.0, 50.0
# A target this close to the middle of the patient has no other side (our policy).
MIDLINE_MM = 20.0


def out_of_reach(
    candidates: Sequence[Candidate],
    requirement: str,
    *,
    site: str,
    target_points_mm: FloatArray,
    body_points_mm: FloatArray,
) -> str:
    """Why no contoured organ of a requirement can speak for the target; "" when one can, or when none is contoured.

    Args:
        candidates: what is contoured or derived.
        requirement: organs of which one will do, with ``|`` between them.
        site: of the lesion.
        target_points_mm: contour points of the lesion's PTV (n, 3) [mm].
        body_points_mm: contour points of the body outline, empty when it is not contoured.
    """
    options = requirement.split("|")
    if set(options) <= set(ALONG_THE_PATIENT):
        names = {name for option in options for name in ALONG_THE_PATIENT[option]}
        return _at_another_level(candidates, names, site=site, target_points_mm=target_points_mm)
    paired = {o.organ for o in load_organs() if o.laterality == "paired"}
    if set(options) <= paired:
        return _on_the_other_side(candidates, options, target_points_mm, body_points_mm)
    return ""


def _at_another_level(
    candidates: Sequence[Candidate], names: Collection[str], *, site: str, target_points_mm: FloatArray
) -> str:
    drawn = [
        c for name in sorted(names) for n in (name, f"{name}_PRV") for c in find(candidates, n) if c.points_mm.size
    ]
    if not drawn or not target_points_mm.size:
        return ""
    planes = np.unique(np.concatenate([c.points_mm[:, 2] for c in drawn]))
    low, high = float(target_points_mm[:, 2].min()), float(target_points_mm[:, 2].max())
    rois = " and ".join(dict.fromkeys(c.roi for c in drawn))
    if site == "spine":
        levels = np.linspace(low, high, 9)
        gap = float(max(np.min(np.abs(planes - level)) for level in levels))
        if gap > LEVEL_SPINE_MM:
            return f"{rois} is not contoured along the whole target: {gap:.0f} mm from one of its levels"
        return ""
    gap = float(np.min(np.maximum(np.maximum(low - planes, planes - high), 0.0)))
    if gap > LEVEL_ELSEWHERE_MM:
        return f"{rois} is contoured only {gap:.0f} mm or more above or below the target"
    return ""


def _on_the_other_side(
    candidates: Sequence[Candidate], options: Sequence[str], target_points_mm: FloatArray, body_points_mm: FloatArray
) -> str:
    drawn = [c for option in options for c in find(candidates, option) if c.points_mm.size]
    marks = [body_points_mm] if body_points_mm.size else []
    marks = marks or [c.points_mm for c in find(candidates, "SpinalCord") + find(candidates, "SpinalCanal")]
    marks = marks or [c.points_mm for c in find(candidates, "Lungs")]
    marks = [m for m in marks if m.size]
    if not drawn or not marks or not all(c.side for c in drawn):
        return ""
    xs = np.concatenate(marks)[:, 0]
    middle = float(xs.min() + xs.max()) / 2
    offset = _middle_x(target_points_mm) - middle
    if abs(offset) < MIDLINE_MM:
        return ""
    if any((_middle_x(c.points_mm) - middle) * offset > 0 for c in drawn):
        return ""
    return f"only {' and '.join(c.roi for c in drawn)} is contoured, on the other side of the patient"


def _middle_x(points_mm: FloatArray) -> float:
    return float(points_mm[:, 0].min() + points_mm[:, 0].max()) / 2


def required_organs(
    candidates: Sequence[Candidate],
    rules: Iterable[tuple[str, str, str, str, float]],
    *,
    target_points_mm: FloatArray,
    distance_mm: Callable[[FloatArray, FloatArray], float],
    body_points_mm: FloatArray,
) -> dict[str, str]:
    """Which organs must be judged, with the reason.

    Args:
        candidates: what is contoured or derived.
        rules: (organ, requirement, landmark, direction, distance_mm) of the lesion's site.
        target_points_mm: contour points of the lesion's PTV (n, 3) [mm].
        distance_mm: smallest distance between two clouds of points.
        body_points_mm: contour points of the body outline, empty when it is not contoured.
    """
    required: dict[str, str] = {}
    for organ, requirement, landmark, direction, limit_mm in rules:
        if requirement == "required":
            required.setdefault(organ, "required for this site")
            continue
        if requirement != "if_near":
            continue
        marks = [body_points_mm] if landmark == "BODY" else [c.points_mm for c in find(candidates, landmark)]
        marks = [m for m in marks if m.size]
        if not marks:
            continue
        mark = np.concatenate(marks)
        if direction == "superior":
            gap = float(mark[:, 2].max() - target_points_mm[:, 2].max())
        elif direction == "inferior":
            gap = float(target_points_mm[:, 2].min() - mark[:, 2].min())
        else:
            gap = distance_mm(mark, target_points_mm)
        if gap <= limit_mm:
            required.setdefault(organ, f"target {max(gap, 0):.0f} mm from {landmark}, asked for within {limit_mm:g} mm")
    return required
