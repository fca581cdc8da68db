"""Alpha/beta by tissue, each with its source and interval. There is no default in code: data says what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


# Points of the alpha/beta interval at which a derived limit is tried, ends included.
N_ALPHA_BETA = 5


@dataclass(frozen=True, slots=True)
class AlphaBetaInterval:
    """Alpha/beta of an organ [Gy]: the value shown, the interval over all rows of its tissue, and the source."""

    nominal_gy: float
    low_gy: float
    high_gy: float
    source: str

    @property
    def tried_gy(self) -> tuple[float, ...]:
        """The nominal value first, then the interval from end to end."""
        if self.high_gy <= self.low_gy:
            return (self.nominal_gy,)
        step = (self.high_gy - self.low_gy) / (N_ALPHA_BETA - 1)
        return (self.nominal_gy, *(self.low_gy + step * i for i in range(N_ALPHA_BETA)))

    @property
    def text(self) -> str:
        """The value with its interval and source."""
        interval = f", {self.low_gy:g} to {self.high_gy:g} tried" if self.high_gy > self.low_gy else ", no interval"
        return f"alpha/beta {self.nominal_gy:g} Gy{interval} ({self.source})"


def organ_alpha_beta(organ: str, *, own_gy: Mapping[str, float]) -> AlphaBetaInterval | None:
    """The alpha/beta of an organ as the report shows it, or None: there is no default.

    An organ without one of its own (nor of a union that it is a part of) takes that of an organ that contains it.

    Args:
        organ: as the tables name it, joint organs with "+".
        own_gy: a clinic's own values, organ to alpha/beta [Gy].
    """
    for name in _kin(organ):
        found = alpha_beta_of(name, clinic=own_gy)
        if found is not None:
            published = alpha_beta_of(name)
            ends = [found.value_gy, *(found.range_gy or ())]
            if published is not None:
                ends += [published.value_gy, *(published.range_gy or ())]
            return AlphaBetaInterval(found.value_gy, min(ends), max(ends), found.source)
    return None


def _kin(organ: str) -> list[str]:
    """The organ, then what contains it."""
    from sbrtcheck.tables.organs import load_organs

    bare = organ.removesuffix("_PRV").removesuffix("_L").removesuffix("_R")
    outer = [c.removesuffix("_PRV") for o in load_organs() if o.organ == bare for c in o.containers]
    return list(dict.fromkeys([organ, bare, *outer]))


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
    # Not at the top: organs bring numpy, and a calculation on numbers must not wait for it.
    from sbrtcheck.tables.organs import load_organs

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
