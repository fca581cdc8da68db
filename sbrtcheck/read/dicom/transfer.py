"""Compressed data sets and pixels, unpacked to a size that is known or bounded beforehand."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.errors import refuse

MAX_INFLATED_BYTES = 128 * 2**20
_CHUNK = 2**16
_RLE_HEADER = struct.Struct("<16L")


def inflate(data: bytes, *, start: int, name: str) -> bytes:
    """A deflated data set (PS3.5 section A.5) unpacked, after ``start`` bytes that are kept as they are.

    The size is counted first and nothing kept, so that a small file cannot ask for much memory.

    Raises:
        RefusedError: E-TOO-LARGE above 128 MiB; E-TRUNCATED where the stream does not end or more follows; E-PARSE.
    """
    packed = data[start:]
    counter = zlib.decompressobj(-zlib.MAX_WBITS)
    n_bytes, rest = 0, packed
    try:
        while rest and not counter.eof:
            n_bytes += len(counter.decompress(rest, _CHUNK))
            rest = counter.unconsumed_tail
            if n_bytes > MAX_INFLATED_BYTES:
                raise refuse("E-TOO-LARGE", name, seen=f"more than {MAX_INFLATED_BYTES} bytes when inflated")
        if not counter.eof or len(counter.unused_data) > 1:
            raise refuse("E-TRUNCATED", name, detail="the deflated data set does not end where the file does")
        return data[:start] + zlib.decompress(packed, -zlib.MAX_WBITS, bufsize=max(n_bytes, 1))
    except zlib.error as error:
        raise refuse("E-PARSE", name, detail="the deflated data set is damaged") from error


def unpack_rle(raw: bytes, *, n_frames: int, n_pixels: int, n_bytes: int) -> NDArray[np.uint8] | str:
    """RLE Lossless pixels (PS3.5 annex G) as little endian bytes, shape (frames, pixels, bytes); or what is wrong.

    Args:
        raw: the pixel data element: an offset table, then one fragment a frame.
        n_frames, n_pixels: frames, and pixels of one frame.
        n_bytes: bytes of one pixel.
    """
    fragments = _fragments(raw)[1:]
    if len(fragments) != n_frames:
        return f"{len(fragments)} RLE frames, {n_frames} stated"
    out = np.empty((n_frames, n_pixels, n_bytes), dtype=np.uint8)
    for frame, fragment in enumerate(fragments):
        if len(fragment) < _RLE_HEADER.size:
            return f"RLE frame {frame + 1} is cut"
        n_segments, *offsets = _RLE_HEADER.unpack_from(fragment)
        if n_segments != n_bytes or offsets[0] != _RLE_HEADER.size:
            return f"{n_segments} RLE segments, {n_bytes} are needed"
        bounds = [*offsets[:n_segments], len(fragment)]
        for segment in range(n_segments):
            low, high = bounds[segment], bounds[segment + 1]
            plain = _unpack_bits(fragment[low:high], n_pixels) if low <= high <= len(fragment) else None
            if plain is None:
                return f"RLE frame {frame + 1}, segment {segment + 1} does not give {n_pixels} bytes"
            # The first segment holds the most significant bytes.
            out[frame, :, n_bytes - 1 - segment] = np.frombuffer(plain, dtype=np.uint8)
    return out


def _fragments(raw: bytes) -> list[bytes]:
    """The items of encapsulated pixels; their lengths were held against the file by the scan."""
    out, position = [], 0
    while position + 8 <= len(raw):
        group, element, length = struct.unpack_from("<HHI", raw, position)
        if (group, element) != (0xFFFE, 0xE000):
            break
        out.append(raw[position + 8 : position + 8 + length])
        position += 8 + length
    return out


def _unpack_bits(packed: bytes, n_bytes: int) -> bytes | None:
    """PackBits, to exactly ``n_bytes``; None if it gives fewer or more, or runs past its end."""
    out = bytearray()
    position = 0
    while len(out) < n_bytes and position + 1 < len(packed):
        code = packed[position]
        if code < 128:
            literal = packed[position + 1 : position + 2 + code]
            if len(literal) != code + 1:
                return None
            out += literal
            position += 2 + code
        elif code > 128:
            out += packed[position + 1 : position + 2] * (257 - code)
            position += 2
        else:
            position += 1
    # A segment is padded to an even length.
    return bytes(out) if len(out) == n_bytes and len(packed) - position <= 1 else None
