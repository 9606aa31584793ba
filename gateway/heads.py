"""The head of the audit log, published once a day outside the database: into the journal, and by email.

Whoever has the key and the database can make the log anew. Nobody can do that to what is in other people's mailboxes.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Final

import structlog

from gateway import audit, chain, context, staff
from gateway.database import Session
from gateway.models import Purpose
from scheduler import calendar

logger = structlog.get_logger()

PUBLISHED: Final = "audit.head_published"


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether today's head is still to be published."""
    begins = datetime.combine(gateway.today(), time.fromisoformat(gateway.settings.audit.publish_at))
    if gateway.now() < calendar.to_utc(begins, gateway.timezone):
        return False
    return not await audit.lines_about(session, _subject(gateway.today()), action=PUBLISHED, limit=1)


async def publish(session: Session, gateway: context.Gateway) -> bool:
    """Publish it, in the caller's transaction: the mails and the line that says so are there, or neither is.

    The journal has it before that is committed: rather twice than not at all.
    """
    await chain.lock(session)  # ten processes publish once
    if not await is_due(session, gateway):
        return False
    link, newest = await chain.head(session)
    logger.info("audit.head", lines=link, head=newest)
    school, day = gateway.settings.school.short_name, gateway.today()
    sent = await staff.write(
        session,
        gateway,
        gateway.settings.audit.publish_to,
        _words(link, newest, day),
        subject=f"{school}: the seal of Handbell's log, {day:%d/%m/%Y}",
        slot=_subject(day),
        purpose=Purpose.SERVICE,
        priority=Purpose.GOOD_NEWS.priority,
    )
    facts = {"lines": link, "head": newest, "messages": sent}
    await gateway.log.record(session, audit.Line(PUBLISHED, _subject(day), facts), now=gateway.now())
    return True


def _subject(day: date) -> str:
    return f"audit:{day}"


def _words(link: int, newest: str, day: date) -> str:
    return (
        f"On {day:%d/%m/%Y} Handbell's log of every deed had {link} sealed lines, and this head:\n\n{newest}\n\n"
        "Keep this mail. It proves later that no line before it was changed, added or removed:\n\n"
        f"handbell audit verify --against {newest}"
    )
