"""``sbrtcheck names``: how every ROI was understood, and the map that settles it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from sbrtcheck.anatomy.names import understand
from sbrtcheck.cli.options import INPUTS, emit, output_options, parse_assignments
from sbrtcheck.cli.table_text import RowFormat, table_text
from sbrtcheck.errors import safe_text
from sbrtcheck.model import NamedRoi, Role
from sbrtcheck.read import read_structure_sets
from sbrtcheck.read.clinic_file import load_clinic


def name_rows(paths: Sequence[Path], *, roi_map: Mapping[str, str], config: Path | None) -> list[dict[str, Any]]:
    """One row per ROI of every structure set read; plans and doses are not asked for.

    Raises:
        RefusedError: as read_structure_sets.
        WrongUsageError: E-ROI-UNKNOWN, E-ORGAN-UNKNOWN, E-CONFIG.
    """
    habits = load_clinic(config).names if config is not None else {}
    rows = []
    done: set[str] = set()
    for structures in read_structure_sets(paths):
        if structures.sop_instance_uid in done:
            continue
        done.add(structures.sop_instance_uid)
        present = {roi.name for roi in structures.rois}
        chosen = {roi: organ for roi, organ in habits.items() if roi in present} | dict(roi_map)
        rows += [_row(n) for n in understand(structures.rois, user_map=chosen)]
    return rows


def _row(named: NamedRoi) -> dict[str, Any]:
    what = named.target_type or named.organ
    if named.role is Role.PRV:
        what = f"{what}_PRV"
    if named.laterality and named.role is Role.ORGAN:
        what = f"{what}_{named.laterality}"
    notes = []
    if named.ambiguous_with:
        others = ", ".join(safe_text(n) for n in named.ambiguous_with)
        notes.append(f"ambiguous with {others}: choose one with --map")
    if not named.roi.contours:
        notes.append("no contours")
    if named.suggestion:
        notes.append(f"close to {safe_text(named.suggestion)} (only a suggestion)")
    return {
        "number": named.roi.number,
        "roi": safe_text(named.roi.name),
        "role": named.role.value,
        "understood_as": what or None,
        "matched_by": named.matched_by.value,
        "dose_in_name_gy": named.dose_token_gy,
        "note": "; ".join(notes),
    }


def as_map(rows: Sequence[Mapping[str, Any]]) -> str:
    """A clinic file with a name map: what was understood, and a commented line for each ROI that was not.

    JSON strings are TOML basic strings, so any ROI name survives the round trip.
    """
    lines = ["# Name map for sbrtcheck: use it with --config. Correct it before you rely on it.", "[names]"]
    for row in rows:
        key = json.dumps(row["roi"], ensure_ascii=True)
        if row["understood_as"] and row["role"] != Role.UNMATCHED.value:
            lines.append(f"{key} = {json.dumps(row['understood_as'])}")
        else:
            lines.append(f'# {key} = "none"  # {row["role"]}')
    return "\n".join(lines) + "\n"


@click.command("names")
@INPUTS
@click.option("--map", "roi_map", multiple=True, metavar="ROI=ORGAN", help="What a ROI is.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Clinic file with a name map.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Save the map as TOML.")
@output_options(RowFormat, RowFormat.TEXT)
def names_command(
    inputs: tuple[Path, ...],
    roi_map: tuple[str, ...],
    config: Path | None,
    save: Path | None,
    format_: RowFormat,
    output: Path | None,
    force: bool,
) -> int:
    """How every ROI was understood; a suggestion is only ever a suggestion."""
    rows = name_rows(inputs, roi_map=parse_assignments("--map", roi_map), config=config)
    if save is not None:
        emit(as_map(rows), output=save, force=force)
    emit(table_text(rows, format_), output=output, force=force)
    return 0
