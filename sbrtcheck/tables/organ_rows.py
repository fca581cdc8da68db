"""One organ table from CSV text: every row checked, every problem with file, line, column, value and remedy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import lru_cache

from sbrtcheck.errors import Problem, SbrtcheckError
from sbrtcheck.model import Level, LimitRow, Metric, MetricKind
from sbrtcheck.model.metric import format_metric, parse_metric
from sbrtcheck.tables.datafiles import CsvRow, parse_csv, parse_number, wrong_usage_many

CODE = "E-TABLE-ROW"
SHIPPED_COLUMNS = (
    "source_id",
    "organ",
    "fractions",
    "metric",
    "comparator",
    "limit",
    "unit",
    "level",
    "condition",
    "joint",
    "computable",
    "judged_as",
    "endpoint",
    "seen_at",
    "cross_check",
    "confidence",
    "note",
)
LOCAL_COLUMNS = ("organ", "fractions", "metric", "comparator", "limit", "unit", "level")
EXTRA_COLUMNS = ("alpha_beta_gy", "or_share_of_volume")
LEVELS_PRINTED = ("mandatory", "optimal", "acceptable-variation", "unspecified")
JUDGED_AS = {"mandatory": Level.MANDATORY, "optimal": Level.OPTIMAL, "info": Level.INFORMATION, "": None}
COMPARATORS = ("<", "<=", ">", ">=")
UNITS = ("Gy", "cc", "%")
CONFIDENCES = ("high", "medium", "low")
CONDITIONS = ("", "sex=M", "sex=F", "liver=primary", "liver=metastasis")
MAX_LIMIT = {"Gy": 100.0, "cc": 5000.0, "%": 100.0}
# A maximum in percent of the prescription may exceed 100.
MAX_DOSE_PERCENT = 200.0
MAX_FRACTIONS = 60
_SHARE = re.compile(r"1/([2-9])", re.ASCII)
_SOURCE_ID = re.compile(r"[A-Z][A-Z0-9_]{1,30}", re.ASCII)


@lru_cache(maxsize=2048)
def _metric(text: str) -> Metric:
    return parse_metric(text)


class _Line:
    """The cells of one line, with a list that takes its problems. ``place``: of a row that stands in no table."""

    def __init__(self, row: CsvRow, file: str, problems: list[Problem], *, code: str = CODE, place: str = "") -> None:
        self.row = row
        self.file = file
        self.problems = problems
        self.code = code
        self.place = place

    @property
    def where(self) -> str:
        """Where the row stands, in words."""
        return self.place or f"line {self.row.line}"

    def get(self, column: str) -> str:
        return self.row.cells.get(column, "")

    def bad(self, column: str, detail: str, remedy: str) -> None:
        tag = f"key {self.place}.{column}" if self.place else f"line {self.row.line}, column {column}"
        seen = self.get(column)
        self.problems.append(Problem(self.code, self.file, tag=tag, seen=seen, detail=detail, remedy=remedy))

    def one_of(self, column: str, allowed: Iterable[str]) -> str:
        value = self.get(column)
        choices = tuple(allowed)
        if value not in choices:
            self.bad(column, "not an allowed value", f"Allowed: {', '.join(c or '(empty)' for c in choices)}")
        return value


def read_organ_rows(
    text: str, *, file: str, table: str, organs: Set[str], shipped: bool
) -> tuple[tuple[LimitRow, ...], tuple[Problem, ...]]:
    """The rows of an organ table and every problem found in them; rows count only when there is no problem.

    Args:
        text: the CSV text.
        file: basename, for messages.
        table: short name of the table.
        organs: the known organ names.
        shipped: a shipped table has all columns; a clinic's own needs only LOCAL_COLUMNS and is labelled LOCAL.
    """
    required = SHIPPED_COLUMNS if shipped else LOCAL_COLUMNS
    optional = EXTRA_COLUMNS if shipped else tuple(c for c in SHIPPED_COLUMNS if c not in LOCAL_COLUMNS)
    csv_rows, form_problems = parse_csv(text, name=file, code=CODE, required=required, optional=optional)
    problems = list(form_problems)
    rows: list[tuple[_Line, LimitRow]] = []
    for csv_row in csv_rows:
        line = _Line(csv_row, file, problems)
        row = _read_row(line, table=table, organs=organs, shipped=shipped)
        if row is not None:
            rows.append((line, row))
    _check_together(rows)
    return _with_unique_ids([row for _, row in rows]), tuple(problems)


def read_added_rows(
    cells: Sequence[tuple[str, Mapping[str, str]]], *, file: str, organs: Set[str]
) -> tuple[LimitRow, ...]:
    """Rows that a clinic file adds to a table, labelled LOCAL, checked as those of a clinic's own table are.

    Args:
        cells: for each row where it stands in the file ("row 1") and its cells by column.
        file: basename of the clinic file, for messages.
        organs: the known organ names.

    Raises:
        WrongUsageError: E-CONFIG with every problem: file, key, value and remedy.
    """
    problems: list[Problem] = []
    rows: list[tuple[_Line, LimitRow]] = []
    for number, (place, row_cells) in enumerate(cells, start=1):
        line = _Line(CsvRow(number, dict(row_cells)), file, problems, code="E-CONFIG", place=place)
        row = _read_row(line, table="LOCAL", organs=organs, shipped=False)
        if row is not None:
            rows.append((line, replace(row, seen_at=file)))
    _check_together(rows)
    if problems:
        raise wrong_usage_many(problems)
    return tuple(row for _, row in rows)


def _read_row(line: _Line, *, table: str, organs: Set[str], shipped: bool) -> LimitRow | None:
    before = len(line.problems)
    source = line.get("source_id") if shipped else "LOCAL"
    if not _SOURCE_ID.fullmatch(source):
        line.bad("source_id", "not a source name", "Write capitals, digits and _ : AAPM_TG101")
    organ = line.get("organ")
    if organ not in organs:
        line.bad("organ", "unknown organ", "Write a name of constraints/organs.csv")
    joint = tuple(part for part in line.get("joint").split("+") if part)
    if joint and (organ not in joint or len(set(joint)) != len(joint) or any(part not in organs for part in joint)):
        line.bad("joint", "not a list of known organs with this one in it", "Write Trachea+ProximalBronchialTree")
    computable = line.one_of("computable", ("yes", "no")) != "no" if shipped or line.get("computable") else True
    n_fractions = _fractions(line, computable=computable)
    comparator = line.one_of("comparator", COMPARATORS)
    unit = line.one_of("unit", UNITS)
    condition = line.one_of("condition", CONDITIONS)
    if shipped or line.get("confidence"):
        line.one_of("confidence", CONFIDENCES)
    level_printed = line.one_of("level", LEVELS_PRINTED)
    level = _level(line, level_printed, shipped=shipped)
    metric = _row_metric(line, unit=unit, comparator=comparator, computable=computable)
    limit = _limit(line, unit=unit, metric=metric)
    share = _or_share_of_volume(line, metric)
    if shipped and not line.get("seen_at"):
        line.bad("seen_at", "the row does not say where it was read", "Name the place")
    if len(line.problems) > before:
        return None
    assert limit is not None
    metric_text = format_metric(metric) if metric is not None else line.get("metric")
    return LimitRow(
        rule_id=":".join(
            part
            for part in (
                source,
                organ,
                line.get("fractions"),
                metric_text,
                level.value if level is not None else level_printed,
                condition,
            )
            if part
        ),
        table=table,
        organ=organ,
        n_fractions=n_fractions,
        metric=metric,
        metric_text=metric_text,
        comparator=comparator,
        limit=limit,
        unit=unit,
        level=level if computable else None,
        level_printed=level_printed,
        condition=condition,
        joint=joint,
        computable=computable,
        endpoint=line.get("endpoint"),
        seen_at=line.get("seen_at") or "local table",
        cross_check=line.get("cross_check"),
        confidence=line.get("confidence"),
        note=line.get("note"),
        or_share_of_volume=share,
    )


def _or_share_of_volume(line: _Line, metric: Metric | None) -> float | None:
    """The share of the whole organ that may ask for more than the limit: "1/3", or empty."""
    text = line.get("or_share_of_volume")
    if not text:
        return None
    found = _SHARE.fullmatch(text)
    if found is None or metric is None or metric.kind != "CV" or metric.unit != "cc":
        line.bad(
            "or_share_of_volume", "not a share of the organ for a spared volume in cc", "Write 1/3, or leave it empty"
        )
        return None
    return 1.0 / int(found[1])


def _fractions(line: _Line, *, computable: bool) -> int | None:
    text = line.get("fractions")
    if text == "conventional" and not computable:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_FRACTIONS and text == str(int(text))):
        line.bad("fractions", "not a number of fractions", f"Write a whole number from 1 to {MAX_FRACTIONS}")
        return None
    return int(text)


def _level(line: _Line, level_printed: str, *, shipped: bool) -> Level | None:
    judged_as = line.one_of("judged_as", JUDGED_AS)
    if judged_as or shipped:
        return JUDGED_AS.get(judged_as)
    if level_printed not in {"mandatory", "optimal"}:
        line.bad("level", "the row does not say how it is judged", "Write mandatory or optimal")
    return JUDGED_AS.get(level_printed)


def _row_metric(line: _Line, *, unit: str, comparator: str, computable: bool) -> Metric | None:
    text = line.get("metric")
    try:
        metric = _metric(text)
    except SbrtcheckError as error:
        if computable:
            reason = error.problems[0]
            line.bad("metric", f"the metric cannot be read: {reason.detail or reason.meaning}", reason.remedy)
        return None
    if metric.unit != unit and unit in UNITS:
        line.bad("unit", f"the metric {text} is in {metric.unit}", f"Write {metric.unit}, or correct the metric")
    if metric.kind is MetricKind.VOLUME_SPARED and comparator in {"<", "<="}:
        line.bad("comparator", "a spared volume has a lower limit", "Write >= or >")
    return metric


def highest_limit(unit: str, metric: Metric | None) -> float:
    """The highest number that a limit in this unit may have."""
    if unit == "%" and metric is not None and metric.kind not in {"V", "CV"}:
        return MAX_DOSE_PERCENT
    return MAX_LIMIT.get(unit, MAX_DOSE_PERCENT)


def _limit(line: _Line, *, unit: str, metric: Metric | None) -> float | None:
    text = line.get("limit")
    limit = parse_number(text)
    if limit is None:
        remedy = "Write a decimal point" if "," in text else "Write a plain decimal number"
        line.bad("limit", "not a number", remedy)
        return None
    highest = highest_limit(unit, metric)
    if not 0 < limit <= highest:
        remedy = "Is it in cGy? Write Gy" if unit == "Gy" and limit > highest else "Check it against the source"
        line.bad("limit", f"outside 0 to {highest:g} {unit}", remedy)
        return None
    return limit


def _check_together(rows: list[tuple[_Line, LimitRow]]) -> None:
    """Refuse duplicate rows, contradictory judged rows, and an optimal limit looser than its mandatory one."""
    exact: dict[tuple[object, ...], str] = {}
    judged: dict[tuple[object, ...], dict[Level, tuple[_Line, LimitRow]]] = {}
    for line, row in rows:
        place = (row.organ, row.n_fractions, row.metric_text, row.comparator[0], row.condition)
        first = exact.setdefault((*place, row.rule_id, row.limit, row.level_printed, row.endpoint), line.where)
        if first != line.where:
            line.bad("limit", f"the same row stands in {first}", "Remove one of the two")
        # Points of a risk curve stand beside each other; limits of one level contradict each other.
        elif row.level not in {None, Level.INFORMATION}:
            other_line, other = judged.setdefault(place, {}).setdefault(row.level, (line, row))
            if other is not row:
                has = f"{other.comparator} {other.limit:g} {other.unit}"
                detail = f"{other_line.where} has {has} at the same level"
                line.bad("limit", detail, "Keep the one that the source prints, or give them different levels")
    for (organ, n, metric, side, condition), levels in judged.items():
        if side == "<":
            _check_against_floors(levels, judged.get((organ, n, metric, ">", condition), {}))
        if Level.MANDATORY not in levels or Level.OPTIMAL not in levels:
            continue
        optimal_line, optimal = levels[Level.OPTIMAL]
        mandatory_line, mandatory = levels[Level.MANDATORY]
        looser = optimal.limit - mandatory.limit
        if (looser if mandatory.comparator[0] == "<" else -looser) > 0:
            detail = f"an optimal limit looser than the mandatory one in {mandatory_line.where}"
            optimal_line.bad("limit", detail, "Exchange the two levels")


def _check_against_floors(
    ceilings: Mapping[Level, tuple[_Line, LimitRow]], floors: Mapping[Level, tuple[_Line, LimitRow]]
) -> None:
    """Refuse an upper limit that lies below a lower limit of the same level: no value could keep both."""
    for level, (line, row) in ceilings.items():
        if level not in floors:
            continue
        floor_line, floor = floors[level]
        if floor.limit > row.limit:
            has = f"{floor.comparator} {floor.limit:g} {floor.unit}"
            detail = f"{floor_line.where} has {has} at the same level: no value keeps both"
            line.bad("limit", detail, "Correct the comparator of one of the two")


def _with_unique_ids(rows: list[LimitRow]) -> tuple[LimitRow, ...]:
    """Rows that are only listed, and points of one risk curve, may share organ, metric and level: their limit joins the
    identifier."""
    count = Counter(r.rule_id for r in rows)
    return tuple(
        replace(r, rule_id=f"{r.rule_id}:{r.limit:g}") if r.level is None or count[r.rule_id] > 1 else r for r in rows
    )
