"""The dose of several plans in one structure: each plan's own grid read at the same points, converted, then added.

Plans given one after the other: each is converted by its own number of fractions, then added. Plans given in the same
sessions: the doses per fraction of the sessions that are shared are added first, then converted. Dose outside a plan's
grid is unknown: the known part is a lower bound, and :mod:`sbrtcheck.dvh.points.outside_grid` gives the upper end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh import Structure, dose_at, sample
from sbrtcheck.dvh.points.interpolation import DEGREE, SMALL_CM3
from sbrtcheck.dvh.points.outside_grid import GridBound
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model import ContourMeaning, DoseGrid, Dvh, FloatArray, Samples
from sbrtcheck.radiobiology.lq import course_eqd2, eqd2_from_bed

# What stands for an unknown dose that nothing bounds [Gy]: beyond every limit, so that it can never meet one.
UNBOUNDED_GY = 1e4
# Cells of a large structure, at most: every plan's dose is read in each.
N_CELLS_AT_MOST = 100_000
# Structures of more points than this read the spline only where the dose is highest, in this volume [cm3].
N_SPLINE, HOT_OF_SUM_CM3 = 60_000, 20.0
N_HOT_BINS = 4096
# Samples are put into this many bins of dose, each shown by its mean.
N_BINS = 25_000
Combine = Callable[[Sequence[FloatArray]], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One plan of a sum: its dose [Gy], its number of fractions, and what bounds its dose outside the grid."""

    label: str
    n_fractions: int
    dose: DoseGrid
    bound: GridBound


@dataclass(frozen=True, slots=True, eq=False)
class SummedDose:
    """The doses of all plans at the same points of one structure.

    Attributes:
        roi: name of the structure.
        labels: of the plans, in the order of the doses.
        low_gy, high_gy: (n,) for each plan [Gy]; they differ where the plan's dose is unknown: 0, and its bound.
        linear_gy: the same as ``low_gy`` by the other interpolation, for the band.
        volumes_cm3: (n,) for each reading of the contours [cm3], "nominal" first.
        outside_cm3: volume in which no plan's dose is known [cm3].
        outside_gy: bound of each plan's dose there [Gy], or None when one of them has none.
        unknown_share: share of the volume in which a plan's dose is unknown, by label.
        unbounded: labels of plans whose unknown dose nothing bounds.
        alternatives: other meanings of the same contours; ``meaning`` is that of this one.
    """

    roi: str
    labels: tuple[str, ...]
    low_gy: tuple[FloatArray, ...]
    high_gy: tuple[FloatArray, ...]
    linear_gy: tuple[FloatArray, ...]
    volumes_cm3: dict[str, FloatArray]
    outside_cm3: float
    outside_gy: tuple[float, ...] | None
    unknown_share: dict[str, float]
    unbounded: tuple[str, ...]
    grid_spacing_mm: tuple[float, float, float]
    slice_spacing_mm: float | None
    method: str
    alternatives: tuple[SummedDose, ...] = ()
    meaning: ContourMeaning = ContourMeaning.AS_DRAWN

    @property
    def partly_known(self) -> bool:
        """Whether some of the dose of some plan is unknown."""
        return bool(self.unknown_share)

    def worst_case(self) -> SummedDose:
        """The same with every unknown dose at its bound."""
        if not self.partly_known:
            return self
        others = tuple(other.worst_case() for other in self.alternatives)
        return replace(self, low_gy=self.high_gy, linear_gy=self.high_gy, unknown_share={}, alternatives=others)

    def scaled(self, index: int, factor: float) -> SummedDose:
        """The same with the dose of one plan times ``factor``; a dose that nothing bounds stays unbounded."""

        def times(doses: tuple[FloatArray, ...]) -> tuple[FloatArray, ...]:
            gy = doses[index]
            return (*doses[:index], np.where(gy >= UNBOUNDED_GY, gy, factor * gy), *doses[index + 1 :])

        outside = self.outside_gy
        if outside is not None:
            outside = (*outside[:index], factor * outside[index], *outside[index + 1 :])
        return replace(
            self,
            low_gy=times(self.low_gy),
            high_gy=times(self.high_gy),
            linear_gy=times(self.linear_gy),
            outside_gy=outside,
            alternatives=tuple(other.scaled(index, factor) for other in self.alternatives),
        )

    def dvh(self, combine: Combine) -> Dvh:
        """The Dvh of what ``combine`` makes of the plans' doses at each point.

        Args:
            combine: takes one array (n,) [Gy] per plan and gives (n,); it must rise with each of them.
        """
        nominal = self.volumes_cm3["nominal"]
        low = combine(self.low_gy)
        binned = _Binned(low)
        variants = []
        half = nominal.copy()
        half[1::2] = 0.0
        if half.sum() > 0:
            variants.append(("half of the samples", binned.samples(half * (nominal.sum() / half.sum()))))
        variants += [(name, binned.samples(v)) for name, v in self.volumes_cm3.items() if name != "nominal"]
        variants.append(("other interpolation", _Binned(combine(self.linear_gy)).samples(nominal)))
        if self.partly_known:
            variants.append(("outside a plan's grid", _Binned(combine(self.high_gy)).samples(nominal)))
        bound = None
        if self.outside_gy is not None:
            bound = float(combine([np.array([gy]) for gy in self.outside_gy])[0])
        others = tuple(other.dvh(combine) for other in self.alternatives)
        return Dvh(
            roi=self.roi,
            samples=binned.samples(nominal),
            total_volume_cm3=float(nominal.sum()) + self.outside_cm3,
            outside_volume_cm3=self.outside_cm3,
            outside_bound_gy=bound,
            variants=tuple((name, s) for name, s in variants if s.dose_gy.size),
            alternatives=others,
            meaning=self.meaning,
            max_gy=float(low[nominal > 0].max()) if np.any(nominal > 0) else None,
            method=self.method,
            grid_spacing_mm=self.grid_spacing_mm,
            slice_spacing_mm=self.slice_spacing_mm,
        )


class _Binned:
    """Values at points put into bins once, for every reading of the volumes."""

    def __init__(self, value: FloatArray) -> None:
        self.value = value
        width = max(float(value.max(initial=0.0)), 1e-9) / N_BINS
        self.index = (value * (1.0 / width)).astype(np.int64)

    def samples(self, volume_cm3: FloatArray) -> Samples:
        """Samples by falling value, those of one bin as one."""
        volume = np.bincount(self.index, weights=volume_cm3).astype(float)
        weighted = np.bincount(self.index, weights=volume_cm3 * self.value).astype(float)
        used = np.flatnonzero(volume > 0)[::-1]
        return Samples(weighted[used] / volume[used], volume[used])


def sum_doses(structure: Structure, parts: Sequence[Part], *, interpolation: str = "cubic") -> SummedDose:
    """The doses of all plans at the sample points of a structure.

    Args:
        structure: one with a shape; the points are chosen once for all grids.
        parts: the plans, all in the frame of reference of the structure.
        interpolation: of the doses, "cubic" or "linear".

    Raises:
        WrongUsageError: E-OPTION for another interpolation.
    """
    points = sample(structure, [part.dose for part in parts], n_at_most=N_CELLS_AT_MOST)
    linear = [dose_at(part.dose, points.points_mm, interpolation="linear") for part in parts]
    hot = _hottest(linear, points.volume_cm3)
    spline = [gy.copy() for gy in linear]
    degree = DEGREE if (structure.volume_cm3 or 0.0) < SMALL_CM3 else 3
    for gy, part in zip(spline, parts, strict=True):
        gy[hot] = dose_at(part.dose, points.points_mm[hot], interpolation="spline", degree=degree)
    if interpolation not in {"cubic", "linear"}:
        raise wrong_usage("E-OPTION", "interpolation", seen=interpolation)
    found, other = (spline, linear) if interpolation == "cubic" else (linear, spline)
    known = [np.isfinite(gy) for gy in found]
    total_cm3 = float(points.volume_cm3.sum())
    bounds: list[float | None] = []
    share: dict[str, float] = {}
    for part, is_known in zip(parts, known, strict=True):
        missing_cm3 = float(points.volume_cm3[~is_known].sum())
        bounds.append(None)
        if missing_cm3 > 0:
            share[part.label] = missing_cm3 / total_cm3
            bounds[-1] = _bound(part.bound, structure, total_cm3, missing_cm3)
    anywhere = np.any(known, axis=0) if known else np.zeros(0, dtype=bool)
    stand_in = [UNBOUNDED_GY if bound is None else bound for bound in bounds]
    low, high, other_low = [], [], []
    for is_known, gy, second, instead in zip(known, found, other, stand_in, strict=True):
        inside = is_known[anywhere]
        low.append(np.where(inside, gy[anywhere], 0.0))
        # One array where everything is known: a large organ has a million points.
        high.append(low[-1] if inside.all() else np.where(inside, gy[anywhere], instead))
        other_low.append(np.where(inside, second[anywhere], 0.0))
    volumes = {"nominal": points.volume_cm3, **points.variants}
    outside_cm3 = float(points.volume_cm3[~anywhere].sum())
    bounded = [bound for bound in bounds if bound is not None]
    return SummedDose(
        roi=structure.name,
        labels=tuple(part.label for part in parts),
        low_gy=tuple(low),
        high_gy=tuple(high),
        linear_gy=tuple(other_low),
        volumes_cm3={name: volume[anywhere] for name, volume in volumes.items()},
        outside_cm3=outside_cm3,
        outside_gy=tuple(bounded) if len(bounded) == len(parts) else None,
        unknown_share=share,
        unbounded=tuple(p.label for p, b in zip(parts, bounds, strict=True) if b is None and p.label in share),
        grid_spacing_mm=tuple(max(p.dose.spacing_mm[a] for p in parts) for a in range(3)),  # type: ignore[arg-type]
        slice_spacing_mm=structure.slice_spacing_mm,
        method=f"{structure.method}; {interpolation} dose of each plan at the same points, "
        f"{points.pitch_mm:.2f} mm apart",
        alternatives=tuple(
            replace(sum_doses(a.structure, parts, interpolation=interpolation), meaning=a.meaning)
            for a in structure.alternatives
        ),
    )


def _hottest(doses_gy: Sequence[FloatArray], volume_cm3: FloatArray) -> NDArray[np.bool_]:
    """Points (n,) that read the spline: all of a small structure, else the hottest of each plan and of their sum."""
    hot = np.full(len(volume_cm3), len(volume_cm3) <= N_SPLINE)
    if hot.all():
        return hot
    known = [np.nan_to_num(gy, nan=0.0) for gy in doses_gy]
    for gy in (*known, np.sum(known, axis=0)):
        # Where a plan gives nothing there is nothing to read: its zeros would make every point of the organ a hot one.
        hot |= (gy > 0) & (gy >= _threshold(gy, volume_cm3, HOT_OF_SUM_CM3))
    return hot


def _threshold(gy: FloatArray, volume_cm3: FloatArray, wanted_cm3: float) -> float:
    """A dose [Gy] that at least the wanted volume receives, found in bins: no sorting of a million points."""
    width = max(float(gy.max(initial=0.0)), 1e-9) / N_HOT_BINS
    by_bin = np.bincount((gy * (1.0 / width)).astype(np.int64), weights=volume_cm3)
    received = np.cumsum(by_bin[::-1])
    place = int(np.searchsorted(received, wanted_cm3))
    return width * max(len(by_bin) - 1 - place, 0)


def _bound(bound: GridBound, structure: Structure, total_cm3: float, missing_cm3: float) -> float | None:
    """What bounds one plan's dose in the part of a structure outside its grid [Gy]; None: nothing."""
    empty = Samples(np.empty(0), np.empty(0))
    asked = Dvh(structure.name, empty, total_volume_cm3=total_cm3, outside_volume_cm3=missing_cm3)
    return bound.apply(asked, structure).outside_bound_gy


def physical_sum(doses_gy: Sequence[FloatArray]) -> FloatArray:
    """Sum of the plans' doses [Gy], (n,): what a planning system's plan sum shows."""
    total: FloatArray = np.sum(np.asarray(doses_gy), axis=0)
    return total


def eqd2_one_after_the_other(
    doses_gy: Sequence[FloatArray], *, n_fractions: Sequence[int], alpha_beta_gy: float
) -> FloatArray:
    """EQD2 [Gy], (n,), of plans given one after the other: each by its own number of fractions, then added.

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    phases = list(zip(doses_gy, n_fractions, strict=True))
    total: FloatArray = course_eqd2(phases=phases, alpha_beta_gy=alpha_beta_gy)
    return total


def eqd2_same_sessions(
    doses_gy: Sequence[FloatArray], *, n_fractions: Sequence[int], alpha_beta_gy: float
) -> FloatArray:
    """EQD2 [Gy], (n,), of plans given in the same sessions: all start together, and shared sessions add dose first.

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    bed_gy = np.zeros_like(np.asarray(doses_gy[0], dtype=float))
    done = 0
    for n_sessions in sorted(set(n_fractions)):
        running = [d / n for d, n in zip(doses_gy, n_fractions, strict=True) if n >= n_sessions]
        per_session_gy = np.sum(running, axis=0)
        bed_gy = bed_gy + (n_sessions - done) * per_session_gy * (1.0 + per_session_gy / alpha_beta_gy)
        done = n_sessions
    return eqd2_from_bed(bed_gy=bed_gy, alpha_beta_gy=alpha_beta_gy)


def share_of_limits(doses_gy: Sequence[FloatArray], *, limits_gy: Sequence[float]) -> FloatArray:
    """Sum over the plans of dose / limit at that plan's own number of fractions, (n,), no unit."""
    total: FloatArray = np.sum([d / limit for d, limit in zip(doses_gy, limits_gy, strict=True)], axis=0)
    return total
