"""The first screen: the outcome and why, what was not judged, the doses of the targets, the worst of each kind of
trouble, and what a person must do. All of it stands at length below."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sbrtcheck.model import Finding, FindingKind, MarginalReason, Outcome, PlanReport, Report, Verdict
from sbrtcheck.model.numbers import format_share, format_value
from sbrtcheck.report.headline import clean, judged, limit_text, sentence, table_title
from sbrtcheck.report.words import OUTCOME_WORDS, counts, marginal_words, rank

# At most so many lines of one sort; the sections below have them all.
AT_MOST = 4
# In the order in which they are said.
TROUBLES = ("Not met", "Organs before coverage", "Needs review", "Within the band", "Variation", "Stricter source")
# The guideline's rule that organ limits come before coverage: where it is missed, that is said at once.
ORGANS_FIRST = "OM-9"
# Spared volumes of small organs: judged, and never what a report says first (P6).
SMALL_ORGANS = "small_organs."


def head_lines(report: Report) -> tuple[str, ...]:
    """The lines of the first screen; the first one starts with the outcome, the last one is the exit code."""
    if not judged(report):
        return _refused_lines(report)
    deciders = sorted((f for f in report.findings if f.consequence is report.outcome and counts(f)), key=_order)
    first = deciders[0] if deciders else None
    return (
        f"{_outcome(report)}  {_why(report, first)}",
        *_default_line(report),
        *_at_most([clean(text) for text in report.policy.changed]),
        *_not_judged(report, first),
        *_target_doses(report),
        *_troubles(report, first),
        *_beside_line(report, first),
        *_at_most(_of_plans(report, lambda p: p.lines)),
        *_at_most([f"To do: {text}" for text in _of_plans(report, lambda p: p.to_do)]),
        _last_line(report),
    )


def _order(finding: Finding) -> tuple[object, ...]:
    small = any(key.startswith(SMALL_ORGANS) for key in finding.policy)
    stricter = finding.kind is FindingKind.STRICTER_SOURCE
    return (small, stricter, *rank(finding))


def _outcome(report: Report) -> str:
    """The outcome word; MARGINAL says which of the two kinds it is."""
    reason = report.why_marginal
    return report.outcome.value + (f" ({marginal_words(reason)})" if reason else "")


def _why(report: Report, first: Finding | None) -> str:
    if first is not None:
        return sentence(report, first)
    if report.outcome is not Outcome.PASS:
        return OUTCOME_WORDS[report.outcome]
    limits = [f for f in report.findings if f.kind is FindingKind.ORGAN_LIMIT and f.verdict is Verdict.MET]
    words = f"{len(limits)} organ limit{'s' if len(limits) != 1 else ''} met"
    closest = max((f for f in limits if f.share is not None), key=lambda f: f.share or 0.0, default=None)
    if closest is None:
        return words
    return f"{words}; the closest uses {format_share(closest.share)}: {sentence(report, closest)}"


def _not_judged(report: Report, first: Finding | None) -> list[str]:
    """Organs near a target without a row, then what counts and could not be evaluated."""
    lines = [f"Not judged: {text}" for text in _of_plans(report, _unjudged_lines)]
    named = {(p.label, u.organ) for p in report.plans for u in p.unjudged}
    found = [
        f
        for f in sorted(report.findings, key=_order)
        if f.verdict is Verdict.NOT_EVALUABLE and counts(f) and f is not first and (f.plan, f.organ) not in named
    ]
    lines += [f"Not judged: {sentence(report, f)}" for f in _once(found)]
    return _at_most(lines)


def _unjudged_lines(plan: PlanReport) -> tuple[str, ...]:
    out = []
    for u in plan.unjudged:
        name = clean(u.organ) if u.roi in {u.organ, ""} else f"{clean(u.organ)} ({clean(u.roi)})"
        doses = [("D0.035cc", u.near_maximum_gy), ("mean", u.mean_gy)]
        told = [f"{what} {format_value(gy, unit='Gy')} Gy" for what, gy in doses if gy is not None]
        if u.distance_mm is not None:
            gap = f"{_mm(u.distance_mm)} mm from" if u.distance_mm else "at"
            told.append(f"{gap} a target")
        out.append(f"{', '.join([name, *told])}: {clean(u.reason)}")
    return tuple(out)


def _mm(distance_mm: float) -> str:
    return f"{distance_mm:.1f}" if distance_mm < 10 else f"{distance_mm:.0f}"


def _target_doses(report: Report) -> list[str]:
    return _at_most(_of_plans(report, target_dose_lines), most=2 * AT_MOST)


def target_dose_lines(plan: PlanReport) -> tuple[str, ...]:
    """Prescription, beams and dose in the target side by side: "PTV: prescribed 50.0 / beams 50.0 / D95% 50.5 Gy"."""
    out = []
    for t in plan.target_doses:
        doses = {
            "prescribed": t.prescription_gy,
            "beams": t.beams_gy,
            "D95%": t.d95_gy,
            "D98%": t.d98_gy,
            "near-maximum": t.near_maximum_gy,
        }
        text = " / ".join(f"{name} {format_value(gy, unit='Gy')}" for name, gy in doses.items() if gy is not None)
        covers = f" ({clean(t.covers)})" if t.covers else ""
        out.append(f"{clean(t.target)}: {text} Gy{covers}" if text else f"{clean(t.target)}: no dose known{covers}")
    return tuple(out)


def _troubles(report: Report, first: Finding | None) -> list[str]:
    """The worst of each kind of trouble that the first line does not tell already, with the number of the others."""
    found = [f for f in report.findings if counts(f) and f is not first and f.verdict is not Verdict.NOT_EVALUABLE]
    kinds: dict[str, list[Finding]] = {}
    for finding in sorted(found, key=_order):
        kinds.setdefault(_kind_of_trouble(finding), []).append(finding)
    lines = []
    for kind in TROUBLES:
        if kind not in kinds:
            continue
        worst, *others = _once(kinds[kind])
        more = f" (and {len(others)} more)" if others else ""
        lines.append(f"{kind}: {sentence(report, worst).removesuffix(': not met')}{more}")
    return lines


def _kind_of_trouble(finding: Finding) -> str:
    if finding.rule_id == ORGANS_FIRST:
        return "Organs before coverage"
    if finding.kind is FindingKind.STRICTER_SOURCE:
        return "Stricter source"
    if finding.consequence is Outcome.FAIL:
        return "Not met"
    if finding.why_marginal is MarginalReason.WITHIN_BAND:
        return "Within the band"
    return "Needs review" if finding.consequence is Outcome.MARGINAL else "Variation"


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """One finding of each thing: an organ with three missed rows is one organ."""
    seen: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.plan, finding.about or finding.rule_id), finding)
    return list(seen.values())


def _beside_line(report: Report, first: Finding | None) -> list[str]:
    """What another source says of the organ that decides: it changes nothing, and a physicist will ask."""
    if first is None or first.kind is not FindingKind.ORGAN_LIMIT:
        return []
    beside = [
        f
        for f in report.findings
        if f.kind is FindingKind.OTHER_SOURCE
        and (f.organ, f.plan, f.unit) == (first.organ, first.plan, first.unit)
        and f.limit is not None
    ]
    verdicts = {Verdict.MET: " (met)", Verdict.NOT_MET: " (not met)"}
    says = [
        f"{table_title(report, f.table)} {clean(f.metric, limit=40)} {limit_text(f)}{verdicts.get(f.verdict, '')}"
        for f in beside[:3]
    ]
    return [f"For comparison only: {'; '.join(dict.fromkeys(says))}"] if says else []


def _default_line(report: Report) -> list[str]:
    """What the default table concludes, where another one was chosen."""
    plans = [p for p in report.plans if p.default_table and p.default_table != p.table]
    if not plans and report.default_outcome is report.outcome:
        return []
    tables = ", ".join(dict.fromkeys(table_title(report, plan.default_table) for plan in plans))
    chosen = ", ".join(dict.fromkeys(table_title(report, plan.table) for plan in plans))
    named = f" ({tables})" if tables else ""
    instead = f"; judged here by {chosen} on request" if chosen else ""
    return [f"With the default table{named}: {report.default_outcome.value}{instead}"]


def _last_line(report: Report) -> str:
    words = f"exit code {report.exit_code}: {OUTCOME_WORDS[report.outcome]}"
    if report.outcome is Outcome.PASS_WITH_VARIATION and report.exit_code:
        words += " (--strict)"
    n_idle = sum(f.verdict is Verdict.NOT_EVALUABLE and not counts(f) for f in report.findings)
    if n_idle and report.outcome in {Outcome.PASS, Outcome.PASS_WITH_VARIATION}:
        words += f"; {n_idle} optional item{'s' if n_idle != 1 else ''} not evaluated (listed below)"
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


def _of_plans(report: Report, of: Callable[[PlanReport], Sequence[str]]) -> list[str]:
    """The lines of all plans; of several plans each with the plan's label."""
    several = len(report.plans) > 1
    return [
        f"{clean(plan.label, limit=60)}: {clean(text)}" if several else clean(text)
        for plan in report.plans
        for text in of(plan)
    ]


def _at_most(lines: Sequence[str], *, most: int = AT_MOST) -> list[str]:
    if len(lines) <= most:
        return list(lines)
    return [*lines[: most - 1], f"and {len(lines) - most + 1} more like this, listed below"]
