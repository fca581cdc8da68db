"""How far a table's transcription is to be trusted stands beside each verdict that rests on it, in every format."""

from __future__ import annotations

import csv
import io
import json
from functools import cache
from pathlib import Path

import pytest
from array_studies import ball, study, tube

import sbrtcheck
from sbrtcheck.model import Finding, FindingKind, Report
from sbrtcheck.report import render_csv, render_html, render_json, render_text
from sbrtcheck.tables.organ_tables import load_table


@cache
def report(table: str) -> Report:
    small = study(contours={"PTV": ball(15.0), "SpinalCanal": tube(5.0, 25.0), "Heart": tube(4.0, -30.0)})
    return sbrtcheck.check_study(small, sites={"": "spine"}, table=table)


def organ_limits(of: Report) -> list[Finding]:
    """Rows of the deciding table; supplements come from other tables and say so themselves."""
    decides = of.plans[0].table
    return [f for f in of.findings if f.kind is FindingKind.ORGAN_LIMIT and f.limit is not None and f.table == decides]


def test_a_secondary_transcription_says_so_beside_each_verdict() -> None:
    found = report("uk_sabr_2022")
    limits = organ_limits(found)
    assert limits
    assert {f.trust for f in limits} == {"secondary transcription"}
    text = render_text(found, width=160)
    assert text.count("UK SABR 2022 (secondary)") >= len(limits)
    html = render_html(found)
    assert html.count("UK SABR 2022 (secondary)") >= len(limits)
    assert "secondary transcription" in text
    assert "secondary transcription" in html
    document = json.loads(render_json(found))
    shown = [f for p in document["course"]["plans"] for f in p["findings"] if f["table"] == "uk_sabr_2022"]
    assert shown
    assert {f["trust"] for f in shown} == {"secondary transcription"}
    rows = [r for r in csv.DictReader(io.StringIO(render_csv(found))) if r["table"] == "uk_sabr_2022"]
    assert len(rows) == len(shown)
    assert {r["trust"] for r in rows} == {"secondary transcription"}


def test_a_transcription_of_the_source_needs_no_remark() -> None:
    html = render_html(report("aapm_tg101"))
    assert "AAPM TG-101" in html
    assert "AAPM TG-101 (" not in html


def test_a_clinics_own_table_is_called_local(tmp_path: Path) -> None:
    path = tmp_path / "ours.csv"
    path.write_text(
        "organ,fractions,metric,comparator,limit,unit,level\nHeart,5,D0.035cc[Gy],<=,38,Gy,mandatory\n",
        encoding="utf-8",
    )
    found = report(str(path))
    assert {f.trust for f in organ_limits(found) if f.table == "ours.csv"} == {"local"}
    # What the clinic's table does not list is supplied by a source that says what it is.
    supplied = [f for f in organ_limits(found) if f.table != "ours.csv"]
    assert {(f.organ, f.trust) for f in supplied} == {("SpinalCanal", "secondary transcription")}
    assert all("supplement: UK SABR 2022" in f.note for f in supplied)
    assert "ours.csv (local)" in render_html(found)
    assert [t.version for t in found.tables if t.name == "ours.csv"] == ["local"]


@pytest.mark.parametrize("table", ["uk_sabr_2022", "aapm_tg101"])
def test_version_and_digest_of_each_table_are_in_every_report(table: str) -> None:
    found = report(table)
    used = {f.table for f in found.findings if f.kind in {FindingKind.ORGAN_LIMIT, FindingKind.STRICTER_SOURCE}}
    used = {name for name in used if name}
    assert table in used
    document = json.loads(render_json(found))
    listed = {t["name"]: t for t in document["tables"]}
    text, html = render_text(found, width=160), render_html(found)
    for name in used:
        shipped = load_table(name)
        assert (listed[name]["version"], listed[name]["sha256"]) == (shipped.version, shipped.sha256)
        assert shipped.sha256[:12] in html.replace("\n", "").replace(" ", "")
        assert shipped.sha256[:8] in text
