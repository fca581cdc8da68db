"""Facts of the caller, the case file and the clinic file together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sbrtcheck.model import Options
from sbrtcheck.model.policy import NormalisedTo, Policy
from sbrtcheck.read.case_file import CaseFile, CaseLesion, Excuse, FarOrgan
from sbrtcheck.read.clinic_file import ClinicFile, policy_in_force
from sbrtcheck.tables.policy import load_policy


def with_case(given: GivenFacts, case: CaseFile | None, clinic: ClinicFile | None = None) -> GivenFacts:
    """What the caller gives, filled from the case file; the names of the clinic file are habits and may be absent.

    What the caller gives is the more specific and comes first.
    """
    lesions = case.lesions if case else ()
    declared_gy = {x.roi: x.prescription_gy for x in lesions if x.prescription_gy is not None}
    absent = {a.organ: f"case file: {a.reason}" for a in case.absent} if case else {}
    return replace(
        given,
        prescriptions_gy={**declared_gy, **given.prescriptions_gy},
        sites={**{x.roi: _place(x) for x in lesions if x.site}, **given.sites},
        optional_map={**(dict(clinic.names) if clinic else {}), **given.optional_map},
        absent={**absent, **given.absent},
        sex=given.sex or (case.sex if case else ""),
        far=case.far if case else given.far,
        confirmed=frozenset(case.confirmed) if case else given.confirmed,
        normalised_to={**_normalised(case), **given.normalised_to},
        excuses=(*given.excuses, *(case.excuses if case else ())),
        policy=policy_in_force(clinic),
    )


def _place(lesion: CaseLesion) -> str:
    """Site and level as an option states them."""
    return f"{lesion.site}:{lesion.level}" if lesion.level else lesion.site


def _normalised(case: CaseFile | None) -> dict[str, NormalisedTo]:
    """What the case file says that prescriptions cover, by target; "" for every target."""
    if case is None:
        return {}
    of_all = {} if case.normalised_to is None else {"": case.normalised_to}
    return {**of_all, **{x.roi: x.normalised_to for x in case.lesions if x.normalised_to is not None}}


@dataclass(frozen=True, slots=True)
class GivenFacts:
    """What the caller adds to the files. Facts fill what is missing and never contradict what is there.

    ``roi_map`` names ROIs that must be there; ``optional_map`` (a clinic's habits) those that may be. ``sites``: target
    ("" for all) to ``site`` or ``site:level``. ``far``: organs declared far from every target. ``confirmed``: organs
    whose contour somebody has looked at and found right.
    ``prescriptions_gy``: target to total dose, or "all" for every target without one. ``normalised_to``: target ("" for
    all) to what its prescription covers. ``excuses``: why missing coverage is accepted. ``policy``: the numbers by
    which a prescription is linked.
    """

    n_fractions: int | None = None
    prescriptions_gy: Mapping[str, float] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    roi_map: Mapping[str, str] = field(default_factory=dict)
    optional_map: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    sex: str = ""
    far: tuple[FarOrgan, ...] = ()
    confirmed: frozenset[str] = frozenset()
    normalised_to: Mapping[str, NormalisedTo] = field(default_factory=dict)
    excuses: tuple[Excuse, ...] = ()
    policy: Policy = field(default_factory=load_policy)

    @classmethod
    def of(cls, options: Options, *, sex: str = "") -> GivenFacts:
        """The facts among the options of a caller; ``sex`` as the files state it."""
        return cls(
            n_fractions=options.fractions,
            prescriptions_gy=options.prescriptions,
            sites=options.sites,
            roi_map=options.roi_map,
            sex=sex,
        )
