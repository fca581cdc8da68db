"""What every format asks of a limit that is to be written in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sbrtcheck.exchange.template import Taken
from sbrtcheck.tables.organs import load_organs


@dataclass(frozen=True, slots=True)
class Unstatable:
    """A limit that a format cannot state exactly, and why."""

    taken: Taken
    why: str


@cache
def _names() -> dict[str, tuple[str, bool]]:
    return {o.organ: (o.tg263 or o.organ, o.laterality == "paired") for o in load_organs()}


def sided_names(taken: Taken) -> tuple[str, ...]:
    """The structures that the limit is written for: TG-263 names, both sides of a paired organ."""
    if taken.target:
        return (taken.target,)
    name, paired = _names()[taken.organ]
    return (f"{name}_L", f"{name}_R") if paired else (name,)
