"""What follows from an answer, whoever took it down: a text, a key, a page, or the office.

The guest is held by the caller (:func:`guests.find`), the times are held here in one order, so of two who want the last
place one gets it, and the other hears so at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, context, errors, tasks
from gateway.database import Session
from gateway.events import guests, offers, slots, waiting
from gateway.models import EventGuest, EventSlot, GuestState, SchoolEvent

S = GuestState
OFFICE: Final = "office"  #: the way of an answer that the office takes down
INTERPRETERS: Final = "event.interpreter"  #: the task to find some


class Outcome(StrEnum):
    """What came of an answer."""

    COMING = "coming"
    NOT_COMING = "not_coming"
    WAITING = "waiting"
    PHONE = "phone"
    NOTED = "noted"  #: that an interpreter is needed
    GONE = "gone"  #: that time has been taken, and there are others
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Said:
    """Who answered, and by which way: ``text``, ``email``, ``call``, ``page`` or ``office``."""

    by: str
    how: str
    actor: str = "parent"


async def answer(session: Session, gateway: context.Gateway, guest: EventGuest, meaning: str, said: Said) -> Outcome:
    """Do what an answer says: one of :data:`offers.Meaning`, or ``slot`` and its id.

    Raises :class:`errors.NotFound` or :class:`errors.Conflict` where the office names a time that cannot be this
    guest's; to a family it is one that has gone.
    """
    event, now = await session.get_one(SchoolEvent, guest.event_id), gateway.now()
    found = await slots.of_event(session, event.id)
    if said.how == OFFICE and meaning.startswith(offers.SLOT):
        await _check(session, event, guest, meaning, found, now=now)
    ahead = [one for one in found if one.starts_at > now and _may_have(one, guest, meaning, said)]
    if event.cancelled_at is not None or not ahead:
        return Outcome.OVER
    if meaning == offers.INTERPRETER:
        return await _interpreter(session, gateway, guest, event, said)
    if meaning == offers.NOT_COMING:
        return await _leave(session, gateway, guest, S.NOT_COMING, Outcome.NOT_COMING, said)
    if meaning == offers.NO_TIME:
        outcome = await _leave(session, gateway, guest, S.PHONE, Outcome.PHONE, said)
        await waiting.ask_to_ring(session, gateway, event, guest)
        return outcome
    slot = await _wanted(session, guest, meaning, ahead)
    if slot is not None:
        return await _take(session, gateway, guest, slot, said)
    return await _none_of_them(session, gateway, guest, None, said)


def _may_have(slot: EventSlot, guest: EventGuest, meaning: str, said: Said) -> bool:
    """Whether a time is for whoever is invited; new ones after the event are kept for one, or given by the office."""
    named = said.how == OFFICE and meaning == f"{offers.SLOT}{slot.id}"
    return not slot.again or slot.id == guest.slot_id or named


async def _check(
    session: Session, event: SchoolEvent, guest: EventGuest, meaning: str, found: Sequence[EventSlot], *, now: datetime
) -> None:
    number = meaning.removeprefix(offers.SLOT)
    slot = next((one for one in found if str(one.id) == number), None)
    if slot is None:
        raise errors.NotFound(f"There is no time {number} at “{event.key}”: handbell event slots {event.key}.")
    if slot.starts_at <= now:
        raise errors.Conflict(f"Time {number} has begun. Who was there: handbell event attended {event.key}.")
    if not slots.is_for(slot, await guests.form_of(session, guest.id or 0)):
        raise errors.Conflict(f"Time {number} is for the families of {', '.join(slot.forms)}.")


async def _wanted(session: Session, guest: EventGuest, meaning: str, ahead: Sequence[EventSlot]) -> EventSlot | None:
    """The time that is meant: the one that is kept for the guest, the one that it named, or the only one there is."""
    by_id = {one.id: one for one in ahead}
    if meaning == offers.COMING:
        return by_id.get(guest.slot_id) or (ahead[0] if len(ahead) == 1 else None)
    slot = by_id.get(int(meaning.removeprefix(offers.SLOT)))
    return slot if slot and slots.is_for(slot, await guests.form_of(session, guest.id or 0)) else None


async def _take(
    session: Session,
    gateway: context.Gateway,
    guest: EventGuest,
    slot: EventSlot,
    said: Said,
) -> Outcome:
    if slot.id == guest.slot_id:  # kept for it, or said twice
        return await _settle(session, gateway, guest, S.COMING, Outcome.COMING, said)
    await _hold(session, slot.id, guest.slot_id)
    first = await waiting.has_others(session, guest, slot)
    if not first and await slots.take(session, slot.id or 0):
        await _free(session, gateway, guest)
        guest.slot_id = slot.id
        guest.sequence += 1
        return await _settle(session, gateway, guest, S.COMING, Outcome.COMING, said)
    return await _none_of_them(session, gateway, guest, slot, said)


async def _none_of_them(
    session: Session, gateway: context.Gateway, guest: EventGuest, slot: EventSlot | None, said: Said
) -> Outcome:
    """No place at that time: there are others, or the guest waits for one."""
    form, now = await guests.form_of(session, guest.id or 0), gateway.now()
    ahead = [one for one in await slots.of_event(session, guest.event_id) if not one.again and one.starts_at > now]
    others = [one for one in ahead if slots.is_for(one, form) and slots.is_free(one) and one is not slot]
    if not ahead:
        return Outcome.OVER
    if guest.state is S.COMING or others:
        return Outcome.GONE
    guest.waiting_since = guest.waiting_since or gateway.now()
    return await _settle(session, gateway, guest, S.WAITING, Outcome.WAITING, said)


async def _leave(
    session: Session, gateway: context.Gateway, guest: EventGuest, state: GuestState, outcome: Outcome, said: Said
) -> Outcome:
    if guest.slot_id is not None:
        await _hold(session, guest.slot_id)
        guest.sequence += 1
        await _free(session, gateway, guest)
    return await _settle(session, gateway, guest, state, outcome, said)


async def _free(session: Session, gateway: context.Gateway, guest: EventGuest) -> None:
    """Give a guest's place to whoever is next."""
    if guest.slot_id is None:
        return
    slot_id, guest.slot_id = guest.slot_id, None
    session.add(guest)
    await session.flush()
    await slots.give_back(session, slot_id)
    await waiting.offer_next(session, gateway, slot_id)


async def _hold(session: Session, *slot_ids: int | None) -> None:
    """Lock times in one order, whoever changes from which to which."""
    query = select(EventSlot.id).where(col(EventSlot.id).in_([one for one in slot_ids if one is not None]))
    await session.execute(query.order_by(col(EventSlot.id)).with_for_update())


async def _settle(
    session: Session, gateway: context.Gateway, guest: EventGuest, state: GuestState, outcome: Outcome, said: Said
) -> Outcome:
    now = gateway.now()
    before = guest.state
    guest.state, guest.answered_at, guest.by, guest.how = state, now, said.by, said.how
    guest.offer_until = None
    if state is not S.WAITING:
        guest.waiting_since = None
    session.add(guest)
    await session.flush()
    if before is S.PHONE and state is not S.PHONE:
        await tasks.over(session, f"guest:{guest.id}", by="handbell: the family has answered", log=gateway.log, now=now)
    if guest.interpreter and state is not before and state in (S.COMING, S.NOT_COMING):
        event = await session.get_one(SchoolEvent, guest.event_id)
        await _count_interpreters(session, gateway, event, more=state is S.COMING)
    facts = {"guest": guest.id, "state": state.value, "before": before.value, "slot": guest.slot_id, "how": said.how}
    line = audit.Line("event.answered", f"event:{guest.event_id}", facts, said.actor)
    await gateway.log.record(session, line, now=now)
    return outcome


async def _interpreter(
    session: Session, gateway: context.Gateway, guest: EventGuest, event: SchoolEvent, said: Said
) -> Outcome:
    now = gateway.now()
    guest.interpreter = True
    session.add(guest)
    await session.flush()
    await _count_interpreters(session, gateway, event, more=True)
    facts = {"guest": guest.id, "how": said.how}
    line = audit.Line("event.interpreter", f"event:{event.id}", facts, said.actor)
    await gateway.log.record(session, line, now=now)
    return Outcome.NOTED


async def _count_interpreters(session: Session, gateway: context.Gateway, event: SchoolEvent, *, more: bool) -> None:
    """Let staff know how many families need one, as :class:`views.Whole` counts them: of those who may still come."""
    needed = (EventGuest.event_id == event.id, col(EventGuest.interpreter), EventGuest.state != S.NOT_COMING)
    number = await session.scalar(select(sa.func.count()).where(*needed)) or 0
    subject, now = f"event:{event.id}", gateway.now()
    if not number:
        await tasks.over(session, subject, by="handbell: none is needed", log=gateway.log, now=now, kind=INTERPRETERS)
        return
    what = f"Families who need an interpreter at “{event.title}”: {number}."
    ask = tasks.Ask(INTERPRETERS, subject, what, f"handbell event show {event.key}")
    if more:
        await tasks.ask(session, ask, log=gateway.log, now=now)
    else:
        await tasks.reword(session, ask)


_MEANINGS: Final = (offers.COMING, offers.NOT_COMING, offers.NO_TIME, offers.INTERPRETER)


def meaning_of(word: str, slot_id: int | None) -> str:
    """What the office means: a time, or one of the words.

    Raises :class:`errors.BadInput`.
    """
    found = word.strip().casefold().replace("-", "_").replace(" ", "_")
    if found not in _MEANINGS:
        words = ", ".join(one.replace("_", "-") for one in _MEANINGS)
        raise errors.BadInput([errors.Problem(f"“{word}” is no answer.", f"Write one of these: {words}.")])
    if slot_id is None:
        return found
    if found != offers.COMING:
        what = f"“{word}” and a time do not go together."
        raise errors.BadInput([errors.Problem(what, "Take the time out, or say that they are coming.")])
    return f"{offers.SLOT}{slot_id}"
