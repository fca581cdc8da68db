"""The course as a whole: what is asked, what is summed and judged, and what the report shows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.course import lesions as course_lesions
from sbrtcheck.course.drawing import course_curves
from sbrtcheck.course.earlier import SAME_SESSIONS, SEQUENTIAL, PlanSequence, earlier_for, earlier_organs, sequence_of
from sbrtcheck.course.isodoses import judge_isodoses
from sbrtcheck.course.limits import judge_sum
from sbrtcheck.course.row import NEAR_MAXIMUM, CourseFacts, course_facts
from sbrtcheck.course.sources import choose_source, course_rows
from sbrtcheck.course.sum import CourseSum, Reading
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import fractions
from sbrtcheck.model import (
    Cumulative,
    Curve,
    Dvh,
    Fact,
    Finding,
    FindingKind,
    Level,
    Metric,
    Outcome,
    Quantity,
    Reason,
    SummedMetric,
    SummedOrgan,
    Verdict,
    worst_outcome,
)
from sbrtcheck.model.finding import completeness, information, told
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.read.case_file import CaseFile
from sbrtcheck.read.clinic_file import ClinicFile
from sbrtcheck.tables.alpha_beta import organ_alpha_beta
from sbrtcheck.tables.neighbours import load_neighbours
from sbrtcheck.tables.organ_tables import load_table, table_names

LUNG_METRICS = ("V20Gy[%]", "V5Gy[%]", "Mean[Gy]")
# Organs of the published composite limits of thoracic re-irradiation (NG-8).
COMPOSITE_ORGANS = ("SpinalCord", "Esophagus", "Trachea+ProximalBronchialTree", "GreatVes", "Heart")


@dataclass(frozen=True, slots=True, eq=False)
class CourseResult:
    """What the course adds to the report of its plans. ``cumulative`` None: one plan and no earlier course."""

    findings: tuple[Finding, ...]
    cumulative: Cumulative | None
    facts: tuple[Fact, ...]
    sources: tuple[str, ...]
    curves: tuple[Curve, ...] = ()


def judge_course(
    plans: Sequence[PlanDoses],
    *,
    case: CaseFile | None,
    clinic: ClinicFile | None,
    absent: Mapping[str, str],
    interpolation: str = "cubic",
    progress: Callable[[str], None] = lambda _stage: None,
    registered: Mapping[str, str] | None = None,
) -> CourseResult:
    """Lesions, sites and the sum of the plans of one course.

    Args:
        plans: with their doses, as :func:`sbrtcheck.plan.doses.compute_plan` gives them.
        case: the case file: sequence, earlier doses, declared relations.
        clinic: the clinic file, for its own alpha/beta.
        absent: organs declared absent.
        interpolation: of the doses, "cubic" or "linear".
        progress: called with what is being done.
        registered: plan label to the rigid registration by which it was moved into the frame of the first plan. What
            rests on one is at most MARGINAL: how good a registration is cannot be seen from the file.

    Raises:
        WrongUsageError: E-CASE, E-METRIC.
    """
    findings = list(course_lesions.judge_shared_lesions(plans, case))
    open_question = bool(findings)
    sites = course_lesions.judge_sites(plans, case)
    if sites is not None:
        findings.append(sites)
    earlier = earlier_organs(case)
    sequence = sequence_of([(p.label, p.n_fractions) for p in plans], case)
    if not plans or (len(plans) < 2 and not earlier):
        return CourseResult(tuple(findings), None, (), ())
    progress("summing the plans of the course")
    facts = course_facts(
        plans,
        kind=sequence.kind,
        absent=absent,
        earlier=earlier,
        own_alpha_beta_gy=clinic.alpha_beta_gy if clinic else None,
        open_question=open_question,
    )
    frames: dict[str, list[PlanDoses]] = {}
    for plan in plans:
        frames.setdefault(plan.data.dose.frame_of_reference_uid, []).append(plan)
    rows: list[SummedOrgan] = []
    lungs: list[SummedMetric] = []
    sources: list[str] = []
    curves: list[Curve] = []
    for group in frames.values():
        if len(group) < 2 and not earlier:
            continue
        total = CourseSum(group, interpolation=interpolation)
        judged = judge_sum(total, facts)
        findings += [_at_most_marginal(f, registered) for f in judged.findings] if registered else judged.findings
        rows += judged.rows
        sources += judged.sources
        curves += course_curves(total, facts, judged.rows)
        found = _lungs(total, sequence, facts)
        findings += found
        lungs += [SummedMetric(f.organ, f.metric, f.value, f.unit) for f in found]
        if earlier:
            findings += _composite(total, facts)
        findings += judge_isodoses(group, interpolation=interpolation)
    bounds: tuple[Finding, ...] = ()
    if len(frames) > 1:
        bounds = _not_summed(plans, frames)
        findings += bounds
    findings += course_lesions.added_doses(plans, course_lesions.medians_gy(plans, interpolation=interpolation))
    # A clinic's own table is called by its name.
    titles = [load_table(name).title if name in table_names() else name for name in dict.fromkeys(sources)]
    cumulative = Cumulative(
        plans=tuple(f"{p.label}: {fractions(p.n_fractions)}" for p in plans),
        sequence=sequence.text,
        sequence_from=sequence.origin,
        source=", ".join(titles) or "none",
        not_summed=bounds[0].note if bounds else "",
        registrations=tuple(f"{label}: {text}" for label, text in (registered or {}).items()),
        organs=tuple(rows),
        lungs=tuple(lungs),
        lesion_distances=course_lesions.lesion_distances(plans),
    )
    known = [Fact("sequence of the plans", sequence.text, sequence.origin)] if len(plans) > 1 else []
    known += [
        Fact(f"registration of {label}", text, "Spatial Registration") for label, text in (registered or {}).items()
    ]
    return CourseResult(tuple(findings), cumulative, tuple(known), tuple(dict.fromkeys(sources)), tuple(curves))


def _at_most_marginal(finding: Finding, registered: Mapping[str, str]) -> Finding:
    """A finding on a sum that rests on a registration: what is met is MARGINAL, what is missed stays missed."""
    notes = told(*finding.notes, *(f"rests on the registration of {x}" for x in registered))
    if finding.level is not Level.MANDATORY or finding.verdict is not Verdict.MET:
        return replace(finding, notes=notes)
    return replace(
        finding,
        verdict=Verdict.MARGINAL,
        consequence=worst_outcome(finding.consequence, Outcome.MARGINAL),
        notes=notes,
    )


def _information(organ: str, roi: str, metric: str, dvh: Dvh, asked: Metric | str, note: str) -> Finding:
    value = evaluate(asked, dvh)
    return information(
        rule_id=f"cumulative:information:{organ}:{metric}",
        kind=FindingKind.ORGAN_LIMIT,
        value=value,
        organ=organ,
        roi=roi,
        metric=metric,
        notes=told(note, value.note),
    )


def _lungs(total: CourseSum, sequence: PlanSequence, facts: CourseFacts) -> list[Finding]:
    """V20, V5 and mean dose of both lungs over the plans: as physical sum and converted, each labelled."""
    kind = SEQUENTIAL if sequence.kind == SEQUENTIAL else SAME_SESSIONS
    words = "one after the other" if kind == SEQUENTIAL else "in the same sessions"
    readings: list[tuple[str, Reading, str]] = [("", total.physical(), "sum of the plans' physical doses")]
    alpha_beta = organ_alpha_beta("Lungs", own_gy=facts.own_alpha_beta_gy)
    if alpha_beta is not None:
        ratio = alpha_beta.nominal_gy
        readings.append((f"EQD2(a/b={ratio:g}):", total.eqd2(ratio, kind=kind), f"converted sum, plans {words}"))
    out = []
    for subject, summed in total.members("Lungs"):
        for prefix, reading, note in readings:
            for text in LUNG_METRICS:
                dvh = total.dvh(summed, reading)
                out.append(_information("Lungs", subject.roi, f"{prefix}{text}", dvh, text, note))
    return out


def _composite(total: CourseSum, facts: CourseFacts) -> list[Finding]:
    """Near-maxima of the whole course beside the published composite limits of re-irradiation: information."""
    published = next((fact for fact in load_neighbours() if fact.id == "NG-8"), None)
    if published is None:
        return []
    out = []
    kind = SEQUENTIAL if facts.kind == SEQUENTIAL else SAME_SESSIONS
    for organ in COMPOSITE_ORGANS:
        alpha_beta = organ_alpha_beta(organ, own_gy=facts.own_alpha_beta_gy)
        for name in organ.split("+"):
            earlier = earlier_for(facts.earlier.get(name, ()), NEAR_MAXIMUM)
            if alpha_beta is None or not earlier.doses or earlier.missing:
                continue
            reading = total.eqd2(alpha_beta.nominal_gy, kind=kind, earlier=earlier.doses)
            for subject, summed in total.members(organ):
                metric = f"EQD2(a/b={alpha_beta.nominal_gy:g}):D0.035cc[Gy]"
                note = f"whole course with what is declared; {published.source}, {published.status}: {published.text}"
                out.append(_information(organ, subject.roi, metric, total.dvh(summed, reading), NEAR_MAXIMUM, note))
    return out


def _not_summed(plans: Sequence[PlanDoses], frames: Mapping[str, Sequence[PlanDoses]]) -> tuple[Finding, ...]:
    """Plans in different frames of reference: no sum; what the sum can be at most, by the same rule, beside it."""
    groups = " | ".join(", ".join(p.label for p in group) for group in frames.values())
    note = (
        f"no sum over different frames of reference ({groups}): no rigid registration that joins them was given; "
        f"each plan is judged alone, the sum of near-maxima stands beside"
    )
    out = [
        completeness(rule_id="course:cumulative", plan="", reason=Reason.OTHER_FRAME_OF_REFERENCE, notes=(note,)),
    ]
    n_fractions = [p.n_fractions for p in plans]
    table = choose_source(n_fractions)
    if table is None:
        return tuple(out)
    for row in course_rows(table, n_fractions=n_fractions, sex=plans[0].sex):
        metric = row.metric
        if row.is_volume or metric.amount_unit != "cc" or metric.amount is None or set(row.rows) != set(n_fractions):
            continue
        # The hottest v cm3 of a sum of k doses lies in the hottest v/k cm3 of one of them at least.
        part = Metric(metric.kind, metric.amount / len(plans), "cc", "Gy", Quantity.PHYSICAL)
        share = 0.0
        for plan in plans:
            values = [evaluate(part, s.dvh).high for s in plan.subjects.get(row.organ, ())]
            known = [v for v in values if v is not None]
            if not known or len(known) < len(values):
                break
            share += max(known) / row.dose_limit_gy(plan.n_fractions)
        else:
            bound = information(
                rule_id=f"cumulative:bound:{row.first.rule_id}",
                kind=FindingKind.ORGAN_LIMIT,
                value=share,
                table=table.name,
                organ=row.organ,
                metric=f"sum of dose/limit at most, {row.first.metric_text}",
                notes=(f"upper bound from the D{part.amount:g}cc of each plan alone, given one after the other",),
                source=table.title,
            )
            out.append(replace(bound, low=0.0, comparator="<=", limit=1.0))
    return tuple(out)
