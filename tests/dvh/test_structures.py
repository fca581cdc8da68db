"""Derived structures against closed forms."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from phantoms import cylinder, draw, grid_around, peak, rotation, sphere

from sbrtcheck.dvh import Structure, build_structure, compute_dvh
from sbrtcheck.dvh.contours.combine import distance_mm, expand, intersection, minus, shell, union
from sbrtcheck.dvh.contours.lazy import lazy
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.model import Contour, Reason, Roi


def ball(
    radius: float, centre: tuple[float, float, float], *, spacing: float = 2.0, turn: np.ndarray | None = None
) -> Structure:
    solid = sphere(4 / 3 * np.pi * radius**3 / 1000)
    return build_structure(Roi(1, "ball", draw(solid, spacing, 0.3, centre=np.array(centre), turn=turn)))


def volume(radius: float) -> float:
    return 4 / 3 * np.pi * radius**3 / 1000


def lens(a: float, b: float, d: float) -> float:
    """Volume [cm3] common to spheres of radii a and b [mm], d apart."""
    return (
        np.pi * (a + b - d) ** 2 * (d * d + 2 * d * b - 3 * b * b + 2 * d * a + 6 * a * b - 3 * a * a) / 12 / d / 1000
    )


A, B = ball(10, (0, 0, 0)), ball(8, (12, 0, 3))
COMMON = lens(10, 8, np.sqrt(153))


def test_union_intersection_and_difference() -> None:
    assert union("u", [A, B]).volume_cm3 == pytest.approx(volume(10) + volume(8) - COMMON, rel=2e-3)
    assert intersection("i", [A, B]).volume_cm3 == pytest.approx(COMMON, rel=5e-3)
    assert minus("m", A, [B]).volume_cm3 == pytest.approx(volume(10) - COMMON, rel=2e-3)
    assert union("u", [A]).volume_cm3 == pytest.approx(A.volume_cm3)
    assert union("u", [A, A]).volume_cm3 == pytest.approx(A.volume_cm3, rel=2e-3)


def test_structures_on_planes_of_other_directions_join() -> None:
    turned = ball(8, (12, 0, 3), turn=rotation((0, np.pi / 2, 0)))
    oblique = ball(8, (12, 0, 3), turn=rotation((0.3, 0.4, 0.1)))
    for other in (turned, oblique):
        assert union("u", [A, other]).volume_cm3 == pytest.approx(volume(10) + volume(8) - COMMON, rel=4e-3)
        assert minus("m", A, [other]).volume_cm3 == pytest.approx(volume(10) - COMMON, rel=4e-3)


def test_lungs_are_left_and_right_without_the_target() -> None:
    left, right, target = ball(30, (-40, 0, 0)), ball(32, (40, 0, 0)), ball(9, (40, 5, 0))
    lungs = union("Lungs", [left, right])
    assert lungs.volume_cm3 == pytest.approx(volume(30) + volume(32), rel=2e-3)
    healthy = minus("Lungs-GTV", lungs, [target])
    assert healthy.volume_cm3 == pytest.approx(volume(30) + volume(32) - volume(9), rel=2e-3)
    inside = np.array([[40.0, 5.0, 0.0], [-40.0, 0.0, 0.0]])
    assert healthy.contains(inside).tolist() == [False, True]
    dose = grid_around(peak(20.0), 85.0, 2.5, np.zeros(3))
    parts = [compute_dvh(s, dose) for s in (left, right, target)]
    whole = compute_dvh(healthy, dose)
    integral = [(evaluate("Mean[Gy]", d).value or 0.0) * d.total_volume_cm3 for d in (*parts, whole)]
    assert integral[0] + integral[1] - integral[2] == pytest.approx(integral[3], rel=3e-3)


@pytest.mark.parametrize("margin", [2.0, 3.0, 5.0, -2.0, -4.0])
def test_a_margin_is_a_distance_in_three_dimensions(margin: float) -> None:
    grown = expand(A, margin_mm=margin)
    radius = (3000 * (grown.volume_cm3 or 0.0) / 4 / np.pi) ** (1 / 3)
    assert radius == pytest.approx(10 + margin, abs=0.2)
    edge = 10 + margin
    directions = np.random.default_rng(1).normal(size=(300, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    assert grown.contains(directions * (edge - 0.5)).all()
    assert not grown.contains(directions * (edge + 0.5)).any()


def test_shells_and_the_skin() -> None:
    assert shell(A, inner_mm=-3, outer_mm=0).volume_cm3 == pytest.approx(volume(10) - volume(7), rel=0.03)
    assert shell(A, inner_mm=2, outer_mm=5).volume_cm3 == pytest.approx(volume(15) - volume(12), rel=0.03)
    body = build_structure(Roi(1, "body", draw(cylinder(60.0, 100.0), 2.0, 0.0, centre=np.zeros(3))))
    skin = shell(body, inner_mm=-5, outer_mm=0, name="Skin")
    assert skin.name == "Skin"
    middle = np.array([[57.5, 0.0, 0.0], [52.0, 0.0, 0.0], [0.0, 57.0, 10.0], [61.0, 0.0, 0.0]])
    assert skin.contains(middle).tolist() == [True, False, True, False]


def test_distance_between_surfaces() -> None:
    assert distance_mm(A, ball(6, (40, 0, 0))) == pytest.approx(24.0, abs=0.3)
    assert distance_mm(A, ball(6, (0, 0, 30))) == pytest.approx(14.0, abs=0.7)
    assert distance_mm(A, B) == 0.0
    assert distance_mm(A, ball(3, (0, 0, 0))) == 0.0
    empty = build_structure(Roi(2, "empty"))
    assert distance_mm(A, empty) is None


def test_a_blocked_part_blocks_the_whole() -> None:
    empty = build_structure(Roi(2, "empty"))
    for made in (union("u", [A, empty]), minus("m", A, [empty]), expand(empty, margin_mm=3)):
        assert made.blocked is Reason.NO_CONTOURS
        assert "empty" in made.blocked_note
        assert made.volume_cm3 is None
    assert (
        evaluate("Mean[Gy]", compute_dvh(union("u", [A, empty]), grid_around(peak(9.0), 20.0, 2.5, np.zeros(3)))).reason
        is Reason.NO_CONTOURS
    )


def test_other_readings_of_a_part_are_readings_of_the_whole() -> None:
    loops = list(draw(cylinder(10.0, 20.0), 2.0, 0.0, centre=np.zeros(3)))
    holes = [Contour(c.points_mm * np.array([0.4, 0.4, 1.0])) for c in loops]
    ring = build_structure(Roi(1, "ring", (*loops, *holes)))
    both = union("both", [ball(5, (40, 0, 0)), ring])
    ((label, solid),) = [(a.label, a.structure) for a in both.alternatives]
    assert "ring" in label
    assert (solid.volume_cm3 or 0) - (both.volume_cm3 or 0) == pytest.approx(np.pi * 16 * 22 / 1000, rel=0.05)


def test_nothing_in_common_is_nothing() -> None:
    apart = intersection("i", [A, ball(6, (40, 0, 0))])
    assert apart.volume_cm3 == pytest.approx(0.0, abs=1e-3)
    dvh = compute_dvh(apart, grid_around(peak(9.0), 60.0, 3.0, np.zeros(3)))
    assert evaluate("Mean[Gy]", dvh).value is None


def test_wrong_numbers_are_wrong_usage() -> None:
    for bad in (float("nan"), float("inf"), 1e4):
        with pytest.raises(WrongUsageError):
            expand(A, margin_mm=bad)
    with pytest.raises(WrongUsageError):
        shell(A, inner_mm=3, outer_mm=1)
    with pytest.raises(WrongUsageError):
        union("u", [])


def test_values_that_are_found_when_asked_for_need_no_lock() -> None:
    """Two objects of two classes that ask each other, from two threads: neither waits for the other."""
    together = threading.Barrier(2, timeout=20.0)

    class One:
        other: Any = None
        calls = 0

        @lazy
        def value(self) -> int:
            self.calls += 1
            together.wait()
            return 1 if self.other is None else 1 + int(self.other.value)

    class Two(One):
        @lazy
        def value(self) -> int:
            together.wait()
            return 1 if self.other is None else 1 + int(self.other.value)

    first, second = One(), Two()
    first.other, second.other = Two(), One()
    found: list[int] = []
    threads = [threading.Thread(target=lambda x=x: found.append(x.value), daemon=True) for x in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30.0)
    assert found == [2, 2]
    assert (first.value, first.calls) == (2, 1)
