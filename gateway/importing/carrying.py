"""A bar must outlive new ids: new systems number pupils and contacts anew, and people respell names.

Whenever the files tie a contact to a pupil for the first time, or give another name to an id that they know, and do not
answer the court-order column, the tie is held against every bar there is, and against those there were before the
import changed names and ids.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import sqlalchemy as sa

from gateway.database import Session
from gateway.errors import Problem
from gateway.importing import bars, identity, seen
from gateway.importing.identity import Child
from gateway.importing.ledger import Ledger
from gateway.importing.report import Report
from gateway.importing.rows import Values
from gateway.importing.seen import What
from gateway.models import Contact, ContactPoint, Guardianship, Pupil
from gateway.models.types import core

T = TypeVar("T")

PUPIL, CONTACT, LINK, POINT = core(Pupil), core(Contact), core(Guardianship), core(ContactPoint)
BY_ID, BY_NAME, BY_ADDRESS = "is", "has the name of a contact who is", "has a telephone or mailbox of a contact who is"
CURE = "If it is another person or another child, answer No in the court-order column to lift it."


@dataclass(frozen=True, slots=True)
class Tie:
    """A contact of a pupil; ``name`` is folded, ``bar`` empty where there is none."""

    id: int
    child: Child
    contact: int
    source_id: str
    name: str
    addresses: frozenset[str]
    bar: Values
    place: str = ""  #: line and file


async def barred(session: Session) -> list[Tie]:
    """Every tie with a bar, and how its contact is known."""
    found = _ties().where(LINK.c.no_contact)
    contacts = sa.select(LINK.c.contact_id).where(LINK.c.no_contact)
    points = sa.select(POINT.c.contact_id, POINT.c.address).where(POINT.c.contact_id.in_(contacts))
    addresses: dict[int, set[str]] = {}
    for contact, address in await session.execute(points):
        addresses.setdefault(contact, set()).add(address)
    rows = (await session.execute(found)).mappings()
    return [_tie(row, addresses.get(row["contact_id"], ())) for row in rows]


async def lifted(session: Session, before: Iterable[Tie], *, today: date) -> tuple[int, int]:
    """How many of the bars before the import, in force or to come, are no more, and of how many."""
    held = {tie.id for tie in before if bars.outlives(tie.bar, today)}
    now = {tie.id for tie in await barred(session) if bars.outlives(tie.bar, today)}
    return len(held - now), len(held)


async def carry(ledger: Ledger, report: Report, before: Iterable[Tie]) -> None:
    """Bar each new tie that may be a barred one under another id or name, and warn of it.

    ``before`` are the ties that were barred before the import. A tie for which the files say No is left alone.
    """
    session = ledger.session
    known = [*before, *await barred(session)]
    if not known:
        return
    sure, shared = await _suspects(session, known)
    listed = await _listed(session, {bar.contact for bar in known}) | {
        (tie.child.id, bar.contact) for tie, bar, _ in sure
    }
    # Parents share a line: where the files name the barred one as well, the other is somebody else.
    sure += [
        (tie, bar, how)
        for tie, bar, how in shared
        if not {(tie.child.id, bar.contact), (bar.child.id, bar.contact)} & listed
    ]
    changes: dict[int, Values] = {}
    ties = {tie.id: {"id": tie.id} | tie.bar for tie, _, _ in sure}
    for tie, bar, how in sure:
        if tie.id not in changes:
            report.warn(_warning(tie, bar, how))
        changes[tie.id] = bars.widest(changes.get(tie.id, bar.bar), bar.bar)
    await ledger.change(LINK, [(ties[id_], bar) for id_, bar in changes.items()])


Suspect = tuple[Tie, Tie, str]  #: a new tie, the bar that it may fall under, and why


async def _suspects(session: Session, known: Collection[Tie]) -> tuple[list[Suspect], list[Suspect]]:
    """The new ties that match a bar by the contact's id or name, and those that do by an address only."""
    by_contact, by_name, by_address = dict[int, list[Tie]](), dict[str, list[Tie]](), dict[str, list[Tie]]()
    for bar in known:
        by_contact.setdefault(bar.contact, []).append(bar)
        by_name.setdefault(bar.name, []).append(bar)
        for address in bar.addresses:
            by_address.setdefault(address, []).append(bar)
    by_name.pop("", None)
    addresses: dict[int, set[str]] = {}
    for some in _chunks(by_address):
        holders = sa.select(POINT.c.contact_id, POINT.c.address).where(POINT.c.address.in_(some))
        for contact, address in await session.execute(holders):
            addresses.setdefault(contact, set()).add(address)
    sure, shared = list[Suspect](), list[Suspect]()
    for what, query in _fresh():
        async for row in _every(session, query):
            tie = _tie(row, addresses.get(row["contact_id"], ()))
            sure += [(tie, bar, BY_ID) for bar in by_contact.get(tie.contact, ()) if bar.child.may_be(tie.child)]
            sure += [(tie, bar, BY_NAME) for bar in by_name.get(tie.name, ()) if bar.child.may_be(tie.child)]
            for address in sorted(tie.addresses) if what is What.LINK_NEW else ():
                shared += [(tie, bar, BY_ADDRESS) for bar in by_address[address] if bar.child.may_be(tie.child)]
    return sure, shared


async def _every(session: Session, query: sa.Select[tuple[object, ...]]) -> AsyncIterator[sa.RowMapping]:
    """The rows of a question about ties, a page at a time: it may be every tie there is."""
    query = query.order_by(LINK.c.id).limit(1000)
    page = (await session.execute(query)).mappings().all()
    while page:
        for row in page:
            yield row
        page = (await session.execute(query.where(LINK.c.id > page[-1]["id"]))).mappings().all()


def _chunks(values: Collection[T]) -> Iterator[list[T]]:
    """A thousand at a time: databases take only so many values in one question."""
    listed = list(values)
    return (listed[at : at + 1000] for at in range(0, len(listed), 1000))


async def _listed(session: Session, contacts: Collection[int]) -> set[tuple[int, int]]:
    table = seen.table
    found = set[tuple[int, int]]()
    for some in _chunks(contacts):
        query = sa.select(table.c.a, table.c.b).where(table.c.what == What.LINK.value, table.c.b.in_(some))
        found.update((pupil, contact) for pupil, contact in await session.execute(query))
    return found


def _ties(*more: sa.ColumnElement[str]) -> sa.Select[tuple[object, ...]]:
    named = [PUPIL.c[name].label(f"pupil_{name}") for name in ("source_id", "upn", "forename", "surname", "born")]
    return (
        sa.select(LINK, *named, CONTACT.c.source_id, CONTACT.c.forename, CONTACT.c.surname, *more)
        .join(PUPIL, PUPIL.c.id == LINK.c.pupil_id)
        .join(CONTACT, CONTACT.c.id == LINK.c.contact_id)
    )


def _fresh() -> list[tuple[What, sa.Select[tuple[object, ...]]]]:
    """The ties that this import made, and those to one end of which it gave another name, where no row of it answers
    whether there is a court order. What a person decided about a tie stays decided.
    """
    new = seen.table
    open_ones = _ties(new.c.c.label("place")).where(~LINK.c.no_contact, LINK.c.bar_confirmed_at.is_(None), ~_answered())
    ends = {
        What.LINK_NEW: (new.c.a == LINK.c.pupil_id) & (new.c.b == LINK.c.contact_id),
        What.PUPIL_RENAMED: new.c.a == LINK.c.pupil_id,
        What.CONTACT_RENAMED: new.c.a == LINK.c.contact_id,
    }
    return [(what, open_ones.join(new, end & (new.c.what == what.value))) for what, end in ends.items()]


def _answered() -> sa.ColumnElement[bool]:
    mark = seen.table.alias("answered")
    same = (mark.c.a == LINK.c.pupil_id) & (mark.c.b == LINK.c.contact_id)
    return sa.exists().where(mark.c.what == What.LINK_ANSWERED.value, same)


def _tie(row: sa.RowMapping, addresses: Iterable[str]) -> Tie:
    names = (row["pupil_forename"], row["pupil_surname"])
    child = Child(row["pupil_id"], row["pupil_source_id"], row["pupil_upn"], *names, row["pupil_born"])
    name = identity.folded(f"{row['forename']} {row['surname']}")
    bar = {column: row[column] for column in bars.COLUMNS}
    place = row.get("place") or ""
    return Tie(row["id"], child, row["contact_id"], row["source_id"], name, frozenset(addresses), bar, place)


def _warning(tie: Tie, bar: Tie, how: str) -> Problem:
    child = "this pupil" if bar.child.id == tie.child.id else f"{bar.child.label}, who may be the same child"
    line, _, file = tie.place.partition(" ")
    what = f"Contact {tie.source_id} {how} barred from {child}. The contact was barred from {tie.child.label}."
    return Problem(what, CURE, file, int(line))
