"""The commands that read DICOM: check, dvh, names, validate."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sbrtcheck.cli.options import (
    INPUTS,
    Progress,
    emit,
    output_options,
    parse_assignments,
    parse_doses,
    parse_sites,
    terminal_width,
)
from sbrtcheck.cli.table_text import RowFormat, table_text
from sbrtcheck.errors import RefusedError
from sbrtcheck.report.formats import Format, render


@click.command("check")
@INPUTS
@click.option("--table", metavar="NAME", help="Organ table that decides (a shipped name, or a CSV file).")
@click.option("--also", metavar="NAMES", help="Tables to judge beside it, comma-separated; they do not decide.")
@click.option("--fractions", type=int, metavar="N", help="Number of fractions, where the plan has none.")
@click.option(
    "--prescription", "prescriptions", multiple=True, metavar="ROI=DOSE", help="Total dose of a target, or of all [Gy]."
)
@click.option("--site", "sites", multiple=True, metavar="[PTV=]SITE", help="lung, spine, liver, adrenal, bone, node.")
@click.option("--map", "roi_map", multiple=True, metavar="ROI=ORGAN", help="What a ROI is.")
@click.option("--case", "case_file", type=click.Path(path_type=Path), metavar="FILE", help="Case file (facts).")
@click.option("--config", "config", type=click.Path(path_type=Path), metavar="FILE", help="Clinic file.")
@click.option("--no-config", is_flag=True, help="Do not look for a clinic file.")
@click.option(
    "--interpolation", type=click.Choice(["cubic", "linear"]), default="cubic", show_default=True, help="Of the dose."
)
@click.option("--sum-beams", is_flag=True, help="Add BEAM doses that hold every treatment beam once: no PLAN dose.")
@click.option("--fraction-group", type=int, metavar="N", help="The group to judge, of a plan with several.")
@click.option("--derive", is_flag=True, help="Carry limits by BED to a number of fractions between two tabulated ones.")
@click.option("--same-patient", is_flag=True, help="Confirm that objects with different names are of one patient.")
@click.option("--strict", is_flag=True, help="A variation exits 1.")
@click.option("--pseudonymise", is_flag=True, help="Replace names, labels and UIDs by keyed hashes in every format.")
@output_options(Format, Format.TEXT)
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
    sum_beams: bool,
    fraction_group: int | None,
    derive: bool,
    same_patient: bool,
    strict: bool,
    pseudonymise: bool,
    format_: Format,
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
        sum_beams=sum_beams,
        fraction_group=fraction_group,
        derive=derive,
        same_patient=same_patient,
        strict=strict,
        pseudonymise=pseudonymise,
        progress=progress,
    )
    progress("rendering")
    text = render(report, format_, color=sys.stdout.isatty(), width=terminal_width())
    progress.done()
    if report.errors and not report.plans:
        # A refusal is said where a person looks and where a script reads.
        for problem in report.errors:
            click.echo(problem.line(), err=True)
    emit(text, output=output, force=force)
    return report.exit_code


@click.command("validate")
@INPUTS
@output_options(RowFormat, RowFormat.TEXT)
def validate_command(inputs: tuple[Path, ...], format_: RowFormat, output: Path | None, force: bool) -> int:
    """Only the input checks, with every finding and not just the first. Exit code 0 or 4."""
    from sbrtcheck.read import validate

    problems = validate(inputs)
    refused = bool(validate(inputs, refusals_only=True))
    if format_ is RowFormat.TEXT:
        lines = [p.line() for p in problems]
        lines.append("REFUSED" if refused else "the input checks found no error; this is not a verdict on the plan")
        emit("\n".join(lines), output=output, force=force)
    else:
        emit(table_text([p.to_row() for p in problems], format_), output=output, force=force)
    return RefusedError.exit_code if refused else 0
