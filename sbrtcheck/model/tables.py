"""Rows of the shipped data files, as frozen records."""

from __future__ import annotations

from dataclasses import dataclass

from sbrtcheck.model.dose import Metric
from sbrtcheck.model.vocabulary import Level


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One row of an organ table.

    ``level_printed`` is the source's word, ``level`` how the row is judged (None: listed, never judged).
    """

    rule_id: str
    table: str
    organ: str
    n_fractions: int | None
    metric: Metric | None
    metric_text: str
    comparator: str
    limit: float
    unit: str
    level: Level | None
    level_printed: str
    condition: str
    joint: tuple[str, ...]
    computable: bool
    endpoint: str
    seen_at: str
    cross_check: str
    confidence: str
    note: str


@dataclass(frozen=True, slots=True)
class OrganTable:
    """One source of organ limits.

    ``trust`` is what the program calls it; ``may_decide`` is False for compare-only tables.
    ``point_volume_cm3``: volume at which a ``Max[Gy]`` row is evaluated [cm3]; ``point_volume_printed`` says whether
    the source prints it or it is ours.
    """

    name: str
    title: str
    citation: str
    doi: str
    edition: str
    version: str
    population: str
    trust: str
    may_decide: bool
    may_be_stricter_source: bool
    point_volume_cm3: float
    point_volume_printed: bool
    judged_as_note: str
    sha256: str
    rows: tuple[LimitRow, ...]

    @property
    def fractions(self) -> tuple[int, ...]:
        """The numbers of fractions that the table has computable rows for."""
        return tuple(sorted({r.n_fractions for r in self.rows if r.n_fractions is not None and r.computable}))

    def rows_for(self, *, n_fractions: int) -> tuple[LimitRow, ...]:
        """The rows at exactly this number of fractions. A limit is never borrowed from another number."""
        return tuple(r for r in self.rows if r.n_fractions == n_fractions)


@dataclass(frozen=True, slots=True)
class TableChoice:
    """Which table decides, why, and what was left. ``table`` None: no shipped table covers this number of fractions."""

    table: OrganTable | None
    reason: str
    nearest_fractions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RegionRule:
    """One line of regions.csv: how an organ stands to a lesion site. Our policy, and said so.

    ``requirement``: "required", "if_near" or "not_asked". ``landmark``, ``direction`` and ``distance_mm`` go with
    if_near: the organ is required when the target comes within ``distance_mm`` of the landmark structure.
    """

    site: str
    organ: str
    requirement: str
    landmark: str = ""
    direction: str = ""
    distance_mm: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class OrganInfo:
    """One line of organs.csv."""

    organ: str
    aliases: tuple[str, ...]
    architecture: str
    union_of: tuple[tuple[str, ...], ...]
    containers: tuple[str, ...]
    region: str
    laterality: str
    note: str = ""
