"""The command case: a case file to fill in, and its schema."""

from __future__ import annotations

from pathlib import Path

import click

from sbrtcheck.cli.options import emit


@click.group("case")
def case_group() -> None:
    """The case file: facts about one patient's course that the DICOM files lack."""


@case_group.command("new")
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write to FILE, not to stdout.")
@click.option("--force", is_flag=True, help="Overwrite the output file.")
def case_new(inputs: tuple[Path, ...], output: Path | None, force: bool) -> int:
    """Write a commented case file from the plan: its targets, and every fact that may be added."""
    from sbrtcheck.cli.case_template import new_case_text
    from sbrtcheck.read import read_folder

    emit(new_case_text(read_folder(inputs)), output=output, force=force)
    return 0


@case_group.command("schema")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write to FILE, not to stdout.")
@click.option("--force", is_flag=True, help="Overwrite the output file.")
def case_schema_command(output: Path | None, force: bool) -> int:
    """Print the JSON Schema of the case file."""
    from sbrtcheck.read.case_schema import schema_text

    emit(schema_text(), output=output, force=force)
    return 0
