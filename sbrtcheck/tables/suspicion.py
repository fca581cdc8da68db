"""The ranges outside which a file is not believed: constraints/suspicion.toml, read once, refused where it is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from sbrtcheck.errors import CATALOGUE, Problem
from sbrtcheck.tables.datafiles import data_path, read_toml, wrong_usage_many

FILE = "suspicion.toml"
CODE = "E-DATA"
UNITS = ("Gy", "mm", "fractions", "ratio")
_TEXTS = ("unit", "code", "what", "source")
_BOUNDS = ("at_least", "at_most")
# Bounds that each range must have, no more and no fewer: what is not compared must not seem to be.
_HAS: dict[str, tuple[str, ...]] = {
    "planned_fractions": _BOUNDS,
    "sbrt_fractions": ("at_most",),
    "prescription_total": ("at_most",),
    "prescription_per_fraction": ("at_most",),
    "scheme_total": ("at_most",),
    "target_median": _BOUNDS,
    "beam_doses": _BOUNDS,
    "beam_doses_of_maximum": ("at_most",),
    "grid_spacing": ("at_most",),
    "highest_dose": ("at_least",),
    "volume_outside_grid": ("at_most",),
    "stored_volume": _BOUNDS,
    "stored_mean": _BOUNDS,
}


@dataclass(frozen=True, slots=True)
class Range:
    """One range, both ends included: bounds in ``unit`` (infinite where there is none), and what it is for."""

    at_least: float
    at_most: float
    unit: str
    code: str
    what: str
    source: str

    def holds(self, value: float) -> bool:
        """True for a value inside; what is no number never is."""
        return self.at_least <= value <= self.at_most


@dataclass(frozen=True, slots=True)
class Suspicion:
    """All ranges by name; what each is for stands in the file."""

    planned_fractions: Range
    sbrt_fractions: Range
    prescription_total: Range
    prescription_per_fraction: Range
    scheme_total: Range
    target_median: Range
    beam_doses: Range
    beam_doses_of_maximum: Range
    grid_spacing: Range
    highest_dose: Range
    volume_outside_grid: Range
    stored_volume: Range
    stored_mean: Range


def load_suspicion() -> Suspicion:
    """The ranges of constraints/suspicion.toml.

    Raises:
        WrongUsageError: E-DATA with every range or field that is unknown, missing, mistyped or out of order.
    """
    return _load(data_path(FILE))


@cache
def _load(path: Path) -> Suspicion:
    document, _ = read_toml(path, code=CODE)
    names = [f.name for f in fields(Suspicion)]
    problems = [_bad(path, name, "", "unknown range") for name in document if name not in names]
    problems += [_bad(path, name, "", "missing range") for name in names if name not in document]
    for name in names:
        if name in document:
            problems += _problems(path, name, document[name])
    if problems:
        raise wrong_usage_many(problems)
    return Suspicion(**{name: _range(document[name]) for name in names})


def _range(raw: dict[str, Any]) -> Range:
    texts = {key: raw[key] for key in _TEXTS}
    return Range(at_least=float(raw.get("at_least", -math.inf)), at_most=float(raw.get("at_most", math.inf)), **texts)


def _bad(path: Path, where: str, seen: object, detail: str) -> Problem:
    return Problem(CODE, path.name, tag=f"range {where}", seen=str(seen), detail=detail)


def _problems(path: Path, name: str, raw: Any) -> list[Problem]:
    if not isinstance(raw, dict):
        return [_bad(path, name, raw, "not a table of fields")]
    wanted = (*_HAS[name], *_TEXTS)
    out = [_bad(path, f"{name}, field {key}", raw[key], "unknown field") for key in raw if key not in wanted]
    out += [_bad(path, f"{name}, field {key}", "", "missing field") for key in wanted if key not in raw]
    for key in _HAS[name]:
        value = raw.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not (0 < value < math.inf):
            out.append(_bad(path, f"{name}, field {key}", value, "must be a number above 0"))
    for key in _TEXTS:
        value = raw.get(key, "x")
        if not isinstance(value, str) or not value.strip():
            out.append(_bad(path, f"{name}, field {key}", value, "must be text"))
    if not out and not raw.get("at_least", 0) <= raw.get("at_most", math.inf):
        out.append(_bad(path, name, f"{raw['at_least']} to {raw['at_most']}", "at_least is above at_most"))
    if not out and raw["unit"] not in UNITS:
        out.append(_bad(path, f"{name}, field unit", raw["unit"], f"not one of {', '.join(UNITS)}"))
    if not out and raw["code"] not in CATALOGUE:
        out.append(_bad(path, f"{name}, field code", raw["code"], "no such code"))
    return out
