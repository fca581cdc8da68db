"""Folders, lists and archives: what is chosen, what is left alone, what belongs together."""

from __future__ import annotations

import io
import os
import random
import socket
import zipfile
from pathlib import Path

import pytest
from dicom_builders import (
    RT_PLAN,
    MiniPlan,
    build,
    build_dose,
    build_plan,
    build_structures,
    item,
    to_bytes,
    uid,
    write_with,
)
from pydicom import Dataset

from sbrtcheck.errors import RefusedError
from sbrtcheck.model import InputFile, Study
from sbrtcheck.read import read_folder, validate
from sbrtcheck.read.dicom import files as files_module

CT = "1.2.840.10008.5.1.4.1.1.2"


def codes(error: pytest.ExceptionInfo[RefusedError]) -> list[str]:
    return [p.code for p in error.value.problems]


def input_named(study: Study, name: str) -> InputFile:
    return next(i for i in study.inputs if i.name == name)


def small_dose(salt: int = 0, **values: object) -> Dataset:
    ds = build_dose(n_points=8, spacing_mm=10.0, salt=salt)
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def image() -> Dataset:
    ds = item(SOPClassUID=CT, SOPInstanceUID="2.25.77", PatientID="SOMEBODY-ELSE", Rows=2, Columns=2)
    ds.PixelData = b"\0" * 20_000
    ds["PixelData"].VR = "OW"
    return ds


def test_a_folder_is_read_whole_and_listed(tmp_path: Path) -> None:
    folder = write_with(
        tmp_path,
        ct__dcm=image(),
        notes__txt=b"not DICOM at all, left alone",
        photo__png=b"\x89PNG\r\n\x1a\n" + b"\0" * 300,
    )
    (folder / "deeper").mkdir()
    (folder / "deeper" / "._rp.dcm").write_bytes(b"\x00\x05\x16\x07" + b"\0" * 200)
    study = read_folder(folder)
    assert study.problems == ()
    assert {i.name: (i.kind, i.used) for i in study.inputs} == {
        "rp.dcm": ("RTPLAN", True),
        "rs.dcm": ("RTSTRUCT", True),
        "rd.dcm": ("RTDOSE", True),
        "ct.dcm": ("CT Image Storage", False),
        "notes.txt": ("not DICOM", False),
        "photo.png": ("not DICOM", False),
        "._rp.dcm": ("not DICOM", False),
    }
    assert all(i.note for i in study.inputs if not i.used)
    assert study.plans[0].files == ("rp.dcm", "rs.dcm", "rd.dcm")
    assert (study.patient.patient_id, study.patient.sex) == ("PHANTOM-1", "M")


def test_the_hash_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    import hashlib

    study = read_folder(write_with(tmp_path))
    for line in study.inputs:
        assert line.sha256 == hashlib.sha256((tmp_path / line.name).read_bytes()).hexdigest()


def test_a_list_of_files_and_a_repeated_path(tmp_path: Path) -> None:
    folder = write_with(tmp_path)
    study = read_folder([folder / "rp.dcm", folder / "rs.dcm", str(folder / "rd.dcm"), folder])
    assert [i.name for i in study.inputs] == ["rp.dcm", "rs.dcm", "rd.dcm"]


@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        (("rs", "rd"), ["E-NO-PLAN"]),
        (("rp", "rd"), ["E-NO-STRUCTURES"]),
        (("rp", "rs"), ["E-NO-DOSE"]),
        (("rd",), ["E-NO-PLAN", "E-NO-STRUCTURES"]),
        ((), ["E-NO-DICOM"]),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, kept: tuple[str, ...], missing: list[str]) -> None:
    write_with(tmp_path)
    for path in tmp_path.glob("*.dcm"):
        if path.stem not in kept:
            path.unlink()
    with pytest.raises(RefusedError) as error:
        read_folder(tmp_path)
    assert codes(error) == missing


def test_nothing_at_the_path(tmp_path: Path) -> None:
    for wrong in (tmp_path / "none", [], tmp_path / "a\0b"):
        with pytest.raises(RefusedError) as error:
            read_folder(wrong)
        assert codes(error) == ["E-NO-INPUT"]
        assert [p.code for p in validate(wrong)] == ["E-NO-INPUT"]


# -- what is no regular file ------------------------------------------------------------------------------------------


def test_links_pipes_and_sockets_are_skipped_with_a_note(tmp_path: Path) -> None:
    folder = write_with(tmp_path / "f")
    outside = tmp_path / "outside.dcm"
    outside.write_bytes(b"secret")
    (folder / "link.dcm").symlink_to(outside)
    (folder / "zero.dcm").symlink_to("/dev/zero")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "pipe.dcm")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(folder)
        try:
            server.bind("sock.dcm")
        finally:
            os.chdir(here)
        study = read_folder(folder)
    notes = {i.name: i.note for i in study.inputs if not i.used}
    assert set(notes) == {"link.dcm", "zero.dcm", "loop", "pipe.dcm", "sock.dcm"}
    assert all("not followed" in note or "not a regular file" in note for note in notes.values())


def test_a_pipe_or_device_given_by_name_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    for path in (tmp_path / "pipe.dcm", Path("/dev/zero")):
        with pytest.raises(RefusedError) as error:
            read_folder(path)
        assert codes(error) == ["E-NOT-REGULAR"]


def test_a_pipe_put_in_place_of_a_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between listing and opening the file is replaced: what counts is what was opened."""
    folder = write_with(tmp_path)
    (folder / "a.txt").write_bytes(b"soon a pipe")
    real = os.open

    def swap(path: Path, flags: int) -> int:
        if Path(path).name == "a.txt":
            os.unlink(path)
            os.mkfifo(path)
        return real(path, flags)

    monkeypatch.setattr(files_module.os, "open", swap)
    study = read_folder(folder)
    assert input_named(study, "a.txt").note == "not a regular file: skipped"


def test_a_file_changed_after_reading_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are read once: hashing, scanning and decoding see the same ones."""
    folder = write_with(tmp_path)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    real = files_module.hashlib.sha256

    def spoil(data: bytes) -> object:
        for path in folder.iterdir():
            if path.read_bytes() == data:
                path.write_bytes(b"changed")
        return real(data)

    monkeypatch.setattr(files_module.hashlib, "sha256", spoil)
    study = read_folder(folder)
    assert {i.name: i.sha256 for i in study.inputs} == {n: real(d).hexdigest() for n, d in before.items()}


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_FILES", 2), ("MAX_FILE_BYTES", 150_000), ("MAX_TOTAL_BYTES", 200_000)]
)
def test_bounds_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(files_module, limit, value)
    with pytest.raises(RefusedError) as error:
        read_folder(write_with(tmp_path))
    assert codes(error) == ["E-TOO-LARGE"]


def test_folders_may_not_nest_without_end(tmp_path: Path) -> None:
    deep = tmp_path
    for n in range(9):
        deep = deep / str(n)
    with pytest.raises(RefusedError) as error:
        read_folder(write_with(deep).parents[8])
    assert codes(error) == ["E-TOO-LARGE"]


# -- archives -----------------------------------------------------------------------------------------------------------


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def plan_files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in write_with(folder).iterdir()}


def test_an_archive_is_read_like_its_folder(tmp_path: Path) -> None:
    folder = write_with(tmp_path / "f")
    archive = tmp_path / "plan.zip"
    members = {f"../../etc/{name}": data for name, data in plan_files(tmp_path / "f").items()}
    archive.write_bytes(packed({**members, "C:\\windows\\notes.txt": b"text", "folder/": b""}))
    study, plain = read_folder(archive), read_folder(folder)
    assert (study.plans[0].dose.dose_gy == plain.plans[0].dose.dose_gy).all()
    assert {i.name for i in study.inputs} == {"rp.dcm", "rs.dcm", "rd.dcm", "notes.txt"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f", "plan.zip"]


def test_broken_archives_are_refused(tmp_path: Path) -> None:
    whole = packed(plan_files(tmp_path / "f"))
    generator = random.Random(1)
    damaged = [b"PK\x03\x04", b"", whole[: len(whole) // 2], whole[:-30]]
    for _ in range(30):
        data = bytearray(whole)
        for _ in range(20):
            data[generator.randrange(len(data))] ^= 0xFF
        damaged.append(bytes(data))
    for n, data in enumerate(damaged):
        path = tmp_path / f"{n}.zip"
        path.write_bytes(data)
        with pytest.raises(RefusedError) as error:
            read_folder(path)
        assert set(codes(error)) & {"E-ZIP", "E-NO-DICOM", "E-NO-PLAN", "E-NO-STRUCTURES", "E-NO-DOSE", "E-TRUNCATED"}


def test_an_archive_bomb_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "MAX_FILE_BYTES", 2**20)
    head = plan_files(tmp_path / "f")["rd.dcm"][:4000]
    path = tmp_path / "bomb.zip"
    path.write_bytes(packed({"rd.dcm": head + b"\0" * 2**22}))
    with pytest.raises(RefusedError) as error:
        read_folder(path)
    assert codes(error) == ["E-ZIP"]


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed({"rp.dcm": b"x" * 50}))
    for marker, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(marker) + offset] |= 1
    path = tmp_path / "locked.zip"
    path.write_bytes(bytes(data))
    with pytest.raises(RefusedError, match="encrypted"):
        read_folder(path)


# -- what belongs together --------------------------------------------------------------------------------------------------


def test_two_plans_each_with_its_own_dose(tmp_path: Path) -> None:
    other = build(salt=1)
    other.plan.RTPlanLabel = "BOOST"
    study = read_folder(write_with(tmp_path, rp2__dcm=other.plan, rs2__dcm=other.structures, rd2__dcm=other.dose))
    assert [(d.plan.label, d.files) for d in study.plans] == [
        ("LUNG", ("rp.dcm", "rs.dcm", "rd.dcm")),
        ("BOOST", ("rp2.dcm", "rs2.dcm", "rd2.dcm")),
    ]
    assert study.problems == ()


def test_two_plans_on_one_structure_set(tmp_path: Path) -> None:
    plan = build_plan(salt=1)
    plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID = uid(3)
    study = read_folder(write_with(tmp_path, rp2__dcm=plan, rd2__dcm=small_dose(1)))
    assert study.plans[0].structures is study.plans[1].structures


def test_a_plan_without_dose_beside_one_with_dose_is_an_error_that_rides_along(tmp_path: Path) -> None:
    plan = build_plan(salt=1, label="BOOST")
    plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID = uid(3)
    beam = small_dose(1, DoseSummationType="BEAM")
    study = read_folder(write_with(tmp_path, rp2__dcm=plan, rd2__dcm=beam))
    assert [d.plan.label for d in study.plans] == ["LUNG"]
    assert [(p.code, p.object, p.seen, p.is_error) for p in study.problems] == [("E-NO-DOSE", "rp2.dcm", "BOOST", True)]
    assert not input_named(study, "rp2.dcm").used
    assert "E-NO-DOSE" in [p.code for p in validate(tmp_path)]


@pytest.mark.parametrize("summation", ["BEAM", "FRACTION", "CONTROL_POINT", "MULTI_PLAN", "RECORD"])
def test_other_doses_beside_the_plan_dose_are_left_alone(tmp_path: Path, summation: str) -> None:
    beam = small_dose(DoseSummationType=summation, SOPInstanceUID="2.25.50", DoseUnits="RELATIVE")
    study = read_folder(write_with(tmp_path, beam__dcm=beam))
    assert study.problems == ()
    assert summation in input_named(study, "beam.dcm").note


def test_beam_doses_alone_are_refused(tmp_path: Path) -> None:
    beams = [small_dose(DoseSummationType="BEAM", SOPInstanceUID=f"2.25.5{n}") for n in range(2)]
    with pytest.raises(RefusedError) as error:
        read_folder(write_with(tmp_path, dose=beams[0], rd2__dcm=beams[1]))
    assert codes(error) == ["E-SUMMATION", "E-SUMMATION"]


def test_a_dose_of_an_absent_plan_beside_the_plans_own_is_left_alone(tmp_path: Path) -> None:
    study = read_folder(write_with(tmp_path, old__dcm=small_dose(7)))
    assert input_named(study, "old.dcm").note == "dose of a plan that is not here: left alone"
    assert len(study.plans) == 1


@pytest.mark.parametrize("intent", ["VERIFICATION", "MACHINE_QA", "SERVICE", "RESEARCH"])
def test_a_verification_plan_is_left_alone_beside_a_treatment_plan(tmp_path: Path, intent: str) -> None:
    other: MiniPlan = build(salt=1)
    other.plan.PlanIntent = intent
    for ds in other.objects().values():
        ds.PatientID = "QA-PHANTOM"
    study = read_folder(write_with(tmp_path, q1__dcm=other.plan, q2__dcm=other.structures, q3__dcm=other.dose))
    assert study.problems == ()
    assert {i.name for i in study.inputs if not i.used} == {"q1.dcm", "q2.dcm", "q3.dcm"}
    assert intent in input_named(study, "q1.dcm").note


def test_an_unreferenced_structure_set_is_left_alone(tmp_path: Path) -> None:
    study = read_folder(write_with(tmp_path, rs2__dcm=build_structures(salt=3)))
    assert input_named(study, "rs2.dcm").note.endswith("left alone")


def test_one_uid_twice(tmp_path: Path) -> None:
    folder = write_with(tmp_path / "same", copy__dcm=build_plan())
    study = read_folder(folder)
    lines = [i for i in study.inputs if i.kind == "RTPLAN"]
    assert sorted((i.used, i.note) for i in lines) == [(False, "identical to copy.dcm: left alone"), (True, "")]
    with pytest.raises(RefusedError) as error:
        read_folder(write_with(tmp_path / "other", copy__dcm=build_plan(prescription_gy=45)))
    assert codes(error) == ["E-UID-COLLISION"]
    assert "copy.dcm" in error.value.problems[0].seen


def test_two_plan_doses_of_one_plan(tmp_path: Path) -> None:
    again = build().dose
    again.SOPInstanceUID = "2.25.60"
    study = read_folder(write_with(tmp_path / "same", zz__dcm=again))
    assert input_named(study, "zz.dcm").note == "the same dose as rd.dcm: left alone"
    again.DoseGridScaling = "1e-8"
    with pytest.raises(RefusedError) as error:
        read_folder(write_with(tmp_path / "other", zz__dcm=again))
    assert codes(error) == ["E-AMBIGUOUS-DOSE"]


@pytest.mark.parametrize("kind", ["plan", "structures", "dose"])
def test_another_patient_is_refused_and_never_named(tmp_path: Path, kind: str) -> None:
    ds = getattr(build(), kind)
    ds.PatientID = "SECRET-ID"
    with pytest.raises(RefusedError) as error:
        read_folder(write_with(tmp_path, **{kind: ds}))
    assert codes(error) == ["E-PATIENT"]
    assert "SECRET" not in str(error.value)
    assert "PHANTOM" not in str(error.value)


def test_another_name_birth_date_or_study_is_a_warning(tmp_path: Path) -> None:
    dose = build().dose
    dose.PatientName, dose.PatientBirthDate, dose.StudyInstanceUID = "Other^Name", "19600101", "2.25.70"
    study = read_folder(write_with(tmp_path, dose=dose))
    assert [p.code for p in study.problems] == ["W-PATIENT-NAME", "W-PATIENT-NAME", "W-STUDY"]
    assert "Other" not in "".join(p.line() for p in study.problems)


@pytest.mark.parametrize("name", ["PHANTOM^SMALL^^", "Phantom^Small", "phantom small", "PHANTÓM^SMALL"])
def test_names_that_differ_in_case_accents_and_separators_are_the_same(tmp_path: Path, name: str) -> None:
    dose = build().dose
    dose.SpecificCharacterSet = "ISO_IR 192"
    dose.PatientName, dose.PatientBirthDate = name, ""
    assert read_folder(write_with(tmp_path, dose=dose)).problems == ()


def test_another_sex_is_a_warning(tmp_path: Path) -> None:
    plan = build().plan
    plan.PatientSex = "F" if build().dose.PatientSex != "F" else "M"
    assert [p.code for p in read_folder(write_with(tmp_path, plan=plan)).problems] == ["W-PATIENT-NAME"]


def test_when_the_objects_were_made(tmp_path: Path) -> None:
    built = build()
    built.plan.RTPlanDate, built.plan.RTPlanTime = "20240105", "101500.25"
    built.structures.StructureSetDate, built.structures.StructureSetTime = "20240104", ""
    built.dose.InstanceCreationDate, built.dose.InstanceCreationTime = "20240103", "080000"
    (data,) = read_folder(built.write(tmp_path)).plans
    assert (data.plan.dated, data.structures.dated, data.dose.dated) == (
        "20240105101500",
        "20240104",
        "20240103080000",
    )


def test_a_dose_names_a_fraction_group_of_the_plan(tmp_path: Path) -> None:
    for number, expected in (("1", []), ("2", ["E-PLAN-REF"])):
        dose = build().dose
        dose.ReferencedRTPlanSequence[0].ReferencedFractionGroupSequence = [item(ReferencedFractionGroupNumber=number)]
        problems = validate(write_with(tmp_path / number, dose=dose))
        assert [p.code for p in problems] == expected


def other_class(sop_class: str) -> Dataset:
    return item(SOPClassUID=sop_class, SOPInstanceUID="2.25.80", PatientID="PHANTOM-1")


@pytest.mark.parametrize(
    ("sop_class", "code"),
    [
        ("1.2.840.10008.5.1.4.1.1.481.8", "E-ION"),
        ("1.2.840.10008.5.1.4.1.1.481.10", "E-SECOND-GENERATION"),
        ("1.2.840.10008.5.1.4.1.1.481.12", "E-SECOND-GENERATION"),
    ],
)
def test_plans_of_another_kind_refuse_the_folder(tmp_path: Path, sop_class: str, code: str) -> None:
    with pytest.raises(RefusedError) as error:
        read_folder(write_with(tmp_path, other__dcm=other_class(sop_class)))
    assert codes(error) == [code]


@pytest.mark.parametrize("number", [1, 4, 7])
def test_images_and_treatment_records_are_left_alone(tmp_path: Path, number: int) -> None:
    sop_class = f"1.2.840.10008.5.1.4.1.1.481.{number}"
    study = read_folder(write_with(tmp_path, other__dcm=other_class(sop_class)))
    assert input_named(study, "other.dcm").sop_class_uid == sop_class


def test_file_meta_and_data_set_must_agree_on_the_class(tmp_path: Path) -> None:
    data = to_bytes(build().dose)
    as_image = data.replace(b"1.2.840.10008.5.1.4.1.1.481.2\0", b"1.2.840.10008.5.1.4.1.1.2\0\0\0\0\0", 1)
    as_plan = data.replace(b"1.2.840.10008.5.1.4.1.1.481.2\0", f"{RT_PLAN}\0".encode(), 1)
    for n, wrong in enumerate((as_image, as_plan)):
        with pytest.raises(RefusedError) as error:
            read_folder(write_with(tmp_path / str(n), dose=wrong))
        assert set(codes(error)) == {"E-SOP-CLASS"}


def test_images_without_file_meta_are_not_needed(tmp_path: Path) -> None:
    data = to_bytes(image())
    study = read_folder(write_with(tmp_path, ct__dcm=data[data.index(b"\x08\x00\x16") :]))
    assert len(study.plans) == 1


def test_validate_lists_everything_not_the_first(tmp_path: Path) -> None:
    plan, dose, structures = build_plan(), build().dose, build_structures()
    plan.ApprovalStatus, plan.BeamSequence[0].RadiationType = "REJECTED", "ELECTRON"
    dose.DoseUnits, dose.DoseType = "RELATIVE", "EFFECTIVE"
    structures.StructureSetROISequence[1].ROINumber = "1"
    folder = write_with(tmp_path, plan=plan, dose=dose, structures=structures)
    expected = {"E-REJECTED", "E-RADIATION-TYPE", "E-DOSE-UNITS", "E-DOSE-TYPE", "E-ROI-NUMBER"}
    assert {p.code for p in validate(folder)} == {*expected, "W-ORPHAN-CONTOUR"}
    with pytest.raises(RefusedError) as error:
        read_folder(folder)
    assert set(codes(error)) == expected


def test_validate_shows_warnings_and_rois_of_a_refused_plan(tmp_path: Path) -> None:
    plan, structures = build_plan(), build_structures()
    plan.ApprovalStatus, plan.BeamSequence[0].RadiationType = "UNAPPROVED", "ELECTRON"
    structures.ROIContourSequence[3].ContourSequence = []
    found = [p.code for p in validate(write_with(tmp_path, plan=plan, structures=structures))]
    assert found == ["E-RADIATION-TYPE", "W-NOT-APPROVED", "E-NO-CONTOURS"]


def test_what_damages_one_roi_does_not_refuse(tmp_path: Path) -> None:
    structures = build_structures()
    structures.ROIContourSequence[3].ContourSequence = []
    folder = write_with(tmp_path, structures=structures)
    assert [p.code for p in validate(folder)] == ["E-NO-CONTOURS"]
    assert validate(folder, refusals_only=True) == ()
    assert [p.code for p in validate(tmp_path / "none", refusals_only=True)] == ["E-NO-INPUT"]


def test_validate_of_a_good_plan_finds_nothing(tmp_path: Path) -> None:
    assert validate(write_with(tmp_path)) == ()


def test_nothing_of_the_decoder_reaches_log_or_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plan = build_plan()
    plan.PatientBirthDate = "19500101"
    data = to_bytes(plan).replace(b"19500101", b"SECRET!!")
    read_folder(write_with(tmp_path, plan=data))
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    folder = write_with(tmp_path)
    names = ["rd.dcm", "rp.dcm", "rs.dcm"]
    one, two = read_folder([folder / n for n in names]), read_folder([folder / n for n in reversed(names)])
    assert one.plans[0].plan == two.plans[0].plan
    assert one.plans[0].files == two.plans[0].files


def test_a_file_that_cannot_be_opened_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_with(tmp_path)
    real = os.open

    def deny(path: Path, flags: int) -> int:
        if Path(path).name == "rd.dcm":
            raise PermissionError(path)
        return real(path, flags)

    monkeypatch.setattr(files_module.os, "open", deny)
    assert [(p.code, p.object) for p in validate(folder)] == [("E-NO-INPUT", "rd.dcm")]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_with(tmp_path)
    (folder / "closed").mkdir()
    real = os.scandir

    def deny(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(path)
        return real(path)

    monkeypatch.setattr(files_module.os, "scandir", deny)
    assert input_named(read_folder(folder), "closed").note == "cannot be listed: skipped"


@pytest.mark.parametrize("error", [RecursionError, MemoryError, ValueError, NotImplementedError])
def test_whatever_the_decoder_raises_refuses_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(*_: object) -> Dataset:
        raise error

    folder = write_with(tmp_path)
    monkeypatch.setattr("pydicom.filereader.read_dataset", broken)
    assert {(p.code, p.seen) for p in validate(folder)} == {("E-PARSE", error.__name__)}


def test_scan_and_decoder_must_see_the_same_elements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom import filereader

    real = filereader.read_dataset

    def forgetful(stream: io.BytesIO, implicit: bool, little: bool) -> Dataset:
        ds = real(stream, implicit, little)
        del ds.Modality
        return ds

    folder = write_with(tmp_path)
    monkeypatch.setattr("pydicom.filereader.read_dataset", forgetful)
    assert {p.code for p in validate(folder)} == {"E-PARSE"}
