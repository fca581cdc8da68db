"""What the plans of a course have in common: structures, what is made of them, and their points, each found once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from sbrtcheck.anatomy import organs as subjects
from sbrtcheck.dvh import KeptSamples, Structure, build_structure
from sbrtcheck.judging.organ_limits import NEAR_TARGET_MM
from sbrtcheck.model import FloatArray, Lesion, NamedRoi, Roi, Role
from sbrtcheck.tables.organs import load_organs

POINT_STRIDE = 30


@dataclass(frozen=True, slots=True)
class Shared:
    """What the plans on one structure set have in common, found once.

    ``built``: structures by the identity of their contours, which the ROI beside each keeps alive, and by all else
    that counts. ``united``: what is made of them. ``samples``: their points; None for a single plan.
    """

    built: dict[tuple[object, ...], tuple[Roi, Structure]] = field(default_factory=dict)
    united: dict[tuple[object, ...], list[subjects.Candidate]] = field(default_factory=dict)
    samples: KeptSamples | None = field(default_factory=KeptSamples)

    def structure(self, roi: Roi, spacing_mm: float | None) -> Structure:
        """The structure of a ROI, built once for all plans that share its contours."""
        key = (id(roi.contours), roi.name, roi.number, roi.interpreted_type, roi.problems, spacing_mm)
        if key not in self.built:
            self.built[key] = roi, build_structure(roi, sibling_spacing_mm=spacing_mm)
        return self.built[key][1]

    def candidates(
        self,
        named: Sequence[NamedRoi],
        structures: Mapping[str, Structure],
        treated: Sequence[Lesion],
        absent: Mapping[str, str],
    ) -> list[subjects.Candidate]:
        """What may stand for an organ; the same for plans that share their structures and what is treated in them."""
        key = (
            # All that tells two plans apart here: what is drawn, what it is taken for, and what is treated.
            tuple(id(structures[n.roi.name]) for n in named),
            tuple(tuple(getattr(n, f.name) for f in fields(n) if f.name != "roi") for n in named),
            tuple((x.ptv, x.ctv, x.itv, x.gtv) for x in treated),
            tuple(sorted(absent.items())),
        )
        if key not in self.united:
            self.united[key] = _candidates(named, structures, treated, absent)
        return self.united[key]


def _candidates(
    named: Sequence[NamedRoi],
    structures: Mapping[str, Structure],
    lesions: Sequence[Lesion],
    absent: Mapping[str, str],
) -> list[subjects.Candidate]:
    from sbrtcheck.dvh.contours import combine as shapes_module

    shapes = subjects.Shapes(
        unite=shapes_module.union,
        subtract=shapes_module.minus,
        shell=lambda name, body: shapes_module.shell(body, inner_mm=-subjects.SKIN_SHELL_MM, outer_mm=0.0, name=name),
    )
    out = subjects.contoured(named, structures)
    out = subjects.united(out, load_organs(), absent=absent, shapes=shapes)
    tops = [float(subjects.points_of(n)[:, 2].max()) for n in named if n.roi.name in {x.ptv for x in lesions}]
    airway = subjects.joint_airway(out, ptv_tops_mm=tops, shapes=shapes)
    if airway is not None:
        out.append(airway)
    out = subjects.without_gtv(out, lesions, structures, shapes)
    bodies = [n for n in named if n.role is Role.BODY and n.roi.contours]
    treated = [subjects.points_of(n) for n in named if n.roi.name in {x.ptv for x in lesions}]
    out += subjects.contralateral_lung(out, treated, distance_mm=points_distance_mm)
    near = len(bodies) == 1 and any(
        points_distance_mm(subjects.points_of(bodies[0]), points) <= NEAR_TARGET_MM for points in treated
    )
    skin = subjects.skin_shell(out, bodies[0] if near else None, structures, shapes)
    return [*out, skin] if skin is not None else out


def sibling_spacing_mm(named: Sequence[NamedRoi]) -> float | None:
    """The commonest distance of neighbouring contour planes over all ROIs [mm], along patient z."""
    gaps: list[float] = []
    for n in named:
        planes = np.unique(np.round([c.points_mm[:, 2].mean() for c in n.roi.contours], 2))
        gaps.extend(np.round(np.diff(planes), 2))
    if not gaps:
        return None
    values, counts = np.unique(gaps, return_counts=True)
    return float(values[np.argmax(counts)])


def points_distance_mm(one: FloatArray, other: FloatArray) -> float:
    """Smallest distance between two clouds of contour points [mm]; infinite when one is empty."""
    if not len(one) or not len(other):
        return float("inf")
    from scipy.spatial import cKDTree

    small, large = (one, other) if len(one) < len(other) else (other, one)
    tree = cKDTree(small)
    # Some points bound the distance; what lies farther than that from the box of the other cloud is not searched.
    bound_mm = float(np.min(tree.query(large[::POINT_STRIDE], k=1)[0])) + 1e-6
    low, high = small.min(axis=0) - bound_mm, small.max(axis=0) + bound_mm
    near = large[np.all((large >= low) & (large <= high), axis=1)]
    return float(np.min(tree.query(near, k=1)[0]))
