"""The report in its formats, one module each.

None of them writes a file or judges.
"""

from typing import Any


def render(report: Any, format_: str) -> str:
    """The report in one of its formats; each renderer is imported only when asked for."""
    import sys

    if format_ == "json":
        from sbrtcheck.report.formats.json import render_json

        return render_json(report)
    if format_ == "csv":
        from sbrtcheck.report.formats.csv import render_csv

        return render_csv(report)
    if format_ == "html":
        from sbrtcheck.report.formats.html import render_html

        return render_html(report)
    import shutil

    from sbrtcheck.report.formats.text import render_text

    width = min(max(shutil.get_terminal_size((120, 40)).columns, 80), 160)
    return render_text(report, color=sys.stdout.isatty(), width=width)
