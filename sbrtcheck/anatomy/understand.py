"""The ROIs of one plan by name: what each is taken for, and sides that contradict their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sbrtcheck.anatomy import names
from sbrtcheck.anatomy.points import points_of
from sbrtcheck.errors import Problem, safe_text
from sbrtcheck.model import Fact, MatchedBy, NamedRoi, PlanData, Role

LEFT_RIGHT_MM = 10.0


def understand_rois(data: PlanData, roi_map: Mapping[str, str], facts: list[Fact]) -> tuple[NamedRoi, ...]:
    """ROIs as understood; a ROI that the plan itself prescribes to is a target whatever it is called.

    What the map says of a ROI is added to ``facts``.

    Raises:
        WrongUsageError: E-ROI-UNKNOWN, E-ORGAN-UNKNOWN.
    """
    named = names.understand(data.structures.rois, user_map=roi_map)
    prescribed = {
        r.roi_number
        for r in data.plan.dose_references
        if r.reference_type == "TARGET" and r.target_prescription_gy is not None
    }
    out = []
    for n in named:
        if n.role in {Role.UNMATCHED, Role.HELPER} and n.roi.number in prescribed and n.matched_by is not MatchedBy.MAP:
            n = replace(n, role=Role.TARGET, target_type="PTV", matched_by=MatchedBy.DOSE_REFERENCE, suggestion="")
        if n.matched_by is MatchedBy.MAP:
            facts.append(Fact(f"ROI {safe_text(n.roi.name)}", n.target_type or n.organ or n.role.value, "name map"))
        out.append(n)
    return _apart(out)


def _apart(named: Sequence[NamedRoi]) -> tuple[NamedRoi, ...]:
    """ROIs of exactly one name get their number added: what follows tells structures apart by name.

    Of several of which one is contoured, that one keeps its name.
    """
    sharing: dict[str, list[NamedRoi]] = {}
    for n in named:
        sharing.setdefault(n.roi.name, []).append(n)
    new: dict[int, str] = {}
    for name, group in sharing.items():
        drawn = [n for n in group if n.roi.contours or n.roi.damaged]
        kept = drawn[0].roi.number if len(drawn) == 1 else None
        new |= {n.roi.number: f"{name} (ROI {n.roi.number})" for n in group if len(group) > 1 and n.roi.number != kept}
    out = []
    for n in named:
        rivals = [
            new.get(other.roi.number, name)
            for name in n.ambiguous_with
            for other in sharing.get(name, ())
            if other.roi.number != n.roi.number and other.ambiguous_with
        ]
        roi = replace(n.roi, name=new.get(n.roi.number, n.roi.name))
        out.append(replace(n, roi=roi, ambiguous_with=tuple(dict.fromkeys(rivals))))
    return tuple(out)


def laterality_problems(named: Sequence[NamedRoi]) -> list[Problem]:
    """A structure named left whose pair lies further left (patient x rises to the left)."""
    out = []
    centres: dict[tuple[str, str], tuple[str, float]] = {}
    for n in named:
        if n.role is Role.ORGAN and n.laterality and n.roi.contours:
            centres[n.organ, n.laterality] = (n.roi.name, float(points_of(n)[:, 0].mean()))
    for (organ, side), (roi, x) in centres.items():
        other = centres.get((organ, "R"))
        if side == "L" and other is not None and x < other[1] - LEFT_RIGHT_MM:
            out.append(Problem("W-LATERALITY", roi, seen=f"it lies to the right of {other[0]}"))
    return out
