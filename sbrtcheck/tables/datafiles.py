"""Strict reading of the program's own data files: CSV and TOML. Every refusal names file, line, column and value."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sbrtcheck.errors import Problem, wrong_usage

MAX_BYTES = 2_000_000
MAX_COLUMNS = 200
_NUMBER = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One line of a CSV file: its number and its cells by column, stripped of outer blanks."""

    line: int
    cells: dict[str, str]


def data_path(*parts: str) -> Path:
    """A file under constraints/: beside the package in a checkout, ``sbrtcheck/_constraints`` in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_constraints"
    root = installed if installed.is_dir() else package.parent / "constraints"
    return root.joinpath(*parts)


def read_bytes(path: Path, *, code: str) -> bytes:
    """The bytes of a regular file of reasonable size.

    Raises:
        WrongUsageError: ``code``, when the path cannot be read or is too large.
    """
    try:
        if not path.is_file():
            raise wrong_usage(code, path.name, detail="no such file", remedy="Check the path")
        if path.stat().st_size > MAX_BYTES:
            raise wrong_usage(code, path.name, detail=f"larger than {MAX_BYTES} bytes", remedy="Give the right file")
        return path.read_bytes()
    except OSError as error:
        raise wrong_usage(code, path.name, seen=error.strerror or "", remedy="Check the path") from error


def digest(data: bytes) -> str:
    """SHA-256 of a text file's bytes, line endings aside, so that a checkout on another system has the same."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def decode(data: bytes, *, name: str, code: str) -> str:
    """UTF-8 text; a byte order mark at the start is dropped.

    Raises:
        WrongUsageError: ``code``, for a workbook, UTF-16 or bytes that are not UTF-8.
    """
    if data[:4] in {b"PK\x03\x04", b"\xd0\xcf\x11\xe0"}:
        raise wrong_usage(
            code, name, detail="this is a spreadsheet workbook, not a text file", remedy="Save it as CSV (UTF-8)"
        )
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in data:
        raise wrong_usage(code, name, detail="the text is not UTF-8", remedy="Save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        seen = f"byte 0x{data[error.start]:02x}"
        raise wrong_usage(
            code, name, tag=f"line {line}", seen=seen, detail="the text is not UTF-8", remedy="Save it as UTF-8"
        ) from error


def parse_csv(
    text: str, *, name: str, code: str, required: Sequence[str], optional: Sequence[str] = ()
) -> tuple[tuple[CsvRow, ...], tuple[Problem, ...]]:
    """Rows of a comma-separated text with exactly the known columns, and every problem of its form.

    Blank lines and lines that start with ``#`` are skipped. A cell never holds a line break or a control character.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    problems: list[Problem] = []
    rows: list[CsvRow] = []
    header: list[str] | None = None
    while True:
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            problems.append(Problem(code, name, tag=f"line {reader.line_num}", detail=f"not CSV: {error}"))
            break
        line = reader.line_num
        if not any(cell.strip() for cell in record) or record[0].startswith("#"):
            continue
        cells = [cell.strip() for cell in record]
        if header is None:
            header = cells
            problems.extend(_header_problems(header, name=name, code=code, required=required, optional=optional))
            if problems:
                break
            continue
        if len(cells) != len(header):
            seen = f"{len(cells)} cells, {len(header)} columns"
            remedy = "Put cells that hold a comma in quotes; write numbers with a decimal point"
            problems.append(Problem(code, name, tag=f"line {line}", seen=seen, detail="wrong length", remedy=remedy))
            continue
        # One look at the whole line is enough for nearly all of them.
        printable = "".join(cells).isprintable()
        bad = None if printable else next((h for h, c in zip(header, cells, strict=True) if _has_control(c)), None)
        if bad is not None:
            tag = f"line {line}, column {bad}"
            problems.append(Problem(code, name, tag=tag, detail="a control character or a line break in a cell"))
            continue
        rows.append(CsvRow(line, dict(zip(header, cells, strict=True))))
    if header is None:
        problems.append(Problem(code, name, detail="the file is empty", remedy="Give a table with a header line"))
    elif not rows and not problems:
        problems.append(Problem(code, name, detail="the table has no rows", remedy="Give a table with rows"))
    return tuple(rows), tuple(problems)


def _header_problems(
    header: Sequence[str], *, name: str, code: str, required: Sequence[str], optional: Sequence[str]
) -> list[Problem]:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        remedy = "Save it with commas between the cells and a decimal point in the numbers"
        return [Problem(code, name, tag="line 1", seen=header[0][:60], detail="not separated by commas", remedy=remedy)]
    if len(header) > MAX_COLUMNS:
        return [
            Problem(code, name, tag="line 1", seen=f"{len(header)} columns", detail="more columns than a table has")
        ]
    problems = []
    for column in header:
        if header.count(column) > 1:
            problems.append(Problem(code, name, tag="line 1", seen=column, detail="the column occurs twice"))
            break
    known = [*required, *optional]
    for column in dict.fromkeys(header):
        if column not in known:
            remedy = f"Columns: {', '.join(known)}"
            problems.append(Problem(code, name, tag="line 1", seen=column, detail="unknown column", remedy=remedy))
    for column in required:
        if column not in header:
            problems.append(Problem(code, name, tag="line 1", seen=column, detail="missing column"))
    return problems


def _has_control(text: str) -> bool:
    return not text.isprintable() and any(
        unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for char in text
    )


def parse_number(text: str) -> float | None:
    """A plain decimal number (no exponent, no decimal comma, ASCII digits only), or None."""
    return float(text) if _NUMBER.fullmatch(text) else None


def read_rows(path: Path, *, code: str, required: Sequence[str], optional: Sequence[str] = ()) -> tuple[CsvRow, ...]:
    """The rows of a CSV file that must be right.

    Raises:
        WrongUsageError: ``code``, with every problem found.
    """
    text = decode(read_bytes(path, code=code), name=path.name, code=code)
    rows, problems = parse_csv(text, name=path.name, code=code, required=required, optional=optional)
    if problems:
        raise wrong_usage_many(problems)
    return rows


def wrong_usage_many(problems: Sequence[Problem]) -> Exception:
    """A WrongUsageError that carries all problems, to be raised by the caller."""
    from sbrtcheck.errors import WrongUsageError

    return WrongUsageError(*problems)


def read_toml(path: Path, *, code: str) -> tuple[dict[str, Any], str]:
    """A TOML file as a dictionary, and its digest.

    Raises:
        WrongUsageError: ``code``.
    """
    data = read_bytes(path, code=code)
    text = decode(data, name=path.name, code=code)
    try:
        return tomllib.loads(text), digest(data)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise wrong_usage(code, path.name, detail=f"not TOML: {error}", remedy="Correct the named line") from error
