"""Phrases for the voice bank, recorded by telephone: whoever has a code rings, hears a number, and says that phrase.

``handbell voice invite`` gives the code and a numbered list on paper. On the phone line's first menu ``*`` opens this
door, though only while somebody is invited. Then one phrase after another: its number, a tone, the phrase, ``#`` to
keep it or ``*`` to say it again. A recording is fetched from the provider as a voice message is, and deleted there; one
that was not kept is only deleted.

The state travels in the signed address, as that of the dialogue; a webhook that comes twice does nothing twice. It is
spoken in English: whoever reads our list to us knows which language it is in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from channels import calls_in
from gateway import audit, context, errors, upsert
from gateway.database import Session
from gateway.models import PhoneCall, VoiceInvite, VoiceMessage
from gateway.models.types import core
from gateway.voicebank import bank
from templates import aloud, languages

DOOR: Final = "*"  #: the key of the first menu that leads here
_PREFIX: Final = "studio"
_KEEP, _AGAIN, _STOP = "#", "*", "0"
_DIGITS: Final = 8  #: of a code
_VALID: Final = timedelta(days=7)
_LONGEST_S: Final = 30  #: a phrase takes seconds
_UNKEPT: Final = timedelta(hours=1)  #: a recording that nobody kept is deleted at the provider then
_TRIES: Final = 3

invite_table, call_table, voice_table = core(VoiceInvite), core(PhoneCall), core(VoiceMessage)


@dataclass(frozen=True, slots=True)
class State:
    """Where a recording session is. ``at`` is the number of the phrase, ``ref`` the recording that was just made."""

    step: str
    typed: str = ""
    invite: int = 0
    at: int = 0
    ref: str = ""
    tries: int = 0

    def packed(self) -> str:
        """The state as a word for an address."""
        return "~".join([_PREFIX, self.step, self.typed, str(self.invite), str(self.at), self.ref, str(self.tries)])


def unpacked(word: str) -> State | None:
    """The state that a word stands for, None where it is none of these."""
    parts = word.split("~")
    if len(parts) != 7 or parts[0] != _PREFIX:
        return None
    return State(parts[1], parts[2], int(parts[3]), int(parts[4]), parts[5], int(parts[6]))


async def invite(session: Session, gateway: context.Gateway, language: str, *, by: str) -> tuple[str, datetime]:
    """Make a code for a language. Gives it, and until when it is good. Only its fingerprint is kept.

    Raises :class:`errors.NotFound` where there are no words to record.
    """
    if not aloud.script(language):
        raise errors.NotFound(
            f"There are no words in {language} yet: handbell words coverage shows what is translated."
        )
    code, now = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}", gateway.now()
    row = VoiceInvite(
        language=language,
        code=_fingerprint(gateway, code),
        script=_digest(language),
        by=by,
        made_at=now,
        ends_at=now + _VALID,
    )
    session.add(row)
    await session.flush()
    line = audit.Line("voice.invited", f"invite:{row.id}", {"language": language}, by)
    await gateway.log.record(session, line, now=now)
    return code, row.ends_at


async def is_open(session: Session, gateway: context.Gateway) -> bool:
    """Whether anybody is invited."""
    query = sa.select(invite_table.c.id).where(invite_table.c.ends_at > gateway.now()).limit(1)
    return await session.scalar(query) is not None


def begin() -> calls_in.CallStep:
    """The door: the code, digit by digit."""
    return _ask(f"To record phrases, key your code of {_DIGITS} digits.", State("code"))


async def turn(
    session: Session, gateway: context.Gateway, asked: calls_in.CallTurn, state: State, *, line: str, call_id: int
) -> calls_in.CallStep:
    """One turn of a recording session."""
    if state.step == "code":
        return await _code(session, gateway, asked, state, call_id=call_id)
    found = await _invited(session, gateway, state.invite)
    if found is None:
        return _end("This code is over, or the list has changed. Please ask for a new one. Goodbye.")
    if state.step == "said":
        return _ask("Press hash to keep it, star to say it again, or 0 to stop.", _heard(state, asked))
    if asked.key == _KEEP:
        await _keep(session, gateway, found, state, line=line, call_id=call_id)
        return await _next(session, found)
    if asked.key == _AGAIN:
        return _phrase(found, state.at)
    if asked.key == _STOP or state.tries >= _TRIES:
        return _end("Thank you. Goodbye.")
    return _ask("Press hash to keep it, star to say it again, or 0 to stop.", replace(state, tries=state.tries + 1))


def _heard(state: State, asked: calls_in.CallTurn) -> State:
    return replace(state, step="choose", ref=asked.recording)


async def _code(
    session: Session, gateway: context.Gateway, asked: calls_in.CallTurn, state: State, *, call_id: int
) -> calls_in.CallStep:
    if not asked.key.isdecimal():
        return _end("Goodbye.")
    typed = state.typed + asked.key
    if len(typed) < _DIGITS:
        return calls_in.CallStep((), calls_in.Ask(replace(state, typed=typed).packed()))
    t = invite_table.c
    query = sa.select(t.id).where(t.code == _fingerprint(gateway, typed), t.ends_at > gateway.now())
    found = await _invited(session, gateway, await session.scalar(query) or 0)
    if found is None:
        return _end("This code is not known, or the list has changed. Please ask for a new one. Goodbye.")
    await session.execute(sa.update(call_table).where(call_table.c.id == call_id).values(invite_id=found.id))
    return await _next(session, found)


async def _invited(session: Session, gateway: context.Gateway, invite_id: int) -> VoiceInvite | None:
    """An invitation that holds: the list on paper has the numbers that we would say."""
    found = await session.get(VoiceInvite, invite_id)
    if found is None or found.ends_at <= gateway.now() or found.script != _digest(found.language):
        return None
    return found


async def _next(session: Session, found: VoiceInvite) -> calls_in.CallStep:
    """The first phrase that nobody has said yet."""
    there = (await bank.load(session)).clips.get(found.language, {}).keys()
    t = voice_table.c
    coming = sa.select(t.clip_said).where(t.clip_language == found.language, t.kept_at.is_(None), t.gone_at.is_(None))
    said = {*there, *(await session.scalars(coming))}
    script = _script(found.language)
    number = next((n for n, code in enumerate(script, 1) if code not in said), None)
    if number is None:
        return _end("Everything is recorded. Thank you very much. Goodbye.")
    return _phrase(found, number)


def _phrase(found: VoiceInvite, number: int) -> calls_in.CallStep:
    says = [_say(f"Phrase {number}. Say it after the tone, then press any key.")]
    silence = _say("Nothing was heard. Please ring again. Goodbye.")
    state = State("said", invite=found.id or 0, at=number)
    return calls_in.CallStep(says, calls_in.Record(state.packed(), _LONGEST_S, silence))


async def _keep(
    session: Session, gateway: context.Gateway, found: VoiceInvite, state: State, *, line: str, call_id: int
) -> None:
    """Have the recording fetched for its phrase; the provider may have told of it before, or tells of it later."""
    script, now = aloud.script(found.language), gateway.now()
    if not state.ref or not 1 <= state.at <= len(script):
        return
    words = script[state.at - 1].piece.words
    said = aloud.fingerprint(found.language, words)
    values = {"clip_language": found.language, "clip_said": said, "clip_words": words}
    row = taken(line, state.ref, call_id=call_id, seconds=_LONGEST_S, at=now, due_at=now) | values
    await upsert.insert(session, voice_table, [row], key=["line", "ref"])
    t = voice_table.c
    here = sa.update(voice_table).where(t.line == line, t.ref == state.ref, t.gone_at.is_(None))
    await session.execute(here.values(due_at=now, **values))


def taken(
    line: str, ref: str, *, call_id: int, seconds: int, at: datetime, due_at: datetime | None = None
) -> dict[str, object]:
    """A row for a recording of a session: unless somebody keeps it, it is deleted at the provider after a while."""
    return {
        "line": line, "ref": ref, "call_id": call_id, "seconds": seconds, "recorded_at": at, "content_type": "",
        "due_at": due_at or at + _UNKEPT, "tries": 0, "trouble": "",
    }  # fmt: skip


def _ask(words: str, state: State) -> calls_in.CallStep:
    return calls_in.CallStep([_say(words)], calls_in.Ask(state.packed()))


def _end(words: str) -> calls_in.CallStep:
    return calls_in.CallStep([_say(words)], calls_in.HangUp())


def _say(words: str) -> calls_in.Saying:
    return calls_in.Saying(languages.ENGLISH, words)


def _script(language: str) -> Sequence[str]:
    return [aloud.fingerprint(language, line.piece.words) for line in aloud.script(language)]


def _digest(language: str) -> str:
    return hashlib.sha256("\n".join(_script(language)).encode()).hexdigest()[:16]


def _fingerprint(gateway: context.Gateway, code: str) -> str:
    return hmac.new(gateway.secret, f"voice invite:{code}".encode(), hashlib.sha256).hexdigest()
