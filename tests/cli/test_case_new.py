"""``sbrtcheck case new`` and ``case schema``: what is written loads, holds no fact that nobody stated, and is complete."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from array_studies import ball, study, tube
from conftest import ROOT, SAMPLES
from hypothesis import example, given
from hypothesis import strategies as st

from sbrtcheck.cli.case_template import new_case_text, toml_text
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.judging.guideline import course_thresholds
from sbrtcheck.model import Study
from sbrtcheck.model.policy import NormalisedTo
from sbrtcheck.read.case_file import CaseFile, CaseLesion, load_case
from sbrtcheck.read.case_schema import case_schema, schema_text

# A line of the written file that states something once its # is taken away.
_FACT = re.compile(r"# (\[\[?\w+\]\]?|\w+ = .*)")


def load(text: str, folder: Path) -> CaseFile:
    path = folder / "case.toml"
    path.write_text(text, encoding="utf-8")
    return load_case(path)


def two_plans() -> Study:
    one = study(contours={"PTV": ball(15.0), "SpinalCord": tube(5.0, 25.0)}, label="plan A")
    (data,) = one.plans
    other = replace(data, plan=replace(data.plan, label='plan "B"', n_fractions=3))
    return replace(one, plans=(data, other))


def uncommented(text: str) -> str:
    return "\n".join(_FACT.sub(r"\1", line) if _FACT.match(line) else line for line in text.splitlines())


def test_the_written_file_loads_and_states_nothing_but_the_targets(tmp_path: Path) -> None:
    case = load(new_case_text(two_plans()), tmp_path)
    assert [x.roi for x in case.lesions] == ["PTV"]
    empty = CaseFile(file=case.file, sha256=case.sha256, lesions=case.lesions, plan_starts=case.plan_starts)
    assert case == empty
    assert all((x.site, x.location, x.prescription_gy, x.n_fractions) == ("", "", None, None) for x in case.lesions)


def test_every_commented_fact_loads_once_its_mark_is_taken_away(tmp_path: Path) -> None:
    text = uncommented(new_case_text(two_plans()))
    # What belongs to another site than the lung stands in the file too: one lesion cannot have both.
    elsewhere = [line for line in text.splitlines() if line.startswith(("level = ", "liver_lesion = "))]
    assert len(elsewhere) == 2
    case = load("\n".join(line for line in text.splitlines() if line not in elsewhere), tmp_path)
    for line, site in zip(elsewhere, ("spine", "liver"), strict=True):
        assert load(f'[[lesion]]\nroi = "PTV"\nsite = "{site}"\n{line}', tmp_path).lesions[0].site == site
    assert (case.intent, case.sex, case.sequence) == ("curative", "F", "sequential")
    (lesion,) = case.lesions
    covers = NormalisedTo("PTV", 99.0, 100.0, "D99% = 100%")
    assert lesion == CaseLesion("PTV", "lung", "central", 50.0, 5, early_stage_primary=True, normalised_to=covers)
    assert (case.primary, case.confirmed, case.same_patient) == ("NSCLC", ("Esophagus",), True)
    assert case.normalised_to == covers
    assert case.far
    assert case.excuses
    assert dict(case.plan_starts) == {"plan A": "2024-03-01", 'plan "B"': "2024-03-01"}
    assert case.same_lesion[0].plans == ("plan A", 'plan "B"')
    assert case.absent
    assert case.other_sites
    assert case.earlier
    assert case.deviations
    assert case.one_site
    assert case.disease.months_since_primary_diagnosis == 14
    assert case.disease.systemic_therapy_start == "2023-11-01"
    assert case.classification == course_thresholds()


def test_every_key_of_the_schema_stands_in_the_written_file() -> None:
    document = tomllib.loads(uncommented(new_case_text(two_plans())))
    schema = case_schema()["properties"]
    assert set(document) == set(schema)
    for key, value in schema.items():
        inner = value.get("items", value).get("properties")
        if inner:
            written = document[key][0] if isinstance(document[key], list) else document[key]
            assert set(written) == set(inner), key


def test_a_plan_without_a_target_says_so(tmp_path: Path) -> None:
    made = study(contours={"SpinalCord": tube(5.0, 25.0)}, prescriptions_gy={})
    text = new_case_text(made)
    assert "No PTV was recognised" in text
    assert load(text, tmp_path).lesions == ()


@pytest.mark.parametrize("name", ['PTV "1"', "PTV\\n", "PTV\u202e1", "PTV \u00e4\u00f6", "PTV\t1", "PTV # 2"])
def test_a_hostile_name_of_a_target_comes_back_as_it_is(name: str, tmp_path: Path) -> None:
    made = study(contours={name: ball(15.0)}, prescriptions_gy={name: 50.0})
    assert [x.roi for x in load(new_case_text(made), tmp_path).lesions] == [name]


@pytest.mark.parametrize("name", [" PTV", "PTV " + "x" * 300])
def test_a_name_that_the_reader_would_change_is_left_to_a_person(name: str, tmp_path: Path) -> None:
    made = study(contours={name: ball(15.0)}, prescriptions_gy={name: 50.0})
    text = new_case_text(made)
    assert "# [[lesion]]" in text
    assert load(text, tmp_path).lesions == ()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30))
@example('\x00\x1f"\\\x7f\x85\u2028\r\n')
def test_any_text_comes_back_from_toml(text: str) -> None:
    assert tomllib.loads(f"x = {toml_text(text)}") == {"x": text}


def test_the_command_writes_a_file_once(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    folder = SAMPLES / "two_lesions_3fx"
    assert run("case", "new", folder, "--output", path).code == 0
    assert {x.roi for x in load_case(path).lesions} == {"PTV1_5400", "PTV2_4500"}
    again = run("case", "new", folder, "--output", path)
    assert again.code == 2
    assert "E-OUTPUT" in again.err
    shown = run("case", "new", folder)
    assert shown.out == path.read_text(encoding="utf-8")
    assert "SBRTCHECK" not in shown.out
    assert run("case", "new", tmp_path / "nothing").code == 4


# ---- the schema


def test_the_published_schema_is_the_one_printed(run: Callable[..., Any]) -> None:
    published = (ROOT / "docs" / "case.schema.json").read_text(encoding="utf-8")
    assert published == schema_text() == run("case", "schema").out
    jsonschema.Draft202012Validator.check_schema(json.loads(published))


def test_the_documented_case_file_fits_the_schema() -> None:
    page = (ROOT / "docs" / "case.md").read_text(encoding="utf-8")
    text = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)[0]
    document = json.loads(json.dumps(tomllib.loads(text), default=lambda day: day.isoformat()))
    jsonschema.validate(document, case_schema())
    schema = case_schema()["properties"]
    assert set(document) == set(schema)
    wrong = [{"intend": "curative"}]
    wrong += [{"lesion": [{"roi": "PTV", "early_stage_primary": flag}]} for flag in ("yes", 1, None)]
    edges = document["classification"]
    wrong += [{"classification": {**edges, "sbrt_max_fractions": n}} for n in (0, 8.5, "8", None)]
    wrong += [{"classification": {**edges, "sbrt_min_dose_per_fraction_gy": d}} for d in (0, "5")]
    wrong += [{"classification": {"sbrt_max_fractions": 8}}]
    for changes in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document | changes, case_schema())


@pytest.mark.parametrize("key", ["", *case_schema()["properties"]])
def test_the_schema_has_the_keys_that_the_reader_knows(key: str, tmp_path: Path) -> None:
    """The reader lists what it knows when a key is far from all of them."""
    schema = case_schema()["properties"]
    known = set(schema)
    head = ""
    if key:
        inner = schema[key].get("items", schema[key])
        if "properties" not in inner:
            return
        known = set(inner["properties"])
        head = f"[[{key}]]\n" if "items" in schema[key] else f"[{key}]\n"
    with pytest.raises(WrongUsageError) as error:
        load(f"{head}zqxw9 = 1\n", tmp_path)
    (remedy,) = [p.remedy for p in error.value.problems if p.tag.endswith("zqxw9")]
    assert set(remedy.removeprefix("Known here: ").split(", ")) == known
