"""``sbrtcheck policy``: the judging policy as a page, with the changes of a clinic file."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from sbrtcheck.cli.options import emit, output_options
from sbrtcheck.cli.table_text import RowFormat, table_text

if TYPE_CHECKING:
    from sbrtcheck.model.policy import PolicyValue

WIDTH = 110


@click.command("policy")
@click.argument("rule", required=False)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Clinic file: what it changes is shown."
)
@output_options(RowFormat, RowFormat.TEXT)
def policy_command(rule: str | None, config: Path | None, format_: RowFormat, output: Path | None, force: bool) -> int:
    """The judging policy: each number with its range, source and reason; RULE (P4) for one rule only."""
    from sbrtcheck.errors import wrong_usage
    from sbrtcheck.read.clinic_file import load_clinic, policy_in_force
    from sbrtcheck.tables.rule_ids import rules_in_words

    clinic = load_clinic(config) if config is not None else None
    policy = policy_in_force(clinic)
    rules = rules_in_words()
    if rule is not None and rule.upper() not in rules:
        raise wrong_usage("E-OPTION", "policy", seen=rule, remedy=f"One of: {', '.join(rules)}")
    entries = [e for e in policy.entries.values() if rule is None or e.rule == rule.upper()]
    changed = {c.key: c for c in policy.changed}
    if format_ is not RowFormat.TEXT:
        rows = [
            {
                "rule": e.rule,
                "key": e.key,
                "value": e.value,
                "unit": e.unit,
                "min": e.low,
                "max": e.high,
                "default": changed[e.key].default if e.key in changed else e.value,
                "source": e.source,
                "why": e.why,
            }
            for e in sorted(entries, key=lambda e: (int(e.rule[1:]), e.key))
        ]
        emit(table_text(rows, format_), output=output, force=force)
        return 0
    lines = [f"Judging policy {policy.version}, sha256 {policy.sha256[:16]}"]
    lines += [c.text for c in policy.changed]
    for words in rules.values():
        own = [e for e in entries if e.rule == words.rule]
        if rule is None or words.rule == rule.upper():
            lines += ["", f"{words.rule}  {words.title}", *_wrapped(words.says), *_wrapped(words.what_to_do)]
            lines += [line for e in own for line in ("", *_entry_lines(e, clinic=e.key in changed))]
    emit("\n".join(lines), output=output, force=force)
    return 0


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")


def _entry_lines(entry: PolicyValue, *, clinic: bool) -> list[str]:
    from sbrtcheck.tables.rule_ids import value_text

    own = " (set by the clinic)" if clinic else ""
    return [
        f"    {entry.key}: {value_text(entry)}{own}; source: {entry.source}",
        *(f"    {x}" for x in _wrapped(entry.why)),
    ]
