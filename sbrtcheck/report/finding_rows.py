"""A finding as a row of a table and as a line: what both layouts show of it."""

from __future__ import annotations

from collections.abc import Iterable

from sbrtcheck.model import Finding, FindingKind, Report, Verdict
from sbrtcheck.model.numbers import format_margin, format_margin_percent, format_share, format_value
from sbrtcheck.report.headline import clean, limit_text, table_title
from sbrtcheck.report.layout import SOLID, Table, solid
from sbrtcheck.report.words import (
    KIND_WORDS,
    LEVEL_SHORT,
    VERDICT_WORDS,
    counts,
    marginal_words,
    rank,
    tone,
)

FINDING_COLUMNS = (
    "Organ (ROI)",
    "Metric",
    "Value",
    "Band",
    "Limit",
    "Margin",
    "Used",
    "Verdict",
    "Level",
    "Source",
)
# A longer source stands below the table.
LONG_SOURCE = 24
OTHER_TABLES = {FindingKind.STRICTER_SOURCE, FindingKind.OTHER_SOURCE}
_WEAK_TRUST = {
    "secondary transcription": "secondary",
    "derived": "derived",
    "partial": "partial",
    "clinic practice": "practice",
    "local": "local",
}
_BY_ID = {FindingKind.GUIDELINE, FindingKind.SITE_CAUTION}


def finding_table(report: Report, findings: Iterable[Finding], *, caption: str = "") -> Table:
    """Findings with a number, sorted by what matters; what is to say about a row stands in a footnote."""
    notes: list[str] = []
    rows, tones = [], []
    for f in sorted(findings, key=rank):
        source = _source_name(report, f)
        remark = clean(f.note) if f.note else ""
        if f.verdict is Verdict.NOT_EVALUABLE and f.reason is not None and not remark:
            remark = f.reason.words
        if remark and remark not in notes:
            notes.append(remark)
        if len(source) > LONG_SOURCE:
            notes += [source] if source not in notes else []
            source = f"see{SOLID}[{notes.index(source) + 1}]"
        cite = f"{SOLID}[{notes.index(remark) + 1}]" if remark else ""
        rows.append(
            (
                about_finding(f),
                clean(f.metric),
                format_value(f.value, f.limit, f.comparator, f.unit),
                band(f),
                solid(limit_text(f)),
                _margin(f),
                solid(format_share(f.share)),
                f"{VERDICT_WORDS[f.verdict]}{cite}",
                LEVEL_SHORT[f.level],
                source,
            )
        )
        tones.append(tone(f))
    numeric = frozenset({"Value", "Band", "Limit", "Margin", "Used"})
    return Table(FINDING_COLUMNS, tuple(rows), numeric, tuple(tones), tuple(notes), caption)


def _margin(finding: Finding) -> str:
    """Room left, in the unit of the limit and in percent of it."""
    if finding.margin is None:
        return "-"
    text = f"{format_margin(finding.margin, finding.unit)} {finding.unit}".strip()
    share = format_margin_percent(finding.margin, finding.limit)
    if share == "-" or finding.unit == "%":
        return solid(text)
    # A margin that rounds to nothing keeps its digits: the sign is what matters.
    whole = f"{float(share):+.0f}"
    return solid(f"{text}, {share if float(whole) == 0 else whole} %")


def band(finding: Finding) -> str:
    """The numerical band, each end shown so that it stands to the limit as the unrounded end does."""
    if finding.low is None or finding.high is None:
        return "-"
    low, high = finding.band
    return low if low == high else f"{low}..{high}"


def _source_name(report: Report, f: Finding) -> str:
    """The table's title; the number of fractions is the plan's own and stands above."""
    if f.source == "policy of this program":
        return "our policy"
    if f.kind in {FindingKind.ORGAN_LIMIT, *OTHER_TABLES} and f.table:
        title = table_title(report, f.table)
        # What stands on less than a transcription of the source itself says so beside each verdict.
        weak = next((short for words, short in _WEAK_TRUST.items() if f.trust.startswith(words)), "")
        return f"{title} ({weak})" if weak else title
    return f.cited or "-"


def about_finding(f: Finding) -> str:
    """What a finding is about: organ with ROI, lesion, or its kind."""
    name = f.structure
    if not name and not f.lesion:
        return KIND_WORDS[f.kind]
    return f"lesion {clean(f.lesion)}: {name}".removesuffix(": ") if f.lesion else name


def finding_line(f: Finding) -> str:
    """A finding without a number of its own, on one line."""
    number = ""
    if f.value is not None:
        number = f"{clean(f.metric)} {format_value(f.value, f.limit, f.comparator, f.unit)} {f.unit}".rstrip()
        if f.limit is not None:
            number += f", limit {limit_text(f)}"
    what = about_finding(f)
    told = "; ".join(part for part in (number, clean(f.note)) if part)
    trust = f" ({f.cited}{', ' + clean(f.trust) if f.trust else ''})" if f.cited else ""
    subject = f" [{what}]" if what != KIND_WORDS[f.kind] else ""
    # A rule of a guideline is known by its id.
    rule = f" {clean(f.rule_id)}" if f.kind in _BY_ID and ":" not in f.rule_id else ""
    return f"{KIND_WORDS[f.kind].capitalize()}{rule}{subject}: {_verdict_and_effect(f)}: {told}{trust}"


def _verdict_and_effect(f: Finding) -> str:
    """The verdict, and what it does to the outcome where the one does not tell the other."""
    if f.why_marginal is not None and f.verdict is Verdict.MARGINAL:
        return marginal_words(f.why_marginal)
    effect = f.consequence.value if f.why_marginal is None else marginal_words(f.why_marginal)
    return f"{VERDICT_WORDS[f.verdict]}{f' -> {effect}' if counts(f) else ''}"
