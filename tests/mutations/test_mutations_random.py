"""Random damage: no answer may get better than the honest one, none may be a traceback, and silence must be harmless."""

from __future__ import annotations

from collections import Counter

import pytest

from mutations import damage, fuzz, mini, verdict

N_PARTS = 8
N_CASES = 96


def test_the_bases_are_what_they_are_called() -> None:
    outcomes = {base: mini.reference(base).outcome.value for base in mini.BASES}
    assert outcomes == {"passing": "PASS", "failing": "FAIL", "incomplete": "INCOMPLETE", "rich": "PASS"}
    assert not mini.reference("rich").warnings


def test_the_same_seed_gives_the_same_damage() -> None:
    for seed in range(len(damage.KINDS)):
        assert damage.damage(seed, "rich") == damage.damage(seed, "rich")


@pytest.mark.parametrize("part", range(N_PARTS))
def test_random_damage(part: int) -> None:
    first = fuzz.FIRST_SEED + part * N_CASES // N_PARTS
    counts, violations = fuzz.run(range(first, first + N_CASES // N_PARTS))
    assert violations == []
    assert sum(counts.values()) == N_CASES // N_PARTS
    assert {result for _, _, result in counts} <= set(verdict.RESULTS)


def test_the_seeds_of_the_suite_reach_every_kind_and_result() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(fuzz.FIRST_SEED, fuzz.FIRST_SEED + N_CASES):
        kinds[list(damage.KINDS)[seed % len(damage.KINDS)]] += 1
    assert set(kinds) == set(damage.KINDS)
    assert min(kinds.values()) >= len(mini.BASES)


def test_a_better_answer_would_be_seen() -> None:
    """The judge itself is tested: a report of the passing plan in the place of another is a violation."""
    damaged = damage.Damaged("number replaced", "", "rd.dcm", mini.files("failing"))
    assert verdict.judge("failing", damaged, mini.reference("passing")).result == "improved"
    assert verdict.judge("incomplete", damaged, mini.reference("passing")).violation
    other = {**mini.files("passing"), "rd.dcm": mini.files("rich")["rd.dcm"]}
    silent = damage.Damaged("number replaced", "", "rd.dcm", other)
    assert "DVHSequence" in verdict.judge("passing", silent, mini.reference("passing")).violation
