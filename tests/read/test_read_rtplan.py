"""RT Plan: fractions, prescriptions, beams, intent and approval."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dicom_builders import build_plan, item, lean_structures, set_raw, uid, write_with
from pydicom import Dataset

from sbrtcheck.errors import RefusedError
from sbrtcheck.model import Plan
from sbrtcheck.read import read_folder, validate


def plan_of(folder: Path, ds: Dataset) -> Plan:
    return read_folder(write_with(folder, structures=lean_structures(), plan=ds)).plans[0].plan


def refusal(folder: Path, ds: Dataset) -> list[str]:
    with pytest.raises(RefusedError) as error:
        read_folder(write_with(folder, structures=lean_structures(), plan=ds))
    return [p.code for p in error.value.problems]


def warnings_of(plan: Plan) -> list[str]:
    return [p.code for p in plan.problems]


def group(ds: Dataset) -> Dataset:
    return ds.FractionGroupSequence[0]


def reference(ds: Dataset) -> Dataset:
    return ds.DoseReferenceSequence[0]


def raw_dose(text: bytes) -> Callable[[Dataset], None]:
    return lambda ds: set_raw(reference(ds), "TargetPrescriptionDose", text)


def raw_fractions(text: bytes) -> Callable[[Dataset], None]:
    return lambda ds: set_raw(group(ds), "NumberOfFractionsPlanned", text)


def put(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda ds: setattr(ds, keyword, value)


def drop(keyword: str) -> Callable[[Dataset], None]:
    return lambda ds: delattr(ds, keyword)


def in_group(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda ds: setattr(group(ds), keyword, value)


def in_beams(keyword: str, value: object) -> Callable[[Dataset], None]:
    def apply(ds: Dataset) -> None:
        for beam in ds.BeamSequence:
            setattr(beam, keyword, value)

    return apply


REFUSED: list[tuple[str, Callable[[Dataset], None], str]] = [
    ("prescription nan", raw_dose(b"nan"), "E-NONFINITE"),
    ("prescription inf", raw_dose(b"inf"), "E-NONFINITE"),
    ("prescription 1e400", raw_dose(b"1e400"), "E-NONFINITE"),
    ("prescription comma", raw_dose(b"54,0"), "E-BAD-NUMBER"),
    ("prescription underscore", raw_dose(b"5_4"), "E-BAD-NUMBER"),
    ("prescription two values", raw_dose(b"54\\45"), "E-BAD-VALUE"),
    ("prescription negative", raw_dose(b"-54"), "E-PRESCRIPTION"),
    ("prescription 0", raw_dose(b"0"), "E-PRESCRIPTION"),
    ("prescription in cGy", raw_dose(b"5400"), "E-UNITS-SUSPECT"),
    ("41 Gy a fraction", raw_dose(b"123"), "E-UNITS-SUSPECT"),
    ("fractions 0", raw_fractions(b"0"), "E-FRACTIONS"),
    ("fractions -3", raw_fractions(b"-3"), "E-FRACTIONS"),
    ("fractions 101", raw_fractions(b"101"), "E-FRACTIONS"),
    ("fractions 3.5", raw_fractions(b"3.5"), "E-BAD-NUMBER"),
    ("fractions nan", raw_fractions(b"nan"), "E-NONFINITE"),
    ("rejected", put("ApprovalStatus", "REJECTED"), "E-REJECTED"),
    ("unknown approval", put("ApprovalStatus", "FINE"), "E-BAD-VALUE"),
    ("treatment device", put("RTPlanGeometry", "TREATMENT_DEVICE"), "E-SS-REF"),
    ("no geometry", drop("RTPlanGeometry"), "E-MISSING"),
    ("no structure set", drop("ReferencedStructureSetSequence"), "E-SS-REF"),
    (
        "other structure set",
        put("ReferencedStructureSetSequence", [item(ReferencedSOPInstanceUID="2.25.9")]),
        "E-SS-REF",
    ),
    (
        "two structure sets",
        put("ReferencedStructureSetSequence", [item(ReferencedSOPInstanceUID=u) for u in (uid(3), "2.25.9")]),
        "E-SS-REF",
    ),
    ("other frame of reference", put("FrameOfReferenceUID", "2.25.9"), "E-FOR"),
    ("verification", put("PlanIntent", "VERIFICATION"), "E-PLAN-INTENT"),
    ("machine QA", put("PlanIntent", "MACHINE_QA"), "E-PLAN-INTENT"),
    ("unknown intent", put("PlanIntent", "SOMETHING"), "E-PLAN-INTENT"),
    ("electrons", in_beams("RadiationType", "ELECTRON"), "E-RADIATION-TYPE"),
    ("protons", in_beams("RadiationType", "PROTON"), "E-RADIATION-TYPE"),
    ("setup beams only", in_beams("TreatmentDeliveryType", "SETUP"), "E-NO-BEAMS"),
    ("unknown delivery type", in_beams("TreatmentDeliveryType", "OTHER"), "E-BAD-VALUE"),
    ("no beams", drop("BeamSequence"), "E-NO-BEAMS"),
    ("one beam twice", in_beams("BeamNumber", "1"), "E-BAD-VALUE"),
    ("brachy setups", in_group("NumberOfBrachyApplicationSetups", "1"), "E-BRACHY"),
    ("brachy technique", put("BrachyTreatmentTechnique", "INTRACAVITARY"), "E-BRACHY"),
    ("modality", put("Modality", "RTSTRUCT"), "E-BAD-VALUE"),
    (
        "structure type",
        lambda ds: setattr(reference(ds), "DoseReferenceStructureType", "BOX"),
        "E-BAD-VALUE",
    ),
    ("reference type", lambda ds: setattr(reference(ds), "DoseReferenceType", "GOAL"), "E-BAD-VALUE"),
    ("beam dose nan", lambda ds: set_raw(group(ds).ReferencedBeamSequence[0], "BeamDose", b"nan"), "E-NONFINITE"),
]


@pytest.mark.parametrize(("apply", "code"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_a_plan_that_cannot_be_judged_is_refused(tmp_path: Path, apply: Callable[[Dataset], None], code: str) -> None:
    ds = build_plan()
    apply(ds)
    assert code in refusal(tmp_path, ds)


def test_a_plan_as_planned(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, build_plan())
    assert (plan.label, plan.n_fractions, plan.intent, plan.approval_status) == ("LUNG", 3, "CURATIVE", "APPROVED")
    assert (plan.n_treatment_beams, plan.beam_dose_per_fraction_gy) == (2, 18.0)
    assert (plan.structure_set_uid, plan.sop_instance_uid) == (uid(3), uid(5))
    assert plan.n_fractions_per_day is None
    assert plan.problems == ()


@pytest.mark.parametrize(
    ("total", "n"), [(45, 15), (70, 35), (100, 50), (60, 3), (34, 1), (40, 1), (100, 5), (79.2, 44)]
)
def test_ordinary_prescriptions_are_not_suspect(tmp_path: Path, total: float, n: int) -> None:
    plan = plan_of(tmp_path, build_plan(prescription_gy=total, n_fractions=n))
    assert plan.dose_references[0].target_prescription_gy == total


@pytest.mark.parametrize(("total", "n"), [(100.1, 15), (101, None), (5400, None), (7000, 35), (40.5, 1), (4500, 100)])
def test_suspect_prescriptions(tmp_path: Path, total: float, n: int | None) -> None:
    assert refusal(tmp_path, build_plan(prescription_gy=total, n_fractions=n)) == ["E-UNITS-SUSPECT"]


@pytest.mark.parametrize("how", ["empty", "absent", "no group"])
def test_an_open_number_of_fractions_stays_open(tmp_path: Path, how: str) -> None:
    ds = build_plan(n_fractions=None)
    if how == "absent":
        del group(ds).NumberOfFractionsPlanned
    if how == "no group":
        del ds.FractionGroupSequence
    plan = plan_of(tmp_path, ds)
    assert plan.n_fractions is None
    assert plan.beam_dose_per_fraction_gy == (None if how == "no group" else pytest.approx(54))


def test_every_dose_reference_is_kept(tmp_path: Path) -> None:
    ds = build_plan(targets={2: 54.0, 3: 45.0})
    ds.DoseReferenceSequence.append(
        item(
            DoseReferenceNumber="3",
            DoseReferenceStructureType="SITE",
            DoseReferenceType="ORGAN_AT_RISK",
            DoseReferenceDescription="cord",
            OrganAtRiskMaximumDose="18",
            DeliveryMaximumDose="20",
            TargetPrescriptionDose="0",
            NominalPriorDose="30",
        )
    )
    plan = plan_of(tmp_path, ds)
    assert [(r.number, r.roi_number, r.target_prescription_gy) for r in plan.dose_references] == [
        (1, 2, 54.0),
        (2, 3, 45.0),
        (3, None, 0.0),
    ]
    organ = plan.dose_references[2]
    assert (organ.structure_type, organ.reference_type, organ.description) == ("SITE", "ORGAN_AT_RISK", "cord")
    assert (organ.organ_at_risk_maximum_gy, organ.delivery_maximum_gy, organ.nominal_prior_dose_gy) == (18, 20, 30)
    assert warnings_of(plan) == ["W-PRIOR-DOSE"]


def test_no_prescription_is_legal(tmp_path: Path) -> None:
    ds = build_plan()
    del ds.DoseReferenceSequence
    assert plan_of(tmp_path, ds).dose_references == ()


@pytest.mark.parametrize("status", ["UNAPPROVED", "", None])
def test_what_is_not_approved_is_said(tmp_path: Path, status: str | None) -> None:
    ds = build_plan()
    if status is None:
        del ds.ApprovalStatus
    else:
        ds.ApprovalStatus = status
    assert warnings_of(plan_of(tmp_path, ds)) == ["W-NOT-APPROVED"]
    assert [p.code for p in validate(tmp_path)] == ["W-NOT-APPROVED"]


def add_setup_beam(ds: Dataset, **values: object) -> None:
    ds.BeamSequence.append(item(BeamNumber="3", RadiationType="PHOTON", **{"TreatmentDeliveryType": "SETUP", **values}))
    group(ds).ReferencedBeamSequence.append(item(ReferencedBeamNumber="3"))
    group(ds).NumberOfBeams = "3"


def test_setup_beams_are_not_counted(tmp_path: Path) -> None:
    ds = build_plan()
    add_setup_beam(ds)
    plan = plan_of(tmp_path, ds)
    assert (plan.n_treatment_beams, plan.beam_dose_per_fraction_gy, plan.problems) == (2, 18.0, ())


def test_setup_beams_need_not_be_in_the_fraction_group(tmp_path: Path) -> None:
    ds = build_plan()
    add_setup_beam(ds)
    group(ds).ReferencedBeamSequence = group(ds).ReferencedBeamSequence[:2]
    group(ds).NumberOfBeams = "2"
    assert plan_of(tmp_path, ds).problems == ()


def test_a_setup_field_labelled_treatment_is_recognised(tmp_path: Path) -> None:
    ds = build_plan()
    add_setup_beam(ds, TreatmentDeliveryType="TREATMENT")
    plan = plan_of(tmp_path, ds)
    assert (plan.n_treatment_beams, plan.beam_dose_per_fraction_gy) == (2, 18.0)
    assert warnings_of(plan) == ["W-METERSET"]


def test_the_sum_of_beam_doses_needs_every_beam(tmp_path: Path) -> None:
    ds = build_plan()
    del group(ds).ReferencedBeamSequence[1].BeamDose
    assert plan_of(tmp_path, ds).beam_dose_per_fraction_gy is None


@pytest.mark.parametrize("meterset", ["0", None])
def test_beams_without_meterset(tmp_path: Path, meterset: str | None) -> None:
    ds = build_plan()
    for beam in group(ds).ReferencedBeamSequence:
        beam.BeamMeterset = meterset
    plan = plan_of(tmp_path, ds)
    assert warnings_of(plan) == ["W-METERSET"]
    assert (plan.n_treatment_beams, plan.beam_dose_per_fraction_gy) == (2, 18.0)


def test_beam_counts_that_do_not_fit(tmp_path: Path) -> None:
    for n, change in enumerate(("stated", "not in sequence", "not referenced")):
        ds = build_plan()
        if change == "stated":
            group(ds).NumberOfBeams = "5"
        elif change == "not in sequence":
            ds.BeamSequence = ds.BeamSequence[:1]
        else:
            group(ds).ReferencedBeamSequence = group(ds).ReferencedBeamSequence[:1]
        assert "W-BEAMS" in warnings_of(plan_of(tmp_path / str(n), ds))


@pytest.mark.parametrize(
    ("pattern", "digits", "per_day"),
    [("1111100", "1", 1), ("11" * 5 + "0000", "2", 2), ("1010101010", "2", 1), ("11x", "1", None), ("11", "0", None)],
)
def test_fractions_per_day(tmp_path: Path, pattern: str, digits: str, per_day: int | None) -> None:
    ds = build_plan()
    group(ds).FractionPattern = pattern
    group(ds).NumberOfFractionPatternDigitsPerDay = digits
    plan = plan_of(tmp_path, ds)
    assert plan.n_fractions_per_day == per_day
    assert warnings_of(plan) == (["W-TWICE-DAILY"] if per_day == 2 else [])


def test_a_label_falls_back_to_the_name(tmp_path: Path) -> None:
    ds = build_plan()
    ds.RTPlanLabel, ds.RTPlanName = "", "Right upper lobe"
    assert plan_of(tmp_path / "a", ds).label == "Right upper lobe"
    del ds.RTPlanLabel, ds.RTPlanName
    assert plan_of(tmp_path / "b", ds).label == ""


@pytest.mark.parametrize(
    ("second", "shared"),
    [(["1.5", "-20", "3"], True), (["1.55", "-20", "3"], True), (["4", "-20", "3"], False), (None, False)],
)
def test_the_point_at_which_all_beams_state_their_dose(tmp_path: Path, second: list[str] | None, shared: bool) -> None:
    ds = build_plan()
    first, *others = group(ds).ReferencedBeamSequence
    first.BeamDoseSpecificationPoint = ["1.5", "-20", "3"]
    for beam in others:
        if second is not None:
            beam.BeamDoseSpecificationPoint = second
    assert plan_of(tmp_path, ds).beam_dose_point_mm == ((1.5, -20.0, 3.0) if shared else None)


def test_the_point_of_a_prescription(tmp_path: Path) -> None:
    ds = build_plan()
    reference(ds).DoseReferenceStructureType = "COORDINATES"
    reference(ds).DoseReferencePointCoordinates = ["1", "2", "-3.5"]
    assert plan_of(tmp_path, ds).dose_references[0].point_mm == (1.0, 2.0, -3.5)
