"""The section of one plan: what was not judged, the doses of its targets, its findings, and what was found beside."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.errors import fractions
from sbrtcheck.model import Finding, FindingKind, PlanReport, Report, StoredAgreement, Verdict
from sbrtcheck.model.numbers import exact, format_value
from sbrtcheck.report.finding_rows import OTHER_TABLES, finding_line, finding_table
from sbrtcheck.report.headline import clean, table_title
from sbrtcheck.report.layout import Section, Table, amount
from sbrtcheck.report.words import OUTCOME_TONE, counts, rank

_IN_TABLE = {FindingKind.ORGAN_LIMIT, FindingKind.TARGET_GOAL, FindingKind.CONFORMITY, FindingKind.LESION_BED10}


def plan_section(report: Report, index: int, plan: PlanReport) -> Section:
    numbered = [f for f in plan.findings if f.kind in _IN_TABLE and not silent(f) and not _achieved(f)]
    others = [f for f in plan.findings if f.kind not in _IN_TABLE | OTHER_TABLES and not silent(f)]
    tables = [
        _unjudged_table(plan),
        _target_dose_table(plan),
        finding_table(report, numbered),
        _supplement_table(plan),
        _agreement_table(plan.agreement),
    ]
    pairs = _plan_pairs(report, plan)
    title = f"Plan {clean(plan.label)}: {plan.outcome.value}"
    items = (
        *(f"To do: {clean(text)}" for text in plan.to_do),
        *(clean(text) for text in plan.lines),
        *(finding_line(f) for f in sorted(others, key=rank)),
    )
    return Section(title, pairs, tuple(t for t in tables if t.rows), items, plan=index, tone=OUTCOME_TONE[plan.outcome])


def silent(f: Finding) -> bool:
    """Not evaluated: shown in a section of its own, where the reason has room. Those that count stand in both."""
    return f.verdict is Verdict.NOT_EVALUABLE and (not counts(f) or f.kind not in _IN_TABLE | OTHER_TABLES)


def _achieved(f: Finding) -> bool:
    """BED10 and EQD2 of what a lesion gets: they stand with the lesion."""
    return f.kind is FindingKind.LESION_BED10 and f.verdict is Verdict.INFORMATION and ":" in f.metric


def _plan_pairs(report: Report, plan: PlanReport) -> tuple[tuple[str, str], ...]:
    doses = ", ".join(f"{exact(dose)} Gy" for dose in plan.prescription_gy) or "not known"
    n_fractions = "not known fractions" if plan.n_fractions is None else fractions(plan.n_fractions)
    pairs = [
        ("Prescription", f"{doses} in {n_fractions}"),
        ("Organ table", _table_and_reason(table_title(report, plan.table), clean(plan.table_reason))),
    ]
    if plan.default_table and plan.default_outcome is not None:
        pairs.append(("Default table", f"{table_title(report, plan.default_table)}: {plan.default_outcome.value}"))
    pairs += [
        ("Approval", clean(plan.approval_status) or "not stated"),
        ("Intent", clean(plan.intent) or "not stated"),
        ("Heterogeneity correction", clean(plan.heterogeneity_correction) or "not stated"),
        ("Dose grid", " x ".join(f"{step:.4g}" for step in plan.grid_spacing_mm) + " mm"),
        (
            "Highest dose",
            f"{format_value(plan.global_max_gy, unit='Gy')} Gy, {clean(plan.global_max_place)}".strip(", "),
        ),
    ]
    if plan.v105_outside_cm3 is not None:
        pairs.append(("V105% outside the PTVs", f"{format_value(plan.v105_outside_cm3, unit='cc')} cc"))
    return tuple(pairs)


def _agreement_table(rows: Sequence[StoredAgreement]) -> Table:
    """Our DVHs beside those that the dose file stores."""
    columns = {
        "roi": [clean(r.roi) for r in rows],
        "volume": [amount(r.volume_cm3, "cc") for r in rows],
        "stored volume": [amount(r.stored_volume_cm3, "cc") for r in rows],
        "mean difference": [amount(r.mean_difference_gy, "Gy") for r in rows],
        "D95% difference": [amount(r.d95_percent_difference_gy, "Gy") for r in rows],
        "dose distance": [amount(r.dose_distance_gy, "Gy") for r in rows],
        "volume distance": [amount(r.volume_distance_percent, "%") for r in rows],
        "verdict": [clean(r.verdict) for r in rows],
        "note": [clean(r.note) for r in rows],
    }
    names = tuple(columns)
    cells = tuple(zip(*columns.values(), strict=True))
    return Table(names, cells, frozenset(names[1:7]), caption="Against the DVHs stored in the file")


def _unjudged_table(plan: PlanReport) -> Table:
    """Organs near a target that no row judged."""
    columns = ("Not judged", "ROI", "D0.035cc", "Mean", "From a target", "Why")
    rows = tuple(
        (
            clean(u.organ),
            clean(u.roi) or "-",
            amount(u.near_maximum_gy, "Gy"),
            amount(u.mean_gy, "Gy"),
            amount(u.distance_mm, "mm"),
            clean(u.reason),
        )
        for u in plan.unjudged
    )
    tones = ("open",) * len(rows)
    return Table(columns, rows, frozenset(columns[2:5]), tones, caption="Near a target and not judged")


def _target_dose_table(plan: PlanReport) -> Table:
    """What was prescribed, what the beams give and what the target gets: they must meet."""
    columns = ("Target", "Prescribed", "Beams", "D95%", "D98%", "D50%", "Near-maximum", "Prescription covers")
    rows = tuple(
        (
            clean(t.target),
            *(
                amount(gy, "Gy")
                for gy in (t.prescription_gy, t.beams_gy, t.d95_gy, t.d98_gy, t.d50_gy, t.near_maximum_gy)
            ),
            clean(t.covers) or "-",
        )
        for t in plan.target_doses
    )
    return Table(columns, rows, frozenset(columns[1:7]), caption="Doses of the targets")


def _supplement_table(plan: PlanReport) -> Table:
    """Limits that other sources supply."""
    rows = tuple(
        (clean(s.organ), s.kind.value.replace("_", " "), clean(s.source), clean(s.rule_id)) for s in plan.supplements
    )
    return Table(("Organ", "Kind of limit", "Supplied by", "Rule"), rows, caption="Limits that other sources supply")


def _table_and_reason(title: str, reason: str) -> str:
    if not title:
        return f"none: {reason}" if reason else "none"
    return reason if reason.startswith(title) else f"{title}: {reason}"
