"""What an import changed, row by row, for people: read back out of its ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from gateway.database import Session
from gateway.importing import confirmed
from gateway.importing import ledger as ledgers
from gateway.importing.report import BOOKKEEPING, TABLES
from gateway.models import Contact, ContactPoint, Guardianship, ImportChange, Membership, Pupil, PupilGroup
from gateway.models.types import core

CHANGES = core(ImportChange)
PUPIL, CONTACT, LINK = core(Pupil), core(Contact), core(Guardianship)
POINT, MEMBERSHIP, GROUP = core(ContactPoint), core(Membership), core(PupilGroup)
SHOWN = {table.name: table for table in (PUPIL, CONTACT, LINK, POINT, MEMBERSHIP)}
KINDS = {table: kind for kind, table in TABLES.items()}

NEW, CHANGED, GONE = "new", "changed", "gone"
_ADDRESSES = frozenset({"address", "postal_address"})
_LONGEST = 40  #: characters of a value that are shown
PAGE = 100  #: lines of the ledger that are in memory at once; one may stand for a thousand rows


@dataclass(frozen=True, slots=True)
class Difference:
    """One row. ``kind`` as in a report's counts, ``name`` for people; ``fields`` before and after, by column.

    Telephone numbers and mailboxes are masked.
    """

    kind: str
    how: str
    name: str
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    def __str__(self) -> str:
        columns = ", ".join(name.replace("_", " ") for name in self.fields if name not in BOOKKEEPING)
        return f"{self.how}: {self.name}{f' ({columns})' if columns else ''}"

    def changes(self) -> str:
        """What became what, as ``form 2A → 3B``; of phones, mailboxes and postal addresses only that they changed."""
        said = list[str]()
        for name, (before, after) in self.fields.items():
            if name not in BOOKKEEPING:
                shown = "" if name in _ADDRESSES else f" {_said(before)} → {_said(after)}"
                said.append(f"{name.replace('_', ' ')}{shown}")
        return ", ".join(said)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or not (text := str(value)):
        return "nothing"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


async def every(session: Session, import_id: int) -> AsyncIterator[Difference]:
    """All that an import changed, in the order in which it did so."""
    query = sa.select(CHANGES).where(CHANGES.c.import_id == import_id, CHANGES.c.table_name.in_(SHOWN))
    query = query.order_by(CHANGES.c.id).limit(PAGE)
    page = (await session.execute(query)).mappings().all()
    while page:
        for lines in _portions(page):
            for difference in await _read(session, lines):
                yield difference
        page = (await session.execute(query.where(CHANGES.c.id > page[-1]["id"]))).mappings().all()


async def examples(session: Session, import_id: int, *, each: int) -> list[Difference]:
    """A few of every sort."""
    inserted, removed = CHANGES.c.row_id.is_(None) & CHANGES.c.before.is_(sa.null()), CHANGES.c.after.is_(sa.null())
    changed = CHANGES.c.after.is_not(sa.null())
    found: list[Difference] = []
    for table in SHOWN:
        for condition in (inserted, changed, removed & ~inserted):
            query = sa.select(CHANGES).where(CHANGES.c.import_id == import_id, CHANGES.c.table_name == table, condition)
            lines = (await session.execute(query.order_by(CHANGES.c.id).limit(each))).mappings().all()
            found += (await _read(session, [{**line, "keys": line["keys"][:each]} for line in lines]))[:each]
    return found


def _portions(page: Sequence[sa.RowMapping]) -> Iterator[list[sa.RowMapping]]:
    """Lines of one row together, and those of many rows each alone."""
    for many, found in groupby(page, key=lambda line: len(line["keys"]) > 1):
        lines = list(found)
        yield from ([line] for line in lines) if many else [lines]


def _how(line: Mapping[str, Any] | sa.RowMapping) -> str:
    if line["before"] is None:
        return NEW
    return GONE if line["after"] is None else CHANGED


async def _read(session: Session, lines: Sequence[Mapping[str, Any] | sa.RowMapping]) -> list[Difference]:
    """Lines of the ledger with the names of those whom they are about."""
    rows = list[tuple[Mapping[str, Any] | sa.RowMapping, Mapping[str, Any]]]()
    for line in lines:
        table = SHOWN[line["table_name"]]
        if _how(line) == GONE:
            rows.append((line, line["before"]))
        else:
            query = sa.select(table).where(ledgers.among(table, line["keys"]))
            rows += [(line, dict(row)) for row in (await session.execute(query)).mappings()]
    names = await _names(session, rows)
    return [
        Difference(KINDS[line["table_name"]], _how(line), _name(line["table_name"], row, names), _fields(line))
        for line, row in rows
    ]


Names = Mapping[str, Mapping[int, str]]  #: by table and id


async def _names(
    session: Session, rows: Sequence[tuple[Mapping[str, Any] | sa.RowMapping, Mapping[str, Any]]]
) -> Names:
    wanted: dict[str, set[int]] = {table.name: set() for table in (PUPIL, CONTACT, GROUP)}
    for line, row in rows:
        if line["table_name"] in wanted:
            wanted[line["table_name"]].add(row["id"])
        for name, ids in wanted.items():
            column = "group_id" if name == GROUP.name else f"{name}_id"
            ids.update([row[column]] if column in row else [])
    found: dict[str, dict[int, str]] = {}
    for table in (PUPIL, CONTACT):
        people = sa.select(table.c.id, table.c.source_id, table.c.forename, table.c.surname)
        found[table.name] = {
            one.id: " ".join(part for part in (one.forename, one.surname, f"({one.source_id})") if part)
            for one in await session.execute(people.where(table.c.id.in_(wanted[table.name])))
        }
    groups = await session.execute(sa.select(GROUP.c.id, GROUP.c.name).where(GROUP.c.id.in_(wanted[GROUP.name])))
    return found | {GROUP.name: {one.id: one.name for one in groups}}


def _name(table: str, row: Mapping[str, Any], names: Names) -> str:
    def called(table: sa.Table, id_: int) -> str:
        return names[table.name].get(id_, f"{table.name} {id_}")

    if table == LINK.name:
        return f"{called(CONTACT, row['contact_id'])}, contact of {called(PUPIL, row['pupil_id'])}"
    if table == POINT.name:
        return f"{confirmed.called(row)} of {called(CONTACT, row['contact_id'])}"
    if table == MEMBERSHIP.name:
        return f"{called(PUPIL, row['pupil_id'])} in {called(GROUP, row['group_id'])}"
    return called(SHOWN[table], row["id"])


def _fields(line: Mapping[str, Any] | sa.RowMapping) -> dict[str, tuple[Any, Any]]:
    if _how(line) != CHANGED:
        return {}
    return {name: (line["before"][name], line["after"][name]) for name in line["after"]}
