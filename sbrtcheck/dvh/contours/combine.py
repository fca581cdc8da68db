"""Derived structures: unions, differences, shells, margins and distances, on the geometry that the DVH uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from sbrtcheck.dvh.contours.derived import CombinedShape, OffsetShape, surface_points
from sbrtcheck.dvh.contours.shape import Shape
from sbrtcheck.dvh.contours.structure import Alternative, Structure
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model import FloatArray


def _blocked(name: str, structures: Sequence[Structure]) -> Structure | None:
    """A blocked structure when a part is blocked: what is missing of a part makes the whole unknown."""
    for part in structures:
        if part.shape is None:
            note = f"{part.name}: {part.blocked_note}"
            return Structure(name, blocked=part.blocked, blocked_note=note, problems=part.problems)
    return None


def _combine(name: str, structures: Sequence[Structure], operation: str) -> Structure:
    if not structures:
        raise wrong_usage("E-DOMAIN", name, detail="no structure given")
    blocked = _blocked(name, structures)
    if blocked is not None:
        return blocked
    if len(structures) == 1:
        only = structures[0]
        return replace(only, name=name)
    shapes = [s.shape for s in structures if s.shape is not None]
    words = {"union": "union of ", "intersection": "common part of ", "minus": "difference of "}[operation]
    # Each ambiguous part is read the other way once, with the rest as it is: one alternative for each.
    alternatives = []
    for index, part in enumerate(structures):
        for other in part.alternatives:
            others = [*structures[:index], other.structure, *structures[index + 1 :]]
            made = _combine(name, others, operation)
            alternatives.append(Alternative(other.meaning, made, other.part or part.name))
    spacings = [s.slice_spacing_mm for s in structures if s.slice_spacing_mm is not None]
    return Structure(
        name,
        shape=CombinedShape(shapes, operation),
        problems=tuple(dict.fromkeys(p for s in structures for p in s.problems)),
        alternatives=tuple(alternatives),
        slice_spacing_mm=max(spacings, default=None),
        vertices_mm=np.concatenate([s.vertices_mm for s in structures]) if operation == "union" else np.empty((0, 3)),
        method=f"{words}{', '.join(s.name for s in structures)}; {structures[0].method}",
    )


def union(name: str, structures: Sequence[Structure]) -> Structure:
    """All that lies in any of the structures. Blocked when one of them is.

    Raises:
        WrongUsageError: E-DOMAIN when none is given.
    """
    return _combine(name, structures, "union")


def intersection(name: str, structures: Sequence[Structure]) -> Structure:
    """What lies in all of the structures. Blocked when one of them is."""
    return _combine(name, structures, "intersection")


def minus(name: str, structure: Structure, others: Sequence[Structure]) -> Structure:
    """The structure without what lies in any of ``others``. Blocked when one of them is."""
    return _combine(name, [structure, *others], "minus")


def expand(structure: Structure, *, margin_mm: float, name: str = "") -> Structure:
    """The structure grown (margin above 0) or shrunk (below 0) by a margin [mm] in three dimensions.

    Raises:
        WrongUsageError: E-DOMAIN for a margin that is not finite or beyond 100 mm.
    """
    if not np.isfinite(margin_mm) or abs(margin_mm) > 100:
        raise wrong_usage("E-DOMAIN", "margin_mm", seen=margin_mm)
    label = name or f"{structure.name}{margin_mm:+g}mm"
    return _derive(label, structure, lambda s: OffsetShape(s, margin_mm), f"{margin_mm:+g} mm")


def shell(structure: Structure, *, inner_mm: float, outer_mm: float, name: str = "") -> Structure:
    """What lies between two distances from the surface [mm]; negative is inside.

    The skin is ``shell(body, inner_mm=-5, outer_mm=0)``.

    Raises:
        WrongUsageError: E-DOMAIN unless inner < outer, both finite and within 100 mm.
    """
    if not (np.isfinite(inner_mm) and np.isfinite(outer_mm) and -100 <= inner_mm < outer_mm <= 100):
        raise wrong_usage("E-DOMAIN", "shell", seen=f"{inner_mm} to {outer_mm} mm")
    label = name or f"{structure.name} {inner_mm:g} to {outer_mm:g} mm"
    outer = structure if outer_mm == 0 else expand(structure, margin_mm=outer_mm)
    inner = structure if inner_mm == 0 else expand(structure, margin_mm=inner_mm)
    return minus(label, outer, [inner])


def _derive(name: str, structure: Structure, make: Callable[[Shape], OffsetShape], words: str) -> Structure:
    blocked = _blocked(name, [structure])
    if blocked is not None or structure.shape is None:
        return blocked or structure
    return Structure(
        name,
        shape=make(structure.shape),
        problems=structure.problems,
        alternatives=tuple(
            replace(other, structure=_derive(name, other.structure, make, words)) for other in structure.alternatives
        ),
        slice_spacing_mm=structure.slice_spacing_mm,
        method=f"{structure.name} {words}; {structure.method}",
    )


def distance_mm(first: Structure, second: Structure) -> float | None:
    """Shortest distance between two structures [mm]: 0 when they overlap, None when one of them is blocked."""
    from scipy.spatial import cKDTree

    if first.shape is None or second.shape is None:
        return None
    clouds: list[FloatArray] = [surface_points(first), surface_points(second)]
    if any(not len(cloud) for cloud in clouds):
        return None
    if np.any(second.contains(clouds[0])) or np.any(first.contains(clouds[1])):
        return 0.0
    near, _ = cKDTree(clouds[0]).query(clouds[1])
    return float(np.min(near))
