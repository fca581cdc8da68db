"""All scenarios, site by site."""

from __future__ import annotations

from scenarios import lung
from scenarios.record import Scenario

SCENARIOS: tuple[Scenario, ...] = (*lung.SCENARIOS,)
