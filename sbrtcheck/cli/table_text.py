"""Rows as aligned columns or as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sbrtcheck.errors import safe_text


def calc_csv(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([head, *rows])
    return stream.getvalue()


def calc_columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]
    return "\n".join(lines) + "\n"


def table_text(rows: Sequence[Mapping[str, Any]], format_: str) -> str:
    """Rows of equal keys as aligned text, JSON or CSV. Text from files is made safe, CSV cells are guarded."""
    if format_ == "json":
        return json.dumps(list(rows), indent=2, ensure_ascii=False, allow_nan=False)
    if not rows:
        return "" if format_ == "csv" else "nothing to show"
    columns = list(rows[0])
    if format_ == "csv":
        from sbrtcheck.report import csv_line

        return "\n".join([csv_line(columns), *(csv_line([row[c] for c in columns]) for row in rows)])
    cells = [[_cell(row[c]) for c in columns] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in cells)) for i, column in enumerate(columns)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(columns, widths, strict=True)).rstrip()]
    lines += ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return safe_text(value)
