"""Who answers whom, and how soon: families the school, and the school families."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from gateway.database import Session
from gateway.models import Message, MessageState, Promise, Reply
from gateway.models.types import Purpose, core
from gateway.reports import figures

_ARRIVED = (MessageState.ACCEPTED, MessageState.DELIVERED)
_KINDS = ("absence", "question", "complaint")


class _Asked(NamedTuple):
    purpose: str
    questions: int
    answered: int
    minutes: int | None


class _Kept(NamedTuple):
    kind: str
    waited: int
    in_time: int
    late: int
    waiting: int
    minutes: int | None


async def read(session: Session, period: figures.Period) -> figures.Report:
    """Count answers in these days."""
    asked, promised = await _families(session, period), await _school(session, period)
    says = ["Nobody asked anything."] if not asked and not promised else []
    if asked:
        questions, answered = sum(one.questions for one in asked), sum(one.answered for one in asked)
        says.append(f"Families answered {answered} of {questions} questions.")
    if promised:
        made, kept = sum(one.waited for one in promised), sum(one.in_time for one in promised)
        says.append(f"The school answered {kept} of {made} families within the time that it had promised.")
    return figures.Report("answers", "Answers", says, [_asked(asked), _promised(promised)])


def _asked(rows: Sequence[_Asked]) -> figures.Table:
    columns = ("why it was sent", "questions", "answered", "minutes to answer, median", "answered of all")
    shown = [[*row, figures.share(row.answered, row.questions)] for row in rows]
    note = "Messages with a menu of answers that were delivered or taken; each is answered once, by its first answer."
    return figures.Table("Families' answers", columns, shown, note, drawn="answered of all")


def _promised(rows: Sequence[_Kept]) -> figures.Table:
    columns = ("about", "families waited", "in time", "late", "waiting still", "minutes, median", "in time of all")
    shown = [[*row, figures.share(row.in_time, row.waited)] for row in rows]
    note = (
        "From the family's first words to a person's answer or the end of the conversation, by the clock, nights and "
        "weekends too; “in time” is by the time that the family was told."
    )
    return figures.Table("The school's own answers", columns, shown, note, drawn="in time of all")


async def _families(session: Session, period: figures.Period) -> list[_Asked]:
    message, reply = core(Message).c, core(Reply).c
    first = sa.select(reply.message_id, sa.func.min(reply.at).label("at")).group_by(reply.message_id).subquery()
    query = (
        sa.select(message.purpose, message.due_at, first.c.at)
        .outerjoin(first, first.c.message_id == message.id)
        .where(message["keys"] != "", message.state.in_(_ARRIVED))
        .where(message.due_at >= period.begins, message.due_at < period.ends)
    )
    waits: dict[Purpose, list[timedelta | None]] = {}
    for purpose, asked, answered in await session.execute(query):
        waits.setdefault(Purpose(purpose), []).append(_since(asked, answered))
    return [_line(purpose.value.replace("_", " "), waits[purpose]) for purpose in Purpose if purpose in waits]


def _line(name: str, waits: Sequence[timedelta | None]) -> _Asked:
    answered = [wait for wait in waits if wait is not None]
    return _Asked(name, len(waits), len(answered), _median(answered))


async def _school(session: Session, period: figures.Period) -> list[_Kept]:
    promise = core(Promise).c
    query = sa.select(promise.kind, promise.made_at, promise.due_at, promise.kept_at).where(
        promise.made_at >= period.begins, promise.made_at < period.ends
    )
    found: dict[str, list[tuple[datetime, datetime, datetime | None]]] = {}
    for kind, made, due, kept in await session.execute(query):
        found.setdefault(kind, []).append((made, due, kept))
    return [_kept(kind, found[kind]) for kind in (*_KINDS, *sorted(found.keys() - set(_KINDS))) if kind in found]


def _kept(kind: str, promises: Sequence[tuple[datetime, datetime, datetime | None]]) -> _Kept:
    done = [(made, due, kept) for made, due, kept in promises if kept is not None]
    in_time = sum(kept <= due for _, due, kept in done)
    waits = [kept - made for made, _, kept in done]
    return _Kept(kind, len(promises), in_time, len(done) - in_time, len(promises) - len(done), _median(waits))


def _since(asked: datetime, answered: datetime | None) -> timedelta | None:
    return None if answered is None else max(answered - asked, timedelta(0))


def _median(waits: Sequence[timedelta]) -> int | None:
    """Whole minutes, None of nothing."""
    return round(statistics.median(wait.total_seconds() for wait in waits) / 60) if waits else None
