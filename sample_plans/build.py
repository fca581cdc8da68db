"""Write the sample plans: ``python sample_plans/build.py [--out FOLDER] [NAME ...]``. See README.md beside this file.

The same command gives the same bytes. Nothing here comes from a patient.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from anatomy import HIGHEST_MM, Array, Shape, chest_wall, contours, ellipsoid, minus, organs, rib, trunk, union
from courses import COURSES
from courses import write as write_course
from dose import Arcs, Dose
from expected import (
    LUNG_METRICS,
    N_ORGAN,
    N_RIND,
    N_TARGET,
    ORGAN_METRICS,
    Lesion,
    Samples,
    cells,
    joint,
    lesion_numbers,
    metric_number,
    organ_rows,
    percent_of,
    sample,
    volume_number,
)
from other_sites import OTHER_SITES
from other_sites import write as write_other_site
from writer import BeamItem, Case, Grid, Prescription, RoiItem, write_dose, write_plan, write_structures

GRID = Grid((-163.7, -115.3, -115.1), (2.5, 2.5, 2.5), (132, 93, 97))
BEAM_GRID = Grid((-161.0, -113.0, -113.0), (8.0, 8.0, 8.0), (41, 29, 30))
MARGIN_MM = 5.0
GREAT = ("A_Aorta", "A_Pulmonary", "V_Venacava_S")


@dataclass(frozen=True)
class Target:
    """One lesion to treat. ``ptv_axes_mm`` are half axes; the gross tumour lies MARGIN_MM inside."""

    centre_mm: tuple[float, float, float]
    ptv_axes_mm: tuple[float, float, float]
    prescription_gy: float
    d95_percent: float
    arcs: Arcs
    ptv_name: str = "PTV"
    gtv_name: str = "GTV"
    description: str = "PTV"


@dataclass(frozen=True)
class Sample:
    """One sample plan. ``names``: TG-263 organ to the name written; an organ that is not a key is left out."""

    number: int
    title: str
    n_fractions: int
    targets: tuple[Target, ...]
    names: Mapping[str, str]
    rib_heights_mm: tuple[float, ...]
    table: str
    outcome: str
    exit_code: int
    why: str
    also: str = ""
    sex: str = "M"
    linked: bool = True
    skin_style: str = "xor"
    beam_doses: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


def _arcs(centre: tuple[float, float, float], axes: tuple[float, float, float], **changes: Any) -> Arcs:
    """Arcs on the patient's own side with a field fitted to the target."""
    gantry = (170.0, 400.0) if centre[0] < 0 else (190.0, -40.0)
    size = float(np.mean(axes))
    given: dict[str, Any] = {
        "isocentre_mm": centre,
        "gantry_deg": gantry,
        "half_width_mm": (round(1.03 * axes[0], 2), round(1.205 * axes[2], 2)),
        "sparing_radius_mm": round(1.7 * size, 2),
    }
    return Arcs(**(given | changes))


def _same(*keys: str) -> dict[str, str]:
    return {key: key for key in keys}


_TG263 = {"Body": "BODY"} | _same("Lung_R", "Lung_L", "SpinalCord", "SpinalCanal", "Heart", "Esophagus", "Trachea")
_TG263 |= _same("ProximalBronchialTree", "BrachialPlex_R", "BrachialPlex_L", "Rib", "Skin")
_RIGHT = _TG263 | _same("GreatVes") | {"Chestwall": "Chestwall_R"}
# Names as clinics write them; each is a literal alias in constraints/organs.csv or a TG-263 name.
_CLINIC = {
    "Body": "External",
    "Lung_R": "Lung_R",
    "Lung_L": "Lung_L",
    "SpinalCanal": "SpinalCanal",
    "Heart": "Heart",
    "Esophagus": "Oesophagus",
    "Trachea": "Trachea",
    "ProximalBronchialTree": "ProxBronchTree",
    "GreatVes": "Great Vessels",
    "BrachialPlex_L": "BrachialPlexus_L",
    "Rib": "Ribs",
    "Chestwall": "Chest wall_L",
    "Skin": "Skin 5mm",
}

_C1, _A1 = (-76.0, 40.0, 4.0), (17.0, 17.0, 17.0)
_C2, _A2 = (-52.4, 20.0, -8.0), (15.0, 15.0, 15.0)
_C3, _A3 = (-70.0, 32.0, 30.0), (15.0, 16.0, 15.0)
_C4A, _C4B, _A4 = (-88.0, 14.0, 42.0), (92.0, 26.0, -24.0), (14.0, 14.0, 14.0)
_C5, _A5 = (115.0, -5.0, 5.0), (16.0, 16.0, 17.0)
_C6, _A6 = (-60.0, 13.0, 92.0), (14.0, 14.0, 14.0)

SAMPLES: dict[str, Sample] = {
    "peripheral_54_3": Sample(
        number=1,
        title="Peripheral lesion, right lung, 54 Gy in 3",
        n_fractions=3,
        targets=(Target(_C1, _A1, 54.0, 101.0, _arcs(_C1, _A1, bath=0.13), ptv_name="PTV_5400"),),
        names=_RIGHT,
        rib_heights_mm=(-44, -20, 4, 28),
        table="AAPM_TG101",
        outcome="PASS",
        exit_code=0,
        why="every TG-101 row for 3 fractions is met, mandatory and optimal; coverage and spillage without deviation",
    ),
    "central_50_5": Sample(
        number=2,
        title="Central lesion beside the right bronchi, 50 Gy in 5",
        n_fractions=5,
        targets=(Target(_C2, _A2, 50.0, 101.0, _arcs(_C2, _A2), ptv_name="PTV_5000"),),
        names=_TG263 | _same(*GREAT) | {"Chestwall": "Chestwall_R"},
        rib_heights_mm=(-44, -20, 4, 28),
        table="AAPM_TG101",
        also="Timmerman_2022",
        outcome="MARGINAL",
        exit_code=3,
        why="ultracentral; airway D0.035cc is beyond TG-101's 40 Gy in 5 fractions and within RTOG 0813's 52.5 Gy",
    ),
    "apex_50_5": Sample(
        number=12,
        title="Apical lesion below the brachial plexus, right lung, 50 Gy in 5",
        n_fractions=5,
        targets=(Target(_C6, _A6, 50.0, 101.0, _arcs(_C6, _A6, half_width_mm=(14.4, 19.0)), ptv_name="PTV_5000"),),
        names=_RIGHT,
        rib_heights_mm=(16, 40, 64, 80),
        table="AAPM_TG101",
        also="Timmerman_2022",
        outcome="FAIL",
        exit_code=1,
        why="brachial plexus D0.035cc is beyond TG-101's 30.5 Gy in 5 fractions, and beyond Timmerman's 32.5 Gy",
    ),
    "no_esophagus_60_8": Sample(
        number=3,
        title="Lesion near the right upper bronchus, 60 Gy in 8",
        n_fractions=8,
        targets=(Target(_C3, _A3, 60.0, 101.0, _arcs(_C3, _A3), ptv_name="PTV_6000"),),
        names={organ: name for organ, name in _RIGHT.items() if organ != "Esophagus"},
        rib_heights_mm=(-24, 0, 24, 48),
        table="Timmerman_2022",
        outcome="INCOMPLETE",
        exit_code=3,
        why="the oesophagus is required for a lung lesion and has no contour; all that can be judged is met",
        sex="F",
    ),
    "two_lesions_3fx": Sample(
        number=4,
        title="Two lesions in one plan, 54 Gy and 45 Gy in 3",
        n_fractions=3,
        targets=(
            Target(_C4A, _A4, 54.0, 101.0, _arcs(_C4A, _A4, bath=0.09), "PTV1_5400", "GTV1", "PTV1"),
            Target(_C4B, _A4, 45.0, 101.0, _arcs(_C4B, _A4, bath=0.09), "PTV2_4500", "GTV2", "PTV2"),
        ),
        names=_RIGHT,
        rib_heights_mm=(-8, 16, 40, 64),
        table="AAPM_TG101",
        outcome="PASS",
        exit_code=0,
        why="each lesion is covered at its own prescription; every TG-101 row for 3 fractions is met",
    ),
    "clinic_50_5": Sample(
        number=5,
        title="Everyday export: lesion near the ribs, left lung, 50 Gy in 5",
        n_fractions=5,
        targets=(Target(_C5, _A5, 50.0, 100.0, _arcs(_C5, _A5), "PTV", "IGTV", "Left lung"),),
        names=_CLINIC,
        rib_heights_mm=(-42, -18, 6, 30),
        table="AAPM_TG101",
        outcome="PASS",
        exit_code=0,
        why="every TG-101 row for 5 fractions is met; the canal settles the cord; D95% is exactly the prescription",
        sex="F",
        linked=False,
        skin_style="keyhole",
        beam_doses=True,
    ),
}


def shapes_of(plan: Sample, base: Mapping[str, Shape]) -> dict[str, Shape]:
    """All structures of one sample that do not belong to a target, by TG-263 organ."""
    first = plan.targets[0].centre_mm
    side, height = (-1 if first[0] < 0 else 1), round(first[2] / 2.5) * 2.5
    shapes = dict(base)
    shapes["Rib"] = union(*(rib(side, h) for h in plan.rib_heights_mm))
    low, high = height - 46.25, min(height + 46.25, HIGHEST_MM)
    shapes["Skin"] = minus(trunk(0, low, high), trunk(5.0))
    shapes["Chestwall"] = chest_wall(side, height)
    return {name: shape for name, shape in shapes.items() if name in plan.names}


def dose_of(plan: Sample, ptvs: list[Shape]) -> Dose:
    """The plan's dose, scaled so that D95% of each PTV is what was asked for."""
    arcs = tuple(t.arcs for t in plan.targets)
    points = [cells(ptv, N_TARGET)[0] for ptv in ptvs]
    relative = [np.array([a.relative_dose(p) for a in arcs]) for p in points]
    scales = np.array([t.prescription_gy for t in plan.targets])
    for _ in range(40):
        for k, target in enumerate(plan.targets):
            d95 = np.percentile(scales @ relative[k], 5)
            scales[k] *= target.d95_percent / 100 * target.prescription_gy / d95
    return Dose(arcs, tuple(float(s) for s in scales))


def write(name: str, plan: Sample, base: Mapping[str, Shape], loops: dict[str, list[Array]], out: Path) -> None:
    """One folder: RTPLAN.dcm, RTSTRUCT.dcm, RTDOSE.dcm, expected.json."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    case = Case(name, plan.title, f"SAMPLE{plan.number}", plan.sex)
    shapes = shapes_of(plan, base)
    ptvs = [ellipsoid(t.centre_mm, t.ptv_axes_mm) for t in plan.targets]
    gtvs = [ellipsoid(t.centre_mm, [a - MARGIN_MM for a in t.ptv_axes_mm]) for t in plan.targets]
    dose = dose_of(plan, ptvs)

    rois: list[RoiItem] = []
    prescriptions = []
    for organ, shape in shapes.items():
        key = organ if organ in base else f"{name} {organ}"
        if key not in loops:
            loops[key] = contours(shape, "Outline" if organ == "Body" else organ)
        style = plan.skin_style if organ == "Skin" else "plain"
        kind = "EXTERNAL" if organ == "Body" else "ORGAN"
        rois.append(RoiItem(len(rois) + 1, plan.names[organ], kind, loops[key], style))
    for target, gtv, ptv in zip(plan.targets, gtvs, ptvs, strict=True):
        rois.append(RoiItem(len(rois) + 1, target.gtv_name, "GTV", contours(gtv, "GTV")))
        rois.append(RoiItem(len(rois) + 1, target.ptv_name, "PTV", contours(ptv, "PTV")))
        roi_number = len(rois) if plan.linked else None
        prescriptions.append(Prescription(target.prescription_gy, target.description, roi_number))
    write_structures(case, rois, folder / "RTSTRUCT.dcm")

    beams = []
    for target in plan.targets:
        arcs = target.arcs
        for index, couch in enumerate(arcs.couch_deg):
            gantry = arcs.gantry_deg if index % 2 == 0 else arcs.gantry_deg[::-1]
            share = target.prescription_gy / plan.n_fractions / len(arcs.couch_deg)
            beam = BeamItem(f"ARC{len(beams) + 1}", gantry, couch, share, share * 148.0, arcs.isocentre_mm)
            beams.append(beam)
    write_plan(case, prescriptions, plan.n_fractions, beams, folder / "RTPLAN.dcm")
    write_dose(case, GRID, dose.at(GRID.points_mm()), folder / "RTDOSE.dcm")
    if plan.beam_doses:
        whole = dose.at(BEAM_GRID.points_mm())
        for beam_number, share in enumerate((0.52, 0.48), start=1):
            path = folder / f"RTDOSE_beam{beam_number}.dcm"
            write_dose(case, BEAM_GRID, whole * share, path, beam_number=beam_number)

    text = json.dumps(expect(name, plan, shapes, ptvs, gtvs, dose), indent=1, ensure_ascii=True)
    (folder / "expected.json").write_text(text + "\n", encoding="utf-8")


def expect(
    name: str, plan: Sample, shapes: dict[str, Shape], ptvs: list[Shape], gtvs: list[Shape], dose: Dose
) -> dict[str, Any]:
    """The content of expected.json."""
    samples: dict[str, Samples] = {
        organ: sample(shape, dose.at, n_wanted=N_RIND if organ in {"Skin", "Chestwall"} else N_ORGAN)
        for organ, shape in shapes.items()
        if organ != "Body"
    }
    structures = {}
    for organ, s in samples.items():
        wanted = LUNG_METRICS if organ.startswith("Lung") else ORGAN_METRICS
        fitting = [m for m in wanted if not m.endswith("cc[Gy]") or float(m[1:-6]) < 0.9 * s.volume_cm3]
        structures[plan.names[organ]] = {
            "organ": organ,
            "volume_cm3": volume_number(s),
            "metrics": {m: metric_number(s, m, percent=percent_of(organ)) for m in fitting},
        }
    sets = {
        "Lungs": joint(shapes, "Lung_R", "Lung_L"),
        "Airway": joint(shapes, "Trachea", "ProximalBronchialTree"),
        "GreatVes": joint(shapes, "GreatVes", *GREAT),
        "BrachialPlexus": joint(shapes, "BrachialPlex_R" if plan.targets[0].centre_mm[0] < 0 else "BrachialPlex_L"),
    }
    for key, shape in sets.items():
        if shape is not None and key not in samples:
            samples[key] = sample(shape, dose.at)
    lungs = sets["Lungs"]
    assert lungs is not None
    spared = sample(minus(lungs, *gtvs), dose.at)
    lesions = [
        Lesion(t.ptv_name, t.gtv_name, ptv, gtv, t.prescription_gy, t.centre_mm, t.ptv_axes_mm)
        for t, ptv, gtv in zip(plan.targets, ptvs, gtvs, strict=True)
    ]
    result: dict[str, Any] = {
        "sample": name,
        "outcome": plan.outcome,
        "exit_code": plan.exit_code,
        "why": plan.why,
        "n_fractions": plan.n_fractions,
        "table": plan.table,
        "lesions": lesion_numbers(lesions, dose.at, shapes["Body"], plan.n_fractions),
        "rows": organ_rows(plan.table, plan.n_fractions, samples),
        "structures": structures,
        "derived": {
            "Lungs": {m: metric_number(samples["Lungs"], m) for m in LUNG_METRICS},
            "Lungs-GTV": {m: metric_number(spared, m) for m in LUNG_METRICS},
        },
    }
    if plan.also:
        result["also"] = {"table": plan.also, "rows": organ_rows(plan.also, plan.n_fractions, samples)}
    return result | dict(plan.extra)


def main() -> None:
    """Write the samples named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*SAMPLES, *COURSES, *OTHER_SITES]))
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    options = parser.parse_args()
    unknown = [n for n in options.names if n not in {*SAMPLES, *COURSES, *OTHER_SITES}]
    if unknown:
        parser.error(f"unknown sample: {', '.join(unknown)}")
    base = organs()
    loops: dict[str, list[Array]] = {}
    for name in options.names or [*SAMPLES, *COURSES, *OTHER_SITES]:
        if name in COURSES:
            write_course(name, COURSES[name], options.out)
        elif name in OTHER_SITES:
            write_other_site(name, OTHER_SITES[name], options.out)
        else:
            write(name, SAMPLES[name], base, loops, options.out)
        print(options.out / name)


if __name__ == "__main__":
    main()
