"""Real exports: each is read, or refused for the right reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_builders import ORIENTATIONS

from sbrtcheck.errors import RefusedError
from sbrtcheck.model import Study
from sbrtcheck.read import read_folder, read_structure_sets, validate

DATA = Path(__file__).parents[1] / "data"


def refusal(*paths: Path) -> list[tuple[str, str]]:
    with pytest.raises(RefusedError) as error:
        read_folder(paths)
    return [(p.code, p.object) for p in error.value.problems]


@pytest.fixture(scope="module")
def breast() -> Study:
    return read_folder(DATA / "eclipse_breast_boost")


def test_breast_boost_is_read(breast: Study) -> None:
    data = breast.plans[0]
    assert (data.plan.n_fractions, data.plan.beam_dose_per_fraction_gy, data.plan.n_treatment_beams) == (7, 2.0, 4)
    assert [(r.structure_type, r.target_prescription_gy) for r in data.plan.dose_references] == [
        ("SITE", 14.0),
        ("COORDINATES", 11.3113869239676),
    ]
    assert data.dose.dose_gy.shape == (98, 129, 194)
    assert data.dose.spacing_mm == (2.5, 2.5, 3.0)
    # 104.86 % of 14 Gy.
    assert data.dose.dose_gy.max() == pytest.approx(14.681, abs=5e-4)
    assert data.dose.heterogeneity_correction == "IMAGE\\ROI_OVERRIDE"
    assert [p.code for p in data.plan.problems] == ["W-NOT-APPROVED"]
    damaged = {r.name: [p.code for p in r.problems] for r in data.structures.rois if r.problems}
    assert damaged == {"Areola": ["E-NO-CONTOURS"]}


# ROI number, volume [cm3], mean [Gy], maximum [Gy] as the planning system's own curves give them.
BREAST = [
    (1, 13944.42, 0.483, 14.70),
    (3, 0.74, 0.074, 0.16),
    (4, 396.23, 5.609, 14.70),
    (5, 437.46, 0.643, 3.11),
    (6, 2008.95, 0.904, 12.74),
    (7, 0.57, 0.103, 0.17),
    (8, 0.34, 6.315, 11.56),
    (9, 12.81, 14.286, 14.58),
    (10, 62.88, 14.260, 14.68),
]


def test_breast_stored_dvhs_and_their_contradiction(breast: Study) -> None:
    """The statistics of these DVHs are in percent of 14 Gy, although their items say GY."""
    stored = {d.roi_number: d for d in breast.plans[0].stored_dvhs}
    assert sorted(stored) == [row[0] for row in BREAST]
    for number, volume_cm3, mean_gy, max_gy in BREAST:
        curve = stored[number]
        assert curve.volume_cm3[0] == pytest.approx(volume_cm3, abs=5e-3)
        mean = np.sum(np.diff(curve.dose_gy) * (curve.volume_cm3[:-1] + curve.volume_cm3[1:]) / 2) / curve.volume_cm3[0]
        assert mean == pytest.approx(mean_gy, abs=2e-3)
        assert curve.dose_gy[-1] == pytest.approx(max_gy, abs=1e-9)
        assert np.all(np.diff(curve.volume_cm3) <= 0)
        assert curve.dvh.volume == pytest.approx(volume_cm3, abs=5e-3)
        assert "percent?" in curve.note
    mean_tag = stored[9].mean_tag
    assert mean_tag is not None
    assert mean_tag / 14.286 == pytest.approx(100 / 14, abs=0.01)
    assert [p.code for p in breast.problems] == ["W-STORED-DVH"]


def test_prostate_is_read() -> None:
    data = read_folder(DATA / "eclipse_prostate").plans[0]
    assert (data.plan.n_fractions, data.plan.beam_dose_per_fraction_gy) == (23, 2.0)
    # Five beams of which one is a setup field without meterset and dose.
    assert data.plan.n_treatment_beams == 4
    assert [p.code for p in data.plan.problems] == ["W-NOT-APPROVED", "W-METERSET"]
    assert data.dose.dose_gy.max() == pytest.approx(47.0756, abs=1e-4)
    drawn = {r.name for r in data.structures.rois if r.damaged is None}
    assert drawn == {"BODY", "Bladder", "Femoral Head Lt", "Femoral Head RT", "PTV", "Rectum"}
    for name in ("CTV", "PROS"):
        roi = data.structures.roi(name)
        assert roi is not None
        assert roi.damaged is not None
        assert roi.damaged.code == "E-NO-CONTOURS"
    organ = data.plan.dose_references[1]
    assert (organ.reference_type, organ.target_prescription_gy, organ.organ_at_risk_maximum_gy) == (
        "ORGAN_AT_RISK",
        None,
        46.0,
    )


def test_a_dose_of_four_prescriptions_is_named_and_not_judged() -> None:
    """Monaco's files have no file meta; the one dose sums four fraction groups, one of them electrons."""
    study = read_folder(DATA / "monaco_tg119")
    assert study.plans == ()
    found = {p.code: p for p in study.problems}
    assert {"E-FRACTION-GROUPS", "E-RADIATION-TYPE", "W-NO-META"} <= set(found)
    assert found["E-FRACTION-GROUPS"].seen.endswith("70 Gy, 70 Gy, 30 Gy, 8.01 Gy")
    group = read_folder(DATA / "monaco_tg119", fraction_group=1)
    assert group.plans == ()
    assert any(p.code == "E-FRACTION-GROUPS" and "no dose of it alone" in p.seen for p in group.problems)


def test_a_monaco_dose_without_verdict() -> None:
    data = read_folder(DATA / "monaco_tg119", need_plan=False).plans[0]
    assert data.dose.dose_gy.max() == pytest.approx(185.06, abs=0.005)
    assert data.plan.n_fractions is None
    assert [r.name for r in data.structures.rois] == ["BODY", "PTV", "Prostate", "Urinary bladder", "Rectum"]


def test_proton_plan_is_refused_as_such() -> None:
    assert refusal(DATA / "raystation_proton_phantom") == [
        ("E-ION", "RN_ion_plan.dcm"),
        ("E-DOSE-TYPE", "RD_plan.dcm"),
    ]


@pytest.mark.parametrize("position", ORIENTATIONS)
def test_eclipse_headers_without_pixels(position: str) -> None:
    path = DATA / "pymedphys_small" / f"RD.DICOMORIENT.Dose_{position}_empty.dcm"
    found = [p for p in validate(path) if p.object == path.name]
    assert [p.code for p in found] == ["E-PIXEL-SIZE"]


def test_builders_write_the_orientations_that_eclipse_writes() -> None:
    from sbrtcheck.read.dicom.files import gather
    from sbrtcheck.read.dicom.objects import decode

    for position, cosines in ORIENTATIONS.items():
        found = gather(DATA / "pymedphys_small" / f"RD.DICOMORIENT.Dose_{position}_empty.dcm")
        read = decode(found.blobs[0]).view.numbers("ImageOrientationPatient")
        assert read is not None
        assert tuple(read) == cosines


def test_pinnacle_without_structures() -> None:
    folder = DATA / "pymedphys_small"
    codes = [code for code, _ in refusal(folder / "pinnacle_rtplan.dcm", folder / "pinnacle_rtdose.dcm")]
    assert codes == ["E-NO-STRUCTURES", "E-SS-REF", "E-SS-REF"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("rtdose.dcm", "E-UID-MISMATCH"),
        ("rtdose_1frame.dcm", "E-UID-MISMATCH"),
        ("rtdose_expb.dcm", "E-TRANSFER-SYNTAX"),
        ("rtdose_expb_1frame.dcm", "E-TRANSFER-SYNTAX"),
        ("rtdose_rle.dcm", "E-DOSE-UNITS"),
        ("rtdose_rle_1frame.dcm", "E-NO-GRID"),
        ("rtplan.dcm", "E-UID-MISMATCH"),
        ("rtplan_truncated.dcm", "E-TRUNCATED"),
    ],
)
def test_pydicom_test_files(name: str, code: str) -> None:
    assert (code, name) in refusal(DATA / "pydicom_testfiles" / name)


def test_run_length_encoded_pixels_are_those_of_the_plain_file() -> None:
    """pydicom's rtdose.dcm and the same dose as RLE Lossless: 15 frames of 10 x 10 values of 32 bits."""
    from sbrtcheck.read.dicom.files import gather
    from sbrtcheck.read.dicom.objects import decode
    from sbrtcheck.read.dicom.rtdose import _pixels

    plain, packed = (
        _pixels(decode(gather(DATA / "pydicom_testfiles" / name).blobs[0]).view)
        for name in ("rtdose.dcm", "rtdose_rle.dcm")
    )
    assert plain is not None
    assert packed is not None
    assert plain.shape == (15, 10, 10)
    assert (plain == packed).all()


def test_a_structure_set_without_file_meta_alone_is_no_plan() -> None:
    found = refusal(DATA / "pydicom_testfiles" / "rtstruct.dcm")
    assert {code for code, _ in found} >= {"E-NO-PLAN", "E-NO-DOSE"}
    assert [r.name for s in read_structure_sets(DATA / "pydicom_testfiles" / "rtstruct.dcm") for r in s.rois] == [
        "patient",
        "Isocenter 1",
        "Isocenter 2",
    ]


def test_a_relative_beam_dose_names_all_that_is_wrong(tmp_path: Path) -> None:
    """pydicom's rtdose.dcm, with the UID of its file meta made that of its data set."""
    data = (DATA / "pydicom_testfiles" / "rtdose.dcm").read_bytes()
    path = tmp_path / "rd.dcm"
    path.write_bytes(data.replace(b"1.2.999.999.99.9.9999.9999.2003", b"1.9.999.999.99.9.9999.9999.2003"))
    codes = {code for code, _ in refusal(path)}
    assert {"E-DOSE-UNITS", "E-SUMMATION", "E-NO-PLAN", "E-NO-STRUCTURES"} <= codes


def test_no_file_of_the_test_data_raises_anything_else() -> None:
    files = sorted(p for p in DATA.rglob("*") if p.is_file())
    assert len(files) > 30
    for path in files:
        assert all(problem.line() for problem in validate(path))


@pytest.mark.parametrize("folder", ["eclipse_breast_boost", "eclipse_prostate", "pymedphys_small"])
def test_real_files_pass_the_scan_of_their_bytes(folder: str) -> None:
    """What refuses these files is what they say, never the walk over their elements."""
    codes = {p.code for p in validate(DATA / folder)}
    assert not codes & {"E-TRUNCATED", "E-PARSE", "E-DUPLICATE-ELEMENT", "E-NESTING", "E-SOP-CLASS"}
