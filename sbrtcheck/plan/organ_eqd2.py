"""EQD2 of every organ of a plan: each sample converted with its own dose per fraction, at the organ's own alpha/beta.

Information only: no limit is judged here. The alpha/beta of an organ is that of the clinic file, else the convention of
constraints/alpha_beta.csv, else its first late-responding row; its range spans every late-responding row of the organ,
their intervals included. An organ that is part of a union (Lung_L of Lungs) takes the union's. Nothing is guessed: an
organ without a row has no number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import safe_text
from sbrtcheck.model import Dvh, OrganEqd2
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.radiobiology.lq import eqd2_dvh
from sbrtcheck.tables.alpha_beta import OrganAlphaBeta, alpha_beta_of

NEAR_MAX = "D0.035cc[Gy]"
NO_VALUE = "no alpha/beta for this organ in constraints/alpha_beta.csv: no EQD2"


def organ_eqd2(doses: PlanDoses, *, clinic: Mapping[str, float] | None = None) -> tuple[OrganEqd2, ...]:
    """One record per structure that stands for an organ, in the order in which the plan has them.

    Args:
        clinic: organ to alpha/beta [Gy], as the clinic file has it.
    """
    out = []
    for organ, dvh in eqd2_subjects(doses):
        record = OrganEqd2(plan=doses.label, organ=organ, roi=safe_text(dvh.roi))
        found = alpha_beta_of(organ, clinic=clinic)
        if dvh.blocked is not None:
            record = replace(record, note=safe_text(dvh.blocked_note))
        elif found is None:
            record = replace(record, note=NO_VALUE)
        else:
            record = _record(record, dvh, found, doses.n_fractions)
        out.append(record)
    return tuple(out)


def eqd2_subjects(doses: PlanDoses) -> list[tuple[str, Dvh]]:
    """Organ and Dvh of each subject; a structure that stands for an organ and for its union is listed once."""
    found: dict[tuple[str, str], tuple[str, Dvh]] = {}
    for organ, subjects in doses.subjects.items():
        for subject in subjects:
            found.setdefault((organ.removesuffix("-GTV"), subject.roi), (organ, replace(subject.dvh, roi=subject.roi)))
    return list(found.values())


def _record(record: OrganEqd2, dvh: Dvh, found: OrganAlphaBeta, n_fractions: int) -> OrganEqd2:
    """Near-maximum and mean at the value and over the range; both fall or rise steadily with alpha/beta."""
    plain = replace(dvh, variants=(), alternatives=())
    ratios = (found.value_gy, *(found.range_gy or ()))
    near: list[float | None] = []
    mean: list[float | None] = []
    note = ""
    for ratio in ratios:
        converted = eqd2_dvh(plain, n_fractions=n_fractions, alpha_beta_gy=ratio)
        for metric, values in ((NEAR_MAX, near), ("Mean[Gy]", mean)):
            value = evaluate(f"EQD2(a/b={ratio:g}):{metric}", converted)
            values.append(value.value)
            note = note or value.note
    return replace(
        record,
        alpha_beta_gy=found.value_gy,
        alpha_beta_range_gy=found.range_gy,
        endpoint=found.endpoint,
        source=found.source,
        near_max_gy=near[0],
        near_max_range_gy=_span(near),
        mean_gy=mean[0],
        mean_range_gy=_span(mean),
        note=note,
    )


def _span(values: list[float | None]) -> tuple[float, float] | None:
    known = [v for v in values if v is not None]
    return (min(known), max(known)) if len(known) == len(values) > 1 else None
