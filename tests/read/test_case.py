"""Case file and clinic file: what is read, and every way to write one wrongly."""

from __future__ import annotations

import re
import tomllib
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.errors import WrongUsageError
from sbrtcheck.model import CourseThresholds, Level, Outcome
from sbrtcheck.model.policy import NormalisedTo
from sbrtcheck.read.case_file import CaseLesion, Excuse, FarOrgan, load_case
from sbrtcheck.read.clinic_file import ClinicTable, find_clinic, load_clinic, policy_in_force
from sbrtcheck.tables.organ_tables import clinic_goals

DOC = Path(__file__).parents[2] / "docs" / "case.md"


def examples() -> tuple[str, str]:
    """The case file and the clinic file of docs/case.md."""
    case, clinic = re.findall(r"```toml\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    return case, clinic


def write(tmp_path: Path, text: str, name: str = "case.toml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def thresholds(n_max: object, d_min: object, d_hypo: object) -> str:
    """The table [classification] of a case file."""
    return (
        f"[classification]\nsbrt_max_fractions = {n_max}\nsbrt_min_dose_per_fraction_gy = {d_min}\n"
        f"hypofractionated_above_dose_per_fraction_gy = {d_hypo}\n"
    )


def row(**changes: object) -> str:
    """A row of a clinic file, with some of its keys written otherwise."""
    keys = {
        "organ": "Heart",
        "fractions": 5,
        "metric": "Mean[Gy]",
        "comparator": "<=",
        "limit": 10,
        "unit": "Gy",
        "level": "optimal",
        **changes,
    }
    return "[[row]]\n" + "".join(f"{k} = {v!r}\n" for k, v in keys.items())


def problems(tmp_path: Path, text: str, load=load_case) -> list[str]:
    with pytest.raises(WrongUsageError) as error:
        load(write(tmp_path, text))
    assert error.value.exit_code == 2
    code = "E-CASE" if load is load_case else "E-CONFIG"
    assert {p.code for p in error.value.problems} == {code}
    assert {p.object for p in error.value.problems} == {"case.toml"}
    assert all(p.remedy for p in error.value.problems)
    return [f"{p.tag} [{p.seen}] {p.detail} | {p.remedy}" for p in error.value.problems]


# ---- what is read


def test_the_documented_case_file(tmp_path: Path) -> None:
    case = load_case(write(tmp_path, examples()[0]))
    assert case.file == "case.toml"
    assert len(case.sha256) == 64
    assert (case.intent, case.sex, case.sequence) == ("curative", "F", "sequential")
    covers = NormalisedTo("PTV", 99.0, 100.0, "D99% = 100%")
    assert case.lesions == (
        CaseLesion("PTV1", "lung", "central", 50.0, 5, early_stage_primary=True, normalised_to=covers),
        CaseLesion("PTV2", "spine", level="L3"),
        CaseLesion("PTV3", "liver", liver_lesion="metastasis"),
    )
    assert (case.primary, case.confirmed, case.same_patient) == ("NSCLC", ("Esophagus",), True)
    assert case.normalised_to == NormalisedTo("PTV", 95.0, 100.0, "D95% = 100%")
    assert case.far == (FarOrgan("Duodenum", 80.0, "Dr. Example"),)
    assert case.excuses == (Excuse("Liver", "mean liver dose at its limit after hepatectomy", "PTV3"),)
    assert [(a.organ, a.reason) for a in case.absent] == [("Lung_L", "pneumonectomy")]
    assert [(o.site, o.treatment, o.n_lesions, o.date) for o in case.other_sites] == [
        ("brain", "surgery", 1, "2024-02-01")
    ]
    assert [(e.organ, e.metric, e.dose_gy, e.n_fractions) for e in case.earlier] == [
        ("SpinalCord", "D0.035cc[Gy]", 12.0, 5)
    ]
    assert case.deviations[0].name == "Dr. Example"
    assert dict(case.plan_starts) == {"plan A": "2024-03-01"}
    assert case.disease.months_since_primary_diagnosis == 14
    assert case.disease.progressing is False
    assert case.classification == CourseThresholds(10, 4.0, 2.2)


def test_the_documented_clinic_file(tmp_path: Path) -> None:
    clinic = load_clinic(write(tmp_path, examples()[1], "clinic.toml"))
    assert clinic.clinic == "Example clinic"
    assert clinic.tables == (
        ClinicTable("timmerman_2022", "lung", 8),
        ClinicTable(str(tmp_path / "ours.csv"), "", None),
    )
    assert clinic.table_for(site="lung", n_fractions=8) == "timmerman_2022"
    assert clinic.table_for(site="lung", n_fractions=5) == str(tmp_path / "ours.csv")
    assert dict(clinic.names) == {"OAR 7": "SpinalCord", "Boost vol": "PTV"}
    assert clinic.required["lung"][-1] == "Chestwall|Rib"
    assert dict(clinic.levels) == {"Chestwall": "mandatory", "AAPM_TG101:Skin:5:D10cc[Gy]:optimal": "mandatory"}
    assert dict(clinic.policy) == {"target_dose.d98_marginal_percent": 107.0, "near.distance_mm": 40.0}
    assert [c.text for c in policy_in_force(clinic).changed] == [
        "clinic: target_dose.d98_marginal_percent 105 % -> 107 %",
        "clinic: near.distance_mm 30 mm -> 40 mm",
    ]
    heart, lungs = clinic.rows
    assert (heart.table, heart.n_fractions, heart.site) == ("aapm_tg101", 5, "")
    assert (heart.row.rule_id, heart.row.limit, heart.row.unit) == ("LOCAL:Heart:5:Mean[Gy]:optimal", 10.0, "Gy")
    assert (lungs.table, lungs.n_fractions, lungs.site) == ("", None, "lung")
    assert lungs.row.rule_id == "LOCAL:Lungs:any:V5Gy[%]:optimal"
    assert clinic.required["spine:L3"] == ("Kidneys",)
    assert clinic.normalised_to == NormalisedTo("PTV", 95.0, 100.0, "D95% = 100%")
    assert dict(clinic.alpha_beta_gy) == {"SpinalCord": 2.0}
    goal = clinic_goals(clinic.goals, file=clinic.file)[0]
    assert (goal.rule_id, goal.limit, goal.unit) == ("LOCAL:PTV:D98%[%]:mandatory", 90.0, "%")
    assert (goal.level, goal.missed, goal.site) == (Level.MANDATORY, Outcome.FAIL, "lung")


def test_what_is_absent_is_unknown_and_never_no(tmp_path: Path) -> None:
    case = load_case(write(tmp_path, ""))
    assert case.lesions == ()
    assert case.disease.progressing is None
    assert case.disease.all_sites_declared is None
    assert case.classification is None
    assert case.intent == ""
    clinic = load_clinic(write(tmp_path, ""))
    assert clinic.table_for(site="lung", n_fractions=5) is None
    assert clinic.keep_goals


def test_records_are_frozen(tmp_path: Path) -> None:
    clinic = load_clinic(write(tmp_path, examples()[1]))
    with pytest.raises(FrozenInstanceError):
        clinic.clinic = "other"
    with pytest.raises(TypeError):
        clinic.names["x"] = "Heart"


def test_the_most_specific_table_counts(tmp_path: Path) -> None:
    text = "\n".join(
        f'[[table]]\ntable = "{name}"\n{keys}'
        for name, keys in (
            ("a", ""),
            ("b", "fractions = 5"),
            ("c", 'site = "lung"'),
            ("d", 'site = "lung"\nfractions = 5'),
        )
    )
    clinic = load_clinic(write(tmp_path, text))
    assert clinic.table_for(site="lung", n_fractions=5) == "d"
    assert clinic.table_for(site="lung", n_fractions=3) == "c"
    assert clinic.table_for(site="liver", n_fractions=5) == "b"
    assert clinic.table_for(site="liver", n_fractions=3) == "a"


def test_same_bytes_same_digest(tmp_path: Path) -> None:
    first = load_case(write(tmp_path, 'intent = "curative"\n'))
    second = load_case(write(tmp_path, 'intent = "curative"\r\n'))
    third = load_case(write(tmp_path, 'intent = "palliative"\n'))
    assert first.sha256 == second.sha256 != third.sha256


# ---- finding the clinic file


def test_find_clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, plan = tmp_path / "config", tmp_path / "plan"
    (home / "sbrtcheck").mkdir(parents=True)
    plan.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    assert find_clinic(plan) is None
    own = write(home / "sbrtcheck", "", "clinic.toml")
    assert find_clinic(plan) == own
    beside = write(plan, "", "clinic.toml")
    assert find_clinic(plan) == beside
    assert find_clinic(write(plan, "", "RP.dcm")) == beside
    first = write(plan, "", "sbrtcheck.toml")
    assert find_clinic(plan) == first


def test_find_clinic_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / ".config" / "sbrtcheck").mkdir(parents=True)
    own = write(tmp_path / ".config" / "sbrtcheck", "", "clinic.toml")
    assert find_clinic(tmp_path) == own


# ---- what is refused


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ('intention = "curative"', "intention", "Did you mean intent?"),
        ('intent = "cure"', "intent", "Allowed: curative, palliative"),
        ("intent = true", "intent", "not a text"),
        ('sex = "female"', "sex", "Allowed: M, F"),
        ('lesion = "PTV"', "lesion", "one or more tables"),
        ("lesion = [1]", "lesion", "Write [[lesion]]"),
        ('[[lesion]]\nsite = "lung"', "lesion 1.roi", "missing"),
        ('[[lesion]]\nroi = ""', "lesion 1.roi", "empty"),
        ('[[lesion]]\nroi = "PTV"\nsite = "lungs"', "lesion 1.site", "Allowed: lung"),
        ('[[lesion]]\nroi = "PTV"\nfractions = 5.5', "lesion 1.fractions", "not a whole number"),
        ('[[lesion]]\nroi = "PTV"\nfractions = 0', "lesion 1.fractions", "outside 1"),
        ('[[lesion]]\nroi = "PTV"\nfractions = true', "lesion 1.fractions", "not a whole number"),
        ('[[lesion]]\nroi = "PTV"\nfractions = "5"', "lesion 1.fractions", "not a whole number"),
        ('[[lesion]]\nroi = "PTV"\nprescription_gy = 5400', "lesion 1.prescription_gy", "outside 1 to 200"),
        ('[[lesion]]\nroi = "PTV"\nprescription_gy = nan', "lesion 1.prescription_gy", "outside"),
        ('[[lesion]]\nroi = "PTV"\nprescription_gy = inf', "lesion 1.prescription_gy", "outside"),
        ('[[lesion]]\nroi = "PTV"\nprescription_gy = -5', "lesion 1.prescription_gy", "outside"),
        ('[[lesion]]\nroi = "PTV"\nprescription = 54', "lesion 1.prescription", "Did you mean prescription_gy?"),
        (
            '[[lesion]]\nroi = "PTV"\nsite = "liver"\nlocation = "central"',
            "lesion 1.location",
            "only a lesion of the lung",
        ),
        (
            '[[lesion]]\nroi = "PTV"\nsite = "liver"\nearly_stage_primary = true',
            "lesion 1.early_stage_primary",
            "only a lesion of the lung",
        ),
        (
            '[[lesion]]\nroi = "PTV"\nearly_stage_primary = "yes"',
            "lesion 1.early_stage_primary",
            "not true or false",
        ),
        ('[[lesion]]\nroi = "PTV"\nearly_stage_primary = 1', "lesion 1.early_stage_primary", "not true or false"),
        ('[[lesion]]\nroi = "PTV"\n[[lesion]]\nroi = "PTV"', "lesion", "two lesions"),
        ('[[absent]]\norgan = "Lung_X"\nreason = "x"', "absent 1.organ", "no such organ"),
        ('[[absent]]\norgan = "Lung_L"', "absent 1.reason", "missing"),
        ('[[other_site]]\nsite = "brain"\ntreatment = "gamma"', "other_site 1.treatment", "Allowed: sbrt"),
        ('[[earlier]]\norgan = "Heart"\nmetric = "Mean[Gy]"\nfractions = 5', "earlier 1.dose_gy", "missing"),
        (
            '[[earlier]]\norgan = "Heart"\nmetric = "Mean[Gy]"\ndose_gy = 5\nfractions = 5\ndate = "May"',
            "earlier 1.date",
            "date",
        ),
        ('[[deviation]]\nrule = "x"\nreason = "y"', "deviation 1.name", "missing"),
        ('[[plan]]\nlabel = "a"', "plan 1.start", "missing"),
        ('disease = "yes"', "disease", "not a table"),
        ('[disease]\nprogressing = "no"', "disease.progressing", "not true or false"),
        ("[disease]\nprogressing = 0", "disease.progressing", "not true or false"),
        ("[disease]\nage = 70", "disease.age", "unknown key"),
        (thresholds(0, 5, 2.2), "classification.sbrt_max_fractions", "outside 1 to 60"),
        (thresholds(8.5, 5, 2.2), "classification.sbrt_max_fractions", "not a whole number"),
        (thresholds(8, 0, 2.2), "classification.sbrt_min_dose_per_fraction_gy", "outside 0.1"),
        (thresholds(8, "inf", 2.2), "classification.sbrt_min_dose_per_fraction_gy", "outside 0.1"),
        (thresholds(8, 5, "nan"), "classification.hypofractionated_above_dose_per_fraction_gy", "outside 0.1"),
        (thresholds(8, 5, -2.2), "classification.hypofractionated_above_dose_per_fraction_gy", "outside 0.1"),
        (
            thresholds(8, 5, 5.1),
            "classification.hypofractionated_above_dose_per_fraction_gy",
            "above sbrt_min_dose_per_fraction_gy",
        ),
        (
            "[classification]\nsbrt_max_fractions = 8",
            "classification.sbrt_min_dose_per_fraction_gy",
            "missing",
        ),
        ("[classification]\nsbrt = 8", "classification.sbrt", "unknown key"),
        ('confirmed = ["Oesophag"]', "confirmed", "no such organ: Oesophag"),
        ('confirmed = "Esophagus"', "confirmed", "not a list"),
        ('same_patient = "yes"', "same_patient", "not true or false"),
        ("primary = 1", "primary", "not a text"),
        ('normalised_to = "D99 = 100"', "normalised_to", 'Write "D99% = 100%"'),
        ('normalised_to = "D20% = 100%"', "normalised_to", "D50% to D100%"),
        ('normalised_to = "D95% = 150%"', "normalised_to", "80 to 120 %"),
        ('normalised_to = "Heart D95% = 100%"', "normalised_to", "PTV, CTV, ITV or GTV"),
        ('[[lesion]]\nroi = "P"\nnormalised_to = "95%"', "lesion 1.normalised_to", "not what a prescription"),
        ('[[lesion]]\nroi = "P"\nsite = "spine"\nlevel = "C9"', "lesion 1.level", "Levels of spine: C, C3"),
        ('[[lesion]]\nroi = "P"\nsite = "lung"\nlevel = "L3"', "lesion 1.level", "spine, bone and node"),
        ('[[lesion]]\nroi = "P"\nlevel = "L3"', "lesion 1.level", "state the site"),
        ('[[lesion]]\nroi = "P"\nsite = "lung"\nliver_lesion = "primary"', "lesion 1.liver_lesion", "only a lesion"),
        ('[[lesion]]\nroi = "P"\nliver_lesion = "hcc"', "lesion 1.liver_lesion", "Allowed: primary, metastasis"),
        ('[[far]]\norgan = "Duodenum"\nname = "x"', "far 1.distance_mm", "missing"),
        ('[[far]]\norgan = "Duodenum"\nname = "x"\ndistance_mm = 49.9', "far 1.distance_mm", "outside 50"),
        ('[[far]]\norgan = "Duodenum"\ndistance_mm = 60', "far 1.name", "missing"),
        (
            '[[far]]\norgan = "Liver"\ndistance_mm = 60\nname = "x"\n[[absent]]\norgan = "Liver"\nreason = "y"',
            "far",
            "Liver is declared absent too",
        ),
        ('[[excuse]]\norgan = "Esophagus"\nreason = "x"', "excuse 1.organ", "Only for Kidney"),
        ('[[excuse]]\norgan = "Liver"', "excuse 1.reason", "missing"),
        ('sequence = "parallel"', "sequence", "Allowed: same_sessions, sequential"),
        ("intent =", "", "not TOML"),
        ('intent = "curative"\nintent = "palliative"', "", "not TOML"),
    ],
)
def test_a_wrong_case_file(tmp_path: Path, text: str, key: str, said: str) -> None:
    found = problems(tmp_path, text)
    assert any((f.startswith(f"key {key} ") if key else True) and said in f for f in found), found


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ('[[tables]]\ntable = "x"', "tables", "Did you mean table?"),
        ('[[table]]\nsite = "lung"', "table 1.table", "missing"),
        ('[[table]]\ntable = "x"\nfractions = [3, 5]', "table 1.fractions", "not a whole number"),
        ('[names]\n"OAR" = 5', "names.OAR", "not a text"),
        ('[required]\nlungs = ["Heart"]', "required.lungs", "no such site"),
        ('[required]\nlung = ["Hart"]', "required.lung", "no such organ: Hart"),
        ('[required]\nlung = "Heart"', "required.lung", "not a list"),
        ('[required]\nlung = ["Chestwall|Ribz"]', "required.lung", "no such organ"),
        ('[levels]\nHeart = "advisory"', "levels.Heart", "Allowed: mandatory, optimal"),
        ('[levels]\nHart = "optimal"', "levels.Hart", "no such organ"),
        ("[alpha_beta_gy]\nSpinalCord = 0", "alpha_beta_gy.SpinalCord", "outside 0.5 to 30"),
        ("keep_goals = 1", "keep_goals", "not true or false"),
        (
            '[[goal]]\ntarget = "PTV"\nmetric = "D95%[%]"\ncomparator = ">="\nlevel = "mandatory"',
            "goal 1.limit",
            "missing",
        ),
        (
            '[[goal]]\ntarget = "Heart"\nmetric = "x"\ncomparator = ">="\nlimit = 5\nlevel = "optimal"',
            "goal 1.target",
            "Allowed",
        ),
        ("[policy]\nnear.distance_mm = 5", "policy.near.distance_mm", "outside the range that a clinic may set"),
        ('[policy]\n"near.distance_mm" = 500', "policy.near.distance_mm", "20 to 100 mm"),
        ("[policy]\nnear.distance = 40", "policy.near.distance", "Did you mean near.distance_mm?"),
        ('[policy]\nnear.distance_mm = "40"', "policy.near.distance_mm", "not a number"),
        ("[policy]\nnear.distance_mm = nan", "policy.near.distance_mm", "outside"),
        ("[policy]\nnear.distance_mm = false", "policy.near.distance_mm", "no rule of the policy can be removed"),
        ("[policy]\nP1 = false", "policy.P1", "no rule of the policy can be removed"),
        ('[policy]\nP4 = "off"', "policy.P4", "no rule of the policy can be removed"),
        ("[policy]\nidentity = false", "policy.identity", "no rule of the policy can be removed"),
        ("[policy]\nsmall_organs.smaller_times = 2", "policy.small_organs.smaller_times", "is fixed"),
        (
            "[policy]\ntarget_dose.d98_marginal_percent = 108\ntarget_dose.d98_fail_percent = 106",
            "policy.target_dose.d98_marginal_percent",
            "contradict each other",
        ),
        ("same_patient = true", "same_patient", "Write it into the case file"),
        ('confirmed = ["Heart"]', "confirmed", "Write it into the case file"),
        ('normalised_to = "95"', "normalised_to", "not what a prescription covers"),
        (
            '[levels]\n"AAPM_TG101:Skin:5:D11cc[Gy]:optimal" = "mandatory"',
            "levels.AAPM_TG101:Skin:5:D11cc[Gy]:optimal",
            "no such row",
        ),
        (
            '[levels]\n"AAPM_TG101:Skin:5:D10cc[Gy]:optimal" = "off"',
            "levels.AAPM_TG101:Skin:5:D10cc[Gy]:optimal",
            "Allowed: mandatory, optimal",
        ),
        ('[levels]\nP1 = "optimal"', "levels.P1", "no such organ"),
        ('[required]\n"spine:L9" = ["Kidneys"]', "required.spine:L9", "Levels of spine: C, C3"),
        ('[required]\n"lung:T5" = ["Heart"]', "required.lung:T5", "lung has no levels"),
        (row(organ="Hart"), "row 1.organ", "unknown organ"),
        (row(unit="%"), "row 1.unit", "Write Gy"),
        (row(level="hard"), "row 1.level", "not an allowed value"),
        (row(comparator="="), "row 1.comparator", "not an allowed value"),
        (row(limit=2500), "row 1.limit", "Is it in cGy?"),
        (row(limit=-1), "row 1.limit", "outside 0"),
        (row(fractions=0), "row 1.fractions", "outside 1 to 60"),
        (row(table="tg_101"), "row 1.table", "no such shipped table"),
        (row(rule="x"), "row 1.rule", "unknown key"),
        (row() + row(limit=9), "row 2.limit", "row 1 has <= 10 Gy at the same level"),
        (row(level="mandatory") + row(limit=11), "row 2.limit", "looser than the mandatory one in row 1"),
        (row() + row(comparator=">=", limit=11), "row 1.limit", "no value keeps both"),
        (row(metric="V20", unit="%"), "row 1.metric", "cannot be read"),
        ('[[row]]\norgan = "Heart"', "row 1.limit", "missing"),
        (
            '[[goal]]\norgan = "Heart"\ntarget = "PTV"\nmetric = "Mean[Gy]"\ncomparator = "<="\nlimit = 5\nlevel = "optimal"',
            "goal 1.target",
            "not both",
        ),
    ],
)
def test_a_wrong_clinic_file(tmp_path: Path, text: str, key: str, said: str) -> None:
    found = problems(tmp_path, text, load_clinic)
    assert any(f.startswith(f"key {key} ") and said in f for f in found), found


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, 'intent = "x"\nsex = "y"\n[[lesion]]\nfractions = 0')) == 4


def test_a_clinics_goal_with_a_metric_that_cannot_be_read(tmp_path: Path) -> None:
    text = '[[goal]]\ntarget = "PTV"\nmetric = "D95"\ncomparator = ">="\nlimit = 95\nlevel = "optimal"'
    clinic = load_clinic(write(tmp_path, text))
    with pytest.raises(WrongUsageError) as error:
        clinic_goals(clinic.goals, file=clinic.file)
    assert [(p.code, p.tag, p.seen) for p in error.value.problems] == [("E-CONFIG", "key goal 1.metric", "D95")]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(WrongUsageError, match="E-CASE"):
            load_case(path)
    (tmp_path / "latin.toml").write_bytes(b'clinic = "Z\xfcrich"')
    with pytest.raises(WrongUsageError, match="UTF-8"):
        load_clinic(tmp_path / "latin.toml")
    (tmp_path / "deep.toml").write_text("x = " + "[" * 5000 + "]" * 5000, encoding="utf-8")
    with pytest.raises(WrongUsageError, match="E-CASE"):
        load_case(tmp_path / "deep.toml")


def test_a_hostile_key_is_shown_safely(tmp_path: Path) -> None:
    found = problems(tmp_path, '"a\\u001b[31m\\u202e" = 1')
    assert "\x1b" not in found[0]
    assert "\u202e" not in found[0]


_VALUES = st.one_of(
    st.booleans(), st.integers(-5, 99999), st.floats(), st.text(max_size=12), st.lists(st.integers(), max_size=2)
)
_TOML_KEYS = ["intent", "lesion", "absent", "disease", "plan", "sequence", "other"]


@settings(max_examples=120, deadline=None)
@given(key=st.sampled_from(_TOML_KEYS), value=_VALUES)
def test_any_value_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    shown = str(value).lower() if isinstance(value, bool | float) else str(value)
    text = f"{key} = {shown}" if not isinstance(value, str) else f"{key} = '{value}'"
    path = write(tmp_path_factory.getbasetemp(), text)
    codes: set[str] = set()
    case = None
    try:
        case = load_case(path)
    except WrongUsageError as error:
        codes = {p.code for p in error.problems}
    if case is None:
        assert codes == {"E-CASE"}
    else:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
        assert read in ({key: []}, {key: case.intent}, {key: case.sequence}, {key: ""})
