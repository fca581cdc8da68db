"""EQD2 of every organ of a plan: each sample converted with its own dose per fraction, at the organ's own alpha/beta.

Information only: no limit is judged here. The alpha/beta of an organ is that of the clinic file, else the convention of
constraints/alpha_beta.csv, else its first late-responding row; its range spans every late-responding row of the organ,
their intervals included. An organ that is part of a union (Lung_L of Lungs) takes the union's. Nothing is guessed: an
organ without a row has no number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import safe_text
from sbrtcheck.model import Dvh, OrganEqd2
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.radiobiology.lq import eqd2_dvh
from sbrtcheck.tables.alpha_beta import AlphaBeta, load_tissues
from sbrtcheck.tables.organs import load_organs

NEAR_MAX = "D0.035cc[Gy]"
NO_VALUE = "no alpha/beta for this organ in constraints/alpha_beta.csv: no EQD2"
_CONVENTION = "convention"


@dataclass(frozen=True, slots=True)
class OrganAlphaBeta:
    """The alpha/beta of one organ [Gy], with the range over its published values; None with only one of them."""

    value_gy: float
    range_gy: tuple[float, float] | None
    endpoint: str
    source: str


@cache
def _unions() -> Mapping[str, str]:
    """Part without side to the union that holds it: Lung to Lungs, A_Aorta to GreatVes."""
    out: dict[str, str] = {}
    for info in load_organs():
        for alternatives in info.union_of:
            for part in alternatives:
                out.setdefault(part[:-2] if part.endswith(("_L", "_R")) else part, info.organ)
    return out


def alpha_beta_of(organ: str, *, clinic: Mapping[str, float] | None = None) -> OrganAlphaBeta | None:
    """The alpha/beta of an organ of organs.csv, or None when nobody published one.

    Args:
        organ: without side; ``Lungs-GTV`` has that of Lungs, a joint organ (A+B) that of its parts where it is one.
        clinic: organ to alpha/beta [Gy], as the clinic file has it.
    """
    parts = organ.split("+")
    if len(parts) > 1:
        found = {alpha_beta_of(part, clinic=clinic) for part in parts}
        return found.pop() if len(found) == 1 else None
    base = organ.removesuffix("-GTV")
    for name in dict.fromkeys((base, _unions().get(base, base))):
        own = next((v for k, v in (clinic or {}).items() if k in {name, f"{name}_L", f"{name}_R"}), None)
        if own is not None:
            return OrganAlphaBeta(own, None, "", "clinic file")
        rows = [t for t in load_tissues() if t.tissue == name and t.tissue_class == "late"]
        if rows:
            return _chosen(rows, name if name != base else "")
    return None


def _chosen(rows: list[AlphaBeta], taken_from: str) -> OrganAlphaBeta:
    chosen = next((r for r in rows if r.kind == _CONVENTION), rows[0])
    # An interval that reaches to zero or below is no range of a ratio: then only the value itself counts.
    ends = [
        end for r in rows for end in (r.value_gy, r.low_gy, r.high_gy) if end is not None and (r.low_gy or 1.0) > 0.0
    ] + [r.value_gy for r in rows]
    sources = ", ".join(dict.fromkeys(r.source for r in rows if r is not chosen))
    source = chosen.source + (f"; range: {sources}" if sources else "") + (f"; as {taken_from}" if taken_from else "")
    low, high = min(ends), max(ends)
    return OrganAlphaBeta(chosen.value_gy, (low, high) if low < high else None, chosen.endpoint, source)


def organ_eqd2(doses: PlanDoses, *, clinic: Mapping[str, float] | None = None) -> tuple[OrganEqd2, ...]:
    """One record per structure that stands for an organ, in the order in which the plan has them.

    Args:
        doses: of the plan.
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
