"""Put the real first lines of the example check into README.md, so that the page shows what the program prints."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXAMPLE = "apex_50_5"
N_LINES = 30
_BLOCK = re.compile(rf"(\$ sbrtcheck check sample_plans/{EXAMPLE}\n).*?(\n```)", re.DOTALL)


def example_output() -> str:
    """The first lines of the text report at 100 columns."""
    from sbrtcheck.pipeline import check
    from sbrtcheck.report import render_text

    report = check(ROOT / "sample_plans" / EXAMPLE, find_config=False)
    lines = [line.rstrip() for line in render_text(report, width=120).splitlines()[:N_LINES]]
    return "\n".join([*lines, "..."])


def readme_with(output: str, text: str) -> str:
    """README.md with this output in its example."""
    return _BLOCK.sub(lambda m: m.group(1) + output + m.group(2), text, count=1)


if __name__ == "__main__":
    path = ROOT / "README.md"
    new = readme_with(example_output(), path.read_text(encoding="utf-8"))
    path.write_text(new, encoding="utf-8")
    sys.stdout.write(f"wrote {path.name}\n")
