"""The case file as a JSON Schema: for editors, and for programs that write case files. Also docs/case.schema.json."""

from __future__ import annotations

import json
import sys
from typing import Any

from sbrtcheck.read.case_file import (
    INTENTS,
    LIVER_LESIONS,
    LOCATIONS,
    MAX_FAR_MM,
    MIN_THRESHOLD_GY,
    RELATIONS,
    SEQUENCES,
    TREATMENTS,
)
from sbrtcheck.read.toml_keys import MAX_DOSE_GY, MAX_FRACTIONS, MAX_TEXT
from sbrtcheck.tables.organs import SITES
from sbrtcheck.tables.policy import load_policy

_TEXT = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
_DATE = {"type": "string", "format": "date", "description": "A TOML date, or a text such as 2024-05-31."}
_FLAG = {"type": "boolean"}
_NORMALISED = {**_TEXT, "description": 'What the prescription covers: "D99% = 100%", "GTV D98% = 100%".'}
_ORGAN = {**_TEXT, "description": "An organ of constraints/organs.csv, with its side where it has one."}


def _one_of(words: tuple[str, ...], description: str = "") -> dict[str, Any]:
    return {"enum": list(words), **({"description": description} if description else {})}


def _table(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _tables(properties: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "array", "items": _table(properties, required)}


def case_schema() -> dict[str, Any]:
    """The schema; what it cannot say (organs, metrics, names of this plan) is checked when the file is read."""
    dose = {"type": "number", "minimum": 0, "maximum": MAX_DOSE_GY, "description": "Total dose [Gy]."}
    fractions = {"type": "integer", "minimum": 1, "maximum": MAX_FRACTIONS}
    lesion = {
        "roi": {**_TEXT, "description": "Name of the target in the structure set."},
        "site": _one_of(SITES),
        "location": _one_of(LOCATIONS, "Of a lesion of the lung."),
        "prescription_gy": {**dose, "minimum": 1},
        "fractions": fractions,
        "early_stage_primary": {**_FLAG, "description": "Of a lesion of the lung: an early-stage primary (NG-3)."},
        "level": {**_TEXT, "description": "Of a lesion of spine, bone or node: L3, ilium, pelvis."},
        "liver_lesion": _one_of(LIVER_LESIONS, "Of a lesion of the liver."),
        "normalised_to": _NORMALISED,
    }
    other_site = {
        "site": _TEXT,
        "treatment": _one_of(TREATMENTS),
        "lesions": {"type": "integer", "minimum": 1, "maximum": 100},
        "date": _DATE,
    }
    earlier = {"organ": _ORGAN, "metric": _TEXT, "dose_gy": dose, "fractions": fractions, "date": _DATE}
    disease = {
        "history_of_polymetastatic_disease": _FLAG,
        "history_of_oligometastatic_disease": _FLAG,
        "months_since_primary_diagnosis": {"type": "number", "minimum": 0, "maximum": 1200},
        "on_systemic_therapy": _FLAG,
        "progressing": _FLAG,
        "all_sites_declared": _FLAG,
        "systemic_therapy_start": _DATE,
        "radiotherapy_start": _DATE,
    }
    far = {
        "organ": _ORGAN,
        "distance_mm": {"type": "number", "minimum": load_policy().value("required.far_mm"), "maximum": MAX_FAR_MM},
        "name": {**_TEXT, "description": "Who says so."},
    }
    excuse = {
        "organ": {**_ORGAN, "description": "Liver, kidney or lung."},
        "reason": _TEXT,
        "roi": {**_TEXT, "description": "The target; left out: any."},
    }
    texts = {"type": "array", "items": _TEXT, "minItems": 2}
    deviation = {
        "rule": {**_TEXT, "description": "rule_id of the finding; it is shown beside it and changes no verdict."},
        "reason": _TEXT,
        "name": _TEXT,
    }
    threshold = {"type": "number", "minimum": MIN_THRESHOLD_GY, "maximum": MAX_DOSE_GY}
    classification = {
        "sbrt_max_fractions": fractions,
        "sbrt_min_dose_per_fraction_gy": threshold,
        "hypofractionated_above_dose_per_fraction_gy": {
            **threshold,
            "description": "At most sbrt_min_dose_per_fraction_gy.",
        },
    }
    document = _table(
        {
            "intent": _one_of(INTENTS),
            "sex": _one_of(("M", "F")),
            "sequence": _one_of(SEQUENCES, "How several plans are given."),
            "lesion": _tables(lesion, ("roi",)),
            "primary": {**_TEXT, "description": "The primary tumour, NSCLC or another."},
            "confirmed": {
                "type": "array",
                "items": _ORGAN,
                "description": "Organs whose contour somebody has looked at and found right.",
            },
            "same_patient": {**_FLAG, "description": "Somebody has confirmed that all objects are of one patient."},
            "normalised_to": _NORMALISED,
            "far": _tables(far, ("organ", "distance_mm", "name")),
            "excuse": _tables(excuse, ("organ", "reason")),
            "absent": _tables({"organ": _ORGAN, "reason": _TEXT}, ("organ", "reason")),
            "other_site": _tables(other_site, ("site", "treatment")),
            "earlier": _tables(earlier, ("organ", "metric", "dose_gy", "fractions")),
            "deviation": _tables(deviation, ("rule", "reason", "name")),
            "plan": _tables({"label": _TEXT, "start": _DATE}, ("label", "start")),
            "same_lesion": _tables({"plans": texts, "relation": _one_of(RELATIONS)}, ("plans", "relation")),
            "one_site": _tables({"rois": texts, "reason": _TEXT}, ("rois", "reason")),
            "disease": _table(disease),
            "classification": _table(classification, tuple(classification)),
        }
    )
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Case file of sbrtcheck (TOML)"}
    return {**title, **document}


def schema_text() -> str:
    """The schema as the text of docs/case.schema.json, which is what this module prints."""
    return json.dumps(case_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
