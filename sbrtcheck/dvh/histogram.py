"""Sample points and a dose grid -> Dvh, with the readings that its band is made of."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sbrtcheck.dvh.interpolation import dose_at
from sbrtcheck.dvh.sampling import SamplePoints, sample
from sbrtcheck.dvh.structure import Structure
from sbrtcheck.model import DoseGrid, Dvh, FloatArray, Samples

# Samples closer than this in dose are merged to their mean.
MERGE_GY = 0.0005


def compute_dvh(structure: Structure, dose: DoseGrid, *, interpolation: str = "cubic", band: bool = True) -> Dvh:
    """The Dvh of one structure in one dose grid.

    Args:
        structure: as built; a blocked one gives a Dvh that says why it has no number.
        dose: physical dose.
        interpolation: "cubic" or "linear".
        band: also compute the other readings that the band of every metric comes from.
    """
    if structure.blocked is not None or structure.shape is None:
        reason = structure.blocked
        assert reason is not None, "a structure without shape says why"
        return Dvh.not_evaluable(structure.name, reason, structure.blocked_note)
    points = sample(structure, [dose])
    dvh = _dvh_of(structure, dose, points, interpolation=interpolation, band=band)
    if not structure.alternatives:
        return dvh
    others = []
    for label, other in structure.alternatives:
        reading = compute_dvh(other, dose, interpolation=interpolation, band=band)
        others.append(_replace(reading, notes=(*reading.notes, label)))
    return _replace(dvh, alternatives=tuple(others))


def compute_dvhs(
    structures: Sequence[Structure], dose: DoseGrid, *, interpolation: str = "cubic", band: bool = True
) -> list[Dvh]:
    """The Dvhs of several structures in one dose grid, in the same order; two at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda s: compute_dvh(s, dose, interpolation=interpolation, band=band), structures))


def _replace(dvh: Dvh, **changes: object) -> Dvh:
    from dataclasses import replace

    return replace(dvh, **changes)  # type: ignore[arg-type]


def _dvh_of(structure: Structure, dose: DoseGrid, points: SamplePoints, *, interpolation: str, band: bool) -> Dvh:
    shape = structure.shape
    assert shape is not None
    dose_gy = dose_at(dose, points.points_mm, interpolation=interpolation)
    known = np.isfinite(dose_gy)
    total_cm3 = float(points.volume_cm3.sum())
    outside_cm3 = float(points.volume_cm3[~known].sum())
    bins = _Bins(dose_gy[known])
    nominal = bins.samples(points.volume_cm3[known])
    variants: list[tuple[str, Samples]] = []
    if band and np.any(known):
        for name, volume_cm3 in points.variants.items():
            variants.append((name, bins.samples(volume_cm3[known])))
        half = points.volume_cm3[known].copy()
        half[1::2] = 0.0
        half *= (total_cm3 - outside_cm3) / max(float(half.sum()), 1e-12)
        variants.append(("half of the samples", bins.samples(half)))
        other = "linear" if interpolation == "cubic" else "cubic"
        other_gy = dose_at(dose, points.points_mm[known], interpolation=other)
        name = "trilinear" if other == "linear" else "cubic"
        variants.append((name, _Bins(other_gy).samples(points.volume_cm3[known])))
    max_gy = _highest(structure, dose, dose_gy[known & (points.volume_cm3 > 0)], interpolation=interpolation)
    return Dvh(
        roi=structure.name,
        samples=nominal,
        total_volume_cm3=total_cm3,
        outside_volume_cm3=outside_cm3,
        variants=tuple((name, samples) for name, samples in variants if samples.dose_gy.size),
        max_gy=max_gy,
        method=f"{structure.method}; {interpolation} dose; samples {points.pitch_mm:.2f} mm apart",
        grid_spacing_mm=dose.spacing_mm,
        slice_spacing_mm=structure.slice_spacing_mm,
        slab_volume_cm3=structure.slab_volume_cm3,
    )


class _Bins:
    """Doses sorted once into narrow bins; every reading is then a sum of volumes. A bin is shown by its mean dose."""

    def __init__(self, dose_gy: FloatArray) -> None:
        self.dose_gy = dose_gy
        width = max(MERGE_GY, float(dose_gy.max(initial=0.0)) / 200_000)
        self.index = (dose_gy / width).astype(np.int64)

    def samples(self, volume_cm3: FloatArray) -> Samples:
        """Samples by falling dose, of this reading's volumes [cm3]."""
        volume = np.bincount(self.index, weights=volume_cm3).astype(float)
        weighted = np.bincount(self.index, weights=volume_cm3 * self.dose_gy)
        used = np.flatnonzero(volume > 0)[::-1]
        return Samples(weighted[used] / volume[used], volume[used])


def _highest(structure: Structure, dose: DoseGrid, sampled_gy: FloatArray, *, interpolation: str) -> float | None:
    """Highest dose among samples, contour vertices and grid points inside [Gy]; None when nothing is in the grid."""
    highest = [float(sampled_gy.max())] if sampled_gy.size else []
    if len(structure.vertices_mm):
        at_vertices = dose_at(dose, structure.vertices_mm, interpolation=interpolation)
        at_vertices = at_vertices[np.isfinite(at_vertices)]
        highest += [float(at_vertices.max())] if at_vertices.size else []
    return max(highest, default=None)
