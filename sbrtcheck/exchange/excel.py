"""A plain Excel sheet of goals, with a map of its columns."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from sbrtcheck.errors import SbrtcheckError, missing_extra, wrong_usage
from sbrtcheck.exchange.pqm import Dialect, dialect_of, named
from sbrtcheck.exchange.source import MAX_ROWS, Source
from sbrtcheck.exchange.template import Statement, Template

FIELDS = ("structure", "aliases", "metric", "goal", "comparator", "limit", "unit", "variation", "priority", "fractions")
_REQUIRED = ("structure", "metric")
_MAX_UNPACKED = 60_000_000
_MAX_PARTS = 500
_MAX_COLUMNS = 200
_MAX_CELL = 400
# Rows above the table in which its header may stand.
_HEADER_WITHIN = 30
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell: its text as a person reads it, or why it has none."""

    text: str
    bad: str = ""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What a reader of values does not show: merged areas and hidden rows and columns of a sheet."""

    merged: tuple[str, ...]
    hidden_rows: frozenset[int]
    hidden_columns: frozenset[int]


def read_columns(values: Sequence[str]) -> dict[str, str]:
    """``metric=DVH Objective`` options as a map from what a column holds to its heading.

    Raises:
        WrongUsageError: E-OPTION.
    """
    out: dict[str, str] = {}
    for text in values:
        field, _, heading = text.partition("=")
        field, heading = field.strip(), heading.strip()
        if field not in FIELDS or not heading:
            remedy = f'Write --column "metric=Heading"; it may hold: {", ".join(FIELDS)}'
            raise wrong_usage("E-OPTION", "--column", seen=text, remedy=remedy)
        if out.setdefault(field, heading) != heading:
            raise wrong_usage("E-OPTION", "--column", seen=text, detail="one thing in two columns")
    return out


def read_xlsx(source: Source, *, columns: Mapping[str, str], sheet: str = "") -> Template:
    """The statements of a sheet.

    Args:
        source: the workbook.
        columns: what a column holds to its heading; empty: the headings of a PQM file.
        sheet: name of the sheet; "" when only one is filled.

    Raises:
        WrongUsageError: E-TEMPLATE, for a broken workbook, merged cells, no header; E-EXTRA.
    """
    load_workbook = _packages()
    _check_container(source)
    try:
        book = load_workbook(BytesIO(source.data), read_only=True, data_only=False, keep_links=False)
    except Exception as error:
        raise _broken(source, error) from error
    try:
        title = _sheet(source, book, sheet)
        layout = _layout(source, title)
        if layout.merged:
            remedy = "Unmerge them and write each cell"
            raise source.bad("merged cells", remedy, place=f"sheet {title}", seen=", ".join(layout.merged[:5]))
        rows = list(_rows(source, book[title]))
    finally:
        book.close()
    found, header_row = _header(source, rows, columns, title)
    statements = [
        _statement(cells, found, number=number, layout=layout)
        for number, cells in rows
        if number > header_row and any(c.text or c.bad for c in cells)
    ]
    if not statements:
        raise source.bad("no rows below the header", "Give a sheet with goals", place=f"sheet {title}")
    source.check_length(len(statements))
    return Template(source.name, source.sha256, f"Excel sheet {title}", tuple(statements))


def _packages() -> Any:
    """openpyxl's loader, once defusedxml is there too: openpyxl reads XML through it where it is installed."""
    try:
        import defusedxml
        from openpyxl import DEFUSEDXML, load_workbook
    except ImportError as error:
        raise missing_extra("Excel sheets", extra="exchange", package="openpyxl, defusedxml") from error
    if not DEFUSEDXML:
        remedy = "Unset the variable OPENPYXL_DEFUSEDXML"
        raise wrong_usage(
            "E-EXTRA", "Excel sheets", seen=f"defusedxml {defusedxml.__version__} is not used", remedy=remedy
        )
    return load_workbook


def _broken(source: Source, error: Exception) -> Exception:
    """Broken parts raise many kinds of errors in zipfile and openpyxl; none of their words is shown."""
    return source.bad("not a workbook that can be read", "Save it again as .xlsx", seen=type(error).__name__)


def _check_container(source: Source) -> None:
    """Refuse what is no zip, unpacks to far more than a sheet holds, or carries macros."""
    try:
        with ZipFile(BytesIO(source.data)) as container:
            parts = container.infolist()
    except Exception as error:
        raise _broken(source, error) from error
    unpacked = sum(part.file_size for part in parts)
    if unpacked > _MAX_UNPACKED or len(parts) > _MAX_PARTS:
        seen = f"{len(parts)} parts, {unpacked // 1_000_000} MB unpacked"
        raise source.bad("larger than any goal sheet", "Save the one sheet alone", seen=seen)
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        raise source.bad("a zip file that is no Excel workbook", "Save the sheet as .xlsx")


def _sheet(source: Source, book: Any, wanted: str) -> str:
    titles = [str(title) for title in book.sheetnames]
    if wanted:
        if wanted not in titles:
            raise source.bad("no such sheet", f"Sheets: {', '.join(titles)}", place="--sheet", seen=wanted)
        return wanted
    if len(titles) != 1:
        raise source.bad("several sheets", f"Say which with --sheet: {', '.join(titles)}", seen=f"{len(titles)} sheets")
    return titles[0]


def _layout(source: Source, title: str) -> _Layout:
    """Merged areas and hidden rows and columns, from the sheet's own XML."""
    from defusedxml.ElementTree import fromstring, iterparse

    merged: list[str] = []
    rows: set[int] = set()
    columns: set[int] = set()
    try:
        with ZipFile(BytesIO(source.data)) as container:
            book = fromstring(container.read("xl/workbook.xml"), forbid_dtd=True)
            relations = fromstring(container.read("xl/_rels/workbook.xml.rels"), forbid_dtd=True)
            key = next(s.get(_REL) for s in book.iter(f"{_MAIN}sheet") if s.get("name") == title)
            target = next(str(r.get("Target")) for r in relations if r.get("Id") == key)
            part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            data = container.read(part)
        # Most sheets have neither; a zero byte tells an encoding in which the words would not be found.
        if not any(word in data for word in (b"mergeCell", b"hidden", b"\0")):
            return _Layout((), frozenset(), frozenset())
        for _, element in iterparse(BytesIO(data), events=("end",), forbid_dtd=True):
            hidden = element.get("hidden") in {"1", "true"}
            if element.tag == f"{_MAIN}mergeCell":
                merged.append(str(element.get("ref")))
            elif element.tag == f"{_MAIN}col" and hidden:
                columns.update(range(int(element.get("min")), min(int(element.get("max")), 16384) + 1))
            elif element.tag == f"{_MAIN}row":
                rows.update({int(element.get("r", "0"))} if hidden else ())
                element.clear()
    except Exception as error:
        raise _broken(source, error) from error
    return _Layout(tuple(merged), frozenset(rows), frozenset(columns))


def _rows(source: Source, sheet: Any) -> Iterator[tuple[int, list[_Cell]]]:
    """Every row with its number, cells from column A on."""
    last = MAX_ROWS + _HEADER_WITHIN + 1
    try:
        sheet.reset_dimensions()
        for number, row in enumerate(sheet.iter_rows(), start=1):
            if number > last:
                source.check_length(number)
            yield number, [_cell(cell) for cell in row[:_MAX_COLUMNS]]
    except SbrtcheckError:
        raise
    except Exception as error:
        raise _broken(source, error) from error


def _cell(cell: Any) -> _Cell:
    value = cell.value
    if value is None:
        return _Cell("")
    if cell.data_type == "f" or (isinstance(value, str) and value.startswith("=") and cell.data_type != "s"):
        return _Cell(str(value), "a formula: paste the values")
    if cell.data_type == "e":
        return _Cell(str(value), "an error of the sheet")
    if isinstance(value, bool):
        return _Cell(str(value), "a truth value")
    if isinstance(value, int | float):
        if "%" in str(cell.number_format or ""):
            return _Cell(repr(value), "a number shown in percent: write 95 and set the format to a number")
        return _Cell(f"{value:.10g}")
    if isinstance(value, str):
        return _Cell(" ".join(value[:_MAX_CELL].split()) + "..." * (len(value) > _MAX_CELL))
    return _Cell(str(value), "a date: write the text that is meant")


def _letter(index: int) -> str:
    """Column letters of an index from 0."""
    out = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        out = chr(65 + rest) + out
    return out


def _header(
    source: Source, rows: Sequence[tuple[int, list[_Cell]]], columns: Mapping[str, str], title: str
) -> tuple[dict[str, list[int]], int]:
    """Where each thing stands, and the row of the header: the first that has all headings."""
    for number, cells in rows[:_HEADER_WITHIN]:
        texts = [c.text for c in cells]
        wanted = {field: [heading] for field, heading in columns.items()}
        if not columns:
            dialect = dialect_of(texts)
            wanted = _as_columns(dialect, texts) if dialect is not None else {}
        headings = [h for group in wanted.values() for h in group]
        if not headings or any(h not in texts for h in headings):
            continue
        twice = next((h for h in headings if texts.count(h) > 1), None)
        if twice is not None:
            raise source.bad(
                "a heading occurs twice", "Rename one of them", place=f"sheet {title} row {number}", seen=twice
            )
        missing = [f for f in _REQUIRED if f not in wanted]
        if missing or not ("goal" in wanted or {"comparator", "limit"} <= set(wanted)):
            remedy = f"Map structure, metric, and goal or comparator and limit; it may hold: {', '.join(FIELDS)}"
            raise wrong_usage(
                "E-OPTION", "--column", seen=", ".join(columns), detail="too little is mapped", remedy=remedy
            )
        return {field: [texts.index(h) for h in group] for field, group in wanted.items()}, number
    filled: list[list[str]] = [[c.text for c in cells if c.text] for _, cells in rows[:_HEADER_WITHIN]]
    fullest = next((texts for texts in filled if len(texts) == max(map(len, filled))), [])
    seen = ", ".join(fullest)[:120]
    remedy = 'Say which column holds what: --column "structure=Organ" --column "metric=Metric" --column "goal=Limit"'
    raise source.bad("no header row with these columns", remedy, place=f"sheet {title}", seen=seen)


def _as_columns(dialect: Dialect, texts: Sequence[str]) -> dict[str, list[str]]:
    """The columns of a PQM file, as far as they are there."""
    wanted = {
        "structure": [dialect.structure],
        "aliases": [n for n in (dialect.aliases,) if n in texts],
        "codes": [n for n in dialect.codes if n in texts],
        "metric": [dialect.metric],
        "goal": [dialect.goal],
        "variation": [n for n in (dialect.variation,) if n in texts],
        "priority": [n for n in (dialect.priority,) if n in texts],
    }
    return {field: group for field, group in wanted.items() if group}


def _statement(cells: Sequence[_Cell], found: Mapping[str, list[int]], *, number: int, layout: _Layout) -> Statement:
    def cell(index: int) -> _Cell:
        return cells[index] if index < len(cells) else _Cell("")

    def text(field: str) -> str:
        return next((cell(i).text for i in found.get(field, ())), "")

    metric, unit = text("metric"), text("unit")
    stated = Statement(
        place=f"row {number}",
        metric=f"{metric}[{unit}]" if unit and not metric.endswith("]") else metric,
        goal=text("goal") if "goal" in found else text("comparator") + text("limit"),
        variation=text("variation"),
        priority=text("priority"),
        **named(text("structure"), aliases=text("aliases"), codes=[cell(i).text for i in found.get("codes", ())]),
    )
    for indices in found.values():
        for index in indices:
            if cell(index).bad:
                where = f"cell {_letter(index)}{number}"
                return replace(stated, refusal=f"{where}: {cell(index).bad} ({cell(index).text[:40]})")
            if index + 1 in layout.hidden_columns:
                return replace(stated, refusal=f"column {_letter(index)} is hidden: show it or remove it")
    if number in layout.hidden_rows:
        return replace(stated, refusal="the row is hidden: show it or remove it")
    if unit and metric.endswith("]") and not metric.endswith(f"[{unit}]"):
        return replace(stated, refusal=f"the unit is {unit}, the metric {metric}")
    fractions = text("fractions")
    if "fractions" in found:
        if not (fractions.isascii() and fractions.isdigit() and 1 <= int(fractions[:3]) <= 99):
            return replace(stated, refusal=f"{fractions or '(empty)'} is no number of fractions")
        return replace(stated, n_fractions=int(fractions))
    return stated
