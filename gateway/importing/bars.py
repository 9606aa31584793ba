"""Who must hear nothing: the court order columns, read so that every doubt keeps the bar, and whom a bar also cuts off.

A wrong bar costs a telephone call, a missed one may cost a child's safety.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from gateway.database import Session
from gateway.errors import Problem
from gateway.importing import cells
from gateway.importing.rows import Row, Values
from gateway.models import Contact, ContactPoint, Guardianship, Pupil
from gateway.models.types import core

FLAG, START, END = "contact.no_contact", "contact.no_contact_from", "contact.no_contact_until"
COLUMNS = ("no_contact", "no_contact_from", "no_contact_until")
EMPTY = frozenset({"", "-", "--", "—", "."})


def read(row: Row) -> Values:
    """What a row says of a bar; nothing at all when its cells are empty, so that a bar set before stays.

    A flag that is neither yes nor no is most likely the order's own words: it bars. Dates bar as well.
    A date that cannot be read leaves that end of the bar open.
    """
    flag = row.words(FLAG).casefold()
    dated = bool(row.words(START) or row.words(END))
    if not dated and flag in EMPTY:
        return {}
    if not dated and flag in cells.NO:
        return {"no_contact": False}
    if flag in cells.NO:
        row.warn(
            FLAG,
            "This row says that there is no court order, and also dates for one. The dates were taken.",
            "Empty the dates if the contact may be told about the pupil.",
        )
    elif flag not in EMPTY | cells.YES:
        row.warn(FLAG, "These words were taken to mean that the contact is barred.", "Write Yes or No.")
    values: Values = {"no_contact": True}
    for name in (START, END):
        if row.layout.has(name):
            values[name.partition(".")[2]] = _day(row, name)
    return values


def _day(row: Row, name: str) -> date | None:
    if cells.says_nothing(row.cell(name)):
        return None
    found = cells.day(row.cell(name))
    if isinstance(found, Problem):
        row.wrong(name, found, note="The bar stands without it.")
        return None
    return found


async def standing(session: Session, pupils: Collection[int]) -> dict[tuple[int, str], Values]:
    """The bars of these pupils' contacts, by pupil and the contact's name as :func:`name_of` gives it.

    A new system may give every contact a new id, and an export without ids gives one with each new number. A bar must
    not be lost on the way, so a new contact of the same name is barred too.
    """
    link, contact = core(Guardianship), core(Contact)
    query = (
        sa.select(link, contact.c.forename, contact.c.surname)
        .join(contact, contact.c.id == link.c.contact_id)
        .where(link.c.pupil_id.in_(pupils), link.c.no_contact)
    )
    return {
        (row["pupil_id"], name_of(row)): {column: row[column] for column in COLUMNS}
        for row in (await session.execute(query)).mappings()
    }


def name_of(values: Mapping[str, Any] | sa.RowMapping) -> str:
    """Forename and surname, so that they can be compared."""
    return f"{values.get('forename', '')} {values.get('surname', '')}".strip().casefold()


async def shared(session: Session, *, today: date) -> list[Problem]:
    """Name each pupil whose barred contact has a telephone or mailbox that another contact of the pupil has too.

    Nothing about the pupil may go there, so the other contact is cut off as well. Bars that have ended do not count.
    """
    pupil, barred, other = core(Pupil), core(Guardianship).alias("barred"), core(Guardianship).alias("other")
    his, hers = core(ContactPoint).alias("his"), core(ContactPoint).alias("hers")
    man, woman = core(Contact).alias("man"), core(Contact).alias("woman")
    query = (
        sa.select(
            pupil.c.source_id,
            pupil.c.forename,
            pupil.c.surname,
            man.c.source_id.label("barred_id"),
            woman.c.source_id.label("other_id"),
        )
        .select_from(barred)
        .join(other, (other.c.pupil_id == barred.c.pupil_id) & (other.c.contact_id != barred.c.contact_id))
        .join(his, his.c.contact_id == barred.c.contact_id)
        .join(hers, (hers.c.contact_id == other.c.contact_id) & (hers.c.address == his.c.address))
        .join(pupil, pupil.c.id == barred.c.pupil_id)
        .join(man, man.c.id == barred.c.contact_id)
        .join(woman, woman.c.id == other.c.contact_id)
        .where(barred.c.no_contact, sa.or_(~other.c.no_contact, other.c.no_contact_until < today))
        .where(sa.or_(pupil.c.left_on.is_(None), pupil.c.left_on >= today))
        .where(sa.or_(barred.c.no_contact_until.is_(None), barred.c.no_contact_until >= today))
        .distinct()
        .order_by(pupil.c.source_id, "barred_id", "other_id")
    )
    return [
        Problem(
            f"{row.forename} {row.surname} (pupil {row.source_id}): contact {row.barred_id} is barred and has "
            f"a telephone or mailbox that contact {row.other_id} has too, so nothing about this pupil will go there.",
            f"Ask contact {row.other_id} for a number or address of their own.",
        )
        for row in await session.execute(query)
    ]
