"""Rows about files as bytes, about text from files and about what is written. One function per row of mutations.csv."""

from __future__ import annotations

import csv
import hashlib
import os
import socket
import struct
import warnings
import zlib
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from unittest import mock

import dicom_builders as build
import pytest
from pydicom import Dataset

from mutations import mini
from mutations.bench import Bench, numbers
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.report import render_csv, render_html, render_json, render_text

DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
RLE, JPEG_LS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"


def element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """One explicit VR element; ``length`` may lie."""
    value += b"\0" * (len(value) % 2)
    stated = len(value) if length is None else length
    if vr in {b"OB", b"OW", b"SQ", b"UN", b"UT"}:
        return struct.pack("<HH2sHI", group, number, vr, 0, stated) + value
    return struct.pack("<HH2sH", group, number, vr, stated) + value


def part10(body: bytes, *, sop_class: str = build.RT_DOSE, syntax: str = build.EXPLICIT) -> bytes:
    """A Part 10 file around a data set."""
    meta = b"".join(
        element(2, number, b"UI", text.encode()) for number, text in ((2, sop_class), (3, "2.25.1"), (0x10, syntax))
    )
    return b"\0" * 128 + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + body


def identified(body: bytes = b"", sop_class: str = build.RT_DOSE) -> bytes:
    """SOP Class and Instance UID, then the rest of a data set."""
    return element(8, 0x16, b"UI", sop_class.encode()) + element(8, 0x18, b"UI", b"2.25.1") + body


def nested(depth: int) -> bytes:
    """A data set with sequences in sequences, of undefined length."""
    opening = struct.pack("<HH2sHI", 0x300C, 2, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    closing = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return identified(opening * depth + closing * depth)


def deflated(n_bytes: int) -> bytes:
    """A deflated data set that holds ``n_bytes`` zeros, made without holding them."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [squeeze.compress(identified(element(0x7FE0, 0x10, b"OW", b"", n_bytes)))]
    block = bytes(2**20)
    parts += [squeeze.compress(block) for _ in range(n_bytes // len(block))]
    return part10(b"".join([*parts, squeeze.flush()]), syntax=DEFLATED)


def m003(bench: Bench) -> None:
    for explicit in (False, True):
        whole = mini.files(explicit=explicit)["rs.dcm"]
        for share in (0.3, 0.6, 0.95, 0.99):
            bench.refused("E-TRUNCATED", structures=whole[: int(len(whole) * share)])


def m006(bench: Bench) -> None:
    whole = mini.files()["rp.dcm"]
    cut = whole.rindex(b"\x0e\x30\x02\x00")
    bench.warned("W-NOT-APPROVED", plan=whole[:cut])


def m007(bench: Bench) -> None:
    body = identified(element(0x3004, 2, b"UN", b"", 0xFFFFFFFE))
    bench.refused("E-TRUNCATED", dose=part10(body))


def m008(bench: Bench) -> None:
    body = identified(element(0x3004, 2, b"UN", b"", 2**31))
    bench.refused("E-TRUNCATED", dose=part10(body))


def m009(bench: Bench) -> None:
    for depth in (13, 200, 1000, 20_000):
        bench.refused("E-NESTING", dose=part10(nested(depth)))


def m010(bench: Bench) -> None:
    bomb = deflated(2**28)
    assert len(bomb) < 2**28 / 500
    bench.refused("E-TOO-LARGE", dose=bomb)


def m012(bench: Bench) -> None:
    bench.same(bench.check(others=mini.files(explicit=True)))


def m013(bench: Bench) -> None:
    whole = mini.files(explicit=True)["rd.dcm"]
    bench.refused("E-TRANSFER-SYNTAX", dose=_other_syntax(whole, BIG_ENDIAN))


def m015(bench: Bench) -> None:
    whole = mini.files(explicit=True)["rd.dcm"]
    for syntax, code in ((RLE, "E-PIXEL-SIZE"), (JPEG_LS, "E-TRANSFER-SYNTAX")):
        bench.refused(code, dose=_other_syntax(whole, syntax))


def _other_syntax(whole: bytes, syntax: str) -> bytes:
    start = whole.index(b"\x02\x00\x10\x00UI")
    (length,) = struct.unpack_from("<H", whole, start + 6)
    old_group = struct.unpack_from("<I", whole, 140)[0]
    new = element(2, 0x10, b"UI", syntax.encode())
    group = struct.pack("<I", old_group + len(new) - 8 - length)
    return whole[:140] + group + whole[144:start] + new + whole[start + 8 + length :]


def m019(bench: Bench) -> None:
    def named(charset: str, raw: bytes) -> bytes:
        rois = mini.rois()
        placeholder = "Q" * len(raw)
        rois[placeholder] = ("ORGAN", [build.circle(-10, -20, z, 4, 24) for z in build.planes(-10, 10)])
        ds = mini.structures(only=rois)
        ds.SpecificCharacterSet = charset
        return build.to_bytes(ds).replace(placeholder.encode(), raw)

    for charset, raw in (("ISO_IR 192", "Herz日本".encode()), ("\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B")):
        report = bench.check(structures=named(charset, raw))
        assert report.outcome.value == "PASS"
        assert any("日" in s.roi or "山" in s.roi for s in report.structures), [s.roi for s in report.structures]
        bench.note("HANDLED: PASS, the name as written")
    report = bench.warned("W-CHARACTER-SET", structures=named("ISO_IR 192", b"BrachialPlexus\xff\xfe"))
    strange = [s for s in report.structures if "\ufffd" in s.roi]
    assert strange
    assert not any(s.organ for s in strange)


def m020(bench: Bench) -> None:
    other = mini.dataset("rs.dcm")
    other.StructureSetLabel = "ANOTHER"
    bench.refused("E-UID-COLLISION", others={"rs2.dcm": other})


HOSTILE_NAMES = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}")


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


def elements(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Names of elements and of their attributes, in order."""
    parser = _Elements()
    parser.feed(page)
    return parser.found


def _renamed(kind: str, **values: str) -> Dataset:
    ds = mini.dataset(kind)
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def m154(bench: Bench) -> None:
    benign = elements(render_html(mini.reference()))
    for name in HOSTILE_NAMES:
        objects = {k: _renamed(n, PatientName=name) for k, n in (("plan", "rp.dcm"), ("dose", "rd.dcm"))}
        report = bench.check(structures=_renamed("rs.dcm", PatientName=name), **objects)
        page = render_html(report)
        assert elements(page) == benign
        assert name not in page.replace("{{7*7}}", "") or name.startswith("{{")
        assert "49" not in page.split("Patient")[1][:60]
        assert "default-src 'none'" in page
    bench.note("HANDLED: escaped, no new element in the page")


FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "-2+3", "\t=1", "\r=1")


def m155(bench: Bench) -> None:
    for name in FORMULAS:
        rois = mini.rois()
        rois[name] = ("ORGAN", rois.pop("BrachialPlexus")[1])
        report = bench.check(structures=mini.structures(only=rois))
        for row in csv.reader(StringIO(render_csv(report))):
            for cell in row:
                assert not cell.startswith(("=", "@", "\t", "\r")), cell
                assert not cell.startswith(("+", "-")) or cell[1:].replace(".", "").replace("e", "").isdigit(), cell
        assert name.strip() in render_json(report) or "\\\\" in render_json(report)
    bench.note("HANDLED: cell neutralised in CSV, plain in JSON")


def m158(bench: Bench) -> None:
    for text in (b"../../etc/cron.d/x", b"/etc/passwd", b"1." * 150 + b"1", b"1.2\0.3", b"CON"):
        placeholder = b"9" * len(text)
        ds = mini.dataset("rd.dcm")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds.SOPInstanceUID = placeholder.decode()
            data = build.to_bytes(ds)
        assert data.count(placeholder) >= 2
        before = {p for p in bench.folder.rglob("*") if p.is_file()}
        bench.refused("E-UID", dose=data.replace(placeholder, text))
        after = {p for p in bench.folder.rglob("*") if p.is_file()}
        assert sorted(p.name for p in after - before) == sorted(mini.NAMES)


def m160(bench: Bench) -> None:
    folder = bench.write()
    outside = mini.write(bench.place(), {"secret.dcm": b"x" * 200})
    (folder / "link.dcm").symlink_to(outside / "secret.dcm")
    (folder / "zero.dcm").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.dcm")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(folder)
        try:
            server.bind("socket.dcm")
        finally:
            os.chdir(here)
        report = mini.check_files(folder, {})
    bench.same(report)
    kinds = {i.name: i.kind for i in report.inputs if not i.used}
    assert kinds == {"link.dcm": "link", "zero.dcm": "link", "pipe.dcm": "special", "socket.dcm": "special"}
    from sbrtcheck.read.dicom import files

    with mock.patch.object(files, "MAX_FILES", 5):
        crowded = mini.check_files(folder, {"more.txt": b"", "yet.txt": b""})
    assert [p.code for p in crowded.errors] == ["E-TOO-LARGE"]
    bench.note("links, pipes and sockets listed and not opened; too many files REFUSED E-TOO-LARGE")


def m161(bench: Bench) -> None:
    folder = bench.write()
    wanted = mini.files()["rd.dcm"]
    other = build.to_bytes(mini.dose(scaling_gy=1e-6))
    plain = os.open

    def swapped(path: object, *args: object, **kwargs: object) -> int:
        descriptor: int = plain(path, *args, **kwargs)  # type: ignore[arg-type,call-overload]
        if str(path).endswith("rd.dcm"):
            (folder / "new").write_bytes(other)
            os.replace(folder / "new", folder / "rd.dcm")
        return descriptor

    from sbrtcheck.read.dicom import files

    with mock.patch.object(files.os, "open", swapped):
        report = mini.check_files(folder, {})
    bench.same(report)
    assert (folder / "rd.dcm").read_bytes() == other
    hashes = {i.name: i.sha256 for i in report.inputs}
    assert hashes["rd.dcm"] == hashlib.sha256(wanted).hexdigest()
    bench.note("the hash in the report is that of the bytes that were judged")


def _refusal(table: str | Path) -> str:
    from sbrtcheck.tables import organ_tables as tables

    with pytest.raises(WrongUsageError) as caught:
        tables.load_table(table)
    codes = {p.code for p in caught.value.problems}
    assert codes & {"E-TABLE-ROW", "E-TABLE-MODIFIED"}, codes
    return ", ".join(sorted(codes))


def m150(bench: Bench) -> None:
    from sbrtcheck.tables import organ_tables as tables
    from sbrtcheck.tables.datafiles import data_path

    source = data_path("oar", "aapm_tg101.csv").read_text(encoding="utf-8")
    assert ",21.9," in source
    copy = bench.place()
    copy.mkdir(parents=True)
    edited = copy / "own.csv"
    edited.write_text(source.replace(",21.9,", ",219,"), encoding="utf-8")
    bench.note(f"refused (exit 2) {_refusal(edited)}")
    for name in ("aapm_tg101.csv", "aapm_tg101.toml"):
        text = data_path("oar", name).read_text(encoding="utf-8")
        (copy / name).write_text(text.replace(",21.9,", ",22.9,"), encoding="utf-8")

    def elsewhere(*parts: str) -> Path:
        return copy / parts[-1] if parts[-1].startswith("aapm_tg101") else data_path(*parts)

    tables_caches = [getattr(tables, n) for n in ("_load_settings", "_load_shipped") if hasattr(tables, n)]
    try:
        for cached in tables_caches:
            cached.cache_clear()
        with mock.patch.object(tables, "data_path", elsewhere):
            bench.note(f"a shipped table that was edited: refused (exit 2) {_refusal('aapm_tg101')}")
    finally:
        for cached in tables_caches:
            cached.cache_clear()


def m163(bench: Bench) -> None:
    secret = "Zyxwvut"
    values = {"PatientName": f"{secret}^Ann", "PatientID": f"{secret}-77", "PatientBirthDate": "19470203"}
    rois = mini.rois()
    rois[f"{secret} old tumour"] = ("ORGAN", [build.circle(-10, -20, z, 4, 24) for z in build.planes(-10, 10)])
    objects = {"plan": mini.plan(label=f"NODE {secret}"), "structures": mini.structures(only=rois), "dose": mini.dose()}
    for ds in objects.values():
        for keyword, value in values.items():
            setattr(ds, keyword, value)
    objects["plan"].RTPlanName = secret
    folder = mini.write(bench.folder / f"{secret}_folder", {f"{secret}_{k}.dcm": ds for k, ds in objects.items()})
    report = mini.check_files(folder, {}, pseudonymise=True)
    assert numbers(report)
    for page in (render_text(report), render_json(report), render_csv(report), render_html(report)):
        for word in (secret, "19470203", "2.25.700", "Zyxw"):
            assert word not in page, word
    bench.note("no name, number, label, UID or file name in any format")
