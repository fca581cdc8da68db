"""What a sum of plans cannot be judged on: no source, no row, or earlier dose in an organ without either."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sbrtcheck.model import Finding, OrganTable, Reason
from sbrtcheck.model.finding import completeness


def numbers(n_fractions: Iterable[int]) -> str:
    """Different numbers of fractions in words: "3, 5 and 8"."""
    *most, last = [str(n) for n in sorted(set(n_fractions))]
    return f"{', '.join(most)} and {last}" if most else last


def no_source(organs: Iterable[str] | None, n_fractions: Sequence[int]) -> Finding:
    """MARGINAL: no source has limits at every number of fractions; of some organs, or (None) of all."""
    named = ", ".join(sorted(organs or ()))
    what = f"{named}: " if named else ""
    return completeness(
        rule_id="cumulative:no_source",
        plan="",
        organ=named,
        reason=Reason.NO_TABLE,
        notes=(
            (
                f"{what}no shipped source has limits for {numbers(n_fractions)} fractions: "
                f"the sum of the plans cannot be judged"
            ),
        ),
        marginal=True,
    )


def not_in_source(table: OrganTable, organ: str, roi: str, n_fractions: Sequence[int]) -> Finding:
    """MARGINAL: the source limits an organ at some of the numbers of fractions only."""
    return completeness(
        rule_id=f"cumulative:{table.name}:{organ}",
        plan="",
        organ=organ,
        roi=roi,
        reason=Reason.NO_TABLE,
        notes=(
            (
                f"{table.title} has no limit of {organ} at every one of {numbers(n_fractions)} fractions: "
                f"its sum cannot be judged"
            ),
        ),
        marginal=True,
    )


def earlier_not_judged(organ: str, table: OrganTable, *, contoured: bool) -> Finding:
    """Declared earlier dose in an organ of which nothing was judged is never passed over."""
    what = f"{table.title} has no limit of it" if contoured else "it is not contoured here"
    return completeness(
        rule_id=f"cumulative:earlier:{organ}",
        plan="",
        organ=organ,
        reason=Reason.NO_TABLE if contoured else Reason.NO_ROI,
        notes=(f"earlier dose in {organ} is declared and {what}: the sum cannot be judged",),
        marginal=contoured,
    )
