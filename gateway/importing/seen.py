"""What the files have mentioned so far: a table of the transaction, so that a file may be larger than memory.

It answers two questions. Has this import said something about this pupil or contact already (then the first row
stands, and importing the same files again changes nothing)? And at the end: what do the files no longer mention?
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

import sqlalchemy as sa

from gateway import enclosure, upsert
from gateway.database import Session


def _table(kind: str) -> sa.Table:
    return sa.Table(
        "import_seen",
        sa.MetaData(),
        sa.Column("what", sa.String, primary_key=True),
        sa.Column("a", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("b", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("c", sa.String, primary_key=True),
        prefixes=[kind],
    )


table = _table("TEMPORARY")
#: A school of a trust may make no temporary table, as its walls have it, but tables in a schema of its own.
_of_a_school = _table("UNLOGGED")


class What(StrEnum):
    """What a mark means, and what its ``a``, ``b`` and ``c`` are."""

    PUPIL = "pupil"  #: a = pupil
    GROUPED = "grouped"  #: a = pupil whose groups are listed, c = who lists them
    MEMBER = "member"  #: a = pupil, b = group
    LINK = "link"  #: a = pupil, b = contact
    LINK_NEW = "link_new"  #: a = pupil, b = contact, c = line and file of the row that tied them
    LINK_ANSWERED = "link_answered"  #: a = pupil, b = contact whose row says whether there is a court order
    LINK_LOST = "link_lost"  #: a = pupil whose contacts are not all known: one could not be taken, or only changes come
    PUPIL_RENAMED = "pupil_renamed"  #: a = pupil under whose id the file has another name, c = line and file
    CONTACT_RENAMED = "contact_renamed"  #: the same of a contact
    CONTACT = "contact"  #: a = contact, c = the kinds of points that the file has columns for, such as «phone email»
    CONTACT_SAID = "contact_said"  #: a = contact of whom a row of its own has said who it is
    POINT = "point"  #: a = contact, c = address
    POINT_LOST = "point_lost"  #: a = contact whose telephones and mailboxes are not all known, for either reason


@asynccontextmanager
async def opened(session: Session) -> AsyncIterator[None]:
    """The table, for the length of an import. A rollback takes it away as well."""
    connection = await session.connection()
    await connection.run_sync(_create)
    yield
    await connection.run_sync(table.drop)


def _create(connection: sa.Connection) -> None:
    made = _of_a_school if enclosure.whose(connection) else table
    made.create(connection)


async def mark(session: Session, what: What, found: Iterable[tuple[int, int, str]]) -> None:
    """Write down what was mentioned."""
    await upsert.add(session, table, [(what.value, a, b, c) for a, b, c in dict.fromkeys(found)])


async def marks(session: Session, what: What, ids: Collection[int]) -> Sequence[tuple[int, int, str]]:
    """The marks of one sort whose ``a`` is among the ids."""
    if not ids:
        return []
    query = sa.select(table.c.a, table.c.b, table.c.c).where(table.c.what == what.value, table.c.a.in_(ids))
    return [(a, b, c) for a, b, c in await session.execute(query)]


def listed(
    what: What,
    a: sa.ColumnElement[int],
    *,
    b: sa.ColumnElement[int] | None = None,
    c: sa.ColumnElement[str] | None = None,
    word: str = "",
) -> sa.ColumnElement[bool]:
    """The condition that ``a`` was mentioned; together with ``b`` or ``c``, or a ``c`` with the word, where given."""
    condition = sa.exists().where(table.c.what == what.value, table.c.a == a)
    condition = condition if b is None else condition.where(table.c.b == b)
    condition = condition if c is None else condition.where(table.c.c == c)
    return condition.where(table.c.c.contains(word)) if word else condition
