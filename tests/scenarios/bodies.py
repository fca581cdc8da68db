"""Adults of ellipsoids and tubes: organs at their places and of plausible volumes, by region.

x to the left, y to the back, z to the head [mm]; the vertebral bodies stand at y = 50, the cord behind them.
"""

from __future__ import annotations

from scenarios.phantom import Ellipsoid, Hollow, Joined, Solid, Tube, ball

_LOW, _HIGH = -130.0, 130.0

# z = 0 lies at the middle of the lungs; the carina at z = 28.
THORAX: dict[str, Solid] = {
    "BODY": Tube((0, 0), (175, 118), _LOW - 20, _HIGH + 20),
    "Lung_L": Ellipsoid((86, 0, 0), (48, 72, 118)),
    "Lung_R": Ellipsoid((-86, 0, 0), (52, 74, 118)),
    "SpinalCord": Tube((0, 76), (6, 5), _LOW, _HIGH),
    "Esophagus": Tube((6, 27), (8, 7), _LOW, _HIGH),
    "Trachea": Tube((0, 8), (9, 8), 40, _HIGH),
    "ProximalBronchialTree": Tube((0, 6), (34, 11), 17, 39),
    "Heart": Ellipsoid((10, -40, -45), (40, 38, 48)),
    "GreatVes": Joined((Tube((26, 40), (11, 11), _LOW, 40), Ellipsoid((4, -30, 55), (28, 18, 18)))),
    "Chestwall": Hollow(Tube((0, 0), (160, 102), -60, 60), Tube((0, 0), (142, 86), -60, 60)),
    "Liver": Ellipsoid((-70, -15, -128), (75, 65, 62)),
}

# z = 0 lies at L1; the liver's dome at z = 104.
ABDOMEN: dict[str, Solid] = {
    "BODY": Tube((0, 0), (170, 115), -170, 120),
    "SpinalCord": Tube((0, 78), (5, 5), -20, 115),
    "CaudaEquina": Tube((0, 78), (7, 6), -165, -20),
    "Liver": Ellipsoid((-72, -20, 26), (70, 62, 78)),
    "Stomach": Ellipsoid((62, -45, 30), (34, 28, 42)),
    "Duodenum": Ellipsoid((-12, -8, -38), (24, 12, 26)),
    "Kidney_L": Ellipsoid((62, 55, -22), (27, 25, 50)),
    "Kidney_R": Ellipsoid((-62, 60, -38), (27, 25, 50)),
    "Bowel_Small": Ellipsoid((25, -48, -75), (80, 38, 60)),
    "Bowel_Large": Tube((120, -10), (18, 20), -120, 20),
    "Lung_L": Ellipsoid((86, 0, 165), (48, 72, 118)),
    "Lung_R": Ellipsoid((-86, 0, 205), (52, 74, 118)),
    "A_Aorta": Tube((14, 35), (9, 9), -60, 110),
    "Esophagus": Tube((10, 22), (8, 7), 66, 115),
    "Heart": Ellipsoid((15, -40, 124), (43, 41, 46)),
}

# z = 0 lies at the sacral promontory, the femoral heads at z = -105.
PELVIS: dict[str, Solid] = {
    "BODY": Tube((0, 0), (180, 115), -170, 110),
    "Bladder": Ellipsoid((0, -45, -100), (38, 34, 34)),
    "Rectum": Tube((0, 38), (15, 14), -130, -20),
    "Bowel_Small": Ellipsoid((0, -45, 0), (90, 45, 58)),
    "Bowel_Large": Tube((110, -20), (18, 20), -30, 90),
    "CaudaEquina": Tube((0, 80), (7, 6), -20, 105),
    "SacralPlex_L": Tube((35, 62), (5, 4), -70, 10),
    "SacralPlex_R": Tube((-35, 62), (5, 4), -70, 10),
    "Femur_Head_L": ball((90, -5, -105), 24),
    "Femur_Head_R": ball((-90, -5, -105), 24),
    "Kidney_L": Ellipsoid((62, 55, 90), (27, 25, 48)),
    "Kidney_R": Ellipsoid((-62, 60, 80), (27, 25, 48)),
}

LUNG_ORGANS = (
    "BODY", "Lung_L", "Lung_R", "SpinalCord", "Esophagus", "Trachea", "ProximalBronchialTree", "Heart", "GreatVes",
    "Chestwall",
)  # fmt: skip

# z = 0 lies at C5.
NECK: dict[str, Solid] = {
    "BODY": Tube((0, 0), (62, 65), -60, 60),
    "SpinalCord": Tube((0, 46), (6, 4), -80, 80),
    "Esophagus": Tube((0, 2), (8, 5), -80, 80),
    "Trachea": Tube((0, -14), (9, 8), -80, 80),
    "BrachialPlex_L": Tube((38, 30), (5, 5), -50, 20),
    "BrachialPlex_R": Tube((-38, 30), (5, 5), -50, 20),
}
