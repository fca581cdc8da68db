"""Eclipse's clinical protocols: Protocol XML with phases."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from sbrtcheck.exchange.eclipse_items import item, measure_item
from sbrtcheck.exchange.source import Source
from sbrtcheck.exchange.strict_xml import child_text, load_xml
from sbrtcheck.exchange.template import Statement, Template

ROOT = "Protocol"


def read_protocol(source: Source, root: Element | None = None) -> Template:
    """The statements of a protocol, each with the number of fractions of its phase.

    Raises:
        WrongUsageError: E-TEMPLATE, for another kind of XML or one without phases.
    """
    root = load_xml(source) if root is None else root
    if root.tag != ROOT:
        raise source.bad(f"not {ROOT} XML", "Give --from for what it is", place="root element", seen=root.tag)
    phases = root.findall("Phases/Phase")
    if not phases:
        raise source.bad("no phase in it", "Export the clinical protocol again", place="Phases")
    statements: list[Statement] = []
    for number, phase in enumerate(phases, start=1):
        n_fractions = _fractions(phase, number, source)
        where = f"phase {number}, " if len(phases) > 1 else ""
        counts: dict[str, int] = {}
        for element in (e for group in phase.findall("Prescription") for e in group):
            counts[element.tag] = counts.get(element.tag, 0) + 1
            place = f"{where}{element.tag} {counts[element.tag]}"
            if element.tag == "MeasureItem":
                statements.append(measure_item(element, place, n_fractions=n_fractions))
            elif element.tag == "Item":
                statements.append(item(element, place, n_fractions=n_fractions))
            else:
                why = "only Item and MeasureItem are known here"
                structure = element.get("ID", "").strip() or "-"
                statements.append(Statement(place, structure, element.tag, "", n_fractions=n_fractions, refusal=why))
    source.check_length(len(statements))
    if not statements:
        raise source.bad("no prescription item in it", "Export the clinical protocol again", place="Prescription")
    return Template(source.name, source.sha256, "Eclipse clinical protocol XML", tuple(statements))


def _fractions(phase: Element, number: int, source: Source) -> int | None:
    """The number of fractions of a phase, from wherever it states it; None where it does not."""
    plan = phase.find("PlanTemplate")
    stated = {
        text
        for text in (
            phase.get("FractionCount", "").strip(),
            child_text(phase, "FractionCount"),
            child_text(plan, "FractionCount") if plan is not None else "",
        )
        if text
    }
    if not stated:
        return None
    text = stated.pop()
    if stated or not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 99):
        seen = ", ".join(sorted({text, *stated}))
        raise source.bad("no one number of fractions", "Correct the phase", place=f"phase {number}", seen=seen)
    return int(text)
