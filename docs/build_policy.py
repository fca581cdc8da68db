"""Writes docs/policy.md from constraints/policy/: ``python docs/build_policy.py``. The page carries no date."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from sbrtcheck.model.policy import PolicyValue, RequiredOrgan  # noqa: E402
from sbrtcheck.tables.organs import load_organs  # noqa: E402
from sbrtcheck.tables.policy import load_policy  # noqa: E402
from sbrtcheck.tables.policy_rows import (  # noqa: E402
    coverage_goals,
    excusing_organs,
    level_landmarks,
    levels_of,
    location_outcomes,
    location_rules,
    out_of_scope,
    required_organs,
    site_levels,
    supplements,
)
from sbrtcheck.tables.rule_ids import prevented, rules_in_words  # noqa: E402

PAGE = ROOT / "docs" / "policy.md"
HEAD = """# The judging policy

Made by `python docs/build_policy.py` from `constraints/policy/`, `constraints/organs.csv` and
`constraints/target/coverage.csv`; do not edit.

Source *ours*: no source prints the number; it is the policy of this program, and a clinic file can change it within the
range given ([case.md](case.md)). Every other number is a transcription and fixed: verify it against its source before
clinical use. A report names the policy's version and SHA-256, and each value that a clinic has changed; the outcome
without its clinic file stands beside. `sbrtcheck policy` prints this on a terminal, `sbrtcheck explain RULE_ID` what
one rule id means.

"""


def cell(text: str) -> str:
    """Text for one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", " or ").replace("<", "&lt;")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = ["| " + " | ".join(cell(c) for c in row) + " |" for row in rows]
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines, ""]


def number(entry: PolicyValue, value: float) -> str:
    """A number with its unit."""
    return f"{value:g}" + ("" if entry.unit in {"count", "ratio"} else f" {entry.unit}")


def values_of(rule: str) -> list[str]:
    """The numbers of one rule."""
    entries = [e for e in load_policy().entries.values() if e.rule == rule]
    rows = [
        (
            f"`{e.key}`",
            number(e, e.value),
            "fixed" if e.low is None or e.high is None else f"{e.low:g} to {e.high:g}",
            e.source if ":" not in e.source else f"`{e.source}`" if e.source.count(":") >= 3 else e.source,
            e.why,
        )
        for e in entries
    ]
    return table(("key", "value", "a clinic may set", "source", "why"), rows) if rows else []


def spans(site: str, levels: Sequence[str]) -> str:
    """Levels in words, runs of neighbours joined: C4-T1."""
    if not levels:
        return "every level" if levels_of(site) else ""
    known = [x for x in levels_of(site) if x in levels]
    numbered = [x for x in levels_of(site) if site != "spine" or len(x) > 1]
    out: list[list[str]] = []
    for level in known:
        joined = (
            site == "spine"
            and out
            and level in numbered
            and out[-1][-1] in numbered
            and numbered.index(level) == numbered.index(out[-1][-1]) + 1
        )
        if joined:
            out[-1].append(level)
        elif site != "spine" or level in numbered:
            out.append([level])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in out)


def when(rule: RequiredOrgan) -> str:
    """When an organ is asked for."""
    if rule.requirement != "if_near":
        return {"required": "always", "not_asked": "never asked for"}[rule.requirement]
    landmark, mm = " or ".join(rule.landmarks), f"{rule.distance_mm or 0:g} mm"
    return {
        "any": f"PTV within {mm} of {landmark}",
        "surface": f"PTV within {mm} of the surface of {landmark}",
        "superior": f"top of the PTV at most {mm} below the top of {landmark}",
        "inferior": f"bottom of the PTV at most {mm} above the bottom of {landmark}",
        "below_top": f"bottom of the PTV more than {mm} below the top of {landmark}",
        "above_top": f"top of the PTV more than {mm} above the top of {landmark}",
    }[rule.direction]


def required() -> list[str]:
    """What each site and level asks for."""
    side = {"": "", "L": " (left)", "R": " (right)"}
    rows = [
        (
            r.site,
            spans(r.site, r.levels) + side[r.side],
            " or ".join(r.organs),
            when(r),
            "yes" if r.may_be_far else "no",
            r.note,
        )
        for r in required_organs()
    ]
    return [
        "### Organs asked for",
        "",
        "Where several organs stand in a row one of them will do. *Far*: a case file may declare the organ far.",
        "",
        *table(("site", "level", "organ", "when", "far", "note"), rows),
        "### Levels",
        "",
        'A level is told by the target\'s name or label, by `--site "PTV=spine:L3"`, by the case file, or by what is',
        "drawn. A spine level without a number (`thoracic`) asks for what its vertebrae ask for.",
        "",
        *table(("site", "level", "words"), [(x.site, x.level, ", ".join(x.words)) for x in site_levels()]),
        *table(
            ("site", "level", "by what is drawn (the first that holds)"),
            [
                (x.site, x.level, f"{x.relation.replace('_', ' ')} {' or '.join(x.landmarks)}")
                for x in level_landmarks()
            ],
        ),
    ]


def organs() -> list[str]:
    """What organs.csv says of each organ that must not go unjudged, and of the volumes that are believed."""
    rows = [
        (
            o.organ,
            "the plan is incomplete" if o.if_unjudged == "incomplete" else "a line",
            " or ".join(o.judged_by),
            "" if o.volume_min_cm3 is None else f"{o.volume_min_cm3:g} to {o.volume_max_cm3:g}",
            ", ".join(o.exclusive_with),
        )
        for o in load_organs()
        if o.if_unjudged and (o.if_unjudged == "incomplete" or o.judged_by or o.volume_min_cm3)
    ]
    head = (
        "organ",
        "near and judged by no row",
        "upper limits may be judged on",
        "believed volume [cc]",
        "never drawn as",
    )
    return ["### Organs", "", "Every other organ that is near and not judged is a line.", "", *table(head, rows)]


def supplying() -> list[str]:
    """The sources of the supplements."""
    rows = [
        (
            "every organ that makes a plan incomplete" if s.organ == "*" else s.organ,
            "any" if s.kind is None else s.kind.value.replace("_", " "),
            str(s.order),
            f"`{s.table}`",
            "" if s.source_organ == "*" else s.source_organ,
            ", ".join(map(str, s.n_fractions)) or "any",
            s.metric_text or "any",
            s.level_at_most.value if s.level_at_most else "as its own table says",
            s.note,
        )
        for s in supplements()
    ]
    head = ("organ", "kind", "order", "table", "judged on", "fractions", "metric", "level", "note")
    return ["### Sources of supplements", "", *table(head, rows)]


def coverage() -> list[str]:
    """The coverage goals and the organs that excuse."""
    rows = [
        (
            f"`{g.rule_id}`",
            ", ".join(g.sites) or "every site",
            f"{'GTV or ITV' if g.structure == 'GTV' else g.structure} {g.metric_text} {g.comparator} {g.limit:g} %",
            g.missed.value,
            g.excused.value,
            f"`{g.limit_key}`",
        )
        for g in coverage_goals(load_policy())
    ]
    serial = ", ".join(organ for organ, reason in excusing_organs().items() if not reason)
    soft = ", ".join(organ for organ, reason in excusing_organs().items() if reason)
    return [
        "### Coverage goals",
        "",
        *table(("goal", "site", "asks for", "missed", "excused", "value"), rows),
        f"Organs that excuse: {serial}. With a reason in the case file, by one step: {soft}.",
        "",
    ]


def locations() -> list[str]:
    """Central and ultracentral."""
    rules = [(r.location, r.definition, ", ".join(r.organs), r.source) for r in location_rules(load_policy())]
    outcomes = [
        (
            o.location,
            "vessels only" if o.vessels_only else "any",
            f"{o.from_fractions} to {o.to_fractions}",
            o.outcome.value,
        )
        for o in location_outcomes(load_policy())
    ]
    return [
        "### Central and ultracentral",
        "",
        *table(("location", "definition", "organs", "source"), rules),
        *table(("location", "contact", "fractions", "outcome at least"), outcomes),
    ]


def scope() -> list[str]:
    """What is out of scope, and what has no list."""
    rows = [
        (s.what, "out of scope" if s.out_of_scope else "no list of organs", s.site, ", ".join(s.words), s.note)
        for s in out_of_scope()
    ]
    return ["### Out of scope", "", *table(("what", "", "only at", "words", "note"), rows)]


LISTS = {"P1": organs, "P2": required, "P3": supplying, "P5": coverage, "P8": locations, "P10": scope}


def render() -> str:
    """The page."""
    policy = load_policy()
    lines = [HEAD + f"Version {policy.version}, SHA-256 `{policy.sha256}`.", ""]
    for words in rules_in_words().values():
        lines += [f"## {words.rule} {words.title}", "", words.says, "", f"*What to do:* {words.what_to_do}", ""]
        lines += values_of(words.rule)
        if words.rule in LISTS:
            lines += LISTS[words.rule]()
    lines += [
        "## What each rule prevents",
        "",
        "Plans that 0.1.0 judged wrongly, and the answer that the rules give.",
        "",
    ]
    lines += table(("plan", "was", "is", "rules"), [(p.plan, p.was, p.now, ", ".join(p.rules)) for p in prevented()])
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
