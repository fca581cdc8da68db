"""A limit template as its file states it, and what becomes of every row."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sbrtcheck.model import Level, Metric


class TemplateKind(StrEnum):
    """The formats that are read."""

    PQM = "pqm"
    DOSE_OBJECTIVES = "doseobjectives"
    PROTOCOL = "protocol"
    PROKNOW = "proknow"
    PLAN_SCORE_CARD = "planscorecard"
    RTPX = "rtpx"
    XLSX = "xlsx"


class Fate(StrEnum):
    """What became of a row."""

    TAKEN = "taken"
    CHANGED = "changed"
    NOT_TAKEN = "not taken"
    LEFT_OUT = "left out"
    NO_LIMIT = "no limit"


@dataclass(frozen=True, slots=True)
class Statement:
    """One limit in the words of its file.

    Attributes:
        place: where it stands ("line 14", "cell B7", "MeasureItem 3").
        structure: the structure as named there; ``aliases``: the other names that the row gives it; ``codes``: its
            codes and types in words, which several structures may share.
        metric: in the form ``D15cc[cGy]``, or what stands there when it has no such form.
        goal: comparator and number in the unit of the metric's brackets (``<=1200``).
        variation: number, with or without a comparator; "" for none.
        priority: shown, never used.
        level: where the format itself says whether the goal must be met.
        n_fractions: where the file states it for this row.
        changed: how the reader had to convert what stands there.
        refusal: why the row cannot be taken; no_limit: why it asks for nothing that a limit could be.
        disputed: what public descriptions of the format say differently about this row.
    """

    place: str
    structure: str
    metric: str
    goal: str
    variation: str = ""
    aliases: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    priority: str = ""
    level: Level | None = None
    n_fractions: int | None = None
    changed: tuple[str, ...] = ()
    refusal: str = ""
    no_limit: str = ""
    disputed: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """All statements of a file. ``also``: further files that belong to it, as (name, SHA-256)."""

    file: str
    sha256: str
    dialect: str
    statements: tuple[Statement, ...]
    also: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit of one level: ``limit`` in the unit of its metric."""

    level: Level
    comparator: str
    limit: Decimal


@dataclass(frozen=True, slots=True)
class Taken:
    """One metric of one structure with its limits: exactly one of ``organ`` and ``target`` is not empty.

    ``side`` is "L", "R" or ""; it is "" in a table, whose rows hold for both.
    """

    organ: str
    target: str
    side: str
    metric: Metric
    metric_text: str
    bounds: tuple[Bound, ...]
    seen_at: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """The organ or target."""
        return self.organ or self.target

    @property
    def is_upper(self) -> bool:
        """True when the value must stay below."""
        return self.bounds[0].comparator.startswith("<")


@dataclass(frozen=True, slots=True)
class Row:
    """A statement and what became of it. ``became``: our rows in words; ``why``: the changes, or the refusal."""

    statement: Statement
    fate: Fate
    became: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """A template read for one number of fractions: every row, and what was taken."""

    template: Template
    n_fractions: int
    rows: tuple[Row, ...]
    organs: tuple[Taken, ...]
    targets: tuple[Taken, ...]

    @property
    def not_taken(self) -> tuple[Row, ...]:
        """The rows that were refused."""
        return tuple(row for row in self.rows if row.fate is Fate.NOT_TAKEN)

    @property
    def left_out(self) -> tuple[Row, ...]:
        """The rows that the user wants left out."""
        return tuple(row for row in self.rows if row.fate is Fate.LEFT_OUT)

    @property
    def n_limits(self) -> int:
        """How many rows state a limit."""
        return sum(row.fate is not Fate.NO_LIMIT for row in self.rows)

    @property
    def mixes_units(self) -> bool:
        """True when some rows state doses in cGy and others in Gy."""
        metrics = [row.statement.metric.casefold() for row in self.rows]
        return any("cgy" in m for m in metrics) and any("gy" in m.replace("cgy", "") for m in metrics)

    @property
    def is_partial(self) -> bool:
        """True when a limit of the template is missing without anybody having said so."""
        return bool(self.not_taken)
