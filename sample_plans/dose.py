"""An analytic SBRT dose: arcs of many fields, each an elliptic profile with attenuation and divergence, over a bath.

No planning system and no measurement stands behind it. Its parameters were chosen so that the spillage and the organ
doses look like those of an ordinary lung plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from anatomy import Array, depth_mm

CHUNK = 16_000
ATTENUATION_PER_MM = 0.004
SOURCE_AXIS_MM = 1000.0


@dataclass(frozen=True)
class Arcs:
    """The fields on one isocentre.

    ``gantry_deg``: start, stop. ``couch_deg``: one arc each. ``half_width_mm``: of the field, in the arc's plane and
    across it. ``spared``: the part of the dose that optimisation takes away beyond ``sparing_radius_mm``. ``bath`` and
    ``bath_sigma_mm``: a wide Gaussian for scatter and leakage. Parts are of the dose in the isocentre.
    """

    isocentre_mm: tuple[float, float, float]
    gantry_deg: tuple[float, float]
    half_width_mm: tuple[float, float]
    sparing_radius_mm: float
    couch_deg: tuple[float, ...] = (-9.0, 9.0)
    spared: float = 0.3
    bath: float = 0.12
    bath_sigma_mm: float = 85.0
    n_per_arc: int = 28

    def _fields(self) -> list[tuple[Array, Array, Array]]:
        fields = []
        start, stop = self.gantry_deg
        angles = np.radians(start + (np.arange(self.n_per_arc) + 0.5) * (stop - start) / self.n_per_arc)
        for couch in np.radians(self.couch_deg):
            turn = np.array([[np.cos(couch), 0, np.sin(couch)], [0, 1, 0], [-np.sin(couch), 0, np.cos(couch)]])
            normal = turn[:, 2]
            for gantry in angles:
                sine, cosine = np.sin(gantry), np.cos(gantry)
                fields.append((turn @ [-sine, cosine, 0.0], turn @ [-cosine, -sine, 0.0], normal))
        return fields

    def relative_dose(self, points_mm: Array) -> Array:
        """Dose relative to that of the open fields in the isocentre, at points (n, 3) [mm].

        It is smooth everywhere, through the build-up at the skin too.
        """
        fields = self._fields()
        out = np.empty(len(points_mm))
        w1, w2 = self.half_width_mm
        for start in range(0, len(points_mm), CHUNK):
            chunk = points_mm[start : start + CHUNK]
            p = chunk - np.asarray(self.isocentre_mm)
            total = np.zeros(len(p))
            for travel, lateral, normal in fields:
                t = p @ travel
                spread = 1 / (1 + t / SOURCE_AXIS_MM)
                a, c = (p @ (lateral / w1)) * spread, (p @ (normal / w2)) * spread
                q = a * a + c * c
                # exp(-mu t) as (1 - mu t / 4)^4, times the inverse square.
                depth = 1 - (ATTENUATION_PER_MM / 4) * t
                depth *= depth * spread
                total += depth * depth / (1 + q * q * q)
            r2 = (p * p).sum(axis=1)
            total *= (1 - self.spared * (1 - np.exp(-((r2 / self.sparing_radius_mm**2) ** 2)))) / len(fields)
            total += self.bath * np.exp(-r2 / (2 * self.bath_sigma_mm**2))
            out[start : start + CHUNK] = total / (1 + np.exp(np.clip((1.0 - depth_mm(chunk)) / 2.2, -60, 60)))
        return out


@dataclass(frozen=True)
class Dose:
    """The sum of the arcs, each with its scale [Gy]."""

    arcs: tuple[Arcs, ...]
    scale_gy: tuple[float, ...]

    def at(self, points_mm: Array) -> Array:
        """Total physical dose of the plan [Gy] at points (n, 3) [mm]."""
        total = np.zeros(len(points_mm))
        for arcs, scale_gy in zip(self.arcs, self.scale_gy, strict=True):
            total += scale_gy * arcs.relative_dose(points_mm)
        return total
