"""A plan moved into another frame of reference by a rigid registration, for sums over plans only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sbrtcheck.model import FloatArray, PlanData, Registration
from sbrtcheck.model.dose import mapped


def transformation(registrations: Sequence[Registration], *, source: str, target: str) -> Registration | None:
    """The registration from one frame to another, taken backwards where only the reverse is there.

    None when there is none, or when two of them disagree by more than 0.1 mm or its rotation: which one holds is not
    for a program to guess.
    """
    found = []
    for r in registrations:
        if (r.from_frame_uid, r.to_frame_uid) == (source, target):
            found.append(r)
        elif (r.from_frame_uid, r.to_frame_uid) == (target, source):
            back: FloatArray = np.linalg.inv(r.matrix).astype(np.float64)
            found.append(replace(r, from_frame_uid=source, to_frame_uid=target, matrix=back))
    if not found:
        return None
    first = found[0]
    same = all(
        np.allclose(r.matrix[:3, :3], first.matrix[:3, :3], atol=1e-4)
        and np.allclose(r.matrix[:3, 3], first.matrix[:3, 3], atol=0.1)
        for r in found
    )
    return first if same else None


def moved(data: PlanData, registration: Registration) -> PlanData:
    """The plan with its dose grid and contours in the registration's target frame. Doses are untouched."""
    matrix = registration.matrix

    rois = tuple(
        replace(
            roi,
            contours=tuple(
                replace(c, points_mm=mapped(c.points_mm, matrix[:3, :3], matrix[:3, 3])) for c in roi.contours
            ),
        )
        for roi in data.structures.rois
    )
    frame = registration.to_frame_uid
    return replace(
        data,
        structures=replace(data.structures, rois=rois, frame_of_reference_uid=frame),
        dose=replace(data.dose, affine=matrix @ data.dose.affine, frame_of_reference_uid=frame),
    )


def describe(registration: Registration) -> str:
    """Shift [mm] and rotation [degrees] of a registration, in words."""
    shift = ", ".join(f"{x:+.1f}" for x in registration.matrix[:3, 3])
    cosine = np.clip((np.trace(registration.matrix[:3, :3]) - 1) / 2, -1, 1)
    return f"{registration.name}: shift ({shift}) mm, rotation {np.degrees(np.arccos(cosine)):.2f} degrees"
