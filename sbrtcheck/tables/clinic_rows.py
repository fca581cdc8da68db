"""What a clinic sets in a published table: rows added to it, and the level of organs and of single rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.model import Level, LimitRow, OrganTable
from sbrtcheck.tables.organ_tables import load_tables

LOCAL = "LOCAL"


@dataclass(frozen=True, slots=True)
class AddedRow:
    """A row that a clinic adds. ``table`` "": to whichever table decides; ``n_fractions`` None: at every number."""

    row: LimitRow
    table: str = ""
    site: str = ""
    n_fractions: int | None = None


def at_any_number(row: LimitRow) -> LimitRow:
    """A row that was read with a number of fractions, for every number."""
    source, organ, _, rest = row.rule_id.split(":", 3)
    return replace(row, rule_id=f"{source}:{organ}:any:{rest}", n_fractions=None)


def as_clinic_sets(
    table: OrganTable,
    *,
    n_fractions: int,
    sites: Collection[str],
    levels: Mapping[str, str],
    added: Sequence[AddedRow] = (),
) -> OrganTable:
    """The table with a clinic's levels and added rows. No published row is removed or given another limit.

    Args:
        table: as shipped, or a clinic's own.
        levels: organ or rule id to level; the rule id, being of one row, comes first.
        added: rows of the clinic file.
    """
    rows = [
        replace(row, level=Level(level))
        if row.level is not None and (level := levels.get(row.rule_id, levels.get(row.organ, "")))
        else row
        for row in table.rows
    ]
    rows += [
        replace(a.row, n_fractions=n_fractions)
        for a in added
        if a.table in {"", table.name} and a.n_fractions in {None, n_fractions} and (not a.site or a.site in sites)
    ]
    return replace(table, rows=tuple(rows))


def judged_rule_ids() -> frozenset[str]:
    """The identifiers of all rows of shipped tables that are judged."""
    return frozenset(row.rule_id for table in load_tables().values() for row in table.rows if row.level is not None)
