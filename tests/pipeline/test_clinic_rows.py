"""What a clinic file sets in a published table: rows added, goals for organs, the level of one row; the default beside it."""

from __future__ import annotations

import pytest
from array_studies import study

from sbrtcheck.model import Finding, Level, Outcome, Report, Verdict
from sbrtcheck.pipeline import check_study
from sbrtcheck.read.clinic_file import load_clinic
from sbrtcheck.tables.clinic_rows import as_clinic_sets
from sbrtcheck.tables.organ_tables import load_table

CORD_POINT = "AAPM_TG101:SpinalCord:5:D0.035cc[Gy]:mandatory"


def row(metric: str, limit: float, *, fractions: int = 5, level: str = "mandatory", table: str = "") -> str:
    name = f'table = "{table}"\n' if table else ""
    return (
        f'[[row]]\n{name}organ = "SpinalCord"\nfractions = {fractions}\nmetric = "{metric}"\n'
        f'comparator = "<="\nlimit = {limit}\nlevel = "{level}"\n'
    )


def goal(metric: str, *, site: str = "") -> str:
    return f'[[goal]]\norgan = "SpinalCord"\nmetric = "{metric}"\ncomparator = "<="\nlimit = 1\nlevel = "optimal"\n' + (
        f'site = "{site}"\n' if site else ""
    )


CLINIC = "".join(
    [
        row("Mean[Gy]", 1),
        row("D50%[Gy]", 90),
        row("D60%[Gy]", 1, fractions=3),
        row("D61%[Gy]", 1, table="timmerman_2022"),
        row("D62%[Gy]", 90, table="aapm_tg101"),
        goal("D70%[Gy]"),
        goal("D71%[Gy]", site="liver"),
        f'[levels]\n"{CORD_POINT}" = "optimal"\n',
    ]
)


@pytest.fixture(scope="module")
def default() -> Report:
    return check_study(study())


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = tmp_path_factory.mktemp("clinic") / "clinic.toml"
    path.write_text(CLINIC, encoding="utf-8")
    return check_study(study(), clinic=load_clinic(path))


def local(report: Report) -> dict[str, Finding]:
    return {f.rule_id: f for f in report.plans[0].findings if f.rule_id.startswith("LOCAL:")}


def test_an_added_row_is_judged_as_the_clinics_own(own: Report) -> None:
    finding = local(own)["LOCAL:SpinalCord:5:Mean[Gy]:mandatory"]
    assert (finding.verdict, finding.consequence) == (Verdict.NOT_MET, Outcome.FAIL)
    assert finding.source.startswith("LOCAL, 5 fractions")
    assert finding.trust == "the clinic's own row"
    assert local(own)["LOCAL:SpinalCord:5:D50%[Gy]:mandatory"].verdict is Verdict.MET


def test_a_row_holds_at_its_own_number_of_fractions_table_and_site(own: Report) -> None:
    assert set(local(own)) == {
        "LOCAL:SpinalCord:5:Mean[Gy]:mandatory",
        "LOCAL:SpinalCord:5:D50%[Gy]:mandatory",
        "LOCAL:SpinalCord:5:D62%[Gy]:mandatory",
        "LOCAL:SpinalCord:any:D70%[Gy]:optimal",
    }


def test_a_goal_for_an_organ_is_a_variation_when_optimal(own: Report) -> None:
    finding = local(own)["LOCAL:SpinalCord:any:D70%[Gy]:optimal"]
    assert (finding.verdict, finding.consequence) == (Verdict.NOT_MET, Outcome.PASS_WITH_VARIATION)


def test_the_level_of_one_row_by_its_rule_id(own: Report, default: Report) -> None:
    before = next(f for f in default.plans[0].findings if f.rule_id == CORD_POINT)
    after = next(f for f in own.plans[0].findings if f.rule_id == CORD_POINT)
    assert (before.level, before.consequence) == (Level.MANDATORY, Outcome.FAIL)
    assert (after.level, after.consequence) == (Level.OPTIMAL, Outcome.PASS_WITH_VARIATION)
    assert own.default_outcome is default.outcome


@pytest.mark.parametrize("n", [3, 5])
def test_no_published_row_is_removed_or_given_another_limit(n: int) -> None:
    table = load_table("aapm_tg101")
    levels = {"SpinalCord": "optimal", CORD_POINT: "mandatory"}
    changed = as_clinic_sets(table, n_fractions=n, sites={"lung"}, levels=levels)
    assert [(r.rule_id, r.limit) for r in changed.rows] == [(r.rule_id, r.limit) for r in table.rows]
    cord = {r.rule_id: r.level for r in changed.rows if r.organ == "SpinalCord" and r.level is not None}
    assert cord.pop(CORD_POINT) is Level.MANDATORY
    assert set(cord.values()) == {Level.OPTIMAL}
