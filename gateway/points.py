"""What the evidence says of a phone or a mailbox: every contact who shares the address is concerned."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium, Reason
from gateway import audit
from gateway.database import Session
from gateway.models import ContactPoint, LineType, Message, OptOut, PointKind, PointState

STRIKES_TO_DOUBT = 3


def kind_of(medium: Medium) -> PointKind:
    """The kind of contact point that a medium needs."""
    return PointKind.EMAIL if medium is Medium.EMAIL else PointKind.PHONE


async def good(session: Session, medium: Medium, address: str, *, at: datetime) -> None:
    """Good news of an address: it works."""
    await session.execute(
        sa.update(ContactPoint)
        .where(col(ContactPoint.kind) == kind_of(medium), col(ContactPoint.address) == address)
        .where(sa.or_(col(ContactPoint.last_good_at).is_(None), col(ContactPoint.last_good_at) < at))
        .values(state=PointState.WORKING, strikes=0, last_good_at=at)
    )


async def bad(session: Session, message: Message, reason: Reason, *, log: audit.Log, now: datetime) -> None:
    """Bad news of an address: a strike each time; an address that does not exist is dead at once.

    A number that cannot take texts may still ring: a text's failure never kills a phone, it only ends texts to it.
    """
    query = select(ContactPoint).where(
        ContactPoint.kind == kind_of(message.medium), ContactPoint.address == message.address
    )
    for point in await session.scalars(query):
        point.strikes += 1
        point.last_bad_at, point.last_bad_reason = now, reason.value
        if reason is Reason.BAD_ADDRESS and message.medium is Medium.SMS:
            point.line_type, point.state = LineType.OTHER, PointState.DOUBTFUL
        elif reason is Reason.BAD_ADDRESS:
            point.state = PointState.DEAD
        elif point.strikes >= STRIKES_TO_DOUBT and point.state is not PointState.DEAD:
            point.state = PointState.DOUBTFUL
        session.add(point)
        facts = {"reason": reason.value, "state": point.state.value, "strikes": point.strikes, "message": message.id}
        await log.record(session, audit.Line("point.bad", f"point:{point.id}", facts), now=now)


async def opt_out(
    session: Session,
    medium: Medium,
    address: str,
    *,
    how: str,
    log: audit.Log,
    now: datetime,
    mandatory_too: bool = True,
) -> bool:
    """Write down that an address told us to stop. False when it was known already."""
    known = (
        await session.scalars(select(OptOut).where(OptOut.medium == medium, OptOut.address == address))
    ).one_or_none()
    if known is not None and (known.mandatory_too or not mandatory_too):
        return False
    row = known or OptOut(medium=medium, address=address, since=now, how=how)
    row.mandatory_too, row.how = mandatory_too, how
    session.add(row)
    await session.flush()
    await log.record(
        session, audit.Line("address.opted_out", f"opt_out:{row.id}", {"how": how, "medium": medium}), now=now
    )
    return True


async def opt_in(session: Session, medium: Medium, address: str, *, how: str, log: audit.Log, now: datetime) -> bool:
    """Write down that an address wants to hear again. False when it had never stopped."""
    row = (
        await session.scalars(select(OptOut).where(OptOut.medium == medium, OptOut.address == address))
    ).one_or_none()
    if row is None:
        return False
    await session.delete(row)
    await log.record(
        session, audit.Line("address.opted_in", f"opt_out:{row.id}", {"how": how, "medium": medium}), now=now
    )
    return True
