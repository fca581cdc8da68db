"""Strict reading of single attributes: a value is what DICOM allows, or a problem is noted and there is none.

pydicom accepts ``nan``, ``1e400``, ``1_000`` and full-width digits as decimal strings; here the raw bytes are matched
first. Components longer than the 16 bytes of PS3.5 are accepted: vendors write them and their value is not in doubt.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sbrtcheck.errors import Problem
from sbrtcheck.model import FloatArray
from sbrtcheck.read.dicom.labelled_text import is_mislabelled
from sbrtcheck.read.dicom.prescan import is_uid

# No possessive quantifiers (*+, ++, ?+): in Python 3.11.2, which Debian 12 has, they let "1e" and "1\2\" pass.
# The start of a component that is no decimal string: one look ahead each, for a value may have a million.
_NO_DECIMAL = re.compile(rb"(?:\A|\\)(?! *[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? *(?:\\|\Z))")
_DATE = re.compile(r"[0-9]{8}", re.ASCII)
_TIME = re.compile(r"[0-9]{6}", re.ASCII)
_INTEGER = re.compile(rb" *[+-]?\d{1,11} *\Z")
_NOT_FINITE = re.compile(rb" *[+-]?(?:nan|inf|infinity) *\Z", re.IGNORECASE)
_REPLACEMENT = "\ufffd"
# One damaged habit of an exporter is one finding, not ten thousand.
_MAX_OF_ONE_CODE = 25


def tag_name(keyword: str) -> str:
    """``(3004,0002) DoseUnits`` for a keyword."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    return keyword if tag is None else f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"


def parse_decimals(raw: bytes) -> FloatArray | tuple[str, str]:
    """All components of a DS value, shape (n,), or (error code, the component at fault).

    An empty component is not a number (E-NONFINITE), as are nan, inf and what overflows; anything else that is no
    decimal string is E-BAD-NUMBER.
    """
    raw = raw.removesuffix(b"\0")
    if not raw.strip(b" "):
        return np.empty(0)
    bad = _NO_DECIMAL.search(raw)
    if bad is not None:
        part = raw[bad.end() :].split(b"\\", 1)[0]
        code = "E-NONFINITE" if not part.strip() or _NOT_FINITE.match(part) else "E-BAD-NUMBER"
        return code, part[:40].decode("latin-1") or "(empty component)"
    values: FloatArray = np.fromstring(raw.replace(b" ", b"").decode("ascii"), dtype=float, sep="\\")
    if not np.all(np.isfinite(values)):
        place = int(np.flatnonzero(~np.isfinite(values))[0])
        return "E-NONFINITE", raw.split(b"\\")[place][:40].decode("latin-1")
    return values


@dataclass(slots=True)
class View:
    """One data set or sequence item, read by keyword.

    Problems go to ``found``, which all items of one file share; ``where`` is the path of this item in the file;
    ``transfer_syntax_uid`` that of the file, for pixels; ``character_set`` its labels, None where text is not held
    against them.
    An accessor that returns None or nothing has noted why, unless the attribute is simply absent or empty.
    """

    ds: Any
    name: str
    found: list[Problem] = field(default_factory=list)
    where: str = ""
    transfer_syntax_uid: str = ""
    character_set: tuple[str, ...] | None = None

    def note(self, code: str, keyword: str = "", seen: object = "", detail: str = "", remedy: str = "") -> None:
        """Note a problem of this attribute; beyond 25 of one code in one file no more are kept."""
        if sum(problem.code == code for problem in self.found) >= _MAX_OF_ONE_CODE:
            return
        tag = tag_name(keyword) if keyword else ""
        if self.where:
            tag = f"{tag} in {self.where}" if tag else self.where
        self.found.append(Problem(code, self.name, tag=tag, seen=str(seen), detail=detail, remedy=remedy))

    @property
    def refused(self) -> bool:
        """True once an error stands against this file."""
        return any(problem.is_error for problem in self.found)

    def present(self, keyword: str) -> bool:
        """True if the attribute is there, empty or not."""
        return keyword in self.ds

    def raw(self, keyword: str) -> bytes | None:
        """The undecoded bytes; None if absent or empty."""
        from pydicom.datadict import dictionary_VR, tag_for_keyword

        tag = tag_for_keyword(keyword)
        element: Any = None if tag is None else self.ds.get_item(tag)
        if tag is None or element is None:
            return None
        value = element.value
        if value is None or (isinstance(value, str | bytes) and not value):
            return None
        if element.VR == "US" and isinstance(value, int):
            # The decoder converts Pixel Representation by itself when it meets a value whose VR depends on it.
            value = struct.pack("<H", value)
        if not isinstance(value, bytes) or (element.VR not in {None, "UN"} and element.VR not in dictionary_VR(tag)):
            self.note("E-BAD-VALUE", keyword, f"VR {element.VR}", "wrong value representation")
            return None
        return value or None

    def _decoded(self, keyword: str) -> Any:
        """The element as the decoder gives it; None if absent or if it cannot be decoded."""
        if keyword not in self.ds:
            return None
        try:
            return self.ds[keyword]
        except Exception as error:
            # Values are decoded when first asked for, and whatever is raised then is the file's doing.
            self.note("E-PARSE", keyword, type(error).__name__)
            return None

    def numbers(self, keyword: str, count: int | None = None) -> FloatArray | None:
        """The components of a DS attribute, shape (n,); None if absent, empty or wrong."""
        raw = self.raw(keyword)
        if raw is None:
            return None
        values = parse_decimals(raw)
        if isinstance(values, tuple):
            self.note(values[0], keyword, values[1])
            return None
        if not values.size:
            return None
        if count is not None and values.size != count:
            self.note("E-BAD-VALUE", keyword, f"{values.size} values", f"{count} values are needed")
            return None
        return values

    def number(self, keyword: str) -> float | None:
        """One DS value; None if absent, empty or wrong."""
        values = self.numbers(keyword, 1)
        return None if values is None else float(values[0])

    def moment(self, *kinds: str) -> str:
        """The first of these dates, with its time: YYYYMMDD, or YYYYMMDDHHMMSS; "" where none is a date."""
        for kind in kinds:
            date, time = self.text(f"{kind}Date"), self.text(f"{kind}Time").partition(".")[0]
            if _DATE.fullmatch(date):
                return date + (time if _TIME.fullmatch(time) else "")
        return ""

    def integer(self, keyword: str) -> int | None:
        """One IS value; None if absent, empty or wrong."""
        raw = self.raw(keyword)
        if raw is None or not raw.removesuffix(b"\0").strip(b" "):
            return None
        raw = raw.removesuffix(b"\0")
        if _INTEGER.match(raw) is None:
            finite = _NOT_FINITE.match(raw) is None
            self.note("E-BAD-NUMBER" if finite else "E-NONFINITE", keyword, raw[:40].decode("latin-1"))
            return None
        value = int(raw)
        if abs(value) >= 2**31:
            self.note("E-BAD-NUMBER", keyword, value, "beyond 32 bits")
            return None
        return value

    def unsigned(self, keyword: str) -> int | None:
        """One US value; None if absent, empty or not exactly two bytes."""
        raw = self.raw(keyword)
        if raw is None:
            return None
        if len(raw) != 2:
            self.note("E-BAD-VALUE", keyword, f"{len(raw)} bytes", "one 16 bit number is needed")
            return None
        return int(struct.unpack("<H", raw)[0])

    def codes(self, keyword: str) -> tuple[str, ...]:
        """The components of a CS or UI attribute, without padding; () if absent or empty."""
        raw = self.raw(keyword)
        if raw is None:
            return ()
        text = raw.decode("latin-1").removesuffix("\0").strip(" ")
        return tuple(part.strip(" ") for part in text.split("\\")) if text else ()

    def code(self, keyword: str) -> str:
        """A CS or UI attribute as it stands, several components joined by backslashes; "" if absent or empty."""
        return "\\".join(self.codes(keyword))

    def uid(self, keyword: str) -> str:
        """A UI attribute; "" if absent, empty or no UID."""
        value = self.code(keyword)
        if value and not is_uid(value):
            self.note("E-UID", keyword, value)
            return ""
        return value

    def text(self, keyword: str) -> str:
        """Decoded text without outer spaces; undecodable bytes become U+FFFD and W-CHARACTER-SET. "" if absent."""
        stored = b"" if self.character_set is None else self._stored_bytes(keyword)
        element = self._decoded(keyword)
        value = None if element is None else element.value
        text = "" if value is None else "\\".join(map(str, value)) if _is_list(value) else str(value)
        wrong = self.character_set is not None and is_mislabelled(stored, self.character_set)
        if (wrong or _REPLACEMENT in text) and not any(p.code == "W-CHARACTER-SET" for p in self.found):
            labels = "\\".join(self.character_set or ()) or "no character set"
            self.note("W-CHARACTER-SET", keyword, f"{text} under {labels}" if wrong else "")
        return text.strip(" \0")

    def _stored_bytes(self, keyword: str) -> bytes:
        """The bytes of a text that was not decoded yet; none otherwise."""
        from pydicom.datadict import tag_for_keyword

        element: Any = self.ds.get_item(tag_for_keyword(keyword) or 0)
        value = None if element is None else element.value
        return value if isinstance(value, bytes) else b""

    def items(self, keyword: str) -> list[View]:
        """The items of a sequence; [] if absent or empty."""
        element = self._decoded(keyword)
        if element is None:
            return []
        if element.VR != "SQ":
            self.note("E-BAD-VALUE", keyword, f"VR {element.VR}", "a sequence is needed")
            return []
        prefix = f"{self.where}, " if self.where else ""
        return [
            View(item, self.name, self.found, f"{prefix}{keyword} item {n}", character_set=self.character_set)
            for n, item in enumerate(element.value or (), start=1)
        ]

    def at(self, path: str) -> Iterator[View]:
        """Every item reached by a path of sequence keywords joined by ``/``; this one for the empty path."""
        if not path:
            yield self
            return
        first, _, rest = path.partition("/")
        for item in self.items(first):
            yield from item.at(rest)


def _is_list(value: object) -> bool:
    from pydicom.multival import MultiValue

    return isinstance(value, MultiValue | list | tuple)
