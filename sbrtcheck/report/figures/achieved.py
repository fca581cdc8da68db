"""The figure of what the targets get: BED of near-minimum, median and near-maximum, beside the prescribed one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sbrtcheck.model import FindingKind, Report
from sbrtcheck.report.figures.course import tier_style
from sbrtcheck.report.figures.dvh import svg_text
from sbrtcheck.report.headline import clean

_ACHIEVED = re.compile(r"BED\(a/b=(?P<ratio>[\d.]+)\):(?P<metric>D[\d.]+(?:%|cc))\[Gy\]")
_TIER = re.compile(r"(?:above|below) [\d.]+ Gy|[\d.]+ to [\d.]+ Gy")
_MARKERS = ("<", "o", ">")
MAX_TARGETS = 24
MAX_LABEL = 32


@dataclass(frozen=True, slots=True)
class TargetBed:
    """One target of one lesion: metric to BED [Gy] and tier in words, coldest first; ``prescribed_gy`` [Gy] or None."""

    label: str
    alpha_beta_gy: float
    values: tuple[tuple[str, float, str], ...]
    prescribed_gy: float | None


def target_beds(report: Report) -> tuple[TargetBed, ...]:
    """What is known of every target, lesion by lesion, as the findings have it."""
    prescribed = {item.lesion.id: item.bed10_gy for item in report.lesions}
    found: dict[tuple[str, str, float], list[tuple[str, float, str]]] = {}
    for f in report.findings:
        match = _ACHIEVED.fullmatch(f.metric)
        if f.kind is FindingKind.LESION_BED10 and match is not None and f.value is not None:
            tier = _TIER.search(f.note)
            place = (f.lesion, f.roi, float(match["ratio"]))
            found.setdefault(place, []).append((match["metric"], f.value, tier[0] if tier else ""))
    return tuple(
        TargetBed(
            f"{clean(lesion, limit=8)}: {clean(roi, limit=MAX_LABEL)}",
            ratio,
            tuple(sorted(values, key=lambda item: item[1])),
            prescribed.get(lesion),
        )
        for (lesion, roi, ratio), values in found.items()
    )


def achieved_svg(report: Report) -> str:
    """A line per target from its near-minimum to its near-maximum, or "" without any. See ``figures.svg_text``.

    The tone of each mark is its own tier, and a vertical line stands at each edge of a tier that is named.
    """
    targets = target_beds(report)[:MAX_TARGETS]
    if not targets or len({t.alpha_beta_gy for t in targets}) > 1:
        return ""
    return svg_text(lambda figure: _draw(figure.add_subplot(), targets), size=(7.6, 1.35 + 0.3 * len(targets)))


def _draw(axes: Any, targets: tuple[TargetBed, ...]) -> None:
    tiers = list(dict.fromkeys(tier for t in targets for _, _, tier in t.values))
    for edge in sorted({float(number) for tier in tiers for number in re.findall(r"[\d.]+", tier)}):
        axes.axvline(edge, color="0.6", linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
    for row, target in enumerate(targets):
        numbers = [value for _, value, _ in target.values]
        axes.plot([numbers[0], numbers[-1]], [row, row], color="0.55", linewidth=1.4, zorder=2)
        marks = _MARKERS if len(numbers) == len(_MARKERS) else ("o",) * len(numbers)
        for marker, (_, value, tier) in zip(marks, target.values, strict=True):
            color = tier_style(tier)[0]
            axes.plot([value], [row], marker=marker, color=color, markersize=6.5, linestyle="", zorder=4)
        if target.prescribed_gy is not None:
            axes.plot(
                [target.prescribed_gy], [row], marker="|", color="black", markersize=13, markeredgewidth=1.6, zorder=3
            )
    # A name is never a formula ($).
    axes.set_yticks(range(len(targets)), [target.label for target in targets], parse_math=False)
    axes.set_ylim(len(targets) - 0.5, -0.5)
    highest = max(max(value for _, value, _ in t.values) for t in targets)
    axes.set_xlim(0.0, 1.06 * max(highest, *(t.prescribed_gy or 0.0 for t in targets)))
    ratio = targets[0].alpha_beta_gy
    axes.set_xlabel(f"BED (a/b {ratio:g} Gy) [Gy]")
    # At one alpha/beta, EQD2 is BED on another scale.
    scale = 1.0 + 2.0 / ratio
    second = axes.secondary_xaxis("top", functions=(lambda x: x / scale, lambda x: x * scale))
    second.set_xlabel(f"EQD2 (a/b {ratio:g} Gy) [Gy]")
    axes.grid(visible=True, axis="x", color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    _legend(axes, tiers)


def _legend(axes: Any, tiers: list[str]) -> None:
    from matplotlib.lines import Line2D

    words = ("near-minimum", "median", "near-maximum")
    handles = [
        Line2D([], [], marker=m, color="0.3", linestyle="", label=w) for m, w in zip(_MARKERS, words, strict=True)
    ]
    handles.append(Line2D([], [], marker="|", color="black", linestyle="", markersize=11, label="prescribed"))
    handles += [Line2D([], [], marker="s", color=tier_style(t)[0], linestyle="", label=t) for t in tiers if t]
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, frameon=False, fontsize=8.0
    )
