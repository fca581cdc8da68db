"""From files or arrays to a Report: read, compute, judge. The only assembly; ``sbrtcheck.check`` is its public name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any

from sbrtcheck.course.drawing import outlines
from sbrtcheck.course.judge import judge_course
from sbrtcheck.course.plans import course_plans
from sbrtcheck.errors import Problem, RefusedError, safe_text
from sbrtcheck.judging.deviations import deviation_findings, with_deviations
from sbrtcheck.judging.guideline import threshold_fact
from sbrtcheck.judging.guideline_course import confirm_items, judge_course_rules
from sbrtcheck.judging.plan_result import Choices, PlanResult, plan_result
from sbrtcheck.judging.tables_used import tables_of_report
from sbrtcheck.model import (
    EXIT_CODE,
    Fact,
    InputFile,
    Outcome,
    Report,
    Study,
    worst_outcome,
)
from sbrtcheck.plan.contradictions import left_open, settled
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.facts import GivenFacts, with_case
from sbrtcheck.read.case_file import CaseFile, load_case
from sbrtcheck.read.clinic_file import ClinicFile, clinic_of
from sbrtcheck.tables.organ_tables import load_table

DEFAULT_INTERPOLATION = "cubic"


def _quiet(_stage: str) -> None:
    """No progress."""


def check(
    paths: str | Path | Sequence[str | Path],
    *,
    config: str | Path | None = None,
    find_config: bool = True,
    progress: Callable[[str], None] = _quiet,
    **options: Any,
) -> Report:
    """Check the plans in a folder, a list of files or a zip.

    Args:
        paths: a folder, files, or a zip with RTPLAN, RTSTRUCT and RTDOSE.
        config: a clinic file.
        find_config: look for a clinic file beside the plan and in the user's configuration folder.
        progress: called with what is being done.
        options: as for :func:`check_study`.

    Returns:
        The report. Input that cannot be trusted gives a report with outcome REFUSED and the reasons in ``errors``.

    Raises:
        WrongUsageError: a wrong option, table, ROI name, clinic or case file.
    """
    from sbrtcheck.read import read_folder

    clinic = clinic_of(paths, config=config, find_config=find_config)
    progress("reading")
    try:
        study = read_folder(paths)
    except RefusedError as error:
        report = refused(error.problems, options=_shown(options))
        if options.get("pseudonymise"):
            from sbrtcheck.report.pseudonym import pseudonymised

            report = pseudonymised(report)
        return report
    return check_study(study, clinic=clinic, progress=progress, **options)


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
    interpolation: str = "cubic",
    strict: bool = False,
    derive: bool = False,
    pseudonymise: bool = False,
    progress: Callable[[str], None] = _quiet,
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
        pseudonymise: replace names, labels and UIDs by keyed hashes.
        progress: called with what is being done.

    Raises:
        WrongUsageError: a wrong option, table, ROI name or case file.
    """
    facts_file = load_case(case) if case is not None else None
    shown = _shown(
        {
            "table": table,
            "also": tuple(also),
            "fractions": fractions,
            "prescriptions": prescriptions,
            "sites": sites,
            "roi_map": roi_map,
            "case": case,
            "clinic": clinic.file if clinic else None,
            "interpolation": interpolation,
            "strict": strict,
            "derive": derive,
            "pseudonymise": pseudonymise,
        }
    )
    for name in [n for n in (table, *also) if n]:
        load_table(name)
    choices = Choices(table, tuple(also), clinic, interpolation, bool(derive))
    given = GivenFacts(
        n_fractions=fractions,
        prescriptions_gy=dict(prescriptions or {}),
        sites=dict(sites or {}),
        roi_map=dict(roi_map or {}),
        sex=study.patient.sex,
    )
    given = with_case(given, facts_file, clinic)
    try:
        study = settled(study, facts_file, given)
        report = _assemble(study, given, facts_file, choices, progress=progress, shown=shown)
        if interpolation != DEFAULT_INTERPOLATION:
            usual = replace(choices, table=None, also=(), clinic=None, interpolation=DEFAULT_INTERPOLATION)
            plain = _assemble(study, given, facts_file, usual, progress=progress, shown=shown)
            report = _beside_default(report, plain)
    except RefusedError as error:
        report = refused(error.problems, options=shown, inputs=study.inputs)
    if strict and report.outcome is Outcome.PASS_WITH_VARIATION:
        report = replace(report, exit_code=1)
    if pseudonymise:
        from sbrtcheck.report.pseudonym import pseudonymised

        report = pseudonymised(report)
    return report


def _beside_default(report: Report, plain: Report) -> Report:
    """The outcome with every choice at its default, put beside what was chosen."""
    plans = zip(report.plans, plain.plans, strict=True)
    return replace(
        report,
        default_outcome=plain.default_outcome,
        plans=tuple(replace(p, default_outcome=d.default_outcome) for p, d in plans),
    )


def _assemble(
    study: Study,
    given: GivenFacts,
    case: CaseFile | None,
    choices: Choices,
    *,
    progress: Callable[[str], None],
    shown: Mapping[str, Any],
) -> Report:
    """The plans, their sum, the rules of the course, and all of it as a Report."""
    results: list[PlanResult] = []
    to_add: list[PlanDoses] = []
    registered: dict[str, str] = {}
    for plan in course_plans(study, given, case, interpolation=choices.interpolation, progress=progress):
        results.append(plan_result(plan.doses, given=given, case=case, choices=choices, progress=progress))
        doses, registration = plan.in_common_frame(study)
        to_add.append(doses)
        if registration:
            registered[plan.doses.label] = registration
    whole = judge_course(
        to_add,
        case=case,
        clinic=choices.clinic,
        absent=given.absent,
        interpolation=choices.interpolation,
        progress=progress,
        registered=registered,
    )
    treated = [x.lesion for r in results for x in r.lesions]
    reports = [r.report for r in results]
    findings = (
        *whole.findings,
        *left_open(study, case),
        *judge_course_rules(treated, case=case),
        *deviation_findings(reports, case),
    )
    plans = with_deviations(reports, case)
    of_course = [f.consequence for f in findings]
    outcome = worst_outcome(*(p.outcome for p in plans), *of_course)
    facts = [*chain.from_iterable(r.facts for r in results), *whole.facts, *_file_facts(case, choices.clinic)]
    warnings = [*study.problems, *chain.from_iterable(r.warnings for r in results)]
    errors = [*study.problems, *chain.from_iterable(r.errors for r in results)]
    return Report(
        outcome=outcome,
        exit_code=EXIT_CODE[outcome],
        default_outcome=worst_outcome(*(p.default_outcome or p.outcome for p in plans), *of_course),
        lesions=tuple(x for r in results for x in r.lesions),
        plans=plans,
        cumulative=whole.cumulative,
        course_findings=findings,
        structures=tuple(x for r in results for x in r.structures),
        facts=tuple(dict.fromkeys(facts)),
        errors=tuple(dict.fromkeys(p for p in errors if p.is_error)),
        warnings=tuple(dict.fromkeys(p for p in warnings if not p.is_error)),
        inputs=study.inputs,
        options=dict(shown),
        versions=_versions(),
        tables=tables_of_report([x for r in results for x in r.tables], also=choices.also, summed=whole.sources),
        confirm=confirm_items(treated, case=case),
        patient=(safe_text(study.patient.name), safe_text(study.patient.patient_id)),
        outlines=outlines(to_add),
        course_curves=whole.curves,
    )


def _file_facts(case: CaseFile | None, clinic: ClinicFile | None) -> list[Fact]:
    out = []
    if case:
        out.append(Fact("case file", case.file, f"SHA-256 {case.sha256}"))
        out += [Fact(f"{a.organ} absent", a.reason, "case file") for a in case.absent]
        out += [threshold_fact(case.classification)] if case.classification else []
    if clinic:
        out.append(Fact("clinic file", clinic.file, f"SHA-256 {clinic.sha256}"))
    return out


def refused(problems: Sequence[Problem], *, options: Mapping[str, Any], inputs: Sequence[InputFile] = ()) -> Report:
    """A report without a verdict on any plan: the input cannot be trusted."""
    return Report(
        outcome=Outcome.REFUSED,
        exit_code=EXIT_CODE[Outcome.REFUSED],
        default_outcome=Outcome.REFUSED,
        lesions=(),
        plans=(),
        cumulative=None,
        course_findings=(),
        structures=(),
        facts=(),
        errors=tuple(p for p in problems if p.is_error),
        warnings=tuple(p for p in problems if not p.is_error),
        inputs=tuple(inputs),
        options=dict(options),
        versions=_versions(),
    )


def _shown(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they were given, paths as basenames, without the callables."""
    out: dict[str, Any] = {}
    for name, value in options.items():
        if callable(value) or isinstance(value, ClinicFile):
            continue
        if isinstance(value, Path):
            out[name] = value.name
        elif isinstance(value, Mapping):
            out[name] = {str(k): v for k, v in value.items()}
        elif isinstance(value, list | tuple):
            out[name] = [str(v) for v in value]
        else:
            out[name] = value
    return out


def _versions() -> dict[str, str]:
    out = {}
    for package in ("sbrtcheck", "numpy", "scipy", "pydicom", "dicompyler-core"):
        try:
            out[package] = version(package)
        except PackageNotFoundError:
            out[package] = "not installed"
    return out
