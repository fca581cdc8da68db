"""What a fractionation scheme is worth, and what is isoeffective with it: the calculator's centre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sbrtcheck.errors import wrong_usage
from sbrtcheck.fractionation.scheme import Phase, Scheme, parse_scheme, plain_number
from sbrtcheck.radiobiology.lq import bed, checked_fractions, eqd2_from_bed, total_dose_for_bed
from sbrtcheck.tables.alpha_beta import AlphaBeta, did_you_mean, find_alpha_beta, load_tissues

__all__ = [
    "AlphaBeta",
    "Match",
    "Model",
    "Phase",
    "Scheme",
    "Worth",
    "find_alpha_beta",
    "load_tissues",
    "lq_footnote",
    "match",
    "parse_scheme",
    "usc_alpha_beta",
    "worth",
]

# Brenner DJ, Semin Radiat Oncol 2008;18:234.
LQ_VALIDATED_TO_GY = 10.0
LQ_REASONABLE_TO_GY = 18.0


@dataclass(frozen=True, slots=True)
class Model:
    """Which model and with which parameters: nothing is filled in silently.

    ``name``: "lq", "lql" or "usc". LQ-L: ``transition_dose_gy`` and ``gamma_per_alpha`` (None: the tangent, stated in
    the notes). USC: ``alpha_per_gy``, ``d0_gy`` and ``dq_gy``; alpha/beta follows from them.
    Repopulation: ``overall_time_days``, ``kickoff_days``, ``doubling_days`` and ``alpha_per_gy``, all or none.
    """

    name: str = "lq"
    transition_dose_gy: float | None = None
    gamma_per_alpha: float | None = None
    alpha_per_gy: float | None = None
    d0_gy: float | None = None
    dq_gy: float | None = None
    overall_time_days: float | None = None
    kickoff_days: float | None = None
    doubling_days: float | None = None


@dataclass(frozen=True, slots=True)
class Worth:
    """BED and EQD2 [Gy] of a scheme at one alpha/beta, with the range over the alpha/beta interval.

    ``_low`` and ``_high`` are None without an interval; a single None with an interval means that the range is open at
    that end (the interval reaches zero). ``repopulation_loss_gy`` is already taken off.
    """

    alpha_beta: AlphaBeta
    bed_gy: float
    eqd2_gy: float
    bed_low_gy: float | None = None
    bed_high_gy: float | None = None
    eqd2_low_gy: float | None = None
    eqd2_high_gy: float | None = None
    repopulation_loss_gy: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """The total dose in another number of fractions with the same BED at ``held``: a number, not a prescription.

    ``highest_published`` is the highest definitive scheme of the site and number ("60/5 (ROSEL)"); "" if there is none,
    or no site was given. ``consequences``: (alpha/beta, worth of the reference, worth of the new) for the others.
    """

    reference: Scheme
    n_fractions: int
    held: AlphaBeta
    bed_gy: float
    total_dose_gy: float
    site: str
    highest_published: str
    is_above_published: bool
    consequences: tuple[tuple[AlphaBeta, Worth, Worth], ...]

    @property
    def dose_per_fraction_gy(self) -> float:
        """d [Gy]."""
        return self.total_dose_gy / self.n_fractions


def lq_footnote(dose_per_fraction_gy: float) -> str:
    """What to say about the LQ model at this dose per fraction [Gy]; "" inside the validated range."""
    size = f"{plain_number(dose_per_fraction_gy)} Gy per fraction is above"
    if dose_per_fraction_gy > LQ_REASONABLE_TO_GY:
        return (
            f"{size} {LQ_REASONABLE_TO_GY:g} Gy, where the LQ model is not supported: the numbers are an extrapolation"
        )
    if dose_per_fraction_gy > LQ_VALIDATED_TO_GY:
        return (
            f"{size} {LQ_VALIDATED_TO_GY:g} Gy, the range in which the LQ model was validated: BED and EQD2 may be "
            "overestimated (cautious for organs, not for tumours)"
        )
    return ""


def worth(scheme: Scheme, alpha_beta: AlphaBeta, *, model: Model | None = None) -> Worth:
    """BED and EQD2 [Gy] of a scheme at one alpha/beta, with their range over its interval.

    Raises:
        WrongUsageError: E-DOMAIN, E-OPTION for a parameter that the model needs and did not get.
    """
    model = model or Model()
    loss, notes = _loss(alpha_beta, model)
    if model.name == "usc":
        alpha_beta = usc_alpha_beta(model)
        value, more = _usc(scheme, model)
        notes += more
    else:
        value = _bed(scheme, alpha_beta.value_gy, model)
        notes += _lql_notes(alpha_beta, model)
    value -= loss
    if value < 0:
        raise wrong_usage("E-DOMAIN", scheme.label, seen=f"{value:.2f} Gy", detail="repopulation outruns the dose")
    eqd2_gy = eqd2_from_bed(bed_gy=value, alpha_beta_gy=alpha_beta.value_gy)
    low, high = alpha_beta.low_gy, alpha_beta.high_gy
    if low is None or high is None:
        return Worth(alpha_beta, value, eqd2_gy, repopulation_loss_gy=loss, notes=tuple(notes))
    ends = [(max(_bed(scheme, ab, model) - loss, 0.0), ab) for ab in (low, high) if ab > 0]
    beds = [b for b, _ in ends]
    eqd2s = [eqd2_from_bed(bed_gy=b, alpha_beta_gy=ab) for b, ab in ends]
    bed_low: float | None = min(*beds, value)
    bed_high: float | None = max(*beds, value)
    eqd2_low: float | None = min(*eqd2s, eqd2_gy)
    eqd2_high: float | None = max(*eqd2s, eqd2_gy)
    if low <= 0:
        notes.append("the source's alpha/beta interval reaches zero or below: the range is open at one end")
        # Towards zero BED grows without end; EQD2 goes the way it goes from the upper end to the nominal value.
        bed_high = None
        rises = eqd2s[0] <= eqd2_gy
        eqd2_low, eqd2_high = (eqd2_low, None) if rises else (None, eqd2_high)
    return Worth(
        alpha_beta,
        value,
        eqd2_gy,
        bed_low_gy=bed_low,
        bed_high_gy=bed_high,
        eqd2_low_gy=eqd2_low,
        eqd2_high_gy=eqd2_high,
        repopulation_loss_gy=loss,
        notes=tuple(notes),
    )


def _loss(alpha_beta: AlphaBeta, model: Model) -> tuple[float, list[str]]:
    times = {
        "--time": model.overall_time_days,
        "--tk": model.kickoff_days,
        "--td": model.doubling_days,
    }
    if all(value is None for value in times.values()):
        return 0.0, []
    missing = [name for name, value in {**times, "--alpha": model.alpha_per_gy}.items() if value is None]
    if missing:
        raise wrong_usage("E-OPTION", ", ".join(missing), detail="needed for repopulation", remedy="Give all four")
    from sbrtcheck.radiobiology.models import repopulation_loss

    loss = repopulation_loss(
        overall_time_days=model.overall_time_days or 0.0,
        kickoff_days=model.kickoff_days or 0.0,
        doubling_days=model.doubling_days or 0.0,
        alpha_per_gy=model.alpha_per_gy or 0.0,
        tissue_class=alpha_beta.tissue_class or "tumour",
    )
    notes = [f"{loss:.2f} Gy of BED lost to repopulation are taken off"]
    if not alpha_beta.tissue_class:
        notes.append("overall time counts for targets only: do not read this line as that of an organ")
    return loss, notes


def _needed(model: Model, **values: float | None) -> list[float]:
    missing = [name for name, value in values.items() if value is None]
    if missing:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise wrong_usage("E-OPTION", options, detail=f"needed by --model {model.name}", remedy="Give the parameter")
    return [value for value in values.values() if value is not None]


def _bed(scheme: Scheme, alpha_beta_gy: float, model: Model) -> float:
    if model.name == "lq":
        return sum(bed(total_dose_gy=d, n_fractions=n, alpha_beta_gy=alpha_beta_gy) for d, n in scheme.pairs)
    from sbrtcheck.radiobiology.models import bed_lql, lql_tangent_slope

    (edge,) = _needed(model, transition_dose=model.transition_dose_gy)
    slope = model.gamma_per_alpha
    if slope is None:
        slope = lql_tangent_slope(alpha_beta_gy=alpha_beta_gy, transition_dose_gy=edge)
    return sum(
        bed_lql(
            total_dose_gy=d,
            n_fractions=n,
            alpha_beta_gy=alpha_beta_gy,
            transition_dose_gy=edge,
            gamma_per_alpha=slope,
        )
        for d, n in scheme.pairs
    )


def _lql_notes(alpha_beta: AlphaBeta, model: Model) -> list[str]:
    if model.name != "lql":
        return []
    from sbrtcheck.radiobiology.models import lql_tangent_slope

    (edge,) = _needed(model, transition_dose=model.transition_dose_gy)
    if edge < 2:
        raise wrong_usage(
            "E-DOMAIN", "transition dose", seen=edge, detail="below 2 Gy there is no EQD2 on the LQ curve"
        )
    slope, how = model.gamma_per_alpha, "given"
    if slope is None:
        slope = lql_tangent_slope(alpha_beta_gy=alpha_beta.value_gy, transition_dose_gy=edge)
        how = "tangent, 1 + 2 dT / (alpha/beta)"
    return [f"LQ-L (Astrahan 2008): dT {edge:g} Gy, gamma/alpha {slope:g} ({how}); research output, no verdict"]


def usc_alpha_beta(model: Model) -> AlphaBeta:
    """The alpha/beta that follows from the parameters of the universal survival curve.

    Raises:
        WrongUsageError: E-OPTION for a missing parameter, E-DOMAIN.
    """
    from sbrtcheck.radiobiology.models import usc_transition

    alpha, d0, dq = _needed(model, alpha=model.alpha_per_gy, d0=model.d0_gy, dq=model.dq_gy)
    ratio = usc_transition(alpha_per_gy=alpha, d0_gy=d0, dq_gy=dq).alpha_beta_gy
    return AlphaBeta(ratio, source="follows from alpha, D0 and Dq")


def _usc(scheme: Scheme, model: Model) -> tuple[float, list[str]]:
    from sbrtcheck.radiobiology.models import bed_usc, sfed, usc_transition

    alpha, d0, dq = _needed(model, alpha=model.alpha_per_gy, d0=model.d0_gy, dq=model.dq_gy)
    edge, ratio = usc_transition(alpha_per_gy=alpha, d0_gy=d0, dq_gy=dq)
    value = sum(
        bed_usc(total_dose_gy=d, n_fractions=n, alpha_per_gy=alpha, d0_gy=d0, dq_gy=dq) for d, n in scheme.pairs
    )
    parameters = (
        f"alpha {alpha:g} /Gy, D0 {d0:g} Gy, Dq {dq:g} Gy; DT {edge:.2f} Gy and alpha/beta {ratio:.2f} Gy follow"
    )
    notes = [f"USC (Park 2008): {parameters}; research output, no verdict"]
    if len(scheme.pairs) == 1:
        total, n = scheme.pairs[0]
        single = sfed(total_dose_gy=total, n_fractions=n, alpha_per_gy=alpha, d0_gy=d0, dq_gy=dq)
        notes.append(f"single fraction equivalent dose (SFED) {single:.2f} Gy")
    return value, notes


def match(
    reference: Scheme,
    *,
    n_fractions: float,
    held: AlphaBeta,
    others: Sequence[AlphaBeta],
    site: str = "",
) -> Match:
    """What total dose in ``n_fractions`` has the same BED at ``held``, and what that does at the other alpha/beta.

    Args:
        reference: the course whose BED is held; with one phase, or several.
        n_fractions: the new number of fractions.
        held: the alpha/beta at which BED is the same.
        others: where the consequence is shown, for example late tissue.
        site: a lesion site or a site of schemes.csv; "" when not given: then nothing is called published.

    Raises:
        WrongUsageError: E-DOMAIN, E-OPTION for an unknown site.
    """
    n = checked_fractions(n_fractions)
    effect = worth(reference, held).bed_gy
    dose = total_dose_for_bed(bed_gy=effect, n_fractions=n, alpha_beta_gy=held.value_gy)
    new = Scheme("", (Phase(dose, n),))
    highest, is_above = _published_ceiling(dose, n, site)
    return Match(
        reference=reference,
        n_fractions=n,
        held=held,
        bed_gy=effect,
        total_dose_gy=dose,
        site=site,
        highest_published=highest,
        is_above_published=is_above,
        consequences=tuple((o, worth(reference, o), worth(new, o)) for o in others),
    )


def _published_ceiling(dose_gy: float, n_fractions: int, site: str) -> tuple[str, bool]:
    """The highest published scheme, and whether the dose is above it. Several sites: the lowest of their ceilings."""
    if not site:
        return "", True
    from sbrtcheck.judging.guideline import scheme_sites
    from sbrtcheck.tables import schemes
    from sbrtcheck.tables.guideline import load_guideline

    known = {*schemes.known_sites(), *load_guideline().policy["sites"]} - {"every_site", "not_sbrt_lung"}
    if site not in known:
        raise wrong_usage(
            "E-OPTION", "--site", seen=site, detail="unknown site", remedy=did_you_mean(site, known) or ""
        )
    own = [s for s in scheme_sites(site=site) if not s.startswith("any")] or [site]
    tops = [top for s in own if (top := schemes.highest(n_fractions=n_fractions, sites=(s,)))]
    if not tops:
        return "", True
    top = min(tops, key=lambda r: r.total_dose_gy)
    return f"{top.label} ({top.source}, {top.site})", dose_gy > top.total_dose_gy + schemes.SAME_DOSE_GY
