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
from gateway import audit, bell, context, planner, runs, sorting, wording
from gateway.audience import Audience, Listener
from gateway.database import Session
from gateway.definitions import model
from gateway.events import guests, links, offers, papers, tellings
from gateway.events.papers import Papers, Said
from gateway.events.tellings import Kind
from gateway.models import (
    EventGuest,
    EventTold,
    GuestState,
    MessageState,
    Notice,
    NoticeState,
    Run,
    SchoolEvent,
)
from gateway.models.types import core
from templates import letter, phrases

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
    some = await guests.portion(session, event, tellings.TO[kind], after=run.planned_up_to, most=PORTION)
    if (kind is not Kind.INVITATION and not happening.announced) or (event.cancelled_at and kind is not Kind.CANCELLED):
        some = []  # a reminder of what nobody has approved, or of what does not take place
    at = await papers.read(session, gateway, happening, some)
    said = [one for guest in some if (one := _said(at, definition, kind, guest))]
    rows += await write(session, gateway, at, said, run, held=held)
    last = len(some) < PORTION
    run.messages += len(rows)
    run.planned_up_to = some[-1].id or 0 if some else run.planned_up_to
    run.planned_at = now if last else None
    facts = {"run": run.id, "kind": kind.value, "guests": len(said), "messages": len(rows)}
    await gateway.log.record(session, audit.Line("event.told", f"event:{event.id}", facts), now=now)
    return last


def _said(at: Papers, definition: model.Definition, kind: Kind, guest: EventGuest) -> Said | None:
    """What a guest is told; None for nothing."""
    happening, slot = at.happening, at.slot(guest)
    if kind is Kind.INVITATION or (kind is Kind.REMINDER and guest.state is GuestState.INVITED):
        if kind is Kind.REMINDER and not offers.asks(happening.invitation):
            return Said(guest, tellings.reminding(happening, definition, slot), {}, kind)
        offer = at.offer(guest)
        asks = offers.asks(happening.invitation)
        return Said(guest, tellings.asking(happening, offer), offer.menu, kind, asks=asks)
    if kind is Kind.THANKS:
        if not guest.attended:
            return None
        return Said(guest, tellings.thanking(happening, definition, at.tags(guest)), {}, kind)
    if kind is Kind.MISSED:
        if guest.attended is not False:
            return None
        new = slot if guest.state is GuestState.OFFERED else None
        offer = offers.of_coming(guest, happening.invitation, tags=at.tags(guest)) if new else offers.Offer()
        missing = tellings.missing(happening, definition, new, offer)
        return Said(guest, missing, offer.menu, kind, asks=new is not None)
    return Said(guest, tellings.reminding(happening, definition, slot), {}, kind)


async def write(
    session: Session, gateway: context.Gateway, at: Papers, said: Sequence[Said], run: Run, *, held: bool = False
) -> list[planner.Planned]:
    """Put what some guests are told into the outbox. Gives the rows."""
    rows: list[planner.Planned] = []
    told: list[EventTold] = []
    for one in (replace(one, definition=at.named(one)) for one in said):
        made = _rows(gateway, at, one, fire_at=run.fire_at, held=held)
        rows += made
        told += [
            EventTold(message_id=row.message.id, guest_id=one.guest.id or 0, kind=one.kind.value, menu=dict(one.menu))
            for row in made
        ]
    await runs.write(session, gateway, rows, run_id=run.id)
    session.add_all(told)
    await session.flush()
    return rows


def _rows(gateway: context.Gateway, at: Papers, said: Said, *, fire_at: datetime, held: bool) -> list[planner.Planned]:
    guest_id = said.guest.id or 0
    listeners: dict[int, Listener] = {}
    for contact, pupil in at.parties[guest_id]:
        if (
            pupil in at.known.pupils
            and (said.to is None or contact in said.to)
            and papers.may_hear(at, gateway, contact, pupil)
        ):
            listeners.setdefault(contact, Listener(contact)).pupil_ids.append(pupil)
    found = sorting.sort(said.definition, Audience(at.known, list(listeners.values()), ()))
    means = replace(at.means, composer=_composer(gateway, at, said))
    now = gateway.now()
    rows = planner.write(found, said.definition, at.known, means, fire_at=fire_at, now=now, held=held)
    return [_own(gateway, at, said, row) for row in rows]


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
    if said.asks and message.medium is Medium.EMAIL and message.state is not MessageState.SKIPPED:
        url = links.url(gateway, said.guest, message.contact_id or 0, until=at.closes)
        text, mark, footer = body.partition(letter.FOOTER_MARK)
        body = f"{text}\n\n{phrases.event('link', message.language, url=url)}{mark}{footer}"
    return row._replace(message=message._replace(slot=f"{message.slot}:guest:{said.guest.id}", body=body))


async def _silent(
    session: Session, gateway: context.Gateway, definition: model.Definition, chosen: Audience, run: Run
) -> list[planner.Planned]:
    """Rows for whoever of the audience is told nothing, with the reason."""
    silent = Audience(chosen.people, [one for one in chosen.listeners if one.reason], ())
    means = await runs.means(session, gateway, definition)
    found = sorting.sort(definition, silent)
    rows = planner.write(found, definition, chosen.people, means, fire_at=run.fire_at, now=gateway.now())
    await runs.write(session, gateway, rows, run_id=run.id)
    return rows


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
