"""A report without identity: names, labels, UIDs, hashes and file names become keyed hashes, in every format.

The same thing has the same token all over one report. With the key in ``SBRTCHECK_PSEUDONYM_KEY`` it has the same token
in every report; without it a new key is drawn for each run and then forgotten.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import Any

from sbrtcheck.errors import CATALOGUE, Problem, safe_text
from sbrtcheck.model import Fact, Finding, MatchedBy, Report, Role, StructureReport
from sbrtcheck.model.vocabulary import TARGET_TYPES

KEY_VARIABLE = "SBRTCHECK_PSEUDONYM_KEY"
# Words of our own and of DICOM that may stand in what was seen of a file. Any other word there is hidden.
_SEEN_TEXT = """
absent empty bytes byte left length level levels elements files values value numbers number points point planes
plane frames first last step steps from to for and of by the is in with without than more within after before not
no none must start stated referenced beams beam sequence contours contour fractions fraction unknown plan plans
says given gy mm cc cm3 bits bit allocated stored high lowest highest computed prescription median target dose
doses item items need needed needs rows columns volume its position image slices slice apart gaps where bridged
thickness taken other others rois roi area pairs mm2 structures structure set sets groups group single line per
day on vr file meta every deflated explicit implicit big endian retired rle overlap outside inside share off lies
right it plan_overview multi_plan session photon electron proton relative cgy physical effective error brachy
beam_session fraction_session brachy_session control_point record curative palliative prophylactic verification
machine_qa research service approved unapproved rejected patient treatment_device treatment setup open_portfilm
trmt_portfilm continuation closed_planar closedplanar_xor open_planar open_nonplanar rigid non_rigid monochrome2
water roi_override us ss ul ow ob un sq ds cs ui lo sh rtplan rtstruct rtdose present nan inf
"""
_SEEN_WORDS = frozenset(_SEEN_TEXT.split())
_WORD = re.compile(r"[^\W\d_][\w']*")
_UID = re.compile(r"(?<![\w.])(?:[0-2]\.\d+(?:\.\d+){2,}|2\.25\.\d+)(?![\w.])")
# Greedy: whatever the reason says, nothing of it is left.
_DEVIATION = re.compile(r"declared deviation: .*; the verdict stays", re.DOTALL)
_STANDARD_UID = "1.2.840.10008."
_LETTERS = re.compile(r"[^\W\d_]+")
_TARGET_TYPES = tuple(kind.casefold() for kind in TARGET_TYPES)
_TARGET_TEXT = """
total opt eval boost high low gy cgy fx mm cm l r left right lung liver spine bone node adrenal rul rml rll lul lll
a b c d e
"""
_TARGET_WORDS = frozenset(("", *_TARGET_TYPES, *_TARGET_TEXT.split()))


@dataclass(slots=True)
class _Tokens:
    """Identifying texts and what stands for each."""

    key: bytes
    by_text: dict[str, str] = field(default_factory=dict)

    def token(self, kind: str, text: str) -> str:
        """The keyed hash of a text."""
        digest = hmac.new(self.key, f"{kind}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{kind}-{digest.hexdigest()[:10]}"

    def hide(self, kind: str, text: str, *, suffix: str = "") -> None:
        """From now on a token stands for this text, as it is and as it is shown."""
        if not text.strip():
            return
        token = self.token(kind, text) + suffix
        for form in (text, safe_text(text), safe_text(text, limit=400)):
            self.by_text.setdefault(form, token)


def pseudonymised(report: Report) -> Report:
    """The report with keyed hashes in place of whatever tells who the patient is.

    Replaced are the patient's name and ID, plan labels, UIDs and SHA-256 of the inputs, file names, names of ROIs that
    are not known names of organs or targets, and free text of a case file. Numbers, verdicts and rules stay.

    Args:
        report: of one check; ``SBRTCHECK_PSEUDONYM_KEY`` in the environment makes the tokens reproducible.
    """
    key = os.environ.get(KEY_VARIABLE, "").encode() or secrets.token_bytes(32)
    tokens = _Tokens(key)
    _collect(report, tokens)
    words = [part for part in re.split(r"[\^\s=,]+", report.patient[0]) if len(part) > 2]
    cleaned = replace(
        report,
        course_findings=tuple(_without_free_text(f) for f in report.course_findings),
        facts=tuple(_fact(f) for f in report.facts),
        errors=tuple(_problem(p) for p in report.errors),
        warnings=tuple(_problem(p) for p in report.warnings),
        plans=tuple(
            replace(
                p,
                heterogeneity_correction=_known_words(p.heterogeneity_correction),
                findings=tuple(_without_free_text(f) for f in p.findings),
            )
            for p in report.plans
        ),
        inputs=tuple(replace(i, sha256=tokens.token("sha256", i.sha256) if i.sha256 else "") for i in report.inputs),
        pseudonymised=True,
    )
    walk = _Walk(tokens, words)
    return replace(
        cleaned,
        **{
            f.name: walk(getattr(cleaned, f.name))
            for f in fields(Report)
            if f.name not in {"versions", "tables", "patient"}
        },
        patient=(_patient(tokens, report.patient[0]), _patient(tokens, report.patient[1])),
    )


def _patient(tokens: _Tokens, text: str) -> str:
    return tokens.token("patient", text) if text else ""


def _collect(report: Report, tokens: _Tokens) -> None:
    """Every text of the report that may tell who the patient is."""
    for text in report.patient:
        tokens.hide("patient", text)
    for plan in report.plans:
        tokens.hide("plan", plan.label)
    _collect_files(report, tokens)
    known = _known_names()
    _collect_rois(report, tokens, known)
    for problem in (*report.errors, *report.warnings):
        for part in _objects(problem):
            if part not in known and not _is_target_name(part) and not part.startswith("--"):
                suffix = re.search(r"\.(?:dcm|zip|toml|csv)\Z", part, re.IGNORECASE)
                tokens.hide("file" if suffix else "object", part, suffix=suffix.group() if suffix else "")


def _collect_files(report: Report, tokens: _Tokens) -> None:
    """Names of the inputs, of the case file and of the clinic file."""
    for item in report.inputs:
        suffix = re.search(r"\.[A-Za-z]{2,5}\Z", item.name)
        tokens.hide("file", item.name, suffix=suffix.group() if suffix else "")
    for given in (report.options.case, report.options.clinic):
        if given is not None:
            tokens.hide("file", str(given), suffix=".toml")
            tokens.hide("file", re.split(r"[\\/]", str(given))[-1], suffix=".toml")
    for fact in report.facts:
        if fact.name in {"case file", "clinic file"}:
            tokens.hide("file", fact.value, suffix=".toml")


def _collect_rois(report: Report, tokens: _Tokens, known: Container[str]) -> None:
    """Names of structures, of the structures of lesions, and those that options name."""
    for structure in report.structures:
        if _is_known(structure, known):
            continue
        kind = structure.target_type or "ROI"
        tokens.hide(kind, structure.roi)
        for part in structure.roi.split(" / "):
            if part not in known:
                tokens.hide(kind, part)
    shown = {s.roi for s in report.structures}
    for lesion in (x.lesion for x in report.lesions):
        for kind, name in (("PTV", lesion.ptv), ("GTV", lesion.gtv), ("ITV", lesion.itv), ("CTV", lesion.ctv)):
            if name and safe_text(name) not in shown and not _is_target_name(name):
                tokens.hide(kind, name)
            elif name and safe_text(name) in tokens.by_text:
                tokens.by_text.setdefault(name, tokens.by_text[safe_text(name)])
    for given in (report.options.roi_map, report.options.prescriptions, report.options.sites):
        for name in given:
            if name and name not in known and not _is_target_name(name):
                tokens.hide("ROI", name)


def _objects(problem: Problem) -> Iterator[str]:
    """What a problem speaks of: the whole, and the files or ROIs in it."""
    yield problem.object
    for part in re.split(r", | and |: ROI \d+ |: ", problem.object):
        yield part.strip("'\"")


def _is_target_name(name: str) -> bool:
    """Whether a target's name holds nothing but its type, numbers, sides and words that are nobody's."""
    runs = [run.casefold() for run in _LETTERS.findall(name)]
    if not any(run.startswith(_TARGET_TYPES) for run in runs):
        return False
    return all(
        run in _TARGET_WORDS or any(run.startswith(t) and run.removeprefix(t) in _TARGET_WORDS for t in _TARGET_TYPES)
        for run in runs
    )


@cache
def _known_names() -> frozenset[str]:
    """Names that say nothing of a person: organs with their aliases, targets, body, words of this program."""
    from sbrtcheck.tables.organs import load_organs

    out = {"input", "paths", "table", "BODY", "External", "EXTERNAL", "Body", "dose_gy", "convention", ""}
    for info in load_organs():
        out |= {info.organ, f"{info.organ}_L", f"{info.organ}_R", f"{info.organ}_PRV", f"{info.organ}-GTV"}
    return frozenset(out)


def _is_known(structure: StructureReport, known: Container[str]) -> bool:
    """Whether a ROI is called what such a thing is always called."""
    if structure.roi in known or structure.matched_by is MatchedBy.DERIVED:
        return True
    if structure.matched_by not in {MatchedBy.NAME, MatchedBy.ALIAS}:
        return False
    if structure.role is Role.TARGET:
        return _is_target_name(structure.roi)
    return structure.role in {Role.ORGAN, Role.BODY}


def _without_free_text(finding: Finding) -> Finding:
    """Without what somebody wrote in a case file: deviations, names of sites, reasons."""
    if finding.rule_id.startswith("deviation:"):
        return replace(finding, rule_id="deviation", notes=("a declared deviation; the verdict stays",))
    if finding.rule_id == "OM-2":
        return replace(finding, notes=("the sites that the case file declares are not shown",))
    if finding.rule_id == "OM-3":
        return replace(finding, notes=(finding.note.partition("; counted:")[0],))
    said = (_DEVIATION.sub("a declared deviation; the verdict stays", note) for note in finding.notes)
    return replace(finding, notes=tuple(said))


def _fact(fact: Fact) -> Fact:
    if fact.origin.startswith("SHA-256"):
        return replace(fact, origin="SHA-256 not shown")
    if fact.name.endswith(" absent"):
        return replace(fact, value="declared absent")
    return fact


def _problem(problem: Problem) -> Problem:
    return replace(problem, seen=_known_words(problem.seen))


def _known_words(text: str) -> str:
    """Numbers and words that are ours or DICOM's; any other word could be a name."""

    def shown(match: re.Match[str]) -> str:
        word = match.group()
        known = word.casefold() in _SEEN_WORDS or word in _known_names() or word in CATALOGUE
        return word if known else "[hidden]"

    # UIDs and hashes are no words; they are replaced by tokens later.
    return _WORD.sub(shown, text)


class _Walk:
    """Replaces texts in everything that a record holds."""

    def __init__(self, tokens: _Tokens, words: Iterable[str]) -> None:
        self._tokens = tokens
        texts = sorted((t for t in tokens.by_text if t), key=len, reverse=True)
        self._texts = re.compile("|".join(rf"(?<!\w){re.escape(t)}(?!\w)" for t in texts)) if texts else None
        parts = sorted(set(words), key=len, reverse=True)
        self._parts = re.compile("|".join(map(re.escape, parts)), re.IGNORECASE) if parts else None

    def _text(self, text: str) -> str:
        # What was already replaced must not be searched again: a token may hold a short name.
        pieces, at = [], 0
        for match in self._texts.finditer(text) if self._texts is not None else ():
            pieces += [self._rest(text[at : match.start()]), self._tokens.by_text[match.group()]]
            at = match.end()
        return "".join([*pieces, self._rest(text[at:])])

    def _rest(self, text: str) -> str:
        text = _UID.sub(
            lambda m: m.group() if m.group().startswith(_STANDARD_UID) else self._tokens.token("uid", m.group()), text
        )
        return text if self._parts is None else self._parts.sub("[hidden]", text)

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, Enum):
            return self._text(value)
        if isinstance(value, PurePath):
            return self._text(value.name)
        if isinstance(value, Mapping):
            return {self(k): self(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self(v) for v in value)
        if is_dataclass(value) and not isinstance(value, type):
            changed = {f.name: self(getattr(value, f.name)) for f in fields(value) if f.init}
            return replace(value, **changed)
        return value
