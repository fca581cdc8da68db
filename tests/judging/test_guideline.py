"""The guideline's rules, the BED10 tiers, number of sites, kind of course, disease states and site cautions."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from docs.build_rules import render_rules_page
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.judging.cautions import site_cautions
from sbrtcheck.judging.guideline import (
    GuidelineJudgement,
    bed10_gy,
    classify,
    count_sites,
    course_thresholds,
    judge_lesion_bed10,
    scheme_sites,
    tier_of,
)
from sbrtcheck.model import CourseThresholds, Level, Outcome, Verdict
from sbrtcheck.tables import datafiles
from sbrtcheck.tables.disease_state import classify_disease_state, leaves
from sbrtcheck.tables.guideline import GUIDELINE_FILE, Guideline, load_guideline, parse_guideline
from sbrtcheck.tables.neighbours import load_lesion_counts, load_neighbours

ROOT = Path(__file__).parents[2]


def document() -> dict[str, Any]:
    return datafiles.read_toml(datafiles.data_path("guideline", GUIDELINE_FILE), code="E-DATA")[0]


def with_status(rule_id: str, status: str) -> Guideline:
    changed = document()
    for rule in changed["rule"]:
        if rule["id"] == rule_id:
            rule["status"] = status
    return parse_guideline(changed, name="changed.toml")


def judge(scheme: str, site: str, **more: Any) -> GuidelineJudgement:
    total, _, n = scheme.partition("/")
    return judge_lesion_bed10(prescription_gy=float(total), n_fractions=int(n), site=site, **more)


# --- the rules as data


def test_thirteen_rules_each_with_one_way_of_judging() -> None:
    rules = {r.id: r.evaluation for r in load_guideline().rules}
    assert list(rules) == [f"OM-{n}" for n in range(1, 14)]
    by_kind = {kind: [r for r, k in rules.items() if k == kind] for kind in ("automatic", "case_file", "confirm")}
    assert by_kind == {
        "automatic": ["OM-3", "OM-7", "OM-9", "OM-10", "OM-11"],
        "case_file": ["OM-2", "OM-4", "OM-6", "OM-13"],
        "confirm": ["OM-1", "OM-5", "OM-8", "OM-12"],
    }


def test_statuses_are_those_of_the_readings() -> None:
    abstract = [r.id for r in load_guideline().rules if r.status == "abstract"]
    assert abstract == ["OM-1", "OM-2", "OM-3", "OM-4", "OM-5"]
    assert {r.status for r in load_guideline().rules} == {"abstract", "unverified"}


def test_the_two_rules_share_their_bound() -> None:
    book = load_guideline()
    assert book.rule("OM-10").threshold("above_bed10_gy") == book.rule("OM-11").threshold("high_bed10_gy") == 75
    assert book.rule("OM-11").threshold("low_bed10_gy") == 50
    with pytest.raises(KeyError):
        book.rule("OM-14")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["rule"][0].pop("text"),
        lambda d: d["rule"][0].update(status="read"),
        lambda d: d["rule"][0].update(evaluation="maybe"),
        lambda d: d["rule"][0].update(treshold=1),
        lambda d: d["rule"][0].update(key_question="1"),
        lambda d: d["rule"][2].update(threshold={"max_sites": "5"}),
        lambda d: d["rule"][1].update(id="OM-1"),
        lambda d: d.update(rule=[]),
        lambda d: d["weight"].pop("abstract"),
        lambda d: d["weight"]["abstract"].update(missed_outcome="BAD"),
        lambda d: d.pop("tiers"),
    ],
)
def test_a_wrong_field_is_refused(change: Any) -> None:
    wrong = document()
    change(wrong)
    with pytest.raises(WrongUsageError, match=r"E-DATA wrong.toml"):
        parse_guideline(wrong, name="wrong.toml")


# --- BED10 tiers


@pytest.mark.parametrize(
    ("scheme", "bed10"),
    [
        ("54/3", 151.2),
        ("34/1", 149.6),
        ("55/5", 115.5),
        ("45/3", 112.5),
        ("60/8", 105.0),
        ("50/5", 100.0),
        ("30/3", 60.0),
        ("20/1", 60.0),
        ("35/5", 59.5),
        ("45/15", 58.5),
        ("55/20", 70.125),
        ("60/30", 72.0),
        ("25/5", 37.5),
        ("40/5", 72.0),
        ("24/2", 52.8),
        ("12/1", 26.4),
    ],
)
def test_bed10_of_the_trials_schemes(scheme: str, bed10: float) -> None:
    total, _, n = scheme.partition("/")
    assert bed10_gy(total_dose_gy=float(total), n_fractions=int(n)) == pytest.approx(bed10)


@pytest.mark.parametrize(
    ("bed10", "tier"),
    [
        (75.000001, "above 75 Gy"),
        (75.0 + 1e-12, "50 to 75 Gy"),
        (75.0, "50 to 75 Gy"),
        (50.0, "50 to 75 Gy"),
        (50.0 - 1e-12, "50 to 75 Gy"),
        (49.9999, "below 50 Gy"),
    ],
)
def test_tiers_at_their_bounds(bed10: float, tier: str) -> None:
    assert tier_of(bed10) == tier


GOOD = [
    ("54/3", "lung"),
    ("34/1", "lung"),
    ("60/8", "lung"),
    ("50/5", "lung"),
    ("30/3", "spine"),
    ("20/1", "spine"),
    ("24/2", "spine"),
    ("30/3", "bone"),
    ("35/5", "bone"),
    ("12/1", "bone"),
    ("45/3", "liver"),
    ("60/8", "adrenal"),
    ("35/5", "node"),
    ("30/3", "other"),
    ("35/5", ""),
    ("60/30", "lung"),
    ("55/20", "lung"),
]


@pytest.mark.parametrize(("scheme", "site"), GOOD)
def test_schemes_of_the_trials_never_end_in_marginal(scheme: str, site: str) -> None:
    ours = judge(scheme, site)
    assert ours.outcome is Outcome.PASS
    assert ours.verdict is Verdict.INFORMATION  # unverified: a PASS never rests on it
    assert ours.level is Level.ADVISORY


@pytest.mark.parametrize(
    ("scheme", "site", "tier"),
    [
        ("33/4", "spine", "50 to 75 Gy"),
        ("30/6", "", "below 50 Gy"),
        ("18/3", "lung", "below 50 Gy"),
        ("8/1", "bone", "below 50 Gy"),
        ("20/4", "bone", "below 50 Gy"),
        ("25/5", "adrenal", "below 50 Gy"),
        ("20/5", "spine", "below 50 Gy"),
        ("16/1", "liver", "below 50 Gy"),
        ("50/20", "lung", "50 to 75 Gy"),
    ],
)
def test_unpublished_or_palliative_below_75_asks_a_person(scheme: str, site: str, tier: str) -> None:
    ours = judge(scheme, site)
    assert (ours.verdict, ours.outcome, ours.tier) == (Verdict.MARGINAL, Outcome.MARGINAL, tier)
    assert "confirm against the guideline, KQ4" in ours.text


def test_text_of_the_matches() -> None:
    ours = judge("54/3", "lung_peripheral")
    assert ours.matches[0].startswith("54/3: SABR-COMET, RTOG 0236, ESTRO ACROP 2017")
    assert ours.matches[0].endswith("BED10 151.2 Gy")
    assert "inside a published range (45/3 to 60/3, NCCN" in ours.matches[1]


def test_a_lung_lesion_of_unknown_location_says_which_location_matched() -> None:
    assert "RTOG 0236 [lung_peripheral]" in judge("54/3", "lung").matches[0]


def test_nearest_is_named_when_nothing_matches() -> None:
    line = judge("33/4", "spine").matches[-1]
    assert "no published scheme in this table for spine; nearest 30/3" in line


@pytest.mark.parametrize("scheme", ["8/1", "20/4", "25/5"])
def test_palliative_range_is_named(scheme: str) -> None:
    assert judge(scheme, "adrenal").matches[0] == f"{scheme}: palliative-range dose"
    total, _, n = scheme.partition("/")
    stored = judge_lesion_bed10(prescription_gy=float(total) + 0.004, n_fractions=int(n), site="adrenal")
    assert "palliative-range dose" in stored.matches[0]


@pytest.mark.parametrize(
    ("scheme", "site", "words"),
    [
        ("50/20", "lung_peripheral", "(comparison)"),
        ("66/3", "lung", "(prescribed at the isocentre)"),
        ("60/4", "lung_central", "(boost)"),
        ("56/8", "lung_ultracentral", "(advised against)"),
        ("20/5", "bone", "palliative arm of CCTG SC.24"),
    ],
)
def test_rows_that_never_match_are_named(scheme: str, site: str, words: str) -> None:
    ours = judge(scheme, site)
    assert any(words in line for line in ours.matches)
    assert any("no published scheme" in line for line in ours.matches)


def test_an_expression_of_concern_is_told() -> None:
    assert any("SINDAS" in line and "expression of concern" in line for line in judge("35/5", "liver").matches)


def test_a_match_that_rests_on_such_a_paper_alone_says_so() -> None:
    assert "only by a paper that carries an expression of concern" in judge("30/5", "liver").text
    assert "expression of concern" not in judge("35/5", "liver").text


def test_brain_rows_count_for_no_site() -> None:
    every = {
        s
        for site in ("lung", "spine", "bone", "liver", "adrenal", "node", "other", "")
        for s in scheme_sites(site=site)
    }
    assert "brain" not in every
    assert scheme_sites(site="not a site") == ("any", "any_extracranial")


def test_conventional_schemes_of_primary_and_nodes_count_for_lung_only_when_not_sbrt() -> None:
    assert "mediastinum_nodal" in scheme_sites(site="lung", is_sbrt=False)
    assert "mediastinum_nodal" not in scheme_sites(site="lung", is_sbrt=True)


def test_a_declared_palliative_intent_takes_the_lesion_out_of_the_tiers() -> None:
    ours = judge("8/1", "bone", intent="PALLIATIVE")
    assert (ours.verdict, ours.outcome) == (Verdict.INFORMATION, Outcome.PASS)
    assert "palliative" in ours.text
    assert judge("8/1", "bone", intent="CURATIVE").outcome is Outcome.MARGINAL


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(WrongUsageError, match="E-DOMAIN"):
        judge_lesion_bed10(prescription_gy=-1.0, n_fractions=3, site="lung")


# --- what a status does


CASES = [(s, site) for s in ("54/3", "30/3", "33/4", "18/3", "8/1") for site in ("lung", "spine", "")]


@pytest.mark.parametrize("rule", ["OM-10", "OM-11"])
def test_verified_changes_the_weight_and_only_that(rule: str) -> None:
    for scheme, site in CASES:
        before, after = judge(scheme, site), judge(scheme, site, guideline=with_status(rule, "verified"))
        assert (before.tier, before.value, before.matches, before.text, before.rule_id) == (
            after.tier,
            after.value,
            after.matches,
            after.text,
            after.rule_id,
        )
        if before.rule_id != rule:
            assert after == before
        elif before.outcome is Outcome.PASS:
            assert (after.verdict, after.outcome) == (Verdict.MET, Outcome.PASS)
        elif before.tier == "below 50 Gy":
            assert (after.verdict, after.outcome) == (Verdict.NOT_MET, Outcome.FAIL)
        else:
            assert (after.verdict, after.outcome) == (Verdict.MARGINAL, Outcome.MARGINAL)


def test_an_unverified_rule_never_fails_and_never_passes() -> None:
    for scheme, site in CASES:
        ours = judge(scheme, site)
        assert ours.outcome in {Outcome.PASS, Outcome.MARGINAL}
        assert ours.verdict is not Verdict.MET


def test_thresholds_come_from_the_file() -> None:
    changed = document()
    next(r for r in changed["rule"] if r["id"] == "OM-10")["threshold"]["above_bed10_gy"] = 160
    book = parse_guideline(changed, name="changed.toml")
    assert tier_of(151.2, guideline=book) == "50 to 160 Gy"


# --- number of sites, kind of course


@pytest.mark.parametrize(("treated", "otherwise"), [(1, 0), (5, 0), (3, 2)])
def test_up_to_five_sites(treated: int, otherwise: int) -> None:
    ours = count_sites(n_treated=treated, n_treated_otherwise=otherwise)
    assert (ours.verdict, ours.outcome, ours.rule_id) == (Verdict.INFORMATION, Outcome.PASS, "OM-3")


@pytest.mark.parametrize(("treated", "otherwise"), [(6, 0), (5, 1)])
def test_more_than_five_sites_ask_a_person(treated: int, otherwise: int) -> None:
    ours = count_sites(n_treated=treated, n_treated_otherwise=otherwise)
    assert (ours.verdict, ours.outcome) == (Verdict.NOT_MET, Outcome.MARGINAL)
    assert "a person decides" in ours.text
    assert count_sites(n_treated=6, guideline=with_status("OM-3", "verified")).outcome is Outcome.FAIL


def test_negative_number_of_sites() -> None:
    with pytest.raises(WrongUsageError, match="E-DOMAIN"):
        count_sites(n_treated=-1)


@pytest.mark.parametrize(
    ("total", "n", "name", "us"),
    [
        (54, 3, "SBRT", True),
        (40, 8, "SBRT", False),
        (39.9, 8, "hypofractionated", False),
        (70, 10, "hypofractionated", False),
        (48.5, 10, "hypofractionated", False),
        (55, 20, "hypofractionated", False),
        (66, 30, "conventional", False),
        (60, 30, "conventional", False),
        (2, 1, "conventional", True),
    ],
)
def test_kind_of_course(total: float, n: int, name: str, us: bool) -> None:
    ours = classify(total_dose_gy=total, n_fractions=n)
    assert (ours.name, ours.within_us_limit) == (name, us)
    assert "our thresholds" in ours.text


@pytest.mark.parametrize(
    ("total", "n", "name", "default"),
    [
        (70, 10, "SBRT", "hypofractionated"),
        (40, 10, "SBRT", "hypofractionated"),
        (39.9, 10, "hypofractionated", "hypofractionated"),
        (44, 11, "hypofractionated", "hypofractionated"),
        (45, 15, "conventional", "hypofractionated"),
        (54, 3, "SBRT", "SBRT"),
        (60, 30, "conventional", "conventional"),
    ],
)
def test_kind_of_course_by_other_thresholds(total: float, n: int, name: str, default: str) -> None:
    ours = classify(total_dose_gy=total, n_fractions=n, own=CourseThresholds(10, 4.0, 3.0))
    assert (ours.name, ours.default_name) == (name, default)
    assert f"thresholds of the case file; by ours: {default}" in ours.text
    plain = classify(total_dose_gy=total, n_fractions=n)
    assert (plain.name, plain.default_name) == (default, default)
    assert classify(total_dose_gy=total, n_fractions=n, own=course_thresholds()).name == default


# --- disease states


def test_nine_leaves_are_all_reached() -> None:
    reached = set()
    yes_no = (True, False)
    for poly, oligo, months, therapy, progressing in itertools.product(yes_no, yes_no, (3, 12), yes_no, yes_no):
        ours = classify_disease_state(
            history_of_polymetastatic_disease=poly,
            history_of_oligometastatic_disease=oligo,
            months_since_primary_diagnosis=months,
            on_systemic_therapy=therapy,
            progressing=progressing,
        )
        assert ours.missing == ()
        if ours.state:
            reached.add(ours.state)
        else:
            assert (poly, oligo, months, therapy, progressing) == (False, False, 12, True, False)
            assert "no leaf" in ours.note
    assert len(leaves()) == 9
    assert reached == set(leaves())


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"history_of_polymetastatic_disease": True, "on_systemic_therapy": False}, "induced oligorecurrence"),
        (
            {
                "history_of_polymetastatic_disease": False,
                "history_of_oligometastatic_disease": True,
                "on_systemic_therapy": True,
                "progressing": False,
            },
            "repeat oligopersistence",
        ),
        (
            {
                "history_of_polymetastatic_disease": False,
                "history_of_oligometastatic_disease": False,
                "months_since_primary_diagnosis": 6,
            },
            "synchronous oligometastatic disease",
        ),
        (
            {
                "history_of_polymetastatic_disease": False,
                "history_of_oligometastatic_disease": False,
                "months_since_primary_diagnosis": 6.1,
                "on_systemic_therapy": False,
            },
            "metachronous oligorecurrence",
        ),
    ],
)
def test_states_and_their_path(facts: dict[str, Any], state: str) -> None:
    ours = classify_disease_state(**facts)
    assert ours.state == state
    assert len(ours.path) == len(facts)  # nothing is asked that the path does not need
    assert "Guckenberger" in ours.source


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        ({}, "history_of_polymetastatic_disease"),
        ({"history_of_polymetastatic_disease": False}, "history_of_oligometastatic_disease"),
        (
            {"history_of_polymetastatic_disease": False, "history_of_oligometastatic_disease": False},
            "months_since_primary_diagnosis",
        ),
        ({"history_of_polymetastatic_disease": True}, "on_systemic_therapy"),
        ({"history_of_polymetastatic_disease": True, "on_systemic_therapy": True}, "progressing"),
    ],
)
def test_a_missing_fact_is_asked_for_by_name(facts: dict[str, Any], missing: str) -> None:
    ours = classify_disease_state(**facts)
    assert ours.state == ""
    assert ours.missing == (missing,)
    assert ours.note.endswith("?")


def test_negative_months_are_refused() -> None:
    with pytest.raises(WrongUsageError, match="E-DOMAIN months"):
        classify_disease_state(
            history_of_polymetastatic_disease=False,
            history_of_oligometastatic_disease=False,
            months_since_primary_diagnosis=-1,
        )


# --- neighbours


def cautions(n: int = 3, total: float = 54.0, site: str = "lung", **more: Any) -> list[str]:
    return [c.id for c in site_cautions(site=site, prescription_gy=total, n_fractions=n, **more)]


def test_central_lung_in_three_fractions() -> None:
    found = site_cautions(site="lung", prescription_gy=54, n_fractions=3, location="central", distance_to_airway_mm=15)
    assert [c.id for c in found] == ["NG-2"]
    assert found[0].outcome is Outcome.MARGINAL
    assert found[0].status == "unverified"
    assert cautions(site="lung_central") == ["NG-2"]
    assert cautions(location="ultracentral") == ["NG-2", "SUNSET"]


def test_cautions_follow_the_distance() -> None:
    assert cautions(n=8, total=60, location="central", distance_to_airway_mm=10) == ["NG-1", "HILUS"]
    assert cautions(n=5, total=50, location="central", distance_to_airway_mm=10.1) == ["NG-1"]
    assert cautions(n=3, location="peripheral", distance_to_airway_mm=25) == []


def test_what_is_not_known_warns_of_nothing() -> None:
    assert cautions() == []
    assert cautions(n=5, total=40.0) == []
    assert cautions(n=5, total=40.0, early_stage_primary=False) == []


def test_bed10_of_an_early_stage_primary() -> None:
    def judged(total: float, n: int) -> tuple[Verdict, Outcome, float | None]:
        (found,) = [
            c
            for c in site_cautions(site="lung", prescription_gy=total, n_fractions=n, early_stage_primary=True)
            if c.id == "NG-3"
        ]
        assert found.min_bed10_gy == 100
        assert found.source.startswith("Cancer Care Ontario")
        return found.verdict, found.outcome, found.bed10_gy

    assert judged(45.0, 5) == (Verdict.NOT_MET, Outcome.MARGINAL, pytest.approx(85.5))
    assert judged(49.99, 5)[0] is Verdict.NOT_MET
    assert judged(50.0, 5) == (Verdict.INFORMATION, Outcome.PASS, pytest.approx(100.0))
    assert judged(54.0, 3) == (Verdict.INFORMATION, Outcome.PASS, pytest.approx(151.2))  # above 146 Gy: never a rule
    for said in (None, False):
        assert cautions(n=5, total=45.0, early_stage_primary=said) == []
    assert cautions(n=5, total=45.0, site="liver", early_stage_primary=True) == []


def test_other_sites_have_no_cautions() -> None:
    assert cautions(site="liver", distance_to_airway_mm=1) == []


def test_neighbour_facts_and_counts() -> None:
    assert [f.id for f in load_neighbours()] == [f"NG-{n}" for n in range(1, 9)]
    assert {f.id for f in load_neighbours() if f.status == "unverified"} == {"NG-2", "NG-4"}
    assert len(load_lesion_counts()) == 9


# --- the generated page


def test_the_committed_page_is_the_generated_one() -> None:
    committed = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert committed == render_rules_page(), "run: python docs/build_rules.py > docs/rules.md"


def test_the_page_says_for_each_rule_how_it_is_judged() -> None:
    page = render_rules_page()
    for rule in load_guideline().rules:
        (line,) = [line for line in page.splitlines() if line.startswith(f"| {rule.id} |")]
        hows = ("evaluated automatically", "from the case file", "for a person to confirm")
        assert sum(f"| {how} |" in line for how in hows) == 1
        assert rule.status in line
