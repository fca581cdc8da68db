"""How tightly the dose follows the targets: conformity, gradient, spill and homogeneity, one record per target.

Isodose volumes are counted on the whole dose grid, never only inside contours. With several targets each connected
part of an isodose belongs to the target that it holds, or to the nearest; a part that holds several is divided by the
nearest target, and ``merged`` says so. An isodose or a target that reaches the edge of the grid has no volume, only a
reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from sbrtcheck.dvh.around_targets.d2cm import d2cm
from sbrtcheck.dvh.around_targets.indices import (
    homogeneity_icru83,
    homogeneity_rtog,
    icru91,
    no_value,
    paddick_index,
    ratio,
    unless,
    volume_range_cm3,
)
from sbrtcheck.dvh.around_targets.isodose import isodose
from sbrtcheck.dvh.around_targets.ownership import Owned, apart_from, overlapping, owned_cells
from sbrtcheck.dvh.around_targets.spill import GlobalMaximum, maximum_of_grid, spill_outside
from sbrtcheck.dvh.contours.frame import box_corners
from sbrtcheck.dvh.contours.surface import Surface, TargetShape, bounds
from sbrtcheck.dvh.metrics import evaluate
from sbrtcheck.errors import wrong_usage
from sbrtcheck.model.dose import DoseGrid, Dvh
from sbrtcheck.model.metric import MetricValue
from sbrtcheck.model.vocabulary import Reason

if TYPE_CHECKING:
    from sbrtcheck.dvh.contours.structure import Structure


DEFINITIONS: dict[str, str] = {
    "ptv_cm3": "volume of the target [cm3]",
    "isodose100_cm3": "volume of the prescription isodose over the whole grid [cm3]",
    "isodose50_cm3": "volume of the isodose of half the prescription over the whole grid [cm3]",
    "r100": "RTOG conformity index V_Rx / V_PTV (Shaw et al. 1993, IJROBP 27:1231)",
    "r50": "V_50%Rx / V_PTV (RTOG 0813 and 0915, Table 1)",
    "paddick": "TV_PIV^2 / (TV x PIV) (Paddick 2000, J Neurosurg 93 Suppl 3:219)",
    "gradient_index": "V_50%Rx / V_Rx (Paddick and Lippitz 2006, J Neurosurg 105 Suppl:194)",
    "d2cm": "highest dose in the body 2 cm or more from every target, percent of Rx (RTOG 0813 and 0915, Table 1)",
    "hi_icru83": "(D2% - D98%) / D50% of the target (ICRU Report 83, 2010)",
    "hi_rtog": "highest dose in the target / Rx (Shaw et al. 1993)",
    "spill_cm3": "volume outside all targets at or above 105 % of Rx [cm3] (RTOG 0813 and 0915)",
    "spill_percent": "the same in percent of the volume of the target (RTOG 0813 and 0915)",
}


@dataclass(frozen=True, slots=True)
class Conformity:
    """Conformity of one target; every number with its band or a reason. ``DEFINITIONS`` names the source of each.

    Ratios have no unit (""); ``d2cm`` and ``spill_percent`` are in percent. ``icru91``: near-minimum, median and
    near-maximum dose. ``merged``: levels [% of Rx] whose isodose holds this and another target and was divided.
    """

    target: str
    prescription_gy: float
    ptv_cm3: MetricValue
    isodose100_cm3: MetricValue
    isodose50_cm3: MetricValue
    r100: MetricValue
    r50: MetricValue
    paddick: MetricValue
    gradient_index: MetricValue
    d2cm: MetricValue
    hi_icru83: MetricValue
    hi_rtog: MetricValue
    spill_cm3: MetricValue
    spill_percent: MetricValue
    icru91: tuple[MetricValue, ...]
    merged: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def values(self) -> dict[str, MetricValue]:
        """Every number by the name of its field, in order; ``DEFINITIONS`` has the same keys."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name in DEFINITIONS}


def conformity(
    *,
    targets: Sequence[tuple[Structure, float]],
    body: Structure | None,
    dose: DoseGrid,
    dvhs: Sequence[Dvh] | None = None,
    surfaces: Mapping[str, Surface] | None = None,
    others: Sequence[Structure] = (),
) -> tuple[Conformity, ...]:
    """Conformity of every target of a plan with a prescription, in the order given.

    Args:
        targets: the PTVs of the plan with a prescription, each with its total [Gy].
        others: all further targets that are drawn. They have no numbers of their own, but the dose in and around them
            is theirs: leaving one out would count its isodose as spill of the others.
        body: outline of the patient, for D2cm; None: the whole grid counts, and the number says so.
        dose: physical dose of the plan [Gy].
        dvhs: the targets' Dvhs on this dose, if computed already.
        surfaces: the targets' surfaces, if found already (`target_surfaces`).

    Raises:
        WrongUsageError: E-PRESCRIPTION for a prescription that is not positive, E-DOMAIN for dvhs of wrong length.
    """
    _check(targets)
    if not targets:
        return ()
    if dvhs is None:
        from sbrtcheck.dvh.histogram import compute_dvh

        dvhs = [compute_dvh(structure, dose) for structure, _ in targets]
    if len(dvhs) != len(targets):
        raise wrong_usage("E-DOMAIN", "dvhs", seen=len(dvhs), detail="one Dvh for each target is needed")
    shapes = _shapes(targets, dvhs, surfaces)
    if isinstance(shapes, list):
        drawn = [s for s in (_surface(x, surfaces) for x in others if x.blocked is None) if s.found]
        return _of_shapes(targets, shapes, dvhs, body, dose, drawn)
    blocked = [_blocked(structure, dvh) for (structure, _), dvh in zip(targets, dvhs, strict=True)]
    return tuple(
        _without(structure.name, prescription_gy, dvh, *(own or shapes))
        for (structure, prescription_gy), dvh, own in zip(targets, dvhs, blocked, strict=True)
    )


def _shapes(
    targets: Sequence[tuple[Structure, float]], dvhs: Sequence[Dvh], surfaces: Mapping[str, Surface] | None
) -> list[TargetShape] | tuple[Reason, str]:
    """All targets ready for distances, or why one of them is not: then none of them has its own isodoses."""
    shapes = []
    for (structure, _), dvh in zip(targets, dvhs, strict=True):
        blocked = _blocked(structure, dvh)
        if blocked is not None:
            return blocked
    for (structure, prescription_gy), dvh in zip(targets, dvhs, strict=True):
        surface = _surface(structure, surfaces)
        if not surface.found:
            return Reason.NOT_COMPUTABLE, f"{structure.name} is thinner than can be sampled"
        shapes.append(TargetShape(surface, prescription_gy, *volume_range_cm3(dvh)))
    return shapes


def _of_shapes(
    targets: Sequence[tuple[Structure, float]],
    shapes: Sequence[TargetShape],
    dvhs: Sequence[Dvh],
    body: Structure | None,
    dose: DoseGrid,
    drawn: Sequence[Surface],
) -> tuple[Conformity, ...]:
    overlap = overlapping(shapes)
    every = [*shapes, *(_unprescribed(s, shapes) for s in drawn)]
    holders = [*shapes, *(_unprescribed(s, shapes) for s in apart_from(shapes, drawn))]
    far = d2cm(dose, every, None if body is None or body.blocked is not None else body)
    spill = spill_outside(dose, every)
    known: dict[float, Owned] = {}
    results = []
    for number, (shape, (structure, _), dvh) in enumerate(zip(shapes, targets, dvhs, strict=True)):
        why = (Reason.OUTSIDE_GRID, "the target reaches the edge of the dose grid")
        no = why if _leaves(dose, structure, dvh) else None
        iso, merged = {}, []
        for percent in (100, 50):
            level = percent / 100 * shape.prescription_gy
            if level not in known:
                known[level] = owned_cells(isodose(dose, level_gy=level), holders, dose)
            iso[percent] = _isodose_volume(known[level], number, percent, no or overlap[number])
            if iso[percent].value is not None and known[level].divided[number]:
                merged.append(percent)
        results.append(_assemble(shape, dvh, iso, no, unless(no, far[number]), unless(no, spill[number]), merged, body))
    return tuple(results)


def _unprescribed(surface: Surface, shapes: Sequence[TargetShape]) -> TargetShape:
    """A target without a prescription beside others: the dose near it is its own, and nothing is measured of it."""
    low, high = bounds(surface.shape)
    volume_cm3 = float(len(surface.inside_mm)) * surface.step_mm**3 / 1000 or float(np.prod(high - low)) / 1000
    return TargetShape(surface, shapes[0].prescription_gy, volume_cm3, volume_cm3, volume_cm3)


def _isodose_volume(owned: Owned, number: int, percent: int, no: tuple[Reason, str] | None) -> MetricValue:
    label = f"V{percent}%[cc]"
    if no is None and owned.reaches_edge(number):
        no = (Reason.OUTSIDE_GRID, f"the {percent} % isodose reaches the edge of the dose grid")
    return no_value(label, "cc", *no) if no is not None else MetricValue(label, *owned.volumes_cm3(number), "cc")


def target_surfaces(structures: Sequence[Structure]) -> dict[str, Surface]:
    """The surface of each structure that has a shape, by name: found once for all that asks for it."""
    return {structure.name: Surface(structure) for structure in structures if structure.blocked is None}


def _surface(structure: Structure, known: Mapping[str, Surface] | None) -> Surface:
    found = known.get(structure.name) if known is not None else None
    return found if found is not None and found.shape is structure else Surface(structure)


def global_maximum(
    dose: DoseGrid, targets: Sequence[tuple[Structure, float]], *, surfaces: Mapping[str, Surface] | None = None
) -> GlobalMaximum:
    """The highest dose of the whole grid and where it lies; blocked targets do not count."""
    return maximum_of_grid(dose, [_surface(s, surfaces) for s, _ in targets if s.blocked is None])


def v105_outside(
    dose: DoseGrid,
    targets: Sequence[tuple[Structure, float]],
    *,
    surfaces: Mapping[str, Surface] | None = None,
    others: Sequence[Structure] = (),
) -> MetricValue:
    """Volume outside all targets at or above 105 % of the nearest target's prescription [cm3], whole plan.

    ``others``: targets without a prescription; what lies nearest to them is not counted.
    """
    _check(targets)
    shapes = []
    for structure, prescription_gy in targets:
        surface = _surface(structure, surfaces) if structure.blocked is None else None
        if surface is None or not surface.found:
            reason = structure.blocked or Reason.NOT_COMPUTABLE
            return no_value("V105%[cc]", "cc", reason, f"{structure.name} has no shape")
        volume = float(structure.volume_cm3 or 0.0)
        shapes.append(TargetShape(surface, prescription_gy, volume, volume, volume))
    if not shapes:
        return no_value("V105%[cc]", "cc", Reason.NO_TARGET, "no target is known")
    drawn = [s for s in (_surface(x, surfaces) for x in others if x.blocked is None) if s.found]
    every = [*shapes, *(_unprescribed(s, shapes) for s in drawn)]
    return total_spill(spill_outside(dose, every)[: len(shapes)])


def total_spill(parts: Sequence[MetricValue]) -> MetricValue:
    """Sum of the targets' ``spill_cm3`` [cm3]; without a number for one of them, that one's reason."""
    none = next((p for p in parts if p.value is None), None)
    if none is not None:
        return none
    value, low, high = (float(sum(getattr(p, key) for p in parts)) for key in ("value", "low", "high"))
    return MetricValue("V105%[cc]", value, low, high, "cc")


def _assemble(
    shape: TargetShape,
    dvh: Dvh,
    iso: dict[int, MetricValue],
    why: tuple[Reason, str] | None,
    far: MetricValue,
    spill: MetricValue,
    merged: Sequence[int],
    body: Structure | None,
) -> Conformity:
    ptv = MetricValue("V[cc]", shape.volume_cm3, shape.volume_low_cm3, shape.volume_high_cm3, "cc")
    r100 = ratio("R100", iso[100], ptv)
    notes = []
    if merged:
        levels = " and ".join(f"{level} %" for level in merged)
        notes.append(f"the {levels} isodose joins this and another target: divided by the nearest target")
    if body is not None and body.blocked is not None:
        notes.append("the body contour cannot be used: D2cm is taken over the whole grid")
    return Conformity(
        target=shape.name,
        prescription_gy=shape.prescription_gy,
        ptv_cm3=ptv,
        isodose100_cm3=iso[100],
        isodose50_cm3=iso[50],
        r100=r100,
        r50=ratio("R50", iso[50], ptv),
        paddick=paddick_index(r100, evaluate("V100%[%]", dvh, prescription_gy=shape.prescription_gy)),
        gradient_index=ratio("GI", iso[50], iso[100]),
        d2cm=far,
        hi_icru83=unless(why, homogeneity_icru83(dvh)),
        hi_rtog=unless(why, homogeneity_rtog(dvh, shape.prescription_gy)),
        spill_cm3=spill,
        spill_percent=ratio("V105%[% of PTV]", spill, ptv, factor=100.0, unit="%"),
        icru91=icru91(dvh),
        merged=tuple(merged),
        notes=tuple(notes),
    )


def _leaves(dose: DoseGrid, structure: Structure, dvh: Dvh) -> bool:
    """Whether part of a target lies beyond the outermost centres of the grid."""
    low, high = bounds(structure)
    corners = box_corners(low, high)
    index = dose.to_index(corners)[:, ::-1]
    last = np.array(dose.dose_gy.shape) - 1
    return dvh.outside_volume_cm3 > 0 or bool(np.any(index < 0) or np.any(index > last))


def _blocked(structure: Structure, dvh: Dvh) -> tuple[Reason, str] | None:
    if structure.blocked is not None:
        return structure.blocked, f"{structure.name}: {structure.blocked_note}"
    return None if dvh.blocked is None else (dvh.blocked, f"{structure.name}: {dvh.blocked_note}")


def _without(name: str, prescription_gy: float, dvh: Dvh, reason: Reason, note: str) -> Conformity:
    """A record without a single number: this target or another of the plan has no shape."""
    units = {"ptv_cm3": "cc", "isodose100_cm3": "cc", "isodose50_cm3": "cc", "spill_cm3": "cc"}
    units |= {"d2cm": "%", "spill_percent": "%"}
    values = {key: no_value(key, units.get(key, ""), reason, note) for key in DEFINITIONS}
    return Conformity(
        target=name,
        prescription_gy=prescription_gy,
        ptv_cm3=values["ptv_cm3"],
        isodose100_cm3=values["isodose100_cm3"],
        isodose50_cm3=values["isodose50_cm3"],
        r100=values["r100"],
        r50=values["r50"],
        paddick=values["paddick"],
        gradient_index=values["gradient_index"],
        d2cm=values["d2cm"],
        hi_icru83=values["hi_icru83"],
        hi_rtog=values["hi_rtog"],
        spill_cm3=values["spill_cm3"],
        spill_percent=values["spill_percent"],
        icru91=icru91(dvh),
    )


def _check(targets: Sequence[tuple[Structure, float]]) -> None:
    for structure, prescription_gy in targets:
        if not (np.isfinite(prescription_gy) and prescription_gy > 0):
            raise wrong_usage("E-PRESCRIPTION", structure.name, seen=prescription_gy)
