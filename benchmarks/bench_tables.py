"""Time of checking a clinic's table, and of choosing and judging every table: ``python benchmarks/bench_tables.py``.

The first is a table of 5,000 rows; it must be checked within a second. The second is a plan of 40 structures whose DVHs
are there already, with as many samples and readings as the engine makes; choosing the table and judging all shipped
ones must take less than 0.2 s. Each number is the least processor time of several runs. The exit code is 1 when one is
too slow.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sbrtcheck.judging.organ_limits import PlanContext, judge_organ_limits
from sbrtcheck.judging.target_goals import judge_other_sources
from sbrtcheck.model import Dvh, Samples
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables.organ_tables import choose_table, lint_table, load_tables
from sbrtcheck.tables.organs import load_organs, organ_names

N_ROWS, LINT_S = 5000, 1.0
N_STRUCTURES, JUDGE_S = 40, 0.2
# As the engine makes them: points of one structure, and readings for its band.
N_SAMPLES, N_READINGS = 10_000, 7


def fastest(function: Callable[[], object], n_runs: int = 5) -> float:
    """The least processor time of several runs [s]: what else the machine does is not counted."""
    times = []
    for _ in range(n_runs):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def large_table(path: Path) -> Path:
    """A clinic's table of N_ROWS rows that are all different."""
    organs = sorted(organ_names())
    lines = ["organ,fractions,metric,comparator,limit,unit,level,note"]
    for number in range(N_ROWS):
        organ = organs[number % len(organs)]
        n_fractions = 1 + number // len(organs) % 30
        volume = 0.1 * (1 + number // (30 * len(organs)))
        lines.append(f"{organ},{n_fractions},D{volume:.1f}cc[Gy],<=,{10 + number % 50}.5,Gy,mandatory,row {number}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def dvh(name: str, seed: int) -> Dvh:
    """A DVH with samples and readings like the engine's."""
    generator = np.random.default_rng(seed)

    def samples(n: int) -> Samples:
        return Samples(np.sort(60 * generator.beta(1, 6, n))[::-1].copy(), np.full(n, 300.0 / n))

    readings = tuple((f"reading {k}", samples(N_SAMPLES)) for k in range(N_READINGS))
    return Dvh(roi=name, samples=samples(N_SAMPLES), total_volume_cm3=300.0, variants=readings, max_gy=60.0)


def plan(n_fractions: int = 5) -> PlanContext:
    """A plan of N_STRUCTURES organs, those first that most tables have rows for; none is far from the target."""
    rows = Counter(r.organ for t in load_tables().values() for r in t.rows_for(n_fractions=n_fractions))
    organs = sorted((o.organ for o in load_organs() if o.region != "body"), key=lambda o: -rows[o])[:N_STRUCTURES]
    subjects = {
        organ: (Subject(organ=organ, roi=organ, dvh=dvh(organ, seed), distance_mm=30.0, prescription_gy=50.0),)
        for seed, organ in enumerate(organs)
    }
    containers = {o.organ: o.containers for o in load_organs() if o.containers}
    return PlanContext(
        label="plan", n_fractions=n_fractions, subjects=subjects, required={"Lungs": "site lung"}, containers=containers
    )


def judge_all(context: PlanContext) -> int:
    """Choose the table, judge it, and judge all others beside it; the number of findings."""
    table = choose_table(n_fractions=context.n_fractions, site="lung").table
    assert table is not None
    weighty = frozenset(o.organ for o in load_organs() if o.stricter_source)
    findings = judge_organ_limits(context, table)
    others = judge_other_sources(
        context, deciding=table, findings=findings, others=load_tables().values(), weighty_organs=weighty
    )
    return len(findings) + len(others)


def main() -> int:
    """Print both numbers; 1 when one is above its limit."""
    start = time.process_time()
    load_tables()
    print(f"all shipped tables read and checked: {time.process_time() - start:.3f} s, once per process")
    with tempfile.TemporaryDirectory() as folder:
        path = large_table(Path(folder) / "clinic.csv")
        assert lint_table(path) == ()
        lint_s = fastest(lambda: lint_table(path))
    # A new plan for each run: what one run keeps of its DVHs must not make the next one look fast.
    plans = [plan() for _ in range(5)]
    n_findings = judge_all(plan())
    judge_s = fastest(lambda: judge_all(plans.pop()))
    print(f"checking a table of {N_ROWS} rows: {lint_s:.3f} s (limit {LINT_S:g} s)")
    print(f"choosing and judging all tables, {N_STRUCTURES} structures: {judge_s:.3f} s (limit {JUDGE_S:g} s)")
    print(f"  {n_findings} findings")
    return int(lint_s > LINT_S or judge_s > JUDGE_S)


if __name__ == "__main__":
    sys.exit(main())
