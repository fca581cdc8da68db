"""The first five lines: the outcome, what decides it, the default table's outcome, a stricter source, the exit code."""

from __future__ import annotations

from sbrtcheck.errors import fractions, safe_text
from sbrtcheck.model import Finding, FindingKind, Outcome, PlanReport, Report, Verdict
from sbrtcheck.model.numbers import format_limit, format_share, format_value, relation
from sbrtcheck.report.words import OUTCOME_WORDS, VERDICT_WORDS, counts, rank

MAX_LINES = 5
# The guideline's rule that organ limits come before coverage: where it is missed, that is said at once.
ORGANS_FIRST = "OM-9"


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


def about(finding: Finding) -> str:
    """The organ with its ROI where the names differ; of a limit on several organs jointly, the ROI that was judged."""
    organ, roi = clean(finding.organ, limit=80), clean(finding.roi, limit=80)
    parts = organ.split("+")
    joint = " + ".join(parts)
    if not organ or not roi or roi in {organ, joint}:
        return joint if organ else roi
    return roi if len(parts) > 1 and roi in parts else f"{joint} ({roi})"


def subject(finding: Finding) -> str:
    """What a finding is about: an organ, or the lesion with its target."""
    if finding.lesion:
        return f"lesion {clean(finding.lesion, limit=40)} {clean(finding.roi or finding.organ, limit=80)}".rstrip()
    return about(finding)


def limit_text(finding: Finding) -> str:
    """The limit with comparator and unit: "<= 40 Gy"."""
    if finding.limit is None:
        return "-"
    number = format_limit(finding.limit, finding.value, finding.low, finding.high, unit=finding.unit)
    return f"{finding.comparator} {number} {finding.unit}".rstrip()


def number_and_limit(finding: Finding) -> str:
    """ "47.1 > 40 Gy": the value as it stands to its limit, or as much of it as there is."""
    value, limit = finding.value, finding.limit
    shown = format_value(value, limit, finding.comparator, finding.unit)
    if value is None or limit is None:
        return f"{shown} {finding.unit}".rstrip() if value is not None else ""
    if finding.verdict is Verdict.MARGINAL and finding.low is not None and finding.high is not None:
        low, high = (format_value(x, limit, finding.comparator, finding.unit) for x in (finding.low, finding.high))
        return f"{shown} {finding.unit} (band {low} to {high}), limit {limit_text(finding)}"
    sign = relation(value, limit)
    strict = f", must be {finding.comparator}" if sign == "=" and finding.verdict is Verdict.NOT_MET else ""
    return f"{shown} {sign} {limit_text(finding).removeprefix(finding.comparator).strip()}" + strict


def sentence(report: Report, finding: Finding) -> str:
    """One finding on one line: "central_50_5: SpinalCord D0.035cc[Gy] 31.2 > 30 Gy (AAPM TG-101, 5 fractions)"."""
    plan = f"{clean(finding.plan, limit=60)}: " if finding.plan else ""
    parts = [subject(finding), clean(finding.metric, limit=80)]
    if finding.verdict is Verdict.NOT_EVALUABLE:
        reason = finding.reason.words if finding.reason else "no reason given"
        detail = clean(finding.note, limit=200)
        words = detail or reason
        parts.append(f"not evaluable: {words}" if any(parts) else words)
    elif finding.value is not None:
        parts.append(number_and_limit(finding))
    elif finding.note:
        parts.append(clean(finding.note, limit=200))
    source = source_short(report, finding)
    text = plan + " ".join(part for part in parts if part)
    return f"{text} ({source})" if source else text


def source_short(report: Report, finding: Finding) -> str:
    """The table's title with the plan's number of fractions for organ limits; else the finding's own source."""
    organ_rows = {FindingKind.ORGAN_LIMIT, FindingKind.STRICTER_SOURCE, FindingKind.OTHER_SOURCE}
    if finding.kind in organ_rows and finding.table:
        title = table_title(report, finding.table)
        plan = next((p for p in report.plans if p.label == finding.plan), None)
        if plan is None or plan.n_fractions is None:
            return title
        return f"{title}, {fractions(plan.n_fractions)}"
    return clean(finding.source, limit=120)


def judged(report: Report) -> bool:
    """Whether the report holds a judgement at all. A refused input has none, whatever else was read."""
    return bool(report.plans) and report.outcome is not Outcome.REFUSED


def head_lines(report: Report) -> tuple[str, ...]:
    """At most five lines. The first starts with the outcome."""
    if not judged(report):
        return _refused_lines(report)
    deciders = sorted((f for f in report.findings if f.consequence is report.outcome and counts(f)), key=rank)
    first = deciders[0] if deciders else None
    others = [f for f in deciders[1:] if f.kind is not FindingKind.STRICTER_SOURCE]
    lines = [f"{report.outcome.value}  {_first_words(report, first)}"]
    organs_first = next((f for f in report.findings if f.rule_id == ORGANS_FIRST and counts(f)), None)
    if organs_first is not None:
        n_others = sum(f is not organs_first for f in others)
        more = f"  (and {n_others} more missed)" if n_others else ""
        lines.append(f"{clean(organs_first.note, limit=300)} ({ORGANS_FIRST}){more}")
    elif others:
        more = f"  (and {len(others) - 1} more)" if len(others) > 1 else ""
        lines.append(f"also: {sentence(report, others[0])}{more}")
    default = _default_line(report)
    if default:
        lines.append(default)
    stricter = sorted(
        (f for f in report.findings if f.kind is FindingKind.STRICTER_SOURCE and counts(f) and f is not first),
        key=rank,
    )
    if stricter:
        more = f"  (and {len(stricter) - 1} more)" if len(stricter) > 1 else ""
        lines.append(f"stricter source: {sentence(report, stricter[0])}{more}")
    if first is not None and first.kind is FindingKind.ORGAN_LIMIT and len(lines) < 4:
        lines += _beside_line(report, first)
    lines.append(_last_line(report))
    return tuple(lines)


def _beside_line(report: Report, first: Finding) -> list[str]:
    """What another source says of the organ that decides: it changes nothing, and a physicist will ask."""
    beside = [
        f
        for f in report.findings
        if f.kind is FindingKind.OTHER_SOURCE
        and f.organ == first.organ
        and f.plan == first.plan
        and f.unit == first.unit
    ]
    if not beside:
        return []
    says = [f"{table_title(report, f.table)} {f.metric} {limit_text(f)}: {VERDICT_WORDS[f.verdict]}" for f in beside]
    return ["beside, deciding nothing: " + "; ".join(dict.fromkeys(clean(text, limit=90) for text in says[:3]))]


def _first_words(report: Report, first: Finding | None) -> str:
    if first is not None:
        stricter = "a stricter source is exceeded: " if first.kind is FindingKind.STRICTER_SOURCE else ""
        return stricter + sentence(report, first)
    if report.outcome is not Outcome.PASS:
        return OUTCOME_WORDS[report.outcome]
    limits = [f for f in report.findings if f.kind is FindingKind.ORGAN_LIMIT and f.verdict is Verdict.MET]
    words = f"{len(limits)} organ limit{'s' if len(limits) != 1 else ''} met"
    closest = max((f for f in limits if f.share is not None), key=lambda f: f.share or 0.0, default=None)
    if closest is None:
        return words
    share = format_share(closest.share)
    return f"{words}; the closest at {share} of its limit: {sentence(report, closest)}"


def chosen_table(plan: PlanReport) -> bool:
    """Whether the plan was judged by another table than the default."""
    return bool(plan.default_table) and plan.default_table != plan.table


def _default_line(report: Report) -> str:
    plans = [plan for plan in report.plans if chosen_table(plan)]
    if not plans and report.default_outcome is report.outcome:
        return ""
    tables = ", ".join(dict.fromkeys(table_title(report, plan.default_table) for plan in plans))
    chosen = ", ".join(dict.fromkeys(table_title(report, plan.table) for plan in plans))
    named = f" ({tables})" if tables else ""
    instead = f"; judged here by {chosen} on request" if chosen else ""
    return f"with the default table{named}: {report.default_outcome.value}{instead}"


def _last_line(report: Report) -> str:
    words = f"exit code {report.exit_code}: {OUTCOME_WORDS[report.outcome]}"
    if report.outcome is Outcome.PASS_WITH_VARIATION and report.exit_code:
        words += " (--strict)"
    n_open = sum(f.verdict is Verdict.NOT_EVALUABLE and counts(f) for f in report.findings)
    n_idle = sum(f.verdict is Verdict.NOT_EVALUABLE and not counts(f) for f in report.findings)
    if n_open and report.outcome is Outcome.FAIL:
        words += f"; {n_open} that count{'s' if n_open == 1 else ''} could not be evaluated"
    elif n_idle and report.outcome in {Outcome.PASS, Outcome.PASS_WITH_VARIATION}:
        words += f"; {n_idle} without effect could not be evaluated"
    if len(report.plans) > 1:
        words += "; " + ", ".join(f"{clean(p.label, limit=40)} {p.outcome.value}" for p in report.plans[:6])
    return words


def _refused_lines(report: Report) -> tuple[str, ...]:
    errors = report.errors
    lines = [f"{report.outcome.value}  {errors[0].line() if errors else OUTCOME_WORDS[report.outcome]}"]
    if len(errors) > 1:
        lines.append(f"also: {errors[1].line()}" + (f"  (and {len(errors) - 2} more)" if len(errors) > 2 else ""))
    lines.append(f"exit code {report.exit_code}: {OUTCOME_WORDS[report.outcome]}")
    return tuple(lines)
