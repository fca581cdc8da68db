"""Contours that are hardly the organ that their name says: two organs in one place, or a volume that none has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sbrtcheck.anatomy.organs import Candidate
from sbrtcheck.anatomy.place import boxes_meet, share_inside
from sbrtcheck.dvh import Structure
from sbrtcheck.model import NamedRoi, OrganInfo, Role
from sbrtcheck.tables.organs import organ_info

# Points an axis when the common part of two organs is measured: a share is asked for, not a volume.
_N_PER_AXIS = 15
# An organ that ends within this distance of the end of the scan is cut by it [mm].
_SCAN_END_MM = 6.0


@dataclass(frozen=True, slots=True)
class Doubtful:
    """An organ whose contour is not believed. ``organ``: with its side; ``what``: the reason, with numbers."""

    organ: str
    roi: str
    what: str
    key: str


def overlapping(
    named: Sequence[NamedRoi], structures: Mapping[str, Structure], *, share: float
) -> tuple[Doubtful, ...]:
    """Organs that exclude each other and share more than ``share`` of the smaller one.

    Args:
        named: the ROIs as understood.
        structures: ROI name to structure.
        share: of the smaller volume, 0 to 1.
    """
    info = organ_info()
    drawn = [n for n in named if n.role is Role.ORGAN and structures[n.roi.name].blocked is None and n.roi.contours]
    excluding = [n for n in drawn if n.organ in info and (info[n.organ].exclusive_with or n.laterality)]
    out = []
    for one, other in combinations(excluding, 2):
        if not _exclude(one, other, info) or not boxes_meet(structures[one.roi.name], structures[other.roi.name]):
            continue
        small, large = sorted((one, other), key=lambda n: structures[n.roi.name].volume_cm3 or 0.0)
        common = share_inside(structures[small.roi.name], [structures[large.roi.name]], n_per_axis=_N_PER_AXIS)
        if common > share:
            doubted, rival = (large, small) if _too_large(large, structures, info) else (small, large)
            inside = f"{common:.0%} inside" if doubted is small else f"covers {common:.0%} of"
            what = f"{structures[doubted.roi.name].volume_cm3 or 0.0:.0f} cc, {inside} {rival.roi.name}"
            out.append(Doubtful(_sided(doubted), doubted.roi.name, what, "near.overlap_share_percent"))
    return tuple(out)


def _too_large(named: NamedRoi, structures: Mapping[str, Structure], info: Mapping[str, OrganInfo]) -> bool:
    most_cm3 = info[named.organ].volume_max_cm3
    return most_cm3 is not None and (structures[named.roi.name].volume_cm3 or 0.0) > most_cm3


def _exclude(one: NamedRoi, other: NamedRoi, info: Mapping[str, OrganInfo]) -> bool:
    if one.organ == other.organ:
        return {one.laterality, other.laterality} == {"L", "R"}
    return other.organ in info[one.organ].exclusive_with


def _sided(named: NamedRoi) -> str:
    return f"{named.organ}_{named.laterality}" if named.laterality else named.organ


def implausible_volumes(
    candidates: Iterable[Candidate], *, scan_mm: tuple[float, float] | None
) -> tuple[Doubtful, ...]:
    """Organs outside the range of volumes of adults.

    The lower end does not hold for an organ cut by the scan, drawn in part, or with a part that is not contoured.

    Args:
        candidates: what stands for an organ.
        scan_mm: heights of the first and the last contour of the body outline [mm], or None without one.
    """
    info = organ_info()
    out: dict[str, Doubtful] = {}
    for c in candidates:
        known = info.get(c.organ)
        if known is None or known.volume_min_cm3 is None or known.volume_max_cm3 is None or c.structure is None:
            continue
        volume = c.structure.volume_cm3
        if volume is None:
            continue
        low, high = known.volume_min_cm3, known.volume_max_cm3
        if volume > high or (volume < low and not _drawn_in_part(c, known, scan_mm)):
            organ = f"{c.organ}_{c.side}" if c.side else c.organ
            what = f"{volume:.3g} cc, {low:g} to {high:g} cc expected"
            out.setdefault(c.roi, Doubtful(organ, c.roi, what, ""))
    return tuple(out.values())


def _drawn_in_part(candidate: Candidate, info: OrganInfo, scan_mm: tuple[float, float] | None) -> bool:
    if info.partly_drawn or candidate.missing_part or "minus" in candidate.note:
        return True
    if info.architecture == "parallel" and candidate.cut:
        return True
    if scan_mm is None or not candidate.points_mm.size:
        return False
    # A tube has flat ends wherever it is drawn: only the end of the scan excuses it.
    z = candidate.points_mm[:, 2]
    return bool(np.min(z) - scan_mm[0] <= _SCAN_END_MM or scan_mm[1] - np.max(z) <= _SCAN_END_MM)
