"""Whom the school reaches: each child by form, each message by the language of who should read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import cast

import sqlalchemy as sa

from gateway import people
from gateway.database import Session
from gateway.models import About, Contact, Message, MessageState, Pupil
from gateway.models.types import core
from gateway.reports import figures, rows
from templates import languages

_TOLD, _TAKEN, _POSTED, _TRIED, _NOTHING = 4, 3, 2, 1, 0

_LEFT = (MessageState.FAILED, MessageState.SENDING, MessageState.UNKNOWN)
_SUMS = ("messages", "arrived", "failed", "without", "own")
_WITHOUT = (MessageState.SKIPPED, MessageState.CANCELLED, MessageState.EXPIRED)


async def read(session: Session, period: figures.Period, *, default_language: str) -> figures.Report:
    """Count reach in these days."""
    forms = await _by_form(session, period)
    spoken = await _by_language(session, period, default_language)
    children = sum(int(row[1]) for row in forms)
    told = sum(_reached(row) for row in forms)
    says = [f"News of {told} of {children} children reached somebody who answers for them."]
    numbers = {"children": children, "reached": figures.share(told, children)}
    return figures.Report(
        "reach",
        "Reach",
        says,
        [_forms(forms), _languages(spoken), _people(await _told(session, period, default_language))],
        numbers,
    )


def _reached(row: Sequence[int | str]) -> int:
    return sum(int(count) for count in row[2:5])


def _forms(forms: Sequence[Sequence[int | str]]) -> figures.Table:
    columns = (
        "form", "children", "delivered", "taken by the provider", "by letter", "not delivered", "nothing sent",
        "reached",
    )  # fmt: skip
    shown = [[*row, figures.share(_reached(row), int(row[1]))] for row in figures.gathered(forms)]
    note = (
        "Each child once, by the best that became of any message about it. Not every network and no mailbox says that "
        "a message arrived: “taken by the provider” is the most that is known of those. “By letter” was posted; "
        "“nothing sent” has the reason on each message (barred, no number, stopped …)."
    )
    return figures.Table("Children by form", columns, shown, note, drawn="reached")


def _languages(spoken: Sequence[Sequence[int | str]]) -> figures.Table:
    columns = ("language", "contacts", "messages", "delivered or taken", "failed", "not sent", "in it", "in its words")
    shown = [[*row, figures.share(int(row[6]), int(row[3]))] for row in figures.gathered(spoken)]
    note = (
        "By the language that a contact reads, or hears in calls; “not sent” has the reason on each message (barred, "
        "no number, stopped …). “In it” are those delivered or taken that were in that language, and not in English."
    )
    return figures.Table("Messages by language", columns, shown, note, drawn="in its words")


def _people(told: Sequence[Sequence[int | str]]) -> figures.Table:
    columns = ("language", "contacts", "reached", "of all")
    shown = [[*row, figures.share(int(row[2]), int(row[1]))] for row in figures.gathered(told)]
    note = (
        "Contacts to whom something was to go, by the language that they read, and those to whom anything at all was "
        "delivered, or taken by the provider."
    )
    return figures.Table("People reached, by language", columns, shown, note, drawn="of all")


async def _told(session: Session, period: figures.Period, default: str) -> list[list[int | str]]:
    message, contact = core(Message).c, core(Contact).c
    language = sa.func.coalesce(sa.func.nullif(contact.written_language, ""), default).label("wanted")
    arrived = sa.case((message.state.in_(rows.ARRIVED), message.contact_id))
    query = (
        sa.select(language, sa.func.count(sa.distinct(message.contact_id)), sa.func.count(sa.distinct(arrived)))
        .join(core(Contact), contact.id == message.contact_id)
        .where(rows.within(period))
        .group_by(sa.text("wanted"))
    )
    found = [[languages.english(row[0]), row[1], row[2]] for row in await session.execute(query)]
    return sorted(found, key=lambda row: str(row[0]))


async def _by_form(session: Session, period: figures.Period) -> list[list[int | str]]:
    message, about, pupil = core(Message).c, core(About).c, core(Pupil).c
    level = sa.case(
        (message.state == MessageState.DELIVERED, _TOLD),
        (message.state == MessageState.ACCEPTED, _TAKEN),
        (rows.posted(), _POSTED),
        (message.state.in_(_LEFT), _TRIED),
        else_=_NOTHING,
    )
    within = sa.and_(about.message_id == message.id, rows.within(period))
    best = (
        sa.select(pupil.form.label("form"), sa.func.max(level).label("level"))
        .select_from(core(Pupil).outerjoin(core(About).join(core(Message), within), about.pupil_id == pupil.id))
        .where(people.on_roll(period.last))
        .group_by(pupil.id, pupil.form)
        .subquery()
    )
    query = sa.select(best.c.form, best.c.level, sa.func.count()).group_by(best.c.form, best.c.level)
    found: dict[str, Counter[int]] = {}
    for form, reached, count in await session.execute(query):
        found.setdefault(form or "no form", Counter())[reached] = count
    return [
        [form, levels.total(), *(levels[level] for level in (_TOLD, _TAKEN, _POSTED, _TRIED, _NOTHING))]
        for form, levels in sorted(found.items())
    ]


async def _by_language(session: Session, period: figures.Period, default: str) -> list[list[int | str]]:
    message, contact = core(Message).c, core(Contact).c
    written = sa.func.coalesce(sa.func.nullif(contact.written_language, ""), default)
    spoken = sa.func.coalesce(sa.func.nullif(contact.spoken_language, ""), written)
    wanted = sa.case((message.medium == "voice", spoken), else_=written)
    well, lost = message.state.in_(rows.ARRIVED), message.state == MessageState.FAILED
    query = (
        sa.select(wanted.label("wanted"), message.language, sa.func.count(), _sum(well), _sum(lost), _sum(_not_sent()))
        .join(core(Contact), contact.id == message.contact_id)
        .where(rows.within(period), rows.no_digest())
        .group_by(sa.text("wanted"), message.language)
    )
    found: dict[str, Counter[str]] = {}
    for wants, used, count, arrived, failed, without in await session.execute(query):
        sums = found.setdefault(wants, Counter())
        sums.update({"messages": count, "arrived": arrived, "failed": failed, "without": without})
        if languages.base(used) == languages.base(wants):
            sums["own"] += arrived
    readers = await people.languages(session, spoken=False, otherwise=default)
    names = {tag: languages.english(tag) for tag in {*found, *readers}}
    return [
        [names[tag], readers.get(tag, 0), *(found.get(tag, Counter())[key] for key in _SUMS)]
        for tag in sorted(names, key=names.__getitem__)
    ]


def _not_sent() -> sa.ColumnElement[bool]:
    return core(Message).c.state.in_(_WITHOUT)


def _sum(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return cast("sa.ColumnElement[int]", sa.func.sum(sa.case((condition, 1), else_=0)))
