"""Who answers whom, and how soon: families the school, and the school families."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from channels.base import Medium
from gateway import people
from gateway.database import Session
from gateway.models import Contact, EventGuest, EventTold, Message, Promise, Reply, Run, SurveyNotice, SurveyTaker
from gateway.models.types import Purpose, core
from gateway.reports import figures, rows
from templates import languages

_KINDS = ("absence", "question", "complaint")


class _Wait(NamedTuple):
    """Of one question: whether it was answered, and how long that took; None where nobody knows."""

    answered: bool
    took: timedelta | None


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


async def read(session: Session, period: figures.Period, *, default_language: str) -> figures.Report:
    """Count answers in these days."""
    promises = await _promises(session, period)
    asked, promised = await _families(session, period), _school(promises)
    written = await _by_language(session, period, default_language)
    says = ["Nobody asked anything."] if not asked and not promised else []
    if asked:
        questions, answered = sum(one.questions for one in asked), sum(one.answered for one in asked)
        says.append(f"Families answered {answered} of {questions} questions.")
    if promised:
        made, kept = sum(one.waited for one in promised), sum(one.in_time for one in promised)
        says.append(f"The school answered {kept} of {made} families within the time that it had promised.")
    waits = [kept - made for each in promises.values() for made, _, kept in each if kept is not None]
    minutes = _median(waits) if len(waits) >= figures.FEWEST else None
    tables = [_asked(asked), _promised(promised), _written(written)]
    return figures.Report("answers", "Answers", says, tables, {"minutes to answer a family": minutes})


def _asked(asked: Sequence[_Asked]) -> figures.Table:
    columns = ("why it was sent", "questions", "answered", "minutes to answer, median", "answered of all")
    shown = [[*row, figures.share(row.answered, row.questions)] for row in asked]
    note = (
        "Messages with a menu of answers that were delivered or taken; each is answered once, by its first answer. "
        "Questions of surveys count once for each contact; when they were answered is not kept."
    )
    return figures.Table("Families' answers", columns, shown, note, drawn="answered of all")


def _promised(promised: Sequence[_Kept]) -> figures.Table:
    columns = ("about", "families waited", "in time", "late", "waiting still", "minutes, median", "in time of all")
    shown = [[*row, figures.share(row.in_time, row.waited)] for row in promised]
    note = (
        "From the family's first words to a person's answer or the end of the conversation, by the clock, nights and "
        "weekends too; “in time” is by the time that the family was told."
    )
    return figures.Table("The school's own answers", columns, shown, note, drawn="in time of all")


def _written(rows_: Sequence[Sequence[int | str]]) -> figures.Table:
    columns = ("language", "contacts", "wrote back", "of all")
    shown = [[*row, figures.share(int(row[2]), int(row[1]))] for row in figures.gathered(rows_)]
    note = "Contacts on file by the language that they read, and those who wrote, rang or pressed a key at least once."
    return figures.Table("Who wrote back, by language", columns, shown, note, drawn="of all")


async def _by_language(session: Session, period: figures.Period, default: str) -> list[list[int | str]]:
    contact, reply = core(Contact).c, core(Reply).c
    language = sa.func.coalesce(sa.func.nullif(contact.written_language, ""), default).label("language")
    wrote = sa.select(reply.contact_id).where(reply.at >= period.begins, reply.at < period.ends)
    query = (
        sa.select(language, sa.func.count())
        .where(contact.id.in_(wrote.where(reply.contact_id.is_not(None))), ~contact.deceased)
        .group_by(sa.text("language"))
    )
    found = {row[0]: row[1] for row in await session.execute(query)}
    readers = await people.languages(session, spoken=False, otherwise=default)
    named = {languages.english(tag): tag for tag in readers}
    return [[name, readers[tag], found.get(tag, 0)] for name, tag in sorted(named.items())]


async def _families(session: Session, period: figures.Period) -> list[_Asked]:
    waits = dict[str, list[_Wait]]()
    for purpose, wait in [*await _questions(session, period), *await _survey_questions(session, period)]:
        waits.setdefault(purpose.value, []).append(wait)
    ordered = {name: waits[name] for name in map(str, Purpose) if name in waits}
    return [_line(name.replace("_", " "), each) for name, each in figures.together(ordered).items()]


async def _questions(session: Session, period: figures.Period) -> list[tuple[Purpose, _Wait]]:
    """Messages with a menu, but for surveys: answered by a reply, or on the page to which an event's email leads."""
    message, reply, guest = core(Message).c, core(Reply).c, core(EventGuest).c
    first = sa.select(reply.message_id, sa.func.min(reply.at).label("at")).group_by(reply.message_id).subquery()
    told, put = core(EventTold).c, core(SurveyNotice).c
    of_surveys = sa.select(core(Run).c.id).join(core(SurveyNotice), put.notice_id == core(Run).c.notice_id)
    on_page = sa.and_(
        guest.id == told.guest_id, guest.how == "page", message.medium == Medium.EMAIL,
        guest.answered_at >= message.due_at,
    )  # fmt: skip
    query = (
        sa.select(message.purpose, message.due_at, first.c.at, guest.answered_at)
        .outerjoin(first, first.c.message_id == message.id)
        .outerjoin(core(EventTold), told.message_id == message.id)
        .outerjoin(core(EventGuest), on_page)
        .where(message["keys"] != "", message.state.in_(rows.ARRIVED), rows.within(period))
        .where(sa.or_(message.run_id.is_(None), message.run_id.not_in(of_surveys)))
    )
    found = list[tuple[Purpose, _Wait]]()
    for purpose, asked, by_reply, by_page in await session.execute(query):
        at = min((one for one in (by_reply, by_page) if one), default=None)
        found.append((Purpose(purpose), _Wait(at is not None, _since(asked, at))))
    return found


async def _survey_questions(session: Session, period: figures.Period) -> list[tuple[Purpose, _Wait]]:
    """What surveys asked, each question of each contact once. When somebody answered is written down nowhere."""
    message, put, taker = core(Message).c, core(SurveyNotice).c, core(SurveyTaker).c
    theirs = sa.and_(taker.survey_id == put.survey_id, taker.contact_id == message.contact_id)
    query = (
        sa.select(put.survey_id, put.question, message.contact_id, taker.answered)
        .join(core(Run), core(Run).c.id == message.run_id)
        .join(core(SurveyNotice), put.notice_id == core(Run).c.notice_id)
        .outerjoin(core(SurveyTaker), theirs)
        .where(message.state.in_(rows.ARRIVED), message.contact_id.is_not(None), rows.within(period))
        .distinct()
    )
    return [
        (Purpose.SURVEY, _Wait((answered or 0) > question, None))
        for _, question, _, answered in await session.execute(query)
    ]


def _line(name: str, waits: Sequence[_Wait]) -> _Asked:
    took = [wait.took for wait in waits if wait.took is not None]
    return _Asked(name, len(waits), sum(wait.answered for wait in waits), _median(took))


_Promises = Mapping[str, Sequence[tuple[datetime, datetime, datetime | None]]]


async def _promises(session: Session, period: figures.Period) -> _Promises:
    """When each promise was made, due and kept, by what it was about."""
    promise = core(Promise).c
    query = sa.select(promise.kind, promise.made_at, promise.due_at, promise.kept_at).where(
        promise.made_at >= period.begins, promise.made_at < period.ends
    )
    found: dict[str, list[tuple[datetime, datetime, datetime | None]]] = {kind: [] for kind in _KINDS}
    for kind, made, due, kept in await session.execute(query):
        found.setdefault(kind, []).append((made, due, kept))
    return found


def _school(promises: _Promises) -> list[_Kept]:
    return [_kept(kind, each) for kind, each in figures.together(promises).items()]


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
