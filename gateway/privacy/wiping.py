"""Whoever is erased, in what others wrote: in a notice's title, a note, a task. Whole names, numbers, mailboxes go.

A name that somebody else on file bears too stays: nobody could tell whom it means, and it is theirs.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import unquote_plus

import sqlalchemy as sa
from sqlalchemy.orm import Mapped
from sqlmodel import SQLModel, col, select
from sqlmodel.sql.sqltypes import AutoString

from gateway.database import Session
from gateway.models import Contact, Inbound, Pupil
from gateway.privacy import holdings
from gateway.privacy.holdings import Clock

_INSTEAD: Final = "[erased]"
_PROOF: Final = (Clock.STAFF, Clock.ALWAYS)
_PHONE: Final = re.compile(r"\+[0-9]+")
_PARTS: Final = " \u00a0().-"  #: by what people part the digits of a number
_SENDS_AS: Final = frozenset(
    {("sender", "address"), ("sender", "account")}
)  #: the school's own, however a parent is called


async def names(session: Session, own: Contact | Pupil, addresses: Iterable[str]) -> list[str]:
    """What names them and nobody else, the longest first. ``addresses`` are those that nobody else has."""
    whole = set(_called(own))
    for other in await _of_the_same_surname(session, own):
        theirs = {name.casefold() for name in _called(other)}
        whole = {name for name in whole if name.casefold() not in theirs}
    found = whole | set(addresses)
    if isinstance(own, Pupil) and own.upn:
        found.add(own.upn)
    return sorted(found, key=len, reverse=True)


async def _of_the_same_surname(session: Session, own: Contact | Pupil) -> list[Contact | Pupil]:
    contacts = await session.scalars(select(Contact).where(_is(col(Contact.surname), own.surname)))
    pupils = await session.scalars(select(Pupil).where(_is(col(Pupil.surname), own.surname)))
    return [other for other in (*contacts, *pupils) if other is not own]


def _is(column: Mapped[str], name: str) -> sa.ColumnElement[bool]:
    return sa.or_(column == name, sa.func.lower(column) == name.lower())


def _called(person: Contact | Pupil) -> list[str]:
    first = [person.forename, person.known_as] if isinstance(person, Pupil) else [person.forename, person.title]
    return [f"{name} {person.surname}" for name in first if name and person.surname]


async def wipe(session: Session, named: Sequence[str]) -> int:
    """Take them out, in capitals or small letters and however a number is spaced, but not out of longer words.

    It reads every table that may hold such words. Gives in how many places something went.
    """
    if not named:
        return 0
    whole = re.compile(rf"(?<!\w)(?:{'|'.join(map(_written, named))})(?!\w)", re.IGNORECASE)
    wiped = 0
    for table in SQLModel.metadata.sorted_tables:
        held = holdings.HOLDINGS[table.name]
        for name in held.columns if held.clock not in _PROOF else ():
            column = table.c[name]
            if column.primary_key or (table.name, name) in _SENDS_AS:
                continue
            if isinstance(column.type, sa.JSON | sa.String | AutoString):
                wiped += await _wipe(session, table, column, named, whole)
    return wiped + await _wipe_unread(session, whole)


def _written(name: str) -> str:
    """A pattern of it; of a number as people and providers write it: (07700) 900-123, 0044 7700 900123."""
    if not _PHONE.fullmatch(name):
        return re.escape(name)
    apart = f"[{re.escape(_PARTS)}]{{0,3}}"
    if not name.startswith("+44"):
        return rf"(?:\+|\(?00)?{apart}{apart.join(name[1:])}"
    return rf"(?:(?:\+|\(?00)?{apart}44{apart}0?|\(?0){apart}{apart.join(name[3:])}"


async def _wipe_unread(session: Session, whole: re.Pattern[str]) -> int:
    """A provider's call that nobody could read is kept as it came, in base64: it goes where they are in it."""
    wiped = 0
    unread = sa.select(col(Inbound.id), col(Inbound.event)).where(col(Inbound.kind) == "raw")
    for row_id, event in (await session.execute(unread)).all():
        came = base64.b64decode(event.get("body", "")).decode("utf-8", "replace")
        if whole.search(unquote_plus(f"{event.get('url', '')}\n{came}")):
            gone = sa.update(Inbound).where(col(Inbound.id) == row_id).values(event={}, raw={})
            await session.execute(gone)
            wiped += 1
    return wiped


async def _wipe(
    session: Session, table: sa.Table, column: sa.Column[Any], named: Sequence[str], whole: re.Pattern[str]
) -> int:
    find = sa.func.instr if session.get_bind().dialect.name == "sqlite" else sa.func.strpos
    text, small, wiped = sa.cast(column, sa.Text), sa.func.lower(sa.cast(column, sa.Text)), 0
    written = [json.dumps(name)[1:-1] for name in named] if isinstance(column.type, sa.JSON) else named
    # SQLite knows the small letters of A to Z alone: any other is found as it is on file.
    there = [sa.or_(find(text, name) > 0, find(small, name.lower()) > 0) for name in written]
    if phones := [name for name in named if _PHONE.fullmatch(name)]:
        bare: sa.ColumnElement[str] = text
        for part in (*_PARTS, r"\u00a0"):  # the last as JSON has it
            bare = sa.func.replace(bare, part, "")
        there += [find(bare, name.removeprefix("+44").removeprefix("+")) > 0 for name in phones]
    for *key, value in (await session.execute(sa.select(*table.primary_key, column).where(sa.or_(*there)))).all():
        if (without := _without(value, whole)) != value:
            row = [part == one for part, one in zip(table.primary_key, key, strict=True)]
            await session.execute(sa.update(table).where(*row).values({column.name: without}))
            wiped += 1
    return wiped


def _without(value: Any, whole: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return whole.sub(_INSTEAD, value)
    if isinstance(value, list):
        return [_without(one, whole) for one in value]
    if isinstance(value, dict):
        return {name: _without(one, whole) for name, one in value.items()}
    return value
