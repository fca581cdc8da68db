"""Contour points of structures [mm] and the distances between them."""

from __future__ import annotations

import numpy as np

from sbrtcheck.model import FloatArray, NamedRoi, Roi


def centroid_mm(roi: Roi) -> FloatArray:
    """Mean of the contours' vertex means weighted by their number of points [mm], shape (3,)."""
    points: FloatArray = np.concatenate([c.points_mm for c in roi.contours]).mean(axis=0)
    return points


NEAR_TARGET_MM = 50.0


POINT_STRIDE = 30


def points_distance_mm(one: FloatArray, other: FloatArray) -> float:
    """Smallest distance between two clouds of contour points [mm]; infinite when one is empty."""
    if not len(one) or not len(other):
        return float("inf")
    from scipy.spatial import cKDTree

    small, large = (one, other) if len(one) < len(other) else (other, one)
    tree = cKDTree(small)
    # Some points bound the distance; what lies farther than that from the box of the other cloud is not searched.
    bound_mm = float(np.min(tree.query(large[::POINT_STRIDE], k=1)[0])) + 1e-6
    low, high = small.min(axis=0) - bound_mm, small.max(axis=0) + bound_mm
    near = large[np.all((large >= low) & (large <= high), axis=1)]
    return float(np.min(tree.query(near, k=1)[0]))


POINT_SPACING_MM = 3.0


def points_of(named: NamedRoi) -> FloatArray:
    """Points along all contours of a ROI [mm], shape (n, 3), at most POINT_SPACING_MM apart.

    Distances are taken between such points, and a straight edge may have been drawn with its two ends only.
    """
    if not named.roi.contours:
        return np.empty((0, 3))
    points: FloatArray = np.concatenate([_along(c.points_mm) for c in named.roi.contours])
    return points


def _along(loop_mm: FloatArray) -> FloatArray:
    edges = np.roll(loop_mm, -1, axis=0) - loop_mm
    n_parts = np.maximum(np.ceil(np.linalg.norm(edges, axis=1) / POINT_SPACING_MM).astype(int), 1)
    if int(n_parts.max()) == 1:
        return loop_mm
    share = np.concatenate([np.arange(n) / n for n in n_parts])
    points: FloatArray = np.repeat(loop_mm, n_parts, axis=0) + share[:, None] * np.repeat(edges, n_parts, axis=0)
    return points
