"""The waiting list: a place that becomes free is kept for the first who waits, for a while; then for the next.

While it is kept it counts as taken, so that nobody who answers meanwhile overtakes.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, context, planner, tasks
from gateway.database import Session
from gateway.events import guests, offers, papers, planning, slots, tellings
from gateway.models import EventGuest, EventSlot, EventTold, GuestState, Message, MessageState, Pupil, SchoolEvent
from gateway.models.types import core

S = GuestState
_EVENTS, _SLOTS = core(SchoolEvent).c, slots.SLOTS.c
_AT_ONCE = 50  #: guests in one turn
_ARRIVED = frozenset({MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED})


async def has_others(session: Session, guest: EventGuest, slot: EventSlot) -> bool:
    """Whether somebody has been waiting longer for such a place."""
    return any(one.id != guest.id for one in await _in_order(session, slot, before=guest))


async def offer_next(session: Session, gateway: context.Gateway, slot_id: int) -> EventGuest | None:
    """Keep a free place for whoever is next, and ask them. Gives the guest, None where nobody waits for it."""
    slot = await session.get_one(EventSlot, slot_id, populate_existing=True)
    event = await session.get_one(SchoolEvent, slot.event_id)
    if event.cancelled_at is not None or slot.starts_at <= gateway.now() or slot.again:
        return None
    for guest in await _in_order(session, slot):
        if not await slots.take(session, slot_id):
            return None
        if await keep(session, gateway, event, guest, slot):
            return guest
        await slots.give_back(session, slot_id)
    return None


async def keep(
    session: Session, gateway: context.Gateway, event: SchoolEvent, guest: EventGuest, slot: EventSlot
) -> bool:
    """Keep a place that is taken already for a guest, and ask whether it comes. Whether anybody could be asked."""
    happening = await papers.happening_of(session, gateway, event)
    at = await papers.read(session, gateway, happening, [guest])
    leaves = planner.leaves(happening.invitation, gateway.now(), quiet=gateway.quiet, timezone=gateway.timezone)
    until = min(leaves + happening.details.keep_offer, slot.starts_at)  # in the night nobody hears of it
    if until <= leaves:  # it begins before anything may be said
        await _let_ring(session, gateway, event, guest)
        return False
    guest.state, guest.slot_id, guest.offer_until = S.OFFERED, slot.id, until
    session.add(guest)
    await session.flush()
    tags = at.tags(guest)
    lead = tellings.lead(happening, "free", tags, by=until.astimezone(gateway.timezone).replace(tzinfo=None))
    offer = offers.of_coming(guest, happening.invitation, tags=tags)
    asked = tellings.asking(happening, offer, slot=slot, lead=lead, until=until)
    rows = await planning.send_alone(session, gateway, at, papers.Said(guest, asked, offer.menu, tellings.Kind.AGAIN))
    if not planning.is_reached(rows):  # nobody would ever answer: a person rings them
        await _let_ring(session, gateway, event, guest)
        return False
    facts = {"guest": guest.id, "slot": slot.id, "until": until}
    await gateway.log.record(session, audit.Line("event.offered", f"event:{event.id}", facts), now=gateway.now())
    return True


async def ask_to_ring(session: Session, gateway: context.Gateway, event: SchoolEvent, guest: EventGuest) -> None:
    """Let a person find a time with a family."""
    what = f"A family can make none of the times of “{event.title}”, or cannot be written to: ring them to find one."
    ask = tasks.Ask("event.phone", f"guest:{guest.id}", what, f"handbell event show {event.key} --guest {guest.id}")
    await tasks.ask(session, ask, log=gateway.log, now=gateway.now())


async def _let_ring(session: Session, gateway: context.Gateway, event: SchoolEvent, guest: EventGuest) -> None:
    guest.state, guest.slot_id, guest.offer_until, guest.waiting_since = S.PHONE, None, None, None
    session.add(guest)
    await session.flush()
    await ask_to_ring(session, gateway, event, guest)


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether an offer has ended, or a place is free that somebody waits for. Reads only."""
    t = guests.GUESTS.c
    if (await session.scalars(sa.select(t.id).where(t.offer_until <= gateway.now()).limit(1))).first():
        return True
    return bool(await _free_slots(session, gateway))


async def turn(session: Session, gateway: context.Gateway) -> int:
    """End the offers that nobody has answered in time, and give every free place on. Gives how many guests changed."""
    now, changed = gateway.now(), 0
    ended = select(EventGuest).where(col(EventGuest.offer_until) <= now).order_by(col(EventGuest.id)).limit(_AT_ONCE)
    for guest in (await session.scalars(ended.with_for_update(skip_locked=True))).all():
        slot_id, heard = guest.slot_id, await _has_heard(session, guest)
        event = await session.get_one(SchoolEvent, guest.event_id)
        if heard or event.cancelled_at is not None:
            guest.state, guest.slot_id, guest.offer_until, guest.waiting_since = S.INVITED, None, None, None
            session.add(guest)
            await session.flush()
        else:
            await _let_ring(session, gateway, event, guest)
        facts = {"guest": guest.id, "slot": slot_id, "heard": heard}
        await gateway.log.record(session, audit.Line("event.lapsed", f"event:{guest.event_id}", facts), now=now)
        if slot_id is not None:
            await slots.give_back(session, slot_id)
        changed += 1
    for slot_id in await _free_slots(session, gateway):
        changed += await offer_next(session, gateway, slot_id) is not None
    return changed


async def _has_heard(session: Session, guest: EventGuest) -> bool:
    """Whether the last that a guest was told has arrived, as far as anybody knows: silence is an answer only then."""
    told, message = core(EventTold).c, core(Message).c
    mine = sa.select(message.run_id, message.state).join(core(EventTold), told.message_id == message.id)
    mine = mine.where(told.guest_id == guest.id, message.run_id.is_not(None)).order_by(message.run_id.desc())
    rows = (await session.execute(mine)).all()
    return any(row.state in _ARRIVED for row in rows if row.run_id == rows[0].run_id)


async def _free_slots(session: Session, gateway: context.Gateway) -> Sequence[int]:
    """Times with a free place, of events to come for which anybody waits; never one that nobody who waits may have."""
    t, pupil = guests.GUESTS.c, core(Pupil).c
    waits = (t.state == S.WAITING, t.waiting_since.is_not(None))
    query = (
        select(EventSlot)
        .join(SchoolEvent, _EVENTS.id == _SLOTS.event_id)
        .where(_SLOTS.event_id.in_(sa.select(t.event_id).where(*waits)))
        .where(_SLOTS.starts_at > gateway.now(), _SLOTS.again.is_(False))
        .where(_SLOTS.taken < _SLOTS.capacity, _EVENTS.cancelled_at.is_(None))
        .order_by(_SLOTS.starts_at, _SLOTS.id)
    )
    found = (await session.scalars(query)).all()
    if not found:
        return []
    # Each with the form of its first child, as guests.form_of says, but of all in one question.
    first = sa.select(sa.func.min(guests.PARTIES.c.pupil_id)).where(guests.PARTIES.c.guest_id == t.id)
    forms = sa.select(t.event_id, pupil.form).select_from(guests.GUESTS)
    forms = forms.outerjoin(core(Pupil), pupil.id == first.scalar_subquery())
    waiting = {(event_id, form or "") for event_id, form in await session.execute(forms.where(*waits))}
    return [
        one.id or 0
        for one in found
        if any(event_id == one.event_id and slots.is_for(one, form) for event_id, form in waiting)
    ]


async def _in_order(session: Session, slot: EventSlot, *, before: EventGuest | None = None) -> Sequence[EventGuest]:
    """Who waits for such a place, the first first; ``before`` leaves out who came after that guest."""
    query = select(EventGuest).where(EventGuest.event_id == slot.event_id, EventGuest.state == S.WAITING)
    query = query.order_by(col(EventGuest.waiting_since), col(EventGuest.id))
    if before is not None:
        since = before.waiting_since
        query = query.where(col(EventGuest.waiting_since) < since) if since else query
    else:
        query = query.with_for_update(skip_locked=True)
    found = (await session.scalars(query.execution_options(populate_existing=before is None))).all()
    return [one for one in found if slots.is_for(slot, await guests.form_of(session, one.id or 0))]
