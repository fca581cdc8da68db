"""The numbers on docs/radiobiology.md are what the program gives."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from sbrtcheck.radiobiology import lq as radiobiology
from sbrtcheck.radiobiology import models as radiobiology_models

PAGE = (Path(__file__).parents[2] / "docs" / "radiobiology.md").read_text(encoding="utf-8")
WORKED = re.findall(r"^\| `([a-z_0-9]+\(.+\).*)` \| ([0-9.]+) \|$", PAGE, re.MULTILINE)
NAMES = {**vars(radiobiology_models), **vars(radiobiology)}


@pytest.mark.parametrize(("code", "printed"), WORKED, ids=[code[:40] for code, _ in WORKED])
def test_worked_number(code: str, printed: str) -> None:
    decimals = len(printed.partition(".")[2])
    value = eval(code, {"__builtins__": {}}, NAMES)  # the page is ours
    assert value == pytest.approx(float(printed), abs=0.5 * 10**-decimals * 1.0001)


def test_every_public_function_has_a_worked_number() -> None:
    public = {
        name
        for module in (radiobiology, radiobiology_models)
        for name, item in vars(module).items()
        if inspect.isfunction(item) and item.__module__ == module.__name__ and not name.startswith("_")
    }
    shown = {name for code, _ in WORKED for name in re.findall(r"[a-z_0-9]+(?=\()", code)}
    # Checks of arguments, and whole DVHs: sample by sample the same as a shown function.
    assert public - shown == {"checked_dose", "checked_positive", "checked_fractions", "bed_dvh", "eqd2_dvh"}


def test_table_rows_of_code_are_all_read() -> None:
    assert len(WORKED) == len(re.findall(r"^\| `[a-z_0-9]+\(", PAGE, re.MULTILINE)) > 25
