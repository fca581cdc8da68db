"""Every error and warning code with its meaning and remedy, and how text from a file is made safe to show."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

MAX_TEXT = 200


def safe_text(text: object, *, limit: int = MAX_TEXT) -> str:
    """Text from a file made safe to show: control, format and line-separating characters become visible escapes.

    Bidirectional controls, C0, C1, DEL, surrogates and Unicode line separators cannot reach a terminal or a log.
    """
    whole = str(text)
    # What Python calls printable has none of the categories below: nearly all texts are.
    if len(whole) <= limit and whole.isprintable():
        return whole
    out = []
    for char in whole[: limit + 1]:
        category = unicodedata.category(char)
        if category in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
            out.append(f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}")
        else:
            out.append(char)
    shown = "".join(out)
    return shown if len(shown) <= limit else shown[:limit] + "..."


def fractions(n_fractions: int) -> str:
    """Say a number of fractions: "1 fraction", "5 fractions"."""
    return f"{n_fractions} fraction{'' if n_fractions == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """One entry of the catalogue."""

    code: str
    meaning: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning: code, the object (basename, ROI, option), the tag or row, the value seen and what to do.

    Every field is passed through ``safe_text``; none of them ever holds patient identity.
    """

    code: str
    object: str
    tag: str = ""
    seen: str = ""
    remedy: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        if self.code not in CATALOGUE:
            raise KeyError(f"unknown code {self.code!r}: add it to the catalogue in errors.py")
        for name in ("object", "tag", "seen", "remedy", "detail"):
            object.__setattr__(self, name, safe_text(getattr(self, name), limit=400))
        if not self.remedy:
            object.__setattr__(self, "remedy", CATALOGUE[self.code].remedy)

    @property
    def is_error(self) -> bool:
        """True for E- codes, False for W- codes."""
        return self.code.startswith("E-")

    @property
    def meaning(self) -> str:
        """What the code means, from the catalogue."""
        return CATALOGUE[self.code].meaning

    def line(self) -> str:
        """The problem on one line."""
        what = self.detail or self.meaning
        tag = f" {self.tag}" if self.tag else ""
        seen = f" (seen: {self.seen})" if self.seen else ""
        return f"{self.code} {self.object}{tag}: {what}{seen}. {self.remedy}".replace("..", ".")

    def to_row(self, *, object_: str = "object", tag: str = "tag") -> dict[str, str]:
        """The problem as a row of a table; ``object_`` and ``tag`` name the columns of what and where it is."""
        return {
            "code": self.code,
            object_: self.object,
            tag: self.tag,
            "seen": self.seen,
            "meaning": self.detail or self.meaning,
            "remedy": self.remedy,
        }


class SbrtcheckError(Exception):
    """Base of what this library raises on purpose. ``problems`` says what; ``exit_code`` how to end."""

    exit_code = 4

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(p.line() for p in problems))


class RefusedError(SbrtcheckError):
    """The input cannot be trusted: exit code 4."""

    exit_code = 4


class WrongUsageError(SbrtcheckError):
    """The call is wrong (unknown option value, table, ROI): exit code 2."""

    exit_code = 2


def on_one_line(code: str, problems: Iterable[Problem]) -> list[Problem]:
    """Problems with those of one code put together: how many, and the objects that they are of."""
    found = list(dict.fromkeys(problems))
    same = [p for p in found if p.code == code]
    if len(same) < 2:
        return found
    names = ", ".join(p.object.rpartition(": ")[2] for p in same)
    first = Problem(code, same[0].object.partition(": ")[0], tag=same[0].tag, seen=f"{len(same)}: {names}")
    return [first if p == same[0] else p for p in found if p == same[0] or p.code != code]


def refuse(
    code: str, object_: str, *, tag: str = "", seen: object = "", detail: str = "", remedy: str = ""
) -> RefusedError:
    """A RefusedError with one problem, to be raised by the caller."""
    return RefusedError(Problem(code, object_, tag=tag, seen=str(seen), detail=detail, remedy=remedy))


def wrong_usage(
    code: str, object_: str, *, tag: str = "", seen: object = "", detail: str = "", remedy: str = ""
) -> WrongUsageError:
    """A WrongUsageError with one problem, to be raised by the caller."""
    return WrongUsageError(Problem(code, object_, tag=tag, seen=str(seen), detail=detail, remedy=remedy))


def missing_extra(what: str, *, extra: str, package: str) -> WrongUsageError:
    """A WrongUsageError for a package that is not installed, with the pip line that brings it."""
    return wrong_usage("E-EXTRA", what, seen=package, remedy=f"Run: pip install 'sbrtcheck[{extra}]'")


_EXPORT = "Export the file again from the planning system and compare its size"
_ASK = "Ask the person who exported the plan"

# code, meaning, remedy
_CODES: tuple[tuple[str, str, str], ...] = (
    # reading files
    ("E-NO-INPUT", "the path does not exist or cannot be read", "Check the path"),
    ("E-NO-DICOM", "no DICOM RT object was found", "Give the folder that holds RTPLAN, RTSTRUCT and RTDOSE"),
    ("E-NO-PLAN", "no RT Plan was found", "Export the RTPLAN together with RTSTRUCT and RTDOSE"),
    ("E-NO-STRUCTURES", "no RT Structure Set was found", "Export the RTSTRUCT that the plan refers to"),
    ("E-NO-DOSE", "no RT Dose of the plan was found", "Export the RTDOSE with summation type PLAN"),
    ("E-ZIP", "the zip file is broken or too large", "Make the archive again, or give the folder"),
    ("E-NOT-REGULAR", "not a regular file", "Give regular files; links, pipes and devices are not read"),
    (
        "E-TOO-LARGE",
        "the file or folder exceeds the size this program reads",
        "Give only the objects of one plan",
    ),
    ("E-TRUNCATED", "the file is cut short or a length runs past its parent", _EXPORT),
    ("E-NESTING", "sequences are nested deeper than any RT object needs", _EXPORT),
    ("E-PARSE", "the file cannot be decoded as DICOM", _EXPORT),
    ("E-TRANSFER-SYNTAX", "the transfer syntax is not read here", "Export uncompressed, little endian"),
    (
        "E-NO-META",
        "the file has no file meta information and cannot be read without",
        "Export as DICOM Part 10 files",
    ),
    ("E-SOP-CLASS", "SOP Class differs between file meta and data set, or is not handled", _EXPORT),
    ("E-UID", "not a valid DICOM UID", _EXPORT),
    ("E-UID-MISMATCH", "SOP Instance UID differs between file meta and data set", _EXPORT),
    ("E-UID-COLLISION", "two files share one SOP Instance UID but differ", "Remove the wrong one of the two"),
    ("E-DUPLICATE-ELEMENT", "an element occurs twice", _EXPORT),
    ("E-MISSING", "a required attribute is missing or empty", _EXPORT),
    ("E-BAD-NUMBER", "not a DICOM decimal or integer string", _EXPORT),
    ("E-NONFINITE", "a number is not finite", _EXPORT),
    ("E-BAD-VALUE", "a value is outside what this attribute may hold", _EXPORT),
    # objects not judged
    ("E-ION", "an RT Ion Plan is not judged by a photon checker", "Use a tool made for particle plans"),
    ("E-BRACHY", "a brachytherapy plan is not judged here", "Use a tool made for brachytherapy"),
    (
        "E-SECOND-GENERATION",
        "second-generation RT objects are not read here",
        "Export first-generation objects",
    ),
    # dose
    ("E-DOSE-UNITS", "Dose Units is not GY", "Export the dose in Gy"),
    (
        "E-DOSE-TYPE",
        "Dose Type is not PHYSICAL",
        "Export the physical dose; a biological dose is never converted again",
    ),
    ("E-SUMMATION", "Dose Summation Type is not PLAN", "Export one dose with summation type PLAN"),
    (
        "E-MULTIPLAN",
        "a dose of several plans has no known dose per fraction",
        "Export each plan's own PLAN dose",
    ),
    ("E-SCALING", "Dose Grid Scaling is missing, not positive or above 1 Gy per unit", _EXPORT),
    (
        "E-DOSE-DERIVED",
        "the dose was derived or spatially transformed",
        "Export the dose as computed for the plan",
    ),
    ("E-EMPTY-DOSE", "the dose is zero or the same everywhere", "Export the dose after it was computed"),
    ("E-PIXEL-SIZE", "Rows x Columns x Frames x Bits does not give the length of the pixel data", _EXPORT),
    ("E-BITS", "Bits Allocated, Stored and High Bit do not fit an RT Dose", _EXPORT),
    ("E-SIGNED", "signed pixels in a physical dose", _EXPORT),
    ("E-NO-GRID", "the RT Dose holds no dose grid", "Export the dose grid, not only the DVH"),
    ("E-GFOV", "Grid Frame Offset Vector is not a valid list of planes", _EXPORT),
    ("E-GFOV-NONUNIFORM", "dose planes are not equally spaced", "Compute the dose on a regular grid"),
    ("E-IOP", "Image Orientation is not two orthogonal unit vectors", _EXPORT),
    ("E-SPACING", "Pixel Spacing is not two positive numbers", _EXPORT),
    (
        "E-GEOMETRY",
        "the dose grid does not cover the structures it should",
        "Check frame of reference and orientation",
    ),
    ("E-AMBIGUOUS-DOSE", "two different PLAN doses for one plan", "Keep the one to be checked"),
    ("E-PLAN-REF", "the dose does not belong to the plan given", "Export plan and dose together"),
    (
        "E-SS-REF",
        "the plan was not made on the structure set given",
        "Export the structure set that the plan refers to",
    ),
    ("E-FOR", "dose and structures have different frames of reference", "Export objects of one image set"),
    ("E-PATIENT", "the objects belong to different patients", "Give the objects of one patient"),
    # plan
    ("E-FRACTIONS", "the number of fractions is not known", "Give it with --fractions N"),
    (
        "E-FRACTION-GROUPS",
        "the plan has several fraction groups; a dose that sums them is of no one prescription",
        "Export each phase as a plan with its own dose; or its BEAM doses: --fraction-group N --sum-beams",
    ),
    ("E-PRESCRIPTION", "a prescription dose is not positive", _ASK),
    ("E-UNITS-SUSPECT", "the prescription is outside what SBRT uses: cGy written as Gy?", _ASK),
    ("E-RX-SUSPECT", "the prescription looks like a dose per fraction or a multiple", _ASK),
    ("E-DOSE-RX-MISMATCH", "the dose at the target does not fit the prescription", _ASK),
    (
        "E-RX-CONFLICT",
        "one target has two different prescriptions",
        "Say which counts with --prescription ROI=DOSE",
    ),
    ("E-REJECTED", "the plan is marked REJECTED", "Check an approved or pending plan"),
    ("E-PLAN-INTENT", "the plan is not a treatment plan", "Check the treatment plan, not the QA plan"),
    ("E-RADIATION-TYPE", "the plan holds beams that are not photons", "Use a tool made for them"),
    ("E-NO-BEAMS", "the plan has no treatment beam", _EXPORT),
    ("E-CONTRADICTS", "an option contradicts the file", "Drop the option, or correct the plan"),
    # structures
    ("E-ROI-NUMBER", "two ROIs share one number", _EXPORT),
    ("E-FOR-ROI", "the ROI lies in another frame of reference", "Contour it on the planning images"),
    ("E-NO-CONTOURS", "the ROI has no contours", "Contour it or delete it"),
    ("E-AMBIGUOUS-NAME", "two ROIs claim one organ", 'Choose one with --map "ROI=Organ"'),
    ("E-GEOMETRIC-TYPE", "contours are not closed and planar", "Redraw the ROI as closed planar contours"),
    ("E-MIXED-TYPE", "CLOSED_PLANAR and CLOSEDPLANAR_XOR are mixed in one ROI", "Export the ROI again"),
    ("E-POINT-COUNT", "Contour Data does not hold the stated number of points", _EXPORT),
    ("E-COORD-RANGE", "a coordinate lies more than 3 m from the origin", _EXPORT),
    ("E-NONPLANAR", "a contour is not planar", "Redraw the ROI"),
    ("E-NONAXIAL", "the contours share no common plane orientation", "Redraw the ROI on one set of planes"),
    ("E-SELF-INTERSECTION", "a contour crosses itself and its area is not defined", "Redraw the contour"),
    (
        "E-SINGLE-SLICE",
        "one slice and no known slice spacing: no volume",
        "Contour it on neighbouring slices",
    ),
    ("E-OUTSIDE-GRID", "the structure leaves the dose grid", "Compute the dose on a grid that covers it"),
    (
        "E-ROI-SMALLER-THAN-METRIC",
        "the structure is smaller than the volume of the metric",
        "Check the contour",
    ),
    (
        "E-OAR-MISSING",
        "an organ that this site requires is not contoured",
        "Contour it or declare it in the case file",
    ),
    # data files and usage
    ("E-TABLE-UNKNOWN", "no such table", "See: sbrtcheck tables"),
    (
        "E-TABLE-COMPARE",
        "this table is for comparison only and never decides",
        "Choose another with --table, or judge nothing by it",
    ),
    ("E-TABLE-ROW", "a row of a table is wrong", "Correct the row"),
    (
        "E-TABLE-MODIFIED",
        "a shipped table differs from its recorded version",
        "Give it a new version, or restore it",
    ),
    ("E-TEMPLATE", "a limit template of another program cannot be read", "Export the template again"),
    (
        "E-TEMPLATE-ROWS",
        "limits of a template were not taken",
        "Correct the file, say with --map what a structure is, or leave rows out with --leave-out",
    ),
    ("E-EXTRA", "a package that this command needs is not installed", "Install it with pip"),
    ("E-DATA", "a data file is wrong", "Correct the named line"),
    ("E-CASE", "the case file is wrong", "Correct the named key"),
    ("E-CONFIG", "the clinic file is wrong", "Correct the named key"),
    ("E-OPTION", "an option has a wrong value", "See: sbrtcheck --help"),
    ("E-ROI-UNKNOWN", "no ROI of this name in the structure set", "See: sbrtcheck names FOLDER"),
    ("E-ORGAN-UNKNOWN", "no such organ", "See constraints/organs.csv"),
    ("E-METRIC", "the metric cannot be read", "Write it as TG-263 does: D0.03cc[Gy], V20Gy[%], D95%[%]"),
    ("E-SCHEME", "the scheme cannot be read", "Write total/fractions (54/3) or fractions x dose (3x18)"),
    ("E-TISSUE", "no such tissue", "See: sbrtcheck calc --tissues"),
    ("E-DOMAIN", "a number is outside the range of the formula", "Give a positive, finite number"),
    ("E-NO-SOLUTION", "there is no dose that solves this", "Ask for a smaller effect"),
    ("E-OUTPUT", "the output cannot be written", "Give a new file name, or --force to overwrite"),
    # warnings
    (
        "W-NO-META",
        "no preamble and no file meta information: read as implicit VR little endian",
        "Every length fits; nothing to do",
    ),
    (
        "W-ELEMENT-ORDER",
        "elements are out of order, each of them once",
        "A tool changed the file after its export: ask which",
    ),
    (
        "W-UID-META",
        "the file meta information has another SOP Instance UID; that of the data set fits the other objects",
        "The file was changed after its export, as de-identification does: ask whether anything else was",
    ),
    ("W-NOT-APPROVED", "the plan is not marked APPROVED", "Check the approval before treatment"),
    ("W-COARSE-GRID", "the dose grid is coarse", "Compute the dose on 2 mm or finer"),
    (
        "W-HETEROGENEITY",
        "the dose is stated as computed in water or the correction is not stated",
        "Check the algorithm",
    ),
    ("W-STUDY", "the objects carry different Study Instance UIDs", "Check that they belong together"),
    (
        "W-PATIENT-NAME",
        "patient name, birth date or sex differ between the objects",
        "Check that they belong together; --same-patient, or same_patient = true in a case file, confirms it",
    ),
    ("W-ORPHAN-CONTOUR", "contours refer to a ROI that does not exist", _EXPORT),
    ("W-ROI-NAME", "a ROI has no name", "Name it, or delete it"),
    ("W-LATERALITY", "a structure named left lies on the right, or the reverse", "Check the name"),
    (
        "W-HOLE-ASSUMED",
        "a loop inside a loop was read as a hole",
        "Check the contour",
    ),
    ("W-DUP-CONTOUR", "exact duplicates of contours were dropped", "Check the ROI"),
    ("W-OVERLAP", "overlapping contours on one plane were united", "Check the ROI"),
    (
        "W-SELF-OVERLAP",
        "a contour crosses itself a little; it is read with and without what it encloses twice",
        "Check the contour",
    ),
    ("W-KEYHOLE", "the two readings of a contour differ in area", "Check the contour"),
    (
        "W-MISSING-SLICES",
        "slices are missing inside the ROI; the gap was not bridged",
        "Redraw the missing slices",
    ),
    ("W-DEGENERATE-CONTOUR", "contours without area were dropped", "Check the ROI"),
    ("W-MARKER", "a point or a line without volume: a marker", "Nothing to do, unless it should be an organ"),
    ("W-SINGLE-SLICE", "one slice only: its thickness was taken from the other ROIs", "Check the ROI"),
    (
        "W-ORGAN-TRUNCATED",
        "the organ seems cut by the end of the scan",
        "Means, shares and spared volumes count only where the drawn part meets them",
    ),
    ("W-ROI-VOLUME", "the stored ROI Volume differs from ours", "Check the contours"),
    ("W-OUTSIDE-GRID", "part of a structure lies outside the dose grid", "Compute the dose on a larger grid"),
    ("W-BEAMDOSE", "n x sum of beam doses does not give the prescription", "Check the prescription"),
    ("W-METERSET", "a treatment beam has no meterset", "Check that the plan was finished"),
    ("W-RADIATION-TYPE", "a beam does not say its radiation: judged as photons", "Check that it is a photon beam"),
    ("W-BEAMS", "the number of beams is not what the plan states", "Check the plan"),
    ("W-SIGNED", "the dose is stored as signed numbers, none of them negative", "Tell the vendor"),
    (
        "W-TWICE-DAILY",
        "more than one fraction a day: repair may be incomplete",
        "LQ numbers assume full repair",
    ),
    ("W-PRIOR-DOSE", "the plan states earlier dose", "Judge the sum with the earlier course"),
    ("W-STORED-DVH", "the stored DVH contradicts itself or ours", "Compare in the planning system"),
    (
        "W-FRACTIONS-GIVEN",
        "the number of fractions came from an option, not from the plan",
        "Check the prescription",
    ),
    ("W-RESCALE", "Rescale Slope or Intercept is not part of RT Dose and was ignored", "Tell the vendor"),
    ("W-CLOSE-NAME", "a ROI name is close to a known one but was not matched", 'Use --map "ROI=Organ"'),
    (
        "W-CHARACTER-SET",
        "some text could not be decoded, or is not in the character set that the file names",
        'Such names match nothing: give them with --map "ROI=Organ"',
    ),
)

CATALOGUE: dict[str, CodeInfo] = {code: CodeInfo(code, meaning, remedy) for code, meaning, remedy in _CODES}
