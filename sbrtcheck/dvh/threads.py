"""Several structures at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# More than two gain little: half of the work holds the interpreter's lock. What is found does not hang on it.
N_THREADS = min(2, os.cpu_count() or 1)


def each(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """What a function makes of each item, in their order."""
    if N_THREADS < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(max_workers=N_THREADS) as pool:
        return list(pool.map(function, items))
