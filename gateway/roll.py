"""The roll as the office sees it: each pupil, who answers for it, how they can be reached, and who would be texted.

The rules are those that messages go by: :mod:`gateway.audience` says who may hear of a pupil, :mod:`gateway.reach` by
which phone or mailbox, and the reasons are the guard's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import sqlalchemy as sa

from channels.base import Medium
from gateway import audience, guard, people, points, reach
from gateway.database import Session
from gateway.definitions import model
from gateway.models import Contact, Guardianship, Pupil
from gateway.models.types import core
from gateway.people import Adult, Point  # by name: a field of Line is called as the module is

PUPILS, CONTACTS, TIES = core(Pupil), core(Contact), core(Guardianship)

BATCH = 200  #: pupils that are in memory at once

NO_PRIORITY = 99  #: of a contact whose place in the order nobody has said

#: Texts about an absence are mandatory: an email's unsubscribe does not stop them, STOP by text does.
MANDATORY = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pupils to list; what is empty does not matter. ``name`` is part of a pupil's or contact's name."""

    year: str = ""
    form: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """A phone or mailbox. ``opted_out`` are the media that its people stopped, ``texts`` why no text goes there."""

    point: people.Point
    opted_out: Sequence[Medium]
    texts: str


@dataclass(frozen=True, slots=True)
class Person:
    """A contact of one pupil. ``why_not`` says why nothing can be sent about this pupil, ``""`` when something can."""

    contact: people.Adult
    tie: people.Tie
    why_not: str
    ways: Sequence[Way]


@dataclass(frozen=True, slots=True)
class Line:
    """A pupil, its contacts in the order in which they are asked, and to whom a text about an absence would go."""

    pupil: people.Child
    people: Sequence[Person]
    texted: Sequence[tuple[Adult, Point]]


async def lines(session: Session, wanted: Wanted, *, today: date) -> AsyncGenerator[Line]:
    """Give the pupils on roll by surname, batch by batch: the memory of a big school is that of a small one."""
    ids = list(await session.scalars(_query(wanted, today)))
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        known = await people.load(session, today=today, pupil_ids=batch)
        for pupil_id in batch:
            if pupil_id in known.pupils:
                yield _line(known, pupil_id, today=today)


def _query(wanted: Wanted, today: date) -> sa.Select[int]:
    query = sa.select(PUPILS.c.id).where(people.on_roll(today))
    for column, value in ((PUPILS.c.year, wanted.year), (PUPILS.c.form, wanted.form)):
        if value:
            query = query.where(sa.func.lower(column) == value.lower())
    for word in wanted.name.split():
        own = _holds(word, PUPILS.c.forename, PUPILS.c.known_as, PUPILS.c.surname)
        theirs = _holds(word, CONTACTS.c.forename, CONTACTS.c.surname)
        near = sa.select(TIES.c.pupil_id).join(CONTACTS, CONTACTS.c.id == TIES.c.contact_id).where(theirs)
        query = query.where(sa.or_(own, PUPILS.c.id.in_(near)))
    return query.order_by(PUPILS.c.surname, PUPILS.c.forename, PUPILS.c.id)


def _holds(word: str, *columns: sa.Column[str]) -> sa.ColumnElement[bool]:
    return sa.or_(*(column.icontains(word, autoescape=True) for column in columns))


def _line(known: people.People, pupil_id: int, *, today: date) -> Line:
    everyone = model.Audience(whole_school=True, tell="everyone")
    listeners = audience.listeners_of(known, [pupil_id], everyone, today=today, default_language="")
    reasons = {row.contact_id: row.reason for row in listeners}
    ties = [tie for tie in known.ties.get(pupil_id, ()) if tie.contact_id in reasons]
    found = [_person(known, tie, reasons[tie.contact_id], today=today) for tie in ties]
    return Line(known.pupils[pupil_id], found, _texted(known, pupil_id, found))


def _person(known: people.People, tie: people.Tie, reason: str, *, today: date) -> Person:
    ways = [
        Way(
            point,
            [medium for medium in Medium if point.kind is points.kind_of(medium) and _stopped(known, medium, point)],
            _texts(known, point, tie, today=today),
        )
        for point in known.points.get(tie.contact_id, ())
    ]
    reason = reason or _unreached(known, tie)
    return Person(known.contacts[tie.contact_id], tie, guard.REASONS[reason] if reason else "", ways)


def _stopped(known: people.People, medium: Medium, point: people.Point) -> bool:
    return (medium, point.address) in known.opted_out


def _texts(known: people.People, point: people.Point, tie: people.Tie, *, today: date) -> str:
    """Why no text about this pupil goes to a phone, ``""`` when one may. Of a mailbox only a bar is worth saying."""
    if tie.barred_on(today):
        return guard.REASONS["barred"]  # whoever else has that phone: it is the contact who is barred
    if point.kind is not points.kind_of(Medium.SMS):
        return ""
    shared = point.address in known.barred.get(tie.pupil_id, frozenset())
    reason = reach.unfit(point, known, Medium.SMS, mandatory=MANDATORY) or ("barred_address" if shared else "")
    return guard.REASONS[reason] if reason else ""


def _unreached(known: people.People, tie: people.Tie) -> str:
    """Why no medium reaches a contact about this pupil, ``""`` when one does."""
    tried = [_ways(known, tie, medium) for medium in (Medium.SMS, Medium.VOICE, Medium.EMAIL)]
    if any(ways.found for ways in tried):
        return ""
    # A phone or mailbox that fails says more than one that is not on file.
    return min((ways.reason for ways in tried), key=lambda reason: reason in ("no_number", "no_email"))


def _texted(known: people.People, pupil_id: int, found: Sequence[Person]) -> list[tuple[people.Adult, people.Point]]:
    """Those asked first who can be texted, or those after them; who share a phone get one text."""
    free = [person for person in found if not person.why_not]
    for _, group in groupby(free, key=_turn):
        texts = dict[str, tuple[people.Adult, people.Point]]()
        for person in group:
            for point, _ in _ways(known, person.tie, Medium.SMS).found:
                texts.setdefault(point.address, (person.contact, point))
        if texts:
            return list(texts.values())
    return []


def _turn(person: Person) -> tuple[int, int]:
    """Contacts of one priority are asked together; of those whose priority nobody has said, one after the other."""
    tie = person.tie
    return (tie.priority, (tie.id or 0) if tie.priority == NO_PRIORITY else 0)


def _ways(known: people.People, tie: people.Tie, medium: Medium) -> reach.Ways:
    return reach.ways(known, tie.contact_id, [tie.pupil_id], medium=medium, mandatory=MANDATORY)
