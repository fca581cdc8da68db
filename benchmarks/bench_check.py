"""A complete check of a real set beside dicompyler-core's DVHs of the same structures.

Ours reads, computes every DVH with its band, judges and renders; theirs computes the DVHs alone. The exit code is 1
when the check takes 10 s or 1.5 GB or more.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from peer import dose_dataset, load_dvhcalc, structures_dataset

from sbrtcheck.pipeline import check
from sbrtcheck.read import read_folder
from sbrtcheck.report import render_text

FOLDER = Path(__file__).parent.parent / "tests" / "data" / "eclipse_breast_boost"
MOST_S, MOST_MB = 10.0, 1500.0


def main() -> int:
    """Print seconds, peak memory and the ratio; 1 when a limit is exceeded."""
    start = time.perf_counter()
    render_text(check(FOLDER, find_config=False))
    ours = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    (data,) = read_folder(FOLDER).plans
    rois = [roi for roi in data.structures.rois if roi.contours]
    dvhcalc, structures, dose = load_dvhcalc(), structures_dataset(rois), dose_dataset(data.dose)
    start = time.perf_counter()
    for roi in rois:
        dvhcalc.get_dvh(structures, dose, roi.number)
    theirs = time.perf_counter() - start
    print(f"complete check of the breast set, {len(rois)} structures: {ours:.1f} s, {peak_mb:.0f} MB at the peak")
    print(f"dicompyler-core, DVHs only: {theirs:.1f} s, {theirs / ours:.2f} times ours")
    return int(ours >= MOST_S or peak_mb >= MOST_MB)


if __name__ == "__main__":
    sys.exit(main())
