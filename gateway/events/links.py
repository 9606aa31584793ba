"""Links by which a family answers an invitation: signed, and only until the last time begins.

The address says for which guest, whose email it stood in, and until when; nobody can make another without our secret.
Whoever has it can answer for that household and sees no more than the event and its times; who has been barred from the
child since sees nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gateway import context
from gateway.models import EventGuest

_PURPOSE = "event"


def url(gateway: context.Gateway, guest: EventGuest, contact_id: int, *, until: datetime) -> str:
    """The page of one guest for one of its contacts, until a moment."""
    what = f"{guest.id}:{contact_id}:{int(until.timestamp())}"
    return f"{base(gateway)}/e/{what.replace(':', '/')}/{gateway.sign(_PURPOSE, what)}"


def base(gateway: context.Gateway) -> str:
    """Where families reach our pages."""
    return gateway.public_url or gateway.settings.web.here


def holds(gateway: context.Gateway, guest_id: int, contact_id: int, until: int, token: str) -> bool:
    """Whether a link is ours and has not ended."""
    if not token.isascii() or not gateway.signed(_PURPOSE, f"{guest_id}:{contact_id}:{until}", token):
        return False
    return gateway.now() < datetime.fromtimestamp(until, UTC)
