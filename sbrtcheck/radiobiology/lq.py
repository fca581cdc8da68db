"""The linear-quadratic model: BED, EQD2, their inverses, sums of courses and alpha/beta intervals.

Floats in, floats out; arrays in, arrays out, each element with its own dose per fraction. There is no default
alpha/beta and no default number of fractions anywhere. Symbols: D total dose [Gy], n fractions, d = D/n.

References: Fowler JF, Br J Radiol 1989;62:679 (BED); Bentzen SM et al., Radiother Oncol 2012;105:266 (EQD2 and EQDX).
Validity: the quadratic term is validated to about 10 Gy per fraction and held reasonable to about 18 Gy (Brenner DJ,
Semin Radiat Oncol 2008;18:234); above, the number is an extrapolation. Full repair between fractions is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from sbrtcheck.errors import wrong_usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sbrtcheck.model import Dvh

# numpy is imported only when an array is given: a calculation on numbers must not wait for it.
Dose = TypeVar("Dose", float, "NDArray[np.float64]")

MAX_FRACTIONS = 100
# Far outside anything physical, and near enough that no product of two of them overflows.
SMALLEST, LARGEST = 1e-9, 1e12


class Interval(NamedTuple):
    """A value [Gy] at the nominal alpha/beta, and the lowest and highest over the alpha/beta interval."""

    low: float
    nominal: float
    high: float


class FractionCount(NamedTuple):
    """How many fractions of a given size reach an effect: the exact number, and the whole numbers beside it."""

    exact: float
    not_above: int
    at_least: int


def checked_dose(value: Dose, name: str = "dose") -> Dose:
    """The dose [Gy] as float or float array, if it is finite and not negative.

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0.0 <= value <= LARGEST:
            raise wrong_usage("E-DOMAIN", name, seen=value, detail="must be finite and not negative")
        return float(value)
    if isinstance(value, (str, bytes, bool)) or value is None:
        raise wrong_usage("E-DOMAIN", name, seen=value, detail="is not a number")
    import numpy

    try:
        array = numpy.asarray(value, dtype=numpy.float64)
    except (TypeError, ValueError) as error:
        raise wrong_usage("E-DOMAIN", name, seen=type(value).__name__, detail="is not a number") from error
    # min and max let NaN through to the comparison, which it fails.
    if array.size and not (array.min() >= 0.0 and array.max() <= LARGEST):
        raise wrong_usage("E-DOMAIN", name, detail="an element is negative or not finite")
    return cast(Dose, float(array) if array.ndim == 0 else array)


def checked_positive(value: float, name: str, *, zero_allowed: bool = False) -> float:
    """A finite number above zero (or not below zero).

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise wrong_usage("E-DOMAIN", name, seen=value, detail="is not a number") from error
    is_number = not isinstance(value, (bool, str)) and SMALLEST <= number <= LARGEST
    if not is_number and not (zero_allowed and number == 0 and not isinstance(value, (bool, str))):
        wanted = "finite and not negative" if zero_allowed else "finite and above zero"
        if 0 < number < math.inf and not isinstance(value, (bool, str)):
            wanted = f"from {SMALLEST:g} to {LARGEST:g}"
        raise wrong_usage("E-DOMAIN", name, seen=value, detail=f"must be {wanted}")
    return number


def checked_fractions(value: float) -> int:
    """The number of fractions: whole, 1 to 100.

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    number = checked_positive(value, "number of fractions")
    if number != int(number) or not 1 <= number <= MAX_FRACTIONS:
        raise wrong_usage(
            "E-DOMAIN",
            "number of fractions",
            seen=value,
            detail=f"must be a whole number from 1 to {MAX_FRACTIONS}",
            remedy="Give the number of fractions of the course",
        )
    return int(number)


def bed(*, total_dose_gy: Dose, n_fractions: int, alpha_beta_gy: float) -> Dose:
    """Calculate the biologically effective dose [Gy]: D (1 + d / (alpha/beta)).

    Args:
        total_dose_gy: D [Gy], number or array of any shape; each element is divided by n on its own.
        n_fractions: n, whole, 1 to 100.
        alpha_beta_gy: alpha/beta [Gy], above zero.

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Fowler 1989. Limit: alpha/beta to infinity gives D. D = 0 gives 0.
    """
    dose = checked_dose(total_dose_gy, "total dose")
    n = checked_fractions(n_fractions)
    ab = checked_positive(alpha_beta_gy, "alpha/beta")
    return dose * (1.0 + dose * (1.0 / (n * ab)))


def eqdx(*, total_dose_gy: Dose, n_fractions: int, alpha_beta_gy: float, reference_dose_per_fraction_gy: float) -> Dose:
    """Total dose in fractions of x Gy with the same BED [Gy]: D (d + alpha/beta) / (x + alpha/beta).

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Bentzen 2012, equation 1. Limit: x to 0 gives the BED.
    """
    x = checked_positive(reference_dose_per_fraction_gy, "reference dose per fraction")
    ab = checked_positive(alpha_beta_gy, "alpha/beta")
    return bed(total_dose_gy=total_dose_gy, n_fractions=n_fractions, alpha_beta_gy=ab) * (ab / (x + ab))


def eqd2(*, total_dose_gy: Dose, n_fractions: int, alpha_beta_gy: float) -> Dose:
    """Calculate the total dose in 2 Gy fractions with the same BED [Gy]: D (d + alpha/beta) / (2 + alpha/beta).

    Raises:
        WrongUsageError: E-DOMAIN.

    Reference: Bentzen 2012. Limit: d = 2 Gy gives D.
    """
    return eqdx(
        total_dose_gy=total_dose_gy,
        n_fractions=n_fractions,
        alpha_beta_gy=alpha_beta_gy,
        reference_dose_per_fraction_gy=2.0,
    )


def eqd2_from_bed(*, bed_gy: Dose, alpha_beta_gy: float) -> Dose:
    """EQD2 [Gy] of a BED [Gy]: BED / (1 + 2 / (alpha/beta))."""
    ab = checked_positive(alpha_beta_gy, "alpha/beta")
    return checked_dose(bed_gy, "BED") * (ab / (2.0 + ab))


def bed_from_eqd2(*, eqd2_gy: Dose, alpha_beta_gy: float) -> Dose:
    """BED [Gy] of an EQD2 [Gy]: EQD2 (1 + 2 / (alpha/beta))."""
    ab = checked_positive(alpha_beta_gy, "alpha/beta")
    return checked_dose(eqd2_gy, "EQD2") * (1.0 + 2.0 / ab)


def total_dose_for_bed(*, bed_gy: Dose, n_fractions: int, alpha_beta_gy: float) -> Dose:
    """The total dose [Gy] that gives a BED [Gy] in n fractions: n/2 (-ab + sqrt(ab^2 + 4 ab BED / n)).

    Raises:
        WrongUsageError: E-NO-SOLUTION for a negative BED, E-DOMAIN.

    Written as 2 BED / (1 + sqrt(1 + 4 BED / (n ab))), the same root without cancellation.
    """
    wanted = _effect(bed_gy, "BED")
    n = checked_fractions(n_fractions)
    ab = checked_positive(alpha_beta_gy, "alpha/beta")
    root: Dose = (1.0 + 4.0 * wanted / (n * ab)) ** 0.5
    return 2.0 * wanted / (1.0 + root)


def total_dose_for_eqd2(*, eqd2_gy: Dose, n_fractions: int, alpha_beta_gy: float) -> Dose:
    """The total dose [Gy] that gives an EQD2 [Gy] in n fractions; see :func:`total_dose_for_bed`.

    Raises:
        WrongUsageError: E-NO-SOLUTION, E-DOMAIN.
    """
    ab = checked_positive(alpha_beta_gy, "alpha/beta")
    return total_dose_for_bed(
        bed_gy=_effect(eqd2_gy, "EQD2") * (1.0 + 2.0 / ab), n_fractions=n_fractions, alpha_beta_gy=ab
    )


def isoeffective_total_dose(
    *, total_dose_gy: Dose, n_fractions: int, new_n_fractions: int, alpha_beta_gy: float
) -> Dose:
    """The total dose [Gy] in ``new_n_fractions`` with the BED of D in ``n_fractions``. Limit: the same n gives D.

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    effect = bed(total_dose_gy=total_dose_gy, n_fractions=n_fractions, alpha_beta_gy=alpha_beta_gy)
    return total_dose_for_bed(bed_gy=effect, n_fractions=new_n_fractions, alpha_beta_gy=alpha_beta_gy)


def n_fractions_for_bed(*, bed_gy: float, dose_per_fraction_gy: float, alpha_beta_gy: float) -> FractionCount:
    """How many fractions of d [Gy] give a BED [Gy]: n = BED / (d (1 + d / (alpha/beta))).

    ``not_above`` is the largest whole number whose BED is not above the wanted one (it can be 0), ``at_least`` the
    smallest whose BED reaches it.

    Raises:
        WrongUsageError: E-NO-SOLUTION when more than 100 fractions are needed; E-DOMAIN.
    """
    wanted = _effect(bed_gy, "BED")
    d = checked_positive(dose_per_fraction_gy, "dose per fraction")
    exact = wanted / bed(total_dose_gy=d, n_fractions=1, alpha_beta_gy=alpha_beta_gy)
    if exact > MAX_FRACTIONS:
        raise wrong_usage(
            "E-NO-SOLUTION",
            "number of fractions",
            seen=f"{exact:.1f}",
            detail=f"more than {MAX_FRACTIONS} fractions of {d:g} Gy would be needed",
        )
    nearest = round(exact)
    if math.isclose(exact, nearest, rel_tol=1e-9):  # 150 / 50 must be 3, also when it is 3.0000000000000004
        return FractionCount(exact, nearest, nearest)
    return FractionCount(exact, math.floor(exact), math.ceil(exact))


def course_bed(*, phases: Iterable[tuple[Dose, int]], alpha_beta_gy: float) -> Dose:
    """BED [Gy] of phases given one after the other: the sum of the BED of each. Fractions are never pooled.

    Args:
        phases: pairs (total dose [Gy], number of fractions); arrays of one shape, voxel by voxel.
        alpha_beta_gy: alpha/beta [Gy].

    Raises:
        WrongUsageError: E-DOMAIN, also when there is no phase.

    Phases given in the same sessions are another case: add their dose per fraction first.
    """
    terms: list[Any] = [bed(total_dose_gy=d, n_fractions=n, alpha_beta_gy=alpha_beta_gy) for d, n in phases]
    if not terms:
        raise wrong_usage("E-DOMAIN", "course", detail="has no phase")
    return cast(Dose, sum(terms[1:], start=terms[0]))


def course_eqd2(*, phases: Iterable[tuple[Dose, int]], alpha_beta_gy: float) -> Dose:
    """EQD2 [Gy] of phases given one after the other; see :func:`course_bed`."""
    return eqd2_from_bed(bed_gy=course_bed(phases=phases, alpha_beta_gy=alpha_beta_gy), alpha_beta_gy=alpha_beta_gy)


def bed_interval(
    *,
    phases: Iterable[tuple[float, int]],
    alpha_beta_gy: float,
    alpha_beta_low_gy: float,
    alpha_beta_high_gy: float,
) -> Interval:
    """BED [Gy] of a course over an alpha/beta interval. BED falls as alpha/beta rises, so the ends are the extremes.

    Raises:
        WrongUsageError: E-DOMAIN, also when the nominal value lies outside the interval.
    """
    course, ratios = tuple(phases), _ordered(alpha_beta_low_gy, alpha_beta_gy, alpha_beta_high_gy)
    high, nominal, low = (course_bed(phases=course, alpha_beta_gy=ratio) for ratio in ratios)
    return Interval(low, nominal, high)


def eqd2_interval(
    *,
    phases: Iterable[tuple[float, int]],
    alpha_beta_gy: float,
    alpha_beta_low_gy: float,
    alpha_beta_high_gy: float,
) -> Interval:
    """EQD2 [Gy] of a course over an alpha/beta interval. EQD2 - D is one sum over (2 + alpha/beta): it is monotone.

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    course, ratios = tuple(phases), _ordered(alpha_beta_low_gy, alpha_beta_gy, alpha_beta_high_gy)
    values = [course_eqd2(phases=course, alpha_beta_gy=ratio) for ratio in ratios]
    return Interval(min(values), values[1], max(values))


def bed_dvh(dvh: Dvh, *, n_fractions: int, alpha_beta_gy: float) -> Dvh:
    """A physical Dvh on the BED axis: every sample, variant and alternative with its own dose per fraction.

    Raises:
        WrongUsageError: E-DOMAIN, also for a Dvh that is already biological: nothing is converted twice.
    """
    return _converted(dvh, n_fractions=n_fractions, alpha_beta_gy=alpha_beta_gy, per_gy=None)


def eqd2_dvh(dvh: Dvh, *, n_fractions: int, alpha_beta_gy: float) -> Dvh:
    """A physical Dvh on the EQD2 axis; see :func:`bed_dvh`. The mean of EQD2 is not the EQD2 of the mean dose."""
    return _converted(dvh, n_fractions=n_fractions, alpha_beta_gy=alpha_beta_gy, per_gy=2.0)


def _converted(dvh: Dvh, *, n_fractions: int, alpha_beta_gy: float, per_gy: float | None) -> Dvh:
    from dataclasses import replace

    from sbrtcheck.model import Quantity, Samples

    if dvh.quantity is not Quantity.PHYSICAL:
        raise wrong_usage("E-DOMAIN", dvh.roi, seen=dvh.quantity.value, detail="the dose is already a biological one")
    function = bed if per_gy is None else eqd2

    def dose(value: float | None) -> float | None:
        if value is None:
            return None
        return function(total_dose_gy=value, n_fractions=n_fractions, alpha_beta_gy=alpha_beta_gy)

    def samples(of: Samples) -> Samples:
        # BED and EQD2 rise with dose, so that the samples stay sorted.
        return replace(
            of, dose_gy=function(total_dose_gy=of.dose_gy, n_fractions=n_fractions, alpha_beta_gy=alpha_beta_gy)
        )

    return replace(
        dvh,
        samples=samples(dvh.samples),
        variants=tuple((name, samples(s)) for name, s in dvh.variants),
        slab_trilinear=None if dvh.slab_trilinear is None else samples(dvh.slab_trilinear),
        alternatives=tuple(
            _converted(d, n_fractions=n_fractions, alpha_beta_gy=alpha_beta_gy, per_gy=per_gy) for d in dvh.alternatives
        ),
        outside_bound_gy=dose(dvh.outside_bound_gy),
        max_gy=dose(dvh.max_gy),
        quantity=Quantity.BED if per_gy is None else Quantity.EQD2,
        alpha_beta_gy=float(alpha_beta_gy),
    )


def _effect(value: Dose, name: str) -> Dose:
    if isinstance(value, (int, float)) and value < 0:
        raise wrong_usage("E-NO-SOLUTION", name, seen=value, detail="no dose gives a negative effect")
    return checked_dose(value, name)


def _ordered(low: float, nominal: float, high: float) -> tuple[float, float, float]:
    values = tuple(checked_positive(v, "alpha/beta") for v in (low, nominal, high))
    if not values[0] <= values[1] <= values[2]:
        raise wrong_usage(
            "E-DOMAIN", "alpha/beta", seen=f"{low:g}, {nominal:g}, {high:g}", detail="the interval must hold the value"
        )
    return values[0], values[1], values[2]
