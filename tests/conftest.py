"""Shared by all tests: the sample plans, each checked once, and a runner for the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.model import Report

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_plans"
DATA = ROOT / "tests" / "data"
SAMPLE_NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/expected.json"))


@cache
def sample_report(name: str) -> Report:
    """The report of a sample plan without options, computed once per process."""
    from sbrtcheck.assemble import check

    case = SAMPLES / name / "case.toml"
    return check(SAMPLES / name, find_config=False, case=case if case.exists() else None)


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
    from sbrtcheck.cli import main

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
