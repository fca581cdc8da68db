"""Targets in bone other than the spine: rib, ilium, sacrum, femoral head."""

from __future__ import annotations

from dataclasses import replace

from scenarios.bodies import PELVIS, THORAX
from scenarios.phantom import Ellipsoid, Hollow, Point, Scene, Solid, Tube, ball, named, shot
from scenarios.record import FAIL, GOOD, INCOMPLETE, Claim, Scenario

CHEST = ("BODY", "Lung_L", "Lung_R", "SpinalCord", "Heart", "Chestwall")
PELVIC = ("Bowel_Small", "Rectum", "Bladder", "SacralPlex_R", "Femur_Head_L", "Femur_Head_R")
RIB = Ellipsoid((-148, 10, 10), (9, 18, 14))
ILIUM = ball((-88, 45, -30), 16)
FEMUR_REACH = ((-184.0, -119.0, -165.0), (182.0, 118.0, 30.0))
IN_FEMUR = ball((-90, -5, -105), 15)
ACETABULUM = Ellipsoid((-72, 12, -88), (14, 16, 16))
CHEST_REACH = ((-187.0, -112.0, -132.0), (141.0, 110.0, 132.0))
STERNAL_REACH = ((-178.0, -133.0, -132.0), (176.0, 119.0, 132.0))
PELVIC_REACH = ((-150.0, -100.0, -160.0), (130.0, 118.0, 70.0))


def lesion(
    name: str,
    ptv: Ellipsoid,
    rx_gy: float,
    n_fractions: int,
    organs: dict[str, Solid],
    reach: tuple[Point, Point],
) -> Scene:
    """One bone metastasis; CTV and PTV are one structure."""
    return Scene(
        {**organs, name: ptv},
        shot(ptv, rx_gy),
        {name: rx_gy},
        n_fractions,
        reach,
        label=f"{name.removeprefix('PTV_')} {rx_gy:g} in {n_fractions}",
    )


def rib() -> Scene:
    skin = Hollow(Tube((0, 0), (175, 118), -50, 70), Tube((0, 0), (170, 113), -50, 70))
    return lesion("PTV_rib_R", RIB, 30.0, 3, {**named(CHEST, THORAX), "Skin": skin}, CHEST_REACH)


def ilium() -> Scene:
    return lesion("PTV_ilium_R", ILIUM, 30.0, 3, named(PELVIC, PELVIS), PELVIC_REACH)


def femur() -> Scene:
    skin = Hollow(Tube((0, 0), (180, 115), -150, -60), Tube((0, 0), (175, 110), -150, -60))
    organs = {**named(("Bowel_Small", "Rectum", "Bladder", "Femur_Head_L", "Femur_Head_R"), PELVIS), "Skin": skin}
    return lesion("PTV_femur_R", IN_FEMUR, 30.0, 3, organs, FEMUR_REACH)


def acetabulum() -> Scene:
    return lesion("PTV_acetabulum_R", ACETABULUM, 35.0, 5, named(PELVIC, PELVIS), PELVIC_REACH)


def sternum() -> Scene:
    ptv = Ellipsoid((0, -100, 20), (16, 9, 18))
    skin = Hollow(Tube((0, 0), (175, 118), -40, 80), Tube((0, 0), (170, 113), -40, 80))
    return lesion("PTV_sternum", ptv, 30.0, 3, {**named(CHEST, THORAX), "Skin": skin}, STERNAL_REACH)


def sacrum() -> Scene:
    ptv = Ellipsoid((-30, 85, -35), (16, 10, 18))
    organs = named(("Bowel_Small", "Rectum", "Bladder", "SacralPlex_L", "SacralPlex_R", "CaudaEquina"), PELVIS)
    return lesion("PTV_sacrum", ptv, 30.0, 5, organs, PELVIC_REACH)


def somewhere() -> Scene:
    scene = ilium().renamed(PTV_ilium_R="PTV_bone").without("Bladder", "Rectum", "Femur_Head_L", "Femur_Head_R")
    return replace(scene, label="bone 30 in 3")


SCENARIOS = (
    Scenario(
        "bone rib 30 in 3",
        lambda: (rib(),),
        GOOD,
        "A rib metastasis: the chest wall is the target's bed, its limit a variation",
        claims=(
            Claim("PTV_rib_R", "D95%", 29.8, 31),
            Claim("Skin", "D0.035cc", 2, 32),
            Claim("Lung_L+Lung_R", "V20Gy", 0, 8),
        ),
    ),
    Scenario(
        "bone ilium 30 in 3",
        lambda: (ilium(),),
        GOOD,
        "An iliac metastasis with bowel, rectum and bladder drawn and far enough",
        claims=(Claim("PTV_ilium_R", "D95%", 29.8, 31), Claim("Bowel_Small", "D0.035cc", 0, 24)),
    ),
    Scenario(
        "bone femoral head 30 in 3",
        lambda: (femur(),),
        GOOD,
        "The bone that is treated cannot be spared: its own limit is optimal only",
        claims=(Claim("PTV_femur_R", "D95%", 29.8, 31), Claim("Femur_Head_R", "D10cc", 25, 45)),
    ),
    Scenario(
        "bone acetabulum 35 in 5",
        lambda: (acetabulum(),),
        GOOD,
        "Beside the femoral head, which keeps its limit",
        claims=(
            Claim("PTV_acetabulum_R", "D95%", 34.8, 36.2),
            Claim("Femur_Head_R", "D10cc", 3, 29.5),
            Claim("Bladder", "D0.035cc", 0, 37),
        ),
    ),
    Scenario(
        "bone sternum 30 in 3",
        lambda: (sternum(),),
        GOOD,
        "A sternal metastasis in front of the heart, which keeps its limits",
        claims=(Claim("PTV_sternum", "D95%", 29.8, 31), Claim("Heart", "D0.035cc", 0.5, 25)),
    ),
    Scenario(
        "bone sacrum 30 in 5",
        lambda: (sacrum(),),
        GOOD,
        "Beside the sacral plexus, within its limits",
        claims=(Claim("SacralPlex_R", "D0.035cc", 8, 31), Claim("Rectum", "D0.035cc", 1, 36)),
    ),
    Scenario(
        "bone ilium with only a cord",
        lambda: (ilium().without(*PELVIC).with_(SpinalCord=Tube((0, 80), (5, 5), 20, 105)),),
        INCOMPLETE,
        "A cord 5 cm away says nothing of bowel",
        deciding=("Bowel",),
    ),
    Scenario(
        "bone ilium 30 in 3 delivered as 41 Gy",
        lambda: (ilium().scaled(1.355),),
        FAIL,
        "A third more than prescribed in every point of the target",
        deciding=("PTV_ilium_R",),
        claims=(Claim("PTV_ilium_R", "D95%", 40, 42),),
    ),
    Scenario(
        "bone of unknown place",
        lambda: (somewhere(),),
        INCOMPLETE,
        "Bone lies anywhere: without a level nobody knows what must be drawn",
        deciding=("level",),
    ),
    Scenario(
        "bone rectum and bladder missing at the acetabulum",
        lambda: (acetabulum().without("Rectum", "Bladder"),),
        INCOMPLETE,
        "The acetabulum is the wall of the pelvis that holds rectum and bladder",
        deciding=("Rectum", "Bladder"),
    ),
)
