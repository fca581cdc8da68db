"""What the rows of an organ table are judged on: one subject for each thing that stands for an organ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.anatomy.organs import Candidate
from sbrtcheck.anatomy.points import points_distance_mm, points_of
from sbrtcheck.dvh import Structure
from sbrtcheck.dvh.points.outside_grid import GridBound
from sbrtcheck.errors import Problem, safe_text
from sbrtcheck.model import Dvh, FloatArray, Lesion, NamedRoi, Reason
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables.organs import load_organs


@dataclass(frozen=True, slots=True, eq=False)
class OrganDoses:
    """Dvhs for subjects: of ROIs by name, of structures made of several by the candidate that they are of.

    ``bound``: what the dose outside the grid can be.
    """

    of_rois: Mapping[str, Dvh]
    of_made: Mapping[int, Dvh]
    bound: GridBound


@dataclass(frozen=True, slots=True, eq=False)
class Subjects:
    """Subjects by organ, the structure of each in the same order, and the Dvhs of what is made of several ROIs."""

    by_organ: Mapping[str, tuple[Subject, ...]]
    shapes: Mapping[str, tuple[Structure | None, ...]]
    derived: Mapping[str, Dvh]
    problems: tuple[Problem, ...]


def find_subjects(
    candidates: Sequence[Candidate], lesions: Sequence[Lesion], named: Sequence[NamedRoi], doses: OrganDoses
) -> Subjects:
    """A subject for each candidate, with its dose and the lesion that it lies nearest to.

    Args:
        candidates: what may stand for an organ.
        named: the ROIs, for the contours of the targets.
        doses: of ROIs and of what is made of them.
    """
    by_name = {n.roi.name: n for n in named}
    targets_mm = [points_of(by_name[x.ptv]) for x in lesions]
    found: dict[str, list[Subject]] = {}
    shapes: dict[str, list[Structure | None]] = {}
    derived: dict[str, Dvh] = {}
    problems = []
    for c in candidates:
        dvh = _dvh_of(c, doses)
        if c.structure is not None and id(c) in doses.of_made:
            derived[c.organ] = dvh
        distance_mm, nearest = _nearest_lesion(c.points_mm, lesions, targets_mm)
        subject = Subject(
            organ=c.organ,
            roi=safe_text(c.roi),
            dvh=dvh,
            distance_mm=distance_mm,
            prescription_gy=nearest.prescription_gy if nearest else None,
            nearest_lesion=nearest.id if nearest else "",
            missing_part=c.missing_part,
            missing_reason=c.missing_reason,
            cut=bool(c.cut) and _has_round_ends(c.organ),
            note=safe_text(c.note),
        )
        found.setdefault(c.organ, []).append(subject)
        shapes.setdefault(c.organ, []).append(c.structure)
        if subject.cut:
            problems.append(Problem("W-ORGAN-TRUNCATED", subject.roi, seen=c.cut))
    return Subjects(
        by_organ={organ: tuple(items) for organ, items in found.items()},
        shapes={organ: tuple(items) for organ, items in shapes.items()},
        derived=derived,
        problems=tuple(problems),
    )


def _dvh_of(candidate: Candidate, doses: OrganDoses) -> Dvh:
    structure = candidate.structure
    if structure is None:
        return Dvh.not_evaluable(candidate.roi, candidate.blocked or Reason.DAMAGED_ROI, candidate.blocked_note)
    made = doses.of_made.get(id(candidate))
    if made is None:
        return doses.of_rois[structure.name]
    return doses.bound.apply(replace(made, roi=candidate.organ), structure)


def _has_round_ends(organ: str) -> bool:
    """Whether a flat end means that a part is missing. The heart's upper end is flat by convention."""
    base = organ.removesuffix("-GTV")
    return base != "Heart" and any(o.organ == base and o.architecture == "parallel" for o in load_organs())


def _nearest_lesion(
    points_mm: FloatArray, lesions: Sequence[Lesion], targets_mm: Sequence[FloatArray]
) -> tuple[float | None, Lesion | None]:
    """The distance of the nearest lesion [mm], and which it is; ``targets_mm``: contour points of each PTV."""
    gaps = [(points_distance_mm(points_mm, target), i) for i, target in enumerate(targets_mm)]
    if not gaps or not len(points_mm):
        return None, None
    gap, index = min(gaps)
    return gap, lesions[index]
