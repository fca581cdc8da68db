"""Clinic file: one clinic's own policy, and where it is found. TOML, validated strictly.

Format with an example: docs/case.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sbrtcheck.errors import WrongUsageError
from sbrtcheck.model.policy import NormalisedTo, Policy
from sbrtcheck.read.normalised_to import read_normalised_to
from sbrtcheck.read.toml_keys import MAX_DOSE_GY, MAX_FRACTIONS, Keys, is_organ, load_file
from sbrtcheck.tables.clinic_rows import AddedRow, at_any_number, judged_rule_ids
from sbrtcheck.tables.organ_rows import read_added_rows
from sbrtcheck.tables.organ_tables import table_names
from sbrtcheck.tables.organs import SITES, organ_names
from sbrtcheck.tables.policy import load_policy, policy_of_clinic
from sbrtcheck.tables.policy_rows import levels_of

MAX_NUMBER = 1e6
# Facts of the case file or of an option. A clinic that stated them for every patient would take a check away.
PATIENT_FACTS = ("confirmed", "same_patient", "primary", "absent", "far", "excuse", "lesion", "intent", "sex")
REMEDY_RULE = (
    "Set single values within their range (see: sbrtcheck policy); what settles a finding is a fact of the case"
)
_RULE = re.compile(r"[Pp][0-9]{1,2}(\..*)?")
CLINIC_NAMES = ("sbrtcheck.toml", "clinic.toml")
LEVELS = ("mandatory", "optimal")
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ClinicTable:
    """Which organ table a clinic uses. ``site`` "" and ``n_fractions`` None hold for every other one."""

    table: str
    site: str = ""
    n_fractions: int | None = None


@dataclass(frozen=True, slots=True)
class ClinicGoal:
    """A clinic's own goal for a target, as written; ``tables.clinic_goals`` makes it a rule."""

    target: str
    metric: str
    comparator: str
    limit: float
    level: str
    site: str = ""
    rule: str = ""
    n_fractions: int | None = None


@dataclass(frozen=True, slots=True)
class ImportedGoals:
    """The file of another program that goals were imported from."""

    file: str
    sha256: str
    dialect: str


@dataclass(frozen=True, slots=True)
class ClinicFile:
    """A clinic file.

    Attributes:
        names: ROI name to organ or target, for every structure set in which the ROI occurs.
        required: lesion site, or site and level (``spine:L3``), to the organs that it asks for besides ours.
        levels: organ, or rule id of one row, to the level, in place of ours.
        goals: target goals; ``keep_goals`` says whether the shipped ones are judged too.
        alpha_beta_gy: organ to alpha/beta [Gy].
        policy: values of the policy that the clinic sets otherwise, all of them within their range.
        rows: rows added to published tables, and goals for organs.
        normalised_to: what every prescription covers, unless the case file says otherwise.
        imported: where goals come from that ``tables import`` wrote.
    """

    file: str
    sha256: str
    clinic: str = ""
    tables: tuple[ClinicTable, ...] = ()
    names: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    required: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _EMPTY)
    levels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    goals: tuple[ClinicGoal, ...] = ()
    keep_goals: bool = True
    alpha_beta_gy: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    policy: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    rows: tuple[AddedRow, ...] = ()
    normalised_to: NormalisedTo | None = None
    imported: tuple[ImportedGoals, ...] = ()

    def table_for(self, *, site: str, n_fractions: int) -> str | None:
        """The table for a site and number of fractions: the most specific entry, the first of equals; or None."""
        fitting = [t for t in self.tables if t.site in {"", site} and t.n_fractions in {None, n_fractions}]
        if not fitting:
            return None
        return max(fitting, key=lambda t: (t.n_fractions is not None) + 2 * bool(t.site)).table


def find_clinic(folder: str | Path) -> Path | None:
    """The clinic file beside a plan (sbrtcheck.toml or clinic.toml), else the user's own, else None.

    Args:
        folder: the plan's folder, or a file in it.

    The user's own stands in ``$XDG_CONFIG_HOME/sbrtcheck/clinic.toml``, by default ``~/.config/sbrtcheck/clinic.toml``.
    """
    place = Path(folder)
    place = place if place.is_dir() else place.parent
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    candidates = [*(place / name for name in CLINIC_NAMES), Path(home) / "sbrtcheck" / "clinic.toml"]
    return next((path for path in candidates if path.is_file()), None)


def load_clinic(path: str | Path) -> ClinicFile:
    """A clinic file. A table given as a path is meant relative to the clinic file.

    Raises:
        WrongUsageError: E-CONFIG with every problem: file, key, value and remedy.
    """
    return load_file(path, code="E-CONFIG", read=_clinic)


def policy_in_force(clinic: ClinicFile | None) -> Policy:
    """The policy with the changes of the clinic file in it; without one the shipped policy."""
    return policy_of_clinic(clinic.policy, file=clinic.file) if clinic is not None else load_policy()


def _clinic(keys: Keys, path: Path, sha256: str) -> ClinicFile:
    keep_goals = keys.boolean("keep_goals")
    goal_keys = keys.tables("goal")
    for fact in PATIENT_FACTS:
        keys.never(fact, "a fact about one patient, never a clinic's habit", "Write it into the case file (--case)")
    return ClinicFile(
        file=path.name,
        sha256=sha256,
        clinic=keys.text("clinic"),
        tables=tuple(_clinic_table(k, path.parent) for k in keys.tables("table")),
        names=_free(keys.table("names"), lambda k, name: k.text(name, required=True)),
        required=_required(keys.table("required")),
        levels=_levels(keys.table("levels")),
        goals=tuple(_goal(k) for k in goal_keys if "organ" not in k.names()),
        keep_goals=keep_goals is not False,
        alpha_beta_gy=_by_organ(keys.table("alpha_beta_gy"), lambda k, name: k.number(name, low=0.5, high=30)),
        policy=_policy(keys.table("policy"), keys, path.name),
        rows=_rows(keys, keys.tables("row"), [k for k in goal_keys if "organ" in k.names()], path.name),
        normalised_to=read_normalised_to(keys),
        imported=tuple(_imported(k) for k in keys.tables("imported")),
    )


def _clinic_table(keys: Keys, folder: Path) -> ClinicTable:
    name = keys.text("table", required=True)
    if name.casefold().endswith(".csv"):
        name = str(folder / name)
    table = ClinicTable(
        table=name,
        site=keys.text("site", allowed=SITES),
        n_fractions=keys.integer("fractions", low=1, high=MAX_FRACTIONS),
    )
    keys.done()
    return table


def _free(keys: Keys, read: Callable[[Keys, str], Any]) -> Mapping[str, Any]:
    return MappingProxyType({name: read(keys, name) for name in keys.names()})


def _by_organ(keys: Keys, read: Callable[[Keys, str], Any]) -> Mapping[str, Any]:
    for name in keys.names():
        if not is_organ(name):
            keys.bad(name, "no such organ", "See constraints/organs.csv")
    return _free(keys, read)


def _levels(keys: Keys) -> Mapping[str, str]:
    """Level by organ, or by the rule id of one row that a shipped table judges."""
    rule_ids = judged_rule_ids() if any(":" in name for name in keys.names()) else frozenset()
    out = {}
    for name in keys.names():
        out[name] = keys.text(name, allowed=LEVELS, required=True)
        if ":" in name and name not in rule_ids:
            keys.bad(name, "no such row that is judged", "Rule ids: sbrtcheck tables show TABLE --format json")
        elif ":" not in name and not is_organ(name):
            keys.bad(name, "no such organ", "See constraints/organs.csv")
    return MappingProxyType(out)


def _policy(keys: Keys, document: Keys, file: str) -> Mapping[str, float]:
    """Values of the policy by key, written as ``near.distance_mm = 40`` under [policy]."""
    out: dict[str, float] = {}
    for name in keys.names():
        if _RULE.fullmatch(name) or keys.is_switch(name):
            keys.never(name, "no rule of the policy can be removed", REMEDY_RULE)
            continue
        inner, prefix = (keys, "") if "." in name else (keys.table(name), f"{name}.")
        for key in (name,) if not prefix else inner.names():
            if inner.is_switch(key):
                inner.never(key, "no rule of the policy can be removed", REMEDY_RULE)
                continue
            value = inner.number(key, low=-MAX_NUMBER, high=MAX_NUMBER)
            if value is not None:
                out[prefix + key] = value
    try:
        policy_of_clinic(out, file=file)
    except WrongUsageError as error:
        document.take_over(error.problems)
        return _EMPTY
    return MappingProxyType(out)


def _rows(document: Keys, rows: Sequence[Keys], goals: Sequence[Keys], file: str) -> tuple[AddedRow, ...]:
    """Rows added to published tables, and goals for organs, which hold beside whichever table decides."""
    read: list[tuple[str, dict[str, str], str, int | None, str]] = []
    for keys in (*rows, *goals):
        is_goal = keys in goals
        if is_goal:
            keys.never("target", "a goal has a target or an organ, not both", "Remove one of the two")
            keys.text("rule")
        n_fractions = keys.integer("fractions", low=1, high=MAX_FRACTIONS, required=not is_goal)
        table = "" if is_goal else keys.text("table")
        if table and table not in table_names():
            keys.bad("table", "no such shipped table", f"One of {', '.join(table_names())}; left out: any that decides")
        cells, site = _cells(keys, n_fractions), keys.text("site", allowed=SITES)
        keys.done()
        if all(cells[name] for name in ("organ", "metric", "comparator", "limit", "level")):
            read.append((keys.place, cells, table, n_fractions, site))
    try:
        limits = read_added_rows([(place, cells) for place, cells, *_ in read], file=file, organs=organ_names())
    except WrongUsageError as error:
        document.take_over(error.problems)
        return ()
    return tuple(
        AddedRow(row if n is not None else at_any_number(row), table, site, n)
        for row, (_, _, table, n, site) in zip(limits, read, strict=True)
    )


def _cells(keys: Keys, n_fractions: int | None) -> dict[str, str]:
    """One row as the cells of a table; a unit that is left out is the metric's own."""
    metric = keys.text("metric", required=True)
    found = re.search(r"\[([^\]]+)\]$", metric)
    limit = keys.number("limit", low=0, high=MAX_NUMBER, required=True)
    return {
        "organ": keys.text("organ", required=True),
        "fractions": str(n_fractions or 1),
        "metric": metric,
        "comparator": keys.text("comparator", required=True),
        "limit": "" if limit is None else f"{limit:.6f}".rstrip("0").rstrip("."),
        "unit": keys.text("unit") or (found[1] if found else ""),
        "level": keys.text("level", required=True),
        "condition": keys.text("condition"),
        "note": keys.text("note"),
    }


def _required(keys: Keys) -> Mapping[str, tuple[str, ...]]:
    out = {}
    for site in keys.names():
        organs = keys.texts(site)
        name, _, level = site.partition(":")
        if name not in SITES:
            keys.bad(site, "no such site", f"Sites: {', '.join(SITES)}")
        elif ":" in site and level not in levels_of(name):
            known = ", ".join(levels_of(name))
            keys.bad(site, "no such level", f"Levels of {name}: {known}" if known else f"{name} has no levels")
        for entry in organs:
            if not all(is_organ(part) for part in entry.split("|")):
                keys.bad(site, f"no such organ: {entry}", "See constraints/organs.csv")
        out[site] = organs
    return MappingProxyType(out)


def _imported(keys: Keys) -> ImportedGoals:
    imported = ImportedGoals(
        file=keys.text("file", required=True),
        sha256=keys.text("sha256", required=True),
        dialect=keys.text("dialect", required=True),
    )
    keys.done()
    return imported


def _goal(keys: Keys) -> ClinicGoal:
    goal = ClinicGoal(
        target=keys.text("target", allowed=("PTV", "CTV", "ITV", "GTV"), required=True),
        metric=keys.text("metric", required=True),
        comparator=keys.text("comparator", allowed=("<", "<=", ">", ">="), required=True),
        limit=keys.number("limit", low=0, high=MAX_DOSE_GY, required=True) or 0.0,
        level=keys.text("level", allowed=LEVELS, required=True),
        site=keys.text("site", allowed=SITES),
        rule=keys.text("rule"),
        n_fractions=keys.integer("fractions", low=1, high=MAX_FRACTIONS),
    )
    keys.done()
    return goal


def clinic_of(
    paths: str | Path | Sequence[str | Path], *, config: str | Path | None = None, find_config: bool = True
) -> ClinicFile | None:
    """The clinic file that counts for a plan: the one given, else one found beside it or in the user's folder.

    Raises:
        WrongUsageError: as :func:`load_clinic`.
    """
    if config is not None:
        return load_clinic(config)
    if not find_config:
        return None
    first = Path(paths) if isinstance(paths, str | Path) else Path(next(iter(paths), "."))
    found = find_clinic(first if first.is_dir() else first.parent)
    return load_clinic(found) if found is not None else None
