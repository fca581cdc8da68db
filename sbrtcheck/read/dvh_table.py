"""Tables of cumulative DVHs (CSV): Eclipse and CERR tables in SlicerRT's form, and SlicerRT's own export.

One pair of columns per structure: ``NAME Dose (Gy)`` and ``NAME Value (% of 48.6 cc)``; the volume of the structure
stands only in the header. Every cell is read strictly: a cell that cannot be read is an error with its place, never 0.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sbrtcheck.errors import Problem, RefusedError, refuse
from sbrtcheck.model.dose import FloatArray

MAX_BYTES = 64 * 1024 * 1024
# The volume column may stop above zero by this much [%]: exports print the last bin before the maximum.
MAX_LAST_PERCENT = 1.0
# Rounded exports repeat a value with a last digit more; a rise beyond this [%] is not a cumulative DVH.
MAX_RISE_PERCENT = 1e-3

_NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?"
_CELL = re.compile(_NUMBER)
_DOSE_HEADER = re.compile(r"(?P<name>\S(?:.*\S)?) Dose \((?P<unit>[^()]*)\)")
_VALUE_HEADER = re.compile(rf"(?P<name>\S(?:.*\S)?) Value \(% of (?P<volume>{_NUMBER}) cc\)")
_GY_PER_UNIT = {"Gy": 1.0, "GY": 1.0, "cGy": 0.01, "CGY": 0.01}
_SUFFIX = "_DvhArray"


@dataclass(frozen=True, slots=True, eq=False)
class TableDvh:
    """One structure's cumulative curve from a table, in the form of a StoredDvh but known by name.

    Attributes:
        roi: name of the structure as the table has it, without the suffix ``_DvhArray``.
        dose_gy: (n,) rising [Gy], from 0.
        volume_cm3: (n,) not rising [cm3]: volume that receives at least this dose; ``volume_cm3[0]`` is the whole.
        total_volume_cm3: volume in the header [cm3].
        volume_rounding_cm3: half the last printed digit of that volume [cm3]: 0.05 for "48.6".
        source: basename of the file.
        problems: W-STORED-DVH for the one line that may be left out (see read_dvh_table).
    """

    roi: str
    dose_gy: FloatArray
    volume_cm3: FloatArray
    total_volume_cm3: float
    volume_rounding_cm3: float
    source: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    """A pair of columns: ``first`` is the 0-based place of the dose column."""

    name: str
    first: int
    gy_per_unit: float
    total_volume_cm3: float
    volume_rounding_cm3: float


def read_dvh_table(path: str | Path) -> tuple[TableDvh, ...]:
    """The cumulative DVHs of a CSV table, in the order of its columns.

    Read: dose in Gy, GY or cGy; ``,`` between cells; LF or CRLF; a UTF-8 byte order mark; empty cells after the last
    pair; a pair that ends before the others (both cells empty from there on).

    A real export holds one line whose dose a spreadsheet has mangled (0.00035604 between 35.558 and 35.65). One such
    line, with doses that rise on both sides of it and a volume between those of its neighbours, is left out with a
    warning: a cumulative curve is bounded there by its neighbours. A second one is an error.

    Raises:
        RefusedError: E-NO-INPUT, E-NOT-REGULAR, E-TOO-LARGE; E-DATA with file, line, column and the value seen for a
            header that is not such a pair, a unit that is not read, a cell that is not a plain non-negative number, a
            row of wrong length, doses that do not rise, volumes that rise, lie above 100 % or do not start there, and
            a curve that stops before its volume has fallen below 1 % (a table cut short).
    """
    path = Path(path)
    name = path.name
    rows = _rows(path)
    if not rows:
        raise refuse("E-DATA", name, detail="the table is empty")
    columns = _columns(name, rows[0][1])
    width = 2 * len(columns)
    cells: list[list[tuple[int, float, float]]] = [[] for _ in columns]
    ended: list[int | None] = [None] * len(columns)
    for line, row in rows[1:]:
        if len(row) < width or any(cell.strip() for cell in row[width:]):
            detail = f"line {line} has {len(row)} cells, the header {width}: cut short, or a comma within a number"
            raise refuse("E-DATA", name, tag=f"line {line}", seen=",".join(row[-2:]), detail=detail)
        for place, column in enumerate(columns):
            dose_text, volume_text = row[column.first].strip(), row[column.first + 1].strip()
            if not dose_text and not volume_text:
                ended[place] = ended[place] or line
                continue
            if ended[place] is not None:
                detail = f"{column.name} goes on after its empty cells in line {ended[place]}"
                raise _bad_cell(name, line, column.first, dose_text, detail)
            dose = _number(name, line, column.first, dose_text, column.name) * column.gy_per_unit
            volume = _number(name, line, column.first + 1, volume_text, column.name)
            cells[place].append((line, dose, volume))
    return tuple(_curve(name, column, rows_of) for column, rows_of in zip(columns, cells, strict=True))


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of every line that is not blank."""
    if not path.exists():
        raise refuse("E-NO-INPUT", path.name)
    if not path.is_file():
        raise refuse("E-NOT-REGULAR", path.name)
    if path.stat().st_size > MAX_BYTES:
        raise refuse("E-TOO-LARGE", path.name, seen=f"{path.stat().st_size} bytes")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        detail = f"not UTF-8 text at byte {error.start}"
        raise refuse("E-DATA", path.name, detail=detail) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        detail = f"not a CSV table: {error}"
        raise refuse("E-DATA", path.name, tag=f"line {reader.line_num}", detail=detail) from None
    return rows


def _columns(file: str, header: list[str]) -> tuple[_Column, ...]:
    """The pairs of columns that the header names."""
    cells = [cell.strip() for cell in header]
    while cells and not cells[-1]:
        cells.pop()
    columns: list[_Column] = []
    for first in range(0, len(cells), 2):
        found = _DOSE_HEADER.fullmatch(cells[first])
        if found is None:
            raise _bad_cell(file, 1, first, cells[first], "expected a header NAME Dose (Gy)")
        if found["unit"] not in _GY_PER_UNIT:
            raise _bad_cell(file, 1, first, cells[first], "the dose unit is not Gy or cGy")
        value_text = cells[first + 1] if first + 1 < len(cells) else ""
        value = _VALUE_HEADER.fullmatch(value_text)
        if value is None or value["name"] != found["name"]:
            detail = f"expected a header {found['name']} Value (% of ... cc)"
            raise _bad_cell(file, 1, first + 1, value_text, detail)
        name = found["name"].removesuffix(_SUFFIX)
        if any(column.name == name for column in columns):
            raise _bad_cell(file, 1, first, cells[first], "the structure occurs twice")
        volume = float(value["volume"])
        if not (np.isfinite(volume) and volume > 0):
            raise _bad_cell(file, 1, first + 1, value_text, "the volume must be above 0")
        rounding = 0.5 * 10.0 ** -_decimals(value["volume"])
        columns.append(_Column(name, first, _GY_PER_UNIT[found["unit"]], volume, rounding))
    if not columns:
        raise refuse("E-DATA", file, tag="line 1", detail="the header names no structure")
    return tuple(columns)


def _decimals(text: str) -> int:
    """Digits after the decimal point, a power of ten counted in."""
    mantissa, _, exponent = text.lower().partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)


def _curve(file: str, column: _Column, rows: list[tuple[int, float, float]]) -> TableDvh:
    """The curve of one pair, after every check that a cumulative DVH must pass."""
    if len(rows) < 2:
        raise refuse("E-DATA", file, tag=column.name, seen=len(rows), detail="fewer than two points of a curve")
    dose = np.array([row[1] for row in rows])
    percent = np.array([row[2] for row in rows])

    def wrong(where: int, place: int, detail: str) -> RefusedError:
        value = percent[where] if place else dose[where]
        return _bad_cell(file, rows[where][0], column.first + place, f"{value:g}", f"{column.name}: {detail}")

    if dose[0] != 0 or percent[0] != 100:
        place = 0 if dose[0] != 0 else 1
        raise wrong(0, place, "the curve must start with 100 % at 0 Gy")
    dose, percent, rows, problems = _without_one_mangled_dose(file, column, dose, percent, rows)
    if np.any(np.diff(dose) <= 0):
        raise wrong(int(np.argmax(np.diff(dose) <= 0)) + 1, 0, "the dose does not rise")
    rise = np.diff(percent) > MAX_RISE_PERCENT
    if np.any(rise):
        raise wrong(int(np.argmax(rise)) + 1, 1, "the volume rises: not a cumulative DVH")
    if percent[-1] > MAX_LAST_PERCENT:
        raise wrong(len(rows) - 1, 1, "the curve stops here: the table was cut short")
    volume = np.minimum.accumulate(percent) / 100 * column.total_volume_cm3
    return TableDvh(
        roi=column.name,
        dose_gy=dose,
        volume_cm3=volume,
        total_volume_cm3=column.total_volume_cm3,
        volume_rounding_cm3=column.volume_rounding_cm3,
        source=file,
        problems=problems,
    )


def _without_one_mangled_dose(
    file: str, column: _Column, dose: FloatArray, percent: FloatArray, rows: list[tuple[int, float, float]]
) -> tuple[FloatArray, FloatArray, list[tuple[int, float, float]], tuple[Problem, ...]]:
    """The curve without the single line whose dose falls back, if leaving it out repairs everything."""
    falls = np.flatnonzero(np.diff(dose) <= 0) + 1
    if len(falls) != 1 or falls[0] + 1 >= len(dose):
        return dose, percent, rows, ()
    bad = int(falls[0])
    if dose[bad + 1] <= dose[bad - 1] or not percent[bad - 1] >= percent[bad] >= percent[bad + 1]:
        return dose, percent, rows, ()
    problem = Problem(
        "W-STORED-DVH",
        file,
        tag=f"line {rows[bad][0]}, column {column.first + 1}",
        seen=f"{dose[bad]:g}",
        detail=f"{column.name}: the dose falls back between {dose[bad - 1]:g} and {dose[bad + 1]:g} Gy; line left out",
        remedy="Export the table again",
    )
    return np.delete(dose, bad), np.delete(percent, bad), rows[:bad] + rows[bad + 1 :], (problem,)


def _number(file: str, line: int, place: int, text: str, structure: str) -> float:
    """A plain non-negative decimal number. Signs, nan, inf, separators and empty cells are refused."""
    if not _CELL.fullmatch(text) or not np.isfinite(float(text)):
        raise _bad_cell(file, line, place, text, f"{structure}: not a plain non-negative number")
    return float(text)


def _bad_cell(file: str, line: int, place: int, seen: str, detail: str) -> RefusedError:
    """E-DATA with its place; columns are counted from 1."""
    return refuse("E-DATA", file, tag=f"line {line}, column {place + 1}", seen=repr(seen), detail=detail)
