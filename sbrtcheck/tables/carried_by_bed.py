"""Limits carried by BED to a number of fractions that lies between two tabulated ones: derived, not published.

The strictest reading of the source counts: the lowest EQD2 over all its numbers of fractions and over the interval of
alpha/beta. Nothing is carried beyond the tabulated range, and nothing derived is ever better than MARGINAL.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sbrtcheck.model import LimitRow, OrganTable, TableChoice
from sbrtcheck.model.metric import format_metric
from sbrtcheck.radiobiology.lq import isoeffective_total_dose
from sbrtcheck.tables.alpha_beta import load_tissues
from sbrtcheck.tables.organ_tables import choose_table, load_table

DERIVED = "derived, not published"


def choose_or_derive(
    *, n_fractions: int, site: str, table: str | None = None, alpha_betas_gy: Mapping[str, float] | None = None
) -> TableChoice:
    """The table that decides, as ``organ_tables.choose_table``; where it has no row, its derived limits.

    Args:
        n_fractions: number of fractions.
        site: lesion site, or "".
        table: an explicitly chosen table, or None.
        alpha_betas_gy: organ to alpha/beta [Gy], for organs of which constraints/alpha_beta.csv knows none.

    Raises:
        WrongUsageError: as choose_table.
    """
    choice = choose_table(n_fractions=n_fractions, site=site, table=table)
    if choice.table is not None or not choice.considered:
        return choice
    derived = derive_table(
        load_table(table or choice.considered), n_fractions=n_fractions, alpha_betas_gy=alpha_betas_gy or {}
    )
    if derived is None:
        return choice
    between = " and ".join(str(n) for n in choice.nearest_fractions)
    reason = (
        f"{derived.title} has no limits for {n_fractions} fractions: they are carried by BED from its own numbers, of "
        f"which {between} are the nearest; {DERIVED}, never better than MARGINAL"
    )
    return TableChoice(derived, reason, choice.nearest_fractions, choice.considered)


def derive_table(
    table: OrganTable, *, n_fractions: int, alpha_betas_gy: Mapping[str, float] | None = None
) -> OrganTable | None:
    """The table with rows at one more number of fractions, or None when no row can be carried.

    A row is carried when the table has it, on the same organ, metric, level and condition, below and above
    ``n_fractions``, and when an alpha/beta of the organ is known. Its limit [Gy] is the lowest that any of the source's
    numbers of fractions and any alpha/beta of the interval gives.

    Args:
        table: the source.
        n_fractions: number of fractions without rows of its own.
        alpha_betas_gy: organ to alpha/beta [Gy], for organs of which constraints/alpha_beta.csv knows none.
    """
    families: dict[tuple[object, ...], list[LimitRow]] = {}
    for row in table.rows:
        if row.computable and row.level is not None and row.n_fractions is not None and _dose_gy(row) is not None:
            families.setdefault(_family(row), []).append(row)
    carried = []
    for rows in families.values():
        counts = [r.n_fractions for r in rows if r.n_fractions is not None]
        if n_fractions in counts or not min(counts) < n_fractions < max(counts):
            continue
        interval = alpha_beta_interval(rows[0].joint or (rows[0].organ,), alpha_betas_gy or {})
        if interval is not None:
            carried.append(_carried(rows, n_fractions=n_fractions, interval=interval))
    if not carried:
        return None
    return replace(table, trust=f"{DERIVED}, from a {table.trust}", rows=(*table.rows, *carried))


def _dose_gy(row: LimitRow) -> float | None:
    """The dose that a row speaks of [Gy]: its limit, or the dose of a volume at a dose."""
    if row.metric is None:
        return None
    if row.unit == "Gy":
        return row.limit
    return row.metric.amount if row.metric.amount_unit == "Gy" else None


def _family(row: LimitRow) -> tuple[object, ...]:
    """What rows at several numbers of fractions must share to be one limit: all but the dose."""
    assert row.metric is not None
    at_a_dose = row.unit != "Gy"
    amount = None if at_a_dose else row.metric.amount
    limit = row.limit if at_a_dose else None
    kind = (row.metric.kind, amount, row.metric.amount_unit, row.unit)
    return (row.organ, row.joint, *kind, row.comparator, limit, row.level, row.condition)


def alpha_beta_interval(organs: Iterable[str], given_gy: Mapping[str, float]) -> tuple[float, float] | None:
    """Lowest and highest alpha/beta [Gy] that constraints/alpha_beta.csv has for any of the organs, intervals included.

    A bound of an interval that is not above zero is left out. Organs without a row: what ``given_gy`` says; else None.
    """
    found: list[float] = []
    for organ in organs:
        own = [t for t in load_tissues() if t.tissue == organ]
        values = [v for t in own for v in (t.low_gy, t.value_gy, t.high_gy) if v is not None and v > 0]
        found += values or [v for v in (given_gy.get(organ),) if v is not None]
    return (min(found), max(found)) if found else None


def _carried(rows: Sequence[LimitRow], *, n_fractions: int, interval: tuple[float, float]) -> LimitRow:
    # For one row the carried dose is monotonic in alpha/beta, so the two ends of the interval hold its lowest value.
    options = []
    for row in rows:
        dose_gy = _dose_gy(row)
        assert dose_gy is not None
        assert row.n_fractions is not None
        for alpha_beta_gy in interval:
            carried = isoeffective_total_dose(
                total_dose_gy=dose_gy,
                n_fractions=row.n_fractions,
                new_n_fractions=n_fractions,
                alpha_beta_gy=alpha_beta_gy,
            )
            options.append((float(carried), alpha_beta_gy, row))
    lowest_gy, alpha_beta_gy, source = min(options, key=lambda option: option[0])
    assert source.metric is not None
    # Rounded down, so that what is printed is what is judged, and no looser.
    lowest_gy = math.floor(lowest_gy * 100 + 1e-9) / 100
    in_gy = source.unit == "Gy"
    metric = source.metric if in_gy else replace(source.metric, amount=lowest_gy)
    text = (
        f"{DERIVED}: from {_dose_gy(source):g} Gy in {source.n_fractions} by BED at alpha/beta {alpha_beta_gy:g} Gy "
        f"(lowest over {', '.join(str(r.n_fractions) for r in rows)} fractions and alpha/beta "
        f"{interval[0]:g} to {interval[1]:g} Gy)"
    )
    metric_text = format_metric(metric)
    assert source.level is not None
    words = [
        source.rule_id.partition(":")[0],
        source.organ,
        str(n_fractions),
        metric_text,
        source.level.value,
        source.condition,
        "derived",
    ]
    return replace(
        source,
        rule_id=":".join(w for w in words if w),
        n_fractions=n_fractions,
        metric=metric,
        metric_text=metric_text,
        limit=lowest_gy if in_gy else source.limit,
        derived=text,
        limit_at_fewer=_printed_below(rows, n_fractions) if in_gy else None,
    )


def _printed_below(rows: Sequence[LimitRow], n_fractions: int) -> float:
    """What the source prints for the next lower number of fractions: in more fractions it is the more lenient."""
    below = [r for r in rows if r.n_fractions is not None and r.n_fractions < n_fractions]
    return max(below, key=lambda r: r.n_fractions or 0).limit
