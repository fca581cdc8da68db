"""Hostile and broken files: one line with the file, the place, what was seen and what to do; never a traceback."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from exchange_samples import (
    PQM_HEADER,
    TEMPLATES,
    bins,
    dose_objectives,
    measure_item,
    planscorecard,
    pqm,
    proknow,
    protocol,
    score,
    workbook,
    write,
)

GOAL = measure_item("Heart", 5, 3, "20", "1")
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b0 "bbbbbbbbbb">'
    + "".join(f'<!ENTITY b{i} "' + 10 * f"&b{i - 1};" + '">' for i in range(1, 9))
    + ']><DoseObjectives Version="1.0">&b8;</DoseObjectives>'
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><DoseObjectives Version="1.0">&x;</DoseObjectives>'
SHEET = [("Structure IDs", "DVH Objective", "Evaluation Point"), ("Heart", "Max[Gy]", "<=30")]


def with_part(part: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one part of its container changed."""
    out = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(workbook({"A": SHEET}))) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name == part else data)
    return out.getvalue()


def zipped(**parts: bytes) -> bytes:
    """A zip file of these parts."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts.items():
            new.writestr(name, data)
    return out.getvalue()


def far_row(data: bytes) -> bytes:
    return data.replace(b'<row r="2"', b'<row r="1048576"').replace(b'r="A2"', b'r="A1048576"')


FILES: list[tuple[str, str, str | bytes, str]] = [
    ("an entity bomb", "x.xml", BOMB, "entities or a document type"),
    ("an entity from outside", "x.xml", OUTSIDE, "entities or a document type"),
    ("a document type alone", "x.xml", "<!DOCTYPE DoseObjectives><DoseObjectives/>", "entities or a document type"),
    ("XML of another kind", "x.xml", "<ObjectiveTemplate/>", "XML of another kind"),
    ("an unknown version", "x.xml", dose_objectives(GOAL, version="2.0"), "an unknown version"),
    ("XML that ends early", "x.xml", dose_objectives(GOAL)[:-9], "not well-formed XML"),
    ("XML with a NUL", "x.xml", dose_objectives(GOAL).replace("Heart", "He\0art"), "not well-formed XML"),
    ("XML in an unknown encoding", "x.xml", '<?xml version="1.0" encoding="klingon"?><DoseObjectives/>', "E-TEMPLATE"),
    ("XML nested deeply", "x.xml", "<a>" * 200_000, "more than 30 levels"),
    ("XML of many elements", "x.xml", "<a>" + "<b/>" * 250_000, "more than 200000 elements"),
    ("XML without items", "x.xml", dose_objectives(), "no MeasureItem in it"),
    ("a protocol without phases", "x.xml", "<Protocol/>", "no phase in it"),
    ("a protocol of no number", "x.xml", protocol(fractions="three"), "no one number of fractions"),
    ("too many items", "x.xml", dose_objectives(*[GOAL] * 5001), "more rows than a limit template has"),
    ("a key twice", "x.json", '{"name": "x", "computed": [], "computed": []}', "a key occurs twice"),
    ("NaN in JSON", "x.json", '{"computed": [{"arg_1": NaN}]}', "not a number (seen: NaN)"),
    ("infinity in JSON", "x.json", '{"computed": [{"arg_1": -Infinity}]}', "not a number"),
    ("JSON nested deeply", "x.json", '{"computed": ' + "[" * 100_000, "nested too deeply"),
    ("JSON that ends early", "x.json", '{"computed": [', "not JSON"),
    ("a number of many digits", "x.json", '{"computed": [' + "1" * 5000 + "]}", "too many digits"),
    ("JSON of another kind", "x.json", '{"a": 1}', "JSON of another kind"),
    ("a list", "x.json", "[1, 2]", "JSON of another kind (seen: a list)"),
    ("a list of numbers", "x.json", '{"computed": [1]}', "not a list of objects"),
    ("two formats at once", "x.json", '{"computed": [], "ScoreTemplates": []}', "JSON of another kind"),
    ("an unknown version of RT-PX", "x.json", '{"schemaVersion": "9", "constraints": []}', "an unknown version"),
    ("too many metrics", "x.json", proknow(*[{}] * 5001), "more rows than a limit template has"),
    ("fractions that are none", "x.json", planscorecard(fractions=-1), "not a number of fractions"),
    ("a pack of files elsewhere", "x.json", '{"clinicalRuleCatalog": "../../etc/passwd"}', "not beside the pack"),
    ("a pack without its files", "x.json", '{"clinicalRuleCatalog": "rules.json"}', "rules.json: no such file"),
    ("a text that is not UTF-8", "x.csv", pqm("Körper;;Max[Gy];<=20;").encode("cp1252"), "the text is not UTF-8"),
    ("UTF-16", "x.csv", pqm("Heart;;Max[Gy];<=20;").encode("utf-16"), "the text is not UTF-8"),
    ("a NUL in CSV", "x.csv", pqm("He\0art;;Max[Gy];<=20;"), "the text is not UTF-8"),
    ("columns of nothing known", "x.csv", "organ,limit\nHeart,20\n", "not the columns of a PQM file"),
    ("a table of ours", "x.csv", "organ,fractions,metric,comparator,limit,unit,level\n", "a table of ours already"),
    ("semicolons", "x.csv", pqm("Heart;;Max[Gy];<=20;").replace(",", ";"), "commas between the cells"),
    ("a line too short", "x.csv", f"{PQM_HEADER}\nHeart,1\n", "line 2: wrong length"),
    ("a decimal comma without quotes", "x.csv", pqm("Heart;;Max[Gy];<=20,5;"), "write numbers with a decimal point"),
    ("an open quote", "x.csv", pqm('"Heart;;Max[Gy];<=20;'), "not CSV"),
    ("a control character", "x.csv", pqm("He\x1bart;;Max[Gy];<=20;"), "a control character"),
    ("a header alone", "x.csv", PQM_HEADER, "the table has no rows"),
    ("100,000 rows", "x.csv", pqm(*["Heart;;Max[Gy];<=20;"] * 100_000), "more rows than a limit template has"),
    ("5,001 rows", "x.csv", pqm(*["Heart;;Max[Gy];<=20;"] * 5001), "more rows than a limit template has"),
    ("an unknown column", "x.csv", f"{PQM_HEADER},Extra\nHeart,,,,Max[Gy],<=20,,,,,1\n", "unknown column"),
    ("columns without end", "x.csv", ",".join(map(str, range(300_000))), "not the columns of a PQM file"),
    ("a PQM file of columns without end", "x.csv", PQM_HEADER + "," + ",".join(map(str, range(300))), "more columns"),
    ("many short lines", "x.csv", PQM_HEADER + "\nHeart,1" * 4000, "3980 more lines are wrong"),
    ("many keys and one twice", "x.json", "{" + ",".join(f'"{i}":1' for i in (*range(99_999), 7)) + "}", "(seen: 7)"),
    ("an empty file", "x.csv", "", "the file is empty"),
    ("blanks", "x.csv", " \n ", "the file is empty"),
    ("9 MB", "x.csv", "a" * 9_000_000, "larger than 8 MB"),
    ("an old workbook", "x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old binary workbook"),
    ("a broken workbook", "x.xlsx", b"PK\x03\x04 not a zip", "not a workbook that can be read"),
    ("a zip of a later version", "x.xlsx", zipped(a=b"1").replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\xff"), "not a workbook"),
    ("a zip of something", "x.xlsx", zipped(a=b"1"), "no Excel workbook"),
    ("a zip bomb", "x.xlsx", zipped(a=b"0" * 70_000_000), "larger than any goal sheet"),
    ("an entity bomb in a sheet", "x.xlsx", with_part("xl/worksheets/sheet1.xml", lambda _: BOMB.encode()), "E-TEMPLATE"),
    ("an entity bomb in a workbook", "x.xlsx", with_part("xl/workbook.xml", lambda _: BOMB.encode()), "E-TEMPLATE"),
    ("a row very far down", "x.xlsx", with_part("xl/worksheets/sheet1.xml", far_row), "more rows than a limit template"),
    (
        "a sheet that is cut off",
        "x.xlsx",
        with_part("xl/worksheets/sheet1.xml", lambda data: data[: len(data) // 2]),
        "not a workbook that can be read",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "said"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_a_bad_file_ends_in_one_line_and_code_2(
    name: str, content: str | bytes, said: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    path = write(tmp_path, name, content)
    done = run("tables", "import", path, "--fractions", 3, "-o", tmp_path / "ours.csv")
    assert done.code == 2, (done.out, done.err)
    assert "internal error" not in done.err
    assert said in done.err or said in done.err.replace("): ", ": "), done.err
    lines = done.err.strip().splitlines()
    assert all(line.startswith("E-TEMPLATE") for line in lines), lines
    assert len(lines) == 1 or "line" in done.err
    assert all(len(line) < 700 for line in lines)
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize("kind", ["pqm", "doseobjectives", "protocol", "proknow", "planscorecard", "rtpx", "xlsx"])
@pytest.mark.parametrize(
    "content",
    [
        pqm("Heart;;Max[Gy];<=20;"),
        dose_objectives(GOAL),
        protocol(GOAL),
        proknow(),
        planscorecard(),
        workbook({"A": SHEET}),
    ],
)
def test_a_format_forced_on_another_file_is_read_or_refused(
    kind: str, content: str | bytes, run: Callable[..., Any], tmp_path: Path
) -> None:
    path = write(tmp_path, "x.dat", content)
    done = run("tables", "import", path, "--fractions", 3, "--from", kind)
    assert done.code in {0, 2}
    assert "internal error" not in done.err
    assert done.code == 0 or done.err.startswith("E-TEMPLATE")


_VALUES: list[Any] = [None, True, [], {}, "", "x" * 5000, -1, 1e300, "\x1b[31m", "\ud800", "\u202e", [[]], {"a": {}}]


@pytest.mark.parametrize("value", _VALUES, ids=lambda v: repr(v)[:12])
def test_any_value_in_any_place_of_json_is_refused_in_words(
    value: Any, run: Callable[..., Any], tmp_path: Path
) -> None:
    """Every value of every format replaced by something of another kind."""
    whole = [
        {"computed": [{"type": "MEAN_DOSE_ROI", "roi_name": "Heart", "objectives": bins("PASS", "max 20", "FAIL")}]},
        json.loads(planscorecard(score("DoseAtVolume", [(1, 1), (2, 0)], InputValue=1, InputUnit="CC"))),
        json.loads((TEMPLATES / "beamkit" / "rtpx.json").read_text(encoding="utf-8")),
        json.loads((TEMPLATES / "beamkit" / "clinical-rules.json").read_text(encoding="utf-8")),
        json.loads((TEMPLATES / "beamkit" / "plan-checks.json").read_text(encoding="utf-8")),
    ]
    for document in whole:
        for place in places(document):
            changed = json.loads(json.dumps(document))
            replace(changed, place, value)
            path = write(tmp_path, "x.json", json.dumps(changed))
            done = run("tables", "import", path, "--fractions", 5)
            assert done.code in {0, 2}, (place, done.err)
            assert "internal error" not in done.err, (place, done.err)
            assert "\x1b" not in done.out + done.err
            assert "\u202e" not in done.out + done.err


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each value stands; of a list its first two entries."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    return [here] * bool(here) + [p for key, v in inner for p in places(v, (*here, key))]


def replace(value: Any, place: tuple[Any, ...], new: Any) -> None:
    for key in place[:-1]:
        value = value[key]
    value[place[-1]] = new


def test_a_file_name_cannot_become_a_formula_or_break_the_table(run: Callable[..., Any], tmp_path: Path) -> None:
    path = write(
        tmp_path, '=cmd,"x"\n# imported partial: no.csv', pqm("Heart;;D15cc[Gy];<=24;", "Nothing;;Max[Gy];<=1;")
    )
    ours = tmp_path / "ours.csv"
    assert run("tables", "import", path, "--fractions", 3, "--allow-partial", "-o", ours).code == 0
    text = ours.read_text(encoding="utf-8")
    assert not any(cell.lstrip('"').startswith(("=", "+", "-", "@")) for cell in text.replace("\n", ",").split(","))
    assert run("tables", "lint", ours).code == 0
    from sbrtcheck.tables.organ_tables import load_table

    assert not load_table(ours).may_decide


@pytest.mark.parametrize(
    ("content", "name", "hidden"),
    [
        (dose_objectives(GOAL), "x.xml", "defusedxml"),
        (workbook({"A": SHEET}), "x.xlsx", "openpyxl"),
        (workbook({"A": SHEET}), "x.xlsx", "defusedxml"),
    ],
)
def test_without_the_extra_the_pip_line_is_told(
    content: str | bytes,
    name: str,
    hidden: str,
    run: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in [m for m in sys.modules if m.split(".")[0] == hidden] + [hidden]:
        monkeypatch.setitem(sys.modules, module, None)
    done = run("tables", "import", write(tmp_path, name, content), "--fractions", 3)
    assert done.code == 2
    assert "E-EXTRA" in done.err
    assert "pip install 'sbrtcheck[exchange]'" in done.err
