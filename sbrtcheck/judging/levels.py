"""How strictly rows are held: the cord beside the spine, hollow organs, optimal limits that are missed by far.

Each rule takes the findings on organ limits and gives them back with other consequences, or with findings added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.judging.comparison import judge
from sbrtcheck.judging.organ_limits import PlanContext, judge_organ_limits
from sbrtcheck.judging.row_kinds import kind_of, kind_of_finding, missed_by_percent
from sbrtcheck.model import Finding, FindingKind, Lesion, Level, MarginalReason, OrganTable, Outcome, Verdict
from sbrtcheck.model.finding import as_other_source, held_at, told
from sbrtcheck.model.location import Location
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.model.policy import SupplementKind
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables.clinic_rows import LOCAL
from sbrtcheck.tables.policy_groups import organ_group

OWN_POLICY = "policy of this program"
NEAR_MAXIMUM = "D0.035cc[Gy]"
MISSED_BY_FAR = "levels.optimal_missed_percent"
HOLLOW_MAXIMUM = "levels.hollow_maximum_percent"
_CORD = frozenset({"SpinalCord", "SpinalCord_Sub"})
_AROUND_THE_CORD = ("SpinalCord_PRV", "ThecalSac")


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What the levels hang on: the plan, the deciding table, the other tables, and its lesions with where they lie."""

    context: PlanContext
    table: OrganTable
    tables: Mapping[str, OrganTable]
    lesions: tuple[Lesion, ...] = ()
    locations: Mapping[str, Location] = field(default_factory=dict)

    @property
    def highest_prescription_gy(self) -> float | None:
        """The highest prescription of the plan [Gy]; None when none is known."""
        return max((x.prescription_gy for x in self.lesions if x.prescription_gy is not None), default=None)

    def is_central(self, subject: Subject | None) -> bool:
        """Whether the lesion nearest to an organ is central or ultracentral."""
        where = self.locations.get(subject.nearest_lesion) if subject is not None else None
        return where is not None and (where.central or where.ultracentral)


def is_local(finding: Finding) -> bool:
    """Whether the row is a clinic's own, which is held as the clinic says."""
    return finding.rule_id.startswith(f"{LOCAL}:")


# ---- the cord


def hytec_rows(held: Held) -> OrganTable | None:
    """HyTEC cut to the cord's near-maximum, where it decides: spine, or a target close to cord or canal; else None.

    A clinic's own table keeps its own rows.
    """
    context = held.context
    table = held.tables.get("hytec")
    if table is None or held.table.trust == "local" or not _beside_the_cord(held):
        return None
    rows = tuple(
        r
        for r in table.rows_for(n_fractions=context.n_fractions)
        if r.organ == "SpinalCord" and r.metric is not None and kind_of(r.metric) is SupplementKind.POINT
    )
    return replace(table, rows=rows) if rows else None


def _beside_the_cord(held: Held) -> bool:
    if any(x.site == "spine" for x in held.lesions):
        return True
    reach_mm = held.context.policy.value("levels.cord_distance_mm")
    near = [s for organ in ("SpinalCord", "SpinalCanal") for s in held.context.subjects.get(organ, ())]
    return any(s.distance_mm is not None and s.distance_mm <= reach_mm for s in near)


def cord_by_hytec(held: Held, findings: Sequence[Finding]) -> list[Finding]:
    """HyTEC's near-maximum decides the cord; other point rows stand beside, and the cord's volume rows are optimal.

    A volume row missed by far needs review only above HyTEC's lower value: below it no volume was found to matter.
    """
    hytec = hytec_rows(held)
    if hytec is None:
        return list(findings)
    deciding = judge_organ_limits(held.context, hytec)
    if not deciding:
        return list(findings)
    said = "HyTEC decides the cord's near-maximum beside the spine"
    if held.table.name != hytec.name:
        low = not any(f.level is Level.OPTIMAL and f.verdict is Verdict.NOT_MET for f in deciding)
        rows = [_cord_row(held, f, low=low) for f in findings]
        findings = [*(held_at(f, f.consequence, said) for f in deciding), *rows]
    return [*findings, *_around_the_cord(held)]


def _cord_row(held: Held, finding: Finding, *, low: bool) -> Finding:
    """A row of the deciding table on the cord where HyTEC decides its near-maximum; ``low``: within its lower value."""
    if finding.kind is not FindingKind.ORGAN_LIMIT or finding.organ not in _CORD or is_local(finding):
        return finding
    kind = kind_of_finding(finding)
    if kind is SupplementKind.POINT:
        return as_other_source(finding, notes=told("HyTEC decides the cord's near-maximum here", *finding.notes))
    policy = held.context.policy
    metric = parse_metric(finding.metric)
    low_cc, high_cc = policy.value("levels.cord_volume_from_cc"), policy.value("levels.cord_volume_to_cc")
    in_range = metric.amount_unit == "cc" and metric.amount is not None and low_cc <= metric.amount <= high_cc
    if not in_range and finding.organ != "SpinalCord_Sub":
        return finding
    said = "a volume row of the cord is optimal where HyTEC decides its near-maximum"
    kept = finding.verdict is Verdict.MET
    outcome = Outcome.PASS if kept else Outcome.PASS_WITH_VARIATION
    optimal = held_at(finding, outcome, said, "levels.cord_volume_from_cc", level=Level.OPTIMAL)
    return optimal if low else _needs_review_when_far(held, optimal)


def _around_the_cord(held: Held) -> list[Finding]:
    """A cord PRV or thecal sac beyond the cord's own upper value: MARGINAL. Beside the cauda the sac says nothing."""
    key = f"levels.cord_{held.context.n_fractions}_fail_gy"
    if key not in held.context.policy.entries or not held.context.subjects.get("SpinalCord"):
        return []
    limit = held.context.policy.value(key)
    found = [s for organ in _AROUND_THE_CORD for s in held.context.subjects.get(organ, ())]
    judged = [_own_rule(held, s, key, limit, "beyond the upper value of the cord inside it") for s in found]
    return [f for f in judged if f is not None]


# ---- optimal limits missed by far


def optimal_by_far(held: Held, findings: Sequence[Finding]) -> list[Finding]:
    """An optimal limit of skin, heart or a vessel missed by more than the policy's share of it: MARGINAL."""
    organs = organ_group("optimal_review")
    return [_needs_review_when_far(held, f) if set(f.organ.split("+")) & organs else f for f in findings]


def _needs_review_when_far(held: Held, finding: Finding) -> Finding:
    missed = finding.level is Level.OPTIMAL and finding.verdict is Verdict.NOT_MET
    over = missed_by_percent(finding)
    if not missed or over is None or finding.kind is not FindingKind.ORGAN_LIMIT:
        return finding
    allowed = held.context.policy.value(MISSED_BY_FAR)
    if over <= allowed or finding.consequence is not Outcome.PASS_WITH_VARIATION:
        return finding
    said = f"an optimal limit missed by {over:.0f} % of it, more than {allowed:g} %: a person decides"
    return held_at(finding, Outcome.MARGINAL, said, MISSED_BY_FAR)


# ---- the bone that holds the target


def bone_of_the_target(held: Held, findings: Sequence[Finding]) -> list[Finding]:
    """Rows on the bone in which a target lies are optimal: it gets the prescription, and is meant to."""
    organs = organ_group("bone")
    return [_in_the_bone(held, f) if set(f.organ.split("+")) & organs else f for f in findings]


def _in_the_bone(held: Held, finding: Finding) -> Finding:
    subject = held.context.subject_of(finding)
    if finding.kind is not FindingKind.ORGAN_LIMIT or finding.level is not Level.MANDATORY or is_local(finding):
        return finding
    if subject is None or not _holds_the_target(held, subject):
        return finding
    outcome = Outcome.PASS_WITH_VARIATION if finding.verdict is Verdict.NOT_MET else Outcome.PASS
    return held_at(finding, outcome, "the target lies in this bone: held as optimal", level=Level.OPTIMAL)


def _holds_the_target(held: Held, subject: Subject) -> bool:
    """Whether the bone has at least half of its nearest target's volume at the prescription."""
    target = next((x for x in held.lesions if x.id == subject.nearest_lesion), None)
    if target is None or target.site != "bone" or not target.volume_cm3 or target.prescription_gy is None:
        return False
    hot = evaluate("V100%[cc]", subject.dvh, prescription_gy=target.prescription_gy)
    return hot.value is not None and hot.value >= 0.5 * target.volume_cm3


# ---- hollow organs


def hollow_volumes(held: Held, findings: Sequence[Finding]) -> list[Finding]:
    """A volume row of TG-101 on a hollow organ missed while newer sources hold: a variation.

    The newer sources are every mandatory row of Timmerman 2022 and UK SABR 2022 on that organ at the plan's number of
    fractions.
    """
    if held.table.name != "aapm_tg101":
        return list(findings)
    return [_held_volume(held, f) for f in findings]


def _held_volume(held: Held, finding: Finding) -> Finding:
    organs = set(finding.organ.split("+"))
    if finding.consequence is not Outcome.FAIL or not organs & organ_group("hollow_volume"):
        return finding
    if finding.table != held.table.name or kind_of_finding(finding) is not SupplementKind.VOLUME:
        return finding
    if finding.policy or is_local(finding):
        # Another rule, or the clinic, has said how the row is held.
        return finding
    said = []
    for name in ("timmerman_2022", "uk_sabr_2022"):
        table = held.tables[name]
        rows = tuple(
            r
            for r in table.rows_for(n_fractions=held.context.n_fractions)
            if r.level is Level.MANDATORY and organs & {r.organ, *r.joint}
        )
        found = judge_organ_limits(held.context, replace(table, rows=rows))
        if any(f.verdict in {Verdict.NOT_MET, Verdict.NOT_EVALUABLE} for f in found):
            return finding
        said += [table.title] if found else []
    if not said:
        return finding
    note = f"every mandatory limit of {' and '.join(said)} on it is met: a variation"
    return held_at(finding, Outcome.PASS_WITH_VARIATION, note)


def hollow_maximum(held: Held, findings: Sequence[Finding]) -> list[Finding]:
    """A hollow organ with a near-maximum above the policy's share of the prescription: MARGINAL, limits met or not."""
    prescription_gy = held.highest_prescription_gy
    if prescription_gy is None:
        return list(findings)
    percent = held.context.policy.value(HOLLOW_MAXIMUM)
    limit = prescription_gy * percent / 100.0
    failed = {f.roi for f in findings if f.consequence is Outcome.FAIL}
    out = list(findings)
    for organ in sorted(organ_group("hollow")):
        for subject in held.context.subjects.get(organ, ()):
            if subject.roi not in failed:
                said = f"the prescription inside a hollow organ: above {percent:g} % of {prescription_gy:g} Gy"
                found = _own_rule(held, subject, HOLLOW_MAXIMUM, limit, said)
                out += [found] if found is not None else []
    return out


def _own_rule(held: Held, subject: Subject, key: str, limit: float, said: str) -> Finding | None:
    """A MARGINAL finding where a structure's near-maximum is above a number of the policy; None where it is not."""
    judged = judge(subject, parse_metric(NEAR_MAXIMUM), comparator="<=", limit=limit)
    value = judged.value
    if judged.verdict is not Verdict.NOT_MET or value.value is None:
        return None
    return Finding(
        rule_id=f"policy:{key}:{subject.organ}",
        kind=FindingKind.ORGAN_LIMIT,
        verdict=Verdict.NOT_MET,
        consequence=Outcome.MARGINAL,
        level=Level.ADVISORY,
        table="policy",
        plan=held.context.label,
        organ=subject.organ,
        roi=subject.roi,
        metric=NEAR_MAXIMUM,
        value=value.value,
        low=value.low,
        high=value.high,
        unit="Gy",
        comparator="<=",
        limit=limit,
        notes=told(said, judged.note, subject.note),
        source=OWN_POLICY,
        margin=limit - value.value,
        share=value.value / limit,
        marginal_reason=MarginalReason.NEEDS_REVIEW,
        policy=(key,),
    )
