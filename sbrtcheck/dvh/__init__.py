"""Dose-volume histograms of contours in dose grids, and the metrics of each. Names are imported when first used.

No table and no file is known here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sbrtcheck.dvh.agreement import compare_dvhs
    from sbrtcheck.dvh.around_targets.conformity import conformity
    from sbrtcheck.dvh.contours.scan import ScanPlanes, scan_planes
    from sbrtcheck.dvh.contours.structure import Structure, build_structure
    from sbrtcheck.dvh.histogram import compute_dvh, compute_dvhs
    from sbrtcheck.dvh.points.interpolation import dose_at
    from sbrtcheck.dvh.points.kept import KeptSamples
    from sbrtcheck.dvh.points.sampling import SamplePoints, sample

_HOME = {
    "KeptSamples": "points.kept",
    "SamplePoints": "points.sampling",
    "ScanPlanes": "contours.scan",
    "Structure": "contours.structure",
    "build_structure": "contours.structure",
    "compare_dvhs": "agreement",
    "compute_dvh": "histogram",
    "compute_dvhs": "histogram",
    "conformity": "around_targets.conformity",
    "dose_at": "points.interpolation",
    "sample": "points.sampling",
    "scan_planes": "contours.scan",
}

__all__ = [
    "KeptSamples",
    "SamplePoints",
    "ScanPlanes",
    "Structure",
    "build_structure",
    "compare_dvhs",
    "compute_dvh",
    "compute_dvhs",
    "conformity",
    "dose_at",
    "sample",
    "scan_planes",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sbrtcheck.dvh' has no attribute {name!r}")
    return getattr(import_module(f"sbrtcheck.dvh.{_HOME[name]}"), name)
