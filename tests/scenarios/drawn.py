"""The same plans as other departments draw and name them; and what is drawn wrongly."""

from __future__ import annotations

from dataclasses import replace

from scenarios.adrenal import LEFT, gland
from scenarios.bodies import ABDOMEN, THORAX
from scenarios.liver import DEEP, belly
from scenarios.lung import RUL, SMALL, chest
from scenarios.phantom import Ellipsoid, Joined, Scene, Tube, ball, grown, named, shot, sparing
from scenarios.record import (
    FAIL,
    GOOD,
    INCOMPLETE,
    INCOMPLETE_AT_LEAST,
    MARGINAL_AT_LEAST,
    NOT_A_PASS,
    REFUSED,
    Claim,
    Scenario,
)
from scenarios.spine import thoracic

APEX = ball((-80, 5, 80), 13)
APICAL_ORGANS = ("Lung_L", "Lung_R", "SpinalCord", "Esophagus", "ProximalBronchialTree", "Trachea", "Heart", "GreatVes")


def canal_for_cord() -> Scene:
    scene = chest(RUL, 54.0, 3).without("SpinalCord")
    return scene.with_(SpinalCanal=Tube((0, 76), (10, 9), -130, 130))


def lungs_as_one() -> Scene:
    scene = chest(RUL, 54.0, 3)
    lungs = Joined((scene.solids["Lung_L"], scene.solids["Lung_R"]))
    return scene.without("Lung_L", "Lung_R").with_(Lungs=lungs)


def cord_with_prv() -> Scene:
    return thoracic(24.0, 2, to=0.5).without("GreatVes").with_(SpinalCord_PRV02=Tube((0, 76), (8, 7), -120, 100))


def apical(plexus: str) -> Scene:
    side = -1 if plexus.endswith("R") else 1
    scene = Scene(
        {**named(APICAL_ORGANS, THORAX), "PTV_lung": APEX, "GTV_lung": grown(APEX, -4)},
        shot(APEX, 50.0),
        {"PTV_lung": 50.0},
        5,
        ((-150.0, -100.0, -135.0), (150.0, 100.0, 135.0)),
        label="lung 50 in 5",
    )
    return scene.with_(**{plexus: Tube((side * 60, 25), (6, 6), 95, 130)})


def single_kidney() -> Scene:
    scene = gland(LEFT, 40.0, 5).without("Kidney_R")
    return scene.with_(Kidney_L=Ellipsoid((66, 58, -26), (32, 29, 58)))


def cold_middle() -> Scene:
    """The rim of the target is covered and its middle is not: the beams were blocked."""
    ptv = ball((-104, 0, 20), 16)
    return chest(ptv, 54.0, 3, dose=sparing(shot(ptv, 56.0), grown(ptv, -11), to=0.62, within_mm=4.0))


def kidneys_as_one() -> Scene:
    scene = gland(LEFT, 40.0, 5)
    kidneys = Joined((scene.solids["Kidney_L"], scene.solids["Kidney_R"]))
    return scene.without("Kidney_L", "Kidney_R").with_(Kidneys=kidneys)


def second_without_dose() -> Scene:
    scene = chest(RUL, 50.0, 5).with_(PTV2_lung=ball((102, 0, -20), 13))
    return replace(scene, prescriptions_gy={"PTV_lung": 50.0, "PTV2_lung": 50.0})


def partly_outside_the_grid() -> Scene:
    scene = chest(RUL, 54.0, 3)
    return replace(scene, reach=((-105.0, -117.0, -135.0), (174.0, 117.0, 135.0)))


SCENARIOS = (
    Scenario(
        "drawn canal for the cord",
        lambda: (canal_for_cord(),),
        GOOD,
        "The canal holds the cord: what it keeps the cord keeps",
        claims=(Claim("SpinalCanal", "D0.035cc", 0, 10),),
    ),
    Scenario(
        "drawn lungs as one structure",
        lambda: (lungs_as_one(),),
        GOOD,
        "Both lungs under one name",
        claims=(Claim("Lungs", "V20Gy", 1, 8),),
    ),
    Scenario(
        "drawn cord and its PRV",
        lambda: (cord_with_prv(),),
        GOOD,
        "Cord at 12 Gy and its PRV below the cord's own limit",
        claims=(Claim("SpinalCord_PRV02", "D0.035cc", 8, 16.9),),
    ),
    Scenario(
        "drawn bowel bag",
        lambda: (belly(DEEP, 50.0, 5).renamed(Bowel_Small="Bowel_Bag"),),
        GOOD,
        "The bag holds every loop and keeps every limit",
        claims=(Claim("Bowel_Bag", "D0.035cc", 0, 20),),
    ),
    Scenario(
        "drawn kidneys as one structure",
        lambda: (kidneys_as_one(),),
        GOOD,
        "Both kidneys under one name",
        claims=(Claim("Kidneys", "Mean", 0, 8),),
    ),
    Scenario(
        "drawn names in another language",
        lambda: (
            chest(SMALL, 50.0, 5).renamed(
                SpinalCord="Rückenmark", Esophagus="Speiseröhre", Lung_L="Lunge li", Lung_R="Lunge re"
            ),
        ),
        GOOD,
        "The names of another country are names",
    ),
    Scenario(
        "drawn apical with the ipsilateral plexus",
        lambda: (apical("BrachialPlex_R"),),
        GOOD,
        "The plexus above the lesion keeps its limit",
        claims=(Claim("BrachialPlex_R", "D0.035cc", 5, 29), Claim("PTV_lung", "D95%", 49.5, 51.5)),
    ),
    Scenario(
        "drawn apical with the plexus of the other side",
        lambda: (apical("BrachialPlex_L"),),
        INCOMPLETE,
        "The plexus that gets the dose is not drawn",
        deciding=("BrachialPlex",),
    ),
    Scenario(
        "drawn apical with the plexus in the target",
        lambda: (apical("BrachialPlex_R").with_(BrachialPlex_R=Tube((-72, 15), (6, 6), 80, 120)),),
        FAIL,
        "The plexus gets the prescription: a useless arm",
        deciding=("BrachialPlex",),
        claims=(Claim("BrachialPlex_R", "D0.035cc", 40, 70),),
    ),
    Scenario(
        "drawn single kidney beside the left adrenal",
        lambda: (single_kidney(),),
        GOOD,
        "The one kidney left is large and gets little",
        claims=(Claim("Kidney_L", "Mean", 0, 8), Claim("Kidney_L", "CV17.5Gy", 190)),
        case='[[absent]]\norgan = "Kidney_R"\nreason = "nephrectomy 2015"\n',
    ),
    Scenario(
        "drawn one kidney and no word of the other",
        lambda: (gland(LEFT, 40.0, 5).without("Kidney_R"),),
        INCOMPLETE,
        "Nobody says where the second kidney is",
        deciding=("Kidney",),
    ),
    Scenario(
        "drawn stomach as the liver",
        lambda: (belly(DEEP, 50.0, 5).with_(Stomach=ABDOMEN["Liver"]),),
        INCOMPLETE_AT_LEAST,
        "One structure under two names",
        deciding=("Stomach",),
    ),
    Scenario(
        "drawn target with a cold middle",
        lambda: (cold_middle(),),
        MARGINAL_AT_LEAST,
        "The tumour itself gets less than its rim",
        deciding=("GTV_lung",),
        claims=(Claim("GTV_lung", "Rx:D98%", 60, 90),),
    ),
    Scenario(
        "drawn target that leaves the dose grid",
        lambda: (partly_outside_the_grid(),),
        NOT_A_PASS,
        "What the target gets outside the grid nobody knows",
        deciding=("PTV_lung",),
    ),
    Scenario(
        "drawn second target without dose",
        lambda: (second_without_dose(),),
        frozenset({*FAIL, *REFUSED}),
        "One of two lesions was forgotten in the plan",
        deciding=("PTV2_lung",),
        claims=(Claim("PTV2_lung", "D50%", 0, 45),),
    ),
)
