"""RT Dose: geometry, pixels, and every label that changes what a dose means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_builders import ORIENTATIONS, RT_PLAN, build_dose, item, lean_structures, lung_dose, set_raw, uid, write_with
from pydicom import Dataset

from sbrtcheck.errors import RefusedError
from sbrtcheck.model import DoseGrid
from sbrtcheck.read import read_folder, validate

N = 12


def grid_of(folder: Path, dose: Dataset) -> DoseGrid:
    return read_folder(write_with(folder, structures=lean_structures(), dose=dose)).plans[0].dose


def codes_of(folder: Path, dose: Dataset) -> list[str]:
    """Codes of the refusal; none if it is read."""
    try:
        read_folder(write_with(folder, structures=lean_structures(), dose=dose))
    except RefusedError as error:
        return [p.code for p in error.problems]
    return []


def at_points(grid: DoseGrid) -> dict[tuple[float, ...], float]:
    """Dose by patient position, for every point of the grid."""
    n_k, n_j, n_i = grid.dose_gy.shape
    k, j, i = np.meshgrid(np.arange(n_k), np.arange(n_j), np.arange(n_i), indexing="ij")
    index = np.column_stack([i.ravel(), j.ravel(), k.ravel()]).astype(float)
    points = np.round(grid.to_patient(index), 6) + 0.0
    return dict(zip(map(tuple, points.tolist()), grid.dose_gy.ravel().tolist(), strict=True))


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[float, ...], float]:
    return at_points(grid_of(tmp_path_factory.mktemp("base"), build_dose(n_points=N, spacing_mm=6.0)))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "orientation",
    [*ORIENTATIONS.values(), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1), (0, 0, 1, 1, 0, 0)],
    ids=[*ORIENTATIONS, "coronal", "sagittal", "odd"],
)
def test_every_orientation_gives_the_same_dose_at_the_same_points(
    tmp_path: Path,
    baseline: dict[tuple[float, ...], float],
    orientation: tuple[int, ...],
    descending: bool,
) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0, orientation=orientation, descending=descending)
    assert at_points(grid_of(tmp_path, dose)) == baseline


def test_the_dose_is_that_of_the_formula(tmp_path: Path) -> None:
    """The array order and the affine, against the function that made the pixels."""
    turn = np.deg2rad(10)
    oblique = (np.cos(turn), np.sin(turn), 0, -np.sin(turn), np.cos(turn), 0)
    for n, orientation in enumerate((ORIENTATIONS["HFS"], oblique)):
        grid = grid_of(tmp_path / str(n), build_dose(n_points=N, spacing_mm=6.0, orientation=orientation))
        assert grid.spacing_mm == pytest.approx((6, 6, 6), abs=1e-9)
        index = np.array([[0, 0, 0], [11, 0, 0], [0, 11, 0], [0, 0, 11], [4, 5, 6]])
        expected = lung_dose(grid.to_patient(index))
        read = [grid.dose_gy[k, j, i] for i, j, k in index]
        assert read == pytest.approx(expected, abs=1e-6)


def test_row_and_column_spacing_are_not_swapped(tmp_path: Path) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    dose.PixelSpacing = ["3", "6"]
    grid = grid_of(tmp_path, dose)
    # Pixel Spacing names the distance of rows first: that is along j, down a column.
    assert grid.spacing_mm == (6.0, 3.0, 6.0)


@pytest.mark.parametrize("descending", [False, True])
def test_absolute_offsets_are_read_as_positions(tmp_path: Path, descending: bool) -> None:
    relative = grid_of(tmp_path / "r", build_dose(n_points=N, spacing_mm=6.0))
    absolute = grid_of(tmp_path / "a", build_dose(n_points=N, spacing_mm=6.0, absolute_offsets=True))
    assert (relative.affine == absolute.affine).all()
    turned = ORIENTATIONS["FFS"]
    dose = build_dose(n_points=N, spacing_mm=6.0, orientation=turned, absolute_offsets=True, descending=descending)
    assert codes_of(tmp_path / "f", dose) == ["E-GFOV"]


def test_a_grid_that_starts_at_z_0_is_the_same_either_way(tmp_path: Path) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    dose.ImagePositionPatient = ["-33", "-33", "0"]
    assert grid_of(tmp_path, dose).affine[:3, 3].tolist() == [-33.0, -33.0, 0.0]


def test_16_and_32_bits_differ_by_half_a_step_at_most(tmp_path: Path) -> None:
    fine = grid_of(tmp_path / "32", build_dose(n_points=N, spacing_mm=6.0))
    coarse_file = build_dose(n_points=N, spacing_mm=6.0, bits=16)
    coarse = grid_of(tmp_path / "16", coarse_file)
    step = float(coarse_file.DoseGridScaling)
    assert np.max(np.abs(fine.dose_gy - coarse.dose_gy)) <= 0.5001 * step
    assert coarse.dose_gy.dtype == np.float64


def change(**values: object) -> Callable[[Dataset], None]:
    def apply(ds: Dataset) -> None:
        for keyword, value in values.items():
            if value is None:
                del ds[keyword]
            elif isinstance(value, bytes) and keyword != "PixelData":
                set_raw(ds, keyword, value)
            else:
                setattr(ds, keyword, value)

    return apply


def offsets(*values: float) -> list[str]:
    return [f"{v:g}" for v in values]


def plan_item(n: int = 0) -> Dataset:
    return item(ReferencedSOPClassUID=RT_PLAN, ReferencedSOPInstanceUID=uid(5, n))


RISING = [6.0 * k for k in range(N)]
LABELS: list[tuple[str, Callable[[Dataset], None], str]] = [
    ("relative units", change(DoseUnits="RELATIVE"), "E-DOSE-UNITS"),
    ("no units", change(DoseUnits=None), "E-DOSE-UNITS"),
    ("empty units", change(DoseUnits=""), "E-DOSE-UNITS"),
    ("cGy", change(DoseUnits="CGY"), "E-DOSE-UNITS"),
    ("effective", change(DoseType="EFFECTIVE"), "E-DOSE-TYPE"),
    ("error", change(DoseType="ERROR"), "E-DOSE-TYPE"),
    ("no type", change(DoseType=None), "E-DOSE-TYPE"),
    ("beam", change(DoseSummationType="BEAM"), "E-SUMMATION"),
    ("fraction", change(DoseSummationType="FRACTION"), "E-SUMMATION"),
    ("overview", change(DoseSummationType="PLAN_OVERVIEW"), "E-SUMMATION"),
    ("record", change(DoseSummationType="RECORD"), "E-SUMMATION"),
    ("no summation", change(DoseSummationType=None), "E-SUMMATION"),
    ("multi plan", change(DoseSummationType="MULTI_PLAN"), "E-MULTIPLAN"),
    ("brachy", change(DoseSummationType="BRACHY"), "E-BRACHY"),
    ("derived", change(DerivationCodeSequence=[item(CodeValue="1")]), "E-DOSE-DERIVED"),
    ("deformed", change(SpatialTransformOfDose="NON_RIGID"), "E-DOSE-DERIVED"),
    ("scaling absent", change(DoseGridScaling=None), "E-SCALING"),
    ("scaling empty", change(DoseGridScaling=b""), "E-SCALING"),
    ("scaling 0", change(DoseGridScaling="0"), "E-SCALING"),
    ("scaling negative", change(DoseGridScaling="-1e-5"), "E-SCALING"),
    ("scaling above 1", change(DoseGridScaling="1.5"), "E-SCALING"),
    ("scaling nan", change(DoseGridScaling=b"nan"), "E-NONFINITE"),
    ("scaling twice", change(DoseGridScaling=b"1e-5\\1e-5"), "E-BAD-VALUE"),
    ("gap", change(GridFrameOffsetVector=offsets(*RISING[:6], *[v + 10 for v in RISING[6:]])), "E-GFOV-NONUNIFORM"),
    ("repeated", change(GridFrameOffsetVector=offsets(*RISING[:5], 24, *RISING[6:])), "E-GFOV"),
    ("turns back", change(GridFrameOffsetVector=offsets(*RISING[:-1], 0)), "E-GFOV"),
    ("too short", change(GridFrameOffsetVector=offsets(*RISING[:-1])), "E-GFOV"),
    ("starts elsewhere", change(GridFrameOffsetVector=offsets(*[v + 7 for v in RISING])), "E-GFOV"),
    ("no offsets", change(GridFrameOffsetVector=None), "E-GFOV"),
    ("nan offset", change(GridFrameOffsetVector=b"0\\nan"), "E-NONFINITE"),
    ("other pointer", change(FrameIncrementPointer=0x00181063), "E-GFOV"),
    ("no pointer", change(FrameIncrementPointer=None), "E-GFOV"),
    ("one frame too few", change(NumberOfFrames=str(N - 1)), "E-PIXEL-SIZE"),
    ("one frame", change(NumberOfFrames="1"), "E-PIXEL-SIZE"),
    ("no frames", change(NumberOfFrames=None), "E-PIXEL-SIZE"),
    ("frames 0", change(NumberOfFrames="0"), "E-PIXEL-SIZE"),
    ("frames empty", change(NumberOfFrames=b""), "E-MISSING"),
    ("frames text", change(NumberOfFrames=b"1e1"), "E-BAD-NUMBER"),
    ("huge", change(Rows=65535, Columns=65535, NumberOfFrames="1000", PixelData=b"\0" * 100), "E-PIXEL-SIZE"),
    ("empty pixels", change(PixelData=b""), "E-PIXEL-SIZE"),
    ("no pixels", change(PixelData=None), "E-NO-GRID"),
    ("zero", change(PixelData=b"\0" * (4 * N**3)), "E-EMPTY-DOSE"),
    ("constant", change(PixelData=b"\7\0\0\0" * N**3), "E-EMPTY-DOSE"),
    ("scaled to nothing", change(DoseGridScaling="1e-14"), "E-EMPTY-DOSE"),
    ("24 bits stored", change(BitsStored=24, HighBit=23), "E-BITS"),
    ("high bit", change(HighBit=30), "E-BITS"),
    ("8 bits", change(BitsAllocated=8, BitsStored=8, HighBit=7, Columns=4 * N), "E-BITS"),
    ("no bits", change(BitsStored=None), "E-BITS"),
    ("bits empty", change(BitsAllocated=b""), "E-BITS"),
    ("bits of four bytes", change(BitsAllocated=b"\x20\0\0\0"), "E-BAD-VALUE"),
    ("three samples", change(SamplesPerPixel=3), "E-BAD-VALUE"),
    ("inverted", change(PhotometricInterpretation="MONOCHROME1"), "E-BAD-VALUE"),
    ("orientation not unit", change(ImageOrientationPatient=["1", "0", "0", "0", "1.01", "0"]), "E-IOP"),
    ("orientation skew", change(ImageOrientationPatient=["1", "0", "0", "0.1", "0.99499", "0"]), "E-IOP"),
    ("orientation zero", change(ImageOrientationPatient=["0"] * 6), "E-IOP"),
    ("orientation absent", change(ImageOrientationPatient=None), "E-IOP"),
    ("orientation of five", change(ImageOrientationPatient=["1", "0", "0", "0", "1"]), "E-BAD-VALUE"),
    ("spacing 0", change(PixelSpacing=["0", "6"]), "E-SPACING"),
    ("spacing negative", change(PixelSpacing=["6", "-6"]), "E-SPACING"),
    ("spacing absent", change(PixelSpacing=None), "E-SPACING"),
    ("origin nan", change(ImagePositionPatient=b"nan\\0\\0"), "E-NONFINITE"),
    ("origin far", change(ImagePositionPatient=["1e9", "0", "0"]), "E-COORD-RANGE"),
    ("origin absent", change(ImagePositionPatient=None), "E-MISSING"),
    ("frame of reference absent", change(FrameOfReferenceUID=None), "E-MISSING"),
    ("other frame of reference", change(FrameOfReferenceUID="2.25.99"), "E-FOR"),
    ("no plan", change(ReferencedRTPlanSequence=None), "E-PLAN-REF"),
    ("plan without UID", change(ReferencedRTPlanSequence=[item(ReferencedSOPClassUID=RT_PLAN)]), "E-PLAN-REF"),
    ("other plan", change(ReferencedRTPlanSequence=[plan_item(7)]), "E-PLAN-REF"),
    ("two plans", change(ReferencedRTPlanSequence=[plan_item(), plan_item(7)]), "E-PLAN-REF"),
    ("modality", change(Modality="RTPLAN"), "E-BAD-VALUE"),
    ("no study", change(StudyInstanceUID=None), "E-MISSING"),
]


@pytest.mark.parametrize(("apply", "code"), [c[1:] for c in LABELS], ids=[c[0] for c in LABELS])
def test_a_dose_that_cannot_be_trusted_is_refused(tmp_path: Path, apply: Callable[[Dataset], None], code: str) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    apply(dose)
    assert code in codes_of(tmp_path, dose)


def test_one_mistake_gives_one_finding(tmp_path: Path) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    dose.DoseUnits = "RELATIVE"
    dose.PixelSpacing = ["0", "6"]
    problems = validate(write_with(tmp_path, structures=lean_structures(), dose=dose))
    assert [(p.code, p.object, p.seen) for p in problems] == [
        ("E-DOSE-UNITS", "rd.dcm", "RELATIVE"),
        ("E-SPACING", "rd.dcm", "0\\6"),
    ]


def test_a_single_plane_is_no_volume(tmp_path: Path) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    dose.PixelData = dose.PixelData[: 4 * N**2]
    del dose.NumberOfFrames, dose.FrameIncrementPointer, dose.GridFrameOffsetVector
    assert codes_of(tmp_path, dose) == ["E-NO-GRID"]


def test_signed_pixels(tmp_path: Path) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    dose.PixelRepresentation = 1
    assert codes_of(tmp_path / "negative", dose) == ["E-SIGNED"]
    dose.PixelData = (np.frombuffer(dose.PixelData, "<u4") // 2).tobytes()
    study = read_folder(write_with(tmp_path / "positive", structures=lean_structures(), dose=dose))
    assert [p.code for p in study.problems] == ["W-SIGNED"]
    assert study.plans[0].dose.dose_gy.min() > 0


def test_rescale_is_ignored_with_a_warning(tmp_path: Path) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    plain = grid_of(tmp_path / "plain", dose)
    dose.RescaleSlope, dose.RescaleIntercept = "2", "5"
    study = read_folder(write_with(tmp_path / "rescaled", structures=lean_structures(), dose=dose))
    assert {p.code for p in study.problems} == {"W-RESCALE"}
    assert (study.plans[0].dose.dose_gy == plain.dose_gy).all()


def test_patient_position_changes_nothing(tmp_path: Path) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    plain = grid_of(tmp_path / "a", dose)
    dose.PatientPosition = "FFP"
    assert (grid_of(tmp_path / "b", dose).affine == plain.affine).all()


def test_rounded_positions_and_cosines_are_accepted(tmp_path: Path) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    dose.GridFrameOffsetVector = [f"{5.03 * k:.2f}" for k in range(N)]
    dose.ImageOrientationPatient = ["0.9848", "0.1736", "0", "-0.1736", "0.9848", "0"]
    grid = grid_of(tmp_path, dose)
    axes = grid.affine[:3, :3] / np.array(grid.spacing_mm)
    assert np.max(np.abs(axes.T @ axes - np.eye(3))) < 1e-12
    assert grid.spacing_mm[2] == pytest.approx(5.03, abs=1e-3)


def test_heterogeneity_correction_is_kept(tmp_path: Path) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    dose.TissueHeterogeneityCorrection = ["IMAGE", "ROI_OVERRIDE"]
    assert grid_of(tmp_path, dose).heterogeneity_correction == "IMAGE\\ROI_OVERRIDE"


def stored(**changes: object) -> Dataset:
    values: dict[str, object] = {
        "DVHType": "CUMULATIVE",
        "DoseUnits": "GY",
        "DoseType": "PHYSICAL",
        "DVHDoseScaling": "1",
        "DVHVolumeUnits": "CM3",
        "DVHNumberOfBins": "4",
        "DVHData": ["10", "4", "10", "4", "10", "2", "10", "1"],
        "DVHReferencedROISequence": [item(DVHROIContributionType="INCLUDED", ReferencedROINumber="2")],
        "DVHMeanDose": "22.5",
    }
    return item(**{**values, **changes})


def with_dvhs(*items: Dataset) -> Dataset:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    dose.DVHSequence = list(items)
    return dose


def test_stored_dvh_cumulative_and_differential(tmp_path: Path) -> None:
    differential = stored(DVHType="DIFFERENTIAL", DVHDoseScaling="0.5", DVHNumberOfBins="3", DVHMeanDose="10")
    differential.DVHData = ["10", "0", "10", "2", "10", "2"]
    study = read_folder(write_with(tmp_path, structures=lean_structures(), dose=with_dvhs(stored(), differential)))
    one, two = study.plans[0].stored_dvhs
    assert study.problems == ()
    assert one.roi_number == 2
    assert one.dose_gy.tolist() == [0, 10, 20, 30, 40]
    assert one.volume_cm3.tolist() == [4, 4, 2, 1, 0]
    assert one.note == ""
    assert (one.dvh.volume, one.dvh.max) == (4.0, 40.0)
    assert two.dose_gy.tolist() == [0, 5, 10, 15]
    assert two.volume_cm3.tolist() == [4, 4, 2, 0]


def test_stored_dvh_in_percent_takes_the_volume_of_the_structure(tmp_path: Path) -> None:
    """A legal value, which Monaco 6 writes."""
    percent = stored(DVHVolumeUnits="PERCENT", DVHData=["10", "100", "10", "100", "10", "50", "10", "25"])
    study = read_folder(write_with(tmp_path, structures=lean_structures(), dose=with_dvhs(stored(), percent)))
    one, two = study.plans[0].stored_dvhs
    assert study.problems == ()
    assert (one.in_percent, two.in_percent) == (False, True)
    assert two.of_volume(4.0).volume_cm3.tolist() == one.volume_cm3.tolist()
    assert one.of_volume(99.0) is one


def test_offsets_rounded_to_a_tenth_of_a_millimetre_are_accepted(tmp_path: Path) -> None:
    dose = build_dose(n_points=N, spacing_mm=6.0)
    dose.GridFrameOffsetVector = [f"{1.25 * k:.1f}" for k in range(N)]
    assert grid_of(tmp_path / "a", dose).spacing_mm[2] == pytest.approx(1.25, abs=0.01)
    dose.GridFrameOffsetVector = [f"{1.25 * k + (0.25 if k == 3 else 0):.2f}" for k in range(N)]
    assert codes_of(tmp_path / "b", dose) == ["E-GFOV-NONUNIFORM"]


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"DoseUnits": "RELATIVE"}, "DoseUnits RELATIVE"),
        ({"DVHVolumeUnits": "PER_U"}, "DVHVolumeUnits PER_U"),
        ({"DVHVolumeUnits": "PERCENT"}, "volume in percent that begins at 4"),
        ({"DoseType": "EFFECTIVE"}, "DoseType EFFECTIVE"),
        ({"DVHType": "NATURAL"}, "DVHType NATURAL"),
        ({"DVHNumberOfBins": "5"}, "do not fit"),
        ({"DVHDoseScaling": "0"}, "do not fit"),
        ({"DVHData": ["10", "4", "-10", "4", "10", "2", "10", "1"]}, "not positive"),
        ({"DVHData": ["10", "1", "10", "2", "10", "3", "10", "4"]}, "rises"),
        ({"DVHData": ["10", "0", "10", "0", "10", "0", "10", "0"]}, "no volume"),
        ({"DVHReferencedROISequence": []}, "not of one included ROI"),
    ],
)
def test_a_stored_dvh_that_cannot_be_used_is_left_out(tmp_path: Path, changes: dict[str, object], seen: str) -> None:
    study = read_folder(write_with(tmp_path, structures=lean_structures(), dose=with_dvhs(stored(), stored(**changes))))
    assert len(study.plans[0].stored_dvhs) == 1
    assert [p.code for p in study.problems] == ["W-STORED-DVH"]
    assert seen in study.problems[0].seen


def test_statistics_in_percent_are_noticed(tmp_path: Path) -> None:
    study = read_folder(write_with(tmp_path, structures=lean_structures(), dose=with_dvhs(stored(DVHMeanDose="41.7"))))
    assert [p.code for p in study.problems] == ["W-STORED-DVH"]
    assert "percent?" in study.plans[0].stored_dvhs[0].note


def test_dvhs_of_another_structure_set_are_left_out(tmp_path: Path) -> None:
    dose = with_dvhs(stored())
    dose.ReferencedStructureSetSequence = [item(ReferencedSOPInstanceUID="2.25.5")]
    study = read_folder(write_with(tmp_path, structures=lean_structures(), dose=dose))
    assert study.plans[0].stored_dvhs == ()
    assert [p.code for p in study.problems] == ["W-STORED-DVH"]
