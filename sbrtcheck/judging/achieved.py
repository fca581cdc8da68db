"""BED10 and EQD2 of what a lesion gets, not only of what was prescribed: near-minimum, median and near-maximum."""

from __future__ import annotations

from dataclasses import dataclass

from sbrtcheck.dvh.around_targets.indices import icru91
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.judging import guideline
from sbrtcheck.model import Finding, FindingKind, Lesion, MetricValue
from sbrtcheck.model.finding import information, told
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.radiobiology.lq import bed_dvh, eqd2_dvh
from sbrtcheck.tables import schemes


@dataclass(frozen=True, slots=True)
class Achieved:
    """One number of one target structure: BED10 with its tier, or EQD2 (tier "")."""

    roi: str
    value: MetricValue
    tier: str = ""


def achieved(doses: PlanDoses, lesion: Lesion) -> tuple[Achieved, ...]:
    """Near-minimum, median and near-maximum (ICRU 91) of the PTV and of the structure whose near-minimum counts.

    Every sample is converted with its own dose per fraction, alpha/beta 10 Gy; what has no number is left out.
    """
    alpha_beta_gy = schemes.BED10_ALPHA_BETA_GY
    out = []
    for roi in dict.fromkeys((lesion.ptv, lesion.near_minimum_roi)):
        dvh = doses.dvhs[roi]
        physical = [v.metric for v in icru91(dvh) if v.value is not None]
        if not physical:
            continue
        converted = (
            ("BED", bed_dvh(dvh, n_fractions=doses.n_fractions, alpha_beta_gy=alpha_beta_gy)),
            ("EQD2", eqd2_dvh(dvh, n_fractions=doses.n_fractions, alpha_beta_gy=alpha_beta_gy)),
        )
        for name, biological in converted:
            for metric in physical:
                value = evaluate(f"{name}(a/b={alpha_beta_gy:g}):{metric}", biological)
                if value.value is not None:
                    out.append(Achieved(roi, value, guideline.tier_of(value.value) if name == "BED" else ""))
    return tuple(out)


def achieved_findings(doses: PlanDoses, lesion: Lesion) -> list[Finding]:
    """The same as information that does nothing to the outcome: for JSON and CSV, row by row."""
    return [
        information(
            rule_id=f"information:{a.value.metric}",
            kind=FindingKind.LESION_BED10,
            value=a.value,
            lesion=lesion.id,
            plan=doses.label,
            roi=a.roi,
            metric=a.value.metric,
            notes=told("achieved", a.tier, a.value.note),
            source="voxel-wise conversion",
        )
        for a in achieved(doses, lesion)
    ]
