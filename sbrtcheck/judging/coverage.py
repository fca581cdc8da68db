"""Coverage of the targets: goals by site that can fail, and the organs that excuse a miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from sbrtcheck.dvh import Structure
from sbrtcheck.dvh.contours.combine import distance_mm as separation_mm
from sbrtcheck.errors import safe_text
from sbrtcheck.judging.comparison import is_upper
from sbrtcheck.judging.covers import Covers, Meaning, covers, declared_value
from sbrtcheck.judging.tiers import TargetRule, Tier, judge_tiers, worst_reading
from sbrtcheck.model import Finding, FindingKind, Lesion, Level, Outcome, Verdict, worst_outcome
from sbrtcheck.model.finding import held_at
from sbrtcheck.model.policy import CoverageGoal, Policy
from sbrtcheck.plan.cold_spots import ColdSpots, cold_spots
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.organs import split_side
from sbrtcheck.tables.policy_rows import excusing_organs

_PRV = "_PRV"


def judge_coverage(
    doses: PlanDoses,
    lesion: Lesion,
    *,
    goals: Sequence[CoverageGoal],
    organ_findings: Sequence[Finding],
    policy: Policy,
) -> list[Finding]:
    """One finding for each metric that the goals of the lesion's site ask for.

    Args:
        lesion: a target without a prescription has no goal.
        goals: of constraints/target/coverage.csv.
        organ_findings: of the deciding table: they tell which organ is close to its limit.
        policy: its distances and shares decide what excuses.
    """
    if lesion.prescription_gy is None:
        return []
    meant = covers(doses, lesion, policy)
    by_metric: dict[tuple[str, str], list[CoverageGoal]] = {}
    for goal in goals:
        if goal.asks_at(lesion.site):
            by_metric.setdefault((goal.structure, goal.metric_text), []).append(goal)
    excused = _Excuses(doses, lesion, organ_findings, policy)
    out = []
    for (structure, _), same in by_metric.items():
        roi = lesion.ptv if structure == "PTV" else lesion.itv or lesion.gtv
        # What is prescribed to a point is not held to cover the PTV; that it is so has a finding of its own.
        if roi and not (structure == "PTV" and meant.meaning is Meaning.POINT):
            finding = _judged(doses, lesion, same, roi, policy)
            finding = _excused(finding, same, excused)
            out.append(_as_declared(finding, doses, lesion, meant, policy) if structure == "PTV" else finding)
    return [_even_dose(f, out, policy) for f in out]


def _judged(doses: PlanDoses, lesion: Lesion, goals: Sequence[CoverageGoal], roi: str, policy: Policy) -> Finding:
    """One metric on the tiers that its goals make, the strictest goal first."""
    ordered = sorted(goals, key=lambda g: -g.limit)
    tiers = tuple(Tier(g.limit, g.limit_key, g.missed) for g in ordered)
    first = ordered[0]
    rule = TargetRule(first.rule_id, first.metric_text, "%", first.comparator, tiers)
    dvh = doses.dvhs[roi]
    judged = worst_reading(
        dvh,
        first.metric,
        comparator=first.comparator,
        limit=first.limit,
        prescription_gy=lesion.prescription_gy,
    )
    value, notes = judged.value, []
    missed = rule.tier_of(value.value)[1]
    small = doses.structures[roi].volume_cm3 or 0.0
    if missed and small < policy.value("coverage.band_below_cc") and value.low is not None and value.high is not None:
        notes.append(f"small target, {small:.1f} cc: {value.low:.1f} to {value.high:.1f} %")
    return judge_tiers(rule, value, plan=doses.label, lesion=lesion, roi=roi, notes=notes)


def _excused(finding: Finding, goals: Sequence[CoverageGoal], excuses: _Excuses) -> Finding:
    """The milder outcome of the tier that was missed, where an organ excuses it."""
    if finding.verdict is not Verdict.NOT_MET:
        return finding
    goal = next(g for g in goals if g.limit_key in finding.policy)
    if goal.excused == goal.missed or worst_outcome(goal.excused, goal.missed) != goal.missed:
        return finding
    excuse = excuses.find()
    return held_at(finding, goal.excused, excuse) if excuse else finding


def _even_dose(finding: Finding, found: Sequence[Finding], policy: Policy) -> Finding:
    """A dose so even that V100% falls short while D95% does not is no missed target: a person looks at it."""
    key = "coverage.v100_fail_below_d95_percent"
    d95 = [f.value for f in found if f.metric == "D95%[%]" and f.value is not None]
    missed = finding.metric == "V100%[%]" and finding.consequence is Outcome.FAIL
    if not missed or not d95 or min(d95) < policy.value(key):
        return finding
    said = f"D95% is {min(d95):.1f} %: the dose is even; normalised to its median?"
    return held_at(finding, Outcome.MARGINAL, said, key)


def _as_declared(finding: Finding, doses: PlanDoses, lesion: Lesion, meant: Covers, policy: Policy) -> Finding:
    """A PTV whose prescription is declared to cover less, and does so, is not held to full coverage."""
    if meant.declared is None or not meant.asks_less or finding.consequence is Outcome.PASS:
        return finding
    within = policy.value("target_dose.declared_coverage_tolerance_percent")
    roi, value = declared_value(doses, lesion, meant.declared)
    asked = meant.declared.dose_percent
    if not roi or value.value is None or abs(value.value / asked - 1) > within / 100:
        return finding
    milder = {Outcome.FAIL: Outcome.MARGINAL, Outcome.MARGINAL: Outcome.PASS_WITH_VARIATION}
    outcome = milder.get(finding.consequence, finding.consequence)
    return held_at(finding, outcome, f"the prescription is declared to cover {meant.declared.text}, and does")


class _Excuses:
    """What excuses missing coverage of one lesion; looked for once, and only when something is missed."""

    def __init__(self, doses: PlanDoses, lesion: Lesion, findings: Sequence[Finding], policy: Policy) -> None:
        self._look = partial(_find_excuse, doses, lesion, findings, policy)
        self._found: list[str] = []

    def find(self) -> str:
        """The excuse in words, or ""."""
        if not self._found:
            self._found.append(self._look())
        return self._found[0]


def _find_excuse(doses: PlanDoses, lesion: Lesion, findings: Sequence[Finding], policy: Policy) -> str:
    """A serial organ close to its limit where the target is cold; else a reason that the case file gives; else ""."""
    distance_mm = policy.value("coverage.excuse_distance_mm")
    close = _close_to_limit(findings, policy)
    below_gy = policy.value("coverage.excuse_underdosed_percent") / 100 * (lesion.prescription_gy or 0.0)
    cold = cold_spots(doses.structures[lesion.ptv], doses.data.dose, below_gy=below_gy) if close else None
    if cold is not None and len(cold.points_mm):
        wanted = policy.value("coverage.excuse_share_percent") / 100
        found = _explained(doses, cold, close, distance_mm=distance_mm, wanted=wanted)
        if found:
            return f"excused: cut back at {' and '.join(found)}; organ limits come before coverage"
    return _with_reason(doses, lesion, distance_mm=distance_mm)


def _with_reason(doses: PlanDoses, lesion: Lesion, *, distance_mm: float) -> str:
    """What the case file says of a liver, kidney or lung that lies at the target."""
    members = {"", lesion.ptv, lesion.itv, lesion.gtv, lesion.ctv}
    target = doses.structures[lesion.ptv]
    for excuse in doses.given.excuses:
        shapes = [s for s in doses.shapes.get(split_side(excuse.organ)[0], ()) if s is not None]
        gaps = [gap for gap in (separation_mm(target, s) for s in shapes) if gap is not None]
        if excuse.roi in members and gaps and min(gaps) <= distance_mm:
            return f"excused for {excuse.organ}, by the case file: {safe_text(excuse.reason)}"
    return ""


def _close_to_limit(findings: Sequence[Finding], policy: Policy) -> dict[str, Finding]:
    """ROI to the mandatory upper limit of which it has used most without being beyond it, of organs that may excuse."""
    low = policy.value("coverage.excuse_from_percent") / 100
    high = policy.value("coverage.excuse_to_percent") / 100
    beyond: set[str] = set()
    out: dict[str, Finding] = {}
    for f in findings:
        held = f.kind is FindingKind.ORGAN_LIMIT and f.level is Level.MANDATORY and f.share is not None
        if not held or not f.comparator or not is_upper(f.comparator) or not _may_excuse(f.organ):
            continue
        if f.share is not None and f.share > high:
            beyond.add(f.roi)
        elif f.share is not None and f.share >= low and (f.roi not in out or f.share > (out[f.roi].share or 0.0)):
            out[f.roi] = f
    return {roi: f for roi, f in out.items() if roi not in beyond}


def _may_excuse(organ: str) -> bool:
    """Whether an organ, or the PRV of one, is a serial organ of the list."""
    serial = {name for name, needs_reason in excusing_organs().items() if not needs_reason}
    parts = (split_side(part.removesuffix(_PRV))[0] for part in organ.split("+"))
    return bool(organ) and all(part in serial for part in parts)


def _explained(
    doses: PlanDoses, cold: ColdSpots, close: Mapping[str, Finding], *, distance_mm: float, wanted: float
) -> list[str]:
    """The organs beside which enough of the cold places lie, each with what it has used; empty when too few do."""
    said: list[str] = []
    total = np.zeros(len(cold.points_mm), dtype=bool)
    for roi, finding in close.items():
        for shape in _shapes_of(doses, roi):
            beside = cold.beside(shape, distance_mm=distance_mm)
            if beside.any():
                said.append(f"{finding.about}, at {finding.share:.0%} of its limit")
                total |= beside
    return list(dict.fromkeys(said)) if float(total.mean()) >= wanted else []


def _shapes_of(doses: PlanDoses, roi: str) -> list[Structure]:
    """The structures that a finding on a ROI was judged on."""
    out = []
    for organ, subjects in doses.subjects.items():
        shapes = doses.shapes.get(organ, ())
        out += [shape for s, shape in zip(subjects, shapes, strict=False) if s.roi == roi and shape is not None]
    return list({id(shape): shape for shape in out}.values())
