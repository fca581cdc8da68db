"""A course of one to five plans: the whole check against the number of plans (docs/benchmarks.md).

Five lesions and 25 organs on one structure set with 2 mm contours; every plan has its own dose grid of the whole trunk
and treats its part of the lesions: ``python benchmarks/bench_course.py [--grid-mm 2] [--plans 1 2 3 4 5] [--no-page]``.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(Path(__file__).parent)]

from clinical import clinical_case  # noqa: E402

from sbrtcheck.model import Report, Roi, Study, study_from_arrays  # noqa: E402
from sbrtcheck.pipeline import check_study  # noqa: E402
from sbrtcheck.report import render_html  # noqa: E402

BEGIN, END = "<!-- made by bench_course.py -->", "<!-- end of the course -->"
PRESCRIPTION_GY = 50.0
# What three plans may take on the machine of the developers [s], [MB].
LIMIT_S, LIMIT_MB = 20.0, 2000.0


def course_study(n_plans: int, *, grid_mm: float) -> Study:
    """A course of plans in 5 and 3 fractions by turns; lesion i belongs to plan i modulo the number of plans."""
    rois, dose = clinical_case(grid_mm=grid_mm)
    ptvs = [roi for roi in rois if roi.name.startswith("PTV")]
    contours = {roi.name: [contour.points_mm for contour in roi.contours] for roi in rois if roi.name != "Skin"}
    axes = [dose.affine[a, 3] + grid_mm * np.arange(n) for a, n in enumerate(reversed(dose.dose_gy.shape))]
    plans = []
    for number in range(n_plans):
        own = ptvs[number::n_plans]
        study = study_from_arrays(
            dose_gy=sum((spot(roi, axes) for roi in own), np.full(dose.dose_gy.shape, 0.5)),
            affine=dose.affine,
            contours=contours,
            n_fractions=5 - 2 * (number % 2),
            prescriptions_gy={roi.name: PRESCRIPTION_GY for roi in own},
            label=f"plan {number + 1}",
        )
        plans.append(replace(study.plans[0], structures=plans[0].structures if plans else study.plans[0].structures))
    return replace(study, plans=tuple(plans))


def spot(roi: Roi, axes: list[np.ndarray]) -> np.ndarray:
    """A Gaussian that gives the edge of a target the prescription."""
    points = np.concatenate([contour.points_mm for contour in roi.contours])
    centre = 0.5 * (points.min(axis=0) + points.max(axis=0))
    radius = 0.5 * float(np.ptp(points, axis=0).max())
    sigma = 0.8 * radius
    x, y, z = (np.exp(-((a - c) ** 2) / 2 / sigma**2) for a, c in zip(axes, centre, strict=True))
    return PRESCRIPTION_GY * np.exp(radius**2 / 2 / sigma**2) * z[:, None, None] * y[None, :, None] * x[None, None, :]


def timed(study: Study) -> tuple[float, float, float, Report]:
    """Wall and processor time of one whole check, and wall time of its page [s]."""
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "case.toml"
        case.write_text('intent = "curative"\nsequence = "sequential"\n', encoding="utf-8")
        wall, processor = time.perf_counter(), time.process_time()
        report = check_study(study, case=case, sites={"": "lung"})
        done, processor = time.perf_counter(), time.process_time() - processor
        render_html(report)
        return done - wall, processor, time.perf_counter() - done, report


def measure(n_plans: list[int], *, grid_mm: float) -> str:
    """The table of docs/benchmarks.md."""
    out = [
        f"### Course: 5 lesions, 24 organs, 2 mm contours, a grid of {grid_mm:g} mm for each plan",
        "",
        "| plans | cost | cost for each plan | check, wall [s] | processor [s] | page, wall [s] | peak memory [MB] |",
        "|---|---|---|---|---|---|---|",
    ]
    first = None
    timed(course_study(1, grid_mm=8.0))
    for count in sorted(n_plans):
        wall, processor, page, report = timed(course_study(count, grid_mm=grid_mm))
        if len(report.plans) != count or len(report.lesions) != 5 or (count > 1 and report.cumulative is None):
            raise SystemExit(f"{count} plans: not the course that was asked for")
        first = first or (count, processor)
        cost = processor / first[1]
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        each = cost / count * first[0]
        out.append(f"| {count} | {cost:.2f} | {each:.2f} | {wall:.1f} | {processor:.1f} | {page:.1f} | {peak_mb:.0f} |")
        print(out[-1], flush=True)
        if count == 3 and (wall > LIMIT_S or peak_mb > LIMIT_MB):
            print(f"three plans are beyond {LIMIT_S:g} s or {LIMIT_MB:g} MB", flush=True)
    return "\n".join([*out, "", "Cost is processor time relative to the first line, in one run."])


def main() -> None:
    """Print the table, and put it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid-mm", type=float, default=2.0)
    parser.add_argument("--plans", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--no-page", action="store_true")
    options = parser.parse_args()
    table = measure(options.plans, grid_mm=options.grid_mm)
    if not options.no_page:
        path = ROOT / "docs" / "benchmarks.md"
        page = path.read_text(encoding="utf-8")
        head, rest = page.split(BEGIN, 1)
        path.write_text(f"{head}{BEGIN}\n\n{table}\n\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
