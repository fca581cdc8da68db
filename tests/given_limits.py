"""Hand-made Dvhs, rows and tables for rules that meet one number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sbrtcheck.judging.organ_limits import PlanContext
from sbrtcheck.model import (
    Dvh,
    Level,
    LimitRow,
    OrganTable,
    Samples,
)
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.model.subject import Subject


def uniform_dvh(dose_gy: float, volume_cm3: float = 10.0, *, roi: str = "x", spread_gy: float = 0.0) -> Dvh:
    """A structure with one dose (or a linear fall from dose to dose - spread)."""
    n = 400
    doses = dose_gy - spread_gy * (np.arange(n) + 0.5) / n
    samples = Samples(doses, np.full(n, volume_cm3 / n))
    return Dvh(roi=roi, samples=samples, total_volume_cm3=volume_cm3, max_gy=dose_gy)


def row(
    organ: str,
    metric: str,
    limit: float,
    *,
    comparator: str = "<=",
    level: Level = Level.MANDATORY,
    joint: tuple[str, ...] = (),
    condition: str = "",
    confidence: str = "high",
    n_fractions: int = 5,
) -> LimitRow:
    parsed = parse_metric(metric)
    return LimitRow(
        rule_id=f"T:{organ}:{metric}:{limit}",
        table="t",
        organ=organ,
        n_fractions=n_fractions,
        metric=parsed,
        metric_text=metric,
        comparator=comparator,
        limit=limit,
        unit=parsed.unit,
        level=level,
        level_printed="unspecified",
        condition=condition,
        joint=joint,
        computable=True,
        endpoint="",
        seen_at="",
        cross_check="",
        confidence=confidence,
        note="",
    )


def table(*rows: LimitRow) -> OrganTable:
    return OrganTable(
        name="t",
        title="Table T",
        citation="",
        doi="",
        edition="",
        version="1.0.0",
        population="",
        trust="transcription",
        may_decide=True,
        may_be_stricter_source=True,
        point_volume_cm3=0.035,
        point_volume_printed=False,
        judged_as_note="",
        sha256="0",
        rows=rows,
    )


def context(subjects: dict[str, tuple[Subject, ...]], **changes: object) -> PlanContext:
    base = PlanContext(label="p", n_fractions=5, subjects=subjects, required={})
    return replace(base, **changes)  # type: ignore[arg-type]


def subject(organ: str, dvh: Dvh, **changes: object) -> Subject:
    return replace(Subject(organ=organ, roi=organ, dvh=dvh, distance_mm=100.0), **changes)  # type: ignore[arg-type]
