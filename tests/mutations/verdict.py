"""What damage did to the outcome, and whether that is allowed."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.sequence import Sequence as Items

from mutations import bases
from mutations.damage import Damaged, vr_of
from sbrtcheck.model import Outcome, Report, Verdict

RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}
RESULTS = ("refused", "degraded", "said", "unchanged")

# What may change without any trace in the answer, and why. Everything else that changes must show.
MEANINGLESS: dict[str, str] = {
    **dict.fromkeys(
        (
            "StudyDate",
            "StudyTime",
            "Manufacturer",
            "SeriesNumber",
            "SeriesInstanceUID",
            "RTPlanDate",
            "RTPlanTime",
            "StructureSetDate",
            "StructureSetTime",
            "StructureSetLabel",
            "ROIDisplayColor",
            "ROIGenerationAlgorithm",
            "ObservationNumber",
            "BeamName",
            "BeamType",
            "NumberOfControlPoints",
            "PatientName",
            "PatientBirthDate",
        ),
        "says nothing about dose, structures or prescription",
    ),
    "PatientSex": "asked only by limits of the pelvis; unknown: the stricter counts",
    "SliceThickness": "never used: plane positions come from the contours and from Grid Frame Offset Vector",
    "SpecificCharacterSet": "all text of this plan is ASCII",
    "RTROIInterpretedType": "a hint only where the name says nothing",
    "RTROIObservationsSequence": "holds only the hint",
    "ReferencedFrameOfReferenceSequence": "each ROI names its own frame of reference",
    "FrameOfReferenceUID in ReferencedFrameOfReferenceSequence": "each ROI names its own frame of reference",
    "ReferencedSOPClassUID": "objects are joined by instance UID; their class stands in the object itself",
    "DoseReferenceNumber": "a label",
    "BeamNumber": "a label",
    "FrameOfReferenceUID": "of the plan, where it is optional; the dose and every ROI must name theirs",
    "NumberOfBrachyApplicationSetups": "empty counts as none: what is refused is an application setup",
    "ReferencedStructureSetSequence": "of the dose, for its stored DVHs, which are only compared; the plan's is required",
    "unknown element": "no attribute of this number exists",
    "TreatmentDeliveryType": "absent counts as TREATMENT, which is what these beams are",
    "PixelData": "a stored value that no structure holds",
    **dict.fromkeys(
        (
            "AccessionNumber",
            "DeidentificationMethod",
            "DoseReferenceUID",
            "InstanceCreationDate",
            "InstanceCreationTime",
            "InstanceNumber",
            "ManufacturerModelName",
            "OperatorsName",
            "PatientIdentityRemoved",
            "PositionReferenceIndicator",
            "ROIInterpreter",
            "ReferringPhysicianName",
            "ReviewDate",
            "ReviewTime",
            "ReviewerName",
            "RTPlanDescription",
            "SeriesDate",
            "SeriesDescription",
            "SeriesTime",
            "SoftwareVersions",
            "StationName",
            "StructureSetName",
            "StudyDescription",
            "StudyID",
            "TreatmentMachineName",
        ),
        "says who made the object, when and with what",
    ),
    **dict.fromkeys(
        (
            "BeamLimitingDeviceSequence",
            "ControlPointSequence",
            "FinalCumulativeMetersetWeight",
            "NumberOfBlocks",
            "NumberOfBoli",
            "NumberOfCompensators",
            "NumberOfWedges",
            "PatientSetupSequence",
            "PrimaryDosimeterUnit",
            "ReferencedPatientSetupNumber",
            "SourceAxisDistance",
        ),
        "says how a beam is given: no dose is computed from beams",
    ),
    "ContourImageSequence": "no image is read",
}
# What lies below these counts as the whole sequence.
WHOLE = frozenset(
    {"BeamLimitingDeviceSequence", "ContourImageSequence", "ControlPointSequence", "PatientSetupSequence"}
)


@dataclass(frozen=True)
class Judged:
    """How a damage ended: one of RESULTS, and what is not allowed about it ("" if nothing)."""

    result: str
    violation: str = ""


def document(report: Report) -> dict[str, Any]:
    """The report without what identifies the files."""
    out: dict[str, Any] = json.loads(json.dumps(report.to_dict()))
    del out["inputs"]
    for plan in out["course"]["plans"]:
        for key in ("sop_instance_uid", "dose_sop_instance_uid", "structure_set_sop_instance_uid"):
            del plan[key]
    return out


def changed_keywords(before: bytes, after: bytes) -> set[str]:
    """Keywords whose values differ; "undecodable" when the damaged file cannot be compared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return set(_differences(dcmread(BytesIO(before)), dcmread(BytesIO(after)), ""))
        except Exception:
            return {"undecodable"}


def _differences(one: Dataset, other: Dataset, where: str) -> list[str]:
    out = []
    for tag in {*one.keys(), *other.keys()}:
        name = keyword_for_tag(tag) or "unknown element"
        left, right = (_value(ds, tag) for ds in (one, other))
        if isinstance(left, Items) and isinstance(right, Items):
            if len(left) != len(right):
                out.append(name)
            for a, b in zip(left, right, strict=False):
                inner = _differences(a, b, name)
                out += [name] if inner and name in WHOLE else inner
        elif left != right:
            out.append(f"{name} in {where}" if f"{name} in {where}" in MEANINGLESS else name)
    return out


def _value(ds: Dataset, tag: Any) -> Any:
    """The items of a sequence, or the bytes of any other element without padding; None if it is not there."""
    if tag not in ds:
        return None
    if vr_of(tag) == "SQ":
        return ds[tag].value
    raw = ds.get_item(tag)
    return raw.value.strip(b" \0") if isinstance(raw.value, bytes) else raw.value


def judge(base: str, damaged: Damaged, report: Report) -> Judged:
    """Whether the answer to damaged files is an honest one."""
    if report.outcome is Outcome.REFUSED:
        # The worst outcome can be no improvement.
        return Judged("refused", "" if report.errors else "refused without a reason")
    untouched = bases.reference(base)
    better = RANK[report.outcome] < RANK[untouched.outcome]
    # A missed limit may come back as one without a verdict: then nothing is known, and a person must look.
    unknown = untouched.outcome is Outcome.FAIL and report.outcome is Outcome.INCOMPLETE
    if (better and not unknown) or (untouched.exit_code != 0 and report.exit_code == 0):
        return Judged("improved", f"{untouched.outcome.value} became {report.outcome.value}")
    lost = _lost_failures(untouched, report)
    if lost:
        return Judged("improved", f"no longer missed: {lost}")
    if RANK[report.outcome] > RANK[untouched.outcome] or unknown:
        return Judged("degraded")
    return Judged("said") if document(report) != document(untouched) else unchanged(base, damaged)


def unchanged(base: str, damaged: Damaged) -> Judged:
    """Whether damage that left no trace in the answer changed nothing that could matter."""
    keywords: set[str] = set()
    unused = bases.unused(base)
    for name, before in bases.files(base).items():
        if damaged.files[name] != before and name not in unused:
            keywords |= changed_keywords(before, damaged.files[name])
    silent = keywords - set(MEANINGLESS)
    if damaged.kind.endswith("shuffled"):
        silent = set()
    return Judged("unchanged", f"changed in silence: {', '.join(sorted(silent))}" if silent else "")


def _lost_failures(untouched: Report, report: Report) -> str:
    """Limits that were missed and are neither missed nor without a verdict now."""
    now = {(f.rule_id, f.roi): f.verdict for f in report.findings}
    open_organs = {f.organ for f in report.findings if f.verdict is Verdict.NOT_EVALUABLE}
    for finding in untouched.findings:
        if finding.verdict is not Verdict.NOT_MET or finding.consequence is not Outcome.FAIL:
            continue
        verdict = now.get((finding.rule_id, finding.roi))
        if verdict is None:
            # Of a union that lost a part the rest is judged by the same rule.
            parts = set(finding.roi.split(" + "))
            rest = [v for (rule, roi), v in now.items() if rule == finding.rule_id and set(roi.split(" + ")) < parts]
            verdict = rest[0] if len(rest) == 1 else None
        if verdict in {Verdict.NOT_MET, Verdict.NOT_EVALUABLE} or finding.organ in open_organs:
            continue
        if verdict is None and any(finding.organ in f.organ.split(" or ") for f in report.findings if f.reason):
            continue
        return f"{finding.rule_id} is {verdict.value if verdict else 'gone'}"
    return ""
