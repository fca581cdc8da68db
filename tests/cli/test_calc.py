"""The commands calc and guideline: what they print, what they refuse, and what they write."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sbrtcheck.cli.main import main
from sbrtcheck.fractionation.worth import load_tissues


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(list(args))
    out = capsys.readouterr()
    return int(end.value.code or 0), out.out, out.err


def test_default_shows_the_two_conventions_of_the_data_file(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "calc", "54/3")
    assert (code, err) == (0, "")
    assert "54/3: 54 Gy in 3 fractions of 18 Gy" in out
    assert "151.20" in out
    assert "126.00" in out
    assert "378.00" in out
    assert "226.80" in out
    assert "no --alpha-beta given: shown at 10 Gy (Tumor_NSCLC" in out
    assert "[1] 18 Gy per fraction is above 10 Gy" in out


def test_several_schemes_and_tissues(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "calc", "18x3", "50/25+10/2", "-a", "10", "-a", "spinal cord")
    assert code == 0
    assert "read as 3 fractions of 18 Gy; for 18 fractions of 3 Gy write 54/18" in out
    assert "50 Gy in 25 fractions of 2 Gy, then 10 Gy in 2 fractions of 5 Gy" in out
    assert "1171.24 (870.81 to 1854.00)" in out
    assert "SCHULTHEISS_2008" in out


def test_json_is_not_rounded_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "calc", "55/5", "-a", "3", "-f", "json")
    document = json.loads(out)
    assert code == 0
    assert document["schema_version"] == "1.0"
    only = document["schemes"][0]["results"][0]
    assert only["bed_gy"] == pytest.approx(55 * (1 + 11 / 3), rel=1e-15)
    assert only["eqd2_gy"] == pytest.approx(55 * 14 / 5, rel=1e-15)
    assert document["schemes"][0]["phases"] == [{"total_dose_gy": 55.0, "n_fractions": 5, "dose_per_fraction_gy": 11.0}]


def test_csv_has_one_line_per_scheme_and_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "calc", "54/3", "50/25", "-a", "10", "-a", "3", "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [(r["scheme"], r["alpha_beta_gy"]) for r in rows] == [
        ("54/3", "10.0"),
        ("54/3", "3.0"),
        ("50/25", "10.0"),
        ("50/25", "3.0"),
    ]
    assert float(rows[0]["bed_gy"]) == 151.2
    assert "was validated" in rows[0]["notes"]
    assert rows[2]["notes"] == ""


def test_match_is_a_number_and_never_a_scheme(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "calc", "--match", "54/3", "--fractions", "5", "--site", "lung_peripheral")
    lines = out.split("\n\n", maxsplit=1)[0].splitlines()
    assert code == 0
    assert all(line.endswith("not a prescription") for line in lines)
    assert len(lines) == 4
    assert "65.47 Gy in 5 fractions" in lines[0]
    assert "no scheme that high is published" in lines[1]
    assert "60/5" in lines[1]
    assert "BED 378.00 -> 351.23 Gy" in lines[2]
    assert "65.47/5" not in out
    assert "65.5/5" not in out


def test_match_without_site_claims_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "calc", "--match", "50/5", "--fractions", "4", "-a", "10", "-f", "json")
    document = json.loads(out)["match"]
    assert code == 0
    assert document["within_published"] is False
    assert document["status"] == "not a prescription"
    assert any("no site given" in line for line in document["text"])
    # late tissue is shown although only the tumour was asked for
    assert document["consequences"][0]["reference"]["tissue"] == "Lungs"


def test_match_in_csv(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "calc", "--match", "50/5", "--fractions", "4", "--site", "lung_central", "-f", "csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["scheme"] == ""
    assert row["status"] == "not a prescription"
    assert float(row["bed_gy"]) == 100.0
    assert "not above the highest published" in row["notes"]


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    _, lql, _ = run(capsys, "calc", "54/3", "-a", "10", "--model", "lql", "--transition-dose", "10")
    assert "132.00" in lql
    assert "gamma/alpha 3 (tangent" in lql
    _, usc, _ = run(capsys, "calc", "60/3", "--model", "usc", "--alpha", "0.33", "--d0", "1.25", "--dq", "1.8")
    assert "132.36" in usc
    assert "alpha 0.33 /Gy, D0 1.25 Gy, Dq 1.8 Gy" in usc
    assert "was validated" not in usc


def test_overall_time_counts_for_the_target_and_says_so_for_the_organ(capsys: pytest.CaptureFixture[str]) -> None:
    times = ["--time", "46", "--tk", "21", "--td", "3", "--alpha", "0.35"]
    _, out, _ = run(capsys, "calc", "70/35", *times)
    assert "67.50" in out
    assert "3 Lungs: late tissue: overall time is not counted" in out
    code, _, err = run(capsys, "calc", "70/35", *times, "-a", "SpinalCord")
    assert code == 2
    assert err.startswith("E-DOMAIN repopulation")


@pytest.mark.parametrize(
    ("args", "start"),
    [
        ([], "E-SCHEME"),
        (["54"], "E-SCHEME"),
        (["-54/3"], "E-SCHEME"),
        (["54/2.5"], "E-SCHEME"),
        (["54/0"], "E-DOMAIN"),
        (["5400/30"], "E-SCHEME"),
        (["54/3", "-a", "0"], "E-DOMAIN"),
        (["54/3", "-a", "nan"], "E-DOMAIN"),
        (["54/3", "-a", "SpinalChord"], "E-TISSUE"),
        (["54/3", "--model", "lql"], "E-OPTION --transition-dose"),
        (["54/3", "--model", "usc", "--alpha", "0.3"], "E-OPTION --d0, --dq"),
        (
            ["54/3", "--model", "usc", "--alpha", ".33", "--d0", "1.25", "--dq", "1.8", "-a", "3"],
            "E-OPTION --alpha-beta",
        ),
        (["54/3", "--transition-dose", "10"], "E-OPTION --transition-dose"),
        (["54/3", "--alpha", "0.3"], "E-OPTION --alpha"),
        (["54/3", "--d0", "1"], "E-OPTION --d0"),
        (["54/3", "--time", "40"], "E-OPTION --tk, --td, --alpha"),
        (["54/3", "--time", "nan", "--tk", "21", "--td", "3", "--alpha", "0.3"], "E-DOMAIN"),
        (["54/3", "--fractions", "5"], "E-OPTION --fractions"),
        (["54/3", "--site", "lung"], "E-OPTION --site"),
        (["--match", "54/3"], "E-OPTION --match"),
        (["--match", "54/3", "--fractions", "2.5"], "E-DOMAIN"),
        (["--match", "54/3", "--fractions", "5", "--site", "lunk"], "E-OPTION --site"),
        (["--match", "54/3", "--fractions", "5", "--model", "lql", "--transition-dose", "10"], "E-OPTION --match"),
        (["54/3", "--plot", "figure.pdf"], "E-OUTPUT"),
        (["54/3", "--plot", "a.png", "--model", "lql", "--transition-dose", "9"], "E-OPTION --plot"),
        (["54/3", "--plot", "no/such/folder/a.png"], "E-OUTPUT"),
        (["54/3", "-o", "no/such/folder/a.txt"], "E-OUTPUT"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    start: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "calc", *args)
    assert code == 2
    assert out == ""
    assert err.startswith(start)
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_output_is_not_overwritten_without_force(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    assert run(capsys, "calc", "54/3", "-f", "json", "-o", str(target)) == (0, "", "")
    before = target.read_text(encoding="utf-8")
    code, _, err = run(capsys, "calc", "50/5", "-f", "json", "-o", str(target))
    assert code == 2
    assert err.startswith("E-OUTPUT out.json")
    assert target.read_text(encoding="utf-8") == before
    assert run(capsys, "calc", "50/5", "-f", "json", "-o", str(target), "--force")[0] == 0
    assert json.loads(target.read_text(encoding="utf-8"))["schemes"][0]["scheme"] == "50/5"


def test_tissues(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "calc", "--tissues")
    assert out.count("\n") == 1 + len(load_tissues())
    _, out, _ = run(capsys, "calc", "--tissues", "-f", "csv")
    cord = [r for r in csv.DictReader(io.StringIO(out)) if r["source"] == "SCHULTHEISS_2008"]
    assert (cord[0]["value_gy"], cord[0]["low_gy"], cord[0]["high_gy"]) == ("0.87", "0.54", "1.19")
    _, out, _ = run(capsys, "calc", "--tissues", "-f", "json")
    assert len(json.loads(out)["tissues"]) == len(load_tissues())


def test_plot(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    svg, png = tmp_path / "a.svg", tmp_path / "a.png"
    assert run(capsys, "calc", "54/3", "60/8", "50/25+10/2", "--plot", str(svg))[0] == 0
    first = svg.read_bytes()
    assert b"<svg" in first
    assert b"<dc:date>" not in first
    code, _, err = run(capsys, "calc", "54/3", "--plot", str(svg))
    assert code == 2
    assert "the file exists" in err
    assert svg.read_bytes() == first
    assert run(capsys, "calc", "54/3", "60/8", "50/25+10/2", "--plot", str(svg), "--force")[0] == 0
    assert svg.read_bytes() == first
    assert run(capsys, "calc", "54/3", "--plot", str(png))[0] == 0
    assert png.read_bytes().startswith(b"\x89PNG")


def test_a_simple_call_loads_nothing_heavy() -> None:
    code = (
        "import sys; from sbrtcheck.cli.main import main\n"
        "try: main(['calc', '54/3'])\n"
        "except SystemExit as end: assert not end.code\n"
        "print('heavy:', sorted({'numpy', 'scipy', 'matplotlib', 'pydicom', 'rapidfuzz'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("heavy: []")


# --- guideline


def test_guideline_lists_all_rules_with_their_status(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "guideline")
    assert code == 0
    for number in range(1, 14):
        assert f"OM-{number} " in out
    _, out, _ = run(capsys, "guideline", "-f", "json")
    rules = json.loads(out)["rules"]
    assert [r["id"] for r in rules] == [f"OM-{n}" for n in range(1, 14)]
    assert rules[9]["thresholds"] == {"above_bed10_gy": 75.0}
    _, out, _ = run(capsys, "guideline", "-f", "csv")
    assert [r["status"] for r in csv.DictReader(io.StringIO(out))] == [r["status"] for r in rules]


def test_one_rule(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "guideline", "om-3")
    assert "max_sites=5" in out
    assert "OM-4" not in out
    code, _, err = run(capsys, "guideline", "OM-14")
    assert code == 2
    assert err.startswith("E-OPTION RULE")
