"""Random damage to the files of a plan, from a seed: the same number always gives the same damaged files."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import dicom_builders as build
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.sequence import Sequence as Items

from mutations import mini

Rng = np.random.Generator
NUMBERS = (b"nan", b"inf", b"-inf", b"1e400", b"0", b"-1", b"1e9", b"", b"abc", b"1,5", b"1_000", "５４".encode())
TEXTS = (b"", b"RELATIVE", b"X", b"\x00\x01", b"EFFECTIVE", b"BEAM", b"POINT", b"../x", b"\xff\xfe")


@dataclass(frozen=True)
class Damaged:
    """Damaged files, with the kind of damage, what was hit, and which file."""

    kind: str
    what: str
    name: str
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Place:
    """One element somewhere in a data set, with the data set or item that holds it."""

    holder: Dataset
    tag: Any
    keyword: str


def elements(ds: Dataset, depth: int = 0) -> Iterator[Place]:
    """Every element of a data set and of its items."""
    for tag in list(ds.keys()):
        yield Place(ds, tag, keyword_for_tag(tag) or str(tag))
        if vr_of(tag) == "SQ" and depth < 4:
            for item in ds[tag].value:
                yield from elements(item, depth + 1)


def vr_of(tag: Any) -> str:
    """The VR that the dictionary gives to a tag; UN for one that it does not know."""
    try:
        return str(dictionary_VR(tag).split(" or ")[0])
    except KeyError:
        return "UN"


def written(original: bytes, ds: Dataset) -> bytes:
    """A file in implicit VR with the bytes of every element as they stand: the library's writer would mend them."""
    return original[: 144 + struct.unpack_from("<I", original, 140)[0]] + _body(ds)


def _bytes(value: Any) -> bytes:
    """The library decodes a few elements by itself while it reads."""
    if isinstance(value, bytes) or value is None:
        return value or b""
    if isinstance(value, int):
        return struct.pack("<H", value)
    text = str(value) if isinstance(value, str) else "\\".join(map(str, value))
    return text.encode() + b" " * (len(text.encode()) % 2)


def _body(ds: Dataset) -> bytes:
    out = []
    for tag in sorted(ds.keys()):
        if vr_of(tag) == "SQ":
            items = [_body(item) for item in ds[tag].value]
            value = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
        else:
            value = _bytes(ds.get_item(tag).value)
        out.append(struct.pack("<HHI", tag.group, tag.element, len(value)) + value)
    return b"".join(out)


def offsets(data: bytes) -> list[tuple[int, int, int]]:
    """Top-level elements of an implicit VR file: (offset, length of the header, length of the value)."""
    position = 144 + struct.unpack_from("<I", data, 140)[0]
    out = []
    while position + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, position + 4)
        if length == 0xFFFFFFFF:
            break
        out.append((position, 8, length))
        position += 8 + length
    return out


def _pick(rng: Rng, items: Any) -> Any:
    return items[int(rng.integers(len(items)))]


def _byte_damage(
    name: str, change: Callable[[Rng, bytes], tuple[bytes, str]]
) -> Callable[[Rng, dict[str, bytes]], str]:
    del name

    def apply(rng: Rng, files: dict[str, bytes]) -> str:
        target = _pick(rng, mini.NAMES)
        files[target], what = change(rng, files[target])
        return f"{target}: {what}"

    return apply


def _cut(rng: Rng, data: bytes) -> tuple[bytes, str]:
    at = int(rng.integers(len(data)))
    return data[:at], f"cut at byte {at} of {len(data)}"


def _flip(rng: Rng, data: bytes) -> tuple[bytes, str]:
    at = int(rng.integers(132, min(len(data), 4000)))
    bit = 1 << int(rng.integers(8))
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :], f"bit {bit} of byte {at}"


def _length(rng: Rng, data: bytes) -> tuple[bytes, str]:
    at, _, length = _pick(rng, offsets(data))
    wrong = _pick(rng, (length + 2, max(length - 2, 0), 0, 0xFFFFFFFE, 0xFFFFFFFF, length ^ 0x100, 2**31))
    return data[: at + 4] + struct.pack("<I", wrong) + data[at + 8 :], f"length {length} -> {wrong} at byte {at}"


def _delete(rng: Rng, data: bytes) -> tuple[bytes, str]:
    at, n = int(rng.integers(len(data))), int(rng.integers(1, 64))
    return data[:at] + data[at + n :], f"{n} bytes lost at {at}"


def _insert(rng: Rng, data: bytes) -> tuple[bytes, str]:
    at, extra = int(rng.integers(len(data))), rng.bytes(int(rng.integers(1, 32)))
    return data[:at] + extra + data[at:], f"{len(extra)} bytes more at {at}"


def _zeros(rng: Rng, data: bytes) -> tuple[bytes, str]:
    at, n = int(rng.integers(132, len(data))), int(rng.integers(8, 512))
    return data[:at] + bytes(len(data[at : at + n])) + data[at + n :], f"{n} bytes zeroed at {at}"


def _doubled(rng: Rng, data: bytes) -> tuple[bytes, str]:
    at, header, length = _pick(rng, offsets(data))
    end = at + header + length
    group, element = struct.unpack_from("<HH", data, at)
    what = keyword_for_tag((group << 16) | element)
    return data[:end] + data[at:end] + data[end:], f"{what} twice"


def _on_element(change: Callable[[Rng, Place], str | None]) -> Callable[[Rng, dict[str, bytes]], str]:
    def apply(rng: Rng, files: dict[str, bytes]) -> str:
        for _ in range(200):
            target = _pick(rng, mini.NAMES)
            ds = dcmread(BytesIO(files[target]))
            place = _pick(rng, list(elements(ds)))
            what = change(rng, place)
            if what is not None:
                files[target] = written(files[target], ds)
                return f"{target}: {place.keyword} {what}"
        raise AssertionError("no element of this kind was found")

    return apply


def _removed(rng: Rng, place: Place) -> str:
    del rng
    del place.holder[place.tag]
    return "removed"


def _emptied(rng: Rng, place: Place) -> str:
    del rng
    if vr_of(place.tag) == "SQ":
        place.holder[place.tag] = DataElement(place.tag, "SQ", Items([]))
    else:
        _put(place, b"")
    return "emptied"


def _put(place: Place, raw: bytes) -> None:
    value = raw + b" " * (len(raw) % 2)
    place.holder[place.tag] = RawDataElement(place.tag, None, len(value), value, 0, True, True)


def _raw(place: Place) -> bytes:
    return _bytes(place.holder.get_item(place.tag).value)


def _number(rng: Rng, place: Place) -> str | None:
    vr = vr_of(place.tag)
    if vr == "US":
        value = int(_pick(rng, (0, 1, 7, 65535)))
        _put(place, struct.pack("<H", value))
        return f"= {value}"
    if vr not in {"DS", "IS"}:
        return None
    parts = _raw(place).split(b"\\")
    at = int(rng.integers(len(parts)))
    parts[at] = _pick(rng, NUMBERS)
    _put(place, b"\\".join(parts))
    return f"component {at} = {parts[at]!r}"


def _text(rng: Rng, place: Place) -> str | None:
    if vr_of(place.tag) not in {"CS", "LO", "SH", "PN", "ST", "LT", "DA", "TM"}:
        return None
    text = _pick(rng, TEXTS)
    _put(place, text)
    return f"= {text!r}"


def _uid(rng: Rng, place: Place) -> str | None:
    if vr_of(place.tag) != "UI":
        return None
    other = _pick(rng, (build.uid(1), build.uid(2), build.uid(3), build.uid(5), "2.25.4242", "1.2..3", ""))
    if _raw(place).strip(b" \0").decode() == other:
        return None
    _put(place, other.encode())
    return f"= {other}"


def _on_items(keyword: str, change: Callable[[Rng, list[Dataset]], str]) -> Callable[[Rng, dict[str, bytes]], str]:
    def apply(rng: Rng, files: dict[str, bytes]) -> str:
        ds = dcmread(BytesIO(files["rs.dcm"]))
        if keyword == "ContourSequence":
            n = int(rng.integers(len(ds.ROIContourSequence)))
            holder, where = ds.ROIContourSequence[n], f"contours of ROI {n + 1}"
        else:
            holder, where = ds, keyword
        items = list(getattr(holder, keyword))
        what = change(rng, items)
        setattr(holder, keyword, Items(items))
        files["rs.dcm"] = written(files["rs.dcm"], ds)
        return f"{where}: {what}"

    return apply


def _drop_item(rng: Rng, items: list[Dataset]) -> str:
    at = int(rng.integers(len(items)))
    del items[at]
    return f"item {at + 1} dropped"


def _drop_many(rng: Rng, items: list[Dataset]) -> str:
    first = int(rng.integers(len(items)))
    n = int(rng.integers(1, len(items) + 1))
    del items[first : first + n]
    return f"{n} items from {first + 1} dropped"


def _double_item(rng: Rng, items: list[Dataset]) -> str:
    at = int(rng.integers(len(items)))
    items.insert(at, items[at])
    return f"item {at + 1} twice"


def _shuffle(rng: Rng, items: list[Dataset]) -> str:
    rng.shuffle(items)  # type: ignore[arg-type]
    return "items shuffled"


def _relabelled(rng: Rng, files: dict[str, bytes]) -> str:
    ds = dcmread(BytesIO(files["rd.dcm"]))
    label = _pick(rng, ("HFP", "FFS", "FFP", "HFDL", "HFDR", "FFDL", "FFDR"))
    ds.ImageOrientationPatient = build.decimals(np.array(build.ORIENTATIONS[label]))
    files["rd.dcm"] = build.to_bytes(ds)
    return label


def _scaling(rng: Rng, files: dict[str, bytes]) -> str:
    ds = dcmread(BytesIO(files["rd.dcm"]))
    factor = float(_pick(rng, (1 / 3, 0.5, 2.0, 3.0, 100.0, 0.01, 1e-6, 5.0)))
    ds.DoseGridScaling = f"{float(ds.DoseGridScaling) * factor:.9e}"
    files["rd.dcm"] = build.to_bytes(ds)
    return f"x {factor:g}"


def _mixed(rng: Rng, files: dict[str, bytes]) -> str:
    """One file of another plan among the three."""
    target = _pick(rng, mini.NAMES)
    ds = dcmread(BytesIO(files[target]))
    for keyword in ("SOPInstanceUID", "FrameOfReferenceUID", "StudyInstanceUID"):
        if keyword in ds:
            setattr(ds, keyword, f"2.25.{int(rng.integers(10**6))}")
    files[target] = build.to_bytes(ds)
    return f"{target} has the UIDs of another plan"


KINDS: dict[str, Callable[[Rng, dict[str, bytes]], str]] = {
    "bytes cut off": _byte_damage("cut", _cut),
    "bit flipped": _byte_damage("flip", _flip),
    "length changed": _byte_damage("length", _length),
    "bytes lost": _byte_damage("lost", _delete),
    "bytes added": _byte_damage("added", _insert),
    "bytes zeroed": _byte_damage("zeroed", _zeros),
    "element doubled": _byte_damage("doubled", _doubled),
    "element removed": _on_element(_removed),
    "element emptied": _on_element(_emptied),
    "number replaced": _on_element(_number),
    "text replaced": _on_element(_text),
    "UID replaced": _on_element(_uid),
    "contour dropped": _on_items("ContourSequence", _drop_item),
    "contours dropped": _on_items("ContourSequence", _drop_many),
    "contour doubled": _on_items("ContourSequence", _double_item),
    "contours shuffled": _on_items("ContourSequence", _shuffle),
    "ROI dropped": _on_items("StructureSetROISequence", _drop_item),
    "ROI doubled": _on_items("StructureSetROISequence", _double_item),
    "ROIs shuffled": _on_items("StructureSetROISequence", _shuffle),
    "ROI contours dropped": _on_items("ROIContourSequence", _drop_item),
    "ROI contours shuffled": _on_items("ROIContourSequence", _shuffle),
    "orientation relabelled": _relabelled,
    "dose scaling changed": _scaling,
    "objects of two plans": _mixed,
}


def damage(seed: int, base: str) -> Damaged:
    """The damaged files of a base; each seed gives one damage, kinds in turn."""
    kind = list(KINDS)[seed % len(KINDS)]
    rng = np.random.default_rng([seed, mini.BASES.index(base)])
    files = dict(mini.files(base))
    what = KINDS[kind](rng, files)
    changed = [name for name in mini.NAMES if files[name] != mini.files(base)[name]]
    return Damaged(kind, what, changed[0] if changed else "", files)
