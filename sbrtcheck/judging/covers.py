"""What a prescription covers: the volume of the PTV, what is declared, or a point."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.dvh.points.interpolation import dose_at
from sbrtcheck.model import DoseReference, Lesion, Metric, MetricKind, MetricValue
from sbrtcheck.model.policy import NormalisedTo, Policy
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.schemes import SAME_DOSE_GY

POINT_TYPES = {"COORDINATES", "POINT", "SITE"}
# A declaration that asks for this of the PTV, or more, asks for what coverage goals ask for anyway.
_FULL_VOLUME_PERCENT = 95.0


class Meaning(StrEnum):
    """How the prescription of a target is meant."""

    VOLUME = "volume"
    DECLARED = "declared"
    POINT = "point"


@dataclass(frozen=True, slots=True)
class Covers:
    """What a prescription covers, in words too. ``point_gy``: the dose at the point that it names [Gy], if any."""

    meaning: Meaning
    text: str
    declared: NormalisedTo | None = None
    point_gy: float | None = None

    @property
    def asks_less(self) -> bool:
        """Whether it is declared to cover less than the PTV, so that full coverage of the PTV is not what was asked."""
        d = self.declared
        if d is None:
            return False
        return not (d.structure == "PTV" and d.volume_percent >= _FULL_VOLUME_PERCENT and d.dose_percent >= 100)


def covers(doses: PlanDoses, lesion: Lesion, policy: Policy) -> Covers:
    """What the prescription of a lesion covers.

    A dose that the plan states for a point, or for the site alone, is meant for the volume where D95% or D98% of the
    PTV agrees with it. It is held at the point where the dose agrees there, or without coordinates at the median; where
    nothing agrees, or D95% is so low that the target is another one or missed, it is held like any other.
    """
    declared = declared_for(doses, lesion)
    if declared is not None:
        return Covers(Meaning.DECLARED, f"declared: {declared.text}", declared=declared)
    stated = _references_of(doses, lesion)
    if not stated or any(r.structure_type not in POINT_TYPES for r in stated):
        return Covers(Meaning.VOLUME, "PTV")
    kind = stated[0].structure_type
    low, high = (policy.value(f"target_dose.point_coverage_{end}_percent") for end in ("low", "high"))
    for metric in ("D95%", "D98%"):
        share = _percent(doses, lesion, metric)
        if share is not None and low <= share <= high:
            return Covers(Meaning.VOLUME, f"PTV: prescribed to {kind}, and {metric} is {share:.1f} % of it")
    point_gy = _dose_at_point(doses, stated)
    if point_gy is None:
        at_point = _percent(doses, lesion, "D50%")
    else:
        at_point = 100 * point_gy / (lesion.prescription_gy or np.inf)
    within = policy.value("target_dose.point_within_percent")
    d95 = _percent(doses, lesion, "D95%")
    missed = d95 is None or d95 < 100 - policy.value("target_dose.unlinked_match_percent")
    if at_point is not None and abs(at_point - 100) <= within and not missed:
        where = "the point" if point_gy is not None else "the median (D50%)"
        return Covers(Meaning.POINT, f"{where}: prescribed to {kind}, {at_point:.1f} % of it there", point_gy=point_gy)
    return Covers(
        Meaning.VOLUME, f"PTV: prescribed to {kind}, and neither point nor coverage agrees", point_gy=point_gy
    )


def declared_for(doses: PlanDoses, lesion: Lesion) -> NormalisedTo | None:
    """What the case or clinic file declares for this target, else for every one."""
    stated = doses.given.normalised_to
    own = [m for m in (lesion.ptv, lesion.itv, lesion.gtv, lesion.ctv) if m]
    return next((stated[m] for m in own if m in stated), stated.get(""))


def declared_value(doses: PlanDoses, lesion: Lesion, declared: NormalisedTo) -> tuple[str, MetricValue]:
    """The structure that a declaration speaks of and its dose at that volume [% of Rx]; "" when it is not drawn."""
    members = {"PTV": lesion.ptv, "CTV": lesion.ctv, "ITV": lesion.itv, "GTV": lesion.gtv}
    roi = members[declared.structure] or (lesion.itv or lesion.gtv if declared.structure in {"GTV", "ITV"} else "")
    metric = Metric(kind=MetricKind.DOSE, amount=declared.volume_percent, amount_unit="%", unit="%")
    dvh = doses.dvhs[roi or lesion.ptv]
    return roi, evaluate(metric, dvh, prescription_gy=lesion.prescription_gy)


def _references_of(doses: PlanDoses, lesion: Lesion) -> list[DoseReference]:
    """The dose references that this lesion's prescription came from: of its own structures, else of no structure."""
    if lesion.prescription_gy is None or lesion.linked_by.startswith("given by"):
        return []
    by_number = {n.roi.number: n.roi.name for n in doses.named}
    same = [
        r
        for r in doses.data.plan.dose_references
        if r.reference_type == "TARGET"
        and r.target_prescription_gy is not None
        and abs(r.target_prescription_gy - lesion.prescription_gy) <= SAME_DOSE_GY
    ]
    members = {m for m in (lesion.ptv, lesion.gtv, lesion.itv, lesion.ctv) if m}
    own = [r for r in same if r.roi_number is not None and by_number.get(r.roi_number) in members]
    return own or [r for r in same if r.roi_number is None or r.roi_number not in by_number]


def _percent(doses: PlanDoses, lesion: Lesion, metric: str) -> float | None:
    """A dose of the PTV in percent of the prescription."""
    return evaluate(f"{metric}[%]", doses.dvhs[lesion.ptv], prescription_gy=lesion.prescription_gy).value


def _dose_at_point(doses: PlanDoses, references: list[DoseReference]) -> float | None:
    points = [r.point_mm for r in references if r.point_mm is not None]
    if not points:
        return None
    gy = float(dose_at(doses.data.dose, np.array(points[:1]))[0])
    return gy if np.isfinite(gy) else None
