"""The site of each lesion of a plan: given, a word in a name, or where the target lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sbrtcheck.anatomy.organs import Candidate
from sbrtcheck.dvh import Structure
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model import Lesion, PlanData
from sbrtcheck.tables.organs import load_regions, site_of_name


def with_sites(
    lesions: Sequence[Lesion],
    data: PlanData,
    candidates: Sequence[Candidate],
    structures: Mapping[str, Structure],
    given: Mapping[str, str],
) -> tuple[Lesion, ...]:
    """Site of each lesion: given; else a site word in a name; else where over half of the PTV lies."""
    known = {r.site for r in load_regions()} | {"other"}
    members = {m for x in lesions for m in (x.ptv, x.gtv, x.itv, x.ctv) if m}
    empty = {roi.name for roi in data.structures.rois if not roi.contours}
    for key, site in given.items():
        if site not in known:
            raise wrong_usage("E-OPTION", "--site", seen=site, remedy=f"One of: {', '.join(sorted(known))}")
        # A target without contours is no lesion, and the plan is incomplete for it: what was said of it is not wrong.
        if key and key not in members and key not in empty:
            raise wrong_usage("E-ROI-UNKNOWN", "--site", seen=key, remedy="Name a target ROI: --site PTV=lung")
    texts = [("name of the plan", data.plan.label), ("name of the plan", data.plan.name)]
    out = []
    for lesion in lesions:
        own = [m for m in (lesion.ptv, lesion.itv, lesion.gtv, lesion.ctv) if m]
        chosen = next((given[m] for m in own if m in given), given.get("", ""))
        if chosen:
            out.append(replace(lesion, site=chosen, site_origin="given by the caller"))
            continue
        refs = [("dose reference", r.description) for r in data.plan.dose_references if r.reference_type == "TARGET"]
        found = [
            (site_of_name(text), origin) for origin, text in [*(("name of the target", m) for m in own), *refs, *texts]
        ]
        site, origin = next(((s, f"a word in the {o}") for s, o in found if s), ("", ""))
        if site in {"", "spine"}:
            # L3 is a vertebra or the third lesion: a target that lies in the lung or liver is no vertebra.
            place = site_by_place(structures[lesion.ptv], candidates)
            site, origin = place if place[0] else (site, origin)
        out.append(replace(lesion, site=site, site_origin=origin))
    return tuple(out)


def site_by_place(ptv: Structure, candidates: Sequence[Candidate]) -> tuple[str, str]:
    """Over half of the PTV inside contoured lungs or liver."""
    if ptv.blocked is not None:
        return "", ""
    low, high = np.asarray(ptv.bounds_mm)
    axes = [np.linspace(a, b, 25) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    points = points[ptv.contains(points)]
    for site, organs in (("lung", ("Lungs", "Lung")), ("liver", ("Liver",))):
        shapes = [c.structure for c in candidates if c.organ in organs and c.structure is not None]
        if not shapes or not len(points):
            continue
        inside = np.any([s.contains(points) for s in shapes], axis=0)
        # The lungs may be drawn without the tumour: then what surrounds the target speaks for it.
        share = float(np.mean(inside))
        if share > 0.5:
            return site, f"geometry: {share:.0%} of the PTV lies inside {organs[0].lower()}"
    return "", ""
