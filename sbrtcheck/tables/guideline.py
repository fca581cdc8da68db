"""One guideline as data: its rules, what their status makes of them, and the tables of its file that are ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sbrtcheck.errors import wrong_usage
from sbrtcheck.model.vocabulary import Level, Outcome, Verdict
from sbrtcheck.tables import datafiles

GUIDELINE_FILE = "astro_estro_oligomet_nsclc_2023.toml"
STATUSES = ("abstract", "unverified", "secondary", "verified")
EVALUATIONS = ("automatic", "case_file", "confirm")
_RULE_TEXTS = ("id", "topic", "text", "strength", "status", "evaluation", "checker")


@dataclass(frozen=True, slots=True)
class GuidelineRule:
    """One rule. ``evaluation``: "automatic", "case_file" or "confirm"; ``thresholds`` by name, unit in the name."""

    id: str
    key_question: int
    topic: str
    text: str
    strength: str
    status: str
    evaluation: str
    checker: str
    status_note: str = ""
    thresholds: tuple[tuple[str, float], ...] = ()

    def threshold(self, name: str) -> float:
        """One threshold of the rule.

        Raises:
            KeyError: no such threshold.
        """
        return dict(self.thresholds)[name]


@dataclass(frozen=True, slots=True)
class Weight:
    """What a status makes of a rule: its level, its verdict when met, verdict and outcome when missed."""

    level: Level
    met_verdict: Verdict
    missed_verdict: Verdict
    missed_outcome: Outcome


@dataclass(frozen=True, slots=True)
class Guideline:
    """One guideline's file. ``policy`` holds the tables of the file that are ours (tiers, sites, classification)."""

    id: str
    title: str
    citation: str
    version: str
    sha256: str
    rules: tuple[GuidelineRule, ...]
    weights: Mapping[str, Weight]
    definitions: tuple[tuple[str, str, str], ...]
    policy: Mapping[str, Any]

    def rule(self, rule_id: str) -> GuidelineRule:
        """The rule of this id.

        Raises:
            KeyError: no such rule.
        """
        return {rule.id: rule for rule in self.rules}[rule_id]

    def weight(self, rule_id: str) -> Weight:
        """What the rule's status makes of it."""
        return self.weights[self.rule(rule_id).status]


def parse_guideline(document: Mapping[str, Any], *, name: str, sha256: str = "") -> Guideline:
    """A guideline from the tables of its TOML file.

    Raises:
        WrongUsageError: E-DATA for an unknown, missing or mistyped field.
    """

    def bad(tag: str, seen: object = "", detail: str = "missing or of the wrong type") -> Exception:
        return wrong_usage("E-DATA", name, tag=tag, seen=seen, detail=detail)

    rules = []
    for raw in document.get("rule", ()):
        tag = f"rule {raw.get('id', '?')}"
        unknown = set(raw) - {*_RULE_TEXTS, "key_question", "status_note", "threshold"}
        if unknown:
            raise bad(tag, sorted(unknown)[0], "unknown field")
        for key in _RULE_TEXTS:
            if not isinstance(raw.get(key), str):
                raise bad(f"{tag}, {key}")
        if raw["status"] not in STATUSES or raw["evaluation"] not in EVALUATIONS:
            raise bad(tag, f"{raw['status']}, {raw['evaluation']}", "unknown status or evaluation")
        if not isinstance(raw.get("key_question"), int):
            raise bad(f"{tag}, key_question")
        thresholds = raw.get("threshold", {})
        for key, value in thresholds.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise bad(f"{tag}, {key}", value)
        texts = {key: raw[key] for key in _RULE_TEXTS}
        rules.append(
            GuidelineRule(
                **texts,
                key_question=raw["key_question"],
                status_note=str(raw.get("status_note", "")),
                thresholds=tuple((key, float(value)) for key, value in thresholds.items()),
            )
        )
    if not rules or len({r.id for r in rules}) != len(rules):
        raise bad("rule", detail="no rules, or an id occurs twice")
    try:
        weights = {
            status: Weight(
                Level(raw["level"]),
                Verdict(raw["met_verdict"]),
                Verdict(raw["missed_verdict"]),
                Outcome(raw["missed_outcome"]),
            )
            for status, raw in document["weight"].items()
        }
        definitions = tuple((d["term"], d["text"], d["status"]) for d in document.get("definition", ()))
        policy = {key: document[key] for key in ("tiers", "palliative", "classification", "sites", "states")}
        missing = {r.status for r in rules} - set(weights)
        if missing:
            raise bad("weight", sorted(missing)[0], "no weight for this status")
        title, citation, version = (str(document[key]) for key in ("title", "citation", "version"))
        return Guideline(
            str(document["id"]), title, citation, version, sha256, tuple(rules), weights, definitions, policy
        )
    except (KeyError, ValueError, TypeError) as error:
        raise bad(str(error)) from error


@cache
def load_guideline() -> Guideline:
    """The shipped ASTRO/ESTRO guideline.

    Raises:
        WrongUsageError: E-DATA.
    """
    document, sha256 = datafiles.read_toml(datafiles.data_path("guideline", GUIDELINE_FILE), code="E-DATA")
    return parse_guideline(document, name=GUIDELINE_FILE, sha256=sha256)
