"""Nothing near a target goes unjudged without a word: organs that no row judged, and ROIs that were not understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sbrtcheck.errors import safe_text
from sbrtcheck.judging.near_organs import NearStructure, distance_text
from sbrtcheck.judging.organ_limits import PlanContext
from sbrtcheck.judging.required import was_judged
from sbrtcheck.judging.stand_ins import WITH_SPACE
from sbrtcheck.model import Finding, Level, OrganTable, Outcome, Reason, Unjudged, Verdict
from sbrtcheck.model.finding import completeness
from sbrtcheck.tables.organs import organ_info

_OK = {Verdict.MET, Verdict.MARGINAL}


@dataclass(frozen=True, slots=True)
class NotJudged:
    """What the first screen says of organs near a target that no row judged, and what that does to the outcome."""

    unjudged: tuple[Unjudged, ...] = ()
    lines: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Judged:
    """What was judged by rows that count: ROIs by name, organs, and organs of which every such row is met."""

    rois: frozenset[str]
    organs: frozenset[str]
    met: frozenset[str]


def judged_organs(context: PlanContext, table: OrganTable | None, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Organs that a mandatory row judged, or an optimal one where the table has no other for them."""
    return tuple(dict.fromkeys(o for f in _counting(context, table, findings) for o in f.organ.split("+")))


def not_judged(
    context: PlanContext, table: OrganTable | None, near: Sequence[NearStructure], findings: Sequence[Finding]
) -> NotJudged:
    """The structures near a target that nothing judged.

    Args:
        table: that decides; None without one.
        near: structures near a target.
        findings: of all rows that count: the deciding table's, those on stand-ins, supplements.
    """
    judged = _judged(context, _counting(context, table, findings))
    unjudged: list[Unjudged] = []
    lines: list[str] = []
    new: list[Finding] = []
    for structure in near:
        if not structure.organ:
            lines.append(_not_understood(structure))
            new += _if_it_is_the_organ(context, structure)
        elif not _is_judged(context, structure, judged):
            record = _record(context, structure, findings)
            unjudged.append(record)
            new += _incomplete(context, structure, record, findings)
    return NotJudged(tuple(unjudged), tuple(lines), tuple(new))


def _counting(context: PlanContext, table: OrganTable | None, findings: Sequence[Finding]) -> list[Finding]:
    """Rows with a verdict that judge their organ: mandatory, or of an organ that has none at this n."""
    rows = table.rows_for(n_fractions=context.n_fractions) if table is not None else ()
    mandatory = {o for r in rows if r.level is Level.MANDATORY and r.computable for o in (r.organ, *r.joint)}
    return [
        f for f in findings if was_judged(f) and (f.level is Level.MANDATORY or not set(f.organ.split("+")) & mandatory)
    ]


def _judged(context: PlanContext, findings: Sequence[Finding]) -> _Judged:
    whole = {f.roi for f in findings}
    organs = {o for f in findings for o in f.organ.split("+")}
    organs |= {organ for organ, found in context.subjects.items() if any(s.roi in whole for s in found)}
    missed = {o for f in findings if f.verdict not in _OK for o in f.organ.split("+")}
    return _Judged(
        rois=frozenset(part for f in findings for part in (f.roi, *f.roi.split(" + "))),
        organs=frozenset(organs),
        met=frozenset(organs - missed),
    )


def _is_judged(context: PlanContext, structure: NearStructure, judged: _Judged) -> bool:
    """Whether a row judged the structure itself, a whole that it is a part of, an organ in it, or what it lies in."""
    if safe_text(structure.roi) in judged.rois:
        return True
    base = structure.organ.removesuffix("-GTV")
    sided = {base, f"{base}_{structure.side}"} if structure.side else {base}
    info = organ_info()
    if base != structure.organ and base in judged.organs:
        return True
    wholes = {o for o, i in info.items() if any(sided & set(part) for part in i.union_of)}
    if wholes & judged.organs:
        return True
    inside = {o for o, i in info.items() if base in i.containers or (base in WITH_SPACE and base in i.judged_by)}
    if any(o in judged.organs and _reaches(context, o) for o in inside):
        return True
    own = info.get(base)
    return own is not None and bool(set(own.containers) & judged.met)


def _reaches(context: PlanContext, organ: str) -> bool:
    """Whether an organ is drawn as close to a target as one that a site asks for."""
    reach_mm = context.policy.value("required.reach_mm")
    return any(s.distance_mm is None or s.distance_mm <= reach_mm for s in context.subjects.get(organ, ()))


def _record(context: PlanContext, structure: NearStructure, findings: Sequence[Finding]) -> Unjudged:
    roi = safe_text(structure.roi)
    own = next((f for f in findings if roi in f.roi.split(" + ") and f.verdict is Verdict.NOT_EVALUABLE), None)
    reason = own.note if own is not None else f"no source has a limit for it in {context.n_fractions} fractions"
    return Unjudged(
        organ=structure.organ + (f"_{structure.side}" if structure.side else ""),
        roi=roi,
        near_maximum_gy=structure.near_maximum_gy,
        mean_gy=structure.mean_gy,
        distance_mm=structure.distance_mm,
        reason=reason,
    )


def _incomplete(
    context: PlanContext, structure: NearStructure, record: Unjudged, findings: Sequence[Finding]
) -> list[Finding]:
    """INCOMPLETE for an organ that must not go unjudged, unless a finding on it says so already."""
    info = organ_info().get(structure.organ)
    if info is None or info.if_unjudged != "incomplete":
        return []
    own = [f for f in findings if record.roi in f.roi.split(" + ")]
    if any(f.consequence is Outcome.INCOMPLETE for f in own) or _drawn_in_part(own):
        return []
    dose = "" if structure.near_maximum_gy is None else f", D0.035cc {structure.near_maximum_gy:.1f} Gy"
    note = f"{record.organ} lies {distance_text(structure.distance_mm)}{dose}, and no limit judged it: {record.reason}"
    return [
        completeness(
            rule_id=f"unjudged:{record.organ}",
            plan=context.label,
            organ=record.organ,
            roi=record.roi,
            reason=Reason.NO_TABLE,
            notes=(note,),
        )
    ]


def _drawn_in_part(findings: Sequence[Finding]) -> bool:
    """Whether all that is open of an organ is what its missing part would show: a line, away from its own site."""
    limits = [f for f in findings if f.limit is not None]
    return bool(limits) and all(f.reason is Reason.PART_DRAWN for f in limits)


def _not_understood(structure: NearStructure) -> str:
    dose = "" if structure.near_maximum_gy is None else f"{structure.near_maximum_gy:.1f} Gy "
    return f"not understood: {safe_text(structure.roi)}, {dose}{distance_text(structure.distance_mm)}"


def _if_it_is_the_organ(context: PlanContext, structure: NearStructure) -> list[Finding]:
    """MARGINAL when a ROI that may be an organ by its name is beyond the lowest point limit of that organ."""
    limit, dose = structure.limit_gy, structure.near_maximum_gy
    if limit is None or dose is None or dose <= limit:
        return []
    roi = safe_text(structure.roi)
    organs = " or ".join(structure.resembles)
    note = (
        f"{roi} was not understood and gets {dose:.1f} Gy {distance_text(structure.distance_mm)}; if it is {organs}, "
        f'the lowest point limit in {context.n_fractions} fractions is {limit:g} Gy: add --map "{roi}=ORGAN", or =none'
    )
    return [
        completeness(
            rule_id=f"not_understood:{roi}",
            plan=context.label,
            roi=roi,
            reason=Reason.NO_ROI,
            notes=(note,),
            marginal=True,
        )
    ]
