"""Whose language nobody knows and which one is likely, and on which phones they can be asked for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Final

import sqlalchemy as sa

from gateway import guard, people
from gateway.database import Session
from gateway.guard import menus
from gateway.models import Contact, ContactPoint, Guardianship, Message, PointKind, Pupil
from gateway.models.types import core
from templates import languages

OPEN_FOR: Final = menus.OPEN_FOR


def never_asked() -> sa.ColumnElement[bool]:
    """Whether a contact was never asked; a question that did not leave was none."""
    contact, question = core(Contact).c, core(Message).alias("question")
    unsent = sa.select(question.c.id).where(
        question.c.contact_id == contact.id,
        question.c.only_if == guard.BESIDE,
        question.c.created_at == contact.languages_asked_at,
        question.c.state.in_(menus.NOT_SENT),
    )
    return sa.or_(contact.languages_asked_at.is_(None), unsent.correlate(core(Contact)).exists())


async def languages_of(session: Session, contact_ids: Collection[int], *, today: date) -> dict[int, str]:
    """The likely language of those who were never asked and have not chosen what they read.

    It is what staff or a reply suggest, else the one home language of all of their children, where nothing is on file.
    """
    contact, tie, pupil = core(Contact).c, core(Guardianship).c, core(Pupil).c
    unknown = sa.or_(contact.languages_confirmed_at.is_(None), contact.written_language == "")
    never = (unknown, never_asked(), ~contact.deceased)
    known = (contact.id, contact.written_language, contact.likely_language)
    homes = sa.func.count(sa.distinct(pupil.home_language))
    query = (
        sa.select(
            contact.id, contact.written_language, contact.likely_language, homes, sa.func.max(pupil.home_language)
        )
        .outerjoin(core(Guardianship), tie.contact_id == contact.id)
        .outerjoin(core(Pupil), sa.and_(pupil.id == tie.pupil_id, people.on_roll(today)))
        .where(people.among(people.dialect(session), contact.id), *never)
        .group_by(*known)
    )
    found = dict[int, str]()
    for one, reads, suggested, kinds, home in await session.execute(query, {"ids": people.packed(contact_ids)}):
        tag = suggested or (home if kinds == 1 and not reads else "")
        if tag and tag != (reads or languages.ENGLISH):
            found[one] = tag
    return found


async def free(
    session: Session, addresses: Iterable[str], *, now: datetime, kind: PointKind = PointKind.PHONE
) -> set[str]:
    """Those phones (or mailboxes) that are one contact's alone, and where no menu of ours may still be answered."""
    wanted = sorted(addresses)
    if not wanted:
        return set()
    point, message = core(ContactPoint).c, core(Message)
    alone = (
        sa.select(point.address)
        .where(point.address.in_(wanted), point.kind == kind)
        .group_by(point.address)
        .having(sa.func.count(sa.distinct(point.contact_id)) == 1)
    )
    asked = sa.select(message.c.address).where(
        message.c.address.in_(wanted),
        message.c["keys"] != "",
        message.c.created_at > now - OPEN_FOR,
        message.c.state.in_(menus.OPEN),
    )
    return set(await session.scalars(alone)) - set(await session.scalars(asked))
