"""The guideline's rules applied to a course: each evaluated rule met and missed, and what its status does."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from array_studies import ball, study, tube

import sbrtcheck
from docs.build_rules import HOW, render_rules_page
from sbrtcheck.judging.guideline_course import confirm_items, judge_course_rules
from sbrtcheck.judging.plan import judge_plan
from sbrtcheck.model import Finding, FindingKind, Lesion, Level, Outcome, Reason, Report, Study, Verdict, worst_outcome
from sbrtcheck.plan.doses import compute_plan
from sbrtcheck.plan.facts import GivenFacts
from sbrtcheck.plan.lung_location import with_locations
from sbrtcheck.read.case_file import CaseFile, CaseLesion, Deviation, DiseaseFacts, EarlierDose, OtherSite, load_case
from sbrtcheck.report import render_csv, render_json, render_text
from sbrtcheck.tables import guideline as guideline_book
from sbrtcheck.tables.guideline import Guideline, parse_guideline
from sbrtcheck.tables.organ_tables import load_target_goals

ROOT = Path(__file__).parents[2]
TOML = ROOT / "constraints" / "guideline" / "astro_estro_oligomet_nsclc_2023.toml"
SBRT = Lesion("1", 0, "PTV1", gtv="GTV1", prescription_gy=54.0, n_fractions=3, site="lung")
OTHER = Lesion("2", 0, "PTV2", prescription_gy=45.0, n_fractions=15, site="lung")
METACHRONOUS = DiseaseFacts(
    history_of_polymetastatic_disease=False,
    history_of_oligometastatic_disease=False,
    months_since_primary_diagnosis=14.0,
    on_systemic_therapy=False,
    all_sites_declared=True,
)
SYNCHRONOUS = replace(METACHRONOUS, months_since_primary_diagnosis=3.0)


def case(**facts: object) -> CaseFile:
    arguments: dict[str, object] = {"file": "case.toml", "sha256": "0" * 64, "disease": METACHRONOUS} | facts
    return CaseFile(**arguments)  # type: ignore[arg-type]


def with_status(*rules: str, status: str = "verified") -> Guideline:
    """The shipped guideline with another status of some rules, and nothing else changed."""
    document = tomllib.loads(TOML.read_text(encoding="utf-8"))
    for raw in document["rule"]:
        if raw["id"] in rules:
            raw["status"] = status
    return parse_guideline(document, name="test")


def of(rule_id: str, case_file: CaseFile | None, *lesions: Lesion, book: Guideline | None = None) -> Finding:
    findings = judge_course_rules(lesions or (SBRT,), case=case_file, book=book)
    (found,) = [f for f in findings if f.rule_id == rule_id]
    assert found.kind is FindingKind.GUIDELINE
    assert found.source.startswith("ASTRO/ESTRO")
    return found


# ---- OM-2


def test_om2_is_met_when_every_declared_site_has_local_therapy() -> None:
    facts = case(
        lesions=(CaseLesion("PTV1"), CaseLesion("GTV1")),
        other_sites=(OtherSite("brain", "surgery"), OtherSite("adrenal", "planned")),
    )
    found = of("OM-2", facts)
    assert (found.verdict, found.consequence) == (Verdict.INFORMATION, Outcome.PASS)
    assert "1 treated here, 2 by other local therapy (only planned: adrenal)" in found.note


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"other_sites": (OtherSite("brain", "none"),)}, "brain (none)"),
        ({"other_sites": (OtherSite("liver", "systemic"),)}, "liver (systemic)"),
        ({"lesions": (CaseLesion("PTV9"),)}, "PTV9 (declared, not a target of this course)"),
        ({"other_sites": (OtherSite("brain", "none"),), "disease": DiseaseFacts()}, "brain (none)"),
    ],
)
def test_om2_is_missed_when_a_declared_site_has_none(facts: dict[str, object], named: str) -> None:
    found = of("OM-2", case(**facts))
    assert (found.verdict, found.consequence) == (Verdict.NOT_MET, Outcome.MARGINAL)
    assert named in found.note


@pytest.mark.parametrize("declared", [None, False])
def test_om2_asks_whether_all_sites_are_declared(declared: bool | None) -> None:
    found = of("OM-2", case(disease=replace(METACHRONOUS, all_sites_declared=declared)))
    assert (found.verdict, found.consequence, found.reason) == (
        Verdict.NOT_EVALUABLE,
        Outcome.PASS,
        Reason.NOT_DECLARED,
    )
    assert "all_sites_declared" in found.note


# ---- OM-4


@pytest.mark.parametrize(
    ("disease", "words"),
    [
        (SYNCHRONOUS, "synchronous oligometastatic disease"),
        (METACHRONOUS, "metachronous oligorecurrence, that is a few deposits growing off systemic therapy"),
        (
            replace(METACHRONOUS, history_of_polymetastatic_disease=True, on_systemic_therapy=True, progressing=False),
            "induced oligopersistence",
        ),
    ],
)
def test_om4_reports_state_path_and_strength(disease: DiseaseFacts, words: str) -> None:
    found = of("OM-4", case(disease=disease))
    assert (found.verdict, found.consequence) == (Verdict.INFORMATION, Outcome.PASS)
    assert found.note.startswith(words)
    assert "history_of_polymetastatic_disease: " in found.note
    assert "strength of the recommendation: conditional" in found.note


def test_om4_leaves_a_state_that_the_rule_does_not_name_to_a_person() -> None:
    repeat = replace(METACHRONOUS, history_of_oligometastatic_disease=True)
    for book in (None, with_status("OM-4")):
        found = of("OM-4", case(disease=repeat), book=book)
        assert (found.verdict, found.consequence) == (Verdict.INFORMATION, Outcome.PASS)
        assert "the rule does not name this state" in found.note


def test_om4_says_when_the_tree_has_no_leaf() -> None:
    stable = replace(METACHRONOUS, on_systemic_therapy=True, progressing=False)
    assert "no leaf" in of("OM-4", case(disease=stable)).note


@pytest.mark.parametrize(
    "name",
    [
        "history_of_polymetastatic_disease",
        "history_of_oligometastatic_disease",
        "months_since_primary_diagnosis",
        "on_systemic_therapy",
    ],
)
def test_om4_asks_for_the_missing_fact_by_name(name: str) -> None:
    found = of("OM-4", case(disease=replace(METACHRONOUS, **{name: None})))
    assert (found.verdict, found.consequence) == (Verdict.NOT_EVALUABLE, Outcome.PASS)
    assert found.note.startswith(f"case file, [disease] {name}: ")


# ---- OM-6, OM-7, OM-12, OM-13


@pytest.mark.parametrize(
    ("start", "stands"),
    [("2024-01-01", "are reached"), ("2024-03-01", "are not reached"), ("2024-06-01", "not reached")],
)
def test_om6_is_the_time_between_two_dates_and_never_more_than_information(start: str, stands: str) -> None:
    dates = replace(SYNCHRONOUS, systemic_therapy_start=start, radiotherapy_start="2024-05-01")
    for book in (None, with_status("OM-6")):
        found = of("OM-6", case(disease=dates), book=book)
        assert (found.verdict, found.consequence) == (Verdict.INFORMATION, Outcome.PASS)
        assert stands in found.note
    days = {"2024-01-01": 121, "2024-03-01": 61, "2024-06-01": -31}[start]
    assert found.value == pytest.approx(days / 30.44)


def test_om6_asks_for_the_dates_and_is_about_synchronous_disease_only() -> None:
    assert "systemic_therapy_start, radiotherapy_start" in of("OM-6", case(disease=SYNCHRONOUS)).note
    assert "about synchronous disease only" in of("OM-6", case(disease=METACHRONOUS)).note


def test_om7_names_each_course_and_asks_for_the_reason_when_it_is_not_sbrt() -> None:
    findings = [f for f in judge_course_rules([SBRT, OTHER], case=None) if f.rule_id == "OM-7"]
    assert [(f.lesion, f.roi, f.consequence) for f in findings] == [
        ("1", "PTV1", Outcome.PASS),
        ("2", "PTV2", Outcome.PASS),
    ]
    assert findings[0].note.startswith("SBRT: ")
    assert "our thresholds" in findings[0].note
    assert findings[1].note.startswith("hypofractionated: ")
    assert findings[1].note.endswith("state the reason")
    asked = [t for t in confirm_items([SBRT, OTHER], case=None) if "OM-7" in t]
    assert asked == ["OM-7: lesion 2 (PTV2) is hypofractionated, not SBRT: state the reason"]
    assert not [t for t in confirm_items([OTHER], case=case(intent="palliative")) if "OM-7" in t]
    assert judge_course_rules([replace(SBRT, prescription_gy=None)], case=None) == ()


def test_om12_speaks_for_oligoprogression_only() -> None:
    progressing = replace(METACHRONOUS, on_systemic_therapy=True, progressing=True)
    assert "systemic therapy continues" in of("OM-12", case(disease=progressing)).note
    assert not [f for f in judge_course_rules([SBRT], case=case()) if f.rule_id == "OM-12"]


def test_om13_names_the_organs_of_declared_earlier_courses() -> None:
    earlier = (EarlierDose("SpinalCord", "D0.035cc[Gy]", 12.0, 5),)
    assert "declared for SpinalCord" in of("OM-13", case(earlier=earlier)).note
    assert not [f for f in judge_course_rules([SBRT], case=case()) if f.rule_id == "OM-13"]


# ---- who judges which rule


def test_every_rule_is_judged_or_listed_for_a_person() -> None:
    book = guideline_book.load_guideline()
    assert [r.id for r in book.rules] == [f"OM-{i}" for i in range(1, 14)]
    without = confirm_items([SBRT], case=None)
    listed = {t.partition(":")[0] for t in without}
    assert listed == {r.id for r in book.rules if r.evaluation in {"confirm", "case_file"}}
    assert all("case file" in t for t in without if t.partition(":")[0] in {"OM-2", "OM-4", "OM-6", "OM-13"})
    with_case = {t.partition(":")[0] for t in confirm_items([SBRT], case=case())}
    assert with_case == {r.id for r in book.rules if r.evaluation == "confirm"}


def test_the_rules_page_is_generated_and_says_how_each_rule_is_judged() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert page == render_rules_page()
    for number in range(1, 14):
        (row,) = [line for line in page.splitlines() if line.startswith(f"| OM-{number} |")]
        assert any(words in row for words in HOW.values())


@pytest.mark.parametrize("rule_id", ["OM-2", "OM-4", "OM-6", "OM-7", "OM-12", "OM-13"])
@pytest.mark.parametrize("missed", [False, True])
def test_a_status_changes_the_weight_and_nothing_else(rule_id: str, missed: bool) -> None:
    facts = case(
        other_sites=(OtherSite("brain", "none" if missed else "surgery"),),
        earlier=(EarlierDose("SpinalCord", "D0.035cc[Gy]", 12.0, 5),),
        disease=replace(METACHRONOUS, on_systemic_therapy=True, progressing=True),
    )
    before = judge_course_rules([SBRT, OTHER], case=facts)
    after = judge_course_rules([SBRT, OTHER], case=facts, book=with_status(rule_id))
    weight = with_status(rule_id).weights["verified"]
    for one, two in zip(before, after, strict=True):
        if one.rule_id != rule_id:
            assert two == one
            continue
        same = replace(two, verdict=one.verdict, consequence=one.consequence, level=one.level, source=one.source)
        assert same == one
        if one.level is not Level.INFORMATION:
            was_missed = one.consequence is not Outcome.PASS
            wanted = (weight.missed_verdict, Outcome.FAIL) if was_missed else (weight.met_verdict, Outcome.PASS)
            assert (two.verdict, two.consequence, two.level) == (*wanted, Level.MANDATORY)


# ---- a whole course


@cache
def course() -> Report:
    return sbrtcheck.check_study(study(), sites={"": "spine"})


def judged(*, prescription_gy: float = 50.0, cord_mm: float = 25.0, scale: float = 1.0) -> tuple[Finding, ...]:
    """The findings of the same plan, otherwise prescribed, placed or scaled; without its conformity."""
    made = study(
        dose_gy=study().plans[0].dose.dose_gy * scale,
        contours={"PTV": ball(15.0), "SpinalCord": tube(5.0, cord_mm)},
        prescriptions_gy={"PTV": prescription_gy},
    )
    doses = compute_plan(made.plans[0], index=0, given=GivenFacts(sites={"": "spine"}))
    return judge_plan(
        doses, table=None, also=(), goals=load_target_goals(), conformity=(), absent={}, extra_required=()
    ).findings


def organs_first(findings: tuple[Finding, ...]) -> Finding:
    (found,) = [f for f in findings if f.rule_id == "OM-9"]
    return found


def test_om9_is_said_first_with_the_dose_that_would_meet_the_limits() -> None:
    report = course()
    found = organs_first(report.findings)
    assert (found.verdict, found.consequence, report.outcome) == (Verdict.MARGINAL, Outcome.MARGINAL, Outcome.FAIL)
    assert found.note.startswith("organ limits come before coverage: coverage is full (PTV V100% 100")
    text = render_text(report)
    assert "organ limits come before coverage" in " ".join(text.splitlines()[:4])
    factor = float(found.note.partition("met at ")[2].split()[0])
    assert 0.2 < factor < 0.9
    total_gy = float(found.note.partition("of the dose (")[2].split()[0])
    assert total_gy == pytest.approx(50 * factor, abs=50 * 0.0005)
    assert "not a prescription" in found.note
    # The same plan computed at that share of its dose meets the limits, and at one percent more it does not.
    for more, beyond in ((0.9995, False), (1.01, True)):
        again = judged(prescription_gy=50.0 * factor * more, scale=factor * more)
        rows = [f for f in again if f.kind is FindingKind.ORGAN_LIMIT and f.level is Level.MANDATORY]
        worst = {f.consequence for f in rows}
        assert bool(worst & {Outcome.FAIL, Outcome.MARGINAL}) is beyond


def test_om9_is_met_without_a_missed_limit_and_where_coverage_was_reduced() -> None:
    kept = organs_first(judged(prescription_gy=5.0, cord_mm=36.0, scale=0.1))
    assert (kept.verdict, kept.consequence) == (Verdict.INFORMATION, Outcome.PASS)
    assert kept.note == "no mandatory organ limit is missed"
    reduced = organs_first(judged(prescription_gy=60.0))
    assert (reduced.verdict, reduced.consequence) == (Verdict.INFORMATION, Outcome.PASS)
    assert "coverage is reduced already" in reduced.note


@pytest.mark.parametrize(("prescription_gy", "missed"), [(50.0, True), (60.0, False)])
def test_om9_verified_weighs_more_and_nothing_else_changes(
    monkeypatch: pytest.MonkeyPatch, prescription_gy: float, missed: bool
) -> None:
    before = judged(prescription_gy=prescription_gy)
    book = with_status("OM-9")
    monkeypatch.setattr(guideline_book, "load_guideline", lambda: book)
    after = judged(prescription_gy=prescription_gy)
    assert [f for f in after if f.rule_id != "OM-9"] == [f for f in before if f.rule_id != "OM-9"]
    one, two = organs_first(before), organs_first(after)
    assert (one.verdict, one.consequence) == (
        (Verdict.MARGINAL, Outcome.MARGINAL) if missed else (Verdict.INFORMATION, Outcome.PASS)
    )
    assert (two.verdict, two.consequence, two.level) == (
        Verdict.NOT_MET if missed else Verdict.MET,
        Outcome.FAIL if missed else Outcome.PASS,
        Level.MANDATORY,
    )
    assert (two.note, two.value) == (one.note, one.value)


def test_a_verified_rule_can_fail_a_course_and_a_pass_never_rests_on_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "case.toml"
    path.write_text('[[other_site]]\nsite = "brain"\ntreatment = "none"\n', encoding="utf-8")
    made = study(prescriptions_gy={"PTV": 5.0}, dose_gy=study().plans[0].dose.dose_gy * 0.1, n_fractions=1)

    def outcome_without(rule: str) -> tuple[Outcome, tuple[Finding, ...]]:
        report = sbrtcheck.check_study(made, sites={"": "spine"}, case=path)
        others = tuple(f for f in report.findings if f.rule_id != rule)
        (found,) = [f for f in report.findings if f.rule_id == rule]
        return found.consequence, others

    before, rest_before = outcome_without("OM-2")
    book = with_status("OM-2")
    monkeypatch.setattr(guideline_book, "load_guideline", lambda: book)
    after, rest_after = outcome_without("OM-2")
    assert (before, after) == (Outcome.MARGINAL, Outcome.FAIL)
    assert rest_before == rest_after


def test_a_deviation_stands_beside_the_failure_which_stays(tmp_path: Path) -> None:
    plain = course()
    failed = next(f for f in plain.findings if f.consequence is Outcome.FAIL)
    path = tmp_path / "case.toml"
    path.write_text(
        f'[[deviation]]\nrule = "{failed.rule_id}"\nreason = "agreed <b>"\nname = "Dr. Example"\n'
        '[[deviation]]\nrule = "nothing"\nreason = "x"\nname = "y"\n',
        encoding="utf-8",
    )
    assert load_case(path).deviations[0] == Deviation(failed.rule_id, "agreed <b>", "Dr. Example")
    report = sbrtcheck.check_study(study(), sites={"": "spine"}, case=path)
    assert (report.outcome, report.exit_code) == (plain.outcome, plain.exit_code) == (Outcome.FAIL, 1)
    changed = [f for f in report.findings if f.rule_id == failed.rule_id]
    assert all(f.note.startswith("declared deviation: agreed <b> (Dr. Example); the verdict stays") for f in changed)
    first = changed[0]
    assert (first.verdict, first.consequence) == (failed.verdict, Outcome.FAIL)
    unknown = next(f for f in report.findings if f.rule_id == "deviation:nothing")
    assert "no finding of this course has this rule_id" in unknown.note
    for text in (render_text(report), render_json(report), render_csv(report)):
        assert "Dr. Example" in text


# ---- other thresholds of what a course is called


def called(tmp_path: Path, edges: tuple[float, float, float] | None, *, n_fractions: int, total_gy: float) -> Report:
    """The spine plan in so many fractions, with the thresholds of a case file."""
    names = ("sbrt_max_fractions", "sbrt_min_dose_per_fraction_gy", "hypofractionated_above_dose_per_fraction_gy")
    path = tmp_path / "case.toml"
    lines = [f"{name} = {value:g}" for name, value in zip(names, edges, strict=True)] if edges else []
    path.write_text("\n".join(["[classification]", *lines]), encoding="utf-8")
    made = study(
        dose_gy=study().plans[0].dose.dose_gy * total_gy / 50.0,
        n_fractions=n_fractions,
        prescriptions_gy={"PTV": total_gy},
    )
    return sbrtcheck.check_study(made, sites={"": "spine"}, case=path)


def test_other_thresholds_name_the_course_and_the_default_stands_beside(tmp_path: Path) -> None:
    plain = called(tmp_path, None, n_fractions=10, total_gy=40.0)
    report = called(tmp_path, (10, 4.0, 2.2), n_fractions=10, total_gy=40.0)
    assert not [f for f in plain.facts if f.name.startswith("thresholds")]
    (fact,) = [f for f in report.facts if f.name == "thresholds of what a course is called"]
    assert fact.value == "SBRT up to 10 fractions of 4 Gy or more; hypofractionated above 2.2 Gy per fraction"
    assert fact.origin.startswith("case file; ours: SBRT up to 8 fractions of 5 Gy or more")
    assert plain.lesions[0].classification.startswith("hypofractionated: ")
    assert report.lesions[0].classification.startswith("SBRT: up to 10 fractions of 4 Gy or more")
    assert "by ours: hypofractionated" in report.lesions[0].classification
    (technique,) = [f for f in report.findings if f.rule_id == "OM-7"]
    assert technique.note == report.lesions[0].classification
    for text in (render_text(report), render_json(report), render_csv(report)):
        assert "by ours: hypofractionated" in " ".join(text.split())
    assert any(t.startswith("OM-7: lesion 1") for t in plain.confirm)
    assert not any(t.startswith("OM-7: lesion 1") for t in report.confirm)
    # Names only: everything that is judged, published schemes included, stays what it is.
    assert [f for f in report.findings if f.rule_id != "OM-7"] == [f for f in plain.findings if f.rule_id != "OM-7"]
    assert (report.outcome, report.default_outcome) == (plain.outcome, plain.default_outcome)


@pytest.mark.parametrize(
    ("edges", "n_fractions", "total_gy", "told"),
    [
        # Called hypofractionated by the case file: conventional by ours, and said so.
        ((8, 5.0, 1.5), 30, 60.0, "by ours: conventional"),
        # Called conventional by the case file only.
        ((8, 5.0, 3.0), 15, 37.5, "by ours: hypofractionated"),
    ],
)
def test_a_course_that_is_conventional_by_either_is_no_sbrt(
    tmp_path: Path, edges: tuple[float, float, float], n_fractions: int, total_gy: float, told: str
) -> None:
    report = called(tmp_path, edges, n_fractions=n_fractions, total_gy=total_gy)
    (found,) = [f for f in report.findings if f.rule_id == "course:not_sbrt"]
    assert (found.consequence, found.reason) == (Outcome.INCOMPLETE, Reason.NOT_SBRT)
    assert told in found.note


def test_a_pseudonymised_report_holds_nothing_that_somebody_wrote_in_the_case_file(tmp_path: Path) -> None:
    failed = next(f for f in course().findings if f.consequence is Outcome.FAIL)
    path = tmp_path / "case.toml"
    path.write_text(
        f'[[deviation]]\nrule = "{failed.rule_id}"\nreason = "Quinby; the verdict stays so"\nname = "Quinby"\n'
        '[[other_site]]\nsite = "Quinby brain"\ntreatment = "none"\n',
        encoding="utf-8",
    )
    made = study(contours={"PTV Quinby": ball(15.0)}, prescriptions_gy={"PTV Quinby": 50.0}, n_fractions=20)
    for given in (made, study()):
        report = sbrtcheck.check_study(given, sites={"": "spine"}, case=path, pseudonymise=True)
        for text in (render_text(report), render_json(report), render_csv(report)):
            assert "Quinby" not in text
    assert any(f.note.startswith("a declared deviation") for p in report.plans for f in p.findings)


def test_another_sex_than_the_files_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    path.write_text('sex = "F"\n', encoding="utf-8")
    made = study()
    made = replace(made, patient=replace(made.patient, sex="M"))
    report = sbrtcheck.check_study(made, sites={"": "spine"}, case=path)
    assert [p.code for p in report.errors] == ["E-CONTRADICTS"]
    assert report.exit_code == 4


# ---- where a lung lesion lies


def lung_study(x_mm: float, organ: str) -> Study:
    axis = np.arange(-40.0, 40.1, 2.0)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return study(
        dose_gy=66.0 * np.exp(-((x**2 + y**2 + z**2) / 20.0**2)),
        contours={"PTV": ball(8.0), organ: tube(4.0, x_mm)},
        n_fractions=3,
        prescriptions_gy={"PTV": 54.0},
    )


def located(x_mm: float, *, organ: str = "ProximalBronchialTree", case_file: Path | None = None) -> Report:
    return sbrtcheck.check_study(lung_study(x_mm, organ), sites={"": "lung"}, case=case_file)


def place(x_mm: float, organ: str) -> Lesion:
    """The located lesion, without judging the plan."""
    given = GivenFacts(sites={"": "lung"})
    (lesion,) = with_locations(
        compute_plan(lung_study(x_mm, organ).plans[0], index=0, given=given), declared={}
    ).lesions
    return lesion


@pytest.mark.parametrize(
    ("x_mm", "gap_mm", "location"), [(11.0, 0.0, "ultracentral"), (18.0, 6.0, "central"), (34.0, 22.0, "peripheral")]
)
def test_location_by_the_distance_to_the_airway(x_mm: float, gap_mm: float, location: str) -> None:
    report = located(x_mm)
    lesion = report.lesions[0].lesion
    assert lesion.location == location
    assert dict(lesion.distances_mm)["ProximalBronchialTree"] == pytest.approx(gap_mm, abs=1.0)
    (fact,) = [f for f in report.facts if f.name == "location of PTV"]
    assert fact.value == location
    assert fact.origin.startswith("geometry: PTV ")
    assert ("ours" if location == "ultracentral" else "RTOG 0813") in fact.origin
    cautions = {f.rule_id for f in report.findings if f.kind is FindingKind.SITE_CAUTION}
    assert ("NG-2" in cautions) is (location != "peripheral")
    assert report.to_dict()["course"]["lesions"][0]["location"] == location
    assert location in render_text(report)
    bed10 = next(f for f in report.findings if f.kind is FindingKind.LESION_BED10)
    # 54/3 is published for the periphery; in central lung no row has it.
    assert ("RTOG 0236" in bed10.note) is (location == "peripheral")


def test_the_declared_location_wins_and_the_measured_one_stands_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    path.write_text('[[lesion]]\nroi = "PTV"\nlocation = "peripheral"\n', encoding="utf-8")
    report = located(18.0, case_file=path)
    lesion = report.lesions[0].lesion
    assert lesion.location == "peripheral"
    assert lesion.location_origin.startswith("case file (geometry: PTV ")
    assert lesion.location_origin.endswith("would be central)")
    assert "NG-2" not in {f.rule_id for f in report.findings}


# ---- an early-stage primary


def lung_lesion(tmp_path: Path, fact: str, *, prescription_gy: float = 54.0, site: str = "lung") -> Report:
    """The lung plan far from the airway, at a share of its dose, with one fact about its lesion."""
    path = tmp_path / "case.toml"
    path.write_text(f'[[lesion]]\nroi = "PTV"\n{fact}\n', encoding="utf-8")
    made = lung_study(34.0, "ProximalBronchialTree")
    made = study(
        dose_gy=made.plans[0].dose.dose_gy * prescription_gy / 54.0,
        contours={"PTV": ball(8.0), "ProximalBronchialTree": tube(4.0, 34.0)},
        n_fractions=3,
        prescriptions_gy={"PTV": prescription_gy},
    )
    return sbrtcheck.check_study(made, sites={"": site}, case=path)


@pytest.mark.parametrize(
    ("prescription_gy", "verdict", "consequence"),
    [(54.0, Verdict.INFORMATION, Outcome.PASS), (36.0, Verdict.NOT_MET, Outcome.MARGINAL)],
)
def test_ng3_speaks_for_a_declared_early_stage_primary_and_changes_nothing_else(
    tmp_path: Path, prescription_gy: float, verdict: Verdict, consequence: Outcome
) -> None:
    silent = lung_lesion(tmp_path, "", prescription_gy=prescription_gy)
    report = lung_lesion(tmp_path, "early_stage_primary = true", prescription_gy=prescription_gy)
    assert not [f for f in silent.findings if f.rule_id == "NG-3"]
    (found,) = [f for f in report.findings if f.rule_id == "NG-3"]
    assert (found.verdict, found.consequence, found.kind) == (verdict, consequence, FindingKind.SITE_CAUTION)
    assert (found.value, found.limit) == (pytest.approx(prescription_gy * (1 + prescription_gy / 30)), 100.0)
    assert found.source.startswith("Cancer Care Ontario")
    assert "early_stage_primary" not in found.source
    # No other finding is better or worse for it, the missed ones included, and met it adds nothing to the outcome.
    assert [f for f in report.findings if f.rule_id != "NG-3"] == list(silent.findings)
    assert any(f.consequence is not Outcome.PASS for f in silent.findings)
    assert report.outcome is worst_outcome(silent.outcome, consequence)
    (fact,) = [f for f in report.facts if f.name == "early-stage primary in PTV"]
    assert (fact.value, fact.origin) == ("yes", "case file")
    assert report.to_dict()["course"]["lesions"][0]["early_stage_primary"] is True
    assert "site caution NG-3 [lesion 1: PTV]" in " ".join(render_text(report).split())


def test_ng3_is_silent_for_what_is_declared_not_to_be_one(tmp_path: Path) -> None:
    report = lung_lesion(tmp_path, "early_stage_primary = false", prescription_gy=36.0)
    assert "NG-3" not in {f.rule_id for f in report.findings}
    assert report.lesions[0].lesion.early_stage_primary is False


@pytest.mark.parametrize("fact", ["early_stage_primary = true", 'location = "central"'])
def test_a_fact_about_lung_lesions_contradicts_another_site(tmp_path: Path, fact: str) -> None:
    report = lung_lesion(tmp_path, fact, site="spine")
    assert report.outcome is Outcome.REFUSED
    assert [p.code for p in report.errors] == ["E-CONTRADICTS"]
    assert "its site is spine" in report.errors[0].seen
    assert lung_lesion(tmp_path, "early_stage_primary = false", site="spine").outcome is not Outcome.REFUSED


def test_without_the_bronchial_tree_nothing_shows_that_a_target_is_peripheral() -> None:
    far = place(34.0, "Trachea")
    assert far.location == ""
    assert "ProximalBronchialTree is not contoured" in far.location_origin
    assert place(18.0, "Trachea").location == "central"
    none = place(18.0, "Heart")
    assert none.location == ""
    assert "neither ProximalBronchialTree nor Trachea is contoured" in none.location_origin
    assert dict(none.distances_mm)["Heart"] == pytest.approx(6.0, abs=1.0)


def test_each_lesion_has_its_own_distance_and_side() -> None:
    axis = np.arange(-60.0, 60.1, 3.0)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    near, far = np.array([-12.0, 0, 0]), np.array([42.0, 0, 0])
    r2 = np.minimum((x + 12) ** 2 + y**2 + z**2, (x - 42) ** 2 + y**2 + z**2)
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = -60.0
    lungs = {
        side: [c + np.array([x_mm, 0.0, 0.0]) for c in ball(26.0)]
        for side, x_mm in (("Lung_R", -20.0), ("Lung_L", 40.0))
    }
    made = study(
        dose_gy=66.0 * np.exp(-(r2 / 20.0**2)),
        affine=affine,
        contours={
            "PTV1": [c + near for c in ball(8.0)],
            "PTV2": [c + far for c in ball(8.0)],
            "ProximalBronchialTree": tube(3.0, 2.0),
            **lungs,
        },
        n_fractions=3,
        prescriptions_gy={"PTV1": 54.0, "PTV2": 54.0},
    )
    report = sbrtcheck.check_study(made, sites={"": "lung"})
    found = {x.lesion.ptv: x.lesion for x in report.lesions}
    assert [found[k].location for k in ("PTV1", "PTV2")] == ["central", "peripheral"]
    assert [found[k].laterality for k in ("PTV1", "PTV2")] == ["R", "L"]
    cautioned = {f.roi for f in report.findings if f.rule_id == "NG-2"}
    assert cautioned == {"PTV1"}
