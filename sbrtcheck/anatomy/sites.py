"""The site of each lesion of a plan, its level there, and whether it is in scope: given, by name, or by place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sbrtcheck.anatomy.levels import has_levels, level_by_place, level_of_texts, split_site
from sbrtcheck.anatomy.organs import Candidate
from sbrtcheck.anatomy.place import share_inside
from sbrtcheck.anatomy.scope import no_list_by_names, outside_by_names, scope_by_place
from sbrtcheck.dvh import Structure
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model import Lesion, PlanData
from sbrtcheck.tables.organs import SITES, site_of_name

GIVEN = "given by the caller"


@dataclass(frozen=True, slots=True)
class _Texts:
    """What speaks of a lesion, each with where it stands: its own names, then the plan's."""

    own: tuple[tuple[str, str], ...]
    plan: tuple[tuple[str, str], ...]

    @property
    def all(self) -> tuple[tuple[str, str], ...]:
        """Own names first."""
        return (*self.own, *self.plan)


def with_sites(
    lesions: Sequence[Lesion],
    data: PlanData,
    candidates: Sequence[Candidate],
    structures: Mapping[str, Structure],
    given: Mapping[str, str],
) -> tuple[Lesion, ...]:
    """Site, level and scope of each lesion: given; else a word in a name; else where the PTV lies.

    Args:
        data: the plan as read.
        candidates: what is contoured, for places.
        structures: ROI name to structure.
        given: target ROI ("" for every target) to ``site`` or ``site:level``.

    Raises:
        WrongUsageError: E-OPTION for no such site or level, E-ROI-UNKNOWN for no such target.
    """
    places = _given_places(lesions, data, given)
    refs = [("dose reference", r.description) for r in data.plan.dose_references if r.reference_type == "TARGET"]
    plan = (*refs, ("name of the plan", data.plan.label), ("name of the plan", data.plan.name))
    out = []
    for lesion in lesions:
        own = tuple(("name of the target", m) for m in _members(lesion))
        texts = _Texts(own, plan)
        chosen = next((places[m] for m in _members(lesion) if m in places), None)
        ptv = structures[lesion.ptv]
        site, origin = _found_site(texts, ptv, candidates)
        if chosen is None:
            # A site that is given for this very target settles what its name may mean; one for all targets does not.
            lesion = replace(lesion, scope=_scope(texts, site, origin) or scope_by_place(ptv, candidates))
            chosen = places.get("")
        lesion = replace(lesion, site=site, site_origin=origin)
        if chosen is not None:
            level_origin = GIVEN if chosen[1] else ""
            lesion = replace(lesion, site=chosen[0], site_origin=GIVEN, levels=chosen[1], level_origin=level_origin)
        out.append(_with_level(lesion, texts, ptv, candidates))
    return tuple(out)


def _members(lesion: Lesion) -> list[str]:
    return [m for m in (lesion.ptv, lesion.itv, lesion.gtv, lesion.ctv) if m]


def _given_places(
    lesions: Sequence[Lesion], data: PlanData, given: Mapping[str, str]
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Target to site and levels, as given."""
    members: Collection[str] = {m for x in lesions for m in _members(x)}
    empty = {roi.name for roi in data.structures.rois if not roi.contours}
    out = {}
    for key, text in given.items():
        try:
            site, levels = split_site(text)
        except ValueError as error:
            raise wrong_usage("E-OPTION", "--site", seen=text, remedy=str(error)) from error
        if site not in SITES:
            raise wrong_usage("E-OPTION", "--site", seen=text, remedy=f"One of: {', '.join(sorted(SITES))}")
        # A target without contours is no lesion, and the plan is incomplete for it: what was said of it is not wrong.
        if key and key not in members and key not in empty:
            raise wrong_usage("E-ROI-UNKNOWN", "--site", seen=key, remedy="Name a target ROI: --site PTV=lung")
        out[key] = site, levels
    return out


def _scope(texts: _Texts, site: str, origin: str) -> str:
    """Why the lesion has no list of organs, by its names; by those of the plan only while its site is unknown."""
    own, plan = ([text for _, text in part] for part in (texts.own, texts.plan))
    outside = outside_by_names(site, [*own, *plan] if not site else own)
    if outside or origin.startswith("geometry"):
        return outside
    if not site:
        return no_list_by_names([*own, *plan])
    return "" if _site_of_texts(texts.own)[0] else no_list_by_names(own)


def _site_of_texts(texts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    found = ((site_of_name(text), f"a word in the {origin}") for origin, text in texts)
    return next(((site, origin) for site, origin in found if site), ("", ""))


def _found_site(texts: _Texts, ptv: Structure, candidates: Sequence[Candidate]) -> tuple[str, str]:
    site, origin = _site_of_texts(texts.all)
    if site in {"", "spine"}:
        # L3 is a vertebra or the third lesion: a target that lies in the lung or liver is no vertebra.
        place = site_by_place(ptv, candidates)
        return place if place[0] else (site, origin)
    return site, origin


def _with_level(lesion: Lesion, texts: _Texts, ptv: Structure, candidates: Sequence[Candidate]) -> Lesion:
    if lesion.levels or not has_levels(lesion.site):
        return lesion
    levels, origin = level_of_texts(lesion.site, texts.all)
    if not levels:
        levels, origin = level_by_place(lesion.site, ptv.vertices_mm, candidates)
    return replace(lesion, levels=levels, level_origin=origin)


def site_by_place(ptv: Structure, candidates: Sequence[Candidate]) -> tuple[str, str]:
    """Over half of the PTV inside contoured lungs or liver."""
    for site, organs in (("lung", ("Lungs", "Lung")), ("liver", ("Liver",))):
        shapes = [c.structure for c in candidates if c.organ in organs and c.structure is not None]
        # The lungs may be drawn without the tumour: then what surrounds the target speaks for it.
        share = share_inside(ptv, shapes)
        if share > 0.5:
            return site, f"geometry: {share:.0%} of the PTV lies inside {organs[0].lower()}"
    return "", ""


def places_beside(
    lesions: Sequence[Lesion], structures: Mapping[str, Structure], candidates: Sequence[Candidate]
) -> dict[str, tuple[str, str]]:
    """For each PTV in the lung or liver whose site is said to be another one: that place, and how it is known."""
    out = {}
    for lesion in lesions:
        if lesion.site and not lesion.site_origin.startswith("geometry"):
            place, how = site_by_place(structures[lesion.ptv], candidates)
            if place and place != lesion.site:
                out[lesion.ptv] = place, how
    return out
