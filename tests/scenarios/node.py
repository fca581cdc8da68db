"""Lymph nodes: mediastinum, retroperitoneum, pelvis; simultaneous boosts."""

from __future__ import annotations

from dataclasses import replace

from scenarios.bodies import ABDOMEN, PELVIS, THORAX
from scenarios.phantom import (
    DoseOf,
    Ellipsoid,
    Point,
    Scene,
    Solid,
    ball,
    grown,
    moved,
    named,
    shot,
    total,
)
from scenarios.record import GOOD, INCOMPLETE, INCOMPLETE_AT_LEAST, Claim, Scenario

PELVIC = ("Bowel_Small", "Rectum", "Bladder", "SacralPlex_L", "SacralPlex_R", "Bowel_Large")
RETRO = ("Bowel_Small", "Duodenum", "Stomach", "Kidney_L", "Kidney_R", "CaudaEquina", "A_Aorta")
MEDIASTINAL = ("Lung_L", "Lung_R", "SpinalCord", "Esophagus", "Trachea", "ProximalBronchialTree", "Heart", "GreatVes")
AT_WALL = ball((62, 12, -72), 13)
PARAAORTIC = ball((22, 42, -68), 12)
HILAR = ball((-50, -2, 26), 12)
PELVIC_REACH = ((-130.0, -105.0, -150.0), (150.0, 105.0, 70.0))
RETRO_REACH = ((-110.0, -105.0, -150.0), (120.0, 105.0, 70.0))
CHEST_REACH = ((-150.0, -100.0, -120.0), (150.0, 100.0, 125.0))


def node(
    name: str,
    ptv: Ellipsoid,
    rx_gy: float,
    n_fractions: int,
    organs: dict[str, Solid],
    reach: tuple[Point, Point],
    *,
    dose: DoseOf | None = None,
) -> Scene:
    return Scene(
        {**organs, name: ptv, name.replace("PTV", "GTV"): grown(ptv, -4)},
        dose or shot(ptv, rx_gy),
        {name: rx_gy},
        n_fractions,
        reach,
        label=f"node {rx_gy:g} in {n_fractions}",
    )


def pelvic() -> Scene:
    return node("PTV_node_pelvis_L", AT_WALL, 35.0, 5, named(PELVIC, PELVIS), PELVIC_REACH)


def retroperitoneal() -> Scene:
    return node("PTV_node_retroperitoneal", PARAAORTIC, 35.0, 5, named(RETRO, ABDOMEN), RETRO_REACH)


def hilar() -> Scene:
    return node("PTV_node_hilar_R", HILAR, 40.0, 5, named(MEDIASTINAL, THORAX), CHEST_REACH)


def boost(factor: float = 1.0) -> Scene:
    """Gross node to 45 Gy, the station around it to 35 Gy."""
    low, high = Ellipsoid((62, 12, -62), (16, 17, 30)), Ellipsoid((62, 12, -72), (10, 10, 11))
    solids = {**named(PELVIC, PELVIS), "PTV_node_pelvis_35": low, "PTV_node_pelvis_45": high}
    dose = total(shot(low, 34.4, peak=1.06, covered=1.0), shot(high, 9.4, peak=1.3))
    rx = {"PTV_node_pelvis_35": 35.0, "PTV_node_pelvis_45": 45.0 * factor}
    return Scene(solids, dose, rx, 5, PELVIC_REACH, label="node boost")


def bowel_and_bladder_in_the_target() -> tuple[Scene, ...]:
    scene = pelvic().without("Bowel_Small", "Bowel_Large")
    return (scene.with_(Bowel=Ellipsoid((52, -20, -55), (35, 35, 30)), Bladder=Ellipsoid((44, -8, -94), (32, 30, 28))),)


def duodenum_far_away() -> Scene:
    scene = pelvic().without("Bowel_Small", "Bowel_Large", "Bladder")
    scene = scene.with_(Duodenum=moved(ABDOMEN["Duodenum"], (0, 0, 150)))
    return replace(scene, reach=(PELVIC_REACH[0], (150.0, 105.0, 150.0)))


SCENARIOS = (
    Scenario(
        "node pelvic 35 in 5",
        lambda: (pelvic(),),
        GOOD,
        "A node at the pelvic wall with bowel, rectum and bladder within their limits",
        claims=(
            Claim("PTV_node_pelvis_L", "D95%", 34.8, 36.2),
            Claim("Bowel_Small", "D0.035cc", 1, 34),
            Claim("Rectum", "D0.035cc", 1, 37),
        ),
    ),
    Scenario(
        "node retroperitoneal 35 in 5",
        lambda: (retroperitoneal(),),
        GOOD,
        "A para-aortic node; the aorta beside it is no dose-limiting organ at 35 Gy",
        claims=(
            Claim("PTV_node_retroperitoneal", "D95%", 34.8, 36.2),
            Claim("Duodenum", "D0.035cc", 1, 31),
            Claim("Kidney_L", "Mean", 0, 10),
        ),
    ),
    Scenario(
        "node hilar 40 in 5",
        lambda: (hilar(),),
        GOOD,
        "A hilar node 1 cm from the airway, every limit of TG-101 met",
        claims=(
            Claim("PTV_node_hilar_R", "D95%", 39.8, 41.5),
            Claim("ProximalBronchialTree", "D0.035cc", 10, 39),
            Claim("ProximalBronchialTree", "D4cc", 0, 16),
        ),
    ),
    Scenario(
        "node boost 35 and 45 in 5",
        lambda: (boost(),),
        GOOD,
        "Two levels in one volume: the lower one is hotter where it holds the higher one, as meant",
        claims=(
            Claim("PTV_node_pelvis_35", "D95%", 34.6, 37),
            Claim("PTV_node_pelvis_45", "D95%", 44.6, 47),
        ),
        options={"sites": {"": "node"}},
    ),
    Scenario(
        "node mediastinal 48 in 8",
        lambda: (node("PTV_node_mediastinum", HILAR, 48.0, 8, named(MEDIASTINAL, THORAX), CHEST_REACH),),
        GOOD,
        "A hilar node in eight fractions, airway far below 40 Gy",
        claims=(Claim("ProximalBronchialTree", "D0.035cc", 10, 36),),
    ),
    Scenario(
        "node pelvic with bowel and bladder in the target",
        bowel_and_bladder_in_the_target,
        INCOMPLETE,
        "Bowel and whole bladder lie in the target; the row that was met was the rectum's",
        deciding=("Bowel", "Bladder"),
        claims=(Claim("Bowel", "D0.035cc", 36, 50), Claim("Bladder", "D0.035cc", 38.2, 50)),
    ),
    Scenario(
        "node pelvic with a duodenum 20 cm away",
        lambda: (duodenum_far_away(),),
        INCOMPLETE,
        "A duodenum at the other end of the belly stands for no bowel in the pelvis",
        deciding=("Bowel",),
    ),
    Scenario(
        "node retroperitoneal with colon for small bowel",
        lambda: (retroperitoneal().without("Bowel_Small").with_(Bowel_Large=ABDOMEN["Bowel_Large"]),),
        INCOMPLETE,
        "Colon alone never stands for small bowel",
        deciding=("Bowel_Small",),
    ),
    Scenario(
        "node of unknown region",
        lambda: (
            retroperitoneal()
            .without(*RETRO[:5])
            .renamed(PTV_node_retroperitoneal="PTV_node", GTV_node_retroperitoneal="GTV_node"),
        ),
        INCOMPLETE_AT_LEAST,
        "A node lies anywhere: without its region nobody knows what must be drawn",
        deciding=("node",),
    ),
)
