"""Which organs a name that was not understood may mean: a hint for people and for caution, never a match."""

from __future__ import annotations

import re
from functools import cache

from sbrtcheck.tables.organs import load_organs, name_words, split_side

# A beginning of an organ's own word is heard from so many letters on; that of an alias in any language is longer.
OWN_LETTERS, ALIAS_LETTERS = 3, 5
# Words of organ names that say nothing of the organ.
_GENERAL = {
    "bag", "both", "bone", "canal", "cavity", "common", "derived", "glnd", "gtv", "head", "joint", "large", "main",
    "minus", "nerve", "neck", "peripheral", "plate", "proximal", "skin", "small", "sub", "surface", "total", "tree",
    "ves", "wall", "whole", "body", "great", "growth", "prox", "part", "left", "right", "spinal", "combined",
}  # fmt: skip
_CAMEL = re.compile(r"[A-Z][a-z]+|[A-Z]+(?![a-z])")


def organs_resembled(name: str) -> tuple[str, ...]:
    """Organs of which a word of the name is the word, or its beginning, in the order of constraints/organs.csv."""
    heard = [word.rstrip("0123456789") for word in name_words(name)]
    found = []
    for organ, own, alias in _words_of_organs():
        if any(_is_beginning(h, own, OWN_LETTERS) or _is_beginning(h, alias, ALIAS_LETTERS) for h in heard):
            found.append(organ)
    return tuple(dict.fromkeys(found))


def _is_beginning(heard: str, words: frozenset[str], letters: int) -> bool:
    if heard in _GENERAL:
        return False
    return heard in words or (len(heard) >= letters and any(word.startswith(heard) for word in words))


@cache
def _words_of_organs() -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    """Organ, words of its own and TG-263 name, and one-word aliases; all case folded."""
    out = []
    for info in load_organs():
        if info.region == "body" or info.derived:
            continue
        names = (split_side(info.organ)[0], info.tg263)
        own = {w.casefold() for name in names for w in _CAMEL.findall(name) if len(w) >= OWN_LETTERS} - _GENERAL
        alias = {w for a in info.aliases for w in name_words(a) if len(name_words(a)) == 1 and len(w) >= OWN_LETTERS}
        out.append((info.organ, frozenset(own), frozenset(alias - _GENERAL)))
    return tuple(out)
