"""Fractionation schemes as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sbrtcheck.errors import fractions, safe_text, wrong_usage
from sbrtcheck.radiobiology.lq import checked_fractions
from sbrtcheck.tables.suspicion import load_suspicion

MAX_PHASES = 10

_NUMBER = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)"
_COUNT = r"(?:fractions|fraction|fxs|frs|fx|fr|f|#)"
_TOTAL = re.compile(rf"{_NUMBER}(gy)?(?:/|in){_NUMBER}{_COUNT}?")
_PRODUCT = re.compile(rf"{_NUMBER}(gy|{_COUNT})?x{_NUMBER}(gy|{_COUNT})?")


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a course: total dose [Gy] and number of fractions."""

    total_dose_gy: float
    n_fractions: int

    @property
    def dose_per_fraction_gy(self) -> float:
        """d [Gy]."""
        return self.total_dose_gy / self.n_fractions

    @property
    def label(self) -> str:
        """``54/3``."""
        return f"{plain_number(self.total_dose_gy)}/{self.n_fractions}"

    @property
    def words(self) -> str:
        """The phase in words."""
        each = plain_number(self.dose_per_fraction_gy)
        return f"{plain_number(self.total_dose_gy)} Gy in {fractions(self.n_fractions)} of {each} Gy"


@dataclass(frozen=True, slots=True)
class Scheme:
    """A course as it was written and as it was understood. ``note`` says which other reading was possible."""

    text: str
    phases: tuple[Phase, ...]
    note: str = ""

    @property
    def label(self) -> str:
        """``50/25+10/2``."""
        return "+".join(p.label for p in self.phases)

    @property
    def understood(self) -> str:
        """The course in words."""
        return ", then ".join(p.words for p in self.phases)

    @property
    def pairs(self) -> tuple[tuple[float, int], ...]:
        """(total dose [Gy], number of fractions) of each phase."""
        return tuple((p.total_dose_gy, p.n_fractions) for p in self.phases)

    @property
    def highest_dose_per_fraction_gy(self) -> float:
        """The largest d of the course [Gy]."""
        return max(p.dose_per_fraction_gy for p in self.phases)


def plain_number(value: float) -> str:
    """Up to four decimals, without trailing zeros."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def parse_scheme(text: str) -> Scheme:
    """A course from ``54/3``, ``54Gy/3fx``, ``3x18Gy``, ``18x3``, ``7.5x8`` or a sum of them.

    A product needs to say which side is the dose: a unit, or a decimal point, decides. Two whole numbers are read with
    the smaller one as the number of fractions, and the other reading is said in ``note``; where the smaller one is 2
    and the larger one 10 or more, conventional and stereotactic schemes cannot be told apart and it is refused.

    Raises:
        WrongUsageError: E-SCHEME, E-DOMAIN.
    """
    plain = "".join(text.split()).casefold().replace("×", "x").replace("*", "x")
    if not plain or len(plain) > 200:
        raise _bad(text, "empty or too long")
    if "cgy" in plain:
        raise _bad(text, "the dose is in cGy", "Write the dose in Gy")
    if "," in plain:
        raise _bad(text, "a comma in a number", "Write a decimal point; separate several schemes by blanks")
    parts = plain.split("+")
    if len(parts) > MAX_PHASES:
        raise _bad(text, f"more than {MAX_PHASES} phases")
    read: list[tuple[Phase, str]] = []
    for part in parts:
        read.append(_phase(part, text, tuple(p for p, _ in read)))
    return Scheme(text.strip(), tuple(p for p, _ in read), "; ".join(dict.fromkeys(n for _, n in read if n)))


def _bad(text: str, detail: str, remedy: str = "") -> Exception:
    return wrong_usage("E-SCHEME", "scheme", seen=text, detail=detail, remedy=remedy)


def _unread(part: str, before: tuple[Phase, ...]) -> str:
    """Why a part cannot be read: what of it was understood, and from where on it was not."""
    if re.match(r"[-+]?(?:nan|inf)", part):
        return "the dose is not a finite number"
    known = [phase.words for phase in before]
    ends = [n for n in range(len(part), 0, -1) if _TOTAL.fullmatch(part[:n]) or _PRODUCT.fullmatch(part[:n])]
    number = re.match(rf"{_NUMBER}(gy)?", part)
    if ends:
        known.append(part[: ends[0]])
    elif number:
        known.append(f"a dose of {plain_number(float(number[1]))} Gy" if number[2] else number[1])
    rest = part[ends[0] if ends else number.end() if number else 0 :]
    lacking = "" if ends else "no number of fractions" if number else "" if part else "nothing after +"
    if not number and not before:
        return "cannot be read: nothing of it was understood"
    told = f"understood {', then '.join(known)}" if known else ""
    missed = " and ".join(words for words in (lacking, f"not '{safe_text(rest, limit=40)}'" if rest else "") if words)
    return f"cannot be read: {told}, {missed}"


def _phase(part: str, text: str, before: tuple[Phase, ...]) -> tuple[Phase, str]:
    note = ""
    if found := _TOTAL.fullmatch(part):
        total_gy, n_text = float(found[1]), found[3]
    elif found := _PRODUCT.fullmatch(part):
        dose_text, n_text, note = _sides(found, text)
        total_gy = float(dose_text) * float(n_text)
    else:
        raise _bad(text, _unread(part, before))
    if "." in n_text:
        raise _bad(text, "the number of fractions is not whole")
    if total_gy <= 0:
        raise _bad(text, "the dose is zero", "Give a dose above zero")
    if not load_suspicion().scheme_total.holds(total_gy):
        raise _bad(
            text,
            f"above {load_suspicion().scheme_total.at_most:g} Gy: centigray written as gray?",
            "Write the dose in Gy",
        )
    return Phase(total_gy, checked_fractions(int(n_text))), note


def _sides(found: re.Match[str], text: str) -> tuple[str, str, str]:
    """(dose, number, note) of a product."""
    left, left_unit, right, right_unit = found.groups(default="")
    if left_unit == "gy" or (right_unit and right_unit != "gy"):
        left_is_dose = True
    elif right_unit == "gy" or left_unit:
        left_is_dose = False
    else:
        if ("." in left) != ("." in right):
            return (left, right, "") if "." in left else (right, left, "")
        if "." in left:
            raise _bad(text, "neither side is a whole number of fractions")
        n, dose = sorted((left, right), key=int)
        other = f"{int(n) * int(dose)}/{int(dose)}"
        if int(n) == 2 and int(dose) >= 10:
            raise _bad(
                text,
                f"2 fractions of {dose} Gy or {dose} fractions of 2 Gy",
                f"Write {int(n) * int(dose)}/2 or {other}",
            )
        if int(n) == int(dose):
            return dose, n, ""
        return dose, n, f"read as {fractions(int(n))} of {dose} Gy; for {dose} fractions of {n} Gy write {other}"
    if (left_unit == "gy") == (right_unit == "gy") and left_unit and right_unit:
        raise _bad(text, "both sides have the same unit")
    return (left, right, "") if left_is_dose else (right, left, "")
