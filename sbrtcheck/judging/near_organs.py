"""The contoured structures of a plan that lie near a target, with their doses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sbrtcheck.anatomy.near import NearRule, distance_to_targets_mm
from sbrtcheck.anatomy.points import points_of
from sbrtcheck.anatomy.resemblance import organs_resembled
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import safe_text
from sbrtcheck.judging.point_limits import lowest_point_limit_gy
from sbrtcheck.model import MatchedBy, NamedRoi, Role
from sbrtcheck.model.policy import Policy
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.organs import organ_names, split_side

POINT = "D0.035cc[Gy]"


@dataclass(frozen=True, slots=True)
class NearStructure:
    """A structure near a target: an organ, or one that was not understood (``organ`` "").

    ``near_maximum_gy``: D0.035cc, the maximum where it is smaller; ``limit_gy``: lowest mandatory point limit of the
    organ, or of those that its name resembles (``resembles``).
    """

    roi: str
    organ: str
    side: str
    distance_mm: float | None
    near_maximum_gy: float | None
    mean_gy: float | None
    limit_gy: float | None
    resembles: tuple[str, ...] = ()


def near_structures(doses: PlanDoses, policy: Policy) -> tuple[NearStructure, ...]:
    """Organs, and ROIs that were not understood, that lie near a target by the policy's distance or doses."""
    prescribed = [x.prescription_gy for x in doses.lesions if x.prescription_gy is not None]
    share = policy.value("near.rx_share_percent") / 100
    rule = NearRule(
        distance_mm=policy.value("near.distance_mm"),
        rx_gy=max(prescribed) * share if prescribed else None,
        limit_share=policy.value("near.limit_share_percent") / 100,
    )
    by_name = {n.roi.name: n for n in doses.named}
    targets_mm = [points_of(by_name[x.ptv]) for x in doses.lesions]
    distances = {s.roi: s.distance_mm for found in doses.subjects.values() for s in found}
    out = []
    for n in doses.named:
        if not n.roi.contours or not _counts(n):
            continue
        distance = distances.get(safe_text(n.roi.name))
        if distance is None:
            distance = distance_to_targets_mm(points_of(n), targets_mm, within_mm=rule.distance_mm)
        near = _structure(doses, n, distance)
        if rule.holds(distance_mm=distance, near_maximum_gy=near.near_maximum_gy, limit_gy=_own_limit(near)):
            out.append(near)
    return tuple(out)


def _counts(named: NamedRoi) -> bool:
    """Organs, and what is neither understood nor put aside by the user."""
    if named.role is Role.UNMATCHED:
        return named.matched_by is not MatchedBy.MAP
    return named.role is Role.ORGAN


def _own_limit(near: NearStructure) -> float | None:
    """The limit that makes an organ near; what was not understood is near by distance or prescription only."""
    return near.limit_gy if near.organ else None


def _structure(doses: PlanDoses, named: NamedRoi, distance_mm: float | None) -> NearStructure:
    dvh = doses.dvhs[named.roi.name]
    point = evaluate(POINT, dvh).value
    n = doses.n_fractions
    organ = named.organ if named.role is Role.ORGAN else ""
    resembles = () if organ else _resembled(named)
    limits = [lowest_point_limit_gy(o, n) for o in ((organ,) if organ else resembles)]
    known = [x for x in limits if x is not None]
    return NearStructure(
        roi=named.roi.name,
        organ=organ,
        side=named.laterality,
        distance_mm=distance_mm,
        near_maximum_gy=point if point is not None else (dvh.max_gy if dvh.blocked is None else None),
        mean_gy=evaluate("Mean[Gy]", dvh).value,
        limit_gy=min(known, default=None),
        resembles=resembles,
    )


def _resembled(named: NamedRoi) -> tuple[str, ...]:
    suggested = split_side(named.suggestion)[0]
    found = (suggested, *organs_resembled(named.roi.name)) if suggested in organ_names() else ()
    return tuple(dict.fromkeys(found or organs_resembled(named.roi.name)))


def distance_text(distance_mm: float | None) -> str:
    """A distance as a sentence says it."""
    if distance_mm is None or not np.isfinite(distance_mm):
        return "at an unknown distance"
    return "beside a target" if distance_mm < 0.5 else f"{distance_mm:.0f} mm from a target"
