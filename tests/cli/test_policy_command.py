"""``sbrtcheck policy`` and ``explain RULE_ID``: what they print, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.tables.policy import load_policy

Run = Callable[..., Any]


def test_the_page_has_every_value_under_its_rule(run: Run) -> None:
    done = run("policy")
    assert done.code == 0
    assert load_policy().sha256[:16] in done.out
    before = -1
    for number in range(1, 13):
        at = done.out.index(f"\nP{number}  ")
        assert at > before
        before = at
    for entry in load_policy().entries.values():
        assert f"    {entry.key}: " in done.out
    assert max(map(len, done.out.splitlines())) < 200


def test_one_rule_alone(run: Run) -> None:
    done = run("policy", "p8")
    assert "location.touching_mm: 2 mm, a clinic may set 1 to 5; source: ours" in done.out
    assert "near.distance_mm" not in done.out


def test_json_has_the_numbers(run: Run) -> None:
    rows = json.loads(run("policy", "--format", "json").out)
    assert {r["key"]: r["value"] for r in rows} == {k: e.value for k, e in load_policy().entries.items()}
    fixed = next(r for r in rows if r["key"] == "levels.cord_5_fail_gy")
    assert (fixed["min"], fixed["max"]) == (None, None)


def test_a_clinics_values_stand_beside_the_defaults(run: Run, tmp_path: Path) -> None:
    clinic = tmp_path / "clinic.toml"
    clinic.write_text("[policy]\ntarget_dose.d98_marginal_percent = 107\n", encoding="utf-8")
    done = run("policy", "P4", "--config", clinic)
    assert "clinic: target_dose.d98_marginal_percent 105 % -> 107 %" in done.out
    assert "107 %, a clinic may set 102 to 108 (set by the clinic)" in done.out
    rows = json.loads(run("policy", "P4", "--config", clinic, "--format", "json").out)
    row = next(r for r in rows if r["key"] == "target_dose.d98_marginal_percent")
    assert (row["value"], row["default"]) == (107.0, 105.0)


def test_a_value_outside_its_range_is_one_line_and_exit_code_2(run: Run, tmp_path: Path) -> None:
    clinic = tmp_path / "clinic.toml"
    clinic.write_text("[policy]\nnear.distance_mm = 5\n", encoding="utf-8")
    done = run("policy", "--config", clinic)
    assert done.code == 2
    assert done.err.startswith("E-CONFIG clinic.toml key policy.near.distance_mm: ")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("policy", "P99"), ("explain", "AAPM_TG101:Nothing")])
def test_what_does_not_exist_is_refused(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert done.err.startswith("E-OPTION")
    assert len(done.err.splitlines()) == 1


def test_explain_a_row_a_rule_and_a_value(run: Run) -> None:
    row = run("explain", "AAPM_TG101:SpinalCord:5:D0.35cc[Gy]:mandatory")
    assert row.code == 0
    assert "SpinalCord in 5 fractions: D0.35cc[Gy] < 23 Gy" in row.out
    assert "Med Phys 2010;37:4078-4101" in " ".join(row.out.split())
    rule = run("explain", "P5")
    assert "Coverage can fail" in rule.out
    assert "coverage.d95_fail_percent: 90 %" in rule.out
    value = run("explain", "coverage.d95_fail_percent", "--format", "json")
    assert {r["name"]: r["text"] for r in json.loads(value.out)}["source"] == "ours"


def test_explain_still_knows_the_codes(run: Run) -> None:
    assert run("explain", "E-TRUNCATED").out.startswith("E-TRUNCATED: ")
    assert "W-COARSE-GRID" in run("explain").out
