"""The command whatif: a plan's dose distribution scaled to other schemes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sbrtcheck.cli.figures.what_if import write_figure
from sbrtcheck.cli.options import (
    Progress,
    emit,
    output_options,
    parse_assignments,
    parse_doses,
    parse_fractions,
    parse_sites,
)
from sbrtcheck.cli.table_text import RowFormat, table_text

if TYPE_CHECKING:
    from sbrtcheck.fractionation.what_if import WhatIf


@click.command("whatif")
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--fractions", "fractions_text", required=True, metavar="N,N,...", help="Numbers of fractions to try.")
@click.option("--keep-bed10", "keep", flag_value="bed10", default="bed10", help="Keep the BED10 (the default).")
@click.option("--keep-dose", "keep", flag_value="dose", help="Keep the total dose.")
@click.option("--total", "total_gy", type=float, metavar="GY", help="Total dose to the first lesion.")
@click.option("--table", metavar="NAME", help="Organ table; default: as check chooses at each number.")
@click.option("--prescription", "prescriptions", multiple=True, metavar="ROI=DOSE", help="Total dose of a target [Gy].")
@click.option("--site", "sites", multiple=True, metavar="[PTV=]SITE", help="Site of the lesions.")
@click.option("--map", "roi_map", multiple=True, metavar="ROI=ORGAN", help="What a ROI is.")
@click.option("--case", type=click.Path(path_type=Path), metavar="FILE", help="Case file: earlier dose, sequence.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Clinic file; default: as check.")
@click.option("--no-config", is_flag=True, help="Look for no clinic file.")
@click.option("--plan", "plan_label", default="", metavar="LABEL", help="Which plan is scaled; the others stay as are.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Share of limit against n."
)
@output_options(RowFormat, RowFormat.TEXT)
def whatif_command(
    inputs: tuple[Path, ...],
    fractions_text: str,
    keep: str,
    total_gy: float | None,
    table: str | None,
    prescriptions: tuple[str, ...],
    sites: tuple[str, ...],
    roi_map: tuple[str, ...],
    case: Path | None,
    config: Path | None,
    no_config: bool,
    plan_label: str,
    plot: Path | None,
    format_: RowFormat,
    output: Path | None,
    force: bool,
) -> int:
    """Scale a plan to other numbers of fractions and judge all organ limits there.

    Scaling only, no re-optimisation; not a prescription. Of several plans one is scaled (--plan; else the first): the
    others stay as they are and count, as does earlier dose declared in a case file.
    """
    from sbrtcheck.fractionation.what_if import NOT_A_PRESCRIPTION, whatif
    from sbrtcheck.plan.facts import GivenFacts
    from sbrtcheck.read.clinic_file import load_clinic

    progress = Progress()
    lines = whatif(
        inputs,
        fractions=parse_fractions(fractions_text),
        keep=keep,
        total_gy=total_gy,
        table=table,
        given=GivenFacts(
            prescriptions_gy=parse_doses("--prescription", prescriptions),
            sites=parse_sites(sites),
            roi_map=parse_assignments("--map", roi_map),
        ),
        case=case,
        clinic=load_clinic(config) if config is not None else None,
        find_config=not no_config,
        plan_label=plan_label,
        progress=progress,
    )
    progress.done()
    if plot is not None:
        write_figure(lines, plot, force)
    if format_ is RowFormat.JSON:
        text = json.dumps({"whatif": [asdict(x) for x in lines]}, indent=2, ensure_ascii=False, allow_nan=False)
    else:
        text = table_text([_row(x) for x in lines], format_)
        if format_ is RowFormat.TEXT:
            notes = [f"{x.n_fractions} fractions: {_note(x)}" for x in lines]
            missed = [f"{x.n_fractions} fractions at {x.asked_gy:.1f} Gy misses {m}" for x in lines for m in x.missed]
            what = f"Scaled: {lines[0].plan}." + "".join(f"\nCounts beside it: {x}." for x in lines[0].beside)
            closing = f"Every line is {NOT_A_PRESCRIPTION}."
            text = "\n\n".join(part for part in (what, text, "\n".join(notes), "\n".join(missed), closing) if part)
    emit(text, output=output, force=force)
    return 0


def _note(line: WhatIf) -> str:
    """The note of a line, and which limit of the plan alone would break first where another thing ends the room."""
    from sbrtcheck.fractionation.what_if import NOT_A_PRESCRIPTION

    text = line.note.removesuffix(NOT_A_PRESCRIPTION).removesuffix("; ") or line.table_reason
    first = line.breaks_first
    if first is not None and first != line.limiting:
        row = f"{first.organ} {first.metric} {first.limit}"
        text += f"; of this plan alone the first limit to break is {row}, at {first.prescription_gy:.1f} Gy"
    return text


def _row(line: WhatIf) -> dict[str, object]:
    limiting = line.limiting
    return {
        "n": line.n_fractions,
        "table": line.table or "none",
        "asked [Gy]": line.asked_gy,
        "organs there": line.asked_outcome.value if line.asked_outcome else "not judged",
        "scheme": line.scheme,
        "highest with all organs met [Gy]": line.frontier_gy,
        "limited by": f"{limiting.organ} {limiting.metric} {limiting.limit}" if limiting else "-",
        "BED10 [Gy]": line.bed10_gy,
        "tier": line.tier or "-",
        "highest published [Gy]": line.published_gy,
    }
