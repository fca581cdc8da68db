"""What is written in a format reads back equal, in every pair of formats that can state it; the rest is listed."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path

import pytest
from exchange_samples import TEMPLATES, imported, plainly, source
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.anatomy.names import find_organ
from sbrtcheck.exchange.eclipse_goals import read_dose_objectives, write_dose_objectives
from sbrtcheck.exchange.export import Exported, ExportKind, export_table
from sbrtcheck.exchange.pqm import read_pqm, write_pqm
from sbrtcheck.exchange.proknow import read_proknow, write_proknow
from sbrtcheck.exchange.statable import Unstatable, sided_names
from sbrtcheck.exchange.take import take
from sbrtcheck.exchange.template import Bound, Imported, Taken
from sbrtcheck.exchange.write_table import goals_text, table_text
from sbrtcheck.model import Level, OrganTable
from sbrtcheck.model.metric import format_metric, parse_metric
from sbrtcheck.read.clinic_file import ClinicGoal, load_clinic
from sbrtcheck.tables.organ_tables import load_table, load_tables
from sbrtcheck.tables.organs import organ_names

SUFFIX = {ExportKind.PQM: "csv", ExportKind.DOSE_OBJECTIVES: "xml", ExportKind.PROKNOW: "json"}
FOREIGN = tuple(SUFFIX)
N = 3


def taken(name: str, metric: str, *bounds: tuple[Level, str, str]) -> Taken:
    """A limit of an organ, or of a target."""
    parsed = parse_metric(metric)
    made = tuple(Bound(level, comparator, Decimal(limit)) for level, comparator, limit in bounds)
    organ, target = ("", name) if name in {"PTV", "GTV", "ITV", "CTV"} else (name, "")
    return Taken(organ, target, "", parsed, format_metric(parsed), made)


def write_limits(kind: ExportKind, limits: list[Taken]) -> tuple[str, tuple[Unstatable, ...]]:
    """Limits in a format, and those that it cannot state."""
    if kind is ExportKind.PQM:
        return write_pqm(limits)
    if kind is ExportKind.DOSE_OBJECTIVES:
        return write_dose_objectives(limits, name="x", origin="y")
    return write_proknow(limits, name="x")


def read_limits(kind: ExportKind, text: str) -> Imported:
    """The limits of a text in a format."""
    read = {
        ExportKind.PQM: read_pqm,
        ExportKind.DOSE_OBJECTIVES: read_dose_objectives,
        ExportKind.PROKNOW: read_proknow,
    }[kind]
    return take(read(source(text)), n_fractions=N)


_NUMBERS = st.integers(1, 30_000).map(lambda n: Decimal(n) / 1000).map(lambda d: d.normalize())
_METRICS = st.one_of(
    st.builds(lambda a, u: f"D{a:f}cc[{u}]", _NUMBERS, st.sampled_from(["Gy", "%"])),
    st.builds(lambda a, u: f"D{a:f}%[{u}]", _NUMBERS, st.sampled_from(["Gy", "%"])),
    st.builds(lambda a, u: f"V{a:f}Gy[{u}]", _NUMBERS, st.sampled_from(["cc", "%"])),
    st.builds(lambda a, u: f"CV{a:f}Gy[{u}]", _NUMBERS, st.sampled_from(["cc", "%"])),
    st.builds(lambda a: f"DC{a:f}cc[Gy]", _NUMBERS),
    st.sampled_from(["Max[Gy]", "Mean[Gy]", "Mean[%]", "Median[Gy]"]),
)
_ORGANS = st.sampled_from(sorted(organ_names()))


@st.composite
def limits(draw: st.DrawFn) -> Taken:
    """Any limit of an organ that a table of ours can hold."""
    metric = draw(_METRICS)
    lower = metric.startswith("CV")
    comparators = [">", ">="] if lower else ["<", "<="]
    first = draw(st.integers(1, 5000)) / Decimal(100)
    bounds = [(Level.MANDATORY, draw(st.sampled_from(comparators)), f"{first:f}")]
    shape = draw(st.sampled_from(["goal", "optimal", "variation"]))
    if shape == "optimal":
        bounds = [(Level.OPTIMAL, *bounds[0][1:])]
    elif shape == "variation":
        beyond = first * (Decimal("0.95") if lower else Decimal("1.05"))
        bounds = [(Level.OPTIMAL, *bounds[0][1:]), (Level.MANDATORY, draw(st.sampled_from(comparators)), f"{beyond:f}")]
    return taken(draw(_ORGANS), metric, *bounds)


@settings(max_examples=150, deadline=None)
@given(limit=limits(), kind=st.sampled_from(FOREIGN))
def test_a_limit_reads_back_equal_or_is_listed(limit: Taken, kind: ExportKind) -> None:
    text, left = write_limits(kind, [limit])
    if left:
        assert left[0].taken is limit
        assert left[0].why
        return
    done = read_limits(kind, text)
    assert not done.not_taken, done.not_taken
    assert plainly(done.organs) == plainly([limit])


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(FOREIGN, 2)))
def test_limits_pass_from_each_format_to_each_other(first: ExportKind, second: ExportKind, tmp_path: Path) -> None:
    """Read from one format, kept as a table of ours, written in another and read again."""
    every = [
        taken("SpinalCord", "D0.5cc[Gy]", (Level.OPTIMAL, "<=", "15.9"), (Level.MANDATORY, "<=", "17")),
        taken("Kidney", "Mean[Gy]", (Level.MANDATORY, "<=", "10")),
        taken("Lungs", "V20Gy[%]", (Level.MANDATORY, "<", "10")),
        taken("Brain", "V12Gy[cc]", (Level.OPTIMAL, "<=", "5"), (Level.MANDATORY, "<=", "10")),
        taken("BrachialPlexus", "D3cc[Gy]", (Level.MANDATORY, "<=", "22")),
        taken("PTV", "V54Gy[%]", (Level.OPTIMAL, ">=", "95"), (Level.MANDATORY, ">=", "90")),
    ]
    text, left = write_limits(first, every)
    assert left == ()
    done = read_limits(first, text)
    assert done.not_taken == ()
    exported = again(done, second, tmp_path)
    assert exported.not_written == ()
    back = imported(tmp_path / f"back.{SUFFIX[second]}", N)
    assert plainly([*back.organs, *back.targets]) == plainly(every)
    assert back.not_taken == ()


def again(done: Imported, kind: ExportKind, folder: Path) -> Exported:
    """What was taken as our own two files, read as such and written in another format as ``back.*``."""
    table, goals = folder / "ours.csv", folder / "ours.goals.toml"
    table.write_text(table_text(done), encoding="utf-8")
    given_goals: tuple[ClinicGoal, ...] = ()
    if done.targets:
        goals.write_text(goals_text(done), encoding="utf-8")
        given_goals = load_clinic(goals).goals
    exported = export_table(load_table(table), n_fractions=done.n_fractions, kind=kind, goals=given_goals)
    (folder / f"back.{SUFFIX.get(kind, 'csv')}").write_text(exported.text, encoding="utf-8", newline="")
    return exported


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("n", [1, 3, 5])
def test_a_published_template_reads_back_equal(kind: ExportKind, n: int, tmp_path: Path) -> None:
    name = f"Hypofractionated ({n} Fraction{'s' * (n > 1)}).csv"
    done = imported(TEMPLATES / "plancheck_pqm" / name, n)
    exported = again(done, kind, tmp_path)
    back = imported(tmp_path / f"back.{SUFFIX[kind]}", n)
    assert back.not_taken == ()
    assert plainly([*back.organs, *back.targets]) == plainly(exported.written)
    if kind is ExportKind.PQM:
        assert exported.not_written == ()
        assert plainly([*back.organs, *back.targets]) == plainly([*done.organs, *done.targets])


def test_our_own_table_is_written_as_it_is(tmp_path: Path) -> None:
    done = imported(TEMPLATES / "plancheck_pqm" / "Hypofractionated (3 Fractions).csv", 3)
    exported = again(done, ExportKind.CSV, tmp_path)
    first, second = load_table(tmp_path / "ours.csv"), load_table(tmp_path / "back.csv")
    assert _rows(first) == _rows(second)
    assert {why for _, why in exported.not_written} == {"a target goal: it stays in the clinic file"}
    # A partial table stays one, and says of what it is a copy.
    assert not first.may_decide
    assert not second.may_decide
    assert first.sha256 in second.citation
    assert "PQM CSV of PlanCheck" in second.citation


def test_a_copy_of_a_whole_table_may_decide_and_one_of_a_part_never_does(tmp_path: Path) -> None:
    whole = tmp_path / "whole.csv"
    head = "organ,fractions,metric,comparator,limit,unit,level,condition,joint,note"
    rows = ["Heart,3,D15cc[Gy],<=,24,Gy,mandatory,,,x", "Trachea,3,D5cc[Gy],<,16.5,Gy,optimal,sex=M,Trachea+Carina,"]
    whole.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    table = load_table(whole)
    copy = tmp_path / "copy.csv"
    copy.write_text(export_table(table, n_fractions=3, kind=ExportKind.CSV).text, encoding="utf-8")
    again = load_table(copy)
    assert again.may_decide
    assert [(r.condition, r.joint, r.note) for r in again.rows] == [("", (), "x"), ("sex=M", ("Trachea", "Carina"), "")]
    for shipped in load_tables().values():
        for n in shipped.fractions[:1]:
            exported = export_table(shipped, n_fractions=n, kind=ExportKind.CSV)
            if not exported.written:
                continue
            copy.write_text(exported.text, encoding="utf-8")
            listed = [why for _, why in exported.not_written if why != "listed only, not judged"]
            assert load_table(copy).may_decide == (shipped.may_decide and not listed), shipped.name


@pytest.mark.parametrize("name", sorted(load_tables()))
@pytest.mark.parametrize("kind", list(ExportKind))
def test_every_row_of_a_shipped_table_is_written_or_listed(name: str, kind: ExportKind, tmp_path: Path) -> None:
    table = load_tables()[name]
    for n in table.fractions[:3]:
        exported = export_table(table, n_fractions=n, kind=kind)
        n_rows = len(table.rows_for(n_fractions=n))
        stated = sum(len(t.bounds) for t in exported.written)
        listed = len(exported.not_written)
        assert stated + listed <= n_rows <= stated + 2 * listed
        if not exported.written:
            continue
        path = tmp_path / f"back.{SUFFIX.get(kind, 'csv')}"
        path.write_text(exported.text, encoding="utf-8", newline="")
        if kind is ExportKind.CSV:
            rows = {r[:1] + r[2:] for r in _rows(load_table(path))}
            assert load_table(path).sha256 != table.sha256
            assert rows == {
                (t.organ, t.metric_text, b.comparator, float(b.limit), b.level)
                for t in exported.written
                for b in t.bounds
            }
        else:
            back = imported(path, n)
            assert plainly(back.organs) == plainly(exported.written), [r for r in back.rows if r.why]


def _rows(table: OrganTable) -> set[tuple[object, ...]]:
    return {(r.organ, r.n_fractions, r.metric_text, r.comparator, r.limit, r.level) for r in table.rows}


@pytest.mark.parametrize(
    ("kind", "limit", "why"),
    [
        (ExportKind.DOSE_OBJECTIVES, taken("SpinalCord", "D0.035cc[Gy]", (Level.MANDATORY, "<=", "18")), "one decimal"),
        (
            ExportKind.DOSE_OBJECTIVES,
            taken("SpinalCord", "D0.1cc[Gy]", (Level.MANDATORY, "<=", "18.25")),
            "one decimal",
        ),
        (ExportKind.DOSE_OBJECTIVES, taken("Liver", "CV17.1Gy[cc]", (Level.MANDATORY, ">=", "700")), "have no CV"),
        (ExportKind.DOSE_OBJECTIVES, taken("Heart", "Max[Gy]", (Level.MANDATORY, "<=", "30")), "maximum and minimum"),
        (ExportKind.DOSE_OBJECTIVES, taken("Heart", "Mean[Gy]", (Level.OPTIMAL, "<=", "30")), "optimal limit alone"),
        (ExportKind.PROKNOW, taken("SpinalCord", "D0.035cc[Gy]", (Level.MANDATORY, "<=", "18")), "0.01 cc"),
        (ExportKind.PROKNOW, taken("PTV", "D95%[%]", (Level.MANDATORY, ">=", "95")), "doses in Gy only"),
        (ExportKind.PROKNOW, taken("PTV", "V95%[%]", (Level.MANDATORY, ">=", "95")), "ProKnow has no V95%[%]"),
        (ExportKind.PQM, taken("Liver", "DC0.5cc[Gy]", (Level.MANDATORY, "<=", "95")), "whole numbers only"),
        (ExportKind.PQM, taken("Liver", "Median[Gy]", (Level.MANDATORY, "<=", "95")), "no median"),
        (
            ExportKind.PQM,
            taken("Liver", "Mean[Gy]", (Level.OPTIMAL, "<", "13"), (Level.MANDATORY, "<=", "15")),
            "one comparator",
        ),
    ],
)
def test_what_a_format_cannot_state_is_listed_and_never_rounded(kind: ExportKind, limit: Taken, why: str) -> None:
    other = taken("Esophagus", "D5cc[Gy]", (Level.MANDATORY, "<=", "18.5"))
    text, left = write_limits(kind, [limit, other])
    assert [u.taken for u in left] == [limit]
    assert why in left[0].why
    assert plainly(read_limits(kind, text).organs) == plainly([other])


@pytest.mark.parametrize("organ", sorted(organ_names()))
def test_the_name_written_for_an_organ_is_read_as_that_organ(organ: str) -> None:
    found = [find_organ(name) for name in sided_names(taken(organ, "Mean[Gy]", (Level.MANDATORY, "<=", "10")))]
    assert {f[0] for f in found if f is not None} == {organ}
    assert sorted(f[1] for f in found if f is not None) in ([""], ["L", "R"])


def test_a_maximum_is_written_at_the_volume_that_its_source_prints() -> None:
    table = next(t for t in load_tables().values() if t.point_volume_printed and _maxima(t))
    n = _maxima(table)[0]
    exported = export_table(table, n_fractions=n, kind=ExportKind.PQM)
    assert any("the volume that the source prints" in why for _, why in exported.changed)
    assert "Max[Gy]" not in exported.text


def _maxima(table: OrganTable) -> list[int]:
    rows = [r for r in table.rows if r.metric_text == "Max[Gy]" and r.level and r.n_fractions]
    return [r.n_fractions for r in rows if r.n_fractions is not None and not r.condition and not r.joint]
