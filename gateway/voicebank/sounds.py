"""Whether a file is a recording that a call can play."""

from __future__ import annotations

import struct
from typing import Final

from gateway import errors

LARGEST: Final = 1_000_000  #: bytes: a minute of telephone sound as WAV; a phrase takes seconds
_WAV, _MP3 = "audio/wav", "audio/mpeg"
_CURE: Final = "Save it as WAV or MP3, one phrase to a file."


def kind(content: bytes, *, name: str) -> str:
    """Say what sort of sound it is, by its head: ``audio/wav`` or ``audio/mpeg``.

    Raises :class:`errors.BadInput` with the file's ``name`` for what is too long, cut off, or no sound.
    """
    if len(content) > LARGEST:
        what = f"this is {len(content) / 1_000_000:.1f} megabytes, more than a phrase can be ({LARGEST // 1000} kB)."
        raise _bad(what, "Record one phrase, or save it with fewer bits.", name)
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        if not _is_whole(content):
            raise _bad("this WAV file is cut off, or holds no sound.", "Save it again.", name)
        return _WAV
    # An ID3 tag, or the eleven set bits with which every frame of MPEG audio begins (ISO 11172-3, 2.4.2.3), layer III.
    if content[:3] == b"ID3" or (len(content) > 3 and content[0] == 0xFF and content[1] & 0xE6 == 0xE2):
        return _MP3
    raise _bad("this is no sound that a call can play.", _CURE, name)


def _is_whole(content: bytes) -> bool:
    """Whether a WAV file is as long as its head says, and has sound in it (Microsoft, 1991)."""
    (size,) = struct.unpack("<I", content[4:8])
    if len(content) - 8 not in (size, size - 1):  # a last odd byte is padded, though not by everybody
        return False
    at, found = 12, set[bytes]()
    while at + 8 <= len(content):
        chunk, (length,) = content[at : at + 4], struct.unpack("<I", content[at + 4 : at + 8])
        if length:
            found.add(chunk)
        at += 8 + length + length % 2
    return {b"fmt ", b"data"} <= found


def _bad(what: str, cure: str, name: str) -> errors.BadInput:
    return errors.BadInput([errors.Problem(what, cure, name)])
