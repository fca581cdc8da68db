"""ROI names: what each is understood as, and above all what is not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.anatomy.names import find_organ, name_index, understand
from sbrtcheck.anatomy.target_names import is_helper_name, parse_prv, parse_target
from sbrtcheck.errors import Problem, WrongUsageError
from sbrtcheck.model import Contour, MatchedBy, NamedRoi, Roi, Role
from sbrtcheck.tables.organs import load_organs, name_key

DATA = Path(__file__).parents[1] / "data"
LOOP = (Contour(np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]])),)


def rois(*names: str, type_: str = "", contours: tuple[Contour, ...] = LOOP) -> list[Roi]:
    return [Roi(i, name, contours, interpreted_type=type_) for i, name in enumerate(names, start=1)]


def one(name: str, type_: str = "") -> NamedRoi:
    return understand(rois(name, type_=type_))[0]


def organ_of(name: str) -> str:
    named = one(name)
    if named.role is not Role.ORGAN:
        return f"({named.role})"
    return named.organ + (f"_{named.laterality}" if named.laterality else "")


# ---- organs

ORGANS = {
    "SpinalCord": "SpinalCord",
    "spinal cord": "SpinalCord",
    "SPINAL_CORD": "SpinalCord",
    "Cord": "SpinalCord",
    "Myelon": "SpinalCord",
    "Rückenmark": "SpinalCord",
    "Ru\u0308ckenmark": "SpinalCord",
    "Moelle epiniere": "SpinalCord",
    "Médula espinal": "SpinalCord",
    "Midollo spinale": "SpinalCord",
    "Ruggenmerg": "SpinalCord",
    "SpinalCanal": "SpinalCanal",
    "Spinalkanal": "SpinalCanal",
    "Canal medullaire": "SpinalCanal",
    "CaudaEquina": "CaudaEquina",
    "Lung_L": "Lung_L",
    "Lung L": "Lung_L",
    "L Lung": "Lung_L",
    "Left Lung": "Lung_L",
    "LT_LUNG": "Lung_L",
    "lung-rt": "Lung_R",
    "Lunge re": "Lung_R",
    "rechte Lunge": "Lung_R",
    "Lunge links": "Lung_L",
    "Poumon droit": "Lung_R",
    "Poumon G": "Lung_L",
    "Pulmón izquierdo": "Lung_L",
    "Pulmon der": "Lung_R",
    "Polmone sx": "Lung_L",
    "Polmone dx": "Lung_R",
    "Long links": "Lung_L",
    "rechter long": "Lung_R",
    "Lungs": "Lungs",
    "Both Lungs": "Lungs",
    "Lunge gesamt": "Lungs",
    "Poumons": "Lungs",
    "Lung": "Lung",
    "Lungs-GTV": "Lungs-GTV",
    "Lungs - GTV": "Lungs-GTV",
    "Lungs minus GTV": "Lungs-GTV",
    "BrachialPlex_L": "BrachialPlexus_L",
    "BrachialPlexus_R": "BrachialPlexus_R",
    "Rt Brachial Plexus": "BrachialPlexus_R",
    "BrachialPlexus": "BrachialPlexus",
    "Armplexus li": "BrachialPlexus_L",
    "Esophagus": "Esophagus",
    "Oesophagus": "Esophagus",
    "Ösophagus": "Esophagus",
    "Esófago": "Esophagus",
    "Slokdarm": "Esophagus",
    "ProximalBronchialTree": "ProximalBronchialTree",
    "PBT": "ProximalBronchialTree",
    "Prox Bronchial Tree": "ProximalBronchialTree",
    "Bronchialbaum": "ProximalBronchialTree",
    "GreatVes": "GreatVes",
    "Great_Vessels": "GreatVes",
    "Aorta": "A_Aorta",
    "A_Aorta": "A_Aorta",
    "SVC": "V_Venacava_S",
    "A_Pulmonary": "A_Pulmonary",
    "Heart": "Heart",
    "Herz": "Heart",
    "Cœur": "Heart",
    "Corazón": "Heart",
    "Chestwall_L": "Chestwall_L",
    "Chest Wall": "Chestwall",
    "Thoraxwand re": "Chestwall_R",
    "Ribs": "Rib",
    "Rippen li": "Rib_L",
    "Skin": "Skin",
    "Liver": "Liver",
    "Leber": "Liver",
    "Foie": "Liver",
    "Magen": "Stomach",
    "Zwölffingerdarm": "Duodenum",
    "Small Bowel": "Bowel_Small",
    "Bowel": "Bowel",
    "Kidney_R": "Kidney_R",
    "Niere links": "Kidney_L",
    "Kidneys": "Kidneys",
    "Brainstem": "BrainStem",
    "Lt Lung": "Lung_L",
    "Femoral Head RT": "Femur_Head_R",
    "L_Head_Femur": "Femur_Head_L",
    "Urinary bladder": "Bladder",
    "OpticNerveLt": "OpticNerve_L",
}


@pytest.mark.parametrize(("name", "organ"), ORGANS.items())
def test_names_that_are_organs(name: str, organ: str) -> None:
    assert organ_of(name) == organ


@pytest.mark.parametrize("info", load_organs(), ids=lambda o: o.organ)
def test_every_name_of_an_organ_is_that_organ(info) -> None:
    for name in (info.organ, info.tg263, *info.aliases):
        if not name or (info.derived and "gtv" in name.casefold() and "-" not in name and "minus" not in name):
            continue
        found = find_organ(name)
        assert found is not None, name
        assert found[:2] == (info.organ, "")
    if info.laterality == "paired":
        for side in ("L", "R"):
            for name in (f"{info.organ}_{side}", f"{side}_{info.organ}", f"{info.tg263 or info.organ} {side}"):
                assert find_organ(name) is not None, name


def test_every_known_name_means_one_thing() -> None:
    # building the index refuses a key of two meanings; a wrong pairing of side and organ would show here
    index = name_index()
    assert len(index) > 5000
    assert index["lungl"][:2] == ("Lung", "L")
    assert {side for _, side, _ in index.values()} == {"", "L", "R"}
    unpaired = {o.organ for o in load_organs() if o.laterality != "paired"}
    assert not [key for key, (organ, side, _) in index.items() if side and organ in unpaired]


def test_a_name_in_two_lines_of_organs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sbrtcheck.tables import organs
    from sbrtcheck.tables.datafiles import data_path

    text = data_path("organs.csv").read_text(encoding="utf-8").replace("Herz|", "Herz|Cord|", 1)
    (tmp_path / "organs.csv").write_text(text, encoding="utf-8")
    monkeypatch.setattr(organs, "data_path", tmp_path.joinpath)
    organs.load_organs.cache_clear()
    with pytest.raises(WrongUsageError, match="Cord is already a name of SpinalCord"):
        organs.load_organs()
    organs.load_organs.cache_clear()


NOT_ORGANS = [
    "SpinalCord_PRV",
    "SpinalCord_PRV03",
    "PRV Cord",
    "cord+5",
    "Cord + 5mm",
    "Cord_old",
    "zCord",
    "NS_Cord_opt",
    "Cord 2",
    "Cord_1",
    "SpinalCrod",
    "Spinal",
    "Lungs_GTV",
    "Lungs-PTV",
    "Lungs-ITV",
    "Lung_GTV",
    "Hear",
    "Heart_opt",
    "Heart1",
    "Heart?",
    "Heart\u200b",
    "He\ufffdrt",
    "\u202eHeart",
    "Неart",
    "Ｈｅａｒｔ",
    "R",
    "L",
    "",
    " ",
    "Vessels - left",
    "optBladder",
    "Orbit",
    "Tumor Bed",
    "Borders",
    "ring PTV",
    "Esophagus-PTV",
    "Liver minus PTV",
    "Rib cage fracture",
    "Not Heart",
    "Heart in field",
    "LID",
    "Contour",
    "Bulbus",
    "Ventriculus",
]


@pytest.mark.parametrize("name", NOT_ORGANS)
def test_names_that_are_no_organ(name: str) -> None:
    assert one(name).role is not Role.ORGAN


@pytest.mark.parametrize(
    ("name", "organ"),
    [
        ("SpinalCord_PRV", "SpinalCord"),
        ("SpinalCord_PRV03", "SpinalCord"),
        ("PRV Cord", "SpinalCord"),
        ("PRV_5mm_Cord", "SpinalCord"),
        ("cord+5", "SpinalCord"),
        ("Cord + 5 mm", "SpinalCord"),
        ("Cord+0.5cm", "SpinalCord"),
        ("Esophagus_PRV05", "Esophagus"),
        ("BrachialPlex_L_PRV05", "BrachialPlexus"),
    ],
)
def test_a_prv_is_a_prv_of_its_organ(name: str, organ: str) -> None:
    named = one(name)
    assert (named.role, named.organ) == (Role.PRV, organ)


@pytest.mark.parametrize("name", ["PRV", "PRV_", "Foo_PRV", "+5", "PTV_PRV", "BODY_PRV", "x" * 100 + "_PRV"])
def test_a_prv_of_nothing_known(name: str) -> None:
    assert one(name).role not in {Role.PRV, Role.ORGAN}


@pytest.mark.parametrize("name", ["BODY", "External", "body", "Patient", "Körper", "Contour externe"])
def test_the_body_outline(name: str) -> None:
    assert one(name).role is Role.BODY


def test_skin_is_the_outline_only_where_its_type_says_so() -> None:
    assert one("SKIN", "EXTERNAL").role is Role.BODY
    assert one("SKIN", "ORGAN").organ == "Skin"
    assert one("Outer", "EXTERNAL").role is Role.BODY
    assert one("Outer", "EXTERNAL").matched_by is MatchedBy.TYPE


HELPERS = ["zPTV_opt", "z_Ring", "NS_Cord_opt", "Ring", "ring PTV", "dose 50", "Dose5200cGy", "Couch", "CouchSurface"]
HELPERS += ["Cord_old", "PTV-opt", "PTV_eval", "PTV_ring", "PTV crop", "optRectum", "Bolus 1", "GTV1-PTV1", "PTV-Lung"]
HELPERS += ["Lung-PTV", "Isocenter 1", "Iso50", "Avoid", "Dummy", "PTV1 minus PTV2", "hotspot", "Heart_Opt", "Not PTV"]

HELPERS += ["PTV+20", "PTV+3mm", "PTV +20", "GTV+5", "PTV_54+3", "PTV+2cm", "ITV + 5 mm", "PTV+1.5cm"]


@pytest.mark.parametrize("name", HELPERS)
@pytest.mark.parametrize("type_", ["", "PTV", "ORGAN"])
def test_helpers_are_never_an_organ_or_a_target(name: str, type_: str) -> None:
    assert one(name, type_).role is Role.HELPER


def test_a_margin_is_never_suggested_as_a_target() -> None:
    assert [one(name).suggestion for name in ("PTV+20", "PTV+3mm", "GTV+5")] == ["", "", ""]


HABITS = {
    # what real exports write: RayStation, and planners in other languages
    "FemoralHead (Left)": ("Femur_Head", "L"),
    "FemoralHead (Right)": ("Femur_Head", "R"),
    "Lung (L)": ("Lung", "L"),
    "Lung B": ("Lungs", ""),
    "common lung": ("Lungs", ""),
    "SVs": ("SeminalVes", ""),
    "Oes": ("Esophagus", ""),
    "Skin_05": ("Skin", ""),
    "External ROI_1": ("BODY", ""),
    "脊髓": ("SpinalCord", ""),
    "左肺": ("Lung", "L"),
    "右肺": ("Lung", "R"),
    "食道": ("Esophagus", ""),
    "心臓": ("Heart", ""),
    "Rdzeń kręgowy": ("SpinalCord", ""),
    "Płuco lewe": ("Lung", "L"),
    "Pulmão direito": ("Lung", "R"),
    "Coração": ("Heart", ""),
    "Lunga hö": ("Lung", "R"),
    "Matstrupe": ("Esophagus", ""),
    "Akciğer sağ": ("Lung", "R"),
    "Omurilik": ("SpinalCord", ""),
    "Νωτιαίος μυελός": ("SpinalCord", ""),
    # cut at 16 characters, and only one organ begins so
    "ProximalBronchia": ("ProximalBronchialTree", ""),
    "Femoral Head Lef": ("Femur_Head", "L"),
}


@pytest.mark.parametrize("name", HABITS)
def test_habits_of_other_systems_and_languages(name: str) -> None:
    found = one(name)
    assert (found.organ, found.laterality) == HABITS[name]


@pytest.mark.parametrize(
    "name", ["ProximalBronchi", "ProximalBronc", "Lungs minus GT", "Bowel_Small_Eva", "Rim", "Femoral Head Le"]
)
def test_a_cut_name_of_another_length_is_no_match(name: str) -> None:
    assert one(name).role is not Role.ORGAN


# ---- targets

TARGETS = {
    # name: type, side, dose [Gy], lesion
    "PTV": ("PTV", "", None, ""),
    "GTV PET": ("GTV", "", None, ""),
    "GTV 4D0": ("GTV", "", None, ""),
    "GTV_4D90": ("GTV", "", None, ""),
    "ptv": ("PTV", "", None, ""),
    "GTV": ("GTV", "", None, ""),
    "IGTV": ("IGTV", "", None, ""),
    "iGTV_1": ("IGTV", "", None, "1"),
    "ITV": ("ITV", "", None, ""),
    "CTV": ("CTV", "", None, ""),
    "PTV1": ("PTV", "", None, "1"),
    "PTV 1": ("PTV", "", None, "1"),
    "PTV-2": ("PTV", "", None, "2"),
    "PTV_12": ("PTV", "", None, "12"),
    "PTV1_5000": ("PTV", "", 50.0, "1"),
    "PTV_5400": ("PTV", "", 54.0, ""),
    "PTV_54": ("PTV", "", 54.0, ""),
    "PTV54": ("PTV", "", 54.0, ""),
    "PTV_27.5": ("PTV", "", 27.5, ""),
    "PTV_27,5": ("PTV", "", 27.5, ""),
    "PTV_18Gy": ("PTV", "", 18.0, ""),
    "PTV 1800cGy": ("PTV", "", 18.0, ""),
    "PTV_3x18": ("PTV", "", 54.0, ""),
    "PTV_RUL_48Gy_4fx": ("PTV", "R", 48.0, "RUL"),
    "PTV_2023": ("PTV", "", None, ""),
    "PTV_2000": ("PTV", "", 20.0, ""),
    "PTV_545": ("PTV", "", None, ""),
    "PTV_50_60": ("PTV", "", None, ""),
    "PTV_5000_2": ("PTV", "", 50.0, ""),
    "PTV2_5000": ("PTV", "", 50.0, "2"),
    "GTV_50": ("GTV", "", None, ""),
    "ITV RLL": ("ITV", "R", None, "RLL"),
    "PTV LUL": ("PTV", "L", None, "LUL"),
    "PTV L": ("PTV", "L", None, ""),
    "PTV re": ("PTV", "R", None, ""),
    "PTV Lunge re": ("PTV", "R", None, "LUNGE"),
    "Lung_GTV": ("GTV", "", None, "LUNG"),
    "PTV L3": ("PTV", "", None, "L3"),
    "PTV_Th8": ("PTV", "", None, "TH8"),
    "GTVp": ("GTV", "", None, ""),
    "CTVn1": ("CTV", "", None, "1"),
    "PTV_High": ("PTV", "", None, ""),
    "PTV liver 1": ("PTV", "", None, "1"),
}


@pytest.mark.parametrize(("name", "expected"), TARGETS.items())
def test_targets(name: str, expected: tuple[str, str, float | None, str]) -> None:
    named = one(name)
    assert named.role is Role.TARGET
    assert (named.target_type, named.laterality, named.dose_token_gy, named.lesion_token) == expected


@pytest.mark.parametrize("name", ["PTV foo", "PTVs", "My PTV thing", "PTV_Smith", "XPTV", "PTVHeart"])
def test_a_target_with_an_unknown_word_needs_its_type(name: str) -> None:
    assert one(name).role is Role.UNMATCHED
    assert one(name, "PTV").role is Role.TARGET
    assert one(name, "PTV").matched_by is MatchedBy.TYPE


def test_the_type_never_overrides_a_name() -> None:
    assert one("Heart", "PTV").organ == "Heart"
    assert one("Breast", "GTV").role is Role.ORGAN
    assert one("GTV", "PTV").target_type == "GTV"
    assert one("PTV", "ORGAN").role is Role.TARGET
    assert one("Borders", "CTV").role is Role.UNMATCHED
    assert one("Lungs_GTV", "GTV").role is Role.TARGET
    assert one("XApprox", "MARKER").role is Role.HELPER


# ---- rivals


def test_two_rois_of_one_organ_and_side_are_ambiguous() -> None:
    named = understand(rois("SpinalCord", "spinal cord", "Lung_L", "Lung_R", "Heart"))
    assert named[0].ambiguous_with == ("spinal cord",)
    assert named[1].ambiguous_with == ("SpinalCord",)
    assert [n.ambiguous_with for n in named[2:]] == [(), (), ()]


def test_aliases_of_one_organ_are_rivals_too() -> None:
    named = understand(rois("Cord", "Myelon", "SpinalCord_PRV", "SpinalCanal"))
    assert [bool(n.ambiguous_with) for n in named] == [True, True, False, False]


def test_an_empty_duplicate_is_listed_and_makes_nothing_ambiguous() -> None:
    named = understand([*rois("SpinalCord"), Roi(9, "Cord"), *rois("PTV"), Roi(10, "ptv")])
    assert [n.ambiguous_with for n in named] == [(), (), (), ()]
    assert named[1].organ == "SpinalCord"


def test_a_damaged_duplicate_still_claims_its_organ() -> None:
    damaged = Roi(9, "Cord", problems=(Problem("E-GEOMETRIC-TYPE", "Cord"),))
    empty = Roi(10, "Myelon", problems=(Problem("E-NO-CONTOURS", "Myelon"),))
    named = understand([*rois("SpinalCord"), damaged, empty])
    assert [n.ambiguous_with for n in named] == [("Cord",), ("SpinalCord",), ()]


def test_targets_are_rivals_only_under_one_name() -> None:
    named = understand(rois("PTV 1", "PTV_1", "PTV2", "GTV1"))
    assert [bool(n.ambiguous_with) for n in named] == [True, True, False, False]


# ---- the user's map


def test_a_mapped_roi_wins() -> None:
    named = understand(rois("Cord", "Cord2", "blob"), user_map={"Cord2": "SpinalCord", "blob": "Lt Lung"})
    assert (named[0].role, named[0].ambiguous_with) == (Role.UNMATCHED, ())
    assert "chosen by --map" in named[0].suggestion
    assert (named[1].organ, named[1].matched_by) == ("SpinalCord", MatchedBy.MAP)
    assert (named[2].organ, named[2].laterality) == ("Lung", "L")


def test_two_mapped_to_one_organ_stay_ambiguous() -> None:
    named = understand(rois("a", "b"), user_map={"a": "Heart", "b": "Heart"})
    assert [n.ambiguous_with for n in named] == [("b",), ("a",)]


@pytest.mark.parametrize(
    ("value", "role", "organ", "target"),
    [
        ("PTV", Role.TARGET, "", "PTV"),
        ("igtv", Role.TARGET, "", "IGTV"),
        ("BODY", Role.BODY, "BODY", ""),
        ("SpinalCord_PRV", Role.PRV, "SpinalCord", ""),
        ("none", Role.UNMATCHED, "", ""),
    ],
)
def test_what_a_roi_can_be_mapped_to(value: str, role: Role, organ: str, target: str) -> None:
    named = understand(rois("blob"), user_map={"blob": value})[0]
    assert (named.role, named.organ, named.target_type) == (role, organ, target)


def test_a_mapped_target_keeps_the_dose_in_its_name() -> None:
    named = understand(rois("CTV_54"), user_map={"CTV_54": "PTV"})[0]
    assert (named.target_type, named.dose_token_gy) == ("PTV", 54.0)


def test_a_map_must_fit() -> None:
    with pytest.raises(WrongUsageError) as error:
        understand(rois("Heart"), user_map={"Hart": "Heart"})
    assert error.value.problems[0].code == "E-ROI-UNKNOWN"
    assert "Heart" in error.value.problems[0].remedy
    with pytest.raises(WrongUsageError) as error:
        understand(rois("blob"), user_map={"blob": "SpinalCrod"})
    assert error.value.problems[0].code == "E-ORGAN-UNKNOWN"
    assert "SpinalCord" in error.value.problems[0].remedy


# ---- suggestions


@pytest.mark.parametrize(
    ("name", "suggestion"), [("SpinalCrod", "SpinalCord"), ("Esophogus", "Esophagus"), ("PTV foo", "PTV")]
)
def test_a_close_name_is_only_a_suggestion(name: str, suggestion: str) -> None:
    named = one(name)
    assert named.role is Role.UNMATCHED
    assert named.suggestion == suggestion


def test_a_far_name_suggests_nothing() -> None:
    assert one("XYZ 123").suggestion == ""


# ---- real data sets: no wrong match

REAL = {
    "eclipse_breast_boost/rtss.dcm": {
        "BODY": "BODY",
        "Areola": "",
        "Borders": "",
        "Breast": "Breast",
        "Heart": "Heart",
        "Lt Lung": "Lung_L",
        "Nodes": "",
        "Scar": "",
        "Tumor Bed": "",
        "Tumor Bed Block": "",
    },
    "eclipse_prostate/RS.1.2.246.352.71.4.2088656855.2404649.20110920153449.dcm": {
        "BODY": "BODY",
        "Bladder": "Bladder",
        "CTV": "CTV",
        "Femoral Head Lt": "Femur_Head_L",
        "Femoral Head RT": "Femur_Head_R",
        "PROS": "PTV",
        "PTV": "PTV",
        "Rectum": "Rectum",
        "Vessels - left": "",
        "Vessels - right": "",
        "X1": "",
        "X2": "",
        "X3": "",
        "XApprox": "",
        "optBladder": "",
        "optRectum": "",
    },
    "monaco_tg119/RTStructures_TESTEIMRT.dcm": {
        "BODY": "BODY",
        "PTV": "PTV",
        "Prostate": "Prostate",
        "Urinary bladder": "Bladder",
        "Rectum": "Rectum",
    },
    "pydicom_testfiles/rtstruct.dcm": {"patient": "BODY", "Isocenter 1": "", "Isocenter 2": ""},
    "raystation_proton_phantom/RS.dcm": {
        "Cube101010": "PTV",
        "Slope101004": "PTV",
        "External": "BODY",
        "PMMA": "",
        "LoPo": "",
    },
}


@pytest.mark.parametrize("file", REAL)
def test_real_structure_sets(file: str) -> None:
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.dcmread(DATA / file, force=True)
    types = {o.ReferencedROINumber: o.RTROIInterpretedType for o in dataset.RTROIObservationsSequence}
    drawn = [
        Roi(int(s.ROINumber), str(s.ROIName), LOOP, interpreted_type=str(types.get(s.ROINumber) or ""))
        for s in dataset.StructureSetROISequence
    ]
    found = {}
    for n in understand(drawn):
        side = f"_{n.laterality}" if n.laterality else ""
        found[n.roi.name] = n.target_type if n.role is Role.TARGET else f"{n.organ}{side}"
    assert found == REAL[file]


def test_real_dvh_table_names() -> None:
    header = (DATA / "dvh_text" / "EclipseEnt_DvhTable_Eclipse.csv").read_text(encoding="utf-8").splitlines()[0]
    names = re.findall(r"(?:^|,)([^,]+?)_DvhArray Value", header)
    found = {n.roi.name: n.target_type or n.organ for n in understand(rois(*names))}
    expected = {
        "BODY": "BODY",
        "BRAIN": "Brain",
        "BRSTEM": "BrainStem",
        "CTV": "CTV",
        "Dose5200cGy": "",
        "GTV": "GTV",
        "LensLeft": "Lens",
        "LensRight": "Lens",
        "OpticChiasm": "OpticChiasm",
        "OpticNerveLt": "OpticNerve",
        "OpticNerveRt": "OpticNerve",
        "OrbitLeft": "",
        "OrbitRight": "",
        "PTV1": "PTV",
    }
    assert {name: found[name] for name in expected} == expected
    assert {n for n in set(found) - set(expected) if found[n]} <= {
        "ParotidLeft",
        "ParotidRight",
        "SpinalCord",
        "PTV2",
        "PTV3",
    }


# ---- properties

_KEYS = sorted(name_index())


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(_KEYS), st.sampled_from(["z{}", "{}_old", "{}_opt", "NS_{}", "ring {}", "{} dose", "not {}"]))
def test_a_helper_word_beside_an_organ_makes_a_helper(key: str, pattern: str) -> None:
    name = pattern.format(key)
    assert find_organ(name) is not None or one(name).role in {Role.HELPER, Role.UNMATCHED}


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=70))
def test_any_text_is_understood_without_harm(name: str) -> None:
    named = one(name)
    if named.role is Role.ORGAN:
        assert name_key(name) in name_index()
    assert parse_prv(name) is None or len(name) <= 64
    assert isinstance(is_helper_name(name), bool)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([o.organ for o in load_organs() if o.region != "body"]), st.data())
def test_one_wrong_letter_matches_nothing_else(organ: str, data: st.DataObject) -> None:
    where = data.draw(st.integers(0, len(organ) - 1))
    name = organ[:where] + data.draw(st.sampled_from("qxyw")) + organ[where + 1 :]
    found = find_organ(name)
    assert found is None or found[0] == organ or name_key(name) in name_index()


@settings(max_examples=200, deadline=None)
@given(st.floats(1, 9999).map(lambda x: f"{x:.4g}"), st.sampled_from(["PTV", "GTV", "ITV", "CTV"]))
def test_a_dose_in_a_name_is_a_plausible_dose(number: str, target: str) -> None:
    parsed = parse_target(f"{target}_{number}")
    if parsed is not None and parsed.dose_gy is not None:
        assert 5 <= parsed.dose_gy <= 100
        assert parsed.dose_gy in {float(number), float(number) / 100}


def test_a_long_name_is_quick_and_matches_nothing() -> None:
    for name in ("PTV" + "_1" * 5000, "a" * 10_000, "Cord" + " " * 5000 + "PRV", "+" * 3000):
        assert one(name).role in {Role.UNMATCHED, Role.HELPER}
