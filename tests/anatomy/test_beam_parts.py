"""Prescriptions that are parts of the beams: 27 + 27 Gy is no prescription of 27 Gy."""

from __future__ import annotations

import pytest

from sbrtcheck.anatomy.lesions import Linking, link_prescriptions
from sbrtcheck.errors import RefusedError
from sbrtcheck.model import DoseReference, Lesion, Plan


def linked(
    doses_gy: tuple[float, ...], *, beams_gy: float | None, given_gy: float | None = None, n_beams: int = 2
) -> Linking:
    references = tuple(
        DoseReference(
            number=n, structure_type="VOLUME", reference_type="TARGET", roi_number=1, target_prescription_gy=d
        )
        for n, d in enumerate(doses_gy, start=1)
    )
    plan = Plan(
        label="p",
        n_fractions=3,
        dose_references=references,
        n_treatment_beams=n_beams,
        beam_dose_per_fraction_gy=beams_gy,
    )
    lesion = Lesion(id="1", plan_index=0, ptv="PTV")
    given = {} if given_gy is None else {"PTV": given_gy}
    return link_prescriptions([lesion], plan, rois={1: "PTV"}, dose_tokens_gy={}, given_gy=given, n_fractions=3)


def test_parts_are_shown_and_never_taken_for_the_whole() -> None:
    found = linked((27.0, 27.0), beams_gy=20.0)
    assert found.lesions[0].prescription_gy is None
    assert "27 + 27 Gy" in found.notes[0]
    assert '--prescription "PTV=54"' in found.notes[0]


@pytest.mark.parametrize("beams_gy", [20.0, None])
@pytest.mark.parametrize("parts", [(27.0, 27.0), (24.0, 30.0)])
def test_their_sum_is_accepted_when_it_is_given(parts: tuple[float, ...], beams_gy: float | None) -> None:
    found = linked(parts, beams_gy=beams_gy, given_gy=54.0)
    assert found.lesions[0].prescription_gy == 54.0
    assert "the sum of the parts" in found.lesions[0].linked_by


def test_another_sum_contradicts_the_plan() -> None:
    with pytest.raises(RefusedError, match="E-CONTRADICTS"):
        linked((27.0, 27.0), beams_gy=20.0, given_gy=50.0)
    with pytest.raises(RefusedError, match="E-CONTRADICTS"):
        linked((27.0, 27.0), beams_gy=20.0, given_gy=54.0, n_beams=5)


def test_one_dose_written_twice_is_one_prescription() -> None:
    assert linked((54.0, 54.0), beams_gy=20.0).lesions[0].prescription_gy == 54.0
    assert linked((54.0,), beams_gy=20.0).lesions[0].prescription_gy == 54.0
