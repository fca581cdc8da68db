"""Targets in the adrenal glands, between kidney, duodenum, stomach and liver."""

from __future__ import annotations

from dataclasses import replace

from scenarios.bodies import ABDOMEN
from scenarios.phantom import DoseOf, Ellipsoid, Scene, ball, grown, moved, named, shot
from scenarios.record import FAIL, GOOD, INCOMPLETE, INCOMPLETE_AT_LEAST, Claim, Scenario

ORGANS = ("SpinalCord", "Kidney_L", "Kidney_R", "Stomach", "Duodenum", "Bowel_Small", "Liver")
REACH = ((-150.0, -105.0, -150.0), (150.0, 105.0, 122.0))
LEFT = ball((38, 30, 22), 17)
RIGHT = ball((-36, 42, 24), 15)


def gland(ptv: Ellipsoid, rx_gy: float, n_fractions: int, *, side: str = "L", dose: DoseOf | None = None) -> Scene:
    """One adrenal metastasis with the organs of its level."""
    name = f"PTV_adrenal_{side}"
    return Scene(
        {**named(ORGANS, ABDOMEN), name: ptv, f"GTV_adrenal_{side}": grown(ptv, -5)},
        dose or shot(ptv, rx_gy),
        {name: rx_gy},
        n_fractions,
        REACH,
        label=f"adrenal {rx_gy:g} in {n_fractions}",
    )


def beside_duodenum() -> tuple[Scene, ...]:
    scene = gland(LEFT, 40.0, 5)
    return (scene.with_(Duodenum=moved(ABDOMEN["Duodenum"], (18, 10, 46))),)


def bowel_in_the_target() -> tuple[Scene, ...]:
    """The plan of 0.1.0: everything around was beyond its limit, and nothing was judged."""
    kidneys = {
        "Kidney_L": Ellipsoid((60, 48, -18), (32, 28, 52)),
        "Kidney_R": Ellipsoid((-62, 60, -38), (32, 28, 52)),
    }
    ptv = ball((44, 36, 0), 24)
    scene = gland(ptv, 50.0, 5, dose=shot(ptv, 50.0, r50=5.5))
    bowel = Ellipsoid((30, 5, -10), (40, 22, 30))
    return (scene.without("Bowel_Small", "Duodenum").with_(Bowel=bowel, **kidneys),)


def with_beams(scene: Scene, gy_per_fraction: float) -> Scene:
    return replace(scene, plan_facts={"beam_dose_per_fraction_gy": gy_per_fraction, "n_treatment_beams": 2})


SCENARIOS = (
    Scenario(
        "adrenal 40 in 5 beside the duodenum",
        beside_duodenum,
        GOOD,
        "The duodenum 1 cm away and within every limit",
        claims=(
            Claim("PTV_adrenal_L", "D95%", 39.8, 41.5),
            Claim("Duodenum", "D0.035cc", 12, 31),
            Claim("Duodenum", "D5cc", 0, 17.5),
            Claim("Duodenum", "D10cc", 0, 12.3),
            Claim("Kidney_L", "Mean", 0, 14),
        ),
    ),
    Scenario(
        "adrenal right 45 in 5",
        lambda: (gland(RIGHT, 45.0, 5, side="R"),),
        GOOD,
        "A right adrenal metastasis behind the liver",
        claims=(Claim("PTV_adrenal_R", "D95%", 44.8, 46.5), Claim("Liver", "Mean", 0, 12)),
    ),
    Scenario(
        "adrenal 45 in 3",
        lambda: (gland(LEFT, 45.0, 3),),
        GOOD,
        "NRG-BR001: three fractions, kidneys and stomach spared",
        claims=(
            Claim("PTV_adrenal_L", "D95%", 44.8, 46.5),
            Claim("Kidney_L", "Mean", 0, 9),
            Claim("Stomach", "D0.035cc", 0, 20),
        ),
    ),
    Scenario(
        "adrenal 60 in 8",
        lambda: (gland(LEFT, 60.0, 8),),
        GOOD,
        "SABR-COMET: eight fractions beside kidney and stomach",
        claims=(Claim("PTV_adrenal_L", "D95%", 59.7, 61.8), Claim("Kidney_L", "Mean", 0, 12)),
    ),
    Scenario(
        "adrenal 45 in 5 with consistent beam doses",
        lambda: (with_beams(gland(LEFT, 45.0, 5), 9.0),),
        GOOD,
        "Prescription, beams and grid say the same",
        claims=(Claim("PTV_adrenal_L", "D95%", 44.8, 46.5),),
    ),
    Scenario(
        "adrenal 45 in 5 with beam doses at points far away",
        lambda: (with_beams(gland(LEFT, 45.0, 5), 5.1),),
        GOOD,
        "Some systems write beam doses at a point outside the target: a line, no more",
        claims=(Claim("PTV_adrenal_L", "D95%", 44.8, 46.5),),
    ),
    Scenario(
        "adrenal 50 in 5 with the bowel in the target",
        bowel_in_the_target,
        INCOMPLETE,
        "Bowel at 46 Gy to 5 cc and a kidney lost: nobody has judged the bowel",
        deciding=("Bowel",),
        said=("Kidney_L",),
        claims=(
            Claim("Bowel", "D5cc", 40, 55),
            Claim("Kidney_L", "Mean", 20, 42),
            Claim("SpinalCord", "D1.2cc", 0, 14.3),
        ),
    ),
    Scenario(
        "adrenal 45 in 5 with the duodenum named Bowel",
        lambda: (gland(LEFT, 45.0, 5).without("Bowel_Small").renamed(Duodenum="Bowel"),),
        INCOMPLETE,
        "What was judged as duodenum is bowel now: the duodenum is missing",
        deciding=("Duodenum",),
    ),
    Scenario(
        "adrenal right without duodenum and kidneys",
        lambda: (
            gland(RIGHT, 40.0, 5, side="R")
            .without("Duodenum", "Kidney_L", "Kidney_R", "Bowel_Small")
            .with_(Stomach=moved(ABDOMEN["Stomach"], (50, -10, 0))),
        ),
        INCOMPLETE,
        "A stomach 10 cm away stands for nothing that lies at the right adrenal",
        deciding=("Duodenum", "Kidney"),
    ),
    Scenario(
        "adrenal 45 in 5 with the dose file scaled by 1.33",
        lambda: (with_beams(gland(LEFT, 45.0, 5).scaled(1.33), 9.0),),
        FAIL,
        "The beams deliver what was prescribed and the dose file holds a third more: another plan or scale",
        deciding=("PTV_adrenal_L",),
        claims=(Claim("PTV_adrenal_L", "Rx:D95%", 131, 136),),
    ),
    Scenario(
        "adrenal 45 in 5 with the dose file scaled by 1.07",
        lambda: (with_beams(gland(LEFT, 45.0, 5).scaled(1.07), 9.0),),
        INCOMPLETE_AT_LEAST,
        "Seven percent more in the file than the beams deliver: which of the two is treated",
        deciding=("PTV_adrenal_L",),
        claims=(Claim("PTV_adrenal_L", "Rx:D98%", 105.3, 109.5),),
    ),
    Scenario(
        "adrenal not understood structure at 30 Gy",
        lambda: (beside_duodenum()[0].scaled(1.0).renamed(Duodenum="Duo1"),),
        INCOMPLETE,
        "Duo1 may be the duodenum that is missing",
        deciding=("Duodenum", "Duo1"),
    ),
)
