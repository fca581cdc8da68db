"""Rows about the RT Plan and about what the three objects say of each other. One function per row of mutations.csv."""

from __future__ import annotations

from typing import Any

import dicom_builders as build
from pydicom import Dataset

from mutations import mini
from mutations.bench import Bench


def _plan(**values: Any) -> Dataset:
    ds = mini.plan()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def _prescription(raw: bytes) -> Dataset:
    ds = mini.plan()
    build.set_raw(ds.DoseReferenceSequence[0], "TargetPrescriptionDose", raw)
    return ds


def _fractions(raw: bytes) -> Dataset:
    ds = mini.plan()
    build.set_raw(ds.FractionGroupSequence[0], "NumberOfFractionsPlanned", raw)
    return ds


def m023(bench: Bench) -> None:
    for text in (b"nan", b"inf", b"-inf", b"1e400"):
        bench.refused("E-NONFINITE", plan=_prescription(text))


def m025(bench: Bench) -> None:
    for text in (b"54,0", b"5_4", b"54 Gy", "５４".encode()):
        bench.refused("E-BAD-NUMBER", plan=_prescription(text))


def m026(bench: Bench) -> None:
    for text in (b"-54", b"0"):
        bench.refused("E-PRESCRIPTION", plan=_prescription(text))


def m027(bench: Bench) -> None:
    bench.refused("E-UNITS-SUSPECT", plan=_prescription(b"5400"))


def m034(bench: Bench) -> None:
    ds = mini.plan()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.8"
    bench.refused("E-ION", plan=ds)


def m081(bench: Bench) -> None:
    ds = mini.dataset("rd.dcm")
    ds.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = "2.25.99"
    bench.refused("E-PLAN-REF", dose=ds)


def m082(bench: Bench) -> None:
    ds = mini.dataset("rd.dcm")
    del ds.ReferencedRTPlanSequence
    bench.refused("E-PLAN-REF", dose=ds)


def m083(bench: Bench) -> None:
    ds = mini.plan()
    ds.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID = "2.25.99"
    bench.refused("E-SS-REF", plan=ds)


def m084(bench: Bench) -> None:
    for kind, name in (("plan", "rp.dcm"), ("structures", "rs.dcm"), ("dose", "rd.dcm")):
        ds = mini.dataset(name)
        ds.PatientID = "PHANTOM-2"
        report = bench.refused("E-PATIENT", **{kind: ds})
        assert "PHANTOM" not in "".join(p.line() for p in report.errors)


def m086(bench: Bench) -> None:
    ds = mini.dataset("rd.dcm")
    ds.StudyInstanceUID = "2.25.99"
    bench.warned("W-STUDY", dose=ds)


def m127(bench: Bench) -> None:
    for text in (b"0", b"-3", b"101"):
        bench.refused("E-FRACTIONS", plan=_fractions(text))


def m128(bench: Bench) -> None:
    absent = mini.plan()
    del absent.FractionGroupSequence[0].NumberOfFractionsPlanned
    for ds in (_fractions(b""), absent):
        bench.refused("E-FRACTIONS", plan=ds)
        report = bench.warned("W-FRACTIONS-GIVEN", plan=ds, options={"fractions": 3})
        assert any(f.value == "3" and "given" in f.origin for f in report.facts)


def m131(bench: Bench) -> None:
    ds = mini.plan()
    del ds.FractionGroupSequence
    bench.refused("E-FRACTIONS", plan=ds)


def m134(bench: Bench) -> None:
    rois = mini.rois()
    rois["PTV_45"] = ("PTV", build.sphere(build.TARGET_MM, 12.0))
    report = bench.check(
        plan=mini.plan(targets={1: 54.0, 6: 45.0}),
        structures=mini.structures(only=rois),
    )
    found = {x.lesion.ptv: x.lesion.prescription_gy for x in report.lesions}
    assert found == {"PTV": 54.0, "PTV_45": 45.0}
    goals = [f for f in report.findings if f.metric == "D95%[%]" and f.kind.value == "target_goal"]
    assert {f.roi for f in goals} == {"PTV", "PTV_45"}
    assert all(f.value is not None and f.value > 100 for f in goals)
    bench.note("HANDLED: each target held to its own prescription")


def m136(bench: Bench) -> None:
    ds = mini.plan()
    for item in ds.FractionGroupSequence[0].ReferencedBeamSequence:
        item.BeamDose = "7.5"
    bench.warned("W-BEAMDOSE", plan=ds)


def m137(bench: Bench) -> None:
    bench.refused("E-RX-SUSPECT", plan=mini.plan(targets={1: 18.0}))


def m139(bench: Bench) -> None:
    bench.refused("E-REJECTED", plan=_plan(ApprovalStatus="REJECTED"))


def m140(bench: Bench) -> None:
    absent = mini.plan()
    del absent.ApprovalStatus
    for ds in (_plan(ApprovalStatus="UNAPPROVED"), absent):
        bench.warned("W-NOT-APPROVED", plan=ds)


def m141(bench: Bench) -> None:
    ds = _plan(RTPlanGeometry="TREATMENT_DEVICE")
    del ds.ReferencedStructureSetSequence
    bench.refused("E-SS-REF", plan=ds)


def m144(bench: Bench) -> None:
    setup = mini.plan()
    for item in setup.BeamSequence:
        item.TreatmentDeliveryType = "SETUP"
    bench.refused("E-NO-BEAMS", plan=setup)
    miscounted = mini.plan()
    miscounted.FractionGroupSequence[0].NumberOfBeams = "5"
    bench.warned("W-BEAMS", plan=miscounted)


def m145(bench: Bench) -> None:
    zero, absent = mini.plan(), mini.plan()
    for item in zero.FractionGroupSequence[0].ReferencedBeamSequence:
        item.BeamMeterset = "0"
    for item in absent.FractionGroupSequence[0].ReferencedBeamSequence:
        del item.BeamMeterset
    for ds in (zero, absent):
        bench.warned("W-METERSET", plan=ds)
