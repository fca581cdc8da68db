"""Draw two DVHs of one structure over each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sbrtcheck.cli.figures.canvas import new_figure, save_figure
from sbrtcheck.dvh.agreement import Agreement, CumulativeCurve, checked
from sbrtcheck.dvh.band import Band, share_at
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model.dose import Dvh

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def agreement_figure(
    ours: Dvh,
    stored: CumulativeCurve,
    *,
    agreement: Agreement | None = None,
    path: Path | None = None,
    force: bool = False,
) -> Figure:
    """Draw both cumulative curves in one figure, with our band; ``path``: write it there as PNG or SVG.

    Raises:
        WrongUsageError: E-DOMAIN for a stored curve that cannot be compared, or when ours has no samples; E-OUTPUT.
    """
    dose, volume = checked(stored, ours.roi)
    if ours.samples.dose_gy.size == 0:
        raise wrong_usage("E-DOMAIN", ours.roi, detail="there is no curve of ours to draw")
    grid = np.linspace(0.0, 1.02 * max(float(dose[-1]), float(ours.samples.dose_gy[0])), 600)
    band = Band(ours, dose_tolerance_gy=0.0, tolerance=0.0)
    figure = new_figure(7.0, 4.5)
    axes = figure.add_subplot()
    axes.fill_between(grid, 100 * band.low(grid), 100 * band.high(grid), alpha=0.25, color="C0", label="our band")
    axes.plot(grid, 100 * share_at(ours.samples, grid, total_cm3=ours.total_volume_cm3), color="C0", label="ours")
    axes.plot(dose, 100 * volume / volume[0], color="C1", linestyle="--", label="stored")
    axes.set_xlabel("dose [Gy]")
    axes.set_ylabel("volume [%]")
    axes.set_ylim(0, 105)
    axes.set_xlim(0, grid[-1])
    axes.set_title(ours.roi if agreement is None else f"{ours.roi}: {agreement.verdict}", fontsize=9, wrap=True)
    axes.legend(loc="lower left")
    if path is not None:
        save_figure(figure, path, force=force)
    return figure
