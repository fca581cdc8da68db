"""The report as JSON text."""

from __future__ import annotations

import json

from sbrtcheck.model import Report
from sbrtcheck.model.report import report_to_dict


def render_json(report: Report) -> str:
    """The JSON document of docs/report.schema.json, two spaces deep, ASCII only, with a final line end.

    ASCII, because a direction mark or a lone surrogate in a ROI name must reach neither a terminal nor an encoder;
    a JSON reader gets the name exactly as it stands in the file.

    Raises:
        ValueError: a number that is not finite; it cannot pass.
    """
    return json.dumps(report_to_dict(report), indent=2, ensure_ascii=True, allow_nan=False) + "\n"
