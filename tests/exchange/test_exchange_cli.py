"""tables import and tables export from the shell: exit codes, files, and what a check with the table says."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import SAMPLES
from exchange_samples import TEMPLATES, imported, pqm, write

from sbrtcheck.cli import tables_exchange
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.exchange.export import ExportKind
from sbrtcheck.exchange.template import TemplateKind
from sbrtcheck.exchange.write_table import goals_text, table_text
from sbrtcheck.model import Outcome, Report, Verdict
from sbrtcheck.pipeline import check
from sbrtcheck.report.formats import render
from sbrtcheck.tables.organ_tables import choose_table, load_table

THREE = TEMPLATES / "plancheck_pqm" / "Hypofractionated (3 Fractions).csv"
# Organs that the peripheral lung plan asks for, in the clinic's own words.
LUNG = pqm(
    "PTV;;D95%[%];>=99;95",
    "Spinal Cord;Cord;D0.35cc[cGy];<=1590;1670",
    "Esophagus;;D5cc[cGy];<=1770;1859",
    "Heart;;D15cc[cGy];<=2400;2520",
    "Great Vessels;;D10cc[cGy];<=3900;4095",
    "Trachea;;D5cc[cGy];<=2580;2709",
    "PBT;;D5cc[cGy];<=2580;2709",
    "Lungs;;CV1050cGy[cc];>=1500;1425",
    "Chest Wall;;D30cc[Gy];<=30;",
    "Rib;;D1cc[Gy];<=36.9;",
    "Skin;;D10cc[cGy];<=3100;",
    "Brachial Plexus;;D3cc[cGy];<=2200;",
)


def test_the_options_are_those_of_the_formats() -> None:
    assert set(tables_exchange.READ_KINDS) == set(TemplateKind)
    assert set(tables_exchange.WRITE_KINDS) == set(ExportKind)


def test_a_file_that_mixes_units_is_read_by_row_and_says_so(run: Callable[..., Any], tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", pqm("Heart;;D15cc[cGy];<=2400;", "Liver;;V21Gy[%];<=30;"))
    done = run("tables", "import", path, "--fractions", 3)
    assert "some rows are in cGy, others in Gy" in done.out
    assert "Heart D15cc[Gy] <= 24 Gy" in done.out


def test_without_an_output_nothing_is_written_and_every_row_is_shown(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / THREE.name
    shutil.copy(THREE, path)
    done = run("tables", "import", path, "--fractions", 3, "--format", "json")
    assert done.code == 2
    rows = json.loads(done.out)
    assert len(rows) == 64
    assert {r["is"] for r in rows} == {"changed", "not taken"}
    assert "E-TEMPLATE-ROWS" in done.err
    assert "19 of 64" in done.err
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_number_of_fractions_must_be_given_and_is_never_read_from_the_name(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    assert run("tables", "import", THREE).code == 2
    done = run("tables", "import", THREE, "--fractions", 5)
    assert done.code == 2
    assert "the file's name says another number of fractions" in done.err


def test_a_refused_row_keeps_everything_from_being_written(run: Callable[..., Any], tmp_path: Path) -> None:
    done = run("tables", "import", THREE, "--fractions", 3, "-o", tmp_path / "ours.csv")
    assert done.code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_partial_table_is_marked_and_never_decides(run: Callable[..., Any], tmp_path: Path) -> None:
    ours = tmp_path / "ours.csv"
    done = run("tables", "import", THREE, "--fractions", 3, "--allow-partial", "-o", ours)
    assert done.code == 0
    assert run("tables", "lint", ours).code == 0
    table = load_table(ours)
    assert not table.may_decide
    assert "in part" in table.trust
    with pytest.raises(WrongUsageError, match="E-TABLE-COMPARE"):
        choose_table(n_fractions=3, site="lung", table=ours)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("# imported partial: yes", "# imported partial: no"),
        lambda text: text.replace("# imported partial: yes\n", ""),
        lambda text: text.replace("# imported sha256: ", "# imported sha256: x"),
        lambda text: text.replace("# imported file", "# imported name"),
        lambda text: text + "# imported partial: no\n",
    ],
)
def test_a_table_whose_mark_is_damaged_is_refused(
    change: Callable[[str], str], run: Callable[..., Any], tmp_path: Path
) -> None:
    ours = tmp_path / "ours.csv"
    run("tables", "import", THREE, "--fractions", 3, "--allow-partial", "-o", ours)
    text = ours.read_text(encoding="utf-8")
    assert change(text) != text
    ours.write_text(change(text), encoding="utf-8")
    done = run("tables", "lint", ours)
    assert done.code == 2
    assert "Import the template again" in done.out + done.err


def test_the_mark_survives_a_spreadsheet(run: Callable[..., Any], tmp_path: Path) -> None:
    """A spreadsheet pads every line to the width of the table and may sort the lines."""
    ours = tmp_path / "ours.csv"
    run("tables", "import", THREE, "--fractions", 3, "--allow-partial", "-o", ours)
    lines = ours.read_text(encoding="utf-8").splitlines()
    marks = [f"{line},,,,,,,," for line in lines if "# imported" in line]
    ours.write_text(
        "\r\n".join([*(line for line in lines if "# imported" not in line), *marks[::-1], ""]), encoding="utf-8"
    )
    assert run("tables", "lint", ours).code == 0
    assert not load_table(ours).may_decide


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, str]:
    """A sample plan judged by an imported table and imported goals, and the SHA-256 of the template.

    Beside them stands a goal for 5 fractions that no plan could meet: it does not hold for this plan of 3.
    """
    folder = tmp_path_factory.mktemp("imported")
    path = write(folder, "Lung 3 fractions.csv", LUNG)
    done = imported(path)
    assert done.not_taken == ()
    other = imported(write(folder, "five.csv", pqm("PTV;;D95%[%];>=150;")), 5)
    goals = goals_text(done) + "\n" + goals_text(other)
    table = write(folder, "ours.csv", table_text(done))
    report = check(SAMPLES / "peripheral_54_3", table=table, config=write(folder, "ours.goals.toml", goals))
    return report, hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_imported_table_judges_a_sample_plan(checked: tuple[Report, str]) -> None:
    report, sha256 = checked
    assert report.outcome is Outcome.PASS
    table = next(t for t in report.tables if t.name == "ours.csv")
    assert (table.role, sha256 in table.citation) == ("decides", True)
    facts = [f for f in report.facts if f.name == "target goals imported from"]
    assert [sha256 in f.origin for f in facts] == [True, False]
    judged = [f for f in report.findings if f.table == "ours.csv"]
    assert {f.organ for f in judged} >= {"SpinalCord", "Lungs", "Heart", "Esophagus"}
    assert all("Lung 3 fractions.csv" in f.source for f in judged)


def test_goals_hold_at_their_own_number_of_fractions_only(checked: tuple[Report, str]) -> None:
    goals = [f for f in checked[0].findings if f.rule_id.startswith("LOCAL:PTV")]
    assert [(f.comparator, f.limit, f.verdict) for f in goals] == [(">=", 99.0, Verdict.MET), (">=", 95.0, Verdict.MET)]


@pytest.mark.parametrize("format_", ["json", "text", "html", "csv"])
def test_every_report_names_the_origin_of_an_imported_table(format_: str, checked: tuple[Report, str]) -> None:
    report, sha256 = checked
    flat = "".join(render(report, format_).split())
    for word in ("Lung 3 fractions.csv", "PQM CSV of PlanCheck", sha256[:16]):
        assert "".join(word.split()) in flat, word


def test_existing_files_are_kept_unless_forced(run: Callable[..., Any], tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", pqm("Heart;;D15cc[Gy];<=24;", "PTV;;V100%[%];>=95;"))
    goals = write(tmp_path, "ours.goals.toml", "# mine\n")
    ours = tmp_path / "ours.csv"
    done = run("tables", "import", path, "--fractions", 3, "-o", ours)
    assert done.code == 2
    assert "E-OUTPUT ours.goals.toml" in done.err
    assert not ours.exists()
    assert goals.read_text(encoding="utf-8") == "# mine\n"
    assert run("tables", "import", path, "--fractions", 3, "-o", ours, "--force").code == 0
    only = write(tmp_path, "y.csv", pqm("Heart;;D15cc[Gy];<=24;"))
    stale = run("tables", "import", only, "--fractions", 3, "-o", ours, "--force")
    assert stale.code == 2
    assert "stand beside" in stale.err


def test_a_template_is_never_overwritten(run: Callable[..., Any], tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", pqm("Heart;;D15cc[Gy];<=24;"))
    done = run("tables", "import", path, "--fractions", 3, "-o", path, "--force")
    assert done.code == 2
    assert "this is the template itself" in done.err
    assert path.read_text(encoding="utf-8") == pqm("Heart;;D15cc[Gy];<=24;")


@pytest.mark.parametrize(
    ("name", "n", "code"),
    [
        ("Lung 54Gy_3fr.csv", 3, 0),
        ("Lung 54Gy_3fr.csv", 5, 2),
        ("Lung 3-5 fractions.csv", 3, 0),
        ("Lung 5FX.csv", 3, 2),
        ("3 frogs.csv", 5, 0),
    ],
)
def test_a_name_that_says_another_number_contradicts(
    name: str, n: int, code: int, run: Callable[..., Any], tmp_path: Path
) -> None:
    path = write(tmp_path, name, pqm("Heart;;D15cc[Gy];<=24;"))
    assert run("tables", "import", path, "--fractions", n).code == code


def test_an_export_of_a_partial_table_says_so(run: Callable[..., Any], tmp_path: Path) -> None:
    ours = tmp_path / "ours.csv"
    run("tables", "import", THREE, "--fractions", 3, "--allow-partial", "-o", ours)
    done = run("tables", "export", ours, "--fractions", 3, "--to", "pqm")
    assert done.code == 0
    assert "imported in part" in done.err


@pytest.mark.parametrize("name", ["ours.txt", "nowhere/ours.csv"])
def test_an_output_that_cannot_be(name: str, run: Callable[..., Any], tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", pqm("Heart;;D15cc[Gy];<=24;"))
    done = run("tables", "import", path, "--fractions", 3, "-o", tmp_path / name)
    assert done.code == 2
    assert done.err.startswith("E-OUTPUT")
    assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]


def test_a_path_that_is_no_file(run: Callable[..., Any], tmp_path: Path) -> None:
    assert "no such file" in run("tables", "import", tmp_path / "x.csv", "--fractions", 3).err
    assert "a folder, not a file" in run("tables", "import", tmp_path, "--fractions", 3).err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--map", "Hart=Heart"), "E-ROI-UNKNOWN"),
        (("--map", "Cor=Hert"), "E-ORGAN-UNKNOWN"),
        (("--map", "Cor"), "E-OPTION"),
        (("--leave-out", "line 9"), "E-OPTION"),
        (("--column", "metric"), "E-OPTION"),
        (("--column", "colour=A"), "E-OPTION"),
        (("--fractions", "0"), "--fractions"),
    ],
)
def test_options_that_say_nothing_about_the_file(
    options: tuple[str, str], said: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    path = write(tmp_path, "x.csv", pqm("Cor;;D15cc[Gy];<=24;"))
    done = run("tables", "import", path, "--fractions", 3, *options)
    assert done.code == 2
    assert said in done.err


def test_a_map_says_what_a_structure_is(run: Callable[..., Any], tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", pqm("Cor;;D15cc[Gy];<=24;", "Lung dx;;V20Gy[%];<=10;", "Lung sin;;V20Gy[%];<=10;"))
    options = ("--map", "Cor=Heart", "--map", "Lung dx=Lung_R", "--map", "Lung sin=Lung_L")
    done = run("tables", "import", path, "--fractions", 3, *options)
    assert done.code == 0
    assert "Cor is Heart by --map" in done.out
    assert "Lung V20Gy[%] <= 10 % mandatory" in done.out


def test_an_export_lists_what_it_does_not_write(run: Callable[..., Any], tmp_path: Path) -> None:
    done = run("tables", "export", "AAPM TG-101", "--fractions", 3, "--to", "doseobjectives", "-o", tmp_path / "x.xml")
    assert done.code == 0
    assert "0.35 cc: clinical goals keep one decimal, and none is rounded" in done.err
    assert "clinical goals have no CV" in done.err
    text = (tmp_path / "x.xml").read_text(encoding="utf-8")
    assert "<TypeSpecifier>0.4<" not in text
    again = run("tables", "export", "AAPM TG-101", "--fractions", 3, "--to", "doseobjectives", "-o", tmp_path / "x.xml")
    assert "E-OUTPUT" in again.err
    back = run("tables", "import", tmp_path / "x.xml", "--fractions", 3)
    assert back.code == 0, back.out


def test_an_export_is_repeatable_and_goes_to_stdout(run: Callable[..., Any]) -> None:
    first = run("tables", "export", "aapm_tg101", "--fractions", 5, "--to", "proknow")
    second = run("tables", "export", "aapm_tg101", "--fractions", 5, "--to", "proknow")
    assert first.code == 0
    assert first.out == second.out
    assert json.loads(first.out)["computed"]


def test_an_export_of_nothing_is_an_error(run: Callable[..., Any]) -> None:
    done = run("tables", "export", "aapm_tg101", "--fractions", 17, "--to", "pqm")
    assert done.code == 2
    assert "no limit for 17 fractions" in done.err
