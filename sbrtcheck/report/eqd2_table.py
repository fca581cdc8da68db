"""EQD2 of the organs as a section: numbers with the alpha/beta that made them, and over its published range."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.model import OrganEqd2, Report
from sbrtcheck.model.numbers import format_value
from sbrtcheck.report.headline import clean
from sbrtcheck.report.layout import Section, Table, solid

COLUMNS = ("Organ (ROI)", "a/b [Gy]", "EQD2 D0.035cc [Gy]", "EQD2 mean [Gy]", "Endpoint", "a/b from")
_NUMERIC = frozenset(COLUMNS[1:4])
REMARK = (
    "Information; no limit is judged on it. Each sample is converted with its own dose per fraction. A union or joint "
    "organ stands beside its parts. In brackets: over the range of the published alpha/beta of late effects, where "
    "there is one."
)


def eqd2_section(report: Report) -> Section:
    """One table per plan; the organs without an alpha/beta or without a dose are named below it."""
    tables, items = [], []
    for plan in report.plans:
        known = [x for x in plan.organ_eqd2 if x.near_max_gy is not None or x.mean_gy is not None]
        if known:
            caption = f"Plan {clean(plan.label)}" if len(report.plans) > 1 else ""
            tables.append(_table(known, caption))
        why: dict[str, list[str]] = {}
        for x in plan.organ_eqd2:
            if x not in known:
                why.setdefault(clean(x.note) or "no number", []).append(_name(x))
        start = f"{clean(plan.label)}: " if len(report.plans) > 1 else ""
        items += [f"{start}{note}: {', '.join(dict.fromkeys(names))}" for note, names in why.items()]
    return Section("EQD2 of the organs", tables=tuple(tables), items=(REMARK, *items) if tables else tuple(items))


def _name(x: OrganEqd2) -> str:
    organ, roi = clean(x.organ), clean(x.roi)
    joint = " + ".join(organ.split("+"))
    return joint if roi in {organ, joint} else f"{joint} ({roi})"


def _table(known: Sequence[OrganEqd2], caption: str) -> Table:
    """Where an alpha/beta comes from stands in the footnotes, once for all organs that share it."""
    sources = list(dict.fromkeys(clean(x.source) for x in known))
    rows = tuple(
        (
            _name(x),
            _with_range(x.alpha_beta_gy, x.alpha_beta_range_gy),
            _with_range(x.near_max_gy, x.near_max_range_gy),
            _with_range(x.mean_gy, x.mean_range_gy),
            clean(x.endpoint) or "-",
            f"[{sources.index(clean(x.source)) + 1}]",
        )
        for x in known
    )
    return Table(COLUMNS, rows, _NUMERIC, notes=tuple(sources), caption=caption)


def _with_range(value: float | None, ends: tuple[float, float] | None) -> str:
    if value is None or ends is None:
        return _number(value)
    return solid(f"{_number(value)} ({_number(ends[0])} to {_number(ends[1])})")


def _number(value: float | None) -> str:
    return format_value(value, unit="Gy")
