"""What a scenario is: a course of scenes, the outcome that a physicist would give, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sbrtcheck import Outcome
from scenarios.phantom import Counted, Scene

GOOD = frozenset({Outcome.PASS, Outcome.PASS_WITH_VARIATION})
MARGINAL = frozenset({Outcome.MARGINAL})
INCOMPLETE = frozenset({Outcome.INCOMPLETE})
FAIL = frozenset({Outcome.FAIL})
REFUSED = frozenset({Outcome.REFUSED})
MARGINAL_AT_LEAST = frozenset({Outcome.MARGINAL, Outcome.INCOMPLETE, Outcome.FAIL})
INCOMPLETE_AT_LEAST = frozenset({Outcome.INCOMPLETE, Outcome.FAIL, Outcome.REFUSED})
NOT_A_PASS = MARGINAL_AT_LEAST | {Outcome.REFUSED}

_METRIC = re.compile(r"(D|V|CV|DV)([0-9.]+)(cc|%|Gy)?")


@dataclass(frozen=True)
class Claim:
    """A number that makes the clinical sentence true, counted on the solids and not by the program.

    ``rois``: one structure, or several joined by "+". ``metric``: D95% [Gy], D0.035cc [Gy], V20Gy [%], CV15Gy [cc
    below], Mean [Gy], Volume [cc], or Rx: D95% in percent of the first prescription ("Rx:D95%").
    """

    rois: str
    metric: str
    low: float = -float("inf")
    high: float = float("inf")
    plan: int = 0

    def value(self, scenes: tuple[Scene, ...]) -> float:
        scene = scenes[self.plan]
        counted = scene.counted(*self.rois.split("+"))
        share = self.metric.startswith("Rx:")
        found = _value(counted, self.metric.removeprefix("Rx:"))
        return 100 * found / next(iter(scene.prescriptions_gy.values())) if share else found


def _value(counted: Counted, metric: str) -> float:
    if metric == "Mean":
        return counted.mean
    if metric == "Volume":
        return counted.volume_cm3
    match = _METRIC.fullmatch(metric)
    assert match is not None, metric
    kind, amount, unit = match[1], float(match[2]), match[3]
    if kind == "D":
        return counted.d_cc(amount) if unit == "cc" else counted.d_percent(amount)
    return counted.v_percent(amount) if kind == "V" else counted.cold_cc(amount)


@dataclass(frozen=True)
class Scenario:
    """A frozen clinical statement.

    Attributes:
        name: unique; what the plan is.
        build: its plans, one scene a plan.
        expected: the outcomes that a physicist would sign.
        why: one clinical sentence.
        deciding: each must stand in a finding with the outcome's consequence, or on the list of what was not judged.
        said: each must stand somewhere in what the report says of the plan.
        quiet: organs or words that no finding with the outcome's consequence may speak of.
        claims: numbers that make it true.
        options: of ``check_study``.
        case: text of a case file.
    """

    name: str
    build: Callable[[], tuple[Scene, ...]]
    expected: frozenset[Outcome]
    why: str
    deciding: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    case: str = ""
