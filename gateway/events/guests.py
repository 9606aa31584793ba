"""The households that are invited to an event, and who belongs to each.

For an event with times to choose from, each child has a place of its own, as its teacher is another. For any other,
children who have a parent in common are one household. Where the definition says ``households = "each"``, parents who
do not live with the child are households by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import errors, people, upsert
from gateway.audience import Audience, Listener
from gateway.database import Session
from gateway.definitions import model
from gateway.models import EventGuest, EventParty, GuestState, Pupil, SchoolEvent
from gateway.models.types import core

GUESTS, PARTIES = core(EventGuest), core(EventParty)
DIGITS = 9  #: 1 to 9: what families who share a phone have together
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
    homes = households(chosen.people, chosen.listeners, details)
    shares = digits(homes, chosen.people)
    came = await _came_before(session, {contact for home in homes for contact in home.contacts})
    anybody = bool(came)
    rows = [
        {
            "event_id": event.id,
            "household": home.key,
            "state": GuestState.INVITED,
            "first_key": shares[home.key][0],
            "keys": shares[home.key][1],
            "newcomer": anybody and home.contacts.isdisjoint(came),
            "interpreter": any(chosen.people.contacts[one].interpreter for one in home.contacts),
            "invited_at": now,
            "by": "",
            "how": "",
            "attended_by": "",
            "sequence": 0,
        }
        for home in homes
    ]
    new = await upsert.insert_new(session, GUESTS, rows, key=["event_id", "household"])
    ids = await _ids(session, event)
    parties = [
        {"guest_id": ids[home.key], "contact_id": contact, "pupil_id": pupil}
        for home in homes
        for contact, pupil in sorted(home.pairs)
    ]
    await upsert.insert(session, PARTIES, parties, key=["guest_id", "contact_id", "pupil_id"])
    return len(new)


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
        each = max(DIGITS // len(group), _LEAST)
        for place, number in enumerate(sorted(group)):
            first = place * each + 1
            found[homes[number].key] = (first, each) if first + each - 1 <= DIGITS else (1, 0)
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
    session: Session, event: SchoolEvent, states: Collection[GuestState] | None, *, after: int, most: int
) -> Sequence[EventGuest]:
    """The next guests of an event in these states, by id; all states where none are named."""
    query = select(EventGuest).where(EventGuest.event_id == event.id, col(EventGuest.id) > after)
    if states is not None:
        query = query.where(col(EventGuest.state).in_(states))
    return (await session.scalars(query.order_by(col(EventGuest.id)).limit(most))).all()


async def parties(session: Session, guest_ids: Collection[int]) -> dict[int, list[tuple[int, int]]]:
    """Who belongs to each of these guests, as (contact, pupil)."""
    t = PARTIES.c
    query = sa.select(t.guest_id, t.contact_id, t.pupil_id).where(people.among(people.dialect(session), t.guest_id))
    found: dict[int, list[tuple[int, int]]] = {guest_id: [] for guest_id in guest_ids}
    rows = await session.execute(query.order_by(t.contact_id, t.pupil_id), {"ids": people.packed(guest_ids)})
    for guest_id, contact_id, pupil_id in rows:
        found[guest_id].append((contact_id, pupil_id))
    return found


async def form_of(session: Session, guest_id: int) -> str:
    """The form of the child that a guest is about; of several, the first."""
    t = core(Pupil).c
    query = sa.select(t.form).join(PARTIES, PARTIES.c.pupil_id == t.id).where(PARTIES.c.guest_id == guest_id)
    return (await session.scalars(query.order_by(t.id).limit(1))).first() or ""
