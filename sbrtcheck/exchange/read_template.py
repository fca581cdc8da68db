"""Which format a file is, and its statements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from sbrtcheck.exchange import eclipse_goals, eclipse_protocol
from sbrtcheck.exchange.eclipse_goals import read_dose_objectives
from sbrtcheck.exchange.eclipse_protocol import read_protocol
from sbrtcheck.exchange.excel import read_xlsx
from sbrtcheck.exchange.planscorecard import is_planscorecard, read_planscorecard
from sbrtcheck.exchange.pqm import read_pqm
from sbrtcheck.exchange.proknow import is_proknow, read_proknow
from sbrtcheck.exchange.rtpx import is_beamkit, read_rtpx
from sbrtcheck.exchange.source import Source, read_source
from sbrtcheck.exchange.strict_json import load_json
from sbrtcheck.exchange.strict_xml import load_xml
from sbrtcheck.exchange.template import Template, TemplateKind

_NAMED_FRACTIONS = re.compile(r"(?<![0-9])([0-9]{1,2})[ _-]?(?:fractions?|fx|frx?)(?![a-z])", re.ASCII | re.IGNORECASE)
# "3-5 fractions" names no one number.
_SEVERAL = re.compile(r"[0-9]{1,2} *(?:-|,|to|or|and|bis) *[0-9]{1,2}", re.ASCII | re.IGNORECASE)


def read_template(
    path: str | Path,
    *,
    n_fractions: int,
    kind: TemplateKind | None = None,
    columns: Mapping[str, str] | None = None,
    sheet: str = "",
) -> Template:
    """The statements of a limit template.

    Args:
        path: the file.
        n_fractions: the number of fractions that its limits are to hold for. A file's name never tells it, but one
            that names another number contradicts it.
        kind: the format; None: told from the content.
        columns: of a sheet, what a column holds to its heading.
        sheet: name of a sheet.

    Raises:
        WrongUsageError: E-TEMPLATE; E-EXTRA for a package that is not installed.
    """
    source = read_source(Path(path))
    named = {int(number) for number in _NAMED_FRACTIONS.findall(_SEVERAL.sub("", source.path.stem))}
    if named and n_fractions not in named:
        seen = f"--fractions {n_fractions}"
        remedy = "Give the right number, or rename the file"
        raise source.bad("the file's name says another number of fractions", remedy, seen=seen)
    if kind is None:
        return _told(source, columns=columns or {}, sheet=sheet)
    match kind:
        case TemplateKind.PQM:
            return read_pqm(source)
        case TemplateKind.DOSE_OBJECTIVES:
            return read_dose_objectives(source)
        case TemplateKind.PROTOCOL:
            return read_protocol(source)
        case TemplateKind.PROKNOW:
            return read_proknow(source)
        case TemplateKind.PLAN_SCORE_CARD:
            return read_planscorecard(source)
        case TemplateKind.RTPX:
            return read_rtpx(source)
        case TemplateKind.XLSX:
            return read_xlsx(source, columns=columns or {}, sheet=sheet)
        case _:
            assert_never(kind)


def _told(source: Source, *, columns: Mapping[str, str], sheet: str) -> Template:
    """Read by what the file is: a workbook, XML by its root, JSON by its keys, else PQM by its header."""
    if source.is_workbook:
        return read_xlsx(source, columns=columns, sheet=sheet)
    if source.is_xml:
        root = load_xml(source)
        if root.tag == eclipse_goals.ROOT:
            return read_dose_objectives(source, root)
        if root.tag == eclipse_protocol.ROOT:
            return read_protocol(source, root)
        remedy = f"Known: {eclipse_goals.ROOT} (clinical goals) and {eclipse_protocol.ROOT} (clinical protocols)"
        raise source.bad("XML of another kind", remedy, place="root element", seen=root.tag)
    if source.text().lstrip()[:1] in {"{", "["}:
        value = load_json(source)
        readers = [
            read
            for is_it, read in (
                (is_proknow, read_proknow),
                (is_planscorecard, read_planscorecard),
                (is_beamkit, read_rtpx),
            )
            if is_it(value)
        ]
        if len(readers) == 1:
            return readers[0](source, value)
        remedy = "Known: ProKnow, PlanScoreCard, RT-PX and BeamKit rule packs; say which with --from"
        seen = ", ".join(map(str, list(value)[:6])) if isinstance(value, dict) else "a list"
        raise source.bad("JSON of another kind", remedy, place="keys", seen=seen)
    return read_pqm(source)
