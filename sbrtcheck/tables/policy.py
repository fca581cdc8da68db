"""The numbers of the judging policy: constraints/policy/*.toml, read once, refused where they are wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sbrtcheck.errors import Problem, wrong_usage
from sbrtcheck.model.policy import Policy, PolicyValue
from sbrtcheck.tables.datafiles import data_path, digest, read_bytes, read_toml, wrong_usage_many

CODE = "E-DATA"
EDITION = "edition.toml"
UNITS = ("mm", "cc", "%", "Gy", "ratio", "fractions", "count", "months", "h")
RULES = tuple(f"P{i}" for i in range(1, 13))
_TEXTS = ("rule", "unit", "source", "why")
# Values of one file that must stay in order: small first, large last, the same allowed.
IN_ORDER = (
    ("target_dose.d98_marginal_percent", "target_dose.d98_fail_percent"),
    ("target_dose.point_coverage_low_percent", "target_dose.point_coverage_high_percent"),
    ("target_dose.shared_low_percent", "target_dose.shared_high_percent"),
    ("supplements.lung_v20_variation_percent", "supplements.lung_v20_major_percent"),
    ("supplements.lung_v20_major_percent", "supplements.lung_v20_several_fail_percent"),
    ("coverage.d95_fail_percent", "coverage.d95_variation_percent"),
    ("coverage.d95_variation_percent", "coverage.d95_full_percent"),
    ("coverage.gtv_d98_fail_percent", "coverage.gtv_d98_percent"),
    ("coverage.spine_gtv_d98_marginal_percent", "coverage.gtv_d98_percent"),
    ("coverage.excuse_from_percent", "coverage.excuse_to_percent"),
    ("small_organs.smaller_times", "small_organs.enough_times"),
    ("location.central_few_fractions", "location.ultracentral_review_fractions"),
    ("location.airway_8_variation_gy", "location.airway_8_marginal_gy"),
    ("levels.cord_volume_from_cc", "levels.cord_volume_to_cc"),
    *((f"levels.cord_{n}_variation_gy", f"levels.cord_{n}_fail_gy") for n in range(1, 6)),
)
_KEY = re.compile(r"[a-z][a-z0-9_]{1,60}", re.ASCII)
_EDITION_KEYS: dict[str, type] = {"title": str, "version": str, "note": str, "sha256": dict}


def load_policy() -> Policy:
    """The shipped policy.

    Raises:
        WrongUsageError: E-DATA with every value that is unknown, mistyped or out of its own range; E-TABLE-MODIFIED
            where the files are not those recorded for their version.
    """
    return _load(data_path("policy"))


def policy_files(folder: Path) -> tuple[Path, ...]:
    """The files that the policy's digest covers, in its order: those of the folder, and the coverage goals."""
    own = [path for path in folder.iterdir() if path.suffix in {".toml", ".csv"} and path.name != EDITION]
    return (*sorted(own, key=lambda path: path.name), folder.parent / "target" / "coverage.csv")


def policy_digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files of the policy, line endings aside."""
    lines = [f"{path.name} {digest(read_bytes(path, code=CODE))}\n" for path in policy_files(folder)]
    return digest("".join(lines).encode())


@cache
def _load(folder: Path) -> Policy:
    version, sha256 = _edition(folder)
    problems: list[Problem] = []
    entries: dict[str, PolicyValue] = {}
    for path in policy_files(folder):
        if path.suffix == ".toml":
            _read_subject(path, entries, problems)
    problems += [Problem(CODE, "policy", tag=f"value {k}", detail="missing") for k in _ordered() if k not in entries]
    if not problems:
        problems += out_of_order({key: entry.value for key, entry in entries.items()}, file="policy", code=CODE)
    if problems:
        raise wrong_usage_many(problems)
    return Policy(version=version, sha256=sha256, entries=MappingProxyType(entries))


def _ordered() -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for pair in IN_ORDER for key in pair))


def out_of_order(values: Mapping[str, float], *, file: str, code: str) -> list[Problem]:
    """A problem for each pair of values that contradict each other: the one that must be smaller is larger."""
    return [
        Problem(
            code,
            file,
            tag=f"key policy.{small}",
            seen=f"{values[small]:g}",
            detail=f"above {large}, which is {values[large]:g}: the two contradict each other",
            remedy="Correct one of the two",
        )
        for small, large in IN_ORDER
        if values[small] > values[large]
    ]


def policy_of_clinic(changes: Mapping[str, float], *, file: str) -> Policy:
    """The policy as a clinic file sets it.

    Raises:
        WrongUsageError: E-CONFIG with every unknown key, fixed value, number outside its range and contradiction.
    """
    policy = load_policy().with_clinic(changes, file=file)
    values = {key: entry.value for key, entry in policy.entries.items()}
    problems = out_of_order(values, file=file, code="E-CONFIG")
    if problems:
        raise wrong_usage_many(problems)
    return policy


def _edition(folder: Path) -> tuple[str, str]:
    """Version and digest of the policy, refused when the digest is not the one recorded."""
    document, _ = read_toml(folder / EDITION, code=CODE)
    problems = [
        Problem(CODE, EDITION, tag=f"key {key}", seen=str(document.get(key, "missing")), detail="wrong or missing")
        for key, kind in _EDITION_KEYS.items()
        if type(document.get(key)) is not kind
    ]
    problems += [
        Problem(CODE, EDITION, tag=f"key {key}", detail="unknown key") for key in document.keys() - _EDITION_KEYS.keys()
    ]
    if problems:
        raise wrong_usage_many(problems)
    version, sha256 = str(document["version"]), policy_digest(folder)
    recorded = document["sha256"].get(version, "nothing")
    if sha256 != recorded:
        seen = f"version {version} is {recorded[:12]}, the files are {sha256}"
        remedy = "Restore the files; a changed policy needs a new version, a line in [sha256] and one in CHANGELOG.md"
        raise wrong_usage("E-TABLE-MODIFIED", f"policy/{EDITION}", seen=seen, remedy=remedy)
    return version, sha256


def _read_subject(path: Path, entries: dict[str, PolicyValue], problems: list[Problem]) -> None:
    document, _ = read_toml(path, code=CODE)
    subject = document.pop("title", None)
    if not isinstance(subject, str) or not subject:
        problems.append(Problem(CODE, path.name, tag="key title", seen=str(subject), detail="must be text"))
    for name, raw in document.items():
        key = f"{path.stem}.{name}"
        found = _problems(path.name, name, raw)
        problems += found
        if not found:
            entries[key] = _value(key, raw, subject=str(subject))


def _value(key: str, raw: dict[str, Any], *, subject: str) -> PolicyValue:
    bounds = (None, None) if raw.get("fixed") else (float(raw["min"]), float(raw["max"]))
    texts = {name: raw[name] for name in _TEXTS}
    return PolicyValue(key=key, value=float(raw["value"]), low=bounds[0], high=bounds[1], subject=subject, **texts)


def _problems(file: str, name: str, raw: Any) -> list[Problem]:
    """Everything that is wrong with one value."""

    def bad(field: str, seen: object, detail: str) -> Problem:
        return Problem(CODE, file, tag=f"value {name}, field {field}", seen=str(seen), detail=detail)

    if not isinstance(raw, dict):
        return [bad("value", raw, "not a table of fields")]
    if not _KEY.fullmatch(name):
        return [bad("key", name, "not a key: small letters, digits and _")]
    range_fields = ("fixed",) if "fixed" in raw else ("min", "max")
    wanted = (*_TEXTS, "value", *range_fields)
    out = [bad(key, raw[key], "unknown field") for key in raw if key not in wanted]
    out += [bad(key, "", "missing field") for key in wanted if key not in raw]
    for key in ("value", "min", "max"):
        number = raw.get(key, 1)
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < math.inf:
            out.append(bad(key, number, "must be a number of 0 or more"))
    for key in _TEXTS:
        text = raw.get(key, "x")
        if not isinstance(text, str) or not text.strip():
            out.append(bad(key, text, "must be text"))
    if raw.get("fixed", True) is not True:
        out.append(bad("fixed", raw["fixed"], "must be true, or min and max be given"))
    if out:
        return out
    if raw["unit"] not in UNITS:
        out.append(bad("unit", raw["unit"], f"not one of {', '.join(UNITS)}"))
    if raw["rule"] not in RULES:
        out.append(bad("rule", raw["rule"], f"not one of {RULES[0]} to {RULES[-1]}"))
    if "min" in raw and not raw["min"] <= raw["value"] <= raw["max"]:
        out.append(bad("value", raw["value"], f"outside its own range, {raw['min']} to {raw['max']}"))
    return out
