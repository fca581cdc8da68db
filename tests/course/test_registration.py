"""Plans of two frames of reference, joined by a rigid registration: the same sum, and never better than MARGINAL."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from given_courses import Array, plan_study
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from sbrtcheck.course.registered import describe, moved, transformation
from sbrtcheck.model import Finding, Outcome, PlanData, Reason, Registration, Report, Study, Verdict
from sbrtcheck.pipeline import check_study
from sbrtcheck.read.dicom.files import SPATIAL_REGISTRATION, Blob
from sbrtcheck.read.dicom.registration import is_rigid, read_registrations

FIRST, SECOND = "1.2.3", "1.2.4"


def rigid(degrees: float = 12.0, shift: tuple[float, float, float] = (30.0, -12.0, 45.0)) -> Array:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0, shift[0]], [s, c, 0, shift[1]], [0, 0, 1, shift[2]], [0, 0, 0, 1.0]])


def two_plans(*, split: bool) -> tuple[PlanData, PlanData]:
    """Two plans on one patient; with ``split`` the second is drawn in a frame of its own."""
    first = plan_study("A", 5, frame=FIRST).plans[0]
    second = plan_study("B", 5, cord_gy=8.0, x=16.0, frame=FIRST).plans[0]
    if not split:
        return first, second
    away = Registration(FIRST, SECOND, np.linalg.inv(rigid()), "away")
    return first, moved(second, away)


def report(*, split: bool, registrations: tuple[Registration, ...] = ()) -> Report:
    study = Study(plans=two_plans(split=split), registrations=registrations)
    return check_study(study, sites={"": "spine"})


def sums(found: Report) -> dict[str, Finding]:
    return {f.rule_id: f for f in found.course_findings if f.rule_id.startswith("cumulative:AAPM")}


def test_a_registration_gives_the_sum_of_one_frame_and_is_never_better_than_marginal() -> None:
    joined = report(split=True, registrations=(Registration(SECOND, FIRST, rigid(), "REG.dcm"),))
    plain = report(split=False)
    assert sums(joined)
    assert sums(joined).keys() == sums(plain).keys()
    for rule_id, finding in sums(joined).items():
        same = sums(plain)[rule_id]
        assert finding.value == pytest.approx(same.value, rel=0.02, abs=0.02), rule_id
        assert finding.verdict is not Verdict.MET
        assert "registration" in finding.note
    assert joined.cumulative is not None
    assert "REG.dcm: shift (+30.0, -12.0, +45.0) mm, rotation 12.00 degrees" in str(joined.cumulative.registrations)
    assert any(f.name == "registration of B" for f in joined.facts)
    for plan_found, plan_same in zip(joined.plans, plain.plans, strict=True):
        assert plan_found.outcome is plan_same.outcome


def test_without_a_registration_there_is_no_sum() -> None:
    found = report(split=True)
    assert sums(found) == {}
    assert any(f.reason is Reason.OTHER_FRAME_OF_REFERENCE for f in found.course_findings)
    assert found.outcome in {Outcome.INCOMPLETE, Outcome.FAIL}


def test_a_registration_is_used_backwards_and_two_that_disagree_are_not_used() -> None:
    back = Registration(FIRST, SECOND, np.linalg.inv(rigid()), "back")
    found = transformation([back], source=SECOND, target=FIRST)
    assert found is not None
    assert np.allclose(found.matrix, rigid())
    other = Registration(SECOND, FIRST, rigid(shift=(30.0, -12.0, 46.0)), "other")
    assert transformation([back, other], source=SECOND, target=FIRST) is None
    assert transformation([back], source="9.9", target=FIRST) is None


def test_what_is_rigid() -> None:
    assert is_rigid(rigid())
    assert not is_rigid(np.diag([1.0, 1.0, -1.0, 1.0]))
    assert not is_rigid(np.diag([1.01, 1.0, 1.0, 1.0]))
    assert not is_rigid(np.full((4, 4), np.nan))
    assert not is_rigid(rigid(shift=(1e6, 0, 0)))
    assert "rotation 12.00" in describe(Registration(SECOND, FIRST, rigid(), "r"))


def registration_file(matrix: Array, *, kind: str = "RIGID", patient: str = "P1") -> bytes:
    """A Spatial Registration object with one matrix."""
    step, item, data = Dataset(), Dataset(), Dataset()
    step.FrameOfReferenceTransformationMatrixType = kind
    step.FrameOfReferenceTransformationMatrix = [f"{x:.9g}" for x in matrix.ravel()]
    holder = Dataset()
    holder.MatrixSequence = [step]
    item.FrameOfReferenceUID = SECOND
    item.MatrixRegistrationSequence = [holder]
    data.SOPClassUID, data.SOPInstanceUID = SPATIAL_REGISTRATION, "1.2.5"
    data.PatientID, data.FrameOfReferenceUID = patient, FIRST
    data.RegistrationSequence = [item]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SPATIAL_REGISTRATION, "1.2.5"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta = meta
    out = BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def read(data: bytes) -> tuple[list[Registration], str]:
    found, (line,) = read_registrations([Blob("REG.dcm", data, "0", SPATIAL_REGISTRATION)], patient_id="P1")
    return found, line.note


def test_a_registration_object_is_read() -> None:
    (found,), note = read(registration_file(rigid()))
    assert note == ""
    assert (found.from_frame_uid, found.to_frame_uid) == (SECOND, FIRST)
    assert np.allclose(found.matrix, rigid(), atol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        registration_file(rigid(), kind="AFFINE"),
        registration_file(np.diag([1.2, 1.0, 1.0, 1.0])),
        registration_file(rigid(), patient="P2"),
        registration_file(rigid())[:-40],
    ],
    ids=["affine", "scaled", "other patient", "cut"],
)
def test_a_registration_that_cannot_be_trusted_is_left_alone(data: bytes) -> None:
    found, note = read(data)
    assert found == []
    assert "left alone" in note
    assert "P2" not in note


def test_moving_a_plan_moves_dose_and_contours_alike() -> None:
    (data,) = plan_study("A", 5, frame=SECOND).plans
    away = moved(data, Registration(SECOND, FIRST, rigid(), "r"))
    before, after = data.structures.rois[0].contours[0].points_mm, away.structures.rois[0].contours[0].points_mm
    assert np.allclose(data.dose.to_index(before), away.dose.to_index(after), atol=1e-9)
    assert away.dose.dose_gy is data.dose.dose_gy
    assert replace(away.dose, frame_of_reference_uid="x").frame_of_reference_uid == "x"
