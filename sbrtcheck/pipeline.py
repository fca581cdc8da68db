"""From files or arrays to a Report: read, understand, compute, judge, sum, report. The only assembly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sbrtcheck.course.drawing import outlines
from sbrtcheck.course.judge import judge_course
from sbrtcheck.course.plans import course_plans
from sbrtcheck.course.whole import course_report
from sbrtcheck.errors import Problem, RefusedError
from sbrtcheck.judging.plan_result import Choices, PlanResult, plan_result
from sbrtcheck.model import InputFile, Options, Outcome, PolicyUsed, Report, Study
from sbrtcheck.model.versions import versions
from sbrtcheck.plan.contradictions import settled
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.facts import GivenFacts, with_case
from sbrtcheck.read.case_file import CaseFile, load_case
from sbrtcheck.read.clinic_file import ClinicFile, clinic_of, policy_in_force
from sbrtcheck.tables.organ_tables import load_table

Progress = Callable[[str], None]
DEFAULT_INTERPOLATION = Options().interpolation


def _quiet(_stage: str) -> None:
    """Say nothing."""


def check(
    paths: str | Path | Sequence[str | Path],
    *,
    config: str | Path | None = None,
    find_config: bool = True,
    sum_beams: bool = False,
    fraction_group: int | None = None,
    progress: Progress = _quiet,
    **options: Any,
) -> Report:
    """Check the plans in a folder, a list of files or a zip.

    Args:
        paths: a folder, files, or a zip with RTPLAN, RTSTRUCT and RTDOSE.
        config: a clinic file.
        find_config: look for a clinic file beside the plan and in the user's configuration folder.
        sum_beams: add BEAM doses where a plan has no PLAN dose and they hold each treatment beam once.
        fraction_group: number of the group to judge, for plans with several.
        progress: called with what is being done.
        options: as for :func:`check_study`.

    Returns:
        The report. Input that cannot be trusted gives a report with outcome REFUSED and the reasons in ``errors``.

    Raises:
        WrongUsageError: a wrong option, table, ROI name, clinic or case file.
    """
    from sbrtcheck.read import read_folder

    clinic = clinic_of(paths, config=config, find_config=find_config)
    asked = Options(**options, clinic=clinic.file if clinic else None)
    progress("reading")
    try:
        study = read_folder(paths, sum_beams=sum_beams, fraction_group=fraction_group)
    except RefusedError as error:
        return _finished(refused(error.problems, options=asked))
    return _checked(study, asked, clinic, progress)


def check_study(
    study: Study,
    *,
    table: str | None = None,
    also: Sequence[str] = (),
    fractions: int | None = None,
    prescriptions: Mapping[str, float] | None = None,
    sites: Mapping[str, str] | None = None,
    roi_map: Mapping[str, str] | None = None,
    case: str | Path | None = None,
    clinic: ClinicFile | None = None,
    interpolation: str = DEFAULT_INTERPOLATION,
    strict: bool = False,
    derive: bool = False,
    same_patient: bool = False,
    pseudonymise: bool = False,
    progress: Progress = _quiet,
) -> Report:
    """Check what was read, or built from arrays with :func:`sbrtcheck.study_from_arrays`.

    Args:
        study: plans with structures and doses.
        table: organ table that decides; None: the clinic file's, else the default by fraction number and site.
        also: tables judged beside it; they do nothing to the outcome.
        fractions: number of fractions, for plans that have none.
        prescriptions: target ROI to total dose [Gy], for targets that have none.
        sites: target ROI to site; key "" for every target.
        roi_map: ROI to organ, target type or "none".
        case: case file.
        clinic: clinic file.
        interpolation: of the dose, "cubic" or "linear".
        strict: a variation exits 1.
        derive: where the deciding table has no limits for the plan's number of fractions but has some below and above,
            carry them by BED: derived, not published, never better than MARGINAL.
        same_patient: confirmed that all objects are of one patient, although name, birth date or sex differ.
        pseudonymise: replace names, labels and UIDs by keyed hashes.
        progress: called with what is being done.

    Raises:
        WrongUsageError: a wrong option, table, ROI name or case file.
    """
    asked = Options(
        table=table,
        also=tuple(also),
        fractions=fractions,
        prescriptions=dict(prescriptions or {}),
        sites=dict(sites or {}),
        roi_map=dict(roi_map or {}),
        case=case,
        clinic=clinic.file if clinic else None,
        interpolation=interpolation,
        strict=strict,
        derive=derive,
        same_patient=same_patient,
        pseudonymise=pseudonymise,
    )
    return _checked(study, asked, clinic, progress)


def _checked(study: Study, asked: Options, clinic: ClinicFile | None, progress: Progress) -> Report:
    """Check under the options asked for, with the outcome of the default beside what was chosen."""
    case = load_case(Path(asked.case)) if asked.case is not None else None
    for name in (asked.table, *asked.also):
        if name:
            load_table(name)
    choices = Choices(asked.table, tuple(asked.also), clinic, asked.interpolation, asked.derive)
    try:
        given = with_case(GivenFacts.of(asked, sex=study.patient.sex), case, clinic)
        study = settled(study, case, given)
        report = _course(study, given, case, choices, progress, asked)
        if asked.interpolation != DEFAULT_INTERPOLATION:
            usual = Choices(None, (), None, DEFAULT_INTERPOLATION, asked.derive)
            report = report.beside(_course(study, given, case, usual, progress, asked))
    except RefusedError as error:
        report = refused(error.problems, options=asked, inputs=study.inputs)
    return _finished(report)


def _course(
    study: Study, given: GivenFacts, case: CaseFile | None, choices: Choices, progress: Progress, asked: Options
) -> Report:
    """Compute and judge each plan, then sum them as one course, then report."""
    judged: list[PlanResult] = []
    to_add: list[PlanDoses] = []
    registered: dict[str, str] = {}
    for plan in course_plans(study, given, case, interpolation=choices.interpolation, progress=progress):
        judged.append(plan_result(plan.doses, given=given, case=case, choices=choices, progress=progress))
        doses, registration = plan.in_common_frame(study)
        to_add.append(doses)
        if registration:
            registered[plan.doses.label] = registration
    summed = judge_course(
        to_add,
        case=case,
        clinic=choices.clinic,
        absent=given.absent,
        interpolation=choices.interpolation,
        progress=progress,
        registered=registered,
    )
    policy = policy_in_force(choices.clinic)
    whole = course_report(study, judged, summed, case=case, clinic=choices.clinic, also=choices.also, options=asked)
    return replace(
        whole,
        outlines=outlines(to_add),
        policy=PolicyUsed(policy.version, policy.sha256, tuple(change.text for change in policy.changed)),
        versions=versions(),
    )


def refused(problems: Sequence[Problem], *, options: Options, inputs: Sequence[InputFile] = ()) -> Report:
    """Report that the input cannot be trusted: the errors, and nothing that could be taken for a verdict.

    Raises:
        ValueError: none of the problems is an error.
    """
    return Report.refused(problems, options=options, inputs=inputs, versions=versions())


def _finished(report: Report) -> Report:
    """Apply what changes the presentation only: the exit code of a variation, and who the patient is."""
    if report.options.strict and report.outcome is Outcome.PASS_WITH_VARIATION:
        report = replace(report, exit_code=1)
    if report.options.pseudonymise:
        from sbrtcheck.report.pseudonym import pseudonymised

        report = pseudonymised(report)
    return report
