"""Everything that ``make bench`` makes again: each benchmark beside this file, one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHMARKS = (
    "bench_radiobiology.py",
    "bench_tables.py",
    "bench_templates.py",
    "bench_check.py",
    "bench_prescan.py",
    "bench_dvh.py",
    "bench_course.py",
    "agreement.py",
)


def main() -> int:
    """Run them all; the first failure's exit code, 0 when all went well."""
    codes = []
    for name in BENCHMARKS:
        if (HERE / name).exists():
            print(f"{name} ...", flush=True)
            codes.append(subprocess.run([sys.executable, str(HERE / name)], check=False).returncode)
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
