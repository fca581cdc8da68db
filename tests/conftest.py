"""Shared by all tests: the sample plans, each checked once, and a runner for the command line."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.dvh import threads
from sbrtcheck.model import Report

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_plans"
DATA = ROOT / "tests" / "data"
SAMPLE_NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/expected.json"))


# Tests that still state what the first edition of the judging rules gave, or what the second does not yet give. They run, are
# counted as expected failures, and leave the list when they hold. None may be added: each is work that is open.
NOT_YET = frozenset((ROOT / "tests" / "not_yet.txt").read_text(encoding="utf-8").split("\n")) - {""}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of tests/not_yet.txt as expected to fail."""
    for item in items:
        if item.nodeid in NOT_YET:
            item.add_marker(pytest.mark.xfail(reason="listed in tests/not_yet.txt", strict=False))


# Where the processes of one test run leave each other the reports of the sample plans; empty for a single process.
TOGETHER: list[Path] = []


@pytest.fixture(scope="session", autouse=True)
def folder_of_all_processes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Set up what sample_report shares; where each core has a process of its own, threads would only get in the way."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        threads.N_THREADS = 1
        TOGETHER.append(tmp_path_factory.getbasetemp().parent / "samples")
        TOGETHER[0].mkdir(exist_ok=True)


@cache
def sample_report(name: str) -> Report:
    """The report of a sample plan without options, computed once for all processes of a test run."""
    from sbrtcheck.pipeline import check

    for folder in TOGETHER:
        if (folder / name).exists():
            report: Report = pickle.loads((folder / name).read_bytes())
            return report
    case = SAMPLES / name / "case.toml"
    report = check(SAMPLES / name, find_config=False, case=case if case.exists() else None)
    for folder in TOGETHER:
        part = folder / f"{name}.{os.getpid()}"
        part.write_bytes(pickle.dumps(report))
        part.replace(folder / name)
    return report


@cache
def expected(name: str) -> dict[str, Any]:
    """What a sample plan should give, from its analytic dose."""
    document: dict[str, Any] = json.loads((SAMPLES / name / "expected.json").read_text(encoding="utf-8"))
    return document


class Outcome:
    """What a command did: exit code, standard output and standard error."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run the command line in this process; internal errors show as exit code 70, as a user would see them."""
    from sbrtcheck.cli.main import main

    monkeypatch.delenv("SBRTCHECK_TRACEBACK", raising=False)
    monkeypatch.setenv("COLUMNS", "140")

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(a) for a in arguments])
        captured = capsys.readouterr()
        code = end.value.code
        return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)

    return call
