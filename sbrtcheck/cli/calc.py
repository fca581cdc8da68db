"""The commands ``calc`` and ``guideline``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from sbrtcheck.cli.calc_answer import SCHEMA_VERSION, Answer, render
from sbrtcheck.cli.options import emit, output_options
from sbrtcheck.cli.table_text import RowFormat, aligned, csv_text
from sbrtcheck.errors import wrong_usage
from sbrtcheck.fractionation.worth import (
    AlphaBeta,
    Match,
    Model,
    Scheme,
    Worth,
    find_alpha_beta,
    load_tissues,
    match,
    parse_scheme,
    usc_alpha_beta,
    worth,
)


class _CalcCommand(click.Command):
    """Says in one line what is wrong with ``-54/3``, which would else be taken for an unknown option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for arg in args:
            if re.match(r"-[0-9.]+(gy|fx)?[/x]", arg):
                raise wrong_usage("E-SCHEME", "scheme", seen=arg, detail="a negative dose or number of fractions")
        return super().parse_args(ctx, args)


@click.command(cls=_CalcCommand)
@click.argument("schemes", nargs=-1, metavar="[SCHEME]...")
@click.option("--alpha-beta", "-a", multiple=True, metavar="GY|TISSUE", help="alpha/beta [Gy] or tissue; repeatable.")
@click.option(
    "--model", "model_name", type=click.Choice(["lq", "lql", "usc"]), default="lq", help="lq (usual), lql, usc."
)
@click.option("--transition-dose", type=float, metavar="GY", help="LQ-L: dT, dose per fraction where the line starts.")
@click.option("--gamma-alpha", type=float, metavar="X", help="LQ-L: slope over alpha; left out: the tangent, printed.")
@click.option("--alpha", type=float, metavar="1/GY", help="alpha, for USC and repopulation.")
@click.option("--d0", type=float, metavar="GY", help="USC: D0.")
@click.option("--dq", type=float, metavar="GY", help="USC: Dq.")
@click.option("--time", "time_days", type=float, metavar="DAYS", help="Overall time; needs --tk, --td and --alpha.")
@click.option("--tk", type=float, metavar="DAYS", help="Kick-off time of repopulation.")
@click.option("--td", type=float, metavar="DAYS", help="Doubling time of repopulation.")
@click.option("--match", "match_text", metavar="SCHEME", help="Which dose in --fractions has the same BED as SCHEME?")
@click.option("--fractions", type=float, metavar="N", help="With --match: the new number of fractions.")
@click.option("--site", default="", metavar="SITE", help="With --match: compare with schemes published for SITE.")
@click.option("--tissues", is_flag=True, help="List the tissues with their alpha/beta, interval and source.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Figure, PNG or SVG.")
@output_options(RowFormat, RowFormat.TEXT)
def calc(
    schemes: tuple[str, ...],
    alpha_beta: tuple[str, ...],
    model_name: str,
    transition_dose: float | None,
    gamma_alpha: float | None,
    alpha: float | None,
    d0: float | None,
    dq: float | None,
    time_days: float | None,
    tk: float | None,
    td: float | None,
    match_text: str | None,
    fractions: float | None,
    site: str,
    tissues: bool,
    plot: Path | None,
    format_: RowFormat,
    output: Path | None,
    force: bool,
) -> None:
    """BED and EQD2 of fractionation schemes.

    SCHEME is total/fractions (54/3, 50Gy/5fx), fractions x dose (3x18Gy, 18x3) or a course (50/25+10/2). What was
    understood is always printed.

    \b
    sbrtcheck calc 54/3
    sbrtcheck calc 54/3 50/5 --alpha-beta 10 --alpha-beta SpinalCord
    sbrtcheck calc --match 54/3 --fractions 5 --site lung_peripheral
    """
    if tissues:
        emit(_tissues(format_), output=output, force=force)
        return
    model = Model(
        name=model_name,
        transition_dose_gy=transition_dose,
        gamma_per_alpha=gamma_alpha,
        alpha_per_gy=alpha,
        d0_gy=d0,
        dq_gy=dq,
        overall_time_days=time_days,
        kickoff_days=tk,
        doubling_days=td,
    )
    _refuse_idle_options(model, match_text, fractions, site)
    if not schemes and not match_text:
        raise wrong_usage("E-SCHEME", "scheme", detail="none given", remedy="For example: sbrtcheck calc 54/3")
    parsed = [parse_scheme(text) for text in schemes]
    ratios, note = _ratios(alpha_beta, model)
    answer = Answer(
        model=model,
        schemes=tuple((scheme, _worths(scheme, ratios, model)) for scheme in parsed),
        match=None
        if match_text is None or fractions is None
        else _match(match_text, fractions, site, ratios, given=bool(alpha_beta)),
        alpha_beta_note=note,
    )
    if plot is not None:
        if model.name != "lq":
            raise wrong_usage("E-OPTION", "--plot", detail="draws plain LQ only", remedy="Drop --model or --plot")
        if not parsed:
            raise wrong_usage("E-OPTION", "--plot", detail="needs a scheme", remedy="Give a scheme")
        from sbrtcheck.cli.figures.calc import write_plot

        write_plot(plot, schemes=parsed, alpha_beta_gy=ratios[0].value_gy, force=force)
    emit(render(answer, format_), output=output, force=force)


def _refuse_idle_options(model: Model, match_text: str | None, fractions: float | None, site: str) -> None:
    """An option that would be ignored is a mistake of the caller's and is said."""
    uses = {
        "lq": (),
        "lql": ("transition_dose_gy", "gamma_per_alpha"),
        "usc": ("d0_gy", "dq_gy"),
    }
    names = {
        "transition_dose_gy": "--transition-dose",
        "gamma_per_alpha": "--gamma-alpha",
        "d0_gy": "--d0",
        "dq_gy": "--dq",
    }
    for field, option in names.items():
        if getattr(model, field) is not None and field not in uses[model.name]:
            raise wrong_usage("E-OPTION", option, detail=f"has no use in --model {model.name}", remedy="Drop it")
    timed = [model.overall_time_days, model.kickoff_days, model.doubling_days]
    if model.alpha_per_gy is not None and model.name != "usc" and all(t is None for t in timed):
        raise wrong_usage("E-OPTION", "--alpha", detail="used by --model usc and by --time only", remedy="Drop it")
    if match_text is None:
        for option, given in (("--fractions", fractions is not None), ("--site", bool(site))):
            if given:
                raise wrong_usage("E-OPTION", option, detail="goes with --match", remedy="Give --match SCHEME")
        return
    if fractions is None:
        raise wrong_usage(
            "E-OPTION", "--match", detail="needs the new number of fractions", remedy="Give --fractions N"
        )
    if model.name != "lq" or any(t is not None for t in timed):
        raise wrong_usage(
            "E-OPTION", "--match", detail="is computed with plain LQ only", remedy="Drop --model or --time"
        )


def _ratios(texts: Sequence[str], model: Model) -> tuple[tuple[AlphaBeta, ...], str]:
    if model.name == "usc":
        if texts:
            raise wrong_usage(
                "E-OPTION", "--alpha-beta", detail="in USC it follows from alpha, D0 and Dq", remedy="Drop it"
            )
        return (usc_alpha_beta(model),), ""
    if texts:
        return tuple(ratio for text in texts for ratio in find_alpha_beta(text)), ""
    shown = tuple(t for t in load_tissues() if t.shown_by_default)
    names = " and ".join(f"{t.value_gy:g} Gy ({t.tissue}, {t.endpoint}, {t.source.lower()})" for t in shown)
    return shown, f"no --alpha-beta given: shown at {names}, as constraints/alpha_beta.csv says"


def _worths(scheme: Scheme, ratios: Sequence[AlphaBeta], model: Model) -> tuple[Worth, ...]:
    """The worth at each alpha/beta. Overall time counts for targets; late tissue beside them is shown without it."""
    is_timed = model.overall_time_days is not None
    if not is_timed or all(r.tissue_class == "late" for r in ratios):
        return tuple(worth(scheme, ratio, model=model) for ratio in ratios)
    plain = Model(model.name, model.transition_dose_gy, model.gamma_per_alpha)
    out = []
    for ratio in ratios:
        if ratio.tissue_class == "late":
            late = worth(scheme, ratio, model=plain)
            out.append(replace(late, notes=(*late.notes, "late tissue: overall time is not counted")))
        else:
            out.append(worth(scheme, ratio, model=model))
    return tuple(out)


def _match(text: str, fractions: float, site: str, ratios: Sequence[AlphaBeta], *, given: bool) -> Match:
    held, *others = ratios
    if given and not others:
        others = [t for t in load_tissues() if t.shown_by_default and t.tissue_class == "late"]
    return match(parse_scheme(text), n_fractions=fractions, held=held, others=others, site=site)


def _tissues(format_: RowFormat) -> str:
    rows = load_tissues()
    fields = (
        "tissue",
        "value_gy",
        "low_gy",
        "high_gy",
        "tissue_class",
        "endpoint",
        "source",
        "kind",
        "confidence",
        "note",
    )
    if format_ is RowFormat.JSON:
        listed = [{field: getattr(row, field) for field in fields} for row in rows]
        return json.dumps({"schema_version": SCHEMA_VERSION, "kind": "tissues", "tissues": listed}, indent=2) + "\n"
    cells = [[getattr(row, field) for field in fields] for row in rows]
    if format_ is RowFormat.CSV:
        return csv_text(fields, cells)
    head = ("tissue", "a/b [Gy]", "low", "high", "class", "endpoint", "source", "kind", "confidence", "note")
    return "".join(f"{line}\n" for line in aligned(head, [[_cell(value) for value in row] for row in cells]))


def _cell(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
