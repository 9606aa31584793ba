"""From a stored message to what a channel is handed: nothing but the words and where they go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from channels.base import CallScript, CallVersion, Medium, Outgoing, Saying
from gateway import validity
from templates import letter

Row = Mapping[str, Any]
_PARTS = ("opening", "fallback", "menu", "thanks", "again")


def script(stored: Row, *, clip_url: Callable[[int], str]) -> CallScript:
    """The script of a call, as it is stored with its message."""
    zero, other = stored.get("zero"), stored.get("other")
    return CallScript(
        **{part: stored.get(part, "") for part in _PARTS},
        zero=Saying(zero["locale"], zero["text"]) if zero else None,
        other=CallVersion(other["locale"], other["body"], script(other["script"], clip_url=clip_url))
        if other
        else None,
        sounds={
            part: [_heard(piece, clip_url) for piece in pieces] for part, pieces in stored.get("sounds", {}).items()
        },
    )


def _heard(piece: Row, clip_url: Callable[[int], str]) -> Saying:
    return Saying(piece["locale"], piece["say"], clip_url(piece["clip"]) if piece["clip"] else "")


def build(
    message: Row,
    *,
    callback_url: str,
    unsubscribe_url: Callable[[str], str],
    now: datetime,
    clip_url: Callable[[int], str] = str,
) -> Outgoing:
    """Make the channel's view of a claimed message. ``clip_url`` gives the address of a recording, for calls."""
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
        script=script(message["script"], clip_url=clip_url) if message["script"] else None,
        valid_seconds=validity.seconds(message["purpose"], message["not_after"], now=now),
        unsubscribe_url=unsubscribe_url(message["id"]) if email and not mandatory else "",
        in_reply_to=message["in_reply_to"] if email else "",
    )
