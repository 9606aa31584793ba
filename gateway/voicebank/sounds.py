"""Whether a file is a recording that a call can play."""

from __future__ import annotations

import struct
from typing import Final

from gateway import errors

LARGEST: Final = 1_000_000  #: bytes: a minute of telephone sound as WAV; a phrase takes seconds
_WAV, _MP3 = "audio/wav", "audio/mpeg"
#: Codings of WAV that calls play, with the bits of a sample: PCM, A-law and mu-law.
_PLAYED: Final = frozenset({(1, 8), (1, 16), (6, 8), (7, 8)})
_SHORTEST_FORMAT, _ID3_HEAD, _FRAME_HEAD = 16, 10, 4  # bytes
#: Kilobits a second, layer III, by the number in a frame's head: of MPEG-1, and of what came after it.
_RATES_1: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_RATES_2: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_CURE: Final = "Save it as WAV or MP3, one phrase to a file."


def kind(content: bytes, *, name: str) -> str:
    """Say what sort of sound it is: ``audio/wav`` or ``audio/mpeg``.

    Raises :class:`errors.BadInput` with the file's ``name`` for what is too long, cut off, or no sound.
    """
    if len(content) > LARGEST:
        what = f"this is {len(content) / 1_000_000:.1f} megabytes, more than a phrase can be ({LARGEST // 1000} kB)."
        raise _bad(what, "Record one phrase, or save it with fewer bits.", name)
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        chunks = _chunks(content)
        if not chunks.get(b"data") or len(chunks.get(b"fmt ", b"")) < _SHORTEST_FORMAT:
            raise _bad("this WAV file is cut off, or holds no sound.", "Save it again.", name)
        if _coding(chunks[b"fmt "]) not in _PLAYED:
            what = "this WAV file is coded in a way that no call plays."
            raise _bad(what, "Save it as WAV (PCM) of 16 bits, or as MP3.", name)
        return _WAV
    if _is_mp3(content):
        return _MP3
    raise _bad("this is no sound that a call can play.", _CURE, name)


def _chunks(content: bytes) -> dict[bytes, bytes]:
    """The parts of a WAV file by name (Microsoft, 1991); none where it is not as long as its head says."""
    (size,) = struct.unpack("<I", content[4:8])
    if len(content) - 8 not in (size, size - 1):  # a last odd byte is padded, though not by everybody
        return {}
    at, found = 12, dict[bytes, bytes]()
    while at + 8 <= len(content):
        (length,) = struct.unpack("<I", content[at + 4 : at + 8])
        found[content[at : at + 4]] = content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return found


def _coding(form: bytes) -> tuple[int, int]:
    """How the samples of a WAV file are coded, and the bits of each. What is “extensible” says it further on."""
    (coding, bits), extensible = struct.unpack("<H12xH", form[:16]), 0xFFFE
    return (int.from_bytes(form[24:26], "little") if coding == extensible else coding), bits


def _is_mp3(content: bytes) -> bool:
    """Whether two frames of MPEG audio, layer III, follow each other, behind tags if there are any."""
    at = 0
    if content[:3] == b"ID3" and len(content) > _ID3_HEAD:  # its length has seven bits in each byte (ID3v2, 3.1)
        at = _ID3_HEAD + sum(byte << 7 * (3 - place) for place, byte in enumerate(content[6:10]))
    at += len(content[at:]) - len(content[at:].lstrip(b"\0"))  # some programs pad what the tag's length leaves out
    first = _frame(content[at:])
    return first > 0 and _frame(content[at + first :]) > 0


def _frame(content: bytes) -> int:
    """How long the frame is that begins here, in bytes, 0 for none (ISO 11172-3, 2.4.2.3; ISO 13818-3, 2.4.2.3)."""
    if len(content) < _FRAME_HEAD or content[0] != 0xFF or content[1] & 0xE6 != 0xE2:  # eleven set bits, layer III
        return 0
    version, rate, pitch = content[1] >> 3 & 3, content[2] >> 4, content[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or pitch == 3:  # reserved, or of no stated rate
        return 0
    first = version == 3  # MPEG-1; else MPEG-2 (2) and 2.5 (0), whose frames are half as long
    hertz = (44100, 48000, 32000)[pitch] // {3: 1, 2: 2, 0: 4}[version]
    kilobits = (_RATES_1 if first else _RATES_2)[rate - 1]
    return (144 if first else 72) * kilobits * 1000 // hertz + (content[2] >> 1 & 1)


def _bad(what: str, cure: str, name: str) -> errors.BadInput:
    return errors.BadInput([errors.Problem(what, cure, name)])
