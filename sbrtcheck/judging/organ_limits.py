"""The rows of an organ table on one plan: which apply, what each is judged on, and what that does to the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sbrtcheck.anatomy.points import NEAR_TARGET_MM
from sbrtcheck.judging.comparison import WORSE, Judgement, holds, is_upper, judge, not_evaluable
from sbrtcheck.model import (
    Finding,
    FindingKind,
    Level,
    LimitRow,
    Metric,
    MetricValue,
    OrganTable,
    Outcome,
    Reason,
    Verdict,
)
from sbrtcheck.model.finding import told
from sbrtcheck.model.metric import MetricKind
from sbrtcheck.model.policy import Policy
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables.clinic_rows import LOCAL
from sbrtcheck.tables.organs import organ_info
from sbrtcheck.tables.policy import load_policy

_DAMAGE = {
    Reason.AMBIGUOUS_ROI,
    Reason.DAMAGED_ROI,
    Reason.NO_CONTOURS,
    Reason.OTHER_FRAME_OF_REFERENCE,
}


@dataclass(frozen=True, slots=True, eq=False)
class PlanContext:
    """What the rules know of one plan.

    ``required`` maps an organ to the reason why it is required; ``containers`` an organ to what may settle it from
    outside; ``absent`` holds organs declared absent, with the reason; ``out_of_reach`` the requirements of
    ``required`` for which all that is contoured lies on the other side or at another level, with what is wrong.
    ``liver_lesion``: primary or metastasis, "" when not stated. ``own_organs``: organs of the lesions' own sites, whose
    rows leave the plan incomplete where only a part of them is drawn. ``away``: of a requirement those organs that lie
    elsewhere. ``highest_gy``: in the body. ``near``: ROIs of organs near a target; ``not_understood``: other ROIs there
    of which nobody knows what they are.
    """

    label: str
    n_fractions: int
    subjects: Mapping[str, tuple[Subject, ...]]
    required: Mapping[str, str]
    containers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    sex: str = ""
    out_of_reach: Mapping[str, str] = field(default_factory=dict)
    liver_lesion: str = ""
    own_organs: frozenset[str] = frozenset()
    policy: Policy = field(default_factory=load_policy)
    away: Mapping[str, frozenset[str]] = field(default_factory=dict)
    highest_gy: float | None = None
    near: frozenset[str] = frozenset()
    not_understood: tuple[str, ...] = ()

    def subject_of(self, finding: Finding) -> Subject | None:
        """What a finding was judged on: the subject of its organ and ROI, or of its ROI where another one stood in."""
        everywhere = (s for found in self.subjects.values() for s in found)
        return next((s for s in (*self.subjects.get(finding.organ, ()), *everywhere) if s.roi == finding.roi), None)


def row_metric(row: LimitRow, table: OrganTable) -> tuple[Metric, str]:
    """The metric of a row as it is evaluated, and what to say about it.

    ``Max`` is taken at the point volume of the row's own table, never unified over tables.
    """
    if row.metric is None:
        raise ValueError(f"{row.rule_id}: the row cannot be computed")
    if row.metric.kind != "Max":
        return row.metric, ""
    metric = replace(row.metric, kind=MetricKind.DOSE, amount=table.point_volume_cm3, amount_unit="cc")
    origin = "as the source says" if table.point_volume_printed else "our choice: the source prints no volume"
    return metric, f"maximum taken at {table.point_volume_cm3:g} cc ({origin})"


def applies(row: LimitRow, *, sex: str, liver_lesion: str = "") -> bool:
    """Whether a row applies to this patient. With the fact unknown every row applies, so that the stricter counts.

    Args:
        row: with its condition (``sex=F``, ``liver=metastasis``).
        sex: M, F, or anything else for unknown.
        liver_lesion: primary, metastasis, or "" for unknown.
    """
    if not row.computable or row.level is None:
        return False
    if not row.condition:
        return True
    name, _, wanted = row.condition.partition("=")
    match name.strip():
        case "sex":
            return sex not in {"M", "F"} or wanted.strip() == sex
        case "liver":
            return not liver_lesion or wanted.strip() == liver_lesion
        case _:
            raise ValueError(f"{row.rule_id}: unknown condition {row.condition!r}")


def judge_organ_limits(context: PlanContext, table: OrganTable) -> tuple[Finding, ...]:
    """One finding per applicable row of the table at the plan's own number of fractions."""
    findings: list[Finding] = []
    seen: set[tuple[object, ...]] = set()
    at_the_cauda = _is_at_the_cauda(context)
    for row in table.rows_for(n_fractions=context.n_fractions):
        if at_the_cauda and row.organ == "SpinalCanal":
            continue
        if not applies(row, sex=context.sex, liver_lesion=context.liver_lesion):
            continue
        organ = "+".join(row.joint) if row.joint else row.organ
        key = (organ, row.metric_text, row.comparator, row.limit, row.level)
        if key in seen:
            continue
        seen.add(key)
        findings.extend(_judge_row(context, table, row, organ))
    return tuple(findings)


def _is_at_the_cauda(context: PlanContext) -> bool:
    """Whether the canal beside the targets holds the cauda: its limits are those of the cord, the cauda has its own."""

    def nearest_mm(organ: str) -> float:
        known = [s.distance_mm for s in context.subjects.get(organ, ()) if s.distance_mm is not None]
        return min(known, default=float("inf"))

    return nearest_mm("CaudaEquina") < nearest_mm("SpinalCord")


def _judge_row(context: PlanContext, table: OrganTable, row: LimitRow, organ: str) -> list[Finding]:
    own = context.subjects.get(organ, ())
    metric, metric_note = row_metric(row, table)
    findings = []
    for subject in own:
        held, share_note = with_share_of_volume(row, subject)
        judgement = judge(
            subject, metric, comparator=row.comparator, limit=held.limit, whole=is_whole(subject, organ=organ)
        )
        via = ""
        if judgement.verdict is Verdict.NOT_EVALUABLE:
            settled = _settled_from_outside(context, row, metric, organ)
            if settled is not None and settled[0].verdict in {Verdict.MET, Verdict.MARGINAL}:
                judgement, subject, via = settled
        notes = (metric_note, share_note, via)
        findings.append(_finding(context, table, held, organ, subject, judgement, notes))
    if any(f.verdict is not Verdict.NOT_EVALUABLE for f in findings):
        return findings
    if own:
        exceeded = _exceeded_from_inside(context, row, metric, organ)
        if exceeded is not None:
            judgement, subject, via = exceeded
            findings.append(_finding(context, table, row, organ, subject, judgement, (metric_note, via)))
        return findings
    asked = [r.split("|") for r in context.required if organ in r.split("|")]
    settled = _settled_from_outside(context, row, metric, organ) if asked else None
    # Where one of several organs will do and another one is contoured, this one may be at another level: a canal beyond
    # the limit of the cauda says nothing of a thoracic target whose cord is contoured.
    others = {o for options in asked for o in options if context.subjects.get(o)} - set(
        context.containers.get(organ, ())
    )
    if settled is not None and (settled[0].verdict is not Verdict.NOT_EVALUABLE or not others):
        judgement, subject, via = settled
        return [_finding(context, table, row, organ, subject, judgement, (metric_note, via))]
    exceeded = _exceeded_from_inside(context, row, metric, organ)
    if exceeded is not None:
        judgement, subject, via = exceeded
        return [_finding(context, table, row, organ, subject, judgement, (metric_note, via))]
    return []


def _settled_from_outside(
    context: PlanContext, row: LimitRow, metric: Metric, organ: str
) -> tuple[Judgement, Subject, str] | None:
    """A containing structure that meets an upper limit settles it; one that misses it says nothing."""
    if not is_upper(row.comparator) or not metric.grows_with_volume:
        return None
    # Both sides of a paired container must keep the limit; of several containers one is enough.
    judged = []
    for name in context.containers.get(organ, ()):
        sides = [
            (judge(s, metric, comparator=row.comparator, limit=row.limit), s) for s in context.subjects.get(name, ())
        ]
        if sides:
            judged.append(max(sides, key=lambda pair: WORSE[pair[0].verdict]))
    if not judged:
        return None
    best, subject = min(judged, key=lambda pair: WORSE[pair[0].verdict])
    if best.verdict in {Verdict.MET, Verdict.MARGINAL}:
        return best, subject, f"settled by {subject.roi}, which contains the organ"
    if best.verdict is Verdict.NOT_MET:
        number = f"{best.value.value:.2f} {best.value.unit}" if best.value.value is not None else ""
        note = f"{organ} is not contoured and {subject.roi}, which contains it, is beyond the limit ({number})"
        # A bag or a whole bowel says nothing of where its loops lie.
        note += "; draw the loops near the target" if organ.startswith("Bowel") else ""
        return not_evaluable(best, Reason.CONTAINER_EXCEEDED, note), subject, ""
    return best, subject, f"{organ} is not contoured; tried {subject.roi}"


def _exceeded_from_inside(
    context: PlanContext, row: LimitRow, metric: Metric, organ: str
) -> tuple[Judgement, Subject, str] | None:
    """An organ beyond the upper limit of its container makes that limit missed; below it says nothing."""
    if not is_upper(row.comparator) or not metric.grows_with_volume:
        return None
    for inner, containers in context.containers.items():
        if not set(organ.split("+")) & set(containers):
            continue
        for subject in context.subjects.get(inner, ()):
            judgement = judge(subject, metric, comparator=row.comparator, limit=row.limit)
            if judgement.verdict is Verdict.NOT_MET:
                return judgement, subject, f"{subject.roi} lies inside {organ} and is already beyond the limit"
    return None


def is_whole(subject: Subject, *, organ: str) -> bool:
    """Whether all of an organ is drawn: not cut, no part missing, not of a kind usually drawn beside the target only,
    and not smaller than the organ plausibly is."""
    if subject.cut or subject.missing_part or subject.dvh.blocked is not None:
        return False
    known = organ_info()
    for name in organ.split("+"):
        info = known.get(name.removesuffix("_PRV"))
        if info is None or info.partly_drawn:
            return False
        if info.volume_min_cm3 is not None and subject.dvh.total_volume_cm3 < info.volume_min_cm3:
            return False
    return True


def with_share_of_volume(row: LimitRow, subject: Subject) -> tuple[LimitRow, str]:
    """The row with its spared volume as a share of the organ where that is more, as its source words it; and a note."""
    share = row.or_share_of_volume
    total_cm3 = subject.dvh.total_volume_cm3
    if share is None or row.unit != "cc" or not total_cm3 * share > row.limit:
        return row, ""
    limit = total_cm3 * share
    return replace(row, limit=limit), f"{share:.0%} of the organ, which is more than {row.limit:g} cc"


def _finding(
    context: PlanContext,
    table: OrganTable,
    row: LimitRow,
    organ: str,
    subject: Subject,
    judgement: Judgement,
    notes: tuple[str, ...],
) -> Finding:
    assert row.level is not None
    if row.derived and judgement.verdict is Verdict.MET:
        judgement = replace(judgement, verdict=Verdict.MARGINAL)
    value = judgement.value
    consequence, why = _consequence(context, row, organ, subject, judgement)
    n = context.n_fractions
    near_limit = judgement.verdict is Verdict.NOT_MET and _band_holds_limit(value, row.limit)
    local = row.table == LOCAL
    title, trust = (LOCAL, "the clinic's own row") if local else (table.title, table.trust)
    return Finding(
        rule_id=row.rule_id,
        kind=FindingKind.ORGAN_LIMIT,
        verdict=judgement.verdict,
        consequence=consequence,
        level=row.level,
        table=table.name,
        plan=context.label,
        organ=organ,
        roi=subject.roi,
        metric=row.metric_text,
        value=value.value,
        low=value.low,
        high=value.high,
        unit=row.unit,
        comparator=row.comparator,
        limit=row.limit,
        reason=value.reason if judgement.verdict is Verdict.NOT_EVALUABLE else None,
        notes=told(
            row.derived,
            judgement.note,
            *notes,
            subject.note,
            why,
            "the limit lies inside the numerical band" if near_limit else "",
        ),
        source=(
            f"{title}, {f'not printed for {n} fractions' if row.derived else f'{n} fractions'}: "
            f"{row.endpoint or (row.seen_at if trust.startswith('local, imported') else 'no endpoint printed')}"
        ),
        trust=trust,
        margin=_margin(value.value, row),
        share=_share(value.value, row),
    )


def _consequence(
    context: PlanContext, row: LimitRow, organ: str, subject: Subject, judgement: Judgement
) -> tuple[Outcome, str]:
    """What the verdict does to the outcome, and why where that is milder than the row's level has it."""
    assert row.level is not None
    value = judgement.value
    if value.reason is Reason.PART_DRAWN and judgement.verdict is Verdict.NOT_EVALUABLE:
        own = bool(set(organ.split("+")) & context.own_organs)
        return (Outcome.INCOMPLETE if own and row.level is Level.MANDATORY else Outcome.PASS), ""
    weighty = _is_weighty(context, organ, subject, value.reason)
    consequence = consequence_of(judgement.verdict, row.level, weighty=weighty)
    if consequence is not Outcome.FAIL:
        return consequence, ""
    if row.confidence == "low":
        return Outcome.MARGINAL, "the row's transcription is doubtful: at most MARGINAL"
    if _printed_for_fewer(row, value.value):
        return (
            Outcome.MARGINAL,
            f"within the {row.limit_at_fewer:g} {row.unit} printed for fewer fractions: a person decides",
        )
    if row.condition == "liver=primary" and not context.liver_lesion:
        # Beyond the metastasis' limit too, that row fails.
        return Outcome.MARGINAL, "the limit of a primary of the liver: state liver_lesion in the case file"
    return consequence, ""


def _is_weighty(context: PlanContext, organ: str, subject: Subject, reason: Reason | None) -> bool:
    """Whether an organ is required, near or damaged, so that its limits must not go without a verdict."""
    required = any(set(requirement.split("|")) & set(organ.split("+")) for requirement in context.required)
    near = subject.distance_mm is None or subject.distance_mm <= NEAR_TARGET_MM
    return required or near or reason in _DAMAGE


def consequence_of(verdict: Verdict, level: Level, *, weighty: bool) -> Outcome:
    """What a verdict on an organ limit does to the outcome. ``weighty``: the organ is required, damaged or near."""
    if level is Level.MANDATORY:
        not_evaluable = Outcome.INCOMPLETE if weighty else Outcome.PASS
        return {
            Verdict.NOT_MET: Outcome.FAIL,
            Verdict.MARGINAL: Outcome.MARGINAL,
            Verdict.NOT_EVALUABLE: not_evaluable,
        }.get(verdict, Outcome.PASS)
    if level is Level.OPTIMAL:
        return Outcome.PASS if verdict in {Verdict.MET, Verdict.INFORMATION} else Outcome.PASS_WITH_VARIATION
    if level is Level.ADVISORY:
        return Outcome.PASS if verdict in {Verdict.MET, Verdict.INFORMATION} else Outcome.MARGINAL
    return Outcome.PASS


def _printed_for_fewer(row: LimitRow, value: float | None) -> bool:
    """Whether the source allows the value in fewer fractions, which do more harm: a carried limit then fails nobody."""
    return value is not None and row.limit_at_fewer is not None and holds(value, row.comparator, row.limit_at_fewer)


def _band_holds_limit(value: MetricValue, limit: float) -> bool:
    return value.low is not None and value.high is not None and value.low <= limit <= value.high


def _margin(value: float | None, row: LimitRow) -> float | None:
    if value is None:
        return None
    return row.limit - value if is_upper(row.comparator) else value - row.limit


def _share(value: float | None, row: LimitRow) -> float | None:
    """Fraction of the limit used: value / limit for a ceiling, limit / value for a floor."""
    if value is None or value < 0 or row.limit <= 0:
        return None
    if is_upper(row.comparator):
        return value / row.limit
    return row.limit / value if value > 0 else None
