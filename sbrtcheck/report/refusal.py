"""What is said of an input that cannot be judged: the errors, and nothing that could be taken for a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.errors import Problem
from sbrtcheck.model import EXIT_CODE, InputFile, Outcome, Report


def refused_report(
    problems: Sequence[Problem], *, inputs: Sequence[InputFile] = (), versions: dict[str, str] | None = None
) -> Report:
    """A Report that holds the errors and warnings and nothing else: REFUSED, exit code 4, no plan, no number.

    Raises:
        ValueError: none of the problems is an error.
    """
    errors = tuple(problem for problem in problems if problem.is_error)
    if not errors:
        raise ValueError("a refusal needs at least one error")
    return Report(
        outcome=Outcome.REFUSED,
        exit_code=EXIT_CODE[Outcome.REFUSED],
        default_outcome=Outcome.REFUSED,
        lesions=(),
        plans=(),
        cumulative=None,
        course_findings=(),
        structures=(),
        facts=(),
        errors=errors,
        warnings=tuple(problem for problem in problems if not problem.is_error),
        inputs=tuple(inputs),
        options={},
        versions=dict(versions or {}),
    )


def render_refusal(
    problems: Sequence[Problem],
    fmt: str,
    *,
    inputs: Sequence[InputFile] = (),
    versions: dict[str, str] | None = None,
    color: bool = False,
    width: int = 120,
) -> str:
    """The refusal in one of the formats text, json, csv, html.

    Raises:
        ValueError: an unknown format, or no error among the problems.
    """
    report = refused_report(problems, inputs=inputs, versions=versions)
    if fmt == "text":
        from sbrtcheck.report.formats.text import render_text

        return render_text(report, color=color, width=width)
    if fmt == "json":
        from sbrtcheck.report.formats.json import render_json

        return render_json(report)
    if fmt == "csv":
        from sbrtcheck.report.formats.csv import render_csv

        return render_csv(report)
    if fmt == "html":
        from sbrtcheck.report.formats.html import render_html

        return render_html(report)
    raise ValueError(f"unknown format {fmt!r}: text, json, csv or html")
