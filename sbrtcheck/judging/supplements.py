"""Limits that always count: where the deciding table has no row of a kind, the first source of a list supplies it.

TG-101 and Timmerman limit lung, liver and kidney by spared volume only, and protocols list few organs. Each row is
judged at its own level, on the organ that its source names, and says which source supplied it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.judging.comparison import judge
from sbrtcheck.judging.organ_limits import PlanContext, applies, judge_organ_limits
from sbrtcheck.judging.row_kinds import kind_of
from sbrtcheck.model import Finding, FindingKind, Level, LimitRow, MarginalReason, OrganTable, Outcome, Verdict
from sbrtcheck.model.finding import held_at, information, told
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.model.policy import Supplement, SupplementKind
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables.organs import organ_info
from sbrtcheck.tables.policy_rows import supplements

OWN_POLICY = "policy of this program"
# Shown for every plan that has the organ, whether a limit asks for it or not.
SHOWN = (
    ("Lungs", ("V20Gy[%]", "V5Gy[%]", "Mean[Gy]")),
    ("Lung_Contralateral", ("Mean[Gy]",)),
    ("Liver", ("Mean[Gy]",)),
    ("Kidneys", ("Mean[Gy]",)),
    ("Kidney", ("Mean[Gy]",)),
)
_MEANS = (
    ("supplements.lung_mean_marginal_gy", ("Lungs",)),
    ("supplements.kidney_mean_marginal_gy", ("Kidney", "Kidneys")),
)


@dataclass(frozen=True, slots=True)
class Supplied:
    """What other sources supply: the findings, and each source with the rows that it was asked for."""

    findings: tuple[Finding, ...] = ()
    tables: tuple[OrganTable, ...] = ()


def judge_supplements(context: PlanContext, deciding: OrganTable, tables: Mapping[str, OrganTable]) -> Supplied:
    """The rows that the deciding table lacks, each from the first source of its list that has one.

    Args:
        deciding: the table that decides.
        tables: every shipped table by name.
    """
    listed = listed_organs(context, deciding)
    cut = [*_named(context, deciding, tables), *_general(context, deciding, tables, listed)]
    findings = [_labelled(f, context, t) for t in cut for f in judge_organ_limits(context, t)]
    return Supplied(tuple(findings), tuple(cut))


def listed_organs(context: PlanContext, table: OrganTable) -> frozenset[str]:
    """The organs that a table has a judged row for at the plan's number of fractions."""
    rows = [r for r in table.rows_for(n_fractions=context.n_fractions) if _applies(context, r)]
    return frozenset(organ for r in rows for organ in (r.organ, *r.joint))


def _applies(context: PlanContext, row: LimitRow) -> bool:
    return applies(row, sex=context.sex, liver_lesion=context.liver_lesion)


def _named(context: PlanContext, deciding: OrganTable, tables: Mapping[str, OrganTable]) -> list[OrganTable]:
    """Sources cut to the rows that they supply for an organ and kind of the list."""
    out = []
    by_limit: dict[tuple[str, SupplementKind], list[Supplement]] = {}
    for s in supplements():
        if s.kind is not None and (not s.n_fractions or context.n_fractions in s.n_fractions):
            by_limit.setdefault((s.organ, s.kind), []).append(s)
    for sources in by_limit.values():
        for s in sources:
            if _rows(context, deciding, replace(s, source_organ=s.organ)):
                break
            rows = _rows(context, tables[s.table], s)
            if rows:
                out.append(replace(tables[s.table], rows=rows))
                break
    return out


def _rows(context: PlanContext, table: OrganTable, wanted: Supplement) -> tuple[LimitRow, ...]:
    """The rows of a table that are what a line of the list asks for, no stricter than it allows."""
    organs = {wanted.organ, wanted.source_organ, f"{wanted.organ}-GTV"}
    rows = [
        r
        for r in table.rows_for(n_fractions=context.n_fractions)
        if r.organ in organs and _applies(context, r) and _is_kind(r, table, wanted)
    ]
    return tuple(_at_most(r, wanted.level_at_most) for r in rows)


def _is_kind(row: LimitRow, table: OrganTable, wanted: Supplement) -> bool:
    if row.metric is None:
        return False
    if wanted.metric_text:
        return row.metric_text == wanted.metric_text
    return kind_of(row.metric, point_cm3=table.point_volume_cm3) is wanted.kind


def _at_most(row: LimitRow, level: Level | None) -> LimitRow:
    return replace(row, level=level) if level is not None and row.level is Level.MANDATORY else row


def _general(
    context: PlanContext, deciding: OrganTable, tables: Mapping[str, OrganTable], listed: frozenset[str]
) -> list[OrganTable]:
    """Sources cut to their rows on organs that must not go unjudged and that the deciding table does not list."""
    named = {s.organ for s in supplements() if s.kind is not None}
    order = [tables[s.table] for s in sorted(supplements(), key=lambda s: s.order) if s.kind is None]
    out = []
    for organ, info in organ_info().items():
        if info.if_unjudged != "incomplete" or organ in listed or is_spoken_for(organ, context, listed | named):
            continue
        for table in order:
            rows = tuple(
                r
                for r in table.rows_for(n_fractions=context.n_fractions)
                if r.organ == organ and table.name != deciding.name and _applies(context, r)
            )
            if rows:
                out.append(replace(table, rows=rows))
                break
    return out


def is_spoken_for(organ: str, context: PlanContext, listed: Iterable[str]) -> bool:
    """Whether an organ is judged by what another one is judged by: a canal beside a cord, one lung beside both.

    Args:
        organ: that has no row of its own.
        context: with what is drawn.
        listed: organs that have rows.
    """
    known = organ_info()
    has_rows = [known[o] for o in listed if o in known]
    for other in has_rows:
        members = {name.removesuffix("_L").removesuffix("_R") for part in other.union_of for name in part}
        if organ in members and context.subjects.get(other.organ):
            return True
        if organ in other.containers or organ in other.judged_by:
            return True
    containers = {c.removesuffix("_PRV") for c in known[organ].containers}
    return any(o.organ in containers and context.subjects.get(o.organ) for o in has_rows)


def _labelled(finding: Finding, context: PlanContext, table: OrganTable) -> Finding:
    """The finding with its source; what cannot be evaluated leaves the plan open only where the organ is required."""
    outcome = finding.consequence
    if finding.verdict is Verdict.NOT_EVALUABLE:
        organs = set(finding.organ.split("+"))
        required = any(organs & set(r.split("|")) for r in context.required)
        if finding.level is not Level.MANDATORY or not required:
            outcome = Outcome.PASS
    return held_at(finding, outcome, f"supplement: {table.title}")


def judge_means(context: PlanContext) -> tuple[Finding, ...]:
    """Mean dose of both lungs and of each kidney against the policy's own numbers: missed, somebody must look."""
    out = []
    for key, organs in _MEANS:
        organ = next((o for o in organs if context.subjects.get(o)), "")
        for subject in context.subjects.get(organ, ()):
            finding = _mean_finding(context, subject, key)
            if finding is not None:
                out.append(finding)
    return tuple(out)


def _mean_finding(context: PlanContext, subject: Subject, key: str) -> Finding | None:
    """None where there is no mean: the rows of the tables say what is lacking."""
    limit = context.policy.value(key)
    metric = parse_metric("Mean[Gy]")
    judged = judge(subject, metric, comparator="<=", limit=limit)
    value = judged.value
    if judged.verdict is Verdict.NOT_EVALUABLE or value.value is None:
        return None
    missed = judged.verdict is Verdict.NOT_MET
    return Finding(
        rule_id=f"policy:{key}",
        kind=FindingKind.ORGAN_LIMIT,
        verdict=judged.verdict,
        consequence=Outcome.MARGINAL if missed else Outcome.PASS,
        level=Level.ADVISORY,
        table="policy",
        plan=context.label,
        organ=subject.organ,
        roi=subject.roi,
        metric="Mean[Gy]",
        value=value.value,
        low=value.low,
        high=value.high,
        unit="Gy",
        comparator="<=",
        limit=limit,
        notes=told(judged.note, subject.note),
        source=OWN_POLICY,
        margin=limit - value.value,
        share=value.value / limit,
        marginal_reason=MarginalReason.NEEDS_REVIEW if missed else None,
        policy=(key,),
    )


def shown_means(context: PlanContext, findings: Sequence[Finding]) -> list[Finding]:
    """Lung mean, V20 and V5, the other lung's mean, liver and kidney means, where no finding shows them already."""
    judged = {(f.organ, f.roi, f.metric) for f in findings if f.value is not None}
    out = []
    for organ, metrics in SHOWN:
        for subject in context.subjects.get(organ, ()):
            for text in metrics:
                if (organ, subject.roi, text) not in judged:
                    out.append(_shown(context, organ, subject, text))
    return out


def _shown(context: PlanContext, organ: str, subject: Subject, text: str) -> Finding:
    value = evaluate(text, subject.dvh)
    if subject.missing_part and value.value is not None:
        note = f"{subject.missing_part} is missing: this is no number of the whole organ"
        value = replace(value, value=None, low=None, high=None, reason=subject.missing_reason, note=note)
    return information(
        rule_id=f"information:{organ}:{text}",
        kind=FindingKind.ORGAN_LIMIT,
        value=value,
        plan=context.label,
        organ=organ,
        roi=subject.roi,
        metric=text,
        notes=told(value.note, subject.note, "shown for every plan that has the organ"),
    )


def several_lung_lesions(context: PlanContext, findings: Sequence[Finding], *, n_lung_lesions: int) -> list[Finding]:
    """Lung V20 of a course with several lung lesions: beyond the protocol's limit and up to the policy's, MARGINAL."""
    key = "supplements.lung_v20_several_fail_percent"
    highest = context.policy.value(key)

    def held(finding: Finding) -> Finding:
        is_v20 = finding.organ in {"Lungs", "Lungs-GTV"} and finding.metric == "V20Gy[%]"
        if not is_v20 or finding.consequence is not Outcome.FAIL or finding.value is None:
            return finding
        if n_lung_lesions < 2 or finding.value > highest:
            return finding
        said = f"{n_lung_lesions} lung lesions in one course: up to {highest:g} % a person decides"
        return held_at(finding, Outcome.MARGINAL, said, key)

    return [held(f) for f in findings]
