"""What-if: a plan's dose distribution scaled to other schemes, and judged by the limits of each number of fractions.

Scaling only: no re-optimisation. No line of this is a prescription. The other plans of its course stay as they are and
count, as does declared earlier dose. ``sbrtcheck.whatif`` is the public name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sbrtcheck import course_lesions, guideline, schemes
from sbrtcheck.case import load_case
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model import Finding, Level, OrganTable, Outcome, Study, Verdict
from sbrtcheck.plan_check import GivenFacts, PlanDoses, compute_plan
from sbrtcheck.plan_facts import with_case
from sbrtcheck.radiobiology import bed, total_dose_for_bed
from sbrtcheck.rescale_course import Beside, beside, highest_factor
from sbrtcheck.rescale_plan import counts, judged_limits, words
from sbrtcheck.shared_shapes import Shared
from sbrtcheck.tables import choose_table

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
        n_fractions: of the line.
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
    facts = with_case(replace(given or GivenFacts(), sex=study.patient.sex), declared)
    elsewhere = course_lesions.treated_elsewhere(study, declared)
    shared = Shared() if len(study.plans) > 1 else None
    plans: list[PlanDoses] = []
    for index, data in enumerate(study.plans):
        plans.append(
            compute_plan(
                data,
                index=index,
                given=course_lesions.facts_of_plan(facts, data, study, elsewhere[index]),
                progress=progress,
                label=labels[index],
                elsewhere=elsewhere[index],
                first_lesion=1 + sum(len(p.lesions) for p in plans),
                shared=shared,
            )
        )
    course = beside(plans, plan_index, case=declared, absent=facts.absent)
    return scale_plan(
        plans[plan_index],
        fractions=fractions,
        keep=keep,
        total_gy=total_gy,
        table=table,
        course=course,
        progress=progress,
    )


def scale_plan(
    doses: PlanDoses,
    *,
    fractions: Sequence[int],
    keep: str,
    total_gy: float | None,
    table: str | None,
    course: Beside | None = None,
    progress: Callable[[str], None] = lambda _stage: None,
) -> tuple[WhatIf, ...]:
    """As :func:`whatif`, for a plan whose doses are computed already; ``course``: what counts beside it."""
    if keep not in {"bed10", "dose"}:
        raise wrong_usage("E-OPTION", "keep", seen=keep, remedy="bed10 or dose")
    lesion = next((x for x in doses.lesions if x.prescription_gy is not None), None)
    if lesion is None or lesion.prescription_gy is None:
        raise wrong_usage(
            "E-OPTION", "whatif", detail="no lesion has a prescription", remedy="Add --prescription ROI=DOSE"
        )
    out = []
    for n in fractions:
        progress(f"{doses.label}: {n} fractions")
        choice = choose_table(n_fractions=n, site=lesion.site, table=table)
        asked = total_gy if total_gy is not None else _kept(lesion.prescription_gy, doses.n_fractions, n, keep)
        if not 0 < asked < float("inf"):
            raise wrong_usage("E-DOMAIN", "--total", seen=asked)
        line = _line(doses, course, lesion.prescription_gy, lesion.site, n, choice.table, choice.reason, asked)
        out.append(replace(line, plan=doses.label, beside=course.words if course else ()))
    return tuple(out)


def _kept(total_gy: float, n_now: int, n: int, keep: str) -> float:
    if keep == "dose":
        return total_gy
    alpha_beta_gy = schemes.BED10_ALPHA_BETA_GY
    same = bed(total_dose_gy=total_gy, n_fractions=n_now, alpha_beta_gy=alpha_beta_gy)
    return total_dose_for_bed(bed_gy=same, n_fractions=n, alpha_beta_gy=alpha_beta_gy)


def _line(
    doses: PlanDoses,
    course: Beside | None,
    prescription_gy: float,
    site: str,
    n: int,
    table: OrganTable | None,
    reason: str,
    asked_gy: float,
) -> WhatIf:
    kind = guideline.classify(total_dose_gy=asked_gy, n_fractions=n).name
    sites = guideline.scheme_sites(site=site, is_sbrt=kind == "SBRT")
    ceiling = schemes.highest(n_fractions=n, sites=sites)
    published = ceiling.total_dose_gy if ceiling is not None else None
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
        scheme=_scheme(asked_gy, n, sites),
        shares={},
        note=NOT_A_PRESCRIPTION,
    )
    if table is None:
        return empty
    factor = asked_gy / prescription_gy
    findings = [f for f in judged_limits(doses, table, n, factor) if f.level is Level.MANDATORY]
    if course is not None:
        findings += course.findings(factor=factor, n_fractions=n)
    shares: dict[str, float] = {}
    for f in findings:
        if f.share is not None:
            shares[f.organ] = max(f.share, shares.get(f.organ, 0.0))
    first = _limiting(doses, table, n, prescription_gy)
    line = replace(
        empty,
        table=table.title,
        asked_outcome=max((f.consequence for f in findings), key=list(Outcome).index, default=Outcome.INCOMPLETE),
        missed=tuple(dict.fromkeys(words(f) for f in findings if counts(f))),
        shares=dict(sorted(shares.items())),
        breaks_first=first,
    )
    if course is not None and course.unsettled:
        return _none(line, f"no highest dose is given: {course.unsettled}")
    unsettled = sorted({f.organ for f in findings if f.consequence is Outcome.INCOMPLETE})
    if unsettled:
        return _none(line, f"no highest dose is given: {', '.join(unsettled)} cannot be evaluated")
    if published is None:
        return _none(line, f"no scheme is published for this site and {n} fractions")
    limiting = None if first is None or first.prescription_gy >= published else first
    frontier = published if limiting is None else limiting.prescription_gy
    if course is not None and frontier > 0:
        reached, ended = highest_factor(course, most=frontier / prescription_gy, n_fractions=n)
        if ended is not None:
            frontier = _FRONTIER_SAFETY * reached * prescription_gy
            what = f"{ended.comparator} {ended.limit:.4g} {ended.unit}".strip() if ended.limit is not None else ""
            limiting = Limiting(ended.organ, ended.roi, ended.metric, what, frontier)
            if frontier <= 0:
                return _none(line, f"no dose of this plan meets every limit of the course: {ended.note}")
    if frontier <= 0:
        return _none(line, f"no dose meets {limiting.metric if limiting else 'every limit'}")
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


def _limiting(doses: PlanDoses, table: OrganTable, n: int, prescription_gy: float) -> Limiting | None:
    """The mandatory row that stops being MET at the lowest dose, found by bisection over all rows together."""

    def first_missed(factor: float) -> Finding | None:
        rows = [f for f in judged_limits(doses, table, n, factor) if f.level is Level.MANDATORY]
        bad = [f for f in rows if counts(f) and f.verdict is not Verdict.NOT_EVALUABLE]
        return max(bad, key=lambda f: f.share or 0.0) if bad else None

    if first_missed(_LARGEST_FACTOR) is None:
        return None
    low, high = 0.0, _LARGEST_FACTOR
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if first_missed(middle) is None:
            low = middle
        else:
            high = middle
        if high - low < 1e-5 * high:
            break
    row = first_missed(high)
    assert row is not None, "a row is missed at the upper end by construction"
    limit = f"{row.comparator} {row.limit:.4g} {row.unit}"
    return Limiting(row.organ, row.roi, row.metric, limit, _FRONTIER_SAFETY * low * prescription_gy)
