"""An event's further notices: each is a notice by itself, to be seen, approved or taken back like any other."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, context
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.events import tellings
from gateway.events.tellings import Happening, Kind
from gateway.models import Notice, NoticeState, SchoolEvent
from gateway.models.types import core
from gateway.preferences import topics

AUTHOR: Final = "handbell"
_LONGEST_KEY: Final = 80


async def add(
    session: Session,
    gateway: context.Gateway,
    happening: Happening,
    kind: Kind,
    *,
    fire_at: datetime,
    details: str = "",
    starts: datetime | None = None,
) -> Notice:
    """Make one that goes out at a moment. ``starts``, in local time, is the first time of the day that it is about."""
    key, now = await _free_key(session, happening.event, kind), gateway.now()
    definition = tellings.notice_of(happening, kind, key=key, details=details, starts=starts)
    notice = Notice(
        id=gateway.new_id(),
        key=key,
        title=f"{happening.event.title}: {kind.value}",
        purpose=definition.purpose,
        topic=topics.declinable(definition),
        state=NoticeState.SCHEDULED,
        definition=stored(definition),
        event_id=happening.event.id,
        author=AUTHOR,
        created_at=now,
        next_fire_at=fire_at,
    )
    session.add(notice)
    await session.flush()
    facts = {"key": key, "kind": kind.value, "at": fire_at}
    await gateway.log.record(session, audit.Line("notice.submitted", f"notice:{notice.id}", facts), now=now)
    return notice


async def of(session: Session, event: SchoolEvent, kind: Kind) -> list[tuple[Notice, model.Definition]]:
    """The notices of one kind that an event has, oldest first, held until the caller's transaction ends."""
    query = select(Notice).where(Notice.event_id == event.id).order_by(col(Notice.created_at), col(Notice.id))
    found = [(one, reading.stored(one.definition)) for one in await session.scalars(query.with_for_update())]
    return [(one, definition) for one, definition in found if tellings.kind_of(definition, event) is kind]


def stored(definition: model.Definition) -> dict[str, object]:
    """A definition as it is kept with its notice."""
    return definition.model_dump(mode="json", by_alias=True, exclude_defaults=True)


async def _free_key(session: Session, event: SchoolEvent, kind: Kind) -> str:
    """``KEY-reminder``, then ``KEY-reminder-2``: one that no notice has, whoever wrote that."""
    number, t = 1, core(Notice).c
    while True:
        end = f"-{kind.value}{f'-{number}' if number > 1 else ''}"
        key = f"{event.key[: _LONGEST_KEY - len(end)]}{end}"
        if await session.scalar(sa.select(t.id).where(t.key == key)) is None:
            return key
        number += 1
