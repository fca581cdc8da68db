"""The commands that read data files: tables and explain."""

from __future__ import annotations

from pathlib import Path

import click

from sbrtcheck.cli.options import emit, output_options
from sbrtcheck.cli.table_text import RowFormat, table_text
from sbrtcheck.cli.tables_exchange import export_table, import_template
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model import LimitRow


@click.group("tables", invoke_without_command=True)
@click.pass_context
def tables(context: click.Context) -> int:
    """Organ-limit tables: list (the default), show, compare, lint, import, export."""
    if context.invoked_subcommand is None:
        result: int = context.invoke(list_tables, format_="text", output=None, force=False)
        return result
    return 0


tables.add_command(import_template)
tables.add_command(export_table)


@tables.command("list")
@output_options(RowFormat, RowFormat.TEXT)
def list_tables(format_: RowFormat, output: Path | None, force: bool) -> int:
    """Every shipped table: what it covers and how far to trust it."""
    from sbrtcheck.tables.organ_tables import load_tables

    rows = [
        {
            "name": t.name,
            "title": t.title,
            "rows": len(t.rows),
            "organs": len({r.organ for r in t.rows}),
            "fractions": ",".join(str(n) for n in t.fractions) or "-",
            "decides": "yes" if t.may_decide else "no",
            "version": t.version,
            "trust": t.trust,
        }
        for t in load_tables().values()
    ]
    emit(table_text(rows, format_), output=output, force=force)
    return 0


@tables.command("show")
@click.argument("name")
@click.option("--organ", metavar="ORGAN", help="Only this organ.")
@click.option("--fractions", type=int, metavar="N", help="Only this number of fractions.")
@output_options(RowFormat, RowFormat.TEXT)
def show_table(
    name: str, organ: str | None, fractions: int | None, format_: RowFormat, output: Path | None, force: bool
) -> int:
    """The rows of one table, with source and trust."""
    from sbrtcheck.tables.organ_tables import load_table

    table = load_table(name)
    known = _organ(organ)
    rows = [
        _row(r)
        for r in table.rows
        if (known is None or r.organ == known) and (fractions is None or r.n_fractions == fractions)
    ]
    text = table_text(rows, format_)
    if format_ is RowFormat.TEXT:
        head = f"{table.title} ({table.citation}), version {table.version}: {table.trust}\n{table.judged_as_note}"
        what = f"\nnothing for {known or 'any organ'} in {fractions} fractions; it has {table.fractions}"
        text = f"{head}\n\n{text}" if rows else head + (what if fractions is not None else "\nno such row")
    emit(text, output=output, force=force)
    return 0


@tables.command("compare")
@click.argument("organ")
@click.option("--fractions", type=int, metavar="N", help="Only this number of fractions.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Limit against n, by source."
)
@output_options(RowFormat, RowFormat.TEXT)
def compare_tables(
    organ: str, fractions: int | None, plot: Path | None, format_: RowFormat, output: Path | None, force: bool
) -> int:
    """What all sources print for one organ, beside each other."""
    from sbrtcheck.tables.disagreements import disagreement_note, disagreements
    from sbrtcheck.tables.organ_tables import load_tables

    known = _organ(organ)
    differ = disagreements(load_tables().values(), organ=known)
    rows = [
        {"table": t.name, **_row(r, differ=disagreement_note(r, differ)), "trust": t.trust}
        for t in load_tables().values()
        for r in t.rows
        if r.organ == known and (fractions is None or r.n_fractions == fractions)
    ]
    rows.sort(key=lambda r: (r["n"] or 0, str(r["metric"]), float(str(r["limit"])), str(r["table"])))
    if plot is not None:
        from sbrtcheck.cli.figures.limits import limits_figure

        limits_figure(known or organ, path=plot, force=force)
    emit(table_text(rows, format_), output=output, force=force)
    return 0


@tables.command("lint")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--record", is_flag=True, help="Write the digest of a table for constraints/oar into its TOML file.")
@output_options(RowFormat, RowFormat.TEXT)
def lint(file: Path, record: bool, format_: RowFormat, output: Path | None, force: bool) -> int:
    """Check a clinic's own table, or one for constraints/oar. Exit code 0 when it is right, else 2."""
    from sbrtcheck.tables.organ_tables import lint_table
    from sbrtcheck.tables.record import record_digest

    if record:
        click.echo(record_digest(file), err=True)
    problems = lint_table(file)
    if format_ is RowFormat.TEXT:
        emit("\n".join(p.line() for p in problems) or f"{file.name}: no problem found", output=output, force=force)
    else:
        rows = [p.to_row(object_="file", tag="place") for p in problems]
        emit(table_text(rows, format_), output=output, force=force)
    return 2 if problems else 0


def _organ(text: str | None) -> str | None:
    if text is None:
        return None
    from sbrtcheck.anatomy.names import find_organ
    from sbrtcheck.tables.organs import organ_names

    if text in organ_names():
        return text
    found = find_organ(text)
    if found is None:
        raise wrong_usage("E-ORGAN-UNKNOWN", "organ", seen=text)
    return found[0]


def _row(row: LimitRow, *, differ: str | None = None) -> dict[str, object]:
    """A row for showing; ``differ``: what the sources have in its place, where they are compared."""
    return {
        "organ": row.organ,
        "n": row.n_fractions,
        "metric": row.metric_text,
        "limit": row.limit,
        "is": f"{row.comparator} {row.limit:g} {row.unit}",
        **({} if differ is None else {"sources differ": differ}),
        "printed level": row.level_printed,
        "judged as": row.level.value if row.level else "not judged",
        "condition": row.condition,
        "joint": "+".join(row.joint),
        "endpoint": row.endpoint,
        "confidence": row.confidence,
        "seen at": row.seen_at,
    }
