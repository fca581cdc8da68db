"""An organ of which a part lies outside the dose grid: a limit is settled by what that part can be, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_limits import subject

from sbrtcheck.judging.comparison import Judgement, judge
from sbrtcheck.model import Dvh, Reason, Samples, Verdict
from sbrtcheck.model.metric import parse_metric

# 1000 cc inside: 400 at 20 Gy, 600 at 1 Gy; 1000 cc outside, at no more than 2 Gy.
INSIDE = Samples(np.array([20.0, 1.0001, 1.0]), np.array([400.0, 1e-6, 600.0]))
LUNGS = Dvh("Lungs", INSIDE, 2000.0, outside_volume_cm3=1000.0, outside_bound_gy=2.0)


def judged(metric: str, comparator: str, limit: float, dvh: Dvh = LUNGS) -> Judgement:
    return judge(subject("Lungs", dvh), parse_metric(metric), comparator=comparator, limit=limit)


@pytest.mark.parametrize(
    ("metric", "comparator", "limit", "verdict", "value"),
    [
        # the mean is 4.3 to 5.3 Gy; that of the part inside, 8.6 Gy, is the mean of nothing
        ("Mean[Gy]", "<=", 6.0, Verdict.MET, 5.3),
        ("Mean[Gy]", "<=", 5.0, Verdict.NOT_EVALUABLE, None),
        ("Mean[Gy]", "<=", 4.0, Verdict.NOT_MET, 4.3),
        # spared of 1.5 Gy: 600 to 1600 cc
        ("CV1.5Gy[cc]", ">=", 500.0, Verdict.MET, 600.0),
        ("CV1.5Gy[cc]", ">=", 1500.0, Verdict.NOT_EVALUABLE, None),
        ("CV1.5Gy[cc]", ">=", 1700.0, Verdict.NOT_MET, 1600.0),
        # 1.5 Gy or more: 20 to 70 %
        ("V1.5Gy[%]", "<=", 80.0, Verdict.MET, 70.0),
        ("V1.5Gy[%]", "<=", 40.0, Verdict.NOT_EVALUABLE, None),
        ("V1.5Gy[%]", "<=", 10.0, Verdict.NOT_MET, None),
        ("D50%[Gy]", "<=", 3.0, Verdict.MET, None),
        ("D50%[Gy]", "<=", 1.2, Verdict.NOT_EVALUABLE, None),
    ],
)
def test_both_ends_must_agree(
    metric: str, comparator: str, limit: float, verdict: Verdict, value: float | None
) -> None:
    found = judged(metric, comparator, limit)
    assert found.verdict is verdict
    if value is not None:
        assert found.value.value == pytest.approx(value)
        assert found.note.startswith(("at most", "at least"))
    if verdict is Verdict.NOT_EVALUABLE:
        assert (found.value.value, found.value.reason) == (None, Reason.OUTSIDE_GRID)


def test_what_the_bound_settles_has_its_value() -> None:
    found = judged("V10Gy[%]", "<=", 30.0)
    assert (found.verdict, found.value.value) == (Verdict.MET, pytest.approx(20.0))


@pytest.mark.parametrize("metric", ["Mean[Gy]", "Max[Gy]", "D0.035cc[Gy]", "D10cc[Gy]"])
def test_without_a_bound_nothing_is_met(metric: str) -> None:
    found = judged(metric, "<=", 60.0, replace(LUNGS, outside_bound_gy=None))
    assert (found.verdict, found.value.reason) == (Verdict.NOT_EVALUABLE, Reason.OUTSIDE_GRID)
