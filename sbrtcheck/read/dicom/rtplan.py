"""RT Plan to a plan record: fractions, prescriptions, beams. Nothing is defaulted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sbrtcheck.model import DoseReference, Plan
from sbrtcheck.read.dicom.attributes import RTPLAN, check_required
from sbrtcheck.read.dicom.values import View
from sbrtcheck.tables.suspicion import load_suspicion

Point = tuple[float, float, float]
# Positions that agree to this are one point.
_SAME_POINT_MM = 0.1
_TREATMENT = frozenset({"", "TREATMENT", "TRMT_PORTFILM", "CONTINUATION"})


def read_rtplan(view: View, *, fraction_group: int | None = None) -> Plan | None:
    """The plan; None when an error was noted in ``view.found``.

    Of a plan with several fraction groups only the one that is asked for is read: its fractions, its beams, and the
    prescriptions that it names.

    Noted are E-SS-REF, E-PLAN-INTENT, E-REJECTED, E-BRACHY, E-FRACTION-GROUPS, E-FRACTIONS, E-PRESCRIPTION,
    E-UNITS-SUSPECT, E-NO-BEAMS, E-RADIATION-TYPE and errors of single attributes. Warnings go with the plan:
    W-NOT-APPROVED, W-BEAMS, W-METERSET, W-RADIATION-TYPE, W-TWICE-DAILY, W-PRIOR-DOSE, W-CHARACTER-SET.
    """
    check_required(view, RTPLAN)
    structure_sets = view.items("ReferencedStructureSetSequence")
    if len(structure_sets) > 1:
        view.note("E-SS-REF", "ReferencedStructureSetSequence", f"{len(structure_sets)} structure sets")
    if view.items("ApplicationSetupSequence") or view.code("BrachyTreatmentTechnique"):
        view.note("E-BRACHY", "ApplicationSetupSequence")
    status = view.code("ApprovalStatus")
    if status not in {"APPROVED", "REJECTED"}:
        view.note("W-NOT-APPROVED", "ApprovalStatus", status or "(absent)")
    one_of_several = len(view.items("FractionGroupSequence")) > 1
    group = _group(view, fraction_group)
    n_fractions = _fractions(group)
    references = tuple(_dose_reference(item) for item in view.items("DoseReferenceSequence"))
    references = _of_group(references, group if one_of_several else None)
    _check_prescriptions(view, references, n_fractions)
    beams = _beams(view, group, only_of_group=one_of_several)
    structure_set_uid = structure_sets[0].uid("ReferencedSOPInstanceUID") if structure_sets else ""
    plan = Plan(
        label=view.text("RTPlanLabel") or view.text("RTPlanName"),
        n_fractions=n_fractions,
        dose_references=references,
        sop_instance_uid=view.uid("SOPInstanceUID"),
        name=view.text("RTPlanName"),
        structure_set_uid=structure_set_uid,
        frame_of_reference_uid=view.uid("FrameOfReferenceUID"),
        approval_status=status,
        intent=view.code("PlanIntent"),
        beam_dose_per_fraction_gy=beams.dose_gy,
        beam_dose_point_mm=beams.point_mm,
        n_treatment_beams=len(beams.giving_dose),
        treatment_beams=beams.giving_dose,
        n_fractions_per_day=None if group is None else _fractions_per_day(group),
        dated=view.moment("RTPlan"),
        problems=tuple(problem for problem in view.found if not problem.is_error),
    )
    return None if view.refused else plan


def fraction_group_numbers(view: View) -> set[int]:
    """The numbers of the plan's fraction groups."""
    numbers = (View(item.ds, item.name).integer("FractionGroupNumber") for item in view.items("FractionGroupSequence"))
    return {number for number in numbers if number is not None}


def _fractions(group: View | None) -> int | None:
    """Number of Fractions Planned, or None where the plan leaves it open (it is Type 2)."""
    allowed = load_suspicion().planned_fractions
    n_fractions = None if group is None else group.integer("NumberOfFractionsPlanned")
    if group is not None and n_fractions is not None and not allowed.holds(n_fractions):
        detail = f"must be {allowed.at_least:g} to {allowed.at_most:g}"
        group.note("E-FRACTIONS", "NumberOfFractionsPlanned", n_fractions, detail)
    return n_fractions


def _dose_reference(item: View) -> DoseReference:
    target_gy = item.number("TargetPrescriptionDose")
    kind = item.code("DoseReferenceType")
    if target_gy is not None and target_gy <= 0 and kind == "TARGET":
        item.note("E-PRESCRIPTION", "TargetPrescriptionDose", f"{target_gy:g} Gy")
    prior_gy = item.number("NominalPriorDose")
    if prior_gy is not None and prior_gy > 0:
        item.note("W-PRIOR-DOSE", "NominalPriorDose", f"{prior_gy:g} Gy")
    return DoseReference(
        number=item.integer("DoseReferenceNumber") or 0,
        structure_type=item.code("DoseReferenceStructureType"),
        reference_type=kind,
        roi_number=item.integer("ReferencedROINumber"),
        description=item.text("DoseReferenceDescription"),
        target_prescription_gy=target_gy,
        nominal_prior_dose_gy=prior_gy,
        delivery_maximum_gy=item.number("DeliveryMaximumDose"),
        organ_at_risk_maximum_gy=item.number("OrganAtRiskMaximumDose"),
        point_mm=_point(item, "DoseReferencePointCoordinates"),
    )


def _check_prescriptions(view: View, references: tuple[DoseReference, ...], n_fractions: int | None) -> None:
    allowed = load_suspicion()
    for reference in references:
        total_gy = reference.target_prescription_gy
        if total_gy is None or total_gy <= 0 or reference.reference_type != "TARGET":
            continue
        few = n_fractions is None or allowed.sbrt_fractions.holds(n_fractions)
        per_fraction_gy = total_gy / n_fractions if n_fractions and n_fractions > 0 else None
        if (few and not allowed.prescription_total.holds(total_gy)) or (
            per_fraction_gy is not None and not allowed.prescription_per_fraction.holds(per_fraction_gy)
        ):
            view.note(
                "E-UNITS-SUSPECT",
                "TargetPrescriptionDose",
                f"{total_gy:g} Gy in {n_fractions or 'an unknown number of'} fractions",
            )


@dataclass(frozen=True, slots=True)
class _Beams:
    """The beams that give dose, the sum of their doses [Gy per fraction] and the point that it is stated at.

    The sum is None unless every treatment beam that has a meterset states its dose, the point unless they share one.
    """

    giving_dose: tuple[int, ...]
    dose_gy: float | None = None
    point_mm: Point | None = None


def _beams(view: View, group: View | None, *, only_of_group: bool) -> _Beams:
    if group is None:
        return _Beams(tuple(sorted(_treatment_beams(view, None)[0])))
    treatment, numbers = _treatment_beams(view, set(_referenced_beams(group)) if only_of_group else None)
    if (group.integer("NumberOfBrachyApplicationSetups") or 0) > 0:
        group.note("E-BRACHY", "NumberOfBrachyApplicationSetups")
    referenced = _referenced_beams(group)
    without_meterset: list[int] = []
    doses_gy: list[float | None] = []
    points_mm: list[Point | None] = []
    idle = set()
    for number, item in ((n, item) for n, item in referenced.items() if n in treatment):
        dose_gy = item.number("BeamDose")
        if not (item.number("BeamMeterset") or 0) > 0:
            without_meterset.append(number)
            # Older systems label setup fields TREATMENT, with neither meterset nor dose.
            if not dose_gy:
                idle.add(number)
                continue
        doses_gy.append(dose_gy)
        points_mm.append(_point(item, "BeamDoseSpecificationPoint"))
    stated = group.integer("NumberOfBeams")
    # A group need not name its setup fields, but every treatment beam, and no beam that is not there.
    if stated != len(referenced) or not treatment <= referenced.keys() <= numbers:
        seen = f"{stated} stated, {len(referenced)} referenced, {len(numbers)} in Beam Sequence"
        group.note("W-BEAMS", "NumberOfBeams", seen)
    if without_meterset:
        group.note("W-METERSET", "BeamMeterset", f"beams {', '.join(map(str, without_meterset))}")
    known = [dose for dose in doses_gy if dose is not None]
    giving = tuple(sorted(treatment - idle or treatment))
    complete = bool(known) and len(known) == len(giving)
    return _Beams(giving, sum(known) if complete else None, _shared(points_mm) if complete else None)


def _treatment_beams(view: View, own: set[int] | None) -> tuple[set[int], set[int]]:
    """The numbers of the treatment beams, of those in ``own`` where given, and of all beams.

    Radiation Type is Type 2 and may be empty: said, and the dose is judged as it is.
    """
    treatment: set[int] = set()
    numbers: set[int] = set()
    for beam in view.items("BeamSequence"):
        number = beam.integer("BeamNumber")
        if number is None:
            continue
        if number in numbers:
            beam.note("E-BAD-VALUE", "BeamNumber", number, "two beams share one number")
        numbers.add(number)
        if beam.code("TreatmentDeliveryType") not in _TREATMENT or (own is not None and number not in own):
            continue
        treatment.add(number)
        radiation = beam.code("RadiationType")
        if not radiation:
            beam.note("W-RADIATION-TYPE", "RadiationType", f"beam {number}")
        elif radiation != "PHOTON":
            beam.note("E-RADIATION-TYPE", "RadiationType", radiation)
    if not treatment and view.items("BeamSequence"):
        view.note("E-NO-BEAMS", "BeamSequence", f"{len(numbers)} beams, none of them for treatment")
    return treatment, numbers


def _referenced_beams(group: View) -> dict[int, View]:
    """The beams that a fraction group refers to, by their numbers."""
    referenced: dict[int, View] = {}
    for item in group.items("ReferencedBeamSequence"):
        number = item.integer("ReferencedBeamNumber")
        if number is None:
            continue
        if number in referenced:
            item.note("E-BAD-VALUE", "ReferencedBeamNumber", number, "one beam is referenced twice")
        else:
            referenced[number] = item
    return referenced


def _point(item: View, keyword: str) -> Point | None:
    """A position in the patient [mm]."""
    values = item.numbers(keyword, 3)
    return None if values is None else (float(values[0]), float(values[1]), float(values[2]))


def _shared(points_mm: Sequence[Point | None]) -> Point | None:
    """The one point that all of these are, within what a decimal string rounds off; None where they differ."""
    first = points_mm[0]
    known = [p for p in points_mm if p is not None]
    if first is None or len(known) < len(points_mm):
        return None
    same = all(abs(a - b) <= _SAME_POINT_MM for p in known for a, b in zip(p, first, strict=True))
    return first if same else None


def _group(view: View, wanted: int | None) -> View | None:
    """The fraction group: the only one, or of several the one that is asked for; None, and noted, otherwise."""
    groups = view.items("FractionGroupSequence")
    if len(groups) <= 1:
        return groups[0] if groups else None
    chosen = [group for group in groups if wanted is not None and group.integer("FractionGroupNumber") == wanted]
    if len(chosen) == 1:
        return chosen[0]
    fractions = ", ".join(f"{g.text('FractionGroupNumber')}: {g.text('NumberOfFractionsPlanned')}" for g in groups)
    doses = [item.number("TargetPrescriptionDose") for item in view.items("DoseReferenceSequence")]
    shown = ", ".join(f"{dose:g} Gy" for dose in doses if dose is not None)
    seen = f"{len(groups)} groups, fractions {fractions}" + (f"; prescriptions {shown}" if shown else "")
    view.note("E-FRACTION-GROUPS", "FractionGroupSequence", seen if wanted is None else f"no group {wanted}; {seen}")
    return None


def _of_group(references: tuple[DoseReference, ...], group: View | None) -> tuple[DoseReference, ...]:
    """The dose references that the fraction group names; all of them where it names none."""
    items = [] if group is None else group.items("ReferencedDoseReferenceSequence")
    numbers = {item.integer("ReferencedDoseReferenceNumber") for item in items} - {None}
    return tuple(r for r in references if r.number in numbers) or references


def _fractions_per_day(group: View) -> int | None:
    """The most fractions that Fraction Pattern puts on one day; None when there is no readable pattern."""
    pattern = group.text("FractionPattern")
    per_day = group.integer("NumberOfFractionPatternDigitsPerDay")
    if not pattern or not per_day or per_day < 1 or set(pattern) - {"0", "1"}:
        return None
    most = max(pattern[start : start + per_day].count("1") for start in range(0, len(pattern), per_day))
    if most > 1:
        group.note("W-TWICE-DAILY", "FractionPattern", f"{most} fractions on one day")
    return most
