"""Cuts of whole objects at random places, judged by what reading says."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mutations.verdict import changed_keywords
from sbrtcheck.errors import RefusedError
from sbrtcheck.model import Study
from sbrtcheck.read import read_folder
from sbrtcheck.read.prescan import read_meta, scan

SAMPLE = Path(__file__).parents[2] / "sample_plans" / "peripheral_54_3"
N_CUTS = 1000
# Trailing elements that nothing rests on: a cut that takes only these takes nothing that matters.
HARMLESS = {
    "ReviewDate": "when the plan was reviewed",
    "ReviewTime": "when the plan was reviewed",
    "ReviewerName": "who reviewed the plan",
}
HARMLESS_OF = {
    "RTSTRUCT.dcm": {
        **HARMLESS,
        "ApprovalStatus": "of the structure set: the plan's own status is what is asked",
        "RTROIObservationsSequence": "interpreted types, a hint only where a name says nothing",
    }
}


@dataclass
class Tally:
    """How cuts ended: refused, reported, harmless (offset and what was lost) or silent (offset)."""

    n: int = 0
    refused: int = 0
    reported: int = 0
    harmless: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    silent: list[int] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)

    def add(self, name: str, data: bytes, at: int) -> None:
        """Cut before byte ``at`` and note what reading says."""
        self.n += 1
        said = answer(name, data[:at])
        if said.startswith("E-"):
            self.refused += 1
            self.codes.add(said)
        elif said:
            self.reported += 1
            self.codes.add(said)
        else:
            lost = tuple(sorted(changed_keywords(data, data[:at])))
            if set(lost) <= set(HARMLESS_OF.get(name, HARMLESS)):
                self.harmless.append((at, lost))
            else:
                self.silent.append(at)


def answer(name: str, data: bytes) -> str:
    """The first error code that a cut object meets, else the first new warning; "" if reading says nothing."""
    try:
        scan(data, read_meta(data, name), name)
    except RefusedError as error:
        return error.problems[0].code
    with TemporaryDirectory() as folder:
        for file in ("RTPLAN.dcm", "RTSTRUCT.dcm", "RTDOSE.dcm"):
            content = data if file == name else (SAMPLE / file).read_bytes()
            (Path(folder) / file).write_bytes(content)
        try:
            study = read_folder(folder)
        except RefusedError as error:
            return error.problems[0].code
    new = _codes(study) - _codes(untouched())
    if new:
        return sorted(new)[0]
    return "" if _same(study, untouched()) else "E-CHANGED"


@lru_cache(maxsize=1)
def untouched() -> Study:
    """The sample as it is."""
    return read_folder([SAMPLE / name for name in ("RTPLAN.dcm", "RTSTRUCT.dcm", "RTDOSE.dcm")])


def _codes(study: Study) -> set[str]:
    plan = study.plans[0]
    found = {p.code for p in (*study.problems, *plan.plan.problems)}
    return found | {f"{roi.name}: {p.code}" for roi in plan.structures.rois for p in roi.problems}


def _same(one: Study, other: Study) -> bool:
    """Whether both hold the same doses and the same contours."""
    a, b = one.plans[0], other.plans[0]
    contours = [
        [contour.points_mm.tobytes() for contour in roi.contours] for study in (a, b) for roi in study.structures.rois
    ]
    half = len(a.structures.rois)
    return (
        len(a.structures.rois) == len(b.structures.rois)
        and contours[:half] == contours[half:]
        and bool(np.array_equal(a.dose.dose_gy, b.dose.dose_gy))
        and a.plan.dose_references == b.plan.dose_references
        and a.plan.n_fractions == b.plan.n_fractions
    )


def cut_tally(name: str, *, n: int = N_CUTS, seed: int = 1000) -> Tally:
    """``n`` cuts of one object of the sample at random places, its last byte always lost."""
    data = (SAMPLE / name).read_bytes()
    tally = Tally()
    for at in np.random.default_rng(seed).integers(0, len(data) - 1, size=n):
        tally.add(name, data, int(at))
    return tally
