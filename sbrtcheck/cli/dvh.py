"""``sbrtcheck dvh``: metrics of any structure without verdicts, and agreement with stored or tabulated DVHs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sbrtcheck.anatomy.names import understand
from sbrtcheck.cli.figures.agreement import agreement_figure
from sbrtcheck.cli.options import INPUTS, Progress, emit, output_options
from sbrtcheck.cli.table_text import RowFormat, table_text
from sbrtcheck.dvh import Structure, build_structure, compute_dvh, scan_planes
from sbrtcheck.dvh.agreement import Agreement, compare_dvhs, match_stored
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.dvh.points.outside_grid import GridBound
from sbrtcheck.errors import safe_text, wrong_usage
from sbrtcheck.model import Dvh, Metric, PlanData, Role, StoredDvh, Study
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.read import read_folder

DEFAULT_METRICS = ("D98%[Gy]", "D95%[Gy]", "D50%[Gy]", "D2%[Gy]", "D0.03cc[Gy]", "Mean[Gy]", "Max[Gy]")


def dvh_document(
    paths: Sequence[Path],
    *,
    rois: Sequence[str],
    metric_texts: Sequence[str],
    interpolation: str,
    convention: str,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """The document that ``sbrtcheck dvh`` prints: one entry per structure and plan, metrics as asked.

    Percent of the prescription is taken where the plan has exactly one prescription to targets; else the metric has
    the reason no_prescription.

    Raises:
        RefusedError: as read_folder.
        WrongUsageError: E-METRIC, E-ROI-UNKNOWN.
    """
    metrics = [(text, parse_metric(text)) for text in (metric_texts or DEFAULT_METRICS)]
    progress("reading")
    study = read_folder(paths, need_plan=False)
    entries = []
    for data in study.plans:
        prescription = _prescription_gy(data)
        targets = {n.roi.name for n in understand(data.structures.rois) if n.role is Role.TARGET and n.roi.contours}
        bound = GridBound(data.dose, [s for s in _structures(data, sorted(targets), convention) if s.blocked is None])
        for structure in _structures(data, rois or [r.name for r in data.structures.rois], convention):
            progress(f"dose in {safe_text(structure.name)}")
            start = time.perf_counter()
            dvh = compute_dvh(structure, data.dose, interpolation=interpolation)
            if structure.name not in targets:
                dvh = bound.apply(dvh, structure)
            values = [_metric(text, metric, dvh, prescription) for text, metric in metrics]
            entries.append(
                {
                    "plan": safe_text(data.plan.label),
                    "roi": safe_text(structure.name),
                    "volume_cm3": dvh.total_volume_cm3 if dvh.blocked is None else None,
                    "volume_outside_grid_cm3": dvh.outside_volume_cm3 if dvh.blocked is None else None,
                    "reason": dvh.blocked.value if dvh.blocked else None,
                    "note": safe_text(dvh.blocked_note),
                    "method": dvh.method,
                    "metrics": values,
                    "seconds": round(time.perf_counter() - start, 4),
                }
            )
    return {"structures": entries}


def _prescription_gy(data: PlanData) -> float | None:
    doses = {
        r.target_prescription_gy
        for r in data.plan.dose_references
        if r.reference_type == "TARGET" and r.target_prescription_gy is not None
    }
    return doses.pop() if len(doses) == 1 else None


def _structures(data: PlanData, rois: Sequence[str], convention: str) -> list[Structure]:
    known = {roi.name: roi for roi in data.structures.rois}
    missing = [name for name in rois if name not in known]
    if missing:
        raise wrong_usage("E-ROI-UNKNOWN", "--roi", seen=", ".join(missing))
    scan = scan_planes(data.structures.rois)
    chosen = [known[name] for name in dict.fromkeys(rois)]
    return [build_structure(roi, convention=convention, scan=scan) for roi in chosen]


def _metric(text: str, metric: Metric, dvh: Dvh, prescription_gy: float | None) -> dict[str, Any]:
    value = evaluate(metric, dvh, prescription_gy=prescription_gy)
    return {
        "metric": text,
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "unit": value.unit,
        "reason": value.reason.value if value.reason else None,
        "note": safe_text(value.note),
    }


def render_document(document: dict[str, Any], format_: RowFormat) -> str:
    """The document as JSON, an aligned table or CSV."""
    if format_ is RowFormat.JSON:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    rows = [
        {
            "roi": entry["roi"],
            "volume_cm3": entry["volume_cm3"],
            **{k: m[k] for k in ("metric", "value", "low", "high", "unit", "reason")},
        }
        for entry in document["structures"]
        for m in entry["metrics"]
    ]
    return table_text(rows, format_)


def compare_text(
    paths: Sequence[Path],
    *,
    rois: Sequence[str],
    dvh_table: Path | None,
    interpolation: str,
    plot: Path | None,
    force: bool,
    format_: RowFormat,
    progress: Callable[[str], None],
) -> str:
    """Our DVHs beside the stored ones of the RT Dose, or beside a table's: one row per structure.

    Raises:
        RefusedError: as read_folder.
        WrongUsageError: E-DATA when there is nothing to compare with, E-OUTPUT for a figure that exists.
    """
    from sbrtcheck.read.dvh_table import read_dvh_table

    study: Study = read_folder(paths, need_plan=False)
    rows = []
    figures: list[tuple[Dvh, Any, Agreement]] = []
    for data in study.plans:
        curves: Sequence[Any] = read_dvh_table(dvh_table) if dvh_table is not None else data.stored_dvhs
        pairs, _ = match_stored(curves, data.structures.rois)
        wanted = [(roi, curve) for roi, curve in pairs if not rois or roi.name in rois]
        built = {s.name: s for s in _structures(data, [roi.name for roi, _ in wanted], "interpolated")}
        for roi, curve in wanted:
            progress(f"dose in {safe_text(roi.name)}")
            dvh = compute_dvh(built[roi.name], data.dose, interpolation=interpolation)
            if isinstance(curve, StoredDvh) and dvh.blocked is None:
                curve = curve.of_volume(dvh.total_volume_cm3)
            agreement = compare_dvhs(dvh, curve)
            figures.append((dvh, curve, agreement))
            row: dict[str, Any] = {
                "roi": safe_text(roi.name),
                "volume_cm3": agreement.volume_cm3,
                "stored_cm3": agreement.stored_volume_cm3,
            }
            row |= {f"{d.metric} difference": d.difference_gy for d in agreement.differences}
            row |= {
                "dose_distance_gy": agreement.dose_distance_gy,
                "volume_distance_percent": agreement.volume_distance_percent,
                "verdict": agreement.verdict,
            }
            rows.append(row)
    if not rows:
        raise wrong_usage(
            "E-DATA", "--compare", detail="no stored DVH fits a structure", remedy="Give --dvh-table FILE"
        )
    # The largest difference first: what differs, then what agrees.
    order = sorted(range(len(rows)), key=lambda k: figures[k][2].rank)
    rows, figures = [rows[k] for k in order], [figures[k] for k in order]
    if plot is not None:
        dvh, stored, agreement = max(figures, key=lambda item: abs(item[2].dose_distance_gy or 0.0))
        agreement_figure(dvh, stored, agreement=agreement, path=plot, force=force)
    if format_ is RowFormat.JSON:
        document = {
            "agreement": [asdict(a) | {"problem": a.problem.line() if a.problem else None} for *_, a in figures]
        }
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return table_text(rows, format_)


@click.command("dvh")
@INPUTS
@click.option("--roi", "rois", multiple=True, metavar="NAME", help="ROI to evaluate; default all.")
@click.option("--metric", "metric_texts", multiple=True, metavar="M", help="TG-263 metric: D0.03cc[Gy], V20Gy[%], ...")
@click.option(
    "--interpolation", type=click.Choice(["cubic", "linear"]), default="cubic", show_default=True, help="Of the dose."
)
@click.option(
    "--convention",
    type=click.Choice(["interpolated", "slab"]),
    default="interpolated",
    show_default=True,
    help="Between slices.",
)
@click.option("--compare", is_flag=True, help="Compare with the DVHs stored in the RTDOSE, and with --dvh-table.")
@click.option("--dvh-table", type=click.Path(path_type=Path), metavar="FILE", help="DVH table of a planning system.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Figure of both curves.")
@output_options([RowFormat.JSON, RowFormat.TEXT, RowFormat.CSV], RowFormat.JSON)
def dvh_command(
    inputs: tuple[Path, ...],
    rois: tuple[str, ...],
    metric_texts: tuple[str, ...],
    interpolation: str,
    convention: str,
    compare: bool,
    dvh_table: Path | None,
    plot: Path | None,
    format_: RowFormat,
    output: Path | None,
    force: bool,
) -> int:
    """Metrics of any structure, without verdicts and without a prescription."""
    progress = Progress()
    if compare or dvh_table is not None:
        text = compare_text(
            inputs,
            rois=rois,
            dvh_table=dvh_table,
            interpolation=interpolation,
            plot=plot,
            force=force,
            format_=format_,
            progress=progress,
        )
    else:
        if plot is not None:
            raise wrong_usage("E-OPTION", "--plot", detail="goes with --compare")
        document = dvh_document(
            inputs,
            rois=rois,
            metric_texts=metric_texts,
            interpolation=interpolation,
            convention=convention,
            progress=progress,
        )
        text = render_document(document, format_)
    progress.done()
    emit(text, output=output, force=force)
    return 0
