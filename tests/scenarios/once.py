"""The same structure in the same dose is computed once for all scenarios: most differ in one structure only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from sbrtcheck.dvh import Structure, histogram
from sbrtcheck.model import DoseGrid, Dvh

_KEPT: dict[bytes, Dvh] = {}
# The dose that was last asked for, and its digest.
_DOSE: list[tuple[DoseGrid, bytes]] = []


def _digest(structure: Structure, dose: DoseGrid, options: dict[str, Any]) -> bytes:
    """What a drawn structure's Dvh depends on."""
    if not _DOSE or _DOSE[0][0] is not dose:
        _DOSE[:] = [(dose, hashlib.blake2b(dose.dose_gy.tobytes() + dose.affine.tobytes()).digest())]
    parts = (structure.name, structure.method, structure.slice_spacing_mm, sorted(options.items()), _DOSE[0][1])
    return hashlib.blake2b(repr(parts).encode() + structure.vertices_mm.tobytes()).digest()


def remembering(compute: Callable[..., Dvh] = histogram.compute_dvh) -> Callable[..., Dvh]:
    """``compute_dvh`` that remembers what it found. Derived structures, and those with two readings, it computes."""

    def compute_dvh(structure: Structure, dose: DoseGrid, *, kept: object = None, **options: Any) -> Dvh:
        if not len(structure.vertices_mm) or structure.alternatives or kept is not None:
            return compute(structure, dose, kept=kept, **options)
        key = _digest(structure, dose, options)
        if key not in _KEPT:
            _KEPT[key] = compute(structure, dose, kept=kept, **options)
        return _KEPT[key]

    return compute_dvh
