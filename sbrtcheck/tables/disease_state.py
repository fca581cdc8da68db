"""The ESTRO/EORTC state of oligometastatic disease from facts; a missing fact is asked for by name, never assumed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sbrtcheck.radiobiology.lq import checked_positive
from sbrtcheck.tables import datafiles

STATES_FILE = "estro_eortc_states_2020.toml"


@dataclass(frozen=True, slots=True)
class DiseaseState:
    """Where the facts lead in the tree.

    Attributes:
        state: one of the nine leaves, or "" when a fact is missing or the facts fit no leaf.
        path: each question with its answer, in order.
        missing: names of the facts that the next step needs; empty when ``state`` is known.
        note: why there is no leaf, in words.
        source: title, citation and status of the tree.
    """

    state: str
    path: tuple[str, ...]
    missing: tuple[str, ...] = ()
    note: str = ""
    source: str = ""


@cache
def _tree() -> dict[str, Any]:
    return datafiles.read_toml(datafiles.data_path("guideline", STATES_FILE), code="E-DATA")[0]


def leaves() -> tuple[str, ...]:
    """The names of the nine leaves."""
    return tuple(name for group in _tree()["leaf"].values() for name in group.values() if name)


def questions() -> dict[str, str]:
    """Name of each fact of the tree to the question that it answers, in the order of the tree."""
    return dict(_tree()["question"])


def classify_disease_state(
    *,
    history_of_polymetastatic_disease: bool | None = None,
    history_of_oligometastatic_disease: bool | None = None,
    months_since_primary_diagnosis: float | None = None,
    on_systemic_therapy: bool | None = None,
    progressing: bool | None = None,
) -> DiseaseState:
    """Walk the tree with the facts given; None is "not known". Facts that the path does not need are not asked for.

    Args:
        history_of_polymetastatic_disease: True leads to the induced states.
        history_of_oligometastatic_disease: True leads to the repeat states.
        months_since_primary_diagnosis: from the diagnosis of the primary to that of the metastases [months].
        on_systemic_therapy: at the time of the diagnosis of the metastases.
        progressing: under that therapy.

    Raises:
        WrongUsageError: E-DOMAIN for a negative or non-finite number of months.

    Reference: Guckenberger M et al., Lancet Oncol 2020;21:e18, the tree as recollected.
    """
    tree = _tree()
    source = f"{tree['title']} ({tree['citation']}); {tree['status']}"
    path: list[str] = []

    def ask(name: str, answer: bool | None) -> DiseaseState | None:
        if answer is None:
            return DiseaseState("", tuple(path), (name,), f"needed next: {tree['question'][name]}", source)
        path.append(f"{name}: {'yes' if answer else 'no'}")
        return None

    stop = ask("history_of_polymetastatic_disease", history_of_polymetastatic_disease)
    if stop:
        return stop
    group = "induced"
    if not history_of_polymetastatic_disease:
        stop = ask("history_of_oligometastatic_disease", history_of_oligometastatic_disease)
        if stop:
            return stop
        group = "repeat"
        if not history_of_oligometastatic_disease:
            name, within = "months_since_primary_diagnosis", tree["synchronous_within_months"]
            if months_since_primary_diagnosis is None:
                return DiseaseState("", tuple(path), (name,), f"needed next: {tree['question'][name]}", source)
            months = checked_positive(months_since_primary_diagnosis, name, zero_allowed=True)
            path.append(f"{name}: {months:g} ({'within' if months <= within else 'more than'} {within:g})")
            if months <= within:
                return DiseaseState(tree["leaf"]["synchronous"]["any"], tuple(path), source=source)
            group = "metachronous"
    stop = ask("on_systemic_therapy", on_systemic_therapy)
    if stop:
        return stop
    leaf = tree["leaf"][group]
    if not on_systemic_therapy:
        return DiseaseState(leaf["off_therapy"], tuple(path), source=source)
    stop = ask("progressing", progressing)
    if stop:
        return stop
    state = leaf["progressing" if progressing else "not_progressing"]
    note = "" if state else f"the tree has no leaf for {group} disease that does not progress on systemic therapy"
    return DiseaseState(state, tuple(path), note=note, source=source)
