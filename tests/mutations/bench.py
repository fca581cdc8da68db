"""Where a mutation is carried out: files are written, checked, and what came out is held against what must."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset

from mutations import mini
from sbrtcheck.errors import RefusedError
from sbrtcheck.model import Finding, Outcome, Report, Verdict
from sbrtcheck.read import read_folder

KIND = {"plan": "rp.dcm", "structures": "rs.dcm", "dose": "rd.dcm"}
NOT_BUILT: dict[str, str] = {
    "M149": "no YAML is read: tables are CSV, case and clinic files TOML, which has no aliases",
    "M162": "there is no C-STORE listener",
}
"""Rows about what does not exist, with the reason."""


@dataclass
class Bench:
    """Runs checks in folders of its own and notes what was observed, for docs/verification.md."""

    folder: Path
    observed: list[str] = field(default_factory=list)
    n_checks: int = 0

    def note(self, text: str) -> None:
        """One thing that was seen; the same thing twice is one line."""
        if text not in self.observed:
            self.observed.append(text)

    def place(self) -> Path:
        """A new folder."""
        self.n_checks += 1
        return self.folder / f"case{self.n_checks}"

    def write(
        self, *, base: str = "passing", others: Mapping[str, bytes | Dataset] | None = None, **objects: Any
    ) -> Path:
        """The files of a base with some objects replaced (None: left out)."""
        contents: dict[str, bytes | Dataset] = {**mini.files(base), **(others or {})}
        for kind, content in objects.items():
            contents.pop(KIND[kind])
            if content is not None:
                contents[KIND[kind]] = content
        return mini.write(self.place(), contents)

    def check(self, *, base: str = "passing", options: Mapping[str, Any] | None = None, **objects: Any) -> Report:
        """The report on a base with some objects replaced."""
        folder = self.write(base=base, **objects)
        return mini.check_files(folder, {}, **(options or {}))

    def refused(self, *codes: str, **objects: Any) -> Report:
        """The check must refuse, with one of these codes."""
        report = self.check(**objects)
        seen = [p.code for p in report.errors]
        assert (report.outcome, report.exit_code) == (Outcome.REFUSED, 4), (report.outcome, seen)
        assert set(seen) & set(codes), seen
        self.note("REFUSED " + ", ".join(c for c in dict.fromkeys(seen) if c in codes))
        return report

    def warned(self, code: str, *, outcome: str = "PASS", **objects: Any) -> Report:
        """The check must say this warning and end with this outcome."""
        report = self.check(**objects)
        seen = [p.code for p in report.warnings]
        assert code in seen, seen
        assert report.outcome.value == outcome, (report.outcome, notable(report))
        self.note(f"{outcome} with {code}")
        return report

    def not_evaluable(self, organ: str, *, code: str = "", outcome: str = "INCOMPLETE", **objects: Any) -> Report:
        """Limits of an organ must have no verdict, and the outcome must say so."""
        report = self.check(**objects)
        found = [f for f in findings_of(report, organ) if f.verdict is Verdict.NOT_EVALUABLE]
        assert found, notable(report)
        assert not [f for f in findings_of(report, organ) if f.verdict is Verdict.MET]
        assert report.outcome.value == outcome, (report.outcome, notable(report))
        if code:
            assert code in [p.code for p in (*report.errors, *report.warnings)], report.errors
        reasons = sorted({f.reason.value for f in found if f.reason})
        self.note(f"{outcome}: {organ} not evaluable ({', '.join(reasons)}{', ' + code if code else ''})")
        return report

    def same(self, report: Report, *, base: str = "passing", relative: float = 0.0) -> None:
        """Verdicts and values must be those of the untouched base."""
        ours, theirs = numbers(report), numbers(mini.reference(base))
        assert ours.keys() == theirs.keys()
        for key, (verdict, value) in ours.items():
            wanted_verdict, wanted = theirs[key]
            assert verdict == wanted_verdict, key
            if wanted is None or value is None:
                assert value == wanted, key
            else:
                assert abs(value - wanted) <= relative * abs(wanted), (key, value, wanted)
        self.note("HANDLED: the same numbers" if relative == 0 else f"HANDLED: numbers within {100 * relative:g} %")

    def study(self, **objects: Any) -> Any:
        """What was read, without a check."""
        return read_folder(self.write(**objects))

    def read_refused(self, *codes: str, **objects: Any) -> None:
        """Reading alone must refuse."""
        try:
            read_folder(self.write(**objects))
        except RefusedError as error:
            seen = [p.code for p in error.problems]
            assert set(seen) & set(codes), seen
            self.note("REFUSED " + ", ".join(c for c in dict.fromkeys(seen) if c in codes))
            return
        raise AssertionError(f"read in silence; wanted {codes}")


def findings_of(report: Report, organ: str) -> list[Finding]:
    """Findings of one organ or ROI that count for the outcome."""
    return [
        f
        for f in report.findings
        if f.kind.value in {"organ_limit", "completeness", "target_goal"}
        and f.verdict is not Verdict.INFORMATION
        and (organ in {f.organ, f.roi} or organ in f.rule_id)
    ]


def numbers(report: Report) -> dict[tuple[str, ...], tuple[str, float | None]]:
    """Verdict and value of every finding."""
    return {
        (f.kind.value, f.rule_id, f.table, f.lesion, f.roi, f.metric): (f.verdict.value, f.value)
        for f in report.findings
    }


def notable(report: Report) -> list[str]:
    """What speaks against a pass, for messages of failed assertions."""
    lines = [
        f"{f.rule_id} {f.verdict.value} {f.value} {f.note}" for f in report.findings if f.consequence.value != "PASS"
    ]
    return [*(p.line() for p in report.errors), *lines, *(p.code for p in report.warnings)]


def volume_cm3(study: Any, roi: str) -> float:
    """Volume of one ROI as built [cm3]."""
    from sbrtcheck.dvh import build_structure

    found = study.plans[0].structures.roi(roi)
    volume = build_structure(found).volume_cm3
    assert np.isfinite(volume)
    return float(volume)
