"""Every rule identifier that a report can carry is explained, and docs/policy.md is what the data say."""

from __future__ import annotations

import importlib.util
import re
import sys
from types import ModuleType

import pytest
from conftest import ROOT

from sbrtcheck.tables.guideline import load_guideline
from sbrtcheck.tables.neighbours import load_neighbours
from sbrtcheck.tables.organ_tables import load_tables
from sbrtcheck.tables.policy import load_policy
from sbrtcheck.tables.policy_rows import coverage_goals
from sbrtcheck.tables.rule_ids import explain_rule, prevented, rules_in_words
from sbrtcheck.tables.target_goals import load_target_goals

# An identifier as it begins in the source: rule_id="site:unknown", rule_id=f"required:{requirement}".
_WRITTEN = re.compile(r'rule_id=f?"([a-z_]+:?[a-z_]*)')


@pytest.fixture(scope="module")
def page_maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_policy", ROOT / "docs" / "build_policy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_policy"] = module
    spec.loader.exec_module(module)
    return module


def test_every_row_goal_rule_and_value_is_explained() -> None:
    ids = [row.rule_id for table in load_tables().values() for row in table.rows if row.level is not None][::7]
    ids += [g.rule_id for g in (*coverage_goals(load_policy()), *load_target_goals())]
    ids += [r.id for r in load_guideline().rules] + [f.id for f in load_neighbours()]
    ids += [*rules_in_words(), *load_policy().entries]
    for rule_id in ids:
        found = explain_rule(rule_id)
        assert found is not None, rule_id
        assert found.rule_id == rule_id
        assert all((found.what, found.says, found.source, found.what_to_do)), rule_id


def test_every_identifier_that_the_program_makes_is_explained() -> None:
    written = set()
    for path in sorted((ROOT / "sbrtcheck").rglob("*.py")):
        written |= set(_WRITTEN.findall(path.read_text(encoding="utf-8")))
    assert {"required:", "site:unknown", "cumulative:earlier:"} & written
    assert [w for w in sorted(written) if explain_rule(w) is None] == []


def test_an_organ_row_says_its_number_and_where_it_was_read() -> None:
    found = explain_rule("TIMMERMAN_2022:Liver:5:CV21.5Gy[cc]:mandatory")
    assert found is not None
    assert found.says == "Liver in 5 fractions: CV21.5Gy[cc] >= 700 cc, or 1/3 of the whole organ where that is more"
    more = dict(found.more)
    assert more["read at"].startswith("https://")
    assert more["judged as"] == "mandatory; the source says unspecified"
    assert more["how far to trust it"].startswith("cross-checked transcription")


def test_a_row_that_supplies_says_so() -> None:
    found = explain_rule("UK_SABR_2022:Liver:5:Mean[Gy]:mandatory")
    assert found is not None
    assert "P3" in dict(found.more)["supplement"]
    other = explain_rule("UK_SABR_2022:Rectum:5:D0.1cc[Gy]:mandatory")
    assert other is None or "supplement" not in dict(other.more)


def test_a_value_says_its_range_and_how_to_change_it() -> None:
    found = explain_rule("policy:target_dose.d98_marginal_percent")
    assert found is not None
    assert dict(found.more)["value"] == "105 %, a clinic may set 102 to 108"
    assert "[policy] target_dose.d98_marginal_percent = 105" in found.what_to_do
    fixed = explain_rule("levels.cord_3_fail_gy")
    assert fixed is not None
    assert fixed.what_to_do == "It is fixed"
    assert fixed.source == "HYTEC_2021:SpinalCord:3:D0.035cc[Gy]:mandatory"


@pytest.mark.parametrize(
    "text", ["", "nonsense", "P99", "AAPM_TG101:SpinalCord:5:D9cc[Gy]:mandatory", "near.", "é\u202e"]
)
def test_what_stands_for_nothing_is_said_to(text: str) -> None:
    assert explain_rule(text) is None


def test_what_the_rules_prevent_names_rules_of_the_policy() -> None:
    assert len(prevented()) >= 20
    for plan in prevented():
        assert set(plan.rules) <= set(rules_in_words())
        assert plan.was != plan.now


def test_the_page_is_up_to_date(page_maker: ModuleType) -> None:
    page = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    assert page == page_maker.render(), "run: python docs/build_policy.py"
    for entry in load_policy().entries.values():
        assert f"| `{entry.key}` |" in page
    assert page.count("\n## ") == len(rules_in_words()) + 1
