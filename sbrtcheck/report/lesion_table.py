"""The lesion table: prescription, BED10, EQD2, what the target gets and how tightly."""

from __future__ import annotations

from sbrtcheck.model import Lesion, LesionReport, MetricValue, Report
from sbrtcheck.model.numbers import exact, format_value
from sbrtcheck.report.headline import clean
from sbrtcheck.report.layout import Table

# Column -> the name in the record. What has no column is listed below the table.
_METRICS = {"D98%": "D98%[Gy]", "D50%": "D50%[Gy]", "D2%": "D2%[Gy]"}
_CONFORMITY = {"CI": "r100", "R50": "r50", "D2cm": "d2cm"}
_COLUMNS = (*_METRICS, *_CONFORMITY)


def _label(name: str) -> str:
    """A metric string without its unit, or a name as words: the unit goes to the value."""
    if name.endswith("]"):
        return clean(name.rpartition("[")[0])
    return clean(name).removesuffix("_cm3").removesuffix("_percent").replace("_", " ")


def _number(value: MetricValue, *, tell: bool = False) -> str:
    """A value with its unit, or why there is none; ``tell``: the note with it."""
    if value.value is None:
        return clean(value.note) or (value.reason.words if value.reason else "-")
    # A ratio is shown with as many decimals as a dose.
    text = f"{format_value(value.value, unit=value.unit or 'Gy')} {clean(value.unit)}".rstrip()
    return f"{text} ({clean(value.note)})" if tell and value.note else text


def lesion_rows(report: Report) -> tuple[Table, tuple[str, ...]]:
    """One row per lesion, and lines with what did not fit into the columns."""
    columns = ("Lesion", "Prescription", "BED10", "EQD2 (a/b=10)", *_COLUMNS, "Class")
    rows, lines = [], []
    for item in report.lesions:
        row, remarks = _row(item)
        rows.append(row)
        lines += remarks
    return Table(columns, tuple(rows), frozenset({"BED10", "EQD2 (a/b=10)", *_COLUMNS})), tuple(lines)


def _row(item: LesionReport) -> tuple[tuple[str, ...], list[str]]:
    cells, rest = [], {}
    for group, values, columns in (("targets", item.metrics, _METRICS), ("conformity", item.conformity, _CONFORMITY)):
        cells += [_number(values[name]) if name in values else "-" for name in columns.values()]
        listed = [f"{_label(n)} {_number(v, tell=True)}" for n, v in values.items() if n not in columns.values()]
        rest[group] = "; ".join(listed)
    row = (
        clean(_named(item.lesion)),
        _prescription(item.lesion.prescription_gy, item.lesion.n_fractions),
        _gray(item.bed10_gy),
        _gray(item.eqd2_10_gy),
        *cells,
        clean(item.classification.partition(":")[0]) or "-",
    )
    told = {
        "": _origins(item.lesion),
        "location": _location(item.lesion),
        "class": clean(item.classification) if ":" in item.classification else "",
        "scheme": clean(item.scheme_note),
        **rest,
    }
    name = f"lesion {clean(item.lesion.id)}"
    return row, [f"{name}{', ' if what else ''}{what}: {text}" for what, text in told.items() if text]


def _gray(value: float | None) -> str:
    return "-" if value is None else f"{format_value(value, unit='Gy')} Gy"


def _named(lesion: Lesion) -> str:
    """The lesion's number, its targets and where it lies: "1: PTV, ITV (lung, peripheral, R)"."""
    inner = (("ITV", lesion.itv), ("GTV", lesion.gtv), ("CTV", lesion.ctv))
    targets = [lesion.ptv, *(name if kind in name.upper() else f"{kind} {name}" for kind, name in inner if name)]
    where = ", ".join(part for part in (lesion.site, lesion.location, lesion.laterality) if part)
    return f"{lesion.id}: {', '.join(targets)}" + (f" ({where})" if where else "")


def _origins(lesion: Lesion) -> str:
    """How large the target is, and where its prescription and its site come from."""
    parts = []
    if lesion.volume_cm3 is not None:
        parts.append(f"PTV {format_value(lesion.volume_cm3, unit='cc')} cc")
    if lesion.linked_by:
        parts.append(f"prescription linked by: {clean(lesion.linked_by)}")
    if lesion.site_origin:
        parts.append(f"site from: {clean(lesion.site_origin)}")
    return "; ".join(parts)


def _location(lesion: Lesion) -> str:
    """Where a lung lesion lies, by what, and how far from what."""
    located = f"{lesion.location or 'not known'}: {clean(lesion.location_origin)}" if lesion.location_origin else ""
    gaps = ", ".join(f"{clean(organ)} {format_value(gap, unit='mm')} mm" for organ, gap in lesion.distances_mm)
    return "; distance to ".join(part for part in (located, gaps) if part)


def _prescription(total_gy: float | None, n_fractions: int | None) -> str:
    if total_gy is None:
        return "not known"
    if not n_fractions:
        return f"{exact(total_gy)} Gy, fractions not known"
    return f"{n_fractions} x {total_gy / n_fractions:.4g} = {exact(total_gy)} Gy"
