"""The lowest mandatory limit on an organ's near-maximum in any shipped source, at one number of fractions."""

from __future__ import annotations

from functools import cache

from sbrtcheck.judging.comparison import is_upper
from sbrtcheck.model import Level, LimitRow
from sbrtcheck.tables.organ_tables import load_tables
from sbrtcheck.tables.organs import organ_info

# A dose to this volume or less is a point dose (RTOG, TG-101, Timmerman: 0.03 to 0.1 cc).
POINT_CM3 = 0.1


@cache
def lowest_point_limit_gy(organ: str, n_fractions: int) -> float | None:
    """The lowest limit [Gy] of the organ, of what contains it, or of what it may stand in for; None without one.

    Tables that are compare-only and rows whose transcription is doubtful are left out.
    """
    info = organ_info()
    own = info.get(organ)
    names = {organ, *(own.containers if own is not None else ())}
    names |= {other for other, i in info.items() if organ in i.judged_by}
    limits = [
        row.limit
        for table in load_tables().values()
        if table.may_decide or table.may_be_stricter_source
        for row in table.rows_for(n_fractions=n_fractions)
        if {row.organ, *row.joint} & names and _is_point_limit(row)
    ]
    return min(limits, default=None)


def _is_point_limit(row: LimitRow) -> bool:
    metric = row.metric
    if metric is None or row.level is not Level.MANDATORY or not row.computable or row.confidence == "low":
        return False
    small = metric.kind == "D" and metric.amount_unit == "cc" and (metric.amount or 0.0) <= POINT_CM3
    return row.unit == "Gy" and is_upper(row.comparator) and (metric.kind == "Max" or small)
