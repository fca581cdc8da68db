"""What a caller asked for and stated, as one record: it decides, and the report prints it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import PurePath
from typing import Any


@dataclass(frozen=True, slots=True)
class Options:
    """The options of :func:`sbrtcheck.check_study`, under the same names; ``clinic`` is the name of a clinic file."""

    table: str | None = None
    also: Sequence[str] = ()
    fractions: int | None = None
    prescriptions: Mapping[str, float] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    roi_map: Mapping[str, str] = field(default_factory=dict)
    case: str | PurePath | None = None
    clinic: str | None = None
    interpolation: str = "cubic"
    strict: bool = False
    derive: bool = False
    same_patient: bool = False
    pseudonymise: bool = False

    def shown(self) -> dict[str, Any]:
        """The options in the order of their names; of a path its last part only."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value.name if isinstance(value, PurePath) else value for name, value in sorted(values.items())}
