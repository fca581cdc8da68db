"""The published template files under permissive licences: what is taken, and every known mistake in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from exchange_samples import TEMPLATES, imported, plainly, row, why_not

from sbrtcheck.exchange.template import Fate
from sbrtcheck.exchange.write_table import goals_text, table_text
from sbrtcheck.model import Level
from sbrtcheck.read.clinic_file import load_clinic
from sbrtcheck.tables.organ_tables import clinic_goals, lint_table, load_table

PLANCHECK = TEMPLATES / "plancheck_pqm"
THREE = PLANCHECK / "Hypofractionated (3 Fractions).csv"
ALL = [
    (PLANCHECK / "Hypofractionated (1 Fraction).csv", 1, 44, 64),
    (THREE, 3, 45, 64),
    (PLANCHECK / "Hypofractionated (5 Fractions).csv", 5, 42, 62),
    (PLANCHECK / "Conventional Fractionation.csv", 35, 71, 89),
    (TEMPLATES / "clearplan_pqm" / "Starter_Hypofractionated.csv", 5, 1, 6),
    (TEMPLATES / "clearplan_pqm" / "Starter_PlanSum.csv", 5, 1, 5),
    (TEMPLATES / "varian_pqm" / "example_prostate_bed_quantec.csv", 39, 12, 13),
    (TEMPLATES / "beamkit" / "rtpx.json", 5, 3, 4),
    (TEMPLATES / "beamkit" / "clinical-rules.json", 5, 1, 2),
    (TEMPLATES / "beamkit" / "plan-checks.json", 5, 1, 2),
    (TEMPLATES / "beamkit" / "beamkit-rule-pack.json", 5, 2, 4),
]


@pytest.mark.parametrize(("path", "n", "n_taken", "n_limits"), ALL, ids=lambda v: v.name if isinstance(v, Path) else "")
def test_a_published_template_is_taken_as_far_as_it_says_one_thing(
    path: Path, n: int, n_taken: int, n_limits: int, tmp_path: Path
) -> None:
    done = imported(path, n)
    assert done.n_limits == n_limits
    assert sum(r.fate in {Fate.TAKEN, Fate.CHANGED} for r in done.rows) == n_taken
    assert all(r.why for r in done.rows if r.fate not in {Fate.TAKEN, Fate.CHANGED})
    table, goals = table_text(done), goals_text(done)
    if table:
        ours = tmp_path / "ours.csv"
        ours.write_text(table, encoding="utf-8")
        assert lint_table(ours) == ()
        rows = load_table(ours).rows
        assert {r.n_fractions for r in rows} == {n}
        assert len(rows) == sum(len(t.bounds) for t in done.organs)
    if goals:
        clinic = tmp_path / "ours.goals.toml"
        clinic.write_text(goals, encoding="utf-8")
        read = load_clinic(clinic)
        assert len(clinic_goals(read.goals, file="x")) == sum(len(t.bounds) for t in done.targets)
        assert {g.n_fractions for g in read.goals} == {n}
        assert read.imported[0].file == path.name


def test_a_variation_tighter_than_its_goal_is_refused() -> None:
    done = imported(THREE)
    assert "the variation 1575 is tighter than the goal >=1500" in why_not(done, "line 39")
    assert "the variation 105 is tighter than the goal >=100" in why_not(done, "line 35")
    assert row(imported(PLANCHECK / "Conventional Fractionation.csv", 35), "line 37").fate is Fate.CHANGED


def test_an_alias_of_another_organ_is_refused() -> None:
    done = imported(THREE)
    for line in (16, 17, 18, 19):
        assert "the name Large Bronchus is claimed by Bronchus_Lg and Bronchus_Sm" in why_not(done, f"line {line}")
    assert "its other name Lungs-PTV is another structure, not Lungs" in why_not(done, "line 41")
    assert "Bladder, not Bladder_Wall" in why_not(done, "line 5")
    five = imported(PLANCHECK / "Hypofractionated (5 Fractions).csv", 5)
    assert "its other name Spinal Canal is SpinalCanal, not SpinalCord" in why_not(five, "line 57")


def test_a_variation_out_of_step_with_all_others_is_refused_or_told() -> None:
    done = imported(PLANCHECK / "Conventional Fractionation.csv", 35)
    assert "the variation is 65.0% from its goal, the others of this file 5.0%" in why_not(done, "line 10")
    told = row(imported(THREE), "line 56")
    assert told.fate is Fate.CHANGED
    assert "6.9% from its goal" in told.why


def test_indices_and_the_body_are_shown_and_not_taken() -> None:
    done = imported(THREE)
    assert "no one definition" in why_not(done, "line 3")
    assert "no one definition" in why_not(done, "line 4")
    assert "body outline" in why_not(
        imported(TEMPLATES / "varian_pqm" / "example_prostate_bed_quantec.csv", 39), "line 14"
    )


def test_a_target_of_three_kinds_is_refused_until_the_user_says_which() -> None:
    path = TEMPLATES / "clearplan_pqm" / "Starter_Hypofractionated.csv"
    assert "CTV, not PTV" in why_not(imported(path, 5), "line 2")
    done = imported(path, 5, user_map={"Target": "PTV", "SpinalCord": "SpinalCord"})
    assert plainly(done.targets) == {
        ("PTV", "D95%[%]", ((Level.OPTIMAL, ">=", 95.0), (Level.MANDATORY, ">=", 92.0))),
        ("PTV", "D2%[%]", ((Level.OPTIMAL, "<=", 110.0), (Level.MANDATORY, "<=", 115.0))),
    }
    assert ("SpinalCord", "D0.035cc[Gy]", ((Level.OPTIMAL, "<=", 25.0), (Level.MANDATORY, "<=", 30.0))) in plainly(
        done.organs
    )


def test_the_map_and_what_is_left_out_settle_a_template() -> None:
    """With every disputed structure said and every index left out, nothing stays open: the table may decide."""
    user_map = {
        "Bladder Wall": "Bladder_Wall",
        "Bronchus_Lg": "Bronchus_Main",
        "Bronchus_Sm": "Bronchus_Small",
        "FemHeadNeck_L": "Femur_Head_L",
        "FemHeadNeck_R": "Femur_Head_R",
        "Optic Pathway": "OpticPathway",
        "Body": "none",
        "Kidneys": "none",
        "Lungs": "none",
        "Liver": "none",
        "Kidney_L": "none",
        "Kidney_R": "none",
    }
    done = imported(THREE, user_map=user_map, leave_out=("line 3",))
    assert done.not_taken == ()
    assert not done.is_partial
    assert len(done.left_out) == 9
    assert ("Bronchus_Main", "D5cc[Gy]", ((Level.OPTIMAL, "<=", 25.8), (Level.MANDATORY, "<=", 27.09))) in plainly(
        done.organs
    )


def test_limits_in_centigray_become_gray_exactly() -> None:
    done = imported(THREE)
    assert ("SpinalCord", "D0.35cc[Gy]", ((Level.OPTIMAL, "<=", 15.9), (Level.MANDATORY, "<=", 17.0))) in plainly(
        done.organs
    )
    assert "cGy to Gy" in row(done, "line 56").why


def test_one_sided_limits_are_refused_and_equal_ones_are_joined() -> None:
    assert "only for the right side" in why_not(imported(TEMPLATES / "beamkit" / "rtpx.json", 5), "constraints 4")
    done = imported(THREE)
    assert row(done, "line 22").became == row(done, "line 23").became
    assert "one row for both sides" in row(done, "line 22").why


def test_a_rule_pack_reads_its_files_and_names_their_digests() -> None:
    done = imported(TEMPLATES / "beamkit" / "beamkit-rule-pack.json", 5)
    assert {name for name, _ in done.template.also} == {
        "clinical-rules.json",
        "plan-checks.json",
        "naming-dictionary.json",
    }
    assert plainly(done.targets) == {
        ("PTV", "D95%[Gy]", ((Level.MANDATORY, ">=", 47.5),)),
        ("PTV", "D95%[%]", ((Level.MANDATORY, ">=", 95.0),)),
    }
    assert all(r.fate is Fate.NO_LIMIT for r in done.rows if r.statement.place == "check 1 in plan-checks.json")
    mapped = imported(TEMPLATES / "beamkit" / "beamkit-rule-pack.json", 5, user_map={"OAR_1": "Heart"})
    assert plainly(mapped.organs) == {("Heart", "Max[Gy]", ((Level.MANDATORY, "<=", 40.0),))}


def test_priority_and_printed_levels_are_shown_and_not_used() -> None:
    done = imported(TEMPLATES / "beamkit" / "rtpx.json", 5)
    heart = row(done, "constraints 3")
    assert heart.statement.priority == "Recommended"
    assert heart.became == ("Heart Mean[Gy] <= 10 Gy mandatory",)
    optimal = imported(TEMPLATES / "beamkit" / "rtpx.json", 5, level=Level.OPTIMAL)
    assert row(optimal, "constraints 3").became == ("Heart Mean[Gy] <= 10 Gy optimal",)


@pytest.mark.parametrize("name", ["rtpx.json", "beamkit-rule-pack.json", "plan-checks.json"])
def test_a_template_for_another_number_of_fractions_is_refused_row_by_row(name: str) -> None:
    done = imported(TEMPLATES / "beamkit" / name, 3)
    assert done.organs == done.targets == ()
    limits = [r for r in done.rows if r.fate is not Fate.NO_LIMIT]
    assert limits
    assert all("for 5 fractions, not 3" in r.why for r in limits)
