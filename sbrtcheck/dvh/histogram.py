"""Sample points and a dose grid -> Dvh, with the readings that its band is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.contour_shape import ContourShape
from sbrtcheck.dvh.contours.frame import box_corners
from sbrtcheck.dvh.contours.shape import Shape
from sbrtcheck.dvh.contours.structure import Structure
from sbrtcheck.dvh.points.interpolation import NAMES, SMALL_CM3, GridReader
from sbrtcheck.dvh.points.kept import KeptSamples
from sbrtcheck.dvh.points.on_grid import aligned, sample_on_grid
from sbrtcheck.dvh.points.sampling import N_SPREAD, cut_hottest, wanted_pitch_mm
from sbrtcheck.dvh.threads import each
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model import DoseGrid, Dvh, FloatArray, Samples

# Samples closer than this in dose are merged to their mean.
MERGE_GY = 0.001
# Structures whose cells would be about as large as a voxel use the voxels themselves.
VOXELS_FROM = 1.0
# Where the near-maximum is read (D0.03cc, D2%) cells are cut into 27, around it into 8.
HOT_SHARE = 0.027
HOT_CM3 = 0.045
WARM_SHARE = 0.3
WARM_CM3 = 1.0


def compute_dvh(
    structure: Structure,
    dose: DoseGrid,
    *,
    interpolation: str = "spline",
    band: bool = True,
    kept: KeptSamples | None = None,
) -> Dvh:
    """Compute the dose-volume histogram of one structure in one dose grid.

    Args:
        structure: as built; a blocked one gives a Dvh that says why it has no number.
        dose: physical dose.
        interpolation: "spline" ("cubic" is another name of it) or "linear".
        band: also compute the other readings that the band of every metric comes from.
        kept: where the points of structures are kept that are asked for with several doses; None: they are not.

    Raises:
        WrongUsageError: E-OPTION for another interpolation.
    """
    if structure.shape is None:
        reason = structure.blocked
        assert reason is not None, "a structure without shape says why"
        return Dvh.not_evaluable(structure.name, reason, structure.blocked_note)
    kept = KeptSamples() if kept is None else kept
    dvh = _dvh_of(structure, structure.shape, dose, interpolation=interpolation, band=band, kept=kept)
    others = []
    for other in structure.alternatives:
        reading = compute_dvh(other.structure, dose, interpolation=interpolation, band=band, kept=kept)
        others.append(replace(reading, notes=(*reading.notes, other.label), meaning=other.meaning))
    return replace(dvh, alternatives=tuple(others)) if others else dvh


def compute_dvhs(
    structures: Sequence[Structure],
    dose: DoseGrid,
    *,
    interpolation: str = "spline",
    band: bool = True,
    kept: KeptSamples | None = None,
) -> list[Dvh]:
    """The Dvhs of several structures in one dose grid, in the same order. See `compute_dvh`."""
    return each(lambda s: compute_dvh(s, dose, interpolation=interpolation, band=band, kept=kept), structures)


def with_slab_trilinear(dvh: Dvh, structure: Structure, dose: DoseGrid) -> Dvh:
    """The Dvh with the samples that slices taken as slabs and trilinear dose give, as many planning systems do."""
    if not isinstance(structure.shape, ContourShape):
        return dvh
    slab = replace(structure, shape=structure.shape.as_slabs(), alternatives=())
    return replace(dvh, slab_trilinear=compute_dvh(slab, dose, interpolation="linear", band=False).samples)


@dataclass(frozen=True, slots=True, eq=False)
class _Gathered:
    """Doses and volumes of one structure: voxels that count alike in every reading, and points that do not."""

    voxel_gy: NDArray[np.floating]
    voxel_cm3: float
    outside_cm3: float
    point_gy: FloatArray
    other_gy: FloatArray
    jump_gy: FloatArray | None
    volumes_cm3: dict[str, FloatArray]
    pitch_mm: float


def _dvh_of(
    structure: Structure, shape: Shape, dose: DoseGrid, *, interpolation: str, band: bool, kept: KeptSamples
) -> Dvh:
    if interpolation not in NAMES:
        raise wrong_usage("E-OPTION", "interpolation", seen=interpolation)
    interpolation = "linear" if interpolation == "linear" else "spline"
    reader = GridReader(dose, shape.frame)
    found = _gather(shape, reader, kept, interpolation=interpolation)
    total_cm3 = len(found.voxel_gy) * found.voxel_cm3 + float(found.volumes_cm3["nominal"].sum()) + found.outside_cm3
    known = np.isfinite(found.point_gy)
    known_cm3 = {name: volume[known] for name, volume in found.volumes_cm3.items()}
    outside_cm3 = found.outside_cm3 + float(found.volumes_cm3["nominal"][~known].sum())
    bins = _Bins(found.voxel_gy, found.voxel_cm3, found.point_gy[known])
    variants: list[tuple[str, Samples]] = []
    if band and (len(found.voxel_gy) or np.any(known)):
        variants = [(name, bins.samples(volume)) for name, volume in known_cm3.items() if name != "nominal"]
        variants.append(("half of the samples", bins.samples_of_half(known_cm3["nominal"])))
        name = "trilinear" if interpolation == "spline" else "spline"
        other = _Bins(found.voxel_gy, found.voxel_cm3, found.other_gy[known], like=bins)
        variants.append((name, other.samples(known_cm3["nominal"])))
        if found.jump_gy is not None:
            across = np.where(np.isfinite(found.jump_gy), found.jump_gy, found.point_gy)[known]
            other = _Bins(found.voxel_gy, found.voxel_cm3, across, like=bins)
            variants.append(("spline where the dose jumps", other.samples(known_cm3["nominal"])))
    used_gy = found.point_gy[known & (found.volumes_cm3["nominal"] > 0)]
    return Dvh(
        roi=structure.name,
        samples=bins.samples(known_cm3["nominal"]),
        total_volume_cm3=total_cm3,
        outside_volume_cm3=outside_cm3,
        variants=tuple((name, samples) for name, samples in variants if samples.dose_gy.size),
        max_gy=_highest(structure, reader, found.voxel_gy, used_gy, interpolation=interpolation),
        method=f"{structure.method}; {interpolation} dose; samples {found.pitch_mm:.2f} mm apart",
        grid_spacing_mm=dose.spacing_mm,
        slice_spacing_mm=structure.slice_spacing_mm,
        slab_volume_cm3=structure.slab_volume_cm3,
        extras=_extras(structure, dose, found, total_cm3 - outside_cm3),
    )


def _gather(shape: Shape, reader: GridReader, kept_samples: KeptSamples, *, interpolation: str) -> _Gathered:
    other = "linear" if interpolation == "spline" else "spline"
    pitch = wanted_pitch_mm(shape, [reader.dose])
    if pitch >= VOXELS_FROM * min(reader.dose.spacing_mm) and aligned(reader):
        large = sample_on_grid(shape, reader, kept_samples.cells(shape, reader))
        # Far from the highest dose a large structure's surface needs no spline.
        linear = large.linear_gy
        spline = linear.copy()
        spline[large.hot] = reader.at(large.points_mm[large.hot], interpolation="spline")
        by_name = {"spline": spline, "linear": linear}
        return _Gathered(
            large.voxel_gy,
            large.voxel_cm3,
            large.voxels_outside_cm3,
            by_name[interpolation],
            by_name[other],
            _at_jumps(reader, large.points_mm, large.hot),
            large.volumes_cm3,
            large.pitch_mm,
        )
    points = kept_samples.points(shape, pitch_mm=pitch)
    middle_gy = reader.at(points.points_mm[: points.n_whole], interpolation="linear")
    hot_cm3 = max(HOT_CM3, HOT_SHARE * shape.volume_cm3)
    warm_cm3 = max(hot_cm3, min(WARM_CM3, WARM_SHARE * shape.volume_cm3))
    points, n_uncut = cut_hottest(points, middle_gy, cuts=((hot_cm3, 3), (warm_cm3, 2)))
    index = reader.to_index(points.points_mm)
    inside = reader.inside(index)
    fine = np.full(len(inside), shape.volume_cm3 < SMALL_CM3)
    fine[n_uncut:] = True
    spline = np.full(len(inside), np.nan)
    for degree, chosen in ((5, fine & inside), (3, ~fine & inside)):
        spline[chosen] = reader.at_index(index.compress(chosen, axis=1), interpolation="spline", degree=degree)
    linear = reader.at(points.points_mm, interpolation="linear")
    by_name = {"spline": spline, "linear": linear}
    volumes = {"nominal": points.volume_cm3, **points.variants}
    jump = _at_jumps(reader, points.points_mm, inside)
    return _Gathered(np.empty(0), 0.0, 0.0, by_name[interpolation], by_name[other], jump, volumes, pitch)


def _at_jumps(reader: GridReader, points_mm: FloatArray, chosen: NDArray[np.bool_]) -> FloatArray | None:
    """The other way to read the dose where it jumps (n,) [Gy], nan elsewhere; None where it jumps nowhere."""
    found = reader.across_jumps(points_mm[chosen])
    if found is None:
        return None
    values = np.full(len(points_mm), np.nan)
    values[chosen] = found
    return values


def _extras(structure: Structure, dose: DoseGrid, found: _Gathered, inside_cm3: float) -> dict[str, float]:
    """What a reader needs to weigh the numbers: samples, voxels, and what the end caps make of the volume."""
    extras = {
        "n_samples": float(len(found.voxel_gy) + len(found.point_gy)),
        "n_voxels": 1000.0 * inside_cm3 / float(np.prod(dose.spacing_mm)),
    }
    if isinstance(structure.shape, ContourShape):
        extras["slab_volume_cm3"] = structure.shape.slab_volume_cm3
        extras["volume_without_caps_cm3"] = structure.shape.volume_without_caps_cm3
    return extras


class _Bins:
    """Doses put into narrow bins once; every reading is then a sum of volumes. A bin is shown by its mean dose."""

    def __init__(
        self,
        voxel_gy: NDArray[np.floating],
        voxel_cm3: float,
        point_gy: FloatArray,
        *,
        like: _Bins | None = None,
    ) -> None:
        self.point_gy = point_gy
        if like is None:
            highest = max(float(voxel_gy.max(initial=0.0)), float(point_gy.max(initial=0.0)))
            self.width = max(MERGE_GY, highest / 200_000)
            index = (voxel_gy * (1.0 / self.width)).astype(np.int32)
            self.voxel_cm3 = np.bincount(index) * voxel_cm3
            self.voxel_gy_cm3 = np.bincount(index, weights=voxel_gy) * voxel_cm3
        else:
            self.width = like.width
            self.voxel_cm3, self.voxel_gy_cm3 = like.voxel_cm3, like.voxel_gy_cm3
        self.index = (point_gy * (1.0 / self.width)).astype(np.int64)

    def samples(self, volume_cm3: FloatArray) -> Samples:
        """Samples by falling dose, with these volumes of the points [cm3]."""
        n_bins = max(len(self.voxel_cm3), int(self.index.max(initial=0)) + 1)
        volume = np.bincount(self.index, weights=volume_cm3, minlength=n_bins).astype(float)
        weighted = np.bincount(self.index, weights=volume_cm3 * self.point_gy, minlength=n_bins).astype(float)
        volume[: len(self.voxel_cm3)] += self.voxel_cm3
        weighted[: len(self.voxel_cm3)] += self.voxel_gy_cm3
        used = np.flatnonzero(volume > 0)[::-1]
        return Samples(weighted[used] / volume[used], volume[used])

    def samples_of_half(self, volume_cm3: FloatArray) -> Samples:
        """The same from every second cell, with the volume of all."""
        half = np.where(np.arange(len(volume_cm3)) // N_SPREAD % 2 == 0, volume_cm3, 0.0)
        total = float(half.sum())
        return self.samples(half * (float(volume_cm3.sum()) / total) if total > 0 else volume_cm3)


def _voxels_inside(shape: Shape, reader: GridReader, highest: list[float]) -> list[float]:
    """The highest dose of a grid point inside [Gy], looked for only among those above what is known."""
    corners = box_corners(shape.low_mm, shape.high_mm)
    index = reader.to_index(corners)
    size = np.array(reader.dose.dose_gy.shape)
    low = np.clip(np.ceil(index.min(axis=1)), 0, size).astype(int)
    high = np.clip(np.floor(index.max(axis=1)) + 1, low, size).astype(int)
    block = reader.dose.dose_gy[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    place = np.argwhere(block > max(highest, default=-1.0))
    if not 0 < len(place) <= 20_000:
        return []
    inside = shape.at(reader.to_position(place + low)) > 0
    return [float(block[tuple(place[inside].T)].max())] if np.any(inside) else []


def _highest(
    structure: Structure,
    reader: GridReader,
    voxel_gy: NDArray[np.floating],
    point_gy: FloatArray,
    *,
    interpolation: str,
) -> float | None:
    """Highest dose among samples, voxels inside and contour vertices [Gy]; None when nothing lies in the grid."""
    highest = [float(found.max()) for found in (voxel_gy, point_gy) if found.size]
    if len(structure.vertices_mm) and structure.shape is not None:
        highest += _voxels_inside(structure.shape, reader, highest)
        vertices = structure.shape.frame.to_frame(structure.vertices_mm)
        gy = reader.at(vertices, interpolation="linear")
        vertices, gy = vertices[np.isfinite(gy)], gy[np.isfinite(gy)]
        if gy.size:
            # The spline is only asked where it can matter.
            chosen = np.argsort(gy)[-200:]
            highest.append(float(reader.at(vertices[chosen], interpolation=interpolation).max()))
    return max(highest, default=None)
