"""Targets in the lung: peripheral, central, ultracentral; one to three lesions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from scenarios.bodies import THORAX
from scenarios.phantom import (
    Cut,
    DoseOf,
    Ellipsoid,
    Hollow,
    Scene,
    Tube,
    ball,
    bath,
    grown,
    moved,
    named,
    shot,
    total,
)
from scenarios.record import (
    FAIL,
    GOOD,
    INCOMPLETE,
    INCOMPLETE_AT_LEAST,
    MARGINAL,
    MARGINAL_AT_LEAST,
    Claim,
    Scenario,
)

# What is drawn for a target more than 5 cm from the airway, below the carina; and for all others.
FEW_ORGANS = ("Lung_L", "Lung_R", "SpinalCord", "Esophagus", "ProximalBronchialTree")
ORGANS = (*FEW_ORGANS, "Trachea", "Heart", "GreatVes")
REACH = ((-174.0, -117.0, -135.0), (174.0, 117.0, 135.0))
RUL = ball((-104, 0, 20), 16)
SMALL = ball((-102, 0, 20), 12)
AT_RIB = ball((-125, 0, 10), 15)
BASE = ball((-95, 0, -75), 14)
LUNGS = "Lung_L+Lung_R"
AIRWAY = "ProximalBronchialTree"


def organs_around(*targets: Ellipsoid) -> tuple[str, ...]:
    """What the targets ask to be drawn."""
    far = all(abs(t.centre[0]) - t.radii[0] > 86 and t.centre[2] + t.radii[2] < 38 for t in targets)
    return FEW_ORGANS if far else ORGANS


def chest(
    ptv: Ellipsoid,
    rx_gy: float,
    n_fractions: int,
    *,
    dose: DoseOf | None = None,
    margin_mm: float = 5.0,
) -> Scene:
    """One lesion of the lung with what must be drawn for it."""
    return Scene(
        {**named(organs_around(ptv), THORAX), "PTV_lung": ptv, "GTV_lung": grown(ptv, -margin_mm)},
        dose or shot(ptv, rx_gy),
        {"PTV_lung": rx_gy},
        n_fractions,
        REACH,
        label=f"lung {rx_gy:g} in {n_fractions}",
    )


def one(
    ptv: Ellipsoid, rx_gy: float, n_fractions: int, *, dose: DoseOf | None = None, margin_mm: float = 5.0
) -> tuple[Scene, ...]:
    return (chest(ptv, rx_gy, n_fractions, dose=dose, margin_mm=margin_mm),)


def covered(rx_gy: float, roi: str = "PTV_lung") -> tuple[Claim, ...]:
    """A plan normalised to D95%."""
    return (Claim(roi, "D95%", 0.995 * rx_gy, 1.03 * rx_gy), Claim(roi, "D98%", 0.9 * rx_gy, 1.05 * rx_gy))


def at_the_rib() -> tuple[Scene, ...]:
    scene = chest(AT_RIB, 55.0, 5)
    return (scene.with_(Chestwall=THORAX["Chestwall"], BODY=THORAX["BODY"]),)


def beside_liver() -> tuple[Scene, ...]:
    liver = Cut(Ellipsoid((-75, -15, -150), (70, 62, 60)), low=-135)
    return (chest(BASE, 48.0, 4).with_(Liver=liver),)


def small_lungs() -> tuple[Scene, ...]:
    left, right = Ellipsoid((80, 0, 40), (38, 50, 82)), Ellipsoid((-84, 0, 40), (40, 50, 82))
    return (chest(SMALL, 50.0, 5).with_(Lung_L=left, Lung_R=right),)


def pneumonectomy() -> tuple[Scene, ...]:
    scene = chest(SMALL, 50.0, 5).without("Lung_L")
    return (scene.with_(Lung_R=Ellipsoid((-86, 0, 0), (48, 66, 105))),)


def two_lungs_two_lesions() -> tuple[Scene, ...]:
    first, second = ball((-102, 10, 20), 13), ball((101, 5, -10), 12)
    scene = Scene(
        {
            **named(organs_around(first, second), THORAX),
            "PTV_RUL": first,
            "GTV_RUL": grown(first, -5),
            "PTV_LLL": second,
        },
        total(shot(first, 47.4), shot(second, 47.4)),
        {"PTV_RUL": 48.0, "PTV_LLL": 48.0},
        4,
        REACH,
        label="lung two lesions",
    )
    return (scene.scaled(1.005),)


def three_lesions() -> tuple[Scene, ...]:
    targets = {"PTV1": ball((-103, 10, 20), 15), "PTV2": ball((-103, 0, -50), 15), "PTV3": ball((103, 0, 0), 15)}
    scene = Scene(
        {**named(organs_around(*targets.values()), THORAX), **targets},
        total(*(shot(t, 49.4, r50=5.0) for t in targets.values())),
        dict.fromkeys(targets, 50.0),
        5,
        REACH,
        label="lung three lesions",
    )
    return (scene,)


def large(bath_gy: float, region: Ellipsoid, *, radius: float = 34, r50: float = 3.4) -> tuple[Scene, ...]:
    ptv = ball((-84, 0, 10), radius)
    return one(ptv, 50.0, 5, dose=total(shot(ptv, 50.0 - bath_gy, r50=r50), bath(region, bath_gy)))


def low_dose_everywhere() -> tuple[Scene, ...]:
    left, right = Ellipsoid((86, 0, 0), (50, 74, 122)), Ellipsoid((-86, 0, 0), (54, 76, 122))
    return one(RUL, 50.0, 5, dose=total(shot(RUL, 40.5), bath(left, 10.9), bath(right, 10.9)))


def normalised_to_99(rx_gy: float = 50.0) -> tuple[Scene, ...]:
    """The prescription at D99%: D95% is above it."""
    return one(RUL, rx_gy, 5, dose=shot(RUL, rx_gy, covered=1.06, peak=1.4, r50=4.6))


def spill_elsewhere(factor: float) -> tuple[Scene, ...]:
    ptv, elsewhere = ball((-102, 0, 20), 12), ball((-102, 5, -40), 15)
    return one(ptv, 50.0, 5, dose=total(shot(ptv, 49.5), shot(elsewhere, 50.0 * factor, peak=1.1)))


def in_the_oesophagus() -> tuple[Scene, ...]:
    return one(ball((-14, 24, 75), 13), 54.0, 3)


def skin_near() -> tuple[Scene, ...]:
    """A thin patient: the lesion at the chest wall lies 10 mm under the skin."""
    scene = chest(AT_RIB, 54.0, 3)
    skin = Hollow(Tube((0, 0), (142, 112), -50, 70), Tube((0, 0), (137, 107), -50, 70))
    return (scene.with_(BODY=Tube((0, 0), (142, 112), -135, 135), Skin=skin, Chestwall=THORAX["Chestwall"]),)


def eight_targets() -> tuple[Scene, ...]:
    """Four targets of one dose, only one of them with a prescription of its own."""
    places = ((-104, 10, 20), (-100, 0, -50), (100, 0, -40), (104, 10, 20))
    targets = {f"PTV{i + 1}": ball(place, 11) for i, place in enumerate(places)}
    return (
        Scene(
            {**named(organs_around(*targets.values()), THORAX), **targets},
            total(*(shot(t, 49.5) for t in targets.values())),
            {"PTV1": 50.0},
            5,
            REACH,
            label="lung four lesions",
        ),
    )


def oesophagus_is_the_heart() -> tuple[Scene, ...]:
    return (chest(RUL, 54.0, 3).with_(Esophagus=THORAX["Heart"]),)


def cord_of_one_slice() -> tuple[Scene, ...]:
    scene = chest(RUL, 54.0, 3).with_(SpinalCord=Tube((0, 76), (3, 3), 18, 22))
    return (replace(scene, planes_mm={"SpinalCord": 2.0}),)


def cord_too_short() -> tuple[Scene, ...]:
    return (chest(RUL, 54.0, 3).with_(SpinalCord=Tube((0, 76), (6, 5), -130, 15)),)


def gtv_outside() -> tuple[Scene, ...]:
    scene = chest(RUL, 54.0, 3)
    return (scene.with_(GTV_lung=moved(scene.solids["GTV_lung"], (0, 0, 10))),)


PERIPHERAL = (
    Scenario(
        "lung peripheral 54 in 3",
        partial(one, RUL, 54.0, 3),
        GOOD,
        "The standard of care of a peripheral early lung cancer, every organ far away",
        claims=(*covered(54.0), Claim(LUNGS, "V20Gy", 1, 8), Claim("SpinalCord", "D0.035cc", 0, 18)),
    ),
    Scenario(
        "lung peripheral 48 in 4",
        partial(one, RUL, 48.0, 4),
        GOOD,
        "RTOG 0915, the four-fraction arm",
        claims=covered(48.0),
    ),
    Scenario(
        "lung base 48 in 4 beside a liver drawn in part",
        beside_liver,
        GOOD,
        "The scan ends in the liver: its drawn dome cannot show the spared volume, and the lung plan does not need it",
        claims=(*covered(48.0), Claim("Liver", "Volume", 200, 500)),
    ),
    Scenario(
        "lung peripheral 50 in 5", partial(one, RUL, 50.0, 5), GOOD, "A peripheral lesion in five", claims=covered(50.0)
    ),
    Scenario(
        "lung peripheral 34 in 1",
        partial(one, SMALL, 34.0, 1),
        GOOD,
        "RTOG 0915, the single-fraction arm, a small lesion away from the chest wall",
        claims=covered(34.0),
    ),
    Scenario(
        "lung 55 in 5 at the chest wall",
        at_the_rib,
        GOOD,
        "Chest wall above its optimal dose is the price of a lesion that touches it: a variation",
        claims=(*covered(55.0), Claim("Chestwall", "D0.035cc", 40, 60), Claim("Chestwall", "D30cc", 5, 32)),
    ),
    Scenario(
        "lung small lungs",
        small_lungs,
        GOOD,
        "Lungs of 1.3 L cannot spare 1.5 L at any dose; V20 and mean, which can be met, are met",
        claims=(*covered(50.0), Claim(LUNGS, "Volume", 1200, 1450), Claim(LUNGS, "V20Gy", 0, 9)),
    ),
    Scenario(
        "lung after pneumonectomy",
        pneumonectomy,
        GOOD,
        "One lung left and declared: its V20 and mean are low, 1.5 L spared is not there to be asked for",
        claims=(*covered(50.0), Claim("Lung_R", "V20Gy", 0, 9), Claim("Lung_R", "Volume", 1200, 1500)),
        case='[[absent]]\norgan = "Lung_L"\nreason = "left pneumonectomy 2019"\n',
    ),
    Scenario(
        "lung two lesions 48 in 4",
        two_lungs_two_lesions,
        GOOD,
        "One small lesion in each lung in one plan",
        claims=(Claim("PTV_RUL", "D95%", 47.6, 49.5), Claim("PTV_LLL", "D95%", 47.6, 49.5)),
        options={"sites": {"": "lung"}},
    ),
    Scenario(
        "lung three lesions 50 in 5",
        three_lesions,
        GOOD,
        "Three lesions, lung V20 still below ten percent",
        claims=(*(Claim(f"PTV{i}", "D95%", 49.5, 51.5) for i in (1, 2, 3)), Claim(LUNGS, "V20Gy", 6, 10)),
        options={"sites": {"": "lung"}},
    ),
    Scenario(
        "lung V20 of 12 percent",
        partial(large, 5.0, Ellipsoid((-84, 0, 10), (52, 70, 80)), radius=24, r50=4.4),
        GOOD,
        "Between the two limits of RTOG 0813: a variation as the protocol words it",
        claims=(Claim(LUNGS, "V20Gy", 10.5, 14.5), Claim(LUNGS, "Mean", 4, 9.5)),
    ),
    Scenario(
        "lung normalised to D99%",
        normalised_to_99,
        GOOD,
        "The prescription covers 99 % of the PTV: a habit of good centres, not an overdose",
        claims=(Claim("PTV_lung", "D99%", 49.5, 51.5), Claim("PTV_lung", "D95%", 51.5, 55.0)),
        case='normalised_to = "D99% = 100%"\n',
    ),
    Scenario(
        "lung D95 of 98 percent",
        lambda: (chest(RUL, 54.0, 3).scaled(0.978),),
        GOOD,
        "One or two percent of coverage short is a variation",
        claims=(Claim("PTV_lung", "Rx:D95%", 97.2, 98.8),),
    ),
    Scenario(
        "lung with a helper and a structure of no interest nearby",
        lambda: (
            chest(RUL, 54.0, 3).with_(zRing=Hollow(grown(RUL, 20), grown(RUL, 8)), Breast_R=ball((-100, -88, 20), 22)),
        ),
        GOOD,
        "An optimisation ring and a breast beside the target ask for no limit",
        claims=covered(54.0),
    ),
)

MORE_GOOD = (
    Scenario(
        "lung 45 in 3 of a metastasis with ITV",
        lambda: (chest(RUL, 45.0, 3).renamed(GTV_lung="ITV_lung"),),
        GOOD,
        "A metastasis planned on its ITV",
        claims=covered(45.0),
    ),
    Scenario(
        "lung D95 of 99.2 percent",
        lambda: (chest(RUL, 50.0, 5).scaled(0.989),),
        GOOD,
        "Plans are normalised to exactly this",
        claims=(Claim("PTV_lung", "Rx:D95%", 99.0, 99.8),),
    ),
    Scenario(
        "lung with a structure nearby that nobody understands",
        lambda: (chest(RUL, 54.0, 3).with_(Xyz_7=ball((-104, 40, 20), 8)),),
        GOOD,
        "A structure of no organ's name is said and judged by nothing",
        said=("Xyz_7",),
        claims=(*covered(54.0), Claim("Xyz_7", "D0.035cc", 8, 30)),
    ),
    Scenario(
        "lung with the skin drawn as a ring",
        lambda: (
            chest(RUL, 54.0, 3).with_(
                Skin=Hollow(Tube((0, 0), (172, 115), -30, 100), Tube((0, 0), (167, 110), -30, 100))
            ),
        ),
        GOOD,
        "The skin is the ring between two lines, not all that lies inside them",
        claims=(*covered(54.0), Claim("Skin", "D0.035cc", 0, 12)),
    ),
    Scenario(
        "lung 60 in 8 peripheral",
        partial(one, RUL, 60.0, 8),
        GOOD,
        "Eight fractions for a lesion that would have stood five",
        claims=covered(60.0),
    ),
    Scenario(
        "lung gradient of a protocol at its limit",
        lambda: one(RUL, 50.0, 5, dose=shot(RUL, 50.0, peak=1.18, r50=5.1)),
        GOOD,
        "A flat plan with a wide 50 % isodose: lines and variations of RTOG 0813",
        claims=covered(50.0),
    ),
    Scenario(
        "lung confirmed small airway",
        lambda: (chest(SMALL, 54.0, 3).with_(ProximalBronchialTree=Tube((0, 6), (11, 6), 17, 39)),),
        GOOD,
        "A tree of 4 cc, looked at and confirmed",
        claims=(Claim(AIRWAY, "Volume", 2.5, 4.9),),
        case='confirmed = ["ProximalBronchialTree"]\n',
    ),
)

CENTRAL = (
    Scenario(
        "lung central 50 in 5 within TG-101",
        partial(one, ball((-62, 0, 30), 14), 50.0, 5),
        GOOD,
        "Central by 15 mm, every limit of TG-101 met",
        said=("central",),
        claims=(*covered(50.0), Claim(AIRWAY, "D0.035cc", 10, 35), Claim(AIRWAY, "D4cc", 0, 16)),
    ),
    Scenario(
        "lung central 50 in 5 with the airway above TG-101",
        partial(one, ball((-50.4, 6, 28), 14), 50.0, 5, dose=shot(ball((-50.4, 6, 28), 14), 50.0, r50=5.6)),
        MARGINAL,
        "RTOG 0813 itself allowed 52.5 Gy to the airway; beyond TG-101 a physician must decide",
        deciding=("ProximalBronchialTree",),
        claims=(*covered(50.0), Claim(AIRWAY, "D0.035cc", 41, 52)),
    ),
    Scenario(
        "lung 60 in 5 with the airway beyond RTOG 0813",
        partial(one, ball((-40, 6, 28), 14), 60.0, 5),
        FAIL,
        "The airway gets more than any protocol of five fractions allowed",
        deciding=("ProximalBronchialTree",),
        claims=(Claim(AIRWAY, "D0.035cc", 54, 90),),
    ),
    Scenario(
        "lung central 60 in 8 with the airway at 42 Gy",
        partial(one, ball((-52, 6, 28), 14), 60.0, 8),
        GOOD,
        "Within LungTech's 44 Gy: a variation of the 40 Gy that others ask",
        claims=(*covered(60.0), Claim(AIRWAY, "D0.035cc", 40.2, 43.8)),
    ),
    Scenario(
        "lung central 60 in 8 with the airway at 50 Gy",
        partial(one, ball((-50.5, 6, 28), 14), 60.0, 8),
        MARGINAL,
        "Eight fractions with the airway above LungTech's limit: the doses of HILUS",
        deciding=("ProximalBronchialTree",),
        claims=(*covered(60.0), Claim(AIRWAY, "D0.035cc", 45, 55)),
    ),
    Scenario(
        "lung central 54 in 3",
        partial(one, ball((-66, 0, 30), 14), 54.0, 3),
        MARGINAL_AT_LEAST,
        "Three fractions within 2 cm of the bronchial tree: excessive toxicity in the first trials",
        deciding=("central",),
        claims=(*covered(54.0), Claim(AIRWAY, "D0.035cc", 5, 29), Claim(AIRWAY, "D4cc", 0, 14.8)),
    ),
    Scenario(
        "lung ultracentral in the oesophagus 54 in 3",
        in_the_oesophagus,
        FAIL,
        "The target overlaps the oesophagus: ultracentral by any definition, and three fractions perforate",
        deciding=("Esophagus",),
        said=("ultracentral",),
        claims=(Claim("Esophagus", "D0.035cc", 45, 80),),
    ),
    Scenario(
        "lung 2 mm from the heart 50 in 5",
        partial(one, ball((64.5, -40, -45), 13), 50.0, 5),
        MARGINAL,
        "Touching the heart is central; the heart is above TG-101 and below RTOG 0813's point",
        deciding=("Heart",),
        said=("central",),
        claims=(*covered(50.0), Claim("Heart", "D0.035cc", 39, 52)),
    ),
)

DANGEROUS = (
    Scenario(
        "lung V20 of 35 percent",
        partial(large, 22.0, Ellipsoid((-84, 0, 5), (54, 74, 98))),
        FAIL,
        "V20 of 35 % and a mean of 15 Gy: fatal pneumonitis was seen at half of that",
        deciding=("Lungs", "V20"),
        claims=(Claim(LUNGS, "V20Gy", 28, 40), Claim(LUNGS, "Mean", 11, 18), Claim("PTV_lung", "Volume", 155, 175)),
    ),
    Scenario(
        "lung mean dose above 10 Gy",
        low_dose_everywhere,
        MARGINAL,
        "V20 is low and the mean is not: a low-dose bath in both lungs",
        deciding=("Lungs", "Mean"),
        claims=(Claim(LUNGS, "V20Gy", 0, 9.5), Claim(LUNGS, "Mean", 10.2, 12), Claim(LUNGS, "CV12.5Gy", 1600)),
    ),
    Scenario(
        "lung dose shifted by 12 mm",
        lambda: (chest(RUL, 54.0, 3, dose=shot(RUL, 54.0, r50=3.6)).shifted((12, 0, 0)),),
        FAIL,
        "The dose stands beside the tumour",
        deciding=("PTV_lung",),
        quiet=("uncertainty",),
        claims=(
            Claim("PTV_lung", "V54Gy", 20, 65),
            Claim("PTV_lung", "Rx:D95%", 10, 75),
            Claim("GTV_lung", "Rx:D98%", 10, 89),
        ),
    ),
    Scenario(
        "lung V100 of 73 percent with no organ near",
        lambda: one(RUL, 54.0, 3, dose=shot(RUL, 54.0, covered=0.73)),
        FAIL,
        "A quarter of the target is short of its dose and nothing explains it",
        deciding=("PTV_lung",),
        claims=(Claim("PTV_lung", "V54Gy", 69, 77),),
    ),
    Scenario(
        "lung D95 of 96 percent",
        lambda: (chest(RUL, 54.0, 3).scaled(0.962),),
        MARGINAL,
        "Four percent short without a reason",
        deciding=("PTV_lung", "D95%"),
        claims=(
            Claim("PTV_lung", "Rx:D95%", 95.5, 96.9),
            Claim("PTV_lung", "V54Gy", 80.5),
            Claim("GTV_lung", "Rx:D98%", 100),
        ),
    ),
    Scenario(
        "lung dose scaled by 1.12",
        lambda: (chest(RUL, 50.0, 5).scaled(1.12),),
        FAIL,
        "Every point of the target gets more than 110 % of what was prescribed",
        deciding=("PTV_lung",),
        claims=(Claim("PTV_lung", "Rx:D98%", 110.3, 114),),
    ),
    Scenario(
        "lung dose scaled by 1.07",
        lambda: (chest(RUL, 50.0, 5).scaled(1.07),),
        MARGINAL,
        "More is delivered than was prescribed: normalisation or scaling",
        deciding=("PTV_lung",),
        claims=(Claim("PTV_lung", "Rx:D98%", 105.3, 109.5),),
    ),
    Scenario(
        "lung computed in water",
        lambda: (replace(chest(RUL, 54.0, 3), heterogeneity="WATER"),),
        MARGINAL,
        "Without heterogeneity correction the dose in the lung is a fiction",
        deciding=("water",),
        claims=covered(54.0),
    ),
    Scenario(
        "lung skin at 50 Gy in 3",
        skin_near,
        MARGINAL_AT_LEAST,
        "Skin at half again its limit ulcerates",
        deciding=("Skin",),
        claims=(Claim("Skin", "D0.035cc", 40, 60),),
    ),
    Scenario(
        "lung oesophagus drawn as the heart",
        oesophagus_is_the_heart,
        INCOMPLETE,
        "A copied structure: nobody has looked at the oesophagus",
        deciding=("Esophagus",),
        claims=(Claim("Esophagus", "Volume", 280, 330),),
    ),
    Scenario(
        "lung cord of one slice",
        cord_of_one_slice,
        INCOMPLETE,
        "A cord of 0.1 cc beside the target is a slip of the pen",
        deciding=("SpinalCord",),
        claims=(Claim("SpinalCord", "Volume", 0.05, 0.2),),
    ),
    Scenario(
        "lung cord ends below the target",
        cord_too_short,
        INCOMPLETE,
        "Where the cord lies nearest to the target it is not drawn",
        deciding=("SpinalCord",),
        claims=(Claim("SpinalCord", "D0.035cc", 0, 18),),
    ),
    Scenario(
        "lung without the airway",
        lambda: (chest(RUL, 54.0, 3).without("ProximalBronchialTree"),),
        INCOMPLETE,
        "Without the bronchial tree nobody knows whether the lesion is central",
        deciding=("ProximalBronchialTree",),
    ),
    Scenario(
        "lung one lung not drawn and no resection declared",
        lambda: (chest(RUL, 54.0, 3).without("Lung_L"),),
        INCOMPLETE,
        "V20 of one lung is no number of both",
        deciding=("Lung",),
    ),
    Scenario(
        "lung four targets and one prescription",
        eight_targets,
        INCOMPLETE_AT_LEAST,
        "Three targets get a full dose that no prescription explains",
        deciding=("PTV2",),
        claims=(Claim("PTV1", "D95%", 49.5, 51.5), Claim("PTV2", "D95%", 49.5, 51.5)),
        options={"sites": {"": "lung"}},
    ),
    Scenario(
        "lung GTV outside its PTV",
        gtv_outside,
        MARGINAL_AT_LEAST,
        "The tumour leaves its own margin",
        deciding=("GTV_lung",),
    ),
    Scenario(
        "lung tumour of 5.2 cm in 3",
        lambda: one(ball((-84, 0, 10), 29), 54.0, 3, dose=shot(ball((-84, 0, 10), 29), 54.0, r50=2.9), margin_mm=3),
        MARGINAL,
        "RTOG 0236 and 0915 entered tumours up to 5 cm",
        deciding=("RTOG 0236",),
        claims=(*covered(54.0), Claim(LUNGS, "V20Gy", 0, 14.8)),
    ),
    Scenario(
        "lung a second volume at the prescription",
        partial(spill_elsewhere, 0.96),
        MARGINAL_AT_LEAST,
        "The prescription isodose holds more than twice the target's volume",
        deciding=("PTV_lung",),
        claims=covered(50.0),
    ),
    Scenario(
        "lung hottest spot outside the target",
        partial(spill_elsewhere, 1.3),
        MARGINAL_AT_LEAST,
        "The maximum of the plan lies where nothing is to be treated",
        deciding=("outside",),
        claims=covered(50.0),
    ),
    Scenario(
        "lung maximum above 200 percent",
        partial(one, RUL, 50.0, 5, dose=shot(RUL, 50.0, peak=2.15)),
        MARGINAL_AT_LEAST,
        "Twice the prescription in the middle: is the prescription the right one",
        deciding=("maximum",),
        claims=(Claim("PTV_lung", "D0.035cc", 100.5, 110), *covered(50.0)),
    ),
    Scenario(
        "lung dose grid saturated",
        lambda: (replace(chest(RUL, 54.0, 3), saturated_at_gy=57.0),),
        INCOMPLETE,
        "A plateau at the highest value: the file cannot hold the doses that were computed",
        deciding=("dose",),
        claims=(Claim("GTV_lung", "V57Gy", 90),),
    ),
)

SCENARIOS = (*PERIPHERAL, *MORE_GOOD, *CENTRAL, *DANGEROUS)
