"""Expected numbers of a sample plan, from the analytic dose at dense points in the analytic shapes.

Nothing here reads the DICOM files or uses sbrtcheck's own engine. The limits repeat the published tables on purpose: a
second transcription of the rows that decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from anatomy import Array, Shape, union

DoseAt = Callable[[Array], Array]

# (organ, metric, comparator, limit [Gy], level). Sources: AAPM TG-101 (Med Phys 2010;37:4078), Table III;
# Timmerman, Int J Radiat Oncol Biol Phys 2022;112:4-21.
ROWS: dict[tuple[str, int], tuple[tuple[str, str, str, float, str], ...]] = {
    ("AAPM_TG101", 3): (
        ("SpinalCord", "D0.35cc[Gy]", "<", 18, "mandatory"),
        ("SpinalCord", "D1.2cc[Gy]", "<", 12.3, "mandatory"),
        ("SpinalCord", "D0.035cc[Gy]", "<=", 21.9, "mandatory"),
        ("Esophagus", "D5cc[Gy]", "<", 17.7, "mandatory"),
        ("Esophagus", "D0.035cc[Gy]", "<=", 25.2, "mandatory"),
        ("BrachialPlexus", "D3cc[Gy]", "<", 20.4, "mandatory"),
        ("BrachialPlexus", "D0.035cc[Gy]", "<=", 24, "mandatory"),
        ("Heart", "D15cc[Gy]", "<", 24, "mandatory"),
        ("Heart", "D0.035cc[Gy]", "<=", 30, "mandatory"),
        ("GreatVes", "D10cc[Gy]", "<", 39, "mandatory"),
        ("GreatVes", "D0.035cc[Gy]", "<=", 45, "mandatory"),
        ("Airway", "D4cc[Gy]", "<", 15, "mandatory"),
        ("Airway", "D0.035cc[Gy]", "<=", 30, "mandatory"),
        ("Lungs", "CV11.6Gy[cc]", ">=", 1500, "mandatory"),
        ("Lungs", "CV12.4Gy[cc]", ">=", 1000, "mandatory"),
        ("Rib", "D1cc[Gy]", "<", 28.8, "optimal"),
        ("Rib", "D30cc[Gy]", "<", 30, "optimal"),
        ("Rib", "D0.035cc[Gy]", "<=", 36.9, "optimal"),
        ("Skin", "D10cc[Gy]", "<", 30, "optimal"),
        ("Skin", "D0.035cc[Gy]", "<=", 33, "optimal"),
    ),
    ("AAPM_TG101", 5): (
        ("SpinalCord", "D0.35cc[Gy]", "<", 23, "mandatory"),
        ("SpinalCord", "D1.2cc[Gy]", "<", 14.5, "mandatory"),
        ("SpinalCord", "D0.035cc[Gy]", "<=", 30, "mandatory"),
        ("Esophagus", "D5cc[Gy]", "<", 19.5, "mandatory"),
        ("Esophagus", "D0.035cc[Gy]", "<=", 35, "mandatory"),
        ("BrachialPlexus", "D3cc[Gy]", "<", 27, "mandatory"),
        ("BrachialPlexus", "D0.035cc[Gy]", "<=", 30.5, "mandatory"),
        ("Heart", "D15cc[Gy]", "<", 32, "mandatory"),
        ("Heart", "D0.035cc[Gy]", "<=", 38, "mandatory"),
        ("GreatVes", "D10cc[Gy]", "<", 47, "mandatory"),
        ("GreatVes", "D0.035cc[Gy]", "<=", 53, "mandatory"),
        ("Airway", "D4cc[Gy]", "<", 16.5, "mandatory"),
        ("Airway", "D0.035cc[Gy]", "<=", 40, "mandatory"),
        ("Lungs", "CV12.5Gy[cc]", ">=", 1500, "mandatory"),
        ("Lungs", "CV13.5Gy[cc]", ">=", 1000, "mandatory"),
        ("Stomach", "D10cc[Gy]", "<", 18, "mandatory"),
        ("Stomach", "D0.035cc[Gy]", "<=", 32, "mandatory"),
        ("Duodenum", "D5cc[Gy]", "<", 18, "mandatory"),
        ("Duodenum", "D10cc[Gy]", "<", 12.5, "mandatory"),
        ("Duodenum", "D0.035cc[Gy]", "<=", 32, "mandatory"),
        ("Rib", "D1cc[Gy]", "<", 35, "optimal"),
        ("Rib", "D0.035cc[Gy]", "<=", 43, "optimal"),
        ("Skin", "D10cc[Gy]", "<", 36.5, "optimal"),
        ("Skin", "D0.035cc[Gy]", "<=", 39.5, "optimal"),
    ),
    ("Timmerman_2022", 5): (
        ("SpinalCord", "D0.35cc[Gy]", "<", 22, "mandatory"),
        ("SpinalCord", "D0.035cc[Gy]", "<=", 28, "mandatory"),
        ("Esophagus", "D5cc[Gy]", "<", 32.5, "mandatory"),
        ("Esophagus", "D0.035cc[Gy]", "<=", 38, "mandatory"),
        ("BrachialPlexus", "D3cc[Gy]", "<", 27, "mandatory"),
        ("BrachialPlexus", "D0.035cc[Gy]", "<=", 32.5, "mandatory"),
        ("Heart", "D15cc[Gy]", "<", 32, "mandatory"),
        ("Heart", "D0.035cc[Gy]", "<=", 38, "mandatory"),
        ("GreatVes", "D10cc[Gy]", "<", 47, "mandatory"),
        ("GreatVes", "D0.035cc[Gy]", "<=", 53, "mandatory"),
        ("Airway", "D5cc[Gy]", "<", 45, "mandatory"),
        ("Airway", "D0.035cc[Gy]", "<=", 50, "mandatory"),
        ("Lungs", "CV12.5Gy[cc]", ">=", 1500, "mandatory"),
        ("Lungs", "V13.5Gy[%]", "<", 37, "mandatory"),
        ("Rib", "D5cc[Gy]", "<", 45, "optimal"),
        ("Rib", "D0.035cc[Gy]", "<=", 57, "optimal"),
        ("Skin", "D10cc[Gy]", "<", 36.5, "optimal"),
        ("Skin", "D0.035cc[Gy]", "<=", 38.5, "optimal"),
    ),
    ("Timmerman_2022", 8): (
        ("SpinalCord", "D0.35cc[Gy]", "<", 26.4, "mandatory"),
        ("SpinalCord", "D0.035cc[Gy]", "<=", 33.6, "mandatory"),
        ("Esophagus", "D5cc[Gy]", "<", 36.8, "mandatory"),
        ("Esophagus", "D0.035cc[Gy]", "<=", 43.2, "mandatory"),
        ("BrachialPlexus", "D3cc[Gy]", "<", 32.8, "mandatory"),
        ("BrachialPlexus", "D0.035cc[Gy]", "<=", 39.2, "mandatory"),
        ("Heart", "D15cc[Gy]", "<", 34.4, "mandatory"),
        ("Heart", "D0.035cc[Gy]", "<=", 40, "mandatory"),
        ("GreatVes", "D10cc[Gy]", "<", 55.2, "mandatory"),
        ("GreatVes", "D0.035cc[Gy]", "<=", 62, "mandatory"),
        ("Airway", "D5cc[Gy]", "<", 50, "mandatory"),
        ("Airway", "D0.035cc[Gy]", "<=", 56, "mandatory"),
        ("Lungs", "CV14.4Gy[cc]", ">=", 950, "mandatory"),  # the source's limit for women, as this patient
        ("Lungs", "V15.2Gy[%]", "<", 37, "mandatory"),
        ("Rib", "D5cc[Gy]", "<", 50, "optimal"),
        ("Rib", "D0.035cc[Gy]", "<=", 63, "optimal"),
        ("Skin", "D10cc[Gy]", "<", 43.2, "optimal"),
        ("Skin", "D0.035cc[Gy]", "<=", 45.6, "optimal"),
    ),
}
ORGAN_METRICS = ("Mean[Gy]", "D0.035cc[Gy]", "D0.1cc[Gy]", "D0.5cc[Gy]", "D1cc[Gy]", "D5cc[Gy]", "D10cc[Gy]")
TARGET_METRICS = ("D98%[Gy]", "D95%[Gy]", "D50%[Gy]", "D2%[Gy]", "Mean[Gy]")
LUNG_METRICS = ("Mean[Gy]", "V20Gy[%]", "V5Gy[%]")
# Points in a target: the dose is scaled and its coverage computed on the same ones.
N_TARGET = 120_000
# A rind a few mm thick needs a finer lattice than an organ of the same volume.
N_ORGAN, N_RIND = 24_000, 120_000


@dataclass(frozen=True)
class Samples:
    """Dense points of one shape: doses of points that stand for ``cell_cm3`` each, the highest ones sampled again."""

    dose_gy: Array
    cell_cm3: float
    hot_gy: Array
    hot_cell_cm3: float

    @property
    def volume_cm3(self) -> float:
        return len(self.dose_gy) * self.cell_cm3

    def value(self, metric: str) -> float:
        """The value of ``Mean[Gy]``, ``DxGy``-, ``Dx%``- or ``Dxcc``-like strings as used in this file."""
        head = metric.split("[", maxsplit=1)[0]
        if head == "Mean":
            return float(self.dose_gy.mean())
        if head.startswith("CV"):
            return float((self.dose_gy < float(head[2:-2])).sum() * self.cell_cm3)
        if head.startswith("V"):
            return float((self.dose_gy >= float(head[1:-2])).mean() * 100)
        if head.endswith("%"):
            return float(np.percentile(self.dose_gy, 100 - float(head[1:-1])))
        cc = float(head[1:-2])
        hot = cc <= 0.6 * len(self.hot_gy) * self.hot_cell_cm3 and cc <= 1.2
        doses, cell = (self.hot_gy, self.hot_cell_cm3) if hot else (self.dose_gy, self.cell_cm3)
        return float(np.interp(cc, (np.arange(len(doses)) + 0.5) * cell, np.sort(doses)[::-1]))


def lattice(bounds: Sequence[float], step_mm: float) -> Array:
    """Points of a cubic lattice in a box, off every symmetry plane."""
    axes = [np.arange(bounds[2 * k] + 0.371 * step_mm, bounds[2 * k + 1], step_mm) for k in range(3)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


@cache
def cells(shape: Shape, n_wanted: int) -> tuple[Array, float]:
    """About ``n_wanted`` points inside the shape, and the edge of their cells [mm].

    A coarse lattice finds where the shape is; fine points are tried only beside its cells.
    """
    low, high = np.reshape(shape.bounds_mm, (3, 2)).T
    coarse = float(((high - low).prod() / 50_000) ** (1 / 3))
    axes = [np.arange(low[k] + 0.371 * coarse, high[k], coarse) for k in range(3)]
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    found = shape.contains(mesh.reshape(-1, 3)).reshape(mesh.shape[:3])
    step = float(min(max((found.sum() * coarse**3 / n_wanted) ** (1 / 3), 0.35), 3.0))
    near = np.pad(found, 1)
    for axis in range(3):
        near = near | np.roll(near, 1, axis) | np.roll(near, -1, axis)
    fine = [np.arange(low[k] + 0.371 * step, high[k], step) for k in range(3)]
    where = [np.rint((f - low[k]) / coarse - 0.371).astype(int) + 1 for k, f in enumerate(fine)]
    at = [np.clip(w, 0, n - 1) for w, n in zip(where, near.shape, strict=True)]
    chosen = np.nonzero(near[np.ix_(*at)])
    points = np.column_stack([f[i] for f, i in zip(fine, chosen, strict=True)])
    return points[shape.contains(points)], step


def sample(shape: Shape, dose_at: DoseAt, *, n_wanted: int = N_ORGAN, hot_cm3: float = 1.5) -> Samples:
    """Dense doses of a shape; the box around its hottest ``hot_cm3`` is sampled again more finely."""
    points, step = cells(shape, n_wanted)
    doses = dose_at(points)
    n_hot = max(int(hot_cm3 * 1000 / step**3), 30)
    hottest = points[np.argsort(doses)[::-1][:n_hot]]
    low, high = hottest.min(axis=0) - step, hottest.max(axis=0) + step
    fine = float(max(((high - low).prod() / 25_000) ** (1 / 3), 0.4))
    hot_gy = np.empty(0)
    if fine < step:
        box = lattice([v for pair in zip(low, high, strict=True) for v in pair], fine)
        hot_gy = dose_at(box[shape.contains(box)])
    if len(hot_gy) == 0:
        hot_gy, fine = doses, step
    return Samples(doses, step**3 / 1000, hot_gy, fine**3 / 1000)


def number(value: float, uncertainty: float) -> dict[str, float]:
    """One expected number."""
    return {"value": round(value, 3), "uncertainty": round(uncertainty, 3)}


def metric_number(samples: Samples, metric: str, *, percent: float = 1.5) -> dict[str, float]:
    """One metric with its uncertainty: what a good engine may differ by on these contours and a 2.5 mm grid.

    ``percent`` of a dose, one more for parts of a cc, and at least 0.05 Gy.
    """
    value = samples.value(metric)
    if metric.endswith("[Gy]"):
        return number(value, max((percent + metric.startswith("D0.")) / 100 * value, 0.05))
    if metric.endswith("[%]"):
        return number(value, max(0.03 * value, 0.1))
    return number(value, 0.01 * value)


def volume_number(samples: Samples) -> dict[str, float]:
    """Volume [cm3]: contours cut corners, more so in thin tubes."""
    v = samples.volume_cm3
    return number(v, max(0.015 * v, 0.05) if v > 30 else 0.03 * v + 0.02)


def judge(value: float, comparator: str, limit: float) -> str:
    """MET or NOT_MET."""
    met = {"<": value < limit, "<=": value <= limit, ">=": value >= limit}[comparator]
    return "MET" if met else "NOT_MET"


def percent_of(organ: str) -> float:
    """Uncertainty of a dose [%]: the build-up under the skin is steep, and no grid follows it."""
    return 3.5 if organ in {"Skin", "Chestwall"} else 1.5


def organ_rows(table: str, n_fractions: int, samples: Mapping[str, Samples]) -> list[dict[str, Any]]:
    """The rows of one table for the organs given (Airway: trachea and bronchial tree together)."""
    rows = []
    for organ, metric, comparator, limit, level in ROWS[table, n_fractions]:
        if organ not in samples:
            continue
        if metric.startswith("D") and float(metric[1:-6]) > samples[organ].volume_cm3:
            continue
        numbers = metric_number(samples[organ], metric, percent=percent_of(organ))
        verdict = judge(numbers["value"], comparator, limit)
        rows.append(
            {"organ": organ, "metric": metric, **numbers, "limit": f"{comparator} {limit:g}"}
            | {"level": level, "verdict": verdict}
        )
    return rows


@dataclass(frozen=True)
class Lesion:
    """One lesion for the target numbers."""

    ptv_name: str
    gtv_name: str
    ptv: Shape
    gtv: Shape
    prescription_gy: float
    centre_mm: tuple[float, float, float]
    ptv_axes_mm: tuple[float, float, float]

    def outside_mm(self, points_mm: Array) -> Array:
        """Distance from the PTV's surface along the ray from its centre [mm]; in a near-sphere, the distance."""
        gap = points_mm - np.asarray(self.centre_mm)
        scaled = np.linalg.norm(gap / np.asarray(self.ptv_axes_mm), axis=1)
        out: Array = np.linalg.norm(gap, axis=1) * (1 - 1 / scaled)
        return out


def lesion_numbers(
    lesions: Sequence[Lesion], dose_at: DoseAt, body: Shape, n_fractions: int, *, alpha_beta_gy: float = 10.0
) -> list[dict[str, Any]]:
    """Coverage and spillage of each lesion; with several, spillage counts the points nearest to the lesion."""
    points, _ = cells(body, 120_000)
    doses = dose_at(points)
    gaps = [np.linalg.norm(points - np.asarray(lesion.centre_mm), axis=1) for lesion in lesions]
    nearest = np.argmin(gaps, axis=0)
    out = []
    for index, lesion in enumerate(lesions):
        rx = lesion.prescription_gy
        near = np.asarray(lesion.centre_mm) + lattice((-60, 60) * 3, 2.0)
        near = near[body.contains(near)]
        if len(lesions) > 1:
            others = [np.linalg.norm(near - np.asarray(o.centre_mm), axis=1) for o in lesions]
            near = near[np.argmin(others, axis=0) == index]
        near_gy, cell = dose_at(near), 2.0**3 / 1000
        ptv = sample(lesion.ptv, dose_at, n_wanted=N_TARGET)
        gtv = sample(lesion.gtv, dose_at, n_wanted=N_RIND // 2)
        v = ptv.volume_cm3
        outside = lesion.ptv.function(near) > 0
        far = (lesion.outside_mm(points) >= 20) & (nearest == index)
        d2cm = max(doses[far].max(), near_gy[lesion.outside_mm(near) >= 20].max())
        d95 = ptv.value("D95%[Gy]")
        d = rx / n_fractions
        numbers = {
            "D95%[%]": number(d95 / rx * 100, 0.5),
            "V100%[%]": number(float((ptv.dose_gy >= rx).mean() * 100), 0.5),
            "V90%[%]": number(float((ptv.dose_gy >= 0.9 * rx).mean() * 100), 0.3),
            "R100": number(float((near_gy >= rx).sum() * cell / v), 0.03),
            "R50": number(float((near_gy >= rx / 2).sum() * cell / v), 0.1),
            "D2cm[%]": number(float(d2cm / rx * 100), 1.0),
            "V105%_outside_PTV[%]": number(float((near_gy[outside] >= 1.05 * rx).sum() * cell / v * 100), 1.0),
            "prescription_isodose[%]": number(float(rx / max(ptv.hot_gy.max(), ptv.dose_gy.max()) * 100), 0.7),
            "BED10[Gy]": number(rx * (1 + d / alpha_beta_gy), 0.0005),
        }
        out.append(
            {"ptv": lesion.ptv_name, "gtv": lesion.gtv_name, "prescription_gy": rx}
            | {"ptv_volume_cm3": volume_number(ptv), "numbers": numbers}
            | {
                "ptv_metrics": {m: metric_number(ptv, m, percent=1.0) for m in TARGET_METRICS},
                "gtv_metrics": {m: metric_number(gtv, m, percent=1.0) for m in TARGET_METRICS},
            }
        )
    return out


def joint(shapes: Mapping[str, Shape], *names: str) -> Shape | None:
    """The union of those of ``names`` that exist."""
    found = [shapes[n] for n in names if n in shapes]
    return union(*found) if found else None
