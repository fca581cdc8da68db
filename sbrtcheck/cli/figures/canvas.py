"""A figure of a command: where it may be written, and how it is written so that the same input gives the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sbrtcheck.errors import wrong_usage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = {".png", ".svg"}


def check_plot_path(path: Path, *, force: bool) -> None:
    """Refuse a path before anything is computed for it.

    Raises:
        WrongUsageError: E-OUTPUT: neither PNG nor SVG, or the file exists and ``force`` is not given.
    """
    if path.suffix.casefold() not in SUFFIXES:
        raise wrong_usage("E-OUTPUT", path.name, detail="neither .png nor .svg", tag="--plot", remedy="Name it so")
    if path.exists() and not force:
        raise wrong_usage("E-OUTPUT", path.name, detail="the file exists", tag="--plot")


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure [inch] that needs no display and touches no state of pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path, *, force: bool = False) -> None:
    """Write a figure as PNG or SVG, by the suffix, without a date in it.

    Raises:
        WrongUsageError: E-OUTPUT, also when the disk refuses.
    """
    from matplotlib import rc_context

    check_plot_path(path, force=force)
    kind = path.suffix.casefold().lstrip(".")
    try:
        with rc_context({"svg.hashsalt": "sbrtcheck"}):
            metadata = {"Date": None} if kind == "svg" else {"Software": None}
            figure.savefig(path, format=kind, dpi=150, metadata=metadata)
    except OSError as error:
        raise wrong_usage("E-OUTPUT", path.name, seen=error.strerror or "", tag="--plot") from error
