"""Rows as aligned columns, as CSV and as JSON: one writer for all commands."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, assert_never

from sbrtcheck.errors import safe_text


class RowFormat(StrEnum):
    """The formats of a command that prints rows, as they are asked for."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Lines of columns as wide as their widest cell; those of ``right`` are aligned to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = (c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        lines.append("  ".join(cells).rstrip())
    return lines


def csv_text(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """CSV with a header: numbers exact, texts quoted and never a formula for a spreadsheet."""
    from sbrtcheck.report import csv_line

    return "".join(f"{csv_line(row)}\n" for row in [head, *rows])


def table_text(rows: Sequence[Mapping[str, Any]], format_: RowFormat) -> str:
    """Rows of equal keys as aligned text, JSON or CSV. Text from files is made safe."""
    columns = list(rows[0]) if rows else []
    match format_:
        case RowFormat.JSON:
            return json.dumps(list(rows), indent=2, ensure_ascii=False, allow_nan=False)
        case RowFormat.CSV:
            return csv_text(columns, [[row[c] for c in columns] for row in rows]) if rows else ""
        case RowFormat.TEXT:
            cells = [[_cell(row[c]) for c in columns] for row in rows]
            return "\n".join(aligned(columns, cells)) if rows else "nothing to show"
        case _:
            assert_never(format_)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return safe_text(value)
