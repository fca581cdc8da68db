"""The guideline's judgements that need no dose: BED10 tiers, number of sites, kind of course."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sbrtcheck.errors import safe_text, wrong_usage
from sbrtcheck.model import Finding, FindingKind, Reason
from sbrtcheck.model.finding import Fact, information
from sbrtcheck.model.table_rows import CourseThresholds
from sbrtcheck.model.vocabulary import Level, Outcome, Verdict
from sbrtcheck.radiobiology.lq import bed
from sbrtcheck.tables import guideline as guideline_book
from sbrtcheck.tables import schemes
from sbrtcheck.tables.guideline import Guideline


@dataclass(frozen=True, slots=True)
class GuidelineJudgement:
    """One guideline rule applied to one lesion or course.

    ``value`` is BED10 [Gy], a number of sites or a dose per fraction; ``outcome`` is what it does to the report.
    ``matches`` are lines on published schemes; ``text`` is one sentence for people.
    """

    rule_id: str
    verdict: Verdict
    outcome: Outcome
    level: Level
    value: float
    status: str
    text: str
    tier: str = ""
    matches: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Classification:
    """What a lesion's course is called, by dose per fraction and number of fractions. ``text`` names the thresholds.

    ``default_name`` is what it is called by the shipped thresholds.
    """

    name: str
    default_name: str
    dose_per_fraction_gy: float
    within_us_limit: bool
    text: str


def bed10_gy(*, total_dose_gy: float, n_fractions: int) -> float:
    """BED [Gy] at the alpha/beta of the tiers."""
    return bed(total_dose_gy=total_dose_gy, n_fractions=n_fractions, alpha_beta_gy=schemes.BED10_ALPHA_BETA_GY)


def tier_of(bed10_gy: float, *, guideline: Guideline | None = None) -> str:
    """The tier of a BED10 [Gy]: "above 75 Gy", "50 to 75 Gy" or "below 50 Gy", with the file's thresholds.

    Exactly 75 Gy belongs to the middle tier, and so does exactly 50 Gy.
    """
    low, high = _bounds(guideline or guideline_book.load_guideline())
    # A BED10 of 75 written as 75.00000000000001 is not above 75.
    if bed10_gy > high + 1e-9:
        return f"above {high:g} Gy"
    return f"{low:g} to {high:g} Gy" if bed10_gy >= low - 1e-9 else f"below {low:g} Gy"


def scheme_sites(*, site: str, is_sbrt: bool = True, guideline: Guideline | None = None) -> tuple[str, ...]:
    """The sites of schemes.csv that count for a lesion site; an unknown site gets only those for every site."""
    table = (guideline or guideline_book.load_guideline()).policy["sites"]
    own = list(table.get(site, ()) if site not in {"every_site", "not_sbrt_lung"} else ())
    if site.startswith("lung") and not is_sbrt:
        own += table["not_sbrt_lung"]
    return (*own, *table["every_site"])


def site_of(*, site: str, location: str = "") -> str:
    """The site whose published schemes count for a lesion: that of its location in the lung where it is known."""
    return f"{site}_{location}" if site == "lung" and location else site


def judge_lesion_bed10(
    *, prescription_gy: float, n_fractions: int, site: str, intent: str = "", guideline: Guideline | None = None
) -> GuidelineJudgement:
    """BED10 of a lesion's prescription against the tiers of OM-10 and OM-11, with the published schemes it matches.

    Args:
        prescription_gy: total dose to the lesion [Gy].
        n_fractions: number of fractions.
        site: lung, spine, liver, adrenal, bone, node, other, a site of schemes.csv, or "" when unknown.
        intent: "palliative" takes the lesion out of the tiers; anything else is judged as definitive.
        guideline: another edition; the shipped one by default.

    Returns:
        Above the high tier: nothing. Below it: nothing when a published definitive scheme for that site holds it, else
        MARGINAL. Only a rule with status "verified" can end in FAIL, and only below the low tier.

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    book = guideline or guideline_book.load_guideline()
    value = bed10_gy(total_dose_gy=prescription_gy, n_fractions=n_fractions)
    tier = tier_of(value, guideline=book)
    low, high = _bounds(book)
    above, below = value > high + 1e-9, value < low - 1e-9
    tiers = book.policy["tiers"]
    rule = book.rule(tiers["high_rule"] if above else tiers["low_rule"])
    weight = book.weight(rule.id)
    kind = classify(total_dose_gy=prescription_gy, n_fractions=n_fractions, guideline=book).name
    sites = scheme_sites(site=site, is_sbrt=kind == "SBRT", guideline=book)
    found = schemes.find(total_dose_gy=prescription_gy, n_fractions=n_fractions, sites=sites)
    label = f"{prescription_gy:g}/{n_fractions}"
    palliative = bool(found.palliative) or any(
        _same(scheme, prescription_gy, n_fractions) for scheme in book.policy["palliative"]["schemes"]
    )
    matches = _match_lines(found, label=label, value=value, site=site)
    if palliative:
        matches = (f"{label}: palliative-range dose", *matches)
    head = f"BED10 {value:.1f} Gy ({tier})"
    confirm = f"confirm against the guideline, KQ{rule.key_question}"
    if intent.strip().casefold() == "palliative":
        verdict, outcome, text = Verdict.INFORMATION, Outcome.PASS, f"{head}: declared palliative, tiers do not apply"
    elif above:
        verdict, outcome, text = weight.met_verdict, Outcome.PASS, head
    elif found.is_published and not palliative:
        verdict, outcome = weight.met_verdict, Outcome.PASS
        text = f"{head}: published for this site with definitive intent{_concern(found)}"
    elif below:
        verdict, outcome = weight.missed_verdict, weight.missed_outcome
        text = f"{head}: {tiers['below_text']}; {confirm}"
    else:
        verdict, outcome = Verdict.MARGINAL, Outcome.MARGINAL
        text = f"{head}: {tiers['between_text']}; {confirm}"
    return GuidelineJudgement(
        rule_id=rule.id,
        verdict=verdict,
        outcome=outcome,
        level=weight.level,
        value=value,
        status=rule.status,
        text=text,
        tier=tier,
        matches=matches,
        source=f"{book.title}, key question {rule.key_question}, threshold {rule.status}",
    )


def _bounds(book: Guideline) -> tuple[float, float]:
    tiers = book.policy["tiers"]
    low = book.rule(tiers["low_rule"]).threshold("low_bed10_gy")
    return low, book.rule(tiers["high_rule"]).threshold("above_bed10_gy")


def _same(scheme: str, total_dose_gy: float, n_fractions: int) -> bool:
    total, _, n = scheme.partition("/")
    return int(n) == n_fractions and abs(float(total) - total_dose_gy) <= schemes.SAME_DOSE_GY


def _concern(found: schemes.SchemeMatch) -> str:
    rows = [*found.exact, *(low for low, _ in found.ranges)]
    alone = all("Expression of Concern" in row.note for row in rows)
    return ", but only by a paper that carries an expression of concern" if alone else ""


def _match_lines(found: schemes.SchemeMatch, *, label: str, value: float, site: str) -> tuple[str, ...]:
    lines = []
    if found.exact:
        lines.append(f"{label}: {_sources(found.exact, site)}; BED10 {value:.1f} Gy")
    for low, high in found.ranges:
        if not any(r.range_id == low.range_id for r in found.exact):
            ends = f"{low.label} to {high.label}"
            lines.append(f"{label}: inside a published range ({ends}, {_sources((low,), site)})")
    for row in found.palliative:
        lines.append(f"{label}: palliative arm of {row.source} ({row.site}); never a definitive match")
    for row in found.other:
        why = "prescribed at the isocentre" if row.prescribed_at else row.role.replace("_", " ")
        lines.append(f"{label}: also in {row.source} ({why}); not a match")
    if not found.is_published:
        near = found.nearest
        where = f" for {site}" if site else ""
        lines.append(
            f"{label}: no published scheme in this table{where}"
            + (f"; nearest {near.label} ({near.source}, BED10 {near.bed10_gy:.1f} Gy)" if near else "")
        )
    return tuple(lines)


def _sources(rows: tuple[schemes.PublishedScheme, ...], site: str) -> str:
    """Sources, shortened to the part before the parenthesis; with the row's own site where it is not the lesion's."""
    out = []
    for row in rows:
        where = "" if row.site == site else f" [{row.site}]"
        secondary = ", read in a review" if row.status == "secondary" else ""
        concern = ", expression of concern" if "Expression of Concern" in row.note else ""
        out.append(f"{row.source.partition(' (')[0]}{where}{secondary}{concern}")
    return ", ".join(dict.fromkeys(out))


def count_sites(
    *, n_treated: int, n_treated_otherwise: int = 0, guideline: Guideline | None = None
) -> GuidelineJudgement:
    """OM-3: distinct sites treated in the course and those declared as treated otherwise, against the maximum.

    Raises:
        WrongUsageError: E-DOMAIN for a negative number.
    """
    book = guideline or guideline_book.load_guideline()
    if n_treated < 0 or n_treated_otherwise < 0:
        raise wrong_usage("E-DOMAIN", "number of sites", seen=min(n_treated, n_treated_otherwise))
    rule, weight = book.rule("OM-3"), book.weight("OM-3")
    maximum = int(rule.threshold("max_sites"))
    total = n_treated + n_treated_otherwise
    otherwise = f", {n_treated_otherwise} of them treated otherwise" if n_treated_otherwise else ""
    met = total <= maximum
    text = f"{total} distinct {'site' if total == 1 else 'sites'}{otherwise}; the guideline counts up to {maximum}"
    return GuidelineJudgement(
        rule_id=rule.id,
        verdict=weight.met_verdict if met else weight.missed_verdict,
        outcome=Outcome.PASS if met else weight.missed_outcome,
        level=weight.level,
        value=float(total),
        status=rule.status,
        text=text if met else f"{text}: a person decides",
        source=f"{book.title}, key question {rule.key_question}, {rule.status}",
    )


def course_thresholds(*, guideline: Guideline | None = None) -> CourseThresholds:
    """The shipped thresholds between SBRT, hypofractionated and conventional courses."""
    rule = (guideline or guideline_book.load_guideline()).policy["classification"]
    return CourseThresholds(
        rule["sbrt_max_n_fractions"],
        rule["sbrt_min_dose_per_fraction_gy"],
        rule["hypofractionated_above_dose_per_fraction_gy"],
    )


def classify(
    *,
    total_dose_gy: float,
    n_fractions: int,
    guideline: Guideline | None = None,
    own: CourseThresholds | None = None,
) -> Classification:
    """SBRT, hypofractionated or conventional, by the thresholds of the guideline's file.

    Args:
        total_dose_gy: total dose to the lesion [Gy].
        n_fractions: number of fractions.
        guideline: another edition; the shipped one by default.
        own: thresholds of a case file, in place of the shipped ones; what the course is called by those is said too.

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    book = guideline or guideline_book.load_guideline()
    rule = book.policy["classification"]
    bed10_gy(total_dose_gy=total_dose_gy, n_fractions=n_fractions)  # the domain check
    d, n_us = total_dose_gy / n_fractions, rule["sbrt_us_max_n_fractions"]
    default_name, why = _kind_of(d, n_fractions, course_thresholds(guideline=book))
    name, origin = default_name, rule["origin"]
    if own is not None:
        name, why = _kind_of(d, n_fractions, own)
        origin = f"thresholds of the case file; by ours: {default_name}"
    us = n_fractions <= n_us
    more = (
        f"; {'within' if us else 'beyond'} the {n_us} fractions of the United States' limit" if name == "SBRT" else ""
    )
    return Classification(name, default_name, d, us, f"{name}: {why} ({origin}){more}")


def threshold_fact(own: CourseThresholds) -> Fact:
    """The thresholds of a case file as a fact, with the shipped ones in its origin."""

    def words(edges: CourseThresholds) -> str:
        n, d = edges.sbrt_max_n_fractions, edges.sbrt_min_dose_per_fraction_gy
        hypo = edges.hypofractionated_above_dose_per_fraction_gy
        return f"SBRT up to {n} fractions of {d:g} Gy or more; hypofractionated above {hypo:g} Gy per fraction"

    return Fact("thresholds of what a course is called", words(own), f"case file; ours: {words(course_thresholds())}")


def _kind_of(dose_per_fraction_gy: float, n_fractions: int, edges: CourseThresholds) -> tuple[str, str]:
    n_max, d_min = edges.sbrt_max_n_fractions, edges.sbrt_min_dose_per_fraction_gy
    d_hypo = edges.hypofractionated_above_dose_per_fraction_gy
    if n_fractions <= n_max and dose_per_fraction_gy >= d_min:
        return "SBRT", f"up to {n_max} fractions of {d_min:g} Gy or more"
    if dose_per_fraction_gy > d_hypo:
        return "hypofractionated", f"above {d_hypo:g} Gy per fraction"
    return "conventional", f"up to {d_hypo:g} Gy per fraction"


def _finding(rule_id: str, note: str, book: Guideline, verdict: Verdict, consequence: Outcome, level: Level) -> Finding:
    return Finding(
        rule_id=rule_id,
        kind=FindingKind.GUIDELINE,
        verdict=verdict,
        consequence=consequence,
        level=level,
        table="guideline",
        notes=(safe_text(note, limit=600),),
        source=_source(rule_id, book),
    )


def _source(rule_id: str, book: Guideline) -> str:
    rule = book.rule(rule_id)
    return f"{book.title}, key question {rule.key_question}, {rule.status}"


def guideline_met(rule_id: str, note: str, book: Guideline) -> Finding:
    weight = book.weight(rule_id)
    return _finding(rule_id, note, book, weight.met_verdict, Outcome.PASS, weight.level)


def guideline_missed(rule_id: str, note: str, book: Guideline) -> Finding:
    weight = book.weight(rule_id)
    return _finding(rule_id, note, book, weight.missed_verdict, weight.missed_outcome, weight.level)


def guideline_information(rule_id: str, note: str, book: Guideline) -> Finding:
    return information(
        rule_id=rule_id,
        kind=FindingKind.GUIDELINE,
        table="guideline",
        notes=(safe_text(note, limit=600),),
        source=_source(rule_id, book),
    )


def guideline_open(rule_id: str, missing: str, note: str, book: Guideline) -> Finding:
    """A fact is missing: asked for by name, without any effect on the outcome."""
    finding = _finding(
        rule_id, f"case file, [disease] {missing}: {note}", book, Verdict.NOT_EVALUABLE, Outcome.PASS, Level.INFORMATION
    )
    return replace(finding, reason=Reason.NOT_DECLARED)
