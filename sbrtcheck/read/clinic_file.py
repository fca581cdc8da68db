"""Clinic file: one clinic's own policy, and where it is found. TOML, validated strictly.

Format with an example: docs/case.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sbrtcheck.read.toml_keys import MAX_DOSE_GY, MAX_FRACTIONS, Keys, is_organ, load_file
from sbrtcheck.tables.organs import SITES

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


@dataclass(frozen=True, slots=True)
class ClinicFile:
    """A clinic file.

    Attributes:
        names: ROI name to organ or target, for every structure set in which the ROI occurs.
        required: lesion site to the organs that it asks for, in place of regions.csv.
        levels: organ to the level of all its rows, in place of ours.
        goals: target goals; ``keep_goals`` says whether the shipped ones are judged too.
        alpha_beta_gy: organ to alpha/beta [Gy].
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


def _clinic(keys: Keys, path: Path, sha256: str) -> ClinicFile:
    keep_goals = keys.boolean("keep_goals")
    return ClinicFile(
        file=path.name,
        sha256=sha256,
        clinic=keys.text("clinic"),
        tables=tuple(_clinic_table(k, path.parent) for k in keys.tables("table")),
        names=_free(keys.table("names"), lambda k, name: k.text(name, required=True)),
        required=_required(keys.table("required")),
        levels=_by_organ(keys.table("levels"), lambda k, name: k.text(name, allowed=LEVELS, required=True)),
        goals=tuple(_goal(k) for k in keys.tables("goal")),
        keep_goals=keep_goals is not False,
        alpha_beta_gy=_by_organ(keys.table("alpha_beta_gy"), lambda k, name: k.number(name, low=0.5, high=30)),
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


def _required(keys: Keys) -> Mapping[str, tuple[str, ...]]:
    out = {}
    for site in keys.names():
        organs = keys.texts(site)
        if site not in SITES:
            keys.bad(site, "no such site", f"Sites: {', '.join(SITES)}")
        for entry in organs:
            if not all(is_organ(part) for part in entry.split("|")):
                keys.bad(site, f"no such organ: {entry}", "See constraints/organs.csv")
        out[site] = organs
    return MappingProxyType(out)


def _goal(keys: Keys) -> ClinicGoal:
    goal = ClinicGoal(
        target=keys.text("target", allowed=("PTV", "CTV", "ITV", "GTV"), required=True),
        metric=keys.text("metric", required=True),
        comparator=keys.text("comparator", allowed=("<", "<=", ">", ">="), required=True),
        limit=keys.number("limit", low=0, high=MAX_DOSE_GY, required=True) or 0.0,
        level=keys.text("level", allowed=LEVELS, required=True),
        site=keys.text("site", allowed=SITES),
        rule=keys.text("rule"),
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
