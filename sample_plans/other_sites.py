"""Plans outside the lung, each in a small anatomy of its own: spine, adrenal, and a node with two dose levels.

The dose falls off with the distance from the target's centre, a steep core over a wide bath; beside the cord a spared
channel is cut out of it. Expected numbers come from that formula at dense points in the analytic shapes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from anatomy import Array, Shape, contours, ellipsoid, minus, tube
from expected import (
    N_ORGAN,
    ORGAN_METRICS,
    Lesion,
    cells,
    lesion_numbers,
    metric_number,
    organ_rows,
    sample,
    volume_number,
)
from writer import BeamItem, Case, Grid, Prescription, RoiItem, write_dose, write_plan, write_structures

TABLE = "AAPM_TG101"
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Level:
    """One target with its prescription; ``ptv_axes_mm`` are the half axes of the ellipsoid that it is cut from."""

    ptv_name: str
    gtv_name: str
    ptv: Shape
    gtv: Shape
    prescription_gy: float
    centre_mm: Point
    ptv_axes_mm: Point


@dataclass(frozen=True)
class Field:
    """Dose relative to that in the centre: ellipsoidal core of power ``power``, bath, and a spared channel along z.

    ``edge``: relative dose at the surface of the ellipsoid ``axes_mm``. ``spared`` is the part that the channel around
    (x, y) ``channel_mm`` takes away, ``channel_radius_mm`` its width.
    """

    centre_mm: Point
    axes_mm: Point
    power: float
    edge: float = 0.8
    bath: float = 0.1
    bath_mm: float = 50.0
    channel_mm: tuple[float, float] | None = None
    channel_radius_mm: float = 8.0
    spared: float = 0.0

    def relative(self, points_mm: Array) -> Array:
        """At points (n, 3) [mm]."""
        gap = points_mm - np.asarray(self.centre_mm)
        r = np.linalg.norm(gap / np.asarray(self.axes_mm), axis=1)
        core = 1 / (1 + (1 / self.edge - 1) * r**self.power)
        wide = np.exp(-(gap**2).sum(axis=1) / (2 * self.bath_mm**2))
        out: Array = (1 - self.bath) * core + self.bath * wide
        if self.channel_mm is not None:
            rho = np.hypot(*(points_mm[:, :2] - np.asarray(self.channel_mm)).T)
            out = out * (1 - self.spared * np.exp(-((rho / self.channel_radius_mm) ** 4)))
        return out


@dataclass(frozen=True)
class Plan:
    """One sample. ``coverage``: the share of the first target [%] that is to have ``coverage_dose`` times its dose.

    ``numbers``: which of the numbers of ``lesion_numbers`` mean anything for this target.
    """

    number: int
    title: str
    n_fractions: int
    levels: tuple[Level, ...]
    organs: Mapping[str, Shape]
    field: Field
    grid: Grid
    planes_mm: tuple[float, float, float]
    outcome: str
    exit_code: int
    why: str
    numbers: tuple[str, ...]
    coverage: float = 95.0
    coverage_dose: float = 1.01
    sex: str = "M"

    def dose(self) -> Callable[[Array], Array]:
        """The dose [Gy] at points (n, 3) [mm]."""
        first = self.levels[0]
        found = np.percentile(self.field.relative(cells(first.ptv, 120_000)[0]), 100 - self.coverage)
        scale = self.coverage_dose * first.prescription_gy / found
        return lambda points: scale * self.field.relative(points)


def cylinder(a_mm: float, b_mm: float, end_mm: float) -> Shape:
    """An elliptic cylinder along the patient."""

    def function(points: Array) -> Array:
        side = (np.hypot(points[:, 0] / a_mm, points[:, 1] / b_mm) - 1) * b_mm
        out: Array = np.maximum(side, np.abs(points[:, 2]) - end_mm)
        return out

    return Shape(function, (-a_mm - 1, a_mm + 1, -b_mm - 1, b_mm + 1, -end_mm, end_mm))


def along(x: float, y: float, radius: float, end_mm: float) -> Shape:
    """A straight tube along the patient, cut where the scan ends."""
    full = tube((x, y, 200, radius), (x, y, -200, radius))
    x0, x1, y0, y1 = full.bounds_mm[:4]
    return Shape(lambda p: np.maximum(full.function(p), np.abs(p[:, 2]) - end_mm), (x0, x1, y0, y1, -end_mm, end_mm))


def level(name: str, gtv: str, prescription_gy: float, centre: Point, radius_mm: float, margin_mm: float) -> Level:
    """A ball-shaped target with the gross tumour ``margin_mm`` inside."""
    ptv, inner = (ellipsoid(centre, (r,) * 3) for r in (radius_mm, radius_mm - margin_mm))
    return Level(name, gtv, ptv, inner, prescription_gy, centre, (radius_mm,) * 3)


COVERAGE = ("D95%[%]", "V100%[%]", "V90%[%]", "BED10[Gy]")


def _spine() -> Plan:
    """A thoracic vertebra; the lungs are whole, so the scan is as long as they are."""
    end, axes = 113.75, (17.0, 12.0, 13.0)
    canal = along(0.0, 20.0, 8.0, 200.0)
    vertebra = minus(ellipsoid((0.0, 4.0, 0.0), axes), canal)
    tumour = ellipsoid((-3.0, 0.0, 0.0), (8.0, 5.0, 7.0))
    return Plan(
        number=8,
        title="Vertebral body T9 beside the cord, 30 Gy in 3",
        n_fractions=3,
        levels=(Level("PTV_Spine_T9", "GTV", vertebra, tumour, 30.0, (0.0, 4.0, 0.0), axes),),
        organs={
            "BODY": cylinder(150.0, 105.0, end),
            "SpinalCord": along(0.0, 20.0, 5.0, end),
            "Esophagus": along(2.0, -38.0, 7.0, end),
            "Lung_L": ellipsoid((74.0, -10.0, 5.0), (46.0, 70.0, 96.0)),
            "Lung_R": ellipsoid((-74.0, -10.0, 5.0), (46.0, 70.0, 96.0)),
        },
        field=Field(
            (0.0, 3.0, 0.0),
            (18.0, 13.0, 14.0),
            3.6,
            bath=0.05,
            bath_mm=40.0,
            channel_mm=(0.0, 21.5),
            channel_radius_mm=9.5,
            spared=0.38,
        ),
        grid=Grid((-61.3, -53.9, -40.1), (2.5, 2.5, 2.5), (50, 44, 33)),
        planes_mm=(-112.5, 112.6, 2.5),
        outcome="PASS",
        exit_code=0,
        why="every row is met, HyTEC's for the cord among them, and the target has the V100% that a spine is asked for",
        numbers=COVERAGE,
        coverage=85.0,
        coverage_dose=1.0,
    )


def _kidney(side: int, height_mm: float) -> Shape:
    """A kidney of 130 cm3 beside the spine (side -1 right, +1 left)."""
    return ellipsoid((side * 66.0, 46.0, height_mm), (25.0, 23.0, 54.0))


def _adrenal() -> Plan:
    end, centre = 113.75, (22.0, 8.0, 0.0)
    return Plan(
        number=9,
        title="Left adrenal gland, 45 Gy in 5",
        n_fractions=5,
        levels=(level("PTV_Adrenal", "GTV", 45.0, centre, 14.0, 4.0),),
        organs={
            "BODY": cylinder(165.0, 110.0, end),
            "SpinalCord": along(0.0, 44.0, 5.0, end),
            "Stomach": ellipsoid((46.0, -36.0, 8.0), (20.0, 17.0, 24.0)),
            "Duodenum": tube((-22, -18, 26, 9), (-30, -8, 0, 10), (-16, 2, -26, 9)),
            "Bowel_Small": ellipsoid((25.0, -45.0, -72.0), (60.0, 30.0, 34.0)),
            "Kidney_L": _kidney(1, -46.0),
            "Kidney_R": _kidney(-1, -52.0),
            "Liver": ellipsoid((-98.0, -18.0, 8.0), (56.0, 70.0, 74.0)),
        },
        field=Field(centre, (14.0, 14.0, 14.0), 3.6),
        grid=Grid((-101.2, -82.6, -107.6), (2.5, 2.5, 2.5), (82, 68, 62)),
        planes_mm=(-112.5, 112.6, 2.5),
        outcome="PASS",
        exit_code=0,
        why="every TG-101 row for 5 fractions is met, and the target is covered",
        numbers=(*COVERAGE, "R100", "R50", "D2cm[%]", "prescription_isodose[%]"),
        sex="F",
    )


def _sib() -> Plan:
    end, centre = 113.75, (6.0, -4.0, 0.0)
    return Plan(
        number=10,
        title="Para-aortic lymph node with two dose levels, 45 and 35 Gy in 5",
        n_fractions=5,
        levels=(
            level("PTV_LN_Paraaortic_4500", "GTV_LN", 45.0, centre, 9.0, 3.0),
            Level(
                "PTV_LN_Paraaortic_3500",
                "",
                ellipsoid((7.0, -4.0, 0.0), (14.0, 14.0, 15.0)),
                ellipsoid(centre, (6.0,) * 3),
                35.0,
                (7.0, -4.0, 0.0),
                (14.0, 14.0, 15.0),
            ),
        ),
        organs={
            "BODY": cylinder(150.0, 100.0, end),
            "SpinalCord": along(0.0, 42.0, 5.0, end),
            "Duodenum": tube((-26, -34, 20, 9), (-34, -26, 0, 9), (-30, -18, -20, 9)),
            "Bowel_Small": ellipsoid((20.0, -52.0, -66.0), (60.0, 26.0, 32.0)),
            "Stomach": ellipsoid((52.0, -48.0, 62.0), (26.0, 22.0, 30.0)),
            "Kidney_L": _kidney(1, 30.0),
            "Kidney_R": _kidney(-1, 24.0),
        },
        field=Field(centre, (15.5, 15.5, 16.0), 4.2, edge=0.65),
        grid=Grid((-102.4, -82.6, -101.3), (2.5, 2.5, 2.5), (82, 64, 82)),
        planes_mm=(-112.5, 112.6, 2.5),
        outcome="PASS",
        exit_code=0,
        why="each level is covered at its own prescription; no conformity index for levels that share an isodose",
        numbers=COVERAGE,
        coverage_dose=1.02,
    )


OTHER_SITES: dict[str, Plan] = {"spine_30_3": _spine(), "adrenal_45_5": _adrenal(), "node_sib_45_35_5": _sib()}


def write(name: str, plan: Plan, out: Path) -> None:
    """One folder: RTPLAN.dcm, RTSTRUCT.dcm, RTDOSE.dcm, expected.json."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    case = Case(name, plan.title, f"SAMPLE{plan.number}", plan.sex)
    start, stop, step = plan.planes_mm
    fine, coarse = np.arange(start, stop, step), np.arange(start, stop, 2 * step)
    rois: list[RoiItem] = []
    for organ, shape in plan.organs.items():
        body = organ == "BODY"
        loops = contours(shape, "Body" if body else organ, coarse if body else fine)
        rois.append(RoiItem(len(rois) + 1, organ, "EXTERNAL" if body else "ORGAN", loops))
    prescriptions = []
    for x in plan.levels:
        if x.gtv_name:
            rois.append(RoiItem(len(rois) + 1, x.gtv_name, "GTV", contours(x.gtv, "GTV", fine)))
        rois.append(RoiItem(len(rois) + 1, x.ptv_name, "PTV", contours(x.ptv, "PTV", fine)))
        prescriptions.append(Prescription(x.prescription_gy, x.ptv_name, len(rois)))
    write_structures(case, rois, folder / "RTSTRUCT.dcm")
    share = plan.levels[0].prescription_gy / plan.n_fractions / 2
    turns = ((181.0, 179.0), (179.0, 181.0))
    beams = [
        BeamItem(f"ARC{k}", turn, 0.0, share, share * 150.0, plan.levels[0].centre_mm)
        for k, turn in enumerate(turns, start=1)
    ]
    write_plan(case, prescriptions, plan.n_fractions, beams, folder / "RTPLAN.dcm")
    write_dose(case, plan.grid, plan.dose()(plan.grid.points_mm()), folder / "RTDOSE.dcm")
    text = json.dumps(expect(name, plan), indent=1, ensure_ascii=True)
    (folder / "expected.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def expect(name: str, plan: Plan) -> dict[str, Any]:
    """The content of expected.json."""
    dose = plan.dose()
    samples = {organ: sample(shape, dose, n_wanted=N_ORGAN) for organ, shape in plan.organs.items() if organ != "BODY"}
    structures = {}
    for organ, s in samples.items():
        fitting = [m for m in ORGAN_METRICS if not m.endswith("cc[Gy]") or float(m[1:-6]) < 0.9 * s.volume_cm3]
        structures[organ] = {
            "organ": organ,
            "volume_cm3": volume_number(s),
            "metrics": {m: metric_number(s, m) for m in fitting},
        }
    lesions = lesion_numbers(
        [
            Lesion(x.ptv_name, x.gtv_name, x.ptv, x.gtv, x.prescription_gy, x.centre_mm, x.ptv_axes_mm)
            for x in plan.levels
        ],
        dose,
        plan.organs["BODY"],
        plan.n_fractions,
    )
    for lesion in lesions:
        lesion["numbers"] = {k: v for k, v in lesion["numbers"].items() if k in plan.numbers}
    return {
        "sample": name,
        "outcome": plan.outcome,
        "exit_code": plan.exit_code,
        "why": plan.why,
        "n_fractions": plan.n_fractions,
        "table": TABLE,
        "lesions": lesions,
        "rows": organ_rows(TABLE, plan.n_fractions, samples),
        "structures": structures,
    }
