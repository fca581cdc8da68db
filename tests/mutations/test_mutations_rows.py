"""Every row of mutations.csv is one executed case; rows about what does not exist are skipped with the reason."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mutations import rows
from mutations.bench import NOT_BUILT, Bench

PAGE = Path(__file__).parents[2] / "docs" / "verification.md"
TABLE = Path(__file__).parents[1] / "mutations" / "mutations.csv"


def _ids() -> list[str]:
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return [row["id"] for row in csv.DictReader(stream)]


def test_every_row_has_a_case_or_a_reason() -> None:
    ids = _ids()
    assert len(ids) == len(set(ids)) == 98
    assert set(rows.all_rows()) | set(NOT_BUILT) == set(ids)
    assert not set(rows.all_rows()) & set(NOT_BUILT)


@pytest.mark.parametrize("row", _ids())
def test_row(row: str, tmp_path: Path) -> None:
    if row in NOT_BUILT:
        pytest.skip(f"{row}: {NOT_BUILT[row]}")
    bench = Bench(tmp_path)
    rows.all_rows()[row](bench)
    assert bench.observed, "a case that observes nothing is no case"
    said = "; ".join(bench.observed).replace("|", "\\|").replace("<", "&lt;")
    line = next(x for x in PAGE.read_text(encoding="utf-8").splitlines() if x.startswith(f"| {row} |"))
    assert line.endswith(f"| {said} |"), "docs/verification.md says something else; run make docs"
