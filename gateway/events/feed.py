"""The calendar of a form, by an address that nobody can guess: dates of the school's, and nothing about anybody.

It is made anew from the events whose guests are of that form, or to which the whole school is invited. Its moments are
those of the last change, so the same events make the same bytes, and a calendar that asks again is told «unchanged».
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import context
from gateway.database import Session
from gateway.events import links
from gateway.events.guests import GUESTS, PARTIES
from gateway.models import Notice, NoticeState, Pupil, SchoolEvent
from gateway.models.types import core
from templates import invitation

_PURPOSE = "calendar"
_KEPT = timedelta(days=100)  #: so long events stay in it that are over


def url(gateway: context.Gateway, form: str) -> str:
    """The address of a form's calendar."""
    name = form.casefold()
    return f"{links.base(gateway)}/calendar/{name.encode().hex()}/{gateway.sign(_PURPOSE, name)}.ics"


def form_of(gateway: context.Gateway, name: str, token: str) -> str | None:
    """The form that an address is for, None for an address that is not ours."""
    try:
        form = bytes.fromhex(name).decode()
    except ValueError:
        return None
    return form if token.isascii() and gateway.signed(_PURPOSE, form, token) else None


async def of_form(session: Session, gateway: context.Gateway, form: str) -> tuple[bytes, str]:
    """The calendar of a form, and its ETag."""
    found = await _events(session, form, since=gateway.now() - _KEPT)
    entries = [
        invitation.Entry(
            uid=f"{event.key}@handbell",
            title=event.title,
            starts=event.starts_at,
            ends=event.ends_at,
            place=event.place,
            cancelled=event.cancelled_at is not None,
            sequence=event.sequence,
            changed=changed,
        )
        for event, changed in found
    ]
    content = invitation.calendar(entries, name=f"{gateway.settings.school.short_name} {form.upper()}")
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


async def _events(session: Session, form: str, *, since: datetime) -> Sequence[tuple[SchoolEvent, datetime]]:
    """What families of a form were told of, with when it last changed. What is held or was never announced is not."""
    pupil, notice = core(Pupil).c, core(Notice).c
    invited = (
        sa.select(GUESTS.c.event_id)
        .join(PARTIES, PARTIES.c.guest_id == GUESTS.c.id)
        .join(core(Pupil), pupil.id == PARTIES.c.pupil_id)
        .where(sa.func.lower(pupil.form) == form)
    )
    query = (
        select(SchoolEvent, Notice.created_at)
        .join(Notice, notice.key == col(SchoolEvent.key))
        .where(col(SchoolEvent.id).in_(invited), col(SchoolEvent.starts_at) > since, notice.state != NoticeState.HELD)
        .order_by(col(SchoolEvent.starts_at), col(SchoolEvent.id))
    )
    return [(event, event.changed_at or created) for event, created in (await session.execute(query)).all()]
