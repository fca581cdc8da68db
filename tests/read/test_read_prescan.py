"""What is refused from the bytes alone, before anything is decoded."""

from __future__ import annotations

import random
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from dicom_builders import EXPLICIT, IMPLICIT, RT_DOSE, build, to_bytes, uid, write_with

from sbrtcheck.errors import RefusedError
from sbrtcheck.read import read_folder, validate
from sbrtcheck.read.dicom.prescan import bare_sop_class, head_sop_classes, read_meta, scan
from sbrtcheck.read.dicom.walk import MAX_DEPTH


def explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    """One element, explicit VR little endian."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    if vr in {b"OB", b"OW", b"SQ", b"UN", b"UT"}:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    """One element, implicit VR little endian; ``length`` may lie."""
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def even(text: str) -> bytes:
    return text.encode() + b"\0" * (len(text) % 2)


def part10(body: bytes, *, syntax: str = IMPLICIT, sop_class: str = RT_DOSE, instance: str = "2.25.1") -> bytes:
    """A file with preamble and file meta around any bytes."""
    meta = (
        explicit(0x00020001, b"OB", b"\0\1")
        + explicit(0x00020002, b"UI", even(sop_class))
        + explicit(0x00020003, b"UI", even(instance))
        + explicit(0x00020010, b"UI", even(syntax))
    )
    return b"\0" * 128 + b"DICM" + explicit(0x00020000, b"UL", struct.pack("<I", len(meta))) + meta + body


IDENTITY = implicit(0x00080016, even(RT_DOSE)) + implicit(0x00080018, even("2.25.1"))
EXPLICIT_IDENTITY = explicit(0x00080016, b"UI", even(RT_DOSE)) + explicit(0x00080018, b"UI", even("2.25.1"))
ITEM_HEAD = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def nested(depth: int, *, undefined: bool) -> bytes:
    """A Referenced Study Sequence inside itself, ``depth`` levels."""
    if undefined:
        head = struct.pack("<HHI", 0x0008, 0x1110, 0xFFFFFFFF) + ITEM_HEAD
        return head * depth + (ITEM_END + SEQUENCE_END) * depth
    body = b""
    for _ in range(depth):
        body = implicit(0x00081110, struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body)
    return body


def scanned(data: bytes) -> dict[int, tuple[int, int]]:
    return scan(data, read_meta(data, "x.dcm"), "x.dcm").top


def code_of(data: bytes) -> str:
    """The code that the scan refuses with; "" if it does not."""
    try:
        scanned(data)
    except RefusedError as error:
        return error.problems[0].code
    return ""


def test_a_sound_file_gives_its_top_level_elements() -> None:
    data = part10(IDENTITY + implicit(0x00100020, b"ID"))
    top = scanned(data)
    assert sorted(top) == [0x00080016, 0x00080018, 0x00100020]
    offset, length = top[0x00100020]
    assert data[offset : offset + length] == b"ID"


@pytest.mark.parametrize("undefined", [False, True])
def test_elements_out_of_order_are_read_and_the_first_is_named(undefined: bool) -> None:
    """Tools that rewrite files sort elements by keyword, in sequences too; each of them stands there once."""
    sorted_wrong = implicit(0x00081155, even("1.2.3")) + implicit(0x00081150, even(RT_DOSE))
    inner = ITEM_HEAD + sorted_wrong + ITEM_END + SEQUENCE_END
    if undefined:
        body = struct.pack("<HHI", 0x0008, 0x1110, 0xFFFFFFFF) + inner
    else:
        body = implicit(0x00081110, struct.pack("<HHI", 0xFFFE, 0xE000, len(sorted_wrong)) + sorted_wrong)
    data = part10(IDENTITY + body)
    assert scan(data, read_meta(data, "x"), "x").out_of_order == 0x00081150
    data = part10(IDENTITY + implicit(0x00080005, b"ISO_IR 100") + implicit(0x00100020, b"ID"))
    found = scan(data, read_meta(data, "x"), "x")
    assert (found.out_of_order, len(found.top)) == (0x00080005, 4)


@pytest.mark.parametrize("undefined", [False, True])
def test_nesting_is_refused_one_level_above_the_limit(undefined: bool) -> None:
    assert code_of(part10(IDENTITY + nested(MAX_DEPTH, undefined=undefined))) == ""
    assert code_of(part10(IDENTITY + nested(MAX_DEPTH + 1, undefined=undefined))) == "E-NESTING"


@pytest.mark.parametrize("depth", [200, 1000, 20_000])
def test_deep_nesting_is_refused_without_recursion(depth: int) -> None:
    data = part10(IDENTITY + nested(depth, undefined=True))
    tracemalloc.start()
    assert code_of(data) == "E-NESTING"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("length", [0xFFFFFFFE, 2**31, 300])
@pytest.mark.parametrize("body", ["implicit", "un"])
def test_a_length_beyond_the_file_is_refused_without_allocation(tmp_path: Path, length: int, body: str) -> None:
    if body == "implicit":
        data = part10(IDENTITY + implicit(0x00100020, b"ID", length))
    else:
        raw = struct.pack("<HH2sHI", 0x0011, 0x1001, b"UN", 0, length) + b"data"
        data = part10(EXPLICIT_IDENTITY + raw, syntax=EXPLICIT)
    tracemalloc.start()
    codes = [p.code for p in validate(write_with(tmp_path, dose=data))]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert codes == ["E-TRUNCATED"]
    assert peak < 40_000_000


def test_a_deflated_bomb_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = b"\0" * 2**20
    bomb = b"".join(packer.compress(block) for _ in range(160)) + packer.flush()
    data = part10(bomb, syntax="1.2.840.10008.1.2.1.99")
    tracemalloc.start()
    problems = validate(write_with(tmp_path, dose=data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [p.code for p in problems] == ["E-TOO-LARGE"]
    assert "inflated" in problems[0].seen
    assert peak < 20_000_000


@pytest.mark.parametrize(
    "syntax",
    ["1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.95", "1.2.3"],
)
def test_only_four_transfer_syntaxes_are_read(syntax: str) -> None:
    with pytest.raises(RefusedError, match=r"E-TRANSFER-SYNTAX.*uncompressed"):
        read_meta(part10(IDENTITY, syntax=syntax), "x.dcm")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (IDENTITY + implicit(0x00080018, even("2.25.1")), "E-DUPLICATE-ELEMENT"),
        (IDENTITY + implicit(0x00080005, b"ISO_IR 100") + implicit(0x00080016, even(RT_DOSE)), "E-DUPLICATE-ELEMENT"),
        (IDENTITY + implicit(0x00080003, b"no element of the dictionary "), "E-PARSE"),
        (IDENTITY + implicit(0x00020010, even(IMPLICIT)), "E-PARSE"),
        (implicit(0x00080016, even(RT_DOSE)), "E-MISSING"),
        (implicit(0x00080018, even("2.25.1")), "E-MISSING"),
        (implicit(0x00080016, even("1.2.840.10008.5.1.4.1.1.2")) + implicit(0x00080018, even("2.25.1")), "E-SOP-CLASS"),
        (implicit(0x00080016, even(RT_DOSE)) + implicit(0x00080018, b"../../etc/passwd"), "E-UID"),
        (implicit(0x00080016, even(RT_DOSE)) + implicit(0x00080018, b"1" * 300), "E-UID"),
        (implicit(0x00080016, even(RT_DOSE)) + implicit(0x00080018, b"1.2\0\0\0.3"), "E-UID"),
        (IDENTITY + b"\x10\x00\x20", "E-TRUNCATED"),
        (IDENTITY + implicit(0x00100020, b"ID") + b"\0" * 8, "E-PARSE"),
        (IDENTITY + implicit(0x00100020, b"", 0xFFFFFFFF), "E-TRUNCATED"),
        (IDENTITY + implicit(0x7FE00010, b"", 0xFFFFFFFF) + ITEM_HEAD, "E-TRUNCATED"),
        (IDENTITY + ITEM_END, "E-TRUNCATED"),
        (IDENTITY + SEQUENCE_END, "E-TRUNCATED"),
        (IDENTITY + implicit(0x00081110, b"12345678"), "E-TRUNCATED"),
        (IDENTITY + implicit(0x00081110, struct.pack("<HHI", 0xFFFE, 0xE000, 9) + b"12345678"), "E-TRUNCATED"),
        (IDENTITY + implicit(0x00081110, struct.pack("<HHI", 0xFFFE, 0xE000, 4) + b"1234"), "E-TRUNCATED"),
        (IDENTITY + implicit(0x00081110, b"", 0xFFFFFFFF) + ITEM_HEAD + ITEM_END, "E-TRUNCATED"),
        (IDENTITY + implicit(0x00081110, b"", 0xFFFFFFFF) + ITEM_HEAD + SEQUENCE_END, "E-TRUNCATED"),
        (implicit(0x00080005, b"A" * 0x4141) + IDENTITY, "E-PARSE"),
    ],
)
def test_damage_in_implicit_vr(body: bytes, code: str) -> None:
    assert code_of(part10(body)) == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (EXPLICIT_IDENTITY + struct.pack("<HH2sH", 0x10, 0x20, b"ZZ", 0), "E-PARSE"),
        (EXPLICIT_IDENTITY + struct.pack("<HH2sH", 0x10, 0x20, b"OB", 0), "E-TRUNCATED"),
        (EXPLICIT_IDENTITY + struct.pack("<HH2sHI", 0x10, 0x20, b"OB", 0, 0xFFFFFFFF), "E-TRUNCATED"),
        (EXPLICIT_IDENTITY + struct.pack("<HH2sH", 0x10, 0x20, b"LO", 5) + b"1234", "E-TRUNCATED"),
    ],
)
def test_damage_in_explicit_vr(body: bytes, code: str) -> None:
    assert code_of(part10(body, syntax=EXPLICIT)) == code


def test_the_number_of_elements_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbrtcheck.read.dicom.walk.MAX_ELEMENTS", 50)
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 49
    assert code_of(part10(IDENTITY + implicit(0x00081110, items))) == "E-TOO-LARGE"
    assert code_of(part10(IDENTITY + implicit(0x00081110, items[:-16]))) == ""


def test_a_sequence_of_unknown_vr_is_walked_as_implicit() -> None:
    inner = ITEM_HEAD + implicit(0x00081155, even("1.2.3")) + ITEM_END
    whole = struct.pack("<HH2sHI", 0x0011, 0x1010, b"UN", 0, 0xFFFFFFFF) + inner
    assert code_of(part10(EXPLICIT_IDENTITY + whole + SEQUENCE_END, syntax=EXPLICIT)) == ""
    assert code_of(part10(EXPLICIT_IDENTITY + whole, syntax=EXPLICIT)) == "E-TRUNCATED"
    known = explicit(0x00081110, b"UN", implicit(0xFFFEE000, implicit(0x00081155, b"1.2 ", 40)))
    assert code_of(part10(EXPLICIT_IDENTITY + known, syntax=EXPLICIT)) == "E-TRUNCATED"


@pytest.mark.parametrize("missing", [0x00020002, 0x00020003, 0x00020010])
def test_file_meta_must_name_class_instance_and_syntax(missing: int) -> None:
    data = part10(IDENTITY)
    marker = struct.pack("<HH", missing >> 16, missing & 0xFFFF) + b"UI"
    start = data.index(marker)
    end = start + 8 + struct.unpack_from("<H", data, start + 6)[0]
    with pytest.raises(RefusedError, match="E-NO-META"):
        read_meta(data[:start] + data[end:], "x.dcm")


def test_cut_file_meta_is_refused() -> None:
    data = part10(b"")
    codes = set()
    for cut in range(len(data)):
        with pytest.raises(RefusedError) as error:
            scanned(data[:cut])
        codes.add(error.value.problems[0].code)
    assert codes == {"E-NO-META", "E-TRUNCATED"}


def test_what_the_first_bytes_say() -> None:
    assert bare_sop_class(IDENTITY) == RT_DOSE
    assert bare_sop_class(EXPLICIT_IDENTITY) == RT_DOSE
    assert bare_sop_class(b"plain text, long enough to be looked at") is None
    assert bare_sop_class(b"\x08\x00\x00\x00\x04\x00\x00\x00abcd") is None
    assert head_sop_classes(part10(IDENTITY)) == (RT_DOSE, RT_DOSE)
    assert head_sop_classes(part10(b"")) == (RT_DOSE, None)


@pytest.mark.parametrize("vr", [False, True])
@pytest.mark.parametrize("kind", ["plan", "structures", "dose"])
def test_a_hundred_random_cuts_of_each_object_are_refused(tmp_path: Path, kind: str, vr: bool) -> None:
    """Only a cut exactly between top-level elements may pass the scan; then required attributes catch it.

    The exceptions lose nothing that a dose rests on: the observations and approval of a structure set, the approval of
    a plan (which is then not approved).
    """
    whole = to_bytes(getattr(build(), kind), explicit=vr)
    start = read_meta(whole, "x").data_set_start
    boundaries = {offset + length for offset, length in scanned(whole).values()}
    random.seed(f"{kind}{vr}")
    cuts = sorted(random.sample(range(start, len(whole)), 100))
    passed_scan = [cut for cut in cuts if not code_of(whole[:cut])]
    assert set(passed_scan) <= boundaries
    harmless = {"plan": {0x300E0002}, "structures": {0x30060080, 0x300E0002}, "dose": set()}[kind]
    ends = [start, *(offset + length for offset, length in scanned(whole).values())]
    lost_ok = {end for tag, end in zip(scanned(whole), ends, strict=False) if tag in harmless}
    for cut in (c for c in passed_scan if c not in lost_ok):
        folder = write_with(tmp_path / str(cut), explicit=vr, **{kind: whole[:cut]})
        assert [p for p in validate(folder) if p.is_error]


@pytest.mark.parametrize("kind", ["plan", "structures", "dose"])
def test_every_cut_between_top_level_elements(tmp_path: Path, kind: str) -> None:
    """Every boundary there is, not a sample: what passes the whole reading is listed here."""
    whole = to_bytes(getattr(build(), kind))
    top = scanned(whole)
    survived = []
    for tag, (offset, _) in top.items():
        folder = write_with(tmp_path / f"{tag:08x}", **{kind: whole[: offset - 8]})
        problems = validate(folder)
        if not any(p.is_error for p in problems):
            survived.append(tag)
            if kind == "plan":
                assert [p.code for p in problems] == ["W-NOT-APPROVED"]
    expected = {"plan": [0x300E0002], "structures": [0x30060080, 0x300E0002], "dose": []}[kind]
    assert survived == expected


def test_changed_bytes_never_crash(tmp_path: Path) -> None:
    """Random bytes in random places: the answer is a study or a refusal, nothing else."""
    generator = random.Random(5)
    outcomes = set()
    for kind in ("plan", "structures", "dose"):
        whole = to_bytes(getattr(build(), kind))
        for n in range(12):
            data = bytearray(whole)
            for _ in range(generator.randint(1, 4)):
                data[generator.randrange(132, min(len(data), 3000))] = generator.randrange(256)
            folder = write_with(tmp_path / f"{kind}{n}", **{kind: bytes(data)})
            try:
                outcomes.add(type(read_folder(folder)).__name__)
            except RefusedError:
                outcomes.add("refused")
    assert outcomes == {"Study", "refused"}


def test_explicit_and_implicit_give_identical_numbers(tmp_path: Path) -> None:
    one = read_folder(write_with(tmp_path / "i")).plans[0]
    two = read_folder(write_with(tmp_path / "e", explicit=True)).plans[0]
    assert one.plan == two.plan
    assert (one.dose.dose_gy == two.dose.dose_gy).all()
    assert (one.dose.affine == two.dose.affine).all()
    for a, b in zip(one.structures.rois, two.structures.rois, strict=True):
        assert a.name == b.name
        assert all((x.points_mm == y.points_mm).all() for x, y in zip(a.contours, b.contours, strict=True))


def test_uids_of_the_builders_are_fixed() -> None:
    assert to_bytes(build().plan) == to_bytes(build().plan)
    assert uid(5) != uid(5, 1)
