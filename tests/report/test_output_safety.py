"""What is written: nothing hostile from a file, nothing over an existing file, and no identity where none belongs."""

from __future__ import annotations

import csv
import json
import logging
import re
from io import StringIO
from pathlib import Path

import dicom_builders as build
import pytest
from mutations import mini
from mutations.rows_files import elements
from pydicom import Dataset

from sbrtcheck.cli import main as cli
from sbrtcheck.errors import MAX_TEXT, Problem, safe_text
from sbrtcheck.model import Report
from sbrtcheck.report import Format, render, render_csv, render_json
from sbrtcheck.report.pseudonym import KEY_VARIABLE, pseudonymised

SECRET = "Zyxwvut"
HOSTILE = (
    "\x1b[2J\x1b[31mPASS",
    "a\nPASS\r\nb",
    "\u202edrow\u2066x\u2069",
    "\x00\x07\x7f\x9b",
    "\u2028x\u2029",
    "\ufeff\u200b",
    "\ud800",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_safe_text_leaves_no_control_and_no_direction_mark(text: str) -> None:
    shown = safe_text(text)
    assert shown.isprintable()
    assert safe_text(shown) == shown
    problem = Problem("E-PARSE", text, tag=text, seen=text, remedy=text, detail=text)
    assert problem.line().isprintable()


def test_safe_text_is_short() -> None:
    assert len(safe_text("x" * 10_000)) <= MAX_TEXT + 3
    assert len(safe_text("\x00" * 10_000)) <= MAX_TEXT + 3


def _identified(*, salt: str = SECRET, hostile: str = "") -> dict[str, Dataset]:
    rois = mini.rois()
    rois[f"{salt}{hostile} thing"] = ("ORGAN", [build.circle(-10, -20, z, 4, 24) for z in build.planes(-10, 10)])
    objects = {
        "rp.dcm": mini.plan(label=f"NODE {salt}"[:16]),
        "rs.dcm": mini.structures(only=rois),
        "rd.dcm": mini.dose(),
    }
    for ds in objects.values():
        ds.PatientName, ds.PatientID, ds.PatientBirthDate = f"{salt}^Ann", f"{salt}-77", "19470203"
        ds.StudyInstanceUID = "1.2.826.0.1.999.555"
    objects["rp.dcm"].RTPlanName = f"{salt} plan"
    return objects


def _pages(report: Report) -> dict[Format, str]:
    """The report in every format that there is: one that is new is attacked too."""
    return {format_: render(report, format_) for format_ in Format}


@pytest.fixture(scope="module")
def identified(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("identified")
    named = {f"{SECRET}_{name}": ds for name, ds in _identified().items()}
    return mini.check_files(folder, named)


def test_the_name_is_shown_once_and_only_for_people(identified: Report) -> None:
    pages = _pages(identified)
    for format_, page in pages.items():
        assert ("Zyxwvut^Ann" in page) is format_.names_the_patient, format_
        assert ("Zyxwvut-77" in page) is format_.names_the_patient, format_
        assert "19470203" not in page, format_


def test_pseudonymised_pages_hold_no_identity(identified: Report) -> None:
    hidden = pseudonymised(identified)
    hashes = [i.sha256 for i in identified.inputs]
    uids = [i.sop_instance_uid for i in identified.inputs]
    for kind, page in _pages(hidden).items():
        for word in (
            SECRET,
            SECRET.casefold(),
            SECRET.upper(),
            "19470203",
            "Ann",
            *hashes,
            *(h[:16] for h in hashes),
            *uids,
        ):
            assert word not in page, (kind, word)
    assert hidden.pseudonymised
    assert json.loads(render_json(hidden))["pseudonymised"] is True
    # The numbers, the verdicts and the names that everybody uses stay.
    assert [(f.verdict, f.value, f.limit) for f in hidden.findings] == [
        (f.verdict, f.value, f.limit) for f in identified.findings
    ]
    assert hidden.outcome is identified.outcome
    shown = {s.roi for s in hidden.structures}
    assert {"PTV", "GTV", "SpinalCord", "Esophagus", "BrachialPlexus"} < shown
    assert sum(re.fullmatch(r"ROI-[0-9a-f]{10}", roi) is not None for roi in shown) == 1


def test_tokens_repeat_with_the_key_and_only_with_it(identified: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "one key")
    one, again = render_json(pseudonymised(identified)), render_json(pseudonymised(identified))
    monkeypatch.setenv(KEY_VARIABLE, "another key")
    other = render_json(pseudonymised(identified))
    monkeypatch.delenv(KEY_VARIABLE)
    drawn, drawn_again = render_json(pseudonymised(identified)), render_json(pseudonymised(identified))
    assert one == again
    assert len({one, other, drawn, drawn_again}) == 4


def test_a_refusal_holds_no_identity_either(tmp_path: Path) -> None:
    objects = _identified()
    objects["rp.dcm"].ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID = "2.25.987654321"
    objects["rs.dcm"].ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints = "7"
    named = {f"{SECRET}_{name}": ds for name, ds in objects.items()}
    report = mini.check_files(tmp_path, named, pseudonymise=True)
    assert report.exit_code == 4
    assert report.errors
    for page in (*_pages(report).values(), *(p.line() for p in report.errors)):
        assert SECRET not in page
        assert "2.25.987654321" not in page


def test_case_file_text_is_hidden(tmp_path: Path) -> None:
    case = tmp_path / f"{SECRET}.toml"
    case.write_text(
        f'[[deviation]]\nrule = "OM-1"\nreason = "asked by {SECRET}"\nname = "Dr {SECRET}"\n'
        f'[[absent]]\norgan = "Liver"\nreason = "{SECRET} had it removed"\n',
        encoding="utf-8",
    )
    report = mini.check_files(tmp_path / "plan", mini.files(), case=case, pseudonymise=True)
    for kind, page in _pages(report).items():
        assert SECRET not in page, kind


def test_no_identity_on_stderr_or_in_logs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    objects = _identified()
    del objects["rd.dcm"].DoseUnits
    objects["rs.dcm"].PatientID = "OTHER-1"
    folder = mini.write(tmp_path / "in", objects)
    caplog.set_level(logging.DEBUG)
    for command in (["check", str(folder), "-f", "json"], ["validate", str(folder)], ["names", str(folder)]):
        with pytest.raises(SystemExit) as ended:
            cli.main(command)
        # The names come from the structure set alone, and give no verdict.
        assert ended.value.code == (0 if command[0] == "names" else 4)
        captured = capsys.readouterr()
        for text in (captured.err, captured.out, caplog.text):
            for word in ("Zyxwvut-77", "Zyxwvut^Ann", "OTHER-1", "19470203"):
                assert word not in text, command


def test_hostile_names_reach_no_page(tmp_path: Path) -> None:
    hostile = '<img src=x onerror="1">\x1b[31m=1+1'
    objects = _identified(salt="Unknown", hostile=hostile)
    for ds in objects.values():
        ds.PatientName = "<script>alert(1)</script>"
    report = mini.check_files(tmp_path, objects)
    pages = _pages(report)
    assert "\x1b" not in "".join(pages.values())
    assert "<script>alert" not in pages["html"]
    assert "<img src=x" not in pages["html"]
    benign = _identified(salt="Unknown", hostile=re.sub(r"[^a-z]", "a", hostile))
    plain = _pages(mini.check_files(tmp_path / "plain", benign))["html"]
    assert _structure(pages["html"]) == _structure(plain)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', pages["html"])
    assert policy is not None
    assert "default-src 'none'" in policy.group(1)
    assert "script-src" not in policy.group(1)
    assert not re.search(r"(?i)<script|javascript:|https?://[^\"]*\.js", pages["html"])


def _structure(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Elements and attributes, without the class that tells long cells from short ones."""
    return [(tag, tuple(a for a in attributes if a != "class")) for tag, attributes in elements(page)]


def test_no_cell_starts_a_formula(tmp_path: Path) -> None:
    rois = mini.rois()
    for name in ("=1+1", "@SUM(1)", "+cmd", "-2+3"):
        rois[name] = ("ORGAN", [build.circle(-10, -20, z, 4, 12) for z in build.planes(-4, 4)])
    report = mini.check_files(tmp_path, {**mini.files(), "rs.dcm": mini.structures(only=rois)})
    names = _command_csv(tmp_path)
    assert "1+1" in names
    for page in (render_csv(report), names):
        cells = [cell for row in csv.reader(StringIO(page)) for cell in row]
        for cell in cells:
            assert re.match(r"[-+]?[\d.]+(?:e[-+]?\d+)?\Z", cell) or not cell.startswith(
                ("=", "+", "-", "@", "\t", "\r")
            )


def _command_csv(folder: Path) -> str:
    out = folder / "names.csv"
    with pytest.raises(SystemExit) as ended:
        cli.main(["names", str(folder), "-f", "csv", "-o", str(out)])
    assert ended.value.code == 0
    return out.read_text(encoding="utf-8")


def test_nothing_is_overwritten_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = mini.write(tmp_path / "in", {**mini.files(), "rd.dcm": b"cut"})
    out = tmp_path / "report.json"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", str(folder), "-f", "json", "-o", str(out), "--no-config"])
    assert ended.value.code == 2
    assert out.read_text(encoding="utf-8") == "mine"
    assert "E-OUTPUT" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", str(folder), "-f", "json", "-o", str(out), "--no-config", "--force"])
    assert ended.value.code == 4
    assert json.loads(out.read_text(encoding="utf-8"))["outcome"] == "REFUSED"


def test_output_names_never_come_from_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check writes where it is told and nowhere else, whatever the labels in the files are."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    objects = dict(_identified())
    objects["rp.dcm"].RTPlanLabel = "../../NODE"
    folder = mini.write(tmp_path / "in", objects)
    before = sorted(p for p in tmp_path.rglob("*"))
    with mini.coarse(), pytest.raises(SystemExit) as ended:
        cli.main(["check", str(folder), "-f", "html", "-o", "out.html", "--no-config"])
    assert ended.value.code in {0, 1, 3}
    assert sorted(p for p in tmp_path.rglob("*") if p not in before) == [work / "out.html"]
