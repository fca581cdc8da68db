"""The findings as CSV: one row per finding, every text quoted and none of them a formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sbrtcheck.errors import safe_text
from sbrtcheck.model import Report
from sbrtcheck.model.report_dict import finding_to_dict, problem_to_dict
from sbrtcheck.report.headline import judged

# A spreadsheet reads a cell that starts with one of these as a formula, also after leading blanks.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

COLUMNS = (
    "outcome",
    "plan",
    "lesion",
    "kind",
    "organ",
    "roi",
    "metric",
    "value",
    "low",
    "high",
    "unit",
    "comparator",
    "limit",
    "margin",
    "share",
    "level",
    "verdict",
    "consequence",
    "reason",
    "table",
    "source",
    "trust",
    "rule_id",
    "note",
    "marginal_reason",
    "text",
)
ERROR_COLUMNS = ("outcome", "exit_code", "code", "object", "tag", "seen", "meaning", "detail", "remedy")


def csv_cell(value: Any) -> str:
    """One cell: a number as Python writes it (so that it reads back exactly), None empty, all else quoted text.

    Text goes through ``safe_text``; text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else ""
    raw = str(value)
    text = safe_text(raw, limit=2000)
    if raw.lstrip(" ").startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"'


def csv_line(cells: Sequence[Any]) -> str:
    """One line of CSV without its line end."""
    return ",".join(csv_cell(cell) for cell in cells)


def render_csv(report: Report) -> str:
    """One row per finding, the course's first; the header is ``COLUMNS`` and is explained in docs/report.md.

    A report without any plan (a refused input) has the header ``ERROR_COLUMNS`` and one row per error instead.
    """
    if not judged(report):
        lines = [csv_line(ERROR_COLUMNS)]
        for problem in report.errors:
            cells: dict[str, Any] = {"outcome": report.outcome.value, "exit_code": report.exit_code}
            cells |= problem_to_dict(problem)
            lines.append(csv_line([cells[name] for name in ERROR_COLUMNS]))
        return "\n".join(lines) + "\n"
    lines = [csv_line(COLUMNS)]
    for finding in report.findings:
        cells = finding_to_dict(finding) | {"outcome": report.outcome.value}
        lines.append(csv_line([cells[name] for name in COLUMNS]))
    return "\n".join(lines) + "\n"
