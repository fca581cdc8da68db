"""Figures of a course: where its lesions lie in the body, and the EQD2 of organs with each plan's share."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sbrtcheck.model import Curve, FindingKind, Outline, Report, Verdict
from sbrtcheck.report.figures.dvh import COLORS, LIMIT_MARKERS, LIMIT_WORDS, LimitPoint, limit_point, svg_text, thinned
from sbrtcheck.report.headline import clean

# Colour and line of the tiers, the highest first; grey without a prescription.
_HIGH, _MIDDLE, _LOW = ("#0072B2", "-"), ("#E69F00", "--"), ("#D55E00", ":")
_NO_TIER = ("0.45", "-.")
_SCALE_BARS_MM = (200.0, 100.0, 50.0, 20.0, 10.0)
_ALONE_STYLES: tuple[Any, ...] = ("--", "-.", (0, (1, 1.5)), (0, (6, 2, 1, 2, 1, 2)))
_CONVERTED = re.compile(r"EQD2\(a/b=(?P<ratio>[\d.]+)\):(?P<metric>.+)")
COLUMNS = 2
MAX_LABEL = 24
# The axis ends where the curves are lower than this: the hottest spots of a lung would squeeze all the rest.
TAIL_PERCENT = 0.5


def lesion_map_svg(report: Report) -> str:
    """The targets in the body, from the front and from the feet, or "" without any target.

    The tone of a target is the BED10 tier of its prescription. The same report gives the same bytes.
    """
    if not any(outline.lesion for outline in report.outlines):
        return ""
    views = ([o.front_mm for o in report.outlines], [o.feet_mm for o in report.outlines])
    extents = [_extent(lines) for lines in views]
    shape = max((high_y - low_y) / max(high_x - low_x, 1.0) for low_x, high_x, low_y, high_y in extents)
    height = min(max(1.3 + 3.0 * shape, 2.4), 5.6)
    return svg_text(lambda figure: _draw_map(figure, report.outlines), size=(7.6, height))


def tier_style(tier: str) -> tuple[str, Any]:
    """Colour and line style of a tier by its words: "above ..", "below .." or a range; grey without one."""
    if not tier:
        return _NO_TIER
    return {"above": _HIGH, "below": _LOW}.get(tier.partition(" ")[0], _MIDDLE)


def _draw_map(figure: Any, outlines: Sequence[Outline]) -> None:
    from matplotlib.patches import Patch

    views = (("From the front", [o.front_mm for o in outlines]), ("From the feet", [o.feet_mm for o in outlines]))
    for place, (title, lines) in zip(figure.subplots(1, 2), views, strict=True):
        place.set_title(title, fontsize=9.0)
        _draw_view(place, outlines, lines)
        low_x, high_x, low_y, high_y = _extent(lines)
        margin = 0.06 * max(high_x - low_x, high_y - low_y)
        # In DICOM, y rises to the back, which lies below when one looks from the feet.
        front = title == "From the front"
        down, lowest, highest = (-margin, low_y, high_y) if front else (margin, high_y, low_y)
        mid_x, mid_y = 0.5 * (low_x + high_x), 0.5 * (low_y + high_y)
        below, above = ("feet", "head") if front else ("back", "front")
        for x, y, word in (
            (low_x - margin, mid_y, "R"),
            (high_x + margin, mid_y, "L"),
            (mid_x, lowest + down, below),
            (mid_x, highest - down, above),
        ):
            place.text(x, y, word, ha="center", va="center", fontsize=8.0, color="0.35")
        bar_mm = next((b for b in _SCALE_BARS_MM if b <= 0.4 * (high_x - low_x)), _SCALE_BARS_MM[-1])
        ends, level = (low_x, low_x + bar_mm), lowest + 2.2 * down
        place.plot(ends, (level, level), color="black", linewidth=2.5, solid_capstyle="butt")
        text = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "fontsize": 8.0}
        place.annotate(f"{bar_mm:g} mm", (ends[1], level), **text)
        place.set_xlim(low_x - 2 * margin, high_x + 2 * margin)
        place.set_ylim(lowest + 3 * down, highest - 2 * down)
        place.set_aspect("equal")
        place.set_axis_off()
    tiers = sorted(
        {o.tier for o in outlines if o.lesion}, key=lambda t: (_HIGH, _MIDDLE, _LOW, _NO_TIER).index(tier_style(t))
    )
    handles = []
    for tier in tiers:
        color, line = tier_style(tier)
        label = f"BED10 {tier}" if tier else "prescription not known"
        handles.append(Patch(facecolor=(color, 0.35), edgecolor=color, linestyle=line, label=clean(label)))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8.5)


def _draw_view(place: Any, outlines: Sequence[Outline], lines: Sequence[Sequence[tuple[float, float]]]) -> None:
    from matplotlib.patches import Polygon

    spots: list[tuple[float, float]] = []
    for outline, line in zip(outlines, lines, strict=True):
        if not outline.lesion:
            place.add_patch(Polygon(line, closed=True, facecolor="0.95", edgecolor="0.55", linewidth=1.0))
            continue
        color, style = tier_style(outline.tier)
        place.add_patch(
            Polygon(line, closed=True, facecolor=(color, 0.35), edgecolor=color, linestyle=style, linewidth=1.3)
        )
        spots.append(_middle(line))
    low_x, high_x, low_y, high_y = _extent(lines)
    reach = 0.05 * max(high_x - low_x, high_y - low_y)
    treated = [(o, line) for o, line in zip(outlines, lines, strict=True) if o.lesion]
    taken: list[tuple[float, float]] = []
    for number, (outline, line) in enumerate(treated):
        others = [*taken, *(spot for i, spot in enumerate(spots) if i != number)]
        at = _label_place(line, others, reach)
        taken.append(at)
        text = place.text(*at, "", ha="center", va="center", fontsize=9.0, fontweight="bold", zorder=6)
        text.set_parse_math(False)
        text.set_text(clean(outline.lesion, limit=12))


def _label_place(
    line: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]], reach_mm: float
) -> tuple[float, float]:
    """Beside the target, on the side that is farthest from other targets and labels; up and right where all are far."""
    x, y = _middle(line)
    half_x = 0.5 * (max(p[0] for p in line) - min(p[0] for p in line)) + reach_mm
    half_y = 0.5 * (max(p[1] for p in line) - min(p[1] for p in line)) + reach_mm
    ways = (
        (0.75, 0.75),
        (-0.75, 0.75),
        (0.75, -0.75),
        (-0.75, -0.75),
        (1.0, 0.0),
        (-1.0, 0.0),
        (0.0, 1.0),
        (0.0, -1.0),
    )
    places = [(x + half_x * dx, y + half_y * dy) for dx, dy in ways]

    def free_mm(at: tuple[float, float]) -> float:
        gaps = [math.hypot(at[0] - o[0], at[1] - o[1]) for o in others]
        return min([*gaps, 3.0 * reach_mm])

    return max(places, key=free_mm)


def _middle(line: Sequence[tuple[float, float]]) -> tuple[float, float]:
    xs, ys = [p[0] for p in line], [p[1] for p in line]
    return 0.5 * (min(xs) + max(xs)), 0.5 * (min(ys) + max(ys))


def _extent(lines: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float, float, float]:
    xs, ys = [p[0] for line in lines for p in line], [p[1] for line in lines for p in line]
    return min(xs), max(xs), min(ys), max(ys)


def course_dvh_svg(report: Report) -> str:
    """EQD2 of the whole course in each organ with that of each plan alone, or "" when nothing was summed.

    A derived limit that a verdict rests on is a marker on the curve of the sum, joined to its value.
    """
    panels: dict[str, list[Curve]] = {}
    for curve in report.course_curves:
        if len(curve.dose_gy) > 1:
            panels.setdefault(curve.roi, []).append(curve)
    if not panels:
        return ""
    n_rows = -(-len(panels) // COLUMNS)
    height = 0.7 + 2.05 * n_rows
    return svg_text(lambda figure: _draw_curves(figure, panels, report), size=(7.6, height))


def _draw_curves(figure: Any, panels: dict[str, list[Curve]], report: Report) -> None:
    from matplotlib.lines import Line2D

    alone = list(dict.fromkeys(c.plan for curves in panels.values() for c in curves if c.plan))
    styles: dict[str, dict[str, Any]] = {"": {"color": "black", "linestyle": "-", "linewidth": 2.0, "zorder": 2.2}}
    for i, plan in enumerate(alone):
        dashes = _ALONE_STYLES[i % len(_ALONE_STYLES)]
        styles[plan] = {"color": COLORS[i % len(COLORS)], "linestyle": dashes, "linewidth": 1.4, "zorder": 2.5}
    n_columns = min(COLUMNS, len(panels))
    places = list(figure.subplots(-(-len(panels) // n_columns), n_columns, squeeze=False).flat)
    used: set[Verdict] = set()
    for place, (name, curves) in zip(places, panels.items(), strict=False):
        title = place.set_title("", fontsize=8.5)
        title.set_parse_math(False)
        title.set_text(clean(name, limit=48))
        reach_gy = 0.1
        for curve in curves:
            dose, volume = thinned(curve)
            place.plot(dose, volume, **styles[curve.plan])
            reach_gy = max([reach_gy, *(d for d, v in zip(dose, volume, strict=True) if v > TAIL_PERCENT)])
            for point in sum_limits(report, curve):
                _draw_limit(place, point)
                used.add(point.verdict)
                reach_gy = max(reach_gy, point.dose_gy)
        place.set_xlim(0.0, reach_gy * 1.03)
        place.set_ylim(0.0, 101.0)
        place.grid(visible=True, color="0.9", linewidth=0.6)
        place.set_axisbelow(True)
        place.tick_params(labelsize=8.0)
    for place in places[len(panels) :]:
        place.set_visible(False)
    figure.supxlabel("EQD2 [Gy]", fontsize=9.0)
    figure.supylabel("Volume [%]", fontsize=9.0)
    handles = [Line2D([], [], **styles[plan]) for plan in ("", *alone)]
    names = ["together", *(clean(plan, limit=MAX_LABEL) for plan in alone)]
    for verdict, word in LIMIT_WORDS.items():
        if verdict in used:
            handles.append(Line2D([], [], linestyle="", **_marker(verdict)))
            names.append(word)
    legend = figure.legend(
        handles,
        [f"curve {number}" for number in range(len(names))],
        loc="outside upper center",
        ncols=min(len(names), 5),
        frameon=False,
        fontsize=8.0,
        handlelength=2.6,
    )
    # Set afterwards: a name is never a formula ($), and one with a leading underscore is not left out.
    for text, label in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(label)


def sum_limits(report: Report, curve: Curve) -> tuple[LimitPoint, ...]:
    """Limits on the sum in EQD2 at the alpha/beta of a curve of the sum: those that a verdict rests on.

    Only those whose value lies on the curve: with earlier courses the curve is an upper bound, each limit has its own.
    """
    out = []
    for finding in report.course_findings:
        found = _CONVERTED.fullmatch(finding.metric)
        same_organ = finding.kind is FindingKind.ORGAN_LIMIT and finding.organ == curve.organ
        if curve.plan or found is None or not same_organ or f", a/b {found['ratio']}" not in curve.roi:
            continue
        point = limit_point(replace(finding, metric=found["metric"]), curve)
        if point is not None and point.verdict in LIMIT_WORDS and _on_curve(point, curve):
            out.append(point)
    return tuple(dict.fromkeys(out))


def _on_curve(point: LimitPoint, curve: Curve) -> bool:
    """Whether the value of a limit is that of the curve: to two of its points, and 1 % of the volume."""
    at = min(range(len(curve.dose_gy)), key=lambda i: abs(curve.dose_gy[i] - point.value_dose_gy))
    step = slice(max(at - 2, 0), at + 3)
    volumes = curve.volume_percent[step]
    return min(volumes) - 1.0 <= point.value_volume_percent <= max(volumes) + 1.0


def _draw_limit(place: Any, point: LimitPoint) -> None:
    doses, volumes = (point.value_dose_gy, point.dose_gy), (point.value_volume_percent, point.volume_percent)
    place.plot(doses, volumes, color="black", linestyle=(0, (1, 2)), linewidth=0.9)
    place.plot([point.dose_gy], [point.volume_percent], clip_on=False, zorder=5, **_marker(point.verdict))


def _marker(verdict: Verdict) -> dict[str, Any]:
    face = "black" if verdict is Verdict.NOT_MET else "white"
    return {"color": "black", "marker": LIMIT_MARKERS[verdict], "markerfacecolor": face, "markersize": 6.0}
