"""What the bytes of one DICOM file say before any of them is decoded.

A DICOM library reads most truncated files in silence, inflates compressed data sets and recurses into nested
sequences. Here every length is checked against its parent by a loop without recursion, so that what is decoded
afterwards is known to be whole, shallow and of known size.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from sbrtcheck.errors import refuse
from sbrtcheck.read.dicom.walk import IMPLICIT_LITTLE, LONG_VR, RLE_LOSSLESS, SHORT_VR, Walk

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"

_PREAMBLE = 132
_HEAD_BYTES = 8192
_META_START = b"\x02\x00\x00\x00UL"
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*\Z")
_READ = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, RLE_LOSSLESS})
_NAMES = {
    "1.2.840.10008.1.2.2": "explicit VR big endian, retired",
}


@dataclass(frozen=True, slots=True)
class Meta:
    """File meta information: SOP class and instance, transfer syntax, and where the data set starts [bytes].

    Class and instance are empty where there is no file meta information.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_start: int


def has_preamble(head: bytes) -> bool:
    """True if a file starts as DICOM Part 10 says: 128 free bytes, then DICM."""
    return head[128:_PREAMBLE] == b"DICM"


def bare_sop_class(head: bytes) -> str | None:
    """SOP Class UID of a data set that starts at the first byte, without preamble; None if these are no such bytes.

    Says which object a file without file meta information may be, before its whole length is walked. An empty string
    means that the bytes look like DICOM but name no class.
    """
    position, seen, n_elements = 0, 0, 0
    while position + 8 <= len(head):
        group, element, length = struct.unpack_from("<HHI", head, position)
        tag = group << 16 | element
        if group not in {2, 8} or tag <= seen:
            break
        vr, size = head[position + 4 : position + 6], 8
        if vr in SHORT_VR:
            length = struct.unpack_from("<H", head, position + 6)[0]
        elif vr in LONG_VR and position + 12 <= len(head):
            length, size = struct.unpack_from("<I", head, position + 8)[0], 12
        if length > 4096:
            break
        if tag == _SOP_CLASS:
            return _text(head[position + size : position + size + length])
        seen, position, n_elements = tag, position + size + length, n_elements + 1
    # A single pair of fitting numbers may be chance in a file of another kind.
    return "" if n_elements > 1 else None


def head_sop_classes(head: bytes) -> tuple[str | None, str | None]:
    """SOP Class UID of the file meta information and of the data set, from the first bytes of a file.

    None for what these bytes do not reach, or do not show uncompressed and little endian.
    """
    position, sop_class = _PREAMBLE, None
    while position + 8 <= len(head):
        group, element, vr, length = struct.unpack_from("<HH2sH", head, position)
        size = 8
        if vr in LONG_VR and position + 12 <= len(head):
            length, size = struct.unpack_from("<I", head, position + 8)[0], 12
        if group != 2:
            return sop_class, bare_sop_class(head[position:]) or None
        if position + size + length > len(head):
            break
        if element == 2:
            sop_class = _text(head[position + size : position + size + length])
        position += size + length
    return sop_class, None


def read_meta(data: bytes, name: str) -> Meta:
    """The file meta information, held to the allow-list of transfer syntaxes.

    A file that begins with its data set, as Monaco and XiO write it, is implicit VR little endian or not read.

    Raises:
        RefusedError: E-NO-META without the three UIDs; E-TRUNCATED when it is cut;
            E-TRANSFER-SYNTAX for anything but implicit, explicit and deflated VR little endian and RLE lossless.
    """
    if not has_preamble(data) and not data.startswith(_META_START):
        return _without_meta(data, name)
    values: dict[int, str] = {}
    start = _PREAMBLE if has_preamble(data) else 0
    position, last = start, 0
    while position < len(data) and data[position : position + 2] == b"\x02\x00":
        if position + 8 > len(data):
            raise refuse("E-TRUNCATED", name, detail="the file meta information is cut")
        _, element, vr, length = struct.unpack_from("<HH2sH", data, position)
        size = 8
        if vr in LONG_VR:
            if position + 12 > len(data):
                raise refuse("E-TRUNCATED", name, detail="the file meta information is cut")
            length, size = struct.unpack_from("<I", data, position + 8)[0], 12
        elif vr not in SHORT_VR:
            raise refuse("E-PARSE", name, tag=f"(0002,{element:04X})", seen=vr.decode("latin-1"), detail="unknown VR")
        if position + size + length > len(data):
            raise refuse("E-TRUNCATED", name, tag=f"(0002,{element:04X})", seen=f"length {length}")
        if position > start and element <= last:
            raise refuse("E-DUPLICATE-ELEMENT", name, tag=f"(0002,{element:04X})")
        if vr == b"UI":
            values[element] = _text(data[position + size : position + size + length])
        last = element
        position += size + length
    for element, keyword in (
        (0x10, "TransferSyntaxUID"),
        (0x02, "MediaStorageSOPClassUID"),
        (0x03, "MediaStorageSOPInstanceUID"),
    ):
        if not values.get(element):
            raise refuse("E-NO-META", name, tag=f"(0002,{element:04X}) {keyword}", detail="missing in the file meta")
    syntax = values[0x10]
    if syntax not in _READ:
        shown = f"{syntax} ({_NAMES[syntax]})" if syntax in _NAMES else syntax
        raise refuse("E-TRANSFER-SYNTAX", name, tag="(0002,0010) TransferSyntaxUID", seen=shown)
    return Meta(values[0x02], values[0x03], syntax, position)


def _without_meta(data: bytes, name: str) -> Meta:
    """What stands in for the meta of a file without any: nothing is guessed, explicit VR is not read so."""
    if not bare_sop_class(data[:_HEAD_BYTES]):
        raise refuse("E-NO-META", name, detail="neither file meta information nor a data set that names its SOP Class")
    if data[4:6] in SHORT_VR or data[4:6] in LONG_VR:
        raise refuse("E-NO-META", name, seen="explicit VR")
    return Meta("", "", IMPLICIT_LITTLE, 0)


@dataclass(frozen=True, slots=True)
class Scanned:
    """A data set that was walked to its end.

    Attributes:
        top: top-level elements, {tag: (offset, length)}.
        sop_class_uid, sop_instance_uid: as the data set says them.
        out_of_order: the first element that stands after one of a higher tag, or None.
    """

    top: dict[int, tuple[int, int]]
    sop_class_uid: str
    sop_instance_uid: str
    out_of_order: int | None


def scan(data: bytes, meta: Meta, name: str) -> Scanned:
    """Walk the whole data set.

    Held here: every length fits its parent; at most 12 sequences deep and 1 000 000 elements; no element twice; SOP
    Class and SOP Instance UID are valid UIDs, and the class is that of the file meta information. An element out of
    order must be one that the data dictionary knows: random bytes seldom are.

    Raises:
        RefusedError: E-TRUNCATED, E-NESTING, E-TOO-LARGE, E-DUPLICATE-ELEMENT, E-PARSE, E-SOP-CLASS, E-UID.
    """
    walk = Walk(data, start=meta.data_set_start, syntax=meta.transfer_syntax_uid, name=name)
    top = walk.run()
    values = {}
    for tag, keyword in ((_SOP_CLASS, "SOPClassUID"), (_SOP_INSTANCE, "SOPInstanceUID")):
        shown = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"
        if tag not in top:
            raise refuse("E-MISSING", name, tag=shown)
        offset, length = top[tag]
        values[tag] = _text(data[offset : offset + min(length, 256)])
        if not is_uid(values[tag]):
            raise refuse("E-UID", name, tag=shown, seen=values[tag])
    if meta.sop_class_uid and values[_SOP_CLASS] != meta.sop_class_uid:
        seen = f"{values[_SOP_CLASS]}, file meta: {meta.sop_class_uid}"
        raise refuse("E-SOP-CLASS", name, tag="(0008,0016) SOPClassUID", seen=seen)
    return Scanned(top, values[_SOP_CLASS], values[_SOP_INSTANCE], walk.out_of_order)


def is_uid(text: str) -> bool:
    """True for a DICOM UID: digits and dots, at most 64 characters (PS3.5 section 9)."""
    return len(text) <= 64 and _UID.match(text) is not None


def _text(raw: bytes) -> str:
    """A UID as text; one padding byte is allowed at its end."""
    return raw.decode("latin-1").removesuffix("\0").strip(" ")
