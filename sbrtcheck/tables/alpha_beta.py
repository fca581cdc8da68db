"""Alpha/beta by tissue, each with its source and interval. There is no default in code: data says what is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from sbrtcheck.errors import Problem, wrong_usage
from sbrtcheck.radiobiology.lq import checked_positive
from sbrtcheck.tables import datafiles

_COLUMNS = (
    "source_id",
    "tissue",
    "endpoint",
    "class",
    "alpha_beta_gy",
    "ci_low",
    "ci_high",
    "kind",
    "seen_at",
    "cross_check",
    "confidence",
    "note",
    "shown_by_default",
)
_CLASSES = {"tumour", "early", "late"}


@dataclass(frozen=True, slots=True)
class AlphaBeta:
    """An alpha/beta [Gy] with where it comes from.

    ``tissue`` is "" for a number given by hand; ``low_gy`` and ``high_gy`` are the source's interval, None without one.
    ``tissue_class``: "tumour", "early", "late", or "" when not known.
    """

    value_gy: float
    tissue: str = ""
    tissue_class: str = ""
    endpoint: str = ""
    source: str = "given"
    kind: str = ""
    confidence: str = ""
    low_gy: float | None = None
    high_gy: float | None = None
    note: str = ""
    shown_by_default: bool = False

    @property
    def span(self) -> str:
        """The number and its interval."""
        if self.low_gy is None or self.high_gy is None:
            return f"{self.value_gy:.4g}"
        return f"{self.value_gy:.4g} ({self.low_gy:g} to {self.high_gy:g})"

    @property
    def label(self) -> str:
        """The number, its interval and its tissue."""
        return f"{self.span} {self.tissue}".rstrip()


@cache
def load_tissues() -> tuple[AlphaBeta, ...]:
    """All rows of constraints/alpha_beta.csv.

    Raises:
        WrongUsageError: E-DATA with every wrong row.
    """
    path = datafiles.data_path("alpha_beta.csv")
    problems: list[Problem] = []
    out = []
    for row in datafiles.read_rows(path, code="E-DATA", required=_COLUMNS):
        c = row.cells
        value = datafiles.parse_number(c["alpha_beta_gy"])
        low, high = (datafiles.parse_number(c[k]) if c[k] else None for k in ("ci_low", "ci_high"))
        wrong = ""
        if value is None or value <= 0:
            wrong = "alpha_beta_gy"
        elif (low is None) != (high is None) or (low is not None and high is not None and not low <= value <= high):
            wrong = "ci_low"
        elif c["class"] not in _CLASSES:
            wrong = "class"
        elif c["shown_by_default"] not in {"", "yes"}:
            wrong = "shown_by_default"
        if wrong or value is None:
            problems.append(Problem("E-DATA", path.name, tag=f"line {row.line}, column {wrong}", seen=c[wrong]))
            continue
        out.append(
            AlphaBeta(
                value_gy=value,
                tissue=c["tissue"],
                tissue_class=c["class"],
                endpoint=c["endpoint"],
                source=c["source_id"],
                kind=c["kind"],
                confidence=c["confidence"],
                low_gy=low,
                high_gy=high,
                note=c["note"],
                shown_by_default=c["shown_by_default"] == "yes",
            )
        )
    if problems:
        raise datafiles.wrong_usage_many(problems)
    return tuple(out)


def find_alpha_beta(text: str) -> tuple[AlphaBeta, ...]:
    """A number [Gy], or a tissue of constraints/alpha_beta.csv: every row of that tissue, each with its own source.

    Raises:
        WrongUsageError: E-TISSUE with close names; E-DOMAIN for a number that is not above zero.
    """
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        return (AlphaBeta(checked_positive(number, "alpha/beta")),)

    def key(name: str) -> str:
        return "".join(char for char in name.casefold() if char not in " _-")

    rows = tuple(t for t in load_tissues() if key(t.tissue) == key(text))
    if rows:
        return rows
    raise wrong_usage("E-TISSUE", "tissue", seen=text, remedy=did_you_mean(text, {t.tissue for t in load_tissues()}))


def did_you_mean(text: str, names: Iterable[str]) -> str:
    from rapidfuzz import fuzz, process, utils

    close = process.extract(
        text, sorted(names), scorer=fuzz.WRatio, processor=utils.default_process, limit=3, score_cutoff=70
    )
    return f"Did you mean {', '.join(name for name, _, _ in close)}?" if close else ""
