"""The ranges outside which a file is not believed are data: a changed number changes the finding, damage is refused."""

from __future__ import annotations

import csv
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from dicom_builders import build_plan
from mutations import mini

from sbrtcheck.errors import RefusedError, WrongUsageError
from sbrtcheck.fractionation.scheme import parse_scheme
from sbrtcheck.model import Report
from sbrtcheck.read import read_folder
from sbrtcheck.tables import suspicion
from sbrtcheck.tables.datafiles import data_path
from sbrtcheck.tables.suspicion import Suspicion, load_suspicion

ROOT = Path(__file__).parents[2]


@pytest.fixture
def change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Change one line of one range in a copy of the file, which is then the one that counts."""
    copy = tmp_path / "data" / suspicion.FILE
    copy.parent.mkdir()
    shutil.copy(data_path(suspicion.FILE), copy)
    monkeypatch.setattr(suspicion, "data_path", copy.parent.joinpath)

    def apply(name: str, old: str, new: str) -> None:
        before, head, rest = copy.read_text(encoding="utf-8").partition(f"[{name}]\n")
        block, gap, after = rest.partition("\n\n")
        assert head, name
        assert old in block, f"{old} is not in [{name}]"
        copy.write_text(before + head + block.replace(old, new, 1) + gap + after, encoding="utf-8")
        suspicion._load.cache_clear()

    yield apply
    monkeypatch.undo()
    suspicion._load.cache_clear()


def codes(report: Report) -> set[str]:
    return {p.code for p in (*report.errors, *report.warnings)}


def read_codes(folder: Path, **objects: Any) -> set[str]:
    files = {**mini.files(), **objects}
    try:
        study = read_folder(mini.write(folder, files))
    except RefusedError as error:
        return {p.code for p in error.problems}
    return {p.code for p in study.problems}


# range, line, its new value, the code that the passing plan then has and had not
ON_THE_PASSING_PLAN = (
    ("prescription_total", "at_most = 100", "at_most = 50", "E-UNITS-SUSPECT"),
    ("prescription_per_fraction", "at_most = 40", "at_most = 17.5", "E-UNITS-SUSPECT"),
    ("planned_fractions", "at_least = 1", "at_least = 4", "E-FRACTIONS"),
    ("planned_fractions", "at_most = 100", "at_most = 2", "E-FRACTIONS"),
    ("target_median", "at_most = 1.6", "at_most = 0.9", "E-DOSE-RX-MISMATCH"),
    ("target_median", "at_least = 0.8", "at_least = 1.55", "E-DOSE-RX-MISMATCH"),
    ("beam_doses", "at_least = 0.9", "at_least = 1.55", "W-BEAMDOSE"),
    ("beam_doses", "at_most = 1.6", "at_most = 0.95", "W-BEAMDOSE"),
    ("beam_doses_of_maximum", "at_most = 1.05", "at_most = 0.5", "W-BEAMDOSE"),
    ("grid_spacing", "at_most = 2.5", "at_most = 1.9", "W-COARSE-GRID"),
    ("highest_dose", "at_least = 0.01", "at_least = 200", "E-EMPTY-DOSE"),
)


@pytest.mark.parametrize(("name", "old", "new", "code"), ON_THE_PASSING_PLAN)
def test_a_changed_number_changes_the_finding(
    change: Callable[..., None], tmp_path: Path, name: str, old: str, new: str, code: str
) -> None:
    assert code not in codes(mini.reference("passing"))
    change(name, old, new)
    report = mini.check_files(tmp_path / "in", mini.files("passing"))
    assert code in codes(report)
    assert report.exit_code == (4 if code.startswith("E-") else 0)


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("stored_volume", "at_most = 1.05", "at_most = 0.96", "W-ROI-VOLUME"),
        ("stored_volume", "at_least = 0.95", "at_least = 1.04", "W-ROI-VOLUME"),
        ("volume_outside_grid", "at_most = 0.001", "at_most = 0.9", ""),
    ],
)
def test_a_changed_number_changes_a_comparison(
    change: Callable[..., None], tmp_path: Path, name: str, old: str, new: str, code: str
) -> None:
    dose = mini.dose(n_points=24) if not code else None
    files = {**mini.files("rich"), **({"rd.dcm": dose} if dose is not None else {})}
    before = codes(mini.check_files(tmp_path / "before", files))
    change(name, old, new)
    after = codes(mini.check_files(tmp_path / "after", files))
    assert before ^ after == {code or "W-OUTSIDE-GRID"}


def test_the_number_of_fractions_up_to_which_a_total_is_suspect(change: Callable[..., None], tmp_path: Path) -> None:
    plan = build_plan(prescription_gy=120.0, n_fractions=20)
    assert "E-UNITS-SUSPECT" not in read_codes(tmp_path / "before", **{"rp.dcm": plan})
    change("sbrt_fractions", "at_most = 15", "at_most = 20")
    assert "E-UNITS-SUSPECT" in read_codes(tmp_path / "after", **{"rp.dcm": plan})


def test_a_stored_mean(change: Callable[..., None], tmp_path: Path) -> None:
    dose = mini.dataset("rd.dcm", "rich")
    item = dose.DVHSequence[0]
    item.DVHMeanDose = "20"
    assert "W-STORED-DVH" in read_codes(tmp_path / "1", **{**mini.files("rich"), "rd.dcm": dose})
    change("stored_mean", "at_most = 1.05", "at_most = 9.0")
    change("stored_mean", "at_least = 0.95", "at_least = 0.01")
    assert "W-STORED-DVH" not in read_codes(tmp_path / "2", **{**mini.files("rich"), "rd.dcm": dose})


def test_a_scheme(change: Callable[..., None]) -> None:
    assert parse_scheme("54/3").phases[0].total_dose_gy == 54
    change("scheme_total", "at_most = 500", "at_most = 50")
    with pytest.raises(WrongUsageError, match="above 50 Gy"):
        parse_scheme("54/3")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('unit = "Gy"', 'unit = "Gy"\nleast = 3', "field least: unknown field"),
        ('unit = "Gy"', 'unit = "Gy"\nat_least = 3', "field at_least: unknown field"),
        ('unit = "Gy"', "", "field unit: missing field"),
        ('unit = "Gy"', 'unit = "cGy"', "field unit: not one of"),
        ('unit = "Gy"', "unit = 1", "field unit: must be text"),
        ("at_most = 100", "", "field at_most: missing field"),
        ("at_most = 100", 'at_most = "100"', "field at_most: must be a number"),
        ("at_most = 100", "at_most = true", "field at_most: must be a number"),
        ("at_most = 100", "at_most = nan", "field at_most: must be a number"),
        ("at_most = 100", "at_most = inf", "field at_most: must be a number"),
        ("at_most = 100", "at_most = -1", "field at_most: must be a number"),
        ("at_most = 100", "at_most = 1,5", "not TOML"),
        ('code = "E-UNITS-SUSPECT"', 'code = "E-UNITS"', "field code: no such code"),
        ('unit = "Gy"', 'unit = "Gy"\n[more]\nat_most = 3', "range more: unknown range"),
    ],
)
def test_a_damaged_file_is_refused(change: Callable[..., None], old: str, new: str, said: str) -> None:
    change("prescription_total", old, new)
    with pytest.raises(WrongUsageError) as error:
        load_suspicion()
    lines = [p.line() for p in error.value.problems]
    assert any(said in line and line.startswith(f"E-DATA {suspicion.FILE}") for line in lines), lines


def test_a_range_that_is_missing_or_upside_down_is_refused(change: Callable[..., None]) -> None:
    change("beam_doses", "at_least = 0.9", "at_least = 1.7")
    with pytest.raises(WrongUsageError, match="range beam_doses: at_least is above at_most"):
        load_suspicion()
    path = suspicion.data_path(suspicion.FILE)
    path.write_text(path.read_text(encoding="utf-8").replace("[stored_mean]", "[stored_means]"), encoding="utf-8")
    suspicion._load.cache_clear()
    with pytest.raises(WrongUsageError, match="range stored_mean: missing range"):
        load_suspicion()


def test_a_damaged_file_ends_a_check_as_wrong_data(
    change: Callable[..., None], run: Callable[..., Any], tmp_path: Path
) -> None:
    change("grid_spacing", "at_most = 2.5", 'at_most = "2,5"')
    done = run("check", mini.write(tmp_path / "in", mini.files()))
    assert done.code == 2
    assert "E-DATA suspicion.toml range grid_spacing, field at_most" in done.err
    assert "Traceback" not in done.err


def test_every_range_names_its_source_and_no_published_scheme_is_outside() -> None:
    ranges = load_suspicion()
    assert all(getattr(ranges, f.name).source for f in fields(Suspicion))
    with data_path("schemes.csv").open(encoding="utf-8", newline="") as stream:
        schemes = [(float(r["total_dose_gy"]), int(r["n_fractions"]), r["intent"]) for r in csv.DictReader(stream)]
    for total_gy, n, intent in schemes:
        assert ranges.planned_fractions.holds(n)
        assert ranges.prescription_per_fraction.holds(total_gy / n)
        assert ranges.prescription_total.holds(total_gy)
        assert intent != "sbrt" or ranges.sbrt_fractions.holds(n)


def test_no_number_is_inside_an_empty_range_and_nan_is_in_none() -> None:
    ranges = load_suspicion()
    for f in fields(Suspicion):
        one = getattr(ranges, f.name)
        assert not one.holds(float("nan"))
        assert one.holds(one.at_most) or one.holds(one.at_least)


def test_the_wheel_holds_the_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"constraints": "sbrtcheck/_constraints"}
    assert (ROOT / "constraints" / suspicion.FILE).is_file()
