"""Analytic structures in analytic doses: contours, grids and the truth by closed form or dense sampling.

A solid is given by the function ``depth`` (positive inside); its cross-sections are drawn as a planning system would,
as closed loops on parallel planes with a random phase. The dose falls off around the solid so that 50 Gy, the
prescription, is the dose on the surface. The truth never uses contours or grids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model import Contour, DoseGrid, Roi

Array = NDArray[np.float64]
PRESCRIPTION_GY = 50.0


@dataclass(frozen=True)
class Solid:
    """A solid around the origin. ``loops(z)`` are its outlines at a height, each (n, 2) [mm]."""

    name: str
    volume_cm3: float
    half_height_mm: float
    half_width_mm: float
    loops: Callable[[float], list[Array]]
    inside: Callable[[Array], NDArray[np.bool_]]
    flat_ended: bool = False


@dataclass(frozen=True)
class Case:
    """One solid in one dose, as contours and grid, with the true metrics."""

    name: str
    roi: Roi
    dose: DoseGrid
    volume_cm3: float
    truth: dict[str, float]
    contour_mm: float
    grid_mm: float
    flat_ended: bool = False
    uncertainty: dict[str, float] = field(default_factory=dict)

    @property
    def size_class(self) -> str:
        """The class that results are listed by."""
        v = self.volume_cm3
        return "<0.5" if v < 0.5 else "0.5-2" if v < 2 else "2-20" if v <= 20 else ">20"


def circle(radius: float, centre: tuple[float, float] = (0.0, 0.0), step_mm: float = 1.0) -> Array:
    """A regular polygon with the area of the circle."""
    n = int(np.clip(2 * np.pi * radius / step_mm, 32, 360))
    t = 2 * np.pi * np.arange(n) / n
    r = radius * np.sqrt(2 * np.pi / n / np.sin(2 * np.pi / n))
    return np.column_stack([centre[0] + r * np.cos(t), centre[1] + r * np.sin(t)])


def sphere(volume_cm3: float) -> Solid:
    radius = (3000 * volume_cm3 / 4 / np.pi) ** (1 / 3)
    return Solid(
        "sphere",
        volume_cm3,
        radius,
        radius,
        lambda z: [circle(np.sqrt(radius**2 - z * z))] if abs(z) < radius else [],
        lambda p: np.sum(p * p, axis=1) <= radius**2,
    )


def ellipsoid(volume_cm3: float, ratio: tuple[float, float, float] = (1.0, 1.4, 0.8)) -> Solid:
    scale = (3000 * volume_cm3 / 4 / np.pi / np.prod(ratio)) ** (1 / 3)
    a, b, c = (scale * r for r in ratio)
    return Solid(
        "ellipsoid",
        volume_cm3,
        c,
        max(a, b),
        lambda z: [circle(1.0, step_mm=0.05) * np.sqrt(1 - z * z / c / c) * np.array([a, b])] if abs(z) < c else [],
        lambda p: np.sum((p / np.array([a, b, c])) ** 2, axis=1) <= 1,
    )


def torus(ring_mm: float, tube_mm: float) -> Solid:
    """Lying in the plane of the contours: two nested loops on every plane."""

    def loops(z: float) -> list[Array]:
        if abs(z) >= tube_mm:
            return []
        half = np.sqrt(tube_mm**2 - z * z)
        return [circle(ring_mm + half), circle(ring_mm - half)]

    def inside(p: Array) -> NDArray[np.bool_]:
        return (np.hypot(p[:, 0], p[:, 1]) - ring_mm) ** 2 + p[:, 2] ** 2 <= tube_mm**2

    volume = 2 * np.pi**2 * ring_mm * tube_mm**2 / 1000
    return Solid("torus", volume, tube_mm, ring_mm + tube_mm, loops, inside)


def cylinder(radius: float, height: float) -> Solid:
    return Solid(
        "cylinder",
        np.pi * radius**2 * height / 1000,
        height / 2,
        radius,
        lambda z: [circle(radius)] if abs(z) <= height / 2 else [],
        lambda p: (np.hypot(p[:, 0], p[:, 1]) <= radius) & (np.abs(p[:, 2]) <= height / 2),
        flat_ended=True,
    )


def cone(radius: float, height: float) -> Solid:
    """Apex up: flat at the lower end."""

    def at(z: float | Array) -> float | Array:
        return radius * (height / 2 - z) / height

    return Solid(
        "cone",
        np.pi * radius**2 * height / 3000,
        height / 2,
        radius,
        lambda z: [circle(float(at(z)))] if -height / 2 <= z < height / 2 else [],
        lambda p: (np.hypot(p[:, 0], p[:, 1]) <= at(p[:, 2])) & (np.abs(p[:, 2]) <= height / 2),
        flat_ended=True,
    )


def shell(outer_mm: float, inner_mm: float) -> Solid:
    def loops(z: float) -> list[Array]:
        return [circle(np.sqrt(r * r - z * z)) for r in (outer_mm, inner_mm) if abs(z) < r]

    def inside(p: Array) -> NDArray[np.bool_]:
        r = np.linalg.norm(p, axis=1)
        return (r <= outer_mm) & (r >= inner_mm)

    volume = 4 / 3 * np.pi * (outer_mm**3 - inner_mm**3) / 1000
    return Solid("shell", volume, outer_mm, outer_mm, loops, inside)


def two_spheres(first_mm: float, second_mm: float, apart: tuple[float, float, float]) -> Solid:
    """Two parts in one structure, ending at different heights."""
    centres = np.array([np.zeros(3), np.array(apart)])
    radii = (first_mm, second_mm)

    def loops(z: float) -> list[Array]:
        found = []
        for centre, radius in zip(centres, radii, strict=True):
            if abs(z - centre[2]) < radius:
                found.append(circle(np.sqrt(radius**2 - (z - centre[2]) ** 2), (centre[0], centre[1])))
        return found

    def inside(p: Array) -> NDArray[np.bool_]:
        return np.any([np.sum((p - c) ** 2, axis=1) <= r * r for c, r in zip(centres, radii, strict=True)], axis=0)

    reach = max(abs(apart[2]) + second_mm, first_mm)
    wide = max(np.hypot(apart[0], apart[1]) + second_mm, first_mm)
    return Solid("two parts", 4 / 3 * np.pi * (first_mm**3 + second_mm**3) / 1000, reach, wide, loops, inside)


def peak(
    edge_mm: float, *, stretch: tuple[float, float, float] = (1, 1, 1), sigma_mm: float | None = None
) -> Callable[[Array], Array]:
    """A Gaussian peak that is 50 Gy at ``edge_mm`` from the origin; as wide as a small photon field makes it."""
    sigma = 1.2 * edge_mm + 4.0 if sigma_mm is None else sigma_mm
    top_gy = PRESCRIPTION_GY * np.exp(edge_mm**2 / 2 / sigma**2)
    scale = np.array(stretch)
    return lambda p: top_gy * np.exp(-np.sum((p / scale) ** 2, axis=1) / 2 / sigma**2)


def ramp(direction: tuple[float, float, float], per_mm: float, *, middle_gy: float = 30.0) -> Callable[[Array], Array]:
    axis = np.array(direction) / np.linalg.norm(direction)
    return lambda p: np.maximum(middle_gy + per_mm * (p @ axis), 0.0)


def penumbra(
    direction: tuple[float, float, float], width_mm: float, *, top_gy: float = 55.0, at_mm: float = 0.0
) -> Callable[[Array], Array]:
    """A smooth step, as beside a field edge."""
    from scipy.special import ndtr

    axis = np.array(direction) / np.linalg.norm(direction)
    return lambda p: top_gy * ndtr((p @ axis - at_mm) / width_mm)


def true_metrics(solid: Solid, dose: Callable[[Array], Array], centre: Array, *, n: int = 110) -> dict[str, float]:
    """Metrics from a regular dense sampling of the solid itself, in its own frame.

    Cells on the surface are halved three times more; the uncertainty is under 0.02 Gy in the doses used here.
    """
    size = np.array([solid.half_width_mm, solid.half_width_mm, solid.half_height_mm]) * 1.001
    step = 2 * size / n
    axes = [np.linspace(-s + d / 2, s - d / 2, n) for s, d in zip(size, step, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    rng = np.random.default_rng(5)
    points = points + (rng.random(points.shape) - 0.5) * step
    kept = points[solid.inside(points)]
    values = np.sort(dose(kept + centre))[::-1]
    return metrics_of(values, solid.volume_cm3)


def exact_metrics(
    volume_cm3: float, sigma_mm: float, *, edge_mm: float | None = None, offset_mm: float = 0.0
) -> dict[str, float]:
    """Closed form for a sphere in a Gaussian peak that is 50 Gy at ``edge_mm`` (else the radius) from its middle.

    The volume at or above a dose is that of a ball about the peak that lies in the sphere: a lens of two balls, or one.
    """
    from scipy.optimize import brentq

    radius = (3000 * volume_cm3 / 4 / np.pi) ** (1 / 3)
    top_gy = PRESCRIPTION_GY * np.exp((edge_mm or radius) ** 2 / 2 / sigma_mm**2)
    whole = 4 / 3 * np.pi * radius**3

    def common(r: float) -> float:
        q = offset_mm
        if q <= abs(radius - r):
            return float(4 / 3 * np.pi * min(radius, r) ** 3)
        lens = q * q + 2 * q * (r + radius) - 3 * (r - radius) ** 2
        return float(np.pi * (radius + r - q) ** 2 * lens / (12 * q))

    def at(share: float) -> float:
        r = brentq(lambda r: common(r) - share * whole, 1e-9, radius + offset_mm, xtol=1e-10)
        return float(top_gy * np.exp(-(r**2) / 2 / sigma_mm**2))

    r = np.linspace(0.0, radius + offset_mm, 4001)
    gy = top_gy * np.exp(-(r**2) / 2 / sigma_mm**2)
    mean_gy = float(np.sum(np.diff([common(x) for x in r]) * 0.5 * (gy[1:] + gy[:-1])) / whole)
    found = {"D95%[Gy]": at(0.95), "D98%[Gy]": at(0.98), "D2%[Gy]": at(0.02), "D50%[Gy]": at(0.5), "Mean[Gy]": mean_gy}
    found["Volume"] = volume_cm3
    for volume, name in ((0.03, "D0.03cc[Gy]"), (2.0, "D2cc[Gy]")):
        if volume_cm3 > volume * 1.2:
            found[name] = at(volume / volume_cm3)
    return found


def metrics_of(values: Array, volume_cm3: float) -> dict[str, float]:
    """True metrics of equal-volume samples sorted by falling dose."""
    cumulative = (np.arange(len(values)) + 0.5) / len(values)

    def at(share: float) -> float:
        return float(np.interp(share, cumulative, values))

    found = {"D95%[Gy]": at(0.95), "D98%[Gy]": at(0.98), "D2%[Gy]": at(0.02), "D50%[Gy]": at(0.5)}
    found["Mean[Gy]"] = float(values.mean())
    found["Volume"] = volume_cm3
    for volume, name in ((0.03, "D0.03cc[Gy]"), (2.0, "D2cc[Gy]")):
        if volume_cm3 > volume * 1.2:
            found[name] = at(volume / volume_cm3)
    found["V30Gy[%]"] = 100.0 * float(np.mean(values >= 30.0))
    return found


def axes_of(orientation: int) -> Array:
    """Direction cosines of one of the eight patient orientations: columns and rows swapped and reversed."""
    swap, flip_i, flip_j = orientation & 1, orientation & 2, orientation & 4
    rows = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]) if swap else np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    if flip_i:
        rows[0] *= -1
    if flip_j:
        rows[1] *= -1
    return np.vstack([rows, np.cross(rows[0], rows[1])])


def rotation(angles: tuple[float, float, float]) -> Array:
    a, b, c = angles
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(z @ y @ x)


def draw(
    solid: Solid, spacing_mm: float, phase: float, *, centre: Array, turn: Array | None = None
) -> tuple[Contour, ...]:
    """Loops on planes ``spacing_mm`` apart; ``turn`` (3, 3) turns them about ``centre``."""
    turn = np.eye(3) if turn is None else turn
    first = np.ceil(-solid.half_height_mm / spacing_mm - phase)
    contours = []
    for k in np.arange(first, solid.half_height_mm / spacing_mm - phase + 1e-9):
        z = (k + phase) * spacing_mm
        for loop in solid.loops(z):
            if len(loop) and np.ptp(loop[:, 0]) > 0.05:
                points = np.column_stack([loop, np.full(len(loop), z)])
                contours.append(Contour(points @ turn.T + centre))
    return tuple(contours)


def grid_around(
    dose: Callable[[Array], Array],
    reach_mm: float,
    spacing_mm: float,
    phase: Array,
    *,
    axes: Array | None = None,
) -> DoseGrid:
    """A cube of dose around the origin; rows of ``axes`` are the directions of i, j and k."""
    axes = np.eye(3) if axes is None else axes
    n = 2 * int(np.ceil(reach_mm / spacing_mm)) + 1
    affine = np.eye(4)
    affine[:3, :3] = axes.T * spacing_mm
    affine[:3, 3] = -(n // 2 - phase) @ (axes * spacing_mm)
    k, j, i = np.meshgrid(*[np.arange(n)] * 3, indexing="ij")
    points = np.column_stack([i.ravel(), j.ravel(), k.ravel()]) @ affine[:3, :3].T + affine[:3, 3]
    return DoseGrid(dose(points).reshape(n, n, n), affine)


def make_case(
    solid: Solid,
    dose: Callable[[Array], Array],
    rng: np.random.Generator,
    *,
    contour_mm: float = 2.0,
    grid_mm: float = 2.0,
    orientation: int = 0,
    turn: Array | None = None,
    grid_axes: Array | None = None,
    name: str = "",
    n_truth: int = 110,
    truth: dict[str, float] | None = None,
) -> Case:
    """A case with random phases of contours and grid. ``turn`` turns the solid, ``grid_axes`` the grid.

    ``truth``: by closed form, of a dose about the middle of the solid; the dose is moved there.
    """
    centre = rng.uniform(-0.5, 0.5, 3) * grid_mm
    if truth is not None:
        about = dose
        dose = lambda p: about(p - centre)  # noqa: E731
    reach = float(np.hypot(np.hypot(solid.half_width_mm, solid.half_width_mm), solid.half_height_mm)) + 12.0
    axes = axes_of(orientation) if grid_axes is None else grid_axes
    grid = grid_around(dose, reach, grid_mm, rng.uniform(-0.5, 0.5, 3), axes=axes)
    turned = np.eye(3) if turn is None else turn
    local = (lambda p: dose((p - centre) @ turned.T + centre)) if turn is not None else dose
    return Case(
        name=name or solid.name,
        roi=Roi(1, solid.name, draw(solid, contour_mm, rng.random(), centre=centre, turn=turn)),
        dose=grid,
        volume_cm3=solid.volume_cm3,
        truth=true_metrics(solid, local, centre, n=n_truth) if truth is None else truth,
        contour_mm=contour_mm,
        grid_mm=grid_mm,
        flat_ended=solid.flat_ended,
    )


def suite(
    rng: np.random.Generator, *, spacings: tuple[tuple[float, float], ...] = ((2.0, 2.0),), n_truth: int = 110
) -> Iterator[Case]:
    """Every solid of the suite at every (contour, grid) spacing, orientations and phases drawn at random."""
    for contour_mm, grid_mm in spacings:
        common = {"contour_mm": contour_mm, "grid_mm": grid_mm, "n_truth": n_truth}
        for volume in (0.1, 0.25, 0.4, 0.7, 1.0, 1.5, 3.0, 8.0, 15.0, 25.0, 50.0):
            for make in (sphere, ellipsoid):
                solid = make(volume)
                edge = (3000 * volume / 4 / np.pi) ** (1 / 3)
                stretch = (1.0, 1.0, 1.0) if make is sphere else (1.0, 1.4, 0.8)
                scale = 1.0 if make is sphere else 1 / np.prod(stretch) ** (1 / 3)
                yield make_case(
                    solid,
                    peak(edge * scale, stretch=stretch),
                    rng,
                    contour_mm=contour_mm,
                    grid_mm=grid_mm,
                    orientation=int(rng.integers(8)),
                    n_truth=n_truth,
                )
        for volume in (0.3, 1.2, 6.0, 30.0):
            edge = (3000 * volume / 4 / np.pi) ** (1 / 3)
            sigma = max(edge, 5.0)
            steep, exact = peak(edge, sigma_mm=sigma), exact_metrics(volume, sigma)
            yield make_case(sphere(volume), steep, rng, name="steep sphere", truth=exact, **common)
        yield make_case(torus(12.0, 5.0), peak(17.0), rng, **common)
        yield make_case(torus(9.0, 3.0), peak(14.0), rng, **common)
        yield make_case(sphere(5.0), ramp((1, 1, 0.5), 1.5), rng, name="sphere in a ramp", **common)
        yield make_case(
            ellipsoid(6.0),
            peak(11.0),
            rng,
            turn=rotation((0.5, 0.3, 0.2)),
            name="oblique contours",
            **common,
        )
        yield make_case(
            sphere(4.0), peak(9.85), rng, grid_axes=rotation((0.2, 0.1, 0.4)), name="oblique grid", **common
        )
        tube = cylinder(4.0, 60.0)
        yield make_case(tube, penumbra((1, 0.3, 0), 4.0, at_mm=6.0), rng, name="tube beside a gradient", **common)
        yield make_case(shell(16.0, 11.0), peak(16.0), rng, **common)
        yield make_case(shell(24.0, 19.0), peak(24.0), rng, **common)
        yield make_case(two_spheres(6.0, 7.5, (19.0, 3.0, 5.0)), peak(22.0), rng, **common)
        yield make_case(two_spheres(4.0, 5.0, (14.0, 0.0, 6.0)), peak(15.0), rng, **common)
        yield make_case(
            cylinder(12.0, 24.0), ramp((0, 0, 1), 1.0, middle_gy=16.0), rng, name="Nelms cylinder", **common
        )
        yield make_case(cone(12.0, 24.0), ramp((0, 0, -1), 1.0, middle_gy=16.0), rng, name="Nelms cone", **common)
        yield make_case(
            cylinder(12.0, 24.0), ramp((1, 0, 0), 1.0, middle_gy=16.0), rng, name="Nelms cylinder AP", **common
        )
