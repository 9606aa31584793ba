"""From an event's notice to messages, portion by portion: each guest gets the words, the time and the menu of its own.

It is the way of every notice (``runs``), but that the portions are of guests and not of pupils: ``Run.planned_up_to``
is the last guest of whom everybody was planned. Everybody who is told nothing gets a row that says why, as always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import select

from channels.base import Medium
from gateway import audit, bell, context, guard, planner, runs, sorting, wording
from gateway.audience import Audience, Listener
from gateway.database import Session
from gateway.definitions import model
from gateway.events import guests, links, offers, papers, tellings
from gateway.events.papers import Papers, Said
from gateway.events.tellings import Kind
from gateway.models import (
    EventGuest,
    EventSlot,
    EventTold,
    GuestState,
    MessageState,
    Notice,
    NoticeState,
    Run,
    SchoolEvent,
)
from gateway.models.types import core
from gateway.preferences import arranging
from templates import letter, phrases

_OVERTAKEN = frozenset({Kind.REMINDER, Kind.AGAIN})  #: what an answer makes untrue before it has left
PORTION = 40  #: guests in one transaction: each has words of its own, so this takes half a second


async def advance(
    session: Session, gateway: context.Gateway, notice: Notice, definition: model.Definition, run: Run
) -> bool:
    """Write the next portion of an event's notice. Whether it was the last one."""
    now, held = gateway.now(), notice.state is NoticeState.HELD
    event = await session.get_one(SchoolEvent, notice.event_id)
    happening, kind = await papers.happening_of(session, gateway, event), tellings.kind_of(definition, event)
    rows: list[planner.Planned] = []
    if kind is Kind.INVITATION and not run.planned_up_to:
        chosen = await runs.resolve(session, gateway, definition)
        notice.trouble = "\n".join(str(problem) for problem in chosen.problems)
        await guests.gather(session, event, happening.details, chosen, now=now)
        rows += await _silent(session, gateway, definition, chosen, run)
    # What goes once goes to each once: an invitation that was taken back before it left is written anew (``changes``).
    untold = kind is Kind.INVITATION and not definition.schedule.repeats
    some = await guests.portion(session, event, kind, after=run.planned_up_to, most=PORTION, untold=untold)
    at = await papers.read(session, gateway, happening, some)
    if not _is_true(gateway, at, kind):
        some = []
    said = [one for guest in some if (one := _said(at, definition, kind, guest))]
    rows += await write(session, gateway, at, said, run, held=held)
    last = len(some) < PORTION
    run.messages += len(rows)
    run.planned_up_to = some[-1].id or 0 if some else run.planned_up_to
    run.planned_at = now if last else None
    facts = {"run": run.id, "kind": kind.value, "guests": len(said), "messages": len(rows)}
    await gateway.log.record(session, audit.Line("event.told", f"event:{event.id}", facts), now=now)
    return last


async def look(
    session: Session, gateway: context.Gateway, definition: model.Definition, chosen: Audience, *, fire_at: datetime
) -> list[planner.Planned]:
    """The rows of an invitation that nobody has sent, each guest's own; writes nothing."""
    at, some = await papers.imagined(session, gateway, definition, chosen)
    run = Run(notice_id="", fire_at=fire_at)
    rows = await _silent_rows(session, gateway, definition, chosen, run)
    for said in (one for guest in some if (one := _said(at, definition, Kind.INVITATION, guest))):
        own = replace(said, definition=at.named(said), asks=False)  # there is no page behind a link yet
        rows += await _rows(session, gateway, at, own, run, held=False)
    return rows


async def said_by(
    session: Session, gateway: context.Gateway, message_id: str, definition: model.Definition
) -> model.Definition:
    """What a message says that reached nobody, for a letter: of an event, with the guest's own time."""
    told = await session.get(EventTold, message_id)
    if told is None or told.kind == Kind.AGAIN:
        return definition
    guest = await session.get_one(EventGuest, told.guest_id)
    happening = await papers.happening_of(session, gateway, await session.get_one(SchoolEvent, guest.event_id))
    at = await papers.read(session, gateway, happening, [guest])
    said = _said(at, definition, Kind(told.kind), guest)
    return at.named(said) if said else definition


def _is_true(gateway: context.Gateway, at: Papers, kind: Kind) -> bool:
    """Whether it is still worth planning: not a reminder of what nobody has approved, nor of what is over or off."""
    happening = at.happening
    if happening.event.cancelled_at and kind is not Kind.CANCELLED:
        return False
    if kind in (Kind.INVITATION, Kind.REMINDER) and at.closes <= gateway.now():
        return False
    return kind is Kind.INVITATION or happening.announced


def _said(at: Papers, definition: model.Definition, kind: Kind, guest: EventGuest) -> Said | None:
    """What a guest is told; None for nothing."""
    happening, slot = at.happening, at.slot(guest)
    match kind:
        case Kind.INVITATION:
            offer = at.offer(guest)
            asks = offers.asks(happening.invitation)
            return Said(guest, tellings.asking(happening, offer), offer.menu, kind, asks=asks)
        case Kind.REMINDER:
            return _reminded(at, definition, guest, slot)
        case Kind.THANKS:
            return Said(guest, tellings.thanking(happening, definition, at.tags(guest)), {}, kind)
        case Kind.MISSED if slot is not None and slot.again and guest.state is GuestState.OFFERED:
            return _offered(at, definition, guest, slot, kind)
        case Kind.MISSED:
            return Said(guest, tellings.missing(happening, definition, None, offers.Offer()), {}, kind)
        case _:
            asks = kind is Kind.CHANGED and offers.asks(happening.invitation)  # its first link ends too early
            return Said(guest, tellings.reminding(happening, definition, slot), {}, kind, asks=asks)


def _reminded(at: Papers, definition: model.Definition, guest: EventGuest, slot: EventSlot | None) -> Said | None:
    """Of its time, whoever has one on the day of this reminder; whoever has said nothing is asked on the first day."""
    happening, kind = at.happening, Kind.REMINDER
    day = definition.event.starts.date() if definition.event else None
    theirs = slot or next((one for one in at.slots.values() if not one.again), None)  # by the clock: the first
    if theirs is None or planner.local(theirs.starts_at, happening.timezone).date() != day:
        return None
    if guest.state is GuestState.OFFERED:  # of those who wait each has been asked just now
        return _offered(at, definition, guest, theirs, kind) if theirs.again else None
    if guest.state is GuestState.COMING or not offers.asks(happening.invitation):
        return Said(guest, tellings.reminding(happening, definition, slot), {}, kind)
    offer = at.offer(guest)
    return Said(guest, tellings.asking_once_more(happening, offer), offer.menu, kind, asks=True)


def _offered(at: Papers, definition: model.Definition, guest: EventGuest, slot: EventSlot, kind: Kind) -> Said:
    """The new time of a household that was missed."""
    offer = offers.of_coming(guest, at.happening.invitation, tags=at.tags(guest))
    return Said(guest, tellings.missing(at.happening, definition, slot, offer), offer.menu, kind, asks=True)


async def write(
    session: Session, gateway: context.Gateway, at: Papers, said: Sequence[Said], run: Run, *, held: bool = False
) -> list[planner.Planned]:
    """Put what some guests are told into the outbox. Gives the rows."""
    rows: list[planner.Planned] = []
    told: list[EventTold] = []
    for one in (replace(one, definition=at.named(one)) for one in said):
        made = await _rows(session, gateway, at, one, run, held=held)
        rows += made
        told += [
            EventTold(message_id=row.message.id, guest_id=one.guest.id or 0, kind=one.kind.value, menu=dict(one.menu))
            for row in made
        ]
    await runs.write(session, gateway, rows, run_id=run.id)
    session.add_all(told)
    await session.flush()
    return rows


async def _rows(
    session: Session, gateway: context.Gateway, at: Papers, said: Said, run: Run, *, held: bool
) -> list[planner.Planned]:
    guest_id, definition, now = said.guest.id or 0, said.definition, gateway.now()
    listeners: dict[int, Listener] = {}
    for contact, pupil in at.parties[guest_id]:
        if (
            pupil in at.known.pupils
            and (said.to is None or contact in said.to)
            and papers.may_hear(at, gateway, contact, pupil)
        ):
            listeners.setdefault(contact, Listener(contact)).pupil_ids.append(pupil)
    found = sorting.sort(definition, Audience(at.known, list(listeners.values()), ()))
    if said.kind is not Kind.AGAIN:  # which answers what a family has said: no preference and no limit holds it back
        await _arrange(session, gateway, at, definition, found, run)
    means = replace(at.means, composer=_composer(gateway, at, said))
    rows = planner.write(found, definition, at.known, means, fire_at=run.fire_at, now=now, held=held)
    return [_own(gateway, at, said, row) for row in rows]


async def _arrange(
    session: Session,
    gateway: context.Gateway,
    at: Papers,
    definition: model.Definition,
    found: sorting.Sorting,
    run: Run,
) -> None:
    """As families prefer, and as much as they may get: what ``runs.sort`` does for any other notice."""
    if definition.template not in at.able:  # which takes as long as all the rest
        able = set[Medium]() if definition.purpose.urgent else await runs.able(session, gateway, definition)
        at.able[definition.template] = able
    when = planner.when(
        definition, fire_at=run.fire_at, now=gateway.now(), quiet=gateway.quiet, timezone=gateway.timezone
    )
    await arranging.arrange(
        session, gateway.preferences, definition, at.known, found, when=when, media=at.able[definition.template],
        run_id=run.id,
    )  # fmt: skip


def _composer(gateway: context.Gateway, at: Papers, said: Said) -> wording.Composer:
    """What makes the words; guests who are told the same share one."""
    definition = said.definition
    details = definition.event
    key = (
        definition.template, details and (details.starts, details.place), tuple(sorted(said.menu.items())),
        tuple(sorted(definition.text.items())), str(definition.values), str(definition.replies),
    )  # fmt: skip
    found = at.composers.get(key)
    if found is None:
        found = wording.Composer(definition, gateway.school(), gateway.speaks, bank=at.means.composer.bank)
        at.composers[key] = found
    return found


def _own(gateway: context.Gateway, at: Papers, said: Said, row: planner.Planned) -> planner.Planned:
    """A row with the place in its run that is this guest's alone, and in an email the link to its page."""
    message = row.message
    body = message.body
    if said.kind in _OVERTAKEN and not message.only_if:
        message = message._replace(only_if=guard.NOT_OVERTAKEN)
    if said.asks and message.medium is Medium.EMAIL and message.state is not MessageState.SKIPPED:
        url = links.url(gateway, said.guest, message.contact_id or 0, until=at.closes)
        text, mark, footer = body.partition(letter.FOOTER_MARK)
        body = f"{text}\n\n{phrases.event('link', message.language, url=url)}{mark}{footer}"
    return row._replace(message=message._replace(slot=f"{message.slot}:guest:{said.guest.id}", body=body))


async def _silent(
    session: Session, gateway: context.Gateway, definition: model.Definition, chosen: Audience, run: Run
) -> list[planner.Planned]:
    """Write rows for whoever of the audience is told nothing, with the reason."""
    rows = await _silent_rows(session, gateway, definition, chosen, run)
    await runs.write(session, gateway, rows, run_id=run.id)
    return rows


async def _silent_rows(
    session: Session, gateway: context.Gateway, definition: model.Definition, chosen: Audience, run: Run
) -> list[planner.Planned]:
    silent = Audience(chosen.people, [one for one in chosen.listeners if one.reason], ())
    means = await runs.means(session, gateway, definition)
    found = sorting.sort(definition, silent)
    return planner.write(found, definition, chosen.people, means, fire_at=run.fire_at, now=gateway.now())


async def send_alone(session: Session, gateway: context.Gateway, at: Papers, said: Said) -> list[planner.Planned]:
    """Tell one guest something between the notices that all get; it is listed with the invitation.

    Each is a run of its own, so that the same thing may be said twice.
    """
    now = gateway.now()
    notice = (await session.scalars(select(Notice).where(Notice.key == at.happening.event.key))).one()
    run = Run(notice_id=notice.id, fire_at=await _free_moment(session, notice, said.guest, now), planned_at=now)
    session.add(run)
    await session.flush()
    rows = await write(session, gateway, at, [said], run)
    run.messages = len(rows)
    facts = {"guest": said.guest.id, "run": run.id, "kind": said.kind.value, "messages": len(rows)}
    await gateway.log.record(session, audit.Line("event.told", f"event:{at.happening.event.id}", facts), now=now)
    await bell.ring(session)
    return rows


async def _free_moment(session: Session, notice: Notice, guest: EventGuest, now: datetime) -> datetime:
    """A run is unique by its moment, and several guests may be told something in the same one."""
    moment, t = now - timedelta(microseconds=(guest.id or 0) % 1_000_000), core(Run).c
    while await session.scalar(sa.select(t.id).where(t.notice_id == notice.id, t.fire_at == moment)):
        moment -= timedelta(seconds=1)
    return moment


def is_reached(rows: Sequence[planner.Planned]) -> bool:
    """Whether anything leaves."""
    return any(row.message.state is not MessageState.SKIPPED for row in rows)
