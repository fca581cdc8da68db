"""``sbrtcheck explain``: what a rule id or a code means, where its number comes from, and what to do."""

from __future__ import annotations

from pathlib import Path
from textwrap import TextWrapper

import click

from sbrtcheck.cli.options import emit, output_options
from sbrtcheck.cli.table_text import RowFormat, table_text
from sbrtcheck.errors import CATALOGUE, wrong_usage


@click.command("explain")
@click.argument("code", required=False, metavar="[CODE or RULE_ID]")
@output_options(RowFormat, RowFormat.TEXT)
def explain(code: str | None, format_: RowFormat, output: Path | None, force: bool) -> int:
    """What an error code, a warning code, or the rule id of any finding means; without one, all codes.

    A rule id is an organ row (AAPM_TG101:SpinalCord:5:D0.35cc[Gy]:mandatory), a rule of the policy (P4), one of its
    values (target_dose.d98_fail_percent), a goal, or a guideline rule (OM-9). JSON and CSV reports have them.
    """
    if code is not None and code.upper() not in CATALOGUE:
        emit(_rule_text(code, format_), output=output, force=force)
        return 0
    chosen = [CATALOGUE[code.upper()]] if code is not None else list(CATALOGUE.values())
    rows = [{"code": c.code, "meaning": c.meaning, "what to do": c.remedy} for c in chosen]
    if format_ is RowFormat.TEXT and code is not None:
        emit(f"{chosen[0].code}: {chosen[0].meaning}.\n{chosen[0].remedy}.", output=output, force=force)
    else:
        emit(table_text(rows, format_), output=output, force=force)
    return 0


def _rule_text(rule_id: str, format_: RowFormat) -> str:
    """What a rule id means.

    Raises:
        WrongUsageError: E-OPTION.
    """
    from sbrtcheck.tables.rule_ids import explain_rule

    found = explain_rule(rule_id)
    if found is None:
        remedy = "Give a code (sbrtcheck explain), a rule id of a report, or a rule of the policy (sbrtcheck policy)"
        raise wrong_usage("E-OPTION", "explain", seen=rule_id, detail="neither a code nor a rule id", remedy=remedy)
    rows = [
        ("what it is", found.what),
        ("says", found.says),
        ("source", found.source),
        ("what to do", found.what_to_do),
        *(line for line in found.more if line[1]),
    ]
    if format_ is not RowFormat.TEXT:
        return table_text([{"rule_id": found.rule_id, "name": name, "text": text} for name, text in rows], format_)
    wrapper = TextWrapper(
        110, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    lines = [wrapper.fill(f"{name}: {text}") for name, text in rows]
    return "\n".join([found.rule_id, *lines])
