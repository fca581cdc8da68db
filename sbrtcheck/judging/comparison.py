"""Where a number meets a limit: one structure, one metric, one limit, and the worst of all readings of its contours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.dvh import metrics
from sbrtcheck.model import ContourMeaning, Dvh, Metric, MetricKind, MetricValue, Reason, Verdict
from sbrtcheck.model.metric import POINT_VOLUME_CM3
from sbrtcheck.model.subject import Subject

WORSE = {
    Verdict.INFORMATION: 0,
    Verdict.MET: 1,
    Verdict.MARGINAL: 2,
    Verdict.NOT_EVALUABLE: 3,
    Verdict.NOT_MET: 4,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on one number, with the number."""

    verdict: Verdict
    value: MetricValue
    note: str = ""


def is_upper(comparator: str) -> bool:
    """True when the limit is a ceiling.

    Raises:
        ValueError: not one of <, <=, >, >=.
    """
    if comparator in {"<", "<="}:
        return True
    if comparator in {">", ">="}:
        return False
    raise ValueError(f"comparator {comparator!r} is not one of <, <=, >, >=")


def holds(value: float, comparator: str, limit: float) -> bool:
    """Whether the unrounded value keeps the limit. False for anything that is not a finite number."""
    kept = {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}
    return kept[comparator] and abs(value) != float("inf")


def compare(value: MetricValue, *, comparator: str, limit: float) -> Verdict:
    """NOT_MET: the value is beyond the limit, whatever the band. MARGINAL: met, but the band crosses it.

    Of a value that is only known to lie in a range (a part lies outside the dose grid) both ends must agree.
    """
    if value.low is None or value.high is None:
        return Verdict.NOT_EVALUABLE
    near_end, far_end = (value.low, value.high) if is_upper(comparator) else (value.high, value.low)
    if not holds(near_end if value.value is None else value.value, comparator, limit):
        return Verdict.NOT_MET
    if holds(far_end, comparator, limit):
        return Verdict.MET
    return Verdict.NOT_EVALUABLE if value.value is None else Verdict.MARGINAL


def worst_judgement(judgements: Iterable[Judgement]) -> Judgement:
    """The worst of several readings of one thing."""
    return max(judgements, key=lambda j: WORSE[j.verdict])


def judge(subject: Subject, metric: Metric, *, comparator: str, limit: float, whole: bool = False) -> Judgement:
    """Judge one subject against one limit. Of the readings that ambiguous contours may mean the worse verdict counts.

    Args:
        subject: the organ.
        metric: of the limit, which stands in ``comparator`` and ``limit``.
        comparator: one of <, <=, >, >=.
        limit: in the unit of the metric.
        whole: the whole organ is known to be drawn: an upper limit on more of it than there is, is met.
    """
    readings = [subject.dvh, *subject.dvh.alternatives]
    judged = [(d, _judge_reading(subject, d, metric, comparator, limit, whole)) for d in readings]
    worst = _of_all_readings(judged, comparator)
    if not subject.missing_part or worst.verdict is Verdict.NOT_EVALUABLE:
        return worst
    if worst.verdict is Verdict.NOT_MET and is_upper(comparator) and metric.grows_with_volume:
        return worst
    lacks = "not contoured" if subject.missing_reason is Reason.PART_MISSING else "cannot be used"
    # A mean, a percentage or a spared volume of a part may be on either side of that of the whole.
    so_far = (
        "the missing part may settle it" if worst.verdict is Verdict.NOT_MET else "what is contoured meets the limit"
    )
    return not_evaluable(worst, subject.missing_reason, f"{subject.missing_part} {lacks}; {so_far}")


def _of_all_readings(readings: Sequence[tuple[Dvh, Judgement]], comparator: str) -> Judgement:
    """The worst of the readings that may be meant; what another one would say is named beside it."""
    # Of readings with one verdict the one with the worse number.
    sign = 1.0 if is_upper(comparator) else -1.0
    meant = [j for d, j in readings if d.meaning.may_be_meant]
    meant.sort(key=lambda j: sign * j.value.value if j.value.value is not None else float("inf"), reverse=True)
    worst = worst_judgement(meant)
    said = [worst.note]
    for dvh, judged in readings:
        of_worst = judged is worst and dvh.meaning is not ContourMeaning.AS_DRAWN
        if of_worst or judged.verdict is not worst.verdict:
            label = dvh.notes[-1] if dvh.notes and dvh.meaning is not ContourMeaning.AS_DRAWN else dvh.meaning.value
            verdict = judged.verdict.value.lower().replace("_", " ")
            shown = "" if judged.value.value is None else f"{judged.value.value:.2f} {judged.value.unit}, "
            said.append(f"{label}: {shown}{verdict}")
    note = "; ".join(part for part in said if part)
    return replace(worst, value=replace(worst.value, note=note), note=note)


def _judge_reading(subject: Subject, dvh: Dvh, metric: Metric, comparator: str, limit: float, whole: bool) -> Judgement:
    value = metrics.evaluate(metric, dvh, prescription_gy=subject.prescription_gy)
    verdict = compare(value, comparator=comparator, limit=limit)
    value = _settled(value, verdict, comparator)
    judgement = Judgement(verdict, value, value.note)
    if verdict is Verdict.MARGINAL and dvh.outside_volume_cm3 > 0:
        return not_evaluable(judgement, Reason.OUTSIDE_GRID, "the part outside the dose grid decides")
    if value.reason is Reason.ROI_SMALLER_THAN_METRIC and is_upper(comparator):
        return _of_a_small_structure(judgement, subject, dvh, metric, comparator, limit, whole)
    if subject.cut and metric.hangs_on_the_whole and verdict is not Verdict.NOT_EVALUABLE:
        return _of_a_part(judgement, comparator)
    return judgement


def _of_a_small_structure(
    judgement: Judgement, subject: Subject, dvh: Dvh, metric: Metric, comparator: str, limit: float, whole: bool
) -> Judgement:
    """A limit on the hottest x cc of a structure smaller than x cc."""
    value = judgement.value
    point = metrics.evaluate(
        replace(metric, kind=MetricKind.DOSE, amount=POINT_VOLUME_CM3, amount_unit="cc"),
        dvh,
        prescription_gy=subject.prescription_gy,
    )
    if point.value is None:
        return judgement
    if compare(point, comparator=comparator, limit=limit) is Verdict.MET:
        note = f"{value.note}; its D0.035cc of {point.value:.2f} {point.unit} already meets the limit"
        return Judgement(Verdict.MET, point, note.lstrip("; "))
    if not whole:
        return judgement
    # No part of that size can be above the limit: there is no number to compare.
    note = f"{value.note}: the whole organ is drawn, and it is smaller, so the limit is met at any dose"
    return Judgement(Verdict.MET, replace(value, reason=None, note=note), note)


def _settled(value: MetricValue, verdict: Verdict, comparator: str) -> MetricValue:
    """A range that settles a limit, as the end of it that does: what the value is at least, or at most."""
    if value.value is not None or value.low is None or value.high is None or verdict is Verdict.NOT_EVALUABLE:
        return value
    at_most = is_upper(comparator) == (verdict is Verdict.MET)
    end, words = (value.high, "at most") if at_most else (value.low, "at least")
    return replace(value, value=end, reason=None, note=f"{words}; {value.note}")


def _of_a_part(judgement: Judgement, comparator: str) -> Judgement:
    """What the part that is drawn says of the whole: the rest of the organ lies farther from the target.

    Its mean and shares are upper bounds, its spared volume is a lower one: what the part meets, the whole meets.
    """
    if judgement.verdict in {Verdict.MET, Verdict.MARGINAL}:
        bound = "at most this in the whole organ" if is_upper(comparator) else "at least this in the whole organ"
        note = "; ".join(n for n in (judgement.note, f"drawn in part, or cut by the scan: {bound}") if n)
        return replace(judgement, note=note)
    note = "the organ is drawn in part, or cut by the scan: the rest of it may settle the limit"
    return not_evaluable(judgement, Reason.PART_DRAWN, note)


def not_evaluable(judgement: Judgement, reason: Reason, note: str) -> Judgement:
    """The same without its number, for a reason."""
    value = replace(judgement.value, value=None, low=None, high=None, reason=reason, note=note)
    return Judgement(Verdict.NOT_EVALUABLE, value, note)
