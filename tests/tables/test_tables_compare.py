"""Tables beside each other: where the sources differ, on the page, in the command and in the figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.cli.figures.limits import limits_figure
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.tables.disagreements import disagreements
from sbrtcheck.tables.organ_tables import load_tables

PAGE = Path(__file__).parents[2] / "docs" / "constraints.md"


def test_the_airway_differs_as_the_sources_print_it() -> None:
    found = {(n, metric): limits for _, n, metric, limits in disagreements(load_tables().values(), organ="Trachea")}
    five = found[5, "point maximum"]
    assert [limit for limit, _ in five] == [38.0, 40.0, 50.0]
    assert five[0][1] == ["UK SABR 2022 (0.1 cc)"]
    assert five[-1][1] == ["Timmerman 2022"]
    eight = found[8, "point maximum"]
    assert eight[0] == (40.0, ["UK SABR 2022 (0.1 cc)"])
    assert (56.0, ["Timmerman 2022"]) in eight


def test_one_source_disagrees_with_nobody() -> None:
    tables = load_tables()
    assert disagreements([tables["aapm_tg101"]]) == []
    assert disagreements([tables["aapm_tg101"], tables["timmerman_2022"]])


def test_the_page_prints_every_disagreement() -> None:
    page = PAGE.read_text(encoding="utf-8")
    found = disagreements(load_tables().values())
    assert len(found) > 90
    for organ, n, metric, limits in found:
        assert f"| {organ} | {n} | {metric} | {limits[0][0]:g}: " in page


def test_the_command_marks_rows_on_which_the_sources_differ(run: Callable[..., Any]) -> None:
    done = run("tables", "compare", "trachea", "--fractions", "5", "--format", "json")
    assert done.code == 0
    rows = json.loads(done.out)
    marked = {r["table"]: r["sources differ"] for r in rows if r["metric"] == "D0.035cc[Gy]"}
    assert marked == {"aapm_tg101": "38 to 50 Gy", "timmerman_2022": "38 to 50 Gy"}
    assert all(r["trust"] for r in rows)


@pytest.mark.parametrize(
    ("organ", "axis"), [("Trachea", "point maximum"), ("Lungs", "spared volume"), ("Liver", "spared volume")]
)
def test_the_figure_shows_each_source_and_the_differences(tmp_path: Path, organ: str, axis: str) -> None:
    path = tmp_path / "limits.svg"
    limits_figure(organ, path=path)
    text = path.read_text(encoding="utf-8")
    # Matplotlib writes the text of an SVG as comments beside its outlines.
    assert f"<!-- {organ}: what the sources allow -->" in text
    assert axis in text
    assert "<!-- AAPM TG-101" in text
    assert "<!-- Timmerman 2022" in text
    assert ("<!-- 38 to 50 -->" in text) is (organ == "Trachea")
    with pytest.raises(WrongUsageError):
        limits_figure(organ, path=path)
    before = path.read_bytes()
    limits_figure(organ, path=path, force=True)
    assert path.read_bytes() == before


def test_the_command_writes_the_figure(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "cord.png"
    assert run("tables", "compare", "SpinalCord", "--plot", path).code == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert run("tables", "compare", "SpinalCord", "--plot", path).code == 2
    assert run("tables", "compare", "SpinalCord", "--plot", tmp_path / "cord.txt").code == 2


def test_an_organ_that_no_table_limits_has_no_figure(tmp_path: Path) -> None:
    with pytest.raises(WrongUsageError) as error:
        limits_figure("Parotids", path=tmp_path / "x.png")
    assert error.value.problems[0].code == "E-OUTPUT"
    assert not (tmp_path / "x.png").exists()
