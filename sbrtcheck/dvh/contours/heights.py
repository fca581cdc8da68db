"""What of a solid there is at a height: which raster, which end caps, and the signed distance at single points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.between import FAR_MM, Cap, Solid
from sbrtcheck.dvh.contours.raster import Float32Array
from sbrtcheck.model import FloatArray


def caps_at(solid: Solid, w_mm: float, j: int) -> list[tuple[Cap, float, str]]:
    """Caps that may reach this height, with the height above (below) their plane and which end they are."""
    caps = []
    if j > 0:
        caps += [(cap, w_mm - float(solid.w_mm[j - 1]), "upper") for cap in solid.caps_up[j - 1]]
    if j < len(solid.w_mm):
        caps += [(cap, float(solid.w_mm[j]) - w_mm, "lower") for cap in solid.caps_down[j]]
    return caps


def cap_shift(cap: Cap, t_mm: float, end: str, variant: str) -> float | None:
    """How far the outline of a cap has moved inwards at this height; None beyond its end."""
    if variant == f"{end} end short":
        return None
    if variant == f"{end} end long" and t_mm <= cap.long_mm:
        return 0.0
    if t_mm > cap.height_mm:
        return None
    return 0.0 if cap.taper is None else cap.taper.shift(t_mm)


def slab_index(solid: Solid, w_mm: float, j: int) -> int:
    """The plane whose slab holds this height, -1 for none."""
    if j > 0 and w_mm - solid.w_mm[j - 1] <= solid.half_up_mm[j - 1]:
        return j - 1
    if j < len(solid.w_mm) and solid.w_mm[j] - w_mm <= solid.half_down_mm[j]:
        return j
    return -1


def slab_plane(solid: Solid, w_mm: float, j: int) -> int:
    index = slab_index(solid, w_mm, j)
    return -1 if index < 0 else solid.whole[index]


def weights_of(position: FloatArray, n: int) -> tuple[NDArray[np.int64], Float32Array]:
    """Lower pixel and share of the upper one for linear interpolation, held at the edges."""
    clipped = np.clip(position, 0.0, n - 1 - 1e-6)
    lower = clipped.astype(np.int64)
    return lower, (clipped - lower).astype(np.float32)


def distance_at(solid: Solid, points_mm: FloatArray, convention: str) -> Float32Array:
    """Signed distance of one level at points (n, 3), by height in turn."""
    result = np.full(len(points_mm), -FAR_MM, dtype=np.float32)
    if not len(points_mm):
        return result
    canvas = solid.canvas
    column, s = weights_of((points_mm[:, 0] - canvas.u0_mm) / canvas.pitch_mm, canvas.n_u)
    row, t = weights_of((points_mm[:, 1] - canvas.v0_mm) / canvas.pitch_mm, canvas.n_v)
    w = points_mm[:, 2]

    def raster(index: int, which: NDArray[np.int64]) -> Float32Array:
        values = solid.rasters[index]
        i, j, a, b = column[which], row[which], s[which], t[which]
        low = values[j, i] * (1 - a) + values[j, i + 1] * a
        high = values[j + 1, i] * (1 - a) + values[j + 1, i + 1] * a
        return np.asarray(low * (1 - b) + high * b, dtype=np.float32)

    interval = np.searchsorted(solid.w_mm, w)
    order = np.argsort(interval, kind="stable")
    starts = np.searchsorted(interval[order], np.arange(len(solid.w_mm) + 2))
    for j in range(len(solid.w_mm) + 1):
        which = order[starts[j] : starts[j + 1]]
        if not len(which):
            continue
        if convention == "slab":
            for plane, reach, sign in ((j - 1, solid.half_up_mm, 1), (j, solid.half_down_mm, -1)):
                if 0 <= plane < len(solid.w_mm) and solid.whole[plane] >= 0:
                    above = (w[which] - solid.w_mm[plane]) * sign
                    end = (reach[plane] - above).astype(np.float32)
                    result[which] = np.maximum(result[which], np.minimum(raster(solid.whole[plane], which), end))
            continue
        gap = solid.gaps[j - 1] if 0 < j < len(solid.w_mm) else None
        if gap is not None:
            a = ((w[which] - solid.w_mm[j - 1]) / (solid.w_mm[j] - solid.w_mm[j - 1])).astype(np.float32)
            blend = raster(gap.lower, which) * (1 - a) + raster(gap.upper, which) * a
            result[which] = blend - 4 * a * (1 - a) * np.float32(gap.shift_mm)
        for plane, caps, sign in ((j - 1, solid.caps_up, 1), (j, solid.caps_down, -1)):
            if not 0 <= plane < len(solid.w_mm):
                continue
            for cap in caps[plane]:
                above = (w[which] - solid.w_mm[plane]) * sign
                value = raster(cap.raster, which)
                if cap.taper is not None:
                    left = np.maximum(np.interp(above, cap.taper.at_mm, cap.taper.shift_squared), 0.0)
                    moved = np.asarray(cap.taper.inradius_mm - np.sqrt(left), dtype=np.float32)
                    value = np.asarray(value - moved, dtype=np.float32)
                    value[above > cap.height_mm] = -FAR_MM
                else:
                    value = np.minimum(value, (cap.height_mm - above).astype(np.float32))
                result[which] = np.maximum(result[which], value)
    return result
