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
from sbrtcheck.read.dicom.files import KIND, RT_DOSE, RT_ION_PLAN, SECOND_GENERATION, Blob
from sbrtcheck.read.dicom.prescan import DEFLATED, Meta, Scanned, read_meta, scan
from sbrtcheck.read.dicom.transfer import inflate
from sbrtcheck.read.dicom.values import View
from sbrtcheck.read.dicom.walk import IMPLICIT_LITTLE, tag_text


@dataclass(slots=True)
class RtObject:
    """One RT object that was decoded: what it is, and a strict view on it.

    ``meta_uid`` is the SOP Instance UID of the file meta information where it is not that of the data set.
    """

    name: str
    kind: str
    view: View
    uid: str
    sop_class_uid: str
    sha256: str
    note: str = ""
    used: bool = False
    meta_uid: str = ""

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


def open_data_set(blob: Blob) -> tuple[View, Scanned, Meta]:
    """Scan the bytes of one object, then decode the same bytes.

    Raises:
        RefusedError: everything that ``prescan`` refuses; E-PARSE.
    """
    meta = read_meta(blob.data, blob.name)
    data = blob.data
    if meta.transfer_syntax_uid == DEFLATED:
        data = inflate(data, start=meta.data_set_start, name=blob.name)
    scanned = scan(data, meta, blob.name)
    from pydicom.filereader import read_dataset

    stream = BytesIO(data)
    stream.seek(meta.data_set_start)
    try:
        ds = read_dataset(stream, meta.transfer_syntax_uid == IMPLICIT_LITTLE, True)
    except Exception as error:
        # Whatever the decoder raises for hostile bytes, it is the file that is refused.
        raise refuse("E-PARSE", blob.name, seen=type(error).__name__) from error
    if set(ds.keys()) != set(scanned.top):
        raise refuse("E-PARSE", blob.name, detail="the decoder and the scan of the bytes disagree on the elements")
    view = View(ds, blob.name, transfer_syntax_uid=meta.transfer_syntax_uid)
    view.character_set = view.codes("SpecificCharacterSet")
    if not meta.sop_class_uid:
        view.note("W-NO-META")
    if scanned.out_of_order is not None:
        view.note("W-ELEMENT-ORDER", seen=tag_text(scanned.out_of_order))
    return view, scanned, meta


def decode(blob: Blob) -> RtObject:
    """One RT object, told by its SOP Class.

    Raises:
        RefusedError: as :func:`open_data_set`; E-ION, E-SECOND-GENERATION and E-SOP-CLASS by SOP Class.
    """
    _known_class(blob.sop_class_uid or RT_DOSE, blob.name)
    view, scanned, meta = open_data_set(blob)
    _known_class(scanned.sop_class_uid, blob.name)
    old = meta.sop_instance_uid
    return RtObject(
        name=blob.name,
        kind=KIND[scanned.sop_class_uid],
        view=view,
        uid=scanned.sop_instance_uid,
        sop_class_uid=scanned.sop_class_uid,
        sha256=blob.sha256,
        meta_uid=old if old != scanned.sop_instance_uid else "",
    )


def _known_class(uid: str, name: str) -> None:
    code = "E-ION" if uid == RT_ION_PLAN else "E-SECOND-GENERATION" if uid in SECOND_GENERATION else "E-SOP-CLASS"
    if uid == RT_ION_PLAN or uid not in KIND:
        raise refuse(code, name, tag="(0008,0016) SOPClassUID", seen=uid)


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
