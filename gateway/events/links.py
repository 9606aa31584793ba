"""Links by which a family answers an invitation: signed, and only until the last time begins.

The address says which guest and until when; nobody can make another without our secret. Whoever has it can answer for
that household and sees no more than the event and its times.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gateway import context
from gateway.models import EventGuest

_PURPOSE = "event"


def url(gateway: context.Gateway, guest: EventGuest, *, until: datetime) -> str:
    """The page of one guest, until a moment."""
    ends = int(until.timestamp())
    return f"{base(gateway)}/e/{guest.id}/{ends}/{gateway.sign(_PURPOSE, f'{guest.id}:{ends}')}"


def base(gateway: context.Gateway) -> str:
    """Where families reach our pages."""
    return gateway.public_url or f"http://{gateway.settings.web.host}:{gateway.settings.web.port}"


def holds(gateway: context.Gateway, guest_id: int, until: int, token: str) -> bool:
    """Whether a link is ours and has not ended."""
    if not token.isascii() or not gateway.signed(_PURPOSE, f"{guest_id}:{until}", token):
        return False
    return gateway.now() < datetime.fromtimestamp(until, UTC)
