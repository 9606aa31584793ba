"""The wall below every feature: what may not leave, asked again when a message is claimed.

Whatever planned the message, nothing goes to somebody barred from a child it names, about a child or to a contact who
has died, to an address that told us to stop, to a landline as a text, or after the moment until which it was worth
saying.

A whole batch is asked about in one statement: each column is one question, and only messages that one of them is true
of come back.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from channels.base import Medium
from gateway import bulk
from gateway.database import Session
from gateway.models import (
    About,
    Contact,
    ContactPoint,
    Guardianship,
    LineType,
    Message,
    MessageState,
    Notice,
    NoticeState,
    OptOut,
    PointState,
    Pupil,
    Purpose,
    Reply,
    Run,
    SchoolEvent,
    Sender,
)
from gateway.models.types import core, fixed

#: More parts than this no network likes, and no parent reads (GOV.UK Notify stops at 918 characters, 6 parts).
MOST_PARTS = 6

AGAIN = ":again"  #: ends the slot of a copy that was sent after its first had failed; twice, of a copy's copy

NOT_REACHED = "not_reached"  #: only if no earlier step reached the contact
NOT_ANSWERED = "not_answered"  #: only if the contact has not answered this run


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a message does not leave."""

    state: MessageState
    reason: str
    text: str


REASONS: dict[str, str] = {
    "barred": "Must not be contacted about this child.",
    "barred_address": "This phone or mailbox also belongs to somebody who must not be contacted about this child.",
    "nobody": "Nobody is on file who may be told about this child.",
    "other_language": "Reads another language than those that this notice is for.",
    "no_number": "No phone number on file.",
    "no_email": "No email address on file.",
    "landline": "Only a landline on file: texts to landlines may be read aloud.",
    "no_texts": "This number does not take texts.",
    "opted_out": "Asked us to stop.",
    "dead": "The number or address does not work.",
    "merged": "Told by the same phone or mailbox as another contact.",
    "expired": "It was no longer worth saying.",
    "reached": "Reached by an earlier step already.",
    "answered": "Has answered already.",
    "cancelled": "The notice was cancelled.",
    "left": "The child has left the school.",
    "child_deceased": "The child has died.",
    "deceased": "This contact has died.",
    "stranger": "No longer on file with this number or address for a child that it names.",
    "arrived": "An earlier copy has arrived after all.",
    "too_long": f"The text would need more than {MOST_PARTS} parts.",
    "no_consent": "Has not agreed to hear of fundraising or paid offers.",
    "no_sender": "No number or address to send as is set up for this medium.",
}

#: What stops a message, the weightiest first: of several, that is what staff read.
_QUESTIONS = (
    "cancelled",
    "answered",
    "reached",
    "barred",
    "opted_out",
    "dead",
    "landline",
    "no_texts",
    "deceased",
    "child_deceased",
    "left",
    "stranger",
    "no_consent",
)

message, about, pupil, tie = core(Message).c, core(About).c, core(Pupil).c, core(Guardianship).c
contact, point, opt_out = core(Contact).c, core(ContactPoint).c, core(OptOut).c
run, notice, event, reply = core(Run).c, core(Notice).c, core(SchoolEvent).c, core(Reply).c

_MANDATORY = [purpose for purpose in Purpose if purpose.mandatory]
_NEEDS_CONSENT = [purpose for purpose in Purpose if purpose.needs_consent]


def stopped(
    connection: Connection, rows: Sequence[Mapping[str, Any]], *, today: date, now: datetime
) -> dict[str, Stop]:
    """Which of these claimed rows may not leave, and why."""
    if not rows:
        return {}
    found = {
        row["id"]: Stop(MessageState.EXPIRED, "expired", REASONS["expired"])
        for row in rows
        if row["not_after"] is not None and row["not_after"] <= now
    }
    given = {"ids": bulk.packed_ids(row["id"] for row in rows), "today": today}
    answers = bulk.run(connection, _questions(bulk.dialect(connection)), given)
    reasons = {
        message_id: next(question for question, yes in zip(_QUESTIONS, answered, strict=True) if yes)
        for message_id, *answered in answers
    }
    for message_id in _arrived_after_all(connection, rows):
        if reasons.get(message_id) != "cancelled":
            reasons[message_id] = "arrived"
    for message_id, reason in reasons.items():
        state = MessageState.CANCELLED if reason == "cancelled" else MessageState.SKIPPED
        found[message_id] = Stop(state, reason, REASONS[reason])
    return found


def too_early(connection: Connection, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[str]:
    """Later steps of a ladder whose earlier ones are still on their way: nobody can say yet whether they are needed.

    A lane that is held back, refused by its provider or out of use is not waited for: the next step is the way out. Nor
    is a doubt of a lane that is refused, as it may last as long as the refusal.
    """
    ids = [row["id"] for row in rows if row["only_if"]]
    if not ids:
        return []
    values = {"ids": bulk.packed_ids(ids), "now": now}
    return [str(one) for (one,) in bulk.run(connection, _still_on_their_way(bulk.dialect(connection)), values)]


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
            sa.and_(message.only_if == fixed(NOT_ANSWERED), _answered()).label("answered"),
            sa.and_(message.only_if == fixed(NOT_REACHED), sa.or_(_reached(), _answered())).label("reached"),
            _barred().label("barred"),
            _opted_out().label("opted_out"),
            (point.state == fixed(PointState.DEAD)).label("dead"),
            sa.and_(message.medium == fixed(Medium.SMS), point.line_type == fixed(LineType.LANDLINE)).label("landline"),
            sa.and_(
                message.medium == fixed(Medium.SMS), ~_one_of(point.line_type, [LineType.MOBILE, LineType.LANDLINE])
            ).label("no_texts"),
            contact.deceased.label("deceased"),
            _named(pupil.deceased).label("child_deceased"),
            sa.and_(_named(sa.true()), ~_named(_on_roll())).label("left"),
            sa.or_(
                sa.and_(message.run_id.is_not(None), message.contact_point_id.is_(None)), _named(~_still_tied())
            ).label("stranger"),
            sa.and_(
                message.run_id.is_not(None),
                _one_of(message.purpose, _NEEDS_CONSENT),
                sa.func.coalesce(contact.marketing_consent, sa.false()).is_(sa.false()),
            ).label("no_consent"),
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


def _with_notice() -> sa.Join:
    return (
        core(Message)
        .outerjoin(core(Run), run.id == message.run_id)
        .outerjoin(core(Notice), notice.id == run.notice_id)
        .outerjoin(core(SchoolEvent), event.id == notice.event_id)
    )


def _exists(tables: Sequence[sa.FromClause], *where: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether these tables have such rows; every other table that is named is that of the questions around it.

    OFFSET changes nothing, but keeps PostgreSQL to the order in which it is asked, a few rows by an index each time.
    Left to itself, and without statistics after a bulk insert, it reads a whole table for the batch or every message.
    """
    some: sa.Select[Any] = sa.select(sa.literal_column("1")).where(*where).correlate_except(*tables)
    return some.offset(sa.literal_column("0")).exists()


def _one_of(column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    return column.in_([fixed(value) for value in values])


def _cancelled() -> sa.ColumnElement[bool]:
    return sa.or_(notice.state == fixed(NoticeState.CANCELLED), event.cancelled_at.is_not(None))


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
    while slot.endswith(AGAIN):
        slot = slot.removesuffix(AGAIN)
        found.append(slot)
    return found


# Of people


def _barred() -> sa.ColumnElement[bool]:
    """It would reach a phone or mailbox of somebody who is barred today from a pupil it names."""
    theirs = core(ContactPoint).alias("theirs")
    today = sa.bindparam("today", type_=sa.Date)
    barred = _exists(
        [core(Guardianship)],
        tie.pupil_id == about.pupil_id,
        tie.no_contact,
        sa.or_(tie.no_contact_from.is_(None), tie.no_contact_from <= today),
        sa.or_(tie.no_contact_until.is_(None), tie.no_contact_until >= today),
        sa.or_(
            tie.contact_id == message.contact_id,
            _exists([theirs], theirs.c.contact_id == tie.contact_id, theirs.c.address == message.address),
        ),
    )
    return _exists([core(About)], about.message_id == message.id, barred)


def _opted_out() -> sa.ColumnElement[bool]:
    return _exists(
        [core(OptOut)],
        opt_out.medium == message.medium,
        opt_out.address == message.address,
        sa.or_(opt_out.mandatory_too, ~_one_of(message.purpose, _MANDATORY)),
    )


def _named(what: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether something holds of a pupil that it names."""
    one = _exists([core(Pupil)], pupil.id == about.pupil_id, what)
    return _exists([core(About)], about.message_id == message.id, one)


def _on_roll() -> sa.ColumnElement[bool]:
    return sa.or_(pupil.left_on.is_(None), pupil.left_on >= sa.bindparam("today", type_=sa.Date))


def _still_tied() -> sa.ColumnElement[bool]:
    """Somebody with that address is still on file for the pupil: imports since may have made the message wrong."""
    theirs = core(ContactPoint).alias("theirs")
    there = _exists([theirs], theirs.c.contact_id == tie.contact_id, theirs.c.address == message.address)
    return _exists([core(Guardianship)], tie.pupil_id == pupil.id, there)


# Of ladders


def _for_the_same(what: sa.ColumnElement[bool], other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether something holds of a message of the same run that was for this contact too.

    Its own, and those by a phone that it shares. Two questions, so that each can follow an index.
    """
    merged = core(Message).alias("merged")
    own = _exists([other], other.c.run_id == message.run_id, other.c.contact_id == message.contact_id, what)
    shared = _exists(
        [merged, other],
        merged.c.run_id == message.run_id,
        merged.c.contact_id == message.contact_id,
        merged.c.reason == fixed("merged"),
        other.c.run_id == message.run_id,
        other.c.address == merged.c.address,
        other.c.medium == merged.c.medium,
        other.c.step == merged.c.step,
        what,
    )
    return sa.or_(own, shared)


def _answered() -> sa.ColumnElement[bool]:
    other = core(Message).alias("other")
    own = _exists([core(Reply)], reply.run_id == message.run_id, reply.contact_id == message.contact_id)
    # Of a phone that two share nobody can say who answered; whoever is known has answered for himself alone.
    anybodys = _exists(
        [core(Reply)], reply.message_id == other.c.id, reply.run_id == message.run_id, reply.contact_id.is_(None)
    )
    return sa.or_(own, _for_the_same(anybodys, other))


def _reached() -> sa.ColumnElement[bool]:
    """Delivered, or taken by a mail server that has not sent it back (nobody is told more of an email than that)."""
    other = core(Message).alias("other")
    done = sa.or_(
        other.c.state == fixed(MessageState.DELIVERED),
        sa.and_(other.c.medium == fixed(Medium.EMAIL), other.c.state == fixed(MessageState.ACCEPTED)),
    )
    return _for_the_same(sa.and_(other.c.step < message.step, done), other)


@functools.cache
def _still_on_their_way(dialect: str) -> sa.Select[tuple[str]]:
    other, lane = core(Message).alias("other"), core(Sender).c
    now = sa.bindparam("now", type_=lane.held_until.type)
    held = sa.and_(lane.held_until.is_not(None), lane.held_until > now)
    works = _exists([core(Sender)], lane.id == other.c.sender_id, lane.active, ~held, lane.open_since.is_(None))
    can_tell = _exists([core(Sender)], lane.id == other.c.sender_id, lane.open_since.is_(None))
    on_its_way = sa.or_(
        sa.and_(other.c.state == fixed(MessageState.SENDING), other.c.sender_id.is_not(None)),
        sa.and_(other.c.state == fixed(MessageState.UNKNOWN), can_tell),
        sa.and_(other.c.state == fixed(MessageState.QUEUED), works),
    )
    early = _for_the_same(sa.and_(other.c.step < message.step, on_its_way), other)
    return sa.select(message.id).where(bulk.among(dialect, message.id), early)
