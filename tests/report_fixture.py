"""Hand-made reports that hold every kind of finding, for the tests of the renderers. No number here is clinical advice."""

from __future__ import annotations

import math
from dataclasses import replace

from sbrtcheck.errors import Problem
from sbrtcheck.model import (
    Cumulative,
    Curve,
    Fact,
    Finding,
    FindingKind,
    InputFile,
    Lesion,
    LesionDistance,
    LesionReport,
    Level,
    MatchedBy,
    MetricValue,
    Options,
    Outcome,
    PlanReport,
    Reason,
    Report,
    Role,
    StoredAgreement,
    StructureReport,
    SummedMetric,
    SummedOrgan,
    Supplement,
    TableUsed,
    TargetDose,
    Unjudged,
    Verdict,
)
from sbrtcheck.model.policy import SupplementKind

PLAN = "central_50_5"
TABLE = "aapm_tg101"
TRUST = "cross-checked transcription"
METHOD = "interpolated contours, cubic dose, 60000 points"


def organ_limit(
    organ: str,
    metric: str,
    comparator: str,
    limit: float,
    value: float | None,
    *,
    band: float = 0.15,
    unit: str = "Gy",
    level: Level = Level.MANDATORY,
    verdict: Verdict = Verdict.MET,
    consequence: Outcome = Outcome.PASS,
    reason: Reason | None = None,
    roi: str = "",
    note: str = "",
    endpoint: str = "G3+",
    plan: str = PLAN,
) -> Finding:
    margin = share = None
    if value is not None:
        margin = limit - value if comparator in {"<", "<="} else value - limit
        share = value / limit if comparator in {"<", "<="} else limit / value
    return Finding(
        rule_id=f"{TABLE}:{organ}:5:{metric}:{comparator}",
        kind=FindingKind.ORGAN_LIMIT,
        verdict=verdict,
        consequence=consequence,
        level=level,
        table=TABLE,
        plan=plan,
        organ=organ,
        roi=roi or organ,
        metric=metric,
        value=value,
        low=None if value is None else value - band,
        high=None if value is None else value + band,
        unit=unit,
        comparator=comparator,
        limit=limit,
        reason=reason,
        notes=(note,) if note else (),
        source=f"AAPM TG-101, 5 fractions: {endpoint}",
        trust=TRUST,
        margin=margin,
        share=share,
    )


def plan_findings() -> tuple[Finding, ...]:
    point = "maximum taken at 0.035 cc (as the source says)"
    airway = "Trachea+ProximalBronchialTree"
    return (
        organ_limit("SpinalCord", "D0.035cc[Gy]", "<=", 30.0, 21.37, note=point, endpoint="myelitis"),
        organ_limit(
            "SpinalCord", "D0.35cc[Gy]", "<", 23.0, 22.9, verdict=Verdict.MARGINAL, consequence=Outcome.MARGINAL
        ),
        organ_limit(
            airway,
            "D0.035cc[Gy]",
            "<=",
            40.0,
            47.13,
            roi="ProximalBronchialTree",
            verdict=Verdict.NOT_MET,
            consequence=Outcome.FAIL,
            endpoint="G3+ stenosis/fistula",
            note=point,
        ),
        organ_limit(
            airway,
            "D4cc[Gy]",
            "<",
            16.5,
            16.52,
            roi="ProximalBronchialTree",
            verdict=Verdict.NOT_MET,
            consequence=Outcome.FAIL,
            endpoint="G3+ stenosis/fistula",
            note="the limit lies inside the numerical band",
        ),
        organ_limit("Esophagus", "D5cc[Gy]", "<", 19.5, 12.02),
        organ_limit("Heart", "D15cc[Gy]", "<", 32.0, 20.9, endpoint="pericarditis"),
        organ_limit(
            "Lungs",
            "CV12.5Gy[cc]",
            ">=",
            1500.0,
            2841.0,
            band=11.0,
            unit="cc",
            roi="Lung_L+Lung_R",
            endpoint="basic function",
        ),
        organ_limit(
            "Rib",
            "D1cc[Gy]",
            "<",
            35.0,
            36.2,
            level=Level.OPTIMAL,
            verdict=Verdict.NOT_MET,
            consequence=Outcome.PASS_WITH_VARIATION,
            endpoint="pain or fracture",
            roi="Chestwall",
        ),
        organ_limit(
            "GreatVes",
            "D10cc[Gy]",
            "<",
            47.0,
            None,
            verdict=Verdict.NOT_EVALUABLE,
            consequence=Outcome.INCOMPLETE,
            reason=Reason.PART_MISSING,
            note="the vena cava not contoured; what is contoured meets the limit",
            roi="Aorta",
        ),
        organ_limit(
            "Stomach",
            "D10cc[Gy]",
            "<",
            18.0,
            None,
            verdict=Verdict.NOT_EVALUABLE,
            reason=Reason.OUTSIDE_GRID,
            note="82 % of the structure lies outside the dose grid",
        ),
        Finding(
            rule_id="required:BrachialPlex",
            kind=FindingKind.COMPLETENESS,
            verdict=Verdict.NOT_EVALUABLE,
            consequence=Outcome.INCOMPLETE,
            level=Level.MANDATORY,
            plan=PLAN,
            organ="BrachialPlex",
            reason=Reason.NO_ROI,
            notes=(
                "BrachialPlex is required (target within 50 mm of the lung apex) and is not contoured or not recognised",
            ),
        ),
        Finding(
            rule_id="icru91:PTV:D95%",
            kind=FindingKind.TARGET_GOAL,
            verdict=Verdict.MET,
            consequence=Outcome.PASS,
            level=Level.OPTIMAL,
            table="target_icru91",
            plan=PLAN,
            lesion="1",
            organ="PTV",
            roi="PTV_5000",
            metric="D95%[%]",
            value=100.2,
            low=99.8,
            high=100.4,
            unit="%",
            comparator=">=",
            limit=100.0,
            margin=0.2,
            share=100.0 / 100.2,
            source="target goals",
            trust="our policy",
        ),
        Finding(
            rule_id="rtog0813:R50",
            kind=FindingKind.CONFORMITY,
            verdict=Verdict.NOT_MET,
            consequence=Outcome.PASS_WITH_VARIATION,
            level=Level.OPTIMAL,
            table="rtog_0813_target",
            plan=PLAN,
            lesion="1",
            organ="PTV",
            roi="PTV_5000",
            metric="R50",
            value=5.31,
            low=5.27,
            high=5.36,
            unit="",
            comparator="<",
            limit=4.9,
            margin=-0.41,
            share=5.31 / 4.9,
            source="RTOG 0813, PTV 22 cc",
            trust="transcription",
            notes=("minor deviation",),
        ),
        Finding(
            rule_id="om10:bed10",
            kind=FindingKind.LESION_BED10,
            verdict=Verdict.MET,
            consequence=Outcome.PASS,
            level=Level.ADVISORY,
            table="astro_estro_om_nsclc_2023",
            plan=PLAN,
            lesion="1",
            roi="PTV_5000",
            metric="BED(a/b=10)",
            value=100.0,
            low=100.0,
            high=100.0,
            unit="Gy",
            comparator=">",
            limit=75.0,
            margin=25.0,
            share=0.75,
            source="ASTRO/ESTRO oligometastatic NSCLC 2023, KQ4",
            trust="unverified threshold",
        ),
        Finding(
            rule_id="hilus",
            kind=FindingKind.SITE_CAUTION,
            verdict=Verdict.INFORMATION,
            consequence=Outcome.PASS,
            level=Level.INFORMATION,
            plan=PLAN,
            lesion="1",
            source="HILUS",
            notes=("the PTV lies 4 mm from the bronchial tree",),
        ),
        Finding(
            rule_id="dose-rx",
            kind=FindingKind.CONSISTENCY,
            verdict=Verdict.MET,
            consequence=Outcome.PASS,
            level=Level.INFORMATION,
            plan=PLAN,
            lesion="1",
            roi="PTV_5000",
            notes=("n x sum of beam doses 50.1 Gy, prescription 50 Gy, PTV D50% 54.2 Gy",),
        ),
        Finding(
            rule_id="stricter:uk_sabr_2022:Esophagus",
            kind=FindingKind.STRICTER_SOURCE,
            verdict=Verdict.NOT_MET,
            consequence=Outcome.PASS_WITH_VARIATION,
            level=Level.OPTIMAL,
            table="uk_sabr_2022",
            plan=PLAN,
            organ="Esophagus",
            roi="Esophagus",
            metric="D0.5cc[Gy]",
            value=35.6,
            low=35.4,
            high=35.8,
            unit="Gy",
            comparator="<",
            limit=34.0,
            margin=-1.6,
            share=35.6 / 34.0,
            source="UK SABR 2022, 5 fractions: not printed",
            trust="secondary transcription",
        ),
        replace(
            organ_limit("Heart", "D0.5cc[Gy]", "<", 50.0, 31.4, level=Level.INFORMATION, endpoint="not printed"),
            kind=FindingKind.OTHER_SOURCE,
            table="lustre",
            rule_id="lustre:Heart",
            source="LUSTRE, 5 fractions",
        ),
    )


def _curve(
    roi: str, organ: str, role: Role, mid_gy: float, width_gy: float, volume_cm3: float, plan: str = PLAN
) -> Curve:
    dose = tuple(float(d) / 2 for d in range(130))
    volume = tuple(100.0 / (1.0 + math.exp((d - mid_gy) / width_gy)) for d in dose)
    return Curve(roi=roi, organ=organ, plan=plan, role=role, dose_gy=dose, volume_percent=volume, volume_cm3=volume_cm3)


def curves(plan: str = PLAN) -> tuple[Curve, ...]:
    return (
        _curve("PTV_5000", "PTV", Role.TARGET, 54.0, 0.9, 22.4, plan),
        _curve("ITV", "ITV", Role.TARGET, 56.0, 0.7, 9.1, plan),
        _curve("SpinalCord", "SpinalCord", Role.ORGAN, 9.0, 2.6, 41.0, plan),
        _curve("ProximalBronchialTree", "ProximalBronchialTree", Role.ORGAN, 14.0, 5.6, 29.0, plan),
        _curve("Esophagus", "Esophagus", Role.ORGAN, 8.0, 4.0, 33.0, plan),
        _curve("Heart", "Heart", Role.ORGAN, 3.5, 3.9, 640.0, plan),
        _curve("Lung_L+Lung_R", "Lungs", Role.ORGAN, 1.1, 3.1, 3620.0, plan),
        _curve("Chestwall", "Rib", Role.ORGAN, 4.0, 4.8, 310.0, plan),
    )


def plan_report() -> PlanReport:
    return PlanReport(
        label=PLAN,
        outcome=Outcome.FAIL,
        table=TABLE,
        table_reason="covers 5 fractions and the site lung",
        n_fractions=5,
        prescription_gy=(50.0,),
        findings=plan_findings(),
        default_outcome=None,
        default_table="",
        approval_status="UNAPPROVED",
        intent="CURATIVE",
        heterogeneity_correction="IMAGE",
        grid_spacing_mm=(2.0, 2.0, 2.5),
        global_max_gy=63.42,
        global_max_place="inside ITV",
        v105_outside_cm3=0.31,
        sop_instance_uid="1.2.826.0.1.3680043.8.498.1",
        dose_sop_instance_uid="1.2.826.0.1.3680043.8.498.2",
        structure_set_sop_instance_uid="1.2.826.0.1.3680043.8.498.3",
        curves=curves(),
        agreement=(
            StoredAgreement(
                roi="Heart",
                volume_cm3=640.0,
                stored_volume_cm3=638.5,
                mean_difference_gy=0.02,
                d95_percent_difference_gy=-0.01,
                dose_distance_gy=0.05,
                volume_distance_percent=0.4,
                verdict="agrees",
                note="",
            ),
        ),
        target_doses=(
            TargetDose(
                lesion="1",
                target="PTV_5000",
                prescription_gy=50.0,
                beams_gy=50.1,
                d95_gy=50.1,
                d98_gy=49.42,
                d50_gy=54.18,
                near_maximum_gy=61.03,
                covers="95 % of the PTV",
            ),
        ),
        unjudged=(Unjudged("Bowel", "Bowel", 45.7, 12.1, 3.2, "AAPM TG-101 has no row for it at 5 fractions"),),
        supplements=(Supplement("Lungs", SupplementKind.MEAN, "RTOG 0813", "RTOG_0813:Lungs:5:Mean[Gy]:optimal"),),
        to_do=("Contour BrachialPlex, or state in the case file how far it lies.",),
        lines=("Dose grid of 2.5 mm: more than 2 mm beside a small target.",),
        judged=("SpinalCord", "Esophagus"),
    )


def structures() -> tuple[StructureReport, ...]:
    def one(
        roi: str, organ: str, how: MatchedBy, role: Role = Role.ORGAN, volume: float | None = 30.0, **rest: object
    ) -> StructureReport:
        base = StructureReport(
            roi=roi,
            organ=organ,
            matched_by=how,
            role=role,
            plan=PLAN,
            volume_cm3=volume,
            volume_outside_grid_fraction=0.0,
            method=METHOD,
        )
        return replace(base, **rest)  # type: ignore[arg-type]

    return (
        one("PTV_5000", "", MatchedBy.NAME, Role.TARGET, 22.4, target_type="PTV", volume_cm3_stored=22.5),
        one("ITV", "", MatchedBy.NAME, Role.TARGET, 9.1, target_type="ITV"),
        one("SpinalCord", "SpinalCord", MatchedBy.NAME, volume=41.0),
        one("ProximalBronchialTree", "ProximalBronchialTree", MatchedBy.NAME, volume=29.0),
        one("Oesophagus", "Esophagus", MatchedBy.ALIAS, volume=33.0),
        one("Heart", "Heart", MatchedBy.NAME, volume=640.0, mean_gy=4.13),
        one("Lung_L+Lung_R", "Lungs", MatchedBy.DERIVED, volume=3620.0),
        one("rippen li", "Rib", MatchedBy.MAP, volume=310.0),
        one("Stomach", "Stomach", MatchedBy.NAME, volume=210.0, volume_outside_grid_fraction=0.82),
        one("BODY", "", MatchedBy.TYPE, Role.BODY, 21000.0),
        one(
            "BrachPlexus?",
            "",
            MatchedBy.NONE,
            Role.UNMATCHED,
            None,
            suggestion="BrachialPlex",
            volume_outside_grid_fraction=None,
            method="",
        ),
        one("Dummy 1", "", MatchedBy.NONE, Role.UNMATCHED, 4.0),
    )


def exactly(metric: str, value: float, unit: str) -> MetricValue:
    """A value without a band."""
    return MetricValue(metric, value, value, value, unit)


def lesions() -> tuple[LesionReport, ...]:
    lesion = Lesion(
        id="1",
        plan_index=0,
        ptv="PTV_5000",
        itv="ITV",
        prescription_gy=50.0,
        n_fractions=5,
        linked_by="ROI number in the dose reference",
        site="lung",
        site_origin="--site",
        volume_cm3=22.4,
        laterality="L",
    )
    return (
        LesionReport(
            lesion=lesion,
            bed10_gy=100.0,
            eqd2_10_gy=83.33333333333333,
            metrics={
                "D98%[Gy]": exactly("D98%[Gy]", 49.42, "Gy"),
                "D50%[Gy]": exactly("D50%[Gy]", 54.18, "Gy"),
                "D2%[Gy]": exactly("D2%[Gy]", 61.03, "Gy"),
                "D95%[Gy]": exactly("D95%[Gy]", 50.1, "Gy"),
                "ITV BED(a/b=10):D98%[Gy]": replace(exactly("BED(a/b=10):D98%[Gy]", 109.8, "Gy"), note="above 75 Gy"),
            },
            conformity={
                "r100": exactly("R100", 1.08, ""),
                "r50": exactly("R50", 5.31, ""),
                "d2cm": exactly("D2cm", 51.2, "%"),
                "paddick": exactly("Paddick", 0.86, ""),
            },
            classification="SBRT (5 fractions of 10 Gy)",
            scheme_note="50 Gy in 5 fractions: published for lung, definitive intent",
        ),
    )


def report() -> Report:
    """A plan that fails, with something of everything."""
    return Report(
        outcome=Outcome.FAIL,
        exit_code=1,
        default_outcome=Outcome.FAIL,
        lesions=lesions(),
        plans=(plan_report(),),
        cumulative=None,
        course_findings=(
            Finding(
                rule_id="om3:sites",
                kind=FindingKind.GUIDELINE,
                verdict=Verdict.MET,
                consequence=Outcome.PASS,
                level=Level.ADVISORY,
                table="astro_estro_om_nsclc_2023",
                metric="number of treated sites",
                value=1.0,
                low=1.0,
                high=1.0,
                comparator="<=",
                limit=5.0,
                margin=4.0,
                share=0.2,
                trust="abstract",
                source="ASTRO/ESTRO oligometastatic NSCLC 2023, KQ1",
            ),
        ),
        structures=structures(),
        facts=(
            Fact("fractions", "5", "NumberOfFractionsPlanned (300A,0078)"),
            Fact("site of lesion 1", "lung", "--site"),
            Fact("rippen li", "Rib", "--map"),
        ),
        errors=(Problem("E-NO-CONTOURS", "Kidney_L", tag="ContourSequence (3006,0040)"),),
        warnings=(
            Problem("W-NOT-APPROVED", "RP.central.dcm", tag="ApprovalStatus (300E,0002)", seen="UNAPPROVED"),
            Problem("W-CLOSE-NAME", "BrachPlexus?", seen="BrachialPlex"),
        ),
        inputs=(
            InputFile(
                "RP.central.dcm",
                "RTPLAN",
                "1.2.840.10008.5.1.4.1.1.481.5",
                "1.2.826.0.1.3680043.8.498.1",
                "a" * 64,
                True,
            ),
            InputFile(
                "RD.central.dcm",
                "RTDOSE",
                "1.2.840.10008.5.1.4.1.1.481.2",
                "1.2.826.0.1.3680043.8.498.2",
                "b" * 64,
                True,
            ),
            InputFile(
                "RS.central.dcm",
                "RTSTRUCT",
                "1.2.840.10008.5.1.4.1.1.481.3",
                "1.2.826.0.1.3680043.8.498.3",
                "c" * 64,
                True,
            ),
            InputFile(
                "CT.1.dcm",
                "CT",
                "1.2.840.10008.5.1.4.1.1.2",
                "1.2.826.0.1.3680043.8.498.4",
                "d" * 64,
                False,
                "images are not needed",
            ),
        ),
        options=Options(),
        versions={"sbrtcheck": "0.1.0", "pydicom": "3.0.2"},
        tables=(
            TableUsed(
                name=TABLE,
                title="AAPM TG-101",
                citation="Med Phys 2010;37(8):4078-4101",
                doi="10.1118/1.3438081",
                edition="2010",
                version="1.0.0",
                trust=TRUST,
                sha256="e" * 64,
                role="decides",
            ),
            TableUsed(
                name="uk_sabr_2022",
                title="UK SABR 2022",
                citation="",
                doi="",
                edition="2022",
                version="1.0.0",
                trust="secondary transcription",
                sha256="f" * 64,
                role="compared",
            ),
        ),
        confirm=(
            "OM-1: the treatment decision was multidisciplinary",
            "OM-8: motion management and image guidance are in place",
        ),
        patient=("Example^Erika", "PAT-0815"),
    )


def chosen_table_report() -> Report:
    """The same plan judged by another table on request: the default's outcome must stand in the first lines."""
    base = report()
    findings = tuple(
        replace(f, table="rtog_0813", consequence=Outcome.PASS, verdict=Verdict.MET)
        if f.consequence in {Outcome.FAIL, Outcome.INCOMPLETE, Outcome.MARGINAL} and f.value is not None
        else f
        for f in base.plans[0].findings
        if f.reason is None
    )
    plan = replace(
        base.plans[0],
        outcome=Outcome.PASS_WITH_VARIATION,
        table="rtog_0813",
        table_reason="chosen with --table",
        default_outcome=Outcome.FAIL,
        default_table=TABLE,
        findings=findings,
    )
    return replace(
        base,
        plans=(plan,),
        outcome=Outcome.PASS_WITH_VARIATION,
        exit_code=0,
        default_outcome=Outcome.FAIL,
        options=Options(table="rtog_0813"),
    )


def passing_report() -> Report:
    """Every limit met."""
    base = report()
    met = tuple(f for f in base.plans[0].findings if f.verdict in {Verdict.MET, Verdict.INFORMATION})
    plan = replace(base.plans[0], outcome=Outcome.PASS, findings=met)
    return replace(
        base, plans=(plan,), outcome=Outcome.PASS, exit_code=0, default_outcome=Outcome.PASS, errors=(), warnings=()
    )


def two_plan_report() -> Report:
    """A course of two plans that end differently."""
    base = report()
    second = "liver_45_3"
    liver = organ_limit("Liver", "CV19.2Gy[cc]", ">=", 700.0, 1012.0, unit="cc", band=6.0, plan=second)
    plan = replace(
        base.plans[0],
        label=second,
        outcome=Outcome.PASS,
        findings=(liver,),
        n_fractions=3,
        prescription_gy=(45.0,),
        curves=curves(second),
        agreement=(),
        sop_instance_uid="1.2.826.0.1.3680043.8.498.11",
    )
    lesion = replace(
        base.lesions[0],
        lesion=replace(
            base.lesions[0].lesion, id="2", plan_index=1, ptv="PTV_liver", n_fractions=3, prescription_gy=45.0
        ),
        bed10_gy=112.5,
        eqd2_10_gy=93.75,
    )
    return replace(
        base,
        plans=(base.plans[0], plan),
        lesions=(*base.lesions, lesion),
        cumulative=Cumulative(
            plans=("central_50_5: 5 fractions", "liver_45_3: 3 fractions"),
            sequence="one after the other",
            sequence_from="case file",
            source="AAPM TG-101",
            not_summed="",
            registrations=(),
            organs=(
                SummedOrgan(
                    organ="SpinalCord",
                    roi="SpinalCord",
                    metric="sum of dose/limit, D0.035cc[Gy]",
                    value=0.81,
                    low=0.8,
                    high=0.82,
                    unit="",
                    comparator="<=",
                    limit=1.0,
                    verdict=Verdict.MET,
                    level=Level.MANDATORY,
                    source="AAPM TG-101",
                    quantity="EQD2(a/b=2)",
                    shares_gy={PLAN: 34.1, "liver_45_3": 20.1},
                    sum_gy=54.2,
                ),
            ),
            lungs=(SummedMetric("Lungs", "V20Gy[%]", 7.9, "%"),),
            lesion_distances=(LesionDistance("1 PTV_5000 to 2 PTV_liver", 84.2),),
        ),
    )
