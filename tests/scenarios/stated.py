"""What the plan and the case file state: prescriptions to sites and points, organs declared far, excuses."""

from __future__ import annotations

from dataclasses import replace

from sbrtcheck.model import DoseReference
from scenarios.liver import DEEP, belly
from scenarios.lung import RUL, SMALL, chest, two_lungs_two_lesions
from scenarios.phantom import Scene, ball, shot
from scenarios.record import GOOD, INCOMPLETE, MARGINAL, MARGINAL_AT_LEAST, Claim, Scenario


def prescribed_to(scene: Scene, kind: str, gy: float) -> Scene:
    """The same plan with one prescription that names no structure."""
    point = RUL.centre if kind == "COORDINATES" else None
    reference = DoseReference(1, kind, "TARGET", target_prescription_gy=gy, description="target", point_mm=point)
    return replace(
        scene, prescriptions_gy={next(iter(scene.prescriptions_gy)): gy}, plan_facts={"dose_references": (reference,)}
    )


def at_the_isocentre() -> Scene:
    """48 Gy at the isocentre, 40 Gy at the edge: as JCOG0403 prescribed."""
    return prescribed_to(chest(RUL, 48.0, 4, dose=shot(RUL, 40.5, peak=1.18)), "COORDINATES", 48.0)


SCENARIOS = (
    Scenario(
        "stated to a site and covered",
        lambda: (prescribed_to(chest(RUL, 54.0, 3), "SITE", 54.0),),
        GOOD,
        "The system wrote a site and meant the volume: the target has its dose",
        claims=(Claim("PTV_lung", "D95%", 53.7, 55.5),),
    ),
    Scenario(
        "stated to one site, two targets covered",
        lambda: (prescribed_to(two_lungs_two_lesions()[0], "SITE", 48.0),),
        GOOD,
        "One prescription for two targets that both get it",
        claims=(Claim("PTV_RUL", "D95%", 47.6, 49.5), Claim("PTV_LLL", "D95%", 47.6, 49.5)),
        options={"sites": {"": "lung"}},
    ),
    Scenario(
        "stated at the isocentre",
        lambda: (at_the_isocentre(),),
        MARGINAL,
        "Prescribed to a point: what the edge of the target gets a person must want",
        deciding=("PTV_lung",),
        claims=(Claim("PTV_lung", "Rx:D95%", 81, 90), Claim("PTV_lung", "D0.035cc", 46, 49)),
    ),
    Scenario(
        "stated duodenum far away",
        lambda: (belly(DEEP, 50.0, 5).without("Duodenum"),),
        GOOD,
        "Somebody with a name has measured: 8 cm",
        case='[[far]]\norgan = "Duodenum"\ndistance_mm = 80\nname = "Dr. Example"\n',
    ),
    Scenario(
        "stated excuse of a liver at its limit",
        lambda: (belly(DEEP, 50.0, 5).scaled(0.962),),
        GOOD,
        "Coverage given up for a liver after resection, with the reason in writing",
        claims=(Claim("PTV_liver", "Rx:D95%", 95.2, 96.9), Claim("PTV_liver", "V50Gy", 80.3)),
        case='[[excuse]]\norgan = "Liver"\nreason = "mean at its limit after hepatectomy"\n',
    ),
    Scenario(
        "stated nothing of a liver that is short of dose",
        lambda: (belly(DEEP, 50.0, 5).scaled(0.962),),
        MARGINAL,
        "The same plan without a reason",
        deciding=("PTV_liver",),
    ),
    Scenario(
        "stated 60 in 6 fractions",
        lambda: (belly(DEEP, 60.0, 6),),
        INCOMPLETE,
        "No shipped table has limits for six fractions and none is borrowed",
        deciding=("6 fractions",),
    ),
    Scenario(
        "stated 54 in 3 beside the aorta",
        lambda: (chest(ball((48, 34, -20), 12), 54.0, 3),),
        MARGINAL_AT_LEAST,
        "The target touches the aorta: three fractions there are for nobody but a physician to decide",
        deciding=("GreatVes",),
        claims=(Claim("GreatVes", "D0.035cc", 40, 60),),
    ),
    Scenario(
        "stated another primary",
        lambda: (chest(SMALL, 50.0, 5),),
        GOOD,
        "A metastasis of a breast cancer: the rules for lung cancer are silent",
        case='primary = "breast"\n',
    ),
)
