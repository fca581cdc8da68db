"""What odd contours amount to: every row of the behaviour table, and what must not change a volume."""

from __future__ import annotations

import numpy as np
import pytest
from phantoms import axes_of, circle, cylinder, draw, rotation, sphere, two_spheres

from sbrtcheck.dvh import Structure, build_structure, scan_planes
from sbrtcheck.errors import Problem, WrongUsageError
from sbrtcheck.model import Contour, ContourMeaning, Reason, Roi

Loop = np.ndarray


def loop(points: object, z: float = 0.0) -> Contour:
    plane = np.asarray(points, dtype=float)
    return Contour(np.column_stack([plane, np.full(len(plane), z)]))


def square(half: float, z: float = 0.0, centre: tuple[float, float] = (0.0, 0.0)) -> Contour:
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half + np.array(centre)
    return loop(corners, z)


def stack(*parts: object, n: int = 10, spacing: float = 2.0) -> list[Contour]:
    """The same loops on ``n`` planes."""
    return [loop(p, k * spacing) for k in range(n) for p in parts]


def build(contours: list[Contour], **more: object) -> Structure:
    return build_structure(Roi(1, "x", tuple(contours)), **more)  # type: ignore[arg-type]


def codes(structure: Structure) -> set[str]:
    return {p.code for p in structure.problems}


SQUARE = np.array([[-10.0, -10], [10, -10], [10, 10], [-10, 10]])
SMALL = SQUARE / 2
AREA_CM3 = 400 * 20 / 1000


def test_prism_counts_half_a_slice_at_each_end() -> None:
    built = build(stack(SQUARE))
    assert built.volume_cm3 == pytest.approx(AREA_CM3, rel=1e-6)
    assert built.slab_volume_cm3 == pytest.approx(AREA_CM3, rel=1e-6)
    assert built.problems == ()
    low, high = built.bounds_mm  # type: ignore[misc]
    assert low[2] <= -1.0
    assert high[2] >= 19.0


def test_no_contours_and_nothing_but_degenerate_ones() -> None:
    assert build([]).blocked is Reason.NO_CONTOURS
    line = loop([[0, 0], [5, 5], [10, 10]])
    point = loop([[1, 1], [1, 1], [1, 1]])
    nothing = build([line, point])
    assert nothing.blocked is Reason.NO_CONTOURS
    assert nothing.volume_cm3 is None
    assert codes(nothing) >= {"W-DEGENERATE-CONTOUR", "E-NO-CONTOURS"}


def test_a_degenerate_contour_is_dropped_alone() -> None:
    built = build([*stack(SQUARE), loop([[0, 0], [5, 5]], 4.0), loop([[0, 0], [1, 1], [2, 2]], 6.0)])
    assert built.volume_cm3 == pytest.approx(AREA_CM3, rel=1e-6)
    assert codes(built) == {"W-DEGENERATE-CONTOUR"}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("E-POINT-COUNT", Reason.DAMAGED_ROI),
        ("E-GEOMETRIC-TYPE", Reason.DAMAGED_ROI),
        ("E-NO-CONTOURS", Reason.NO_CONTOURS),
        ("E-FOR-ROI", Reason.OTHER_FRAME_OF_REFERENCE),
    ],
)
def test_a_damaged_roi_is_blocked_whatever_else_it_holds(code: str, reason: Reason) -> None:
    roi = Roi(1, "x", tuple(stack(SQUARE)), problems=(Problem(code, "x"),))
    built = build_structure(roi)
    assert built.blocked is reason
    assert built.shape is None
    assert codes(built) == {code}


def test_keyholes_of_both_senses_are_rings() -> None:
    outer, inner = SQUARE, SMALL
    for inside in (inner[::-1], inner):
        ring = np.concatenate([outer, outer[:1], inside, inside[:1]])
        built = build(stack(ring))
        assert built.volume_cm3 == pytest.approx(300 * 20 / 1000, rel=0.004)
        assert not built.contains(np.array([[0.0, 0.0, 9.0]]))[0]
        assert built.contains(np.array([[7.5, 1.0, 9.0], [-7.5, -6.3, 9.0]])).all()
    assert codes(build(stack(np.concatenate([outer, outer[:1], inner, inner[:1]])))) == {"W-KEYHOLE"}
    assert codes(build(stack(np.concatenate([outer, outer[:1], inner[::-1], inner[::-1][:1]])))) == set()


def test_the_seam_of_a_keyhole_does_not_show() -> None:
    """The channel lies inside the ring: points beside it are as deep as points elsewhere."""
    inside = SMALL[::-1]
    ring = np.concatenate([SQUARE, SQUARE[:1], inside[1:], inside[:1], inside[1:2]])
    keyhole = build(stack(ring))
    holes = build([Contour(c.points_mm, xor=True) for c in stack(SQUARE, SMALL)])
    rng = np.random.default_rng(3)
    points = np.column_stack([rng.uniform(-11, 11, (4000, 2)), rng.uniform(1, 17, 4000)])
    differ = keyhole.contains(points) != holes.contains(points)
    assert np.mean(differ) < 0.005
    assert keyhole.volume_cm3 == pytest.approx(holes.volume_cm3, rel=1e-3)


def test_xor_contours_need_no_order_and_have_no_other_reading() -> None:
    parts = [Contour(c.points_mm, xor=True) for c in stack(SQUARE, SMALL)]
    for order in (parts, parts[::-1]):
        built = build(order)
        assert built.volume_cm3 == pytest.approx(300 * 20 / 1000, rel=1e-6)
        assert built.alternatives == ()
        assert codes(built) == set()
    mixed = build([*stack(SQUARE), Contour(square(3, 4.0).points_mm, xor=True)])
    assert mixed.blocked is Reason.DAMAGED_ROI
    assert codes(mixed) == {"E-MIXED-TYPE"}


def test_a_nested_loop_is_a_hole_and_also_judged_as_solid() -> None:
    built = build(stack(SQUARE, SMALL))
    assert built.volume_cm3 == pytest.approx(300 * 20 / 1000, rel=1e-6)
    assert codes(built) == {"W-HOLE-ASSUMED"}
    (solid,) = built.alternatives
    assert solid.meaning is ContourMeaning.INNER_LOOPS_SOLID
    assert solid.structure.volume_cm3 == pytest.approx(AREA_CM3, rel=1e-6)


def test_an_island_in_a_hole_belongs_to_the_structure() -> None:
    built = build(stack(SQUARE, SMALL, SMALL / 4))
    assert built.volume_cm3 == pytest.approx((400 - 100 + 100 / 16) * 20 / 1000, rel=1e-6)
    assert built.contains(np.array([[0.0, 0.0, 9.0]]))[0]
    assert not built.contains(np.array([[3.0, 0.0, 9.0]]))[0]


def test_disjoint_loops_add_up() -> None:
    built = build(stack(SQUARE, SQUARE + np.array([40.0, 0.0])))
    assert built.volume_cm3 == pytest.approx(2 * AREA_CM3, rel=1e-6)
    assert built.problems == ()


def test_exact_duplicates_are_dropped() -> None:
    turned = np.roll(SQUARE[::-1], 1, axis=0)
    built = build(stack(SQUARE, SQUARE, turned))
    assert built.volume_cm3 == pytest.approx(AREA_CM3, rel=1e-6)
    assert codes(built) == {"W-DUP-CONTOUR"}


def test_partly_overlapping_loops_are_united() -> None:
    built = build(stack(SQUARE, SQUARE + np.array([10.0, 0.0])))
    assert built.volume_cm3 == pytest.approx(1.5 * AREA_CM3, rel=2e-3)
    assert codes(built) == {"W-OVERLAP"}
    assert built.contains(np.array([[0.0, 0.0, 9.0], [5.0, 0.0, 9.0], [15.0, 0.0, 9.0]])).all()


def test_two_touching_loops_are_one_shape() -> None:
    left, right = SQUARE * np.array([0.5, 1]) - np.array([5, 0]), SQUARE * np.array([0.5, 1]) + np.array([5, 0])
    split, whole = build(stack(left, right)), build(stack(SQUARE))
    assert split.volume_cm3 == pytest.approx(whole.volume_cm3, rel=1e-3)
    points = np.column_stack([np.random.default_rng(1).uniform(-9, 9, (2000, 2)), np.full(2000, 8.7)])
    assert np.mean(split.contains(points) == whole.contains(points)) > 0.998


def test_a_loop_that_overlaps_itself_is_not_evaluable() -> None:
    turns = np.linspace(0, 4 * np.pi, 80, endpoint=False)
    spiral = np.column_stack([np.cos(turns), np.sin(turns)]) * (6 + 1.5 * np.sin(turns / 2))[:, None]
    built = build(stack(spiral))
    assert built.blocked is Reason.DAMAGED_ROI
    assert codes(built) == {"E-SELF-INTERSECTION"}


def test_a_figure_of_eight_has_the_area_of_its_two_lobes() -> None:
    eight = np.array([[-10.0, -5], [10, 5], [10, -5], [-10, 5]])
    assert build(stack(eight)).volume_cm3 == pytest.approx(100 * 20 / 1000, rel=0.01)


def test_off_plane_points_and_mixed_orientations_are_refused() -> None:
    bent = stack(SQUARE)
    points = bent[3].points_mm.copy()
    points[0, 2] += 0.3
    bent[3] = Contour(points)
    built = build(bent)
    assert (built.blocked, codes(built)) == (Reason.DAMAGED_ROI, {"E-NONPLANAR"})
    tilted = stack(SQUARE)
    tilted[3] = Contour(tilted[3].points_mm @ rotation((0.3, 0, 0)).T)
    built = build(tilted)
    assert (built.blocked, codes(built)) == (Reason.DAMAGED_ROI, {"E-NONAXIAL"})
    slightly = stack(SQUARE)
    points = slightly[3].points_mm.copy()
    points[0, 2] += 0.04
    slightly[3] = Contour(points)
    assert build(slightly).volume_cm3 == pytest.approx(AREA_CM3, rel=0.01)


def test_slices_that_jitter_are_one_plane_and_half_millimetres_are_two() -> None:
    left, right = SQUARE * np.array([0.5, 1]) - np.array([5, 0]), SQUARE * np.array([0.5, 1]) + np.array([5, 0])
    contours = [loop(left, 2.0 * k) for k in range(10)] + [loop(right, 2.0 * k + 0.004) for k in range(10)]
    assert build(contours).volume_cm3 == pytest.approx(AREA_CM3, rel=2e-3)
    fine = build(stack(SQUARE, n=11, spacing=0.5))
    assert fine.volume_cm3 == pytest.approx(400 * 5.5 / 1000, rel=1e-6)
    assert fine.slice_spacing_mm == pytest.approx(0.5)


def test_irregular_spacing_uses_half_the_distance_to_each_neighbour() -> None:
    heights = [0.0, 2.0, 4.0, 7.0, 9.0, 11.0]
    built = build([loop(SQUARE, z) for z in heights])
    assert built.volume_cm3 == pytest.approx(400 * 13 / 1000, rel=1e-6)
    assert built.problems == ()


def test_missing_slices_are_not_bridged_but_the_other_reading_is_kept() -> None:
    contours = [c for k, c in enumerate(stack(SQUARE)) if k not in (4, 5)]
    built = build(contours)
    assert built.volume_cm3 == pytest.approx(0.8 * AREA_CM3, rel=1e-6)
    assert codes(built) == {"W-MISSING-SLICES"}
    assert not built.contains(np.array([[0.0, 0.0, 9.0]]))[0]
    (other,) = built.alternatives
    assert other.meaning is ContourMeaning.MISSING_SLICES_BRIDGED
    bridged = other.structure
    assert bridged.volume_cm3 == pytest.approx(AREA_CM3, rel=1e-6)
    assert bridged.contains(np.array([[0.0, 0.0, 9.0]]))[0]


def test_parts_far_apart_are_never_bridged() -> None:
    built = build([*stack(SQUARE), *[loop(SQUARE + 50.0, 60 + 2.0 * k) for k in range(5)]])
    assert built.volume_cm3 == pytest.approx(1.5 * AREA_CM3, rel=1e-6)
    assert built.alternatives == ()


def test_a_single_slice_needs_the_spacing_of_its_siblings() -> None:
    alone = build([square(10)])
    assert alone.blocked is Reason.DAMAGED_ROI
    assert codes(alone) == {"E-SINGLE-SLICE"}
    known = build([square(10)], scan=scan_planes([Roi(2, "other", tuple(stack(SQUARE, spacing=3.0)))]))
    assert known.volume_cm3 == pytest.approx(400 * 3 / 1000, rel=1e-6)
    assert codes(known) == {"W-SINGLE-SLICE"}


@pytest.mark.parametrize(
    "angles", [(0, np.pi / 2, 0), (np.pi / 2, 0, 0), (0.4, 0.3, 0.9)], ids=["sagittal", "coronal", "oblique"]
)
def test_planes_of_any_common_orientation(angles: tuple[float, float, float]) -> None:
    centre = np.array([30.0, -20.0, 100.0])
    built = build(list(draw(cylinder(8.0, 30.0), 2.0, 0.3, centre=centre, turn=rotation(angles))))
    straight = build(list(draw(cylinder(8.0, 30.0), 2.0, 0.3, centre=np.zeros(3))))
    assert built.volume_cm3 == pytest.approx(straight.volume_cm3, rel=1e-6)
    inside = centre + rotation(angles) @ np.array([5.0, 0.0, 10.0])
    assert built.contains(inside[None])[0]
    low, high = built.bounds_mm  # type: ignore[misc]
    assert np.all(low < inside)
    assert np.all(inside < high)


def test_order_direction_and_closing_point_do_not_matter() -> None:
    contours = list(draw(sphere(4.0), 2.0, 0.37, centre=np.zeros(3)))
    reference = build(contours).volume_cm3
    rng = np.random.default_rng(2)
    for _ in range(3):
        changed = []
        for index in rng.permutation(len(contours)):
            points = contours[index].points_mm
            points = np.roll(points[::-1] if rng.random() < 0.5 else points, int(rng.integers(50)), axis=0)
            changed.append(Contour(np.concatenate([points, points[:1]])))
        assert build(changed).volume_cm3 == pytest.approx(reference, rel=1e-9)


def test_a_part_that_ends_keeps_its_end_cap() -> None:
    solid = two_spheres(6.0, 7.5, (19.0, 3.0, 5.0))
    for phase in (0.1, 0.4, 0.8):
        built = build(list(draw(solid, 2.0, phase, centre=np.zeros(3))))
        assert built.volume_cm3 == pytest.approx(solid.volume_cm3, rel=0.02)


def test_spheres_of_all_sizes_have_their_volume() -> None:
    rng = np.random.default_rng(7)
    for volume in (0.3, 1.0, 5.0, 20.0, 50.0):
        for spacing in (1.0, 2.0, 3.0):
            if spacing == 3.0 and volume < 1.0:
                continue
            built = build(list(draw(sphere(volume), spacing, rng.random(), centre=rng.random(3))))
            assert built.volume_cm3 == pytest.approx(volume, rel=0.01), (volume, spacing)


def test_shrunk_to_nothing_without_a_jump() -> None:
    volumes = []
    for scale in np.linspace(1.0, 0.05, 39):
        contours = [Contour(c.points_mm * np.array([scale, scale, 1.0])) for c in stack(circle(8.0))]
        built = build(contours)
        volumes.append(built.volume_cm3 / scale**2 if built.volume_cm3 is not None else np.nan)
    assert np.all(np.isfinite(volumes))
    assert np.ptp(volumes) / volumes[0] < 0.01


def test_eight_orientations_are_turns_or_mirrors() -> None:
    for orientation in range(8):
        axes = axes_of(orientation)
        assert np.allclose(axes @ axes.T, np.eye(3))


def test_slab_convention_and_unknown_ones() -> None:
    contours = list(draw(sphere(4.0), 3.0, 0.2, centre=np.zeros(3)))
    slab = build(contours, convention="slab")
    assert slab.volume_cm3 == pytest.approx(slab.slab_volume_cm3)
    assert slab.volume_cm3 != pytest.approx(build(contours).volume_cm3, rel=1e-5)
    assert "slab" in slab.method
    with pytest.raises(WrongUsageError):
        build(contours, convention="round")
