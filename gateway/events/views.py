"""What the office sees of events: how many are coming, who has not answered, which times are free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import errors, interpreters
from gateway.database import Session
from gateway.events import guests, slots
from gateway.models import (
    Contact,
    EventGuest,
    EventSlot,
    EventTold,
    GuestState,
    Message,
    MessageState,
    Pupil,
    SchoolEvent,
)
from gateway.models.types import core

T = TypeVar("T", Contact, Pupil)
_NOT_TOLD = (MessageState.SKIPPED, MessageState.CANCELLED, MessageState.FAILED, MessageState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Line:
    """An event in a list: how many households are in which state."""

    event: SchoolEvent
    counts: Mapping[GuestState, int]


@dataclass(frozen=True, slots=True)
class Invited:
    """A guest as the office reads it. ``told`` is False where no message reached or is on its way to them."""

    guest: EventGuest
    pupils: Sequence[Pupil]
    contacts: Sequence[Contact]
    slot: EventSlot | None
    told: bool

    @property
    def children(self) -> str:
        """The names of the children, with their forms."""
        return ", ".join(f"{one.called} {one.surname}{f' ({one.form})' if one.form else ''}" for one in self.pupils)

    @property
    def adults(self) -> str:
        """The names of those who are told."""
        return ", ".join(one.full_name for one in self.contacts)


@dataclass(frozen=True, slots=True)
class Whole:
    """An event with everybody who is invited, its times, and who needs an interpreter, by language."""

    event: SchoolEvent
    guests: Sequence[Invited]
    slots: Sequence[EventSlot]
    interpreters: Mapping[str, Sequence[str]]

    @property
    def counts(self) -> Mapping[GuestState, int]:
        """How many households are in which state."""
        return Counter(one.guest.state for one in self.guests)


async def listed(session: Session, *, limit: int = 50, since: datetime | None = None) -> list[Line]:
    """The latest events first; ``since`` leaves out what began earlier."""
    query = select(SchoolEvent).order_by(col(SchoolEvent.starts_at).desc(), col(SchoolEvent.id).desc()).limit(limit)
    if since is not None:
        query = query.where(col(SchoolEvent.starts_at) >= since)
    found = (await session.scalars(query)).all()
    t = guests.GUESTS.c
    counting = sa.select(t.event_id, t.state, sa.func.count()).where(t.event_id.in_([one.id for one in found]))
    counts: dict[int, dict[GuestState, int]] = {}
    for event_id, state, count in await session.execute(counting.group_by(t.event_id, t.state)):
        counts.setdefault(event_id, {})[state] = count
    return [Line(one, counts.get(one.id or 0, {})) for one in found]


@dataclass(frozen=True, slots=True)
class Places:
    """The times of an event together: how many there are, places taken, and places in all; None for any number."""

    times: int = 0
    taken: int = 0
    capacity: int | None = None

    @property
    def free(self) -> int | None:
        """Places that are left."""
        return None if self.capacity is None else self.capacity - self.taken


async def places(session: Session, event_ids: Sequence[int]) -> dict[int, Places]:
    """The places of several events."""
    t = core(EventSlot).c
    without = sa.func.sum(sa.case((t.capacity.is_(None), 1), else_=0))
    query = sa.select(t.event_id, sa.func.count(), sa.func.sum(t.taken), sa.func.sum(t.capacity), without)
    rows = await session.execute(query.where(t.event_id.in_(event_ids)).group_by(t.event_id))
    return {row[0]: Places(row[1], row[2], None if row[4] else row[3]) for row in rows}


async def find(session: Session, key: str) -> SchoolEvent:
    """An event by its key.

    Raises :class:`errors.NotFound`.
    """
    event = (await session.scalars(select(SchoolEvent).where(SchoolEvent.key == key))).one_or_none()
    if event is None:
        raise errors.NotFound(f"There is no event “{key}”. handbell event list shows them.")
    return event


async def whole(session: Session, key: str, *, sees: Callable[[str], bool] = lambda _form: True) -> Whole:
    """One event with everything, as far as whoever looks ``sees`` the children of a form.

    Raises :class:`errors.NotFound`.
    """
    event = await find(session, key)
    found = await guests.portion(session, event, None, after=0, most=1_000_000)
    ids = [one.id or 0 for one in found]
    parties = await guests.parties(session, ids)
    contacts = await _by_id(session, Contact, {contact for pairs in parties.values() for contact, _ in pairs})
    pupils = await _by_id(session, Pupil, {pupil for pairs in parties.values() for _, pupil in pairs})
    times = await slots.of_event(session, event.id)
    by_id = {one.id: one for one in times}
    told = await _told(session, event)
    theirs = {one: dict.fromkeys(pupil for _, pupil in pairs) for one, pairs in parties.items()}
    lines = [
        Invited(
            guest,
            [pupils[one] for one in theirs[guest.id or 0] if sees(pupils[one].form)],
            [contacts[one] for one in dict.fromkeys(contact for contact, _ in parties[guest.id or 0])],
            by_id.get(guest.slot_id),
            guest.id in told,
        )
        for guest in found
    ]
    lines = [one for one in lines if one.pupils or not theirs[one.guest.id or 0]]
    return Whole(event, sorted(lines, key=_by_name), times, _interpreters(lines))


def _by_name(line: Invited) -> tuple[str, str, int]:
    first = line.pupils[0] if line.pupils else None
    return (first.surname if first else "", first.forename if first else "", line.guest.id or 0)


def _interpreters(lines: Sequence[Invited]) -> Mapping[str, Sequence[str]]:
    """Of those who may still come: whoever needs one by the file, else whoever reads another language, else all."""
    needing: list[Contact] = []
    for line in lines:
        if line.guest.interpreter and line.guest.state is not GuestState.NOT_COMING:
            noted = [one for one in line.contacts if one.interpreter]
            foreign = [one for one in line.contacts if (one.spoken_language or one.written_language) not in ("", "en")]
            needing += (noted or foreign or list(line.contacts))[:1]
    return interpreters.by_language(needing)


async def _told(session: Session, event: SchoolEvent) -> set[int]:
    told, message, guest = core(EventTold).c, core(Message).c, guests.GUESTS.c
    query = (
        sa.select(told.guest_id)
        .join(core(Message), message.id == told.message_id)
        .join(guests.GUESTS, guest.id == told.guest_id)
        .where(guest.event_id == event.id, message.state.not_in(_NOT_TOLD))
    )
    return set(await session.scalars(query.distinct()))


async def _by_id(session: Session, kind: type[T], ids: set[int]) -> dict[int, T]:
    found: dict[int, T] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), 500):
        query = sa.select(kind).where(core(kind).c.id.in_(wanted[start : start + 500]))
        found |= {one.id or 0: one for one in await session.scalars(query)}
    return found
