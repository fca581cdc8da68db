"""The judging policy as records: single values with the range a clinic may set, and the lists that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType

from sbrtcheck.errors import Problem, WrongUsageError
from sbrtcheck.model.metric import Metric
from sbrtcheck.model.vocabulary import Level, Outcome


class SupplementKind(StrEnum):
    """What a row limits: with the organ, the *kind* that a supplement may supply."""

    POINT = "point"
    VOLUME = "volume"
    MEAN = "mean"
    VOLUME_PERCENT = "volume_percent"
    SPARED = "spared"


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """One number of the policy. ``low`` and ``high`` bound what a clinic may set; None: fixed.

    ``source``: "ours", or the place that prints the number. ``rule``: P1 to P12.
    """

    key: str
    rule: str
    value: float
    unit: str
    low: float | None
    high: float | None
    source: str
    why: str
    subject: str

    @property
    def fixed(self) -> bool:
        """Whether no clinic may change it."""
        return self.low is None


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A value that a clinic file has changed."""

    key: str
    default: float
    value: float
    unit: str

    @property
    def text(self) -> str:
        """How the report says it: ``clinic: target_dose.d98_marginal_percent 105 % -> 107 %``."""
        unit = "" if self.unit == "count" else f" {self.unit}"
        return f"clinic: {self.key} {self.default:g}{unit} -> {self.value:g}{unit}"


@dataclass(frozen=True, slots=True)
class Policy:
    """The numbers that judge: constraints/policy/, with a clinic's changes in them.

    ``sha256`` is that of the shipped files; ``changed`` says what a clinic file has set otherwise.
    """

    version: str
    sha256: str
    entries: Mapping[str, PolicyValue]
    changed: tuple[PolicyChange, ...] = ()

    def entry(self, key: str) -> PolicyValue:
        """A value with its unit, range, source and reason.

        Raises:
            KeyError: no such key.
        """
        return self.entries[key]

    def value(self, key: str) -> float:
        """The number of a key, in the unit of its entry.

        Raises:
            KeyError: no such key.
        """
        return self.entries[key].value

    def with_clinic(self, changes: Mapping[str, float], *, file: str) -> Policy:
        """The policy as a clinic sets it. A value equal to the default is no change.

        Args:
            changes: key to number, in the unit of the key.
            file: basename of the clinic file, for messages.

        Raises:
            WrongUsageError: E-CONFIG with every unknown key, fixed value and number outside its range.
        """
        problems = [p for key, value in changes.items() if (p := self._refused(key, value, file=file)) is not None]
        if problems:
            raise WrongUsageError(*problems)
        entries = dict(self.entries)
        changed = list(self.changed)
        for key, value in changes.items():
            before = entries[key]
            if value != before.value:
                entries[key] = replace(before, value=float(value))
                changed.append(PolicyChange(key, before.value, float(value), before.unit))
        return replace(self, entries=MappingProxyType(entries), changed=tuple(changed))

    def _refused(self, key: str, value: float, *, file: str) -> Problem | None:
        def bad(detail: str, remedy: str) -> Problem:
            return Problem("E-CONFIG", file, tag=f"key policy.{key}", seen=f"{value}", detail=detail, remedy=remedy)

        entry = self.entries.get(key)
        if entry is None:
            close = get_close_matches(key, self.entries, n=1)
            hint = f"Did you mean {close[0]}?" if close else "See: sbrtcheck policy"
            return bad("no such value of the policy", hint)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return bad("not a number", f"Write a number in {entry.unit}")
        if entry.low is None or entry.high is None:
            return bad(f"{entry.value:g} {entry.unit} is fixed ({entry.source})", "Remove the key")
        if not entry.low <= value <= entry.high:
            allowed = f"{entry.low:g} to {entry.high:g} {entry.unit}"
            return bad(f"outside the range that a clinic may set, {allowed}", f"Write a number from {allowed}")
        return None


@dataclass(frozen=True, slots=True)
class NormalisedTo:
    """What a prescription covers, as declared: D{volume_percent}% of ``structure`` is ``dose_percent`` of it."""

    structure: str
    volume_percent: float
    dose_percent: float
    text: str


@dataclass(frozen=True, slots=True)
class SiteLevel:
    """A level of a lesion site: the part of the body in which the target lies. ``words`` are case folded."""

    site: str
    level: str
    title: str
    words: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class LevelLandmark:
    """The level that a target has when it lies at the height of (or inside) a drawn landmark. In order: first wins."""

    site: str
    level: str
    relation: str
    landmarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequiredOrgan:
    """What a site asks for at some of its levels. ``levels`` empty: at every one, an unknown level too.

    ``organs``: one of them will do. ``side``: only for targets on this side, "" for any. ``requirement``: "required",
    "if_near" or "not_asked"; if_near asks when the target comes within ``distance_mm`` of one of ``landmarks``, taken
    as ``direction`` says. ``may_be_far``: a case file may declare the organ far.
    """

    site: str
    levels: tuple[str, ...]
    side: str
    organs: tuple[str, ...]
    requirement: str
    landmarks: tuple[str, ...] = ()
    direction: str = ""
    distance_mm: float | None = None
    may_be_far: bool = True
    note: str = ""

    def asks_at(self, level: str) -> bool:
        """Whether the row holds at a level of its site."""
        return not self.levels or level in self.levels


@dataclass(frozen=True, slots=True)
class DrawnAlong:
    """An organ that settles its rows only when drawn over the height of the target; ``drawn_as`` count together."""

    organ: str
    drawn_as: tuple[str, ...]
    from_key: str
    to_landmark: str


@dataclass(frozen=True, slots=True)
class Supplement:
    """A source that supplies rows of one kind where the deciding table has none. In order: the first with a row.

    ``organ`` and ``kind`` "*" (None): every organ that must not go unjudged. ``n_fractions`` empty: at every number.
    ``metric_text`` "" : every row of the kind. ``level_at_most``: rows are judged no stricter than this.
    ``condition`` "liver_lesion": the row depends on what the lesion is, primary or metastasis.
    """

    organ: str
    kind: SupplementKind | None
    order: int
    table: str
    source_organ: str
    n_fractions: tuple[int, ...]
    metric_text: str
    level_at_most: Level | None
    condition: str
    note: str


@dataclass(frozen=True, slots=True)
class LocationRule:
    """One definition of central or ultracentral: the PTV within ``distance_mm`` of, or touching, one of ``organs``."""

    location: str
    relation: str
    distance_key: str
    distance_mm: float
    organs: tuple[str, ...]
    source: str
    definition: str


@dataclass(frozen=True, slots=True)
class LocationOutcome:
    """What a location does in these numbers of fractions, both included. ``vessels_only``: no other contact."""

    location: str
    vessels_only: bool
    from_fractions: int
    to_fractions: int
    outcome: Outcome
    key: str


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """Words of a target's name that no list covers. ``out_of_scope`` False: known, but without a list of organs.

    ``site`` "": whatever else the name says; else only for targets of that site.
    """

    what: str
    out_of_scope: bool
    site: str
    words: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class CoverageGoal:
    """One coverage goal. ``limit`` is in percent; ``excused`` is the outcome when a serial organ excuses the miss."""

    rule_id: str
    rule: str
    sites: tuple[str, ...]
    structure: str
    metric: Metric
    metric_text: str
    comparator: str
    limit_key: str
    limit: float
    missed: Outcome
    excused: Outcome
    note: str

    def asks_at(self, site: str) -> bool:
        """Whether the goal holds for lesions of a site; an unknown site is held like any but the spine."""
        return not self.sites or (site or "other") in self.sites
