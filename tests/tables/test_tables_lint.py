"""A clinic's own table as a spreadsheet may save it, the lint command, the schema of the TOML file, and time."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import ROOT

from sbrtcheck.errors import WrongUsageError
from sbrtcheck.tables import organ_tables as tables
from sbrtcheck.tables.datafiles import data_path, digest
from sbrtcheck.tables.organs import organ_names
from sbrtcheck.tables.record import record_digest

HEADER = "organ,fractions,metric,comparator,limit,unit,level"
GOOD = "SpinalCord,5,D0.35cc[Gy],<=,22,Gy,mandatory"
SCHEMA = json.loads((ROOT / "docs" / "table.schema.json").read_text(encoding="utf-8"))


def write(tmp_path: Path, text: str | bytes, name: str = "clinic.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\n{GOOD}\n",
        f"{HEADER}\r\n{GOOD}\r\n",
        f"{HEADER}\r{GOOD}\r",
        f'"{HEADER.replace(",", chr(34) + "," + chr(34))}"\n{GOOD}\n',
        f"{HEADER}\n\n# a remark\n  SpinalCord , 5 ,D0.35cc[Gy],<=, 22\u00a0,Gy,mandatory\n,,,,,,\n",
        f"{HEADER}\n{GOOD}",
    ],
)
def test_forms_that_a_spreadsheet_may_save(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    assert tables.lint_table(path) == ()
    (row,) = tables.load_table(path).rows
    assert (row.organ, row.n_fractions, row.metric_text, row.limit) == ("SpinalCord", 5, "D0.35cc[Gy]", 22.0)


WRONG: dict[str, tuple[str | bytes, str, str]] = {
    "no comparator": (f"{HEADER}\nSpinalCord,5,D0.35cc[Gy],,22,Gy,mandatory\n", "line 2, column comparator", "Allowed"),
    "infinite": (f"{HEADER}\nSpinalCord,5,D0.35cc[Gy],<=,inf,Gy,mandatory\n", "line 2, column limit", "plain decimal"),
    "negative": (f"{HEADER}\nSpinalCord,5,D0.35cc[Gy],<=,-3,Gy,mandatory\n", "line 2, column limit", "source"),
    "thousands": (f"{HEADER}\nSpinalCord,5,D0.35cc[Gy],<=,2 200,Gy,mandatory\n", "line 2, column limit", "decimal"),
    "a formula": (f"{HEADER}\nSpinalCord,5,D0.35cc[Gy],<=,=2*11,Gy,mandatory\n", "line 2, column limit", "decimal"),
    "an unknown organ": (f"{HEADER}\nCord,5,D0.35cc[Gy],<=,22,Gy,mandatory\n", "line 2, column organ", "organs.csv"),
    "a bare metric": (f"{HEADER}\nLungs,5,V20,<,10,%,mandatory\n", "line 2, column metric", "V20Gy"),
    "a wrong unit": (f"{HEADER}\nLungs,5,V20Gy[%],<,10,Gy,mandatory\n", "line 2, column unit", "Write %"),
    "twice": (f"{HEADER}\n{GOOD}\n{GOOD}\n", "line 3, column limit", "Remove one"),
    "contradictory": (f"{HEADER}\n{GOOD}\n{GOOD.replace('22', '21')}\n", "line 3, column limit", "Keep the one"),
    "no value keeps both": (
        f"{HEADER}\n{GOOD}\n{GOOD.replace('<=,22', '>=,25')}\n",
        "line 2, column limit",
        "Correct the comparator",
    ),
    "semicolons": (f"{HEADER}\n{GOOD}\n".replace(",", ";"), "line 1", "commas"),
    "semicolons and decimal commas": (
        "organ;fractions;metric;comparator;limit;unit;level\nSpinalCord;5;D0,35cc[Gy];<=;22,5;Gy;mandatory\n",
        "line 1",
        "decimal point",
    ),
    "a line that only tells the separator": (f"sep=;\n{HEADER}\n{GOOD}\n", "line 1", "commas"),
    "a decimal comma in quotes": (
        f'{HEADER}\nSpinalCord,5,D0.35cc[Gy],<=,"22,5",Gy,mandatory\n',
        "line 2, column limit",
        "decimal point",
    ),
    "an unknown column": (f"{HEADER},remark\n{GOOD},x\n", "line 1", "Columns:"),
    "a workbook by another name": (b"PK\x03\x04" + bytes(200), "", "Save it as CSV"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(200), "", "Save it as CSV"),
    "a direction mark": (f"{HEADER}\nSpinal\u202eCord,5,D0.35cc[Gy],<=,22,Gy,mandatory\n", "line 2, column organ", ""),
    "HTML": ("<html><body>not a table</body></html>\n", "line 1", "Columns:"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_lint_command_names_place_value_and_remedy(name: str, tmp_path: Path, run: Callable[..., Any]) -> None:
    content, place, remedy = WRONG[name]
    path = write(tmp_path, content)
    done = run("tables", "lint", path)
    assert done.code == 2
    assert "Traceback" not in done.out + done.err
    assert "E-TABLE-ROW clinic.csv" in done.out
    assert place in done.out
    assert remedy in done.out
    rows = json.loads(run("tables", "lint", path, "--format", "json").out)
    assert any(place in r["place"] for r in rows)
    assert all(r["file"] == "clinic.csv" and r["remedy"] for r in rows)
    with pytest.raises(WrongUsageError) as error:
        tables.choose_table(n_fractions=5, site="lung", table=path)
    assert error.value.exit_code == 2


def test_the_lint_command_is_content_with_a_right_table(tmp_path: Path, run: Callable[..., Any]) -> None:
    done = run("tables", "lint", write(tmp_path, f"{HEADER}\n{GOOD}\n"))
    assert (done.code, done.out.strip()) == (0, "clinic.csv: no problem found")
    workbook = write(tmp_path, b"PK\x03\x04" + bytes(200), "clinic.xlsx")
    assert run("tables", "lint", workbook).code == 2


def test_a_table_of_5000_rows_is_checked_within_a_second(tmp_path: Path) -> None:
    organs = sorted(organ_names())
    lines = [HEADER]
    for number in range(5000):
        volume = 0.1 * (1 + number // (30 * len(organs)))
        n = 1 + number // len(organs) % 30
        lines.append(f"{organs[number % len(organs)]},{n},D{volume:.1f}cc[Gy],<=,{10 + number % 50},Gy,mandatory")
    path = write(tmp_path, "\n".join(lines))
    start = time.process_time()
    assert tables.lint_table(path) == ()
    assert time.process_time() - start < 1.0


# ---- the schema of the TOML file


def shipped() -> list[Path]:
    return sorted(data_path("oar").glob("*.toml"))


@pytest.mark.parametrize("path", shipped(), ids=lambda p: p.stem)
def test_every_shipped_description_keeps_to_the_schema(path: Path) -> None:
    jsonschema.validate(tomllib.loads(path.read_text(encoding="utf-8")), SCHEMA)


@pytest.mark.parametrize(
    "change",
    [
        {"trust": "excellent"},
        {"trust": "partial"},
        {"point_volume_cm3": 0.0},
        {"point_volume_cm3": 35.0},
        {"may_decide": "yes"},
        {"remark": "x"},
        {"title": None},
        {"version": "2.0.0"},
    ],
    ids=str,
)
def test_schema_and_program_refuse_the_same(tmp_path: Path, change: dict[str, Any]) -> None:
    settings = tomllib.loads(data_path("oar", "aapm_tg101.toml").read_text(encoding="utf-8"))
    settings = {k: v for k, v in {**settings, **change}.items() if v is not None}
    lines = [f"{k} = {json.dumps(v)}" for k, v in settings.items() if k != "sha256"]
    lines += ["[sha256]", *(f'"{k}" = "{v}"' for k, v in settings["sha256"].items())]
    path = write(tmp_path, "\n".join(lines), "aapm_tg101.toml")
    with pytest.raises(WrongUsageError):
        tables._load_settings(path)
    if "version" not in change:  # that a version has its digest is beyond a schema
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(settings)


def test_the_schema_knows_the_keys_and_words_of_the_program() -> None:
    assert set(SCHEMA["properties"]) == set(SCHEMA["required"]) == set(tables._TOML_KEYS)
    assert tuple(SCHEMA["properties"]["trust"]["enum"]) == tables.TRUSTS


def own_table(folder: Path, *, version: str = "1.0.0", digests: str = "") -> Path:
    """A shipped table under another name, as somebody writes one for constraints/oar."""
    source = data_path("oar", "rtog_0236.csv")
    path = folder / "demo_clinic.csv"
    path.write_bytes(source.read_bytes())
    said = source.with_suffix(".toml").read_text(encoding="utf-8").partition("[sha256]")[0]
    said = said.replace('name = "rtog_0236"', 'name = "demo_clinic"').replace(
        'version = "1.0.0"', f'version = "{version}"'
    )
    path.with_suffix(".toml").write_text(said + digests, encoding="utf-8")
    return path


def test_record_writes_the_digest_once_and_says_so_again(tmp_path: Path) -> None:
    path = own_table(tmp_path)
    expected = digest(path.read_bytes())
    assert record_digest(path) == f"demo_clinic.toml: version 1.0.0 recorded: {expected}"
    settings = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
    assert settings["sha256"] == {"1.0.0": expected}
    before = path.with_suffix(".toml").read_bytes()
    assert "recorded already" in record_digest(path)
    assert path.with_suffix(".toml").read_bytes() == before


def test_a_changed_number_is_recorded_under_a_new_version_only(tmp_path: Path) -> None:
    path = own_table(tmp_path)
    record_digest(path)
    path.write_text(path.read_text(encoding="utf-8").replace(",18,", ",17,"), encoding="utf-8")
    with pytest.raises(WrongUsageError) as error:
        record_digest(path)
    assert error.value.problems[0].code == "E-TABLE-MODIFIED"
    description = path.with_suffix(".toml")
    said = description.read_text(encoding="utf-8").replace('version = "1.0.0"', 'version = "1.1.0"')
    description.write_text(said, encoding="utf-8")
    assert "version 1.1.0 recorded" in record_digest(path)
    assert set(tomllib.loads(description.read_text(encoding="utf-8"))["sha256"]) == {"1.0.0", "1.1.0"}


@pytest.mark.parametrize(
    ("version", "digests", "words"),
    [
        ("one", "", "key version"),
        ("1.0.0", '[sha256]\n"0.9.0" = "x"\n\n[more]\na = 1\n', "last section"),
        ("1.0.0", "[sha256\n", "E-DATA"),
    ],
)
def test_a_description_that_cannot_be_added_to_is_left_alone(
    tmp_path: Path, version: str, digests: str, words: str
) -> None:
    path = own_table(tmp_path, version=version, digests=digests)
    before = path.with_suffix(".toml").read_bytes()
    with pytest.raises(WrongUsageError) as error:
        record_digest(path)
    assert words in error.value.problems[0].line()
    assert path.with_suffix(".toml").read_bytes() == before


def test_a_clinics_own_table_needs_no_digest_and_a_wrong_row_gets_none(tmp_path: Path, run: Callable[..., Any]) -> None:
    done = run("tables", "lint", write(tmp_path, f"{HEADER}\n{GOOD}\n"), "--record")
    assert done.code == 2
    path = own_table(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace(",18,", ",eighteen,"), encoding="utf-8")
    done = run("tables", "lint", path, "--record")
    assert (done.code, "E-TABLE-ROW" in done.err) == (2, True)
    assert "[sha256]" not in path.with_suffix(".toml").read_text(encoding="utf-8")
