"""Finding somebody of whom something is held, child or grown-up, those who have left among them.

For whoever answers for data protection. Who must not be contacted about a child is found by nobody here: the family's
page shows them, to those who may see what is locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sqlmodel import col, select

from gateway.database import Session
from gateway.families import finding
from gateway.models import Contact, Guardianship, Pupil
from gateway.privacy import belongings, erasing
from gateway.privacy.belongings import Person

MOST: Final = 30  #: people who are shown at once


@dataclass(frozen=True, slots=True)
class Somebody:
    """Who was found: a child with its form, or a grown-up with the ``children`` whose they are."""

    person: Person
    full_name: str
    form: str = ""
    left_on: date | None = None
    children: Sequence[str] = ()


async def find(session: Session, words: str, *, today: date) -> tuple[Sequence[Somebody], int]:
    """Whose name has all of the words in it, or whose number or mailbox it is; and how many those are."""
    wanted = finding.folded(words).split()
    if not wanted:
        return [], 0
    found = list[Somebody]()
    for pupil in await session.scalars(select(Pupil)):
        if _has(wanted, f"{pupil.forename} {pupil.known_as} {pupil.surname}") and not erasing.is_erased(pupil):
            person = Person(belongings.PUPIL, pupil.id or 0)
            found.append(Somebody(person, f"{pupil.called} {pupil.surname}", pupil.form, pupil.left_on))
    barred = await _barred(session, today)
    owners = {contact_id for contact_id, _ in await finding.owners(session, words)}
    for contact in await session.scalars(select(Contact)):
        is_meant = contact.id in owners or _has(wanted, contact.full_name)
        if is_meant and contact.id not in barred and not erasing.is_erased(contact):
            found.append(Somebody(Person(belongings.CONTACT, contact.id or 0), contact.full_name or contact.source_id))
    found.sort(key=lambda one: (finding.folded(one.full_name), one.person.subject))
    shown = found[:MOST]
    children = await _children(session, [one.person for one in shown])
    return [replace(one, children=children.get(one.person, ())) for one in shown], len(found)


async def is_locked(session: Session, person: Person, *, today: date) -> bool:
    """Whether it is somebody who must not be contacted about a child."""
    return person.kind == belongings.CONTACT and person.id in await _barred(session, today)


async def _barred(session: Session, today: date) -> set[int]:
    ties = await session.scalars(select(Guardianship).where(col(Guardianship.no_contact)))
    return {tie.contact_id for tie in ties if tie.barred_on(today)}


async def _children(session: Session, people: Iterable[Person]) -> dict[Person, list[str]]:
    contacts = [one.id for one in people if one.kind == belongings.CONTACT]
    query = (
        select(Guardianship.contact_id, Pupil)
        .join(Pupil)
        .where(col(Guardianship.contact_id).in_(contacts))
        .order_by(col(Pupil.born), col(Pupil.id))
    )
    found = dict[Person, list[str]]()
    for contact_id, pupil in await session.execute(query):
        found.setdefault(Person(belongings.CONTACT, contact_id), []).append(f"{pupil.called} {pupil.surname}")
    return found


def _has(wanted: Iterable[str], names: str) -> bool:
    text = finding.folded(names)
    return all(word in text for word in wanted)
