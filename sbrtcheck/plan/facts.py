"""Facts of the caller, the case file and the clinic file together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sbrtcheck.model import Options
from sbrtcheck.read.case_file import CaseFile
from sbrtcheck.read.clinic_file import ClinicFile


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
        sites={**{x.roi: x.site for x in lesions if x.site}, **given.sites},
        optional_map={**(dict(clinic.names) if clinic else {}), **given.optional_map},
        absent={**absent, **given.absent},
        sex=given.sex or (case.sex if case else ""),
    )


@dataclass(frozen=True, slots=True)
class GivenFacts:
    """What the caller adds to the files. Facts fill what is missing and never contradict what is there.

    ``roi_map`` names ROIs that must be there; ``optional_map`` (a clinic's habits) those that may be.
    """

    n_fractions: int | None = None
    prescriptions_gy: Mapping[str, float] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    roi_map: Mapping[str, str] = field(default_factory=dict)
    optional_map: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    sex: str = ""

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
