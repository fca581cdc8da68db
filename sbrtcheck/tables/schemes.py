"""Published fractionation schemes by site: reading constraints/schemes.csv and finding what matches a course."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from sbrtcheck.errors import Problem
from sbrtcheck.radiobiology.lq import bed
from sbrtcheck.tables import datafiles

COLUMNS = (
    "source",
    "site",
    "intent",
    "total_dose_gy",
    "n_fractions",
    "bed10_gy",
    "role",
    "prescribed_at",
    "range_id",
    "range_end",
    "note",
    "seen_at",
    "status",
)
ROLES = ("definitive", "comparison", "palliative", "boost", "advised_against")
INTENTS = ("sbrt", "hypofractionated", "conventional", "palliative")
STATUSES = ("read", "secondary", "unverified")
# Planning systems store at least 0.01 Gy: doses that agree to this are one dose.
SAME_DOSE_GY = 0.011
# What the 10 of BED10 means; the column bed10_gy of the table is computed with it.
BED10_ALPHA_BETA_GY = 10.0


@dataclass(frozen=True, slots=True)
class PublishedScheme:
    """One row of schemes.csv.

    Attributes:
        role: only "definitive" rows may match a definitive intent. "comparison": the other arm of a trial;
            "boost": dose to part of the target; "advised_against": its authors advise against it.
        prescribed_at: "isocentre" where the dose is not that at the edge of the target, else "".
        range_id: shared by the two ends ("min", "max") of one published range.
    """

    source: str
    site: str
    intent: str
    total_dose_gy: float
    n_fractions: int
    bed10_gy: float
    role: str
    prescribed_at: str
    range_id: str
    range_end: str
    note: str
    seen_at: str
    status: str

    @property
    def label(self) -> str:
        """``54/3``."""
        return f"{self.total_dose_gy:g}/{self.n_fractions}"

    @property
    def dose_per_fraction_gy(self) -> float:
        """d [Gy]."""
        return self.total_dose_gy / self.n_fractions


@dataclass(frozen=True, slots=True)
class SchemeMatch:
    """What is published for a course at the sites asked for.

    Attributes:
        exact: definitive rows with this dose and number of fractions.
        ranges: pairs (lower end, upper end) of published ranges that hold it.
        palliative: palliative rows with this dose and number of fractions, at any site.
        other: rows with this dose and number that cannot match (comparison arm, boost, isocentre, advised against).
        nearest: the definitive row nearest in BED10 at these sites, same number of fractions first; None without rows.
    """

    exact: tuple[PublishedScheme, ...]
    ranges: tuple[tuple[PublishedScheme, PublishedScheme], ...]
    palliative: tuple[PublishedScheme, ...]
    other: tuple[PublishedScheme, ...]
    nearest: PublishedScheme | None

    @property
    def is_published(self) -> bool:
        """True when a definitive row or a published range holds the course."""
        return bool(self.exact or self.ranges)


@cache
def load_schemes() -> tuple[PublishedScheme, ...]:
    """All rows of constraints/schemes.csv.

    Raises:
        WrongUsageError: E-DATA with every wrong row.
    """
    path = datafiles.data_path("schemes.csv")
    rows = datafiles.read_rows(path, code="E-DATA", required=COLUMNS)
    problems: list[Problem] = []
    out: list[PublishedScheme] = []
    for row in rows:
        c = row.cells
        numbers = {k: datafiles.parse_number(c[k]) for k in ("total_dose_gy", "n_fractions", "bed10_gy")}
        bad = next((k for k, v in numbers.items() if v is None or v <= 0), "")
        closed = (("role", ROLES), ("intent", INTENTS), ("status", STATUSES), ("prescribed_at", ("", "isocentre")))
        bad = bad or next((k for k, allowed in closed if c[k] not in allowed), "")
        if not bad and (c["range_end"] not in {"", "min", "max"} or bool(c["range_end"]) != bool(c["range_id"])):
            bad = "range_end"
        if bad or not c["source"] or not c["site"]:
            column = bad or "source"
            problems.append(Problem("E-DATA", path.name, tag=f"line {row.line}, column {column}", seen=c[column]))
            continue
        total, n, bed10 = (numbers[k] or 0.0 for k in ("total_dose_gy", "n_fractions", "bed10_gy"))
        texts = {k: c[k] for k in COLUMNS if k not in numbers}
        out.append(PublishedScheme(total_dose_gy=total, n_fractions=int(n), bed10_gy=bed10, **texts))
    if problems:
        raise datafiles.wrong_usage_many(problems)
    return tuple(out)


def counts_as_definitive(row: PublishedScheme) -> bool:
    """Whether a row may stand for a definitive course prescribed at the edge of the target."""
    return row.role == "definitive" and row.intent != "palliative" and not row.prescribed_at


def find(*, total_dose_gy: float, n_fractions: int, sites: Collection[str]) -> SchemeMatch:
    """What is published for ``total_dose_gy`` [Gy] in ``n_fractions`` at the sites of schemes.csv given."""
    rows = load_schemes()
    same = [r for r in rows if r.n_fractions == n_fractions and abs(r.total_dose_gy - total_dose_gy) <= SAME_DOSE_GY]
    here = [r for r in rows if r.site in sites and counts_as_definitive(r)]
    ranges = tuple(pair for pair in _ranges(here) if _inside(pair, total_dose_gy, n_fractions))
    return SchemeMatch(
        exact=tuple(r for r in same if r in here),
        ranges=ranges,
        palliative=tuple(r for r in same if r.role == "palliative"),
        other=tuple(r for r in same if r.site in sites and r not in here and r.role != "palliative"),
        nearest=_nearest(here, total_dose_gy, n_fractions),
    )


def highest(*, n_fractions: int, sites: Collection[str]) -> PublishedScheme | None:
    """The definitive row with the highest total dose at this number of fractions and these sites, or None."""
    here = [r for r in load_schemes() if r.site in sites and r.n_fractions == n_fractions and counts_as_definitive(r)]
    return max(here, key=lambda r: r.total_dose_gy, default=None)


def known_sites() -> tuple[str, ...]:
    """The sites that occur in the table, in alphabetical order."""
    return tuple(sorted({r.site for r in load_schemes()}))


def _ranges(rows: list[PublishedScheme]) -> list[tuple[PublishedScheme, PublishedScheme]]:
    ends = sorted((r for r in rows if r.range_id), key=lambda r: (r.range_id, r.range_end == "max"))
    pairs = [tuple(group) for _, group in groupby(ends, key=lambda r: r.range_id)]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


def _inside(pair: tuple[PublishedScheme, PublishedScheme], total_dose_gy: float, n_fractions: int) -> bool:
    """Between the ends in total dose, in number of fractions and in dose per fraction."""
    low, high = pair
    per_fraction = sorted(r.dose_per_fraction_gy for r in pair)
    return (
        low.total_dose_gy - SAME_DOSE_GY <= total_dose_gy <= high.total_dose_gy + SAME_DOSE_GY
        and low.n_fractions <= n_fractions <= high.n_fractions
        and per_fraction[0] - SAME_DOSE_GY <= total_dose_gy / n_fractions <= per_fraction[1] + SAME_DOSE_GY
    )


def _nearest(rows: list[PublishedScheme], total_dose_gy: float, n_fractions: int) -> PublishedScheme | None:
    bed10 = bed(total_dose_gy=total_dose_gy, n_fractions=n_fractions, alpha_beta_gy=BED10_ALPHA_BETA_GY)
    return min(rows, key=lambda r: (abs(r.n_fractions - n_fractions), abs(r.bed10_gy - bed10)), default=None)
