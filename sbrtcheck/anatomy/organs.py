"""From named ROIs to what stands for an organ: contoured, united, or cut out of what is contoured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sbrtcheck.model import FloatArray, Lesion, NamedRoi, OrganInfo, Reason, Role

if TYPE_CHECKING:
    from sbrtcheck.dvh import Structure

JOINT_AIRWAY = "Trachea+ProximalBronchialTree"
# Organs from which every treated GTV, else ITV, is taken out before they are judged.
WITHOUT_GTV = ("Lungs", "Liver")
SKIN_SHELL_MM = 5.0
# An end contour above this share of the largest one is a flat end: the organ goes on where the contours stop. At the
# end of the body outline, where the scan ends, less is enough. A round end of few planes has a large last contour too:
# it is expected to have up to 2 x spacing / half height of the largest.
FLAT_END_SHARE, FLAT_END_SHARE_AT_SCAN_END, FLAT_END_SHARE_MOST = 0.35, 0.15, 0.8
ROUND_END_ALLOWANCE = 1.5
POINT_SPACING_MM = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A structure that will stand for an organ once its dose is known.

    ``points_mm``: contour points (n, 3) [mm], for distances. ``blocked``: why it has no dose. ``missing_part``: what is
    missing of a union, ``missing_reason`` whether it is not drawn or of no use. ``cut``: why the organ seems cut, or
    contoured in part. ``derived``: made here, not contoured.
    """

    organ: str
    side: str
    roi: str
    structure: Structure | None
    points_mm: FloatArray
    blocked: Reason | None = None
    blocked_note: str = ""
    missing_part: str = ""
    missing_reason: Reason = Reason.PART_MISSING
    cut: str = ""
    note: str = ""
    derived: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """The geometry that building candidates needs, as functions, so that nothing here computes it twice."""

    unite: Callable[[str, Sequence[Structure]], Structure]
    subtract: Callable[[str, Structure, Sequence[Structure]], Structure]
    shell: Callable[[str, Structure], Structure]


def points_of(named: NamedRoi) -> FloatArray:
    """Points along all contours of a ROI [mm], shape (n, 3), at most POINT_SPACING_MM apart.

    Distances are taken between such points, and a straight edge may have been drawn with its two ends only.
    """
    if not named.roi.contours:
        return np.empty((0, 3))
    points: FloatArray = np.concatenate([_along(c.points_mm) for c in named.roi.contours])
    return points


def _along(loop_mm: FloatArray) -> FloatArray:
    edges = np.roll(loop_mm, -1, axis=0) - loop_mm
    n_parts = np.maximum(np.ceil(np.linalg.norm(edges, axis=1) / POINT_SPACING_MM).astype(int), 1)
    if int(n_parts.max()) == 1:
        return loop_mm
    share = np.concatenate([np.arange(n) / n for n in n_parts])
    points: FloatArray = np.repeat(loop_mm, n_parts, axis=0) + share[:, None] * np.repeat(edges, n_parts, axis=0)
    return points


def contoured(named: Sequence[NamedRoi], structures: Mapping[str, Structure]) -> list[Candidate]:
    """One candidate per organ ROI or PRV; ROIs that claim one organ become one candidate without a dose."""
    out: list[Candidate] = []
    bodies = [points_of(n)[:, 2] for n in named if n.role is Role.BODY and n.roi.contours]
    scan_mm = (min(float(z.min()) for z in bodies), max(float(z.max()) for z in bodies)) if bodies else None
    done: set[str] = set()
    for n in named:
        if n.role not in {Role.ORGAN, Role.PRV} or not n.organ or n.roi.name in done:
            continue
        organ = f"{n.organ}_PRV" if n.role is Role.PRV else n.organ
        structure = structures[n.roi.name]
        base = Candidate(organ, n.laterality, n.roi.name, structure, points_of(n))
        if n.ambiguous_with:
            rivals = (n.roi.name, *n.ambiguous_with)
            done.update(rivals)
            note = f"{' and '.join(rivals)} both claim {organ}: choose one with --map"
            base = replace(
                base, roi=" / ".join(rivals), structure=None, blocked=Reason.AMBIGUOUS_ROI, blocked_note=note
            )
        elif structure.blocked is not None:
            base = replace(base, structure=None, blocked=structure.blocked, blocked_note=structure.blocked_note)
        else:
            base = replace(base, cut=flat_end(n, scan_mm=scan_mm))
        out.append(base)
    # A ROI without contours is nothing to look at where another one of the same organ and side is drawn.
    drawn = {(c.organ, c.side) for c in out if c.blocked is not Reason.NO_CONTOURS}
    return [c for c in out if c.blocked is not Reason.NO_CONTOURS or (c.organ, c.side) not in drawn]


def flat_end(named: NamedRoi, *, scan_mm: tuple[float, float] | None) -> str:
    """Why the organ seems cut by the scan or contoured in part; "" when both its ends are round.

    Args:
        named: the ROI.
        scan_mm: heights of the first and the last contour of the body outline [mm], or None without one.
    """
    areas: dict[float, float] = {}
    for contour in named.roi.contours:
        x, y, z = contour.points_mm.T
        area = 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))
        plane = round(float(z.mean()), 1)
        areas[plane] = areas.get(plane, 0.0) + area
    planes = sorted(areas)
    largest = max(areas.values(), default=0.0)
    if len(planes) < 3 or largest <= 0:
        return ""
    step = float(np.median(np.diff(planes)))
    round_share = 2 * step / ((planes[-1] - planes[0] + step) / 2)
    inside = min(max(FLAT_END_SHARE, ROUND_END_ALLOWANCE * round_share), FLAT_END_SHARE_MOST)
    at_scan_end = min(max(FLAT_END_SHARE_AT_SCAN_END, round_share), FLAT_END_SHARE_MOST)
    for index, word in ((0, "lowest"), (-1, "highest")):
        share = areas[planes[index]] / largest
        ends_with_scan = scan_mm is not None and abs(planes[index] - scan_mm[index]) <= 0.6 * step
        if share > (at_scan_end if ends_with_scan else inside):
            where = "where the body outline ends" if ends_with_scan else "with the body going on beyond it"
            return f"its {word} contour has {share:.0%} of the area of the largest, {where}"
    return ""


def find(candidates: Iterable[Candidate], name: str) -> list[Candidate]:
    """Candidates of an organ name that may carry a side (``Lung_L``)."""
    base, side = (name[:-2], name[-1]) if name.endswith(("_L", "_R")) else (name, "")
    return [c for c in candidates if c.organ == name or (side and c.organ == base and c.side == side)]


def united(
    candidates: Sequence[Candidate], organs: Sequence[OrganInfo], *, absent: Mapping[str, str], shapes: Shapes
) -> list[Candidate]:
    """Organs that are the union of contoured parts and have no ROI of their own.

    A part that is missing without being declared absent stays named in ``missing_part``. A ROI for the whole organ that
    has no contours is left out where its parts are all drawn.

    Returns:
        The candidates given, and the unions.
    """
    out = list(candidates)
    for info in organs:
        whole = find(candidates, info.organ)
        if not info.union_of or any(c.blocked is not Reason.NO_CONTOURS for c in whole):
            continue
        parts, missing, damage = [], [], []
        for alternatives in info.union_of:
            usable = [c for a in alternatives for c in find(candidates, a) if c.structure is not None]
            parts.extend(usable)
            if not usable and not any(a in absent for a in alternatives):
                missing.append(" or ".join(alternatives))
                damage += damaged(candidates, alternatives)
        if whole and missing:
            continue
        made = _unite(info.organ, parts, missing, shapes, damage=damage)
        if made is not None:
            out = [c for c in out if c not in whole] + [made]
    return out


def damaged(candidates: Iterable[Candidate], names: Iterable[str]) -> list[Reason]:
    """Why the ROIs of these names are of no use, where they were drawn."""
    found = [c.blocked for name in names for c in find(candidates, name)]
    return [reason for reason in found if reason not in {None, Reason.NO_CONTOURS} and reason is not None]


def _unite(
    organ: str, parts: Sequence[Candidate], missing: Sequence[str], shapes: Shapes, *, damage: Sequence[Reason] = ()
) -> Candidate | None:
    if not parts:
        return None
    structures = [c.structure for c in parts if c.structure is not None]
    names = " + ".join(c.roi for c in parts)
    return Candidate(
        organ=organ,
        side="",
        roi=names,
        structure=shapes.unite(organ, structures) if len(structures) > 1 else structures[0],
        points_mm=np.concatenate([c.points_mm for c in parts]),
        missing_part=" and ".join(missing),
        missing_reason=damage[0] if damage else Reason.PART_MISSING,
        cut=next((c.cut for c in parts if c.cut), ""),
        note=f"union of {names}" if len(structures) > 1 else "",
        derived=len(structures) > 1,
    )


def joint_airway(candidates: Sequence[Candidate], *, ptv_tops_mm: Sequence[float], shapes: Shapes) -> Candidate | None:
    """Trachea and large bronchi as one organ.

    Without the bronchial tree it can only be exceeded. Without the trachea it is judged when every PTV ends below the
    top of the bronchial tree (patient z, which rises to the head).
    """
    trachea = [c for c in find(candidates, "Trachea") if c.structure is not None]
    tree = [c for c in find(candidates, "ProximalBronchialTree") if c.structure is not None]
    missing = []
    if not tree:
        missing.append("the bronchial tree")
    elif not trachea:
        top = max(float(c.points_mm[:, 2].max()) for c in tree)
        if not ptv_tops_mm or max(ptv_tops_mm) > top:
            missing.append("the trachea")
    lacking = [name for name, found in (("Trachea", trachea), ("ProximalBronchialTree", tree)) if not found]
    damage = damaged(candidates, lacking)
    if damage and not missing:
        missing.append("the trachea")
    return _unite(JOINT_AIRWAY, [*trachea, *tree], missing, shapes, damage=damage)


def without_gtv(
    candidates: Sequence[Candidate], lesions: Sequence[Lesion], structures: Mapping[str, Structure], shapes: Shapes
) -> list[Candidate]:
    """Lungs and Liver minus every treated GTV, else ITV, that lies in them; a ROI drawn so is taken as it is."""
    out = []
    for candidate in candidates:
        if candidate.organ not in WITHOUT_GTV or candidate.structure is None:
            out.append(candidate)
            continue
        drawn = [c for c in find(candidates, f"{candidate.organ}-GTV") if c.structure is not None]
        if drawn:
            out.append(replace(drawn[0], organ=candidate.organ, note=f"drawn as {drawn[0].roi}"))
            continue
        inner = []
        for lesion in lesions:
            name = lesion.gtv or lesion.itv
            if name and structures[name].blocked is None and _boxes_meet(candidate.structure, structures[name]):
                inner.append(structures[name])
        if not inner:
            out.append(candidate)
            continue
        label = f"{candidate.organ} minus {', '.join(s.name for s in inner)}"
        made = shapes.subtract(f"{candidate.organ}-GTV", candidate.structure, inner)
        note = "; ".join(n for n in (candidate.note, label) if n)
        out.append(replace(candidate, structure=made, note=note, derived=True))
    for organ in WITHOUT_GTV:
        drawn = [c for c in find(candidates, f"{organ}-GTV") if c.structure is not None]
        if drawn and not find(candidates, organ):
            out.append(replace(drawn[0], organ=organ, note=f"drawn as {drawn[0].roi}"))
    aliases = [
        replace(c, organ=f"{c.organ}-GTV")
        for c in out
        if c.organ in WITHOUT_GTV and not find(candidates, f"{c.organ}-GTV")
    ]
    return out + aliases


def _boxes_meet(one: Structure, other: Structure) -> bool:
    low_a, high_a = np.asarray(one.bounds_mm)
    low_b, high_b = np.asarray(other.bounds_mm)
    return bool(np.all(low_a <= high_b) and np.all(low_b <= high_a))


def contralateral_lung(
    candidates: Sequence[Candidate],
    targets_mm: Sequence[FloatArray],
    *,
    distance_mm: Callable[[FloatArray, FloatArray], float],
) -> list[Candidate]:
    """The lung that no target lies in or next to, where both are contoured and all targets are on one side.

    Args:
        candidates: what is contoured.
        targets_mm: contour points of each PTV (n, 3) [mm].
        distance_mm: smallest distance between two clouds of points.
    """
    by_side = {c.side: c for c in find(candidates, "Lung") if c.structure is not None}
    if set(by_side) != {"L", "R"} or not targets_mm or find(candidates, "Lung_Contralateral"):
        return []
    left = [distance_mm(by_side["L"].points_mm, t) < distance_mm(by_side["R"].points_mm, t) for t in targets_mm]
    if any(left) != all(left):
        return []
    other = by_side["R" if all(left) else "L"]
    return [replace(other, organ="Lung_Contralateral", note="the lung without a target")]


def skin_shell(
    candidates: Sequence[Candidate], body: NamedRoi | None, structures: Mapping[str, Structure], shapes: Shapes
) -> Candidate | None:
    """A skin of 5 mm inside the body outline, where none is contoured."""
    if find(candidates, "Skin") or body is None or structures[body.roi.name].blocked is not None:
        return None
    made = shapes.shell("Skin", structures[body.roi.name])
    note = f"{SKIN_SHELL_MM:g} mm shell inside {body.roi.name}"
    return Candidate("Skin", "", note, made, points_of(body), note=note, derived=True)


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
