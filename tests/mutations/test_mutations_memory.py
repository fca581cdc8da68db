"""Hostile files are refused before anything is allocated: peak memory of a whole check, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mutations import mini
from mutations.rows_files import deflated, element, identified, nested, part10

MOST_MB = 300
CHILD = """
import resource, sys
from sbrtcheck import check
report = check(sys.argv[1], find_config=False)
# The high-water mark of this process image; ru_maxrss would count the parent's memory at the moment of the fork.
try:
    peak_kb = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))
except OSError:
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(report.exit_code, ",".join(p.code for p in report.errors), peak_kb)
"""


def _rows() -> bytes:
    ds = mini.dataset("rd.dcm")
    ds.Rows = ds.Columns = 65535
    ds.NumberOfFrames = "1000"
    from dicom_builders import to_bytes

    return to_bytes(ds)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "deflate bomb of 256 MiB": (lambda: deflated(2**28), "E-TOO-LARGE"),
    "length of 4 GiB": (lambda: part10(identified(element(0x3004, 2, b"UN", b"", 0xFFFFFFFE))), "E-TRUNCATED"),
    "UN of 2 GiB": (lambda: part10(identified(element(0x3004, 2, b"UN", b"", 2**31))), "E-TRUNCATED"),
    "20 000 sequences deep": (lambda: part10(nested(20_000)), "E-NESTING"),
    "65535 x 65535 x 1000": (_rows, "E-PIXEL-SIZE"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_refused_within_300_mb(what: str, tmp_path: Path) -> None:
    make, code = HOSTILE[what]
    folder = mini.write(tmp_path, {**mini.files(), "rd.dcm": make()})
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    exit_code, codes, peak_kb = done.stdout.split()
    assert exit_code == "4"
    assert code in codes.split(",")
    assert int(peak_kb) / 1024 < MOST_MB, f"{int(peak_kb) / 1024:.0f} MB"
    assert time.monotonic() - start < 60
