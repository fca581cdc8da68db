"""Where a lung lesion lies, by the definitions of the policy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """Central and ultracentral as geometry shows them; neither: peripheral.

    ``touching``: organs that the PTV touches. ``definition``: the one that counted, with its source.
    """

    central: bool = False
    ultracentral: bool = False
    touching: tuple[str, ...] = ()
    definition: str = ""
