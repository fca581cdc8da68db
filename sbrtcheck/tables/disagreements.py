"""Organ tables beside each other: which rows ask the same thing, and where their limits differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sbrtcheck.model import LimitRow, MetricKind, OrganTable

# A limit on at most this much volume is a limit on the point maximum [cm3] (our policy, for comparing only).
SMALL_VOLUME_CM3 = 0.1
POINT_MAXIMUM = "point maximum"


def is_point(row: LimitRow) -> bool:
    """True for a limit in Gy on the maximum or on at most 0.1 cc."""
    metric = row.metric
    if metric is None or metric.unit != "Gy":
        return False
    small = metric.amount_unit == "cc" and metric.amount is not None and metric.amount <= SMALL_VOLUME_CM3
    return metric.kind is MetricKind.MAXIMUM or (metric.kind is MetricKind.DOSE and small)


def at_volume(row: LimitRow, table: OrganTable) -> str:
    """The volume at which a point maximum is taken, where it is not 0.035 cc."""
    if not is_point(row) or row.metric is None:
        return ""
    volume = table.point_volume_cm3 if row.metric.kind is MetricKind.MAXIMUM else row.metric.amount
    return "" if volume == 0.035 else f" ({volume:g} cc)"


def disagreements(
    tables: Iterable[OrganTable], *, organ: str | None = None
) -> list[tuple[str, int, str, list[tuple[float, list[str]]]]]:
    """Where mandatory upper limits of two tables on the same organ, fractions and metric differ.

    Returns:
        (organ, number of fractions, metric, [(limit, titles of the tables that have it), rising]) sorted.
    """
    found: dict[tuple[str, int, str], dict[float, set[str]]] = defaultdict(lambda: defaultdict(set))
    for table in tables:
        for row in table.rows:
            if organ is not None and row.organ != organ:
                continue
            if row.n_fractions is None or row.level is None or row.level.value != "mandatory" or row.condition:
                continue
            if row.comparator.startswith("<"):
                metric = POINT_MAXIMUM if is_point(row) else row.metric_text
                found[row.organ, row.n_fractions, metric][row.limit].add(f"{table.title}{at_volume(row, table)}")
    return [
        (organ_, n, metric, [(limit, sorted(titles)) for limit, titles in sorted(limits.items())])
        for (organ_, n, metric), limits in sorted(found.items())
        if len(limits) > 1
    ]


def disagreement_note(row: LimitRow, found: Iterable[tuple[str, int, str, list[tuple[float, list[str]]]]]) -> str:
    """What other tables have in place of a row's limit ("40 to 56 Gy"), or "" where none differs."""
    metric = POINT_MAXIMUM if is_point(row) else row.metric_text
    for organ, n, text, limits in found:
        if (organ, n, text) == (row.organ, row.n_fractions, metric) and row.comparator.startswith("<"):
            return f"{limits[0][0]:g} to {limits[-1][0]:g} {row.unit}"
    return ""
