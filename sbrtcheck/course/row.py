"""One limit on the sum of several plans: on published limits where that is possible, else on a derived one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.anatomy.points import NEAR_TARGET_MM
from sbrtcheck.course import gaps as course_gaps
from sbrtcheck.course.earlier import SAME_SESSIONS, SEQUENTIAL, Earlier
from sbrtcheck.course.sources import CourseRow
from sbrtcheck.course.sum import CourseSum, Reading
from sbrtcheck.course.summed_dose import SummedDose
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.judging.comparison import WORSE
from sbrtcheck.judging.organ_limits import PlanContext, consequence_of, judge_organ_limits
from sbrtcheck.judging.requirements import requirements
from sbrtcheck.model import Finding, Level, Metric, MetricKind, OrganTable, Outcome, Reason, SummedOrgan, Verdict
from sbrtcheck.model.finding import told
from sbrtcheck.model.metric import POINT_VOLUME_CM3
from sbrtcheck.model.subject import Subject
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.read.case_file import EarlierDose
from sbrtcheck.tables.alpha_beta import AlphaBetaInterval, organ_alpha_beta

# What the other plans must add at some point to matter [Gy EQD2] (our policy).
ADDS_NOTHING_GY = 0.5
NEAR_MAXIMUM = Metric(MetricKind.DOSE, POINT_VOLUME_CM3, "cc", "Gy")
# What a sum can bring about; every other reason stands with the plans already.
_NEW_REASONS = {Reason.OUTSIDE_GRID, Reason.CONTAINER_EXCEEDED}


@dataclass(frozen=True, slots=True, eq=False)
class CourseFacts:
    """What the rules need to know of the course besides its doses.

    ``kind`` is the sequence of the plans. ``open_question``: whether it is not known that all plans are given.
    """

    kind: str
    required: Mapping[str, str]
    containers: Mapping[str, tuple[str, ...]]
    absent: Mapping[str, str]
    sex: str
    own_alpha_beta_gy: Mapping[str, float]
    earlier: Mapping[str, tuple[EarlierDose, ...]]
    open_question: bool = False


def course_facts(
    plans: Sequence[PlanDoses],
    *,
    kind: str,
    absent: Mapping[str, str],
    earlier: Mapping[str, tuple[EarlierDose, ...]],
    own_alpha_beta_gy: Mapping[str, float] | None = None,
    open_question: bool = False,
) -> CourseFacts:
    """What the rules need to know of these plans."""
    return CourseFacts(
        kind=kind,
        required={k: v for p in reversed(plans) for k, v in requirements(p, p.given.policy).required.items()},
        containers=plans[0].containers,
        absent=absent,
        sex=plans[0].sex,
        own_alpha_beta_gy=own_alpha_beta_gy or {},
        earlier=earlier,
        open_question=open_question,
    )


def rule_id(row: CourseRow) -> str:
    """The rule id of a limit on the sum."""
    return f"cumulative:{row.first.rule_id}"


class RowJudge:
    """Judges the rows of one source for one course."""

    def __init__(self, total: CourseSum, facts: CourseFacts, table: OrganTable, n_fractions: Sequence[int]) -> None:
        self._total = total
        self._facts = facts
        self._table = table
        self._n_fractions = tuple(n_fractions)
        self._numbers = course_gaps.numbers(n_fractions)

    def row(self, row: CourseRow, earlier: Earlier) -> list[tuple[Finding, SummedOrgan]]:
        """Findings on one limit, one for each structure that stands for the organ; none for an incomplete row."""
        if set(row.rows) != set(self._n_fractions):
            return []
        kind = self._facts.kind
        published = self._published(row, earlier) if kind != SAME_SESSIONS else ()
        physical = self._physical(row) if kind != SEQUENTIAL and self._one_number(earlier) else ()
        out = []
        for index, base in enumerate(published or physical or self._converted(row, earlier)):
            found = self._total.find(self.names(row), base.roi)
            if found is None or (base.verdict is Verdict.NOT_EVALUABLE and base.reason not in _NEW_REASONS):
                continue
            readings = []
            if kind != SAME_SESSIONS:
                settled = base.verdict in {Verdict.MET, Verdict.MARGINAL}
                readings.append(base if settled else self._derived(row, SEQUENTIAL, earlier, index, base))
            if kind != SEQUENTIAL:
                same = physical[index : index + 1] if self._one_number(earlier) else ()
                readings += same or (self._derived(row, SAME_SESSIONS, earlier, index, base),)
            out.append(self._finish(row, max(readings, key=lambda f: WORSE[f.verdict]), found, earlier))
        return out

    def not_in_source(self, rows: Sequence[CourseRow], earlier: Earlier) -> list[Finding]:
        """MARGINAL for each organ whose mandatory limits the source has at some of the numbers of fractions only."""
        mandatory = [row for row in rows if row.first.level is Level.MANDATORY]
        whole = {row.organ for row in mandatory if set(row.rows) == set(self._n_fractions)}
        out = []
        for row in {r.organ: replace(r, metric=NEAR_MAXIMUM) for r in mandatory if r.organ not in whole}.values():
            for subject, summed in self._total.members(row.organ):
                if self._adds_nothing(row, summed, earlier):
                    continue
                out.append(course_gaps.not_in_source(self._table, row.organ, subject.roi, self._n_fractions))
        return out

    def _one_number(self, earlier: Earlier) -> bool:
        return len(set(self._total.n_fractions)) == 1 and not earlier.doses

    def names(self, row: CourseRow) -> tuple[str, ...]:
        """The organ, what may settle it from outside, and what lies inside it."""
        containers = self._facts.containers
        inner = [name for name, outers in containers.items() if row.organ in outers]
        return (row.organ, *containers.get(row.organ, ()), *inner)

    def _judged(
        self, row: CourseRow, reading: Reading, metric: Metric, limit: float, *, text: str, unit: str
    ) -> tuple[Finding, ...]:
        """The row with another metric and limit, on the sums in one reading, by the rules of a single plan."""
        stand_in = replace(row.first, metric=metric, metric_text=text, limit=limit, unit=unit)
        context = PlanContext(
            label="",
            n_fractions=stand_in.n_fractions or 0,
            subjects=self._total.subjects(self.names(row), reading),
            required=self._facts.required,
            containers=self._facts.containers,
            absent=self._facts.absent,
            sex=self._facts.sex,
        )
        found = judge_organ_limits(context, replace(self._table, rows=(stand_in,)))
        return tuple(self._beyond_grid(f, row) for f in found)

    def _beyond_grid(self, finding: Finding, row: CourseRow) -> Finding:
        """Met where the dose is known, and not where it is not: the part outside a grid decides."""
        found = self._total.find(self.names(row), finding.roi)
        if finding.verdict is not Verdict.MARGINAL or found is None or not found[1].partly_known:
            return finding
        subject, summed = found
        weighty = self._weighty(row, subject)
        return replace(
            _without_number(finding),
            verdict=Verdict.NOT_EVALUABLE,
            consequence=consequence_of(Verdict.NOT_EVALUABLE, finding.level, weighty=weighty),
            reason=Reason.OUTSIDE_GRID,
            notes=(f"the part outside a dose grid decides: {_unknown(summed)}",),
        )

    def _published(self, row: CourseRow, earlier: Earlier) -> tuple[Finding, ...]:
        """The sum of dose / limit over the plans: met at 1, on published limits alone."""
        reading = self._total.shares(row.dose_limit_gy, earlier=earlier.doses)
        metric, limit = row.at(1.0)
        what = "threshold" if row.is_volume else "limit"
        text, unit = f"sum of dose/{what}, {row.first.metric_text}", row.first.unit if row.is_volume else ""
        return self._judged(row, reading, metric, limit, text=text, unit=unit)

    def _physical(self, row: CourseRow) -> tuple[Finding, ...]:
        """The physical sum against the row of the number of fractions, which all plans share."""
        metric, limit = row.at(row.dose_limit_gy(self._total.n_fractions[0]))
        text = f"sum of the plans, {row.first.metric_text}"
        return self._judged(row, self._total.physical(), metric, limit, text=text, unit=row.first.unit)

    def _converted(self, row: CourseRow, earlier: Earlier) -> tuple[Finding, ...]:
        """The converted sum of the same sessions at the nominal alpha/beta; any alpha/beta names the structures."""
        alpha_beta = self._alpha_beta(row)
        return self._at(row, SAME_SESSIONS, earlier, 1.0 if alpha_beta is None else alpha_beta.nominal_gy)

    def _alpha_beta(self, row: CourseRow) -> AlphaBetaInterval | None:
        return organ_alpha_beta(row.organ, own_gy=self._facts.own_alpha_beta_gy)

    def _at(self, row: CourseRow, kind: str, earlier: Earlier, alpha_beta_gy: float) -> tuple[Finding, ...]:
        """The converted sum against the lowest converted limit at one alpha/beta."""
        metric, limit = row.at(row.derived_gy(alpha_beta_gy))
        text = f"EQD2(a/b={alpha_beta_gy:g}):{row.first.metric_text}"
        if row.is_volume:
            text = f"EQD2(a/b={alpha_beta_gy:g}):{metric.kind}{metric.amount:.2f}Gy[{metric.unit}]"
        reading = self._total.eqd2(alpha_beta_gy, kind=kind, earlier=earlier.doses)
        return self._judged(row, reading, metric, limit, text=text, unit=row.first.unit)

    def _derived(self, row: CourseRow, kind: str, earlier: Earlier, index: int, base: Finding) -> Finding:
        """Never better than MARGINAL; missed over the whole alpha/beta interval: NOT_MET."""
        alpha_beta = self._alpha_beta(row)
        if alpha_beta is None:
            return self._no_alpha_beta(row, base)
        found = [self._at(row, kind, earlier, ratio) for ratio in alpha_beta.tried_gy]
        # What lies inside an organ speaks for it only where it is beyond the limit.
        tried = [findings[index] if index < len(findings) else None for findings in found]
        nominal = tried[0] or base
        words = "one after the other" if kind == SEQUENTIAL else "in the same sessions"
        note = (
            f"converted sum, plans {words}; {alpha_beta.text}; limit: the lowest EQD2 of the limits at "
            f"{self._numbers} fractions, derived, not published"
        )
        if all(f is not None and f.verdict is Verdict.NOT_MET for f in tried):
            if len(tried) > 1:
                note += "; missed over the whole interval"
            return replace(nominal, notes=told(note, *nominal.notes))
        if nominal.verdict is Verdict.NOT_EVALUABLE:
            return nominal
        over = nominal.verdict is Verdict.NOT_MET
        note += "; missed at the nominal alpha/beta, not over the whole interval" if over else ": at most MARGINAL"
        return replace(
            nominal,
            verdict=Verdict.MARGINAL,
            consequence=consequence_of(Verdict.MARGINAL, nominal.level, weighty=True),
            notes=told(note, *nominal.notes),
        )

    def _no_alpha_beta(self, row: CourseRow, base: Finding) -> Finding:
        """No alpha/beta in the data: the sum cannot be converted."""
        found = self._total.find(self.names(row), base.roi)
        weighty = found is None or self._weighty(row, found[0])
        return replace(
            _without_number(base),
            verdict=Verdict.NOT_EVALUABLE,
            consequence=consequence_of(Verdict.NOT_EVALUABLE, base.level, weighty=weighty),
            metric=f"EQD2:{row.first.metric_text}",
            limit=None,
            comparator="",
            reason=Reason.NOT_COMPUTABLE,
            notes=(f"no alpha/beta of {row.organ} in the data: its sum cannot be converted",),
        )

    def _weighty(self, row: CourseRow, subject: Subject) -> bool:
        near = subject.distance_mm is None or subject.distance_mm <= NEAR_TARGET_MM
        return near or any(set(r.split("|")) & set(row.organ.split("+")) for r in self._facts.required)

    def _finish(
        self, row: CourseRow, finding: Finding, found: tuple[Subject, SummedDose], earlier: Earlier
    ) -> tuple[Finding, SummedOrgan]:
        """Whether the other plans matter at all, and what stands beside the verdict."""
        _, summed = found
        notes = [*finding.notes]
        if finding.verdict is Verdict.MET:
            how = "published limits alone" if self._facts.kind != SAME_SESSIONS else "the published limit"
            notes.append(f"met on {how} at {self._numbers} fractions")
        elif self._adds_nothing(row, summed, earlier):
            finding = replace(
                finding, verdict=Verdict.INFORMATION, consequence=Outcome.PASS, level=Level.INFORMATION, reason=None
            )
            notes = [f"the other plans add less than {ADDS_NOTHING_GY:g} Gy EQD2: the verdict of the plan stands"]
        if earlier.missing and finding.verdict is Verdict.MET:
            finding = replace(
                finding,
                verdict=Verdict.MARGINAL,
                consequence=consequence_of(Verdict.MARGINAL, finding.level, weighty=True),
            )
        if self._facts.open_question and finding.consequence is Outcome.FAIL:
            finding = replace(finding, consequence=Outcome.INCOMPLETE)
            notes.append("whether all these plans are given is an open question")
        shares_gy, total_gy, quantity = self._shares(row, summed, earlier)
        notes += [row.metric_note, *(e.note for e in earlier.doses), *earlier.missing, _unknown(summed)]
        finding = replace(
            finding,
            rule_id=rule_id(row),
            plan="",
            source=f"{self._table.title}, {self._numbers} fractions: {row.first.endpoint or 'no endpoint printed'}",
            notes=told(*notes),
        )
        record = SummedOrgan(
            organ=row.organ,
            roi=finding.roi,
            metric=finding.metric,
            value=finding.value,
            low=finding.low,
            high=finding.high,
            unit=finding.unit,
            comparator=finding.comparator,
            limit=finding.limit,
            verdict=finding.verdict,
            level=finding.level,
            source=self._table.title,
            quantity=quantity,
            shares_gy=shares_gy,
            sum_gy=total_gy,
        )
        return finding, record

    def _kind_for_worst(self) -> str:
        return SEQUENTIAL if self._facts.kind == SEQUENTIAL else SAME_SESSIONS

    def _adds_nothing(self, row: CourseRow, summed: SummedDose, earlier: Earlier) -> bool:
        """Whether all but one plan together add under ADDS_NOTHING_GY in EQD2 at every point of a structure.

        At every point, because the hottest places of two plans need not be the same: what a plan adds where it gives
        less than the other may still lift that place above a limit.
        """
        alpha_beta = self._alpha_beta(row)
        if alpha_beta is None or earlier.missing:
            return False
        kind = self._kind_for_worst()

        def nothing(index: int, ratio: float) -> bool:
            added = self._total.others_gy(summed, index, ratio, kind=kind, earlier=earlier.doses)
            return added is not None and added < ADDS_NOTHING_GY

        plans = range(len(self._total.plans))
        return any(all(nothing(index, ratio) for ratio in alpha_beta.tried_gy) for index in plans)

    def _shares(
        self, row: CourseRow, summed: SummedDose, earlier: Earlier
    ) -> tuple[dict[str, float | None], float | None, str]:
        """What each plan alone gives at the volume of the limit, all together [Gy], and whether that is EQD2."""
        alpha_beta = self._alpha_beta(row)
        metric = _dose_at_volume(row, summed)
        total = self._total
        if metric is None:
            return {p.label: None for p in total.plans}, None, ""
        if alpha_beta is None:
            alone = [total.physical_of_plan(i) for i in range(len(total.plans))]
            together, quantity = total.physical(), "physical"
        else:
            ratio = alpha_beta.nominal_gy
            alone = [total.eqd2_of_plan(i, ratio) for i in range(len(total.plans))]
            together = total.eqd2(ratio, kind=self._kind_for_worst(), earlier=earlier.doses)
            quantity = f"EQD2(a/b={ratio:g})"
        shares_gy = {
            p.label: evaluate(metric, total.dvh(summed, reading)).value
            for p, reading in zip(total.plans, alone, strict=True)
        }
        return shares_gy, evaluate(metric, total.dvh(summed, together)).value, quantity


def _dose_at_volume(row: CourseRow, summed: SummedDose) -> Metric | None:
    """The dose that a limit is about, as a metric: for a volume limit the dose at that volume."""
    if not row.is_volume:
        return row.metric
    total_cm3 = float(summed.volumes_cm3["nominal"].sum()) + summed.outside_cm3
    limit = row.first.limit
    if row.metric.kind is MetricKind.VOLUME_SPARED:
        limit = total_cm3 - limit if row.metric.unit == "cc" else 100.0 - limit
    if limit <= 0 or (row.metric.unit == "cc" and limit >= total_cm3):
        return None
    return Metric(MetricKind.DOSE, limit, row.metric.unit, "Gy")


def _unknown(summed: SummedDose) -> str:
    """Which plan's grid leaves out how much of a structure."""
    parts = []
    for label, share in summed.unknown_share.items():
        bound = "nothing bounds its dose there" if label in summed.unbounded else "its dose there is bounded"
        parts.append(f"{label}: {share:.1%} of the structure lies outside its dose grid, {bound}")
    return "; ".join(parts)


def _without_number(finding: Finding) -> Finding:
    return replace(finding, value=None, low=None, high=None, margin=None, share=None)
