"""Sample points kept, so that the doses of several plans are read in a structure without finding its points again."""

from __future__ import annotations

from sbrtcheck.dvh.contours.shape import Shape
from sbrtcheck.dvh.points.grid_cells import GridCells, find_cells
from sbrtcheck.dvh.points.interpolation import GridReader
from sbrtcheck.dvh.points.sampling import SamplePoints, sample_shape


class KeptSamples:
    """Points and voxels of shapes by the shape, its cells and the nodes of the grid; shapes are kept alive with them.

    Only what is asked for with the very same shape is found again: structures must be built once for all plans.
    """

    def __init__(self) -> None:
        self._points: dict[tuple[int, float], tuple[Shape, SamplePoints]] = {}
        self._cells: dict[tuple[object, ...], tuple[Shape, GridCells]] = {}

    def points(self, shape: Shape, *, pitch_mm: float) -> SamplePoints:
        """As `sample_shape`."""
        key = (id(shape), pitch_mm)
        if key not in self._points:
            self._points[key] = shape, sample_shape(shape, pitch_mm=pitch_mm)
        return self._points[key][1]

    def cells(self, shape: Shape, reader: GridReader) -> GridCells:
        """As `find_cells`."""
        key = (id(shape), reader.turn.tobytes(), reader.shift.tobytes(), reader.dose.dose_gy.shape)
        if key not in self._cells:
            self._cells[key] = shape, find_cells(shape, reader)
        return self._cells[key][1]
