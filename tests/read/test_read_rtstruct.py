"""RT Structure Set: what refuses the whole set, and what damages one ROI only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_builders import (
    Array,
    build_structures,
    circle,
    contour_item,
    default_rois,
    item,
    rectangle,
    set_raw,
    to_bytes,
    uid,
    write_with,
)
from pydicom import Dataset

from sbrtcheck.errors import RefusedError
from sbrtcheck.model import Roi, StructureSet
from sbrtcheck.read import read_folder, validate

Rois = dict[str, tuple[str, list[Array]]]
SQUARE = [rectangle(0, 10, 0, 10, z) for z in (0.0, 2.0, 4.0)]
TWO: Rois = {"PTV": ("PTV", SQUARE), "Cord": ("ORGAN", [circle(20, 20, z, 5, 8) for z in (0.0, 2.0)])}


def structures_of(folder: Path, ds: Dataset, *, explicit: bool = False) -> StructureSet:
    return read_folder(write_with(folder, structures=ds, explicit=explicit)).plans[0].structures


def refusal(folder: Path, ds: Dataset) -> list[str]:
    with pytest.raises(RefusedError) as error:
        read_folder(write_with(folder, structures=ds))
    return [p.code for p in error.value.problems]


def codes(roi: Roi | None) -> list[str]:
    assert roi is not None
    return [p.code for p in roi.problems]


def contours_of(ds: Dataset, number: int = 1) -> list[Dataset]:
    return next(i for i in ds.ROIContourSequence if int(i.ReferencedROINumber) == number).ContourSequence


def test_structures_come_back_as_drawn(tmp_path: Path) -> None:
    read = structures_of(tmp_path, build_structures())
    assert [r.name for r in read.rois] == list(default_rois())
    for roi in read.rois:
        kind, loops = default_rois()[roi.name]
        assert roi.problems == ()
        assert roi.interpreted_type == kind
        for contour, loop in zip(roi.contours, loops, strict=True):
            assert not contour.xor
            assert np.max(np.abs(contour.points_mm - loop)) < 1e-8
    assert (read.label, read.frame_of_reference_uid, read.sop_instance_uid) == ("SMALL", uid(2), uid(3))


def test_the_three_sequences_are_joined_by_number_not_by_position(tmp_path: Path) -> None:
    plain = structures_of(tmp_path / "a", build_structures(rois=TWO))
    ds = build_structures(rois=TWO)
    ds.ROIContourSequence = list(reversed(ds.ROIContourSequence))
    ds.RTROIObservationsSequence = list(reversed(ds.RTROIObservationsSequence))
    turned = structures_of(tmp_path / "b", ds)
    for a, b in zip(plain.rois, turned.rois, strict=True):
        assert (a.number, a.name, a.interpreted_type) == (b.number, b.name, b.interpreted_type)
        assert all((x.points_mm == y.points_mm).all() for x, y in zip(a.contours, b.contours, strict=True))


def test_a_contour_too_long_for_explicit_vr_is_read(tmp_path: Path) -> None:
    """Above 65 534 bytes the value is written as UN and comes back as bytes."""
    long_loop = circle(0, 0, 0, 30, 3000)
    rois: Rois = {"PTV": ("PTV", [long_loop, circle(0, 0, 2, 30, 3000)])}
    ds = build_structures(rois=rois)
    data = to_bytes(ds, explicit=True)
    assert b"\x06\x30\x50\x00UN" in data
    read = structures_of(tmp_path, ds, explicit=True).roi("PTV")
    assert read is not None
    assert read.contours[0].points_mm.shape == (3000, 3)
    assert np.max(np.abs(read.contours[0].points_mm - long_loop)) < 1e-8


def cut_data(ds: Dataset) -> None:
    contours_of(ds)[0].ContourData = contours_of(ds)[0].ContourData[:-1]


def wrong_count(ds: Dataset) -> None:
    contours_of(ds)[0].NumberOfContourPoints = "5"


def raw(text: bytes) -> Callable[[Dataset], None]:
    return lambda ds: set_raw(contours_of(ds)[0], "ContourData", text)


def same_number(ds: Dataset) -> None:
    ds.StructureSetROISequence[1].ROINumber = "1"


def two_contour_items(ds: Dataset) -> None:
    ds.ROIContourSequence[1].ReferencedROINumber = "1"


def without(keyword: str) -> Callable[[Dataset], None]:
    def apply(ds: Dataset) -> None:
        delattr(ds, keyword)

    return apply


REFUSED: list[tuple[str, Callable[[Dataset], None], str]] = [
    ("not a multiple of three", cut_data, "E-POINT-COUNT"),
    ("another count", wrong_count, "E-POINT-COUNT"),
    ("no data", raw(b""), "E-POINT-COUNT"),
    ("nan", raw(b"nan\\0\\0\\10\\0\\0\\10\\10\\0\\0\\10\\0"), "E-NONFINITE"),
    ("empty component", raw(b"\\0\\0\\10\\0\\0\\10\\10\\0\\0\\10\\0"), "E-NONFINITE"),
    ("1e400", raw(b"1e400\\0\\0\\10\\0\\0\\10\\10\\0\\0\\10\\0"), "E-NONFINITE"),
    ("1e9", raw(b"1e9\\0\\0\\10\\0\\0\\10\\10\\0\\0\\10\\0"), "E-COORD-RANGE"),
    ("decimal comma", raw(b"0,5\\0\\0\\10\\0\\0\\10\\10\\0\\0\\10\\0"), "E-BAD-NUMBER"),
    ("underscore", raw(b"1_0\\0\\0\\10\\0\\0\\10\\10\\0\\0\\10\\0"), "E-BAD-NUMBER"),
    ("two ROIs of one number", same_number, "E-ROI-NUMBER"),
    ("two contour items of one ROI", two_contour_items, "E-ROI-NUMBER"),
    ("no contour sequence", without("ROIContourSequence"), "E-MISSING"),
    ("no ROI sequence", without("StructureSetROISequence"), "E-MISSING"),
    ("no geometric type", lambda ds: delattr(contours_of(ds)[0], "ContourGeometricType"), "E-MISSING"),
    ("no count", lambda ds: delattr(contours_of(ds)[0], "NumberOfContourPoints"), "E-MISSING"),
    ("no ROI number", lambda ds: delattr(ds.StructureSetROISequence[0], "ROINumber"), "E-MISSING"),
    ("contours of no ROI", lambda ds: delattr(ds.ROIContourSequence[0], "ReferencedROINumber"), "E-MISSING"),
    ("ROI number text", lambda ds: set_raw(ds.StructureSetROISequence[0], "ROINumber", b"1.5"), "E-BAD-NUMBER"),
    ("modality", lambda ds: setattr(ds, "Modality", "RTPLAN"), "E-BAD-VALUE"),
]


@pytest.mark.parametrize(("apply", "code"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_damage_that_refuses_the_structure_set(tmp_path: Path, apply: Callable[[Dataset], None], code: str) -> None:
    ds = build_structures(rois=TWO)
    apply(ds)
    assert refusal(tmp_path, ds) == [code]


def other_frame(ds: Dataset) -> None:
    ds.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "2.25.99"


def geometric(*types: str) -> Callable[[Dataset], None]:
    def apply(ds: Dataset) -> None:
        for contour, kind in zip(contours_of(ds, 2), types, strict=True):
            contour.ContourGeometricType = kind

    return apply


def only_in_roi_sequence(ds: Dataset) -> None:
    ds.ROIContourSequence = ds.ROIContourSequence[:1]


def no_contours(ds: Dataset) -> None:
    ds.ROIContourSequence[1].ContourSequence = []


def one_point_each(ds: Dataset) -> None:
    ds.ROIContourSequence[1].ContourSequence = [contour_item(np.array([[1.0, 2.0, z]])) for z in (0.0, 2.0)]


def markers(ds: Dataset, kind: str, n_points: int) -> None:
    points = np.array([[float(n), 2.0, 0.0] for n in range(n_points)])
    ds.ROIContourSequence[1].ContourSequence = [contour_item(points, kind)]


DAMAGED: list[tuple[str, Callable[[Dataset], None], str]] = [
    ("other frame of reference", other_frame, "E-FOR-ROI"),
    (
        "no frame of reference",
        lambda ds: delattr(ds.StructureSetROISequence[1], "ReferencedFrameOfReferenceUID"),
        "E-FOR-ROI",
    ),
    ("only a point", lambda ds: markers(ds, "POINT", 1), "W-MARKER"),
    ("only short lines", lambda ds: markers(ds, "OPEN_PLANAR", 2), "W-MARKER"),
    ("open lines of three points", lambda ds: markers(ds, "OPEN_PLANAR", 3), "E-GEOMETRIC-TYPE"),
    ("points", geometric("POINT", "POINT"), "E-GEOMETRIC-TYPE"),
    ("open", geometric("OPEN_PLANAR", "CLOSED_PLANAR"), "E-GEOMETRIC-TYPE"),
    ("open not planar", geometric("OPEN_NONPLANAR", "OPEN_NONPLANAR"), "E-GEOMETRIC-TYPE"),
    ("unknown type", geometric("CLOSED", "CLOSED"), "E-GEOMETRIC-TYPE"),
    ("mixed", geometric("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"), "E-MIXED-TYPE"),
    ("no contour item", only_in_roi_sequence, "E-NO-CONTOURS"),
    ("no contours", no_contours, "E-NO-CONTOURS"),
    ("no contour sequence", lambda ds: delattr(ds.ROIContourSequence[1], "ContourSequence"), "E-NO-CONTOURS"),
    ("only single points", one_point_each, "E-NO-CONTOURS"),
    ("no name", lambda ds: setattr(ds.StructureSetROISequence[1], "ROIName", ""), "W-ROI-NAME"),
    (
        "volume not a number",
        lambda ds: set_raw(ds.StructureSetROISequence[1], "ROIVolume", b"nan"),
        "W-ROI-VOLUME",
    ),
]


@pytest.mark.parametrize(("apply", "code"), [c[1:] for c in DAMAGED], ids=[c[0] for c in DAMAGED])
def test_damage_of_one_roi_stays_with_it(tmp_path: Path, apply: Callable[[Dataset], None], code: str) -> None:
    ds = build_structures(rois=TWO)
    apply(ds)
    read = structures_of(tmp_path, ds)
    assert codes(read.rois[0]) == []
    assert codes(read.rois[1]) == [code]
    assert (read.rois[1].damaged is not None) == code.startswith("E-")
    assert code in [p.code for p in validate(tmp_path)]


def test_xor_contours_are_marked(tmp_path: Path) -> None:
    ds = build_structures(rois=TWO)
    for contour in contours_of(ds, 2):
        contour.ContourGeometricType = "CLOSEDPLANAR_XOR"
    read = structures_of(tmp_path, ds)
    assert [c.xor for c in read.rois[1].contours] == [True, True]
    assert [c.xor for c in read.rois[0].contours] == [False] * 3


def test_degenerate_contours_are_dropped_with_a_warning(tmp_path: Path) -> None:
    ds = build_structures(rois=TWO)
    contours_of(ds, 2).append(contour_item(np.array([[1.0, 2.0, 4.0], [3.0, 2.0, 4.0]])))
    read = structures_of(tmp_path, ds)
    assert codes(read.rois[1]) == ["W-DEGENERATE-CONTOUR"]
    assert len(read.rois[1].contours) == 2


def test_points_and_short_lines_at_the_ends_of_a_closed_roi_are_dropped(tmp_path: Path) -> None:
    """Ends of one voxel are written as POINT, of two as OPEN_PLANAR."""
    ds = build_structures(rois=TWO)
    contours_of(ds, 2).append(contour_item(np.array([[1.0, 2.0, 4.0]]), "POINT"))
    contours_of(ds, 2).append(contour_item(np.array([[1.0, 2.0, -4.0], [2.0, 2.0, -4.0]]), "OPEN_PLANAR"))
    read = structures_of(tmp_path, ds)
    assert codes(read.rois[1]) == ["W-DEGENERATE-CONTOUR"]
    assert len(read.rois[1].contours) == 2


def test_contours_that_a_system_calls_interpolated_are_closed(tmp_path: Path) -> None:
    ds = build_structures(rois=TWO)
    set_raw(contours_of(ds, 2)[0], "ContourGeometricType", b"INTERPOLATED_PLANAR")
    read = structures_of(tmp_path, ds)
    assert (codes(read.rois[1]), len(read.rois[1].contours)) == ([], 2)


def test_markers_are_one_line(tmp_path: Path) -> None:
    ds = build_structures(rois={**TWO, **{f"Point {n}": ("MARKER", [np.array([[n, 0.0, 0.0]])]) for n in range(4)}})
    for place in range(2, 6):
        ds.ROIContourSequence[place].ContourSequence[0].ContourGeometricType = "POINT"
    found = [p for p in validate(write_with(tmp_path, structures=ds)) if p.code == "W-MARKER"]
    assert len(found) == 1
    assert found[0].seen.startswith("4: ROI 3 'Point 0', ROI 4")


@pytest.mark.parametrize(
    ("label", "raw", "warned"),
    [
        ("ISO_IR 100", "Rückenmark".encode("latin-1"), False),
        ("ISO_IR 192", "脊髓".encode(), False),
        ("GB18030", "脊髓".encode("gb18030"), False),
        (["", "ISO 2022 IR 87"], "脊髄".encode("iso2022_jp"), False),
        ("ISO_IR 13", b"\xbe\xb7\xbd\xde\xb2", False),
        ("ISO_IR 144", "Сердце".encode("iso8859-5"), False),
        ("ISO_IR 126", "καρδιά".encode("iso8859-7"), False),
        (None, "Rückenmark".encode(), True),
        (None, "Rückenmark".encode("latin-1"), True),
        ("ISO_IR 100", "Ösophagus".encode(), True),
        ("ISO_IR 100", "脊髓".encode("gb18030"), True),
        ("ISO_IR 100", "心脏".encode("gb18030"), True),
        ("ISO_IR 13", "心臓".encode("shift_jis"), True),
    ],
)
def test_text_under_a_wrong_label_is_said(tmp_path: Path, label: object, raw: bytes, warned: bool) -> None:
    ds = build_structures(rois=TWO)
    if label is None:
        del ds.SpecificCharacterSet
    else:
        ds.SpecificCharacterSet = label
    raw += b" " * (len(raw) % 2)
    ds.StructureSetROISequence[1].ROIName = "Q" * len(raw)
    study = read_folder(write_with(tmp_path, structures=to_bytes(ds).replace(b"Q" * len(raw), raw)))
    assert ("W-CHARACTER-SET" in [p.code for p in study.problems]) == warned


def test_every_roi_in_another_frame_refuses(tmp_path: Path) -> None:
    ds = build_structures(rois=TWO)
    for roi in ds.StructureSetROISequence:
        roi.ReferencedFrameOfReferenceUID = "2.25.99"
    assert refusal(tmp_path, ds) == ["E-FOR"]


def test_contours_of_no_roi_are_a_warning(tmp_path: Path) -> None:
    ds = build_structures(rois=TWO)
    ds.ROIContourSequence.append(item(ReferencedROINumber="9", ContourSequence=[contour_item(SQUARE[0])]))
    study = read_folder(write_with(tmp_path, structures=ds))
    assert [(p.code, p.seen) for p in study.problems] == [("W-ORPHAN-CONTOUR", "9")]


def test_observations_are_only_a_hint(tmp_path: Path) -> None:
    ds = build_structures(rois=TWO)
    ds.RTROIObservationsSequence.append(
        item(ObservationNumber="3", ReferencedROINumber="1", RTROIInterpretedType="AVOIDANCE")
    )
    assert [r.interpreted_type for r in structures_of(tmp_path / "a", ds).rois] == ["", "ORGAN"]
    del ds.RTROIObservationsSequence
    assert [r.interpreted_type for r in structures_of(tmp_path / "b", ds).rois] == ["", ""]


def test_stored_volume_is_kept(tmp_path: Path) -> None:
    ds = build_structures(rois=TWO)
    ds.StructureSetROISequence[0].ROIVolume = "12.5"
    ds.StructureSetROISequence[1].ROIVolume = "0"
    assert [r.volume_cm3_stored for r in structures_of(tmp_path, ds).rois] == [12.5, None]


@pytest.mark.parametrize(
    ("character_set", "name", "shown"),
    [
        ("ISO_IR 192", "Rückenmark".encode(), "Rückenmark"),
        ("ISO_IR 100", "Rückenmark".encode("latin-1"), "Rückenmark"),
        ("\\ISO 2022 IR 87", b"\x1b$B@T?q\x1b(B", "脊髄"),
        ("ISO_IR 192", b"R\xfcckenmark", "R\ufffdckenmark"),
        ("NO_SUCH_SET", b"Cord", "Cord"),
    ],
)
def test_names_in_other_character_sets(tmp_path: Path, character_set: str, name: bytes, shown: str) -> None:
    ds = build_structures(rois=TWO)
    set_raw(ds, "SpecificCharacterSet", character_set.encode())
    study = read_folder(write_with(tmp_path, structures=named(ds, name)))
    assert study.plans[0].structures.rois[1].name == shown
    assert [p.code for p in study.problems] == (["W-CHARACTER-SET"] if "\ufffd" in shown else [])


def named(ds: Dataset, name: bytes) -> bytes:
    """The file with the second ROI's name as these very bytes: the writer would encode them again."""
    ds.StructureSetROISequence[1].ROIName = "N" * 40
    data = to_bytes(ds)
    assert data.count(b"N" * 40) == 1
    return data.replace(b"N" * 40, name.ljust(40))


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "cord\nE-FORGED line", "\u202egnul"]
)
def test_hostile_names_are_data(tmp_path: Path, name: str) -> None:
    ds = build_structures(rois=TWO)
    del ds.ROIContourSequence[1].ContourSequence
    read = read_folder(write_with(tmp_path, structures=named(ds, name.encode())))
    roi = read.plans[0].structures.rois[1]
    assert roi.name == name
    line = roi.problems[0].line()
    assert line.isprintable()
    assert line.count("E-NO-CONTOURS") == 1


def test_the_number_of_points_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbrtcheck.read.dicom.rtstruct._MAX_POINTS", 20)
    assert refusal(tmp_path, build_structures(rois=TWO)) == ["E-TOO-LARGE"]
