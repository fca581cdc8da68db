"""RT Structure Set to ROIs, the three sequences joined by ROI number, never by position."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sbrtcheck.errors import Problem
from sbrtcheck.model import Contour, FloatArray, Roi, StructureSet
from sbrtcheck.read.dicom.attributes import RTSTRUCT, check_required
from sbrtcheck.read.dicom.rtdose import MAX_COORDINATE_MM
from sbrtcheck.read.dicom.values import View, parse_decimals, tag_name

_CLOSED, _XOR = "CLOSED_PLANAR", "CLOSEDPLANAR_XOR"
# Some systems say of a closed contour that it was interpolated between drawn ones; the standard has no such type.
_INTERPOLATED = "INTERPOLATED_PLANAR"
_NO_AREA = frozenset({"POINT", "OPEN_PLANAR"})
_MAX_POINTS = 20_000_000


def read_rtstruct(view: View, *, frame_of_reference_uid: str) -> StructureSet | None:
    """The structure set; None when an error was noted in ``view.found``.

    What is wrong with one ROI alone stands in that ROI's ``problems`` (E-FOR-ROI, E-NO-CONTOURS, E-GEOMETRIC-TYPE,
    E-MIXED-TYPE, W-DEGENERATE-CONTOUR, W-MARKER, W-ROI-NAME, W-ROI-VOLUME). Noted against the whole are E-ROI-NUMBER,
    E-POINT-COUNT, E-COORD-RANGE, E-NONFINITE, E-BAD-NUMBER, E-MISSING; W-ORPHAN-CONTOUR.

    Args:
        frame_of_reference_uid: that of the dose; "" when none is known, and then no ROI is held against it.
    """
    check_required(view, RTSTRUCT)
    contours_of: dict[int, View] = {}
    for item in view.items("ROIContourSequence"):
        number = item.integer("ReferencedROINumber")
        if number is None:
            continue
        if number in contours_of:
            item.note("E-ROI-NUMBER", "ReferencedROINumber", number, "two contour items for one ROI")
        contours_of[number] = item
    types = _interpreted_types(view)
    rois, n_points, seen = [], 0, set()
    for item in view.items("StructureSetROISequence"):
        number = item.integer("ROINumber")
        if number is None:
            continue
        if number in seen:
            item.note("E-ROI-NUMBER", "ROINumber", number)
            continue
        seen.add(number)
        roi = _roi(item, contours_of.get(number), number, types.get(number, ""), frame_of_reference_uid)
        n_points += sum(len(contour.points_mm) for contour in roi.contours)
        rois.append(roi)
        if n_points > _MAX_POINTS:
            item.note("E-TOO-LARGE", "ROIContourSequence", f"more than {_MAX_POINTS} points")
            break
    for number in sorted(set(contours_of) - seen):
        contours_of[number].note("W-ORPHAN-CONTOUR", "ReferencedROINumber", number)
    if view.refused:
        return None
    return StructureSet(
        rois=tuple(rois),
        sop_instance_uid=view.uid("SOPInstanceUID"),
        label=view.text("StructureSetLabel") or view.text("StructureSetName"),
        frame_of_reference_uid=_frame(view, rois, frame_of_reference_uid),
        dated=view.moment("StructureSet"),
    )


def roi_frames(view: View) -> Counter[str]:
    """How many ROIs name each frame of reference."""
    return Counter(item.code("ReferencedFrameOfReferenceUID") for item in view.items("StructureSetROISequence"))


def _frame(view: View, rois: list[Roi], wanted: str) -> str:
    """The frame of reference that the ROIs share; the dose's own if any of them lies in it."""
    frames = roi_frames(view)
    return wanted if wanted in frames or not frames else frames.most_common(1)[0][0]


def _interpreted_types(view: View) -> dict[int, str]:
    """RT ROI Interpreted Type by ROI number; "" where two observations of one ROI disagree: it is only a hint."""
    types: dict[int, str] = {}
    for item in view.items("RTROIObservationsSequence"):
        number, kind = item.integer("ReferencedROINumber"), item.code("RTROIInterpretedType")
        if number is not None and kind:
            types[number] = kind if types.get(number, kind) == kind else ""
    return types


def _roi(item: View, contour_item: View | None, number: int, kind: str, frame_of_reference_uid: str) -> Roi:
    name = item.text("ROIName")
    problems: list[Problem] = []
    shown = f"{item.name}: ROI {number} {name!r}"

    def add(code: str, keyword: str, seen: object = "", detail: str = "") -> None:
        problems.append(Problem(code, shown, tag=tag_name(keyword), seen=str(seen), detail=detail))

    if not name:
        add("W-ROI-NAME", "ROIName")
    frame = item.uid("ReferencedFrameOfReferenceUID")
    if frame_of_reference_uid and frame != frame_of_reference_uid:
        add("E-FOR-ROI", "ReferencedFrameOfReferenceUID", frame or "(absent)")
    drawn = _contours(contour_item)
    strange = sorted(drawn.types - {_CLOSED, _XOR})
    if drawn.n_points_only and not drawn.contours and not strange:
        add("W-MARKER", "ContourGeometricType", f"{drawn.n_points_only} points or lines")
    elif strange:
        add("E-GEOMETRIC-TYPE", "ContourGeometricType", ", ".join(strange))
    elif drawn.types == {_CLOSED, _XOR}:
        add("E-MIXED-TYPE", "ContourGeometricType")
    elif not drawn.contours:
        add(
            "E-NO-CONTOURS",
            "ContourSequence",
            f"{drawn.n_degenerate} contours without area" if drawn.n_degenerate else "",
        )
    elif drawn.n_degenerate or drawn.n_points_only:
        seen = f"{drawn.n_degenerate + drawn.n_points_only} contours of fewer than three points"
        add("W-DEGENERATE-CONTOUR", "ContourData", seen)
    volume = View(item.ds, item.name)
    stored = volume.number("ROIVolume")
    if volume.found:
        add("W-ROI-VOLUME", "ROIVolume", volume.found[0].seen, "the stored ROI Volume is not a number: not compared")
    return Roi(
        number=number,
        name=name,
        contours=tuple(drawn.contours),
        interpreted_type=kind,
        volume_cm3_stored=stored if stored is not None and stored > 0 else None,
        problems=tuple(problems),
    )


@dataclass(slots=True)
class _Drawn:
    """What was drawn of one ROI.

    Attributes:
        contours: of three points or more, closed.
        types: geometric types seen, without those of ``n_points_only``.
        n_degenerate: closed contours of fewer points.
        n_points_only: points, and open lines of at most two points: ends of one or two voxels, and markers.
    """

    contours: list[Contour] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    n_degenerate: int = 0
    n_points_only: int = 0

    def add(self, kind: str, points_mm: FloatArray) -> None:
        """One contour; a line of more points than two may be what is left of a closed one: it is never dropped."""
        few = len(points_mm) < 3
        if few and kind in _NO_AREA:
            self.n_points_only += 1
            return
        kind = _CLOSED if kind == _INTERPOLATED else kind
        self.types.add(kind)
        if few:
            self.n_degenerate += 1
        elif kind in {_CLOSED, _XOR}:
            self.contours.append(Contour(points_mm, xor=kind == _XOR))


def _contours(item: View | None) -> _Drawn:
    drawn = _Drawn()
    for contour in item.items("ContourSequence") if item is not None else ():
        kind = contour.code("ContourGeometricType")
        count = contour.integer("NumberOfContourPoints")
        if not kind or count is None:
            for keyword, value in (("ContourGeometricType", kind), ("NumberOfContourPoints", count)):
                if not value and not contour.refused:
                    contour.note("E-MISSING", keyword)
            continue
        points = _points(contour, count)
        if points is not None:
            drawn.add(kind, points)
    return drawn


def _points(contour: View, count: int) -> Any:
    """The points of one contour, shape (count, 3) [mm]; None after a noted error.

    In explicit VR a value above 65 534 bytes is written as UN: its bytes are the same decimal string.
    """
    raw = contour.raw("ContourData")
    values = np.empty(0) if raw is None else parse_decimals(raw)
    if isinstance(values, tuple):
        contour.note(values[0], "ContourData", values[1])
        return None
    if values.size != 3 * count:
        contour.note("E-POINT-COUNT", "ContourData", f"{values.size} numbers for {count} points")
        return None
    if values.size and np.max(np.abs(values)) > MAX_COORDINATE_MM:
        contour.note("E-COORD-RANGE", "ContourData", f"{values[np.argmax(np.abs(values))]:g} mm")
        return None
    return values.reshape(count, 3)
