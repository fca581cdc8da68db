"""Rows of organs that are not drawn, judged on what may stand in for them: a bag of bowel, the whole kidney, a vessel.

Which structure stands in for which organ: constraints/organs.csv, columns ``judged_by`` and ``containers``. A larger
structure that meets an upper limit meets it for the organ; one that misses it says nothing, and the plan is incomplete.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sbrtcheck.anatomy.levels import below_diaphragm
from sbrtcheck.judging.organ_limits import PlanContext, judge_organ_limits
from sbrtcheck.judging.required import was_judged
from sbrtcheck.model import Finding, Lesion, OrganTable, Outcome, Reason, Verdict
from sbrtcheck.model.finding import told
from sbrtcheck.model.subject import Subject
from sbrtcheck.tables.organs import organ_info

VESSELS = "GreatVes"
# Structures of which spared volumes count too, with what is said: the organ is a part of them.
_WHOLE = {"Kidney_Cortex": "the whole kidney is contoured, the limit is for the cortex"}
# Structures that hold space beside organs: where one of their organs is drawn, it speaks for them.
WITH_SPACE = ("Bag_Bowel",)
# Sites and levels whose lists ask for the great vessels as a whole.
STRICT_SITES = (("lung", ""), ("node", "mediastinum"))


def larger_stand_ins(containers: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Organ to what may settle it from outside: its containers, and larger structures that stand in for it."""
    out = dict(containers)
    for organ, info in organ_info().items():
        if info.judged_by and organ != VESSELS and organ not in _WHOLE:
            out[organ] = tuple(dict.fromkeys((*out.get(organ, ()), *info.judged_by)))
    return out


def judge_stand_ins(context: PlanContext, table: OrganTable, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The rows of organs that are not drawn, on the structures that stand in for them.

    A structure is taken when it lies near a target or is required, and no row has been held against it so far.

    Args:
        table: that decides.
        findings: of the organs that are drawn.
    """
    held = {f.roi for f in findings}
    judged_organs = {o for f in findings if was_judged(f) for o in f.organ.split("+")}
    required = {o for requirement in context.required for o in requirement.split("|")}
    out: list[Finding] = []
    for organ in dict.fromkeys(r.organ for r in table.rows_for(n_fractions=context.n_fractions)):
        if organ not in organ_info() or context.subjects.get(organ) or organ in judged_organs:
            continue
        of_organ: list[Finding] = []
        for name in _may_stand_in(context, organ):
            subjects = context.subjects.get(name, ())
            asked = name in required or any(_near(s, context.near) for s in subjects)
            if asked and (organ in _WHOLE or not any(s.roi in held for s in subjects)):
                of_organ += _on_stand_in(context, table, organ, name, subjects)
        out += _best_of(of_organ)
    return tuple(out)


def _may_stand_in(context: PlanContext, organ: str) -> list[str]:
    """Structures for an organ; not those of which an organ inside is drawn: that one speaks for them."""
    info = organ_info()
    speaking = {c for other, i in info.items() if context.subjects.get(other) for c in i.containers}
    speaking |= {c for other, i in info.items() if context.subjects.get(other) for c in i.judged_by if c in WITH_SPACE}
    names = dict.fromkeys((*info[organ].judged_by, *info[organ].containers))
    found = [name for name in names if name not in speaking and context.subjects.get(name)]
    # Both kidneys together where they are drawn, else the one that is.
    return found[:1] if organ in _WHOLE else found


def _near(subject: Subject, near_rois: Collection[str]) -> bool:
    return subject.roi in near_rois or any(part in near_rois for part in subject.roi.split(" + "))


def _on_stand_in(
    context: PlanContext, table: OrganTable, organ: str, name: str, subjects: tuple[Subject, ...]
) -> list[Finding]:
    """The organ's rows on one structure: as a part or the whole of it (vessel, kidney), else as what contains it."""
    rows = replace(table, rows=tuple(r for r in table.rows if r.organ == organ and not r.joint))
    if organ == VESSELS or organ in _WHOLE:
        said = _WHOLE.get(organ) or f"{name} stands for the great vessels"
        own = tuple(replace(s, note="; ".join(told(said, s.note))) for s in subjects)
        return list(judge_organ_limits(replace(context, subjects={organ: own}), rows))
    found = judge_organ_limits(
        replace(
            context,
            subjects={name: subjects},
            required={organ: f"{name} is contoured near the target"},
            containers={organ: (name,)},
        ),
        rows,
    )
    return list(found)


def _best_of(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Of several structures that stand in for one organ, the finding of the first that meets the row, else of each."""
    met = {f.rule_id for f in findings if f.verdict in {Verdict.MET, Verdict.MARGINAL}}
    return tuple(f for f in findings if f.rule_id not in met or f.verdict is not Verdict.NOT_EVALUABLE)


def with_vessels(
    subjects: Mapping[str, tuple[Subject, ...]], *, whole_asked_for: bool
) -> Mapping[str, tuple[Subject, ...]]:
    """The subjects, with the vessels that are drawn standing for the great vessels where not all of them are asked for.

    Args:
        subjects: by organ.
        whole_asked_for: a lesion of the chest asks for the great vessels: then a missing one is missing.
    """
    found = subjects.get(VESSELS, ())
    if whole_asked_for or not any(s.missing_part for s in found):
        return subjects
    return {**subjects, VESSELS: tuple(_as_drawn(s) for s in found)}


def _as_drawn(subject: Subject) -> Subject:
    if not subject.missing_part or subject.missing_reason is not Reason.PART_MISSING:
        return subject
    note = f"stands for the great vessels; {subject.missing_part} is not contoured"
    return replace(subject, missing_part="", note="; ".join(told(subject.note, note)))


def below_the_diaphragm(
    findings: Sequence[Finding], context: PlanContext, lesions: Sequence[Lesion]
) -> tuple[Finding, ...]:
    """The findings, with great vessels beside a lesion of abdomen or pelvis failing nobody.

    The limits of the great vessels are those of the chest.
    """
    below = {x.id for x in lesions if below_diaphragm(x.site, x.levels)}
    rois = {s.roi for s in context.subjects.get(VESSELS, ()) if s.nearest_lesion in below}
    return tuple(
        replace(f, consequence=Outcome.MARGINAL, notes=told(*f.notes, "below the diaphragm: needs review"))
        if f.organ == VESSELS and f.consequence is Outcome.FAIL and f.roi in rois
        else f
        for f in findings
    )
