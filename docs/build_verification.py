"""Write docs/verification.md: every listed damage carried out, random damage counted, cuts, and what cannot be seen.

``python docs/build_verification.py`` carries out all cases (a minute); ``--fuzz FILE`` puts the counts of a run of
``tests/mutations/fuzz.py --json FILE`` on record in tests/mutations/record.json first, ``--samples FILE`` those of
``tests/mutations/fuzz.py --samples --json FILE``.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mutations import bases, damage, invisible, mini, rows, truncation, verdict  # noqa: E402
from mutations.bench import NOT_BUILT, Bench  # noqa: E402
from mutations.fuzz import FIRST_SEED_OF_SAMPLES  # noqa: E402

PAGE = ROOT / "docs" / "verification.md"
TABLE = ROOT / "tests" / "mutations" / "mutations.csv"
RECORD = ROOT / "tests" / "mutations" / "record.json"

HEAD = """# Damaged, hostile and contradictory input

Made by `docs/build_verification.py`, which carries out every case; do not edit.

The failure that hurts a patient is a PASS that is not true. Here stands what was done to the files of a plan, and what
the program answered. Every case is a test (`tests/mutations/test_mutations_*.py`,
`tests/pipeline/test_options_cannot_lie.py`, `tests/report/test_output_safety.py`); the small plans are in
`tests/mutations/mini.py`.
"""

TEXT_RANDOM = """
`make fuzz MINUTES=..` goes on as long as asked; `make test` runs a fixed number from fixed seeds.
refused: exit code 4. degraded: a worse outcome, or a missed limit that has no verdict any more.
said: the same outcome with another number, warning or problem in the report.
unchanged: the same report; allowed only where nothing changed but what stands below. improved and crashed must be 0.
""".strip()

TEXT_SAMPLES = """
One damage of each kind on each full sample, in explicit VR as they are shipped. `make long` makes all of them again,
`make test` each kind on one sample and each sample once. A file that the check leaves alone (a BEAM dose) may change
without a trace.
""".strip()

TEXT_CUTS = """
1000 random cuts of each object of each sample plan (`make test`: 100, and 1000 of `peripheral_54_3`). All end in an
element, or between elements that are required; what may be lost without a word is the reviewer's name and date, or the
structure set's approval. A test also cuts the small plan at every border of top-level elements: the same holds there.
""".strip()

TEXT_MEMORY = """
A deflate bomb of 256 MiB, lengths of 2 and 4 GiB, 20 000 nested sequences and 65535 x 65535 x 1000 pixels are refused
with a peak of less than 300 MB of memory, measured in a process of its own.
""".strip()

TEXT_UNSEEN = """
A well-formed plan that is not the plan meant. Second sources tell some of it; a warning never changes the outcome,
but the number it speaks of stands in the report.
""".strip()

TEXT_NEVER = """
Nor can it be seen that a contour is anatomically wrong, that the images belong to another day, that the dose was
computed with a wrong density, or that a stored dose value outside every structure was changed.
""".strip()

FOUND = (
    (
        "Two PTVs of exactly one name: the second was judged twice and the first, without dose, never: PASS",
        "ROIs that share a name get their number added; each is a target of its own",
    ),
    (
        "Every contour drawn again 0.003 to 0.02 mm aside: read as a hole, a volume of 0",
        "nested loops closer than 0.1 mm on average are one outline (W-OVERLAP)",
    ),
    (
        "Cord without its 16 planes beside the target: only short gaps were bridged, FAIL became PASS",
        "a gap of any width is bridged as a second reading where the loops on both sides face each other; worse counts",
    ),
    (
        "n times the beam doses contradicted the prescription and nothing said so; 4 fractions instead of 3 passed",
        "W-BEAMDOSE, also where the sum is above the highest dose of the grid",
    ),
    (
        "`--map SpinalCord=none` made FAIL into INCOMPLETE, `--map Heart=none` could make FAIL into PASS",
        "E-CONTRADICTS: a literal TG-263 name or a prescribed target is what it says",
    ),
    (
        "`--site other` asked for no organ at all and made INCOMPLETE into PASS",
        "a site without a list of organs gives no pass",
    ),
    (
        "A case file with another number of fractions than the plan, or a contoured organ declared absent: ignored",
        "E-CONTRADICTS",
    ),
    (
        "`--interpolation linear` changed numbers with nothing beside it",
        "the outcome with the default stands beside it",
    ),
    ("`--pseudonymise` left a refusal as it was, with names of files and ROIs", "refusals are pseudonymised too"),
    (
        "Of two doses that name no ROI, `--map PTV_4500=none` took one target out of the check",
        "E-CONTRADICTS, and the plan is incomplete, where fewer PTVs are left than such doses",
    ),
    (
        "`--prescription PTV_cold=54` on a ROI that is no target by its name was passed over",
        "the plan is incomplete, and says for which ROI a dose was stated",
    ),
    (
        "A case file with the site of a target whose contours were lost: wrong usage, as if there were no such ROI",
        "the plan is incomplete for it (E-NO-CONTOURS)",
    ),
)


def table() -> list[dict[str, str]]:
    """The rows of mutations.csv."""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def cell(text: str) -> str:
    """Text inside a table of the page."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def observed_cell(row: str, observed: list[str]) -> str:
    """What the page says was observed for a row."""
    return cell("; ".join(observed) if observed else f"not built: {NOT_BUILT[row]}")


def _rows() -> list[str]:
    lines = ["| id | object | done to it | expected | observed |", "|---|---|---|---|---|"]
    cases = rows.all_rows()
    for row in table():
        observed: list[str] = []
        if row["id"] in cases:
            with TemporaryDirectory() as folder:
                bench = Bench(Path(folder))
                cases[row["id"]](bench)
                observed = bench.observed
        cells = [row["id"], row["object"], row["mutation"], row["expected"]]
        lines.append("| " + " | ".join([*map(cell, cells), observed_cell(row["id"], observed)]) + " |")
    return lines


def _random(counts: list[list[object]], plans: Iterable[str]) -> list[str]:
    by_kind: Counter[tuple[str, str]] = Counter()
    by_base: Counter[tuple[str, str]] = Counter()
    for base, kind, result, n in counts:
        by_kind[str(kind), str(result)] += int(str(n))
        by_base[str(base), str(result)] += int(str(n))
    head = ["", *verdict.RESULTS, "improved", "crashed"]
    out = []
    for title, counter, names in (("kind", by_kind, list(damage.KINDS)), ("plan", by_base, list(plans))):
        out += ["| " + " | ".join([title, *head[1:]]) + " |", "|---" * len(head) + "|"]
        for name in names:
            out.append("| " + " | ".join([name, *(str(counter[name, r]) for r in head[1:])]) + " |")
        total = [str(sum(n for (_, result), n in counter.items() if result == r)) for r in head[1:]]
        out += ["| all | " + " | ".join(total) + " |", ""]
    return out


def _cuts() -> list[str]:
    head = ("sample", "object", "cuts", "refused", "reported", "took nothing that matters", "silent")
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    total = np.zeros(5, dtype=int)
    for sample in truncation.SAMPLES:
        folder = truncation.ROOT / sample
        for name in truncation.objects(folder):
            tally = truncation.cut_tally(name, folder=folder)
            numbers = (tally.n, tally.refused, tally.reported, len(tally.harmless), len(tally.silent))
            total += numbers
            lines.append("| " + " | ".join([sample, name, *map(str, numbers)]) + " |")
    return [*lines, "| all | | " + " | ".join(map(str, total)) + " |"]


def _unseen() -> list[str]:
    lines = ["| change | without second source | with ROI Volume, stored DVH and beam dose |", "|---|---|---|"]
    for kind in invisible.KINDS:
        cells = []
        for base in ("passing", "rich"):
            outcome, codes = invisible.seen(kind, base)
            cells.append(f"{outcome.value}; {', '.join(codes) if codes else 'unseen'}")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return lines


def page() -> str:
    """The page as text; carries out every case."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    n = sum(int(row[-1]) for row in record["counts"])
    n_samples = sum(int(row[-1]) for row in record["samples"]["counts"])
    harmless = [f"- `{name}`: {why}" for name, why in sorted(verdict.MEANINGLESS.items())]
    parts = [
        HEAD,
        "## Every listed case",
        "",
        *_rows(),
        "",
        "## Random damage",
        "",
        TEXT_RANDOM,
        "",
        f"On record: {n} cases, first seed {record['first_seed']}.",
        "",
        *_random(record["counts"], mini.BASES),
        "### On the sample plans",
        "",
        TEXT_SAMPLES,
        "",
        f"On record: {n_samples} cases, first seed {record['samples']['first_seed']}.",
        "",
        *_random(record["samples"]["counts"], bases.SAMPLES),
        "May change without a trace:",
        "",
        *harmless,
        "",
        "### Found, and how it was mended",
        "",
        "| found | mended |",
        "|---|---|",
        *(f"| {cell(found)} | {cell(mended)} |" for found, mended in FOUND),
        "",
        "## Cuts",
        "",
        TEXT_CUTS,
        "",
        *_cuts(),
        "",
        TEXT_MEMORY,
        "",
        "## What no check of these files can see",
        "",
        TEXT_UNSEEN,
        "",
        *_unseen(),
        "",
        TEXT_NEVER,
        "",
    ]
    return "\n".join(parts)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fuzz", type=Path, default=None)
    parser.add_argument("--samples", type=Path, default=None)
    parser.add_argument("--first-seed", type=str, default="0")
    args = parser.parse_args()
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    if args.fuzz is not None:
        counts = json.loads(args.fuzz.read_text(encoding="utf-8"))
        record |= {"first_seed": args.first_seed, "counts": counts}
    if args.samples is not None:
        counts = json.loads(args.samples.read_text(encoding="utf-8"))
        record["samples"] = {"first_seed": str(FIRST_SEED_OF_SAMPLES), "counts": counts}
    if args.fuzz is not None or args.samples is not None:
        RECORD.write_text(json.dumps(record, indent=0) + "\n", encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
