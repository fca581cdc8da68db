"""The lists of the judging policy: levels, required organs, supplements, locations, scope, excuses, coverage goals."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cache
from typing import TypeVar

from sbrtcheck.errors import Problem
from sbrtcheck.model import Level, Outcome
from sbrtcheck.model.metric import format_metric, parse_metric
from sbrtcheck.model.policy import (
    CoverageGoal,
    DrawnAlong,
    LevelLandmark,
    LocationOutcome,
    LocationRule,
    OutOfScope,
    Policy,
    RequiredOrgan,
    SiteLevel,
    Supplement,
    SupplementKind,
)
from sbrtcheck.tables.datafiles import CsvRow, data_path, parse_number, read_rows, wrong_usage_many
from sbrtcheck.tables.organs import DIRECTIONS, SITES, name_words, organ_names, split_side
from sbrtcheck.tables.policy import load_policy
from sbrtcheck.tables.target_goals import target_rows

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)
CODE = "E-DATA"
REQUIREMENTS = ("required", "if_near", "not_asked")
# Directions of required.csv beyond those of regions.csv. below_top: the target's bottom lies more than so far below the
# landmark's top; above_top: the target's top lies more than so far above the landmark's top.
LEVEL_DIRECTIONS = (*DIRECTIONS, "below_top", "above_top")
LOCATIONS = ("central", "ultracentral")
_VERTEBRA_ORDER = (
    *(f"C{i}" for i in range(1, 8)),
    *(f"T{i}" for i in range(1, 13)),
    *(f"L{i}" for i in range(1, 6)),
    *(f"S{i}" for i in range(1, 6)),
)
_RANGE = re.compile(r"([CTLS][0-9]+)-([CTLS][0-9]+)", re.ASCII)


class _Lines:
    """The rows of one file of the policy, and what is wrong with them."""

    def __init__(self, name: str, columns: Sequence[str], rows: Sequence[CsvRow] | None = None) -> None:
        self.file = name
        self.rows = read_rows(data_path("policy", name), code=CODE, required=columns) if rows is None else rows
        self.problems: list[Problem] = []

    def bad(self, row: CsvRow, column: str, detail: str) -> None:
        tag = f"line {row.line}, column {column}"
        self.problems.append(Problem(CODE, self.file, tag=tag, seen=row.cells[column], detail=detail))

    def one_of(self, row: CsvRow, column: str, allowed: Sequence[str]) -> str:
        value = row.cells[column]
        if value not in allowed:
            self.bad(row, column, f"not one of {', '.join(a or '(empty)' for a in allowed)}")
        return value

    def member(self, row: CsvRow, column: str, choices: type[_E]) -> _E:
        """The member of an enumeration that a cell names; the first one stands in for a wrong cell."""
        members = list(choices)
        value = self.one_of(row, column, tuple(m.value for m in members))
        return next((m for m in members if m.value == value), members[0])

    def organs(self, row: CsvRow, column: str, *, empty: bool = False, body: bool = False) -> tuple[str, ...]:
        names = tuple(part for part in row.cells[column].split("|") if part)
        known = {*organ_names(), "BODY"} if body else organ_names()
        if not names and not empty:
            self.bad(row, column, "no organ")
        for name in names:
            if split_side(name)[0] not in known:
                self.bad(row, column, f"unknown organ {name}")
        return names

    def read(self, read: Callable[[CsvRow], _T]) -> tuple[_T, ...]:
        """Each row as a record; every problem is raised together."""
        out = []
        for row in self.rows:
            before = len(self.problems)
            record = read(row)
            if len(self.problems) == before:
                out.append(record)
        if self.problems:
            raise wrong_usage_many(self.problems)
        return tuple(out)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in text.split("|") if word)


@cache
def site_levels() -> tuple[SiteLevel, ...]:
    """The levels of the lesion sites, in the order of constraints/policy/levels.csv.

    Raises:
        WrongUsageError: E-DATA with every problem, as for all lists of the policy.
    """
    lines = _Lines("levels.csv", ("site", "level", "title", "words", "note"))
    owners: dict[tuple[str, str], str] = {}

    def read(row: CsvRow) -> SiteLevel:
        cells = row.cells
        site = lines.one_of(row, "site", SITES)
        words = _words(cells["words"])
        for word in (cells["level"].casefold(), *words):
            if not word or name_words(word) != (word,):
                lines.bad(row, "words", f"not one word: {word}")
            elif owners.setdefault((site, word), cells["level"]) != cells["level"]:
                lines.bad(row, "words", f"{word} is already {owners[site, word]}")
        return SiteLevel(site, cells["level"], cells["title"], words, cells["note"])

    return lines.read(read)


def levels_of(site: str) -> tuple[str, ...]:
    """The names of the levels of a site; empty for a site without levels."""
    return tuple(x.level for x in site_levels() if x.site == site)


def find_level(site: str, text: str) -> str:
    """The level that a text names outright (``L3``, ``pelvis``), or "": for options and case files."""
    wanted = text.casefold().strip()
    return next((x.level for x in site_levels() if x.site == site and wanted in {x.level.casefold(), *x.words}), "")


def levels_in_name(site: str, name: str) -> tuple[str, ...]:
    """The levels that whole words of a name speak of, in the order of the file: none, one, or several (T5 and T6)."""
    words = set(name_words(name))
    return tuple(x.level for x in site_levels() if x.site == site and words & set(x.words))


@cache
def place_words() -> frozenset[str]:
    """Every word that tells where a target lies: of a level, or of a site out of scope or without a list."""
    levels = {word for x in site_levels() for word in (x.level.casefold(), *x.words) if len(word) > 1}
    return frozenset(levels | {word for x in out_of_scope() for word in x.words})


@cache
def level_landmarks() -> tuple[LevelLandmark, ...]:
    """Which level a target has at the height of a drawn landmark; for each site the first that holds wins."""
    lines = _Lines("level_landmarks.csv", ("site", "level", "relation", "landmark", "note"))

    def read(row: CsvRow) -> LevelLandmark:
        site = lines.one_of(row, "site", SITES)
        level = lines.one_of(row, "level", levels_of(site))
        relation = lines.one_of(row, "relation", ("inside", "height_of"))
        return LevelLandmark(site, level, relation, lines.organs(row, "landmark"))

    return lines.read(read)


def _level_set(lines: _Lines, row: CsvRow, site: str) -> tuple[str, ...]:
    """``C4-C7|T1`` as levels; empty for ``*``."""
    known = levels_of(site)
    if row.cells["levels"] == "*":
        return ()
    out: list[str] = []
    for part in row.cells["levels"].split("|"):
        found = _RANGE.fullmatch(part)
        if found and found[1] in _VERTEBRA_ORDER and found[2] in _VERTEBRA_ORDER:
            first, last = _VERTEBRA_ORDER.index(found[1]), _VERTEBRA_ORDER.index(found[2])
            out += [v for v in _VERTEBRA_ORDER[first : last + 1] if v in known]
            continue
        if part not in known:
            lines.bad(row, "levels", f"{part} is no level of {site}")
        out.append(part)
    return tuple(out)


@cache
def required_organs() -> tuple[RequiredOrgan, ...]:
    """What each site asks for at each level: our policy, in the order of constraints/policy/required.csv."""
    columns = ("site", "levels", "side", "organ", "requirement", "landmark", "direction", "distance_mm", "may_be_far")
    lines = _Lines("required.csv", (*columns, "note"))

    def read(row: CsvRow) -> RequiredOrgan:
        cells = row.cells
        site = lines.one_of(row, "site", SITES)
        near = lines.one_of(row, "requirement", REQUIREMENTS) == "if_near"
        distance = parse_number(cells["distance_mm"])
        if near and (distance is None or distance <= 0):
            lines.bad(row, "distance_mm", "if_near needs a landmark and a distance in mm")
        if not near and (cells["landmark"] or cells["direction"] or cells["distance_mm"]):
            lines.bad(row, "landmark", "only if_near has a landmark, a direction and a distance")
        return RequiredOrgan(
            site=site,
            levels=_level_set(lines, row, site),
            side=lines.one_of(row, "side", ("", "L", "R")),
            organs=lines.organs(row, "organ"),
            requirement=cells["requirement"],
            landmarks=lines.organs(row, "landmark", empty=not near, body=True),
            direction=lines.one_of(row, "direction", LEVEL_DIRECTIONS if near else ("",)),
            distance_mm=distance,
            may_be_far=lines.one_of(row, "may_be_far", ("yes", "no")) == "yes",
            note=cells["note"],
        )

    return lines.read(read)


def required_at(site: str, level: str, *, side: str = "") -> tuple[RequiredOrgan, ...]:
    """The rows that hold for a target of a site, level and side; an unknown side is held to the rows of both."""
    return tuple(r for r in required_organs() if r.site == site and r.asks_at(level) and side in {"", r.side or side})


@cache
def drawn_along() -> tuple[DrawnAlong, ...]:
    """The organs that must be drawn over the height of the target to settle their rows."""
    lines = _Lines("drawn_along.csv", ("organ", "drawn_as", "from_key", "to_landmark", "note"))

    def read(row: CsvRow) -> DrawnAlong:
        organ = lines.organs(row, "organ")
        key = row.cells["from_key"]
        if key and key not in load_policy().entries:
            lines.bad(row, "from_key", "no such value of the policy")
        lines.organs(row, "to_landmark", empty=True)
        return DrawnAlong(organ[0] if organ else "", lines.organs(row, "drawn_as"), key, row.cells["to_landmark"])

    return lines.read(read)


@cache
def supplements() -> tuple[Supplement, ...]:
    """The sources that supply a kind of row where the deciding table has none, in their order."""
    columns = ("organ", "kind", "order", "table", "source_organ", "fractions", "metric", "level_at_most", "condition")
    lines = _Lines("supplements.csv", (*columns, "note"))
    tables = {path.stem for path in data_path("oar").glob("*.csv")}

    def read(row: CsvRow) -> Supplement:
        cells = row.cells
        every = cells["organ"] == "*"
        for column in ("organ", "source_organ"):
            if not every:
                lines.organs(row, column)
        lines.one_of(row, "table", sorted(tables))
        if every:
            lines.one_of(row, "kind", ("*",))
        order = parse_number(cells["order"])
        numbers = [] if cells["fractions"] == "*" else [parse_number(n) for n in cells["fractions"].split("|")]
        if order is None or any(n is None or not 1 <= n <= 60 for n in numbers):
            lines.bad(row, "fractions", "not numbers of fractions, or no order")
        if cells["metric"] and format_metric(parse_metric(cells["metric"])) != cells["metric"]:
            lines.bad(row, "metric", "not written as the tables write it")
        level = lines.one_of(row, "level_at_most", ("", Level.OPTIMAL.value))
        return Supplement(
            organ=cells["organ"],
            kind=None if every else lines.member(row, "kind", SupplementKind),
            order=int(order or 0),
            table=cells["table"],
            source_organ=cells["source_organ"],
            n_fractions=tuple(int(n) for n in numbers if n is not None),
            metric_text=cells["metric"],
            level_at_most=Level.OPTIMAL if level else None,
            condition=lines.one_of(row, "condition", ("", "liver_lesion")),
            note=cells["note"],
        )

    return lines.read(read)


def supplements_for(organ: str, kind: SupplementKind, *, n_fractions: int) -> tuple[Supplement, ...]:
    """The sources for an organ and kind at a number of fractions: those named for it, else those for every organ."""
    at_n = [s for s in supplements() if not s.n_fractions or n_fractions in s.n_fractions]
    own = tuple(s for s in at_n if s.organ == organ and s.kind is kind)
    return own or tuple(s for s in at_n if s.kind is None)


def location_rules(policy: Policy) -> tuple[LocationRule, ...]:
    """The definitions of central and ultracentral, with the distances of the policy."""
    lines = _Lines("locations.csv", ("location", "relation", "distance_key", "organs", "source", "definition"))

    def read(row: CsvRow) -> LocationRule:
        cells = row.cells
        key = lines.one_of(row, "distance_key", tuple(k for k in policy.entries if k.startswith("location.")))
        return LocationRule(
            location=lines.one_of(row, "location", LOCATIONS),
            relation=lines.one_of(row, "relation", ("within", "touching")),
            distance_key=key,
            distance_mm=policy.value(key) if key in policy.entries else 0.0,
            organs=lines.organs(row, "organs"),
            source=cells["source"],
            definition=cells["definition"],
        )

    return lines.read(read)


def location_outcomes(policy: Policy) -> tuple[LocationOutcome, ...]:
    """What central and ultracentral do to the outcome, by number of fractions."""
    columns = ("location", "contact", "above_key", "up_to_key", "outcome", "note")
    lines = _Lines("location_outcomes.csv", columns)
    keys = tuple(k for k in policy.entries if k.startswith("location."))

    def read(row: CsvRow) -> LocationOutcome:
        above = lines.one_of(row, "above_key", ("", *keys))
        up_to = lines.one_of(row, "up_to_key", keys)
        return LocationOutcome(
            location=lines.one_of(row, "location", LOCATIONS),
            vessels_only=lines.one_of(row, "contact", ("any", "vessels_only")) == "vessels_only",
            from_fractions=1 + (int(policy.value(above)) if above in policy.entries else 0),
            to_fractions=int(policy.value(up_to)) if up_to in policy.entries else 0,
            outcome=lines.member(row, "outcome", Outcome),
            key=up_to,
        )

    return lines.read(read)


@cache
def out_of_scope() -> tuple[OutOfScope, ...]:
    """Words of a target's name for which there is no list of organs, or no table at all."""
    lines = _Lines("scope.csv", ("what", "scope", "site", "words", "note"))

    def read(row: CsvRow) -> OutOfScope:
        cells = row.cells
        words = _words(cells["words"])
        for word in words:
            if name_words(word) != (word,):
                lines.bad(row, "words", f"not one word: {word}")
        scope = lines.one_of(row, "scope", ("out_of_scope", "no_list"))
        site = lines.one_of(row, "site", ("", *SITES))
        return OutOfScope(cells["what"], scope == "out_of_scope", site, words, cells["note"])

    return lines.read(read)


@cache
def excusing_organs() -> dict[str, bool]:
    """Organs that may excuse missing coverage; True: only with a reason in the case file, and by one step."""
    lines = _Lines("excuses.csv", ("organ", "excuse", "note"))

    def read(row: CsvRow) -> tuple[str, bool]:
        lines.organs(row, "organ")
        return row.cells["organ"], lines.one_of(row, "excuse", ("serial", "with_reason")) == "with_reason"

    return dict(lines.read(read))


def coverage_goals(policy: Policy) -> tuple[CoverageGoal, ...]:
    """The coverage goals of constraints/target/coverage.csv, with the limits of the policy."""
    columns = ("source_id", "rule", "sites", "structure", "metric", "comparator", "limit_key", "missed", "excused")
    file, rows = target_rows("coverage", (*columns, "note"))
    lines = _Lines(file, columns, rows)

    def read(row: CsvRow) -> CoverageGoal:
        cells = row.cells
        key = lines.one_of(row, "limit_key", tuple(k for k in policy.entries if k.startswith("coverage.")))
        sites = () if cells["sites"] == "*" else tuple(cells["sites"].split("|"))
        if any(site not in SITES for site in sites):
            lines.bad(row, "sites", f"not one of {', '.join(SITES)}")
        metric = parse_metric(cells["metric"])
        return CoverageGoal(
            rule_id=f"{cells['source_id']}:{cells['rule']}",
            rule=cells["rule"],
            sites=sites,
            structure=lines.one_of(row, "structure", ("PTV", "GTV")),
            metric=metric,
            metric_text=format_metric(metric),
            comparator=lines.one_of(row, "comparator", (">=",)),
            limit_key=key,
            limit=policy.value(key) if key in policy.entries else 0.0,
            missed=lines.member(row, "missed", Outcome),
            excused=lines.member(row, "excused", Outcome),
            note=cells["note"],
        )

    return lines.read(read)
