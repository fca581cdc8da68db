"""RT Dose to a dose grid: every label on an allow-list, every length checked before a pixel is decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model import DoseGrid, FloatArray
from sbrtcheck.read.dicom.attributes import check_required, dose_needs
from sbrtcheck.read.dicom.transfer import unpack_rle
from sbrtcheck.read.dicom.values import View
from sbrtcheck.read.dicom.walk import RLE_LOSSLESS
from sbrtcheck.tables.suspicion import load_suspicion

MAX_COORDINATE_MM = 3000.0
MAX_PIXEL_BYTES = 512 * 2**20
_AXIAL = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
_GRID_FRAME_OFFSET_VECTOR = b"\x04\x30\x0c\x00"
# A decimal string may round its value: four decimals of a direction cosine, one of a plane position; the line through
# the first and last plane, each rounded, lies off another rounded one by as much again.
_COSINE_TOLERANCE = 2e-4
_PLANE_TOLERANCE_MM = 0.101
_ABSOLUTE_TOLERANCE_MM = 0.051


def read_rtdose(view: View, *, summation: str = "PLAN", of_plan: bool = True) -> DoseGrid | None:
    """The dose grid of one RT Dose object; None when an error was noted in ``view.found``.

    Args:
        view: the object.
        summation: the Dose Summation Type that is wanted.
        of_plan: False where no plan is asked for.

    Noted are E-DOSE-UNITS, E-DOSE-TYPE, E-SUMMATION, E-MULTIPLAN, E-BRACHY, E-DOSE-DERIVED, E-PLAN-REF, E-NO-GRID,
    E-PIXEL-SIZE, E-BITS, E-SIGNED, E-SCALING, E-IOP, E-SPACING, E-GFOV, E-GFOV-NONUNIFORM, E-EMPTY-DOSE, and
    E-MISSING, E-BAD-NUMBER, E-NONFINITE, E-BAD-VALUE, E-COORD-RANGE, E-UID of single attributes; W-SIGNED, W-RESCALE.
    """
    check_required(view, dose_needs(summation=summation, of_plan=of_plan))
    if view.items("DerivationCodeSequence"):
        view.note("E-DOSE-DERIVED", "DerivationCodeSequence", "present")
    for keyword in ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"):
        if view.present(keyword):
            view.note("W-RESCALE", keyword)
    plans = view.items("ReferencedRTPlanSequence")
    if len(plans) > 1 and of_plan:
        view.note("E-PLAN-REF", "ReferencedRTPlanSequence", f"{len(plans)} plans", "a PLAN dose belongs to one plan")
    pixels = _pixels(view)
    scaling = _scaling(view)
    affine = _affine(view, 0 if pixels is None else pixels.shape[0])
    frame_of_reference_uid = view.uid("FrameOfReferenceUID")
    if pixels is None or scaling is None or affine is None or view.refused:
        return None
    dose_gy = pixels * scaling
    if not load_suspicion().highest_dose.holds(float(dose_gy.max())):
        view.note("E-EMPTY-DOSE", "DoseGridScaling", f"{scaling:g}, highest dose {dose_gy.max():g} Gy")
        return None
    return DoseGrid(
        dose_gy=dose_gy,
        affine=affine,
        frame_of_reference_uid=frame_of_reference_uid,
        sop_instance_uid=view.uid("SOPInstanceUID"),
        dated=view.moment("Content", "InstanceCreation"),
        heterogeneity_correction="\\".join(view.codes("TissueHeterogeneityCorrection")),
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the stored values lie: shape (frames, rows, columns), bits of one value, signed or not."""

    shape: tuple[int, int, int]
    bits: int
    signed: bool

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.bits // 8


def _pixels(view: View) -> NDArray[np.integer] | None:
    """Stored values, shape (frames, rows, columns), a view on the file's bytes; None after a noted error."""
    if not view.present("PixelData"):
        view.note("E-NO-GRID", "PixelData", "(absent)")
        return None
    layout = _layout(view)
    if layout is None:
        return None
    raw = _stored(view, layout)
    if raw is None:
        return None
    if min(layout.shape) < 2:
        frames, rows, columns = layout.shape
        view.note("E-NO-GRID", "PixelData", f"{rows} x {columns} x {frames}", "a single plane or line is no volume")
        return None
    kind = ("i" if layout.signed else "u") + str(layout.bits // 8)
    values = np.frombuffer(raw, dtype=f"<{kind}").reshape(layout.shape)
    low, highest = values.min(), values.max()
    if layout.signed:
        if low < 0:
            view.note("E-SIGNED", "PixelRepresentation", f"1, lowest stored value {low}")
            return None
        view.note("W-SIGNED", "PixelRepresentation", 1)
    if low == highest:
        view.note("E-EMPTY-DOSE", "PixelData", f"every stored value is {low}")
        return None
    return values


def _layout(view: View) -> _Layout | None:
    """Rows, columns, frames and bits, each of them stated and allowed; None after a noted error."""
    rows, columns, samples = view.unsigned("Rows"), view.unsigned("Columns"), view.unsigned("SamplesPerPixel")
    frames = view.integer("NumberOfFrames") if view.present("NumberOfFrames") else 1
    allocated, stored, high = (view.unsigned(k) for k in ("BitsAllocated", "BitsStored", "HighBit"))
    signed = view.unsigned("PixelRepresentation")
    if view.present("NumberOfFrames") and frames is None and not view.refused:
        view.note("E-MISSING", "NumberOfFrames", "(empty)")
    if rows is None or columns is None or frames is None or allocated is None or signed is None:
        return None
    n_found = len(view.found)
    if samples != 1:
        view.note("E-BAD-VALUE", "SamplesPerPixel", samples, "must be 1")
    if allocated not in {16, 32} or stored != allocated or high != allocated - 1:
        view.note("E-BITS", "BitsAllocated", f"allocated {allocated}, stored {stored}, high bit {high}")
    if signed not in {0, 1}:
        view.note("E-BITS", "PixelRepresentation", signed)
    if frames < 1:
        view.note("E-PIXEL-SIZE", "NumberOfFrames", frames)
    return _Layout((frames, rows, columns), allocated, signed == 1) if len(view.found) == n_found else None


def _stored(view: View, layout: _Layout) -> bytes | None:
    """The bytes of the stored values, exactly as many as the layout needs; None after a noted error."""
    raw = view.raw("PixelData") or b""
    frames, rows, columns = layout.shape
    size = f"{rows} x {columns} x {frames} x {layout.bits} bits"
    if view.transfer_syntax_uid == RLE_LOSSLESS:
        if layout.n_bytes > MAX_PIXEL_BYTES:
            view.note("E-TOO-LARGE", "PixelData", size)
            return None
        plain = unpack_rle(raw, n_frames=frames, n_pixels=rows * columns, n_bytes=layout.bits // 8)
        if isinstance(plain, str):
            view.note("E-PIXEL-SIZE", "PixelData", plain)
            return None
        return plain.tobytes()
    if layout.n_bytes != len(raw) or not raw:
        view.note("E-PIXEL-SIZE", "PixelData", f"{len(raw)} bytes; {size} need {layout.n_bytes}")
        return None
    return raw


def _scaling(view: View) -> float | None:
    """Dose Grid Scaling [Gy per stored unit]: finite, above 0, at most 1; never defaulted."""
    scaling = view.number("DoseGridScaling")
    if scaling is not None and not 0 < scaling <= 1:
        view.note("E-SCALING", "DoseGridScaling", scaling)
        return None
    return scaling


def _affine(view: View, n_frames: int) -> FloatArray | None:
    """The (4, 4) matrix from (column, row, frame) to patient position [mm] (PS3.3 C.7.6.2.1.1 and C.8.8.3.2)."""
    position = view.numbers("ImagePositionPatient", 3)
    cosines = view.numbers("ImageOrientationPatient", 6)
    spacing = view.numbers("PixelSpacing", 2)
    if position is not None and np.any(np.abs(position) > MAX_COORDINATE_MM):
        view.note("E-COORD-RANGE", "ImagePositionPatient", _show(position))
        position = None
    if spacing is not None and not np.all((spacing > 0) & (spacing <= 100)):
        view.note("E-SPACING", "PixelSpacing", _show(spacing))
        spacing = None
    if cosines is not None:
        along, down = cosines[:3], cosines[3:]
        lengths = np.array([along @ along, down @ down])
        if np.any(np.abs(lengths - 1) > 2 * _COSINE_TOLERANCE) or abs(along @ down) > _COSINE_TOLERANCE:
            view.note("E-IOP", "ImageOrientationPatient", _show(cosines))
            cosines = None
    if position is None or cosines is None or spacing is None or n_frames < 2:
        return None
    along = cosines[:3] / np.linalg.norm(cosines[:3])
    down = cosines[3:] - (cosines[3:] @ along) * along
    down /= np.linalg.norm(down)
    step = _frame_step(view, n_frames, float(position[2]), cosines)
    if step is None:
        return None
    affine = np.eye(4)
    # Pixel Spacing gives the distance of rows first: that is the step down a column.
    affine[:3, 0] = along * spacing[1]
    affine[:3, 1] = down * spacing[0]
    affine[:3, 2] = np.cross(along, down) * step
    affine[:3, 3] = position
    return affine


def _frame_step(view: View, n_frames: int, z_mm: float, cosines: FloatArray) -> float | None:
    """Signed distance of neighbouring planes along row x column [mm].

    Grid Frame Offset Vector holds offsets from Image Position when its first value is 0, or, on axial planes only,
    the z of each plane when its first value is that of Image Position.
    """
    pointer = view.raw("FrameIncrementPointer")
    if pointer is not None and pointer != _GRID_FRAME_OFFSET_VECTOR:
        view.note("E-GFOV", "FrameIncrementPointer", pointer.hex(), "must point to Grid Frame Offset Vector")
    offsets = view.numbers("GridFrameOffsetVector")
    if offsets is None:
        return None
    if offsets.size != n_frames:
        view.note("E-GFOV", "GridFrameOffsetVector", f"{offsets.size} values for {n_frames} frames")
        return None
    steps = np.diff(offsets)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        view.note("E-GFOV", "GridFrameOffsetVector", _show(offsets), "must rise or fall strictly")
        return None
    axial = bool(np.max(np.abs(cosines - _AXIAL)) <= _COSINE_TOLERANCE)
    if offsets[0] != 0 and not (axial and abs(offsets[0] - z_mm) <= _ABSOLUTE_TOLERANCE_MM):
        view.note(
            "E-GFOV",
            "GridFrameOffsetVector",
            f"first value {offsets[0]:g}, Image Position z {z_mm:g}",
            "must start with 0, or with Image Position z on axial planes",
        )
        return None
    step = float(offsets[-1] - offsets[0]) / (n_frames - 1)
    deviation = np.abs(offsets - offsets[0] - step * np.arange(n_frames))
    if np.max(deviation) > _PLANE_TOLERANCE_MM:
        view.note("E-GFOV-NONUNIFORM", "GridFrameOffsetVector", f"steps from {steps.min():g} to {steps.max():g} mm")
        return None
    if abs(step) > 100:
        view.note("E-GFOV", "GridFrameOffsetVector", f"step {step:g} mm")
        return None
    return step


def _show(values: FloatArray) -> str:
    shown = "\\".join(f"{v:g}" for v in values[:8])
    return shown if values.size <= 8 else f"{shown}\\... ({values.size} values)"
