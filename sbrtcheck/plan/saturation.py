"""A dose grid that ends in a plateau: the file could not hold the doses that were computed."""

from __future__ import annotations

import numpy as np

from sbrtcheck.model import DoseGrid


def plateau_voxels(dose: DoseGrid) -> int:
    """The most neighbouring voxels that share the highest value of the grid."""
    highest = dose.dose_gy == dose.dose_gy.max()
    n_highest = int(np.count_nonzero(highest))
    if n_highest < 2:
        return n_highest
    from scipy.ndimage import label

    places = np.argwhere(highest)
    low, high = places.min(axis=0), places.max(axis=0) + 1
    box = highest[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    parts, _ = label(box)
    return int(np.bincount(parts[box]).max())
