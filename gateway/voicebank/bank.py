"""The recordings: kept, found by their words, and put together to what a call says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import audit, errors, upsert
from gateway.database import Session
from gateway.models import Clip, Message, MessageState
from gateway.models.types import core
from gateway.voicebank import sounds
from templates import aloud, languages

_WAIT: Final = (MessageState.HELD, MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)
_A_CALL: Final = timedelta(hours=1)  #: no call goes on for longer


@dataclass(frozen=True, slots=True)
class Bank:
    """Which words have a recording, by language and fingerprint: the ids of the clips."""

    clips: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])

    def find(self, language: str, piece: aloud.Piece) -> int | None:
        """The recording of a piece, or None."""
        return self.clips.get(language, {}).get(aloud.fingerprint(language, piece.words))

    def missing(self, language: str, pieces: Iterable[aloud.Piece]) -> list[aloud.Piece]:
        """The pieces that can neither be played nor said: a name without a recording is said by the English voice."""
        return [one for one in pieces if one.kind != "name" and self.find(language, one) is None]

    def put_together(self, language: str, pieces: Sequence[aloud.Piece]) -> list[dict[str, Any]] | None:
        """What is heard, piece by piece, as it is stored with a message; None where a piece is missing."""
        if self.missing(language, pieces):
            return None
        found = [(one, self.find(language, one)) for one in pieces]
        return [{"clip": clip, "say": one.words, "locale": languages.ENGLISH} for one, clip in found]


NOTHING = Bank()


async def load(session: Session) -> Bank:
    """Everything that is recorded; the sounds themselves stay where they are."""
    t, found = core(Clip).c, dict[str, dict[str, int]]()
    for clip_id, language, said in await session.execute(sa.select(t.id, t.language, t.said)):
        found.setdefault(language, {})[said] = clip_id
    return Bank(found) if found else NOTHING


@dataclass(frozen=True, slots=True)
class Recording:
    """A piece and its sound. ``name`` is that of the file, for error sentences."""

    language: str
    words: str
    content: bytes
    name: str = ""


async def keep(session: Session, recording: Recording, *, by: str, log: audit.Log, now: datetime) -> str:
    """Keep a recording in place of an older one of the same words. Gives the fingerprint.

    Raises :class:`errors.BadInput` for what a call cannot play.
    """
    kind = sounds.kind(recording.content, name=recording.name)
    said = aloud.fingerprint(recording.language, recording.words)
    row = {
        "language": recording.language,
        "said": said,
        "words": recording.words,
        "content_type": kind,
        "content": recording.content,
        "by": by,
        "at": now,
    }
    # The row stays the same one: calls that are planned know it by its id, and its words are the same.
    changed = ["words", "content_type", "content", "by", "at"]
    await upsert.insert(session, core(Clip), [row], key=["language", "said"], update=changed)
    facts = {"language": recording.language, "said": said, "bytes": len(recording.content)}
    await log.record(session, audit.Line("voice.recorded", f"clip:{said}", facts, by), now=now)
    return said


async def forget(
    session: Session, language: str, said: Iterable[str], *, by: str, log: audit.Log, now: datetime
) -> int:
    """Throw recordings away. Gives how many.

    Raises :class:`errors.Conflict` where a call that waits or goes on plays one: it knows it by its id, would miss it
    in the midst of a sentence, and SQLite gives the id to the next recording.
    """
    query = select(Clip).where(Clip.language == language, col(Clip.said).in_(list(said)))
    found = (await session.scalars(query)).all()
    played = await _played(session, now=now) if found else set[int]()
    if needed := [clip.said for clip in found if clip.id in played]:
        what = f"Calls that are still to be made play {', '.join(needed)}."
        raise errors.Conflict(f"{what} Record it anew (handbell voice import), or wait until they are made.")
    for clip in found:
        await session.delete(clip)
    lines = [audit.Line("voice.forgotten", f"clip:{clip.said}", {"language": language}, by) for clip in found]
    await log.record(session, lines, now=now)
    return len(found)


async def _played(session: Session, *, now: datetime) -> set[int]:
    """The recordings that calls which wait, or go on, play."""
    t = core(Message).c
    going_on = sa.and_(t.state == MessageState.ACCEPTED, t.changed_at > now - _A_CALL)
    query = sa.select(t.script).where(t.medium == Medium.VOICE, t.state.in_(_WAIT) | going_on)
    return {clip for script in await session.scalars(query) if script for clip in _clips(script)}


def _clips(script: Mapping[str, Any]) -> set[int]:
    """The recordings of a stored script, and of the other language that key 0 leads to."""
    found = {piece["clip"] for pieces in script.get("sounds", {}).values() for piece in pieces if piece["clip"]}
    return found | (_clips(script["other"]["script"]) if script.get("other") else set())
