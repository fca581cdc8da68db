"""A whole trunk of plain solids: every organ of the lists in its place and of a believable size, and a target anywhere.

x rises to the patient's left, y to the back, z to the head [mm]. Contours are squares, so that a check takes no time.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from unittest import mock

from given_doses import Loops, compute, solid

from sbrtcheck.anatomy import found_once
from sbrtcheck.dvh import Structure, build_structure
from sbrtcheck.model import Roi
from sbrtcheck.plan.doses import PlanDoses

_FLAT = {"SpinalCord", "CaudaEquina", "Esophagus", "Trachea", "ProximalBronchialTree", "BODY"}
# Organ to centre and half size [mm].
ORGANS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "BODY": ((0, 0, 0), (165, 115, 345)),
    "Lung_L": ((80, 10, 110), (50, 75, 115)),
    "Lung_R": ((-80, 10, 110), (50, 75, 115)),
    "Heart": ((15, -50, 60), (50, 40, 45)),
    "GreatVes": ((20, -40, 140), (25, 20, 50)),
    "Esophagus": ((5, -8, 125), (6, 6, 135)),
    "Trachea": ((0, -22, 210), (8, 8, 60)),
    "ProximalBronchialTree": ((0, -22, 125), (25, 8, 25)),
    "BrachialPlex_L": ((60, 10, 240), (20, 15, 25)),
    "BrachialPlex_R": ((-60, 10, 240), (20, 15, 25)),
    "Chestwall_L": ((140, 0, 110), (10, 60, 100)),
    "Chestwall_R": ((-140, 0, 110), (10, 60, 100)),
    "SpinalCord": ((0, 50, 130), (6, 5, 190)),
    "CaudaEquina": ((0, 50, -165), (8, 7, 105)),
    "Liver": ((-60, -20, -35), (75, 70, 75)),
    "Stomach": ((60, -40, -30), (35, 30, 45)),
    "Duodenum": ((-20, -25, -110), (25, 15, 35)),
    "Kidney_L": ((65, 35, -80), (27, 25, 55)),
    "Kidney_R": ((-65, 35, -80), (27, 25, 55)),
    "Bowel_Small": ((0, -50, -165), (80, 30, 110)),
    "Rectum": ((0, 35, -290), (20, 20, 45)),
    "Bladder": ((0, -40, -300), (35, 35, 35)),
    "SacralPlex_L": ((35, 35, -245), (8, 10, 40)),
    "SacralPlex_R": ((-35, 35, -245), (8, 10, 40)),
    "Femur_Head_L": ((95, -10, -310), (24, 24, 24)),
    "Femur_Head_R": ((-95, -10, -310), (24, 24, 24)),
}
# Middle of each vertebra [mm].
VERTEBRA = {f"T{i}": 242.0 - 22 * i for i in range(1, 13)}
VERTEBRA |= {f"L{i}": -20.0 - 34 * i for i in range(1, 6)} | {f"S{i}": -200.0 - 22 * i for i in range(1, 6)}
VERTEBRA |= {f"C{i}": 390.0 - 22 * i for i in range(4, 8)}


def _vertebra(level: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    return (0.0, 20.0, VERTEBRA[level]), (18.0, 14.0, 11.0)


# Site with its level to centre and half size of a target that lies there.
TARGETS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "lung": ((-95, 30, 120), (12, 12, 12)),
    **{f"spine:{level}": _vertebra(level) for level in ("C5", "T1", "T5", "T9", "T12", "L1", "L3", "L5", "S1", "S3")},
    "bone:rib": ((138, 40, 110), (10, 14, 14)),
    "bone:sternum": ((0, -105, 140), (14, 8, 20)),
    "bone:scapula": ((-110, 95, 180), (20, 8, 25)),
    "bone:clavicle": ((70, -40, 235), (25, 8, 8)),
    "bone:ilium": ((-110, 20, -225), (15, 20, 20)),
    "bone:sacrum": ((0, 60, -260), (18, 10, 14)),
    "bone:acetabulum": ((90, 0, -280), (12, 12, 12)),
    "bone:pubis": ((20, -80, -325), (15, 10, 10)),
    "bone:ischium": ((-60, 40, -325), (12, 12, 12)),
    "bone:femur": ((110, -10, -335), (12, 12, 8)),
    "bone:humerus": ((150, 0, 225), (10, 10, 15)),
    "liver": ((-80, -10, -40), (14, 14, 14)),
    "adrenal": ((30, 25, -20), (12, 10, 12)),
    "node:neck": ((35, -10, 300), (10, 10, 10)),
    "node:axilla": ((130, 0, 215), (12, 12, 12)),
    "node:mediastinum": ((-20, 5, 120), (8, 8, 8)),
    "node:retroperitoneum": ((10, 15, -110), (10, 8, 12)),
    "node:pelvis": ((55, 0, -260), (10, 10, 10)),
    "node:groin": ((70, -70, -320), (10, 10, 10)),
}


@cache
def organ(name: str) -> Loops:
    """The contours of one organ of the trunk."""
    centre, half = ORGANS[name]
    step = 23.0 if name == "BODY" else 5.0
    return solid(centre, half, flat=name in _FLAT, step_mm=step)


def trunk(place: str, *, without: tuple[str, ...] = ()) -> dict[str, Loops]:
    """A target at a place with its gross tumour, and all organs but some."""
    centre, half = TARGETS[place]
    inner = tuple(0.6 * h for h in half)
    targets = {"PTV": solid(centre, half, step_mm=3.0), "GTV": solid(centre, inner, step_mm=3.0)}
    return targets | {name: organ(name) for name in ORGANS if name not in without}


_built: dict[tuple[object, ...], Structure] = {}


def _built_once(roi: Roi, **options: Any) -> Structure:
    """Structures of equal contours are built once for all plans of a test run."""
    ends = [roi.contours[k].points_mm.tobytes() for k in (0, -1)] if roi.contours else []
    key = (roi.name, len(roi.contours), roi.problems, roi.interpreted_type, *ends)
    if key not in _built:
        _built[key] = build_structure(roi, **options)
    return _built[key]


def plan_of(contours: dict[str, Loops], site: str, **given: Any) -> PlanDoses:
    """A plan on these contours; ``given`` as for `given_doses.compute`."""
    with mock.patch.object(found_once, "build_structure", _built_once):
        return compute(contours, site=site, **given)
