"""XML from another program: no entities, no document type, no depth or size beyond a template's."""

from __future__ import annotations

from io import BytesIO
from xml.etree.ElementTree import Element, ParseError

from sbrtcheck.errors import missing_extra
from sbrtcheck.exchange.source import MAX_ROWS, Source

# A MeasureItem has about ten elements; a protocol file also holds fields and objectives.
_MAX_ELEMENTS = 40 * MAX_ROWS
_MAX_DEPTH = 30
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def load_xml(source: Source) -> Element:
    """The root element of an XML file.

    Raises:
        WrongUsageError: E-TEMPLATE, for entities, a document type, what is not XML, or an unreasonable size; E-EXTRA.
    """
    try:
        from defusedxml.common import DefusedXmlException
        from defusedxml.ElementTree import iterparse
    except ImportError as error:
        raise missing_extra("XML templates", extra="exchange", package="defusedxml") from error
    root: Element | None = None
    depth = n_elements = 0
    try:
        for event, element in iterparse(BytesIO(source.data), events=("start", "end"), forbid_dtd=True):
            depth += 1 if event == "start" else -1
            n_elements += event == "start"
            if depth > _MAX_DEPTH or n_elements > _MAX_ELEMENTS:
                seen = f"more than {_MAX_DEPTH} levels" if depth > _MAX_DEPTH else f"more than {_MAX_ELEMENTS} elements"
                raise source.bad("larger than any limit template", "Export the template again", seen=seen)
            root = element if root is None else root
    except DefusedXmlException as error:
        seen = type(error).__name__
        raise source.bad(
            "entities or a document type: no template has them", "Do not use this file", seen=seen
        ) from error
    except ParseError as error:
        line, column = error.position
        place = f"line {line}, column {column + 1}"
        raise source.bad("not well-formed XML", "Export the template again", place=place) from error
    except (LookupError, ValueError) as error:
        raise source.bad("an encoding that is not read here", "Save it as UTF-8") from error
    assert root is not None
    return root


def child_text(element: Element, name: str) -> str:
    """Text of a child; "" when it is missing, empty or nil.

    A child that occurs twice has no one text: "twice" stands for it, which no number or word of a template is.
    """
    found = element.findall(name)
    if len(found) > 1:
        return "twice"
    if not found or found[0].get(NIL, "").strip().lower() in {"true", "1"}:
        return ""
    return (found[0].text or "").strip()
