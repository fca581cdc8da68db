"""Random cuts of each object of each sample: each is refused or reported, or took nothing that matters."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from mutations import mini
from mutations.truncation import N_CUTS, ROOT, SAMPLE, SAMPLES, Tally, cut_tally, objects

pytestmark = pytest.mark.long

NAMES = ("RTPLAN.dcm", "RTSTRUCT.dcm", "RTDOSE.dcm")


OBJECTS = [(sample, name) for sample in SAMPLES for name in objects(ROOT / sample)]
# All thousand of every object take 16 s: they are made with SBRTCHECK_ALL_SAMPLES=1 and for docs/verification.md.
N_FEW = 100
ALL = bool(os.environ.get("SBRTCHECK_ALL_SAMPLES"))


@pytest.mark.parametrize(("sample", "name"), OBJECTS)
def test_random_cuts(sample: str, name: str) -> None:
    n = N_CUTS if ALL or ROOT / sample == SAMPLE else N_FEW
    tally = cut_tally(name, folder=ROOT / sample, n=n)
    assert tally.n == n
    assert tally.silent == [], "a cut was read as if nothing had happened"
    assert tally.refused + tally.reported + len(tally.harmless) == n
    assert tally.refused > 0.98 * n
    assert "E-CHANGED" not in tally.codes, "contours or doses were lost without a word"


def test_a_silent_cut_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tally itself is tested: with nothing refused every cut is silent."""
    from mutations import truncation

    monkeypatch.setattr(truncation, "answer", lambda _folder, _name, _data: "")
    assert len(cut_tally("RTPLAN.dcm", n=20).silent) == 20


def test_cuts_between_top_level_elements_are_tried_too(tmp_path: Path) -> None:
    """Where the bytes stay well formed: every such cut of the three objects of the small plan."""
    small = mini.files(explicit=True)
    files = dict(zip(NAMES, (small["rp.dcm"], small["rs.dcm"], small["rd.dcm"]), strict=True))
    mini.write(tmp_path, files)
    for name, data in files.items():
        tally = Tally()
        for at in boundaries(data):
            tally.add(tmp_path, name, data, at)
        assert tally.silent == []
        assert tally.n > 20
        assert "E-CHANGED" not in tally.codes
        assert len(tally.harmless) <= 2


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


def test_every_sample_has_all_three_kinds_of_object() -> None:
    assert set(NAMES) == set(objects(SAMPLE))
    for sample in SAMPLES:
        kinds = {name[:6] for name in objects(ROOT / sample)}
        assert kinds == {"RTPLAN", "RTSTRU", "RTDOSE"}, sample
