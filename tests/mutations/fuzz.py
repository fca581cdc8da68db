"""Random damage in numbers: ``python tests/mutations/fuzz.py --minutes 5``, or as many cases as a test asks for."""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutations import bases, damage, mini, verdict

LONGEST_S = 60.0
MOST_RSS_MB = 900
FIRST_SEED = 20_240_101
# A multiple of the number of kinds: the kinds come in their order.
FIRST_SEED_OF_SAMPLES = 24_000


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer within {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def run_case(seed: int, base: str, folder: Path) -> tuple[damage.Damaged, verdict.Judged]:
    """One damage: an exception, a hang or too much memory is a violation like a better verdict."""
    damaged = damage.damage(seed, base)
    # The high-water mark never falls: only a case that raises it has taken the memory itself.
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for old in folder.iterdir():
        old.unlink()
    try:
        with _at_most(LONGEST_S):
            report = bases.check(base, folder, damaged.files)
    except Exception as error:
        return damaged, verdict.Judged("crashed", f"{type(error).__name__}: {error}")
    judged = verdict.unchanged(base, damaged) if report is None else verdict.judge(base, damaged, report)
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > max(MOST_RSS_MB * 1024, before_kb):
        return damaged, verdict.Judged(judged.result, "too much memory")
    return damaged, judged


def run(seeds: Iterable[int], *, deadline: float | None = None) -> tuple[Counter[tuple[str, str, str]], list[str]]:
    """Counts by base, kind and result, and a line for each violation."""
    counts: Counter[tuple[str, str, str]] = Counter()
    violations = []
    with TemporaryDirectory() as name:
        for seed in seeds:
            if deadline is not None and time.monotonic() > deadline:
                break
            base = mini.BASES[(seed // len(damage.KINDS)) % len(mini.BASES)]
            damaged, judged = run_case(seed, base, Path(name))
            counts[base, damaged.kind, judged.result] += 1
            if judged.violation:
                violations.append(f"seed {seed}, {base}, {damaged.kind}: {damaged.what}: {judged.violation}")
    return counts, violations


def run_samples(
    cases: Iterable[tuple[str, str]], *, first: int = FIRST_SEED_OF_SAMPLES
) -> tuple[Counter[tuple[str, str, str]], list[str]]:
    """One damage of a kind on a full sample for each (sample, kind): counts, and a line for each violation."""
    counts: Counter[tuple[str, str, str]] = Counter()
    violations = []
    kinds = list(damage.KINDS)
    assert first % len(kinds) == 0
    for sample, kind in cases:
        seed = first + kinds.index(kind)
        with TemporaryDirectory() as name:
            damaged, judged = run_case(seed, sample, Path(name))
        counts[sample, damaged.kind, judged.result] += 1
        if judged.violation:
            violations.append(f"seed {seed}, {sample}, {damaged.kind}: {damaged.what}: {judged.violation}")
    return counts, violations


def main() -> int:
    """Run for some minutes, print each violation and the counts; exit 1 if there was one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="first seed; default: from the clock")
    parser.add_argument("--only", type=int, default=None, help="one seed, with what came out")
    parser.add_argument("--samples", action="store_true", help="instead: one damage of each kind on each full sample")
    parser.add_argument("--json", type=Path, default=None, help="write the counts here")
    args = parser.parse_args()
    if args.only is not None:
        counts, violations = run([args.only])
    elif args.samples:
        first = args.seed if args.seed is not None else FIRST_SEED_OF_SAMPLES
        counts, violations = run_samples(((s, k) for s in bases.SAMPLES for k in damage.KINDS), first=first)
    else:
        first = args.seed if args.seed is not None else int(time.time()) * 1000
        print(f"seeds from {first}")
        deadline = time.monotonic() + 60 * args.minutes
        counts, violations = run(iter(range(first, sys.maxsize)), deadline=deadline)
    by_result: Counter[str] = Counter()
    for (_, _, result), n in counts.items():
        by_result[result] += n
    print(f"{sum(counts.values())} cases: " + ", ".join(f"{n} {r}" for r, n in sorted(by_result.items())))
    for line in violations:
        print(line)
    if args.json is not None:
        rows = [[*key, n] for key, n in sorted(counts.items())]
        args.json.write_text(json.dumps(rows), encoding="utf-8")
    return 1 if violations else 0


if __name__ == "__main__":
    raise SystemExit(main())
