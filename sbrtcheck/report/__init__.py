"""The report in its formats: text for a terminal, JSON, CSV and one self-contained HTML page.

Every renderer takes a Report and gives text; none of them writes a file, judges or rounds before it compares.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sbrtcheck.report.csv_report import csv_line, render_csv
    from sbrtcheck.report.html import render_html
    from sbrtcheck.report.json_report import render_json
    from sbrtcheck.report.numbers import format_value
    from sbrtcheck.report.refusal import render_refusal
    from sbrtcheck.report.text import render_text

_HOME = {
    "csv_line": "csv_report",
    "format_value": "numbers",
    "render_csv": "csv_report",
    "render_html": "html",
    "render_json": "json_report",
    "render_refusal": "refusal",
    "render_text": "text",
}

__all__ = ["csv_line", "format_value", "render_csv", "render_html", "render_json", "render_refusal", "render_text"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sbrtcheck.report' has no attribute {name!r}")
    return getattr(import_module(f"sbrtcheck.report.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
