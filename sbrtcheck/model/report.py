"""The course: lesions first. A single plan is a course of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sbrtcheck.errors import Problem
from sbrtcheck.model.study import InputFile, Roi
from sbrtcheck.model.vocabulary import FindingKind, Level, MatchedBy, Outcome, Reason, Role, Verdict


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that the files lack or hold, with its origin (file tag, option, case file, geometry, our policy)."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True, eq=False)
class NamedRoi:
    """A ROI and how its name was understood.

    Attributes:
        organ: the organ as the tables name it, without side (role ORGAN; PRV: the organ that it surrounds).
        laterality: "L", "R" or "".
        target_type: GTV, IGTV, ITV, CTV or PTV (role TARGET).
        ambiguous_with: names of other ROIs that claim the same organ and side.
        suggestion: a close name, only ever a suggestion.
        dose_token_gy: a dose level found in the name [Gy]; ``lesion_token``: a lesion number or place found in it.
    """

    roi: Roi
    role: Role
    organ: str = ""
    laterality: str = ""
    target_type: str = ""
    matched_by: MatchedBy = MatchedBy.NONE
    matched_text: str = ""
    ambiguous_with: tuple[str, ...] = ()
    suggestion: str = ""
    dose_token_gy: float | None = None
    lesion_token: str = ""


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion: its target structures, its own prescription and number of fractions.

    ``prescription_gy`` [Gy] and ``n_fractions`` are None while unknown; ``linked_by`` says how the
    prescription came to this target.
    ``site`` is lung, spine, liver, adrenal, bone, node, other or "" (unknown), with ``site_origin``.
    ``location``: of a lung lesion, "peripheral", "central", "ultracentral" or "" (unknown), with ``location_origin``.
    ``early_stage_primary``: whether a lung lesion is declared an early-stage primary; None while nobody says so.
    ``distances_mm``: organ to the distance of the PTV [mm], airway and mediastinum, where contoured.
    """

    id: str
    plan_index: int
    ptv: str
    gtv: str = ""
    itv: str = ""
    ctv: str = ""
    prescription_gy: float | None = None
    n_fractions: int | None = None
    linked_by: str = ""
    site: str = ""
    site_origin: str = ""
    volume_cm3: float | None = None
    laterality: str = ""
    location: str = ""
    location_origin: str = ""
    distances_mm: tuple[tuple[str, float], ...] = ()
    early_stage_primary: bool | None = None

    @property
    def near_minimum_roi(self) -> str:
        """The structure whose near-minimum counts: IGTV/ITV, else GTV, else CTV, else PTV."""
        return self.itv or self.gtv or self.ctv or self.ptv


@dataclass(frozen=True, slots=True)
class CourseThresholds:
    """What separates SBRT, hypofractionated and conventional courses, in place of the shipped thresholds.

    SBRT: up to ``sbrt_max_n_fractions`` fractions of ``sbrt_min_dose_per_fraction_gy`` [Gy] or more; hypofractionated:
    above ``hypofractionated_above_dose_per_fraction_gy`` [Gy] otherwise; conventional: the rest.
    """

    sbrt_max_n_fractions: int
    sbrt_min_dose_per_fraction_gy: float
    hypofractionated_above_dose_per_fraction_gy: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule applied to one thing. ``consequence`` is what it does to the outcome: the worst consequence wins.

    ``reason`` goes with NOT_EVALUABLE; ``note`` is for people. ``margin`` = limit - value for an upper limit,
    value - limit for a lower one (positive: room left), in ``unit``; ``share`` = fraction of the limit used.
    """

    rule_id: str
    kind: FindingKind
    verdict: Verdict
    consequence: Outcome
    level: Level
    table: str = ""
    lesion: str = ""
    plan: str = ""
    organ: str = ""
    roi: str = ""
    metric: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    comparator: str = ""
    limit: float | None = None
    reason: Reason | None = None
    note: str = ""
    source: str = ""
    trust: str = ""
    margin: float | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class StructureReport:
    """One structure in the report."""

    roi: str
    organ: str
    matched_by: MatchedBy
    role: Role
    plan: str
    volume_cm3: float | None
    volume_outside_grid_fraction: float | None
    method: str
    volume_cm3_stored: float | None = None
    note: str = ""
    suggestion: str = ""
    target_type: str = ""
    mean_gy: float | None = None
    d95_percent_gy: float | None = None
    near_max_gy: float | None = None


@dataclass(frozen=True, slots=True)
class LesionReport:
    """One lesion in the report; every dose in Gy, ratios without unit. None where unknown."""

    lesion: Lesion
    bed10_gy: float | None
    eqd2_10_gy: float | None
    metrics: dict[str, Any]
    conformity: dict[str, Any]
    classification: str = ""
    scheme_note: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """A cumulative DVH for a figure: dose [Gy] rising and volume [%].

    ``dose_range_gy``: lowest and highest dose at each of the volumes, where the dose has a range (EQD2).
    """

    roi: str
    organ: str
    plan: str
    role: Role
    dose_gy: tuple[float, ...]
    volume_percent: tuple[float, ...]
    volume_cm3: float
    dose_range_gy: tuple[tuple[float, ...], tuple[float, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """A target, or the body, as seen from the front (x, z) and from the feet (x, y): closed lines [mm], for a figure.

    ``lesion`` is the lesion's id, empty for the body; ``tier`` the BED10 tier of its prescription in words, or empty.
    """

    lesion: str
    tier: str
    front_mm: tuple[tuple[float, float], ...]
    feet_mm: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class OrganEqd2:
    """EQD2 of one organ, converted sample by sample at the organ's own alpha/beta; information, never a verdict.

    ``near_max_gy`` (D0.035cc) and ``mean_gy`` are at ``alpha_beta_gy`` [Gy]; ``..._range_gy`` spans what they are over
    ``alpha_beta_range_gy``. None where there is no number: ``note`` says why.
    """

    plan: str
    organ: str
    roi: str
    alpha_beta_gy: float | None = None
    alpha_beta_range_gy: tuple[float, float] | None = None
    endpoint: str = ""
    source: str = ""
    near_max_gy: float | None = None
    near_max_range_gy: tuple[float, float] | None = None
    mean_gy: float | None = None
    mean_range_gy: tuple[float, float] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """One plan in the report: its findings and its outcome.

    ``organ_eqd2`` and ``eqd2_curves`` are information; the dose of an EQD2 curve is EQD2 [Gy].
    """

    label: str
    outcome: Outcome
    table: str
    table_reason: str
    n_fractions: int | None
    prescription_gy: tuple[float, ...]
    findings: tuple[Finding, ...]
    default_outcome: Outcome | None
    default_table: str
    approval_status: str
    intent: str
    heterogeneity_correction: str
    grid_spacing_mm: tuple[float, float, float]
    global_max_gy: float
    global_max_place: str
    v105_outside_cm3: float | None
    sop_instance_uid: str = ""
    dose_sop_instance_uid: str = ""
    structure_set_sop_instance_uid: str = ""
    curves: tuple[Curve, ...] = ()
    agreement: tuple[dict[str, Any], ...] = ()
    triangle: dict[str, float | None] | None = None
    organ_eqd2: tuple[OrganEqd2, ...] = ()
    eqd2_curves: tuple[Curve, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The whole answer. ``to_dict`` is the JSON report; ``exit_code`` follows from ``outcome``.

    ``patient`` is (name, ID): for the head of text and HTML only, never in JSON or CSV. ``outlines`` and
    ``course_curves`` (EQD2 [Gy] of each organ: the sum, then each plan) are for figures only.
    """

    outcome: Outcome
    exit_code: int
    default_outcome: Outcome
    lesions: tuple[LesionReport, ...]
    plans: tuple[PlanReport, ...]
    cumulative: dict[str, Any] | None
    course_findings: tuple[Finding, ...]
    structures: tuple[StructureReport, ...]
    facts: tuple[Fact, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    inputs: tuple[InputFile, ...]
    options: dict[str, Any]
    versions: dict[str, str]
    tables: tuple[dict[str, str], ...] = ()
    confirm: tuple[str, ...] = ()
    pseudonymised: bool = False
    patient: tuple[str, str] = ("", "")
    outlines: tuple[Outline, ...] = ()
    course_curves: tuple[Curve, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings: the course's first, then plan by plan."""
        return self.course_findings + tuple(f for p in self.plans for f in p.findings)

    def to_dict(self) -> dict[str, Any]:
        """The report as the JSON document of docs/report.schema.json."""
        from sbrtcheck.model.report_dict import report_to_dict

        document: dict[str, Any] = report_to_dict(self)
        return document
