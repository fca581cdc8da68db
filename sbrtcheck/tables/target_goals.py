"""Target goals and conformity by PTV volume: constraints/target/."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Protocol

from sbrtcheck.errors import Problem, SbrtcheckError, wrong_usage
from sbrtcheck.model import ConformityRule, Level, Metric, Outcome, TargetGoal
from sbrtcheck.model.metric import format_metric, parse_metric
from sbrtcheck.tables.datafiles import (
    CsvRow,
    data_path,
    decode,
    digest,
    parse_csv,
    parse_number,
    read_bytes,
    read_toml,
    wrong_usage_many,
)
from sbrtcheck.tables.organs import SITES

CODE = "E-DATA"
GOAL_COLUMNS = (
    "source_id",
    "rule",
    "target",
    "metric",
    "comparator",
    "limit",
    "unit",
    "level",
    "missed",
    "site",
    "seen_at",
    "cross_check",
    "confidence",
    "note",
)
CONFORMITY_COLUMNS = (
    "source_id",
    "ptv_volume_cc",
    "r100_none_lt",
    "r100_minor_lt",
    "r50_none_lt",
    "r50_minor_lt",
    "d2cm_none_lt",
    "d2cm_minor_lt",
    "d2cm_unit",
    "lung_v20_none_lt_pct",
    "lung_v20_minor_lt_pct",
    "seen_at",
    "cross_check",
    "confidence",
    "note",
)
CONFORMITY_NUMBERS = tuple(c for c in CONFORMITY_COLUMNS[1:11] if c != "d2cm_unit")
TARGETS = ("PTV", "CTV", "ITV", "GTV")
# Rules that no TG-263 string expresses, by name.
RULES_WITHOUT_METRIC = ("spill_105",)


def target_rows(name: str, columns: Sequence[str]) -> tuple[str, tuple[CsvRow, ...]]:
    """File name and rows of a target table whose bytes are those recorded for its version."""
    path = data_path("target", f"{name}.csv")
    settings, _ = read_toml(data_path("target", f"{name}.toml"), code=CODE)
    data = read_bytes(path, code=CODE)
    version = str(settings.get("version"))
    recorded = dict(settings.get("sha256", {})).get(version)
    if digest(data) != recorded:
        raise wrong_usage("E-TABLE-MODIFIED", path.name, seen=f"version {version}")
    text = decode(data, name=path.name, code=CODE)
    rows, problems = parse_csv(text, name=path.name, code=CODE, required=columns)
    if problems:
        raise wrong_usage_many(problems)
    return path.name, rows


@cache
def load_target_goals() -> tuple[TargetGoal, ...]:
    """The goals for target structures: our policy first, then the protocols' rules.

    Raises:
        WrongUsageError: E-DATA with every problem; E-TABLE-MODIFIED.
    """
    file, rows = target_rows("goals", GOAL_COLUMNS)
    problems: list[Problem] = []
    goals = [goal for row in rows if (goal := read_goal(row, file=file, code=CODE, problems=problems)) is not None]
    if len({goal.rule_id for goal in goals}) != len(goals):
        problems.append(Problem(CODE, file, detail="two goals have the same source and rule"))
    if problems:
        raise wrong_usage_many(problems)
    return tuple(goals)


def read_goal(row: CsvRow, *, file: str, code: str, problems: list[Problem]) -> TargetGoal | None:
    """One goal, or None and its problems."""
    cells = row.cells
    before = len(problems)

    def bad(column: str, detail: str) -> None:
        tag = f"line {row.line}, column {column}"
        problems.append(Problem(code, file, tag=tag, seen=cells[column], detail=detail))

    for column, allowed in (
        ("target", TARGETS),
        ("comparator", ("<", "<=", ">", ">=")),
        ("unit", ("%", "Gy", "cc")),
        ("level", tuple(Level)),
        ("missed", tuple(Outcome)),
        ("site", ("", *SITES)),
    ):
        if cells[column] not in allowed:
            bad(column, f"not one of {', '.join(a or '(empty)' for a in allowed)}")
    limit = parse_number(cells["limit"])
    if limit is None or not 0 < limit <= 200:
        bad("limit", "not a number above 0 and at most 200")
    metric = _goal_metric(cells["metric"], rule=cells["rule"], unit=cells["unit"], bad=bad)
    if len(problems) > before:
        return None
    assert limit is not None
    return TargetGoal(
        rule_id=f"{cells['source_id']}:{cells['rule']}",
        source=cells["source_id"],
        rule=cells["rule"],
        target=cells["target"],
        metric=metric,
        metric_text=format_metric(metric) if metric is not None else cells["metric"],
        comparator=cells["comparator"],
        limit=limit,
        unit=cells["unit"],
        level=Level(cells["level"]),
        missed=Outcome(cells["missed"]),
        site=cells["site"],
        seen_at=cells["seen_at"],
        cross_check=cells["cross_check"],
        confidence=cells["confidence"],
        note=cells["note"],
    )


class GoalText(Protocol):
    """A goal as a clinic file writes it (``clinic.ClinicGoal``)."""

    @property
    def target(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def comparator(self) -> str: ...
    @property
    def limit(self) -> float: ...
    @property
    def level(self) -> str: ...
    @property
    def site(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def n_fractions(self) -> int | None: ...


def clinic_goals(goals: Sequence[GoalText], *, file: str) -> tuple[TargetGoal, ...]:
    """A clinic's goals as rules: mandatory, missed: FAIL; optimal, missed: PASS_WITH_VARIATION.

    Raises:
        WrongUsageError: E-CONFIG for a metric that cannot be read or two goals of one name.
    """
    problems: list[Problem] = []
    out = []
    for number, goal in enumerate(goals, start=1):
        place = f"key goal {number}.metric"
        try:
            metric = parse_metric(goal.metric)
        except SbrtcheckError as error:
            reason = error.problems[0]
            detail = reason.detail or reason.meaning
            problems.append(Problem("E-CONFIG", file, tag=place, seen=goal.metric, detail=detail, remedy=reason.remedy))
            continue
        text = format_metric(metric)
        mandatory = goal.level == "mandatory"
        out.append(
            TargetGoal(
                rule_id=f"LOCAL:{goal.rule or goal.target + ':' + text + ':' + goal.level}",
                source="LOCAL",
                rule=goal.rule or text,
                target=goal.target,
                metric=metric,
                metric_text=text,
                comparator=goal.comparator,
                limit=goal.limit,
                unit=metric.unit,
                level=Level(goal.level),
                missed=Outcome.FAIL if mandatory else Outcome.PASS_WITH_VARIATION,
                site=goal.site,
                n_fractions=goal.n_fractions,
                seen_at=file,
            )
        )
    if len({goal.rule_id for goal in out}) != len(out):
        problems.append(Problem("E-CONFIG", file, tag="key goal", detail="two goals have the same name"))
    if problems:
        raise wrong_usage_many(problems)
    return tuple(out)


def _goal_metric(text: str, *, rule: str, unit: str, bad: object) -> Metric | None:
    assert callable(bad)
    if rule in RULES_WITHOUT_METRIC:
        return None
    try:
        metric = parse_metric(text)
    except SbrtcheckError as error:
        bad("metric", error.problems[0].detail or "the metric cannot be read")
        return None
    if metric.unit != unit:
        bad("unit", f"the metric is in {metric.unit}")
    return metric


@cache
def load_conformity_rules() -> tuple[ConformityRule, ...]:
    """The rows of the RTOG conformity table, by source and rising PTV volume.

    Raises:
        WrongUsageError: E-DATA with every problem; E-TABLE-MODIFIED.
    """
    file, rows = target_rows("rtog_conformity", CONFORMITY_COLUMNS)
    problems: list[Problem] = []
    rules: list[ConformityRule] = []
    for row in rows:
        numbers = {c: parse_number(row.cells[c]) or 0.0 for c in CONFORMITY_NUMBERS}
        for column in (c for c, value in numbers.items() if value <= 0):
            tag = f"line {row.line}, column {column}"
            problems.append(Problem(CODE, file, tag=tag, seen=row.cells[column], detail="not a number above 0"))
        if row.cells["d2cm_unit"] != "% of Rx":
            problems.append(Problem(CODE, file, tag=f"line {row.line}, column d2cm_unit", seen=row.cells["d2cm_unit"]))
        rule = ConformityRule(
            source=row.cells["source_id"],
            ptv_volume_cm3=numbers["ptv_volume_cc"],
            r100_none=numbers["r100_none_lt"],
            r100_minor=numbers["r100_minor_lt"],
            r50_none=numbers["r50_none_lt"],
            r50_minor=numbers["r50_minor_lt"],
            d2cm_none_percent=numbers["d2cm_none_lt"],
            d2cm_minor_percent=numbers["d2cm_minor_lt"],
            lung_v20_none_percent=numbers["lung_v20_none_lt_pct"],
            lung_v20_minor_percent=numbers["lung_v20_minor_lt_pct"],
            seen_at=row.cells["seen_at"],
            cross_check=row.cells["cross_check"],
            confidence=row.cells["confidence"],
            note=row.cells["note"],
        )
        if rules and rules[-1].source == rule.source and rules[-1].ptv_volume_cm3 >= rule.ptv_volume_cm3:
            problems.append(Problem(CODE, file, tag=f"line {row.line}", detail="PTV volumes do not rise"))
        if any(numbers[c] > numbers[c.replace("none", "minor")] for c in CONFORMITY_NUMBERS if "none" in c):
            problems.append(
                Problem(CODE, file, tag=f"line {row.line}", detail="a minor limit below its no-deviation one")
            )
        rules.append(rule)
    if problems:
        raise wrong_usage_many(problems)
    return tuple(rules)


def conformity_limits(
    rules: Sequence[ConformityRule], *, ptv_volume_cm3: float, source: str = "RTOG_0813"
) -> ConformityRule | None:
    """The limits at one PTV volume [cm3], linear between the rows (protocol Table 1, Note 1).

    None outside the table's range: there is no rule there, and none is extrapolated.
    """
    own = [rule for rule in rules if rule.source == source]
    for lower, upper in pairwise(own):
        if not lower.ptv_volume_cm3 <= ptv_volume_cm3 <= upper.ptv_volume_cm3:
            continue
        share = (ptv_volume_cm3 - lower.ptv_volume_cm3) / (upper.ptv_volume_cm3 - lower.ptv_volume_cm3)

        def between(
            name: str, lower: ConformityRule = lower, upper: ConformityRule = upper, share: float = share
        ) -> float:
            low, high = float(getattr(lower, name)), float(getattr(upper, name))
            return low if share == 0 else high if share == 1 else low + share * (high - low)

        return ConformityRule(
            source=source,
            ptv_volume_cm3=ptv_volume_cm3,
            r100_none=between("r100_none"),
            r100_minor=between("r100_minor"),
            r50_none=between("r50_none"),
            r50_minor=between("r50_minor"),
            d2cm_none_percent=between("d2cm_none_percent"),
            d2cm_minor_percent=between("d2cm_minor_percent"),
            lung_v20_none_percent=between("lung_v20_none_percent"),
            lung_v20_minor_percent=between("lung_v20_minor_percent"),
            note=f"interpolated between {lower.ptv_volume_cm3:g} and {upper.ptv_volume_cm3:g} cm3",
        )
    return None
