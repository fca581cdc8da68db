"""The common orientation of contour planes, and contours in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.scanline import following, ranges
from sbrtcheck.errors import Problem
from sbrtcheck.model import FloatArray
from sbrtcheck.model.dose import mapped

PLANE_TOLERANCE_MM = 0.05
DEGENERATE_MM2 = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Axes of the contour planes: rows of ``axes`` are u, v (in plane) and w (normal), in patient coordinates."""

    axes: FloatArray

    def to_frame(self, points_mm: FloatArray) -> FloatArray:
        """(n, 3) patient positions -> (u, v, w) [mm]."""
        return mapped(points_mm, self.axes)

    def to_patient(self, points_mm: FloatArray) -> FloatArray:
        """(n, 3) positions (u, v, w) -> patient positions [mm]."""
        return mapped(points_mm, self.axes.T)


def box_corners(low: FloatArray, high: FloatArray) -> FloatArray:
    """The corners (8, 3) of a box, from its lowest and its highest one (3,)."""
    return np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), axis=-1).reshape(-1, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Loops (n, 2) in the frame of their planes, and their positions along its normal (n_loops,) [mm]."""

    frame: Frame
    loops: list[FloatArray]
    w_mm: FloatArray


def place_loops(name: str, clouds: list[FloatArray]) -> Placed | Problem:
    """Loops in the common orientation of their planes, or why there is none: E-NONPLANAR, E-NONAXIAL."""
    points = np.concatenate(clouds)
    n_points = np.array([len(c) for c in clouds])
    stop = np.cumsum(n_points)
    normals = _newell(points, n_points)
    sizes = np.linalg.norm(normals, axis=1)
    largest = normals[np.argmax(sizes)]
    if np.max(sizes) < DEGENERATE_MM2:
        # Nothing encloses an area by the shoelace rule (a figure of eight does not): fit a plane to all points.
        largest = np.linalg.svd(clouds[0] - clouds[0].mean(axis=0), full_matrices=False)[2][2]
    signs = np.where(normals @ largest < 0, -1.0, 1.0)
    normal = (normals * signs[:, None]).sum(axis=0)
    normal = normal if np.linalg.norm(normal) > DEGENERATE_MM2 else largest
    normal = normal / np.linalg.norm(normal)
    axis = int(np.argmax(np.abs(normal)))
    if abs(normal[axis]) > 1 - 1e-8:
        normal = np.eye(3)[axis]
    frame = Frame(_axes(normal))
    turned = frame.to_frame(points)
    low, high = ranges(turned[:, 2], n_points)
    worst = float(np.max(high - low))
    if worst > 2 * PLANE_TOLERANCE_MM:
        planar = True
        for index in np.flatnonzero(high - low > 2 * PLANE_TOLERANCE_MM):
            centred = clouds[index] - clouds[index].mean(axis=0)
            off = centred @ np.linalg.svd(centred, full_matrices=False)[2][2]
            planar = planar and float(np.max(np.abs(off))) <= PLANE_TOLERANCE_MM
        code = "E-NONAXIAL" if planar else "E-NONPLANAR"
        return Problem(code, name, seen=f"{worst / 2:.2f} mm off the plane")
    loops = [turned[end - n : end, :2] for end, n in zip(stop, n_points, strict=True)]
    return Placed(frame, loops, np.add.reduceat(turned[:, 2], stop - n_points) / n_points)


def _newell(points: FloatArray, n_points: NDArray[np.int64]) -> FloatArray:
    """Area vector of every loop [mm2], (n_loops, 3), of loops one after the other."""
    first = np.cumsum(n_points) - n_points
    centred = points - points[np.repeat(first, n_points)]
    after = centred[following(n_points)]
    x, y, z = centred.T
    a, b, c = after.T
    cross = np.stack([y * c - z * b, z * a - x * c, x * b - y * a])
    result: FloatArray = 0.5 * np.add.reduceat(cross, first, axis=1).T
    return result


def _axes(normal: FloatArray) -> FloatArray:
    """Right-handed axes with w along the normal; plain patient axes when the normal is one of them."""
    axis = int(np.argmax(np.abs(normal)))
    normal = normal * np.sign(normal[axis])
    helper = np.eye(3)[(axis + 1) % 3]
    u = helper - (helper @ normal) * normal
    u = u / np.linalg.norm(u)
    return np.array([u, np.cross(normal, u), normal])
