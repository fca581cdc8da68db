"""Spared volumes of small organs: what is not there to be spared is judged by mean and share."""

from __future__ import annotations

import pytest
from given_organs import judged, one, organ
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.model import Finding, Outcome, Reason, Verdict

PASS, VARIATION, MARGINAL, FAIL = Outcome.PASS, Outcome.PASS_WITH_VARIATION, Outcome.MARGINAL, Outcome.FAIL
ORDER = list(Outcome).index
SPARED = "CV12.5Gy[cc]"


def lungs(volume_cm3: float, *, hot: float = 0.05, warm: float = 0.0, rest_gy: float = 2.0) -> tuple[Finding, ...]:
    """Lungs with a hot share at 25 Gy and a warm share at 15 Gy, in 5 fractions to the lung."""
    steps = [(volume_cm3 * hot, 25.0), (volume_cm3 * warm, 15.0), (volume_cm3 * (1 - hot - warm), rest_gy)]
    shares = [(volume, dose) for volume, dose in steps if volume > 0]
    return judged(organ("Lungs", *shares), organ("Lungs-GTV", *shares))


def test_small_lungs_whose_mean_and_v20_are_met_are_a_variation() -> None:
    row = one(lungs(1300), "Lungs", SPARED)
    assert (row.verdict, row.consequence) == (Verdict.NOT_MET, VARIATION)
    assert row.reason is Reason.ORGAN_SMALLER
    assert "cannot be met at any dose" in row.note
    assert row.policy == ("small_organs.enough_times",)


def test_lungs_little_larger_than_the_volume_are_held_the_same_way_without_that_reason() -> None:
    row = one(lungs(1800, warm=0.15), "Lungs", SPARED)
    assert (row.value, row.consequence, row.reason) == (pytest.approx(1440.0, abs=10.0), VARIATION, None)


def test_large_lungs_that_miss_the_volume_fail() -> None:
    row = one(lungs(2400, hot=0.09, warm=0.36), "Lungs", SPARED)
    assert (row.consequence, row.policy) == (FAIL, ())


def test_the_optimal_limit_missed_needs_review_and_the_mandatory_one_missed_fails() -> None:
    assert one(lungs(1300, hot=0.12), "Lungs", SPARED).consequence is MARGINAL
    over = lungs(1300, hot=0.16)
    assert one(over, "Lungs", SPARED).consequence is FAIL
    assert one(over, "Lungs", "V20Gy[%]", limit=15.0).consequence is FAIL


def test_a_small_organ_that_spares_no_more_than_a_large_one_would_fails() -> None:
    row = one(lungs(1300, hot=0.05, warm=0.4), "Lungs", SPARED)
    assert row.consequence is FAIL
    assert "an organ of sufficient size would miss the limit too" in row.note


def test_a_declared_resection_counts_whatever_is_left() -> None:
    left = organ("Lungs", (2400, 1.0), (100, 25.0))
    both = judged(organ("Lungs", (1450, 1.0), (1000, 12.6)), absent={"Lung_L": "pneumonectomy"})
    assert one(both, "Lungs", SPARED).consequence is FAIL
    row = one(judged(organ("Lungs", (1490, 1.0), (200, 13.0)), absent={"Lung_L": "x"}), "Lungs", SPARED)
    assert (row.consequence, "resection declared" in row.note) == (VARIATION, True)
    assert one(judged(left, absent={"Lung_L": "x"}), "Lungs", SPARED).consequence is PASS


def test_a_small_liver_is_judged_by_its_mean() -> None:
    def liver(rest_gy: float) -> Finding:
        return one(judged(organ("Liver", (60, 40.0), (600, rest_gy)), site="liver"), "Liver", "CV21Gy[cc]")

    assert liver(5.0).consequence is VARIATION
    assert liver(10.5).consequence is MARGINAL
    assert liver(14.0).consequence is FAIL


def test_without_any_limit_on_mean_or_share_a_person_decides() -> None:
    # No source limits the liver's mean in one fraction.
    row = one(judged(organ("Liver", (30, 20.0), (600, 1.0)), site="liver", n_fractions=1), "Liver", "CV9.1Gy[cc]")
    assert (row.consequence, "a person decides" in row.note) == (MARGINAL, True)


def test_a_part_of_the_liver_is_a_line_but_at_its_own_site() -> None:
    part = organ("Liver", (181, 1.0), cut=True)
    row = one(judged(part), "Liver", "CV21Gy[cc]")
    assert (row.verdict, row.reason, row.consequence) == (Verdict.NOT_EVALUABLE, Reason.PART_DRAWN, PASS)
    at_home = judged(part, site="liver", own_organs=frozenset({"Liver"}))
    assert one(at_home, "Liver", "CV21Gy[cc]").consequence is Outcome.INCOMPLETE
    enough = one(judged(organ("Liver", (750, 1.0), cut=True)), "Liver", "CV21Gy[cc]")
    assert (enough.verdict, enough.consequence) == (Verdict.MET, PASS)


def test_one_third_of_a_large_organ_is_asked_for_where_it_is_more() -> None:
    def liver(cold_cm3: float) -> Finding:
        steps = ((2400 - cold_cm3, 40.0), (cold_cm3, 1.0))
        return one(judged(organ("Liver", *steps), site="liver", n_fractions=2), "Liver", "CV15.1Gy[cc]")

    assert (liver(790).verdict, liver(790).limit) == (Verdict.NOT_MET, pytest.approx(800.0))
    assert liver(830).verdict is Verdict.MET
    assert "33% of the organ" in liver(830).note


def test_an_upper_limit_on_more_than_the_whole_organ_is_met_at_any_dose() -> None:
    def stomach(volume_cm3: float, **changes: object) -> Finding:
        subject = organ("Stomach", (volume_cm3, 15.0), **changes)
        return one(judged(subject, site="liver", table="uk_sabr_2022"), "Stomach", "D50cc[Gy]")

    assert (stomach(40.0).verdict, stomach(40.0).value) == (Verdict.MET, None)
    assert "met at any dose" in stomach(40.0).note
    assert stomach(40.0, cut=True).reason is Reason.ROI_SMALLER_THAN_METRIC
    # A stomach of 20 cc is no whole stomach.
    assert stomach(20.0).reason is Reason.ROI_SMALLER_THAN_METRIC
    ribs = one(judged(organ("Rib", (0.5, 50.0))), "Rib", "D1cc[Gy]")
    assert ribs.verdict is Verdict.NOT_EVALUABLE


@settings(max_examples=40)
@given(
    volume=st.floats(800, 4000),
    hot=st.floats(0.0, 0.3),
    warm=st.floats(0.0, 0.5),
    smaller=st.floats(0.2, 1.0),
)
def test_shrinking_an_organ_never_helps_it(volume: float, hot: float, warm: float, smaller: float) -> None:
    def worst(size: float) -> int:
        return max(ORDER(f.consequence) for f in lungs(size, hot=hot, warm=warm))

    assert worst(volume * smaller) >= worst(volume)
