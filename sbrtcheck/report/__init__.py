"""The report in its formats: text for a terminal, JSON, CSV and one self-contained HTML page.

Every renderer takes a Report and gives text; none of them writes a file, judges or rounds before it compares.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sbrtcheck.report.formats import Format, render
    from sbrtcheck.report.formats.csv import csv_line, render_csv
    from sbrtcheck.report.formats.html import render_html
    from sbrtcheck.report.formats.json import render_json
    from sbrtcheck.report.formats.text import render_text

_HOME = {
    "Format": "formats",
    "csv_line": "formats.csv",
    "render": "formats",
    "render_csv": "formats.csv",
    "render_html": "formats.html",
    "render_json": "formats.json",
    "render_text": "formats.text",
}

__all__ = ["Format", "csv_line", "render", "render_csv", "render_html", "render_json", "render_text"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sbrtcheck.report' has no attribute {name!r}")
    return getattr(import_module(f"sbrtcheck.report.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
