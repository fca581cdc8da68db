"""The lesion table: prescription, BED10, EQD2, what the target gets and how tightly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sbrtcheck.model import LesionReport, Report
from sbrtcheck.model.numbers import exact, format_value
from sbrtcheck.model.report_dict import plain
from sbrtcheck.report.headline import clean
from sbrtcheck.report.layout import Table, spell

# Column -> the name of the metric, without unit. What is not named here is listed below the table.
_COLUMNS = {"D98%": "d98", "D50%": "d50", "D2%": "d2", "CI": "ci", "R50": "r50", "D2cm": "d2cm"}
_ALIASES = {"r100": "ci"}
_UNIT_ENDINGS = {"_percent_gy": "Gy", "_gy": "Gy", "_cm3": "cc", "_percent": "%", "_mm": "mm"}


def _name_and_unit(key: str) -> tuple[str, str]:
    """ "D98%[Gy]" -> ("d98", "Gy"); "d2cm_percent" -> ("d2cm", "%")."""
    bracket = re.fullmatch(r"(.*)\[(.*)\]", key)
    if bracket:
        name, unit = bracket.groups()
    else:
        name, unit = key, ""
        for ending, found in _UNIT_ENDINGS.items():
            if key.casefold().endswith(ending):
                name, unit = key[: -len(ending)], found
                break
    return name.casefold().replace("%", "").replace("_", "").replace(" ", ""), unit


def _label(key: str) -> str:
    """A metric string without its unit, which goes to the value; else the key as words."""
    return clean(key.rpartition("[")[0]) if key.endswith("]") else spell(key)


def _pairs(mapping: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names and values; a list of metric records is spread out under the records' own names."""
    out: list[tuple[str, Any]] = []
    for key, value in mapping.items():
        listed = plain(value)
        if isinstance(listed, list) and listed and all(isinstance(v, dict) and v.get("metric") for v in listed):
            out += [(str(record["metric"]), record) for record in listed]
        else:
            out.append((str(key), value))
    return out


def _amount(value: Any, unit: str, *, tell: bool = False) -> str:
    """A number, or a record with value, unit and reason, as text with its unit; ``tell``: the record's note with it."""
    value = plain(value)
    if isinstance(value, Mapping):
        if value.get("value") is None:
            return clean(value.get("note") or str(value.get("reason") or "-").replace("_", " "))
        note = f" ({clean(value['note'])})" if tell and value.get("note") else ""
        return _amount(value["value"], str(value.get("unit") or unit)) + note
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return "-" if value is None else clean(value)
    if isinstance(value, list):
        return ", ".join(_amount(item, unit) for item in value)
    text = str(value) if isinstance(value, int) else format_value(float(value), unit=unit or "Gy")
    return f"{text} {clean(unit)}".rstrip()


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
    lesion = item.lesion
    values: dict[str, list[str]] = {}
    rest: dict[str, list[str]] = {"targets": [], "conformity": []}
    for group, mapping in (("targets", item.metrics), ("conformity", item.conformity)):
        for key, value in _pairs(mapping):
            name, unit = _name_and_unit(key)
            name = _ALIASES.get(name, name)
            if name in _COLUMNS.values():
                values.setdefault(name, []).append(_amount(value, unit))
            else:
                rest[group].append(f"{_label(key)} {_amount(value, unit, tell=True)}")
    inner = (("ITV", lesion.itv), ("GTV", lesion.gtv), ("CTV", lesion.ctv))
    targets = [lesion.ptv, *(name if kind in name.upper() else f"{kind} {name}" for kind, name in inner if name)]
    where = ", ".join(part for part in (lesion.site, lesion.location, lesion.laterality) if part)
    label = f"{lesion.id}: {', '.join(targets)}" + (f" ({where})" if where else "")
    row = (
        clean(label),
        _prescription(lesion.prescription_gy, lesion.n_fractions),
        f"{format_value(item.bed10_gy, unit='Gy')} Gy" if item.bed10_gy is not None else "-",
        f"{format_value(item.eqd2_10_gy, unit='Gy')} Gy" if item.eqd2_10_gy is not None else "-",
        *(", ".join(values.get(name, ["-"])) for name in _COLUMNS.values()),
        clean(item.classification.partition(":")[0]) or "-",
    )
    size = f"PTV {format_value(lesion.volume_cm3, unit='cc')} cc" if lesion.volume_cm3 is not None else ""
    linked = f"prescription linked by: {clean(lesion.linked_by)}" if lesion.linked_by else ""
    site = f"site from: {clean(lesion.site_origin)}" if lesion.site_origin else ""
    gaps = ", ".join(f"{clean(organ)} {format_value(gap, unit='mm')} mm" for organ, gap in lesion.distances_mm)
    located = f"{lesion.location or 'not known'}: {clean(lesion.location_origin)}" if lesion.location_origin else ""
    told = {
        "": "; ".join(part for part in (size, linked, site) if part),
        "location": "; distance to ".join(part for part in (located, gaps) if part),
        "class": clean(item.classification) if ":" in item.classification else "",
        "scheme": clean(item.scheme_note),
        **{group: "; ".join(parts) for group, parts in rest.items()},
    }
    name = f"lesion {clean(lesion.id)}"
    return row, [f"{name}{', ' if what else ''}{what}: {text}" for what, text in told.items() if text]


def _prescription(total_gy: float | None, n_fractions: int | None) -> str:
    if total_gy is None:
        return "not known"
    if not n_fractions:
        return f"{exact(total_gy)} Gy, fractions not known"
    return f"{n_fractions} x {total_gy / n_fractions:.4g} = {exact(total_gy)} Gy"
