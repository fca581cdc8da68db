"""The judging policy as data: every number within its range and traced to its row, every list well formed, damage refused."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.errors import WrongUsageError
from sbrtcheck.model import Level, Outcome
from sbrtcheck.model.policy import SupplementKind
from sbrtcheck.tables import policy as values
from sbrtcheck.tables.datafiles import data_path
from sbrtcheck.tables.organ_tables import load_table, load_tables
from sbrtcheck.tables.organs import SITES, organ_info
from sbrtcheck.tables.policy import IN_ORDER, load_policy, policy_digest, policy_of_clinic
from sbrtcheck.tables.policy_rows import (
    coverage_goals,
    drawn_along,
    excusing_organs,
    find_level,
    level_landmarks,
    levels_in_name,
    levels_of,
    location_outcomes,
    location_rules,
    out_of_scope,
    required_at,
    required_organs,
    site_levels,
    supplements,
    supplements_for,
)

# The numbers of the policy as it is written, typed here again.
WRITTEN = {
    "near.distance_mm": 30,
    "near.rx_share_percent": 50,
    "near.limit_share_percent": 80,
    "near.overlap_share_percent": 50,
    "required.reach_mm": 50,
    "required.far_mm": 50,
    "required.beyond_target_mm": 10,
    "required.esophagus_above_apex_mm": 20,
    "supplements.lung_v20_major_percent": 15,
    "supplements.lung_v20_several_fail_percent": 20,
    "supplements.lung_mean_marginal_gy": 10,
    "supplements.kidney_mean_marginal_gy": 18,
    "target_dose.d98_marginal_percent": 105,
    "target_dose.d98_fail_percent": 110,
    "target_dose.d95_marginal_percent": 110,
    "target_dose.beams_agree_percent": 3,
    "target_dose.dose_point_percent": 5,
    "target_dose.point_coverage_low_percent": 95,
    "target_dose.point_coverage_high_percent": 105,
    "target_dose.point_within_percent": 5,
    "target_dose.unlinked_match_percent": 20,
    "target_dose.shared_low_percent": 90,
    "target_dose.shared_high_percent": 115,
    "target_dose.ci_marginal": 2,
    "target_dose.ci_from_cc": 3,
    "target_dose.maximum_marginal_percent": 200,
    "target_dose.hottest_volume_cc": 0.035,
    "coverage.d95_full_percent": 99,
    "coverage.d95_variation_percent": 97,
    "coverage.d95_fail_percent": 90,
    "coverage.v100_fail_percent": 80,
    "coverage.spine_v100_percent": 80,
    "coverage.spine_v90_fail_percent": 80,
    "coverage.gtv_d98_percent": 100,
    "coverage.gtv_d98_fail_percent": 90,
    "coverage.spine_gtv_d98_marginal_percent": 80,
    "coverage.band_below_cc": 5,
    "coverage.excuse_from_percent": 80,
    "coverage.excuse_distance_mm": 10,
    "coverage.excuse_underdosed_percent": 90,
    "coverage.outside_ptv_percent": 2,
    "coverage.outside_ptv_cc": 0.1,
    "small_organs.enough_times": 1.5,
    "cumulative.earlier_eqd2_gy": 10,
    "cumulative.thecal_sac_total_eqd2_gy": 70,
    "cumulative.thecal_sac_sbrt_eqd2_gy": 25,
    "cumulative.thecal_sac_sbrt_share": 0.5,
    "cumulative.thecal_sac_months": 5,
    "location.central_mm": 20,
    "location.touching_mm": 2,
    "location.rtog_0813_point_percent": 105,
    "location.rtog_0813_point_gy": 52.5,
    "location.airway_8_variation_gy": 40,
    "location.airway_8_marginal_gy": 44,
    "levels.cord_distance_mm": 10,
    "levels.optimal_missed_percent": 20,
    "levels.hollow_maximum_percent": 105,
    "levels.grid_spacing_mm": 2,
    "levels.small_target_cc": 4,
    "levels.entry_diameter_mm": 50,
    "levels.hours_between_fractions": 40,
}
CORD_FAIL_GY = {1: 14.0, 2: 19.3, 3: 23.1, 4: 26.2, 5: 28.8}
CORD_VARIATION_GY = {1: 12.4, 2: 17.0, 3: 20.3, 4: 23.0, 5: 25.3}
VOLUMES_CM3 = {
    "SpinalCord": (3, 80),
    "Esophagus": (5, 120),
    "Heart": (300, 1800),
    "Lungs": (800, 10000),
    "Liver": (500, 5000),
    "Kidney": (40, 600),
    "Stomach": (30, 2500),
    "Duodenum": (10, 250),
    "Bladder": (15, 1200),
    "ProximalBronchialTree": (5, 150),
}


# ---- the numbers


def test_the_numbers_are_those_of_the_policy_as_written() -> None:
    policy = load_policy()
    assert {key: policy.value(key) for key in WRITTEN} == WRITTEN


def test_a_value_says_what_it_is() -> None:
    entry = load_policy().entry("target_dose.d98_marginal_percent")
    assert (entry.rule, entry.value, entry.unit, entry.low, entry.high) == ("P4", 105.0, "%", 102.0, 108.0)
    assert (entry.source, entry.fixed) == ("ours", False)
    assert "normalisation or scaling" in entry.why
    assert load_policy().entry("levels.cord_5_fail_gy").fixed
    with pytest.raises(KeyError):
        load_policy().value("near.nothing")


def test_a_number_with_a_rule_id_as_its_source_stands_in_that_row() -> None:
    rows = {row.rule_id: row for table in load_tables().values() for row in table.rows}
    traced = [e for e in load_policy().entries.values() if e.source.count(":") >= 3]
    assert len(traced) >= 12
    for entry in traced:
        assert rows[entry.source].limit == entry.value, entry.key
        assert entry.fixed, entry.key


def test_the_cord_limits_are_rows_of_hytec() -> None:
    rows = {r.rule_id: r.limit for r in load_table("hytec").rows}
    for n in range(1, 6):
        assert rows[f"HYTEC_2021:SpinalCord:{n}:D0.035cc[Gy]:mandatory"] == CORD_FAIL_GY[n]
        assert rows[f"HYTEC_2021:SpinalCord:{n}:D0.035cc[Gy]:optimal"] == CORD_VARIATION_GY[n]
        assert load_policy().value(f"levels.cord_{n}_fail_gy") == CORD_FAIL_GY[n]
        assert load_policy().value(f"levels.cord_{n}_variation_gy") == CORD_VARIATION_GY[n]


def test_what_a_source_prints_no_clinic_may_change() -> None:
    for entry in load_policy().entries.values():
        assert entry.fixed or "ours" in entry.source, entry.key


# ---- a clinic's changes


def test_a_clinics_change_is_visible_and_leaves_the_shipped_policy_alone() -> None:
    changed = load_policy().with_clinic(
        {"target_dose.d98_marginal_percent": 107, "near.distance_mm": 30}, file="c.toml"
    )
    assert changed.value("target_dose.d98_marginal_percent") == 107
    assert [c.text for c in changed.changed] == ["clinic: target_dose.d98_marginal_percent 105 % -> 107 %"]
    assert changed.sha256 == load_policy().sha256
    assert load_policy().value("target_dose.d98_marginal_percent") == 105
    assert load_policy().changed == ()


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from(sorted(load_policy().entries)), value=st.floats(allow_nan=True, allow_infinity=True))
def test_a_value_is_set_within_its_range_or_refused(key: str, value: float) -> None:
    entry = load_policy().entry(key)
    inside = entry.low is not None and entry.high is not None and entry.low <= value <= entry.high
    try:
        policy = load_policy().with_clinic({key: value}, file="c.toml")
    except WrongUsageError as error:
        (problem,) = error.problems
        assert (problem.code, problem.object, problem.tag) == ("E-CONFIG", "c.toml", f"key policy.{key}")
        assert not inside
    else:
        assert inside
        assert policy.value(key) == value


@pytest.mark.parametrize(("small", "large"), IN_ORDER)
def test_values_in_order_may_meet_and_never_cross(small: str, large: str) -> None:
    policy = load_policy()
    assert policy.value(small) <= policy.value(large)
    low, high = policy.entry(large).low, policy.entry(small).high
    if low is None or high is None or not low < high:
        return
    with pytest.raises(WrongUsageError, match="contradict each other"):
        policy_of_clinic({small: high, large: low}, file="c.toml")


# ---- damage


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the policy's files, which is then the one that counts."""
    for name in ("policy", "target"):
        shutil.copytree(data_path(name), tmp_path / name)
    monkeypatch.setattr(values, "data_path", tmp_path.joinpath)
    yield tmp_path / "policy"
    monkeypatch.undo()


def record(folder: Path) -> None:
    """Write the digest of the files as they are into the edition, as somebody who changes the policy does."""
    text = (folder / values.EDITION).read_text(encoding="utf-8")
    head, _, _ = text.partition("[sha256]")
    (folder / values.EDITION).write_text(f'{head}[sha256]\n"2.0.0" = "{policy_digest(folder)}"\n', encoding="utf-8")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("name", ["near.toml", "required.csv", "scope.csv", "../target/coverage.csv"])
def test_a_changed_file_is_refused_until_it_has_a_version(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes() + b"\n# changed\n")
    with pytest.raises(WrongUsageError, match="E-TABLE-MODIFIED"):
        load_policy()
    record(copy)
    assert load_policy().version == "2.0.0"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value = 30", "value = 300", "outside its own range"),
        ("value = 30", 'value = "30"', "must be a number"),
        ("value = 30", "value = nan", "must be a number"),
        ("value = 30", "value = true", "must be a number"),
        ("value = 30\n", "", "missing field"),
        ("min = 20\n", "", "missing field"),
        ("min = 20\nmax = 100", "fixed = false", "must be true"),
        ("min = 20", "fixed = true\nmin = 20", "unknown field"),
        ('unit = "mm"', 'unit = "cm"', "not one of mm"),
        ('rule = "P1"', 'rule = "P99"', "not one of P1"),
        ('source = "ours"', 'source = ""', "must be text"),
        ("[distance_mm]", "[Distance-mm]", "not a key"),
        ("min = 20", "min = 20\nlowest = 1", "unknown field"),
        ("[distance_mm]", "other = 5\n[distance_mm]", "not a table of fields"),
        ('title = "Near', 'title = 5 # "Near', "must be text"),
    ],
)
def test_a_damaged_value_is_refused_with_file_and_field(copy: Path, old: str, new: str, said: str) -> None:
    edit(copy / "near.toml", old, new)
    record(copy)
    with pytest.raises(WrongUsageError) as error:
        load_policy()
    assert {p.code for p in error.value.problems} == {"E-DATA"}
    assert any(p.object == "near.toml" and said in p.detail for p in error.value.problems), error.value


def test_every_file_fits_the_published_schema_and_damage_does_not() -> None:
    schema = json.loads((ROOT / "docs" / "policy.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    units = schema["patternProperties"]["^(?!title$)[a-z][a-z0-9_]{1,60}$"]["properties"]["unit"]["enum"]
    assert units == list(values.UNITS)
    files = sorted(path for path in data_path("policy").glob("*.toml") if path.name != values.EDITION)
    assert len(files) >= 9
    for path in files:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        jsonschema.validate(document, schema)
        name = next(key for key in document if key != "title")
        for wrong in ({"fixed": True, "min": 1}, {"unit": "cm"}, {"rule": "P13"}, {"value": "5"}, {"extra": 1}):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(document | {name: document[name] | wrong}, schema)


def test_values_out_of_order_are_refused(copy: Path) -> None:
    edit(
        copy / "coverage.toml",
        '[d95_full_percent]\nrule = "P5"\nvalue = 99',
        '[d95_full_percent]\nrule = "P5"\nvalue = 96',
    )
    record(copy)
    with pytest.raises(WrongUsageError, match="contradict each other"):
        load_policy()


LIST_DAMAGE: list[tuple[str, str, str, Callable[[], object], str]] = [
    ("levels.csv", "spine,C3,C3,C3", "spin,C3,C3,C3", site_levels, "site"),
    ("levels.csv", "C4|HWK4", "C3|HWK4", site_levels, "already C3"),
    ("levels.csv", "C4|HWK4", "C4 x|HWK4", site_levels, "not one word"),
    ("level_landmarks.csv", "node,groin", "node,knee", level_landmarks, "level"),
    ("level_landmarks.csv", "Femur_Head", "Femur_Neck", level_landmarks, "unknown organ"),
    ("required.csv", "C4-C7|T1,", "C4-C9|T1,", required_organs, "no level of spine"),
    ("required.csv", "lung,*,,Lungs,required", "lung,*,,Lung,needed", required_organs, "requirement"),
    ("required.csv", "lung,*,,Lungs,required", "lung,*,,Lungz,required", required_organs, "unknown organ"),
    ("required.csv", "any,50,yes", "any,,yes", required_organs, "distance"),
    ("required.csv", "surface,30", "around,30", required_organs, "direction"),
    ("drawn_along.csv", "required.esophagus", "required.oesophagus", drawn_along, "no such value"),
    ("supplements.csv", "rtog_0813,Lungs", "rtog_813,Lungs", supplements, "table"),
    ("supplements.csv", "Lungs,mean,1", "Lungs,median,1", supplements, "kind"),
    ("supplements.csv", "3|6,Mean", "3|x,Mean", supplements, "fractions"),
    ("scope.csv", "brain,out_of_scope", "brain,never", out_of_scope, "scope"),
    ("excuses.csv", "Liver,with_reason", "Liver,perhaps", excusing_organs, "excuse"),
]


@pytest.mark.parametrize(("name", "old", "new", "load", "said"), LIST_DAMAGE)
def test_a_damaged_list_is_refused_with_file_and_line(
    copy: Path, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str, load: Callable[[], object], said: str
) -> None:
    from sbrtcheck.tables import policy_rows

    edit(copy / name, old, new)
    record(copy)
    monkeypatch.setattr(
        policy_rows,
        "data_path",
        lambda *parts: copy.parent.joinpath(*parts) if parts[0] == "policy" else data_path(*parts),
    )
    with pytest.raises(WrongUsageError) as error:
        load.__wrapped__()  # type: ignore[attr-defined]
    assert all(p.code == "E-DATA" and p.object == name and "line" in p.tag for p in error.value.problems)
    assert any(said in f"{p.tag} {p.detail}" for p in error.value.problems), error.value


# ---- levels and required organs


def test_levels_are_found_by_name_and_by_words() -> None:
    assert levels_of("lung") == levels_of("liver") == levels_of("adrenal") == ()
    assert find_level("spine", "l3") == find_level("spine", "LWK3") == "L3"
    assert find_level("node", "iliac") == "pelvis"
    assert find_level("bone", "iliac") == "ilium"
    assert find_level("spine", "L6") == find_level("", "L3") == ""
    assert levels_in_name("spine", "PTV_T5_T6") == ("T5", "T6")
    assert levels_in_name("spine", "PTV Th12") == ("T12",)
    assert levels_in_name("spine", "PTV_L_2") == (), "L is the left side here"
    assert levels_in_name("node", "PTV_LN para-aortic") == ("retroperitoneum",)


def organs_asked(site: str, level: str, *, side: str = "") -> set[str]:
    return {"|".join(r.organs) for r in required_at(site, level, side=side) if r.requirement == "required"}


BOWEL = "Bowel_Small|Bag_Bowel|Bowel"
CORD = "SpinalCord|CaudaEquina"


@pytest.mark.parametrize(
    ("site", "level", "organs"),
    [
        ("lung", "", {"Lungs", "SpinalCord", "Esophagus", "ProximalBronchialTree"}),
        ("spine", "C3", {"SpinalCord", "Esophagus"}),
        ("spine", "C5", {"SpinalCord", "Esophagus", "BrachialPlexus"}),
        ("spine", "T1", {"SpinalCord", "Esophagus", "Lungs", "BrachialPlexus"}),
        ("spine", "T8", {"SpinalCord", "Esophagus", "Lungs"}),
        ("spine", "T12", {CORD, "Kidneys", BOWEL}),
        ("spine", "L2", {CORD, "Kidneys", BOWEL, "Duodenum"}),
        ("spine", "L5", {"CaudaEquina", BOWEL}),
        ("spine", "S1", {"SacralPlex", "Rectum", BOWEL, "CaudaEquina"}),
        ("spine", "S3", {"SacralPlex", "Rectum", BOWEL}),
        ("bone", "sacrum", {"SacralPlex", "Rectum", BOWEL}),
        ("bone", "ilium", {BOWEL}),
        ("bone", "pubis", {"Rectum", "Bladder", "Femur_Head"}),
        ("bone", "rib", {"Lungs", "SpinalCord"}),
        ("bone", "clavicle", {"Lungs", "SpinalCord", "BrachialPlexus"}),
        ("bone", "femur", {"Skin"}),
        ("liver", "", {"Liver", "SpinalCord", "Stomach"}),
        ("node", "neck", {"SpinalCord", "Esophagus", "BrachialPlexus"}),
        ("node", "axilla", {"BrachialPlexus", "Lungs"}),
        (
            "node",
            "mediastinum",
            {"Lungs", "SpinalCord", "Esophagus", "ProximalBronchialTree", "Heart", "GreatVes"},
        ),
        ("node", "retroperitoneum", {"Duodenum", BOWEL, "Stomach", "Kidneys", CORD}),
        ("node", "pelvis", {BOWEL, "Rectum", "Bladder"}),
        ("node", "groin", {"Bladder", BOWEL}),
    ],
)
def test_what_a_level_asks_for(site: str, level: str, organs: set[str]) -> None:
    assert organs_asked(site, level) == organs


def test_the_adrenal_asks_for_the_organ_of_its_side() -> None:
    both = {CORD, "Kidneys", BOWEL, "Duodenum"}
    assert organs_asked("adrenal", "", side="L") == {*both, "Stomach"}
    assert organs_asked("adrenal", "", side="R") == {*both, "Liver"}
    assert organs_asked("adrenal", "") == {*both, "Stomach", "Liver"}


def test_colon_alone_never_stands_for_small_bowel() -> None:
    for rule in required_organs():
        assert "Bowel_Small" not in rule.organs or "Bowel_Large" not in rule.organs


def test_a_region_whose_vertebra_is_not_told_asks_for_no_less_than_each_of_them() -> None:
    for region, vertebrae in {"C": ("C3", "C7"), "T": ("T2", "T8"), "L": ("L1", "L5"), "S": ("S1", "S5")}.items():
        for vertebra in vertebrae:
            missing = organs_asked("spine", vertebra) - organs_asked("spine", region)
            assert missing <= {"CaudaEquina", CORD} or region == "C", (region, vertebra, missing)


@pytest.mark.parametrize(
    ("site", "level", "organ"),
    [("spine", "T5", "SpinalCord"), ("lung", "", "Lungs"), ("liver", "", "Liver"), ("adrenal", "", "Kidneys")],
)
def test_the_organ_at_the_target_is_never_declared_far(site: str, level: str, organ: str) -> None:
    rows = [r for r in required_at(site, level) if organ in r.organs and r.requirement == "required"]
    assert rows
    assert not any(r.may_be_far for r in rows)


def test_every_level_of_spine_bone_and_node_asks_for_something() -> None:
    for level in site_levels():
        assert organs_asked(level.site, level.level), level


# ---- the other lists


def test_organs_that_must_not_go_unjudged() -> None:
    info = organ_info()
    for organ in ("SpinalCord", "CaudaEquina", "Duodenum", "Bowel", "Bag_Bowel", "Skin", "Ureter", "Heart", "Kidney"):
        assert info[organ].if_unjudged == "incomplete", organ
    for organ in ("Rib", "Chestwall", "Femur_Head", "Spleen", "Pancreas", "Bronchus_Small"):
        assert info[organ].if_unjudged == "line", organ
    assert info["BODY"].if_unjudged == ""


def test_volumes_that_are_believed() -> None:
    found = {o.organ: (o.volume_min_cm3, o.volume_max_cm3) for o in organ_info().values() if o.volume_min_cm3}
    assert found == VOLUMES_CM3
    assert not any(organ_info()[organ].partly_drawn for organ in VOLUMES_CM3)


def test_stand_ins_and_organs_that_exclude_each_other() -> None:
    info = organ_info()
    assert info["Bowel_Small"].judged_by == info["Bowel_Large"].judged_by == ("Bowel", "Bag_Bowel")
    assert info["Kidney_Cortex"].judged_by == ("Kidneys", "Kidney")
    assert info["Bladder_Wall"].judged_by == ("Bladder",)
    assert info["Femur_Head"].judged_by == ("Femur",)
    assert "A_Aorta" in info["GreatVes"].judged_by
    pairs = {frozenset((o.organ, other)) for o in info.values() for other in o.exclusive_with}
    assert pairs == {
        frozenset(p)
        for p in (
            ("Esophagus", "Heart"),
            ("Esophagus", "Trachea"),
            ("SpinalCord", "Esophagus"),
            ("SpinalCord", "A_Aorta"),
            ("Stomach", "Liver"),
        )
    }


def test_a_supplement_comes_from_the_first_source_named() -> None:
    def first(organ: str, kind: SupplementKind, n: int) -> str:
        return supplements_for(organ, kind, n_fractions=n)[0].table

    assert first("Lungs", SupplementKind.VOLUME_PERCENT, 4) == "rtog_0915"
    assert first("Lungs", SupplementKind.VOLUME_PERCENT, 5) == "rtog_0813"
    assert first("Lungs", SupplementKind.VOLUME_PERCENT, 3) == "hytec"
    assert first("Liver", SupplementKind.MEAN, 3) == "hytec"
    assert first("Liver", SupplementKind.MEAN, 5) == "uk_sabr_2022"
    assert first("Chestwall", SupplementKind.VOLUME, 5) == "uk_sabr_2018"
    assert first("Duodenum", SupplementKind.POINT, 5) == "aapm_tg101"
    for s in supplements_for("Kidneys", SupplementKind.MEAN, n_fractions=5):
        assert s.level_at_most is Level.OPTIMAL


def test_every_supplement_named_for_an_organ_has_a_row() -> None:
    for s in supplements():
        if s.kind is None:
            continue
        rows = [r for r in load_table(s.table).rows if r.organ == s.source_organ and r.level is not None]
        rows = [r for r in rows if s.metric_text in {"", r.metric_text}]
        assert rows, s
        for n in s.n_fractions:
            assert any(r.n_fractions == n for r in rows), (s, n)


def test_where_a_lesion_lies() -> None:
    rules = location_rules(load_policy())
    assert [(r.location, r.relation, r.distance_mm) for r in rules] == [
        ("central", "within", 20.0),
        ("central", "touching", 2.0),
        ("ultracentral", "touching", 2.0),
    ]
    assert "Heart" in rules[1].organs
    assert "Heart" not in rules[2].organs
    wider = load_policy().with_clinic({"location.touching_mm": 5}, file="c.toml")
    assert location_rules(wider)[1].distance_mm == 5.0


@pytest.mark.parametrize(
    ("location", "n", "vessels_only", "outcome"),
    [
        ("central", 3, False, Outcome.MARGINAL),
        ("central", 5, False, None),
        ("ultracentral", 3, False, Outcome.FAIL),
        ("ultracentral", 3, True, Outcome.MARGINAL),
        ("ultracentral", 4, False, Outcome.MARGINAL),
        ("ultracentral", 5, False, Outcome.MARGINAL),
        ("ultracentral", 8, False, None),
    ],
)
def test_what_a_location_does(location: str, n: int, vessels_only: bool, outcome: Outcome | None) -> None:
    found = [
        o.outcome
        for o in location_outcomes(load_policy())
        if o.location == location and o.from_fractions <= n <= o.to_fractions and o.vessels_only is vessels_only
    ]
    assert found == ([] if outcome is None else [outcome])


def test_out_of_scope_and_without_a_list() -> None:
    def scope_of(word: str, site: str = "") -> set[bool]:
        return {s.out_of_scope for s in out_of_scope() if word in s.words and s.site in {"", site}}

    assert scope_of("brain") == scope_of("clivus") == scope_of("tonsil") == {True}
    assert scope_of("c2", "spine") == {True}
    assert scope_of("c2") == scope_of("c3", "spine") == set()
    assert scope_of("kidney") == scope_of("prostate") == {False}


def test_coverage_goals_take_their_limits_from_the_policy() -> None:
    goals = coverage_goals(load_policy())
    spine = {g.rule for g in goals if g.asks_at("spine")}
    lung = {g.rule for g in goals if g.asks_at("lung")}
    assert spine == {"spine_ptv_v100", "spine_ptv_v90_missed", "spine_gtv_d98", "spine_gtv_d98_review", "gtv_d50"}
    assert lung == {
        "ptv_d95_full",
        "ptv_d95_review",
        "ptv_d95_missed",
        "ptv_v100_missed",
        "gtv_d98",
        "gtv_d98_missed",
        "gtv_d50",
    }
    assert lung == {g.rule for g in goals if g.asks_at("")}
    changed = load_policy().with_clinic({"coverage.d95_fail_percent": 92}, file="c.toml")
    limits = {g.rule: g.limit for g in coverage_goals(changed)}
    assert limits["ptv_d95_missed"] == 92
    order = list(Outcome)
    for goal in goals:
        assert order.index(goal.excused) <= order.index(goal.missed), goal.rule


def test_no_site_is_forgotten() -> None:
    asked = {r.site for r in required_organs()}
    assert asked == set(SITES) - {"other"}
