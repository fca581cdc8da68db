"""JSON from another program, read so that nothing in it can be taken for something else."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any, NoReturn

from sbrtcheck.exchange.source import Source

Object = dict[str, Any]
MAX_TEXT = 400


def load_json(source: Source) -> Any:
    """The value of a JSON file; numbers with a point or an exponent are Decimal.

    Raises:
        WrongUsageError: E-TEMPLATE, for what is not JSON, a key that occurs twice in one object, NaN, too much depth.
    """
    text = source.text()

    def unique(pairs: list[tuple[str, Any]]) -> Object:
        made = dict(pairs)
        if len(made) != len(pairs):
            twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
            raise source.bad("a key occurs twice in one object", "Keep the one that is meant", seen=twice)
        return made

    def no_constant(word: str) -> NoReturn:
        raise source.bad("not a number", "Write a plain decimal number", seen=word)

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant, parse_float=Decimal)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise source.bad(f"not JSON: {error.msg}", "Export the template again", place=place) from error
    except (ValueError, ArithmeticError) as error:
        raise source.bad("a number of too many digits", "Write a plain decimal number") from error
    except RecursionError as error:
        raise source.bad("nested too deeply for a template", "Export the template again") from error


def number_text(value: object) -> str | None:
    """A number of a JSON file as plain decimal digits, or None for anything else, also for one beyond 6 digits."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if not number.is_finite() or not -7 < number.adjusted() < 6:
        return "0" if number == 0 else None
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def text_of(value: object) -> str:
    """A string of a JSON file without outer blanks, cut where no name is that long; "" for anything else."""
    text = value.strip() if isinstance(value, str) else ""
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."


def objects_of(value: object, source: Source, key: str) -> list[Object]:
    """The objects of a list.

    Raises:
        WrongUsageError: E-TEMPLATE, when it is no list of objects, or a list of too many.
    """
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise source.bad("not a list of objects", "Export the template again", place=f"key {key}")
    source.check_length(len(value))
    return value
