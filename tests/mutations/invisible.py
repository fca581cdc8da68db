"""Damage that leaves a well-formed plan which is another plan: what can be seen of it, and by which second source."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import dicom_builders as build
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence as Items

from mutations import mini
from mutations.damage import written
from sbrtcheck.model import Outcome

Change = Callable[[Dataset, Dataset, Dataset], None]


def _scaled(factor: float) -> Change:
    def change(_plan: Dataset, _structures: Dataset, dose: Dataset) -> None:
        dose.DoseGridScaling = f"{float(dose.DoseGridScaling) * factor:.9e}"

    return change


def _grid_moved(_plan: Dataset, _structures: Dataset, dose: Dataset) -> None:
    position = [float(v) for v in dose.ImagePositionPatient]
    dose.ImagePositionPatient = build.decimals([position[0] + 1.0, *position[1:]])


def _points(index: int, change: Callable[[build.Array], build.Array]) -> Change:
    def apply(_plan: Dataset, structures: Dataset, _dose: Dataset) -> None:
        for item in structures.ROIContourSequence[index].ContourSequence:
            points = np.array([float(v) for v in item.ContourData]).reshape(-1, 3)
            item.ContourData = build.decimals(change(points))

    return apply


def _shrunk(points: build.Array) -> build.Array:
    centre = points.mean(axis=0)
    return centre + 0.9 * (points - centre)


def _ends_dropped(_plan: Dataset, structures: Dataset, _dose: Dataset) -> None:
    item = structures.ROIContourSequence[2]
    item.ContourSequence = Items(list(item.ContourSequence)[:-4])


def _names_swapped(_plan: Dataset, structures: Dataset, _dose: Dataset) -> None:
    first, second = structures.StructureSetROISequence[3], structures.StructureSetROISequence[4]
    first.ROIName, second.ROIName = second.ROIName, first.ROIName


def _prescription(_plan: Dataset, _structures: Dataset, _dose: Dataset) -> None:
    _plan.DoseReferenceSequence[0].TargetPrescriptionDose = "51"


def _fractions(_plan: Dataset, _structures: Dataset, _dose: Dataset) -> None:
    _plan.FractionGroupSequence[0].NumberOfFractionsPlanned = "4"


KINDS: dict[str, tuple[Change, tuple[str, ...]]] = {
    "every dose 1 % lower": (_scaled(0.99), ()),
    "every dose 5 % lower": (_scaled(0.95), ("W-STORED-DVH",)),
    "dose grid 1 mm aside": (_grid_moved, ("W-STORED-DVH",)),
    "cord 1 mm aside": (_points(2, lambda p: p + np.array([1.0, 0.0, 0.0])), ()),
    "target drawn 10 % smaller in each plane": (_points(0, _shrunk), ("W-ROI-VOLUME", "W-STORED-DVH")),
    "last four planes of the cord lost": (_ends_dropped, ("W-ROI-VOLUME", "W-STORED-DVH")),
    "names of two organs exchanged": (_names_swapped, ()),
    "prescription 51 instead of 54 Gy": (_prescription, ()),
    "4 fractions instead of 3": (_fractions, ("W-BEAMDOSE",)),
}
"""Name to the change and the warnings that second sources (ROI Volume, stored DVH, beam dose) must give."""


def seen(kind: str, base: str) -> tuple[Outcome, tuple[str, ...]]:
    """Outcome and warning codes for one kind on a base: "passing" has no second source, "rich" has all."""
    change, _ = KINDS[kind]
    sets = [dcmread(BytesIO(mini.files(base)[name])) for name in mini.NAMES]
    change(*sets)
    files = {
        name: written(mini.files(base)[name], dcmread(BytesIO(build.to_bytes(ds))))
        for name, ds in zip(mini.NAMES, sets, strict=True)
    }
    with TemporaryDirectory() as folder:
        report = mini.check_files(Path(folder), files)
    return report.outcome, tuple(sorted({p.code for p in (*report.warnings, *report.errors)}))
