"""Slices as files write them: positions that jitter, parts on slices of their own, and a scan whose spacing changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from phantoms import circle, draw, sphere

from sbrtcheck.dvh import Structure, build_structure, scan_planes
from sbrtcheck.dvh.contours.combine import union
from sbrtcheck.dvh.contours.scan import ScanPlanes, typical_spacing
from sbrtcheck.model import Contour, ContourMeaning, FloatArray, Roi

PLANES = np.arange(24) * 2.5
LEFT, RIGHT = circle(12.0) - np.array([20.0, 0]), circle(12.0) + np.array([20.0, 0])
TUBE_CM3 = np.pi * 144 * 60 / 1000


def loop(points: FloatArray, z: float) -> Contour:
    return Contour(np.column_stack([points, np.full(len(points), z)]))


def tube(points: FloatArray, heights: Sequence[float] | FloatArray) -> list[Contour]:
    return [loop(points, float(z)) for z in heights]


def raised(contour: Contour, by_mm: float) -> Contour:
    return Contour(contour.points_mm + np.array([0.0, 0.0, by_mm]))


def roi(contours: Sequence[Contour], number: int = 1) -> Roi:
    return Roi(number, f"roi {number}", tuple(contours))


def build(contours: Sequence[Contour], *others: Sequence[Contour], alone: bool = False) -> Structure:
    rois = [roi(contours), *(roi(c, number) for number, c in enumerate(others, start=2))]
    return build_structure(rois[0], scan=None if alone else scan_planes(rois))


def volume(structure: Structure) -> float:
    assert structure.volume_cm3 is not None, structure.problems
    return structure.volume_cm3


@pytest.mark.parametrize("offset_mm", [0.0, 0.004, 0.02, 0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("alone", [True, False])
def test_two_loops_of_a_slice_may_stand_apart(offset_mm: float, alone: bool) -> None:
    built = build([*tube(LEFT, PLANES), *tube(RIGHT, PLANES + offset_mm)], tube(circle(50.0), PLANES), alone=alone)
    assert volume(built) == pytest.approx(2 * TUBE_CM3, rel=5e-3)
    assert built.problems == ()
    middle = np.array([[x, 0.0, z] for x in (-20.0, 20.0) for z in np.arange(0.0, 57.5, 0.3)])
    assert built.contains(middle).all()


@pytest.mark.parametrize("offset_mm", [0.7, 1.0, 1.25, 1.6])
def test_parts_between_each_others_slices_are_two_stacks(offset_mm: float) -> None:
    built = build([*tube(LEFT, PLANES), *tube(RIGHT, PLANES + offset_mm)], alone=True)
    assert volume(built) == pytest.approx(2 * TUBE_CM3, rel=1e-3)
    assert built.slab_volume_cm3 == pytest.approx(2 * TUBE_CM3, rel=1e-3)


@pytest.mark.parametrize("alone", [True, False])
def test_parts_on_alternate_slices_are_two_stacks(alone: bool) -> None:
    built = build([*tube(LEFT, PLANES[::2]), *tube(RIGHT, PLANES[1::2])], tube(circle(50.0), PLANES), alone=alone)
    assert volume(built) == pytest.approx(2 * TUBE_CM3, rel=1e-3)
    assert built.problems == ()


def test_a_part_on_every_second_slice_goes_on_to_its_own_next_plane() -> None:
    built = build([*tube(LEFT, PLANES), *tube(RIGHT, PLANES[1::2])], alone=True)
    assert volume(built) == pytest.approx(2 * TUBE_CM3, rel=1e-3)
    assert built.contains(np.array([[20.0, 0.0, z] for z in PLANES[1:-1]])).all()


def test_a_part_that_ends_does_not_go_on_to_another_far_above() -> None:
    built = build([*tube(LEFT, PLANES), *tube(RIGHT, PLANES[:6]), *tube(RIGHT, PLANES[18:])], alone=True)
    assert volume(built) == pytest.approx(1.5 * TUBE_CM3, rel=1e-3)


@pytest.mark.parametrize("offset_mm", [0.005, 0.05, 0.3])
def test_a_cord_drawn_twice_is_one_cord(offset_mm: float) -> None:
    once = build(tube(circle(6.0), PLANES), tube(circle(50.0), PLANES))
    twice = build([*tube(circle(6.0), PLANES), *tube(circle(6.0), PLANES + offset_mm)], tube(circle(50.0), PLANES))
    assert volume(twice) == pytest.approx(volume(once), rel=1e-3)
    assert {p.code for p in twice.problems} == {"W-DUP-CONTOUR"}


def test_two_planes_that_the_scan_calls_one_are_one_slice() -> None:
    two = [loop(LEFT, 10.0), loop(RIGHT, 10.06)]
    built = build(two, tube(circle(50.0), PLANES))
    assert volume(built) == pytest.approx(2 * np.pi * 144 * 2.5 / 1000, rel=5e-3)
    assert {p.code for p in built.problems} == {"W-SINGLE-SLICE"}


def test_fine_slices_are_not_jitter() -> None:
    fine = build(tube(LEFT, np.arange(31) * 0.5), tube(circle(50.0), PLANES))
    assert fine.slice_spacing_mm == pytest.approx(0.5)
    assert volume(fine) == pytest.approx(np.pi * 144 * 15.5 / 1000, rel=5e-3)


MIXED = np.concatenate([np.arange(0, 30, 5.0), np.arange(30, 60, 2.5), np.arange(60, 91, 5.0)])


def test_a_scan_whose_spacing_changes_is_no_missing_slice() -> None:
    built = build(tube(LEFT, MIXED), tube(circle(50.0), MIXED), tube(circle(60.0), MIXED))
    assert volume(built) == pytest.approx(np.pi * 144 * 95 / 1000, rel=1e-3)
    assert built.problems == ()


def test_a_slice_missing_from_one_roi_alone_is_missing() -> None:
    gone = np.delete(MIXED, [8, 9])
    built = build(tube(LEFT, gone), tube(circle(50.0), MIXED))
    assert {p.code for p in built.problems} == {"W-MISSING-SLICES"}
    (other,) = built.alternatives
    assert other.meaning is ContourMeaning.MISSING_SLICES_BRIDGED
    assert volume(other.structure) > volume(built)


def test_alone_a_wide_gap_is_not_bridged() -> None:
    built = build(tube(LEFT, [0, 2.5, 5, 7.5, 12.5, 15, 17.5, 20]), alone=True)
    assert {p.code for p in built.problems} == {"W-MISSING-SLICES"}


def test_one_slice_is_as_thick_as_the_scan_there() -> None:
    thin = build([loop(LEFT, 40.0)], tube(circle(50.0), MIXED))
    thick = build([loop(LEFT, 10.0)], tube(circle(50.0), MIXED))
    assert volume(thin) == pytest.approx(np.pi * 144 * 2.5 / 1000, rel=5e-3)
    assert volume(thick) == pytest.approx(np.pi * 144 * 5.0 / 1000, rel=5e-3)


@pytest.mark.parametrize("radius_cm3", [1.0, 30.0])
def test_a_contour_moved_by_less_than_a_tenth_of_the_spacing_changes_next_to_nothing(radius_cm3: float) -> None:
    contours = list(draw(sphere(radius_cm3), 2.0, 0.3, centre=np.zeros(3)))
    heights = np.arange(-20, 21) * 2.0 + contours[0].points_mm[0, 2]
    body = tube(circle(60.0), heights)
    whole = volume(build(contours, body))
    for number, contour in enumerate(contours):
        for shift in (-0.19, 0.07, 0.19):
            moved = [*contours[:number], raised(contour, shift), *contours[number + 1 :]]
            assert volume(build(moved, body)) == pytest.approx(whole, rel=0.02), (number, shift)


def test_alone_a_moved_contour_changes_a_long_stack_by_little() -> None:
    contours = tube(LEFT, PLANES)
    whole = volume(build(contours, alone=True))
    for number, shift in ((0, 0.24), (5, -0.24), (23, 0.2)):
        moved = [*contours[:number], raised(contours[number], shift), *contours[number + 1 :]]
        assert volume(build(moved, alone=True)) == pytest.approx(whole, rel=0.02)


def test_order_doubles_and_jitter_change_nothing() -> None:
    contours = list(draw(sphere(30.0), 2.5, 0.3, centre=np.array([0.0, 0.0, 20.0])))
    body = tube(circle(60.0), np.arange(-8, 20) * 2.5 + contours[0].points_mm[0, 2])
    whole = volume(build(contours, body))
    rng = np.random.default_rng(8)
    for _ in range(3):
        order = rng.permutation(len(contours))
        written = [raised(contours[i], rng.uniform(-0.005, 0.005)) for i in order for _ in "12"]
        assert volume(build(written, body)) == pytest.approx(whole, rel=2e-3)
        shaken = [raised(contours[i], rng.uniform(-0.2, 0.2)) for i in order]
        assert volume(build(shaken, body)) == pytest.approx(whole, rel=2e-3)


def _united(parts: Sequence[Sequence[Contour]], scan: ScanPlanes | None) -> float:
    built = [build_structure(roi(part, number), scan=scan) for number, part in enumerate(parts, start=1)]
    return volume(union("both", built))


def test_contours_split_over_two_rois_and_united_give_the_same_volume() -> None:
    lungs = [*tube(LEFT, PLANES), *tube(RIGHT, PLANES + 0.05)]
    scan = scan_planes([roi(lungs)])
    whole = volume(build_structure(roi(lungs), scan=scan))
    # side by side, one above the other, and every second slice
    assert _united([lungs[:24], lungs[24:]], scan) == pytest.approx(whole, rel=2e-3)
    assert _united([[*lungs[:12], *lungs[24:36]], [*lungs[12:24], *lungs[36:]]], scan) == pytest.approx(whole, rel=0.01)
    alternate = [[*lungs[0:24:2], *lungs[25::2]], [*lungs[1:24:2], *lungs[24::2]]]
    assert _united(alternate, scan) == pytest.approx(whole * 62.5 / 60, rel=0.02)


def test_the_spacing_that_explains_most_gaps() -> None:
    def mm(gaps: list[float]) -> float:
        found = typical_spacing(gaps)
        assert found is not None
        return found.mm

    assert typical_spacing([]) is None
    assert mm([2.0, 2.0, 3.0, 2.0, 2.0]) == 2.0
    assert mm([0.03, 2.47] * 10) == pytest.approx(2.47)
    assert mm([0.1, 0.1, 2.3] * 10) == pytest.approx(2.3)
    assert mm([0.5] * 20 + [40.0]) == 0.5
    assert mm([2.5] * 6 + [5.0] * 6) == 2.5
    assert mm([2.0, 2.0, 46.0, 2.0, 2.0]) == 2.0


def test_planes_of_the_scan_are_where_most_rois_have_them() -> None:
    scan = scan_planes([roi(tube(LEFT, PLANES), 1), roi(tube(LEFT, PLANES), 2), roi(tube(RIGHT, PLANES + 0.1), 3)])
    assert scan is not None
    assert scan.position_mm == tuple(PLANES)
    assert scan.drawn_on == (frozenset({1, 2, 3}),) * 24
    assert scan.spacing_mm == 2.5
    assert scan.slices_between(2.5, 5.0, number=1) == 0
    assert scan.slices_between(2.5, 7.5, number=1) == 1
    assert scan.slices_between(2.5, 90.0, number=1) is None
    assert scan_planes([]) is None
