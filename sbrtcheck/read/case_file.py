"""Case file: facts about one patient's course. TOML, validated strictly.

Format with an example: docs/case.md. A fact fills what the files lack and never contradicts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sbrtcheck.model.policy import NormalisedTo
from sbrtcheck.model.table_rows import CourseThresholds
from sbrtcheck.read.normalised_to import read_normalised_to
from sbrtcheck.read.toml_keys import MAX_DOSE_GY, MAX_FRACTIONS, Keys, is_organ, load_file
from sbrtcheck.tables.organs import SITES, split_side
from sbrtcheck.tables.policy import load_policy
from sbrtcheck.tables.policy_rows import excusing_organs, find_level, levels_of

LOCATIONS = ("peripheral", "central", "ultracentral")
LIVER_LESIONS = ("primary", "metastasis")
INTENTS = ("curative", "palliative")
SEQUENCES = ("same_sessions", "sequential")
RELATIONS = ("boost", "adaptive")
TREATMENTS = ("sbrt", "radiotherapy", "surgery", "ablation", "systemic", "none", "planned")
MIN_THRESHOLD_GY = 0.1
MAX_FAR_MM = 1000.0
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CaseLesion:
    """Facts about the lesion of one target ROI. ``prescription_gy`` [Gy] is the total dose; None or "" is unknown.

    ``level``: of the site (L3, pelvis). ``liver_lesion``: primary or metastasis, for the limits of HyTEC.
    """

    roi: str
    site: str = ""
    location: str = ""
    prescription_gy: float | None = None
    n_fractions: int | None = None
    early_stage_primary: bool | None = None
    level: str = ""
    liver_lesion: str = ""
    normalised_to: NormalisedTo | None = None


@dataclass(frozen=True, slots=True)
class FarOrgan:
    """An organ that is not contoured because it lies at least ``distance_mm`` from every target, and who says so."""

    organ: str
    distance_mm: float
    name: str


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why missing coverage is accepted for an organ that excuses it only with a reason. ``roi`` "": any target."""

    organ: str
    reason: str
    roi: str = ""


@dataclass(frozen=True, slots=True)
class AbsentOrgan:
    """An organ that is not there (with its side, ``Lung_L``), and why."""

    organ: str
    reason: str


@dataclass(frozen=True, slots=True)
class OtherSite:
    """A site of disease that this course does not treat, and what else was done about it."""

    site: str
    treatment: str
    n_lesions: int = 1
    date: str = ""


@dataclass(frozen=True, slots=True)
class EarlierDose:
    """Dose of an earlier course to one organ: metric, dose [Gy], number of fractions, date."""

    organ: str
    metric: str
    dose_gy: float
    n_fractions: int
    date: str = ""


@dataclass(frozen=True, slots=True)
class SameLesion:
    """Plans that treat one lesion, and how: a boost, or parts of one adapted treatment. Both are given."""

    plans: tuple[str, ...]
    relation: str


@dataclass(frozen=True, slots=True)
class OneSite:
    """Targets that count as one site of disease, and why (contiguous vertebrae, one isocentre)."""

    rois: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """A deviation that somebody has allowed. It never changes a verdict; the report shows it beside the finding."""

    rule: str
    reason: str
    name: str


@dataclass(frozen=True, slots=True)
class DiseaseFacts:
    """Facts for the disease-state tree and the guideline. None and "" are unknown, never no."""

    history_of_polymetastatic_disease: bool | None = None
    history_of_oligometastatic_disease: bool | None = None
    months_since_primary_diagnosis: float | None = None
    on_systemic_therapy: bool | None = None
    progressing: bool | None = None
    all_sites_declared: bool | None = None
    systemic_therapy_start: str = ""
    radiotherapy_start: str = ""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case file. ``sequence`` says whether several plans are given in the same sessions or one after the other.

    ``confirmed``: organs whose contour somebody has looked at and found right. ``primary``: the primary tumour, ""
    unknown. ``same_patient``: somebody has confirmed that all objects are of one patient.
    """

    file: str
    sha256: str
    intent: str = ""
    sex: str = ""
    lesions: tuple[CaseLesion, ...] = ()
    absent: tuple[AbsentOrgan, ...] = ()
    other_sites: tuple[OtherSite, ...] = ()
    earlier: tuple[EarlierDose, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    disease: DiseaseFacts = DiseaseFacts()
    sequence: str = ""
    plan_starts: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    same_lesion: tuple[SameLesion, ...] = ()
    one_site: tuple[OneSite, ...] = ()
    classification: CourseThresholds | None = None
    confirmed: tuple[str, ...] = ()
    primary: str = ""
    same_patient: bool = False
    normalised_to: NormalisedTo | None = None
    far: tuple[FarOrgan, ...] = ()
    excuses: tuple[Excuse, ...] = ()


def load_case(path: str | Path) -> CaseFile:
    """A case file.

    Raises:
        WrongUsageError: E-CASE with every problem: file, key, value and remedy.
    """
    return load_file(path, code="E-CASE", read=_case)


def _case(keys: Keys, path: Path, sha256: str) -> CaseFile:
    case = CaseFile(
        file=path.name,
        sha256=sha256,
        intent=keys.text("intent", allowed=INTENTS),
        sex=keys.text("sex", allowed=("M", "F")),
        lesions=tuple(_lesion(k) for k in keys.tables("lesion")),
        absent=tuple(_absent(k) for k in keys.tables("absent")),
        other_sites=tuple(_other_site(k) for k in keys.tables("other_site")),
        earlier=tuple(_earlier(k) for k in keys.tables("earlier")),
        deviations=tuple(_deviation(k) for k in keys.tables("deviation")),
        disease=_disease(keys.table("disease")),
        sequence=keys.text("sequence", allowed=SEQUENCES),
        plan_starts=_plan_starts(keys),
        same_lesion=tuple(_same_lesion(k) for k in keys.tables("same_lesion")),
        one_site=tuple(_one_site(k) for k in keys.tables("one_site")),
        classification=_classification(keys.table("classification")),
        confirmed=_confirmed(keys),
        primary=keys.text("primary"),
        same_patient=keys.boolean("same_patient") is True,
        normalised_to=read_normalised_to(keys),
        far=tuple(_far(k) for k in keys.tables("far")),
        excuses=tuple(_excuse(k) for k in keys.tables("excuse")),
    )
    for far in case.far:
        if far.organ in {a.organ for a in case.absent}:
            keys.bad("far", f"{far.organ} is declared absent too", "Keep the one that is true")
    seen: set[str] = set()
    for lesion in case.lesions:
        if lesion.roi in seen:
            keys.bad("lesion", f"two lesions have the ROI {lesion.roi}")
        seen.add(lesion.roi)
    return case


def _lesion(keys: Keys) -> CaseLesion:
    lesion = CaseLesion(
        roi=keys.text("roi", required=True),
        site=keys.text("site", allowed=SITES),
        location=keys.text("location", allowed=LOCATIONS),
        prescription_gy=keys.number("prescription_gy", low=1, high=MAX_DOSE_GY),
        n_fractions=keys.integer("fractions", low=1, high=MAX_FRACTIONS),
        early_stage_primary=keys.boolean("early_stage_primary"),
        level=keys.text("level"),
        liver_lesion=keys.text("liver_lesion", allowed=LIVER_LESIONS),
        normalised_to=read_normalised_to(keys),
    )
    if lesion.level:
        lesion = replace(lesion, level=_level(keys, lesion))
    if lesion.liver_lesion and lesion.site not in {"", "liver"}:
        keys.bad("liver_lesion", "only a lesion of the liver is a primary or a metastasis of it")
    if lesion.early_stage_primary and lesion.site not in {"", "lung"}:
        keys.bad("early_stage_primary", "only a lesion of the lung is an early-stage primary lung cancer")
    if lesion.location and lesion.site not in {"", "lung"}:
        keys.bad("location", "only a lesion of the lung has a location")
    keys.done()
    return lesion


def _level(keys: Keys, lesion: CaseLesion) -> str:
    """The level by its own name, or "" and the problem."""
    found = find_level(lesion.site, lesion.level)
    if not found:
        known = ", ".join(levels_of(lesion.site))
        remedy = (
            f"Levels of {lesion.site}: {known}" if known else "Only spine, bone and node have levels: state the site"
        )
        keys.bad("level", "no such level of the site", remedy)
    return found


def _confirmed(keys: Keys) -> tuple[str, ...]:
    organs = keys.texts("confirmed")
    for organ in organs:
        if not is_organ(organ):
            keys.bad("confirmed", f"no such organ: {organ}", "See constraints/organs.csv")
    return organs


def _far(keys: Keys) -> FarOrgan:
    least_mm = load_policy().value("required.far_mm")
    far = FarOrgan(
        organ=keys.organ("organ"),
        distance_mm=keys.number("distance_mm", low=least_mm, high=MAX_FAR_MM, required=True) or 0.0,
        name=keys.text("name", required=True),
    )
    keys.done()
    return far


def _excuse(keys: Keys) -> Excuse:
    excuse = Excuse(organ=keys.organ("organ"), reason=keys.text("reason", required=True), roi=keys.text("roi"))
    allowed = sorted(organ for organ, needs_reason in excusing_organs().items() if needs_reason)
    if excuse.organ and split_side(excuse.organ)[0] not in allowed:
        keys.bad("organ", "no reason is asked for this organ", f"Only for {', '.join(allowed)}")
    keys.done()
    return excuse


def _absent(keys: Keys) -> AbsentOrgan:
    absent = AbsentOrgan(organ=keys.organ("organ"), reason=keys.text("reason", required=True))
    keys.done()
    return absent


def _other_site(keys: Keys) -> OtherSite:
    other = OtherSite(
        site=keys.text("site", required=True),
        treatment=keys.text("treatment", allowed=TREATMENTS, required=True),
        n_lesions=keys.integer("lesions", low=1, high=100) or 1,
        date=keys.date("date"),
    )
    keys.done()
    return other


def _earlier(keys: Keys) -> EarlierDose:
    earlier = EarlierDose(
        organ=keys.organ("organ"),
        metric=keys.text("metric", required=True),
        dose_gy=keys.number("dose_gy", low=0, high=MAX_DOSE_GY, required=True) or 0.0,
        n_fractions=keys.integer("fractions", low=1, high=MAX_FRACTIONS, required=True) or 0,
        date=keys.date("date"),
    )
    keys.done()
    return earlier


def _same_lesion(keys: Keys) -> SameLesion:
    same = SameLesion(
        plans=_at_least_two(keys, "plans"), relation=keys.text("relation", allowed=RELATIONS, required=True)
    )
    keys.done()
    return same


def _one_site(keys: Keys) -> OneSite:
    site = OneSite(rois=_at_least_two(keys, "rois"), reason=keys.text("reason", required=True))
    keys.done()
    return site


def _at_least_two(keys: Keys, key: str) -> tuple[str, ...]:
    texts = keys.texts(key)
    if len(set(texts)) < 2:
        keys.bad(key, "fewer than two names", "Write a list of two or more names")
    return texts


def _deviation(keys: Keys) -> Deviation:
    deviation = Deviation(
        rule=keys.text("rule", required=True),
        reason=keys.text("reason", required=True),
        name=keys.text("name", required=True),
    )
    keys.done()
    return deviation


def _disease(keys: Keys) -> DiseaseFacts:
    facts = DiseaseFacts(
        history_of_polymetastatic_disease=keys.boolean("history_of_polymetastatic_disease"),
        history_of_oligometastatic_disease=keys.boolean("history_of_oligometastatic_disease"),
        months_since_primary_diagnosis=keys.number("months_since_primary_diagnosis", low=0, high=1200),
        on_systemic_therapy=keys.boolean("on_systemic_therapy"),
        progressing=keys.boolean("progressing"),
        all_sites_declared=keys.boolean("all_sites_declared"),
        systemic_therapy_start=keys.date("systemic_therapy_start"),
        radiotherapy_start=keys.date("radiotherapy_start"),
    )
    keys.done()
    return facts


def _classification(keys: Keys) -> CourseThresholds | None:
    """All three thresholds or none: an order among some of them would hang on the shipped ones."""
    if not keys.names():
        return None
    n_max = keys.integer("sbrt_max_fractions", low=1, high=MAX_FRACTIONS, required=True)
    d_min = keys.number("sbrt_min_dose_per_fraction_gy", low=MIN_THRESHOLD_GY, high=MAX_DOSE_GY, required=True)
    above = "hypofractionated_above_dose_per_fraction_gy"
    d_hypo = keys.number(above, low=MIN_THRESHOLD_GY, high=MAX_DOSE_GY, required=True)
    keys.done()
    if n_max is None or d_min is None or d_hypo is None:
        return None
    if d_hypo > d_min:
        keys.bad(above, "above sbrt_min_dose_per_fraction_gy", f"Write a dose per fraction up to {d_min:g}")
    return CourseThresholds(n_max, d_min, d_hypo)


def _plan_starts(keys: Keys) -> Mapping[str, str]:
    """Plan label to its first day."""
    starts: dict[str, str] = {}
    for plan in keys.tables("plan"):
        label = plan.text("label", required=True)
        start = plan.date("start")
        if not start:
            plan.bad("start", "missing", "Write a date such as 2024-05-31")
        if label in starts:
            plan.bad("label", "two plans have one label")
        starts[label] = start
        plan.done()
    return MappingProxyType(starts)
