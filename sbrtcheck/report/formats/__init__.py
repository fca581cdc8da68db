"""The report in its formats, one module each.

None of them writes a file or judges.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from sbrtcheck.model import Report


class Format(StrEnum):
    """The formats of a report, as they are asked for."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    HTML = "html"

    @property
    def names_the_patient(self) -> bool:
        """Whether it is for people, who must see whose plan it is; what a program reads names nobody."""
        match self:
            case Format.TEXT | Format.HTML:
                return True
            case Format.JSON | Format.CSV:
                return False
            case _:
                assert_never(self)


def render(report: Report, format_: Format, *, color: bool = False, width: int = 120) -> str:
    """Render the report in one of its formats; each renderer is imported only when asked for.

    Args:
        color: add ANSI colours to the text.
        width: columns of the text.
    """
    match format_:
        case Format.TEXT:
            from sbrtcheck.report.formats.text import render_text

            return render_text(report, color=color, width=width)
        case Format.JSON:
            from sbrtcheck.report.formats.json import render_json

            return render_json(report)
        case Format.CSV:
            from sbrtcheck.report.formats.csv import render_csv

            return render_csv(report)
        case Format.HTML:
            from sbrtcheck.report.formats.html import render_html

            return render_html(report)
        case _:
            assert_never(format_)
