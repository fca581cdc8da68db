"""The DVHs that a planning system stored in its RT Dose: for comparison only, never judged."""

from __future__ import annotations

import numpy as np

from sbrtcheck.model import FloatArray, StoredDvh
from sbrtcheck.read.dicom.values import View
from sbrtcheck.tables.suspicion import load_suspicion

# What rounding of its bins may leave of 100 % at 0 Gy.
_PERCENT_ROUNDING = 0.5


def read_stored_dvhs(view: View, *, structure_set_uid: str) -> tuple[StoredDvh, ...]:
    """The usable items of DVH Sequence as cumulative curves in Gy and cm3, or percent where the file has no more.

    What cannot be used is left out and noted once as W-STORED-DVH, as are statistics that contradict their curve.
    Nothing here ever refuses: a check does not rest on a stored DVH.

    Args:
        structure_set_uid: the structure set in use; DVHs of another one are left out.
    """
    items = view.items("DVHSequence")
    if not items:
        return ()
    uids = {item.code("ReferencedSOPInstanceUID") for item in view.items("ReferencedStructureSetSequence")}
    if uids and uids != {structure_set_uid}:
        view.note("W-STORED-DVH", "ReferencedStructureSetSequence", detail="the stored DVHs are of other structures")
        return ()
    curves, left_out, notes = [], [], {}
    for position, item in enumerate(items, start=1):
        # A list of its own: problems of a stored DVH are warnings here.
        read = _one(View(item.ds, item.name))
        if isinstance(read, str):
            left_out.append(f"item {position}: {read}")
            continue
        curves.append(read)
        if read.note:
            notes[read.roi_number] = read.note
    if left_out:
        view.note("W-STORED-DVH", "DVHSequence", "; ".join(left_out), f"{len(left_out)} stored DVHs are not usable")
    if notes:
        first = next(iter(notes))
        view.note(
            "W-STORED-DVH",
            "DVHMeanDose",
            f"ROI {first}: {notes[first]}",
            f"statistics of {len(notes)} stored DVHs contradict their own curves; the curves count",
        )
    return tuple(curves)


def _one(item: View) -> StoredDvh | str:
    """One DVH, or why it cannot be used."""
    roi_number = _roi_number(item)
    if isinstance(roi_number, str):
        return roi_number
    curve = _curve(item)
    if isinstance(curve, str):
        return curve
    edges_gy, volume = curve
    tags = {k: item.number(k) for k in ("DVHMinimumDose", "DVHMaximumDose", "DVHMeanDose")}
    from dicompylercore.dvh import DVH

    in_percent = item.code("DVHVolumeUnits") == "PERCENT"
    unit = "%" if in_percent else "cm3"
    return StoredDvh(
        roi_number=roi_number,
        # Closed at the upper edge of the last bin, above which there is no volume.
        dose_gy=edges_gy,
        volume_cm3=np.append(volume, 0.0),
        minimum_tag=tags["DVHMinimumDose"],
        maximum_tag=tags["DVHMaximumDose"],
        mean_tag=tags["DVHMeanDose"],
        note=_contradiction(edges_gy, volume, tags["DVHMeanDose"]),
        dvh=DVH(volume, edges_gy, dvh_type="cumulative", dose_units="Gy", volume_units=unit),
        in_percent=in_percent,
    )


def _roi_number(item: View) -> int | str:
    """The ROI of a DVH in units that are read, or why it cannot be used."""
    for keyword, allowed in (
        ("DoseUnits", {"GY"}),
        ("DoseType", {"PHYSICAL"}),
        ("DVHVolumeUnits", {"CM3", "PERCENT"}),
        ("DVHType", {"CUMULATIVE", "DIFFERENTIAL"}),
    ):
        if item.code(keyword) not in allowed:
            return f"{keyword} {item.code(keyword) or 'absent'}"
    rois = [
        (roi.code("DVHROIContributionType"), roi.integer("ReferencedROINumber"))
        for roi in item.items("DVHReferencedROISequence")
    ]
    if len(rois) != 1 or rois[0][0] != "INCLUDED" or rois[0][1] is None:
        return "not of one included ROI"
    return rois[0][1]


def _curve(item: View) -> tuple[FloatArray, FloatArray] | str:
    """Bin edges [Gy] and the cumulative volume at the lower edge of each bin, or why they cannot be used."""
    scaling, data = item.number("DVHDoseScaling"), item.numbers("DVHData")
    n_bins = item.integer("DVHNumberOfBins")
    if item.found:
        return f"{item.found[0].code} {item.found[0].seen}"
    if scaling is None or not scaling > 0 or data is None or n_bins is None or data.size != 2 * n_bins:
        return "DVHData, its scaling and its number of bins do not fit"
    widths_gy, volume = data[0::2] * scaling, data[1::2]
    # Planning systems subtract volumes bin by bin: the last ones may come out a rounding error below 0.
    if np.any(widths_gy <= 0) or np.any(volume < -1e-6 * np.max(volume)):
        return "a bin width or volume is not positive"
    volume = np.maximum(volume, 0.0)
    if item.code("DVHType") == "DIFFERENTIAL":
        volume = np.cumsum(volume[::-1])[::-1]
    elif np.any(np.diff(volume) > 1e-6 * volume[0]):
        return "a cumulative curve that rises"
    if not volume[0] > 0:
        return "no volume"
    if item.code("DVHVolumeUnits") == "PERCENT" and abs(volume[0] - 100) > _PERCENT_ROUNDING:
        return f"volume in percent that begins at {volume[0]:g}"
    edges_gy: FloatArray = np.concatenate([[0.0], np.cumsum(widths_gy)])
    return edges_gy, volume


def _contradiction(edges_gy: FloatArray, volume_cm3: FloatArray, mean_tag: float | None) -> str:
    """What the mean tag says against the mean of the curve, the integral of its volume over dose."""
    closed = np.append(volume_cm3, 0.0)
    mean_gy = float(np.sum(np.diff(edges_gy) * (closed[:-1] + closed[1:]) / 2) / volume_cm3[0])
    width_gy = float(edges_gy[1])
    if mean_tag is None or abs(mean_tag - mean_gy) <= width_gy:
        return ""
    ratio = mean_tag / mean_gy
    if load_suspicion().stored_mean.holds(ratio):
        return ""
    return f"DVHMeanDose {mean_tag:.4g} is {ratio:.4g} times the mean of its curve, {mean_gy:.4g} Gy: percent?"
