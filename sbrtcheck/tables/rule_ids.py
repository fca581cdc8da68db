"""What any rule identifier means: where its number comes from and what to do. The words: constraints/policy/words/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from sbrtcheck.model import Level, LimitRow, OrganTable
from sbrtcheck.model.policy import PolicyValue
from sbrtcheck.tables.datafiles import data_path, read_rows
from sbrtcheck.tables.guideline import load_guideline
from sbrtcheck.tables.neighbours import NEIGHBOURS_FILE, load_neighbours, neighbours_document
from sbrtcheck.tables.organ_tables import load_tables
from sbrtcheck.tables.policy import load_policy
from sbrtcheck.tables.policy_rows import coverage_goals, supplements
from sbrtcheck.tables.target_goals import load_target_goals

_TO_DO = {
    Level.MANDATORY: "Missed, the plan fails: lower the dose. An allowed deviation (case file) is shown, no more",
    Level.OPTIMAL: "Missed, it is a variation: try for it, and accept it where the target needs the dose",
    Level.ADVISORY: "Missed, a person looks at it",
    Level.INFORMATION: "Nothing: it is shown and judges nothing",
}
_LISTED = "Nothing: the row is listed for comparison and judges nothing"


@dataclass(frozen=True, slots=True)
class RuleWords:
    """One rule of the policy in words."""

    rule: str
    title: str
    says: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class Prevented:
    """A plan that 0.1.0 judged wrongly: what it was called, what it is called now, and by which rules."""

    plan: str
    was: str
    now: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """What a rule identifier stands for. ``more``: further lines, name and text."""

    rule_id: str
    what: str
    says: str
    source: str
    what_to_do: str
    more: tuple[tuple[str, str], ...] = ()


@cache
def rules_in_words() -> dict[str, RuleWords]:
    """P1 to P12 in words.

    Raises:
        WrongUsageError: E-DATA.
    """
    rows = read_rows(
        data_path("policy", "words", "rules.csv"), code="E-DATA", required=("rule", "title", "says", "what_to_do")
    )
    return {r.cells["rule"]: RuleWords(**r.cells) for r in rows}


@cache
def prevented() -> tuple[Prevented, ...]:
    """What each rule prevents: plans that were judged wrongly before.

    Raises:
        WrongUsageError: E-DATA.
    """
    path = data_path("policy", "words", "prevents.csv")
    rows = read_rows(path, code="E-DATA", required=("plan", "was", "now", "rules"))
    return tuple(
        Prevented(r.cells["plan"], r.cells["was"], r.cells["now"], tuple(r.cells["rules"].split("|"))) for r in rows
    )


@cache
def _prefixes() -> tuple[tuple[str, str, str, str], ...]:
    path = data_path("policy", "words", "rule_ids.csv")
    rows = read_rows(path, code="E-DATA", required=("prefix", "rule", "what", "what_to_do"))
    found = [(r.cells["prefix"], r.cells["rule"], r.cells["what"], r.cells["what_to_do"]) for r in rows]
    return tuple(sorted(found, key=lambda words: -len(words[0])))


def explain_rule(rule_id: str) -> RuleExplanation | None:
    """What a rule identifier, a key of the policy or a rule of it (``P4``) stands for; None: for nothing."""
    text = rule_id.strip()
    look_ups: tuple[Callable[[str], RuleExplanation | None], ...] = (
        _policy_rule,
        _policy_value,
        _organ_row,
        _goal,
        _guideline,
        _neighbour,
        _local,
        _of_the_program,
    )
    return next((found for look_up in look_ups if (found := look_up(text)) is not None), None)


def _policy_rule(text: str) -> RuleExplanation | None:
    words = rules_in_words().get(text.upper())
    if words is None:
        return None
    values = [e for e in load_policy().entries.values() if e.rule == words.rule]
    more = tuple((e.key, f"{value_text(e)} ({e.source})") for e in values)
    return RuleExplanation(
        words.rule, f"rule of the policy: {words.title}", words.says, "policy of this program", words.what_to_do, more
    )


def value_text(entry: PolicyValue) -> str:
    """A value with its unit and the range that a clinic may set, as it is printed."""
    unit = "" if entry.unit in {"count", "ratio"} else f" {entry.unit}"
    if entry.low is None or entry.high is None:
        return f"{entry.value:g}{unit}, fixed"
    return f"{entry.value:g}{unit}, a clinic may set {entry.low:g} to {entry.high:g}"


def _policy_value(text: str) -> RuleExplanation | None:
    key = text.removeprefix("policy:")
    entry = load_policy().entries.get(key) or load_policy().entries.get(key.rsplit(":", 1)[0])
    if entry is None:
        return None
    rule = rules_in_words()[entry.rule]
    to_do = "It is fixed" if entry.fixed else f"A clinic file may change it: [policy] {entry.key} = {entry.value:g}"
    what = f"value of the policy, rule {rule.rule}: {rule.title}"
    more = (("value", value_text(entry)), (f"rule {rule.rule}", rule.says))
    return RuleExplanation(entry.key, what, entry.why, entry.source, to_do, more)


def _organ_row(text: str) -> RuleExplanation | None:
    for table in load_tables().values():
        for row in table.rows:
            if row.rule_id == text:
                return _explained_row(table, row)
    return None


def _explained_row(table: OrganTable, row: LimitRow) -> RuleExplanation:
    organ = " with ".join(row.joint) if row.joint else row.organ
    at = "" if row.n_fractions is None else f" in {row.n_fractions} fraction{'s' if row.n_fractions > 1 else ''}"
    says = f"{organ}{at}: {row.metric_text} {row.comparator} {row.limit:g} {row.unit}"
    if row.or_share_of_volume is not None:
        says += f", or 1/{round(1 / row.or_share_of_volume)} of the whole organ where that is more"
    judged = f"{row.level.value}; the source says {row.level_printed}" if row.level else "not judged"
    supplying = [s for s in supplements() if s.table == table.name and s.source_organ == row.organ and s.kind]
    to_do = _TO_DO[row.level] if row.level is not None else _LISTED
    more = [
        ("judged as", judged),
        ("why levels are as they are", table.judged_as_note),
        ("endpoint", row.endpoint),
        ("holds for", row.condition),
        ("how far to trust it", f"{table.trust}; this row: {row.confidence} confidence"),
        ("read at", row.seen_at),
        ("read again at", row.cross_check),
        ("note", row.note),
        ("supplement", "supplies this kind of limit where the deciding table has none (P3)" if supplying else ""),
    ]
    source = f"{table.title} ({table.citation}), {table.edition}, version {table.version}"
    return RuleExplanation(row.rule_id, "organ limit", says, source, to_do, tuple(x for x in more if x[1]))


def _goal(text: str) -> RuleExplanation | None:
    for goal in coverage_goals(load_policy()):
        if goal.rule_id == text:
            sites = ", ".join(goal.sites) or "every site"
            says = f"{goal.structure} {goal.metric_text} {goal.comparator} {goal.limit:g} % ({sites})"
            more = (("missed", goal.missed.value), ("excused by an organ", goal.excused.value), ("note", goal.note))
            to_do = rules_in_words()["P5"].what_to_do
            source = f"policy of this program, {goal.limit_key}"
            return RuleExplanation(text, "coverage goal (P5)", says, source, to_do, tuple(x for x in more if x[1]))
    for target in load_target_goals():
        if target.rule_id == text:
            site = f" ({target.site})" if target.site else ""
            says = f"{target.target} {target.metric_text} {target.comparator} {target.limit:g} {target.unit}{site}"
            more = (("missed", target.missed.value), ("read at", target.seen_at), ("note", target.note))
            source = target.source.replace("_", " ")
            return RuleExplanation(
                text, "target goal", says, source, _TO_DO[target.level], tuple(x for x in more if x[1])
            )
    return None


def _guideline(text: str) -> RuleExplanation | None:
    guideline = load_guideline()
    for rule in guideline.rules:
        if rule.id == text.upper():
            more = (
                ("status", rule.status_note or rule.status),
                ("strength", rule.strength),
                ("how it is judged", rule.checker),
            )
            to_do = "Missed, a person looks at it: these thresholds are advisory"
            source = f"{guideline.title} ({guideline.citation})"
            return RuleExplanation(rule.id, f"guideline rule: {rule.topic}", rule.text, source, to_do, more)
    return None


def _neighbour(text: str) -> RuleExplanation | None:
    cautions = {c["id"]: c for c in neighbours_document(NEIGHBOURS_FILE)["caution"]}
    caution = cautions.get(text.upper())
    to_do = "Weigh it for this patient; it is cited as its own source"
    if caution is not None:
        more = (("status", caution["status"]), ("does to the outcome", _effect(caution["outcome"])))
        return RuleExplanation(
            caution["id"], "caution of another source", caution["text"], caution["source"], to_do, more
        )
    fact = next((f for f in load_neighbours() if f.id == text.upper()), None)
    if fact is None:
        return None
    more = (("status", fact.status), ("read at", fact.seen_at))
    return RuleExplanation(fact.id, "caution of another source", fact.text, fact.source, to_do, more)


def _effect(outcome: str) -> str:
    return "nothing" if outcome == "PASS" else outcome


def _local(text: str) -> RuleExplanation | None:
    if not text.startswith("LOCAL:"):
        return None
    says = "a row or goal of the clinic's own table or clinic file"
    return RuleExplanation(text, "the clinic's own rule", says, "the clinic", "Ask the clinic that wrote it")


def _of_the_program(text: str) -> RuleExplanation | None:
    found = next((words for words in _prefixes() if text.startswith(words[0])), None)
    if found is None:
        return None
    _, rule, what, to_do = found
    words = rules_in_words().get(rule)
    source = "policy of this program" + (f", rule {rule}" if rule else "")
    return RuleExplanation(text, "finding of this program", what, source, to_do, ((rule, words.says),) if words else ())
