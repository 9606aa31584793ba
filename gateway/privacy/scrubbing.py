"""What a provider still holds of our texts is deleted there: its own list of words to delete, which survives failures.

Only of messages that have come to their end, some days ago: a doubt is decided by what the provider's list says.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from channels.base import CouldNotScrub, Medium, Scrubs
from gateway import audit, context, tasks
from gateway.database import Session
from gateway.models import Inbound, Message, MessageState, Scrub, Sender
from gateway.models.types import core

logger = structlog.get_logger()

_AT_ONCE = 2000  #: rows that are noted in one transaction
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=5), timedelta(days=1)
_TELL = 12  #: after so many tries, some days, a person is told
_END: Final = (MessageState.DELIVERED, MessageState.FAILED)
_SINCE = timedelta(days=400)  #: a provider keeps nothing for longer

_scrub, _message, _sender, _inbound = core(Scrub), core(Message), core(Sender), core(Inbound)


async def note(session: Session, gateway: context.Gateway) -> int:
    """Note texts, ours and families', whose words the provider need not have any more. Gives how many."""
    wait = gateway.settings.retention.provider_days
    names = [name for name, one in gateway.channels.items() if isinstance(one, Scrubs) and one.medium is Medium.SMS]
    if not wait or not names:
        return 0
    now = gateway.now()
    before, since = now - timedelta(days=wait), now - _SINCE
    known = sa.exists().where(_scrub.c.channel == _sender.c.channel, _scrub.c.ref == _message.c.ref)
    sent = (
        sa.select(_sender.c.channel, _message.c.ref)
        .join(_sender, _sender.c.id == _message.c.sender_id)
        .where(_sender.c.channel.in_(names), _message.c.ref != "", _message.c.state.in_(_END))
        .where(_message.c.changed_at < before, _message.c.changed_at > since, ~known)
        .limit(_AT_ONCE)
    )
    known = sa.exists().where(_scrub.c.channel == _inbound.c.channel, _scrub.c.ref == _inbound.c.event_id)
    came = (
        sa.select(_inbound.c.channel, _inbound.c.event_id)
        .where(_inbound.c.channel.in_(names), _inbound.c.kind == "reply", _inbound.c.handled_at.is_not(None))
        .where(_inbound.c.received_at < before, _inbound.c.received_at > since, ~known)
        .limit(_AT_ONCE)
    )
    rows = [*(await session.execute(sent)).all(), *(await session.execute(came)).all()]
    for channel, ref in dict.fromkeys(tuple(row) for row in rows):
        session.add(Scrub(channel=channel, ref=ref, due_at=now))
    return len(rows)


async def work(gateway: context.Gateway) -> bool:
    """Delete the next one at its provider, or put it off. Gives whether there was one."""
    one = await _claim(gateway)
    if one is None:
        return False
    channel = gateway.channels[one.channel]
    if not isinstance(channel, Scrubs):
        return False
    trouble = ""
    try:
        await channel.scrub(one.ref)
    except CouldNotScrub as error:
        trouble = str(error)
        logger.info("scrub.put_off", scrub=one.id, tries=one.tries, why=trouble)
    now = gateway.now()
    async with gateway.database.write() as session:
        values = {"done_at": now, "due_at": None, "trouble": ""}
        if trouble:
            pause = min(_FIRST_PAUSE * 2 ** min(one.tries - 1, 10), _LONGEST_PAUSE)
            values = {"due_at": now + pause, "trouble": trouble}
        await session.execute(sa.update(_scrub).where(_scrub.c.id == one.id).values(values))
        if trouble and one.tries == _TELL:
            what = f"The words of a text cannot be deleted at the provider. {trouble}"
            ask = tasks.Ask("scrub", f"scrub:{one.channel}", what, "handbell doctor says whether the provider answers.")
            await tasks.ask(session, ask, log=gateway.log, now=now)
        if not trouble:
            line = audit.Line("message.scrubbed", f"scrub:{one.id}", {"channel": one.channel})
            await gateway.log.record(session, line, now=now)
    return True


async def _claim(gateway: context.Gateway) -> Scrub | None:
    """The next one that is due, with a lease on it."""
    names = [name for name, one in gateway.channels.items() if isinstance(one, Scrubs)]
    now = gateway.now()
    query = sa.select(Scrub).where(_scrub.c.due_at <= now, _scrub.c.channel.in_(names)).order_by(_scrub.c.due_at)
    async with gateway.database.read() as session:
        if (await session.scalars(query.limit(1))).first() is None:
            return None
    async with gateway.database.write() as session:
        found = (await session.scalars(query.limit(1).with_for_update(skip_locked=True))).first()
        if found is not None:
            found.due_at, found.tries = now + _FIRST_PAUSE, found.tries + 1
            session.add(found)
        return found


async def waiting(session: Session) -> tuple[int, int]:
    """How many are to be deleted still, and how many were."""
    open_ones = await session.scalar(sa.select(sa.func.count()).where(_scrub.c.due_at.is_not(None)))
    return open_ones or 0, await session.scalar(sa.select(sa.func.count()).where(_scrub.c.done_at.is_not(None))) or 0
