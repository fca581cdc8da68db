"""What real systems export beyond one Part 10 file for each object: read right, and its damage still refused."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_builders import (
    EXPLICIT,
    IMPLICIT,
    RT_DOSE,
    build,
    build_dose,
    build_plan,
    item,
    lung_dose,
    to_bytes,
    uid,
    write_with,
)
from pydicom import Dataset

from sbrtcheck.errors import Problem, RefusedError
from sbrtcheck.model import Study
from sbrtcheck.read import read_folder, read_structure_sets, validate
from sbrtcheck.read.dicom.prescan import read_meta, scan

DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
OBJECTS = ("plan", "structures", "dose")


def bare(data: bytes) -> bytes:
    """The data set of an implicit VR file, without preamble and file meta."""
    return data[read_meta(data, "x").data_set_start :]


def with_syntax(data: bytes, syntax: str, body: bytes) -> bytes:
    """An explicit VR file with another transfer syntax and data set."""
    meta = read_meta(data, "x")
    head = data[: meta.data_set_start]
    old, new = (t.encode() + b"\0" * (len(t) % 2) for t in (EXPLICIT, syntax))
    head = head.replace(struct.pack("<H", len(old)) + old, struct.pack("<H", len(new)) + new)
    length = struct.unpack_from("<I", head, 140)[0] + len(new) - len(old)
    return head[:140] + struct.pack("<I", length) + head[144:] + body


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return with_syntax(data, DEFLATED, packer.compress(data[read_meta(data, "x").data_set_start :]) + packer.flush())


def fragments(*parts: bytes) -> bytes:
    """Encapsulated pixels: an empty offset table, the fragments, the delimiter."""
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(p)) + p for p in (b"", *parts))
    return items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def packed_bits(raw: bytes) -> bytes:
    """PackBits of literal runs and, where four bytes are the same, repeated ones."""
    out = bytearray()
    while raw:
        same = len(raw) - len(raw.lstrip(raw[:1]))
        if same >= 4:
            n = min(same, 128)
            out += bytes([257 - n]) + raw[:1]
        else:
            n = min(len(raw), 3)
            out += bytes([n - 1]) + raw[:n]
        raw = raw[n:]
    return bytes(out) + b"\0" * (len(out) % 2)


def run_length(ds: Dataset) -> list[bytes]:
    """The frames of a dose as RLE Lossless, most significant bytes first (PS3.5 annex G)."""
    n_bytes = ds.BitsAllocated // 8
    frames = np.frombuffer(ds.PixelData, np.uint8).reshape(int(ds.NumberOfFrames), -1, n_bytes)
    out = []
    for frame in frames:
        segments = [packed_bits(frame[:, n].tobytes()) for n in reversed(range(n_bytes))]
        offsets = [64 + sum(map(len, segments[:n])) for n in range(n_bytes)]
        out.append(struct.pack("<16L", n_bytes, *offsets, *[0] * (15 - n_bytes)) + b"".join(segments))
    return out


def rle_file(ds: Dataset, frames: list[bytes]) -> bytes:
    data = to_bytes(ds, explicit=True)
    start = data.index(b"\xe0\x7f\x10\x00OW")
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF) + fragments(*frames)
    return with_syntax(data, RLE, data[read_meta(data, "x").data_set_start : start] + pixels)


def same_study(one: Study, other: Study) -> bool:
    a, b = one.plans[0], other.plans[0]
    contours = zip(a.structures.rois, b.structures.rois, strict=True)
    return (
        np.array_equal(a.dose.dose_gy, b.dose.dose_gy)
        and np.array_equal(a.dose.affine, b.dose.affine)
        and a.plan.dose_references == b.plan.dose_references
        and all(
            np.array_equal(p.points_mm, q.points_mm)
            for x, y in contours
            for p, q in zip(x.contours, y.contours, strict=True)
        )
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return read_folder(write_with(tmp_path_factory.mktemp("plain")))


def codes(problems: Iterable[Problem]) -> set[str]:
    return {p.code for p in problems}


def refusal(folder: Path, **options: Any) -> set[str]:
    with pytest.raises(RefusedError) as error:
        read_folder(folder, **options)
    return codes(error.value.problems)


def test_data_sets_without_file_meta_are_read_and_said(tmp_path: Path, plain: Study) -> None:
    files = {kind: bare(to_bytes(getattr(build(), kind))) for kind in OBJECTS}
    study = read_folder(write_with(tmp_path, **files))
    assert same_study(study, plain)
    told = {p.object for p in (*study.problems, *study.plans[0].plan.problems) if p.code == "W-NO-META"}
    assert told == {"rp.dcm", "rs.dcm", "rd.dcm"}


@pytest.mark.parametrize("kind", OBJECTS)
def test_cut_data_sets_without_file_meta_are_refused(tmp_path: Path, kind: str) -> None:
    """As with file meta: only a cut exactly between top-level elements passes the walk, and then what it took is missed."""
    whole = bare(to_bytes(getattr(build(), kind)))
    ends = {offset + length for offset, length in scan(whole, read_meta(whole, "x"), "x").top.values()}
    generator = random.Random(kind)
    for cut in generator.sample([n for n in range(200, len(whole)) if n not in ends], 12):
        folder = write_with(tmp_path / str(cut), **{kind: whole[:cut]})
        assert "E-TRUNCATED" in refusal(folder)
    for end in sorted(ends)[:-3]:
        folder = write_with(tmp_path / f"end{end}", **{kind: whole[:end]})
        found = [p for p in validate(folder) if p.code != "W-NO-META"]
        assert found, f"a cut after {end} bytes was not noticed"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[8:],
        lambda data: b"\0" * 64 + data,
        lambda data: data.replace(RT_DOSE.encode(), b"1.2.840.10008.5.1.4.1.1.481.4"),
        lambda data: data[:60] + b"\x41\x42\x43\x44" + data[64:],
    ],
)
def test_damaged_heads_without_file_meta_are_never_guessed(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    data = damage(bare(to_bytes(build().dose)))
    assert refusal(write_with(tmp_path, dose=data)) & {"E-NO-META", "E-NO-DOSE", "E-TRUNCATED", "E-UID", "E-MISSING"}


def test_explicit_data_sets_without_file_meta_are_refused(tmp_path: Path) -> None:
    data = to_bytes(build().dose, explicit=True)
    folder = write_with(tmp_path, dose=data[read_meta(data, "x").data_set_start :])
    assert refusal(folder) == {"E-NO-META"}


@pytest.mark.parametrize("kind", OBJECTS)
def test_the_old_uid_in_the_file_meta_is_a_warning_where_the_objects_agree(
    tmp_path: Path, plain: Study, kind: str
) -> None:
    data = to_bytes(getattr(build(), kind))
    own = getattr(build(), kind).SOPInstanceUID.encode()
    place = data.index(own)
    changed = data[:place] + own[:-1] + (b"9" if own[-1:] != b"9" else b"8") + data[place + len(own) :]
    study = read_folder(write_with(tmp_path, **{kind: changed}))
    assert same_study(study, plain)
    assert "W-UID-META" in codes((*study.problems, *study.plans[0].plan.problems))


def test_another_uid_in_the_data_set_is_refused(tmp_path: Path) -> None:
    data = to_bytes(build().plan)
    own = uid(5).encode()
    place = data.rindex(own)
    changed = data[:place] + own[:-1] + b"9" + data[place + len(own) :]
    assert refusal(write_with(tmp_path, plan=changed)) & {"E-UID-MISMATCH", "E-PLAN-REF"}


def test_elements_out_of_order_give_the_same_numbers(tmp_path: Path, plain: Study) -> None:
    data = to_bytes(build().plan)
    place = data.index(struct.pack("<HH", 0x0010, 0x0020))
    length = 8 + struct.unpack_from("<I", data, place + 4)[0]
    moved = data[:place] + data[place + length :] + data[place : place + length]
    study = read_folder(write_with(tmp_path / "moved", plan=moved))
    assert same_study(study, plain)
    assert "W-ELEMENT-ORDER" in codes(study.plans[0].plan.problems)
    twice = data + data[place : place + length]
    assert refusal(write_with(tmp_path / "twice", plan=twice)) == {"E-DUPLICATE-ELEMENT"}


def test_deflated_data_sets_are_read_and_their_damage_refused(tmp_path: Path, plain: Study) -> None:
    data = deflated(to_bytes(build().dose, explicit=True))
    assert same_study(read_folder(write_with(tmp_path / "a", dose=data)), plain)
    for n, damaged in enumerate((data[:-1], data[: len(data) // 2], data + b"\0\0\0")):
        assert refusal(write_with(tmp_path / f"cut{n}", dose=damaged)) == {"E-TRUNCATED"}
    broken = data[:-200] + bytes(200)
    assert refusal(write_with(tmp_path / "b", dose=broken)) & {"E-PARSE", "E-TRUNCATED"}


@pytest.mark.parametrize("bits", [16, 32])
def test_run_length_encoded_doses_are_read(tmp_path: Path, bits: int) -> None:
    ds = build_dose(bits=bits)
    one = read_folder(write_with(tmp_path / "plain", dose=ds)).plans[0].dose
    other = read_folder(write_with(tmp_path / "rle", dose=rle_file(ds, run_length(ds)))).plans[0].dose
    assert np.array_equal(one.dose_gy, other.dose_gy)


def test_damaged_run_lengths_are_refused(tmp_path: Path) -> None:
    ds = build_dose(n_points=8, spacing_mm=10.0, bits=16)
    frames = run_length(ds)
    n_segments, first = struct.unpack_from("<2L", frames[3])
    assert (n_segments, first) == (2, 64)
    cases = {
        "one frame less": frames[:-1],
        "one frame more": [*frames, frames[0]],
        "cut frame": [*frames[:3], frames[3][:-4], *frames[4:]],
        "long frame": [*frames[:3], frames[3] + b"\x03abcd\0", *frames[4:]],
        "three segments": [*frames[:3], struct.pack("<L", 3) + frames[3][4:], *frames[4:]],
        "offset beyond": [*frames[:3], frames[3][:8] + struct.pack("<L", 10**6) + frames[3][12:], *frames[4:]],
        "short header": [*frames[:3], frames[3][:40], *frames[4:]],
        "bomb": [*frames[:3], frames[3][:64] + b"\x81a" * 5000, *frames[4:]],
    }
    for name, changed in cases.items():
        assert "E-PIXEL-SIZE" in refusal(write_with(tmp_path / name, dose=rle_file(ds, changed))), name
    whole = rle_file(ds, frames)
    for cut in (1, 9, 200):
        assert "E-TRUNCATED" in refusal(write_with(tmp_path / f"cut{cut}", dose=whole[:-cut]))


def beam_doses(*numbers: int, **changes: object) -> dict[str, Dataset]:
    """BEAM doses that share the dose of the small plan in equal parts; its beams are 1 and 2."""
    out = {}
    for place, number in enumerate(numbers):
        ds = build_dose(dose=lambda points: lung_dose(points) / 2, salt=0)
        ds.SOPInstanceUID = uid(40 + place)
        ds.DoseSummationType = "BEAM"
        beams = [item(ReferencedBeamNumber=str(number))]
        groups = [item(ReferencedFractionGroupNumber="1", ReferencedBeamSequence=beams)]
        ds.ReferencedRTPlanSequence[0].ReferencedFractionGroupSequence = groups
        for keyword, value in changes.items():
            if place:
                setattr(ds, keyword, value)
        out[f"beam{place}__dcm"] = ds
    return out


def with_beams(folder: Path, doses: dict[str, Dataset], plan: Dataset | None = None) -> Path:
    written = write_with(folder, plan=plan, **doses)
    (written / "rd.dcm").unlink()
    return written


def test_beam_doses_that_hold_every_beam_once_are_added(tmp_path: Path, plain: Study) -> None:
    folder = with_beams(tmp_path, beam_doses(1, 2))
    data = read_folder(folder, sum_beams=True).plans[0]
    assert np.allclose(data.dose.dose_gy, plain.plans[0].dose.dose_gy, rtol=1e-6, atol=1e-6)
    assert data.plan.treatment_beams == (1, 2)
    assert "sum of 2 BEAM doses, beams 1, 2" in data.lines[0]
    without = read_folder(folder, need_plan=False).plans[0]
    assert np.array_equal(without.dose.dose_gy, data.dose.dose_gy)
    with pytest.raises(RefusedError, match="--sum-beams"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("numbers", "seen"),
    [((1,), "no dose of beam 2"), ((1, 2, 2), "beam 2 more than once"), ((1, 2, 7), "beam 7 is no treatment beam")],
)
def test_beams_that_are_missing_or_twice_are_never_added(tmp_path: Path, numbers: tuple[int, ...], seen: str) -> None:
    folder = with_beams(tmp_path, beam_doses(*numbers))
    for options in ({"sum_beams": True}, {"need_plan": False}):
        with pytest.raises(RefusedError, match=seen):
            read_folder(folder, **options)
    with pytest.raises(RefusedError) as error:
        read_folder(folder)
    assert "--sum-beams" not in str(error.value)


def test_beams_on_other_grids_or_without_fractions_are_never_added(tmp_path: Path) -> None:
    moved = beam_doses(1, 2, ImagePositionPatient=["-39", "-39", "-38"])
    with pytest.raises(RefusedError, match="the grid differs"):
        read_folder(with_beams(tmp_path / "grid", moved), sum_beams=True)
    plan = build_plan()
    plan.FractionGroupSequence[0].NumberOfFractionsPlanned = ""
    with pytest.raises(RefusedError, match="number of fractions is not known"):
        read_folder(with_beams(tmp_path / "fractions", beam_doses(1, 2), plan), sum_beams=True)
    relative = beam_doses(1, 2, DoseUnits="RELATIVE")
    assert refusal(with_beams(tmp_path / "units", relative), sum_beams=True) == {"E-DOSE-UNITS"}


def two_phases() -> Dataset:
    """A plan of two fraction groups: beam 1 in three fractions, beam 2 in five."""
    plan = build_plan()
    first = plan.FractionGroupSequence[0]
    beams = list(first.ReferencedBeamSequence)
    second = item(
        FractionGroupNumber="2", NumberOfFractionsPlanned="5", NumberOfBeams="1", NumberOfBrachyApplicationSetups="0"
    )
    second.ReferencedBeamSequence = beams[1:]
    first.ReferencedBeamSequence, first.NumberOfBeams = beams[:1], "1"
    plan.FractionGroupSequence.append(second)
    return plan


def test_a_plan_of_several_fraction_groups_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    other = build(salt=1)
    study = read_folder(
        write_with(tmp_path, plan=two_phases(), rp2__dcm=other.plan, rs2__dcm=other.structures, rd2__dcm=other.dose)
    )
    assert [data.plan.sop_instance_uid for data in study.plans] == [uid(5, 1)]
    named = [p for p in study.problems if p.code == "E-FRACTION-GROUPS"]
    assert [p.object for p in named] == ["rp.dcm"]
    assert "2 groups, fractions 1: 3, 2: 5" in named[0].seen


def test_one_fraction_group_is_read_from_doses_that_are_its_own(tmp_path: Path) -> None:
    doses = beam_doses(1, 2)
    doses["beam1__dcm"].ReferencedRTPlanSequence[0].ReferencedFractionGroupSequence[
        0
    ].ReferencedFractionGroupNumber = "2"
    folder = with_beams(tmp_path / "beams", doses, two_phases())
    data = read_folder(folder, sum_beams=True, fraction_group=2).plans[0]
    assert (data.plan.n_fractions, data.plan.treatment_beams) == (5, (2,))
    assert data.files == ("rp.dcm", "rs.dcm", "beam1.dcm")
    whole = write_with(tmp_path / "whole", plan=two_phases())
    for chosen in (1, 2, 7):
        study = read_folder(whole, fraction_group=chosen)
        assert study.plans == ()
        assert "E-FRACTION-GROUPS" in codes(study.problems)
    without = read_folder(whole, need_plan=False).plans[0]
    assert without.plan.n_fractions is None


def test_a_dose_that_names_no_plan_is_read_without_verdict(tmp_path: Path, plain: Study) -> None:
    ds = build_dose()
    del ds.ReferencedRTPlanSequence
    folder = write_with(tmp_path, dose=ds)
    assert refusal(folder) == {"E-PLAN-REF"}
    read = read_folder(folder, need_plan=False).plans[0]
    assert np.array_equal(read.dose.dose_gy, plain.plans[0].dose.dose_gy)
    assert read.plan.n_fractions is None


@pytest.mark.parametrize("intent", ["RESEARCH", "VERIFICATION"])
def test_a_plan_that_is_not_for_treatment_is_read_without_verdict(tmp_path: Path, intent: str) -> None:
    plan = build_plan()
    plan.PlanIntent = intent
    folder = write_with(tmp_path, plan=plan)
    assert refusal(folder) == {"E-PLAN-INTENT"}
    assert len(read_folder(folder, need_plan=False).plans) == 1


def test_structure_sets_are_read_alone(tmp_path: Path) -> None:
    folder = write_with(tmp_path)
    names = [r.name for r in read_folder(folder).plans[0].structures.rois]
    for name in ("rp.dcm", "rd.dcm"):
        (folder / name).unlink()
    assert [r.name for s in read_structure_sets(folder) for r in s.rois] == names
    (folder / "rs.dcm").write_bytes((folder / "rs.dcm").read_bytes()[:-3])
    with pytest.raises(RefusedError, match="E-TRUNCATED"):
        read_structure_sets(folder)


def test_a_refusal_lists_what_was_found_and_names_private_classes(tmp_path: Path) -> None:
    private = build().plan
    private.SOPClassUID = "1.2.246.352.70.1.70"
    folder = write_with(tmp_path, plan=private)
    with pytest.raises(RefusedError) as error:
        read_folder(folder)
    (problem,) = error.value.problems
    assert problem.code == "E-NO-PLAN"
    for part in ("1 RTSTRUCT", "1 RTDOSE", "1 private SOP Class 1.2.246.352.70.1.70 (rp.dcm)"):
        assert part in problem.seen


def test_a_dose_split_over_files_is_one_line(tmp_path: Path) -> None:
    others = {}
    for n in range(5):
        ds = build_dose(n_points=6, spacing_mm=12.0)
        ds.SOPInstanceUID, ds.NumberOfFrames, ds.PixelData = uid(60 + n), "1", ds.PixelData[: 4 * 36]
        others[f"slice{n}__dcm"] = ds
    folder = with_beams(tmp_path, others)
    with pytest.raises(RefusedError) as error:
        read_folder(folder)
    assert [(p.code, p.seen) for p in error.value.problems] == [("E-NO-GRID", "one dose split over 5 files")]


def test_an_empty_radiation_type_is_said(tmp_path: Path) -> None:
    plan = build_plan()
    plan.BeamSequence[0].RadiationType = ""
    found = read_folder(write_with(tmp_path, plan=plan)).plans[0].plan.problems
    assert [(p.code, p.seen) for p in found] == [("W-RADIATION-TYPE", "beam 1")]


def test_the_syntaxes_of_this_file_are_those_of_the_reader() -> None:
    data = to_bytes(build().dose)
    assert read_meta(data, "x").transfer_syntax_uid == IMPLICIT
    assert read_meta(deflated(to_bytes(build().dose, explicit=True)), "x").transfer_syntax_uid == DEFLATED
