"""What a shape can be asked: its signed distance, layer by layer on a lattice, or at single points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sbrtcheck.dvh.contours.frame import Frame
from sbrtcheck.dvh.contours.raster import Float32Array
from sbrtcheck.model import FloatArray

# The ends of a structure are known to half a slice only, each by itself: cut at the last plane, or as long as can be.
END_VARIANTS = ("lower end short", "lower end long", "upper end short", "upper end long")
VARIANTS = ("nominal", "slab", *END_VARIANTS)


@dataclass(frozen=True, slots=True)
class Layer:
    """A slice of the structure between two heights."""

    w_mm: float
    thickness_mm: float


class Shape(Protocol):
    """What the sampling asks of a structure. Distances are in plane, positive inside, exact near the surface only."""

    @property
    def frame(self) -> Frame:
        """Orientation of the lattice."""

    @property
    def low_mm(self) -> FloatArray:
        """(3,) lower corner of the box around it, in its frame [mm]."""

    @property
    def high_mm(self) -> FloatArray:
        """(3,) upper corner [mm]."""

    @property
    def volume_cm3(self) -> float:
        """Volume [cm3]."""

    def layers(self, pitch_mm: float) -> list[Layer]:
        """Layers no thicker than ``pitch_mm`` that cover every reading of the structure."""

    def on_lattice(self, u_mm: FloatArray, v_mm: FloatArray) -> OnLattice:
        """The same structure on fixed in-plane positions."""

    def at(self, points_mm: FloatArray) -> Float32Array:
        """Signed distance at points (n, 3) in its frame [mm]."""


class OnLattice(Protocol):
    """A structure on fixed in-plane positions."""

    def distance(self, w_mm: float, variant: str) -> Float32Array | None:
        """Signed distance (n_v, n_u) [mm] of a reading at one height, None where there is nothing of it."""

    def area_mm2(self, w_mm: float, variant: str) -> float | None:
        """Area at this height as the contours give it [mm2]; None when only the lattice can tell."""

    def has_caps_at(self, w_mm: float) -> bool:
        """Whether an end cap of any reading reaches this height."""
