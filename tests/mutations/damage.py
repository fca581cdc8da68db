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

from mutations import bases

Rng = np.random.Generator
NUMBERS = (b"nan", b"inf", b"-inf", b"1e400", b"0", b"-1", b"1e9", b"", b"abc", b"1,5", b"1_000", "５４".encode())
LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
EXPLICIT_LITTLE_ENDIAN = b"1.2.840.10008.1.2.1\0"
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


def _start(data: bytes) -> int:
    """Where the data set begins: after the preamble and the file meta, whose length stands in its first element."""
    return 144 + int(struct.unpack_from("<I", data, 140)[0])


def is_explicit(data: bytes) -> bool:
    """Whether a file is in explicit VR; else it is in implicit VR."""
    return EXPLICIT_LITTLE_ENDIAN in data[: _start(data)]


def written(original: bytes, ds: Dataset) -> bytes:
    """A file in the VR of the original with the bytes of every element: the library's writer would mend them."""
    return original[: _start(original)] + _body(ds, explicit=is_explicit(original))


def _bytes(value: Any) -> bytes:
    """The library decodes a few elements by itself while it reads."""
    if isinstance(value, bytes) or value is None:
        return value or b""
    if isinstance(value, int):
        return struct.pack("<H", value)
    text = str(value) if isinstance(value, str | float) else "\\".join(map(str, value))
    return text.encode() + b" " * (len(text.encode()) % 2)


def _body(ds: Dataset, *, explicit: bool) -> bytes:
    out = []
    for tag in sorted(ds.keys()):
        element = ds.get_item(tag)
        if vr_of(tag) == "SQ":
            items = [_body(item, explicit=explicit) for item in ds[tag].value]
            value = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
        else:
            value = _bytes(element.value)
        out.append(_header(tag, "SQ" if vr_of(tag) == "SQ" else element.VR or vr_of(tag), len(value), explicit) + value)
    return b"".join(out)


def _header(tag: Any, vr: str, length: int, explicit: bool) -> bytes:
    start = struct.pack("<HH", tag.group, tag.element)
    if not explicit:
        return start + struct.pack("<I", length)
    if vr in LONG_VRS:
        return start + vr.encode() + struct.pack("<HI", 0, length)
    return start + vr.encode() + struct.pack("<H", length)


@dataclass(frozen=True)
class Header:
    """A top-level element in the bytes of a file: offset, bytes of its header and its value, width of its length."""

    at: int
    n_header: int
    n_value: int
    width: int


def offsets(data: bytes) -> list[Header]:
    """The top-level elements of a file, up to the first of undefined length."""
    position, explicit = _start(data), is_explicit(data)
    out = []
    while position + 8 <= len(data):
        n_header, width = 8, 4
        if explicit:
            long = data[position + 4 : position + 6].decode("latin-1") in LONG_VRS
            n_header, width = (12, 4) if long else (8, 2)
        length = int.from_bytes(data[position + n_header - width : position + n_header], "little")
        if width == 4 and length == 0xFFFFFFFF:
            break
        out.append(Header(position, n_header, length, width))
        position += n_header + length
    return out


def _pick(rng: Rng, items: Any) -> Any:
    return items[int(rng.integers(len(items)))]


def _of_kind(rng: Rng, files: Mapping[str, bytes], *starts: str) -> str:
    """The name of one file whose name starts so."""
    names = [name for name in files if name.startswith(starts)]
    return names[0] if len(names) == 1 else str(_pick(rng, names))


def _byte_damage(change: Callable[[Rng, bytes], tuple[bytes, str]]) -> Callable[[Rng, dict[str, bytes]], str]:
    def apply(rng: Rng, files: dict[str, bytes]) -> str:
        target = _pick(rng, list(files))
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
    found = _pick(rng, offsets(data))
    length, end = found.n_value, found.at + found.n_header
    wrong = _pick(rng, (length + 2, max(length - 2, 0), 0, 0xFFFFFFFE, 0xFFFFFFFF, length ^ 0x100, 2**31))
    wrong %= 1 << 8 * found.width
    put = wrong.to_bytes(found.width, "little")
    return data[: end - found.width] + put + data[end:], f"length {length} -> {wrong} at byte {found.at}"


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
    found = _pick(rng, offsets(data))
    at, end = found.at, found.at + found.n_header + found.n_value
    group, element = struct.unpack_from("<HH", data, at)
    what = keyword_for_tag((group << 16) | element)
    return data[:end] + data[at:end] + data[end:], f"{what} twice"


def _on_element(change: Callable[[Rng, Place], str | None]) -> Callable[[Rng, dict[str, bytes]], str]:
    return lambda rng, files: _hit(rng, files, change)


def _hit(rng: Rng, files: dict[str, bytes], change: Callable[[Rng, Place], str | None]) -> str:
    """Change one element, whichever is found that can be changed so."""
    for _ in range(40):
        target = _pick(rng, list(files))
        ds = dcmread(BytesIO(files[target]))
        places = list(elements(ds))
        for _ in range(200):
            place = _pick(rng, places)
            what = change(rng, place)
            if what is not None:
                files[target] = written(files[target], ds)
                return f"{target}: {place.keyword} {what}"
    raise AssertionError("no element of this kind was found")


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
    vr = place.holder.get_item(place.tag).VR
    place.holder[place.tag] = RawDataElement(place.tag, vr, len(value), value, 0, vr is None, True)


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


def _uid(rng: Rng, files: dict[str, bytes]) -> str:
    """Another UID of the same plan, an unknown one, or none."""
    own: dict[str, None] = {}
    for data in files.values():
        ds = dcmread(BytesIO(data), specific_tags=["SOPInstanceUID", "FrameOfReferenceUID", "StudyInstanceUID"])
        own.update(dict.fromkeys(str(element.value) for element in ds))
    others = (*own, "2.25.4242", "1.2..3", "")

    def change(rng: Rng, place: Place) -> str | None:
        if vr_of(place.tag) != "UI":
            return None
        other = _pick(rng, others)
        if _raw(place).strip(b" \0").decode() == other:
            return None
        _put(place, other.encode())
        return f"= {other}"

    return _hit(rng, files, change)


def _on_items(keyword: str, change: Callable[[Rng, list[Dataset]], str]) -> Callable[[Rng, dict[str, bytes]], str]:
    def apply(rng: Rng, files: dict[str, bytes]) -> str:
        target = _of_kind(rng, files, "rs", "RTSTRUCT")
        ds = dcmread(BytesIO(files[target]))
        if keyword == "ContourSequence":
            n = int(rng.integers(len(ds.ROIContourSequence)))
            holder, where = ds.ROIContourSequence[n], f"contours of ROI {n + 1}"
        else:
            holder, where = ds, keyword
        items = list(getattr(holder, keyword))
        what = change(rng, items)
        setattr(holder, keyword, Items(items))
        files[target] = written(files[target], ds)
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
    target = _of_kind(rng, files, "rd", "RTDOSE")
    ds = dcmread(BytesIO(files[target]))
    label = _pick(rng, ("HFP", "FFS", "FFP", "HFDL", "HFDR", "FFDL", "FFDR"))
    ds.ImageOrientationPatient = build.decimals(np.array(build.ORIENTATIONS[label]))
    files[target] = written(files[target], ds)
    return f"{target}: {label}"


def _scaling(rng: Rng, files: dict[str, bytes]) -> str:
    target = _of_kind(rng, files, "rd", "RTDOSE")
    ds = dcmread(BytesIO(files[target]))
    factor = float(_pick(rng, (1 / 3, 0.5, 2.0, 3.0, 100.0, 0.01, 1e-6, 5.0)))
    ds.DoseGridScaling = f"{float(ds.DoseGridScaling) * factor:.9e}"
    files[target] = written(files[target], ds)
    return f"{target}: x {factor:g}"


def _mixed(rng: Rng, files: dict[str, bytes]) -> str:
    """One file of another plan among those of a plan."""
    target = _pick(rng, list(files))
    ds = dcmread(BytesIO(files[target]))
    for keyword in ("SOPInstanceUID", "FrameOfReferenceUID", "StudyInstanceUID"):
        if keyword in ds:
            setattr(ds, keyword, f"2.25.{int(rng.integers(10**6))}")
    files[target] = build.to_bytes(ds, explicit=is_explicit(files[target]))
    return f"{target} has the UIDs of another plan"


KINDS: dict[str, Callable[[Rng, dict[str, bytes]], str]] = {
    "bytes cut off": _byte_damage(_cut),
    "bit flipped": _byte_damage(_flip),
    "length changed": _byte_damage(_length),
    "bytes lost": _byte_damage(_delete),
    "bytes added": _byte_damage(_insert),
    "bytes zeroed": _byte_damage(_zeros),
    "element doubled": _byte_damage(_doubled),
    "element removed": _on_element(_removed),
    "element emptied": _on_element(_emptied),
    "number replaced": _on_element(_number),
    "text replaced": _on_element(_text),
    "UID replaced": _uid,
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
    rng = np.random.default_rng([seed, bases.ALL.index(base)])
    files = dict(bases.files(base))
    what = KINDS[kind](rng, files)
    changed = [name for name in files if files[name] != bases.files(base)[name]]
    return Damaged(kind, what, changed[0] if changed else "", files)
