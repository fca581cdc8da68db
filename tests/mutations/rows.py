"""All rows of mutations.csv by id: each function ``m003`` of the ``rows_`` modules is the case of row M003."""

from __future__ import annotations

import re
from collections.abc import Callable

from mutations import rows_dose, rows_files, rows_plan, rows_structures
from mutations.bench import Bench


def all_rows() -> dict[str, Callable[[Bench], None]]:
    """Row id to the function that carries it out."""
    return {
        name.upper(): function
        for module in (rows_dose, rows_files, rows_plan, rows_structures)
        for name, function in vars(module).items()
        if re.fullmatch(r"m\d{3}", name)
    }
