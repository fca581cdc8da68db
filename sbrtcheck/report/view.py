"""What a report shows, as sections of plain safe text. Text and HTML lay out the same sections and add nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sbrtcheck.errors import Problem
from sbrtcheck.model import FindingKind, Report, Role, Verdict
from sbrtcheck.model.numbers import format_value
from sbrtcheck.model.report_dict import NOTICE, basename, plain
from sbrtcheck.report.course_section import course_section
from sbrtcheck.report.eqd2_table import eqd2_section
from sbrtcheck.report.finding_rows import OTHER_TABLES, about_finding, finding_table
from sbrtcheck.report.first_screen import head_lines
from sbrtcheck.report.headline import clean, judged, limit_text, table_title
from sbrtcheck.report.layout import Section, Table, View, shown
from sbrtcheck.report.lesion_table import lesion_rows
from sbrtcheck.report.plan_section import plan_section, silent
from sbrtcheck.report.words import (
    MATCHED_WORDS,
    OUTCOME_TONE,
    counts,
    rank,
    tone,
)

_SPACING = re.compile(r"samples (\d+\.\d+) mm apart")
HASH = "SHA-256 (first 16)"


def view(report: Report) -> View:
    """All sections of the report that have something to say, in the order in which a reader needs them."""
    patient = "" if report.pseudonymised else ", ".join(clean(part) for part in report.patient if part)
    sections: list[Section] = []
    if judged(report):
        plans = [plan_section(report, index, plan) for index, plan in enumerate(report.plans)]
        lesion_table, remarks = lesion_rows(report)
        course = [course_section(report), Section("Lesions", tables=(lesion_table,), items=remarks)]
        # Of several plans the course is what matters first.
        sections += [*course, *plans] if len(report.plans) > 1 else [*plans, *course]
        sections.append(eqd2_section(report))
        sections.append(_not_evaluated(report))
        sections.append(_other_sources(report))
    sections.append(_problems("Errors", report.errors))
    sections.append(_problems("Warnings", report.warnings))
    sections.append(_facts(report))
    sections.append(Section("For the physician to confirm", items=tuple(clean(text) for text in report.confirm)))
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
        found = [f for f in report.findings if f.kind is kind and not silent(f)]
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
        (clean(basename(f.name)), f.kind, "used" if f.used else "not read", clean(f.note) or "-", _hash(f.sha256))
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
