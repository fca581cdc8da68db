"""Say whether a contour ends where the organ must go on."""

from __future__ import annotations

import numpy as np

from sbrtcheck.model import NamedRoi

# An end contour above this share of the largest one is a flat end: the organ goes on where the contours stop. At the
# end of the body outline, where the scan ends, less is enough. A round end of few planes has a large last contour too:
# it is expected to have up to 2 x spacing / half height of the largest.
FLAT_END_SHARE, FLAT_END_SHARE_AT_SCAN_END, FLAT_END_SHARE_MOST = 0.35, 0.15, 0.8


ROUND_END_ALLOWANCE = 1.5


def flat_end(named: NamedRoi, *, scan_mm: tuple[float, float] | None) -> str:
    """Say whether an end is so large that the organ must go on beyond it, or return "" when both ends are round.

    Args:
        scan_mm: heights of the first and the last contour of the body outline [mm], or None without one.
    """
    areas: dict[float, float] = {}
    for contour in named.roi.contours:
        x, y, z = contour.points_mm.T
        area = 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))
        plane = round(float(z.mean()), 1)
        areas[plane] = areas.get(plane, 0.0) + area
    planes = sorted(areas)
    largest = max(areas.values(), default=0.0)
    if len(planes) < 3 or largest <= 0:
        return ""
    step = float(np.median(np.diff(planes)))
    round_share = 2 * step / ((planes[-1] - planes[0] + step) / 2)
    inside = min(max(FLAT_END_SHARE, ROUND_END_ALLOWANCE * round_share), FLAT_END_SHARE_MOST)
    at_scan_end = min(max(FLAT_END_SHARE_AT_SCAN_END, round_share), FLAT_END_SHARE_MOST)
    for index, word in ((0, "lowest"), (-1, "highest")):
        share = areas[planes[index]] / largest
        ends_with_scan = scan_mm is not None and abs(planes[index] - scan_mm[index]) <= 0.6 * step
        if share > (at_scan_end if ends_with_scan else inside):
            where = "where the body outline ends" if ends_with_scan else "with the body going on beyond it"
            return f"its {word} contour has {share:.0%} of the area of the largest, {where}"
    return ""
