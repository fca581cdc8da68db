"""Invented templates in every format, and short ways to read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from sbrtcheck.exchange.read_template import read_template
from sbrtcheck.exchange.source import Source
from sbrtcheck.exchange.take import take
from sbrtcheck.exchange.template import Fate, Imported, Row, Taken, TemplateKind
from sbrtcheck.model import Level

TEMPLATES = Path(__file__).parent.parent / "data" / "templates"
PQM_HEADER = (
    "Structure IDs,Structure Codes,IDAliases,CodeAliases,DVH Objective,Evaluation Point,Variation,Priority,Met,Achieved"
)


def pqm(*rows: str) -> str:
    """A PlanCheck file of rows ``structure;aliases;metric;goal;variation``."""
    lines = [PQM_HEADER]
    for row in rows:
        structure, aliases, metric, goal, variation = row.split(";")
        lines.append(f"{structure},,{aliases},,{metric},{goal},{variation},1,,")
    return "\n".join(lines) + "\n"


def measure_item(
    structure: str,
    kind: int,
    modifier: int,
    value: str,
    specifier: str = "0",
    *,
    absolute: bool = True,
    variation: str = "",
) -> str:
    """A MeasureItem of Eclipse."""
    end = f"<VariationAcceptable>{variation}</VariationAcceptable>" if variation else ""
    return (
        f'<MeasureItem ID="{structure}"><Type>{kind}</Type><Modifier>{modifier}</Modifier><Value>{value}</Value>'
        f"<TypeSpecifier>{specifier}</TypeSpecifier>"
        f"<ReportDQPValueInAbsoluteUnits>{str(absolute).lower()}</ReportDQPValueInAbsoluteUnits>"
        f"<Priority>2</Priority>{end}</MeasureItem>"
    )


def dose_objectives(*items: str, version: str = "1.0") -> str:
    """A DoseObjectives file."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<DoseObjectives Version="{version}">'
        f'<Preview Version="1.2" ID="X"/><Prescription Version="1.10">{"".join(items)}</Prescription></DoseObjectives>'
    )


def protocol(*items: str, fractions: str = "3") -> str:
    """A Protocol file of one phase."""
    return (
        '<Protocol xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Phases><Phase ID="P1">'
        f"<FractionCount>{fractions}</FractionCount><Prescription>{''.join(items)}</Prescription></Phase></Phases></Protocol>"
    )


def item(structure: str, modifier: int, *, share: str = "0", each: str = "", total: str = "") -> str:
    """An Item of a protocol; empty doses are nil."""
    dose = f"<Dose>{each}</Dose>" if each else '<Dose xsi:nil="true"/>'
    whole = f"<TotalDose>{total}</TotalDose>" if total else '<TotalDose xsi:nil="true"/>'
    return (
        f'<Item ID="{structure}" Primary="false"><Type>0</Type><Modifier>{modifier}</Modifier>'
        f"<Parameter>{share}</Parameter>{dose}{whole}</Item>"
    )


def proknow(*metrics: Mapping[str, Any], custom: Sequence[Any] = ()) -> str:
    """A scorecard of ProKnow."""
    return json.dumps({"name": "X", "computed": list(metrics), "custom": list(custom)})


def bins(*labels_and_edges: str) -> list[dict[str, Any]]:
    """Bins from ``"PASS", "max 20", "FAIL"``: between two labels stands whose edge the number is."""
    out: list[dict[str, Any]] = []
    edge = ""
    for text in labels_and_edges:
        if text.startswith(("min ", "max ")):
            edge = text
            if edge.startswith("max"):
                out[-1]["max"] = float(edge[4:])
        else:
            out.append({"label": text, "color": [0, 0, 0]})
            if edge.startswith("min"):
                out[-1]["min"] = float(edge[4:])
    return out


def score(
    kind: str, points: Sequence[tuple[float, float]], *, marked: int | None = None, **more: Any
) -> dict[str, Any]:
    """A metric of PlanScoreCard."""
    return {
        "Structure": {"StructureId": "Cord", "TemplateStructureId": "SpinalCord", "StructureCode": "7647"},
        "MetricType": kind,
        "OutputUnit": "Gy",
        "ScorePoints": [
            {"PointX": x, "Score": s, "Variation": i == marked, "Colors": [], "Label": ""}
            for i, (x, s) in enumerate(points)
        ],
        **more,
    }


def planscorecard(*metrics: Mapping[str, Any], fractions: int | None = 3) -> str:
    """A scorecard of PlanScoreCard."""
    return json.dumps(
        {"TemplateName": "X", "DosePerFraction": 18, "NumberOfFractions": fractions, "ScoreTemplates": list(metrics)}
    )


def workbook(sheets: Mapping[str, Sequence[Sequence[Any]]], *, change: Any = None) -> bytes:
    """An Excel workbook; ``change`` is called with it before it is saved."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    if change is not None:
        change(book)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def imported(
    path: Path, n: int = 3, *, kind: TemplateKind | None = None, columns: Any = None, **options: Any
) -> Imported:
    """A file read and taken."""
    template = read_template(path, n_fractions=n, kind=kind, columns=columns)
    return take(template, n_fractions=n, **options)


def source(content: str | bytes, name: str = "x") -> Source:
    """Bytes as a file that was read."""
    return Source(Path(name), content if isinstance(content, bytes) else content.encode())


def row(done: Imported, place: str) -> Row:
    """The row at a place."""
    return next(r for r in done.rows if r.statement.place == place)


def why_not(done: Imported, place: str) -> str:
    """Why the row at a place is not taken."""
    found = row(done, place)
    assert found.fate is Fate.NOT_TAKEN, (place, found)
    assert found.became == ()
    return found.why


def plainly(limits: Sequence[Taken]) -> set[tuple[str, str, tuple[tuple[Level, str, float], ...]]]:
    """What limits say, whatever their order and origin."""
    return {(t.name, t.metric_text, tuple((b.level, b.comparator, float(b.limit)) for b in t.bounds)) for t in limits}
