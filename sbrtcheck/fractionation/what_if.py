"""What-if: a plan's dose distribution scaled to other schemes, and judged by the limits of each number of fractions.

Scaling only: no re-optimisation. No line of this is a prescription. The other plans of its course stay as they are and
count, as does declared earlier dose. ``sbrtcheck.whatif`` is the public name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sbrtcheck.course import lesions as course_lesions
from sbrtcheck.course.plans import course_plans
from sbrtcheck.errors import wrong_usage
from sbrtcheck.fractionation.what_if_check import Check
from sbrtcheck.fractionation.what_if_course import Beside, course_around_plan, highest_factor
from sbrtcheck.fractionation.what_if_plan import counts, judged_limits, words
from sbrtcheck.judging import guideline
from sbrtcheck.judging.plan import deciding_site
from sbrtcheck.judging.plan_result import Choices
from sbrtcheck.model import Finding, Lesion, Level, OrganTable, Outcome, Study, worst_outcome
from sbrtcheck.plan.contradictions import left_open, settled
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.facts import GivenFacts, with_case
from sbrtcheck.radiobiology.lq import bed, total_dose_for_bed
from sbrtcheck.read.case_file import load_case
from sbrtcheck.read.clinic_file import ClinicFile, clinic_of
from sbrtcheck.tables import schemes
from sbrtcheck.tables.organ_tables import choose_table

NOT_A_PRESCRIPTION = "not a prescription: the dose distribution is scaled, nothing is re-optimised"
_BISECTIONS = 40
_LARGEST_FACTOR = 20.0
# A dose grid written again as whole numbers moves metrics by some 1e-4: the frontier stays on the safe side of that.
_FRONTIER_SAFETY = 0.999


@dataclass(frozen=True, slots=True)
class Limiting:
    """The mandatory row that ends the room: at which total dose to the first lesion [Gy] it stops being MET."""

    organ: str
    roi: str
    metric: str
    limit: str
    prescription_gy: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """One number of fractions.

    Attributes:
        table: title of the organ table at this number, "" when none covers it; ``table_reason`` in words.
        asked_gy: total dose to the first lesion that was asked for (same BED10, same dose, or given) [Gy].
        asked_outcome: of the organ limits at that dose, None without a table.
        missed: mandatory rows that are not MET there.
        frontier_gy: highest total dose to the first lesion at which every mandatory organ limit is MET with its band,
            never above the highest published scheme; None when no table covers n, no row can be judged or no scheme is
            published.
        limiting: the row that ends it; None when organs do not limit below the published ceiling.
        breaks_first: the row that stops being MET first, above the published ceiling too; of this plan alone.
        published_gy: highest published total dose for that site and n [Gy]; None when there is none.
        bed10_gy, tier: of the frontier.
        shares: organ to the largest share of a mandatory limit used at ``asked_gy``.
        note: in words.
        plan: label of the plan that is scaled, and ``beside``: what counts beside it.
    """

    n_fractions: int
    table: str
    table_reason: str
    asked_gy: float
    asked_outcome: Outcome | None
    missed: tuple[str, ...]
    frontier_gy: float | None
    limiting: Limiting | None
    published_gy: float | None
    bed10_gy: float | None
    tier: str
    scheme: str
    shares: Mapping[str, float]
    note: str
    plan: str = ""
    beside: tuple[str, ...] = ()
    breaks_first: Limiting | None = None


def whatif(
    plan: str | Path | Sequence[str | Path] | Study,
    *,
    fractions: Sequence[int],
    keep: str = "bed10",
    total_gy: float | None = None,
    table: str | None = None,
    given: GivenFacts | None = None,
    case: str | Path | None = None,
    clinic: ClinicFile | None = None,
    find_config: bool = True,
    plan_index: int = 0,
    plan_label: str = "",
    progress: Callable[[str], None] = lambda _stage: None,
) -> tuple[WhatIf, ...]:
    """Scale a plan to other numbers of fractions and judge every organ limit with that number's own rows.

    Args:
        plan: folder, files or zip as for check, or a Study.
        fractions: numbers of fractions to try.
        keep: "bed10" (the lesion's BED10 stays) or "dose" (the total dose stays); ignored with ``total_gy``.
        total_gy: total dose to the first lesion [Gy].
        table: organ table; None: the default for each number.
        given: facts that the files lack; they come before those of the case file.
        case: case file: facts, the sequence of the plans, and earlier dose, which counts.
        clinic: clinic file: its names, tables, levels and alpha/beta count as in a check.
        find_config: of files, without ``clinic``: look for a clinic file where check does.
        plan_index: which plan of the study is scaled; the others stay as they are and count.
        plan_label: the same by its label.
        progress: called with what is being done.

    Returns:
        One record per number of fractions, in the order given.

    Raises:
        RefusedError: as read_folder and compute_plan.
        WrongUsageError: E-OPTION, E-DOMAIN, E-CASE; E-OPTION when no lesion of the plan has a prescription.
    """
    if isinstance(plan, Study):
        study = plan
    else:
        from sbrtcheck.read import read_folder

        if clinic is None:
            clinic = clinic_of(plan, find_config=find_config)
        progress("reading")
        study = read_folder(plan)
    declared = load_case(case) if case is not None else None
    labels = course_lesions.unique_labels(study)
    if plan_label:
        if plan_label not in labels:
            raise wrong_usage("E-OPTION", "--plan", seen=plan_label, remedy=f"Plans here: {', '.join(labels)}")
        plan_index = labels.index(plan_label)
    if not 0 <= plan_index < len(study.plans):
        raise wrong_usage("E-OPTION", "plan_index", seen=plan_index)
    facts = with_case(replace(given or GivenFacts(), sex=study.patient.sex), declared, clinic)
    study = settled(study, declared, facts)
    plans = [p.doses for p in course_plans(study, facts, declared, progress=progress)]
    course = course_around_plan(plans, plan_index, case=declared, absent=facts.absent)
    return scale_plan(
        Check(study, plans, plan_index, facts, declared, Choices(table, (), clinic, "cubic", False)),
        fractions=fractions,
        keep=keep,
        total_gy=total_gy,
        course=course,
        progress=progress,
    )


def scale_plan(
    check: Check,
    *,
    fractions: Sequence[int],
    keep: str,
    total_gy: float | None,
    course: Beside | None = None,
    progress: Callable[[str], None] = lambda _stage: None,
) -> tuple[WhatIf, ...]:
    """As :func:`whatif`, for plans whose doses are computed already; ``course``: what counts beside the scaled one."""
    doses = check.plans[check.index]
    if keep not in {"bed10", "dose"}:
        raise wrong_usage("E-OPTION", "keep", seen=keep, remedy="bed10 or dose")
    lesion = next((x for x in doses.lesions if x.prescription_gy is not None), None)
    if lesion is None or lesion.prescription_gy is None:
        raise wrong_usage(
            "E-OPTION", "whatif", detail="no lesion has a prescription", remedy="Add --prescription ROI=DOSE"
        )
    check.refuse()
    out = []
    for n in fractions:
        progress(f"{doses.label}: {n} fractions")
        wanted = check.choices.table_for(doses.lesions, n_fractions=n)
        choice = choose_table(n_fractions=n, site=deciding_site(doses.lesions), table=wanted)
        asked = total_gy if total_gy is not None else _kept(lesion.prescription_gy, doses.n_fractions, n, keep)
        if not 0 < asked < float("inf"):
            raise wrong_usage("E-DOMAIN", "--total", seen=asked)
        line = _line(check, course, lesion, lesion.prescription_gy, n, choice.table, choice.reason, asked)
        out.append(replace(line, plan=doses.label, beside=course.words if course else ()))
    return tuple(out)


def _kept(total_gy: float, n_now: int, n: int, keep: str) -> float:
    if keep == "dose":
        return total_gy
    alpha_beta_gy = schemes.BED10_ALPHA_BETA_GY
    same = bed(total_dose_gy=total_gy, n_fractions=n_now, alpha_beta_gy=alpha_beta_gy)
    return total_dose_for_bed(bed_gy=same, n_fractions=n, alpha_beta_gy=alpha_beta_gy)


def _line(
    check: Check,
    course: Beside | None,
    lesion: Lesion,
    prescription_gy: float,
    n: int,
    table: OrganTable | None,
    reason: str,
    asked_gy: float,
) -> WhatIf:
    doses, absent = check.plans[check.index], check.given.absent
    factor = asked_gy / prescription_gy
    # Every lesion of the plan is scaled, and none may come above what is published for it.
    rooms = [_room(x, x.prescription_gy, n, factor) for x in doses.lesions if x.prescription_gy is not None]
    known = [room for room in rooms if room is not None]
    published = prescription_gy * min(known) if len(known) == len(rooms) else None
    empty = WhatIf(
        n_fractions=n,
        table="",
        table_reason=reason,
        asked_gy=asked_gy,
        asked_outcome=None,
        missed=(),
        frontier_gy=None,
        limiting=None,
        published_gy=published,
        bed10_gy=None,
        tier="",
        scheme=_scheme(asked_gy, n, _scheme_sites(lesion, asked_gy, n)),
        shares={},
        note=NOT_A_PRESCRIPTION,
    )
    if table is None:
        return empty
    findings = [f for f in judged_limits(doses, table, n, factor, absent=absent) if f.level is Level.MANDATORY]
    if course is not None:
        findings += course.findings(factor=factor, n_fractions=n)
    shares: dict[str, float] = {}
    for f in findings:
        if f.share is not None:
            shares[f.organ] = max(f.share, shares.get(f.organ, 0.0))
    first = _limiting(doses, table, n, prescription_gy, absent=absent)
    reasons = [f.note for f in left_open(check.study, check.case)]
    if course is not None and course.unsettled:
        reasons.append(course.unsettled)
    unsettled = "; ".join(reasons)
    reached = [f.consequence for f in findings] or [Outcome.INCOMPLETE]
    line = replace(
        empty,
        table=table.title,
        asked_outcome=worst_outcome(*reached, *([Outcome.INCOMPLETE] if unsettled else [])),
        missed=tuple(dict.fromkeys(words(f) for f in findings if counts(f))),
        shares=dict(sorted(shares.items())),
        breaks_first=first if first is not None and first.prescription_gy > 0 else None,
    )
    if unsettled:
        return _none(line, f"no highest dose is given: {unsettled}")
    if published is None:
        return _none(line, f"no scheme is published for this site and {n} fractions")
    limiting = None if first is None or first.prescription_gy >= published else first
    frontier = published if limiting is None else limiting.prescription_gy
    if course is not None and frontier > 0:
        share, ended = highest_factor(course, most=frontier / prescription_gy, n_fractions=n)
        if ended is not None:
            frontier = _FRONTIER_SAFETY * share * prescription_gy
            limiting = Limiting(ended.organ, ended.roi, ended.metric, _limit(ended), frontier)
            if frontier <= 0:
                return _none(line, f"no dose of this plan meets every limit of the course: {ended.note}")
    if frontier <= 0:
        what = f"{limiting.organ} {limiting.metric}".strip() if limiting else "every limit"
        return _none(line, f"no highest dose is given: at no dose {what} is met or can be evaluated")
    still_open = check.open_points(factor=frontier / prescription_gy, n_fractions=n)
    if still_open:
        more = f" (and {len(still_open) - 1} more)" if len(still_open) > 1 else ""
        return _none(line, f"no highest dose is given: a check of {frontier:.1f} Gy leaves open {still_open[0]}{more}")
    note = "not limited by organs below the highest published scheme"
    if limiting is not None:
        note = f"limited by {limiting.organ} {limiting.metric} {limiting.limit}".rstrip()
    achieved = guideline.bed10_gy(total_dose_gy=frontier, n_fractions=n)
    return replace(
        line,
        frontier_gy=frontier,
        limiting=limiting,
        bed10_gy=achieved,
        tier=guideline.tier_of(achieved),
        note=f"{note}; {NOT_A_PRESCRIPTION}",
    )


def _scheme_sites(lesion: Lesion, total_gy: float, n: int) -> tuple[str, ...]:
    """The sites of the published schemes that count for a lesion."""
    kind = guideline.classify(total_dose_gy=total_gy, n_fractions=n).name
    site = guideline.site_of(site=lesion.site, location=lesion.location)
    return tuple(guideline.scheme_sites(site=site, is_sbrt=kind == "SBRT"))


def _room(lesion: Lesion, prescription_gy: float, n: int, factor: float) -> float | None:
    """The highest total dose published for a lesion in ``n`` fractions, as a multiple of its prescription."""
    highest = schemes.highest(n_fractions=n, sites=_scheme_sites(lesion, factor * prescription_gy, n))
    return None if highest is None else highest.total_dose_gy / prescription_gy


def _limit(finding: Finding) -> str:
    if finding.limit is None:
        return ""
    return f"{finding.comparator} {finding.limit:.4g} {finding.unit}".strip()


def _none(line: WhatIf, why: str) -> WhatIf:
    """A line without a highest dose, and why."""
    return replace(line, note=f"{why}; {NOT_A_PRESCRIPTION}")


def _scheme(total_gy: float, n: int, sites: Sequence[str]) -> str:
    found = schemes.find(total_dose_gy=total_gy, n_fractions=n, sites=sites)
    if found.exact:
        return "published: " + ", ".join(dict.fromkeys(r.source.partition(" (")[0] for r in found.exact))
    if found.is_published:
        return "inside a published range"
    return "not published for this site in this table"


def _limiting(
    doses: PlanDoses, table: OrganTable, n: int, prescription_gy: float, *, absent: Mapping[str, str]
) -> Limiting | None:
    """The mandatory row that stops being MET at the lowest dose, found by bisection over all rows together.

    A row that cannot be evaluated ends the room as well, at no dose where that does not hang on the dose.
    """

    def first_missed(factor: float) -> Finding | None:
        rows = [f for f in judged_limits(doses, table, n, factor, absent=absent) if f.level is Level.MANDATORY]
        return max((f for f in rows if counts(f)), key=lambda f: f.share or 0.0, default=None)

    row = first_missed(_LARGEST_FACTOR)
    if row is None:
        return None
    low, high = 0.0, _LARGEST_FACTOR
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        found = first_missed(middle)
        if found is None:
            low = middle
        else:
            high, row = middle, found
        if high - low < 1e-5 * high:
            break
    return Limiting(row.organ, row.roi, row.metric, _limit(row), _FRONTIER_SAFETY * low * prescription_gy)
