"""What is done about contact details again and again; every process with the role ``clock`` may do it."""

from __future__ import annotations

from gateway import context
from gateway.database import Session
from gateway.freshness import again, hearing, nagging, proposals, works


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether a turn would find anything to do; reads only."""
    return await hearing.any_waiting(session, gateway) or await proposals.any_expired(session, gateway)


async def turn(session: Session, gateway: context.Gateway) -> None:
    """Take what families have answered, and end what was not proved in time."""
    await hearing.take_answers(session, gateway)
    await proposals.expire(session, gateway)


async def slow_is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether a slow turn would find anything to do; reads only."""
    return (
        await works.is_due(session, gateway)
        or await again.is_due(session, gateway)
        or await nagging.is_due(session, gateway)
    )


async def slow_turn(session: Session, gateway: context.Gateway) -> bool:
    """Remember what works with some, try again after silence with some, and ask some of those of whom nothing is heard.

    No more than keeps nobody waiting for the database. Whether there may be more to do.
    """
    done = await works.remember(session, gateway)
    done += await again.turn(session, gateway)
    done += await nagging.ask(session, gateway)
    return bool(done)
