"""What must outlive the undoing of an import: whatever proves something, was decided, or leans on what would go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateway.database import Session
from gateway.importing import bars, confirmed
from gateway.importing.rows import Values
from gateway.models import (
    About,
    Contact,
    ContactPoint,
    Conversation,
    Guardianship,
    ImportChange,
    ImportConflict,
    ImportRun,
    Membership,
    Message,
    PointState,
    Pupil,
    PupilGroup,
    Reply,
)
from gateway.models.types import core

PUPIL, CONTACT, LINK, POINT = core(Pupil), core(Contact), core(Guardianship), core(ContactPoint)
GROUP, MEMBERSHIP, CONFLICT = core(PupilGroup), core(Membership), core(ImportConflict)
ABOUT, MESSAGE, REPLY, CONVERSATION = core(About), core(Message), core(Reply), core(Conversation)
CHANGES, RUNS = core(ImportChange), core(ImportRun)

Reason = tuple[sa.ColumnElement[bool], str]


def _reasons(table: sa.Table) -> list[Reason]:
    """The conditions under which an inserted row of a table stays, each with its words."""

    def uses(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
        return sa.exists().where(column == table.c.id)

    if table is PUPIL:
        return [
            (uses(ABOUT.c.pupil_id), "there are messages about this pupil"),
            (uses(LINK.c.pupil_id) | uses(MEMBERSHIP.c.pupil_id), "something else is tied to this pupil"),
        ]
    if table is CONTACT:
        heard = uses(MESSAGE.c.contact_id) | uses(REPLY.c.contact_id) | uses(CONVERSATION.c.contact_id)
        return [
            (heard, "this contact was written to, or has written"),
            (table.c.languages_confirmed_at.is_not(None), "this family has chosen its languages"),
            (uses(LINK.c.contact_id) | uses(POINT.c.contact_id), "something else is tied to this contact"),
        ]
    if table is POINT:
        said = (table.c.state != PointState.UNPROVEN) | (table.c.strikes > 0) | table.c.last_bad_at.is_not(None)
        return [
            (uses(MESSAGE.c.contact_point_id), "messages went there"),
            (said | table.c.last_good_at.is_not(None), "there is evidence about it"),
            (table.c.confirmed_at.is_not(None), "the family has confirmed it"),
        ]
    if table is LINK:
        return [(table.c.bar_confirmed_at.is_not(None), "the school has decided about its bar")]
    if table is GROUP:
        return [(uses(MEMBERSHIP.c.group_id), "pupils are in this group")]
    if table is CONFLICT:
        return [(table.c.answered_at.is_not(None), "it was answered")]
    return []


async def needed(session: Session, table: sa.Table, keys: Sequence[Any], *, since: int) -> dict[Any, str]:
    """Which of these inserted rows must stay, each with a sentence that says why."""
    found: dict[Any, str] = {}
    if not keys or table is MEMBERSHIP:
        return found
    changed = sa.exists().where(
        CHANGES.c.table_name == table.name,
        CHANGES.c.row_id == table.c.id,
        CHANGES.c.import_id > since,
        RUNS.c.id == CHANGES.c.import_id,
        RUNS.c.undone_at.is_(None),
    )
    for condition, words in [(changed, "a later import has changed it"), *_reasons(table)]:
        query = sa.select(table).where(table.c.id.in_(keys), condition)
        for row in (await session.execute(query)).mappings():
            found.setdefault(row["id"], f"{named(table, row)} stays: {words}.")
    return found


async def hindrance(session: Session, table: sa.Table, row: Values) -> str:
    """Why a removed row cannot come back, ``""`` when it can."""
    for column, parent in (("pupil_id", PUPIL), ("contact_id", CONTACT), ("group_id", GROUP)):
        if column in row and not await session.scalar(sa.select(parent.c.id).where(parent.c.id == row[column])):
            return f"{named(table, row)} cannot come back: {parent.name.replace('_', ' ')} {row[column]} is gone."
    unique = next(iter(_unique(table)), [])
    same = [table.c[name] == row[name] for name in unique]
    if same and (await session.execute(sa.select(*table.primary_key.columns).where(*same))).first():
        return f"{named(table, row)} is on file again already."
    return ""


async def tie_messages(session: Session, table: sa.Table, row: Values) -> None:
    """Let the messages that went to a phone or mailbox know it again, now that it is back."""
    if table is not POINT:
        return
    where = (POINT.c.contact_id == row["contact_id"]) & (POINT.c.address == row["address"])
    point = sa.select(POINT.c.id).where(where, POINT.c.kind == row["kind"]).scalar_subquery()
    lost = (MESSAGE.c.contact_id == row["contact_id"]) & (MESSAGE.c.address == row["address"])
    await session.execute(
        sa.update(MESSAGE).where(lost, MESSAGE.c.contact_point_id.is_(None)).values(contact_point_id=point)
    )


async def held(
    session: Session, table: sa.Table, row: sa.RowMapping, before: Mapping[str, Any], *, since: datetime
) -> Set[str]:
    """The columns that are no undoing's to change: decided since the import, or an id that another row has by now."""
    stamps = {CONTACT: ("languages_confirmed_at", confirmed.LANGUAGES), LINK: ("bar_confirmed_at", bars.COLUMNS)}
    found = set[str]()
    if table in stamps:
        stamp, columns = stamps[table]
        if row[stamp] is not None and row[stamp] > since:
            found.update(columns)
    if "source_id" in before:
        other = sa.select(table.c.id).where(table.c.source_id == before["source_id"], table.c.id != row["id"])
        if await session.scalar(other) is not None:
            found.add("source_id")
    return found


def named(table: sa.Table, row: Mapping[str, Any] | sa.RowMapping) -> str:
    """A row for people."""
    if table is POINT and "address" in row:
        return f"The {confirmed.called(row)} of contact {row['contact_id']}"
    if table in (PUPIL, CONTACT) and "source_id" in row:
        return f"{table.name.capitalize()} {row['source_id']}, {row['forename']} {row['surname']}"
    if table is LINK and "pupil_id" in row:
        return f"The tie of contact {row['contact_id']} to pupil {row['pupil_id']}"
    return f"{table.name.replace('_', ' ').capitalize()} {row.get('name') or row.get('id') or ''}".strip()


def _unique(table: sa.Table) -> list[list[str]]:
    """The columns by which rows of a table are known beside their ids."""
    if table is MEMBERSHIP:
        return [["pupil_id", "group_id"]]
    found = [one for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
    return [[column.name for column in one.columns] for one in found]
