"""``sbrtcheck explain``: what a code means and what to do."""

from __future__ import annotations

from pathlib import Path

import click

from sbrtcheck.cli.options import emit, output_options
from sbrtcheck.cli.table_text import table_text
from sbrtcheck.errors import CATALOGUE, wrong_usage


@click.command("explain")
@click.argument("code", required=False)
@output_options(["text", "json", "csv"], "text")
def explain(code: str | None, format_: str, output: Path | None, force: bool) -> int:
    """What an error or warning code means and what to do; without a code, all of them."""
    if code is not None and code.upper() not in CATALOGUE:
        raise wrong_usage("E-OPTION", "explain", seen=code, remedy="See: sbrtcheck explain")
    chosen = [CATALOGUE[code.upper()]] if code is not None else list(CATALOGUE.values())
    rows = [{"code": c.code, "meaning": c.meaning, "what to do": c.remedy} for c in chosen]
    if format_ == "text" and code is not None:
        emit(f"{chosen[0].code}: {chosen[0].meaning}.\n{chosen[0].remedy}.", output=output, force=force)
    else:
        emit(table_text(rows, format_), output=output, force=force)
    return 0
