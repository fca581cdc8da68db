"""What a row limits: a point, a volume, a mean, a share of the volume, or a spared volume."""

from __future__ import annotations

from sbrtcheck.errors import SbrtcheckError
from sbrtcheck.model import Finding, Metric
from sbrtcheck.model.metric import parse_metric
from sbrtcheck.model.policy import SupplementKind

# Up to this volume a hottest-volume dose stands for a point [cm3]; a table may print a larger point volume of its own.
POINT_CM3 = 0.1


def kind_of(metric: Metric, *, point_cm3: float = POINT_CM3) -> SupplementKind | None:
    """The kind of a metric; None for what limits no organ (a minimum, a dose index).

    Args:
        point_cm3: the point volume of the row's table [cm3], where it prints a larger one.
    """
    if metric.kind == "Mean":
        return SupplementKind.MEAN
    if metric.kind in {"CV", "DC"}:
        return SupplementKind.SPARED
    if metric.kind == "Max":
        return SupplementKind.POINT
    if metric.kind == "V":
        return SupplementKind.VOLUME_PERCENT if metric.unit == "%" else SupplementKind.VOLUME
    if metric.kind != "D" or metric.amount is None:
        return None
    if metric.amount_unit == "%":
        return SupplementKind.VOLUME_PERCENT
    small = metric.amount <= max(POINT_CM3, point_cm3) + 1e-9
    return SupplementKind.POINT if small else SupplementKind.VOLUME


def kind_of_finding(finding: Finding) -> SupplementKind | None:
    """The kind of a finding's metric; None where it has none that can be read."""
    try:
        return kind_of(parse_metric(finding.metric)) if finding.metric else None
    except SbrtcheckError:
        return None


def missed_by_percent(finding: Finding) -> float | None:
    """How far the value lies beyond the limit, in percent of the limit; None without a number, below 0 when kept."""
    if finding.margin is None or not finding.limit:
        return None
    return -100.0 * finding.margin / finding.limit
