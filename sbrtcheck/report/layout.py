"""What a report is laid out from: sections, tables and pairs of plain safe text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sbrtcheck.model.numbers import format_value
from sbrtcheck.model.report_dict import plain
from sbrtcheck.report.headline import clean

# A blank that no line is broken at.
SOLID = "\u00a0"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of safe text.

    ``numeric`` names the right-aligned columns; ``tones`` has one colour class a row, or is empty; ``notes`` are the
    footnotes, numbered from 1, that cells cite as [1].
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[str] = frozenset()
    tones: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report: pairs of name and value, then tables, then lines. ``plan`` is its index, -1 for none."""

    title: str
    pairs: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    items: tuple[str, ...] = ()
    plan: int = -1
    tone: str = ""

    @property
    def empty(self) -> bool:
        """True when there is nothing to show."""
        return not (self.pairs or self.items or any(table.rows for table in self.tables))


@dataclass(frozen=True, slots=True)
class View:
    """The whole report as shown."""

    outcome: str
    tone: str
    exit_code: int
    head: tuple[str, ...]
    patient: str
    sections: tuple[Section, ...]
    notice: str


def amount(value: float | None, unit: str) -> str:
    """A number with its unit, or "not given"."""
    return "not given" if value is None else f"{format_value(value, unit=unit)} {unit}".rstrip()


def shown(value: Any) -> str:
    """An option as it was given, in words."""
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return format_value(value)
    if isinstance(value, Mapping | list | tuple) and not value:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{clean(k).replace('_', ' ')} {shown(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(shown(item) for item in value)
    return clean(plain(value))


def solid(text: str) -> str:
    """The text with blanks that no line is broken at."""
    return text.strip().replace(" ", SOLID)
