"""Limit templates of other programs: tables import, tables export."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sbrtcheck.cli.options import parse_assignments
from sbrtcheck.cli.table_text import RowFormat, table_text
from sbrtcheck.errors import safe_text, wrong_usage

if TYPE_CHECKING:
    from sbrtcheck.exchange.export import Exported
    from sbrtcheck.exchange.template import Imported

# The values of exchange.template.TemplateKind and exchange.export.ExportKind; a test holds them together.
READ_KINDS = ("pqm", "doseobjectives", "protocol", "proknow", "planscorecard", "rtpx", "xlsx")
WRITE_KINDS = ("pqm", "doseobjectives", "proknow", "csv")
_FRACTIONS = click.option(
    "--fractions",
    "n_fractions",
    type=click.IntRange(1, 60),
    required=True,
    metavar="N",
    help="The number of fractions that the limits are for.",
)
_FORMAT = click.option(
    "--format",
    "-f",
    "format_",
    type=click.Choice([member.value for member in RowFormat]),
    default=RowFormat.TEXT.value,
    callback=lambda _ctx, _param, value: RowFormat(value),
    show_default=True,
    help="Format of the list of rows.",
)
_FORCE = click.option("--force", is_flag=True, help="Overwrite the output file.")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@_FRACTIONS
@click.option("--from", "kind", type=click.Choice(READ_KINDS), help="The format; told from the content by default.")
@click.option("--level", type=click.Choice(["mandatory", "optimal"]), default="mandatory", show_default=True,
              help="Level of a goal that has no variation.")  # fmt: skip
@click.option("--map", "maps", multiple=True, metavar="NAME=ORGAN",
              help='What a structure of the file is: an organ, PTV, GTV or none. "Canal=SpinalCanal".')  # fmt: skip
@click.option("--leave-out", multiple=True, metavar="PLACE", help='A row that is not wanted: "line 3".')
@click.option("--column", "columns", multiple=True, metavar="WHAT=HEADING",
              help='Of a sheet: which column holds what. "metric=DVH objective".')  # fmt: skip
@click.option("--sheet", default="", metavar="NAME", help="Which sheet of a workbook.")
@click.option("--allow-partial", is_flag=True, help="Write what was taken; such a table never decides.")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), metavar="OURS.csv",
              help="Write the table, and OURS.goals.toml beside it. Without it, nothing is written.")  # fmt: skip
@_FORMAT
@_FORCE
def import_template(
    file: Path,
    n_fractions: int,
    kind: str | None,
    level: str,
    maps: tuple[str, ...],
    leave_out: tuple[str, ...],
    columns: tuple[str, ...],
    sheet: str,
    allow_partial: bool,
    output: Path | None,
    format_: RowFormat,
    force: bool,
) -> int:
    """A limit template of another program as a table of ours: every row, taken, changed or not, and why.

    Reads PQM CSV, Eclipse clinical goals and protocols, ProKnow, PlanScoreCard, RT-PX and Excel sheets. Exit code 2
    when a limit could not be taken; nothing is written then, unless --allow-partial.
    """
    from sbrtcheck.exchange.excel import read_columns
    from sbrtcheck.exchange.read_template import read_template
    from sbrtcheck.exchange.take import take
    from sbrtcheck.exchange.template import TemplateKind
    from sbrtcheck.model import Level

    template = read_template(
        file,
        n_fractions=n_fractions,
        kind=TemplateKind(kind) if kind else None,
        columns=read_columns(columns),
        sheet=sheet,
    )
    imported = take(
        template,
        n_fractions=n_fractions,
        level=Level(level),
        user_map=parse_assignments("--map", maps),
        leave_out=leave_out,
    )
    _show(imported, format_)
    if output is not None and (allow_partial or not imported.is_partial):
        _write_import(imported, output, template=file, force=force)
    if not imported.is_partial or allow_partial:
        return 0
    seen = f"{len(imported.not_taken)} of {imported.n_limits}"
    raise wrong_usage(
        "E-TEMPLATE-ROWS",
        file.name,
        seen=seen,
        remedy="Correct the file; or use --map, --leave-out or --allow-partial (see --help)",
    )


def _show(imported: Imported, format_: RowFormat) -> None:
    """Every row, and a line of sums."""
    rows = [
        {
            "place": safe_text(row.statement.place),
            "structure": safe_text(row.statement.structure),
            "metric": safe_text(row.statement.metric),
            "goal": safe_text(row.statement.goal),
            "variation": safe_text(row.statement.variation),
            "priority": safe_text(row.statement.priority),
            "is": row.fate.value,
            "ours": "; ".join(row.became),
            "why": safe_text(row.why, limit=600),
        }
        for row in imported.rows
    ]
    if format_ is RowFormat.TEXT:
        from sbrtcheck.exchange.write_table import mark_of

        for note in (*mark_of(imported).words(), *imported.template.notes):
            click.echo(safe_text(note, limit=400))
        if imported.mixes_units:
            click.echo("some rows are in cGy, others in Gy: each is read in its own unit")
        click.echo()
    click.echo(table_text(rows, format_))


def _write_import(imported: Imported, output: Path, *, template: Path, force: bool) -> None:
    """The table and the goals, both or neither."""
    from sbrtcheck.exchange import write_table

    if output.exists() and output.samefile(template):
        raise wrong_usage(
            "E-OUTPUT", output.name, tag="--output", detail="this is the template itself", remedy="Give a new name"
        )
    if output.suffix.casefold() != ".csv":
        raise wrong_usage(
            "E-OUTPUT", output.name, tag="--output", detail="not the name of a table", remedy="Name it *.csv"
        )
    texts = {
        output: write_table.table_text(imported),
        output.with_name(output.stem + ".goals.toml"): write_table.goals_text(imported),
    }
    stale = next((path for path, text in texts.items() if not text and path.exists()), None)
    if stale is not None:
        detail = "it would not be written now and would stand beside what is"
        raise wrong_usage("E-OUTPUT", stale.name, tag="--output", detail=detail, remedy="Remove it, or give a new name")
    texts = {path: text for path, text in texts.items() if text}
    if not texts:
        raise wrong_usage("E-OUTPUT", output.name, tag="--output", detail="no limit was taken", remedy="See the list")
    write_together(texts, force=force)
    for path in texts:
        click.echo(f"written: {path.name}", err=True)


def write_together(texts: Mapping[Path, str], *, force: bool) -> None:
    """Write several files, all or none; none may exist unless ``force``.

    Raises:
        WrongUsageError: E-OUTPUT.
    """
    for path in texts:
        if path.exists() and not force:
            raise wrong_usage("E-OUTPUT", path.name, detail="the file exists", tag="--output")
    made: dict[Path, str] = {}
    try:
        for path, text in texts.items():
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            made[path] = name
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
            os.chmod(name, 0o666 & ~_umask())
        for path in texts:
            os.replace(made.pop(path), path)
    except OSError as error:
        place = next(iter(made), next(iter(texts)))
        raise wrong_usage("E-OUTPUT", place.name, seen=error.strerror or "", tag="--output") from error
    finally:
        for name in made.values():
            Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@click.command("export")
@click.argument("name")
@_FRACTIONS
@click.option("--to", "kind", type=click.Choice(WRITE_KINDS), required=True, help="The format to write.")
@click.option(
    "--goals", type=click.Path(path_type=Path), metavar="FILE", help="Also the target goals of a clinic file."
)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where to write it. Without it, the file goes to stdout.")  # fmt: skip
@_FORCE
def export_table(name: str, n_fractions: int, kind: str, goals: Path | None, output: Path | None, force: bool) -> int:
    """A table for another program: what its format states exactly is written, the rest is listed on stderr."""
    from sbrtcheck.cli.options import emit
    from sbrtcheck.exchange import export
    from sbrtcheck.read.clinic_file import load_clinic
    from sbrtcheck.tables.organ_tables import load_table

    table = load_table(name)
    exported = export.export_table(
        table,
        n_fractions=n_fractions,
        kind=export.ExportKind(kind),
        goals=load_clinic(goals).goals if goals is not None else (),
    )
    if not table.may_decide:
        click.echo(f"note: {table.title}: {table.trust}", err=True)
    _list_export(exported)
    if not exported.written:
        detail = f"no limit for {n_fractions} fractions that this format can state"
        remedy = (
            f"It has {', '.join(map(str, table.fractions))} fractions" if not exported.not_written else "See the list"
        )
        raise wrong_usage("E-TEMPLATE", table.name, detail=detail, remedy=remedy)
    emit(exported.text, output=output, force=force)
    return 0


def _list_export(exported: Exported) -> None:
    for words, why in exported.changed:
        click.echo(f"changed: {words}: {why}", err=True)
    for words, why in exported.not_written:
        click.echo(f"not written: {words}: {why}", err=True)
    click.echo(f"{len(exported.written)} written, {len(exported.not_written)} not written", err=True)
