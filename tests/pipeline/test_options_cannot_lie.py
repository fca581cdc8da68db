"""Facts never contradict the files, choices have the default beside them, presentation changes nothing.

Every option of ``sbrtcheck check`` is run against sample plans: one of each outcome as a rule, all of them with
``SBRTCHECK_ALL_SAMPLES=1``, as ``make long`` does. What an option does not touch is computed once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutations import mini

from sbrtcheck import check_study
from sbrtcheck import pipeline as assemble
from sbrtcheck.cli.check import check_command
from sbrtcheck.course import plans as course_plans
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.judging import plan_result
from sbrtcheck.model import MatchedBy, Outcome, Report, Role, Study
from sbrtcheck.read import read_folder
from sbrtcheck.read.clinic_file import load_clinic
from sbrtcheck.report import render_csv, render_html, render_json, render_text
from sbrtcheck.tables.organ_tables import load_table, table_names

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2] / "sample_plans"
ALL_SAMPLES = sorted(p.parent.name for p in ROOT.glob("*/expected.json"))
FEW_SAMPLES = ("adrenal_45_5", "apex_50_5", "no_esophagus_60_8")
SAMPLES = ALL_SAMPLES if os.environ.get("SBRTCHECK_ALL_SAMPLES") else FEW_SAMPLES
RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}

EXPENSIVE = (
    (course_plans, "compute_plan"),
    (assemble, "judge_course"),
    (course_plans, "with_locations"),
    (plan_result, "target_surfaces"),
    (plan_result, "conformity"),
    (plan_result, "global_maximum"),
    (plan_result, "v105_outside"),
    (plan_result, "agreement_rows"),
    (plan_result, "structure_reports"),
    (plan_result, "lesion_reports"),
)

# Every option of the command and what kind it is; a new option must be put here, and tested below.
FACTS = {"fractions", "prescriptions", "sites", "roi_map", "case_file", "same_patient", "fraction_group", "sum_beams"}
CHOICES = {"table", "config", "no_config", "interpolation", "derive"}
PRESENTATION = {"also", "strict", "pseudonymise", "format_", "output", "force"}


def test_every_option_is_of_one_kind() -> None:
    options = {p.name for p in check_command.params} - {"inputs"}
    assert options == FACTS | CHOICES | PRESENTATION


@dataclass
class Sample:
    """A sample that was read once; equal calls of the expensive steps are answered from memory."""

    name: str
    study: Study
    memory: dict[Any, Any] = field(default_factory=dict)

    def check(self, **options: Any) -> Report:
        """A check of the sample with these options."""
        with mini.coarse():
            return check_study(self.study, **options)


def _remembering(function: Callable[..., Any], memory: dict[Any, Any]) -> Callable[..., Any]:
    """The function, computed once for the same arguments: records by identity, facts and options by value."""

    def key(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return tuple(key(v) for v in value)
        if isinstance(value, dict):
            return tuple((k, key(v)) for k, v in sorted(value.items()))
        if isinstance(value, str | int | float | bool | frozenset) or value is None or "Given" in type(value).__name__:
            return repr(value)
        return id(value)

    def call(*args: Any, **kwargs: Any) -> Any:
        named = {k: v for k, v in kwargs.items() if k != "progress"}
        place = (function.__name__, key(args), tuple((k, key(v)) for k, v in sorted(named.items())))
        if place not in memory:
            # The arguments are kept, so that no identity is given to another record.
            memory[place] = (function(*args, **kwargs), args, kwargs)
        return memory[place][0]

    return call


@contextmanager
def _opened(name: str) -> Iterator[Sample]:
    found = Sample(name, read_folder(ROOT / name))
    with pytest.MonkeyPatch.context() as patch:
        for module, step in EXPENSIVE:
            patch.setattr(module, step, _remembering(getattr(module, step), found.memory))
        yield found


def _verdicts(report: Report) -> list[tuple[Any, ...]]:
    return [(f.rule_id, f.verdict, f.value, f.consequence) for f in report.findings if f.kind.value != "other_source"]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_option_on_a_sample(name: str, tmp_path: Path) -> None:
    with _opened(name) as sample:
        _presentation_changes_nothing(sample)
        _a_table_has_the_default_beside_it(sample)
        _a_clinic_file_has_the_default_beside_it(sample, tmp_path)
        _facts_that_contradict_the_files_are_refused(sample, tmp_path)


def test_a_sample_of_each_main_outcome_is_among_the_few() -> None:
    outcomes = {json.loads((ROOT / n / "expected.json").read_text(encoding="utf-8"))["outcome"] for n in FEW_SAMPLES}
    assert {"PASS", "FAIL", "INCOMPLETE"} <= outcomes


def _presentation_changes_nothing(sample: Sample) -> None:
    base = sample.check()
    strict = sample.check(strict=True)
    assert (strict.outcome, _verdicts(strict)) == (base.outcome, _verdicts(base))
    assert strict.exit_code == (1 if base.outcome is Outcome.PASS_WITH_VARIATION else base.exit_code)
    beside = sample.check(also=tuple(table_names()))
    assert (beside.outcome, beside.exit_code, beside.default_outcome) == (
        base.outcome,
        base.exit_code,
        base.default_outcome,
    )
    hidden = sample.check(pseudonymise=True)
    assert (hidden.outcome, hidden.exit_code) == (base.outcome, base.exit_code)
    assert [v[1:] for v in _verdicts(hidden)] == [v[1:] for v in _verdicts(base)]
    for render in (render_text, render_json, render_csv):
        for report in (base, beside, hidden):
            assert report.outcome.value in render(report)
    assert beside.outcome.value in render_html(beside)
    assert json.loads(render_json(base))["exit_code"] == base.exit_code


def _default_beside(report: Report, base: Report) -> None:
    """The default's outcome in the record, the JSON and the first lines of the text."""
    assert report.default_outcome is base.outcome
    assert json.loads(render_json(report))["default_outcome"] == base.outcome.value
    if report.outcome is not base.outcome:
        first = "\n".join(render_text(report).splitlines()[:5])
        assert base.outcome.value in first, first


def _a_table_has_the_default_beside_it(sample: Sample) -> None:
    base = sample.check()
    deciding = [n for n in table_names() if load_table(n).may_decide]
    # Each sample takes its share of the tables.
    share = deciding[ALL_SAMPLES.index(sample.name) % 5 :: 5]
    assert len(share) > 1
    for name in share:
        _default_beside(sample.check(table=name), base)
    report, derived = sample.check(table=share[0]), sample.check(table=share[0], derive=True)
    _default_beside(derived, base)
    if derived.outcome is not report.outcome:
        assert RANK[derived.outcome] >= RANK[Outcome.MARGINAL], "derived limits are never better than MARGINAL"
    comparing = next(n for n in table_names() if not load_table(n).may_decide)
    with pytest.raises(WrongUsageError) as caught:
        sample.check(table=comparing)
    assert caught.value.problems[0].code == "E-TABLE-COMPARE"
    with pytest.raises(WrongUsageError) as caught:
        sample.check(table="no_such_table")
    assert caught.value.problems[0].code == "E-TABLE-UNKNOWN"


def _a_clinic_file_has_the_default_beside_it(sample: Sample, tmp_path: Path) -> None:
    base = sample.check()
    organs = sorted(
        {f.organ for f in base.findings if f.kind.value == "organ_limit" and "+" not in f.organ and f.organ}
    )
    organs = [o for o in organs if not o.endswith("-GTV")]
    path = tmp_path / "clinic.toml"
    path.write_text("keep_goals = false\n[levels]\n" + "".join(f'{o} = "optimal"\n' for o in organs), encoding="utf-8")
    report = sample.check(clinic=load_clinic(path))
    _default_beside(report, base)
    assert any(f.name == "clinic file" for f in report.facts)


def _contradicted(report: Report) -> None:
    assert (report.outcome, report.exit_code) == (Outcome.REFUSED, 4)
    assert {p.code for p in report.errors} == {"E-CONTRADICTS"}


def _facts_that_contradict_the_files_are_refused(sample: Sample, tmp_path: Path) -> None:
    base = sample.check()
    planned = {p.n_fractions for p in base.plans}
    _contradicted(sample.check(fractions=max(n for n in planned if n) + 2))
    lesion = base.lesions[0].lesion
    organs = [
        s.roi
        for s in base.structures
        if s.role is Role.ORGAN and s.matched_by is MatchedBy.NAME and sample.study.plans[0].structures.roi(s.roi)
    ]
    texts = [f'[[lesion]]\nroi = "{lesion.ptv}"\nfractions = 40\n']
    if sample.study.patient.sex in {"M", "F"}:
        texts.append(f'sex = "{"F" if sample.study.patient.sex == "M" else "M"}"\n')
    for roi in organs[:1]:
        for target in ("none", "Rectum"):
            _contradicted(sample.check(roi_map={roi: target}))
        found = next(s.organ for s in base.structures if s.roi == roi)
        texts.append(f'[[absent]]\norgan = "{found}"\nreason = "said so"\n')
    away = sample.check(roi_map={lesion.ptv: "none"})
    if lesion.linked_by.startswith("ROI number"):
        _contradicted(away)
    else:
        # The plan names no ROI: whether this was the target, the files leave open.
        assert away.exit_code in {1, 3, 4}
        assert "E-CONTRADICTS" in {p.code for p in away.errors}
    for number, text in enumerate(texts):
        case = tmp_path / f"case{number}.toml"
        case.write_text(text, encoding="utf-8")
        _contradicted(sample.check(case=case))
    for wrong in (
        {"roi_map": {"no such ROI": "Heart"}},
        {"sites": {"no such ROI": "lung"}},
        {"sites": {"": "moon"}},
        {"roi_map": {lesion.ptv: "no such organ"}},
    ):
        with pytest.raises(WrongUsageError):
            sample.check(**wrong)


# On the small plans, where nothing needs to be remembered, the rest of every option.


def _mini(base: str, folder: Path, **options: Any) -> Report:
    return mini.check_files(folder, mini.files(base), **options)


@pytest.mark.parametrize("base", ["passing", "failing", "incomplete"])
def test_facts_that_agree_change_nothing_and_are_printed(base: str, tmp_path: Path) -> None:
    plain = mini.reference(base)
    case = tmp_path / "case.toml"
    case.write_text('sex = "M"\n[[lesion]]\nroi = "PTV"\nsite = "node"\nprescription_gy = 54\nfractions = 3\n')
    agreeing: tuple[dict[str, Any], ...] = (
        {"fractions": 3},
        {"prescriptions": {"PTV": 54.0}},
        {"sites": {"PTV": "node"}},
        {"roi_map": {"PTV": "PTV", "SpinalCord": "SpinalCord"}},
        {"case": case},
    )
    for number, options in enumerate(agreeing):
        report = _mini(base, tmp_path / str(number), **options)
        assert report.outcome is plain.outcome, options
        # A case file adds lines about the course; what was there stays.
        assert set(_verdicts(plain)) <= set(_verdicts(report))
        assert "case" in options or _verdicts(report) == _verdicts(plain)
    shown = {(f.name, f.origin) for f in report.facts}
    assert any(name == "case file" for name, _ in shown)


@pytest.mark.parametrize("base", ["passing", "failing", "incomplete"])
def test_no_fact_makes_a_better_answer(base: str, tmp_path: Path) -> None:
    """Whatever is claimed of a plan that says everything itself, the answer is the same or worse."""
    plain = mini.reference(base)
    names = list(mini.rois(base))
    claims: list[dict[str, Any]] = [
        {"fractions": 8},
        {"prescriptions": {"PTV": 30.0}},
        {"prescriptions": {"GTV": 54.0}},
        {"sites": {"": "other"}},
        *({"roi_map": {name: "none"}} for name in names),
        *({"roi_map": {name: "Rectum"}} for name in names if name not in {"PTV", "GTV"}),
    ]
    for number, options in enumerate(claims):
        report = _mini(base, tmp_path / str(number), **options)
        assert RANK[report.outcome] >= RANK[plain.outcome], (options, report.outcome)
        assert plain.exit_code == 0 or report.exit_code != 0


def test_every_fact_is_printed_with_its_origin(tmp_path: Path) -> None:
    report = _mini("passing", tmp_path, sites={"PTV": "node:neck"}, roi_map={"BrachialPlexus": "BrachialPlexus"})
    facts = {f.name: (f.value, f.origin) for f in report.facts}
    assert facts["site of PTV"][0] == "node"
    assert "given" in facts["site of PTV"][1]
    assert facts["ROI BrachialPlexus"][1] == "name map"
    page = render_text(report)
    for name, (value, origin) in facts.items():
        assert name in page
        assert value.split()[0] in page
        assert origin.split()[0] in page


def test_interpolation_has_the_default_beside_it(tmp_path: Path) -> None:
    """A dose that is only met where it is read linearly is not met."""
    plain = mini.reference("failing")
    report = _mini("failing", tmp_path, interpolation="linear")
    assert report.default_outcome is plain.outcome
    values = {f.rule_id: f.value for f in plain.findings if f.kind.value == "target_goal"}
    changed = [f for f in report.findings if f.rule_id in values and f.value != values[f.rule_id]]
    assert changed, "linear interpolation is expected to give other numbers"


def test_clinic_file_is_only_found_where_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sbrtcheck import check

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nowhere"))
    folder = mini.write(tmp_path / "in", mini.files("failing"))
    (folder / "clinic.toml").write_text('[levels]\nSpinalCord = "optimal"\n', encoding="utf-8")
    with mini.coarse():
        found, ignored = check(folder), check(folder, find_config=False)
    assert ignored.outcome is Outcome.FAIL
    assert found.default_outcome is Outcome.FAIL
    assert "FAIL" in "\n".join(render_text(found).splitlines()[:5])
    assert re.search(r"clinic file", render_text(found))


def test_no_target_can_be_mapped_away_where_the_plan_names_no_roi(tmp_path: Path) -> None:
    """Two doses, no ROI, two PTVs, one of them missed: what is left for the second dose when its PTV is away?"""
    rois = dict(mini.rois())
    rois["PTV_4500"] = ("PTV", [loop + np.array([0.0, 20.0, 0.0]) for loop in rois.pop("PTV")[1]])
    rois["PTV_5400"] = mini.rois()["PTV"]
    plan = mini.plan(targets={1: 54.0, 2: 45.0})
    for reference in plan.DoseReferenceSequence:
        reference.DoseReferenceStructureType = "SITE"
        del reference.ReferencedROINumber
    files = {**mini.files(), "rp.dcm": plan, "rs.dcm": mini.structures(only=rois)}
    both = mini.check_files(tmp_path / "both", files)
    assert both.exit_code != 0
    for number, target in enumerate(("none", "GTV")):
        away = mini.check_files(tmp_path / str(number), files, roi_map={"PTV_4500": target})
        assert away.exit_code != 0
        assert [p.object for p in away.errors if p.code == "E-CONTRADICTS"] == ["PTV_4500"]
    one = mini.plan()
    one.DoseReferenceSequence[0].DoseReferenceStructureType = "SITE"
    del one.DoseReferenceSequence[0].ReferencedROINumber
    # One dose and two PTVs: which of them it is for, the plan leaves open, and a name map may say.
    said = mini.check_files(tmp_path / "one", {**files, "rp.dcm": one}, roi_map={"PTV_4500": "none"})
    assert "E-CONTRADICTS" not in {p.code for p in said.errors}
    assert ("ROI PTV_4500", "unmatched") in {(f.name, f.value) for f in said.facts}


def test_a_dose_stated_for_what_is_no_target_is_not_passed_over(tmp_path: Path) -> None:
    """A helper's name means no target; whoever states a dose for it means one."""
    rois = {**mini.rois(), "PTV_cold": ("PTV", [loop + np.array([0.0, 20.0, 0.0]) for loop in mini.rois()["PTV"][1]])}
    files = {**mini.files(), "rs.dcm": mini.structures(only=rois)}
    assert mini.check_files(tmp_path / "1", files).outcome is Outcome.PASS
    said = mini.check_files(tmp_path / "2", files, prescriptions={"PTV": 54.0, "PTV_cold": 54.0})
    assert said.outcome is Outcome.INCOMPLETE
    assert any("54 Gy is stated for PTV_cold" in f.note for f in said.findings)
