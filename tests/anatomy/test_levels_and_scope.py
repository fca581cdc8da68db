"""Where a lesion lies in its site, and whether anything says what must be judged beside it."""

from __future__ import annotations

import pytest
from given_doses import judged, solid, sparing
from trunk import TARGETS, organ, plan_of, trunk

from sbrtcheck.anatomy.levels import below_diaphragm, level_of_texts, split_site
from sbrtcheck.anatomy.scope import no_list_by_names, outside_by_names
from sbrtcheck.anatomy.target_names import parse_target
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.model import Lesion, Outcome
from sbrtcheck.plan.doses import PlanDoses


def lesion_of(doses: PlanDoses) -> Lesion:
    (lesion,) = doses.lesions
    return lesion


def renamed(place: str, name: str, *, keep: tuple[str, ...] = ()) -> PlanDoses:
    """The target of a place under another name, with some organs only and no site given."""
    centre, half = TARGETS[place]
    contours = {name: solid(centre, half, step_mm=3.0)} | {o: organ(o) for o in keep}
    return plan_of(contours, "", prescriptions_gy={name: 50.0}, dose_of=sparing(name))


@pytest.mark.parametrize(
    ("text", "site", "levels"),
    [
        ("lung", "lung", ()),
        ("spine:L3", "spine", ("L3",)),
        ("spine:LWK3", "spine", ("L3",)),
        ("spine:T12+L1", "spine", ("T12", "L1")),
        ("node:iliac", "node", ("pelvis",)),
        ("bone:Darmbein", "bone", ("ilium",)),
    ],
)
def test_a_site_with_its_level_is_read(text: str, site: str, levels: tuple[str, ...]) -> None:
    assert split_site(text) == (site, levels)


@pytest.mark.parametrize(
    ("text", "said"),
    [("spine:L9", "Levels of spine: C, C3"), ("lung:hilum", "lung has no levels"), ("node:", "Levels of node: neck")],
)
def test_a_level_that_is_none_is_wrong_usage(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        split_site(text)
    with pytest.raises(WrongUsageError, match="E-OPTION"):
        plan_of({"PTV": organ("Heart")}, text)


def test_the_targets_own_name_comes_before_that_of_the_plan() -> None:
    texts = (("name of the target", "PTV_T8"), ("name of the plan", "spine L3"))
    assert level_of_texts("spine", texts) == (("T8",), "a word in the name of the target")
    assert level_of_texts("spine", texts[1:]) == (("L3",), "a word in the name of the plan")
    assert level_of_texts("spine", (("name of the target", "PTV_LWS_L3"),))[0] == ("L3",)
    assert level_of_texts("spine", (("name of the target", "PTV"),)) == ((), "")


@pytest.mark.parametrize(
    ("name", "site", "levels"),
    [
        ("PTV_spine_T8", "spine", ("T8",)),
        ("PTV_T12_L1_vert", "spine", ("T12", "L1")),
        ("PTV_LN_pelvic", "node", ("pelvis",)),
        ("PTV_LN_paraaortic_4500", "node", ("retroperitoneum",)),
        ("PTV_bone_ilium", "bone", ("ilium",)),
        ("PTV_rib", "bone", ("rib",)),
    ],
)
def test_site_and_level_from_the_name(name: str, site: str, levels: tuple[str, ...]) -> None:
    assert parse_target(name) is not None
    lesion = lesion_of(renamed("bone:humerus", name))
    assert (lesion.site, lesion.levels, lesion.scope) == (site, levels, "")
    facts = {f.name: (f.value, f.origin) for f in renamed("bone:humerus", name).facts}
    assert facts[f"level of {name}"] == (" and ".join(levels), "a word in the name of the target")


@pytest.mark.parametrize(
    ("place", "site", "landmark", "level"),
    [
        ("spine:T5", "spine", "Lung_L", "T"),
        ("spine:L1", "spine", "Kidney_L", "L"),
        ("spine:S3", "spine", "Rectum", "S"),
        ("node:retroperitoneum", "node", "Kidney_L", "retroperitoneum"),
        ("node:pelvis", "node", "Rectum", "pelvis"),
        ("bone:rib", "bone", "Lung_R", "rib"),
    ],
)
def test_a_landmark_at_the_height_of_the_target_tells_the_level(
    place: str, site: str, landmark: str, level: str
) -> None:
    known = lesion_of(renamed(place, f"PTV_{site}", keep=(landmark,)))
    assert (known.site, known.levels) == (site, (level,))
    assert known.level_origin.startswith("geometry: at the height of ")
    unknown = renamed(place, f"PTV_{site}")
    assert lesion_of(unknown).levels == ()
    (found,) = [f for f in judged(unknown).findings if f.rule_id == "site:level"]
    assert found.consequence is Outcome.INCOMPLETE
    assert f'--site "PTV_{site}={site}:' in found.note


def test_a_given_level_settles_it() -> None:
    doses = plan_of(trunk("spine:T9"), "spine:T9")
    assert lesion_of(doses).levels == ("T9",)
    assert lesion_of(doses).level_origin == "given by the caller"
    assert "site:level" not in {f.rule_id for f in judged(doses).findings}


# ---- scope


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("PTV_brain", "brain: out of scope"),
        ("PTV Hirn", "brain: out of scope"),
        ("PTV_bone_skull", "skull and skull base: out of scope"),
        ("PTV_spine_C1", "first two vertebrae: out of scope"),
        ("PTV_larynx", "mucosal head and neck: out of scope"),
        ("PTV_pancreas", "no list for this site (pancreas)"),
        ("PTV_kidney", "no list for this site (kidney)"),
        ("PTV_prostate", "no list for this site (prostate)"),
        ("PTV_spine_C5", ""),
        ("PTV_node_neck", ""),
        ("PTV_lung", ""),
    ],
)
def test_scope_by_the_name_of_the_target(name: str, what: str) -> None:
    doses = renamed("bone:humerus", name)
    assert lesion_of(doses).scope == what
    said = [f for f in judged(doses).findings if f.rule_id in {"site:out_of_scope", "site:no_list"}]
    assert [f.consequence for f in said] == ([Outcome.INCOMPLETE] if what else [])
    assert not any("=lung" in f.note for f in judged(doses).findings)


def test_a_target_in_the_brain_is_out_of_scope_whatever_it_is_called() -> None:
    contours = {"PTV": solid((0, 0, 0), (10, 10, 10)), "Brain": solid((0, 0, 0), (70, 80, 60))}
    assert lesion_of(plan_of(contours, "")).scope == "brain: out of scope"
    # A site for every target does not take it away; one for this target does, and is printed.
    assert lesion_of(plan_of(contours, "lung")).scope == "brain: out of scope"
    own = plan_of(contours, "", sites={"PTV": "lung"})
    assert lesion_of(own).scope == ""
    assert any(f.name == "site of PTV" and f.origin == "given by the caller" for f in own.facts)


def test_what_a_plan_is_called_speaks_only_of_targets_without_a_site() -> None:
    assert outside_by_names("lung", ["PTV_lung"]) == ""
    assert outside_by_names("", ["PTV", "Brain SRS"]) == "brain: out of scope"
    assert no_list_by_names(["PTV_L", "pancreas SBRT"]) == "no list for this site (pancreas)"


@pytest.mark.parametrize(
    ("site", "levels", "below"),
    [
        ("liver", (), True),
        ("spine", ("L3",), True),
        ("spine", ("T12", "L1"), False),
        ("spine", (), False),
        ("node", ("pelvis",), True),
        ("node", ("mediastinum",), False),
        ("lung", (), False),
    ],
)
def test_what_certainly_lies_below_the_diaphragm(site: str, levels: tuple[str, ...], below: bool) -> None:
    assert below_diaphragm(site, levels) is below
