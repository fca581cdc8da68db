"""What each RT object must hold before it is believed, as data.

Attribute types are those of DICOM PS3.3, module tables RT Dose, RT Structure Set and RT Plan. Listed is every Type 1
and 1C attribute that the check rests on, and the allow-list of every value that changes the meaning of a dose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sbrtcheck.read.dicom.values import View


@dataclass(frozen=True, slots=True)
class Need:
    """One line: ``keyword`` must be there and not empty in every item reached by ``path``.

    Attributes:
        missing: code when it is absent or empty; "" if it may be absent.
        allowed: the values that are accepted; () for any.
        wrong: code for another value.
        special: codes of their own for some values.
        when: a keyword; the line holds only where that attribute is present.
    """

    path: str
    keyword: str
    missing: str = "E-MISSING"
    allowed: tuple[str, ...] = ()
    wrong: str = "E-BAD-VALUE"
    special: tuple[tuple[str, str], ...] = ()
    when: str = ""


_COMMON = (
    Need("", "SOPClassUID"),
    Need("", "SOPInstanceUID"),
    Need("", "StudyInstanceUID"),
    Need("", "SeriesInstanceUID"),
)

RTDOSE = (
    *_COMMON,
    Need("", "Modality", allowed=("RTDOSE",)),
    Need("", "DoseUnits", "E-DOSE-UNITS", ("GY",), "E-DOSE-UNITS"),
    Need("", "DoseType", "E-DOSE-TYPE", ("PHYSICAL",), "E-DOSE-TYPE"),
    Need(
        "",
        "DoseSummationType",
        "E-SUMMATION",
        ("PLAN",),
        "E-SUMMATION",
        special=(("MULTI_PLAN", "E-MULTIPLAN"), ("BRACHY", "E-BRACHY"), ("BRACHY_SESSION", "E-BRACHY")),
    ),
    Need("", "SpatialTransformOfDose", "", ("NONE",), "E-DOSE-DERIVED"),
    Need("", "ReferencedRTPlanSequence", "E-PLAN-REF"),
    Need("ReferencedRTPlanSequence", "ReferencedSOPInstanceUID", "E-PLAN-REF"),
    Need("", "FrameOfReferenceUID"),
    Need("", "ImagePositionPatient"),
    Need("", "ImageOrientationPatient", "E-IOP"),
    Need("", "PixelSpacing", "E-SPACING"),
    Need("", "Rows"),
    Need("", "Columns"),
    Need("", "SamplesPerPixel"),
    Need("", "PhotometricInterpretation", allowed=("MONOCHROME2",)),
    Need("", "BitsAllocated", "E-BITS"),
    Need("", "BitsStored", "E-BITS"),
    Need("", "HighBit", "E-BITS"),
    Need("", "PixelRepresentation", "E-BITS"),
    Need("", "DoseGridScaling", "E-SCALING"),
    Need("", "FrameIncrementPointer", "E-GFOV", when="NumberOfFrames"),
    Need("", "GridFrameOffsetVector", "E-GFOV", when="NumberOfFrames"),
)


def dose_needs(*, summation: str = "PLAN", of_plan: bool = True) -> tuple[Need, ...]:
    """What an RT Dose must hold for another summation type, or where no plan is asked for."""
    plan = {"ReferencedRTPlanSequence", "ReferencedSOPInstanceUID"}
    return tuple(
        replace(need, allowed=(summation,)) if need.keyword == "DoseSummationType" else need
        for need in RTDOSE
        if of_plan or need.keyword not in plan
    )


RTSTRUCT = (
    *_COMMON,
    Need("", "Modality", allowed=("RTSTRUCT",)),
    Need("", "StructureSetROISequence"),
    Need("", "ROIContourSequence"),
    Need("StructureSetROISequence", "ROINumber"),
    Need("ROIContourSequence", "ReferencedROINumber"),
    Need("RTROIObservationsSequence", "ReferencedROINumber"),
)

RTPLAN = (
    *_COMMON,
    Need("", "Modality", allowed=("RTPLAN",)),
    Need("", "RTPlanGeometry", allowed=("PATIENT",), special=(("TREATMENT_DEVICE", "E-SS-REF"),)),
    Need("", "ReferencedStructureSetSequence", "E-SS-REF"),
    Need("ReferencedStructureSetSequence", "ReferencedSOPInstanceUID", "E-SS-REF"),
    Need("", "PlanIntent", "", ("CURATIVE", "PALLIATIVE", "PROPHYLACTIC"), "E-PLAN-INTENT"),
    Need("", "ApprovalStatus", "", ("APPROVED", "UNAPPROVED"), special=(("REJECTED", "E-REJECTED"),)),
    Need("", "BeamSequence", "E-NO-BEAMS"),
    Need("BeamSequence", "BeamNumber"),
    Need(
        "BeamSequence",
        "TreatmentDeliveryType",
        "",
        ("TREATMENT", "OPEN_PORTFILM", "TRMT_PORTFILM", "CONTINUATION", "SETUP"),
    ),
    Need("FractionGroupSequence", "FractionGroupNumber"),
    Need("FractionGroupSequence", "NumberOfBeams"),
    Need("FractionGroupSequence/ReferencedBeamSequence", "ReferencedBeamNumber"),
    Need("DoseReferenceSequence", "DoseReferenceNumber"),
    Need("DoseReferenceSequence", "DoseReferenceStructureType", allowed=("POINT", "VOLUME", "COORDINATES", "SITE")),
    Need("DoseReferenceSequence", "DoseReferenceType", allowed=("TARGET", "ORGAN_AT_RISK")),
)


def check_required(view: View, needs: tuple[Need, ...]) -> None:
    """Note every line of the table that the data set does not satisfy."""
    for need in needs:
        for item in view.at(need.path):
            if need.when and not item.present(need.when):
                continue
            if need.keyword not in item.ds or _empty(item, need.keyword):
                if need.missing:
                    item.note(need.missing, need.keyword, "(empty)" if item.present(need.keyword) else "(absent)")
                continue
            if need.allowed:
                value = item.code(need.keyword)
                if value not in need.allowed:
                    item.note(dict(need.special).get(value, need.wrong), need.keyword, value)


_TEXT_VR = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
)


def _empty(item: View, keyword: str) -> bool:
    """True if the attribute has no bytes but padding, or is a sequence without items."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    tag = tag_for_keyword(keyword) or 0
    vr = dictionary_VR(tag)
    if vr == "SQ":
        return not item.items(keyword)
    value = item.ds.get_item(tag).value
    if isinstance(value, bytes) and vr in _TEXT_VR:
        return not value.strip(b" \0")
    return value is None or (isinstance(value, str | bytes) and not value)
