"""The command line on good and bad input: one line per error, the right exit code, never a traceback."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA, SAMPLES

Run = Callable[..., Any]
CLINIC = SAMPLES / "clinic_50_5"


def files_of(folder: Path) -> dict[str, list[Path]]:
    """The files of a sample by modality, which their names begin with."""
    from pydicom import dcmread

    out: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.dcm")):
        data = dcmread(path, stop_before_pixels=True)
        key = data.Modality + (f"_{data.DoseSummationType}" if data.Modality == "RTDOSE" else "")
        out.setdefault(key, []).append(path)
    return out


def one_line(text: str, code: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith(code)]
    assert lines, text
    assert "Traceback" not in text
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["check", "no/such/folder"], "E-NO-INPUT", 4),
        (["check", DATA / "dvh_text"], "E-NO-DICOM", 4),
        (["check", CLINIC, "--table", "nonsense"], "E-TABLE-UNKNOWN", 2),
        (["check", CLINIC, "--map", "Nothing=Heart"], "E-ROI-UNKNOWN", 2),
        (["check", CLINIC, "--map", "Heart=Hart of gold"], "E-ORGAN-UNKNOWN", 2),
        (["check", CLINIC, "--map", "Heart"], "E-OPTION", 2),
        (["check", CLINIC, "--fractions", "3"], "E-CONTRADICTS", 4),
        (["check", CLINIC, "--prescription", "PTV=54"], "E-CONTRADICTS", 4),
        (["check", CLINIC, "--prescription", "PTV=nan"], "E-OPTION", 2),
        (["check", CLINIC, "--prescription", "PTV=-5"], "E-OPTION", 2),
        (["check", CLINIC, "--site", "moon"], "E-OPTION", 2),
        (["dvh", CLINIC, "--roi", "PTV", "--metric", "V20"], "E-METRIC", 2),
        (["dvh", CLINIC, "--roi", "Nothing"], "E-ROI-UNKNOWN", 2),
        (["tables", "show", "nonsense"], "E-TABLE-UNKNOWN", 2),
        (["tables", "show", "aapm_tg101", "--organ", "Hart of gold"], "E-ORGAN-UNKNOWN", 2),
        (["explain", "E-NOPE"], "E-OPTION", 2),
        (["validate", DATA / "pydicom_testfiles" / "rtstruct.dcm"], "E-NO-PLAN", 4),
    ],
)
def test_bad_input_is_one_line_and_the_right_exit_code(
    run: Run, arguments: list[object], code: str, exit_code: int
) -> None:
    done = run(*arguments)
    assert done.code == exit_code, done.err + done.out[:500]
    line = one_line(done.err + "\n" + done.out, code)
    assert len(line) > len(code) + 10
    assert "PASS" not in done.out


def test_a_folder_without_dose_is_refused(run: Run, tmp_path: Path) -> None:
    for path in [*files_of(CLINIC)["RTPLAN"], *files_of(CLINIC)["RTSTRUCT"]]:
        shutil.copy(path, tmp_path)
    done = run("check", tmp_path)
    assert done.code == 4
    one_line(done.err, "E-NO-DOSE")


def test_only_beam_doses_are_refused(run: Run, tmp_path: Path) -> None:
    found = files_of(CLINIC)
    for path in [*found["RTPLAN"], *found["RTSTRUCT"], *found["RTDOSE_BEAM"]]:
        shutil.copy(path, tmp_path)
    done = run("check", tmp_path)
    assert done.code == 4
    one_line(done.err, "E-SUMMATION")


def test_the_dose_of_another_plan_is_refused(run: Run, tmp_path: Path) -> None:
    for path in [*files_of(CLINIC)["RTPLAN"], *files_of(CLINIC)["RTSTRUCT"]]:
        shutil.copy(path, tmp_path)
    shutil.copy(files_of(SAMPLES / "peripheral_54_3")["RTDOSE_PLAN"][0], tmp_path / "other_dose.dcm")
    done = run("check", tmp_path)
    assert done.code == 4
    assert "E-PLAN-REF" in done.err or "E-PATIENT" in done.err


def test_a_broken_zip_is_refused(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "plan.zip"
    broken.write_bytes(b"PK\x03\x04 not a zip")
    done = run("check", broken)
    assert done.code == 4
    one_line(done.err, "E-ZIP")


def test_a_zip_and_a_list_of_files_give_what_the_folder_gives(run: Run, tmp_path: Path) -> None:
    archive = tmp_path / "plan.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        for path in sorted(CLINIC.glob("*.dcm")):
            stream.write(path, path.name)
    numbers = []
    for inputs in ([CLINIC], [archive], sorted(CLINIC.glob("*.dcm"))):
        done = run("dvh", *inputs, "--roi", "PTV", "--metric", "D95%[Gy]")
        assert done.code == 0, done.err
        numbers.append(json.loads(done.out)["structures"][0]["metrics"][0]["value"])
    assert numbers[0] == numbers[1] == numbers[2]


def test_dvh_prints_metrics_as_asked(run: Run) -> None:
    done = run("dvh", CLINIC, "--roi", "PTV", "--metric", "D95%[Gy]", "--metric", "Dmean", "--metric", "D95%[%]")
    (entry,) = json.loads(done.out)["structures"]
    assert entry["roi"] == "PTV"
    assert entry["volume_cm3"] > 5
    assert [m["metric"] for m in entry["metrics"]] == ["D95%[Gy]", "Dmean", "D95%[%]"]
    assert entry["metrics"][0]["value"] == pytest.approx(50.0, abs=0.15)
    assert entry["metrics"][2]["value"] == pytest.approx(100.0, abs=0.3)
    assert set(entry) >= {"roi", "volume_cm3", "metrics", "seconds"}
    assert all(m["low"] <= m["value"] <= m["high"] for m in entry["metrics"])


def test_dvh_compare_shows_our_curve_beside_a_tables(run: Run, tmp_path: Path) -> None:
    prostate = DATA / "eclipse_prostate"
    done = run(
        "dvh",
        prostate,
        "--roi",
        "PTV",
        "--dvh-table",
        prostate / "EclipseProstate_DvhTable_Eclipse.csv",
        "--plot",
        tmp_path / "ptv.png",
        "--format",
        "json",
    )
    assert done.code == 0, done.err
    (agreement,) = json.loads(done.out)["agreement"]
    d95 = next(d for d in agreement["differences"] if d["metric"] == "D95%[Gy]")
    assert abs(d95["difference_gy"]) < 0.1
    assert (tmp_path / "ptv.png").read_bytes().startswith(b"\x89PNG")


def test_names_can_be_saved_and_used_again(run: Run, tmp_path: Path) -> None:
    saved = tmp_path / "names.toml"
    assert run("names", CLINIC, "--save", saved).code == 0
    again = run("names", CLINIC, "--config", saved, "--format", "json")
    assert again.code == 0, again.err
    rows = {row["roi"]: row for row in json.loads(again.out)}
    assert rows["Oesophagus"]["understood_as"] == "Esophagus"
    assert rows["Oesophagus"]["matched_by"] == "map"


def test_output_is_never_overwritten_without_force(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    assert run("tables", "list", "--format", "csv", "--output", out).code == 0
    before = out.read_bytes()
    refused = run("tables", "list", "--format", "csv", "--output", out)
    assert refused.code == 2
    one_line(refused.err, "E-OUTPUT")
    assert out.read_bytes() == before
    assert run("tables", "list", "--format", "csv", "--output", out, "--force").code == 0


@pytest.mark.parametrize("format_", ["text", "json", "csv"])
@pytest.mark.parametrize(
    "command",
    [
        ["tables"],
        ["tables", "show", "AAPM TG-101", "--organ", "SpinalCord", "--fractions", "5"],
        ["tables", "compare", "Cord", "--fractions", "5"],
        ["explain", "E-TRUNCATED"],
        ["guideline"],
        ["calc", "54/3"],
    ],
)
def test_every_command_that_prints_a_table_has_three_formats(run: Run, command: list[str], format_: str) -> None:
    if command == ["tables"]:
        command = ["tables", "list"]
    done = run(*command, "--format", format_)
    assert done.code == 0, done.err
    assert done.out.strip()
    if format_ == "json":
        assert json.loads(done.out)


def test_help_and_version(run: Run) -> None:
    assert "Exit codes" in run("--help").out
    assert run("--version").out.startswith("sbrtcheck ")
    assert run("nonsense").code == 2
    assert run("check").code == 2
    assert run("check", CLINIC, "--nonsense").code == 2


def test_dvh_needs_no_plan(run: Run, tmp_path: Path) -> None:
    found = files_of(CLINIC)
    for path in [*found["RTSTRUCT"], *found["RTDOSE_PLAN"]]:
        shutil.copy(path, tmp_path)
    done = run("dvh", tmp_path, "--roi", "PTV", "--metric", "D95%[Gy]", "--metric", "D95%[%]")
    assert done.code == 0, done.err
    gray, percent = json.loads(done.out)["structures"][0]["metrics"]
    assert gray["value"] == pytest.approx(50.0, abs=0.15)
    assert (percent["value"], percent["reason"]) == (None, "no_prescription")
    refused = run("check", tmp_path)
    assert refused.code == 4
    one_line(refused.err, "E-NO-PLAN")
