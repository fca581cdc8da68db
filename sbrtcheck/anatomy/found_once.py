"""What the plans of a course have in common: structures, what is made of them, and their points, each found once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from sbrtcheck.anatomy.organs import Candidate, candidates_of
from sbrtcheck.dvh import KeptSamples, ScanPlanes, Structure, build_structure
from sbrtcheck.model import Lesion, NamedRoi, Roi


@dataclass(frozen=True, slots=True)
class Shared:
    """What the plans on one structure set have in common, found once.

    ``built``: structures by the identity of their contours, which the ROI beside each keeps alive, and by all else
    that counts. ``united``: what is made of them. ``samples``: their points; None for a single plan.
    """

    built: dict[tuple[object, ...], tuple[Roi, Structure]] = field(default_factory=dict)
    united: dict[tuple[object, ...], list[Candidate]] = field(default_factory=dict)
    samples: KeptSamples | None = field(default_factory=KeptSamples)

    def structure(self, roi: Roi, scan: ScanPlanes | None) -> Structure:
        """The structure of a ROI, built once for all plans that share its contours."""
        key = (id(roi.contours), roi.name, roi.number, roi.interpreted_type, roi.problems, scan)
        if key not in self.built:
            self.built[key] = roi, build_structure(roi, scan=scan)
        return self.built[key][1]

    def candidates(
        self,
        named: Sequence[NamedRoi],
        structures: Mapping[str, Structure],
        treated: Sequence[Lesion],
        absent: Mapping[str, str],
    ) -> list[Candidate]:
        """What may stand for an organ; the same for plans that share their structures and what is treated in them."""
        key = (
            # All that tells two plans apart here: what is drawn, what it is taken for, and what is treated.
            tuple(id(structures[n.roi.name]) for n in named),
            tuple(tuple(getattr(n, f.name) for f in fields(n) if f.name != "roi") for n in named),
            tuple((x.ptv, x.ctv, x.itv, x.gtv) for x in treated),
            tuple(sorted(absent.items())),
        )
        if key not in self.united:
            self.united[key] = candidates_of(named, structures, treated, absent)
        return self.united[key]
