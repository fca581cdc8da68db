"""The report as plain data: the JSON document of docs/report.schema.json, without identity, paths or time stamps."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

from sbrtcheck.errors import Problem
from sbrtcheck.model.finding import Fact, Finding
from sbrtcheck.model.report_parts import LesionReport, PlanReport, StructureReport
from sbrtcheck.model.study import InputFile
from sbrtcheck.model.vocabulary import Reason

SCHEMA_VERSION = "2.0"
NOTICE = "Independent second check; not a medical device. Verify every table against its source before clinical use."
_ABSOLUTE_PATH = re.compile(r"(?:/|~|\\\\|[A-Za-z]:[\\/])")


def basename(text: str) -> str:
    """The last part of a path written with either separator. A folder's name can tell who the patient is."""
    return re.split(r"[\\/]", text.rstrip("\\/"))[-1]


def plain(value: Any) -> Any:
    """Anything a record may hold as JSON data: enumerations as text, numbers finite or None, paths as basenames."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return basename(value) if _ABSOLUTE_PATH.match(value) else str(value)
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def sorted_keys(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plain(mapping[key]) for key in sorted(mapping)}


def finding_to_dict(finding: Finding) -> dict[str, Any]:
    """One finding. A value that is not finite is None and carries a reason."""
    value = plain(finding.value)
    reason = finding.reason
    if finding.value is not None and value is None and reason is None:
        reason = Reason.NOT_COMPUTABLE
    return {
        "rule_id": finding.rule_id,
        "table": finding.table,
        "kind": finding.kind.value,
        "plan": finding.plan,
        "lesion": finding.lesion,
        "organ": finding.organ,
        "roi": finding.roi,
        "metric": finding.metric,
        "value": value,
        "low": plain(finding.low),
        "high": plain(finding.high),
        "unit": finding.unit,
        "comparator": finding.comparator,
        "limit": plain(finding.limit),
        "margin": plain(finding.margin),
        "share": plain(finding.share),
        "level": finding.level.value,
        "verdict": finding.verdict.value,
        "consequence": finding.consequence.value,
        "reason": None if reason is None else reason.value,
        "marginal_reason": plain(finding.why_marginal),
        "text": finding.text,
        "note": finding.note,
        "source": finding.source,
        "trust": finding.trust,
        "policy": list(finding.policy),
    }


def problem_to_dict(problem: Problem) -> dict[str, str]:
    """One error or warning."""
    return {
        "code": problem.code,
        "object": problem.object,
        "tag": problem.tag,
        "seen": problem.seen,
        "meaning": problem.meaning,
        "detail": problem.detail,
        "remedy": problem.remedy,
    }


def lesion_to_dict(item: LesionReport, plans: tuple[PlanReport, ...]) -> dict[str, Any]:
    lesion = item.lesion
    per_fraction_gy = None
    if lesion.prescription_gy is not None and lesion.n_fractions:
        per_fraction_gy = lesion.prescription_gy / lesion.n_fractions
    return {
        "id": lesion.id,
        "plan": plans[lesion.plan_index].label if 0 <= lesion.plan_index < len(plans) else "",
        "ptv": lesion.ptv,
        "gtv": lesion.gtv,
        "itv": lesion.itv,
        "ctv": lesion.ctv,
        "near_minimum_roi": lesion.near_minimum_roi,
        "prescription_gy": plain(lesion.prescription_gy),
        "n_fractions": lesion.n_fractions,
        "dose_per_fraction_gy": plain(per_fraction_gy),
        "linked_by": lesion.linked_by,
        "site": lesion.site,
        "site_origin": lesion.site_origin,
        "laterality": lesion.laterality,
        "location": lesion.location,
        "location_origin": lesion.location_origin,
        "distances_mm": {organ: plain(gap) for organ, gap in lesion.distances_mm},
        "early_stage_primary": lesion.early_stage_primary,
        "volume_cm3": plain(lesion.volume_cm3),
        "bed10_gy": plain(item.bed10_gy),
        "eqd2_10_gy": plain(item.eqd2_10_gy),
        "metrics": plain(item.metrics),
        "conformity": plain(item.conformity),
        "classification": item.classification,
        "scheme_note": item.scheme_note,
    }


def plan_to_dict(plan: PlanReport) -> dict[str, Any]:
    return {
        "plan": plan.label,
        "outcome": plan.outcome.value,
        "unjudged": plain(plan.unjudged),
        "target_doses": plain(plan.target_doses),
        "to_do": list(plan.to_do),
        "lines": list(plan.lines),
        "judged": list(plan.judged),
        "supplements": plain(plan.supplements),
        "table": plan.table,
        "table_reason": plan.table_reason,
        "default_table": plan.default_table,
        "default_outcome": None if plan.default_outcome is None else plan.default_outcome.value,
        "n_fractions": plan.n_fractions,
        "prescription_gy": plain(plan.prescription_gy),
        "approval_status": plan.approval_status,
        "intent": plan.intent,
        "heterogeneity_correction": plan.heterogeneity_correction,
        "grid_spacing_mm": plain(plan.grid_spacing_mm),
        "global_max_gy": plain(plan.global_max_gy),
        "global_max_place": plan.global_max_place,
        "v105_outside_cm3": plain(plan.v105_outside_cm3),
        "sop_instance_uid": plan.sop_instance_uid,
        "dose_sop_instance_uid": plan.dose_sop_instance_uid,
        "structure_set_sop_instance_uid": plan.structure_set_sop_instance_uid,
        "agreement": plain(plan.agreement),
        "organ_eqd2": [plain(item) for item in plan.organ_eqd2],
        "findings": [finding_to_dict(item) for item in plan.findings],
    }


def structure_to_dict(item: StructureReport) -> dict[str, Any]:
    return {
        "roi": item.roi,
        "organ": item.organ,
        "role": item.role.value,
        "target_type": item.target_type,
        "matched_by": item.matched_by.value,
        "suggestion": item.suggestion,
        "plan": item.plan,
        "volume_cm3": plain(item.volume_cm3),
        "volume_cm3_stored": plain(item.volume_cm3_stored),
        "volume_outside_grid_fraction": plain(item.volume_outside_grid_fraction),
        "mean_gy": plain(item.mean_gy),
        "d95_percent_gy": plain(item.d95_percent_gy),
        "near_max_gy": plain(item.near_max_gy),
        "method": item.method,
        "note": item.note,
    }


def fact_to_dict(fact: Fact) -> dict[str, str]:
    return {"name": fact.name, "value": plain(fact.value), "origin": plain(fact.origin)}


def input_to_dict(item: InputFile) -> dict[str, Any]:
    return {
        "name": basename(item.name),
        "kind": item.kind,
        "sop_class_uid": item.sop_class_uid,
        "sop_instance_uid": item.sop_instance_uid,
        "sha256": item.sha256,
        "used": item.used,
        "note": item.note,
    }
