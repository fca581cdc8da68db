"""RT Plan, RT Structure Set and RT Dose of a sample plan: explicit VR little endian, fixed UIDs and dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from anatomy import BOTTOM_MM, SLICE_MM, TOP_MM, Array
from pydicom import dcmwrite
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT = "1.2.840.10008.5.1.4.1.1.2"
RTDOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
RTPLAN = "1.2.840.10008.5.1.4.1.1.481.5"
STUDY_COMPONENT = "1.2.840.10008.3.1.2.3.1"
DATE, TIME = "20240311", "101500"


@dataclass(frozen=True)
class RoiItem:
    """One ROI as it is written. ``kind`` is the RT ROI Interpreted Type; ``style``: plain, xor or keyhole."""

    number: int
    name: str
    kind: str
    loops: Sequence[Array]
    style: str = "plain"


@dataclass(frozen=True)
class Prescription:
    """One item of the dose reference sequence; ``roi_number`` None writes structure type SITE.

    ``prior_gy``: dose of an earlier course that the plan states.
    """

    total_gy: float
    description: str
    roi_number: int | None = None
    prior_gy: float | None = None


@dataclass(frozen=True)
class BeamItem:
    """One arc: gantry from, to, couch [degree], dose per fraction [Gy] and monitor units."""

    name: str
    gantry_deg: tuple[float, float]
    couch_deg: float
    dose_gy: float
    meterset: float
    isocentre_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Case:
    """What the three objects of one sample have in common."""

    name: str
    title: str
    patient: str
    sex: str
    machine: str = "TRUEBEAM1"
    vendor: str = "sbrtcheck sample plans"

    def uid(self, what: str) -> str:
        return str(generate_uid(entropy_srcs=["sbrtcheck sample plan", self.name, what]))


def decimal(value: float, digits: int = 10) -> str:
    """A decimal string of at most 16 characters."""
    text = f"{value:.{digits}g}"
    if len(text) > 16:
        raise ValueError(f"{text} does not fit a DS")
    return text


def _dataset(case: Case, sop_class: str, modality: str, label: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = case.uid(label)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = generate_uid(entropy_srcs=["sbrtcheck sample plan writer"])
    meta.ImplementationVersionName = "SBRTCHECK_1"
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.InstanceCreationDate, ds.InstanceCreationTime = DATE, TIME
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, case.uid(label)
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = DATE, TIME, ""
    ds.SeriesDate, ds.SeriesTime, ds.Modality = DATE, TIME, modality
    ds.Manufacturer, ds.ManufacturerModelName, ds.SoftwareVersions = case.vendor, "build.py", "1"
    ds.ReferringPhysicianName, ds.StationName = "", "SYNTHETIC"
    ds.StudyDescription, ds.SeriesDescription = "Synthetic thorax", case.title
    ds.OperatorsName = "SYNTHETIC^OPERATOR"
    ds.PatientName, ds.PatientID = f"SBRTCHECK^{case.patient}", f"SBRTCHECK-{case.patient}"
    ds.PatientBirthDate, ds.PatientSex = "19500101", case.sex
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "Synthetic, no patient"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = case.uid("study"), case.uid(f"series {label}")
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "1", 1, 1
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = case.uid("frame"), ""
    return ds


def _reference(sop_class: str, uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item


def _approve(ds: Dataset) -> None:
    ds.ApprovalStatus, ds.ReviewDate, ds.ReviewTime = "APPROVED", DATE, "160000"
    ds.ReviewerName = "SYNTHETIC^REVIEWER"


def _save(ds: FileDataset, path: Path) -> Path:
    dcmwrite(path, ds, enforce_file_format=True)
    return path


def write_structures(case: Case, rois: Sequence[RoiItem], path: Path) -> Path:
    """The RT Structure Set."""
    ds = _dataset(case, RTSTRUCT, "RTSTRUCT", "RTSTRUCT")
    ds.StructureSetLabel, ds.StructureSetName = "SBRT", case.title
    ds.StructureSetDate, ds.StructureSetTime = DATE, TIME
    images = []
    for number in range(round((TOP_MM - BOTTOM_MM) / SLICE_MM) + 1):
        images.append(_reference(CT, case.uid(f"CT {number}")))
    series = Dataset()
    series.SeriesInstanceUID, series.ContourImageSequence = case.uid("series CT"), Items(images)
    study = _reference(STUDY_COMPONENT, case.uid("study"))
    study.RTReferencedSeriesSequence = Items([series])
    frame = Dataset()
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = case.uid("frame"), Items([study])
    ds.ReferencedFrameOfReferenceSequence = Items([frame])
    names, bodies, observations = [], [], []
    for index, roi in enumerate(rois):
        item = Dataset()
        item.ROINumber, item.ReferencedFrameOfReferenceUID = roi.number, case.uid("frame")
        item.ROIName, item.ROIGenerationAlgorithm = (
            roi.name,
            "MANUAL" if roi.kind in {"GTV", "PTV"} else "SEMIAUTOMATIC",
        )
        names.append(item)
        body = Dataset()
        body.ROIDisplayColor = [(83 * index + 60) % 256, (151 * index + 120) % 256, (47 * index + 200) % 256]
        body.ContourSequence = Items([_contour(loop, roi.style) for loop in _styled(roi)])
        body.ReferencedROINumber = roi.number
        bodies.append(body)
        seen = Dataset()
        seen.ObservationNumber, seen.ReferencedROINumber = roi.number, roi.number
        seen.RTROIInterpretedType, seen.ROIInterpreter = roi.kind, ""
        observations.append(seen)
    ds.StructureSetROISequence, ds.ROIContourSequence = Items(names), Items(bodies)
    ds.RTROIObservationsSequence = Items(observations)
    _approve(ds)
    return _save(ds, path)


def _styled(roi: RoiItem) -> list[Array]:
    """The loops to write; a keyhole joins the outer and the inner loop of each plane into one."""
    if roi.style != "keyhole":
        return list(roi.loops)
    joined = []
    for z in sorted({float(loop[0, 2]) for loop in roi.loops}):
        outer, inner = sorted((loop for loop in roi.loops if loop[0, 2] == z), key=len, reverse=True)
        # From the outer loop's smallest x straight to the inner loop's, round it the other way, and back.
        hole = np.vstack([inner, inner[:1]])[::-1]
        joined.append(np.vstack([outer, outer[:1], hole]))
    return joined


def _contour(loop: Array, style: str) -> Dataset:
    item = Dataset()
    item.ContourGeometricType = "CLOSEDPLANAR_XOR" if style == "xor" else "CLOSED_PLANAR"
    item.NumberOfContourPoints = len(loop)
    text = "\\".join(f"{value:.2f}".rstrip("0").rstrip(".") for value in (loop + 0.0).ravel())
    # The text is ready to write: converting each number to pydicom's type and back takes most of the build.
    item.add(DataElement(0x30060050, "DS", text, already_converted=True))
    return item


def write_plan(
    case: Case,
    prescriptions: Sequence[Prescription],
    n_fractions: int,
    beams: Sequence[BeamItem],
    path: Path,
    *,
    part: str = "",
) -> Path:
    """The RT Plan. ``part`` tells the plans of one course apart and is the label of the plan."""
    ds = _dataset(case, RTPLAN, "RTPLAN", f"RTPLAN{part}")
    ds.RTPlanLabel, ds.RTPlanName, ds.RTPlanDescription = part or "SBRT1", case.name[:16], case.title
    ds.RTPlanDate, ds.RTPlanTime = DATE, TIME
    ds.PlanIntent, ds.RTPlanGeometry = "CURATIVE", "PATIENT"
    ds.ReferencedStructureSetSequence = Items([_reference(RTSTRUCT, case.uid("RTSTRUCT"))])
    references = []
    for number, rx in enumerate(prescriptions, start=1):
        item = Dataset()
        if rx.roi_number is not None:
            item.ReferencedROINumber = rx.roi_number
        item.DoseReferenceNumber, item.DoseReferenceUID = number, case.uid(f"dose reference {number}{part}")
        item.DoseReferenceStructureType = "SITE" if rx.roi_number is None else "VOLUME"
        item.DoseReferenceDescription, item.DoseReferenceType = rx.description, "TARGET"
        item.TargetPrescriptionDose = decimal(rx.total_gy)
        if rx.prior_gy is not None:
            item.NominalPriorDose = rx.prior_gy
        references.append(item)
    ds.DoseReferenceSequence = Items(references)
    group = Dataset()
    group.FractionGroupNumber, group.NumberOfFractionsPlanned = 1, n_fractions
    group.NumberOfBeams, group.NumberOfBrachyApplicationSetups = len(beams), 0
    planned = []
    for number, beam in enumerate(beams, start=1):
        item = Dataset()
        item.BeamDose, item.BeamMeterset = decimal(beam.dose_gy, 6), decimal(beam.meterset, 6)
        item.ReferencedBeamNumber = number
        planned.append(item)
    group.ReferencedBeamSequence = Items(planned)
    ds.FractionGroupSequence = Items([group])
    ds.BeamSequence = Items([_beam(case, number, beam) for number, beam in enumerate(beams, start=1)])
    setup = Dataset()
    setup.PatientPosition, setup.PatientSetupNumber = "HFS", 1
    ds.PatientSetupSequence = Items([setup])
    _approve(ds)
    return _save(ds, path)


def _beam(case: Case, number: int, beam: BeamItem) -> Dataset:
    item = Dataset()
    item.TreatmentMachineName, item.PrimaryDosimeterUnit = case.machine, "MU"
    item.SourceAxisDistance = decimal(1000)
    jaws = []
    for axis in ("ASYMX", "ASYMY"):
        jaw = Dataset()
        jaw.RTBeamLimitingDeviceType, jaw.NumberOfLeafJawPairs = axis, 1
        jaws.append(jaw)
    item.BeamLimitingDeviceSequence = Items(jaws)
    item.BeamNumber, item.BeamName = number, beam.name
    item.BeamType, item.RadiationType, item.TreatmentDeliveryType = "DYNAMIC", "PHOTON", "TREATMENT"
    item.NumberOfWedges = item.NumberOfCompensators = item.NumberOfBoli = item.NumberOfBlocks = 0
    item.FinalCumulativeMetersetWeight, item.NumberOfControlPoints = decimal(1), 2
    start, stop = (angle % 360 for angle in beam.gantry_deg)
    first, last = Dataset(), Dataset()
    first.ControlPointIndex, first.NominalBeamEnergy, first.DoseRateSet = 0, decimal(6), decimal(1400)
    positions = []
    for axis in ("ASYMX", "ASYMY"):
        jaw = Dataset()
        jaw.RTBeamLimitingDeviceType, jaw.LeafJawPositions = axis, [decimal(-25), decimal(25)]
        positions.append(jaw)
    first.BeamLimitingDevicePositionSequence = Items(positions)
    first.GantryAngle = decimal(start)
    first.GantryRotationDirection = "CW" if beam.gantry_deg[1] > beam.gantry_deg[0] else "CC"
    first.BeamLimitingDeviceAngle, first.BeamLimitingDeviceRotationDirection = decimal(15), "NONE"
    first.PatientSupportAngle, first.PatientSupportRotationDirection = decimal(beam.couch_deg % 360), "NONE"
    first.TableTopEccentricAngle, first.TableTopEccentricRotationDirection = decimal(0), "NONE"
    first.TableTopVerticalPosition = first.TableTopLongitudinalPosition = first.TableTopLateralPosition = None
    first.IsocenterPosition = [decimal(v) for v in beam.isocentre_mm]
    first.CumulativeMetersetWeight = decimal(0)
    last.ControlPointIndex, last.GantryAngle, last.GantryRotationDirection = 1, decimal(stop), "NONE"
    last.CumulativeMetersetWeight = decimal(1)
    item.ControlPointSequence = Items([first, last])
    item.ReferencedPatientSetupNumber = 1
    return item


@dataclass(frozen=True)
class Grid:
    """An axial dose grid: position of the first voxel's centre, spacing (x, y, z) [mm], counts (x, y, z)."""

    origin_mm: tuple[float, float, float]
    spacing_mm: tuple[float, float, float]
    counts: tuple[int, int, int]

    def points_mm(self) -> Array:
        """All centres, shape (n, 3), x fastest."""
        x, y, z = (o + s * np.arange(n) for o, s, n in zip(self.origin_mm, self.spacing_mm, self.counts, strict=True))
        gz, gy, gx = np.meshgrid(z, y, x, indexing="ij")
        return np.column_stack([gx.ravel(), gy.ravel(), gz.ravel()])


def write_dose(
    case: Case, grid: Grid, dose_gy: Array, path: Path, *, beam_number: int | None = None, part: str = ""
) -> Path:
    """The RT Dose of the plan, or of one beam, in 16 bits. ``part`` is that of the plan."""
    label = f"RTDOSE{part}" if beam_number is None else f"RTDOSE beam {beam_number}"
    ds = _dataset(case, RTDOSE, "RTDOSE", label)
    nx, ny, nz = grid.counts
    scaling = np.ceil(dose_gy.max() / 65000 * 1e5) / 1e5
    stored = np.rint(dose_gy / scaling).astype("<u2")
    ds.SliceThickness = decimal(grid.spacing_mm[2])
    ds.ImagePositionPatient = [decimal(v) for v in grid.origin_mm]
    ds.ImageOrientationPatient = [decimal(v) for v in (1, 0, 0, 0, 1, 0)]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.NumberOfFrames, ds.FrameIncrementPointer = nz, 0x3004000C
    ds.Rows, ds.Columns = ny, nx
    ds.PixelSpacing = [decimal(grid.spacing_mm[1]), decimal(grid.spacing_mm[0])]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.DoseUnits, ds.DoseType = "GY", "PHYSICAL"
    ds.DoseSummationType = "PLAN" if beam_number is None else "BEAM"
    ds.GridFrameOffsetVector = [decimal(grid.spacing_mm[2] * k) for k in range(nz)]
    ds.DoseGridScaling, ds.TissueHeterogeneityCorrection = decimal(scaling), "IMAGE"
    plan = _reference(RTPLAN, case.uid(f"RTPLAN{part}"))
    if beam_number is not None:
        # Only a dose of less than the whole plan names its fraction group.
        group, beam = Dataset(), Dataset()
        beam.ReferencedBeamNumber = beam_number
        group.ReferencedBeamSequence, group.ReferencedFractionGroupNumber = Items([beam]), 1
        plan.ReferencedFractionGroupSequence = Items([group])
    ds.ReferencedRTPlanSequence = Items([plan])
    ds.PixelData = stored.tobytes()
    return _save(ds, path)
