"""The plans that are damaged: the small ones of mini.py, in implicit VR, and every sample plan, in explicit VR."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from mutations import mini
from sbrtcheck import check_study
from sbrtcheck.dvh import Structure, compute_dvhs
from sbrtcheck.errors import RefusedError
from sbrtcheck.model import DoseGrid, Dvh, Options, Report, Study
from sbrtcheck.plan import doses as plan_check
from sbrtcheck.read import read_folder

ROOT = Path(__file__).parents[2] / "sample_plans"
SAMPLES = tuple(sorted(path.parent.name for path in ROOT.glob("*/expected.json")))
ALL = (*mini.BASES, *SAMPLES)


@lru_cache(maxsize=32)
def files(base: str) -> Mapping[str, bytes]:
    """File name to bytes."""
    if base in mini.BASES:
        return mini.files(base)
    return {path.name: path.read_bytes() for path in sorted((ROOT / base).glob("*.dcm"))}


@lru_cache(maxsize=2)
def study(sample: str) -> Study:
    """A sample as it is read."""
    return read_folder(ROOT / sample)


@lru_cache(maxsize=16)
def reference(base: str) -> Report:
    """The report of an untouched base."""
    return mini.reference(base) if base in mini.BASES else _judged(base, study(base))


def _judged(sample: str, read: Study) -> Report:
    case = ROOT / sample / "case.toml"
    remembered = partial(_dvhs, _dvhs_of(sample))
    with mini.coarse(), mock.patch.object(plan_check, "compute_dvhs", remembered):
        return check_study(read, case=case if case.exists() else None)


@lru_cache(maxsize=1)
def _dvhs_of(sample: str) -> dict[Any, Dvh]:
    """DVHs of a sample's ROIs that were computed before, the last sample's only."""
    del sample
    return {}


def _dvhs(known: dict[Any, Dvh], structures: Sequence[Structure], dose: DoseGrid, **options: Any) -> list[Dvh]:
    """Most structures are as they were, and so is their DVH: the same loops in the same order in the same dose."""
    grid = hashlib.sha256(dose.dose_gy.tobytes() + dose.affine.tobytes()).digest()
    keys = [(*_made_of(structure), grid, repr(options)) for structure in structures]
    rest = [at for at, key in enumerate(keys) if key not in known]
    computed = compute_dvhs([structures[at] for at in rest], dose, **options)
    known.update(zip([keys[at] for at in rest], computed, strict=True))
    return [known[key] for key in keys]


def _made_of(structure: Structure) -> tuple[Any, ...]:
    shapes = [structure.shape, *(other.structure.shape for other in structure.alternatives)]
    points = hashlib.sha256(structure.vertices_mm.tobytes()).digest()
    names = [other.label for other in structure.alternatives]
    return structure.name, structure.blocked, structure.problems, structure.method, points, *names, *map(_shape, shapes)


def _shape(shape: Any) -> Any:
    """What a shape was made from: loops, or other shapes."""
    if shape is None:
        return None
    if hasattr(shape, "shapes"):
        return shape.operation, tuple(map(_shape, shape.shapes))
    if hasattr(shape, "margin_mm"):
        return shape.margin_mm, _shape(shape.shape)
    return hashlib.sha256(pickle.dumps((shape.stacks, shape.convention))).digest()


def unused(base: str) -> set[str]:
    """Names of the files that a check leaves alone, such as the dose of one beam."""
    return set() if base in mini.BASES else {i.name for i in study(base).inputs if not i.used}


def check(base: str, folder: Path, contents: Mapping[str, bytes]) -> Report | None:
    """The report on damaged files of a base; None for a sample that reads as if it were untouched."""
    if base in mini.BASES:
        return mini.check_files(folder, contents)
    try:
        read = read_folder(mini.write(folder, contents))
    except RefusedError as error:
        from sbrtcheck.pipeline import refused

        return refused(error.problems, options=Options())
    same = all(_same(getattr(read, name), getattr(study(base), name)) for name in ("plans", "patient", "problems"))
    return None if same else _judged(base, read)


def _same(one: Any, other: Any) -> bool:
    """Whether two records hold the same values, arrays included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=True))
    if is_dataclass(one):
        return all(_same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)
