"""What the messages to some guests are made from, read once for all of them: the event, the people, the times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import select

from channels.base import Medium
from gateway import context, people, planner, runs, wording
from gateway.audience import Audience
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.events import guests, offers, slots, tellings
from gateway.events.tellings import Happening, Kind
from gateway.models import EventGuest, EventSlot, GuestState, Notice, NoticeState, Pupil, SchoolEvent
from gateway.models.types import core
from templates import formats, translations


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
class Papers:
    """What the messages of some guests are made from, read once for all of them."""

    happening: Happening
    known: people.People
    parties: Mapping[int, Sequence[tuple[int, int]]]
    book: offers.Book
    slots: Mapping[int, EventSlot]
    means: planner.Means
    able: dict[str, Collection[Medium]] = field(default_factory=dict[str, Collection[Medium]])
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
        if not self.happening.has_times or guest.keys == offers.DIGITS:
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


async def imagined(
    session: Session, gateway: context.Gateway, definition: model.Definition, chosen: Audience
) -> tuple[Papers, list[EventGuest]]:
    """An event that nobody has announced, and its guests: as they would be. Their numbers are nobody's."""
    details, zone, now = definition.event, gateway.timezone, gateway.now()
    if details is None:
        raise ValueError("this is no event")
    ends = planner.moment(details.ends, zone) if details.ends else None
    event = SchoolEvent(
        key=definition.key, title=definition.title, place=details.place,
        starts_at=planner.moment(details.starts, zone), ends_at=ends,
    )  # fmt: skip
    happening = Happening(event, definition, zone, drafts=gateway.settings.languages.allow_drafts)
    homes = guests.households(chosen.people, chosen.listeners, details)
    some = await guests.made_of(session, homes, chosen.people, event_id=0, now=now)
    found = slots.made_of(details, zone)
    for rows in (some, found):
        for number, row in enumerate(rows, 1):
            row.id = -number
    parties = {-number: sorted(home.pairs) for number, home in enumerate(homes, 1)}
    late = frozenset(one.id or 0 for one in found if slots.is_out_of_hours(one, gateway.settings.events, zone))
    forms = {one.id: chosen.people.pupils[parties[one.id or 0][0][1]].form for one in some}
    book = offers.Book(found, late, newcomers=Counter(forms[one.id] for one in some if one.newcomer))
    means = await runs.means(session, gateway, definition)
    return Papers(happening, chosen.people, parties, book, {one.id or 0: one for one in found}, means), some


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


async def read(session: Session, gateway: context.Gateway, happening: Happening, some: Sequence[EventGuest]) -> Papers:
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
    book = offers.Book([one for one in found if one.starts_at > gateway.now()], late, newcomers=newcomers)
    means = await runs.means(session, gateway, happening.invitation)
    return Papers(happening, known, parties, book, {one.id or 0: one for one in found}, means)


def may_hear(at: Papers, gateway: context.Gateway, contact: int, pupil: int) -> bool:
    """Whether somebody is still on file for the child, and not barred since."""
    ties = [tie for tie in at.known.ties.get(pupil, ()) if tie.contact_id == contact]
    return (
        bool(ties)
        and pupil in at.known.pupils
        and not ties[0].barred_on(gateway.today())
        and not at.known.contacts[contact].deceased
    )


def label(happening: Happening, slot: EventSlot | None, tag: str) -> str:
    """A place in words: its time and teacher; where there is nothing to choose, that they are coming."""
    if slot is None or not (happening.has_times or slot.again):
        return offers.said(offers.COMING, [tag])[tag]
    when = formats.moment(slot.starts_at.astimezone(happening.timezone).replace(tzinfo=None), tag)
    return ", ".join(filter(None, [when, slot.host, slot.place]))
