"""The parts of a Report: structures, lesions, curves, outlines and plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sbrtcheck.model.finding import Finding
from sbrtcheck.model.lesion import Lesion
from sbrtcheck.model.metric import MetricValue
from sbrtcheck.model.policy import SupplementKind
from sbrtcheck.model.vocabulary import Level, MatchedBy, Outcome, Role, Verdict


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
    """One lesion in the report; every dose in Gy, ratios without unit. None where unknown.

    ``metrics``: what its target and the structures in it get, by the name that is shown; ``conformity``: by the names
    of docs/conformity.md.
    """

    lesion: Lesion
    bed10_gy: float | None
    eqd2_10_gy: float | None
    metrics: Mapping[str, MetricValue]
    conformity: Mapping[str, MetricValue]
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
class StoredAgreement:
    """Our DVH of one ROI beside the one that the dose file stores: differences are ours minus stored."""

    roi: str
    volume_cm3: float | None
    stored_volume_cm3: float | None
    mean_difference_gy: float | None
    d95_percent_difference_gy: float | None
    dose_distance_gy: float | None
    volume_distance_percent: float | None
    verdict: str
    note: str


@dataclass(frozen=True, slots=True)
class SummedOrgan:
    """One limit on the sum of the plans: how it stands, and what each plan alone gives at the volume of the limit.

    ``shares_gy``: plan label to dose [Gy]; ``quantity`` says whether these and ``sum_gy`` are physical or EQD2.
    """

    organ: str
    roi: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    comparator: str
    limit: float | None
    verdict: Verdict
    level: Level
    source: str
    quantity: str
    shares_gy: Mapping[str, float | None]
    sum_gy: float | None


@dataclass(frozen=True, slots=True)
class SummedMetric:
    """A number of the sum of the plans on which no limit is judged."""

    organ: str
    metric: str
    value: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class LesionDistance:
    """How far the targets of two lesions lie apart [mm]."""

    lesions: str
    distance_mm: float


@dataclass(frozen=True, slots=True)
class Cumulative:
    """The sum of the plans of a course: how it was made, and what it gives."""

    plans: tuple[str, ...]
    sequence: str
    sequence_from: str
    source: str
    not_summed: str
    registrations: tuple[str, ...]
    organs: tuple[SummedOrgan, ...]
    lungs: tuple[SummedMetric, ...]
    lesion_distances: tuple[LesionDistance, ...]


@dataclass(frozen=True, slots=True)
class TableUsed:
    """An organ table that the report rests on, with its part in it; in the order of the JSON report."""

    citation: str = ""
    doi: str = ""
    edition: str = ""
    judged_as_note: str = ""
    name: str = ""
    role: str = ""
    sha256: str = ""
    title: str = ""
    trust: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class PolicyUsed:
    """The judging policy in force: version, SHA-256 of the shipped files, and what a clinic file changed, in words."""

    version: str = ""
    sha256: str = ""
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unjudged:
    """An organ near a target that no mandatory upper or volume row judged: what it gets, and why nothing judged it.

    ``near_maximum_gy`` is D0.035cc; ``distance_mm`` is to the nearest target.
    """

    organ: str
    roi: str
    near_maximum_gy: float | None
    mean_gy: float | None
    distance_mm: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Supplement:
    """A limit that counts where the deciding table has none of its kind for this organ."""

    organ: str
    kind: SupplementKind
    source: str
    rule_id: str


@dataclass(frozen=True, slots=True)
class TargetDose:
    """The three doses of a target that must meet: prescribed, n times the sum of beam doses, and in the target.

    ``covers``: what the prescription is stated to cover, or how it was found.
    """

    lesion: str
    target: str
    prescription_gy: float | None
    beams_gy: float | None
    d95_gy: float | None
    d98_gy: float | None
    near_maximum_gy: float | None
    covers: str = ""
    d50_gy: float | None = None


@dataclass(frozen=True, slots=True)
class PlanReport:
    """One plan in the report: its findings and its outcome.

    ``organ_eqd2`` and ``eqd2_curves`` are information; the dose of an EQD2 curve is EQD2 [Gy]. ``judged`` names the
    organs that a mandatory upper or volume row judged; ``to_do`` what a person must do, ``lines`` what the first screen
    says without any effect on the outcome, one sentence each.
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
    agreement: tuple[StoredAgreement, ...] = ()
    organ_eqd2: tuple[OrganEqd2, ...] = ()
    eqd2_curves: tuple[Curve, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    supplements: tuple[Supplement, ...] = ()
    target_doses: tuple[TargetDose, ...] = ()
    to_do: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
