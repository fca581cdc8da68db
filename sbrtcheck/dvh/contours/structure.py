"""A structure: what a ROI's contours (or several structures together) amount to, with what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dvh.contours.contour_shape import ContourShape
from sbrtcheck.dvh.contours.frame import box_corners
from sbrtcheck.dvh.contours.planes import read_contours
from sbrtcheck.dvh.contours.scan import ScanPlanes
from sbrtcheck.dvh.contours.shape import Shape
from sbrtcheck.errors import Problem, wrong_usage
from sbrtcheck.model import ContourMeaning, FloatArray, Reason, Roi


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """A structure that can be asked for its volume, its points and its dose, or the reason why not.

    Attributes:
        name: as reported.
        shape: its geometry; None when blocked.
        blocked, blocked_note: why no number can be given.
        problems: errors and warnings about the contours.
        alternatives: the same contours read otherwise.
        slice_spacing_mm: modal spacing of the planes [mm].
        vertices_mm: (n, 3) contour points in patient coordinates; empty for derived structures.
        method: the convention in words.
    """

    name: str
    shape: Shape | None = None
    blocked: Reason | None = None
    blocked_note: str = ""
    problems: tuple[Problem, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    slice_spacing_mm: float | None = None
    vertices_mm: FloatArray = field(default_factory=lambda: np.empty((0, 3)))
    method: str = ""

    @property
    def volume_cm3(self) -> float | None:
        """Volume [cm3]; None when blocked."""
        return None if self.shape is None else self.shape.volume_cm3

    @property
    def slab_volume_cm3(self) -> float | None:
        """Volume by area times slice thickness [cm3], where the structure is made of contours."""
        return self.shape.slab_volume_cm3 if isinstance(self.shape, ContourShape) else None

    @property
    def bounds_mm(self) -> tuple[FloatArray, FloatArray] | None:
        """Lower and upper corner (3,) of an axis-parallel box around it in patient coordinates [mm]."""
        if self.shape is None:
            return None
        low, high = self.shape.low_mm, self.shape.high_mm
        corners = box_corners(low, high)
        patient = self.shape.frame.to_patient(corners)
        return patient.min(axis=0), patient.max(axis=0)

    def contains(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        """Whether patient positions (n, 3) [mm] lie inside; shape (n,). Nothing lies in a blocked structure."""
        points = np.asarray(points_mm, dtype=float).reshape(-1, 3)
        if self.shape is None:
            return np.zeros(len(points), dtype=bool)
        inside: NDArray[np.bool_] = np.zeros(len(points), dtype=bool)
        for begin in range(0, len(points), 500_000):
            part = slice(begin, begin + 500_000)
            inside[part] = self.shape.at(self.shape.frame.to_frame(points[part])) > 0
        return inside


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """Contours read otherwise: what they are taken to mean, in which part of a union (""), and what that makes."""

    meaning: ContourMeaning
    structure: Structure
    part: str = ""

    @property
    def label(self) -> str:
        """What is meant, in words."""
        return f"{self.part}: {self.meaning.value}" if self.part else self.meaning.value


_CONVENTIONS = {
    "interpolated": "shape interpolated between slices, end caps of half the adjacent spacing or tapering to a point",
    "slab": "slices taken as slabs, end caps of half the adjacent spacing",
}


def build_structure(roi: Roi, *, convention: str = "interpolated", scan: ScanPlanes | None = None) -> Structure:
    """Build the structure that a ROI's contours describe.

    Args:
        roi: contours as read; an error among its problems blocks it.
        convention: "interpolated" or "slab".
        scan: the planes on which the ROIs of its structure set are drawn (`scan_planes`): only they give a single slice
            a volume, and tell slices that are missing from a scan whose spacing changes.

    Raises:
        WrongUsageError: E-OPTION for another convention.
    """
    if convention not in _CONVENTIONS:
        raise wrong_usage("E-OPTION", "convention", seen=convention)
    drawn = read_contours(roi, scan=scan)
    problems = tuple(drawn.problems)
    if drawn.blocked is not None:
        return Structure(roi.name, blocked=drawn.blocked, blocked_note=drawn.note, problems=problems)
    made = []
    for meaning, stacks in drawn.meanings:
        shape = ContourShape(stacks, convention=convention)
        structure = Structure(
            roi.name,
            shape=shape,
            problems=problems,
            slice_spacing_mm=shape.spacing_mm,
            vertices_mm=shape.vertices_mm(),
            method=_CONVENTIONS[convention],
        )
        made.append(Alternative(meaning, structure))
    return replace(made[0].structure, alternatives=tuple(made[1:]))
