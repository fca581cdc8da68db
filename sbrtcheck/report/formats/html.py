"""The report as one HTML page that needs no network, runs no script and prints on A4."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sbrtcheck.model import Finding, FindingKind, PlanReport, Report, Verdict
from sbrtcheck.model.numbers import format_share, format_value
from sbrtcheck.report.figures.achieved import achieved_svg
from sbrtcheck.report.figures.course import course_dvh_svg, lesion_map_svg
from sbrtcheck.report.figures.dvh import data_uri, dvh_svg, eqd2_svg
from sbrtcheck.report.headline import clean, limit_text
from sbrtcheck.report.view import view
from sbrtcheck.report.words import VERDICT_WORDS, tone

TEMPLATES = Path(__file__).parents[1] / "templates"
# The bars end here [% of the limit]; their labels go on.
BAR_END_PERCENT = 150.0
# Columns whose short texts must stay on one line.
SOLID_COLUMNS = frozenset({"Metric", "Level", "Code", "Effect", "Source", "By"})


@dataclass(frozen=True, slots=True)
class Bar:
    """One organ's worst row: what share of its limit is used. ``length`` is percent of the track."""

    name: str
    metric: str
    length: str
    label: str
    tone: str


def bars(plan: PlanReport) -> tuple[Bar, ...]:
    """One bar per ROI with an evaluated organ limit, the largest share first; a missed row stands before any share."""
    worst: dict[str, Finding] = {}
    for finding in plan.findings:
        if finding.kind is not FindingKind.ORGAN_LIMIT or finding.share is None or finding.value is None:
            continue
        name = finding.structure
        if name not in worst or _severity(finding) > _severity(worst[name]):
            worst[name] = finding
    ordered = sorted(worst.items(), key=lambda pair: (-(pair[1].share or 0.0), pair[0]))
    return tuple(_bar(name, finding) for name, finding in ordered)


def _severity(finding: Finding) -> tuple[bool, float]:
    return finding.verdict is Verdict.NOT_MET, finding.share or 0.0


def _bar(name: str, finding: Finding) -> Bar:
    percent = 100.0 * (finding.share or 0.0)
    value = format_value(finding.value, finding.limit, finding.comparator, finding.unit)
    words = f"{format_share(finding.share)} {VERDICT_WORDS[finding.verdict]}: {value}, limit {limit_text(finding)}"
    length = min(max(percent, 0.0), BAR_END_PERCENT) / BAR_END_PERCENT * 100.0
    return Bar(name, clean(finding.metric), f"{length:.1f}", words, tone(finding))


def longest_word(text: str) -> int:
    """Length of the longest word: a cell with a longer one than a column can hold may be broken anywhere."""
    return max((len(word) for word in text.split()), default=0)


def drawn_course(report: Report) -> dict[str, list[tuple[str, str]]]:
    """Figures of the course, by the title of the section that they close: caption and image source of each."""
    in_turn = report.cumulative is not None and report.cumulative.sequence == "one after the other"
    added = "added as given " + ("one after the other" if in_turn else "in the same sessions")
    sums = f"Cumulative EQD2 of the organs nearest to a limit: all plans together, {added}, and each plan alone"
    places = "Where the lesions lie: planning targets in the body, coloured by BED10 tier"
    beds = "BED10 and EQD2 that each target gets, coloured by BED10 tier; the dashed lines are the edges of the tiers"
    found = {
        "Course": [(sums, course_dvh_svg(report))],
        "Lesions": [(beds, achieved_svg(report)), (places, lesion_map_svg(report))],
    }
    return {title: [(caption, data_uri(svg)) for caption, svg in figures if svg] for title, figures in found.items()}


def render_html(report: Report) -> str:
    """One self-contained page. Every text is escaped by the template; the only images are data URIs made here."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["longest_word"] = longest_word
    shown = view(report)
    figures: dict[int, dict[str, Any]] = {}
    for section in shown.sections:
        if section.plan >= 0:
            plan = report.plans[section.plan]
            svg, biological = dvh_svg(plan), eqd2_svg(plan)
            figures[section.plan] = {
                "label": clean(plan.label),
                "dvh": data_uri(svg) if svg else "",
                "eqd2": data_uri(biological) if biological else "",
                "bars": bars(plan),
            }
    limit_place = f"{100.0 / BAR_END_PERCENT * 100.0:.2f}"
    template = environment.get_template("report.html.j2")
    return template.render(
        view=shown, figures=figures, course=drawn_course(report), limit_place=limit_place, solid=SOLID_COLUMNS
    )
