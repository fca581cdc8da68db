"""What the bytes of one DICOM file say before any of them is decoded.

A DICOM library reads most truncated files in silence, inflates compressed data sets and recurses into nested
sequences. Here every length is checked against its parent by a loop that allocates nothing, so that what is decoded
afterwards is known to be whole, shallow and uncompressed.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import lru_cache

from sbrtcheck.errors import refuse

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
MAX_DEPTH = 12
MAX_ELEMENTS = 1_000_000

_PREAMBLE = 132
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXEL_DATA = 0x7FE00010
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*\Z")
# PS3.5 section 7.1.2: these carry two reserved bytes and a 32 bit length, the others a 16 bit length.
_LONG_VR = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT_VR = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_NAMES = {
    "1.2.840.10008.1.2.1.99": "deflated",
    "1.2.840.10008.1.2.2": "explicit VR big endian, retired",
    "1.2.840.10008.1.2.5": "RLE",
}


@dataclass(frozen=True, slots=True)
class Meta:
    """File meta information: SOP class and instance, transfer syntax, and where the data set starts [bytes]."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_start: int


def has_preamble(head: bytes) -> bool:
    """True if a file starts as DICOM Part 10 says: 128 free bytes, then DICM."""
    return head[128:_PREAMBLE] == b"DICM"


def bare_sop_class(head: bytes) -> str | None:
    """SOP Class UID of a data set that starts at the first byte, without preamble; None if these are no such bytes.

    Only used to say which object a file without file meta information is; such a file is never read.
    An empty string means that the bytes look like DICOM but name no class.
    """
    position, seen, n_elements = 0, 0, 0
    while position + 8 <= len(head):
        group, element, length = struct.unpack_from("<HHI", head, position)
        tag = group << 16 | element
        if group not in {2, 8} or tag <= seen:
            break
        vr, size = head[position + 4 : position + 6], 8
        if vr in _SHORT_VR:
            length = struct.unpack_from("<H", head, position + 6)[0]
        elif vr in _LONG_VR and position + 12 <= len(head):
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
        if vr in _LONG_VR and position + 12 <= len(head):
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

    Raises:
        RefusedError: E-NO-META without preamble or without the three UIDs; E-TRUNCATED when it is cut;
            E-TRANSFER-SYNTAX for anything but implicit and explicit VR little endian.
    """
    if not has_preamble(data):
        raise refuse("E-NO-META", name)
    values: dict[int, str] = {}
    position, last = _PREAMBLE, 0
    while position < len(data) and data[position : position + 2] == b"\x02\x00":
        if position + 8 > len(data):
            raise refuse("E-TRUNCATED", name, detail="the file meta information is cut")
        _, element, vr, length = struct.unpack_from("<HH2sH", data, position)
        size = 8
        if vr in _LONG_VR:
            if position + 12 > len(data):
                raise refuse("E-TRUNCATED", name, detail="the file meta information is cut")
            length, size = struct.unpack_from("<I", data, position + 8)[0], 12
        elif vr not in _SHORT_VR:
            raise refuse("E-PARSE", name, tag=f"(0002,{element:04X})", seen=vr.decode("latin-1"), detail="unknown VR")
        if position + size + length > len(data):
            raise refuse("E-TRUNCATED", name, tag=f"(0002,{element:04X})", seen=f"length {length}")
        if position > _PREAMBLE and element <= last:
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
    if syntax not in {IMPLICIT_LITTLE, EXPLICIT_LITTLE}:
        shown = f"{syntax} ({_NAMES[syntax]})" if syntax in _NAMES else syntax
        raise refuse("E-TRANSFER-SYNTAX", name, tag="(0002,0010) TransferSyntaxUID", seen=shown)
    return Meta(values[0x02], values[0x03], syntax, position)


def scan(data: bytes, meta: Meta, name: str) -> dict[int, tuple[int, int]]:
    """Walk the whole data set and return its top-level elements as {tag: (offset, length)}.

    Held here: every length fits its parent; at most 12 sequences deep and 1 000 000 elements; tags rise strictly;
    SOP Class and SOP Instance UID are those of the file meta information and valid UIDs.

    Raises:
        RefusedError: E-TRUNCATED, E-NESTING, E-TOO-LARGE, E-DUPLICATE-ELEMENT, E-PARSE, E-SOP-CLASS, E-UID-MISMATCH,
            E-UID.
    """
    top = _walk(data, meta, name)
    for tag, expected, code, keyword in (
        (_SOP_CLASS, meta.sop_class_uid, "E-SOP-CLASS", "SOPClassUID"),
        (_SOP_INSTANCE, meta.sop_instance_uid, "E-UID-MISMATCH", "SOPInstanceUID"),
    ):
        shown = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"
        if tag not in top:
            raise refuse("E-MISSING", name, tag=shown)
        offset, length = top[tag]
        value = _text(data[offset : offset + min(length, 256)])
        if not is_uid(value):
            raise refuse("E-UID", name, tag=shown, seen=value)
        if value != expected:
            raise refuse(code, name, tag=shown, seen=f"{value}, file meta: {expected}")
    return top


def is_uid(text: str) -> bool:
    """True for a DICOM UID: digits and dots, at most 64 characters (PS3.5 section 9)."""
    return len(text) <= 64 and _UID.match(text) is not None


def _text(raw: bytes) -> str:
    """A UID as text; one padding byte is allowed at its end."""
    return raw.decode("latin-1").removesuffix("\0").strip(" ")


@lru_cache(maxsize=1)
def _sequence_tags() -> frozenset[int]:
    """Tags that hold a sequence by the data dictionary: implicit VR does not say so itself."""
    from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]

    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


def _tag(tag: int) -> str:
    from pydicom.datadict import keyword_for_tag

    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword_for_tag(tag)}".rstrip()


def _walk(data: bytes, meta: Meta, name: str) -> dict[int, tuple[int, int]]:
    """The loop of :func:`scan`. ``stack`` holds the enclosing frames: no recursion, whatever the file says."""
    sequence_tags = _sequence_tags()
    header = struct.Struct("<HHI").unpack_from
    top: dict[int, tuple[int, int]] = {}
    stack: list[tuple[bool, bool, int, bool, int, int]] = []
    explicit = meta.transfer_syntax_uid == EXPLICIT_LITTLE
    position, end = meta.data_set_start, len(data)
    in_sequence, undefined, last, depth, n_elements, opened = False, False, -1, 0, 0, 0
    if not explicit and position + 6 <= end and data[position + 4 : position + 6].isalpha():
        # pydicom takes such a first element for explicit VR; two readings of one file are one too many.
        raise refuse("E-PARSE", name, detail="the data set does not look like its transfer syntax")
    while True:
        if position == end and not undefined:
            if not stack:
                return top
            depth -= in_sequence
            in_sequence, undefined, last, explicit, end, opened = stack.pop()
            continue
        if position + 8 > end:
            raise refuse("E-TRUNCATED", name, tag=_tag(max(last, opened, 0)), seen=f"{end - position} bytes left")
        group, element, length = header(data, position)
        tag = group << 16 | element
        if in_sequence:
            if tag == _SEQUENCE_END and undefined and length == 0:
                position += 8
                depth -= 1
                resume = stack.pop()
                in_sequence, undefined, last, explicit, end, opened = resume
            elif tag == _ITEM:
                n_elements += 1
                position += 8
                stack.append((in_sequence, undefined, last, explicit, end, opened))
                in_sequence, undefined, last = False, length == _UNDEFINED, -1
                if not undefined:
                    if position + length > end:
                        raise refuse("E-TRUNCATED", name, tag=_tag(opened), seen=f"item of {length} bytes")
                    end = position + length
            else:
                raise refuse("E-TRUNCATED", name, tag=_tag(opened), seen=_tag(tag), detail="not an item")
        elif group == 0xFFFE:
            if tag != _ITEM_END or not undefined or length:
                raise refuse("E-TRUNCATED", name, tag=_tag(max(last, 0)), seen=_tag(tag), detail="stray delimiter")
            position += 8
            in_sequence, undefined, last, explicit, end, opened = stack.pop()
        else:
            if tag <= last:
                raise refuse("E-DUPLICATE-ELEMENT", name, tag=_tag(tag), seen=f"after {_tag(last)}")
            last = tag
            n_elements += 1
            size = 8
            inner_explicit = explicit
            if explicit:
                vr = data[position + 4 : position + 6]
                if vr in _SHORT_VR:
                    length >>= 16
                elif vr in _LONG_VR:
                    if position + 12 > end:
                        raise refuse("E-TRUNCATED", name, tag=_tag(tag))
                    length, size = struct.unpack_from("<I", data, position + 8)[0], 12
                else:
                    raise refuse("E-PARSE", name, tag=_tag(tag), seen=vr.decode("latin-1"), detail="unknown VR")
                is_sequence = vr == b"SQ" or (vr == b"UN" and (length == _UNDEFINED or tag in sequence_tags))
                # PS3.5 section 6.2.2: what stands inside UN is implicit VR little endian.
                inner_explicit = vr != b"UN"
            else:
                is_sequence = tag in sequence_tags or (length == _UNDEFINED and tag != _PIXEL_DATA)
            position += size
            if length == _UNDEFINED and not is_sequence:
                raise refuse("E-TRUNCATED", name, tag=_tag(tag), detail="an undefined length outside a sequence")
            if length != _UNDEFINED and position + length > end:
                raise refuse("E-TRUNCATED", name, tag=_tag(tag), seen=f"length {length}, {end - position} bytes left")
            if not stack:
                top[tag] = (position, length)
            if is_sequence:
                depth += 1
                if depth > MAX_DEPTH:
                    raise refuse("E-NESTING", name, tag=_tag(tag), seen=f"more than {MAX_DEPTH} levels")
                stack.append((in_sequence, undefined, last, explicit, end, opened))
                in_sequence, undefined, explicit, opened = True, length == _UNDEFINED, inner_explicit, tag
                if not undefined:
                    end = position + length
            else:
                position += length
        if n_elements > MAX_ELEMENTS:
            raise refuse("E-TOO-LARGE", name, seen=f"more than {MAX_ELEMENTS} elements")
