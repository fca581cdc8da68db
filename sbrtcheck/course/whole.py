"""The course as one Report: its plans, their sum, the rules of the course, and what all of it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from sbrtcheck.course.judge import CourseResult
from sbrtcheck.errors import Problem, safe_text
from sbrtcheck.judging.deviations import deviation_findings, with_deviations
from sbrtcheck.judging.given_files import facts_of_files
from sbrtcheck.judging.guideline_course import confirm_items, judge_course_rules
from sbrtcheck.judging.plan_result import PlanResult
from sbrtcheck.judging.tables_used import tables_of_report
from sbrtcheck.model import EXIT_CODE, Options, Report, Study, worst_outcome
from sbrtcheck.plan.contradictions import left_open
from sbrtcheck.plan.identity import patient_fact
from sbrtcheck.read.case_file import CaseFile
from sbrtcheck.read.clinic_file import ClinicFile


def course_report(
    study: Study,
    judged: Sequence[PlanResult],
    summed: CourseResult,
    *,
    case: CaseFile | None,
    clinic: ClinicFile | None,
    also: Sequence[str],
    options: Options,
) -> Report:
    """Put together what was judged; the worst consequence is the outcome.

    Args:
        judged: the plans of the study, in its order.
        summed: what the course adds to them.
        also: names or paths of tables judged beside the deciding one.
        options: of the caller, as the report prints them.
    """
    treated = [x.lesion for r in judged for x in r.lesions]
    plans = [r.report for r in judged]
    findings = (
        *summed.findings,
        *left_open(study, case, same_patient=options.same_patient),
        *judge_course_rules(treated, case=case),
        *deviation_findings(plans, case),
    )
    of_course = [f.consequence for f in findings]
    outcome = worst_outcome(*(p.outcome for p in plans), *of_course)
    facts = [*chain.from_iterable(r.facts for r in judged), *summed.facts, *facts_of_files(case, clinic)]
    facts += patient_fact(study, by_case=bool(case and case.same_patient), by_caller=options.same_patient)
    warnings = [*study.problems, *chain.from_iterable(r.warnings for r in judged)]
    errors = [*study.problems, *chain.from_iterable(r.errors for r in judged)]
    return Report(
        outcome=outcome,
        exit_code=EXIT_CODE[outcome],
        default_outcome=worst_outcome(*(p.default_outcome or p.outcome for p in plans), *of_course),
        lesions=tuple(x for r in judged for x in r.lesions),
        plans=with_deviations(plans, case),
        cumulative=summed.cumulative,
        course_findings=findings,
        structures=tuple(x for r in judged for x in r.structures),
        facts=tuple(dict.fromkeys(facts)),
        errors=_each_once(errors, are_errors=True),
        warnings=_each_once(warnings, are_errors=False),
        inputs=study.inputs,
        options=options,
        tables=tables_of_report([x for r in judged for x in r.tables], also=also, summed=summed.sources),
        confirm=confirm_items(treated, case=case),
        patient=(safe_text(study.patient.name), safe_text(study.patient.patient_id)),
        course_curves=summed.curves,
    )


def _each_once(problems: Iterable[Problem], *, are_errors: bool) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(p for p in problems if p.is_error is are_errors))
