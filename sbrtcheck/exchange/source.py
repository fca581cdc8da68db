"""The bytes of a template file, and which format they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sbrtcheck.errors import WrongUsageError, wrong_usage
from sbrtcheck.tables.datafiles import decode

CODE = "E-TEMPLATE"
MAX_BYTES = 8_000_000
# More limits than any template states; a table must stay readable for a person.
MAX_ROWS = 5_000
_WORKBOOK = b"PK\x03\x04"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Source:
    """A file: its name without the folder, its bytes and their SHA-256."""

    path: Path
    data: bytes

    @property
    def name(self) -> str:
        """The name without the folder."""
        return self.path.name

    @property
    def sha256(self) -> str:
        """Of the bytes as they are."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def is_workbook(self) -> bool:
        """True for a zip container, which every XLSX is."""
        return self.data.startswith(_WORKBOOK)

    @property
    def is_xml(self) -> bool:
        """True for what begins with an angle bracket, in whatever encoding XML declares."""
        return self.data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<"))

    def text(self) -> str:
        """The text, UTF-8.

        Raises:
            WrongUsageError: E-TEMPLATE, with the line of the first byte that is not UTF-8.
        """
        return decode(self.data, name=self.name, code=CODE)

    def bad(self, detail: str, remedy: str, *, place: str = "", seen: object = "") -> WrongUsageError:
        """An error about this file, to be raised by the caller."""
        return wrong_usage(CODE, self.name, tag=place, seen=seen, detail=detail, remedy=remedy)

    def check_length(self, n_rows: int) -> None:
        """Refuse a file with more rows than a template has.

        Raises:
            WrongUsageError: E-TEMPLATE.
        """
        if n_rows > MAX_ROWS:
            remedy = f"Give a template of at most {MAX_ROWS} limits"
            raise self.bad("more rows than a limit template has", remedy, seen=f"more than {MAX_ROWS} rows")


def read_source(path: Path) -> Source:
    """The bytes of a template file.

    Raises:
        WrongUsageError: E-TEMPLATE, when it cannot be read, is empty, too large, or an old binary workbook.
    """
    try:
        if not path.is_file():
            detail = "a folder, not a file" if path.is_dir() else "no such file"
            raise wrong_usage(CODE, path.name or str(path), detail=detail, remedy="Give the path of a template file")
        if path.stat().st_size > MAX_BYTES:
            remedy = "Give the template alone, not an archive"
            raise wrong_usage(CODE, path.name, detail=f"larger than {MAX_BYTES // 1_000_000} MB", remedy=remedy)
        data = path.read_bytes()
    except OSError as error:
        raise wrong_usage(CODE, path.name, seen=error.strerror or "", remedy="Check the path") from error
    source = Source(path, data)
    if not data.strip():
        raise source.bad("the file is empty", "Give the template file")
    if data.startswith(_OLD_WORKBOOK):
        raise source.bad("an old binary workbook (.xls)", "Save it as .xlsx or as CSV (UTF-8)")
    return source
