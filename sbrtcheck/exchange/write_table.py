"""Our own two files: a table of organ limits as CSV, and target goals as a clinic file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from sbrtcheck.errors import safe_text
from sbrtcheck.exchange.number import plain
from sbrtcheck.exchange.template import Bound, Imported, Taken
from sbrtcheck.tables.imported_mark import ImportedMark, mark_lines

COLUMNS = ("organ", "fractions", "metric", "comparator", "limit", "unit", "level", "seen_at", "note")
# The highest number that a goal of a clinic file may have.
MAX_GOAL = 200
_MAX_CELL = 180


def bound_words(taken: Taken, bound: Bound) -> str:
    """One limit in words."""
    return f"{taken.name} {taken.metric_text} {bound.comparator} {plain(bound.limit)} {taken.metric.unit} {bound.level}"


def table_lines(organs: Sequence[Taken], *, n_fractions: int) -> tuple[list[str], list[int]]:
    """The lines of a table with its header first, and for each line the index of its limit (the header has -1)."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    owners = [-1]
    for i, taken in enumerate(organs):
        seen_at, note = safe_text(taken.seen_at, limit=_MAX_CELL), safe_text(taken.note, limit=_MAX_CELL)
        unit = taken.metric.unit
        for b in taken.bounds:
            start = (taken.organ, n_fractions, taken.metric_text, b.comparator, plain(b.limit), unit, b.level.value)
            writer.writerow((*start, seen_at, note))
            owners.append(i)
    return stream.getvalue().splitlines(), owners


def mark_of(imported: Imported) -> ImportedMark:
    """Where an imported table comes from, and whether it is whole."""
    template = imported.template
    n_taken = imported.n_limits - len(imported.not_taken) - len(imported.left_out)
    return ImportedMark(
        file=template.file,
        sha256=template.sha256,
        dialect=template.dialect,
        also=template.also,
        n_taken=n_taken,
        n_limits=imported.n_limits,
        n_left_out=len(imported.left_out),
        is_partial=imported.is_partial,
    )


def table_text(imported: Imported) -> str:
    """The organ limits as a clinic's own table that says where it comes from; "" when there are none."""
    if not imported.organs:
        return ""
    lines, _ = table_lines(imported.organs, n_fractions=imported.n_fractions)
    return "\n".join([*mark_lines(mark_of(imported)), *lines, ""])


def goals_text(imported: Imported) -> str:
    """The target goals as a clinic file; "" when there are none."""
    if not imported.targets:
        return ""
    head = [f"# {line}" for line in mark_of(imported).words()]
    head.append("# A clinic file: use it with --config, or copy the goals into your own.")
    origins = ((imported.template.file, imported.template.sha256), *imported.template.also)
    parts = ["\n".join(head), *(_origin(file, sha256, imported.template.dialect) for file, sha256 in origins)]
    for taken in imported.targets:
        for bound in taken.bounds:
            parts.append(_goal(taken, bound, n_fractions=imported.n_fractions))
    return "\n\n".join(parts) + "\n"


def _origin(file: str, sha256: str, dialect: str) -> str:
    pairs = {"file": safe_text(file, limit=_MAX_CELL), "sha256": sha256, "dialect": safe_text(dialect, limit=_MAX_CELL)}
    return "\n".join(["[[imported]]", *(f"{key} = {_string(value)}" for key, value in pairs.items())])


def _goal(taken: Taken, bound: Bound, *, n_fractions: int) -> str:
    rule = f"{taken.target} {taken.metric_text} {bound.comparator} {plain(bound.limit)} {bound.level} ({taken.seen_at})"
    pairs = {
        "target": _string(taken.target),
        "metric": _string(taken.metric_text),
        "comparator": _string(bound.comparator),
        "limit": plain(bound.limit),
        "level": _string(bound.level.value),
        "fractions": str(n_fractions),
        "rule": _string(safe_text(rule, limit=_MAX_CELL)),
    }
    return "\n".join(["[[goal]]", *(f"{key} = {value}" for key, value in pairs.items())])


def _string(text: str) -> str:
    """A TOML basic string; ``safe_text`` has left no control characters in it."""
    return json.dumps(text, ensure_ascii=False)
