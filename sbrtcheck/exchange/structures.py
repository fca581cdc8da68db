"""Which organ or target a template's structure is. Names are read as ROI names are: literally, nothing is guessed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sbrtcheck.anatomy.names import closest_organs, find_organ, is_readable, name_index
from sbrtcheck.anatomy.target_names import is_helper_name, parse_prv, parse_target
from sbrtcheck.errors import wrong_usage
from sbrtcheck.exchange.template import Statement
from sbrtcheck.model.vocabulary import TARGET_TYPES
from sbrtcheck.tables.organs import name_key

MAX_NAME = 64
GOAL_TARGETS = ("PTV", "CTV", "ITV", "GTV")
_NOTHING = ("none", "ignore")
_NO_ORGAN = {"body", "prv", "helper", "unclear"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a structure is: one of ``organ`` and ``target``, or ``refusal`` with the reason, or left out by choice.

    ``dose_level_gy``: dose in a target's name; ``changed``: how the name was understood where it is not plain.
    """

    organ: str = ""
    target: str = ""
    side: str = ""
    dose_level_gy: float | None = None
    changed: str = ""
    refusal: str = ""
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one name says by itself. ``kind``: organ, target, body, prv, helper, unclear or "" for nothing."""

    kind: str
    name: str = ""
    side: str = ""
    dose_level_gy: float | None = None

    @property
    def same(self) -> tuple[str, str, str]:
        """What two names of one structure must agree in; a target may be written for several dose levels."""
        return (self.kind, self.name, "" if self.kind == "target" else self.side)

    def words(self) -> str:
        """In words."""
        named = self.name + (f"_{self.side}" if self.side else "")
        words = {
            "body": "the body outline",
            "prv": f"a margin of {named}",
            "helper": "another structure",
            "unclear": f"either a target or {named} (write its minus)",
        }
        return words.get(self.kind, named)


@lru_cache(maxsize=4096)
def _read(name: str) -> _Reading:
    if len(name) > MAX_NAME or not is_readable(name):
        return _Reading("")
    found = find_organ(name)
    if found is not None:
        organ, side, _ = found
        return _Reading("body") if organ == "BODY" else _Reading("organ", organ, side)
    unclear = name_index().get(name_key(name))
    if unclear is not None:
        return _Reading("unclear", unclear[0])
    inner = parse_prv(name)
    if inner is not None and (prv := find_organ(inner)) is not None:
        return _Reading("prv", prv[0], prv[1])
    target = parse_target(name)
    if target is not None:
        return _Reading("target", target.type, target.side, target.dose_gy)
    return _Reading("helper") if is_helper_name(name) else _Reading("")


def read_map(user_map: Mapping[str, str], statements: Sequence[Statement]) -> dict[str, Meaning]:
    """What the user says of the structures of a file.

    Raises:
        WrongUsageError: E-ROI-UNKNOWN for a structure that the file does not name, E-ORGAN-UNKNOWN.
    """
    there = {s.structure for s in statements}
    out = {}
    for name, value in user_map.items():
        if name not in there:
            alike = [s for s in there if name_key(s) == name_key(name)]
            raise wrong_usage("E-ROI-UNKNOWN", "--map", seen=name, remedy=f"Write {alike[0]}" if alike else "")
        if value.casefold() in _NOTHING:
            out[name] = Meaning(left_out=True)
        elif value.upper() in TARGET_TYPES:
            out[name] = _target(_Reading("target", value.upper(), "", _read(name).dose_level_gy), name)
        elif (found := find_organ(value)) is not None and found[0] != "BODY":
            out[name] = Meaning(organ=found[0], side=found[1], changed=f"{name} is {value} by --map")
        else:
            close = closest_organs(value)
            remedy = f"Closest: {', '.join(close)}" if close else "See constraints/organs.csv"
            raise wrong_usage("E-ORGAN-UNKNOWN", "--map", tag=name, seen=value, remedy=remedy)
    return out


def meanings(statements: Sequence[Statement], *, given: Mapping[str, Meaning]) -> list[Meaning]:
    """What the structure of each statement is, in their order.

    Args:
        statements: all of one file, since a name that two of its structures claim is neither's.
        given: what the user says; it counts before all names.
    """
    disputes = _disputes(statements, given)
    kept: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Meaning] = {}
    out = []
    for s in statements:
        key = (s.structure, s.aliases, s.codes)
        if key not in kept:
            kept[key] = given[s.structure] if s.structure in given else _meaning(s, disputes)
        out.append(kept[key])
    return out


def _meaning(statement: Statement, disputes: Mapping[str, tuple[str, ...]]) -> Meaning:
    own = _read(statement.structure)
    if own.kind in _NO_ORGAN:
        return Meaning(refusal=_no_organ(statement.structure, own))
    for alias in statement.aliases:
        if statement.structure in disputes.get(name_key(alias), ()):
            claimants = disputes[name_key(alias)]
            claimed = " and ".join(claimants[:3]) + (" and others" if len(claimants) > 3 else "")
            return Meaning(refusal=f"the name {alias} is claimed by {claimed}")
    others = [(name, r) for name in (*statement.aliases, *statement.codes) if (r := _read(name)).kind]
    by = ""
    if not own.kind:
        if not others:
            close = closest_organs(statement.structure)
            hint = f"; closest: {', '.join(close)}" if close else ""
            return Meaning(refusal=f"{statement.structure} is no organ or target that is known by this name{hint}")
        by, own = others[0]
    for alias, other in others:
        if other.same != own.same:
            return Meaning(refusal=f"its other name {alias} is {other.words()}, not {own.words()}")
    if own.kind in _NO_ORGAN:
        return Meaning(refusal=_no_organ(by, own))
    changed = f"{statement.structure} is {own.words()} by its name {by}" if by else ""
    if own.kind == "target":
        return _target(own, statement.structure, changed)
    return Meaning(organ=own.name, side=own.side, changed=changed)


def _no_organ(name: str, reading: _Reading) -> str:
    return f"{name} is {reading.words()}: a table holds limits of organs only"


def _target(reading: _Reading, name: str, changed: str = "") -> Meaning:
    if reading.name not in GOAL_TARGETS:
        return Meaning(refusal=f"{name} is an {reading.name}: goals are for {', '.join(GOAL_TARGETS)}")
    plain = name_key(name) == name_key(reading.name)
    return Meaning(
        target=reading.name,
        dose_level_gy=reading.dose_level_gy,
        changed=changed or ("" if plain else f"{name}: holds for every {reading.name}"),
    )


def _disputes(statements: Sequence[Statement], given: Mapping[str, Meaning]) -> dict[str, tuple[str, ...]]:
    """Names that several structures of the file claim though they are not one organ, with the claimants."""
    names: dict[str, set[str]] = defaultdict(set)
    claims: dict[str, dict[str, None]] = defaultdict(dict)
    for structure, aliases in dict.fromkeys((s.structure, s.aliases) for s in statements):
        if structure not in given:
            for name in (structure, *aliases):
                names[structure].add(name)
                claims[name_key(name)][structure] = None
    agreed = {structure: _agreed(all_names) for structure, all_names in names.items()}
    return {
        key: tuple(group)
        for key, group in claims.items()
        if len(group) > 1 and len({agreed[s] or s for s in group}) > 1
    }


def _agreed(names: Iterable[str]) -> tuple[str, str, str] | None:
    """What all known names of a structure say, or None when they say nothing or different things."""
    said = {r.same for name in names if (r := _read(name)).kind}
    return said.pop() if len(said) == 1 else None
