"""One figure: what the sources allow one organ, against the number of fractions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sbrtcheck.cli.figures.canvas import check_plot_path, new_figure, save_figure
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model import LimitRow, MetricKind, OrganTable
from sbrtcheck.tables.disagreements import at_volume, disagreements, is_point
from sbrtcheck.tables.organ_tables import load_tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# (title, is mandatory) -> (number of fractions, dose [Gy], volume in words).
_Series = dict[tuple[str, bool], list[tuple[int, float, str]]]
# Colour-blind safe; a marker of its own for each source, so that the figure reads in grey too.
_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#8c6d1f",
    "#56b4e9",
    "#5b6770",
    "#e69f00",
    "#7b4ea3",
    "#222222",
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of limit that can be drawn in Gy: which rows it takes, where they stand, and what the axis says."""

    takes: Callable[[LimitRow], bool]
    dose_gy: Callable[[LimitRow], float]
    axis: str
    volume: Callable[[LimitRow, OrganTable], str] = lambda _row, _table: ""


def _spared(row: LimitRow) -> bool:
    return row.metric is not None and row.metric.kind is MetricKind.VOLUME_SPARED and row.unit == "cc"


_KINDS = (
    _Kind(
        lambda r: is_point(r) and r.comparator.startswith("<"),
        lambda r: r.limit,
        "limit of the point maximum [Gy]",
        at_volume,
    ),
    _Kind(
        _spared,
        lambda r: r.metric.amount or 0.0 if r.metric is not None else 0.0,
        "dose that the spared volume stays below [Gy]",
        lambda r, _table: f" ({r.limit:g} cc spared{', ' + r.condition if r.condition else ''})",
    ),
    _Kind(
        lambda r: r.metric is not None and r.metric.kind is MetricKind.MEAN and r.unit == "Gy",
        lambda r: r.limit,
        "limit of the mean dose [Gy]",
    ),
    _Kind(
        lambda r: (
            r.metric is not None
            and r.metric.kind is MetricKind.DOSE
            and r.unit == "Gy"
            and r.comparator.startswith("<")
        ),
        lambda r: r.limit,
        "limit of the dose to a volume [Gy]",
        lambda r, _table: f" ({r.metric_text.removesuffix('[Gy]')})",
    ),
)


def limits_figure(organ: str, *, path: Path, force: bool = False) -> None:
    """Write limit against number of fractions, one line a source, as PNG or SVG; a bar where the sources disagree.

    Drawn are point maxima; where the tables have none for the organ, the dose below which a volume is spared, else mean
    doses, else doses to a volume.

    Args:
        organ: as organs.csv names it.
        path: the file; its suffix chooses the format.
        force: overwrite.

    Raises:
        WrongUsageError: E-OUTPUT; also when no table has a limit on the organ that can be drawn.
    """
    check_plot_path(path, force=force)
    tables = load_tables()
    drawn, series = _series(organ, tuple(tables.values()))
    if drawn is None:
        detail = f"no table has a limit on {organ} that can be drawn"
        raise wrong_usage("E-OUTPUT", path.name, detail=detail, tag="--plot", remedy="Leave --plot out")
    figure = new_figure(9.5, 5.8)
    axes = figure.subplots()
    counts = sorted({n for points in series.values() for n, _, _ in points})
    place = {n: i for i, n in enumerate(counts)}
    _draw_series(axes, series, place, judged=_judged(series, tables.values()))
    top = max(dose for points in series.values() for _, dose, _ in points)
    axes.set(
        xlim=(-0.6, len(counts) - 0.4),
        ylim=(0, 1.16 * top),
        xticks=range(len(counts)),
        xlabel="number of fractions",
        ylabel=drawn.axis,
        title=f"{organ}: what the sources allow",
    )
    axes.set_xticklabels([str(n) for n in counts])
    notes = ["Lines only join the points of one source: a limit applies at its own number of fractions."]
    if drawn is _KINDS[0]:
        _mark_disagreements(axes, organ, tuple(tables.values()), place)
        volumes = sorted({f"{title}{v}" for (title, _), points in series.items() for _, _, v in points if v})
        notes.append("Grey bars: the sources' mandatory limits differ.")
        notes.append("Taken at 0.035 cc" + (f", but {', '.join(volumes)}." if volumes else "."))
    axes.grid(axis="y", alpha=0.25, lw=0.5)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    figure.supxlabel("\n".join(_wrapped(notes)), fontsize=8, color="#444444")
    save_figure(figure, path, force=force)


def _judged(series: Iterable[tuple[str, bool]], tables: Iterable[OrganTable]) -> dict[str, bool]:
    """Whether the source of each line may decide; a title may carry a volume in brackets."""
    decides = {t.title: t.may_decide for t in tables}
    return {title: decides.get(title, decides.get(title.rpartition(" (")[0], True)) for title, _ in series}


def _draw_series(axes: Axes, series: _Series, place: Mapping[int, int], *, judged: Mapping[str, bool]) -> None:
    """Draw one line a source: filled and joined where mandatory, open and single where not."""
    labels = {title: i for i, title in enumerate(dict.fromkeys(title for title, _ in series))}
    for (title, mandatory), points in sorted(series.items(), key=lambda item: (labels[item[0][0]], not item[0][1])):
        index = labels[title]
        colour, marker = _COLOURS[index % len(_COLOURS)], _MARKERS[index % len(_MARKERS)]
        shift = 0.32 * (index - (len(labels) - 1) / 2) / max(len(labels) - 1, 1)
        axes.plot(
            [place[n] + shift for n, _, _ in points],
            [dose for _, dose, _ in points],
            color=colour,
            marker=marker,
            ms=6.5,
            mfc=colour if mandatory else "white",
            lw=1.1 if mandatory else 0.0,
            alpha=0.95,
            label=title if mandatory else f"{title}: {'optimal' if judged[title] else 'compare only'}",
            zorder=3,
        )


def _wrapped(sentences: Sequence[str], width: int = 130) -> list[str]:
    import textwrap

    return textwrap.wrap(" ".join(sentences), width)


def _series(organ: str, tables: Sequence[OrganTable]) -> tuple[_Kind | None, _Series]:
    """The first kind of limit that any table has for the organ; by (title, is mandatory): (n, dose [Gy], volume)."""
    for kind in _KINDS:
        series: dict[tuple[str, bool], set[tuple[int, float, str]]] = defaultdict(set)
        for table in tables:
            for row in table.rows:
                if row.organ != organ or not row.computable or row.n_fractions is None or not kind.takes(row):
                    continue
                mandatory = row.level is not None and row.level.value == "mandatory"
                volume = kind.volume(row, table)
                # Rows on other volumes are other lines: joining them would draw a limit that nobody printed.
                title = table.title if kind in _KINDS[:1] + _KINDS[2:3] else f"{table.title}{volume}"
                series[title, mandatory].add((row.n_fractions, kind.dose_gy(row), volume))
        if series:
            return kind, {key: sorted(points) for key, points in series.items()}
    return None, {}


def _mark_disagreements(axes: Axes, organ: str, tables: Sequence[OrganTable], place: dict[int, int]) -> None:
    """A grey bar from the lowest to the highest mandatory point maximum, with both numbers above it."""
    for _, n, metric, limits in disagreements(tables, organ=organ):
        if metric != "point maximum" or n not in place:
            continue
        low, high = limits[0][0], limits[-1][0]
        axes.bar(place[n], high - low, width=0.62, bottom=low, color="#000000", alpha=0.08, lw=0, zorder=1)
        axes.annotate(
            f"{low:g} to {high:g}",
            (place[n], high),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color="#444444",
            bbox={"boxstyle": "round,pad=0.12", "fc": "white", "ec": "none", "alpha": 0.8},
            zorder=4,
        )
