"""A link in an email by which its reader answers a survey without writing: signed for this one message.

A GET of it shows the question, and only a POST answers: mail scanners follow every link.
"""

from __future__ import annotations

from collections.abc import Sequence

from channels.base import Medium
from gateway import context, planner
from gateway.models import MessageState, Purpose
from templates import letter

_PURPOSE = "survey"


def url(gateway: context.Gateway, message_id: str) -> str:
    """The page of one message."""
    base = gateway.public_url or gateway.settings.web.here
    return f"{base}/s/{message_id}/{gateway.sign(_PURPOSE, message_id)}"


def holds(gateway: context.Gateway, message_id: str, token: str) -> bool:
    """Whether a link is ours."""
    return token.isascii() and gateway.signed(_PURPOSE, message_id, token)


def added(gateway: context.Gateway, rows: Sequence[planner.Planned]) -> list[planner.Planned]:
    """Planned rows, with the link below the words of each email of a survey that asks something."""
    return [_with_link(gateway, row) if _asks(row) else row for row in rows]


def _asks(row: planner.Planned) -> bool:
    message = row.message
    leaves = message.medium is Medium.EMAIL and message.state is not MessageState.SKIPPED
    return leaves and message.purpose is Purpose.SURVEY and bool(message.keys)


def _with_link(gateway: context.Gateway, row: planner.Planned) -> planner.Planned:
    body, mark, footer = row.message.body.partition(letter.FOOTER_MARK)
    body = f"{body}\n\n{url(gateway, row.message.id)}{mark}{footer}"
    return row._replace(message=row.message._replace(body=body))
