"""Our DVHs beside stored ones: what agrees, what differs, and by how much."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.cli.figures.agreement import agreement_figure
from sbrtcheck.dvh import build_structure, compute_dvh
from sbrtcheck.dvh.agreement import Agreement, compare_dvhs, dose_at_volume, match_stored, mean_of_curve
from sbrtcheck.errors import WrongUsageError
from sbrtcheck.model import ContourMeaning, Dvh, PlanData, Reason, Roi, Samples, StoredDvh
from sbrtcheck.read import read_folder
from sbrtcheck.read.dvh_table import TableDvh, read_dvh_table


def ramp(*, low_gy: float = 40.0, high_gy: float = 60.0, volume_cm3: float = 10.0, n: int = 4000) -> Dvh:
    """A structure whose dose is spread evenly between two values."""
    dose = np.linspace(high_gy, low_gy, n)
    return Dvh(
        roi="PTV", samples=Samples(dose, np.full(n, volume_cm3 / n)), total_volume_cm3=volume_cm3, max_gy=high_gy
    )


def stored_ramp(
    *, low_gy: float = 40.0, high_gy: float = 60.0, volume_cm3: float = 10.0, step_gy: float = 0.02, number: int = 1
) -> StoredDvh:
    dose = np.arange(0.0, high_gy + 1.0, step_gy)
    share = np.clip((high_gy - dose) / (high_gy - low_gy), 0, 1)
    return StoredDvh(roi_number=number, dose_gy=dose, volume_cm3=share * volume_cm3)


def metric(result: Agreement, name: str) -> float:
    (found,) = [d for d in result.differences if d.metric == name]
    assert found.difference_gy is not None
    return found.difference_gy


def test_the_same_curve_agrees() -> None:
    result = compare_dvhs(ramp(), stored_ramp())
    assert result.within_band is True
    assert result.verdict == "agrees"
    assert result.problem is None
    assert [d.metric for d in result.differences] == ["Mean[Gy]", "D95%[Gy]", "D50%[Gy]", "D2%[Gy]", "D0.03cc[Gy]"]
    assert all(d.difference_gy == pytest.approx(0, abs=0.02) and d.within for d in result.differences)
    assert result.dose_distance_gy == pytest.approx(0, abs=0.02)
    assert result.volume_distance_percent == pytest.approx(0, abs=0.1)
    assert result.share_beyond_percent == 0


@pytest.mark.parametrize("shift", [-1.0, 1.0, 2.5])
def test_a_shift_in_dose_is_found_with_its_sign_and_size(shift: float) -> None:
    result = compare_dvhs(ramp(low_gy=40 + shift, high_gy=60 + shift), stored_ramp())
    assert result.dose_distance_gy == pytest.approx(shift, abs=0.03)
    assert result.volume_distance_percent == pytest.approx(5 * shift, abs=0.2)
    for name in ("Mean[Gy]", "D95%[Gy]", "D50%[Gy]", "D2%[Gy]", "D0.03cc[Gy]"):
        assert metric(result, name) == pytest.approx(shift, abs=0.03)
    assert result.within_band is False
    assert result.verdict.startswith("differs: ")
    assert result.problem is not None
    assert result.problem.code == "W-STORED-DVH"
    assert f"{shift:+.2f}"[:4] in result.problem.detail


def test_a_shift_within_one_percent_of_the_prescription_agrees() -> None:
    assert compare_dvhs(ramp(low_gy=40.4, high_gy=60.4), stored_ramp(), prescription_gy=50.0).within_band is True
    assert compare_dvhs(ramp(low_gy=40.7, high_gy=60.7), stored_ramp(), prescription_gy=50.0).within_band is False
    assert compare_dvhs(ramp(low_gy=40.7, high_gy=60.7), stored_ramp(), prescription_gy=70.0).within_band is True


def test_our_band_widens_the_tolerance() -> None:
    shifted = ramp(low_gy=42, high_gy=62)
    ours = replace(ramp(), variants=(("other", shifted.samples),))
    assert compare_dvhs(ramp(), stored_ramp(low_gy=42, high_gy=62)).within_band is False
    assert compare_dvhs(ours, stored_ramp(low_gy=42, high_gy=62)).within_band is True


@pytest.mark.parametrize(
    ("ours_cm3", "stored_cm3", "agrees"),
    [
        (10.15, 10, True),
        (10.3, 10, False),
        (1.04, 1.0, True),
        (1.06, 1.0, False),
        (0.14, 0.1, True),
        (0.16, 0.1, False),
    ],
)
def test_volumes_two_percent_or_a_twentieth_of_a_cubic_centimetre(
    ours_cm3: float, stored_cm3: float, agrees: bool
) -> None:
    result = compare_dvhs(ramp(volume_cm3=ours_cm3), stored_ramp(volume_cm3=stored_cm3))
    assert result.within_band is agrees
    assert result.volume_difference_percent == pytest.approx((ours_cm3 / stored_cm3 - 1) * 100)
    assert ("volume" in result.verdict) is not agrees


def test_the_rounding_of_a_printed_volume_counts() -> None:
    curve = stored_ramp(volume_cm3=5.0)
    printed = TableDvh("PTV", curve.dose_gy, curve.volume_cm3, 5.0, 0.05, "t.csv")
    assert compare_dvhs(ramp(volume_cm3=5.14), curve).within_band is False
    assert compare_dvhs(ramp(volume_cm3=5.14), printed).within_band is True
    assert compare_dvhs(ramp(volume_cm3=5.14), printed, stored_volume_rounding_cm3=0.0).within_band is False


def test_statistics_come_from_the_curve_and_not_from_tags() -> None:
    lying = replace(stored_ramp(), mean_tag=714.0, maximum_tag=0.0, minimum_tag=99.0, note="tags in percent")
    result = compare_dvhs(ramp(), lying)
    assert result.within_band is True
    assert metric(result, "Mean[Gy]") == pytest.approx(0, abs=0.02)
    assert "tags in percent" in result.note


def test_one_hot_spot_of_one_percent_is_no_disagreement_but_five_percent_is() -> None:
    base = ramp()

    def with_spot(share: float) -> Dvh:
        dose = base.samples.dose_gy.copy()
        dose[: int(share * len(dose))] += 8
        return replace(base, samples=Samples(dose, base.samples.volume_cm3), max_gy=68.0)

    assert compare_dvhs(with_spot(0.01), stored_ramp()).within_band is True
    five = compare_dvhs(with_spot(0.08), stored_ramp())
    assert five.within_band is False
    assert five.dose_distance_gy == pytest.approx(8, abs=0.1)
    assert five.share_beyond_percent is not None
    assert 0 < five.share_beyond_percent < 15


def test_inside_is_compared_with_inside() -> None:
    """A system that reports the part inside its grid: neither 11 % more volume nor other doses."""
    ours = replace(ramp(), total_volume_cm3=11.16, outside_volume_cm3=1.16)
    result = compare_dvhs(ours, stored_ramp())
    assert (result.within_band, result.verdict) == (True, "agrees")
    assert result.volume_difference_percent == pytest.approx(0.0)
    assert metric(result, "Mean[Gy]") == pytest.approx(0, abs=0.02)
    assert "both are of the part inside the dose grid (10.00 of 11.16 cm3)" in result.note


def test_where_any_dose_agrees_no_distance_is_shown() -> None:
    """The stored curve counts the part outside as without dose, or as hot: either may be."""
    ours = replace(ramp(volume_cm3=9.0), total_volume_cm3=10.0, outside_volume_cm3=1.0)
    for low_gy in (1.0, 50.0):
        dose = np.arange(0.0, 62.0, 0.02)
        inside = np.clip((60.0 - dose) / 20.0, 0, 1) * 9.0
        result = compare_dvhs(ours, StoredDvh(1, dose, inside + np.where(dose < low_gy, 1.0, 0.0)))
        assert result.verdict == "agrees"
        assert result.dose_distance_gy == pytest.approx(0, abs=0.05)
        assert result.volume_distance_percent == pytest.approx(0, abs=0.2)


def test_what_only_our_band_holds_is_said_with_its_size() -> None:
    shifted = ramp(low_gy=42, high_gy=62)
    ours = replace(ramp(), variants=(("other", shifted.samples),))
    result = compare_dvhs(ours, stored_ramp(low_gy=42, high_gy=62))
    assert result.within_band is True
    assert result.verdict.startswith("agrees within our band: curve by -2.0")


def test_the_largest_difference_comes_first() -> None:
    volume = compare_dvhs(ramp(volume_cm3=15.0), stored_ramp(low_gy=42, high_gy=62)).verdict
    assert volume.index("volume") < volume.index("curve")
    dose = compare_dvhs(ramp(low_gy=50, high_gy=70, volume_cm3=10.25), stored_ramp()).verdict
    assert dose.index("mean") < dose.index("volume")


def test_what_lies_outside_the_grid_can_agree_with_anything_and_is_said() -> None:
    inside = ramp(volume_cm3=5.0)
    ours = replace(inside, total_volume_cm3=10.0, outside_volume_cm3=5.0)
    result = compare_dvhs(ours, stored_ramp())
    assert result.within_band is True
    assert "50.0 % of the structure lies outside" in result.note


def test_the_other_meaning_of_nested_loops_is_compared_too() -> None:
    ours = replace(
        ramp(volume_cm3=12.0), alternatives=(replace(ramp(volume_cm3=10.0), meaning=ContourMeaning.INNER_LOOPS_SOLID),)
    )
    result = compare_dvhs(ours, stored_ramp())
    assert result.within_band is False
    assert "nested loops read as solid (10.00 cm3): agrees" in result.note


def test_a_blocked_structure_is_not_compared() -> None:
    result = compare_dvhs(Dvh.not_evaluable("PTV", Reason.DAMAGED_ROI, "a loop crosses itself"), stored_ramp())
    assert result.within_band is None
    assert result.verdict == "not compared: a loop crosses itself"
    assert result.differences == ()
    assert result.problem is None


def test_a_structure_smaller_than_the_metric_has_no_such_difference() -> None:
    result = compare_dvhs(ramp(volume_cm3=0.02), stored_ramp(volume_cm3=0.02))
    (small,) = [d for d in result.differences if d.metric == "D0.03cc[Gy]"]
    assert small.difference_gy is None
    assert small.stored_gy is None
    assert small.note


@pytest.mark.parametrize(
    ("dose", "volume"),
    [
        ([0, 1, 2], [1, 2, 0]),
        ([0, 1, 1], [2, 1, 0]),
        ([0, 1], [0, 0]),
        ([0, np.nan], [1, 0]),
        ([0, 1], [1, np.inf]),
        ([0, 1, 2], [1, 0]),
        ([0], [1]),
        ([-1, 1], [1, 0]),
        ([0, 1], [1, -1]),
    ],
)
def test_what_is_no_cumulative_curve_is_refused(dose: list[float], volume: list[float]) -> None:
    bad = StoredDvh(roi_number=1, dose_gy=np.array(dose, dtype=float), volume_cm3=np.array(volume, dtype=float))
    with pytest.raises(WrongUsageError, match="E-DOMAIN"):
        compare_dvhs(ramp(), bad)


@pytest.mark.parametrize("prescription", [0.0, -5.0, float("nan")])
def test_a_prescription_must_be_positive(prescription: float) -> None:
    with pytest.raises(WrongUsageError, match="E-DOMAIN"):
        compare_dvhs(ramp(), stored_ramp(), prescription_gy=prescription)


@settings(max_examples=30, deadline=None)
@given(factor=st.floats(0.05, 20), shift=st.floats(-1, 1))
def test_scaling_both_doses_scales_the_distances(factor: float, shift: float) -> None:
    base = compare_dvhs(ramp(low_gy=40 + shift, high_gy=60 + shift), stored_ramp())
    ours = ramp(low_gy=(40 + shift) * factor, high_gy=(60 + shift) * factor)
    curve = stored_ramp()
    scaled = compare_dvhs(ours, StoredDvh(1, curve.dose_gy * factor, curve.volume_cm3))
    assert base.dose_distance_gy is not None
    assert scaled.dose_distance_gy == pytest.approx(base.dose_distance_gy * factor, rel=1e-6, abs=1e-9)
    assert scaled.volume_distance_percent == pytest.approx(base.volume_distance_percent, abs=1e-6)
    assert scaled.within_band == base.within_band


def test_curve_statistics_by_hand() -> None:
    dose, volume = np.array([0.0, 1.0, 2.0, 4.0]), np.array([8.0, 8.0, 4.0, 0.0])
    assert mean_of_curve(dose, volume) == pytest.approx((8 + 6 + 4) / 8)
    assert dose_at_volume(dose, volume, 8.0) == 1.0
    assert dose_at_volume(dose, volume, 6.0) == 1.5
    assert dose_at_volume(dose, volume, 0.0) == 4.0
    assert dose_at_volume(dose, volume, 8.1) is None
    assert dose_at_volume(dose[:3], volume[:3], 3.0) is None


def test_match_by_number_and_by_name() -> None:
    rois = [Roi(1, "PTV"), Roi(2, "Femoral Head Lt"), Roi(3, "femoral_head_rt")]
    pairs, left = match_stored([stored_ramp(number=3), stored_ramp(number=9)], rois)
    assert [roi.number for roi, _ in pairs] == [3]
    assert [curve.roi_number for curve in left] == [9]
    tables = [
        TableDvh(n, np.array([0.0, 1]), np.array([1.0, 0]), 1.0, 0.05, "t") for n in ("FemoralHeadLt", "ptv", "X")
    ]
    named, unnamed = match_stored(tables, rois)
    assert [roi.name for roi, _ in named] == ["Femoral Head Lt", "PTV"]
    assert [curve.roi for curve in unnamed] == ["X"]


def test_a_name_or_number_that_fits_twice_fits_nothing() -> None:
    pairs, left = match_stored([stored_ramp(number=1), stored_ramp(number=1)], [Roi(1, "A")])
    assert pairs == ()
    assert len(left) == 2
    table = TableDvh("a b", np.array([0.0, 1]), np.array([1.0, 0]), 1.0, 0.05, "t")
    named, unnamed = match_stored([table], [Roi(1, "AB"), Roi(2, "A_B")])
    assert named == ()
    assert unnamed == (table,)


def test_the_figure_shows_both_curves(tmp_path: Path) -> None:
    ours, curve = ramp(), stored_ramp(low_gy=41, high_gy=61)
    path = tmp_path / "figure.svg"
    figure = agreement_figure(ours, curve, agreement=compare_dvhs(ours, curve), path=path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<?xml")
    axes = figure.axes[0]  # type: ignore[attr-defined]
    labels = [line.get_label() for line in axes.lines]
    assert labels == ["ours", "stored"]
    drawn = dict(zip(labels, [line.get_xydata() for line in axes.lines], strict=True))
    assert drawn["stored"][0].tolist() == [0.0, 100.0]
    assert np.interp(50, drawn["ours"][::-1, 1], drawn["ours"][::-1, 0]) == pytest.approx(50, abs=0.2)
    with pytest.raises(WrongUsageError):
        agreement_figure(Dvh.not_evaluable("A", Reason.NO_CONTOURS, ""), curve)


# --- the real sets

DATA = Path(__file__).parents[1] / "data"


def ours_of(plan: PlanData, name: str) -> Dvh:
    roi = plan.structures.roi(name)
    assert roi is not None
    return compute_dvh(build_structure(roi), plan.dose)


@pytest.fixture(scope="module")
def prostate() -> PlanData:
    return read_folder(DATA / "eclipse_prostate").plans[0]


@pytest.fixture(scope="module")
def breast() -> PlanData:
    return read_folder(DATA / "eclipse_breast_boost").plans[0]


# tool -> tolerance of the doses of the target [Gy] (CERR lists half a bin of 0.2 Gy too low) and of its volume [%]
TOOLS = {"Eclipse": (0.05, 1.5), "CERR": (0.15, 0.5), "SlicerRT": (0.08, 1.5)}


@pytest.mark.parametrize("tool", TOOLS)
def test_prostate_target_beside_the_tables(prostate: PlanData, tool: str) -> None:
    curves = read_dvh_table(DATA / "eclipse_prostate" / f"EclipseProstate_DvhTable_{tool}.csv")
    pairs, left = match_stored(curves, prostate.structures.rois)
    assert left == ()
    assert len(pairs) == 6
    (curve,) = [c for roi, c in pairs if roi.name == "PTV"]
    result = compare_dvhs(ours_of(prostate, "PTV"), curve, prescription_gy=46.0)
    dose_gy, percent = TOOLS[tool]
    assert result.verdict == "agrees"
    assert result.volume_difference_percent == pytest.approx(0, abs=percent)
    for difference in result.differences:
        assert difference.difference_gy == pytest.approx(0, abs=dose_gy), difference.metric


def test_femoral_heads_match_by_name_and_agree(prostate: PlanData) -> None:
    curves = read_dvh_table(DATA / "eclipse_prostate" / "EclipseProstate_DvhTable_Eclipse.csv")
    for roi, curve in match_stored(curves, prostate.structures.rois)[0]:
        if roi.name.startswith("Femoral"):
            assert curve.roi.startswith("FemoralHead")
            assert compare_dvhs(ours_of(prostate, roi.name), curve, prescription_gy=46.0).within_band is True


def test_breast_set_reads_statistics_from_curves_and_finds_the_scar(breast: PlanData) -> None:
    pairs, left = match_stored(breast.stored_dvhs, breast.structures.rois)
    assert left == ()
    curves = {roi.name: curve for roi, curve in pairs}
    bed = compare_dvhs(ours_of(breast, "Tumor Bed"), curves["Tumor Bed"], prescription_gy=14.0)
    assert bed.verdict == "agrees"
    assert [d.stored_gy for d in bed.differences[:2]] == pytest.approx([14.286, 14.14], abs=0.005)
    assert all(abs(d.difference_gy) < 0.05 for d in bed.differences if d.difference_gy is not None)
    assert "percent" in bed.note
    scar = compare_dvhs(ours_of(breast, "Scar"), curves["Scar"], prescription_gy=14.0)
    assert scar.within_band is False
    assert scar.problem is not None
    assert "0.34 cm3" in scar.problem.detail
