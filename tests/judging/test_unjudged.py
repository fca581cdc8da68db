"""Nothing near a target goes unjudged without a word: stand-ins, what speaks for what, and what nobody understood."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from given_doses import DoseOf, Loops, judged, solid, uniform
from trunk import TARGETS, organ, plan_of, trunk

from sbrtcheck.dvh import Structure
from sbrtcheck.judging.plan import JudgedPlan
from sbrtcheck.model import Dvh, Finding, FindingKind, Outcome, Reason, Verdict


def doses_of(doses_gy: Mapping[str, float], *, volumes_cm3: Mapping[str, float] | None = None) -> DoseOf:
    """Targets get 51 Gy, organs what is given or 1 Gy, each in a volume of 2500 cc or as given."""

    def dose_of(structure: Structure) -> Dvh:
        name = structure.name
        if name in {"PTV", "GTV", "BODY"}:
            return uniform(structure, 51.0)
        return uniform(structure, doses_gy.get(name, 1.0), (volumes_cm3 or {}).get(name, 2500.0))

    return dose_of


def plan(place: str, contours: dict[str, Loops], **doses_gy: float) -> JudgedPlan:
    return judged(plan_of(contours, place, dose_of=doses_of(doses_gy)))


def worst(result: JudgedPlan) -> set[Outcome]:
    return {f.consequence for f in result.findings} - {Outcome.PASS, Outcome.PASS_WITH_VARIATION}


def of_organ(result: JudgedPlan, name: str) -> list[Finding]:
    """The limits that decide; what another source says beside them is not among them."""
    own = [f for f in result.findings if f.organ == name and f.kind is FindingKind.ORGAN_LIMIT]
    return [f for f in own if f.limit is not None and f.table]


def beside(place: str, half: tuple[float, float, float] = (12, 12, 12)) -> Loops:
    """Something that overlaps the target."""
    (x, y, z), size = TARGETS[place]
    return solid((x + size[0], y, z), half, step_mm=3.0)


# ---- the plans that once passed


def test_bowel_in_the_target_of_an_adrenal_gland_is_incomplete() -> None:
    contours = trunk("adrenal", without=("Bowel_Small",)) | {"Bowel": beside("adrenal")}
    result = plan("adrenal", contours, Bowel=45.7)
    assert worst(result) == {Outcome.INCOMPLETE}
    rows = of_organ(result, "Bowel_Small")
    assert {f.reason for f in rows} == {Reason.CONTAINER_EXCEEDED}
    assert all("Bowel" in f.note and "draw the loops near the target" in f.note for f in rows)
    (unjudged,) = [u for u in result.unjudged if u.organ == "Bowel"]
    assert unjudged.near_maximum_gy == pytest.approx(45.7)
    assert unjudged.mean_gy == pytest.approx(45.7)
    assert unjudged.distance_mm is not None
    assert unjudged.distance_mm < 5


def test_bowel_that_meets_the_limits_of_small_bowel_settles_it() -> None:
    contours = trunk("adrenal", without=("Bowel_Small",)) | {"Bowel": beside("adrenal")}
    result = plan("adrenal", contours, Bowel=15.0)
    assert worst(result) == set()
    assert {f.verdict for f in of_organ(result, "Bowel_Small")} == {Verdict.MET}
    assert result.unjudged == ()


def test_a_duodenum_under_the_name_of_bowel_is_missed_and_the_bowel_is_judged() -> None:
    contours = trunk("adrenal", without=("Duodenum",)) | {"Bowel": organ("Duodenum")}
    result = plan("adrenal", contours)
    assert {f.rule_id for f in result.findings if f.consequence is Outcome.INCOMPLETE} == {"required:Duodenum"}


def test_a_pelvic_node_with_bowel_and_bladder_in_the_target() -> None:
    contours = trunk("node:pelvis", without=("Bowel_Small", "Bladder"))
    contours |= {"Bowel": beside("node:pelvis"), "Bladder": beside("node:pelvis", (30, 30, 30))}
    result = plan("node:pelvis", contours, Bowel=50.0, Bladder=50.0)
    assert worst(result) == {Outcome.INCOMPLETE}
    assert {"Bowel", "Bladder"} <= {u.organ for u in result.unjudged}


def test_a_hot_kidney_alone_is_seen() -> None:
    contours = trunk("adrenal", without=("Kidney_R",))
    result = plan("adrenal", contours, Kidney_L=39.0)
    said = [f for f in result.findings if f.organ == "Kidney_Cortex"]
    assert {f.consequence for f in said} == {Outcome.INCOMPLETE}
    assert "Kidney_R" in said[0].note


def test_the_whole_kidneys_stand_for_the_cortex() -> None:
    result = plan("adrenal", trunk("adrenal"))
    (row,) = of_organ(result, "Kidney_Cortex")
    assert (row.verdict, row.roi) == (Verdict.MET, "Kidney_L + Kidney_R")
    assert "the whole kidney is contoured, the limit is for the cortex" in row.note
    assert "Kidney_Cortex" in result.judged


# ---- what speaks for what


@pytest.mark.parametrize(
    ("place", "name", "shape"),
    [
        ("spine:T5", "SpinalCanal", solid((0, 50, 130), (10, 9, 190), flat=True)),
        ("lung", "Lungs", solid((0, 10, 110), (130, 75, 115))),
        ("node:mediastinum", "Carina", solid((0, -22, 140), (8, 8, 8))),
        ("node:mediastinum", "A_Aorta", solid((20, 0, 120), (12, 12, 60))),
        ("node:retroperitoneum", "Bag_Bowel", solid((0, -30, -150), (100, 60, 120))),
        ("lung", "Lung_Contralateral", organ("Lung_L")),
        ("lung", "Lungs-GTV", solid((0, 10, 110), (130, 75, 115))),
    ],
)
def test_what_is_judged_by_another_organ_is_not_said_to_be_unjudged(place: str, name: str, shape: Loops) -> None:
    result = plan(place, trunk(place) | {name: shape})
    assert [u for u in result.unjudged if u.organ == name and name != "Lung_Contralateral"] == []
    assert worst(result) == set()


def test_bowel_beside_small_bowel_is_held_against_the_limits_of_colon() -> None:
    """Small bowel drawn elsewhere does not speak for what else is called bowel."""
    contours = trunk("node:retroperitoneum") | {"Bowel": beside("node:retroperitoneum")}
    assert worst(plan("node:retroperitoneum", contours, Bowel=20.0)) == set()
    hot = plan("node:retroperitoneum", contours, Bowel=45.0)
    assert worst(hot) == {Outcome.INCOMPLETE}
    assert {f.reason for f in of_organ(hot, "Bowel_Large")} == {Reason.CONTAINER_EXCEEDED}


def test_a_bag_beside_small_bowel_holds_space_and_is_not_judged() -> None:
    bag = {"Bag_Bowel": solid((0, -30, -150), (100, 60, 120))}
    assert worst(plan("node:retroperitoneum", trunk("node:retroperitoneum") | bag, Bag_Bowel=50.0)) == set()


# ---- vessels


@pytest.mark.parametrize(
    ("place", "without", "outcome"),
    [
        ("node:retroperitoneum", ("GreatVes",), {Outcome.MARGINAL}),
        ("spine:L3", ("GreatVes",), {Outcome.MARGINAL}),
        ("spine:T9", ("GreatVes",), {Outcome.FAIL}),
        ("bone:rib", ("GreatVes",), {Outcome.FAIL}),
    ],
)
def test_an_aorta_stands_for_the_great_vessels(place: str, without: tuple[str, ...], outcome: set[Outcome]) -> None:
    contours = trunk(place, without=without) | {"A_Aorta": beside(place)}
    cool = plan(place, contours, A_Aorta=30.0)
    assert worst(cool) == set()
    assert {f.verdict for f in of_organ(cool, "GreatVes")} == {Verdict.MET}
    hot = plan(place, contours, A_Aorta=58.0)
    assert {f.consequence for f in of_organ(hot, "GreatVes") if f.verdict is Verdict.NOT_MET} == outcome


def test_a_pulmonary_vein_is_judged_though_it_is_no_part_of_the_union() -> None:
    contours = trunk("spine:T9", without=("GreatVes",)) | {"V_Pulmonary_L": beside("spine:T9")}
    assert {f.verdict for f in of_organ(plan("spine:T9", contours, V_Pulmonary_L=30.0), "GreatVes")} == {Verdict.MET}
    assert Outcome.FAIL in worst(plan("spine:T9", contours, V_Pulmonary_L=58.0))


# ---- organs without a limit, and ROIs without a meaning


def test_an_organ_without_a_limit_is_a_line_with_its_dose() -> None:
    result = plan("adrenal", trunk("adrenal") | {"Spleen": beside("adrenal", (25, 20, 20))}, Spleen=20.0)
    (spleen,) = result.unjudged
    assert (spleen.organ, spleen.near_maximum_gy) == ("Spleen", pytest.approx(20.0))
    assert "no source has a limit for it in 5 fractions" in spleen.reason
    assert worst(result) == set()


def test_far_organs_are_left_out_unless_their_dose_is_high() -> None:
    far = trunk("lung") | {"Spleen": solid((80, 40, -60), (30, 25, 25))}
    assert plan("lung", far).unjudged == ()
    assert [u.organ for u in plan("lung", far, Spleen=26.0).unjudged] == ["Spleen"]


def test_a_roi_that_nobody_understood_is_a_line() -> None:
    result = plan("adrenal", trunk("adrenal") | {"Structure7": beside("adrenal")}, Structure7=31.0)
    assert "not understood: Structure7, 31.0 Gy beside a target" in result.lines
    assert worst(result) == set()
    helper = plan("adrenal", trunk("adrenal") | {"zRing": beside("adrenal")}, zRing=31.0)
    assert not any("zRing" in line for line in helper.lines)


def test_a_name_like_an_organ_beyond_its_limit_needs_a_look() -> None:
    contours = trunk("adrenal") | {"Duo1": beside("adrenal")}
    cool = plan("adrenal", contours, Duo1=12.0)
    assert worst(cool) == set()
    hot = plan("adrenal", contours, Duo1=41.0)
    (found,) = [f for f in hot.findings if f.rule_id == "not_understood:Duo1"]
    assert found.consequence is Outcome.MARGINAL
    assert "if it is Duodenum" in found.note
    assert '--map "Duo1=ORGAN"' in found.note
    away = judged(
        plan_of(contours, "adrenal", dose_of=doses_of({"Duo1": 41.0}), roi_map={"Duo1": "none"}),
    )
    assert worst(away) == set()
    assert not any("Duo1" in line for line in away.lines)


def test_a_missing_organ_names_what_it_might_be() -> None:
    contours = trunk("adrenal", without=("Duodenum",)) | {"Duo1": beside("adrenal")}
    (found,) = [f for f in plan("adrenal", contours).findings if f.rule_id == "required:Duodenum"]
    assert found.note.endswith("not understood and near: Duo1")


def test_what_was_judged_is_named() -> None:
    result = plan("liver", trunk("liver"))
    assert {"Liver", "SpinalCord", "Stomach", "Duodenum", "Bowel_Small", "Kidney_Cortex"} <= set(result.judged)
