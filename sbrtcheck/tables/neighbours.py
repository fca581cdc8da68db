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


def location_rule() -> dict[str, Any]:
    """What central and ultracentral mean: edges [mm], definition, source, and the organs that are measured to."""
    rule: dict[str, Any] = neighbours_document(NEIGHBOURS_FILE)["location"]
    return rule


def lung_location(*, distance_to_airway_mm: float | None) -> str:
    """Ultracentral, central or peripheral, by the distance of the PTV to the bronchial tree [mm]; "" if unknown."""
    if distance_to_airway_mm is None:
        return ""
    edges = neighbours_document(NEIGHBOURS_FILE)["location"]
    if distance_to_airway_mm <= edges["ultracentral_at_or_below_mm"]:
        return "ultracentral"
    return "central" if distance_to_airway_mm < edges["central_below_mm"] else "peripheral"
