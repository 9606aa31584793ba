"""From a stored message to what a channel is handed: nothing but the words and where they go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from channels.base import CallScript, Medium, Outgoing
from gateway import validity
from templates import letter

Row = Mapping[str, Any]


def build(message: Row, *, callback_url: str, unsubscribe_url: Callable[[str], str], now: datetime) -> Outgoing:
    """Make the channel's view of a claimed message."""
    medium = Medium(message["medium"])
    email = medium is Medium.EMAIL
    mandatory = message["purpose"].mandatory
    return Outgoing(
        id=message["id"],
        attempt=message["attempt"],
        to=message["address"],
        sender=message["sender"],
        subject=message["subject"],
        body=message["body"],
        html=letter.from_plain(message["body"], title=message["subject"], language=message["language"])
        if email
        else "",
        locale=message["language"],
        callback_url=callback_url,
        keys=tuple(message["keys"]),
        script=CallScript(**message["script"]) if message["script"] else None,
        valid_seconds=validity.seconds(message["purpose"], message["not_after"], now=now),
        unsubscribe_url=unsubscribe_url(message["id"]) if email and not mandatory else "",
        in_reply_to=message["in_reply_to"] if email else "",
    )
