"""The households that are invited to an event, and who belongs to each.

For an event with times to choose from, each child has a place of its own, as its teacher is another. For any other,
children who have a parent in common are one household. Where the definition says ``households = "each"``, parents who
do not live with the child are households by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import errors, people, upsert
from gateway.audience import Audience, Listener
from gateway.database import Session
from gateway.definitions import model
from gateway.events import offers, tellings
from gateway.events.tellings import Kind
from gateway.models import (
    EventGuest,
    EventParty,
    EventTold,
    Message,
    MessageState,
    Pupil,
    SchoolEvent,
)
from gateway.models.types import core

GUESTS, PARTIES = core(EventGuest), core(EventParty)
_TAKEN_BACK = (MessageState.CANCELLED, MessageState.EXPIRED)
_DECLINED = ("declined", "no_consent", "over_limit", "opted_out")  #: why a family was not to hear of it
_LEAST = 2  #: a family with fewer digits could not say both yes and no


@dataclass(frozen=True, slots=True)
class Household:
    """Contacts who are told together, and the children it is about."""

    key: str
    pairs: frozenset[tuple[int, int]]  #: (contact, pupil)

    @property
    def contacts(self) -> frozenset[int]:
        """Who is told."""
        return frozenset(contact for contact, _ in self.pairs)

    @property
    def pupils(self) -> frozenset[int]:
        """Whom it is about."""
        return frozenset(pupil for _, pupil in self.pairs)


async def gather(
    session: Session, event: SchoolEvent, details: model.EventDetails, chosen: Audience, *, now: datetime
) -> int:
    """Invite the households of an audience; those that are invited already stay as they are. Gives how many are new."""
    known = await _invited(session, event)
    homes = [_as_invited(home, known) for home in households(chosen.people, chosen.listeners, details)]
    made = await made_of(session, homes, chosen.people, event_id=event.id or 0, now=now)
    rows = [one.model_dump(exclude={"id"}) for one in made]
    new = await upsert.insert_new(session, GUESTS, rows, key=["event_id", "household"])
    ids = await _ids(session, event)
    before = set(known.values())
    for one in (one for one in made if one.household in before):  # a brother may have come since, who shares the phone
        mine = sa.update(GUESTS).where(GUESTS.c.id == ids[one.household])
        await session.execute(mine.values(first_key=one.first_key, keys=one.keys))
    parties = [
        {"guest_id": ids[home.key], "contact_id": contact, "pupil_id": pupil}
        for home in homes
        for contact, pupil in sorted(home.pairs)
    ]
    await upsert.insert(session, PARTIES, parties, key=["guest_id", "contact_id", "pupil_id"])
    return len(new)


async def made_of(
    session: Session, homes: Sequence[Household], known: people.People, *, event_id: int, now: datetime
) -> list[EventGuest]:
    """Guests, not written down: with their digits, and whether anybody of them has ever come to anything."""
    shares = digits(homes, known)
    came = await _came_before(session, {contact for home in homes for contact in home.contacts})
    return [
        EventGuest(
            event_id=event_id,
            household=home.key,
            first_key=shares[home.key][0],
            keys=shares[home.key][1],
            newcomer=bool(came) and home.contacts.isdisjoint(came),
            interpreter=any(known.contacts[one].interpreter for one in home.contacts),
            invited_at=now,
        )
        for home in homes
    ]


async def _invited(session: Session, event: SchoolEvent) -> Mapping[tuple[int, int], str]:
    """The household of everybody who is invited already, by (contact, pupil)."""
    t = PARTIES.c
    query = sa.select(t.contact_id, t.pupil_id, GUESTS.c.household).join(GUESTS, GUESTS.c.id == t.guest_id)
    rows = await session.execute(query.where(GUESTS.c.event_id == event.id).order_by(GUESTS.c.id.desc()))
    return {(row.contact_id, row.pupil_id): row.household for row in rows}


def _as_invited(home: Household, known: Mapping[tuple[int, int], str]) -> Household:
    """A household under the name by which it is invited already, whoever belongs to it since."""
    before = next((known[pair] for pair in sorted(home.pairs) if pair in known), home.key)
    return Household(before, home.pairs)


def households(known: people.People, listeners: Iterable[Listener], details: model.EventDetails) -> list[Household]:
    """The households of those who are told, by the rule of the event."""
    told: dict[int, list[int]] = {}
    for listener in listeners:
        if listener.contact_id is not None and not listener.reason:
            for pupil_id in listener.pupil_ids:
                told.setdefault(pupil_id, []).append(listener.contact_id)
    homes: list[Household] = []
    for pupil_id, contacts in sorted(told.items()):
        for number, home in enumerate(_homes(known, pupil_id, contacts, each=details.households == "each")):
            apart = f" contact:{min(home)}" if number else ""
            homes.append(Household(f"pupil:{pupil_id}{apart}", frozenset((one, pupil_id) for one in home)))
    return homes if details.sessions else _joined(homes)


def _homes(known: people.People, pupil_id: int, contacts: Sequence[int], *, each: bool) -> list[list[int]]:
    """Those who live with the child first; whoever does not is a household alone, where each has a place."""
    living = {tie.contact_id for tie in known.ties.get(pupil_id, ()) if tie.lives_with}
    here = [one for one in contacts if one in living]
    if not each or not here:
        return [list(contacts)]
    return [here, *[[one] for one in contacts if one not in living]]


def _joined(homes: Sequence[Household]) -> list[Household]:
    """Households with a contact in common are one."""
    near: dict[int, set[int]] = {}
    for number, home in enumerate(homes):
        for contact in home.contacts:
            near.setdefault(contact, set()).add(number)
    found: list[Household] = []
    for group in _groups(len(homes), near.values()):
        pairs = frozenset[tuple[int, int]]().union(*(homes[number].pairs for number in group))
        found.append(Household(f"contact:{min(contact for contact, _ in pairs)}", pairs))
    return found


def digits(homes: Sequence[Household], known: people.People) -> dict[str, tuple[int, int]]:
    """The first digit and how many each household has: those who share a phone, or a parent, have different ones.

    A sixth child of one phone has none: its family answers by the link, by words, or through the office.
    """
    near: dict[object, set[int]] = {}
    for number, home in enumerate(homes):
        for contact in home.contacts:
            near.setdefault(contact, set()).add(number)
            for point in known.points.get(contact, ()):
                near.setdefault(point.address, set()).add(number)
    groups = _groups(len(homes), near.values())
    found: dict[str, tuple[int, int]] = {}
    for group in groups:
        each = max(offers.DIGITS // len(group), _LEAST)
        for place, number in enumerate(sorted(group)):
            first = place * each + 1
            found[homes[number].key] = (first, each) if first + each - 1 <= offers.DIGITS else (1, 0)
    return found


def _groups(count: int, near: Iterable[Collection[int]]) -> list[set[int]]:
    """Whoever is near to one is in its group."""
    group_of = {number: {number} for number in range(count)}
    for some in near:
        whole = set[int]().union(*(group_of[number] for number in some))
        for number in whole:
            group_of[number] = whole
    return list({id(group): group for group in group_of.values()}.values())


async def _came_before(session: Session, contacts: Collection[int]) -> set[int]:
    """Who of these has been to an event, as far as the office wrote it down."""
    query = (
        sa.select(PARTIES.c.contact_id)
        .join(GUESTS, GUESTS.c.id == PARTIES.c.guest_id)
        .where(GUESTS.c.attended.is_(True), people.among(people.dialect(session), PARTIES.c.contact_id))
        .distinct()
    )
    return set(await session.scalars(query, {"ids": people.packed(contacts)}))


async def _ids(session: Session, event: SchoolEvent) -> Mapping[str, int]:
    query = sa.select(GUESTS.c.household, GUESTS.c.id).where(GUESTS.c.event_id == event.id)
    return {row.household: row.id for row in await session.execute(query)}


async def find(session: Session, guest_id: int) -> EventGuest:
    """One guest, held until the caller's transaction ends.

    Raises :class:`errors.NotFound`.
    """
    query = select(EventGuest).where(EventGuest.id == guest_id).with_for_update()
    guest = (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()
    if guest is None:
        raise errors.NotFound(f"There is no guest {guest_id}. handbell event show lists them.")
    return guest


async def portion(
    session: Session, event: SchoolEvent, kind: Kind | None, *, after: int, most: int, untold: bool = False
) -> Sequence[EventGuest]:
    """The next guests of an event, by id: those whom a notice of this kind concerns, or all.

    With ``untold``, only those for whom nothing of the event has left or is to.
    """
    query = select(EventGuest).where(EventGuest.event_id == event.id, col(EventGuest.id) > after)
    if kind is not None:
        query = query.where(concerned(kind))
    if untold:
        query = query.where(~is_told())
    return (await session.scalars(query.order_by(col(EventGuest.id)).limit(most))).all()


async def count(session: Session, event: SchoolEvent, kind: Kind) -> int:
    """How many guests a notice of this kind concerns."""
    query = sa.select(sa.func.count()).where(GUESTS.c.event_id == event.id, concerned(kind))
    return await session.scalar(query) or 0


def concerned(kind: Kind) -> sa.ColumnElement[bool]:
    """Whether a notice of this kind is for a guest. Nobody is thanked, or told that it was missed, twice."""
    t = GUESTS.c
    states = t.state.in_(tellings.TO[kind])
    if kind in (Kind.CHANGED, Kind.CANCELLED):
        return sa.and_(states, sa.or_(t.answered_at.is_not(None), _knows()))
    if kind in (Kind.THANKS, Kind.MISSED):
        told = core(EventTold).c
        already = sa.exists().where(told.guest_id == t.id, told.kind == kind.value)
        return sa.and_(states, t.attended.is_(kind is Kind.THANKS), ~already)
    return states


def _knows() -> sa.ColumnElement[bool]:
    """Whether a guest may know of the event: something left, or nothing can reach it and it may have had a letter.

    Not whoever has declined such invitations, and nobody whose invitation was taken back before it left.
    """
    message, event = core(Message).c, core(SchoolEvent).c
    declined = sa.and_(message.state == MessageState.SKIPPED, message.reason.in_(_DECLINED))
    never = sa.or_(message.state.in_(_TAKEN_BACK), declined)
    # Whoever was invited anew after the change knows what is true now.
    own = sa.select(event.changed_at).where(event.id == GUESTS.c.event_id)
    changed = own.correlate(GUESTS).scalar_subquery()  # or, two selects deep, it would be of any event
    before = _left().where(sa.or_(changed.is_(None), message.created_at <= changed))
    return sa.or_(before.exists(), ~_messages().where(sa.or_(never, message.created_at > changed)).exists())


def is_told() -> sa.ColumnElement[bool]:
    """Whether something of the event has left for a guest, or is to."""
    return _left().exists()


def _left() -> sa.Select[tuple[str]]:
    return _messages().where(core(Message).c.state.not_in([MessageState.SKIPPED, *_TAKEN_BACK]))


def _messages() -> sa.Select[tuple[str]]:
    told, message = core(EventTold).c, core(Message).c
    query = sa.select(message.id).join(core(EventTold), told.message_id == message.id)
    return query.where(told.guest_id == GUESTS.c.id)


async def parties(session: Session, guest_ids: Collection[int]) -> dict[int, list[tuple[int, int]]]:
    """Who belongs to each of these guests, as (contact, pupil)."""
    t = PARTIES.c
    query = sa.select(t.guest_id, t.contact_id, t.pupil_id).where(people.among(people.dialect(session), t.guest_id))
    found: dict[int, list[tuple[int, int]]] = {guest_id: [] for guest_id in guest_ids}
    rows = await session.execute(query.order_by(t.contact_id, t.pupil_id), {"ids": people.packed(guest_ids)})
    for guest_id, contact_id, pupil_id in rows:
        found[guest_id].append((contact_id, pupil_id))
    return found


async def may_speak(session: Session, guest_id: int, contact_id: int | None, address: str, *, today: date) -> bool:
    """Whether what comes from a phone or mailbox may be taken as a guest's answer, as people are on file today.

    Not where it is no longer this contact's, the contact is nobody to the children any more, or somebody who is barred
    from one of them has it, too.
    """
    pupils = {pupil for _, pupil in (await parties(session, [guest_id]))[guest_id]}
    known = await people.load(session, today=today, pupil_ids=sorted(pupils))
    if not known.pupils or any(address in barred for barred in known.barred.values()):
        return False
    ties = {tie.contact_id for ties in known.ties.values() for tie in ties}
    points = known.points.get(contact_id or 0, ())
    return contact_id in ties and any(point.address == address for point in points)


async def form_of(session: Session, guest_id: int) -> str:
    """The form of the child that a guest is about; of several, the first."""
    t = core(Pupil).c
    query = sa.select(t.form).join(PARTIES, PARTIES.c.pupil_id == t.id).where(PARTIES.c.guest_id == guest_id)
    return (await session.scalars(query.order_by(t.id).limit(1))).first() or ""
