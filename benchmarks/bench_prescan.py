"""Processor time of the pre-scan of a folder beside that of a whole check: ``python benchmarks/bench_prescan.py``.

The pre-scan looks at the bytes of every object before a decoder sees them. It must cost less than 5 % of a check; the
exit code is 1 where it does not. A folder that is refused has no whole check to be held against: its line tells what
the refusal took.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sbrtcheck.errors import RefusedError
from sbrtcheck.model import Outcome
from sbrtcheck.pipeline import check
from sbrtcheck.read.dicom.files import gather
from sbrtcheck.read.dicom.prescan import read_meta, scan

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- made by bench_prescan.py -->", "<!-- end of the pre-scan -->"
SAMPLES = ("spine_30_3", "adrenal_45_5", "central_50_5", "peripheral_54_3", "course_three_lesions")
REAL = ("eclipse_breast_boost", "eclipse_prostate", "monaco_tg119", "raystation_proton_phantom")
MOST_PERCENT = 5.0
N_RUNS = 7


@dataclass(frozen=True)
class Timed:
    """One folder: size of its objects [MB], processor time of their pre-scan and of the whole answer [s]."""

    name: str
    n_objects: int
    size_mb: float
    prescan_s: float
    answer_s: float
    outcome: Outcome

    @property
    def percent(self) -> float:
        """Pre-scan in percent of the answer."""
        return 100 * self.prescan_s / self.answer_s

    @property
    def too_slow(self) -> bool:
        """True where a check was made and the pre-scan took too much of it."""
        return self.outcome is not Outcome.REFUSED and self.percent >= MOST_PERCENT


def timed(folder: Path) -> Timed:
    """The least processor time of several pre-scans, and that of one answer."""
    blobs = gather(folder).blobs
    runs = []
    for _ in range(N_RUNS):
        start = time.process_time()
        for blob in blobs:
            try:
                scan(blob.data, read_meta(blob.data, blob.name), blob.name)
            except RefusedError:
                continue
        runs.append(time.process_time() - start)
    start = time.process_time()
    case = folder / "case.toml"
    report = check(folder, find_config=False, case=case if case.exists() else None)
    answer_s = time.process_time() - start
    size_mb = sum(len(blob.data) for blob in blobs) / 1e6
    return Timed(folder.name, len(blobs), size_mb, min(runs), answer_s, report.outcome)


def measure() -> tuple[str, bool]:
    """The table of docs/benchmarks.md, and whether a line is too slow."""
    folders = [ROOT / "sample_plans" / name for name in SAMPLES] + [ROOT / "tests" / "data" / name for name in REAL]
    # The first check of a process also imports what it needs.
    check(folders[0], find_config=False)
    lines = [timed(folder) for folder in folders]
    out = [
        "| set | objects | size [MB] | pre-scan [ms] | whole answer [ms] | pre-scan of the answer |",
        "|---|---|---|---|---|---|",
    ]
    for line in lines:
        share = "refused before a check" if line.outcome is Outcome.REFUSED else f"{line.percent:.2f} %"
        numbers = (f"{line.size_mb:.1f}", f"{1e3 * line.prescan_s:.2f}", f"{1e3 * line.answer_s:.0f}", share)
        out.append(f"| {line.name} | {line.n_objects} | " + " | ".join(numbers) + " |")
    return "\n".join(out), any(line.too_slow for line in lines)


def main() -> int:
    """Print the table and put it into the page; 1 when a pre-scan takes 5 % of a check or more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-page", action="store_true")
    options = parser.parse_args()
    table, too_slow = measure()
    print(table)
    if not options.no_page:
        path = ROOT / "docs" / "benchmarks.md"
        head, rest = path.read_text(encoding="utf-8").split(BEGIN, 1)
        path.write_text(f"{head}{BEGIN}\n\n{table}\n\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")
    return int(too_slow)


if __name__ == "__main__":
    sys.exit(main())
