"""EQD2 of the organs and what a lesion gets: against the formula, sample by sample, and in every format."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from functools import cache

import jsonschema
import numpy as np
import pytest
from array_studies import ball, study, tube
from conftest import ROOT

import sbrtcheck
from sbrtcheck.judging.achieved import achieved
from sbrtcheck.judging.guideline import tier_of
from sbrtcheck.model import FindingKind, OrganEqd2, Outcome, Report, Role, Samples, Verdict
from sbrtcheck.plan.doses import PlanDoses, compute_plan
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.plan.organ_eqd2 import NO_VALUE, organ_eqd2
from sbrtcheck.read.clinic_file import ClinicFile
from sbrtcheck.report import render_csv, render_html, render_json, render_text
from sbrtcheck.report.figures.dvh import dvh_svg, eqd2_svg
from sbrtcheck.tables import alpha_beta
from sbrtcheck.tables.alpha_beta import alpha_beta_of

CONTOURS = {
    "PTV": ball(15.0),
    "GTV": ball(10.0),
    "SpinalCord": tube(5.0, 25.0),
    "Lung_R": tube(5.0, -25.0),
    "Spleen": tube(4.0, -34.0),
}


@cache
def report() -> Report:
    return sbrtcheck.check_study(study(contours=CONTOURS), sites={"": "spine"})


@cache
def plan() -> PlanDoses:
    return compute_plan(study(contours=CONTOURS).plans[0], index=0, given=GivenFacts(sites={"": "spine"}))


def of(organ: str, records: tuple[OrganEqd2, ...]) -> OrganEqd2:
    (found,) = [x for x in records if x.organ == organ]
    return found


# ---- which alpha/beta


def test_the_convention_is_shown_and_the_range_spans_every_late_row() -> None:
    cord = alpha_beta_of("SpinalCord")
    assert cord is not None
    assert (cord.value_gy, cord.range_gy, cord.endpoint) == (2.0, (0.54, 8.2), "myelopathy")
    assert cord.source.startswith("CONVENTION; range: SCHULTHEISS_2008")
    heart = alpha_beta_of("Heart")
    assert heart is not None
    assert (heart.value_gy, heart.range_gy) == (3.0, None)


def test_an_interval_that_reaches_below_zero_is_no_range() -> None:
    rows = [t for t in alpha_beta.load_tissues() if t.tissue == "Lungs"]
    assert min(t.low_gy for t in rows if t.low_gy is not None) < 0
    lungs = alpha_beta_of("Lungs")
    assert lungs is not None
    assert lungs.range_gy == (2.2, 5.8)


def test_early_reactions_are_no_part_of_a_late_range() -> None:
    skin = alpha_beta_of("Skin")
    assert skin is not None
    assert (skin.value_gy, skin.range_gy, skin.endpoint) == (2.6, (2.2, 3.3), "telangiectasia")


@pytest.mark.parametrize(
    ("organ", "taken_from"), [("Lung", "as Lungs"), ("A_Aorta", "as GreatVes"), ("Kidney", "as Kidneys")]
)
def test_a_part_takes_the_value_of_its_union_and_says_so(organ: str, taken_from: str) -> None:
    found = alpha_beta_of(organ)
    assert found is not None
    assert found.source.endswith(taken_from)


def test_joint_and_derived_organs() -> None:
    assert alpha_beta_of("Lungs-GTV") == alpha_beta_of("Lungs")
    assert alpha_beta_of("Trachea+ProximalBronchialTree") == alpha_beta_of("Trachea")
    # Parts that differ have no alpha/beta together.
    assert alpha_beta_of("SpinalCord+Heart") is None


def test_no_value_is_guessed() -> None:
    for organ in ("Spleen", "SpinalCanal", "Bowel_Large", "", "Tumor_NSCLC"):
        assert alpha_beta_of(organ) is None


def test_the_clinic_comes_first() -> None:
    own = alpha_beta_of("SpinalCord", clinic={"SpinalCord": 1.5})
    assert own is not None
    assert (own.value_gy, own.range_gy, own.source) == (1.5, None, "clinic file")
    assert alpha_beta_of("Heart", clinic={"SpinalCord": 1.5}) == alpha_beta_of("Heart")
    lung = alpha_beta_of("Lung", clinic={"Lung_L": 4.0})
    assert lung is not None
    assert lung.value_gy == 4.0


# ---- the numbers


def test_mean_and_near_maximum_are_those_of_the_converted_samples() -> None:
    found = of("SpinalCord", organ_eqd2(plan()))
    samples = plan().dvhs["SpinalCord"].samples
    n = plan().n_fractions

    def eqd2(dose: np.ndarray, ratio: float) -> np.ndarray:
        return dose * (dose / n + ratio) / (2.0 + ratio)

    means = [float(np.average(eqd2(samples.dose_gy, r), weights=samples.volume_cm3)) for r in (2.0, 0.54, 8.2)]
    assert found.mean_gy == pytest.approx(means[0], rel=1e-3)
    assert found.mean_range_gy == pytest.approx((min(means), max(means)), rel=1e-3)
    # The mean of the EQD2 is not the EQD2 of the mean.
    mean_gy = np.average(samples.dose_gy, weights=samples.volume_cm3)
    assert found.mean_gy > 1.02 * float(eqd2(mean_gy, 2.0))
    near = sbrtcheck.evaluate("D0.035cc[Gy]", plan().dvhs["SpinalCord"]).value
    assert near is not None
    assert found.near_max_gy == pytest.approx(float(eqd2(np.float64(near), 2.0)), rel=1e-4)
    assert found.near_max_range_gy == pytest.approx(
        (float(eqd2(np.float64(near), 8.2)), float(eqd2(np.float64(near), 0.54))), rel=1e-4
    )


def test_fractions_of_two_gray_stay_what_they_are() -> None:
    doses = plan()
    flat = Samples(np.full(10, 10.0), np.full(10, 0.5))
    subjects = {
        organ: tuple(replace(s, dvh=replace(s.dvh, samples=flat, variants=(), max_gy=10.0)) for s in items)
        for organ, items in doses.subjects.items()
    }
    for x in organ_eqd2(replace(doses, subjects=subjects)):
        if x.alpha_beta_gy is not None:
            assert x.mean_gy == pytest.approx(10.0)
            assert x.mean_range_gy is None or x.mean_range_gy == pytest.approx((10.0, 10.0))


def test_an_organ_without_a_value_says_so_and_has_no_number() -> None:
    spleen = of("Spleen", organ_eqd2(plan()))
    assert (spleen.near_max_gy, spleen.mean_gy, spleen.note) == (None, None, NO_VALUE)


def test_what_a_lesion_gets_has_its_own_tier() -> None:
    (lesion,) = plan().lesions
    found = {(a.roi, a.value.metric): a for a in achieved(plan(), lesion)}
    rois = ("PTV", "GTV")
    assert {roi for roi, _ in found} == set(rois)
    for roi in rois:
        for metric in ("D98%[Gy]", "D50%[Gy]", "D2%[Gy]"):
            dose = sbrtcheck.evaluate(metric, plan().dvhs[roi]).value
            assert dose is not None
            bed10 = found[roi, f"BED(a/b=10):{metric}"]
            assert bed10.value.value == pytest.approx(dose * (1 + dose / 50.0), rel=1e-4)
            assert bed10.value.low <= bed10.value.value <= bed10.value.high
            assert bed10.tier == tier_of(bed10.value.value)
            eqd2 = found[roi, f"EQD2(a/b=10):{metric}"]
            assert eqd2.value.value == pytest.approx(bed10.value.value / 1.2, rel=1e-6)
            assert eqd2.tier == ""


def test_a_low_near_minimum_is_information_whatever_its_tier() -> None:
    low = study(dose_gy=study().plans[0].dose.dose_gy * 0.45, prescriptions_gy={"PTV": 22.0})
    (lesion,) = compute_plan(low.plans[0], index=0, given=GivenFacts()).lesions
    doses = compute_plan(low.plans[0], index=0, given=GivenFacts())
    assert {a.tier for a in achieved(doses, lesion) if a.tier} == {"below 50 Gy"}


# ---- in every format


def test_json_holds_it_as_the_schema_says() -> None:
    import json

    document = json.loads(render_json(report()))
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    (plan_,) = document["course"]["plans"]
    cord = next(x for x in plan_["organ_eqd2"] if x["organ"] == "SpinalCord")
    assert cord["alpha_beta_range_gy"] == [0.54, 8.2]
    assert cord["near_max_gy"] > cord["mean_gy"] > 0
    assert next(x for x in plan_["organ_eqd2"] if x["organ"] == "Spleen")["near_max_gy"] is None
    metrics = document["course"]["lesions"][0]["metrics"]
    assert metrics["GTV BED(a/b=10):D98%[Gy]"]["note"] == "above 75 Gy"
    assert metrics["PTV EQD2(a/b=10):D98%[Gy]"]["value"] > 0


def test_text_shows_range_endpoint_source_and_what_has_no_value() -> None:
    text = render_text(report())
    part = text[text.index("EQD2 of the organs") :]
    line = next(x for x in part.splitlines() if x.startswith("SpinalCord"))
    assert "2.00 (0.54 to 8.20)" in line
    assert "myelopathy" in line
    assert "CONVENTION; range: SCHULTHEISS_2008, JIN_2015" in part
    assert f"{NO_VALUE}: Spleen" in part
    assert "GTV BED(a/b=10):D98%" in text.replace("a/\n  b", "a/b")


def test_csv_has_a_row_for_each_number_of_a_lesion_and_none_for_organs() -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(report()))))
    found = [r for r in rows if r["kind"] == "lesion_bed10" and r["rule_id"].startswith("information:")]
    assert len(found) == 2 * 3 * 2
    assert {r["consequence"] for r in found} == {"PASS"}
    assert "achieved; above 75 Gy" in {r["note"] for r in found}
    assert not [r for r in rows if r["metric"].startswith("EQD2") and r["organ"]]


def test_html_has_a_figure_of_its_own() -> None:
    (shown,) = report().plans
    assert {c.role for c in shown.eqd2_curves} == {Role.ORGAN}
    cord = next(c for c in shown.eqd2_curves if c.organ == "SpinalCord")
    assert cord.roi == "SpinalCord, a/b 2"
    hottest_gy = float(plan().dvhs["SpinalCord"].samples.dose_gy[0])
    assert cord.dose_gy[-1] == pytest.approx(hottest_gy * (hottest_gy / 5 + 2) / 4)
    assert cord.dose_range_gy is not None
    low, high = np.asarray(cord.dose_range_gy)
    assert np.all(low <= np.asarray(cord.dose_gy) + 1e-12)
    assert np.all(np.asarray(cord.dose_gy) <= high + 1e-12)
    assert high[-1] == pytest.approx(hottest_gy * (hottest_gy / 5 + 0.54) / 2.54)
    assert not [c for c in shown.eqd2_curves if c.organ == "Spleen"]
    assert eqd2_svg(shown) != dvh_svg(shown)
    assert eqd2_svg(replace(shown, eqd2_curves=())) == ""
    page = render_html(report())
    assert "each at its own alpha/beta" in page
    assert page.count('<img src="data:image/svg+xml') == 4  # doses, EQD2, BED of the targets, lesion map


def test_it_does_nothing_to_the_outcome() -> None:
    found = [f for f in report().findings if f.kind is FindingKind.LESION_BED10 and ":" in f.metric]
    assert found
    assert {(f.verdict, f.consequence) for f in found} == {(Verdict.INFORMATION, Outcome.PASS)}


def test_a_clinics_value_reaches_the_report() -> None:
    clinic = ClinicFile(file="clinic.toml", sha256="0" * 64, alpha_beta_gy={"SpinalCord": 1.0})
    found = of("SpinalCord", organ_eqd2(plan(), clinic=clinic.alpha_beta_gy))
    shipped = of("SpinalCord", organ_eqd2(plan()))
    assert (found.alpha_beta_gy, found.source) == (1.0, "clinic file")
    assert found.near_max_gy is not None
    assert shipped.near_max_gy is not None
    assert found.near_max_gy != shipped.near_max_gy
