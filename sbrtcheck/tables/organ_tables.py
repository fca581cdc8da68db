"""Organ tables: load, choose and check them. Numbers live in constraints/; none is defaulted, borrowed or mixed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sbrtcheck.errors import Problem, SbrtcheckError, fractions, wrong_usage
from sbrtcheck.model import OrganTable, TableChoice
from sbrtcheck.model.metric import POINT_VOLUME_CM3
from sbrtcheck.tables.datafiles import (
    data_path,
    decode,
    digest,
    parse_number,
    read_bytes,
    read_rows,
    read_toml,
    wrong_usage_many,
)
from sbrtcheck.tables.imported_mark import read_mark
from sbrtcheck.tables.organ_rows import MAX_FRACTIONS, read_organ_rows
from sbrtcheck.tables.organs import SITES, load_organs, load_regions, load_sites, name_key, organ_names, site_of_name
from sbrtcheck.tables.target_goals import clinic_goals, conformity_limits, load_conformity_rules, load_target_goals

__all__ = [
    "choose_table",
    "clinic_goals",
    "conformity_limits",
    "data_path",
    "lint_table",
    "load_conformity_rules",
    "load_organs",
    "load_regions",
    "load_sites",
    "load_table",
    "load_tables",
    "load_target_goals",
    "organ_names",
    "site_of_name",
    "table_names",
]

TRUSTS = ("cross-checked transcription", "transcription", "secondary transcription", "partial", "clinic practice")
_COMPARE_ONLY = ("partial", "clinic practice")
_TOML_KEYS: dict[str, type] = {
    "name": str,
    "title": str,
    "citation": str,
    "doi": str,
    "edition": str,
    "version": str,
    "population": str,
    "sites": list,
    "trust": str,
    "may_decide": bool,
    "may_be_stricter_source": bool,
    "point_volume_cm3": float,
    "point_volume_printed": bool,
    "judged_as_note": str,
    "sha256": dict,
}


@cache
def table_names() -> tuple[str, ...]:
    """Short names of the shipped organ tables, sorted."""
    return tuple(sorted(path.stem for path in data_path("oar").glob("*.csv")))


def load_table(name: str | Path) -> OrganTable:
    """Load a shipped table by short or display name, whatever the case, or a clinic's own CSV by its path.

    Args:
        name: "aapm_tg101", "AAPM TG-101", "./clinic.csv".

    Raises:
        WrongUsageError: E-TABLE-UNKNOWN; E-TABLE-ROW with file, line, column, value and remedy; E-TABLE-MODIFIED for a
            shipped table whose bytes are not those recorded for its version.
    """
    text = str(name)
    path = Path(text)
    if path.suffix == ".csv" and path.resolve().parent == data_path("oar").resolve():
        return _load_shipped(path.stem)
    if text.casefold().endswith((".csv", ".xlsx", ".xls", ".ods")) or "/" in text or "\\" in text:
        return _load_local(path)
    wanted = name_key(text)
    for short in table_names():
        if wanted in {name_key(short), name_key(_settings(short)["title"])}:
            return _load_shipped(short)
    known = ", ".join(table_names())
    raise wrong_usage("E-TABLE-UNKNOWN", "table", seen=text, remedy=f"Shipped: {known}; or give a CSV file")


def load_tables() -> dict[str, OrganTable]:
    """All shipped organ tables by short name.

    Raises:
        WrongUsageError: as load_table.
    """
    return {name: _load_shipped(name) for name in table_names()}


def _settings(short: str) -> dict[str, Any]:
    return _load_settings(data_path("oar", f"{short}.toml"))


@cache
def _load_settings(path: Path) -> dict[str, Any]:
    settings, _ = read_toml(path, code="E-DATA")
    problems = [
        Problem(
            "E-DATA", path.name, tag=f"key {key}", seen=str(settings.get(key, "missing")), detail="wrong or missing"
        )
        for key, kind in _TOML_KEYS.items()
        if type(settings.get(key)) is not kind
    ]
    problems += [
        Problem("E-DATA", path.name, tag=f"key {key}", detail="unknown key")
        for key in settings
        if key not in _TOML_KEYS
    ]
    if not problems:
        problems += _settings_problems(path, settings)
    if problems:
        raise wrong_usage_many(problems)
    return settings


def _settings_problems(path: Path, settings: Mapping[str, Any]) -> list[Problem]:
    def bad(key: str, detail: str) -> Problem:
        return Problem("E-DATA", path.name, tag=f"key {key}", seen=str(settings[key]), detail=detail)

    problems = []
    if settings["name"] != path.stem:
        problems.append(bad("name", "not the name of the file"))
    if settings["trust"] not in TRUSTS:
        problems.append(bad("trust", f"not one of {', '.join(TRUSTS)}"))
    if settings["trust"] in _COMPARE_ONLY and (settings["may_decide"] or settings["may_be_stricter_source"]):
        problems.append(bad("may_decide", "a partial table or a clinic's practice never decides"))
    if not set(map(str, settings["sites"])) <= set(SITES):
        problems.append(bad("sites", f"not a list of {', '.join(SITES)}"))
    if not 0 < settings["point_volume_cm3"] <= 1:
        problems.append(bad("point_volume_cm3", "outside 0 to 1 cc"))
    if settings["version"] not in settings["sha256"]:
        problems.append(bad("version", "the version has no recorded sha256"))
    return problems


@cache
def _load_shipped(short: str) -> OrganTable:
    settings = _settings(short)
    path = data_path("oar", f"{short}.csv")
    data = read_bytes(path, code="E-TABLE-ROW")
    sha256 = digest(data)
    recorded = settings["sha256"][settings["version"]]
    if sha256 != recorded:
        seen = f"version {settings['version']} is {recorded[:12]}, the file is {sha256[:12]}"
        remedy = "Restore the file; a changed table needs a new version, a line in [sha256] and one in CHANGELOG.md"
        raise wrong_usage("E-TABLE-MODIFIED", path.name, seen=seen, remedy=remedy)
    text = decode(data, name=path.name, code="E-TABLE-ROW")
    rows, problems = read_organ_rows(text, file=path.name, table=short, organs=organ_names(), shipped=True)
    if problems:
        raise wrong_usage_many(problems)
    said = {k: v for k, v in settings.items() if k not in {"sha256", "sites"}}
    return OrganTable(**said, sites=tuple(settings["sites"]), sha256=sha256, rows=rows)


def _load_local(path: Path) -> OrganTable:
    data = read_bytes(path, code="E-TABLE-ROW")
    text = decode(data, name=path.name, code="E-TABLE-ROW")
    rows, problems = read_organ_rows(text, file=path.name, table=path.name, organs=organ_names(), shipped=False)
    mark, damaged = read_mark(text, name=path.name, code="E-TABLE-ROW")
    if problems or damaged:
        raise wrong_usage_many((*problems, *damaged))
    return OrganTable(
        name=path.name,
        title=path.name,
        citation="the clinic's own table" if mark is None else "; ".join(mark.words()),
        doi="",
        edition="local",
        version="local",
        population="as the clinic says",
        trust="local" if mark is None else f"local, {mark.short()}",
        may_decide=mark is None or not mark.is_partial,
        may_be_stricter_source=False,
        point_volume_cm3=POINT_VOLUME_CM3,
        point_volume_printed=False,
        judged_as_note="Levels as the clinic wrote them.",
        sha256=digest(data),
        rows=rows,
    )


def lint_table(path: str | Path) -> tuple[Problem, ...]:
    """Every problem of a table: of a clinic's own by its path, of a shipped one by its name or its path."""
    try:
        load_table(path)
    except SbrtcheckError as error:
        return error.problems
    return ()


def choose_table(*, n_fractions: int, site: str, table: str | Path | None = None) -> TableChoice:
    """The organ table that decides, with the reason in words.

    Without ``table`` the rules of constraints/primary.csv choose (our policy). A table applies only at its own numbers
    of fractions: when it has no row at ``n_fractions`` the choice holds no table, the reason, and the nearest numbers
    that it has. No limit is borrowed.

    Args:
        n_fractions: number of fractions.
        site: lesion site (lung, spine, ...) or "" when unknown.
        table: name or path of an explicitly chosen table.

    Raises:
        WrongUsageError: E-TABLE-UNKNOWN, E-TABLE-ROW; E-TABLE-COMPARE for a table that never decides.
    """
    if table is not None:
        chosen = load_table(table)
        if not chosen.may_decide:
            raise wrong_usage("E-TABLE-COMPARE", chosen.name, seen=chosen.trust)
        if n_fractions in chosen.fractions:
            return TableChoice(chosen, f"{chosen.title}: chosen", considered=chosen.name)
        return _no_choice(chosen, n_fractions)
    name, why = _primary(n_fractions, site)
    default = load_table(name)
    if n_fractions in default.fractions:
        return TableChoice(default, f"{default.title}: {why}", considered=default.name)
    return _no_choice(default, n_fractions)


def _no_choice(table: OrganTable, n_fractions: int) -> TableChoice:
    nearest = _nearest(table.fractions, n_fractions)
    return TableChoice(None, _none_reason(table, n_fractions), nearest, table.name)


def _none_reason(table: OrganTable, n_fractions: int) -> str:
    nearest = " and ".join(str(n) for n in _nearest(table.fractions, n_fractions))
    has = f"the nearest numbers that it has are {nearest}" if nearest else "it has no computable limits"
    return f"{table.title} has no limits for {fractions(n_fractions)}: {has}; no limit is borrowed from another number"


def _nearest(known: tuple[int, ...], n_fractions: int) -> tuple[int, ...]:
    below = [n for n in known if n < n_fractions]
    above = [n for n in known if n > n_fractions]
    return tuple(([max(below)] if below else []) + ([min(above)] if above else []))


@cache
def _primary_rules() -> tuple[tuple[int | None, str, str, str], ...]:
    path = data_path("primary.csv")
    rules = []
    for row in read_rows(path, code="E-DATA", required=("n_fractions", "site", "table", "why")):
        number = parse_number(row.cells["n_fractions"])
        if row.cells["n_fractions"] != "*" and (number is None or not 1 <= number <= MAX_FRACTIONS):
            raise wrong_usage("E-DATA", path.name, tag=f"line {row.line}", seen=row.cells["n_fractions"])
        if row.cells["table"] not in table_names():
            raise wrong_usage("E-DATA", path.name, tag=f"line {row.line}", seen=row.cells["table"])
        n_fractions = None if number is None else int(number)
        rules.append((n_fractions, row.cells["site"], row.cells["table"], row.cells["why"]))
    return tuple(rules)


def _primary(n_fractions: int, site: str) -> tuple[str, str]:
    for rule_n, rule_site, table, why in _primary_rules():
        if rule_n in {None, n_fractions} and rule_site in {"*", site}:
            return table, why.replace("{n}", str(n_fractions))
    raise wrong_usage("E-DATA", "primary.csv", detail="no rule applies", seen=str(n_fractions))
