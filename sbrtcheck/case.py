"""Case file and clinic file: facts about one patient's course, and one clinic's own policy. TOML, validated strictly.

Formats with examples: docs/case.md. A fact fills what the files lack and never contradicts them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from sbrtcheck.case_keys import Keys, is_organ
from sbrtcheck.datafiles import read_toml, wrong_usage_many
from sbrtcheck.errors import Problem
from sbrtcheck.model.course import CourseThresholds
from sbrtcheck.organs import SITES

CLINIC_NAMES = ("sbrtcheck.toml", "clinic.toml")
LOCATIONS = ("peripheral", "central", "ultracentral")
INTENTS = ("curative", "palliative")
LEVELS = ("mandatory", "optimal")
SEQUENCES = ("same_sessions", "sequential")
RELATIONS = ("boost", "adaptive")
TREATMENTS = ("sbrt", "radiotherapy", "surgery", "ablation", "systemic", "none", "planned")
MAX_DOSE_GY = 200.0
MAX_FRACTIONS = 60
MIN_THRESHOLD_GY = 0.1
_T = TypeVar("_T")
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CaseLesion:
    """Facts about the lesion of one target ROI. ``prescription_gy`` [Gy] is the total dose; None or "" is unknown."""

    roi: str
    site: str = ""
    location: str = ""
    prescription_gy: float | None = None
    n_fractions: int | None = None
    early_stage_primary: bool | None = None


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
    """A case file. ``sequence`` says whether several plans are given in the same sessions or one after the other."""

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


@dataclass(frozen=True, slots=True)
class ClinicTable:
    """Which organ table a clinic uses. ``site`` "" and ``n_fractions`` None hold for every other one."""

    table: str
    site: str = ""
    n_fractions: int | None = None


@dataclass(frozen=True, slots=True)
class ClinicGoal:
    """A clinic's own goal for a target, as written; ``tables.clinic_goals`` makes it a rule."""

    target: str
    metric: str
    comparator: str
    limit: float
    level: str
    site: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class ClinicFile:
    """A clinic file.

    Attributes:
        names: ROI name to organ or target, for every structure set in which the ROI occurs.
        required: lesion site to the organs that it asks for, in place of regions.csv.
        levels: organ to the level of all its rows, in place of ours.
        goals: target goals; ``keep_goals`` says whether the shipped ones are judged too.
        alpha_beta_gy: organ to alpha/beta [Gy].
    """

    file: str
    sha256: str
    clinic: str = ""
    tables: tuple[ClinicTable, ...] = ()
    names: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    required: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _EMPTY)
    levels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    goals: tuple[ClinicGoal, ...] = ()
    keep_goals: bool = True
    alpha_beta_gy: Mapping[str, float] = field(default_factory=lambda: _EMPTY)

    def table_for(self, *, site: str, n_fractions: int) -> str | None:
        """The table for a site and number of fractions: the most specific entry, the first of equals; or None."""
        fitting = [t for t in self.tables if t.site in {"", site} and t.n_fractions in {None, n_fractions}]
        if not fitting:
            return None
        return max(fitting, key=lambda t: (t.n_fractions is not None) + 2 * bool(t.site)).table


def find_clinic(folder: str | Path) -> Path | None:
    """The clinic file beside a plan (sbrtcheck.toml or clinic.toml), else the user's own, else None.

    Args:
        folder: the plan's folder, or a file in it.

    The user's own stands in ``$XDG_CONFIG_HOME/sbrtcheck/clinic.toml``, by default ``~/.config/sbrtcheck/clinic.toml``.
    """
    place = Path(folder)
    place = place if place.is_dir() else place.parent
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    candidates = [*(place / name for name in CLINIC_NAMES), Path(home) / "sbrtcheck" / "clinic.toml"]
    return next((path for path in candidates if path.is_file()), None)


def load_case(path: str | Path) -> CaseFile:
    """A case file.

    Raises:
        WrongUsageError: E-CASE with every problem: file, key, value and remedy.
    """
    return _load(Path(path), "E-CASE", _case)


def load_clinic(path: str | Path) -> ClinicFile:
    """A clinic file. A table given as a path is meant relative to the clinic file.

    Raises:
        WrongUsageError: E-CONFIG with every problem: file, key, value and remedy.
    """
    return _load(Path(path), "E-CONFIG", _clinic)


def _load(path: Path, code: str, read: Callable[[Keys, Path, str], _T]) -> _T:
    data, sha256 = read_toml(path, code=code)
    problems: list[Problem] = []
    keys = Keys(data, file=path.name, code=code, place="", problems=problems)
    result = read(keys, path, sha256)
    keys.done()
    if problems:
        raise wrong_usage_many(problems)
    return result


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
    )
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
    )
    if lesion.early_stage_primary and lesion.site not in {"", "lung"}:
        keys.bad("early_stage_primary", "only a lesion of the lung is an early-stage primary lung cancer")
    if lesion.location and lesion.site not in {"", "lung"}:
        keys.bad("location", "only a lesion of the lung has a location")
    keys.done()
    return lesion


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


def _clinic(keys: Keys, path: Path, sha256: str) -> ClinicFile:
    keep_goals = keys.boolean("keep_goals")
    return ClinicFile(
        file=path.name,
        sha256=sha256,
        clinic=keys.text("clinic"),
        tables=tuple(_clinic_table(k, path.parent) for k in keys.tables("table")),
        names=_free(keys.table("names"), lambda k, name: k.text(name, required=True)),
        required=_required(keys.table("required")),
        levels=_by_organ(keys.table("levels"), lambda k, name: k.text(name, allowed=LEVELS, required=True)),
        goals=tuple(_goal(k) for k in keys.tables("goal")),
        keep_goals=keep_goals is not False,
        alpha_beta_gy=_by_organ(keys.table("alpha_beta_gy"), lambda k, name: k.number(name, low=0.5, high=30)),
    )


def _clinic_table(keys: Keys, folder: Path) -> ClinicTable:
    name = keys.text("table", required=True)
    if name.casefold().endswith(".csv"):
        name = str(folder / name)
    table = ClinicTable(
        table=name,
        site=keys.text("site", allowed=SITES),
        n_fractions=keys.integer("fractions", low=1, high=MAX_FRACTIONS),
    )
    keys.done()
    return table


def _free(keys: Keys, read: Callable[[Keys, str], Any]) -> Mapping[str, Any]:
    return MappingProxyType({name: read(keys, name) for name in keys.names()})


def _by_organ(keys: Keys, read: Callable[[Keys, str], Any]) -> Mapping[str, Any]:
    for name in keys.names():
        if not is_organ(name):
            keys.bad(name, "no such organ", "See constraints/organs.csv")
    return _free(keys, read)


def _required(keys: Keys) -> Mapping[str, tuple[str, ...]]:
    out = {}
    for site in keys.names():
        organs = keys.texts(site)
        if site not in SITES:
            keys.bad(site, "no such site", f"Sites: {', '.join(SITES)}")
        for entry in organs:
            if not all(is_organ(part) for part in entry.split("|")):
                keys.bad(site, f"no such organ: {entry}", "See constraints/organs.csv")
        out[site] = organs
    return MappingProxyType(out)


def _goal(keys: Keys) -> ClinicGoal:
    goal = ClinicGoal(
        target=keys.text("target", allowed=("PTV", "CTV", "ITV", "GTV"), required=True),
        metric=keys.text("metric", required=True),
        comparator=keys.text("comparator", allowed=("<", "<=", ">", ">="), required=True),
        limit=keys.number("limit", low=0, high=MAX_DOSE_GY, required=True) or 0.0,
        level=keys.text("level", allowed=LEVELS, required=True),
        site=keys.text("site", allowed=SITES),
        rule=keys.text("rule"),
    )
    keys.done()
    return goal
