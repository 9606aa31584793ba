"""The wall below every feature: what may not leave, asked again when a message is claimed.

Whatever planned the message, nothing goes to somebody barred from a child it names, about a child or to a contact who
has died, to a phone that is not the family's, to an address that told us to stop, to a landline as a text, after the
moment until which it was worth saying, or in a trial to anybody but its guests.

A whole batch is asked about in one statement: each column is one question, and only messages that one of them is true
of come back. The few that leave only under a condition are asked about it in a second one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from channels.base import Medium
from gateway import bulk
from gateway.database import Session
from gateway.guard import emergencies, ladders, menus, people, reasons, trial, wishes
from gateway.guard.asked import contact, event, message, notice, one_of, point, pupil, run
from gateway.models import (
    Contact,
    ContactPoint,
    LineType,
    Message,
    MessageState,
    Notice,
    NoticeState,
    PointState,
    Purpose,
    Run,
    SchoolEvent,
)
from gateway.models.types import core, fixed

#: What stops a message, the weightiest first: of several, that is what staff read.
_QUESTIONS = (
    "cancelled",
    "answered",
    "reached",
    "accounted_for",
    "not_alarmed",
    "changed",
    "newer",
    "barred",
    "wrong_number",
    "opted_out",
    "declined",
    "dead",
    "landline",
    "no_texts",
    "deceased",
    "child_deceased",
    "left",
    "stranger",
    "no_consent",
    "trial",  # after all of these, so that a trial shows what would have become of each message
    "not_beside",
    "another_menu",
    "not_yet",
    "paused",
)

#: Those of them that are about a message's condition (``only_if``).
_OF_CONDITIONS = (
    "answered",
    "reached",
    "accounted_for",
    "not_alarmed",
    "changed",
    "newer",
    "not_beside",
    "another_menu",
    "not_yet",
)
_OF_ALL = tuple(question for question in _QUESTIONS if question not in _OF_CONDITIONS)

_BECOMES = {"cancelled": MessageState.CANCELLED, "not_yet": MessageState.QUEUED, "paused": MessageState.HELD}

_NEEDS_CONSENT = [purpose for purpose in Purpose if purpose.needs_consent]


def stopped(
    connection: Connection, rows: Sequence[Mapping[str, Any]], *, today: date, now: datetime
) -> dict[str, reasons.Stop]:
    """Which of these claimed rows may not leave, or not yet, and why."""
    if not rows:
        return {}
    found = {
        row["id"]: reasons.Stop(MessageState.EXPIRED, "expired", reasons.REASONS["expired"])
        for row in rows
        if row["not_after"] is not None and row["not_after"] <= now
    }
    dialect = bulk.dialect(connection)
    given = {"ids": bulk.packed_ids(row["id"] for row in rows), "today": today}
    because = _first(_OF_ALL, bulk.run(connection, _of_all(dialect), given))
    if conditional := [row["id"] for row in rows if row["only_if"]]:
        given = {"ids": bulk.packed_ids(conditional), "menus_since": now - menus.OPEN_FOR}
        for message_id, reason in _first(_OF_CONDITIONS, bulk.run(connection, _of_conditions(dialect), given)).items():
            because[message_id] = min(because.get(message_id, reason), reason, key=_QUESTIONS.index)
    for message_id in _arrived_after_all(connection, rows):
        if because.get(message_id) != "cancelled":
            because[message_id] = "arrived"
    for message_id, reason in because.items():
        if reason not in ("not_yet", "paused") or message_id not in found:  # what is expired waits for nothing
            state = _BECOMES.get(reason, MessageState.SKIPPED)
            found[message_id] = reasons.Stop(state, reason, reasons.REASONS[reason])
    return found


def _first(questions: Sequence[str], answers: Iterable[Sequence[Any]]) -> dict[str, str]:
    """The weightiest of what is true of each message."""
    return {
        message_id: next(question for question, yes in zip(questions, answered, strict=True) if yes)
        for message_id, *answered in answers
    }


def too_early(connection: Connection, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[str]:
    """Later steps of a ladder whose earlier ones are still on their way: nobody can say yet whether they are needed.

    A lane that is held back, refused by its provider or out of use is not waited for: the next step is the way out. Nor
    is a doubt of a lane that is refused, or one that has lasted long: it may last as long as the provider is away.
    """
    ids = [row["id"] for row in rows if row["only_if"] not in ("", reasons.BESIDE)]
    if not ids:
        return []
    values = {"ids": bulk.packed_ids(ids), "now": now, "long_ago": now - ladders.LONG_DOUBT}
    return [str(one) for (one,) in bulk.run(connection, ladders.still_on_their_way(bulk.dialect(connection)), values)]


async def taken_back(session: Session, message_id: str) -> bool:
    """Whether a message's notice or event was cancelled: one that was on the wire may come back to the queue since."""
    return bool(
        await session.scalar(sa.select(_cancelled()).select_from(_with_notice()).where(message.id == message_id))
    )


@functools.cache
def _of_all(dialect: str) -> sa.Select[Any]:
    """What is asked of every message of the batch; only messages that something stops."""
    asked = {
        "cancelled": _cancelled(),
        "barred": people.barred(),
        "wrong_number": sa.or_(point.state == fixed(PointState.WRONG), people.wrong_number()),
        "opted_out": people.opted_out(),
        "declined": wishes.declined(),
        "dead": point.state == fixed(PointState.DEAD),
        "landline": sa.and_(message.medium == fixed(Medium.SMS), point.line_type == fixed(LineType.LANDLINE)),
        "no_texts": sa.and_(
            message.medium == fixed(Medium.SMS), ~one_of(point.line_type, [LineType.MOBILE, LineType.LANDLINE])
        ),
        "deceased": contact.deceased,
        "child_deceased": people.named(pupil.deceased),
        "left": sa.and_(people.named(sa.true()), ~people.named(people.on_roll())),
        "stranger": sa.or_(
            sa.and_(message.run_id.is_not(None), message.contact_point_id.is_(None)),
            people.named(~people.still_tied()),
        ),
        "no_consent": sa.and_(
            message.run_id.is_not(None),
            one_of(message.purpose, _NEEDS_CONSENT),
            sa.func.coalesce(contact.marketing_consent, sa.false()).is_(sa.false()),
        ),
        "paused": notice.paused_at.is_not(None),  # what was on the wire when it was, and comes back to the queue
        "trial": trial.kept_to_guests(),
    }
    whose = (
        _with_notice()
        .outerjoin(core(Contact), contact.id == message.contact_id)
        .outerjoin(core(ContactPoint), point.id == message.contact_point_id)
    )
    return _stopping(dialect, whose, [asked[question].label(question) for question in _OF_ALL])


@functools.cache
def _of_conditions(dialect: str) -> sa.Select[Any]:
    """What is asked of those that leave only under a condition."""
    asked = {
        "answered": sa.or_(_answered(), _broken(reasons.NOT_OVERTAKEN, ladders.guest_answered())),
        "reached": _broken(reasons.NOT_REACHED, sa.or_(ladders.reached(), ladders.answered())),
        "accounted_for": _broken(reasons.UNACCOUNTED, people.accounted_for()),
        "not_alarmed": _broken(reasons.ALARMED, ~emergencies.alarmed()),
        "changed": _broken(reasons.TOGETHER, wishes.changed()),
        "newer": ladders.reminds_of_another_time(),
        "not_beside": _broken(reasons.BESIDE, menus.text_is_gone()),
        "another_menu": _broken(reasons.BESIDE, menus.another_waits()),
        "not_yet": _broken(reasons.BESIDE, menus.text_waits()),
    }
    return _stopping(dialect, _with_notice(), [asked[question].label(question) for question in _OF_CONDITIONS])


def _stopping(dialect: str, whose: sa.FromClause, asked: Sequence[sa.Label[bool]]) -> sa.Select[Any]:
    """The messages among ``ids`` that one of these questions is true of, with the answers in their order."""
    inner = (
        sa.select(message.id, *asked)
        .select_from(whose)
        .where(bulk.among(dialect, message.id))
        .cte("asked")
        .prefix_with("MATERIALIZED")  # or each question would be asked twice: to choose the rows, and to show them
    )
    questions = [inner.c[one.name] for one in asked]
    return sa.select(inner).where(sa.or_(*questions))


def _broken(condition: str, seen: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether a message has this condition, and it no longer holds. With AND, SQLite would look it up for each."""
    return sa.case((message.only_if == fixed(condition), seen), else_=sa.false())


def _answered() -> sa.ColumnElement[bool]:
    """Whether a later step is not needed any more; that of an update asks for its own answer and for the alarm."""
    asks = sa.or_(
        message.only_if == fixed(reasons.NOT_ANSWERED),
        sa.and_(message.only_if == fixed(reasons.ALARMED), message.step > sa.literal_column("0")),
    )
    return sa.case((asks, ladders.answered()), else_=sa.false())


def _with_notice() -> sa.Join:
    return (
        core(Message)
        .outerjoin(core(Run), run.id == message.run_id)
        .outerjoin(core(Notice), notice.id == run.notice_id)
        .outerjoin(core(SchoolEvent), event.id == notice.event_id)
    )


def _cancelled() -> sa.ColumnElement[bool]:
    """What was written before an event was cancelled does not leave; that it is cancelled does."""
    gone = sa.and_(event.cancelled_at.is_not(None), event.cancelled_at > notice.created_at)
    return sa.or_(notice.state == fixed(NoticeState.CANCELLED), gone)


def _arrived_after_all(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Further copies of messages that were given up too early: a late receipt says that an earlier one arrived."""
    for row in rows:
        if earlier := _earlier_copies(row["slot"]):
            arrived = sa.select(message.id).where(
                message.run_id == row["run_id"],
                message.slot.in_(earlier),
                message.state == fixed(MessageState.DELIVERED),
            )
            if connection.scalar(arrived.limit(1)):
                yield row["id"]


def _earlier_copies(slot: str) -> list[str]:
    found = []
    while slot.endswith(reasons.AGAIN):
        slot = slot.removesuffix(reasons.AGAIN)
        found.append(slot)
    return found
