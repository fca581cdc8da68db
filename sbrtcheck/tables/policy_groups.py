"""Groups that the judging policy names: hollow organs, the organs of a lesion's own site."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sbrtcheck.errors import Problem
from sbrtcheck.tables.datafiles import CsvRow, data_path, read_rows, wrong_usage_many
from sbrtcheck.tables.organs import SITES, organ_names
from sbrtcheck.tables.policy_rows import levels_of

CODE = "E-DATA"


def _refuse_unknown(name: str, checked: Iterable[tuple[CsvRow, str, str, Iterable[str]]]) -> None:
    """Raise for every cell that holds a word that is not known: (row, column, word, known words)."""
    problems = [
        Problem(CODE, name, tag=f"line {row.line}, column {column}", seen=word, detail="not known")
        for row, column, word, known in checked
        if word not in known
    ]
    if problems:
        raise wrong_usage_many(problems)


@cache
def organ_groups() -> dict[str, frozenset[str]]:
    """Group to its organs: constraints/policy/organ_groups.csv.

    Raises:
        WrongUsageError: E-DATA, as for all lists of the policy.
    """
    rows = read_rows(data_path("policy", "organ_groups.csv"), code=CODE, required=("group", "organs", "note"))
    groups = {row.cells["group"]: row.cells["organs"].split("|") for row in rows}
    checked = [(row, "organs", o, organ_names()) for row in rows for o in row.cells["organs"].split("|")]
    _refuse_unknown("organ_groups.csv", checked)
    return {group: frozenset(organs) for group, organs in groups.items()}


def organ_group(group: str) -> frozenset[str]:
    """The organs of one group.

    Raises:
        KeyError: no such group.
    """
    return organ_groups()[group]


@cache
def _own_sites() -> tuple[tuple[str, str, str], ...]:
    columns = ("organ", "site", "level", "note")
    rows = read_rows(data_path("policy", "own_sites.csv"), code=CODE, required=columns)
    checked = [(row, "organ", row.cells["organ"], organ_names()) for row in rows]
    checked += [(row, "site", row.cells["site"], frozenset(SITES)) for row in rows]
    checked += [(row, "level", row.cells["level"], frozenset(("", *levels_of(row.cells["site"])))) for row in rows]
    _refuse_unknown("own_sites.csv", checked)
    return tuple((row.cells["organ"], row.cells["site"], row.cells["level"]) for row in rows)


def own_organs(sites: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The organs of the lesions' own sites, given as (site, level); a level that is not known asks for none."""
    given = set(sites)
    return frozenset(o for o, site, level in _own_sites() if any(s == site and level in {"", v} for s, v in given))
