"""What a limit is held against: an organ or target with its dose, as one record."""

from __future__ import annotations

from dataclasses import dataclass

from sbrtcheck.model.dose import Dvh
from sbrtcheck.model.vocabulary import Reason


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One structure that stands for an organ: contoured, or derived from what is contoured.

    Attributes:
        organ: the organ as the tables name it.
        roi: the name to show; how a derived structure was made stands in ``note``.
        dvh: its dose, or the reason why there is none.
        distance_mm: distance to the nearest target [mm]; None when unknown.
        prescription_gy: of the nearest lesion [Gy], for limits in percent.
        nearest_lesion: id of the lesion at that distance; "" when unknown.
        missing_part: what is missing of a union ("the bronchial tree"), else "". Its rows can only be NOT_MET.
        missing_reason: why that part is missing: not contoured, or contoured and of no use.
        cut: the organ seems cut by the scan: means, shares and spared volumes count only where the part meets them.
    """

    organ: str
    roi: str
    dvh: Dvh
    distance_mm: float | None = None
    prescription_gy: float | None = None
    nearest_lesion: str = ""
    missing_part: str = ""
    missing_reason: Reason = Reason.PART_MISSING
    cut: bool = False
    note: str = ""
