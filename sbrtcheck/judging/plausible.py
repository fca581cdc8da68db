"""Organs whose contours are not believed leave a plan incomplete until somebody has confirmed them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sbrtcheck.anatomy.exclusive import Doubtful, implausible_volumes, overlapping
from sbrtcheck.anatomy.points import points_of
from sbrtcheck.errors import safe_text
from sbrtcheck.judging.organ_limits import PlanContext
from sbrtcheck.model import Finding, FindingKind, Reason
from sbrtcheck.model.finding import completeness, information
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.organs import organ_info, split_side


def implausible_organs(doses: PlanDoses, context: PlanContext) -> list[Finding]:
    """INCOMPLETE for each organ that matters to this plan and is hardly what its name says; settled by ``confirmed``.

    Args:
        context: for what is required, what is near, and the policy.
    """
    body = points_of(doses.body)[:, 2] if doses.body is not None else None
    scan_mm = (float(body.min()), float(body.max())) if body is not None and len(body) else None
    share = context.policy.value("near.overlap_share_percent") / 100
    found = (
        *overlapping(doses.named, doses.structures, share=share),
        *implausible_volumes(doses.candidates, scan_mm=scan_mm),
    )
    required = {o for requirement in context.required for o in requirement.split("|")}
    out: dict[str, Doubtful] = {}
    for doubt in found:
        rois = {safe_text(roi) for roi in doubt.roi.split(" + ")}
        if rois & context.near or _is_required(doubt.organ, required):
            before = out.get(doubt.organ)
            out[doubt.organ] = doubt if before is None else replace(before, what=f"{before.what}; {doubt.what}")
    return [_finding(doses, doubt) for doubt in out.values()]


def _is_required(organ: str, required: Collection[str]) -> bool:
    """Whether an organ, the whole that it is a part of, or what it may settle is required."""
    base = split_side(organ)[0]
    info = organ_info()
    wholes = {o for o, i in info.items() if any({organ, base} & set(part) for part in i.union_of)}
    inside = {o for o, i in info.items() if base in i.containers or base in i.judged_by}
    return bool(({organ, base} | wholes | inside) & set(required))


def _finding(doses: PlanDoses, doubt: Doubtful) -> Finding:
    base, roi = split_side(doubt.organ)[0], safe_text(doubt.roi)
    rule_id = f"implausible:{doubt.organ}"
    if {base, doubt.organ} & doses.given.confirmed:
        note = safe_text(f"{doubt.organ}: {doubt.what}; confirmed in the case file", limit=300)
        return information(
            rule_id=rule_id,
            kind=FindingKind.CONSISTENCY,
            plan=doses.label,
            organ=doubt.organ,
            roi=roi,
            notes=(note,),
        )
    note = safe_text(
        f"is {doubt.roi} really the organ {doubt.organ}? {doubt.what}; if it is, add to the case file: "
        f'confirmed = ["{base}"]',
        limit=400,
    )
    return completeness(
        rule_id=rule_id, plan=doses.label, organ=doubt.organ, roi=roi, reason=Reason.NOT_DECLARED, notes=(note,)
    )
