"""A small lung SBRT plan as DICOM-RT, built in memory, with knobs for everything that tests turn.

The patient is a cube of 80 mm: a target of 20 mm in the right lung, seven organs and the body, an analytic dose of 54 Gy
in 3 fractions on a grid of 40 x 40 x 40 points. UIDs are fixed, so two builds give the same bytes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag

Array = NDArray[np.float64]

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RT_STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
TARGET_MM = np.array([-10.0, 0.0, 0.0])
HALF_MM = 39.0

# Image Orientation (Patient) of one dose grid exported for each patient position, as Eclipse writes it.
ORIENTATIONS: dict[str, tuple[int, ...]] = {
    "HFS": (1, 0, 0, 0, 1, 0),
    "HFP": (-1, 0, 0, 0, -1, 0),
    "FFS": (-1, 0, 0, 0, 1, 0),
    "FFP": (1, 0, 0, 0, -1, 0),
    "HFDL": (0, -1, 0, 1, 0, 0),
    "HFDR": (0, 1, 0, -1, 0, 0),
    "FFDL": (0, 1, 0, 1, 0, 0),
    "FFDR": (0, -1, 0, -1, 0, 0),
}


def uid(kind: int, salt: int = 0) -> str:
    """A fixed UID under 2.25: ``kind`` tells objects apart, ``salt`` whole plans."""
    return f"2.25.{7_000_000 + 1000 * salt + kind}"


def circle(x_mm: float, y_mm: float, z_mm: float, radius_mm: float, n_points: int = 40) -> Array:
    """A circle in an axial plane, shape (n_points, 3)."""
    angle = np.linspace(0, 2 * np.pi, n_points, endpoint=False)
    return np.column_stack(
        [x_mm + radius_mm * np.cos(angle), y_mm + radius_mm * np.sin(angle), np.full(n_points, z_mm)]
    )


def rectangle(x0: float, x1: float, y0: float, y1: float, z_mm: float) -> Array:
    """An axial rectangle, shape (4, 3)."""
    return np.array([[x0, y0, z_mm], [x1, y0, z_mm], [x1, y1, z_mm], [x0, y1, z_mm]], dtype=float)


def planes(low_mm: float, high_mm: float, step_mm: float = 2.0) -> Array:
    """Plane positions from low to high, both included."""
    return np.arange(low_mm, high_mm + step_mm / 2, step_mm)


def sphere(centre_mm: Array, radius_mm: float, step_mm: float = 2.0) -> list[Array]:
    """Axial circles of a sphere."""
    x, y, z = centre_mm
    return [
        circle(x, y, z + dz, float(np.sqrt(radius_mm**2 - dz**2)))
        for dz in planes(-radius_mm + step_mm / 2, radius_mm - step_mm / 2, step_mm)
    ]


def default_rois() -> dict[str, tuple[str, list[Array]]]:
    """Name to (interpreted type, contours): the eight structures of the small patient."""
    tall, lung = planes(-HALF_MM + 1, HALF_MM - 1), planes(-30, 30)
    return {
        "BODY": ("EXTERNAL", [rectangle(-38, 38, -38, 38, z) for z in tall]),
        "PTV": ("PTV", sphere(TARGET_MM, 10.0)),
        "GTV": ("GTV", sphere(TARGET_MM, 6.0)),
        "SpinalCord": ("ORGAN", [circle(30, 26, z, 5) for z in tall]),
        "Lung_R": ("ORGAN", [rectangle(-36, 10, -30, 30, z) for z in lung]),
        "Lung_L": ("ORGAN", [rectangle(16, 36, -30, 14, z) for z in lung]),
        "Esophagus": ("ORGAN", [circle(14, 24, z, 4) for z in lung]),
        "Heart": ("ORGAN", [rectangle(12, 15, -30, 10, z) for z in planes(-30, -10)]),
    }


def lung_dose(points_mm: Array, prescription_gy: float = 54.0) -> Array:
    """Dose [Gy] at points (n, 3): 125 % in the middle of the target, 100 % at 10.5 mm, a steep fall and a low bath."""
    radius = np.linalg.norm(points_mm - TARGET_MM, axis=-1)
    peak = 1.25 * np.exp(-np.log(1.25) * (radius / 10.5) ** 3)
    return prescription_gy * (peak + 0.02 * np.exp(-radius / 40))


@dataclass
class MiniPlan:
    """The three objects of one plan; change the data sets freely before writing."""

    plan: Dataset
    structures: Dataset
    dose: Dataset

    def objects(self) -> dict[str, Dataset]:
        """File name to data set."""
        return {"rp.dcm": self.plan, "rs.dcm": self.structures, "rd.dcm": self.dose}

    def write(self, folder: Path, *, explicit: bool = False, **others: Dataset | bytes) -> Path:
        """Write the three files (and others, as name=data set or bytes; ``__`` in a name stands for a dot)."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, ds in {**self.objects(), **{k.replace("__", "."): v for k, v in others.items()}}.items():
            content = ds if isinstance(ds, bytes) else to_bytes(ds, explicit=explicit)
            (folder / name).write_bytes(content)
        return folder


def to_bytes(ds: Dataset, *, explicit: bool = False) -> bytes:
    """The Part 10 file of a data set."""
    out = Dataset()
    out.update({element.tag: element for element in (ds.get_item(tag) for tag in tuple(ds.keys()))})
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", RT_DOSE)
    meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", uid(999))
    meta.TransferSyntaxUID = EXPLICIT if explicit else IMPLICIT
    out.file_meta = meta
    buffer = BytesIO()
    with warnings.catch_warnings():
        # The writer looks at values that a test made wrong on purpose.
        warnings.simplefilter("ignore")
        dcmwrite(buffer, out, implicit_vr=not explicit, little_endian=True, enforce_file_format=True)
    return buffer.getvalue()


def set_raw(ds: Dataset, keyword: str, raw: bytes, *, vr: str | None = None) -> None:
    """Put bytes that the writer would not accept under a keyword; they are written as they are."""
    tag = Tag(keyword)
    value = raw + b" " * (len(raw) % 2)
    ds[tag] = RawDataElement(tag, vr or dictionary_VR(tag), len(value), value, 0, False, True)


def item(**values: object) -> Dataset:
    """A sequence item or data set from keywords."""
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, Items(value) if isinstance(value, list) and keyword.endswith("Sequence") else value)
    return ds


def decimals(values: Sequence[float] | Array) -> list[str]:
    """Decimal strings of at most 16 characters."""
    return [f"{v:.10g}"[:16] for v in np.asarray(values, dtype=float).ravel()]


def _common(kind: int, salt: int, sop_class: str, modality: str) -> Dataset:
    return item(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=sop_class,
        SOPInstanceUID=uid(kind, salt),
        StudyDate="20240101",
        StudyTime="120000",
        Modality=modality,
        Manufacturer="sbrtcheck tests",
        PatientName="Phantom^Small",
        PatientID="PHANTOM-1",
        PatientBirthDate="19500101",
        PatientSex="M",
        StudyInstanceUID=uid(1),
        SeriesInstanceUID=uid(10 + kind, salt),
        SeriesNumber="1",
    )


def build_plan(
    *,
    n_fractions: int | None = 3,
    prescription_gy: float = 54.0,
    targets: Mapping[int, float] | None = None,
    n_beams: int = 2,
    label: str = "LUNG",
    salt: int = 0,
) -> Dataset:
    """An approved photon plan. ``targets``: ROI number to prescription [Gy]; default: the PTV alone."""
    ds = _common(5, salt, RT_PLAN, "RTPLAN")
    ds.FrameOfReferenceUID = uid(2)
    ds.RTPlanLabel = label
    ds.RTPlanDate, ds.RTPlanTime = "20240101", "120000"
    ds.PlanIntent = "CURATIVE"
    ds.RTPlanGeometry = "PATIENT"
    ds.DoseReferenceSequence = Items(
        item(
            DoseReferenceNumber=str(number),
            DoseReferenceStructureType="VOLUME",
            DoseReferenceType="TARGET",
            TargetPrescriptionDose=f"{total_gy:g}",
            ReferencedROINumber=str(roi),
        )
        for number, (roi, total_gy) in enumerate((targets or {2: prescription_gy}).items(), start=1)
    )
    per_beam_gy = prescription_gy / (n_fractions or 1) / n_beams
    ds.FractionGroupSequence = [
        item(
            FractionGroupNumber="1",
            NumberOfFractionsPlanned=None if n_fractions is None else str(n_fractions),
            NumberOfBeams=str(n_beams),
            NumberOfBrachyApplicationSetups="0",
            ReferencedBeamSequence=[
                item(BeamDose=f"{per_beam_gy:.10g}", BeamMeterset="900", ReferencedBeamNumber=str(n))
                for n in range(1, n_beams + 1)
            ],
        )
    ]
    ds.BeamSequence = [
        item(
            BeamNumber=str(n),
            BeamName=f"arc {n}",
            BeamType="DYNAMIC",
            RadiationType="PHOTON",
            TreatmentDeliveryType="TREATMENT",
            NumberOfControlPoints="0",
        )
        for n in range(1, n_beams + 1)
    ]
    ds.ReferencedStructureSetSequence = [
        item(ReferencedSOPClassUID=RT_STRUCTURES, ReferencedSOPInstanceUID=uid(3, salt))
    ]
    ds.ApprovalStatus = "APPROVED"
    return ds


def contour_item(points_mm: Array, geometric_type: str = "CLOSED_PLANAR") -> Dataset:
    """One item of Contour Sequence."""
    return item(
        ContourGeometricType=geometric_type,
        NumberOfContourPoints=str(len(points_mm)),
        ContourData=decimals(points_mm),
    )


def build_structures(*, rois: Mapping[str, tuple[str, list[Array]]] | None = None, salt: int = 0) -> Dataset:
    """A structure set; ROI numbers are 1, 2, ... in the order given."""
    wanted = default_rois() if rois is None else rois
    ds = _common(3, salt, RT_STRUCTURES, "RTSTRUCT")
    ds.StructureSetLabel = "SMALL"
    ds.StructureSetDate, ds.StructureSetTime = "20240101", "120000"
    ds.ReferencedFrameOfReferenceSequence = [item(FrameOfReferenceUID=uid(2))]
    ds.StructureSetROISequence, ds.ROIContourSequence, ds.RTROIObservationsSequence = [], [], []
    for number, (name, (kind, contours)) in enumerate(wanted.items(), start=1):
        ds.StructureSetROISequence.append(
            item(
                ROINumber=str(number),
                ReferencedFrameOfReferenceUID=uid(2),
                ROIName=name,
                ROIGenerationAlgorithm="MANUAL",
            )
        )
        ds.ROIContourSequence.append(
            item(
                ReferencedROINumber=str(number),
                ROIDisplayColor=["255", "0", "0"],
                ContourSequence=[contour_item(points) for points in contours],
            )
        )
        ds.RTROIObservationsSequence.append(
            item(ObservationNumber=str(number), ReferencedROINumber=str(number), RTROIInterpretedType=kind)
        )
    ds.ApprovalStatus = "APPROVED"
    return ds


def build_dose(
    *,
    spacing_mm: float = 2.0,
    n_points: int = 40,
    orientation: Sequence[float] = ORIENTATIONS["HFS"],
    absolute_offsets: bool = False,
    descending: bool = False,
    bits: int = 32,
    dose: Callable[[Array], Array] = lung_dose,
    scaling_gy: float | None = None,
    salt: int = 0,
) -> Dataset:
    """A PLAN dose on a cube of ``n_points``^3, centred on the origin, in any orientation.

    The points of the grid are the same for every axis-aligned orientation; only their order in the file differs.
    """
    along, down = np.array(orientation[:3], dtype=float), np.array(orientation[3:], dtype=float)
    normal = np.cross(along, down) * (-1 if descending else 1)
    offsets = (np.arange(n_points) - (n_points - 1) / 2) * spacing_mm
    k, j, i = np.meshgrid(offsets, offsets, offsets, indexing="ij")
    points = i[..., None] * along + j[..., None] * down + k[..., None] * normal
    values = dose(points)
    step = scaling_gy or float(f"{values.max() / (2**bits - 2):.9e}"[:16])
    first = offsets[0] * (along + down + normal)
    frame_offsets = (offsets - offsets[0]) * (-1 if descending else 1)
    ds = _common(2, salt, RT_DOSE, "RTDOSE")
    ds.FrameOfReferenceUID = uid(2)
    ds.ImagePositionPatient = decimals(first)
    ds.ImageOrientationPatient = decimals(np.array(orientation))
    ds.PixelSpacing = decimals([spacing_mm, spacing_mm])
    ds.SliceThickness = f"{spacing_mm:g}"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.NumberOfFrames = str(n_points)
    ds.FrameIncrementPointer = 0x3004000C
    ds.Rows = ds.Columns = n_points
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits - 1, 0
    ds.DoseUnits, ds.DoseType, ds.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    ds.GridFrameOffsetVector = decimals(frame_offsets + (first[2] if absolute_offsets else 0.0))
    ds.DoseGridScaling = f"{step:.9e}"[:16]
    ds.TissueHeterogeneityCorrection = "IMAGE"
    ds.ReferencedRTPlanSequence = [item(ReferencedSOPClassUID=RT_PLAN, ReferencedSOPInstanceUID=uid(5, salt))]
    ds.PixelData = np.round(values / float(ds.DoseGridScaling)).astype(f"<u{bits // 8}").tobytes()
    ds["PixelData"].VR = "OW"
    return ds


@lru_cache(maxsize=16)
def _written(salt: int, explicit: bool) -> tuple[tuple[str, bytes], ...]:
    built = MiniPlan(build_plan(salt=salt), build_structures(salt=salt), build_dose(salt=salt))
    return tuple((name, to_bytes(ds, explicit=explicit)) for name, ds in built.objects().items())


def build(*, salt: int = 0) -> MiniPlan:
    """Plan, structures and dose that fit together; ``salt`` makes another plan of the same patient and study."""
    return MiniPlan(*(dcmread(BytesIO(data)) for _, data in _written(salt, False)))


def write_with(
    folder: Path,
    *,
    plan: Dataset | bytes | None = None,
    structures: Dataset | bytes | None = None,
    dose: Dataset | bytes | None = None,
    explicit: bool = False,
    **others: Dataset | bytes,
) -> Path:
    """The small plan with some of its objects replaced; faster than writing all three. ``__`` stands for a dot."""
    files: dict[str, Dataset | bytes] = dict(_written(0, explicit))
    for name, given in (("rp.dcm", plan), ("rs.dcm", structures), ("rd.dcm", dose)):
        if given is not None:
            files[name] = given
    files.update({name.replace("__", "."): given for name, given in others.items()})
    folder.mkdir(parents=True, exist_ok=True)
    for name, given in files.items():
        (folder / name).write_bytes(given if isinstance(given, bytes) else to_bytes(given, explicit=explicit))
    return folder
