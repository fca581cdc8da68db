"""Decimal and integer strings, strictly."""

from __future__ import annotations

import importlib
import pkgutil
import re

import numpy as np
import pytest
from dicom_builders import item, set_raw
from hypothesis import given
from hypothesis import strategies as st

import sbrtcheck
from sbrtcheck.read.dicom.values import View, parse_decimals, tag_name


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"54", [54.0]),
        (b" 54.0 ", [54.0]),
        (b"54\0", [54.0]),
        (b"+1.5e1\\-.5\\2.", [15.0, -0.5, 2.0]),
        (b"1 \\ 2\\3 ", [1.0, 2.0, 3.0]),
        (b"0.12345678901234567890", [0.12345678901234567890]),
        (b"1e-400", [0.0]),
        (b"", []),
        (b"  ", []),
    ],
)
def test_decimal_strings(raw: bytes, values: list[float]) -> None:
    read = parse_decimals(raw)
    assert isinstance(read, np.ndarray)
    assert read.tolist() == values


@pytest.mark.parametrize(
    ("raw", "code", "seen"),
    [
        (b"nan", "E-NONFINITE", "nan"),
        (b"-inf ", "E-NONFINITE", "-inf "),
        (b"Infinity", "E-NONFINITE", "Infinity"),
        (b"1e400", "E-NONFINITE", "1e400"),
        (b"1\\\\2", "E-NONFINITE", "(empty component)"),
        (b"1\\2\\", "E-NONFINITE", "(empty component)"),
        (b"54,0", "E-BAD-NUMBER", "54,0"),
        (b"1_000", "E-BAD-NUMBER", "1_000"),
        ("５４".encode(), "E-BAD-NUMBER", "５４".encode().decode("latin-1")),
        (b"0x36", "E-BAD-NUMBER", "0x36"),
        (b"5 4", "E-BAD-NUMBER", "5 4"),
        (b"54\n", "E-BAD-NUMBER", "54\n"),
        (b"54\0\0", "E-BAD-NUMBER", "54\0"),
        (b"1e", "E-BAD-NUMBER", "1e"),
        (b".", "E-BAD-NUMBER", "."),
        (b"--1", "E-BAD-NUMBER", "--1"),
        (b"54 Gy", "E-BAD-NUMBER", "54 Gy"),
    ],
)
def test_what_is_no_decimal_string(raw: bytes, code: str, seen: str) -> None:
    assert parse_decimals(raw) == (code, seen)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=8))
def test_numbers_come_back_as_they_were(numbers: list[float]) -> None:
    read = parse_decimals("\\".join(map(repr, numbers)).encode())
    assert isinstance(read, np.ndarray)
    assert read.tolist() == numbers


@given(st.binary(max_size=12))
def test_any_bytes_give_finite_numbers_or_a_code(raw: bytes) -> None:
    read = parse_decimals(raw)
    if isinstance(read, tuple):
        assert read[0] in {"E-NONFINITE", "E-BAD-NUMBER"}
    else:
        assert np.all(np.isfinite(read))
        assert read.size == (raw.count(b"\\") + 1 if raw.strip(b" \0") else 0)


def test_a_long_hostile_string_is_refused_in_linear_time() -> None:
    assert parse_decimals(b"1" * 2_000_000 + b"x") == ("E-BAD-NUMBER", "1" * 40)


@pytest.mark.parametrize(
    ("raw", "value", "code"),
    [
        (b"3", 3, ""),
        (b" +12 ", 12, ""),
        (b"  ", None, ""),
        (b"3.0", None, "E-BAD-NUMBER"),
        (b"1_0", None, "E-BAD-NUMBER"),
        (b"99999999999", None, "E-BAD-NUMBER"),
        (b"3\\4", None, "E-BAD-NUMBER"),
        (b"nan", None, "E-NONFINITE"),
    ],
)
def test_integer_strings(raw: bytes, value: int | None, code: str) -> None:
    ds = item()
    set_raw(ds, "NumberOfFractionsPlanned", raw)
    view = View(ds, "x.dcm")
    assert view.integer("NumberOfFractionsPlanned") == value
    assert [p.code for p in view.found] == ([code] if code else [])


def test_a_problem_names_file_tag_value_and_remedy() -> None:
    ds = item()
    set_raw(ds, "TargetPrescriptionDose", b"54,0")
    view = View(ds, "rp.dcm", where="DoseReferenceSequence item 1")
    assert view.number("TargetPrescriptionDose") is None
    line = view.found[0].line()
    assert line.startswith("E-BAD-NUMBER rp.dcm (300A,0026) TargetPrescriptionDose in DoseReferenceSequence item 1:")
    assert "(seen: 54,0)" in line
    assert line.endswith("compare its size")


def test_ten_thousand_like_problems_are_a_few() -> None:
    view = View(item(), "x.dcm")
    for _ in range(10_000):
        view.note("E-MISSING", "ContourData")
    assert len(view.found) == 25


def test_a_wrong_value_representation_is_refused() -> None:
    ds = item()
    set_raw(ds, "TargetPrescriptionDose", b"54", vr="LO")
    view = View(ds, "x.dcm")
    assert view.number("TargetPrescriptionDose") is None
    assert [p.code for p in view.found] == ["E-BAD-VALUE"]
    assert view.items("TargetPrescriptionDose") == []


def test_undecodable_text_is_shown_and_noted_once() -> None:
    ds = item(RTPlanLabel="Lunge \ufffd")
    view = View(ds, "x.dcm")
    assert view.text("RTPlanLabel") == "Lunge \ufffd"
    assert view.text("RTPlanLabel") == "Lunge \ufffd"
    assert [p.code for p in view.found] == ["W-CHARACTER-SET"]


def test_tag_name() -> None:
    assert tag_name("DoseUnits") == "(3004,0002) DoseUnits"


def test_what_is_raised_on_first_use_is_a_problem_of_the_file() -> None:
    class Broken(dict[str, object]):
        def __contains__(self, key: object) -> bool:
            return True

        def __getitem__(self, key: str) -> object:
            raise RecursionError

    view = View(Broken(), "x.dcm")
    assert view.text("RTPlanLabel") == ""
    assert view.items("BeamSequence") == []
    assert [(p.code, p.seen) for p in view.found] == [("E-PARSE", "RecursionError")] * 2


def test_no_pattern_has_a_possessive_quantifier() -> None:
    """Python 3.11.2 to 3.11.4 match them wrongly: a cut number was read as a whole one. Later ones do not show it."""
    modules = [importlib.import_module(m.name) for m in pkgutil.walk_packages(sbrtcheck.__path__, "sbrtcheck.")]
    patterns = {v.pattern for m in modules for v in vars(m).values() if isinstance(v, re.Pattern)}
    assert len(patterns) > 20
    texts = [p if isinstance(p, str) else p.decode("latin-1") for p in patterns]
    assert [t for t in texts if re.search(r"(?<!\\)[*+?}]\+|\(\?>", t)] == []
