"""What a site asks for: a missing organ is INCOMPLETE, one that a landmark excuses or that lies elsewhere is not."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from unittest import mock

import pytest
from conftest import SAMPLES
from given_doses import Loops, compute, judged, solid, sparing

from sbrtcheck.anatomy import found_once as shared_shapes
from sbrtcheck.dvh import Structure, build_structure
from sbrtcheck.model import Finding, FindingKind, Outcome, PlanData, RegionRule
from sbrtcheck.plan import doses as plan_check
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.read import read_folder
from sbrtcheck.tables.organs import load_organs, load_regions

SITES = ("lung", "spine", "liver", "adrenal", "bone", "node")
RULES = [r for r in load_regions() if r.requirement != "not_asked"]
ELSEWHERE = {
    "lung": "Rectum",
    "spine": "Rectum",
    "liver": "Larynx",
    "adrenal": "Larynx",
    "bone": "Larynx",
    "node": "Eye",
}


def anatomy(site: str, *, near: bool) -> dict[str, Loops]:
    """A target, landmarks near to it or far from it, and every organ that the site asks for, out of the way."""
    if near:
        body, lungs = (26.0, 26.0, 60.0), ((26.0, 0.0, 8.0), (8.0, 20.0, 35.0))
    else:
        body, lungs = (160.0, 160.0, 200.0), ((95.0, 0.0, 0.0), (15.0, 30.0, 90.0))
    (x, y, z), half = lungs
    out = {
        "PTV": solid((0, 0, 0), (10, 10, 10)),
        "GTV": solid((0, 0, 0), (6, 6, 6)),
        "BODY": solid((0, 0, 0), body, flat=True, step_mm=5 if near else 20),
        "Lung_L": solid((x, y, z), half),
        "Lung_R": solid((-x, y, z), half),
    }
    names = {name for rule in RULES if rule.site == site for name in rule.organ.split("|")} - {"Lungs", "Skin"}
    for number, name in enumerate(sorted(names)):
        out[name] = solid((12.0 + number % 5, 12.0 + number // 5, 0.0), (3, 3, 12))
    return out


def missing(doses: PlanDoses, **options: dict[str, str]) -> list[Finding]:
    return [f for f in judged(doses, **options).findings if f.kind is FindingKind.COMPLETENESS]


def completeness(contours: dict[str, Loops], site: str) -> list[Finding]:
    return missing(compute(contours, site=site))


def without(contours: dict[str, Loops], organ: str) -> dict[str, Loops]:
    """The contours without an organ, its parts and whatever contains it."""
    infos = {o.organ: o for o in load_organs()}
    gone = {organ, *infos[organ].containers}
    gone |= {part for parts in infos[organ].union_of for part in parts}
    return {name: loops for name, loops in contours.items() if name not in gone}


@pytest.mark.parametrize("near", [True, False])
@pytest.mark.parametrize("site", SITES)
def test_with_every_organ_nothing_is_missing(site: str, near: bool) -> None:
    assert [f.note for f in completeness(anatomy(site, near=near), site)] == []


def removals() -> Iterator[tuple[RegionRule, str]]:
    for rule in RULES:
        if rule.organ != "Skin":
            yield rule, rule.site


@pytest.mark.parametrize(("rule", "site"), list(removals()), ids=lambda v: v if isinstance(v, str) else v.organ)
def test_a_required_organ_that_is_removed_makes_it_incomplete(rule: RegionRule, site: str) -> None:
    contours = anatomy(site, near=True)
    for organ in rule.organ.split("|"):
        contours = without(contours, organ)
    doses = compute(contours, site=site)
    found = [f for f in missing(doses) if f.rule_id == f"required:{rule.organ}"]
    assert [f.consequence for f in found] == [Outcome.INCOMPLETE]
    note = found[0].note
    assert f'--map "ROI={rule.organ.split("|")[0]}"' in note
    line = note[note.index("absent = [") :]
    case = tomllib.loads(line)
    assert case == {"absent": [{"organ": organ, "reason": "why"} for organ in rule.organ.split("|")]}
    # The line does what it promises.
    excused = {entry["organ"]: entry["reason"] for entry in case["absent"]}
    assert [f.rule_id for f in missing(doses, absent=excused)].count(f"required:{rule.organ}") == 0


@pytest.mark.parametrize("rule", [r for r in RULES if "|" in r.organ], ids=lambda r: f"{r.site} {r.organ}")
def test_of_alternatives_one_is_enough(rule: RegionRule) -> None:
    first, *others = rule.organ.split("|")
    contours = anatomy(rule.site, near=True)
    for organ in others:
        contours = without(contours, organ) | {first: contours[first]} if first in contours else contours
    assert f"required:{rule.organ}" not in [f.rule_id for f in completeness(contours, rule.site)]


@pytest.mark.parametrize("site", [s for s in SITES if any(r.site == s and r.landmark for r in RULES)])
def test_landmarks_that_are_far_excuse_the_organs_beside_them(site: str) -> None:
    contours = anatomy(site, near=False)
    always = {o for r in RULES if r.site == site and r.requirement == "required" for o in r.organ.split("|")}
    excused = {o for r in RULES if r.site == site and r.requirement == "if_near" for o in r.organ.split("|")} - always
    assert excused
    for organ in sorted(excused - {"Skin"}):
        contours = without(contours, organ)
    assert [f.note for f in completeness(contours, site)] == []


@pytest.mark.parametrize("site", SITES)
def test_an_organ_of_another_region_is_never_missing(site: str) -> None:
    contours = anatomy(site, near=True)
    contours[ELSEWHERE[site]] = solid((15, 15, 0), (3, 3, 10))
    assert completeness(without(contours, ELSEWHERE[site]), site) == []


def test_the_skin_is_made_from_the_body_where_it_is_asked_for() -> None:
    doses = compute(anatomy("lung", near=True), site="lung")
    assert "Skin" in doses.required
    (skin,) = doses.subjects["Skin"]
    assert "5 mm shell inside BODY" in skin.note
    far = compute(anatomy("lung", near=False), site="lung")
    assert "Skin" not in far.required


def test_the_distance_that_asked_for_an_organ_is_said() -> None:
    doses = compute(anatomy("lung", near=True), site="lung")
    assert doses.required["Esophagus"] == "site lung"
    assert doses.required["Chestwall|Rib"].startswith("site lung: target 16 mm from BODY, asked for within 30 mm")


# ---- a whole passing sample: its own contours, with doses that meet everything


SAMPLE_REQUIRED = {
    "Lungs": ("Lung_L",),
    "SpinalCord": ("SpinalCord", "SpinalCanal"),
    "Esophagus": ("Esophagus",),
    "Heart": ("Heart",),
    "ProximalBronchialTree": ("ProximalBronchialTree",),
    "GreatVes": ("GreatVes",),
}
# Not asked for; excused by a landmark that is far (plexus, chest wall, rib, skin); settled by what contains it.
SAMPLE_SPARE = (
    ("BrachialPlex_R", "BrachialPlex_L", "Trachea", "Skin", "Chestwall_R", "Rib", "SpinalCanal"),
    ("SpinalCord",),
)


@cache
def sample_data() -> PlanData:
    return read_folder(SAMPLES / "peripheral_54_3").plans[0]


@cache
def sample_structure(name: str) -> Structure:
    roi = sample_data().structures.roi(name)
    assert roi is not None
    return build_structure(roi)


def of_the_sample(*gone: str) -> list[Finding]:
    """What is missing of the sample without these ROIs."""
    data = sample_data()
    rois = tuple(r for r in data.structures.rois if r.name not in gone)
    assert len(rois) == len(data.structures.rois) - len(gone)
    dose_of = sparing("PTV_5400", "GTV")
    with (
        mock.patch.object(plan_check, "compute_dvhs", lambda structures, *_, **__: [dose_of(s) for s in structures]),
        mock.patch.object(shared_shapes, "build_structure", lambda roi, **_: sample_structure(roi.name)),
    ):
        part = replace(data, structures=replace(data.structures, rois=rois))
        return missing(plan_check.compute_plan(part, index=0, given=GivenFacts()))


def test_nothing_of_the_passing_sample_is_missing() -> None:
    assert of_the_sample() == []


@pytest.mark.parametrize("organ", SAMPLE_REQUIRED)
def test_a_required_organ_taken_out_of_a_passing_sample(organ: str) -> None:
    found = of_the_sample(*SAMPLE_REQUIRED[organ])
    assert organ in {f.organ for f in found}
    assert {f.consequence for f in found} == {Outcome.INCOMPLETE}


def test_what_is_not_asked_for_may_be_taken_out_of_a_passing_sample() -> None:
    for rois in SAMPLE_SPARE:
        assert of_the_sample(*rois) == [], rois
