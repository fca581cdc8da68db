"""Write docs/errors.md from the catalogue in sbrtcheck/errors.py: ``python docs/build_errors.py``."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from sbrtcheck.errors import CATALOGUE

PAGE = Path(__file__).parent / "errors.md"
CASES = Path(__file__).parents[1] / "tests" / "mutations" / "mutations.csv"
HEAD = """# Error and warning codes

Made from `sbrtcheck/errors.py` by `docs/build_errors.py`; do not edit. `sbrtcheck explain CODE` prints one of them.

An **E-** code stands either against the whole input (the outcome is REFUSED, exit code 4; a wrong call: exit code 2) or
against one structure, which then has no number: its limits are NOT_EVALUABLE. A **W-** code never changes an outcome.
Each message names the object, the attribute, the value seen and what to do; none of them holds the patient's identity.
"""


def examples() -> dict[str, str]:
    """Code to the first listed case that must give it."""
    found: dict[str, str] = {}
    with CASES.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            for code in re.findall(r"[EW]-[A-Z]+(?:-[A-Z]+)*", row["expected"]):
                found.setdefault(code, f"{row['object']}: {row['mutation']} ({row['id']})")
    return found


def page() -> str:
    """The page as text."""
    cases = examples()
    lines = [HEAD]
    for title, start in (("Errors", "E-"), ("Warnings", "W-")):
        lines += [f"## {title}", "", "| code | meaning | what to do | for example |", "|---|---|---|---|"]
        for info in CATALOGUE.values():
            if info.code.startswith(start):
                cells = (f"`{info.code}`", info.meaning, info.remedy, cases.get(info.code, ""))
                lines.append("| " + " | ".join(_cell(text) for text in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
