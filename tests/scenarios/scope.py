"""What the program has no list and no table for, and files that do not belong together."""

from __future__ import annotations

from dataclasses import replace

from sbrtcheck import Problem
from sbrtcheck.model import DoseReference
from scenarios.bodies import ABDOMEN
from scenarios.lung import RUL, chest
from scenarios.phantom import Ellipsoid, Scene, Tube, ball, grown, named, shot
from scenarios.record import GOOD, INCOMPLETE, INCOMPLETE_AT_LEAST, Claim, Scenario


def brain() -> tuple[Scene, ...]:
    ptv = ball((20, 0, 20), 10)
    solids = {
        "Brain": Ellipsoid((0, 0, 0), (65, 85, 60)),
        "BrainStem": Tube((0, 25), (12, 12), -60, -15),
        "PTV_brain": ptv,
        "GTV_brain": grown(ptv, -2),
    }
    return (Scene(solids, shot(ptv, 27.0), {"PTV_brain": 27.0}, 3, ((-80.0, -95.0, -75.0), (80.0, 95.0, 75.0))),)


def pancreas() -> tuple[Scene, ...]:
    ptv = ball((10, -5, 5), 16)
    organs = ("SpinalCord", "Liver", "Stomach", "Duodenum", "Bowel_Small", "Kidney_L", "Kidney_R")
    solids = {**named(organs, ABDOMEN), "PTV_pancreas": ptv}
    return (
        Scene(solids, shot(ptv, 40.0), {"PTV_pancreas": 40.0}, 5, ((-150.0, -100.0, -130.0), (120.0, 100.0, 100.0))),
    )


def stated_elsewhere() -> tuple[Scene, ...]:
    """10 Gy stated to no structure; the target gets twice that."""
    scene = chest(RUL, 20.0, 1)
    reference = DoseReference(1, "SITE", "TARGET", target_prescription_gy=10.0, description="chest")
    return (replace(scene, plan_facts={"dose_references": (reference,)}),)


def two_birth_dates() -> tuple[Scene, ...]:
    """As the folder reader says it."""
    said = Problem("W-PATIENT-NAME", "RP.dcm, RS.dcm, RD.dcm", tag="(0010,0030) PatientBirthDate")
    return (replace(chest(RUL, 54.0, 3), problems=(said,)),)


SCENARIOS = (
    Scenario(
        "scope birth date that differs between the files",
        two_birth_dates,
        INCOMPLETE,
        "Perhaps the dose of another patient",
        deciding=("PatientBirthDate",),
    ),
    Scenario(
        "scope birth date that differs, confirmed as one patient",
        two_birth_dates,
        GOOD,
        "Somebody has looked: a typing error of the registration desk",
        case="same_patient = true\n",
    ),
    Scenario(
        "scope brain 27 in 3",
        brain,
        INCOMPLETE,
        "Nothing here decides for the brain, and to call it lung would be a lie",
        deciding=("scope",),
        quiet=("=lung",),
    ),
    Scenario(
        "scope pancreas 40 in 5",
        pancreas,
        INCOMPLETE,
        "No list says what must be drawn for the pancreas",
        deciding=("no list",),
    ),
    Scenario(
        "scope prescription of 10 Gy that no target gets",
        stated_elsewhere,
        INCOMPLETE_AT_LEAST,
        "What is prescribed is not what the target gets",
        deciding=("PTV_lung",),
        claims=(Claim("PTV_lung", "D95%", 19.8, 21),),
    ),
)
