"""A table's limits for one number of fractions in the format of another program: exactly, or not at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from sbrtcheck.exchange.eclipse_goals import write_dose_objectives
from sbrtcheck.exchange.own_table import metric_at_volume, write_own_table
from sbrtcheck.exchange.pqm import write_pqm
from sbrtcheck.exchange.proknow import write_proknow
from sbrtcheck.exchange.template import Bound, Taken
from sbrtcheck.model import Level, LimitRow, OrganTable, Quantity
from sbrtcheck.model.metric import format_metric, parse_metric
from sbrtcheck.read.clinic_file import ClinicGoal


class ExportKind(StrEnum):
    """The formats that are written."""

    PQM = "pqm"
    DOSE_OBJECTIVES = "doseobjectives"
    PROKNOW = "proknow"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Exported:
    """A written file: its text, what stands in it, and every row that does not, with the reason."""

    text: str
    written: tuple[Taken, ...]
    not_written: tuple[tuple[str, str], ...]
    changed: tuple[tuple[str, str], ...]


def export_table(
    table: OrganTable, *, n_fractions: int, kind: ExportKind, goals: Sequence[ClinicGoal] = ()
) -> Exported:
    """The judged rows of a table at one number of fractions, and a clinic's target goals, in another format.

    An optimal and a mandatory row of one metric are one goal with its variation.
    """
    ours, not_written = _goals([g for g in goals if g.n_fractions in {None, n_fractions}])
    if kind is ExportKind.CSV:
        text, written, left_rows = write_own_table(table, n_fractions=n_fractions)
        not_written += [(words_of(t), "a target goal: it stays in the clinic file") for t in ours]
        not_written += [(_row_words(row), why) for row, why in left_rows]
        return Exported(text, written, tuple(not_written), tuple(_at_volume(table, n_fractions)))
    limits, listed = _limits(table, n_fractions=n_fractions)
    limits += ours
    name = f"{table.name} {n_fractions} fractions"
    origin = f"{table.title}, version {table.version}, SHA-256 {table.sha256}, {n_fractions} fractions"
    match kind:
        case ExportKind.PQM:
            text, left = write_pqm(limits)
        case ExportKind.DOSE_OBJECTIVES:
            text, left = write_dose_objectives(limits, name=name, origin=origin)
        case ExportKind.PROKNOW:
            text, left = write_proknow(limits, name=name)
        case _:
            assert_never(kind)
    not_written += [*listed, *((words_of(u.taken), u.why) for u in left)]
    gone = {id(u.taken) for u in left}
    kept = tuple(t for t in limits if id(t) not in gone)
    return Exported(text, kept, tuple(not_written), tuple(_at_volume(table, n_fractions)))


def words_of(taken: Taken) -> str:
    """A limit with its variation in words."""
    bounds = ", ".join(f"{b.comparator} {b.limit:f} {b.level}" for b in taken.bounds)
    return f"{taken.name} {taken.metric_text} {bounds}"


def _limits(table: OrganTable, *, n_fractions: int) -> tuple[list[Taken], list[tuple[str, str]]]:
    """The judged rows by metric, and those that no other program could judge."""
    groups: dict[tuple[str, str, bool], list[LimitRow]] = defaultdict(list)
    not_written: list[tuple[str, str]] = []
    for row in table.rows_for(n_fractions=n_fractions):
        why = _why_not(row)
        if why:
            not_written.append((_row_words(row), why))
        else:
            groups[row.organ, metric_at_volume(table, row), row.comparator.startswith("<")].append(row)
    out = []
    for (organ, text, _), group in groups.items():
        group.sort(key=lambda row: row.level is Level.MANDATORY)
        bounds = tuple(Bound(r.level, r.comparator, Decimal(repr(r.limit)).normalize()) for r in group if r.level)
        if len({b.level for b in bounds}) < len(bounds):
            not_written += [(_row_words(row), f"two limits at one level once it is {text}") for row in group]
            continue
        out.append(Taken(organ, "", "", parse_metric(text), text, bounds, seen_at=group[0].seen_at))
    return out, not_written


def _at_volume(table: OrganTable, n_fractions: int) -> list[tuple[str, str]]:
    """The maxima that are written as a dose at the volume that their source prints."""
    rows = [row for row in table.rows_for(n_fractions=n_fractions) if row.level is not None]
    written = [(row, metric_at_volume(table, row)) for row in rows]
    text = "written as {}, the volume that the source prints"
    return [(_row_words(row), text.format(metric)) for row, metric in written if metric != row.metric_text]


def _why_not(row: LimitRow) -> str:
    """Why no other program could judge a row as it is judged here."""
    if row.level not in {Level.MANDATORY, Level.OPTIMAL} or row.metric is None:
        return "listed only, not judged"
    if row.condition:
        return f"holds only for {row.condition}"
    if row.joint:
        return f"holds for {'+'.join(row.joint)} together"
    if row.or_share_of_volume is not None:
        return f"or {row.or_share_of_volume:.0%} of the organ's volume, whichever is more"
    if row.metric.quantity is not Quantity.PHYSICAL:
        return "a biological dose"
    return ""


def _row_words(row: LimitRow) -> str:
    level = row.level.value if row.level is not None else row.level_printed
    return f"{row.organ} {row.metric_text} {row.comparator} {row.limit:g} {level}"


def _goals(goals: Sequence[ClinicGoal]) -> tuple[list[Taken], list[tuple[str, str]]]:
    """A clinic's goals by metric, and those that no format can state."""
    groups: dict[tuple[str, str, bool], list[ClinicGoal]] = defaultdict(list)
    not_written = []
    for goal in goals:
        metric = parse_metric(goal.metric)
        words = f"{goal.target} {goal.metric} {goal.comparator} {goal.limit:g} {goal.level}"
        if goal.site:
            not_written.append((words, f"holds only for {goal.site}"))
        elif metric.quantity is not Quantity.PHYSICAL:
            not_written.append((words, "a biological dose"))
        else:
            groups[goal.target, format_metric(metric), goal.comparator.startswith("<")].append(goal)
    out = []
    for (target, text, _), group in groups.items():
        group.sort(key=lambda goal: goal.level == "mandatory")
        bounds = tuple(Bound(Level(g.level), g.comparator, Decimal(repr(g.limit)).normalize()) for g in group)
        out.append(Taken("", target, "", parse_metric(text), text, bounds))
    return out, not_written
