"""One call to a phone at a time: whoever is on the phone with us would be found engaged by ourselves.

It also keeps two calls apart in the provider's list, which shows of a call nothing but its numbers and its moment.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from channels.base import Medium
from gateway import bulk
from gateway.models import Message, MessageState
from gateway.models.types import core, fixed

message = core(Message).c

AGAIN_IN = timedelta(seconds=5)  #: so much later it is seen whether the phone is free
#: A call rings for a minute and is heard out in another; so long its end is waited for, which may never be told.
LONGEST_CALL = timedelta(minutes=2)
#: So long a call in doubt is waited for: its lease is over, and mostly the provider's list has told by then.
LONGEST_DOUBT = timedelta(minutes=5)


def engaged(connection: Connection, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[str]:
    """Calls among these whose phone another call of ours may be ringing, be it one of these before it."""
    later, first = list[str](), dict[str, str]()
    for row in rows:
        if row["medium"] is Medium.VOICE and first.setdefault(row["address"], row["id"]) != row["id"]:
            later.append(row["id"])
    if not first:
        return []
    values = {
        "ids": bulk.packed_ids(first.values()),
        "call": now - LONGEST_CALL,
        "doubt": now - LONGEST_DOUBT,
    }
    ringing = bulk.run(connection, _ringing(bulk.dialect(connection)), values)
    return [*later, *(str(one) for (one,) in ringing)]


@functools.cache
def _ringing(dialect: str) -> sa.Select[tuple[str]]:
    """Which of the messages that are packed as ``ids`` are for a phone to which a call is under way."""
    other = core(Message).alias("other").c
    call, doubt = (sa.bindparam(name, type_=message.changed_at.type) for name in ("call", "doubt"))
    open_call = sa.or_(
        other.state == fixed(MessageState.SENDING),
        sa.and_(other.state == fixed(MessageState.ACCEPTED), other.changed_at > call),
        sa.and_(other.state == fixed(MessageState.UNKNOWN), other.changed_at > doubt),
    )
    same_phone = sa.and_(other.address == message.address, other.medium == fixed(Medium.VOICE), other.id != message.id)
    ringing = sa.exists(sa.select(sa.literal_column("1")).where(same_phone, open_call).correlate(core(Message)))
    return sa.select(message.id).where(bulk.among(dialect, message.id), ringing)
