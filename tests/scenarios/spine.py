"""Vertebrae from the neck to the sacrum: cord and cauda decide, and coverage gives way to them."""

from __future__ import annotations

from dataclasses import replace

from scenarios.bodies import ABDOMEN, NECK, PELVIS, THORAX
from scenarios.phantom import DoseOf, Ellipsoid, Scene, Solid, Tube, grown, named, shot, sparing
from scenarios.record import FAIL, GOOD, INCOMPLETE, MARGINAL_AT_LEAST, REFUSED, Claim, Scenario

THORACIC = ("SpinalCord", "Esophagus", "Lung_L", "Lung_R", "Heart", "GreatVes", "ProximalBronchialTree")
LUMBAR = ("CaudaEquina", "Kidney_L", "Kidney_R", "Bowel_Small", "Duodenum", "Stomach", "Liver")
SACRAL = ("CaudaEquina", "SacralPlex_L", "SacralPlex_R", "Rectum", "Bowel_Small", "Bladder")
CERVICAL = ("SpinalCord", "Esophagus", "BrachialPlex_L", "BrachialPlex_R", "Trachea")
T8 = Ellipsoid((0, 54, -10), (20, 14, 14))
AT_CORD = Ellipsoid((0, 55, -10), (18, 15.5, 11))
L3 = Ellipsoid((0, 50, -62), (22, 17, 15))
L4 = Ellipsoid((0, 52, -110), (22, 17, 15))
S2 = Ellipsoid((0, 66, -45), (24, 13, 16))
C5 = Ellipsoid((0, 27, 0), (14, 12, 10))
CORD = THORAX["SpinalCord"]
MIDDLE_OF_CORD = Tube((0, 80), (5, 3), -130, 130)
CAUDA = ABDOMEN["CaudaEquina"]


def drawn_around(solid: Solid, z: float, reach_mm: float) -> Solid:
    """A cord as it is drawn: some vertebrae up and down."""
    assert isinstance(solid, Tube)
    return replace(solid, low=max(solid.low, z - reach_mm), high=min(solid.high, z + reach_mm))


def vertebra(
    level: str,
    ptv: Ellipsoid,
    rx_gy: float,
    n_fractions: int,
    *,
    organs: tuple[str, ...],
    body: dict[str, Solid],
    spared: Solid,
    to: float,
    within_mm: float = 4.0,
    boost: float = 1.02,
    dose: DoseOf | None = None,
) -> Scene:
    """One vertebral body, the dose held back at cord or cauda."""
    assert isinstance(spared, Tube | Ellipsoid)
    centre = ptv.centre[2]
    height = 125 if "Lung_L" in organs else 95
    solids = named(organs, body)
    cut = {
        roi: drawn_around(solids[roi], centre, height - 15) for roi in ("SpinalCord", "CaudaEquina") if roi in solids
    }
    return Scene(
        {**solids, **cut, f"PTV_{level}": ptv, f"CTV_{level}": grown(ptv, -2)},
        dose or sparing(shot(ptv, boost * rx_gy, r50=4.0), spared, to=to, within_mm=within_mm),
        {f"PTV_{level}": rx_gy},
        n_fractions,
        ((-150.0, -100.0, centre - height), (150.0, 110.0, centre + height)),
        label=f"spine {level} {rx_gy:g} in {n_fractions}",
    )


def thoracic(
    rx_gy: float, n_fractions: int, *, to: float, within_mm: float = 4.0, boost: float = 1.02, near: bool = False
) -> Scene:
    """``near``: the target reaches the cord, and the dose falls inside it."""
    return vertebra(
        "T8",
        AT_CORD if near else T8,
        rx_gy,
        n_fractions,
        organs=THORACIC,
        body=THORAX,
        spared=MIDDLE_OF_CORD if near else CORD,
        to=to,
        within_mm=within_mm,
        boost=boost,
    )


def lumbar(rx_gy: float, n_fractions: int, *, to: float, level: str = "L3") -> Scene:
    ptv = L3 if level == "L3" else L4
    return vertebra(level, ptv, rx_gy, n_fractions, organs=LUMBAR, body=ABDOMEN, spared=CAUDA, to=to)


def epidural() -> tuple[Scene, ...]:
    """The target enters the canal; canal and cord are both drawn."""
    ptv = Ellipsoid((0, 55, -10), (20, 17, 14))
    canal = Tube((0, 76), (10, 9), -130, 130)
    scene = vertebra("T8", ptv, 35.0, 5, organs=THORACIC, body=THORAX, spared=CORD, to=0.62, within_mm=4.0, boost=1.06)
    return (scene.without("ProximalBronchialTree").with_(SpinalCanal=canal),)


def sacral() -> tuple[Scene, ...]:
    return (vertebra("S2", S2, 30.0, 5, organs=SACRAL, body=PELVIS, spared=PELVIS["CaudaEquina"], to=0.6),)


def cervical() -> tuple[Scene, ...]:
    return (vertebra("C5", C5, 30.0, 5, organs=CERVICAL, body=NECK, spared=NECK["SpinalCord"], to=0.62),)


def level_unknown() -> tuple[Scene, ...]:
    scene = thoracic(24.0, 2, to=0.55).without(*THORACIC[1:])
    return (replace(scene.renamed(PTV_T8="PTV_spine", CTV_T8="CTV_spine"), label="spine 24 in 2"),)


SCENARIOS = (
    Scenario(
        "spine T8 24 in 2",
        lambda: (thoracic(24.0, 2, to=0.55),),
        GOOD,
        "The scheme of SC.24; cord below HyTEC's 17 Gy",
        claims=(
            Claim("SpinalCord", "D0.035cc", 9, 17.0),
            Claim("PTV_T8", "V24Gy", 82, 100),
            Claim("Esophagus", "D0.035cc", 8, 22),
        ),
    ),
    Scenario(
        "spine T8 27 in 3",
        lambda: (thoracic(27.0, 3, to=0.5),),
        GOOD,
        "Nine Gray three times; cord below HyTEC's 20.3 Gy",
        claims=(
            Claim("SpinalCord", "D0.035cc", 9, 20.2),
            Claim("SpinalCord", "D0.35cc", 0, 18.0),
            Claim("SpinalCord", "D1.2cc", 0, 14.5),
            Claim("PTV_T8", "V27Gy", 82, 100),
        ),
    ),
    Scenario(
        "spine L3 30 in 5",
        lambda: (lumbar(30.0, 5, to=0.7),),
        GOOD,
        "A lumbar vertebra; kidneys and bowel of the level drawn and low",
        claims=(
            Claim("CaudaEquina", "D0.035cc", 12, 31),
            Claim("PTV_L3", "V30Gy", 85),
            Claim("Kidney_L", "Mean", 0, 9),
        ),
    ),
    Scenario(
        "spine T8 35 in 5 with epidural disease",
        epidural,
        GOOD,
        "Disease in the canal: the canal is in the target and the cord is not; both drawn, the cord decides",
        claims=(
            Claim("SpinalCord", "D0.035cc", 18, 28.5),
            Claim("SpinalCord", "D1.2cc", 0, 17.2),
            Claim("SpinalCanal", "D0.035cc", 30, 45),
            Claim("PTV_T8", "V35Gy", 80.5),
        ),
    ),
    Scenario(
        "spine T8 30 in 5 with the cord at 27 Gy",
        lambda: (thoracic(30.0, 5, to=0.4, within_mm=4.4, near=True, boost=1.05),),
        GOOD,
        "Between HyTEC's two values: a variation",
        claims=(Claim("SpinalCord", "D0.035cc", 25.4, 28.6), Claim("SpinalCord", "D1.2cc", 0, 17.2)),
    ),
    Scenario(
        "spine L4 30 in 3 with the cauda at 23 Gy",
        lambda: (lumbar(30.0, 3, to=0.97, level="L4"),),
        GOOD,
        "The cauda is held against cauda limits: 24 Gy, not the cord's 20",
        quiet=("SpinalCord",),
        claims=(Claim("CaudaEquina", "D0.035cc", 21.2, 23.9), Claim("CaudaEquina", "D5cc", 0, 21.5)),
    ),
    Scenario(
        "spine T8 18 in 1",
        lambda: (thoracic(18.0, 1, to=0.55),),
        GOOD,
        "Radiosurgery of a vertebra; cord below 10 Gy",
        claims=(Claim("SpinalCord", "D0.035cc", 5, 10), Claim("PTV_T8", "V18Gy", 82)),
    ),
    Scenario(
        "spine L4 35 in 5",
        lambda: (lumbar(35.0, 5, to=0.75, level="L4"),),
        GOOD,
        "Below the kidneys the cauda and the bowel count",
        claims=(Claim("CaudaEquina", "D0.035cc", 14, 31), Claim("PTV_L4", "V35Gy", 85)),
    ),
    Scenario(
        "spine S2 30 in 5",
        sacral,
        GOOD,
        "A sacral metastasis; plexus, rectum and bowel drawn",
        claims=(Claim("SacralPlex_L", "D0.035cc", 3, 31), Claim("Rectum", "D0.035cc", 2, 36)),
    ),
    Scenario(
        "spine C5 30 in 5",
        cervical,
        GOOD,
        "A cervical vertebra with both plexus drawn",
        claims=(Claim("SpinalCord", "D0.035cc", 9, 25), Claim("BrachialPlex_L", "D0.035cc", 0, 29)),
    ),
    Scenario(
        "spine T8 30 in 5 with the cord at 29.5 Gy",
        lambda: (thoracic(30.0, 5, to=0.4, within_mm=3.5, near=True, boost=1.12),),
        FAIL,
        "Above HyTEC's upper value: myelopathy",
        deciding=("SpinalCord",),
        claims=(Claim("SpinalCord", "D0.035cc", 29.0, 31),),
    ),
    Scenario(
        "spine T8 24 in 2 without the cord",
        lambda: (thoracic(24.0, 2, to=0.55).without("SpinalCord"),),
        INCOMPLETE,
        "No spine plan is judged without its cord",
        deciding=("SpinalCord",),
    ),
    Scenario(
        "spine L3 without the kidneys",
        lambda: (lumbar(30.0, 5, to=0.7).without("Kidney_L", "Kidney_R"),),
        INCOMPLETE,
        "Two kidneys lie beside L3",
        deciding=("Kidney",),
    ),
    Scenario(
        "spine of unknown level",
        level_unknown,
        INCOMPLETE,
        "Nobody says which vertebra, so nobody knows which organs are missing",
        deciding=("level",),
    ),
    Scenario(
        "spine dose at the wrong vertebra",
        lambda: (thoracic(27.0, 3, to=0.5).shifted((0, 0, 22)),),
        frozenset({*FAIL, *REFUSED}),
        "The next vertebra was treated",
        deciding=("PTV_T8",),
        claims=(Claim("PTV_T8", "V24.3Gy", 0, 60),),
    ),
    Scenario(
        "spine V100 of 70 percent",
        lambda: (thoracic(30.0, 3, to=0.5, within_mm=4.0, boost=0.94),),
        MARGINAL_AT_LEAST,
        "Less of the target than any spine protocol accepts, and the cord is not the reason",
        deciding=("PTV_T8",),
        claims=(Claim("PTV_T8", "V30Gy", 50, 79), Claim("PTV_T8", "V27Gy", 81), Claim("SpinalCord", "D0.035cc", 0, 18)),
    ),
)
