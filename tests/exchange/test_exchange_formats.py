"""Each format on invented files: what is taken and what never is."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from exchange_samples import (
    bins,
    dose_objectives,
    imported,
    item,
    measure_item,
    plainly,
    planscorecard,
    pqm,
    proknow,
    protocol,
    row,
    score,
    why_not,
    workbook,
    write,
)

from sbrtcheck.errors import WrongUsageError
from sbrtcheck.exchange.template import Fate
from sbrtcheck.model import Level

M, OPT = Level.MANDATORY, Level.OPTIMAL


# -- PQM


@pytest.mark.parametrize(
    ("metric", "goal", "why"),
    [
        ("D10cc", "<=20", "the unit of D10cc is not stated"),
        ("V20", "<=20", "the unit of V20 is not stated"),
        ("V20[%]", "<=20", "the unit of V20 is not stated"),
        ("Dmax", "<=20", "the unit of Dmax is not stated"),
        ("V20", "<=20 %", "the unit of V20 is not stated"),
        ("D10cc[Gy]", "20", "neither at most nor at least"),
        ("D10cc[Gy]", "=20", "equal to a number is no limit"),
        ("D10cc[Gy]", "<=20 cGy", "the goal is in cGy, the metric in Gy"),
        ("D10cc[Gy]", "<=2850", "is the number in cGy"),
        ("D10cc[cGy]", "<=28", "is the number in Gy"),
        ('"D0,035cc[Gy]"', "<=20", "a decimal comma"),
        ("D10cc[Gy]", '"<=20,5"', "a decimal comma"),
        ("V20Gy[Gy]", "<=20", "a volume is given in percent or in cc"),
        ("HI98%[%]", "<=20", "no one definition"),
        ("Volume[cc]", "<=20", "the volume of a structure"),
        ("CV20Gy[cc]", "<=700", "a spared volume (CV) has a lower limit"),
        ("D10cc[Gy]", ">=20", "a lower limit on the dose of an organ"),
        ("D10cc[Gy]", "<=1e1", "not a goal"),
        ("D10cc[Gy]", "<=nan", "not a goal"),
        ("D10cc[Gy]", "<=0", "outside 0 to 100 Gy"),
        ("D10cc[Gy]", "<=٢٠", "not a goal"),
        ("", "<=20", "no metric is stated"),
        ("D10cc[Gy]", "", "no goal is stated"),
    ],
)
def test_a_row_that_does_not_say_one_thing_is_refused(metric: str, goal: str, why: str, tmp_path: Path) -> None:
    done = imported(write(tmp_path, "x.csv", pqm(f"Heart;;{metric};{goal};")))
    assert why in why_not(done, "line 2")


@pytest.mark.parametrize(
    ("goal", "variation", "why"),
    [
        ("<=20", "19", "wrong side"),
        ("<=20", ">=22", "the goal is <=, the variation >="),
        ("<=20", "201", "may stand for none"),
        ("<=20", "abc", "the variation"),
    ],
)
def test_a_variation_that_cannot_be_meant_is_refused(goal: str, variation: str, why: str, tmp_path: Path) -> None:
    done = imported(write(tmp_path, "x.csv", pqm(f"Heart;;D10cc[Gy];{goal};{variation}")))
    assert why in why_not(done, "line 2")


def test_goal_and_variation_are_an_optimal_and_a_mandatory_limit(tmp_path: Path) -> None:
    rows = pqm("Heart;;D10cc[Gy];<20;22", "Esophagus;;D5cc[Gy];<=19.5;19.5", "Liver;;CV17.1Gy[cc];>=700;>=665")
    done = imported(write(tmp_path, "x.csv", rows))
    assert plainly(done.organs) == {
        ("Heart", "D10cc[Gy]", ((OPT, "<", 20.0), (M, "<", 22.0))),
        ("Esophagus", "D5cc[Gy]", ((M, "<=", 19.5),)),
        ("Liver", "CV17.1Gy[cc]", ((OPT, ">=", 700.0), (M, ">=", 665.0))),
    }


@pytest.mark.parametrize(
    ("metric", "goal", "ours"),
    [
        ("D10cc (Gy)", "<=20", "D10cc[Gy]"),
        ("D0.1cm³[Gy]", "<=20", "D0.1cc[Gy]"),
        ("Dmax[Gy]", "<=20", "Max[Gy]"),
        ("v2000cGy[%]", "<=20", "V20Gy[%]"),
        ("D10cc", "≤ 20 Gy", "D10cc[Gy]"),
        ("Mean", "<= 2000 cGy", "Mean[Gy]"),
        ("V20Gy", "<=20 %", "V20Gy[%]"),
    ],
)
def test_the_same_metric_is_written_in_many_ways(metric: str, goal: str, ours: str, tmp_path: Path) -> None:
    done = imported(write(tmp_path, "x.csv", pqm(f"Heart;;{metric};{goal};")))
    unit = ours[ours.index("[") + 1 : -1]
    assert row(done, "line 2").became == (f"Heart {ours} <= 20 {unit} mandatory",)


def test_two_limits_for_one_metric_are_both_refused_and_equal_ones_taken_once(tmp_path: Path) -> None:
    rows = pqm("Heart;;D10cc[Gy];<=20;", "Herz;;D10cc[Gy];<=21;", "Liver;;Mean[Gy];<=15;", "Leber;;Mean[cGy];<=1500;")
    done = imported(write(tmp_path, "x.csv", rows))
    assert "differ from those of line 3" in why_not(done, "line 2")
    assert "differ from those of line 2" in why_not(done, "line 3")
    assert plainly(done.organs) == {("Liver", "Mean[Gy]", ((M, "<=", 15.0),))}
    assert "the same as line 4" in row(done, "line 5").why


def test_an_organ_known_by_its_own_name_keeps_it_when_another_claims_it(tmp_path: Path) -> None:
    rows = pqm("Bladder;;D15cc[Gy];<=17;", "Bladder Wall;Bladder;D15cc[Gy];<=18;")
    done = imported(write(tmp_path, "x.csv", rows))
    assert row(done, "line 2").fate is Fate.TAKEN
    assert "claimed by Bladder and Bladder Wall" in why_not(done, "line 3")


def test_codes_and_types_may_be_shared_but_must_not_contradict(tmp_path: Path) -> None:
    head = "TemplateId,TemplateCodes,TemplateAliases,TemplateTypes,DVHObjective,Goal,Variation,Priority,Source,Notes"
    rows = ["Heart,NormalTissue,,ORGAN,Max[Gy],<=30,,1,,", "Liver,NormalTissue,,ORGAN,Mean[Gy],<=15,,1,,",
            "Boost,,,PTV,D95%[%],>=95,,1,,", "Rectum,Bladder,,ORGAN,Max[Gy],<=30,,1,,"]  # fmt: skip
    done = imported(write(tmp_path, "x.csv", "\n".join([head, *rows])))
    assert {t.organ for t in done.organs} == {"Heart", "Liver"}
    assert plainly(done.targets) == {("PTV", "D95%[%]", ((M, ">=", 95.0),))}
    assert "its other name Bladder is Bladder, not Rectum" in why_not(done, "line 5")


def test_a_prv_and_a_helper_are_no_organ(tmp_path: Path) -> None:
    done = imported(write(tmp_path, "x.csv", pqm("SpinalCord_PRV;;Max[Gy];<=20;", "zRing;;Max[Gy];<=20;")))
    assert "a margin of SpinalCord" in why_not(done, "line 2")
    assert "another structure" in why_not(done, "line 3")


def test_goals_in_gray_of_several_dose_levels_are_refused(tmp_path: Path) -> None:
    rows = pqm("PTV_5000;;V50Gy[%];>=95;", "PTV_4500;;V45Gy[%];>=95;", "PTV_5000;;V100%[%];>=95;")
    done = imported(write(tmp_path, "x.csv", rows), 5)
    assert "one of the dose levels 45 Gy and 50 Gy" in why_not(done, "line 2")
    assert "write it in percent" in why_not(done, "line 3")
    assert plainly(done.targets) == {("PTV", "V100%[%]", ((M, ">=", 95.0),))}


def test_a_difference_without_its_minus_is_refused(tmp_path: Path) -> None:
    done = imported(write(tmp_path, "x.csv", pqm("Lungs_GTV;;V20Gy[%];<=10;", "Lungs-GTV;;V20Gy[%];<=10;")))
    assert "either a target or Lungs-GTV" in why_not(done, "line 2")
    assert plainly(done.organs) == {("Lungs-GTV", "V20Gy[%]", ((M, "<=", 10.0),))}


def test_long_texts_are_refused_at_once(tmp_path: Path) -> None:
    """Patterns that look for blanks twice would take hours on these."""
    blanks = "D1" + " " * 100_000 + "x"
    done = imported(write(tmp_path, "x.csv", pqm(f"Heart;;{blanks};<=20;", f"Heart;;D1cc[Gy];<={blanks};")))
    assert "too long" in why_not(done, "line 2")
    assert "too long" in why_not(done, "line 3")


def test_a_structure_without_a_name_is_refused(tmp_path: Path) -> None:
    assert "no structure is named" in why_not(imported(write(tmp_path, "x.csv", pqm(";;Max[Gy];<=20;"))), "line 2")


# -- Eclipse


def test_clinical_goals_of_eclipse(tmp_path: Path) -> None:
    text = dose_objectives(
        measure_item("SpinalCord", 5, 3, "21.9", "0.1", variation="23"),
        measure_item("Lungs", 3, 1, "10", "20", absolute=False),
        measure_item("Brain", 3, 3, "2000", "12", variation="3000"),
        measure_item("Heart", 6, 3, "30"),
        measure_item("Liver", 8, 1, "15"),
        measure_item("PTV", 4, 4, "95", "95", absolute=False),
        measure_item("Body", 2, 0, "95", "95", absolute=False),
    )
    done = imported(write(tmp_path, "x.xml", text))
    assert plainly(done.organs) == {
        ("SpinalCord", "D0.1cc[Gy]", ((OPT, "<=", 21.9), (M, "<=", 23.0))),
        ("Lungs", "V20Gy[%]", ((M, "<", 10.0),)),
        ("Brain", "V12Gy[cc]", ((OPT, "<=", 2.0), (M, "<=", 3.0))),
        ("Heart", "Max[Gy]", ((M, "<=", 30.0),)),
        ("Liver", "Mean[Gy]", ((M, "<", 15.0),)),
    }
    assert plainly(done.targets) == {("PTV", "D95%[%]", ((M, ">=", 95.0),))}
    assert "2000 mm3 is 2 cc" in row(done, "MeasureItem 3").why


@pytest.mark.parametrize(
    ("element", "why"),
    [
        (measure_item("Heart", 0, 1, "1.2", absolute=False), "a conformity index has no one definition"),
        (measure_item("Heart", 1, 1, "1.2"), "the gradient measure"),
        (measure_item("Heart", 9, 1, "1.2"), "type 9 is not known"),
        (measure_item("Heart", 5, 2, "20", "1"), "equal to a number is no limit"),
        (measure_item("Heart", 5, 5, "20", "1"), "modifier 5 is not known"),
        (measure_item("Heart", 5, 4, "20", "1"), "a lower limit on the dose of an organ"),
        (measure_item("Heart", 7, 3, "20"), "type 6 and 7"),
        (measure_item("PTV", 6, 3, "60"), "type 6 and 7"),
        (measure_item("PTV", 8, 3, "60"), "modifier 3 and 4"),
        (measure_item("PTV", 4, 3, "60", "95"), "modifier 3 and 4"),
        (measure_item("PTV", 4, 3, "105", "2", absolute=False, variation="200"), "stands for none"),
        (measure_item("Heart", 5, 3, "", "1"), "the value or its specifier is empty"),
        (measure_item("Heart", 5, 3, "20,5", "1"), "20,5 is not a plain decimal number"),
        (measure_item("Heart", 5, 3, "20", "1").replace("true", "maybe"), "is not stated"),
        ("<Item ID='Heart'/>", "only MeasureItem is known here"),
        (measure_item("Heart", 5, 3, "20", "1").replace("<Value>", "<Value>3</Value><Value>"), "twice is not a plain"),
    ],
)
def test_clinical_goals_that_are_refused(element: str, why: str, tmp_path: Path) -> None:
    done = imported(write(tmp_path, "x.xml", dose_objectives(element)))
    assert why in why_not(done, f"{element[1:].split(maxsplit=1)[0]} 1")


def test_protocol_items_of_eclipse(tmp_path: Path) -> None:
    text = protocol(
        item("PTV", 0, share="95", each="18", total="54"),
        item("Lungs", 1, share="10", each="6.667", total="20"),
        item("Liver", 8, total="15"),
        item("PTV", 9, total="48"),
        item("Esophagus", 10, total="25.2"),
        measure_item("SpinalCord", 5, 3, "18", "0.1"),
    )
    done = imported(write(tmp_path, "x.xml", text))
    assert plainly(done.targets) == {("PTV", "V54Gy[%]", ((M, ">=", 95.0),)), ("PTV", "Min[Gy]", ((M, ">", 48.0),))}
    assert plainly(done.organs) == {
        ("Lungs", "V20Gy[%]", ((M, "<=", 10.0),)),
        ("Liver", "Mean[Gy]", ((M, "<", 15.0),)),
        ("Esophagus", "Max[Gy]", ((M, "<", 25.2),)),
        ("SpinalCord", "D0.1cc[Gy]", ((M, "<=", 18.0),)),
    }


@pytest.mark.parametrize("modifier", [2, 3, 4, 5, 6, 11])
def test_protocol_items_that_are_never_read(modifier: int, tmp_path: Path) -> None:
    done = imported(write(tmp_path, "x.xml", protocol(item("Heart", modifier, total="30"))))
    assert f"Item modifier {modifier}" in why_not(done, "Item 1")


def test_the_same_number_means_two_things_in_item_and_measure_item(tmp_path: Path) -> None:
    text = protocol(item("Heart", 3, total="30"), measure_item("Heart", 5, 3, "30", "1"))
    done = imported(write(tmp_path, "x.xml", text))
    assert "a dose is equal to a number" in why_not(done, "Item 1")
    assert plainly(done.organs) == {("Heart", "D1cc[Gy]", ((M, "<=", 30.0),))}


def test_a_dose_per_fraction_that_differs_is_refused(tmp_path: Path) -> None:
    text = protocol(
        item("Lungs", 1, share="10", each="5", total="20"), item("Lungs", 1, share="5", each="7", total="20")
    )
    done = imported(write(tmp_path, "x.xml", text))
    assert "20 Gy is 4 times 5 Gy, the phase has 3 fractions" in why_not(done, "Item 1")
    assert "no whole number of fractions" in why_not(done, "Item 2")


def test_a_phase_of_another_number_of_fractions_is_refused(tmp_path: Path) -> None:
    done = imported(write(tmp_path, "x.xml", protocol(item("Liver", 8, total="15"))), 5)
    assert "for 3 fractions, not 5" in why_not(done, "Item 1")


# -- ProKnow


def test_scorecards_of_proknow_keep_below_and_at_most(tmp_path: Path) -> None:
    text = proknow(
        {"type": "DOSE_VOLUME_CC_ROI", "roi_name": "SpinalCord", "arg_1": 0.35, "objectives": bins("PASS", "max 15.9", "FAIL")},
        {"type": "MAX_DOSE_ROI", "roi_name": "Heart", "objectives": bins("PASS", "min 30", "FAIL")},
        {
            "type": "VOLUME_CC_DOSE_RANGE_ROI",
            "roi_name": "Lungs",
            "arg_1": 0,
            "arg_2": 10.5,
            "objectives": bins("UNACCEPTABLE", "min 1425", "ACCEPTABLE", "max 1500", "IDEAL"),
        },
        {
            "type": "VOLUME_PERCENT_DOSE_ROI",
            "roi_name": "Lungs",
            "arg_1": 20,
            "objectives": bins("IDEAL", "max 5", "GOOD", "max 10", "ACCEPTABLE", "max 15", "MARGINAL", "max 20", "UNACCEPTABLE"),
        },
        {"type": "DOSE_VOLUME_MINUS_CC_ROI", "roi_name": "Liver", "arg_1": 700, "objectives": bins("PASS", "max 17.1", "FAIL")},
        {"type": "MEAN_DOSE_ROI", "roi_name": "Liver", "objectives": bins("GOOD", "max 13", "ACCEPTABLE")},
    )  # fmt: skip
    done = imported(write(tmp_path, "x.json", text))
    assert plainly(done.organs) == {
        ("SpinalCord", "D0.35cc[Gy]", ((M, "<=", 15.9),)),
        ("Heart", "Max[Gy]", ((M, "<", 30.0),)),
        ("Lungs", "CV10.5Gy[cc]", ((OPT, ">", 1500.0), (M, ">=", 1425.0))),
        ("Lungs", "V20Gy[%]", ((OPT, "<=", 10.0), (M, "<=", 15.0))),
        ("Liver", "DC700cc[Gy]", ((M, "<=", 17.1),)),
        ("Liver", "Mean[Gy]", ((OPT, "<=", 13.0),)),
    }
    assert "bins of one kind are one" in row(done, "computed 4").why


def test_bins_on_both_sides_are_two_limits(tmp_path: Path) -> None:
    objectives = bins("FAIL", "min 54", "PASS", "max 70", "FAIL")
    text = proknow({"type": "DOSE_VOLUME_PERCENT_ROI", "roi_name": "PTV", "arg_1": 50, "objectives": objectives})
    done = imported(write(tmp_path, "x.json", text))
    assert plainly(done.targets) == {
        ("PTV", "D50%[Gy]", ((M, ">=", 54.0),)),
        ("PTV", "D50%[Gy]", ((M, "<=", 70.0),)),
    }


_PASS = bins("PASS", "max 20", "FAIL")


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ({"type": "CONFORMATION_NUMBER", "arg_1": 50}, "no one definition"),
        ({"type": "MAX_DOSE"}, "the whole grid"),
        ({"type": "SOMETHING"}, "is not known"),
        ({"type": "VOLUME_CC_DOSE_RANGE_ROI", "arg_1": 5, "arg_2": 10}, "does not begin at 0 Gy"),
        ({"type": "MEAN_DOSE_ROI", "arg_1": 5}, "arguments that this type does not have"),
        ({"type": "DOSE_VOLUME_CC_ROI", "arg_1": None}, "arg_1 is no plain number"),
        ({"type": "DOSE_VOLUME_CC_ROI", "arg_1": 1e300}, "arg_1 is no plain number"),
        ({"type": "DOSE_VOLUME_CC_ROI", "arg_1": True}, "arg_1 is no plain number"),
        ({"type": "MEAN_DOSE_ROI", "rx": "PTV", "rx_scale": 0.5}, "relative to a named prescription"),
        ({"type": "MEAN_DOSE_ROI", "only_if": "x"}, "the key only_if is not known"),
        ({"type": "MEAN_DOSE_ROI", "objectives": bins("PASS", "max 20", "HMM")}, "the label HMM"),
        ({"type": "MEAN_DOSE_ROI", "objectives": bins("GOOD", "max 20", "MARGINAL")}, "the label MARGINAL"),
        ({"type": "MEAN_DOSE_ROI", "objectives": bins("PASS", "FAIL")}, "no one threshold"),
        ({"type": "MEAN_DOSE_ROI", "objectives": bins("PASS", "max 20", "FAIL", "max 10", "FAIL")}, "do not rise"),
        ({"type": "MEAN_DOSE_ROI", "objectives": bins("PASS", "max 20", "FAIL", "max 30", "PASS")}, "better and then worse"),
        ({"type": "MEAN_DOSE_ROI", "objectives": bins("PASS", "max 20", "GOOD")}, "all bins are of one kind"),
        ({"type": "MEAN_DOSE_ROI", "objectives": []}, "not 2 to 10 bins"),
    ],
)  # fmt: skip
def test_metrics_of_proknow_that_are_refused(metric: dict[str, object], why: str, tmp_path: Path) -> None:
    text = proknow({"roi_name": "Heart", "objectives": _PASS, **metric}, custom=[{"id": "abc"}])
    done = imported(write(tmp_path, "x.json", text))
    assert why in why_not(done, "computed 1")
    assert "a custom metric has no formula" in why_not(done, "custom 1")


# -- PlanScoreCard


def test_a_score_function_is_read_as_limits(tmp_path: Path) -> None:
    text = planscorecard(
        score("DoseAtVolume", [(14, 5), (16, 3), (18, 0)], marked=1, InputValue=0.35, InputUnit="CC"),
        score("MaxDose", [(20, 5), (22.5, 0), (30, 0)]),
        score("DoseAtSubVolume", [(10, 1), (12, 0)], InputValue=700, InputUnit="CC"),
        score("VolumeAtDose", [(1, 5), (10, 1)], InputValue=1000, InputUnit="cGy", OutputUnit="%"),
    )
    done = imported(write(tmp_path, "x.json", text))
    assert plainly(done.organs) == {
        ("SpinalCord", "D0.35cc[Gy]", ((OPT, "<=", 14.0), (M, "<=", 16.0))),
        ("SpinalCord", "Max[Gy]", ((OPT, "<=", 20.0), (M, "<=", 22.5))),
        ("SpinalCord", "DC700cc[Gy]", ((OPT, "<=", 10.0), (M, "<=", 12.0))),
        ("SpinalCord", "V10Gy[%]", ((M, "<=", 1.0),)),
    }
    assert "score function read as limits" in row(done, "ScoreTemplates 1").why


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        (score("ConformityIndex", [(1, 1), (2, 0)]), "no one definition"),
        (score("Undefined", [(1, 1), (2, 0)]), "is not known"),
        (score("MaxDose", [(1, 1), (2, 0)], OutputUnit=""), "the output unit is not stated"),
        (score("DoseAtVolume", [(1, 1), (2, 0)], InputValue=1), "the input value or its unit"),
        (score("MaxDose", [(1, 1), (2, 0), (3, 1)]), "neither rises nor falls"),
        (score("MaxDose", [(1, 1), (2, 1)]), "neither rises nor falls"),
        (score("MaxDose", [(1, 1)]), "fewer than two score points"),
        (score("MaxDose", [(1, 1), (1, 0)]), "two score points at one value"),
        (score("MaxDose", [(1, 1), (2, 0)], VariationLevel=2), "which of them count"),
        (
            score("MaxDose", [(1, 1), (2, 0)], Structure={"StructureId": "Cord", "AutoGenerated": True}),
            "computes from others",
        ),
    ],
)
def test_score_functions_that_are_refused(metric: dict[str, object], why: str, tmp_path: Path) -> None:
    assert why in why_not(imported(write(tmp_path, "x.json", planscorecard(metric))), "ScoreTemplates 1")


def test_a_scorecard_for_another_number_of_fractions_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "x.json", planscorecard(score("MaxDose", [(20, 5), (22, 0)]), fractions=5))
    assert "for 5 fractions, not 3" in why_not(imported(path), "ScoreTemplates 1")
    assert imported(path, 5).organs


# -- Excel

_HEAD = ("Organ", "Metric", "Limit", "Accept", "Fx")
_COLUMNS = {"structure": "Organ", "metric": "Metric", "goal": "Limit", "variation": "Accept", "fractions": "Fx"}


def test_a_goal_sheet_with_a_column_map(tmp_path: Path) -> None:
    rows = [
        ("SABR lung", None, None, None, None),
        _HEAD,
        ("Spinal Cord", "D0.35cc[Gy]", "<=15.9", 17, 3),
        ("Heart", "Max[Gy]", "<= 30", None, 3),
        ("Heart", "Max[Gy]", "<= 38", None, 5),
        (None, None, None, None, None),
    ]
    path = write(tmp_path, "x.xlsx", workbook({"Goals": rows}))
    done = imported(path, columns=_COLUMNS)
    assert plainly(done.organs) == {
        ("SpinalCord", "D0.35cc[Gy]", ((OPT, "<=", 15.9), (M, "<=", 17.0))),
        ("Heart", "Max[Gy]", ((M, "<=", 30.0),)),
    }
    assert row(done, "row 5").fate is Fate.NO_LIMIT
    assert not done.is_partial
    assert done.template.dialect == "Excel sheet Goals"


def test_a_sheet_with_the_columns_of_a_pqm_file_needs_no_map(tmp_path: Path) -> None:
    rows = [("Structure IDs", "IDAliases", "DVH Objective", "Evaluation Point", "Variation"),
            ("Great Vessels", "GV", "D10cc[cGy]", "<=3900", 4095)]  # fmt: skip
    done = imported(write(tmp_path, "x.xlsx", workbook({"Constraints": rows})))
    assert plainly(done.organs) == {("GreatVes", "D10cc[Gy]", ((OPT, "<=", 39.0), (M, "<=", 40.95)))}


def test_comparator_limit_and_unit_in_columns_of_their_own(tmp_path: Path) -> None:
    rows = [
        ("Organ", "Metric", "Op", "Value", "Unit"),
        ("Heart", "D15cc", "<=", 24, "Gy"),
        ("Liver", "Mean[Gy]", "<", 13, "%"),
    ]
    columns = {"structure": "Organ", "metric": "Metric", "comparator": "Op", "limit": "Value", "unit": "Unit"}
    done = imported(write(tmp_path, "x.xlsx", workbook({"A": rows})), columns=columns)
    assert plainly(done.organs) == {("Heart", "D15cc[Gy]", ((M, "<=", 24.0),))}
    assert "the unit is %, the metric Mean[Gy]" in why_not(done, "row 3")


def test_cells_that_are_no_plain_values_are_refused_by_their_name(tmp_path: Path) -> None:
    rows = [
        _HEAD,
        ("Heart", "V20Gy[%]", "<=10", "=C2*1.05", 3),
        ("Liver", "Mean[Gy]", datetime.date(2026, 1, 2), None, 3),
        ("Rib", "Max[Gy]", "<=30", 0.5, 3),
        ("Skin", "Max[Gy]", "<=30", None, 3),
        ("Lungs", "Mean[Gy]", True, None, 3),
        ("Rectum", "Max[Gy]", "<=30", None, "three"),
    ]

    def change(book: Any) -> None:
        sheet = book["Goals"]
        sheet["D4"].number_format = "0%"
        sheet.row_dimensions[5].hidden = True

    done = imported(write(tmp_path, "x.xlsx", workbook({"Goals": rows}, change=change)), columns=_COLUMNS)
    assert "cell D2: a formula: paste the values" in why_not(done, "row 2")
    assert "cell C3: a date" in why_not(done, "row 3")
    assert "cell D4: a number shown in percent" in why_not(done, "row 4")
    assert "the row is hidden" in why_not(done, "row 5")
    assert "cell C6: a truth value" in why_not(done, "row 6")
    assert "three is no number of fractions" in why_not(done, "row 7")


def test_a_hidden_column_is_refused(tmp_path: Path) -> None:
    def change(book: Any) -> None:
        book["Goals"].column_dimensions["D"].hidden = True

    rows = [_HEAD, ("Heart", "Max[Gy]", "<=30", 33, 3)]
    done = imported(write(tmp_path, "x.xlsx", workbook({"Goals": rows}, change=change)), columns=_COLUMNS)
    assert "column D is hidden" in why_not(done, "row 2")


@pytest.mark.parametrize(
    ("sheets", "columns", "change", "why"),
    [
        ({"A": [_HEAD], "B": [_HEAD]}, _COLUMNS, None, "several sheets"),
        ({"A": [_HEAD]}, _COLUMNS, None, "no rows below the header"),
        ({"A": [("a", "b")]}, _COLUMNS, None, "no header row with these columns"),
        ({"A": [("a", "b")]}, {}, None, "no header row with these columns"),
        ({"A": [(*_HEAD, "Organ"), ("Heart",)]}, _COLUMNS, None, "a heading occurs twice"),
        ({"A": [_HEAD, ("Heart",)]}, {"structure": "Organ", "metric": "Metric"}, None, "too little is mapped"),
        ({"A": [_HEAD, ("Heart", "Max[Gy]", "<=30", None, 3)]}, _COLUMNS, "A3:B4", "merged cells"),
    ],
)
def test_sheets_that_are_refused(
    sheets: dict[str, Any], columns: dict[str, str], change: str | None, why: str, tmp_path: Path
) -> None:
    def merge(book: Any) -> None:
        if change:
            book["A"].merge_cells(change)

    path = write(tmp_path, "x.xlsx", workbook(sheets, change=merge))
    with pytest.raises(WrongUsageError, match=why):
        imported(path, columns=columns)
