"""Well-formed plans that are not the plan meant: second sources see what they can, and the rest is listed as unseen."""

from __future__ import annotations

import pytest

from mutations import invisible


@pytest.mark.parametrize("kind", invisible.KINDS)
def test_second_sources_see_what_is_said_of_them(kind: str) -> None:
    _, wanted = invisible.KINDS[kind]
    _, codes = invisible.seen(kind, "rich")
    assert set(codes) & {"W-STORED-DVH", "W-ROI-VOLUME", "W-BEAMDOSE"} == set(wanted)
