"""The course: lesions first. A single plan is a course of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sbrtcheck.errors import Problem
from sbrtcheck.model.finding import Fact, Finding
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
from sbrtcheck.model.report_parts import Curve, LesionReport, Outline, PlanReport, StructureReport
from sbrtcheck.model.study import InputFile
from sbrtcheck.model.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class Report:
    """The whole answer. ``to_dict`` is the JSON report; ``exit_code`` follows from ``outcome``.

    ``patient`` is (name, ID): for the head of text and HTML only, never in JSON or CSV. ``outlines`` and
    ``course_curves`` (EQD2 [Gy] of each organ: the sum, then each plan) are for figures only.
    """

    outcome: Outcome
    exit_code: int
    default_outcome: Outcome
    lesions: tuple[LesionReport, ...]
    plans: tuple[PlanReport, ...]
    cumulative: dict[str, Any] | None
    course_findings: tuple[Finding, ...]
    structures: tuple[StructureReport, ...]
    facts: tuple[Fact, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    inputs: tuple[InputFile, ...]
    options: dict[str, Any]
    versions: dict[str, str]
    tables: tuple[dict[str, str], ...] = ()
    confirm: tuple[str, ...] = ()
    pseudonymised: bool = False
    patient: tuple[str, str] = ("", "")
    outlines: tuple[Outline, ...] = ()
    course_curves: tuple[Curve, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings: the course's first, then plan by plan."""
        return self.course_findings + tuple(f for p in self.plans for f in p.findings)

    def to_dict(self) -> dict[str, Any]:
        """The report as the JSON document of docs/report.schema.json."""

        document: dict[str, Any] = report_to_dict(self)
        return document


def report_to_dict(report: Report) -> dict[str, Any]:
    """The report as the JSON document of docs/report.schema.json (schema version 2.0).

    The same report always gives the same document, key order included. The patient's name and ID are never in it.
    Numbers that are not finite become None.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "outcome": report.outcome.value,
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
        "options": sorted_keys(report.options),
        "versions": sorted_keys(report.versions),
        "tables": [sorted_keys(item) for item in report.tables],
        "confirm": [str(item) for item in report.confirm],
        "pseudonymised": report.pseudonymised,
        "notice": NOTICE,
    }
