"""Organs whose dose is given as a few steps, and a plan of them judged by the shipped tables and policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from given_limits import context, subject

from sbrtcheck.judging.levels import Held
from sbrtcheck.judging.organ_findings import judge_organs
from sbrtcheck.judging.organ_limits import PlanContext
from sbrtcheck.model import Dvh, Finding, Lesion, Samples
from sbrtcheck.model.location import Location
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables.organ_tables import choose_table, load_table, load_tables

CONTAINERS = {
    "SpinalCord": ("SpinalCanal", "SpinalCord_PRV"),
    "CaudaEquina": ("SpinalCanal", "ThecalSac"),
    "Bladder_Wall": ("Bladder",),
}


def stepped(*steps: tuple[float, float]) -> Dvh:
    """A structure of (volume [cm3], dose [Gy]) pieces, each of one dose."""
    parts = sorted(((dose, volume) for volume, dose in steps), reverse=True)
    doses = np.concatenate([np.full(50, dose) for dose, _ in parts])
    volumes = np.concatenate([np.full(50, volume / 50) for _, volume in parts])
    total = float(sum(volume for _, volume in parts))
    return Dvh(roi="x", samples=Samples(doses, volumes), total_volume_cm3=total, max_gy=float(doses[0]))


def organ(name: str, *steps: tuple[float, float], roi: str = "", **changes: object) -> Subject:
    """A subject of stepped dose beside lesion 1 with 50 Gy prescribed, 5 mm away."""
    given: dict[str, object] = {"distance_mm": 5.0, "nearest_lesion": "1", "prescription_gy": 50.0, **changes}
    return subject(name, stepped(*steps), roi=roi or name, **given)


def lesion(site: str, prescription_gy: float = 50.0, number: int = 1) -> Lesion:
    """A lesion with a prescription at a site."""
    return Lesion(id=str(number), plan_index=0, ptv=f"PTV{number}", prescription_gy=prescription_gy, site=site)


def plan(subjects: Sequence[Subject], *, n_fractions: int = 5, **changes: object) -> PlanContext:
    """The context of a plan with these organs."""
    found: dict[str, tuple[Subject, ...]] = {}
    for s in subjects:
        found[s.organ] = (*found.get(s.organ, ()), s)
    return context(found, n_fractions=n_fractions, containers=CONTAINERS, **changes)


def judged(
    *subjects: Subject,
    site: str = "lung",
    n_fractions: int = 5,
    prescription_gy: float = 50.0,
    lesions: Sequence[Lesion] | None = None,
    central: bool = False,
    absent: Mapping[str, str] | None = None,
    table: str | None = None,
    **changes: object,
) -> tuple[Finding, ...]:
    """What is found on these organs under the default table, or the one named."""
    targets = tuple(lesions) if lesions is not None else (lesion(site, prescription_gy),)
    deciding = load_table(table) if table else choose_table(n_fractions=n_fractions, site=site).table
    assert deciding is not None
    where = {x.id: Location(central=central) for x in targets}
    held = Held(plan(subjects, n_fractions=n_fractions, **changes), deciding, load_tables(), targets, where)
    return judge_organs(held, absent=absent or {}).findings


def one(findings: Sequence[Finding], organ_name: str, metric: str, *, limit: float | None = None) -> Finding:
    """The only finding on an organ and metric that is held against a limit, or against this one."""
    (found,) = [
        f
        for f in findings
        if f.organ == organ_name and f.metric == metric and f.limit is not None and limit in {None, f.limit}
    ]
    return found
