"""dicompyler-core as a yardstick for time. Only ever used here: it is not an oracle."""

from __future__ import annotations

from typing import Any

import numpy as np

from sbrtcheck.model import DoseGrid, Roi


def load_dvhcalc() -> Any:
    """dicompylercore.dvhcalc under pydicom 3, which no longer has the name that it imports."""
    import pydicom
    import pydicom.dicomio

    pydicom.dicomio.read_file = pydicom.dcmread  # type: ignore[attr-defined]
    from dicompylercore import dvhcalc

    return dvhcalc


def _empty(sop_class_uid: str) -> Any:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = sop_class_uid, generate_uid()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    return data


def dose_dataset(dose: DoseGrid) -> Any:
    """An RT Dose data set in memory (identity orientation)."""
    data = _empty("1.2.840.10008.5.1.4.1.1.481.2")
    n_k, n_j, n_i = dose.dose_gy.shape
    data.Modality = "RTDOSE"
    data.Rows, data.Columns, data.NumberOfFrames = n_j, n_i, n_k
    data.ImagePositionPatient = [float(x) for x in dose.affine[:3, 3]]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.PixelSpacing = [dose.spacing_mm[1], dose.spacing_mm[0]]
    data.GridFrameOffsetVector = [float(dose.spacing_mm[2] * k) for k in range(n_k)]
    scaling = float(dose.dose_gy.max()) / 60000.0
    data.DoseGridScaling = f"{scaling:.8g}"
    data.DoseUnits, data.DoseType, data.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 32, 32, 31, 0
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.PixelData = np.rint(dose.dose_gy / scaling).astype(np.uint32).tobytes()
    return data


def structures_dataset(rois: list[Roi]) -> Any:
    """An RT Structure Set data set in memory."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    data = _empty("1.2.840.10008.5.1.4.1.1.481.3")
    data.Modality = "RTSTRUCT"
    names, contours, observations = [], [], []
    for roi in rois:
        item = Dataset()
        item.ROINumber, item.ROIName = roi.number, roi.name
        names.append(item)
        drawn = Dataset()
        drawn.ReferencedROINumber = roi.number
        drawn.ROIDisplayColor = [255, 0, 0]
        loops = []
        for contour in roi.contours:
            loop = Dataset()
            loop.ContourGeometricType = "CLOSED_PLANAR"
            loop.NumberOfContourPoints = len(contour.points_mm)
            loop.ContourData = [round(float(x), 4) for x in contour.points_mm.ravel()]
            loops.append(loop)
        drawn.ContourSequence = Sequence(loops)
        contours.append(drawn)
        seen = Dataset()
        seen.ReferencedROINumber, seen.RTROIInterpretedType = roi.number, "ORGAN"
        observations.append(seen)
    data.StructureSetROISequence = Sequence(names)
    data.ROIContourSequence = Sequence(contours)
    data.RTROIObservationsSequence = Sequence(observations)
    return data
