"""A thousand random cuts of each object of a sample: each is refused or reported, or took nothing that matters."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from mutations import mini
from mutations.truncation import N_CUTS, SAMPLE, Tally, cut_tally

NAMES = ("RTPLAN.dcm", "RTSTRUCT.dcm", "RTDOSE.dcm")


@pytest.mark.parametrize("name", NAMES)
def test_random_cuts(name: str) -> None:
    tally = cut_tally(name)
    assert tally.n == N_CUTS
    assert tally.silent == [], "a cut was read as if nothing had happened"
    assert tally.refused + tally.reported + len(tally.harmless) == N_CUTS
    assert tally.refused > 0.98 * N_CUTS
    assert "E-CHANGED" not in tally.codes, "contours or doses were lost without a word"


def test_a_silent_cut_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tally itself is tested: with nothing refused every cut is silent."""
    from mutations import truncation

    monkeypatch.setattr(truncation, "answer", lambda _name, _data: "")
    assert len(cut_tally("RTPLAN.dcm", n=20).silent) == 20


def test_cuts_between_top_level_elements_are_tried_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the bytes stay well formed: every such cut of the three objects of the small plan."""
    from mutations import truncation

    small = mini.files(explicit=True)
    objects = dict(zip(NAMES, (small["rp.dcm"], small["rs.dcm"], small["rd.dcm"]), strict=True))
    mini.write(tmp_path, objects)
    monkeypatch.setattr(truncation, "SAMPLE", tmp_path)
    truncation.untouched.cache_clear()
    try:
        for name, data in objects.items():
            tally = Tally()
            for at in boundaries(data):
                tally.add(name, data, at)
            assert tally.silent == []
            assert tally.n > 20
            assert "E-CHANGED" not in tally.codes
            assert len(tally.harmless) <= 2
    finally:
        truncation.untouched.cache_clear()


def boundaries(data: bytes) -> list[int]:
    """Offsets between top-level elements of an explicit VR file, where a cut leaves whole elements."""
    position = 144 + struct.unpack_from("<I", data, 140)[0]
    out = []
    while position + 8 <= len(data):
        out.append(position)
        vr = data[position + 4 : position + 6]
        if vr in {b"OB", b"OW", b"SQ", b"UN", b"UT"}:
            size, length = 12, struct.unpack_from("<I", data, position + 8)[0]
        else:
            size, length = 8, struct.unpack_from("<H", data, position + 6)[0]
        if length == 0xFFFFFFFF:
            break
        position += size + length
    assert isinstance(data, bytes)
    assert np.all(np.diff(out) > 0)
    return out


def test_sample_is_there() -> None:
    assert all(Path(SAMPLE / name).is_file() for name in NAMES)
