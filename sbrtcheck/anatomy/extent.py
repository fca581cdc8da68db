"""Whether a drawn organ reaches the height of the target, so that its dose says something of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sbrtcheck.anatomy.organs import Candidate, find
from sbrtcheck.model import FloatArray
from sbrtcheck.model.policy import DrawnAlong


@dataclass(frozen=True, slots=True)
class Height:
    """From ``low_mm`` to ``high_mm`` along the patient [mm]."""

    low_mm: float
    high_mm: float

    @classmethod
    def of(cls, points_mm: FloatArray) -> Height:
        """The height of a cloud of points, which is not empty."""
        return cls(float(points_mm[:, 2].min()), float(points_mm[:, 2].max()))

    def gap_mm(self, other: Height) -> float:
        """How far two heights lie apart [mm], 0 when they overlap."""
        return max(self.low_mm - other.high_mm, other.low_mm - self.high_mm, 0.0)


def height_of(candidates: Sequence[Candidate]) -> Height | None:
    """Of all that is drawn of some candidates; None when nothing is."""
    drawn = [c.points_mm for c in candidates if c.points_mm.size]
    return Height.of(np.concatenate(drawn)) if drawn else None


def out_of_height(
    candidates: Sequence[Candidate], options: Sequence[str], target: Height, *, reach_mm: float
) -> dict[str, float]:
    """The organs of which none lies within ``reach_mm`` of the target along the patient, with how far they are [mm]."""
    out = {}
    for option in options:
        height = height_of(find(candidates, option))
        gap = height.gap_mm(target) if height is not None else 0.0
        if gap > reach_mm:
            out[option] = gap
    return out


def asked_height(
    along: DrawnAlong,
    candidates: Sequence[Candidate],
    target: Height,
    *,
    beyond_mm: float,
    above_apex_mm: float,
    scan: Height | None,
) -> Height | None:
    """The height over which an organ must be drawn to settle its rows beside a target; None when over none.

    That of the target and ``beyond_mm`` each way, as far as the scan goes; for an organ that ends (the oesophagus)
    only between its landmark's top and ``above_apex_mm`` above the lung apex.
    """
    low, high = target.low_mm - beyond_mm, target.high_mm + beyond_mm
    if scan is not None:
        low, high = max(low, scan.low_mm), min(high, scan.high_mm)
    if along.to_landmark:
        landmark = height_of(find(candidates, along.to_landmark))
        low = max(low, landmark.high_mm) if landmark is not None else low
    if along.from_key:
        lungs = height_of([*find(candidates, "Lungs"), *find(candidates, "Lung")])
        high = min(high, lungs.high_mm + above_apex_mm) if lungs is not None else high
    return Height(low, high) if low < high else None


def not_along(
    along: DrawnAlong, candidates: Sequence[Candidate], asked: Height, target: Height, *, beyond_mm: float
) -> str:
    """Why what is drawn of an organ does not cover the height that is asked for; "" when it does or none is drawn."""
    drawn = [
        c for name in along.drawn_as for n in (name, f"{name}_PRV") for c in find(candidates, n) if c.points_mm.size
    ]
    if not drawn:
        return ""
    planes = np.unique(np.round(np.concatenate([c.points_mm[:, 2] for c in drawn]), 1))
    step = float(np.median(np.diff(planes))) if len(planes) > 1 else 0.0
    # A contour stands for half a plane distance each way, and so does the target's.
    tolerance_mm = min(step, beyond_mm)
    inner = planes[(planes > asked.low_mm) & (planes < asked.high_mm)]
    heights = np.concatenate([[asked.low_mm - tolerance_mm], inner, [asked.high_mm + tolerance_mm]])
    rois = " and ".join(dict.fromkeys(c.roi for c in drawn))
    said = f"{rois} drawn from z {planes[0]:.0f} to {planes[-1]:.0f} mm"
    reaches = f"the target reaches from {target.low_mm:.0f} to {target.high_mm:.0f} mm"
    if planes[0] > asked.low_mm + tolerance_mm or planes[-1] < asked.high_mm - tolerance_mm:
        return f"{said}, {reaches}, and {beyond_mm:g} mm beyond each end is asked for"
    gap = float(np.max(np.diff(heights)))
    return f"{said} with a gap of {gap:.0f} mm beside the target" if gap > 2 * beyond_mm + tolerance_mm else ""
