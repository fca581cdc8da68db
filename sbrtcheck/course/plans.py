"""The plans of a study as the plans of one course: each with its doses and its own targets, lesions numbered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sbrtcheck.anatomy.found_once import Shared
from sbrtcheck.course.lesions import facts_of_plan, treated_elsewhere, unique_labels
from sbrtcheck.course.registered import describe, moved, transformation
from sbrtcheck.model import PlanData, Study
from sbrtcheck.plan.doses import PlanDoses, compute_plan
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.plan.lung_location import with_locations
from sbrtcheck.read.case_file import CaseFile


@dataclass(frozen=True, slots=True, eq=False)
class CoursePlan:
    """A plan of a course with its doses; ``compute`` gives those of the same plan with other data (moved)."""

    doses: PlanDoses
    compute: Callable[[PlanData], PlanDoses]

    def in_common_frame(self, study: Study) -> tuple[PlanDoses, str]:
        """The plan as the sum sees it, and the registration that moved it, "" if none did.

        Only the sum sees the moved plan; its own verdicts rest on its own frame.
        """
        frame = self.doses.data.dose.frame_of_reference_uid
        common = study.plans[0].dose.frame_of_reference_uid
        joined = transformation(study.registrations, source=frame, target=common) if frame != common else None
        if joined is None:
            return self.doses, ""
        return self.compute(moved(self.doses.data, joined)), describe(joined)


def course_plans(
    study: Study,
    given: GivenFacts,
    case: CaseFile | None,
    *,
    interpolation: str = "cubic",
    progress: Callable[[str], None] = lambda _stage: None,
) -> Iterator[CoursePlan]:
    """The plans in the order of the study, each computed when it is asked for.

    Raises:
        RefusedError, WrongUsageError: as `compute_plan`.
    """
    labels, elsewhere = unique_labels(study), treated_elsewhere(study, case)
    shared = Shared() if len(study.plans) > 1 else None
    n_lesions = 0
    for index, data in enumerate(study.plans):
        compute = partial(
            compute_plan,
            index=index,
            given=facts_of_plan(given, data, study, elsewhere[index]),
            interpolation=interpolation,
            progress=progress,
            label=labels[index],
            elsewhere=elsewhere[index],
            first_lesion=n_lesions + 1,
            shared=shared,
        )
        doses = _with_stated_lesions(compute(data), case)
        n_lesions += len(doses.lesions)
        yield CoursePlan(doses, compute)


def _with_stated_lesions(doses: PlanDoses, case: CaseFile | None) -> PlanDoses:
    """With what the case file says of where a lung lesion lies and whether it is an early primary."""
    stated = case.lesions if case else ()
    return with_locations(
        doses,
        declared={x.roi: x.location for x in stated if x.location},
        early_stage={x.roi: x.early_stage_primary for x in stated if x.early_stage_primary is not None},
    )
