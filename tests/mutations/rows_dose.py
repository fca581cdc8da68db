"""Rows about the RT Dose. One function per row of mutations.csv."""

from __future__ import annotations

from typing import Any

import dicom_builders as build
import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence as Items

from mutations import mini
from mutations.bench import Bench
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.model import DoseGrid

OTHER_LABELS = ("HFP", "FFS", "FFP", "HFDL", "HFDR", "FFDL", "FFDR")


def _dose(**values: Any) -> Dataset:
    ds = mini.dataset("rd.dcm")
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def _without(keyword: str) -> Dataset:
    ds = mini.dataset("rd.dcm")
    delattr(ds, keyword)
    return ds


def _raw(keyword: str, raw: bytes) -> Dataset:
    ds = mini.dataset("rd.dcm")
    build.set_raw(ds, keyword, raw)
    return ds


def m030(bench: Bench) -> None:
    bench.refused("E-DOSE-UNITS", dose=_dose(DoseUnits="RELATIVE"))


def m031(bench: Bench) -> None:
    for ds in (_without("DoseUnits"), _raw("DoseUnits", b""), _dose(DoseUnits="CGY"), _raw("DoseUnits", b"Gy")):
        bench.refused("E-DOSE-UNITS", dose=ds)


def m033(bench: Bench) -> None:
    for kind in ("EFFECTIVE", "ERROR"):
        bench.refused("E-DOSE-TYPE", dose=_dose(DoseType=kind))


def m035(bench: Bench) -> None:
    bench.refused("E-SUMMATION", dose=_dose(DoseSummationType="BEAM"))


def m036(bench: Bench) -> None:
    first, second = mini.dose(), mini.dose(salt=1)
    second.ReferencedRTPlanSequence = first.ReferencedRTPlanSequence
    for ds in (first, second):
        ds.DoseSummationType = "BEAM"
        ds.DoseGridScaling = f"{float(ds.DoseGridScaling) / 2:.9e}"
    bench.refused("E-SUMMATION", dose=first, others={"rd2.dcm": second})


def m037(bench: Bench) -> None:
    ds = _dose(DoseSummationType="FRACTION")
    ds.DoseGridScaling = f"{float(ds.DoseGridScaling) / 3:.9e}"
    bench.refused("E-SUMMATION", dose=ds)


def m038(bench: Bench) -> None:
    ds = _dose(DoseSummationType="MULTI_PLAN")
    ds.ReferencedRTPlanSequence.append(
        build.item(ReferencedSOPClassUID=build.RT_PLAN, ReferencedSOPInstanceUID=build.uid(5, 1))
    )
    bench.refused("E-MULTIPLAN", dose=ds)


def m039(bench: Bench) -> None:
    bench.refused("E-SUMMATION", dose=_dose(DoseSummationType="PLAN_OVERVIEW"))


def m042(bench: Bench) -> None:
    bench.refused("E-SCALING", dose=_without("DoseGridScaling"))


def m043(bench: Bench) -> None:
    bench.refused("E-SCALING", dose=_raw("DoseGridScaling", b"0"))


def m044(bench: Bench) -> None:
    for text in (b"-1e-8", b"1.5"):
        bench.refused("E-SCALING", dose=_raw("DoseGridScaling", text))


def m045(bench: Bench) -> None:
    ds = mini.dataset("rd.dcm")
    ds.DoseGridScaling = f"{float(ds.DoseGridScaling) / 2:.9e}"
    bench.refused("E-DOSE-RX-MISMATCH", dose=ds)


def m046(bench: Bench) -> None:
    n = len(mini.dataset("rd.dcm").PixelData)
    for pixels in (bytes(n), b"\x01\x00\x00\x01" * (n // 4)):
        bench.refused("E-EMPTY-DOSE", dose=_dose(PixelData=pixels))


def m048(bench: Bench) -> None:
    bench.same(bench.check(dose=mini.dose(absolute_offsets=True)), relative=1e-9)


def _offsets(change: Any) -> Dataset:
    ds = mini.dataset("rd.dcm")
    ds.GridFrameOffsetVector = build.decimals(change(np.array([float(v) for v in ds.GridFrameOffsetVector])))
    return ds


def m051(bench: Bench) -> None:
    bench.refused("E-GFOV-NONUNIFORM", dose=_offsets(lambda o: o + 8.0 * (np.arange(o.size) > 16)))


def m052(bench: Bench) -> None:
    def repeated(o: Any) -> Any:
        o[10] = o[9]
        return o

    def back(o: Any) -> Any:
        o[10], o[11] = o[11], o[10]
        return o

    for change in (repeated, back, lambda o: o[:-1], lambda o: o + 1.0):
        bench.refused("E-GFOV", dose=_offsets(change))


def m055(bench: Bench) -> None:
    fewer, one, absent = _dose(NumberOfFrames="31"), _dose(NumberOfFrames="1"), _without("NumberOfFrames")
    for ds in (fewer, one, absent):
        bench.refused("E-PIXEL-SIZE", dose=ds)


def m057(bench: Bench) -> None:
    ds = _dose(Rows=65535, Columns=65535, NumberOfFrames="1000", PixelData=bytes(100))
    bench.refused("E-PIXEL-SIZE", dose=ds)


def m060(bench: Bench) -> None:
    ds = _without("PixelData")
    ds.DVHSequence = Items([build.item(DVHType="CUMULATIVE", DoseUnits="GY")])
    bench.refused("E-NO-GRID", dose=ds)


def m061(bench: Bench) -> None:
    short, long = (bench.study(dose=mini.dose(bits=bits)).plans[0].dose for bits in (16, 32))
    step = float(mini.dose(bits=16).DoseGridScaling)
    assert float(np.max(np.abs(short.dose_gy - long.dose_gy))) <= 0.51 * step
    bench.same(bench.check(dose=mini.dose(bits=16)), relative=2e-3)


def m062(bench: Bench) -> None:
    bench.refused("E-BITS", dose=_dose(BitsStored=24, HighBit=23))


def m064(bench: Bench) -> None:
    # the largest stored value has its upper bit set, so that signed it is negative
    bench.refused("E-SIGNED", dose=_dose(PixelRepresentation=1))
    half = mini.dose(scaling_gy=4e-8)
    half.PixelRepresentation = 1
    bench.warned("W-SIGNED", dose=half)


def m067(bench: Bench) -> None:
    for label in ("HFP", "FFS", "FFP", "HFDL", "HFDR"):
        report = bench.check(dose=mini.dose(orientation=build.ORIENTATIONS[label]))
        bench.same(report, relative=1e-6)


def m068(bench: Bench) -> None:
    for label in OTHER_LABELS:
        ds = _dose(ImageOrientationPatient=build.decimals(np.array(build.ORIENTATIONS[label])))
        report = bench.check(dose=ds)
        assert report.exit_code != 0, label
        codes = {p.code for p in report.errors}
        bench.note(f"{report.outcome.value} {', '.join(sorted(codes)) or 'target leaves the grid'}")
        assert "E-GEOMETRY" in codes or "outside" in " ".join(f.note for f in report.findings), label


def m069(bench: Bench) -> None:
    angle = np.radians(10.0)
    orientation = (np.cos(angle), np.sin(angle), 0, -np.sin(angle), np.cos(angle), 0)
    bench.same(bench.check(dose=mini.dose(orientation=orientation)), relative=0.02)


def m070(bench: Bench) -> None:
    for orientation in ((1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)):
        bench.same(bench.check(dose=mini.dose(orientation=orientation)), relative=1e-6)


def m073(bench: Bench) -> None:
    for text in (b"0\\2", b"-2\\2", b"2"):
        bench.refused("E-SPACING", "E-BAD-VALUE", dose=_raw("PixelSpacing", text))


def m075(bench: Bench) -> None:
    bench.warned("W-COARSE-GRID", dose=mini.dose(spacing_mm=3.0, n_points=22))


def m077(bench: Bench) -> None:
    second = mini.dose(dose=lambda p: 1.01 * build.lung_dose(p))
    second.SOPInstanceUID = build.uid(42)
    bench.refused("E-AMBIGUOUS-DOSE", others={"rd2.dcm": second})


def _cropped(axis: int, keep: slice) -> Dataset:
    """The dose on a part of the grid, with pixels and position that fit."""
    ds = mini.dataset("rd.dcm")
    shape = (int(ds.NumberOfFrames), ds.Rows, ds.Columns)
    pixels = np.frombuffer(ds.PixelData, dtype="<u4").reshape(shape)
    index = [slice(None)] * 3
    index[axis] = keep
    start = range(shape[axis])[keep].start
    position = [float(v) for v in ds.ImagePositionPatient]
    position[2 - axis] += 2.0 * start
    part = pixels[tuple(index)]
    ds.ImagePositionPatient = build.decimals(position)
    ds.NumberOfFrames, ds.Rows, ds.Columns = str(part.shape[0]), part.shape[1], part.shape[2]
    ds.GridFrameOffsetVector = build.decimals(2.0 * np.arange(part.shape[0]))
    ds.PixelData = part.tobytes()
    return ds


def _half_outside(bench: Bench, ds: Dataset) -> None:
    report = bench.check(dose=ds)
    assert report.exit_code in {1, 3}, report.outcome
    goals = [
        f for f in report.findings if f.kind.value == "target_goal" and f.metric == "D95%[%]" and f.comparator == ">="
    ]
    assert goals
    assert all(f.verdict.value == "NOT_EVALUABLE" and f.value is None for f in goals), goals
    assert "W-OUTSIDE-GRID" in {p.code for p in report.warnings}
    assert ("E-OUTSIDE-GRID", "PTV") in {(p.code, p.object) for p in report.errors}
    reason = goals[0].reason.value if goals[0].reason else ""
    bench.note(f"{report.outcome.value}: target not evaluable ({reason}, E-OUTSIDE-GRID)")


def m121(bench: Bench) -> None:
    _half_outside(bench, _cropped(0, slice(0, 16)))


def m122(bench: Bench) -> None:
    _half_outside(bench, _cropped(2, slice(11, 32)))


def m126(bench: Bench) -> None:
    from sbrtcheck.dvh import build_structure, compute_dvh

    roi = bench.study().plans[0].structures.roi("PTV")
    structure = build_structure(roi)
    values: dict[str, list[Any]] = {"D95%[Gy]": [], "D50%[Gy]": [], "D0.035cc[Gy]": []}
    for phase in np.linspace(0.0, 1.0, 20):
        first = np.array([-10.0, 0.0, 0.0]) - 24.0 + 2.0 * phase
        affine = np.diag([2.0, 2.0, 2.0, 1.0])
        affine[:3, 3] = first
        axis = np.arange(24) * 2.0
        k, j, i = np.meshgrid(axis, axis, axis, indexing="ij")
        grid = DoseGrid(build.lung_dose(np.stack([i, j, k], axis=-1) + first), affine)
        with mini.coarse():
            dvh = compute_dvh(structure, grid)
        for metric, seen in values.items():
            seen.append(evaluate(metric, dvh))
    for metric, seen in values.items():
        found = [m.value for m in seen]
        widest = max(m.high - m.low for m in seen)
        assert max(found) - min(found) <= widest, (metric, max(found) - min(found), widest)
        bench.note(f"HANDLED: {metric} over 20 phases spreads by less than its band")
