"""Who must hear nothing: the court order columns, read so that every doubt keeps the bar, and whom a bar also cuts off.

A wrong bar costs a telephone call, a missed one may cost a child's safety.
"""

from __future__ import annotations

from datetime import date

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
        if row.has(name):
            values[name.partition(".")[2]] = _day(row, name)
    start, end = values.get("no_contact_from"), values.get("no_contact_until")
    if start and end and start > end:
        # Either date may be the wrong one: only a bar without dates is sure to hold when it should.
        values |= {"no_contact_from": None, "no_contact_until": None}
        row.warn(
            START,
            "This court order ends before it begins. The contact is barred from now on, without an end.",
            "Correct the dates in the school's records.",
        )
    return values


def _day(row: Row, name: str) -> date | None:
    if cells.says_nothing(row.cell(name)):
        return None
    found = cells.day(row.cell(name))
    if isinstance(found, Problem):
        row.wrong(name, found, note="The bar stands without it.")
        return None
    return found


def widest(one: Values, other: Values) -> Values:
    """The bar that holds whenever one of two does; a date that is missing leaves that end open."""
    starts: list[date | None] = [one.get("no_contact_from"), other.get("no_contact_from")]
    ends: list[date | None] = [one.get("no_contact_until"), other.get("no_contact_until")]
    return {
        "no_contact": True,
        "no_contact_from": None if None in starts else min(filter(None, starts)),
        "no_contact_until": None if None in ends else max(filter(None, ends)),
    }


def effective(bar: Values) -> Values:
    """A bar with all of its columns; the dates of one that does not hold mean nothing."""
    if not bar["no_contact"]:
        return {"no_contact": False, "no_contact_from": None, "no_contact_until": None}
    return {column: bar.get(column) for column in COLUMNS}


def outlives(bar: Values, today: date) -> bool:
    """Whether a bar is in force today or will be."""
    return bool(bar["no_contact"]) and (bar["no_contact_until"] is None or bar["no_contact_until"] >= today)


def agreed(one: Values, other: Values) -> tuple[Values, str]:
    """What two rows about one contact and pupil say together, and words of warning where they contradict each other.

    A bar beats a No, whichever comes first.
    """
    if not one or not other or one == other:
        return one or other, ""
    if one["no_contact"] and other["no_contact"]:
        return widest(one, other), "Two rows give this court order different dates. The longer time was taken."
    barring = one if one["no_contact"] else other
    return barring, "One row says that there is a court order, another that there is none. The contact was barred."


def stated(values: Values) -> Values:
    """What a row's link says of a bar; empty when it says nothing."""
    return {column: values[column] for column in COLUMNS if column in values}


def completed(bar: Values, standing: sa.RowMapping, *, today: date) -> tuple[Values, str]:
    """A bar from a file that lacks a column of dates, with the date that stands; words of warning if that cannot be.

    A Yes of today is not undone by an end that is over, nor by two dates that never meet.
    """
    if not bar.get("no_contact") or bar.keys() >= set(COLUMNS) or not standing["no_contact"]:
        return bar, ""
    whole = stated(dict(standing)) | bar
    start, end = whole["no_contact_from"], whole["no_contact_until"]
    if end is None or (end >= today and (start is None or start <= end)):
        return bar, ""
    what = f"This row bars the contact, but the bar that stands ends on {end:%d/%m/%Y}. It has no end now."
    return whole | {"no_contact_from": None, "no_contact_until": None}, what


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
