"""From the statements of a file to limits of ours: what is taken, what is changed, what is not, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from statistics import median

from sbrtcheck.errors import wrong_usage
from sbrtcheck.exchange.number import (
    bracket_unit,
    looks_like_gray,
    plain,
    read_goal,
    read_metric,
    read_variation,
    with_unit_of_goal,
)
from sbrtcheck.exchange.structures import Meaning, meanings, read_map
from sbrtcheck.exchange.template import Bound, Fate, Imported, Row, Statement, Taken, Template
from sbrtcheck.exchange.write_table import MAX_GOAL, bound_words, table_lines
from sbrtcheck.model import Level, Metric
from sbrtcheck.tables.organ_rows import highest_limit, read_organ_rows
from sbrtcheck.tables.organs import organ_names

# Where at least so many variations, and so great a share of them, lie equally far from their goals, one that lies more
# than twice as far is taken for a slip of the pen; within this much of the usual share it is the usual (ours).
_MANY_VARIATIONS = 10
_USUAL_SHARE = 0.8
_USUAL_WITHIN = 0.005
# A variation beyond so many times its goal stands for none in some programs (ours).
_FAR_VARIATION = 10


@dataclass(slots=True)
class _Desk:
    """One row while it is being looked at: ``draft`` until a reason against it is found."""

    statement: Statement
    draft: Taken | None = None
    fate: Fate = Fate.TAKEN
    changes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    became: tuple[str, ...] = ()
    dose_level_gy: float | None = None

    def refuse(self, reason: str) -> None:
        self.fate, self.draft, self.became = Fate.NOT_TAKEN, None, ()
        if reason not in self.reasons:
            self.reasons.append(reason)

    def row(self) -> Row:
        changed = bool(self.changes) and self.fate is Fate.TAKEN
        why = self.reasons or [*self.changes, *self.remarks]
        return Row(self.statement, Fate.CHANGED if changed else self.fate, self.became, "; ".join(why))


def take(
    template: Template,
    *,
    n_fractions: int,
    level: Level = Level.MANDATORY,
    user_map: Mapping[str, str] | None = None,
    leave_out: Sequence[str] = (),
) -> Imported:
    """What of a template holds at one number of fractions.

    Args:
        template: the statements of a file.
        n_fractions: the number of fractions that its limits are for; no file name is trusted to say it.
        level: of a goal that has no variation.
        user_map: structure to what it is, as for ROIs: an organ, a target type or ``none``.
        leave_out: places of rows that the user does not want.

    Raises:
        WrongUsageError: E-OPTION for a place that the file does not have; E-ROI-UNKNOWN, E-ORGAN-UNKNOWN for the map.
    """
    statements = template.statements
    places = {s.place for s in statements}
    for place in leave_out:
        if place not in places:
            raise wrong_usage(
                "E-OPTION", "--leave-out", seen=place, remedy='Write a place as the list has it: "line 3"'
            )
    given = read_map(user_map or {}, statements)
    wanted = set(leave_out)
    several = {s.n_fractions for s in statements} >= {n_fractions}
    desks = [_Desk(s) for s in statements]
    for desk, meaning in zip(desks, meanings(statements, given=given), strict=True):
        if desk.statement.no_limit:
            desk.fate, desk.reasons = Fate.NO_LIMIT, [desk.statement.no_limit]
        elif desk.statement.place in wanted or meaning.left_out:
            desk.fate, desk.reasons = Fate.LEFT_OUT, ["left out by choice"]
        else:
            _read_one(desk, meaning, n_fractions=n_fractions, level=level, several=several)
    _compare_variations(desks)
    _dose_levels(desks)
    _merge_equal(desks)
    joined = _join_sides(desks, file=template.file)
    organs = _as_the_reader_has_it(joined, n_fractions=n_fractions, file=template.file)
    targets = _distinct(desks, file=template.file)
    return Imported(template, n_fractions, tuple(d.row() for d in desks), organs, targets)


def _read_one(desk: _Desk, meaning: Meaning, *, n_fractions: int, level: Level, several: bool) -> None:
    """One statement by itself; every reason against it is noted."""
    s = desk.statement
    if s.n_fractions is not None and s.n_fractions != n_fractions:
        text = f"for {s.n_fractions} fractions, not {n_fractions}"
        if several:
            desk.fate, desk.reasons = Fate.NO_LIMIT, [text]
        else:
            desk.refuse(text)
        return
    if s.refusal or not s.structure:
        desk.refuse(s.refusal or "no structure is named")
        return
    if meaning.refusal:
        desk.refuse(meaning.refusal)
    whole = with_unit_of_goal(s.metric, s.goal)
    read = read_metric(whole)
    if isinstance(read, str):
        desk.refuse(read)
        return
    metric, metric_text, factor, changes = read
    bounds = _bounds(replace(s, metric=whole), metric, factor=factor, level=level)
    if isinstance(bounds, str):
        desk.refuse(bounds)
        return
    draft = Taken(meaning.organ, meaning.target, meaning.side, metric, metric_text, bounds)
    for problem in _senses(draft, disputed=s.disputed):
        desk.refuse(problem)
    if desk.reasons:
        return
    unit = "" if whole == s.metric else "the unit stands behind the goal"
    desk.changes += [c for c in (*s.changed, meaning.changed, unit, *changes) if c]
    if draft.organ and metric.kind == "Max":
        desk.changes.append("the highest dose is judged at 0.035 cc")
    desk.draft, desk.dose_level_gy = draft, meaning.dose_level_gy


def _bounds(s: Statement, metric: Metric, *, factor: Decimal, level: Level) -> tuple[Bound, ...] | str:
    """The goal and its variation in the metric's unit, the mandatory one last; or why there are none."""
    unit = bracket_unit(s.metric)
    goal = read_goal(s.goal, unit=unit)
    if isinstance(goal, str):
        return goal
    comparator, limit = goal[0], goal[1] * factor
    highest = Decimal(str(highest_limit(metric.unit, metric)))
    if not s.variation:
        bounds: tuple[Bound, ...] = (Bound(s.level or level, comparator, limit),)
    else:
        variation = read_variation(s.variation, comparator=comparator, unit=unit)
        if isinstance(variation, str):
            return variation
        beyond = variation[1] * factor
        wrong = beyond < limit if comparator.startswith("<") else beyond > limit
        if wrong:
            return f"the variation {s.variation} is tighter than the goal {s.goal}: it lies on the wrong side"
        if beyond == limit and variation[0] == comparator:
            bounds = (Bound(Level.MANDATORY, comparator, limit),)
        elif not limit / _FAR_VARIATION <= beyond <= limit * _FAR_VARIATION:
            return f"the variation {s.variation} lies so far from the goal {s.goal} that it may stand for none"
        else:
            bounds = (Bound(Level.OPTIMAL, comparator, limit), Bound(Level.MANDATORY, variation[0], beyond))
    for bound in bounds:
        if looks_like_gray(bound.limit, factor=factor, unit=metric.unit):
            return f"{plain(bound.limit)} Gy: is the number in Gy, though the metric says cGy?"
        if not 0 < bound.limit <= highest:
            hint = ": is the number in cGy, though the metric says Gy?" if metric.unit == "Gy" and factor == 1 else ""
            return f"{plain(bound.limit)} {metric.unit} is outside 0 to {plain(highest)} {metric.unit}{hint}"
    return bounds


def _senses(draft: Taken, *, disputed: str) -> list[str]:
    """What makes no sense for this structure, or could mean two things."""
    metric, upper = draft.metric, draft.is_upper
    if metric.kind == "CV" and upper:
        return ["a spared volume (CV) has a lower limit, not an upper one"]
    if draft.organ and not upper and metric.kind != "CV":
        return ["a lower limit on the dose of an organ: only a spared volume (CV) has one"]
    if draft.target and any(bound.limit > MAX_GOAL for bound in draft.bounds):
        return [f"a goal of more than {MAX_GOAL} {metric.unit} cannot be stated"]
    if not disputed:
        return []
    if draft.organ:
        return [disputed] if metric.kind == "Min" else []
    amount = metric.amount or 0.0
    asks_for_much = metric.kind == "V" or (metric.kind == "D" and metric.amount_unit == "%" and amount >= 50)
    asks_for_little = metric.kind == "D" and not asks_for_much
    return [] if (asks_for_much and not upper) or (asks_for_little and upper) else [disputed]


def _compare_variations(desks: Sequence[_Desk]) -> None:
    """Where nearly all variations of a file lie equally far from their goals, note those that do not."""
    shares: dict[int, float] = {}
    for i, desk in enumerate(desks):
        if desk.draft is not None and len(desk.draft.bounds) == 2:
            goal, variation = desk.draft.bounds
            shares[i] = abs(float(variation.limit / goal.limit) - 1)
    if len(shares) < _MANY_VARIATIONS:
        return
    usual = median(shares.values())
    if sum(abs(share - usual) <= _USUAL_WITHIN for share in shares.values()) < _USUAL_SHARE * len(shares):
        return
    for i, share in shares.items():
        text = f"the variation is {share:.1%} from its goal, the others of this file {usual:.1%}"
        if share > 2 * usual + _USUAL_WITHIN:
            desks[i].refuse(f"{text}: a slip of the pen?")
        elif abs(share - usual) > _USUAL_WITHIN:
            desks[i].remarks.append(text)


def _dose_levels(desks: Sequence[_Desk]) -> None:
    """A goal in Gy for one of several dose levels cannot be stated: our goals hold for every target of a type."""
    levels: dict[str, set[float]] = defaultdict(set)
    for desk in desks:
        if desk.draft is not None and desk.draft.target and desk.dose_level_gy is not None:
            levels[desk.draft.target].add(desk.dose_level_gy)
    for desk in desks:
        draft = desk.draft
        if draft is None or len(levels.get(draft.target, ())) < 2:
            continue
        if "Gy" in {draft.metric.unit, draft.metric.amount_unit}:
            shown = " and ".join(f"{dose:g} Gy" for dose in sorted(levels[draft.target]))
            desk.refuse(f"a goal in Gy for one of the dose levels {shown}: write it in percent of the prescription")


def _merge_equal(desks: Sequence[_Desk]) -> None:
    """Refuse rows that give one metric different limits; keep the first of equal rows."""
    groups: dict[tuple[str, str, str, bool], list[_Desk]] = defaultdict(list)
    for desk in desks:
        if desk.draft is not None:
            groups[desk.draft.name, desk.draft.side, desk.draft.metric_text, desk.draft.is_upper].append(desk)
    for group in groups.values():
        first = group[0]
        assert first.draft is not None
        bounds, metric = first.draft.bounds, first.draft.metric_text
        different = next((d for d in group if d.draft is not None and d.draft.bounds != bounds), None)
        for desk in group:
            if different is not None:
                agrees = desk.draft is not None and desk.draft.bounds == bounds
                other = different if agrees else first
                desk.refuse(f"the limits differ from those of {other.statement.place} for the same {metric}")
            elif desk is not first:
                desk.remarks.append(f"the same as {first.statement.place}")


def _join_sides(desks: Sequence[_Desk], *, file: str) -> list[tuple[Taken, list[_Desk]]]:
    """Organ limits without a side, each with its rows: a row of a table holds for both organs of a pair."""
    groups: dict[tuple[str, str, tuple[Bound, ...]], list[_Desk]] = defaultdict(list)
    for desk in desks:
        if desk.draft is not None and desk.draft.organ:
            groups[desk.draft.organ, desk.draft.metric_text, desk.draft.bounds].append(desk)
    for group in groups.values():
        sides = {d.draft.side for d in group if d.draft is not None}
        for desk in group if len(sides) == 1 and sides <= {"L", "R"} else ():
            desk.refuse(f"only for the {_SIDE_WORDS[next(iter(sides))]} side: a row of a table holds for both")
        for desk in group if sides >= {"L", "R"} else ():
            if desk.draft is not None and desk.draft.side:
                desk.changes.append("one row for both sides")
    out = []
    for group in groups.values():
        kept = [d for d in group if d.draft is not None]
        if kept:
            out.append((_named(kept, file=file), kept))
    return out


_SIDE_WORDS = {"L": "left", "R": "right"}


def _named(desks: Sequence[_Desk], *, file: str) -> Taken:
    """One limit for all its rows, with the places where it stands; every row says what it became."""
    first = desks[0].draft
    assert first is not None
    places = ", ".join(d.statement.place for d in desks)
    priorities = dict.fromkeys(d.statement.priority for d in desks if d.statement.priority)
    note = f"priority {' and '.join(priorities)}" if priorities else ""
    taken = replace(first, side="", seen_at=f"{places} of {file}", note=note)
    for desk in desks:
        desk.became = tuple(bound_words(taken, bound) for bound in taken.bounds)
    return taken


def _as_the_reader_has_it(
    organs: Sequence[tuple[Taken, list[_Desk]]], *, n_fractions: int, file: str
) -> tuple[Taken, ...]:
    """The limits that our own reader takes: what it finds wrong is not taken, so that the table lints clean."""
    left = list(organs)
    while left:
        lines, owners = table_lines([taken for taken, _ in left], n_fractions=n_fractions)
        _, problems = read_organ_rows("\n".join(lines), file=file, table=file, organs=organ_names(), shipped=False)
        if not problems:
            break
        wrong: dict[int, str] = {}
        for problem in problems:
            line = int(problem.tag.removeprefix("line ").split(",")[0]) - 1
            wrong.setdefault(owners[line], problem.detail or problem.meaning)
        for owner, reason in wrong.items():
            for desk in left[owner][1]:
                desk.refuse(reason)
        left = [entry for i, entry in enumerate(left) if i not in wrong]
    return tuple(taken for taken, _ in left)


def _distinct(desks: Sequence[_Desk], *, file: str) -> tuple[Taken, ...]:
    """The target goals, each with all its rows."""
    groups: dict[tuple[str, str, tuple[Bound, ...]], list[_Desk]] = defaultdict(list)
    for desk in desks:
        if desk.draft is not None and desk.draft.target:
            groups[desk.draft.target, desk.draft.metric_text, desk.draft.bounds].append(desk)
    return tuple(_named(group, file=file) for group in groups.values())
