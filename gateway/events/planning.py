"""From an event's notice to messages, portion by portion: each guest gets the words, the time and the menu of its own.

It is the way of every notice (``runs``), but that the portions are of guests and not of pupils: ``Run.planned_up_to``
is the last guest of whom everybody was planned. Everybody who is told nothing gets a row that says why, as always.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import select

from channels.base import Medium
from gateway import audit, bell, context, people, planner, runs, sorting, wording
from gateway.audience import Audience, Listener
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.events import guests, links, offers, slots, tellings
from gateway.events.tellings import Happening, Kind
from gateway.models import (
    EventGuest,
    EventSlot,
    EventTold,
    GuestState,
    MessageState,
    Notice,
    NoticeState,
    Pupil,
    Run,
    SchoolEvent,
)
from gateway.models.types import core
from templates import formats, letter, phrases, translations

PORTION = 40  #: guests in one transaction: each has words of its own, so this takes half a second


@dataclass(frozen=True, slots=True)
class Said:
    """What one guest is told: the definition that is its own, and what each digit means in it."""

    guest: EventGuest
    definition: model.Definition
    menu: Mapping[str, str]
    kind: Kind
    to: Collection[int] | None = None  #: only these of its contacts; None for all
    asks: bool = False  #: whether an answer is awaited, which a link in an email may give, too


@dataclass(slots=True)
class Desk:
    """What the messages of some guests are made from, read once for all of them."""

    happening: Happening
    known: people.People
    parties: Mapping[int, Sequence[tuple[int, int]]]
    book: offers.Book
    slots: Mapping[int, EventSlot]
    means: planner.Means
    composers: dict[tuple[Any, ...], wording.Composer] = field(default_factory=dict)

    def tags(self, guest: EventGuest) -> list[str]:
        """The languages of a household, English among them."""
        contacts = [self.known.contacts[one] for one, _ in self.parties[guest.id or 0] if one in self.known.contacts]
        written = {tag for one in contacts for tag in (one.written_language, one.spoken_language)}
        return offers.tags_of(sorted(written))

    def form(self, guest: EventGuest) -> str:
        """The form of the child that it is about."""
        forms = [
            self.known.pupils[pupil].form for _, pupil in self.parties[guest.id or 0] if pupil in self.known.pupils
        ]
        return forms[0] if forms else ""

    def offer(self, guest: EventGuest) -> offers.Offer:
        """What a guest is asked: to choose a time, or whether it comes."""
        tags = self.tags(guest)
        if not self.happening.has_times:
            invitation = self.happening.invitation
            return offers.of_coming(guest, invitation, tags=tags) if offers.asks(invitation) else offers.Offer()
        times = self.book.times(guest, self.form(guest), most=offers.most_times(guest))
        if not times:  # for the waiting list
            return offers.of_coming(guest, self.happening.invitation, tags=tags)
        return offers.of_times(guest, times, timezone=self.happening.timezone, tags=tags)

    def named(self, said: Said) -> model.Definition:
        """Its words, with the child's name where one phone is told of several."""
        guest = said.guest
        if not self.happening.has_times or guest.keys == guests.DIGITS:
            return said.definition
        names = [self.known.pupils[one].called for _, one in self.parties[guest.id or 0] if one in self.known.pupils]
        child = names[0] if names else ""
        return tellings.naming(said.definition, tellings.lead(self.happening, "about", self.tags(guest), child=child))

    @property
    def closes(self) -> datetime:
        """When nobody can answer any more: as the last time begins."""
        return max(one.starts_at for one in self.slots.values())

    def slot(self, guest: EventGuest) -> EventSlot | None:
        """The place that it has or is offered."""
        return self.slots.get(guest.slot_id or 0)


def sample(definition: model.Definition, timezone: ZoneInfo) -> model.Definition:
    """The invitation as a family without brothers and sisters would get it: for whoever looks before it goes out."""
    details = definition.event
    if details is None or not details.sessions:
        return definition
    book = offers.Book(slots.made_of(details, timezone), frozenset())
    guest = EventGuest(event_id=0, household="", invited_at=datetime.now(UTC))
    forms = {form for one in details.sessions for form in one.forms}
    times = book.times(guest, min(forms, default=""), most=offers.most_times(guest))
    tags = offers.tags_of(translations.languages_available())
    return definition.model_copy(
        update={"replies": offers.of_times(guest, times, timezone=timezone, tags=tags).replies}
    )


async def happening_of(session: Session, gateway: context.Gateway, event: SchoolEvent) -> Happening:
    """An event with the notice that announced it."""
    invitation = (await session.scalars(select(Notice).where(Notice.key == event.key))).one()
    return Happening(
        event,
        reading.stored(invitation.definition),
        gateway.timezone,
        drafts=gateway.settings.languages.allow_drafts,
        announced=invitation.state is not NoticeState.HELD,
    )


async def desk(session: Session, gateway: context.Gateway, happening: Happening, some: Sequence[EventGuest]) -> Desk:
    """Read what is needed to write to some guests of an event."""
    ids = [guest.id or 0 for guest in some]
    parties = await guests.parties(session, ids)
    pupils = {pupil for pairs in parties.values() for _, pupil in pairs}
    known = await people.load(session, today=gateway.today(), pupil_ids=sorted(pupils))
    found = await slots.of_event(session, happening.event.id)
    hours, zone = gateway.settings.events, gateway.timezone
    late = frozenset(one.id or 0 for one in found if slots.is_out_of_hours(one, hours, zone))
    t = guests.GUESTS.c
    pupil, party = core(Pupil).c, guests.PARTIES.c
    first = (
        sa.select(pupil.form, sa.func.count(t.id.distinct()))
        .join(guests.PARTIES, party.guest_id == t.id)
        .join(core(Pupil), pupil.id == party.pupil_id)
        .where(t.event_id == happening.event.id, t.newcomer, t.state == GuestState.INVITED)
        .group_by(pupil.form)
    )
    newcomers = {row[0]: row[1] for row in await session.execute(first)}
    book = offers.Book(found, late, newcomers=newcomers)
    means = await runs.means(session, gateway, happening.invitation)
    return Desk(happening, known, parties, book, {one.id or 0: one for one in found}, means)


async def advance(
    session: Session, gateway: context.Gateway, notice: Notice, definition: model.Definition, run: Run
) -> bool:
    """Write the next portion of an event's notice. Whether it was the last one."""
    now, held = gateway.now(), notice.state is NoticeState.HELD
    event = await session.get_one(SchoolEvent, notice.event_id)
    happening, kind = await happening_of(session, gateway, event), tellings.kind_of(definition, event)
    rows: list[planner.Planned] = []
    if kind is Kind.INVITATION and not run.planned_up_to:
        chosen = await runs.resolve(session, gateway, definition)
        notice.trouble = "\n".join(str(problem) for problem in chosen.problems)
        await guests.gather(session, event, happening.details, chosen, now=now)
        rows += await _silent(session, gateway, definition, chosen, run)
    some = await guests.portion(session, event, tellings.TO[kind], after=run.planned_up_to, most=PORTION)
    if (kind is not Kind.INVITATION and not happening.announced) or (event.cancelled_at and kind is not Kind.CANCELLED):
        some = []  # a reminder of what nobody has approved, or of what does not take place
    at = await desk(session, gateway, happening, some)
    said = [one for guest in some if (one := _said(at, definition, kind, guest))]
    rows += await write(session, gateway, at, said, run, held=held)
    last = len(some) < PORTION
    run.messages += len(rows)
    run.planned_up_to = some[-1].id or 0 if some else run.planned_up_to
    run.planned_at = now if last else None
    facts = {"run": run.id, "kind": kind.value, "guests": len(said), "messages": len(rows)}
    await gateway.log.record(session, audit.Line("event.told", f"event:{event.id}", facts), now=now)
    return last


def _said(at: Desk, definition: model.Definition, kind: Kind, guest: EventGuest) -> Said | None:
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
    session: Session, gateway: context.Gateway, at: Desk, said: Sequence[Said], run: Run, *, held: bool = False
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


def _rows(gateway: context.Gateway, at: Desk, said: Said, *, fire_at: datetime, held: bool) -> list[planner.Planned]:
    guest_id = said.guest.id or 0
    listeners: dict[int, Listener] = {}
    for contact, pupil in at.parties[guest_id]:
        if (
            pupil in at.known.pupils
            and (said.to is None or contact in said.to)
            and may_hear(at, gateway, contact, pupil)
        ):
            listeners.setdefault(contact, Listener(contact)).pupil_ids.append(pupil)
    found = sorting.sort(said.definition, Audience(at.known, list(listeners.values()), ()))
    means = replace(at.means, composer=_composer(gateway, at, said))
    now = gateway.now()
    rows = planner.write(found, said.definition, at.known, means, fire_at=fire_at, now=now, held=held)
    return [_own(gateway, at, said, row) for row in rows]


def may_hear(at: Desk, gateway: context.Gateway, contact: int, pupil: int) -> bool:
    """Whether somebody is still on file for the child, and not barred since."""
    ties = [tie for tie in at.known.ties.get(pupil, ()) if tie.contact_id == contact]
    return (
        bool(ties)
        and pupil in at.known.pupils
        and not ties[0].barred_on(gateway.today())
        and not at.known.contacts[contact].deceased
    )


def _composer(gateway: context.Gateway, at: Desk, said: Said) -> wording.Composer:
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


def _own(gateway: context.Gateway, at: Desk, said: Said, row: planner.Planned) -> planner.Planned:
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


async def send_alone(session: Session, gateway: context.Gateway, at: Desk, said: Said) -> list[planner.Planned]:
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


def label(happening: Happening, slot: EventSlot | None, tag: str) -> str:
    """A place in words: its time and teacher; where there is nothing to choose, that they are coming."""
    if slot is None or not happening.has_times:
        return offers.said(offers.COMING, [tag])[tag]
    when = formats.moment(slot.starts_at.astimezone(happening.timezone).replace(tzinfo=None), tag)
    return ", ".join(filter(None, [when, slot.host, slot.place]))


def is_reached(rows: Sequence[planner.Planned]) -> bool:
    """Whether anything leaves."""
    return any(row.message.state is not MessageState.SKIPPED for row in rows)
