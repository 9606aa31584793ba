"""A bar must outlive new ids: new systems number pupils and contacts anew, and people respell names.

Whenever the files tie a contact to a pupil for the first time and do not answer the court-order column, the tie is
held against every bar there is, and against those there were before the import changed names and ids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from gateway import upsert
from gateway.database import Session
from gateway.errors import Problem
from gateway.importing import bars, identity, seen
from gateway.importing.identity import Child
from gateway.importing.report import Report
from gateway.importing.rows import Values
from gateway.importing.seen import What
from gateway.models import Contact, ContactPoint, Guardianship, Pupil
from gateway.models.types import core

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


async def carry(session: Session, report: Report, before: Iterable[Tie]) -> None:
    """Bar each new tie that may be a barred one under another id or name, and warn of it.

    ``before`` are the ties that were barred before the import. A tie for which the files say No is left alone.
    """
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
    for tie, bar, how in sure:
        if tie.id not in changes:
            report.warn(_warning(tie, bar, how))
        changes[tie.id] = bars.widest(changes.get(tie.id, bar.bar), bar.bar)
    await upsert.change(session, LINK, [{"id": id_} | bar for id_, bar in changes.items()])


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
    holders = sa.select(POINT.c.contact_id, POINT.c.address).where(POINT.c.address.in_(list(by_address)))
    addresses: dict[int, set[str]] = {}
    for contact, address in await session.execute(holders):
        addresses.setdefault(contact, set()).add(address)
    sure, shared = list[Suspect](), list[Suspect]()
    for row in (await session.execute(_fresh())).mappings():
        tie = _tie(row, addresses.get(row["contact_id"], ()))
        sure += [(tie, bar, BY_ID) for bar in by_contact.get(tie.contact, ()) if bar.child.may_be(tie.child)]
        sure += [(tie, bar, BY_NAME) for bar in by_name.get(tie.name, ()) if bar.child.may_be(tie.child)]
        for address in sorted(tie.addresses):
            shared += [(tie, bar, BY_ADDRESS) for bar in by_address[address] if bar.child.may_be(tie.child)]
    return sure, shared


async def _listed(session: Session, contacts: Collection[int]) -> set[tuple[int, int]]:
    table = seen.table
    query = sa.select(table.c.a, table.c.b).where(table.c.what == What.LINK.value, table.c.b.in_(contacts))
    return {(pupil, contact) for pupil, contact in await session.execute(query)}


def _ties(*more: sa.ColumnElement[str]) -> sa.Select[tuple[object, ...]]:
    named = [PUPIL.c[name].label(f"pupil_{name}") for name in ("source_id", "upn", "forename", "surname", "born")]
    return (
        sa.select(LINK, *named, CONTACT.c.source_id, CONTACT.c.forename, CONTACT.c.surname, *more)
        .join(PUPIL, PUPIL.c.id == LINK.c.pupil_id)
        .join(CONTACT, CONTACT.c.id == LINK.c.contact_id)
    )


def _fresh() -> sa.Select[tuple[object, ...]]:
    """The ties that this import made, and for which no row of it answers whether there is a court order."""
    new = seen.table
    return (
        _ties(new.c.c.label("place"))
        .join(new, (new.c.a == LINK.c.pupil_id) & (new.c.b == LINK.c.contact_id))
        .where(new.c.what == What.LINK_NEW.value, ~LINK.c.no_contact)
        .where(~_answered())
        .order_by(LINK.c.id)
    )


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
