"""Metric strings and their evaluation on hand-worked DVHs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import RefusedError, WrongUsageError
from sbrtcheck.model import Dvh, Metric, Quantity, Reason, Samples
from sbrtcheck.model.metric import MetricKind, format_metric, parse_metric

CANONICAL = [
    "D0.03cc[Gy]",
    "D95%[Gy]",
    "D95%[%]",
    "D1000cc[Gy]",
    "V20Gy[%]",
    "V12.5Gy[cc]",
    "V100%[%]",
    "V105%[cc]",
    "CV12.4Gy[cc]",
    "CV12.4Gy[%]",
    "DC0.1cc[Gy]",
    "DC2%[Gy]",
    "Mean[Gy]",
    "Max[%]",
    "Min[Gy]",
    "Median[Gy]",
    "EQD2(a/b=3):D0.03cc[Gy]",
    "EQD2(a/b=2.5):V20Gy[%]",
    "BED(a/b=10):Mean[Gy]",
]


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_text_survives_a_round_trip(text: str) -> None:
    assert format_metric(parse_metric(text)) == text


@pytest.mark.parametrize(
    ("alias", "canonical"),
    [
        ("Dmean", "Mean[Gy]"),
        ("Dmax", "Max[Gy]"),
        ("D min", "Min[Gy]"),
        ("mean[gy]", "Mean[Gy]"),
        ("D2cc", "D2cc[Gy]"),
        ("D95%", "D95%[Gy]"),
        ("D(0.03cc)", "D0.03cc[Gy]"),
        ("D0,03cc", "D0.03cc[Gy]"),
        ("D0.03cm3[Gy]", "D0.03cc[Gy]"),
        ("D0.03cm³[Gy]", "D0.03cc[Gy]"),
        ("d1CC_%", "D1cc[%]"),
        ("V20Gy(%)", "V20Gy[%]"),
        ("V 20 Gy [cc]", "V20Gy[cc]"),
        ("V2000cGy[%]", "V20Gy[%]"),
        ("D.5cc", "D0.5cc[Gy]"),
        ("EQD2_3:V20Gy[%]", "EQD2(a/b=3):V20Gy[%]"),
        ("BED10:D95%[Gy]", "BED(a/b=10):D95%[Gy]"),
        ("eqd2(a/b=3Gy):D2cc", "EQD2(a/b=3):D2cc[Gy]"),
    ],
)
def test_aliases_are_read_and_never_printed(alias: str, canonical: str) -> None:
    assert format_metric(parse_metric(alias)) == canonical


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("V20", "V20Gy[%]"),
        ("V20Gy", "V20Gy[%]"),
        ("D95", "D95%[Gy]"),
        ("V20Gy[Gy]", "V20Gy[%]"),
        ("D2cc[cc]", "D2cc[Gy]"),
        ("D2cc[cGy]", "D2cc[Gy]"),
        ("EQD2(a/b=3):D2cc[%]", "EQD2(a/b=3):D2cc[Gy]"),
    ],
)
def test_a_refusal_says_the_right_spelling(text: str, hint: str) -> None:
    with pytest.raises(WrongUsageError) as caught:
        parse_metric(text)
    problem = caught.value.problems[0]
    assert problem.code == "E-METRIC"
    assert hint in problem.remedy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "D",
        "V",
        "20Gy",
        "D0cc[Gy]",
        "D101%[Gy]",
        "D-1cc[Gy]",
        "Dose_to_2cm_length[Gy]",
        "D2cc[Gy]x",
        "xD2cc[Gy]",
        "EQD2(a/b=0):D2cc[Gy]",
        "EQD2:D2cc[Gy]",
        "EQD2(a/b=3):V100%[%]",
        "D1e3cc[Gy]",
        "D٣cc[Gy]",
        "V" * 500,
    ],
)
def test_what_is_no_metric_is_wrong_usage(text: str) -> None:
    with pytest.raises(WrongUsageError) as caught:
        parse_metric(text)
    assert caught.value.problems[0].code == "E-METRIC"


@given(
    st.sampled_from(["D", "DC"]),
    st.floats(0.001, 99.0).map(lambda x: round(x, 3)),
    st.sampled_from(["cc", "%"]),
    st.sampled_from(["Gy", "%"]),
)
def test_any_dose_at_volume_survives_a_round_trip(kind: str, amount: float, unit: str, out: str) -> None:
    metric = Metric(kind, amount, unit, out)
    assert parse_metric(format_metric(metric)) == metric


def dvh(doses: list[float], volumes: list[float], **more: object) -> Dvh:
    order = np.argsort(doses)[::-1]
    samples = Samples(np.array(doses, dtype=float)[order], np.array(volumes, dtype=float)[order])
    outside = float(more.get("outside_volume_cm3", 0.0))  # type: ignore[arg-type]
    return Dvh(roi="x", samples=samples, total_volume_cm3=sum(volumes) + outside, **more)  # type: ignore[arg-type]


RAMP = dvh([50.0, 40.0, 30.0, 20.0, 10.0], [2.0, 2.0, 2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("D2cc[Gy]", 50.0),
        ("D3cc[Gy]", 45.0),
        ("D50%[Gy]", 35.0),
        ("D100%[Gy]", 10.0),
        ("D0.1cc[Gy]", 50.0),
        ("D2cc[%]", 100.0),
        ("V40Gy[cc]", 4.0),
        ("V45Gy[cc]", 3.0),
        ("V40Gy[%]", 40.0),
        ("V80%[%]", 40.0),
        ("V51Gy[cc]", 0.0),
        ("V0Gy[%]", 100.0),
        ("CV40Gy[cc]", 6.0),
        ("DC2cc[Gy]", 20.0),
        ("DC8cc[Gy]", 50.0),
        ("Mean[Gy]", 30.0),
        ("Mean[%]", 60.0),
        ("Max[Gy]", 50.0),
        ("Min[Gy]", 10.0),
        ("Median[Gy]", 35.0),
    ],
)
def test_hand_worked_values(metric: str, value: float) -> None:
    found = evaluate(metric, RAMP, prescription_gy=50.0)
    assert found.value == pytest.approx(value)
    assert found.low == found.high == found.value
    assert found.metric == metric


def test_uniform_dose_is_reached_by_the_whole_structure() -> None:
    uniform = dvh([54.0], [3.0])
    assert evaluate("V54Gy[%]", uniform).value == 100.0
    assert evaluate("V54.001Gy[%]", uniform).value == 0.0


def test_maximum_found_elsewhere_in_the_structure_counts() -> None:
    assert evaluate("Max[Gy]", replace(RAMP, max_gy=50.7)).value == 50.7


def test_larger_than_the_structure_is_not_evaluable_and_says_the_volume() -> None:
    found = evaluate("D20cc[Gy]", RAMP)
    assert found.value is None
    assert found.reason is Reason.ROI_SMALLER_THAN_METRIC
    assert "10 cc" in found.note
    assert evaluate("DC20cc[Gy]", RAMP).reason is Reason.ROI_SMALLER_THAN_METRIC


@pytest.mark.parametrize("metric", ["D95%[%]", "V100%[%]", "CV50%[cc]", "Max[%]", "Mean[%]"])
def test_percent_of_a_prescription_needs_one(metric: str) -> None:
    assert evaluate(metric, RAMP).reason is Reason.NO_PRESCRIPTION
    assert evaluate(metric, RAMP, prescription_gy=50.0).value is not None


def test_prescription_must_be_a_dose() -> None:
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(WrongUsageError):
            evaluate("Mean[%]", RAMP, prescription_gy=wrong)


def test_every_kind_is_evaluated_and_no_other() -> None:
    texts = {
        kind: kind.value + {"cc": "2cc", "Gy": "20Gy", "": ""}[next(iter(kind.amount_units), "")] for kind in MetricKind
    }
    found = {kind: evaluate(f"{text}[{kind.units[0]}]".removesuffix("[]"), RAMP) for kind, text in texts.items()}
    assert len({v.value for v in found.values()}) == len(found) - 1, (
        "D2cc is the maximum of the ramp, no two others agree"
    )
    assert all(value.unit == kind.units[0] for kind, value in found.items())
    with pytest.raises(ValueError, match="XX"):
        replace(parse_metric("D2cc[Gy]"), kind="XX")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metric", "is_volume", "grows", "of_the_whole", "of_a_prescription"),
    [
        ("D0.03cc[Gy]", False, True, False, False),
        ("D95%[%]", False, False, True, True),
        ("DC5cc[Gy]", False, False, True, False),
        ("V20Gy[%]", True, False, True, False),
        ("V20Gy[cc]", True, True, False, False),
        ("V100%[%]", True, False, True, True),
        ("CV11.6Gy[cc]", True, True, True, False),
        ("Mean[Gy]", False, False, True, False),
        ("Max[%]", False, True, False, True),
        ("Min[Gy]", False, False, True, False),
        ("Median[Gy]", False, False, True, False),
    ],
)
def test_a_metric_answers_for_itself(
    metric: str, is_volume: bool, grows: bool, of_the_whole: bool, of_a_prescription: bool
) -> None:
    asked = parse_metric(metric)
    answers = (asked.kind.is_volume, asked.grows_with_volume, asked.hangs_on_the_whole, asked.needs_prescription)
    assert answers == (is_volume, grows, of_the_whole, of_a_prescription)


def test_quantity_must_match() -> None:
    with pytest.raises(WrongUsageError):
        evaluate("EQD2(a/b=3):Mean[Gy]", RAMP)
    converted = replace(RAMP, quantity=Quantity.EQD2, alpha_beta_gy=3.0)
    assert evaluate("EQD2(a/b=3):Mean[Gy]", converted).value == pytest.approx(30.0)
    for other in ("Mean[Gy]", "EQD2(a/b=2):Mean[Gy]", "BED(a/b=3):Mean[Gy]"):
        with pytest.raises(WrongUsageError):
            evaluate(other, converted)


def test_blocked_and_empty_say_why() -> None:
    blocked = Dvh.not_evaluable("x", Reason.DAMAGED_ROI, "not planar")
    found = evaluate("Mean[Gy]", blocked)
    assert (found.value, found.reason, found.note) == (None, Reason.DAMAGED_ROI, "not planar")
    empty = Samples(np.empty(0), np.empty(0))
    assert evaluate("Mean[Gy]", Dvh("x", empty, 0.0)).reason is Reason.NO_CONTOURS
    assert evaluate("Mean[Gy]", Dvh("x", empty, 5.0, outside_volume_cm3=5.0)).reason is Reason.OUTSIDE_GRID


def test_not_a_number_is_refused() -> None:
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(RefusedError):
            evaluate("Mean[Gy]", Dvh("x", Samples(np.array([wrong, 1.0]), np.ones(2)), 2.0))
        with pytest.raises(RefusedError):
            evaluate("Mean[Gy]", Dvh("x", Samples(np.ones(2), np.ones(2)), wrong))


def test_coarse_grid_gives_no_sub_cc_dose() -> None:
    coarse = replace(RAMP, grid_spacing_mm=(4.0, 2.0, 2.0))
    assert evaluate("D0.03cc[Gy]", coarse).reason is Reason.COARSE_GRID
    assert evaluate("D2cc[Gy]", coarse).value == 50.0
    assert evaluate("D0.03cc[Gy]", replace(RAMP, grid_spacing_mm=(3.0, 3.0, 3.0))).value == 50.0


PARTLY = dvh([50.0, 40.0, 30.0, 20.0, 10.0], [2.0] * 5, outside_volume_cm3=2.0)


@pytest.mark.parametrize(
    ("metric", "low", "high"),
    [
        ("V30Gy[cc]", 6.0, 8.0),
        ("V30Gy[%]", 50.0, 100 * 8 / 12),
        ("CV30Gy[cc]", 4.0, 6.0),
        ("D6cc[Gy]", 30.0, 40.0),
        ("D50%[Gy]", 30.0, 40.0),
        ("Median[Gy]", 30.0, 40.0),
        ("D95%[Gy]", 0.0, 13.0),
        ("DC1cc[Gy]", 0.0, 15.0),
        ("Min[Gy]", 0.0, 10.0),
    ],
)
def test_part_outside_the_grid_is_unknown(metric: str, low: float, high: float) -> None:
    found = evaluate(metric, PARTLY)
    assert (found.value, found.reason) == (None, Reason.OUTSIDE_GRID)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert "16.7 % of the structure lies outside the dose grid" in found.note


@pytest.mark.parametrize("metric", ["Mean[Gy]", "Max[Gy]", "D2cc[Gy]", "D0.03cc[Gy]"])
def test_what_nothing_bounds_has_only_a_reason(metric: str) -> None:
    found = evaluate(metric, PARTLY)
    assert (found.value, found.low, found.high, found.reason) == (None, None, None, Reason.OUTSIDE_GRID)


@pytest.mark.parametrize(
    ("metric", "low", "high"),
    [
        ("Mean[Gy]", 25.0, 25.0 + 25.0 * 2 / 12),
        ("D8cc[Gy]", 20.0, 25.0),
        ("V20Gy[cc]", 8.0, 10.0),
        ("CV20Gy[cc]", 2.0, 4.0),
        ("Max[Gy]", 50.0, 50.0),
        ("D2cc[Gy]", 50.0, 50.0),
        ("V30Gy[cc]", 6.0, 6.0),
        ("CV30Gy[cc]", 6.0, 6.0),
    ],
)
def test_a_bound_of_the_missing_part_bounds_the_metric(metric: str, low: float, high: float) -> None:
    found = evaluate(metric, replace(PARTLY, outside_bound_gy=25.0))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    # Where the bound leaves nothing open there is a value.
    assert found.value == (pytest.approx(low) if low == high else None)


def test_a_part_outside_that_hardly_matters_leaves_a_value() -> None:
    almost = dvh([50.0, 40.0, 30.0, 20.0, 10.0], [2.0] * 5, outside_volume_cm3=0.005, outside_bound_gy=5.0)
    for metric, value in (("Mean[Gy]", 30.0), ("V45Gy[cc]", 3.0), ("V3Gy[%]", 99.95), ("D5cc[Gy]", 35.0)):
        found = evaluate(metric, almost)
        assert found.value == pytest.approx(value, rel=1e-3)
        assert "outside" in found.note


def test_the_mean_of_the_part_inside_is_never_the_mean() -> None:
    """Lungs of which a cold part lies outside: the mean of the rest is far too high."""
    inside = dvh([20.0, 1.0], [400.0, 600.0], outside_volume_cm3=1000.0, outside_bound_gy=2.0)
    found = evaluate("Mean[Gy]", inside)
    assert found.value is None
    assert (found.low, found.high) == (pytest.approx(4.3), pytest.approx(5.3))


@given(st.floats(0.0, 60.0), st.floats(0.1, 9.9))
def test_missing_part_at_any_dose_stays_inside_the_band(dose_gy: float, volume_cm3: float) -> None:
    """Whatever the missing part's dose is, the metric of the whole structure lies between low and high."""
    whole = dvh([50.0, 40.0, 30.0, 20.0, 10.0, dose_gy], [2.0] * 6)
    for text in (f"D{round(volume_cm3, 3)}cc[Gy]", f"V{round(dose_gy, 2)}Gy[cc]", "V25Gy[%]", "CV25Gy[cc]"):
        found = evaluate(text, PARTLY)
        truth = evaluate(text, whole).value
        assert truth is not None
        if found.low is None or found.high is None:
            continue
        # Linear interpolation between two samples is at most one sample (2 cc) wide, or one step (10 Gy) high.
        slack = 10.0 if text.startswith("D") else 2.0 if text.endswith("[cc]") else 100 * 2 / 12
        assert found.low - slack <= truth <= found.high + slack


def test_band_grows_with_the_spread_of_the_readings() -> None:
    shifted = Samples(RAMP.samples.dose_gy + 1.0, RAMP.samples.volume_cm3)
    far = Samples(RAMP.samples.dose_gy + 3.0, RAMP.samples.volume_cm3)
    near_band = evaluate("D3cc[Gy]", replace(RAMP, variants=(("another reading", shifted),)))
    far_band = evaluate("D3cc[Gy]", replace(RAMP, variants=(("another reading", far),)))
    assert near_band.value == far_band.value == 45.0
    assert near_band.high is not None
    assert near_band.low is not None
    assert far_band.high is not None
    assert near_band.high - 45.0 >= 1.0
    assert 45.0 - near_band.low >= 1.0
    assert far_band.high - 45.0 >= 3.0


def test_band_of_a_share_stays_between_0_and_100() -> None:
    other = Samples(np.array([60.0]), np.array([10.0]))
    for text in ("V1Gy[%]", "V60Gy[%]", "CV1Gy[%]"):
        found = evaluate(text, replace(RAMP, variants=(("another reading", other),)))
        assert found.low is not None
        assert found.high is not None
        assert 0.0 <= found.low <= found.high <= 100.0


@given(st.lists(st.tuples(st.floats(0, 80), st.floats(0.01, 5)), min_size=1, max_size=30), st.floats(0.5, 3.0))
def test_doses_scale_and_order_does_not_matter(parts: list[tuple[float, float]], factor: float) -> None:
    doses, volumes = [list(x) for x in zip(*parts, strict=True)]
    base, scaled = dvh(doses, volumes), dvh([d * factor for d in doses], volumes)
    for text in ("D50%[Gy]", "D2%[Gy]", "Mean[Gy]", "Max[Gy]", "Min[Gy]", "DC10%[Gy]"):
        a, b = evaluate(text, base).value, evaluate(text, scaled).value
        assert a is not None
        assert b == pytest.approx(a * factor, rel=1e-9, abs=1e-9)
    assert evaluate("CV20Gy[cc]", base).value == pytest.approx(
        sum(volumes) - (evaluate("V20Gy[cc]", base).value or 0.0), abs=1e-9
    )
