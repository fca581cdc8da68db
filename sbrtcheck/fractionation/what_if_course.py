"""What counts beside a plan that is scaled: the other plans of its course as they are, and declared earlier dose."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.course import lesions as course_lesions
from sbrtcheck.course.earlier import earlier_organs, sequence_of
from sbrtcheck.course.limits import judge_sum
from sbrtcheck.course.row import CourseFacts, course_facts
from sbrtcheck.course.sum import CourseSum
from sbrtcheck.errors import fractions
from sbrtcheck.fractionation.what_if_plan import counts
from sbrtcheck.model import Finding, FindingKind, Level
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.read.case_file import CaseFile

# The search stops within this share of the dose.
_TOLERANCE = 1e-4
# A share of a plan so small that what counts even there does not come from its dose.
_NOTHING = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """The course of a plan that is scaled.

    Attributes:
        total: sums of the plans of its frame of reference.
        index: of the scaled plan among them.
        facts: of the course; the sequence is found again for each number of fractions.
        case: the case file.
        every: label and number of fractions of all plans, those of other frames of reference too.
        unsettled: why no dose can be called the highest, "" where one can.
    """

    total: CourseSum
    index: int
    facts: CourseFacts
    case: CaseFile | None
    every: tuple[tuple[str, int], ...]
    unsettled: str

    @property
    def words(self) -> tuple[str, ...]:
        """What counts beside the scaled plan."""
        others = [p for i, p in enumerate(self.total.plans) if i != self.index]
        out = [f"{p.label} as it is, {fractions(p.n_fractions)}" for p in others]
        if self.facts.earlier:
            out.append(f"earlier dose as declared: {', '.join(self.facts.earlier)}")
        return tuple(out)

    def findings(self, *, factor: float, n_fractions: int, only: Collection[str] | None = None) -> tuple[Finding, ...]:
        """Mandatory findings on the sum with the plan's dose times ``factor``, in ``n_fractions``.

        Args:
            only: rule ids to which to keep.

        Raises:
            WrongUsageError: as :func:`sbrtcheck.course.limits.judge_sum`.
        """
        own = self.total.plans[self.index].label
        given = [(label, n_fractions if label == own else n) for label, n in self.every]
        kind = sequence_of(given, self.case).kind
        scaled = self.total.scaled(self.index, factor, n_fractions=n_fractions)
        found = judge_sum(scaled, replace(self.facts, kind=kind), only=only).findings
        return tuple(f for f in found if f.level is Level.MANDATORY)


def course_around_plan(
    plans: Sequence[PlanDoses],
    index: int,
    *,
    case: CaseFile | None,
    absent: Mapping[str, str],
    interpolation: str = "cubic",
) -> Beside | None:
    """What counts beside the plan at ``index``; None: it is alone and no earlier dose is declared."""
    own = plans[index]
    frame = own.data.dose.frame_of_reference_uid
    together = [p for p in plans if p.data.dose.frame_of_reference_uid == frame]
    earlier = earlier_organs(case)
    reasons = []
    if len(together) < len(plans):
        apart = ", ".join(p.label for p in plans if p not in together)
        reasons.append(f"{apart} has another frame of reference and is not summed")
    asked = course_lesions.judge_shared_lesions(plans, case)
    reasons += [finding.note for finding in asked]
    if not reasons and len(together) < 2 and not earlier:
        return None
    facts = course_facts(together, kind="", absent=absent, earlier=earlier, open_question=bool(asked))
    total = CourseSum(together, interpolation=interpolation)
    every = tuple((p.label, p.n_fractions) for p in plans)
    return Beside(total, together.index(own), facts, case, every, "; ".join(reasons))


def highest_factor(course: Beside, *, most: float, n_fractions: int) -> tuple[float, Finding | None]:
    """The largest factor up to ``most`` at which all mandatory limits on the sum are MET, and the finding that ends it.

    0 and a finding where the sum cannot be MET however little the plan gives; ``most`` and None where nothing ends it.
    """

    def first(factor: float, only: Collection[str] | None = None) -> list[Finding]:
        found = course.findings(factor=factor, n_fractions=n_fractions, only=only)
        return sorted((f for f in found if counts(f)), key=lambda f: -(f.share or 0.0))

    ended = first(most)
    if not ended:
        return most, None
    least = _NOTHING * most
    always = first(least)
    if always:
        return 0.0, always[0]
    only: set[str] | None = (
        None if any(f.kind is not FindingKind.ORGAN_LIMIT for f in ended) else {f.rule_id for f in ended}
    )
    low, high = least, most
    while high - low > _TOLERANCE * most:
        middle = 0.5 * (low + high)
        found = first(middle, only)
        if found:
            high, ended = middle, found
        else:
            low = middle
    return low, ended[0]
