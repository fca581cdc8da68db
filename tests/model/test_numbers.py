"""Numbers as shown: rounding never changes on which side of its limit a value lies."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sbrtcheck.model.numbers import (
    exact,
    format_limit,
    format_margin,
    format_margin_percent,
    format_share,
    format_value,
    relation,
)

HOLDS = {"<": float.__lt__, "<=": float.__le__, ">": float.__gt__, ">=": float.__ge__}
AMOUNTS = st.floats(min_value=0.0, max_value=1e6, allow_nan=False)
LIMITS = st.one_of(
    st.sampled_from([0.0, 10.5, 16.5, 17.4, 30.0, 34.0, 40.0, 47.0, 100.0, 700.0, 1500.0]),
    st.floats(min_value=0.01, max_value=1e5),
)
UNITS = st.sampled_from(["Gy", "%", "cc", ""])


@given(value=AMOUNTS, limit=LIMITS, comparator=st.sampled_from(sorted(HOLDS)), unit=UNITS)
@example(value=40.0000001, limit=40.0, comparator="<=", unit="Gy")
@example(value=39.9999999, limit=40.0, comparator="<", unit="Gy")
@example(value=1499.6, limit=1500.0, comparator=">=", unit="cc")
@example(value=math.nextafter(40.0, 41.0), limit=40.0, comparator="<=", unit="Gy")
def test_the_shown_number_gives_the_verdict_of_the_unrounded_one(
    value: float, limit: float, comparator: str, unit: str
) -> None:
    shown = float(format_value(value, limit, comparator, unit))
    assert HOLDS[comparator](shown, limit) is HOLDS[comparator](value, limit)
    assert shown == pytest.approx(value, rel=0.01, abs=0.5)


@given(limit=st.sampled_from([16.5, 30.0, 40.0, 1500.0]), step=st.integers(1, 60), up=st.booleans(), unit=UNITS)
def test_values_a_few_floats_away_from_the_limit_never_read_as_on_it(
    limit: float, step: int, up: bool, unit: str
) -> None:
    value = limit
    for _ in range(step):
        value = math.nextafter(value, math.inf if up else -math.inf)
    assert relation(float(format_value(value, limit, "<=", unit)), limit) == (">" if up else "<")


@given(value=AMOUNTS, limit=LIMITS, comparator=st.sampled_from(sorted(HOLDS)), decimals=st.integers(0, 6))
def test_more_decimals_on_request_keep_the_side(value: float, limit: float, comparator: str, decimals: int) -> None:
    shown = float(format_value(value, limit, comparator, "Gy", decimals=decimals))
    assert relation(shown, limit) == relation(value, limit)


@given(value=AMOUNTS, limit=st.floats(min_value=0.01, max_value=1e5))
def test_a_negative_margin_shows_as_negative_and_a_share_above_one_as_above_100(value: float, limit: float) -> None:
    margin, share = limit - value, value / limit
    for text in (format_margin(margin, "Gy"), format_margin_percent(margin, limit)):
        assert text.startswith("-") is (float(text) < 0)
    assert (float(format_margin(margin, "Gy")) < 0) is (margin < 0)
    assert (float(format_share(share).removesuffix(" %")) > 100.0) is (100.0 * share > 100.0)


@pytest.mark.parametrize(
    ("value", "limit", "comparator", "unit", "expected"),
    [
        (47.13, 40.0, "<=", "Gy", "47.1"),
        (8.126, 40.0, "<=", "Gy", "8.13"),
        (39.96, 40.0, "<=", "Gy", "39.96"),
        (40.0, 40.0, "<=", "Gy", "40.0"),
        (40.04, 40.0, "<=", "Gy", "40.04"),
        (40.004, 40.0, "<=", "Gy", "40.004"),
        (2841.4, 1500.0, ">=", "cc", "2841"),
        (1499.97, 1500.0, ">=", "cc", "1499.97"),
        (12.34, None, "", "%", "12.3"),
        (3.0, 5.0, "<=", "", "3"),
        (-0.001, None, "", "Gy", "0.00"),
        (None, 40.0, "<=", "Gy", "-"),
        (math.nan, 40.0, "<=", "Gy", "-"),
        (math.inf, 40.0, "<=", "Gy", "-"),
        (1e300, 40.0, "<=", "Gy", "1e+300"),
    ],
)
def test_how_a_number_is_shown(
    value: float | None, limit: float | None, comparator: str, unit: str, expected: str
) -> None:
    assert format_value(value, limit, comparator, unit) == expected


def test_a_limit_is_shown_as_its_table_prints_it() -> None:
    assert [exact(x) for x in (40.0, 17.4, 0.035, 1500.0)] == ["40", "17.4", "0.035", "1500"]


def test_an_interpolated_limit_is_shortened() -> None:
    assert format_limit(50.40882985268841, 47.6, unit="%") == "50.41"
    assert format_limit(17.4, 17.3999, unit="Gy") == "17.4"


@given(limit=st.floats(min_value=0.1, max_value=1e4), step=st.floats(min_value=-1e-2, max_value=1e-2))
@example(limit=50.40882985268841, step=1e-12)
@example(limit=50.40882985268841, step=0.001)
def test_a_shortened_limit_leaves_the_value_on_its_side(limit: float, step: float) -> None:
    value = limit + step
    shown = float(format_limit(limit, value, unit="Gy"))
    text = float(format_value(value, limit, "<=", "Gy"))
    assert relation(value, shown) == relation(text, shown) == relation(value, limit)


def test_what_is_not_there_is_a_dash() -> None:
    assert format_margin(None, "Gy") == format_margin_percent(1.0, 0.0) == format_share(None) == "-"
    assert format_share(math.nan) == format_margin(math.inf, "Gy") == "-"
