"""Whether every organ that must be judged was judged: a plan passes on what was judged, never on what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.judging.organ_limits import PlanContext, applies
from sbrtcheck.model import Finding, FindingKind, Level, OrganTable, Reason, Verdict
from sbrtcheck.model.finding import completeness


def required_organs_settled(
    context: PlanContext, table: OrganTable | None, findings: Sequence[Finding]
) -> tuple[Finding, ...]:
    """INCOMPLETE for each required organ that is neither contoured nor settled, or that no row of the table judged."""
    out = []
    for requirement, why in context.required.items():
        options = [option for option in requirement.split("|") if option not in context.absent]
        if not options:
            continue
        judged = [
            f
            for f in findings
            if f.kind is FindingKind.ORGAN_LIMIT
            and any(option in _organs_of(context, f.organ) for option in options)
            and f.verdict is not Verdict.NOT_EVALUABLE
        ]
        has_mandatory_rows = table is not None and any(
            r.level is Level.MANDATORY and r.organ in options and applies(r, sex=context.sex)
            for r in table.rows_for(n_fractions=context.n_fractions)
        )
        settled = judged and (not has_mandatory_rows or any(f.level is Level.MANDATORY for f in judged))
        name = " or ".join(options)
        if settled and requirement in context.out_of_reach:
            note = f"{name} is required ({why}): {context.out_of_reach[requirement]}"
            out.append(
                completeness(
                    rule_id=f"required:{requirement}",
                    plan=context.label,
                    organ=name,
                    reason=Reason.PART_MISSING,
                    notes=(note,),
                )
            )
        if settled:
            continue
        present = [s for option in options for s in context.subjects.get(option, ())]
        if not present and not judged:
            note = f"{name} is required ({why}) and is not contoured or not recognised: {how_to_settle(options)}"
            reason = Reason.NO_ROI
        elif table is None:
            continue
        else:
            reason, note = Reason.NO_TABLE, f"no row of {table.title} settled {name}, which is required ({why})"
        out.append(
            completeness(
                rule_id=f"required:{requirement}", plan=context.label, organ=name, reason=reason, notes=(note,)
            )
        )
    return tuple(out)


def how_to_settle(options: Sequence[str]) -> str:
    """What to do about a required organ that is missing, with lines to copy."""
    first = options[0]
    absent = ", ".join(f'{{organ = "{option}", reason = "why"}}' for option in options)
    return (
        f"contour {'one of them' if len(options) > 1 else 'it'}; or, if a ROI under another name is it, add "
        f'--map "ROI={first}"; or, if the patient has none, add to the case file: absent = [{absent}]'
    )


def some_organ_judged(context: PlanContext, table: OrganTable, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """INCOMPLETE when no limit that could fail the plan was judged, whatever the site asks for."""
    rows = [r for r in table.rows_for(n_fractions=context.n_fractions) if applies(r, sex=context.sex)]
    levels = {Level.MANDATORY} if any(r.level is Level.MANDATORY for r in rows) else set(Level)
    if any(
        f.kind is FindingKind.ORGAN_LIMIT and f.level in levels and f.verdict is not Verdict.NOT_EVALUABLE
        for f in findings
    ):
        return ()
    note = f"no organ of {table.title} is contoured, recognised and judged: a plan is not passed on its target alone"
    return (completeness(rule_id="organs:none", plan=context.label, reason=Reason.NO_ROI, notes=(note,)),)


def _organs_of(context: PlanContext, organ: str) -> set[str]:
    """The organs that a judged row speaks for: its own parts, and what a containing structure contains."""
    parts = set(organ.split("+"))
    inside = {inner for inner, outers in context.containers.items() if parts & set(outers)}
    return parts | inside
