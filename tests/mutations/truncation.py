"""Cuts of whole objects at random places, judged by what reading says."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mutations.verdict import changed_keywords
from sbrtcheck.errors import RefusedError
from sbrtcheck.model import PlanData, Study
from sbrtcheck.read import read_folder
from sbrtcheck.read.dicom.prescan import read_meta, scan

ROOT = Path(__file__).parents[2] / "sample_plans"
SAMPLES = tuple(sorted(path.parent.name for path in ROOT.glob("*/expected.json")))
SAMPLE = ROOT / "peripheral_54_3"
N_CUTS = 1000
# Trailing elements that nothing rests on: a cut that takes only these takes nothing that matters.
HARMLESS = {
    "ReviewDate": "when the plan was reviewed",
    "ReviewTime": "when the plan was reviewed",
    "ReviewerName": "who reviewed the plan",
}
HARMLESS_OF = {
    "RTSTRUCT": {
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

    def add(self, folder: Path, name: str, data: bytes, at: int) -> None:
        """Cut one object of a folder before byte ``at`` and note what reading says."""
        self.n += 1
        said = answer(folder, name, data[:at])
        if said.startswith("E-"):
            self.refused += 1
            self.codes.add(said)
        elif said:
            self.reported += 1
            self.codes.add(said)
        else:
            lost = tuple(sorted(changed_keywords(data, data[:at])))
            if set(lost) <= set(HARMLESS_OF.get(name.partition(".")[0], HARMLESS)):
                self.harmless.append((at, lost))
            else:
                self.silent.append(at)


def objects(folder: Path) -> dict[str, bytes]:
    """The objects of a folder by file name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.dcm"))}


def answer(folder: Path, name: str, data: bytes) -> str:
    """The first error code that a cut object meets, else the first new warning; "" if reading says nothing."""
    try:
        scan(data, read_meta(data, name), name)
    except RefusedError as error:
        return error.problems[0].code
    with TemporaryDirectory() as place:
        for file, content in objects(folder).items():
            (Path(place) / file).write_bytes(data if file == name else content)
        try:
            study = read_folder(place)
        except RefusedError as error:
            return error.problems[0].code
    new = _codes(study) - _codes(untouched(folder))
    if new:
        return sorted(new)[0]
    whole = untouched(folder)
    same = len(study.plans) == len(whole.plans) and all(map(_same, study.plans, whole.plans))
    return "" if same else "E-CHANGED"


@lru_cache(maxsize=1)
def untouched(folder: Path) -> Study:
    """The objects as they are."""
    return read_folder(folder)


def _codes(study: Study) -> set[str]:
    found = {p.code for p in study.problems}
    for plan in study.plans:
        found |= {p.code for p in plan.plan.problems}
        found |= {f"{roi.name}: {p.code}" for roi in plan.structures.rois for p in roi.problems}
    return found


def _same(a: PlanData, b: PlanData) -> bool:
    """Whether both hold the same doses and the same contours."""
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


def cut_tally(name: str, *, folder: Path = SAMPLE, n: int = N_CUTS, seed: int = 1000) -> Tally:
    """``n`` cuts of one object of a sample at random places, its last byte always lost."""
    data = (folder / name).read_bytes()
    tally = Tally()
    for at in np.random.default_rng(seed).integers(0, len(data) - 1, size=n):
        tally.add(folder, name, data, int(at))
    return tally
