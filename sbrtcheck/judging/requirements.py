"""What the targets of a plan ask for: organs by site, level and nearness, less what is declared far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sbrtcheck.anatomy.points import points_distance_mm, points_of
from sbrtcheck.anatomy.required import Asked, Beside, asked_organs, does_not_settle, rows_at, side_of, stand_ins_of
from sbrtcheck.errors import refuse, safe_text
from sbrtcheck.model import Lesion
from sbrtcheck.model.policy import Policy
from sbrtcheck.plan.doses import PlanDoses


@dataclass(frozen=True, slots=True)
class Requirements:
    """What must be judged. Keys are organs of which one will do, with ``|`` between them.

    ``required``: why; ``out_of_reach``: why nothing that is drawn of it speaks for the target that asks; ``away``:
    those of its organs that lie elsewhere; ``lines``: what is left out because somebody declares it far.
    """

    required: Mapping[str, str] = field(default_factory=dict)
    out_of_reach: Mapping[str, str] = field(default_factory=dict)
    away: Mapping[str, frozenset[str]] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def requirements(doses: PlanDoses, policy: Policy) -> Requirements:
    """What the lesions of a plan ask for.

    A lesion that lies in the lung or liver asks for their organs too, whatever its name or the caller says.

    Raises:
        RefusedError: E-CONTRADICTS for an organ declared far that a site never does without, or that is drawn closer.
    """
    _refuse_contradicted(doses)
    by_name = {n.roi.name: n for n in doses.named}
    body_mm = points_of(doses.body) if doses.body is not None else np.empty((0, 3))
    required: dict[str, str] = {}
    unheard: dict[str, str] = {}
    away: dict[str, frozenset[str]] = {}
    lines: dict[str, None] = {}
    for lesion in doses.lesions:
        beside = Beside(points_of(by_name[lesion.ptv]), doses.candidates, body_mm)
        if not len(beside.target_mm):
            continue
        for asked, why in _asked_by(doses, lesion, beside, policy):
            declared = _declared_far(doses, asked, lesion)
            if declared:
                lines[declared] = None
                continue
            required.setdefault(asked.key, why)
            said, elsewhere = does_not_settle(asked, beside, policy)
            away[asked.key] = away.get(asked.key, frozenset()) | elsewhere
            if said:
                unheard.setdefault(asked.key, f"beside {safe_text(lesion.ptv)}, {safe_text(said)}")
    return Requirements(required, unheard, {k: v for k, v in away.items() if v}, tuple(lines))


def _asked_by(doses: PlanDoses, lesion: Lesion, beside: Beside, policy: Policy) -> list[tuple[Asked, str]]:
    """The requirements of one lesion with the reason: of its site, then of the place where it lies."""
    side = lesion.laterality or side_of(beside, midline_mm=policy.value("required.midline_mm"))
    place, how = doses.places.get(lesion.ptv, ("", ""))
    sites = [(lesion.site, lesion.levels, f"site {' '.join((lesion.site, *lesion.levels))}")]
    sites += [(place, (), f"site {place} by {how}")] if place else []
    out = []
    for site, levels, said in sites:
        rows = rows_at(site, levels, side) if site else ()
        for asked in asked_organs(rows, beside, points_distance_mm):
            out.append((asked, f"{said}: {asked.near}" if asked.near else said))
    return out


def _declared_far(doses: PlanDoses, asked: Asked, lesion: Lesion) -> str:
    """A line for a requirement whose organs are all declared far or absent, one of them far; else ""."""
    far = {f.organ: f for f in doses.given.far}
    main = [o for o in asked.organs if o not in stand_ins_of(asked.organs)]
    named = [far[o] for o in main if o in far]
    if not named or any(o not in far and o not in doses.given.absent for o in main):
        return ""
    if not asked.may_be_far:
        seen = f"{named[0].organ} is declared far; a target of site {lesion.site} never does without it"
        raise refuse("E-CONTRADICTS", safe_text(lesion.ptv), tag="case file, far", seen=seen)
    said = " and ".join(f"{f.organ} {f.distance_mm:g} mm away" for f in named)
    return safe_text(f"not asked for: {said} from every target, as {named[0].name} declares", limit=300)


def _refuse_contradicted(doses: PlanDoses) -> None:
    """An organ that is declared far and drawn closer than that."""
    for far in doses.given.far:
        for subject in doses.subjects.get(far.organ, ()):
            if subject.distance_mm is not None and subject.distance_mm < far.distance_mm:
                seen = f"declared {far.distance_mm:g} mm from every target, drawn {subject.distance_mm:.0f} mm from one"
                raise refuse("E-CONTRADICTS", subject.roi, tag="case file, far", seen=seen)


def with_clinic(found: Requirements, organs: Sequence[str]) -> Requirements:
    """The same with what a clinic file asks for beside it."""
    required = {**found.required, **dict.fromkeys(organs, "required by the clinic file")}
    return Requirements(required, found.out_of_reach, found.away, found.lines)
