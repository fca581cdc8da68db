"""Spatial Registration objects: rigid transformations between frames of reference.

A registration is only needed to add plans of different frames. One that cannot be read is listed with the reason and
left alone: without it there is no sum, which never makes an outcome better.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sbrtcheck.errors import RefusedError, refuse
from sbrtcheck.model import FloatArray, InputFile, Registration
from sbrtcheck.read.dicom.files import SPATIAL_REGISTRATION, Blob
from sbrtcheck.read.dicom.objects import open_data_set

KIND = "REG"
# How far a matrix may be from a rotation: matrices are stored with few digits.
RIGID_TOLERANCE = 1e-3


def read_registrations(blobs: Iterable[Blob], *, patient_id: str) -> tuple[list[Registration], list[InputFile]]:
    """The rigid transformations in all registration objects of this patient, and the list of those objects.

    Each item of Registration Sequence (0070,0308) maps its own frame of reference to that of the object
    (PS3.3 C.20.2.1.1); several matrices of one item are applied in their order.
    """
    found: list[Registration] = []
    inputs = []
    for blob in blobs:
        uid, note = "", ""
        try:
            uid, own = _read(blob, patient_id)
            found.extend(own)
            note = "" if own else "no rigid transformation to another frame: left alone"
        except RefusedError as error:
            note = f"left alone: {error.problems[0].code} {error.problems[0].meaning}"
        inputs.append(
            InputFile(
                name=blob.name,
                kind=KIND,
                sop_class_uid=SPATIAL_REGISTRATION,
                sop_instance_uid=uid,
                sha256=blob.sha256,
                used=not note,
                note=note,
            )
        )
    return found, inputs


def _read(blob: Blob, patient_id: str) -> tuple[str, list[Registration]]:
    view, scanned, _ = open_data_set(blob)
    if view.text("PatientID") != patient_id:
        raise refuse("E-PATIENT", blob.name)
    target = view.code("FrameOfReferenceUID")
    out = []
    for item in view.items("RegistrationSequence"):
        source = item.code("FrameOfReferenceUID")
        matrix = np.eye(4)
        rigid = True
        for step in item.items("MatrixRegistrationSequence"):
            for part in step.items("MatrixSequence"):
                values = part.numbers("FrameOfReferenceTransformationMatrix", 16)
                rigid &= part.code("FrameOfReferenceTransformationMatrixType") == "RIGID" and values is not None
                if values is not None:
                    matrix = values.reshape(4, 4) @ matrix
        if rigid and source and target and source != target and is_rigid(matrix):
            out.append(Registration(source, target, matrix, blob.name))
    refused = [p for p in view.found if p.is_error]
    if refused:
        raise RefusedError(*refused)
    return scanned.sop_instance_uid, out


def is_rigid(matrix: FloatArray) -> bool:
    """Whether a (4, 4) matrix is a rotation and a shift: no scaling, no shear, no mirror."""
    rotation = matrix[:3, :3]
    return bool(
        np.all(np.isfinite(matrix))
        and np.allclose(matrix[3], [0, 0, 0, 1], atol=1e-9)
        and np.allclose(rotation @ rotation.T, np.eye(3), atol=RIGID_TOLERANCE)
        and np.linalg.det(rotation) > 0
        and np.max(np.abs(matrix[:3, 3])) <= 3000
    )
