"""Limits of a mixed course: which source covers it, which rows belong together, what is derived, with which alpha/beta.

A limit applies at its own number of fractions. Over plans with different numbers it is used in two ways: published, as
the sum of dose / limit over the plans (met at 1), or derived, as the lowest EQD2 of the row's limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.judging.comparison import is_upper
from sbrtcheck.judging.organ_limits import applies, row_metric
from sbrtcheck.model import LimitRow, Metric, OrganTable
from sbrtcheck.radiobiology.lq import eqd2
from sbrtcheck.tables.organ_tables import load_table

# One source for every number of fractions of the course; tables are never mixed inside one verdict.
SOURCES = ("aapm_tg101", "timmerman_2022")


def choose_source(n_fractions: Sequence[int]) -> OrganTable | None:
    """The first of SOURCES that has limits for every one of these numbers of fractions."""
    for name in SOURCES:
        table = load_table(name)
        if set(n_fractions) <= set(table.fractions):
            return table
    return None


@dataclass(frozen=True, slots=True)
class CourseRow:
    """One limit of one source at several numbers of fractions.

    Attributes:
        organ: the organ, joint ones with "+".
        metric: as evaluated; for a volume at a dose its amount is the first row's and is replaced by a threshold.
        rows: number of fractions to the row. Complete when it holds every number of the course.
    """

    organ: str
    metric: Metric
    metric_note: str
    rows: Mapping[int, LimitRow]

    @property
    def first(self) -> LimitRow:
        """The row of the smallest number of fractions, for what all have in common."""
        return self.rows[min(self.rows)]

    @property
    def is_volume(self) -> bool:
        """Whether the limit is a volume at a threshold dose."""
        return self.metric.kind.is_volume

    def dose_limit_gy(self, n_fractions: int) -> float:
        """The limit dose, or the threshold dose of a volume limit, at one number of fractions [Gy]."""
        row = self.rows[n_fractions]
        if not self.is_volume:
            return row.limit
        return _threshold_gy(row)

    def derived_gy(self, alpha_beta_gy: float) -> float:
        """The lowest EQD2 of the limits of these numbers of fractions [Gy]: derived, not published."""
        return min(
            eqd2(total_dose_gy=self.dose_limit_gy(n), n_fractions=n, alpha_beta_gy=alpha_beta_gy) for n in self.rows
        )

    def at(self, dose: float) -> tuple[Metric, float]:
        """Metric and limit that stand for the row when its limit dose is ``dose``."""
        if self.is_volume:
            return replace(self.metric, amount=dose), self.first.limit
        return self.metric, dose


def course_rows(table: OrganTable, *, n_fractions: Sequence[int], sex: str) -> tuple[CourseRow, ...]:
    """Rows of one source that say the same at the course's numbers of fractions; incomplete ones too.

    Dose limits go together by organ, metric, comparator and level; volume limits by the volume instead of the dose.
    Limits in percent of a prescription and lower limits of a dose have no meaning over plans and are left out.
    """
    found: dict[tuple[object, ...], dict[int, LimitRow]] = {}
    metrics: dict[tuple[object, ...], tuple[Metric, str]] = {}
    for n in sorted(set(n_fractions)):
        for row in table.rows_for(n_fractions=n):
            if not applies(row, sex=sex) or row.metric is None:
                continue
            metric, note = row_metric(row, table)
            volume = metric.kind.is_volume
            if (metric.amount_unit if volume else metric.unit) == "%":
                continue
            if not volume and not is_upper(row.comparator):
                continue
            organ = "+".join(row.joint) if row.joint else row.organ
            what = (metric.unit, row.limit) if volume else (metric.amount, metric.amount_unit)
            key = (organ, metric.kind, *what, row.comparator, row.level)
            there = found.setdefault(key, {}).get(n)
            metrics.setdefault(key, (metric, note))
            if (
                there is None
                or (not volume and row.limit < there.limit)
                or (volume and _threshold_gy(row) < _threshold_gy(there))
            ):
                found[key][n] = row
    return tuple(
        CourseRow(organ=str(key[0]), metric=metrics[key][0], metric_note=metrics[key][1], rows=rows)
        for key, rows in found.items()
    )


def _threshold_gy(row: LimitRow) -> float:
    """The threshold dose of a volume limit [Gy]."""
    if row.metric is None or row.metric.amount is None:
        raise ValueError(f"{row.rule_id}: not a volume at a dose")
    return row.metric.amount
