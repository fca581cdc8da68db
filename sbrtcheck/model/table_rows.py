"""Rows of the shipped data files, as frozen records."""

from __future__ import annotations

from dataclasses import dataclass

from sbrtcheck.model.metric import Metric
from sbrtcheck.model.vocabulary import Level, Outcome


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One row of an organ table.

    ``level_printed`` is the source's word, ``level`` how the row is judged (None: listed, never judged).
    ``derived`` says how a limit was carried here from other numbers of fractions; "" for what a source prints.
    ``or_share_of_volume``: a spared volume must reach this share of the whole organ where that is more than ``limit``.
    ``limit_at_fewer``: what the source prints for the next lower number of fractions, for a carried limit in Gy.
    """

    rule_id: str
    table: str
    organ: str
    n_fractions: int | None
    metric: Metric | None
    metric_text: str
    comparator: str
    limit: float
    unit: str
    level: Level | None
    level_printed: str
    condition: str
    joint: tuple[str, ...]
    computable: bool
    endpoint: str
    seen_at: str
    cross_check: str
    confidence: str
    note: str
    derived: str = ""
    limit_at_fewer: float | None = None
    or_share_of_volume: float | None = None


@dataclass(frozen=True, slots=True)
class OrganTable:
    """One source of organ limits.

    ``sites``: those it was written for, empty for any. ``trust`` is what the program calls it; ``may_decide`` is False
    for compare-only tables.
    ``point_volume_cm3``: volume at which a ``Max[Gy]`` row is evaluated [cm3]; ``point_volume_printed`` says whether
    the source prints it or it is ours.
    """

    name: str
    title: str
    citation: str
    doi: str
    edition: str
    version: str
    population: str
    trust: str
    may_decide: bool
    may_be_stricter_source: bool
    point_volume_cm3: float
    point_volume_printed: bool
    judged_as_note: str
    sha256: str
    rows: tuple[LimitRow, ...]
    sites: tuple[str, ...] = ()

    def speaks_for(self, site: str) -> bool:
        """Whether the source was written for lesions of a site; one without sites speaks for every site."""
        return not self.sites or site in self.sites

    @property
    def fractions(self) -> tuple[int, ...]:
        """The numbers of fractions that the table has computable rows for."""
        return tuple(sorted({r.n_fractions for r in self.rows if r.n_fractions is not None and r.computable}))

    def rows_for(self, *, n_fractions: int) -> tuple[LimitRow, ...]:
        """The rows at exactly this number of fractions. A limit is never borrowed from another number."""
        return tuple(r for r in self.rows if r.n_fractions == n_fractions)


@dataclass(frozen=True, slots=True)
class TableChoice:
    """Which table decides, why, and what was left. ``table`` None: no shipped table covers this number of fractions.

    ``considered``: name of the table that would decide, whether it has rows at this number or not.
    """

    table: OrganTable | None
    reason: str
    nearest_fractions: tuple[int, ...] = ()
    considered: str = ""


@dataclass(frozen=True, slots=True)
class RegionRule:
    """One line of regions.csv: how an organ stands to a lesion site. Our policy, and said so.

    ``requirement``: "required", "if_near" or "not_asked". ``landmark``, ``direction`` and ``distance_mm`` go with
    if_near: the organ is required when the target comes within ``distance_mm`` of the landmark structure.
    """

    site: str
    organ: str
    requirement: str
    landmark: str = ""
    direction: str = ""
    distance_mm: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class OrganInfo:
    """One line of organs.csv.

    ``union_of``: the parts whose union is this organ; a part is a tuple of names of which at least one must be
    contoured. ``containers``: structures that contain the organ; ``<Organ>_PRV`` is the ROI of role PRV of that organ.
    Names in both carry the side (``Lung_L``). ``laterality``: "paired", "both" (the union of a pair) or "".
    ``stricter_source``: an exceeded stricter source of this organ makes a variation (our policy).
    ``derived``: computed from other structures (``Lungs-GTV``), contoured or not.
    ``judged_by``: larger or partial structures on which this organ's upper limits may be judged when it is not drawn.
    ``if_unjudged``: what it does near a target when no row judges it, "incomplete" or "line" ("" for the outline).
    ``volume_min_cm3``, ``volume_max_cm3``: outside this range the contour is not believed [cm3]; None: no range.
    ``exclusive_with``: organs that never share half of the smaller one's volume with it.
    ``partly_drawn``: usually drawn beside the target only, so that its volume says nothing.
    """

    organ: str
    aliases: tuple[str, ...]
    architecture: str
    union_of: tuple[tuple[str, ...], ...]
    containers: tuple[str, ...]
    region: str
    laterality: str
    note: str = ""
    tg263: str = ""
    stricter_source: bool = False
    derived: bool = False
    judged_by: tuple[str, ...] = ()
    if_unjudged: str = ""
    volume_min_cm3: float | None = None
    volume_max_cm3: float | None = None
    exclusive_with: tuple[str, ...] = ()
    partly_drawn: bool = False


@dataclass(frozen=True, slots=True)
class TargetGoal:
    """One goal for a target structure: a protocol's or a clinic's rule.

    Judged for lesions of ``site`` ("" for any), at ``n_fractions`` (None for any number). ``missed`` is what a missed
    goal does to the outcome.
    ``metric`` is None for a rule that no TG-263 string expresses; ``rule`` then names it (``spill_105``).
    """

    rule_id: str
    source: str
    rule: str
    target: str
    metric: Metric | None
    metric_text: str
    comparator: str
    limit: float
    unit: str
    level: Level
    missed: Outcome
    site: str = ""
    seen_at: str = ""
    cross_check: str = ""
    confidence: str = ""
    note: str = ""
    n_fractions: int | None = None


@dataclass(frozen=True, slots=True)
class ConformityRule:
    """One row of a conformity table by PTV volume, or a row interpolated between two.

    Below ``*_none``: no deviation; below ``*_minor``: minor; else major. R100 and R50 are volumes of the 100 % and
    50 % isodose over the PTV volume; D2cm is in percent of the prescription; lung V20 in percent.
    """

    source: str
    ptv_volume_cm3: float
    r100_none: float
    r100_minor: float
    r50_none: float
    r50_minor: float
    d2cm_none_percent: float
    d2cm_minor_percent: float
    lung_v20_none_percent: float
    lung_v20_minor_percent: float
    seen_at: str = ""
    cross_check: str = ""
    confidence: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class CourseThresholds:
    """What separates SBRT, hypofractionated and conventional courses, in place of the shipped thresholds.

    SBRT: up to ``sbrt_max_n_fractions`` fractions of ``sbrt_min_dose_per_fraction_gy`` [Gy] or more; hypofractionated:
    above ``hypofractionated_above_dose_per_fraction_gy`` [Gy] otherwise; conventional: the rest.
    """

    sbrt_max_n_fractions: int
    sbrt_min_dose_per_fraction_gy: float
    hypofractionated_above_dose_per_fraction_gy: float
