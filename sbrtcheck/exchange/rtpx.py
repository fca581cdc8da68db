"""BeamKit's protocols (RT-PX), clinical rules and rule packs: JSON, read only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from sbrtcheck.exchange.source import Source, read_source
from sbrtcheck.exchange.strict_json import Object, load_json, number_text, objects_of, text_of
from sbrtcheck.exchange.template import Statement, Template

VERSIONS = ("0.1",)
_COMPARISONS = {
    "LessThan": "<",
    "LessThanOrEqual": "<=",
    "GreaterThan": ">",
    "GreaterThanOrEqual": ">=",
}
_CONSTRAINT_KEYS = {
    "id", "structure", "metric", "comparison", "value", "unit", "level", "description", "source", "rationale",
    "reference", "tags",
}  # fmt: skip
_GOAL_KEYS = {
    "id", "structureName", "metricKey", "comparison", "threshold", "unit", "severity", "description", "reference",
    "rationale", "tags", "requirementId", "hazardIds", "isActive",
}  # fmt: skip
_KEY = re.compile(
    r"(?:D(?P<volume>[0-9]+(?:p[0-9]+)?)PercentDoseGy|V(?P<dose>[0-9]+(?:p[0-9]+)?)GyPercent|(?P<word>Max|Mean|Min)DoseGy)",
    re.ASCII,
)
_WITH_BRACKET = re.compile(r".*\[[^\]]*\]")
_SIBLINGS = ("clinicalRuleCatalog", "planCheckCatalog", "namingDictionary")


def is_beamkit(value: object) -> bool:
    """True for one of BeamKit's files that may hold limits."""
    return isinstance(value, dict) and bool(
        {"clinicalRuleCatalog", "templateSets", "checks"} & set(value) or {"constraints", "schemaVersion"} <= set(value)
    )


def read_rtpx(source: Source, value: Any = None) -> Template:
    """The statements of a protocol, of a catalogue of rules or checks, or of a rule pack with the files beside it.

    Raises:
        WrongUsageError: E-TEMPLATE, for another kind of JSON, an unknown version, or a missing file of a pack.
    """
    value = load_json(source) if value is None else value
    if not is_beamkit(value):
        remedy = "Give rtpx.json, clinical-rules.json, plan-checks.json or beamkit-rule-pack.json"
        raise source.bad("not an RT-PX protocol or rule pack", remedy, place="keys", seen=_keys(value))
    if "clinicalRuleCatalog" in value:
        return _rule_pack(source, value)
    if "templateSets" in value:
        statements = _catalogue(source, value, aliases={}, query={})
        return Template(source.name, source.sha256, "BeamKit clinical rules JSON", tuple(statements))
    if "checks" in value:
        n_fractions, statements = _plan_checks(source, value, {})
        statements = [replace(s, n_fractions=n_fractions) for s in statements]
        return Template(source.name, source.sha256, "BeamKit plan checks JSON", tuple(statements))
    return _protocol(source, value)


def _keys(value: object) -> str:
    return ", ".join(map(str, list(value)[:6])) if isinstance(value, dict) else type(value).__name__


def _protocol(source: Source, value: Object) -> Template:
    version = text_of(value.get("schemaVersion"))
    if version not in VERSIONS:
        remedy = f"Known: {', '.join(VERSIONS)}"
        raise source.bad("an unknown version", remedy, place="key schemaVersion", seen=value.get("schemaVersion"))
    aliases = {
        text_of(s.get("name")): tuple(text_of(a) for a in s.get("aliases") or () if text_of(a))
        for s in objects_of(value.get("structures") or [], source, "structures")
        if isinstance(s.get("aliases") or [], list)
    }
    schemes = objects_of(value.get("prescriptions") or [], source, "prescriptions")
    n_fractions = _fractions(source, schemes)
    statements = []
    for number, constraint in enumerate(objects_of(value["constraints"], source, "constraints"), start=1):
        name = text_of(constraint.get("structure"))
        unknown = sorted(set(constraint) - _CONSTRAINT_KEYS)
        statements.append(
            Statement(
                place=f"constraints {number}",
                structure=name,
                metric=_metric(text_of(constraint.get("metric")), text_of(constraint.get("unit"))),
                goal=_goal(constraint, "value"),
                aliases=tuple(a for a in aliases.get(name, ()) if a != name),
                priority=text_of(constraint.get("level")),
                n_fractions=n_fractions,
                refusal=f"the key {unknown[0]} is not known and may change what is meant" if unknown else "",
            )
        )
    for key, what in (("planChecks", "a check of the plan"), ("workflow", "a step of the workflow")):
        for number, entry in enumerate(objects_of(value.get(key) or [], source, key), start=1):
            title = text_of(entry.get("title")) or text_of(entry.get("type"))
            statements.append(Statement(f"{key} {number}", "-", title, "", no_limit=what))
    notes = (f"status {text_of(value.get('status'))}",) if text_of(value.get("status")) else ()
    return Template(source.name, source.sha256, f"RT-PX JSON {version}", tuple(statements), notes=notes)


def _fractions(source: Source, schemes: list[Object]) -> int | None:
    """The number of fractions of all prescriptions, whose doses must agree with it."""
    found = set()
    for i, scheme in enumerate(schemes, start=1):
        n, each, whole = (scheme.get(k) for k in ("fractionCount", "dosePerFractionGy", "totalDoseGy"))
        place = f"prescriptions {i}"
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 99:
            raise source.bad("no number of fractions", "Correct the prescription", place=place, seen=n)
        numbers = number_text(each), number_text(whole)
        if None not in numbers and abs(float(numbers[0] or 0) * n - float(numbers[1] or 0)) > 0.005 * n:
            seen = f"{n} fractions of {numbers[0]} Gy, {numbers[1]} Gy in all"
            raise source.bad("doses that do not agree", "Correct the prescription", place=place, seen=seen)
        found.add(n)
    if len(found) > 1:
        seen = ", ".join(map(str, sorted(found)))
        raise source.bad("several numbers of fractions", "Give one protocol a number", place="prescriptions", seen=seen)
    return found.pop() if found else None


def _metric(metric: str, unit: str) -> str:
    """The metric with the unit of the row in brackets; the row's unit decides."""
    return metric if _WITH_BRACKET.fullmatch(metric) else f"{metric}[{unit}]" if unit else metric


def _goal(entry: Object, key: str) -> str:
    number = number_text(entry.get(key))
    comparison = text_of(entry.get("comparison"))
    return f"{_COMPARISONS.get(comparison, comparison)} {number if number is not None else entry.get(key)}"


def _rule_pack(source: Source, pack: Object) -> Template:
    """The rules of a pack, from the files beside it."""
    siblings: dict[str, Source] = {}
    for key in _SIBLINGS:
        name = text_of(pack.get(key))
        if not name:
            continue
        if PurePath(name).name != name or "\\" in name or name in {".", ".."}:
            remedy = "Put all files of the pack into one folder"
            raise source.bad("a file that is not beside the pack", remedy, place=f"key {key}", seen=name)
        siblings[key] = read_source(source.path.parent / name)
    values = {key: (s, load_json(s)) for key, s in siblings.items()}
    aliases: dict[str, tuple[str, ...]] = {}
    if "namingDictionary" in values:
        aliases = _dictionary(*values["namingDictionary"])
    query = pack.get("clinicalRuleQuery")
    statements: list[Statement] = []
    if "clinicalRuleCatalog" in values:
        sibling, rules = values["clinicalRuleCatalog"]
        if not (isinstance(rules, dict) and "templateSets" in rules):
            raise sibling.bad("not a catalogue of clinical rules", "Give the whole pack", place="key templateSets")
        statements += _catalogue(sibling, rules, aliases=aliases, query=query if isinstance(query, dict) else {})
    if "planCheckCatalog" in values:
        sibling, checks = values["planCheckCatalog"]
        n_fractions, checked = _plan_checks(sibling, checks, aliases)
        statements += checked
        statements = [replace(s, n_fractions=n_fractions) for s in statements]
    return Template(
        source.name,
        source.sha256,
        "BeamKit rule pack JSON",
        tuple(statements),
        also=tuple((s.name, s.sha256) for s in siblings.values()),
    )


def _dictionary(source: Source, value: Any) -> dict[str, tuple[str, ...]]:
    """Names to their other names."""
    out: dict[str, list[str]] = {}
    entries = value.get("aliases") if isinstance(value, dict) else None
    for entry in objects_of(entries or [], source, "aliases"):
        name, alias = text_of(entry.get("canonicalName")), text_of(entry.get("alias"))
        if name and alias:
            out.setdefault(name, []).append(alias)
    return {name: tuple(given) for name, given in out.items()}


def _catalogue(
    source: Source, value: Object, *, aliases: Mapping[str, tuple[str, ...]], query: Object
) -> list[Statement]:
    """The goals of all sets that the query asks for; without a query, of all."""
    statements = []
    for i, group in enumerate(objects_of(value["templateSets"], source, "templateSets"), start=1):
        asked = all(
            not text_of(query.get(key)) or text_of(query.get(key)) == text_of(group.get(key))
            for key in ("diseaseSite", "institution")
        )
        for j, goal in enumerate(objects_of(group.get("goals") or [], source, "goals"), start=1):
            name = text_of(goal.get("structureName"))
            unknown = sorted(set(goal) - _GOAL_KEYS)
            no_limit = "" if asked else "a set that the pack does not ask for"
            statements.append(
                Statement(
                    place=f"set {i} goal {j} in {source.name}",
                    structure=name,
                    metric=_of_key(text_of(goal.get("metricKey"))),
                    goal=_goal(goal, "threshold"),
                    aliases=aliases.get(name, ()),
                    priority=text_of(goal.get("severity")),
                    no_limit="switched off" if goal.get("isActive") is False else no_limit,
                    refusal=_refusal(goal, unknown),
                )
            )
    return statements


def _refusal(goal: Object, unknown: list[str]) -> str:
    if unknown:
        return f"the key {unknown[0]} is not known and may change what is meant"
    unit, metric = text_of(goal.get("unit")), _of_key(text_of(goal.get("metricKey")))
    if not unit:
        return "the unit is not stated"
    return "" if metric.endswith(f"[{unit}]") else f"the unit is {unit}, the metric {text_of(goal.get('metricKey'))}"


def _of_key(key: str) -> str:
    """``D95PercentDoseGy`` as ``D95%[Gy]``; a key that is not known stays as it is."""
    match = _KEY.fullmatch(key)
    if match is None:
        return key
    if match["word"]:
        return f"{match['word']}[Gy]"
    if match["volume"]:
        return f"D{match['volume'].replace('p', '.')}%[Gy]"
    return f"V{match['dose'].replace('p', '.')}Gy[%]"


def _plan_checks(
    source: Source, value: Any, aliases: Mapping[str, tuple[str, ...]]
) -> tuple[int | None, list[Statement]]:
    """The number of fractions that the checks ask for, and their dose metrics; other checks are no limits."""
    n_fractions = None
    statements = []
    checks = value.get("checks") if isinstance(value, dict) else None
    for i, check in enumerate(objects_of(checks or [], source, "checks"), start=1):
        given = check.get("parameters")
        parameters = {k: text_of(v) for k, v in given.items()} if isinstance(given, dict) else {}
        kind, title = text_of(check.get("type")), text_of(check.get("title"))
        if kind == "prescription-fractionation" and parameters.get("fractionCount", "").isdigit():
            n_fractions = int(parameters["fractionCount"][:3])
        statement = Statement(f"check {i} in {source.name}", parameters.get("structureName", "-"), title or kind, "")
        if check.get("isActive") is False:
            statements.append(replace(statement, no_limit="switched off"))
        elif kind == "dose-metric":
            name = parameters.get("structureName", "")
            comparison = parameters.get("comparison", "")
            statements.append(
                replace(
                    statement,
                    metric=_metric(parameters.get("metric", ""), parameters.get("unit", "")),
                    goal=f"{_COMPARISONS.get(comparison, comparison)} {parameters.get('threshold', '')}",
                    aliases=aliases.get(name, ()),
                    priority=text_of(check.get("severity")),
                )
            )
        elif kind == "target-coverage":
            statements.append(
                replace(
                    statement,
                    structure=parameters.get("structureName", "") or "PTV",
                    metric=_metric(parameters.get("metric", ""), "%"),
                    goal=f">= {parameters.get('minPercentPrescription', '')}",
                    changed=() if parameters.get("structureName") else ("the prescription target is the PTV",),
                    priority=text_of(check.get("severity")),
                )
            )
        elif kind == "plan-quality-metric":
            statements.append(replace(statement, refusal="a plan quality metric has no one definition"))
        else:
            statements.append(replace(statement, no_limit="a check of the plan"))
    return n_fractions, statements
