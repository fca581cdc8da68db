"""From named ROIs to what stands for an organ: contoured, united, or cut out of what is contoured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sbrtcheck.anatomy.flat_ends import flat_end
from sbrtcheck.anatomy.place import boxes_meet
from sbrtcheck.anatomy.points import NEAR_TARGET_MM, points_distance_mm, points_of
from sbrtcheck.model import FloatArray, Lesion, NamedRoi, OrganInfo, Reason, Role
from sbrtcheck.tables.organs import load_organs

if TYPE_CHECKING:
    from sbrtcheck.dvh import Structure

JOINT_AIRWAY = "Trachea+ProximalBronchialTree"
# Organs from which every treated GTV, else ITV, is taken out before they are judged.
WITHOUT_GTV = ("Lungs", "Liver")
SKIN_SHELL_MM = 5.0


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


def joint_airway(
    candidates: Sequence[Candidate], *, ptvs_mm: Sequence[tuple[float, float]], shapes: Shapes
) -> Candidate | None:
    """Trachea and large bronchi as one organ.

    Without the trachea it is judged when every PTV ends below the top of the bronchial tree; without the tree, when
    every PTV begins above the lower end of the trachea. Else it can only be exceeded.

    Args:
        candidates: what is contoured.
        ptvs_mm: lower and upper end of each PTV along the patient [mm]; z rises to the head.
        shapes: to unite.
    """
    trachea = [c for c in find(candidates, "Trachea") if c.structure is not None]
    tree = [c for c in find(candidates, "ProximalBronchialTree") if c.structure is not None]
    missing = []
    if not tree:
        carina = min((float(c.points_mm[:, 2].min()) for c in trachea), default=0.0)
        if not ptvs_mm or min(low for low, _ in ptvs_mm) < carina:
            missing.append("the bronchial tree")
    elif not trachea:
        top = max(float(c.points_mm[:, 2].max()) for c in tree)
        if not ptvs_mm or max(high for _, high in ptvs_mm) > top:
            missing.append("the trachea")
    lacking = [name for name, found in (("Trachea", trachea), ("ProximalBronchialTree", tree)) if not found]
    damage = damaged(candidates, lacking)
    if damage and not missing:
        missing.append("the bronchial tree" if not tree else "the trachea")
    return _unite(JOINT_AIRWAY, [*trachea, *tree], missing, shapes, damage=damage)


def without_gtv(
    candidates: Sequence[Candidate], lesions: Sequence[Lesion], structures: Mapping[str, Structure], shapes: Shapes
) -> list[Candidate]:
    """The candidates with ``Lungs-GTV`` and ``Liver-GTV`` beside the whole organs, which rows on the organ are about.

    Every treated GTV, else ITV, that lies in the organ is taken out. A ROI drawn so is taken as it is, and stands for
    the whole organ where no other ROI does.
    """
    out = list(candidates)
    for organ in WITHOUT_GTV:
        whole = find(candidates, organ)
        drawn = [c for c in find(candidates, f"{organ}-GTV") if c.structure is not None]
        if not drawn:
            out += [_without(c, lesions, structures, shapes) for c in whole]
        elif not whole:
            out.append(replace(drawn[0], organ=organ, note=f"drawn as {drawn[0].roi}"))
    return out


def _without(
    candidate: Candidate, lesions: Sequence[Lesion], structures: Mapping[str, Structure], shapes: Shapes
) -> Candidate:
    """The organ without the gross tumours in it, as an organ of its own; itself where none lies in it."""
    organ = f"{candidate.organ}-GTV"
    if candidate.structure is None:
        return replace(candidate, organ=organ)
    names = [name for x in lesions if (name := x.gtv or x.itv)]
    drawn = [structures[name] for name in names if structures[name].blocked is None]
    inner = [s for s in drawn if boxes_meet(candidate.structure, s)]
    if not inner:
        return replace(candidate, organ=organ)
    made = shapes.subtract(organ, candidate.structure, inner)
    label = f"{candidate.organ} minus {', '.join(s.name for s in inner)}"
    note = "; ".join(n for n in (candidate.note, label) if n)
    return replace(candidate, organ=organ, structure=made, note=note, derived=True)


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


def candidates_of(
    named: Sequence[NamedRoi],
    structures: Mapping[str, Structure],
    lesions: Sequence[Lesion],
    absent: Mapping[str, str],
) -> list[Candidate]:
    from sbrtcheck.dvh.contours import combine as shapes_module

    shapes = Shapes(
        unite=shapes_module.union,
        subtract=shapes_module.minus,
        shell=lambda name, body: shapes_module.shell(body, inner_mm=-SKIN_SHELL_MM, outer_mm=0.0, name=name),
    )
    out = contoured(named, structures)
    out = united(out, load_organs(), absent=absent, shapes=shapes)
    ptvs = {x.ptv for x in lesions}
    heights = [points_of(n)[:, 2] for n in named if n.roi.name in ptvs and n.roi.contours]
    ends = [(float(z.min()), float(z.max())) for z in heights]
    airway = joint_airway(out, ptvs_mm=ends, shapes=shapes)
    if airway is not None:
        out.append(airway)
    out = without_gtv(out, lesions, structures, shapes)
    bodies = [n for n in named if n.role is Role.BODY and n.roi.contours]
    treated = [points_of(n) for n in named if n.roi.name in {x.ptv for x in lesions}]
    out += contralateral_lung(out, treated, distance_mm=points_distance_mm)
    near = len(bodies) == 1 and any(
        points_distance_mm(points_of(bodies[0]), points) <= NEAR_TARGET_MM for points in treated
    )
    skin = skin_shell(out, bodies[0] if near else None, structures, shapes)
    return [*out, skin] if skin is not None else out
