"""Limits carried by BED between two tabulated numbers of fractions: hand-worked numbers and what they may decide."""

from __future__ import annotations

import math

import numpy as np
import pytest
from array_studies import ball, study, tube
from given_limits import context, row, subject, table, uniform_dvh

import sbrtcheck
from sbrtcheck.judging.organ_limits import judge_organ_limits
from sbrtcheck.judging.required import required_organs_settled
from sbrtcheck.model import Level, Outcome, Verdict
from sbrtcheck.tables.carried_by_bed import alpha_beta_interval, choose_or_derive, derive_table

HEART = (row("Heart", "D0.035cc[Gy]", 24.0, n_fractions=3), row("Heart", "D0.035cc[Gy]", 34.0, n_fractions=5))


def carried(*rows, n: int = 4, **options):
    derived = derive_table(table(*rows), n_fractions=n, **options)
    return () if derived is None else derived.rows_for(n_fractions=n)


def test_a_limit_between_two_numbers_by_hand() -> None:
    # Heart, alpha/beta 3: 24 Gy in 3: 24 (8 + 3) = 264; 34 Gy in 5: 34 (6.8 + 3) = 333.2. The lower counts.
    # D (D / 4 + 3) = 264: D = 2 (-3 + sqrt(9 + 264)) = 27.0454
    (one,) = carried(*HEART)
    assert one.limit == math.floor(100 * 2 * (-3 + math.sqrt(273))) / 100 == 27.04
    assert one.derived.startswith("derived, not published: from 24 Gy in 3 by BED at alpha/beta 3 Gy")
    assert one.limit_at_fewer == 24.0
    assert one.rule_id.endswith(":derived")


def test_the_lowest_over_the_interval_of_alpha_beta_by_hand() -> None:
    # Cord: the data file has 0.54 to 8.2 Gy. From 21.9 Gy in 3:
    #   0.54: 21.9 (7.3 + 0.54) = 171.696, D = 2 (-0.54 + sqrt(0.2916 + 171.696)) = 25.149
    #   8.2:  21.9 (7.3 + 8.2) = 339.45,   D = 2 (-8.2 + sqrt(67.24 + 339.45)) = 23.933
    # From 30 Gy in 5:
    #   0.54: 30 (6 + 0.54) = 196.2, D = 26.952     8.2: 30 (6 + 8.2) = 426, D = 28.020
    assert alpha_beta_interval(["SpinalCord"], {}) == (0.54, 8.2)
    rows = (row("SpinalCord", "D0.035cc[Gy]", 21.9, n_fractions=3), row("SpinalCord", "D0.035cc[Gy]", 30.0))
    (one,) = carried(*rows)
    assert one.limit == 23.93
    # A third number of the same source, far away but lower in EQD2, counts too: 10 Gy in 1 at 8.2:
    # 10 (10 + 8.2) = 182, D = 2 (-8.2 + sqrt(67.24 + 182)) = 15.175
    (with_third,) = carried(*rows, row("SpinalCord", "D0.035cc[Gy]", 10.0, n_fractions=1))
    assert with_third.limit == 15.17


def test_the_dose_of_a_volume_is_carried_and_the_volume_stays() -> None:
    # Liver, alpha/beta 2: 17.7 Gy in 3: 17.7 (5.9 + 2) = 139.83, D = 2 (-2 + sqrt(4 + 139.83)) = 19.985
    # 21.5 Gy in 5: 21.5 (4.3 + 2) = 135.45, D = 2 (-2 + sqrt(4 + 135.45)) = 19.617
    rows = (
        row("Liver", "CV17.7Gy[cc]", 700.0, comparator=">=", n_fractions=3),
        row("Liver", "CV21.5Gy[cc]", 700.0, comparator=">=", n_fractions=5),
    )
    (one,) = carried(*rows)
    assert (one.metric_text, one.limit, one.comparator) == ("CV19.61Gy[cc]", 700.0, ">=")
    assert one.metric is not None
    assert one.metric.amount == 19.61


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 30])
def test_nothing_is_carried_outside_the_table_or_over_a_printed_row(n: int) -> None:
    assert not [r for r in carried(*HEART, n=n) if r.derived]


def test_what_is_not_the_same_limit_is_not_joined() -> None:
    low = row("Heart", "D15cc[Gy]", 24.0, n_fractions=3)
    assert carried(low, row("Heart", "D10cc[Gy]", 32.0)) == ()
    assert carried(low, row("Heart", "D15cc[Gy]", 32.0, level=Level.OPTIMAL)) == ()
    assert carried(low, row("Heart", "D15cc[Gy]", 32.0, condition="sex=F")) == ()
    assert len(carried(low, row("Heart", "D15cc[Gy]", 32.0))) == 1


def test_an_organ_without_an_alpha_beta_is_not_carried_unless_the_clinic_has_one() -> None:
    rows = (row("Duodenum", "D5cc[Gy]", 16.5, n_fractions=3), row("Duodenum", "D5cc[Gy]", 18.0))
    assert carried(*rows) == ()
    (one,) = carried(*rows, alpha_betas_gy={"Duodenum": 4.0})
    # 16.5 (5.5 + 4) = 156.75, D = 2 (-4 + sqrt(16 + 156.75)) = 18.287; 18 (3.6 + 4) = 136.8, D = 16.722
    assert one.limit == 16.72


@pytest.mark.parametrize(
    ("dose_gy", "verdict", "outcome"),
    [
        (10.0, Verdict.MARGINAL, Outcome.MARGINAL),
        (27.5, Verdict.NOT_MET, Outcome.FAIL),
        (23.95, Verdict.MARGINAL, Outcome.MARGINAL),
    ],
)
def test_a_carried_limit_is_never_better_than_marginal(dose_gy: float, verdict: Verdict, outcome: Outcome) -> None:
    derived = derive_table(table(*HEART), n_fractions=4)
    assert derived is not None
    at_four = context(
        {"Heart": (subject("Heart", uniform_dvh(dose_gy)),)}, n_fractions=4, required={"Heart": "site lung"}
    )
    (finding,) = judge_organ_limits(at_four, derived)
    assert (finding.verdict, finding.consequence) == (verdict, outcome)
    assert "derived, not published" in finding.note
    assert finding.trust == "derived, not published, from a transcription"
    assert "not printed for 4 fractions" in finding.source
    assert required_organs_settled(at_four, derived, [finding]) == ()


def test_beyond_the_carried_limit_but_within_that_of_fewer_fractions_a_person_decides() -> None:
    # 20 Gy in 3: 20 (6.667 + 3) = 193.33; 22 Gy in 5: 22 (4.4 + 3) = 162.8, D = 2 (-3 + sqrt(171.8)) = 20.214;
    # 20 Gy in 1 is 20 (20 + 3) = 460. With 12 Gy in 1: 12 (12 + 3) = 180, D = 21.495. The lowest is 20.21.
    rows = (row("Heart", "D1cc[Gy]", 21.0, n_fractions=3), row("Heart", "D1cc[Gy]", 22.0))
    derived = derive_table(table(*rows), n_fractions=4)
    assert derived is not None
    assert derived.rows_for(n_fractions=4)[0].limit == 20.21
    for dose_gy, outcome in ((20.5, Outcome.MARGINAL), (21.5, Outcome.FAIL)):
        heart = {"Heart": (subject("Heart", uniform_dvh(dose_gy)),)}
        (finding,) = judge_organ_limits(context(heart, n_fractions=4), derived)
        assert (finding.verdict, finding.consequence) == (Verdict.NOT_MET, outcome)


def test_the_choice_says_what_was_done() -> None:
    plain = choose_or_derive(n_fractions=5, site="lung")
    assert plain.table is not None
    assert plain.table.name == "aapm_tg101"
    assert not any(r.derived for r in plain.table.rows)
    six = choose_or_derive(n_fractions=6, site="lung")
    assert six.table is not None
    assert six.table.name == "timmerman_2022"
    assert "derived, not published" in six.reason
    assert "5 and 8 are the nearest" in six.reason
    assert choose_or_derive(n_fractions=35, site="lung").table is None


def test_in_a_check_the_default_stays_not_evaluable() -> None:
    six = study(
        n_fractions=6,
        dose_gy=0.45 * np.asarray(study().plans[0].dose.dose_gy),
        prescriptions_gy={"PTV": 24.0},
        contours={"PTV": ball(15.0), "SpinalCord": tube(5.0, 33.0), "Esophagus": tube(6.0, -33.0)},
    )
    default = sbrtcheck.check_study(six, sites={"": "spine:C3"})
    assert default.plans[0].table == ""
    assert default.outcome is Outcome.INCOMPLETE
    derived = sbrtcheck.check_study(six, sites={"": "spine:C3"}, derive=True)
    assert derived.plans[0].table == "timmerman_2022"
    assert derived.default_outcome is Outcome.INCOMPLETE
    assert derived.plans[0].outcome is Outcome.MARGINAL
    cord = [f for f in derived.findings if f.organ == "SpinalCord" and f.limit is not None and f.table]
    assert {f.verdict for f in cord if f.consequence is not Outcome.PASS} == {Verdict.MARGINAL}
    assert derived.options.derive
