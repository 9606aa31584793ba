"""What a provider brings, as it is stored; and how many of its calls share one statement and one commit.

A text brings two or three callbacks, so a school's morning brings thousands within minutes, and each waits for its
answer until it is safe on disk.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy.engine import Connection

from channels import base
from channels.base import Medium, Reason, Receipt, ReceiptState, Reply
from gateway import bulk, commits
from gateway.database import Database, is_in_trouble
from gateway.models import Inbound
from gateway.models.types import core

#: What makes an event unique: a doubled delivery finds its row and changes nothing.
KEY: Final = ("channel", "event_id")

Row = dict[str, Any]


def rows(channel: str, events: Sequence[base.Event], *, now: datetime) -> list[Row]:
    """Events as rows of the table ``inbound``, all with the same columns."""
    return [
        {
            "channel": channel,
            "event_id": event.event_id,
            "kind": "reply" if isinstance(event, Reply) else "receipt",
            "event": _packed(event),
            "raw": dict(event.raw),
            "message_id": event.in_reply_to if isinstance(event, Reply) else event.message_id,
            "ref": "" if isinstance(event, Reply) else event.ref,
            "received_at": now,
            "tries": 0,
            "outcome": "",
        }
        for event in map(_storable, events)
    ]


class Arrivals:
    """Stores the events of many calls together. Used within one event loop."""

    def __init__(self, database: Database):
        self._database = database
        self._gathering: commits.Gathering[list[Row]] = commits.Gathering(self._write)

    async def store(self, channel: str, events: Sequence[base.Event], *, now: datetime) -> None:
        """Store events, all or none; those that are stored already change nothing.

        Gives back once they are committed, and raises why they could not be: then nothing of them was kept.
        """
        await self._gathering.do(rows(channel, events, now=now))

    async def _write(self, calls: list[list[Row]]) -> list[Exception | None]:
        try:
            await self._database.at_once(partial(_insert, [row for call in calls for row in call]))
        except Exception as error:  # nothing was kept
            if len(calls) == 1 or is_in_trouble(error):  # each alone would only wait for the same
                return [error] * len(calls)
            # One call with something in it that the database does not take must not send all the others away.
            return [answer for call in calls for answer in await self._write([call])]
        return [None] * len(calls)


def _insert(rows: Sequence[Row], connection: Connection) -> None:
    if rows:
        values = [tuple(row.values()) for row in rows]
        bulk.insert(connection, core(Inbound), list(rows[0]), values, once=KEY)


def unpacked(kind: str, packed: dict[str, Any]) -> base.Event:
    """The event as the channel gave it (without its raw fields)."""
    fields: dict[str, Any] = packed | {"at": datetime.fromisoformat(packed["at"])}
    if kind == "reply":
        fields["medium"] = Medium(fields["medium"])
        return Reply(**fields)
    fields["state"] = ReceiptState(fields["state"])
    fields["reason"] = Reason(fields["reason"]) if fields["reason"] else None
    return Receipt(**fields)


def _packed(event: base.Event) -> dict[str, Any]:
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event) if field.name != "raw"}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}


def _storable(event: base.Event) -> base.Event:
    """An event whose text every database takes: PostgreSQL has no place for a NUL, and none for half a letter."""
    values = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    clean: dict[str, Any] = {name: _mend(value) for name, value in values.items() if type(value) is str}
    return dataclasses.replace(event, **clean, raw={name: _mend(value) for name, value in event.raw.items()})


def _mend(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
