"""All scenarios, site by site."""

from __future__ import annotations

from scenarios import adrenal, bone, liver, lung, node, scope, spine, sums
from scenarios.record import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    *lung.SCENARIOS,
    *liver.SCENARIOS,
    *adrenal.SCENARIOS,
    *spine.SCENARIOS,
    *bone.SCENARIOS,
    *node.SCENARIOS,
    *sums.SCENARIOS,
    *scope.SCENARIOS,
)
