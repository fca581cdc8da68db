"""Courses of two plans on one structure set, and of one plan after an earlier course, in a small anatomy of their own.

See README.md beside this file. The dose of a lesion falls off with the distance from its centre alone: a steep core
over a wide bath. Expected numbers come from that formula at dense points in the analytic shapes, as in ``expected.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from anatomy import Array, Shape, contours, ellipsoid, minus, tube, union
from expected import ROWS, Samples, cells, judge, metric_number, number, organ_rows, sample
from writer import BeamItem, Case, Grid, Prescription, RoiItem, write_dose, write_plan, write_structures

TABLE = "AAPM_TG101"
PTV_RADIUS_MM, GTV_RADIUS_MM = 10.5, 6.5
PLANES_MM = np.arange(-72.5, 72.6, 5.0)
END_MM = 75.0
# Alpha/beta of the cord: the convention, then the ends of what has been published.
CORD_GY = (2.0, 0.54, 8.2)
# Shape of a lesion's dose: 0.8 at the edge of the PTV, half of that at 1.65 times the radius.
CORE_MM, CORE_POWER = 1.473 * PTV_RADIUS_MM, 3.58


@dataclass(frozen=True)
class Target:
    """One lesion: a ball around ``centre_mm``. ``bath`` and ``bath_mm``: height and width of the wide Gaussian."""

    name: str
    centre_mm: tuple[float, float, float]
    site: str
    bath: float = 0.05
    bath_mm: float = 60.0

    def relative(self, points_mm: Array) -> Array:
        """Dose relative to that in the centre, at points (n, 3) [mm]."""
        r = np.linalg.norm(points_mm - np.asarray(self.centre_mm), axis=1)
        core = 1 / (1 + (r / CORE_MM) ** CORE_POWER)
        out: Array = (1 - self.bath) * core + self.bath * np.exp(-(r**2) / (2 * self.bath_mm**2))
        return out


@dataclass(frozen=True)
class CoursePlan:
    """One plan: its label, number of fractions, prescription of every target, and D95% of its PTVs [%]."""

    label: str
    n_fractions: int
    prescription_gy: float
    targets: tuple[Target, ...]
    d95_percent: float = 101.0

    def dose(self) -> Callable[[Array], Array]:
        """The dose [Gy] at points (n, 3) [mm], scaled so that each PTV has its D95%."""
        points = [cells(ellipsoid(t.centre_mm, (PTV_RADIUS_MM,) * 3), 60_000)[0] for t in self.targets]
        relative = [np.array([t.relative(p) for t in self.targets]) for p in points]
        scales = np.full(len(self.targets), self.prescription_gy)
        for _ in range(40):
            for k in range(len(self.targets)):
                d95 = np.percentile(scales @ relative[k], 5)
                scales[k] *= self.d95_percent / 100 * self.prescription_gy / d95
        return lambda p: np.sum([s * t.relative(p) for s, t in zip(scales, self.targets, strict=True)], axis=0)


@dataclass(frozen=True)
class EarlierCourse:
    """What a case file declares of an earlier course: dose to one organ [Gy] by metric.

    ``prior_gy``: what the plan states of it.
    """

    organ: str
    n_fractions: int
    date: str
    doses_gy: Mapping[str, float]
    prior_gy: float


@dataclass(frozen=True)
class Course:
    """One sample course. ``sequence`` and ``earlier`` are what its case file says."""

    number: int
    title: str
    plans: tuple[CoursePlan, ...]
    shapes: Callable[[], dict[str, Shape]]
    grid: Grid
    outcome: str
    exit_code: int
    why: str
    sex: str = "M"
    sequence: str = "sequential"
    earlier: EarlierCourse | None = None


def _block(centre: tuple[float, float, float], axes: tuple[float, float, float]) -> Shape:
    """A rounded block: a superellipsoid of power 3 with half axes ``axes`` [mm]."""
    c, a = np.asarray(centre), np.asarray(axes)

    def function(points: Array) -> Array:
        out: Array = ((np.abs((points - c) / a) ** 3).sum(axis=1) ** (1 / 3) - 1) * float(a.min())
        return out

    low, high = c - a - 1, c + a + 1
    return Shape(function, (low[0], high[0], low[1], high[1], low[2], high[2]))


def _between(shape: Shape, low_mm: float, high_mm: float) -> Shape:
    """The part of a shape between two heights."""
    x0, x1, y0, y1 = shape.bounds_mm[:4]
    return Shape(
        lambda p: np.maximum(shape.function(p), np.maximum(p[:, 2] - high_mm, low_mm - p[:, 2])),
        (x0, x1, y0, y1, max(shape.bounds_mm[4], low_mm), min(shape.bounds_mm[5], high_mm)),
    )


def _cylinder(a_mm: float, b_mm: float, end_mm: float) -> Shape:
    """An elliptic cylinder along the patient."""

    def function(points: Array) -> Array:
        side = (np.hypot(points[:, 0] / a_mm, points[:, 1] / b_mm) - 1) * b_mm
        out: Array = np.maximum(side, np.abs(points[:, 2]) - end_mm)
        return out

    return Shape(function, (-a_mm - 1, a_mm + 1, -b_mm - 1, b_mm + 1, -end_mm, end_mm))


def _along(*nodes: tuple[float, float, float, float]) -> Shape:
    return _between(tube(*nodes), -END_MM, END_MM)


def chest() -> dict[str, Shape]:
    """A small thorax, by TG-263 name."""
    heart = ellipsoid((8.0, -40.0, -36.0), (24.0, 20.0, 28.0))
    trachea = _between(tube((0, 4, 120, 8), (0, 4, 12, 8)), 22.5, END_MM)
    bronchi = _between(union(tube((0, 4, 40, 8), (0, 4, 12, 8)), tube((0, 4, 12, 6), (-26, 6, -6, 5))), -END_MM, 22.5)
    bronchi = union(bronchi, tube((0, 4, 12, 6), (26, 6, -6, 5)))
    return {
        "BODY": _cylinder(130.0, 85.0, END_MM),
        "Lung_R": minus(_block((-64.0, 0.0, 0.0), (47.0, 58.0, 70.0)), heart),
        "Lung_L": minus(_block((64.0, 0.0, 0.0), (47.0, 58.0, 70.0)), heart),
        "SpinalCord": _along((0, 52, 120, 5), (0, 52, -120, 5)),
        "Heart": heart,
        "Esophagus": _along((3, 26, 120, 7), (3, 26, -120, 7)),
        "Trachea": trachea,
        "ProximalBronchialTree": bronchi,
        "GreatVes": _along((0, -16, 120, 10), (0, -16, -5, 10)),
    }


def spine() -> dict[str, Shape]:
    """The cord in a piece of the trunk."""
    return {"BODY": _cylinder(75.0, 70.0, 45.0), "SpinalCord": _between(tube((0, 0, 90, 5), (0, 0, -90, 5)), -45, 45)}


_R, _L, _R2 = (-68.0, 14.0, -24.0), (68.0, -6.0, 2.0), (-60.0, -26.0, 6.0)
COURSES: dict[str, Course] = {
    "course_three_lesions": Course(
        number=6,
        title="Three lung lesions in two plans",
        plans=(
            CoursePlan("A_50_5", 5, 50.0, (Target("1", _R, "lung"), Target("2", _L, "lung"))),
            CoursePlan("B_54_3", 3, 54.0, (Target("3", _R2, "lung"),)),
        ),
        shapes=chest,
        grid=Grid((-117.7, -64.3, -74.9), (2.5, 2.5, 2.5), (95, 52, 61)),
        outcome="PASS",
        exit_code=0,
        why="every TG-101 row is met in each plan, and the sum of dose / limit over both plans stays below 1",
    ),
    "course_cord_cumulative": Course(
        number=7,
        title="Two lesions beside the cord in two plans",
        plans=(
            CoursePlan("A_50_5", 5, 50.0, (Target("1", (-27.0, 0.0, -4.0), "spine", 0.15, 30.0),)),
            CoursePlan("B_45_3", 3, 45.0, (Target("2", (29.0, 3.0, 6.0), "spine", 0.15, 30.0),)),
        ),
        shapes=spine,
        grid=Grid((-65.3, -50.1, -52.6), (2.5, 2.5, 2.5), (53, 41, 43)),
        outcome="FAIL",
        exit_code=1,
        why="the cord meets its limits in each plan; the two plans together exceed them",
        sex="F",
    ),
    "reirradiation_50_5": Course(
        number=11,
        title="Lesion beside the cord after an earlier course",
        plans=(CoursePlan("REIRRADIATION", 5, 50.0, (Target("1", (-27.0, 0.0, -4.0), "spine", 0.15, 30.0),)),),
        shapes=spine,
        grid=Grid((-65.3, -50.1, -52.6), (2.5, 2.5, 2.5), (39, 41, 43)),
        outcome="MARGINAL",
        exit_code=3,
        why="the plan alone meets every limit; with the earlier dose the cord meets one row by a derived limit only",
        sequence="",
        earlier=EarlierCourse(
            "SpinalCord", 3, "2022-11-30", {"D0.035cc[Gy]": 8.0, "D0.35cc[Gy]": 6.0, "D1.2cc[Gy]": 5.5}, prior_gy=8.0
        ),
    ),
}


def write(name: str, course: Course, out: Path) -> None:
    """One folder: RTSTRUCT.dcm, RTPLAN and RTDOSE of each plan, case.toml, expected.json."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    case = Case(name, course.title, f"SAMPLE{course.number}", course.sex)
    shapes = course.shapes()
    rois = []
    for organ, shape in shapes.items():
        kind = "EXTERNAL" if organ == "BODY" else "ORGAN"
        trace = "Body" if organ == "BODY" else organ
        rois.append(RoiItem(len(rois) + 1, organ, kind, contours(shape, trace, PLANES_MM)))
    numbers = {}
    for plan in course.plans:
        for target in plan.targets:
            planes = np.arange(target.centre_mm[2] - 8.75, target.centre_mm[2] + 9.0, 2.5)
            for kind, radius in (("GTV", GTV_RADIUS_MM), ("PTV", PTV_RADIUS_MM)):
                ball = ellipsoid(target.centre_mm, (radius,) * 3)
                reach = planes if kind == "PTV" else planes[1:-1]
                rois.append(RoiItem(len(rois) + 1, f"{kind}{target.name}", kind, contours(ball, kind, reach)))
            numbers[target.name] = len(rois)
    write_structures(case, rois, folder / "RTSTRUCT.dcm")
    for plan in course.plans:
        beams = []
        for target in plan.targets:
            share = plan.prescription_gy / plan.n_fractions / 2
            for turn in ((181.0, 179.0), (179.0, 181.0)):
                beams.append(BeamItem(f"ARC{len(beams) + 1}", turn, 0.0, share, share * 150.0, target.centre_mm))
        prior_gy = course.earlier.prior_gy if course.earlier else None
        prescriptions = [
            Prescription(plan.prescription_gy, f"PTV{t.name}", numbers[t.name], prior_gy) for t in plan.targets
        ]
        write_plan(case, prescriptions, plan.n_fractions, beams, folder / f"RTPLAN_{plan.label}.dcm", part=plan.label)
        dose = plan.dose()(course.grid.points_mm())
        write_dose(case, course.grid, dose, folder / f"RTDOSE_{plan.label}.dcm", part=plan.label)
    (folder / "case.toml").write_text(_case_text(course), encoding="utf-8", newline="\n")
    text = json.dumps(expect(name, course, shapes), indent=1, ensure_ascii=True)
    (folder / "expected.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def _case_text(course: Course) -> str:
    lines = ['intent = "curative"']
    if course.sequence:
        lines.append(f'sequence = "{course.sequence}"')
    for plan in course.plans:
        for target in plan.targets:
            lines += ["", "[[lesion]]", f'roi = "PTV{target.name}"', f'site = "{target.site}"']
    if course.earlier:
        for metric, dose_gy in course.earlier.doses_gy.items():
            lines += ["", "[[earlier]]", f'organ = "{course.earlier.organ}"', f'metric = "{metric}"']
            lines += [f"dose_gy = {dose_gy:.1f}", f"fractions = {course.earlier.n_fractions}"]
            lines.append(f"date = {course.earlier.date}")
    return "\n".join(lines) + "\n"


def _joint(shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """The organs as the tables name them."""
    out = {k: v for k, v in shapes.items() if k not in {"BODY", "Lung_R", "Lung_L", "Trachea", "ProximalBronchialTree"}}
    if "Lung_R" in shapes:
        out["Lungs"] = union(shapes["Lung_R"], shapes["Lung_L"])
        out["Airway"] = union(shapes["Trachea"], shapes["ProximalBronchialTree"])
    return out


def expect(name: str, course: Course, shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """The content of expected.json."""
    organs = _joint(shapes)
    gtvs = [ellipsoid(t.centre_mm, (GTV_RADIUS_MM,) * 3) for p in course.plans for t in p.targets]
    if "Lungs" in organs:
        organs["Lungs"] = minus(organs["Lungs"], *gtvs)
    doses = [plan.dose() for plan in course.plans]
    plans = []
    for plan, dose in zip(course.plans, doses, strict=True):
        samples = {organ: sample(shape, dose) for organ, shape in organs.items()}
        lesions = []
        for target in plan.targets:
            ptv = sample(ellipsoid(target.centre_mm, (PTV_RADIUS_MM,) * 3), dose, n_wanted=60_000)
            lesions.append(
                {"ptv": f"PTV{target.name}", "gtv": f"GTV{target.name}", "prescription_gy": plan.prescription_gy}
                | {"D95%[Gy]": metric_number(ptv, "D95%[Gy]", percent=1.0)}
            )
        rows = organ_rows(TABLE, plan.n_fractions, samples)
        # Between planes 5 mm apart a large organ's volume is known less well.
        rows = [r | {"uncertainty": round(0.025 * r["value"], 3)} if r["metric"].startswith("CV") else r for r in rows]
        plans.append(
            {"plan": plan.label, "n_fractions": plan.n_fractions, "table": TABLE, "outcome": "PASS"}
            | {"lesions": lesions, "rows": rows}
        )
    return {
        "sample": name,
        "outcome": course.outcome,
        "exit_code": course.exit_code,
        "why": course.why,
        "sequence": course.sequence,
        "plans": plans,
        "course": _course_rows(course, organs, doses),
    }


def _course_rows(
    course: Course, organs: Mapping[str, Shape], doses: list[Callable[[Array], Array]]
) -> list[dict[str, Any]]:
    """For each limit on a dose at every number of fractions: the sum of dose / limit, and EQD2 of the cord.

    An earlier course adds the dose that is declared for the metric at every point.
    """
    fractions = [p.n_fractions for p in course.plans]
    earlier = course.earlier
    if earlier:
        fractions.append(earlier.n_fractions)
        organs = {name: shape for name, shape in organs.items() if name == earlier.organ}
    tables = [{(o, m): limit for o, m, _, limit, _ in ROWS[TABLE, n]} for n in fractions]
    out = []
    for organ, metric in tables[0]:
        if organ not in organs or (organ, metric) not in tables[1] or not metric.startswith("D"):
            continue
        limits = [table[organ, metric] for table in tables]
        parts = [*doses, _everywhere(earlier.doses_gy[metric])] if earlier else doses
        found = sample(
            organs[organ],
            lambda p, parts=parts, limits=limits: sum(d(p) / x for d, x in zip(parts, limits, strict=True)),
        )
        share = found.value(metric)
        row: dict[str, Any] = {"organ": organ, "metric": metric, "sum_of_dose_per_limit": number(share, 0.025 * share)}
        verdict = judge(share, "<=", 1.0)
        if organ == "SpinalCord":
            tried = [_eqd2_numbers(organs[organ], metric, parts, fractions, limits, ratio) for ratio in CORD_GY]
            row["EQD2(a/b=2)"] = tried[0]
            if verdict == "NOT_MET" and any(t["value"] <= t["limit"] for t in tried):
                verdict = "MARGINAL"
        out.append(row | {"verdict": verdict})
    return out


def _everywhere(dose_gy: float) -> Callable[[Array], Array]:
    return lambda points: np.full(len(points), dose_gy)


def _eqd2_numbers(
    shape: Shape,
    metric: str,
    doses: list[Callable[[Array], Array]],
    fractions: list[int],
    limits: list[float],
    alpha_beta_gy: float,
) -> dict[str, float]:
    """EQD2 of plans given one after the other, with the lowest EQD2 of the limits at their numbers of fractions."""

    def eqd2(d: Any, n: int) -> Any:
        return d * (d / n + alpha_beta_gy) / (2 + alpha_beta_gy)

    found: Samples = sample(shape, lambda p: sum(eqd2(d(p), n) for d, n in zip(doses, fractions, strict=True)))
    value = found.value(metric)
    limit = min(eqd2(x, n) for x, n in zip(limits, fractions, strict=True))
    return number(value, 0.03 * value) | {"limit": round(limit, 3)}
