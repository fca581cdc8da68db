"""What-if: the frontier is where a rescaled plan stops meeting every mandatory organ limit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from array_studies import study
from conftest import SAMPLES
from given_courses import plan_study
from mutations import mini

import sbrtcheck
from sbrtcheck.fractionation.what_if import NOT_A_PRESCRIPTION, whatif
from sbrtcheck.model import DoseGrid, FindingKind, Level, Outcome, Study, Verdict
from sbrtcheck.model.dose import scaled
from sbrtcheck.plan.facts import GivenFacts

SPINE = GivenFacts(sites={"": "spine"})


def rescaled(base: Study, *, factor: float, n_fractions: int) -> Study:
    """The same plan with every dose times ``factor``, prescription included, in another number of fractions."""
    data = base.plans[0]
    references = tuple(
        replace(r, target_prescription_gy=(r.target_prescription_gy or 0.0) * factor) for r in data.plan.dose_references
    )
    scaled_plan = replace(
        data,
        plan=replace(data.plan, n_fractions=n_fractions, dose_references=references),
        dose=DoseGrid(np.asarray(data.dose.dose_gy) * factor, data.dose.affine),
    )
    return replace(base, plans=(scaled_plan, *base.plans[1:]))


def mandatory_verdicts(plan: Study) -> set[Verdict]:
    report = sbrtcheck.check_study(plan, sites={"": "spine"})
    return {f.verdict for f in report.findings if f.kind is FindingKind.ORGAN_LIMIT and f.level is Level.MANDATORY}


@pytest.mark.parametrize("n_fractions", [3, 5])
def test_the_frontier_is_where_a_rescaled_plan_stops_meeting_every_limit(n_fractions: int) -> None:
    plan = study()
    (line,) = whatif(plan, fractions=[n_fractions], keep="dose", given=SPINE)
    assert line.frontier_gy is not None
    assert line.limiting is not None
    assert line.limiting.organ == "SpinalCord"
    at = rescaled(plan, factor=line.frontier_gy / 50.0, n_fractions=n_fractions)
    assert mandatory_verdicts(at) == {Verdict.MET}
    above = rescaled(plan, factor=1.01 * line.frontier_gy / 50.0, n_fractions=n_fractions)
    assert mandatory_verdicts(above) != {Verdict.MET}


def rescaled_files(source: Path, target: Path, *, factor: float, n_fractions: int) -> Path:
    """The DICOM files of one plan, every dose times ``factor``, in another number of fractions."""
    target.mkdir()
    shutil.copy(source / "RTSTRUCT.dcm", target)
    dose = pydicom.dcmread(source / "RTDOSE.dcm")
    dose.DoseGridScaling = f"{float(dose.DoseGridScaling) * factor:.10g}"
    dose.save_as(target / "RTDOSE.dcm")
    plan = pydicom.dcmread(source / "RTPLAN.dcm")
    for reference in plan.DoseReferenceSequence:
        reference.TargetPrescriptionDose = f"{float(reference.TargetPrescriptionDose) * factor:.10g}"
    (group,) = plan.FractionGroupSequence
    for beam in group.ReferencedBeamSequence:
        per_fraction = float(beam.BeamDose) * factor * group.NumberOfFractionsPlanned / n_fractions
        beam.BeamDose = f"{per_fraction:.8g}"
    group.NumberOfFractionsPlanned = n_fractions
    plan.save_as(target / "RTPLAN.dcm")
    return target


def test_the_frontier_holds_for_rescaled_dicom_files(tmp_path: Path) -> None:
    source, prescription_gy, n_fractions = SAMPLES / "spine_30_3", 30.0, 5
    (line,) = whatif(source, fractions=[n_fractions], keep="dose", given=SPINE)
    assert line.frontier_gy is not None
    assert line.limiting is not None
    assert line.published_gy is not None
    assert prescription_gy < line.frontier_gy < line.published_gy

    def verdicts(name: str, total_gy: float) -> dict[str, Verdict]:
        factor = total_gy / prescription_gy
        folder = rescaled_files(source, tmp_path / name, factor=factor, n_fractions=n_fractions)
        report = sbrtcheck.check(folder, find_config=False, sites={"": "spine"})
        (plan,) = report.plans
        assert (plan.n_fractions, plan.prescription_gy) == (n_fractions, (pytest.approx(total_gy),))
        limits = [f for f in plan.findings if f.kind is FindingKind.ORGAN_LIMIT and f.level is Level.MANDATORY]
        return {f"{f.organ} {f.metric}": f.verdict for f in limits}

    at = verdicts("at", line.frontier_gy)
    assert set(at.values()) == {Verdict.MET}
    above = verdicts("above", 1.01 * line.frontier_gy)
    assert set(above) == set(at)
    assert above[f"{line.limiting.organ} {line.limiting.metric}"] in {Verdict.MARGINAL, Verdict.NOT_MET}


def test_nothing_is_offered_above_the_highest_published_scheme() -> None:
    low = study(dose_gy=np.asarray(study().plans[0].dose.dose_gy) * 0.25, prescriptions_gy={"PTV": 12.5})
    for line in whatif(low, fractions=[1, 3, 5], given=SPINE):
        assert line.published_gy is not None
        assert line.frontier_gy is not None
        assert line.frontier_gy <= line.published_gy
        assert NOT_A_PRESCRIPTION in line.note


def test_keep_bed10_keeps_it() -> None:
    for line in whatif(study(), fractions=[1, 3, 8], given=SPINE):
        assert sbrtcheck.bed(
            total_dose_gy=line.asked_gy, n_fractions=line.n_fractions, alpha_beta_gy=10
        ) == pytest.approx(100.0)


def test_the_plans_own_scheme_gives_the_plans_own_verdicts() -> None:
    plan = study()
    (line,) = whatif(plan, fractions=[5], keep="dose", given=SPINE)
    report = sbrtcheck.check_study(plan, sites={"": "spine"})
    own = {
        f"{f.organ} {f.metric} {f.comparator} {f.limit:g} {f.unit}"
        for f in report.findings
        if f.kind is FindingKind.ORGAN_LIMIT
        and f.level is Level.MANDATORY
        and f.verdict in {Verdict.NOT_MET, Verdict.MARGINAL}
    }
    assert set(line.missed) == own
    assert line.asked_outcome is not None


def test_a_number_that_no_table_covers_is_not_judged() -> None:
    (line,) = whatif(study(), fractions=[7], given=SPINE)
    assert (line.table, line.asked_outcome, line.frontier_gy) == ("", None, None)
    assert "no limits for 7 fractions" in line.table_reason


def test_scaling_a_dvh_scales_every_dose_and_no_volume() -> None:
    data = study().plans[0]
    roi = data.structures.roi("PTV")
    assert roi is not None
    dvh = sbrtcheck.compute_dvh(sbrtcheck.build_structure(roi), data.dose)
    twice = scaled(dvh, 2.0)
    for metric in ("D95%[Gy]", "Mean[Gy]", "Max[Gy]"):
        one, two = sbrtcheck.evaluate(metric, dvh).value, sbrtcheck.evaluate(metric, twice).value
        assert one is not None
        assert two == pytest.approx(2 * one)
    assert twice.total_volume_cm3 == dvh.total_volume_cm3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"fractions": [5], "total_gy": -1.0}, "E-DOMAIN"),
        ({"fractions": [5], "keep": "everything"}, "E-OPTION"),
        ({"fractions": [5], "plan_index": 3}, "E-OPTION"),
    ],
)
def test_wrong_calls(arguments: dict[str, object], code: str) -> None:
    with pytest.raises(sbrtcheck.WrongUsageError) as error:
        whatif(study(), given=SPINE, **arguments)  # type: ignore[arg-type]
    assert error.value.problems[0].code == code


def test_no_prescription_is_wrong_usage() -> None:
    with pytest.raises(sbrtcheck.WrongUsageError):
        whatif(study(prescriptions_gy={}), fractions=[5], given=SPINE)


def test_outcomes_get_no_better_with_more_dose() -> None:
    order = list(Outcome)
    ranks = []
    for total in (20.0, 40.0, 60.0, 80.0):
        (line,) = whatif(study(), fractions=[5], total_gy=total, given=SPINE)
        assert line.asked_outcome is not None
        ranks.append(order.index(line.asked_outcome))
    assert ranks == sorted(ranks)


def test_no_highest_dose_is_given_while_a_required_organ_cannot_be_evaluated() -> None:
    plan = study()
    data = plan.plans[0]
    rois = tuple(r for r in data.structures.rois if r.name != "SpinalCord")
    without = replace(plan, plans=(replace(data, structures=replace(data.structures, rois=rois)),))
    (line,) = whatif(without, fractions=[5], keep="dose", given=SPINE)
    assert line.frontier_gy is None
    assert line.asked_outcome is Outcome.INCOMPLETE
    assert "can be evaluated" in line.note
    assert any("required" in text for text in line.missed)


def with_prior_dose(plan: Study) -> Study:
    """The same plan, which states dose from before."""
    data = plan.plans[0]
    earlier = tuple(replace(r, nominal_prior_dose_gy=30.0) for r in data.plan.dose_references)
    return replace(plan, plans=(replace(data, plan=replace(data.plan, dose_references=earlier)),))


def case_file(folder: Path, text: str) -> Path:
    path = folder / "case.toml"
    path.write_text(text, encoding="utf-8")
    return path


ABSENT_BUT_DRAWN = """
[[absent]]
organ = "SpinalCord"
reason = "said so"
"""

EARLIER = """
[[earlier]]
organ = "SpinalCord"
metric = "D0.035cc[Gy]"
dose_gy = 6.0
fractions = 3
date = 2022-11-30
"""


def test_no_highest_dose_is_given_where_stated_earlier_dose_is_not_declared() -> None:
    (line,) = whatif(with_prior_dose(study()), fractions=[5], keep="dose", given=SPINE)
    assert (line.frontier_gy, line.limiting) == (None, None)
    assert "earlier dose" in line.note


def verdicts_of_course(plan: Study, case: Path) -> list[Verdict]:
    """Of the mandatory organ limits of all plans and of their sum."""
    report = sbrtcheck.check_study(plan, sites={"": "spine"}, case=case)
    assert report.cumulative is not None
    found = [*report.findings, *report.course_findings]
    return [f.verdict for f in found if f.kind is FindingKind.ORGAN_LIMIT and f.level is Level.MANDATORY]


@pytest.mark.parametrize("n_fractions", [1, 5])
def test_declared_earlier_dose_lowers_the_frontier_to_where_the_sum_stops_being_met(
    n_fractions: int, tmp_path: Path
) -> None:
    plan, case = with_prior_dose(study()), case_file(tmp_path, EARLIER)
    (alone,) = whatif(study(), fractions=[n_fractions], keep="dose", given=SPINE)
    (line,) = whatif(plan, fractions=[n_fractions], keep="dose", given=SPINE, case=case)
    assert line.beside == ("earlier dose as declared: SpinalCord",)
    assert alone.frontier_gy is not None
    assert line.frontier_gy is not None
    assert line.frontier_gy < 0.9 * alone.frontier_gy
    assert line.limiting is not None
    assert "sum of dose/limit" in line.limiting.metric
    at = rescaled(plan, factor=line.frontier_gy / 50.0, n_fractions=n_fractions)
    assert set(verdicts_of_course(at, case)) == {Verdict.MET}
    above = rescaled(plan, factor=1.01 * line.frontier_gy / 50.0, n_fractions=n_fractions)
    assert set(verdicts_of_course(above, case)) > {Verdict.MET}


def two_plans(first_gy: float, second_gy: float) -> Study:
    """A course of a plan in 5 and a plan in 3 fractions with these doses in the cord."""
    one = plan_study("A", 5, cord_gy=first_gy)
    two = plan_study("B", 3, cord_gy=second_gy, x=16.0, ptv="PTV_B")
    return replace(one, plans=(*one.plans, *two.plans))


def test_the_other_plan_of_a_course_stays_as_it_is_and_counts(tmp_path: Path) -> None:
    course = two_plans(12.0, 7.0)
    case = case_file(tmp_path, 'sequence = "sequential"\n')
    (alone,) = whatif(replace(course, plans=course.plans[1:]), fractions=[5], keep="dose", given=SPINE)
    (line,) = whatif(course, fractions=[5], keep="dose", given=SPINE, case=case, plan_label="B")
    assert line.plan == "B"
    assert line.beside == ("A as it is, 5 fractions",)
    assert alone.frontier_gy is not None
    assert line.frontier_gy is not None
    assert line.frontier_gy < alone.frontier_gy
    turned = replace(course, plans=course.plans[::-1])

    def at(total_gy: float) -> set[Verdict]:
        return set(verdicts_of_course(rescaled(turned, factor=total_gy / 50.0, n_fractions=5), case))

    assert at(line.frontier_gy) == {Verdict.MET}
    assert at(1.01 * line.frontier_gy) > {Verdict.MET}


def test_nothing_is_offered_where_the_sum_cannot_be_met_or_counted(tmp_path: Path) -> None:
    case = case_file(tmp_path, 'sequence = "sequential"\n')
    (line,) = whatif(two_plans(12.0, 21.0), fractions=[5], given=SPINE, case=case)
    assert line.frontier_gy is None
    assert "leaves open B: SpinalCord" in line.note
    full = case_file(tmp_path, EARLIER.replace("6.0", "25.0"))
    (line,) = whatif(study(), fractions=[5], given=SPINE, case=full)
    assert line.frontier_gy is None
    assert "no dose of this plan meets every limit of the course" in line.note
    case = case_file(tmp_path, 'sequence = "sequential"\n')
    course = two_plans(12.0, 7.0)
    away = replace(course.plans[1], dose=replace(course.plans[1].dose, frame_of_reference_uid="1.2.3"))
    (apart,) = whatif(replace(course, plans=(course.plans[0], away)), fractions=[5], given=SPINE, case=case)
    assert (apart.frontier_gy, apart.bed10_gy) == (None, None)
    assert "B has another frame of reference" in apart.note


def test_a_plan_of_another_label_is_wrong_usage() -> None:
    with pytest.raises(sbrtcheck.WrongUsageError, match="Plans here: A, B"):
        whatif(two_plans(12.0, 7.0), fractions=[5], given=SPINE, plan_label="C")


def test_the_command_says_what_is_scaled_what_counts_and_what_ends_the_room(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    folder = mini.write(tmp_path / "plan", mini.files("passing"))
    case, figure = case_file(tmp_path, EARLIER), tmp_path / "shares.png"
    options = ("whatif", folder, "--fractions", "3,7", "--keep-dose", "--case", case)
    text = run(*options, "--plot", figure)
    assert text.code == 0
    assert text.out.startswith("Scaled: ")
    assert "Counts beside it: earlier dose as declared: SpinalCord." in text.out
    assert "7 fractions: " in text.out
    assert f"Every line is {NOT_A_PRESCRIPTION}." in text.out
    assert figure.read_bytes().startswith(b"\x89PNG")
    lines = json.loads(run(*options, "--format", "json").out)["whatif"]
    assert [x["n_fractions"] for x in lines] == [3, 7]
    assert [x["frontier_gy"] is None for x in lines] == [False, True]
    assert len(run(*options, "--format", "csv").out.splitlines()) == 3
    wrong = run(*options, "--plan", "none of these")
    assert (wrong.code, "E-OPTION" in wrong.err) == (2, True)


@pytest.mark.parametrize("total_gy", [10.0, 20.0, 50.0])
def test_the_highest_dose_does_not_hang_on_the_dose_asked_for(total_gy: float) -> None:
    """With the canal alone the cord's limits are met by the canal, or cannot be evaluated: never passed over."""
    plan = study()
    data = plan.plans[0]
    rois = tuple(replace(r, name="SpinalCanal") if r.name == "SpinalCord" else r for r in data.structures.rois)
    canal = replace(plan, plans=(replace(data, structures=replace(data.structures, rois=rois)),))
    (line,) = whatif(canal, fractions=[5], total_gy=total_gy, given=SPINE)
    assert line.frontier_gy is not None
    at = sbrtcheck.check_study(rescaled(canal, factor=line.frontier_gy / 50.0, n_fractions=5), sites={"": "spine"})
    assert not [f for f in at.findings if f.kind is FindingKind.ORGAN_LIMIT and f.consequence is Outcome.INCOMPLETE]
    above = rescaled(canal, factor=1.01 * line.frontier_gy / 50.0, n_fractions=5)
    assert sbrtcheck.check_study(above, sites={"": "spine"}).outcome in {Outcome.INCOMPLETE, Outcome.FAIL}


def test_what_a_check_refuses_is_refused(tmp_path: Path) -> None:
    plan = study()
    data = plan.plans[0]
    weak = replace(data, dose=replace(data.dose, dose_gy=0.1 * np.asarray(data.dose.dose_gy)))
    with pytest.raises(sbrtcheck.RefusedError, match="E-DOSE-RX-MISMATCH"):
        whatif(replace(plan, plans=(weak,)), fractions=[5], given=SPINE)
    with pytest.raises(sbrtcheck.RefusedError, match="E-CONTRADICTS"):
        whatif(plan, fractions=[5], given=SPINE, case=case_file(tmp_path, ABSENT_BUT_DRAWN))


def test_without_any_organ_or_with_an_open_problem_no_highest_dose_is_given() -> None:
    plan = study()
    data = plan.plans[0]
    rois = tuple(r for r in data.structures.rois if r.name == "PTV")
    alone = replace(plan, plans=(replace(data, structures=replace(data.structures, rois=rois)),))
    (line,) = whatif(alone, fractions=[5], keep="dose", given=GivenFacts(sites={"": "other"}))
    assert (line.frontier_gy, line.bed10_gy) == (None, None)
    missing = replace(plan, problems=(*plan.problems, sbrtcheck.Problem("E-NO-DOSE", "RTPLAN_B.dcm")))
    (line,) = whatif(missing, fractions=[5], keep="dose", given=SPINE)
    assert line.frontier_gy is None
    assert line.asked_outcome in {Outcome.INCOMPLETE, Outcome.FAIL}
    assert "E-NO-DOSE" in line.note


def test_no_lesion_comes_above_what_is_published_for_it() -> None:
    (line,) = whatif(SAMPLES / "central_50_5", fractions=[5])
    # The lesion lies at the bronchial tree: schemes of other lung lesions (60 Gy in 5) do not count.
    assert line.published_gy == pytest.approx(40.0)
    assert line.frontier_gy is None or line.frontier_gy <= 40.0


def test_the_clinic_file_beside_the_plan_counts_as_in_a_check(tmp_path: Path) -> None:
    folder = mini.write(tmp_path / "plan", mini.files("passing"))
    (plain,) = whatif(folder, fractions=[3], find_config=False)
    assert plain.frontier_gy is not None
    (folder / "sbrtcheck.toml").write_text('[required]\nnode = ["Stomach"]\n', encoding="utf-8")
    (line,) = whatif(folder, fractions=[3])
    assert line.frontier_gy is None
    assert "Stomach" in line.note
    (same,) = whatif(folder, fractions=[3], find_config=False)
    assert same.frontier_gy == plain.frontier_gy
