"""A folder of files to a study: each plan with the structure set and the dose that name it by UID."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sbrtcheck.errors import Problem, RefusedError, on_one_line
from sbrtcheck.model import StructureSet, Study
from sbrtcheck.read.dicom.files import SPATIAL_REGISTRATION, Gathered, gather
from sbrtcheck.read.dicom.join import join
from sbrtcheck.read.dicom.objects import RtObject, decode_all, quiet
from sbrtcheck.read.dicom.reading import Reading, Wish, found_here
from sbrtcheck.read.dicom.registration import read_registrations
from sbrtcheck.read.dicom.without_verdict import join_without_verdict, structure_sets_of


def read_folder(
    paths: str | Path | Sequence[str | Path],
    *,
    need_plan: bool = True,
    sum_beams: bool = False,
    fraction_group: int | None = None,
) -> Study:
    """Read plans with their structures and doses from a folder, a list of files or a zip archive.

    Objects are told apart by SOP Class and joined by UID. Images, BEAM doses beside a PLAN dose, verification plans
    beside a treatment plan and files that are not DICOM are listed in ``Study.inputs`` and left alone. What is wrong
    with one ROI stands in that ROI's ``problems``. A plan without dose beside plans with dose, or one with several
    fraction groups, is left out, and E-NO-DOSE or E-FRACTION-GROUPS in ``Study.problems`` says so: the folder cannot be
    judged as a whole.

    Args:
        paths: a folder, a file, a zip archive, or several of these.
        need_plan: False also takes a dose and a structure set of one frame of reference without an RT Plan, or with
            one that is not judged, for doses without verdicts; the plan of such a study may have no fractions and no
            prescription. BEAM doses are added by themselves.
        sum_beams: add BEAM doses where a plan has no PLAN dose and they hold each treatment beam once.
        fraction_group: number of the group to judge, for plans with several.

    Raises:
        RefusedError: nothing here can be trusted, or a plan, its structures or its dose are missing; the exception
            carries every reason found.
    """
    reading = _read(paths, Wish(need_plan, sum_beams, fraction_group))
    if reading.refusals:
        raise RefusedError(*reading.refusals)
    return Study(
        plans=tuple(reading.plans),
        patient=reading.patient,
        inputs=tuple(reading.inputs),
        problems=tuple(reading.problems),
        registrations=tuple(reading.registrations),
    )


def validate(paths: str | Path | Sequence[str | Path], *, refusals_only: bool = False) -> tuple[Problem, ...]:
    """Every error and warning that reading finds, refusals first, then the study's, the plans' and the ROIs'.

    An error of one ROI (E-NO-CONTOURS, ...) or of a plan without dose does not refuse the folder.

    Args:
        paths: as for :func:`read_folder`.
        refusals_only: only what :func:`read_folder` would refuse with; empty if it would not.
    """
    try:
        reading = _read(paths, Wish())
    except RefusedError as error:
        return error.problems
    if refusals_only:
        return tuple(reading.refusals)
    found = [*reading.refusals, *reading.problems]
    for data in reading.plans:
        found.extend(data.plan.problems)
        found.extend(problem for roi in data.structures.rois for problem in roi.problems)
    return tuple(on_one_line("W-MARKER", found))


def read_structure_sets(paths: str | Path | Sequence[str | Path]) -> tuple[StructureSet, ...]:
    """Every structure set in a folder, for the names of its ROIs: no plan and no dose is asked for.

    Raises:
        RefusedError: no structure set, or one that cannot be read; what is wrong with other objects is not asked.
    """
    with quiet():
        found, objects, reading = _objects(paths, Wish(verdict=False))
        damaged = [p for p in reading.refusals if p.code not in {"E-ION", "E-SECOND-GENERATION"}]
        others = {o.name for o in objects if o.kind != "RTSTRUCT"} | {f.name for f in found.left_alone}
        reading.refusals[:] = []
        sets = structure_sets_of(objects, reading)
    # A damaged file may have been the structure set that is asked for.
    refusals = [*reading.refusals, *(p for p in damaged if not sets and p.object not in others)]
    if reading.refusals:
        raise RefusedError(*dict.fromkeys(refusals))
    return tuple(sets)


def _objects(paths: str | Path | Sequence[str | Path], wish: Wish) -> tuple[Gathered, list[RtObject], Reading]:
    """The files, the objects decoded from them, and a reading that knows what was refused so far."""
    reading = Reading(wish)
    found = gather(paths)
    reading.refusals.extend(found.problems)
    aside = [b for b in found.blobs if b.sop_class_uid == SPATIAL_REGISTRATION]
    found.blobs[:] = [b for b in found.blobs if b.sop_class_uid != SPATIAL_REGISTRATION]
    objects = decode_all(found.blobs, reading.refusals)
    reading.listing = found_here(objects, found.left_alone)
    found.blobs[:] = aside
    return found, objects, reading


def _read(paths: str | Path | Sequence[str | Path], wish: Wish) -> Reading:
    with quiet():
        found, objects, reading = _objects(paths, wish)
        if wish.verdict:
            join(objects, reading)
        else:
            join_without_verdict(objects, reading)
        reading.registrations, others = read_registrations(found.blobs, patient_id=reading.patient.patient_id)
    reading.inputs = [*(o.as_input() for o in objects), *others, *found.left_alone]
    return reading
