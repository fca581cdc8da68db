"""The level of a lesion in its site: given, a word in a name, or what is drawn at its height."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sbrtcheck.anatomy.organs import Candidate, find
from sbrtcheck.model import FloatArray
from sbrtcheck.tables.policy_rows import find_level, level_landmarks, levels_in_name, levels_of

# Where great vessels are those of the abdomen: sites without levels, and levels of the others (our policy).
_BELOW_SITES = ("liver", "adrenal")
_BELOW_LEVELS = {
    "spine": ("L", "L1", "L2", "L3", "L4", "L5", "S", "S1", "S2", "S3", "S4", "S5"),
    "bone": ("ilium", "sacrum", "acetabulum", "pubis", "ischium", "femur"),
    "node": ("retroperitoneum", "pelvis", "groin"),
}


def split_site(text: str) -> tuple[str, tuple[str, ...]]:
    """``spine:L3`` as site and levels, each level by its own name; ``lung`` has none.

    Raises:
        ValueError: no such level of the site; the text says which there are.
    """
    site, separator, given = text.partition(":")
    levels = []
    for part in given.split("+") if separator else ():
        level = find_level(site.strip(), part)
        if not level:
            known = ", ".join(levels_of(site.strip()))
            raise ValueError(f"Levels of {site}: {known}" if known else f"{site} has no levels: write {site} alone")
        levels.append(level)
    return site.strip(), tuple(levels)


def level_of_texts(site: str, texts: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], str]:
    """The levels that the first of several texts speaks of, and where it stands; ((), "") when none speaks.

    Args:
        texts: (origin, text), the target's own names first.
    """
    for origin, text in texts:
        levels = levels_in_name(site, text)
        if levels:
            return _told(levels), f"a word in the {origin}"
    return (), ""


def _told(levels: Sequence[str]) -> tuple[str, ...]:
    """Without ``L`` where ``L3`` is told as well."""
    return tuple(x for x in levels if not any(len(x) == 1 and other != x and other[0] == x for other in levels))


def level_by_place(
    site: str, target_points_mm: FloatArray, candidates: Sequence[Candidate]
) -> tuple[tuple[str, ...], str]:
    """The level of the first landmark that is drawn at the height of the middle of the target."""
    if not len(target_points_mm):
        return (), ""
    middle = float(target_points_mm[:, 2].min() + target_points_mm[:, 2].max()) / 2
    for landmark in level_landmarks():
        if landmark.site != site:
            continue
        for organ in landmark.landmarks:
            heights = [c.points_mm[:, 2] for c in find(candidates, organ) if c.points_mm.size]
            if any(float(np.min(z)) <= middle <= float(np.max(z)) for z in heights):
                return (landmark.level,), f"geometry: at the height of {organ}"
    return (), ""


def has_levels(site: str) -> bool:
    """Whether what a site asks for depends on the level."""
    return bool(levels_of(site))


def below_diaphragm(site: str, levels: Sequence[str]) -> bool:
    """Whether a lesion certainly lies below the diaphragm; an unknown level is not certain."""
    if site in _BELOW_SITES:
        return True
    return bool(levels) and all(level in _BELOW_LEVELS.get(site, ()) for level in levels)
