"""From ROI names to organs and targets. Literal names only: what is not known by name is not guessed.

Order of the questions, the first answer counts: what the user says; a known name of constraints/organs.csv, with or
without a side; a PRV of a known name; a target's name; a helper's name; the ROI's interpreted type, a hint only where
the name says nothing. A close name is a suggestion and never a match.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from sbrtcheck.anatomy.target_names import (
    is_difference,
    is_helper_name,
    parse_prv,
    parse_target,
    target_hint,
)
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model import MatchedBy, NamedRoi, Roi, Role
from sbrtcheck.model.vocabulary import TARGET_TYPES
from sbrtcheck.tables.organs import load_organs, load_sides, name_key

MAX_NAME = 64
# DICOM's short string, at which some systems cut a name.
CUT_AT = 16
SUGGESTION_SCORE = 82.0
_MINUS = ("-", "minus", "ohne", "sans", "sin", "menos", "meno")
# Types of ROIs that are never an organ or a target, used only where the name says nothing.
_HELPER_TYPES = {
    "BOLUS", "MARKER", "REGISTRATION", "ISOCENTER", "CONTRAST_AGENT", "SUPPORT", "FIXATION", "DOSE_REGION", "CONTROL",
    "DOSE_MEASUREMENT", "BRACHY_CHANNEL", "BRACHY_ACCESSORY", "BRACHY_SRC_APP", "BRACHY_CHNL_SHLD", "TREATED_VOLUME",
    "IRRAD_VOLUME",
}  # fmt: skip
_NOTHING = ("none", "ignore", "helper")


@cache
def name_index() -> dict[str, tuple[str, str, bool]]:
    """Key of every known name, sides included, to (organ, side, is the organ's own or TG-263 name).

    Raises:
        WrongUsageError: E-DATA, when one key would mean two things.
    """
    index: dict[str, tuple[str, str, bool]] = {}

    def add(key: str, organ: str, side: str, own: bool) -> None:
        known = index.setdefault(key, (organ, side, own))
        if known[:2] != (organ, side):
            raise wrong_usage("E-DATA", "organs.csv", seen=key, detail=f"a name of {known[0]} and of {organ}")

    for info in load_organs():
        for alias in (info.organ, *info.aliases):
            own = alias in {info.organ, info.tg263}
            add(name_key(alias), info.organ, "", own)
            if info.laterality != "paired":
                continue
            for word, side in load_sides(for_targets=False).items():
                add(name_key(alias) + word, info.organ, side, own and word == side.casefold())
                add(word + name_key(alias), info.organ, side, False)
                add(f"{name_key(alias)}({word})", info.organ, side, False)
    return index


@cache
def _derived() -> frozenset[str]:
    return frozenset(o.organ for o in load_organs() if o.derived)


def is_readable(name: str) -> bool:
    """False for names that matching must not touch: empty, or with control, hidden or undecodable characters."""
    if not name.strip():
        return False
    return all(c != "�" and unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in name)


def find_organ(name: str) -> tuple[str, str, bool] | None:
    """(organ, side, own name) of a literally known name, or None. ``BODY`` is found like an organ.

    A difference such as ``Lungs-GTV`` needs its minus: ``Lungs_GTV`` may as well be a target in the lung.
    """
    found = name_index().get(name_key(name))
    if found is None or len(name) > MAX_NAME or _lacks_minus(name, found[0]):
        return None
    return found


def _cut_off(name: str) -> tuple[str, str, bool] | None:
    """What a name of exactly 16 characters was before a system cut it, where all that begins so is one organ."""
    if len(name.strip()) != CUT_AT:
        return None
    key = name_key(name)
    meant = {entry[:2] for known, entry in name_index().items() if known.startswith(key)}
    if len(meant) != 1:
        return None
    organ, side = meant.pop()
    return None if organ in _derived() else (organ, side, False)


def _lacks_minus(name: str, organ: str) -> bool:
    folded = name.casefold()
    return organ in _derived() and "gtv" in folded and not any(minus in folded for minus in _MINUS)


def understand(rois: Sequence[Roi], *, user_map: Mapping[str, str] | None = None) -> tuple[NamedRoi, ...]:
    """What each ROI is, in the order given.

    Args:
        rois: the ROIs of one structure set.
        user_map: ROI name to what it is: an organ (``SpinalCord``, ``Lung_L``), a target (``PTV``, ``GTV``, ``IGTV``,
            ``ITV``, ``CTV``), ``SpinalCord_PRV``, ``BODY`` or ``none``. A mapped ROI wins over others that claim the
            same organ by name.

    Two ROIs with contours that claim one organ and side name each other in ``ambiguous_with``. An empty duplicate is
    listed as the organ but makes nothing ambiguous.

    Raises:
        WrongUsageError: E-ROI-UNKNOWN for a mapped ROI that is not there, E-ORGAN-UNKNOWN for an unknown organ.
    """
    chosen = dict(user_map or {})
    names = [roi.name for roi in rois]
    for roi_name in chosen:
        if roi_name not in names:
            close = ", ".join(_closest(roi_name, {name_key(n): n for n in names}))
            raise wrong_usage("E-ROI-UNKNOWN", "--map", seen=roi_name, remedy=f"Closest: {close}" if close else "")
    named = [_mapped(roi, chosen[roi.name]) if roi.name in chosen else _by_name(roi) for roi in rois]
    return tuple(_with_rivals(named))


def _mapped(roi: Roi, value: str) -> NamedRoi:
    target = value.strip().upper()
    if target in TARGET_TYPES:
        own = parse_target(roi.name)
        base = NamedRoi(roi, Role.TARGET, target_type=target, matched_by=MatchedBy.MAP, matched_text=value)
        if own is None:
            return base
        return replace(base, laterality=own.side, dose_token_gy=own.dose_gy, lesion_token=own.lesion)
    if value.strip().casefold() in _NOTHING:
        return NamedRoi(roi, Role.UNMATCHED, matched_by=MatchedBy.MAP, matched_text=value)
    prv = parse_prv(value)
    found = find_organ(prv or value)
    if found is None:
        close = ", ".join(_closest(value, _suggestions()))
        remedy = f"Closest: {close}" if close else "See constraints/organs.csv"
        raise wrong_usage("E-ORGAN-UNKNOWN", "--map", tag=roi.name, seen=value, remedy=remedy)
    organ, side, _ = found
    role = Role.BODY if organ == "BODY" else Role.PRV if prv else Role.ORGAN
    return NamedRoi(roi, role, organ=organ, laterality=side, matched_by=MatchedBy.MAP, matched_text=value)


def _by_name(roi: Roi) -> NamedRoi:
    name = roi.name
    unmatched = NamedRoi(roi, Role.UNMATCHED)
    if not is_readable(name):
        return unmatched
    interpreted = roi.interpreted_type.strip().upper()
    found = find_organ(name) or _cut_off(name)
    if found is not None:
        organ, side, own = found
        # RTOG names the body outline SKIN; the type tells the outline from the organ.
        outline = organ == "BODY" or (organ == "Skin" and interpreted == "EXTERNAL")
        return NamedRoi(
            roi,
            Role.BODY if outline else Role.ORGAN,
            organ="BODY" if outline else organ,
            laterality=side,
            matched_by=MatchedBy.NAME if own else MatchedBy.ALIAS,
            matched_text=name,
        )
    entry = name_index().get(name_key(name))
    if entry is not None and interpreted != "GTV":
        # Lungs_GTV: the difference or the target? Only a type of GTV tells.
        return replace(unmatched, suggestion=entry[0])
    inner = parse_prv(name)
    if inner is not None and (prv := find_organ(inner)) is not None and prv[0] != "BODY":
        return NamedRoi(roi, Role.PRV, organ=prv[0], laterality=prv[1], matched_by=MatchedBy.ALIAS, matched_text=inner)
    target = parse_target(name)
    if target is not None:
        return NamedRoi(
            roi,
            Role.TARGET,
            target_type=target.type,
            laterality=target.side,
            matched_by=MatchedBy.NAME,
            matched_text=target.type,
            dose_token_gy=target.dose_gy,
            lesion_token=target.lesion,
        )
    if is_helper_name(name):
        return NamedRoi(roi, Role.HELPER, suggestion=target_hint(name) if is_difference(name) else "")
    if interpreted == "PTV":
        return NamedRoi(roi, Role.TARGET, target_type="PTV", matched_by=MatchedBy.TYPE, matched_text=interpreted)
    if interpreted == "EXTERNAL":
        return NamedRoi(roi, Role.BODY, organ="BODY", matched_by=MatchedBy.TYPE, matched_text=interpreted)
    if interpreted in _HELPER_TYPES:
        return NamedRoi(roi, Role.HELPER, matched_by=MatchedBy.TYPE, matched_text=interpreted)
    close = [hint] if (hint := target_hint(name)) else _closest(name, _suggestions(), n_best=1)
    return replace(unmatched, suggestion=close[0] if close else "")


def _is_claimant(named: NamedRoi) -> bool:
    """A ROI that can stand for its organ: it has contours, or had some that cannot be used."""
    damage = named.roi.damaged
    return bool(named.roi.contours) or (damage is not None and damage.code != "E-NO-CONTOURS")


def _with_rivals(named: Sequence[NamedRoi]) -> list[NamedRoi]:
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for i, n in enumerate(named):
        if n.role is Role.ORGAN:
            groups[n.role, n.organ, n.laterality].append(i)
        elif n.role in {Role.TARGET, Role.PRV}:
            # There may be many; only two that differ in nothing but case and separators claim one place.
            groups[n.role, n.target_type or n.organ, name_key(n.roi.name)].append(i)
    out = list(named)
    for members in groups.values():
        mapped = [i for i in members if named[i].matched_by is MatchedBy.MAP]
        if mapped:
            for i in set(members) - set(mapped):
                note = f"{named[i].organ} (another ROI was chosen by --map)"
                out[i] = NamedRoi(named[i].roi, Role.UNMATCHED, suggestion=note)
        claimants = [i for i in (mapped or members) if _is_claimant(named[i])]
        for i in claimants if len(claimants) > 1 else ():
            out[i] = replace(out[i], ambiguous_with=tuple(named[j].roi.name for j in claimants if j != i))
    return out


@cache
def _suggestions() -> dict[str, str]:
    """Known names, keyed as they are compared, with the name to suggest."""
    return {key: organ + (f"_{side}" if side else "") for key, (organ, side, _) in name_index().items() if len(key) > 3}


def _closest(name: str, known: Mapping[str, str], *, n_best: int = 3) -> list[str]:
    """The best few of ``known`` (compared key to shown name) that resemble ``name``; only ever suggestions."""
    from rapidfuzz import fuzz, process

    keys = list(known)
    hits = process.extract(
        name_key(name[:MAX_NAME]), keys, scorer=fuzz.ratio, score_cutoff=SUGGESTION_SCORE, limit=4 * n_best
    )
    return list(dict.fromkeys(known[key] for key, _, _ in hits))[:n_best]


@cache
def closest_organs(name: str) -> tuple[str, ...]:
    """Up to three known names that resemble ``name``, the best first; only ever suggestions."""
    return tuple(_closest(name, _suggestions()))
