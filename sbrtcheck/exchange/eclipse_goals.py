"""Eclipse's clinical goals: DoseObjectives XML."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sbrtcheck.exchange.eclipse_items import MEASURE_MODIFIERS, measure_item
from sbrtcheck.exchange.number import plain
from sbrtcheck.exchange.source import Source
from sbrtcheck.exchange.statable import Unstatable, sided_names
from sbrtcheck.exchange.strict_xml import load_xml
from sbrtcheck.exchange.template import Statement, Taken, Template
from sbrtcheck.model import Level

ROOT = "DoseObjectives"
VERSIONS = ("1.0",)
_MODIFIERS = {comparator: code for code, comparator in MEASURE_MODIFIERS.items()}
_TENTH = Decimal("0.1")


def read_dose_objectives(source: Source, root: Element | None = None) -> Template:
    """The statements of a DoseObjectives file.

    Raises:
        WrongUsageError: E-TEMPLATE, for another kind of XML or an unknown version.
    """
    root = load_xml(source) if root is None else root
    if root.tag != ROOT:
        raise source.bad(f"not {ROOT} XML", "Give --from for what it is", place="root element", seen=root.tag)
    version = root.get("Version", "")
    if version not in VERSIONS:
        remedy = f"Known: {', '.join(VERSIONS)}; export it as CSV instead"
        raise source.bad("an unknown version", remedy, place="Version of the root element", seen=version)
    items = [element for group in root.findall("Prescription") for element in group]
    source.check_length(len(items))
    statements = []
    for number, element in enumerate(items, start=1):
        place = f"{element.tag} {number}"
        if element.tag == "MeasureItem":
            statements.append(measure_item(element, place))
        else:
            why = "only MeasureItem is known here"
            statements.append(Statement(place, element.get("ID", ""), element.tag, "", refusal=why))
    if not statements:
        raise source.bad("no MeasureItem in it", "Export the clinical goals again", place="Prescription")
    return Template(source.name, source.sha256, "Eclipse DoseObjectives XML 1.0", tuple(statements))


def write_dose_objectives(limits: Sequence[Taken], *, name: str, origin: str) -> tuple[str, tuple[Unstatable, ...]]:
    """A DoseObjectives file, and the limits that it cannot state.

    Args:
        limits: to be written.
        name: of the template in Eclipse.
        origin: the description that Eclipse shows.
    """
    root = Element(ROOT, {"Version": VERSIONS[0]})
    preview = {
        "Version": "1.2",
        "ID": name,
        "Type": ROOT,
        "ApprovalStatus": "Unapproved",
        "Diagnosis": "",
        "TreatmentSite": "",
        "Description": origin,
        "AssignedUsers": "",
        "LastModified": "",
        "ApprovalHistory": "",
    }
    SubElement(root, "Preview", preview)
    prescription = SubElement(root, "Prescription", {"Version": "1.10"})
    left = []
    for taken in limits:
        why = _why_not(taken)
        if why:
            left.append(Unstatable(taken, why))
            continue
        for structure in sided_names(taken):
            _write_item(prescription, taken, structure)
    indent(root)
    text = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n', tuple(left)


def _why_not(taken: Taken) -> str:
    metric, (goal, *rest) = taken.metric, taken.bounds
    if not rest and goal.level is not Level.MANDATORY:
        return "an optimal limit alone: a clinical goal without a variation reads as mandatory"
    if rest and rest[0].comparator != goal.comparator:
        return f"goal {goal.comparator} and variation {rest[0].comparator}: a clinical goal has one comparator"
    if metric.kind in {"CV", "DC", "Median"}:
        return f"clinical goals have no {metric.kind}"
    if metric.kind in {"Max", "Min"}:
        return "public descriptions of the codes for maximum and minimum differ: add it in Eclipse by hand"
    amount = Decimal(str(metric.amount)) if metric.amount is not None else None
    if amount is not None and not _one_decimal(amount):
        return f"{plain(amount)} {metric.amount_unit}: clinical goals keep one decimal, and none is rounded"
    for bound in taken.bounds:
        if not _one_decimal(_written(taken, bound.limit)):
            return f"{plain(bound.limit)} {metric.unit}: clinical goals keep one decimal, and none is rounded"
    return ""


def _one_decimal(number: Decimal) -> bool:
    return number == number.quantize(_TENTH)


def _written(taken: Taken, limit: Decimal) -> Decimal:
    """A limit as the file has it: volumes in mm3."""
    return limit * 1000 if taken.metric.unit == "cc" else limit


def _write_item(prescription: Element, taken: Taken, structure: str) -> None:
    metric, (goal, *rest) = taken.metric, taken.bounds
    kind = (
        "8"
        if metric.kind == "Mean"
        else {"V%": "2", "VGy": "3", "D%": "4", "Dcc": "5"}[metric.kind + metric.amount_unit]
    )
    item = SubElement(prescription, "MeasureItem", {"ID": structure})
    pairs = {
        "Type": kind,
        "Modifier": _MODIFIERS[goal.comparator],
        "Value": plain(_written(taken, goal.limit)),
        "TypeSpecifier": "0" if metric.amount is None else plain(Decimal(str(metric.amount))),
        "ReportDQPValueInAbsoluteUnits": "false" if metric.unit == "%" else "true",
        **({"VariationAcceptable": plain(_written(taken, rest[0].limit))} if rest else {}),
        "PrimaryClinicalGoal": "false",
    }
    for tag, value in pairs.items():
        SubElement(item, tag).text = value
