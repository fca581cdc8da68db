"""How strictly rows are held: cord, hollow organs, optimal limits missed by far, central lesions, other sources."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_limits import table
from given_organs import judged, lesion, one, organ, plan

from sbrtcheck.judging.levels import Held, cord_by_hytec, hytec_rows
from sbrtcheck.judging.organs_first import factor_that_meets
from sbrtcheck.judging.other_sources import Beside, judge_other_sources
from sbrtcheck.model import Finding, FindingKind, Level, MarginalReason, Outcome, Reason, Verdict, worst_outcome
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.tables.organ_tables import load_table, load_tables
from sbrtcheck.tables.policy import load_policy
from sbrtcheck.tables.policy_groups import organ_groups, own_organs

PASS, VARIATION, MARGINAL, FAIL = Outcome.PASS, Outcome.PASS_WITH_VARIATION, Outcome.MARGINAL, Outcome.FAIL
ORDER = list(Outcome).index
JOINT = "Trachea+ProximalBronchialTree"


def worst(findings: tuple[Finding, ...]) -> Outcome:
    return worst_outcome(PASS, *(f.consequence for f in findings))


def cord(near_maximum_gy: float, *, volume_gy: float = 5.0, volume_cm3: float = 2.0, **changes: object) -> object:
    """A cord of 12 cc with its hottest 0.3 cc at one dose and the next 2 cc at another."""
    rest = 12.0 - 0.3 - volume_cm3
    return organ("SpinalCord", (0.3, near_maximum_gy), (volume_cm3, volume_gy), (rest, 1.0), **changes)


# ---- the cord


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_the_policys_cord_values_are_rows_of_hytec(n: int) -> None:
    rows = {r.level: r.limit for r in load_table("hytec").rows_for(n_fractions=n) if r.organ == "SpinalCord"}
    policy = load_policy()
    assert rows[Level.MANDATORY] == policy.value(f"levels.cord_{n}_fail_gy")
    assert rows[Level.OPTIMAL] == policy.value(f"levels.cord_{n}_variation_gy")


@pytest.mark.parametrize(
    ("n", "gy", "outcome"),
    [
        *((n, low - 0.1, PASS) for n, low in ((1, 12.4), (2, 17.0), (3, 20.3), (4, 23.0), (5, 25.3))),
        *((n, low + 0.2, VARIATION) for n, low in ((1, 12.4), (2, 17.0), (3, 20.3), (4, 23.0), (5, 25.3))),
        *((n, high + 0.1, FAIL) for n, high in ((1, 14.0), (2, 19.3), (3, 23.1), (4, 26.2), (5, 28.8))),
        # TG-101 has 21.9 Gy in 3 fractions and 30 Gy in 5: HyTEC decides.
        (3, 22.5, VARIATION),
        (5, 29.5, FAIL),
    ],
)
def test_hytec_decides_the_cord_of_a_spine_plan(n: int, gy: float, outcome: Outcome) -> None:
    found = judged(cord(gy, volume_gy=1.0, volume_cm3=0.1), site="spine", n_fractions=n)
    points = [f for f in found if f.metric == "D0.035cc[Gy]" and f.kind is FindingKind.ORGAN_LIMIT]
    assert {f.table for f in points} == {"hytec"}
    assert worst(tuple(points)) is outcome


@pytest.mark.parametrize(("site", "distance_mm", "table"), [("lung", 9.0, "hytec"), ("lung", 11.0, "aapm_tg101")])
def test_hytec_decides_wherever_a_target_lies_close_to_the_cord(site: str, distance_mm: float, table: str) -> None:
    found = judged(cord(26.0, distance_mm=distance_mm), site=site)
    points = [f for f in found if f.metric == "D0.035cc[Gy]" and f.kind is FindingKind.ORGAN_LIMIT]
    assert {f.table for f in points} == {table}


@pytest.mark.parametrize(
    ("near_maximum_gy", "volume_gy", "outcome"),
    [(25.0, 14.0, PASS), (25.0, 24.9, VARIATION), (26.0, 16.0, VARIATION), (26.0, 18.0, MARGINAL)],
)
def test_volume_rows_of_the_cord_are_optimal_there(near_maximum_gy: float, volume_gy: float, outcome: Outcome) -> None:
    found = one(judged(cord(near_maximum_gy, volume_gy=volume_gy), site="spine"), "SpinalCord", "D1.2cc[Gy]")
    assert (found.consequence, found.level) == (outcome, Level.OPTIMAL)


def test_volume_rows_of_the_cord_stay_mandatory_away_from_it() -> None:
    found = one(judged(cord(20.0, volume_gy=16.0, distance_mm=40.0)), "SpinalCord", "D1.2cc[Gy]")
    assert (found.consequence, found.level) == (FAIL, Level.MANDATORY)


@pytest.mark.parametrize(
    ("n", "prescription_gy", "optimal_gy"), [(2, 24.0, 17.0), (3, 27.0, 20.3), (5, 30.0, 25.3), (5, 35.0, 25.3)]
)
def test_ordinary_spine_plans_with_the_cord_at_its_optimal_value_are_good(
    n: int, prescription_gy: float, optimal_gy: float
) -> None:
    subjects = (
        cord(optimal_gy, volume_gy=optimal_gy - 2.0, volume_cm3=1.5, prescription_gy=prescription_gy),
        organ("SpinalCanal", (2.0, optimal_gy + 4.0), (20.0, 5.0), prescription_gy=prescription_gy, distance_mm=0.0),
        organ("Esophagus", (2.0, 12.0), (25.0, 1.0), prescription_gy=prescription_gy),
    )
    targets = [lesion("spine", prescription_gy)]
    found = judged(*subjects, n_fractions=n, site="spine", lesions=targets, required={"SpinalCord|CaudaEquina": "x"})
    assert ORDER(worst(found)) <= ORDER(VARIATION), [f.text for f in found if f.consequence is worst(found)]


def test_a_prv_or_thecal_sac_beyond_the_upper_value_of_the_cord_needs_review() -> None:
    prv = organ("SpinalCord_PRV", (1.0, 30.0), (20.0, 5.0))
    (found,) = [f for f in judged(cord(20.0), prv, site="spine") if f.organ == "SpinalCord_PRV"]
    assert (found.consequence, found.policy) == (MARGINAL, ("levels.cord_5_fail_gy",))
    assert found.why_marginal is MarginalReason.NEEDS_REVIEW
    low = organ("SpinalCord_PRV", (1.0, 28.0), (20.0, 5.0))
    assert not [f for f in judged(cord(20.0), low, site="spine") if f.organ == "SpinalCord_PRV"]
    sac = organ("ThecalSac", (1.0, 30.0), (20.0, 5.0))
    assert not [f for f in judged(organ("CaudaEquina", (9.0, 20.0)), sac, site="spine") if f.organ == "ThecalSac"]


def test_a_clinics_own_row_is_held_as_the_clinic_says() -> None:
    own = replace(table(), trust="local", rows=load_table("aapm_tg101").rows)
    held = Held(plan([cord(29.5)]), own, load_tables(), (lesion("spine"),))
    assert hytec_rows(held) is None
    assert cord_by_hytec(held, []) == []


# ---- the cauda


def test_the_cauda_is_held_against_cauda_rows_only() -> None:
    cauda = organ("CaudaEquina", (3.0, 29.0), (10.0, 5.0), distance_mm=4.0)
    canal = organ("SpinalCanal", (5.0, 29.5), (20.0, 5.0), distance_mm=2.0)
    here = plan([cauda, canal])
    beside = Beside(frozenset({"aapm_tg101"}), judged(cauda, canal, site="spine"), frozenset({"spine"}), frozenset())
    said = judge_other_sources(here, beside, load_tables().values())
    assert not [f for f in said if f.organ in {"SpinalCord", "SpinalCanal"}]
    assert {f.organ for f in beside.findings if f.limit is not None} == {"CaudaEquina"}
    at_the_cord = plan([cauda, canal, cord(20.0, distance_mm=1.0)])
    assert [f for f in judge_other_sources(at_the_cord, beside, load_tables().values()) if f.organ == "SpinalCanal"]


# ---- optimal limits missed by far


@pytest.mark.parametrize(("skin_gy", "outcome"), [(32.0, PASS), (38.0, VARIATION), (56.5, MARGINAL)])
def test_skin_far_beyond_its_optimal_limit_needs_review(skin_gy: float, outcome: Outcome) -> None:
    found = one(judged(organ("Skin", (2.0, skin_gy), (900.0, 3.0)), n_fractions=3), "Skin", "D0.035cc[Gy]")
    assert found.consequence is outcome
    assert found.policy == (("levels.optimal_missed_percent",) if outcome is MARGINAL else ())


def test_rib_and_chest_wall_stay_a_variation() -> None:
    found = judged(organ("Rib", (3.0, 60.0), (10.0, 5.0)), organ("Chestwall", (60.0, 50.0), (100.0, 5.0)))
    assert worst(found) is VARIATION


# ---- the bone of the target


@pytest.mark.parametrize(
    ("hot_cm3", "site", "outcome"), [(15.0, "bone", VARIATION), (8.0, "bone", FAIL), (15.0, "node", FAIL)]
)
def test_the_bone_in_which_the_target_lies_has_optimal_rows_only(hot_cm3: float, site: str, outcome: Outcome) -> None:
    head = organ("Femur_Head", (hot_cm3, 32.0), (12.0, 23.0), (60.0, 5.0), prescription_gy=30.0)
    target = replace(lesion(site, 30.0), volume_cm3=20.0)
    found = one(judged(head, n_fractions=3, site=site, lesions=[target]), "Femur_Head", "D10cc[Gy]")
    assert found.consequence is outcome
    assert found.level is (Level.OPTIMAL if outcome is VARIATION else Level.MANDATORY)


# ---- hollow organs


@pytest.mark.parametrize(
    ("d5cc_gy", "d30cc_gy", "outcome"),
    [(18.0, 5.0, PASS), (23.0, 5.0, VARIATION), (28.0, 27.0, FAIL), (26.0, 25.8, FAIL)],
)
def test_a_hollow_volume_of_tg101_missed_while_newer_sources_hold_is_a_variation(
    d5cc_gy: float, d30cc_gy: float, outcome: Outcome
) -> None:
    bowel = organ("Bowel_Small", (8.0, d5cc_gy), (27.0, d30cc_gy), (300.0, 1.0))
    found = one(judged(bowel, site="node"), "Bowel_Small", "D5cc[Gy]", limit=19.5)
    assert found.consequence is outcome


def test_a_hollow_volume_stays_missed_where_a_newer_source_is_missed_too() -> None:
    # UK SABR 2022 repeats TG-101's limit on 10 cc of duodenum in 3 fractions, as mandatory.
    duodenum = organ("Duodenum", (12.0, 12.0), (50.0, 1.0))
    assert one(judged(duodenum, site="node", n_fractions=3), "Duodenum", "D10cc[Gy]", limit=11.4).consequence is FAIL


def test_the_prescription_inside_a_hollow_organ_needs_review_even_where_its_limit_is_met() -> None:
    def found(gy: float) -> list[Finding]:
        bowel = organ("Bowel_Small", (0.5, gy), (300.0, 1.0), prescription_gy=30.0)
        return [f for f in judged(bowel, lesions=[lesion("node", 30.0)], site="node") if f.rule_id[:6] == "policy"]

    assert found(31.0) == []
    (above,) = found(32.0)
    assert (above.consequence, above.policy, above.limit) == (MARGINAL, ("levels.hollow_maximum_percent",), 31.5)


# ---- central lesions


@pytest.mark.parametrize(
    ("central", "prescription_gy", "gy", "outcome"),
    [
        (True, 50.0, 39.0, PASS),
        (True, 50.0, 43.0, MARGINAL),
        (True, 50.0, 53.0, FAIL),
        (True, 60.0, 53.0, FAIL),
        (True, 40.0, 43.0, FAIL),
        (False, 50.0, 43.0, FAIL),
    ],
)
def test_tg101_beside_a_central_lesion_needs_review_while_rtog_0813_holds(
    central: bool, prescription_gy: float, gy: float, outcome: Outcome
) -> None:
    airway = organ(JOINT, (1.0, gy), (30.0, 2.0), roi="PBT", prescription_gy=prescription_gy)
    found = judged(airway, lesions=[lesion("lung", prescription_gy)], central=central)
    assert one(found, JOINT, "D0.035cc[Gy]", limit=40.0).consequence is outcome


def test_a_volume_row_beside_a_central_lesion_is_marginal_too() -> None:
    airway = organ(JOINT, (5.0, 20.0), (30.0, 2.0), roi="PBT")
    assert one(judged(airway, central=True), JOINT, "D4cc[Gy]").consequence is MARGINAL
    # Peripheral: every newer source holds.
    assert one(judged(airway), JOINT, "D4cc[Gy]").consequence is VARIATION


def test_only_organs_of_rtog_0813s_point_rows_are_held_so() -> None:
    found = judged(cord(32.0, distance_mm=30.0), central=True)
    assert one(found, "SpinalCord", "D0.035cc[Gy]").consequence is FAIL


def test_a_wall_row_held_on_the_whole_organ_is_marginal_at_most() -> None:
    found = judged(organ("Esophagus", (6.0, 30.0), (30.0, 2.0)), table="rtog_0813")
    wall, point = one(found, "Esophagus", "D5cc[Gy]"), one(found, "Esophagus", "Max[%]")
    assert (wall.consequence, wall.why_marginal) == (MARGINAL, MarginalReason.NEEDS_REVIEW)
    assert point.consequence is PASS


@pytest.mark.parametrize(
    ("gy", "outcome", "key"),
    [(39.0, PASS, ""), (42.0, VARIATION, "airway_8_variation_gy"), (50.0, MARGINAL, "airway_8_marginal_gy")],
)
def test_the_airway_in_eight_fractions(gy: float, outcome: Outcome, key: str) -> None:
    airway = organ("ProximalBronchialTree", (1.0, gy), (30.0, 2.0), prescription_gy=60.0)
    found = judged(airway, n_fractions=8, lesions=[lesion("lung", 60.0)])
    assert worst(found) is outcome
    assert [f.policy for f in found if f.policy] == ([(f"location.{key}",)] if key else [])
    assert worst(judged(airway, n_fractions=8, lesions=[lesion("spine", 60.0)])) is PASS


# ---- other sources


def test_a_lung_trial_is_not_held_against_a_spine_plan() -> None:
    heart = organ("Heart", (40.0, 31.0), (500.0, 2.0))
    here = plan([heart], n_fractions=3)
    found = judged(heart, n_fractions=3, site="spine")
    for site, names in (("lung", True), ("spine", False)):
        beside = Beside(frozenset({"aapm_tg101"}), found, frozenset({site}), frozenset())
        said = {f.table for f in judge_other_sources(here, beside, load_tables().values())}
        assert ("rtog_0236" in said) is names
        assert "uk_sabr_2022" in said


def test_a_stricter_source_exceeded_is_a_variation_for_the_weighty_organs_only() -> None:
    gullet = organ("Esophagus", (0.2, 34.5), (30.0, 2.0))
    found = judged(gullet, table="timmerman_2022")
    for weighty, outcome in ((frozenset({"Esophagus"}), VARIATION), (frozenset[str](), PASS)):
        beside = Beside(frozenset({"timmerman_2022"}), found, frozenset({"lung"}), weighty)
        hot = plan([organ("Esophagus", (0.2, 36.0), (30.0, 2.0))])
        said = judge_other_sources(hot, beside, load_tables().values())
        assert {f.consequence for f in said if f.kind is FindingKind.STRICTER_SOURCE} == {outcome}


def test_the_inferred_protocol_gives_no_verdicts() -> None:
    withdrawn = load_table("rtog_0618")
    assert not withdrawn.may_decide
    assert not withdrawn.may_be_stricter_source


def test_risk_points_and_two_airway_rows_are_information() -> None:
    brain = [r for r in load_table("hytec").rows if r.organ == "Brain"]
    airway = [
        r for r in load_table("lustre").rows if r.n_fractions == 8 and r.organ in {"Trachea", "ProximalBronchialTree"}
    ]
    assert brain
    assert airway
    assert {r.level for r in (*brain, *airway)} == {Level.INFORMATION}


# ---- data


def test_groups_name_what_the_policy_names() -> None:
    groups = organ_groups()
    assert groups["hollow"] <= groups["hollow_volume"]
    assert groups["airway"] <= groups["hollow"] & groups["rtog_0813_point"]
    assert {"Skin", "Heart", "GreatVes"} <= groups["optimal_review"]
    assert not {"Rib", "Chestwall"} & groups["optimal_review"]
    assert "Kidneys" in own_organs([("node", "retroperitoneum")])
    assert not own_organs([("node", "pelvis"), ("spine", "L3")])


def test_every_marginal_and_fail_names_a_published_number_or_a_policy_value() -> None:
    found = [
        *judged(cord(29.5, volume_gy=20.0), organ("Skin", (1.0, 90.0), (900.0, 2.0)), site="spine"),
        *judged(organ(JOINT, (1.0, 51.0), (30.0, 2.0), roi="PBT"), organ("Lungs", (4000, 21.0)), central=True),
        *judged(organ("Liver", (60, 40.0), (600, 14.0)), site="liver"),
        *judged(organ("ProximalBronchialTree", (1.0, 50.0), (30.0, 2.0)), n_fractions=8),
        *judged(organ("Kidney", (180, 39.0)), site="adrenal"),
    ]
    weighty = [f for f in found if f.consequence in {MARGINAL, FAIL}]
    assert len(weighty) > 8
    for f in weighty:
        assert f.limit is not None
        assert f.policy or f.trust, f.text
        assert parse_metric(f.metric) is not None
        assert f.verdict is Verdict.NOT_MET


def test_the_dose_that_meets_the_limits_is_sought_on_what_stood_in_for_the_organ() -> None:
    aorta = organ("A_Aorta", (12.0, 94.0), (60.0, 1.0))
    (missed,) = [f for f in judged(replace(aorta, organ="GreatVes")) if f.metric == "D10cc[Gy]"]
    tg101 = (load_table("aapm_tg101"),)
    assert factor_that_meets(plan([aorta]), tables=tg101, missed=[missed]) == pytest.approx(47.0 / 94.0, abs=1e-3)
    small = replace(missed, reason=Reason.ORGAN_SMALLER)
    assert factor_that_meets(plan([aorta]), tables=tg101, missed=[small]) is None
