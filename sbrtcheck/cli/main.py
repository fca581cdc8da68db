"""The command line: arguments in, output and exit code out. Each command imports the heavy modules that it needs."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

EXIT_CODES = """\b
Exit codes:
  0   PASS or PASS_WITH_VARIATION
  1   FAIL (with --strict also PASS_WITH_VARIATION)
  2   wrong usage (unknown option, table or ROI)
  3   INCOMPLETE or MARGINAL: a person must look
  4   REFUSED: the input cannot be trusted
  70  internal error

Independent second check; not a medical device. Verify every table against its source before clinical use.
"""

# name -> module, attribute, one line for --help; the module is imported when the command is called.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "check": ("sbrtcheck.cli.check", "check_command", "Check a plan or course: from a DICOM folder to a verdict."),
    "dvh": ("sbrtcheck.cli.dvh", "dvh_command", "Metrics of any structure, without verdicts."),
    "names": ("sbrtcheck.cli.names", "names_command", "How every ROI was understood."),
    "validate": ("sbrtcheck.cli.check", "validate_command", "Only the input checks, with every finding."),
    "whatif": ("sbrtcheck.cli.what_if", "whatif_command", "The plan scaled to other schemes, under all limits."),
    "case": ("sbrtcheck.cli.case", "case_group", "A case file to fill in, written from the plan; its schema."),
    "calc": ("sbrtcheck.cli.calc", "calc", "BED and EQD2 of fractionation schemes."),
    "guideline": ("sbrtcheck.cli.guideline", "guideline", "The guideline's rules and how each is judged."),
    "tables": ("sbrtcheck.cli.tables", "tables", "Organ-limit tables: list, show, compare, lint, import, export."),
    "policy": (
        "sbrtcheck.cli.policy",
        "policy_command",
        "The judging policy: each number with range, source and reason.",
    ),
    "explain": ("sbrtcheck.cli.explain", "explain", "What a rule id, an error or a warning code means and what to do."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"sbrtcheck {version('sbrtcheck')}")
    ctx.exit()


@click.group(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Show the version.")
def cli() -> None:
    """SBRT dose-fractionation calculator and plan checker."""


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point: runs the command and exits with its code. Bad input never ends in a traceback."""
    from sbrtcheck.errors import SbrtcheckError

    # Two threads of ours do the work: those of the matrix library would wait by turning, which slows ours.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code = cli.main(args=None if argv is None else list(argv), prog_name="sbrtcheck", standalone_mode=False)
    except SbrtcheckError as error:
        for problem in error.problems:
            click.echo(problem.line(), err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("aborted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except BrokenPipeError:
        # The reader has gone; nothing that could be taken for a pass may follow from that.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(70)
    except Exception as error:
        if os.environ.get("SBRTCHECK_TRACEBACK"):
            raise
        # Never the message of an unexpected error: it may hold what stood in a patient's file.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        click.echo(
            f"internal error: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}. "
            "Nothing was judged. Set SBRTCHECK_TRACEBACK=1 to see more, and report it",
            err=True,
        )
        sys.exit(70)
    sys.exit(code if isinstance(code, int) else 0)
