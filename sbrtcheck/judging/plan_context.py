"""What the rules know of one plan, put together from its doses, the facts given and the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import safe_text
from sbrtcheck.judging.near_organs import POINT, NearStructure, near_structures
from sbrtcheck.judging.organ_limits import PlanContext
from sbrtcheck.judging.requirements import Requirements, requirements, with_clinic
from sbrtcheck.judging.stand_ins import STRICT_SITES, VESSELS, larger_stand_ins, with_vessels
from sbrtcheck.model.policy import Policy
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.policy_groups import own_organs


@dataclass(frozen=True, slots=True, eq=False)
class Judgeable:
    """A plan as it is judged: the context of its rules, what lies near its targets, and lines on what is not asked."""

    context: PlanContext
    near: tuple[NearStructure, ...]
    lines: tuple[str, ...]


def judgeable(
    doses: PlanDoses,
    policy: Policy,
    *,
    absent: Mapping[str, str],
    extra_required: Sequence[str] = (),
    liver_lesion: str = "",
) -> Judgeable:
    """A plan with what is asked for and what is near.

    Args:
        policy: as shipped, or as the clinic sets it.
        absent: organs declared absent, with the reason.
        extra_required: organs that the clinic asks for.
        liver_lesion: what the lesions of the liver are, primary or metastasis; "" when not stated.

    Raises:
        RefusedError: E-CONTRADICTS, as :func:`requirements`.
    """
    asked = with_clinic(requirements(doses, policy), extra_required)
    near = near_structures(doses, policy)
    context = PlanContext(
        label=doses.label,
        n_fractions=doses.n_fractions,
        subjects=with_vessels(doses.subjects, whole_asked_for=_whole_vessels(doses, asked)),
        required=asked.required,
        containers=larger_stand_ins(doses.containers),
        absent=absent,
        sex=doses.sex,
        out_of_reach=asked.out_of_reach,
        liver_lesion=liver_lesion,
        own_organs=own_organs((x.site, level) for x in doses.lesions for level in (x.levels or ("",))),
        policy=policy,
        away=asked.away,
        highest_gy=_highest_gy(doses),
        near=frozenset(safe_text(n.roi) for n in near if n.organ),
        not_understood=tuple(safe_text(n.roi) for n in near if not n.organ),
    )
    return Judgeable(context, near, asked.lines)


def _whole_vessels(doses: PlanDoses, asked: Requirements) -> bool:
    """Whether a lesion of the chest asks for the great vessels, of which then none may be missing."""
    if VESSELS not in asked.required:
        return False
    places = {place for place, _ in doses.places.values()}
    return "lung" in places or any(
        (x.site, level) in STRICT_SITES for x in doses.lesions for level in (x.levels or ("",))
    )


def _highest_gy(doses: PlanDoses) -> float:
    """The near-maximum of the body and of every target, at least; without a body the highest dose of the grid [Gy]."""
    found = [evaluate(POINT, doses.dvhs[x.ptv]).high for x in doses.lesions]
    body = doses.body
    found.append(evaluate(POINT, doses.dvhs[body.roi.name]).high if body is not None else None)
    if found[-1] is None:
        found.append(float(doses.data.dose.dose_gy.max()))
    return max(x for x in found if x is not None)
