"""One plan judged: everything that it adds to the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sbrtcheck.dvh.around_targets.conformity import (
    Conformity,
    conformity,
    global_maximum,
    target_surfaces,
    total_spill,
    v105_outside,
)
from sbrtcheck.dvh.around_targets.spill import GlobalMaximum, Hottest, hottest_of_grid
from sbrtcheck.errors import Problem, on_one_line
from sbrtcheck.judging.plan import JudgedPlan, deciding_site, judge_plan
from sbrtcheck.judging.plan_record import agreement_rows, lesion_reports, plan_report, structure_reports
from sbrtcheck.judging.problems import errors_of_findings, warnings_of_plan
from sbrtcheck.judging.tables_used import TableUse, tables_of_plan
from sbrtcheck.model import Fact, Lesion, LesionReport, PlanReport, Role, StructureReport
from sbrtcheck.plan.doses import PlanDoses, drawn_targets
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.read.case_file import CaseFile
from sbrtcheck.read.clinic_file import ClinicFile, policy_in_force
from sbrtcheck.tables.organ_tables import clinic_goals, load_target_goals
from sbrtcheck.tables.policy import load_policy
from sbrtcheck.tables.policy_rows import coverage_goals


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller chose; the default's outcome stands beside what any of it gives.

    ``table``: that decides, None for the default; ``also``: tables judged beside it; ``clinic``: the clinic's file;
    ``interpolation``: of the dose; ``derive``: carry limits by BED where the table has none for the plan's fractions.
    """

    table: str | None
    also: tuple[str, ...]
    clinic: ClinicFile | None
    interpolation: str
    derive: bool

    def table_for(self, lesions: Sequence[Lesion], *, n_fractions: int) -> str | None:
        """The table that is asked for, by the caller or for these lesions in the clinic file; None: the default."""
        if self.table is not None or self.clinic is None:
            return self.table
        return self.clinic.table_for(site=deciding_site(lesions), n_fractions=n_fractions)


@dataclass(frozen=True, slots=True, eq=False)
class PlanResult:
    """A plan as it was judged, and what it adds to the report."""

    doses: PlanDoses
    report: PlanReport
    lesions: tuple[LesionReport, ...]
    structures: tuple[StructureReport, ...]
    facts: tuple[Fact, ...]
    warnings: tuple[Problem, ...]
    errors: tuple[Problem, ...]
    tables: tuple[TableUse, ...]


@dataclass(frozen=True, slots=True)
class _AroundTargets:
    """How the dose lies around the targets: one record for each with a prescription, and what the plan has once."""

    conformity: tuple[Conformity, ...]
    maximum: GlobalMaximum
    hottest: Hottest
    spill_cm3: float | None


def plan_result(
    doses: PlanDoses,
    *,
    given: GivenFacts,
    case: CaseFile | None,
    choices: Choices,
    progress: Callable[[str], None] = lambda _stage: None,
) -> PlanResult:
    """Judge one plan.

    Args:
        doses: the plan with its doses.
        given: facts from the caller.
        case: case file.
        progress: called with what is being done.

    Raises:
        RefusedError, WrongUsageError: as `judge_plan`.
    """
    progress(f"{doses.label}: conformity")
    around = _around_targets(doses)
    progress(f"{doses.label}: judging")
    judged, default = _judged_and_default(doses, around, given=given, case=case, choices=choices)
    rows, disagreements = agreement_rows(doses)
    alpha_beta_gy = choices.clinic.alpha_beta_gy if choices.clinic else None
    title = judged.choice.table.title if judged.choice.table else "none"
    return PlanResult(
        doses=doses,
        report=plan_report(
            as_clinic_declares(doses, choices.clinic),
            judged,
            default,
            maximum=around.maximum,
            spill_cm3=around.spill_cm3,
            agreement=rows,
            alpha_beta_gy=alpha_beta_gy,
            policy=policy_in_force(choices.clinic),
        ),
        lesions=tuple(lesion_reports(doses, around.conformity, thresholds=case.classification if case else None)),
        structures=tuple(structure_reports(doses)),
        facts=(*doses.facts, Fact(f"organ table of {doses.label}", title, judged.choice.reason)),
        warnings=tuple(on_one_line("W-MARKER", (*doses.problems, *disagreements, *warnings_of_plan(doses)))),
        errors=(*_errors_of_rois(doses), *errors_of_findings(judged.findings)),
        tables=tables_of_plan(judged, default),
    )


def _around_targets(doses: PlanDoses) -> _AroundTargets:
    dose = doses.data.dose
    hottest_cm3 = load_policy().value("target_dose.hottest_volume_cc")
    targets = [
        (doses.structures[x.ptv], x.prescription_gy)
        for x in doses.lesions
        if x.prescription_gy is not None and doses.structures[x.ptv].blocked is None
    ]
    others = [doses.structures[name] for name in drawn_targets(doses) if name not in {s.name for s, _ in targets}]
    every = [*(s for s, _ in targets), *others]
    surfaces = target_surfaces(every)
    measured = conformity(
        targets=targets,
        body=doses.structures[doses.body.roi.name] if doses.body is not None else None,
        dose=dose,
        dvhs=[doses.dvhs[s.name] for s, _ in targets],
        surfaces=surfaces,
        others=others,
    )
    spill = total_spill([c.spill_cm3 for c in measured])
    if spill.value is None:
        # A target at the edge of the grid has no number of its own; the plan's may still be known.
        spill = v105_outside(dose, targets, surfaces=surfaces, others=others)
    return _AroundTargets(
        conformity=measured,
        hottest=hottest_of_grid(dose, list(surfaces.values()), volume_cm3=hottest_cm3),
        maximum=global_maximum(dose, [(s, 0.0) for s in every], surfaces=surfaces),
        spill_cm3=spill.value if targets else None,
    )


def _judged_and_default(
    doses: PlanDoses,
    around: _AroundTargets,
    *,
    given: GivenFacts,
    case: CaseFile | None,
    choices: Choices,
) -> tuple[JudgedPlan, JudgedPlan]:
    """Under the table and the clinic file asked for, and by default; the same where neither changes anything."""
    clinic, thresholds = choices.clinic, case.classification if case else None
    judge = partial(
        judge_plan,
        conformity=around.conformity,
        hottest=around.hottest,
        absent=given.absent,
        intent=case.intent if case else "",
        liver_lesion=_liver_lesion(doses.lesions, case),
    )
    goals = load_target_goals()
    default = judge(doses, table=None, also=(), goals=goals, extra_required=())
    required: tuple[str, ...] = ()
    wanted = choices.table_for(doses.lesions, n_fractions=doses.n_fractions)
    if clinic is not None:
        own = [g for g in clinic_goals(clinic.goals, file=clinic.file) if g.n_fractions in {None, doses.n_fractions}]
        goals = (*(goals if clinic.keep_goals else ()), *own)
        sites = dict.fromkeys(x.site for x in doses.lesions)
        required = tuple(dict.fromkeys(organ for s in sites for organ in clinic.required.get(s, ())))
    if wanted is None and not choices.also and clinic is None and not choices.derive and thresholds is None:
        return default, default
    policy = policy_in_force(clinic)
    judged = judge(
        as_clinic_declares(doses, clinic),
        table=wanted,
        also=choices.also,
        goals=goals,
        extra_required=required,
        levels=clinic.levels if clinic else None,
        added=clinic.rows if clinic else (),
        derive=choices.derive,
        alpha_betas_gy=clinic.alpha_beta_gy if clinic else None,
        thresholds=thresholds,
        policy=policy,
        coverage=coverage_goals(policy) if clinic is None or clinic.keep_goals else (),
    )
    return judged, default


def as_clinic_declares(doses: PlanDoses, clinic: ClinicFile | None) -> PlanDoses:
    """With what a clinic's prescriptions cover, unless the case file says otherwise."""
    if clinic is None or clinic.normalised_to is None:
        return doses
    declared = {"": clinic.normalised_to, **doses.given.normalised_to}
    return replace(doses, given=replace(doses.given, normalised_to=declared))


def _liver_lesion(lesions: Sequence[Lesion], case: CaseFile | None) -> str:
    """What the case file says the plan's lesions of the liver are: the stricter of two, "" where one is not stated."""
    own = [{x.ptv, x.gtv, x.itv, x.ctv} for x in lesions if x.site == "liver"]
    declared = [x for x in case.lesions if x.liver_lesion] if case else []
    stated = [next((x.liver_lesion for x in declared if x.roi in rois), "") for rois in own]
    if "primary" in stated:
        return "primary"
    return "metastasis" if stated and all(stated) else ""


def _errors_of_rois(doses: PlanDoses) -> list[Problem]:
    """What is wrong with ROIs; that a marker has no contours is no error, unless it stands for an organ or target."""
    markers = {
        n.roi.name
        for n in doses.named
        if n.role in {Role.HELPER, Role.UNMATCHED} and any(p.code == "W-MARKER" for p in n.roi.problems)
    }
    return [
        *(p for n in doses.named for p in n.roi.problems if p.is_error),
        *(p for name, s in doses.structures.items() for p in s.problems if p.is_error and name not in markers),
    ]
