"""Check the first sample plan: print the text report and write an HTML and a JSON report into the current folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).resolve().parent / "peripheral_54_3"
HTML, JSON = Path("demo_report.html"), Path("demo_report.json")


def command(*arguments: str) -> list[str]:
    """The command line that belongs to this interpreter."""
    return [sys.executable, "-m", "sbrtcheck.cli.main", "check", str(SAMPLE), *arguments]


def main() -> int:
    """The exit code of the check; that of a report which could not be written, if the check itself ended well."""
    print(f"sbrtcheck check sample_plans/{SAMPLE.name} --format html --output {HTML} --force\n", flush=True)
    reports = [
        subprocess.Popen(command("--format", style, "--output", str(path), "--force"), stdout=subprocess.DEVNULL)
        for style, path in (("json", JSON), ("html", HTML))
    ]
    code = subprocess.run(command(), check=False).returncode
    codes = [report.wait() for report in reports]
    print(f"\nExit code {code}. Reports:", flush=True)
    for path in (JSON, HTML):
        if path.is_file():
            print(path.resolve(), flush=True)
    return code or max(codes)


if __name__ == "__main__":
    sys.exit(main())
