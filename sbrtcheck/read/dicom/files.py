"""The only place that opens DICOM files: folders, lists of files and zip archives, bounded in every direction."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sbrtcheck.errors import Problem, RefusedError, refuse, safe_text
from sbrtcheck.model import InputFile
from sbrtcheck.read.dicom.prescan import bare_sop_class, has_preamble, head_sop_classes

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RT_STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
RT_ION_PLAN = "1.2.840.10008.5.1.4.1.1.481.8"
SPATIAL_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.1"
KIND = {RT_DOSE: "RTDOSE", RT_STRUCTURES: "RTSTRUCT", RT_PLAN: "RTPLAN", RT_ION_PLAN: "RT ION PLAN"}
SECOND_GENERATION = frozenset(f"1.2.840.10008.5.1.4.1.1.481.{n}" for n in range(10, 26))

MAX_FILE_BYTES = 512 * 2**20
MAX_TOTAL_BYTES = 2**30
MAX_FILES = 20_000
MAX_FOLDER_DEPTH = 8
_HEAD_BYTES = 8192
# The resource fork that macOS puts beside each file of a zip or a network share keeps the file's suffix.
# Flags that some systems lack.
_OPEN_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
_APPLE_DOUBLE = b"\x00\x05\x16\x07"


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of one RT object, read once, with their SHA-256 and the SOP Class of the file meta."""

    name: str
    data: bytes = field(repr=False)
    sha256: str
    sop_class_uid: str


@dataclass(slots=True)
class Gathered:
    """What was found: objects to read, files left alone, and what speaks against the whole."""

    blobs: list[Blob] = field(default_factory=list)
    left_alone: list[InputFile] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    n_files: int = 0
    n_bytes: int = 0
    seen: set[tuple[int, int]] = field(default_factory=set)

    def leave(self, name: str, kind: str, note: str, *, sop_class_uid: str = "") -> None:
        """List a file without using it."""
        self.left_alone.append(
            InputFile(
                name=safe_text(name),
                kind=kind,
                sop_class_uid=sop_class_uid,
                sop_instance_uid="",
                sha256="",
                used=False,
                note=note,
            )
        )

    def count(self, name: str) -> None:
        """Count one directory entry.

        Raises:
            RefusedError: E-TOO-LARGE above the number of files that is read.
        """
        self.n_files += 1
        if self.n_files > MAX_FILES:
            raise refuse("E-TOO-LARGE", name, seen=f"more than {MAX_FILES} files")


def gather(paths: str | Path | Sequence[str | Path]) -> Gathered:
    """Read every RT object below the paths given; name what else lies there.

    Args:
        paths: a folder (searched to 8 levels), a file, a zip archive, or several of these.

    Raises:
        RefusedError: E-NO-INPUT, E-NOT-REGULAR, E-TOO-LARGE or E-ZIP for what was named by the caller. What is wrong
            with a file found on the way stands in ``problems`` of the result.
    """
    found = Gathered()
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise refuse("E-NO-INPUT", "paths", detail="no path was given")
    for item in given:
        path = Path(item)
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError) as error:
            raise refuse("E-NO-INPUT", path.name or str(path)) from error
        if stat.S_ISDIR(mode):
            _folder(path, found)
        elif stat.S_ISREG(mode):
            # A link that the caller named is the caller's; links found on the way are not followed.
            with _open_regular(Path(os.path.realpath(path)), found, path.name) as stream:
                if stream is not None:
                    _file_or_zip(stream, path.name, found)
        else:
            raise refuse("E-NOT-REGULAR", path.name)
    return found


def _folder(root: Path, found: Gathered) -> None:
    pending = [(root, 0)]
    while pending:
        folder, depth = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = []
                for entry in listing:
                    found.count(root.name)
                    entries.append(entry)
        except OSError:
            found.leave(folder.name, "folder", "cannot be listed: skipped")
            continue
        deeper = []
        for entry in sorted(entries, key=lambda e: e.name):
            if entry.is_symlink():
                found.leave(entry.name, "link", "symbolic link: not followed")
            elif entry.is_dir(follow_symlinks=False):
                if depth + 1 >= MAX_FOLDER_DEPTH:
                    raise refuse("E-TOO-LARGE", entry.name, seen=f"folders nested deeper than {MAX_FOLDER_DEPTH}")
                deeper.append((Path(entry.path), depth + 1))
            elif not entry.is_file(follow_symlinks=False):
                found.leave(entry.name, "special", "not a regular file: skipped")
            else:
                with _open_regular(Path(entry.path), found, entry.name) as stream:
                    if stream is not None:
                        _examine(stream.read, entry.name, found)
        pending.extend(reversed(deeper))


@contextmanager
def _open_regular(path: Path, found: Gathered, name: str) -> Iterator[IO[bytes] | None]:
    """The open file if it is regular now, at the moment of opening; None (and a note) if not, or if read before."""
    try:
        # O_NONBLOCK: a pipe put in the place of a file must not make us wait.
        descriptor = os.open(path, os.O_RDONLY | _OPEN_FLAGS)
    except OSError:
        found.problems.append(Problem("E-NO-INPUT", name, detail="the file cannot be opened"))
        yield None
        return
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        identity = (status.st_dev, status.st_ino)
        if not stat.S_ISREG(status.st_mode):
            found.leave(name, "special", "not a regular file: skipped")
            yield None
        elif identity in found.seen:
            yield None
        else:
            found.seen.add(identity)
            yield stream


def _file_or_zip(stream: IO[bytes], name: str, found: Gathered) -> None:
    found.count(name)
    magic = stream.read(4)
    stream.seek(0)
    if magic == b"PK\x03\x04" or name.casefold().endswith(".zip"):
        _zip(stream, name, found)
    else:
        _examine(stream.read, name, found)


def _zip(stream: IO[bytes], name: str, found: Gathered) -> None:
    """Members are read in memory and known by their last name only: no member's path is ever used."""
    try:
        with zipfile.ZipFile(stream) as archive:
            for member in sorted(archive.infolist(), key=lambda m: m.filename):
                found.count(name)
                if member.is_dir():
                    continue
                base = member.filename.replace("\\", "/").rsplit("/", 1)[-1]
                if member.flag_bits & 0x1:
                    raise refuse("E-ZIP", name, seen=base, detail="the archive is encrypted")
                if member.file_size > MAX_FILE_BYTES:
                    raise refuse("E-ZIP", name, seen=f"{base}: {member.file_size} bytes")
                with archive.open(member) as inner:
                    _examine(inner.read, base, found)
    except RefusedError:
        raise
    except Exception as error:
        # zipfile, zlib, lzma and bz2 each raise errors of their own for a damaged archive.
        raise refuse("E-ZIP", name, seen=type(error).__name__) from error


def _examine(read: Callable[[int], bytes], name: str, found: Gathered) -> None:
    """Tell by its first bytes what a file is; read it whole only if it is an RT object that matters."""
    name = safe_text(name)
    head = _read_up_to(read, _HEAD_BYTES)
    if name.startswith("._") and head.startswith(_APPLE_DOUBLE):
        found.leave(name, "not DICOM", "macOS resource fork: left alone")
        return
    if has_preamble(head):
        sop_class, inner = head_sop_classes(head)
        if sop_class is not None and inner is not None and inner != sop_class:
            seen = f"{inner}, file meta: {sop_class}"
            found.problems.append(Problem("E-SOP-CLASS", name, tag="(0008,0016) SOPClassUID", seen=seen))
            return
        wanted = {*KIND, *SECOND_GENERATION, SPATIAL_REGISTRATION}
        if sop_class is not None and sop_class not in wanted:
            found.leave(name, _other_kind(sop_class), "not needed: left alone", sop_class_uid=sop_class)
            return
    else:
        sop_class = bare_sop_class(head)
        if not sop_class or sop_class not in KIND:
            _leave_bare(head, name, sop_class, found)
            return
    room = min(MAX_FILE_BYTES, MAX_TOTAL_BYTES - found.n_bytes)
    rest = _read_up_to(read, room - len(head) + 1)
    data = head + rest
    if len(data) > room:
        found.problems.append(Problem("E-TOO-LARGE", name, seen=f"more than {room} bytes"))
        return
    found.n_bytes += len(data)
    found.blobs.append(
        Blob(name=name, data=data, sha256=hashlib.sha256(data).hexdigest(), sop_class_uid=sop_class or "")
    )


def _leave_bare(head: bytes, name: str, sop_class: str | None, found: Gathered) -> None:
    """A file without preamble that is no RT object: listed, or refused if its name says DICOM."""
    if sop_class:
        found.leave(
            name, _other_kind(sop_class), "no file meta information, not needed: left alone", sop_class_uid=sop_class
        )
    elif sop_class is not None:
        found.problems.append(Problem("E-NO-META", name))
    elif name.casefold().endswith((".dcm", ".dicom")):
        code = "E-NO-META" if len(head) >= 132 else "E-TRUNCATED"
        found.problems.append(Problem(code, name, seen=f"{len(head)} bytes" if len(head) < _HEAD_BYTES else ""))
    else:
        found.leave(name, "not DICOM", "left alone")


def _read_up_to(read: Callable[[int], bytes], limit: int) -> bytes:
    """At most ``limit`` bytes; a short read is followed by another until the end of the stream."""
    parts, left = [], limit
    while left > 0:
        part = read(min(left, 2**24))
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _other_kind(sop_class: str) -> str:
    from pydicom.uid import UID

    name = UID(sop_class).name
    return name if name != sop_class else f"private SOP Class {sop_class}"
