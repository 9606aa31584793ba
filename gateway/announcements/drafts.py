"""Drafts of announcements: kept as they were typed, until they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from gateway import audit, context, errors, notices, tasks
from gateway.database import Session
from gateway.definitions import model
from gateway.models import AnnouncementDraft, Notice, NoticeState

#: So long the first message waits for somebody who sees the mistake only after the button.
HOLD: Final = timedelta(seconds=60)

Typed = Mapping[str, Sequence[str]]


async def save(
    session: Session, gateway: context.Gateway, typed: Typed, *, title: str, by: str, draft_id: str = ""
) -> AnnouncementDraft:
    """Keep what was typed.

    Raises :class:`errors.NotFound`, :class:`errors.Conflict` for one that was sent meanwhile.
    """
    now = gateway.now()
    if draft_id:
        draft = await find(session, draft_id, lock=True)
        if draft.notice_id is not None:
            raise errors.Conflict("This announcement was sent meanwhile. Write a new one.")
    else:
        draft = AnnouncementDraft(
            id=gateway.new_id(), typed={}, author=by, created_at=now, changed_at=now, changed_by=by
        )
    draft.typed = {name: list(values) for name, values in typed.items()}
    draft.title, draft.changed_at, draft.changed_by = title, now, by
    session.add(draft)
    await session.flush()
    await gateway.log.record(session, audit.Line("announcement.drafted", f"draft:{draft.id}", actor=by), now=now)
    return draft


async def find(session: Session, draft_id: str, *, lock: bool = False) -> AnnouncementDraft:
    """A draft. Raises :class:`errors.NotFound`."""
    found = await session.get(AnnouncementDraft, draft_id, with_for_update=lock or None)
    if found is None:
        raise errors.NotFound("There is no such draft.")
    return found


async def listed(session: Session, *, author: str = "") -> Sequence[AnnouncementDraft]:
    """What is being written, by anybody or by ``author``; the latest first."""
    query = select(AnnouncementDraft).where(col(AnnouncementDraft.notice_id).is_(None))
    if author:
        query = query.where(AnnouncementDraft.author == author)
    return (await session.scalars(query.order_by(col(AnnouncementDraft.changed_at).desc()))).all()


async def drop(session: Session, gateway: context.Gateway, draft_id: str, *, by: str) -> None:
    """Throw a draft away. Raises :class:`errors.NotFound`."""
    draft, now = await find(session, draft_id, lock=True), gateway.now()
    if draft.notice_id is not None:
        raise errors.Conflict("This announcement was sent meanwhile.")
    await session.delete(draft)
    await _over(session, gateway, draft_id, by=by)
    await gateway.log.record(session, audit.Line("announcement.dropped", f"draft:{draft_id}", actor=by), now=now)


async def send(
    session: Session, gateway: context.Gateway, draft: AnnouncementDraft, definition: model.Definition, *, by: str
) -> Notice:
    """Hand it in. The first message leaves in a minute at the earliest.

    Raises :class:`errors.BadDefinition`, :class:`errors.Conflict` where somebody was faster.
    """
    await session.refresh(draft, with_for_update=True)
    if draft.notice_id is not None:
        raise errors.Conflict("This announcement has been sent already.")
    if not definition.schedule.at and not definition.schedule.repeats:
        at = gateway.now() + HOLD
        definition = definition.model_copy(update={"schedule": model.Schedule(at=at)})
    notice = await notices.submit(session, gateway, definition, author=by)
    draft.notice_id = notice.id
    session.add(draft)
    await session.flush()
    await _over(session, gateway, draft.id, by=by)
    return notice


async def _over(session: Session, gateway: context.Gateway, draft_id: str, *, by: str) -> None:
    """Nobody need look at it any more."""
    await tasks.over(session, f"draft:{draft_id}", by=by, log=gateway.log, now=gateway.now())


async def stop(session: Session, gateway: context.Gateway, notice: Notice, *, by: str) -> AnnouncementDraft | None:
    """Take back what has not left. Gives the draft to go on with, where nothing has been made ready yet."""
    untouched = notice.state in (NoticeState.SCHEDULED, NoticeState.HELD) and not await notices.run_ids(session, notice)
    await notices.cancel(session, gateway, notice.id, actor=by)
    if not untouched:
        return None
    query = select(AnnouncementDraft).where(AnnouncementDraft.notice_id == notice.id)
    draft = (await session.scalars(query)).one_or_none()
    if draft is not None:
        draft.notice_id = None
        session.add(draft)
    return draft
