"""DVH tables: the planning system's own numbers from the real files, and a refusal for every damaged cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sbrtcheck.dvh.agreement import dose_at_volume, mean_of_curve
from sbrtcheck.errors import RefusedError
from sbrtcheck.read.dvh_table import TableDvh, read_dvh_table

DATA = Path(__file__).parents[1] / "data"
PROSTATE = DATA / "eclipse_prostate"
ENT = DATA / "dvh_text"

# structure: volume [cm3], D95%, D50%, D2%, mean [Gy] of the planning system as first read from this table. These means
# were integrated over the mangled line 776 too, which costs up to 0.035 Gy; MEAN holds them without it.
ECLIPSE_PROSTATE = {
    "PTV": (48.6, 45.360, 45.947, 46.222, 45.880),
    "Bladder": (116.8, 43.661, 46.296, 46.781, 45.895),
    "Rectum": (30.3, 28.061, 41.886, 45.671, 39.113),
    "FemoralHeadLt": (49.2, 23.340, 25.002, 28.942, 25.021),
    "FemoralHeadRT": (50.0, 24.814, 25.598, 30.181, 25.834),
    "BODY": (10593.0, 0.846, 10.031, 46.197, 15.587),
}
MEAN = {
    "PTV": 45.880,
    "Bladder": 45.898,
    "Rectum": 39.148,
    "FemoralHeadLt": 25.021,
    "FemoralHeadRT": 25.836,
    "BODY": 15.592,
}
# structure: D95%, mean [Gy] of CERR and of SlicerRT
CERR_PROSTATE = {
    "PTV": (45.241, 45.776),
    "Bladder": (43.541, 45.797),
    "Rectum": (27.881, 38.960),
    "BODY": (0.720, 15.346),
}
SLICER_PROSTATE = {
    "PTV": (45.345, 45.882),
    "Bladder": (43.776, 45.907),
    "Rectum": (27.991, 39.108),
    "BODY": (0.823, 15.485),
}


def by_name(path: Path) -> dict[str, TableDvh]:
    return {curve.roi: curve for curve in read_dvh_table(path)}


def d_percent(curve: TableDvh, percent: float) -> float:
    value = dose_at_volume(curve.dose_gy, curve.volume_cm3, percent / 100 * curve.volume_cm3[0])
    assert value is not None
    return value


def test_eclipse_table_gives_the_numbers_of_the_planning_system() -> None:
    curves = by_name(PROSTATE / "EclipseProstate_DvhTable_Eclipse.csv")
    assert list(curves) == ["BODY", "Bladder", "FemoralHeadLt", "FemoralHeadRT", "PTV", "Rectum"]
    for name, (volume, d95, d50, d2, mean) in ECLIPSE_PROSTATE.items():
        curve = curves[name]
        assert curve.total_volume_cm3 == volume
        assert curve.volume_rounding_cm3 == pytest.approx(0.05)
        assert d_percent(curve, 95) == pytest.approx(d95, abs=6e-4)
        assert d_percent(curve, 50) == pytest.approx(d50, abs=6e-4)
        assert d_percent(curve, 2) == pytest.approx(d2, abs=6e-4)
        assert mean_of_curve(curve.dose_gy, curve.volume_cm3) == pytest.approx(MEAN[name], abs=6e-4)
        low = int(np.searchsorted(curve.dose_gy, 35.6))
        as_printed = np.insert(curve.dose_gy, low, 0.00035604)
        volume_there = np.insert(curve.volume_cm3, low, np.interp(35.604, curve.dose_gy, curve.volume_cm3))
        assert mean_of_curve(as_printed, volume_there) == pytest.approx(mean, abs=1.2e-3)


@pytest.mark.parametrize(("tool", "numbers"), [("CERR", CERR_PROSTATE), ("SlicerRT", SLICER_PROSTATE)])
def test_tables_of_other_tools(tool: str, numbers: dict[str, tuple[float, float]]) -> None:
    curves = by_name(PROSTATE / f"EclipseProstate_DvhTable_{tool}.csv")
    for name, (d95, mean) in numbers.items():
        assert d_percent(curves[name], 95) == pytest.approx(d95, abs=6e-4)
        assert mean_of_curve(curves[name].dose_gy, curves[name].volume_cm3) == pytest.approx(mean, abs=6e-4)


def test_slicer_keeps_names_with_spaces() -> None:
    assert "Femoral Head Lt" in by_name(PROSTATE / "EclipseProstate_DvhTable_SlicerRT.csv")


def test_head_and_neck_table_with_many_small_structures() -> None:
    curves = by_name(ENT / "EclipseEnt_DvhTable_Eclipse.csv")
    assert len(curves) == 16
    assert curves["PTV1"].total_volume_cm3 == 125.7
    assert [d_percent(curves["PTV1"], p) for p in (95, 50, 2)] == pytest.approx([60.000, 61.000, 61.854], abs=6e-4)
    assert d_percent(curves["GTV"], 95) == pytest.approx(60.716, abs=6e-4)
    assert d_percent(curves["BRSTEM"], 2) == pytest.approx(40.327, abs=6e-4)
    assert d_percent(curves["OpticChiasm"], 2) == pytest.approx(17.369, abs=6e-4)
    assert curves["LensLeft"].volume_rounding_cm3 == pytest.approx(0.05)


def test_the_one_mangled_line_of_the_real_table_is_left_out_and_said() -> None:
    curve = by_name(PROSTATE / "EclipseProstate_DvhTable_Eclipse.csv")["PTV"]
    assert [p.code for p in curve.problems] == ["W-STORED-DVH"]
    assert "line 776" in curve.problems[0].tag
    assert np.all(np.diff(curve.dose_gy) > 0)
    assert by_name(PROSTATE / "EclipseProstate_DvhTable_CERR.csv")["PTV"].problems == ()


HEADER = "A Dose (Gy),A Value (% of 10.00 cc),B Dose (Gy),B Value (% of 4 cc),"
ROWS = ["0,100,0,100", "1,90,1,50", "2,40.5,2,0", "3,0,3,0"]


def write(tmp_path: Path, lines: list[str], *, end: str = "\r\n", encoding: str = "utf-8") -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_plain_table(tmp_path: Path, end: str, encoding: str) -> None:
    a, b = read_dvh_table(write(tmp_path, [HEADER, *ROWS], end=end, encoding=encoding))
    assert (a.roi, b.roi, a.source) == ("A", "B", "table.csv")
    assert a.volume_cm3 == pytest.approx([10, 9, 4.05, 0])
    assert (a.volume_rounding_cm3, b.volume_rounding_cm3) == (0.005, 0.5)


def test_centigray_is_converted(tmp_path: Path) -> None:
    (a,) = read_dvh_table(write(tmp_path, ["A Dose (cGy),A Value (% of 1 cc)", "0,100", "150,50", "300,0"]))
    assert a.dose_gy == pytest.approx([0, 1.5, 3])


def test_a_pair_may_end_before_the_others(tmp_path: Path) -> None:
    a, b = read_dvh_table(write(tmp_path, [HEADER, "0,100,0,100", "1,90,1,0", "2,0,,"]))
    assert len(a.dose_gy) == 3
    assert len(b.dose_gy) == 2


BAD_CELLS = ["nan", "inf", "-1", "+1", "1e999", "", " ", "1;5", "0x1", "1_0", "1e", "٣", "1.2.3", "None", "#N/A", ".5"]


@pytest.mark.parametrize("cell", BAD_CELLS)
@pytest.mark.parametrize("place", range(4))
def test_a_cell_that_is_no_number_is_refused_with_its_place(tmp_path: Path, cell: str, place: int) -> None:
    cells = ROWS[2].split(",")
    cells[place] = cell
    with pytest.raises(RefusedError) as caught:
        read_dvh_table(write(tmp_path, [HEADER, *ROWS[:2], ",".join(cells), ROWS[3]]))
    (problem,) = caught.value.problems
    assert (problem.code, problem.object) == ("E-DATA", "table.csv")
    assert problem.tag == f"line 4, column {place + 1}"


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        ([HEADER, *ROWS[:2], "2,40", ROWS[3]], "line 4"),
        ([HEADER, *ROWS[:2], "2,40,2,0,7", ROWS[3]], "line 4"),
        ([HEADER, *ROWS[:2]], "line 3, column 2"),
        ([HEADER, "0,100,0,100"], ""),
        ([HEADER], ""),
        ([HEADER, "0,99,0,100", *ROWS[1:]], "line 2, column 2"),
        ([HEADER, "0,100,0.5,100", *ROWS[1:]], "line 2, column 3"),
        ([HEADER, *ROWS[:3], "3,41,3,0"], "line 5, column 2"),
        ([HEADER, *ROWS[:3], "2,0,3,0"], "line 5, column 1"),
        ([HEADER, "0,100,0,100", "1,101,1,50", *ROWS[2:]], "line 3, column 2"),
        ([HEADER, "0,100,0,100", "1,50,1,0", "1.5,0,,", "2,0,2,0"], "line 5, column 3"),
        (["A Dose (Gy),B Value (% of 1 cc)", "0,100", "1,0"], "line 1, column 2"),
        (["A Dose (Gy)", "0", "1"], "line 1, column 2"),
        (["A Dose (mGy),A Value (% of 1 cc)", "0,100", "1,0"], "line 1, column 1"),
        (["A Dose (Gy),A Value (% of 0 cc)", "0,100", "1,0"], "line 1, column 2"),
        (["A Dose (Gy),A Value (% of nan cc)", "0,100", "1,0"], "line 1, column 2"),
        (["A Dose (Gy),A Value (cc)", "0,100", "1,0"], "line 1, column 2"),
        ([HEADER + HEADER, *ROWS], "line 1, column 5"),
        (["dose,volume", "0,100", "1,0"], "line 1, column 1"),
        ([], ""),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, lines: list[str], where: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read_dvh_table(write(tmp_path, lines))
    (problem,) = caught.value.problems
    assert problem.code == "E-DATA"
    assert where in problem.tag


def test_two_mangled_doses_are_refused(tmp_path: Path) -> None:
    rows = ["0,100", "1,90", "0.1,80", "2,60", "0.2,50", "3,0"]
    with pytest.raises(RefusedError, match="does not rise"):
        read_dvh_table(write(tmp_path, ["A Dose (Gy),A Value (% of 1 cc)", *rows]))


def test_what_is_no_text_file(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="E-NO-INPUT"):
        read_dvh_table(tmp_path / "absent.csv")
    with pytest.raises(RefusedError, match="E-NOT-REGULAR"):
        read_dvh_table(tmp_path)
    path = tmp_path / "binary.csv"
    path.write_bytes(b"\xff\xfe\x00A")
    with pytest.raises(RefusedError, match="not UTF-8"):
        read_dvh_table(path)


def test_every_cut_of_a_real_table_is_refused(tmp_path: Path) -> None:
    """A file cut anywhere before its last line never gives a curve that looks whole."""
    whole = (ENT / "EclipseEnt_DvhTable_CERR.csv").read_bytes()
    last = whole.rstrip().rfind(b"\n")
    path = tmp_path / "cut.csv"
    for cut in np.linspace(10, last - 6_000, 25).astype(int):
        path.write_bytes(whole[:cut])
        with pytest.raises(RefusedError, match="E-DATA"):
            read_dvh_table(path)
