"""Text from a file that tries to act where it is shown, and a report full of it."""

from __future__ import annotations

from dataclasses import replace

from sbrtcheck.errors import Problem
from sbrtcheck.model import Finding, Report

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}{% raw %}",
    "=cmd|' /C calc'!A0",
    "\u202egnol\u202c",
    "two\nlines\r\x1b[31mred\x07",
    "$\\frac{1}{0}$",
    "_hidden",
    "\ud800",
    "\u809d\u81d3",
    "x" * 300,
)


def hostile(report: Report, text: str) -> Report:
    """The report with this text in every place that a file, an option or a data file can fill."""

    def finding(f: Finding) -> Finding:
        roi = text if f.roi else ""
        return replace(
            f,
            roi=roi,
            organ=text if f.organ else "",
            lesion=text if f.lesion else "",
            notes=(text,),
            source=text,
            plan=text,
        )

    plan = report.plans[0]
    plan = replace(
        plan,
        label=text,
        approval_status=text,
        intent=text,
        heterogeneity_correction=text,
        global_max_place=text,
        findings=tuple(finding(f) for f in plan.findings),
        curves=tuple(replace(c, roi=text, plan=text) for c in plan.curves[:2]),
    )
    lesion = replace(
        report.lesions[0], lesion=replace(report.lesions[0].lesion, ptv=text, itv=text), classification=text
    )
    return replace(
        report,
        plans=(plan,),
        lesions=(lesion,),
        structures=tuple(replace(s, roi=text, suggestion=text, note=text) for s in report.structures),
        facts=tuple(replace(f, name=text, value=text) for f in report.facts),
        warnings=(Problem("W-CLOSE-NAME", text, seen=text), *report.warnings[1:]),
        inputs=tuple(replace(i, name=text, note=text) for i in report.inputs),
        options=replace(report.options, table=text),
        confirm=(text, text),
        patient=(text, text),
    )
