"""A scaled plan held against everything that a check says of a plan and its course."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sbrtcheck.course.judge import judge_course
from sbrtcheck.fractionation.what_if_plan import counts, words
from sbrtcheck.judging.plan_result import Choices, PlanResult, plan_result
from sbrtcheck.model import Finding, FindingKind, Level, Outcome, Study
from sbrtcheck.model.dose import scaled
from sbrtcheck.model.subject import Subject
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.read.case_file import CaseFile

NOT_SBRT = "course:not_sbrt"


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """What a check is asked with: the plans with their doses, which of them is scaled, and everything given."""

    study: Study
    plans: Sequence[PlanDoses]
    index: int
    given: GivenFacts
    case: CaseFile | None
    choices: Choices
    # The plans that stay as they are, each judged once.
    others: dict[int, PlanResult] = field(default_factory=dict)

    def refuse(self) -> None:
        """Refuse what a check of the plan as it is refuses.

        Raises:
            RefusedError: for example E-DOSE-RX-MISMATCH.
        """
        self._judged(self.plans[self.index])

    def _judged(self, doses: PlanDoses) -> PlanResult:
        return plan_result(doses, given=self.given, case=self.case, choices=self.choices)

    def _as_it_is(self, index: int) -> PlanResult:
        if index not in self.others:
            self.others[index] = self._judged(self.plans[index])
        return self.others[index]

    def open_points(self, *, factor: float, n_fractions: int) -> tuple[str, ...]:
        """What the check of the course with one plan's dose times ``factor``, in ``n_fractions``, does not settle.

        Mandatory organ limits of a plan or of the sum that are not MET, and whatever leaves the check incomplete.

        Raises:
            RefusedError, WrongUsageError: as a check.
        """
        scaled_one = scaled_plan(self.plans[self.index], factor, n_fractions=n_fractions)
        results = [
            self._judged(scaled_one) if index == self.index else self._as_it_is(index)
            for index in range(len(self.plans))
        ]
        course = judge_course(
            [r.doses for r in results], case=self.case, clinic=self.choices.clinic, absent=self.given.absent
        )
        found = []
        for label, findings in (
            *((r.doses.label, r.report.findings) for r in results),
            ("the course", course.findings),
        ):
            found += [f"{label}: {words(f)}" for f in findings if _is_open(f)]
        return tuple(dict.fromkeys(found))


def _is_open(finding: Finding) -> bool:
    # A scheme below what is called SBRT is said by its BED10 and tier.
    if finding.rule_id == NOT_SBRT:
        return False
    if finding.consequence is Outcome.INCOMPLETE:
        return True
    return finding.kind is FindingKind.ORGAN_LIMIT and finding.level is Level.MANDATORY and counts(finding)


def scaled_plan(doses: PlanDoses, factor: float, *, n_fractions: int) -> PlanDoses:
    """A plan with every dose and prescription times ``factor``, in another number of fractions."""
    data = doses.data
    references = tuple(
        replace(
            r, target_prescription_gy=None if r.target_prescription_gy is None else factor * r.target_prescription_gy
        )
        for r in data.plan.dose_references
    )
    beams_gy = data.plan.beam_dose_per_fraction_gy
    plan = replace(
        data.plan,
        n_fractions=n_fractions,
        dose_references=references,
        beam_dose_per_fraction_gy=None if beams_gy is None else beams_gy * factor * doses.n_fractions / n_fractions,
    )

    def gy(dose: float | None) -> float | None:
        return None if dose is None else factor * dose

    def of(subject: Subject) -> Subject:
        return replace(subject, dvh=scaled(subject.dvh, factor), prescription_gy=gy(subject.prescription_gy))

    return replace(
        doses,
        # What the planning system stored is of the plan as it is.
        data=replace(data, plan=plan, dose=replace(data.dose, dose_gy=data.dose.dose_gy * factor), stored_dvhs=()),
        n_fractions=n_fractions,
        dvhs={name: scaled(dvh, factor) for name, dvh in doses.dvhs.items()},
        derived={name: scaled(dvh, factor) for name, dvh in doses.derived.items()},
        near_maximum={name: scaled(dvh, factor) for name, dvh in doses.near_maximum.items()},
        subjects={organ: tuple(of(s) for s in items) for organ, items in doses.subjects.items()},
        lesions=tuple(
            replace(x, prescription_gy=gy(x.prescription_gy), n_fractions=n_fractions) for x in doses.lesions
        ),
    )
