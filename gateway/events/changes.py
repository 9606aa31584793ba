"""An event's further notices: the reminder, another time or place, that it is cancelled, and how it was.

Each is a notice by itself, to be seen, approved or taken back like any other. Whoever has said no hears no more of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, bell, context, errors, outbox, planner, tasks
from gateway.campaigns import deciding
from gateway.database import Session
from gateway.definitions import model
from gateway.events import announcing, guests, papers, reminders, slots
from gateway.events.tellings import Happening, Kind
from gateway.models import (
    EventGuest,
    EventSlot,
    EventTold,
    GuestState,
    Message,
    Notice,
    NoticeState,
    Run,
    SchoolEvent,
)
from gateway.models.types import core

S = GuestState
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


async def invited(session: Session, gateway: context.Gateway, notice: Notice) -> None:
    """After the invitation: let families be reminded."""
    event = await session.get_one(SchoolEvent, notice.event_id)
    if notice.key == event.key:
        await reminders.lay_out(session, gateway, await papers.happening_of(session, gateway, event))


async def change(session: Session, gateway: context.Gateway, key: str, new: Change, *, by: str) -> Told:
    """Move an event, or give it another place: tell those invited who have not said no, and move the reminder.

    The times to choose from move along with its beginning. What has not left yet is taken back, as it says what was
    true before: whose invitation that was is invited anew. Raises :class:`errors.Conflict` or :class:`errors.BadInput`.
    """
    event, now = await find(session, key), gateway.now()
    found = await slots.of_event(session, event.id)
    _still_on(event, found, now=now)
    if new.starts is None and new.ends is None and new.place is None and not new.details:
        raise errors.BadInput([errors.Problem("nothing would change.", "Give a new time, place or details.")])
    if new.starts is not None and new.starts <= now:
        raise errors.BadInput([errors.Problem("this time has gone by.", "Correct it.", field="starts")])
    # By the school's clock: the two ends of a week in which the clocks change are no whole days apart.
    moved = _clock(gateway, new.starts) - _clock(gateway, event.starts_at) if new.starts else timedelta(0)
    ends = new.ends or (slots.moved(event.ends_at, moved, gateway.timezone) if event.ends_at else None)
    if ends is not None and ends <= (new.starts or event.starts_at):
        raise errors.BadInput([errors.Problem("it would end before it begins.", "Correct the times.", field="ends")])
    event.starts_at, event.ends_at = new.starts or event.starts_at, ends
    event.place = event.place if new.place is None else new.place
    event.sequence, event.changed_at = event.sequence + 1, now
    session.add(event)
    await session.flush()
    happening = await papers.happening_of(session, gateway, event)
    await slots.move(session, found, moved, ends, timezone=gateway.timezone, has_times=happening.has_times)
    unread = await _take_back(session, gateway, event)
    happening = await _rewrite(session, gateway, happening, moved, by=by)
    await reminders.lay_out(session, gateway, happening, moved=moved)
    told = await _tell(session, gateway, happening, Kind.CHANGED, details=new.details or unread)
    facts = {"starts": event.starts_at, "sequence": event.sequence, "guests": told.guests}
    await gateway.log.record(session, audit.Line("event.changed", f"event:{event.id}", facts, by), now=now)
    return told


def _clock(gateway: context.Gateway, at: datetime) -> datetime:
    return planner.local(at, gateway.timezone)


async def _take_back(session: Session, gateway: context.Gateway, event: SchoolEvent) -> str:
    """Take back the reminders and earlier changes that have not left. Gives the details of the last of those changes,
    which nobody may have read.
    """
    details = ""
    for kind in (Kind.REMINDER, Kind.CHANGED):
        for notice, definition in await announcing.of(session, event, kind):
            waits = notice.state is NoticeState.SCHEDULED
            if waits and kind is Kind.REMINDER:  # which moves along
                continue
            back = await outbox.cancel(session, await _runs(session, notice), now=gateway.now())
            if waits:
                notice.state, notice.next_fire_at = NoticeState.CANCELLED, None
                session.add(notice)
            if kind is Kind.CHANGED and (waits or back):
                details = str(definition.values.get("details", ""))
    return details


async def _runs(session: Session, notice: Notice, *, kind: Kind | None = None) -> list[int]:
    """The runs of a notice; with ``kind`` those that tell it, and not what single guests were told between."""
    run, message, told = core(Run).c, core(Message).c, core(EventTold).c
    query = sa.select(run.id).where(run.notice_id == notice.id)
    if kind is not None:
        of_kind = sa.select(message.run_id).join(core(EventTold), told.message_id == message.id)
        query = query.where(run.id.in_(of_kind.where(message.run_id == run.id, told.kind == kind.value)))
    return list(await session.scalars(query))


async def _rewrite(
    session: Session, gateway: context.Gateway, happening: Happening, moved: timedelta, *, by: str
) -> Happening:
    """Let the invitation say what is true now: when it fires may hang on it, and what waits for a second person would
    say what was true before, once that person agrees.
    """
    event, now = happening.event, gateway.now()
    query = select(Notice).where(Notice.key == event.key).with_for_update()
    notice = (await session.scalars(query)).one()
    sessions = [
        one if one.again else one.model_copy(update={"starts": one.starts + moved, "ends": one.ends + moved})
        for one in happening.details.sessions
    ]
    ends = _clock(gateway, event.ends_at) if event.ends_at else None
    new = {"starts": _clock(gateway, event.starts_at), "ends": ends, "place": event.place, "sessions": sessions}
    definition = happening.invitation.model_copy(update={"event": happening.details.model_copy(update=new)})
    notice.definition = announcing.stored(definition)
    session.add(notice)
    await session.flush()
    runs = await _runs(session, notice)
    if notice.state in (NoticeState.SCHEDULED, NoticeState.DONE):
        await _invite_anew(session, gateway, notice, definition)
    if notice.state is NoticeState.HELD and runs:
        await outbox.cancel(session, runs, now=now)
        if definition.schedule.repeats:
            campaign = await deciding.row(session, notice, now=now)
            campaign.by_hand_at, campaign.by_hand_by = now, by
            session.add(campaign)
        else:
            notice.next_fire_at = now
    # What is said so many days before is said so many days before the new date, also where it was said of the old one.
    anew = definition.schedule.when and notice.state is NoticeState.DONE
    if anew or (definition.schedule.repeats and notice.state in (NoticeState.SCHEDULED, NoticeState.HELD)):
        await deciding.lay_out(session, gateway, notice, definition)
        if anew and notice.next_fire_at is not None:
            notice.state = NoticeState.SCHEDULED
    return replace(happening, invitation=definition)


async def _invite_anew(
    session: Session, gateway: context.Gateway, notice: Notice, definition: model.Definition
) -> None:
    """Take back what has not left of an invitation, and let whoever has nothing of it yet be invited once more.

    A campaign invites by itself again: only its later calls, which would come after the change, are taken back.
    """
    once, now = not definition.schedule.repeats, gateway.now()
    runs = await _runs(session, notice, kind=Kind.INVITATION)
    if await outbox.cancel(session, runs, now=now, from_step=0 if once else 1) and once:
        under_way = sa.update(core(Run)).where(core(Run).c.id.in_(runs), core(Run).c.planned_at.is_(None))
        await session.execute(under_way.values(planned_at=now))
        notice.state, notice.next_fire_at = NoticeState.SCHEDULED, now
        await bell.ring(session)


async def cancel(session: Session, gateway: context.Gateway, key: str, *, details: str, by: str) -> Told:
    """Cancel an event: what has not left is taken back, and those who know of it and have not said no are told.

    Raises :class:`errors.Conflict`.
    """
    event, now = await find(session, key), gateway.now()
    _still_on(event, await slots.of_event(session, event.id), now=now)
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
    await put_aside(session, gateway, event.id or 0, by=by)
    told = await _tell(session, gateway, happening, Kind.CANCELLED, details=details)
    facts = {"taken_back": taken_back, "guests": told.guests}
    await gateway.log.record(session, audit.Line("event.cancelled", f"event:{event.id}", facts, by), now=now)
    return told


async def put_aside(session: Session, gateway: context.Gateway, event_id: int, *, by: str) -> None:
    """Nobody waits for a place at what does not take place, needs an interpreter there, or is to be rung about it."""
    t, now = guests.GUESTS.c, gateway.now()
    offers = sa.update(guests.GUESTS).where(t.event_id == event_id)
    await session.execute(offers.values(offer_until=None, waiting_since=None))
    rung = await session.scalars(sa.select(t.id).where(t.event_id == event_id, t.state == S.PHONE))
    for subject in (f"event:{event_id}", *(f"guest:{guest_id}" for guest_id in rung)):
        await tasks.over(session, subject, by=f"{by}: cancelled", log=gateway.log, now=now)


async def attended(
    session: Session, gateway: context.Gateway, key: str, *, came: Collection[int], rest_missed: bool, by: str
) -> int:
    """Note which guests were there. With ``rest_missed``, everybody else who has not said no was not. Gives how many.

    Whose time is still to come, at an event of several days, was not missed yet.

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
        ahead = [one for one in await slots.of_event(session, event.id) if one.starts_at > now]
        open_still = sa.false() if all(one.again for one in ahead) else t.slot_id.is_(None)
        to_come = sa.or_(open_still, t.slot_id.in_([one.id for one in ahead]))
        others = (t.attended.is_(None), t.state != S.NOT_COMING, sa.func.coalesce(~to_come, sa.true()))
        missed = await session.execute(mine.where(*others).values(attended=False, attended_by=by).returning(t.id))
        count += len(missed.all())
    facts = {"came": len(set(came)), "noted": count}
    await gateway.log.record(session, audit.Line("event.attended", f"event:{event.id}", facts, by), now=now)
    return count


async def follow_up(
    session: Session, gateway: context.Gateway, key: str, *, details: str, again: Sequence[model.EventSession], by: str
) -> Told:
    """Thank those who came, and tell those who did not that they were missed: with a new time each, while there are.

    ``again`` are further times for them, beside those that the definition kept. Whoever was told already is not told
    again. Raises :class:`errors.Conflict` where nobody is left to be told, :class:`errors.BadInput` for times of one
    host that are there already.
    """
    event, now = await find(session, key), gateway.now()
    t = guests.GUESTS.c
    noted = sa.select(t.id).where(t.event_id == event.id, t.attended.is_not(None)).limit(1)
    if (await session.scalars(noted)).first() is None:
        raise errors.Conflict(f"Nobody is noted as there or missed: handbell event attended {event.key} comes first.")
    happening = await papers.happening_of(session, gateway, event)
    wanted = happening.details.model_copy(update={"sessions": list(again)})
    for one in slots.made_of(wanted, gateway.timezone) if again else ():
        one.event_id, one.again = event.id or 0, True
        session.add(one)
    await slots.flush(session)
    kept = await _keep_new_times(session, gateway, happening)
    thanks = await _tell(session, gateway, happening, Kind.THANKS, details="")
    missed = await _tell(session, gateway, happening, Kind.MISSED, details=details)
    if not thanks.guests + missed.guests:
        raise errors.Conflict(f"Families of “{event.title}” have been told already: handbell notice list.")
    await reminders.lay_out(session, gateway, happening)
    facts = {"new_times": kept}
    await gateway.log.record(session, audit.Line("event.followed_up", f"event:{event.id}", facts, by), now=now)
    return Told(event, [*thanks.notices, *missed.notices], thanks.guests + missed.guests)


async def _keep_new_times(session: Session, gateway: context.Gateway, happening: Happening) -> int:
    """Keep a new time for each guest that was missed, the earliest that is left, until it begins or they answer."""
    query = select(EventGuest).where(EventGuest.event_id == happening.event.id, guests.concerned(Kind.MISSED))
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


async def _tell(session: Session, gateway: context.Gateway, happening: Happening, kind: Kind, *, details: str) -> Told:
    """Let families be told, as soon as the next turn of planning comes."""
    count = await guests.count(session, happening.event, kind) if happening.announced else 0
    if not count:
        return Told(happening.event, [], 0)
    notice = await announcing.add(session, gateway, happening, kind, fire_at=gateway.now(), details=details)
    await bell.ring(session)
    return Told(happening.event, [notice], count)


def _still_on(event: SchoolEvent, found: Sequence[EventSlot], *, now: datetime) -> None:
    if event.cancelled_at is not None:
        raise errors.Conflict(f"“{event.title}” was cancelled already.")
    if max([event.ends_at or event.starts_at, *(one.starts_at for one in found if not one.again)]) <= now:
        raise errors.Conflict(f"“{event.title}” is over. Who was there: handbell event attended {event.key}.")
