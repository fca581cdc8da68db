"""The library: a study from arrays, the pieces alone, and one call."""

from __future__ import annotations

import numpy as np
import pytest
from array_studies import study

import sbrtcheck
from sbrtcheck.model import Level, LimitRow, Outcome


def test_a_study_from_arrays_is_checked_without_any_file() -> None:
    report = sbrtcheck.check_study(study(), sites={"": "spine"})
    assert report.plans[0].table == "aapm_tg101"
    assert report.exit_code == {"PASS": 0, "PASS_WITH_VARIATION": 0, "FAIL": 1}.get(report.outcome.value, 3)
    cord = [f for f in report.findings if f.organ == "SpinalCord" and f.limit is not None]
    assert cord
    assert report.to_dict()["schema_version"].startswith("2.")
    assert report.lesions[0].bed10_gy == pytest.approx(100.0)


def test_the_pieces_work_alone() -> None:
    data = study().plans[0]
    roi = data.structures.roi("PTV")
    assert roi is not None
    dvh = sbrtcheck.compute_dvh(sbrtcheck.build_structure(roi), data.dose)
    assert dvh.total_volume_cm3 == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.01)
    value = sbrtcheck.evaluate("D95%[Gy]", dvh)
    radius_95 = 15 * 0.95 ** (1 / 3)
    assert value.value == pytest.approx(62 * np.exp(-((radius_95 / 38) ** 2)), abs=0.1)
    assert value.low is not None
    assert value.high is not None
    assert value.low <= value.value <= value.high
    assert sbrtcheck.bed(total_dose_gy=54, n_fractions=3, alpha_beta_gy=10) == pytest.approx(151.2)


def test_judge_one_row_by_hand() -> None:
    from sbrtcheck.model.subject import Subject

    data = study().plans[0]
    roi = data.structures.roi("SpinalCord")
    assert roi is not None
    dvh = sbrtcheck.compute_dvh(sbrtcheck.build_structure(roi), data.dose)
    row: LimitRow = sbrtcheck.load_table("AAPM TG-101").rows_for(n_fractions=5)[0]
    assert row.level is Level.MANDATORY
    subject = Subject(organ="SpinalCord", roi="SpinalCord", dvh=dvh)
    high = sbrtcheck.judge(subject, sbrtcheck.parse_metric("D0.035cc[Gy]"), comparator="<=", limit=1.0)
    assert high.verdict is sbrtcheck.Verdict.NOT_MET


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"n_fractions": 2.5}, "E-FRACTIONS"),
        ({"affine": np.zeros((4, 4))}, "E-DOMAIN"),
        ({"dose_gy": np.full((4, 4, 4), np.nan)}, "E-DOMAIN"),
        ({"prescriptions_gy": {"GTV": 50.0}}, "E-ROI-UNKNOWN"),
        ({"prescriptions_gy": {"PTV": -1.0}}, "E-PRESCRIPTION"),
        ({"contours": {"PTV": [np.zeros((2, 3))]}}, "E-DOMAIN"),
    ],
)
def test_wrong_arrays_are_refused(changes: dict[str, object], code: str) -> None:
    with pytest.raises(sbrtcheck.WrongUsageError) as error:
        study(**changes)
    assert error.value.problems[0].code == code


def test_input_that_cannot_be_read_gives_a_refused_report(tmp_path: object) -> None:
    report = sbrtcheck.check(str(tmp_path))
    assert (report.outcome, report.exit_code) == (Outcome.REFUSED, 4)
    assert report.findings == ()
