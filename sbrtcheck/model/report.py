"""The course: lesions first. A single plan is a course of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sbrtcheck.errors import Problem
from sbrtcheck.model.finding import Fact, Finding
from sbrtcheck.model.options import Options
from sbrtcheck.model.report_dict import (
    NOTICE,
    SCHEMA_VERSION,
    fact_to_dict,
    finding_to_dict,
    input_to_dict,
    lesion_to_dict,
    plain,
    plan_to_dict,
    problem_to_dict,
    sorted_keys,
    structure_to_dict,
)
from sbrtcheck.model.report_parts import (
    Cumulative,
    Curve,
    LesionReport,
    Outline,
    PlanReport,
    PolicyUsed,
    StructureReport,
    TableUsed,
)
from sbrtcheck.model.study import InputFile
from sbrtcheck.model.vocabulary import EXIT_CODE, MarginalReason, Outcome


@dataclass(frozen=True, slots=True)
class Report:
    """The whole answer. ``to_dict`` is the JSON report; ``exit_code`` follows from ``outcome``.

    ``patient`` is (name, ID): for the head of text and HTML only, never in JSON or CSV. ``outlines`` and
    ``course_curves`` (EQD2 [Gy] of each organ: the sum, then each plan) are for figures only.
    """

    outcome: Outcome
    exit_code: int
    default_outcome: Outcome
    lesions: tuple[LesionReport, ...] = ()
    plans: tuple[PlanReport, ...] = ()
    cumulative: Cumulative | None = None
    course_findings: tuple[Finding, ...] = ()
    structures: tuple[StructureReport, ...] = ()
    facts: tuple[Fact, ...] = ()
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    options: Options = field(default_factory=Options)
    versions: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[TableUsed, ...] = ()
    policy: PolicyUsed = field(default_factory=PolicyUsed)
    confirm: tuple[str, ...] = ()
    pseudonymised: bool = False
    patient: tuple[str, str] = ("", "")
    outlines: tuple[Outline, ...] = ()
    course_curves: tuple[Curve, ...] = ()

    @property
    def why_marginal(self) -> MarginalReason | None:
        """Why the outcome is MARGINAL: a number within its band, or something that only a person can judge."""
        if self.outcome is not Outcome.MARGINAL:
            return None
        reasons = {f.why_marginal for f in self.findings if f.consequence is Outcome.MARGINAL}
        return MarginalReason.WITHIN_BAND if reasons == {MarginalReason.WITHIN_BAND} else MarginalReason.NEEDS_REVIEW

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings: the course's first, then plan by plan."""
        return self.course_findings + tuple(f for p in self.plans for f in p.findings)

    @classmethod
    def refused(
        cls,
        problems: Sequence[Problem],
        *,
        options: Options,
        inputs: Sequence[InputFile] = (),
        versions: Mapping[str, str] | None = None,
    ) -> Report:
        """A report that holds errors and warnings and nothing that could be taken for a verdict.

        Raises:
            ValueError: none of the problems is an error.
        """
        errors = tuple(p for p in problems if p.is_error)
        if not errors:
            raise ValueError("a refusal needs at least one error")
        return cls(
            outcome=Outcome.REFUSED,
            exit_code=EXIT_CODE[Outcome.REFUSED],
            default_outcome=Outcome.REFUSED,
            errors=errors,
            warnings=tuple(p for p in problems if not p.is_error),
            inputs=tuple(inputs),
            options=options,
            versions=dict(versions or {}),
        )

    def beside(self, plain: Report) -> Report:
        """Put the outcome with every choice at its default beside what was chosen."""
        plans = zip(self.plans, plain.plans, strict=True)
        return replace(
            self,
            default_outcome=plain.default_outcome,
            plans=tuple(replace(p, default_outcome=d.default_outcome) for p, d in plans),
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as the JSON document of docs/report.schema.json."""
        return report_to_dict(self)


def report_to_dict(report: Report) -> dict[str, Any]:
    """The report as the JSON document of docs/report.schema.json (schema version 2.0).

    The same report always gives the same document, key order included. The patient's name and ID are never in it.
    Numbers that are not finite become None.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "outcome": report.outcome.value,
        "marginal_reason": plain(report.why_marginal),
        "exit_code": report.exit_code,
        "default_outcome": report.default_outcome.value,
        "course": {
            "lesions": [lesion_to_dict(item, report.plans) for item in report.lesions],
            "plans": [plan_to_dict(item) for item in report.plans],
            "cumulative": plain(report.cumulative),
            "findings": [finding_to_dict(item) for item in report.course_findings],
        },
        "structures": [structure_to_dict(item) for item in report.structures],
        "facts": [fact_to_dict(item) for item in report.facts],
        "errors": [problem_to_dict(item) for item in report.errors],
        "warnings": [problem_to_dict(item) for item in report.warnings],
        "inputs": [input_to_dict(item) for item in report.inputs],
        "options": sorted_keys(report.options.shown()),
        "versions": sorted_keys(report.versions),
        "tables": [plain(item) for item in report.tables],
        "policy": plain(report.policy),
        "confirm": [str(item) for item in report.confirm],
        "pseudonymised": report.pseudonymised,
        "notice": NOTICE,
    }
