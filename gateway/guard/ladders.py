"""Of ladders: whether an earlier step has reached a contact, or may yet, or was answered."""

from __future__ import annotations

import functools
from datetime import timedelta

import sqlalchemy as sa

from channels.base import Medium
from gateway import bulk
from gateway.guard.asked import event, exists, guest, item, message, reply, told
from gateway.models import DigestItem, EventGuest, EventTold, Message, MessageState, Reply, Sender
from gateway.models.types import core, fixed

LONG_DOUBT = timedelta(minutes=11)  #: mostly evidence about a doubt has come by then (sending.in_doubt_patience_s)


def _for_the_same(what: sa.ColumnElement[bool], other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether something holds of a message of the same run that was for this contact too.

    Its own, and those by a phone that it shares. Two questions, so that each can follow an index.
    """
    merged = core(Message).alias("merged")
    what = sa.and_(what, _of_the_same_guest(other.c.id))
    own = exists([other], other.c.run_id == message.run_id, other.c.contact_id == message.contact_id, what)
    shared = exists(
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


def _of_the_same_guest(other_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether another message is not of another guest of the same event: each child's invitation has its own ladder."""
    mine, theirs = core(EventTold).alias("mine"), core(EventTold).alias("theirs")
    differs = (mine.c.message_id == message.id, theirs.c.message_id == other_id, theirs.c.guest_id != mine.c.guest_id)
    return ~exists([mine, theirs], *differs)


def guest_answered() -> sa.ColumnElement[bool]:
    """Whether the household that a message about an event is for has answered since it was written, in whatever way."""
    ours = (told.message_id == message.id, guest.id == told.guest_id, guest.answered_at > message.created_at)
    return exists([core(EventTold), core(EventGuest)], *ours)


def reminds_of_another_time() -> sa.ColumnElement[bool]:
    """Whether an event was changed, and families were told so, since a reminder of it was written."""
    is_reminder = exists([core(EventTold)], told.message_id == message.id, told.kind == fixed("reminder"))
    return sa.case((event.changed_at > message.created_at, is_reminder), else_=sa.false())


def answered() -> sa.ColumnElement[bool]:
    """Whether the contact has answered this run, or somebody by a phone that it shares; of an event, its household."""
    other = core(Message).alias("other")
    same = _of_the_same_guest(reply.message_id)
    own = exists([core(Reply)], reply.run_id == message.run_id, reply.contact_id == message.contact_id, same)
    # Of a phone that two share nobody can say who answered; whoever is known has answered for himself alone.
    anybodys = exists(
        [core(Reply)], reply.message_id == other.c.id, reply.run_id == message.run_id, reply.contact_id.is_(None)
    )
    return sa.or_(own, _for_the_same(anybodys, other), guest_answered())


def reached() -> sa.ColumnElement[bool]:
    """Delivered, or taken by a mail server that has not sent it back (nobody is told more of an email than that)."""
    other = core(Message).alias("other")
    done = sa.or_(
        other.c.state == fixed(MessageState.DELIVERED),
        sa.and_(other.c.medium == fixed(Medium.EMAIL), other.c.state == fixed(MessageState.ACCEPTED)),
    )
    return _for_the_same(sa.and_(other.c.step < message.step, done), other)


@functools.cache
def still_on_their_way(dialect: str) -> sa.Select[tuple[str]]:
    """Which of the messages that are packed as ``ids`` have an earlier step of which nobody can say yet.

    A doubt that arose before ``long_ago`` is not waited for.
    """
    other, lane = core(Message).alias("other"), core(Sender).c
    now = sa.bindparam("now", type_=lane.held_until.type)
    held = sa.and_(lane.held_until.is_not(None), lane.held_until > now)
    works = exists([core(Sender)], lane.id == other.c.sender_id, lane.active, ~held, lane.open_since.is_(None))
    can_tell = exists([core(Sender)], lane.id == other.c.sender_id, lane.open_since.is_(None))
    young = other.c.changed_at > sa.bindparam("long_ago", type_=other.c.changed_at.type)
    in_a_digest = exists([core(DigestItem)], item.message_id == other.c.id)
    on_its_way = sa.or_(
        sa.and_(other.c.state == fixed(MessageState.SENDING), sa.or_(other.c.sender_id.is_not(None), in_a_digest)),
        sa.and_(other.c.state == fixed(MessageState.UNKNOWN), can_tell, young),
        sa.and_(other.c.state == fixed(MessageState.QUEUED), sa.or_(works, other.c.sender_id.is_(None))),  # or a digest
    )
    early = _for_the_same(sa.and_(other.c.step < message.step, on_its_way), other)
    return sa.select(message.id).where(bulk.among(dialect, message.id), early)
