"""Targets for which nothing says what must be judged beside them: out of scope, or a site without a list of organs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sbrtcheck.anatomy.organs import Candidate, find
from sbrtcheck.anatomy.place import share_inside
from sbrtcheck.dvh import Structure
from sbrtcheck.model.policy import OutOfScope
from sbrtcheck.tables.organs import name_words
from sbrtcheck.tables.policy_rows import out_of_scope

# Organs in which no target is in scope, and what such a target is of.
_OUTSIDE = (("Brain", "brain"), ("BrainStem", "brain"), ("Eye", "eye"))


def outside_by_names(site: str, texts: Iterable[str]) -> str:
    """What names say of a target that is out of scope; "" when they say nothing.

    Args:
        site: of the lesion, "" unknown. A bone of the skull has a site and is out of scope all the same.
        texts: names of the target, and of the plan while the site is unknown.
    """
    heard = list(texts)
    rows = (r for r in out_of_scope() if r.out_of_scope and r.site in {"", site})
    return next((f"{r.what}: out of scope" for r in rows if _speaks(r, heard)), "")


def no_list_by_names(texts: Iterable[str]) -> str:
    """What names say of a site that is known and has no list of organs; "" when they say nothing."""
    heard = list(texts)
    rows = (r for r in out_of_scope() if not r.out_of_scope)
    return next((f"no list for this site ({r.what})" for r in rows if _speaks(r, heard)), "")


def _speaks(row: OutOfScope, texts: Sequence[str]) -> bool:
    words = {word for text in texts for word in name_words(text)}
    return bool(words & set(row.words))


def scope_by_place(ptv: Structure, candidates: Sequence[Candidate]) -> str:
    """Out of scope when over half of the PTV lies in the brain or an eye."""
    for organ, what in _OUTSIDE:
        shapes = [c.structure for c in find(candidates, organ) if c.structure is not None]
        if shapes and share_inside(ptv, shapes) > 0.5:
            return f"{what}: out of scope"
    return ""
