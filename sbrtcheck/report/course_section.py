"""The section of the course: how its plans were summed, the limits on the sum, and what each plan gives."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.model import Cumulative, Report, SummedOrgan, Verdict
from sbrtcheck.model.numbers import format_value
from sbrtcheck.report.finding_rows import OTHER_TABLES, finding_line, finding_table
from sbrtcheck.report.headline import clean
from sbrtcheck.report.layout import Section, Table, amount
from sbrtcheck.report.words import rank


def course_section(report: Report) -> Section:
    numbered = [f for f in report.course_findings if f.value is not None and f.kind not in OTHER_TABLES]
    rest = [
        f
        for f in report.course_findings
        if f not in numbered and f.kind not in OTHER_TABLES and f.verdict is not Verdict.NOT_EVALUABLE
    ]
    tables = [finding_table(report, numbered)] if numbered else []
    items = tuple(finding_line(f) for f in sorted(rest, key=rank))
    if report.cumulative is None:
        return Section("Course", (), tuple(tables), items)
    pairs, sums = _cumulative(report.cumulative)
    return Section("Course", pairs, (*tables, *sums), items)


def _cumulative(found: Cumulative) -> tuple[tuple[tuple[str, str], ...], tuple[Table, ...]]:
    """How the plans were summed, and what each of them gives."""
    told = {
        "plans": "; ".join(found.plans),
        "sequence": found.sequence,
        "sequence from": found.sequence_from,
        "source": found.source,
        "not summed": found.not_summed,
        "registrations": "; ".join(found.registrations),
    }
    lungs = tuple((clean(x.organ), clean(x.metric), amount(x.value, ""), clean(x.unit)) for x in found.lungs)
    gaps = tuple((clean(x.lesions), amount(x.distance_mm, "mm")) for x in found.lesion_distances)
    tables = (
        _shares_table(found.organs),
        Table(("organ", "metric", "value", "unit"), lungs, frozenset({"value"}), caption="lungs"),
        Table(("lesions", "distance"), gaps, frozenset({"distance"}), caption="lesion distances"),
    )
    return tuple((name, clean(text)) for name, text in told.items() if text), tuple(t for t in tables if t.rows)


def _shares_table(rows: Sequence[SummedOrgan]) -> Table:
    """What each plan alone gives an organ at the volume of a limit, and all together."""
    plans = list(dict.fromkeys(label for row in rows for label in row.shares_gy))
    cells = tuple(
        (
            clean(row.organ) if row.organ == row.roi else clean(f"{row.organ} ({row.roi})"),
            clean(row.metric),
            row.verdict.value.lower().replace("_", " "),
            *(_gray(row.shares_gy.get(label)) for label in plans),
            f"{_gray(row.sum_gy)} {clean(row.quantity)}".rstrip(),
        )
        for row in rows
    )
    columns = ("Organ (ROI)", "Limit on", "Verdict", *map(clean, plans), "Together")
    return Table(columns, cells, frozenset(columns[3:]), caption="Dose of each plan at the limited volume")


def _gray(value: float | None) -> str:
    return "-" if value is None else f"{format_value(value, unit='Gy')} Gy"
