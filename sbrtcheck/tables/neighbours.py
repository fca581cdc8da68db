"""Cautions of neighbour guidelines and trials for lung lesions, cited as themselves; other sources' lesion counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sbrtcheck.tables import datafiles

NEIGHBOURS_FILE = "neighbours.toml"
COUNTS_FILE = "lesion_counts.toml"


@dataclass(frozen=True, slots=True)
class NeighbourFact:
    """One fact of a neighbour guideline."""

    id: str
    source: str
    text: str
    status: str
    seen_at: str


@dataclass(frozen=True, slots=True)
class LesionCount:
    """What one source counts as oligometastatic. Information only: OM-3 decides."""

    source: str
    limit: str
    counted: str
    status: str
    seen_at: str


@cache
def neighbours_document(name: str) -> dict[str, Any]:
    return datafiles.read_toml(datafiles.data_path("guideline", name), code="E-DATA")[0]


@cache
def load_neighbours() -> tuple[NeighbourFact, ...]:
    """NG-1 to NG-8."""
    return tuple(NeighbourFact(**raw) for raw in neighbours_document(NEIGHBOURS_FILE)["fact"])


@cache
def load_lesion_counts() -> tuple[LesionCount, ...]:
    """Other sources' limits on the number of lesions."""
    return tuple(LesionCount(**raw) for raw in neighbours_document(COUNTS_FILE)["count"])
