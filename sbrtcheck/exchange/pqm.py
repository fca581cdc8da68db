"""PQM CSV, as PlanCheck, ClearPlan and the DVHEvaluator of Varian's code samples read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from sbrtcheck.errors import Problem, WrongUsageError
from sbrtcheck.exchange.number import plain
from sbrtcheck.exchange.source import CODE, Source
from sbrtcheck.exchange.statable import Unstatable, sided_names
from sbrtcheck.exchange.template import Statement, Taken, Template
from sbrtcheck.model import Level
from sbrtcheck.tables.datafiles import parse_csv


@dataclass(frozen=True, slots=True)
class Dialect:
    """The columns of one dialect, by what they hold."""

    title: str
    structure: str
    metric: str
    goal: str
    variation: str
    priority: str
    aliases: str
    codes: tuple[str, ...]
    other: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns."""
        known = (self.structure, self.metric, self.goal, self.variation, self.priority)
        return (*known, self.aliases, *self.codes, *self.other)


PLANCHECK = Dialect(
    title="PQM CSV of PlanCheck",
    structure="Structure IDs",
    metric="DVH Objective",
    goal="Evaluation Point",
    variation="Variation",
    priority="Priority",
    aliases="IDAliases",
    codes=("Structure Codes", "CodeAliases"),
    other=("Met", "Achieved"),
)
CLEARPLAN = Dialect(
    title="PQM CSV of ClearPlan",
    structure="TemplateId",
    metric="DVHObjective",
    goal="Goal",
    variation="Variation",
    priority="Priority",
    aliases="TemplateAliases",
    codes=("TemplateCodes", "TemplateTypes"),
    other=("Source", "Notes"),
)
DVH_EVALUATOR = Dialect(
    title="PQM CSV of Varian's DVHEvaluator",
    structure="StructureName",
    metric="DVHObjective",
    goal="Evaluator",
    variation="VariationAcceptable",
    priority="Priority",
    aliases="Aliases",
    codes=("StructureCode",),
    other=("Met", "Achieved"),
)
_MAX_PROBLEMS = 20
DIALECTS = (PLANCHECK, CLEARPLAN, DVH_EVALUATOR)
# In the order in which PlanCheck writes them.
_WRITTEN = (
    "Structure IDs",
    "Structure Codes",
    "IDAliases",
    "CodeAliases",
    "DVH Objective",
    "Evaluation Point",
    "Variation",
    "Priority",
    "Met",
    "Achieved",
)


def dialect_of(header: Sequence[str]) -> Dialect | None:
    """The dialect whose columns for structure, metric and goal are all there, or None."""
    there = {cell.strip() for cell in header}
    return next((d for d in DIALECTS if {d.structure, d.metric, d.goal} <= there), None)


def first_line(text: str) -> list[str]:
    """The cells of the first line that is not blank."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def read_pqm(source: Source) -> Template:
    """The statements of a PQM CSV.

    Raises:
        WrongUsageError: E-TEMPLATE, with every line that has no form.
    """
    text = source.text()
    source.check_length(text.count("\n") - 2)
    header = first_line(text)
    dialect = dialect_of(header)
    if dialect is None:
        raise source.bad(*_no_header(header), place="line 1", seen=", ".join(header)[:80])
    rows, problems = parse_csv(
        text,
        name=source.name,
        code=CODE,
        required=(dialect.structure, dialect.metric, dialect.goal),
        optional=tuple(c for c in dialect.columns if c not in {dialect.structure, dialect.metric, dialect.goal}),
    )
    if problems:
        more = len(problems) - _MAX_PROBLEMS
        rest = [Problem(CODE, source.name, detail=f"{more} more lines are wrong")] if more > 0 else []
        raise WrongUsageError(*problems[:_MAX_PROBLEMS], *rest)
    source.check_length(len(rows))
    return Template(
        file=source.name,
        sha256=source.sha256,
        dialect=dialect.title,
        statements=tuple(statement(row.cells, dialect, place=f"line {row.line}") for row in rows),
    )


def _no_header(header: Sequence[str]) -> tuple[str, str]:
    """What is wrong with a first line that is no PQM header, and what to do."""
    if len(header) == 1 and ";" in header[0]:
        remedy = "Save it with commas between the cells and a decimal point in the numbers"
        return "not separated by commas", remedy
    if {"organ", "metric", "limit"} <= {cell.strip() for cell in header} or (header and header[0].startswith("# imp")):
        return "this is a table of ours already", "Use it with --table; check it with: sbrtcheck tables lint"
    known = "; ".join(f"{d.title}: {d.structure}, {d.metric}, {d.goal}, ..." for d in DIALECTS)
    return "not the columns of a PQM file", known


def statement(cells: Mapping[str, str], dialect: Dialect, *, place: str) -> Statement:
    """One row. Numeric codes (FMA) name nothing here: the file's own words count."""
    return Statement(
        place=place,
        metric=cells[dialect.metric],
        goal=cells[dialect.goal],
        variation=cells.get(dialect.variation, ""),
        priority=cells.get(dialect.priority, ""),
        **named(
            cells[dialect.structure],
            aliases=cells.get(dialect.aliases, ""),
            codes=[cells.get(column, "") for column in dialect.codes],
        ),
    )


class Named(TypedDict):
    """A structure with its other names and its codes in words, as a Statement takes them."""

    structure: str
    aliases: tuple[str, ...]
    codes: tuple[str, ...]


def named(structure: str, *, aliases: str, codes: Sequence[str]) -> Named:
    """Lists in cells are separated by ``|``; of several names of a structure the first is it, the rest are others."""
    ids, others = _parts(structure), _parts(aliases)
    first = ids[0] if ids else ""
    return Named(
        structure=first,
        aliases=tuple(dict.fromkeys(name for name in (*ids[1:], *others) if name != first)),
        codes=tuple(dict.fromkeys(code for cell in codes for code in _parts(cell) if not code.isdigit())),
    )


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


def write_pqm(limits: Sequence[Taken]) -> tuple[str, tuple[Unstatable, ...]]:
    """A PQM CSV with PlanCheck's columns, and the limits that it cannot state."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(_WRITTEN)
    left: list[Unstatable] = []
    for taken in limits:
        why = _why_not(taken)
        if why:
            left.append(Unstatable(taken, why))
            continue
        goal, *rest = taken.bounds
        variation = plain(rest[0].limit) if rest else ""
        for name in sided_names(taken):
            point = f"{goal.comparator}{plain(goal.limit)}"
            writer.writerow([name, "", "", "", taken.metric_text, point, variation, "", "", ""])
    return stream.getvalue(), tuple(left)


def _why_not(taken: Taken) -> str:
    goal, *rest = taken.bounds
    if not rest and goal.level is not Level.MANDATORY:
        return "an optimal limit alone: a PQM goal without a variation reads as mandatory"
    if rest and rest[0].comparator != goal.comparator:
        return f"goal {goal.comparator} and variation {rest[0].comparator}: PQM has one comparator"
    metric = taken.metric
    if metric.kind == "Median":
        return "PQM has no median"
    if metric.kind == "DC" and metric.amount is not None and not metric.amount.is_integer():
        return "PQM takes whole numbers only in DC"
    return ""
