"""The waiting list: a place that becomes free is kept for the first who waits, for a while; then for the next.

While it is kept it counts as taken, so that nobody who answers meanwhile overtakes.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, context, tasks
from gateway.database import Session
from gateway.events import guests, offers, papers, planning, slots, tellings
from gateway.models import EventGuest, EventSlot, GuestState, SchoolEvent
from gateway.models.types import core

S = GuestState
_EVENTS, _SLOTS = core(SchoolEvent).c, slots.SLOTS.c
_AT_ONCE = 50  #: guests in one turn


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
    until = min(gateway.now() + happening.details.keep_offer, slot.starts_at)
    guest.state, guest.slot_id, guest.offer_until = S.OFFERED, slot.id, until
    session.add(guest)
    await session.flush()
    tags = at.tags(guest)
    lead = tellings.lead(happening, "free", tags, by=until.astimezone(gateway.timezone).replace(tzinfo=None))
    offer = offers.of_coming(guest, happening.invitation, tags=tags)
    asked = tellings.asking(happening, offer, slot=slot, lead=lead, until=until)
    rows = await planning.send_alone(session, gateway, at, papers.Said(guest, asked, offer.menu, tellings.Kind.AGAIN))
    if not planning.is_reached(rows):  # nobody would ever answer: a person rings them
        guest.state, guest.slot_id, guest.offer_until = S.PHONE, None, None
        session.add(guest)
        await session.flush()
        await ask_to_ring(session, gateway, event, guest)
        return False
    facts = {"guest": guest.id, "slot": slot.id, "until": until}
    await gateway.log.record(session, audit.Line("event.offered", f"event:{event.id}", facts), now=gateway.now())
    return True


async def ask_to_ring(session: Session, gateway: context.Gateway, event: SchoolEvent, guest: EventGuest) -> None:
    """Let a person find a time with a family."""
    what = f"A family can make none of the times of “{event.title}”, or cannot be written to: ring them to find one."
    ask = tasks.Ask("event.phone", f"guest:{guest.id}", what, f"handbell event show {event.key} --guest {guest.id}")
    await tasks.ask(session, ask, log=gateway.log, now=gateway.now())


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
        slot_id = guest.slot_id
        guest.state, guest.slot_id, guest.offer_until, guest.waiting_since = S.INVITED, None, None, None
        session.add(guest)
        await session.flush()
        facts = {"guest": guest.id, "slot": slot_id}
        await gateway.log.record(session, audit.Line("event.lapsed", f"event:{guest.event_id}", facts), now=now)
        if slot_id is not None:
            await slots.give_back(session, slot_id)
        changed += 1
    for slot_id in await _free_slots(session, gateway):
        changed += await offer_next(session, gateway, slot_id) is not None
    return changed


async def _free_slots(session: Session, gateway: context.Gateway) -> Sequence[int]:
    """Times with a free place, of events to come for which anybody waits; never one that nobody who waits may have."""
    t = guests.GUESTS.c
    waits = sa.select(t.event_id).where(t.state == S.WAITING, t.waiting_since.is_not(None))
    query = (
        select(EventSlot)
        .join(SchoolEvent, _EVENTS.id == _SLOTS.event_id)
        .where(_SLOTS.event_id.in_(waits), _SLOTS.starts_at > gateway.now(), _SLOTS.again.is_(False))
        .where(_SLOTS.taken < _SLOTS.capacity, _EVENTS.cancelled_at.is_(None))
        .order_by(_SLOTS.starts_at, _SLOTS.id)
    )
    found = (await session.scalars(query)).all()
    return [one.id or 0 for one in found if await _in_order(session, one, locked=False)]


async def _in_order(
    session: Session, slot: EventSlot, *, before: EventGuest | None = None, locked: bool = True
) -> Sequence[EventGuest]:
    """Who waits for such a place, the first first; ``before`` leaves out who came after that guest."""
    query = select(EventGuest).where(EventGuest.event_id == slot.event_id, EventGuest.state == S.WAITING)
    query = query.order_by(col(EventGuest.waiting_since), col(EventGuest.id))
    if before is not None:
        since = before.waiting_since
        query = query.where(col(EventGuest.waiting_since) < since) if since else query
    elif locked:
        query = query.with_for_update(skip_locked=True)
    found = (await session.scalars(query.execution_options(populate_existing=locked))).all()
    return [one for one in found if slots.is_for(slot, await guests.form_of(session, one.id or 0))]
