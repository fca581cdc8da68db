"""The rows of oracles.csv on dose and volume: solids whose answer has a closed form, through the whole engine."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import phantoms as ph
import pytest

from sbrtcheck.dvh import build_structure, compute_dvh
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.model import Dvh, Roi

ORACLES = (Path(__file__).parents[1] / "oracles.csv").read_text(encoding="utf-8")
ROWS = [
    row for row in csv.DictReader(ORACLES.splitlines()) if row["quantity"].endswith((" cc", " Gy")) and row["inputs"]
]
CONTOUR_MM = 1.0
GRID_MM = 2.0
VOLUME_TOLERANCE = 0.005
# In a gradient of 1 Gy per mm: a tenth of a millimetre, as in the classes of test_dvh_engine.py.
TOLERANCE_GY = {"Dmean": 0.06, "D95%": 0.12, "D0.03cc": 0.12}


@cache
def computed(solid: str, gradient: str) -> Dvh:
    """A solid of the rows in its dose. The planes of the contours stand half a distance inside of flat ends."""
    made = {"cylinder": ph.cylinder(12.0, 24.0), "cone": ph.cone(12.0, 24.0), "sphere": ph.sphere(4 / 3 * np.pi * 8)}
    # The cone's apex is up: the rows have it at the low end of the dose.
    up = {"cylinder": (0.0, 0.0, 1.0), "cone": (0.0, 0.0, -1.0)}
    if gradient == "gauss":
        dose = lambda p: 70.0 * np.exp(-np.sum(p**2, axis=1) / (2 * 28.0**2))  # noqa: E731
    else:
        direction = (0.0, 1.0, 0.0) if gradient == "AP" else up[solid]
        dose = ph.ramp(direction, 1.0, middle_gy=16.0)
    contours = ph.draw(made[solid], CONTOUR_MM, 0.5, centre=np.zeros(3))
    grid = ph.grid_around(dose, 30.0, GRID_MM, np.full(3, 0.3))
    return compute_dvh(build_structure(Roi(1, solid, contours)), grid)


def gradients(row: dict[str, str]) -> tuple[str, ...]:
    if row["inputs"].startswith("sphere"):
        return ("gauss",)
    return ("SI", "AP") if "SI or AP" in row["inputs"] or row["quantity"].startswith("volume") else ("SI",)


def test_these_are_the_rows_on_dose_and_volume() -> None:
    assert [row["id"] for row in ROWS] == ["O072", "O073", "O075", "O076", "O078", "O079", "O081", "O082"]
    assert {row["inputs"].split()[0].rstrip(";") for row in ROWS} == {"cylinder", "cone", "sphere"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_closed_form_is_reproduced(row: dict[str, str]) -> None:
    expected = float(row["expected"])
    solid = row["inputs"].split()[0].rstrip(";")
    for gradient in gradients(row):
        dvh = computed(solid, gradient)
        if row["quantity"] == "volume cc":
            assert dvh.total_volume_cm3 == pytest.approx(expected, rel=VOLUME_TOLERANCE)
            continue
        name = row["quantity"].split()[0]
        value = evaluate("Mean[Gy]" if name == "Dmean" else f"{name}[Gy]", dvh)
        assert value.value == pytest.approx(expected, abs=TOLERANCE_GY[name])
        assert value.low is not None
        assert value.high is not None
        assert value.low - 1e-9 <= expected <= value.high + 1e-9
