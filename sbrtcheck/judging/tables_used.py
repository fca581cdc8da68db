"""The organ tables that a report rests on, each with its part in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sbrtcheck.judging.plan import JudgedPlan
from sbrtcheck.model import FindingKind, OrganTable, TableUsed
from sbrtcheck.tables.organ_tables import load_table


@dataclass(frozen=True, slots=True)
class TableUse:
    """A table and its part in the report; ``table`` where it is at hand: a clinic's own has a path, not a name."""

    name: str
    role: str
    table: OrganTable | None = None


def tables_of_plan(judged: JudgedPlan, default: JudgedPlan) -> tuple[TableUse, ...]:
    """The table that decides, the default beside it, and those whose limits are shown."""
    out = []
    for plan in (judged, default):
        if plan.choice.table is not None:
            role = "decides" if plan is judged else "default, stands beside"
            out.append(TableUse(plan.choice.table.name, role, plan.choice.table))
    out += [TableUse(table.name, "supplies what the deciding table lacks") for table in judged.supplied]
    for finding in judged.findings:
        if finding.kind in {FindingKind.OTHER_SOURCE, FindingKind.STRICTER_SOURCE}:
            out.append(TableUse(finding.table, "beside, does not decide"))
    return tuple(out)


def tables_of_report(uses: Iterable[TableUse], *, also: Sequence[str], summed: Iterable[str]) -> tuple[TableUsed, ...]:
    """Every table once, by its first use, with what the report prints of it.

    Args:
        uses: by the plans, in their order.
        also: names or paths of the tables asked for beside.
        summed: names of the tables that the sum of the plans is judged by.
    """
    loaded = {t.name: t for t in map(load_table, also)}
    roles: dict[str, str] = {}
    for use in uses:
        roles.setdefault(use.name, use.role)
        if use.table is not None:
            loaded.setdefault(use.name, use.table)
    for name in summed:
        roles[name] = f"{roles[name]}; the sum" if name in roles else "the sum of the plans"
    return tuple(_row(loaded.get(name) or load_table(name), role) for name, role in roles.items())


def _row(table: OrganTable, role: str) -> TableUsed:
    return TableUsed(
        name=table.name,
        title=table.title,
        citation=table.citation,
        doi=table.doi,
        edition=table.edition,
        version=table.version,
        trust=table.trust,
        role=role,
        judged_as_note=table.judged_as_note,
        sha256=table.sha256,
    )
