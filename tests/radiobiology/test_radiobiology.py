"""BED, EQD2 and the other models: printed values, limit cases, properties, domains."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.errors import WrongUsageError
from sbrtcheck.model import Dvh, Quantity, Samples
from sbrtcheck.radiobiology.lq import (
    bed,
    bed_dvh,
    bed_from_eqd2,
    bed_interval,
    course_bed,
    course_eqd2,
    eqd2,
    eqd2_dvh,
    eqd2_from_bed,
    eqd2_interval,
    eqdx,
    isoeffective_total_dose,
    n_fractions_for_bed,
    total_dose_for_bed,
    total_dose_for_eqd2,
)
from sbrtcheck.radiobiology.models import (
    bed_incomplete_repair,
    bed_lql,
    bed_protracted,
    bed_usc,
    bed_with_repopulation,
    eqd2_after_gap,
    incomplete_repair_factor,
    lql_tangent_slope,
    protraction_factor,
    repopulation_loss,
    sfed,
    total_dose_for_bed_with_repopulation,
    usc_transition,
)

ORACLES = (Path(__file__).parents[1] / "oracles.csv").read_text(encoding="utf-8")
ROWS = {r["id"]: r for r in csv.DictReader(ORACLES.splitlines())}
# Not built: permanent low dose rate, and the modified LQ model.
NOT_BUILT = {"O067", "O129", "O130"}
# Geometry and DVH of analytic objects: test_dvh_oracles.py.
DVH_ROWS = {"O072", "O073", "O075", "O076", "O078", "O079", "O081", "O082"}
DOSES = st.floats(0.01, 120.0)
COUNTS = st.integers(1, 40)
RATIOS = st.floats(0.5, 30.0)
FOWLER: dict[str, Any] = {
    "overall_time_days": 46,
    "kickoff_days": 21,
    "doubling_days": 3,
    "alpha_per_gy": 0.35,
    "tissue_class": "tumour",
}
PARK: dict[str, float] = {"alpha_per_gy": 0.33, "d0_gy": 1.25, "dq_gy": 1.8}


def numbers(text: str) -> dict[str, float]:
    return {k: float(v) for k, v in re.findall(r"([A-Za-z0-9/]+) ?= ?(-?[0-9.]+)", text)}


def scheme_of(text: str) -> tuple[float, int]:
    """D and n from ``D=30 Gy; n=5``, ``30 x 2 Gy`` or ``54 Gy in 30 x 1.8 Gy``."""
    found = numbers(text)
    if "D" in found:
        return found["D"], int(found["n"])
    product = re.search(r"([0-9]+) x ([0-9.]+) Gy", text)
    assert product, text
    return int(product[1]) * float(product[2]), int(product[1])


def course_of(text: str) -> tuple[list[tuple[float, int]], float]:
    phases = []
    for n, d, scaled in re.findall(r"([0-9]+) x ([0-9.]+) Gy(?: \(full dose\))?(?: scaled by ([0-9.]+))?", text):
        phases.append((int(n) * float(d) * float(scaled or 1), int(n)))
    return phases, numbers(text)["ab"]


def value_of(row: dict[str, str]) -> float:
    """What this program computes for a row."""
    quantity, text, given_ = row["quantity"], row["inputs"], numbers(row["inputs"])
    if quantity == "EQD2 course sum":
        phases, ab = course_of(text)
        return course_eqd2(phases=phases, alpha_beta_gy=ab)
    if quantity == "course sum":
        assert text == "30/10 + 24/2; ab=2"
        return course_bed(phases=[(30.0, 10), (24.0, 2)], alpha_beta_gy=2)
    if quantity == "BED with repopulation":
        return bed_with_repopulation(total_dose_gy=70.0, n_fractions=35, alpha_beta_gy=10, **FOWLER)
    if quantity == "EQD2 loss per day":
        return 60.0 - eqd2_after_gap(eqd2_gy=60.0, loss_gy_per_day=0.7, extra_days=5)
    if quantity == "Hm":
        return incomplete_repair_factor(fractions_per_day=2, interval_hours=6, half_time_hours=4)
    if quantity == "limit":
        return incomplete_repair_factor(fractions_per_day=2, interval_hours=48, half_time_hours=0.5)
    if quantity == "BED incomplete repair":
        return bed_incomplete_repair(
            total_dose_gy=54.0,
            n_fractions=36,
            alpha_beta_gy=3,
            fractions_per_day=3,
            interval_hours=6,
            half_time_hours=4,
        )
    if quantity == "BED protracted":
        return bed_protracted(
            total_dose_gy=20.0,
            n_fractions=1,
            alpha_beta_gy=10,
            duration_minutes=30,
            half_times_minutes=[(1.0, 30.0)],
        )
    if quantity == "BED LDR finite":  # one long exposure is one fraction of that duration
        return bed_protracted(
            total_dose_gy=40.0,
            n_fractions=1,
            alpha_beta_gy=10,
            duration_minutes=60 * 40 / 0.55,
            half_times_minutes=[(1.0, 60 * math.log(2) / 0.46)],
        )
    if quantity == "BED LQ-L":
        total, n = scheme_of(text)
        ab, edge = given_["ab"], given_["dT"]
        slope = lql_tangent_slope(alpha_beta_gy=ab, transition_dose_gy=edge)
        return bed_lql(
            total_dose_gy=total, n_fractions=n, alpha_beta_gy=ab, transition_dose_gy=edge, gamma_per_alpha=slope
        )
    if quantity == "BED USC":
        total, n = scheme_of(text)
        return bed_usc(total_dose_gy=total, n_fractions=n, **PARK)
    if quantity == "SFED":
        return sfed(total_dose_gy=60.0, n_fractions=3, **PARK)
    if quantity == "inverse EQD2->D":
        return total_dose_for_eqd2(eqd2_gy=given_["EQD2"], n_fractions=5, alpha_beta_gy=3)
    if quantity.startswith("EQD2 of mean"):
        return eqd2(total_dose_gy=27.0, n_fractions=3, alpha_beta_gy=3)
    if quantity == "zero dose":
        return bed(total_dose_gy=0.0, n_fractions=5, alpha_beta_gy=3)
    total, n = scheme_of(text)
    function = {"BED": bed, "EQD2": eqd2}[quantity.split(" ")[0].removesuffix(",")]
    return function(total_dose_gy=total, n_fractions=n, alpha_beta_gy=given_["ab"])


@pytest.mark.parametrize("row", [r for i, r in ROWS.items() if i not in NOT_BUILT | DVH_ROWS], ids=lambda r: r["id"])
def test_published_and_derived_values_to_the_digits_that_are_printed(row: dict[str, str]) -> None:
    if row["expected"] == "error":
        found = numbers(row["inputs"])
        arguments = {
            "total_dose_gy": -1.0 if row["inputs"] == "D<0" else 30.0,
            "n_fractions": found.get("n", 5),
            "alpha_beta_gy": found.get("ab", 3.0),
        }
        with pytest.raises(WrongUsageError, match="E-DOMAIN"):
            bed(**arguments)  # type: ignore[arg-type]
        return
    printed = re.match(r"[0-9.]+", row["expected"])
    assert printed
    decimals = len(printed[0].partition(".")[2])
    tolerance = 0.4 if "within 0.4" in row["expected"] else 0.5 * 10**-decimals
    assert value_of(row) == pytest.approx(float(printed[0]), abs=tolerance + 1e-9)


def test_every_row_is_reproduced_or_named_as_not_built() -> None:
    assert len(ROWS) == 95
    assert set(ROWS) > NOT_BUILT | DVH_ROWS
    assert {ROWS[i]["quantity"].split(" ")[1] for i in NOT_BUILT} == {"LDR", "MLQ"}
    assert all("Gy" in ROWS[i]["quantity"] or "cc" in ROWS[i]["quantity"] for i in DVH_ROWS)


def test_rounded_inputs_of_the_interval_slide() -> None:
    """4 x 9.5 Gy at alpha/beta 2 +- 1 is printed as 109 (95-133)."""
    span = eqd2_interval(phases=[(38.0, 4)], alpha_beta_gy=2, alpha_beta_low_gy=1, alpha_beta_high_gy=3)
    assert [round(v) for v in (span.nominal, span.low, span.high)] == [109, 95, 133]


def test_bed_interval_is_lowest_at_the_highest_ratio() -> None:
    span = bed_interval(phases=[(54.0, 3)], alpha_beta_gy=10, alpha_beta_low_gy=5, alpha_beta_high_gy=20)
    assert span == pytest.approx((54 * (1 + 18 / 20), 151.2, 54 * (1 + 18 / 5)))


def test_interval_must_hold_its_value() -> None:
    with pytest.raises(WrongUsageError, match="interval"):
        bed_interval(phases=[(54.0, 3)], alpha_beta_gy=10, alpha_beta_low_gy=11, alpha_beta_high_gy=20)


@given(DOSES, COUNTS, RATIOS, st.floats(1.001, 3.0))
@settings(deadline=None)
def test_bed_rises_with_dose(dose: float, n: int, ab: float, factor: float) -> None:
    low, high = (bed(total_dose_gy=d, n_fractions=n, alpha_beta_gy=ab) for d in (dose, dose * factor))
    assert high > low > dose


@given(DOSES, COUNTS, RATIOS)
@settings(deadline=None)
def test_bed_falls_with_the_number_of_fractions(dose: float, n: int, ab: float) -> None:
    assert bed(total_dose_gy=dose, n_fractions=n + 1, alpha_beta_gy=ab) < bed(
        total_dose_gy=dose, n_fractions=n, alpha_beta_gy=ab
    )


@given(COUNTS, RATIOS)
@settings(deadline=None)
def test_eqd2_of_2_gy_fractions_is_the_dose(n: int, ab: float) -> None:
    assert eqd2(total_dose_gy=2.0 * n, n_fractions=n, alpha_beta_gy=ab) == pytest.approx(2.0 * n, rel=1e-12)


@given(DOSES, COUNTS, RATIOS)
@settings(deadline=None)
def test_inverses_come_back(dose: float, n: int, ab: float) -> None:
    effect = bed(total_dose_gy=dose, n_fractions=n, alpha_beta_gy=ab)
    assert total_dose_for_bed(bed_gy=effect, n_fractions=n, alpha_beta_gy=ab) == pytest.approx(dose, rel=1e-9)
    in_2_gy = eqd2(total_dose_gy=dose, n_fractions=n, alpha_beta_gy=ab)
    assert total_dose_for_eqd2(eqd2_gy=in_2_gy, n_fractions=n, alpha_beta_gy=ab) == pytest.approx(dose, rel=1e-9)
    assert bed_from_eqd2(eqd2_gy=in_2_gy, alpha_beta_gy=ab) == pytest.approx(effect, rel=1e-12)
    assert eqd2_from_bed(bed_gy=effect, alpha_beta_gy=ab) == pytest.approx(in_2_gy, rel=1e-12)
    count = n_fractions_for_bed(bed_gy=effect, dose_per_fraction_gy=dose / n, alpha_beta_gy=ab)
    assert count.exact == pytest.approx(n, rel=1e-9)
    assert (count.not_above, count.at_least) == (n, n)


@given(DOSES, COUNTS, COUNTS, RATIOS)
@settings(deadline=None)
def test_isoeffective_dose_has_the_same_bed_and_comes_back(dose: float, n: int, new: int, ab: float) -> None:
    there = isoeffective_total_dose(total_dose_gy=dose, n_fractions=n, new_n_fractions=new, alpha_beta_gy=ab)
    assert bed(total_dose_gy=there, n_fractions=new, alpha_beta_gy=ab) == pytest.approx(
        bed(total_dose_gy=dose, n_fractions=n, alpha_beta_gy=ab), rel=1e-9
    )
    back = isoeffective_total_dose(total_dose_gy=there, n_fractions=new, new_n_fractions=n, alpha_beta_gy=ab)
    assert back == pytest.approx(dose, rel=1e-9)


@given(st.floats(0.1, 20.0), st.integers(2, 40), st.integers(1, 39), RATIOS)
@settings(deadline=None)
def test_a_course_split_in_two_equals_the_whole(d: float, n: int, first: int, ab: float) -> None:
    first = min(first, n - 1)
    phases = [(first * d, first), ((n - first) * d, n - first)]
    whole = bed(total_dose_gy=n * d, n_fractions=n, alpha_beta_gy=ab)
    assert course_bed(phases=phases, alpha_beta_gy=ab) == pytest.approx(whole, rel=1e-12)


@given(st.lists(DOSES, min_size=1, max_size=8), COUNTS, RATIOS)
@settings(max_examples=40, deadline=None)
def test_array_equals_scalar(doses: list[float], n: int, ab: float) -> None:
    array = np.array(doses)
    cases = (
        lambda d: bed(total_dose_gy=d, n_fractions=n, alpha_beta_gy=ab),
        lambda d: eqd2(total_dose_gy=d, n_fractions=n, alpha_beta_gy=ab),
        lambda d: total_dose_for_bed(bed_gy=d, n_fractions=n, alpha_beta_gy=ab),
        lambda d: course_bed(phases=[(d, n), (d, n + 1)], alpha_beta_gy=ab),
        lambda d: bed_usc(total_dose_gy=d, n_fractions=n, **PARK),
        lambda d: bed_lql(
            total_dose_gy=d, n_fractions=n, alpha_beta_gy=ab, transition_dose_gy=6.0, gamma_per_alpha=3.0
        ),
        lambda d: bed_with_repopulation(total_dose_gy=d, n_fractions=n, alpha_beta_gy=ab, **FOWLER),
    )
    for function in cases:
        out = function(array)
        assert isinstance(out, np.ndarray)
        assert out.shape == array.shape
        singles = [function(d) for d in doses]
        assert all(type(single) is float for single in singles)
        assert out == pytest.approx(singles, rel=1e-14)


def test_types_and_zero() -> None:
    assert type(bed(total_dose_gy=54, n_fractions=3, alpha_beta_gy=10)) is float
    assert type(bed(total_dose_gy=np.float32(54), n_fractions=np.int64(3), alpha_beta_gy=10)) is float  # type: ignore[arg-type]
    grid = np.zeros((2, 3, 4))
    assert bed(total_dose_gy=grid, n_fractions=3, alpha_beta_gy=10).shape == (2, 3, 4)
    assert not eqd2(total_dose_gy=grid, n_fractions=3, alpha_beta_gy=10).any()
    assert total_dose_for_bed(bed_gy=0.0, n_fractions=3, alpha_beta_gy=10) == 0.0


@pytest.mark.parametrize("dose", [-1.0, math.nan, math.inf, -math.inf, "54", None, True, 1e300])
def test_dose_domain(dose: Any) -> None:
    with pytest.raises(WrongUsageError, match="E-DOMAIN"):
        bed(total_dose_gy=dose, n_fractions=3, alpha_beta_gy=10)


@pytest.mark.parametrize("bad", [math.nan, -0.1, math.inf])
def test_one_bad_voxel_refuses_the_array(bad: float) -> None:
    with pytest.raises(WrongUsageError, match="E-DOMAIN"):
        eqd2(total_dose_gy=np.array([1.0, bad, 2.0]), n_fractions=3, alpha_beta_gy=10)


@pytest.mark.parametrize("n", [0, -1, 2.5, 101, math.nan, True, "3", None])
def test_fraction_domain(n: Any) -> None:
    with pytest.raises(WrongUsageError, match="E-DOMAIN number of fractions"):
        bed(total_dose_gy=30.0, n_fractions=n, alpha_beta_gy=10)


@pytest.mark.parametrize("ab", [0, -3, math.nan, math.inf, None, "x", 5e-324, 1e300])
def test_ratio_domain(ab: Any) -> None:
    for function in (bed, eqd2):
        with pytest.raises(WrongUsageError, match="E-DOMAIN alpha/beta"):
            function(total_dose_gy=30.0, n_fractions=3, alpha_beta_gy=ab)


def test_alpha_beta_and_fractions_have_no_default() -> None:
    with pytest.raises(TypeError, match="alpha_beta_gy"):
        bed(total_dose_gy=30.0, n_fractions=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="n_fractions"):
        eqd2(total_dose_gy=30.0, alpha_beta_gy=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        bed(54.0, 3, 10)  # type: ignore[misc]


def test_eqdx() -> None:
    assert eqdx(
        total_dose_gy=54.0, n_fractions=3, alpha_beta_gy=10, reference_dose_per_fraction_gy=18
    ) == pytest.approx(54)
    tiny = eqdx(total_dose_gy=54.0, n_fractions=3, alpha_beta_gy=10, reference_dose_per_fraction_gy=1e-8)
    assert tiny == pytest.approx(151.2)


def test_no_solution() -> None:
    with pytest.raises(WrongUsageError, match="E-NO-SOLUTION"):
        total_dose_for_bed(bed_gy=-1.0, n_fractions=3, alpha_beta_gy=10)
    with pytest.raises(WrongUsageError, match="E-NO-SOLUTION"):
        total_dose_for_eqd2(eqd2_gy=-1.0, n_fractions=3, alpha_beta_gy=10)
    with pytest.raises(WrongUsageError, match="E-NO-SOLUTION"):
        n_fractions_for_bed(bed_gy=1000.0, dose_per_fraction_gy=0.5, alpha_beta_gy=10)
    with pytest.raises(WrongUsageError, match="E-NO-SOLUTION"):
        eqd2_after_gap(eqd2_gy=1.0, loss_gy_per_day=0.7, extra_days=5)


def test_whole_fractions_stand_beside_the_exact_number() -> None:
    count = n_fractions_for_bed(bed_gy=100.0, dose_per_fraction_gy=7.5, alpha_beta_gy=10)
    assert count.exact == pytest.approx(100 / 13.125)
    assert (count.not_above, count.at_least) == (7, 8)


def test_empty_course_is_refused() -> None:
    with pytest.raises(WrongUsageError, match="no phase"):
        course_bed(phases=[], alpha_beta_gy=10)


# --- repopulation, repair, protraction


def test_repopulation_starts_after_the_kick_off() -> None:
    for days in (0, 10, 21):
        assert repopulation_loss(**{**FOWLER, "overall_time_days": days}) == 0.0
    assert repopulation_loss(**{**FOWLER, "overall_time_days": 24}) == pytest.approx(math.log(2) / 0.35)


def test_repopulation_is_for_targets_only() -> None:
    with pytest.raises(WrongUsageError, match="late"):
        repopulation_loss(**{**FOWLER, "tissue_class": "late"})
    with pytest.raises(WrongUsageError, match="tissue class"):
        repopulation_loss(**{**FOWLER, "tissue_class": "SpinalCord"})


def test_dose_that_makes_up_for_time() -> None:
    dose = total_dose_for_bed_with_repopulation(bed_gy=67.4965, n_fractions=35, alpha_beta_gy=10, **FOWLER)
    assert dose == pytest.approx(70.0, abs=1e-4)
    zero = bed_with_repopulation(total_dose_gy=0.0, n_fractions=35, alpha_beta_gy=10, **FOWLER)
    assert zero == 0.0


@given(st.integers(2, 6), st.floats(0.5, 24), st.floats(0.2, 6))
@settings(deadline=None)
def test_repair_sum_equals_the_closed_form(m: int, interval: float, half: float) -> None:
    t = math.exp(-math.log(2) * interval / half)
    closed = (2 / m) * (t / (1 - t)) * (m - (1 - t**m) / (1 - t))
    ours = incomplete_repair_factor(fractions_per_day=m, interval_hours=interval, half_time_hours=half)
    assert ours == pytest.approx(closed, rel=1e-6, abs=1e-12)


def test_repair_limits() -> None:
    assert incomplete_repair_factor(fractions_per_day=1, interval_hours=6, half_time_hours=4) == 0.0
    assert incomplete_repair_factor(fractions_per_day=3, interval_hours=0, half_time_hours=4) == pytest.approx(2.0)
    once = bed_incomplete_repair(
        total_dose_gy=54.0, n_fractions=3, alpha_beta_gy=10, fractions_per_day=1, interval_hours=6, half_time_hours=4
    )
    assert once == bed(total_dose_gy=54.0, n_fractions=3, alpha_beta_gy=10)


def test_two_fractions_at_once_are_one_of_twice_the_size() -> None:
    together = bed_incomplete_repair(
        total_dose_gy=60.0, n_fractions=10, alpha_beta_gy=3, fractions_per_day=2, interval_hours=0, half_time_hours=4
    )
    assert together == pytest.approx(bed(total_dose_gy=60.0, n_fractions=5, alpha_beta_gy=3))


def test_protraction_limits_and_order() -> None:
    one = [(1.0, 30.0)]
    assert protraction_factor(duration_minutes=0, half_times_minutes=one) == 1.0
    values = [protraction_factor(duration_minutes=t, half_times_minutes=one) for t in (1, 10, 60, 600, 1e6)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 1e-4
    # The series and the closed form meet.
    near = [protraction_factor(duration_minutes=t, half_times_minutes=[(1.0, math.log(2))]) for t in (0.00999, 0.01001)]
    assert near[0] - near[1] == pytest.approx(0.00002 / 3, rel=0.02)


def test_two_repair_components() -> None:
    fast = protraction_factor(duration_minutes=30, half_times_minutes=[(1.0, 15.0)])
    slow = protraction_factor(duration_minutes=30, half_times_minutes=[(1.0, 240.0)])
    both = protraction_factor(duration_minutes=30, half_times_minutes=[(0.4, 15.0), (0.6, 240.0)])
    assert both == pytest.approx(0.4 * fast + 0.6 * slow)
    with pytest.raises(WrongUsageError, match="sum to 1"):
        protraction_factor(duration_minutes=30, half_times_minutes=[(0.4, 15.0), (0.5, 240.0)])
    with pytest.raises(WrongUsageError, match="sum to 1"):
        protraction_factor(duration_minutes=30, half_times_minutes=[])


# --- LQ-L and USC


@given(DOSES, COUNTS, RATIOS, st.floats(2.0, 20.0))
@settings(deadline=None)
def test_lql_equals_lq_up_to_the_transition_and_is_below_it_after(dose: float, n: int, ab: float, edge: float) -> None:
    slope = lql_tangent_slope(alpha_beta_gy=ab, transition_dose_gy=edge)
    ours = bed_lql(total_dose_gy=dose, n_fractions=n, alpha_beta_gy=ab, transition_dose_gy=edge, gamma_per_alpha=slope)
    plain = bed(total_dose_gy=dose, n_fractions=n, alpha_beta_gy=ab)
    if dose / n <= edge:
        assert ours == plain
    else:
        assert ours <= plain * (1 + 1e-12)


def test_lql_is_smooth_at_the_transition() -> None:
    def slope_at(d: float) -> float:
        low, high = (
            bed_lql(total_dose_gy=x, n_fractions=1, alpha_beta_gy=10, transition_dose_gy=10, gamma_per_alpha=3)
            for x in (d - 1e-6, d + 1e-6)
        )
        return (high - low) / 2e-6

    assert slope_at(10 - 1e-4) == pytest.approx(slope_at(10 + 1e-4), abs=1e-3)


def test_usc_transition_and_both_its_sides() -> None:
    edge, ab = usc_transition(**PARK)
    # Printed as 6.2 Gy and 8.6 Gy; from the rounded parameters 6.13 Gy.
    assert edge == pytest.approx(6.13, abs=0.005)
    assert ab == pytest.approx(8.6, abs=0.05)
    at = bed_usc(total_dose_gy=3 * edge, n_fractions=3, **PARK)
    assert at == pytest.approx((3 * edge - 3 * 1.8) / (0.33 * 1.25))
    below = bed_usc(total_dose_gy=12.0, n_fractions=3, **PARK)
    assert below == bed(total_dose_gy=12.0, n_fractions=3, alpha_beta_gy=ab)


@given(st.floats(6.2, 30.0), COUNTS)
@settings(deadline=None)
def test_usc_above_the_transition_is_the_printed_formula(d: float, n: int) -> None:
    ours = bed_usc(total_dose_gy=n * d, n_fractions=n, **PARK)
    assert ours == pytest.approx((n * d - n * 1.8) / (0.33 * 1.25), rel=1e-9)
    single = sfed(total_dose_gy=n * d, n_fractions=n, **PARK)
    assert single == pytest.approx(n * d - (n - 1) * 1.8, rel=1e-9)


def test_sfed_of_one_fraction_is_the_dose_on_both_sides() -> None:
    for dose in (2.0, 20.0):
        assert sfed(total_dose_gy=dose, n_fractions=1, **PARK) == pytest.approx(dose)


def test_usc_needs_a_tangent() -> None:
    with pytest.raises(WrongUsageError, match="below 1"):
        usc_transition(alpha_per_gy=0.8, d0_gy=1.25, dq_gy=1.8)


# --- a whole DVH


def half_and_half() -> Dvh:
    def samples(high: float) -> Samples:
        return Samples(np.array([high, 0.0]), np.array([10.0, 10.0]))

    other = Dvh("Lung", samples(53.0), total_volume_cm3=20.0)
    return Dvh(
        "Lung",
        samples(54.0),
        total_volume_cm3=20.0,
        variants=(("coarse", samples(52.0)),),
        alternatives=(other,),
        outside_bound_gy=60.0,
        max_gy=55.0,
    )


def test_dvh_is_converted_bin_by_bin() -> None:
    ours = eqd2_dvh(half_and_half(), n_fractions=3, alpha_beta_gy=3)
    mean = float(np.average(ours.samples.dose_gy, weights=ours.samples.volume_cm3))
    assert mean == pytest.approx(113.4)  # the EQD2 of the mean dose would be 64.8
    assert (ours.quantity, ours.alpha_beta_gy) == (Quantity.EQD2, 3.0)
    assert ours.max_gy == pytest.approx(eqd2(total_dose_gy=55.0, n_fractions=3, alpha_beta_gy=3))
    assert ours.outside_bound_gy == pytest.approx(eqd2(total_dose_gy=60.0, n_fractions=3, alpha_beta_gy=3))
    assert ours.variants[0][1].dose_gy[0] == pytest.approx(52 * (52 / 3 + 3) / 5)
    assert ours.alternatives[0].quantity is Quantity.EQD2
    as_bed = bed_dvh(half_and_half(), n_fractions=3, alpha_beta_gy=3)
    assert as_bed.quantity is Quantity.BED
    assert as_bed.samples.dose_gy[0] == pytest.approx(378.0)


def test_a_biological_dvh_is_never_converted_again() -> None:
    once = eqd2_dvh(half_and_half(), n_fractions=3, alpha_beta_gy=3)
    with pytest.raises(WrongUsageError, match="already a biological"):
        bed_dvh(once, n_fractions=3, alpha_beta_gy=3)
