"""Targets in the liver: lesions deep, at the dome and beside bowel."""

from __future__ import annotations

from dataclasses import replace

from scenarios.bodies import ABDOMEN
from scenarios.phantom import (
    Cut,
    DoseOf,
    Ellipsoid,
    Scene,
    ball,
    bath,
    grown,
    named,
    shot,
    sparing,
    total,
)
from scenarios.record import FAIL, GOOD, INCOMPLETE, Claim, Scenario

ORGANS = ("Liver", "SpinalCord", "Stomach", "Duodenum", "Bowel_Small", "Kidney_L", "Kidney_R")
DOME_ORGANS = ("Liver", "SpinalCord", "Stomach", "Esophagus", "Heart", "Lung_L", "Lung_R")
REACH = ((-160.0, -105.0, -120.0), (140.0, 105.0, 128.0))
DEEP = ball((-95, -20, 20), 18)
DOME = ball((-80, -20, 76), 14)
LOW = ball((-62, -42, -20), 15)
TOUCHING = Ellipsoid((-50, -45, -59), (45, 26, 24))
BOWEL = Ellipsoid((-50, -45, -62), (45, 26, 24))


def belly(ptv: Ellipsoid, rx_gy: float, n_fractions: int, *, dose: DoseOf | None = None) -> Scene:
    """One lesion of the liver with what lies around it."""
    return Scene(
        {**named(ORGANS, ABDOMEN), "PTV_liver": ptv, "GTV_liver": grown(ptv, -5)},
        dose or shot(ptv, rx_gy),
        {"PTV_liver": rx_gy},
        n_fractions,
        REACH,
        label=f"liver {rx_gy:g} in {n_fractions}",
    )


def low(dose: DoseOf | None = None) -> Scene:
    """Below the conus: the cauda goes on where the cord ends."""
    return belly(LOW, 50.0, 5, dose=dose).with_(CaudaEquina=ABDOMEN["CaudaEquina"])


def at_the_dome() -> tuple[Scene, ...]:
    scene = belly(DOME, 45.0, 3)
    reach = ((-160.0, -105.0, -20.0), (140.0, 105.0, 200.0))
    return (replace(scene.without(*ORGANS).with_(**named(DOME_ORGANS, ABDOMEN)), reach=reach),)


def cut_back_at_bowel(factor: float = 1.0) -> tuple[Scene, ...]:
    """The dose is held back where the bowel touches the target."""
    dose = sparing(shot(LOW, 50.5, r50=4.2), TOUCHING, to=0.63, within_mm=6.0)
    scene = low(dose=dose).with_(Bowel_Small=TOUCHING).scaled(factor)
    return (replace(scene, planes_mm={"Bowel_Small": 2.0}),)


def whole_liver(gy: float, n_fractions: int, rx_gy: float) -> tuple[Scene, ...]:
    around = grown(ABDOMEN["Liver"], 4)  # type: ignore[arg-type]
    return (belly(DEEP, rx_gy, n_fractions, dose=total(shot(DEEP, rx_gy - gy), bath(around, gy))),)


COVERED_50 = (Claim("PTV_liver", "D95%", 49.7, 51.5), Claim("PTV_liver", "D98%", 45, 52.5))

SCENARIOS = (
    Scenario(
        "liver 45 in 3",
        lambda: (belly(DEEP, 45.0, 3),),
        GOOD,
        "A metastasis deep in a healthy liver, bowel far away",
        claims=(
            Claim("PTV_liver", "D95%", 44.8, 46.5),
            Claim("Liver", "Mean", 2, 12),
            Claim("Liver", "CV19.2Gy", 800),
        ),
    ),
    Scenario(
        "liver 50 in 5",
        lambda: (belly(DEEP, 50.0, 5),),
        GOOD,
        "The same in five fractions",
        claims=(*COVERED_50, Claim("Liver", "Mean", 2, 12)),
    ),
    Scenario(
        "liver dome 45 in 3",
        at_the_dome,
        GOOD,
        "At the dome heart, oesophagus and lungs are drawn; bowel and kidneys lie 10 cm lower",
        claims=(Claim("PTV_liver", "D95%", 44.8, 46.5), Claim("Heart", "D0.035cc", 0, 25)),
    ),
    Scenario(
        "liver 50 in 5 cut back at bowel",
        cut_back_at_bowel,
        GOOD,
        "Coverage gives way to the bowel that has used its limit: correct practice",
        claims=(
            Claim("PTV_liver", "Rx:D95%", 90.5, 96.5),
            Claim("Bowel_Small", "D0.035cc", 28.2, 31),
            Claim("Bowel_Small", "D5cc", 0, 19.4),
            Claim("GTV_liver", "Rx:D98%", 100),
            Claim("PTV_liver", "V50Gy", 82),
        ),
    ),
    Scenario(
        "liver 45 in 3 with a mean of 14 Gy, metastasis",
        lambda: whole_liver(9.6, 3, 45.0),
        GOOD,
        "Below HyTEC's 15 Gy for metastases",
        claims=(Claim("Liver", "Mean", 13.2, 14.8), Claim("PTV_liver", "D95%", 44.8, 47)),
        case='[[lesion]]\nroi = "PTV_liver"\nliver_lesion = "metastasis"\n',
    ),
    Scenario(
        "liver bowel drawn as one and met",
        lambda: (belly(DEEP, 50.0, 5).renamed(Bowel_Small="Bowel"),),
        GOOD,
        "All bowel in one structure: larger than the small bowel, and it meets its limits",
        claims=(*COVERED_50, Claim("Bowel", "D0.035cc", 0, 20)),
    ),
    Scenario(
        "liver 37.5 in 3 of a primary",
        lambda: (belly(DEEP, 37.5, 3),),
        GOOD,
        "A primary in a liver that must be spared more: its mean is far below 13 Gy",
        claims=(Claim("PTV_liver", "D95%", 37.3, 39), Claim("Liver", "Mean", 1, 11)),
        case='[[lesion]]\nroi = "PTV_liver"\nliver_lesion = "primary"\n',
    ),
    Scenario(
        "liver 46 in 5 with a mean of 27 Gy",
        lambda: whole_liver(24.5, 5, 46.0),
        FAIL,
        "A mean liver dose that kills the liver, and nothing spared",
        deciding=("Liver",),
        claims=(Claim("Liver", "Mean", 24, 30), Claim("Liver", "CV15Gy", 0, 300)),
    ),
    Scenario(
        "liver 45 in 3 with a mean of 18 Gy, lesion not stated",
        lambda: whole_liver(14.8, 3, 45.0),
        FAIL,
        "Above 15 Gy: beyond HyTEC for metastases and for primaries alike, whatever is stated",
        deciding=("Liver",),
        claims=(Claim("Liver", "Mean", 16.5, 20), Claim("Liver", "CV19.2Gy", 750)),
    ),
    Scenario(
        "liver without the duodenum",
        lambda: (low().without("Duodenum"),),
        INCOMPLETE,
        "Low in the liver the duodenum lies within reach and is not drawn",
        deciding=("Duodenum",),
    ),
    Scenario(
        "liver bowel in the target, drawn as one",
        lambda: (low().without("Bowel_Small").with_(Bowel=Ellipsoid((-45, -52, -40), (40, 26, 24))),),
        INCOMPLETE,
        "Some loop in that structure is beyond its limit; which one is not drawn",
        deciding=("Bowel",),
        claims=(Claim("Bowel", "D0.035cc", 45, 70), Claim("Bowel", "D5cc", 25)),
    ),
    Scenario(
        "liver cut by the scan",
        lambda: (belly(DEEP, 50.0, 5).with_(Liver=Cut(ABDOMEN["Liver"], low=34)),),
        INCOMPLETE,
        "At the liver itself a liver drawn in part shows neither mean nor spared volume",
        deciding=("Liver",),
        claims=(Claim("Liver", "Volume", 500, 800), Claim("Liver", "CV21Gy", 0, 690)),
    ),
    Scenario(
        "liver small bowel beyond its limit",
        lambda: (low().with_(Bowel_Small=BOWEL),),
        FAIL,
        "Coverage was bought with the bowel",
        deciding=("Bowel_Small",),
        claims=(Claim("Bowel_Small", "D0.035cc", 36, 55), *COVERED_50),
    ),
    Scenario(
        "liver cut back far beyond what the bowel needs",
        lambda: cut_back_at_bowel(0.78),
        FAIL,
        "The bowel has used half of its limit: it excuses no missing dose",
        deciding=("PTV_liver",),
        claims=(Claim("PTV_liver", "Rx:D95%", 0, 85), Claim("Bowel_Small", "D0.035cc", 0, 27.9)),
    ),
)
