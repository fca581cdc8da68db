"""The commands that read DICOM: check, dvh, names, validate."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from sbrtcheck.cli.main import Progress, emit, output_options
from sbrtcheck.errors import RefusedError, safe_text, wrong_usage

_INPUTS = click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))


def parse_assignments(option: str, values: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` options as a mapping; the last ``=`` separates, since ROI names may hold one.

    Raises:
        WrongUsageError: E-OPTION for a value without ``=`` or a name given twice with different values.
    """
    out: dict[str, str] = {}
    for text in values:
        name, separator, value = text.rpartition("=")
        if not separator or not name.strip() or not value.strip():
            raise wrong_usage("E-OPTION", option, seen=text, remedy=f'Write {option} "NAME=VALUE"')
        if out.setdefault(name.strip(), value.strip()) != value.strip():
            raise wrong_usage("E-OPTION", option, seen=text, detail="one name has two values")
    return out


def parse_doses(option: str, values: Sequence[str]) -> dict[str, float]:
    """``ROI=DOSE`` options; the dose is in Gy, with or without the unit."""
    out = {}
    for name, text in parse_assignments(option, values).items():
        number = text.casefold().removesuffix("gy").strip()
        try:
            dose = float(number) if number.isascii() and "_" not in number else math.nan
        except ValueError:
            dose = math.nan
        if not math.isfinite(dose) or dose <= 0:
            raise wrong_usage("E-OPTION", option, seen=f"{name}={text}", remedy='Write a dose in Gy: "PTV=54"')
        out[name] = dose
    return out


def parse_sites(values: Sequence[str]) -> dict[str, str]:
    """``PTV=lung`` options, or one bare ``lung`` for every target (key "")."""
    bare = [v.strip() for v in values if "=" not in v]
    out = parse_assignments("--site", [v for v in values if "=" in v])
    if len(set(bare)) > 1:
        raise wrong_usage("E-OPTION", "--site", seen=", ".join(bare), detail="two sites for every target")
    if bare:
        out[""] = bare[0]
    return out


@click.command("check")
@_INPUTS
@click.option("--table", metavar="NAME", help="Organ table that decides (a shipped name, or a CSV file).")
@click.option("--also", metavar="NAMES", help="Tables to judge beside it, comma-separated; they do not decide.")
@click.option("--fractions", type=int, metavar="N", help="Number of fractions, where the plan has none.")
@click.option("--prescription", "prescriptions", multiple=True, metavar="ROI=DOSE", help="Total dose of a target [Gy].")
@click.option("--site", "sites", multiple=True, metavar="[PTV=]SITE", help="lung, spine, liver, adrenal, bone, node.")
@click.option("--map", "roi_map", multiple=True, metavar="ROI=ORGAN", help="What a ROI is.")
@click.option("--case", "case_file", type=click.Path(path_type=Path), metavar="FILE", help="Case file (facts).")
@click.option("--config", "config", type=click.Path(path_type=Path), metavar="FILE", help="Clinic file.")
@click.option("--no-config", is_flag=True, help="Do not look for a clinic file.")
@click.option(
    "--interpolation", type=click.Choice(["cubic", "linear"]), default="cubic", show_default=True, help="Of the dose."
)
@click.option("--derive", is_flag=True, help="Carry limits by BED to a number of fractions between two tabulated ones.")
@click.option("--strict", is_flag=True, help="A variation exits 1.")
@click.option("--pseudonymise", is_flag=True, help="Replace names, labels and UIDs by keyed hashes in every format.")
@output_options(["text", "json", "csv", "html"], "text")
def check_command(
    inputs: tuple[Path, ...],
    table: str | None,
    also: str | None,
    fractions: int | None,
    prescriptions: tuple[str, ...],
    sites: tuple[str, ...],
    roi_map: tuple[str, ...],
    case_file: Path | None,
    config: Path | None,
    no_config: bool,
    interpolation: str,
    derive: bool,
    strict: bool,
    pseudonymise: bool,
    format_: str,
    output: Path | None,
    force: bool,
) -> int:
    """Check a plan or course: a folder, files or a zip with RTPLAN, RTSTRUCT and RTDOSE.

    The exit code is that of the worst outcome: see sbrtcheck --help.
    """
    from sbrtcheck.pipeline import check

    progress = Progress()
    report = check(
        inputs,
        table=table,
        also=tuple(name.strip() for name in (also or "").split(",") if name.strip()),
        fractions=fractions,
        prescriptions=parse_doses("--prescription", prescriptions),
        sites=parse_sites(sites),
        roi_map=parse_assignments("--map", roi_map),
        case=case_file,
        config=config,
        find_config=not no_config,
        interpolation=interpolation,
        derive=derive,
        strict=strict,
        pseudonymise=pseudonymise,
        progress=progress,
    )
    progress("rendering")
    text = render(report, format_)
    progress.done()
    if report.errors and not report.plans:
        # A refusal is said where a person looks and where a script reads.
        for problem in report.errors:
            click.echo(problem.line(), err=True)
    emit(text, output=output, force=force)
    return report.exit_code


def render(report: Any, format_: str) -> str:
    """The report in one of its formats; each renderer is imported only when asked for."""
    import sys

    if format_ == "json":
        from sbrtcheck.report import render_json

        return render_json(report)
    if format_ == "csv":
        from sbrtcheck.report import render_csv

        return render_csv(report)
    if format_ == "html":
        from sbrtcheck.report import render_html

        return render_html(report)
    import shutil

    from sbrtcheck.report import render_text

    width = min(max(shutil.get_terminal_size((120, 40)).columns, 80), 160)
    return render_text(report, color=sys.stdout.isatty(), width=width)


@click.command("dvh")
@_INPUTS
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
@output_options(["json", "text", "csv"], "json")
def dvh_command(
    inputs: tuple[Path, ...],
    rois: tuple[str, ...],
    metric_texts: tuple[str, ...],
    interpolation: str,
    convention: str,
    compare: bool,
    dvh_table: Path | None,
    plot: Path | None,
    format_: str,
    output: Path | None,
    force: bool,
) -> int:
    """Metrics of any structure, without verdicts and without a prescription."""
    from sbrtcheck.cli import dvh as inspect_dvh

    progress = Progress()
    if compare or dvh_table is not None:
        text = inspect_dvh.compare_text(
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
        document = inspect_dvh.dvh_document(
            inputs,
            rois=rois,
            metric_texts=metric_texts,
            interpolation=interpolation,
            convention=convention,
            progress=progress,
        )
        text = inspect_dvh.render_document(document, format_)
    progress.done()
    emit(text, output=output, force=force)
    return 0


@click.command("names")
@_INPUTS
@click.option("--map", "roi_map", multiple=True, metavar="ROI=ORGAN", help="What a ROI is.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Clinic file with a name map.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Save the map as TOML.")
@output_options(["text", "json", "csv"], "text")
def names_command(
    inputs: tuple[Path, ...],
    roi_map: tuple[str, ...],
    config: Path | None,
    save: Path | None,
    format_: str,
    output: Path | None,
    force: bool,
) -> int:
    """How every ROI was understood; a suggestion is only ever a suggestion."""
    from sbrtcheck.cli import names as inspect_names

    rows = inspect_names.name_rows(inputs, roi_map=parse_assignments("--map", roi_map), config=config)
    if save is not None:
        emit(inspect_names.as_map(rows), output=save, force=force)
    emit(table_text(rows, format_), output=output, force=force)
    return 0


@click.command("validate")
@_INPUTS
@output_options(["text", "json", "csv"], "text")
def validate_command(inputs: tuple[Path, ...], format_: str, output: Path | None, force: bool) -> int:
    """Only the input checks, with every finding and not just the first. Exit code 0 or 4."""
    from sbrtcheck.read import validate

    problems = validate(inputs)
    rows = [
        {
            "code": p.code,
            "object": p.object,
            "tag": p.tag,
            "seen": p.seen,
            "meaning": p.detail or p.meaning,
            "remedy": p.remedy,
        }
        for p in problems
    ]
    refused = bool(validate(inputs, refusals_only=True))
    if format_ == "text":
        lines = [p.line() for p in problems]
        lines.append("REFUSED" if refused else "the input checks found no error; this is not a verdict on the plan")
        emit("\n".join(lines), output=output, force=force)
    else:
        emit(table_text(rows, format_), output=output, force=force)
    return RefusedError.exit_code if refused else 0


def table_text(rows: Sequence[Mapping[str, Any]], format_: str) -> str:
    """Rows of equal keys as aligned text, JSON or CSV. Text from files is made safe, CSV cells are guarded."""
    if format_ == "json":
        return json.dumps(list(rows), indent=2, ensure_ascii=False, allow_nan=False)
    if not rows:
        return "" if format_ == "csv" else "nothing to show"
    columns = list(rows[0])
    if format_ == "csv":
        from sbrtcheck.report import csv_line

        return "\n".join([csv_line(columns), *(csv_line([row[c] for c in columns]) for row in rows)])
    cells = [[_cell(row[c]) for c in columns] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in cells)) for i, column in enumerate(columns)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(columns, widths, strict=True)).rstrip()]
    lines += ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return safe_text(value)
