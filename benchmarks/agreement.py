"""Writes docs/agreement.md: our DVHs beside the planning system's on the real sets in tests/data.

Run from the checkout: ``python benchmarks/agreement.py``. Making the page again without a change gives no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sbrtcheck.dvh import build_structure, compute_dvh
from sbrtcheck.dvh.agreement import METRICS, Agreement, compare_dvhs, match_stored
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.model import Dvh, PlanData
from sbrtcheck.read import read_folder
from sbrtcheck.read.dvh_table import read_dvh_table

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data"
PAGE = ROOT / "docs" / "agreement.md"
READINGS = ("slab", "caps none", "trilinear")

INTRO = """# Our DVHs beside the planning system's

Written by `python benchmarks/agreement.py` from the real sets in `tests/data`; their origin and licences stand in
its README. Differences are ours minus theirs. Statistics of the other side are taken from its curve, never from its
tags.

Two curves agree when volume, mean and every point of the other curve lie within our band widened by a tolerance
(our policy): 1 % of the prescription (without one: of the highest dose) plus half a bin of the other curve, and 2 %
of the volume (below 2 cm3: 0.05 cm3, plus the rounding of a printed volume). A point of the curve may use both at
once. `W-STORED-DVH` is raised for what differs. No other tool is the truth here: none of them publishes its
conventions in full.

Columns: volume of ours, its band, theirs [cm3]; differences of mean, D95%, D50%, D2% and D0.03cc [Gy]; largest
difference of dose at equal relative volume (between 1 % and 99 %) [Gy] with the volume where it lies; largest
difference of relative volume at equal dose [%] with the dose where it lies.
"""

CAUSES = """## Where the differences come from

The last table takes our own engine apart: the same structures read as slabs, without end caps, and with trilinear
instead of cubic dose. Where one of these moves us onto the others, it is the cause.

- **Femoral heads, D2% 0.2 to 0.5 Gy below all three.** The dose there is a narrow slope on a 2.5 mm
  grid. Read trilinearly our D2% rises by 0.2 to 0.3 Gy, most of the way to theirs: they look as if they
  interpolated linearly. On analytic doses the cubic is the nearer one.
- **Rectum, D95% 0.15 Gy below Eclipse.** Its ends lie in the slope of the field. Without end caps we come within
  0.03 Gy, as if Eclipse ended the structure nearer to the last contour. The contours do not say where it ends; our
  band holds both.
- **Bladder, D95% 0.2 to 0.4 Gy above the others.** Trilinear dose brings us within 0.1 Gy of Eclipse and 0.03 Gy of
  SlicerRT; again a structure whose edge lies in a slope.
- **CERR, all doses about 0.1 Gy lower than everybody's.** Its table counts in bins of 0.2 Gy, and lists a bin's
  middle beside the volume of the bin's upper edge: half a bin. Volumes agree within 0.2 %.
- **Volumes 1 % above Eclipse and SlicerRT, on CERR's.** We and CERR give the first and last contour half a slice
  beyond them. The prostate table prints Eclipse's volumes to 0.1 cm3.
- **BODY.** Our band has no mean and no D0.03cc: 1 % of it lies outside the dose grid, and nothing is put there. In
  the breast set the contours enclose 6.7 % more than the stored curve's 13944 cm3. Slab counting of the same
  contours gives our number; no reading of ours gives Eclipse's. Unexplained, and therefore a warning.
- **Scar, 0.51 beside 0.34 cm3.** A strip of skin 1 to 2 mm wide on six slices: thinner than the 2.5 mm grid. Slab
  counting gives 0.51. Its doses agree within the band.
- **Borders, Nodes.** Two and four slices: with end caps about 1.3 and 0.7 cm3, without 0.65 and 0.57; Eclipse's 0.74
  and 0.57 lie inside that band. Small structures on few slices have no sharper volume.
- **Breast set, tags.** DVH Minimum, Maximum and Mean Dose are in percent of 14 Gy beside curves in Gy: read from
  the curve, and said in the note of each structure.
- **Eclipse table, line 776.** The file holds one dose mangled by a spreadsheet (0.00035604 for 35.604). It is left
  out, with a warning; integrating over it would lower the mean of the rectum by 0.035 Gy.
"""


def dvhs_of(plan: PlanData) -> dict[int, Dvh]:
    """Our Dvh of every ROI with contours, by ROI number."""
    drawn = [roi for roi in plan.structures.rois if roi.contours]
    return {roi.number: compute_dvh(build_structure(roi), plan.dose) for roi in drawn}


def rows(ours: dict[int, Dvh], plan: PlanData, curves: Iterable[Any], prescription_gy: float) -> list[Agreement]:
    pairs, _ = match_stored(list(curves), plan.structures.rois)
    return [
        compare_dvhs(ours[roi.number], curve, prescription_gy=prescription_gy)
        for roi, curve in pairs
        if roi.number in ours
    ]


def number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def table(title: str, results: list[Agreement]) -> list[str]:
    heads = ["structure", "ours", "band", "theirs", "%", *METRICS, "dose distance", "volume distance", "verdict"]
    lines = [f"### {title}", "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for r in results:
        cells = [
            r.roi,
            number(r.volume_cm3, ".2f"),
            f"{number(r.volume_low_cm3, '.2f')} to {number(r.volume_high_cm3, '.2f')}",
            number(r.stored_volume_cm3, ".2f"),
            number(r.volume_difference_percent, "+.1f"),
            *(number(d.difference_gy, "+.2f") for d in r.differences),
            f"{number(r.dose_distance_gy, '+.2f')} at {number(r.dose_distance_at_percent, '.1f')} %",
            f"{number(r.volume_distance_percent, '+.1f')} at {number(r.volume_distance_at_gy, '.2f')} Gy",
            r.verdict.partition(":")[0],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def taken_apart(ours: Iterable[Dvh]) -> list[str]:
    heads = ["structure", "metric", "ours", *READINGS]
    lines = [
        "### Our own readings beside each other [Gy]",
        "",
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * len(heads),
    ]
    for dvh in ours:
        readings = dict(dvh.variants)
        for metric in ("D95%[Gy]", "D2%[Gy]"):
            values = [evaluate(metric, dvh).value]
            for name in READINGS:
                alone = replace(dvh, samples=readings[name], variants=()) if name in readings else None
                values.append(None if alone is None else evaluate(metric, alone).value)
            lines.append(f"| {dvh.roi} | {metric} | " + " | ".join(number(v, ".2f") for v in values) + " |")
    return [*lines, ""]


def main() -> None:
    """Compare and write the page."""
    prostate = read_folder(DATA / "eclipse_prostate").plans[0]
    breast = read_folder(DATA / "eclipse_breast_boost").plans[0]
    ours_prostate, ours_breast = dvhs_of(prostate), dvhs_of(breast)
    lines = [INTRO, "## Prostate phantom, 46 Gy, grid 2.5 mm, contours 2.5 mm", ""]
    for tool in ("Eclipse", "CERR", "SlicerRT"):
        curves = read_dvh_table(DATA / "eclipse_prostate" / f"EclipseProstate_DvhTable_{tool}.csv")
        lines += table(f"Beside {tool}", rows(ours_prostate, prostate, curves, 46.0))
    lines += ["## Breast boost, 14 Gy, grid 2.5 x 2.5 x 3 mm, contours 3 mm", ""]
    lines += table("Beside the DVHs stored in the RT Dose", rows(ours_breast, breast, breast.stored_dvhs, 14.0))
    lines += [CAUSES]
    lines += taken_apart(dvh for dvh in ours_prostate.values() if dvh.roi != "BODY")
    PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
