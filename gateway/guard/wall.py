"""The wall below every feature: what may not leave, asked again when a message is claimed.

Whatever planned the message, nothing goes to somebody barred from a child it names, about a child or to a contact who
has died, to a phone that is not the family's, to an address that told us to stop, to a landline as a text, or after the
moment until which it was worth saying.

A whole batch is asked about in one statement: each column is one question, and only messages that one of them is true
of come back.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from channels.base import Medium
from gateway import bulk
from gateway.database import Session
from gateway.guard import emergencies, ladders, menus, people, reasons, wishes
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
    "not_beside",
    "another_menu",
    "not_yet",
)

_BECOMES = {"cancelled": MessageState.CANCELLED, "not_yet": MessageState.QUEUED}

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
    given = {"ids": bulk.packed_ids(row["id"] for row in rows), "today": today, "menus_since": now - menus.OPEN_FOR}
    answers = bulk.run(connection, _questions(bulk.dialect(connection)), given)
    because = {
        message_id: next(question for question, yes in zip(_QUESTIONS, answered, strict=True) if yes)
        for message_id, *answered in answers
    }
    for message_id in _arrived_after_all(connection, rows):
        if because.get(message_id) != "cancelled":
            because[message_id] = "arrived"
    for message_id, reason in because.items():
        if reason != "not_yet" or message_id not in found:  # what is expired waits for nothing
            state = _BECOMES.get(reason, MessageState.SKIPPED)
            found[message_id] = reasons.Stop(state, reason, reasons.REASONS[reason])
    return found


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
def _questions(dialect: str) -> sa.Select[Any]:
    """Every question of every message of the batch; only messages that one of them stops."""
    inner = (
        sa.select(
            message.id,
            _cancelled().label("cancelled"),
            _broken(reasons.NOT_ANSWERED, ladders.answered()).label("answered"),
            _broken(reasons.NOT_REACHED, sa.or_(ladders.reached(), ladders.answered())).label("reached"),
            _broken(reasons.UNACCOUNTED, people.accounted_for()).label("accounted_for"),
            _broken(reasons.ALARMED, ~emergencies.alarmed()).label("not_alarmed"),
            _broken(reasons.TOGETHER, wishes.changed()).label("changed"),
            people.barred().label("barred"),
            sa.or_(point.state == fixed(PointState.WRONG), people.wrong_number()).label("wrong_number"),
            people.opted_out().label("opted_out"),
            wishes.declined().label("declined"),
            (point.state == fixed(PointState.DEAD)).label("dead"),
            sa.and_(message.medium == fixed(Medium.SMS), point.line_type == fixed(LineType.LANDLINE)).label("landline"),
            sa.and_(
                message.medium == fixed(Medium.SMS), ~one_of(point.line_type, [LineType.MOBILE, LineType.LANDLINE])
            ).label("no_texts"),
            contact.deceased.label("deceased"),
            people.named(pupil.deceased).label("child_deceased"),
            sa.and_(people.named(sa.true()), ~people.named(people.on_roll())).label("left"),
            sa.or_(
                sa.and_(message.run_id.is_not(None), message.contact_point_id.is_(None)),
                people.named(~people.still_tied()),
            ).label("stranger"),
            sa.and_(
                message.run_id.is_not(None),
                one_of(message.purpose, _NEEDS_CONSENT),
                sa.func.coalesce(contact.marketing_consent, sa.false()).is_(sa.false()),
            ).label("no_consent"),
            _broken(reasons.BESIDE, menus.text_is_gone()).label("not_beside"),
            _broken(reasons.BESIDE, menus.another_waits()).label("another_menu"),
            _broken(reasons.BESIDE, menus.text_waits()).label("not_yet"),
        )
        .select_from(
            _with_notice()
            .outerjoin(core(Contact), contact.id == message.contact_id)
            .outerjoin(core(ContactPoint), point.id == message.contact_point_id)
        )
        .where(bulk.among(dialect, message.id))
        .cte("asked")
        .prefix_with("MATERIALIZED")  # or each question would be asked twice: to choose the rows, and to show them
    )
    questions = [inner.c[question] for question in _QUESTIONS]
    return sa.select(inner.c.id, *questions).where(sa.or_(*questions))


def _broken(condition: str, seen: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether a message has this condition, and it no longer holds. With AND, SQLite would look it up for each."""
    return sa.case((message.only_if == fixed(condition), seen), else_=sa.false())


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
