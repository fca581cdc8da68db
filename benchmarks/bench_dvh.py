"""The DVH engine: errors and bands on the analytic suite (docs/dvh.md), time beside a peer (docs/benchmarks.md)."""

from __future__ import annotations

import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).parent)]

import phantoms as ph  # noqa: E402
from clinical import clinical_case  # noqa: E402
from peer import dose_dataset, load_dvhcalc, structures_dataset  # noqa: E402

from sbrtcheck.dvh import build_structure, compute_dvh, compute_dvhs  # noqa: E402
from sbrtcheck.dvh.metrics import evaluate  # noqa: E402
from sbrtcheck.model import DoseGrid, Roi  # noqa: E402

CLASSES = ("<0.5", "0.5-2", "2-20", ">20")
METRICS = ("D95%[Gy]", "D98%[Gy]", "D2%[Gy]", "D0.03cc[Gy]", "D2cc[Gy]", "Mean[Gy]")
SPACINGS = ((1.0, 1.0), (1.0, 2.5), (2.0, 2.0), (2.0, 2.5), (3.0, 2.5))
ROUNDS = 1
BEGIN, END = "<!-- made by make bench -->", "<!-- end -->"

Row = dict[str, Any]


def measure_errors() -> list[Row]:
    """One row for every case and metric: error, band and what belongs to it."""
    rows: list[Row] = []
    for seed in range(ROUNDS):
        for case in ph.suite(np.random.default_rng(200 + seed), spacings=SPACINGS, n_truth=72):
            dvh = compute_dvh(build_structure(case.roi), case.dose)
            common = {
                "name": case.name,
                "size": case.size_class,
                "volume": case.volume_cm3,
                "flat": case.flat_ended,
                "contour": case.contour_mm,
                "grid": case.grid_mm,
            }
            error = 100 * (dvh.total_volume_cm3 / case.volume_cm3 - 1)
            rows.append({**common, "metric": "Volume [%]", "error": error})
            for metric in METRICS:
                if metric not in case.truth:
                    continue
                found = evaluate(metric, dvh)
                if found.value is None or found.low is None or found.high is None:
                    rows.append({**common, "metric": metric, "error": None})
                    continue
                truth = case.truth[metric]
                # 0.01 Gy: what the sampled truth itself is worth.
                inside = found.low - 0.01 <= truth <= found.high + 0.01
                half = 0.5 * (found.high - found.low)
                rows.append({**common, "metric": metric, "error": found.value - truth, "inside": inside, "half": half})
    return rows


def percentiles(rows: list[Row]) -> str:
    """Median / 95th percentile / maximum of the absolute error."""
    errors = [abs(r["error"]) for r in rows if r["error"] is not None]
    if not errors:
        return "-"
    return f"{np.median(errors):.3f} / {np.percentile(errors, 95):.3f} / {max(errors):.3f}"


def error_tables(rows: list[Row]) -> str:
    """The tables of docs/dvh.md."""
    smooth = [r for r in rows if not r["flat"]]
    fine = [r for r in smooth if r["contour"] <= 2 and r["grid"] <= 2.5]
    out = [
        f"{sum(r['metric'] == 'Volume [%]' for r in rows)} cases.",
        "Absolute error: median / 95th percentile / maximum, doses in Gy at 50 Gy prescribed, volume in %.",
        "",
        "### Contours up to 2 mm, grid up to 2.5 mm, flat-ended shapes left out",
        "",
        "| | " + " | ".join(f"{c} cm3" for c in CLASSES) + " |",
        "|---|" + "---|" * len(CLASSES),
    ]
    for metric in (*METRICS, "Volume [%]"):
        cells = [percentiles([r for r in fine if r["metric"] == metric and r["size"] == c]) for c in CLASSES]
        out.append(f"| {metric} | " + " | ".join(cells) + " |")
    out += [
        "",
        "### The band: share of true values inside, and median half-width [Gy], all shapes, grid up to 2.5 mm",
        "",
    ]
    out += ["| | " + " | ".join(f"{c} cm3" for c in CLASSES) + " |", "|---|" + "---|" * len(CLASSES)]
    for metric in METRICS:
        cells = []
        for c in CLASSES:
            chosen = [r for r in rows if r["metric"] == metric and r["size"] == c and r["grid"] <= 2.5 and "half" in r]
            share, half = [r["inside"] for r in chosen], [r["half"] for r in chosen]
            cells.append(f"{100 * np.mean(share):.0f} %, {np.median(half):.3f}" if chosen else "-")
        out.append(f"| {metric} | " + " | ".join(cells) + " |")
    banded = [r for r in rows if "half" in r]
    out += [
        "",
        f"All together: {100 * np.mean([r['inside'] for r in banded]):.1f} % of {len(banded)} true values inside.",
    ]
    out += ["", "### By contour and grid spacing (95th percentile, flat-ended shapes left out)", ""]
    out += [
        "| contour, grid [mm] | metric | " + " | ".join(f"{c} cm3" for c in CLASSES) + " |",
        "|---|---|" + "---|" * len(CLASSES),
    ]
    for contour, grid in SPACINGS:
        for metric in ("D95%[Gy]", "D0.03cc[Gy]", "Volume [%]"):
            cells = []
            for c in CLASSES:
                chosen = [
                    abs(r["error"])
                    for r in smooth
                    if (r["contour"], r["grid"], r["metric"], r["size"]) == (contour, grid, metric, c)
                    and r["error"] is not None
                ]
                cells.append(f"{np.percentile(chosen, 95):.3f}" if chosen else "-")
            out.append(f"| {contour:g}, {grid:g} | {metric} | " + " | ".join(cells) + " |")
    out += ["", "### The worst of all, flat-ended shapes included", ""]
    out += ["| shape | cm3 | contour, grid [mm] | metric | error | in the band |", "|---|---|---|---|---|---|"]
    worst = sorted((r for r in rows if r["error"] is not None), key=lambda r: -abs(r["error"]))
    for metric in ("Volume [%]", "D95%[Gy]", "D98%[Gy]", "D0.03cc[Gy]", "Mean[Gy]"):
        for r in [w for w in worst if w["metric"] == metric][:3]:
            inside = "-" if "inside" not in r else "yes" if r["inside"] else "**no**"
            out.append(
                f"| {r['name']} | {r['volume']:.2f} | {r['contour']:g}, {r['grid']:g} "
                f"| {metric} | {r['error']:+.3f} | {inside} |"
            )
    return "\n".join(out)


def seconds(call: Any) -> tuple[float, float]:
    """Wall and processor time of one call [s]. On a busy machine the second is the one to trust."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - processor


def ours(rois: list[Roi], dose: DoseGrid) -> list[Any]:
    """All Dvhs with their bands, from contours on."""
    return compute_dvhs([build_structure(roi) for roi in rois], dose)


def theirs(rois: list[Roi], dose: DoseGrid) -> list[Any]:
    """The same by dicompyler-core, default settings, from data sets in memory."""
    dvhcalc = load_dvhcalc()
    structures, grid = structures_dataset(rois), dose_dataset(dose)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [dvhcalc.get_dvh(structures, grid, roi.number) for roi in rois]


def time_tables() -> str:
    """The tables of docs/benchmarks.md. Ratios hold anywhere; seconds only on the machine that ran them."""
    rois, dose = clinical_case()
    ours(rois[:1], dose)
    first = seconds(lambda: ours(rois, dose))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    second = seconds(lambda: ours(rois, dose))
    best = min(first, second)
    peer = seconds(lambda: theirs(rois, dose))
    ratios = f"{peer[0]:.1f} | {peer[0] / best[0]:.1f} | {peer[1]:.1f} | {peer[1] / best[1]:.1f}"
    peer_line = f"| dicompyler-core 0.5.6, default, no bands | {ratios} |"
    out = [
        "### Clinical case: 30 structures (targets, body, skin, lungs), 2 mm contours, 200 x 150 x 200 voxels of 2 mm",
        "",
        "| | wall [s] | ratio | processor [s] | ratio |",
        "|---|---|---|---|---|",
        f"| sbrtcheck, all DVHs with bands, two threads | {best[0]:.1f} | 1 | {best[1]:.1f} | 1 |",
        peer_line,
        "",
        f"Peak memory of sbrtcheck: {peak_mb:.0f} MB (the dose grid itself is {dose.dose_gy.nbytes / 1e6:.0f} MB).",
        "",
        "### Processor time against the number of structures and the size of the grid (relative to the first line)",
        "",
        "| structures | voxels [million] | cost |",
        "|---|---|---|",
    ]
    base = None
    for n_structures in (5, 10, 20, 30):
        cost = seconds(lambda n=n_structures: ours(rois[:5] + rois[-(n - 5) :] if n > 5 else rois[:5], dose))[1]
        base = base or cost
        out.append(f"| {n_structures} | {dose.dose_gy.size / 1e6:.1f} | {cost / base:.1f} |")
    for grid_mm in (4.0, 3.0, 2.5, 2.0):
        scaled_rois, scaled = clinical_case(grid_mm=grid_mm)
        cost = seconds(lambda r=scaled_rois, d=scaled: ours(r, d))[1]
        out.append(f"| 30 | {scaled.dose_gy.size / 1e6:.1f} ({grid_mm:g} mm) | {cost / base:.1f} |")
    return "\n".join(out)


def write_between(path: Path, text: str) -> None:
    """Put ``text`` between the markers of a page."""
    page = path.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN, 1)
    _, tail = rest.split(END, 1)
    path.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}", encoding="utf-8")


def figure(path: Path) -> None:
    """How the area of a sphere and of a cylinder is carried on between and beyond the planes."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "sbrtcheck"
    from matplotlib import pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
    for axis, solid, title in zip(
        axes, (ph.sphere(4.0), ph.cylinder(9.0, 14.0)), ("runs to a point", "flat end"), strict=True
    ):
        roi = Roi(1, title, ph.draw(solid, 3.0, 0.35, centre=np.zeros(3)))
        shape = build_structure(roi).shape
        assert shape is not None
        u = np.linspace(-12, 12, 97)
        lattice = shape.on_lattice(u, u)
        heights = np.linspace(shape.low_mm[2] - 0.2, shape.high_mm[2] + 0.2, 400)
        true = [
            sum(
                0.5 * abs(np.sum(p[:, 0] * np.roll(p[:, 1], -1) - p[:, 1] * np.roll(p[:, 0], -1)))
                for p in solid.loops(z)
            )
            for z in heights
        ]
        axis.plot(heights, true, color="0.6", lw=4, label="true")
        for variant, style in (("nominal", "C0-"), ("slab", "C1--"), ("upper end long", "C2:")):
            axis.plot(heights, [lattice.area_mm2(z, variant) for z in heights], style, label=variant)
        planes = shape.stacks[0].w_mm
        axis.plot(planes, [lattice.area_mm2(z, "slab") for z in planes], "k.", label="contours")
        axis.set_title(title)
        axis.set_xlabel("height [mm]")
    axes[0].set_ylabel("area [mm2]")
    axes[0].legend(fontsize=7)
    fig.tight_layout()
    fig.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(fig)


def main() -> None:
    """Make both pages again."""
    write_between(ROOT / "docs" / "benchmarks.md", time_tables())
    figure(ROOT / "docs" / "dvh_method.svg")
    write_between(ROOT / "docs" / "dvh.md", error_tables(measure_errors()))


if __name__ == "__main__":
    main()
