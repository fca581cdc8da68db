"""Options that several commands share: how they are read, and where output goes."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click

from sbrtcheck.errors import wrong_usage

F = TypeVar("F", bound=StrEnum)


def output_options(formats: Iterable[F], default: F) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options ``--format``, ``--output`` and ``--force`` of every command that prints something.

    The command gets the format as the member of its enumeration.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        function = click.option("--force", is_flag=True, help="Overwrite the output file.")(function)
        function = click.option(
            "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write to FILE instead of stdout."
        )(function)
        return click.option(
            "--format",
            "-f",
            "format_",
            type=click.Choice([member.value for member in formats]),
            default=default.value,
            callback=lambda _ctx, _param, value: type(default)(value),
            show_default=True,
            help="Output format.",
        )(function)

    return decorate


def emit(text: str, *, output: Path | None, force: bool) -> None:
    """Print, or write to a file that must not exist unless ``force``.

    Raises:
        WrongUsageError: E-OUTPUT.
    """
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8", newline="") as stream:
            stream.write(text if text.endswith("\n") else text + "\n")
    except FileExistsError as error:
        raise wrong_usage("E-OUTPUT", output.name, detail="the file exists", tag="--output") from error
    except OSError as error:
        raise wrong_usage("E-OUTPUT", output.name, seen=error.strerror or "", tag="--output") from error


def terminal_width() -> int:
    """Columns of the terminal, within what a report can be laid out in."""
    return min(max(shutil.get_terminal_size((120, 40)).columns, 80), 160)


class Progress:
    """Says on stderr what is being done, once a person has waited longer than a second."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._shown = False
        self._on = sys.stderr.isatty()

    def __call__(self, stage: str) -> None:
        """Show the stage when the wait is long enough to be felt."""
        if self._on and time.monotonic() - self._start > 1.0:
            click.echo(f"\r\x1b[K{stage} ...", err=True, nl=False)
            self._shown = True

    def done(self) -> None:
        """Clear the line."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)


INPUTS = click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))


def parse_assignments(option: str, values: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` options as a mapping; the last ``=`` separates, since ROI names may hold one.

    Raises:
        WrongUsageError: E-OPTION for a value without ``=`` or a name given twice with different values.
    """
    out: dict[str, str] = {}
    for text in values:
        name, separator, value = text.rpartition("=")
        if not separator or not name.strip() or not value.strip():
            raise wrong_usage("E-OPTION", option, seen=text, remedy=f'Write {option} "NAME=VALUE"')
        if out.setdefault(name.strip(), value.strip()) != value.strip():
            raise wrong_usage("E-OPTION", option, seen=text, detail="one name has two values")
    return out


def parse_doses(option: str, values: Sequence[str]) -> dict[str, float]:
    """``ROI=DOSE`` options; the dose is in Gy, with or without the unit."""
    out = {}
    for name, text in parse_assignments(option, values).items():
        number = text.casefold().removesuffix("gy").strip()
        try:
            dose = float(number) if number.isascii() and "_" not in number else math.nan
        except ValueError:
            dose = math.nan
        if not math.isfinite(dose) or dose <= 0:
            raise wrong_usage("E-OPTION", option, seen=f"{name}={text}", remedy='Write a dose in Gy: "PTV=54"')
        out[name] = dose
    return out


def parse_sites(values: Sequence[str]) -> dict[str, str]:
    """``PTV=lung`` options, or one bare ``lung`` for every target (key "")."""
    bare = [v.strip() for v in values if "=" not in v]
    out = parse_assignments("--site", [v for v in values if "=" in v])
    if len(set(bare)) > 1:
        raise wrong_usage("E-OPTION", "--site", seen=", ".join(bare), detail="two sites for every target")
    if bare:
        out[""] = bare[0]
    return out


def parse_fractions(text: str) -> list[int]:
    """``3,5,8`` as numbers.

    Raises:
        WrongUsageError: E-OPTION.
    """
    out = []
    for part in text.split(","):
        if not (part.strip().isascii() and part.strip().isdigit() and 1 <= int(part) <= 100):
            raise wrong_usage("E-OPTION", "--fractions", seen=text, remedy="Write whole numbers from 1 to 100: 3,5,8")
        out.append(int(part))
    return out
