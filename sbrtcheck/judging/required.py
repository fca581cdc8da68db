"""Whether every organ that must be judged was judged: a plan passes on what was judged, never on what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.anatomy.required import stand_ins_of
from sbrtcheck.judging.comparison import is_upper
from sbrtcheck.judging.organ_limits import PlanContext, applies
from sbrtcheck.model import Finding, FindingKind, Level, LimitRow, OrganTable, Outcome, Reason, Verdict
from sbrtcheck.model.finding import completeness
from sbrtcheck.tables.organs import organ_info


def required_organs_settled(
    context: PlanContext, table: OrganTable | None, findings: Sequence[Finding]
) -> tuple[Finding, ...]:
    """INCOMPLETE for each required organ that is neither contoured nor settled, or that no row of the table judged."""
    out = []
    for requirement, why in context.required.items():
        options = open_options(context, requirement)
        if not options:
            continue
        found = _unsettled(context, table, findings, requirement, why, options)
        if found is not None and not beyond_reach_of_dose(context, table, requirement):
            out.append(found)
    return tuple(out)


def open_options(context: PlanContext, requirement: str) -> list[str]:
    """The organs of a requirement of which one must be judged; none where all that it means is declared absent."""
    options = requirement.split("|")
    main = set(options) - stand_ins_of(options)
    if main <= set(context.absent):
        return []
    return [option for option in options if option not in context.absent]


def _unsettled(
    context: PlanContext,
    table: OrganTable | None,
    findings: Sequence[Finding],
    requirement: str,
    why: str,
    options: Sequence[str],
) -> Finding | None:
    """What is wrong with a requirement, or None."""
    name = " or ".join(options)
    away = context.away.get(requirement, frozenset())
    judged = [f for f in findings if was_judged(f) and _speaks_for(context, f, options, away)]
    settled = bool(judged) and (
        not _has_mandatory_rows(context, table, options) or any(f.level is Level.MANDATORY for f in judged)
    )
    if requirement in context.out_of_reach:
        reason, note = Reason.PART_MISSING, f"{name} is required ({why}): {context.out_of_reach[requirement]}"
    elif settled:
        return None
    elif not judged and not any(context.subjects.get(option) for option in options):
        reason = Reason.NO_ROI
        missing = f"{name} is required ({why}) and is not contoured or not recognised"
        note = f"{missing}: {how_to_settle(options)}{_candidates(context)}"
    elif table is None or _drawn_in_part(context, findings, options):
        return None
    else:
        reason, note = Reason.NO_TABLE, f"no row of {table.title} settled {name}, which is required ({why})"
    return completeness(rule_id=f"required:{requirement}", plan=context.label, organ=name, reason=reason, notes=(note,))


def _drawn_in_part(context: PlanContext, findings: Sequence[Finding], options: Sequence[str]) -> bool:
    """Whether an organ of another site is drawn in part, so that its share and spared volume say nothing: a line."""
    found = [f for f in findings if f.limit is not None and _organs_of(context, f.organ) & set(options)]
    return bool(found) and all(f.reason is Reason.PART_DRAWN and f.consequence is not Outcome.INCOMPLETE for f in found)


def was_judged(finding: Finding) -> bool:
    """Whether a finding is a limit on an organ that has a verdict."""
    return (
        finding.kind is FindingKind.ORGAN_LIMIT
        and finding.limit is not None
        and finding.verdict not in {Verdict.NOT_EVALUABLE, Verdict.INFORMATION}
    )


def _speaks_for(context: PlanContext, finding: Finding, options: Sequence[str], away: frozenset[str]) -> bool:
    """Whether a limit was judged on one of the options that lies where the target is."""
    own = {organ for organ, found in context.subjects.items() if any(s.roi == finding.roi for s in found)}
    spoken = _organs_of(context, finding.organ) | own
    # Of an organ that lies elsewhere its own contour says nothing; what stands in for it may.
    lies_elsewhere = bool(own & away) and not own & (set(options) - away)
    return bool(spoken & set(options)) and not lies_elsewhere


def _organs_of(context: PlanContext, organ: str) -> set[str]:
    """The organs that a judged row speaks for: its own parts, and what a containing structure contains."""
    parts = set(organ.split("+"))
    inside = {inner for inner, outers in context.containers.items() if parts & set(outers)}
    return parts | inside


def _rows_of(context: PlanContext, table: OrganTable, organs: Sequence[str]) -> list[LimitRow]:
    """The mandatory rows of organs, or of those that they may stand in for."""
    info = organ_info()
    stood_for = {o for o in info if set(info[o].judged_by) & set(organs)}
    return [
        r
        for r in table.rows_for(n_fractions=context.n_fractions)
        if r.level is Level.MANDATORY and applies(r, sex=context.sex) and {r.organ, *r.joint} & ({*organs} | stood_for)
    ]


def _has_mandatory_rows(context: PlanContext, table: OrganTable | None, options: Sequence[str]) -> bool:
    return table is not None and bool(_rows_of(context, table, options))


def beyond_reach_of_dose(context: PlanContext, table: OrganTable | None, requirement: str) -> bool:
    """Whether every mandatory limit of an organ exceeds the highest dose in the body: it need not be contoured.

    Only for what is not contoured at all, and only where the limits are doses.
    """
    options = requirement.split("|")
    if table is None or context.highest_gy is None or any(context.subjects.get(o) for o in options):
        return False
    for option in set(options) - stand_ins_of(options):
        rows = _rows_of(context, table, (option,))
        doses = [r for r in rows if r.unit == "Gy" and r.metric is not None and r.metric.grows_with_volume]
        if not rows or len(doses) < len(rows):
            return False
        if any(not is_upper(r.comparator) or r.limit <= context.highest_gy for r in doses):
            return False
    return True


def reach_lines(context: PlanContext, table: OrganTable | None) -> tuple[str, ...]:
    """A line for each requirement that no dose in this plan can miss."""
    return tuple(
        f"{' or '.join(requirement.split('|'))} is not contoured: every mandatory limit of {table.title} exceeds "
        f"the {context.highest_gy:.1f} Gy that the plan gives at most"
        for requirement in context.required
        if table is not None and open_options(context, requirement)
        if beyond_reach_of_dose(context, table, requirement)
    )


def _candidates(context: PlanContext) -> str:
    """ROIs near the target that were not understood: one of them may be what is missing."""
    names = ", ".join(context.not_understood[:5])
    return f"; not understood and near: {names}" if names else ""


def how_to_settle(options: Sequence[str]) -> str:
    """What to do about a required organ that is missing, with lines to copy."""
    main = [o for o in options if o not in stand_ins_of(options)]
    absent = ", ".join(f'{{organ = "{option}", reason = "why"}}' for option in main)
    return (
        f"contour {'one of them' if len(options) > 1 else 'it'}; or, if a ROI under another name is it, add "
        f'--map "ROI={options[0]}"; or, if the patient has none, add to the case file: absent = [{absent}]'
    )


def some_organ_judged(context: PlanContext, table: OrganTable, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """INCOMPLETE when no limit that could fail the plan was judged, whatever the site asks for."""
    rows = [r for r in table.rows_for(n_fractions=context.n_fractions) if applies(r, sex=context.sex)]
    levels = {Level.MANDATORY} if any(r.level is Level.MANDATORY for r in rows) else set(Level)
    if any(was_judged(f) and f.level in levels for f in findings):
        return ()
    note = f"no organ of {table.title} is contoured, recognised and judged: a plan is not passed on its target alone"
    return (completeness(rule_id="organs:none", plan=context.label, reason=Reason.NO_ROI, notes=(note,)),)
