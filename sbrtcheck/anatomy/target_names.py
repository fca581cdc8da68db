"""Names of targets, PRVs and helpers, read word by word.

A target's name is one word that starts with GTV, IGTV, ITV, CTV or PTV, beside words of a closed list: sides, places
(constraints/sites.csv, constraints/policy/levels.csv and scope.csv, lobes), numbers and doses. Any other word and the
name says nothing.

A number in a name is a dose only where it can be nothing else:

| written | read as |
|---|---|
| with its unit (``54Gy``, ``5400cGy``) or as a scheme (``3x18``) | dose |
| four digits, 1000 to 9999, but not 2001 to 2099 (a year) | dose in cGy |
| 20 to 99, with or without decimals, in a PTV or CTV | dose in Gy (in a GTV or ITV it may be a breathing phase) |
| 1 to 19 before any dose | number of the lesion |
| all else (three digits, five digits, 1 to 19 after a dose) | nothing |

Two different doses in one name are no dose.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from sbrtcheck.tables.organs import load_organs, load_sides, load_sites, name_words
from sbrtcheck.tables.policy_rows import place_words

MAX_NAME = 64
_LOW_DOSE_GY, _HIGH_DOSE_GY = 5.0, 100.0
_TYPE = re.compile(r"(igtv|gtv|itv|ctv|ptv)(p|n|t|m|sb)?([0-9]*)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,5}(\.[0-9]{1,2})?", re.ASCII)
_WITH_UNIT = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,2})?)(c?gy)", re.ASCII)
_SCHEME = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,2})?)x([0-9]{1,2}(?:\.[0-9]{1,2})?)(?:gy)?", re.ASCII)
_N_FRACTIONS = re.compile(r"[0-9]{1,2}(fx|fr|frx|fraktionen|fractions)", re.ASCII)
_PLACE = re.compile(r"(th|bwk|lwk|hwk|c|t|d|l|s)[0-9]{1,2}", re.ASCII)
_PRV_TAIL = re.compile(r"(.*?)[ _-]*prv[ _-]*[0-9]{0,2}(?:[ _-]*mm)?", re.ASCII | re.IGNORECASE)
_PRV_HEAD = re.compile(r"prv[ _-]*[0-9]{0,2}(?:[ _-]*mm)?[ _-]+(.*)", re.ASCII | re.IGNORECASE)
_PLUS = re.compile(r"(.*?)[ _]*\+[ _]*[0-9]{1,2}(?:\.[0-9])?[ _]*(?:mm|cm)?", re.ASCII | re.IGNORECASE)
# A target and how far it was grown: a helper, neither a dose nor the number of a lesion.
_MARGIN = re.compile(r".*(?:gtv|itv|ctv|ptv)[^+]*\+ *_?[0-9]{1,2}(?:[.,][0-9])? *_?(?:mm|cm)?", re.ASCII)
_PHASE = re.compile(r"4d[0-9]{0,3}", re.ASCII)
_LOBES = {"rul": "R", "rml": "R", "rll": "R", "lul": "L", "lll": "L", "lingula": "L"}
_NEUTRAL = {
    "high", "low", "int", "intermediate", "boost", "sib", "total", "all", "primary", "prim", "lesion", "les",
    "met", "mets", "tumor", "tumour", "upper", "lower", "middle", "mid", "lobe", "apex", "central",
    "peripheral", "sbrt", "sabr", "srs", "sbr", "gy", "cgy", "final", "ct", "mip", "avg", "ave", "average",
    "free", "breathing", "fb", "dibh", "ol", "ul", "ml", "superior", "inferior", "sup", "inf", "post", "ant",
    "medial", "lateral", "pet", "a", "b", "c", "t", "p", "n", "m", "sb",
}  # fmt: skip
# Words that make a name a helper's, however it begins.
_HELPER_WORDS = {
    "opt", "optim", "optimization", "optimisation", "optimise", "optimize", "opti", "help", "helper", "hilf",
    "hilfs", "hilfe", "ring", "ringe", "rings", "rind", "shell", "ns", "nt", "nts", "ntd", "avoid", "avoidance",
    "dummy", "temp", "tmp", "test", "old", "alt", "ancien", "viejo", "vecchio", "oud", "eval", "evl", "crop",
    "cropped", "cut", "minus", "sub", "not", "couch", "table", "tisch", "bolus", "dose", "dosis", "iso",
    "isodose", "isocenter", "isocentre", "isozentrum", "hotspot", "coldspot", "hot", "cold", "block", "fill",
    "filling", "override", "density", "artifact", "artefact", "artefakt", "contrast", "marker", "clip", "clips",
    "fiducial", "fiducials", "seed", "seeds", "point", "laser", "bb", "wire", "mask", "immobilization",
    "immobilisation", "control", "ctrl", "tuning", "tune", "push", "pull", "spill", "spillage", "d2cm", "r50",
    "overlap", "ovl", "exp", "expanded", "copy", "kopie", "backup", "x", "cbct", "hu",
}  # fmt: skip
_HELPER_STARTS = ("z", "opt", "ns_", "nt_", "xx", "dose", "dosis", "ring", "couch", "help", "hilf", "iso")
_NOT_HELPER_STARTS = ("optic", "optik", "optique", "optisch")


@dataclass(frozen=True, slots=True)
class TargetName:
    """What a target's name says: ``dose_gy`` [Gy], and the lesion's number or place."""

    type: str
    side: str = ""
    dose_gy: float | None = None
    lesion: str = ""


def parse_prv(name: str) -> str | None:
    """The organ's part of a PRV name (``SpinalCord_PRV03``, ``PRV Cord``, ``cord+5mm``), or None."""
    if len(name) > MAX_NAME:
        return None
    for pattern in (_PRV_TAIL, _PRV_HEAD, _PLUS):
        match = pattern.fullmatch(name.strip())
        if match and match[1].strip(" _-"):
            return match[1].strip(" _-")
    return None


def is_helper_name(name: str) -> bool:
    """True for names of optimisation and other auxiliary structures. They are never an organ or a target."""
    folded = name.strip().casefold()
    if folded.startswith(_HELPER_STARTS) and not folded.startswith(_NOT_HELPER_STARTS):
        return True
    if folded.endswith(("opt", "_x", "~")) or len(_type_words(name)) > 1:
        return True
    if "+" in folded and _MARGIN.fullmatch(folded[:MAX_NAME]):
        return True
    return bool(set(name_words(name)) & _HELPER_WORDS) or is_difference(name)


def target_hint(name: str) -> str:
    """The target type that a name seems to speak of though it was not understood; only ever a suggestion."""
    types = _type_words(name)
    return types[0].upper() if len(types) == 1 else ""


def parse_target(name: str) -> TargetName | None:
    """What a target's name says, or None when it is not plainly one."""
    if len(name) > MAX_NAME or is_helper_name(name):
        return None
    types = _type_words(name)
    if len(types) != 1:
        return None
    target_type = types[0]
    places: list[str] = []
    doses: list[float] = []
    numbers: list[str] = []
    sided: set[str] = set()
    sides = load_sides(for_targets=True)
    for word in _words(name):
        if match := _TYPE.fullmatch(word):
            word = match[3]
            if not word:
                continue
        kind, dose_gy = _number_kind(word, target_type)
        if kind == "dose":
            doses.append(dose_gy)
        elif kind == "lesion":
            if not doses:
                numbers.append(str(int(word)))
        elif kind == "nothing" or _PHASE.fullmatch(word) or (word in _NEUTRAL and word not in sides):
            continue
        elif word in sides:
            sided.add(sides[word])
        elif word in _LOBES or word in load_sites() or word in place_words() or _PLACE.fullmatch(word):
            places.append(word.upper())
            sided.update({_LOBES[word]} if word in _LOBES else ())
        else:
            return None
    side = sided.pop() if len(sided) == 1 else ""
    dose = doses[0] if len(set(doses)) == 1 else None
    lesion = numbers[0] if len(set(numbers)) == 1 else "" if numbers else " ".join(places)
    return TargetName(target_type.upper(), side, dose, lesion)


def _words(name: str) -> list[str]:
    """Words of a name, case folded; a decimal point or a decimal comma between digits stays in its number."""
    folded = unicodedata.normalize("NFC", name).casefold()
    folded = re.sub(r"(?<=[0-9]),(?=[0-9])", ".", folded)
    return [w.strip(".") for w in re.split(r"[^\w.]+|_+", folded) if w.strip(".")]


def _type_words(name: str) -> list[str]:
    return [m[1] for word in _words(name) if (m := _TYPE.fullmatch(word))]


def is_difference(name: str) -> bool:
    """``PTV-Lung``, ``Lung-GTV``: a hyphen between a target and an organ or site may mean minus."""
    parts = [p.strip(" _") for p in name.casefold().split("-")]
    for left, right in pairwise(parts):
        ends = (_words(left)[-1:], _words(right)[:1])
        kinds = [
            "target" if w and _TYPE.fullmatch(w[0]) else "organ" if w and w[0] in _organ_words() else "" for w in ends
        ]
        if "target" in kinds and "organ" in kinds:
            return True
    return False


@cache
def _organ_words() -> frozenset[str]:
    """Names of one word that an organ has."""
    return frozenset(n.casefold() for o in load_organs() for n in (o.organ, *o.aliases) if len(n.split()) == 1)


def _number_kind(word: str, target_type: str) -> tuple[str, float]:
    """("dose", Gy), ("lesion", 0), ("nothing", 0) or ("", 0) for a word that is no number."""
    if match := _WITH_UNIT.fullmatch(word):
        dose_gy = float(match[1]) / (100 if match[2] == "cgy" else 1)
        return ("dose", dose_gy) if _LOW_DOSE_GY <= dose_gy <= _HIGH_DOSE_GY else ("nothing", 0.0)
    if match := _SCHEME.fullmatch(word):
        dose_gy = float(match[1]) * float(match[2])
        return ("dose", dose_gy) if _LOW_DOSE_GY <= dose_gy <= _HIGH_DOSE_GY else ("nothing", 0.0)
    if _N_FRACTIONS.fullmatch(word):
        return "nothing", 0.0
    if not _NUMBER.fullmatch(word):
        return "", 0.0
    value = float(word)
    if 1000 <= value <= 9999 and "." not in word:
        return ("nothing", 0.0) if 2001 <= value <= 2099 else ("dose", value / 100)
    if 20 <= value <= 99 and target_type in {"ptv", "ctv"}:
        return "dose", value
    if 1 <= value <= 19 and "." not in word:
        return "lesion", 0.0
    return "nothing", 0.0
