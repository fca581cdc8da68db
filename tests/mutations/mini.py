"""The small plans that are damaged: six structures, a dose of 32 x 32 x 32 points, a check in a fraction of a second.

``passing`` is a node of the neck treated with 54 Gy in 3 fractions that meets everything. In ``failing`` the cord touches the
target; in ``incomplete`` the oesophagus is not contoured. ``rich`` is ``passing`` with every second source that a file
can hold: ROI Volume and stored DVHs. The rules are those of every check; only the sampling is coarser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import dicom_builders as build
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence as Items

from sbrtcheck import check
from sbrtcheck.model import Report

Rois = dict[str, tuple[str, list[build.Array]]]
NAMES = ("rp.dcm", "rs.dcm", "rd.dcm")
BASES = ("passing", "failing", "incomplete", "rich")
N_POINTS = 32


def rois(base: str = "passing") -> Rois:
    """Name to (interpreted type, contours)."""
    tall = build.planes(-27, 27)
    cord_x, cord_y = (6.0, 0.0) if base == "failing" else (20.0, 16.0)
    out: Rois = {
        "PTV": ("PTV", build.sphere(build.TARGET_MM, 10.0)),
        "GTV": ("GTV", build.sphere(build.TARGET_MM, 6.0)),
        "SpinalCord": ("ORGAN", [build.circle(cord_x, cord_y, z, 5, 24) for z in tall]),
        "Esophagus": ("ORGAN", [build.circle(20, -16, z, 6, 24) for z in tall]),
        "BrachialPlexus": ("ORGAN", build.sphere(np.array([22.0, 0.0, 10.0]), 6.0)),
        "Trachea": ("ORGAN", [build.circle(4, -24, z, 5, 24) for z in tall]),
    }
    if base == "incomplete":
        del out["Esophagus"]
    return out


def plan(**knobs: Any) -> Dataset:
    """The plan: its label tells the site."""
    return build.build_plan(**{"label": "NODE NECK", "targets": {1: 54.0}, **knobs})


def structures(base: str = "passing", *, only: Rois | None = None) -> Dataset:
    """The structure set of a base, or of other ROIs."""
    return build.build_structures(rois=only or rois(base))


def dose(**knobs: Any) -> Dataset:
    """The dose."""
    return build.build_dose(**{"n_points": N_POINTS, **knobs})


def _second_sources(built: build.MiniPlan) -> None:
    """ROI Volume and a stored DVH for every ROI, by this program itself: what they say is true of this plan."""
    from sbrtcheck.dvh import build_structure, compute_dvh
    from sbrtcheck.read import read_folder

    with TemporaryDirectory() as folder:
        data = read_folder(built.write(Path(folder))).plans[0]
    items = []
    for roi, item in zip(data.structures.rois, built.structures.StructureSetROISequence, strict=True):
        dvh = compute_dvh(build_structure(roi), data.dose)
        item.ROIVolume = f"{dvh.total_volume_cm3:.6g}"
        edges = np.arange(0.0, float(dvh.samples.dose_gy[0]) + 0.1, 0.1)
        at_least = np.concatenate([[0.0], np.cumsum(dvh.samples.volume_cm3)])
        curve = at_least[np.searchsorted(-dvh.samples.dose_gy, -edges, side="right")]
        pairs = np.column_stack([np.full(edges.size, 0.1), curve]).ravel()
        items.append(
            build.item(
                DVHType="CUMULATIVE",
                DoseUnits="GY",
                DoseType="PHYSICAL",
                DVHDoseScaling="1",
                DVHVolumeUnits="CM3",
                DVHNumberOfBins=str(edges.size),
                DVHData=build.decimals(pairs),
                DVHReferencedROISequence=[
                    build.item(DVHROIContributionType="INCLUDED", ReferencedROINumber=str(roi.number))
                ],
            )
        )
    built.dose.ReferencedStructureSetSequence = Items(
        [
            build.item(
                ReferencedSOPClassUID=build.RT_STRUCTURES, ReferencedSOPInstanceUID=built.structures.SOPInstanceUID
            )
        ]
    )
    built.dose.DVHSequence = Items(items)


@lru_cache(maxsize=16)
def files(base: str = "passing", *, explicit: bool = False) -> Mapping[str, bytes]:
    """File name to bytes."""
    built = build.MiniPlan(plan(), structures(base), dose())
    if base == "rich":
        _second_sources(built)
    return {name: build.to_bytes(ds, explicit=explicit) for name, ds in built.objects().items()}


def dataset(name: str, base: str = "passing") -> Dataset:
    """One object of a base, to be changed."""
    return dcmread(BytesIO(files(base)[name]))


@contextmanager
def coarse() -> Iterator[None]:
    """Fewer points in volumes, on surfaces and in isodoses than a real check takes; every rule stays as it is."""
    from sbrtcheck.dvh import histogram
    from sbrtcheck.dvh.around_targets import isodose, spill
    from sbrtcheck.dvh.contours import surface
    from sbrtcheck.dvh.points import sampling

    fewer = partial(sampling.wanted_pitch_mm, n_wanted=1500)
    plain = {"cubic": (3, 1), "cubic, one part": (3, 1), "trilinear": (1, 1)}
    with (
        mock.patch.object(histogram, "wanted_pitch_mm", fewer),
        mock.patch.object(surface, "N_LATTICE", 6000),
        mock.patch.object(surface, "MIN_STEP_MM", 1.5),
        mock.patch.object(isodose, "READINGS", plain),
        mock.patch.object(spill, "_PARTS", ((3, 1), (1, 1))),
    ):
        yield


def write(folder: Path, contents: Mapping[str, bytes | Dataset]) -> Path:
    """The files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else build.to_bytes(content))
    return folder


def check_files(folder: Path, contents: Mapping[str, bytes | Dataset], **options: Any) -> Report:
    """A check of these files."""
    with coarse():
        return check(write(folder, contents), find_config=False, **options)


@lru_cache(maxsize=8)
def reference(base: str = "passing") -> Report:
    """The report of an untouched base."""
    with TemporaryDirectory() as folder:
        return check_files(Path(folder), files(base))
