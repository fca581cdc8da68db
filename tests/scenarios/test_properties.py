"""What must hold for every plan, at the judging seam: more dose to organs, less to targets, less drawn, less volume
and more of an earlier course never make a verdict better.

SBRTCHECK_PROPERTY_EXAMPLES: examples a property (34; `make fuzz`: 10,000). The same through the whole engine:
SBRTCHECK_ENGINE_EXAMPLES (0; `make long`: 100).
"""

from __future__ import annotations

import os
from functools import cache, partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sbrtcheck import Outcome, RefusedError, Report, check_study
from sbrtcheck.course.judge import judge_course
from sbrtcheck.dvh import histogram, threads
from sbrtcheck.judging.requirements import requirements
from sbrtcheck.model import FindingKind
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.read.case_file import CaseFile, EarlierDose
from sbrtcheck.tables.organs import split_side
from sbrtcheck.tables.policy import load_policy
from scenarios import once, seam
from scenarios.phantom import Cut, Scene
from scenarios.record import GOOD
from scenarios.seam import Known, Verdict, judged, rank
from scenarios.test_scenarios import BY_NAME, check_scenario, scenes

EXAMPLES = int(os.environ.get("SBRTCHECK_PROPERTY_EXAMPLES", "34"))
ENGINE_EXAMPLES = int(os.environ.get("SBRTCHECK_ENGINE_EXAMPLES", "0"))
WITHOUT_END = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
}
seam_settings = settings(max_examples=EXAMPLES, **WITHOUT_END)
engine_settings = settings(max_examples=max(ENGINE_EXAMPLES, 1), **WITHOUT_END)
in_engine = pytest.mark.skipif(not ENGINE_EXAMPLES, reason="SBRTCHECK_ENGINE_EXAMPLES is not set")

# Good and dangerous plans of every site and of 1, 2, 3, 5 and 8 fractions.
NAMES = (
    "lung peripheral 54 in 3",
    "lung central 50 in 5 within TG-101",
    "lung V20 of 12 percent",
    "liver 50 in 5 cut back at bowel",
    "adrenal 40 in 5 beside the duodenum",
    "spine T8 24 in 2",
    "bone ilium 30 in 3",
    "node pelvic with bowel and bladder in the target",
)
ORGAN_KINDS = (FindingKind.ORGAN_LIMIT,)
SPARED = ("Lungs", "Lungs-GTV", "Liver", "Liver-GTV", "Kidneys", "Kidney_Cortex")
TARGETS = ("PTV", "GTV", "CTV", "ITV", "BODY")
UNIONS = {"Lung": "Lungs", "Kidney": "Kidneys", "Trachea": "ProximalBronchialTree"}
plans = st.sampled_from(NAMES)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads cost more than they bring, and what stays as it is is computed once."""
    monkeypatch.setattr(threads, "N_THREADS", 1)
    monkeypatch.setattr(histogram, "compute_dvh", once.remembering())


@cache
def base(name: str) -> Known:
    return seam.known(scenes(name)[0], BY_NAME[name].options.get("sites", {}))  # type: ignore[arg-type]


@cache
def base_verdict(name: str) -> Verdict:
    return judged(base(name).doses)


def organs_of(name: str) -> list[str]:
    return [roi for roi in base(name).scene.solids if not roi.startswith(TARGETS)]


@seam_settings
@given(plans, st.floats(0.5, 2.5), st.floats(1.0, 1.6))
def test_more_dose_never_makes_the_organs_better(name: str, at: float, more: float) -> None:
    low = judged(seam.scaled_by(base(name).doses, at))
    high = judged(seam.scaled_by(base(name).doses, at * more))
    assume(low.outcome is not Outcome.REFUSED)
    assert high.worst_of(*ORGAN_KINDS) >= low.worst_of(*ORGAN_KINDS), f"{low.said()} -> {high.said()}"


@seam_settings
@given(plans, st.floats(0.6, 1.0), st.floats(0.6, 1.0))
def test_less_dose_never_makes_the_targets_better(name: str, at: float, less: float) -> None:
    """From the prescription downwards, where targets alone decide.

    One exception is the policy's own: an organ that comes back within its limit may excuse what it did not before.
    """
    high = judged(seam.scaled_by(base(name).doses, at))
    low = judged(seam.scaled_by(base(name).doses, at * less))
    assume(high.worst_of(FindingKind.TARGET_GOAL) > high.worst_of(*ORGAN_KINDS))
    assume(excused(low) <= excused(high))
    assert rank(low.outcome) >= high.worst_of(FindingKind.TARGET_GOAL), f"{high.said()} -> {low.said()}"


def excused(verdict: Verdict) -> set[str]:
    """The goals that are missed with an excuse."""
    return {f.rule_id for f in verdict.findings if f.note.startswith("excused")}


def without_organ(scene: Scene, roi: str, how: str) -> Scene:
    """The scene with one structure removed, under a name that says nothing, or drawn away from the target."""
    if how == "removed":
        return scene.without(roi)
    if how == "renamed":
        return scene.renamed(**{roi: "Struct_a"})
    solid = scene.solids[roi]
    low, high = solid.bounds[:, 2]
    return scene.with_(**{roi: Cut(solid, low=low + 0.8 * (high - low))})


@seam_settings
@given(plans, st.data(), st.sampled_from(("removed", "renamed")), st.floats(0.9, 2.0))
def test_an_organ_that_is_not_drawn_never_makes_a_pass(name: str, data: st.DataObject, how: str, factor: float) -> None:
    """Whether required or not: what made the plan no pass was another organ, or it is missed now."""
    roi = data.draw(st.sampled_from(organs_of(name)))
    before = judged(seam.scaled_by(base(name).doses, factor))
    assume(rank(before.outcome) > rank(Outcome.PASS_WITH_VARIATION))
    changed = seam.redrawn(base(name), without_organ(base(name).scene, roi, how))
    after = judged(seam.scaled_by(changed, factor))
    if rank(after.outcome) <= rank(Outcome.PASS_WITH_VARIATION):
        assert not is_required(name, roi), f"{roi} {how}: {before.said()} -> {after.outcome}"


def is_required(name: str, roi: str) -> bool:
    """Whether the plan asks for the organ, or a part of what it asks for, that this structure stands for."""
    organ = split_side(roi)[0]
    return bool({organ, UNIONS.get(organ, organ)} & required_of(name))


@cache
def required_of(name: str) -> frozenset[str]:
    """Every organ that one of the plan's requirements names."""
    return asked_of(base(name).doses)


def asked_of(doses: PlanDoses) -> frozenset[str]:
    return frozenset(o for asked in requirements(doses, load_policy()).required for o in asked.split("|"))


@seam_settings
@given(plans, st.data(), st.floats(0.9, 2.0))
def test_an_empty_organ_never_makes_a_pass(name: str, data: st.DataObject, factor: float) -> None:
    organs = sorted(o for o in base(name).doses.subjects if "+" not in o and not o.endswith("-GTV"))
    organ = data.draw(st.sampled_from(organs))
    before = judged(seam.scaled_by(base(name).doses, factor))
    assume(rank(before.outcome) > rank(Outcome.PASS_WITH_VARIATION))
    after = judged(seam.scaled_by(seam.emptied(base(name).doses, organ), factor))
    if rank(after.outcome) <= rank(Outcome.PASS_WITH_VARIATION):
        assert organ not in required_of(name), f"{organ}: {before.said()} -> {after.outcome}"


@seam_settings
@given(plans, st.floats(0.3, 1.0), st.floats(0.3, 1.0), st.floats(0.8, 2.0))
def test_a_smaller_organ_never_spares_more(name: str, size: float, smaller: float, factor: float) -> None:
    doses = seam.scaled_by(base(name).doses, factor)
    large = judged(seam.shrunk(doses, SPARED, size))
    small = judged(seam.shrunk(doses, SPARED, size * smaller))
    assert small.worst_of(*ORGAN_KINDS) >= large.worst_of(*ORGAN_KINDS), f"{large.said()} -> {small.said()}"


NEW_NAMES = (
    "PTV",
    "PTV_1",
    "PTV_high",
    "PTV_final",
    "PTV_L",
    "PTV_R",
    "PTV_lung",
    "PTV_liver",
    "PTV_T4",
    "PTV_L2",
    "PTV_S1",
    "PTV_adrenal_R",
    "PTV_node_groin",
    "PTV_node",
    "PTV_bone",
    "PTV_rib",
)


@seam_settings
@given(plans, st.sampled_from(NEW_NAMES))
def test_a_renamed_target_loses_no_organ_unless_its_site_changes(name: str, new: str) -> None:
    """The site, its level or its side: what the report shows of a lesion."""
    (old,) = list(base(name).scene.prescriptions_gy)[:1]
    changed = seam.redrawn(base(name), base(name).scene.renamed(**{old: new}))
    if shown_of(changed) == shown_of(base(name).doses):
        assert asked_of(changed) >= required_of(name)


def shown_of(doses: PlanDoses) -> list[tuple[object, ...]]:
    return [(x.site, x.levels, x.laterality) for x in doses.lesions]


@cache
def judged_course(name: str, organ: str, earlier_gy: float, n_fractions: int) -> int:
    """Rank of the worst that the course adds, with so much of an earlier course."""
    earlier = (EarlierDose(organ, "Max[Gy]", earlier_gy, n_fractions, "2022-03-01"),) if earlier_gy else ()
    case = CaseFile(file="case.toml", sha256="", earlier=earlier)
    result = judge_course([base(name).doses], case=case, clinic=None, absent={})
    return max((rank(f.consequence) for f in result.findings), default=0)


@seam_settings
@given(
    plans,
    st.sampled_from(("SpinalCord", "Esophagus", "Heart", "GreatVes", "ProximalBronchialTree", "Rectum", "Stomach")),
    st.floats(0.0, 60.0).map(partial(round, ndigits=1)),
    st.floats(0.0, 30.0).map(partial(round, ndigits=1)),
    st.sampled_from((5, 15, 25, 30)),
)
def test_more_of_an_earlier_course_never_makes_it_better(
    name: str, organ: str, gy: float, more_gy: float, n_fractions: int
) -> None:
    less = judged_course(name, organ, gy, n_fractions)
    more = judged_course(name, organ, round(gy + more_gy, 1), n_fractions)
    assert more >= less


@cache
def engine_report(name: str) -> Report:
    return check_scenario(BY_NAME[name], Path())


# Plans of their own that are no pass, so that less drawn or more dose could make them one.
ENGINE_NAMES = tuple(
    s.name
    for s in BY_NAME.values()
    if not s.case and not s.options and len(scenes(s.name)) == 1 and not s.expected & GOOD
)


def outcome_of(scene: Scene) -> Outcome:
    try:
        return check_study(scene.study()).outcome
    except RefusedError:
        return Outcome.REFUSED


@pytest.mark.long
@in_engine
@engine_settings
@given(st.sampled_from(ENGINE_NAMES), st.data(), st.sampled_from(("removed", "renamed", "shortened")))
def test_an_organ_less_never_makes_a_pass_in_the_engine(name: str, data: st.DataObject, how: str) -> None:
    before = engine_report(name).outcome
    assume(rank(before) > rank(Outcome.PASS_WITH_VARIATION))
    scene = scenes(name)[0]
    roi = data.draw(st.sampled_from([r for r in scene.solids if not r.startswith(TARGETS)]))
    after = outcome_of(without_organ(scene, roi, how))
    if rank(after) <= rank(Outcome.PASS_WITH_VARIATION):
        asked = asked_of(seam.known(scene, {}).doses)
        assert not {split_side(roi)[0], UNIONS.get(split_side(roi)[0], "")} & asked, f"{roi} {how}: {before} -> {after}"


@pytest.mark.long
@in_engine
@engine_settings
@given(st.sampled_from(ENGINE_NAMES), st.floats(1.02, 1.5))
def test_more_dose_never_makes_a_plan_that_fails_by_its_organs_better_in_the_engine(name: str, factor: float) -> None:
    before = engine_report(name)
    by_organs = [f for f in before.findings if f.kind is FindingKind.ORGAN_LIMIT and f.consequence is before.outcome]
    assume(by_organs and rank(before.outcome) > rank(Outcome.PASS_WITH_VARIATION))
    assert rank(outcome_of(scenes(name)[0].scaled(factor))) >= rank(before.outcome)
