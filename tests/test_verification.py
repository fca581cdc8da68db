"""The hazard log names tests that exist, and the generated pages are those of the code."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest
from mutations import bases, damage, invisible, mini, rows, verdict
from mutations.bench import NOT_BUILT

from sbrtcheck.errors import CATALOGUE

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
COLUMNS = ["id", "hazard", "cause", "harm", "severity", "control", "test", "residual"]


def _hazards() -> list[dict[str, str]]:
    with (DOCS / "hazards.csv").open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        assert reader.fieldnames == COLUMNS
        return list(reader)


def test_every_hazard_is_complete() -> None:
    hazards = _hazards()
    assert [h["id"] for h in hazards] == [f"H{n}" for n in range(1, len(hazards) + 1)]
    assert len(hazards) >= 20
    for hazard in hazards:
        assert all(hazard[c].strip() for c in COLUMNS), hazard["id"]
        assert hazard["severity"] in {"critical", "serious", "minor"}


@pytest.mark.parametrize("hazard", _hazards(), ids=lambda h: h["id"])
def test_every_control_is_held_by_a_test_that_exists(hazard: dict[str, str]) -> None:
    for name in hazard["test"].split(";"):
        path, _, function = name.strip().partition("::")
        file = ROOT / path
        assert file.is_file(), name
        text = file.read_text(encoding="utf-8")
        found = re.findall(r"^def (test_\w+)", text, re.MULTILINE)
        assert (function in found) if function else found, name


def _maker(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_errors_page_is_that_of_the_catalogue() -> None:
    page = _maker("build_errors").page()
    assert (DOCS / "errors.md").read_text(encoding="utf-8") == page, "run: make docs"


def test_verification_page_holds_every_case() -> None:
    """That what the page says was observed is still so is held where each case is carried out."""
    page = (DOCS / "verification.md").read_text(encoding="utf-8")
    maker = _maker("build_verification")
    for row in maker.table():
        start = f"| {row['id']} | {maker.cell(row['object'])} | {maker.cell(row['mutation'])} | "
        assert start + maker.cell(row["expected"]) in page, f"{row['id']}: run make docs"
    for row_id, why in NOT_BUILT.items():
        assert f"not built: {why}" in page, row_id
    assert set(rows.all_rows()) | set(NOT_BUILT) == {row["id"] for row in maker.table()}
    for kind in invisible.KINDS:
        assert f"| {kind} | " in page
    for name, why in verdict.MEANINGLESS.items():
        assert f"- `{name}`: {why}" in page


def test_recorded_counts_are_of_these_kinds_and_none_improved() -> None:
    record = json.loads((ROOT / "tests" / "mutations" / "record.json").read_text(encoding="utf-8"))
    assert {base for base, _, _, _ in record["counts"]} == set(mini.BASES)
    assert {kind for _, kind, _, _ in record["counts"]} == set(damage.KINDS)
    assert {result for _, _, result, _ in record["counts"]} <= set(verdict.RESULTS)
    samples = record["samples"]["counts"]
    assert {(sample, kind) for sample, kind, _, _ in samples} == set(product(bases.SAMPLES, damage.KINDS))
    assert {result for _, _, result, _ in samples} <= set(verdict.RESULTS)
    assert sum(n for _, _, _, n in record["counts"]) >= 500


def test_every_code_of_the_catalogue_is_given_somewhere() -> None:
    """A code that nothing gives is a promise that nobody keeps."""
    package = ROOT / "sbrtcheck"
    source = "".join(p.read_text(encoding="utf-8") for p in package.rglob("*.py") if p.name != "errors.py")
    assert [code for code in CATALOGUE if f'"{code}"' not in source] == []
    assert len(CATALOGUE) > 100
