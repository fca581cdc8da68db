"""Figures of a course: lesions in the body, and the EQD2 of organs with each plan's share."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import report_fixture
from conftest import sample_report
from given_courses import course, earlier, plan
from hostile_text import HOSTILE

from sbrtcheck.course.drawing import EARLIER, MAX_ORGANS, outlines
from sbrtcheck.model import Curve, Outline, Role, Verdict
from sbrtcheck.report import render_html
from sbrtcheck.report.figures.achieved import achieved_svg, target_beds
from sbrtcheck.report.figures.course import course_dvh_svg, lesion_map_svg, sum_limits, tier_style
from sbrtcheck.report.pseudonym import pseudonymised

CORD = "course_cord_cumulative"
SQUARE = ((0.0, 0.0), (40.0, 0.0), (40.0, 30.0), (0.0, 30.0))


def tags(svg: str) -> set[str]:
    return {element.tag.rsplit("}")[-1] for element in ElementTree.fromstring(svg).iter()}


def dose_at(curve: Curve, percent: float) -> float:
    """The dose that this share of the volume gets at least."""
    return float(np.interp(-percent, -np.array(curve.volume_percent), np.array(curve.dose_gy)))


def extent(line: tuple[tuple[float, float], ...]) -> list[float]:
    points = np.array(line)
    return [*np.ptp(points, axis=0), *(0.5 * (points.min(axis=0) + points.max(axis=0)))]


def test_outlines_are_where_the_structures_are() -> None:
    body, one, two = sample_report(CORD).outlines
    assert (body.lesion, body.tier) == ("", "")
    assert extent(body.front_mm) == pytest.approx([150, 90, 0, 0], abs=8)
    assert extent(body.feet_mm) == pytest.approx([150, 140, 0, 0], abs=2)
    assert (one.lesion, two.lesion, one.tier) == ("1", "2", "above 75 Gy")
    assert extent(one.feet_mm) == pytest.approx([21, 21, -27, 0], abs=0.5)
    assert extent(one.front_mm) == pytest.approx([21, 17.5, -27, -4], abs=0.5)
    assert extent(two.feet_mm) == pytest.approx([21, 21, 29, 3], abs=0.5)


def test_a_plan_in_another_frame_of_reference_is_not_drawn() -> None:
    same = plan("A", 5, frame="1.2.3")
    assert len(outlines([same, plan("B", 3, x=16.0, frame="1.2.3")])) == 2
    assert len(outlines([same, plan("B", 3, x=16.0, frame="1.2.4")])) == 1
    assert outlines([]) == ()


def test_each_tier_has_a_colour_and_a_line_of_its_own() -> None:
    styles = [tier_style(text) for text in ("above 75 Gy", "50 to 75 Gy", "below 50 Gy", "")]
    assert len({color for color, _ in styles}) == 4
    assert len({line for _, line in styles}) == 4


def test_the_sum_is_never_below_the_share_of_a_plan() -> None:
    report = sample_report("course_three_lesions")
    names = list(dict.fromkeys(c.roi for c in report.course_curves))
    assert 1 < len(names) <= MAX_ORGANS
    for name in names:
        total, *shares = (c for c in report.course_curves if c.roi == name)
        assert (total.plan, [c.plan for c in shares]) == ("", ["A_50_5", "B_54_3"])
        for percent in (1.0, 10.0, 50.0, 90.0):
            parts = [dose_at(c, percent) for c in shares]
            assert dose_at(total, percent) >= max(parts) - 0.02 * dose_at(total, 1.0)


def test_a_curve_says_what_the_table_says() -> None:
    report = sample_report(CORD)
    total = next(c for c in report.course_curves if c.organ == "SpinalCord" and not c.plan)
    found = next(f for f in report.course_findings if f.metric == "EQD2(a/b=2):D1.2cc[Gy]")
    assert dose_at(total, 100 * 1.2 / total.volume_cm3) == pytest.approx(found.value, rel=0.01)
    points = {p.verdict: p for p in sum_limits(report, total)}
    assert set(points) == {Verdict.NOT_MET, Verdict.MARGINAL}
    assert points[Verdict.NOT_MET].dose_gy == found.limit
    share = next(c for c in report.course_curves if c.organ == "SpinalCord" and c.plan)
    assert sum_limits(report, share) == ()


def test_declared_earlier_dose_is_a_curve_of_its_own() -> None:
    curves = {c.plan: c for c in course(plan("A", 5), earlier=earlier()).curves if c.organ == "SpinalCord"}
    assert set(curves) == {"", "A", EARLIER}
    gy = 12 * (12 / 5 + 2) / 4
    assert curves[EARLIER].dose_gy == (0.0, pytest.approx(gy), pytest.approx(gy))
    assert dose_at(curves[""], 50) == pytest.approx(dose_at(curves["A"], 50) + gy, rel=0.02)
    told = [c.roi for c in course(plan("A", 5), earlier=earlier(metric="Mean[Gy]")).curves]
    assert any("not all earlier dose" in name for name in told)


def test_a_limit_whose_value_is_not_on_the_curve_is_not_drawn() -> None:
    report = sample_report("reirradiation_50_5")
    total = next(c for c in report.course_curves if c.organ == "SpinalCord" and not c.plan)
    assert any(f.metric == "EQD2(a/b=2):D1.2cc[Gy]" for f in report.course_findings)
    assert sum_limits(report, total) == ()
    assert "earlier (near-maximum)" in {c.plan for c in report.course_curves}


def test_without_lesions_or_sums_there_is_no_figure() -> None:
    bare = replace(report_fixture.report(), outlines=(Outline("", "", SQUARE, SQUARE),), course_curves=())
    assert lesion_map_svg(bare) == ""
    assert course_dvh_svg(bare) == ""
    one = Curve("Heart, a/b 3", "Heart", "", Role.ORGAN, (0.0,), (100.0,), 1.0)
    assert course_dvh_svg(replace(bare, course_curves=(one,))) == ""


def test_what_a_target_gets_is_drawn_as_the_findings_have_it() -> None:
    report = sample_report("node_sib_45_35_5")
    beds = target_beds(report)
    assert [b.label for b in beds] == ["1: PTV_LN_4500", "1: GTV_LN", "2: PTV_LN_3500"]
    assert {b.alpha_beta_gy for b in beds} == {10.0}
    assert beds[0].prescribed_gy == pytest.approx(45 * 1.9)
    for bed in beds:
        for metric, value, tier in bed.values:
            (found,) = [
                f for f in report.findings if f.metric == f"BED(a/b=10):{metric}[Gy]" and f.roi == bed.label[3:]
            ]
            assert (found.value, tier in found.note) == (value, True)
            assert tier == ("above 75 Gy" if value > 75 else "50 to 75 Gy")
    assert "path" in tags(achieved_svg(report))
    assert achieved_svg(report) == achieved_svg(report)
    page = render_html(report)
    assert page.index("BED10 and EQD2 that each target gets") < page.index("Where the lesions lie")
    bare = replace(report, plans=tuple(replace(p, findings=()) for p in report.plans))
    assert achieved_svg(bare) == ""


def test_hostile_names_are_drawn_as_outlines() -> None:
    shapes = tuple(Outline(text, text, SQUARE, SQUARE) for text in HOSTILE)
    curves = tuple(
        Curve(f"{text}, a/b 3", text, plan, Role.ORGAN, (0.0, 10.0), (100.0, 0.0), 5.0)
        for text in HOSTILE
        for plan in ("", text)
    )
    report = replace(report_fixture.report(), outlines=shapes, course_curves=curves)
    (plain,) = [f for f in sample_report("node_sib_45_35_5").findings if f.metric == "BED(a/b=10):D98%[Gy]"][:1]
    report = replace(report, course_findings=tuple(replace(plain, lesion=text, roi=text) for text in HOSTILE))
    for svg in (lesion_map_svg(report), course_dvh_svg(report), achieved_svg(report)):
        assert "path" in tags(svg)
        assert not tags(svg) & {"script", "text", "image", "foreignObject"}
        assert "onerror" not in svg


def test_a_course_page_has_both_figures_and_is_the_same_each_time() -> None:
    report = sample_report(CORD)
    page = render_html(report)
    assert page == render_html(report)
    course_at, sums = page.index("<h2>Course</h2>"), page.index("Cumulative EQD2 of the organs")
    places, first_plan = page.index("Where the lesions lie"), page.index("Plan A_50_5")
    assert course_at < sums < places < page.index("Dose-volume histograms of plan") > first_plan
    assert "one after the other, and each plan alone" in page


def test_one_plan_has_a_map_and_no_sum() -> None:
    page = render_html(replace(sample_report(CORD), course_curves=()))
    assert "Where the lesions lie" in page
    assert "Cumulative EQD2 of the organs" not in page


def test_figures_of_a_pseudonymised_report_hold_no_plan_label() -> None:
    hidden = pseudonymised(sample_report(CORD))
    assert hidden.outlines == sample_report(CORD).outlines
    labels = {c.plan for c in hidden.course_curves}
    assert "" in labels
    assert not labels & {"A_50_5", "B_45_3"}
