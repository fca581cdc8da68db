"""Whether the bytes of a text are what the Specific Character Set says, where the bytes themselves can tell."""

from __future__ import annotations

import re

_NOT_ASCII = re.compile(rb"[\x80-\xff]")
# Two bytes or more above ASCII in a row: in Latin-1 rare, in UTF-8, GBK and Shift-JIS the rule.
_RUN = re.compile(r"[\u0080-\u00ff]{2,}")
_LATIN_1 = "ISO_IR 100"
_JIS_201 = "ISO_IR 13"
_MULTI_BYTE = frozenset({"ISO_IR 192", "GB18030", "GBK"})
# Longer runs of accented letters stand in no Western name of a structure.
_LONGEST_WESTERN_RUN = 2


def is_mislabelled(raw: bytes, labels: tuple[str, ...]) -> bool:
    """True if a text cannot, or all but certainly does not, have the character set of its label.

    Without a label every byte above ASCII is one too many. UTF-8 under the label of a single-byte set is told by its
    sequences; GBK under Latin-1 by runs of signs or of more than two accented letters; Shift-JIS under JIS X 0201 by
    bytes that the set does not have.

    Args:
        raw: the value as it stands in the file.
        labels: the components of Specific Character Set (0008,0005).
    """
    if not _NOT_ASCII.search(raw):
        return False
    named = [label for label in labels if label]
    if not named:
        return True
    if len(labels) > 1 or named[0] in _MULTI_BYTE:
        return False
    if named[0] == _JIS_201:
        return any(0x80 <= byte <= 0xA0 or byte >= 0xE0 for byte in raw)
    if _is_utf8(raw):
        return True
    return named[0] == _LATIN_1 and any(_no_western_word(run) for run in _RUN.findall(raw.decode("latin-1")))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _no_western_word(run: str) -> bool:
    return len(run) > _LONGEST_WESTERN_RUN or not all(char.isalpha() for char in run)
