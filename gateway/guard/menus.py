"""Of menus: whether one may be answered at a phone, and whether the text has left that our question goes beside.

Both are looked at when the question for a language is claimed, and not only when it is planned: it is the last of all
to leave, and a menu that came meanwhile, as where a child is missing, has the same keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from gateway.guard import reasons
from gateway.guard.asked import exists, message, one_of
from gateway.models import Message, MessageState
from gateway.models.types import core, fixed

OPEN_FOR: Final = timedelta(days=14)  #: as long a key may answer an earlier menu (``replies.ANSWERS_WITHIN``)

#: Nobody reads, or ever read, a message in one of these.
NOT_SENT: Final = (MessageState.SKIPPED, MessageState.CANCELLED, MessageState.EXPIRED)
#: Of a menu: it may be answered, or will be.
OPEN: Final[Sequence[MessageState]] = [one for one in MessageState if one not in (*NOT_SENT, MessageState.FAILED)]

_LEFT: Final = (MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)
_WAITS: Final = (MessageState.QUEUED, MessageState.HELD)


def another_waits() -> sa.ColumnElement[bool]:
    """Whether a menu that is no question for a language may be answered there, or is about to leave."""
    other = core(Message).alias("other")
    since = sa.bindparam("menus_since", type_=other.c.created_at.type)
    return exists(
        [other],
        other.c.address == message.address,
        other.c["keys"] != fixed(""),
        other.c.only_if != fixed(reasons.BESIDE),
        one_of(other.c.state, OPEN),
        other.c.created_at > since,
    )


def text_waits() -> sa.ColumnElement[bool]:
    """Whether the text that it goes beside has yet to leave."""
    return _of_text(_WAITS)


def text_is_gone() -> sa.ColumnElement[bool]:
    """Whether the text that it goes beside has not left, and never will."""
    return ~_of_text((*_LEFT, *_WAITS))


def _of_text(states: Sequence[MessageState]) -> sa.ColumnElement[bool]:
    text = core(Message).alias("text")
    return exists([text], text.c.id == message.in_reply_to, one_of(text.c.state, states))
