"""What a report is laid out from: sections, tables and pairs of plain safe text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def mapping_table(rows: Sequence[Mapping[str, Any]], *, caption: str = "") -> Table:
    """Dictionaries as a table; its columns are their keys in order of first appearance."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = tuple(tuple(shown(key, row.get(key)) for key in keys) for row in rows)
    numeric = frozenset(spell(k) for k in keys if any(isinstance(row.get(k), float) for row in rows))
    return Table(tuple(spell(key) for key in keys), cells, numeric, caption=caption)


_UNITS = {"_gy": "Gy", "_cm3": "cc", "_percent": "%", "_mm": "mm"}


def spell(key: str) -> str:
    """A key as words: "ptv_d50_percent_gy" is "ptv d50 percent"; its unit goes to the value."""
    text = clean(key)
    for ending in _UNITS:
        text = text.removesuffix(ending)
    return text.replace("_", " ")


def shown(key: str, value: Any) -> str:
    """A value of a dictionary with the unit that its key names."""
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        unit = next((unit for ending, unit in _UNITS.items() if key.endswith(ending)), "")
        text = str(value) if isinstance(value, int) else format_value(value, unit=unit)
        return f"{text} {unit}".rstrip()
    if isinstance(value, Mapping | list | tuple) and not value:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{spell(str(k))} {shown(str(k), v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(shown(key, item) for item in value)
    return clean(plain(value))


def solid(text: str) -> str:
    """The text with blanks that no line is broken at."""
    return text.strip().replace(" ", SOLID)
