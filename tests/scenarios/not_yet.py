"""Scenarios that the program does not yet judge as the policy asks. Only ever shorter."""

from __future__ import annotations

NOT_YET: frozenset[str] = frozenset(
    {
        "lung base 48 in 4 beside a liver drawn in part",
        "lung tumour of 5.2 cm in 3",
        "liver dome 45 in 3",
        "liver 50 in 5 cut back at bowel",
        "spine of unknown level",
        "bone femoral head beyond what an unnamed level shows",
        "sum after 50 in 25 elsewhere in the chest",
    }
)
