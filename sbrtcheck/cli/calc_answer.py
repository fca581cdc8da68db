"""The calculator's answer as text, JSON and CSV. Text rounds to two decimals; JSON and CSV do not round."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, assert_never

from sbrtcheck.cli.table_text import RowFormat, aligned, csv_text
from sbrtcheck.errors import fractions
from sbrtcheck.fractionation.worth import AlphaBeta, Match, Model, Scheme, Worth, lq_footnote

NOT_A_PRESCRIPTION = "not a prescription"
SCHEMA_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that one call of the calculator says.

    ``schemes`` pairs each scheme with its worth at every alpha/beta; ``alpha_beta_note`` says where these came from.
    """

    model: Model
    schemes: tuple[tuple[Scheme, tuple[Worth, ...]], ...]
    match: Match | None = None
    alpha_beta_note: str = ""

    @property
    def footnotes(self) -> tuple[str, ...]:
        """What to know about the range of the LQ model; the other models state their own parameters."""
        if self.model.name != "lq":
            return ()
        return tuple(dict.fromkeys(n for s, _ in self.schemes if (n := lq_footnote(s.highest_dose_per_fraction_gy))))


def match_lines(match: Match) -> list[str]:
    """The isoeffective dose in words. A dose above every published scheme is a number, never written as a scheme."""
    n = match.n_fractions
    dose = f"{match.total_dose_gy:.2f} Gy in {fractions(n)} ({match.dose_per_fraction_gy:.2f} Gy each)"
    same = f"{match.reference.label} has BED {match.bed_gy:.2f} Gy at alpha/beta {match.held.label}"
    lines = [f"{same}; the same BED needs {dose}: {NOT_A_PRESCRIPTION}"]
    where = f"for {match.site} in {fractions(n)}" if match.site else ""
    if not match.site:
        lines.append(f"no site given, so not compared with published schemes (--site): {NOT_A_PRESCRIPTION}")
    elif not match.highest_published:
        lines.append(f"no scheme is published in this table {where}: {NOT_A_PRESCRIPTION}")
    elif match.is_above_published:
        highest = f"the highest is {match.highest_published}"
        lines.append(f"no scheme that high is published in this table {where}; {highest}: {NOT_A_PRESCRIPTION}")
    else:
        highest = f"the highest published {where}, {match.highest_published}"
        lines.append(f"that is not above {highest}: {NOT_A_PRESCRIPTION}")
    for ratio, old, new in match.consequences:
        change = (new.bed_gy / old.bed_gy - 1) * 100
        lines.append(
            f"at alpha/beta {ratio.label}: BED {old.bed_gy:.2f} -> {new.bed_gy:.2f} Gy, "
            f"EQD2 {old.eqd2_gy:.2f} -> {new.eqd2_gy:.2f} Gy ({change:+.1f} % in BED): {NOT_A_PRESCRIPTION}"
        )
    if note := lq_footnote(round(match.dose_per_fraction_gy, 2)):
        lines.append(f"{note}: {NOT_A_PRESCRIPTION}")
    return lines


def render(answer: Answer, format_: RowFormat) -> str:
    """The answer in one of the formats."""
    match format_:
        case RowFormat.TEXT:
            return render_text(answer)
        case RowFormat.JSON:
            return render_json(answer)
        case RowFormat.CSV:
            return render_csv(answer)
        case _:
            assert_never(format_)


def render_text(answer: Answer) -> str:
    """The answer for a terminal."""
    out: list[str] = []
    names = {"lq": "LQ", "lql": "LQ-L", "usc": "USC"}
    for scheme, worths in answer.schemes:
        out.append(f"{scheme.text}: {scheme.understood}")
        if scheme.note:
            out.append(f"  {scheme.note}")
        head = ("alpha/beta [Gy]", "tissue", f"BED [Gy] ({names[answer.model.name]})", "EQD2 [Gy]", "source")
        rows = [
            (w.alpha_beta.span, w.alpha_beta.tissue, _range(w, "bed"), _range(w, "eqd2"), _origin(w.alpha_beta))
            for w in worths
        ]
        # Without a tissue in any line its column is left out.
        shown = [i for i in range(5) if i != 1 or any(row[1] for row in rows)]
        cut = [[row[i] for i in shown] for row in [head, *rows]]
        out += [f"  {line}" for line in aligned(cut[0], cut[1:], right=[shown.index(2), shown.index(3)])]
        for w in worths:
            where = f"{w.alpha_beta.label}: " if len(worths) > 1 else ""
            out += [f"  {where}{note}" for note in w.notes]
        out.append("")
    if answer.match:
        out += [*match_lines(answer.match), ""]
    notes = [n for n in (*answer.footnotes, answer.alpha_beta_note) if n]
    out += [f"[{number}] {note}" for number, note in enumerate(notes, start=1)]
    return "\n".join(out).rstrip("\n") + "\n"


def _origin(ratio: AlphaBeta) -> str:
    source = ratio.source.lower() if ratio.source.lower() == ratio.kind else f"{ratio.source} {ratio.kind}".strip()
    parts = (ratio.endpoint, source, ratio.note)
    return "; ".join(p for p in parts if p)


def _range(worth: Worth, which: str) -> str:
    value, low, high = (getattr(worth, f"{which}{end}_gy") for end in ("", "_low", "_high"))
    if low is None and high is None:
        return f"{value:.2f}"
    ends = ["open" if end is None else f"{end:.2f}" for end in (low, high)]
    return f"{value:.2f} ({ends[0]} to {ends[1]})"


def _worth_dict(worth: Worth) -> dict[str, Any]:
    ratio = worth.alpha_beta
    return {
        "alpha_beta_gy": ratio.value_gy,
        "alpha_beta_low_gy": ratio.low_gy,
        "alpha_beta_high_gy": ratio.high_gy,
        "tissue": ratio.tissue,
        "tissue_class": ratio.tissue_class,
        "endpoint": ratio.endpoint,
        "source": ratio.source,
        "confidence": ratio.confidence,
        "bed_gy": worth.bed_gy,
        "bed_low_gy": worth.bed_low_gy,
        "bed_high_gy": worth.bed_high_gy,
        "eqd2_gy": worth.eqd2_gy,
        "eqd2_low_gy": worth.eqd2_low_gy,
        "eqd2_high_gy": worth.eqd2_high_gy,
        "repopulation_loss_gy": worth.repopulation_loss_gy,
        "notes": list(worth.notes),
    }


def _scheme_dict(scheme: Scheme) -> dict[str, Any]:
    return {
        "text": scheme.text,
        "scheme": scheme.label,
        "understood": scheme.understood,
        "note": scheme.note,
        "phases": [
            {
                "total_dose_gy": p.total_dose_gy,
                "n_fractions": p.n_fractions,
                "dose_per_fraction_gy": p.dose_per_fraction_gy,
            }
            for p in scheme.phases
        ],
    }


def render_json(answer: Answer) -> str:
    """The answer as one JSON document."""
    found = answer.match
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "kind": "calculation",
        "model": answer.model.name,
        "parameters": {
            name: value
            for name in answer.model.__slots__
            if name != "name" and (value := getattr(answer.model, name)) is not None
        },
        "schemes": [{**_scheme_dict(s), "results": [_worth_dict(w) for w in worths]} for s, worths in answer.schemes],
        "match": None,
        "footnotes": [n for n in (*answer.footnotes, answer.alpha_beta_note) if n],
    }
    if found:
        document["match"] = {
            "reference": _scheme_dict(found.reference),
            "n_fractions": found.n_fractions,
            "alpha_beta_gy": found.held.value_gy,
            "bed_gy": found.bed_gy,
            "isoeffective_total_dose_gy": found.total_dose_gy,
            "site": found.site,
            "highest_published": found.highest_published,
            "within_published": bool(found.site) and not found.is_above_published,
            "consequences": [
                {"reference": _worth_dict(old), "isoeffective": _worth_dict(new)} for _, old, new in found.consequences
            ],
            "text": match_lines(found),
            "status": NOT_A_PRESCRIPTION,
        }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render_csv(answer: Answer) -> str:
    """One line per scheme and alpha/beta; the isoeffective dose follows with status "not a prescription"."""
    keys = (
        "alpha_beta_gy",
        "alpha_beta_low_gy",
        "alpha_beta_high_gy",
        "tissue",
        "endpoint",
        "source",
        "bed_gy",
        "bed_low_gy",
        "bed_high_gy",
        "eqd2_gy",
        "eqd2_low_gy",
        "eqd2_high_gy",
    )
    head = ("scheme", "understood", "total_dose_gy", "n_fractions", "model", *keys, "notes", "status")
    rows: list[tuple[object, ...]] = []
    for scheme, worths in answer.schemes:
        total, n = sum(p.total_dose_gy for p in scheme.phases), sum(p.n_fractions for p in scheme.phases)
        own = lq_footnote(scheme.highest_dose_per_fraction_gy) if answer.model.name == "lq" else ""
        for worth in worths:
            cells = _worth_dict(worth)
            notes = "; ".join(n for n in (scheme.note, *worth.notes, own) if n)
            values = [cells[k] for k in keys]
            rows.append((scheme.label, scheme.understood, total, n, answer.model.name, *values, notes, ""))
    if answer.match:
        m = answer.match
        text = "; ".join(match_lines(m))
        blank: list[float | None] = [None] * (len(keys) - 1)
        blank[keys.index("bed_gy") - 1] = m.bed_gy
        cells_match = ("", f"same BED as {m.reference.label}", m.total_dose_gy, m.n_fractions, "lq", m.held.value_gy)
        rows.append((*cells_match, *blank, text, NOT_A_PRESCRIPTION))
    return csv_text(head, rows)
