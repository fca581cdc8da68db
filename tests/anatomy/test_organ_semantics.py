"""What stands for an organ or a target: unions, joint rows, pairs, containers, skin, differences, ITV and dose levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from array_studies import ball, ring
from given_doses import Loops, compute, judged, solid, uniform

import sbrtcheck
from sbrtcheck.anatomy.flat_ends import flat_end
from sbrtcheck.dvh import Structure
from sbrtcheck.judging.organ_limits import PlanContext, judge_organ_limits
from sbrtcheck.model import Dvh, Finding, FindingKind, Level, Outcome, Reason, Verdict
from sbrtcheck.plan.doses import PlanDoses

TARGETS: dict[str, Loops] = {"PTV": solid((0, 0, 0), (10, 10, 10)), "GTV": solid((0, 0, 0), (6, 6, 6))}


def with_doses(**doses_gy: float) -> Any:
    """Doses by name; every other organ gets 1 Gy."""

    def dose_of(structure: Structure) -> Dvh:
        name = structure.name.replace("+", "_").replace("-", "_")
        if name.startswith("PTV") or name in {"GTV", "ITV", "CTV"}:
            return uniform(structure, doses_gy.get(name, 55.0))
        return uniform(structure, doses_gy.get(name, 1.0), 2500.0)

    return dose_of


def limits(doses: PlanDoses, organ: str, **options: Any) -> list[Finding]:
    found = judged(doses, **options).findings
    return [f for f in found if f.kind is FindingKind.ORGAN_LIMIT and f.organ == organ and f.limit is not None]


def columns(*names: str) -> dict[str, Loops]:
    return {name: solid((20.0 + 8 * k, 20.0, 0.0), (3, 3, 12)) for k, name in enumerate(names)}


# ---- unions and joint rows


def test_lungs_are_the_union_of_both_and_one_is_not_enough() -> None:
    both = {**TARGETS, "Lung_L": solid((30, 0, 0), (12, 20, 40)), "Lung_R": solid((-30, 0, 0), (12, 20, 40))}
    doses = compute(both, site="lung")
    (lungs,) = doses.subjects["Lungs"]
    assert lungs.note.startswith("union of Lung_L + Lung_R")
    assert lungs.missing_part == ""
    one = compute({k: v for k, v in both.items() if k != "Lung_R"}, site="lung")
    found = limits(one, "Lungs")
    assert found
    assert {(f.verdict, f.reason) for f in found} == {(Verdict.NOT_EVALUABLE, Reason.PART_MISSING)}
    resected = compute(
        {k: v for k, v in both.items() if k != "Lung_R"}, site="lung", absent={"Lung_R": "pneumonectomy"}
    )
    assert {f.verdict for f in limits(resected, "Lungs", absent={"Lung_R": "pneumonectomy"})} == {Verdict.MET}


def test_lungs_and_liver_stand_whole_and_beside_them_without_the_gross_tumour() -> None:
    contours = {
        "PTV": solid((30, 0, 0), (10, 10, 10)),
        "GTV": solid((30, 0, 0), (6, 6, 6)),
        "Lung_L": solid((30, 0, 0), (25, 30, 60)),
        "Lung_R": solid((-30, 0, 0), (25, 30, 60)),
    }
    subjects = compute(contours, site="lung").subjects
    assert [s.note for s in subjects["Lungs"]] == ["union of Lung_L + Lung_R"]
    assert [s.note for s in subjects["Lungs-GTV"]] == ["union of Lung_L + Lung_R; Lungs minus GTV"]
    liver = {"PTV": contours["PTV"], "GTV": contours["GTV"], "Liver": solid((20, 0, 0), (40, 40, 50))}
    doses = compute(liver, site="liver")
    assert "Liver minus GTV" in doses.subjects["Liver-GTV"][0].note
    places = np.array([[30.0, 0, 0], [30.0, 8.0, 0.0], [0.0, 0.0, 0.0]])
    for organ, inside in (("Liver", [True, True, True]), ("Liver-GTV", [False, True, True])):
        (shape,) = doses.shapes[organ]
        assert shape is not None
        assert shape.contains(places).tolist() == inside
    drawn = {"PTV": contours["PTV"], "GTV": contours["GTV"], "Liver-GTV": liver["Liver"]}
    (only,) = compute(drawn, site="liver").subjects["Liver"]
    assert only.note == "drawn as Liver-GTV"


def test_the_itv_takes_the_place_of_a_missing_gtv() -> None:
    contours = {
        "PTV": solid((30, 0, 0), (10, 10, 10)),
        "ITV": solid((30, 0, 0), (7, 7, 7)),
        "Lung_L": solid((30, 0, 0), (25, 30, 60)),
        "Lung_R": solid((-30, 0, 0), (25, 30, 60)),
    }
    doses = compute(contours, site="lung")
    assert doses.lesions[0].itv == "ITV"
    assert doses.lesions[0].near_minimum_roi == "ITV"
    assert "Lungs minus ITV" in doses.subjects["Lungs-GTV"][0].note


def test_the_airway_is_judged_as_one_and_only_when_it_is_whole() -> None:
    both = {**TARGETS, **columns("Trachea", "ProximalBronchialTree")}
    joint = "Trachea+ProximalBronchialTree"
    # Each part has little of the hot volume; together they are beyond the limit on 4 cc.
    assert {f.verdict for f in limits(compute(both, site="lung"), joint)} == {Verdict.MET}
    hot = compute(both, site="lung", dose_of=with_doses(Trachea_ProximalBronchialTree=17.0))
    assert Verdict.NOT_MET in {f.verdict for f in limits(hot, joint) if f.metric == "D4cc[Gy]"}
    above = {"Trachea": solid((20, 20, 30), (3, 3, 22))}
    trachea_only = compute({**TARGETS, **above}, site="lung")
    found = limits(trachea_only, joint)
    assert {f.reason for f in found} == {Reason.PART_MISSING}
    assert "ProximalBronchialTree" in found[0].note or "bronchial tree" in found[0].note
    # A target above the lower end of the trachea is nearer to it than to any part of the tree.
    neck = {"PTV": solid((0, 0, 40), (10, 10, 10)), **above}
    assert {f.verdict for f in limits(compute(neck, site="node:neck"), joint)} == {Verdict.MET}


def test_great_vessels_need_their_parts() -> None:
    whole = {**TARGETS, **columns("A_Aorta", "A_Pulmonary", "V_Venacava_S")}
    doses = compute(whole, site="lung")
    assert doses.subjects["GreatVes"][0].note == "union of A_Aorta + A_Pulmonary + V_Venacava_S"
    assert {f.verdict for f in limits(doses, "GreatVes")} == {Verdict.MET}
    # Beside the oesophagus a lesion of the lung asks for the great vessels, and all of them.
    part = compute({**TARGETS, **columns("Esophagus", "A_Aorta")}, site="lung")
    assert {f.reason for f in limits(part, "GreatVes")} == {Reason.PART_MISSING}
    # Where nothing asks for them, the vessel that is drawn is judged.
    spine = compute({**TARGETS, **columns("A_Aorta")}, site="spine:L3")
    assert {f.verdict for f in limits(spine, "GreatVes")} == {Verdict.MET}
    assert "V_Venacava_S or V_Venacava_I is not contoured" in limits(spine, "GreatVes")[0].note
    over = compute({**TARGETS, **columns("A_Aorta")}, site="lung", dose_of=with_doses(A_Aorta=60.0))
    assert Verdict.NOT_MET in {f.verdict for f in limits(over, "GreatVes")}


# ---- pairs


def test_each_side_of_a_pair_is_judged_alone() -> None:
    contours = {**TARGETS, **columns("BrachialPlex_L", "BrachialPlex_R")}
    doses = compute(contours, site="lung", dose_of=with_doses(BrachialPlex_L=40.0))
    found = [f for f in limits(doses, "BrachialPlexus") if f.metric == "D0.035cc[Gy]"]
    assert {f.roi: f.verdict for f in found} == {"BrachialPlex_L": Verdict.NOT_MET, "BrachialPlex_R": Verdict.MET}


@pytest.mark.parametrize(("x", "other"), [(30.0, "Lung_R"), (-30.0, "Lung_L")])
def test_the_contralateral_lung_is_the_one_without_a_target(x: float, other: str) -> None:
    contours = {
        "PTV": solid((x, 0, 0), (10, 10, 10)),
        "Lung_L": solid((30, 0, 0), (25, 30, 60)),
        "Lung_R": solid((-30, 0, 0), (25, 30, 60)),
    }
    (subject,) = compute(contours, site="lung").subjects["Lung_Contralateral"]
    assert subject.roi == other
    both = {**contours, "PTV2": solid((-x, 0, 0), (10, 10, 10))}
    assert "Lung_Contralateral" not in compute(both, site="lung", prescriptions_gy={"PTV": 50, "PTV2": 50}).subjects


# ---- containers


def test_a_canal_that_meets_the_limit_settles_the_cord_and_never_fails_it() -> None:
    contours = {**TARGETS, **columns("SpinalCanal")}
    cool = limits(compute(contours, site="spine"), "SpinalCord")
    assert {f.verdict for f in cool} == {Verdict.MET}
    assert all("settled by SpinalCanal" in f.note for f in cool)
    hot = limits(compute(contours, site="spine", dose_of=with_doses(SpinalCanal=40.0)), "SpinalCord")
    assert {(f.verdict, f.reason) for f in hot} == {(Verdict.NOT_EVALUABLE, Reason.CONTAINER_EXCEEDED)}
    assert all(f.consequence is not Outcome.FAIL for f in hot)


def test_a_container_never_settles_a_spared_volume() -> None:
    from given_limits import row, subject, table, uniform_dvh

    rows = table(row("SpinalCord", "CV10Gy[cc]", 5.0, comparator=">="), row("SpinalCord", "Mean[Gy]", 5.0))
    canal = {"SpinalCanal": (subject("SpinalCanal", uniform_dvh(1.0)),)}
    context = PlanContext(
        label="p",
        n_fractions=5,
        subjects=canal,
        required={"SpinalCord": "x"},
        containers={"SpinalCord": ("SpinalCanal",)},
    )
    assert judge_organ_limits(context, rows) == ()


# ---- skin


def test_the_skin_is_made_only_beside_a_target() -> None:
    body = {"BODY": solid((0, 0, 0), (40, 40, 40), flat=True)}
    (skin,) = compute({**TARGETS, **body}, site="spine").subjects["Skin"]
    assert skin.note == "5 mm shell inside BODY"
    (shape,) = compute({**TARGETS, **body}, site="spine").shapes["Skin"]
    assert shape is not None
    assert shape.contains(np.array([[38.0, 0, 0], [34.0, 0, 0], [41.0, 0, 0]])).tolist() == [True, False, False]
    deep = {"BODY": solid((0, 0, 0), (90, 90, 90), flat=True)}
    assert "Skin" not in compute({**TARGETS, **deep}, site="spine").subjects
    drawn = compute({**TARGETS, **body, "Skin": solid((36, 0, 0), (3, 20, 20))}, site="spine")
    assert [s.note for s in drawn.subjects["Skin"]] == [""]


# ---- dose levels


SIB: dict[str, Loops] = {
    "PTV_5000": solid((0, 0, 0), (8, 8, 8)),
    "PTV_4000": solid((1, 0, 0), (16, 16, 16)),
    "GTV": solid((0, 0, 0), (5, 5, 5)),
}
LEVELS_GY = {"PTV_5000": 50.0, "PTV_4000": 40.0}


def test_each_level_has_its_own_goals_and_the_gtv_belongs_to_the_inner_one() -> None:
    doses = compute(SIB, site="lung", prescriptions_gy=LEVELS_GY, dose_of=with_doses(PTV_5000=60.0, PTV_4000=45.0))
    assert {x.ptv: x.prescription_gy for x in doses.lesions} == LEVELS_GY
    assert {x.ptv: x.gtv for x in doses.lesions} == {"PTV_5000": "GTV", "PTV_4000": ""}
    assert doses.higher_levels == {"PTV_4000": ("PTV_5000",)}
    goals = [f for f in judged(doses).findings if f.metric == "D95%[%]"]
    assert {f.roi: f.value for f in goals} == {"PTV_5000": pytest.approx(120.0), "PTV_4000": pytest.approx(112.5)}


def test_the_near_maximum_of_the_lower_level_is_taken_without_the_higher() -> None:
    # 60 Gy inside the higher level would be 150 % of the lower one's 40 Gy; the rest of it has at most 46 Gy.
    dose_of = with_doses(**{"PTV_5000": 60.0, "PTV_4000": 60.0, "PTV_4000 without PTV_5000": 46.0})
    doses = compute(SIB, site="lung", prescriptions_gy=LEVELS_GY, dose_of=dose_of)
    high = [f for f in judged(doses).findings if f.metric == "Max[%]" and f.comparator == "<="]
    assert {f.roi: f.value for f in high} == {
        "PTV_5000": pytest.approx(120.0),
        "PTV_4000 without PTV_5000": pytest.approx(115.0),
    }
    # The coverage is that of the whole target.
    coverage = {f.roi: f.value for f in judged(doses).findings if f.metric == "V100%[%]"}
    assert coverage["PTV_4000"] == pytest.approx(100.0)


def test_levels_have_no_conformity_rule_and_are_one_site() -> None:
    axis = np.arange(-40.0, 40.1, 4.0)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    study = sbrtcheck.study_from_arrays(
        dose_gy=62.0 * np.exp(-((x**2 + y**2 + z**2) / 34.0**2)),
        affine=np.array([[4.0, 0, 0, -40], [0, 4.0, 0, -40], [0, 0, 4.0, -40], [0, 0, 0, 1.0]]),
        contours={
            "PTV_5000": ball(9.0),
            "PTV_4000": ball(16.0),
            "SpinalCord": [ring(4.0, float(h)) for h in (30, 33, 36)],
        },
        n_fractions=5,
        prescriptions_gy=LEVELS_GY,
    )
    report = sbrtcheck.check_study(study, sites={"": "lung"})
    table = [f for f in report.findings if f.kind is FindingKind.CONFORMITY and f.table == "rtog_conformity"]
    assert table == []
    (sites,) = [f for f in report.findings if f.metric == "distinct treated sites"]
    assert sites.value == 1


def test_targets_beside_each_other_are_no_levels() -> None:
    contours = {"PTV1_5000": solid((0, 0, 0), (8, 8, 8)), "PTV2_4000": solid((14, 0, 0), (8, 8, 8))}
    doses = compute(contours, site="lung", prescriptions_gy={"PTV1_5000": 50.0, "PTV2_4000": 40.0})
    assert doses.higher_levels == {}
    same = {"PTV1": SIB["PTV_5000"], "PTV2": SIB["PTV_4000"]}
    assert compute(same, site="lung", prescriptions_gy={"PTV1": 50.0, "PTV2": 50.0}).higher_levels == {}


# ---- organs that are cut


def lung(low: float, high: float) -> Loops:
    return [loop for loop in solid((40, 0, 0), (25, 40, 80), step_mm=4) if low <= loop[0, 2] <= high]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-90, 90, ""),
        (-30, 90, "its lowest contour"),
        (-90, 70, ""),
        (-90, 30, "its highest contour"),
        (-25, 25, "its lowest contour"),
    ],
)
def test_a_flat_end_away_from_the_scan_end_is_a_part_that_is_missing(low: float, high: float, said: str) -> None:
    body = solid((0, 0, 0), (100, 100, 120), flat=True)
    doses = compute(
        {**TARGETS, "BODY": body, "Lung_L": lung(low, high), "Lung_R": solid((-40, 0, 0), (25, 40, 80))}, site="lung"
    )
    warnings = [p for p in doses.problems if p.code == "W-ORGAN-TRUNCATED"]
    assert bool(warnings) is bool(said)
    assert all(p.seen.startswith(said) and "the body going on" in p.seen for p in warnings)
    (both,) = doses.subjects["Lungs"]
    assert both.cut is bool(said)


def test_an_organ_that_ends_with_the_scan_is_cut_even_by_a_small_flat_end() -> None:
    named = compute({**TARGETS, "Lung_L": lung(-90, 70)}, site="lung").named
    roi = next(n for n in named if n.roi.name == "Lung_L")
    assert flat_end(roi, scan_mm=None) == ""
    top = max(float(c.points_mm[0, 2]) for c in roi.roi.contours)
    assert "where the body outline ends" in flat_end(roi, scan_mm=(-200.0, top))
    assert flat_end(roi, scan_mm=(-200.0, top + 40.0)) == ""


def test_a_percent_of_the_prescription_is_no_percent_of_the_volume() -> None:
    from given_limits import context, row, subject, table, uniform_dvh

    cut = subject("Lungs", uniform_dvh(10.0), cut=True, prescription_gy=50.0)
    rows = table(row("Lungs", "Max[%]", 105.0), row("Lungs", "V20Gy[%]", 10.0, level=Level.OPTIMAL))
    found = {f.metric: f.verdict for f in judge_organ_limits(context({"Lungs": (cut,)}), rows)}
    assert found == {"Max[%]": Verdict.MET, "V20Gy[%]": Verdict.MET}
    cut = subject("Lungs", uniform_dvh(60.0), cut=True, prescription_gy=50.0)
    found = {f.metric: f.verdict for f in judge_organ_limits(context({"Lungs": (cut,)}), rows)}
    assert found == {"Max[%]": Verdict.NOT_MET, "V20Gy[%]": Verdict.NOT_EVALUABLE}
