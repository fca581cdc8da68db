"""``sbrtcheck guideline``: the guideline's rules and how each is judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from sbrtcheck.cli.calc_answer import SCHEMA_VERSION
from sbrtcheck.cli.options import emit, output_options
from sbrtcheck.cli.table_text import RowFormat, csv_text
from sbrtcheck.errors import wrong_usage


@click.command()
@click.argument("rule_id", required=False, metavar="[RULE]")
@output_options(RowFormat, RowFormat.TEXT)
def guideline(rule_id: str | None, format_: RowFormat, output: Path | None, force: bool) -> None:
    """The guideline's rules: in our words, how far each was verified, and how each is judged.

    RULE is one rule (OM-10); without it all are listed.
    """
    from sbrtcheck.tables.guideline import load_guideline

    book = load_guideline()
    chosen = [r for r in book.rules if rule_id is None or r.id.casefold() == rule_id.casefold()]
    if not chosen:
        known = ", ".join(r.id for r in book.rules)
        raise wrong_usage("E-OPTION", "RULE", seen=rule_id or "", detail="no such rule", remedy=f"Rules: {known}")
    fields = ("id", "key_question", "topic", "text", "strength", "status", "status_note", "evaluation", "checker")
    if format_ is RowFormat.JSON:
        listed = [{**{field: getattr(r, field) for field in fields}, "thresholds": dict(r.thresholds)} for r in chosen]
        document = {
            "schema_version": SCHEMA_VERSION,
            "kind": "guideline",
            "title": book.title,
            "citation": book.citation,
        }
        text = (
            json.dumps(
                {**document, "citation": book.citation, "sha256": book.sha256, "rules": listed},
                indent=2,
                ensure_ascii=False,
            )
            + "\n"
        )
    elif format_ is RowFormat.CSV:
        rows = [[*(str(getattr(r, field)) for field in fields), _thresholds(r.thresholds)] for r in chosen]
        text = csv_text((*fields, "thresholds"), rows)
    else:
        lines = [book.title, book.citation, ""]
        for r in chosen:
            how = {"automatic": "evaluated automatically", "case_file": "from the case file"}
            status = f"{r.status} ({r.status_note})" if r.status_note else r.status
            lines.append(f"{r.id:<6} KQ{r.key_question}  {how.get(r.evaluation, 'for a person to confirm')}; {status}")
            lines.append(f"       {r.text}" + (f" [{r.strength}]" if r.strength else ""))
            if rule_id:
                lines.append(f"       {r.checker}")
                if r.thresholds:
                    lines.append(f"       thresholds: {_thresholds(r.thresholds)}")
        lines += [
            "",
            "Not verified: advisory. A PASS never rests on such a rule; missed, it asks a person to look.",
        ]
        text = "\n".join(lines) + "\n"
    emit(text, output=output, force=force)


def _thresholds(pairs: Sequence[tuple[str, float]]) -> str:
    return "; ".join(f"{name}={value:g}" for name, value in pairs)
