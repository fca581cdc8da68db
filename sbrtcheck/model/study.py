"""What was read from the files, before anything is understood or judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.errors import Problem, wrong_usage
from sbrtcheck.model.dose import DoseGrid, FloatArray


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file that was looked at: used for the check, or listed and left alone."""

    name: str
    kind: str
    sop_class_uid: str
    sop_instance_uid: str
    sha256: str
    used: bool
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """One planar loop. ``points_mm`` has shape (n, 3) [mm]; ``xor`` for CLOSEDPLANAR_XOR."""

    points_mm: FloatArray
    xor: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Roi:
    """One region of interest as drawn.

    ``problems`` that carry an error code make the ROI not evaluable; warnings ride along.
    ``volume_cm3_stored`` is ROI Volume (3006,002C) [cm3], for comparison only.
    """

    number: int
    name: str
    contours: tuple[Contour, ...] = ()
    interpreted_type: str = ""
    volume_cm3_stored: float | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def damaged(self) -> Problem | None:
        """The first problem that forbids a number, if any."""
        return next((p for p in self.problems if p.is_error), None)


@dataclass(frozen=True, slots=True, eq=False)
class StructureSet:
    """A structure set: its ROIs and frame of reference; ``dated`` as in a plan."""

    rois: tuple[Roi, ...]
    sop_instance_uid: str = ""
    label: str = ""
    frame_of_reference_uid: str = ""
    dated: str = ""

    def roi(self, name: str) -> Roi | None:
        """The ROI of exactly this name, or None."""
        return next((r for r in self.rois if r.name == name), None)


@dataclass(frozen=True, slots=True)
class DoseReference:
    """One item of Dose Reference Sequence (300A,0010). Doses in Gy; None where the file holds none.

    ``point_mm``: Dose Reference Point Coordinates (300A,0018), of a prescription to a point.
    """

    number: int
    structure_type: str
    reference_type: str
    roi_number: int | None = None
    description: str = ""
    target_prescription_gy: float | None = None
    nominal_prior_dose_gy: float | None = None
    delivery_maximum_gy: float | None = None
    organ_at_risk_maximum_gy: float | None = None
    point_mm: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """An RT plan as read. ``n_fractions`` is None when the file leaves it open; nothing is ever defaulted.

    ``treatment_beams``: numbers of the beams of the fraction group that give dose.
    ``beam_dose_per_fraction_gy``: sum of Beam Dose (300A,0084) over the treatment beams of the fraction group [Gy].
    ``beam_dose_point_mm``: the point at which all of them state it (300A,0082), None where they do not share one.
    ``dated``: when it was made, as YYYYMMDD and, where that is known, HHMMSS.
    ``problems`` holds warnings of this plan (not approved, no metersets, ...).
    """

    label: str
    n_fractions: int | None
    dose_references: tuple[DoseReference, ...] = ()
    sop_instance_uid: str = ""
    name: str = ""
    structure_set_uid: str = ""
    frame_of_reference_uid: str = ""
    approval_status: str = ""
    intent: str = ""
    beam_dose_per_fraction_gy: float | None = None
    beam_dose_point_mm: tuple[float, float, float] | None = None
    n_treatment_beams: int = 0
    treatment_beams: tuple[int, ...] = ()
    n_fractions_per_day: int | None = None
    dated: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class StoredDvh:
    """A DVH stored in the RT Dose, as cumulative curve in Gy and cm3, with what its tags say.

    ``dose_gy`` (n,) rising bin edges [Gy]; ``volume_cm3`` (n,) falling [cm3]; ``dvh`` the same as
    dicompylercore.dvh.DVH.
    ``in_percent``: the file gives volumes in percent alone, and ``volume_cm3`` holds them so, 100 at 0 Gy.
    ``note`` says where tags contradict the curve (statistics in percent, ...).
    """

    roi_number: int
    dose_gy: NDArray[np.float64]
    volume_cm3: NDArray[np.float64]
    minimum_tag: float | None = None
    maximum_tag: float | None = None
    mean_tag: float | None = None
    note: str = ""
    dvh: Any = None
    in_percent: bool = False

    def of_volume(self, total_cm3: float) -> StoredDvh:
        """The curve in cm3, of a structure of this volume, where the file gives percent; else the curve as it is."""
        if not self.in_percent:
            return self
        return replace(self, volume_cm3=self.volume_cm3 / self.volume_cm3[0] * total_cm3, in_percent=False)


@dataclass(frozen=True, slots=True)
class Patient:
    """Identity, never printed in logs or errors; ``sex`` is M, F, O or empty."""

    patient_id: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PlanData:
    """One plan with the structure set and the dose that belong to it by UID.

    ``lines``: what the first screen must say of how it was read, one sentence each.
    """

    plan: Plan
    structures: StructureSet
    dose: DoseGrid
    stored_dvhs: tuple[StoredDvh, ...] = ()
    files: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A rigid transformation between two frames of reference: ``matrix @ (x, y, z, 1)``, (4, 4) [mm]."""

    from_frame_uid: str
    to_frame_uid: str
    matrix: FloatArray
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Everything that was read: one or more plans, each with structures and dose, and the list of files."""

    plans: tuple[PlanData, ...]
    patient: Patient = Patient()
    inputs: tuple[InputFile, ...] = ()
    problems: tuple[Problem, ...] = ()
    registrations: tuple[Registration, ...] = ()


def study_from_arrays(
    *,
    dose_gy: NDArray[np.floating],
    affine: FloatArray,
    contours: Mapping[str, Sequence[FloatArray]],
    n_fractions: int,
    prescriptions_gy: Mapping[str, float],
    label: str = "plan",
    sex: str = "",
) -> Study:
    """Make a study of one plan from arrays, without any file.

    Args:
        dose_gy: physical dose [Gy], shape (n_k, n_j, n_i).
        affine: (4, 4); ``affine @ (i, j, k, 1)`` is the patient position [mm] of the centre of ``dose_gy[k, j, i]``.
        contours: ROI name to its closed planar loops, each (n, 3) [mm].
        n_fractions: planned number of fractions.
        prescriptions_gy: name of the target ROI to its total prescription [Gy].
        label: what to call the plan in the report.
        sex: "M", "F" or "" (unknown).

    Raises:
        WrongUsageError: E-DOMAIN for arrays of wrong shape or with numbers that are not finite; E-ROI-UNKNOWN for a
            prescription to a ROI without contours.
    """
    dose = np.asarray(dose_gy, dtype=float)
    matrix = np.asarray(affine, dtype=float)
    if dose.ndim != 3 or not np.all(np.isfinite(dose)) or np.any(dose < 0):
        raise wrong_usage("E-DOMAIN", "dose_gy", detail="must be a finite, non-negative array of three axes [Gy]")
    axes = matrix[:3, :3] if matrix.shape == (4, 4) else np.zeros((3, 3))
    lengths = np.linalg.norm(axes, axis=0)
    if not np.all(np.isfinite(matrix)) or not np.all(lengths > 0):
        raise wrong_usage("E-DOMAIN", "affine", detail="must be a finite, invertible 4 x 4 matrix [mm]")
    gram = (axes / lengths).T @ (axes / lengths)
    if np.max(np.abs(gram - np.eye(3))) > 1e-4:
        raise wrong_usage("E-DOMAIN", "affine", detail="its three axes must be orthogonal")
    if int(n_fractions) != n_fractions or n_fractions < 1:
        raise wrong_usage("E-FRACTIONS", "n_fractions", seen=n_fractions)
    rois = []
    for number, (name, loops) in enumerate(contours.items(), start=1):
        points = tuple(Contour(np.array(loop, dtype=float)) for loop in loops)
        for contour in points:
            shape = contour.points_mm.shape
            if len(shape) != 2 or shape[1] != 3 or shape[0] < 3 or not np.all(np.isfinite(contour.points_mm)):
                raise wrong_usage("E-DOMAIN", name, detail="a contour must be finite and of shape (n >= 3, 3) [mm]")
        rois.append(Roi(number=number, name=name, contours=points))
    numbers = {roi.name: roi.number for roi in rois}
    references = []
    for number, (name, total_gy) in enumerate(prescriptions_gy.items(), start=1):
        if name not in numbers:
            raise wrong_usage("E-ROI-UNKNOWN", "prescriptions_gy", seen=name)
        if not (np.isfinite(total_gy) and total_gy > 0):
            raise wrong_usage("E-PRESCRIPTION", name, seen=total_gy)
        references.append(
            DoseReference(
                number=number,
                structure_type="VOLUME",
                reference_type="TARGET",
                roi_number=numbers[name],
                target_prescription_gy=float(total_gy),
            )
        )
    plan = Plan(label=label, n_fractions=int(n_fractions), dose_references=tuple(references))
    data = PlanData(plan=plan, structures=StructureSet(rois=tuple(rois)), dose=DoseGrid(dose, matrix))
    return Study(plans=(data,), patient=Patient(sex=sex))
