"""What it does to the outcome where a lung lesion lies: central and ultracentral lesions in few fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sbrtcheck.model import (
    Finding,
    FindingKind,
    Lesion,
    Level,
    MarginalReason,
    Outcome,
    Verdict,
    worst_outcome,
)
from sbrtcheck.model.finding import OWN_POLICY
from sbrtcheck.model.location import Location
from sbrtcheck.model.policy import LocationOutcome, Policy
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.lung_location import locate
from sbrtcheck.tables.policy_groups import organ_group
from sbrtcheck.tables.policy_rows import location_outcomes


def locations(doses: PlanDoses, policy: Policy) -> dict[str, Location]:
    """Lesion id to where a lung lesion lies: as measured, or as declared where that is worse."""
    return {x.id: _worse(locate(doses, x, policy), x) for x in doses.lesions if x.site == "lung"}


def _worse(found: Location, lesion: Lesion) -> Location:
    """What is declared can add to what was measured and takes nothing from it."""
    central = lesion.location in {"central", "ultracentral"}
    ultracentral = lesion.location == "ultracentral"
    if (central and not found.central) or (ultracentral and not found.ultracentral):
        return replace(
            found,
            central=True,
            ultracentral=found.ultracentral or ultracentral,
            definition=f"{lesion.location}: {lesion.location_origin}",
        )
    return found


def judge_locations(doses: PlanDoses, located: Mapping[str, Location], policy: Policy) -> list[Finding]:
    """One finding for each lung lesion whose place and number of fractions need a look, or more."""
    out = []
    for lesion in doses.lesions:
        where = located.get(lesion.id)
        rows = _rows(where, doses.n_fractions, policy) if where is not None else []
        if where is None or not rows:
            continue
        worst = worst_outcome(*(row.outcome for row in rows))
        row = next(row for row in rows if row.outcome is worst)
        out.append(_finding(doses, lesion, where, row))
    return out


def _rows(where: Location, n_fractions: int, policy: Policy) -> list[LocationOutcome]:
    """What holds for a place in so many fractions; contact with vessels alone goes before contact of any kind."""
    names = [name for name, is_there in (("central", where.central), ("ultracentral", where.ultracentral)) if is_there]
    vessels_only = where.ultracentral and bool(_contacts(where)) and _contacts(where) <= organ_group("great_vessels")
    out = []
    for name in names:
        held = [
            row
            for row in location_outcomes(policy)
            if row.location == name and row.from_fractions <= n_fractions <= row.to_fractions
        ]
        special = [row for row in held if row.vessels_only]
        out += special if vessels_only and special else [row for row in held if not row.vessels_only]
    return out


def _contacts(where: Location) -> set[str]:
    """What makes it ultracentral: the organs touched, but those that make it central only."""
    return set(where.touching) - organ_group("central_contact")


def _finding(doses: PlanDoses, lesion: Lesion, where: Location, row: LocationOutcome) -> Finding:
    note = f"{row.location} lesion in {doses.n_fractions} fractions: {where.definition}"
    fails = row.outcome is Outcome.FAIL
    return Finding(
        rule_id=f"OUR_POLICY:{row.location}",
        kind=FindingKind.SITE_CAUTION,
        verdict=Verdict.NOT_MET if fails else Verdict.MARGINAL,
        consequence=row.outcome,
        level=Level.MANDATORY if fails else Level.ADVISORY,
        table="policy",
        lesion=lesion.id,
        plan=doses.label,
        roi=lesion.ptv,
        notes=(note,),
        source=OWN_POLICY,
        marginal_reason=None if fails else MarginalReason.NEEDS_REVIEW,
        policy=(row.key,),
    )
