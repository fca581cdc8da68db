"""The DVH figure of a plan: every curve, and each organ limit as a marker that its curve must not pass."""

from __future__ import annotations

import base64
import io
import math
import re
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sbrtcheck.model import Curve, Finding, FindingKind, PlanReport, Role, Verdict
from sbrtcheck.report.headline import clean

MAX_POINTS = 400
MAX_CURVES = 24
# Around the axes and the legend, as shares of the figure: left, bottom, right, top. The labels on the left end in 100.
MARGINS = (0.075, 0.115, 0.01, 0.03)
# Okabe and Ito's colours, which people with any colour vision can tell apart; the line styles tell them apart in grey.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7A5195")
_STYLES: tuple[Any, ...] = ("-", "--", "-.", ":")
LIMIT_MARKERS = {Verdict.MET: "o", Verdict.MARGINAL: "D", Verdict.NOT_MET: "X", Verdict.NOT_EVALUABLE: "s"}
LIMIT_WORDS = {
    Verdict.MET: "limit, met",
    Verdict.MARGINAL: "limit, MARGINAL",
    Verdict.NOT_MET: "limit, NOT MET",
}
_METRIC = re.compile(r"(?P<kind>CV|DC|D|V)(?P<amount>\d+(?:\.\d+)?)(?P<amount_unit>cc|%|Gy)\[(?P<unit>Gy|cc|%)\]")


@dataclass(frozen=True, slots=True)
class LimitPoint:
    """A limit as a point of the figure, and the value that belongs to it: dose [Gy] and volume [%]."""

    dose_gy: float
    volume_percent: float
    value_dose_gy: float
    value_volume_percent: float
    verdict: Verdict


def limit_point(finding: Finding, curve: Curve) -> LimitPoint | None:
    """Where a limit stands in the figure of cumulative physical dose, or None where it has no place in it.

    A limit on D..cc or D..% lies at (limit, that volume); one on V..Gy at (that dose, limit); a spared volume or a
    coldest volume is counted from the top of the curve. Mean doses and biological doses have no place.
    """
    match = _METRIC.fullmatch(finding.metric)
    if match is None or finding.limit is None or finding.value is None or curve.volume_cm3 <= 0:
        return None
    kind, unit, amount_unit = match["kind"], match["unit"], match["amount_unit"]
    amount = float(match["amount"])
    if kind in {"D", "DC"}:
        if unit != "Gy" or amount_unit == "Gy":
            return None
        volume = amount if amount_unit == "%" else 100.0 * amount / curve.volume_cm3
        volume = 100.0 - volume if kind == "DC" else volume
        point = LimitPoint(finding.limit, volume, finding.value, volume, finding.verdict)
    else:
        if amount_unit != "Gy" or unit == "Gy":
            return None
        scale = 1.0 if unit == "%" else 100.0 / curve.volume_cm3
        limit, value = finding.limit * scale, finding.value * scale
        if kind == "CV":
            limit, value = 100.0 - limit, 100.0 - value
        point = LimitPoint(amount, limit, amount, value, finding.verdict)
    inside = 0.0 <= point.volume_percent <= 100.0 and 0.0 <= point.value_volume_percent <= 100.0
    return point if inside else None


def belongs(finding: Finding, curve: Curve, names: Collection[str]) -> bool:
    """Whether a limit is drawn on a curve: that of its ROI, else that of the structure derived for its organ.

    Args:
        names: the ROIs of all curves.
    """
    if finding.roi in names:
        return finding.roi == curve.roi
    return bool(finding.organ) and finding.organ == curve.roi


def limit_points(plan: PlanReport, curve: Curve) -> tuple[LimitPoint, ...]:
    """The limits of one curve; a limit that stands twice is drawn once."""
    names = {other.roi for other in plan.curves}
    found = [
        limit_point(finding, curve)
        for finding in plan.findings
        if finding.kind is FindingKind.ORGAN_LIMIT and belongs(finding, curve, names)
    ]
    return tuple(dict.fromkeys(point for point in found if point is not None))


def drawn_curves(plan: PlanReport) -> tuple[Curve, ...]:
    """At most MAX_CURVES curves in their order: the targets, then those with a limit, then the rest."""
    usable = [curve for curve in plan.curves if len(curve.dose_gy) > 1]
    limits = [finding for finding in plan.findings if finding.kind is FindingKind.ORGAN_LIMIT]
    names = {curve.roi for curve in plan.curves}
    limited = [any(belongs(finding, curve, names) for finding in limits) for curve in usable]
    order = sorted(range(len(usable)), key=lambda i: (usable[i].role is not Role.TARGET, not limited[i], i))
    return tuple(usable[i] for i in sorted(order[:MAX_CURVES]))


def eqd2_svg(plan: PlanReport) -> str:
    """The EQD2 curves of the organs, each at its own alpha/beta and shaded over its range; "" for a plan without any.

    See :func:`dvh_svg`.
    """
    return dvh_svg(replace(plan, curves=plan.eqd2_curves, findings=()), axis="EQD2 [Gy]")


def dvh_svg(plan: PlanReport, *, axis: str = "Dose [Gy]") -> str:
    """The figure as SVG text, or "" for a plan without curves. The same plan gives the same bytes.

    Names are drawn as outlines, so that none of them is text or markup in the file.
    """
    curves = drawn_curves(plan)
    if not curves:
        return ""
    return svg_text(lambda figure: _draw(figure.add_subplot(), plan, curves, axis), size=(7.6, 4.3), placed=True)


def svg_text(draw: Callable[[Any], None], *, size: tuple[float, float], placed: bool = False) -> str:
    """A figure as SVG text, the same bytes each time; every letter is an outline.

    Args:
        draw: draws on a new matplotlib figure.
        size: width and height [inch].
        placed: ``draw`` has put everything in its place, which saves laying it out.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings: Any = {
        "svg.hashsalt": "sbrtcheck",
        "svg.fonttype": "path",
        "font.size": 9.0,
        "font.family": ["DejaVu Sans"],
    }
    stream = io.StringIO()
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; the table beside the figure has it in full.
        warnings.filterwarnings("ignore", message="Glyph")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure = Figure(figsize=size, dpi=72, layout=None if placed else "constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        # What savefig does, without the draw that it throws away: the layout, then the letters and lines.
        layout: Any = figure.get_layout_engine()
        if layout is not None:
            layout.execute(figure)
            figure.set_layout_engine("none")
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(stream, metadata={"Date": None, "Creator": None})
    # The writer repeats each text as a comment; outlines are all that the page needs.
    return re.sub(r"[ ]*<!--.*?-->\n?", "", stream.getvalue(), flags=re.DOTALL)


def _draw(axes: Any, plan: PlanReport, curves: Sequence[Curve], axis: str) -> None:
    from matplotlib.lines import Line2D

    handles, names = [], []
    reach_gy = 0.0
    used = set()
    for number, curve in enumerate(curves):
        color = COLORS[number % len(COLORS)]
        target = curve.role is Role.TARGET
        style = _STYLES[0] if target else _STYLES[1 + number // len(COLORS) % (len(_STYLES) - 1)]
        width = 2.0 if target else 1.3
        dose, volume = thinned(curve)
        axes.plot(dose, volume, color=color, linestyle=style, linewidth=width)
        if curve.dose_range_gy is not None:
            axes.fill_betweenx(curve.volume_percent, *curve.dose_range_gy, color=color, alpha=0.15, linewidth=0)
        handles.append(Line2D([], [], color=color, linestyle=style, linewidth=width))
        names.append(clean(curve.roi, limit=28))
        reach_gy = max(reach_gy, *(d for d, v in zip(dose, volume, strict=True) if v > 0.01), 0.0)
        for point in limit_points(plan, curve):
            marker = LIMIT_MARKERS.get(point.verdict, "o")
            axes.plot(
                [point.value_dose_gy, point.dose_gy],
                [point.value_volume_percent, point.volume_percent],
                color=color,
                linestyle=(0, (1, 2)),
                linewidth=0.9,
            )
            face = color if point.verdict is Verdict.NOT_MET else "white"
            axes.plot(
                [point.dose_gy],
                [point.volume_percent],
                color=color,
                marker=marker,
                markersize=6.5,
                markerfacecolor=face,
                clip_on=False,
                zorder=5,
            )
            used.add(point.verdict)
            reach_gy = max(reach_gy, point.dose_gy)
    left_out = sum(len(curve.dose_gy) > 1 for curve in plan.curves) - len(curves)
    if left_out:
        handles.append(Line2D([], [], linestyle=""))
        names.append(f"({left_out} more not drawn)")
    for verdict, word in LIMIT_WORDS.items():
        if verdict in used:
            face = "0.3" if verdict is Verdict.NOT_MET else "white"
            marker = LIMIT_MARKERS[verdict]
            handles.append(Line2D([], [], color="0.3", marker=marker, linestyle="", markerfacecolor=face))
            names.append(word)
    axes.set_xlim(0.0, max(math.ceil(reach_gy * 1.03), 1))
    axes.set_ylim(0.0, 101.0)
    axes.set_xlabel(axis)
    axes.set_ylabel("Volume [%]")
    axes.grid(visible=True, color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    legend = axes.legend(
        handles,
        [f"curve {number}" for number in range(len(names))],
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        frameon=False,
        fontsize=8.0 if len(names) <= 18 else 6.5,
        handlelength=2.6,
    )
    # Set afterwards: a name is never a formula ($), and one with a leading underscore is not left out.
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(name)
    # The axes take what the legend beside them leaves.
    figure = axes.figure
    width = legend.get_window_extent(figure.canvas.get_renderer()).width / figure.bbox.width
    left, bottom, right, top = MARGINS
    # The legend begins 1 % of the axes' width beyond them.
    axes.set_position((left, bottom, max((1.0 - left - right - width) / 1.01, 0.2), 1.0 - bottom - top))


def thinned(curve: Curve) -> tuple[list[float], list[float]]:
    """At most about MAX_POINTS points of a curve, the last one kept."""
    step = max(len(curve.dose_gy) // MAX_POINTS, 1)
    dose, volume = list(curve.dose_gy[::step]), list(curve.volume_percent[::step])
    if dose[-1] != curve.dose_gy[-1]:
        dose.append(curve.dose_gy[-1])
        volume.append(curve.volume_percent[-1])
    return dose, volume


def data_uri(svg: str) -> str:
    """An SVG as the source of an image element; a browser runs no script in it and fetches nothing for it."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8")).decode("ascii")
