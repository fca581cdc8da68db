"""The lines of a clinic's own table that say which file of another program it was imported from, and how much of it."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from sbrtcheck.errors import Problem, safe_text

_PREFIX = "# imported "
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LIMITS = re.compile(r"([0-9]{1,5}) of ([0-9]{1,5}) taken, ([0-9]{1,5}) left out by choice", re.ASCII)
_ALSO = re.compile(r"(.+) ([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ImportedMark:
    """Origin of an imported table: file, SHA-256 of its bytes, dialect, and the same of files that belong to it.

    ``n_limits`` stand in the file, ``n_taken`` of them in the table; ``n_left_out`` were not wanted. A partial table
    lacks limits that could not be taken: it never decides.
    """

    file: str
    sha256: str
    dialect: str
    n_taken: int
    n_limits: int
    n_left_out: int
    is_partial: bool
    also: tuple[tuple[str, str], ...] = ()

    def words(self) -> tuple[str, ...]:
        """The origin as short lines."""
        return (
            f"imported from {safe_text(self.file)}, SHA-256 {self.sha256} ({self.dialect})",
            *(f"with {safe_text(name)}, SHA-256 {sha256}" for name, sha256 in self.also),
            self.share(),
        )

    def short(self) -> str:
        """The origin beside a verdict."""
        part = " in part" if self.is_partial else ""
        return f"imported{part} ({self.dialect}, SHA-256 {self.sha256[:16]})"

    def share(self) -> str:
        """How much of the file was taken."""
        left_out = f", {self.n_left_out} left out by choice" if self.n_left_out else ""
        return f"{self.n_taken} of {self.n_limits} limits taken{left_out}"


def mark_lines(mark: ImportedMark) -> list[str]:
    """The lines to write above a table; they survive a spreadsheet, which keeps each as one cell."""
    cells = [
        f"file: {safe_text(mark.file)}",
        f"sha256: {mark.sha256}",
        f"dialect: {safe_text(mark.dialect)}",
        *(f"also: {safe_text(name)} {sha256}" for name, sha256 in mark.also),
        f"limits: {mark.n_taken} of {mark.n_limits} taken, {mark.n_left_out} left out by choice",
        f"partial: {'yes' if mark.is_partial else 'no'}",
    ]
    out = []
    for cell in cells:
        stream = io.StringIO()
        csv.writer(stream, lineterminator="").writerow([_PREFIX + cell])
        out.append(stream.getvalue())
    return out


def read_mark(text: str, *, name: str, code: str) -> tuple[ImportedMark | None, tuple[Problem, ...]]:
    """The origin that a table states, or None; damaged lines are a problem, since a partial table must stay one."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if _PREFIX not in line[: len(_PREFIX) + 1]:
            continue
        cell = next(csv.reader([line]), [""])[0]
        key, _, value = cell.removeprefix(_PREFIX).partition(": ")
        found.setdefault(key, []).append(value.strip())
    if not found:
        return None, ()
    limits = _LIMITS.fullmatch("".join(found.get("limits", ())))
    also = [_ALSO.fullmatch(value) for value in found.pop("also", ())]
    once = all(len(values) == 1 and values[0] for values in found.values())
    whole = set(found) == {"file", "sha256", "dialect", "limits", "partial"} and once and None not in also
    if whole and limits is not None and _SHA256.fullmatch(found["sha256"][0]) and found["partial"][0] in {"yes", "no"}:
        n_taken, n_limits, n_left_out = (int(number) for number in limits.groups())
        is_partial = found["partial"][0] == "yes"
        if n_taken + n_left_out == n_limits or is_partial:
            mark = ImportedMark(
                file=found["file"][0],
                sha256=found["sha256"][0],
                dialect=found["dialect"][0],
                n_taken=n_taken,
                n_limits=n_limits,
                n_left_out=n_left_out,
                is_partial=is_partial,
                also=tuple((m[1], m[2]) for m in also if m is not None),
            )
            return mark, ()
    detail = "the lines that say where the table was imported from are damaged"
    return None, (Problem(code, name, tag="lines # imported", detail=detail, remedy="Import the template again"),)
