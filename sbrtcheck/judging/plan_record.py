"""One judged plan as records for the report: structures, lesions, curves, agreement with stored DVHs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sbrtcheck.dvh.agreement import compare_dvhs, match_stored
from sbrtcheck.dvh.around_targets.conformity import Conformity
from sbrtcheck.dvh.around_targets.spill import GlobalMaximum
from sbrtcheck.dvh.curve import cumulative_curve
from sbrtcheck.dvh.metrics import evaluate, like_planning_system
from sbrtcheck.errors import Problem, safe_text
from sbrtcheck.judging import guideline
from sbrtcheck.judging.achieved import achieved
from sbrtcheck.judging.plan import JudgedPlan
from sbrtcheck.judging.plan_facts import lines_of_plan, to_confirm
from sbrtcheck.judging.row_kinds import kind_of_finding
from sbrtcheck.judging.target_dose import target_doses
from sbrtcheck.model import (
    CourseThresholds,
    Curve,
    Dvh,
    FindingKind,
    FloatArray,
    LesionReport,
    MatchedBy,
    MetricValue,
    PlanReport,
    Role,
    StoredAgreement,
    StructureReport,
    Supplement,
)
from sbrtcheck.model.policy import Policy
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.plan.organ_eqd2 import eqd2_subjects, organ_eqd2
from sbrtcheck.radiobiology.lq import bed, eqd2
from sbrtcheck.tables import schemes
from sbrtcheck.tables.alpha_beta import alpha_beta_of
from sbrtcheck.tables.policy import load_policy

BED10_ALPHA_BETA_GY = schemes.BED10_ALPHA_BETA_GY
LESION_METRICS = ("D98%[Gy]", "D95%[Gy]", "D95%[%]", "D50%[Gy]", "D2%[Gy]", "Mean[Gy]", "V100%[%]")
# What many planning systems would print for a target, beside ours: they normalise by it.
AS_PLANNED = ("D95%[Gy]", "D98%[Gy]", "V100%[%]")


def plan_report(
    doses: PlanDoses,
    judged: JudgedPlan,
    default: JudgedPlan,
    *,
    maximum: GlobalMaximum,
    spill_cm3: float | None,
    agreement: tuple[StoredAgreement, ...],
    alpha_beta_gy: Mapping[str, float] | None = None,
    policy: Policy | None = None,
) -> PlanReport:
    """The record of one plan; ``alpha_beta_gy``: organ to alpha/beta [Gy] where the clinic has its own.

    ``policy``: the numbers that judge; None: the shipped ones.
    """
    policy = load_policy() if policy is None else policy
    data = doses.data
    table = judged.choice.table
    return PlanReport(
        label=doses.label,
        outcome=judged.outcome,
        table=table.name if table else "",
        table_reason=judged.choice.reason,
        n_fractions=doses.n_fractions,
        prescription_gy=tuple(x.prescription_gy for x in doses.lesions if x.prescription_gy is not None),
        findings=judged.findings,
        default_outcome=default.outcome,
        default_table=default.choice.table.name if default.choice.table else "",
        approval_status=safe_text(data.plan.approval_status) or "not stated",
        intent=safe_text(data.plan.intent) or "not stated",
        heterogeneity_correction=safe_text(data.dose.heterogeneity_correction) or "not stated",
        grid_spacing_mm=data.dose.spacing_mm,
        global_max_gy=maximum.dose_gy,
        global_max_place=safe_text(maximum.place),
        v105_outside_cm3=spill_cm3,
        sop_instance_uid=data.plan.sop_instance_uid,
        dose_sop_instance_uid=data.dose.sop_instance_uid,
        structure_set_sop_instance_uid=data.structures.sop_instance_uid,
        curves=_curves(doses),
        agreement=agreement,
        organ_eqd2=organ_eqd2(doses, clinic=alpha_beta_gy),
        eqd2_curves=_eqd2_curves(doses, alpha_beta_gy),
        unjudged=judged.unjudged,
        judged=judged.judged,
        supplements=supplement_records(judged),
        target_doses=target_doses(doses, policy),
        lines=(*data.lines, *judged.lines, *lines_of_plan(doses, policy)),
        to_do=to_confirm(doses, policy),
    )


def supplement_records(judged: JudgedPlan) -> tuple[Supplement, ...]:
    """The limits that count beside the deciding table's, each with its source: one for each organ, kind and row."""
    deciding = judged.choice.table.name if judged.choice.table else ""
    titles = {t.name: t.title for t in judged.supplied}
    out = []
    for f in judged.findings:
        kind = kind_of_finding(f)
        if f.kind is FindingKind.ORGAN_LIMIT and f.table in titles and f.table != deciding and kind is not None:
            out.append(Supplement(f.organ, kind, titles[f.table], f.rule_id))
    return tuple(dict.fromkeys(out))


def _curves(doses: PlanDoses) -> tuple[Curve, ...]:
    out = []
    for n in doses.named:
        if n.role in {Role.TARGET, Role.ORGAN}:
            name = n.roi.name
            out.append(
                cumulative_curve(
                    doses.dvhs[name], roi=name, organ=n.organ or n.target_type, plan=doses.label, role=n.role
                )
            )
    for organ, dvh in doses.derived.items():
        out.append(cumulative_curve(dvh, roi=organ, organ=organ, plan=doses.label, role=Role.ORGAN))
    return tuple(c for c in out if c is not None)


def _eqd2_curves(doses: PlanDoses, alpha_beta_gy: Mapping[str, float] | None) -> tuple[Curve, ...]:
    """Curves of EQD2 at each organ's own alpha/beta, which stands in the curve's name, with their range.

    EQD2 rises with dose: each point of the physical curve keeps its volume, and only its dose is converted.
    """
    out = []
    for organ, dvh in eqd2_subjects(doses):
        found = alpha_beta_of(organ, clinic=alpha_beta_gy)
        physical = cumulative_curve(dvh, roi=dvh.roi, organ=organ, plan=doses.label, role=Role.ORGAN)
        if found is None or physical is None:
            continue
        axis = np.asarray(physical.dose_gy)

        def converted(ratio: float, axis: FloatArray = axis) -> tuple[float, ...]:
            value = eqd2(total_dose_gy=axis, n_fractions=doses.n_fractions, alpha_beta_gy=ratio)
            return tuple(float(x) for x in value)

        ends = None
        if found.range_gy is not None:
            sides = np.array([converted(ratio) for ratio in (found.value_gy, *found.range_gy)])
            ends = (tuple(map(float, sides.min(axis=0))), tuple(map(float, sides.max(axis=0))))
        name = organ if " + " in dvh.roi else dvh.roi
        out.append(
            replace(
                physical,
                roi=safe_text(f"{name}, a/b {found.value_gy:g}"),
                dose_gy=converted(found.value_gy),
                dose_range_gy=ends,
            )
        )
    return tuple(out)


def structure_reports(doses: PlanDoses) -> list[StructureReport]:
    """Every ROI and every derived structure, with how it was understood."""
    out = []
    for n in doses.named:
        dvh = doses.dvhs[n.roi.name]
        out.append(
            _structure(
                dvh,
                roi=n.roi.name,
                organ=n.organ + (f"_{n.laterality}" if n.organ and n.laterality else ""),
                matched_by=n.matched_by,
                role=n.role,
                plan=doses.label,
                stored=n.roi.volume_cm3_stored,
                suggestion=n.suggestion,
                target_type=n.target_type,
            )
        )
    for organ, dvh in doses.derived.items():
        note = next((s.note for s in doses.subjects.get(organ, ()) if s.note), "")
        out.append(
            _structure(
                dvh, roi=organ, organ=organ, matched_by=MatchedBy.DERIVED, role=Role.ORGAN, plan=doses.label, note=note
            )
        )
    return out


def _structure(
    dvh: Dvh,
    *,
    roi: str,
    organ: str,
    matched_by: MatchedBy,
    role: Role,
    plan: str,
    stored: float | None = None,
    suggestion: str = "",
    target_type: str = "",
    note: str = "",
) -> StructureReport:
    known = dvh.blocked is None and dvh.total_volume_cm3 > 0
    return StructureReport(
        roi=safe_text(roi),
        organ=organ,
        matched_by=matched_by,
        role=role,
        plan=plan,
        volume_cm3=dvh.total_volume_cm3 if known else None,
        volume_outside_grid_fraction=dvh.outside_volume_cm3 / dvh.total_volume_cm3 if known else None,
        method=dvh.method,
        volume_cm3_stored=stored,
        note=safe_text("; ".join(x for x in (dvh.blocked_note, note, *dvh.notes) if x)),
        suggestion=safe_text(suggestion),
        target_type=target_type,
        mean_gy=evaluate("Mean[Gy]", dvh).value,
        d95_percent_gy=evaluate("D95%[Gy]", dvh).value,
        near_max_gy=evaluate("D0.035cc[Gy]", dvh).value,
    )


def lesion_reports(
    doses: PlanDoses, measured: Sequence[Conformity], *, thresholds: CourseThresholds | None = None
) -> list[LesionReport]:
    """Each lesion with what was prescribed and what was achieved, as physical dose, BED10 and EQD2."""
    by_target = {c.target: c for c in measured}
    out = []
    for lesion in doses.lesions:
        dvh = doses.dvhs[lesion.ptv]
        metrics: dict[str, MetricValue] = {
            text: evaluate(text, dvh, prescription_gy=lesion.prescription_gy) for text in LESION_METRICS
        }
        for text in AS_PLANNED:
            value = like_planning_system(text, dvh, prescription_gy=lesion.prescription_gy)
            if value is not None:
                metrics[f"by slabs and trilinear dose {text}"] = value
        for a in achieved(doses, lesion):
            name = f"{safe_text(a.roi)} {a.value.metric}"
            metrics[name] = replace(a.value, unit="Gy", note=a.tier)
        conf = by_target.get(lesion.ptv)
        prescription = lesion.prescription_gy
        classification, scheme_note = "", ""
        if prescription is not None:
            classification = guideline.classify(
                total_dose_gy=prescription, n_fractions=doses.n_fractions, own=thresholds
            ).text
            judged = guideline.judge_lesion_bed10(
                prescription_gy=prescription,
                n_fractions=doses.n_fractions,
                site=guideline.site_of(site=lesion.site, location=lesion.location),
            )
            scheme_note = "; ".join(judged.matches)
        out.append(
            LesionReport(
                lesion=lesion,
                bed10_gy=_bed10(prescription, doses.n_fractions) if prescription is not None else None,
                eqd2_10_gy=eqd2(
                    total_dose_gy=prescription, n_fractions=doses.n_fractions, alpha_beta_gy=BED10_ALPHA_BETA_GY
                )
                if prescription is not None
                else None,
                metrics=metrics,
                conformity=conf.values() if conf else {},
                classification=classification,
                scheme_note=scheme_note,
            )
        )
    return out


def _bed10(total_dose_gy: float, n_fractions: int) -> float:
    return bed(total_dose_gy=total_dose_gy, n_fractions=n_fractions, alpha_beta_gy=BED10_ALPHA_BETA_GY)


def agreement_rows(doses: PlanDoses) -> tuple[tuple[StoredAgreement, ...], tuple[Problem, ...]]:
    """Our DVHs beside those stored in the RT Dose, and a warning for each that differs beyond the band."""
    pairs, _ = match_stored(doses.data.stored_dvhs, [n.roi for n in doses.named])
    compared = [(roi, stored, compare_dvhs(doses.dvhs[roi.name], stored)) for roi, stored in pairs]
    rows, problems = [], []
    for roi, stored, agreement in sorted(compared, key=lambda item: item[2].rank):
        mean = next((d for d in agreement.differences if d.metric == "Mean[Gy]"), None)
        d95 = next((d for d in agreement.differences if d.metric == "D95%[Gy]"), None)
        rows.append(
            StoredAgreement(
                roi=safe_text(roi.name),
                volume_cm3=agreement.volume_cm3,
                stored_volume_cm3=agreement.stored_volume_cm3,
                mean_difference_gy=mean.difference_gy if mean else None,
                d95_percent_difference_gy=d95.difference_gy if d95 else None,
                dose_distance_gy=agreement.dose_distance_gy,
                volume_distance_percent=agreement.volume_distance_percent,
                verdict=agreement.verdict,
                note=safe_text("; ".join(n for n in (agreement.note, stored.note) if n), limit=400),
            )
        )
        if agreement.problem is not None:
            problems.append(agreement.problem)
        if stored.note:
            problems.append(Problem("W-STORED-DVH", roi.name, detail=stored.note))
    return tuple(rows), tuple(problems)
