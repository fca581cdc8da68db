"""Our DVH beside one that a planning system stored or printed: differences, a band and a word.

Statistics of the other side come from its curve, never from its tags: DVH Mean Dose and its neighbours have been seen
in percent of the prescription beside a curve in Gy.

When do two curves agree? A point of the other curve agrees when a point of our band lies within ``dose_tolerance_gy``
of it in dose *and* ``volume_tolerance_percent`` in volume (a box, not either axis alone: at the steep edge of a target
a shift of 0.1 Gy moves the volume by tens of percent, and in the flat tails 0.01 % of the volume moves the dose by
grays). The tolerances, our policy:

- dose: 1 % of the prescription, or of the higher maximum of the two when no prescription is given, plus half a bin of
  the other curve;
- volume: 2 % from 2 cm3 on; below, 0.05 cm3 (Eaton and Alty 2017: systems agree within 0.05 cm3 below 1 cm3); plus the
  rounding of the printed volume. The same share counts for the volume of the structure and for the curve.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np

from sbrtcheck.dvh.band import Band, share_at
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import Problem, wrong_usage
from sbrtcheck.model.dose import Dvh, FloatArray
from sbrtcheck.model.study import Roi, StoredDvh

DOSE_TOLERANCE = 0.01
VOLUME_TOLERANCE = 0.02
SMALL_VOLUME_CM3 = 2.0
SMALL_VOLUME_TOLERANCE_CM3 = 0.05
# The dose distance is taken between these relative volumes [%]: outside them single voxels decide.
DISTANCE_FROM_PERCENT, DISTANCE_TO_PERCENT = 1.0, 99.0
METRICS = ("Mean[Gy]", "D95%[Gy]", "D50%[Gy]", "D2%[Gy]", "D0.03cc[Gy]")


class CumulativeCurve(Protocol):
    """A cumulative DVH: StoredDvh, TableDvh, or anything with these two arrays of shape (n,)."""

    @property
    def dose_gy(self) -> FloatArray:
        """Rising [Gy]."""

    @property
    def volume_cm3(self) -> FloatArray:
        """Not rising [cm3]; the first is the whole volume."""


@runtime_checkable
class _Numbered(Protocol):
    @property
    def roi_number(self) -> int: ...


@runtime_checkable
class _Named(Protocol):
    @property
    def roi(self) -> str: ...


CurveT = TypeVar("CurveT", bound=CumulativeCurve)


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric on both curves [Gy]. ``difference_gy`` = ours - stored; None where either side has no number."""

    metric: str
    ours_gy: float | None
    low_gy: float | None
    high_gy: float | None
    stored_gy: float | None
    difference_gy: float | None
    within: bool | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Our DVH beside a stored one. Differences are ours - stored; volumes in cm3, shares of volume in %.

    Attributes:
        volume_difference_percent: of the stored volume.
        dose_distance_gy: largest difference of dose at equal relative volume between 1 % and 99 %, with its sign, found
            at ``dose_distance_at_percent``.
        volume_distance_percent: largest difference of relative volume at equal dose, found at
            ``volume_distance_at_gy``.
        share_beyond_percent: share of the stored curve's points, by volume passed, that lie beyond band and tolerance.
        within_band: volume, mean and every point of the curve agree within band and tolerance.
        verdict: "agrees", "differs: ..." with the numbers, or "not compared: ..." (then there are no numbers).
        problem: W-STORED-DVH when it differs.
    """

    roi: str
    within_band: bool | None
    verdict: str
    volume_cm3: float | None = None
    volume_low_cm3: float | None = None
    volume_high_cm3: float | None = None
    stored_volume_cm3: float | None = None
    volume_difference_percent: float | None = None
    differences: tuple[Difference, ...] = ()
    dose_distance_gy: float | None = None
    dose_distance_at_percent: float | None = None
    volume_distance_percent: float | None = None
    volume_distance_at_gy: float | None = None
    share_beyond_percent: float | None = None
    dose_tolerance_gy: float | None = None
    volume_tolerance_percent: float | None = None
    note: str = ""
    problem: Problem | None = None

    @property
    def rank(self) -> tuple[bool, float]:
        """Sorts what differs before what agrees, and the larger difference of dose before the smaller one."""
        return self.within_band is not False, -abs(self.dose_distance_gy or 0.0)


def compare_dvhs(
    ours: Dvh,
    stored: CumulativeCurve,
    *,
    prescription_gy: float | None = None,
    stored_volume_rounding_cm3: float | None = None,
) -> Agreement:
    """Compare our Dvh with a stored cumulative curve.

    Args:
        ours: what was computed here; its variants make the band.
        stored: cumulative curve, ``dose_gy`` rising [Gy] and ``volume_cm3`` not rising [cm3].
        prescription_gy: prescription [Gy], the reference of the dose tolerance.
        stored_volume_rounding_cm3: half the last digit of the stored volume [cm3]; by default what the curve itself
            says (TableDvh), else 0.

    Raises:
        WrongUsageError: E-DOMAIN for a stored curve that is not a cumulative DVH with a volume, and for a prescription
            that is not positive.
    """
    if isinstance(stored, StoredDvh) and ours.blocked is None:
        stored = stored.of_volume(ours.total_volume_cm3)
    dose, volume = checked(stored, ours.roi)
    if prescription_gy is not None and not (np.isfinite(prescription_gy) and prescription_gy > 0):
        raise wrong_usage("E-DOMAIN", "prescription_gy", seen=prescription_gy)
    if ours.blocked is not None:
        return Agreement(ours.roi, None, f"not compared: {ours.blocked_note or ours.blocked.value}")
    if ours.samples.dose_gy.size == 0:
        return Agreement(ours.roi, None, "not compared: no part of the structure lies inside the dose grid")

    total = float(volume[0])
    share = volume / total
    ours, like = _like_with_like(ours, total)
    rounding = stored_volume_rounding_cm3
    if rounding is None:
        rounding = float(getattr(stored, "volume_rounding_cm3", 0.0))
    reference_gy = prescription_gy or max(float(dose[-1]), float(ours.samples.dose_gy[0]))
    dose_tolerance = DOSE_TOLERANCE * reference_gy + 0.5 * float(np.median(np.diff(dose)))
    small = SMALL_VOLUME_TOLERANCE_CM3 / total if total < SMALL_VOLUME_CM3 else VOLUME_TOLERANCE
    tolerance = small + rounding / total
    band = Band(ours, dose_tolerance_gy=dose_tolerance, tolerance=tolerance)
    low_cm3, high_cm3 = band.volume_cm3
    inside = band.holds(dose, share)
    passed = -np.diff(share, append=0.0)
    differences = tuple(_difference(text, ours, dose, volume, band) for text in METRICS)
    at_percent, dose_distance = _dose_distance(ours, dose, share)
    at_gy, volume_distance = _volume_distance(ours, dose, share)
    found = Agreement(
        roi=ours.roi,
        within_band=None,
        verdict="",
        volume_cm3=ours.total_volume_cm3,
        volume_low_cm3=low_cm3,
        volume_high_cm3=high_cm3,
        stored_volume_cm3=total,
        volume_difference_percent=(ours.total_volume_cm3 / total - 1) * 100,
        differences=differences,
        dose_distance_gy=dose_distance,
        dose_distance_at_percent=at_percent,
        volume_distance_percent=volume_distance,
        volume_distance_at_gy=at_gy,
        share_beyond_percent=float(np.sum(passed[~inside]) / np.sum(passed)) * 100,
        dose_tolerance_gy=dose_tolerance,
        volume_tolerance_percent=tolerance * 100,
    )
    notes = [like, *_notes(ours, stored, float(share[-1]))]
    notes += _other_meanings(ours, stored, prescription_gy, rounding)
    in_the_box = Band(replace(ours, variants=()), dose_tolerance_gy=dose_tolerance, tolerance=tolerance)
    return replace(
        _with_verdict(
            found,
            volume_within=low_cm3 - tolerance * total <= total <= high_cm3 + tolerance * total,
            curve_within=bool(np.all(inside)),
            without_band=bool(np.all(in_the_box.holds(dose, share))),
        ),
        note="; ".join(note for note in notes if note),
    )


def _like_with_like(ours: Dvh, stored_cm3: float) -> tuple[Dvh, str]:
    """Ours as the stored curve has it: the part inside the grid alone where that is the volume of the stored curve."""
    inside_cm3 = ours.total_volume_cm3 - ours.outside_volume_cm3
    if abs(inside_cm3 - stored_cm3) >= abs(ours.total_volume_cm3 - stored_cm3):
        return ours, ""
    note = f"both are of the part inside the dose grid ({inside_cm3:.2f} of {ours.total_volume_cm3:.2f} cm3)"
    extras = {name: value for name, value in ours.extras.items() if name != "slab_volume_cm3"}
    return replace(ours, total_volume_cm3=inside_cm3, outside_volume_cm3=0.0, extras=extras), note


def _with_verdict(found: Agreement, *, volume_within: bool, curve_within: bool, without_band: bool) -> Agreement:
    """The comparison with its verdict in words: what differs most, in tolerances, comes first."""
    dose_tolerance, tolerance = found.dose_tolerance_gy or 1.0, found.volume_tolerance_percent or 1.0
    volume_difference, mean = found.volume_difference_percent or 0.0, found.differences[0]
    dose_distance, volume_distance = found.dose_distance_gy or 0.0, found.volume_distance_percent or 0.0
    curve = (
        f"curve by {dose_distance:+.2f} Gy at {found.dose_distance_at_percent:.0f} % "
        f"and {volume_distance:+.1f} % at {found.volume_distance_at_gy:.2f} Gy"
    )
    what = []
    if not volume_within:
        text = (
            f"volume {found.volume_cm3:.2f} cm3 beside {found.stored_volume_cm3:.2f} cm3 ({volume_difference:+.1f} %)"
        )
        what.append((abs(volume_difference) / tolerance, text))
    if mean.within is False:
        what.append((abs(mean.difference_gy or 0.0) / dose_tolerance, f"mean by {mean.difference_gy:+.3f} Gy"))
    if not curve_within:
        # A point must be beyond both tolerances to differ: the lesser of the two says how far.
        what.append((min(abs(dose_distance) / dose_tolerance, abs(volume_distance) / tolerance), curve))
    if not what:
        verdict = "agrees" if without_band else f"agrees within our band: {curve}"
        return replace(found, within_band=True, verdict=verdict)
    verdict = "differs: " + "; ".join(text for _, text in sorted(what, key=lambda item: -item[0]))
    detail = f"ours {verdict}; tolerance {dose_tolerance:.2f} Gy, {tolerance:.1f} % of the volume"
    problem = Problem("W-STORED-DVH", found.roi, seen=f"stored {found.stored_volume_cm3:.2f} cm3", detail=detail)
    return replace(found, within_band=False, verdict=verdict, problem=problem)


def match_stored(
    stored: Sequence[CurveT], rois: Sequence[Roi]
) -> tuple[tuple[tuple[Roi, CurveT], ...], tuple[CurveT, ...]]:
    """Pair stored curves with ROIs: by ROI number where the curve has one, else by name.

    Names are compared by case-folding and dropping space, ``_`` and ``-`` (tables write FemoralHeadLt for
    "Femoral Head Lt"). A name that two ROIs or two curves share pairs with nothing.

    Returns:
        The pairs in the order of ``stored``, and the curves that fit no single ROI.
    """
    keys = [
        c.roi_number if isinstance(c, _Numbered) else _key(c.roi) if isinstance(c, _Named) else None for c in stored
    ]
    pairs, left = [], []
    for curve, key in zip(stored, keys, strict=True):
        fitting = [r for r in rois if key is not None and key == (r.number if isinstance(key, int) else _key(r.name))]
        if len(fitting) == 1 and keys.count(key) == 1:
            pairs.append((fitting[0], curve))
        else:
            left.append(curve)
    return tuple(pairs), tuple(left)


def dose_at_volume(dose_gy: FloatArray, volume_cm3: FloatArray, wanted_cm3: float) -> float | None:
    """Highest dose [Gy] that ``wanted_cm3`` receives on a cumulative curve, linear between its points.

    None when the structure is smaller than that, or when the curve ends before its volume has fallen so far.
    """
    if wanted_cm3 > volume_cm3[0] or wanted_cm3 < volume_cm3[-1]:
        return None
    last = int(np.flatnonzero(volume_cm3 >= wanted_cm3)[-1])
    if last + 1 == len(dose_gy):
        return float(dose_gy[last])
    step = (volume_cm3[last] - wanted_cm3) / (volume_cm3[last] - volume_cm3[last + 1])
    return float(dose_gy[last] + step * (dose_gy[last + 1] - dose_gy[last]))


def mean_of_curve(dose_gy: FloatArray, volume_cm3: FloatArray) -> float:
    """Mean dose [Gy] of a cumulative curve: the area under it over its volume; what is left at its end counts there."""
    return float(dose_gy[0] + np.sum(np.diff(dose_gy) * (volume_cm3[1:] + volume_cm3[:-1])) / 2 / volume_cm3[0])


def _difference(text: str, ours: Dvh, dose: FloatArray, volume: FloatArray, band: Band) -> Difference:
    value = evaluate(text, ours)
    total = float(volume[0])
    wanted = {"D95%[Gy]": 0.95 * total, "D50%[Gy]": 0.5 * total, "D2%[Gy]": 0.02 * total, "D0.03cc[Gy]": 0.03}
    stored = mean_of_curve(dose, volume) if text == "Mean[Gy]" else dose_at_volume(dose, volume, wanted[text])
    if value.value is None or value.low is None or value.high is None or stored is None:
        note = value.note or (value.reason.value if value.reason else "the stored curve does not reach this volume")
        return Difference(text, value.value, value.low, value.high, stored, None, None, note)
    within = band.mean_holds(value.low, value.high, stored)
    if text != "Mean[Gy]" and not within:
        within = bool(band.holds(np.array([stored]), np.array([wanted[text] / total]))[0])
    return Difference(text, value.value, value.low, value.high, stored, value.value - stored, within)


def _dose_distance(ours: Dvh, dose: FloatArray, share: FloatArray) -> tuple[float, float]:
    """(relative volume [%], ours - stored [Gy]) where the doses at equal relative volume differ most.

    The part outside the grid may have any dose: ours is then a range, and only what lies beyond it differs.
    """
    percent = np.arange(DISTANCE_FROM_PERCENT, DISTANCE_TO_PERCENT + 0.25, 0.5)
    cumulative = np.cumsum(ours.samples.volume_cm3) / ours.total_volume_cm3
    outside = ours.outside_volume_cm3 / ours.total_volume_cm3
    best, found = float(percent[0]), 0.0
    for at in percent:
        stored = dose_at_volume(dose, share, at / 100)
        place = int(np.searchsorted(cumulative, at / 100 - 1e-12))
        highest = int(np.searchsorted(cumulative, max(at / 100 - outside, 0.0) - 1e-12))
        if stored is None or highest >= len(cumulative):
            continue
        low_gy = float(ours.samples.dose_gy[place]) if place < len(cumulative) else 0.0
        high_gy = float(ours.samples.dose_gy[highest]) if at / 100 > outside else np.inf
        if place >= len(cumulative) and not outside:
            continue
        distance = low_gy - stored if stored < low_gy else min(high_gy - stored, 0.0)
        if abs(distance) > abs(found):
            best, found = float(at), distance
    return best, found


def _volume_distance(ours: Dvh, dose: FloatArray, share: FloatArray) -> tuple[float, float]:
    """(dose [Gy], ours - stored [% of the volume]) where the relative volumes at equal dose differ most."""
    doses = np.union1d(dose, np.linspace(0.0, float(ours.samples.dose_gy[0]), 400))
    low = share_at(ours.samples, doses, total_cm3=ours.total_volume_cm3)
    high = low + ours.outside_volume_cm3 / ours.total_volume_cm3
    stored = np.interp(doses, dose, share, right=0.0)
    distance = np.where(stored < low, low - stored, np.minimum(high - stored, 0.0))
    place = int(np.argmax(np.abs(distance)))
    return float(doses[place]), float(distance[place]) * 100


def _other_meanings(
    ours: Dvh, stored: CumulativeCurve, prescription_gy: float | None, rounding_cm3: float
) -> list[str]:
    """What the comparison says when the contours are read otherwise."""
    notes = []
    for other in ours.alternatives:
        alone = replace(other, alternatives=())
        result = compare_dvhs(alone, stored, prescription_gy=prescription_gy, stored_volume_rounding_cm3=rounding_cm3)
        notes.append(f"{other.meaning.value} ({other.total_volume_cm3:.2f} cm3): {result.verdict}")
    return notes


def _notes(ours: Dvh, stored: CumulativeCurve, last_share: float) -> list[str]:
    parts = [str(getattr(stored, "note", ""))]
    if ours.outside_volume_cm3 > 0:
        percent = 100 * ours.outside_volume_cm3 / ours.total_volume_cm3
        parts.append(f"{percent:.1f} % of the structure lies outside the dose grid: any dose there agrees")
    if last_share > 0:
        parts.append(f"the stored curve ends with {100 * last_share:.4f} % of the volume at its last dose")
    return [part for part in parts if part]


def checked(stored: CumulativeCurve, roi: str) -> tuple[FloatArray, FloatArray]:
    """Dose and volume of a stored curve as float arrays, if they are a cumulative DVH."""
    dose, volume = np.asarray(stored.dose_gy, dtype=float), np.asarray(stored.volume_cm3, dtype=float)
    good = (
        dose.ndim == 1
        and dose.shape == volume.shape
        and len(dose) >= 2
        and bool(np.all(np.isfinite(dose)) and np.all(np.isfinite(volume)))
        and bool(np.all(np.diff(dose) > 0) and np.all(np.diff(volume) <= 1e-9 * volume[0]))
        and dose[0] >= 0
        and volume[0] > 0
        and volume[-1] >= 0
    )
    if not good:
        raise wrong_usage("E-DOMAIN", roi, detail="the stored curve is not a cumulative DVH [Gy, cm3]")
    return dose, volume


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]", "", name).casefold()
