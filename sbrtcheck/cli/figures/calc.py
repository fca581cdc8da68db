"""One figure: BED against dose per fraction, with published schemes as points and the range of the model shaded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sbrtcheck.cli.figures.canvas import check_plot_path, new_figure, save_figure
from sbrtcheck.errors import fractions
from sbrtcheck.fractionation.worth import LQ_REASONABLE_TO_GY, LQ_VALIDATED_TO_GY, Scheme
from sbrtcheck.radiobiology.lq import bed
from sbrtcheck.tables import schemes as published

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Curves that are always drawn, so that a figure of one scheme still shows its neighbours.
USUAL_N_FRACTIONS = (1, 3, 5, 8)
MAX_CURVES = 7
_COLOURS = ("#1b6ca8", "#c7522a", "#2e7d4f", "#7b4ea3", "#a8871b", "#5b6770", "#b0416b")


def write_plot(path: Path, *, schemes: Sequence[Scheme], alpha_beta_gy: float, force: bool = False) -> None:
    """Write the figure as PNG or SVG. Only courses of one phase are drawn as points; it says so for the others.

    Args:
        path: the file; its suffix chooses the format.
        schemes: the schemes to show.
        alpha_beta_gy: alpha/beta of the whole figure [Gy].
        force: overwrite.

    Raises:
        WrongUsageError: E-OUTPUT.
    """
    check_plot_path(path, force=force)
    single = [_Point.of(s, alpha_beta_gy) for s in schemes if len(s.phases) == 1]
    own = [p.n_fractions for p in single]
    counts = sorted(dict.fromkeys([*own, *(n for n in USUAL_N_FRACTIONS if n not in own)][:MAX_CURVES]))
    known = _published(counts, alpha_beta_gy)
    top_d = max([*(p.dose_per_fraction_gy for p in (*single, *known)), 20.0]) * 1.05
    top = 1.12 * max((p.bed_gy for p in (*single, *known)), default=0.0)
    figure = new_figure(8.5, 5.6)
    axes = figure.subplots()
    _shade_range(axes, top_d, top)
    steps = [top_d * i / 200 for i in range(201)]
    for n, colour in zip(counts, _COLOURS, strict=False):
        curve = [_bed_gy(d, n, alpha_beta_gy) for d in steps]
        axes.plot(steps, curve, color=colour, lw=1.4, label=fractions(n), zorder=2)
        points = {(p.dose_per_fraction_gy, p.bed_gy) for p in known if p.n_fractions == n}
        if points:
            axes.plot(*zip(*sorted(points), strict=True), "o", color=colour, ms=5, mew=0, zorder=3)
    _mark_given(axes, single)
    axes.plot([], [], "o", color="#555555", ms=5, label="published scheme")
    axes.plot([], [], "*", color="black", ms=11, label="given")
    axes.set(
        xlim=(0, top_d),
        ylim=(0, top),
        xlabel="dose per fraction [Gy]",
        ylabel=f"BED at alpha/beta {alpha_beta_gy:g} Gy [Gy]",
        title="BED of the linear-quadratic model; not a prescription",
    )
    axes.legend(loc="upper left", frameon=True, framealpha=0.9, fontsize=8)
    axes.grid(alpha=0.25, lw=0.5)
    left_out = len(schemes) - len(single)
    if left_out:
        figure.supxlabel(f"{left_out} course(s) of several phases cannot be drawn here", fontsize=8)
    save_figure(figure, path, force=force)


@dataclass(frozen=True, slots=True)
class _Point:
    """A scheme of one phase in the figure."""

    label: str
    n_fractions: int
    dose_per_fraction_gy: float
    bed_gy: float

    @classmethod
    def of(cls, scheme: Scheme, alpha_beta_gy: float) -> _Point:
        d, n = scheme.phases[0].dose_per_fraction_gy, scheme.phases[0].n_fractions
        return cls(scheme.label, n, d, _bed_gy(d, n, alpha_beta_gy))


def _bed_gy(dose_per_fraction_gy: float, n_fractions: int, alpha_beta_gy: float) -> float:
    return bed(total_dose_gy=dose_per_fraction_gy * n_fractions, n_fractions=n_fractions, alpha_beta_gy=alpha_beta_gy)


def _published(counts: Collection[int], alpha_beta_gy: float) -> list[_Point]:
    """The published schemes at these numbers of fractions; those of the brain are of another kind."""
    return [
        _Point("", r.n_fractions, r.dose_per_fraction_gy, _bed_gy(r.dose_per_fraction_gy, r.n_fractions, alpha_beta_gy))
        for r in published.load_schemes()
        if r.n_fractions in counts and published.counts_as_definitive(r) and r.site != "brain"
    ]


def _shade_range(axes: Axes, top_d: float, top: float) -> None:
    """Shade the doses per fraction at which the model is not validated, or is an extrapolation."""
    axes.axvspan(LQ_VALIDATED_TO_GY, min(LQ_REASONABLE_TO_GY, top_d), color="#f3ead2", lw=0, zorder=0)
    axes.axvspan(LQ_REASONABLE_TO_GY, top_d, color="#ecd3c4", lw=0, zorder=0)
    for x, text in (
        (LQ_VALIDATED_TO_GY, f"above {LQ_VALIDATED_TO_GY:g} Gy:\nLQ not validated"),
        (LQ_REASONABLE_TO_GY, f"above {LQ_REASONABLE_TO_GY:g} Gy:\nextrapolation"),
    ):
        axes.text(x + 0.2, top * 0.985, text, va="top", ha="left", fontsize=8, color="#5a4a2a", zorder=1)


def _mark_given(axes: Axes, points: Sequence[_Point]) -> None:
    """Mark the schemes that were asked for, and list their BED."""
    for p in points:
        axes.plot([p.dose_per_fraction_gy], [p.bed_gy], "*", color="black", ms=13, mec="white", zorder=4)
        axes.annotate(
            p.label,
            (p.dose_per_fraction_gy, p.bed_gy),
            xytext=(7, -12),
            textcoords="offset points",
            fontsize=8,
            fontweight="bold",
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75},
            zorder=5,
        )
    if not points:
        return
    lines = [f"{p.label}: BED {p.bed_gy:.1f} Gy" for p in points]
    shown = lines if len(lines) <= 12 else [*lines[:12], f"and {len(lines) - 12} more"]
    box = {"boxstyle": "round", "fc": "white", "ec": "#bbbbbb", "alpha": 0.9}
    axes.text(0.985, 0.03, "\n".join(shown), transform=axes.transAxes, ha="right", va="bottom", fontsize=9, bbox=box)
