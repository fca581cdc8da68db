"""What a case file says of a course beyond its plans: the sequence of the plans, and dose of earlier courses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from sbrtcheck.errors import safe_text, wrong_usage
from sbrtcheck.model import Metric, Quantity
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.read.case_file import CaseFile, EarlierDose
from sbrtcheck.tables.organs import split_side

SEQUENTIAL, SAME_SESSIONS, UNKNOWN = "sequential", "same_sessions", "unknown"
# Two plans whose first days lie at least this many days for each fraction of the first apart were given one after the
# other (our policy: no scheme here is slower than every third day).
DAYS_PER_FRACTION = 3.0
# Hottest volumes up to this size are near-maxima: upper bounds of the dose anywhere in the organ [cm3].
NEAR_MAXIMUM_CM3 = 0.1


@dataclass(frozen=True, slots=True)
class PlanSequence:
    """How the plans are given, and how that is known."""

    kind: str
    origin: str

    @property
    def text(self) -> str:
        """In words."""
        return {
            SEQUENTIAL: "one after the other",
            SAME_SESSIONS: "in the same sessions",
            UNKNOWN: "not known: both were computed, the worse decides",
        }[self.kind]


def sequence_of(plans: Sequence[tuple[str, int]], case: CaseFile | None) -> PlanSequence:
    """Whether plans are given one after the other or in the same sessions: declared, by their first days, or unknown.

    Args:
        plans: label and number of fractions of each.
        case: the case file.

    Raises:
        WrongUsageError: E-CASE when it names a plan that is not here.
    """
    labels = {label for label, _ in plans}
    if case is not None:
        _check_labels(case, labels)
    if len(plans) < 2:
        return PlanSequence(SEQUENTIAL, "one plan")
    if case is None:
        return PlanSequence(UNKNOWN, "not declared: sequence in a case file")
    if case.sequence:
        return PlanSequence(case.sequence, "case file")
    starts = sorted((date.fromisoformat(case.plan_starts[label]), n) for label, n in plans if label in case.plan_starts)
    if len(starts) == len(plans):
        gaps = [((b - a).days, n) for (a, n), (b, _) in pairwise(starts)]
        if all(days >= DAYS_PER_FRACTION * n for days, n in gaps):
            days = min(days for days, _ in gaps)
            return PlanSequence(SEQUENTIAL, f"first days in the case file: {days} days or more apart")
        return PlanSequence(UNKNOWN, "the first days in the case file do not tell the plans apart")
    return PlanSequence(UNKNOWN, "not declared: sequence in a case file")


def _check_labels(case: CaseFile, labels: set[str]) -> None:
    named = {*case.plan_starts, *(label for same in case.same_lesion for label in same.plans)}
    for label in sorted(named - labels):
        remedy = f"Plans here: {', '.join(sorted(labels))}"
        raise wrong_usage("E-CASE", case.file, tag="label of a plan", seen=safe_text(label), remedy=remedy)


@dataclass(frozen=True, slots=True)
class UniformDose:
    """Dose of an earlier course [Gy], added at every point of an organ; ``note`` says what kind of bound it is."""

    dose_gy: float
    n_fractions: int
    note: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier courses add to one limit. ``missing``: what was declared and says nothing about this limit."""

    doses: tuple[UniformDose, ...] = ()
    missing: tuple[str, ...] = ()


def earlier_organs(case: CaseFile | None) -> dict[str, tuple[EarlierDose, ...]]:
    """Declared earlier doses by organ without side.

    Raises:
        WrongUsageError: E-METRIC for a metric that cannot be read.
    """
    out: dict[str, tuple[EarlierDose, ...]] = {}
    for entry in case.earlier if case else ():
        parse_metric(entry.metric)
        organ = _bare(entry.organ)
        out[organ] = (*out.get(organ, ()), entry)
    return out


def _bare(organ: str) -> str:
    base, side = split_side(organ)
    return base if side else organ


def earlier_for(entries: Iterable[EarlierDose], metric: Metric) -> Earlier:
    """What the earlier courses add to a limit on ``metric``: one dose per course, the best known for it.

    The same metric is added as it is; a near-maximum is an upper bound for every larger volume. The sum of near-maxima
    is an upper bound of the near-maximum of the sum wherever the hot spots lie.
    """
    by_course: dict[tuple[int, str], list[EarlierDose]] = {}
    for entry in entries:
        by_course.setdefault((entry.n_fractions, entry.date), []).append(entry)
    doses, missing = [], []
    for (n_fractions, day), course in by_course.items():
        usable = [(kind, e) for e in course if (kind := _use(parse_metric(e.metric), metric)) is not None]
        when = f" of {day}" if day else ""
        if not usable:
            missing.append(f"earlier course{when}: {', '.join(e.metric for e in course)} says nothing about this limit")
            continue
        kind, entry = min(usable, key=lambda pair: (pair[0], pair[1].dose_gy))
        how = "added at every point" if kind == 0 else "added at every point: an upper bound"
        note = f"earlier course{when}: {entry.metric} {entry.dose_gy:g} Gy in {n_fractions}, {how}"
        doses.append(UniformDose(entry.dose_gy, n_fractions, note))
    return Earlier(tuple(doses), tuple(missing))


def _use(declared: Metric, wanted: Metric) -> int | None:
    """0: the same metric; 1: an upper bound of the wanted one; None: neither."""
    if declared.quantity is not Quantity.PHYSICAL or declared.unit != "Gy":
        return None
    if declared == wanted:
        return 0
    if declared.kind == "Max":
        return 1
    if declared.kind != "D" or declared.amount_unit != "cc" or declared.amount is None:
        return None
    if wanted.kind == "D" and wanted.amount_unit == "cc":
        return 1 if wanted.amount is not None and declared.amount <= wanted.amount else None
    return 1 if declared.amount <= NEAR_MAXIMUM_CM3 else None
