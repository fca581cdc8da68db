"""The walk over every element of a data set: lengths against parents, depth, number and order, nothing decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import lru_cache

from sbrtcheck.errors import RefusedError, refuse

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
MAX_DEPTH = 12
MAX_ELEMENTS = 1_000_000

# PS3.5 section 7.1.2: these carry two reserved bytes and a 32 bit length, the others a 16 bit length.
LONG_VR = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VR = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DELIMITERS = 0xFFFE
_PIXEL_DATA = 0x7FE00010
# Groups below this hold commands, file meta information and directories: none belongs into a data set.
_FIRST_GROUP = 8
_header = struct.Struct("<HHI").unpack_from
_long_length = struct.Struct("<I").unpack_from


@dataclass(slots=True)
class _Frame:
    """What encloses the bytes at hand: a data set or item with elements, a sequence with items, pixels in fragments."""

    end: int
    undefined: bool = False
    explicit: bool = False
    holds_items: bool = False
    fragments: bool = False
    opened: int = 0
    depth: int = 0
    last: int = 0
    seen: set[int] = field(default_factory=set)


class Walk:
    """One walk. No recursion, whatever the file says: ``stack`` holds the enclosing frames.

    Attributes:
        top: top-level elements, {tag: (offset, length)}; the length of pixels in fragments is undefined.
        out_of_order: the first element that stands after one of a higher tag, or None.
    """

    def __init__(self, data: bytes, *, start: int, syntax: str, name: str) -> None:
        self.data, self.name, self.position = data, name, start
        self.rle = syntax == RLE_LOSSLESS
        self.top: dict[int, tuple[int, int]] = {}
        self.out_of_order: int | None = None
        self.n_elements = 0
        self.stack: list[_Frame] = []
        self.frame = _Frame(end=len(data), explicit=syntax != IMPLICIT_LITTLE)
        self.sequence_tags = _sequence_tags()

    def run(self) -> dict[int, tuple[int, int]]:
        """Walk to the end of the file; the top-level elements.

        Raises:
            RefusedError: E-TRUNCATED, E-NESTING, E-TOO-LARGE, E-DUPLICATE-ELEMENT, E-PARSE.
        """
        self._looks_like_its_syntax()
        while True:
            frame = self.frame
            if self.position == frame.end and not frame.undefined:
                if not self.stack:
                    return self.top
                self.frame = self.stack.pop()
                continue
            if self.position + 8 > frame.end:
                raise self._cut(max(frame.last, frame.opened), f"{frame.end - self.position} bytes left")
            group, element, length = _header(self.data, self.position)
            tag = group << 16 | element
            if frame.holds_items:
                self._item(tag, length)
            elif group == _DELIMITERS:
                self._end_of_item(tag, length)
            else:
                self._element(tag, length)
            if self.n_elements > MAX_ELEMENTS:
                raise refuse("E-TOO-LARGE", self.name, seen=f"more than {MAX_ELEMENTS} elements")

    def _looks_like_its_syntax(self) -> None:
        """pydicom takes a first element with letters for explicit VR; two readings of one file are one too many."""
        if not self.frame.explicit and self.data[self.position + 4 : self.position + 6].isalpha():
            raise refuse("E-PARSE", self.name, detail="the data set does not look like its transfer syntax")

    def _cut(self, tag: int, seen: str = "", detail: str = "") -> RefusedError:
        return refuse("E-TRUNCATED", self.name, tag=tag_text(tag), seen=seen, detail=detail)

    def _item(self, tag: int, length: int) -> None:
        """One item, or the end, of a sequence or of pixels in fragments."""
        frame = self.frame
        self.position += 8
        if tag == _SEQUENCE_END and frame.undefined and length == 0:
            self.frame = self.stack.pop()
            return
        if tag != _ITEM:
            raise self._cut(frame.opened, tag_text(tag), "not an item")
        self.n_elements += 1
        undefined = length == _UNDEFINED
        if not undefined and self.position + length > frame.end:
            raise self._cut(frame.opened, f"item of {length} bytes")
        if frame.fragments:
            if undefined:
                raise self._cut(frame.opened, detail="a fragment of undefined length")
            self.position += length
            return
        end = frame.end if undefined else self.position + length
        self.stack.append(frame)
        self.frame = _Frame(end, undefined, frame.explicit, opened=frame.opened, depth=frame.depth)

    def _end_of_item(self, tag: int, length: int) -> None:
        if tag != _ITEM_END or not self.frame.undefined or length:
            raise self._cut(self.frame.last, tag_text(tag), "stray delimiter")
        self.position += 8
        self.frame = self.stack.pop()

    def _element(self, tag: int, length: int) -> None:
        frame = self.frame
        self._in_order(tag)
        self.n_elements += 1
        if frame.explicit:
            length, size, is_sequence, inner_explicit = self._explicit(tag)
        else:
            size, inner_explicit = 8, False
            is_sequence = tag in self.sequence_tags or (length == _UNDEFINED and tag != _PIXEL_DATA)
        self.position += size
        undefined = length == _UNDEFINED
        fragments = undefined and tag == _PIXEL_DATA and self.rle and not self.stack
        if undefined and not is_sequence and not fragments:
            raise self._cut(tag, detail="an undefined length outside a sequence")
        if not undefined and self.position + length > frame.end:
            raise self._cut(tag, f"length {length}, {frame.end - self.position} bytes left")
        if not self.stack:
            self.top[tag] = (self.position, length)
        if not is_sequence and not fragments:
            self.position += length
            return
        end, depth = frame.end if undefined else self.position + length, frame.depth + 1
        if depth > MAX_DEPTH:
            raise refuse("E-NESTING", self.name, tag=tag_text(tag), seen=f"more than {MAX_DEPTH} levels")
        self.stack.append(frame)
        self.frame = _Frame(end, undefined, inner_explicit, True, fragments, opened=tag, depth=depth)

    def _in_order(self, tag: int) -> None:
        """Every element once. Out of order only what the data dictionary knows: random bytes seldom are."""
        frame = self.frame
        if tag >> 16 < _FIRST_GROUP:
            raise refuse("E-PARSE", self.name, tag=tag_text(tag), detail="no element of a data set")
        if tag in frame.seen:
            raise refuse("E-DUPLICATE-ELEMENT", self.name, tag=tag_text(tag), seen=f"after {tag_text(frame.last)}")
        if tag < frame.last:
            if not _is_known(tag):
                seen = f"after {tag_text(frame.last)}"
                raise refuse("E-PARSE", self.name, tag=tag_text(tag), seen=seen, detail="unknown, and out of order")
            self.out_of_order = self.out_of_order or tag
        frame.seen.add(tag)
        frame.last = tag

    def _explicit(self, tag: int) -> tuple[int, int, bool, bool]:
        """Length, size of the header, whether a sequence, and whether what is in it is explicit VR."""
        vr = self.data[self.position + 4 : self.position + 6]
        if vr in SHORT_VR:
            length, size = _header(self.data, self.position)[2] >> 16, 8
        elif vr in LONG_VR:
            if self.position + 12 > self.frame.end:
                raise self._cut(tag)
            length, size = _long_length(self.data, self.position + 8)[0], 12
        else:
            raise refuse("E-PARSE", self.name, tag=tag_text(tag), seen=vr.decode("latin-1"), detail="unknown VR")
        is_sequence = vr == b"SQ" or (vr == b"UN" and (length == _UNDEFINED or tag in self.sequence_tags))
        # PS3.5 section 6.2.2: what stands inside UN is implicit VR little endian.
        return length, size, is_sequence, vr != b"UN"


@lru_cache(maxsize=1)
def _sequence_tags() -> frozenset[int]:
    """Tags that hold a sequence by the data dictionary: implicit VR does not say so itself."""
    from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]

    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


def _is_known(tag: int) -> bool:
    from pydicom.datadict import dictionary_has_tag

    return dictionary_has_tag(tag)


def tag_text(tag: int) -> str:
    """``(3004,0002) DoseUnits`` for a tag."""
    from pydicom.datadict import keyword_for_tag

    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword_for_tag(tag)}".rstrip()
