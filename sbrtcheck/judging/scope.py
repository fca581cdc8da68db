"""Where nothing says what must be judged, nothing passes: out of scope, a site without a list, an unknown level."""

from __future__ import annotations

from sbrtcheck.anatomy.levels import has_levels
from sbrtcheck.errors import safe_text
from sbrtcheck.model import Finding, Lesion, Reason
from sbrtcheck.model.finding import completeness
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.policy_rows import levels_of, required_organs

# One word of each kind, for a line to copy.
_EXAMPLES = {"spine": "L3", "bone": "ilium", "node": "pelvis"}


def judge_scope(doses: PlanDoses, *, listed_by_clinic: bool) -> list[Finding]:
    """INCOMPLETE for each lesion of which the site, its level or a list of organs is not known.

    Args:
        listed_by_clinic: a clinic file names organs for these sites.
    """
    found = [(x, _open(x, listed_by_clinic=listed_by_clinic)) for x in doses.lesions]
    return [
        completeness(
            rule_id=rule_id,
            plan=doses.label,
            lesion=lesion.id,
            reason=Reason.NO_SITE,
            notes=(safe_text(note, limit=400),),
        )
        for lesion, (rule_id, note) in found
        if rule_id
    ]


def _open(lesion: Lesion, *, listed_by_clinic: bool) -> tuple[str, str]:
    """(rule_id, what is not known and what to do), or ("", "")."""
    ptv, site = lesion.ptv, lesion.site
    if lesion.scope.endswith("out of scope"):
        return "site:out_of_scope", f"{ptv}: {lesion.scope}: no list of organs, and no table decides"
    if lesion.scope and not (site and listed_by_clinic):
        return "site:no_list", f"{ptv}: {lesion.scope}: nothing says which organs must be judged"
    if not site:
        return "site:unknown", f'the site of {ptv} is not known; add --site "{ptv}=SITE", one of {_sites()}'
    if site not in {r.site for r in required_organs()}:
        if listed_by_clinic:
            return "", ""
        return (
            "site:no_list",
            f"no list says which organs site {site} asks for; name them under [required] in a clinic file",
        )
    if has_levels(site) and not lesion.levels:
        known = ", ".join(levels_of(site))
        return "site:level", (
            f'the level of {ptv} in site {site} is not known; add --site "{ptv}={site}:{_EXAMPLES[site]}", '
            f"one of {known}"
        )
    return "", ""


def _sites() -> str:
    return ", ".join(dict.fromkeys(r.site for r in required_organs()))
