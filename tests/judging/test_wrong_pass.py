"""Ways in which a plan could pass on what was not judged, or be failed on what was not measured; each was one once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_doses import Loops, compute, judged, solid, sparing
from given_limits import context, row, subject, table, uniform_dvh

from sbrtcheck.anatomy.lesions import Linking, link_prescriptions
from sbrtcheck.errors import RefusedError
from sbrtcheck.judging.comparison import judge
from sbrtcheck.judging.organ_limits import judge_organ_limits
from sbrtcheck.judging.plan import judge_plan
from sbrtcheck.judging.required import required_organs_settled, some_organ_judged
from sbrtcheck.judging.target_goals import judge_target_goals
from sbrtcheck.model import DoseReference, Dvh, Lesion, Level, Outcome, Plan, Reason, TargetGoal, Verdict
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.tables.organ_tables import load_table


@pytest.mark.parametrize(
    ("metric", "comparator", "limit"),
    [("CV12.5Gy[cc]", ">=", 1500.0), ("V20Gy[%]", "<=", 10.0), ("Mean[Gy]", "<=", 8.0), ("DC1000cc[Gy]", "<=", 3.0)],
)
def test_one_lung_alone_neither_meets_nor_misses_a_limit_of_both(metric: str, comparator: str, limit: float) -> None:
    one = subject("Lungs", uniform_dvh(25.0, 1200.0), missing_part="Lung_R")
    judged = judge(one, parse_metric(metric), comparator=comparator, limit=limit)
    assert judged.verdict is Verdict.NOT_EVALUABLE
    assert judged.value.reason is Reason.PART_MISSING
    assert "the missing part may settle it" in judged.note


def test_a_part_that_is_damaged_is_not_called_missing_and_counts_wherever_it_lies() -> None:
    rows = table(row("GreatVes", "D10cc[Gy]", 39.0))
    part = subject("GreatVes", uniform_dvh(5.0), missing_part="A_Aorta", missing_reason=Reason.DAMAGED_ROI)
    (finding,) = judge_organ_limits(context({"GreatVes": (part,)}), rows)
    assert (finding.consequence, finding.reason) == (Outcome.INCOMPLETE, Reason.DAMAGED_ROI)
    assert "A_Aorta cannot be used" in finding.note


def test_a_part_without_dose_keeps_its_own_reason() -> None:
    outside = Dvh.not_evaluable("Lung_L", Reason.OUTSIDE_GRID, "outside")
    judged = judge(
        subject("Lungs", outside, missing_part="Lung_R"), parse_metric("Mean[Gy]"), comparator="<=", limit=8.0
    )
    assert judged.value.reason is Reason.OUTSIDE_GRID
    assert "meets" not in judged.note


def test_that_one_of_two_organs_is_absent_does_not_excuse_the_other() -> None:
    rows = table(row("CaudaEquina", "D0.035cc[Gy]", 32.0), row("SpinalCord", "D0.035cc[Gy]", 30.0))
    asked = context({}, required={"SpinalCord|CaudaEquina": "site spine"}, absent={"SpinalCord": "below the conus"})
    (finding,) = required_organs_settled(asked, rows, judge_organ_limits(asked, rows))
    assert finding.consequence is Outcome.INCOMPLETE
    assert finding.organ == "CaudaEquina"
    both = replace(asked, absent={"SpinalCord": "a", "CaudaEquina": "b"})
    assert required_organs_settled(both, rows, ()) == ()


def test_an_organ_on_the_other_side_or_at_another_level_does_not_settle() -> None:
    rows = table(row("BrachialPlexus", "D0.035cc[Gy]", 32.0))
    met = context({"BrachialPlexus": (subject("BrachialPlexus", uniform_dvh(1.0)),)}, required={"BrachialPlexus": "x"})
    findings = judge_organ_limits(met, rows)
    assert required_organs_settled(met, rows, findings) == ()
    (finding,) = required_organs_settled(
        replace(met, out_of_reach={"BrachialPlexus": "on the other side"}), rows, findings
    )
    assert finding.consequence is Outcome.INCOMPLETE
    assert "on the other side" in finding.note


def test_a_plan_without_any_judged_organ_is_not_passed_on_its_target() -> None:
    rows = table(row("SpinalCord", "D0.035cc[Gy]", 30.0), row("Skin", "D10cc[Gy]", 36.5, level=Level.OPTIMAL))
    skin = context({"Skin": (subject("Skin", uniform_dvh(1.0, 20.0)),)})
    (finding,) = some_organ_judged(skin, rows, judge_organ_limits(skin, rows))
    assert (finding.rule_id, finding.consequence) == ("organs:none", Outcome.INCOMPLETE)
    cord = context({"SpinalCord": (subject("SpinalCord", uniform_dvh(1.0)),)})
    assert some_organ_judged(cord, rows, judge_organ_limits(cord, rows)) == ()
    only_optimal = table(row("Skin", "D10cc[Gy]", 36.5, level=Level.OPTIMAL))
    assert some_organ_judged(skin, only_optimal, judge_organ_limits(skin, only_optimal)) == ()


@pytest.mark.parametrize("tracheal", [True, False])
def test_a_main_bronchus_beyond_the_limit_of_the_airway_makes_it_missed(tracheal: bool) -> None:
    joint = ("Trachea", "ProximalBronchialTree")
    rows = table(row("Trachea", "D0.035cc[Gy]", 40.0, joint=joint))
    subjects = {"Bronchus_Main": (subject("Bronchus_Main", uniform_dvh(45.0)),)}
    if tracheal:
        trachea = subject("Trachea+ProximalBronchialTree", uniform_dvh(5.0), missing_part="the bronchial tree")
        subjects["Trachea+ProximalBronchialTree"] = (trachea,)
    inside = context(subjects, containers={"Bronchus_Main": ("ProximalBronchialTree",)})
    verdicts = {f.verdict: f.consequence for f in judge_organ_limits(inside, rows)}
    assert verdicts[Verdict.NOT_MET] is Outcome.FAIL


def lung_plan() -> dict[str, Loops]:
    """A target in the left lung, and every organ that it asks for, on both sides where there are two."""
    return {
        "BODY": solid((0, 0, 0), (160, 160, 200), flat=True, step_mm=20),
        "PTV": solid((95, 0, 0), (10, 10, 10)),
        "Lung_L": solid((95, 0, 0), (40, 40, 90)),
        "Lung_R": solid((-95, 0, 0), (40, 40, 90)),
        "SpinalCord": solid((0, 60, 0), (5, 5, 150), flat=True),
        "Esophagus": solid((0, 30, 0), (5, 5, 150), flat=True),
        "Heart": solid((0, -60, -40), (30, 30, 30)),
        "ProximalBronchialTree": solid((0, 0, 40), (10, 10, 30)),
        "Trachea": solid((0, 0, 100), (10, 10, 30)),
        "GreatVes": solid((0, -30, 60), (15, 15, 50)),
    }


def at_the_apex() -> dict[str, Loops]:
    return lung_plan() | {"PTV": solid((95, 0, 60), (10, 10, 10))}


def notes(
    contours: dict[str, Loops], site: str = "", *, absent: dict[str, str] | None = None, **given: object
) -> dict[str, str]:
    """Rule and note of every finding that makes the plan incomplete."""
    doses = compute(contours, site=site, absent=absent, **given)  # type: ignore[arg-type]
    found = judged(doses, absent=absent).findings
    return {f.rule_id: f.note for f in found if f.consequence is Outcome.INCOMPLETE}


def test_an_ordinary_lung_plan_lacks_nothing() -> None:
    assert notes(lung_plan()) == {}


def test_the_plexus_of_the_other_side_does_not_stand_for_that_of_the_target() -> None:
    right = {"BrachialPlex_R": solid((-60, 20, 110), (10, 10, 20))}
    left = {"BrachialPlex_L": solid((60, 20, 110), (10, 10, 20))}
    assert "on the other side" in notes(at_the_apex() | right)["required:BrachialPlexus"]
    assert notes(at_the_apex() | left) == {}
    assert notes(at_the_apex() | left | right) == {}
    whole = {"BrachialPlexus": solid((-60, 20, 110), (10, 10, 20))}
    assert notes(at_the_apex() | whole) == {}


@pytest.mark.parametrize("site", ["spine:T5", "lung"])
def test_a_cord_that_is_not_drawn_at_the_level_of_the_target_says_nothing_of_it(site: str) -> None:
    high = lung_plan() | {"SpinalCord": solid((0, 60, 110), (5, 5, 40), flat=True)}
    said = [note for rule, note in notes(high, site).items() if "SpinalCord" in rule]
    assert said
    assert all("SpinalCord drawn from z " in note for note in said)
    canal = high | {"SpinalCanal": solid((0, 60, 0), (9, 9, 150), flat=True)}
    assert [rule for rule in notes(canal, site) if "SpinalCord" in rule] == []


def test_a_spine_target_asks_for_the_cord_along_all_of_it() -> None:
    half = lung_plan() | {
        "PTV": solid((0, 70, 0), (20, 20, 30)),
        "SpinalCord": solid((0, 60, 65), (5, 5, 60), flat=True),
    }
    assert "the target reaches from -28 to 28 mm" in notes(half, "spine:T9")["required:SpinalCord"]
    whole = half | {"CaudaEquina": solid((0, 60, -45), (5, 5, 50), flat=True)}
    assert "required:SpinalCord" not in notes(whole, "spine:T9")


@pytest.mark.parametrize("site", ["other", "adrenal", "spine", "node"])
def test_a_site_that_contradicts_where_the_target_lies_does_not_take_its_organs_away(site: str) -> None:
    contours = lung_plan()
    for organ in ("Esophagus", "ProximalBronchialTree", "Trachea"):
        del contours[organ]
    found = notes(contours, site)
    assert {"required:Esophagus", "required:ProximalBronchialTree"} <= set(found)
    assert "site lung by geometry" in found["required:ProximalBronchialTree"] or site == "node"
    doses = compute(lung_plan(), site=site)
    assert any(f.value == "also those of lung" for f in doses.facts)


def test_site_other_with_nothing_but_a_target_is_not_passed() -> None:
    found = notes({"PTV": lung_plan()["PTV"], "BODY": lung_plan()["BODY"]}, "other")
    assert "organs:none" in found


EMPTY = {"Lungs": "Lungs", "SpinalCord": "Spinal Cord", "ProximalBronchialTree": "PBT", "Heart": "HEART"}


@pytest.mark.parametrize("name", EMPTY.values(), ids=EMPTY.keys())
def test_an_empty_roi_beside_one_that_is_drawn_takes_nothing_away(name: str) -> None:
    assert notes(lung_plan() | {name: []}) == {}


def test_an_empty_roi_alone_is_incomplete() -> None:
    contours = lung_plan()
    del contours["Lung_R"]
    assert "required:Lungs" in notes(contours | {"Lungs": []})
    assert "required:Esophagus" in notes(lung_plan() | {"Esophagus": []})
    # Not asked for, and yet somebody meant to draw it.
    assert any("Heart" in rule for rule in notes(lung_plan() | {"Heart": []}))


def test_lungs_drawn_without_the_tumour_stand_for_the_lungs() -> None:
    contours = lung_plan()
    both = contours.pop("Lung_L") + contours.pop("Lung_R")
    assert notes(contours | {"Lungs-GTV": both}, "lung") == {}


def test_a_second_target_that_is_damaged_or_empty_is_not_forgotten() -> None:
    other = solid((-95, 0, 0), (10, 10, 10))
    two = lung_plan() | {"PTV2": other}
    both = {"PTV": 50.0, "PTV2": 50.0}
    assert notes(two, prescriptions_gy=both, dose_of=sparing("PTV", "PTV2")) == {}
    assert "no contours" in notes(lung_plan() | {"PTV2": []}, prescriptions_gy=both)["target:not_judged"]
    assert notes(lung_plan() | {"PTV2": []}) == {}
    damaged = notes(two, damaged=("PTV2",))
    assert "PTV2" in damaged["target:not_judged"]
    assert "target:not_judged" in notes(two, prescriptions_gy=both, damaged=("PTV2",))


def test_a_target_that_the_plan_prescribes_to_is_not_mapped_away() -> None:
    two = lung_plan() | {"PTV2": solid((-95, 0, 0), (10, 10, 10))}
    both = {"PTV": 50.0, "PTV2": 50.0}
    found = notes(two, prescriptions_gy=both, roi_map={"PTV2": "none"})
    assert "50 Gy to PTV2" in found["target:not_judged"]
    assert notes(two, roi_map={"PTV2": "none"}) == {}


def test_a_damaged_trachea_is_not_passed_over() -> None:
    assert notes(lung_plan(), damaged=("Trachea",))


def goal(level: Level, metric: str = "D98%[%]", *, target: str = "PTV") -> TargetGoal:
    missed = Outcome.FAIL if level is Level.MANDATORY else Outcome.PASS_WITH_VARIATION
    return TargetGoal("LOCAL:x", "LOCAL", "x", target, parse_metric(metric), metric, ">=", 95.0, "%", level, missed)


def test_a_mandatory_goal_of_a_clinic_is_not_passed_unjudged_or_when_its_band_crosses() -> None:
    lesion = Lesion(id="1", plan_index=0, ptv="PTV", prescription_gy=50.0, site="lung")

    def outcome(dvh: Dvh, level: Level) -> Outcome:
        (finding,) = judge_target_goals(lesion, dvhs={"PTV": dvh}, goals=[goal(level)], spill_percent=None, plan="p")
        return finding.consequence

    outside = Dvh.not_evaluable("PTV", Reason.OUTSIDE_GRID, "outside")
    assert outcome(outside, Level.MANDATORY) is Outcome.INCOMPLETE
    close = replace(uniform_dvh(47.6), variants=(("other reading", uniform_dvh(47.0).samples),))
    assert outcome(close, Level.MANDATORY) is Outcome.MARGINAL
    assert outcome(close, Level.OPTIMAL) is Outcome.PASS
    assert outcome(uniform_dvh(50.0), Level.MANDATORY) is Outcome.PASS


def test_goals_that_no_structure_answers_leave_a_target_unjudged() -> None:
    doses = compute(lung_plan(), site="lung")
    only_gtv = judge_plan(
        doses,
        table=None,
        also=(),
        goals=[goal(Level.MANDATORY, target="GTV")],
        coverage=(),
        conformity=(),
        absent={},
        extra_required=(),
    )
    assert "target:no_goal" in {f.rule_id for f in only_gtv.findings if f.consequence is Outcome.INCOMPLETE}


def test_a_table_beside_is_found_by_any_of_its_names() -> None:
    doses = compute(lung_plan(), site="lung")
    name = load_table("iba_poster_2022").title
    beside = judge_plan(doses, table=None, also=(name,), goals=(), conformity=(), absent={}, extra_required=())
    plain = judge_plan(doses, table=None, also=(), goals=(), conformity=(), absent={}, extra_required=())
    assert beside.outcome is plain.outcome


def test_a_given_prescription_is_one_of_those_that_the_plan_states() -> None:
    references = tuple(
        DoseReference(i, "VOLUME", "TARGET", 1, target_prescription_gy=x) for i, x in ((1, 50.0), (2, 60.0))
    )
    plan = Plan(label="p", n_fractions=5, dose_references=references)
    lesion = Lesion(id="1", plan_index=0, ptv="PTV")

    def link(**given: float) -> Linking:
        return link_prescriptions([lesion], plan, rois={1: "PTV"}, dose_tokens_gy={}, given_gy=given, n_fractions=5)

    assert link().lesions[0].prescription_gy is None
    assert link(PTV=60.0).lesions[0].prescription_gy == 60.0
    with pytest.raises(RefusedError, match="E-CONTRADICTS"):
        link(PTV=20.0)
    unlinked = replace(plan, dose_references=tuple(replace(r, roi_number=None) for r in references))
    with pytest.raises(RefusedError, match="E-CONTRADICTS"):
        link_prescriptions(
            [lesion], unlinked, rois={1: "PTV"}, dose_tokens_gy={}, given_gy={"PTV": 20.0}, n_fractions=5
        )


def test_of_readings_that_all_miss_the_worst_number_is_shown() -> None:
    dvh = replace(uniform_dvh(31.0), alternatives=(uniform_dvh(35.0),))
    judged_ = judge(subject("SpinalCord", dvh), parse_metric("D0.035cc[Gy]"), comparator="<=", limit=30.0)
    assert judged_.value.value == pytest.approx(35.0)
    lesion = Lesion(id="1", plan_index=0, ptv="PTV", prescription_gy=50.0)
    target = replace(uniform_dvh(49.8), alternatives=(uniform_dvh(45.0),))
    (finding,) = judge_target_goals(
        lesion, dvhs={"PTV": target}, goals=[goal(Level.OPTIMAL)], spill_percent=None, plan="p"
    )
    assert finding.consequence is Outcome.PASS_WITH_VARIATION


def test_a_canal_beyond_the_limit_of_the_cauda_says_nothing_where_the_cord_is_contoured() -> None:
    rows = table(row("SpinalCord", "D0.035cc[Gy]", 30.0), row("CaudaEquina", "D0.035cc[Gy]", 32.0))
    containers = {"SpinalCord": ("SpinalCanal",), "CaudaEquina": ("SpinalCanal",)}
    canal = {"SpinalCanal": (subject("SpinalCanal", uniform_dvh(35.0)),)}
    cord = {"SpinalCord": (subject("SpinalCord", uniform_dvh(20.0)),)}
    asked = context(canal | cord, required={"SpinalCord|CaudaEquina": "site spine"}, containers=containers)
    assert [(f.organ, f.verdict) for f in judge_organ_limits(asked, rows)] == [("SpinalCord", Verdict.MET)]
    neither = judge_organ_limits(replace(asked, subjects=canal), rows)
    assert {f.consequence for f in neither} == {Outcome.INCOMPLETE}


def test_the_dose_of_one_lung_is_not_shown_as_that_of_both() -> None:
    contours = lung_plan()
    del contours["Lung_R"]
    found = judged(compute(contours, site="lung")).findings
    shown = [f for f in found if f.rule_id.startswith("information:Lungs")]
    assert shown
    assert all(f.value is None and "Lung_R is missing" in f.note for f in shown)


@pytest.mark.parametrize("name", ["PTV_new", "GTV2"])
def test_a_target_of_no_lesion_that_is_treated_is_not_forgotten(name: str) -> None:
    two = lung_plan() | {name: solid((-95, 0, 0), (10, 10, 10))}
    found = notes(two, dose_of=sparing("PTV", name))
    assert f'--map "{name}=PTV"' in found["target:not_judged"]
    assert notes(two, dose_of=sparing("PTV", name), roi_map={name: "none"}) == {}
    assert notes(two) == {}
    inside = lung_plan() | {name: solid((95, 0, 0), (11, 11, 11))}
    assert notes(inside, dose_of=sparing("PTV", name)) == {}
