"""The sample plans: the same bytes when built again, and numbers that an ordinary lung plan could have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydicom
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "sample_plans"
NAMES = ("peripheral_54_3", "central_50_5", "apex_50_5", "no_esophagus_60_8", "two_lesions_3fx", "clinic_50_5")
OTHER_SITES = ("spine_30_3", "adrenal_45_5", "node_sib_45_35_5")
PLAN_FILES = ("RTPLAN.dcm", "RTSTRUCT.dcm", "RTDOSE.dcm")


def expected(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / name / "expected.json").read_text(encoding="utf-8"))
    return content


def test_a_rebuild_gives_the_same_bytes(tmp_path: Path) -> None:
    name = "peripheral_54_3"
    command = [sys.executable, str(FOLDER / "build.py"), "--out", str(tmp_path), name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    made = {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()}
    kept = {p.name: p.read_bytes() for p in (FOLDER / name).iterdir()}
    assert sorted(made) == sorted(kept) == sorted([*PLAN_FILES, "expected.json"])
    different = [file for file in kept if made[file] != kept[file]]
    assert different == []


@pytest.mark.parametrize("name", OTHER_SITES)
def test_a_rebuild_of_another_site_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    command = [sys.executable, str(FOLDER / "build.py"), "--out", str(tmp_path), name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for path in (FOLDER / name).iterdir():
        assert (tmp_path / name / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_spine_plan_gives_up_coverage_for_the_cord() -> None:
    content = expected("spine_30_3")
    assert content["lesions"][0]["numbers"]["V100%[%]"]["value"] == pytest.approx(85.0, abs=0.1)
    cord = {r["metric"]: r["value"] for r in content["rows"] if r["organ"] == "SpinalCord"}
    assert cord["D0.035cc[Gy]"] == pytest.approx(19.0, abs=0.5)
    assert cord["D1.2cc[Gy]"] == pytest.approx(11.0, abs=0.7)


def test_the_two_levels_lie_inside_each_other() -> None:
    high, low = expected("node_sib_45_35_5")["lesions"]
    assert high["prescription_gy"] > low["prescription_gy"]
    assert high["ptv_volume_cm3"]["value"] < low["ptv_volume_cm3"]["value"]
    assert min(x["numbers"]["D95%[%]"]["value"] for x in (high, low)) > 100


def test_an_unknown_sample_is_wrong_usage() -> None:
    command = [sys.executable, str(FOLDER / "build.py"), "--out", "unused", "peripheral_54_33"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown sample: peripheral_54_33" in done.stderr


def test_all_samples_together_stay_small() -> None:
    sizes = [p.stat().st_size for name in (*NAMES, *OTHER_SITES) for p in (FOLDER / name).iterdir()]
    assert len(sizes) == 4 * (len(NAMES) + len(OTHER_SITES)) + 2
    assert sum(p.stat().st_size for p in FOLDER.glob("*/*")) < 20e6


@pytest.mark.parametrize("name", NAMES)
def test_target_numbers_are_those_of_an_ordinary_plan(name: str) -> None:
    for lesion in expected(name)["lesions"]:
        numbers = {key: entry["value"] for key, entry in lesion["numbers"].items()}
        assert 10 < lesion["ptv_volume_cm3"]["value"] < 30
        assert 99.98 <= numbers["D95%[%]"] <= 101.5
        assert 4.0 <= numbers["R50"] <= 4.4
        assert 1.0 <= numbers["R100"] < 1.2
        assert 42 <= numbers["D2cm[%]"] <= 51
        assert 75 <= numbers["prescription_isodose[%]"] <= 82
        assert numbers["V105%_outside_PTV[%]"] < 5
        metrics = {key: entry["value"] for key, entry in lesion["ptv_metrics"].items()}
        assert metrics["D98%[Gy]"] < metrics["D95%[Gy]"] < metrics["D50%[Gy]"] < metrics["D2%[Gy]"]


@pytest.mark.parametrize("name", NAMES)
def test_organ_numbers_are_those_of_an_ordinary_plan(name: str) -> None:
    content = expected(name)
    lungs = content["derived"]["Lungs-GTV"]
    assert 1.5 <= lungs["V20Gy[%]"]["value"] <= 6
    assert 3 <= lungs["Mean[Gy]"]["value"] <= 8
    volume = {s["organ"]: s["volume_cm3"]["value"] for s in content["structures"].values()}
    assert 3500 <= volume["Lung_L"] + volume["Lung_R"] <= 4500
    assert 400 <= volume["Heart"] <= 800
    cord = next(s for s in content["structures"].values() if s["organ"] in {"SpinalCord", "SpinalCanal"})
    assert 3 <= cord["metrics"]["D0.035cc[Gy]"]["value"] <= 12


def test_the_peripheral_plan_gives_the_cord_a_few_gray() -> None:
    cord = expected("peripheral_54_3")["structures"]["SpinalCord"]["metrics"]
    assert 8 <= cord["D0.035cc[Gy]"]["value"] <= 12


def test_the_clinic_plan_is_normalised_to_exactly_its_prescription() -> None:
    lesion = expected("clinic_50_5")["lesions"][0]
    assert lesion["numbers"]["D95%[%]"]["value"] == pytest.approx(100.0, abs=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_explain_the_outcome(name: str) -> None:
    content = expected(name)
    missed = [(r["organ"], r["metric"]) for r in content["rows"] if r["verdict"] == "NOT_MET"]
    assert missed == ([("Airway", "D0.035cc[Gy]")] if content["outcome"] == "FAIL" else [])
    assert content["exit_code"] == {"PASS": 0, "FAIL": 1, "INCOMPLETE": 3}[content["outcome"]]
    assert any(r["organ"] == "Esophagus" for r in content["rows"]) is (content["outcome"] != "INCOMPLETE")
    for row in content["rows"]:
        comparator, limit = row["limit"].split()
        distance = float(limit) - row["value"]
        if comparator == ">=":
            distance = -distance
        met = distance >= 0 if "=" in comparator else distance > 0
        assert (row["verdict"] == "MET") is met
        assert abs(distance) > row["uncertainty"], "an expected verdict must not hang on the uncertainty"


def test_the_central_plan_is_about_the_difference_of_two_tables() -> None:
    other = expected("central_50_5")["also"]
    airway = [r for r in other["rows"] if r["organ"] == "Airway" and r["metric"] == "D0.035cc[Gy]"]
    assert other["table"] == "Timmerman_2022"
    assert len(airway) == 1
    assert 46 <= airway[0]["value"] <= 48
    assert {r["verdict"] for r in other["rows"]} == {"MET"}


@pytest.mark.parametrize("name", NAMES)
def test_the_three_objects_belong_together(name: str) -> None:
    plan, structures, dose = (pydicom.dcmread(FOLDER / name / file) for file in PLAN_FILES)
    for ds in (plan, structures, dose):
        assert str(ds.PatientName).startswith("SBRTCHECK^SAMPLE")
        assert ds.StudyInstanceUID == plan.StudyInstanceUID
        assert ds.FrameOfReferenceUID == plan.FrameOfReferenceUID
        assert ds.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
    assert plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == structures.SOPInstanceUID
    assert dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == plan.SOPInstanceUID
    assert float(dose.DoseGridScaling) <= 0.002
    numbers = {roi.ROINumber: roi.ROIName for roi in structures.StructureSetROISequence}
    content = expected(name)
    assert {*content["structures"]} | {lesion["ptv"] for lesion in content["lesions"]} <= {*numbers.values()}
    assert plan.FractionGroupSequence[0].NumberOfFractionsPlanned == content["n_fractions"]
    for reference, lesion in zip(plan.DoseReferenceSequence, content["lesions"], strict=True):
        assert float(reference.TargetPrescriptionDose) == lesion["prescription_gy"]
        linked = numbers.get(reference.get("ReferencedROINumber"))
        assert linked == (None if name == "clinic_50_5" else lesion["ptv"])


def test_the_clinic_plan_carries_beam_doses_beside_the_plan_dose() -> None:
    kinds = {p.name: pydicom.dcmread(p).DoseSummationType for p in (FOLDER / "clinic_50_5").glob("RTDOSE*.dcm")}
    assert kinds == {"RTDOSE.dcm": "PLAN", "RTDOSE_beam1.dcm": "BEAM", "RTDOSE_beam2.dcm": "BEAM"}
