"""The HTML report: one page, no network, no script; hostile text changes words and never the tree of elements."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import report_fixture
from hostile_text import HOSTILE, hostile

from sbrtcheck.errors import Problem
from sbrtcheck.model import Curve, Finding, Options, Outcome, Report, Role, Verdict
from sbrtcheck.model.report_dict import NOTICE
from sbrtcheck.report import Format, render, render_html
from sbrtcheck.report.figures.dvh import MAX_CURVES, MAX_POINTS, belongs, drawn_curves, dvh_svg, limit_point
from sbrtcheck.report.formats import html

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """The elements of a page as (depth, tag, attribute names), its text, its attribute values and its images."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tree: list[tuple[int, str, tuple[str, ...]]] = []
        self.values: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tree.append((len(self._open), tag, tuple(name for name, _ in attrs if name != "class")))
        self.values += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_html(report_fixture.report()))


@cache
def benign(length: int) -> Page:
    """A page of harmless words of this length: a long source stands below its table, whatever it says."""
    return Page(render_html(hostile(report_fixture.report(), "b" * length)))


def test_hostile_names_are_drawn_as_outlines() -> None:
    base = report_fixture.plan_report()
    named = tuple(replace(base.curves[i % 8], roi=text) for i, text in enumerate(HOSTILE))
    svg = dvh_svg(replace(base, curves=named))
    tags = {element.tag.rsplit("}")[-1] for element in ElementTree.fromstring(svg).iter()}
    assert "path" in tags
    assert not tags & {"script", "text", "image", "foreignObject"}
    assert "onerror" not in svg


def test_the_page_is_well_formed_and_needs_nothing_from_outside(page: Page) -> None:
    assert page._open == []
    assert ("meta", "content", POLICY) in page.values
    tags = {tag for _, tag, _ in page.tree}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base", "svg", "a"}
    for _, name, value in page.values:
        assert not name.startswith("on")
        if name in {"src", "href"}:
            assert value.startswith("data:image/svg+xml;base64,")
    style = render_html(report_fixture.report()).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_comes_before_anything_it_governs(page: Page) -> None:
    order = [tag for _, tag, _ in page.tree]
    assert order.index("meta") < order.index("style")


def test_the_template_marks_nothing_as_safe() -> None:
    for path in html.TEMPLATES.iterdir():
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|autoescape|Markup", source), path.name
    code = Path(html.__file__).read_text(encoding="utf-8")
    assert "autoescape=True" in code
    assert "Markup" not in code


@pytest.mark.parametrize("text", HOSTILE, ids=[f"hostile{i}" for i in range(len(HOSTILE))])
def test_hostile_text_gives_the_tree_of_the_benign_page(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "dvh_svg", lambda plan: "<svg/>" if plan.curves else "")
    shown = render_html(hostile(report_fixture.report(), text))
    shown.encode("utf-8")
    attacked = Page(shown)
    assert attacked.tree == benign(300 if len(text) > 100 else 6).tree
    assert "49" not in [piece.strip() for piece in attacked.texts]


def test_hostile_text_arrives_as_text() -> None:
    shown = Page(render_html(hostile(report_fixture.report(), HOSTILE[0])))
    assert HOSTILE[0] in shown.text
    braces = Page(render_html(hostile(report_fixture.report(), HOSTILE[2])))
    assert HOSTILE[2] in braces.text


def test_the_page_says_what_the_text_says(page: Page) -> None:
    for piece in (
        "FAIL ProximalBronchialTree: D0.035cc 47.1 Gy, limit 40 Gy (AAPM TG-101, 5 fractions): not met",
        "Stricter source: Esophagus: D0.5cc 35.6 Gy, limit 34 Gy",
        "BED10",
        "EQD2 (a/b=10)",
        "5 x 10 = 50 Gy",
        "How the names were understood",
        "Provenance",
        "W-NOT-APPROVED",
        "E-NO-CONTOURS",
        "exit code 1",
        NOTICE,
    ):
        assert piece.replace("  ", " ") in page.text, piece


def test_words_stand_wherever_colour_does(page: Page) -> None:
    shown = render_html(report_fixture.report())
    cells = re.findall(r'<td class="v (\w+)(?: w)?">([^<]*)</td>', shown)
    words = {
        "bad": "NOT MET",
        "vary": "NOT MET",
        "warn": "MARGINAL",
        "open": "NOT EVALUABLE",
        "good": "met",
        "info": "information",
    }
    assert len(cells) > 10
    for tone, text in cells:
        assert text.startswith(words[tone])
    for tone, text in re.findall(r'<td class="value (\w+)">([^<]*)</td>', shown):
        assert words[tone] in text


def test_one_bar_per_organ_with_its_worst_row() -> None:
    plan = report_fixture.plan_report()
    made = html.bars(plan)
    assert [bar.name for bar in made] == [
        "ProximalBronchialTree",
        "Rib (Chestwall)",
        "SpinalCord",
        "Heart",
        "Esophagus",
        "Lungs (Lung_L+Lung_R)",
    ]
    assert made[0].label == "118 % NOT MET: 47.1, limit <= 40 Gy"
    assert made[2].metric == "D0.35cc[Gy]"
    assert {bar.tone for bar in made} == {"bad", "vary", "warn", "good"}
    assert all(0.0 <= float(bar.length) <= 100.0 for bar in made)


def test_a_missed_row_is_the_worst_of_its_organ_and_long_bars_end() -> None:
    rows = (
        report_fixture.organ_limit(
            "Heart", "D15cc[Gy]", "<", 10.0, 31.0, verdict=Verdict.NOT_MET, consequence=Outcome.FAIL
        ),
        report_fixture.organ_limit("Heart", "D0.035cc[Gy]", "<=", 38.0, 37.9),
    )
    (bar,) = html.bars(replace(report_fixture.plan_report(), findings=rows))
    assert bar.metric == "D15cc[Gy]"
    assert bar.length == "100.0"
    assert bar.label.startswith("310 % NOT MET")


def svg_of(page_text: str) -> str:
    (encoded,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page_text)
    return base64.b64decode(encoded).decode("utf-8")


def test_the_figure_is_svg_without_script_text_or_date() -> None:
    svg = svg_of(render_html(report_fixture.report()))
    root = ElementTree.fromstring(svg)
    tags = {element.tag.rsplit("}")[-1] for element in root.iter()}
    assert "svg" in tags
    assert not tags & {"script", "foreignObject", "image", "text"}
    links = {value for e in root.iter() for name, value in e.attrib.items() if name.endswith("href")}
    assert all(link.startswith("#") for link in links)
    assert not re.search(r"20\d\d-\d\d-\d\d", svg)


def test_the_same_report_gives_the_same_page() -> None:
    assert render_html(report_fixture.report()) == render_html(report_fixture.report())


def curve(volume_cm3: float = 50.0) -> Curve:
    return Curve("Heart", "Heart", "p", Role.ORGAN, (0.0, 10.0, 20.0), (100.0, 40.0, 0.0), volume_cm3)


def row(metric: str, limit: float, value: float | None, unit: str = "Gy", comparator: str = "<") -> Finding:
    return report_fixture.organ_limit("Heart", metric, comparator, limit, value, unit=unit)


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (row("D5cc[Gy]", 32.0, 20.0), (32.0, 10.0, 20.0, 10.0)),
        (row("D2%[Gy]", 32.0, 20.0), (32.0, 2.0, 20.0, 2.0)),
        (row("DC5cc[Gy]", 32.0, 20.0), (32.0, 90.0, 20.0, 90.0)),
        (row("V20Gy[%]", 10.0, 4.0, "%"), (20.0, 10.0, 20.0, 4.0)),
        (row("V12.5Gy[cc]", 10.0, 5.0, "cc"), (12.5, 20.0, 12.5, 10.0)),
        (row("CV12.5Gy[cc]", 10.0, 30.0, "cc", ">="), (12.5, 80.0, 12.5, 40.0)),
    ],
)
def test_where_a_limit_stands_in_the_figure(finding: Finding, expected: tuple[float, ...]) -> None:
    point = limit_point(finding, curve())
    assert point is not None
    found = (point.dose_gy, point.volume_percent, point.value_dose_gy, point.value_volume_percent)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    "finding",
    [
        row("Mean[Gy]", 10.0, 5.0),
        row("EQD2(a/b=3):D5cc[Gy]", 32.0, 20.0),
        row("D5cc[%]", 32.0, 20.0, "%"),
        row("D60cc[Gy]", 32.0, 20.0),
        row("D5cc[Gy]", 32.0, None),
        row("CV12.5Gy[cc]", 1500.0, 30.0, "cc", ">="),
    ],
)
def test_a_limit_without_a_place_in_the_figure_is_left_out(finding: Finding) -> None:
    assert limit_point(finding, curve()) is None


def test_each_limit_of_a_curve_is_drawn() -> None:
    base = report_fixture.plan_report()
    bare = dvh_svg(replace(base, findings=()))
    marked = dvh_svg(base)
    assert marked.count("<use") > bare.count("<use")
    assert dvh_svg(replace(base, curves=())) == ""


def test_a_limit_on_a_derived_organ_is_drawn_on_the_curve_of_that_organ() -> None:
    finding = replace(row("D5cc[Gy]", 47.0, 20.0), organ="GreatVes", roi="A_Aorta + V_Venacava_S")
    names = {"GreatVes", "A_Aorta", "Heart"}
    assert belongs(finding, replace(curve(), roi="GreatVes"), names)
    assert not belongs(finding, replace(curve(), roi="A_Aorta"), names)
    alone = replace(finding, roi="A_Aorta")
    assert belongs(alone, replace(curve(), roi="A_Aorta"), names)
    assert not belongs(alone, replace(curve(), roi="GreatVes"), names)


def test_long_curves_are_thinned() -> None:
    fine = tuple(i / 100 for i in range(20000))
    long = replace(curve(), dose_gy=fine, volume_percent=tuple(100.0 - 100.0 * d / 200.0 for d in fine))
    svg = dvh_svg(replace(report_fixture.plan_report(), curves=(long,), findings=()))
    assert 0 < len(svg) < 60 * MAX_POINTS + 40_000


def test_a_figure_keeps_the_targets_and_the_curves_with_limits_when_there_are_too_many() -> None:
    base = report_fixture.plan_report()
    crowd = tuple(replace(curve(), roi=f"Z{i}") for i in range(60))
    kept = drawn_curves(replace(base, curves=(*crowd, *base.curves)))
    assert len(kept) == MAX_CURVES
    assert {c.roi for c in base.curves} <= {c.roi for c in kept}
    assert [c.roi for c in kept][:3] == ["Z0", "Z1", "Z2"]
    assert drawn_curves(base) == base.curves


def test_a_plan_without_curves_has_no_figure() -> None:
    base = report_fixture.report()
    plan = replace(base.plans[0], curves=(), findings=())
    shown = Page(render_html(replace(base, plans=(plan,))))
    assert "img" not in {tag for _, tag, _ in shown.tree}


def test_two_plans_have_two_figures() -> None:
    report: Report = report_fixture.two_plan_report()
    shown = Page(render_html(report))
    images = [value for tag, name, value in shown.values if (tag, name) == ("img", "alt")]
    assert len(images) == 2
    assert "central_50_5" in images[0]
    assert "liver_45_3" in images[1]


def test_the_patient_is_shown_unless_pseudonymised(page: Page) -> None:
    assert "Patient: Example^Erika, PAT-0815" in page.text
    assert "Erika" not in render_html(replace(report_fixture.report(), pseudonymised=True))


def test_it_prints_on_a4_with_repeated_headers_and_whole_rows() -> None:
    style = render_html(report_fixture.report())
    assert "@page { size: A4" in style
    assert "thead { display: table-header-group; }" in style
    assert "tr { break-inside: avoid; }" in style


def test_a_refusal_page_has_the_errors_and_no_verdict() -> None:
    problem = Problem("E-DOSE-UNITS", "RD.dcm", tag="DoseUnits (3004,0002)", seen="<b>RELATIVE</b>")
    shown = Page(render(Report.refused([problem], options=Options()), Format.HTML))
    for piece in (
        "REFUSED",
        "E-DOSE-UNITS",
        "RD.dcm",
        "DoseUnits (3004,0002)",
        "<b>RELATIVE</b>",
        "Export the dose in Gy",
        "exit code 4",
    ):
        assert piece in shown.text
    body = shown.text.split("REFUSED", 2)[2]
    assert not re.search(r"\b(PASS|FAIL|MET|met|MARGINAL|INCOMPLETE)\b", body)
    assert "b" not in {tag for _, tag, _ in shown.tree}
