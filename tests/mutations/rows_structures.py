"""Rows about the RT Structure Set. One function per row of mutations.csv."""

from __future__ import annotations

from collections.abc import Callable

import dicom_builders as build
import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence as Items

from mutations import mini
from mutations.bench import Bench, findings_of, notable, volume_cm3
from sbrtcheck.dvh.metrics import evaluate

PTV, GTV, CORD, OESOPHAGUS, PLEXUS = range(5)


def _with(**rois: tuple[str, list[build.Array]]) -> Dataset:
    return mini.structures(only={**mini.rois(), **rois})


def _contours(index: int, change: Callable[[list[Dataset]], list[Dataset]], *, base: str = "passing") -> Dataset:
    """The structure set with the contour items of one ROI changed."""
    ds = mini.structures(base)
    sequence = ds.ROIContourSequence[index]
    sequence.ContourSequence = Items(change(list(sequence.ContourSequence)))
    return ds


def _first_contour(raw: bytes) -> Dataset:
    ds = mini.structures()
    build.set_raw(ds.ROIContourSequence[CORD].ContourSequence[0], "ContourData", raw)
    return ds


def m029(bench: Bench) -> None:
    good = "\\".join(build.decimals(build.circle(20, 16, -27, 5, 24))).encode()
    first, rest = good.split(b"\\", 1)
    assert first
    for bad in (b"nan", b"inf", b"1e9", b"", b"3001"):
        bench.refused("E-NONFINITE", "E-COORD-RANGE", structures=_first_contour(bad + b"\\" + rest))


def m080(bench: Bench) -> None:
    ds = mini.structures()
    ds.StructureSetROISequence[OESOPHAGUS].ReferencedFrameOfReferenceUID = "2.25.99"
    bench.not_evaluable("Esophagus", code="E-FOR-ROI", structures=ds)


def m088(bench: Bench) -> None:
    ds = mini.structures()
    del ds.ROIContourSequence[OESOPHAGUS]
    bench.not_evaluable("Esophagus", code="E-NO-CONTOURS", structures=ds)


def m089(bench: Bench) -> None:
    ds = mini.structures()
    orphan = build.item(
        ReferencedROINumber="77", ContourSequence=[build.contour_item(build.circle(0, 0, z, 5)) for z in (0, 2, 4)]
    )
    ds.ROIContourSequence.append(orphan)
    bench.warned("W-ORPHAN-CONTOUR", structures=ds)


def m090(bench: Bench) -> None:
    ds = mini.structures()
    ds.StructureSetROISequence[PLEXUS].ROINumber = "3"
    bench.refused("E-ROI-NUMBER", structures=ds)


def m091(bench: Bench) -> None:
    cord = mini.rois()["SpinalCord"]
    for name in ("SpinalCord ", "spinalcord", "Spinal Cord"):
        report = bench.not_evaluable("SpinalCord", structures=_with(**{name: cord}))
        assert "ambiguous_roi" in {f.reason.value for f in findings_of(report, "SpinalCord") if f.reason}
    ds = _with(extra=cord)
    ds.StructureSetROISequence[-1].ROIName = "SpinalCord"
    bench.not_evaluable("SpinalCord", structures=ds)
    for first in (True, False):
        _twice_ptv(bench, first)


def _twice_ptv(bench: Bench, first: bool) -> None:
    """Two PTVs of exactly one name, one of them far from the dose: each is a target of its own."""
    far = {"far": ("PTV", build.sphere(np.array([-20.0, -22.0, -18.0]), 5.0))}
    rois = {**far, **mini.rois()} if first else {**mini.rois(), **far}
    ds = mini.structures(only=rois)
    numbers = {name: number for number, name in enumerate(rois, start=1)}
    ds.StructureSetROISequence[numbers["far"] - 1].ROIName = "PTV"
    report = bench.check(structures=ds, plan=mini.plan(targets={numbers["PTV"]: 54.0}))
    assert report.outcome.value == "INCOMPLETE", notable(report)
    assert len({x.lesion.ptv for x in report.lesions}) == 2
    bench.note("two PTVs of one name: INCOMPLETE, each a target of its own")


def m092(bench: Bench) -> None:
    ds = _with(extra=mini.rois()["BrachialPlexus"])
    ds.StructureSetROISequence[-1].ROIName = ""
    report = bench.warned("W-ROI-NAME", structures=ds)
    assert not [s for s in report.structures if not s.roi and s.organ]


def m093(bench: Bench) -> None:
    rois = mini.rois()
    cord = rois.pop("SpinalCord")
    for name in ("cord+5", "SpinalCord_PRV", "Cord_old", "zCord", "NS_Cord_opt"):
        report = bench.check(structures=mini.structures(only={**rois, name: cord}))
        read_as = {s.roi: s.organ for s in report.structures}
        assert read_as[name] in {"", "SpinalCord"}
        roles = {s.roi: s.role.value for s in report.structures}
        assert roles[name] != "organ", name
        assert report.outcome.value == "INCOMPLETE" or roles[name] == "prv", notable(report)
        bench.note(f"{name}: {roles[name]}, {report.outcome.value}")


def m094(bench: Bench) -> None:
    lung = build.planes(-20, 20)
    right = [build.rectangle(-28, -2, -20, 10, z) for z in lung]
    left = [build.rectangle(8, 28, -24, -22, z) for z in lung]
    swapped = _with(Lung_L=("ORGAN", right), Lung_R=("ORGAN", left))
    report = bench.check(structures=swapped)
    assert "W-LATERALITY" in [p.code for p in report.warnings]
    bench.note("W-LATERALITY")


def m095(bench: Bench) -> None:
    report = bench.check(base="incomplete")
    missing = [f for f in report.findings if f.reason and f.reason.value == "no_roi"]
    assert missing
    assert report.outcome.value == "INCOMPLETE"
    missed = [p.object for p in report.errors if p.code == "E-OAR-MISSING"]
    assert [name.split(" or ")[0] for name in missed] == ["Esophagus"]
    bench.note("INCOMPLETE: organ not contoured (no_roi, E-OAR-MISSING)")


def m097(bench: Bench) -> None:
    for kind in ("OPEN_PLANAR", "OPEN_NONPLANAR", "POINT"):
        ds = mini.structures()
        for contour in ds.ROIContourSequence[OESOPHAGUS].ContourSequence:
            contour.ContourGeometricType = kind
        bench.not_evaluable("Esophagus", code="E-GEOMETRIC-TYPE", structures=ds)


def _ring(form: str) -> Dataset:
    """A ring of outer radius 10 and inner radius 5 mm, 20 mm long: 0.75 of the full cylinder."""
    contours, types = [], []
    for z in build.planes(-10, 10):
        outer, inner = build.circle(0, 0, z, 10, 90), build.circle(0, 0, z, 5, 90)
        if form == "full":
            contours.append(outer)
        elif form == "keyhole":
            contours.append(np.concatenate([outer, outer[:1], inner[:1], inner[::-1]]))
        else:
            contours += [outer, inner]
            types += ["CLOSEDPLANAR_XOR"] * 2 if form == "xor" else ["CLOSED_PLANAR"] * 2
    ds = _with(Ring=("ORGAN", contours))
    for contour, kind in zip(ds.ROIContourSequence[-1].ContourSequence, types, strict=False):
        contour.ContourGeometricType = kind
    return ds


def _ring_volume(bench: Bench, form: str) -> float:
    return volume_cm3(bench.study(structures=_ring(form)), "Ring")


def m099(bench: Bench) -> None:
    full, keyhole, xor = (_ring_volume(bench, form) for form in ("full", "keyhole", "xor"))
    assert abs(keyhole / full - 0.75) < 0.0075
    assert abs(keyhole / xor - 1) < 0.01
    bench.note(f"HANDLED: {keyhole / full:.2f} of the full volume")


def m100(bench: Bench) -> None:
    keyhole, xor = _ring_volume(bench, "keyhole"), _ring_volume(bench, "xor")
    assert abs(keyhole / xor - 1) < 0.01
    bench.note(f"HANDLED: {xor / keyhole:.2f} of the keyhole form")


def m101(bench: Bench) -> None:
    from sbrtcheck.dvh import build_structure

    study = bench.study(structures=_ring("nested"))
    structure = build_structure(study.plans[0].structures.roi("Ring"))
    assert "W-HOLE-ASSUMED" in [p.code for p in structure.problems]
    readings = [structure.volume_cm3, *(other.structure.volume_cm3 for other in structure.alternatives)]
    assert len(readings) == 2
    assert abs(readings[0] / readings[1] - 0.75) < 0.0075
    bench.note("W-HOLE-ASSUMED, both readings kept")


def m103(bench: Bench) -> None:
    ds = mini.structures()
    ds.ROIContourSequence[OESOPHAGUS].ContourSequence[3].ContourGeometricType = "CLOSEDPLANAR_XOR"
    bench.not_evaluable("Esophagus", code="E-MIXED-TYPE", structures=ds)


def m104(bench: Bench) -> None:
    report = bench.warned("W-DUP-CONTOUR", structures=_contours(CORD, lambda c: [x for x in c for _ in range(2)]))
    bench.same(report)


def m105(bench: Bench) -> None:
    def shifted(items: list[Dataset]) -> list[Dataset]:
        out = list(items)
        for item in items:
            points = np.array([float(v) for v in item.ContourData]).reshape(-1, 3) + np.array([0.5, 0.0, 0.0])
            out.append(build.contour_item(points))
        return out

    report = bench.warned("W-OVERLAP", structures=_contours(CORD, shifted))
    plain, both = (
        volume_cm3(bench.study(structures=ds), "SpinalCord") for ds in (mini.structures(), _contours(CORD, shifted))
    )
    assert plain < both < 1.1 * plain
    assert report.exit_code == 0
    close = bench.study(structures=_contours(CORD, lambda c: [*c, *_moved(c, 0.01)]))
    assert abs(volume_cm3(close, "SpinalCord") / plain - 1) < 0.01


def _moved(items: list[Dataset], step_mm: float) -> list[Dataset]:
    out = []
    for item in items:
        points = np.array([float(v) for v in item.ContourData]).reshape(-1, 3)
        out.append(build.contour_item(points + np.array([step_mm, 0.0, 0.0])))
    return out


def m106(bench: Bench) -> None:
    rng = np.random.default_rng(106)

    def jittered(items: list[Dataset]) -> list[Dataset]:
        out = []
        for item in items:
            points = np.array([float(v) for v in item.ContourData]).reshape(-1, 3)
            points[:, 2] += rng.uniform(-0.004, 0.004)
            out.append(build.contour_item(points))
        return out

    plain, shaken = (
        volume_cm3(bench.study(structures=ds), "SpinalCord") for ds in (mini.structures(), _contours(CORD, jittered))
    )
    assert abs(shaken / plain - 1) < 1e-3
    bench.note("HANDLED: volume within 0.1 %")


def m108(bench: Bench) -> None:
    for axis in (0, 1):
        turned = [np.roll(build.circle(0, 0, s, 5, 60), axis + 1, axis=1) for s in build.planes(-9, 9)]
        study = bench.study(structures=_with(Turned=("ORGAN", turned)))
        assert abs(volume_cm3(study, "Turned") / (np.pi * 25 * 20 / 1000) - 1) < 0.01
    bench.note("HANDLED on their own plane normal")


def m112(bench: Bench) -> None:
    for count in (23, 25):
        ds = mini.structures()
        ds.ROIContourSequence[CORD].ContourSequence[0].NumberOfContourPoints = str(count)
        bench.refused("E-POINT-COUNT", structures=ds)
    short = "\\".join(build.decimals(build.circle(20, 16, -27, 5, 24)[:, :3].ravel()[:-1])).encode()
    bench.refused("E-POINT-COUNT", structures=_first_contour(short))


def m113(bench: Bench) -> None:
    def gapped(items: list[Dataset]) -> list[Dataset]:
        return [*items[:3], *items[6:]]

    report = bench.check(structures=_contours(PTV, gapped))
    assert "W-MISSING-SLICES" in [p.code for p in report.warnings]
    bench.note(f"{report.outcome.value} with W-MISSING-SLICES")
    from sbrtcheck.dvh import build_structure

    structure = build_structure(bench.study(structures=_contours(PTV, gapped)).plans[0].structures.roi("PTV"))
    bridged = [a.structure for a in structure.alternatives if "bridged" in a.label]
    assert len(bridged) == 1
    assert bridged[0].volume_cm3 > 1.2 * structure.volume_cm3
    bench.note("volumes with and without the gap")
    for lost in (3, 10, 16, 20):
        first = 14 - lost // 2
        cut = _contours(CORD, lambda c, a=first, b=first + lost: [*c[:a], *c[b:]], base="failing")
        worse = bench.check(base="failing", structures=cut)
        assert worse.exit_code != 0, notable(worse)
        bench.note(f"cord without {lost} slices beside the target: {worse.outcome.value}, not better")


def m114(bench: Bench) -> None:
    report = bench.check(structures=_contours(PLEXUS, lambda c: c[2:3]))
    assert "W-SINGLE-SLICE" in [p.code for p in report.warnings]
    bench.note("W-SINGLE-SLICE, thickness from the other ROIs")
    from sbrtcheck.dvh import build_structure

    roi = bench.study(structures=_contours(PLEXUS, lambda c: c[2:3])).plans[0].structures.roi("BrachialPlexus")
    alone = build_structure(roi)
    assert alone.blocked is not None
    assert "E-SINGLE-SLICE" in [p.code for p in alone.problems]
    bench.note("alone: not evaluable E-SINGLE-SLICE")


def m116(bench: Bench) -> None:
    liver = [build.rectangle(-28, 0, -28, -14, z) for z in build.planes(-28, -10)]
    report = bench.check(structures=_with(Liver=("ORGAN", liver)))
    assert "W-ORGAN-TRUNCATED" in [p.code for p in report.warnings]
    spared = [f for f in findings_of(report, "Liver") if f.metric.startswith("CV")]
    assert spared
    assert all(f.verdict.value in {"NOT_EVALUABLE", "NOT_MET"} for f in spared)
    bench.note(f"W-ORGAN-TRUNCATED; spared volume {spared[0].verdict.value}, never met")


def m119(bench: Bench) -> None:
    from sbrtcheck.dvh import build_structure, compute_dvh

    report = mini.reference()
    small = [
        f
        for f in report.findings
        if f.organ == "Esophagus" and f.metric == "D5cc[Gy]" and f.kind.value == "organ_limit"
    ]
    assert small
    assert all(f.verdict.value == "MET" and "already meets" in f.note for f in small), small
    data = bench.study().plans[0]
    value = evaluate("D5cc[Gy]", compute_dvh(build_structure(data.structures.roi("BrachialPlexus")), data.dose))
    assert value.value is None
    assert value.reason is not None
    assert value.reason.value == "roi_smaller_than_metric"
    bench.note("no value (roi_smaller_than_metric); an upper limit is met only when D0.035cc meets it")


def m124(bench: Bench) -> None:
    away = [points + np.array([200.0, 0.0, 0.0]) for points in mini.rois()["Esophagus"][1]]
    bench.not_evaluable("Esophagus", code="E-OUTSIDE-GRID", structures=_with(Esophagus=("ORGAN", away)))
