"""A clinical-size case for timing: five targets, 25 organs with body, lungs and a skin shell, 2 mm slices and grid."""

from __future__ import annotations

import numpy as np

from sbrtcheck.model import Contour, DoseGrid, Roi


def ellipse(a: float, b: float, centre: tuple[float, float], z: float, *, step_mm: float = 2.5, wobble: float = 0.0):
    """An outline (n, 3) [mm] about ``step_mm`` from point to point, with a wobble as of a hand."""
    n = max(16, int(2 * np.pi * max(a, b) / step_mm))
    t = 2 * np.pi * np.arange(n) / n
    r = 1 + wobble * np.sin(3 * t + 0.1 * z) + 0.5 * wobble * np.cos(7 * t)
    return np.column_stack([centre[0] + a * r * np.cos(t), centre[1] + b * r * np.sin(t), np.full(n, z)])


def ellipsoid_roi(number: int, name: str, centre, half, *, spacing_mm: float = 2.0, wobble: float = 0.02) -> Roi:
    """Contours of an ellipsoid."""
    contours = []
    first = np.ceil((centre[2] - half[2]) / spacing_mm)
    for z in np.arange(first, (centre[2] + half[2]) / spacing_mm) * spacing_mm:
        scale = np.sqrt(max(1 - ((z - centre[2]) / half[2]) ** 2, 0.0))
        if scale > 0.02:
            contours.append(Contour(ellipse(half[0] * scale, half[1] * scale, centre[:2], z, wobble=wobble)))
    return Roi(number, name, tuple(contours))


def tube_roi(number: int, name: str, centre, radius, low: float, high: float, *, wall_mm: float = 0.0) -> Roi:
    """Contours of an upright elliptic tube, hollow when it has a wall."""
    contours = []
    for z in np.arange(np.ceil(low / 2.0), high / 2.0) * 2.0:
        contours.append(Contour(ellipse(radius[0], radius[1], centre, z), xor=wall_mm > 0))
        if wall_mm:
            contours.append(Contour(ellipse(radius[0] - wall_mm, radius[1] - wall_mm, centre, z), xor=True))
    return Roi(number, name, tuple(contours))


def clinical_case(*, grid_mm: float = 2.0, n_organs: int = 25) -> tuple[list[Roi], DoseGrid]:
    """Thirty structures and a dose grid of 200 x 150 x 200 voxels at 2 mm."""
    centres = [(-70, 10, -40), (-60, -20, 20), (75, 15, -10), (65, -30, 40), (-80, 0, 70)]
    radii = [9, 12, 15, 18, 22]
    rois = [
        ellipsoid_roi(i + 1, f"PTV_{i + 1}", np.array(c, float), np.array([r, r * 0.9, r * 1.1]))
        for i, (c, r) in enumerate(zip(centres, radii, strict=True))
    ]
    organs = [
        tube_roi(0, "Body", (0, 0), (185, 130), -190, 190),
        tube_roi(0, "Skin", (0, 0), (185, 130), -190, 190, wall_mm=5),
        tube_roi(0, "Chestwall", (0, 0), (160, 108), -120, 120, wall_mm=18),
        ellipsoid_roi(0, "Lung_L", (75, 0, 0), (62, 85, 130)),
        ellipsoid_roi(0, "Lung_R", (-75, 0, 0), (65, 85, 125)),
        ellipsoid_roi(0, "Liver", (-60, 10, -130), (85, 70, 55)),
        ellipsoid_roi(0, "Heart", (20, -30, -30), (50, 45, 55)),
        tube_roi(0, "Vertebrae", (0, 70), (22, 26), -190, 190),
        tube_roi(0, "SpinalCanal", (0, 62), (9, 8), -190, 190),
        tube_roi(0, "SpinalCord", (0, 62), (6, 5), -190, 190),
        tube_roi(0, "Esophagus", (8, 40), (9, 7), -120, 120),
        tube_roi(0, "Trachea", (0, 20), (10, 9), 30, 150),
        tube_roi(0, "A_Aorta", (18, 45), (13, 13), -150, 60),
        tube_roi(0, "V_Venacava_S", (-20, 0), (10, 9), 10, 90),
        ellipsoid_roi(0, "A_Pulmonary", (5, 0, 20), (28, 14, 12)),
        ellipsoid_roi(0, "Stomach", (60, -30, -140), (45, 35, 40)),
        ellipsoid_roi(0, "Spleen", (95, 30, -140), (30, 35, 40)),
        ellipsoid_roi(0, "Kidney_L", (60, 55, -165), (28, 25, 24)),
        ellipsoid_roi(0, "Kidney_R", (-60, 55, -165), (28, 25, 24)),
        tube_roi(0, "BrachialPlex_L", (60, 20), (6, 4), 130, 180),
        tube_roi(0, "BrachialPlex_R", (-60, 20), (6, 4), 130, 180),
        ellipsoid_roi(0, "Bronchus", (0, 10, 20), (30, 10, 14)),
        tube_roi(0, "Rib", (120, -20), (8, 5), -60, 60),
        ellipsoid_roi(0, "Thyroid", (0, -20, 165), (25, 10, 16)),
        ellipsoid_roi(0, "Breast_L", (90, -105, 0), (50, 20, 50)),
    ]
    rois += [Roi(i + 6, roi.name, roi.contours) for i, roi in enumerate(organs[:n_organs])]
    shape = tuple(round(n * 2.0 / grid_mm) for n in (200, 150, 200))
    affine = np.diag([grid_mm, grid_mm, grid_mm, 1.0])
    affine[:3, 3] = [-0.5 * (n - 1) * grid_mm for n in (shape[2], shape[1], shape[0])]
    axes = [affine[a, 3] + grid_mm * np.arange(n) for a, n in enumerate((shape[2], shape[1], shape[0]))]
    dose = np.full(shape, 0.5)
    for centre, radius in zip(centres, radii, strict=True):
        sigma = 1.2 * radius + 4.0
        top = 50.0 * np.exp(radius**2 / 2 / sigma**2)
        x, y, z = (np.exp(-((a - c) ** 2) / 2 / sigma**2) for a, c in zip(axes, centre, strict=True))
        dose += top * z[:, None, None] * y[None, :, None] * x[None, None, :]
    return rois, DoseGrid(dose, affine)
