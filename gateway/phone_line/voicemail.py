"""Voice messages: a reply as soon as somebody has spoken, and the sound taken over from the provider.

Fetched, committed here, and only then deleted there; each step can be done again. A process that dies between two of
them leaves a lease behind (``due_at``), and whoever takes the message next goes on where it stood: nothing is lost, and
the one row of the sound makes that nothing is there twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from channels import calls_in
from gateway import audit, context, errors, tasks, upsert
from gateway.database import Session
from gateway.models import PhoneCall, Reply, VoiceMessage, VoiceSound
from gateway.models.types import core
from gateway.phone_line import answering, studio
from gateway.voicebank import bank, sounds

logger = structlog.get_logger()

voice_table, sound_table = core(VoiceMessage), core(VoiceSound)

_LEAST_SECONDS = 2  #: what is shorter is the click of a receiver
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 3600.0  #: seconds between two tries; each pause is twice the one before
_TELL = 6  #: after so many tries staff are told
_BYTES_PER_SECOND = 64_000  #: far more than a telephone's sound has; what is longer is no voice message


async def take(session: Session, gateway: context.Gateway, line: str, recording: calls_in.Recording) -> bool:
    """Take note of a recording, once: its reply is there from now on, its sound is to be fetched.

    Gives False for one that is not of a call to us, which is left alone.
    """
    call = core(PhoneCall).c
    query = sa.select(PhoneCall).where(call.line == line, call.ref == recording.call_ref)
    rang = (await session.scalars(query)).one_or_none()
    if rang is None:
        return False
    now = gateway.now()
    if rang.invite_id is not None:  # somebody reads phrases to us; what they do not keep is no message either
        spoken = studio.taken(line, recording.ref, call_id=rang.id or 0, seconds=recording.seconds, at=recording.at)
        await upsert.insert(session, voice_table, [spoken], key=["line", "ref"])
        return True
    row = {
        "line": line,
        "ref": recording.ref,
        "call_id": rang.id,
        "seconds": recording.seconds,
        "recorded_at": recording.at,
        "content_type": "",
        "due_at": now,
        "tries": 0,
        "trouble": "",
    }
    made = await upsert.insert_new(session, voice_table, [row], key=["line", "ref"])
    if not made:
        return True
    [(message_id,)] = made
    if recording.seconds >= _LEAST_SECONDS:
        inbound_id = await answering.store(
            session, line, caller=rang.caller or answering.WITHHELD.format(rang.id), called=rang.called,
            event_id=f"{recording.ref}:recording", body=f"Voice message, {recording.seconds} seconds.",
            at=recording.at, now=now,
        )  # fmt: skip
        await session.execute(
            sa.update(voice_table).where(voice_table.c.id == message_id).values(inbound_id=inbound_id)
        )
    facts = {"call": rang.id, "seconds": recording.seconds}
    await gateway.log.record(session, audit.Line("voice.left", f"voice:{message_id}", facts, "caller"), now=now)
    return True


async def work(gateway: context.Gateway) -> bool:
    """Take the next message that is due one step on, or put it off. Gives whether there was one."""
    message = await _claim(gateway)
    if message is None:
        return False
    phone = gateway.lines[message.line]
    try:
        if message.kept_at is None and (message.inbound_id is not None or message.clip_said):
            most = (message.seconds + 10) * _BYTES_PER_SECOND
            await _keep(gateway, message, await phone.fetch(message.ref, most_bytes=most))
        await phone.delete(message.ref)
    except calls_in.NoSuchRecording:
        if message.tries >= _TELL:
            await _lost(gateway, message)
        else:  # perhaps it is not ready yet
            await _put_off(gateway, message, "The provider does not have the recording.")
    except calls_in.CouldNotFetch as error:
        await _put_off(gateway, message, str(error))
    else:
        await _gone(gateway, message)
    return True


async def _claim(gateway: context.Gateway) -> VoiceMessage | None:
    """The next message that is due, with a lease on it."""
    t, now = voice_table.c, gateway.now()
    due = sa.select(VoiceMessage).where(t.due_at <= now, t.line.in_(list(gateway.lines))).order_by(t.due_at, t.id)
    async with gateway.database.read() as session:
        if (await session.scalars(due.limit(1))).first() is None:
            return None
    async with gateway.database.write() as session:
        found = (await session.scalars(due.limit(1).with_for_update(skip_locked=True))).first()
        if found is not None:
            # Time for two calls of the provider, each shorter than a sender's lease, and for what is written between.
            lease = timedelta(seconds=3 * gateway.settings.sending.lease_s)
            found.due_at, found.tries = now + lease, found.tries + 1
            session.add(found)
        return found


async def _keep(gateway: context.Gateway, message: VoiceMessage, audio: calls_in.Audio) -> None:
    now = gateway.now()
    if message.clip_said:
        await _keep_clip(gateway, message, audio)
        return
    async with gateway.database.write() as session:
        row = {"voice_message_id": message.id, "content": audio.content}
        await upsert.insert(session, sound_table, [row], key=["voice_message_id"])
        t = voice_table.c
        values = {"kept_at": now, "content_type": audio.content_type, "tries": 0, "trouble": ""}
        first = sa.update(voice_table).where(t.id == message.id, t.kept_at.is_(None)).values(**values).returning(t.id)
        if (await session.execute(first)).first():
            line = audit.Line("voice.kept", f"voice:{message.id}", {"bytes": len(audio.content)})
            await gateway.log.record(session, line, now=now)


async def _keep_clip(gateway: context.Gateway, message: VoiceMessage, audio: calls_in.Audio) -> None:
    """Put what was read to us into the voice bank."""
    now, t = gateway.now(), voice_table.c
    recording = bank.Recording(message.clip_language, message.clip_words, audio.content, message.ref)
    try:
        sounds.kind(recording.content, name=recording.name)
    except errors.BadInput as error:  # it is deleted there, and the phrase is asked for again
        logger.warning("voice.no_clip", voice=message.id, why=str(error))
        return
    async with gateway.database.write() as session:
        await bank.keep(session, recording, by="by telephone", log=gateway.log, now=now)
        here = sa.update(voice_table).where(t.id == message.id)
        await session.execute(here.values(kept_at=now, content_type=audio.content_type, tries=0, trouble=""))


async def _gone(gateway: context.Gateway, message: VoiceMessage) -> None:
    """The provider has it no more: nothing is left to do."""
    now, t = gateway.now(), voice_table.c
    async with gateway.database.write() as session:
        last = sa.update(voice_table).where(t.id == message.id, t.gone_at.is_(None)).returning(t.id)
        if (await session.execute(last.values(gone_at=now, due_at=None, trouble=""))).first():
            await gateway.log.record(session, audit.Line("voice.deleted_there", f"voice:{message.id}"), now=now)


async def _lost(gateway: context.Gateway, message: VoiceMessage) -> None:
    """It is not there, and was never here. A person must ring back."""
    now, t = gateway.now(), voice_table.c
    async with gateway.database.write() as session:
        trouble = "The provider had it no more before it could be fetched."
        # Not where another worker, after our lease, has kept it.
        lost = sa.update(voice_table).where(t.id == message.id, t.kept_at.is_(None), t.gone_at.is_(None))
        gone = await session.execute(lost.values(gone_at=now, due_at=None, trouble=trouble).returning(t.id))
        if gone.first():
            await _tell(session, gateway, message, f"A voice message is lost. {trouble}", urgent=True)


async def _put_off(gateway: context.Gateway, message: VoiceMessage, trouble: str) -> None:
    now, t = gateway.now(), voice_table.c
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(message.tries - 1, 20))
    logger.info("voice.put_off", voice=message.id, tries=message.tries, why=trouble)
    async with gateway.database.write() as session:
        due = now + timedelta(seconds=pause)
        # Not where another worker, after our lease, has brought it to its end.
        later = sa.update(voice_table).where(t.id == message.id, t.due_at.is_not(None))
        await session.execute(later.values(due_at=due, trouble=trouble))
        if message.tries == _TELL:
            what = "A voice message cannot be deleted at the provider."
            if message.kept_at is None and message.inbound_id is not None:
                what = "A voice message cannot be fetched from the provider."
            await _tell(session, gateway, message, f"{what} {trouble}", urgent=message.kept_at is None)


async def _tell(session: Session, gateway: context.Gateway, message: VoiceMessage, what: str, *, urgent: bool) -> None:
    cure = "Ring the caller: handbell replies list. The journal says more (voice.put_off)."
    ask = tasks.Ask("voice", f"voice:{message.id}", what, cure, urgent=urgent)
    await tasks.ask(session, ask, log=gateway.log, now=gateway.now())


async def look_for_missed(gateway: context.Gateway, since: datetime) -> int:
    """Take note of recordings that nobody told us of, as a webhook can be lost. Gives how many the provider has.

    Raises :class:`calls_in.CouldNotFetch`.
    """
    seen = 0
    for name, phone in gateway.lines.items():
        async for recording in phone.recordings(since):
            seen += 1
            t = voice_table.c
            async with gateway.database.read() as session:
                known = sa.select(t.id).where(t.line == name, t.ref == recording.ref)
                if await session.scalar(known) is not None:
                    continue
            async with gateway.database.write() as session:
                await take(session, gateway, name, recording)
    return seen


async def erase_old(session: Session, gateway: context.Gateway) -> Sequence[int]:
    """Erase the sound of messages that were kept for as long as the school keeps them. Gives their ids."""
    t, now = voice_table.c, gateway.now()
    limit = now - timedelta(days=gateway.settings.phone_line.retention_days)
    old = sa.update(voice_table).where(t.kept_at < limit, t.gone_at.is_not(None), t.erased_at.is_(None))
    old = old.where(t.clip_said == "")  # phrases are in the voice bank, for as long as calls say them
    erased = sorted((await session.scalars(old.values(erased_at=now).returning(t.id))).all())
    await session.execute(sa.delete(sound_table).where(sound_table.c.voice_message_id.in_(erased)))
    lines = [audit.Line("voice.erased", f"voice:{message_id}") for message_id in erased]
    await gateway.log.record(session, lines, now=now)
    return erased


@dataclass(frozen=True, slots=True)
class Played:
    """A voice message, as it is played to somebody."""

    audio: calls_in.Audio
    seconds: int


async def play(session: Session, gateway: context.Gateway, reply_id: int, *, by: str) -> Played:
    """Give the sound of a reply, and write down who listened.

    Raises :class:`errors.NotFound` for a reply without a voice message, and :class:`errors.Conflict` where its sound is
    not here yet, or no more.
    """
    query = (
        sa.select(VoiceMessage)
        .join(core(Reply), core(Reply).c.inbound_id == voice_table.c.inbound_id)
        .where(core(Reply).c.id == reply_id)
    )
    message = (await session.scalars(query)).one_or_none()
    if message is None:
        raise errors.NotFound(f"There is no reply {reply_id} with a voice message.")
    if message.erased_at is not None:
        raise errors.Conflict(f"The voice message of reply {reply_id} was erased on {message.erased_at:%d/%m/%Y}.")
    if message.kept_at is None:
        why = message.trouble or "It is being fetched."
        raise errors.Conflict(f"The voice message of reply {reply_id} is not here yet. {why}")
    sound = await session.scalar(sa.select(sound_table.c.content).where(sound_table.c.voice_message_id == message.id))
    facts = {"voice": message.id, "seconds": message.seconds}
    await gateway.log.record(session, audit.Line("voice.played", f"reply:{reply_id}", facts, by), now=gateway.now())
    return Played(calls_in.Audio(message.content_type, bytes(sound or b"")), message.seconds)
