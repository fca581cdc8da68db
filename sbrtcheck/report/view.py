"""What a report shows, as sections of plain safe text. Text and HTML lay out the same sections and add nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sbrtcheck.errors import Problem, fractions
from sbrtcheck.model import (
    Cumulative,
    Finding,
    FindingKind,
    PlanReport,
    Report,
    Role,
    StoredAgreement,
    SummedOrgan,
    Triangle,
    Verdict,
)
from sbrtcheck.model.numbers import exact, format_value
from sbrtcheck.model.report_dict import NOTICE, basename, plain
from sbrtcheck.report.eqd2_table import eqd2_section
from sbrtcheck.report.finding_rows import OTHER_TABLES, about_finding, finding_line, finding_table
from sbrtcheck.report.headline import clean, head_lines, judged, limit_text, table_title
from sbrtcheck.report.layout import Section, Table, View, amount, shown
from sbrtcheck.report.lesion_table import lesion_rows
from sbrtcheck.report.words import (
    MATCHED_WORDS,
    OUTCOME_TONE,
    counts,
    rank,
    tone,
)

_SPACING = re.compile(r"samples (\d+\.\d+) mm apart")
HASH = "SHA-256 (first 16)"
_IN_TABLE = {FindingKind.ORGAN_LIMIT, FindingKind.TARGET_GOAL, FindingKind.CONFORMITY, FindingKind.LESION_BED10}


def view(report: Report) -> View:
    """All sections of the report that have something to say, in the order in which a reader needs them."""
    patient = "" if report.pseudonymised else ", ".join(clean(part) for part in report.patient if part)
    sections: list[Section] = []
    if judged(report):
        plans = [_plan_section(report, index, plan) for index, plan in enumerate(report.plans)]
        lesion_table, remarks = lesion_rows(report)
        course = [_course_section(report), Section("Lesions", tables=(lesion_table,), items=remarks)]
        # Of several plans the course is what matters first.
        sections += [*course, *plans] if len(report.plans) > 1 else [*plans, *course]
        sections.append(eqd2_section(report))
        sections.append(_not_evaluated(report))
        sections.append(_other_sources(report))
    sections.append(_problems("Errors", report.errors))
    sections.append(_problems("Warnings", report.warnings))
    sections.append(_facts(report))
    sections.append(Section("A person must confirm", items=tuple(clean(text) for text in report.confirm)))
    sections.append(_names(report))
    sections.append(_provenance(report))
    return View(
        outcome=report.outcome.value,
        tone=OUTCOME_TONE[report.outcome],
        exit_code=report.exit_code,
        head=head_lines(report),
        patient=patient,
        sections=tuple(section for section in sections if not section.empty),
        notice=NOTICE,
    )


def _plan_section(report: Report, index: int, plan: PlanReport) -> Section:
    numbered = [f for f in plan.findings if f.kind in _IN_TABLE and not _silent(f) and not _achieved(f)]
    others = [f for f in plan.findings if f.kind not in _IN_TABLE | OTHER_TABLES and not _silent(f)]
    tables = [finding_table(report, numbered)]
    if plan.agreement:
        tables.append(_agreement_table(plan.agreement))
    pairs = _plan_pairs(report, plan)
    title = f"Plan {clean(plan.label)}: {plan.outcome.value}"
    items = tuple(finding_line(report, f) for f in sorted(others, key=rank))
    return Section(title, pairs, tuple(tables), items, plan=index, tone=OUTCOME_TONE[plan.outcome])


def _silent(f: Finding) -> bool:
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
    if plan.triangle:
        pairs.append(("Prescription, beams, target", _three_doses(plan.triangle)))
    return tuple(pairs)


def _three_doses(found: Triangle) -> str:
    """Prescription, beams and target side by side: they must meet."""
    doses = {
        "prescription": found.prescription_gy,
        "n times beam doses": found.n_times_beam_doses_gy,
        "ptv d95": found.ptv_d95_percent_gy,
        "ptv d50": found.ptv_d50_percent_gy,
        "ptv d2": found.ptv_d2_percent_gy,
    }
    return ", ".join(f"{name} {amount(value, 'Gy')}" for name, value in doses.items())


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


def _table_and_reason(title: str, reason: str) -> str:
    if not title:
        return f"none: {reason}" if reason else "none"
    return reason if reason.startswith(title) else f"{title}: {reason}"


def _course_section(report: Report) -> Section:
    numbered = [f for f in report.course_findings if f.value is not None and f.kind not in OTHER_TABLES]
    rest = [
        f
        for f in report.course_findings
        if f not in numbered and f.kind not in OTHER_TABLES and f.verdict is not Verdict.NOT_EVALUABLE
    ]
    tables = [finding_table(report, numbered)] if numbered else []
    items = tuple(finding_line(report, f) for f in sorted(rest, key=rank))
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
    lungs = tuple(
        (clean(x.organ), clean(x.metric), amount(x.value, "") if x.value is None else _bare(x.value), clean(x.unit))
        for x in found.lungs
    )
    gaps = tuple((clean(x.lesions), amount(x.distance_mm, "mm")) for x in found.lesion_distances)
    tables = (
        _shares_table(found.organs),
        Table(("organ", "metric", "value", "unit"), lungs, frozenset({"value"}), caption="lungs"),
        Table(("lesions", "distance"), gaps, frozenset({"distance"}), caption="lesion distances"),
    )
    return tuple((name, clean(text)) for name, text in told.items() if text), tuple(t for t in tables if t.rows)


def _bare(value: float) -> str:
    return format_value(value, unit="")


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
    return Table(columns, cells, frozenset(columns[3:]), caption="What each plan gives at the volume of the limit")


def _gray(value: float | None) -> str:
    return "-" if value is None else f"{format_value(value, unit='Gy')} Gy"


def _not_evaluated(report: Report) -> Section:
    found = sorted((f for f in report.findings if f.verdict is Verdict.NOT_EVALUABLE), key=rank)
    rows = []
    for f in found:
        limit = limit_text(f) if f.limit is not None else ""
        reason = f.reason.words if f.reason is not None else "-"
        effect = f.consequence.value if counts(f) else "none"
        what = " ".join(part for part in (about_finding(f), clean(f.metric), limit) if part)
        rows.append((clean(f.plan) or "course", what, reason, clean(f.note) or "-", effect))
    columns = ("Plan", "What", "Why", "In detail", "Effect")
    return Section("Not evaluated, and why", tables=(Table(columns, tuple(rows), tones=tuple(map(tone, found))),))


def _other_sources(report: Report) -> Section:
    captions = {
        FindingKind.STRICTER_SOURCE: "Stricter than the deciding table, and exceeded",
        FindingKind.OTHER_SOURCE: "Judged beside it; does not decide",
    }
    tables = []
    for kind, caption in captions.items():
        found = [f for f in report.findings if f.kind is kind and not _silent(f)]
        if found:
            tables.append(finding_table(report, found, caption=caption))
    shown_tables = {(f.table, f.trust) for f in report.findings if f.kind in OTHER_TABLES and f.trust}
    trust = tuple(sorted(f"{table_title(report, name)}: {clean(how)}" for name, how in shown_tables))
    return Section("What other sources say", tables=tuple(tables), items=trust)


def _problems(title: str, problems: Sequence[Problem]) -> Section:
    rows = tuple(
        (
            p.code,
            clean(p.object),
            clean(p.tag) or "-",
            clean(p.seen) or "-",
            clean(p.detail or p.meaning),
            clean(p.remedy),
        )
        for p in problems
    )
    return Section(title, tables=(Table(("Code", "Object", "Tag", "Seen", "Meaning", "What to do"), rows),))


def _facts(report: Report) -> Section:
    rows = tuple((clean(f.name), clean(plain(f.value)), clean(plain(f.origin))) for f in report.facts)
    return Section("Facts and where they come from", tables=(Table(("Fact", "Value", "Origin"), rows),))


def _names(report: Report) -> Section:
    known, unknown = [], []
    for s in report.structures:
        outside = "-"
        if s.volume_outside_grid_fraction is not None:
            outside = f"{100.0 * s.volume_outside_grid_fraction:.1f}"
        volumes = (_volume(s.volume_cm3), _volume(s.volume_cm3_stored), outside)
        if s.role is Role.UNMATCHED:
            unknown.append((clean(s.roi), clean(s.suggestion) or "-", *volumes[:1], clean(s.note) or "-"))
            continue
        means = clean(s.organ or s.target_type) or s.role.value
        role = "" if s.role in {Role.ORGAN, Role.TARGET} else f" ({s.role.value})"
        known.append(
            (
                clean(s.roi),
                means + (role if role.strip(" ()") != means else ""),
                MATCHED_WORDS[s.matched_by],
                *volumes,
                clean(s.note) or "-",
            )
        )
    numeric = frozenset({"Volume [cc]", "Stored [cc]", "Outside grid [%]"})
    tables = [
        Table(("ROI", "Read as", "By", "Volume [cc]", "Stored [cc]", "Outside grid [%]", "Note"), tuple(known), numeric)
    ]
    if unknown:
        columns = ("Not matched", "Did you mean", "Volume [cc]", "Note")
        tables.append(Table(columns, tuple(unknown), numeric, caption="Not matched: judged by no rule"))
    return Section("How the names were understood", tables=tuple(tables))


def _volume(value: float | None) -> str:
    return format_value(value, unit="cc")


def _provenance(report: Report) -> Section:
    sources = tuple(
        (
            *(clean(x) or "-" for x in (t.title, t.version, t.edition, t.trust, t.role, t.citation)),
            _hash(t.sha256),
        )
        for t in report.tables
    )
    files = tuple(
        (clean(basename(f.name)), f.kind, "used" if f.used else "left alone", clean(f.note) or "-", _hash(f.sha256))
        for f in report.inputs
    )
    pairs = [("DVH method", text) for text in _methods(report)]
    for p in report.plans:
        uids = (
            ("plan", p.sop_instance_uid),
            ("dose", p.dose_sop_instance_uid),
            ("structures", p.structure_set_sop_instance_uid),
        )
        pairs += [(f"UID of {what} ({clean(p.label)})", clean(uid)) for what, uid in uids if uid]
    pairs += [(f"Option {clean(k)}", shown(value)) for k, value in report.options.shown().items()]
    pairs += [(f"Version of {clean(k)}", clean(report.versions[k])) for k in sorted(report.versions)]
    tables = (
        Table(("Table", "Version", "Edition", "Trust", "Role", "Citation", HASH), sources),
        Table(("File", "Kind", "Use", "Note", HASH), files),
    )
    return Section("Provenance", tuple(pairs), tables)


def _methods(report: Report) -> tuple[str, ...]:
    """The DVH methods; those that differ in the distance of their samples only are one line with its range."""
    spacings: dict[str, list[float]] = {}
    for text in sorted({clean(s.method) for s in report.structures if s.method}):
        found = _SPACING.search(text)
        base = _SPACING.sub("samples {} mm apart", text)
        spacings.setdefault(base, []).extend([float(found[1])] if found else [])
    lines = []
    for base, steps in spacings.items():
        ends = sorted({min(steps), max(steps)}) if steps else []
        lines.append(base.replace("{}", " to ".join(f"{step:.2f}" for step in ends)) if ends else base)
    if len(lines) > 4:
        return (*lines[:4], f"and {len(lines) - 4} more; each structure's own stands in the JSON report")
    return tuple(lines)


def _hash(text: str) -> str:
    """The start of a hash: enough to tell two files apart; the JSON report has it in full."""
    return clean(text)[:16] or "-"
