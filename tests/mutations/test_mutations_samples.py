"""Damage to the full sample plans, in explicit VR as they are shipped: each kind once, each sample once.

With ``SBRTCHECK_ALL_SAMPLES=1``, as ``make long`` does, each kind on each sample. In the suite, damage that needs a
whole check comes to the plans that are checked fastest.
"""

from __future__ import annotations

import os
from io import BytesIO

import pytest
from pydicom import dcmread

from mutations import bases, damage, fuzz, mini, verdict

pytestmark = pytest.mark.long

SUITE: dict[str, tuple[str, ...]] = {
    "adrenal_45_5": ("bytes cut off", "element doubled"),
    "central_50_5": ("length changed",),
    "clinic_50_5": ("bytes lost", "text replaced"),
    "course_cord_cumulative": ("element emptied", "UID replaced"),
    "course_three_lesions": ("objects of two plans", "number replaced"),
    "no_esophagus_60_8": ("bytes lost",),
    "node_sib_45_35_5": ("bytes zeroed", "element removed"),
    "peripheral_54_3": ("bytes added",),
    "reirradiation_50_5": ("ROI doubled",),
    "spine_30_3": (
        "bit flipped",
        "contour dropped",
        "contours dropped",
        "contour doubled",
        "contours shuffled",
        "ROI dropped",
        "ROIs shuffled",
        "ROI contours dropped",
        "ROI contours shuffled",
        "orientation relabelled",
        "dose scaling changed",
    ),
    "two_lesions_3fx": ("bytes cut off",),
}
ALL = bool(os.environ.get("SBRTCHECK_ALL_SAMPLES"))


def test_the_suite_has_each_kind_and_each_sample() -> None:
    assert set(SUITE) == set(bases.SAMPLES)
    assert {kind for kinds in SUITE.values() for kind in kinds} == set(damage.KINDS)


@pytest.mark.parametrize("sample", bases.SAMPLES)
def test_damage_on_a_sample(sample: str) -> None:
    kinds = tuple(damage.KINDS) if ALL else SUITE[sample]
    counts, violations = fuzz.run_samples((sample, kind) for kind in kinds)
    assert violations == []
    assert sum(counts.values()) == len(kinds)
    assert {result for _, _, result in counts} <= set(verdict.RESULTS)


@pytest.mark.parametrize("base", ["rich", "spine_30_3", "clinic_50_5"])
def test_a_file_that_is_written_again_is_the_same(base: str) -> None:
    """What damage changes is the damage and nothing else, in implicit and in explicit VR."""
    for name, data in bases.files(base).items():
        assert damage.is_explicit(data) == (base != "rich"), name
        assert damage.written(data, dcmread(BytesIO(data))) == data, name
        ends = [found.at + found.n_header + found.n_value for found in damage.offsets(data)]
        assert ends[-1] == len(data), name
        assert len(ends) == len(dcmread(BytesIO(data), stop_before_pixels=False)), name


def test_the_small_plans_are_implicit_and_the_samples_explicit() -> None:
    assert not any(damage.is_explicit(data) for base in mini.BASES for data in bases.files(base).values())
    assert all(damage.is_explicit(data) for base in bases.SAMPLES for data in bases.files(base).values())
