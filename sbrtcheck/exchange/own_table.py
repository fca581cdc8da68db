"""The limits of a table for one number of fractions as a clinic's own table, which says where they come from."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from sbrtcheck.errors import safe_text
from sbrtcheck.exchange.number import plain
from sbrtcheck.exchange.template import Bound, Taken
from sbrtcheck.model import Level, LimitRow, OrganTable
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.tables.imported_mark import ImportedMark, mark_lines

COLUMNS = (
    "organ",
    "fractions",
    "metric",
    "comparator",
    "limit",
    "unit",
    "level",
    "condition",
    "joint",
    "confidence",
    "endpoint",
    "seen_at",
    "note",
)
_MAX_CELL = 180


def write_own_table(
    table: OrganTable, *, n_fractions: int
) -> tuple[str, tuple[Taken, ...], tuple[tuple[LimitRow, str], ...]]:
    """The table as text, the limits in it, and the rows that are not, each with the reason.

    A table that never decides, or that loses a limit here, is marked as partial: the copy never decides either.
    """
    written: list[Taken] = []
    left: list[tuple[LimitRow, str]] = []
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    n_limits = 0
    places: set[tuple[object, ...]] = set()
    for row in table.rows_for(n_fractions=n_fractions):
        if row.level not in {Level.MANDATORY, Level.OPTIMAL} or row.metric is None:
            left.append((row, "listed only, not judged"))
            continue
        n_limits += 1
        if row.or_share_of_volume is not None:
            left.append((row, "a clinic's own table has no share of the organ's volume"))
            continue
        bound = Bound(row.level, row.comparator, Decimal(repr(row.limit)))
        metric = metric_at_volume(table, row)
        place = (row.organ, row.condition, metric, row.comparator[0], row.level)
        if place in places:
            left.append((row, f"another limit stands at this level once it is {metric}"))
            continue
        places.add(place)
        written.append(Taken(row.organ, "", "", parse_metric(metric), metric, (bound,), seen_at=row.seen_at))
        start = (row.organ, n_fractions, metric, row.comparator, plain(bound.limit), row.unit, row.level.value)
        texts = (row.endpoint, row.seen_at, row.note)
        told = (row.condition, "+".join(row.joint), row.confidence, *(safe_text(t, limit=_MAX_CELL) for t in texts))
        writer.writerow((*start, *told))
    mark = ImportedMark(
        file=table.name,
        sha256=table.sha256,
        dialect=f"table {table.title}, version {table.version}: {table.trust}",
        n_taken=len(written),
        n_limits=n_limits,
        n_left_out=0,
        is_partial=not table.may_decide or len(written) < n_limits,
    )
    return "\n".join([*mark_lines(mark), stream.getvalue()]), tuple(written), tuple(left)


def metric_at_volume(table: OrganTable, row: LimitRow) -> str:
    """The row's metric; a maximum whose source prints a volume is the dose at that volume."""
    if row.metric is not None and row.metric.kind == "Max" and row.metric.unit == "Gy" and table.point_volume_printed:
        return f"D{plain(Decimal(repr(table.point_volume_cm3)))}cc[Gy]"
    return row.metric_text
