"""From bytes to a decoded object, and what is asked of every object whatever it is."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from sbrtcheck.errors import Problem, RefusedError, refuse
from sbrtcheck.model import InputFile
from sbrtcheck.read.dicom.files import KIND, RT_ION_PLAN, SECOND_GENERATION, Blob
from sbrtcheck.read.dicom.prescan import read_meta, scan
from sbrtcheck.read.dicom.values import View


@dataclass(slots=True)
class RtObject:
    """One RT object that was decoded: what it is, and a strict view on it."""

    name: str
    kind: str
    view: View
    uid: str
    sop_class_uid: str
    sha256: str
    note: str = ""
    used: bool = False

    @property
    def set_aside(self) -> bool:
        """True once it was decided, and noted, that this object is not needed."""
        return bool(self.note)

    def as_input(self) -> InputFile:
        """The line of this file in the list of inputs."""
        return InputFile(
            name=self.name,
            kind=self.kind,
            sop_class_uid=self.sop_class_uid,
            sop_instance_uid=self.uid,
            sha256=self.sha256,
            used=self.used,
            note=self.note,
        )


@contextmanager
def quiet() -> Iterator[None]:
    """pydicom warns of values that the strict readers judge by themselves, and its log lines quote them."""
    log = logging.getLogger("pydicom")
    disabled = log.disabled
    log.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = disabled


def decode(blob: Blob) -> RtObject:
    """Scan the bytes of one object, then decode the same bytes.

    Raises:
        RefusedError: everything that ``prescan`` refuses; E-ION and E-SECOND-GENERATION by SOP Class; E-PARSE.
    """
    meta = read_meta(blob.data, blob.name)
    if meta.sop_class_uid == RT_ION_PLAN:
        raise refuse("E-ION", blob.name, tag="(0008,0016) SOPClassUID", seen=meta.sop_class_uid)
    if meta.sop_class_uid in SECOND_GENERATION:
        raise refuse("E-SECOND-GENERATION", blob.name, tag="(0008,0016) SOPClassUID", seen=meta.sop_class_uid)
    if meta.sop_class_uid not in KIND:
        raise refuse("E-SOP-CLASS", blob.name, tag="(0002,0002) MediaStorageSOPClassUID", seen=meta.sop_class_uid)
    top = scan(blob.data, meta, blob.name)
    from pydicom import dcmread

    try:
        ds = dcmread(BytesIO(blob.data))
    except Exception as error:
        # Whatever the decoder raises for hostile bytes, it is the file that is refused.
        raise refuse("E-PARSE", blob.name, seen=type(error).__name__) from error
    if set(ds.keys()) != set(top):
        raise refuse("E-PARSE", blob.name, detail="the decoder and the scan of the bytes disagree on the elements")
    return RtObject(
        name=blob.name,
        kind=KIND[meta.sop_class_uid],
        view=View(ds, blob.name),
        uid=meta.sop_instance_uid,
        sop_class_uid=meta.sop_class_uid,
        sha256=blob.sha256,
    )


def decode_all(blobs: list[Blob], problems: list[Problem]) -> list[RtObject]:
    """Every object that could be decoded; what was refused goes to ``problems``. Empties ``blobs``.

    The same object twice is used once; two objects of one UID that differ are E-UID-COLLISION.
    """
    objects: list[RtObject] = []
    by_uid: dict[str, RtObject] = {}
    blobs.reverse()
    while blobs:
        # Taken out of the list, so that the bytes of a large dose do not outlive their decoding.
        blob = blobs.pop()
        try:
            found = decode(blob)
        except RefusedError as error:
            problems.extend(error.problems)
            continue
        first = by_uid.get(found.uid)
        if first is None:
            by_uid[found.uid] = found
        elif first.sha256 != found.sha256:
            seen = f"{first.name} and {found.name}"
            problems.append(Problem("E-UID-COLLISION", blob.name, tag="(0008,0018) SOPInstanceUID", seen=seen))
        else:
            found.note = f"identical to {first.name}: left alone"
        objects.append(found)
    return objects
