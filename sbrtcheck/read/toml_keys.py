"""Strict reading of the keys of a TOML table: each value has a type and a range, and no key is unknown."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from sbrtcheck.errors import Problem
from sbrtcheck.tables.datafiles import read_toml, wrong_usage_many
from sbrtcheck.tables.organs import organ_names, split_side

MAX_TEXT = 200
MAX_DOSE_GY = 200.0
MAX_FRACTIONS = 60
_T = TypeVar("_T")


class Keys:
    """The keys of one table of a file. Problems are collected; ``done`` reports the keys that nobody asked for.

    Args:
        data: the table.
        file: basename, for messages.
        code: E-CASE or E-CONFIG.
        place: where the table stands in the file ("lesion 2.").
        problems: takes what is wrong.
    """

    def __init__(self, data: Mapping[str, Any], *, file: str, code: str, place: str, problems: list[Problem]) -> None:
        self._data = data
        self._file = file
        self._code = code
        self._place = place
        self._problems = problems
        self._asked: set[str] = set()

    def bad(self, key: str, detail: str, remedy: str = "") -> None:
        """Note what is wrong with one key."""
        seen = self._data.get(key, "")
        self._problems.append(
            Problem(
                self._code,
                self._file,
                tag=f"key {self._place}{key}",
                seen=str(seen),
                detail=detail,
                remedy=remedy or "Correct the named key",
            )
        )

    @property
    def place(self) -> str:
        """Where the table stands in the file: ``row 2``, ``goal 1``; "" for the file itself."""
        return self._place.removesuffix(".")

    def never(self, key: str, detail: str, remedy: str) -> None:
        """Refuse a key, where it stands in the file, with a reason of its own."""
        self._asked.add(key)
        if key in self._data:
            self.bad(key, detail, remedy)

    def is_switch(self, key: str) -> bool:
        """Whether the value is true or false."""
        return isinstance(self._data.get(key), bool)

    def take_over(self, problems: Iterable[Problem]) -> None:
        """Add problems that another reader has found in this file."""
        self._problems.extend(problems)

    def _take(self, key: str, kind: type | tuple[type, ...], what: str, *, required: bool) -> Any:
        self._asked.add(key)
        if key not in self._data:
            if required:
                self.bad(key, "missing", f"Write {what}")
            return None
        value = self._data[key]
        # A bool is an int for Python, never for a person.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.bad(key, f"not {what}", f"Write {what}")
            return None
        return value

    def text(self, key: str, *, allowed: Iterable[str] = (), required: bool = False) -> str:
        """A short text, one of ``allowed`` where given; "" when absent."""
        value = self._take(key, str, "a text in quotes", required=required)
        if value is None:
            return ""
        value = value.strip()
        choices = tuple(allowed)
        if choices and value not in choices:
            self.bad(key, "not an allowed value", f"Allowed: {', '.join(choices)}")
            return ""
        if len(value) > MAX_TEXT or (required and not value):
            self.bad(key, f"empty or longer than {MAX_TEXT} characters")
            return ""
        return str(value)

    def number(self, key: str, *, low: float, high: float, required: bool = False) -> float | None:
        """A finite number from ``low`` to ``high``, both included."""
        value = self._take(key, (int, float), "a number", required=required)
        if value is None:
            return None
        if not math.isfinite(value) or not low <= value <= high:
            self.bad(key, f"outside {low:g} to {high:g}")
            return None
        return float(value)

    def integer(self, key: str, *, low: int, high: int, required: bool = False) -> int | None:
        """A whole number from ``low`` to ``high``, both included."""
        value = self._take(key, int, "a whole number", required=required)
        if value is None:
            return None
        if not low <= value <= high:
            self.bad(key, f"outside {low} to {high}")
            return None
        return int(value)

    def boolean(self, key: str) -> bool | None:
        """True, False or None when absent: unknown is not no."""
        value = self._take(key, bool, "true or false", required=False)
        return None if value is None else bool(value)

    def date(self, key: str) -> str:
        """A date as ISO text, or ""."""
        value = self._take(key, (datetime.date, str), "a date such as 2024-05-31", required=False)
        if value is None:
            return ""
        text = value.isoformat() if isinstance(value, datetime.date) else value
        try:
            return datetime.date.fromisoformat(text).isoformat()
        except ValueError:
            self.bad(key, "not a date", "Write a date such as 2024-05-31")
            return ""

    def organ(self, key: str, *, required: bool = True) -> str:
        """An organ of organs.csv, with or without a side."""
        value = self.text(key, required=required)
        if value and not is_organ(value):
            close = get_close_matches(value, organ_names(), n=3)
            self.bad(key, "no such organ", f"Closest: {', '.join(close)}" if close else "See constraints/organs.csv")
            return ""
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of short texts."""
        value = self._take(key, list, "a list of texts", required=False)
        if value is None:
            return ()
        if not all(isinstance(v, str) and 0 < len(v) <= MAX_TEXT for v in value):
            self.bad(key, "not a list of texts")
            return ()
        return tuple(value)

    def tables(self, key: str) -> list[Keys]:
        """The tables of an array ``[[key]]``."""
        value = self._take(key, list, f"one or more tables [[{key}]]", required=False)
        if value is None:
            return []
        if not all(isinstance(v, dict) for v in value):
            self.bad(key, f"not tables [[{key}]]", f"Write [[{key}]]")
            return []
        return [self._inner(v, f"{key} {i}.") for i, v in enumerate(value, start=1)]

    def table(self, key: str) -> Keys:
        """The table ``[key]``, empty when absent."""
        value = self._take(key, dict, f"a table [{key}]", required=False)
        return self._inner(value or {}, f"{key}.")

    def _inner(self, data: Mapping[str, Any], place: str) -> Keys:
        return Keys(data, file=self._file, code=self._code, place=self._place + place, problems=self._problems)

    def names(self) -> tuple[str, ...]:
        """The keys that are there, for tables whose keys are free."""
        return tuple(self._data)

    def done(self) -> None:
        """Report every key that nobody asked for."""
        for key in self._data:
            if key not in self._asked:
                close = get_close_matches(key, self._asked, n=1)
                hint = f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(sorted(self._asked))}"
                self.bad(key, "unknown key", hint)


def is_organ(name: str) -> bool:
    """Whether a text is an organ of organs.csv, with or without a side."""
    return name in organ_names() or split_side(name)[0] in organ_names()


def load_file(path: str | Path, *, code: str, read: Callable[[Keys, Path, str], _T]) -> _T:
    """What ``read`` makes of a TOML file, given its keys, its path and its SHA-256.

    Raises:
        WrongUsageError: with the code and every problem: file, key, value and remedy.
    """
    place = Path(path)
    data, sha256 = read_toml(place, code=code)
    problems: list[Problem] = []
    keys = Keys(data, file=place.name, code=code, place="", problems=problems)
    result = read(keys, place, sha256)
    keys.done()
    if problems:
        raise wrong_usage_many(problems)
    return result
