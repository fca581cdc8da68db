"""Scenarios that the program does not yet judge as the policy asks. Only ever shorter."""

from __future__ import annotations

NOT_YET: frozenset[str] = frozenset(
    {
        "sum after 50 in 25 elsewhere in the chest",
    }
)
