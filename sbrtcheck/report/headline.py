"""What every part of a report says alike: safe text, the title of a table, a limit, a finding in one sentence."""

from __future__ import annotations

from sbrtcheck.errors import safe_text
from sbrtcheck.model import Finding, Outcome, Report
from sbrtcheck.model.numbers import format_limit


def clean(text: object, *, limit: int = 600) -> str:
    """Text from outside, safe to show."""
    return safe_text(text, limit=limit)


def table_title(report: Report, name: str) -> str:
    """The title of a table as the report knows it, else its name."""
    for table in report.tables:
        if table.name == name and table.title:
            title = clean(table.title, limit=200)
            return title if len(title) <= 48 else clean(name)
    return clean(name)


def limit_text(finding: Finding) -> str:
    """The limit with comparator and unit: "<= 40 Gy"."""
    if finding.limit is None:
        return "-"
    number = format_limit(finding.limit, finding.value, finding.low, finding.high, unit=finding.unit)
    return f"{finding.comparator} {number} {finding.unit}".rstrip()


def sentence(report: Report, finding: Finding) -> str:
    """The sentence of a finding; of several plans with the plan's label before it."""
    if len(report.plans) > 1 and finding.plan:
        return f"{clean(finding.plan, limit=60)}: {finding.text}"
    return finding.text


def judged(report: Report) -> bool:
    """Whether the report holds a judgement at all. A refused input has none, whatever else was read."""
    return bool(report.plans) and report.outcome is not Outcome.REFUSED
