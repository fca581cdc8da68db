"""What a site asks for: an ordinary plan with everything drawn lacks nothing, and without any of it is INCOMPLETE."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache

import pytest
from given_doses import judged, solid, sparing
from trunk import ORGANS, TARGETS, organ, plan_of, trunk

from sbrtcheck.anatomy.required import stand_ins_of
from sbrtcheck.errors import RefusedError
from sbrtcheck.judging.requirements import requirements
from sbrtcheck.model import Finding, Outcome
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.read.case_file import FarOrgan
from sbrtcheck.tables.policy import load_policy
from sbrtcheck.tables.policy_rows import required_at, required_organs

# What of the trunk is an organ of the lists.
PARTS = {
    "Lungs": ("Lung_L", "Lung_R"),
    "Kidneys": ("Kidney_L", "Kidney_R"),
    "BrachialPlexus": ("BrachialPlex_L", "BrachialPlex_R"),
    "SacralPlex": ("SacralPlex_L", "SacralPlex_R"),
    "Femur_Head": ("Femur_Head_L", "Femur_Head_R"),
    "Chestwall": ("Chestwall_L", "Chestwall_R"),
}


def open_findings(doses: PlanDoses, **options: dict[str, str]) -> list[Finding]:
    """What keeps the plan from passing for want of an organ."""
    bad = {Outcome.INCOMPLETE, Outcome.MARGINAL, Outcome.FAIL}
    return [f for f in judged(doses, **options).findings if f.consequence in bad]


@cache
def whole(place: str) -> PlanDoses:
    return plan_of(trunk(place), place)


@pytest.mark.parametrize("place", TARGETS)
def test_an_ordinary_plan_with_everything_drawn_lacks_nothing(place: str) -> None:
    assert [(f.rule_id, f.note) for f in open_findings(whole(place))] == []
    assert judged(whole(place)).unjudged == ()


def asked(place: str) -> list[str]:
    site, _, level = place.partition(":")
    return ["|".join(r.organs) for r in required_at(site, level) if r.requirement == "required" and not r.side]


def removals() -> Iterator[tuple[str, str]]:
    for place in TARGETS:
        for requirement in asked(place):
            if requirement != "Skin":
                yield place, requirement


def drawn(requirement: str) -> tuple[str, ...]:
    """The ROIs of the trunk that any organ of a requirement is made of, the containers of it left alone."""
    return tuple(part for o in requirement.split("|") for part in PARTS.get(o, (o,)) if part in ORGANS)


@pytest.mark.parametrize(("place", "requirement"), list(removals()))
def test_a_required_organ_that_is_removed_makes_it_incomplete(place: str, requirement: str) -> None:
    doses = plan_of(trunk(place, without=drawn(requirement)), place)
    found = [f for f in open_findings(doses) if f.rule_id == f"required:{requirement}"]
    assert [f.consequence for f in found] == [Outcome.INCOMPLETE]
    note = found[0].note
    if "is not contoured" not in note:
        # What is left of the cord stands for the cauda, and does not reach the target.
        assert "drawn from z" in note
        return
    assert f'--map "ROI={requirement.split("|", maxsplit=1)[0]}"' in note
    line = note[note.index("absent = [") :]
    case = tomllib.loads(line)["absent"]
    options = requirement.split("|")
    assert {entry["organ"] for entry in case} == set(options) - stand_ins_of(options)
    # The line does what it promises.
    excused = {entry["organ"]: entry["reason"] for entry in case}
    assert f"required:{requirement}" not in {f.rule_id for f in open_findings(doses, absent=excused)}


def test_every_required_row_of_the_lists_is_removed_once() -> None:
    seen = {(place.partition(":")[0], requirement) for place, requirement in removals()}
    rows = {(r.site, "|".join(r.organs)) for r in required_organs() if r.requirement == "required" and not r.side}
    assert rows - seen - {("bone", "Skin")} == set()


@pytest.mark.parametrize(
    ("place", "organ_gone", "requirement"),
    [
        ("lung", "Heart", "Heart"),
        ("lung", "GreatVes", "GreatVes"),
        ("bone:rib", "Heart", "Heart"),
        ("liver", "Duodenum", "Duodenum"),
        ("adrenal", "Stomach", "Stomach"),
        ("adrenal", "Liver", "Liver"),
        ("spine:L3", "Stomach", "Stomach"),
        ("node:retroperitoneum", "Liver", "Liver"),
    ],
)
def test_an_organ_that_a_landmark_asks_for(place: str, organ_gone: str, requirement: str) -> None:
    near = [f.note for f in open_findings(plan_of(trunk(place, without=(organ_gone,)), place))]
    asked_for = [n for n in near if n.startswith(f"{requirement} is required")]
    assert bool(asked_for) == (requirement in judged_requirements(place))
    assert all("asked for" in n or "site" in n for n in asked_for)


def judged_requirements(place: str) -> set[str]:
    return set(requirements(whole(place), load_policy()).required)


def test_the_side_decides_between_stomach_and_liver_beside_an_adrenal_gland() -> None:
    assert "Stomach" in judged_requirements("adrenal")
    right = trunk("adrenal") | {"PTV": solid((-50, 62, -20), TARGETS["adrenal"][1], step_mm=3.0)}
    right.pop("GTV")
    right.pop("Stomach")
    found = [f for f in open_findings(plan_of(right, "adrenal")) if f.rule_id == "required:Stomach"]
    # 50 mm to the right of the cord the stomach is nobody's neighbour.
    assert found == []


def test_in_the_top_of_the_liver_the_bowel_is_not_asked_for() -> None:
    gone = ("Duodenum", "Bowel_Small", "Kidney_L", "Kidney_R")
    top = trunk("liver", without=gone) | {"PTV": solid((-60, -20, 15), (12, 12, 12), step_mm=3.0)}
    top.pop("GTV")
    doses = plan_of(top, "liver")
    assert {f.rule_id for f in open_findings(doses)} & {"required:Duodenum", "required:Kidneys"} == set()
    low = {f.rule_id for f in open_findings(plan_of(trunk("liver", without=gone), "liver"))}
    assert {"required:Duodenum", "required:Kidneys", "required:Bowel_Small|Bag_Bowel|Bowel"} <= low


def test_one_kidney_is_not_both() -> None:
    doses = plan_of(trunk("adrenal", without=("Kidney_R",)), "adrenal")
    assert any(f.consequence is Outcome.INCOMPLETE and "Kidney_R" in f.note for f in open_findings(doses))
    absent = {"Kidney_R": "nephrectomy"}
    single = plan_of(trunk("adrenal", without=("Kidney_R",)), "adrenal", absent=absent)
    assert [f.rule_id for f in open_findings(single, absent=absent) if f.consequence is Outcome.INCOMPLETE] == []


# ---- where the organ lies


def test_an_organ_at_another_level_does_not_settle() -> None:
    """A duodenum is no bowel; bowel 20 cm away is not the bowel at the target."""
    place = "node:pelvis"
    contours = trunk(place, without=("Bowel_Small",)) | {"Bowel_Small": solid((0, -50, 10), (80, 30, 40))}
    (found,) = [f for f in open_findings(plan_of(contours, place)) if f.rule_id.startswith("required:Bowel")]
    assert found.consequence is Outcome.INCOMPLETE
    assert "Bowel_Small 224 mm" in found.note
    assert "above or below the target" in found.note


def test_colon_alone_is_no_small_bowel() -> None:
    contours = trunk("node:pelvis", without=("Bowel_Small",)) | {"Bowel_Large": organ("Bowel_Small")}
    found = {f.rule_id for f in open_findings(plan_of(contours, "node:pelvis"))}
    assert "required:Bowel_Small|Bag_Bowel|Bowel" in found


@pytest.mark.parametrize("name", ["Bag_Bowel", "Bowel"])
def test_a_bag_or_bowel_of_either_kind_settles_the_small_bowel(name: str) -> None:
    contours = trunk("node:pelvis", without=("Bowel_Small",)) | {name: organ("Bowel_Small")}
    assert open_findings(plan_of(contours, "node:pelvis")) == []


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (90, 160, False),
        (105, 160, True),
        (60, 128, True),
        (60, 150, False),
    ],
)
def test_the_cord_is_drawn_over_the_target_and_10_mm_each_way(low: float, high: float, said: bool) -> None:
    """The first and last contour of the lung target lie at 110 and 130 mm."""
    cord = solid((0, 50, (low + high) / 2), (9, 9, (high - low) / 2), flat=True, step_mm=3.0)
    contours = trunk("lung", without=("SpinalCord", "CaudaEquina")) | {"SpinalCord": cord}
    found = [f for f in open_findings(plan_of(contours, "lung")) if f.rule_id == "required:SpinalCord"]
    assert bool(found) == said
    if said:
        assert found[0].note.startswith("SpinalCord is required (site lung): beside PTV, SpinalCord drawn from z ")
        assert "the target reaches from 110 to 130 mm" in found[0].note


def test_cord_and_cauda_together_cover_the_target() -> None:
    assert open_findings(whole("spine:L1")) == []
    only_cord = plan_of(trunk("spine:L1", without=("CaudaEquina",)), "spine:L1")
    assert "required:SpinalCord|CaudaEquina" in {f.rule_id for f in open_findings(only_cord)}


def test_a_canal_drawn_along_the_target_settles_the_cord() -> None:
    contours = trunk("spine:T5", without=("SpinalCord", "CaudaEquina")) | {
        "SpinalCanal": solid((0, 50, 130), (9, 8, 190), flat=True)
    }
    assert open_findings(plan_of(contours, "spine:T5")) == []


def test_below_the_top_of_the_stomach_no_oesophagus_is_asked_for_along_the_target() -> None:
    """The oesophagus ends at -10 mm; the stomach begins at 15 mm."""
    base = trunk("lung") | {"PTV": solid((-95, 40, 5), (12, 12, 12), step_mm=3.0)}
    base.pop("GTV")
    assert "required:Esophagus" not in {f.rule_id for f in open_findings(plan_of(base, "lung"))}


# ---- declared far


def far(name: str, distance_mm: float = 80.0) -> tuple[FarOrgan, ...]:
    return (FarOrgan(name, distance_mm, "A. Physicist"),)


def test_an_organ_declared_far_is_not_asked_for_and_a_line_says_so() -> None:
    place = "node:retroperitoneum"
    doses = plan_of(trunk(place, without=("Stomach",)), place, far=far("Stomach"))
    assert open_findings(doses) == []
    assert "not asked for: Stomach 80 mm away from every target, as A. Physicist declares" in judged(doses).lines


@pytest.mark.parametrize(
    ("place", "name"),
    [("spine:T5", "SpinalCord"), ("lung", "Lungs"), ("liver", "Liver"), ("adrenal", "Kidneys")],
)
def test_an_organ_of_the_site_itself_is_never_far(place: str, name: str) -> None:
    doses = plan_of(trunk(place, without=drawn(name)), place, far=far(name))
    with pytest.raises(RefusedError, match="E-CONTRADICTS"):
        judged(doses)


def test_a_contour_contradicts_what_is_declared_far() -> None:
    doses = plan_of(trunk("lung"), "lung", far=far("Heart", 300.0))
    with pytest.raises(RefusedError, match="declared 300 mm from every target, drawn"):
        judged(doses)


def test_facts_of_the_caller_reach_the_plan() -> None:
    assert plan_of(trunk("lung"), "lung", far=far("Stomach")).given == GivenFacts(
        sites={"": "lung"}, sex="F", far=far("Stomach")
    )


# ---- what no dose can miss


def test_an_organ_whose_limits_exceed_the_highest_dose_need_not_be_contoured() -> None:
    gone = trunk("node:mediastinum", without=("GreatVes",))
    given = {
        "site": "node:mediastinum",
        "prescriptions_gy": {"PTV": 30.0},
        "dose_of": sparing("PTV", "GTV", "BODY", dose_gy=36.0),
    }
    doses = plan_of(gone, **given)
    assert "required:GreatVes" not in {f.rule_id for f in open_findings(doses)}
    assert any(line.startswith("GreatVes is not contoured: every mandatory limit") for line in judged(doses).lines)


# ---- the skin is made where it is asked for


def test_the_skin_is_made_from_the_body_where_it_is_asked_for() -> None:
    (skin,) = whole("bone:scapula").subjects["Skin"]
    assert "5 mm shell inside BODY" in skin.note
    assert "Skin" in judged_requirements("bone:scapula")
    assert "Skin" not in judged_requirements("spine:T9")
