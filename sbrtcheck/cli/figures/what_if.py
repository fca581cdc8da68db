"""Draw what-if: dose against fraction number, with what organs allow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sbrtcheck.cli.figures.canvas import new_figure, save_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sbrtcheck.fractionation.what_if import WhatIf


def write_figure(lines: Sequence[WhatIf], path: Path, force: bool) -> None:
    """Draw the share of the limits that each organ uses at each number of fractions, and write it to ``path``.

    Raises:
        WrongUsageError: E-OUTPUT.
    """
    figure = new_figure(8, 5)
    axes = figure.subplots()
    organs = sorted({o for x in lines for o in x.shares})
    for organ in organs:
        points = sorted((x.n_fractions, 100 * x.shares[organ], x.missed) for x in lines if organ in x.shares)
        (line,) = axes.plot([p[0] for p in points], [p[1] for p in points], marker="o", label=organ)
        # A derived limit on a sum is never met, whatever is used of it.
        not_met = [(n, share) for n, share, missed in points if any(row.split(" ")[0] == organ for row in missed)]
        axes.plot([p[0] for p in not_met], [p[1] for p in not_met], "X", color=line.get_color(), markersize=11)
    if any(x.missed for x in lines):
        axes.plot([], [], "X", color="0.3", markersize=9, linestyle="", label="a limit is missed or MARGINAL")
    axes.axhline(100, color="black", linewidth=1, linestyle="--")
    axes.set_xlabel("number of fractions")
    axes.set_ylabel("largest share of a mandatory limit used [%]")
    axes.set_title("Plan scaled to each number of fractions (not a prescription)")
    axes.set_xticks(sorted({x.n_fractions for x in lines}))
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save_figure(figure, path, force=force)
