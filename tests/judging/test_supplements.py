"""Limits that always count: lung, liver, kidney and chest wall, and organs that the deciding table does not list."""

from __future__ import annotations

import pytest
from given_organs import judged, lesion, one, organ, plan

from sbrtcheck.judging.row_kinds import kind_of
from sbrtcheck.judging.supplements import is_spoken_for, shown_means
from sbrtcheck.model import Level, MarginalReason, Outcome, Reason, Verdict
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.model.policy import SupplementKind

PASS, VARIATION, MARGINAL, FAIL = Outcome.PASS, Outcome.PASS_WITH_VARIATION, Outcome.MARGINAL, Outcome.FAIL


def lungs(share_above_20: float, *, rest_gy: float = 2.0, name: str = "Lungs") -> object:
    """Lungs of 4 litres, a share of them at 21 Gy."""
    return organ(name, (4000 * share_above_20, 21.0), (4000 * (1 - share_above_20), rest_gy))


@pytest.mark.parametrize(
    ("share", "mandatory", "optimal"),
    [(0.09, PASS, PASS), (0.12, PASS, VARIATION), (0.16, FAIL, VARIATION), (0.35, FAIL, VARIATION)],
)
def test_lung_v20_in_five_fractions_is_held_as_rtog_0813_words_it(
    share: float, mandatory: Outcome, optimal: Outcome
) -> None:
    found = judged(lungs(share))
    assert one(found, "Lungs", "V20Gy[%]", limit=15.0).consequence is mandatory
    assert one(found, "Lungs", "V20Gy[%]", limit=10.0).consequence is optimal
    assert {f.table for f in found if f.metric == "V20Gy[%]"} == {"rtog_0813"}
    assert all(f.note.startswith("supplement: RTOG 0813") for f in found if f.metric == "V20Gy[%]")


@pytest.mark.parametrize(("n", "source"), [(1, "rtog_0915"), (5, "rtog_0813"), (8, "uk_sabr_2022")])
def test_v20_comes_from_the_first_source_that_has_it_and_counts_at_every_site(n: int, source: str) -> None:
    found = judged(lungs(0.2), site="liver", n_fractions=n)
    limit = one(found, "Lungs", "V20Gy[%]", limit=15.0)
    assert (limit.table, limit.consequence) == (source, FAIL)


def test_v20_in_three_fractions_is_held_on_the_lungs_that_hytec_names() -> None:
    found = judged(lungs(0.02), lungs(0.2, name="Lungs-GTV"), n_fractions=3)
    assert one(found, "Lungs-GTV", "V20Gy[%]", limit=15.0).consequence is FAIL
    assert not [f for f in found if f.organ == "Lungs" and f.metric == "V20Gy[%]" and f.limit is not None]


def test_a_table_with_its_own_v20_is_not_supplemented() -> None:
    found = judged(lungs(0.12), n_fractions=4)
    assert {f.table for f in found if f.metric == "V20Gy[%]" and f.limit is not None} == {"rtog_0915"}
    assert "supplement" not in one(found, "Lungs", "V20Gy[%]", limit=15.0).note


@pytest.mark.parametrize(("share", "outcome"), [(0.14, PASS), (0.18, MARGINAL), (0.22, FAIL)])
@pytest.mark.parametrize("n", [4, 5])
def test_several_lung_lesions_have_until_20_percent(share: float, outcome: Outcome, n: int) -> None:
    two = [lesion("lung"), lesion("lung", number=2)]
    found = one(judged(lungs(share), lesions=two, n_fractions=n), "Lungs", "V20Gy[%]", limit=15.0)
    assert found.consequence is outcome
    alone = one(judged(lungs(share), n_fractions=n), "Lungs", "V20Gy[%]", limit=15.0)
    assert alone.consequence is (FAIL if share > 0.15 else PASS)
    if outcome is MARGINAL:
        assert found.policy == ("supplements.lung_v20_several_fail_percent",)
        assert found.why_marginal is MarginalReason.NEEDS_REVIEW


@pytest.mark.parametrize(("mean_gy", "outcome"), [(9.9, PASS), (10.1, MARGINAL)])
def test_a_mean_lung_dose_above_ten_needs_review(mean_gy: float, outcome: Outcome) -> None:
    found = one(judged(organ("Lungs", (4000, mean_gy))), "Lungs", "Mean[Gy]", limit=10.0)
    assert (found.consequence, found.policy) == (outcome, ("supplements.lung_mean_marginal_gy",))


@pytest.mark.parametrize(("mean_gy", "outcome"), [(17.0, PASS), (39.0, MARGINAL)])
def test_the_mean_of_each_kidney_counts(mean_gy: float, outcome: Outcome) -> None:
    left, right = organ("Kidney", (180, mean_gy), roi="Kidney_L"), organ("Kidney", (180, 1.0), roi="Kidney_R")
    both = organ("Kidneys", (180, mean_gy), (180, 1.0), roi="Kidney_L + Kidney_R")
    found = [f for f in judged(left, right, both, site="adrenal") if f.rule_id.startswith("policy:supplements.kidney")]
    assert {f.roi: f.consequence for f in found} == {"Kidney_L": outcome, "Kidney_R": PASS}


def test_kidney_supplements_are_optimal_at_most() -> None:
    found = judged(organ("Kidneys", (300, 12.0)), site="adrenal")
    rows = [f for f in found if f.organ == "Kidneys" and f.note.startswith("supplement")]
    assert {(f.metric, f.consequence) for f in rows} == {("Mean[Gy]", VARIATION), ("V10Gy[%]", VARIATION)}
    assert {f.level for f in rows} == {Level.OPTIMAL}


@pytest.mark.parametrize(("mean_gy", "outcome"), [(12.0, PASS), (14.0, VARIATION), (26.9, FAIL)])
def test_the_mean_of_the_liver_in_five_fractions(mean_gy: float, outcome: Outcome) -> None:
    found = [f for f in judged(organ("Liver", (1500, mean_gy)), site="liver") if f.metric == "Mean[Gy]"]
    assert {f.table for f in found} == {"uk_sabr_2022"}
    assert max((f.consequence for f in found), key=list(Outcome).index) is outcome


@pytest.mark.parametrize(
    ("kind", "mean_gy", "outcome"),
    [
        ("", 12.5, PASS),
        ("", 14.0, MARGINAL),
        ("", 18.0, FAIL),
        ("primary", 14.0, FAIL),
        ("metastasis", 14.0, PASS),
        ("metastasis", 15.5, FAIL),
    ],
)
def test_the_mean_of_the_liver_in_three_hangs_on_what_the_lesion_is(
    kind: str, mean_gy: float, outcome: Outcome
) -> None:
    liver = organ("Liver-GTV", (1500, mean_gy))
    found = judged(liver, site="liver", n_fractions=3, liver_lesion=kind)
    means = [f for f in found if f.organ == "Liver-GTV" and f.metric == "Mean[Gy]" and f.limit is not None]
    assert {f.table for f in means} == {"hytec"}
    assert max((f.consequence for f in means), key=list(Outcome).index) is outcome


def test_the_chest_wall_is_held_to_30_cc_at_optimal_level() -> None:
    found = one(judged(organ("Chestwall", (40, 35.0), (200, 5.0))), "Chestwall", "D30cc[Gy]")
    assert (found.table, found.level, found.consequence) == ("uk_sabr_2018", Level.OPTIMAL, VARIATION)


def test_an_organ_that_the_deciding_table_does_not_list_gets_the_rows_of_the_first_source() -> None:
    (duct,) = [f for f in judged(organ("BileDuct_Common", (5, 55.0)), site="liver") if f.organ == "BileDuct_Common"]
    assert (duct.table, duct.metric, duct.consequence) == ("uk_sabr_2022", "D0.1cc[Gy]", VARIATION)
    # RTOG 0915 has no duodenum in 4 fractions, and neither has any source before Timmerman.
    duodenum = [f for f in judged(organ("Duodenum", (60, 60.0)), n_fractions=4) if f.organ == "Duodenum"]
    assert {f.table for f in duodenum if f.rule_id[:6] != "policy"} == {"timmerman_2022"}
    assert FAIL in {f.consequence for f in duodenum}


def test_what_is_judged_by_another_organ_is_not_judged_twice() -> None:
    here = plan(
        [organ("SpinalCord", (20, 1.0)), organ("Lungs", (4000, 1.0)), organ("ProximalBronchialTree", (20, 1.0))]
    )
    listed = {"SpinalCord", "Lungs", "ProximalBronchialTree", "Kidney_Cortex", "GreatVes", "Bowel_Small"}
    for name in ("SpinalCanal", "Lung", "Carina", "Kidneys", "A_Aorta", "Bag_Bowel"):
        assert is_spoken_for(name, here, listed), name
    for name in ("Ureter", "BileDuct_Common", "Stomach"):
        assert not is_spoken_for(name, here, listed), name
    canal = judged(organ("SpinalCord", (20, 10.0)), organ("SpinalCanal", (40, 27.0)), site="spine")
    assert not [f for f in canal if f.organ == "SpinalCanal"]


def test_a_supplement_that_cannot_be_evaluated_leaves_the_plan_open_where_the_organ_is_required() -> None:
    one_lung = organ("Lungs", (1500, 1.0), missing_part="Lung_R")
    assert one(judged(one_lung), "Lungs", "V20Gy[%]", limit=15.0).consequence is PASS
    asked = judged(one_lung, required={"Lungs": "site lung"})
    found = one(asked, "Lungs", "V20Gy[%]", limit=15.0)
    assert (found.consequence, found.reason) == (Outcome.INCOMPLETE, Reason.PART_MISSING)


def test_means_and_shares_stand_in_the_organ_table_of_every_plan_that_has_them() -> None:
    subjects = [
        organ("Lungs", (4000, 3.0)),
        organ("Lung_Contralateral", (2000, 1.0)),
        organ("Liver", (1500, 4.0)),
        organ("Kidneys", (300, 2.0)),
        organ("Kidney", (150, 2.0), roi="Kidney_L"),
    ]
    found = {(f.organ, f.metric): f for f in shown_means(plan(subjects), [])}
    assert set(found) == {
        *(("Lungs", m) for m in ("V20Gy[%]", "V5Gy[%]", "Mean[Gy]")),
        *((o, "Mean[Gy]") for o in ("Lung_Contralateral", "Liver", "Kidneys", "Kidney")),
    }
    assert {f.verdict for f in found.values()} == {Verdict.INFORMATION}
    assert found["Lungs", "Mean[Gy]"].value == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("D0.035cc[Gy]", SupplementKind.POINT),
        ("Max[%]", SupplementKind.POINT),
        ("D0.5cc[Gy]", SupplementKind.VOLUME),
        ("V30Gy[cc]", SupplementKind.VOLUME),
        ("V20Gy[%]", SupplementKind.VOLUME_PERCENT),
        ("D50%[Gy]", SupplementKind.VOLUME_PERCENT),
        ("Mean[Gy]", SupplementKind.MEAN),
        ("CV12.5Gy[cc]", SupplementKind.SPARED),
        ("DC700cc[Gy]", SupplementKind.SPARED),
        ("Min[Gy]", None),
    ],
)
def test_the_kind_of_a_row(text: str, kind: SupplementKind | None) -> None:
    assert kind_of(parse_metric(text)) is kind


def test_a_table_may_print_a_larger_point_volume() -> None:
    assert kind_of(parse_metric("D0.5cc[Gy]"), point_cm3=0.5) is SupplementKind.POINT
