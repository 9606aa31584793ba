"""An event's further notices: the reminder, another time or place, that it is cancelled, and how it was.

Each is a notice by itself, to be seen, approved or taken back like any other. Whoever has said no hears no more of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, bell, context, errors, outbox, tasks
from gateway.database import Session
from gateway.definitions import model
from gateway.events import guests, papers, slots, tellings
from gateway.events.tellings import Happening, Kind
from gateway.models import EventGuest, EventSlot, GuestState, Notice, NoticeState, Run, SchoolEvent
from gateway.models.types import core

S = GuestState
AUTHOR = "handbell"
_LONGEST_KEY = 60  #: of an event's own, so that what is put behind it fits
_OVER = frozenset({NoticeState.CANCELLED, NoticeState.DONE, NoticeState.BROKEN})


@dataclass(frozen=True, slots=True)
class Change:
    """What is new about an event; None where it stays. ``details`` says why, in full sentences."""

    starts: datetime | None = None
    ends: datetime | None = None
    place: str | None = None
    details: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a deed: the notice that tells families, and how many of them will be told."""

    event: SchoolEvent
    notices: Sequence[Notice]
    guests: int


async def find(session: Session, key: str) -> SchoolEvent:
    """An event by its key, held until the caller's transaction ends.

    Raises :class:`errors.NotFound`.
    """
    query = select(SchoolEvent).where(SchoolEvent.key == key).with_for_update()
    event = (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()
    if event is None:
        raise errors.NotFound(f"There is no event “{key}”. handbell event list shows them.")
    return event


async def invited(session: Session, gateway: context.Gateway, notice: Notice) -> Notice | None:
    """After the invitation: remind families so long before; not where that time has gone by, and once only."""
    event = await session.get_one(SchoolEvent, notice.event_id)
    if notice.key != event.key:
        return None
    happening = await papers.happening_of(session, gateway, event)
    before = happening.details.remind
    at = event.starts_at - before
    if not before or at <= gateway.now():
        return None
    key = _key(event, "reminder")
    there = (await session.scalars(select(Notice).where(Notice.key == key))).one_or_none()
    if there is not None:
        return there
    return await _add(session, gateway, happening, Kind.REMINDER, key=key, fire_at=at)


async def change(session: Session, gateway: context.Gateway, key: str, new: Change, *, by: str) -> Told:
    """Move an event, or give it another place: tell those invited who have not said no, and move the reminder.

    The times to choose from move along with its beginning. Raises :class:`errors.Conflict` or
    :class:`errors.BadInput`.
    """
    event, now = await find(session, key), gateway.now()
    _still_on(event)
    if new.starts is None and new.ends is None and new.place is None and not new.details:
        raise errors.BadInput([errors.Problem("nothing would change.", "Give a new time, place or details.")])
    if new.starts is not None and new.starts <= now:
        raise errors.BadInput([errors.Problem("this time has gone by.", "Correct it.", field="starts")])
    happening = await papers.happening_of(session, gateway, event)
    moved = new.starts - event.starts_at if new.starts else timedelta(0)
    ends = new.ends or (event.ends_at + moved if event.ends_at else None)
    if ends is not None and ends <= (new.starts or event.starts_at):
        raise errors.BadInput([errors.Problem("it would end before it begins.", "Correct the times.", field="ends")])
    event.starts_at, event.ends_at = new.starts or event.starts_at, ends
    event.place = event.place if new.place is None else new.place
    event.sequence, event.changed_at = event.sequence + 1, now
    session.add(event)
    await session.flush()
    await _move_slots(session, event, moved, ends, has_times=happening.has_times)
    await _move_reminder(session, happening, now=now)
    told = await _tell(session, gateway, happening, Kind.CHANGED, details=new.details, number=event.sequence)
    facts = {"starts": event.starts_at, "sequence": event.sequence, "guests": told.guests}
    await gateway.log.record(session, audit.Line("event.changed", f"event:{event.id}", facts, by), now=now)
    return told


async def _move_slots(
    session: Session, event: SchoolEvent, moved: timedelta, ends: datetime | None, *, has_times: bool
) -> None:
    found = list(await slots.of_event(session, event.id))
    # The last first where it moves on, so that no time takes the place of another on its way.
    for slot in sorted(found, key=lambda one: one.starts_at, reverse=moved > timedelta(0)):
        if slot.again:
            continue
        slot.starts_at += moved
        slot.ends_at = (slot.ends_at + moved if slot.ends_at else None) if has_times else ends
        session.add(slot)
        await session.flush()


async def _move_reminder(session: Session, happening: Happening, *, now: datetime) -> None:
    at = happening.event.starts_at - happening.details.remind
    moved = sa.update(Notice).where(
        col(Notice.key) == _key(happening.event, "reminder"), col(Notice.state) == NoticeState.SCHEDULED
    )
    await session.execute(moved.values(next_fire_at=max(at, now)))


async def cancel(session: Session, gateway: context.Gateway, key: str, *, details: str, by: str) -> Told:
    """Cancel an event: what has not left is taken back, and those invited who have not said no are told.

    Raises :class:`errors.Conflict`.
    """
    event, now = await find(session, key), gateway.now()
    _still_on(event)
    happening = await papers.happening_of(session, gateway, event)
    event.cancelled_at = event.changed_at = now
    event.sequence += 1
    session.add(event)
    t = core(Notice).c
    before = list(await session.scalars(select(Notice).where(t.event_id == event.id).with_for_update()))
    for notice in before:
        if notice.state not in _OVER or notice.key == event.key:
            notice.state, notice.next_fire_at = NoticeState.CANCELLED, None
            session.add(notice)
    await session.flush()
    runs = sa.select(core(Run).c.id).where(core(Run).c.notice_id.in_([one.id for one in before]))
    taken_back = await outbox.cancel(session, list(await session.scalars(runs)), now=now)
    offers = sa.update(guests.GUESTS).where(guests.GUESTS.c.event_id == event.id)
    await session.execute(offers.values(offer_until=None, waiting_since=None))
    told = await _tell(session, gateway, happening, Kind.CANCELLED, details=details, number=event.sequence)
    await tasks.over(session, f"event:{event.id}", by=f"{by}: cancelled", log=gateway.log, now=now)
    facts = {"taken_back": taken_back, "guests": told.guests}
    await gateway.log.record(session, audit.Line("event.cancelled", f"event:{event.id}", facts, by), now=now)
    return told


async def attended(
    session: Session, gateway: context.Gateway, key: str, *, came: Collection[int], rest_missed: bool, by: str
) -> int:
    """Note which guests were there. With ``rest_missed``, everybody else who has not said no was not. Gives how many.

    Raises :class:`errors.NotFound` for a guest that is not of this event, :class:`errors.Conflict` before it begins.
    """
    event, now = await find(session, key), gateway.now()
    if event.cancelled_at is not None or event.starts_at > now:
        raise errors.Conflict(f"“{event.title}” has not taken place.")
    t = guests.GUESTS.c
    known = set(await session.scalars(sa.select(t.id).where(t.event_id == event.id)))
    if strange := sorted(set(came) - known):
        raise errors.NotFound(f"{', '.join(map(str, strange))}: no guest of “{event.key}”. See handbell event show.")
    mine = sa.update(guests.GUESTS).where(t.event_id == event.id)
    there = await session.execute(mine.where(t.id.in_(came)).values(attended=True, attended_by=by).returning(t.id))
    count = len(there.all())
    if rest_missed:
        others = (t.attended.is_(None), t.state != S.NOT_COMING)
        missed = await session.execute(mine.where(*others).values(attended=False, attended_by=by).returning(t.id))
        count += len(missed.all())
    facts = {"came": len(set(came)), "noted": count}
    await gateway.log.record(session, audit.Line("event.attended", f"event:{event.id}", facts, by), now=now)
    return count


async def follow_up(
    session: Session, gateway: context.Gateway, key: str, *, details: str, again: Sequence[model.EventSession], by: str
) -> Told:
    """Thank those who came, and tell those who did not that they were missed: with a new time each, while there are.

    ``again`` are further times for them, beside those that the definition kept. Raises :class:`errors.Conflict` before
    anybody was noted as there or missed, and a second time.
    """
    event, now = await find(session, key), gateway.now()
    t = guests.GUESTS.c
    noted = sa.select(t.id).where(t.event_id == event.id, t.attended.is_not(None)).limit(1)
    if (await session.scalars(noted)).first() is None:
        raise errors.Conflict(f"Nobody is noted as there or missed: handbell event attended {event.key} comes first.")
    happening = await papers.happening_of(session, gateway, event)
    for one in (
        slots.made_of(happening.details.model_copy(update={"sessions": list(again)}), gateway.timezone) if again else ()
    ):
        one.event_id, one.again = event.id or 0, True
        session.add(one)
    await session.flush()
    kept = await _keep_new_times(session, gateway, happening)
    thanks = await _tell(session, gateway, happening, Kind.THANKS, details="", number=0)
    missed = await _tell(session, gateway, happening, Kind.MISSED, details=details, number=0)
    facts = {"new_times": kept}
    await gateway.log.record(session, audit.Line("event.followed_up", f"event:{event.id}", facts, by), now=now)
    return Told(event, [*thanks.notices, *missed.notices], thanks.guests + missed.guests)


async def _keep_new_times(session: Session, gateway: context.Gateway, happening: Happening) -> int:
    """Keep a new time for each guest that was missed, the earliest that is left, until it begins or they answer."""
    query = select(EventGuest).where(EventGuest.event_id == happening.event.id, col(EventGuest.attended).is_(False))
    query = query.where(EventGuest.state != S.NOT_COMING).order_by(col(EventGuest.id))
    ahead = [one for one in await slots.of_event(session, happening.event.id) if one.again]
    ahead = [one for one in ahead if one.starts_at > gateway.now()]
    kept = 0
    for guest in (await session.scalars(query.with_for_update())).all():
        form = await guests.form_of(session, guest.id or 0)
        slot = await _first_free(session, [one for one in ahead if slots.is_for(one, form)])
        if slot is not None:
            guest.state, guest.slot_id, guest.offer_until = S.OFFERED, slot.id, slot.starts_at
            guest.sequence += 1
            session.add(guest)
            await session.flush()
            kept += 1
    return kept


async def _first_free(session: Session, some: Sequence[EventSlot]) -> EventSlot | None:
    for slot in some:
        if await slots.take(session, slot.id or 0):
            return slot
    return None


async def _tell(
    session: Session, gateway: context.Gateway, happening: Happening, kind: Kind, *, details: str, number: int
) -> Told:
    """Let families be told, as soon as the next turn of planning comes."""
    event = happening.event
    key = _key(event, f"{kind.value}-{number}" if number else kind.value)
    if (await session.scalars(select(Notice.id).where(Notice.key == key))).first():
        raise errors.Conflict(f"Families of “{event.title}” have been told already: see handbell notice show {key}.")
    t = guests.GUESTS.c
    whom = sa.select(sa.func.count()).where(t.event_id == event.id, t.state.in_(tellings.TO[kind]))
    if kind in (Kind.THANKS, Kind.MISSED):
        whom = whom.where(t.attended.is_(kind is Kind.THANKS))
    count = await session.scalar(whom) or 0
    if not count:
        return Told(event, [], 0)
    notice = await _add(session, gateway, happening, kind, key=key, fire_at=gateway.now(), details=details)
    await bell.ring(session)
    return Told(event, [notice], count)


async def _add(
    session: Session,
    gateway: context.Gateway,
    happening: Happening,
    kind: Kind,
    *,
    key: str,
    fire_at: datetime,
    details: str = "",
) -> Notice:
    definition, now = tellings.notice_of(happening, kind, key=key, details=details), gateway.now()
    notice = Notice(
        id=gateway.new_id(),
        key=key,
        title=f"{happening.event.title}: {kind.value}",
        purpose=definition.purpose,
        state=NoticeState.SCHEDULED,
        definition=definition.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        event_id=happening.event.id,
        author=AUTHOR,
        created_at=now,
        next_fire_at=fire_at,
    )
    session.add(notice)
    await session.flush()
    facts = {"key": key, "kind": kind.value, "at": fire_at}
    await gateway.log.record(session, audit.Line("notice.submitted", f"notice:{notice.id}", facts), now=now)
    return notice


def _key(event: SchoolEvent, what: str) -> str:
    return f"{event.key[:_LONGEST_KEY]}-{what}"


def _still_on(event: SchoolEvent) -> None:
    if event.cancelled_at is not None:
        raise errors.Conflict(f"“{event.title}” was cancelled already.")
