"""Before it goes: a colleague looks at an announcement, and whoever writes it gets a copy by email."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import col, select

from gateway import audit, context, errors, staff, tasks
from gateway.accounts import signatures
from gateway.announcements import outlook
from gateway.database import Session
from gateway.models import Account, AnnouncementDraft, Purpose, Task

_KIND: Final = "announcement.look"
_WHAT: Final = "{who} asks {colleague} to look at the announcement “{title}” before it is sent."
_CURE: Final = "Open it under Announcements, Drafts, and say on its page that it is right."
_MAIL: Final = "{who} asks you to look at the announcement “{title}” before it is sent:\n\n{url}\n"


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody was asked, and what came of it. ``stale``: it was changed after they had looked."""

    asked: str
    asked_at: datetime
    by: str
    at: datetime | None
    stale: bool


async def ask(
    session: Session, gateway: context.Gateway, draft: AnnouncementDraft, colleague: Account, *, by: str
) -> bool:
    """Ask a colleague to look at a draft; it stands under what staff must see to. Whether they get a mail, too."""
    now, who = gateway.now(), by.removeprefix("office:")
    words = {"who": who, "colleague": colleague.name, "title": draft.title or "without a name"}
    wanted = tasks.Ask(_KIND, f"draft:{draft.id}", _WHAT.format(**words), _CURE)
    await tasks.ask(session, wanted, log=gateway.log, now=now)
    line = audit.Line("announcement.look_asked", f"draft:{draft.id}", {"account": colleague.id}, by)
    await gateway.log.record(session, line, now=now)
    mail = _MAIL.format(**words, url=f"{gateway.office_url}/announcements/{draft.id}/check")
    return bool(await _write(session, gateway, colleague, mail, "Please look at this announcement", f"look:{draft.id}"))


async def looked(session: Session, gateway: context.Gateway, draft: AnnouncementDraft, *, by: str) -> None:
    """It is right, says somebody who was asked.

    Raises :class:`errors.Conflict` where nobody was, or for whoever has written in it last.
    """
    if signatures.objection(by, draft.changed_by):
        raise errors.Conflict("You have written it yourself: somebody else looks at it.")
    query = select(Task.id).where(Task.open_key == f"{_KIND} draft:{draft.id}")
    task_id = (await session.scalars(query)).one_or_none()
    if task_id is None:
        raise errors.Conflict("Nobody waits for a look at it any more.")
    await tasks.done(session, task_id, by=by, log=gateway.log, now=gateway.now())


async def read(session: Session, draft: AnnouncementDraft) -> Look | None:
    """What was asked last about a draft; None for nothing."""
    query = select(Task).where(Task.kind == _KIND, Task.subject == f"draft:{draft.id}").order_by(col(Task.id).desc())
    task = (await session.scalars(query.limit(1))).one_or_none()
    if task is None:
        return None
    stale = task.done_at is not None and draft.changed_at > task.done_at
    return Look(task.what, task.opened_at, task.done_by.removeprefix("office:"), task.done_at, stale)


async def copy(
    session: Session, gateway: context.Gateway, draft: AnnouncementDraft, coming: outlook.Outlook, to: Account, *,
    by: str,
) -> bool:  # fmt: skip
    """Send somebody of the school what families will read, in each language. Whether there is a sender for it."""
    said = [f"{one.name}\n\n{one.sample.text}" for one in coming.languages if one.sample]
    sent = await _write(session, gateway, to, "\n\n\n".join(said), f"Copy: {draft.title}", f"copy:{draft.id}")
    if sent:
        line = audit.Line("announcement.copied", f"draft:{draft.id}", {"messages": sent}, by)
        await gateway.log.record(session, line, now=gateway.now())
    return bool(sent)


async def _write(
    session: Session, gateway: context.Gateway, to: Account, words: str, subject: str, slot: str
) -> list[str]:
    purpose = Purpose.SERVICE
    return await staff.write(
        session, gateway, [to.email], words, subject=subject, slot=f"{slot}:{gateway.now():%d%H%M%S}", purpose=purpose,
        priority=purpose.priority,
    )  # fmt: skip
