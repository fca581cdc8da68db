"""The report for a terminal. What decides stands on the first screen; colour only repeats what a word says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from sbrtcheck.model import Report
from sbrtcheck.report.layout import SOLID, Section, Table
from sbrtcheck.report.view import view

_ANSI = {"bad": "1;31", "warn": "33", "vary": "33", "open": "35", "good": "32", "info": "36", "title": "1"}
_GAP = "  "
_MIN_COLUMN = 4
_WHOLE_WORD = 14
_WORD = r"[^ +/]+[+/]?|[+/]"


def render_text(report: Report, *, color: bool = False, width: int = 120) -> str:
    """The report as plain text, ``width`` columns wide where its words allow it.

    Args:
        color: add ANSI colours. Without it the text holds no control character but line ends.
        width: columns of the terminal, at least 60. The first line is never wrapped.
    """
    width = max(width, 60)
    shown = view(report)
    lines = [_paint(shown.head[0], shown.tone, color)]
    for line in shown.head[1:]:
        lines += _wrap(line, width, first="  ", rest="    ")
    if shown.patient:
        lines += ["", f"Patient: {shown.patient}"]
    for section in shown.sections:
        lines += ["", *_section(section, color=color, width=width)]
    lines += ["", *_wrap(shown.notice, width)]
    return "\n".join(line.replace(SOLID, " ").rstrip() for line in lines) + "\n"


def _paint(text: str, tone: str, color: bool) -> str:
    code = _ANSI.get(tone, "")
    return f"\x1b[{code}m{text}\x1b[0m" if color and code else text


def _section(section: Section, *, color: bool, width: int) -> Iterator[str]:
    yield _paint(section.title, section.tone or "title", color)
    yield "-" * min(_cells(section.title), width)
    if section.pairs:
        name_width = min(max(_cells(name) for name, _ in section.pairs), width // 3)
        for name, value in section.pairs:
            yield from _wrap(value, width, first=f"{name.ljust(name_width)}{_GAP}", rest=" " * name_width + _GAP)
    for table in section.tables:
        if table.rows:
            if section.pairs or table is not section.tables[0]:
                yield ""
            yield from _table(table, color=color, width=width)
    if section.items and (section.pairs or section.tables):
        yield ""
    for item in section.items:
        yield from _wrap(item, width, first="- ", rest="  ")


def _table(table: Table, *, color: bool, width: int) -> Iterator[str]:
    if table.caption:
        yield table.caption
    grid = [table.columns, *table.rows]
    natural = sum(max(_cells(row[i]) for row in grid) for i in range(len(table.columns)))
    n_gaps = len(table.columns) - 1
    gap = _GAP if natural + len(_GAP) * n_gaps <= width else " "
    widths = _fit(grid, width - len(gap) * n_gaps)
    if widths is None:
        yield from _records(table, color=color, width=width)
    else:
        yield from _grid(table, grid, widths, gap=gap, color=color)
    for number, note in enumerate(table.notes, start=1):
        yield from _wrap(note, width, first=f"[{number}] ", rest="    ")


def _records(table: Table, *, color: bool, width: int) -> Iterator[str]:
    """A table that is too wide for the terminal: one paragraph a row, the verdict first."""
    for number, row in enumerate(table.rows):
        cells = dict(zip(table.columns, row, strict=True))
        verdict = cells.pop("Verdict", "")
        parts = [f"{name} {cell}" if index else cell for index, (name, cell) in enumerate(cells.items()) if cell != "-"]
        lines = _wrap(f"{verdict}: {'; '.join(parts)}" if verdict else "; ".join(parts), width, first="* ", rest="  ")
        if verdict and lines[0].startswith(f"* {verdict}") and table.tones:
            lines[0] = "* " + _paint(verdict, table.tones[number], color) + lines[0][len(verdict) + 2 :]
        yield from lines


def _grid(
    table: Table, grid: Sequence[tuple[str, ...]], widths: Sequence[int], *, gap: str, color: bool
) -> Iterator[str]:
    for number, row in enumerate(grid):
        tone = "title" if number == 0 else table.tones[number - 1] if table.tones else ""
        cells = [_wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
        for depth in range(max(len(cell) for cell in cells)):
            parts = []
            for column, cell, size in zip(table.columns, cells, widths, strict=True):
                part = cell[depth] if depth < len(cell) else ""
                pad = " " * max(size - _cells(part), 0)
                part = pad + part if column in table.numeric else part + pad
                parts.append(_paint(part, tone, color) if column == "Verdict" or number == 0 else part)
            yield gap.join(parts)


def _fit(grid: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Column widths that sum to ``room`` at most: natural where they fit; else the widest columns give way, but keep
    words of usual length whole. None when that cannot be."""
    natural = [max(_cells(row[i]) for row in grid) for i in range(len(grid[0]))]
    words = [[_cells(word) for row in grid for word in _words(row[i])] for i in range(len(natural))]
    floor = [
        min(size, max([_MIN_COLUMN, *(length for length in lengths if length <= _WHOLE_WORD)]))
        for size, lengths in zip(natural, words, strict=True)
    ]
    if sum(floor) > room:
        return None
    widths = list(natural)
    while sum(widths) > room:
        spare = [size - least for size, least in zip(widths, floor, strict=True)]
        widths[max(range(len(widths)), key=lambda i: (spare[i] > 0, widths[i]))] -= 1
    return widths


def _words(text: str) -> list[str]:
    """Pieces that a line may end after: at blanks, and after the plus or slash of a joint name."""
    return re.findall(_WORD, text)


def _cells(text: str) -> int:
    """Columns that a text takes on a terminal: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _wrap(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """Lines of at most ``width`` columns; a word longer than that is cut."""
    lines, line, empty = [], first, True
    for match in re.finditer(f"( *)({_WORD})", text):
        blank, word = match.groups()
        if not empty and _cells(line) + len(blank) + _cells(word) > width:
            lines.append(line)
            line, empty = rest, True
        if not empty:
            line += blank
        while _cells(line) + _cells(word) > width and len(word) > 1:
            cut = max(width - _cells(line), 1)
            while cut > 1 and _cells(word[:cut]) > width - _cells(line):
                cut -= 1
            lines.append(line + word[:cut])
            line, word = rest, word[cut:]
        line += word
        empty = False
    return [*lines, line] if not empty or not lines else lines
