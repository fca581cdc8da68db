"""All scenarios, site by site."""

from __future__ import annotations

from scenarios import adrenal, bone, drawn, liver, lung, node, scope, spine, stated, sums
from scenarios.record import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    *lung.SCENARIOS,
    *liver.SCENARIOS,
    *adrenal.SCENARIOS,
    *spine.SCENARIOS,
    *bone.SCENARIOS,
    *node.SCENARIOS,
    *sums.SCENARIOS,
    *drawn.SCENARIOS,
    *stated.SCENARIOS,
    *scope.SCENARIOS,
)
