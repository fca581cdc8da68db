"""Targets that lie inside each other with prescriptions of their own: one lesion in two dose levels (SIB)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sbrtcheck.anatomy.place import share_inside
from sbrtcheck.dvh import Structure
from sbrtcheck.model import Lesion
from sbrtcheck.tables.schemes import SAME_DOSE_GY

# A target of a higher dose is a level of another one when over half of it lies inside (our policy).
SHARE_INSIDE = 0.5
_N_PER_AXIS = 15


def higher_levels(lesions: Sequence[Lesion], structures: Mapping[str, Structure]) -> dict[str, tuple[str, ...]]:
    """For each PTV that holds a target of a higher prescription: those targets.

    Args:
        lesions: of one plan, with their prescriptions.
        structures: ROI name to structure.
    """
    known = [x for x in lesions if x.prescription_gy is not None and structures[x.ptv].blocked is None]
    out: dict[str, tuple[str, ...]] = {}
    for low in known:
        inner = [
            high.ptv
            for high in known
            if (high.prescription_gy or 0.0) > (low.prescription_gy or 0.0) + SAME_DOSE_GY
            and share_inside(structures[high.ptv], [structures[low.ptv]], n_per_axis=_N_PER_AXIS) > SHARE_INSIDE
        ]
        if inner:
            out[low.ptv] = tuple(inner)
    return out
