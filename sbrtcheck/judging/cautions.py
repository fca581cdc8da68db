"""What neighbouring guidelines say beside the rules: cautions by site, information only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sbrtcheck.model.vocabulary import Outcome, Verdict
from sbrtcheck.radiobiology.lq import bed
from sbrtcheck.tables import schemes
from sbrtcheck.tables.neighbours import NEIGHBOURS_FILE, neighbours_document

_CONDITIONS = {
    "location",
    "max_n_fractions",
    "min_n_fractions",
    "max_distance_to_airway_mm",
    "early_stage_primary",
}


@dataclass(frozen=True, slots=True)
class Caution:
    """One caution that applies. ``outcome`` is our policy and never that of an OM rule: PASS is a message only.

    ``bed10_gy`` and ``min_bed10_gy`` [Gy] are there where the caution asks for a BED10: then it speaks met and missed.
    """

    id: str
    text: str
    source: str
    status: str
    outcome: Outcome
    verdict: Verdict
    bed10_gy: float | None = None
    min_bed10_gy: float | None = None


def site_cautions(
    *,
    site: str,
    prescription_gy: float,
    n_fractions: int,
    location: str = "",
    distance_to_airway_mm: float | None = None,
    early_stage_primary: bool | None = None,
) -> tuple[Caution, ...]:
    """The cautions for one lung lesion. A caution whose fact is unknown does not apply.

    Args:
        site: site of the lesion; only lung has cautions.
        prescription_gy: total dose [Gy].
        n_fractions: number of fractions.
        location: "peripheral", "central" or "ultracentral", "" where it is not known.
        distance_to_airway_mm: from the PTV to the bronchial tree or trachea [mm].
        early_stage_primary: True for an early-stage primary lung cancer.

    Raises:
        WrongUsageError: E-DOMAIN.
    """
    if not site.startswith("lung"):
        return ()
    where = location or site.partition("_")[2]
    bed10_gy = bed(total_dose_gy=prescription_gy, n_fractions=n_fractions, alpha_beta_gy=schemes.BED10_ALPHA_BETA_GY)

    def holds(when: Mapping[str, Any]) -> bool:
        unknown = set(when) - _CONDITIONS
        if unknown:
            raise KeyError(f"{NEIGHBOURS_FILE}: unknown condition {sorted(unknown)[0]}")
        near = when.get("max_distance_to_airway_mm")
        return (
            ("location" not in when or where in when["location"])
            and n_fractions <= when.get("max_n_fractions", n_fractions)
            and n_fractions >= when.get("min_n_fractions", n_fractions)
            and (near is None or (distance_to_airway_mm is not None and distance_to_airway_mm <= near))
            and ("early_stage_primary" not in when or early_stage_primary is when["early_stage_primary"])
        )

    return tuple(
        _caution(raw, bed10_gy) for raw in neighbours_document(NEIGHBOURS_FILE)["caution"] if holds(raw["when"])
    )


def _caution(raw: Mapping[str, Any], bed10_gy: float) -> Caution:
    texts, outcome = (raw["id"], raw["text"], raw["source"], raw["status"]), Outcome(raw["outcome"])
    wanted = raw.get("min_bed10_gy")
    if wanted is None:
        return Caution(*texts, outcome, Verdict.INFORMATION if outcome is Outcome.PASS else Verdict.MARGINAL)
    # A BED10 of 100 written as 99.99999999999999 is not below 100.
    if bed10_gy >= wanted - 1e-9:
        return Caution(*texts, Outcome.PASS, Verdict.INFORMATION, bed10_gy, wanted)
    return Caution(*texts, outcome, Verdict.NOT_MET, bed10_gy, wanted)
