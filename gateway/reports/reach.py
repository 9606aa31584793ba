"""Whom the school reaches: each child by form, each message by the language of who should read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa

from gateway import people
from gateway.database import Session
from gateway.models import About, Contact, Message, MessageState, Pupil
from gateway.models.types import core
from gateway.reports import figures
from templates import languages

_TOLD, _TAKEN, _TRIED, _NOTHING = 3, 2, 1, 0

_ENDED_WELL = (MessageState.DELIVERED,)
_ON_ITS_WAY = (MessageState.ACCEPTED,)
_SUMS = ("messages", "arrived", "failed", "without", "own")
_WITHOUT = (MessageState.SKIPPED, MessageState.CANCELLED, MessageState.EXPIRED)


async def read(session: Session, period: figures.Period, *, default_language: str) -> figures.Report:
    """Count reach in these days."""
    forms = await _by_form(session, period)
    spoken = await _by_language(session, period, default_language)
    children = sum(int(row[1]) for row in forms)
    told = sum(int(row[2]) + int(row[3]) for row in forms)
    says = [f"News of {told} of {children} children reached somebody who answers for them."]
    return figures.Report("reach", "Reach", says, [_forms(forms), _languages(spoken)])


def _forms(rows: Sequence[Sequence[int | str]]) -> figures.Table:
    columns = ("form", "children", "delivered", "taken by the provider", "not delivered", "nothing sent", "reached")
    shown = [[*row, figures.share(int(row[2]) + int(row[3]), int(row[1]))] for row in figures.gathered(rows)]
    note = (
        "Each child once, by the best that became of any message about it. Not every network and no mailbox says that "
        "a message arrived: “taken by the provider” is the most that is known of those."
    )
    return figures.Table("Children by form", columns, shown, note, drawn="reached")


def _languages(rows: Sequence[Sequence[int | str]]) -> figures.Table:
    columns = ("language", "contacts", "messages", "delivered or taken", "failed", "not sent", "in it", "in its words")
    shown = [[*row, figures.share(int(row[6]), int(row[3]))] for row in figures.gathered(rows)]
    note = (
        "By the language that a contact reads, or hears in calls; “not sent” has the reason on each message (barred, "
        "no number, stopped …). “In it” are those delivered or taken that were in that language, and not in English."
    )
    return figures.Table("Messages by language", columns, shown, note, drawn="in its words")


async def _by_form(session: Session, period: figures.Period) -> list[list[int | str]]:
    message, about, pupil = core(Message).c, core(About).c, core(Pupil).c
    level = sa.case(
        (message.state.in_(_ENDED_WELL), _TOLD),
        (message.state.in_(_ON_ITS_WAY), _TAKEN),
        (message.id.is_not(None), _TRIED),
        else_=_NOTHING,
    )
    within = sa.and_(about.message_id == message.id, *_in(period))
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
        [form, levels.total(), levels[_TOLD], levels[_TAKEN], levels[_TRIED], levels[_NOTHING]]
        for form, levels in sorted(found.items())
    ]


async def _by_language(session: Session, period: figures.Period, default: str) -> list[list[int | str]]:
    message, contact = core(Message).c, core(Contact).c
    written = sa.func.coalesce(sa.func.nullif(contact.written_language, ""), default)
    spoken = sa.func.coalesce(sa.func.nullif(contact.spoken_language, ""), written)
    wanted = sa.case((message.medium == "voice", spoken), else_=written)
    well, lost = message.state.in_((*_ENDED_WELL, *_ON_ITS_WAY)), message.state == MessageState.FAILED
    query = (
        sa.select(wanted.label("wanted"), message.language, sa.func.count(), _sum(well), _sum(lost), _sum(_not_sent()))
        .join(core(Contact), contact.id == message.contact_id)
        .where(*_in(period))
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


def _in(period: figures.Period) -> tuple[sa.ColumnElement[Any], ...]:
    message = core(Message).c
    return (message.due_at >= period.begins, message.due_at < period.ends)
