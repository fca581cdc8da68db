"""Beyond plain LQ: repopulation, incomplete repair, protraction, LQ-L and USC.

Research outputs: no verdict rests on them. Every parameter is an argument; none has a default. Each function says the
case in which it equals plain LQ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sbrtcheck.errors import wrong_usage
from sbrtcheck.radiobiology.lq import (
    Dose,
    bed,
    checked_dose,
    checked_fractions,
    checked_positive,
    total_dose_for_bed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

TISSUE_CLASSES = ("tumour", "early", "late")


def repopulation_loss(
    *,
    overall_time_days: float,
    kickoff_days: float,
    doubling_days: float,
    alpha_per_gy: float,
    tissue_class: str,
) -> float:
    """BED lost to repopulation [Gy]: ln2 max(0, T - Tk) / (alpha Td).

    Args:
        overall_time_days: T, first to last fraction [days].
        kickoff_days: Tk, when accelerated repopulation starts [days].
        doubling_days: Td, effective doubling time [days].
        alpha_per_gy: alpha [1/Gy].
        tissue_class: "tumour" or "early"; "late" is refused, since late-reacting organs do not repopulate in time.

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Fowler 1989; Travis and Tucker, Int J Radiat Oncol Biol Phys 1987;13:283. Limit: T <= Tk gives 0.
    """
    if tissue_class not in TISSUE_CLASSES:
        raise wrong_usage("E-DOMAIN", "tissue class", seen=tissue_class, detail="is not tumour, early or late")
    if tissue_class == "late":
        raise wrong_usage(
            "E-DOMAIN",
            "repopulation",
            seen="late",
            detail="a late-reacting organ gains nothing from overall time",
            remedy="Use overall time for targets only",
        )
    time = checked_positive(overall_time_days, "overall time", zero_allowed=True)
    kickoff = checked_positive(kickoff_days, "kick-off time", zero_allowed=True)
    doubling = checked_positive(doubling_days, "doubling time")
    alpha = checked_positive(alpha_per_gy, "alpha")
    return math.log(2.0) * max(0.0, time - kickoff) / (alpha * doubling)


def bed_with_repopulation(
    *,
    total_dose_gy: Dose,
    n_fractions: int,
    alpha_beta_gy: float,
    overall_time_days: float,
    kickoff_days: float,
    doubling_days: float,
    alpha_per_gy: float,
    tissue_class: str,
) -> Dose:
    """BED [Gy] less :func:`repopulation_loss`. Negative when growth outruns the dose; dose 0 gives 0.

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    loss = repopulation_loss(
        overall_time_days=overall_time_days,
        kickoff_days=kickoff_days,
        doubling_days=doubling_days,
        alpha_per_gy=alpha_per_gy,
        tissue_class=tissue_class,
    )
    effect = bed(total_dose_gy=total_dose_gy, n_fractions=n_fractions, alpha_beta_gy=alpha_beta_gy)
    return cast(Dose, effect - loss * (cast(Any, effect) > 0))


def total_dose_for_bed_with_repopulation(
    *,
    bed_gy: float,
    n_fractions: int,
    alpha_beta_gy: float,
    overall_time_days: float,
    kickoff_days: float,
    doubling_days: float,
    alpha_per_gy: float,
    tissue_class: str,
) -> float:
    """The total dose [Gy] whose BED after repopulation is the wanted one [Gy].

    Raises:
        WrongUsageError: E-NO-SOLUTION, E-DOMAIN.
    """
    loss = repopulation_loss(
        overall_time_days=overall_time_days,
        kickoff_days=kickoff_days,
        doubling_days=doubling_days,
        alpha_per_gy=alpha_per_gy,
        tissue_class=tissue_class,
    )
    return total_dose_for_bed(bed_gy=bed_gy + loss, n_fractions=n_fractions, alpha_beta_gy=alpha_beta_gy)


def eqd2_after_gap(*, eqd2_gy: float, loss_gy_per_day: float, extra_days: float) -> float:
    """EQD2 [Gy] of a target after ``extra_days`` of prolongation: EQD2 - Dprolif x days. Limit: 0 days gives EQD2.

    Raises:
        WrongUsageError: E-DOMAIN; E-NO-SOLUTION when more is lost than was given.

    Reference: Bentzen and Joiner, Basic Clinical Radiobiology (Dprolif).
    """
    given = checked_dose(eqd2_gy, "EQD2")
    per_day = checked_positive(loss_gy_per_day, "loss per day", zero_allowed=True)
    left = given - per_day * checked_positive(extra_days, "extra days", zero_allowed=True)
    if left < 0:
        raise wrong_usage("E-NO-SOLUTION", "EQD2", seen=f"{left:g}", detail="the gap loses more than was given")
    return left


def incomplete_repair_factor(*, fractions_per_day: int, interval_hours: float, half_time_hours: float) -> float:
    """Hm, what sublethal damage is left between the m fractions of one day, without unit.

    Hm = (2/m) (t / (1 - t)) (m - (1 - t^m) / (1 - t)), with t = exp(-ln2 dT / T1/2).

    Args:
        fractions_per_day: m, whole, from 1.
        interval_hours: dT between the fractions of a day [h].
        half_time_hours: T1/2 of repair [h].

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Thames HD, Int J Radiat Biol 1985;47:319. Limits: m = 1 gives 0; dT to infinity gives 0; dT to 0
    gives m - 1. Validity: full repair overnight.
    """
    m = checked_fractions(fractions_per_day)
    interval = checked_positive(interval_hours, "interval", zero_allowed=True)
    t = math.exp(-math.log(2.0) * interval / checked_positive(half_time_hours, "repair half-time"))
    # The sum that the closed form stands for: exact also where dT is so short that 1 - t cancels.
    return 2.0 / m * sum((m - k) * t**k for k in range(1, m))


def bed_incomplete_repair(
    *,
    total_dose_gy: Dose,
    n_fractions: int,
    alpha_beta_gy: float,
    fractions_per_day: int,
    interval_hours: float,
    half_time_hours: float,
) -> Dose:
    """BED [Gy] with several fractions a day: D (1 + d (1 + Hm) / (alpha/beta)).

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Thames 1985; see :func:`incomplete_repair_factor`. Limit: Hm = 0 is plain LQ.
    """
    factor = incomplete_repair_factor(
        fractions_per_day=fractions_per_day, interval_hours=interval_hours, half_time_hours=half_time_hours
    )
    return _scaled_quadratic(total_dose_gy, n_fractions, alpha_beta_gy, 1.0 + factor)


def protraction_factor(*, duration_minutes: float, half_times_minutes: Sequence[tuple[float, float]]) -> float:
    """Lea-Catcheside G of one fraction given at a constant rate, without unit, between 0 and 1.

    G(x) = 2 (x - 1 + exp(-x)) / x^2, x = ln2 T / T1/2; with several components the weighted mean of their G.

    Args:
        duration_minutes: T, from first to last beam-on [min].
        half_times_minutes: (weight, T1/2 [min]) of each repair component; weights sum to 1. One pair: mono-exponential,
            two: bi-exponential.

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Lea DE and Catcheside DG, J Genet 1942;44:216; Dale RG, Br J Radiol 1985;58:515; Millar WT, Phys Med
    Biol 1991;36:719 (two components). Limits: T to 0 gives 1; T to infinity gives 0.
    """
    duration = checked_positive(duration_minutes, "duration", zero_allowed=True)
    weights = [checked_positive(w, "weight", zero_allowed=True) for w, _ in half_times_minutes]
    if not weights or not math.isclose(sum(weights), 1.0, abs_tol=1e-9):
        raise wrong_usage("E-DOMAIN", "weights of the repair components", seen=weights, detail="must sum to 1")
    rates = [math.log(2.0) / checked_positive(t, "repair half-time") for _, t in half_times_minutes]
    return sum(weight * _lea_catcheside(rate * duration) for weight, rate in zip(weights, rates, strict=True))


def _lea_catcheside(x: float) -> float:
    # Below 0.01 the closed form loses digits to cancellation; the series is exact to 1e-12 there.
    if x < 0.01:
        return 1.0 - x / 3.0 + x**2 / 12.0 - x**3 / 60.0 + x**4 / 360.0
    return 2.0 * (x + math.expm1(-x)) / x**2


def bed_protracted(
    *,
    total_dose_gy: Dose,
    n_fractions: int,
    alpha_beta_gy: float,
    duration_minutes: float,
    half_times_minutes: Sequence[tuple[float, float]],
) -> Dose:
    """BED [Gy] of fractions that each last T: D (1 + G d / (alpha/beta)); see :func:`protraction_factor`.

    Raises:
        WrongUsageError: E-DOMAIN.

    Limit: T = 0 is plain LQ. Validity: full repair between the fractions.
    """
    factor = protraction_factor(duration_minutes=duration_minutes, half_times_minutes=half_times_minutes)
    return _scaled_quadratic(total_dose_gy, n_fractions, alpha_beta_gy, factor)


def _scaled_quadratic(total_dose_gy: Dose, n_fractions: int, alpha_beta_gy: float, factor: float) -> Dose:
    dose = checked_dose(total_dose_gy, "total dose")
    ab = checked_positive(alpha_beta_gy, "alpha/beta")
    return dose * (1.0 + dose * (factor / (checked_fractions(n_fractions) * ab)))


def lql_tangent_slope(*, alpha_beta_gy: float, transition_dose_gy: float) -> float:
    """gamma/alpha that continues the LQ curve at dT without a kink, without unit: 1 + 2 dT / (alpha/beta).

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Astrahan 2008.
    """
    ab = checked_positive(alpha_beta_gy, "alpha/beta")
    return 1.0 + 2.0 * checked_positive(transition_dose_gy, "transition dose") / ab


def bed_lql(
    *,
    total_dose_gy: Dose,
    n_fractions: int,
    alpha_beta_gy: float,
    transition_dose_gy: float,
    gamma_per_alpha: float,
) -> Dose:
    """BED [Gy] of the linear-quadratic-linear model: n (dT (1 + dT / (alpha/beta)) + (gamma/alpha) (d - dT)) above dT.

    Args:
        total_dose_gy: D [Gy], number or array.
        n_fractions: n.
        alpha_beta_gy: alpha/beta [Gy].
        transition_dose_gy: dT [Gy per fraction]; at and below it plain LQ.
        gamma_per_alpha: slope above dT over alpha, without unit; :func:`lql_tangent_slope` gives the smooth one.

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Astrahan M, Med Phys 2008;35:4161. Limit: d <= dT is plain LQ. dT is a fit parameter, not a constant of
    a tissue.
    """
    dose = checked_dose(total_dose_gy, "total dose")
    n = checked_fractions(n_fractions)
    ab = checked_positive(alpha_beta_gy, "alpha/beta")
    edge = checked_positive(transition_dose_gy, "transition dose")
    slope = checked_positive(gamma_per_alpha, "gamma/alpha")
    below = _least(dose, n * edge)
    return below * (1.0 + below * (1.0 / (n * ab))) + slope * (dose - below)


class UscTransition(NamedTuple):
    """Where the two curves of the universal survival curve touch."""

    transition_dose_gy: float
    alpha_beta_gy: float


def usc_transition(*, alpha_per_gy: float, d0_gy: float, dq_gy: float) -> UscTransition:
    """DT and alpha/beta [Gy] that follow from alpha, D0 and Dq when the line is the tangent of the LQ curve.

    DT = 2 Dq / (1 - alpha D0); beta = (1 - alpha D0)^2 / (4 D0 Dq).

    Args:
        alpha_per_gy: alpha [1/Gy].
        d0_gy: D0, inverse final slope of the multitarget curve [Gy].
        dq_gy: Dq, quasi-threshold dose [Gy].

    Raises:
        WrongUsageError: E-DOMAIN, also when alpha D0 >= 1: then no tangent exists.

    Reference: Park C et al., Int J Radiat Oncol Biol Phys 2008;70:847.
    """
    alpha = checked_positive(alpha_per_gy, "alpha")
    d0, dq = checked_positive(d0_gy, "D0"), checked_positive(dq_gy, "Dq")
    rest = 1.0 - alpha * d0
    if rest <= 0:
        raise wrong_usage("E-DOMAIN", "alpha x D0", seen=f"{alpha * d0:g}", detail="must be below 1")
    return UscTransition(2.0 * dq / rest, alpha * 4.0 * d0 * dq / rest**2)


def bed_usc(*, total_dose_gy: Dose, n_fractions: int, alpha_per_gy: float, d0_gy: float, dq_gy: float) -> Dose:
    """BED [Gy] of the universal survival curve: plain LQ below DT, (D - n Dq) / (alpha D0) from DT on.

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Park 2008; parameters as in :func:`usc_transition`, from which alpha/beta and DT follow. Limit: d <= DT
    is plain LQ.
    """
    dose = checked_dose(total_dose_gy, "total dose")
    n = checked_fractions(n_fractions)
    edge, ab = usc_transition(alpha_per_gy=alpha_per_gy, d0_gy=d0_gy, dq_gy=dq_gy)
    below = _least(dose, n * edge)
    # The line through the transition point, so that the two halves meet exactly.
    return below * (1.0 + below * (1.0 / (n * ab))) + (dose - below) * (1.0 / (alpha_per_gy * d0_gy))


def sfed(*, total_dose_gy: float, n_fractions: int, alpha_per_gy: float, d0_gy: float, dq_gy: float) -> float:
    """Single fraction equivalent dose [Gy] in the universal survival curve: D - (n - 1) Dq when d >= DT.

    Below DT the single dose with the same BED is solved for. Limit: n = 1 gives D.

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Park 2008.
    """
    effect = bed_usc(
        total_dose_gy=total_dose_gy, n_fractions=n_fractions, alpha_per_gy=alpha_per_gy, d0_gy=d0_gy, dq_gy=dq_gy
    )
    edge, ab = usc_transition(alpha_per_gy=alpha_per_gy, d0_gy=d0_gy, dq_gy=dq_gy)
    if effect <= bed(total_dose_gy=edge, n_fractions=1, alpha_beta_gy=ab):
        return total_dose_for_bed(bed_gy=effect, n_fractions=1, alpha_beta_gy=ab)
    return effect * alpha_per_gy * d0_gy + dq_gy


def _least(dose: Dose, ceiling: float) -> Dose:
    if isinstance(dose, float):
        return min(dose, ceiling)
    import numpy

    return cast(Dose, numpy.minimum(dose, ceiling))
