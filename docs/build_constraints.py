"""Writes docs/constraints.md from constraints/ and tests/transcriptions/. The page carries no date."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from sbrtcheck.model import LimitRow, OrganTable  # noqa: E402
from sbrtcheck.tables.disagreements import disagreements  # noqa: E402
from sbrtcheck.tables.organ_tables import choose_table, load_organs, load_regions, load_tables  # noqa: E402

TRANSCRIPTIONS = ROOT / "tests" / "transcriptions"
PAGE = ROOT / "docs" / "constraints.md"
REMARKS = ROOT / "constraints" / "disagreements.md"
SITES = ("lung", "spine", "liver", "adrenal", "bone", "node")
COLUMNS = (
    "organ",
    "n",
    "metric",
    "limit",
    "condition",
    "judged as",
    "printed level",
    "endpoint",
    "confidence",
    "typed twice",
    "seen at",
    "cross-check",
    "note",
)
_SPARED = re.compile(r"CV([\d.]+)Gy")
_VOLUME = re.compile(r"V([\d.]+)Gy(cc)?")
_DOSE = re.compile(r"D([\d.]+)(cc|%)")

Typed = tuple[int, str, str, float]


def read_transcription(path: Path) -> tuple[Typed, ...]:
    """(number of fractions, organ, metrics it may be, limit) of every value typed in a transcription."""
    typed: list[Typed] = []
    n_fractions = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            n_fractions = int(line[1:-1])
            continue
        organ, *pairs = line.split()
        if len(pairs) > 1 and ":" in pairs[1]:
            metric, *values = pairs
            typed += [(int(n), organ, metric, float(limit)) for n, limit in (v.split(":") for v in values)]
            continue
        for metric, limit in zip(pairs[::2], pairs[1::2], strict=True):
            typed.append((n_fractions, organ, metric, float(limit)))
    return tuple(typed)


def metric_texts(metric: str) -> tuple[str, ...]:
    """The metrics of a table that a typed metric may stand for."""
    if metric == "Max":
        return "D0.035cc[Gy]", "Max[Gy]"
    if metric == "MaxPercent":
        return ("Max[%]",)
    if metric == "Mean":
        return ("Mean[Gy]",)
    if metric == "Length2cm":
        return ("Dose_to_2cm_length[Gy]",)
    if match := _SPARED.fullmatch(metric):
        return (f"CV{match[1]}Gy[cc]",)
    if match := _VOLUME.fullmatch(metric):
        return (f"V{match[1]}Gy[{match[2] or '%'}]",)
    if match := _DOSE.fullmatch(metric):
        return (f"D{match[1]}{match[2]}[Gy]",)
    raise ValueError(f"{metric} is not a metric of a transcription")


def compare(table: OrganTable, typed: Iterable[Typed]) -> tuple[set[str], list[str]]:
    """Rule ids of the rows that a second transcription agrees with, and the typed values that have no such row."""
    verified: set[str] = set()
    differences = []
    for n_fractions, organ, metric, limit in typed:
        rows = [
            r
            for r in table.rows
            if r.n_fractions == n_fractions and r.organ == organ and r.metric_text in metric_texts(metric)
        ]
        agreeing = [r for r in rows if r.limit == limit]
        verified.update(r.rule_id for r in agreeing)
        if not agreeing:
            has = ", ".join(f"{r.limit:g}" for r in rows) or "no such row"
            differences.append(
                f"{table.name}, {n_fractions} fractions, {organ} {metric}: typed {limit:g}, shipped {has}"
            )
    return verified, differences


def copy_of(path: Path) -> str:
    """The repository that a transcription was typed from."""
    found = re.search(r"https://(github\.com/[\w.-]+/[\w.-]+)", path.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{path.name} does not say where it was typed from")
    return found[1]


def transcriptions_of(name: str) -> list[Path]:
    """The second transcriptions of one table."""
    return sorted(p for p in TRANSCRIPTIONS.glob("*.txt") if p.name.split(".")[0] == name)


def typed_twice(table: OrganTable) -> dict[str, str]:
    """Rule id of each row typed again and agreeing, to "same copy" or "other copy" than it was read from."""
    found: dict[str, str] = {}
    seen_at = {row.rule_id: row.seen_at for row in table.rows}
    for path in transcriptions_of(table.name):
        copy = copy_of(path)
        for rule_id in compare(table, read_transcription(path))[0]:
            if copy not in seen_at[rule_id]:
                found[rule_id] = "other copy"
            else:
                found.setdefault(rule_id, "same copy")
    return found


def cell(text: str) -> str:
    """Text for one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "or")


def row_line(row: LimitRow, *, twice: str, places: dict[str, int]) -> str:
    """One row of a table as a line of the page; ``places`` numbers where the rows of the table were read."""
    organ = f"{row.organ} (with {' and '.join(j for j in row.joint if j != row.organ)})" if row.joint else row.organ
    cells = (
        organ,
        "conventional" if row.n_fractions is None else str(row.n_fractions),
        row.metric_text,
        f"{row.comparator} {row.limit:g} {row.unit}",
        row.condition,
        row.level.value if row.level is not None else "listed",
        row.level_printed,
        row.endpoint,
        row.confidence,
        twice or "no",
        str(places.setdefault(row.seen_at, len(places) + 1)),
        str(places.setdefault(row.cross_check, len(places) + 1)) if row.cross_check else "-",
        row.note,
    )
    return "| " + " | ".join(cell(c) for c in cells) + " |"


def render() -> str:
    """The page."""
    tables = sorted(load_tables().values(), key=lambda t: t.name)
    twice = {table.name: typed_twice(table) for table in tables}
    return "\n".join(
        [
            *overview(tables, twice),
            *choices(),
            *policy(),
            *disagreement_lines(tables),
            *remarks(),
            *(line for table in tables for line in table_lines(table, twice[table.name])),
        ]
    )


def overview(tables: Sequence[OrganTable], twice: dict[str, dict[str, str]]) -> list[str]:
    """One line per table."""
    out = [
        "# The numbers of constraints/",
        "",
        "Made by `python docs/build_constraints.py` from `constraints/`; do not edit. Every number is a transcription:",
        "verify it against its source before clinical use. *Typed twice* counts rows typed a second time",
        "(`tests/transcriptions/`) from the public copy that the row was read from, *other copy* those typed from",
        "another one; every other row is a single transcription.",
        "",
        "## Tables",
        "",
        "| table | title | trust | decides | rows | typed twice | other copy | computable | n | organs | `Max` at |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for t in tables:
        point = f"{t.point_volume_cm3:g} cc ({'printed' if t.point_volume_printed else 'ours'})"
        cells = (
            f"`{t.name}`",
            t.title,
            t.trust,
            "yes" if t.may_decide else "compare only",
            str(len(t.rows)),
            str(len(twice[t.name])),
            str(sum(copy == "other copy" for copy in twice[t.name].values())),
            str(sum(r.computable for r in t.rows)),
            ", ".join(map(str, t.fractions)),
            str(len({r.organ for r in t.rows})),
            point,
        )
        out.append("| " + " | ".join(cells) + " |")
    n_rows, n_twice = sum(len(t.rows) for t in tables), sum(map(len, twice.values()))
    return [*out, "", f"{n_rows} rows in {len(tables)} tables; {n_twice} typed twice.", ""]


def choices() -> list[str]:
    """Which table decides, by number of fractions and site."""
    out = ["## Which table decides", "", "| fractions | site | table |", "|---|---|---|"]
    for n in (*range(1, 11), 15, 20, 30):
        reasons = defaultdict(list)
        for site in SITES:
            reasons[choose_table(n_fractions=n, site=site).reason].append(site)
        for why, sites in reasons.items():
            out.append(f"| {n} | {'any' if len(reasons) == 1 else ', '.join(sites)} | {why} |")
    return [*out, ""]


def policy() -> list[str]:
    """What a site asks for, and for which organs a stricter source counts."""
    out = ["## What a site asks for (our policy)", "", "| site | organ | when | note |", "|---|---|---|---|"]
    words = {"required": "always", "not_asked": "never asked for"}
    for rule in load_regions():
        near = f"{rule.landmark}, {rule.direction}, {rule.distance_mm or 0:g} mm"
        when = words.get(rule.requirement, near)
        out.append(f"| {rule.site} | {rule.organ.replace('|', ' or ')} | {when} | {rule.note} |")
    strict = ", ".join(o.organ for o in load_organs() if o.stricter_source)
    return [*out, "", f"A stricter source that is exceeded makes a variation for: {strict} (our policy).", ""]


def disagreement_lines(tables: Sequence[OrganTable]) -> list[str]:
    """Where two tables have different mandatory limits on the same thing."""
    out = [
        "## Where the tables disagree",
        "",
        "Mandatory upper limits, lowest first. A point maximum is taken at 0.035 cc unless said.",
        "",
        "| organ | fractions | metric | limits |",
        "|---|---|---|---|",
    ]
    for organ, n, metric, limits in disagreements(tables):
        shown = "; ".join(f"{limit:g}: {', '.join(titles)}" for limit, titles in limits)
        out.append(f"| {organ} | {n} | {metric} | {shown} |")
    return out


def remarks() -> list[str]:
    """What reading the sources beside each other showed, in words: constraints/disagreements.md, one level deeper."""
    text = REMARKS.read_text(encoding="utf-8")
    return ["", *(f"#{line}" if line.startswith("#") else line for line in text.splitlines())]


def table_lines(table: OrganTable, twice: dict[str, str]) -> list[str]:
    """All rows of one table."""
    places: dict[str, int] = {}
    lines = [row_line(row, twice=twice.get(row.rule_id, ""), places=places) for row in table.rows]
    return [
        "",
        f"## {table.title}",
        "",
        f"`{table.name}`, version {table.version}, sha256 `{table.sha256[:16]}`. {table.citation}.",
        f"DOI: {table.doi or 'none in the copy read'}. Edition: {table.edition}. Population: {table.population}.",
        f"Trust: {table.trust}. {table.judged_as_note}",
        "",
        *(f"{number}. {cell(place)}" for place, number in places.items()),
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
        *lines,
    ]


if __name__ == "__main__":
    PAGE.write_text(render() + "\n", encoding="utf-8")
