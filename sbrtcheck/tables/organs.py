"""Organs, lesion sites and what a site asks for: the rows of organs.csv, regions.csv and sites.csv."""

from __future__ import annotations

import unicodedata
from functools import cache

from sbrtcheck.errors import Problem
from sbrtcheck.model import OrganInfo, RegionRule
from sbrtcheck.tables.datafiles import CsvRow, data_path, parse_number, read_rows, wrong_usage_many

CODE = "E-DATA"
ORGAN_COLUMNS = (
    "organ",
    "tg263",
    "laterality",
    "architecture",
    "region",
    "union_of",
    "containers",
    "stricter_source",
    "derived",
    "judged_by",
    "if_unjudged",
    "volume_min_cc",
    "volume_max_cc",
    "exclusive_with",
    "partly_drawn",
    "aliases",
    "note",
)
REGION_COLUMNS = ("site", "organ", "requirement", "landmark", "direction", "distance_mm", "note")
SITES = ("lung", "spine", "liver", "adrenal", "bone", "node", "other")
REQUIREMENTS = ("required", "if_near", "not_asked")
# How the distance to the landmark is taken. any: between the two structures; surface: from the target to the landmark's
# surface, from inside; superior: the target's top lies at most so far below the landmark's top; inferior: the target's
# bottom at most so far above the landmark's bottom.
DIRECTIONS = ("any", "surface", "superior", "inferior")
LATERALITIES = ("", "paired", "both")
ARCHITECTURES = ("", "serial", "parallel")
# What an organ does that lies near a target and that no row judges: the plan is incomplete, or a line says so.
IF_UNJUDGED = ("incomplete", "line")


def name_key(name: str) -> str:
    """What two names must share to be the same: case folded, without space, ``_`` and ``-``. Nothing else is dropped.

    Canonically equivalent spellings of an accent (one character or two) are one.
    """
    folded = unicodedata.normalize("NFC", name).casefold()
    return unicodedata.normalize("NFC", folded).translate({ord(c): None for c in " _-"})


def split_side(name: str) -> tuple[str, str]:
    """``Lung_L`` -> ("Lung", "L"); a name without a side -> (name, "")."""
    if name.endswith(("_L", "_R")):
        return name[:-2], name[-1]
    return name, ""


@cache
def load_organs() -> tuple[OrganInfo, ...]:
    """The organs, in the order of constraints/organs.csv.

    Raises:
        WrongUsageError: E-DATA, with every problem of the file.
    """
    path = data_path("organs.csv")
    rows = read_rows(path, code=CODE, required=ORGAN_COLUMNS)
    problems: list[Problem] = []
    names = {row.cells["organ"] for row in rows}
    keys: dict[str, str] = {}
    organs = []
    for row in rows:
        cells = row.cells

        def bad(column: str, detail: str, row: CsvRow = row) -> None:
            tag = f"line {row.line}, column {column}"
            problems.append(Problem(CODE, path.name, tag=tag, seen=row.cells[column], detail=detail))

        for column, allowed in (("laterality", LATERALITIES), ("architecture", ARCHITECTURES)):
            if cells[column] not in allowed:
                bad(column, f"not one of {', '.join(a or '(empty)' for a in allowed)}")
        if cells["if_unjudged"] not in (("",) if cells["region"] == "body" else IF_UNJUDGED):
            bad("if_unjudged", f"not one of {', '.join(IF_UNJUDGED)}")
        for column in ("stricter_source", "derived", "partly_drawn"):
            if cells[column] not in {"yes", "no"}:
                bad(column, "not yes or no")
        aliases = tuple(a for a in cells["aliases"].split("|") if a)
        for name in (cells["organ"], *aliases):
            owner = keys.setdefault(name_key(name), cells["organ"])
            if not name_key(name):
                bad("aliases", "an alias without letters")
            elif owner != cells["organ"]:
                bad("aliases", f"{name} is already a name of {owner}")
        union = tuple(tuple(part.split("/")) for part in cells["union_of"].split("+") if part)
        containers = tuple(c for c in cells["containers"].split("|") if c)
        judged_by = tuple(c for c in cells["judged_by"].split("|") if c)
        exclusive_with = tuple(c for c in cells["exclusive_with"].split("|") if c)
        for column, parts in (
            ("union_of", [p for alternatives in union for p in alternatives]),
            ("containers", containers),
            ("judged_by", judged_by),
            ("exclusive_with", exclusive_with),
        ):
            for part in parts:
                if split_side(part.removesuffix("_PRV"))[0] not in names:
                    bad(column, f"unknown organ {part}")
        volumes = [parse_number(cells[c]) if cells[c] else None for c in ("volume_min_cc", "volume_max_cc")]
        low_cm3, high_cm3 = volumes
        if bool(cells["volume_min_cc"]) != bool(cells["volume_max_cc"]) or (
            cells["volume_min_cc"] and (low_cm3 is None or high_cm3 is None or not 0 < low_cm3 < high_cm3)
        ):
            bad("volume_min_cc", "not a range of volumes in cc, the smaller first")
        organs.append(
            OrganInfo(
                organ=cells["organ"],
                aliases=aliases,
                architecture=cells["architecture"],
                union_of=union,
                containers=containers,
                region=cells["region"],
                laterality=cells["laterality"],
                note=cells["note"],
                tg263=cells["tg263"],
                stricter_source=cells["stricter_source"] == "yes",
                derived=cells["derived"] == "yes",
                judged_by=judged_by,
                if_unjudged=cells["if_unjudged"],
                volume_min_cm3=low_cm3,
                volume_max_cm3=high_cm3,
                exclusive_with=exclusive_with,
                partly_drawn=cells["partly_drawn"] == "yes",
            )
        )
    excludes = {o.organ: set(o.exclusive_with) for o in organs}
    problems += [
        Problem(CODE, path.name, tag=f"organ {name}, column exclusive_with", seen=other, detail="not so the other way")
        for name, others in excludes.items()
        for other in others
        if name not in excludes.get(other, ())
    ]
    if problems:
        raise wrong_usage_many(problems)
    return tuple(organs)


@cache
def organ_info() -> dict[str, OrganInfo]:
    """The organs by canonical name, without side."""
    return {o.organ: o for o in load_organs()}


@cache
def organ_names() -> frozenset[str]:
    """The canonical organ names, without side, BODY left out."""
    return frozenset(o.organ for o in load_organs() if o.region != "body")


@cache
def load_regions() -> tuple[RegionRule, ...]:
    """What each lesion site asks for: our policy, in the order of constraints/regions.csv.

    Raises:
        WrongUsageError: E-DATA, with every problem of the file.
    """
    path = data_path("regions.csv")
    problems: list[Problem] = []
    rules = []
    seen: set[tuple[str, str, str]] = set()
    for row in read_rows(path, code=CODE, required=REGION_COLUMNS):
        cells = row.cells

        def bad(column: str, detail: str, row: CsvRow = row) -> None:
            tag = f"line {row.line}, column {column}"
            problems.append(Problem(CODE, path.name, tag=tag, seen=row.cells[column], detail=detail))

        if cells["site"] not in SITES:
            bad("site", f"not one of {', '.join(SITES)}")
        key = (cells["site"], cells["organ"], cells["landmark"])
        if key in seen:
            bad("organ", "the same site, organ and landmark occur twice")
        seen.add(key)
        near = cells["requirement"] == "if_near"
        if cells["requirement"] not in REQUIREMENTS:
            bad("requirement", f"not one of {', '.join(REQUIREMENTS)}")
        for name in cells["organ"].split("|"):
            if name not in organ_names():
                bad("organ", f"unknown organ {name}")
        if cells["landmark"] and split_side(cells["landmark"])[0] not in {*organ_names(), "BODY"}:
            bad("landmark", "unknown organ")
        distance = parse_number(cells["distance_mm"]) if cells["distance_mm"] else None
        if near and (distance is None or distance < 0 or not cells["landmark"]):
            bad("distance_mm", "if_near needs a landmark and a distance in mm")
        if near and cells["direction"] not in DIRECTIONS:
            bad("direction", f"not one of {', '.join(DIRECTIONS)}")
        if not near and (cells["landmark"] or cells["direction"] or cells["distance_mm"]):
            bad("landmark", "only if_near has a landmark, a direction and a distance")
        rules.append(
            RegionRule(
                site=cells["site"],
                organ=cells["organ"],
                requirement=cells["requirement"],
                landmark=cells["landmark"],
                direction=cells["direction"],
                distance_mm=distance,
                note=cells["note"],
            )
        )
    if problems:
        raise wrong_usage_many(problems)
    return tuple(rules)


@cache
def load_sites() -> dict[str, str]:
    """Word of a name, case folded, to lesion site: constraints/sites.csv.

    Raises:
        WrongUsageError: E-DATA.
    """
    path = data_path("sites.csv")
    words: dict[str, str] = {}
    problems = []
    for row in read_rows(path, code=CODE, required=("site", "words", "note")):
        site = row.cells["site"]
        if site not in SITES:
            problems.append(Problem(CODE, path.name, tag=f"line {row.line}, column site", seen=site))
        for word in row.cells["words"].split("|"):
            if not word or words.setdefault(word.casefold(), site) != site:
                problems.append(Problem(CODE, path.name, tag=f"line {row.line}, column words", seen=word))
    if problems:
        raise wrong_usage_many(problems)
    return words


@cache
def load_sides(*, for_targets: bool) -> dict[str, str]:
    """Word to side, "L" or "R": constraints/sides.csv. Some words count beside an organ only, not in a target's name.

    Raises:
        WrongUsageError: E-DATA.
    """
    path = data_path("sides.csv")
    words: dict[str, str] = {}
    for row in read_rows(path, code=CODE, required=("side", "used_for", "words")):
        side, used_for = row.cells["side"], row.cells["used_for"]
        if side not in {"L", "R"} or used_for not in {"any", "organ"}:
            raise wrong_usage_many([Problem(CODE, path.name, tag=f"line {row.line}", seen=f"{side} {used_for}")])
        if used_for == "organ" and for_targets:
            continue
        for word in row.cells["words"].split("|"):
            if not word or words.setdefault(name_key(word), side) != side:
                raise wrong_usage_many([Problem(CODE, path.name, tag=f"line {row.line}, column words", seen=word)])
    return words


def name_words(name: str) -> tuple[str, ...]:
    """The words of a name, case folded: runs of letters and digits, whatever stands between them."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return tuple("".join(c if c.isalnum() else " " for c in folded).split())


def site_of_name(name: str) -> str:
    """The lesion site that a target's name speaks of, or "" when it speaks of none or of two.

    Only whole words of constraints/sites.csv count. A name is a hint: facts and geometry come first.
    """
    known = load_sites()
    sites = {known[word] for word in name_words(name) if word in known}
    return sites.pop() if len(sites) == 1 else ""
