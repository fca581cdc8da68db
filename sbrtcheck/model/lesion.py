"""A named ROI and a lesion: the unit that a prescription and a verdict belong to."""

from __future__ import annotations

from dataclasses import dataclass

from sbrtcheck.model.study import Roi
from sbrtcheck.model.vocabulary import MatchedBy, Role


@dataclass(frozen=True, slots=True, eq=False)
class NamedRoi:
    """A ROI and how its name was understood.

    Attributes:
        organ: the organ as the tables name it, without side (role ORGAN; PRV: the organ that it surrounds).
        laterality: "L", "R" or "".
        target_type: GTV, IGTV, ITV, CTV or PTV (role TARGET).
        ambiguous_with: names of other ROIs that claim the same organ and side.
        suggestion: a close name, only ever a suggestion.
        dose_token_gy: a dose level found in the name [Gy]; ``lesion_token``: a lesion number or place found in it.
    """

    roi: Roi
    role: Role
    organ: str = ""
    laterality: str = ""
    target_type: str = ""
    matched_by: MatchedBy = MatchedBy.NONE
    matched_text: str = ""
    ambiguous_with: tuple[str, ...] = ()
    suggestion: str = ""
    dose_token_gy: float | None = None
    lesion_token: str = ""


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion: its target structures, its own prescription and number of fractions.

    ``prescription_gy`` [Gy] and ``n_fractions`` are None while unknown; ``linked_by`` says how the
    prescription came to this target.
    ``site`` is lung, spine, liver, adrenal, bone, node, other or "" (unknown), with ``site_origin``.
    ``levels``: where in its site (L3; T5 and T6; pelvis), empty while unknown or where the site has none, with
    ``level_origin``.
    ``scope``: why nothing says what must be judged beside it ("brain: out of scope"), else "".
    ``location``: of a lung lesion, "peripheral", "central", "ultracentral" or "" (unknown), with ``location_origin``.
    ``early_stage_primary``: whether a lung lesion is declared an early-stage primary; None while nobody says so.
    ``distances_mm``: organ to the distance of the PTV [mm], airway and mediastinum, where contoured.
    """

    id: str
    plan_index: int
    ptv: str
    gtv: str = ""
    itv: str = ""
    ctv: str = ""
    prescription_gy: float | None = None
    n_fractions: int | None = None
    linked_by: str = ""
    site: str = ""
    site_origin: str = ""
    levels: tuple[str, ...] = ()
    level_origin: str = ""
    scope: str = ""
    volume_cm3: float | None = None
    laterality: str = ""
    location: str = ""
    location_origin: str = ""
    distances_mm: tuple[tuple[str, float], ...] = ()
    early_stage_primary: bool | None = None

    @property
    def near_minimum_roi(self) -> str:
        """The structure whose near-minimum counts: IGTV/ITV, else GTV, else CTV, else PTV."""
        return self.itv or self.gtv or self.ctv or self.ptv
