"""Schemes as people write them, alpha/beta by tissue, and what a scheme is worth."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.errors import SbrtcheckError, WrongUsageError
from sbrtcheck.fractionation.worth import (
    AlphaBeta,
    Model,
    find_alpha_beta,
    load_tissues,
    lq_footnote,
    match,
    parse_scheme,
    worth,
)
from sbrtcheck.radiobiology.lq import bed, eqd2
from sbrtcheck.tables import alpha_beta, datafiles, schemes

READINGS = {
    "54/3": "54/3",
    "50Gy/5fx": "50/5",
    "50 Gy / 5 fractions": "50/5",
    "54 Gy in 3 fractions": "54/3",
    "18x3": "54/3",
    "3x18": "54/3",
    "3x18Gy": "54/3",
    "18Gyx3": "54/3",
    "18 Gy × 3": "54/3",
    "18*3": "54/3",
    "3Gyx18": "54/18",
    "18x3Gy": "54/18",
    "3x18fx": "54/18",
    "3fx x 18": "54/3",
    "7.5x8": "60/8",
    "8x7.5": "60/8",
    "3x18.0": "54/3",
    "34x1": "34/1",
    "8x8": "64/8",
    "50/25+10/2": "50/25+10/2",
    "25x2Gy + 2x5Gy": "50/25+10/2",
}


@pytest.mark.parametrize(("text", "label"), READINGS.items())
def test_readings(text: str, label: str) -> None:
    assert parse_scheme(text).label == label


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("foo", "nothing of it was understood"),
        ("54", "understood 54, no number of fractions"),
        ("54 Gy", "understood a dose of 54 Gy, no number of fractions"),
        ("54/nan", "understood 54, no number of fractions and not '/nan'"),
        ("54/3/2", "understood 54/3, not '/2'"),
        ("3x18Gyx", "understood 3x18gy, not 'x'"),
        ("54/3+", "understood 54 Gy in 3 fractions of 18 Gy, nothing after +"),
        ("54/3+foo", "understood 54 Gy in 3 fractions of 18 Gy, not 'foo'"),
        ("54/3+10/x", "understood 54 Gy in 3 fractions of 18 Gy, then 10, no number of fractions and not '/x'"),
        ("nan/3", "the dose is not a finite number"),
        ("inf/3", "the dose is not a finite number"),
        ("54/\x1b[31m", "understood 54, no number of fractions and not '/\\x1b[31m'"),
    ],
)
def test_what_cannot_be_read_says_how_far_it_was_understood(text: str, told: str) -> None:
    with pytest.raises(WrongUsageError) as error:
        parse_scheme(text)
    (problem,) = error.value.problems
    assert problem.code == "E-SCHEME"
    assert problem.detail.removeprefix("cannot be read: ") == told
    assert "\n" not in problem.line()


def test_what_was_understood_is_in_words() -> None:
    assert parse_scheme("7.5x8").understood == "60 Gy in 8 fractions of 7.5 Gy"
    assert parse_scheme("50/25+8/1").understood == "50 Gy in 25 fractions of 2 Gy, then 8 Gy in 1 fraction of 8 Gy"


@pytest.mark.parametrize("text", ["18x3", "3x18"])
def test_the_other_reading_of_two_whole_numbers_is_said(text: str) -> None:
    assert parse_scheme(text).note == "read as 3 fractions of 18 Gy; for 18 fractions of 3 Gy write 54/18"


@pytest.mark.parametrize("text", ["3x18Gy", "7.5x8", "8x8", "54/3"])
def test_no_note_where_nothing_is_open(text: str) -> None:
    assert parse_scheme(text).note == ""


@pytest.mark.parametrize("text", ["25x2", "2x25", "2x12"])
def test_conventional_or_stereotactic_is_not_guessed(text: str) -> None:
    with pytest.raises(WrongUsageError, match="E-SCHEME") as caught:
        parse_scheme(text)
    assert "or" in str(caught.value)
    assert "Write " in str(caught.value)


BAD = [
    "",
    "a",
    "54",
    "54/",
    "/3",
    "54/2.5",
    "0/3",
    "54/0",
    "54/101",
    "-54/3",
    "1e3/3",
    "18,5x3",
    "54/3+",
    "inf/3",
    "nan/3",
]
BAD += ["5400cGy/3", "5400/30", "18Gyx3Gy", "3fxx5fx", "7.5x8.5", "٣/3", "54/3/2", "+".join(["2/1"] * 11), "5/1" * 100]


@pytest.mark.parametrize("text", BAD)
def test_bad_schemes_are_one_clear_line(text: str) -> None:
    with pytest.raises(WrongUsageError) as caught:
        parse_scheme(text)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert caught.value.problems[0].code in {"E-SCHEME", "E-DOMAIN"}


@given(st.text(max_size=30))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_scheme_or_refused(text: str) -> None:
    try:
        scheme = parse_scheme(text)
    except SbrtcheckError:
        return
    assert all(p.total_dose_gy > 0 and 1 <= p.n_fractions <= 100 for p in scheme.phases)


@given(st.integers(1, 100), st.decimals("0.1", "5", places=2))
@settings(max_examples=80, deadline=None)
def test_a_label_is_read_back(n: int, d: object) -> None:
    scheme = parse_scheme(f"{n}x{d}Gy")
    ((total, again),) = parse_scheme(scheme.label).pairs
    assert again == n
    assert total == pytest.approx(scheme.pairs[0][0])


# --- tissues


def test_every_row_of_the_table_is_loaded() -> None:
    tissues = load_tissues()
    assert len(tissues) == 44
    assert [(t.value_gy, t.tissue) for t in tissues if t.shown_by_default] == [(10.0, "Tumor_NSCLC"), (3.0, "Lungs")]


@pytest.mark.parametrize("name", ["SpinalCord", "spinal cord", "SPINAL_CORD", "spinal-cord"])
def test_all_sources_of_a_tissue_are_given(name: str) -> None:
    found = find_alpha_beta(name)
    assert [t.source for t in found] == ["CONVENTION", "SCHULTHEISS_2008", "JIN_2015"]
    assert (found[1].low_gy, found[1].high_gy) == (0.54, 1.19)


def test_an_unknown_tissue_gets_suggestions() -> None:
    with pytest.raises(WrongUsageError, match=r"E-TISSUE.*Did you mean.*SpinalCord"):
        find_alpha_beta("spinal chord")


@pytest.mark.parametrize("text", ["0", "-3", "nan", "inf"])
def test_a_number_must_be_above_zero(text: str) -> None:
    with pytest.raises(WrongUsageError, match="E-DOMAIN"):
        find_alpha_beta(text)


def test_a_wrong_row_is_named(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    text = datafiles.data_path("alpha_beta.csv").read_text(encoding="utf-8")
    broken = Path(str(tmp_path)) / "alpha_beta.csv"
    broken.write_text(text.replace("tumour,8.2,7.0,9.4", "tumour,8.2,8.5,9.4"), encoding="utf-8")
    monkeypatch.setattr(alpha_beta.datafiles, "data_path", lambda *parts: broken)
    alpha_beta.load_tissues.cache_clear()
    try:
        with pytest.raises(WrongUsageError, match=r"E-DATA alpha_beta.csv line 2, column ci_low"):
            load_tissues()
    finally:
        alpha_beta.load_tissues.cache_clear()


# --- worth


def test_worth_is_bed_and_eqd2() -> None:
    ours = worth(parse_scheme("54/3"), AlphaBeta(10.0))
    assert ours.bed_gy == bed(total_dose_gy=54.0, n_fractions=3, alpha_beta_gy=10)
    assert ours.eqd2_gy == pytest.approx(eqd2(total_dose_gy=54.0, n_fractions=3, alpha_beta_gy=10))
    assert ours.bed_low_gy is None
    assert ours.eqd2_high_gy is None


def test_a_mixed_course_is_summed_phase_by_phase() -> None:
    ours = worth(parse_scheme("30/10+24/2"), AlphaBeta(2.0))
    assert ours.bed_gy == pytest.approx(243.0)  # pooled, 54 Gy in 12 fractions would be 175.5


def test_an_interval_gives_a_range() -> None:
    ours = worth(parse_scheme("38/4"), AlphaBeta(2.0, low_gy=1.0, high_gy=3.0))
    assert [round(v or 0) for v in (ours.eqd2_gy, ours.eqd2_low_gy, ours.eqd2_high_gy)] == [109, 95, 133]


def test_an_interval_that_reaches_zero_is_open() -> None:
    fibrosis = next(t for t in load_tissues() if t.source == "DUBRAY_1995")
    large = worth(parse_scheme("54/3"), fibrosis)
    assert large.bed_high_gy is None
    assert large.eqd2_high_gy is None
    assert large.eqd2_low_gy is not None
    assert large.eqd2_low_gy < large.eqd2_gy
    small = worth(parse_scheme("30/20"), fibrosis)  # below 2 Gy per fraction EQD2 falls with alpha/beta
    assert small.eqd2_low_gy is None
    assert small.eqd2_high_gy is not None
    assert small.eqd2_high_gy > small.eqd2_gy
    assert any("open at one end" in n for n in large.notes)


def test_models_print_their_parameters() -> None:
    lql = worth(parse_scheme("54/3"), AlphaBeta(10.0), model=Model("lql", transition_dose_gy=10.0))
    assert lql.bed_gy == pytest.approx(132.0)
    assert "dT 10 Gy, gamma/alpha 3 (tangent" in lql.notes[0]
    own = worth(parse_scheme("54/3"), AlphaBeta(10.0), model=Model("lql", transition_dose_gy=10.0, gamma_per_alpha=2.0))
    assert own.bed_gy == pytest.approx(3 * (20 + 2 * 8))
    assert "(given)" in own.notes[0]
    usc = worth(parse_scheme("60/3"), AlphaBeta(1.0), model=Model("usc", alpha_per_gy=0.33, d0_gy=1.25, dq_gy=1.8))
    assert usc.bed_gy == pytest.approx(132.36, abs=0.005)
    assert usc.alpha_beta.value_gy == pytest.approx(8.6, abs=0.05)
    assert "SFED) 56.40 Gy" in usc.notes[1]


@pytest.mark.parametrize(
    ("model", "option"),
    [
        (Model("lql"), "--transition-dose"),
        (Model("usc"), "--alpha, --d0, --dq"),
        (Model("usc", alpha_per_gy=0.33, d0_gy=1.25), "--dq"),
        (Model(overall_time_days=46.0), "--tk, --td, --alpha"),
        (Model(kickoff_days=21.0, doubling_days=3.0, alpha_per_gy=0.3), "--time"),
    ],
)
def test_a_missing_parameter_is_asked_for(model: Model, option: str) -> None:
    with pytest.raises(WrongUsageError, match=f"E-OPTION {option}:"):
        worth(parse_scheme("54/3"), AlphaBeta(10.0), model=model)


def test_overall_time_is_for_targets() -> None:
    timed = Model(overall_time_days=46, kickoff_days=21, doubling_days=3, alpha_per_gy=0.35)
    ours = worth(parse_scheme("70/35"), AlphaBeta(10.0), model=timed)
    assert ours.bed_gy == pytest.approx(67.4965, abs=1e-4)
    assert any("targets only" in n for n in ours.notes)
    with pytest.raises(WrongUsageError, match="late"):
        worth(parse_scheme("70/35"), find_alpha_beta("SpinalCord")[0], model=timed)
    long = Model(overall_time_days=400, kickoff_days=21, doubling_days=3, alpha_per_gy=0.35)
    with pytest.raises(WrongUsageError, match="outruns"):
        worth(parse_scheme("10/5"), AlphaBeta(10.0), model=long)


@pytest.mark.parametrize(
    ("d", "words"), [(10.0, ""), (10.01, "was validated"), (18.0, "was validated"), (18.5, "extrapolation")]
)
def test_footnote(d: float, words: str) -> None:
    note = lq_footnote(d)
    assert (words in note) if words else (note == "")


# --- isoeffect and published schemes


def test_the_same_bed_in_another_number_of_fractions() -> None:
    ours = match(
        parse_scheme("54/3"), n_fractions=5, held=AlphaBeta(10.0), others=[AlphaBeta(3.0)], site="lung_peripheral"
    )
    assert ours.total_dose_gy == pytest.approx(65.471, abs=5e-4)
    assert ours.is_above_published
    assert ours.highest_published.startswith("60/5")
    _, old, new = ours.consequences[0]
    assert (old.bed_gy, new.bed_gy) == pytest.approx((378.0, 351.234), abs=5e-4)


def test_a_match_within_what_is_published() -> None:
    ours = match(parse_scheme("50/5"), n_fractions=4, held=AlphaBeta(10.0), others=[], site="lung_central")
    assert not ours.is_above_published
    assert ours.highest_published.startswith("50/4")


@pytest.mark.parametrize("site", ["", "adrenal"])
def test_without_site_or_row_nothing_counts_as_published(site: str) -> None:
    ours = match(parse_scheme("30/3"), n_fractions=2, held=AlphaBeta(10.0), others=[], site=site)
    assert ours.is_above_published
    assert ours.highest_published == ""


def test_an_open_location_has_the_lowest_ceiling_of_its_sites() -> None:
    ours = match(parse_scheme("54/3"), n_fractions=4, held=AlphaBeta(10.0), others=[], site="lung")
    # lung_peripheral and lung_central reach 50/4; the rows without a location 55/4.
    assert ours.highest_published.startswith("50/4")


def test_unknown_site() -> None:
    with pytest.raises(WrongUsageError, match=r"E-OPTION --site.*lung_central"):
        match(parse_scheme("54/3"), n_fractions=5, held=AlphaBeta(10.0), others=[], site="lung_centrl")


def test_a_match_of_a_course_holds_its_summed_bed() -> None:
    ours = match(parse_scheme("50/25+10/2"), n_fractions=30, held=AlphaBeta(10.0), others=[])
    assert ours.bed_gy == pytest.approx(75.0)
    assert bed(total_dose_gy=ours.total_dose_gy, n_fractions=30, alpha_beta_gy=10) == pytest.approx(75.0)


def test_all_published_schemes_state_their_bed10_rightly() -> None:
    rows = schemes.load_schemes()
    assert len(rows) == 122
    for row in rows:
        ours = bed(total_dose_gy=row.total_dose_gy, n_fractions=row.n_fractions, alpha_beta_gy=10)
        assert row.bed10_gy == pytest.approx(ours, abs=0.0051), row


def test_ends_of_ranges_come_in_pairs_and_agree_with_their_notes() -> None:
    rows = schemes.load_schemes()
    for range_id in {r.range_id for r in rows if r.range_id}:
        ends = sorted(r.range_end for r in rows if r.range_id == range_id)
        assert ends == ["max", "min"], range_id
        assert len({(r.source, r.site) for r in rows if r.range_id == range_id}) == 1
    for row in rows:
        if row.range_end:
            assert f"range_{row.range_end}" in row.note
        assert (row.role == "comparison") == (
            any(words in row.note for words in ("comparison arm", "standard arm")) and row.role != "palliative"
        )
        assert (row.prescribed_at == "isocentre") == ("AT THE ISOCENTRE" in row.note)


def test_inside_a_range_needs_total_number_and_dose_per_fraction() -> None:
    def ranges(total: float, n: int, site: str) -> list[str]:
        found = schemes.find(total_dose_gy=total, n_fractions=n, sites=[site])
        return [f"{low.label}-{high.label}" for low, high in found.ranges]

    assert "45/3-60/8" in ranges(50, 5, "liver")
    assert "45/3-60/8" not in ranges(59, 3, "liver")  # 19.7 Gy per fraction, the range ends at 15
    assert ranges(70, 5, "liver") == []
    assert ranges(56, 5, "lung_central") == ["50/5-60/5"]


def test_a_wrong_scheme_row_is_named(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    text = datafiles.data_path("schemes.csv").read_text(encoding="utf-8")
    broken = Path(str(tmp_path)) / "schemes.csv"
    broken.write_text(text.replace(",definitive,", ",curative,", 1), encoding="utf-8")
    monkeypatch.setattr(schemes.datafiles, "data_path", lambda *parts: broken)
    schemes.load_schemes.cache_clear()
    try:
        with pytest.raises(WrongUsageError, match=r"E-DATA schemes.csv line 2, column role"):
            schemes.load_schemes()
    finally:
        schemes.load_schemes.cache_clear()
