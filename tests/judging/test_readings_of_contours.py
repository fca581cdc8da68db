"""What other readings of ambiguous contours do to a verdict, and how they are shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_limits import uniform_dvh

from sbrtcheck.judging.comparison import Judgement, judge
from sbrtcheck.model import ContourMeaning, Dvh, Verdict
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.model.subject import Subject

LIMIT = 30.0


def judged(dose_gy: float, *others: tuple[ContourMeaning, float]) -> Judgement:
    read = [replace(uniform_dvh(gy), meaning=meaning, notes=(meaning.value,)) for meaning, gy in others]
    dvh: Dvh = replace(uniform_dvh(dose_gy), alternatives=tuple(read))
    return judge(Subject("Skin", "Skin", dvh), parse_metric("D0.035cc[Gy]"), comparator="<=", limit=LIMIT)


def test_a_shell_is_judged_as_a_shell_and_the_solid_reading_is_only_shown() -> None:
    found = judged(17.3, (ContourMeaning.INNER_LOOPS_SOLID, 67.9))
    assert found.verdict is Verdict.MET
    assert found.value.value == pytest.approx(17.3)
    assert found.note == "nested loops read as solid: 67.90 Gy, not met"


@pytest.mark.parametrize("meaning", [ContourMeaning.MISSING_SLICES_BRIDGED, ContourMeaning.CURLS_LEFT_OUT])
def test_a_reading_that_may_be_meant_counts_and_is_named(meaning: ContourMeaning) -> None:
    found = judged(20.0, (meaning, 31.0))
    assert found.verdict is Verdict.NOT_MET
    assert found.note == f"as drawn: 20.00 Gy, met; {meaning.value}: 31.00 Gy, not met"


def test_readings_that_agree_say_nothing() -> None:
    found = judged(20.0, (ContourMeaning.INNER_LOOPS_SOLID, 21.0), (ContourMeaning.MISSING_SLICES_BRIDGED, 19.0))
    assert (found.verdict, found.note) == (Verdict.MET, "")
