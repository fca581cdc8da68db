"""Which organs a target asks for by site, level and nearness; and what of them lies where it says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from sbrtcheck.anatomy.extent import Height, asked_height, not_along, out_of_height
from sbrtcheck.anatomy.organs import Candidate, find
from sbrtcheck.model import FloatArray
from sbrtcheck.model.policy import Policy, RequiredOrgan
from sbrtcheck.tables.organs import organ_info
from sbrtcheck.tables.policy_rows import drawn_along, required_at

Distance = Callable[[FloatArray, FloatArray], float]


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """A target and what is drawn around it: contour points (n, 3) [mm]; ``body_mm`` empty without a body outline."""

    target_mm: FloatArray
    candidates: Sequence[Candidate]
    body_mm: FloatArray = field(default_factory=lambda: np.empty((0, 3)))

    @property
    def height(self) -> Height:
        """Of the target, which has points."""
        return Height.of(self.target_mm)


@dataclass(frozen=True, slots=True)
class Asked:
    """A requirement: one of ``organs`` must be judged. ``near``: what brought it about, "" when the site alone did."""

    organs: tuple[str, ...]
    near: str
    may_be_far: bool

    @property
    def key(self) -> str:
        """How the report names it: the organs with ``|`` between them."""
        return "|".join(self.organs)


def rows_at(site: str, levels: Sequence[str], side: str) -> tuple[RequiredOrgan, ...]:
    """The rows for a target: the union over its levels, in the order of the file, each row once."""
    found = [row for level in (levels or ("",)) for row in required_at(site, level, side=side)]
    return tuple(dict.fromkeys(found))


def asked_organs(rows: Iterable[RequiredOrgan], beside: Beside, distance_mm: Distance) -> tuple[Asked, ...]:
    """What the rows ask for beside one target, each requirement once.

    Args:
        rows: that hold at the target's site, level and side.
        beside: the target and what is drawn.
        distance_mm: smallest distance between two clouds of points.
    """
    out: dict[str, Asked] = {}
    gaps_mm: dict[str, float] = {}
    for row in rows:
        near = "" if row.requirement == "required" else _near(row, beside, distance_mm, gaps_mm)
        if row.requirement == "required" or near:
            asked = Asked(row.organs, near, row.may_be_far)
            out.setdefault(asked.key, asked)
    return tuple(out.values())


def _near(row: RequiredOrgan, beside: Beside, distance_mm: Distance, gaps_mm: dict[str, float]) -> str:
    """Why an if_near row asks, with the landmark and the distance; "" when it does not.

    ``gaps_mm`` keeps the distance to each landmark, which several rows may name.
    """
    if row.requirement != "if_near" or row.distance_mm is None:
        return ""
    limit_mm = row.distance_mm
    for landmark in row.landmarks:
        marks = [beside.body_mm] if landmark == "BODY" else [c.points_mm for c in find(beside.candidates, landmark)]
        marks = [m for m in marks if m.size]
        if not marks:
            continue
        if row.direction in {"any", "surface"}:
            if landmark not in gaps_mm:
                gaps_mm[landmark] = distance_mm(np.concatenate(marks), beside.target_mm)
            gap_mm = gaps_mm[landmark]
        else:
            gap_mm = _height_gap_mm(row.direction, Height.of(np.concatenate(marks)), beside.height)
        if row.direction in {"below_top", "above_top"}:
            if gap_mm > limit_mm:
                where = "below" if row.direction == "below_top" else "above"
                return f"target {gap_mm:.0f} mm {where} the top of {landmark}, asked for beyond {limit_mm:g} mm"
        elif gap_mm <= limit_mm:
            return f"target {max(gap_mm, 0):.0f} mm from {landmark}, asked for within {limit_mm:g} mm"
    return ""


def _height_gap_mm(direction: str, mark: Height, target: Height) -> float:
    """The distance that a direction along the patient means [mm]."""
    match direction:
        case "superior":
            return mark.high_mm - target.high_mm
        case "inferior":
            return target.low_mm - mark.low_mm
        case "below_top":
            return mark.high_mm - target.low_mm
        case "above_top":
            return target.high_mm - mark.high_mm
        case _:
            raise ValueError(f"unknown direction {direction!r}")


def stand_ins_of(options: Sequence[str]) -> frozenset[str]:
    """Those of several organs that only stand in for another one of them: a bag of bowel for the bowel."""
    info = organ_info()
    return frozenset(
        other
        for option in options
        if option in info
        for other in (*info[option].judged_by, *info[option].containers)
        if other in options
    )


def does_not_settle(asked: Asked, beside: Beside, policy: Policy) -> tuple[str, frozenset[str]]:
    """Why what is drawn of a requirement says nothing of the target, "" when some of it does or none is drawn.

    Returns:
        The reason, and those of its organs that lie elsewhere: they settle nothing even where another one does.
    """
    groups = {a.organ for a in drawn_along()}
    if set(asked.organs) <= groups:
        return _not_drawn_along(beside, policy, asked.organs), frozenset()
    drawn = [o for o in asked.organs if any(c.points_mm.size for c in find(beside.candidates, o))]
    if drawn and all(organ_info()[o].laterality == "paired" for o in drawn):
        other_side = on_the_other_side(drawn, beside, midline_mm=policy.value("required.midline_mm"))
        if other_side:
            return other_side, frozenset(drawn)
    if len(asked.organs) == 1 or not drawn:
        return "", frozenset()
    one_organ = len(asked.organs) - len(stand_ins_of(asked.organs)) == 1
    reach_mm = policy.value("required.reach_one_organ_mm" if one_organ else "required.reach_mm")
    away = out_of_height(beside.candidates, drawn, beside.height, reach_mm=reach_mm)
    if len(away) < len(drawn):
        return "", frozenset(away)
    said = " and ".join(f"{organ} {gap:.0f} mm" for organ, gap in away.items())
    return f"what is contoured lies above or below the target: {said} ({reach_mm:g} mm asked for)", frozenset(away)


def _not_drawn_along(beside: Beside, policy: Policy, options: Sequence[str]) -> str:
    beyond_mm = policy.value("required.beyond_target_mm")
    scan = Height.of(beside.body_mm) if len(beside.body_mm) else None
    for along in drawn_along():
        if along.organ not in options:
            continue
        asked = asked_height(
            along,
            beside.candidates,
            beside.height,
            beyond_mm=beyond_mm,
            above_apex_mm=policy.value(along.from_key) if along.from_key else 0.0,
            scan=scan,
        )
        if asked is not None:
            said = not_along(along, beside.candidates, asked, beside.height, beyond_mm=beyond_mm)
            if said:
                return said
    return ""


def side_of(beside: Beside, *, midline_mm: float) -> str:
    """The side of a target, "L" or "R"; "" close to the middle, or when nothing shows where the middle is."""
    offset = _offset_mm(beside)
    if offset is None or abs(offset) < midline_mm:
        return ""
    # Patient x rises to the left.
    return "L" if offset > 0 else "R"


def _offset_mm(beside: Beside) -> float | None:
    """How far the target lies to the left of the patient's middle [mm]."""
    middle = _middle_mm(beside)
    return None if middle is None else _middle_x(beside.target_mm) - middle


def _middle_mm(beside: Beside) -> float | None:
    """The middle of the body outline, else of the cord, else of the lungs; None when none is drawn."""
    marks = [[beside.body_mm]] + [
        [c.points_mm for name in names for c in find(beside.candidates, name)]
        for names in (("SpinalCord", "SpinalCanal"), ("Lungs",))
    ]
    for clouds in marks:
        drawn = [m for m in clouds if m.size]
        if drawn:
            return _middle_x(np.concatenate(drawn))
    return None


def on_the_other_side(options: Sequence[str], beside: Beside, *, midline_mm: float) -> str:
    """Why no drawn organ of a pair can speak for the target: all lie on the other side; "" when one can."""
    drawn = [c for option in options for c in find(beside.candidates, option) if c.points_mm.size]
    middle, offset = _middle_mm(beside), _offset_mm(beside)
    if middle is None or offset is None or not all(c.side for c in drawn) or abs(offset) < midline_mm:
        return ""
    if any((_middle_x(c.points_mm) - middle) * offset > 0 for c in drawn):
        return ""
    return f"only {' and '.join(c.roi for c in drawn)} is contoured, on the other side of the patient"


def _middle_x(points_mm: FloatArray) -> float:
    return float(points_mm[:, 0].min() + points_mm[:, 0].max()) / 2
