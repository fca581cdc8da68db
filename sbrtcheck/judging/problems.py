"""What the report lists of a plan beside its findings: warnings of its numbers, and errors of what has no number."""

from __future__ import annotations

from collections.abc import Iterable

from sbrtcheck.errors import Problem
from sbrtcheck.model import Finding, Outcome, Reason, Role
from sbrtcheck.model.vocabulary import TARGET_TYPES
from sbrtcheck.plan.doses import PlanDoses
from sbrtcheck.tables.organs import organ_names
from sbrtcheck.tables.suspicion import load_suspicion

_CODE_OF = {
    Reason.OUTSIDE_GRID: "E-OUTSIDE-GRID",
    Reason.ROI_SMALLER_THAN_METRIC: "E-ROI-SMALLER-THAN-METRIC",
    Reason.NO_ROI: "E-OAR-MISSING",
}


def errors_of_findings(findings: Iterable[Finding]) -> list[Problem]:
    """An error for each structure that a finding lacks and that keeps the plan from passing: it changes no outcome."""
    found: dict[tuple[str, str], list[str]] = {}
    for f in findings:
        code = _CODE_OF.get(f.reason) if f.reason is not None else None
        what = f.roi or f.organ
        if code and what and f.consequence is not Outcome.PASS:
            found.setdefault((code, what), []).append(f.metric)
    return [
        Problem(code, what, seen=", ".join(dict.fromkeys(m for m in metrics if m)))
        for (code, what), metrics in found.items()
    ]


def warnings_of_plan(doses: PlanDoses) -> list[Problem]:
    """Numbers of the plan that contradict each other or ask for a look, by the ranges of constraints/suspicion.toml."""
    return [*_grid(doses), *_beams(doses), *_volumes(doses), *_close_names(doses)]


def _grid(doses: PlanDoses) -> list[Problem]:
    out = []
    allowed = load_suspicion().grid_spacing
    spacing = doses.data.dose.spacing_mm
    if not allowed.holds(max(spacing) - 1e-6):
        seen = " x ".join(f"{s:g}" for s in spacing) + " mm"
        detail = f"the dose grid is coarser than {allowed.at_most:g} mm"
        out.append(Problem("W-COARSE-GRID", doses.label, tag="PixelSpacing (0028,0030)", seen=seen, detail=detail))
    correction = doses.data.dose.heterogeneity_correction.upper()
    if not correction or "WATER" in correction:
        seen = correction or "not stated"
        out.append(Problem("W-HETEROGENEITY", doses.label, tag="TissueHeterogeneityCorrection (3004,0014)", seen=seen))
    return out


def _beams(doses: PlanDoses) -> list[Problem]:
    # Several targets may have beams of their own, whose doses are not to be added.
    prescription = doses.lesions[0].prescription_gy if len(doses.lesions) == 1 else None
    beams_gy = doses.data.plan.beam_dose_per_fraction_gy
    if beams_gy is None or prescription is None:
        return []
    allowed = load_suspicion()
    sum_gy = beams_gy * doses.n_fractions
    # The dose at no point can be above the highest dose of the grid.
    of_maximum = sum_gy / float(doses.data.dose.dose_gy.max())
    if allowed.beam_doses.holds(sum_gy / prescription) and allowed.beam_doses_of_maximum.holds(of_maximum):
        return []
    seen = f"{sum_gy:.2f} Gy from {doses.n_fractions} fractions, prescription {prescription:g} Gy"
    return [Problem("W-BEAMDOSE", doses.label, tag="BeamDose (300A,0084)", seen=seen)]


def _volumes(doses: PlanDoses) -> list[Problem]:
    out = []
    allowed = load_suspicion()
    for name, dvh in doses.dvhs.items():
        if dvh.blocked is None and dvh.total_volume_cm3 > 0:
            share = dvh.outside_volume_cm3 / dvh.total_volume_cm3
            if not allowed.volume_outside_grid.holds(share):
                out.append(Problem("W-OUTSIDE-GRID", name, seen=f"{share:.1%} of the volume"))
    for n in doses.named:
        dvh = doses.dvhs[n.roi.name]
        stored = n.roi.volume_cm3_stored
        if stored and dvh.blocked is None and not allowed.stored_volume.holds(dvh.total_volume_cm3 / stored):
            seen = f"{stored:.2f} cm3 stored, {dvh.total_volume_cm3:.2f} cm3 computed"
            out.append(Problem("W-ROI-VOLUME", n.roi.name, tag="ROIVolume (3006,002C)", seen=seen))
    return out


def _close_names(doses: PlanDoses) -> list[Problem]:
    known = {*organ_names(), *TARGET_TYPES}
    return [
        Problem("W-CLOSE-NAME", n.roi.name, tag="ROIName (3006,0026)", seen=n.suggestion)
        for n in doses.named
        if n.role is Role.UNMATCHED and n.roi.contours and n.suggestion.removesuffix("_L").removesuffix("_R") in known
    ]
