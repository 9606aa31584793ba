"""A person is erased: what is theirs goes or is emptied, what the law needs stays and names nobody.

The audit log holds ids and reasons and stays as it is, so that its chain is still whole. (UK GDPR article 17)
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway import audit, context, errors, suppressing
from gateway.database import Database, Session
from gateway.importing import runs as imports
from gateway.models import Contact, ContactPoint, Guardianship, ImportChange, ImportConflict, MessageState, Pupil
from gateway.models.types import core
from gateway.privacy import belongings, holdings, wiping
from gateway.privacy.belongings import Person, Row
from gateway.privacy.holdings import Kind

ERASED: Final = "person.erased"
_GONE = "(erased)"
_SHELL: Final = "erased:"  #: how the source id of a row begins that only stands where somebody was
_ON_ITS_WAY = (MessageState.SENDING, MessageState.UNKNOWN)
_WAITING = (MessageState.QUEUED, MessageState.HELD)
#: Why something stays, by table; what is left of it names nobody.
STAYS: Final = {
    "audit": "The log of deeds stays, as proof: it holds ids and reasons, no names, numbers or words.",
    "mark": "Marks of the register stay without comments, as the attendance regulations ask for them.",
    "absence_case": "That a child was looked for stays, with its times and codes: it is part of keeping children safe.",
    "message": "That a message went, when and of which kind, stays without words and number.",
    "reply": "That an answer came stays, without its words.",
    "opt_out": "Opt-outs, of one topic too, stay as a keyed hash: they hold again, should that number come back.",
}


@dataclass(slots=True)
class Plan:
    """What erasing somebody does. Tables by the number of rows."""

    person: Person
    goes: dict[str, int] = field(default_factory=dict)
    emptied: dict[str, int] = field(default_factory=dict)
    stays: list[str] = field(default_factory=list)
    minds: list[str] = field(default_factory=list)
    wiped: int = 0


async def plan(session: Session, gateway: context.Gateway, person: Person) -> Plan:
    """What would go and what would stay.

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` with the reason why somebody cannot be erased (yet).
    """
    own = await belongings.load(session, person)
    await _refuse(session, gateway, own)
    rows = await belongings.of(session, gateway, person)
    if any(row["state"] in _ON_ITS_WAY for row in rows.get("message", [])):
        raise errors.Conflict("A message is on its way just now. Try again in some minutes.")
    found = Plan(person)
    for name, theirs in rows.items():
        if _goes(person, name):
            found.goes[name] = len(theirs)
        elif _emptied(person, name):
            found.emptied[name] = len(theirs)
    if await _stops(session, await _addresses(session, gateway, person, rows)):
        found.goes["opt_out"] = 1
    found.stays = [why for name, why in STAYS.items() if name in rows or name in found.goes or name == "audit"]
    found.minds.append("Take them out of the school's own records first, or the next import brings them back.")
    if not gateway.database.is_sqlite:
        found.minds.append("PostgreSQL overwrites what was deleted when it is vacuumed; backups keep it until they go.")
    else:
        found.minds.append("Backups that were made before keep them until they are deleted.")
    return found


async def erase(session: Session, gateway: context.Gateway, person: Person, *, by: str, why: str) -> Plan:
    """Erase somebody, in the caller's transaction. :func:`scour` goes after it."""
    await imports.wait(session)
    own = await belongings.load(session, person, lock=True)
    found = await plan(session, gateway, person)
    rows = await belongings.of(session, gateway, person)
    addresses = await _addresses(session, gateway, person, rows)
    named = await wiping.names(session, own, addresses)
    await _cancel(session, rows.get("message", []), now=gateway.now())
    if addresses:
        await session.run_sync(lambda plain: suppressing.suppress(plain.connection(), addresses, sign=gateway.log.sign))
    await _imports(session, person, rows)
    for name in reversed(rows):
        if name == person.kind:
            continue
        if _goes(person, name):
            await _delete(session, name, rows[name])
        elif columns := _emptied(person, name):
            await _empty(session, name, rows[name], columns)
    await _leave_a_shell(session, gateway, own)
    await session.flush()
    found.wiped = await wiping.wipe(session, named)
    facts = {"gone": sum(found.goes.values()), "emptied": sum(found.emptied.values()), "why": why}
    await gateway.log.record(session, audit.Line(ERASED, person.subject, facts, by), now=gateway.now())
    return found


def is_erased(own: Contact | Pupil) -> bool:
    """Whether only the row is left of somebody."""
    return own.source_id.startswith(_SHELL)


async def scour(database: Database) -> None:
    """Leave nothing of what was deleted in the file: SQLite only marks it as free, and keeps it in its log of changes.

    Raises :class:`errors.Conflict` where somebody reads or writes for too long.
    """
    if not database.is_sqlite or not database.url.database:
        return
    try:
        await asyncio.to_thread(_vacuum, database.url.database)
    except sqlite3.OperationalError as error:
        sentence = f"They are erased, but the file still holds what is free in it ({error}). Run it again at night."
        raise errors.Conflict(sentence) from None


def _vacuum(path: str) -> None:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


async def _refuse(session: Session, gateway: context.Gateway, own: Contact | Pupil) -> None:
    today, tie = gateway.today(), core(Guardianship).c
    if isinstance(own, Pupil):
        if own.left_on is None or own.left_on >= today:
            raise errors.Conflict(f"Pupil {own.id} is on roll: the law wants a child at the school on file.")
        return
    bars = sa.select(tie.pupil_id).where(tie.contact_id == own.id, tie.no_contact)
    if (barred := await session.scalar(bars.limit(1))) is not None:
        raise errors.Conflict(
            f"Contact {own.id} must not hear of pupil {barred}: without them on file, nothing would stop that. "
            f"Where the order is over: handbell contact lift."
        )


def _goes(person: Person, name: str) -> bool:
    return holdings.HOLDINGS[name].goes


def _emptied(person: Person, name: str) -> list[str]:
    """The columns to empty. In what was written about a child, a parent's number is the parent's."""
    columns = holdings.HOLDINGS[name].columns
    spared = {Kind.ADDRESS} if person.kind == belongings.PUPIL else set()
    return [column for column, kind in columns.items() if kind not in spared]


async def _addresses(
    session: Session, gateway: context.Gateway, person: Person, rows: dict[str, list[Row]]
) -> list[str]:
    """Their numbers and mailboxes that nobody else on file has, nor the school."""
    if person.kind != belongings.CONTACT:
        return []
    own = {row["address"] for name in ("contact_point", "new_detail") for row in rows.get(name, [])}
    point = core(ContactPoint).c
    others = sa.select(point.address).where(point.address.in_(own), point.contact_id != person.id)
    return sorted(own - set(await session.scalars(others)) - await belongings.of_the_school(session, gateway))


async def _stops(session: Session, addresses: Sequence[str]) -> bool:
    """Whether these phones and mailboxes have told us to stop, all or one topic."""
    tables = [SQLModel.metadata.tables[name] for name in ("opt_out", "preference")]
    of_each = [sa.select(t.c.id).where(t.c.address.in_(addresses)).limit(1) for t in tables]
    return any([await session.scalar(query) is not None for query in of_each])


async def _cancel(session: Session, messages: Sequence[Row], *, now: Any) -> None:
    table = SQLModel.metadata.tables["message"]
    waiting = [row["id"] for row in messages if row["state"] in _WAITING]
    values = {"state": MessageState.CANCELLED, "reason": "erased", "changed_at": now, "lease_until": None}
    for message_id in waiting:
        await session.execute(sa.update(table).where(table.c.id == message_id).values(values))


async def _imports(session: Session, person: Person, rows: dict[str, list[Row]]) -> None:
    """What imports remember of them, to undo it or to ask about it."""
    change, conflict = core(ImportChange), core(ImportConflict)
    subjects = [f"{name}:{row['id']}" for name in rows for row in rows[name] if "id" in row]
    for start in range(0, len(subjects), 500):
        await session.execute(sa.delete(conflict).where(conflict.c.subject.in_(subjects[start : start + 500])))
    for name, theirs in rows.items():
        ids = [row["id"] for row in theirs if isinstance(row.get("id"), int)]
        for start in range(0, len(ids), 500):
            mine = sa.and_(change.c.table_name == name, change.c.row_id.in_(ids[start : start + 500]))
            await session.execute(sa.delete(change).where(mine))
    gone = sa.select(change.c.id, change.c.before).where(change.c.before.is_not(None))  # of rows that are no more
    for row in await session.execute(gone):
        if row.before.get(f"{person.kind}_id") == person.id:
            await session.execute(sa.delete(change).where(change.c.id == row.id))


async def _delete(session: Session, name: str, rows: Sequence[Row]) -> None:
    table = SQLModel.metadata.tables[name]
    for row in rows:
        await session.execute(sa.delete(table).where(*(column == row[column.name] for column in table.primary_key)))


async def _empty(session: Session, name: str, rows: Sequence[Row], columns: Sequence[str]) -> None:
    table = SQLModel.metadata.tables[name]
    for row in rows:
        values = {column: _nothing(table.c[column], row) for column in columns}
        if name == "conversation":
            values["left_at"] = row["left_at"] or row["last_at"]  # whoever has the number now begins another one
        await session.execute(
            sa.update(table).where(*(column == row[column.name] for column in table.primary_key)).values(values)
        )


def _nothing(column: sa.Column[Any], row: Row) -> Any:
    """What a column holds that tells nothing; where two rows may not have the same, something of their own."""
    if column.nullable:
        return None
    if isinstance(column.type, sa.JSON):
        return [] if isinstance(row[column.name], list) else {}
    if isinstance(column.type, sa.LargeBinary):
        return b""
    if column.name in ("slot", "household"):
        return f"erased:{row['id']}"
    return ""


async def _leave_a_shell(session: Session, gateway: context.Gateway, own: Contact | Pupil) -> None:
    """The row itself stays, as others hang on it that the law wants: with nothing in it."""
    empty: dict[str, Any] = {"source_id": f"{_SHELL}{own.id}", "surname": _GONE, "forename": ""}
    if isinstance(own, Pupil):
        empty |= {"upn": "", "known_as": "", "born": None, "form": "", "year": "", "home_language": ""}
        empty["left_on"] = own.left_on or gateway.today() - timedelta(days=1)
    else:
        empty |= {"title": "", "postal_address": "", "written_language": "", "spoken_language": "",
                  "further_languages": "", "likely_language": "", "likely_because": "", "marketing_consent": False,
                  "interpreter": False}  # fmt: skip
    for name, value in empty.items():
        setattr(own, name, value)
    session.add(own)
