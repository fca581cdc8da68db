"""What a prescription covers, as a clinic or case file writes it: ``D99% = 100%``, ``GTV D98% = 100%``."""

from __future__ import annotations

import re

from sbrtcheck.model.policy import NormalisedTo
from sbrtcheck.read.toml_keys import Keys

EXAMPLE = 'Write "D99% = 100%", or "GTV D98% = 100%" (PTV, CTV, ITV or GTV)'
_NUMBER = r"([0-9]{1,3}(?:\.[0-9]{1,3})?)"
_FORM = re.compile(rf"(?:(PTV|CTV|ITV|GTV) +)?D{_NUMBER}% *= *{_NUMBER}%", re.ASCII)


def parse_normalised_to(text: str) -> NormalisedTo | None:
    """What the text declares; None when it cannot be read or no prescription is written so.

    The volume is 50 to 100 %, the dose 80 to 120 % of the prescription; without a structure the PTV is meant.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    volume, dose = float(found[2]), float(found[3])
    if not (50 <= volume <= 100 and 80 <= dose <= 120):
        return None
    return NormalisedTo(found[1] or "PTV", volume, dose, text.strip())


def read_normalised_to(keys: Keys, key: str = "normalised_to") -> NormalisedTo | None:
    """The declaration under a key, or None when there is none; one that cannot be read is a problem of the file."""
    text = keys.text(key)
    declared = parse_normalised_to(text) if text else None
    if text and declared is None:
        keys.bad(key, "not what a prescription covers: D50% to D100%, 80 to 120 % of it", EXAMPLE)
    return declared
