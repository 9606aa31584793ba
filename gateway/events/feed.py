"""The calendar of a form, by an address that nobody can guess: dates of the school's, and nothing about anybody.

It is made anew from the events to which the form, its year or the whole school is invited. What is for some of its
children alone (a group, named pupils) is not in it: the form would read of whom it is. Its moments are those of the
last change, so the same events make the same bytes, and a calendar that asks again is told «unchanged».
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import context
from gateway.database import Session
from gateway.definitions import model, reading
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
    ours = sa.func.lower(pupil.form) == form
    invited = (
        sa.select(GUESTS.c.event_id)
        .join(PARTIES, PARTIES.c.guest_id == GUESTS.c.id)
        .join(core(Pupil), pupil.id == PARTIES.c.pupil_id)
        .where(ours)
    )
    query = (
        select(SchoolEvent, Notice)
        .join(Notice, notice.key == col(SchoolEvent.key))
        .where(col(SchoolEvent.id).in_(invited), col(SchoolEvent.starts_at) > since, notice.state != NoticeState.HELD)
        .order_by(col(SchoolEvent.starts_at), col(SchoolEvent.id))
    )
    years = {year.casefold() for year in await session.scalars(sa.select(pupil.year).where(ours).distinct())}
    return [
        (event, event.changed_at or announced.created_at)
        for event, announced in (await session.execute(query)).all()
        if _is_for(reading.stored(announced.definition).audience, form, years)
    ]


def _is_for(audience: model.Audience, form: str, years: Collection[str]) -> bool:
    """Whether all of a form are invited."""
    forms, theirs = ({one.casefold() for one in some} for some in (audience.forms, audience.years))
    return audience.whole_school or form in forms or not theirs.isdisjoint(years)
