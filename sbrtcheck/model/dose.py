"""Dose grids and what is sampled from them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model.vocabulary import ContourMeaning, Quantity, Reason

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DoseGrid:
    """A regular dose grid in patient coordinates.

    Attributes:
        dose_gy: physical dose [Gy], shape (n_k, n_j, n_i) = (frames, rows, columns).
        affine: (4, 4); ``affine @ (i, j, k, 1)`` is the patient position [mm] of the centre of ``dose_gy[k, j, i]``.
            The three axes are orthogonal; any orientation, handedness included.
        frame_of_reference_uid: the frame of ``affine``.
        dated: when it was made, as YYYYMMDD and, where that is known, HHMMSS.
    """

    dose_gy: NDArray[np.floating]
    affine: FloatArray
    frame_of_reference_uid: str = ""
    sop_instance_uid: str = ""
    heterogeneity_correction: str = ""
    dated: str = ""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring centres along (i, j, k) [mm]."""
        lengths = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def diagonal_mm(self) -> float:
        """Length of the diagonal of a voxel [mm]."""
        return float(np.linalg.norm(self.spacing_mm))

    def to_index(self, points_mm: FloatArray) -> FloatArray:
        """Fractional index (i, j, k), shape (n, 3), of patient positions [mm], shape (n, 3)."""
        inverse: FloatArray = np.asarray(np.linalg.inv(self.affine), dtype=float)
        return mapped(points_mm, inverse[:3, :3], inverse[:3, 3])

    def to_patient(self, index: FloatArray) -> FloatArray:
        """Patient position [mm], shape (n, 3), of fractional indices (i, j, k), shape (n, 3)."""
        return mapped(index, self.affine[:3, :3], self.affine[:3, 3])


def mapped(points: FloatArray, matrix: FloatArray, shift: FloatArray | None = None) -> FloatArray:
    """Points (n, 3) turned by a matrix (3, 3), then moved by a shift (3,), as new points (n, 3).

    Written out, because most entries are 0 and a threaded matrix product costs more than it saves. Each coordinate of
    the result lies in one piece.
    """
    points = np.asarray(points, dtype=float)
    result = np.zeros((3, len(points)))
    for row, out in enumerate(result):
        if shift is not None:
            out += shift[row]
        for column in range(3):
            if matrix[row, column] != 0.0:
                out += matrix[row, column] * points[:, column]
    return result.T


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Weighted dose samples of one reading of one structure, sorted by falling dose.

    Attributes:
        dose_gy: (n,) [Gy], not increasing, finite.
        volume_cm3: (n,) [cm3], the volume that each sample stands for, > 0.
        kept: what metrics keep of these arrays, so that many metrics of one structure cost one sum.
    """

    dose_gy: FloatArray
    volume_cm3: FloatArray
    kept: list[FloatArray] = field(default_factory=list, repr=False, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Dvh:
    """What is known of the dose in one structure. Metrics are taken from the sorted samples, never from bins.

    Attributes:
        roi: name of the structure as reported.
        samples: the samples of the nominal reading, in-grid points only.
        total_volume_cm3: volume of the structure [cm3], part outside the dose grid included.
        outside_volume_cm3: part of it whose dose is unknown [cm3].
        outside_bound_gy: an upper bound of the dose in that part [Gy], or None when none can be given.
        variants: other readings of the same structure (coarser sampling, slab, trilinear, ...), for the band.
        alternatives: Dvhs of other *meanings* of the same contours (missing slices bridged or not); the worse verdict
            counts of those that may just as well be meant.
        meaning: how the contours were read.
        quantity: physical, EQD2 or BED; ``alpha_beta_gy`` [Gy] with the last two.
        max_gy: highest dose found anywhere in the structure, contour vertices and grid points included [Gy].
        blocked: a reason why no number can be given at all (no contours, damaged, other frame, ...).
        blocked_note: the reason in words.
        method: one line that names the convention, interpolation and sampling.
        slab_volume_cm3: volume by the slab reading [cm3], where computed.
        slab_trilinear: slices as slabs and trilinear dose, as many planning systems compute a DVH: to be shown beside
            ours, never to be judged; None where it was not computed.
    """

    roi: str
    samples: Samples
    total_volume_cm3: float
    outside_volume_cm3: float = 0.0
    outside_bound_gy: float | None = None
    variants: tuple[tuple[str, Samples], ...] = ()
    alternatives: tuple[Dvh, ...] = ()
    meaning: ContourMeaning = ContourMeaning.AS_DRAWN
    quantity: Quantity = Quantity.PHYSICAL
    alpha_beta_gy: float | None = None
    max_gy: float | None = None
    blocked: Reason | None = None
    blocked_note: str = ""
    method: str = ""
    grid_spacing_mm: tuple[float, float, float] | None = None
    slice_spacing_mm: float | None = None
    slab_volume_cm3: float | None = None
    slab_trilinear: Samples | None = None
    notes: tuple[str, ...] = ()
    extras: dict[str, float] = field(default_factory=dict)

    @classmethod
    def not_evaluable(cls, roi: str, reason: Reason, note: str) -> Dvh:
        """A Dvh that has no number, only the reason why."""
        empty = np.empty(0)
        return cls(roi=roi, samples=Samples(empty, empty), total_volume_cm3=0.0, blocked=reason, blocked_note=note)


def scaled(dvh: Dvh, factor: float) -> Dvh:
    """The Dvh of the same structure with every dose times ``factor``."""

    def times(samples: Samples) -> Samples:
        return Samples(samples.dose_gy * factor, samples.volume_cm3)

    return replace(
        dvh,
        samples=times(dvh.samples),
        variants=tuple((name, times(s)) for name, s in dvh.variants),
        slab_trilinear=None if dvh.slab_trilinear is None else times(dvh.slab_trilinear),
        alternatives=tuple(scaled(a, factor) for a in dvh.alternatives),
        outside_bound_gy=None if dvh.outside_bound_gy is None else dvh.outside_bound_gy * factor,
        max_gy=None if dvh.max_gy is None else dvh.max_gy * factor,
    )
