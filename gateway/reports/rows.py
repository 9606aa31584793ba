"""What rows of messages mean for counting: whose days they are of, what has arrived, and what is counted once."""

from __future__ import annotations

import sqlalchemy as sa

from gateway import digest
from gateway.models import DigestItem, Letter, Message, MessageState
from gateway.models.types import core
from gateway.reports import figures

ARRIVED = (MessageState.ACCEPTED, MessageState.DELIVERED)

_message = core(Message).c


def within(period: figures.Period) -> sa.ColumnElement[bool]:
    """Messages that were due in these days."""
    return sa.and_(_message.due_at >= period.begins, _message.due_at < period.ends)


def posted() -> sa.ColumnElement[bool]:
    """A message instead of which a letter was posted."""
    letter = core(Letter).c
    return sa.exists().where(letter.message_id == _message.id, letter.posted_at.is_not(None))


def no_digest() -> sa.ColumnElement[bool]:
    """No message that only carries others: those are counted themselves."""
    return ~_message.slot.startswith(digest.SLOT, autoescape=True)


def by_itself() -> sa.ColumnElement[bool]:
    """What left by itself, and not within a digest that is paid for."""
    item = core(DigestItem).c
    return ~sa.exists().where(item.message_id == _message.id)
